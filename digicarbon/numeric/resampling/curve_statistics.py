"""Statistics of whole specification curves: the observed one and many under the null."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import BoolArray, FloatArray

TIES = 1e-6
"""What is smaller than the observed value by less than this share is equal to it: z of draws have single precision."""


@dataclass(frozen=True, eq=False)
class CurveStatistics:
    """Statistics of D curves, the observed one first.

    A draw's curve has its z times the standard errors of the observed estimates (`curve_statistics`). ``dominant`` is 1
    or -1, the sign of most estimates of the curve, of the median where there are as many of both;
    ``share_significant`` the share of the estimates that are significant and have this sign; ``mean_z`` is positive
    where it has it; ``missing`` the share of the estimates of draws that are no numbers.
    """

    dominant: FloatArray
    median: FloatArray
    share_significant: FloatArray
    mean_z: FloatArray
    missing: float

    def p(self) -> dict[str, float]:
        """Return the p value of each statistic, two-sided: each curve is measured in its own dominant sign.

        p is (1 + number of draws that are as extreme)/(1 + draws) (Phipson & Smyth 2010). Few specifications give few
        values of the share significant: of draws with the observed share, those count whose mean z is as large.
        """
        mean_z = at_least(self.mean_z)
        more, as_many = at_least(self.share_significant, strictly=True), at_least(self.share_significant)
        extreme = {
            "median": at_least(np.abs(self.median)),
            "share_significant": more | (as_many & mean_z),
            "mean_z": mean_z,
        }
        return {name: float((1 + draws.sum()) / (1 + len(draws))) for name, draws in extreme.items()}


def at_least(values: FloatArray, strictly: bool = False) -> BoolArray:
    """Return which values from the second on are at least as large as the first, or larger.

    A draw without estimates is no evidence against the null: not-a-number counts as larger.
    """
    tie = TIES * abs(values[0])
    smaller = values[1:] <= values[0] + tie if strictly else values[1:] < values[0] - tie
    return np.asarray(~smaller)


def curve_statistics(
    estimate: FloatArray, se: FloatArray, z: NDArray[np.float32], level: float
) -> tuple[CurveStatistics, FloatArray]:
    """Return the statistics of each curve, and the curves of the draws sorted, shape (S, D - 1).

    ``estimate`` and ``se``, shape (S,), are the observed ones of S specifications; z, shape (S, D), is of D outcomes,
    the observed one first. A draw's estimate counts as many standard errors as it has itself, of the observed size:
    estimates alone would be compared with those of draws that have other variances. One that is not a number is not on
    the curve, such a z counts as 0. An estimate is significant where at most the share ``level`` of the D estimates of
    its specification have as large a |z|: so its own p value from the draws is not larger than the level, whatever its
    standard error is worth.

    Statistics of a curve without estimates are not numbers; one of fewer than S estimates is stretched to S ranks.
    """
    estimates = z * se[:, None]
    estimates[:, 0] = estimate
    on_curve = np.isfinite(estimates)
    count, every = on_curve.sum(axis=0), np.arange(estimates.shape[1])
    positive, negative, total = np.zeros((3, len(every)))
    for own in z:
        known = np.isfinite(own)
        significant = known & _significant(np.where(known, np.abs(own), np.inf), level)
        positive += significant & (own > 0)
        negative += significant & (own < 0)
        total += np.where(known, own, 0.0)
    # values that are not numbers are sorted to the end
    estimates.sort(axis=0)
    last = np.maximum(count - 1, 0)
    median = (estimates[last // 2, every] + estimates[last - last // 2, every]) / 2
    lead = (estimates > 0).sum(axis=0) - (estimates < 0).sum(axis=0)
    dominant = np.where(lead != 0, np.sign(lead), np.where(median < 0, -1.0, 1.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        significant = np.asarray(np.where(dominant > 0, positive, negative) / count, dtype=np.float64)
        mean_z = np.asarray(dominant * total / count, dtype=np.float64)
    missing = float(1 - count[1:].mean() / len(estimates)) if len(every) > 1 else 0.0
    curves = estimates[:, 1:]
    _stretch(curves, count[1:])
    return CurveStatistics(dominant, median, significant, mean_z, missing), curves


def _significant(sizes: FloatArray, level: float) -> BoolArray:
    """Return which sizes belong to the largest ones of a share ``level``; equal sizes only together."""
    most = int(np.floor(level * len(sizes) * (1 + 1e-12)))
    if most >= len(sizes):
        return np.ones(len(sizes), dtype=np.bool_)
    below = np.partition(sizes, -most - 1)[-most - 1]
    return np.asarray(sizes > below * (1 + TIES))


def _stretch(curves: FloatArray, count: NDArray[np.int64]) -> None:
    """Fill sorted curves that have fewer estimates than ranks by interpolation between their estimates."""
    ranks = np.linspace(0, 1, len(curves))
    for draw in np.flatnonzero((count < len(curves)) & (count > 0)):
        estimates = curves[: count[draw], draw]
        curves[:, draw] = np.interp(ranks, np.linspace(0, 1, len(estimates)), estimates)
