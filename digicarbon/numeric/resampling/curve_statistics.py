"""Statistics of whole specification curves: the observed one and many under the null."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray

TIES = 1e-9
"""A statistic that is smaller than the observed one by less than this share is equal to it."""


@dataclass(frozen=True, eq=False)
class CurveStatistics:
    """Statistics of D curves.

    Attributes
    ----------
    dominant : ndarray, shape (D,)
        1 or -1: the sign of most estimates of the curve; of the median where there are as many of both.
    median : ndarray, shape (D,)
    share_significant : ndarray, shape (D,)
        Share of the estimates that are significant and have the dominant sign.
    mean_z : ndarray, shape (D,)
        Mean z, positive where it has the dominant sign.
    """

    dominant: FloatArray
    median: FloatArray
    share_significant: FloatArray
    mean_z: FloatArray


class Curves:
    """Collects estimates of S specifications on D outcomes; of everything else only sums are stored.

    Parameters
    ----------
    specifications, draws : int

    Attributes
    ----------
    missing : int
        How many of the estimates that were added are not numbers.
    """

    def __init__(self, specifications: int, draws: int) -> None:
        self._estimates = np.empty((specifications, draws))
        self._significant = np.zeros((2, draws))
        self._z = np.zeros(draws)
        self.missing = 0

    def add(self, place: int, draws: slice, estimate: FloatArray, z: FloatArray, critical: float) -> None:
        """Add the estimates of one specification.

        Parameters
        ----------
        place : int
            Position of the specification.
        draws : slice
            The draws of these estimates.
        estimate, z : ndarray, shape (m,)
            An estimate that is not a number is not on the curve; a z that is not a number counts as 0.
        critical : float
            The absolute z from which an estimate is significant.
        """
        z = np.where(np.isfinite(estimate), np.nan_to_num(z, nan=0.0), 0.0)
        self._estimates[place, draws] = estimate
        self.missing += int((~np.isfinite(estimate)).sum())
        self._significant[:, draws] += z > critical, z < -critical
        self._z[draws] += z

    def cut(self, specifications: int) -> None:
        """Remove the places from ``specifications`` on, to which nothing was added."""
        self._estimates = self._estimates[:specifications]

    def finish(self) -> tuple[CurveStatistics, FloatArray]:
        """Return the statistics of each curve, and the curves sorted, shape (S, D).

        Statistics of a curve without estimates are not numbers; one of fewer than S estimates is stretched to S ranks.
        """
        curves = self._estimates
        # values that are not numbers are sorted to the end
        curves.sort(axis=0)
        count, every = np.isfinite(curves).sum(axis=0), np.arange(curves.shape[1])
        last = np.maximum(count - 1, 0)
        median = (curves[last // 2, every] + curves[last - last // 2, every]) / 2
        lead = (curves > 0).sum(axis=0) - (curves < 0).sum(axis=0)
        dominant = np.where(lead != 0, np.sign(lead), np.where(median < 0, -1.0, 1.0))
        positive, negative = self._significant
        with np.errstate(invalid="ignore"):
            significant = np.asarray(np.where(dominant > 0, positive, negative) / count, dtype=np.float64)
            mean_z = np.asarray(dominant * self._z / count, dtype=np.float64)
        _stretch(curves, count)
        return CurveStatistics(dominant, median, significant, mean_z), curves


def share_as_extreme(observed: float, null: FloatArray) -> float:
    """Return (1 + number of null values that are not smaller) / (1 + draws) (Phipson & Smyth 2010)."""
    # a draw without estimates is no evidence against the null: not-a-number counts as not smaller
    smaller = null < observed - TIES * abs(observed)
    return float((1 + (~smaller).sum()) / (1 + len(null)))


def _stretch(curves: FloatArray, count: NDArray[np.int64]) -> None:
    """Fill sorted curves that have fewer estimates than ranks by interpolation between their estimates."""
    ranks = np.linspace(0, 1, len(curves))
    for draw in np.flatnonzero((count < len(curves)) & (count > 0)):
        estimates = curves[: count[draw], draw]
        curves[:, draw] = np.interp(ranks, np.linspace(0, 1, len(estimates)), estimates)
