"""From one specification to others, choice by choice: the fewest changes that reach a set, and greedy searches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Path:
    """A greedy search.

    ``rows``: the start and the specification after each step; each differs from the one before in one choice. ``best``:
    the most extreme of all specifications.
    """

    rows: tuple[int, ...]
    best: int

    @property
    def reaches(self) -> bool:
        """Whether the path ends at the most extreme specification."""
        return self.rows[-1] == self.best


def distances(codes: IntArray, applies: NDArray[np.bool_], row: int) -> IntArray:
    """Return in how many choices each specification differs from the one in a row.

    Codes (M, m) are the values of choices. A choice that does not apply to either of two specifications is no
    difference, since it goes with the change of another choice.
    """
    differs = (codes != codes[row]) & applies & applies[row]
    return np.asarray(differs.sum(axis=1), dtype=np.int64)


def nearest(codes: IntArray, applies: NDArray[np.bool_], start: int, wanted: NDArray[np.bool_]) -> tuple[int, IntArray]:
    """Return the fewest choices in which one of a set, e.g. those of the other sign, differs, and all that are so near.

    Of an empty set there are none, and 0 changes.
    """
    if not wanted.any():
        return 0, np.empty(0, dtype=np.int64)
    steps = distances(codes, applies, start)
    fewest = int(steps[wanted].min())
    return fewest, np.flatnonzero(wanted & (steps == fewest))


def search(codes: IntArray, applies: NDArray[np.bool_], start: int, values: FloatArray) -> Path:
    """Return the path that takes, at each step, the one change of a choice that raises a value most.

    It ends where no single change raises it. Of equal values, shape (M,), the first specification is taken; those that
    may not be visited are minus infinity.
    """
    rows = [start]
    while True:
        at = rows[-1]
        near = np.flatnonzero(distances(codes, applies, at) == 1)
        if not len(near) or values[near].max() <= values[at]:
            break
        rows.append(int(near[values[near].argmax()]))
    return Path(tuple(rows), start if values[start] >= values.max() else int(values.argmax()))
