"""Data that runs share, and how they reach the workers: once per process, never once per run."""

from __future__ import annotations

import itertools
import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from digicarbon.diagnostic import Diagnostic
from digicarbon.disk.files import Scratch
from digicarbon.model import Model
from digicarbon.panel import Panel, Selection
from digicarbon.plan.runs import Run
from digicarbon.weights import Weights

T = TypeVar("T")

LARGE = 1 << 20
"""Bytes from which a file is mapped into memory, so that all workers of a machine read one copy; a smaller file is
read whole, since small maps cost more at every use."""

MOST_RECEIVED = 256
"""How many shared objects a worker keeps; one that was dropped is read again."""

_numbers = itertools.count()
_received: OrderedDict[str, Received[Any]] = OrderedDict()


class Shared(Generic[T]):
    """Something that many tasks read.

    In the process that created it, it holds the object itself. Pickled for a worker on this machine, it becomes the
    path of a file, which the worker reads once. Without a folder, as for workers on other machines, it is sent with
    each chunk of tasks, and a worker keeps the first copy.

    ``folder``: where files are written for workers on this machine.
    """

    def __init__(self, value: T, folder: Path | None) -> None:
        self.value = value
        self.folder = folder
        self.key = f"{os.getpid()}-{next(_numbers)}-{id(value)}"
        self._file: Path | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        file = self._written()
        if file is None:
            return _by_value, (self.key, self.value)
        return _from_file, (str(file),)

    def _written(self) -> Path | None:
        """Return the file, written the first time; None where there is no folder or no room in it."""
        import joblib

        if self._file is None and self.folder is not None:
            file = self.folder / f"{self.key}.joblib"
            try:
                joblib.dump(self.value, file)
            except OSError:
                # a full temporary disk is no reason to lose the run
                self.folder = None
            else:
                self._file = file
        return self._file


class Received(Generic[T]):
    """A `Shared` in the process that it was sent to; it can be sent on.

    ``origin``: how pickle recreates it.
    """

    def __init__(self, value: T, origin: tuple[Any, ...]) -> None:
        self.value = value
        self.origin = origin

    def __reduce__(self) -> tuple[Any, ...]:
        return self.origin


def _from_file(file: str) -> Received[Any]:
    import joblib

    def load() -> Any:
        return joblib.load(file, mmap_mode="r" if Path(file).stat().st_size >= LARGE else None)

    return _kept(file, load, (_from_file, (file,)))


def _by_value(key: str, value: Any) -> Received[Any]:
    return _kept(key, lambda: value, (_by_value, (key, value)))


def _kept(key: str, load: Callable[[], Any], origin: tuple[Any, ...]) -> Received[Any]:
    if key not in _received:
        _received[key] = Received(load(), origin)
        while len(_received) > MOST_RECEIVED:
            _received.popitem(last=False)
    _received.move_to_end(key)
    return _received[key]


@dataclass(frozen=True, eq=False, slots=True)
class Task:
    """All that the fit of one run needs, small enough to be sent by the thousand.

    ``index``: the run's place in the plan. ``terms``: all columns that the run reads. ``selection``: makes the panel of
    the terms.
    """

    index: int
    model: Model
    diagnostic: Diagnostic
    terms: tuple[str, ...]
    selection: Shared[Selection] | Received[Selection]
    weights: Shared[Weights] | Received[Weights] | None

    def open(self) -> tuple[Panel, Weights | None]:
        """Return the panel and the weights of the run, shared with the other tasks of this process."""
        return self.selection.value.take(self.terms), None if self.weights is None else self.weights.value


class SharedPanels(AbstractContextManager["SharedPanels"]):
    """Makes the tasks of a sweep, which share what their runs share; a context that removes its files at the end.

    ``local``: whether all workers are on this machine: shared data then go through files, from which large arrays are
    mapped. Nothing is written before a task is pickled, so that threads or a single process copy nothing.
    """

    def __init__(self, local: bool = True) -> None:
        self._scratch = Scratch() if local else None
        self._shared: dict[int, Shared[Any]] = {}

    def __exit__(self, *_: object) -> None:
        self.close()

    def task(self, index: int, run: Run) -> Task:
        """Return the task of a run.

        ``index``: returned with the result.
        """
        prepared = run.prepared
        weights = None if prepared.weights is None else self._share(prepared.weights.ready())
        selection = self._share(prepared.shared.selection)
        return Task(index, run.specs.model, run.specs.diagnostic, prepared.terms, selection, weights)

    def close(self) -> None:
        """Remove the files that workers read."""
        self._shared.clear()
        if self._scratch is not None:
            self._scratch.close()

    def _share(self, value: T) -> Shared[T]:
        # `Shared` keeps its value alive, so that no other object can take its id
        if id(value) not in self._shared:
            self._shared[id(value)] = Shared(value, None if self._scratch is None else self._scratch.path)
        return self._shared[id(value)]
