"""Fits the runs of a sweep and loses none: here, in worker processes, or on other machines.

Runs are handed out in chunks whose size follows from how long runs have taken. A chunk that does not come back, because
its worker was killed or ran out of memory, is fitted again run by run in a process of its own; what ends that process
again has failed. The engine knows nothing of MLflow: `fitted` yields results as they come.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digicarbon import loaded
from digicarbon.disk.files import Scratch
from digicarbon.disk.frames import columns_of, names_in
from digicarbon.errors import EstimationError, legible
from digicarbon.executor import Executor
from digicarbon.executor.orphan import end_with
from digicarbon.loaded import Source
from digicarbon.note import Note
from digicarbon.note.ending import Caught
from digicarbon.plan.reach import package_digest
from digicarbon.result import Result, Role
from digicarbon.sweep.shared import Task

if TYPE_CHECKING:
    import pandas as pd

START = 3.0
"""Seconds that worker processes take to start and import."""
CHUNK = 0.6
"""Seconds of work in a chunk: joblib's overhead of some milliseconds vanishes, and little is lost with it."""
LARGEST_CHUNK = 250
LARGEST_WAVE = 2000
"""Runs that are handed out before the next chunk sizes are decided; also limits what is fitted and not yet written."""
UNKNOWN = 0.05
"""Assumed seconds of a run before one of its kind was fitted."""
MOST_STARTS = 3
"""How often workers may be started and end before their first run."""
LOOK = 0.2
"""Seconds between two decisions whether to go on in this process, and between two checks of the workers."""
BEGUN = "fit"
"""Beginning of the names of files that exist while a run is fitted."""
PATIENCE = 5.0
"""Seconds beyond its time after which a run's process is ended from outside."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a worker returns: a result, or the reason and traceback of a failure.

    ``result``: without residuals, which no reader of a sweep looks at. ``why``: why there is no result. ``start``,
    ``end``: milliseconds since the epoch. ``seconds``: duration of the fit.
    """

    index: int
    result: Result | None
    why: Note | None
    traceback: str
    start: int
    end: int
    seconds: float = 0.0

    @property
    def error(self) -> str:
        """The reason in English, and the traceback; empty if there is a result."""
        return "" if self.why is None else f"{self.why}\n\n{self.traceback}"


@dataclass(frozen=True)
class Rules:
    """Settings of every run in a worker.

    ``own_process``: whether workers are processes, not threads of this one. ``timeout``: seconds that a run may take.
    ``folder``: where a run that was stopped leaves a mark. ``code``: digest of the core that computes. ``sources``: the
    user's own modules, as the planning process has loaded them. ``planner``: the planning process, which does not need
    the sources.
    """

    own_process: bool
    timeout: float | None
    folder: str
    code: str
    sources: tuple[Source, ...]
    planner: str


@dataclass
class Work:
    """What is to be fitted, and where.

    ``task``: returns the task of a run, created when it is needed. ``indices``: the runs to fit. ``kinds``: by run: a
    name shared by runs that take about the same time, e.g. the model's option. ``own``: whether a user's class takes
    part; it may do anything to its process.
    """

    task: Callable[[int], Task]
    indices: Sequence[int]
    kinds: Sequence[str]
    backend: Executor
    own: bool = False


def fitted(work: Work) -> Generator[list[Fitted], None, None]:
    """Fit all runs of ``work`` and yield the results in any order, each run once.

    Raises EstimationError if workers cannot be started; ConfigError if a cluster does not answer.
    """
    if not work.indices:
        return
    with Scratch() as scratch:
        yield from _Engine(work, scratch.path).run()


def fit(task: Task) -> Fitted:
    """Fit one run; never raises, so that the other runs of a chunk go on."""
    start, clock = time.time_ns() // 1_000_000, time.perf_counter()
    result: Result | None = None
    with Caught(Note("code_of", classes=[type(task.model).__name__])) as caught:
        panel, weights = task.open()
        outcome: object = task.model.fit(panel, weights)
        if not isinstance(outcome, Result):
            raise EstimationError(Note("fit_no_result", model=type(task.model).__name__, given=type(outcome).__name__))
        outcome.require_numbers()
        outcome = task.model.described(outcome, panel)
        result = _legible(replace(task.diagnostic.added(outcome, panel, weights), residuals=None))
    seconds = time.perf_counter() - clock
    return Fitted(task.index, result, caught.note, caught.traceback, start, time.time_ns() // 1_000_000, seconds)


def _legible(result: Result) -> Result:
    """Return the result with texts that can be written."""
    words = "".join((result.kind, result.y, *result.focal, *result.terms, *result.absorbed))
    words += "".join(text for note in result.notes for text in note.texts)
    words += "".join((*result.statistics, *result.tables, *chain.from_iterable(map(_texts, result.tables.values()))))
    if words.isascii() or legible(words) == words:
        return result
    lists = ("focal", "terms", "absorbed")
    plain: dict[str, Any] = {name: tuple(map(legible, getattr(result, name))) for name in lists}
    plain |= {name: legible(getattr(result, name)) for name in ("kind", "y")}
    plain["notes"] = tuple(note.with_texts(legible) for note in result.notes)
    plain["statistics"] = {legible(name): value for name, value in result.statistics.items()}
    plain["tables"] = {legible(name): _legible_table(table) for name, table in result.tables.items()}
    effects = result.spatial_effects
    plain["roles"] = tuple(_legible_role(role) for role in result.roles)
    plain["spatial_effects"] = effects and replace(
        effects, terms=tuple(map(legible, effects.terms)), spilling=tuple(map(legible, effects.spilling))
    )
    return replace(result, **plain)


def _legible_role(role: Role) -> Role:
    parts = (replace(part, variable=legible(part.variable), level=legible(part.level)) for part in role.made_of)
    return replace(role, of=legible(role.of), made_of=tuple(parts))


def _texts(table: pd.DataFrame) -> Iterator[str]:
    """Yield the texts of a table; its numbers, most of the table, cost nothing."""
    heads = table.index, table.columns
    yield from (name for head in heads for name in head.names if isinstance(name, str))
    for kind, values in chain(*map(names_in, heads), columns_of(table)):
        if kind.kind not in "biufcmM":
            for value in values:
                if isinstance(value, Note):
                    yield from value.texts
                elif isinstance(value, str):
                    yield value


def _legible_table(table: pd.DataFrame) -> pd.DataFrame:
    def cell(value: Any) -> Any:
        if isinstance(value, Note):
            return value.with_texts(legible)
        return legible(value) if isinstance(value, str) else value

    return table.map(cell).rename(index=cell, columns=cell).rename_axis(index=cell, columns=cell)


@dataclass
class _Pace:
    """How long runs take, by kind."""

    _known: dict[str, tuple[int, float, float]] = field(default_factory=dict)

    def learn(self, kind: str, seconds: float) -> None:
        count, total, first = self._known.get(kind, (0, 0.0, seconds))
        self._known[kind] = (count + 1, total + seconds, first)

    def of(self, kind: str) -> float:
        """Return the mean duration of a kind, or of all kinds if none of it was fitted; first runs are left out."""
        known = [self._known[kind]] if kind in self._known else list(self._known.values())
        count = sum(one[0] for one in known)
        if not count:
            return UNKNOWN
        # the first run of a kind also pays for imports and for what the others share
        rest = count - len(known)
        total = sum(one[1] - (one[2] if rest else 0.0) for one in known)
        return max(total / (rest or count), 1e-5)

    def known(self, kind: str = "") -> bool:
        """Return whether one of a kind, or with an empty name any run, was fitted."""
        return kind in self._known if kind else bool(self._known)


class _Engine:
    def __init__(self, work: Work, folder: Path) -> None:
        self.work, self.backend, self.folder = work, work.backend, folder
        own_process = work.backend.isolates or work.backend.remote
        loaded.remember_local()
        self.rules = Rules(
            own_process, work.backend.timeout, str(folder), package_digest(), loaded.sources(), loaded.PROCESS
        )
        self.last_look = time.perf_counter()
        self.queue = deque(work.indices)
        self.remaining = Counter(work.kinds[index] for index in work.indices)
        self.pace = _Pace()

    def run(self) -> Iterator[list[Fitted]]:
        with ExitStack() as stack:
            stack.enter_context(_growth_is_no_news())
            if self.backend.timeout is not None and not self.backend.remote:
                stack.enter_context(_Watch(self.folder, self.backend.timeout))
            yield from self._run()

    def _run(self) -> Iterator[list[Fitted]]:
        backend = self.backend
        if backend.here and backend.timeout is None:
            yield from self._here(lambda: False)
        elif not (backend.remote or self._stoppable() or backend.batch):
            # a short sweep ends here: to ask for the number of processors loads joblib
            yield from self._here(self._workers_pay)
            yield from self._workers()
        elif not backend.remote and backend.isolates and self._stoppable() and (len(self.queue) == 1 or self._is_one):
            yield from self._alone(list(self._rest()), deaths=0)
        elif not backend.remote and self._is_one:
            yield from self._here(lambda: False)
        else:
            yield from self._workers()

    @cached_property
    def _is_one(self) -> bool:
        return self.backend.width() == 1

    def _stoppable(self) -> bool:
        """Whether runs must not be fitted in this process: they may end it, or may have to be stopped."""
        return self.backend.isolates and (self.work.own or self.backend.timeout is not None)

    def _rest(self) -> Iterator[int]:
        while self.queue:
            yield self.queue.popleft()

    def _here(self, enough: Callable[[], bool]) -> Iterator[list[Fitted]]:
        with _one_thread():
            for index in self._rest():
                yield [self._learned(fit(self.work.task(index)))]
                if enough():
                    return

    def _workers_pay(self) -> bool:
        """Whether workers save more time than they take to start."""
        now = time.perf_counter()
        if now - self.last_look < LOOK:
            return False
        self.last_look = now
        left = self._seconds_left()
        return left > START and left * (1 - 1 / self.backend.width()) > START

    def _seconds_left(self) -> float:
        return sum(count * self.pace.of(kind) for kind, count in self.remaining.items() if count)

    def _learned(self, one: Fitted) -> Fitted:
        kind = self.work.kinds[one.index]
        self.remaining[kind] -= 1
        self.pace.learn(kind, one.seconds)
        return one

    def _workers(self) -> Iterator[list[Fitted]]:
        with ExitStack() as stack:
            if not (self.backend.remote or self.backend.isolates):
                stack.enter_context(_one_thread())
            vain = 0
            while self.queue:
                before = len(self.queue)
                lost = yield from self._until_lost()
                yield from self._alone(lost, deaths=1)
                vain = vain + 1 if len(self.queue) == before else 0
                if vain == MOST_STARTS:
                    raise EstimationError(Note("workers_end"))

    def _until_lost(self) -> Generator[list[Fitted], None, list[int]]:
        """Fit waves until all is done or a worker is lost; return the runs that were lost with it."""
        with self.backend.crew() as crew:
            while self.queue:
                broken, lost = yield from self._wave(crew)
                if broken:
                    return lost
        return []

    def _wave(self, crew: Any) -> Generator[list[Fitted], None, tuple[bool, list[int]]]:
        """Fit a wave of chunks; return whether a worker was lost, and the runs that were lost with it.

        Chunks that wait in the workers' queue are fitted later, with the rest.
        """
        from joblib import delayed

        # the key is the first run: no two chunks of a sweep begin with the same one
        waiting = {chunk[0]: chunk for chunk in self._chunks(crew)}
        handed: set[int] = set()

        def calls() -> Iterator[Any]:
            for number, chunk in list(waiting.items()):
                handed.add(number)
                yield delayed(_fit_chunk)(chunk, self._payload(chunk), self.rules)

        broken = False
        answers = iter(())
        try:
            answers = crew(calls())
            for number, results in answers:
                yield [self._learned(_opened(one)) for one in zip(waiting.pop(number), results, strict=True)]
        except self.backend.losses():
            broken = True
            begun = {number for number in handed if (self.folder / _mark(number)).exists()}
            # marks of other machines are not in this folder
            handed = handed if self.backend.remote else begun
        finally:
            with warnings.catch_warnings():
                # joblib warns of results that nobody reads; an interrupted sweep reports this itself
                warnings.simplefilter("ignore")
                getattr(answers, "close", tuple)()
        lost = [index for number, chunk in waiting.items() if number in handed for index in chunk]
        self.queue.extendleft(
            reversed([index for number, chunk in waiting.items() if number not in handed for index in chunk])
        )
        return broken, lost

    def _chunks(self, crew: Any) -> list[list[int]]:
        from joblib import effective_n_jobs

        width = max(self.backend.width(), effective_n_jobs(crew.n_jobs) if self.backend.remote else 1)
        target = min(CHUNK, max(self._seconds_left() / (2 * width), 0.05))
        most = self.backend.batch or LARGEST_CHUNK
        chunks: list[list[int]] = []
        handed = 0
        while self.queue and len(chunks) < (8 if self.pace.known() else 2) * width and handed < LARGEST_WAVE:
            chunk: list[int] = []
            seconds = 0.0
            while self.queue and len(chunk) < most:
                kind = self.work.kinds[self.queue[0]]
                # a run of an unknown kind may take a thousand times as long as others
                seconds += self.pace.of(kind) if self.pace.known(kind) else target
                if chunk and seconds > target and not self.backend.batch:
                    break
                chunk.append(self.queue.popleft())
            chunks.append(chunk)
            handed += len(chunk)
        return chunks

    def _payload(self, chunk: Sequence[int]) -> list[Part]:
        import cloudpickle

        with Caught(Note("class_of_run")) as caught:
            return [(chunk, bytes(cloudpickle.dumps([self.work.task(index) for index in chunk])))]
        if len(chunk) == 1:
            return [(chunk, (Note("worker_not_sent", why=caught.note), caught.traceback))]
        return [part for index in chunk for part in self._payload([index])]

    def _alone(self, indices: Sequence[int], deaths: int) -> Iterator[list[Fitted]]:
        """Fit runs one by one in a separate process; ``deaths``: how often they may have ended a worker before."""
        with closing(_Cell()) as cell:
            for index in indices:
                yield [self._learned(self._kept(index, cell, deaths))]

    def _kept(self, index: int, cell: _Cell, deaths: int) -> Fitted:
        marker = self.folder / str(index)
        for leftover in self.folder.glob(f"{_in_progress(index)}*"):
            # its process has ended, and another may have the same number
            leftover.unlink(missing_ok=True)
        while True:
            if _size(marker):
                return _failure(index, *self._too_long(marker))
            fresh = cell.fresh
            try:
                return cell.fit(index, self._payload([index]), self.rules)
            except _DiedError as died:
                # earlier runs of the same process may have caused its end
                deaths += fresh
                if deaths >= 2 and not _size(marker):
                    return _failure(index, Note("run_killed"), str(died))

    def _too_long(self, marker: Path) -> tuple[Note, str]:
        trace = marker.read_text(encoding="utf-8", errors="replace")
        marker.unlink()
        return Note("run_too_long", key="executor.timeout", seconds=self.backend.timeout or 0.0), trace


Part = tuple[Sequence[int], bytes | tuple[Note, str]]
"""Runs and their pickled tasks, or the reason and traceback if they cannot be pickled."""


def _failure(index: int, why: Note, trace: str) -> Fitted:
    now = time.time_ns() // 1_000_000
    return Fitted(index, None, why, trace, now, now)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


class _DiedError(Exception):
    """The process of a run ended without an answer."""


class _Cell:
    """A process that fits one run at a time; it is started again when a run has ended it."""

    def __init__(self) -> None:
        self._executor: Any = None
        self.fresh = True

    def fit(self, index: int, payload: Sequence[Part], rules: Rules) -> Fitted:
        """Fit a run; a `_DiedError` if the process ended without an answer."""
        from joblib.externals.loky import ProcessPoolExecutor
        from joblib.externals.loky.process_executor import BrokenProcessPool

        if self._executor is None:
            self._executor = ProcessPoolExecutor(max_workers=1, initializer=end_with, initargs=(os.getpid(),))
            self.fresh = True
        try:
            _, results = self._executor.submit(_fit_chunk, [index], payload, rules).result()
        except BrokenProcessPool as error:
            self.close()
            raise _DiedError(str(error)) from error
        self.fresh = False
        return _opened((index, results[0]))

    def close(self) -> None:
        """End the process."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)
        self._executor, self.fresh = None, True


def _fit_chunk(chunk: Sequence[int], payload: Sequence[Part], rules: Rules) -> tuple[int, list[Fitted] | list[bytes]]:
    """Fit the runs of a chunk in a worker; return its number and the results, pickled if this is a process."""
    if not rules.own_process:
        return chunk[0], [one for part in payload for one in _fit_part(*part, rules)]
    _settle()
    if Path(rules.folder).is_dir():
        Path(rules.folder, _mark(chunk[0])).touch()
    results = [one for part in payload for one in _fit_part(*part, rules)]
    if package_digest() != rules.code:
        # checked afterwards, since many modules are imported only when they are used
        results = [_failure(index, Note("run_code_changed"), "") for index in chunk]
    return chunk[0], [_packed(one) for one in results]


def _fit_part(indices: Sequence[int], content: bytes | tuple[Note, str], rules: Rules) -> list[Fitted]:
    if not isinstance(content, bytes):
        return [_failure(index, *content) for index in indices]
    with Caught(Note("module_of_run")) as caught:
        if rules.own_process and rules.planner != loaded.PROCESS:
            loaded.install(rules.sources)
        tasks: list[Task] = pickle.loads(content)
    if caught.note is not None:
        why = Note("worker_reads_no_run", why=caught.note)
        return [_failure(index, why, caught.traceback) for index in indices]
    return [_timed(task, rules) for task in tasks]


def _packed(one: Fitted) -> bytes:
    """Return a fitted run as bytes; one that cannot be pickled is a failure of this run, not of the whole sweep."""
    import cloudpickle

    with Caught(Note("result_of_run")) as caught:
        return bytes(cloudpickle.dumps(one))
    why = Note("result_not_sent", why=caught.note)
    return bytes(pickle.dumps(_failure(one.index, why, caught.traceback)))


def _opened(item: tuple[int, Fitted | bytes]) -> Fitted:
    index, content = item
    if isinstance(content, Fitted):
        return content
    with Caught(Note("result_of_run")) as caught:
        one: Fitted = pickle.loads(content)
        return one
    return _failure(index, Note("result_not_read", why=caught.note), caught.traceback)


def _in_progress(index: int) -> str:
    """Return the beginning of a run's file name; the number of its process follows."""
    return f"{BEGUN}-{index}-"


def _mark(number: int) -> str:
    """Return the name of the file that shows that a worker has begun with a chunk."""
    return f"chunk-{number}"


def _timed(task: Task, rules: Rules) -> Fitted:
    """Fit a run; if it takes too long, leave a mark and end this process, as nothing else stops compiled code."""
    if not rules.own_process:
        return fit(task)
    with _files_stay_open():
        return fit(task) if rules.timeout is None else _stopped_in_time(task, rules, rules.timeout)


@contextmanager
def _files_stay_open() -> Iterator[None]:
    """End this process if the block has closed files of others: the process could no longer return an answer."""
    before = os.open(os.devnull, os.O_RDONLY)
    yield
    try:
        os.close(before)
    except OSError:
        os._exit(1)


def _stopped_in_time(task: Task, rules: Rules, timeout: float) -> Fitted:
    # another machine lacks this folder; there the run is identified when it is fitted alone
    folder = Path(rules.folder) if Path(rules.folder).is_dir() else Path(tempfile.gettempdir())
    marker, in_progress = folder / str(task.index), folder / f"{_in_progress(task.index)}{os.getpid()}"
    in_progress.touch()
    # a run may close files of others; the caller handles that
    with suppress(OSError), marker.open("w", encoding="utf-8") as file:
        faulthandler.dump_traceback_later(timeout, exit=True, file=file)
        try:
            outcome = fit(task)
        finally:
            faulthandler.cancel_dump_traceback_later()
    in_progress.unlink(missing_ok=True)
    marker.unlink(missing_ok=True)
    return outcome


class _Watch:
    """Ends workers of this machine that exceed the time of a run by far; a halted worker cannot end itself."""

    def __init__(self, folder: Path, timeout: float) -> None:
        self._folder, self._limit = folder, timeout + PATIENCE
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True, name="digicarbon-watch")

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        first_seen: dict[Path, float] = {}
        while not self._done.wait(LOOK):
            now = time.monotonic()
            first_seen = {path: first_seen.get(path, now) for path in self._folder.glob(f"{BEGUN}-*")}
            for path in [path for path, since in first_seen.items() if now - since > self._limit]:
                self._end(path)

    def _end(self, path: Path) -> None:
        _, index, pid = path.name.split("-")
        for worker in multiprocessing.active_children():
            if worker.pid == int(pid):
                (self._folder / index).write_text(f"The process {pid} did not answer.\n", encoding="utf-8")
                # joblib's processes have no `kill`; on Windows any signal except Ctrl-C ends a process at once
                os.kill(int(pid), getattr(signal, "SIGKILL", signal.SIGTERM))
        path.unlink(missing_ok=True)


@cache
def _settle() -> None:
    """Prepare a worker: numeric libraries use one thread, and Ctrl-C is ignored, since the parent handles it."""
    from threadpoolctl import threadpool_limits

    # workers share the cores; threads of BLAS in each would compete for them
    threadpool_limits(1)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _growth_is_no_news() -> Iterator[None]:
    """Silence what loky says when it replaces a worker that holds 300 MB more than at first.

    It warns in the thread that is to start the next worker. Where warnings are errors, this thread ends, and the sweep
    waits for workers without end.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor", UserWarning)
        yield


@contextmanager
def _one_thread() -> Iterator[None]:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
