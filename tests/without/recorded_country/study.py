"""Data and neighbours of the default experiment, read from the file in which `record` has left them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from digicarbon.errors import DataError
from digicarbon.panel import Panel
from digicarbon.source import Inputs, Source
from digicarbon.weights import Weights
from digicarbon.weights.base import IslandsPlaced, WeightsSpec

DRAWN = Path(__file__).parent / "drawn.pickle"
"""Inputs by the fields of their source, and the matrix of neighbours with the names of its units."""


class SimulatedSource(Source):
    """Inputs that were drawn before, by the fields of their source; others are refused."""

    seed: int = 1
    size: str = "provinces"
    first_year: int = 2012
    last_year: int = 2017
    process: str = "sdm"
    driver: str = "e"
    beta: float = -0.12
    curves: Mapping[str, Any] = pydantic.Field(default_factory=dict)
    regions: Mapping[str, Any] = pydantic.Field(default_factory=dict)
    moderation: float = 0.0
    triple: float = 0.0
    theta: float = 0.05
    rho: float = 0.4
    gamma: Any = (-0.3, 0.2, 0.1, -0.15, -0.03)
    sigma: float = 0.05
    neighbours: str = "w1_adjacency"
    unit_effects: bool = True

    def load(self) -> Inputs:
        """Return the inputs that were drawn with these fields."""
        fields = key(self.model_dump(mode="json"))
        if fields not in _drawn()["inputs"]:
            raise DataError(f"{fields} was not drawn before the pack was deleted")
        inputs: Inputs = _drawn()["inputs"][fields]
        return inputs


class AdjacencyWeights(WeightsSpec):
    """Which units are neighbours, as it was before the pack was deleted."""

    normalise: Any = "row"
    islands: IslandsPlaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights of the panel's units."""
        names, matrix = _drawn()["neighbours"]
        place = [names.index(unit) for unit in panel.units]
        links = np.asarray(matrix)[np.ix_(place, place)]
        return Weights.from_matrix(links, panel.units, islands=self.islands, name="W1", normalise=self.normalise)


def key(fields: Mapping[str, Any]) -> str:
    """Return the fields that decide what is drawn."""
    return json.dumps({name: value for name, value in fields.items() if name != "controls"}, sort_keys=True)


@cache
def _drawn() -> Mapping[str, Any]:
    found: Mapping[str, Any] = pickle.loads(DRAWN.read_bytes())
    return found
