"""What runs share, and how it reaches whoever fits them: once per process, never once per run."""

from __future__ import annotations

import itertools
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from digicarbon.diagnostic import Diagnostic
from digicarbon.disk.scratch import Scratch
from digicarbon.model import Model
from digicarbon.panel import Panel, Selection
from digicarbon.plan.runs import Run
from digicarbon.weights import Weights

T = TypeVar("T")

LARGE = 1 << 20
"""Bytes from which a file is mapped into memory, so that all workers of a machine read one copy; a smaller one is read
at once, since arrays of small maps cost more at every use."""

MOST_RECEIVED = 256
"""How many shared things a worker keeps; one that went is read again."""

_numbers = itertools.count()
_received: OrderedDict[str, Received[Any]] = OrderedDict()


class Shared(Generic[T]):
    """Something that many tasks read.

    In the process that made it, it is the thing itself. When it is pickled for a worker on this machine it becomes the
    path of a file, which a worker reads once; where there is no folder, as for workers on other machines, it travels
    with each chunk of tasks and a worker keeps the first that comes.

    Parameters
    ----------
    value : object
    folder : Path or None
        Where files are written for workers on this machine.
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
                # a full disk of temporary files is no reason to lose the run
                self.folder = None
            else:
                self._file = file
        return self._file


class Received(Generic[T]):
    """What a `Shared` is in the process that it was sent to; it can be sent on.

    Parameters
    ----------
    value : object
    origin : tuple
        How it came, as pickle reads it.
    """

    def __init__(self, value: T, origin: tuple[Any, ...]) -> None:
        self.value = value
        self.origin = origin

    def __reduce__(self) -> tuple[Any, ...]:
        return self.origin


def _from_file(file: str) -> Received[Any]:
    import joblib

    if file not in _received:
        mode = "r" if Path(file).stat().st_size >= LARGE else None
        _keep(file, Received(joblib.load(file, mmap_mode=mode), (_from_file, (file,))))
    _received.move_to_end(file)
    return _received[file]


def _by_value(key: str, value: Any) -> Received[Any]:
    if key not in _received:
        _keep(key, Received(value, (_by_value, (key, value))))
    _received.move_to_end(key)
    return _received[key]


def _keep(key: str, found: Received[Any]) -> None:
    _received[key] = found
    while len(_received) > MOST_RECEIVED:
        _received.popitem(last=False)


@dataclass(frozen=True, eq=False, slots=True)
class Task:
    """What it takes to fit one run, small enough to be sent by the thousand.

    Attributes
    ----------
    index : int
        The run's place in the plan.
    model : Model
    diagnostic : Diagnostic
    terms : tuple of str
        All columns that the run reads.
    selection : Shared or Received
        Makes the panel of the terms.
    weights : Shared or Received, or None
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


class Stages:
    """Makes the tasks of a sweep, which share what their runs share; a context that clears up after itself.

    Parameters
    ----------
    local : bool
        Whether all workers are on this machine: what is shared then goes through files, which large arrays are mapped
        from. Nothing is written before a task is pickled, so that threads and this process alone copy nothing.
    """

    def __init__(self, local: bool = True) -> None:
        self._scratch = Scratch() if local else None
        self._shared: dict[int, Shared[Any]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def task(self, index: int, run: Run) -> Task:
        """Return the task of a run.

        Parameters
        ----------
        index : int
            Comes back with the result.
        run : Run
        """
        prepared = run.prepared
        weights = None if prepared.weights is None else self._share(prepared.weights.ready())
        selection = self._share(prepared.stage.selection)
        return Task(index, run.specs.model, run.specs.diagnostic, prepared.terms, selection, weights)

    def close(self) -> None:
        """Remove the files that workers read."""
        self._shared.clear()
        if self._scratch is not None:
            self._scratch.close()

    def _share(self, value: T) -> Shared[T]:
        # a shared thing holds its value, so that no other one can take its id
        if id(value) not in self._shared:
            self._shared[id(value)] = Shared(value, None if self._scratch is None else self._scratch.path)
        return self._shared[id(value)]
