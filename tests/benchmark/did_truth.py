"""Bias and coverage of every estimator of a policy's effect, in simulated worlds whose effects are known.

Run from the repository: ``python tests/benchmark/did_truth.py [--seeds 200] [--only WORLD …] [--units 60 285]``.

A seed draws units, dates and errors: three cohorts, 40 % of the units without the policy, 15 years, errors of
variance 1. The overall effect is compared with the mean effect on all rows under the policy, the effect at an event
time with the mean effect on the rows at this event time. The regressions on one dummy, on event times and on stacks
weigh cohorts in their own way: what they miss these means by is their bias. ``z`` is the bias over its simulation
error, ``se/sd`` the mean standard error over the standard deviation of the estimates; of event times from 0 on and
before it there are the largest bias and the mean coverage of 95 % intervals. In the last world everybody gets the
policy in the end: the truth is that of years in which some unit is still without it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.errors import DigicarbonError
from digicarbon.packs.policies.model.did import Estimator
from digicarbon.panel import PanelDesign
from digicarbon.source import SimulatedPolicy

LARGE = 3.5
"""Simulation errors from which a bias is marked."""


@dataclass(frozen=True)
class World:
    """What is simulated, and what the model knows of it."""

    source: dict[str, Any]
    model: dict[str, Any] = field(default_factory=dict)
    until_last: bool = False


WORLDS = {
    "homogeneous": World({"world": "homogeneous"}),
    "heterogeneous": World({"world": "heterogeneous"}),
    "anticipation": World({"world": "anticipation"}),
    "anticipation, model knows": World({"world": "anticipation"}, {"anticipation": 1}),
    "spillovers": World({"world": "spillovers"}),
    "fast, all in the end": World(
        {"world": "heterogeneous", "never": 0.0, "growth": 0.5}, {"compare": "not_yet"}, until_last=True
    ),
}
ESTIMATORS: tuple[str, ...] = get_args(Estimator)


@dataclass
class Tally:
    """Estimates, truths and hits of one estimator, by what is estimated: ``None`` is the overall effect."""

    errors: dict[int | None, list[float]] = field(default_factory=dict)
    truths: dict[int | None, list[float]] = field(default_factory=dict)
    ses: dict[int | None, list[float]] = field(default_factory=dict)
    hits: dict[int | None, list[bool]] = field(default_factory=dict)

    def add(self, what: int | None, truth: float, coef: float, se: float, low: float, high: float) -> None:
        self.errors.setdefault(what, []).append(coef - truth)
        self.truths.setdefault(what, []).append(truth)
        self.ses.setdefault(what, []).append(se)
        self.hits.setdefault(what, []).append(low <= truth <= high)

    def row(self) -> dict[str, float]:
        """Return the numbers of the overall effect, and those of event times from 0 on and before."""
        errors = np.array(self.errors[None])
        sd = errors.std(ddof=1)
        events = [event for event in self.errors if event is not None]
        numbers = {
            "truth": float(np.mean(self.truths[None])),
            "bias": errors.mean(),
            "z": errors.mean() / (sd / np.sqrt(len(errors))),
            "sd": sd,
            "se/sd": np.mean(self.ses[None]) / sd,
            "coverage": np.mean(self.hits[None]),
        }
        for name, own in (("after", [e for e in events if e >= 0]), ("before", [e for e in events if e < 0])):
            if own:
                biases = [np.mean(self.errors[event]) for event in own]
                worst = int(np.argmax(np.abs(biases)))
                numbers |= {
                    f"{name}: worst bias": biases[worst],
                    f"{name}: coverage": np.mean([np.mean(self.hits[event]) for event in own]),
                }
        return numbers


def truths(source: SimulatedPolicy, world: World) -> tuple[float, dict[int, float]]:
    """Return the overall effect and those by event time."""
    cells = source.truth().cells
    if world.until_last:
        cells = cells[cells["time"] < max(source.cohorts)]
        cells = cells[cells["cohort"] < max(source.cohorts)]
    under = cells[cells["event"] >= 0]
    by_event = cells.dropna(subset=["event"]).groupby("event")["direct"].mean()
    return float(under["direct"].mean()), {int(event): float(value) for event, value in by_event.items()}


def fits(panel: dc.Panel, estimator: str, options: dict[str, Any]) -> Iterator[tuple[int | None, list[float]]]:
    """Yield coef, se, low and high of the overall effect, then of event times."""
    for aggregate in ("overall", "event") if estimator != "twfe" else ("overall",):
        try:
            model = dc.DiD(y="y", policy="pilot", estimator=estimator, aggregate=aggregate, test="errors", **options)
        except ValueError:
            continue
        result = model.fit(panel)
        columns = [result.estimate_columns[name] for name in ("coef", "se", "low", "high")]
        if aggregate == "overall":
            yield None, [float(column[0]) for column in columns]
            continue
        for term, part in result.focal_levels.items():
            if part.number is not None:
                place = result.terms.index(term)
                yield int(part.number), [float(column[place]) for column in columns]


def table(name: str, n: int, memory: float, seeds: int) -> pd.DataFrame:
    """Return a row for each estimator that has an answer in a world."""
    world = WORLDS[name]
    tallies = {estimator: Tally() for estimator in ESTIMATORS}
    for seed in range(1, seeds + 1):
        source = SimulatedPolicy(seed=seed, n=n, memory=memory, **world.source)
        panel = PanelDesign(policy={"pilot": "adopted"}).assemble(source.load().frame, "unit", "year")
        overall, by_event = truths(source, world)
        for estimator, tally in tallies.items():
            try:
                for what, numbers in fits(panel, estimator, world.model):
                    truth = overall if what is None else by_event.get(what)
                    if truth is not None:
                        tally.add(what, truth, *numbers)
            except DigicarbonError:
                # no comparison for this estimator in this world
                continue
    rows = {estimator: tally.row() for estimator, tally in tallies.items() if tally.errors.get(None)}
    return pd.DataFrame.from_dict(rows, orient="index")


def main(seeds: int, only: Sequence[str], units: Sequence[int], memories: Sequence[float]) -> None:
    """Print a table for each world and size."""
    start = time.process_time()
    for name in only or WORLDS:
        for n in units:
            for memory in memories:
                found = table(name, n, memory, seeds)
                marks = ["bias" if abs(z) > LARGE else "" for z in found["z"]]
                found["mark"] = [
                    " ".join(filter(None, (mark, "coverage" if coverage < 0.92 else "")))
                    for mark, coverage in zip(marks, found["coverage"], strict=True)
                ]
                shown = found.to_string(float_format=lambda value: f"{value:.3f}", na_rep="")
                sys.stdout.write(f"\n{name}: {n} units, memory {memory:g}, {seeds} seeds\n{shown}\n")
                sys.stdout.flush()
    sys.stdout.write(f"\n{time.process_time() - start:.0f} CPU seconds\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--only", nargs="*", default=(), choices=list(WORLDS))
    parser.add_argument("--units", nargs="*", type=int, default=(60, 285))
    parser.add_argument("--memory", nargs="*", type=float, default=(0.0, 0.6))
    given = parser.parse_args()
    main(given.seeds, given.only, given.units, given.memory)
