"""Thresholds in a model with a spatial lag of the outcome, by its likelihood at every candidate.

At a candidate the columns of regimes take a part of what the linear model leaves of y and of Wy; the sum of squares is
then a - 2ρb + ρ²c, whose likelihood is maximised over ρ for all candidates and bootstrap samples at once. The spatial
lag of x 1(q ≤ γ) has Wx_i in the column of each row i of the lower regime, so that products with it are sums over rows
in the order of q, of x times W′v.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.within import demean
from digicarbon.numeric.resampling.null_model import orthonormal, without
from digicarbon.numeric.slices import slices
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import star_log_determinants
from digicarbon.packs.threshold.numeric.estimator import Curve, Sampled
from digicarbon.packs.threshold.numeric.search import Candidates, Ordered, roots_of

_CELLS = 2**21
"""Numbers in the largest array that is made at a time, about."""


@dataclass(frozen=True, eq=False)
class SpatialLag:
    """A balanced panel with a spatial lag of the outcome; what thresholds are compared by is the likelihood."""

    ordered: Ordered
    """Has x, whose slopes differ between regimes, and q; rows are sorted by unit, then by period."""
    shared: FloatArray
    """Columns of the linear model, x and spatial lags among them, without fixed effects, shape (rows, s)."""
    level: FloatArray
    lagged: FloatArray
    """`level`, `lagged`: y and Wy without fixed effects, shape (rows,)."""
    lags: tuple[int, ...]
    """Columns of x whose spatial lags differ between regimes, too."""
    space: LagSpace
    """Has W and the sample."""

    def below(self, place: int) -> FloatArray:
        """Return the columns of the lower regime, without fixed effects, shape (rows, m)."""
        return self._columns(self.ordered.below(place)[:, :, None])[:, :, 0]

    def search(self, candidates: IntArray, known: Sequence[int]) -> Candidates:
        """Return what finds one more threshold among candidates, given those that are known."""
        basis = orthonormal(np.column_stack([self.shared, *(self.below(place) for place in known)]))
        along = self._sums(basis, candidates)
        own = self._products(candidates)
        return Candidates(basis, candidates, roots_of(own - along @ along.swapaxes(1, 2), own))

    def gains(self, search: Candidates) -> FloatArray:
        """Return the likelihood ratio of each candidate against the model without it, shape (G,)."""
        return self.ratios(search, self.level[:, None], self.lagged[:, None])[:, 0]

    def statistic(self, search: Candidates) -> float:
        """Return the likelihood ratio of the best candidate."""
        return float(self.gains(search).max())

    def ratios(self, search: Candidates, level: FloatArray, lagged: FloatArray) -> FloatArray:
        """Return likelihood ratios for outcomes and their spatial lags, each of shape (rows, M): shape (G, M)."""
        rests = [without(search.basis, rows) for rows in (level, lagged)]
        taken = [np.matmul(search.roots.swapaxes(1, 2), self._sums(rest, search.candidates)) for rest in rests]
        pairs = ((0, 0), (0, 1), (1, 1))
        whole = [np.einsum("im,im->m", rests[one], rests[other]) for one, other in pairs]
        parts = [np.einsum("gjm,gjm->gm", taken[one], taken[other]) for one, other in pairs]
        moments = (np.vstack([all_, all_ - part]) for all_, part in zip(whole, parts, strict=True))
        heights = self.highest(*moments)
        return np.asarray(2 * (heights[1:] - heights[0]))

    def highest(self, a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
        """Return the highest likelihood of each sum of squares a - 2ρb + ρ²c, less a constant; arrays of any shape."""
        flat = [moments.ravel() for moments in (a, b, c)]
        sample, out = self.space.sample, np.empty(len(flat[0]))
        for part in slices(len(out), _CELLS // self.space.w.n):
            one, two, three = (moments[part] for moments in flat)
            rho = self.space.maximise(one, two, three)
            ssr = one - 2 * rho * two + rho**2 * three
            jacobian = star_log_determinants(self.space.w, rho, sample)
            out[part] = sample.periods * jacobian - sample.size / 2 * np.log(ssr)
        return out.reshape(a.shape)

    def drawn(self, search: Candidates, known: list[int], errors_of: list[int], sampled: Sampled) -> FloatArray:
        """Return likelihood ratios of samples.

        With e the residuals of the model without the threshold and e* those of a sample, (I - ρW)⁻¹(Zβ + effects + e*)
        is y + (I - ρW)⁻¹(e* - e), so that no effect has to be estimated.
        """
        rho, errors = self._fit(known)
        values = []
        for part in sampled(self._fit(errors_of)[1]):
            for some in slices(len(part), self._at_a_time(search)):
                change = part[some].T - errors[:, None]
                lag = self._by_unit(lambda columns: self.space.w.apply_g(rho, columns), change)
                # (I - ρW)⁻¹ = I + ρG with G = W(I - ρW)⁻¹, which makes the lag of what is added
                level, lagged = self._demeaned(change + rho * lag), self._demeaned(lag)
                found = self.ratios(search, self.level[:, None] + level, self.lagged[:, None] + lagged)
                values.append(found.max(axis=0))
        return np.concatenate(values)

    def fitted(self, places: list[int]) -> tuple[float, int]:
        """Return the sum of squares with thresholds and the observations of the likelihood."""
        errors = self._fit(places)[1]
        return float(errors @ errors), self.space.sample.size

    def best(self, search: Candidates, outcomes: FloatArray) -> IntArray:
        """Return the place of the best candidate for each outcome, shape (M,). ``outcomes``: shape (M, rows)."""
        out = np.empty(len(outcomes), dtype=np.intp)
        for some in slices(len(outcomes), self._at_a_time(search)):
            rows = np.ascontiguousarray(outcomes[some].T)
            level, lagged = self._demeaned(rows), self._demeaned(self._by_unit(self._lag, rows))
            out[some] = self.ratios(search, level, lagged).argmax(axis=0)
        return search.candidates[out]

    def _at_a_time(self, search: Candidates) -> int:
        """Return the number of outcomes whose arrays have about `_CELLS` numbers."""
        return _CELLS // max(len(search.candidates) * int(search.roots.shape[1]), len(self.level))

    def curve(self, search: Candidates, places: list[int], at: int) -> Curve:
        """Return the likelihood ratio of a threshold."""
        gains = self.gains(search)
        return Curve(places[at], search.candidates, gains.max() - gains, 1.0)

    def _fit(self, places: list[int]) -> tuple[float, FloatArray]:
        """Return ρ and the residuals of the model with thresholds, shape (rows,)."""
        basis = orthonormal(np.column_stack([self.shared, *(self.below(place) for place in places)]))
        level, lagged = (without(basis, rows) for rows in (self.level, self.lagged))
        moments = (np.array([one @ other]) for one, other in ((level, level), (level, lagged), (lagged, lagged)))
        rho = float(self.space.maximise(*moments)[0])
        return rho, level - rho * lagged

    def _columns(self, own: FloatArray) -> FloatArray:
        """Return columns of x, shape (rows, k, c), and their spatial lags, without fixed effects: (rows, m, c)."""
        lags = self._by_unit(self._lag, own[:, list(self.lags)]) if self.lags else own[:, :0]
        return self._demeaned(np.concatenate([own, lags], axis=1))

    def _sums(self, columns: FloatArray, candidates: IntArray) -> FloatArray:
        """Return products of the columns of the lower regimes with columns, shape (rows, M): shape (G, m, M)."""
        order, x = self.ordered.order, self.ordered.x
        back = self._by_unit(lambda rows: self.space.w.apply_gt(0.0, rows), columns) if self.lags else columns
        each = [(x[:, j], columns) for j in range(x.shape[1])] + [(x[:, j], back) for j in self.lags]
        out = np.empty((len(candidates), len(each), columns.shape[1]))
        for place, (own, rows) in enumerate(each):
            out[:, place] = np.cumsum((own[:, None] * rows)[order], axis=0)[candidates]
        return out

    def _products(self, candidates: IntArray) -> FloatArray:
        """Return products of the columns of each lower regime with each other, shape (G, m, m)."""
        x, rank = self.ordered.x, np.empty(len(self.level), dtype=np.int64)
        rank[self.ordered.order] = np.arange(len(rank))
        m = x.shape[1] + len(self.lags)
        out = np.empty((len(candidates), m, m))
        for some in slices(len(candidates), _CELLS // (len(x) * m)):
            columns = self._columns(x[:, :, None] * (rank[:, None] <= candidates[some])[:, None, :])
            by_candidate = np.ascontiguousarray(columns.transpose(2, 1, 0))
            out[some] = by_candidate @ by_candidate.swapaxes(1, 2)
        return out

    def _lag(self, columns: FloatArray) -> FloatArray:
        return np.asarray(self.space.w.lag(columns[None])[0])

    def _by_unit(self, change: Callable[[FloatArray], FloatArray], rows: FloatArray) -> FloatArray:
        """Return rows after a change of each period's units, which takes and returns shape (N, columns)."""
        return np.asarray(change(rows.reshape(self.space.w.n, -1)).reshape(rows.shape))

    def _demeaned(self, rows: FloatArray) -> FloatArray:
        """Return rows, of any shape after the first axis, without fixed effects."""
        cube = rows.reshape(self.space.w.n, -1, *rows.shape[1:])
        within = demean(cube.swapaxes(0, 1), self.space.sample.effects)
        return within.swapaxes(0, 1).reshape(rows.shape)
