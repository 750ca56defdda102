"""Short- and long-run effects, impulse responses and their parts by order of neighbours, with delta-method errors.

Every effect is a factor p(ρ, τ, η) times β plus a factor q times θ, the coefficients of x and of Wx: p and q are mean
diagonals or mean row sums of a function of W. Parameters are in the order (ρ, τ, η).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.numeric.spatial.effects import EffectEstimates, multipliers
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.packs.dynamic_space.numeric.score import largest_root, regular
from digicarbon.packs.dynamic_space.numeric.spectrum import Spectrum, Values, spectrum_of

SHORT, LONG = ("direct", "indirect", "total"), ("long_direct", "long_indirect", "long_total")
ORDERS = 6
"""Orders of neighbours that are shown on their own."""


@dataclass(frozen=True, eq=False)
class Factors:
    """Factors of β and θ in e effects."""

    values: FloatArray
    """Shape (e, 2)."""
    slopes: FloatArray
    """Derivatives in ρ, τ and η, shape (e, 2, 3)."""

    def estimates(self, beta: FloatArray, lagged: FloatArray, covariance: FloatArray) -> EffectEstimates:
        """Return effects of k variables; coefficients of x and Wx, and the covariance of (β, θ, ρ, τ, η)."""
        return EffectEstimates(*self._delta(beta, lagged, covariance)[:2])

    def _delta(
        self, beta: FloatArray, lagged: FloatArray, covariance: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        values = self.values[:, :1] * beta + self.values[:, 1:] * lagged
        gradient = self.gradients(beta, lagged)
        variance = ((gradient @ covariance) * gradient).sum(axis=2)
        return values, np.sqrt(np.maximum(variance, 0.0)), gradient

    def gradients(self, beta: FloatArray, lagged: FloatArray) -> FloatArray:
        """Return derivatives of the effects in (β, θ, ρ, τ, η), shape (e, k, 2k + 3)."""
        k, e = len(beta), len(self.values)
        out = np.zeros((e, k, 2 * k + 3))
        own = np.arange(k)
        out[:, own, own] = self.values[:, :1]
        out[:, own, k + own] = self.values[:, 1:]
        out[:, :, 2 * k :] = (
            beta[None, :, None] * self.slopes[:, None, 0] + lagged[None, :, None] * self.slopes[:, None, 1]
        )
        return out


@dataclass(frozen=True, eq=False)
class RatioTest:
    """Test and interval of long-run effects by Fieller's method."""

    stat: FloatArray
    low: FloatArray
    high: FloatArray
    """`stat`, `low`, `high`: of the hypothesis of no effect; an end is infinite where the denominator may be zero.
    Shape (3, k)."""


def short_factors(theta: FloatArray, w: SpatialOperator) -> Factors:
    """Return the factors of direct, indirect and total effects at once: those of a static model."""
    found = multipliers(float(theta[0]), w)
    slopes = np.zeros((3, 2, 3))
    slopes[:, :, 0] = found[:, 1]
    return Factors(found[:, 0], slopes)


def long_factors(theta: FloatArray, w: SpatialOperator) -> Factors:
    """Return the factors of direct, indirect and total effects in the long run.

    D⁻¹ = (I - rW)⁻¹/(1 - τ) with r = (ρ + η)/(1 - τ).
    """
    left = 1 - float(theta[1])
    r = float(theta[0] + theta[2]) / left
    found = multipliers(r, w)
    values, by_r = found[:, 0] / left, found[:, 1] / left**2
    slopes = np.stack([by_r, values / left + by_r * r, by_r], axis=2)
    return Factors(values, slopes)


def many_factors(theta: FloatArray, quantity: str, spectrum: Spectrum, c: float) -> tuple[FloatArray, FloatArray]:
    """Return factors of one effect for M sets of parameters, where W has constant row sums c.

    ``theta``: shape (M, 3). ``quantity``: ``coefficient`` or one of `SHORT` and `LONG`. ``spectrum``: with the
    constant's root. Returns ``values``, shape (M, 2); ``slopes``, shape (M, 2, 3).
    """
    values, slopes = np.zeros((len(theta), 2)), np.zeros((len(theta), 2, 3))
    if quantity == "coefficient":
        values[:, 0] = 1.0
        return values, slopes
    long = quantity in LONG
    shift, slope = (
        (1 - theta[:, 1:2], theta[:, :1] + theta[:, 2:]) if long else (np.ones((len(theta), 1)), theta[:, :1])
    )

    def add(first: FloatArray, second: FloatArray, sign: float) -> None:
        nonlocal values, slopes
        values += sign * first[:, :2]
        slopes[:, :, 0] += sign * second[:, 1:]
        if long:
            slopes[:, :, 1] += sign * second[:, :2]
            slopes[:, :, 2] += sign * second[:, 1:]

    kind = quantity.removeprefix("long_")
    if kind != "direct":
        d = 1 / (shift - slope * c)
        powers = np.array([1.0, c, c * c])
        add(d * powers, d * d * powers, 1.0)
    if kind != "total":
        roots = 1 / (shift - slope * spectrum.nodes)
        first, second = spectrum.sums(roots) / spectrum.count, spectrum.sums(roots * roots) / spectrum.count
        add(first, second, 1.0 if kind == "direct" else -1.0)
    return values, slopes


def ratio_tests(
    factors: Factors,
    theta: FloatArray,
    coefficients: tuple[FloatArray, FloatArray],
    covariance: FloatArray,
    w: SpatialOperator,
    critical: float,
) -> RatioTest:
    """Return tests and intervals of long-run effects that allow for a denominator near zero.

    ``factors``: from `long_factors`. ``theta``: shape (3,). ``coefficients``: those of x and of Wx, shape (k,).
    ``covariance``: of (β, θ, ρ, τ, η), shape (2k + 3, 2k + 3). ``critical``: the value that statistics are compared
    with.

    Fieller (1954), Journal of the Royal Statistical Society B 16. An effect f has the value L where d(f - L) is zero,
    whose gradient is d∇f + (f - L)∇d, with d as in `denominators`. For total effects with equal row sums this is linear
    in β, θ, ρ, τ and η, and the test is that of a linear hypothesis.
    """
    values, _, gradient = factors._delta(*coefficients, covariance)
    k = len(coefficients[0])
    d, of_d = denominators(theta, w, long=True)
    slope = np.zeros((3, 2 * k + 3))
    slope[:, 2 * k :] = of_d
    d = d[:, None]
    spreads = slope @ covariance
    a = ((gradient @ covariance) * gradient).sum(axis=2)
    b = (gradient * spreads[:, None]).sum(axis=2)
    spread = (spreads * slope).sum(axis=1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        stat = d * values / np.sqrt(d * d * a + 2 * d * values * b + values**2 * spread)
    return RatioTest(stat, *ratio_interval(values, d, (a, b, spread), critical))


def ratio_interval(
    f: FloatArray | float, d: FloatArray | float, moments: tuple[FloatArray | float, ...], critical: float
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of Fieller's interval of ratios f with denominators d > 0.

    ``moments``: variance of f, its covariance with d, and the variance of d.

    Values L with (d² - z²s)δ² + 2z²db δ - z²d²a ≤ 0, δ = L - f. Where the denominator may be zero these are all values,
    or all but those between two. If zero is between them, the sign of the numerator is known, and the values of the
    other sign have a negative denominator: there is then no long run, and they are left out.
    """
    a, b, spread = moments
    z2 = critical**2
    with np.errstate(divide="ignore", invalid="ignore"):
        lead, half = np.asarray(d * d - z2 * spread), z2 * d * b
        root = np.sqrt(half**2 + lead * z2 * d * d * a)
        one, other = (-half - root) / lead + f, (-half + root) / lead + f
    beyond = (lead < 0) & (other < 0) & (one > 0)
    low = np.where(lead > 0, one, np.where(beyond & (np.asarray(f) > 0), one, -np.inf))
    high = np.where(lead > 0, other, np.where(beyond & (np.asarray(f) < 0), other, np.inf))
    return low, high


def denominators(theta: FloatArray, w: SpatialOperator, long: bool) -> tuple[FloatArray, FloatArray]:
    """Return by what direct, indirect and total effects are divided, shape (..., 3), and its derivatives, shape (3, 3).

    Parameters are of shape (..., 3).

    The total effect has its pole where 1 - ρc is zero, in the long run 1 - τ - (ρ + η)c, c the largest root of W; a
    unit's own effect hardly knows of it, since the other roots are smaller: its denominator is 1, or 1 - τ.
    """
    c = w.constant_row_sum
    if c is None:
        c = 1 / w.bounds[1]
    own = np.array([0.0, c, c])
    slopes = np.stack([-own, np.full(3, -1.0 if long else 0.0), -own if long else np.zeros(3)], axis=1)
    return 1 + theta @ slopes.T, slopes


def stability(theta: FloatArray, w: SpatialOperator) -> float:
    """Return the largest modulus of the roots of A = S⁻¹(τI + ηW): the model is stable where it is below 1.

    Lee & Yu (2012), Dynamic spatial panels: stability and cointegration; all of W's roots count, the constant's among
    them.
    """
    return float(largest_root(theta[None], spectrum_of(w, False).ends)[0])


def is_stable(theta: FloatArray, w: SpatialOperator) -> BoolArray:
    """Return whether there is a long run, for M sets of parameters: ρ is inside W's range and roots are below 1."""
    ends = spectrum_of(w, False).ends
    return np.asarray(regular(theta, ends) & (largest_root(theta, ends) < 1))


def impulse_factors(theta: FloatArray, w: SpatialOperator, horizons: int) -> Factors:
    """Return the factors of AʰS⁻¹(βI + θW) for h = 0, …, H: direct, indirect and total effects.

    Those of 3(H + 1) effects; three for each horizon.
    """
    spectrum = spectrum_of(w, False)
    own = _at_roots(theta, spectrum.nodes, horizons) @ spectrum.powers[:, :2] / spectrum.count
    c = w.constant_row_sum
    if c is None:
        whole = _by_vectors(theta, w, horizons)
    else:
        whole = _at_roots(theta, np.array([c]), horizons) @ np.array([[1.0, c]])
    # axes: value and three slopes, horizon, factor
    direct, total = own.real, np.asarray(whole).real
    every = np.stack([direct, total - direct, total], axis=2)
    values = every[0].reshape(-1, 2)
    return Factors(values, np.moveaxis(every[1:], 0, -1).reshape(-1, 2, 3))


def accumulated(factors: Factors) -> Factors:
    """Return the factors of sums over horizons up to each."""
    return Factors(
        factors.values.reshape(-1, 3, 2).cumsum(axis=0).reshape(-1, 2),
        factors.slopes.reshape(-1, 3, 2, 3).cumsum(axis=0).reshape(-1, 2, 3),
    )


def order_factors(theta: FloatArray, w: SpatialOperator, long: bool) -> Factors:
    """Return the factors of the parts of effects that come through neighbours of order 0, 1, …, and of all further.

    The parts are the terms in W^q of the power series (LeSage & Pace 2009, sec. 2.7.2); they add up to the effects.

    Those of 3(`ORDERS` + 2) effects; three for each order, the last of what remains.
    """
    spectrum = spectrum_of(w, False)
    left = 1 - float(theta[1]) if long else 1.0
    r = float(theta[0] + (theta[2] if long else 0.0)) / left
    orders = np.arange(ORDERS + 1)
    powers = spectrum.nodes[:, None] ** orders
    direct = (spectrum.weights @ powers).real / spectrum.count
    # the diagonal of W is zero, and so is the sum of its eigenvalues but for rounding
    direct[1] = 0.0
    c = w.constant_row_sum
    if c is None:
        column, total = np.ones((1, w.n, 1)), np.empty(ORDERS + 1)
        for order in orders:
            total[order] = column.mean()
            column = w.lag(column)
    else:
        total = c ** orders.astype(np.float64)
    moments = np.stack([direct, total - direct, total], axis=1)
    size = np.stack([r ** orders.astype(np.float64), orders * r ** np.maximum(orders - 1, 0.0)])
    size_lag = np.zeros_like(size)
    size_lag[:, 1:] = size[:, :-1]
    # axes: value and slope in r, order, effect, factor
    parts = np.stack([each[:, :, None] * moments[None] for each in (size, size_lag)], axis=-1)
    whole = long_factors(theta, w) if long else short_factors(theta, w)
    values = parts[0] / left
    by_r = parts[1] / left**2
    tau = values / left + by_r * r if long else np.zeros_like(values)
    eta = by_r if long else np.zeros_like(values)
    slopes = np.stack([by_r, tau, eta], axis=-1)
    values = np.concatenate([values, (whole.values - values.sum(axis=0))[None]])
    slopes = np.concatenate([slopes, (whole.slopes - slopes.sum(axis=0))[None]])
    return Factors(values.reshape(-1, 2), slopes.reshape(-1, 2, 3))


def _at_roots(theta: FloatArray, nodes: Values, horizons: int) -> Values:
    """Return aʰu and its derivatives in ρ, τ and η at eigenvalues, shape (4, H + 1, m)."""
    rho, tau, eta = (float(value) for value in theta)
    u = 1 / (1 - rho * nodes)
    a = (tau + eta * nodes) * u
    h = np.arange(horizons + 1)[:, None]
    value = a**h * u
    by_a = np.where(h > 0, h * a ** np.maximum(h - 1, 0), 0.0) * u * u
    return np.stack([value, (h + 1) * value * nodes * u, by_a, by_a * nodes])


def _by_vectors(theta: FloatArray, w: SpatialOperator, horizons: int) -> FloatArray:
    """Return mean row sums of AʰS⁻¹ and of W times it, and their derivatives, shape (4, H + 1, 2), for any W."""
    rho, tau, eta = (float(value) for value in theta)

    def solve(columns: FloatArray) -> FloatArray:
        return np.asarray(columns + rho * w.apply_g(rho, columns))

    def lag(columns: FloatArray) -> FloatArray:
        return np.asarray(w.lag(columns[None])[0])

    ones = np.ones((w.n, 1))
    out = np.empty((4, horizons + 1, 2))
    # columns: the value, and its derivatives in ρ, τ and η
    now = np.concatenate([solve(ones), np.zeros((w.n, 3))], axis=1)
    now[:, 1:2] = solve(lag(now[:, :1]))
    for h in range(horizons + 1):
        out[:, h, 0], out[:, h, 1] = now.mean(axis=0), lag(now).mean(axis=0)
        lagged = lag(now)
        right = tau * now + eta * lagged
        right[:, 2] += now[:, 0]
        right[:, 3] += lagged[:, 0]
        after = solve(right)
        after[:, 1:2] += solve(lag(after[:, :1]))
        now = after
    return out
