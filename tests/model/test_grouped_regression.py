"""Grouped regressions against separate fits, sums of squares and dummies."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from digicarbon.errors import DataError, EstimationError

# the same normal equations in another basis
TOLERANCE = 1e-8
EFFECTS = ("none", "unit", "time", "two_way")


def frame(units: int = 14, periods: int = 6, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = units * periods
    unit, period = (codes.ravel() for codes in np.indices((units, periods)))
    out = pd.DataFrame({"unit": [f"u{code:02d}" for code in unit], "year": 2010 + period})
    out["x"], out["z"] = rng.normal(size=(2, rows)) + rng.normal(size=units)[unit]
    out["y"] = out["x"] - 0.5 * out["z"] + rng.normal(size=units)[unit] + rng.normal(size=rows)
    out["zone"] = np.array(["north", "north", "south", "south", "south", "middle", "middle"])[unit % 7]
    out["code"] = np.array([3.0, 3.0, 11.0, 11.0, 11.0, 7.0, 7.0])[unit % 7]
    return out


def panel(data: pd.DataFrame | None = None, gaps: str = "refuse") -> dc.Panel:
    return dc.Panel.from_frame(frame() if data is None else data, "unit", "year", gaps)


def model(**fields: Any) -> dc.GroupedRegression:
    return dc.GroupedRegression(**{"y": "y", "x": ("x",), "controls": ("z",), "by": "zone", **fields})


def plain(**fields: Any) -> dc.PanelRegression:
    return dc.PanelRegression(**{"y": "y", "x": ("x",), "controls": ("z",), **fields})


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("balanced", [True, False])
def test_with_everything_interacted_it_is_the_separate_regressions(effects: str, balanced: bool) -> None:
    data = frame()
    if not balanced:
        # the north lacks a whole period, too
        data = data.drop(index=data.index[::11]).query("not (zone == 'north' and year == 2012)")
    whole = panel(data, "keep")
    found = model(effects=effects, interact="all").fit(whole)
    ssr = df = 0.0
    for zone in ("middle", "north", "south"):
        separate = plain(effects=effects).fit(whole.rows(whole.text["zone"] == zone))
        names = [f"{term}[{zone}]" for term in separate.terms]
        assert found.estimates.loc[names, "coef"].to_numpy() == pytest.approx(separate.coef, rel=TOLERANCE)
        ssr += separate.statistics["sigma2"] * separate.statistics["df_resid"]
        df += separate.statistics["df_resid"]
    # one error variance for all groups
    assert found.statistics["df_resid"] == df
    assert found.statistics["sigma2"] == pytest.approx(ssr / df, rel=TOLERANCE)
    assert found.statistics["n_groups"] == 3
    assert set(found.terms) == {f"{t}[{g}]" for t in separate.terms for g in ("middle", "north", "south")}


@pytest.mark.parametrize("effects", EFFECTS)
def test_clustered_errors_are_those_of_separate_regressions(effects: str) -> None:
    whole = panel(frame(units=28))
    fields = {"effects": effects, "cov": "cluster", "small_sample": "none"}
    found = model(interact="all", **fields).fit(whole)
    for zone in ("middle", "north", "south"):
        separate = plain(**fields).fit(whole.rows(whole.text["zone"] == zone))
        names = [f"{term}[{zone}]" for term in separate.terms]
        assert found.estimates.loc[names, "se"].to_numpy() == pytest.approx(
            separate.estimates["se"].to_numpy(), rel=TOLERANCE
        )


@pytest.mark.parametrize("effects", EFFECTS)
@pytest.mark.parametrize("interact", ["focal", "regressors", "all"])
def test_equality_is_the_ratio_of_sums_of_squares(effects: str, interact: str) -> None:
    data = frame()
    whole = panel(data)
    found = model(effects=effects, interact=interact).fit(whole)
    dummies = [np.ones((len(data), 1))]
    split = pd.get_dummies(data["zone"], dtype=float).to_numpy()
    if effects in ("unit", "two_way"):
        dummies.append(pd.get_dummies(data["unit"], dtype=float).to_numpy())
    else:
        dummies.append(split)
    if effects in ("time", "two_way"):
        years = pd.get_dummies(data["year"], dtype=float).to_numpy()
        dummies.append(years if interact != "all" else np.einsum("ij,ik->ijk", years, split).reshape(len(data), -1))
    x, z = data[["x"]].to_numpy(), data[["z"]].to_numpy()
    others = np.column_stack([*dummies, z if interact == "focal" else z * split])

    def ssr(design: np.ndarray) -> float:
        left = data["y"].to_numpy() - design @ np.linalg.lstsq(design, data["y"].to_numpy(), rcond=None)[0]
        return float(left @ left)

    full, restricted = ssr(np.column_stack([others, x * split])), ssr(np.column_stack([others, x]))
    df = found.statistics["df_resid"]
    f = (restricted - full) / 2 / (full / df)
    assert found.statistics["equal_f"] == pytest.approx(f, rel=TOLERANCE)
    assert found.statistics["equal_df"] == 2
    assert found.statistics["equal_p"] == pytest.approx(stats.f.sf(f, 2, df), rel=TOLERANCE)
    if effects != "none":
        assert found.statistics["r2_within"] == pytest.approx(1 - full / ssr(np.column_stack(dummies)), rel=TOLERANCE)


def test_several_focal_terms_have_a_test_each_and_one_of_all() -> None:
    found = model(x=("x", "z"), controls=()).fit(panel())
    assert found.focal == ("x[middle]", "x[north]", "x[south]", "z[middle]", "z[north]", "z[south]")
    assert found.statistics["equal_df"] == 4
    assert found.statistics["equal_df.x"] == found.statistics["equal_df.z"] == 2
    one = model(x=("x",), controls=("z",), interact="regressors").fit(panel())
    assert found.statistics["equal_f.x"] == pytest.approx(one.statistics["equal_f"], rel=TOLERANCE)


def test_powers_lags_and_interactions_are_split_too() -> None:
    whole = panel()
    found = model(x=("x", "x^2"), controls=("L.z",), effects="unit").fit(whole)
    made = whole.with_terms(["x^2", "L.z"])
    made = made.with_columns({"square": made.array(["x^2"])[:, 0], "before": made.array(["L.z"])[:, 0]})
    same = model(x=("x", "square"), controls=("before",), effects="unit").fit(made)
    assert found.terms[3:6] == ("x^2[middle]", "x^2[north]", "x^2[south]")
    assert found.coef == pytest.approx(same.coef, rel=TOLERANCE)
    assert found.statistics["nobs"] == 14 * 5


def test_groups_from_text_numbers_and_a_mapping_are_the_same() -> None:
    whole = panel()
    by_text = model().fit(whole)
    by_number = model(by="code").fit(whole)
    mapping = {unit: zone for unit, zone in zip(frame()["unit"], frame()["zone"], strict=True)}
    by_mapping = model(by=mapping).fit(whole)
    assert by_number.focal == ("x[11]", "x[3]", "x[7]")
    assert by_mapping.focal == by_text.focal
    assert by_mapping.coef == pytest.approx(by_text.coef, rel=TOLERANCE)
    for result in (by_number, by_mapping):
        assert result.statistics["equal_f"] == pytest.approx(by_text.statistics["equal_f"], rel=TOLERANCE)


def uneven() -> dc.Panel:
    """Thirty units, three of which are in the north."""
    rng = np.random.default_rng(3)
    data = pd.DataFrame([(f"u{unit:02d}", year) for unit in range(30) for year in range(5)], columns=["u", "year"])
    data["zone"] = np.where(data["u"] < "u03", "north", "south")
    return dc.Panel.from_frame(data.assign(x=rng.normal(size=150), y=rng.normal(size=150)), "u", "year")


def test_random_effects_are_tested_with_chi2() -> None:
    found = model(effects="random").fit(panel())
    data = frame()
    split = pd.get_dummies(data["zone"], dtype=float)
    wide = data.join((split.mul(data["x"], axis=0)).add_prefix("x_")).join(split.add_prefix("in_"))
    same = dc.PanelRegression(
        y="y", x=("x_middle", "x_north", "x_south"), controls=("z", "in_north", "in_south"), effects="random"
    ).fit(panel(wide))
    assert found.terms == ("const[middle]", "const[north]", "const[south]", *found.focal, "z")
    assert found.coef[3:] == pytest.approx(same.coef[1:5], rel=TOLERANCE)
    assert found.coef[1] == pytest.approx(same.coef[0] + same.coef[5], rel=TOLERANCE)
    assert found.statistics["equal_p"] == pytest.approx(stats.chi2.sf(found.statistics["equal_chi2"], 2), rel=TOLERANCE)
    assert "equal_f" not in found.statistics


def test_dummies_and_formulas_are_other_spellings() -> None:
    one = model(interact="all").fit(panel())
    dummies = model(interact="all", estimator="lsdv").fit(panel())
    assert [dummies.estimates.loc[term, "coef"] for term in one.terms] == pytest.approx(one.coef, rel=TOLERANCE)
    assert "unit[u03]" in dummies.terms
    spelt = dc.GroupedRegression(formula="y ~ x + z | unit + year", by="zone").fit(panel())
    assert spelt.coef == pytest.approx(model().fit(panel()).coef, rel=TOLERANCE)
    with pytest.raises(ValueError, match="estimator=between has no form with groups"):
        model(effects="unit", estimator="between")


@pytest.mark.parametrize("cov", ["robust", "driscoll_kraay", "newey_west", "beck_katz", "conley"])
def test_every_covariance_is_that_of_the_interacted_columns(cov: str) -> None:
    data = frame()
    split = pd.get_dummies(data["zone"], dtype=float)
    wide = data.join((split.mul(data["x"], axis=0)).add_prefix("x_"))
    units = sorted(set(data["unit"]))
    ring = dc.Weights.from_edges([(a, b) for a, b in zip(units, units[1:] + units[:1], strict=True)])
    fields = {"cov": cov, "cluster": "time" if cov == "beck_katz" else "unit"}
    found = model(**fields).fit(panel(), ring)
    same = plain(x=("x_middle", "x_north", "x_south"), **fields).fit(panel(wide), ring)
    assert found.covariance == pytest.approx(same.covariance, rel=1e-7, abs=1e-14)
    assert found.statistics["f"] == pytest.approx(same.statistics["f"], rel=1e-7)


def test_few_clusters_in_a_group_are_said() -> None:
    whole = uneven()
    notes = tuple(map(str, dc.GroupedRegression(y="y", x=("x",), by="zone", cov="cluster").fit(whole).notes))
    assert "Clustered standard errors of north rest on fewer than 5 clusters" in " ".join(notes)
    classic = dc.GroupedRegression(y="y", x=("x",), by="zone").fit(whole)
    assert "fewer than 5 clusters" not in " ".join(map(str, classic.notes))


def test_more_restrictions_than_clusters_have_no_statistic() -> None:
    """Scores of three clusters sum to zero in each group: differences have a covariance of rank four."""
    rng = np.random.default_rng(9)
    data = frame(units=6).assign(u=rng.normal(size=36), v=rng.normal(size=36), w=rng.normal(size=36))
    data["zone"] = np.where(data["unit"] < "u03", "north", "south")
    fields = {"controls": (), "interact": "all", "effects": "unit", "cov": "cluster"}
    found = model(x=("x", "z", "u", "v", "w"), **fields).fit(panel(data))
    assert np.isnan(found.statistics["equal_f"])
    assert np.isfinite(found.statistics["equal_f.x"])


def test_wrong_groups_are_sentences() -> None:
    whole = panel()
    with pytest.raises(DataError, match=r"model\.by: the panel has no column 'zonee'\. Did you mean 'zone'\?"):
        model(by="zonee").check(whole)
    moved, empty = frame(), frame()
    moved.loc[5, "zone"], empty.loc[0, "zone"] = "south", None
    with pytest.raises(DataError, match=r"column 'zone' varies within a unit \(u00 is north first and south in 2015\)"):
        model().check(panel(moved))
    with pytest.raises(DataError, match=r"all units are in one group \(same\); a comparison needs two or more"):
        model().check(panel(frame().assign(zone="same")))
    with pytest.raises(DataError, match=r"no group is given for u01, u02"):
        model(by={"u00": "a"}).check(whole)
    with pytest.raises(DataError, match=r"Column 'zone' is empty for u00 2010"):
        model().check(panel(empty))
    # a number that each unit has for itself is a measurement
    own = frame().assign(height=lambda table: table["unit"].str.removeprefix("u").astype(float) * 1.5)
    for by in ("unit", "height"):
        with pytest.raises(DataError, match=rf"model\.by: each of the \d+ groups by {by} is a single unit"):
            model(by=by).check(panel(own))


def test_a_group_with_too_few_units_is_a_sentence() -> None:
    data = frame().assign(zone=lambda table: np.where(table["unit"] == "u00", "alone", "rest"))
    with pytest.raises(EstimationError, match=r"Group 'alone' of zone has 1 unit and 6 observations, too few for 2"):
        model(interact="all").check(panel(data))
    # its slope alone is known from six periods
    assert np.isfinite(model(effects="unit").fit(panel(data)).coef).all()


def test_order_of_rows_does_not_matter() -> None:
    one = model(interact="all").fit(panel())
    two = model(interact="all").fit(panel(frame().sample(frac=1, random_state=2)))
    assert one.terms == two.terms
    assert one.coef == pytest.approx(two.coef, rel=TOLERANCE)
