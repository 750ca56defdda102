"""Values computed once per object, even if many runs share the object."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Once:
    """Caches values by the identity of the objects that they depend on, because comparing their content takes longer.

    It keeps a reference to the objects, so that Python never reuses the identity of a deleted one.
    """

    def __init__(self) -> None:
        self._values: dict[Hashable, tuple[tuple[object, ...], Any]] = {}

    def __call__(self, what: Hashable, parts: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return the cached value, and compute it on the first call.

        Parameters
        ----------
        what : hashable
            The kind of value.
        parts : tuple
            The objects on which the value depends.
        make : callable
            Computes the value.
        """
        key = (what, *map(id, parts))
        if key not in self._values:
            self._values[key] = (parts, make())
        value: T = self._values[key][1]
        return value
