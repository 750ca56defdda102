"""Robustness to what is not observed: PySensemakr's numbers, plain regressions, and what is refused."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE, reference

from digicarbon.diagnostic import OmittedVariable, Oster
from digicarbon.diagnostic._focal import MOST_DUMMIES, focal_of
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.note import Note
from digicarbon.panel import PanelDesign
from digicarbon.source import SimulatedPolicy

TERMS = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "ln_emp", "unemp")}
CASES = reference("produc_sensemakr")
KEYS = {"coef": "adjusted_estimate", "se": "adjusted_se", "stat": "adjusted_t"} | {
    "low": "adjusted_lower_CI",
    "high": "adjusted_upper_CI",
    "r2dz_x": "r2dz_x",
    "r2yz_dx": "r2yz_dx",
}


def states() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "produc.csv")
    logs = {f"ln_{name}": np.log(frame[name]) for name in ("gsp", "pcap", "pc", "emp")}
    half = np.where(frame["state"] < "M", "south", "north")
    return frame.assign(half=half, size=frame["emp"].rank(), **logs)


PANEL = dc.Panel.from_frame(states(), unit="state", time="year")
GAPS = dc.Panel.from_frame(states().drop(index=[5, 40, 100, 333]), unit="state", time="year", gaps="keep")


def regression(**fields: Any) -> dc.PanelRegression:
    return dc.PanelRegression(**TERMS | fields)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_robustness_values_and_benchmarks_are_those_of_sensemakr_with_dummies(case: dict[str, Any]) -> None:
    model = regression(effects=case["effects"])
    tables = OmittedVariable(model=model, q=case["q"]).tables(PANEL)
    groups = {
        " ".join(names): names for names in (one["benchmark"] for one in case["bounds"]) if isinstance(names, list)
    }
    grouped = OmittedVariable(model=model, q=case["q"], benchmarks=groups, times=(0.5, 1)).tables(PANEL)
    row, stats = tables["omitted_variable"].loc["ln_pcap"].copy(), case["stats"]
    # with q its t statistics are of what is left of the coefficient; those of the table are of zero
    row["stat"] *= case["q"]
    own = row[["coef", "se", "stat", "df", "partial_r2", "rv", "rv_level"]].to_numpy()
    other = [stats[key] for key in ("estimate", "se", "t_statistic", "dof", "r2yd_x", "rv_q", "rv_qa")]
    np.testing.assert_allclose(own, other, rtol=1e-8)
    alone = pd.concat([one["omitted_variable_benchmarks"] for one in (tables, grouped)])
    alone["stat"] -= (1 - case["q"]) * row["coef"] / alone["se"]
    for bound in case["bounds"]:
        name = bound["benchmark"]
        found = alone.loc[(name if isinstance(name, str) else " ".join(name), str(bound["times"]))]
        # sensemakr has a confounder that explains all of the outcome where a stronger one is asked for; none can exist
        possible = bound["r2yz_dx"] is not None and bound["r2yz_dx"] < 1
        assert found.notna().all() == possible, bound
        for name, key in KEYS.items():
            if possible:
                assert found[name] == pytest.approx(bound[key], rel=1e-8, abs=1e-12), (bound, name)


def explained(of: str, by: list[str], beside: list[str]) -> float:
    """Return a partial R² from two regressions with dummies of states and years."""
    dummies = pd.get_dummies(states()[["state", "year"]].astype(str)).to_numpy(float)
    rest = []
    for names in (beside, [*beside, *by]):
        right = np.column_stack([dummies, states()[names]])
        rest.append(states()[of] - right @ np.linalg.lstsq(right, states()[of], rcond=None)[0])
    return 1 - float((rest[1] ** 2).sum() / (rest[0] ** 2).sum())


def test_a_group_of_controls_is_one_benchmark() -> None:
    group = ["ln_pc", "unemp"]
    diagnostic = OmittedVariable(model=regression(), benchmarks={"both": group, "unemp": ["unemp"]}, times=(1,))
    table = diagnostic.tables(PANEL)["omitted_variable_benchmarks"]
    assert list(table.index) == [("both", "1"), ("unemp", "1")]
    of_x = explained("ln_pcap", group, ["ln_emp"])
    of_y = explained("ln_gsp", group, ["ln_emp", "ln_pcap"])
    # section 4.4 of the article, the group in place of one control
    with_x = of_x / (1 - of_x)
    shared = of_x**2 / (1 - of_x) ** 2
    with_y = ((1 + np.sqrt(shared)) / np.sqrt(1 - shared)) ** 2 * of_y / (1 - of_y)
    np.testing.assert_allclose(table.loc[("both", "1"), ["r2dz_x", "r2yz_dx"]], [with_x, with_y], rtol=1e-8)
    alone = OmittedVariable(model=regression(), benchmarks=("unemp",), times=(1,)).tables(PANEL)
    pd.testing.assert_frame_equal(table.loc[["unemp"]], alone["omitted_variable_benchmarks"])
    with pytest.raises(ConfigError, match=r"diagnostic.benchmarks: ln_pcap"):
        OmittedVariable(model=regression(), benchmarks={"both": ("ln_pcap", "unemp")}).check(PANEL)


def test_numbers_of_a_run_are_among_its_statistics() -> None:
    result = regression().fit(PANEL)
    for diagnostic, places in (
        (OmittedVariable(model=regression()), {name: ("ln_pcap", name) for name in ("rv", "rv_level")}),
        (
            Oster(model=regression(), draws=99),
            {"delta": ("delta", "value"), "bias_adjusted": ("bias-adjusted coefficient", "value")},
        ),
    ):
        found = diagnostic.added(result, PANEL, None)
        table = found.tables[diagnostic.table_names[0]]
        for name, (row, column) in places.items():
            assert found.statistics[name] == table.loc[row, column]
        assert {name: found.statistics[name] for name in result.statistics} == result.statistics
        assert set(diagnostic.notes) <= set(found.notes)


def test_the_dummies_of_a_control_are_one_group() -> None:
    model = regression(controls=("ln_pc", "C(half)"), effects="time")
    table = OmittedVariable(model=model, benchmarks=("C(half)", "ln_pc"), times=(1,)).tables(PANEL)
    assert list(table["omitted_variable_benchmarks"].index) == [("C(half)", "1"), ("ln_pc", "1")]


def test_dummies_of_one_category_are_one_group_by_default() -> None:
    frame = states().assign(place=lambda each: np.array(["a", "b", "c", "d"])[each["state"].factorize()[0] % 4])
    panel = dc.Panel.from_frame(frame, unit="state", time="year")
    model = regression(controls=("ln_pc", "C(place)", "C(half)"), effects="time")
    found = OmittedVariable(model=model, times=(1,)).tables(panel)["omitted_variable_benchmarks"]
    assert list(found.index) == [("ln_pc", "1"), ("C(place)", "1"), ("half[south]", "1")]
    given = OmittedVariable(model=model, times=(1,), benchmarks=("ln_pc", "C(place)", "C(half)")).tables(panel)
    np.testing.assert_array_equal(found, given["omitted_variable_benchmarks"])
    with pytest.raises(ConfigError, match=r"There are: ln_pc, C\(place\), half\[south\]"):
        OmittedVariable(model=model, benchmarks=("other",)).check(panel)
    among = regression(x=("C(place)",), controls=("ln_pc",), effects="time")
    names = OmittedVariable(model=among, term="place[b]").groups(focal_of(among, panel, "place[b]", None))
    assert list(names) == ["place[c]", "place[d]", "ln_pc"]


def test_controls_that_are_all_in_both_regressions_leave_nothing_to_compare() -> None:
    with pytest.raises(
        ConfigError, match=r"diagnostic\.always has all of them in both regressions \(ln_pc, ln_emp, une"
    ):
        Oster(model=regression(), always=("ln_pc", "ln_emp", "unemp")).check(PANEL)
    with pytest.raises(ConfigError, match="the model has none"):
        Oster(model=regression(controls=())).check(PANEL)


def test_other_standard_errors_scale_those_of_the_confounder_alone() -> None:
    classic, clustered = (OmittedVariable(model=regression(effects="unit", cov=cov)) for cov in ("classic", "cluster"))
    plain, own = classic.tables(PANEL), clustered.tables(PANEL)
    for name in ("coef", "partial_r2", "rv"):
        np.testing.assert_allclose(own["omitted_variable"][name], plain["omitted_variable"][name], rtol=1e-12)
    ratio = float((own["omitted_variable"]["se"] / plain["omitted_variable"]["se"]).iloc[0])
    assert own["omitted_variable"]["scale"].iloc[0] == pytest.approx(ratio)
    one, other = (tables["omitted_variable_benchmarks"] for tables in (own, plain))
    np.testing.assert_allclose(one["se"], ratio * other["se"], rtol=1e-12)
    np.testing.assert_allclose(one["coef"], other["coef"], rtol=1e-12)
    codes = [[note.code for note in each.remarks(tables)] for each, tables in ((classic, plain), (clustered, own))]
    assert "omitted_variable_scaled" not in codes[0]
    assert "omitted_variable_scaled" in codes[1]


def test_cells_of_confounders_that_cannot_be_are_empty_and_a_note_says_so() -> None:
    diagnostic = OmittedVariable(model=regression(effects="none"))
    tables = diagnostic.tables(PANEL)
    assert tables["omitted_variable_benchmarks"].loc["ln_emp"].isna().all(axis=None)
    last = str(diagnostic.remarks(tables)[-1])
    assert "ln_emp, 1 times; ln_emp, 2 times; ln_emp, 3 times" in last
    weak = OmittedVariable(model=regression(effects="none"), benchmarks=("unemp",))
    assert "omitted_variable_impossible" not in {note.code for note in weak.remarks(weak.tables(PANEL))}


def test_a_confounder_that_explains_more_than_all_of_the_outcome_is_no_row() -> None:
    """Where k times the control's share would be above one, there is neither a standard error of zero nor a t of -∞."""
    rng = np.random.default_rng(2)
    c, x = rng.normal(size=(2, 120))
    y = 0.2 * x + 2 * c + rng.normal(size=120)
    keys = {"u": np.repeat(np.arange(20), 6), "t": np.tile(np.arange(6), 20)}
    panel = dc.Panel.from_frame(pd.DataFrame({**keys, "y": y, "x": x + 0.3 * c, "c": c}), unit="u", time="t")
    model = dc.PanelRegression(y="y", x=("x",), controls=("c",), cov="classic")
    diagnostic = OmittedVariable(model=model, times=(0.1, 0.2, 1, 2))
    tables = diagnostic.tables(panel)
    rows = tables["omitted_variable_benchmarks"].loc["c"]
    assert (rows["se"].dropna() > 0).all()
    assert np.isfinite(rows.loc[["0.1", "0.2"]]).all(axis=None)
    assert rows.loc[["1", "2"]].isna().all(axis=None)
    assert "c, 1 times; c, 2 times. No confounder" in str(diagnostic.remarks(tables)[-1])


def fitted(panel: dc.Panel, controls: tuple[str, ...], **fields: Any) -> tuple[float, float]:
    found = regression(controls=controls, **fields).fit(panel)
    return float(found.estimates.loc["ln_pcap", "coef"]), float(found.statistics["r2_within"])


@pytest.mark.parametrize("effects", ["unit", "time", "two_way"])
@pytest.mark.parametrize("panel", [PANEL, GAPS], ids=["balanced", "gaps"])
def test_short_and_long_regression_are_those_of_the_model(effects: Any, panel: dc.Panel) -> None:
    table = Oster(model=regression(effects=effects, cov="cluster"), draws=99).tables(panel)["oster"]["value"]
    for name, controls in (("without", ()), ("with", TERMS["controls"])):
        coef, r2 = fitted(panel, tuple(controls), effects=effects)
        assert table[f"coefficient {name} controls"] == pytest.approx(coef)
        if effects == "unit":
            assert table[f"R² {name} controls"] == pytest.approx(r2)
    assert table["lower bound"] <= table["upper bound"]
    assert {table["lower bound"], table["upper bound"]} == {
        table["coefficient with controls"],
        table["bias-adjusted coefficient"],
    }


def test_controls_that_are_always_there_are_in_both_regressions() -> None:
    table = Oster(model=regression(effects="unit"), always=("ln_pc",), draws=99).tables(PANEL)["oster"]["value"]
    assert table["coefficient without controls"] == pytest.approx(fitted(PANEL, ("ln_pc",), effects="unit")[0])
    assert table["coefficient with controls"] == pytest.approx(fitted(PANEL, TERMS["controls"], effects="unit")[0])


@pytest.mark.long
@pytest.mark.parametrize(
    ("effects", "fields"),
    [
        ("none", {}),
        ("unit", {}),
        ("time", {"observation_weights": "size"}),
        ("two_way", {"observation_weights": "size"}),
        ("two_way", {"absorb": ("half^year",), "observation_weights": "size"}),
        ("none", {"absorb": ("half^year",)}),
        ("unit", {"trends": "unit"}),
    ],
)
def test_intervals_are_percentiles_over_samples_of_whole_units(effects: Any, fields: dict[str, Any]) -> None:
    """Each sample is a panel of its own, its copies of a unit are units of their own; all is fitted as the model is."""
    draws, seed = 99, 5
    own = Oster(model=regression(effects=effects, **fields), draws=draws, seed=seed).tables(GAPS)["oster"]
    frame, units = states().drop(index=[5, 40, 100, 333]), GAPS.units
    rows = {unit: part for unit, part in frame.groupby("state")}
    times = np.random.default_rng(seed).multinomial(len(units), np.full(len(units), 1 / len(units)), size=draws)
    numbers = []
    for counts in times:
        chosen = [unit for unit, count in zip(units, counts, strict=True) for _ in range(count)]
        parts = [rows[unit].assign(state=f"{place:03d}") for place, unit in enumerate(chosen)]
        panel = dc.Panel.from_frame(pd.concat(parts), unit="state", time="year", gaps="keep")
        one = Oster(model=regression(effects=effects, **fields), draws=99).tables(panel)["oster"]["value"]
        numbers.append(one)
    drawn = pd.DataFrame(numbers)
    for name in own.index.drop("largest R²"):
        low, high = np.quantile(drawn[name], [0.025, 0.975])
        np.testing.assert_allclose(own.loc[name, ["low", "high"]], [low, high], rtol=1e-6, atol=1e-9)


def test_many_further_effects_have_no_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    diagnostic = Oster(model=regression(absorb=("half^year",)), draws=99)
    tables = diagnostic.tables(GAPS)
    assert Note("oster_without_samples", most=MOST_DUMMIES) not in diagnostic.remarks(tables)
    monkeypatch.setattr("digicarbon.diagnostic._focal.MOST_DUMMIES", 33)
    without = diagnostic.tables(GAPS)
    pd.testing.assert_series_equal(without["oster"]["value"], tables["oster"]["value"])
    assert without["oster"][["low", "high"]].isna().all(axis=None)
    codes = [note.code for note in diagnostic.remarks(without)]
    assert "oster_without_samples" in codes
    assert "oster_bootstrap" not in codes


def test_a_regressor_that_was_dropped_has_no_numbers() -> None:
    panel = PANEL.with_columns({"double": 2 * PANEL.column("ln_pcap")})
    model = regression(x=("ln_pcap", "double"), collinear="drop")
    for term in (None, "ln_pcap"):
        assert list(OmittedVariable(model=model, term=term).tables(panel)["omitted_variable"].index) == ["ln_pcap"]
    with pytest.raises(ConfigError, match="double"):
        OmittedVariable(model=model, term="double").check(panel)


def test_a_policy_in_one_dummy_and_lsdv_are_regressions_too() -> None:
    source = SimulatedPolicy(n=40, periods=9, first_year=2009, cohorts=(2012, 2014), seed=3)
    panel = PanelDesign(policy={"pilot": "adopted"}).assemble(source.load().frame, "unit", "year")
    model = dc.DiD(y="y", policy="pilot")
    table = OmittedVariable(model=model).tables(panel)["omitted_variable"]
    np.testing.assert_allclose(
        table.loc["pilot", ["coef", "se"]], model.fit(panel).estimates.loc["pilot", ["coef", "se"]]
    )
    with pytest.raises(ConfigError, match="DiD"):
        OmittedVariable(model=dc.DiD(y="y", policy="pilot", estimator="imputation")).check(panel)
    one, other = (
        Oster(model=regression(effects="unit", estimator=name), draws=99).tables(PANEL)["oster"]
        for name in ("within", "lsdv")
    )
    pd.testing.assert_frame_equal(one, other)


def test_one_of_several_focal_coefficients_is_named() -> None:
    model = regression(x=("ln_pcap", "ln_pc"), controls=("unemp",), effects="unit")
    for kind in (Oster, OmittedVariable):
        with pytest.raises(ConfigError, match=r"diagnostic.term"):
            kind(model=model).check(PANEL)
        with pytest.raises(ConfigError, match=r"Did you mean 'ln_pcap'"):
            kind(model=model, term="ln_pcapp").check(PANEL)
        kind(model=model, term="ln_pc").check(PANEL)
    table = OmittedVariable(model=model, term="ln_pc").tables(PANEL)["omitted_variable"]
    assert table["coef"].iloc[0] == pytest.approx(model.fit(PANEL).estimates.loc["ln_pc", "coef"])


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ConfigError, match="DynamicPanel"):
        Oster(model=dc.DynamicPanel(**TERMS)).check(PANEL)
    with pytest.raises(ConfigError, match="PanelRegression"):
        OmittedVariable(model=regression(effects="random")).check(PANEL)
    with pytest.raises(ConfigError, match=r"model.controls"):
        Oster(model=regression(controls=())).check(PANEL)
    with pytest.raises(ConfigError, match=r"diagnostic.always: nothing"):
        Oster(model=regression(), always=("nothing",)).check(PANEL)
    with pytest.raises(ConfigError, match=r"diagnostic.benchmarks: ln_pcap"):
        OmittedVariable(model=regression(), benchmarks=("ln_pcap",)).check(PANEL)
    with pytest.raises(EstimationError, match=r"diagnostic.r_max is 0.1"):
        Oster(model=regression(effects="unit"), r_max=0.1).check(PANEL)
    without = OmittedVariable(model=regression(controls=())).tables(PANEL)
    assert set(without) == {"omitted_variable"}


def test_samples_in_which_a_rare_policy_does_not_vary_are_left_out() -> None:
    rng = np.random.default_rng(3)
    unit, year = np.repeat(np.arange(20), 6), np.tile(np.arange(6), 20)
    policy = ((unit < 2) & (year > 2)).astype(float)
    c = rng.normal(size=120) - policy
    frame = pd.DataFrame({"u": unit, "t": year, "d": policy, "c": c, "y": policy + c + rng.normal(size=120)})
    model = dc.PanelRegression(y="y", x=("d",), controls=("c",), effects="two_way")
    table = Oster(model=model, draws=99).tables(dc.Panel.from_frame(frame, "u", "t"))["oster"]
    # the policy has two units: one sample in eight has neither, and would have a coefficient of rounding errors
    assert table.loc["coefficient without controls", ["low", "high"]].abs().max() < 10
