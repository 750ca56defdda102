"""System GMM of a variable that is large beside its spread."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any, Literal

import classic as dc
import numpy as np
import pytest
from large_means import OFFSET, N, T, panel_of, refuse_change


def system(**fields: Any) -> dc.DynamicPanel:
    given = {"kind": "system", "collapse": True, "instrument_lags": (2, 3)}
    return dc.DynamicPanel(y="y", x=("x",), **{**given, **fields})


def inverse(matrix: Any) -> Any:
    """Gauss and Jordan's inverse of a matrix of decimals."""
    size = len(matrix)
    work = np.concatenate([matrix, decimals(np.eye(size))], axis=1)
    for j in range(size):
        pivot = j + max(range(size - j), key=lambda i: abs(work[j + i, j]))
        work[[j, pivot]] = work[[pivot, j]]
        work[j] = work[j] / work[j, j]
        for i in range(size):
            if i != j:
                work[i] = work[i] - work[i, j] * work[j]
    return work[:, size:]


def decimals(values: Any) -> Any:
    return np.vectorize(Decimal, otypes=[object])(np.asarray(values, dtype=float))


def system_gmm(offset: float, two_way: bool) -> dict[int, tuple[list[float], list[float]]]:
    """Coefficients and errors of L.y, x and the constant by steps, in 80 digits from the formulas.

    Collapsed lags 2 and 3 of y instrument differences, its lagged difference levels; x, dummies and the constant
    instrument themselves.
    """
    frame = panel_of(offset, True).frame()
    y, x = (decimals(frame[name].to_numpy().reshape(N, T)) for name in ("y", "x"))
    zero, one = Decimal(0), Decimal(1)

    def dummies(t: int) -> list[Decimal]:
        return [one if t == period else zero for period in range(2, T)] if two_way else []

    units = []
    for i in range(N):
        rows = []
        for t in range(2, T):
            own = [x[i, t] - x[i, t - 1], *(a - b for a, b in zip(dummies(t), dummies(t - 1), strict=True)), zero]
            cells = [one if s == t else -one if s == t - 1 else zero for s in range(T)]
            lags = [y[i, t - 2], y[i, t - 3] if t > 2 else zero, zero]
            rows.append((y[i, t] - y[i, t - 1], [y[i, t - 1] - y[i, t - 2], *own], [*lags, *own], cells))
        for t in range(1, T):
            own = [x[i, t], *dummies(t), one]
            cells = [one if s == t else zero for s in range(T)]
            lags = [zero, zero, y[i, t - 1] - y[i, t - 2] if t > 1 else zero]
            rows.append((y[i, t], [y[i, t - 1], *own], [*lags, *own], cells))
        units.append([np.array(part, dtype=object) for part in zip(*rows, strict=True)])
    found = {}
    with localcontext() as context:
        context.prec = 80
        zx, zy = sum(Z.T @ X for _, X, Z, _ in units), sum(Z.T @ Y for Y, _, Z, _ in units)
        first = inverse(sum((A.T @ Z).T @ (A.T @ Z) for _, _, Z, A in units))
        slope = inverse(zx.T @ first @ zx) @ zx.T @ first
        coef = slope @ zy
        scores = np.array([Z.T @ (Y - X @ coef) for Y, X, Z, _ in units], dtype=object)
        covariance = slope @ (scores.T @ scores) @ slope.T
        found[1] = chosen(coef, covariance)
        second = inverse(scores.T @ scores)
        bread = inverse(zx.T @ second @ zx)
        slope = bread @ zx.T @ second
        coef = slope @ zy
        a = second @ (zy - zx @ coef)
        # Windmeijer 2005, eq. 3.3
        derivative = sum(
            (Z.T @ X) * (e @ a) + np.outer(e, a @ (Z.T @ X)) for (_, X, Z, _), e in zip(units, scores, strict=True)
        )
        D = slope @ derivative
        found[2] = chosen(coef, bread + D @ bread + (D @ bread).T + D @ covariance @ D.T)
    return found


def chosen(coef: Any, covariance: Any) -> tuple[list[float], list[float]]:
    return [float(coef[j]) for j in (0, 1, -1)], [float(covariance[j, j].sqrt()) for j in (0, 1, -1)]


@pytest.mark.parametrize("effects", ["unit", "two_way"])
@pytest.mark.parametrize("offset", [0.0, OFFSET])
def test_system_gmm_is_that_of_eighty_digits(effects: Literal["unit", "two_way"], offset: float) -> None:
    exact = system_gmm(offset, effects == "two_way")
    for steps, (coef, se) in exact.items():
        found = system(effects=effects, steps=steps).fit(panel_of(offset, True)).estimates.loc[["L.y", "x", "const"]]
        np.testing.assert_allclose(found["coef"], coef, rtol=1e-8)
        np.testing.assert_allclose(found["se"], se, rtol=1e-8)


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("transformation", ["difference", "orthogonal_deviations"])
def test_system_gmm_with_period_dummies(steps: int, transformation: str) -> None:
    # without dummies other levels are other moments, so that numbers differ in eighty digits, too
    for fields in ({}, {"endogenous": ("x",), "endogenous_lags": (2, 2)}):
        model = system(steps=steps, transformation=transformation, **fields)
        refuse_change(model)
        near, far = (model.fit(panel_of(offset, True)).statistics for offset in (0.0, OFFSET))
        for name in ("ar1", "ar2", "sargan", "hansen", "wald", "wald_time"):
            assert far[name] == pytest.approx(near[name], rel=1e-6)
