"""Large means, such as years or prices in small units, cost no digits of slopes, their errors and tests."""

from __future__ import annotations

from typing import Any, Literal

import classic as dc
import numpy as np
import pytest
from large_means import OFFSET, UNITS, N, panel_of, refuse_change

from digicarbon.diagnostic.panel_tests import arrays_of, hausman_rows

ESTIMATORS: tuple[Literal["within", "lsdv"], ...] = ("within", "lsdv")


def weights() -> dc.Weights:
    ring = np.eye(N)[:, [*range(1, N), 0]]
    return dc.Weights.from_matrix((ring + ring.T) / 2, UNITS)


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
