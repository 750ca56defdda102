"""Fits of one spatial lag model to many outcomes at once: permutation tests, bootstraps, Monte Carlo.

With the same regressors and weights only three moments of each outcome enter the concentrated likelihood, so thousands
of fits are a few matrix products. A `LagSpace` has all that depends on the outcomes and W only, and not on the
regressors: models of the same W and sample share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
import scipy
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.spatial.likelihood import (
    Sample,
    coarse_jacobian,
    in_sample,
    refuse_flat_ranges,
    star_traces_at,
)
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator
from digicarbon.numeric.spatial.sparse import SparseOperator

FEWEST_NODES, MOST_NODES = 12, 512
"""Chebyshev nodes over the draws' range of ρ, for the functions of G in the standard errors."""
DIGITS = 26.0
"""Natural logarithm of the factor by which the nodes reduce the error: eleven digits."""
CLOSE = 1e-6
"""Size of a last Newton step, relative to the interval of the search: each step squares the error."""
STEP = 0.2
"""Ranges of ρ are widened to multiples of this, so that models of the same W share their nodes."""
CELLS = 1 << 18
"""Numbers in an array of rows and draws that are handled at a time: they stay in the processor's cache."""
FEWEST, MOST = 64, 2000
"""Draws of a block, whatever the rows."""
SOLVED = 256
"""Columns of a sparse G that are made at a time."""
KEPT_CELLS = 1 << 20
"""Most numbers in G at all nodes that are stored; for a larger W each G is computed again."""
ALL_PAIRS = 1000
"""Up to this number of units G is made for each draw, for clustered errors of ρ."""
SHORT = 24
"""From this number of units on products of units are sums of numbers of seven digits; of fewer units draws may be the
sample itself, whose statistic must be the same."""
LEAST = 1e-9
"""Share of the largest coefficient below which one is not counted in such sums."""
LEAST_PAIR = 1e-9
"""Of more units, pairs are left out whose weight is at most this share of the largest one."""
LEAST_IN_BOUND = 0.02
"""Share of a unit's coefficients below which the last orders are only bounded themselves."""
PAIR_CELLS, FEWEST_PAIRED = 1 << 17, 16
"""Products of two units that are handled at a time, and the fewest draws."""


EVERY = slice(None)

Slopes = Callable[[FloatArray, tuple[FloatArray, FloatArray]], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True, eq=False)
class LagParameters:
    """Parameters of M fits, from which every effect follows.

    Attributes
    ----------
    beta : ndarray, shape (M, k)
    rho, sigma2, rho_variance : ndarray, shape (M,)
    d : ndarray, shape (M, k)
        (Z′Z)⁻¹Z′GZβ.
    traces : tuple of two ndarrays, shape (M,)
        tr G* and tr G*².
    at : Located or None
        ρ on its nodes; None where errors are of the observed information.
    scores : LagScores or None
        None where errors are not clustered.
    """

    beta: FloatArray
    rho: FloatArray
    sigma2: FloatArray
    rho_variance: FloatArray
    d: FloatArray
    traces: tuple[FloatArray, FloatArray]
    at: Located | None = None
    scores: LagScores | None = None

    @property
    def located(self) -> Located:
        """ρ on its nodes."""
        if self.at is None:
            raise TypeError("errors are of the observed information")
        return self.at

    def some(self, chosen: slice | NDArray[np.intp]) -> LagParameters:
        """Return the parameters of some fits, without scores."""
        beta, rho, sigma2, variance, d = (
            part[chosen] for part in (self.beta, self.rho, self.sigma2, self.rho_variance, self.d)
        )
        traces = self.traces[0][chosen], self.traces[1][chosen]
        return LagParameters(beta, rho, sigma2, variance, d, traces, self.at and self.at.some(chosen))


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates of M fits, of shapes (M,), (M, k) and (M,)."""

    rho: FloatArray
    beta: FloatArray
    sigma2: FloatArray

    def some(self, chosen: NDArray[np.intp]) -> Estimates:
        """Return those of some fits."""
        return Estimates(self.rho[chosen], self.beta[chosen], self.sigma2[chosen])


@dataclass(frozen=True, eq=False)
class LagScores:
    """What clusters by unit are made of.

    Attributes
    ----------
    outcomes : Projected
    rho : ndarray, shape (M,)
    of_rho : ndarray, shape (N, M)
        Each unit's own part of the score that is left of ρ's when those of β and σ² are partialled out; centred.
    pairs : ndarray, shape (M,)
        Variance of the part that is products of two units' errors.
    """

    outcomes: Projected
    rho: FloatArray
    of_rho: FloatArray
    pairs: FloatArray

    def of(self, weights: FloatArray) -> FloatArray:
        """Return sums by unit of residuals times weights, shape (N·T′,), centred: shape (N, M)."""
        return centred(self.outcomes.by_unit(weights, len(self.of_rho)).residuals(self.rho))


def centred(by_unit: FloatArray) -> FloatArray:
    """Return columns less their means."""
    # numpy's own mean takes longer than the sum of a small array
    return np.asarray(by_unit - np.add.reduce(by_unit, axis=0) / len(by_unit))


@dataclass(frozen=True, eq=False)
class LagOutcomes:
    """Outcomes and their spatial lags as they enter the likelihood, effects removed.

    Attributes
    ----------
    level, lagged : ndarray, shape (N·T′, J)
        y and Wy; T′ is T, or T - 1 where unit effects are contracted away.
    weights : ndarray, shape (J, M), or None
        The outcomes are these combinations of the columns; None stands for the columns themselves.
    """

    level: FloatArray
    lagged: FloatArray
    weights: FloatArray | None = None

    @property
    def count(self) -> int:
        """Number of outcomes."""
        return len((self.level if self.weights is None else self.weights).T)

    def __matmul__(self, weights: FloatArray) -> LagOutcomes:
        """Return linear combinations of the outcomes, weights of shape (M, draws)."""
        return LagOutcomes(self.level, self.lagged, weights if self.weights is None else self.weights @ weights)

    def blocks(self) -> Iterator[LagBlock]:
        """Yield blocks of outcomes."""
        size = int(np.clip(CELLS // len(self.level), FEWEST, MOST))
        for start in range(0, self.count, size):
            draws = slice(start, start + size)
            if self.weights is None:
                yield LagBlock(self.level[:, draws], self.lagged[:, draws])
            else:
                weights = np.ascontiguousarray(self.weights[:, draws])
                yield LagBlock(self.level @ weights, self.lagged @ weights)

    def projected(self, basis: FloatArray, formed: bool) -> Iterator[Projected]:
        """Yield blocks of outcomes, projected on an orthonormal basis of shape (N·T′, k).

        Where outcomes are combinations of few columns their inner products are those of these columns, and a block may
        have many; not if its rows are to be ``formed``.
        """
        both = np.concatenate([self.level, self.lagged], axis=1)
        coordinates = basis.T @ both
        both -= basis @ coordinates
        whole, (rows, columns) = Projected(both, coordinates, basis), self.level.shape
        size = int(np.clip(CELLS // (rows if formed or self.weights is None else columns), FEWEST, MOST))
        for start in range(0, self.count, size):
            draws = slice(start, start + size)
            if self.weights is None:
                yield whole.columns(draws)
            else:
                yield replace(whole, weights=np.ascontiguousarray(self.weights[:, draws]))


At = tuple[FloatArray, FloatArray, FloatArray]
"""ρ and 1/σ, each of shape (M,), and what (Wy)* has in the basis beside its rest, shape (k, M)."""


class Formed(Protocol):
    """Residuals and (Wy)* of some outcomes, each of shape (m, N·T′), in given arrays or in new ones."""

    def __call__(
        self, block: slice, out: tuple[FloatArray, FloatArray] | None = None, /
    ) -> tuple[FloatArray, FloatArray]:
        """Return both."""


class Block(Protocol):
    """What the fits of a model take of outcomes that are projected on its regressors."""

    @property
    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """y′y, y′Wy and (Wy)′Wy of each outcome, each of shape (M,)."""

    @property
    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """Coordinates of y and Wy in the basis, each of shape (k, M)."""

    def formed(self, at: At, kind: np.dtype[Any]) -> Formed:
        """Return what forms residuals and (Wy)*, over σ, of some outcomes, in numbers of a kind."""

    def standardised(self, rho: FloatArray, sigma2: FloatArray, kind: np.dtype[Any]) -> FloatArray:
        """Return residuals over σ at each ρ and σ², shape (N·T′, M), in numbers of a kind."""


@dataclass(frozen=True, eq=False)
class LagBlock:
    """Some outcomes: y and Wy, each of shape (N·T′, M)."""

    level: FloatArray
    lagged: FloatArray


@dataclass(frozen=True, eq=False)
class Projected:
    """Some outcomes that are projected on regressors.

    Attributes
    ----------
    both : ndarray, shape (N·T′, 2 J)
        y and Wy less their projections.
    of_both : ndarray, shape (k, 2 J)
        Coordinates of the projections.
    basis : ndarray, shape (N·T′, k)
    weights : ndarray, shape (J, M), or None
        The outcomes are these combinations of the columns; None stands for the columns themselves.
    further : ndarray, shape (k, M), or None
        What residuals have in the basis, where they are not those of least squares.
    """

    both: FloatArray
    of_both: FloatArray
    basis: FloatArray
    weights: FloatArray | None = None
    further: FloatArray | None = None

    @property
    def level(self) -> FloatArray:
        """Y less its projection, shape (N·T′, J)."""
        return self.both[:, : self.both.shape[1] // 2]

    @property
    def lagged(self) -> FloatArray:
        """Wy less its projection, shape (N·T′, J)."""
        return self.both[:, self.both.shape[1] // 2 :]

    @property
    def moments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """y′y, y′Wy and (Wy)′Wy of each outcome, each of shape (M,)."""
        if self.weights is not None and len(self.weights) < self.rows:
            count = len(self.weights)
            # a product with itself takes half of the time
            gram = self.both.T @ self.both
            grams = np.concatenate([gram[:count, :count], gram[:count, count:], gram[count:, count:]])
            a, b, c = np.einsum("ijm,jm->im", (grams @ self.weights).reshape(3, count, -1), self.weights)
            return a, b, c
        level, lagged = self.combined(self.level), self.combined(self.lagged)
        pairs = (level, level), (level, lagged), (lagged, lagged)
        a, b, c = (np.einsum("im,im->m", one, other) for one, other in pairs)
        return a, b, c

    @property
    def coordinates(self) -> tuple[FloatArray, FloatArray]:
        """Coordinates of y and Wy in the basis, each of shape (k, M)."""
        half = self.of_both.shape[1] // 2
        return self.combined(self.of_both[:, :half]), self.combined(self.of_both[:, half:])

    @property
    def count(self) -> int:
        """Number of outcomes."""
        return len((self.level if self.weights is None else self.weights).T)

    @property
    def rows(self) -> int:
        """N·T′."""
        return len(self.both)

    def columns(self, chosen: slice | NDArray[np.intp]) -> Projected:
        """Return some of the columns as outcomes."""
        both = np.arange(self.both.shape[1]).reshape(2, -1)[:, chosen].ravel()
        return Projected(self.both[:, both], self.of_both[:, both], self.basis)

    def some(self, chosen: slice | NDArray[np.intp]) -> Projected:
        """Return some of the outcomes."""
        if self.weights is None:
            return self.columns(chosen)
        weights = np.ascontiguousarray(self.weights[:, chosen])
        return Projected(self.both, self.of_both, self.basis, weights, self.further)

    def combined(self, columns: FloatArray) -> FloatArray:
        """Return the combinations of columns that the outcomes are, shape (…, J): shape (…, M)."""
        return columns if self.weights is None else columns @ self.weights

    def residuals(self, rho: FloatArray) -> FloatArray:
        """Return residuals at each ρ, shape (N·T′, M)."""
        out = self.combined(self.level) - rho * self.combined(self.lagged)
        return out if self.further is None else out + self.basis @ self.further

    def standardised(self, rho: FloatArray, sigma2: FloatArray, kind: np.dtype[Any]) -> FloatArray:
        """Return residuals over σ at each ρ and σ², shape (N·T′, M), in numbers of a kind."""
        scale = 1 / np.sqrt(sigma2)
        if self.weights is None or self.further is not None:
            return np.asarray(self.residuals(rho) * scale, dtype=kind)
        weights = self.weights * scale
        return np.asarray(self.both.astype(kind) @ np.concatenate([weights, weights * -rho]).astype(kind))

    def formed(self, at: At, kind: np.dtype[Any], chosen: slice | NDArray[np.intp] = EVERY) -> Formed:
        """Return what forms residuals and (Wy)*, over σ, of some outcomes, in numbers of a kind."""
        rho, scale, shift = at
        both, beside = self._short if kind == np.float32 else (self.both.T, self._beside)
        # over σ, products are not too large for numbers of seven digits
        coordinates, half = shift * scale, len(both) // 2
        if self.weights is not None:
            weights = self.weights[:, chosen] * scale
            by_errors = np.concatenate([weights, weights * -rho]).T.astype(kind)
            by_lag = np.concatenate([weights, coordinates]).T.astype(kind)
        else:
            by_errors, by_lag = np.stack([scale, -rho * scale], axis=1).astype(kind), coordinates.T.astype(kind)
        further = None if self.further is None else (self.further[:, chosen] * scale).T.astype(kind)

        def form(block: slice, out: tuple[FloatArray, FloatArray] | None = None) -> tuple[FloatArray, FloatArray]:
            errors, wy = out or (np.empty((len(rho[block]), self.rows), dtype=kind) for _ in range(2))
            if self.weights is not None:
                np.matmul(by_errors[block], both, out=errors)
                np.matmul(by_lag[block], beside, out=wy)
            else:
                level, lagged = both[:half][chosen][block], both[half:][chosen][block]
                own = by_errors[block]
                np.add(own[:, :1] * level, own[:, 1:] * lagged, out=errors)
                np.matmul(by_lag[block], beside[half:], out=wy)
                wy += own[:, :1] * lagged
            if further is not None:
                errors += further[block] @ beside[half:]
            return errors, wy

        return form

    @cached_property
    def _beside(self) -> FloatArray:
        """Wy less its projections, and the basis, shape (J + k, N·T′)."""
        return np.concatenate([self.lagged, self.basis], axis=1).T

    @cached_property
    def _short(self) -> tuple[FloatArray, FloatArray]:
        """Columns of y and Wy, and `_beside`, in numbers of seven digits."""
        return np.asarray(self.both.T, dtype=np.float32), np.asarray(self._beside, dtype=np.float32)

    def by_unit(self, weights: FloatArray, n: int) -> Projected:
        """Return outcomes whose residuals are sums by unit of these ones' times weights, shape (N·T′,)."""

        def sums(columns: FloatArray) -> FloatArray:
            return np.asarray(np.matmul(weights.reshape(n, 1, -1), columns.reshape(n, -1, columns.shape[1]))[:, 0])

        return replace(self, both=sums(self.both), basis=sums(self.basis))


@dataclass(frozen=True, eq=False)
class Nodes:
    """Places on a range of ρ, and functions of G there that do not depend on the regressors.

    Attributes
    ----------
    low, high : float
    points : ndarray, shape (p,)
    inverse : ndarray, shape (p, p)
        From values at the points to Chebyshev coefficients.
    scalars : ndarray, shape (p, 3)
        ‖G*‖², 1′G1/N and 1′G²1/N.
    diagonals : ndarray, shape (p, N)
        Of G among deviations from period means where there are time effects.
    stars : ndarray, shape (p, N, N), or None
        JG at the points, J the centring matrix where there are time effects; None where it would need too much memory.
    """

    low: float
    high: float
    points: FloatArray
    inverse: FloatArray
    scalars: FloatArray
    diagonals: FloatArray
    stars: FloatArray | None

    def basis(self, rho: FloatArray) -> FloatArray:
        """Return the Chebyshev polynomials at places within the range, shape (M, p)."""
        half = (self.high - self.low) / 2
        at = (rho - (self.low + self.high) / 2) / half
        out = np.empty((len(self.points), len(rho)))
        out[0], out[1], twice = 1.0, at, 2 * at
        for power in range(2, len(out)):
            np.multiply(twice, out[power - 1], out=out[power])
            out[power] -= out[power - 2]
        return out.T


@dataclass(frozen=True, eq=False)
class Located:
    """Places of ρ on the range of some nodes.

    Attributes
    ----------
    nodes : Nodes
    basis : ndarray, shape (M, p)
        Of `Nodes.basis` at the places.
    """

    nodes: Nodes
    basis: FloatArray

    def some(self, chosen: slice | NDArray[np.intp]) -> Located:
        """Return some of the places."""
        return Located(self.nodes, self.basis[chosen])

    def own_shares(self, units: slice | NDArray[np.intp]) -> FloatArray:
        """Return the diagonal of G* at each place for some units, shape (n, M)."""
        return np.asarray((self.nodes.inverse @ self.nodes.diagonals[:, units]).T @ self.basis.T)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Weights of products of two units' errors in the variance of ρ's score.

    Attributes
    ----------
    first, second : ndarray of int, shape (pairs,)
        Units i < j.
    coefficients : ndarray, shape (pairs, p)
        Chebyshev coefficients of (g_ij + g_ji)².
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    coefficients: FloatArray

    def sums(self, residuals: FloatArray, basis: FloatArray) -> FloatArray:
        """Return Σ_{i<j} (g_ij + g_ji)² (e_i′e_j)², shape (M,).

        Parameters
        ----------
        residuals : ndarray, shape (N, T′, M)
        basis : ndarray, shape (M, p)
            Of `Nodes.basis`, for the nodes of the coefficients.
        """
        draws = residuals.shape[2]
        size, out = max(PAIR_CELLS // len(self.first), 1), np.empty(draws)
        for start in range(0, draws, size):
            block = slice(start, min(start + size, draws))
            e = np.ascontiguousarray(residuals[..., block].transpose(2, 0, 1))
            products = np.einsum("mpt,mpt->mp", e[:, self.first], e[:, self.second]) ** 2
            out[block] = np.einsum("mp,mp->m", products @ self.coefficients, basis[block])
        return out


class LagSpace:
    """The sample of spatial models of one W: how outcomes and regressors enter it, and the functions of G in use.

    Parameters
    ----------
    w : SpatialOperator
        With constant row sums where there are time effects. Of a sparse one nothing of size N × N is formed.
    sample : Sample
    """

    def __init__(self, w: SpatialOperator, sample: Sample) -> None:
        self.w = w
        # at the nodes G is needed only without the part that the effects remove
        self.used = in_sample(w, sample)
        self.sample = sample
        self.by_time = sample.effects in ("time", "two_way")
        # an orthonormal contraction of time has the same inner products as demeaning, in one period less
        self._time = _contraction(sample.t) if sample.effects in ("unit", "two_way") else np.eye(sample.t)
        self._nodes: dict[tuple[float, float], Nodes] = {}
        self._pairs: dict[tuple[float, float], Pairs] = {}
        self._matrices: dict[tuple[float, float], FloatArray] = {}

    def transform(self, columns: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return columns and their spatial lags with effects removed.

        Parameters
        ----------
        columns : ndarray, shape (N, T, m)

        Returns
        -------
        level, lagged : ndarray, shape (N·T′, m)
            Rows are sorted by unit.
        """
        n, m = self.w.n, columns.shape[2]
        contraction = np.matmul(self._time, columns).reshape(n, -1)
        both = self.centre(contraction), self.centre(self.w.lag(contraction[None])[0])
        return both[0].reshape(-1, m), both[1].reshape(-1, m)

    def centre(self, columns: FloatArray) -> FloatArray:
        """Return columns, shape (N, m), less their means where there are time effects."""
        return centred(columns) if self.by_time else columns

    def outcomes(self, y: FloatArray) -> LagOutcomes:
        """Return outcomes, shape (N, T, M), in the form that all models of this W and sample use."""
        return LagOutcomes(*self.transform(y))

    def drawn(self, y: FloatArray, residuals: FloatArray, corrected: FloatArray, rho: float) -> LagOutcomes:
        """Return y - S⁻¹e and, for each unit, S⁻¹ of its own e, as outcomes: N + 1 columns.

        Parameters
        ----------
        y, residuals, corrected : ndarray, shape (N, T)
            Two different e.
        rho : float
            Of S = I - ρW.
        """
        n, w = self.w.n, self.used
        flat, e, own = (one @ self._time.T for one in (y, residuals, corrected))
        g = self.centre(w.g(rho)) if isinstance(w, DenseOperator) else self.centre(w.apply_g(rho, np.eye(n)))
        lagged = np.empty((n, flat.shape[1], n + 1))
        level = np.empty_like(lagged)
        # WS⁻¹ is G, and S⁻¹ is I + ρG
        lagged[..., 0] = self.centre(self.w.lag(flat[None])[0]) - g @ e
        level[..., 0] = self.centre(flat - e) - rho * (g @ e)
        np.multiply(g[:, None], own.T, out=lagged[..., 1:])
        np.multiply((self.centre(np.eye(n)) + rho * g)[:, None], own.T, out=level[..., 1:])
        return LagOutcomes(level.reshape(-1, n + 1), lagged.reshape(-1, n + 1))

    @cached_property
    def coarse(self) -> tuple[FloatArray, FloatArray]:
        """Places that cover the range of ρ and the log-determinants of all periods there."""
        nodes, log_determinants = coarse_jacobian(self.w, self.sample)
        return nodes, self.sample.periods * log_determinants

    def traces(self, rho: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return tr G* and tr G*² at each ρ."""
        return star_traces_at(self.w, rho, self.sample)

    def effect_weights(
        self, rho: FloatArray, effect: str, traces: tuple[FloatArray, FloatArray] | None = None
    ) -> tuple[FloatArray, ...]:
        """Return the weights of β and θ in an effect and their derivatives in ρ, each of shape (M,).

        Effects are ``coefficient`` (β itself), ``direct``, ``indirect`` and ``total``; ``traces`` are those at ρ where
        they are known.
        """
        one, zero = np.ones(len(rho)), np.zeros(len(rho))
        if effect == "coefficient":
            return one, zero, zero, zero
        n, constant = self.w.n, self.w.constant_row_sum
        if constant is None:
            nodes = self.nodes(rho)
            q, dq = (nodes.basis(rho) @ (nodes.inverse @ nodes.scalars[:, 1:])).T
        else:
            q = constant / (1 - constant * rho)
            dq = q**2
        total = (1 + rho * q, q, q + rho * dq, dq)
        if effect == "total":
            return total
        first, second = traces or self.traces(rho)
        if self.sample.drops_constant:
            first, second = first + q, second + dq
        v, slope_v = first / n, second / n
        direct = (1 + rho * v, v, v + rho * slope_v, slope_v)
        if effect == "direct":
            return direct
        return tuple(t - d for t, d in zip(total, direct, strict=True))

    def combination(
        self, one: Asked | Combination, rho: FloatArray, traces: tuple[FloatArray, FloatArray]
    ) -> tuple[tuple[int, ...], Sequence[FloatArray], Sequence[FloatArray]]:
        """Return the columns that a quantity has, the weights of their coefficients at each ρ, and derivatives."""
        if isinstance(one, Combination):
            weights, slopes = one.weights(rho)
            return one.columns, list(weights), list(slopes)
        focal, lag, effect = one
        first, second, of_first, of_second = self.effect_weights(rho, effect, traces)
        if lag is None:
            return (focal,), [first], [of_first]
        return (focal, lag), [first, second], [of_first, of_second]

    def own_shares(self, rho: FloatArray) -> FloatArray:
        """Return the diagonal of G* at each ρ, each unit's own share of the trace, shape (N, M)."""
        return self.located(rho).own_shares(EVERY)

    def located(self, rho: FloatArray) -> Located:
        """Return places on the nodes of a range that contains them."""
        nodes = self.nodes(rho)
        return Located(nodes, nodes.basis(rho))

    def highest(self, ssr: FloatArray) -> NDArray[np.intp]:
        """Return the coarse node at which the likelihood of each draw is highest, shape (M,).

        Parameters
        ----------
        ssr : ndarray, shape (nodes, M)
            Sums of squares at the coarse nodes.
        """
        # without logarithms of each: the likelihood is highest where the sum of squares over this is least
        scaled = ssr * self._scale[:, None]
        inner = scaled[len(scaled) // 8 : -(len(scaled) // 8)]
        refuse_flat_ranges(self.sample.size / 2 * np.log(inner.max(axis=0) / inner.min(axis=0)), self.sample.size)
        return np.asarray(scaled.argmin(axis=0))

    @cached_property
    def _scale(self) -> FloatArray:
        jacobian = self.coarse[1]
        return np.asarray(np.exp((jacobian.max() - jacobian) * (2 / self.sample.size)))

    @cached_property
    def coarse_traces(self) -> tuple[FloatArray, FloatArray]:
        """Traces of G* and G*² at the coarse nodes."""
        return self.traces(self.coarse[0])

    def maximise(self, a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
        """Return the ρ at which each likelihood is highest, shape (M,); the sum of squares is a - 2ρb + ρ²c."""
        size, periods = self.sample.size, self.sample.periods
        nodes = self.coarse[0]
        best = self.highest(np.stack([np.ones_like(nodes), -2 * nodes, nodes**2], axis=1) @ np.stack([a, b, c]))

        def slopes(rho: FloatArray, traces: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
            ssr_at = a - 2 * rho * b + rho**2 * c
            pull = (b - rho * c) / ssr_at
            return size * pull - periods * traces[0], size * (2 * pull**2 - c / ssr_at) - periods * traces[1]

        return self.climb(best, slopes)

    def climb(self, best: NDArray[np.intp], slopes: Slopes) -> FloatArray:
        """Return where the score of each draw is zero, by safeguarded Newton steps from beside its best coarse node.

        Parameters
        ----------
        best : ndarray of int, shape (M,)
        slopes : callable
            From ρ of shape (M,) and tr G* and tr G*² there to the score and its derivative, each of shape (M,).
        """
        nodes, traces = self.coarse[0], self.coarse_traces
        middle = nodes[best]
        score, slope = slopes(middle, (traces[0][best], traces[1][best]))
        towards = np.clip(best + np.where(score > 0, 1, -1), 0, len(nodes) - 1)
        other = nodes[towards]
        score_other, slope_other = slopes(other, (traces[0][towards], traces[1][towards]))
        left, right = np.minimum(middle, other), np.maximum(middle, other)
        rho = _between(middle, other, (score, score_other), (slope, slope_other))
        rho = np.where((rho > left) & (rho < right), rho, (left + right) / 2)
        for _ in range(60):
            score, slope = slopes(rho, self.traces(rho))
            left, right = np.where(score > 0, rho, left), np.where(score > 0, right, rho)
            step = rho - score / slope
            # a step as small as rounding may leave the interval, one end of which is ρ: the search has then ended
            converged = np.abs(step - rho) < CLOSE * (right - left) + 1e-12
            rho = np.where(converged | ((step > left) & (step < right)), step, (left + right) / 2)
            if converged.all():
                break
        return np.asarray(rho)

    def range_of(self, rho: FloatArray) -> tuple[float, float]:
        """Return the ends of the nodes for some ρ."""
        bounds = self.used.bounds
        low, high = float(rho.min()), float(rho.max())
        wide = float(np.floor(low / STEP) * STEP), float(np.ceil(high / STEP) * STEP)
        # never up to the end, where G has its pole
        return max(wide[0], (low + bounds[0]) / 2), min(wide[1], (high + bounds[1]) / 2)

    def nodes(self, rho: FloatArray) -> Nodes:
        """Return nodes on a range that contains all ρ."""
        ends = self.range_of(rho)
        if ends not in self._nodes:
            self._nodes[ends] = self._new_nodes(*ends)
        return self._nodes[ends]

    def star(self, nodes: Nodes, place: int, columns: FloatArray) -> FloatArray:
        """Return JG at a node times columns of shape (N, m)."""
        if nodes.stars is not None:
            return np.asarray(nodes.stars[place] @ columns)
        return self.centre(self.used.apply_g(float(nodes.points[place]), columns))

    def products(
        self,
        outcomes: Block,
        at: At,
        nodes: Nodes,
        basis: FloatArray,
        of_variance: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Return each unit's part of ρ's score, and what products of two units add to its variance.

        For up to `ALL_PAIRS` units.

        Parameters
        ----------
        outcomes : Block
        at : At
        nodes : Nodes
        basis : ndarray, shape (M, p)
            Of `Nodes.basis` at ρ.
        of_variance : ndarray, shape (M,)
            What a squared error takes from the score of ρ by that of σ².

        Returns
        -------
        of_units : ndarray, shape (N, M)
            Σ_t e_it (Wy)*_it - Σ_{j≠i} g*_ij e_i′e_j - e_i′e_i times ``of_variance``, over σ².
        pairs : ndarray, shape (M,)
            `Pairs.sums` over σ⁴.
        """
        n, table = self.w.n, self._matrices_at(nodes)
        kind, count = table.dtype, len(basis)
        formed, basis = outcomes.formed(at, kind), basis[:, : len(table)].astype(kind)
        by_variance = of_variance[:, None].astype(kind)
        ones, size = np.ones(n, dtype=kind), max(PAIR_CELLS // (n * n), FEWEST_PAIRED)
        of_units, sums = np.empty((count, n)), np.empty(count)
        for start in range(0, count, size):
            block = slice(start, min(start + size, count))
            errors, wy = formed(block)
            e = errors.reshape(len(errors), n, -1)
            # of the same array on both sides, numpy would make one half and copy it, which takes longer
            inner = np.matmul(e, e.transpose(0, 2, 1).copy())
            weighted = (basis[block] @ table).reshape(-1, n, n)
            weighted *= inner
            parts = np.einsum("mnt,mnt->mn", e, wy.reshape(e.shape))
            parts -= weighted @ ones
            parts -= np.einsum("mii->mi", inner) * by_variance[block]
            of_units[block] = parts
            flat = weighted.reshape(len(e), -1)
            # copying all of them takes less time than reading one by one in another order
            turned = weighted.transpose(0, 2, 1).reshape(flat.shape)
            sums[block] = np.vecdot(flat, flat) + np.vecdot(flat, turned)
        return np.ascontiguousarray(of_units.T), sums

    def _matrices_at(self, nodes: Nodes) -> FloatArray:
        """Return Chebyshev coefficients of G* without its diagonal, shape (p, N²)."""
        at = nodes.low, nodes.high
        if at not in self._matrices:
            identity = self.centre(np.eye(self.w.n))
            values = np.stack([self.centre(self.used.apply_g(float(point), identity)) for point in nodes.points])
            values[:, np.arange(self.w.n), np.arange(self.w.n)] = 0.0
            table = nodes.inverse @ values.reshape(len(values), -1)
            if self.w.n >= SHORT:
                # polynomials are at most one: the last ones have coefficients that are no longer counted
                sizes = np.abs(table).max(axis=1)
                table = table[: 1 + np.flatnonzero(sizes > LEAST * sizes.max())[-1]].astype(np.float32)
            self._matrices[at] = table
        return self._matrices[at]

    def pairs(self, nodes: Nodes) -> Pairs:
        """Return the weights of pairs of units, which models of this W and sample share; for many units."""
        at = nodes.low, nodes.high
        if at not in self._pairs:
            self._pairs[at] = self._new_pairs(nodes)
        return self._pairs[at]

    def _new_pairs(self, nodes: Nodes) -> Pairs:
        # G is largest at the ends of the range
        ends = [np.concatenate([part for _, part in self._both(nodes.points[place])], axis=1) for place in (0, -1)]
        largest = np.maximum(*ends)
        first, second = np.nonzero(np.triu(largest, 1) > LEAST_PAIR * largest.max())
        values = np.empty((len(nodes.points), len(first)))
        blocks = [(units, (second >= units.start) & (second < units.stop)) for units in self._blocks()]
        for place, point in enumerate(nodes.points.tolist()):
            for (units, part), (_, chosen) in zip(self._both(point), blocks, strict=True):
                values[place, chosen] = part[first[chosen], second[chosen] - units.start]
        return Pairs(first, second, np.ascontiguousarray((nodes.inverse @ values).T))

    def _blocks(self) -> list[slice]:
        """Return the units whose columns are handled at a time."""
        size = self.w.n if isinstance(self.used, DenseOperator) else SOLVED
        return [slice(start, min(start + size, self.w.n)) for start in range(0, self.w.n, size)]

    def _both(self, point: float) -> Iterator[tuple[slice, FloatArray]]:
        """Yield columns of (G + G′)² at a place; of many units, the means over units count for little."""
        n = self.w.n
        for units in self._blocks():
            unit = np.zeros((n, units.stop - units.start))
            unit[np.arange(units.start, units.stop), np.arange(units.stop - units.start)] = 1.0
            yield units, (self.used.apply_g(point, unit) + self.used.apply_gt(point, unit)) ** 2

    @cached_property
    def _poles(self) -> NDArray[np.complex128]:
        """Places where G has a pole, or that are nearer than any."""
        if isinstance(self.used, DenseOperator):
            roots = self.used.eigenvalues
            return np.asarray(1 / roots[np.abs(roots) > 1e-12], dtype=np.complex128)
        low, high = self.used.bounds
        # complex roots are not larger than the largest real one
        turns = np.exp(2j * np.pi * np.arange(128) / 128)
        real = isinstance(self.used, SparseOperator) and self.used.balance is not None
        return np.array([low, high], dtype=np.complex128) if real else high * turns

    def _new_nodes(self, low: float, high: float) -> Nodes:
        half, centre = (high - low) / 2, (low + high) / 2
        # the error falls as the sum of semi-axes of the ellipse through the nearest pole to the power of the nodes
        poles = (self._poles - centre) / half
        axes = np.abs(poles + np.sqrt(poles**2 - 1))
        with np.errstate(divide="ignore"):
            # the pole of a root that is almost zero is so far away that one of the two is rounded to zero
            nearest = float(np.maximum(axes, 1 / axes).min()) if len(axes) else np.inf
        count = int(np.clip(np.ceil(DIGITS / np.log(nearest)), FEWEST_NODES, MOST_NODES))
        at = chebyshev.chebpts1(count)
        points = centre + half * at
        n = self.w.n
        keep = isinstance(self.used, DenseOperator) and count * n * n <= KEPT_CELLS
        stars, scalars = np.empty((count, n, n)) if keep else None, np.empty((count, 3))
        diagonals = np.empty((count, n))
        for place, point in enumerate(points.tolist()):
            norm, rows, columns, diagonal = 0.0, np.empty(n), np.empty(n), np.empty(n)
            for units, g in self._columns(point):
                star = self.centre(g)
                if stars is not None:
                    stars[place][:, units] = star
                norm += float(np.vdot(star, star) if self.sample.drops_constant else np.vdot(g, g))
                columns[units] = g.sum(axis=0)
                diagonal[units] = star[units].diagonal()
            rows = self.used.apply_g(point, np.ones((n, 1)))[:, 0]
            scalars[place] = norm, rows.mean(), float(columns @ rows) / n
            # JGJ: G's rows are centred, too
            diagonals[place] = diagonal - self.centre(rows[:, None])[:, 0] / n if self.by_time else diagonal
        inverse = np.asarray(np.linalg.inv(chebyshev.chebvander(at, count - 1)), dtype=np.float64)
        return Nodes(low, high, points, inverse, scalars, diagonals, stars)

    def _columns(self, point: float) -> Iterator[tuple[slice, FloatArray]]:
        """Yield G's columns at a place, all at once or by solving for some at a time."""
        if isinstance(self.used, DenseOperator):
            yield slice(0, self.w.n), self.used.g(point)
            return
        for units in self._blocks():
            identity = np.zeros((self.w.n, units.stop - units.start))
            identity[np.arange(units.start, units.stop), np.arange(units.stop - units.start)] = 1.0
            yield units, self.used.apply_g(point, identity)


def _between(
    one: FloatArray, other: FloatArray, score: tuple[FloatArray, FloatArray], slope: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Return about where a score between two places is zero, by the cubic that has its places as those of scores.

    The place as a function of the score has the derivative one over the slope.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = score[0] / (score[0] - score[1])
        width = score[1] - score[0]
        first, last = width / slope[0], width / slope[1]
        rest = 1 - share
        return np.asarray(
            one * (1 + 2 * share) * rest**2
            + first * share * rest**2
            + other * share**2 * (3 - 2 * share)
            - last * share**2 * rest
        )


Errors = Literal["classic", "observed", "cluster"]
"""Of the expected information, of the observed one, or clustered by unit."""

Asked = tuple[int, int | None, str]
"""Column of a term and of its spatial lag, and an effect of it."""


@dataclass(frozen=True, eq=False)
class Combination:
    """A quantity that is a combination of coefficients whose weights depend on ρ.

    Attributes
    ----------
    columns : tuple of int
        Of z.
    weights : callable
        From ρ, shape (M,), to the weights of the columns' coefficients and their derivatives, each of shape (m, M).
    """

    columns: tuple[int, ...]
    weights: Callable[[FloatArray], tuple[FloatArray, FloatArray]]


def joined(parts: Sequence[Sequence[tuple[FloatArray, FloatArray]]]) -> list[tuple[FloatArray, FloatArray]]:
    """Return estimates and standard errors of blocks of outcomes as those of all outcomes."""
    return [
        (np.concatenate([one[0] for one in each]), np.concatenate([one[1] for one in each]))
        for each in zip(*parts, strict=True)
    ]


class LagBatch:
    """A spatial lag model (SAR or SDM) with fixed regressors and weights, to be fitted to many outcomes.

    Parameters
    ----------
    z : ndarray, shape (T, N, k)
        Raw regressors, spatial lags of x among them.
    w : SpatialOperator
        With constant row sums where there are time effects.
    sample : Sample
    space : LagSpace, optional
        That of ``w`` and ``sample``, where several models share it.

    Notes
    -----
    Fixed effects are removed by the within transformation; the formulas are those of
    `digicarbon.numeric.spatial.likelihood.fit_lag` and ``correct_lag``; each fit equals theirs up to rounding.
    """

    def __init__(self, z: FloatArray, w: SpatialOperator, sample: Sample, space: LagSpace | None = None) -> None:
        self.space = space or LagSpace(w, sample)
        self.sample = sample
        self._k = z.shape[2]
        self.z = self.space.transform(z.transpose(1, 0, 2))[0]
        self.q, self._r = np.linalg.qr(self.z)
        self._tables: dict[tuple[float, float], tuple[FloatArray, FloatArray]] = {}
        self._rests: dict[tuple[float, float], FloatArray] = {}
        self._short_rests: dict[tuple[float, float], tuple[FloatArray, FloatArray]] = {}

    def several(
        self, outcomes: LagOutcomes, asked: Sequence[Asked | Combination], errors: Errors
    ) -> tuple[list[tuple[FloatArray, FloatArray]], FloatArray]:
        """Return effects and their standard errors, and ρ, for each outcome, each of shape (M,)."""
        parts, rho = [], []
        for found in self.parameters(outcomes, errors):
            parts.append(self.effects(found, asked))
            rho.append(found.rho)
        return joined(parts), np.concatenate(rho)

    def parameters(self, outcomes: LagOutcomes, errors: Errors = "classic") -> Iterator[LagParameters]:
        """Yield the parameters of blocks of outcomes; with scores by unit if asked."""
        formed = errors == "cluster" and self.space.w.n > ALL_PAIRS
        for block in outcomes.projected(self.q, formed):
            yield self._parameters(block, errors)

    def _parameters(self, block: Projected, errors: Errors) -> LagParameters:
        """Return the parameters of a block of outcomes."""
        if errors == "observed":
            return self._observed(block)
        found = self.at(self.estimates(block))
        if self.sample.correction == "bias_corrected" and self.sample.effects != "none":
            beta, rho, sigma2 = self._corrected(found.beta, found.rho, found.sigma2, found.rho_variance, found.d)
            found = self.at(Estimates(rho, beta, sigma2))
            of_level, of_lagged = block.coordinates
            # residuals are no longer those of least squares
            block = replace(block, further=of_level - rho * of_lagged - self._r @ beta.T)
        return replace(found, scores=self._scores(block, found)) if errors == "cluster" else found

    def estimates(self, block: Block, moments: tuple[FloatArray, FloatArray, FloatArray] | None = None) -> Estimates:
        """Return the estimates of a block of outcomes, without correction; ``moments`` are its own where known."""
        a, b, c = moments or block.moments
        rho = self.space.maximise(a, b, c)
        of_level, of_lagged = block.coordinates
        beta = scipy.linalg.solve_triangular(self._r, of_level - rho * of_lagged).T
        return Estimates(rho, beta, (a - 2 * rho * b + rho**2 * c) / self.sample.size)

    def _observed(self, block: Block) -> LagParameters:
        """Return the parameters of a block of outcomes, with errors of the observed information."""
        _, b, c = moments = block.moments
        found = self.estimates(block, moments)
        traces, sample, pull = self.space.traces(found.rho), self.sample, (b - found.rho * c) / found.sigma2
        precision = c / found.sigma2 - 2 * pull**2 / sample.size + sample.periods * traces[1]
        d = scipy.linalg.solve_triangular(self._r, block.coordinates[1]).T
        return LagParameters(found.beta, found.rho, found.sigma2, 1 / precision, d, traces)

    def at(self, found: Estimates, columns: Sequence[int] | None = None) -> LagParameters:
        """Return parameters at estimates, with errors of the expected information; d of some columns only if given."""
        rho, beta, sigma2 = found.rho, found.beta, found.sigma2
        traces, at = self.space.traces(rho), self.space.located(rho)
        rho_variance = self._rho_variance(at, beta, sigma2, traces)
        return LagParameters(beta, rho, sigma2, rho_variance, self.slopes(at, beta, columns), traces, at)

    def _scores(self, block: Projected, found: LagParameters) -> LagScores:
        """Return scores by unit."""
        return LagScores(block, found.rho, *self.scores(block, found))

    def scores(self, block: Block, found: LagParameters) -> tuple[FloatArray, FloatArray]:
        """Return `LagScores.of_rho` and `LagScores.pairs` of a block of outcomes.

        Notes
        -----
        The score of ρ is ε′(GZβ)* + ε′G*ε - σ² tr G* over σ²: of unit i its errors times its own (GZβ)* and their own
        share g*_ii, and products with the errors of others, see `digicarbon.numeric.spatial.robust.unit_clustered`.
        Of β's scores d is taken from it, of σ²'s 2σ² tr G*/size.
        """
        n, rho, sigma2 = self.space.w.n, found.rho, found.sigma2
        nodes, basis = found.located.nodes, found.located.basis
        own = found.located.own_shares(EVERY)
        if n <= ALL_PAIRS:
            # (Wy)* has the errors' own lag, too
            shift = block.coordinates[1] - self._r @ found.d.T
            at = rho, 1 / np.sqrt(sigma2), shift
            of_rho, pairs = self.space.products(block, at, nodes, basis, self.of_variance(found))
            # time means take from a unit's own errors, whether or not the likelihood is the transformed one
            of_rho -= len(self.z) // n * own
        else:
            cells = block.standardised(rho, sigma2, np.dtype(np.float64))
            pairs = self.space.pairs(nodes).sums(cells.reshape(n, -1, len(rho)), basis)
            basis, coordinates = self.along(found, len(nodes.points), cells.dtype)
            factors = self.rest(nodes) @ (basis[:, None] * coordinates).reshape(-1, len(rho))
            factors += cells * np.repeat(own - self.of_variance(found), len(cells) // n, axis=0)
            of_rho = np.einsum("itm,itm->im", cells.reshape(n, -1, len(rho)), factors.reshape(n, -1, len(rho)))
            of_rho -= len(cells) // n * own
        return centred(of_rho), pairs

    def of_variance(self, found: LagParameters) -> FloatArray:
        """Return what a squared error takes from the score of ρ by that of σ², shape (M,)."""
        return np.asarray(self.sample.periods / self.sample.size * found.traces[0])

    def along(self, found: LagParameters, orders: int, kind: np.dtype[Any]) -> tuple[FloatArray, FloatArray]:
        """Return what `rest` is multiplied by to M(GZβ)* over σ: polynomials, shape (p, M), and Rβ over σ, (k, M)."""
        coordinates = (self._r @ found.beta.T) / np.sqrt(found.sigma2)
        return found.located.basis.T[:orders].astype(kind), coordinates.astype(kind)

    def rest(self, nodes: Nodes) -> FloatArray:
        """Return Chebyshev coefficients of M(GQ)*, M the residual maker of Z and Q its basis, shape (N·T′, p·k)."""
        at = nodes.low, nodes.high
        if at not in self._rests:
            cells, rests = self.q.reshape(self.space.w.n, -1), []
            for place in range(len(nodes.points)):
                gq = self.space.star(nodes, place, cells).reshape(-1, self._k)
                rests.append(gq - self.q @ (self.q.T @ gq))
            values = np.stack(rests).reshape(len(rests), -1)
            table = (nodes.inverse @ values).reshape(len(rests), -1, self._k)
            self._rests[at] = np.ascontiguousarray(table.transpose(1, 0, 2)).reshape(len(self.z), -1)
        return self._rests[at]

    def short_rest(self, nodes: Nodes) -> tuple[FloatArray, FloatArray]:
        """Return `rest` of the first orders in numbers of seven digits, and what the others may have of a unit at most.

        Returns
        -------
        rest : ndarray, shape (N·T′, p·k)
        beyond : ndarray, shape (N,)
            Frobenius norms of a unit's rows, added up over the orders that are left out.
        """
        at = nodes.low, nodes.high
        if at not in self._short_rests:
            n, orders = self.space.w.n, len(nodes.points)
            rest = self.rest(nodes)
            norms = np.linalg.norm(rest.reshape(n, -1, orders, self._k), axis=(1, 3))
            # polynomials are at most one
            after = norms[:, ::-1].cumsum(axis=1)[:, ::-1]
            counted = int((after > LEAST_IN_BOUND * after[:, :1]).any(axis=0).sum())
            beyond = np.concatenate([after, np.zeros((n, 1))], axis=1)[:, counted]
            self._short_rests[at] = rest[:, : counted * self._k].astype(np.float32), beyond
        return self._short_rests[at]

    def effects(
        self, found: LagParameters, asked: Sequence[Asked | Combination]
    ) -> list[tuple[FloatArray, FloatArray]]:
        """Return effects and their standard errors for each outcome, each of shape (M,).

        The errors are those of the inverse information, or are clustered by unit where there are scores.
        """
        inverse = self.inverse
        by_unit: dict[int, FloatArray] = {}
        products: dict[tuple[int, int], FloatArray] = {}

        def score(column: int) -> FloatArray:
            """Return the scores by unit of what a regressor's coefficient is, -1 for ρ."""
            if found.scores is None:
                raise TypeError("errors are not clustered")
            if column not in by_unit:
                own = found.scores.of_rho if column < 0 else found.scores.of(self.z @ inverse[column])
                by_unit[column] = own
            return by_unit[column]

        def product(one: int, other: int) -> FloatArray | float:
            """Return the sum over units of the product of two scores."""
            if found.scores is None:
                # those of ρ's and β's parts are independent in the inverse information
                return (
                    1 / found.rho_variance
                    if one == other == -1
                    else 0.0
                    if -1 in (one, other)
                    else (inverse[one, other] / found.sigma2)
                )
            if (one, other) not in products:
                products[one, other] = np.einsum("nm,nm->m", score(one), score(other))
                if one == other == -1:
                    products[one, other] += found.scores.pairs
            return products[one, other]

        n = self.space.w.n
        factor = 1.0 if found.scores is None else n / (n - 1)
        out = []
        for one in asked:
            values, parts = self.linear(found, one, found.scores is not None)
            if found.scores is not None and len(asked) == 1:
                # products of scores would only be used once
                sums = sum(weight * score(column) for column, weight in parts.items())
                variance = np.einsum("nm,nm->m", sums, sums) + parts[-1] ** 2 * found.scores.pairs
            else:
                variance = sum(
                    parts[one] * parts[other] * product(one, other) * (1 if one == other else 2)
                    for place, one in enumerate(parts)
                    for other in list(parts)[place:]
                )
            out.append((values, np.sqrt(factor * variance)))
        return out

    def linear(
        self, found: LagParameters, one: Asked | Combination, clustered: bool
    ) -> tuple[FloatArray, dict[int, FloatArray]]:
        """Return an effect and what the scores of its columns' coefficients and of ρ, -1, are multiplied by.

        Each has shape (M,). Scores by unit of coefficients are already times σ².
        """
        columns, weights, slopes = self.space.combination(one, found.rho, found.traces)
        values, slope = np.zeros(len(found.rho)), np.zeros(len(found.rho))
        for column, weight, of_weight in zip(columns, weights, slopes, strict=True):
            values = values + found.beta[:, column] * weight
            slope = slope + found.beta[:, column] * of_weight - weight * found.d[:, column]
        scale = 1.0 if clustered else found.sigma2
        parts = {column: weight * scale for column, weight in zip(columns, weights, strict=True)}
        return values, parts | {-1: found.rho_variance * slope}

    @cached_property
    def inverse(self) -> FloatArray:
        """(Z′Z)⁻¹, shape (k, k)."""
        upper = np.triu(scipy.linalg.lapack.dpotri(np.ascontiguousarray(self._r), lower=0)[0])
        return np.asarray(upper + np.triu(upper, 1).T)

    def _rho_variance(
        self, at: Located, beta: FloatArray, sigma2: FloatArray, traces: tuple[FloatArray, FloatArray]
    ) -> FloatArray:
        """Return Var(ρ̂), shape (M,)."""
        table, count = self._table(at.nodes)[0], len(beta)
        norm, surplus = np.empty(count), np.zeros(count)
        # what pairs of columns have stays in the processor's cache
        size = max(FEWEST, CELLS // (4 * len(table)))
        for start in range(0, count, size):
            draws = slice(start, start + size)
            values, own, place = table @ at.basis[draws].T, np.ascontiguousarray(beta[draws].T), 1
            norm[draws] = values[0]
            for column in range(self._k):
                stop = place + self._k - column
                surplus[draws] += own[column] * np.einsum("pm,pm->m", values[place:stop], own[column:])
                place = stop
        first, second = traces
        periods, size = self.sample.periods, self.sample.size
        precision = periods * (second + norm) - 2 * (periods * first) ** 2 / size + surplus / sigma2
        return np.asarray(1 / precision)

    def slopes(self, at: Located, beta: FloatArray, columns: Sequence[int] | None = None) -> FloatArray:
        """Return d = (Z′Z)⁻¹Z′GZβ, shape (M, k); if some columns are asked for, not-a-number in the others."""
        k, table = self._k, self._table(at.nodes)[1]
        places = list(range(k) if columns is None else columns)
        flat = table[places].reshape(len(places) * k, table.shape[2])
        parts = (flat @ at.basis.T).reshape(len(places), k, len(beta))
        d = np.full((k, len(beta)), np.nan)
        d[places] = np.einsum("rkm,mk->rm", parts, beta)
        return d.T

    def _table(self, nodes: Nodes) -> tuple[FloatArray, FloatArray]:
        """Return Chebyshev coefficients of ‖G*‖² and a triangle of (GZ)′M(GZ), pairs added up, and of (Z′Z)⁻¹Z′GZ.

        The shapes are (1 + k(k + 1)/2, p) and (k, k, p).
        """
        at = nodes.low, nodes.high
        if at not in self._tables:
            quadratic, slopes = self._at_nodes(nodes)
            one, other = np.triu_indices(self._k)
            twice = quadratic[:, one, other] * np.where(one == other, 1.0, 2.0)
            of_variance = nodes.inverse @ np.concatenate([nodes.scalars[:, :1], twice], axis=1)
            of_slopes = np.tensordot(nodes.inverse, slopes, axes=1)
            self._tables[at] = np.ascontiguousarray(of_variance.T), np.ascontiguousarray(of_slopes.transpose(1, 2, 0))
        return self._tables[at]

    def _at_nodes(self, nodes: Nodes) -> tuple[FloatArray, FloatArray]:
        """Return (GZ)′M(GZ) and (Z′Z)⁻¹Z′GZ at each node, each of shape (p, k, k)."""
        n, k = self.space.w.n, self._k
        cells = self.z.reshape(n, -1)
        quadratic, slopes = np.empty((len(nodes.points), k, k)), np.empty((len(nodes.points), k, k))
        for place in range(len(nodes.points)):
            gz = self.space.star(nodes, place, cells).reshape(-1, k)
            projected = self.q.T @ gz
            quadratic[place] = gz.T @ gz - projected.T @ projected
            slopes[place] = projected
        return quadratic, np.linalg.solve(self._r, slopes) if k else slopes

    def _corrected(
        self, beta: FloatArray, rho: FloatArray, sigma2: FloatArray, variance: FloatArray, d: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return Lee & Yu's correction of direct estimates, as in `digicarbon.numeric.spatial.likelihood`."""
        change, sigma2 = corrections(self.space, rho, sigma2, variance)
        return beta - change[:, None] * d, rho + change, sigma2


def corrections(
    space: LagSpace, spatial: FloatArray, sigma2: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the change of ρ (or λ) by Lee & Yu's correction and the corrected σ², each of shape (M,).

    Parameters
    ----------
    space : LagSpace
    spatial, sigma2, variance : ndarray, shape (M,)
        ρ̂ or λ̂, σ̂² and Var(ρ̂) of direct estimates.

    Notes
    -----
    With the covariance V = Var(ρ) l l′ + …, l = (-d, 1, -s), and a as in ``_corrected`` of
    `digicarbon.numeric.spatial.likelihood`, T·V a changes ρ by T Var(ρ) l′a, and β by -d times that.
    """
    sample = space.sample
    change, corrected_sigma2 = np.zeros(len(spatial)), sigma2
    if sample.effects in ("time", "two_way"):
        c = float(space.w.constant_row_sum or 0.0)
        slope = 2 * sigma2 * sample.periods * space.traces(spatial)[0] / sample.size
        change = sample.t * variance * (c / (1 - c * spatial) - slope / (2 * sigma2))
        corrected_sigma2 = sigma2 - slope * change + sample.t * sigma2 / sample.size
    return change, corrected_sigma2 * (sample.t / (sample.t - 1) if sample.effects in ("unit", "two_way") else 1.0)


def _contraction(t: int) -> FloatArray:
    """Return an orthonormal basis of the vectors of length T that add up to zero, shape (T - 1, T) (Helmert)."""
    rows = np.tril(np.ones((t - 1, t)))
    rows[np.arange(t - 1), np.arange(1, t)] = -np.arange(1, t)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))
