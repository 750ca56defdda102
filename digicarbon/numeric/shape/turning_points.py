"""Where a fitted polynomial turns: extrema, their intervals, slopes at the ends, and the test of a U shape.

The curve is f(x) = b₁x + b₂x² + … + b_d x^d. Its slope at x is g(x)′b with g(x) = (1, 2x, …, d x^(d-1)), of variance
g(x)′V g(x). Everything here follows from b, V and the observed x.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.resampling.inversion import crossing

Direction = Literal["greater", "less"]
Region = Literal["interval", "complement", "line"]


@dataclass(frozen=True, eq=False)
class Curve:
    """An estimated polynomial.

    ``b``, shape (d,): coefficients of x, x², …, x^d. ``covariance``: shape (d, d). ``df``: degrees of freedom of
    Student's t; None for the normal distribution. ``level``: coverage of intervals.
    """

    b: FloatArray
    covariance: FloatArray
    df: float | None = None
    level: float = 0.95

    def derivative(self, x: float, order: int = 1) -> tuple[float, float]:
        """Return a derivative at x and its standard error."""
        weights = powers(x, len(self.b), order)
        variance = float(weights @ self.covariance @ weights)
        return float(weights @ self.b), math.sqrt(max(variance, 0.0))

    @property
    def quantile(self) -> float:
        """The two-sided quantile of `level`."""
        tail = 0.5 + self.level / 2
        return float(scipy.special.ndtri(tail) if self.df is None else scipy.special.stdtrit(self.df, tail))

    def upper_tail(self, statistic: float) -> float:
        """Return the probability of a larger statistic under the null."""
        return float(scipy.special.ndtr(-statistic) if self.df is None else scipy.special.stdtr(self.df, -statistic))


@dataclass(frozen=True)
class Point:
    """A place on the x axis with its delta-method standard error and interval.

    ``maximum``: whether the curve has a maximum there, or a minimum; None at an inflection point. ``inside``: whether
    it is within the observed range.
    """

    x: float
    se: float
    low: float
    high: float
    maximum: bool | None
    inside: bool


@dataclass(frozen=True)
class Slope:
    """The slope at a place, tested on one side."""

    at: float
    value: float
    se: float
    low: float
    high: float
    """`at`, `value`, `se`, `low`, `high`: the interval is two-sided."""
    statistic: float
    """Value over standard error, in the direction of the alternative."""
    p: float
    """One-sided."""
    alternative: Direction
    """Than zero."""


@dataclass(frozen=True)
class Fieller:
    """The places at which a zero slope is not rejected (Fieller 1954)."""

    kind: Region
    """All x from ``low`` to ``high``; all x up to ``low`` and from ``high``; every x."""
    low: float
    high: float
    """`low`, `high`: not-a-number where the region is the whole line."""


@dataclass(frozen=True)
class Quadratic:
    """Results for a curve b₁x + b₂x²."""

    turning: Point
    fieller: Fieller
    lower: Slope
    upper: Slope
    """`lower`, `upper`: at the smallest and at the largest x, each with the alternative that the shape requires."""
    statistic: float
    p: float
    """`statistic`, `p`: Lind & Mehlum's test of the shape: those of the slope with the larger p."""
    below: int
    above: int
    """`below`, `above`: observations on each side of the turning point."""
    path: str
    """The curve from the smallest to the largest x, e.g. ``"up-down"``."""


@dataclass(frozen=True)
class Cubic:
    """Results for a curve b₁x + b₂x² + b₃x³."""

    extrema: tuple[Point, ...]
    """Two, in order, or none where the slope never changes its sign."""
    inflection: Point
    lower: Slope
    middle: Slope
    upper: Slope
    """`lower`, `middle`, `upper`: at the smallest x, at the inflection point and at the largest x. The alternatives at
    both ends are the sign of b₃, at the inflection point the other one."""
    counts: tuple[int, ...]
    """Observations below, between and above the extrema; below and above the inflection point where there are none."""
    path: str
    """As in `Quadratic`."""


def quadratic(curve: Curve, x: FloatArray) -> Quadratic:
    """Return turning point, intervals, slopes and the test of a U or an inverse U, whichever the estimates suggest.

    ``curve``: a polynomial of degree 2, b₂ not zero. ``x``, shape (n,): observed values.

    Lind & Mehlum (2010): the null of no U shape is that the slope is not negative at the smallest x or not positive at
    the largest; it is rejected where both one-sided tests reject, so that the test's p is the larger one. With the
    turning point outside of the range one slope has the wrong sign and p is above one half.
    """
    low, high = float(x.min()), float(x.max())
    b1, b2 = curve.b
    turning = _extremum(curve, -b1 / (2 * b2), x)
    lower = _slope(curve, low, "less" if b2 > 0 else "greater")
    upper = _slope(curve, high, "greater" if b2 > 0 else "less")
    weaker = lower if lower.p >= upper.p else upper
    return Quadratic(
        turning=turning,
        fieller=fieller(curve),
        lower=lower,
        upper=upper,
        statistic=weaker.statistic,
        p=weaker.p,
        below=int((x < turning.x).sum()),
        above=int((x > turning.x).sum()),
        path=_path(curve, (turning,), low, high),
    )


def cubic(curve: Curve, x: FloatArray) -> Cubic:
    """Return extrema, inflection point and slopes; there is no Lind–Mehlum test of a cubic.

    ``curve``: a polynomial of degree 3, b₃ not zero. ``x``, shape (n,): observed values.
    """
    low, high = float(x.min()), float(x.max())
    b1, b2, b3 = curve.b
    # about the inflection point the slope is 3 b₃ (u² - h²): stable where the roots lie close to each other
    middle = -b2 / (3 * b3)
    half_squared = middle**2 - b1 / (3 * b3)
    half = math.sqrt(half_squared) if half_squared > 0 else 0.0
    extrema = tuple(_extremum(curve, middle + side * half, x) for side in (-1, 1)) if half > 0 else ()
    cuts = [point.x for point in extrema] or [middle]
    outward: Direction = "greater" if b3 > 0 else "less"
    return Cubic(
        extrema=extrema,
        inflection=_point(curve, middle, 2, None, x),
        lower=_slope(curve, low, outward),
        middle=_slope(curve, middle, "less" if b3 > 0 else "greater"),
        upper=_slope(curve, high, outward),
        counts=tuple(int(count) for count in np.bincount(np.searchsorted(cuts, x), minlength=len(cuts) + 1)),
        path=_path(curve, extrema, low, high),
    )


def fieller(curve: Curve) -> Fieller:
    """Return the region of turning points of a quadratic whose slope is not significant.

    Fieller (1954): all x with (b₁ + 2b₂x)² ≤ q²(v₁₁ + 4x v₁₂ + 4x² v₂₂), q the two-sided quantile. It is an interval
    where b₂ is significant, otherwise the complement of one, or the whole line where no slope at all is significant.
    """
    (b1, b2), v, q2 = curve.b, curve.covariance, curve.quantile**2
    # in z = 2x: a z² + 2 h z + c ≤ 0
    a, h, c = b2**2 - q2 * v[1, 1], b1 * b2 - q2 * v[0, 1], b1**2 - q2 * v[0, 0]
    inner = h**2 - a * c
    if a <= 0 and inner <= 0:
        return Fieller("line", math.nan, math.nan)
    # the root of larger size first, the other from their product: no digits are lost where a is small
    first = -(h + math.copysign(math.sqrt(max(inner, 0.0)), h))
    if a == 0:
        end = c / first / 2
        return Fieller("complement", *((-math.inf, end) if h < 0 else (end, math.inf)))
    low, high = sorted((first / a / 2, c / first / 2)) if first else (0.0, 0.0)
    return Fieller("interval" if a > 0 else "complement", low, high)


def inverted(curve: Curve, excess: Callable[[FloatArray], float], order: int = 1) -> Fieller:
    """Return the region of places at which a test does not reject that a derivative is zero.

    The curve is of a degree one above the order, so that the derivative is linear in x; ``excess`` says by how much |t|
    of a combination g of the coefficients, shape (d,), exceeds what its test takes: positive where a zero is rejected.
    It depends on the direction of g alone.

    The directions g(x) = u + vx, with v itself as x goes to either infinity, are half a circle. |t| is zero where the
    curve turns and largest in the direction of (AVA′)⁻¹Ab, A = (u, v)′; the region is the arc about the first up to
    where the test rejects, on both sides. With a critical value that is the same for all g it is Fieller's.
    """
    u, v = powers(0.0, len(curve.b), order), powers(0.0, len(curve.b), order + 1)
    # places are measured about where the curve turns, in standard errors: half of the arc is then near one
    middle = -float(u @ curve.b) / float(v @ curve.b)
    scale = curve.derivative(middle, order)[1] / abs(float(v @ curve.b))
    axes = np.stack([u + middle * v, scale * v])
    peak = np.linalg.solve(axes @ curve.covariance @ axes.T, axes @ curve.b)
    top = math.atan2(float(peak[1]), float(peak[0])) % math.pi

    def at(angle: float) -> float:
        return excess(math.cos(angle) * axes[0] + math.sin(angle) * axes[1])

    if not at(top) > 0:
        return Fieller("line", math.nan, math.nan)
    above, below = crossing(at, 0.0, top), crossing(at, 0.0, top - math.pi)
    right, left = (middle + scale * math.tan(angle) for angle in (above, below))
    if above < math.pi / 2 and below > -math.pi / 2:
        return Fieller("interval", left, right)
    return Fieller("complement", *sorted((left, right)))


def contrast_weights(degree: int, at: FloatArray, x: FloatArray) -> FloatArray:
    """Return the weights of coefficients in f(at) less the mean of f over the observed x, shape (m, degree)."""
    exponents = np.arange(1, degree + 1)
    return np.asarray(at[:, None] ** exponents - (x[:, None] ** exponents).mean(axis=0))


def contrast(curve: Curve, at: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return f(at) less the mean of f over the observed x, and its standard error, shape (m,); any degree."""
    difference = contrast_weights(len(curve.b), at, x)
    variance = np.einsum("ij,jk,ik->i", difference, curve.covariance, difference)
    return difference @ curve.b, np.sqrt(np.maximum(variance, 0.0))


def lost_digits(curve: Curve, x: float) -> float:
    """Return how many decimal digits cancel in the variance of the slope at x; infinite if nothing is left."""
    weights = np.abs(powers(x, len(curve.b), 1))
    size = float(weights @ np.abs(curve.covariance) @ weights)
    variance = curve.derivative(x)[1] ** 2
    return math.log10(size / variance) if variance > 0 else math.inf


def powers(x: float, degree: int, order: int) -> FloatArray:
    """Return the derivatives of x, x², …, x^degree at x."""
    return np.array(
        [math.perm(k, order) * x ** (k - order) if k >= order else 0.0 for k in range(1, degree + 1)], dtype=np.float64
    )


def _extremum(curve: Curve, at: float, x: FloatArray) -> Point:
    return _point(curve, at, 1, curve.derivative(at, 2)[0] < 0, x)


def _point(curve: Curve, at: float, order: int, maximum: bool | None, x: FloatArray) -> Point:
    """Return the root of a derivative; implicit differentiation gives se(x) = se(f⁽ᵒ⁾(x)) / |f⁽ᵒ⁺¹⁾(x)|."""
    se = curve.derivative(at, order)[1] / abs(curve.derivative(at, order + 1)[0])
    half = curve.quantile * se
    return Point(at, se, at - half, at + half, maximum, bool(x.min() < at < x.max()))


def _slope(curve: Curve, at: float, alternative: Direction) -> Slope:
    value, se = curve.derivative(at)
    statistic = (value if alternative == "greater" else -value) / se
    half = curve.quantile * se
    return Slope(at, value, se, value - half, value + half, statistic, curve.upper_tail(statistic), alternative)


def _path(curve: Curve, extrema: tuple[Point, ...], low: float, high: float) -> str:
    """Return the directions of the curve between the ends and the extrema within them."""
    ends = [low, *(point.x for point in extrema if point.inside), high]
    middles = [(left + right) / 2 for left, right in pairwise(ends)]
    return "-".join("up" if curve.derivative(middle)[0] > 0 else "down" for middle in middles)
