"""Data and neighbours of the default experiment: drawn by the whole repository, and read from files here."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydantic
from filelock import FileLock

from digicarbon.errors import DataError, WeightsError
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.source import Inputs, Source
from digicarbon.weights import Weights
from digicarbon.weights.base import IslandsPlaced, WeightsSpec

HERE = Path(__file__).parent
WHOLE = "DIGICARBON_WHOLE"
"""Names the folder of the repository from which nothing was deleted."""


class SimulatedSource(Source):
    """Inputs that the pack draws with the same fields; regions and places are columns, since no country is known.

    Attributes
    ----------
    seed : int
        The seed of the generator.
    size : {"provinces", "cities", "counties"}
        How many units there are.
    first_year : int
        The first year.
    last_year : int
        The last year.
    process : {"fe", "sdm"}
        The model that is true.
    driver : str
        The measure whose log carries the effect.
    beta : float
        Coefficient of that log.
    curves : mapping
        Drivers whose effect is a curve.
    regions : mapping
        Drivers whose effect differs by region.
    moderation : float
        By how much the effect rises with the log of GDP per head.
    triple : float
        By how much this rises with the log of tertiary over secondary value added.
    theta : float
        Coefficient of the neighbours' log measure.
    rho : float
        Coefficient of the neighbours' outcome.
    gamma : tuple of float
        Coefficients of the controls.
    sigma : float
        Standard deviation of the error.
    neighbours : str
        The W that is true.
    unit_effects : bool
        Whether units differ.
    """

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
    gamma: tuple[float, ...] = pydantic.Field(strict=False, default=(-0.3, 0.2, 0.1, -0.15, -0.03))
    sigma: float = 0.05
    neighbours: str = "w1_adjacency"
    unit_effects: bool = True

    def load(self) -> Inputs:
        """Return the inputs, which are drawn when they are asked for first.

        Raises
        ------
        DataError
            If the pack refuses the fields.
        """
        fields = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        file = HERE / f"{hashlib.sha256(fields.encode()).hexdigest()}.pickle"
        with FileLock(f"{file}.lock"):
            if not file.exists():
                _draw(fields, file)
        inputs: Inputs = pickle.loads(file.read_bytes())
        return inputs


class AdjacencyWeights(WeightsSpec):
    """Which units are neighbours, as it was before the pack was deleted.

    Attributes
    ----------
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled.
    islands : {"refuse", "keep", "nearest"}
        What to do with a unit without neighbour.
    """

    normalise: Any = "row"
    islands: IslandsPlaced = "refuse"

    def compute(self, panel: Panel) -> Weights:
        """Return the weights of the panel's units.

        Raises
        ------
        WeightsError
            If a unit is none of the pack's country.
        """
        names, matrix = _neighbours()
        if not set(panel.units) <= set(names):
            asking = Note("option_of_group", group="weights", option="w1_adjacency")
            raise WeightsError(Note("weights_no_country", first=asking, remedy=""))
        place = [names.index(unit) for unit in panel.units]
        links = matrix[np.ix_(place, place)]
        islands = "refuse" if self.islands == "nearest" else self.islands
        return Weights.from_matrix(links, panel.units, islands=islands, name="W1", normalise=self.normalise)


@cache
def _neighbours() -> tuple[list[str], Any]:
    found: tuple[list[str], Any] = pickle.loads((HERE / "neighbours.pickle").read_bytes())
    return found


def _draw(fields: str, file: Path) -> None:
    whole = Path(os.environ[WHOLE])
    places = os.pathsep.join([str(whole), str(whole / "digicarbon" / "plugins")])
    done = subprocess.run(
        [sys.executable, str(whole / "tests" / "without" / "draw.py"), fields, str(file)],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        check=False,
        encoding="utf-8",
    )
    if done.returncode:
        raise DataError(done.stderr.strip().splitlines()[-1])
