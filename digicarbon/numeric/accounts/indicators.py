"""Indicators brought to one scale, so that they can be added."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray

ROUNDING = 1e-12
"""Values that differ by less than this share of the largest are equal."""


def varies(values: FloatArray) -> bool:
    """Return whether values, shape (n,) and finite, differ by more than rounding."""
    return bool(np.ptp(values) > ROUNDING * np.abs(values).max())


def z_scores(values: FloatArray) -> FloatArray:
    """Return (x - mean)/s for each column, shape (n, k), s with the divisor n - 1; gaps stay and are not counted."""
    return np.asarray((values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0, ddof=1))
