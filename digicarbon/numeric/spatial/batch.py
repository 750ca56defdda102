"""Fits of one spatial lag model to many outcomes at once: permutation tests, bootstraps, Monte Carlo.

With the same regressors and weights only three moments of each outcome enter the concentrated likelihood, so thousands
of fits are a few matrix products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.numeric.slices import slices
from digicarbon.numeric.spatial.lag_outcomes import CELLS, EVERY, FEWEST, Block, LagOutcomes, Projected
from digicarbon.numeric.spatial.lag_space import Asked, Combination, LagSpace, Located, Nodes
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import SpatialOperator

ALL_PAIRS = 1000
"""Up to this number of units G is made for each draw, for clustered errors of ρ."""
LEAST_IN_BOUND = 0.02
"""Share of a unit's coefficients below which the last orders are only bounded themselves."""

Errors = Literal["classic", "observed", "cluster"]
"""Of the expected information, of the observed one, or clustered by unit."""


@dataclass(frozen=True, eq=False)
class LagParameters:
    """Parameters of M fits, from which every effect follows."""

    coordinates: FloatArray
    """Of Zβ in the orthonormal basis Q of Z. Shape (k, M)."""
    rho: FloatArray
    sigma2: FloatArray
    rho_variance: FloatArray
    """`rho`, `sigma2`, `rho_variance`: shape (M,)."""
    traces: tuple[FloatArray, FloatArray]
    """tr G* and tr G*², each of shape (M,)."""
    at: Located | None = None
    """ρ on its nodes; None where errors are of the observed information."""
    image: FloatArray | None = None
    """Coordinates of GZβ; None where only ``slopes`` are made. Shape (k, M)."""
    slopes: dict[int, FloatArray] = field(default_factory=dict)
    """What (Z′Z)⁻¹Z′GZβ has for some columns, each of shape (M,)."""
    scores: LagScores | None = None
    """None where errors are not clustered."""

    @property
    def located(self) -> Located:
        """ρ on its nodes."""
        if self.at is None:
            raise TypeError("errors are of the observed information")
        return self.at

    def some(self, chosen: slice | NDArray[np.intp]) -> LagParameters:
        """Return the parameters of some fits, without scores."""
        rho, sigma2, variance = (part[chosen] for part in (self.rho, self.sigma2, self.rho_variance))
        traces, coordinates = (self.traces[0][chosen], self.traces[1][chosen]), self.coordinates[:, chosen]
        image = None if self.image is None else self.image[:, chosen]
        slopes = {column: slope[chosen] for column, slope in self.slopes.items()}
        return LagParameters(
            coordinates, rho, sigma2, variance, traces, self.at and self.at.some(chosen), image, slopes
        )


@dataclass(frozen=True, eq=False)
class Estimates:
    """Estimates of M fits: ρ, the coordinates of Zβ and σ², of shapes (M,), (k, M) and (M,)."""

    rho: FloatArray
    coordinates: FloatArray
    sigma2: FloatArray

    def some(self, chosen: NDArray[np.intp]) -> Estimates:
        """Return those of some fits."""
        return Estimates(self.rho[chosen], self.coordinates[:, chosen], self.sigma2[chosen])


@dataclass(frozen=True, eq=False)
class LagScores:
    """What clusters by unit are made of.

    ``rho``: shape (M,). ``of_rho``, shape (N, M): each unit's own part of the score that is left of ρ's when those of β
    and σ² are partialled out; centred. ``pairs``, shape (M,): variance of the part that is products of two units'
    errors. Where the space has clusters, these are in place of units.
    """

    space: LagSpace
    outcomes: Projected
    rho: FloatArray
    of_rho: FloatArray
    pairs: FloatArray

    def of(self, weights: FloatArray) -> FloatArray:
        """Return sums by unit of residuals times weights, shape (N·T′,), centred: shape (N, M)."""
        return self.space.summed(self.outcomes.by_unit(weights, self.space.w.n).residuals(self.rho))


def joined(parts: Sequence[Sequence[tuple[FloatArray, FloatArray]]]) -> list[tuple[FloatArray, FloatArray]]:
    """Return estimates and standard errors of blocks of outcomes as those of all outcomes."""
    return [
        (np.concatenate([one[0] for one in each]), np.concatenate([one[1] for one in each]))
        for each in zip(*parts, strict=True)
    ]


class LagBatch:
    """A spatial lag model (SAR or SDM) with fixed regressors and weights, to be fitted to many outcomes.

    ``z``, shape (T, N, k): raw regressors, spatial lags of x among them. ``w``: with constant row sums where there are
    time effects. ``space``: that of ``w`` and ``sample``, where several models share it.

    Fixed effects are removed by the within transformation; the formulas are those of
    `digicarbon.numeric.spatial.likelihood.fit_lag` and ``correct_lag``; each fit equals theirs up to rounding.
    """

    def __init__(self, z: FloatArray, w: SpatialOperator, sample: Sample, space: LagSpace | None = None) -> None:
        self.space = space or LagSpace(w, sample)
        self.sample = sample
        self._k = z.shape[2]
        self.z = self.space.transform(z.transpose(1, 0, 2))[0]
        self.q, r = np.linalg.qr(self.z)
        self._inverse = np.ascontiguousarray(scipy.linalg.solve_triangular(r, np.eye(self._k)))
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
            # Lee & Yu's correction of direct estimates, as in `digicarbon.numeric.spatial.likelihood`
            change, sigma2 = corrections(self.space, found.rho, found.sigma2, found.rho_variance)
            rho, coordinates = found.rho + change, found.coordinates - change * self.image(found)
            found = self.at(Estimates(rho, coordinates, sigma2))
            of_level, of_lagged = block.coordinates
            # residuals are no longer those of least squares
            block = replace(block, further=of_level - rho * of_lagged - coordinates)
        return replace(found, scores=self._scores(block, found)) if errors == "cluster" else found

    def estimates(self, block: Block, moments: tuple[FloatArray, FloatArray, FloatArray] | None = None) -> Estimates:
        """Return the estimates of a block of outcomes, without correction; ``moments`` are its own where known."""
        a, b, c = moments or block.moments
        rho = self.space.maximise(a, b, c)
        return Estimates(rho, block.filtered(rho), (a - 2 * rho * b + rho**2 * c) / self.sample.size)

    def _observed(self, block: Block) -> LagParameters:
        """Return the parameters of a block of outcomes, with errors of the observed information."""
        _, b, c = moments = block.moments
        found = self.estimates(block, moments)
        traces, sample, pull = self.space.traces(found.rho), self.sample, (b - found.rho * c) / found.sigma2
        precision = c / found.sigma2 - 2 * pull**2 / sample.size + sample.periods * traces[1]
        image = block.coordinates[1]
        return LagParameters(found.coordinates, found.rho, found.sigma2, 1 / precision, traces, image=image)

    def at(self, found: Estimates, columns: Sequence[int] | None = None) -> LagParameters:
        """Return parameters at estimates, with errors of the expected information; slopes of some columns, if given."""
        at = self.space.located(found.rho)
        traces = self.space.traces_at(at, found.rho)
        rho_variance = self._rho_variance(at, found, traces)
        image = self._combined(at, found.coordinates, self._table(at.nodes)[1]) if columns is None else None
        slopes = {} if columns is None else self._slopes_of(at, found.coordinates, columns)
        return LagParameters(found.coordinates, found.rho, found.sigma2, rho_variance, traces, at, image, slopes)

    def image(self, found: LagParameters) -> FloatArray:
        """Return the coordinates of GZβ, shape (k, M)."""
        if found.image is not None:
            return found.image
        return self._combined(found.located, found.coordinates, self._table(found.located.nodes)[1])

    def _scores(self, block: Projected, found: LagParameters) -> LagScores:
        """Return scores by unit."""
        return LagScores(self.space, block, found.rho, *self.scores(block, found))

    def scores(self, block: Block, found: LagParameters) -> tuple[FloatArray, FloatArray]:
        """Return `LagScores.of_rho` and `LagScores.pairs` of a block of outcomes.

        The score of ρ is ε′(GZβ)* + ε′G*ε - σ² tr G* over σ²: of unit i its errors times its own (GZβ)* and their own
        share g*_ii, and products with the errors of others, see `digicarbon.numeric.spatial.robust.unit_clustered`.
        Of β's scores d is taken from it, of σ²'s 2σ² tr G*/size.
        """
        n, rho, sigma2 = self.space.w.n, found.rho, found.sigma2
        nodes, basis = found.located.nodes, found.located.basis
        own = found.located.own_shares(EVERY)
        if n <= ALL_PAIRS:
            # (Wy)* has the errors' own lag, too
            shift = block.coordinates[1] - self.image(found)
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
        if self.space.clusters is not None:
            # clusters differ in how many errors they have, units do not
            of_rho += self.of_variance(found) * self.space.errors_of_unit
        return self.space.summed(of_rho), pairs

    def of_variance(self, found: LagParameters) -> FloatArray:
        """Return what a squared error takes from the score of ρ by that of σ², shape (M,)."""
        return np.asarray(self.sample.periods / self.sample.size * found.traces[0])

    def along(self, found: LagParameters, orders: int, kind: np.dtype[Any]) -> tuple[FloatArray, FloatArray]:
        """Return what `rest` is multiplied by to M(GZβ)* over σ: polynomials, (p, M); coordinates of Zβ/σ, (k, M)."""
        coordinates = found.coordinates / np.sqrt(found.sigma2)
        return found.located.basis.T[:orders].astype(kind), coordinates.astype(kind)

    def rest(self, nodes: Nodes) -> FloatArray:
        """Return Chebyshev coefficients of M(GQ)*, M the residual maker of Z and Q its basis, shape (N·T′, p·k)."""
        at = nodes.low, nodes.high
        if at not in self._rests:
            values = np.concatenate([gq - self.q @ (self.q.T @ gq) for gq in self._images(nodes)])
            table = (nodes.inverse @ values.reshape(len(values), -1)).reshape(values.shape)
            self._rests[at] = np.ascontiguousarray(table.transpose(1, 0, 2)).reshape(len(self.z), -1)
        return self._rests[at]

    def short_rest(self, nodes: Nodes) -> tuple[FloatArray, FloatArray]:
        """Return `rest` of the first orders in numbers of seven digits, and what the others may have of a unit at most.

        Returns ``rest``: shape (N·T′, p·k). ``beyond``, shape (N,): squares of the Frobenius norms of a unit's rows,
        added up over the orders that are left out.
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
            self._short_rests[at] = rest[:, : counted * self._k].astype(np.float32), (beyond**2).astype(np.float32)
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

        factor = 1.0 if found.scores is None else self.space.factor
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
            beta = self._inverse[column] @ found.coordinates
            values = values + beta * weight
            slope = slope + beta * of_weight - weight * self._slope(found, column)
        scale = 1.0 if clustered else found.sigma2
        parts = {column: weight * scale for column, weight in zip(columns, weights, strict=True)}
        return values, parts | {-1: found.rho_variance * slope}

    @cached_property
    def inverse(self) -> FloatArray:
        """(Z′Z)⁻¹, shape (k, k)."""
        return np.asarray(self._inverse @ self._inverse.T)

    def _slope(self, found: LagParameters, column: int) -> FloatArray:
        """Return what (Z′Z)⁻¹Z′GZβ has for a column, shape (M,)."""
        return found.slopes[column] if found.image is None else np.asarray(self._inverse[column] @ found.image)

    def _slopes_of(self, at: Located, coordinates: FloatArray, columns: Sequence[int]) -> dict[int, FloatArray]:
        """Return what (Z′Z)⁻¹Z′GZβ has for some columns, each of shape (M,)."""
        # (Z′Z)⁻¹Z′G is the inverse triangle times Q′G
        table = np.tensordot(self._inverse[list(columns)], self._table(at.nodes)[1], axes=1)
        return dict(zip(columns, self._combined(at, coordinates, table), strict=True))

    def _combined(self, at: Located, coordinates: FloatArray, table: FloatArray) -> FloatArray:
        """Return combinations of coordinates whose weights are polynomials in ρ, shape (r, k, p): shape (r, M)."""
        rows, k, orders = table.shape
        parts = table.reshape(rows * k, orders) @ at.basis.T
        return np.asarray(np.einsum("rkm,km->rm", parts.reshape(rows, k, -1), coordinates))

    def _rho_variance(self, at: Located, found: Estimates, traces: tuple[FloatArray, FloatArray]) -> FloatArray:
        """Return Var(ρ̂), shape (M,)."""
        table, count = self._table(at.nodes)[0], len(found.rho)
        norm, surplus = np.empty(count), np.zeros(count)
        # what pairs of columns have stays in the processor's shared cache
        for draws in slices(count, max(FEWEST, 2 * CELLS // len(table))):
            values, own, place = table @ at.basis[draws].T, found.coordinates[:, draws], 1
            norm[draws] = values[0]
            for column in range(self._k):
                stop = place + self._k - column
                surplus[draws] += own[column] * np.einsum("pm,pm->m", values[place:stop], own[column:])
                place = stop
        first, second = traces
        periods, size = self.sample.periods, self.sample.size
        precision = periods * (second + norm) - 2 * (periods * first) ** 2 / size + surplus / found.sigma2
        return np.asarray(1 / precision)

    def _table(self, nodes: Nodes) -> tuple[FloatArray, FloatArray]:
        """Return Chebyshev coefficients of ‖G*‖² and a triangle of (GQ)′M(GQ), pairs added up, and of Q′GQ.

        The shapes are (1 + k(k + 1)/2, p) and (k, k, p).
        """
        at = nodes.low, nodes.high
        if at not in self._tables:
            quadratic, image = self._at_nodes(nodes)
            one, other = np.triu_indices(self._k)
            twice = quadratic[:, one, other] * np.where(one == other, 1.0, 2.0)
            of_variance = nodes.inverse @ np.concatenate([nodes.scalars[:, :1], twice], axis=1)
            of_image = np.tensordot(nodes.inverse, image, axes=1)
            self._tables[at] = np.ascontiguousarray(of_variance.T), np.ascontiguousarray(of_image.transpose(1, 2, 0))
        return self._tables[at]

    def _at_nodes(self, nodes: Nodes) -> tuple[FloatArray, FloatArray]:
        """Return (GQ)′M(GQ) and Q′GQ at each node, each of shape (p, k, k)."""
        quadratic, slopes = [], []
        for gq in self._images(nodes):
            slopes.append(self.q.T @ gq)
            projected = slopes[-1].transpose(0, 2, 1) @ slopes[-1]
            quadratic.append(gq.transpose(0, 2, 1) @ gq - projected)
        return np.concatenate(quadratic), np.concatenate(slopes)

    def _images(self, nodes: Nodes) -> Iterator[FloatArray]:
        """Yield (GQ)* at some nodes at a time, shape (places, N·T′, k)."""
        cells = self.q.reshape(self.space.w.n, -1)
        size = max(1, CELLS // max(cells.size, 1))
        for start in range(0, len(nodes.points), size):
            places = range(start, min(start + size, len(nodes.points)))
            if nodes.stars is not None:
                found = nodes.stars[places.start : places.stop] @ cells
            else:
                found = np.stack([self.space.star(nodes, place, cells) for place in places])
            yield found.reshape(len(places), -1, self._k)


def corrections(
    space: LagSpace, spatial: FloatArray, sigma2: FloatArray, variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the change of ρ (or λ) by Lee & Yu's correction and the corrected σ², each of shape (M,).

    ``spatial``, ``sigma2``, ``variance``, shape (M,): ρ̂ or λ̂, σ̂² and Var(ρ̂) of direct estimates.

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
