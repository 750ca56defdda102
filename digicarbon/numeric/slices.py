"""Blocks of columns, draws or units that are handled at a time, so that arrays stay small."""

from __future__ import annotations

from collections.abc import Iterator


def slices(count: int, size: int) -> Iterator[slice]:
    """Yield the places from 0 to ``count`` in slices of ``size``, or of one where the size is less than that."""
    size = max(size, 1)
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
