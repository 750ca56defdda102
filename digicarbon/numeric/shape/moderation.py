"""The effect of a variable along a moderator: where it differs from zero, and a band that holds for all places at once.

The effect at z is θ(z) = g(z)′b of variance g(z)′Vg(z), with g(z) = G₀ + G₁z + … + G_d z^d. For b_x + b_xz z it is
g = (1, z). |θ(z)| > c·se(θ(z)) is an inequality of polynomials, whose roots are the ends of the regions that Johnson
and Neyman (1936) ask for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray

RegionKind = Literal["everywhere", "none", "interval", "outside", "pieces"]
NODES = 64
"""Points of the quadrature of a probability."""
DRAWS = 40_000
"""Draws of the largest statistic where it has no formula: with powers of z."""
FLAT = 1e-9
"""Imaginary part, relative to its size, up to which a root is real."""
NOTHING = 1e-11
"""An effect, or a standard error, of this share of its largest part is zero to rounding."""


@dataclass(frozen=True)
class Piece:
    """Places next to each other at which an effect is significant with one sign, or is not significant (sign 0).

    Ends are infinite where it has none; equal where the piece is one place, at which the effect is zero by
    construction.
    """

    low: float
    high: float
    sign: int


def kind_of(pieces: tuple[Piece, ...]) -> RegionKind:
    """Return where an effect is significant: everywhere, nowhere, in an interval, outside of one, or another way."""
    significant = [piece for piece in pieces if piece.sign]
    others = [piece for piece in pieces if not piece.sign]
    if not significant or not others:
        return "none" if others else "everywhere"
    if len(significant) == 1 and math.isfinite(significant[0].low) and math.isfinite(significant[0].high):
        return "interval"
    if len(others) == 1 and math.isfinite(others[0].low) and math.isfinite(others[0].high):
        return "outside"
    return "pieces"


@dataclass(frozen=True, eq=False)
class Effect:
    """An effect that is a polynomial of a moderator.

    ``weights``, shape (d + 1, k): G₀, …, G_d: the weights of the k coefficients by power of z. ``b``: shape (k,).
    ``covariance``: shape (k, k).
    """

    weights: FloatArray
    b: FloatArray
    covariance: FloatArray

    def gradient(self, z: FloatArray) -> FloatArray:
        """Return g at places z, shape (m, k)."""
        return np.asarray(np.vander(z, len(self.weights), increasing=True) @ self.weights)

    def at(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the effect and its standard error at places z, each of shape (m,)."""
        g = self.gradient(z)
        variance = np.einsum("ij,jk,ik->i", g, self.covariance, g)
        coef, se = g @ self.b, np.sqrt(np.maximum(variance, 0.0))
        # the product alone, without its main effect, has neither effect nor error where the moderator is zero
        parts = np.vander(np.abs(z), len(self.weights), increasing=True) @ np.abs(self.weights)
        nothing = se <= NOTHING * (parts @ np.sqrt(self.covariance.diagonal()))
        nothing &= np.abs(coef) <= NOTHING * (parts @ np.abs(self.b))
        return np.where(nothing, 0.0, coef), np.where(nothing, 0.0, se)

    def moved(self, middle: float, scale: float) -> FloatArray:
        """Return the weights by power of (z - middle)/scale, shape (d + 1, k)."""
        out = np.zeros_like(self.weights)
        for power in range(len(self.weights)):
            for below in range(power + 1):
                factor = math.comb(power, below) * middle ** (power - below) * scale**below
                out[below] += factor * self.weights[power]
        return out

    def pieces(self, critical: float, middle: float = 0.0, scale: float = 1.0) -> tuple[Piece, ...]:
        """Return the whole line, cut where |θ| is ``critical`` standard errors, from left to right.

        ``middle``, ``scale``: roots are found for (z - middle)/scale, so that places near ``middle`` keep their digits.
        """
        if not math.isfinite(critical):
            return (Piece(-math.inf, math.inf, 0),)
        reduced, zeros = self._without_zeros(middle, scale)
        degree = len(reduced.weights) - 1
        effect = reduced.weights @ reduced.b
        moments = reduced.weights @ reduced.covariance @ reduced.weights.T
        variance = np.array(
            [
                sum(moments[i, k - i] for i in range(max(0, k - degree), min(k, degree) + 1))
                for k in range(2 * degree + 1)
            ]
        )
        excess = np.convolve(effect, effect) - critical**2 * variance
        roots = sorted({*_roots(excess), *zeros})
        cuts = [-math.inf, *roots, math.inf]
        ends = [
            0.0 if abs(one) <= NOTHING * (abs(middle) + scale) else one for one in (middle + scale * c for c in cuts)
        ]
        inside = [0.0] if not roots else [roots[0] - 1, *_between(roots), roots[-1] + 1]
        found: list[Piece] = []
        for at, place in enumerate(inside):
            powers = place ** np.arange(2 * degree + 1)
            turned = np.prod([place - zero for zero in zeros])
            sign = int(np.sign(effect @ powers[: degree + 1] * turned)) if excess @ powers > 0 else 0
            piece = Piece(ends[at], ends[at + 1], sign)
            if found and cuts[at] in zeros and found[-1].sign and sign:
                found.append(Piece(piece.low, piece.low, 0))
            # a root at which nothing changes is no end
            if found and found[-1].sign == sign:
                piece = Piece(found.pop().low, piece.high, sign)
            found.append(piece)
        return tuple(found)

    def _without_zeros(self, middle: float, scale: float) -> tuple[Effect, list[float]]:
        """Return the effect of (z - middle)/scale, divided by distances from places that have neither size nor error.

        Such places are those of a product without its main effect: |t| is the same on both sides, the sign is not.

        The list has the places as values of (z - middle)/scale, as often as the effect was divided.
        """
        moved = self.moved(middle, scale)
        values, vectors = np.linalg.eigh(moved @ self.covariance @ moved.T)
        kept = values > values[-1] * len(values) * np.finfo(float).eps * 10
        columns = np.column_stack([moved @ self.b, vectors[:, kept] * np.sqrt(values[kept])])
        zeros: list[float] = []
        while len(columns) > 1 and (zero := _common_zero(columns)) is not None:
            columns = _divided(columns, zero)
            zeros.append(zero)
        # a double root has half of the digits of a single one, and their mean has all
        zeros = [float(np.mean([other for other in zeros if abs(other - one) <= 1e-5])) for one in zeros]
        if not zeros:
            return Effect(moved, self.b, self.covariance), zeros
        return Effect(np.eye(len(columns)), columns[:, 0], columns[:, 1:] @ columns[:, 1:].T), zeros


def cut(pieces: tuple[Piece, ...], low: float, high: float) -> tuple[Piece, ...]:
    """Return the pieces within a range."""
    inside = [Piece(max(one.low, low), min(one.high, high), one.sign) for one in pieces]
    places = {one.low for one in pieces if one.low == one.high}
    return tuple(one for one in inside if one.low < one.high or (one.low == one.high and one.low in places))


def crossings(places: FloatArray, excess: FloatArray, effect: FloatArray) -> tuple[Piece, ...]:
    """Return the pieces of a grid, with an excess over critical values that is interpolated between its places.

    The excess is positive where the effect is significant.
    """
    signs = np.where(excess > 0, np.sign(effect), 0).astype(int)
    found = [Piece(float(places[0]), float(places[0]), int(signs[0]))]
    for at in range(1, len(places)):
        if signs[at] == found[-1].sign:
            continue
        # where both sides are significant, the effect itself goes through zero
        across = effect if signs[at] * found[-1].sign else excess
        left, right = abs(across[at - 1]), abs(across[at])
        end = float(places[at - 1] + (places[at] - places[at - 1]) * left / (left + right or 1.0))
        found[-1] = Piece(found[-1].low, end, found[-1].sign)
        found.append(Piece(end, end, int(signs[at])))
    found[-1] = Piece(found[-1].low, float(places[-1]), found[-1].sign)
    return tuple(found)


def uniform_critical(
    effect: Effect, places: FloatArray, whole: bool, df: float | None, level: float, seed: int = 1
) -> float:
    """Return c with P(sup |t(z)| <= c) = level, for t of all places at once.

    Places increase; with ``whole`` all from the first to the last count, else these alone. Without ``df`` t is normal.

    With an effect that is linear in z, t(z) is the length R of a normal vector in the plane times the cosine of its
    angle with a direction that moves over an arc of length ω. The angle is uniform, so that P(sup |t| > c) is (ω/π)
    S(c) + (2/π) ∫ S(c/cos δ) dδ over δ from 0 to (π - ω)/2, with S(r) = P(R > r). With places alone, ω = 0, and there
    is such an integral up to γ/2 for the angle γ between each of them and the next one; the last γ, from the last place
    back to the first one, makes their sum π. Other effects are simulated at the places.
    """
    middle, scale = float(places[0] + places[-1]) / 2, float(np.ptp(places)) / 2 or 1.0
    reduced, zeros = effect._without_zeros(middle, scale)
    if zeros:
        if len(reduced.weights) == 1:
            return pointwise_critical(df, level)
        return uniform_critical(reduced, (places - middle) / scale, whole, df, level, seed)
    if len(effect.weights) == 2:
        places = places[effect.at(places)[1] > 0]
        arcs = np.array([_arc(effect, low, high) for low, high in pairwise(places.tolist())])
        if whole and len(places) > 1:
            arc = _arc(effect, float(places[0]), float(places[-1]))
            return _of_gaps(np.array([math.pi - arc]), arc, df, level)
        return _of_gaps(np.append(arcs, math.pi - arcs.sum()), 0.0, df, level)
    # the covariance of coefficients of (z - middle)/scale, and its symmetric root: the same draws however z is counted
    moved = effect.moved(middle, scale)
    values, vectors = np.linalg.eigh(moved @ effect.covariance @ moved.T)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    directions = np.vander((places - middle) / scale, len(moved), increasing=True) @ root
    norms = np.linalg.norm(directions, axis=1)
    directions = directions[norms > 0] / norms[norms > 0, None]
    rng = np.random.default_rng(seed)
    largest = np.abs(directions @ rng.standard_normal((root.shape[1], DRAWS))).max(axis=0)
    if df is not None:
        largest /= np.sqrt(rng.chisquare(df, DRAWS) / df)
    return float(np.quantile(largest, level))


def pointwise_critical(df: float | None, level: float) -> float:
    """Return the two-sided quantile."""
    tail = 0.5 + level / 2
    return float(scipy.special.ndtri(tail) if df is None else scipy.special.stdtrit(df, tail))


def _arc(effect: Effect, low: float, high: float) -> float:
    """Return the angle between the directions at two places, in the metric of the covariance."""
    g = effect.gradient(np.array([low, high]))
    v = g @ effect.covariance @ g.T
    # the area that two vectors span keeps its digits where their angle is small
    area = math.sqrt(max(float(v[0, 0] * v[1, 1] - v[0, 1] ** 2), 0.0))
    return math.atan2(area, float(v[0, 1]))


def _of_gaps(gaps: FloatArray, arc: float, df: float | None, level: float) -> float:
    """Return the critical value over an arc and the angles between places beside it, all of them π together."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    halves = gaps[:, None] / 2
    cosines = np.cos(halves / 2 * (nodes + 1))
    areas = halves / 2 * weights

    def beyond(radius: FloatArray) -> FloatArray:
        """Return P(R > radius)."""
        squared = np.square(radius)
        return np.exp(-squared / 2) if df is None else np.asarray((1 + squared / df) ** (-df / 2))

    def excess(c: float) -> float:
        outside = float((areas * beyond(c / cosines)).sum())
        return arc / math.pi * float(beyond(np.array(c))) + 2 / math.pi * outside - (1 - level)

    bound = 2.0
    while excess(bound) > 0:
        bound *= 2
    return float(scipy.optimize.brentq(excess, 0.0, bound, xtol=1e-12))


def _roots(polynomial: FloatArray) -> list[float]:
    """Return the real roots in increasing order, coefficients in increasing order of powers."""
    if len(polynomial) == 3:
        c, h, a = float(polynomial[0]), float(polynomial[1]) / 2, float(polynomial[2])
        inner = h**2 - a * c
        if inner <= 0 or (a == 0 and h == 0):
            return []
        # the root of larger size first, the other from their product: no digits are lost where a is small
        first = -(h + math.copysign(math.sqrt(inner), h))
        return sorted({c / first, first / a}) if a else [c / first]
    roots = _complex_roots(polynomial)
    real = roots[np.abs(roots.imag) <= FLAT * (1 + np.abs(roots))].real
    return sorted(set(real.tolist()))


def _complex_roots(polynomial: FloatArray) -> NDArray[np.complex128]:
    trimmed = np.trim_zeros(polynomial, "b")
    if len(trimmed) < 2:
        return np.empty(0, dtype=np.complex128)
    return np.asarray(np.polynomial.polynomial.polyroots(trimmed), dtype=np.complex128)


def _common_zero(columns: FloatArray) -> float | None:
    """Return a place at which all polynomials, coefficients by increasing power, (d + 1, k), are zero to rounding."""
    candidates = [root for one in columns.T if one.any() for root in _complex_roots(one)]
    for root in candidates:
        place = float(root.real)
        powers = place ** np.arange(len(columns))
        rounding = np.abs(powers) @ np.abs(columns)
        if (np.abs(powers @ columns) <= 1e-9 * np.maximum(rounding, np.abs(columns).max() * 1e-6)).all():
            return place
    return None


def _divided(columns: FloatArray, zero: float) -> FloatArray:
    """Return polynomials divided by z - zero, which is a factor of each, shape (d, k)."""
    quotients = columns[1:].copy()
    for power in range(len(quotients) - 2, -1, -1):
        quotients[power] += zero * quotients[power + 1]
    return quotients


def _between(roots: list[float]) -> list[float]:
    return [(left + right) / 2 for left, right in pairwise(roots)]
