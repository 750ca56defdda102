"""What was made last, kept for whoever asks for it again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

MOST = 8192
"""Things that are kept."""
MOST_BYTES = 2**26
"""Their size, beside which one is always kept."""

_Made = TypeVar("_Made")


class Latest:
    """What was made last, the oldest one first."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: dict[Hashable, tuple[Any, int]] = {}
        self._bytes = 0
        self._lock = Lock()

    def once(self, key: Hashable, make: Callable[[], _Made], size: Callable[[_Made], int]) -> _Made:
        """Return what a key stands for, made if it is none of the latest; ``size`` returns its bytes."""
        with self._lock:
            entry = self._kept.pop(key, None)
            if entry is not None:
                self._kept[key] = entry
        if entry is not None:
            known: _Made = entry[0]
            return known
        made = make()
        with self._lock:
            replaced = self._kept.pop(key, None)
            self._kept[key] = made, size(made)
            self._bytes += self._kept[key][1] - (replaced[1] if replaced else 0)
            while len(self._kept) > 1 and (len(self._kept) > self._most or self._bytes > self._most_bytes):
                self._bytes -= self._kept.pop(next(iter(self._kept)))[1]
        return made

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Keep nothing of what is made meanwhile, e.g. of a panel that nobody asks for again, and all from before."""
        with self._lock:
            before = self._kept, self._bytes
            self._kept, self._bytes = {}, 0
        try:
            yield
        finally:
            with self._lock:
                self._kept, self._bytes = before
