"""Fits of one spatial error model to many outcomes at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.batch import Errors, corrections, joined
from digicarbon.numeric.spatial.lag_outcomes import LagBlock, LagOutcomes
from digicarbon.numeric.spatial.lag_space import LagSpace


def at_each(powers: Sequence[FloatArray] | FloatArray, lam: FloatArray) -> FloatArray:
    """Return what 1, -λ and λ² combine three matrices to, e.g. to Z′(I - λW)′(I - λW)Z, at each λ, shape (M, p, q)."""
    at = lam[:, None, None]
    return np.asarray(powers[0] - at * powers[1] + at**2 * powers[2])


@dataclass(frozen=True, eq=False)
class ErrorParameters:
    """Parameters of M fits.

    ``gamma``, shape (M, k), are coefficients of the orthonormal basis of Z; ``residuals``, shape (N·T′, M), those of
    the filtered model, None where errors are not clustered; ``observed``, shape (M, k) and (M,), are of the observed
    information σ² times its elements of (γ, λ), and the variance of λ.
    """

    gamma: FloatArray
    lam: FloatArray
    sigma2: FloatArray
    residuals: FloatArray | None = None
    observed: tuple[FloatArray, FloatArray] | None = None


class ErrorBatch:
    """A spatial error model (SEM; SDEM if Z contains WX) with fixed regressors, to be fitted to many outcomes.

    ``z``, shape (T, N, k): raw regressors. ``space``: of the error's weights, with constant row sums where there are
    time effects.

    At a given λ, β is least squares of (I - λW)y on (I - λW)Z. Both its normal matrix and its right-hand side are
    quadratics in λ, whose coefficients are inner products of Z, WZ, y and Wy: a fit needs nothing else. Each is equal
    to `digicarbon.numeric.spatial.likelihood.fit_error` (and ``correct_error``) up to rounding.
    """

    def __init__(self, z: FloatArray, space: LagSpace) -> None:
        self.space = space
        level, lagged = space.transform(z.transpose(1, 0, 2))
        q, self._r = np.linalg.qr(level)
        # in this basis the normal matrix at λ = 0 is the identity
        lagged = np.linalg.solve(self._r.T, lagged.T).T
        self._level, self._lagged = q, lagged
        cross = q.T @ lagged
        self._normal = np.eye(z.shape[2]), cross + cross.T, lagged.T @ lagged

    def several(
        self, outcomes: LagOutcomes, contrasts: Sequence[FloatArray], errors: Errors
    ) -> tuple[list[tuple[FloatArray, FloatArray]], FloatArray]:
        """Return g′β and its standard error of several contrasts, and λ, for each outcome, each of shape (M,)."""
        parts, lam = [], []
        for found in self.parameters(outcomes, errors):
            parts.append([self.estimate(found, contrast) for contrast in contrasts])
            lam.append(found.lam)
        return joined(parts), np.concatenate(lam)

    def parameters(self, outcomes: LagOutcomes, errors: Errors = "classic") -> Iterator[ErrorParameters]:
        """Yield the parameters of blocks of outcomes; with what their standard errors need."""
        # regressors depend on λ: outcomes are not projected beforehand
        for block in outcomes.blocks():
            yield self._parameters(block, errors)

    def _parameters(self, outcomes: LagBlock, errors: Errors) -> ErrorParameters:
        gamma, lam, sigma2, observed = self._estimates(outcomes)
        if self.space.sample.correction == "bias_corrected" and self.space.sample.effects != "none":
            change, sigma2 = corrections(self.space, lam, sigma2, self._variance(lam))
            lam = lam + change
        residuals = None
        if errors == "observed":
            return ErrorParameters(gamma, lam, sigma2, observed=observed)
        if errors == "cluster":
            residuals = outcomes.level - self._level @ gamma.T
            residuals -= lam * (outcomes.lagged - self._lagged @ gamma.T)
        return ErrorParameters(gamma, lam, sigma2, residuals)

    def estimate(self, found: ErrorParameters, contrast: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return g′β and its standard error, each of shape (M,); clustered by unit where there are residuals."""
        gamma, lam = found.gamma, found.lam
        weights = np.linalg.solve(self._r.T, contrast)
        spread = np.linalg.solve(at_each(self._normal, lam), np.broadcast_to(weights[:, None], (*gamma.shape, 1)))[
            ..., 0
        ]
        if found.residuals is None:
            variance = found.sigma2 * (spread @ weights)
            if found.observed is not None:
                with_lam, of_lam = found.observed
                variance = variance + of_lam * np.einsum("mk,mk->m", spread, with_lam) ** 2
            return gamma @ weights, np.sqrt(variance)
        n = self.space.w.n
        weights_of = self._level @ spread.T
        weights_of -= self._lagged @ (lam * spread.T)
        cubes = (rows.reshape(n, -1, len(lam)) for rows in (found.residuals, weights_of))
        sums = self.space.summed(np.einsum("itm,itm->im", *cubes))
        return gamma @ weights, np.sqrt(np.einsum("nm,nm->m", sums, sums) * self.space.factor)

    def _estimates(
        self, outcomes: LagBlock
    ) -> tuple[FloatArray, FloatArray, FloatArray, tuple[FloatArray, FloatArray]]:
        """Return γ (M, k), λ (M,), σ² (M,), and what the observed information needs."""
        y, wy = outcomes.level, outcomes.lagged
        right = (self._level.T @ y).T, (self._level.T @ wy + self._lagged.T @ y).T, (self._lagged.T @ wy).T
        a, b, c = (np.einsum("im,im->m", one, other) for one, other in ((y, y), (y, wy), (wy, wy)))
        squares = a, 2 * b, c
        space, sample = self.space, self.space.sample

        def least(lam: float) -> FloatArray:
            vector = right[0] - lam * right[1] + lam**2 * right[2]
            coef = np.linalg.solve(at_each(self._normal, np.array([lam]))[0], vector.T)
            return np.asarray(a - lam * squares[1] + lam**2 * c - np.einsum("mk,km->m", vector, coef))

        best = space.highest(np.stack([least(lam) for lam in space.coarse[0].tolist()]))

        def solve(lam: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
            """Return (Z′Z)⁻¹ of the filtered columns, γ, and the sum of squares and its derivative at given γ."""
            at = lam[:, None]
            inverse = np.asarray(np.linalg.inv(at_each(self._normal, lam)), dtype=np.float64)
            vector = right[0] - at * right[1] + at**2 * right[2]
            gamma = np.einsum("mkl,ml->mk", inverse, vector)
            ssr = np.asarray(squares[0] - lam * squares[1] + lam**2 * squares[2]) - (vector * gamma).sum(axis=1)
            return inverse, gamma, ssr, self._slope(lam, gamma, right, squares)

        def parts(lam: FloatArray, traces: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
            inverse, gamma, ssr, slope = solve(lam)
            at = lam[:, None]
            # derivative in λ of the gradient in γ: the profile has only the curvature that γ̂ does not follow
            gradient_slope = (-right[1] + 2 * at * right[2]) - np.einsum(
                "mkl,ml->mk", -self._normal[1] + 2 * at[..., None] * self._normal[2], gamma
            )
            bend = np.einsum("mk,mk->m", np.einsum("mkl,ml->mk", inverse, gradient_slope), gradient_slope)
            curve = 2 * self._lag_square(gamma, right, squares) - 2 * bend
            first, second = traces
            pull = -slope / (2 * ssr)
            score = sample.size * pull - sample.periods * first
            return score, sample.size * (2 * pull**2 - curve / (2 * ssr)) - sample.periods * second, gradient_slope

        def slopes(lam: FloatArray, traces: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
            return parts(lam, traces)[:2]

        lam = space.climb(best, slopes)
        _, gamma, ssr, _ = solve(lam)
        # the profile's curvature is that of the inverse information
        _, slope, with_lam = parts(lam, space.traces(lam))
        return gamma, lam, ssr / sample.size, (with_lam, -1 / slope)

    def _lag_square(
        self, gamma: FloatArray, right: tuple[FloatArray, ...], squares: tuple[FloatArray, ...]
    ) -> FloatArray:
        """Return ‖W(y - Zγ)‖²."""
        quadratic = np.einsum("mk,mk->m", gamma @ self._normal[2], gamma)
        return np.asarray(squares[2] - 2 * np.einsum("mk,mk->m", gamma, right[2]) + quadratic)

    def _slope(
        self, lam: FloatArray, gamma: FloatArray, right: tuple[FloatArray, ...], squares: tuple[FloatArray, ...]
    ) -> FloatArray:
        """Return the derivative in λ of ‖(I - λW)(y - Zγ)‖² at given γ."""
        quadratic = np.einsum("mk,mk->m", gamma @ self._normal[1], gamma)
        middle = squares[1] - 2 * np.einsum("mk,mk->m", gamma, right[1]) + quadratic
        return np.asarray(2 * lam * self._lag_square(gamma, right, squares) - middle)

    def _variance(self, lam: FloatArray) -> FloatArray:
        """Return Var(λ̂), shape (M,), which does not depend on β."""
        nodes, sample = self.space.nodes(lam), self.space.sample
        norm = nodes.basis(lam) @ (nodes.inverse @ nodes.scalars[:, 0])
        first, second = self.space.traces(lam)
        return np.asarray(1 / (sample.periods * (second + norm) - 2 * (sample.periods * first) ** 2 / sample.size))
