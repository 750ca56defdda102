"""The points of a product of finite sets, accessible by number without a list of all points."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

Point = tuple[int, ...]


@dataclass(frozen=True)
class Remaining:
    """The points of a product that are not dropped; the last digit changes fastest.

    Attributes
    ----------
    sizes : tuple of int
        The number of digits at each position.
    positions : tuple of int
        Positions whose digits decide whether a point is dropped, ascending.
    dropped : collection of tuple of int
        Digits at these positions of the points that are dropped.
    """

    sizes: tuple[int, ...]
    positions: Sequence[int]
    dropped: Collection[Point]

    @property
    def dropped_count(self) -> int:
        """The number of points that are dropped."""
        return len(self.dropped) * self._free[0]

    @property
    def count(self) -> int:
        """The number of points that remain."""
        return prod(self.sizes) - self.dropped_count

    def __iter__(self) -> Iterator[Point]:
        """Yield the remaining points in order."""
        for point in itertools.product(*map(range, self.sizes)):
            if not self.dropped or tuple(point[position] for position in self.positions) not in self.dropped:
                yield point

    def point(self, index: int) -> Point:
        """Return the point that iteration yields as number ``index``, counted from 0."""
        point: list[int] = []
        prefix: Point = ()
        for position, size in enumerate(self.sizes):
            if position in self.positions:
                digit, index = self._digit(prefix, position, index)
                prefix = (*prefix, digit)
            else:
                digit, index = divmod(index, self._rest(prefix, position + 1))
            if digit >= size:
                raise IndexError(index)
            point.append(digit)
        return tuple(point)

    def _digit(self, prefix: Point, position: int, index: int) -> tuple[int, int]:
        for digit in range(self.sizes[position]):
            rest = self._rest((*prefix, digit), position + 1)
            if index < rest:
                return digit, index
            index -= rest
        raise IndexError(index)

    def _rest(self, prefix: Point, position: int) -> int:
        """Return how many points remain with fixed digits before a position; ``prefix`` holds the deciding digits."""
        return prod(self.sizes[position:]) - self._drops[prefix] * self._free[position]

    @cached_property
    def _drops(self) -> Counter[Point]:
        """The number of elements of `dropped` that begin with given digits."""
        lengths = range(len(self.positions) + 1)
        return Counter(point[:length] for point in self.dropped for length in lengths)

    @cached_property
    def _free(self) -> list[int]:
        """The number of ways to choose the digits that decide nothing, from each position to the end."""
        sizes = [1 if position in self.positions else size for position, size in enumerate(self.sizes)]
        return [prod(sizes[position:]) for position in range(len(sizes) + 1)]
