"""How far a stated total is from the sum of its parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from digicarbon.arrays import FloatArray


def relative_gap(stated: ArrayLike, summed: ArrayLike, floor: ArrayLike = 0.0) -> FloatArray:
    """Return |stated - summed| / max(|stated|, |summed|, floor), shape (n,): 0 where both are zero; gaps stay.

    ``floor``: smallest denominator, in the unit of the totals: a total that rounds to zero has no relative gap.
    """
    a, b = np.asarray(stated, dtype=np.float64), np.asarray(summed, dtype=np.float64)
    scale = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.asarray(floor, dtype=np.float64))
    gap = np.abs(a - b)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(gap == 0.0, 0.0, gap / scale), dtype=np.float64)
