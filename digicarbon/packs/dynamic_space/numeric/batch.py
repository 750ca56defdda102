"""Fits of one dynamic spatial panel to many outcomes at once, all of the same first period.

An outcome is lagged, too: a draw changes its lag in all periods but the first. Inner products of outcomes that are
combinations of few columns are quadratic forms of their weights, so that a draw costs no product of the panel's length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.slices import slices
from digicarbon.numeric.spatial.lag_space import Asked
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.packs.dynamic_space.numeric.effects import LONG, denominators, is_stable, many_factors
from digicarbon.packs.dynamic_space.numeric.estimator import Columns, Point, Setting, solver_of
from digicarbon.packs.dynamic_space.numeric.robust import Surplus, SurplusAt, Vectors
from digicarbon.packs.dynamic_space.numeric.spectrum import spectrum_of

BLOCK = 1024
"""Draws that are solved at a time: their arrays stay in the processor's cache."""
CELLS = 1 << 19
"""Numbers that columns of a block of draws may hold where their errors' moments count."""


@dataclass(frozen=True, eq=False)
class DynamicOutcomes:
    """Outcomes and their lags as they enter the likelihood, effects removed."""

    columns: FloatArray
    """Those of Wy, y_{-1} and Wy_{-1} that are in the model, and y; what the first period adds to lags is left out.
    Shape (q + 1, T·N, J)."""
    first: FloatArray
    """What the first period adds, shape (q + 1, T·N)."""
    weights: FloatArray | None = None
    """The outcomes are these combinations of the columns; None stands for the columns themselves. Shape (J, M)."""

    def __matmul__(self, weights: FloatArray) -> DynamicOutcomes:
        """Return linear combinations of the outcomes, weights of shape (M, draws)."""
        return DynamicOutcomes(self.columns, self.first, weights if self.weights is None else self.weights @ weights)


class DynamicBatch:
    """A dynamic spatial panel with fixed regressors and weights, to be fitted to many outcomes.

    ``z``: raw regressors, spatial lags of x among them, shape (T, N, k). ``first``: the outcome in the period before
    the first one, shape (N,). ``w``: with constant row sums and a known spectrum. ``vectors``: of W: variances then
    have third and fourth moments of the errors, see the module ``robust`` beside this one.
    """

    def __init__(
        self, z: FloatArray, first: FloatArray, w: SpatialOperator, setting: Setting, vectors: Vectors | None = None
    ) -> None:
        self._w, self._setting, self._first = w, setting, first
        self._solver = solver_of(w, setting)
        self._whole = spectrum_of(w, False)
        within = demean(z, setting.effects).reshape(-1, z.shape[2])
        self._q, self._r = np.linalg.qr(within)
        self._inverse = np.linalg.inv(self._r) if z.shape[2] else np.empty((0, 0))
        self._within = within
        self._surplus = None if vectors is None else Surplus(vectors, setting)
        self._block = BLOCK if vectors is None else max(16, min(BLOCK, CELLS // len(within)))

    def outcomes(self, y: FloatArray) -> DynamicOutcomes:
        """Return outcomes, shape (T, N, J), as `several` takes them."""
        t, n, _ = y.shape
        before = np.concatenate([np.zeros((1, *y.shape[1:])), y[:-1]])
        start = np.zeros((t, n, 1))
        start[0, :, 0] = self._first
        nothing = np.zeros((t, n, 1))
        return DynamicOutcomes(self._stacked(y, before), self._stacked(nothing, start)[..., 0])

    def _stacked(self, y: FloatArray, before: FloatArray) -> FloatArray:
        lags = {0: self._w.lag(y)}
        if self._setting.time_lag:
            lags[1] = before
        if self._setting.space_time_lag:
            lags[2] = self._w.lag(before)
        every = np.stack([*(lags[place] for place in self._setting.active), y])
        t, n, j = y.shape
        return np.stack([demean(cube, self._setting.effects) for cube in every]).reshape(len(every), t * n, j)

    def several(
        self, outcomes: DynamicOutcomes, asked: Sequence[Asked], value: float | None = None, lasting: bool = False
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return effects and their standard errors, each of shape (M,); not-a-number at the end of ρ's range.

        A draw that is not stable keeps the numbers of the formula of long-run effects: under the null its statistic is
        that of the numerator, which exists there, too. As an effect it means nothing, see ``lasting``.

        ``asked``: columns of z of a term and of its spatial lag, and an effect of it. ``value``: standard errors of
        effects f in the long run are then those of d(f - value) over d, with d as in
        `digicarbon.packs.dynamic_space.numeric.effects.denominators`. ``lasting``: whether effects in the long run are
        not a number where the model is not stable.
        """
        parts: list[list[tuple[FloatArray, FloatArray]]] = []
        for gram, on_z, columns in self._moments(outcomes):
            # a draw without errors has no estimate
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                own = Columns(self._within, self._r, columns.of, on_z, self._w, self._setting)
                point, _ = self._solver.solve(gram, own)
                parts.append(self._effects(point, on_z, columns, asked, value, lasting))
        return [
            (np.concatenate([one[0] for one in each]), np.concatenate([one[1] for one in each]))
            for each in zip(*parts, strict=True)
        ]

    def _moments(self, outcomes: DynamicOutcomes) -> Iterator[tuple[FloatArray, FloatArray, _Draws]]:
        """Yield inner products of what Z leaves, coefficients on Z, and the columns of a block of outcomes.

        Their shapes are (M, q + 1, q + 1), (M, k, q + 1) and (q + 1, T·N, M).
        """
        size = self._block
        columns, first = outcomes.columns, outcomes.first
        rows = columns.shape[1]
        own = np.concatenate([columns, first[..., None]], axis=2)
        coordinates = self._q.T @ own
        rest = own - self._q @ coordinates
        on_z = self._inverse @ coordinates
        q = len(columns)
        if outcomes.weights is None:
            for draws in slices(columns.shape[2], size):
                block = rest[:, :, draws] + rest[:, :, -1:]
                yield (
                    np.einsum("arm,brm->mab", block, block),
                    np.moveaxis(on_z[:, :, draws] + on_z[:, :, -1:], 2, 0).swapaxes(1, 2),
                    _Draws(own, np.arange(draws.start, draws.stop)),
                )
            return
        j = own.shape[2]
        pairs = [(a, b) for a in range(q) for b in range(a, q)]
        forms = np.concatenate([rest[a].T @ rest[b] for a, b in pairs]) if rows >= j else None
        for draws in slices(outcomes.weights.shape[1], size):
            weights = outcomes.weights[:, draws]
            weights = np.concatenate([weights, np.ones((1, weights.shape[1]))])
            gram = np.empty((weights.shape[1], q, q))
            if forms is None:
                block = rest @ weights
                gram[:] = np.einsum("arm,brm->mab", block, block)
            else:
                products = (forms @ weights).reshape(len(pairs), j, -1)
                for (a, b), value in zip(pairs, np.einsum("pjm,jm->pm", products, weights), strict=True):
                    gram[:, a, b] = gram[:, b, a] = value
            yield gram, np.moveaxis(on_z @ weights, 2, 0).swapaxes(1, 2), _Draws(own, weights)

    def _effects(
        self,
        point: Point,
        on_z: FloatArray,
        columns: _Draws,
        asked: Sequence[Asked],
        value: float | None,
        lasting: bool,
    ) -> list[tuple[FloatArray, FloatArray]]:
        active, k = list(self._setting.active), on_z.shape[1]
        lags = on_z[:, :, :-1] if point.moves is None else point.moves
        theta = point.theta
        beta = on_z[:, :, -1] - (lags @ theta[:, active, None])[..., 0] if point.beta is None else point.beta
        factor = self._setting.small_sample(k)
        c = float(self._w.constant_row_sum or 0.0)
        further = None if self._surplus is None else _Further(self, point, beta, lags, columns.all())
        endless = point.end | ~is_stable(theta, self._w) if lasting else point.end
        out = []
        for focal, lag, quantity in asked:
            none = endless if quantity in LONG else point.end
            values, slopes = many_factors(theta, quantity, self._whole, c)
            places = [focal] if lag is None else [focal, lag]
            # f(θ)′β by the delta method: where θ moves, β moves by minus the coefficients of the lags on Z
            weights = values[:, : len(places)]
            effect = (weights * beta[:, places]).sum(axis=1)
            slope = np.einsum("mp,mpa->ma", beta[:, places], slopes[:, : len(places), active])
            slope -= np.einsum("mp,mpa->ma", weights, lags[:, places])
            root = weights @ self._inverse[places]
            scale: FloatArray | float = 1.0
            if value is not None and quantity in LONG:
                size, of_size = denominators(theta, self._w, long=True)
                row = LONG.index(quantity)
                scale = size[:, row]
                slope = scale[:, None] * slope + (effect - value)[:, None] * of_size[row, active]
                root = scale[:, None] * root
            variance = point.sigma2 * (root * root).sum(axis=1)
            variance += np.einsum("ma,mab,mb->m", slope, point.covariance, slope)
            variance *= factor
            if further is not None:
                variance += further.of(slope, self._inverse @ root.T)
            se = np.sqrt(variance) / np.abs(scale)
            out.append((np.where(none, np.nan, effect), np.where(none, np.nan, se)))
        return out


@dataclass(frozen=True, eq=False)
class _Draws:
    """The lags and outcomes of a block of draws, made where they are needed."""

    columns: FloatArray
    """The last one is what the first period adds, shape (q + 1, T·N, J + 1)."""
    chosen: FloatArray | IntArray
    """Positions of the draws among the others, shape (M,), or weights of all, shape (J + 1, M)."""

    def of(self, draw: int) -> FloatArray:
        """Return the columns of one draw, shape (q + 1, T·N)."""
        if self.chosen.ndim == 1:
            return np.asarray(self.columns[:, :, self.chosen[draw]] + self.columns[:, :, -1])
        return np.asarray(self.columns @ self.chosen[:, draw])

    def all(self) -> FloatArray:
        """Return those of all, shape (q + 1, T·N, M)."""
        if self.chosen.ndim == 1:
            return np.asarray(self.columns[:, :, self.chosen] + self.columns[:, :, -1:])
        return np.asarray(self.columns @ self.chosen)


class _Further:
    """What moments of the errors add to the variances of a block of outcomes; parameters as in `DynamicBatch`."""

    def __init__(
        self, batch: DynamicBatch, point: Point, beta: FloatArray, lags: FloatArray, columns: FloatArray
    ) -> None:
        setting = batch._setting
        self._batch, self._point, self._lags = batch, point, lags
        self._shape = (setting.t, setting.n, len(beta))
        self._active = list(setting.active)
        self._columns = columns[:-1]
        self._factor = setting.small_sample(beta.shape[1])
        residuals = columns[-1] - np.einsum("arm,ma->rm", self._columns, point.theta[:, self._active])
        residuals -= batch._within @ beta.T
        self._tie = -2 * point.sigma2[:, None] / setting.size * batch._solver.ties(point)[:, self._active]
        assert batch._surplus is not None
        self._surplus: SurplusAt = batch._surplus.at(point.theta, point.sigma2, residuals.reshape(self._shape))

    def of(self, slope: FloatArray, on_inverse: FloatArray) -> FloatArray:
        """Return the surplus of a variance, shape (M,).

        ``slope``: derivatives in those of ρ, τ and η that are in the model, β moving with them, shape (M, q).
        ``on_inverse``: (Z′Z)⁻¹ times the derivatives in β, shape (k, M).
        """
        by_theta = np.einsum("mab,mb->ma", self._point.bread, slope)
        by_beta = self._point.sigma2 * on_inverse - np.einsum("mka,ma->km", self._lags, by_theta)
        columns = self._batch._within @ by_beta + np.einsum("arm,ma->rm", self._columns, by_theta)
        weights = np.zeros((len(slope), 3))
        weights[:, self._active] = by_theta
        variance = (self._tie * by_theta).sum(axis=1)
        # the factor of the covariance stands on both sides and is divided out once
        return self._factor * self._surplus.of(weights, columns.reshape(self._shape), variance)
