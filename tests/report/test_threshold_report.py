"""The report of thresholds: slopes, tests, sets and regimes, and the picture of likelihood ratios."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.errors import ConfigError
from digicarbon.numeric.threshold.estimator import critical_ratio
from digicarbon.report import Labels, Record, Table, ThresholdReport
from digicarbon.report.picture import plot_threshold
from digicarbon.result import Result
from digicarbon.source import SimulatedThreshold


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    source = SimulatedThreshold(n=50, thresholds=(-0.4, 0.5), slopes=(0.4, 1.0, 1.8))
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
    return {
        str(count): dc.PanelThreshold(y="y", x=("x",), controls=("c",), threshold="q", thresholds=count, draws=49).fit(
            panel
        )
        for count in (1, 2)
    }


def records(results: dict[str, Result]) -> list[Record]:
    return [Record(label, {}, {}, result) for label, result in results.items()]


def tables(table: Table) -> list[pd.DataFrame]:
    return [table.cells, *(tables(table.below) if table.below is not None else [])]


def test_tables_stand_below_the_slopes(results: dict[str, Result]) -> None:
    found = tables(ThresholdReport(decimals=3).table("t", records(results)))
    assert len(found) == 4
    slopes, tests, sets, regimes = found
    assert slopes.shape[1] == 2
    assert list(tests.index) == ["1: 1", "2: 1", "2: 2"]
    assert list(tests.columns) == ["F", "p value", "Critical value, 10 %", "Critical value, 5 %", "Critical value, 1 %"]
    assert tests.loc["2: 2", "F"] == f"{results['2'].statistics['threshold_f_2']:.3f}"
    assert sets.loc["1: 1", "Estimate"] == f"{results['1'].statistics['threshold_1']:.3f}"
    assert [int(value) for value in regimes.loc[["1: 1", "1: 2"], "Rows"]] == list(
        results["1"].tables["regimes"]["rows"]
    )
    chinese = tables(ThresholdReport(language="zh").table("t", records(results)))
    assert chinese[2].columns[0] == "估计值"
    single = tables(ThresholdReport().table("t", records(results)[1:]))
    assert list(single[1].index) == ["1", "2"]


def test_many_runs_have_no_tables_of_their_own(results: dict[str, Result]) -> None:
    report = ThresholdReport(most_runs=1)
    assert report.table("t", records(results)).below is None
    assert report.files("t", records(results)) == {}
    assert ThresholdReport(pictures=()).files("t", records(results)) == {}
    assert sorted(ThresholdReport(pictures=("svg",)).files("t", records(results))) == [
        "threshold_1.svg",
        "threshold_2.svg",
    ]


def test_the_picture_has_ratios_and_the_critical_line(results: dict[str, Result]) -> None:
    figure = plot_threshold(results["2"], "t", simulated=True)
    assert len(figure.axes) == 2
    points = results["2"].tables["lr"]
    for at, axes in enumerate(figure.axes, start=1):
        curve, line, estimate = axes.lines
        own = points[points["threshold"] == at]
        np.testing.assert_array_equal(curve.get_ydata(), own["ratio"])
        assert line.get_ydata()[0] == critical_ratio(0.95)
        assert estimate.get_xdata()[0] == results["2"].statistics[f"threshold_{at}"]
    assert figure.axes[-1].get_xlabel() == "q"


def test_a_sweep_of_sets_names_the_runs_of_each_note() -> None:
    panel = dc.Panel.from_frame(SimulatedThreshold(n=30).load().frame, "unit", "time")
    found = []
    for effects, sets in product(("unit", "two_way"), ("likelihood", "robust")):
        fields = {"effects": effects, "sets": sets}
        result = dc.PanelThreshold(y="y", x=("x",), threshold="q", draws=0, **fields).fit(panel)
        varied = {f"model.{name}": value for name, value in fields.items()}
        label = ", ".join(f"{key}={value}" for key, value in varied.items())
        found.append(Record(label, {}, varied, result))
    for language, words in (("en", "likelihood ratio: Sets of thresholds of 95%"), ("zh", "似然比：门槛的95%置信集")):
        notes = [str(note) for note in ThresholdReport(language=language).table("t", found).grids[0].notes]
        assert [note for note in notes if note.startswith(words)]


def test_results_without_thresholds_are_refused() -> None:
    plain = Result(kind="fe_unit", y="y")
    with pytest.raises(ConfigError, match="No run has thresholds"):
        plot_threshold(plain)
    with pytest.raises(ConfigError, match="No run has thresholds"):
        ThresholdReport().table("t", [Record("a", {}, {}, plain)])


def test_regimes_are_named_by_the_words_of_their_variable() -> None:
    words = Labels("en")
    assert words("ln_e[ln_pgdp<=1.203]") == "ln(Digital economy): ln(GDP per head) ≤ 1.203"
    assert words("ln_e[-1.2<ln_pgdp<=1e-05]") == "ln(Digital economy): -1.2 < ln(GDP per head) ≤ 1e-05"
    assert words("x[L.ln_pgdp>2]") == "x: ln(GDP per head) (lag 1) > 2"
    assert words("x[q>2]") == "x[q>2]"
    assert Labels("zh")("ln_e[ln_pgdp>2]") == "ln(数字经济): ln(人均地区生产总值) > 2"


def test_infinite_numbers_are_not_blank(results: dict[str, Result]) -> None:
    result = results["1"]
    sets = result.tables["thresholds"].assign(low=-np.inf, high=np.inf)
    unbounded = replace(result, tables={**result.tables, "thresholds": sets})
    own = tables(ThresholdReport().table("t", [Record("a", {}, {}, unbounded)]))[2]
    assert {"−∞", "∞"} <= set(own.iloc[0])
