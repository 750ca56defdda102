"""Standard errors of shift-share regressions whose units share shocks (Adao, Kolesar & Morales 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, ndtri

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.packs.shift_share.numeric.rotemberg import by_sector

SetKind = Literal["interval", "outside", "everything"]
"""Of a confidence set: an interval; all values but those of an interval; all values."""


@dataclass(frozen=True, eq=False)
class Akm:
    """Inference on a coefficient that treats shocks as random, shares and errors as given."""

    coefficient: float
    se: float
    """AKM."""
    p: float
    """Of the coefficient that is tested, AKM."""
    low: float
    high: float
    """`low`, `high`: ends of the interval, AKM."""
    se_null: float
    """AKM0: half of the length of the set over the normal quantile, as ShiftShareSE reports it; not a number unless the
    set is an interval."""
    p_null: float
    """AKM0."""
    kind: SetKind
    """What the set of AKM0 is."""
    low_null: float
    high_null: float
    """`low_null`, `high_null`: ends of that set; those of the gap in it where it is "outside"."""


def residual_shocks(shares: FloatArray, periods: IntArray, count: int, instrument: FloatArray) -> FloatArray | None:
    """Return the coefficients of the instrument, after controls and effects, on the shares in each period.

    ``shares``: shape (rows, K). ``periods``: shape (rows,). ``count``: number of periods, T. ``instrument``: shape
    (rows,). Returns None if shares are collinear in a period, or there are more sectors than rows in it, shape (T, K).
    """
    out = np.empty((count, shares.shape[1]))
    for period in range(count):
        rows = periods == period
        found, _, rank, _ = np.linalg.lstsq(shares[rows], instrument[rows], rcond=None)
        if rank < shares.shape[1]:
            return None
        out[period] = found
    return out


def akm(
    columns: FloatArray,
    shares: FloatArray,
    periods: IntArray,
    shocks: FloatArray,
    level: float = 0.95,
    by: Literal["sector", "shock"] = "sector",
    null: float = 0.0,
) -> Akm:
    """Return AKM and AKM0 standard errors, p values and sets, by the formulas of R's ShiftShareSE (Kolesar).

    ``columns``, shape (rows, 3): outcome, regressor and instrument after controls and effects; regressor and instrument
    are the same where the shift-share variable is the regressor. ``shares``: shape (rows, K). ``periods``: shape
    (rows,). ``shocks``, shape (T, K): as from `residual_shocks`. ``by``: shocks are independent between sectors, or
    also between periods. ``null``: the coefficient that is tested.

    They are those of ``reg_ss.fit`` and ``ivreg_ss.fit``.
    """
    y, x, z = columns.T
    first = float(z @ x)
    coefficient = float(z @ y) / first
    errors = np.column_stack([y - coefficient * x, x, y - null * x])
    scores = shocks[:, :, None] * by_sector(shares, periods, len(shocks), errors)
    scores = scores.sum(axis=0) if by == "sector" else scores.reshape(-1, 3)
    # cross products of the scores of residuals, of the regressor, and of errors under the null
    s = scores.T @ scores
    se, se_at = np.sqrt(s[0, 0]) / abs(first), np.sqrt(s[2, 2]) / abs(first)
    critical = float(ndtri((1 + level) / 2))
    distance = abs(coefficient - null)
    q = (first / critical) ** 2 - s[1, 1]
    shift = s[0, 1] / q
    spread = shift**2 + s[0, 0] / q
    centre = coefficient - shift
    half = float(np.sqrt(spread)) if spread >= 0 else np.nan
    kind: SetKind = "interval" if q > 0 else "outside" if spread >= 0 else "everything"
    ends = (centre - half, centre + half) if kind != "everything" else (-np.inf, np.inf)
    return Akm(
        coefficient=coefficient,
        se=float(se),
        p=float(2 * ndtr(-distance / se)),
        low=float(coefficient - critical * se),
        high=float(coefficient + critical * se),
        se_null=half / critical if kind == "interval" else np.nan,
        p_null=float(2 * ndtr(-distance / se_at)),
        kind=kind,
        low_null=float(ends[0]),
        high_null=float(ends[1]),
    )
