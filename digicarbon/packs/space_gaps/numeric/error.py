"""Models with a spatial error by period."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.spatial.error_batch import at_each as at_each
from digicarbon.numeric.spatial.likelihood import gaussian, inner_ranges, near_end, refuse_flat_ranges, root_between
from digicarbon.numeric.spatial.operator import coarse_nodes
from digicarbon.packs.space_gaps.numeric.effects import Effects
from digicarbon.packs.space_gaps.numeric.estimates import PeriodFit
from digicarbon.packs.space_gaps.numeric.traces import projected_products
from digicarbon.packs.space_gaps.numeric.weights import PeriodWeights

FEWEST = 9
"""Places of λ that the likelihood must have a value at."""

REGULAR = 1e-7
"""Least diagonal of the triangular factor of columns of length one that are no combination of each other."""


def regular_roots(stacks: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return the Cholesky factors of those matrices, shape (m, p, p), that are regular, and which ones are.

    Beside an end of the range of λ filtered columns depend on each other but for rounding.
    """
    scale = np.sqrt(np.maximum(np.diagonal(stacks, axis1=1, axis2=2), 1e-300))
    # columns in small units must not count as dependent
    scaled = stacks / scale[:, :, None] / scale[:, None, :]
    try:
        roots, keep = np.linalg.cholesky(scaled), np.ones(len(stacks), dtype=bool)
    except np.linalg.LinAlgError:
        keep = np.linalg.eigvalsh(scaled)[:, 0] > REGULAR**2
        roots = np.linalg.cholesky(scaled[keep])
    fine = np.diagonal(roots, axis1=1, axis2=2).min(axis=1, initial=1.0) > REGULAR
    keep[keep] = fine
    return np.asarray(roots[fine] * scale[keep][:, :, None]), keep


class FilteredEffects:
    """What filtered effects (I - λW)L of a model with a spatial error have in common for all regressors and outcomes.

    ``weights``: one W.
    """

    def __init__(self, weights: PeriodWeights, effects: Effects) -> None:
        self.weights, self.effects = weights, effects
        self.lagged = weights.lag(effects.basis)
        self.powers = powers_of(effects.basis, self.lagged, effects.basis, self.lagged)

    @cached_property
    def coarse(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Places λ that cover the range, inverse Cholesky factors of L′S′SL there, and half of its log-determinants."""
        nodes = coarse_nodes(self.weights.bounds)
        roots, keep = regular_roots(at_each(self.powers, nodes))
        logs = np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
        return nodes[keep], np.asarray(np.linalg.inv(roots), dtype=np.float64), logs


def powers_of(level: FloatArray, lagged: FloatArray, other: FloatArray, of_other: FloatArray) -> FloatArray:
    """Return the matrices that 1, -λ and λ² combine to a′S′Sb, shape (3, p, q), of cubes and their lags."""
    size = level.shape[0] * level.shape[1]
    a, wa, b, wb = (cube.reshape(size, cube.shape[2]) for cube in (level, lagged, other, of_other))
    return np.stack([a.T @ b, a.T @ wb + wa.T @ b, wa.T @ wb])


class ErrorPeriods:
    """A model y = Zβ + effects + u, u = λWu + ε, with the products of its columns that λ combines.

    ``z``: raw, shape (T, N, k). ``weights``: one W. ``adjusted``: whether λ is the zero of the adjusted score.
    ``filtered``: the filtered effects of these weights; made where it is None.

    The filter changes the dummies: Q_λ removes (I - λW)L. The slope of ½ ln|L′S′SL| is -tr (I - Q_λ)G, so that the
    adjusted score is that of a likelihood, the one of what is left of y without the effects.
    """

    def __init__(
        self,
        z: FloatArray,
        weights: PeriodWeights,
        effects: Effects,
        adjusted: bool,
        filtered: FilteredEffects | None = None,
    ) -> None:
        self.weights, self.effects, self.adjusted = weights, effects, adjusted
        self._shared = filtered or FilteredEffects(weights, effects)
        of_z = weights.lag(z)
        self.x = np.concatenate([effects.basis, z], axis=2)
        self.lagged = np.concatenate([self._shared.lagged, of_z], axis=2)
        self.r, self.k = effects.basis.shape[2], z.shape[2]
        self.degrees = effects.degrees if adjusted else effects.size
        sides = powers_of(self.x, self.lagged, z, of_z)
        self._powers = np.empty((3, self.r + self.k, self.r + self.k))
        self._powers[:, : self.r, : self.r] = self._shared.powers
        self._powers[:, :, self.r :] = sides
        self._powers[:, self.r :, : self.r] = np.swapaxes(sides[:, : self.r], 1, 2)

    def _with(self, y: FloatArray) -> FloatArray:
        """Return the products of x and y, shape (3, p + 1, p + 1)."""
        own = y[..., None]
        wy, p = self.weights.lag(own), self.r + self.k
        out = np.empty((3, p + 1, p + 1))
        out[:, :p, :p] = self._powers
        out[:, :p, p] = out[:, p, :p] = powers_of(self.x, self.lagged, own, wy)[..., 0]
        out[:, p, p] = powers_of(own, wy, own, wy)[:, 0, 0]
        return out

    def fit(self, y: FloatArray) -> PeriodFit:
        """Fit the model to a raw outcome, shape (T, N). Raises EstimationError if it says nothing about λ."""
        powers = self._with(y)
        nodes, heights = self._heights(powers)
        if len(nodes) < FEWEST:
            raise EstimationError(Note("no_errors_left"))
        refuse_flat_ranges(inner_ranges(heights), self.degrees)
        best = min(max(int(heights.argmax()), 1), len(nodes) - 2)
        low, high = float(nodes[best - 1]), float(nodes[best + 1])
        slopes = self._slope(powers, low), self._slope(powers, high)
        end = not slopes[0] > 0 > slopes[1]
        if end:
            lam = low if slopes[0] <= 0 else high
        else:
            lam = root_between(lambda at: self._slope(powers, at), low, high, xtol=1e-15, rtol=1e-14)
        at_end = near_end(lam, self.weights) or (end and lam in (nodes[0], nodes[-1]))
        return self._at(powers, y, lam, bool(at_end))

    def factored(self, lam: float) -> tuple[FloatArray, FloatArray, float]:
        """Return the Cholesky factor of x′S′Sx, the block of Z of its inverse, and what is added to the sum of squares.

        The last one are the log-determinants in what is maximised.
        """
        stack = self._powers[0] - lam * self._powers[1] + lam**2 * self._powers[2]
        root = np.linalg.cholesky(stack)
        constant = float(self.weights.log_determinant(np.array([lam]))[0])
        if self.adjusted:
            constant -= float(np.log(np.diagonal(root)[: self.r]).sum())
        # the last rows of a triangular factor are that of what is left of Z
        own = np.linalg.inv(root[self.r :, self.r :])
        return root, own.T @ own, constant

    def filtered(self, lam: float) -> FloatArray:
        """Return regressors filtered by I - λW, without the filtered effects, shape (T, N, k)."""
        stack = self._powers[0] - lam * self._powers[1] + lam**2 * self._powers[2]
        columns = (self.x - lam * self.lagged).reshape(-1, self.r + self.k)
        along = np.linalg.solve(stack[: self.r, : self.r], stack[: self.r, self.r :])
        return np.asarray(columns[:, self.r :] - columns[:, : self.r] @ along).reshape(*self.x.shape[:2], self.k)

    def _heights(self, powers: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return places that cover the range of λ, and what is maximised there."""
        nodes, inverse, of_effects = self._shared.coarse
        r = self.r
        # regressors and outcome without the filtered effects
        sides = inverse @ at_each(powers[:, :r, r:], nodes)
        left = at_each(powers[:, r:, r:], nodes) - np.swapaxes(sides, 1, 2) @ sides
        roots, keep = regular_roots(left)
        nodes = nodes[keep]
        out = self.weights.log_determinant(nodes) - self.degrees * np.log(roots[:, -1, -1])
        return nodes, np.asarray(out - of_effects[keep] if self.adjusted else out)

    def _slope(self, powers: FloatArray, lam: float) -> float:
        stack = powers[0] - lam * powers[1] + lam**2 * powers[2]
        moved = 2 * lam * powers[2] - powers[1]
        # columns in small units must not cost digits
        scale = 1 / np.sqrt(np.maximum(np.diagonal(stack)[:-1], 1e-300))
        root = scipy.linalg.cholesky(stack[:-1, :-1] * scale[:, None] * scale, lower=True, check_finite=False)
        sides = stack[:-1, -1] * scale
        coefficients = scale * scipy.linalg.cho_solve((root, True), sides, check_finite=False)
        side = np.concatenate([-coefficients, [1.0]])
        ssr, change = float(side @ stack @ side), float(side @ moved @ side)
        roots = self.weights.eigenvalues / (1.0 - lam * self.weights.eigenvalues)
        slope = -float(roots.sum(axis=1).real @ self.weights.times) - self.degrees / 2 * change / ssr
        if self.adjusted and self.r:
            # the first rows of a triangular factor are that of the effects
            inverse = scipy.linalg.lapack.dpotri(root[: self.r, : self.r], lower=True)[0]
            inverse *= scale[: self.r, None] * scale[: self.r]
            side_of = moved[: self.r, : self.r]
            lower = float(np.vdot(np.tril(inverse, -1), side_of)) * 2 + float(
                np.diagonal(inverse) @ np.diagonal(side_of)
            )
            slope -= lower / 2
        return slope

    def _at(self, powers: FloatArray, y: FloatArray, lam: float, boundary: bool) -> PeriodFit:
        stack = powers[0] - lam * powers[1] + lam**2 * powers[2]
        coefficients = np.linalg.solve(stack[:-1, :-1], stack[:-1, -1])
        rest = y - self.x @ coefficients
        residuals = rest - lam * self.weights.lag(rest[..., None])[..., 0]
        ssr = float(np.vdot(residuals, residuals))
        sigma2, r, k = ssr / self.degrees, self.r, self.k
        covariance = np.zeros((k + 2, k + 2))
        covariance[:k, :k] = sigma2 * np.linalg.inv(stack[:-1, :-1])[r:, r:]
        filtered = (self.x - lam * self.lagged)[..., :r]
        basis = filtered[..., :0]
        if self.adjusted and r:
            factor = np.linalg.cholesky(stack[:r, :r])
            flat = scipy.linalg.solve_triangular(factor, filtered.reshape(-1, r).T, lower=True).T
            basis = flat.reshape(filtered.shape)
        if boundary:
            # I - λW is almost singular there
            covariance[k + 1, k + 1] = 2 * sigma2**2 / self.degrees
        else:
            g = self.weights.g(np.array([lam]))[0]
            trace, _, square, norm = projected_products(basis, g)
            trace /= sigma2
            information = np.array([[square + norm, trace], [trace, self.degrees / (2 * sigma2**2)]])
            covariance[k:, k:] = np.linalg.inv(information)
        log_determinant = float(self.weights.log_determinant(np.array([lam]))[0])
        loglik = gaussian(ssr, log_determinant, self.effects.size)
        linear = np.concatenate([self.filtered(lam), np.zeros((*residuals.shape, 1))], axis=2)
        return PeriodFit(
            coefficients[r:], np.array([lam]), sigma2, covariance, loglik, residuals, boundary, covariance, linear
        )
