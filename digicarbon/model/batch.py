"""What a joint test of many specifications asks of a model: its null model, and fits to many outcomes at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.numeric.tests.equality import wald_test
from digicarbon.panel import Panel
from digicarbon.panel._terms import parse
from digicarbon.result import AS_COEFFICIENT, Quantity, Result
from digicarbon.weights import Weights


@dataclass(frozen=True)
class Estimand:
    """What is tested: the coefficient of a term, one of its effects, or a combination of coefficients."""

    quantity: Quantity
    term: str
    weights: tuple[tuple[str, float], ...] = ()
    """Of a combination: terms, and the weights of their coefficients."""

    @classmethod
    def of_term(cls, term: str, names: Sequence[str], quantities: Sequence[Quantity]) -> tuple[Estimand, ...]:
        """Return coefficients, by name, and a term's effects among some quantities."""
        effects = (cls(quantity, term) for quantity in quantities if quantity != "coefficient")
        return (*(cls("coefficient", name) for name in names), *effects)

    @classmethod
    def combination(cls, weights: Mapping[str, float]) -> Estimand:
        """Return the sum of coefficients, by term, times weights."""
        return cls("combination", "", tuple((term, float(weight)) for term, weight in weights.items()))


Fits = list[tuple[FloatArray, FloatArray]]
"""Estimates and standard errors of several estimands, each of shape (M,)."""


@dataclass(frozen=True, eq=False)
class Null:
    """A null model that is yet to be fitted."""

    key: Hashable
    """Equal for models that have the same null model."""
    fit: Callable[[], NullModel]
    """Fits it."""


class Batch(Protocol):
    """A specification that is fitted to many outcomes; those of one null model and of equal keys share outcomes."""

    key: Hashable

    def prepare(self, outcomes: FloatArray) -> Any:
        """Return raw outcomes, shape (rows, M), as `fit` takes them."""

    def combine(self, prepared: Any, weights: FloatArray) -> Any:
        """Return prepared linear combinations of prepared outcomes, weights of shape (M, draws)."""

    def fit(self, prepared: Any) -> tuple[FloatArray, FloatArray]:
        """Return the estimate and its standard error for each outcome, each of shape (M,).

        Not-a-number where a single fit has no such estimate.
        """

    def several(self, prepared: Any, estimands: Sequence[Estimand]) -> Fits:
        """Return other estimands of the same specification, each as `fit` returns its own."""


class JointBatch(Batch, Protocol):
    """A specification whose quantities are also tested together."""

    def wald(self, prepared: Any, estimands: Sequence[Estimand]) -> FloatArray:
        """Return the Wald statistic that all estimands are zero, for each outcome, shape (M,).

        Estimands are coefficients or combinations of them; not-a-number where their covariance is singular.
        """


class Linear(Protocol):
    """Outcomes of which linear combinations are taken."""

    def __matmul__(self, weights: FloatArray, /) -> Any:
        """Return combinations, weights of shape (M, draws)."""


P = TypeVar("P", bound=Linear)


class Fitted(ABC, Generic[P]):
    """A specification that is fitted to many outcomes, and by itself asks for one estimand."""

    forms: ClassVar[bool] = False
    """Whether fits form the rows of each outcome, so that a basis of half as many columns as draws saves nothing."""
    _estimand: Estimand

    @abstractmethod
    def several(self, prepared: P, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands, as `fit` returns its own."""

    @abstractmethod
    def prepare(self, outcomes: FloatArray) -> P:
        """Return raw outcomes, shape (rows, M), as `fit` takes them."""

    def basis(self, null: NullModel, residuals: FloatArray) -> P:
        """Return `basis_of` a null model with corrected residuals, as `fit` takes it."""
        from digicarbon.numeric.resampling.unit_wild import basis_of

        return self.prepare(basis_of(null, residuals))

    def largest(self, asked: Sequence[tuple[P, Estimand, float]], count: int) -> Fits:
        """Return estimands as `fit` does, where so many |estimate - value|/error that are largest are to be exact.

        ``asked``: outcomes as `fit` takes them, of each what is estimated there, and its value. The error of an outcome
        that is not among the ``count`` largest may be infinite.
        """
        return [self.several(prepared, [estimand])[0] for prepared, estimand, _ in asked]

    def combine(self, prepared: P, weights: FloatArray) -> P:
        """Return linear combinations of outcomes, weights of shape (M, draws)."""
        combined: P = prepared @ weights
        return combined

    def fit(self, prepared: P) -> tuple[FloatArray, FloatArray]:
        """Return the estimate and its standard error for each outcome, each of shape (M,)."""
        return self.several(prepared, [self._estimand])[0]


class Fittable(Protocol):
    """A model, as what fits it to further outcomes needs it."""

    @property
    def y(self) -> str:
        """The outcome's column."""

    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the model."""


class OneByOne(Fitted[FloatArray]):
    """Fits a model to one outcome of a panel after the other, for models that have no faster way."""

    key: Hashable = "one by one"

    def __init__(self, model: Fittable, panel: Panel, weights: Weights | None, estimand: Estimand) -> None:
        self.model, self.panel, self.weights, self._estimand = model, panel, weights, estimand

    def prepare(self, outcomes: FloatArray) -> FloatArray:
        """Return the outcomes as they are."""
        return outcomes

    def several(self, prepared: FloatArray, estimands: Sequence[Estimand]) -> Fits:
        """Return several estimands of one fit to each outcome."""
        out = np.full((len(estimands), 2, prepared.shape[1]), np.nan)
        for draw, result in self._results(prepared):
            for place, estimand in enumerate(estimands):
                out[place, :, draw] = estimate_of(result, estimand) or (np.nan, np.nan)
        return [(both[0], both[1]) for both in out]

    def wald(self, prepared: FloatArray, estimands: Sequence[Estimand]) -> FloatArray:
        """Return the Wald statistic that all estimands are zero, for each outcome, shape (M,)."""
        out = np.full(prepared.shape[1], np.nan)
        for draw, result in self._results(prepared):
            r = np.stack([_weights(result, estimand) for estimand in estimands])
            out[draw] = wald_test(r, result.coef, result.covariance, None).statistic
        return out

    def _results(self, prepared: FloatArray) -> Iterator[tuple[int, Result]]:
        """Yield the number of each outcome that can be fitted, and its result."""
        for draw, y in enumerate(prepared.T):
            panel = self.panel.with_columns({self.model.y: np.ascontiguousarray(y)})
            with suppress(EstimationError):
                yield draw, self.model.fit(panel, self.weights)


def estimate_of(result: Result, estimand: Estimand) -> tuple[float, float] | None:
    """Return a result's estimate and its standard error; None where it has no such estimand.

    The coefficient of a model without spatial effects is its direct and its total effect; it has no indirect one.
    """
    if result.end:
        return None
    if estimand.weights:
        return _combined(result, estimand)
    term, found = estimand.term, result.spatial_effects
    if estimand.quantity != "coefficient" and found is not None:
        if term not in found.terms or (estimand.quantity == "indirect" and term in result.without_indirect):
            return None
        if estimand.quantity not in found.names:
            return None
        at = found.names.index(estimand.quantity), found.terms.index(term)
        return float(found.coef[at]), float(found.se[at])
    if estimand.quantity not in ("coefficient", *AS_COEFFICIENT) or term not in result.terms:
        return None
    place = result.terms.index(term)
    return float(result.coef[place]), float(np.sqrt(max(result.covariance[place, place], 0.0)))


def _combined(result: Result, estimand: Estimand) -> tuple[float, float] | None:
    """Return a combination of coefficients and its standard error."""
    if not {term for term, _ in estimand.weights} <= set(result.terms):
        return None
    g = _weights(result, estimand)
    return float(g @ result.coef), float(np.sqrt(max(float(g @ result.covariance @ g), 0.0)))


def _weights(result: Result, estimand: Estimand) -> FloatArray:
    """Return the weights of all coefficients in a combination of them, shape (p,)."""
    out = np.zeros(len(result.terms))
    for term, weight in estimand.weights or ((estimand.term, 1.0),):
        out[result.terms.index(term)] = weight
    return out


def under_null(x: Sequence[str], terms: Sequence[str]) -> tuple[str, ...]:
    """Return which of all terms are left when the focal ones, x, are removed, their powers, lags and products, too."""
    single = [parse(term) or () for term in x if ":" not in term]
    focal = {factor.atom.variable for factors in single for factor in factors if not factor.dummies}
    focal |= {term for term in x if parse(term) is None}

    def made_of_focal(term: str) -> bool:
        factors = parse(term)
        if factors is None:
            return term in focal
        return any(factor.atom.variable in focal for factor in factors if not factor.dummies)

    return tuple(term for term in terms if term not in x and not made_of_focal(term))


def columns_key(panel: Panel, names: Sequence[str]) -> Hashable:
    """Return what is equal for equal columns on equal rows, whatever their order."""
    return panel.index.digest, frozenset(panel.columns[name].digest for name in names)
