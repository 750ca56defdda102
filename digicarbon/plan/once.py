"""What is made of objects once, however many runs share them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Once:
    """Remembers what was made of objects by the objects themselves: to compare their content would take longer.

    It keeps the objects, so that the identity of one that is gone is never given to another.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[tuple[object, ...], Any]] = {}

    def __call__(self, what: Hashable, parts: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what was made, and make it the first time.

        Parameters
        ----------
        what : hashable
            What kind of thing it is.
        parts : tuple
            The objects that it is made of.
        make : callable
        """
        key = (what, *map(id, parts))
        if key not in self._kept:
            self._kept[key] = (parts, make())
        found: T = self._kept[key][1]
        return found
