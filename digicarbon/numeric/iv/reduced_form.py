"""Regressions on instruments: their coefficients, residuals and covariance, from which tests of instruments are made.

Columns have fixed effects and included exogenous regressors partialled out (Frisch, Waugh & Lovell), so that only the
excluded instruments Z are left on the right-hand side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.linear.least_squares import solve

ErrorKind = Literal["classic", "robust", "cluster"]

_SINGULAR = 1e-10
"""A correlation matrix with a smaller eigenvalue than this is not inverted."""


@dataclass(frozen=True, eq=False)
class ErrorStructure:
    """What a covariance assumes about the errors, and how it counts parameters."""

    kind: ErrorKind
    """Homoskedastic; heteroskedastic; dependent within clusters."""
    clusters: tuple[IntArray, ...]
    """Each row's cluster; two arrays for two-way clusters, each of whose intersections has one row; each (rows,)."""
    absorbed: int
    """Parameters of the effects that were partialled out."""
    factor: Callable[[int], float]
    """Small-sample factor on a covariance, from the number of columns of its regression."""
    df: Callable[[int], float]
    """Denominator degrees of freedom of F, from the same number."""
    of_scores: Callable[[FloatArray], FloatArray] | None = None
    """From scores, shape (rows, q), to the covariance of their sum, shape (q, q), where errors of several rows are
    taken together in another way than by clusters; ``kind`` is ``"robust"`` then."""

    @property
    def indefinite(self) -> bool:
        """Whether covariances may have negative eigenvalues."""
        return len(self.clusters) == 2 or self.of_scores is not None

    def effective(self, nobs: int) -> int:
        """Return the observations that χ² statistics count: absorbed effects are left out, but not with clusters.

        Stata's ivreg2 calls the difference ``dofminus``, its adjustment for fixed effects.
        """
        return nobs if self.kind == "cluster" else nobs - self.absorbed


@dataclass(frozen=True, eq=False)
class FTest:
    """An F statistic with its degrees of freedom and p value."""

    value: float
    df1: int
    df2: float
    p: float

    @classmethod
    def of(cls, chi2: float, df1: int, df2: float) -> FTest:
        """Return the test of a Wald statistic: F = χ²/df1."""
        value = chi2 / df1
        return cls(value, df1, df2, float(scipy.special.fdtrc(df1, df2, value)) if value >= 0 else math.nan)


@dataclass(frozen=True, eq=False)
class ReducedForm:
    """Least squares of g outcomes on q instruments: Z′Z, coefficients (q, g), residuals (rows, g).

    ``covariance``, shape (g, q, g, q), is of the coefficients, outcome by instrument by outcome by instrument,
    small-sample factor included; ``df`` are denominator degrees of freedom.
    """

    gram: FloatArray
    coef: FloatArray
    residuals: FloatArray
    covariance: FloatArray
    df: float

    def f_test(self, outcome: int) -> FTest:
        """Return the test that no instrument enters an outcome."""
        chi2 = quadratic_form(self.coef[:, outcome], self.covariance[outcome, :, outcome, :])
        return FTest.of(chi2, len(self.coef), self.df)


def reduced_form(outcomes: FloatArray, z: FloatArray, errors: ErrorStructure, partialled: int) -> ReducedForm:
    """Regress outcomes on instruments.

    ``outcomes``: shape (rows, g). ``z``: shape (rows, q). ``partialled``: included exogenous regressors that were
    partialled out, the constant among them.
    """
    gram = z.T @ z
    coef: FloatArray = np.asarray(np.linalg.solve(gram, z.T @ outcomes), dtype=np.float64)
    residuals = outcomes - z @ coef
    columns = partialled + z.shape[1]
    g, q = outcomes.shape[1], z.shape[1]
    covariance = errors.factor(columns) * coefficient_covariance(z, residuals, errors)
    return ReducedForm(gram, coef, residuals, covariance.reshape(g, q, g, q), errors.df(columns))


def coefficient_covariance(z: FloatArray, residuals: FloatArray, errors: ErrorStructure) -> FloatArray:
    """Return the covariance of stacked coefficients of g outcomes, without small-sample factor, shape (g·q, g·q).

    Instruments have the shape (rows, q), residuals (rows, g); coefficients are stacked outcome by outcome.
    """
    inverse = np.linalg.inv(z.T @ z)
    g = residuals.shape[1]
    if errors.kind == "classic":
        return np.asarray(np.kron(residuals.T @ residuals / len(z), inverse))
    bread = np.kron(np.eye(g), inverse)
    return np.asarray(bread @ middle(z, residuals, errors) @ bread)


def middle(z: FloatArray, residuals: FloatArray, errors: ErrorStructure) -> FloatArray:
    """Return the sum of outer products of scores e⊗z, over rows or clusters, shape (g·q, g·q).

    With two-way clusters, both sums less that over their intersections, single rows (Cameron, Gelbach & Miller 2011).
    """
    scores = (residuals[:, :, None] * z[:, None, :]).reshape(len(z), -1)
    if errors.of_scores is not None:
        return errors.of_scores(scores)
    by_row = np.asarray(scores.T @ scores)
    if not errors.clusters:
        return by_row
    total = np.zeros_like(by_row)
    for codes in errors.clusters:
        sums = np.zeros((int(codes.max()) + 1, scores.shape[1]))
        np.add.at(sums, codes, scores)
        total += sums.T @ sums
    return total - by_row if len(errors.clusters) == 2 else total


def quadratic_form(vector: FloatArray, covariance: FloatArray) -> float:
    """Return v′V⁻¹v; not-a-number where V is singular, as with fewer clusters than instruments."""
    own = covariance.diagonal()
    if not (own > 0).all():
        return math.nan
    scale = np.sqrt(own)
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    if values[0] < _SINGULAR:
        return math.nan
    coordinates = vectors.T @ (vector / scale)
    return float((coordinates**2 / values).sum())


def partial_out(columns: FloatArray, exogenous: FloatArray) -> FloatArray:
    """Return the residuals of columns, shape (rows, k), after regressors of shape (rows, j)."""
    if exogenous.shape[1] == 0:
        return columns
    return np.asarray(columns - exogenous @ solve(exogenous, columns))
