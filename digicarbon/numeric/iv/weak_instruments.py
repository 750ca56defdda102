"""Strength of instruments: first stages, rank statistics, effective and conditional F, published critical values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.iv.reduced_form import (
    ErrorStructure,
    FTest,
    coefficient_covariance,
    quadratic_form,
    reduced_form,
)
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.statistic import Statistic, chi2

RULE_OF_THUMB = 10.0
"""First-stage F below which instruments are called weak (Staiger & Stock 1997)."""


@dataclass(frozen=True, eq=False)
class FirstStage:
    """How instruments explain one endogenous regressor.

    ``f`` is of the excluded instruments, with the model's covariance; ``conditional_f`` Sanderson & Windmeijer's, given
    the other endogenous regressors (with one regressor the same); ``partial_r2`` the share of variance that the
    excluded instruments explain, ``shea_r2`` Shea's (1997), for several endogenous regressors.
    """

    f: FTest
    conditional_f: FTest
    partial_r2: float
    shea_r2: float


@dataclass(frozen=True, eq=False)
class Strength:
    """How strong instruments are: first stages, one per endogenous regressor, and statistics of all.

    ``cragg_donald_f`` is for homoskedastic errors, ``kleibergen_paap_f`` with the model's covariance.
    ``kleibergen_paap_lm`` tests the null that instruments do not identify all endogenous regressors; it is Anderson's
    canonical correlation statistic where the covariance is classic. ``effective_f`` is Montiel Olea & Pflueger's, with
    its simplified critical value for a bias of at most a tenth of the worst case at 5 %; not-a-number with several
    endogenous regressors.
    """

    first_stages: tuple[FirstStage, ...]
    cragg_donald_f: float
    kleibergen_paap_f: float
    kleibergen_paap_lm: Statistic
    effective_f: float
    effective_critical: float


def strength(x: FloatArray, z: FloatArray, errors: ErrorStructure, partialled: int) -> Strength:
    """Measure how strong instruments are.

    ``x``, shape (rows, m): endogenous regressors, effects and included exogenous regressors partialled out. ``z``,
    shape (rows, q): excluded instruments, likewise; q is at least m. ``partialled``: included exogenous regressors that
    were partialled out, the constant among them.

    Cragg & Donald (1993); Kleibergen & Paap (2006); Montiel Olea & Pflueger (2013); Sanderson & Windmeijer (2016);
    Shea (1997). Small-sample factors as in Stata's ivreg2 (Baum, Schaffer & Stillman 2007).
    """
    (rows, m), q = x.shape, z.shape[1]
    form = reduced_form(x, z, errors, partialled)
    fitted = z @ form.coef
    within, total = fitted.T @ fitted, x.T @ x
    shea = np.linalg.inv(total).diagonal() / np.linalg.inv(within).diagonal()
    stages = tuple(
        FirstStage(
            f=form.f_test(j),
            conditional_f=_conditional(x, z, j, errors, partialled) if m > 1 else form.f_test(j),
            partial_r2=float(within[j, j] / total[j, j]),
            shea_r2=float(shea[j]),
        )
        for j in range(m)
    )
    df = rows - q - partialled - errors.absorbed
    smallest = _smallest_correlation(form.coef, form.gram, total) ** 2
    null = coefficient_covariance(z, x, errors)
    lm = _rank_statistic(form.coef, form.gram, total, null) * errors.effective(rows) / rows
    full = form.covariance.reshape(m * q, m * q)
    effective, critical = _effective(form.coef[:, 0], full, form.gram) if m == 1 else (math.nan, math.nan)
    return Strength(
        first_stages=stages,
        cragg_donald_f=df / q * smallest / (1 - smallest),
        kleibergen_paap_f=_rank_statistic(form.coef, form.gram, total, full) / q,
        kleibergen_paap_lm=chi2(lm, q - m + 1),
        effective_f=effective,
        effective_critical=critical,
    )


def _canonical_matrix(
    coef: FloatArray, gram: FloatArray, total: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return Θ = R_z Π R_x⁻¹ with R′R the second moments, R_z and R_x⁻¹: singular values are canonical correlations."""
    left: FloatArray = np.asarray(np.linalg.cholesky(gram).T, dtype=np.float64)
    right = scipy.linalg.solve_triangular(np.linalg.cholesky(total).T, np.eye(len(total)))
    return left @ coef @ right, left, right


def _smallest_correlation(coef: FloatArray, gram: FloatArray, total: FloatArray) -> float:
    return float(np.linalg.svd(_canonical_matrix(coef, gram, total)[0], compute_uv=False)[-1])


def _rank_statistic(coef: FloatArray, gram: FloatArray, total: FloatArray, covariance: FloatArray) -> float:
    """Return Kleibergen & Paap's rk statistic of the null that Π, shape (q, m), has rank m - 1.

    λ = a′Θb with a and b the singular vectors beyond the first m - 1 (2006, eq. 2 to 7); rk = λ′ V(λ)⁻¹ λ.
    """
    m = coef.shape[1]
    theta, left, right = _canonical_matrix(coef, gram, total)
    u, _, vt = np.linalg.svd(theta, full_matrices=True)
    a, b = u[:, m - 1 :], vt[m - 1]
    transform = np.kron((right @ b)[None, :], a.T @ left)
    return quadratic_form(a.T @ theta @ b, transform @ covariance @ transform.T)


def _conditional(x: FloatArray, z: FloatArray, j: int, errors: ErrorStructure, partialled: int) -> FTest:
    """Return Sanderson & Windmeijer's F: of instruments in x_j less what 2SLS on the other regressors explains."""
    others = np.delete(x, j, axis=1)
    fitted = z @ solve(z, others)
    residual = x[:, j] - others @ solve(fitted, x[:, j])
    form = reduced_form(residual[:, None], z, errors, partialled)
    chi2_value = quadratic_form(form.coef[:, 0], form.covariance[0, :, 0, :])
    return FTest.of(chi2_value, z.shape[1] - x.shape[1] + 1, form.df)


def _effective(coef: FloatArray, covariance: FloatArray, gram: FloatArray) -> tuple[float, float]:
    """Return Montiel Olea & Pflueger's effective F, π′Z′Zπ / tr(V Z′Z), and its critical value.

    The value is the simplified, conservative one (2013, sec. 4): the 95 % quantile of a noncentral χ² with
    K_eff = tr(W)² (1 + 2x) / (tr(W²) + 2x tr(W) max eval W) degrees of freedom and noncentrality x K_eff, x = 10, over
    K_eff.
    """
    root = np.linalg.cholesky(gram)
    eigenvalues = np.linalg.eigvalsh(root.T @ covariance @ root)
    trace, squares, largest = float(eigenvalues.sum()), float((eigenvalues**2).sum()), float(eigenvalues[-1])
    x = 1 / 0.10
    k = trace**2 * (1 + 2 * x) / (squares + 2 * x * trace * largest)
    return float(coef @ gram @ coef) / trace, float(scipy.special.chndtrix(0.95, k, x * k)) / k


# Stock & Yogo (2005), tables 5.1, 5.2 and 5.4, as printed by Stata's ivreg2: by (endogenous regressors, instruments)
_SIZE_2SLS = {
    (1, 1): 16.38, (1, 2): 19.93, (1, 3): 22.30, (1, 4): 24.58, (1, 5): 26.87,
    (2, 2): 7.03, (2, 3): 13.43, (2, 4): 16.87, (2, 5): 19.45,
}  # fmt: skip
_SIZE_LIML = {
    (1, 1): 16.38, (1, 2): 8.68, (1, 3): 6.46, (1, 4): 5.44, (1, 5): 4.84,
    (2, 2): 7.03, (2, 3): 5.44, (2, 4): 4.72, (2, 5): 4.32,
}  # fmt: skip


def stock_yogo(endogenous: int, instruments: int, method: Literal["2sls", "liml"]) -> float:
    """Return the Cragg-Donald F at which a 5 % test of the coefficients has a size of at most 10 %.

    Stock & Yogo (2005), for homoskedastic errors; not-a-number beyond two endogenous regressors or five instruments.
    """
    table = _SIZE_2SLS if method == "2sls" else _SIZE_LIML
    return table.get((endogenous, instruments), math.nan)
