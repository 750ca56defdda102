"""Models with one spatial lag of the outcome or several, by period, by (adjusted) likelihood."""

from __future__ import annotations

from itertools import product

import numpy as np
import scipy

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.least_squares import triangular
from digicarbon.numeric.spatial.likelihood import gaussian, inner_ranges, near_end, refuse_flat_ranges
from digicarbon.packs.space_gaps.numeric.effects import Effects
from digicarbon.packs.space_gaps.numeric.estimates import PeriodFit
from digicarbon.packs.space_gaps.numeric.traces import Traces, products_of, slopes_of
from digicarbon.packs.space_gaps.numeric.weights import SAME, STABLE, PeriodWeights

NEWTON = 60
CLOSE, ROUGH = 1e-12, 1e-7
"""Steps of the search for a parameter, the size of the last one relative to its range, and the largest that may be."""
SQUARED, NEAR = 1e-7, 0.2
"""The size of the last of Newton's steps for several parameters, after which the next one would be about its square,
and of the last one for the likelihood where the zero of the adjusted score is sought near its maximum.
"""
PLACES = 9
"""Places in each direction of the first search over several parameters."""


def solve_lag(
    moments: tuple[FloatArray, FloatArray, FloatArray], traces: Traces, degrees: int
) -> tuple[FloatArray, BoolArray]:
    """Return ρ of many outcomes, and whether it is at the end of its range, each of shape (M,).

    ``moments``: y′y, y′Wy and (Wy)′Wy, effects and regressors removed, shape (M,). ``degrees``: what the sum of squares
    is divided by. Raises EstimationError if no outcome says anything about ρ.

    The zero of (Wy)′e d/e′e - tr QG(ρ), with e = y - ρWy, near the highest of the places that cover the range. Without
    effects in Q this is the slope of the concentrated likelihood.
    """
    a, b, c = moments
    nodes, jacobian = traces.coarse
    ssr = a - 2 * nodes[:, None] * b + nodes[:, None] ** 2 * c
    heights = jacobian[:, None] - degrees / 2 * np.log(np.maximum(ssr, 1e-300))
    refuse_flat_ranges(inner_ranges(heights.T), degrees)
    best = np.clip(heights.argmax(axis=0), 1, len(nodes) - 2)
    low, high, rho = nodes[best - 1].copy(), nodes[best + 1].copy(), nodes[best].copy()
    left, right = traces.weights.bounds
    active = np.arange(len(rho))
    for _ in range(NEWTON):
        at, own_a, own_b, own_c = rho[active], a[active], b[active], c[active]
        first, second = traces.at(at)
        e = own_a - 2 * at * own_b + at**2 * own_c
        cross = own_b - at * own_c
        slope = degrees * cross / e - first
        bend = degrees * (2 * cross**2 / e - own_c) / e - second
        low[active], high[active] = np.where(slope > 0, at, low[active]), np.where(slope > 0, high[active], at)
        # Newton's step where it stays between the ends, else their middle
        step = np.where(bend < 0, at - slope / np.where(bend < 0, bend, -1.0), np.inf)
        inside = (step > low[active]) & (step < high[active])
        rho[active] = np.where(inside, step, (low[active] + high[active]) / 2)
        active = active[np.abs(rho[active] - at) > CLOSE * (right - left)]
        if not len(active):
            break
    return rho, near_end(rho, traces.weights)


def fit_lags(
    columns: FloatArray, weights: PeriodWeights, effects: Effects, adjusted: bool, traces: Traces | None = None
) -> PeriodFit:
    """Fit y = Σ ρ_r W_r y + Zβ + effects + ε.

    ``columns``, shape (T, N, k + 1 + R): Z, y and W_r y, effects removed. ``adjusted``: whether ρ is the zero of the
    adjusted score; else the likelihood with dummies is highest there. ``traces``: of one W, with the effects' basis for
    the adjusted score, else without; made where it is None. Raises EstimationError if the outcome says nothing about ρ,
    or the search for several does not end.

    With Q = I - LL′ the adjusted score is (W_r y)′Qe/σ² - tr QG_r, e′Qe = σ² tr Q (Meng & Yang 2021; for a balanced
    panel with one W the transformation likelihood of Lee & Yu 2010). It is not the slope of a likelihood, so that the
    covariance is J⁻¹ΩJ⁻¹′; see `_lag_covariance`.
    """
    r = weights.several
    k = columns.shape[2] - 1 - r
    flat = columns.reshape(-1, k + 1 + r)
    z = flat[:, :k]
    factor = triangular(flat)
    rest = factor[k:, k:]
    gram = rest.T @ rest
    degrees = effects.degrees if adjusted else effects.size
    if r == 1:
        of_one = traces or Traces(weights, effects.basis if adjusted else effects.basis[..., :0])
        found, end = solve_lag((gram[:1, 0], gram[:1, 1], gram[1:2, 1]), of_one, degrees)
        rho, boundary = found, bool(end[0])
    else:
        rho, boundary = _solve_several(gram, weights, effects, adjusted)
    both = np.concatenate([[1.0], -rho])
    beta = scipy.linalg.solve_triangular(factor[:k, :k], factor[:k, k:] @ both) if k else np.empty(0)
    e = flat[:, k:] @ both - z @ beta
    ssr = float(e @ e)
    residuals = e.reshape(columns.shape[:2])
    if boundary:
        # I - ΣρW is almost singular there
        covariance = np.full((k + r + 1, k + r + 1), np.nan)
        covariance[:k, :k] = ssr / degrees * np.linalg.inv(factor[:k, :k].T @ factor[:k, :k])
        covariance[-1, -1] = 2 * (ssr / degrees) ** 2 / degrees
        bread, linear = np.nan_to_num(covariance), np.zeros((*columns.shape[:2], k + r))
        linear[..., :k] = columns[..., :k]
    else:
        covariance, bread, linear = _lag_covariance(columns, residuals, rho, ssr / degrees, weights, effects, adjusted)
    if r == 1:
        log_determinant = float(weights.log_determinant(rho)[0])
    else:
        log_determinant = float(np.linalg.slogdet(weights.filter(rho))[1] @ weights.times)
    loglik = gaussian(ssr, log_determinant, effects.size)
    return PeriodFit(beta, rho, ssr / degrees, covariance, loglik, residuals, boundary, bread, linear)


def _lag_covariance(
    columns: FloatArray,
    residuals: FloatArray,
    rho: FloatArray,
    sigma2: float,
    weights: PeriodWeights,
    effects: Effects,
    adjusted: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the covariance of (β, ρ, σ²), J⁻¹, each of shape (k + R + 1, k + R + 1), and Z with Qη, (T, N, k + R).

    With η_r = G_r(Zβ + effects), under normal errors the variance of the adjusted scores is
    Ω_rs = η_r′Qη_s/σ² + tr QG_rG_s′ + tr QG_rQG_s and minus their mean slope J_rs has tr QG_rG_s in place of the last
    term. What Qη is estimated by, QWy - QGe, has the noise QG(I - Q)ε, whose size tr QG_r(I - Q)G_s′ is taken off.
    """
    r, size = weights.several, columns.shape[0] * columns.shape[1]
    k = columns.shape[2] - 1 - r
    flat = columns.reshape(size, -1)
    z = flat[:, :k]
    g = weights.g(rho)
    degrees = effects.degrees if adjusted else effects.size
    noise = effects.remove(np.moveaxis((g @ residuals[..., None])[..., 0], 0, 2)).reshape(size, r)
    both = np.concatenate([z, flat[:, k + 1 :] - noise], axis=1)
    slope = np.zeros((k + r + 1, k + r + 1))
    slope[: k + r, : k + r] = both.T @ both / sigma2
    spread = slope.copy()
    # the likelihood's own scores are of all errors, effects or not
    of = products_of(g, effects if adjusted else None)
    slope[k:-1, k:-1] += of.norm + of.bent
    spread[k:-1, k:-1] += of.norm + of.square
    for matrix in (slope, spread):
        matrix[k:-1, -1] = matrix[-1, k:-1] = of.trace / sigma2
    slope[-1, -1] = spread[-1, -1] = degrees / (2 * sigma2**2)
    # columns in small units must not cost digits
    scale = 1 / np.sqrt(np.abs(np.diagonal(slope)))
    inverse = np.linalg.inv(slope * scale[:, None] * scale) * scale[:, None] * scale
    return np.asarray(inverse @ spread @ inverse.T), inverse, both.reshape(*columns.shape[:2], k + r)


def _solve_several(
    gram: FloatArray, weights: PeriodWeights, effects: Effects, adjusted: bool
) -> tuple[FloatArray, bool]:
    """Return ρ of several W, shape (R,), and whether it is at the end of the stable region."""
    size = np.sqrt(gram.diagonal()[1:])
    if not size.all() or np.linalg.eigvalsh(gram[1:, 1:] / np.outer(size, size))[0] < SAME:
        raise EstimationError(Note("lags_not_apart", key="model.further_weights"))
    places, jacobian = table_of(weights)
    sides = np.concatenate([np.ones((len(places), 1)), -places], axis=1)
    heights = jacobian - effects.size / 2 * np.log(np.einsum("mi,ij,mj->m", sides, gram, sides))
    refuse_flat_ranges(np.ptp(heights, keepdims=True), effects.size)
    rho = places[heights.argmax()]
    least = np.asarray(np.linalg.solve(gram[1:, 1:], gram[1:, 0]), dtype=np.float64)
    if weights.stable(least):
        # where errors are small the maximum is between the places, close to least squares
        side = np.concatenate([[1.0], -least])
        height = float(np.linalg.slogdet(weights.filter(least))[1] @ weights.times)
        rho = least if height - effects.size / 2 * np.log(side @ gram @ side) > heights.max() else rho
    # the likelihood first: its slope leads to a maximum; then the adjusted score, whose zero is near
    rho = _newton(rho, gram, weights, None, effects.size, NEAR if adjusted else SQUARED)
    if rho is not None and adjusted:
        rho = _newton(rho, gram, weights, effects, effects.degrees)
    if rho is None:
        raise EstimationError(Note("several_weights_no_maximum"))
    return rho, weights.largest(rho) > STABLE


def _newton(
    rho: FloatArray,
    gram: FloatArray,
    weights: PeriodWeights,
    effects: Effects | None,
    degrees: int,
    close: float = SQUARED,
) -> FloatArray | None:
    """Return the zero of the scores near ρ; None where the steps do not end."""
    step = np.ones_like(rho)
    for _ in range(NEWTON):
        trace, bent = slopes_of(weights.g(rho), effects)
        side = np.concatenate([[1.0], -rho])
        along = gram @ side
        ssr, cross = float(side @ along), along[1:]
        scores = degrees * cross / ssr - trace
        bend = degrees * (2 * np.outer(cross, cross) / ssr - gram[1:, 1:]) / ssr - bent
        if np.linalg.eigvalsh((bend + bend.T) / 2).max() >= 0:
            # far from the maximum: towards the least sum of squares
            bend = -degrees * gram[1:, 1:] / ssr
        step = -np.linalg.solve(bend, scores)
        while not weights.stable(rho + step):
            step = step / 2
            if np.abs(step).max() < CLOSE:
                return rho
        rho = rho + step
        if np.abs(step).max() < close:
            return rho
    # where y has hardly any errors, rounding leaves more than the smallest step
    return rho if np.abs(step).max() < ROUGH else None


def table_of(weights: PeriodWeights) -> tuple[FloatArray, FloatArray]:
    """Return stable places of several ρ, shape (m, R), and Σ ln|I - Σ ρ_r W_r| there; made once for the weights."""
    known = weights.__dict__.get("_table")
    if known is not None:
        return known[0], known[1]
    scale = np.abs(weights.blocks).sum(axis=3).max(axis=(1, 2))
    steps = np.linspace(-0.9, 0.9, PLACES if weights.several < 3 else 5)
    every = np.array(list(product(steps, repeat=weights.several)))
    places = every[np.abs(every).sum(axis=1) < 0.95] / np.maximum(scale, 1e-300)
    jacobian = np.array([np.linalg.slogdet(weights.filter(place))[1] @ weights.times for place in places])
    weights.__dict__["_table"] = places, jacobian
    return places, jacobian
