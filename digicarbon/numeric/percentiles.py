"""Percentiles by Stata's rule."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from digicarbon.arrays import FloatArray


def tails(values: FloatArray, low: float, high: float) -> tuple[float, float]:
    """Return the percentiles of ``low`` and 1 - ``high``, beyond which so many values lie, by Stata's ``_pctile``.

    Of n values x(1) ≤ … ≤ x(n), the percentile of a share p is x(k) with k the least whole number above n p, or the
    mean of x(n p) and x(n p + 1) where n p is a whole number: the inverse of the distribution function with means where
    it jumps. ``winsor2`` takes these. R's ``quantile(type = 2)`` has the same rule. A share of 0 is the smallest or the
    largest value.
    """
    ordered = np.sort(values)
    return _lowest(ordered, low), -_lowest(-ordered[::-1], high)


def _lowest(ordered: FloatArray, share: float) -> float:
    # 100 * 0.07 is 7.000000000000001 as a float, which would be no whole number
    place = len(ordered) * Fraction(str(share))
    rank = int(place)
    if place != rank or rank == 0:
        return float(ordered[rank])
    return float((ordered[rank - 1] + ordered[rank]) / 2)
