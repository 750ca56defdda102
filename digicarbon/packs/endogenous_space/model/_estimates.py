"""Estimates of a spatial model by instruments: two-stage least squares, two-step GMM, and moments of spatial errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model.panel_iv import Columns
from digicarbon.note import Note
from digicarbon.numeric.iv.reduced_form import ErrorStructure, middle
from digicarbon.numeric.linear.covariance import nearest_semidefinite
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.within import singular
from digicarbon.numeric.resampling.null_model import in_rows
from digicarbon.numeric.spatial.likelihood import near_end
from digicarbon.packs.endogenous_space.model._design import SpatialDesign
from digicarbon.packs.endogenous_space.numeric.moments import ErrorFit, Rule, fit_error_moments


@dataclass(frozen=True, eq=False)
class InstrumentedFit:
    """What every estimator gives."""

    coef: FloatArray
    """Of the regressors, then λ where the kind has one, shape (p,)."""
    covariance: FloatArray
    """Shape (p, p)."""
    residuals: FloatArray
    """Innovations, effects removed, shape (rows,)."""
    first: FloatArray
    """Residuals that the moments' weights come from; those of two-stage least squares with two-step GMM. Shape
    (rows,)."""
    columns: Columns
    """What instruments are tested on: filtered where errors are spatial."""
    repaired: bool = False
    """Whether the covariance was indefinite."""
    boundary: bool = False
    """Whether λ lies at an end of its range."""


def by_instruments(columns: Columns, errors: ErrorStructure, estimator: Literal["2sls", "gmm"]) -> InstrumentedFit:
    """Fit an equation by two-stage least squares, or by GMM whose weights come from its residuals.

    In an orthonormal basis of the exogenous regressors and instruments; the covariance is a sandwich in either case.
    """
    basis = np.linalg.qr(np.column_stack([columns.w, columns.z]))[0]
    slopes, outcome = basis.T @ columns.regressors, basis.T @ columns.y
    k = slopes.shape[1]
    coef = solve(slopes, outcome)
    weights = np.linalg.pinv(slopes)
    first = residuals = columns.y - columns.regressors @ coef
    if estimator == "gmm":
        inner = np.linalg.solve(_middle(basis, residuals, errors), np.column_stack([slopes, outcome]))
        bread = np.linalg.inv(slopes.T @ inner[:, :k])
        coef, weights = bread @ (slopes.T @ inner[:, k]), bread @ inner[:, :k].T
        residuals = columns.y - columns.regressors @ coef
    covariance, repaired = weights @ _middle(basis, residuals, errors) @ weights.T * errors.factor(k), False
    if errors.indefinite:
        covariance, repaired = nearest_semidefinite(covariance)
    return InstrumentedFit(coef, covariance, residuals, first, columns, repaired)


def _middle(basis: FloatArray, residuals: FloatArray, errors: ErrorStructure) -> FloatArray:
    if errors.kind == "classic":
        return float(residuals @ residuals) / len(residuals) * np.eye(basis.shape[1])
    return middle(basis, residuals[:, None], errors)


def by_moments(design: SpatialDesign, rule: Rule) -> tuple[InstrumentedFit, ErrorFit]:
    """Fit an equation with a spatial error, see `fit_error_moments`.

    Raises EstimationError as that does, or if filtered exogenous regressors depend on instruments, or endogenous ones
    are not moved by them, or are explained exactly.
    """
    own, lagged = design.columns, design.lagged()
    assert design.moments is not None
    t, n, _ = design.within.shape
    h = None
    if not design.exogenous:
        h = _cube(np.column_stack([own.w, own.z]), t, n)
    found = fit_error_moments(design.within, lagged, h, design.moments, design.effects, design.w.bounds, rule)
    filtered = in_rows(design.within - found.lam * lagged)
    names = list(own.names)
    columns = replace(
        own,
        y=filtered[:, -1],
        regressors=filtered[:, :-1],
        w=filtered[:, [names.index(name) for name in own.exogenous]],
        x=filtered[:, [names.index(name) for name in own.endogenous]],
    )
    every = np.column_stack([columns.w, columns.z])
    if not design.exogenous and singular(every, every):
        raise EstimationError(Note("moments_singular", value=found.lam))
    if not design.exogenous:
        columns.refuse_useless()
    residuals = in_rows(found.innovations[..., None]).ravel()
    fit = InstrumentedFit(
        np.append(found.coef, found.lam),
        found.covariance,
        residuals,
        residuals,
        columns,
        boundary=found.boundary or bool(near_end(found.lam, design.w)),
    )
    return fit, found


def _cube(columns: FloatArray, t: int, n: int) -> FloatArray:
    return np.ascontiguousarray(columns.reshape(n, t, -1).transpose(1, 0, 2))
