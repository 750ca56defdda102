"""How far numbers are apart: one pair, those of a run, or all numbers of thousands of runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray

TOLERANCE = 1e-10
"""Numbers are equal if they differ by less than this, relative to the larger one."""
SMALLEST = 1e-12
"""Numbers of a smaller size are compared relative to this: the digits of a p value of 1e-300 mean nothing."""
SAME, SMALLEST_REBUILT = 1e-6, 1e-9
"""The same for numbers of another computer: its processor rounds otherwise, and limits of intervals, which are searched
for, show most of it."""
REPEATED = "focal."
"""Metrics of the focal term, which also stand under its own name."""


def relative(one: FloatArray, other: FloatArray, smallest: float = SMALLEST) -> FloatArray:
    """Return differences relative to the larger number: 0 where both are missing (NaN), 1 where one is.

    Numbers of a size below ``smallest`` are compared relative to that.
    """
    size = np.maximum(np.fmax(np.abs(one), np.abs(other)), smallest)
    apart: FloatArray = np.abs(one - other) / size
    return np.where(np.isnan(apart), np.isnan(one) != np.isnan(other), apart)


def differences(stored: Mapping[str, float], found: Mapping[str, float], smallest: float = SMALLEST) -> pd.DataFrame:
    """Compare the numbers of a run, the largest difference first.

    ``stored``, ``found``: by name, as `digicarbon.tracking.metrics` gives them, finite. ``smallest``: numbers of a
    smaller size are compared relative to this. The table has the index name and the columns stored, today and
    difference: relative to the larger of the two, and 1 if a number is on one side only.
    """
    frame = pd.DataFrame({"stored": pd.Series(stored, dtype=float), "today": pd.Series(found, dtype=float)})
    frame["difference"] = relative(frame["stored"].to_numpy(), frame["today"].to_numpy(), smallest)
    return frame.sort_values("difference", ascending=False, kind="stable")
