"""Statistics of whole specification curves: the observed one and many under the null."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

TIES = 1e-9
"""A statistic that is smaller than the observed one by less than this share is equal to it."""


@dataclass(frozen=True, eq=False)
class CurveStatistics:
    """Statistics of D curves.

    Attributes
    ----------
    dominant : ndarray, shape (D,)
        1 or -1: the sign of most estimates of the curve; of the median where both are as many.
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
    """Collects estimates of S specifications on D outcomes; only estimates are kept one by one.

    Parameters
    ----------
    specifications, draws : int
    """

    def __init__(self, specifications: int, draws: int) -> None:
        self._estimates = np.empty((specifications, draws))
        self._significant = np.zeros((2, draws))
        self._z = np.zeros(draws)

    def add(self, place: int, draws: slice, estimate: FloatArray, z: FloatArray, critical: float) -> None:
        """Take the estimates of one specification.

        Parameters
        ----------
        place : int
            Of the specification.
        draws : slice
            Those that are given.
        estimate, z : ndarray, shape (m,)
            A z that is not a number counts as 0.
        critical : float
            The absolute z from which an estimate is significant.
        """
        z = np.nan_to_num(z, nan=0.0)
        self._estimates[place, draws] = estimate
        self._significant[:, draws] += z > critical, z < -critical
        self._z[draws] += z

    def finish(self) -> tuple[CurveStatistics, FloatArray]:
        """Return the statistics of each curve, and the curves sorted, shape (S, D)."""
        curves = self._estimates
        curves.sort(axis=0)
        count = len(curves)
        median = (curves[(count - 1) // 2] + curves[count // 2]) / 2
        lead = (curves > 0).sum(axis=0) - (curves < 0).sum(axis=0)
        dominant = np.where(lead != 0, np.sign(lead), np.where(median < 0, -1.0, 1.0))
        positive, negative = self._significant
        significant = np.asarray(np.where(dominant > 0, positive, negative) / count, dtype=np.float64)
        mean_z = np.asarray(dominant * self._z / count, dtype=np.float64)
        return CurveStatistics(dominant, median, significant, mean_z), curves


def share_as_extreme(observed: float, null: FloatArray) -> float:
    """Return (1 + number of null values that are not smaller) / (1 + draws) (Phipson & Smyth 2010)."""
    return float((1 + (null >= observed - TIES * abs(observed)).sum()) / (1 + len(null)))
