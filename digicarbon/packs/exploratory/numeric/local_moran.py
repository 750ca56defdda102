"""Local Moran's I of one cross-section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.statistic import Sides
from digicarbon.packs.exploratory.numeric.concentration import LocalG
from digicarbon.packs.exploratory.numeric.moran import Sparse, neighbour_draws, permutation_moments

LocalMoments = Literal["conditional", "total", "permutation"]
Quadrants = Literal["esda", "spdep"]

QUADRANTS = ("low-low", "low-high", "high-low", "high-high")
"""A unit's own value, then its neighbours'."""


@dataclass(frozen=True, eq=False)
class LocalMoran(LocalG):
    """Local Moran's I of N units; ``quadrant`` are positions in `QUADRANTS`."""

    quadrant: NDArray[np.int64]


def local_moran(
    values: FloatArray,
    w: Sparse,
    moments: LocalMoments = "conditional",
    ml_variance: bool = True,
    quadrants: Quadrants = "esda",
    sides: Sides = "two",
    rng: np.random.Generator | None = None,
    draws: int = 999,
) -> LocalMoran:
    """Return local Moran's I of values, shape (N,), with its moments. Raises EstimationError if no unit has a variance.

    ``moments``: exact ones with a unit's own value fixed and the others permuted (Sokal, Oden & Thomson 1998), with all
    permuted (Anselin 1995), or those of ``draws`` conditional permutations. ``ml_variance``: scale by Σz²/N (spdep's
    ``mlvar=TRUE``, its default) or by Σz²/(N - 1) (``mlvar=FALSE``, and esda). ``quadrants``: the neighbours are high
    where W(x - x̄) is above 0, as in the sign of I (esda), or where Wx is above its mean (spdep). ``rng``: as in
    `moran`.

    I_i = z_i Σⱼ wᵢⱼ zⱼ / s². Permutation p values are (1 + number as extreme)/(1 + draws), two-sided ones by distance
    from the mean over the draws. A unit whose I is the same however the others are exchanged (one that weights all of
    them equally) has no variance, z or p: they are not-a-number.
    """
    n = len(values)
    z = values - values.mean()
    s2 = float(z @ z) / (n if ml_variance else n - 1)
    lag = np.asarray(w @ z)
    i = z * lag / s2
    if moments == "permutation":
        statistics = z[:, None] * neighbour_draws(z, w, rng or np.random.default_rng(0), draws) / s2
        # a draw that equals the value but for rounding is as extreme
        expected, variance, p = permutation_moments(i, statistics, sides, 1e-12 * (1 + np.abs(i)))
    else:
        expected, variance = _moments(z, w, s2, moments)
    # a variance as small as rounding: I is the same however the others are exchanged
    constant = variance <= 1e-12 * z**2 / s2 * np.asarray(w.multiply(w).sum(axis=1))
    if constant.all():
        raise EstimationError(Note("local_moran_fixed"))
    variance = np.where(constant, np.nan, variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (i - expected) / np.sqrt(variance)
    if moments != "permutation":
        p = 2 * scipy.special.ndtr(-np.abs(score)) if sides == "two" else scipy.special.ndtr(-score)
    p = np.where(constant, np.nan, p)
    level = np.asarray(w @ values)
    neighbours = lag > 0 if quadrants == "esda" else level > level.mean()
    return LocalMoran(i, expected, variance, score, p, 2 * (z > 0).astype(np.int64) + neighbours)


def _moments(z: FloatArray, w: Sparse, s2: float, moments: LocalMoments) -> tuple[FloatArray, FloatArray]:
    """Return exact means and variances, each of shape (N,)."""
    # means and variances over exchanges need the first two moments of a row's weights alone
    n = len(z)
    sums, squares = np.asarray(w.sum(axis=1)), np.asarray(w.multiply(w).sum(axis=1))
    if moments == "total":
        kurtosis = float((z**4).mean()) / s2**2
        pairs = sums**2 - squares
        variance = (
            squares * (n - kurtosis) / (n - 1)
            + pairs * (2 * kurtosis - n) / ((n - 1) * (n - 2))
            - sums**2 / (n - 1) ** 2
        )
        return -sums / (n - 1), variance
    # with its own value fixed, a unit's I is linear in a sample without replacement of the others
    sample_variance = (float(z @ z) / n - z**2 / (n - 1)) * n / (n - 2)
    return -(z**2) * sums / ((n - 1) * s2), (z / s2) ** 2 * (squares - sums**2 / (n - 1)) * sample_variance
