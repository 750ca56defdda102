"""How numbers differ from recorded ones."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

TOLERANCE = 1e-10
"""Numbers are equal if they differ by less than this, relative to the larger one."""
SMALLEST = 1e-12
"""Numbers of a smaller size are compared relative to this: the digits of a p value of 1e-300 mean nothing."""


def differences(stored: Mapping[str, float], found: Mapping[str, float], smallest: float = SMALLEST) -> pd.DataFrame:
    """Compare the numbers of a run, the largest difference first.

    Parameters
    ----------
    stored, found : mapping of str to float
        By name, as `digicarbon.tracking.metrics` gives them, finite.
    smallest : float
        Numbers of a smaller size are compared relative to this.

    Returns
    -------
    DataFrame
        Index name; columns stored, today, difference: relative to the larger of the two, and 1 if a number is on one
        side only.
    """
    frame = pd.DataFrame({"stored": pd.Series(stored, dtype=float), "today": pd.Series(found, dtype=float)})
    size = frame.abs().max(axis="columns").clip(lower=smallest)
    frame["difference"] = ((frame["stored"] - frame["today"]).abs() / size).fillna(1.0)
    return frame.sort_values("difference", ascending=False, kind="stable")
