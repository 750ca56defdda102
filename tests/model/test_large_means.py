"""Large means, such as years or prices in small units, cost no digits of slopes, their errors and tests."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.diagnostic.panel_tests import arrays_of, hausman_rows
from digicarbon.model import Model

N, T = 20, 8
UNITS = [f"u{i:02d}" for i in range(N)]
OFFSET = 2.0**20
ESTIMATORS: tuple[Literal["within", "lsdv"], ...] = ("within", "lsdv")


def panel_of(offset: float, balanced: bool) -> dc.Panel:
    rng = np.random.default_rng(3)
    unit, period = rng.normal(size=(N, 1)), rng.normal(size=(1, T))
    z, shock, c = (rng.normal(size=(N, T)) for _ in range(3))
    x = 0.6 * z + 0.4 * unit + 0.3 * period + 0.5 * shock + rng.normal(size=(N, T))
    y = x + 0.5 * c + unit + period + shock + rng.normal(size=(N, T)) * (1 + abs(x))
    frame = pd.MultiIndex.from_product([UNITS, range(2000, 2000 + T)], names=["unit", "time"]).to_frame(index=False)
    for name, values in {"y": y, "x": x, "c": c, "z": z}.items():
        # multiples of 2^-20: the offset itself rounds nothing
        frame[name] = (np.round(values * 2**20) / 2**20).ravel() + offset
    return dc.Panel.from_frame(frame if balanced else frame.drop(index=[5, 17, 40, 41, 90]), "unit", "time", "keep")


def weights() -> dc.Weights:
    ring = np.eye(N)[:, [*range(1, N), 0]]
    return dc.Weights.from_matrix((ring + ring.T) / 2, UNITS)


def refuse_change(model: Model, balanced: bool = True, w: dc.Weights | None = None) -> None:
    near, far = (model.fit(panel_of(offset, balanced), w) for offset in (0.0, OFFSET))
    slopes = [term for term in near.terms if term != "const" and "[" not in term]
    for column in ("coef", "se"):
        np.testing.assert_allclose(far.estimates.loc[slopes, column], near.estimates.loc[slopes, column], rtol=1e-8)
    for name in ("f", "chi2", "overid", "endogeneity"):
        assert far.statistics.get(name, 0.0) == pytest.approx(near.statistics.get(name, 0.0), rel=1e-6)


COVARIANCES: list[dict[str, Any]] = [
    {"cov": "classic"},
    {"cov": "robust", "small_sample": "hc1"},
    {"cov": "robust", "small_sample": "hc3"},
    *({"cov": "cluster", "cluster": by} for by in ("unit", "time", "both")),
    {"cov": "driscoll_kraay"},
    {"cov": "newey_west"},
    {"cov": "beck_katz", "cluster": "time"},
    {"cov": "conley"},
]


@pytest.mark.parametrize("effects", ["none", "random", "random_time", "random_two_way"])
@pytest.mark.parametrize("errors", COVARIANCES, ids=str)
def test_every_covariance_beside_a_constant(effects: str, errors: dict[str, Any]) -> None:
    model = dc.PanelRegression(y="y", x=("x",), controls=("c",), effects=effects, **errors)
    refuse_change(model, w=weights() if errors["cov"] == "conley" else None)


@pytest.mark.parametrize("effects", ["unit", "time", "two_way"])
@pytest.mark.parametrize("cluster", ["unit", "time"])
def test_dummies(effects: str, cluster: str) -> None:
    model = dc.PanelRegression(
        y="y", x=("x",), controls=("c",), effects=effects, estimator="lsdv", cov="cluster", cluster=cluster
    )
    refuse_change(model)
    refuse_change(model, balanced=False)


def test_dummies_say_what_the_within_regression_says() -> None:
    one, two = (
        dc.PanelRegression(
            y="y", x=("x",), controls=("c",), effects="two_way", estimator=kind, cov="cluster", small_sample="none"
        ).fit(panel_of(0.0, False))
        for kind in ESTIMATORS
    )
    np.testing.assert_allclose(one.estimates.loc[["x", "c"]], two.estimates.loc[["x", "c"]], rtol=1e-9)


@pytest.mark.parametrize("effects", ["unit", "time"])
def test_means(effects: str) -> None:
    refuse_change(
        dc.PanelRegression(y="y", x=("x",), controls=("c",), effects=effects, estimator="between", cov="robust")
    )


@pytest.mark.parametrize("effects", ["random", "random_time"])
@pytest.mark.parametrize("variance", ["swamy_arora", "wallace_hussain", "amemiya", "stata"])
def test_variance_components_of_unbalanced_panels(effects: str, variance: str) -> None:
    model = dc.PanelRegression(y="y", x=("x",), controls=("c",), effects=effects, variance=variance, cov="cluster")
    refuse_change(model, balanced=False)


@pytest.mark.parametrize("method", ["2sls", "liml"])
@pytest.mark.parametrize("cov", ["classic", "robust", "cluster"])
def test_instruments(method: str, cov: str) -> None:
    model = dc.PanelIV(
        y="y", x=("x",), controls=("c",), instruments=("z", "L.z"), effects="none", method=method, cov=cov
    )
    refuse_change(model)
    near, far = (model.fit(panel_of(offset, True)) for offset in (0.0, OFFSET))
    # y - a - O(1 - b) for columns that are O larger
    moved = near.coef[0] + OFFSET * (1 - near.coef[1:].sum())
    assert far.coef[0] == pytest.approx(moved, rel=1e-9)
    first = [result.tables["first_stage_coefficients"].drop(index="const", level="term") for result in (near, far)]
    np.testing.assert_allclose(first[1][["coef", "se"]], first[0][["coef", "se"]], rtol=1e-8)


def test_the_constant_of_instruments_is_that_of_raw_columns() -> None:
    model = dc.PanelIV(y="y", x=("x",), controls=("c",), instruments=("z", "L.z"), effects="none")
    result = model.fit(panel_of(3.0, True))
    frame = panel_of(3.0, True).with_terms(("y", "x", "c", "z", "L.z"))
    y, x, c, z, lagged = frame.array(("y", "x", "c", "z", "L.z")).T
    one = np.ones(len(y))
    regressors, instruments = np.column_stack([one, x, c]), np.column_stack([one, c, z, lagged])
    projected = instruments @ np.linalg.lstsq(instruments, regressors, rcond=None)[0]
    coef = np.linalg.solve(projected.T @ regressors, projected.T @ y)
    e = y - regressors @ coef
    covariance = e @ e / (len(y) - 3) * np.linalg.inv(projected.T @ projected)
    np.testing.assert_allclose(result.coef, coef, rtol=1e-10)
    np.testing.assert_allclose(result.covariance, covariance, rtol=1e-9)


@pytest.mark.parametrize("effects", ["random", "random_two_way"])
def test_hausman_tests(effects: str) -> None:
    model = dc.PanelRegression(y="y", x=("x",), controls=("c",), effects=effects)
    near, far = (hausman_rows(arrays_of(model, panel_of(offset, True)), effects) for offset in (0.0, OFFSET))
    assert [row.test for row in far] == [row.test for row in near]
    np.testing.assert_allclose([row.statistic for row in far], [row.statistic for row in near], rtol=1e-6)
