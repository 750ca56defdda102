"""Which estimator fits which spatial specification, and its estimates under one shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._durbin import LAG_KINDS
from digicarbon.model.base import refuse_pole
from digicarbon.note import Note
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.least_squares import cholesky
from digicarbon.numeric.linear.leverage import clearly_even
from digicarbon.numeric.linear.within import demean, vanish
from digicarbon.numeric.spatial.combined import CombinedFit, fit_combined
from digicarbon.numeric.spatial.likelihood import (
    Demeaning,
    Sample,
    SpatialFit,
    correct_error,
    correct_lag,
    fit_error,
    fit_lag,
    fit_linear,
    in_sample,
    star_traces,
)
from digicarbon.numeric.spatial.observed import observed_covariance
from digicarbon.numeric.spatial.operator import DenseOperator, SpatialOperator
from digicarbon.numeric.spatial.robust import Score, SolvedTerm, SpatialTerm, quasi_likelihood, unit_clustered
from digicarbon.numeric.spatial.sparse import SparseOperator
from digicarbon.result import LAG_ERROR, LAG_Y, VARIANCE, Role

Kind = Literal["slx", "sar", "sem", "sdm", "sdem", "sac"]
Covariance = Literal["classic", "observed", "robust", "cluster"]
ErrorStructure = Literal["baltagi", "kkp"]

ROLES: Mapping[str, Role] = {"rho": LAG_Y, "lambda": LAG_ERROR, "phi": VARIANCE, "sigma2": VARIANCE}
"""What the parameters are that are no coefficients."""

MOST_UNITS = 1000
"""Up to this size W is dense for scores by unit and for many outcomes; of a larger sparse one G is never formed."""

MOST_DENSE_UNITS = 4000
"""Up to this size a sparse W may become dense for estimators that need G itself: 0.13 GB for each N × N matrix."""


def squared_correlation(y: FloatArray, fitted: FloatArray) -> float:
    """Return the squared correlation of y and what a model fits, 0 where one of them does not vary."""
    a, b = y.ravel(), fitted.ravel()
    a, b = a - np.add.reduce(a) / len(a), b - np.add.reduce(b) / len(b)
    scale = float((a @ a) * (b @ b))
    return float((a @ b) ** 2 / scale) if scale > 0 else 0.0


@dataclass(frozen=True, eq=False)
class Design:
    """Checked arrays of one fit.

    ``raw``, shape (T, N, k + 2), are the columns of Z, y and Wy, ``removed`` the same without fixed effects (raw where
    effects are random), ``names`` those of Z's columns, without fixed effects the constant first; ``m`` are the weights
    of the error, the same as W unless given; ``clusters`` those of the units, None where units are clusters.
    """

    raw: FloatArray
    removed: FloatArray
    names: tuple[str, ...]
    w: SpatialOperator
    m: SpatialOperator
    sample: Sample
    random: bool
    clusters: Groups | None = None

    @property
    def level(self) -> FloatArray:
        """Z and y, raw, shape (T, N, k + 1)."""
        return self.raw[..., :-1]

    @property
    def within(self) -> FloatArray:
        """Z and y with fixed effects removed, shape (T, N, k + 1)."""
        return self.removed[..., :-1]

    @property
    def lagged_y(self) -> FloatArray:
        """Wy, raw, shape (T, N, 1)."""
        return self.raw[..., -1:]

    @property
    def demeaned_lag(self) -> FloatArray:
        """Wy with fixed effects removed, shape (T, N, 1)."""
        return self.removed[..., -1:]

    @cached_property
    def factor(self) -> FloatArray | None:
        """Triangular factor of the columns with effects removed; None where they are too close to dependence."""
        return cholesky(self._gram)

    @cached_property
    def _gram(self) -> FloatArray:
        flat = self.removed.reshape(-1, self.removed.shape[2])
        return np.asarray(flat.T @ flat)

    @property
    def clear(self) -> bool:
        """Whether no column is near vanishing with the effects or dependence on others, so that no check is needed."""
        if self.factor is None or self.sample.effects == "none":
            return False
        raw, own = self.raw.reshape(-1, self.raw.shape[2]), self._gram.diagonal()
        before = np.einsum("ij,ij->j", raw, raw)
        # columns without means have a range of at least their root mean square: y varies, too
        return not vanish(own, before) and bool(own[-2] > len(raw) * 1e-20 * max(float(before[-2]), 1.0))

    def clearly_even(self, count: int, places: tuple[int, ...]) -> bool:
        """Return whether it is clear that no unit has much of what is left of some of the first ``count`` columns.

        Their spatial lags, which come after them, are not taken out.
        """
        if (count, places) not in self._even:
            self._even[count, places] = self.factor is not None and all(
                clearly_even(self._left(self.factor[:count, :count], place)) for place in places
            )
        return self._even[count, places]

    def _left(self, factor: FloatArray, place: int) -> FloatArray:
        """Return what is left of a column, up to its size: Z(Z′Z)⁻¹'s column, shape (N, T)."""
        one = np.zeros(len(factor))
        one[place] = 1.0
        solved = scipy.linalg.lapack.dpotrs(factor, one, lower=0)[0]
        flat = self.removed.reshape(-1, self.removed.shape[2])
        return np.asarray(flat[:, : len(factor)] @ solved).reshape(self.removed.shape[:2]).T

    @cached_property
    def _even(self) -> dict[tuple[int, tuple[int, ...]], bool]:
        return {}


@dataclass(frozen=True, eq=False)
class Estimates:
    """What every estimator gives: coefficients of Z's columns, then those of ``tail`` (rho, lambda, phi, sigma2).

    Residuals have the shape (T, N); ``boundary`` are spatial parameters that lie at the end of their range.
    """

    coef: FloatArray
    tail: tuple[str, ...]
    covariance: FloatArray
    loglik: float
    ssr: float
    residuals: FloatArray
    boundary: tuple[str, ...]


def estimate(kind: Kind, design: Design, demeaning: Demeaning, cov: Covariance, structure: ErrorStructure) -> Estimates:
    """Fit a specification.

    An `EstimationError` says that the estimator needs a dense matrix and W is too large for one, parameters with random
    effects are not told apart by the data, or nothing is left to explain at an end of a parameter's range.
    """
    found = _of_columns(design, lambda columns: _estimate(kind, columns, demeaning, cov, structure))
    refuse_pole(found.boundary, found.ssr, design.within[..., -1])
    return found


def _of_columns(design: Design, fit: Callable[[Design], Estimates]) -> Estimates:
    if design.sample.effects != "none":
        return fit(design)
    # a model with a constant does not mind what is taken from a column, but large means (years, prices in small units)
    # cost the digits that standard errors are made of
    centre, centre_lag = design.level.mean(axis=(0, 1)), float(design.lagged_y.mean())
    centre[0] = 0.0
    raw = design.raw - np.append(centre, centre_lag)
    centred = replace(design, raw=raw, removed=raw)
    found = fit(centred)
    moved = np.eye(len(found.coef))
    moved[0, 1 : len(design.names)] = -centre[1:-1]
    if "rho" in found.tail:
        moved[0, len(design.names)] = -centre_lag
    coef = moved @ found.coef
    coef[0] += centre[-1]
    return replace(found, coef=coef, covariance=moved @ found.covariance @ moved.T)


def _estimate(
    kind: Kind, design: Design, demeaning: Demeaning, cov: Covariance, structure: ErrorStructure
) -> Estimates:
    if design.random:
        return _random(kind, design, structure)
    if kind == "sac":
        return _combined(design, demeaning, cov)
    if kind == "slx":
        # without a spatial parameter the observed information is the expected one
        found = fit_linear(design.within, design.sample)
        keep = [*range(len(found.beta)), len(found.beta) + 1]
        covariance = _covariance(found, design, design.w, cov)[np.ix_(keep, keep)]
        coef = np.array([*found.beta, found.sigma2])
        return Estimates(coef, ("sigma2",), covariance, found.loglik, found.ssr, found.residuals, ())
    lag = kind in LAG_KINDS
    found, lagged = _lag(design, demeaning) if lag else _error(design, demeaning)
    spatial = "rho" if lag else "lambda"
    return Estimates(
        coef=np.concatenate((found.beta, (found.spatial, found.sigma2))),
        tail=(spatial, "sigma2"),
        covariance=_observed(found, lagged, lag, design)
        if cov == "observed"
        else _covariance(found, design, design.w if lag else design.m, cov),
        loglik=found.loglik,
        ssr=found.ssr,
        residuals=found.residuals,
        boundary=(spatial,) if found.boundary else (),
    )


def _lagged_y(design: Design, demeaning: Demeaning) -> FloatArray:
    # without effects there is nothing to take before the lag
    if demeaning == "first" and design.sample.effects != "none":
        return design.w.lag(design.within[..., -1:])
    return design.demeaned_lag


def _lag(design: Design, demeaning: Demeaning) -> tuple[SpatialFit, FloatArray]:
    """Return a fit, and Wy with effects removed."""
    columns, factor = design.removed, design.factor
    if demeaning == "first" and design.sample.effects != "none":
        columns, factor = np.concatenate([design.within, _lagged_y(design, demeaning)], axis=2), None
    found = fit_lag(columns, design.w, design.sample, demeaning, factor)
    if design.sample.correction == "bias_corrected":
        found = correct_lag(found, columns, design.w, design.sample, demeaning)
    return found, columns[..., -1:]


def _error(design: Design, demeaning: Demeaning) -> tuple[SpatialFit, FloatArray]:
    """Return a fit, and the lags of Z and y with effects removed."""
    first = demeaning == "first"
    lagged = design.m.lag(design.within) if first else demean(design.m.lag(design.level), design.sample.effects)
    found = fit_error(design.within, lagged, design.m, design.sample)
    if design.sample.correction == "bias_corrected":
        found = correct_error(found, design.within, lagged, design.m, design.sample)
    return found, lagged


def _observed(found: SpatialFit, lagged: FloatArray, lag: bool, design: Design) -> FloatArray:
    """Return the inverse of the observed information; ``lagged`` are the columns whose lags are in the likelihood."""
    flat = lagged.reshape(-1, lagged.shape[2])
    operator = design.w if lag else design.m
    if lag:
        slopes, bends = np.column_stack([found.z, flat]), []
    else:
        slopes = np.column_stack([found.z, flat[:, -1] - flat[:, :-1] @ found.beta])
        bends = [(len(found.beta), np.column_stack([flat[:, :-1], np.zeros(len(flat))]))]
    square = star_traces(operator, found.spatial, design.sample)[1]
    return observed_covariance(slopes, bends, found.residuals.ravel(), found.sigma2, [square], design.sample)


def _combined(design: Design, demeaning: Demeaning, cov: Covariance) -> Estimates:
    columns = np.concatenate([design.within, _lagged_y(design, demeaning)], axis=2)
    first = demeaning == "first"
    lagged = design.m.lag(columns) if first else demean(design.m.lag(design.raw), design.sample.effects)
    found = fit_combined(columns, lagged, dense(design.w), dense(design.m), design.sample)
    covariance = found.covariance
    if cov == "observed":
        covariance = _observed_combined(found, columns, lagged, design)
    elif cov != "classic":
        score = Score.of(found.z, found.residuals, found.sigma2, found.terms, design.sample)
        covariance = _sandwich(cov, covariance, score, found.sigma2, design)
    return Estimates(
        coef=np.array([*found.beta, found.rho, found.lam, found.sigma2]),
        tail=("rho", "lambda", "sigma2"),
        covariance=covariance,
        loglik=found.loglik,
        ssr=found.ssr,
        residuals=found.residuals,
        boundary=tuple(name for name, end in zip(("rho", "lambda"), found.boundary, strict=True) if end),
    )


def _observed_combined(found: CombinedFit, columns: FloatArray, lagged: FloatArray, design: Design) -> FloatArray:
    """Return the inverse of the observed information of the combined model.

    ``columns`` are Z, y and Wy with effects removed, ``lagged`` their lags by M.
    """
    level, of_m = (cube.reshape(-1, cube.shape[2]) for cube in (columns, lagged))
    k = len(found.beta)
    weights = np.array([*-found.beta, 1.0, -found.rho])
    slopes = np.column_stack([found.z, level[:, -1] - found.lam * of_m[:, -1], of_m @ weights])
    bend = np.column_stack([of_m[:, :k], of_m[:, -1], np.zeros(len(of_m))])
    operators = (dense(design.w), found.rho), (dense(design.m), found.lam)
    squares = [star_traces(operator, spatial, design.sample)[1] for operator, spatial in operators]
    residuals = found.residuals.ravel()
    return observed_covariance(slopes, [(k + 1, bend)], residuals, found.sigma2, squares, design.sample)


def _random(kind: Kind, design: Design, structure: ErrorStructure) -> Estimates:
    from digicarbon.numeric.spatial.random import RandomFit, fit_error_random, fit_lag_random

    found: RandomFit
    if kind in LAG_KINDS:
        spatial = "rho"
        found = fit_lag_random(design.raw, design.w)
    else:
        spatial = "lambda"
        found = fit_error_random(design.level, design.m.lag(design.level), dense(design.m), structure)
    return Estimates(
        coef=np.array([*found.beta, found.spatial, found.phi, found.sigma2]),
        tail=(spatial, "phi", "sigma2"),
        covariance=found.covariance,
        loglik=found.loglik,
        ssr=found.ssr,
        residuals=found.residuals,
        boundary=(spatial,) if found.boundary else (),
    )


def _covariance(found: SpatialFit, design: Design, operator: SpatialOperator, cov: Covariance) -> FloatArray:
    if cov not in ("robust", "cluster"):
        return found.covariance
    terms: list[SpatialTerm | SolvedTerm]
    if operator.n > MOST_UNITS:
        terms = [SolvedTerm(found.q, operator, found.spatial)]
    else:
        terms = [SpatialTerm(found.q, in_sample(dense(operator), design.sample).g(found.spatial))]
    score = Score.of(found.z, found.residuals, found.sigma2, terms, design.sample)
    return _sandwich(cov, found.covariance, score, found.sigma2, design)


def _sandwich(cov: Covariance, covariance: FloatArray, score: Score, sigma2: float, design: Design) -> FloatArray:
    if cov == "robust":
        return quasi_likelihood(covariance, score, sigma2, design.sample)
    return unit_clustered(covariance, score, sigma2, design.sample, design.clusters)


def dense(operator: SpatialOperator) -> DenseOperator:
    """Return the dense form of an operator; of a W that is too large for it there is an `EstimationError`."""
    if isinstance(operator, DenseOperator):
        return operator
    if isinstance(operator, SparseOperator) and operator.n <= MOST_DENSE_UNITS:
        return operator.dense
    raise EstimationError(Note("too_many_for_dense", units=operator.n))
