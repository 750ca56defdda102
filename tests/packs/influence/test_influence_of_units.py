"""What clusters weigh in a coefficient: against fits without each, against formulas, and as a report."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from classic import GroupedRegression
from conftest import REFERENCE

from digicarbon.diagnostic import Influence
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.cluster_leverage import influence as influence_of
from digicarbon.report import InfluenceTables, Record
from digicarbon.report.picture import rendered
from digicarbon.result import Result

TERMS: dict[str, Any] = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "ln_emp", "unemp")}
MODEL = dc.PanelRegression(**TERMS, cov="cluster")


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    frame = pd.read_csv(REFERENCE / "produc.csv")
    logs = {f"ln_{name}": np.log(frame[name]) for name in ("gsp", "pcap", "pc", "emp")}
    more = {"letter": frame["state"].str[0], "size": frame["emp"] / 1000}
    return dc.Panel.from_frame(frame.assign(**logs, **more), unit="state", time="year", gaps="keep")


def without(panel: dc.Panel, column: str, value: str) -> dc.Panel:
    labels, codes = panel.levels(column)
    return panel.rows(codes != labels.index(value))


@pytest.mark.parametrize(
    ("fields", "cluster"),
    [
        ({"effects": "two_way"}, "unit"),
        ({"effects": "two_way"}, "time"),
        ({"effects": "unit"}, "letter"),
        ({"effects": "none"}, "letter"),
        ({"effects": "two_way", "observation_weights": "size"}, "unit"),
        ({"effects": "two_way", "absorb": ["letter^year"]}, "letter"),
        ({"effects": "unit", "trends": "unit"}, "unit"),
        ({"effects": "unit", "estimator": "lsdv"}, "unit"),
    ],
    ids=str,
)
def test_a_coefficient_without_a_cluster_is_that_of_a_fit_without_it(
    panel: dc.Panel, fields: dict[str, Any], cluster: str
) -> None:
    gaps = panel.rows(np.arange(len(panel.unit_codes)) % 29 != 3)
    model = dc.PanelRegression(**TERMS, **fields)
    found = dc.influence(model, gaps, cluster=cluster)
    assert list(found.index) == list(gaps.levels(cluster)[0])
    coef = model.fit(gaps).estimates.loc["ln_pcap", "coef"]
    for label in found.index[[0, 1, 7, -1]]:
        again = model.fit(without(gaps, cluster, label)).estimates.loc["ln_pcap", "coef"]
        assert found.loc[label, "coef_without"] == pytest.approx(again, rel=1e-7)
        assert found.loc[label, "change"] == pytest.approx(again - coef, rel=1e-6, abs=1e-9)


def test_the_summary_is_made_of_the_rows(panel: dc.Panel) -> None:
    tables = Influence(model=MODEL).tables(panel)
    row, each = tables["influence_summary"].loc["ln_pcap"], tables["influence"]
    assert each["leverage"].sum() == pytest.approx(4)
    assert each["partial_leverage"].sum() == pytest.approx(1)
    assert row["largest_partial"] == pytest.approx(48 * each["partial_leverage"].max())
    assert (row["coef_lowest"], row["coef_highest"]) == (each["coef_without"].min(), each["coef_without"].max())
    np.testing.assert_allclose(each["change"] / row["se"], each["change_in_se"])
    jackknife = MODEL.model_copy(update={"small_sample": "cr3"}).fit(panel).estimates.loc["ln_pcap", "se"]
    assert row["se_jackknife"] == pytest.approx(jackknife)
    assert Influence(model=MODEL).statistics(tables)["effective"] == row["effective"]


def test_effective_numbers_are_their_formula(panel: dc.Panel) -> None:
    pooled = dc.PanelRegression(**TERMS, effects="none")
    row = Influence(model=pooled, cluster="letter").tables(panel)["influence_summary"].iloc[0]
    z = np.column_stack([np.ones(len(panel.unit_codes)), panel.array([*TERMS["x"], *TERMS["controls"]])])
    a = z @ np.linalg.inv(z.T @ z)[1]
    codes = panel.levels("letter")[1]
    for rho, name in ((0.0, "effective"), (1.0, "effective_equal")):
        gamma = []
        for cluster in range(codes.max() + 1):
            own = a[codes == cluster]
            omega = rho * np.ones((len(own), len(own))) + (1 - rho) * np.eye(len(own))
            gamma.append(own @ omega @ own)
        spread = np.std(gamma) / np.mean(gamma)
        assert row[name] == pytest.approx(len(gamma) / (1 + spread**2))


def test_equal_clusters_count_in_full_and_a_heavy_one_alone() -> None:
    groups = Groups(np.repeat(np.arange(6), 2), 6)
    x = np.tile([1.0, -1.0], 6)
    for heavy, effective in ((1.0, 6.0), (1e4, 1.0)):
        own = x * np.where(groups.codes == 2, heavy, 1.0)
        q = own[:, None] / np.linalg.norm(own)
        found = influence_of(q, np.ones(1), np.ones(12), groups)
        assert found.effective[0] == pytest.approx(effective, rel=1e-3)
        # the two rows of a cluster cancel: equal errors within it are of no account
        assert np.isnan(found.effective[1])


def test_clusters_are_those_of_the_errors_unless_others_are_named(panel: dc.Panel) -> None:
    by_letter = MODEL.model_copy(update={"cluster": "letter"})
    assert (Influence(model=by_letter).by, Influence(model=by_letter, cluster="time").by) == ("letter", "time")
    assert Influence(model=MODEL.model_copy(update={"cluster": "both"})).by == "unit"
    assert len(Influence(model=by_letter).tables(panel)["influence"]) == 18


def test_groups_have_their_own_coefficients(panel: dc.Panel) -> None:
    model = GroupedRegression(**TERMS, by={unit: "north" if unit[0] < "M" else "south" for unit in panel.units})
    found = dc.influence(model, panel, term="ln_pcap[north]")
    rest = panel.select(units=[unit for unit in panel.units if unit != "ALABAMA"])
    again = model.fit(rest).estimates.loc["ln_pcap[north]", "coef"]
    assert found.loc["ALABAMA", "coef_without"] == pytest.approx(again)


def test_a_cluster_that_alone_has_the_regressor_is_an_empty_cell(panel: dc.Panel) -> None:
    pilot = ((panel.unit_codes == 3) & (panel.period_codes > 8)).astype(float)
    model = dc.PanelRegression(y="ln_gsp", x=("pilot",), controls=("unemp",), cov="cluster")
    one = Influence(model=model)
    tables = one.tables(panel.with_columns({"pilot": pilot}))
    assert list(tables["influence"].index[tables["influence"]["coef_without"].isna()]) == ["CALIFORNIA"]
    assert np.isnan(tables["influence_summary"]["se_jackknife"]).all()
    assert "cannot be estimated without CALIFORNIA" in " ".join(map(str, one.remarks(tables)))
    # a control that one unit has alone leaves the focal coefficient as it is
    control = dc.PanelRegression(y="ln_gsp", x=("unemp",), controls=("pilot",), cov="cluster")
    assert dc.influence(control, panel.with_columns({"pilot": pilot})).notna().all().all()


def test_a_sign_that_hangs_on_single_units_is_said(panel: dc.Panel) -> None:
    y = panel.column("ln_pcap") * 0.001
    heavy = np.where(panel.unit_codes == 5, -0.5 * panel.column("ln_pcap"), 0.0)
    noise = 0.001 * np.random.default_rng(1).normal(size=len(y))
    one = Influence(model=dc.PanelRegression(y="z", x=("ln_pcap",), cov="cluster"))
    tables = one.tables(panel.with_columns({"z": y + heavy + noise}))
    assert tables["influence_summary"]["coef"].iloc[0] < 0
    assert "other one without any one of 1 cluster: CONNECTICUT." in " ".join(map(str, one.remarks(tables)))


def test_what_it_is_not_for_is_refused(panel: dc.Panel) -> None:
    with pytest.raises(ConfigError, match="This diagnostic is for regressions with fixed effects or none, and PanelIV"):
        dc.influence(dc.PanelIV(y="ln_gsp", x=("ln_pcap",), instruments=("ln_pc",)), panel)
    with pytest.raises(ConfigError, match="several focal coefficients, ln_pcap, ln_pc"):
        dc.influence(dc.PanelRegression(y="ln_gsp", x=("ln_pcap", "ln_pc")), panel)
    halves = panel.with_columns({"half": (panel.unit_codes % 2).astype(float)})
    with pytest.raises(EstimationError, match="2 clusters by half"):
        Influence(model=MODEL, cluster="half").check(halves)


def records(tables: Any, model: Influence) -> list[Record]:
    notes = model.remarks(tables)
    return [Record("run", {}, {}, Result("fe", "ln_gsp", focal=("ln_pcap",), tables=tables, notes=notes), None, False)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_has_both_tables_and_a_picture(panel: dc.Panel, language: Any) -> None:
    one = Influence(model=MODEL)
    tables = one.tables(panel)
    report = InfluenceTables(language=language, pictures=("svg",))
    table = report.table("Influence", records(tables, one))
    assert table.below is not None
    assert [len(table.cells), len(table.below.cells)] == [1, 48]
    heads = [*table.cells.columns, *table.below.cells.columns]
    assert not [head for head in heads if "_" in head]
    assert set(report.files("t", records(tables, one))) == {"influence.svg"}


def test_the_picture_has_a_point_for_each_and_names_the_ends(panel: dc.Panel) -> None:
    tables = Influence(model=MODEL).tables(panel)
    figure = dc.plot_influence(tables)
    [axes] = figure.axes
    points = axes.collections[0].get_offsets()
    np.testing.assert_allclose(points[:, 1], np.sort(tables["influence"]["coef_without"]))
    assert [text.get_text() for text in axes.texts] == ["DELAWARE", "TENNESSE"]
    assert rendered(figure, "svg").startswith(b"<?xml")
