"""What a table says below it of its columns: where residuals still move together, by tests of all columns together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from digicarbon.errors import DataError, DigicarbonError
from digicarbon.model.tested import wild_draws
from digicarbon.note import Note
from digicarbon.numeric.resampling.step_down import step_down
from digicarbon.numeric.significance import is_significant
from digicarbon.packs.left_dependence.diagnostic.left_dependence import LeftDependence, in_words
from digicarbon.report.supplement import Supplement

if TYPE_CHECKING:
    import pandas as pd

    from digicarbon.model import Model
    from digicarbon.packs.left_dependence.numeric.dependence import Dependence
    from digicarbon.plan.runs import Run
    from digicarbon.result import Result

FILE = "left_dependence.json"
LEVEL = 0.05
"""The chance that a table with nothing left says something, at most."""


@dataclass(frozen=True)
class LeftRequest:
    """What is requested of the columns of a table of at most so many runs."""

    most: int
    folder: str = "left_dependence"
    file: str = FILE

    @property
    def places(self) -> tuple[str, ...]:
        """Where the notes are."""
        return (f"{self.folder}/{self.file}",)

    @property
    def key(self) -> Mapping[str, object]:
        """Nothing: the notes depend on the runs alone."""
        return {}

    def make(self, fits: Iterable[tuple[Run, Result]], executor: Any) -> LeftBelow:
        """Return the notes of the runs whose residuals can be tested."""
        return left_below(run for run, _ in fits)

    def read(self, text: str) -> LeftBelow:
        """Return what `LeftBelow.to_json` wrote; a `DataError` if the text is something else."""
        try:
            content = json.loads(text)
            return LeftBelow({label: tuple(map(Note.from_json, own)) for label, own in content.items()})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(Note("no_evidence_file", file=FILE, reason=str(error))) from error

    def fits(self, supplement: Supplement) -> bool:
        """Return whether a supplement has such notes."""
        return isinstance(supplement, LeftBelow)

    def tables(self, supplement: Supplement) -> Mapping[str, pd.DataFrame]:
        """Return no table."""
        return {}


@dataclass(frozen=True, eq=False)
class LeftBelow:
    """Notes on runs by their labels; none of a run without a test that fails."""

    notes: Mapping[str, tuple[Note, ...]]

    def to_json(self) -> str:
        """Return the notes as JSON."""
        return json.dumps({label: [note.to_json() for note in own] for label, own in self.notes.items()})


def left_below(runs: Iterable[Run]) -> LeftBelow:
    """Return notes on the runs whose residuals are found to move together, at `LEVEL` for all tests of all runs.

    Runs are tested by the same signs of units, and p values are those of the step-down test
    (`digicarbon.numeric.resampling.step_down`). Runs that cannot be tested, and those whose p values rest on errors
    that allow for dependence between units, are in no test.
    """
    tested: list[tuple[Run, LeftDependence, str, Dependence]] = []
    for run in runs:
        if allows_dependence(run.specs.model):
            continue
        try:
            test = LeftDependence(model=run.specs.model)
            tests = test.tests(run.prepared.panel, run.prepared.weights)
        except DigicarbonError:
            # no such model, or neither regions nor pairs of a W
            continue
        tested += [(run, test, name, one) for name, one in tests.items()]
    if not tested:
        return LeftBelow({})
    drawn = np.array([one.drawn for *_, one in tested], dtype=np.float32)
    adjusted = step_down(np.array([one.z for *_, one in tested]), drawn).adjusted
    failed: dict[str, tuple[LeftDependence, dict[str, float]]] = {}
    for (run, test, name, _), value in zip(tested, adjusted.tolist(), strict=True):
        if is_significant(value, LEVEL):
            failed.setdefault(run.label, (test, {}))[1][name] = value
    # columns that fail alike share a sentence
    alike: dict[tuple[tuple[str, ...], tuple[Note, ...]], dict[str, list[float]]] = {}
    for label, (test, own) in failed.items():
        alike.setdefault((tuple(own), test.mends(own)), {})[label] = list(own.values())
    notes: dict[str, tuple[Note, ...]] = {}
    for (pairs, mend), labels in alike.items():
        p = _span([value for own in labels.values() for value in own])
        notes |= dict.fromkeys(labels, (Note("left_below", pairs=in_words(pairs), p=p, mend=mend),))
    return LeftBelow(notes)


def allows_dependence(model: Model) -> bool:
    """Return whether the p values of a model rest on errors that allow for dependence between units."""
    if wild_draws(model):
        return False
    cov, cluster = getattr(model, "cov", ""), getattr(model, "cluster", "")
    return cov in ("driscoll_kraay", "conley", "beck_katz") or (cov == "cluster" and cluster in ("time", "both"))


def _span(p: list[float]) -> Note | str:
    low, high = f"{min(p):.3f}", f"{max(p):.3f}"
    return low if low == high else Note("span", low=low, high=high)
