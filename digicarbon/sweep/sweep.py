"""A sweep: the runs that its store lacks are fitted and written as they come, and a report is made of all."""

from __future__ import annotations

import _thread
import hashlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from types import FrameType
from typing import Any, Self, TypeVar

import yaml

from digicarbon.config import yaml_text
from digicarbon.config.compose import Composer
from digicarbon.config.files import LABELS, ROOT
from digicarbon.disk.files import Scratch
from digicarbon.errors import ConfigError, Interrupt
from digicarbon.executor import Executor
from digicarbon.executor.memory import peak_memory
from digicarbon.model.tested import asks_for_wild, wild_draws
from digicarbon.note import Note, cut, suggestion
from digicarbon.note.about import at, key_of
from digicarbon.numeric.significance import is_significant
from digicarbon.panel import variables_of
from digicarbon.plan.runs import Plan, Run, require
from digicarbon.plan.words import check_texts_of_report, labels
from digicarbon.progress import Advance, phase
from digicarbon.report import Report, Table
from digicarbon.report.claim import Claim, claim_of
from digicarbon.report.claim import check as check_claim
from digicarbon.report.joint import JointRequest
from digicarbon.report.kinds import multiverse_of
from digicarbon.report.kinds import recorded as recorded_kinds
from digicarbon.result import EFFECTS, Result
from digicarbon.spec import Spec, build
from digicarbon.sweep import engine, provenance, statement, tables
from digicarbon.sweep.answer import description
from digicarbon.sweep.engine import Fitted, Work
from digicarbon.sweep.provenance import FINGERPRINT, ledger
from digicarbon.sweep.shared import SharedPanels
from digicarbon.sweep.tables import Records, show, store_name
from digicarbon.tracking import EXPERIMENT, OVERRIDES, PEAK_MEMORY, ROSTER, Entry, Row, Store, StoredResults, Tracking


class WhenQuiet:
    """A context within which a function is called after each pause that lasts long enough.

    A sweep writes when answers come. If one run takes minutes, in this process or in a worker, earlier results would
    wait in memory all that time, and be lost if the command is killed.

    ``seconds``: length of a pause. ``act``: called in a separate thread, never during `heard`. A KeyboardInterrupt that
    it raises reaches the main thread at once, any other error with the next `heard` or at the end.
    """

    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self._seconds, self._act = seconds, act
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._last = time.monotonic()
        self._acted = True
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True, name="digicarbon-quiet")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._over.set()
        self._thread.join()
        if error is None:
            self._raise()

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hold the function back during the block, after which a pause begins."""
        with self._lock:
            self._raise()
            try:
                yield
            finally:
                self._last, self._acted = time.monotonic(), False

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _watch(self) -> None:
        while not self._over.wait(self._seconds / 2):
            with self._lock:
                if self._acted or time.monotonic() - self._last < self._seconds:
                    continue
                self._acted = True
                try:
                    self._act()
                except KeyboardInterrupt:
                    _thread.interrupt_main()
                except BaseException as error:  # noqa: BLE001 - it is raised later, where it can be handled
                    self._error = error


S = TypeVar("S", bound=Spec)
T = TypeVar("T")

MOST_TERMS = 12
"""How many terms an error names."""
BATCH = 500
"""Largest number of runs that are written at once."""
TOGETHER = 0.01
"""Seconds after which fitted runs are recorded; results of workers come many at a time."""
FLUSH = 1.0
"""Seconds after which fitted runs are written, however few they are."""
KEPT = 100_000_000
"""Bytes of results that a sweep keeps in memory for its report; those of a larger one are read back from its files."""
LEAST, CELL = 6_000, 64
"""Bytes of a result beside its arrays and tables, and of a cell of its tables."""


class SweepInterruptedError(KeyboardInterrupt):
    """The user or the system ended a sweep; what was fitted is recorded."""


@dataclass
class Finished:
    """The outcome of a sweep."""

    table: Table | None
    """None if every run failed."""
    failures: list[tuple[str, Note]]
    """Labels and reasons."""
    tracebacks: list[str]
    """Place of each traceback."""
    done: int
    """Runs with a result, whoever fitted them."""
    experiment: str
    uri: str
    parent_id: str
    """`experiment`, `uri`, `parent_id`: where MLflow has it."""
    pictures: tuple[str, ...] = ()
    """Where the report's pictures and other files are."""
    kept: int = 0
    reused: int = 0
    """`kept`, `reused`: runs of ``done`` that this sweep had before, and runs that another sweep of the store had."""
    notices: tuple[Note, ...] = ()
    """Messages of the store, e.g. how many runs wait for a server."""
    place: str = ""
    estimates: str = ""
    """`place`, `estimates`: where the table and the file of all estimates are."""
    waiting: int = 0
    """Runs that are in the spool since the store does not answer."""


@dataclass(frozen=True)
class Settings:
    """Settings of a whole sweep: its table, its workers and its store, and what it says of its choices and results.

    ``kinds``: the kinds of choices, as a sweep records them.
    """

    report: Report
    executor: Executor
    tracking: Tracking
    kinds: Mapping[str, Any] = field(default_factory=dict)
    claim: Claim | None = None


def settings(composer: Composer) -> Settings:
    """Build the specifications that hold for a whole sweep.

    Raises ConfigError if one is wrong; the message names the place.
    """
    lacking = composer.missing()
    check_texts_of_report(composer)

    def built(group: str, kind: type[S]) -> S:
        require([key for key in lacking if key.startswith(f"{group}.")], composer.chosen, composer)
        try:
            return build(composer.node(group), kind, group)
        except ConfigError as error:
            raise at(error, composer.where(key_of(error) or group)) from error

    return Settings(built("report", Report), built("executor", Executor), built("tracking", Tracking))


def settings_for(composer: Composer, planned: Plan) -> Settings:
    """Build the same for a plan, and refuse a report of a number that none of its models declares.

    Raises ConfigError as in `settings`, or if there is no such number.
    """
    chosen = settings(composer)
    chosen = replace(chosen, report=chosen.report.with_labels(labels(composer, planned)))
    _refuse_unknown_number(chosen.report.run_effect.quantity, "report.quantity", composer, planned)
    claim = _placed(composer, "claim", lambda: claim_of(planned.claim))
    if claim is not None:
        _refuse_unknown_number(claim.quantity, "claim.quantity", composer, planned)
        _refuse_unknown_term(claim, composer, planned)
        _placed(composer, "claim", lambda: check_claim(claim, chosen.report.joint_request))
        _refuse_other_test(claim, chosen.report, composer)
        _refuse_small_level(claim, composer, planned)
    kinds = _placed(composer, "kinds", lambda: recorded_kinds(planned.kinds, planned, composer.given))
    chosen = replace(chosen, kinds=kinds, claim=claim)
    multiverse = multiverse_of(provenance.roster(planned, chosen.kinds, chosen.claim)) if kinds else None
    if multiverse is not None and not multiverse.main:
        raise ConfigError(
            Note("kinds_no_main", key="kinds", example="sample: {kind: nonequivalent, main: full}"),
            composer.where("kinds"),
        )
    return chosen


def _refuse_other_test(claim: Claim, report: Report, composer: Composer) -> None:
    """Refuse a command whose words let a claim rest on another joint test than the one that the experiment states."""
    if claim.joint is not None and _own_test(composer, report) != report.joint_request:
        error = ConfigError(Note("claim_own_joint", key="claim.joint", words=tuple(_looks(composer))))
        raise at(error, composer.where("claim"))


def _looks(composer: Composer) -> list[str]:
    """Return the words of the command line that ask for another report than the experiment's own."""
    if composer.name == ROOT:
        return []
    return [word for word in composer.overrides if word.lstrip("+~").partition("=")[0].split(".")[0] == "report"]


def _plain(composer: Composer) -> Composer:
    """Return the composition without these words."""
    words = _looks(composer)
    return Composer(composer.loader, composer.name, [word for word in composer.overrides if word not in words])


def _own_test(composer: Composer, report: Report) -> JointRequest | None:
    """Return the joint test of the experiment's own report; None if it makes none."""
    if not _looks(composer):
        return report.joint_request
    try:
        return settings(_plain(composer)).report.joint_request
    except ConfigError:
        # a report that the command line alone makes whole
        return None


def _refuse_unknown_number(quantity: str, key: str, composer: Composer, planned: Plan) -> None:
    known = ["coefficient", *EFFECTS]
    if quantity not in known:
        known = list(dict.fromkeys([*known, *(name for run in planned.runs for name in run.specs.model.quantities)]))
    if quantity not in known:
        hint = suggestion(quantity, known)
        raise at(ConfigError(Note("no_quantity", key=key, name=quantity, hint=hint, known=known)), composer.where(key))


def _refuse_small_level(claim: Claim, composer: Composer, planned: Plan) -> None:
    """Refuse a claim whose level no p value of a wild bootstrap can reach, however strong the effect is."""
    # of arrangements there may be more, where all are taken
    draws = [wild_draws(run.specs.model) * asks_for_wild(run.specs.model) for run in planned.runs]
    if claim.significant is None or not draws or not all(draws):
        return
    least = 1 / (1 + max(draws))
    if not is_significant(least, claim.significant):
        facts = {"level": claim.significant, "draws": max(draws), "least": least}
        raise at(ConfigError(Note("claim_level_too_small", key="claim.significant", **facts)), composer.where("claim"))


def _refuse_unknown_term(claim: Claim, composer: Composer, planned: Plan) -> None:
    if claim.term is None:
        return
    key = "claim.term"
    known = list(dict.fromkeys(term for run in planned.runs for term in run.specs.model.x))
    read = {
        name for run in planned.runs for name in variables_of([*run.specs.model.terms, *run.specs.model.optional_terms])
    }
    if not read.issuperset(variables_of([claim.term])) and claim.term not in known:
        hint = suggestion(claim.term, known)
        error = ConfigError(Note("claim_no_term", key=key, name=claim.term, hint=hint, known=cut(known, MOST_TERMS)))
        raise at(error, composer.where(key))
    of_x = {name for term in known for name in variables_of([term])}
    if known and claim.term not in known and not of_x.intersection(variables_of([claim.term])):
        error = ConfigError(Note("claim_of_control", key=key, name=claim.term, known=cut(known, MOST_TERMS)))
        raise at(error, composer.where(key))


def _placed(composer: Composer, key: str, make: Callable[[], T]) -> T:
    """Return what a function makes of a key of the experiment; its errors get the place of the key."""
    try:
        return make()
    except ConfigError as error:
        raise at(error, composer.where(key)) from error


def _recorded(composer: Composer, planned: Plan, before: str) -> str:
    """Return the configuration that a sweep records, of which pages take their report.

    A report on the command line is a look at runs that are there: where the sweep has recorded the experiment's own one
    before, this one stays.
    """
    # with the words of all options, since a page has no options of other runs
    words = labels(composer, planned)
    config = {**composer.requested, **({LABELS: words} if words else {})}
    if _looks(composer) and before:
        report = _plain(composer).requested.get("report")
        stated = yaml.safe_load(yaml_text.dumped({"report": report}))
        if (yaml.safe_load(before) or {}).get("report") == stated["report"]:
            config["report"] = report
    return yaml_text.dumped(config)


def sweep_key(planned: Plan, chosen: Settings) -> str:
    """Return the key that identifies a sweep when it is started again: from its name, its overrides and its runs.

    An experiment that changes its claim, the joint test that this rests on, or the kinds of its choices, is another
    sweep: what was stated stays recorded.
    """
    tested = chosen.claim is not None and chosen.claim.joint is not None
    test = asdict(chosen.report.joint_request) if tested and chosen.report.joint_request is not None else {}
    stated = [json.dumps(part, default=str) for part in (planned.kinds, planned.claim, test) if part]
    text = "\n".join([store_name(planned), *planned.overrides, *stated, *sorted(run.key for run in planned.runs)])
    return hashlib.sha256(text.encode()).hexdigest()


def run(composer: Composer, planned: Plan, force: bool = False) -> Finished:
    """Fit every run of a plan that the store does not have, write each to MLflow and make the comparison table.

    ``force``: fit every run in a new sweep, whatever the store has. Raises SweepInterruptedError on Ctrl-C or SIGTERM,
    after what was fitted has been written; DigicarbonError if the store cannot be opened or written, a specification of
    report, executor or tracking is wrong, or the report cannot be made of these runs; the runs are recorded then.
    """
    chosen = settings_for(composer, planned)
    record = ledger(planned.runs)
    content = provenance.roster(planned, chosen.kinds, chosen.claim)
    roster = content.to_bytes()
    stated = statement.before(composer, planned, chosen.report)
    stated_test = _own_test(composer, chosen.report)
    table_key = tables.key_of(roster, planned.title, chosen.report, stated.notes, record.fingerprint)
    store = Store(chosen.tracking, store_name(planned))
    tags = {
        FINGERPRINT: record.fingerprint,
        EXPERIMENT: store_name(planned),
        **({OVERRIDES: " ".join(planned.overrides)} if planned.overrides else {}),
        **provenance.simulated_tag(planned.runs),
        **stated.tags,
    }
    with _Signals() as signals:
        done = store.open(
            planned.title,
            lambda before: _recorded(composer, planned, before),
            tags,
            sweep_key(planned, chosen),
            resume=not force,
            files={**record.files, ROSTER: roster, **stated.files},
            choices=provenance.choices(content),
            data=provenance.data_sets(planned.runs),
            # a record of data is that of the bytes that its runs had, even if others come to the same numbers
            same=(FINGERPRINT,),
        )
        book = _Book(store, planned.runs, provenance.Entries(record, chosen.report.run_effect), signals)
        try:
            book.take_over(done, elsewhere=not force)
            shown = tables.shown_before(table_key, store.kept) if book.kept == len(planned.runs) else None
            if shown is not None:
                failed: list[tuple[str, Note]] = []
                store.finish({}, 0, book.done)
                places = {name: str(path) for name, path in shown.files.items()}
            else:
                with phase(Note("phase_fitting"), len(planned.runs)) as advance:
                    book.advance = advance
                    _fit(planned.runs, book, chosen.executor)
                with Scratch() as scratch:
                    failed = [(planned.runs[index].label, book.errors[index]) for index in sorted(book.errors)]
                    shown = show(
                        planned,
                        chosen.report,
                        book.records(planned),
                        scratch.path,
                        chosen.executor,
                        failed,
                        multiverse_of(content),
                        chosen.claim,
                        stated.notes,
                        store.kept,
                    )
                    again = {} if failed else tables.recorded(shown, table_key)
                    judged = () if shown.judged is None else shown.judged.notes
                    page = description(planned, chosen.report.words, shown.answer, book.done, len(book.errors), judged)
                    with phase(Note("phase_writing")):
                        places = store.finish(
                            {**shown.files, **tables.drawn(shown, chosen.report), **again},
                            len(book.errors),
                            book.done,
                            # the p values of another test than the own one are in its file
                            shown.metrics if stated_test in (None, chosen.report.joint_request) else {},
                            page,
                            {**({} if shown.judged is None else shown.judged.tags), **_memory(book, chosen.executor)},
                        )
        except KeyboardInterrupt:
            try:
                book.flush()
            finally:
                store.abort()
            raise SweepInterruptedError(_interrupted(store, book)) from None
        except BaseException:
            store.abort()
            raise
    if shown.refusal is not None:
        raise shown.refusal
    return Finished(
        table=shown.table,
        failures=failed,
        tracebacks=[store.traceback(planned.runs[index].key) for index in sorted(book.errors)],
        done=book.done,
        experiment=store.name,
        uri=store.uri,
        parent_id=store.parent_id,
        pictures=tuple(places[name] for name in shown.pictures),
        kept=book.kept,
        reused=book.reused,
        notices=tuple(store.notices),
        place=places.get("table.csv", ""),
        estimates=places.get("estimates.csv", ""),
        waiting=store.waiting,
    )


def _memory(book: _Book, executor: Executor) -> dict[str, str]:
    """Return the tag of the memory that fitting took; other computers do not tell."""
    bytes_taken = peak_memory() if book.done > book.kept + book.reused and not executor.remote else None
    return {} if bytes_taken is None else {PEAK_MEMORY: str(bytes_taken)}


def _fit(runs: Sequence[Run], book: _Book, executor: Executor) -> None:
    """Fit the runs that have no result yet."""
    with (
        SharedPanels(local=not executor.remote) as shared,
        closing(engine.fitted(_work(runs, book.remaining(), executor, shared))) as answers,
        WhenQuiet(FLUSH, book.flush) as quiet,
    ):
        for results in answers:
            with quiet.heard():
                book.take(results)
    book.flush()


class _Book:
    """Accounts of a sweep: every run is written once, in batches.

    The results of a small sweep are kept for its table. A run of a large one takes a byte here: its result is read back
    from the files of the store when the report asks for it.

    ``done``: runs with a result. ``kept``, ``reused``: runs of ``done`` that this sweep had before, and runs that
    another sweep of the store had. ``errors``: why runs failed. ``results``: of a small sweep; empty for a large one.
    ``advance``: called with the number of finished runs; it moves the bar.
    """

    def __init__(self, store: Store, runs: Sequence[Run], maker: provenance.Entries, signals: _Signals) -> None:
        self.store, self.runs, self.entries, self.signals = store, runs, maker, signals
        self.advance: Advance = lambda done: None
        self.done = self.kept = self.reused = 0
        self.errors: dict[int, Note] = {}
        self._reasons: dict[Note, Note] = {}
        self.results: dict[int, Result] = {}
        self._room = KEPT
        self._small = len(runs) * LEAST <= KEPT
        self._before: StoredResults | None = None
        self._has_result = bytearray(len(runs))
        self._waiting: list[Row] = []
        self._flushed = self._recorded = time.monotonic()
        self._in_hand: list[Fitted] = []

    def take_over(self, done: Mapping[str, str], elsewhere: bool) -> None:
        """Take the results that the store has: those of this sweep, and copies of those of others."""
        self._before = self.store.recorded()
        for index, run in enumerate(self.runs):
            if run.key in done and run.key in self._before:
                self._count(index)
        self.kept = self.done
        if elsewhere and self.kept < len(self.runs):
            self._copy(self.store.find([self.runs[index].key for index in self.remaining()]))
        self.advance(self.done + len(self.errors))

    def remaining(self) -> list[int]:
        """Return the positions of the runs that have neither result nor error."""
        return [index for index, has in enumerate(self._has_result) if not has and index not in self.errors]

    def take(self, results: Sequence[Fitted]) -> None:
        """Take fitted runs, record those in hand when it is time, and write them when it is time."""
        self._in_hand += results
        now = time.monotonic()
        # one thing for many runs takes less than many things for each: code stays in the processor's cache
        if now - self._recorded >= TOGETHER:
            self._record()
            if now - self._flushed >= FLUSH:
                self.flush()

    def _record(self) -> None:
        """Record the fitted runs in hand."""
        results, self._in_hand = self._in_hand, []
        self._recorded = time.monotonic()
        entries = self.entries.fitted([self.runs[one.index] for one in results], results)
        for one, entry in zip(results, entries, strict=True):
            if entry.why is not None:
                # thousands of runs may fail for one reason
                self.errors[one.index] = self._reasons.setdefault(entry.why, entry.why)
            elif one.result is not None:
                self._count(one.index)
                self._keep(one.index, one.result)
        self._put(entries)
        self.advance(self.done + len(self.errors))

    def flush(self) -> None:
        """Write what is in hand and what is waiting."""
        if self._in_hand:
            self._record()
        with self.signals.held():
            batch, self._waiting = self._waiting, []
            self.store.write_rows(batch)
            self._flushed = time.monotonic()

    def records(self, planned: Plan) -> Records:
        """Return the runs that have a result, for the report; all must have been written."""
        if self._small:
            self._read_before()
            return Records(planned, sorted(self.results), lambda indices: map(self.results.__getitem__, indices))
        stored = self.store.recorded()
        # a user's own table can hold what no file can; such a run is done but cannot be read back
        positions = [index for index, has in enumerate(self._has_result) if has and self.runs[index].key in stored]

        def read(indices: Sequence[int]) -> Iterator[Result]:
            return (result for _, result in stored.read(self.runs[index].key for index in indices))

        return Records(planned, positions, read, lacking=self.done - len(positions))

    def _read_before(self) -> None:
        """Read the results that the sweep had before."""
        positions = [index for index, has in enumerate(self._has_result) if has and index not in self.results]
        if self._before is not None:
            results = self._before.read(self.runs[index].key for index in positions)
            self.results |= {index: result for index, (_, result) in zip(positions, results, strict=True)}

    def _copy(self, matches: Mapping[str, str]) -> None:
        """Record copies of the results of other sweeps, by content hash."""
        if not matches:
            return
        others = self.store.results(matches.values())
        indices = [index for index in self.remaining() if matches.get(self.runs[index].key) in others]
        for index, (run_id, result) in zip(
            indices, others.read(matches[self.runs[index].key] for index in indices), strict=True
        ):
            self._count(index)
            self._keep(index, result)
            self._put([self.entries.copied(self.runs[index], result, run_id)])
        self.reused = len(indices)
        self.flush()

    def _keep(self, index: int, result: Result) -> None:
        """Keep a result for the report, as long as there is room for those of all runs."""
        if self._small:
            self.results[index] = result
            self._room -= _bytes_of(result)
            if self._room < 0:
                self._small = False
                self.results.clear()

    def _count(self, index: int) -> None:
        self._has_result[index] = True
        self.done += 1

    def _put(self, entries: Sequence[Entry]) -> None:
        self._waiting += self.store.rows(entries)
        if len(self._waiting) >= BATCH:
            self.flush()


def _bytes_of(result: Result) -> int:
    """Return about how much memory a result takes."""
    effects, resampled = result.spatial_effects, result.resampled
    arrays = [result.coef, result.covariance]
    arrays += [] if effects is None else [effects.coef, effects.se]
    arrays += [] if resampled is None else [resampled.estimates, resampled.effects]
    cells = sum(table.size for table in result.tables.values())
    return LEAST + CELL * cells + sum(array.nbytes for array in arrays)


class _Signals:
    """Ctrl-C and SIGTERM: both end a sweep in order, and never in the middle of a batch."""

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._holding = False
        self._pending = False

    def __enter__(self) -> _Signals:
        if threading.current_thread() is threading.main_thread():
            for one in (signal.SIGINT, signal.SIGTERM):
                # the parent process may have turned the signal off on purpose
                if signal.getsignal(one) is not signal.SIG_IGN:
                    self._before[one] = signal.signal(one, self._answer)
        return self

    def __exit__(self, *_: object) -> None:
        for one, handler in self._before.items():
            signal.signal(one, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Delay a signal until the block has ended; a second one is not delayed."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._pending:
            self._pending = False
            raise Interrupt

    def _answer(self, number: int, frame: FrameType | None) -> None:
        if self._holding and not self._pending:
            self._pending = True
            return
        raise Interrupt


def _work(runs: Sequence[Run], indices: Sequence[int], executor: Executor, shared: SharedPanels) -> Work:
    classes = {cls for index in indices for cls in (type(runs[index].specs.model), type(runs[index].specs.diagnostic))}
    users = any(cls.__module__.split(".")[0] != "digicarbon" for cls in classes)
    return Work(lambda index: shared.task(index, runs[index]), indices, [kind(run) for run in runs], executor, users)


def kind(run: Run) -> str:
    """Return a name that runs share if they take about as long."""
    # one text object for all runs of a kind: a sweep can have 100,000
    options, model = run.options, run.specs.model
    values = (getattr(model, name) for name in model.decides_time)
    own = ("" if value is None else str(value) for value in values)
    return sys.intern("/".join([*(options.get(group, "") for group in ("source", "model", "diagnostic")), *own]))


def _interrupted(store: Store, book: _Book) -> Note:
    remaining = len(book.runs) - book.done
    if not remaining:
        return Note("interrupted_at_end", uri=store.uri)
    return Note("interrupted", done=book.done, runs=len(book.runs), uri=store.uri, left=remaining)
