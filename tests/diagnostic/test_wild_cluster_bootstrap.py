"""The wild cluster bootstrap of models: terms, clusters, invariances and sentences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import WildClusterBootstrap
from digicarbon.diagnostic._rows import in_english
from digicarbon.errors import ConfigError, DataError, EstimationError
from digicarbon.note import Note
from digicarbon.report import DiagnosticTable, RegressionTable
from digicarbon.report.base import Record
from digicarbon.tracking._results import decode, encode

# the same arrays summed in another order
TOLERANCE = 1e-8


def frame(units: int = 12, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    unit, period = (codes.ravel() for codes in np.indices((units, 6)))
    out = pd.DataFrame({"unit": unit + 100, "year": period})
    out["x"], out["z"] = rng.normal(size=(2, len(unit))) + rng.normal(size=units)[unit]
    out["y"] = 0.4 * out["x"] + rng.normal(size=units)[unit] + rng.normal(size=len(unit))
    out["zone"] = np.array(list("abcdef"))[unit % 6]
    return out.assign(half=np.where(unit % 2, "left", "right"), mixed=(unit + period) % 7)


def panel(data: pd.DataFrame | None = None) -> dc.Panel:
    return dc.Panel.from_frame(frame() if data is None else data, "unit", "year")


def model(**fields: Any) -> dc.PanelRegression:
    return dc.PanelRegression(**{"y": "y", "x": ("x",), "controls": ("z",), **fields})


@pytest.mark.parametrize("rule", ["stata", "none", "g", "full"])
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
@pytest.mark.parametrize("cluster", ["unit", "time"])
def test_statistic_is_the_model_s_own(effects: str, cluster: str, rule: str) -> None:
    spec = model(effects=effects, cov="cluster", cluster=cluster, small_sample=rule)
    found = dc.wild_bootstrap(spec, panel(), cluster=cluster, draws=99).loc["x"]
    expected = spec.fit(panel()).estimates.loc["x"]
    for name in ("coef", "se", "stat"):
        assert found[name] == pytest.approx(expected[name], rel=TOLERANCE)


@pytest.mark.parametrize("cluster", ["unit", "time", "zone", "mixed"])
def test_signs_are_those_of_the_clusters_of_the_model(cluster: str) -> None:
    spec = model(cov="cluster", cluster=cluster)
    own = dc.wild_bootstrap(spec, panel(), draws=99)
    pd.testing.assert_frame_equal(own, dc.wild_bootstrap(model(), panel(), cluster=cluster, draws=99))
    # errors without clusters have those of units, and what is asked of the test goes before
    without = dc.wild_bootstrap(model(cov="robust"), panel(), draws=99)
    other = dc.wild_bootstrap(spec, panel(), cluster="unit", draws=99)
    pd.testing.assert_frame_equal(without, other)


@pytest.mark.parametrize("cluster", ["both", ("zone", "year")])
def test_clusters_of_two_kinds_are_refused_unless_one_is_named(cluster: str | tuple[str, str]) -> None:
    spec = model(cov="cluster", cluster=cluster)
    with pytest.raises(ConfigError, match=r"gives each cluster of one kind a sign.*Choose unit, time or a column"):
        dc.wild_bootstrap(spec, panel(), draws=99)
    assert dc.wild_bootstrap(spec, panel(), cluster="zone", draws=99)["clusters"].iloc[0] == 6


@pytest.mark.parametrize("cluster", ["unit", "time", "zone", "mixed"])
@pytest.mark.parametrize("weights", ["rademacher", "webb"])
def test_p_does_not_depend_on_row_order_or_scale(cluster: str, weights: str) -> None:
    options = {"cluster": cluster, "weights": weights, "draws": 999}
    one = dc.wild_bootstrap(model(), panel(), **options).loc["x"]
    two = dc.wild_bootstrap(model(), panel(frame().sample(frac=1, random_state=2)), **options).loc["x"]
    three = dc.wild_bootstrap(model(), panel(frame().assign(y=lambda data: 1e6 * data["y"])), **options).loc["x"]
    assert one["p"] == two["p"] == three["p"]
    assert (two["low"], two["high"]) == pytest.approx((one["low"], one["high"]), rel=1e-6)
    assert (three["low"], three["high"]) == pytest.approx((1e6 * one["low"], 1e6 * one["high"]), rel=1e-6)


def test_an_unbalanced_panel_is_the_regression_on_dummies() -> None:
    data = frame().drop(index=[3, 17, 40])
    whole = dc.Panel.from_frame(data, "unit", "year", gaps="keep")
    found = dc.wild_bootstrap(model(), whole, cluster="zone").loc["x"]
    dummies = pd.get_dummies(data[["unit", "year"]].astype(str), dtype=float).drop(columns="year_0")
    wide = data.join(dummies)
    pooled = dc.PanelRegression(y="y", x=("x",), controls=("z", *dummies.columns[1:]), effects="none")
    same = dc.wild_bootstrap(pooled, dc.Panel.from_frame(wide, "unit", "year", gaps="keep"), "x", cluster="zone").loc[
        "x"
    ]
    assert found["draws"] == 64
    assert found["p"] == same["p"]
    assert (found["coef"], found["low"]) == pytest.approx((same["coef"], same["low"]), rel=1e-6)


def test_null_value_and_interval_belong_together() -> None:
    base = dc.wild_bootstrap(model(), panel()).loc["x"]
    at_bound = dc.wild_bootstrap(model(), panel(), "x", value=float(base["low"])).loc["x"]
    assert at_bound["p"] == pytest.approx(0.05, abs=2 / 4096)
    assert at_bound["coef"] == pytest.approx(base["coef"], rel=TOLERANCE)
    assert base["draws"] == 4096
    beyond = dc.wild_bootstrap(model(), panel(), "x", value=float(base["high"]) + 0.1).loc["x"]
    assert beyond["p"] < 0.05


def test_combinations_and_joint_tests() -> None:
    grouped = dc.GroupedRegression(y="y", x=("x",), by="half")
    every = dc.wild_bootstrap(grouped, panel())
    assert list(every.index) == ["x[left]", "x[right]", "x, all equal"]
    difference = dc.wild_bootstrap(grouped, panel(), {"x[left]": 1, "x[right]": -1})
    assert list(difference.index) == ["x[left] - x[right]"]
    result = dc.GroupedRegression(y="y", x=("x",), by="half", cov="cluster").fit(panel())
    assert difference["coef"].iloc[0] == pytest.approx(result.coef[0] - result.coef[1], rel=TOLERANCE)
    # one restriction: F is the square of t
    assert difference["stat"].iloc[0] ** 2 == pytest.approx(result.statistics["equal_f"], rel=TOLERANCE)
    # the same restriction: t and t squared, one p
    assert every["stat"].iloc[2] == pytest.approx(difference["stat"].iloc[0], rel=TOLERANCE)
    assert every["p"].iloc[2] == difference["p"].iloc[0]
    joint = dc.wild_bootstrap(grouped, panel(), ["x[left]", "x[right]"]).iloc[0]
    assert np.isnan(joint["coef"])
    assert 0 < joint["p"] < 0.2


def test_equality_of_three_groups_is_the_grouped_model_s_wald_test() -> None:
    data = frame().assign(zone=lambda table: np.array(list("abc"))[table["unit"] % 3])
    spec = {"y": "y", "x": ("x", "z"), "by": "zone"}
    found = dc.wild_bootstrap(dc.GroupedRegression(**spec), panel(data), draws=999)
    result = dc.GroupedRegression(**spec, cov="cluster").fit(panel(data))
    for term in ("x", "z"):
        row = found.loc[f"{term}, all equal"]
        assert row["stat"] == pytest.approx(2 * result.statistics[f"equal_f.{term}"], rel=TOLERANCE)
        assert 0 < row["p"] <= 1
        assert np.isnan(row["low"])


def test_few_clusters_that_a_term_touches_are_said() -> None:
    data = frame().assign(zone=lambda table: np.where(table["unit"] < 103, "small", "large"))
    grouped = dc.GroupedRegression(y="y", x=("x",), by="zone")
    text = dc.wild_bootstrap(grouped, panel(data))["null"]
    assert "It differs from zero in 3 clusters only" in text["x[small]"]
    assert "clusters only" not in text["x[large]"]


def test_five_clusters_cannot_reject() -> None:
    row = dc.wild_bootstrap(model(), panel(frame(units=5))).loc["x"]
    assert row["draws"] == 32
    assert row["p"] >= 0.0625
    assert (row["low"], row["high"]) == (-np.inf, np.inf)
    assert "No p below 0.0625 exists with so few clusters; choose weights=webb." in row["null"]


def test_diagnostic_is_the_function() -> None:
    spec = WildClusterBootstrap(model=model(), weights="webb", draws=199, seed=3, cluster="zone")
    assert spec.terms == ("y", "x", "z", "C(zone)")
    spec.check(panel())
    pd.testing.assert_frame_equal(
        in_english(spec.tables(panel())["wild_bootstrap"]),
        dc.wild_bootstrap(model(), panel(), weights="webb", draws=199, seed=3, cluster="zone"),
    )


def test_rows_of_several_terms_have_notes_as_labels() -> None:
    grouped = dc.GroupedRegression(y="y", x=("x",), by="zone")
    left, right = "x[a]", "x[b]"
    for term, label in (
        ({left: 1, right: -1}, Note("difference_of", first=left, second=right)),
        ((left, right), Note("several_terms", terms=(left, right))),
        ({left: 1, right: 2}, "x[a] + 2 x[b]"),
    ):
        table = WildClusterBootstrap(model=grouped, draws=199, term=term).tables(panel())["wild_bootstrap"]
        assert list(table.index) == [label]
        assert isinstance(table["null"].iloc[0], Note)
    last = WildClusterBootstrap(model=grouped, draws=199).tables(panel())["wild_bootstrap"].index[-1]
    assert (str(last), last.text("zh")) == ("x, all equal", "x，各组相等")


def test_sentences() -> None:
    whole = panel()
    with pytest.raises(EstimationError, match=r"2 clusters by half are too few.*inference=classic.*model=twfe_regions"):
        dc.wild_bootstrap(model(), whole, cluster="half")
    for units, words in ((2, "no p below 0.5"), (3, "no p below 0.25"), (4, "no p below 0.125")):
        match = rf"{units} clusters by unit are too few .*: with {units}, Rademacher weights give {words}\."
        with pytest.raises(EstimationError, match=match):
            dc.wild_bootstrap(model(), panel(frame(units=units)))
    with pytest.raises(ConfigError, match=r"The model has no coefficient 'xx'\. Did you mean 'x'\?"):
        dc.wild_bootstrap(model(), whole, "xx")
    with pytest.raises(
        ConfigError, match=r"weights must be one of rademacher, webb; got 'web'\. Did you mean 'webb'\?"
    ):
        dc.wild_bootstrap(model(), whole, weights="web")
    with pytest.raises(ConfigError, match="draws is 98; at least 99"):
        dc.wild_bootstrap(model(), whole, draws=98)
    with pytest.raises(ConfigError, match="tails must be one of"):
        dc.wild_bootstrap(model(), whole, tails="left")
    with pytest.raises(ConfigError, match="combination of coefficients to test is empty"):
        dc.wild_bootstrap(model(), whole, {"x": 0.0})
    with pytest.raises(ConfigError, match=r"term: \[x, x\] must name one or more coefficients, each once"):
        dc.wild_bootstrap(model(), whole, ["x", "x"])
    whole = panel(frame().assign(eighth=lambda table: table["unit"] % 8))
    grouped = dc.GroupedRegression(y="y", x=("x",), by="eighth")
    with pytest.raises(EstimationError, match="7 restrictions cannot be tested with 6 clusters"):
        dc.wild_bootstrap(grouped, whole, cluster="time")
    with pytest.raises(ConfigError, match="not for a SpatialPanel"):
        dc.wild_bootstrap(dc.SpatialPanel(y="y", x=("x",), kind="sar"), whole)
    with pytest.raises(DataError, match="no column 'zones'"):
        dc.wild_bootstrap(model(), whole, cluster="zones")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"value": float("nan")}, "value must be a finite number; got nan"),
        ({"value": np.inf}, "value must be a finite number; got inf"),
        ({"value": "a"}, "value must be a finite number; got 'a'"),
        ({"value": True}, "value must be a finite number"),
        ({"level": 95}, r"level must lie between 0 and 1, e\.g\. 0\.95; got 95\. 95 per cent is level=0\.95"),
        ({"level": 0}, "level must lie between 0 and 1"),
        ({"level": "high"}, "level must be a finite number; got 'high'"),
        ({"seed": -1}, "seed must be a whole number of at least 0; got -1"),
        ({"seed": 0.5}, r"seed must be a whole number of at least 0; got 0\.5"),
        ({"draws": "many"}, "draws must be a whole number; got 'many'"),
        ({"term": 3}, "term must be a coefficient's name, several in a list, or a mapping"),
        ({"term": {"x": float("nan")}}, "term: the factor of x must be a finite number; got nan"),
        ({"term": {"x": "a"}}, "term: the factor of x must be a finite number; got 'a'"),
    ],
)
def test_wrong_arguments_are_one_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        dc.wild_bootstrap(model(), panel(), **arguments)
    assert "\n" not in str(caught.value)


def test_a_column_with_a_value_per_row_is_no_cluster() -> None:
    for check in (
        lambda: dc.wild_bootstrap(model(), panel(), cluster="z"),
        lambda: WildClusterBootstrap(model=model(), cluster="z").check(panel()),
    ):
        with pytest.raises(DataError, match=r"column 'z' has another value in each of 72 rows.*cluster=unit"):
            check()


def test_units_with_one_row_each_make_the_bootstrap_for_heteroskedasticity() -> None:
    """A cross-section: its own clusters are single rows, and the statistic has White's standard error."""
    data = frame(units=30).query("year == 0")
    spec = model(effects="none", cov="robust")
    found = dc.wild_bootstrap(spec, panel(data), draws=199).loc["x"]
    assert "Each cluster is one observation: it is the wild bootstrap for heteroskedasticity." in found["null"]
    # Stata's factor for 30 clusters is 30/29 · 29/(30 - k), White's 30/(30 - k)
    assert found["se"] == pytest.approx(spec.fit(panel(data)).estimates.loc["x", "se"], rel=TOLERANCE)
    assert "one observation" not in dc.wild_bootstrap(spec, panel(), draws=199).loc["x", "null"]


def test_the_table_names_its_own_standard_errors_and_not_the_models() -> None:
    model = dc.PanelRegression(y="y", x=("x",), effects="unit", cov="classic")
    diagnostic = WildClusterBootstrap(model=model, cluster="time", draws=199)
    result = replace(model.fit(panel()), tables=diagnostic.tables(panel()), table_errors=diagnostic.table_errors)
    assert "Standard errors: classic." in RegressionTable().table("t", [Record("a", {}, {}, result)]).notes
    table = DiagnosticTable(name="wild_bootstrap").table("t", [Record("a", {}, {}, decode(encode(result)))])
    assert not any("classic" in note for note in table.notes)
    assert table.notes[0].startswith("Standard errors of this table: clustered by time")
    chinese = DiagnosticTable(name="wild_bootstrap", language="zh").table("t", [Record("a", {}, {}, result)])
    assert chinese.notes[0].startswith("本表标准误：聚类到时期")
