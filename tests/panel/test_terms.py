"""Terms that are more than a column, against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from formulaic import model_matrix

import digicarbon as dc
from digicarbon.errors import DataError
from digicarbon.numeric.percentiles import tails
from digicarbon.panel import PanelDesign, canonical, spelt
from digicarbon.sample import Sample

FRAME = pd.DataFrame(
    {
        "unit": ["a"] * 4 + ["b"] * 4 + ["c"] * 4,
        "time": [2012, 2013, 2014, 2015] * 3,
        "x": [2.0, 4.0, 8.0, 9.0, 1.0, 3.0, 5.0, 4.0, 7.0, 6.0, 2.0, 1.0],
        "z": [1.0, 0.5, 2.0, 3.0, 2.0, 2.5, 2.0, 1.0, 4.0, 4.5, 0.5, 1.5],
        "group": list("nnnnssssssss"),
    }
)


@pytest.fixture
def panel() -> dc.Panel:
    return dc.Panel.from_frame(FRAME.sample(frac=1, random_state=0), unit="unit", time="time")


def _made(panel: dc.Panel, term: str) -> pd.Series[float]:
    return panel.with_terms([term]).frame()[term]


def test_powers_lags_differences_and_interactions_are_those_of_pandas(panel: dc.Panel) -> None:
    flat = FRAME.set_index(["unit", "time"])
    x, within = flat["x"], flat["x"].groupby("unit")
    expected = {
        "x^3": x**3,
        "L.x": within.shift(1),
        "L2.x": within.shift(2),
        "F.x": within.shift(-1),
        "D.x": within.diff(),
        "D2.x": within.diff().groupby("unit").diff(),
        "L.x^2:z": within.shift(1) ** 2 * flat["z"],
    }
    for term, series in expected.items():
        pd.testing.assert_series_equal(_made(panel, term), series.dropna().rename(term), check_names=False)


def test_a_year_that_nobody_has_stays_a_gap_but_steps_of_the_data_are_periods() -> None:
    gap = dc.Panel.from_frame(FRAME[FRAME["time"] != 2014], unit="unit", time="time")
    assert gap.with_terms(["L.x"]).periods == (2013,)
    decades = FRAME.assign(time=FRAME["time"] * 10)
    assert dc.Panel.from_frame(decades, unit="unit", time="time").with_terms(["L.x"]).periods == (20130, 20140, 20150)
    words = FRAME.assign(time=FRAME["time"].map({2012: "i", 2013: "j", 2014: "k", 2015: "l"}))
    with pytest.raises(DataError, match=r"Lags, .*The column 'time' holds 'i', 'j', 'k' and 1 more.*2010Q1"):
        dc.Panel.from_frame(words, unit="unit", time="time").with_terms(["L3.x"])


def test_dummies_leave_out_the_first_value_unless_each_value_has_its_slope(panel: dc.Panel) -> None:
    assert panel.expanded(["C(group)", "x:C(group)"]) == ("group[s]", "x:group[n]", "x:group[s]")
    assert panel.expanded(["x", "x:C(group)"]) == ("x", "x:group[s]")
    assert panel.expanded(["C(time)"]) == ("time[2013]", "time[2014]", "time[2015]")
    assert panel.expanded(["C(group, ref=s)", "x:C(group,ref=n)"]) == ("group[n]", "x:group[s]")
    assert panel.expanded(["C(time, ref=2014)"]) == ("time[2012]", "time[2013]", "time[2015]")
    made = panel.with_terms(["x:C(group)"])
    x, n, s = made.array(["x", "x:group[n]", "x:group[s]"]).T
    np.testing.assert_array_equal(n + s, x)
    assert (n[made.unit_codes > 0] == 0).all()


def test_a_column_of_that_name_goes_before_the_formula(panel: dc.Panel) -> None:
    own = panel.with_columns({"x^2": np.arange(12.0)})
    assert own.with_terms(["x^2"]) is own


def test_two_stars_are_a_power() -> None:
    assert canonical("ln_e**2") == "ln_e^2"
    assert canonical("a**2:b**3") == "a^2:b^3"


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("L9.x", "No row of the panel has L9.x"),
        ("L.y", "no column 'y'"),
        ("group^2", "'group' holds text"),
        ("C(nothing)", "no column 'nothing'"),
        ("x:C(group, ref=m)", r"x:C\(group, ref=m\): the column 'group' has no value m; it has n, s"),
        ("x^", r"no column 'x\^'"),
    ],
)
def test_what_cannot_be_made_is_said(panel: dc.Panel, term: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        panel.with_terms([term]).require([term])


def test_the_first_year_of_a_sample_has_its_lag(panel: dc.Panel) -> None:
    keep = np.array([panel.periods[code] >= 2014 for code in panel.period_codes])
    taken = PanelDesign().take(panel, ["ln_x", "L.ln_x", "ln_x^2"], keep)
    assert taken.periods == (2014, 2015)
    x, lag, square = taken.array(["ln_x", "L.ln_x", "ln_x^2"]).T
    np.testing.assert_allclose(lag, np.log([4, 8, 3, 5, 6, 2]))
    np.testing.assert_allclose(square, x**2)


def test_a_zero_outside_of_the_sample_does_no_harm_unless_it_is_a_lag() -> None:
    zero = dc.Panel.from_frame(FRAME.assign(x=FRAME["x"].where(FRAME["time"] > 2012, 0.0)), unit="unit", time="time")
    late = np.array([zero.periods[code] >= 2014 for code in zero.period_codes])
    assert PanelDesign().take(zero, ["L.ln_x"], late).periods == (2014, 2015)
    with pytest.raises(DataError, match=r"ln_x does not exist where x is zero or negative \(a 2012"):
        PanelDesign().take(zero, ["L2.ln_x"], late)


def test_gaps_in_lagged_values_follow_the_rule(panel: dc.Panel) -> None:
    holes = dc.Panel.from_frame(FRAME.assign(z=FRAME["z"].where(FRAME["z"] != 0.5)), unit="unit", time="time")
    with pytest.raises(DataError, match=r"'L\.z' has no finite value for a 2014"):
        PanelDesign().take(holes, ["x", "L.z"])
    assert PanelDesign(gaps="drop_units").take(holes, ["x", "L.z"]).units == ("b",)
    assert len(PanelDesign(gaps="keep").take(holes, ["x", "L.z"]).unit_codes) == 7


@pytest.mark.parametrize(
    "formula",
    ["a:b", "a + a:b", "a + b + a:b", "x:a:b", "x + x:a:b", "x + x:a + x:a:b", "b + a:b + x"],
)
def test_dummies_span_what_r_and_patsy_span(formula: str) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"x": rng.standard_normal(60), "a": rng.choice(list("pqr"), 60), "b": rng.choice(list("uv"), 60)}
    )
    frame = frame.assign(unit=np.repeat(np.arange(6), 10), time=np.tile(np.arange(10), 6))
    panel = dc.Panel.from_frame(frame, unit="unit", time="time")
    terms = [":".join(f"C({p})" if p in "ab" else p for p in term.split(":")) for term in formula.split(" + ")]
    ours = np.column_stack([np.ones(60), panel.with_terms(terms).array(panel.expanded(terms))])
    theirs = np.asarray(model_matrix(formula, frame[["x", "a", "b"]]))
    rank = np.linalg.matrix_rank(theirs)
    assert ours.shape[1] == np.linalg.matrix_rank(ours) == rank
    assert np.linalg.matrix_rank(np.column_stack([ours, theirs])) == rank


def test_a_column_of_one_value_has_no_dummies(panel: dc.Panel) -> None:
    with pytest.raises(DataError, match="one value only, 1; leave the term out"):
        panel.with_columns({"same": np.ones(12)}).with_terms(["C(same)"])


def test_numbers_within_text_periods_are_sorted_by_size() -> None:
    months = [f"2010m{month}" for month in range(1, 13)]
    frame = pd.DataFrame({"unit": ["a"] * 12, "time": months, "x": np.arange(12.0)}).sample(frac=1, random_state=2)
    waves = frame.assign(time=frame["time"].str.replace("2010m", "wave "))
    assert dc.Panel.from_frame(waves, "unit", "time").periods == tuple(f"wave {wave}" for wave in range(1, 13))
    made = dc.Panel.from_frame(frame, unit="unit", time="time").with_terms(["L.x"])
    assert made.periods == tuple(months[1:])
    np.testing.assert_array_equal(made.array(["L.x"])[:, 0], np.arange(11.0))


def test_unknown_terms_are_explained(panel: dc.Panel) -> None:
    with pytest.raises(DataError, match=r"ln_x \(for log\(x\)\)"):
        panel.require(["log(z)"])
    with pytest.raises(DataError, match=r"C\(time\) makes dummies"):
        panel.require(["time"])
    with pytest.raises(DataError, match=r"or write C\(group\) for dummies"):
        panel.require(["group"])


def test_a_centred_variable_is_less_its_mean_over_the_rows_that_are_left(panel: dc.Panel) -> None:
    flat = FRAME.set_index(["unit", "time"])
    lagged = flat["x"].groupby("unit").shift(1).dropna()
    made = panel.with_terms(["L.x", "center(x)", "center(z)^2", "center(x):center(z)", "center(L.x)"]).frame()
    rows = flat.loc[made.index]
    x, z = rows["x"] - rows["x"].mean(), rows["z"] - rows["z"].mean()
    expected = {
        "center(x)": x,
        "center(z)^2": z**2,
        "center(x):center(z)": x * z,
        "center(L.x)": lagged - lagged.mean(),
    }
    for term, series in expected.items():
        pd.testing.assert_series_equal(made[term], series.rename(term), check_names=False)
    # without a lag there are more rows, and another mean
    whole = _made(panel, "center(x)")
    pd.testing.assert_series_equal(whole, flat["x"] - flat["x"].mean(), check_names=False)
    slopes = panel.with_terms(["center(x):C(group)"])
    np.testing.assert_allclose(slopes.array(["center(x):group[n]", "center(x):group[s]"]).sum(axis=1), whole)
    own = panel.with_columns({"center(x)": np.arange(12.0)})
    assert own.with_terms(["center(x)"]) is own


def test_constituents_say_what_is_centred(panel: dc.Panel) -> None:
    parts = panel.made_of(["center(x):L.z", "center(z)^2"])
    assert [spelt(part) for part in parts["center(x):L.z"]] == ["center(x)", "L.z"]
    (square,) = parts["center(z)^2"]
    assert (square.variable, square.power, square.centred) == ("z", 2, True)
    assert spelt(square) == "center(z)^2"
    assert square.base != square.uncentred


def test_a_sample_is_centred_on_its_own_rows(panel: dc.Panel) -> None:
    keep = panel.unit_codes != 1
    terms = ["center(x)", "center(x):center(L.z)"]
    for sample in (None, Sample(winsorise=(0.2, 0.2))):
        taken = PanelDesign().take(panel, terms, keep, sample)
        plain = panel.frame()
        if sample is not None:
            for name in ("x", "z"):
                plain[name] = plain[name].clip(*tails(panel.rows(keep).column(name), 0.2, 0.2))
        treated = panel.with_columns({name: plain[name].to_numpy() for name in ("x", "z")})
        expected = treated.rows(keep).with_terms(["x", "L.z"]).frame()
        x = expected["x"] - expected["x"].mean()
        np.testing.assert_allclose(taken.column("center(x)"), x)
        z = expected["L.z"] - expected["L.z"].mean()
        np.testing.assert_allclose(taken.column("center(x):center(L.z)"), x * z)


def test_lags_of_columns_with_hyphens_and_digits_in_front() -> None:
    renamed = dc.Panel.from_frame(FRAME.rename(columns={"x": "x-1", "z": "2z"}), unit="unit", time="time")
    plain = dc.Panel.from_frame(FRAME, unit="unit", time="time")
    for own, usual in (("L.x-1", "L.x"), ("D.2z", "D.z"), ("L2.2z", "L2.z"), ("L.x-1:2z", None)):
        if usual is None:
            # other terms of such names are read as columns
            with pytest.raises(DataError, match="no column"):
                renamed.with_terms([own]).require([own])
        else:
            np.testing.assert_array_equal(
                renamed.with_terms([own]).column(own), plain.with_terms([usual]).column(usual)
            )
    # a column of that name comes first
    there = dc.Panel.from_frame(FRAME.assign(**{"L.2z": FRAME["z"] + 1, "2z": FRAME["z"]}), unit="unit", time="time")
    np.testing.assert_array_equal(there.with_terms(["L.2z"]).column("L.2z"), plain.column("z") + 1)
