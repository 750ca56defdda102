"""Responses by year and by order of neighbours: numbers, what they add up to, and what is refused."""

from __future__ import annotations

from functools import cache

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import ImpulseResponses
from digicarbon.errors import ConfigError
from digicarbon.report import ImpulseResponseTables, Record
from digicarbon.source import SimulatedDynamicSpace
from digicarbon.weights import DelaunayWeights

MODEL = dc.DynamicSpatialPanel(y="y", x=("x",), controls=("c",))


@cache
def panel() -> dc.Panel:
    return dc.Panel.from_frame(SimulatedDynamicSpace(periods=12).load().frame, "unit", "time")


@cache
def weights() -> dc.Weights:
    return DelaunayWeights().compute(panel())


@cache
def tables() -> dict[str, pd.DataFrame]:
    return dict(ImpulseResponses(model=MODEL, horizons=30).tables(panel(), weights()))


def test_responses_begin_with_the_effects_and_add_up_to_the_long_run() -> None:
    effects = MODEL.fit(panel(), weights()).effects
    first, sums = tables()["impulse_responses"], tables()["cumulated_responses"]
    for effect in ("direct", "indirect", "total"):
        at_once, long = effects.loc[(effect, "x")], effects.loc[(f"long_{effect}", "x")]
        np.testing.assert_allclose(first.loc[("x", effect, 0), ["coef", "se"]], at_once[["coef", "se"]])
        np.testing.assert_allclose(sums.loc[("x", effect, 30), ["coef", "se"]], long[["coef", "se"]], rtol=1e-3)
        own = first.loc[("x", effect), "coef"].to_numpy()
        np.testing.assert_allclose(own.cumsum(), sums.loc[("x", effect), "coef"])


def test_errors_of_responses_are_those_of_the_delta_method() -> None:
    """By numerical derivatives of powers of explicit matrices."""
    result = MODEL.fit(panel(), weights())
    w = weights().align(panel()).matrix.toarray()
    names = ["x", "W_x", "rho", "lag_y", "W_lag_y"]
    places = [result.terms.index(name) for name in names]

    def response(p: np.ndarray, years: int = 3) -> float:
        inverse = np.linalg.inv(np.eye(30) - p[2] * w)
        step = inverse @ (p[3] * np.eye(30) + p[4] * w)
        whole = np.linalg.matrix_power(step, years) @ inverse @ (p[0] * np.eye(30) + p[1] * w)
        return float(whole.sum() - np.trace(whole)) / 30

    at = result.coef[places]
    slope = np.array([(response(at + move) - response(at - move)) / 2e-6 for move in 1e-6 * np.eye(5)])
    row = tables()["impulse_responses"].loc[("x", "indirect", 3)]
    assert row["coef"] == pytest.approx(response(at))
    assert row["se"] == pytest.approx(np.sqrt(slope @ result.covariance[np.ix_(places, places)] @ slope), rel=1e-5)


def test_orders_of_neighbours_add_up_to_the_effects() -> None:
    effects, orders = MODEL.fit(panel(), weights()).effects, tables()["effects_by_order"]
    for when, prefix in (("at once", ""), ("in the long run", "long_")):
        for effect in ("direct", "indirect", "total"):
            whole = effects.loc[(f"{prefix}{effect}", "x"), "coef"]
            assert orders.loc[("x", when, effect), "coef"].sum() == pytest.approx(whole)
    assert orders.loc[("x", "at once", "indirect", 0), "coef"] == 0
    assert orders.loc[("x", "at once", "direct", 1), "coef"] == 0


def test_the_band_of_responses_is_that_of_their_joint_covariance() -> None:
    """By powers of explicit matrices, in draws of the parameters along the slopes of all years."""
    result = MODEL.fit(panel(), weights())
    w = weights().align(panel()).matrix.toarray()
    places = [result.terms.index(name) for name in ("x", "W_x", "rho", "lag_y", "W_lag_y")]

    def curve(p: np.ndarray) -> np.ndarray:
        inverse = np.linalg.inv(np.eye(30) - p[2] * w)
        step, now, found = inverse @ (p[3] * np.eye(30) + p[4] * w), inverse @ (p[0] * np.eye(30) + p[1] * w), []
        for _ in range(9):
            found.append((now.sum() - np.trace(now)) / 30)
            now = step @ now
        return np.array(found)

    at = result.coef[places]
    slopes = np.array([(curve(at + move) - curve(at - move)) / 2e-6 for move in 1e-6 * np.eye(5)]).T
    covariance = result.covariance[np.ix_(places, places)]
    own = ImpulseResponses(model=MODEL, horizons=8).tables(panel(), weights())
    rng = np.random.default_rng(3)
    drawn = rng.multivariate_normal(np.zeros(5), covariance, size=100_000) @ slopes.T
    for name, sums in (("impulse_responses", drawn), ("cumulated_responses", drawn.cumsum(axis=1))):
        table = own[name].loc[("x", "indirect")]
        critical = np.quantile(np.abs(sums / sums.std(axis=0)).max(axis=1), 0.95)
        assert table["uniform_critical"].nunique() == 1
        assert table["uniform_critical"].iloc[0] == pytest.approx(critical, abs=0.03)
        np.testing.assert_allclose(table["low_uniform"], table["coef"] - table["uniform_critical"] * table["se"])
        assert (table["low_uniform"] < table["low"]).all()
    # what is zero by its kind does not count
    parts = own["effects_by_order"].loc[("x", "at once", "direct")]
    assert parts.loc[1, ["low_uniform", "high_uniform"]].tolist() == [0, 0]
    assert 1.95 < parts["uniform_critical"].iloc[0] < 2.8


def test_other_models_have_no_responses() -> None:
    static = dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sdm")
    with pytest.raises(ConfigError, match="dynamic spatial panel"):
        ImpulseResponses(model=static).check(panel(), weights())
    wild = ImpulseResponses(model=MODEL.model_copy(update={"test": "wild"}))
    assert [note.code for note in wild.notes] == ["impulse_responses", "impulse_without_wild"]
    assert [note.code for note in ImpulseResponses(model=MODEL).notes] == ["impulse_responses"]


def test_the_report_has_three_tables_and_a_picture() -> None:
    result = ImpulseResponses(model=MODEL, horizons=4).added(MODEL.fit(panel(), weights()), panel(), weights())
    record = Record("", {}, {}, result)
    report = ImpulseResponseTables(pictures=("png",))
    table = report.table("Responses", [record])
    titles = []
    while table is not None:
        titles.append(table.title)
        table = table.below
    assert [title.split(": ")[-1] for title in titles] == [
        "Responses by year",
        "Sums of the responses so far",
        "Effects by order of neighbours",
    ]
    assert "estimate ± critical value" in " ".join(report.table("Responses", [record]).notes)
    uniform = ImpulseResponseTables(band="uniform", pictures=()).table("Responses", [record])
    assert [str(name) for name in uniform.cells.columns][-2:] == ["from, uniform", "to, uniform"]
    files = report.files("Responses", [record])
    assert list(files) == ["impulse_responses.png"]
    assert files["impulse_responses.png"].startswith(b"\x89PNG")
    figure = dc.plot_impulse_responses(result.tables, language="zh", simulated=True)
    assert len(figure.axes) == 3
    line = figure.axes[2].lines[0]
    expected = result.tables["impulse_responses"].loc[("x", "total"), "coef"]
    np.testing.assert_allclose(line.get_ydata(), expected)
    with pytest.raises(ConfigError, match="impulse_responses"):
        dc.plot_impulse_responses({})
