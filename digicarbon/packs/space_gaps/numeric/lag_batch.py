"""Fits of one model with one spatial lag or several, by period, to many outcomes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.spatial.likelihood import is_flat
from digicarbon.packs.space_gaps.numeric.clustered import factor, left_of_one, of_sums, own_share
from digicarbon.packs.space_gaps.numeric.lag import CLOSE, NEAR, NEWTON, ROUGH, SQUARED, solve_lag, table_of
from digicarbon.packs.space_gaps.numeric.surface import Filters, Surface, Values
from digicarbon.packs.space_gaps.numeric.traces import Traces
from digicarbon.packs.space_gaps.numeric.weights import STABLE

Asked = tuple[int, tuple[int | None, ...], str]
"""The place of a focal column in Z, of its spatial lag by each W if it has one, and which number is asked for."""


@dataclass(frozen=True, eq=False)
class _Own:
    """What some outcomes have."""

    e: FloatArray
    """Residuals, shape (T·N, m)."""
    beta: FloatArray
    """Shape (k, m)."""
    lagged: FloatArray
    """Shape (R, T·N, m)."""
    values: Values
    filters: Filters
    basis: FloatArray
    """The functions of the filters at ρ, shape (m, K)."""


class LagBatch:
    """A SAR or SDM whose units or weights differ between periods, of one W or several.

    ``z``: regressors, effects removed, shape (T, N, k). ``surface``: of the weights and effects. ``by_unit``: whether
    standard errors are those of `digicarbon.packs.space_gaps.numeric.clustered.clustered`. ``traces``: of one W, whose
    `smooth` is true. ``clusters``: of the units, in place of which they are.
    """

    def __init__(
        self,
        z: FloatArray,
        surface: Surface,
        adjusted: bool,
        by_unit: bool = False,
        traces: Traces | None = None,
        clusters: Groups | None = None,
    ) -> None:
        self.traces, self.clusters = traces, clusters
        self.surface, self.weights, self.effects = surface, surface.weights, surface.effects
        self.adjusted, self.by_unit = adjusted, by_unit
        self.degrees = self.effects.degrees if adjusted else self.effects.size
        self.q, self.r = np.linalg.qr(z.reshape(-1, z.shape[2]))
        self.root = scipy.linalg.solve_triangular(self.r, np.eye(len(self.r)))

    def several(self, prepared: FloatArray, asked: Sequence[Asked]) -> list[tuple[FloatArray, FloatArray]]:
        """Return estimates and standard errors of each outcome, pairs of arrays of shape (M,).

        ``prepared``: outcomes and their lags, effects removed, shape (1 + R, T·N, M). The result is not-a-number where
        a single fit has no estimate.
        """
        of_all = np.stack([self.q.T @ one for one in prepared])
        left = np.stack([one - self.q @ own for one, own in zip(prepared, of_all, strict=True)])
        gram = np.einsum("aim,bim->mab", left, left)
        rho, found = self._solve(gram)
        out = np.full((len(asked), 2, len(rho)), np.nan)
        places = np.flatnonzero(found)
        if not len(places):
            return [(both[0], both[1]) for both in out]
        sides = np.concatenate([np.ones((len(places), 1)), -rho[places]], axis=1)
        e = np.einsum("aim,ma->im", left[:, :, places], sides)
        beta = self.root @ np.einsum("akm,ma->km", of_all[:, :, places], sides)
        lagged = prepared[1:, :, places]
        numbers = self.surface.numbers(rho[places])
        for some, filters, basis in self.surface.filters(rho[places]):
            values = Values.of(numbers[some], self.weights.several)
            own = _Own(e[:, some], beta[:, some], lagged[:, :, some], values, filters, basis)
            out[:, :, places[some]] = self._errors(own, asked)
        return [(both[0], both[1]) for both in out]

    def _solve(self, gram: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return ρ of outcomes, shape (M, R), and whether there is one inside its range, shape (M,).

        ``gram``: products of outcome and lags, effects and regressors removed, shape (M, R + 1, R + 1).
        """
        if self.traces is None:
            return self._solve_several(gram)
        rho, end = solve_lag((gram[:, 0, 0], gram[:, 0, 1], gram[:, 1, 1]), self.traces, self.degrees)
        return rho[:, None], ~end

    def _solve_several(self, gram: FloatArray) -> tuple[FloatArray, BoolArray]:
        size = self.effects.size
        places, jacobian = table_of(self.weights)
        sides = np.concatenate([np.ones((len(places), 1)), -places], axis=1)
        pairs = (sides[:, :, None] * sides[:, None, :]).reshape(len(places), -1)
        ssr = gram.reshape(len(gram), -1) @ pairs.T
        heights = jacobian - size / 2 * np.log(np.maximum(ssr, 1e-300))
        found = ~is_flat(np.ptp(heights, axis=1), size)
        best = heights.argmax(axis=1)
        rho = places[best].copy()
        first = self.surface.starts(best)
        found &= self._newton(rho, gram, found, False, size, NEAR if self.adjusted else SQUARED, first)
        if self.adjusted:
            found &= self._newton(rho, gram, found, True, self.degrees, SQUARED)
        doubtful = np.flatnonzero(found & ~self.surface.sure(rho))
        found[doubtful] = [self.weights.largest(rho[place]) <= STABLE for place in doubtful]
        return rho, found

    def _newton(
        self,
        rho: FloatArray,
        gram: FloatArray,
        of: BoolArray,
        adjusted: bool,
        degrees: int,
        close: float,
        first: FloatArray | None = None,
    ) -> BoolArray:
        """Move ρ of some outcomes to the zero of their scores, in place; return where the steps end.

        As a single fit's steps, see `digicarbon.packs.space_gaps.numeric.lag`.
        """
        ended = np.zeros(len(rho), dtype=bool)
        active = np.flatnonzero(of)
        last = np.full(len(rho), np.inf)
        for turn in range(NEWTON):
            numbers = first[active] if first is not None and turn == 0 else self.surface.numbers(rho[active])
            values = Values.of(numbers, rho.shape[1])
            trace, bent = (values.trace, values.bent) if adjusted else (values.own_trace, values.own_bent)
            sides = np.concatenate([np.ones((len(active), 1)), -rho[active]], axis=1)
            own = gram[active]
            along = (own @ sides[:, :, None])[..., 0]
            ssr, cross, inner = (sides * along).sum(axis=1), along[:, 1:], own[:, 1:, 1:]
            scores = degrees * cross / ssr[:, None] - trace
            outer = cross[:, :, None] * cross[:, None, :]
            bend = degrees * (2 * outer / ssr[:, None, None] - inner) / ssr[:, None, None] - bent
            rising = np.linalg.eigvalsh((bend + np.swapaxes(bend, 1, 2)) / 2).max(axis=1) >= 0
            bend[rising] = -degrees * inner[rising] / ssr[rising, None, None]
            steps = -np.linalg.solve(bend, scores[:, :, None])[..., 0]
            stays = self._shortened(rho[active], steps)
            rho[active[~stays]] += steps[~stays]
            last[active] = np.abs(steps).max(axis=1)
            done = stays | (last[active] < close)
            ended[active[done]] = True
            active = active[~done]
            if not len(active):
                break
        # where y has hardly any errors, rounding leaves more than the smallest step
        ended[active] = last[active] < ROUGH
        return ended

    def _shortened(self, rho: FloatArray, steps: FloatArray) -> BoolArray:
        """Halve steps that leave the stable region, in place; return where nothing is left of them."""
        stays = np.zeros(len(rho), dtype=bool)
        for place in np.flatnonzero(~self.surface.sure(rho + steps)):
            while not self.weights.stable(rho[place] + steps[place]):
                steps[place] /= 2
                if np.abs(steps[place]).max() < CLOSE:
                    stays[place] = True
                    break
        return stays

    def _errors(self, own: _Own, asked: Sequence[Asked]) -> FloatArray:
        """Return estimates and standard errors, shape (len(asked), 2, m)."""
        w, e, beta, values = self.weights, own.e, own.beta, own.values
        m = e.shape[1]
        moved = own.filters.unfiltered(own.basis, e.reshape(*self.effects.present.shape, m))
        noise = [self.effects.remove(w.lag(moved, place)).reshape(e.shape) for place in range(w.several)]
        q = own.lagged - np.stack(noise)
        of_q = np.stack([self.q.T @ one for one in q])
        sigma2 = (e * e).sum(axis=0) / self.degrees
        rest = np.einsum("rim,sim->mrs", q, q) - np.einsum("rkm,skm->mrs", of_q, of_q)
        rest = rest / sigma2[:, None, None] + values.norm
        # the adjusted scores of β, ρ and σ²: with d = (Z′Z)⁻¹Z′q, those of β and σ² are partialled out of that of ρ
        rest -= 2 * values.trace[:, :, None] * values.trace[:, None, :] / self.degrees
        slope, spread = rest + values.bent, rest + values.square
        # scores of ρ, less those of β and σ²
        scores = np.stack([one - self.q @ along for one, along in zip(q, of_q, strict=True)])
        d = np.stack([self.root @ one for one in of_q])
        out = np.empty((len(asked), 2, m))
        for which, (focal, lags, quantity) in enumerate(asked):
            level, change = self._multiplied(values, quantity)
            columns = [(place, column) for place, column in enumerate((focal, *lags)) if column is not None]
            estimate, weights, along, bend = np.zeros(m), np.zeros((m, len(beta))), np.zeros((m, len(d))), 0.0
            for place, column in columns:
                estimate += level[:, place] * beta[column]
                weights += level[:, place, None] * self.root[column]
                along += level[:, place, None] * d[:, column].T
                bend = bend + change[:, place] * beta[column][:, None]
            # how much the estimate moves with the score of each ρ
            turned = np.linalg.solve(np.swapaxes(slope, 1, 2), (bend - along)[:, :, None])[..., 0]
            if self.by_unit:
                variance = self._clustered(own, sigma2, weights, scores, turned)
            else:
                variance = sigma2 * (weights * weights).sum(axis=1)
                variance = variance + np.einsum("mr,mrs,ms->m", turned, spread, turned)
            out[which] = estimate, np.sqrt(np.maximum(variance, 0.0))
        return out

    def _clustered(
        self, own: _Own, sigma2: FloatArray, weights: FloatArray, scores: FloatArray, turned: FloatArray
    ) -> FloatArray:
        """Return the variance of an estimate to which scores of units and of pairs of them add."""
        t, n = self.effects.present.shape
        e, values = own.e, own.values
        m = e.shape[1]
        diagonal, products = own.filters.diagonal_and_pairs(own.basis, turned, e.reshape(t, n, m))
        left, share = (one.reshape(-1, 1) for one in (left_of_one(self.effects), own_share(self.effects)))
        squares = e * e
        trace = (turned * values.trace).sum(axis=1)
        cells = e * np.einsum("rim,mr->im", scores, turned) - trace / self.degrees * (squares - sigma2 * left)
        cells += diagonal.reshape(t * n, m) * (squares - sigma2 * share)
        cells = cells / sigma2 + (self.q @ weights.T) * e
        sums = cells.reshape(t, n, m).sum(axis=0)
        if self.clusters is not None:
            codes = self.clusters.codes
            ends = np.sort(np.stack([codes[own.filters.first], codes[own.filters.second]]), axis=0)
            (first, second), which = np.unique(ends, axis=1, return_inverse=True)
            products = Groups.coded(which.ravel()).sums(products)
            within = first == second
            # a sum of a cluster may stand at any unit of it
            sums[np.unique(codes, return_index=True)[1][first[within]]] += products[within] / sigma2
            products = products[~within]
        pairs: FloatArray = np.einsum("pm,pm->m", products, products)
        every = self.effects, self.clusters
        return np.asarray(of_sums(sums, *every) + factor(*every) * pairs / sigma2**2)

    def _multiplied(self, values: Values, quantity: str) -> tuple[FloatArray, FloatArray]:
        """Return what β and each θ count in a quantity, and the derivatives of it in each ρ."""
        if quantity == "coefficient":
            level = np.zeros_like(values.levels[:, 0])
            level[:, 0] = 1.0
            return level, np.zeros_like(values.slopes[:, 0])
        place = ("direct", "indirect", "total").index(quantity)
        return values.levels[:, place], values.slopes[:, place]
