"""What a wild bootstrap asks of a model: null models in which a quantity has a value, and fits to draws from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model.batch import Batch, Estimand, Fits
from digicarbon.numeric.linear.within import EffectsKind, Rows
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import LagNulls, NullModel, error_null, linear_null
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import SpatialOperator


class Restrictions(Protocol):
    """The quantities of one focal term of a specification."""

    @property
    def estimands(self) -> tuple[Estimand, ...]:
        """The quantities that are tested; the coefficient of a spatial lag is that of a term of its own."""

    @property
    def batch(self) -> Batch:
        """What fits them to many outcomes."""

    def null(self) -> NullModel:
        """Return the null model in which the term has no effect."""

    def null_at(self, place: int, value: float) -> NullModel:
        """Return the null model in which the quantity at a place of ``estimands`` has a value."""


class Redrawn(ABC):
    """Quantities of a model whose draws are of several equations: it makes and fits them itself."""

    estimands: tuple[Estimand, ...]

    @abstractmethod
    def fits(self, place: int, value: float, draws: Draws) -> tuple[FloatArray, FloatArray]:
        """Return a quantity and its standard error for every draw in which there is one, each of shape (draws,).

        A test that is not made where a sample has no such quantity leaves draws out that have none: fewer than M.

        ``place``: of the quantity among ``estimands``.
        """

    def under_zero(self, places: Sequence[int], draws: Draws) -> Fits:
        """Return what `fits` returns of some quantities, each under zero."""
        return [self.fits(place, 0.0, draws) for place in places]


class Ratios(ABC):
    """Restrictions of quantities some of which are ratios, whose intervals invert the test of a numerator.

    A ratio f = g/d has the value L where g - dL is zero: critical values of that statistic hardly change with L.
    """

    @abstractmethod
    def batch_at(self, place: int, value: float) -> Batch:
        """Return what fits the quantity, with the standard error of the numerator at a value over the denominator."""

    @abstractmethod
    def value_at(self, place: int) -> Callable[[float], float] | None:
        """Return at which value the observed statistic has a size and sign; None where the quantity is no ratio."""


class Nulls(Protocol):
    """Null models of given coefficients b of some columns x."""

    def shifted(self, b: FloatArray) -> NullModel:
        """Return the null model of the outcome less xb."""


@dataclass(frozen=True, eq=False)
class KnownPart:
    """Null models that depend on xb alone, x of shape (rows, m); ``of`` makes of xb the one in which it is known."""

    x: FloatArray
    of: Callable[[FloatArray], NullModel]

    def shifted(self, b: FloatArray) -> NullModel:
        """Return the null model in which b are the coefficients of x."""
        return self.of(self.x @ b)


def linear_nulls(y: FloatArray, z: FloatArray, x: FloatArray, rows: Rows, effects: EffectsKind) -> Nulls:
    """Return null models of a panel that need not be balanced, without a spatial parameter."""
    return KnownPart(x, lambda known: moved(linear_null(y - known, z, rows, effects), y))


def error_nulls(y: FloatArray, z: FloatArray, x: FloatArray, rows: Rows, m: SpatialOperator, sample: Sample) -> Nulls:
    """Return null models with a spatial error."""
    return KnownPart(x, lambda known: moved(error_null(y - known, z, rows, m, sample), y))


def moved(null: NullModel, y: FloatArray) -> NullModel:
    """Return a null model with another outcome of the same residuals."""
    return NullModel(y, null.residuals, null.rows, null.basis, null.by_time, null.filters, null.loglik)


@dataclass(frozen=True, eq=False)
class Projected:
    """Restrictions g′b = value whose weights g do not depend on the parameters of the null model.

    ``batch``: what fits them. ``weights``, shape (q, m): g of each estimand. ``b``, shape (m,): the estimate.
    ``spread``, shape (m, m): its covariance, up to a factor: the restricted b is the nearest in its metric.
    """

    estimands: tuple[Estimand, ...]
    batch: Batch
    nulls: Nulls
    weights: FloatArray
    b: FloatArray
    spread: FloatArray

    def null(self) -> NullModel:
        """Return the null model in which b is zero."""
        return self.nulls.shifted(np.zeros_like(self.b))

    def null_at(self, place: int, value: float) -> NullModel:
        """Return the null model in which one quantity has a value."""
        g = self.weights[place]
        along = self.spread @ g
        return self.nulls.shifted(self.b + along * ((value - g @ self.b) / (g @ along)))


@dataclass(frozen=True, eq=False)
class Lagged:
    """Restrictions g(ρ)′b = value of a model with a lag of y."""

    estimands: tuple[Estimand, ...]
    batch: Batch
    """What fits them."""
    nulls: LagNulls
    weights: Sequence[Callable[[float], FloatArray]]
    """g of each estimand, of shape (m,), at a ρ."""
    bounds: tuple[float, float]
    """Of ρ in a null model with a value. Where x has a lag, this takes the value, and ρ stays at its estimate. Where it
    has none, ρ is within one standard error of its estimate: with ρ known intervals of indirect effects are too short.
    """

    def null(self) -> NullModel:
        """Return the null model in which the term and its lag have no coefficient."""
        return self.nulls.shifted(np.zeros(self.nulls.x.shape[1]))

    def null_at(self, place: int, value: float) -> NullModel:
        """Return the null model in which one quantity has a value."""
        return self.nulls.restricted(value, self.weights[place], self.bounds)


class Combinations(Protocol):
    """Combinations of a model's coefficients, each as a restriction."""

    @property
    def units(self) -> tuple[str, ...]:
        """Whose sign the errors of each unit of the panel have, as `digicarbon.model.tested.Tested` says."""

    @property
    def fast(self) -> bool:
        """Whether many outcomes are fitted at once."""

    def drawn(self, estimands: Sequence[Estimand], draws: Draws) -> tuple[FloatArray, Fits]:
        """Return combinations in draws around the fit without restriction, as `digicarbon.model.wild.drawn` does."""

    def of(self, combination: Mapping[str, float]) -> Restrictions:
        """Return the restriction of the sum of coefficients, by term, times their weights."""
