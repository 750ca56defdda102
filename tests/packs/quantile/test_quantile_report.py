"""The report of quantiles: coefficients, location and scale, tests, and the picture."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError
from digicarbon.numeric.resampling.units import counts_of_units
from digicarbon.packs.quantile.picture.quantile import quantile_numbers
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
    coefficients, means, errors, tests, _ = tables(QuantileReport(decimals=3).table("t", records(results)))
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


def test_the_band_over_quantiles_is_that_of_the_joint_covariance(results: dict[str, Result]) -> None:
    """By draws of the largest |t| that are made one by one."""
    result = results["b"]
    numbers = quantile_numbers(result)
    assert numbers.index.names == ["term", "quantile"]
    for name in ("x", "c"):
        own = numbers.loc[name]
        places = [result.terms.index(f"{name}[{tau}]") for tau in ("0.1", "0.9")]
        covariance = result.covariance[np.ix_(places, places)]
        rng = np.random.default_rng(5)
        largest = []
        for _ in range(40_000):
            drawn = rng.multivariate_normal(np.zeros(2), covariance) / np.sqrt(rng.chisquare(39) / 39)
            largest.append(np.max(np.abs(drawn) / np.sqrt(np.diag(covariance))))
        assert result.inference.df == 39
        critical = own["uniform_critical"].iloc[0]
        assert critical == pytest.approx(np.quantile(largest, 0.95), abs=0.04)
        np.testing.assert_allclose(own["high_uniform"], own["coef"] + critical * own["se"])
        assert (own["low_uniform"] < own["low"]).all()


def test_the_band_of_bootstrap_errors_is_from_their_samples() -> None:
    frame = SimulatedQuantiles(n=40).load().frame
    panel = dc.Panel.from_frame(frame, "unit", "time")
    model = dc.PanelQuantile(
        effects="unit", y="y", x=("x",), quantiles=(0.1, 0.5, 0.9), errors="bootstrap", bootstrap_draws=39
    )
    result = model.fit(panel)
    plain = model.model_copy(update={"errors": "analytic"})
    drawn = []
    for counts in counts_of_units(40, 39, np.random.default_rng(model.seed)).reshape(39, 40).astype(int):
        copies = [
            frame[frame["unit"] == unit].assign(unit=f"{unit}/{copy}")
            for unit, count in zip(panel.units, counts, strict=True)
            for copy in range(count)
        ]
        sample = dc.Panel.from_frame(pd.concat(copies), "unit", "time")
        drawn.append(plain.fit(sample).coef)
    spread = np.std(drawn, axis=0, ddof=1)
    largest = np.sort(np.abs((np.array(drawn) - result.coef) / spread).max(axis=1))
    # of 39 samples two are as large as the value or larger: 0.05 · (39 + 1)
    assert result.statistics["uniform_critical.x"] == pytest.approx(largest[-2])
    own = quantile_numbers(result).loc["x"]
    np.testing.assert_allclose(own["uniform_critical"], largest[-2])


def test_a_table_shows_the_band_that_is_asked_for(results: dict[str, Result]) -> None:
    own = records(results)[:1]
    for band, end, code in (("pointwise", "low", "of one at a time"), ("uniform", "low_uniform", "are a uniform band")):
        table = QuantileReport(band=band, decimals=3).table("t", own)
        assert any(code in note for note in table.notes)
        assert any("simulated from the joint covariance" in note for note in table.notes)
        shown = tables(table)[-1]
        assert list(shown.index) == ["x[0.1]", "x[0.9]"]
        value = quantile_numbers(results["a"]).loc[("x", "0.1"), end]
        assert shown.iloc[0, 1] == f"{value:z.3f}"
