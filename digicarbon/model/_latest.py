"""What the latest models of a sweep were fitted to.

A plan checks each model, and its fit needs the same columns again; models that differ in the level of intervals or in
the rule of standard errors have them, too. Neighbours in a sweep are alike, so the latest few are enough; a small
sweep has room for all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

from digicarbon.panel import Panel

MOST = 8192
"""Designs that are kept."""
MOST_BYTES = 2**26
"""Their size, beside which one is always kept."""

_Made = TypeVar("_Made")


class Latest:
    """The designs that were made last, the oldest one first."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[Any, int]] = {}
        self._bytes = 0
        self._lock = Lock()

    def once(self, key: Hashable, make: Callable[[], _Made], size: Callable[[_Made], int]) -> _Made:
        """Return the design of a key, made if it is none of the latest; ``size`` returns its bytes."""
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
            while len(self._kept) > 1 and (len(self._kept) > MOST or self._bytes > MOST_BYTES):
                self._bytes -= self._kept.pop(next(iter(self._kept)))[1]
        return made


LATEST = Latest()
"""Those of this process: of each column one would add up in a sweep over many samples."""


def columns_of(panel: Panel, terms: tuple[str, ...], beside: tuple[str, ...] = ()) -> tuple[Hashable, ...] | None:
    """Return what is the same where models read the same columns; None where the panel has yet to make some.

    Columns ``beside`` the terms are read where the panel has them.
    """
    columns = [panel.columns.get(name) for name in terms]
    return None if None in columns else (panel.index, *terms, *columns, *map(panel.columns.get, beside))
