"""Whose path each unit gets in a placebo: deals that leave paths whole and lie in space as the real ones do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray

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
