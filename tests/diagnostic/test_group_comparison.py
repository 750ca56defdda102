"""The comparison of groups as a table: what it holds, its invariances and its sentences."""

from __future__ import annotations

import itertools
import math

import classic as dc
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from digicarbon.diagnostic import GroupComparison
from digicarbon.diagnostic._rows import in_english
from digicarbon.errors import ConfigError, DataError, DigicarbonError
from digicarbon.note import Note

# the same arrays summed in another order
TOLERANCE = 1e-8
SIZES = {"alpha": 3, "beta": 10, "gamma": 6, "omega": 11}


def panel(sizes: dict[str, int] = SIZES, seed: int = 1, slope: float = 0.0, **names: str) -> dc.Panel:
    rng = np.random.default_rng(seed)
    group = np.repeat(list(sizes), list(sizes.values()))
    unit, period = (codes.ravel() for codes in np.indices((len(group), 6)))
    data = pd.DataFrame({"unit": unit + 100, "year": period})
    data["zone"] = [names.get(name, name) for name in group[unit]]
    data["x"], data["z"] = rng.normal(size=(2, len(unit))) + rng.normal(size=len(group))[unit]
    data["y"] = data["x"] * (1 + slope * (group[unit] == "beta")) + rng.normal(size=len(unit))
    return dc.Panel.from_frame(data, "unit", "year")


MODEL = dc.PanelRegression(y="y", x=("x",), controls=("z",))


def rows(found: pd.DataFrame, test: str) -> pd.DataFrame:
    return found[found["test"] == test].set_index("groups")


def test_it_holds_the_interacted_model_and_its_tests() -> None:
    whole = panel()
    found = dc.compare_groups(MODEL, whole, by="zone")
    result = dc.GroupedRegression(**MODEL.model_dump(), by="zone").fit(whole)
    for zone in SIZES:
        row, estimate = rows(found, "coefficient").loc[zone], result.estimates.loc[f"x[{zone}]"]
        assert (row["estimate"], row["se"], row["statistic"], row["p"]) == tuple(estimate[["coef", "se", "stat", "p"]])
    equality = rows(found, "equality").loc["4 groups"]
    assert equality["statistic"] == result.statistics["equal_f"]
    assert (equality["df"], equality["df_denominator"]) == (3, result.statistics["df_resid"])
    assert equality["p"] == result.statistics["equal_p"]
    pairs = list(itertools.combinations(sorted(SIZES, key=list(SIZES).index), 2))
    differences = rows(found, "difference")
    assert list(differences.index) == [f"{one} - {two}" for one, two in pairs]
    for one, two in pairs:
        row = differences.loc[f"{one} - {two}"]
        v = result.vcov
        variance = (
            v.loc[f"x[{one}]", f"x[{one}]"] + v.loc[f"x[{two}]", f"x[{two}]"] - 2 * v.loc[f"x[{one}]", f"x[{two}]"]
        )
        assert row["se"] == pytest.approx(math.sqrt(variance), rel=TOLERANCE)
        assert row["statistic"] == pytest.approx(row["estimate"] / row["se"], rel=TOLERANCE)
        assert row["p"] == pytest.approx(2 * stats.t.sf(abs(row["statistic"]), result.inference.df), rel=1e-7)


def test_permutations_are_of_separate_regressions_and_exact_where_few() -> None:
    whole = panel()
    found = rows(dc.compare_groups(MODEL, whole, by="zone", draws=400), "permutation")
    row = found.loc["alpha - beta"]
    fits = {zone: MODEL.fit(whole.rows(whole.text["zone"] == zone)).coef[0] for zone in SIZES}
    assert row["estimate"] == pytest.approx(fits["alpha"] - fits["beta"], rel=TOLERANCE)
    assert "all 286 splits" in row["null"]
    assert row["p"] * 286 == pytest.approx(round(row["p"] * 286), abs=1e-9)
    assert "400 splits drawn" in found.loc["beta - omega", "null"]
    assert found.loc["beta - omega", "p"] * 401 == pytest.approx(round(found.loc["beta - omega", "p"] * 401), abs=1e-9)


def test_a_difference_that_is_there_is_found_by_both() -> None:
    found = dc.compare_groups(MODEL, panel(seed=2, slope=2.0), by="zone")
    assert rows(found, "equality")["p"].iloc[0] < 1e-6
    for test in ("difference", "permutation"):
        p = rows(found, test)["p"]
        assert p["beta - omega"] <= 0.005
        assert p["gamma - omega"] > 0.05


@pytest.mark.parametrize("draws", [999, 200])
def test_names_of_groups_do_not_matter(draws: int) -> None:
    """Other labels change the order of the pairs, of their groups and so the drawn splits, but no exact test."""
    one = dc.compare_groups(MODEL, panel(), by="zone", draws=draws)
    two = dc.compare_groups(MODEL, panel(alpha="d", beta="c", gamma="b", omega="a"), by="zone", draws=draws)
    new = {"alpha": "d", "beta": "c", "gamma": "b", "omega": "a"}
    assert rows(one, "equality")["statistic"].iloc[0] == pytest.approx(rows(two, "equality")["statistic"].iloc[0])
    for test in ("difference", "permutation"):
        before, after = rows(one, test), rows(two, test)
        for first, second in itertools.combinations(SIZES, 2):
            old, other = before.loc[f"{first} - {second}"], after.loc[f"{new[second]} - {new[first]}"]
            assert old["estimate"] == pytest.approx(-other["estimate"], rel=TOLERANCE)
            drawn = "drawn" in old["null"]
            assert old["p"] == pytest.approx(other["p"], abs=4 * math.sqrt(0.5 / draws) if drawn else 1e-9)


def test_order_of_rows_and_seed() -> None:
    whole = panel()
    frame = whole.frame().reset_index().sample(frac=1, random_state=3)
    shuffled = dc.Panel.from_frame(frame, "unit", "year")
    one, two = (dc.compare_groups(MODEL, data, by="zone") for data in (whole, shuffled))
    assert one["p"].to_numpy() == pytest.approx(two["p"].to_numpy(), rel=1e-7)
    again = dc.compare_groups(MODEL, whole, by="zone", seed=5)
    assert (again["p"] != one["p"]).any()


def test_a_group_that_cannot_be_fitted_by_itself_says_so() -> None:
    sizes = {"one": 1, "two": 5, "three": 6}
    found = rows(dc.compare_groups(MODEL, panel(sizes), by="zone"), "permutation")
    assert found.loc["one - two", "null"].startswith("Not tested: one by itself:")
    assert np.isnan(found.loc["one - two", "p"])
    assert np.isfinite(found.loc["three - two", "p"])


def test_two_focal_terms() -> None:
    found = dc.compare_groups(dc.PanelRegression(y="y", x=("x", "z")), panel(), by="zone", draws=99)
    assert found.groupby("test").size().to_dict() == {
        "coefficient": 8, "difference": 12, "equality": 3, "permutation": 12
    }  # fmt: skip
    assert found.loc[found["term"] == "all focal terms", "df"].tolist() == [6.0]


def test_a_grouped_model_is_compared_by_what_is_asked() -> None:
    grouped = dc.GroupedRegression(**MODEL.model_dump(), by={}, interact="all")
    pd.testing.assert_frame_equal(
        dc.compare_groups(grouped, panel(), by="zone"), dc.compare_groups(MODEL, panel(), by="zone")
    )


def test_diagnostic_is_the_function() -> None:
    spec = GroupComparison(model=MODEL, by="zone", draws=99)
    assert spec.terms == ("y", "x", "z", "C(zone)")
    spec.check(panel())
    table = spec.tables(panel())["groups"]
    assert table.index.names == ["test", "groups"]
    found = dc.compare_groups(MODEL, panel(), by="zone", draws=99)
    assert table.loc[("equality", Note("groups", groups=len(SIZES))), "null"] == Note("groups_equal", terms=("x",))
    pd.testing.assert_frame_equal(in_english(table.reset_index()), found.drop(columns="term"))
    two = GroupComparison(model=dc.PanelRegression(y="y", x=("x", "z")), by="zone", draws=99).tables(panel())["groups"]
    assert two.index.names == ["term", "test", "groups"]


def test_one_note_has_the_pooled_coefficient_beside_those_of_the_groups() -> None:
    spec = GroupComparison(model=dc.PanelRegression(y="y", x=("x", "z")), by="zone", draws=99)
    tables = spec.tables(panel())
    plain = spec.model.fit(panel()).estimates
    remarks = spec.remarks(tables)[1:]
    frame = tables["groups"].reset_index()
    for term, note in zip(("x", "z"), remarks, strict=True):
        assert (note["coef"], note["se"]) == pytest.approx(tuple(plain.loc[term, ["coef", "se"]]))
        own = frame[(frame["term"] == term) & (frame["test"] == "coefficient")]
        assert [part["coef"] for part in note["groups"]] == own["estimate"].to_list()
        equal = frame[(frame["term"] == term) & (frame["test"] == "equality")]
        assert note["p"] == equal["p"].iloc[0]
        assert f"{term}: {note['coef']:.4g} (standard error" in str(note)
    single = GroupComparison(model=MODEL, by="zone", draws=99)
    assert len(single.remarks(single.tables(panel()))) == 2


def test_sentences() -> None:
    spatial = dc.PanelIV(y="y", x=("x",), instruments=("z",))
    with pytest.raises(ConfigError, match=r"not for a PanelIV; choose e\.g\. model=twfe"):
        dc.compare_groups(spatial, panel(), by="zone")
    with pytest.raises(ConfigError, match="draws is 50; at least 99 are needed"):
        dc.compare_groups(MODEL, panel(), by="zone", draws=50)
    with pytest.raises(ConfigError, match=r"interact must be one of focal, regressors, all; got 'al'\. Did you mean"):
        dc.compare_groups(MODEL, panel(), by="zone", interact="al")
    with pytest.raises(ConfigError, match=r"statistic must be one of difference, studentised; got 'student'"):
        dc.compare_groups(MODEL, panel(), by="zone", statistic="student")
    with pytest.raises(DataError, match="the panel has no column 'zones'"):
        GroupComparison(model=MODEL, by="zones").check(panel())


def test_wrong_draws_and_seeds_are_sentences() -> None:
    for arguments, sentence in (
        ({"seed": -1}, "seed must be a whole number of at least 0; got -1"),
        ({"seed": None}, "seed must be a whole number of at least 0; got None"),
        ({"draws": 99.5}, r"draws must be a whole number; got 99\.5"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            dc.compare_groups(MODEL, panel(), by="zone", **arguments)


def test_groups_of_single_units_are_refused() -> None:
    for check in (
        lambda: dc.compare_groups(MODEL, panel(), by="unit"),
        lambda: GroupComparison(model=MODEL, by="unit").check(panel()),
    ):
        with pytest.raises(DataError, match="groups by unit is a single unit, so that there are no groups to compare"):
            check()


def test_notes_say_which_model_each_difference_is_of() -> None:
    (note,) = tuple(map(str, GroupComparison(model=MODEL, by="zone").notes))
    assert "controls and effects are common to the groups" in note
    assert "Permutation tests fit a regression to each of the two groups" in note


def test_each_row_says_which_regression_it_is_of() -> None:
    found = dc.compare_groups(MODEL, panel(), by="zone", draws=99)
    said = found.groupby("test")["regression"].unique().map(list).to_dict()
    assert said.pop("permutation") == ["each group"]
    assert all(which == ["all units"] for which in said.values())


def test_a_wrong_grouping_is_the_diagnostic_s() -> None:
    data = panel().frame().reset_index()
    data["sector"] = np.where(data["year"] % 2 == 0, "a", "b")
    own = dc.Panel.from_frame(data, "unit", "year")
    with pytest.raises(DataError, match=r"^diagnostic\.by: column 'sector' varies within a unit"):
        GroupComparison(model=MODEL, by="sector").check(own.with_terms(["C(sector)"]))
    # what is wrong with the model is the model's
    with pytest.raises(DigicarbonError) as error:
        GroupComparison(model=MODEL.model_copy(update={"x": ("x", "z")}), by="zone").check(own)
    assert "diagnostic" not in str(error.value)
