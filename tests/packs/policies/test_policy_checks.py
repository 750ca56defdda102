"""Checks of a policy: pictures have the numbers of the tables, the report has a table for each check."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from scipy.stats import gaussian_kde

from digicarbon.diagnostic import GoodmanBacon, Leads, PlaceboInSpace, PlaceboInTime
from digicarbon.errors import ConfigError
from digicarbon.packs.policies.picture.policy import KINDS, density
from digicarbon.panel import PanelDesign
from digicarbon.report import DiagnosticTable, PolicyChecks, Record
from digicarbon.report.picture import rendered
from digicarbon.result import Result
from digicarbon.source import SimulatedPolicy

MODEL = dc.DiD(y="y", policy="pilot")


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    source = SimulatedPolicy(n=40, periods=9, first_year=2009, cohorts=(2012, 2014), world="heterogeneous", seed=3)
    return PanelDesign(policy={"pilot": "adopted"}).assemble(source.load().frame, "unit", "year")


@pytest.fixture(scope="module")
def tables(panel: dc.Panel) -> dict[str, pd.DataFrame]:
    made: dict[str, pd.DataFrame] = {}
    for diagnostic in (GoodmanBacon(model=MODEL), PlaceboInSpace(model=MODEL, draws=99), Leads(model=MODEL)):
        made |= diagnostic.tables(panel)
    return made | dict(PlaceboInTime(model=MODEL).tables(panel))


def records(panel: dc.Panel, *some: dict[str, pd.DataFrame]) -> list[Record]:
    results = [Result("did_twfe", "y", focal=("pilot",), tables=tables) for tables in some]
    return [Record(f"run {place}", {}, {}, result, lambda: panel, True) for place, result in enumerate(results)]


def test_bacon_has_a_point_for_each_pair_and_the_coefficient_as_a_line(tables: dict[str, pd.DataFrame]) -> None:
    (axes,) = dc.plot_bacon(tables).axes
    pairs = tables["bacon_pairs"]
    drawn = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert sum(len(line.get_xdata()) for line in drawn) == len(pairs) == 4
    points = sorted((x, y) for line in drawn for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True))
    assert points == sorted(zip(pairs["weight"], pairs["estimate"], strict=True))
    levels = [line.get_ydata()[0] for line in axes.lines if line not in drawn]
    assert levels[1] == pytest.approx(coefficient(tables), abs=1e-12)
    assert {text.get_text() for text in axes.texts} == {"2012 / never", "2014 / never", "2012 / 2014", "2014 / 2012"}
    # kinds differ by marker, and those that mislead are hollow
    assert len({marker for _, marker in KINDS.values()}) == len(KINDS)
    hollow = {line.get_marker() for line in drawn if line.get_markerfacecolor() == "white"}
    assert hollow == {KINDS["already"][1]}


@pytest.mark.parametrize("name", ["placebo_time", "placebo_space", "honest_bounds"])
def test_a_check_says_what_its_rows_are(name: str, panel: dc.Panel, tables: dict[str, pd.DataFrame]) -> None:
    heads = {
        "placebo_time": ("Periods earlier", "提前期数"),
        "placebo_space": ("Term", "变量"),
        "honest_bounds": ("Size", "大小"),
    }
    bounds = pd.DataFrame({"coef": [1.0]}, index=pd.Index([0.5], name="size"))
    runs = records(panel, tables | {"honest_bounds": bounds})
    for language, head in zip(("en", "zh"), heads[name], strict=True):
        assert DiagnosticTable(name=name, language=language).table("t", runs).corners == (head,)


def coefficient(tables: dict[str, pd.DataFrame]) -> float:
    return float((tables["bacon_pairs"]["weight"] * tables["bacon_pairs"]["estimate"]).sum())


def test_placebos_are_points_with_their_p_and_the_estimate_a_line_in_both_panels(tables: dict[str, Any]) -> None:
    above, below = dc.plot_placebo(tables, level=0.05).axes
    draws = tables["placebo_space_draws"]
    (points,) = (line for line in below.lines if line.get_marker() == "o")
    np.testing.assert_array_equal(points.get_xdata(), draws["coef"])
    np.testing.assert_array_equal(points.get_ydata(), draws["p"])
    estimate = float(tables["placebo_space"]["coef"].iloc[0])
    for axes in (above, below):
        assert any(list(line.get_xdata()) == [estimate, estimate] for line in axes.lines)
    assert any(list(line.get_ydata()) == [0.05, 0.05] for line in below.lines)
    # the histogram and the density have an area of one
    assert sum(bar.get_width() * bar.get_height() for bar in above.patches) == pytest.approx(1)


def test_the_density_is_that_of_a_normal_kernel() -> None:
    values, grid = np.random.default_rng(1).standard_normal(300), np.linspace(-4, 4, 81)
    low, high = np.quantile(values, [0.25, 0.75])
    spread = values.std(ddof=1)
    width = 0.9 * min(spread, (high - low) / 1.34) * 300**-0.2
    np.testing.assert_allclose(density(values, grid), gaussian_kde(values, width / spread)(grid), rtol=1e-10)


def test_equal_placebos_and_lost_draws_are_drawn(tables: dict[str, pd.DataFrame]) -> None:
    draws = tables["placebo_space_draws"]
    same = draws.assign(coef=0.5)
    same.iloc[0, 0] = np.nan
    above, below = dc.plot_placebo(tables | {"placebo_space_draws": same}).axes
    (points,) = (line for line in below.lines if line.get_marker() == "o")
    assert len(points.get_xdata()) == len(draws) - 1
    assert "98" in above.get_ylabel()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pictures_say_that_data_are_simulated(tables: dict[str, pd.DataFrame], language: Any) -> None:
    for plot in (dc.plot_bacon, dc.plot_placebo):
        figure = plot(tables, title="t", simulated=True, language=language)
        assert "SIMULATED" in figure.get_suptitle()
        assert rendered(figure, "svg") == rendered(figure, "svg")


@pytest.mark.parametrize(("plot", "option"), [(dc.plot_bacon, "bacon"), (dc.plot_placebo, "placebo_space")])
def test_a_picture_names_the_diagnostic_that_it_needs(plot: Any, option: str) -> None:
    with pytest.raises(ConfigError, match=f"diagnostic={option}"):
        plot({})


def test_the_report_has_a_table_for_each_check(panel: dc.Panel, tables: dict[str, pd.DataFrame]) -> None:
    runs = records(panel, tables)
    table = PolicyChecks().table("Checks", runs)
    titles = []
    below: Any = table
    while below is not None:
        titles.append(below.title)
        below = below.below
    assert titles == [
        "Checks: Effects before the policy",
        "What one dummy compares",
        "Weights of effects in one dummy",
        "The policy at earlier times",
        "The policy of other units",
    ]
    assert set(PolicyChecks(pictures=("svg",)).files("Checks", runs)) == {"bacon.svg", "placebo_space.svg"}
    assert PolicyChecks(pictures=()).files("Checks", runs) == {}
    two = records(panel, tables, {name: tables[name] for name in ("bacon", "bacon_pairs")})
    files = PolicyChecks(pictures=("svg",)).files("Checks", two)
    assert set(files) == {"bacon_run_0.svg", "bacon_run_1.svg", "placebo_space.svg"}


def test_the_report_says_which_diagnostics_there_are(panel: dc.Panel) -> None:
    with pytest.raises(ConfigError, match=r"diagnostic=leads, diagnostic=bacon.*diagnostic=honest"):
        PolicyChecks().table("t", records(panel, {}))
