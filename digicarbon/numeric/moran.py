"""Global Moran's I with its normal and randomisation moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

FloatArray = NDArray[np.float64]
Moments = Literal["normal", "randomisation"]
Sides = Literal["two", "greater"]


@dataclass(frozen=True)
class Moran:
    """Moran's I of one cross-section.

    Attributes
    ----------
    i, expected, variance, z, p : float
    """

    i: float
    expected: float
    variance: float
    z: float
    p: float


def moran(values: FloatArray, w: sparse.csr_array, moments: Moments = "normal", sides: Sides = "two") -> Moran:
    """Return Moran's I and its test against no spatial autocorrelation.

    Parameters
    ----------
    values : ndarray, shape (N,)
    w : csr_array, shape (N, N)
    moments : {"normal", "randomisation"}
        Variance under normality or under random permutation of the values.
    sides : {"two", "greater"}

    Notes
    -----
    I = (N/S₀) Σᵢⱼ wᵢⱼ zᵢ zⱼ / Σ zᵢ², z = (I - E I)/√Var I (the study's Eq 11-12); moments from Cliff & Ord (1981),
    pp. 42-46.
    """
    n = len(values)
    z = values - values.mean()
    s0 = float(w.sum())
    i = n / s0 * float(z @ (w @ z)) / float(z @ z)
    symmetric = w + w.T
    s1 = float((symmetric.multiply(symmetric)).sum()) / 2
    s2 = float(((np.asarray(w.sum(axis=0)) + np.asarray(w.sum(axis=1))) ** 2).sum())
    expected = -1.0 / (n - 1)
    if moments == "normal":
        variance = (n**2 * s1 - n * s2 + 3 * s0**2) / ((n**2 - 1) * s0**2) - expected**2
    else:
        kurtosis = float((z**4).mean() / (z**2).mean() ** 2)
        first = n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2)
        second = kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
        variance = (first - second) / ((n - 1) * (n - 2) * (n - 3) * s0**2) - expected**2
    score = (i - expected) / float(np.sqrt(variance))
    p = 2 * special.ndtr(-abs(score)) if sides == "two" else special.ndtr(-score)
    return Moran(i, expected, variance, score, float(p))
