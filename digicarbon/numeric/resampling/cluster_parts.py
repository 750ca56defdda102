"""Paths of parts of clusters, over as many units of as many different clusters: how many ways, all of them, or some."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from operator import le

import numpy as np


@dataclass(frozen=True, eq=False)
class Parts:
    """What goes where: each way to give the sets to different clusters is as likely as any other."""

    sets: Sequence[tuple[int, ...]]
    """The paths of the units of each."""
    clusters: Sequence[Sequence[int]]
    """The units of each, the smallest clusters first."""

    @cached_property
    def _sizes(self) -> dict[int, int]:
        """How many sets there are of each size."""
        return Counter(map(len, self.sets))

    @cached_property
    def _ways(self) -> list[dict[tuple[int, ...], int]]:
        """In how many ways the first 0, 1, … clusters hold so many sets of each size."""
        whole, out = tuple(self._sizes.values()), [{(0,) * len(self._sizes): 1}]
        for left, cluster in zip(range(len(self.clusters), 0, -1), self.clusters, strict=True):
            made: Counter[tuple[int, ...]] = Counter()
            for held, ways in out[-1].items():
                for then, _, number in self._held(held, 1, len(cluster)):
                    # later clusters hold a set each
                    if all(map(le, then, whole)) and sum(whole) - sum(then) < left:
                        made[then] += ways * number
            out.append(made)
        return out

    def _held(self, held: tuple[int, ...], by: int, units: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
        """Yield what is held with or without the set, if any, of a cluster; the set's size, and how many there are."""
        yield held, 0, 1
        for at, size in enumerate(self._sizes):
            if size <= units:
                yield (*held[:at], held[at] + by, *held[at + 1 :]), size, math.comb(units, size)

    @property
    def number(self) -> int:
        """How many ways there are, the own one among them."""
        of_size = [[one for one in self.sets if len(one) == size] for size in self._sizes]
        orders_of = math.prod(map(number_of_orders, [*of_size, *self.sets]))
        return self._ways[-1][tuple(self._sizes.values())] * orders_of

    def every(self) -> Iterator[dict[int, int]]:
        """Yield the path of each unit that gets one, for each way."""
        return _placed(sorted(Counter(self.sets).items(), key=lambda one: -len(one[0])), self.clusters)

    def some(self, rng: np.random.Generator) -> dict[int, int]:
        """Return the path of each unit that gets one, in a way at random."""
        left = {size: [one for one in self.sets if len(one) == size] for size in self._sizes}
        held, given = tuple(self._sizes.values()), dict[int, int]()
        for cluster, before in zip(self.clusters[::-1], self._ways[-2::-1], strict=True):
            options = [one for one in self._held(held, -1, len(cluster)) if one[0] in before]
            numbers = [before[then] * number for then, _, number in options]
            shares = np.cumsum([number / sum(numbers) for number in numbers])
            held, size, _ = options[int(np.searchsorted(shares[:-1], rng.random(), side="right"))]
            if size:
                paths = left[size].pop(int(rng.integers(len(left[size]))))
                given.update(zip(rng.choice(cluster, size, replace=False).tolist(), paths, strict=True))
        return given


def _placed(sets: list[tuple[tuple[int, ...], int]], clusters: Sequence[Sequence[int]]) -> Iterator[dict[int, int]]:
    """Yield each way to give sets, with how many are alike, to different clusters; the largest sets are first."""
    if not sets:
        yield {}
        return
    (paths, alike), *rest = sets
    for chosen in combinations([one for one in clusters if len(one) >= len(paths)], alike):
        within = product(*(product(combinations(one, len(paths)), orders(paths)) for one in chosen))
        others = list(_placed(rest, [one for one in clusters if one not in chosen]))
        for dealt, further in product(within, others):
            yield further | {unit: path for places, own in dealt for unit, path in zip(places, own, strict=True)}


def number_of_orders(paths: Sequence[object]) -> int:
    """Return the number of different orders of paths, some of which may be equal."""
    return math.factorial(len(paths)) // math.prod(map(math.factorial, Counter(paths).values()))


def orders(paths: Sequence[int]) -> Iterator[list[int]]:
    """Yield the different orders of paths, some of which may be equal."""
    if not paths:
        yield []
        return
    first = min(paths)
    rest = [path for path in paths if path != first]
    for places in combinations(range(len(paths)), len(paths) - len(rest)):
        for order in orders(rest):
            others = iter(order)
            yield [first if place in places else next(others) for place in range(len(paths))]
