"""The report of quantiles: coefficients, location and scale, tests, and the picture."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError
from digicarbon.report import QuantileReport, Record, Table
from digicarbon.report.picture import plot_quantiles
from digicarbon.result import Result
from digicarbon.source import SimulatedQuantiles


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    panel = dc.Panel.from_frame(SimulatedQuantiles(n=40).load().frame, "unit", "time")
    models = {"a": {"x": ("x",), "controls": ("c",)}, "b": {"x": ("x", "c")}}
    return {
        name: dc.PanelQuantile(effects="unit", y="y", quantiles=(0.1, 0.9), **terms).fit(panel)
        for name, terms in models.items()
    }


def records(results: dict[str, Result]) -> list[Record]:
    return [Record(label, {}, {}, result) for label, result in results.items()]


def tables(table: Table) -> list[pd.DataFrame]:
    return [table.cells, *(tables(table.below) if table.below is not None else [])]


def test_tables_are_below_the_coefficients(results: dict[str, Result]) -> None:
    coefficients, means, errors, tests = tables(QuantileReport(decimals=3).table("t", records(results)))
    assert coefficients.shape[1] == 2
    assert list(means.index) == ["a: x", "a: c", "b: x", "b: c"]
    assert means.loc["a: x", "Location"] == f"{results['a'].tables['location_scale'].loc['x', 'in_location']:.3f}"
    assert list(errors.index) == ["a: 0.1", "a: 0.9", "b: 0.1", "b: 0.9"]
    assert len(tests) == 1 + 3
    assert tests.loc["a: x", "F"] == f"{results['a'].statistics['equality_f']:.3f}"
    chinese = tables(QuantileReport(language="zh").table("t", records(results)))
    assert chinese[1].columns[0] == "位置"
    single = tables(QuantileReport().table("t", records(results)[:1]))
    assert list(single[1].index) == ["x", "c"]


def test_many_runs_have_no_tables_of_their_own(results: dict[str, Result]) -> None:
    report = QuantileReport(most_runs=1)
    assert report.table("t", records(results)).below is None
    assert report.files("t", records(results)) == {}
    assert QuantileReport(pictures=()).files("t", records(results)) == {}
    files = QuantileReport(pictures=("svg",)).files("t", records(results))
    assert sorted(files) == ["quantiles_a.svg", "quantiles_b.svg"]


def test_the_picture_has_coefficients_and_those_of_least_squares(results: dict[str, Result]) -> None:
    figure = plot_quantiles(results["b"], "t", simulated=True)
    assert len(figure.axes) == 2
    for name, axes in zip(("x", "c"), figure.axes, strict=True):
        coefficients, mean = axes.lines[:2]
        own = results["b"].estimates.loc[[f"{name}[0.1]", f"{name}[0.9]"], "coef"]
        np.testing.assert_array_equal(coefficients.get_ydata(), own)
        assert mean.get_ydata()[0] == results["b"].tables["location_scale"].loc[name, "in_location"]


def test_results_without_quantiles_are_refused() -> None:
    plain = Result(kind="fe_unit", y="y")
    with pytest.raises(ConfigError, match="No run has quantiles"):
        plot_quantiles(plain)
    with pytest.raises(ConfigError, match="No run has quantiles"):
        QuantileReport().table("t", [Record("a", {}, {}, plain)])
