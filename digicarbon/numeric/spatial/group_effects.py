"""Effects of spatial models whose slopes differ between groups of units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.operator import SpatialOperator, unit_blocks

NEAR = 1e-3
"""Share of the range of ρ from each of its ends within which weights are not interpolated."""
FEW = 64
"""Most places of which such weights are stored."""


@dataclass(frozen=True, eq=False)
class GroupWeights:
    """What β and θ of each of G groups count in effects, and the derivatives in ρ, each of shape (3, G, 2, G).

    The first two axes are the effect (direct, indirect, total) and the group of the units whose x changes.
    """

    values: FloatArray
    slopes: FloatArray


def group_weights(rho: float, w: SpatialOperator, groups: IntArray, count: int) -> GroupWeights:
    """Return the weights of slopes in the effects of a change of x in each group of units; ρ is 0 without a lag of y.

    ``groups`` are positions of each unit's group, shape (N,). Unit i has the slopes β_g and θ_g of its own group, so
    that the derivatives of y in x are S⁻¹(B + ΘW), B and Θ diagonal. A change in unit j has the direct effect s_jj β_j
    + Σ_i s_ji θ_i w_ij, S⁻¹ = (s_ij), and the total effect c_j β_j + Σ_i c_i θ_i w_ij on all units, c = S⁻¹′1; effects
    of a group are means over its units j. With G units of equal slopes their mean, weighted by sizes, is that of LeSage
    & Pace (2009). dS⁻¹/dρ = G + ρG², as S⁻¹ = I + ρG.
    """
    n = w.n
    one = np.eye(count)[groups]
    ones = np.ones((n, 1))
    first = w.apply_gt(rho, ones)
    # sums of columns of S⁻¹ and of its derivative
    c = np.stack([ones + rho * first, first + rho * w.apply_gt(rho, first)])
    own_beta, own_theta, all_theta = np.empty((2, n)), np.empty((2, n, count)), np.empty((2, n, count))
    for units, identity in unit_blocks(n):
        g = w.apply_gt(rho, identity)
        rows = np.stack([identity + rho * g, g + rho * w.apply_gt(rho, g)])
        lagged = w.lag(identity[None])[0]
        own_beta[:, units] = rows[:, units, units - units[0]]
        own_theta[:, units] = (rows * lagged).transpose(0, 2, 1) @ one
        all_theta[:, units] = (c * lagged).transpose(0, 2, 1) @ one
    mean = one / one.sum(axis=0)
    out = np.zeros((2, 3, count, 2, count))
    places = np.arange(count)
    out[:, 0, places, 0, places] = own_beta @ mean
    out[:, 2, places, 0, places] = c[..., 0] @ mean
    out[:, 0, :, 1] = mean.T @ own_theta
    out[:, 2, :, 1] = mean.T @ all_theta
    out[:, 1] = out[:, 2] - out[:, 0]
    return GroupWeights(out[0], out[1])


class GroupCurve:
    """`GroupWeights` at many ρ, by polynomials through a few places.

    ``groups``, shape (N,): position of each unit's group. ``count``: G.

    Weights have a pole at 1/c, c the largest root of W, and a sample that leaves out the root of the constant has
    places of ρ on both of its sides: polynomials are of weights times 1 - cρ.
    """

    def __init__(self, space: LagSpace, groups: IntArray, count: int) -> None:
        self._space, self._groups, self._count = space, groups, count
        self._root = float(space.w.constant_row_sum or 1 / space.w.bounds[1])
        self._tables: dict[tuple[float, float], FloatArray] = {}
        self._wide: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    def at(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return weights and their derivatives in ρ, each of shape (3, G, 2, G, M), as `group_weights` has them."""
        low, high = self._space.used.bounds
        margin = NEAR * (high - low)
        if len(rho) == 1 or rho.min() < low + margin or rho.max() > high - margin:
            return self._one_by_one(rho)
        nodes, count = self._space.nodes(rho), self._count
        if (nodes.low, nodes.high) not in self._tables:
            own = [group_weights(float(point), self._space.w, self._groups, count) for point in nodes.points]
            gap = (1 - self._root * nodes.points)[:, None]
            values, slopes = (
                np.stack([part.ravel() for part in parts])
                for parts in ([one.values for one in own], [one.slopes for one in own])
            )
            both = np.concatenate([gap * values, gap * slopes - self._root * values], axis=1)
            self._tables[nodes.low, nodes.high] = np.ascontiguousarray((nodes.inverse @ both).T)
        values, slopes = np.split(self._tables[nodes.low, nodes.high] @ nodes.basis(rho).T, 2)
        gap = 1 - self._root * rho
        shape = (3, count, 2, count, len(rho))
        return (values / gap).reshape(shape), (slopes / gap + self._root * values / gap**2).reshape(shape)

    def _one_by_one(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what `at` does for one place, or so near an end that polynomials would need too many terms."""
        key = rho.tobytes()
        if key in self._wide:
            return self._wide[key]
        own = [group_weights(value, self._space.w, self._groups, self._count) for value in rho.tolist()]
        both = np.stack([one.values for one in own], axis=-1), np.stack([one.slopes for one in own], axis=-1)
        if len(rho) <= FEW:
            # places that cover the range are asked for again and again
            self._wide[key] = both
        return both


def effects_of_units(
    beta: FloatArray, theta: FloatArray, rho: float, w: SpatialOperator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return each unit's own effect, what it receives and what it sends, of slopes β and θ of each unit, all (N,)."""
    n = w.n
    ones = np.ones((n, 1))
    c = (ones + rho * w.apply_gt(rho, ones))[:, 0]
    right = beta[:, None] + theta[:, None] * w.lag(ones[None])[0]
    received = (right + rho * w.apply_g(rho, right))[:, 0]
    own, sent = np.empty(n), np.empty(n)
    for units, identity in unit_blocks(n):
        rows, lagged = identity + rho * w.apply_gt(rho, identity), w.lag(identity[None])[0]
        own[units] = rows[units, units - units[0]] * beta[units] + theta @ (rows * lagged)
        sent[units] = c[units] * beta[units] + (c * theta) @ lagged
    return own, received - own, sent - own
