"""Anderson and Rubin's test and confidence set, whose size does not depend on the strength of instruments."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.iv.reduced_form import ErrorStructure, FTest, ReducedForm, quadratic_form, reduced_form

Interval = tuple[float, float]


@dataclass(frozen=True, eq=False)
class AndersonRubin:
    """Weak-instrument robust inference.

    ``test`` is of the null that all endogenous regressors have a coefficient of zero and the instruments are valid.
    ``intervals`` is the confidence set of a single endogenous regressor's coefficient, as disjoint intervals in order;
    ends can be infinite, and the tuple is empty where the instruments' validity is rejected at every value. None with
    several endogenous regressors.
    """

    test: FTest
    intervals: tuple[Interval, ...] | None


def anderson_rubin(
    y: FloatArray, x: FloatArray, z: FloatArray, errors: ErrorStructure, partialled: int, level: float
) -> AndersonRubin:
    """Test and invert Anderson & Rubin's (1949) statistic.

    ``y``: shape (rows,). ``x``: shape (rows, m). ``z``, shape (rows, q): effects and included exogenous regressors
    partialled out. ``partialled``: included exogenous regressors that were partialled out, the constant among them.
    ``level``: coverage of the set.

    F(b) is the Wald F of the instruments in y - xb with the model's covariance, as in Stata's ivreg2 and weakiv.
    """
    form = reduced_form(np.column_stack([y, x]), z, errors, partialled)
    test = form.f_test(0)
    single = x.shape[1] == 1 and not math.isnan(test.value)
    return AndersonRubin(test, confidence_set(form, level) if single else None)


def confidence_set(form: ReducedForm, level: float) -> tuple[Interval, ...]:
    """Return all b that Anderson & Rubin's test does not reject, of the outcome and one endogenous regressor.

    With r and π the two columns of coefficients and V(b) the covariance of r - bπ, a quadratic in b, the ends solve (r
    - bπ)′V(b)⁻¹(r - bπ) = c, that is det [[cV(b), r - bπ], [(r - bπ)′, 1]] = 0 (Schur complement): a quadratic
    eigenvalue problem, whose real eigenvalues are all ends (cf. Mikusheva 2010 for homoskedastic errors).
    """
    q = len(form.coef)
    critical = q * float(scipy.special.fdtri(q, form.df, level))
    # units of the instruments and of b are arbitrary: in those of the solution here, all numbers are of order one
    root = np.linalg.cholesky(form.gram).T
    r, pi = (root @ form.coef).T
    blocks = np.einsum("ij,ajbk,lk->abil", root, form.covariance, root)
    top = max(float(np.linalg.norm(r)), math.sqrt(float(np.trace(blocks[0, 0]))))
    bottom = max(float(np.linalg.norm(pi)), math.sqrt(float(np.trace(blocks[1, 1]))))
    r, pi = r / top, pi / bottom
    vyy, vyx, vxx = blocks[0, 0] / top**2, blocks[0, 1] / (top * bottom), blocks[1, 1] / bottom**2

    def inside(b: float) -> bool:
        covariance = vyy - b * (vyx + vyx.T) + b**2 * vxx
        return quadratic_form(r - b * pi, covariance) <= critical

    ends = _real_eigenvalues(
        _bordered_matrix(critical * vyy, r, 1.0),
        _bordered_matrix(-critical * (vyx + vyx.T), -pi, 0.0),
        _bordered_matrix(critical * vxx, np.zeros(q), 0.0),
    )
    return tuple((low * top / bottom, high * top / bottom) for low, high in _maximal_intervals(ends, inside))


def _bordered_matrix(block: FloatArray, side: FloatArray, corner: float) -> FloatArray:
    return np.block([[block, side[:, None]], [side[None, :], np.array([[corner]])]])


def _real_eigenvalues(constant: FloatArray, linear: FloatArray, square: FloatArray) -> list[float]:
    """Return the finite real b with det(A + bB + b²C) = 0, in order; a few that are nearly real do no harm."""
    size = len(constant)
    zero, one = np.zeros((size, size)), np.eye(size)
    left, right = np.block([[zero, one], [-constant, -linear]]), np.block([[one, zero], [zero, square]])
    alpha, beta = scipy.linalg.eig(left, right, right=False, homogeneous_eigvals=True)
    finite = np.abs(beta) > 1e-12 * np.abs(alpha)
    roots = alpha[finite] / beta[finite]
    return sorted(roots.real[np.abs(roots.imag) <= 1e-6 * (1 + np.abs(roots.real))].tolist())


def _maximal_intervals(ends: list[float], inside: Callable[[float], bool]) -> list[Interval]:
    """Return the maximal intervals between candidate ends whose inner points are inside."""
    bounds = [-math.inf, *ends, math.inf]
    result: list[Interval] = []
    for low, high in pairwise(bounds):
        if low == high or not inside(_inner_point(low, high)):
            continue
        if result and result[-1][1] == low:
            result[-1] = (result[-1][0], high)
        else:
            result.append((low, high))
    return result


def _inner_point(low: float, high: float) -> float:
    if math.isinf(low) and math.isinf(high):
        return 0.0
    if math.isinf(low):
        return high - 1 - abs(high)
    return low + 1 + abs(low) if math.isinf(high) else (low + high) / 2
