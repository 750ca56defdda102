"""Distance of numbers from the usual level of their unit, in robust standard deviations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray

NORMAL = 1.4826
"""1/Φ⁻¹(3/4): the median absolute deviation times this estimates the standard deviation of a normal variable."""


@dataclass(frozen=True)
class RobustScores:
    """Deviations from each unit's own median, shape (N, T), and the same over the unit's scale.

    A score is 0 where the deviation is 0, missing where the value is missing.
    """

    deviation: FloatArray
    score: FloatArray


def robust_scores(values: FloatArray) -> RobustScores:
    """Return deviations from the unit's median, in units of its median absolute deviation, of values (N, T).

    z_it = (x_it - med_i) / max(s_i, s) with s_i = 1.4826 med_t|x_it - med_i| and s the same over all units. The floor s
    prevents that every other number of a unit with a few nearly equal numbers is an outlier. Iglewicz & Hoaglin (1993),
    How to Detect and Handle Outliers.
    """
    values = np.asarray(values, dtype=np.float64)
    deviation = values - _median(values)[:, None]
    size = np.abs(deviation)
    pooled = size[np.isfinite(size)]
    floor = np.median(pooled) if pooled.size else 0.0
    scale = NORMAL * np.maximum(np.nan_to_num(_median(size)), floor)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(deviation == 0.0, 0.0, deviation / scale)
    return RobustScores(deviation, score)


def log_growth(levels: FloatArray) -> FloatArray:
    """Return ln x_t - ln x_(t-1), shape (N, T); missing in the first period and where a level is not positive."""
    levels = np.asarray(levels, dtype=np.float64)
    logs = np.full(levels.shape, np.nan)
    np.log(levels, out=logs, where=levels > 0)
    growth = np.full(levels.shape, np.nan)
    growth[:, 1:] = np.diff(logs, axis=1)
    return growth


def _median(values: FloatArray) -> FloatArray:
    """Return each row's median, missing where the whole row is missing."""
    result = np.full(values.shape[0], np.nan)
    some = np.isfinite(values).any(axis=1)
    if some.any():
        result[some] = np.nanmedian(values[some], axis=1)
    return result
