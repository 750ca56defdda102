"""The kind of specification that turns results into a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from digicarbon.errors import counted, listing
from digicarbon.panel import Panel
from digicarbon.render import Table as Table
from digicarbon.report.joint import Joint, JointRequest
from digicarbon.report.labels import Labels, Language
from digicarbon.result import Asked, Result
from digicarbon.spec import Spec

MOST_LABELS = 4
"""A note of more runs gives their number."""
MOST_RUNS = 60
"""Up to so many runs reports show side by side by default."""
MostRuns = Annotated[int, Field(ge=1)]
"""Up to how many runs stand side by side; more are summarised."""


@dataclass(frozen=True, eq=False)
class Record:
    """A fitted run as a report sees it.

    Attributes
    ----------
    label : str
    options : mapping of str to str
        The option of each config group.
    varied : mapping of str to object
        What this run chose differently from the others.
    result : Result
    panel : callable or None
        Makes the panel that it was fitted to, for pictures: thousands of records hold none.
    simulated : bool
        Whether the data are simulated, which pictures say.
    column : str or None
        The experiment's column that it belongs to.
    again : bool
        Whether a record before it shows the same fit, for another column: it has a place of its own where runs stand
        side by side, and counts leave it out.
    """

    label: str
    options: Mapping[str, str]
    varied: Mapping[str, Any]
    result: Result
    panel: Callable[[], Panel] | None = None
    simulated: bool = False
    column: str | None = None
    again: bool = False


class Report(Spec):
    """A specification of a table of results.

    Attributes
    ----------
    labels : mapping of str to str
        Words for terms or variables, e.g. ``{e: Digital economy}``; they go before the shipped ones.
    language : {"en", "zh"} or None
        Of the shipped words (``digicarbon/data/labels.csv``). None leaves variables as the specification names them.
    """

    role: ClassVar[str] = "report"

    labels: Mapping[str, str] = {}
    language: Language | None = None

    @property
    def words(self) -> Labels:
        """What variables and rows are called."""
        return Labels(self.language, self.labels)

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return one table over all records.

        Parameters
        ----------
        title : str
        records : sequence of Record
            In the order of the experiment. Those of a large sweep are read anew on each pass, so that memory does not
            grow with their number: look at each once, and keep numbers, not records.
        """
        raise TypeError(f"{type(self).__name__} does not say how it is laid out; define `table`.")

    def files(self, title: str, records: Sequence[Record]) -> Mapping[str, bytes]:
        """Return further files, e.g. pictures, by name; they are stored beside the table.

        Parameters
        ----------
        title, records
            As in `table`.
        """
        return {}

    def seconds(self, runs: int) -> float:
        """Return about how long the report of so many runs takes beyond a second or two, for what a plan says."""
        return 0.0

    @property
    def asked(self) -> Asked:
        """Which number of a run is its effect in MLflow: the metric ``focal.effect`` and the tag of its sign."""
        return Asked()

    @property
    def joint_request(self) -> JointRequest | None:
        """The joint test that this report shows; None for reports without one."""
        return None

    def with_joint(self, joint: Joint) -> Report:
        """Return this report with the joint test that it asked for."""
        return self


def summarised(count: int, words: str = "stand side by side", again: int = 0) -> str:
    """Return the sentence that tells of a summary, how to have each run and where all numbers are.

    Parameters
    ----------
    count : int
        Fits.
    words : str
        What more room would let them do.
    again : int
        Columns that came to one of these fits.
    """
    return (
        f"A summary of {count:,} runs; report.most_runs={count + again} "
        f"lets all of them {words}. Every coefficient of every run is in estimates.csv, and every number in "
        "results.parquet, beside this table."
    )


def counted_once(again: int) -> tuple[str, ...]:
    """Return the note on columns that came to a fit that another column has, if there are any."""
    return (f"{counted(again, 'more choice')} came to the same fits; each fit is counted once.",) if again else ()


def counted_notes(number: Mapping[str, int], every: int) -> tuple[str, ...]:
    """Return notes with how many runs each holds for, where it is not common to all.

    Those that differ only in a number of observations, or in the range of a spatial parameter, are one note, with the
    smallest and the largest number.
    """
    alike: dict[str, list[tuple[str, int]]] = {}
    for note, n in number.items():
        alike.setdefault(_NUMBERS.sub("#", note), []).append((note, n))
    together = [(_ranged([note for note, _ in same]), sum(n for _, n in same)) for same in alike.values()]
    return tuple(note if n == every else f"{n} of {counted(every, 'run')}: {note}" for note, n in together)


_NUMBERS = re.compile(
    r"(?<![\w.,])\d+(?= (?:effective )?observations\b)|(?<=of its range \()-?[\d.]+(?=, )|(?<=, )-?\d+\.\d+(?=\): )"
)
"""Numbers in which notes of many runs differ: observations, and both ends of the range of a spatial parameter."""


def _ranged(notes: Sequence[str]) -> str:
    """Return notes that differ in such numbers only as one."""
    columns = iter(list(zip(*(_NUMBERS.findall(note) for note in notes), strict=True)))

    def range_of(_: re.Match[str]) -> str:
        found = next(columns)
        low, high = min(found, key=float), max(found, key=float)
        return low if low == high else f"{low} to {high}"

    return _NUMBERS.sub(range_of, notes[0])


def notes_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the notes of all results, each once; one that is not common to all names its runs."""
    return attributed([(record.label, record.result.notes) for record in records])


def attributed(said: Sequence[tuple[str, Sequence[str]]]) -> tuple[str, ...]:
    """Return the notes of labelled runs, each once; one that is not common to all says whose it is.

    Runs are named by what they have in common, e.g. ``outcome=total``, else by their labels or, of many, their number.
    Notes that differ in a seed only are one, with the smallest and the largest.
    """
    owners: dict[str, list[str]] = {}
    for label, notes in said:
        for note in dict.fromkeys(notes):
            owners.setdefault(note, []).append(label)
    owners = _seeds_together(owners)
    having: dict[str, set[str]] = {}
    # where all runs say the same, as most sweeps do, nobody has to be named
    for label, _ in said if any(len(labels) < len(said) for labels in owners.values()) else ():
        for part in label.split(", "):
            having.setdefault(part, set()).add(label)
    return tuple(
        note if len(labels) == len(said) else f"{_whose(labels, having, len(said))}: {note}"
        for note, labels in owners.items()
    )


_SEED = re.compile(r"\bseed (\d+)")


def _seeds_together(owners: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Return labels by note, those of notes that differ in a seed only under one that has all of these."""
    alike: dict[str, list[str]] = {}
    for note in owners:
        alike.setdefault(_SEED.sub("seed #", note), []).append(note)
    together = {}
    for same in alike.values():
        note = same[0] if len(same) == 1 else _with_seeds(same)
        together[note] = list(dict.fromkeys(label for one in same for label in owners[one]))
    return together


def _with_seeds(notes: Sequence[str]) -> str:
    """Return notes that differ in seeds only as one, e.g. with ``seeds 1 to 200``."""
    columns = iter(list(zip(*(map(int, _SEED.findall(note)) for note in notes), strict=True)))

    def seeds(_: re.Match[str]) -> str:
        found = sorted(set(next(columns)))
        if len(found) == 1:
            return f"seed {found[0]}"
        whole = len(found) == found[-1] - found[0] + 1 and len(found) > 2
        return f"seeds {found[0]} to {found[-1]}" if whole else f"{len(found)} seeds: {listing(found)}"

    return _SEED.sub(seeds, notes[0])


def _whose(labels: Sequence[str], having: Mapping[str, set[str]], runs: int) -> str:
    """Return some runs in words: the values of one key that they and no others have, their labels, or their number."""
    own = set(labels)
    by_key: dict[str, list[str]] = {}
    for part, found in having.items():
        if found <= own:
            by_key.setdefault(part.partition("=")[0] if "=" in part else "", []).append(part)
    fitting = [parts for parts in by_key.values() if set().union(*(having[part] for part in parts)) == own]
    if fitting:
        fewest = min(fitting, key=len)
        return listing(fewest, 8)
    return listing(labels) if len(labels) <= MOST_LABELS else f"{len(labels)} of {runs} runs"
