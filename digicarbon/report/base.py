"""The kind of specification that turns results into a table."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, PrivateAttr

from digicarbon.config.files import override
from digicarbon.note import Note, cut, note_of
from digicarbon.panel import Panel
from digicarbon.render import Table as Table
from digicarbon.report.joint import Joint, JointRequest
from digicarbon.report.labels import Labels, Language
from digicarbon.report.supplement import Supplement, SupplementRequest
from digicarbon.result import Result, RunEffect
from digicarbon.spec import Spec

if TYPE_CHECKING:
    # both read records
    from digicarbon.report.claim import Judged
    from digicarbon.report.kinds import Multiverse

MOST_LABELS = 4
"""A note on more runs gives their number instead of labels."""
MOST_RUNS = 60
"""How many runs reports show side by side by default, at most."""
MostRuns = Annotated[int, Field(ge=1)]
"""How many runs are shown side by side, at most; more are summarised."""
Decimals = Annotated[int, Field(ge=0, le=12)]
"""Digits after the decimal point."""
_BESIDE, _SEED = Note("side_by_side"), Note("seed", seed="")


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
        Makes the panel of the fit, for pictures; made only when needed, so that thousands of records hold no panels.
    simulated : bool
        Whether the data are simulated, which pictures say.
    column : str or None
        The experiment's column that it belongs to.
    again : bool
        Whether an earlier record shows the same fit, for another column: tables with a column per run show both, and
        counts leave this one out.
    lacking : tuple of str
        The keys of ``varied`` that have no effect on this run.
    """

    label: str
    options: Mapping[str, str]
    varied: Mapping[str, Any]
    result: Result
    panel: Callable[[], Panel] | None = None
    simulated: bool = False
    column: str | None = None
    again: bool = False
    lacking: tuple[str, ...] = ()


class Report(Spec):
    """A specification of a table of results.

    Attributes
    ----------
    labels : mapping of str to str
        Words for terms and variables (``e: Digital economy``), choices (``model.effects: Fixed effects``), their values
        (``weights=mine: My weights``) and columns; they take precedence over those of experiment, options and package.
    language : {"en", "zh"} or None
        Of the shipped words (``digicarbon/data/labels.csv``). None leaves names as the specification has them.
    """

    role: ClassVar[str] = "report"

    labels: Mapping[str, str] = {}
    language: Language | None = "en"

    _multiverse: Multiverse | None = PrivateAttr(default=None)
    _judged: Judged | None = PrivateAttr(default=None)
    _beside: frozenset[str] = PrivateAttr(default=frozenset())

    @property
    def cited(self) -> tuple[str, ...]:
        """As of any specification, and the work behind the kinds of choices where the experiment has them."""
        return super().cited if self._multiverse is None else (*super().cited, *self._multiverse.references)

    @property
    def words(self) -> Labels:
        """What variables and rows are called."""
        return Labels(self.language, self.labels, self._beside)

    def request_words(self, option: str, *fields: str) -> str:
        """Return the words of a command line that ask for a shipped report with the values of some fields."""
        values = {name: getattr(self, name) for name in fields}
        given = {name: value for name, value in values.items() if value != type(self).model_fields[name].default}
        texts = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
        return shlex.join([f"report={option}", *(override(f"report.{name}", text) for name, text in texts.items())])

    def with_labels(self, labels: Mapping[str, str]) -> Self:
        """Return the report with further words; its own take precedence."""
        return self.model_copy(update={"labels": {**labels, **self.labels}}) if labels else self

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return one table over all records.

        Parameters
        ----------
        title : str
        records : sequence of Record
            In the order of the experiment. Those of a large sweep are read again on each pass, so that memory does not
            grow with their number: read each once, and keep numbers, not records.

        Raises
        ------
        ConfigError
            If the records do not have what the report shows, or a field names what none of them has.
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

    def seconds(self, runs: int, rows: int) -> float:
        """Return about how many seconds beyond a second or two the report of so many runs takes, for plans.

        ``rows``: of the panel of a run.
        """
        return 0.0

    @property
    def run_effect(self) -> RunEffect:
        """Which number of a run is its effect in MLflow: the metric ``focal.effect`` and the tag of its sign."""
        return RunEffect()

    @property
    def reads(self) -> tuple[Path, ...]:
        """The files that the report reads beside what the runs hold, e.g. one of polygons; none by default."""
        return ()

    @property
    def joint_request(self) -> JointRequest | None:
        """The joint test that this report shows; None for reports without one."""
        return None

    @property
    def supplement_request(self) -> SupplementRequest | None:
        """What this report needs to know of all runs beyond their results; None for reports that need nothing."""
        return None

    def with_supplement(self, supplement: Supplement | None) -> Report:
        """Return this report with the supplement that it asked for; None where there is none."""
        return self

    @property
    def multiverse(self) -> Multiverse | None:
        """The parts of the sweep that are counted apart; None where all runs are counted together."""
        return self._multiverse

    @property
    def judged(self) -> Judged | None:
        """Whether the experiment's claim holds; None where it makes none."""
        return self._judged

    def with_other_words(self, beside: frozenset[str]) -> Self:
        """Return the report with the options that have other words, see `options_with_other_words`."""
        report = self.model_copy()
        report._beside = beside
        return report

    def with_multiverse(self, multiverse: Multiverse | None, judged: Judged | None = None) -> Self:
        """Return the report with the parts of the sweep, and with what became of the experiment's claim."""
        report = self
        if multiverse is not None and self.language is not None:
            report = self.with_labels(self._alone(multiverse))
        report = report.model_copy()
        report._multiverse = None if multiverse is None or not multiverse.kinds else multiverse
        report._judged = judged
        return report

    def _alone(self, multiverse: Multiverse) -> dict[str, str]:
        """Return options without words as their own words, by which parts stand beside others that have words."""
        words = self.words
        options: dict[str, str] = {}
        for key in dict.fromkeys(key for part in multiverse.parts for key in part.choices if "." not in key):
            values = dict.fromkeys(part.choices[key] for part in multiverse.parts)
            bare = [value for value in values if words.option(key, value) == value]
            options |= {f"{key}={value}": value for value in bare} if len(bare) < len(values) else {}
        return options

    def with_failed(self, runs: int) -> Report:
        """Return the report for a sweep of which so many runs failed; most leave it to a note below their table."""
        return self

    def with_joint(self, joint: Joint | None) -> Report:
        """Return this report with the joint test that it asked for; None where there is none, which the sweep says."""
        return self

    def with_joints(self, joints: Mapping[str, Joint]) -> Report:
        """Return this report with the joint test of each main part of a multiverse, by its name."""
        return self.with_joint(next(iter(joints.values())) if len(joints) == 1 else None)


def heads(records: Iterable[Record], words: Labels) -> list[str]:
    """Return what each run is called in a table or picture; runs of equal words keep their labels."""
    labels = [record.label for record in records]
    named = [words.head(label) for label in labels]
    times = Counter(named)
    return [name if times[name] == 1 else label for name, label in zip(named, labels, strict=True)]


def summarised(count: int, words: Note = _BESIDE, again: int = 0) -> Note:
    """Return the note that the table of some fits is a summary, how to show each run, and where all numbers are.

    ``words`` say what the runs would be if there were more room; ``again`` columns have a fit that is already counted.
    """
    return Note("summary", runs=count, most=count + again, what=words)


def counted_once(again: int) -> tuple[Note, ...]:
    """Return the note on columns whose fit is already counted for another column, if there are any."""
    return (Note("counted_once", choices=again),) if again else ()


def counted_notes(number: Mapping[Note, int], every: int) -> tuple[Note, ...]:
    """Return notes; one that does not hold for all runs says for how many it does.

    Those that differ only in numbers of `SPANNING`, e.g. of observations, are one note, with the smallest and the
    largest number.
    """
    alike: dict[Note, list[tuple[Note, int]]] = {}
    for note, n in number.items():
        alike.setdefault(_without(note, SPANNING.get(note.code, ())), []).append((note, n))
    together = [(_ranged([note for note, _ in same]), sum(n for _, n in same)) for same in alike.values()]
    return tuple(note if n == every else Note("of_runs", runs=n, every=every, note=note) for note, n in together)


SPANNING: Mapping[str, tuple[str, ...]] = {
    "lee_yu_likelihood": ("observations",),
    "chi2_observations": ("observations",),
    "at_boundary": ("low", "high"),
    "old_at_boundary": ("low", "high"),
    "rho_beyond": ("low", "high"),
    "lambda_beyond": ("low", "high"),
    "wild_lost": ("share",),
    "wild_units": ("changed", "tested"),
    "dynamic_unstable": ("largest",),
    "long_run_null_unstable": ("largest",),
    "dynamic_uncorrected": ("periods",),
    "dynamic_uncorrected_unstable": ("periods",),
    "dynamic_lee_yu": ("periods",),
    "dynamic_no_correction": ("periods",),
    "dynamic_neither": ("periods",),
    "few_units_wild": ("units", "smallest"),
    "unit_leverage": ("share",),
    "unit_effects_rejected": ("statistic", "p"),
}
"""Fields in which notes of many runs differ, by code: e.g. observations, or both ends of a parameter's range."""


def _without(note: Note, fields: Sequence[str]) -> Note:
    return note.changed(**dict.fromkeys(fields, "")) if fields else note


def _ranged(notes: Sequence[Note]) -> Note:
    """Return one note for notes that differ only in such numbers."""
    first = notes[0]
    spans = {}
    for field in SPANNING.get(first.code, ()):
        values = [note[field] for note in notes]
        low, high = min(values), max(values)
        spans[field] = low if low == high else Note("span", low=low, high=high)
    return first.changed(**spans) if spans else first


@dataclass(frozen=True)
class Owner:
    """A run as notes name it."""

    name: str
    """Its label, the words for its choices, or the number of its column."""
    parts: tuple[tuple[str, str], ...]
    """Its choices, each with its key, by which several runs may be named at once."""

    @classmethod
    def of(cls, label: str) -> Owner:
        """Return a run that is named by its label."""
        return cls(label, tuple((part.partition("=")[0] if "=" in part else "", part) for part in label.split(", ")))


def owners_of(table: Table) -> Mapping[str, Owner]:
    """Return the runs of a table's columns as its notes name them, by their labels."""
    if not table.names:
        return {}
    above = zip(*([words for words, count in line for _ in range(count)] for line in table.levels), strict=True)
    parts = [tuple((str(level), words) for level, words in enumerate(one)) for one in above] or [()] * len(table.names)
    return {
        name: Owner(str(head), one or (("", str(head)),))
        for name, head, one in zip(table.names, table.cells.columns, parts, strict=True)
    }


def notes_of(records: Sequence[Record]) -> tuple[Note, ...]:
    """Return the notes of all results, each once; one that does not hold for all names its runs."""
    return attributed([(record.label, record.result.notes) for record in records])


def attributed(notes_by_run: Sequence[tuple[str | Owner, Sequence[Note | str]]]) -> tuple[Note, ...]:
    """Return the notes of runs, each once; one that does not hold for all names its runs.

    Runs are named by what they have in common, e.g. ``outcome=total``, else by their labels or, if many, their number.
    Notes that differ only in a seed become one, with the smallest and the largest seed.
    """
    owners: dict[Note, list[str]] = {}
    for run, notes in notes_by_run:
        # a user's report may give sentences
        for note in dict.fromkeys(map(note_of, notes)):
            owners.setdefault(note, []).append(run.name if isinstance(run, Owner) else run)
    owners = _seeds_together(owners)
    runs_of: dict[tuple[str, str], set[str]] = {}
    # where all runs say the same, as in most sweeps, no run has to be named
    for run, _ in notes_by_run if any(len(labels) < len(notes_by_run) for labels in owners.values()) else ():
        owner = run if isinstance(run, Owner) else Owner.of(run)
        for part in owner.parts:
            runs_of.setdefault(part, set()).add(owner.name)
    return tuple(
        note if len(labels) == len(notes_by_run) else _owned(note, labels, runs_of, len(notes_by_run))
        for note, labels in owners.items()
    )


def _seeds_together(owners: Mapping[Note, list[str]]) -> dict[Note, list[str]]:
    """Return labels by note; notes that differ only in a seed become one that names all seeds."""
    alike: dict[Note, list[Note]] = {}
    for note in owners:
        alike.setdefault(_with_seeds(note, iter(())), []).append(note)
    together = {}
    for same in alike.values():
        note = same[0] if len(same) == 1 else _with_seeds(same[0], _seeds(same))
        together[note] = list(dict.fromkeys(label for one in same for label in owners[one]))
    return together


def _seeds(notes: Sequence[Note]) -> Iterator[Note]:
    """Yield the words for each seed in notes that differ only in seeds, e.g. ``seeds 1 to 200``."""
    columns = zip(*([part["seed"] for part in note.parts() if part.code == "seed"] for note in notes), strict=True)
    for column in columns:
        seeds = sorted(set(column))
        whole = len(seeds) > 2 and seeds[-1] - seeds[0] + 1 == len(seeds)
        if len(seeds) == 1:
            yield Note("seed", seed=seeds[0])
        elif whole:
            yield Note("seeds_between", first=seeds[0], last=seeds[-1])
        else:
            yield Note("some_seeds", count=len(seeds), seeds=cut(seeds))


def _with_seeds(note: Note, seeds: Iterator[Note]) -> Note:
    """Return a note with its seeds replaced in order by ``seeds``; where these run out, without a number."""

    def put(part: Note) -> Note:
        return next(seeds, _SEED) if part.code == "seed" else part

    return note.with_parts(put)


def _owned(note: Note, labels: Sequence[str], runs_of: Mapping[tuple[str, str], set[str]], runs: int) -> Note:
    """Return a note with its runs: as values of one key that only they have, as labels, or as a number."""
    own = set(labels)
    by_key: dict[str, list[tuple[str, str]]] = {}
    for part, runs_with in runs_of.items():
        if runs_with <= own:
            by_key.setdefault(part[0], []).append(part)
    fitting = [parts for parts in by_key.values() if set().union(*(runs_of[part] for part in parts)) == own]
    if fitting:
        fewest = min(fitting, key=len)
        texts = [text for _, text in fewest]
        # all parts of one label, e.g. of the column "FE, lag", are the label itself
        texts = [", ".join(texts)] if ", ".join(texts) in own else texts
        return Note("of_labels", labels=cut(texts, 8), note=note)
    if len(labels) <= MOST_LABELS:
        return Note("of_labels", labels=labels, note=note)
    return Note("of_runs", runs=len(labels), every=runs, note=note)
