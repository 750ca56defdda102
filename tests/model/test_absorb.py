"""Further absorbed effects, trends, dropped regressors and clusters by columns, against pyfixest and dense dummies."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from classic import GroupedRegression, PanelRegression

import digicarbon as dc
from digicarbon.errors import ConfigError, DataError, DigicarbonError, EstimationError
from digicarbon.model._panel_batch import LinearFits
from digicarbon.model.batch import Estimand, estimate_of
from digicarbon.numeric.linear.covariance import nearest_semidefinite, small_sample_factor
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.unit_wild import draws_of
from digicarbon.script import Names, RPart, StataPart
from digicarbon.script.words import Remarks
from digicarbon.spec import identity

N, T = 30, 9
X = ["x", "q"]


def frame(share: float = 0.0) -> pd.DataFrame:
    """Return units in provinces whose industry may change; a share of the rows is missing."""
    rng = np.random.default_rng(11)
    unit, year = np.repeat(np.arange(N), T), np.tile(np.arange(2001, 2001 + T), N)
    x, q = rng.normal(size=(2, N * T)) + 0.1 * unit
    out = pd.DataFrame({"unit": [f"u{one:02d}" for one in unit], "year": year, "x": x, "q": q * (year - 2000)})
    out["province"] = np.array(["east", "mid", "north", "south", "west", "xj"])[unit % 6]
    out["industry"] = rng.integers(0, 7, N * T) + 10.0
    out["people"] = rng.uniform(0.5, 4, N * T)
    out["half"] = np.where(unit % 2, "a", "b")
    out["y"] = 0.5 * x - 0.1 * out["q"] + 0.3 * (unit % 6) * (year - 2000) + out["industry"]
    out["y"] += 0.1 * unit + rng.normal(size=N * T)
    return out[rng.uniform(size=N * T) >= share].reset_index(drop=True)


def panel_of(table: pd.DataFrame) -> dc.Panel:
    return dc.Panel.from_frame(table, unit="unit", time="year", gaps="keep")


FRAMES = {"balanced": frame(), "gaps": frame(0.2)}
PANELS = {name: panel_of(table) for name, table in FRAMES.items()}
EFFECTS: dict[str, tuple[dict[str, Any], str]] = {
    "industry": ({"absorb": ["industry"]}, "unit + year + industry"),
    "province by year": ({"absorb": ["province^year"]}, "unit + year + province^year"),
    "both": ({"absorb": ["province^year", "industry"]}, "unit + year + province^year + industry"),
    "alone": ({"effects": "none", "absorb": ["province^year"]}, "province^year"),
    "of periods": ({"effects": "time", "absorb": ["industry"]}, "year + industry"),
}
CLUSTERS: dict[str, tuple[dict[str, Any], Any]] = {
    "unit": ({"cov": "cluster"}, {"CRV1": "unit"}),
    "both": ({"cov": "cluster", "cluster": "both"}, {"CRV1": "unit + year"}),
    "province": ({"cov": "cluster", "cluster": "province"}, {"CRV1": "province"}),
    "industry": ({"cov": "cluster", "cluster": "industry"}, {"CRV1": "industry"}),
    "two": ({"cov": "cluster", "cluster": ["province", "industry"]}, {"CRV1": "province + industry"}),
    "with time": ({"cov": "cluster", "cluster": ["industry", "time"]}, {"CRV1": "industry + year"}),
}


def model(**fields: Any) -> PanelRegression:
    return PanelRegression(**{"y": "y", "x": ("x",), "controls": ("q",), **fields})


def close(found: object, expected: object, rel: float = 1e-8) -> None:
    assert found == pytest.approx(expected, rel=rel, abs=1e-12)


def feols(formula: str, table: pd.DataFrame, vcov: Any, weights: str | None = None, **rule: Any) -> Any:
    import pyfixest

    tight: dict[str, Any] = {"fixef_rm": "none", "fixef_tol": 1e-13, "fixef_maxiter": 100_000}
    by = {} if weights is None else {"weights": weights, "weights_type": "aweights"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pyfixest.feols(formula, table, vcov=vcov, ssc=pyfixest.ssc(**rule), **tight, **by)


def errors(fitted: Any) -> list[float]:
    """Return pyfixest's errors of `X`, a covariance that is indefinite repaired as ours are."""
    names = list(fitted._coefnames)
    repaired = nearest_semidefinite(np.asarray(fitted._vcov))[0]
    return [float(np.sqrt(repaired[names.index(name), names.index(name)])) for name in X]


def coefficients(fitted: Any) -> list[float]:
    return [float(fitted._beta_hat[list(fitted._coefnames).index(name)]) for name in X]


def rank(table: pd.DataFrame, effects: str) -> int:
    """Return the rank of the dummies of effects."""
    parts = [table[part.split("^")].astype(str).agg("/".join, axis=1) for part in effects.split(" + ")]
    return int(np.linalg.matrix_rank(np.hstack([pd.get_dummies(part).to_numpy(float) for part in parts])))


@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("effects", EFFECTS)
def test_numbers_are_pyfixests(effects: str, rows: str, weights: str | None) -> None:
    fields, right = EFFECTS[effects]
    table = FRAMES[rows]
    for clusters, vcov in CLUSTERS.values():
        found = model(**fields, **clusters, small_sample="g", observation_weights=weights).fit(PANELS[rows])
        expected = feols(f"y ~ x + q | {right}", table, vcov, weights, k_adj=False)
        close(found.estimates.loc[X, "coef"].to_list(), coefficients(expected))
        close(found.estimates.loc[X, "se"].to_list(), errors(expected))
    # pyfixest counts levels, not independent dummies
    found = model(**fields, observation_weights=weights).fit(PANELS[rows])
    expected = feols(f"y ~ x + q | {right}", table, "iid", weights, k_adj=False)
    own = len(table) - 2 - rank(table, right)
    close(found.statistics["df_resid"], own)
    close(found.estimates.loc[X, "se"].to_list(), list(np.array(errors(expected)) * np.sqrt((len(table) - 1) / own)))
    close(found.statistics["r2_within"], expected._r2_within)


@pytest.mark.parametrize("rows", FRAMES)
def test_small_sample_rules_are_pyfixests_where_dummies_are_independent(rows: str) -> None:
    table = FRAMES[rows]
    for clusters, vcov in CLUSTERS.values():
        # unit, year and industry are connected: all but two of their dummies are independent
        found = model(absorb=["industry"], **clusters, small_sample="full").fit(PANELS[rows])
        expected = feols("y ~ x + q | unit + year + industry", table, vcov, k_adj=True, k_fixef="full")
        close(found.estimates.loc[X, "se"].to_list(), errors(expected))
    # what is nested in clusters is not counted
    found = model(absorb=["industry"], cov="cluster", small_sample="stata").fit(PANELS[rows])
    plain = model(absorb=["industry"], cov="cluster", small_sample="none").fit(PANELS[rows])
    nobs = len(table)
    factor = small_sample_factor("stata", N, nobs, 2, N + T + 7 - 2, N - 1)
    close(factor, N / (N - 1) * (nobs - 1) / (nobs - 2 - (T - 1) - (7 - 1) - 1))
    close(found.estimates.loc[X, "se"].to_list(), (plain.estimates.loc[X, "se"] * np.sqrt(factor)).to_list())


@pytest.mark.parametrize("rows", FRAMES)
@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize(("trends", "column"), [("unit", "unit"), ("province", "province"), ("industry", "industry")])
def test_trends_are_interactions_with_the_period(trends: str, column: str, weights: str | None, rows: str) -> None:
    table = FRAMES[rows].assign(at=FRAMES[rows]["year"] - 2005.0)
    beside = " + industry" if column == "industry" else ""
    found = model(trends=trends, cov="cluster", small_sample="g", observation_weights=weights).fit(PANELS[rows])
    names = pd.get_dummies(table[column]).to_numpy(float) * table[["at"]].to_numpy()
    wide = pd.concat([table, pd.DataFrame(names, columns=[f"t{one}" for one in range(names.shape[1])])], axis=1)
    # the period's effects take one trend
    right = " + ".join(f"t{one}" for one in range(1, names.shape[1]))
    expected = feols(f"y ~ x + q + {right} | unit + year{beside}", wide, {"CRV1": "unit"}, weights, k_adj=False)
    close(found.estimates.loc[X, "coef"].to_list(), coefficients(expected))
    close(found.estimates.loc[X, "se"].to_list(), errors(expected))
    assert found.has_note("absorbs_trends")
    assert found.trends == (trends,)


def test_formulas_say_what_fixest_says() -> None:
    for right, fields in {
        "unit + year + province^year": {"absorb": ["province^year"]},
        "unit + year + industry": {"absorb": ["industry"]},
        "unit + industry + year": {"absorb": ["industry"]},
        "unit[year] + year": {"trends": "unit"},
        "unit + year + unit[year]": {"trends": "unit"},
        "unit + year + province[year]": {"absorb": ["province"], "trends": "province"},
        "province^year": {"absorb": ["province**year"], "effects": "none"},
    }.items():
        found = PanelRegression(formula=f"y ~ x + q | {right}").fit(PANELS["gaps"])
        expected = model(**fields).fit(PANELS["gaps"])
        close(found.estimates["coef"].to_list(), expected.estimates["coef"].to_list())
        close(found.estimates["se"].to_list(), expected.estimates["se"].to_list())
        assert found.kind == expected.kind


@pytest.mark.parametrize(
    ("right", "message"),
    [
        ("unit + alpha + industry", "of three names or more one must be the unit and one the period"),
        ("unit[x] + year", "must be year or time"),
        ("unit[year] + province[year]", "only one set of linear trends"),
        ("industry + year", "further effects stand after these two"),
    ],
)
def test_formulas_that_say_nothing(right: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PanelRegression(formula=f"y ~ x + q | {right}").fit(PANELS["gaps"])


CATEGORIES = [
    "i(industry)",
    "i(province)",
    "i(industry, ref=12)",
    "i(province, ref='mid')",
    "i(industry, x)",
    "i(industry, x, ref=12)",
    "i(province, x, ref='mid')",
    "i(year, x)",
    "i(year, x, ref=2003)",
    "x + i(province, x, ref='xj')",
]


@pytest.mark.long
@pytest.mark.parametrize("right", ["", " | unit", " | unit + year"])
@pytest.mark.parametrize("term", CATEGORIES)
def test_categories_of_formulas_are_pyfixests(term: str, right: str) -> None:
    if "province" in term and "x" not in term and right:
        # provinces do not vary within units
        with pytest.raises(EstimationError, match="does not vary"):
            PanelRegression(formula=f"y ~ {term} + q{right}").fit(PANELS["gaps"])
        return
    for clusters, vcov in CLUSTERS.values():
        found = PanelRegression(formula=f"y ~ {term} + q{right}", small_sample="g", **clusters).fit(PANELS["gaps"])
        # its categories are numbers as they are
        expected = feols(f"y ~ {term.replace('ref=12', 'ref=12.0')} + q{right}", FRAMES["gaps"], vcov, k_adj=False)
        names = [_ours(name) for name in expected._coefnames]
        assert set(found.estimates.index) == set(names)
        close(found.estimates.loc[names, "coef"].to_list(), expected._beta_hat.tolist())
        close(found.estimates.loc[names, "se"].to_list(), _repaired(expected))


def _ours(name: str) -> str:
    """Return our name of one of pyfixest's coefficients, e.g. ``x:industry[11]`` for ``industry::11.0:x``."""
    group, _, cell = name.partition("::")
    level, _, slope = cell.partition(":")
    own = f"{slope}{':' if slope else ''}{group}[{level.removesuffix('.0')}]"
    return own if cell else {"Intercept": "const"}.get(name, name)


def _repaired(fitted: Any) -> list[float]:
    return [float(one) for one in np.sqrt(np.diag(nearest_semidefinite(np.asarray(fitted._vcov))[0]))]


# -- collinear regressors ---------------------------------------------------------------------------------------------


def test_collinear_regressors_are_dropped_and_named() -> None:
    table = FRAMES["gaps"]
    panel = panel_of(table.assign(double=2 * table["x"] + table["q"], fixed=np.arange(len(table)) * 0.0 + 3))
    controls = ("fixed", "q", "double")
    with pytest.raises(EstimationError, match="fixed does not vary"):
        model(controls=controls).fit(panel)
    for effects in ("two_way", "none"):
        for more in ({}, {"observation_weights": "people"}):
            found = model(controls=controls, collinear="drop", effects=effects, **more).fit(panel)
            expected = model(effects=effects, **more).fit(panel)
            pd.testing.assert_frame_equal(found.estimates, expected.estimates)
            note = next(note for note in found.notes if note.code == "dropped_collinear")
            assert note["terms"] == ("fixed", "double")
    # nothing is left of what is asked for
    with pytest.raises(EstimationError, match="absorb"):
        model(x=("fixed",), collinear="drop").fit(panel)
    several = model(x=("x", "q", "double"), controls=(), collinear="drop", test="wild", draws=99).fit(panel)
    assert several.focal == ("x", "q")
    same = model(collinear="drop").fit(panel)
    assert not same.has_note("dropped_collinear")


# -- wild bootstrap, groups, memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, "people"])
@pytest.mark.parametrize("clusters", ["unit", "province", "two"])
def test_batches_are_single_fits(clusters: str, weights: str | None) -> None:
    panel = PANELS["gaps"]
    fields = {"absorb": ["province^year", "industry"], "trends": "unit", "observation_weights": weights}
    own = model(**fields, **CLUSTERS[clusters][0])
    made = panel.with_terms(own.terms)
    estimand = Estimand("coefficient", "x")
    batch = own.batch(made, None, estimand)
    assert isinstance(batch, LinearFits)
    restriction = own.restrictions(panel, None, own.fit(panel))[0]
    outcomes = draws_of(restriction.null(), Draws(signs_of(panel.units, 4, 1, "rademacher")))
    coef, se = batch.fit(batch.prepare(outcomes))
    for draw in range(outcomes.shape[1]):
        single = own.fit(made.with_columns({"y": outcomes[:, draw]}))
        close(estimate_of(single, estimand), (coef[draw], se[draw]))


def test_null_models_have_all_effects() -> None:
    own = model(absorb=["province^year"], trends="unit")
    panel = PANELS["gaps"].with_terms(own.terms)
    null = own.restrictions(panel, None, own.fit(panel))[0].null()
    alone = PanelRegression(y="y", x=("q",), absorb=["province^year"], trends="unit")
    columns = alone.design(panel)
    np.testing.assert_allclose(null.residuals, columns.fit.residuals, atol=1e-9)
    joint = own.null(panel, None, ())
    assert joint is not None
    np.testing.assert_allclose(joint.fit().residuals, null.residuals, atol=1e-12)
    found = model(absorb=["province^year"], cov="cluster", cluster="province", test="wild", draws=199)
    result = found.fit(PANELS["gaps"])
    assert result.has_note("wild_p_by")
    assert 0 < result.estimates.loc["x", "p"] <= 1


def test_of_two_columns_one_that_holds_whole_units_has_the_signs() -> None:
    panel = PANELS["gaps"]
    fields = {"absorb": ["industry"], "cov": "cluster", "test": "wild", "draws": 199, "intervals": False}
    both = model(**fields, cluster=("year", "province")).fit(panel)
    one = model(**fields, cluster="province").fit(panel)
    assert both.has_note("wild_of_one")
    assert not one.has_note("wild_of_one")
    assert {next(n for n in found.notes if n.code == "wild_p_by")["by"] for found in (both, one)} == {"province"}
    for cluster in ("year", ("year", "industry")):
        moving = model(**fields, cluster=cluster)
        for verb in (moving.check, moving.fit):
            with pytest.raises(EstimationError, match=r"Choose test=errors, or a column"):
                verb(panel)
        moving.by_errors.check(panel)


@pytest.mark.parametrize("weights", [None, "people"])
def test_groups_absorb_too(weights: str | None) -> None:
    table = FRAMES["gaps"]
    for interact in ("focal", "all"):
        found = GroupedRegression(
            y="y",
            x=("x",),
            controls=("q",),
            by="half",
            interact=interact,
            absorb=["industry"],
            cov="cluster",
            cluster="industry",
            small_sample="g",
            observation_weights=weights,
        ).fit(PANELS["gaps"])
        own = table.assign(**{one: table["x"] * (table["half"] == one) for one in "ab"})
        own = own.assign(**{f"q{one}": table["q"] * (table["half"] == one) for one in "ab"})
        right = "a + b + q | unit + year" if interact == "focal" else "a + b + qa + qb | unit + half^year"
        expected = feols(f"y ~ {right} + industry", own, {"CRV1": "industry"}, weights, k_adj=False)
        close(found.estimates.loc[["x[a]", "x[b]"], "coef"].to_list(), expected.coef()[["a", "b"]].to_list())
        close(found.estimates.loc[["x[a]", "x[b]"], "se"].to_list(), expected.se()[["a", "b"]].to_list())
        close(found.statistics["r2_within"] > 0, True)


def test_a_column_is_absorbed_once() -> None:
    own = [
        model(absorb=["industry"], controls=controls, cov="cluster", cluster=cluster)
        for controls in (("q",), ())
        for cluster in ("unit", "province")
    ]
    panel = panel_of(FRAMES["gaps"]).with_terms([*own[0].terms, *own[1].terms])
    for one in own:
        one.fit(panel)
    kept = [key for key in panel.columns["x"].memory if isinstance(key, tuple) and key[0] == "absorbed"]
    assert len(kept) == 1


def test_nothing_changes_without_them() -> None:
    assert model().terms == ("y", "x", "q")
    assert identity(model()) == identity(model(absorb=[], trends=None, collinear="refuse"))
    # a name that the panel has for its units is the same as the word
    first, second = (model(cov="cluster", cluster=one).fit(PANELS["gaps"]) for one in ("unit", "province"))
    assert first.statistics["n_units"] == second.statistics["n_units"]
    named = panel_of(FRAMES["gaps"].assign(firm=FRAMES["gaps"]["unit"]))
    both = [model(cov="cluster", cluster=one).fit(named).estimates for one in ("unit", "firm")]
    pd.testing.assert_frame_equal(*both, rtol=1e-10)
    pair = [model(cov="cluster", cluster=one).fit(named).estimates for one in ("both", ["firm", "time"])]
    pd.testing.assert_frame_equal(*pair, rtol=1e-10)


@pytest.mark.parametrize(
    ("fields", "stata", "fixest"),
    [
        (
            {"absorb": ["province^year"], "trends": "unit", "cov": "cluster", "cluster": "province"},
            "absorb(unit_id time_id group_province_year group_unit group_unit#c.trend_t) keepsingletons "
            "vce(cluster group_province)",
            "| unit_id + time_id + group_province_year + group_unit[trend_t], set_1, vcov = ~group_province,",
        ),
        (
            {"effects": "none", "cov": "cluster", "cluster": ["industry", "time"]},
            "noabsorb vce(cluster group_industry group_time)",
            "y ~ x + q, set_1, vcov = ~group_industry + group_time,",
        ),
    ],
)
def test_code_of_other_tools(fields: dict[str, Any], stata: str, fixest: str) -> None:
    own, panel = model(**fields), PANELS["gaps"]
    extract, result = own.extract(panel, None), own.fit(panel)
    names = Names()
    for column in extract.columns:
        names.give(column)
    assert any(stata in line for line in own.stata(StataPart(extract, result, names, "set_1", "", Remarks("*"))))
    lines = own.r(RPart(extract, result, names, "set_1", "", Remarks("#")))
    assert any(fixest in line for line in lines)
    assert any("vcovCL(fit" in line for line in lines)


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"absorb": ["provinse^year"]}, "no column 'provinse'.*Did you mean 'province'"),
        ({"cov": "cluster", "cluster": "industri"}, "no column 'industri'.*Did you mean 'industry'"),
        ({"cov": "cluster", "cluster": "half"}, "2 clusters by half are too few"),
        ({"absorb": ["province^"]}, "'province\\^' is no further effect"),
        ({"absorb": ["unit^year"]}, "parameters"),
        ({"absorb": ["industry"], "estimator": "lsdv"}, "is for estimator=within"),
        ({"absorb": ["industry"], "effects": "random"}, "is for estimator=within"),
        ({"trends": "unit", "effects": "time"}, "choose effects=unit or two_way"),
        ({"collinear": "drop", "estimator": "lsdv"}, "not for estimator=lsdv"),
        ({"estimator": "first_difference", "cov": "cluster", "cluster": "province"}, "choose unit, time or both"),
        ({"absorb": ["industry"], "engine": "linearmodels"}, "linearmodels"),
        ({"controls": ("trend",), "trends": "unit"}, "trend does not vary after the effects"),
    ],
)
def test_bad_input_has_a_sentence(fields: dict[str, Any], message: str) -> None:
    table = FRAMES["gaps"]
    panel = panel_of(table.assign(trend=(table["year"] - 2000.0) * (table["unit"].str[1:].astype(int))))
    with pytest.raises(DigicarbonError, match=message):
        model(**fields).fit(panel)


def test_groups_of_one_row_are_named() -> None:
    table = FRAMES["gaps"].copy()
    table.loc[3, "industry"] = 99.0
    found = model(absorb=["industry"]).fit(panel_of(table))
    note = next(note for note in found.notes if note.code == "absorbs_singletons")
    assert note["groups"] == 1


@pytest.mark.parametrize(
    ("effects", "absorb", "codes"),
    [
        ("two_way", ["province"], ["absorbs_within_units"]),
        ("time", ["province"], []),
        ("none", ["year"], []),
        ("two_way", ["industry^year"], []),
        ("unit", ["year", "province^year"], ["absorbs_within_groups"]),
        ("none", ["province", "half"], ["absorbs_within_groups"]),
    ],
)
def test_effects_that_others_contain_are_named(effects: str, absorb: list[str], codes: list[str]) -> None:
    redundant = {"absorbs_within_units", "absorbs_within_periods", "absorbs_within_groups"}
    found = model(effects=effects, absorb=absorb).fit(PANELS["balanced"])
    assert [note.code for note in found.notes if note.code in redundant] == codes


def test_too_many_groups_are_named_with_the_field() -> None:
    message = r"270 observations cannot identify \d+ parameters, 270 of them effects of two_way, x; in model\.absorb"
    with pytest.raises(EstimationError, match=message):
        model(x=["q"], controls=[], absorb=["x"]).check(PANELS["balanced"])


def test_empty_cells_of_a_column_are_named() -> None:
    table = FRAMES["gaps"].copy()
    table.loc[3, "province"] = None
    with pytest.raises(DataError, match="province"):
        model(cov="cluster", cluster="province").fit(panel_of(table))


def test_tests_of_panel_regressions_refuse_them() -> None:
    from digicarbon.diagnostic import PanelChoice

    own = model(absorb=["industry"])
    with pytest.raises(ConfigError, match="absorbs others"):
        PanelChoice(model=own).check(PANELS["balanced"])
