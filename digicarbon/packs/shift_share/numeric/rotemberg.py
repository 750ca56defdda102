"""Which sectors and periods an estimate with a shift-share instrument rests on (Goldsmith-Pinkham, Sorkin & Swift)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray, IntArray


def by_sector(shares: FloatArray, periods: IntArray, count: int, values: FloatArray) -> FloatArray:
    """Return the sums of shares times values in each period.

    ``shares``: of each row in each sector, shape (rows, K). ``periods``: position of each row's period, shape (rows,).
    ``count``: number of periods, T. ``values``: shape (rows, m). The result has shape (T, K, m).
    """
    out = np.empty((count, shares.shape[1], values.shape[1]))
    for period in range(count):
        rows = periods == period
        out[period] = shares[rows].T @ values[rows]
    return out


@dataclass(frozen=True, eq=False)
class Rotemberg:
    """The estimate as a weighted mean of estimates that each use one sector's share as the instrument."""

    estimate: float
    weights: FloatArray
    """By period and sector; they sum to one. Shape (T, K)."""
    coefficients: FloatArray
    """With the sector's share in that period as the only instrument; not a number where it moves nothing. Shape (T,
    K)."""
    by_sector: tuple[FloatArray, FloatArray]
    by_period: tuple[FloatArray, FloatArray]
    """`by_sector`, `by_period`: sums of weights, and the estimate with that sector's, or period's, part of the
    instrument alone, shapes (K,) and (T,)."""


def rotemberg(sums: FloatArray, shocks: FloatArray) -> Rotemberg:
    r"""Return Rotemberg weights.

    ``sums``: of shares times regressor and times outcome, both after controls and effects, as from `by_sector`, shape
    (T, K, 2). ``shocks``: shape (T, K).

    The weight of sector k in period t is :math:`g_{kt} Z_{kt}'x / \sum_{js} g_{js} Z_{js}'x`, which the estimate of
    the sector alone, :math:`Z_{kt}'y / Z_{kt}'x`, has in that with the whole instrument (Goldsmith-Pinkham, Sorkin &
    Swift 2020).
    """
    parts = shocks[:, :, None] * sums
    total = parts.sum(axis=(0, 1))
    sector, period = parts.sum(axis=0), parts.sum(axis=1)
    return Rotemberg(
        estimate=float(total[1] / total[0]),
        weights=parts[:, :, 0] / total[0],
        coefficients=_ratio(sums),
        by_sector=(sector[:, 0] / total[0], _ratio(sector)),
        by_period=(period[:, 0] / total[0], _ratio(period)),
    )


def _ratio(pairs: FloatArray) -> FloatArray:
    """Return the second of each pair over the first, not a number where the first is rounding."""
    moved = np.abs(pairs[..., 0]) > 1e-12 * np.abs(pairs[..., 0]).max(initial=0.0)
    out = np.full(pairs.shape[:-1], np.nan)
    np.divide(pairs[..., 1], pairs[..., 0], out=out, where=moved)
    return out
