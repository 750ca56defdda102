"""All numbers of a recorded sweep, by run and name, those that a package expects, and how two sets of them differ."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import pandas as pd

from digicarbon.disk.cells import as_csv, plain_table
from digicarbon.recorded._sweep import RecordedSweep
from digicarbon.recorded.differences import SAME, SMALLEST_REBUILT, TOLERANCE, differences
from digicarbon.render import Table
from digicarbon.result import Result
from digicarbon.tracking import Planned

NUMBERS = "numbers.csv"
"""The file of an experiment with its numbers to full precision."""
EXPECTED = "expected"
"""The folder of a package with a folder of such a file for each of its experiments."""
PLAN = "software/rebuild.json"
"""The file of a package that lists its experiments, with the folder of each."""
HEAD = ("run", "number", "value")
WHOLE = "all runs together"
"""Stands for a run where a number belongs to the whole sweep."""
YES = {True: "yes", False: "no"}
COMPARISON = ("experiment", "run", "number", "expected", "rebuilt", "difference", "equal")

Numbers = Mapping[str, Mapping[str, float]]
"""Numbers by run and name."""


@dataclass(frozen=True)
class Compared:
    """A number that was expected and the one that came out.

    ``expected``, ``rebuilt``: empty where one side lacks it. ``difference``: relative to the larger of the two; 1 where
    one side lacks it, and for cells whose texts differ.
    """

    experiment: str
    run: str
    number: str
    expected: str
    rebuilt: str
    difference: float

    @property
    def equal(self) -> bool:
        """Whether the numbers are the same, up to the rounding of another computer."""
        return self.difference <= SAME

    @property
    def exact(self) -> bool:
        """Whether they are the same up to the last digits."""
        return self.difference <= TOLERANCE


@dataclass(frozen=True)
class Expected:
    """What a package expects of an experiment: the folder of its numbers, and the files of its tables in it."""

    name: str
    folder: Path
    tables: Sequence[str]

    @property
    def numbers(self) -> Numbers:
        """The numbers of its runs."""
        return read((self.folder / NUMBERS).read_bytes())


def expected_of(package: Path) -> tuple[str, list[Expected]]:
    """Return the version that made a package, and what it expects of its experiments.

    Raises OSError, ValueError, KeyError, TypeError if its list of experiments is damaged.
    """
    plan = json.loads((package / PLAN).read_text(encoding="utf-8"))
    experiments = [
        Expected(str(one["name"]), package / EXPECTED / str(one["folder"]), one.get("tables", ()))
        for one in plan["experiments"]
    ]
    return str(plan["version"]), experiments


def numbers_of(sweep: RecordedSweep) -> dict[str, dict[str, float]]:
    """Return the numbers of all runs of a sweep by label: estimates, effects, statistics, and those of tables."""
    numbers = {run.label: dict(of_result(result)) for run, (_, result) in _results(sweep)}
    if sweep.joint is not None:
        numbers[WHOLE] = dict(_cells("joint test", sweep.joint.statistics))
    return numbers


def written(numbers: Numbers) -> bytes:
    """Return numbers as a CSV file from which they are read to the last bit."""
    return as_csv(HEAD, ((run, name, repr(value)) for run, own in numbers.items() for name, value in own.items()))


def read(content: bytes) -> dict[str, dict[str, float]]:
    """Return the numbers of a file that `written` made; a ValueError for a cell or a head that is none of these."""
    numbers: dict[str, dict[str, float]] = {}
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
    if tuple(rows.fieldnames or ()) != HEAD:
        raise ValueError(f"the columns are {rows.fieldnames}, not {list(HEAD)}")
    for row in rows:
        numbers.setdefault(row["run"], {})[row["number"]] = float(row["value"])
    return numbers


def cells_of(table: Table | None) -> dict[str, bytes]:
    """Return a table as it is shown, and those below it, as CSV files; none if there is no table."""
    parts = {} if table is None else table.by_file
    return {name: plain_table(one.named).to_csv().encode("utf-8-sig") for name, one in parts.items()}


def compared(experiment: str, expected: Numbers, rebuilt: Numbers) -> Iterator[Compared]:
    """Yield every number of either side with its difference."""
    for run in dict.fromkeys([*expected, *rebuilt]):
        frame = differences(expected.get(run, {}), rebuilt.get(run, {}), SMALLEST_REBUILT)
        for name, then, now, difference in frame.itertuples():
            yield Compared(experiment, run, str(name), _text(then), _text(now), float(difference))


def compared_cells(experiment: str, name: str, expected: bytes, rebuilt: bytes) -> Iterator[Compared]:
    """Yield every cell of a table that is shown, those below the head and beside the first column."""
    then, now = (cells(content) for content in (expected, rebuilt))
    for place in dict.fromkeys([*then, *now]):
        before, after = then.get(place), now.get(place)
        row, column = place
        yield Compared(
            experiment, name, f"row {row}, column {column}", before or "", after or "", float(before != after)
        )


def cells(content: bytes) -> dict[tuple[int, int], str]:
    """Return the cells of a CSV file by row and column, from one."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    return {(row, column): cell for row, cells in enumerate(rows, 1) for column, cell in enumerate(cells, 1)}


def largest_first(rows: Iterable[Compared]) -> list[Compared]:
    """Return compared numbers by the size of their difference."""
    return sorted(rows, key=lambda row: -row.difference)


def comparison(rows: Iterable[Compared]) -> bytes:
    """Return a comparison as a CSV file, the largest differences first."""
    each = (
        (one.experiment, one.run, one.number, one.expected, one.rebuilt, f"{one.difference:.3g}", YES[one.equal])
        for one in largest_first(rows)
    )
    return as_csv(COMPARISON, each)


def _results(sweep: RecordedSweep) -> Iterator[tuple[Planned, tuple[str, Result]]]:
    fitted = sweep.fitted
    return zip((run for run, _ in fitted), sweep.results.read(run_id for _, run_id in fitted), strict=True)


def of_result(result: Result) -> Iterator[tuple[str, float]]:
    """Yield the name and the value of each number of a run."""
    for kind, frame in (("estimate", result.estimates), ("effect", result.effects)):
        for place, row in enumerate(frame.itertuples(), 1):
            key = row[0]
            term = " ".join(map(str, key)) if isinstance(key, tuple) else str(key)
            yield from _finite(
                (f"{kind} {place}, {term}, {column}", value) for column, value in zip(frame, row[1:], strict=True)
            )
    yield from _finite((f"statistic, {name}", value) for name, value in result.statistics.items())
    for name, table in result.tables.items():
        yield from _cells(f"table {name}", table)


def _cells(name: str, table: pd.DataFrame) -> Iterator[tuple[str, float]]:
    for place, row in enumerate(table.itertuples(), 1):
        label = " ".join(map(str, row[0])) if isinstance(row[0], tuple) else str(row[0])
        cells = zip(table.columns, row[1:], strict=True)
        yield from _finite((f"{name}, row {place} ({label}), {column}", value) for column, value in cells)


def _finite(items: Iterable[tuple[str, object]]) -> Iterator[tuple[str, float]]:
    for name, value in items:
        if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
            yield name, float(value)


def _text(value: float) -> str:
    return "" if pd.isna(value) else repr(float(value))
