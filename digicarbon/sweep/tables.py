"""The output of a sweep: the report's table and pictures, and all estimates in one file.

The table from an earlier command is used again if nothing that it shows has changed.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from itertools import islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeAlias, overload

from digicarbon import progress
from digicarbon.arrays import FloatArray
from digicarbon.config.files import ROOT, UNNAMED
from digicarbon.disk.cells import plain, plain_table
from digicarbon.errors import DigicarbonError, TrackingError
from digicarbon.executor import Executor
from digicarbon.note import Note, cut
from digicarbon.note.ending import own_code
from digicarbon.plan.reach import PACKAGE
from digicarbon.plan.runs import MOST_REASONS, Plan, Run
from digicarbon.render import from_json, to_json
from digicarbon.report import Labels, Record, Report, Table, attributed
from digicarbon.report.base import owners_of
from digicarbon.report.claim import Claim, Judged
from digicarbon.report.claim import judged as judged_by
from digicarbon.report.joint import EACH_FILE, Joint, each_of, joints_from_json, joints_to_json, metrics_of
from digicarbon.report.joint import FILE as JOINT
from digicarbon.report.kinds import Multiverse, Part
from digicarbon.report.labels import options_with_other_words
from digicarbon.report.picture import families
from digicarbon.report.supplement import Supplement
from digicarbon.result import Result, RunEffect
from digicarbon.spec import identity
from digicarbon.sweep.answer import brief_of_parts
from digicarbon.sweep.effects import Gathered
from digicarbon.sweep.joint import joint_test
from digicarbon.tracking import versions

if TYPE_CHECKING:
    import pandas as pd

ESTIMATES = "estimates.csv"
DRAWN = "pictures.json"
"""Names the latest pictures of a sweep, since the files of earlier commands stay in a store."""
TOGETHER = 64
"""Results that are read together."""
COLUMNS = ("coef", "se", "stat", "p", "low", "high")


Kept: TypeAlias = Callable[[str], Path | None]
"""Returns the path of a file of a sweep, or None if it is not on this disk."""


@dataclass(frozen=True)
class Shown:
    """The report of a sweep."""

    table: Table | None
    """None if every run failed, or if the report refuses."""
    refusal: DigicarbonError | None
    """Why there is no table."""
    pictures: tuple[str, ...]
    """Names of the report's own files."""
    files: Mapping[str, str | bytes | Path]
    """Contents by name: table, pictures, the joint test, and the path of the file of estimates."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Numbers of the sweep as a whole: the p values of its joint test."""
    lasts: bool = False
    """Whether the same runs give the same report again: a picture or joint test that fails today may succeed tomorrow.
    """
    answer: Note | None = None
    """The effect of the run, or how many runs have an effect of the usual sign; None where no run has one."""
    judged: Judged | None = None
    """Whether the experiment's claim holds; None where it makes none."""


class Records(Sequence[Record]):
    """The fitted runs of a sweep as a report sees them, in the order of the experiment.

    Results are read on each pass, and none is kept: a sweep of 100,000 runs takes no more memory than one of 1,000.

    ``indices``: positions of the runs in the plan, in order. ``read``: yields the results of runs at some positions, in
    their order. ``lacking``: number of further recorded runs whose results cannot be read. ``watchers``: called with
    the place, run and result of each fit that is read for a report.
    """

    def __init__(
        self, planned: Plan, indices: Sequence[int], read: Callable[[Sequence[int]], Iterator[Result]], lacking: int = 0
    ) -> None:
        self._planned, self._indices, self._read = planned, indices, read
        self.lacking = lacking
        self.watchers: list[Callable[[int, Run, Result], None]] = []

    @property
    def runs(self) -> list[Run]:
        """The runs, each fit once."""
        return [self._planned.runs[index] for index in self._indices]

    def __len__(self) -> int:
        if not self._planned.same:
            return len(self._indices)
        return sum(1 + len(self._planned.twins(self._planned.runs[index])) for index in self._indices)

    def __iter__(self) -> Iterator[Record]:
        rest = enumerate(self.results())
        # one thing for some runs before the next one, so that its code stays in the processor's cache
        while some := list(islice(rest, TOGETHER)):
            for watcher in self.watchers:
                for place, (run, result) in some:
                    watcher(place, run, result)
            yield from [record for _, (run, result) in some for record in self._of(run, result)]

    @overload
    def __getitem__(self, position: int) -> Record: ...
    @overload
    def __getitem__(self, position: slice) -> list[Record]: ...
    def __getitem__(self, position: int | slice) -> Record | list[Record]:
        chosen = range(len(self))[position]
        if isinstance(chosen, range):
            records = {place: one for place, one in enumerate(self) if place in chosen}
            return [records[place] for place in chosen]
        return next(islice(self, chosen, None))

    def results(self, first: int = 0) -> Iterator[tuple[Run, Result]]:
        """Yield each fit with its result, beginning at a place."""
        indices = self._indices[first:]
        for index, result in zip(indices, self._read(indices), strict=True):
            yield self._planned.runs[index], result

    def _of(self, run: Run, result: Result) -> Iterator[Record]:
        """Yield a run as the report sees it, and again for each named column with the same fit."""
        # only pictures need the panel
        chosen = self._planned.chosen(run)
        shared = (run.options, chosen, result, lambda: run.prepared.panel, run.prepared.simulated, run.choice.column)
        lacking = self._planned.lacking(run)
        for again, label in enumerate((run.label, *self._planned.twins(run))):
            yield Record(label, *shared, again=again > 0, lacking=lacking)


def show(
    planned: Plan,
    report: Report,
    records: Records,
    scratch: Path,
    executor: Executor,
    failures: Collection[tuple[str, Note]] = (),
    multiverse: Multiverse | None = None,
    claim: Claim | None = None,
    more: Sequence[Note] = (),
    kept: Kept = lambda name: None,
) -> Shown:
    """Make the report of a sweep; fitted runs are recorded even if it fails.

    A joint test, or a supplement, that the sweep has of the same runs is taken from there.

    ``scratch``: a folder for large files, which exist as long as it does. ``executor``: where a report's further fits
    are made. ``failures``: labels of the runs that failed, and why. ``multiverse``: the parts of the sweep that are
    counted apart, if the experiment names kinds of choices or makes a claim. ``more``: further notes of the sweep as a
    whole. ``kept``: returns the path of a file of the sweep, or None if it is not on this disk. Raises TrackingError if
    the disk is full.
    """
    place = scratch / ESTIMATES
    try:
        with place.open("w", encoding="utf-8", newline="") as file:
            estimates = _Estimates(file)
            parts = {"": None} if multiverse is None else {part.name: part for part in multiverse.main}
            effects = {name: _EffectsOf(part, report.run_effect) for name, part in parts.items()}
            each = [estimates, *effects.values()]
            records.watchers += [one.take for one in each]
            test = report.joint_request
            report = report.with_other_words(
                options_with_other_words([(run.options, run.choice.values) for run in planned.runs])
            )
            joints, untested, tested = _joints(report, records, multiverse, kept)
            judged = None
            if claim is not None and multiverse is not None:
                judged = judged_by(claim, multiverse, records, joints, planned.failed_fits)
            report = report.with_multiverse(multiverse, judged).with_joints(joints)
            supplement, unknown, made_from = _supplement(report, records, executor, kept)
            report = report.with_supplement(supplement)
            report = report.with_failed(len(failures) + records.lacking)
            with progress.phase(Note("phase_pictures")):
                pictures, lacking = _pictures(planned, report, records)
            with progress.phase(Note("phase_table")):
                # the command says why a column cannot run when it ends, and so does the page
                absences = absent(failures, planned.failed.items(), why=False)
                notes = (*stated(multiverse, judged), *untested, *unknown, *lacking, *absences, *more)
                table, refusal = _table_or_refusal(planned, report, records, notes)
                for one in each:
                    one.complete(records)
    except OSError as error:
        raise TrackingError(Note("estimates_not_written", folder=scratch, reason=error.strerror)) from error
    files: dict[str, str | bytes | Path] = {**pictures}
    if table is not None:
        files |= {"table.md": table.with_notes().to_markdown()}
        files |= {name: plain_table(part.named).to_csv() for name, part in table.by_file.items()}
    if joints and test is not None:
        files |= _made(test.folder, JOINT, joints_to_json(joints), {EACH_FILE: each_of(joints)}, tested)
        if untested:
            del files[f"{test.folder}/{MADE_FROM}"]
    request = report.supplement_request
    if supplement is not None and request is not None:
        files |= _made(request.folder, request.file, supplement.to_json(), request.tables(supplement), made_from)
    if estimates.count:
        files[ESTIMATES] = place
    answer = brief_of_parts({name: one.gathered.effects for name, one in effects.items()}, report.words)
    lasts = table is not None and not (lacking or untested or unknown or records.lacking)
    return Shown(table, refusal, tuple(pictures), files, metrics_of(joints), lasts, answer, judged)


def store_name(planned: Plan) -> str:
    """Return the sweep's name in MLflow and in a table without title."""
    return UNNAMED if planned.name == ROOT else planned.name


class _Each(ABC):
    """Sees each fit once, in order, while a report reads results: reading takes longer than what is made of them."""

    _next = 0

    def take(self, place: int, run: Run, result: Result) -> None:
        """See the fit at a place if it is the next one."""
        if place == self._next:
            self._next += 1
            self._see(run, result)

    def complete(self, records: Records) -> None:
        """See the fits that the report did not read."""
        for run, result in records.results(self._next):
            self.take(self._next, run, result)

    @abstractmethod
    def _see(self, run: Run, result: Result) -> None: ...


class _EffectsOf(_Each):
    """Gathers the effects of the runs of a part; of all runs if it is None."""

    def __init__(self, part: Part | None, run_effect: RunEffect) -> None:
        self._part, self.gathered = part, Gathered(run_effect)

    def _see(self, run: Run, result: Result) -> None:
        if self._part is None or run.label in self._part.labels:
            self.gathered.take(run.label, result)


class _Estimates(_Each):
    """Writes all coefficients: term, coef, se, stat, p, low, high, and label and hash of the run."""

    def __init__(self, file: TextIO) -> None:
        self.count = 0
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow(["term", *COLUMNS, "run", "hash"])

    def _see(self, run: Run, result: Result) -> None:
        if result.terms:
            columns = [_blank(result.estimate_columns[name]) for name in COLUMNS]
            self._rows.writerows(zip(map(plain, result.terms), *columns, repeat(plain(run.label)), repeat(run.key)))
        self.count += len(result.terms)


def _blank(values: FloatArray) -> Sequence[float | str]:
    """Return values, with an empty text for NaN."""
    plain: list[float] = values.tolist()
    # most columns have none
    return ["" if math.isnan(value) else value for value in plain] if math.isnan(sum(plain)) else plain


def _table_or_refusal(
    planned: Plan, report: Report, records: Records, more: Sequence[Note]
) -> tuple[Table | None, DigicarbonError | None]:
    if not len(records):
        return None, None
    notes = [(run.label, run.prepared.notes) for run in planned.runs]
    simulated = any(run.prepared.simulated for run in planned.runs)
    try:
        with own_code(type(report)):
            table = report.table(_title(planned), records)
        return finished(table, report.words, notes, simulated, records.lacking, more), None
    except DigicarbonError as error:
        return None, error


def absent(
    failures: Collection[tuple[str, Note]], columns: Collection[tuple[str, Note]], why: bool = True
) -> tuple[Note, ...]:
    """Return the notes on runs that a table lacks since they failed, and on columns that cannot run.

    ``failures``, ``columns``: labels and why they are not in the table. ``why``: whether the notes give the
    reasons of columns, too.
    """
    notes: list[Note] = []
    if failures:
        notes.append(Note("runs_failed", runs=len(failures), labels=cut((label for label, _ in failures), 8)))
        notes += _reasons(failures)
    if columns:
        notes.append(Note("columns_cannot_run", columns=len(columns), labels=cut((label for label, _ in columns), 8)))
        notes += _reasons(columns) if why else []
    return tuple(notes)


def _reasons(items: Collection[tuple[str, Note]]) -> list[Note]:
    first_items = islice(items, MOST_REASONS)
    return [Note("why_not_shown", label=label, reason=reason) for label, reason in first_items if str(reason)]


def finished(
    table: Table,
    words: Labels,
    notes: Sequence[tuple[str, Sequence[Note]]],
    simulated: bool,
    lacking: int = 0,
    more: Sequence[Note] = (),
) -> Table:
    """Return a report's table with the notes and title of the sweep.

    ``words``: the report's. ``notes``: notes on the preparation of each run, by label. ``simulated``: whether any data
    are simulated. ``lacking``: number of further recorded runs whose results cannot be read. ``more``: further notes.
    """
    if lacking:
        more = (*more, Note("unreadable", runs=lacking))
    title = words.title(table.title, simulated)
    owners = owners_of(table)
    of_runs = attributed([(owners.get(label, label), of_run) for label, of_run in notes])
    return replace(table, title=title, notes=(*table.notes, *words.notes((*more, *of_runs))))


def _joints(
    report: Report, records: Records, multiverse: Multiverse | None, kept: Kept
) -> tuple[dict[str, Joint], tuple[Note, ...], str]:
    """Return the joint test of each main part that a report asks for, notes on those that cannot be made, and its key.

    A test never costs the table. All parts share the draws, since signs belong to units.
    """
    test = report.joint_request
    if test is None or not len(records):
        return {}, (), ""
    parts = [None] if multiverse is None else multiverse.main
    key = _made_from([asdict(test), [part and [part.name, sorted(part.labels)] for part in parts]], records.runs)
    before = _made_before(f"{test.folder}/{JOINT}", key, kept)
    if before is not None:
        return joints_from_json(before), (), key
    joints: dict[str, Joint] = {}
    notes: list[Note] = []
    for part in parts:
        fits = ((run, result) for run, result in records.results() if part is None or run.label in part.labels)
        name = "" if part is None else part.name
        try:
            joints[name] = joint_test(fits, test.quantity, test.draws, test.seed, test.level, test.term, test.method)
        except DigicarbonError as error:
            note = Note("no_joint_test", reason=error)
            notes.append(Note("of_labels", labels=(name,), note=note) if name else note)
    return joints, tuple(notes), key


def stated(multiverse: Multiverse | None, judged: Judged | None) -> tuple[Note, ...]:
    """Return notes on what an experiment states: its claim with the verdicts, and the kinds of its choices."""
    return (*(() if judged is None else judged.notes), *(() if multiverse is None else multiverse.notes))


def _supplement(
    report: Report, records: Records, executor: Executor, kept: Kept
) -> tuple[Supplement | None, tuple[Note, ...], str]:
    """Return what a report needs beyond results, or a note that says why there is none, and its key."""
    request = report.supplement_request
    if request is None or not 0 < len(records) <= (request.most or len(records)):
        return None, (), ""
    key = _made_from([dict(request.key), [run.options["model"] for run in records.runs]], records.runs)
    before = _made_before(f"{request.folder}/{request.file}", key, kept)
    if before is not None:
        return request.read(before), (), key
    try:
        return request.make(records.results(), executor), (), key
    except DigicarbonError as error:
        return None, (Note("no_evidence", reason=error),), key


MADE_FROM = "made_from.txt"
"""Beside what is made of all runs: the key of what it was made from, and a hash of its content."""


def _made_from(what: object, runs: Sequence[Run]) -> str:
    """Return a key that is equal where something is made of the same runs, in their order, by the same code."""
    # scales of terms are the measure's; weights of one run may filter the errors of another
    measures = {id(run.specs.measure): run.specs.measure for run in runs}
    scales = {place: identity(measure) for place, measure in measures.items()}
    each = []
    for run in runs:
        weights = run.prepared.weights
        each.append([run.key, run.label, scales[id(run.specs.measure)], None if weights is None else weights.digest])
    return hashlib.sha256(json.dumps([_code(), what, each]).encode()).hexdigest()


def _made(folder: str, name: str, content: str, tables: Mapping[str, pd.DataFrame], key: str) -> dict[str, str]:
    """Return the files of what is made of all runs, with the seal that says what of."""
    plain_tables = {table: plain_table(frame).to_csv(index=False) for table, frame in tables.items()}
    files = {name: content, **plain_tables, MADE_FROM: _sealed(key, content)}
    return {f"{folder}/{file}": text for file, text in files.items()}


def _sealed(key: str, content: str) -> str:
    return f"{key} {hashlib.sha256(content.encode()).hexdigest()}"


def _made_before(name: str, key: str, kept: Kept) -> str | None:
    """Return what the sweep has under a name if it was made from the same; None else, and where it was changed."""
    place, seal = kept(name), kept(f"{name.rpartition('/')[0]}/{MADE_FROM}")
    if place is None or seal is None:
        return None
    try:
        content = place.read_text(encoding="utf-8")
        return content if seal.read_text(encoding="utf-8") == _sealed(key, content) else None
    except (OSError, ValueError):
        return None


def _pictures(planned: Plan, report: Report, records: Records) -> tuple[Mapping[str, bytes], tuple[Note, ...]]:
    """Return the report's further files, or a note that says why there are none: they never cost the table."""
    title = report.words.title(_title(planned), simulated=False)
    try:
        with own_code(type(report)):
            return (report.files(title, records) if len(records) else {}), ()
    except DigicarbonError as error:
        return {}, (Note("no_pictures", reason=error),)


def _title(planned: Plan) -> str:
    return planned.title or store_name(planned)


RECORDED = "table.json"
"""Name of the table's file among the files of a sweep."""


def key_of(roster: bytes, title: str, report: Report, more: Sequence[Note] = (), data: str = "") -> str:
    """Return a key that is equal for sweeps with the same table and pictures; empty if that cannot be known.

    ``roster``: all runs with their hashes, labels, choices and notes. ``report``: a class from outside the package may
    read anything, so that its key is empty. ``more``: further notes of the sweep as a whole. ``data``: the fingerprint
    of all data: maps show columns that no model reads.
    """
    if type(report).__module__.partition(".")[0] != __package__.partition(".")[0]:
        return ""
    sha = hashlib.sha256(roster)
    shown = [title, identity(report), *(note.to_json() for note in more)]
    fonts = families() if getattr(report, "pictures", ()) and find_spec("matplotlib") else ()
    files = [file.read_bytes() if file.is_file() else b"" for file in report.reads]
    sha.update(json.dumps([_code(), shown, data, fonts, [hashlib.sha256(one).hexdigest() for one in files]]).encode())
    return sha.hexdigest()


def _code() -> list[str]:
    """Return what is equal as long as the package and those that compute and draw for it are the same."""
    endings = (".py", ".csv")
    files = sorted(
        Path(folder, name) for folder, _, names in os.walk(PACKAGE) for name in names if name.endswith(endings)
    )
    return [
        *(f"{file.name} {status.st_size} {status.st_mtime_ns}" for file in files if (status := file.stat())),
        *(f"{name} {version}" for name, version in versions().items()),
    ]


def drawn(shown: Shown, report: Report) -> dict[str, str]:
    """Return the file that names the pictures and the report that drew them, by name."""
    return {DRAWN: json.dumps({"report": drawer(report), "pictures": list(shown.pictures)})}


def drawer(report: Report) -> str:
    """Return a text that is equal for reports that draw the same pictures of the same runs, but for words."""
    return identity(report, frozenset({"labels"}))


def recorded(shown: Shown, key: str) -> dict[str, str]:
    """Return the file by which a later command shows the table, by name; empty if the table should be made again."""
    if not key or shown.table is None or not shown.lasts:
        return {}
    files = {name: _digest(content) for name, content in sorted(shown.files.items())}
    content = {"key": key, "files": files, "pictures": shown.pictures, "table": to_json(shown.table)}
    return {RECORDED: json.dumps(content)}


def _digest(content: str | bytes | Path) -> str:
    if isinstance(content, Path):
        with content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def shown_before(key: str, place: Callable[[str], Path | None]) -> Shown | None:
    """Return what the sweep showed before, by `key_of`; None if it would show something else today."""
    path = place(RECORDED)
    if not key or path is None:
        return None
    try:
        content = json.loads(path.read_bytes())
        if content["key"] != key:
            return None
        table = from_json(content["table"])
        files = {name: where for name in content["files"] if (where := place(name)) is not None}
        if {name: _digest(where) for name, where in files.items()} != content["files"]:
            return None
        return Shown(table, None, tuple(content["pictures"]), files, lasts=True)
    except (OSError, ValueError, LookupError, TypeError):
        # the table of a damaged file is made again
        return None
