"""A recorded run as other tools see it: its columns, its numbers, and the model that they have for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from digicarbon.model import Model
from digicarbon.plan.prepare import Prepared, Specs
from digicarbon.result import Result
from digicarbon.script import Extract


@dataclass(frozen=True, eq=False)
class Case:
    """A run that is exported.

    Attributes
    ----------
    number : int
        From 1, in the order of the scripts.
    run_id, label : str
    model : Model
    extract : Extract
        What it was fitted to.
    result : Result
        What was recorded.
    """

    number: int
    run_id: str
    label: str
    model: Model
    extract: Extract
    result: Result

    @property
    def title(self) -> str:
        """Number and label, in one line."""
        return f"{self.number}: {' '.join(self.label.split())}"

    def matrix(self, names: Mapping[str, str]) -> str:
        """Return what the weights are called in scripts, given names by digest; empty where there are none."""
        return "" if self.extract.weights is None else names[self.extract.weights.digest]


def case_of(number: int, run_id: str, label: str, specs: Specs, prepared: Prepared, result: Result) -> Case | None:
    """Return a run as other tools see it; None where nothing is regressed.

    Raises
    ------
    DigicarbonError
        If the columns of the model cannot be made.
    """
    model, panel = specs.model, prepared.panel
    if not model.y:
        return None
    weights = None if prepared.weights is None else prepared.weights.align(panel)
    return Case(number, run_id, label, model, model.extract(panel, weights), result)
