"""The whole specification curve without each unit: every specification is fitted again to the sample that lacks it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from digicarbon import progress
from digicarbon.diagnostic import NoDiagnostic
from digicarbon.disk.files import Scratch
from digicarbon.errors import DigicarbonError
from digicarbon.executor import Executor
from digicarbon.model.batch import Estimand, estimate_of
from digicarbon.model.tested import Tested
from digicarbon.note import Note, note_of
from digicarbon.packs.one_answer.report.evidence import LeftOut
from digicarbon.panel import Selection
from digicarbon.plan.runs import Run
from digicarbon.result import Result
from digicarbon.sweep import engine
from digicarbon.sweep.engine import Work
from digicarbon.sweep.shared import Shared, Task
from digicarbon.weights import Islands, Weights


@dataclass(frozen=True, eq=False)
class Fit:
    """A specification that is fitted again.

    ``numbers``: estimate, standard error and p value in the whole sample.
    """

    run: Run
    estimand: Estimand
    numbers: tuple[float, float, float]


def numbers_of(result: Result, estimand: Estimand) -> tuple[float, float, float]:
    """Return estimate, standard error and the p value of both; not-a-number where there is no estimate."""
    found = estimate_of(result, estimand)
    if found is None or not found[1] > 0:
        return float("nan"), float("nan"), float("nan")
    columns = result.inference.columns(np.array(found[0]), np.array(found[1]))
    return found[0], found[1], float(columns["p"])


def left_out(fits: Sequence[Fit], executor: Executor) -> LeftOut:
    """Fit specifications again without each unit.

    The sample is the run's one without the rows of the unit; W is that of the other units, normalised anew as its
    specification says. A unit that is not in the sample of a run changes nothing of it. p values are those of the
    standard errors, in the whole sample, too: the wild bootstrap would be drawn for each of thousands of fits.
    """
    panels = [one.run.prepared.panel for one in fits]
    units = tuple(sorted({unit for panel in panels for unit in panel.units}))
    numbers = np.array([one.numbers for one in fits])
    estimates, p = (np.repeat(numbers[:, [column]], 1 + len(units), axis=1) for column in (0, 2))
    own = [frozenset(panel.units) for panel in panels]
    every = [(place, unit) for unit in range(len(units)) for place in range(len(fits)) if units[unit] in own[place]]
    reasons: dict[int, Note] = {}
    with Scratch() as scratch, progress.phase(Note("phase_without_units"), len(every)) as advance:
        tasks = _Tasks(fits, units, every, None if executor.remote else scratch.path)
        possible = [index for index in range(len(every)) if tasks.check(index, reasons)]
        kinds = [fits[place].run.options.get("model", "") for place, _ in every]
        classes = {type(one.run.specs.model) for one in fits}
        is_own = any(cls.__module__.split(".")[0] != "digicarbon" for cls in classes)
        done = len(every) - len(possible)
        with closing(engine.fitted(Work(tasks.task, possible, kinds, executor, is_own))) as answers:
            for answer in answers:
                for one in answer:
                    place, unit = every[one.index]
                    if one.result is None:
                        reasons[one.index] = one.why or Note("why_not_finite")
                    else:
                        at = place, 1 + unit
                        estimates[at], _, p[at] = numbers_of(one.result, fits[place].estimand)
                        if np.isnan(estimates[at]):
                            reasons[one.index] = _why(one.result)
                done += len(answer)
                advance(done)
    for index in reasons:
        place, unit = every[index]
        estimates[place, 1 + unit] = p[place, 1 + unit] = np.nan
    first: dict[int, int] = {}
    for index in sorted(reasons):
        first.setdefault(every[index][0], index)
    return LeftOut(
        labels=tuple(one.run.label for one in fits),
        units=units,
        estimates=estimates,
        p=p,
        se=numbers[:, 1],
        quantities=tuple(one.estimand.quantity for one in fits),
        terms=tuple(one.estimand.term for one in fits),
        in_space=any(one.run.prepared.weights is not None for one in fits),
        reasons=tuple((fits[place].run.label, units[every[at][1]], reasons[at]) for place, at in sorted(first.items())),
    )


def _why(result: Result) -> Note:
    """Return why a result has no estimate."""
    if result.end:
        return Note("why_beyond" if result.end_beyond else "why_at_boundary", parameter=result.end)
    return Note("why_not_finite")


class _Tasks:
    """Makes tasks, unit by unit: only what the current unit's fits share is kept.

    Each task has the places of a specification and of a unit; workers of this machine read files of the folder.
    """

    def __init__(
        self, fits: Sequence[Fit], units: Sequence[str], every: Sequence[tuple[int, int]], folder: Path | None
    ) -> None:
        self._fits, self._units, self._every, self._folder = fits, units, every, folder
        models = (one.run.specs.model for one in fits)
        self._models = [model.by_errors if isinstance(model, Tested) else model for model in models]
        self._unit = -1
        self._shared: dict[tuple[str, int], Any] = {}

    def check(self, index: int, reasons: dict[int, Note]) -> bool:
        """Return whether the weights of a task exist; if not, note why."""
        try:
            self._parts(index)
        except DigicarbonError as error:
            reasons[index] = note_of(error)
            return False
        return True

    def task(self, index: int) -> Task:
        """Return the task."""
        place, _ = self._every[index]
        run = self._fits[place].run
        selection, weights = self._parts(index)
        return Task(index, self._models[place], NoDiagnostic(), run.prepared.terms, selection, weights)

    def _parts(self, index: int) -> tuple[Shared[Selection], Shared[Weights] | None]:
        place, unit = self._every[index]
        if unit != self._unit:
            self._unit, self._shared = unit, {}
        run, model = self._fits[place].run, self._models[place]
        stage, weights = run.prepared.shared, run.prepared.weights
        key = "selection", id(stage)
        if key not in self._shared:
            self._shared[key] = Shared(without(stage.selection, self._units[unit]), self._folder)
        if weights is None or not (model.uses_weights or model.may_use_weights):
            return self._shared[key], None
        of_weights = "weights", id(weights)
        if of_weights not in self._shared:
            islands: Islands = "keep" if getattr(run.specs.weights, "islands", "refuse") == "keep" else "refuse"
            others = [one for one in weights.labels if one != self._units[unit]]
            self._shared[of_weights] = Shared(weights.restrict(others, islands), self._folder)
        return self._shared[key], self._shared[of_weights]


def without(selection: Selection, unit: str) -> Selection:
    """Return a selection whose sample lacks a unit."""
    panel = selection.panel
    code = panel.units.index(unit)
    return Selection(selection.design, panel, selection.keep & (panel.unit_codes != code), selection.outliers)
