"""Lagrange multiplier tests for a spatial lag and a spatial error after least squares with fixed effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.statistic import Statistic, chi2
from digicarbon.numeric.linear.within import EffectsKind, demean
from digicarbon.numeric.spatial.likelihood import Sample

Form = Literal["corrected", "classic"]


@dataclass(frozen=True)
class LagrangeMultipliers:
    """Four statistics, each χ² with one degree of freedom under its null: no spatial lag, no spatial error.

    The plain ones are given that there is nothing of the other kind, the robust ones allow a little of it.
    """

    lag: Statistic
    error: Statistic
    robust_lag: Statistic
    robust_error: Statistic


def lagrange_multipliers(
    columns: FloatArray, w: scipy.sparse.csr_array, effects: EffectsKind, form: Form = "corrected"
) -> LagrangeMultipliers:
    """Return the tests after least squares of y on Z and fixed effects.

    ``columns``, shape (T, N, k + 1): Z, with a constant where there are no effects, and y; raw. ``w``, shape (N, N),
    has constant row sums where ``form`` is ``corrected`` and there are time effects.

    ``corrected``: the score of Lee & Yu's transformed sample. Lags are of raw data, demeaned afterwards; σ² is e′e over
    the effective observations; traces are those of F′WF, whose own trace is minus the row sum with time effects and is
    subtracted from the score. ``classic``: the convention of splm's ``slmtest``. Data are demeaned, then lagged and not
    demeaned again; σ² = e′e/NT; the trace is T·tr(W² + W′W).

    With d_ρ = e′Wy/σ² - T* tr W*, d_λ = e′We/σ² - T* tr W*, t = T*(tr W*² + tr W*W*′) - 2(T* tr W*)²/N* and J =
    (WZβ)′M(WZβ)/σ² + t: d_ρ²/J, d_λ²/t, (d_ρ - d_λ)²/(J - t), (d_λ - d_ρ t/J)²/(t(1 - t/J)). Anselin, Bera, Florax &
    Yoon (1996), Regional Science and Urban Economics 26; Anselin, Le Gallo & Jayet (2008); Debarsy & Ertur (2010),
    Regional Science and Urban Economics 40.
    """
    t, n, _ = columns.shape
    sample = Sample(n, t, effects, "lee_yu" if form == "corrected" else "none")
    within = demean(columns, effects)
    z = within[..., :-1].reshape(t * n, -1)
    basis = np.linalg.qr(z)[0]
    y = within[..., -1].ravel()
    e = y - basis @ (basis.T @ y)
    beta = solve(z, y)
    sigma2 = float(e @ e) / sample.size
    if form == "corrected":
        lagged = demean(_lag(w, np.stack([columns[..., -1], columns[..., :-1] @ beta], axis=2)), effects)
    else:
        lagged = _lag(w, np.stack([within[..., -1], within[..., :-1] @ beta], axis=2))
    wy, wz = lagged[..., 0].ravel(), lagged[..., 1].ravel()
    we = _lag(w, e.reshape(t, n, 1)).ravel()
    trace, information = _traces(w, sample)
    # J of Anselin et al. (1996): what of WZβ the regressors do not explain, and the information on ρ without β
    residual = wz - basis @ (basis.T @ wz)
    j = float(residual @ residual) / sigma2 + information
    lag = float(e @ wy) / sigma2 - trace
    error = float(e @ we) / sigma2 - trace
    share = information / j
    return LagrangeMultipliers(
        chi2(lag**2 / j, 1),
        chi2(error**2 / information, 1),
        chi2((lag - error) ** 2 / (j - information), 1),
        chi2((error - share * lag) ** 2 / (information * (1 - share)), 1),
    )


def _traces(w: scipy.sparse.csr_array, sample: Sample) -> tuple[float, float]:
    """Return T* tr W* and the information on ρ at ρ = 0, without β and with σ² concentrated out."""
    trace, square, norm = 0.0, float(w.multiply(w.T).sum()), float(w.multiply(w).sum())
    if sample.drops_constant:
        ones = np.ones(sample.n)
        # the common row sum; F'WF loses this eigenvalue
        c = float(ones @ (w @ ones)) / sample.n
        columns = w.T @ ones
        trace, square, norm = -c, square - c**2, norm - float(columns @ columns) / sample.n
    trace *= sample.periods
    return trace, sample.periods * (square + norm) - 2 * trace**2 / sample.size


def _lag(w: scipy.sparse.csr_array, cube: FloatArray) -> FloatArray:
    """Return W x within each period, for x of shape (T, N, m)."""
    t, n, m = cube.shape
    return np.asarray((w @ cube.transpose(1, 0, 2).reshape(n, t * m)).reshape(n, t, m).transpose(1, 0, 2))
