"""Whose path each unit gets in a placebo: deals that leave paths whole and lie in space as the real ones do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note

MOST_TRIES = 1000
"""Attempts to find room for connected sets, before it is said that there is none."""
MOST_EXCHANGES = 20
"""Of two units' paths, by which a deal gets the Moran's I of the real paths."""
NEAR = 0.005
"""Difference of two Moran's I that is left as it is."""


def scattered(units: int, deals: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Yield whose path each unit gets, shape (units,), at random."""
    for _ in range(deals):
        yield rng.permutation(units)


def moran(paths: FloatArray, links: FloatArray) -> float:
    """Return Moran's I of all periods together, of paths of shape (N, m) less their means by unit and period."""
    return float(np.vdot(links, paths @ paths.T) / np.vdot(paths, paths) * len(links) / links.sum())


def in_patterns(paths: FloatArray, links: FloatArray, deals: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Yield deals, shape (N,), in which the paths of neighbours are as alike as the real ones.

    ``paths``, shape (N, m): what is dealt, less its means by unit and by period. ``links``, shape (N, N): symmetric
    weights.

    Moran spectral randomisation (Wagner & Dray 2015): with V the eigenvectors of (I - 11′/N) S (I - 11′/N) and random
    signs s, V diag(s) V′x has the power of x at each scale of space, and each scale keeps its path over time. The paths
    themselves are then dealt to be near to it (least squares), so that no value is made up, and a few units exchange
    theirs until Moran's I is that of x.
    """
    centred = np.eye(len(links)) - 1 / len(links)
    vectors = np.linalg.eigh(centred @ links @ centred)[1]
    powers = vectors.T @ paths
    alike = paths @ paths.T
    near = NEAR * np.trace(alike) * links.sum() / len(links)
    for _ in range(deals):
        wanted = vectors @ (rng.choice([-1.0, 1.0], size=(len(links), 1)) * powers)
        given = scipy.optimize.linear_sum_assignment(wanted @ paths.T, maximize=True)[1]
        yield _exchanged(given, alike, links, near)


def _exchanged(given: IntArray, alike: FloatArray, links: FloatArray, near: float) -> IntArray:
    """Return a deal after exchanges of two units' paths that bring Σ S_ij x_i′x_j near to what it is of the real ones.

    With A the products of the dealt paths, an exchange of those of i and j changes the sum by
    2[(SA)_ij + (SA)_ji - (SA)_ii - (SA)_jj - S_ij(A_ii + A_jj - 2A_ij)], as in quadratic assignment.
    """
    given, target = given.copy(), np.vdot(links, alike)
    for _ in range(MOST_EXCHANGES):
        own = alike[np.ix_(given, given)]
        lacking = target - np.vdot(links, own)
        if abs(lacking) <= near:
            break
        sums, size = links @ own, np.diag(own)
        there = np.diag(sums)
        apart = size[:, None] + size - 2 * own
        change = 2 * (sums + sums.T - there[:, None] - there - links * apart)
        first, second = np.unravel_index(np.abs(lacking - change).argmin(), change.shape)
        if abs(lacking - change[first, second]) >= abs(lacking):
            break
        given[[first, second]] = given[[second, first]]
    return given


def in_sets(treated: NDArray[np.bool_], links: FloatArray, deals: int, rng: np.random.Generator) -> Iterator[IntArray]:
    """Yield deals, shape (N,), in which the treated form connected sets of as many units as the real ones do.

    ``treated``, shape (N,): whose paths are dealt to sets; the others' go to what is left. ``links``: as in
    `in_patterns`. Raises EstimationError if there is no room for the sets in `MOST_TRIES` attempts.

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
            raise EstimationError(Note("placebo_laws_no_room", sizes=", ".join(str(len(members)) for members in sets)))
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
