"""Quantile regression by moments (Machado & Santos Silva 2019), its influence functions, and its samples of units.

Notation of the docstrings: the outcome is y = D′θ + (D′φ) u, D the regressors x and the dummies of effects, E u = 0 and
E|u| = 1. θ has the slopes b, φ the slopes g. The residuals of y are R, those of |R| give the scale s = D′φ, and q(τ)
minimises Σ ρ_τ(R - s q), ρ_τ the check function. The coefficients of quantile τ are b + q(τ) g.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray, Removes
from digicarbon.numeric.slices import slices

CELLS = 1_000_000
"""Numbers that samples take at a time, about."""


@dataclass(frozen=True, eq=False)
class LocationScale:
    """An outcome's location and scale, and the quantiles of what is left."""

    location: FloatArray
    scale: FloatArray
    """`location`, `scale`: the slopes b and g, shape (k,)."""
    q: FloatArray
    """The quantiles of u, shape (J,)."""
    density: FloatArray
    """The density of u there, shape (J,)."""
    residuals: FloatArray
    scales: FloatArray
    """`residuals`, `scales`: R and s, shape (rows,)."""
    x: FloatArray
    """Regressors with effects removed, shape (rows, k)."""
    root: FloatArray
    """P with (x′x)⁻¹ = PP′, shape (k, k)."""
    taus: FloatArray
    """Shape (J,)."""

    @cached_property
    def coefficients(self) -> FloatArray:
        """The coefficients of each regressor at each quantile, shape (k, J)."""
        return self.location[:, None] + np.outer(self.scale, self.q)

    @cached_property
    def jacobian(self) -> FloatArray:
        """Derivatives of the coefficients, in rows, by b, g and q, shape (k J, 2k + J)."""
        k, quantiles = self.coefficients.shape
        ones = np.eye(k)
        by_location = np.repeat(ones, quantiles, axis=0)
        by_scale = np.kron(ones, self.q[:, None])
        return np.hstack([by_location, by_scale, np.kron(self.scale[:, None], np.eye(quantiles))])

    @cached_property
    def influence(self) -> FloatArray:
        """What each row contributes to b, g and q, shape (rows, 2k + J).

        With m the mean of the signs of R, V = |R| - s - m R and f the density: (x′x)⁻¹ x R, (x′x)⁻¹ x V, and
        s (τ - 1(R < s q)) / (f Σs) - (R + q V) / Σs. Residuals of a unit with an effect of its own add up to zero: in
        its sum the first part of q holds what the estimate of the effect contributes.
        """
        r, s = self.residuals, self.scales
        v = np.abs(r) - s - np.sign(r).mean() * r
        below = r[:, None] < s[:, None] * self.q
        first = s[:, None] * (self.taus - below) / self.density
        own = (first - r[:, None] - np.outer(v, self.q)) / s.sum()
        z = self.x @ self.root
        return np.hstack([(z * r[:, None]) @ self.root.T, (z * v[:, None]) @ self.root.T, own])


def location_scale(
    x: FloatArray, location: FloatArray, residuals: FloatArray, root: FloatArray, removed: Removes, taus: FloatArray
) -> LocationScale:
    """Return the model, given its location.

    ``x``: regressors with effects removed, shape (rows, k). ``location``: least-squares slopes, shape (k,).
    ``residuals``: of least squares; not all of them zero; shape (rows,). ``root``: P with (x′x)⁻¹ = PP′, shape (k, k).
    ``removed``: removes effects from columns, shape (rows, M). ``taus``: between 0 and 1, shape (J,).
    """
    size = np.abs(residuals)
    inner = removed(size[:, None])[:, 0]
    scale = root @ ((x @ root).T @ inner)
    scales = size - (inner - x @ scale)
    ones = np.ones((1, len(size)))
    q = quantiles(residuals[None], scales[None], ones, taus)[0]
    density = _density(residuals, scales, q)
    return LocationScale(location, scale, q, density, residuals, scales, x, root, taus)


def quantiles(residuals: FloatArray, scales: FloatArray, weights: FloatArray, taus: FloatArray) -> FloatArray:
    """Return the q, shape (B, J), that minimise Σ w ρ_τ(R - s q) over rows, in each of B samples, R of shape (B, rows).

    The sum is linear between the ratios R/s: its slope changes its sign where the cumulative sum of w|s|, in the order
    of the ratios, reaches the sum of w|s| τ; of rows with a negative scale it is 1 - τ that counts.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(scales == 0, np.inf, residuals / scales)
    order = np.argsort(ratios, axis=1)
    mass = weights * np.abs(scales)
    sums = np.cumsum(np.take_along_axis(mass, order, axis=1), axis=1)
    negative = np.where(scales < 0, mass, 0.0).sum(axis=1)
    whole = sums[:, -1]
    goals = whole[:, None] * taus + negative[:, None] * (1 - 2 * taus)
    places = np.stack([(sums < (goal - 1e-12 * whole)[:, None]).sum(axis=1) for goal in goals.T], axis=1)
    chosen = np.take_along_axis(order, np.minimum(places, sums.shape[1] - 1), axis=1)
    return np.take_along_axis(ratios, chosen, axis=1)


def _density(residuals: FloatArray, scales: FloatArray, q: FloatArray) -> FloatArray:
    """Return the density of R/s at q, rows weighted by their scale: a Gaussian kernel, Silverman's bandwidth."""
    known = scales > 0
    s = scales[known]
    u, s = residuals[known] / s, s / s.sum()
    mean = s @ u
    quarters = quantiles(residuals[None], scales[None], np.ones((1, len(scales))), np.array([0.25, 0.75]))[0]
    spread = min(float(np.sqrt(s @ (u - mean) ** 2)), float(quarters[1] - quarters[0]) / 1.349 or np.inf)
    width = 0.9 * spread * len(u) ** -0.2
    kernel = np.exp(-0.5 * ((u[:, None] - q) / width) ** 2) / (np.sqrt(2 * np.pi) * width)
    return np.asarray(s @ kernel)


@dataclass(frozen=True, eq=False)
class Samples:
    """Estimates in samples of whole units."""

    location: FloatArray
    scale: FloatArray
    """`location`, `scale`: shape (B, k)."""
    q: FloatArray
    """Shape (B, J)."""
    coefficients: FloatArray
    """Of each regressor at each quantile, shape (B, k J)."""


def samples(
    x: FloatArray,
    y: FloatArray,
    units: IntArray,
    counts: FloatArray,
    dummies: FloatArray | None,
    by_unit: bool,
    taus: FloatArray,
) -> Samples:
    """Return the estimates in samples that hold each unit a number of times.

    ``x``, shape (rows, k): regressors as they are, with a constant where there are no effects. ``y``: shape (rows,).
    ``units``: shape (rows,). ``counts``, shape (B, N): how often each sample holds each unit. ``dummies``, shape (rows,
    m): of periods. ``by_unit``: whether there are effects of units. These do not change with the number of times that a
    unit is held. ``taus``: shape (J,).
    """
    k = x.shape[1]
    design = x if dummies is None else np.hstack([x, dummies])
    membership = scipy.sparse.csr_array(
        (np.ones(len(units)), (np.arange(len(units)), units)), shape=(len(units), counts.shape[1])
    )
    rows_of = np.maximum(np.bincount(units, minlength=counts.shape[1]), 1)

    def means(columns: FloatArray) -> FloatArray:
        # of columns in rows, shape (M, rows)
        return np.asarray((columns @ membership / rows_of)[:, units])

    if by_unit:
        design, y = design - means(design.T).T, y - means(y[None])[0]
    size = np.linalg.norm(design, axis=0)
    size[size == 0] = 1.0
    design = design / size
    gram = np.stack([counts @ (membership.T @ (design * column[:, None])) for column in design.T], axis=1)
    inverses = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
    locations = _solved(inverses, counts @ (membership.T @ (design * y[:, None])))
    parts = []
    for piece in slices(len(counts), CELLS // len(units)):
        w, inverse, location = counts[piece][:, units], inverses[piece], locations[piece]
        residuals = y - location @ design.T
        absolute = np.abs(residuals)
        centres = means(absolute) if by_unit else np.zeros_like(absolute)
        scale = _solved(inverse, (w * (absolute - centres)) @ design)
        q = quantiles(residuals, centres + scale @ design.T, w, taus)
        parts.append((location[:, :k] / size[:k], scale[:, :k] / size[:k], q))
    location, scale, q = (np.concatenate(part) for part in zip(*parts, strict=True))
    slopes = location[:, :, None] + scale[:, :, None] * q[:, None, :]
    return Samples(location, scale, q, slopes.reshape(len(slopes), -1))


def half_panels(whole: Samples, halves: Sequence[Samples], shares: Sequence[float]) -> Samples:
    """Return twice the estimates of whole panels less the mean of those of their halves (Dhaene & Jochmans 2015).

    ``halves``: of earlier and of later periods. ``shares``: the share of periods in each; a bias that is in proportion
    to one over the number of periods cancels.
    """

    def corrected(name: str) -> FloatArray:
        parts = (share * getattr(half, name) for share, half in zip(shares, halves, strict=True))
        return np.asarray(2 * getattr(whole, name) - sum(parts))

    return Samples(*(corrected(field.name) for field in fields(Samples)))


def _solved(inverse: FloatArray, sums: FloatArray) -> FloatArray:
    return np.asarray((inverse @ sums[:, :, None])[:, :, 0])
