"""Arrangements of paths over units: whose path each unit gets, all of them or some at random."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, product

import numpy as np
import scipy

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.resampling.cluster_parts import Parts, number_of_orders, orders

MOST_TRIES = 1000
"""Attempts to find room for connected sets, before it is said that there is none."""


@dataclass(frozen=True, eq=False)
class Arranging:
    """How paths may be exchanged, so that each arrangement is as likely as the sample's own."""

    codes: IntArray
    """Of the path of each unit, shape (N,): equal for equal paths."""
    strata: IntArray
    """Paths stay in these, shape (N,)."""
    links: FloatArray | None = None
    """Symmetric weights, shape (N, N), in which units that are not like most form connected sets; None: they need not.
    Sets are for one stratum."""
    clusters: IntArray | None = None
    """Of each unit, shape (N,): paths of one cluster that are not like most stay in one, and those of different
    clusters in different ones; None: they need not. Clusters are for one stratum."""

    @property
    def usual(self) -> int:
        """The path that most units have."""
        return int(np.bincount(self.codes).argmax())

    @cached_property
    def _parts(self) -> Parts:
        """The paths that are not like most, by cluster."""
        assert self.clusters is not None
        members = [np.flatnonzero(self.clusters == one) for one in np.unique(self.clusters)]
        sets = [tuple(sorted(code for code in self.codes[units].tolist() if code != self.usual)) for units in members]
        return Parts(list(filter(None, sets)), sorted((units.tolist() for units in members), key=len))

    def _placed(self, ways: Iterable[Mapping[int, int]]) -> IntArray:
        """Return codes of paths where some units have others than most, shape (M, N)."""
        out = []
        for paths in ways:
            out.append(np.full(len(self.codes), self.usual))
            out[-1][[*paths]] = [*paths.values()]
        return np.stack(out)

    def _of(self, codes: IntArray) -> IntArray:
        """Return units with these paths."""
        return np.asarray(np.unique(self.codes, return_index=True)[1][codes])

    def every(self, most: int) -> IntArray | None:
        """Return all other arrangements of different paths, shape (M, N); None of more than ``most``, own included.

        Connected sets are known only where the units form one.
        """
        own, few = self.codes.tolist(), np.flatnonzero(self.codes != self.usual).tolist()
        if self.clusters is not None:
            if self._parts.number > most:
                return None
            codes = self._placed(self._parts.every())
        elif self.links is None:
            groups = [np.flatnonzero(self.strata == one).tolist() for one in np.unique(self.strata)]
            if math.prod(number_of_orders([own[unit] for unit in group]) for group in groups) > most:
                return None
            places = list(chain(*groups))
            dealt = product(*(orders([own[unit] for unit in group]) for group in groups))
            codes = np.array([list(chain(*parts)) for parts in dealt])[:, np.argsort(places)]
        else:
            paths = [own[unit] for unit in few]
            if number_of_orders(paths) > most or not _is_connected(self.links, few):
                return None
            largest = most // number_of_orders(paths)
            sets = list(islice(connected_sets(self.links, len(few)), largest + 1))
            if len(sets) > largest:
                return None
            codes = self._placed(dict(zip(*both, strict=True)) for both in product(sets, orders(paths)))
        return self._of(codes[(codes != self.codes).any(axis=1)])

    def some(self, number: int, seed: Sequence[int]) -> IntArray:
        """Return arrangements at random, shape (M, N). Raises EstimationError where connected sets find no room."""
        rng = np.random.default_rng(seed)
        if self.clusters is not None:
            return self._of(self._placed(self._parts.some(rng) for _ in range(number)))
        if self.links is not None:
            return np.stack(list(in_sets(self.codes != self.usual, self.links, number, rng)))
        out = np.empty((number, len(self.codes)), dtype=np.int64)
        for one in np.unique(self.strata):
            members = np.flatnonzero(self.strata == one)
            out[:, members] = rng.permuted(np.tile(members, (number, 1)), axis=1)
        return out


def connected_sets(links: FloatArray, size: int) -> Iterator[frozenset[int]]:
    """Yield each connected set of a size once: Wernicke's (2006) enumeration, in which a set grows by later units."""
    near = [set(np.flatnonzero(row).tolist()) - {unit} for unit, row in enumerate(links > 0)]

    def grown(members: frozenset[int], further: set[int], seen: set[int], root: int) -> Iterator[frozenset[int]]:
        if len(members) == size:
            yield members
            return
        left = set(further)
        while left:
            unit = left.pop()
            new = {other for other in near[unit] - seen if other > root}
            yield from grown(members | {unit}, left | new, seen | new, root)

    for root in range(len(links)):
        later = {other for other in near[root] if other > root}
        yield from grown(frozenset([root]), later, later | {root}, root)


def _is_connected(links: FloatArray, members: Sequence[int]) -> bool:
    return int(scipy.sparse.csgraph.connected_components(links[np.ix_(members, members)] > 0)[0]) == 1


def in_sets(treated: BoolArray, links: FloatArray, deals: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Yield deals, shape (N,), in which the treated form connected sets of as many units as the real ones do.

    ``treated``, shape (N,): whose paths are dealt to sets; the others' go to what is left. ``links``, shape
    (N, N): symmetric weights. Raises EstimationError if there is no room for the sets in `MOST_TRIES` attempts.

    Sets are made one after the other, the largest first: from a unit at random a set grows by neighbours, each with a
    probability that is proportional to its links with the set. The paths of a real set are dealt within its copy at
    random. Treated units without treated neighbours are sets of one unit: a scattered policy stays scattered.
    """
    own = np.flatnonzero(treated)
    codes = scipy.sparse.csgraph.connected_components(links[np.ix_(own, own)] > 0)[1]
    sets = sorted((own[codes == code] for code in range(codes.max() + 1)), key=len, reverse=True)
    others = np.flatnonzero(~treated)
    for _ in range(deals):
        for _ in range(MOST_TRIES):
            places = _room([len(members) for members in sets], links, rng)
            if places is not None:
                break
        else:
            raise EstimationError(Note("no_room_for_sets", sizes=", ".join(str(len(members)) for members in sets)))
        given = np.empty(len(links), dtype=np.int64)
        for members, place in zip(sets, places, strict=True):
            given[place] = rng.permutation(members)
        left = np.setdiff1d(np.arange(len(links)), np.concatenate(places))
        given[left] = rng.permutation(others)
        yield given


def _room(sizes: list[int], links: FloatArray, rng: np.random.Generator) -> list[IntArray] | None:
    """Return disjoint connected sets of units of given sizes; None where one found no room."""
    free = np.ones(len(links), dtype=bool)
    out = []
    for size in sizes:
        grown = [int(rng.choice(np.flatnonzero(free)))]
        free[grown] = False
        while len(grown) < size:
            pull = np.where(free, links[grown].sum(axis=0), 0.0)
            if not pull.any():
                return None
            grown.append(int(rng.choice(len(links), p=pull / pull.sum())))
            free[grown[-1]] = False
        out.append(np.array(grown))
    return out
