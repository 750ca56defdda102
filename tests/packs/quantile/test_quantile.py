"""Panel quantile regression: its terms, tables and errors, and what it refuses."""

from __future__ import annotations

import re

import classic as dc
import numpy as np
import pytest

from digicarbon.errors import ConfigError, EstimationError
from digicarbon.source import SimulatedQuantiles

TERMS = {"y": "y", "x": ("x",), "controls": ("c",)}
TAUS = (0.1, 0.25, 0.5, 0.75, 0.9)


def panel_of(**fields: object) -> dc.Panel:
    return dc.Panel.from_frame(SimulatedQuantiles(**fields).load().frame, "unit", "time")


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    return panel_of(n=120, periods=20)


def test_terms_are_values_of_their_variable(panel: dc.Panel) -> None:
    result = dc.PanelQuantile(effects="unit", **TERMS).fit(panel)
    assert result.focal == tuple(f"x[{tau}]" for tau in TAUS)
    assert result.terms == (*result.focal, *(f"c[{tau}]" for tau in TAUS))
    parts = [role.made_of[0] for role in result.roles[:5]]
    assert [(part.variable, part.number) for part in parts] == [("x", tau) for tau in TAUS]
    assert result.effect(dc.result.RunEffect()) is None
    assert result.effect(dc.result.RunEffect(term="x[0.9]")) is not None
    pooled = dc.PanelQuantile(**TERMS, effects="none").fit(panel)
    assert [role.kind for role in pooled.roles[:5]] == ["constant"] * 5


def test_coefficients_are_location_and_scale(panel: dc.Panel) -> None:
    for effects in ("none", "unit", "time", "two_way"):
        result = dc.PanelQuantile(**TERMS, effects=effects).fit(panel)
        means, errors = result.tables["location_scale"], result.tables["quantiles"]
        for place, tau in enumerate(TAUS):
            b = means["in_location"] + means["in_scale"] * errors["error_quantile"].iloc[place]
            np.testing.assert_allclose(result.estimates.loc[[f"{name}[{tau}]" for name in means.index], "coef"], b)
        plain = dc.PanelRegression(**TERMS, effects=effects, cov="cluster").fit(panel)
        np.testing.assert_allclose(means["in_location"], plain.coef)
        np.testing.assert_allclose(means["in_location_se"], plain.estimates["se"])


@pytest.mark.parametrize("cov", [{"cov": "robust"}, {"cluster": "time"}, {"cluster": "both"}, {"small_sample": "sss"}])
def test_errors_of_the_location_are_those_of_the_regression(panel: dc.Panel, cov: dict[str, str]) -> None:
    result = dc.PanelQuantile(**TERMS, effects="two_way", **cov).fit(panel)
    plain = dc.PanelRegression(**TERMS, effects="two_way", **{"cov": "cluster"} | cov).fit(panel)
    np.testing.assert_allclose(result.tables["location_scale"]["in_location_se"], plain.estimates["se"])
    assert result.inference.df == plain.inference.df
    assert result.errors_note == plain.errors_note


@pytest.mark.parametrize("clusters", ["region", ("region", "time"), ("region", "half")])
def test_clusters_of_columns(panel: dc.Panel, clusters: str | tuple[str, str]) -> None:
    groups = {"region": panel.unit_codes // 10, "half": panel.period_codes // 2, "one": panel.unit_codes}
    grouped = panel.with_columns({name: codes.astype(float) for name, codes in groups.items()})
    result = dc.PanelQuantile(effects="unit", **TERMS, cluster=clusters).fit(grouped)
    plain = dc.PanelRegression(**TERMS, effects="unit", cov="cluster", cluster=clusters).fit(grouped)
    # what makes a difference of covariances definite depends on all that is in it
    tolerance = 1e-3 if result.has_note("covariance_repaired") else 1e-7
    np.testing.assert_allclose(result.tables["location_scale"]["in_location_se"], plain.estimates["se"], tolerance)
    assert (result.inference.df, result.errors_note) == (plain.inference.df, plain.errors_note)
    # a column of units is the units, at every quantile
    by_unit, by_column = (dc.PanelQuantile(effects="unit", **TERMS, cluster=by).fit(grouped) for by in ("unit", "one"))
    np.testing.assert_allclose(by_column.covariance, by_unit.covariance)
    assert np.abs(result.covariance / by_unit.covariance - 1).max() > 0.01


def test_the_bootstrap_has_no_clusters_of_a_column() -> None:
    with pytest.raises(ConfigError, match="cluster=region; it offers unit"):
        dc.PanelQuantile(effects="unit", **TERMS, cluster="region", errors="bootstrap", bootstrap_draws=20)


@pytest.mark.parametrize("source", [{"errors": "normal"}, {"errors": "skewed", "memory": 0.5}])
def test_analytic_errors_are_near_those_of_the_bootstrap_and_the_truth_is_found(source: dict[str, object]) -> None:
    drawn = SimulatedQuantiles(n=250, periods=30, seed=2, **source)
    panel = dc.Panel.from_frame(drawn.load().frame, "unit", "time")
    analytic = dc.PanelQuantile(effects="unit", **TERMS).fit(panel)
    bootstrap = dc.PanelQuantile(effects="unit", **TERMS, errors="bootstrap", bootstrap_draws=200).fit(panel)
    np.testing.assert_array_equal(analytic.coef, bootstrap.coef)
    np.testing.assert_allclose(bootstrap.estimates["se"] / analytic.estimates["se"], 1, atol=0.2)
    np.testing.assert_allclose(bootstrap.tables["quantiles"]["se"] / analytic.tables["quantiles"]["se"], 1, atol=0.35)
    fields = {"errors": "bootstrap", "bootstrap_draws": 200, "bias": "half_panel"}
    resampled = dc.PanelQuantile(effects="unit", **TERMS, **fields).fit(panel).estimates
    corrected = dc.PanelQuantile(effects="unit", **TERMS, bias="half_panel").fit(panel).estimates
    np.testing.assert_allclose(resampled["coef"], corrected["coef"])
    np.testing.assert_allclose(resampled["se"] / corrected["se"], 1, atol=0.2)
    distance = (corrected["coef"].to_numpy()[:5] - drawn.truth(np.array(TAUS))) / corrected["se"].to_numpy()[:5]
    assert np.abs(distance).max() < 2.6


def test_half_panels_reduce_the_bias_of_few_periods() -> None:
    panel = panel_of(n=2500, periods=6)
    truth = SimulatedQuantiles().truth(np.array(TAUS))
    plain, corrected = (
        dc.PanelQuantile(effects="unit", **TERMS, bias=bias).fit(panel).coef[:5] for bias in ("none", "half_panel")
    )
    assert abs(plain[0] - truth[0]) > 2 * abs(corrected[0] - truth[0])
    assert abs(plain[4] - truth[4]) > 2 * abs(corrected[4] - truth[4])
    odd = dc.PanelQuantile(**TERMS, bias="half_panel", errors="bootstrap", bootstrap_draws=20, effects="two_way")
    assert np.isfinite(odd.fit(panel_of(n=40, periods=7)).estimates["se"]).all()


def test_equality_is_that_x_is_not_in_the_scale(panel: dc.Panel) -> None:
    result = dc.PanelQuantile(effects="unit", **TERMS | {"x": ("x", "c"), "controls": ()}).fit(panel)
    test = result.tables["equality"]
    means = result.tables["location_scale"]
    np.testing.assert_allclose(test.loc[["x", "c"], "F"], (means["in_scale"] / means["in_scale_se"]) ** 2)
    np.testing.assert_allclose(test.loc[["x", "c"], "p"], means["in_scale_p"])
    assert result.statistics["equality_f"] == test.loc["all", "F"]
    assert test.loc["all", "df1"] == 2
    # a mean of two statistics with weights that add up to more than one only where the estimates go together
    both = test.loc[["x", "c"], "F"]
    assert both.max() / 2 <= test.loc["all", "F"] < both.sum()
    assert test.loc["x", "p"] < 1e-6
    assert test.loc["c", "p"] > 0.01


def test_wild_bootstrap_is_refused_in_a_note(panel: dc.Panel) -> None:
    with pytest.raises(ConfigError, match="PanelQuantile does not have test=wild; it offers errors"):
        dc.PanelQuantile(effects="unit", **TERMS, test="wild").fit(panel)


def test_notes_say_what_a_reader_must_know(panel: dc.Panel) -> None:
    assert dc.PanelQuantile(effects="unit", **TERMS).fit(panel).has_note("quantile_unit_effects")
    assert (
        not dc.PanelQuantile(effects="unit", **TERMS).fit(panel_of(n=40, periods=20)).has_note("quantile_unit_effects")
    )
    short = panel_of(n=40, periods=5)
    assert dc.PanelQuantile(effects="unit", **TERMS).fit(short).has_note("quantile_unit_effects")
    assert not dc.PanelQuantile(**TERMS, effects="none").fit(short).has_note("quantile_unit_effects")
    assert dc.PanelQuantile(effects="unit", **TERMS, bias="half_panel").fit(short).has_note("quantile_half_panel")
    assert (
        dc.PanelQuantile(effects="unit", **TERMS, errors="bootstrap", bootstrap_draws=20)
        .fit(short)
        .has_note("quantile_bootstrap")
    )
    # a scale that falls in z has no positive line
    z = np.random.default_rng(1).uniform(size=len(panel.unit_codes))
    noise = np.random.default_rng(2).normal(size=len(z))
    falling = panel.with_columns({"x": z, "y": noise * np.exp(-9 * z)})
    found = dc.PanelQuantile(**TERMS, effects="none").fit(falling)
    (share,) = (note["share"] for note in found.notes if note.code == "quantile_scale")
    columns = np.column_stack([np.ones(len(z)), z, falling.column("c")])
    residuals = noise * np.exp(-9 * z)
    residuals -= columns @ np.linalg.lstsq(columns, residuals, rcond=None)[0]
    scales = columns @ np.linalg.lstsq(columns, np.abs(residuals), rcond=None)[0]
    assert share == pytest.approx((scales <= 0).mean())


def test_fields_without_meaning_are_ignored() -> None:
    analytic, bootstrap = (
        dc.PanelQuantile(effects="unit", **TERMS),
        dc.PanelQuantile(effects="unit", **TERMS, errors="bootstrap"),
    )
    assert {"bootstrap_draws", "seed"} <= analytic.ignored
    assert not {"bootstrap_draws", "seed"} & bootstrap.ignored
    assert {"cov", "cluster", "small_sample"} <= bootstrap.ignored
    assert "cluster" in dc.PanelQuantile(effects="unit", **TERMS, cov="robust").ignored


@pytest.mark.parametrize("quantiles", [(0.5, 0.1), (0.5, 0.5)])
def test_quantiles_must_increase(quantiles: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match=r"^PanelQuantile\.quantiles must increase"):
        dc.PanelQuantile(effects="unit", **TERMS, quantiles=quantiles)
    with pytest.raises(ConfigError):
        dc.PanelQuantile(effects="unit", **TERMS, quantiles=(0.0, 0.5))


def test_what_cannot_be_estimated_is_refused(panel: dc.Panel) -> None:
    exact = panel.with_columns({"y": 2 * panel.column("x") - panel.column("c")})
    with pytest.raises(EstimationError, match=re.escape("explain y without error")):
        dc.PanelQuantile(effects="unit", **TERMS).fit(exact)
    with pytest.raises(EstimationError, match="at least 4 periods"):
        dc.PanelQuantile(effects="unit", **TERMS, bias="half_panel").check(panel_of(n=20, periods=3))
    late = panel.with_columns({"c": panel.column("c") * (panel.period_codes >= 10)})
    assert dc.PanelQuantile(effects="unit", **TERMS).fit(late).terms
    with pytest.raises(EstimationError, match="c does not vary"):
        dc.PanelQuantile(effects="unit", **TERMS, bias="half_panel").check(late)


def test_units_may_have_other_periods() -> None:
    frame = SimulatedQuantiles(n=60, periods=10).load().frame.drop(index=[3, 4, 77, 201])
    panel = dc.Panel.from_frame(frame, "unit", "time", gaps="keep")
    for bias in ("none", "half_panel"):
        result = dc.PanelQuantile(**TERMS, effects="two_way", bias=bias).fit(panel)
        assert result.statistics["nobs"] == 596
        assert np.isfinite(result.estimates["se"]).all()


@pytest.mark.parametrize(("tau", "accepted"), [(0.0001, False), (0.9999, False), (1 / 480, False), (1 / 240, True)])
def test_a_quantile_beyond_all_rows_is_refused(tau: float, accepted: bool) -> None:
    """With 240 rows a quantile of less than 1/240 is beyond the smallest error."""
    panel = panel_of(n=30, periods=8)
    model = dc.PanelQuantile(effects="unit", **TERMS, quantiles=(tau,))
    if accepted:
        model.check(panel)
        assert model.fit(panel).has_note("quantile_few_rows")
        return
    for refused in (model.check, model.fit):
        with pytest.raises(EstimationError, match=rf"quantile {tau:g} of 240 rows: .* Choose from 0\.0042 to 0\.9958"):
            refused(panel)


def test_with_half_panels_rows_are_those_of_each_half() -> None:
    """200 rows: those of a half are 100, or 75 of the later one where periods are seven and rows 175."""
    whole = panel_of(n=25, periods=8)
    model = dc.PanelQuantile(effects="unit", **TERMS, quantiles=(0.006, 0.994))
    model.check(whole)
    halved = model.model_copy(update={"bias": "half_panel"})
    sentence = (
        r"quantiles 0\.006, 0\.994 of 100 rows \(of the half of the periods with fewest rows\): .* 0\.01 to 0\.99"
    )
    for refused in (halved.check, halved.fit):
        with pytest.raises(EstimationError, match=sentence):
            refused(whole)
    seven = panel_of(n=25, periods=7)
    with pytest.raises(EstimationError, match="of 75 rows"):
        halved.check(seven)
    some = dc.PanelQuantile(effects="unit", **TERMS, quantiles=(0.045, 0.5), bias="half_panel").fit(whole)
    (note,) = [note for note in some.notes if note.code == "quantile_few_rows"]
    assert (note["quantiles"], note["rows"]) == (("0.045",), 100)
    assert "of 100 rows (of the half of the periods with fewest rows) lie beyond" in str(note)


def test_few_rows_beyond_a_quantile_and_an_outcome_of_two_values_are_notes() -> None:
    panel = panel_of(n=30, periods=8)
    (note,) = [
        n
        for n in dc.PanelQuantile(effects="unit", **TERMS, quantiles=(0.01, 0.5, 0.97)).fit(panel).notes
        if n.code == "quantile_few_rows"
    ]
    assert note["quantiles"] == ("0.01", "0.97")
    plain = dc.PanelQuantile(effects="unit", **TERMS).fit(panel)
    assert not plain.has_note("quantile_few_rows")
    assert not plain.has_note("quantile_of_two_values")
    binary = panel.with_columns({"y": (panel.column("y") > np.median(panel.column("y"))).astype(float)})
    assert dc.PanelQuantile(effects="unit", **TERMS).fit(binary).has_note("quantile_of_two_values")
