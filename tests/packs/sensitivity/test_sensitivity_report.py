"""The report of robustness to what is not observed: its tables, and contours with the numbers of the table."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE

from digicarbon.diagnostic import OmittedVariable, Oster
from digicarbon.errors import ConfigError
from digicarbon.packs.sensitivity.report.sensitivity import Sensitivity
from digicarbon.report import Record
from digicarbon.report.picture import rendered
from digicarbon.result import Result

MODEL = dc.PanelRegression(y="ln_gsp", x=("ln_pcap",), controls=("ln_pc", "unemp"), effects="unit", cov="cluster")


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    frame = pd.read_csv(REFERENCE / "produc.csv")
    logs = {f"ln_{name}": np.log(frame[name]) for name in ("gsp", "pcap", "pc")}
    panel = dc.Panel.from_frame(frame.assign(**logs), unit="state", time="year")
    return {**Oster(model=MODEL, draws=99).tables(panel), **OmittedVariable(model=MODEL).tables(panel)}


def records(*some: dict[str, pd.DataFrame]) -> list[Record]:
    results = [Result("fe_unit", "ln_gsp", focal=("ln_pcap",), tables=tables) for tables in some]
    return [Record(f"run {place}", {}, {}, result, None, False) for place, result in enumerate(results)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_three_tables_are_below_each_other(tables: dict[str, pd.DataFrame], language: str) -> None:
    table = Sensitivity(language=language).table("Robustness", records(tables))
    parts = [table]
    while parts[-1].below is not None:
        parts.append(parts[-1].below)
    sizes = [part.cells.shape for part in parts]
    assert sizes == [tables[name].shape for name in ("oster", "omitted_variable", "omitted_variable_benchmarks")]
    # no column and no row is called as in the table of numbers
    for part in parts:
        assert not [head for head in (*part.cells.columns, *part.cells.index) if "_" in head and "ln_" not in head]


def test_without_a_diagnostic_the_report_names_those_that_it_shows() -> None:
    with pytest.raises(ConfigError, match=r"diagnostic=oster, diagnostic=omitted_variable"):
        Sensitivity().table("t", records({}))


def test_each_run_has_its_picture(tables: dict[str, pd.DataFrame]) -> None:
    assert set(Sensitivity(pictures=("svg",)).files("t", records(tables))) == {"contours.svg"}
    two = Sensitivity(pictures=("svg",)).files("t", records(tables, tables))
    assert set(two) == {"contours_run_0.svg", "contours_run_1.svg"}
    assert Sensitivity(pictures=()).files("t", records(tables)) == {}
    assert Sensitivity().files("t", records({"oster": tables["oster"]})) == {}


def test_points_are_benchmarks_and_the_dashed_line_is_where_the_robustness_value_is(
    tables: dict[str, pd.DataFrame],
) -> None:
    left, right = dc.plot_contours(tables).axes
    row, bounds = tables["omitted_variable"].iloc[0], tables["omitted_variable_benchmarks"]
    shown = bounds[(bounds[["r2dz_x", "r2yz_dx"]] <= 0.95).all(axis=1)]
    assert 0 < len(shown) < len(bounds)
    for axes, value in ((left, row["rv"]), (right, row["rv_level"])):
        points = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "D"]
        np.testing.assert_allclose(points, shown[["r2dz_x", "r2yz_dx"]])
        dashed = axes.collections[-1].get_paths()[0].vertices
        assert np.abs(dashed - value).max(axis=1).min() < 0.01


def test_the_triangle_has_a_legend_and_labels_of_lines_are_not_under_points(tables: dict[str, pd.DataFrame]) -> None:
    bare = dc.plot_contours({"omitted_variable": tables["omitted_variable"]}).axes[0]
    label = bare.texts[0]
    points = pd.DataFrame([label.get_position()], columns=["r2dz_x", "r2yz_dx"])
    points.index = pd.MultiIndex.from_tuples([("ln_pc", "1")])
    found = dc.plot_contours({**tables, "omitted_variable_benchmarks": points}).axes[0]
    assert label.get_position() not in [text.get_position() for text in found.texts]
    legend = found.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["as estimated"]


def test_a_picture_of_an_estimate_below_zero_or_without_benchmarks_is_drawn(tables: dict[str, pd.DataFrame]) -> None:
    row = tables["omitted_variable"]
    below = row.assign(coef=-row["coef"], stat=-row["stat"])
    figure = dc.plot_contours({"omitted_variable": below}, title="t", simulated=True, language="zh")
    assert "SIMULATED" in figure.get_suptitle()
    assert rendered(figure, "svg") == rendered(figure, "svg")
    assert not [line for axes in figure.axes for line in axes.lines if line.get_marker() == "D"]
    with pytest.raises(ConfigError, match=r"diagnostic=omitted_variable"):
        dc.plot_contours({})
