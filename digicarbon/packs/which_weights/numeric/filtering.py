"""Moran eigenvectors whose loadings differ between periods, chosen until residuals are free of spatial dependence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.within import EffectsKind, demean
from digicarbon.numeric.resampling.null_model import orthonormal, without
from digicarbon.numeric.resampling.patterns import centred
from digicarbon.numeric.significance import is_significant
from digicarbon.numeric.spatial.operator import SpatialOperator

Method = Literal["double", "forward", "all"]
FLAT = 1e-10
"""Relative size of a variance that is only rounding."""
TIED = 1e-8
"""Eigenvalues that are nearer to each other are one, as a share of the largest one."""


@dataclass(frozen=True, eq=False)
class Step:
    """Moran's I of the residuals once an eigenvector, and what is tied with it, is among the regressors.

    ``places``: positions of the eigenvectors, from 0; none before the first ones. ``statistic``, ``expected``, ``z``,
    ``p``: I, its expectation without dependence, its deviate and the p value against positive dependence.
    """

    places: tuple[int, ...]
    statistic: float
    expected: float
    z: float
    p: float


@dataclass(frozen=True, eq=False)
class Eigenvectors:
    """Eigenvectors of MWM, M the centring matrix, that belong to positive spatial dependence.

    ``shares``, shape (m,): eigenvalues over the largest one, which are proportional to the vectors' own Moran's I.
    ``vectors``: shape (N, m).
    """

    shares: FloatArray
    vectors: FloatArray

    @property
    def blocks(self) -> list[tuple[int, ...]]:
        """Places of the vectors of each eigenvalue, of which there are several where it is tied."""
        ends = np.flatnonzero(-np.diff(self.shares) > TIED) + 1
        return [tuple(part.tolist()) for part in np.split(np.arange(len(self.shares)), ends) if len(part)]


def eigenvectors(w: SpatialOperator, share: float, most: int) -> Eigenvectors:
    """Return the eigenvectors of M(W + W′)M/2 with the largest eigenvalues (Griffith 2003).

    They have at least a share of the largest eigenvalue; beyond ``most`` there are only those of the last one's.

    The sign of a vector is that of its largest element, so that columns are the same on all machines. Vectors of a tied
    eigenvalue are any basis of their space, which depends on the order of the units; the space does not.
    """
    middle = centred(w.lag(np.eye(w.n)[None])[0])
    count = most
    while True:
        count = min(count + 1, w.n)
        values, vectors = scipy.linalg.eigh(middle, subset_by_index=(w.n - count, w.n - 1))
        values, vectors = values[::-1], vectors[:, ::-1]
        # a tied eigenvalue is taken whole, whatever rounding says of its vectors
        far = np.flatnonzero(-np.diff(values[most - 1 :]) > TIED * values[0])
        if len(far) or count == w.n:
            break
        count *= 2
    values = values[: most + int(far[0])] if len(far) else values
    values = values[values >= max((share - TIED) * values[0], 1e-9)]
    vectors = vectors[:, : len(values)]
    largest = np.abs(vectors).argmax(axis=0)
    return Eigenvectors(values / values[:1], vectors * np.sign(vectors[largest, np.arange(len(values))]))


def doubly_chosen(
    columns: FloatArray, focal: int, w: SpatialOperator, effects: EffectsKind, candidates: Eigenvectors, stop: float
) -> list[Step]:
    """Return the eigenvectors that the outcome or one of the first, focal, columns needs, given the other regressors.

    Eigenvectors that are chosen for the residuals of one regression of y on x lead to a test of x that rejects too
    often: it knows nothing of the choice. The union of what y and x need by themselves does not have this fault
    (Belloni, Chernozhukov & Hansen 2014, for the lasso).
    """
    targets = [columns.shape[2] - 1, *range(focal)]
    others = columns[..., focal:-1]
    needed = {
        place
        for target in targets
        for step in chosen(
            np.concatenate([others, columns[..., [target]]], axis=2), w, effects, candidates, "forward", stop
        )
        for place in step.places
    }
    kept = sorted(needed)
    some = Eigenvectors(candidates.shares[kept], candidates.vectors[:, kept])
    return [
        replace(step, places=tuple(kept[place] for place in step.places))
        for step in chosen(columns, w, effects, some, "all", stop)
    ]


def chosen(
    columns: FloatArray,
    w: SpatialOperator,
    effects: EffectsKind,
    candidates: Eigenvectors,
    method: Literal["forward", "all"],
    stop: float,
) -> list[Step]:
    """Return the eigenvectors that are put among the regressors, in their order; the first step is before any of them.

    Columns, shape (T, N, k + 1), are regressors and the outcome, raw. ``forward`` takes each time the one that leaves
    Moran's I of the residuals nearest to its expectation, until the p value exceeds ``stop``. Vectors of one eigenvalue
    enter together: alone, each would be another one in another order of the units.

    Raises EstimationError if I is the same for every outcome.

    Each eigenvector has a loading for each period, e.g. T - 1 coefficients beside unit effects, which would absorb a
    constant one. I is pooled over periods; its moments are exact for independent normal errors of one variance: with B
    the weights among residuals and m degrees of freedom, E = tr B/m and V = 2(m tr B² - (tr B)²)/(m²(m + 2)).
    """
    t, n, width = columns.shape
    flat = demean(columns, effects).reshape(t * n, width)
    start = flat[:, :-1]
    if effects == "none":
        start = np.column_stack([np.ones(t * n), start])
    basis = orthonormal(start)
    e = without(basis, flat[:, -1:])[:, 0]
    # loadings by period that unit effects leave
    over_time = scipy.linalg.null_space(np.ones((1, t))) if effects in ("unit", "two_way") else np.eye(t)
    left = {
        places: without(basis, np.einsum("tc,nm->tnmc", over_time, candidates.vectors[:, places]).reshape(t * n, -1))
        for places in candidates.blocks
    }
    test = _Residuals(w, effects, t, basis)
    steps = [Step((), *test.of(e))]
    while method == "all" or is_significant(steps[-1].p, stop):
        left = {places: block for places, block in left.items() if test.df > 2 * block.shape[1]}
        if not left:
            break
        places = next(iter(left)) if method == "all" else list(left)[test.nearest(e, list(left.values()))]
        added = orthonormal(left.pop(places))
        e = without(added, e[:, None])[:, 0]
        left = {others: without(added, block) for others, block in left.items()}
        test.add(added)
        steps.append(Step(places, *test.of(e)))
    return steps


class _Residuals:
    """Moran's I of residuals, with the moments that it has if they are independent."""

    def __init__(self, w: SpatialOperator, effects: EffectsKind, t: int, basis: FloatArray) -> None:
        self._w, self._effects, self._t = w, effects, t
        dense = w.lag(np.eye(w.n)[None])[0]
        by_time = effects in ("time", "two_way")
        middle = self._middle = centred(dense) if by_time else (dense + dense.T) / 2
        periods = t - (effects in ("unit", "two_way"))
        self.df = (w.n - by_time) * periods
        self._trace, self._square = periods * float(np.trace(middle)), periods * float((middle**2).sum())
        self._basis, self._lagged = np.empty((t * w.n, 0)), np.empty((t * w.n, 0))
        self.add(basis)

    def _applied(self, columns: FloatArray) -> FloatArray:
        """Return the symmetric weights times columns, shape (rows, m)."""
        cube = columns.reshape(self._t, self._w.n, -1)
        return np.asarray(np.matmul(self._middle, cube).reshape(columns.shape))

    def add(self, added: FloatArray) -> None:
        """Take orthonormal columns into the regression."""
        self._basis = np.column_stack([self._basis, added])
        self._lagged = np.column_stack([self._lagged, self._applied(added)])
        self.df -= added.shape[1]

    def of(self, e: FloatArray) -> tuple[float, float, float, float]:
        """Return I of residuals, its expectation, its deviate and its p value; raise where I is always the same."""
        inner = self._basis.T @ self._lagged
        trace = self._trace - float(np.trace(inner))
        square = self._square - 2 * float((self._lagged**2).sum()) + float((inner**2).sum())
        m, size = self.df, float(e @ e)
        # of one number, or with equal weights between all units, I is its expectation
        if m * square - trace**2 <= FLAT * (m * square + trace**2) or not size > 0:
            raise EstimationError(Note("filter_flat"))
        statistic = float(e @ self._applied(e[:, None])[:, 0] / size)
        variance = 2 * (m * square - trace**2) / (m**2 * (m + 2))
        z = (statistic - trace / m) / np.sqrt(variance)
        return statistic, trace / m, float(z), float(scipy.special.ndtr(-z))

    def nearest(self, e: FloatArray, blocks: Sequence[FloatArray]) -> int:
        """Return which block of columns leaves I of the residuals nearest to its expectation."""
        coef = [np.linalg.pinv(block.T @ block, rcond=1e-10, hermitian=True) @ (block.T @ e) for block in blocks]
        rests = np.column_stack([e - block @ own for block, own in zip(blocks, coef, strict=True)])
        values = np.einsum("rm,rm->m", rests, self._applied(rests)) / np.einsum("rm,rm->m", rests, rests)
        expected = (self._trace - float((self._basis * self._lagged).sum())) / self.df
        return int(np.abs(values - expected).argmin())
