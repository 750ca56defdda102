"""GMM's rows, instruments and weights against computations unit by unit with dense matrices."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.packs.gmm.numeric.equations import equations, lagged
from digicarbon.packs.gmm.numeric.estimator import NotIdentifiedError, weight
from digicarbon.packs.gmm.numeric.instruments import lag_instruments, own_instruments

# two routes to the same moments
TOLERANCE = 1e-8


def gappy(seed: int = 3, n: int = 40, t: int = 8) -> pd.DataFrame:
    """An unbalanced panel: units enter late, leave early and miss periods in between."""
    rng = np.random.default_rng(seed)
    effect = rng.normal(size=n)
    x = rng.normal(size=(n, t)) + 0.5 * effect[:, None]
    y = np.zeros((n, t))
    y[:, 0] = 2 * effect + rng.normal(size=n)
    for s in range(1, t):
        y[:, s] = 0.4 * y[:, s - 1] + effect + x[:, s] + rng.normal(size=n)
    frame = pd.DataFrame({"u": np.repeat(range(n), t), "t": np.tile(range(t), n), "y": y.ravel(), "x": x.ravel()})
    return frame[rng.uniform(size=len(frame)) > 0.12]


def dense(
    frame: pd.DataFrame, kind: str, transformation: str, two_way: bool, last: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """One- and two-step estimates and robust one-step standard errors, unit by unit (Roodman 2009, section 3).

    Collapsed lags 2 to ``last`` of y; x strictly exogenous through both equations; dummies as xtabond2's users do.
    """
    t = int(frame["t"].max()) + 1
    y, x = (frame.pivot(index="u", columns="t", values=name).reindex(columns=range(t)).to_numpy() for name in "yx")
    blocks = []
    for i in range(len(y)):
        complete = [s for s in range(1, t) if np.isfinite([y[i, s], y[i, s - 1], x[i, s]]).all()]
        rows, at, level = [], [], []
        for s in complete:
            row = np.zeros(t)
            later = [r for r in complete if r > s]
            if transformation == "difference" and s - 1 in complete:
                row[[s, s - 1]] = 1, -1
                rows.append(row), at.append(s), level.append(False)
            if transformation != "difference" and later:
                row[s], row[later] = 1, -1 / len(later)
                rows.append(row * np.sqrt(len(later) / (len(later) + 1))), at.append(s + 1), level.append(False)
        if kind == "system":
            for s in complete:
                rows.append(np.eye(t)[s]), at.append(s), level.append(True)
        if not rows:
            continue
        M, flag = np.array(rows), np.array(level)
        own = np.column_stack([np.concatenate([[np.nan], y[i, :-1]]), x[i], np.eye(t), np.ones(t)])
        own[~np.isin(range(t), complete)] = 0
        X = M @ own
        X[~flag, -1] = 0
        Y = M @ np.where(np.isin(range(t), complete), y[i], 0)
        lags = np.zeros((len(M), last - 1))
        difference = np.zeros(len(M))
        for r, s in enumerate(at):
            for lag in range(2, last + 1):
                if not level[r] and s - lag >= 0 and np.isfinite(y[i, s - lag]):
                    lags[r, lag - 2] = y[i, s - lag]
            if level[r] and s >= 2 and np.isfinite(y[i, s - 1] - y[i, s - 2]):
                difference[r] = y[i, s - 1] - y[i, s - 2]
        blocks.append((M, X, Y, np.column_stack([lags, difference, X[:, 1:]])))
    first = 3 if kind == "difference" and transformation == "difference" else 2
    chosen = [0, 1, *([2 + s for s in range(first - 1, t)] if two_way else []), *([2 + t] if kind == "system" else [])]
    if two_way and (kind, transformation) != ("difference", "difference"):
        chosen.remove(2 + 1)
    Z = [np.column_stack([z[:, :last], z[:, [last + j - 1 for j in chosen if j > 0]]]) for _, _, _, z in blocks]
    X = [b[1][:, chosen] for b in blocks]
    Y = [b[2] for b in blocks]
    used = np.abs(np.vstack(Z)).sum(axis=0) > 0
    Z = [z[:, used] for z in Z]
    zx, zy = sum(z.T @ a for z, a in zip(Z, X, strict=True)), sum(z.T @ b for z, b in zip(Z, Y, strict=True))
    W = np.linalg.pinv(sum(z.T @ b[0] @ b[0].T @ z for z, b in zip(Z, blocks, strict=True)), hermitian=True)
    slope = np.linalg.solve(zx.T @ W @ zx, zx.T @ W)
    one = slope @ zy
    scores = np.array([z.T @ (b - a @ one) for z, a, b in zip(Z, X, Y, strict=True)])
    W2 = np.linalg.pinv(scores.T @ scores, hermitian=True)
    two = np.linalg.solve(zx.T @ W2 @ zx, zx.T @ W2 @ zy)
    return one, two, np.sqrt(np.diag(slope @ scores.T @ scores @ slope.T)), sum(len(b) for b in Y)


@pytest.mark.parametrize("kind", ["difference", "system"])
@pytest.mark.parametrize("transformation", ["difference", "orthogonal_deviations"])
@pytest.mark.parametrize("effects", ["unit", "two_way"])
def test_gaps_are_handled_as_unit_by_unit(kind: str, transformation: str, effects: str) -> None:
    frame = gappy()
    one, two, errors, rows = dense(frame, kind, transformation, effects == "two_way", 4)
    panel = dc.Panel.from_frame(frame, "u", "t", gaps="keep")
    spec: dict[str, Any] = {"kind": kind, "transformation": transformation, "effects": effects, "collapse": True}
    found = [dc.DynamicPanel(y="y", x=("x",), instrument_lags=(2, 4), steps=s, **spec).fit(panel) for s in (1, 2)]
    for result, expected in zip(found, (one, two), strict=True):
        np.testing.assert_allclose(result.coef[:2], expected[:2], rtol=TOLERANCE)
        if effects == "two_way":
            dummies = result.tables["time_effects"]["coef"].to_numpy()
            np.testing.assert_allclose(dummies, expected[2 : 2 + len(dummies)], rtol=1e-6)
        if kind == "system":
            assert result.estimates.loc["const", "coef"] == pytest.approx(expected[-1], rel=1e-6)
    np.testing.assert_allclose(found[0].estimates["se"].iloc[:2], errors[:2], rtol=TOLERANCE)
    plm = dc.DynamicPanel(y="y", x=("x",), convention="pgmm", kind=kind)
    assert plm.fit(panel).statistics["nobs"] >= rows - len(frame)


def test_rows_of_a_short_panel_by_hand() -> None:
    complete = np.array([[False, True, True, True], [True, True, False, True]])
    cells = np.arange(8.0).reshape(2, 4) ** 2
    differences = equations(complete, "difference", "difference")
    assert list(zip(differences.unit, differences.period, strict=True)) == [(0, 2), (0, 3), (1, 1)]
    np.testing.assert_allclose(differences.rows(cells), [3, 5, 9])
    deviations = equations(complete, "orthogonal_deviations", "system")
    assert list(deviations.period[~deviations.level]) == [2, 3, 1, 2]
    expected = [
        np.sqrt(2 / 3) * (1 - (4 + 9) / 2),
        np.sqrt(1 / 2) * (4 - 9),
        np.sqrt(2 / 3) * (16 - (25 + 49) / 2),
        np.sqrt(1 / 2) * (25 - 49),
    ]
    np.testing.assert_allclose(deviations.rows(cells)[~deviations.level], expected)
    own = deviations.operator[~deviations.level]
    # independent errors stay independent with one variance
    np.testing.assert_allclose((own @ own.T).toarray(), np.eye(4), atol=1e-15)
    assert list(deviations.rows(cells)[deviations.level]) == [1, 4, 9, 16, 25, 49]


def test_instruments_of_a_short_panel_by_hand() -> None:
    complete = np.ones((1, 4), dtype=bool)
    complete[0, 0] = False
    values = np.array([[2.0, 3.0, 5.0, 9.0]])
    rows = equations(complete, "difference", "system")
    assert list(rows.period) == [2, 3, 1, 2, 3]
    collapsed = lag_instruments("y", values, rows, 2, None, True, 1)
    np.testing.assert_array_equal(collapsed.columns, [[2, 0, 0], [3, 2, 0], [0, 0, 0], [0, 0, 1], [0, 0, 2]])
    assert list(collapsed.level) == [False, False, True]
    full = lag_instruments("y", values, rows, 2, None, False, 1)
    np.testing.assert_array_equal(
        full.columns, [[2, 0, 0, 0, 0], [0, 3, 2, 0, 0], [0] * 5, [0, 0, 0, 1, 0], [0, 0, 0, 0, 2]]
    )
    assert lag_instruments("y", values, rows, 2, 2, False, 1).columns.shape[1] == 4
    assert lag_instruments("y", values, rows, 7, 9, True, 6).columns.shape[1] == 0
    column = np.arange(1.0, 6.0)[:, None]
    np.testing.assert_array_equal(own_instruments("x", column, rows).columns, column)
    apart = own_instruments("x", column, rows, apart=True).columns
    np.testing.assert_array_equal(apart, [[1, 0], [2, 0], [0, 3], [0, 4], [0, 5]])


def test_weight_inverts_or_generalises() -> None:
    rng = np.random.default_rng(2)
    parts = rng.normal(size=(30, 4)) * [1e-3, 1, 1e3, 1]
    full = weight(parts)
    assert not full.singular
    np.testing.assert_allclose(full.root @ full.root.T @ (parts.T @ parts), np.eye(4), atol=1e-6)
    doubled = np.column_stack([parts, 5 * parts[:, 1], np.zeros(30)])
    found = weight(doubled)
    assert found.singular
    assert found.rank == 4
    # what lies in the space of the moments is weighted as before, whichever copy it stands in
    g = doubled.T @ rng.normal(size=30)
    assert g @ found.root @ found.root.T @ g == pytest.approx(g[:4] @ full.root @ full.root.T @ g[:4], rel=1e-8)
    few = rng.normal(size=(3, 5))
    assert weight(few).rank == 3
    plm = weight(few, "plm")
    np.testing.assert_allclose(
        plm.root @ plm.root.T, np.linalg.pinv(few.T @ few, rcond=1e-8, hermitian=True), atol=1e-10
    )
    regular = weight(parts[:, [1, 3]], "plm")
    np.testing.assert_allclose(regular.root, weight(parts[:, [1, 3]]).root)


def test_lag_keeps_gaps() -> None:
    values = np.array([[1.0, np.nan, 3.0]])
    np.testing.assert_array_equal(lagged(values, 1), [[np.nan, 1, np.nan]])
    np.testing.assert_array_equal(lagged(values, 5), np.full((1, 3), np.nan))
    assert issubclass(NotIdentifiedError, ArithmeticError)
