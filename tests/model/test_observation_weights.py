"""Weighted panel regressions against pyfixest, linearmodels and statsmodels, and what weights are refused."""

from __future__ import annotations

import warnings
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from classic import PanelRegression

from digicarbon.diagnostic import PanelChoice
from digicarbon.errors import ConfigError, DataError, DigicarbonError
from digicarbon.model.batch import Estimand, OneByOne, estimate_of
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.unit_wild import draws_of
from digicarbon.spec import identity

N, T = 24, 7
X = ["x", "q"]
ABSORBED = {"none": "", "unit": " | unit", "time": " | year", "two_way": " | unit + year"}
ERRORS: dict[str, tuple[dict[str, Any], Any]] = {
    "classic": ({"cov": "classic"}, "iid"),
    "robust": ({"cov": "robust"}, "hetero"),
    "unit": ({"cov": "cluster"}, {"CRV1": "unit"}),
    "time": ({"cov": "cluster", "cluster": "time"}, {"CRV1": "year"}),
    "both": ({"cov": "cluster", "cluster": "both"}, {"CRV1": "unit + year"}),
}


def frame(share: float = 0.0) -> pd.DataFrame:
    """Return units of different size; a share of the rows is missing."""
    rng = np.random.default_rng(3)
    unit, year = np.repeat(np.arange(N), T), np.tile(np.arange(2001, 2001 + T), N)
    people = 1000 * (rng.exponential(size=N) + 0.2)[unit]
    x, q = rng.normal(size=(2, N * T)) + 0.1 * unit
    out = pd.DataFrame({"unit": [f"u{one:02d}" for one in unit], "year": year, "x": x, "q": q * (year - 2000)})
    out["y"] = 0.5 * x - 0.1 * out["q"] + 0.1 * unit + rng.normal(size=N * T) / np.sqrt(people / 1000)
    varying = people * (0.5 + rng.uniform(size=N * T))
    out = out.assign(people=people, varying=varying, half=np.where(unit % 2, "a", "b"))
    return out[rng.uniform(size=N * T) >= share].reset_index(drop=True)


def panel_of(table: pd.DataFrame) -> dc.Panel:
    return dc.Panel.from_frame(table, unit="unit", time="year", gaps="keep")


FRAMES = {"balanced": frame(), "gaps": frame(0.2)}
PANELS = {name: panel_of(table) for name, table in FRAMES.items()}


def model(**fields: Any) -> PanelRegression:
    return PanelRegression(**{"y": "y", "x": ("x",), "controls": ("q",), "observation_weights": "people", **fields})


def close(found: object, expected: object, rel: float = 1e-8) -> None:
    assert found == pytest.approx(expected, rel=rel, abs=1e-12)


def feols(formula: str, table: pd.DataFrame, weights: str, vcov: Any) -> Any:
    import pyfixest

    # which effects pyfixest counts as nested in clusters depends on the order of a set: no factor but G/(G - 1)
    rule = pyfixest.ssc(k_adj=not isinstance(vcov, dict))
    tight: dict[str, Any] = {"fixef_rm": "none", "fixef_tol": 1e-13, "fixef_maxiter": 100_000, "ssc": rule}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pyfixest.feols(formula, table, vcov=vcov, weights=weights, weights_type="aweights", **tight)


# -- other packages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("weights", ["people", "varying"])
@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("effects", ABSORBED)
def test_numbers_are_pyfixests(effects: str, rows: str, weights: str, errors: str) -> None:
    fields, vcov = ERRORS[errors]
    rule = {"small_sample": "g"} if fields["cov"] == "cluster" else {}
    found = model(effects=effects, observation_weights=weights, **fields, **rule).fit(PANELS[rows])
    expected = feols(f"y ~ x + q{ABSORBED[effects]}", FRAMES[rows], weights, vcov)
    close(found.estimates.loc[X, "coef"].to_list(), expected.coef()[X].to_list())
    close(found.estimates.loc[X, "se"].to_list(), expected.se()[X].to_list())
    close(found.statistics["r2"], expected._r2)
    if effects != "none":
        close(found.statistics["r2_within"], expected._r2_within)


def panel_ols(table: pd.DataFrame, weights: str, unit: bool, time: bool) -> Any:
    from linearmodels.panel import PanelOLS

    index = table.assign(code=table["unit"].factorize()[0]).set_index(["code", "year"])
    x = index[X] if unit or time else index[X].assign(const=1.0)
    options = {"entity_effects": unit, "time_effects": time, "weights": index[[weights]]}
    return PanelOLS(index["y"], x, **options)


@pytest.mark.parametrize("weights", ["people", "varying"])
@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("effects", ABSORBED)
def test_numbers_are_linearmodels(effects: str, rows: str, weights: str) -> None:
    other = panel_ols(FRAMES[rows], weights, effects in ("unit", "two_way"), effects in ("time", "two_way"))
    expected = other.fit(cov_type="unadjusted", debiased=True)
    for engine in ("kernel", "linearmodels"):
        found = model(effects=effects, observation_weights=weights, engine=engine).fit(PANELS[rows])
        close(found.estimates.loc[X, "coef"].to_list(), expected.params[X].to_list())
        close(found.estimates.loc[X, "se"].to_list(), expected.std_errors[X].to_list())
    kernel = {"cov_type": "kernel", "kernel": "bartlett", "bandwidth": 2, "debiased": False}
    kernel |= {"auto_df": False, "count_effects": False}
    fields = {"cov": "driscoll_kraay", "bandwidth": 2, "small_sample": "none"}
    found = model(effects=effects, observation_weights=weights, **fields).fit(PANELS[rows])
    close(found.estimates.loc[X, "se"].to_list(), other.fit(**kernel).std_errors[X].to_list())


@pytest.mark.parametrize("cov", ["robust", "cluster"])
def test_the_engine_of_linearmodels_has_our_errors(cov: str) -> None:
    for rows in FRAMES:
        both = [model(cov=cov, engine=engine).fit(PANELS[rows]) for engine in ("kernel", "linearmodels")]
        close(both[0].estimates["se"].to_list(), both[1].estimates["se"].to_list())
        close(both[0].statistics, both[1].statistics)


@pytest.mark.parametrize("effects", ABSORBED)
def test_statistics_are_those_of_statsmodels(effects: str) -> None:
    import statsmodels.formula.api as smf

    right = {"none": "", "unit": " + C(unit)", "time": " + C(year)", "two_way": " + C(unit) + C(year)"}[effects]
    for rows, table in FRAMES.items():
        size = table["varying"] / table["varying"].mean()
        expected = smf.wls(f"y ~ x + q{right}", table, weights=size).fit()
        fields = {"effects": effects, "observation_weights": "varying"}
        found = model(**fields).fit(PANELS[rows])
        names = {"r2": expected.rsquared, "sigma2": expected.scale, "loglik": expected.llf, "aic": expected.aic}
        names |= {"bic": expected.bic, "df_resid": expected.df_resid}
        close({name: found.statistics[name] for name in names}, names)
        if found.residuals is not None:
            close(found.residuals.T.ravel().tolist(), expected.resid.to_list())
        if effects == "none":
            for rule, name in (("none", "HC0"), ("hc1", "HC1"), ("hc3", "HC3")):
                robust = model(**fields, cov="robust", small_sample=rule).fit(PANELS[rows])
                close(robust.estimates.loc[X, "se"].to_list(), expected.get_robustcov_results(name).bse[1:].tolist())
            continue
        dummies = model(**fields, estimator="lsdv", cov="robust").fit(PANELS[rows])
        close(dummies.estimates.loc[X, "coef"].to_list(), expected.params[X].to_list())
        robust_errors = smf.wls(f"y ~ x + q{right}", table, weights=size).fit(cov_type="HC1").bse
        close(dummies.estimates.loc[X, "se"].to_list(), robust_errors[X].to_list())
        close(dummies.statistics["loglik"], expected.llf)


def test_the_constant_is_that_of_the_weighted_means() -> None:
    found = model(constant=True, observation_weights="varying").fit(PANELS["gaps"]).estimates["coef"]
    table = FRAMES["gaps"]
    means = {name: np.average(table[name], weights=table["varying"]) for name in ("y", *X)}
    close(found["const"], means["y"] - sum(found[name] * means[name] for name in X))


def test_a_coefficient_for_each_group_is_pyfixests() -> None:
    for rows, table in FRAMES.items():
        own = {f"x_{name}": table["x"] * (table["half"] == name) for name in "ab"}
        expected = feols("y ~ x_a + x_b + q | unit + year", table.assign(**own), "varying", {"CRV1": "unit"})
        fields = {"observation_weights": "varying", "cov": "cluster", "small_sample": "g", "by": "half"}
        grouped = dc.GroupedRegression(y="y", x=("x",), controls=("q",), **fields).fit(PANELS[rows])
        close(grouped.estimates["coef"].to_list(), expected.coef().to_list())
        close(grouped.estimates["se"].to_list(), expected.se().to_list())
        # everything differs: two regressions, one for each group
        split = dc.GroupedRegression(y="y", x=("x",), controls=("q",), **fields, interact="all").fit(PANELS[rows])
        for name in "ab":
            part = model(observation_weights="varying").fit(panel_of(table[table["half"] == name]))
            close(split.estimates.loc[[f"x[{name}]", f"q[{name}]"], "coef"].to_list(), part.coef.tolist())


# -- what weights are -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("effects", ABSORBED)
def test_equal_weights_are_none_and_their_unit_does_not_matter(effects: str, rows: str) -> None:
    panel = PANELS[rows].with_columns({"one": np.full(len(FRAMES[rows]), 3.0), "k": PANELS[rows].column("people") / 7})
    plain = model(effects=effects, observation_weights=None, cov="cluster").fit(panel)
    equal = model(effects=effects, observation_weights="one", cov="cluster").fit(panel)
    close(equal.coef.tolist(), plain.coef.tolist())
    close(equal.covariance.ravel().tolist(), plain.covariance.ravel().tolist())
    close(equal.statistics, plain.statistics)
    people, k = (model(effects=effects, observation_weights=name).fit(panel) for name in ("people", "k"))
    close(k.covariance.ravel().tolist(), people.covariance.ravel().tolist())
    close(k.statistics, people.statistics)


def test_a_lag_or_logarithm_is_a_weight() -> None:
    panel = PANELS["balanced"]
    lag = model(observation_weights="L.varying").fit(panel)
    before = panel.with_columns({"before": np.roll(panel.column("varying"), 1)}).rows(panel.period_codes > 0)
    close(lag.coef.tolist(), model(observation_weights="before").fit(before).coef.tolist())
    assert lag.statistics["n_periods"] == T - 1
    logs = panel.with_columns({"logs": np.log(panel.column("varying"))})
    close(
        model(observation_weights="ln_varying").fit(panel).coef.tolist(),
        model(observation_weights="logs").fit(logs).coef,
    )


def test_rows_that_weigh_nothing_are_left_out() -> None:
    panel = PANELS["balanced"]
    weights = panel.column("varying").copy()
    weights[[0, 9, *range(2 * T, 3 * T)]] = 0.0
    some = panel.with_columns({"some": weights})
    found = model(observation_weights="some", cov="cluster").fit(some)
    expected = model(observation_weights="varying", cov="cluster").fit(panel.rows(weights > 0))
    close(found.covariance.ravel().tolist(), expected.covariance.ravel().tolist())
    assert found.statistics == expected.statistics
    notes = [str(note) for note in found.notes]
    assert "Observations weighted by some." in notes
    assert "9 rows with a weight (some) of zero left out, with all of u02." in notes
    weights[2 * T] = 1.0
    fewer = model(observation_weights="some").fit(panel.with_columns({"some": weights}))
    assert "8 rows with a weight (some) of zero left out." in [str(note) for note in fewer.notes]
    grouped = dc.GroupedRegression(y="y", x=("x",), controls=("q",), by="half", observation_weights="some")
    without = grouped.model_copy(update={"observation_weights": "varying"})
    close(grouped.fit(some).coef.tolist(), without.fit(panel.rows(weights > 0).rows(weights[weights > 0] != 1.0)).coef)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (None, "no column 'people_'"),
        ({0: np.nan}, "Column 'w' has no finite value for u00"),
        ({0: -1.0}, "Weights of observations cannot be negative: 'w' is for u00 2001: -1;"),
        (dict.fromkeys(range(N * T), 0.0), "Every row has a weight of zero in 'w'"),
    ],
)
def test_weights_that_are_refused(values: dict[int, float] | None, sentence: str) -> None:
    panel = PANELS["balanced"]
    name = "people_" if values is None else "w"
    weights = panel.column("people").copy()
    for row, value in (values or {}).items():
        weights[row] = value
    panel = panel.with_columns({"w": weights})
    for verb in (PanelRegression.fit, PanelRegression.check):
        with pytest.raises(DataError) as error:
            verb(model(observation_weights=name), panel)
        assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"effects": "random"}, "observation_weights is for estimator=within or lsdv"),
        ({"effects": "unit", "estimator": "between"}, "observation_weights is for estimator=within or lsdv"),
        ({"effects": "unit", "estimator": "first_difference"}, "observation_weights is for estimator=within or lsdv"),
        ({"cov": "conley"}, "cov=conley is not made with observation_weights"),
        ({"cov": "newey_west"}, "cov=newey_west is not made with observation_weights"),
        ({"cov": "beck_katz"}, "cov=beck_katz is not made with observation_weights"),
        ({"controls": ("people:C(half)",)}, "stands in a term with dummies"),
    ],
)
def test_models_that_have_no_weights(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        model(**fields)
    assert sentence in str(error.value)
    model(**fields, observation_weights=None)


def test_tests_of_regressions_refuse_weights() -> None:
    with pytest.raises(ConfigError, match="take no weights of observations"):
        PanelChoice(model=model()).check(PANELS["balanced"])
    with pytest.raises(ConfigError, match="weighted by 'people'"):
        dc.diagnose(model(), PANELS["balanced"])


def test_no_weights_are_the_default() -> None:
    assert identity(model(observation_weights=None)) == identity(PanelRegression(y="y", x=("x",), controls=("q",)))
    assert model(observation_weights=None).terms == ("y", "x", "q")
    assert model().terms == ("y", "x", "q", "people")
    assert model(observation_weights="q").terms == ("y", "x", "q")


# -- the wild bootstrap -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("effects", ABSORBED)
@pytest.mark.parametrize("errors", [*ERRORS, "driscoll_kraay"])
def test_a_batch_is_single_fits(errors: str, effects: str, rows: str) -> None:
    fields = ERRORS[errors][0] if errors in ERRORS else {"cov": errors}
    own, panel = model(effects=effects, observation_weights="varying", **fields), PANELS[rows]
    weights = panel.column("varying").copy()
    weights[[1, 5, 6]] = 0.0
    outcomes = np.random.default_rng(5).normal(size=(len(weights), 3)) + panel.column("y")[:, None]
    for made in (panel, panel.with_columns({"varying": weights})):
        batch = own.batch(made, None, Estimand("coefficient", "x"))
        assert isinstance(batch, OneByOne) == (errors == "driscoll_kraay")
        coef, se = batch.fit(batch.prepare(outcomes))
        for draw, y in enumerate(outcomes.T):
            single = own.fit(made.with_columns({"y": np.ascontiguousarray(y)}))
            close((coef[draw], se[draw]), estimate_of(single, Estimand("coefficient", "x")))


@pytest.mark.parametrize("rows", FRAMES)
def test_p_values_are_those_of_a_plain_loop(rows: str) -> None:
    """Draws are of the null model without weights, and each is a weighted regression on dummies."""
    panel, table = PANELS[rows], FRAMES[rows]
    wild = {"cov": "cluster", "test": "wild", "draws": 99, "seed": 4}
    found = model(observation_weights="varying", **wild).fit(panel)
    null = model(observation_weights="varying").restrictions(panel, None, found)[0].null()
    signs = signs_of(panel.units, 99, 4, "rademacher")
    dummies = pd.get_dummies(table["unit"]), pd.get_dummies(table["year"]).iloc[:, 1:]
    z = np.column_stack([table[X], *dummies]).astype(float)
    weights, codes = table["varying"].to_numpy(), panel.unit_codes
    bread = np.linalg.inv(z.T @ (weights[:, None] * z))

    def statistic(y: np.ndarray) -> float:
        b = bread @ (z.T @ (weights * y))
        scores = pd.DataFrame((weights * (y - z @ b))[:, None] * z).groupby(codes).sum().to_numpy() @ bread[0]
        return float(abs(b[0]) / np.sqrt(scores @ scores))

    drawn = [statistic(y) for y in draws_of(null, Draws(signs)).T]
    observed = statistic(table["y"].to_numpy())
    p = (1 + sum(value >= observed * (1 - 1e-9) for value in drawn)) / 100
    assert found.estimates.loc["x", "p"] == p
    low, high = found.estimates.loc["x", ["low", "high"]]
    assert low < found.estimates.loc["x", "coef"] < high
    assert found.has_note("wild_p")


def test_the_wild_bootstrap_leaves_out_what_weighs_nothing() -> None:
    panel = PANELS["balanced"]
    weights = panel.column("varying").copy()
    weights[: 2 * T] = 0.0
    wild = {"cov": "cluster", "test": "wild", "draws": 99}
    found = model(observation_weights="varying", **wild).fit(panel.with_columns({"varying": weights}))
    expected = model(observation_weights="varying", **wild).fit(panel.rows(weights > 0))
    pd.testing.assert_frame_equal(found.estimates, expected.estimates)


@pytest.mark.parametrize("test", ["errors", "wild"])
def test_turning_points_are_of_the_rows_that_weigh_something(test: str) -> None:
    panel = PANELS["balanced"]
    weights = panel.column("varying").copy()
    weights[[0, 30]] = 0.0
    some = panel.with_columns({"varying": weights})
    fields = {"x": ("x", "x^2"), "observation_weights": "varying", "cov": "cluster", "test": test, "draws": 99}
    found = dc.turning_points(model(**fields).fit(some), some, "x", model(**fields))
    rows = some.rows(weights > 0)
    expected = dc.turning_points(model(**fields).fit(rows), rows, "x", model(**fields))
    pd.testing.assert_frame_equal(found, expected)


def test_batches_of_other_weights_are_not_mixed_up() -> None:
    panel = PANELS["balanced"]
    keys = {
        model(observation_weights=name).batch(panel, None, Estimand("coefficient", "x")).key
        for name in (None, "people", "varying")
    }
    assert len(keys) == 3


def test_the_unit_of_much_leverage_is_that_of_much_weight() -> None:
    panel = PANELS["balanced"]
    weights = np.where(panel.unit_codes == 3, 100.0, 1.0)
    found = model(observation_weights="w", effects="unit").fit(panel.with_columns({"w": weights}))
    assert any("u03" in str(note) for note in found.notes if note.code == "unit_leverage")
    assert not model(observation_weights=None, effects="unit").fit(panel).has_note("unit_leverage")


@pytest.mark.parametrize("error", [DigicarbonError])
def test_an_empty_name_is_a_sentence(error: type[DigicarbonError]) -> None:
    with pytest.raises(error):
        model(observation_weights="").fit(PANELS["balanced"])
