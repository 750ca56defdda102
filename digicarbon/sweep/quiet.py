"""Calls a function when no answer has come for a while, even if the main thread is busy or waiting."""

from __future__ import annotations

import _thread
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self


class WhenQuiet:
    """A context within which a function is called after each pause that lasts long enough.

    A sweep writes when answers come. If one run takes minutes, in this process or in a worker, earlier results would
    wait in memory all that time, and be lost if the command is killed.

    Parameters
    ----------
    seconds : float
        Length of a pause.
    act : callable
        Called in a separate thread, never during `heard`. A KeyboardInterrupt that it raises reaches the main thread
        at once, any other error with the next `heard` or at the end.
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

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
