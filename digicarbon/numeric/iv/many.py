"""Two-stage least squares of many outcomes and endogenous regressors at once, and draws of both under a null."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.iv.reduced_form import ErrorStructure
from digicarbon.numeric.linear.covariance import nearest_semidefinite
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb, absorb_weighted
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import NullModel, by_time, orthonormal
from digicarbon.numeric.resampling.unit_wild import corrected
from digicarbon.numeric.slices import slices

Quantity = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""From coefficients of many fits to a number of each and its derivatives."""

_SCORES = 1 << 21
"""Numbers that scores of one block of draws may hold."""


@dataclass(frozen=True, eq=False)
class Equations:
    """An equation with endogenous regressors, and what they are explained by; effects are removed from all columns."""

    y: FloatArray
    """Shape (rows,)."""
    w: FloatArray
    """Exogenous regressors. Shape (rows, j)."""
    x: FloatArray
    """Endogenous ones. Shape (rows, m)."""
    z: FloatArray
    """Instruments. Shape (rows, q)."""
    rows: Rows
    effects: EffectsKind
    errors: ErrorStructure
    weighting: FloatArray | None = None
    """By which rows weigh, shape (rows,); all columns are then multiplied by its roots."""

    def null(self, place: int, value: float) -> EquationsNull:
        """Return the null model in which one of the coefficients of (w, x) has a value.

        Davidson & MacKinnon (2010): residuals û₁ of the equation under the null by two-stage least squares; reduced
        forms with û₁ as a further regressor, which is efficient, and û₂ = x - (w, z)Π̂.
        """
        regressors, exogenous = np.column_stack([self.w, self.x]), np.column_stack([self.w, self.z])
        others = np.delete(regressors, place, axis=1)
        target = self.y - value * regressors[:, place]
        projected = exogenous @ solve(exogenous, others)
        coef = solve(projected, target) if others.shape[1] else np.empty(0)
        residuals = target - others @ coef
        first = solve(np.column_stack([exogenous, residuals]), self.x)[:-1]
        explained = exogenous @ first
        return EquationsNull(
            np.insert(coef, place, value),
            explained,
            self.corrected(residuals, self.basis(projected)),
            np.column_stack([self.corrected(rest, self.basis(exogenous)) for rest in (self.x - explained).T]),
        )

    def basis(self, regressors: FloatArray) -> FloatArray:
        """Return an orthonormal basis of regressors; of weighted rows with the periods, whose leverage differs."""
        if self.weighting is None or not by_time(self.effects):
            return orthonormal(regressors)
        periods = np.eye(self.rows.t)[self.rows.period_codes] * np.sqrt(self.weighting)[:, None]
        return orthonormal(np.column_stack([regressors, periods]))

    def corrected(self, residuals: FloatArray, basis: FloatArray) -> FloatArray:
        """Return residuals corrected for leverage by unit, given `basis`."""
        time = self.weighting is None and by_time(self.effects)
        return corrected(NullModel(residuals, residuals, self.rows, basis, time))

    def without_effects(self, columns: FloatArray) -> FloatArray:
        """Return columns of errors, shape (rows, M), with effects removed."""
        if self.weighting is None:
            return absorb(columns, self.rows, self.effects)
        root = np.sqrt(self.weighting)[:, None]
        return np.asarray(root * absorb_weighted(columns / root, self.rows, self.effects, self.weighting))

    def drawn(self, null: EquationsNull, draws: Draws, some: slice) -> tuple[FloatArray, FloatArray]:
        """Return outcomes, shape (rows, M), and endogenous regressors, shape (m, rows, M), of some draws.

        Errors of all equations get the same weights.
        """
        j = self.w.shape[1]
        x = np.stack(
            [
                explained[:, None] + self.without_effects(draws.errors(rest, self.rows, some))
                for explained, rest in zip(null.explained.T, null.reduced.T, strict=True)
            ]
        )
        y = self.without_effects(draws.errors(null.structural, self.rows, some))
        y += (self.w @ null.coef[:j])[:, None]
        return y + np.einsum("e,eim->im", null.coef[j:], x), x

    def fits(self, y: FloatArray, x: FloatArray, contrast: FloatArray | Quantity) -> tuple[FloatArray, FloatArray]:
        """Return a quantity of the coefficients of (w, x) and its standard error, each of shape (M,).

        ``y``: shape (rows, M). ``x``: shape (m, rows, M). ``contrast``, shape (j + m,): the weights of a combination;
        or what makes values, shape (M,), and their derivatives, shape (M, j + m), of coefficients, shape (M, j + m).
        """
        m, j = len(x), self.w.shape[1]
        basis, _ = np.linalg.qr(np.column_stack([self.w, self.z]))
        within = np.stack([basis.T @ one for one in x])
        own, outcome = basis.T @ self.w, basis.T @ y
        k, draws = j + m, y.shape[1]
        gram, sides = np.empty((draws, k, k)), np.empty((draws, k))
        gram[:, :j, :j] = own.T @ own
        gram[:, :j, j:] = np.einsum("bj,ebm->mje", own, within)
        gram[:, j:, :j] = gram[:, :j, j:].transpose(0, 2, 1)
        gram[:, j:, j:] = np.einsum("ebm,fbm->mef", within, within)
        sides[:, :j] = outcome.T @ own
        sides[:, j:] = np.einsum("ebm,bm->me", within, outcome)
        if callable(contrast):
            coef = np.linalg.solve(gram, sides[..., None])[..., 0]
            estimate, slopes = contrast(coef)
            direction = np.linalg.solve(gram, slopes[..., None])[..., 0]
        else:
            slopes = np.broadcast_to(contrast, sides.shape)
            coef, direction = np.moveaxis(np.linalg.solve(gram, np.stack([sides, slopes], axis=2)), 2, 0)
            estimate = coef @ contrast
        rest = y - self.w @ coef[:, :j].T - np.einsum("me,eim->im", coef[:, j:], x)
        factor, kind = self.errors.factor(k), self.errors.kind
        if kind == "classic":
            variance = np.einsum("im,im->m", rest, rest) / len(y) * np.einsum("mk,mk->m", direction, slopes)
        elif len(self.errors.clusters) == 2:
            variance = self._two_way(rest, basis, within, gram, slopes)
        else:
            scores = basis @ np.einsum("me,ebm->bm", direction[:, j:], within)
            scores += self.w @ direction[:, :j].T
            scores *= rest
            if self.errors.clusters:
                scores = _sums(scores, self.errors.clusters[0])
            variance = np.einsum("im,im->m", scores, scores)
        return estimate, np.sqrt(np.maximum(variance * factor, 0.0))

    def _two_way(
        self, rest: FloatArray, basis: FloatArray, within: FloatArray, gram: FloatArray, slopes: FloatArray
    ) -> FloatArray:
        """Return the variance of a combination with two-way clusters, made positive semidefinite as for one fit."""
        k, draws = gram.shape[1], len(gram)
        out = np.empty(draws)
        for block in slices(draws, _SCORES // (len(rest) * k)):
            fitted = np.einsum("ib,ebm->iem", basis, within[..., block])
            fixed = np.broadcast_to(self.w[:, :, None], (*self.w.shape, fitted.shape[2]))
            scores = np.concatenate([fixed, fitted], axis=1) * rest[:, None, block]
            flat = scores.reshape(len(scores), -1)
            sums = *(_sums(flat, codes) for codes in self.errors.clusters), flat
            parts = [one.reshape(len(one), k, -1).transpose(2, 1, 0) for one in sums]
            first, second, third = (part @ part.transpose(0, 2, 1) for part in parts)
            inverse = np.linalg.inv(gram[block])
            whole = inverse @ (first + second - third) @ inverse
            out[block] = [
                slope @ nearest_semidefinite(one)[0] @ slope for slope, one in zip(slopes[block], whole, strict=True)
            ]
        return out


@dataclass(frozen=True, eq=False)
class EquationsNull:
    """A null model of several equations.

    ``coef``, shape (j + m,), is of (w, x) in the outcome's equation, the restricted one among them; ``explained``,
    shape (rows, m), what instruments and exogenous regressors explain of x; ``structural``, shape (rows,), and
    ``reduced``, shape (rows, m), are residuals of the outcome's equation and of the reduced forms, corrected for
    leverage by unit.
    """

    coef: FloatArray
    explained: FloatArray
    structural: FloatArray
    reduced: FloatArray


def _sums(columns: FloatArray, codes: IntArray) -> FloatArray:
    """Return sums of columns, shape (rows, k), by group: shape (groups, k)."""
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(int(codes.max()) + 1))
    return np.asarray(np.add.reduceat(columns[order], starts, axis=0))
