"""The numbers of a package beside those of a recorded sweep or of another package."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from digicarbon.errors import DataError, counted
from digicarbon.note import Note
from digicarbon.package.build import EXPECTED, PLAN
from digicarbon.package.numbers import NUMBERS, SAME, Compared, Numbers, compared, read
from digicarbon.recorded.differences import TOLERANCE
from digicarbon.render import Table


@dataclass(frozen=True, eq=False)
class Source:
    """What has the numbers of one or more experiments.

    Attributes
    ----------
    heading : str
        What it is.
    experiments : mapping of str to callable
        Returns the numbers of each experiment.
    """

    heading: str
    experiments: Mapping[str, Callable[[], Numbers]]


def is_package(word: str) -> bool:
    """Return whether a word is the folder of a package."""
    return (Path(word) / PLAN).is_file()


def package_of(word: str) -> Source:
    """Return the expected numbers of a package.

    Raises
    ------
    DataError
        If its list of experiments is damaged.
    """
    folder = Path(word)
    try:
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        files = {str(one["name"]): folder / EXPECTED / str(one["folder"]) / NUMBERS for one in plan["experiments"]}
        version = str(plan["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(Note("compare_package_unreadable", file=folder / PLAN, reason=str(error))) from error
    heading = f"package {word}, digicarbon {version}"
    return Source(heading, {name: partial(_numbers, file) for name, file in files.items()})


def _numbers(file: Path) -> Numbers:
    try:
        return read(file.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(Note("compare_package_unreadable", file=file, reason=str(error))) from error


def against(then: Source, now: Source) -> list[Compared]:
    """Return every number of the experiments that are in both, with its difference.

    Parameters
    ----------
    then, now : Source
    """
    both = [name for name in then.experiments if name in now.experiments]
    return [row for name in both for row in compared(name, then.experiments[name](), now.experiments[name]())]


def said_of(then: Source, now: Source, rows: Sequence[Compared]) -> Iterator[str]:
    """Yield how many numbers differ, and which experiments are on one side only."""
    differ = [row for row in rows if not row.exact]
    runs = len({(row.experiment, row.run) for row in rows})
    first = f"{counted(len(rows), 'number')} of {counted(runs, 'run')}"
    if not differ:
        yield f"{first}: none differs by more than {TOLERANCE:g}."
    else:
        verb = "differs" if len(differ) == 1 else "differ"
        large = sum(not row.equal for row in differ)
        yield f"{first}: {len(differ):,} {verb} by more than {TOLERANCE:g}, {large:,} by more than {SAME:g}."
        yield "A package has no record of where its numbers come from: two recorded sweeps also say why they moved."
    for letter, one, other in (("A", then, now), ("B", now, then)):
        alone = [name for name in one.experiments if name not in other.experiments]
        if alone:
            yield f"{counted(len(alone), 'experiment')} only in {letter}: {', '.join(alone)}."


def table_of(rows: Sequence[Compared], most: int) -> Table | None:
    """Return the numbers that differ, the largest differences first; None if none does.

    Parameters
    ----------
    rows : sequence of Compared
    most : int
        How many are shown.
    """
    differ = sorted((row for row in rows if not row.exact), key=lambda row: -row.difference)
    if not differ:
        return None
    shown = differ[:most]
    cells = pd.DataFrame(
        {
            "run": [row.run for row in shown],
            "number": [row.number for row in shown],
            "in A": [row.expected for row in shown],
            "in B": [row.rebuilt for row in shown],
            "difference": [f"{row.difference:.2g}" for row in shown],
        },
        index=[row.experiment for row in shown],
    )
    more = (f"{len(differ) - most:,} more numbers differ; a CSV file (--to) has all.",) if len(differ) > most else ()
    return Table("Numbers that differ, the largest differences first", cells, notes=more)


def frame_of(rows: Sequence[Compared]) -> pd.DataFrame:
    """Return a row for each number: experiment, run, number, value_a, value_b, difference."""
    return pd.DataFrame(
        [(row.experiment, row.run, row.number, row.expected, row.rebuilt, row.difference) for row in rows],
        columns=["experiment", "run", "number", "value_a", "value_b", "difference"],
    )
