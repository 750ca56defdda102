"""Closeness to an ideal: the technique for order preference by similarity to ideal solution (TOPSIS)."""

from __future__ import annotations

import numpy as np

from digicarbon.arrays import FloatArray


def closeness(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return D⁻/(D⁺ + D⁻), with D⁺ and D⁻ the distances of w_j z_ij from its largest and its smallest values.

    z, shape (n, k), is on one scale where more is better (`indicators.min_max`). The result, shape (n,), is from 0
    (worst in every indicator) to 1 (best in every indicator). Hwang & Yoon (1981), *Multiple Attribute Decision
    Making*, pages 128-140; here with linear (min-max) scales.
    """
    weighted = values * weights
    best, worst = (np.linalg.norm(weighted - end(weighted, axis=0), axis=1) for end in (np.max, np.min))
    return np.asarray(worst / (best + worst))
