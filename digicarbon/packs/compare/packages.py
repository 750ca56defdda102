"""The numbers of a package beside those of a recorded sweep or of another package."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, labels_cut
from digicarbon.packs.compare.words import LISTED
from digicarbon.recorded.differences import SAME, TOLERANCE
from digicarbon.recorded.numbers import (
    NUMBERS,
    PLAN,
    WHOLE,
    Compared,
    Expected,
    Numbers,
    compared,
    expected_of,
    largest_first,
)
from digicarbon.render import Table
from digicarbon.report.labels import Labels


@dataclass(frozen=True, eq=False)
class Source:
    """What has the numbers of one or more experiments."""

    heading: Note
    """What it is."""
    experiments: Mapping[str, Callable[[], Numbers]]
    """Returns the numbers of each experiment."""


def is_package(word: str) -> bool:
    """Return whether a word is the folder of a package."""
    return (Path(word) / PLAN).is_file()


def package_of(word: str) -> Source:
    """Return the expected numbers of a package; a `DataError` if its list of experiments is damaged."""
    try:
        version, experiments = expected_of(Path(word))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(Note("compare_package_unreadable", file=Path(word) / PLAN, reason=str(error))) from error
    heading = Note("compare_package", folder=word, version=version)
    return Source(heading, {one.name: partial(_numbers, one) for one in experiments})


def _numbers(one: Expected) -> Numbers:
    try:
        return one.numbers
    except (OSError, ValueError) as error:
        raise DataError(Note("compare_package_unreadable", file=one.folder / NUMBERS, reason=str(error))) from error


@dataclass(frozen=True)
class Against:
    """What two sources of numbers have in common, and what one of them has alone.

    ``rows``: every number of the runs that are in both. ``runs``: how many these are. ``alone``: the runs of one side
    only: those of ``A`` and of ``B``. ``numbers_alone``: their numbers.
    """

    rows: Sequence[Compared]
    runs: int
    alone: Mapping[str, Sequence[str]]
    numbers_alone: Sequence[Compared]


def against(then: Source, now: Source) -> Against:
    """Compare the numbers of the experiments that are in both."""
    rows: list[Compared] = []
    numbers_alone: list[Compared] = []
    runs: set[tuple[str, str]] = set()
    alone: dict[str, list[str]] = {"A": [], "B": []}
    for name in (name for name in then.experiments if name in now.experiments):
        one, other = then.experiments[name](), now.experiments[name]()
        # the numbers of a whole sweep are no run, so that one side may lack them
        both = {run for run in {*one, *other} if run == WHOLE or (run in one and run in other)}
        runs |= {(name, run) for run in both - {WHOLE}}
        for letter, side in (("A", one), ("B", other)):
            alone[letter] += [run for run in side if run not in both]
        for row in compared(name, one, other):
            (rows if row.run in both else numbers_alone).append(row)
    return Against(rows, len(runs), alone, numbers_alone)


def said_of(then: Source, now: Source, result: Against) -> Iterator[Note]:
    """Yield how many numbers differ, and which runs and experiments are on one side only."""
    differ = [row for row in result.rows if not row.exact]
    counts = {"numbers": len(result.rows), "runs": result.runs, "tolerance": TOLERANCE}
    if not differ:
        yield Note("compare_package_equal", **counts)
    else:
        large = sum(not row.equal for row in differ)
        yield Note("compare_package_differs", **counts, differing=len(differ), large=large, larger=SAME)
    for letter, runs in result.alone.items():
        if runs:
            yield Note("compare_runs_only_in", runs=len(runs), side=letter, names=labels_cut(runs, LISTED))
    for letter, one, other in (("A", then, now), ("B", now, then)):
        alone = [name for name in one.experiments if name not in other.experiments]
        if alone:
            yield Note("compare_experiments_only_in", experiments=len(alone), side=letter, names=alone)
    if differ:
        yield Note("compare_package_without_reasons")


def table_of(rows: Sequence[Compared], most: int, words: Labels) -> Table | None:
    """Return the numbers that differ, the largest differences first and ``most`` of them; None if none does."""
    differ = largest_first(row for row in rows if not row.exact)
    if not differ:
        return None
    shown = differ[:most]
    columns = {
        "compared: run": [row.run for row in shown],
        "compared: number": [row.number for row in shown],
        "in A": [row.expected for row in shown],
        "in B": [row.rebuilt for row in shown],
        "difference": [f"{row.difference:.2g}" for row in shown],
    }
    cells = pd.DataFrame(
        {words.word(name): texts for name, texts in columns.items()}, index=[row.experiment for row in shown]
    )
    more = [Note("compare_more_numbers", numbers=len(differ) - most)] if len(differ) > most else []
    title = words.cell(Note("compare_numbers_that_differ"))
    return Table(title, cells, notes=words.notes(more), language=words.spoken)


def frame_of(result: Against) -> pd.DataFrame:
    """Return a row for each number: experiment, run, number, value_a, value_b, difference.

    The difference is empty for runs that are on one side only.
    """
    rows = [*result.rows, *(replace(row, difference=float("nan")) for row in result.numbers_alone)]
    return pd.DataFrame(
        [(row.experiment, row.run, row.number, row.expected, row.rebuilt, row.difference) for row in rows],
        columns=["experiment", "run", "number", "value_a", "value_b", "difference"],
    )
