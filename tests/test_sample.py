"""Which units and periods are kept, and what is said of names that do not exist."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError, DataError
from digicarbon.panel import Panel, PanelDesign, Selection
from digicarbon.report import Labels
from digicarbon.sample import Sample
from digicarbon.spec import build


def _sample(**fields: Any) -> Sample:
    return build({"_target_": "digicarbon.sample.Sample", **fields}, Sample, "sample")


def _panel(units: list[object], regions: str = "") -> Panel:
    frame = pd.DataFrame([(unit, year) for unit in units for year in (2012, 2015, 2017)], columns=["u", "year"])
    frame = frame.assign(x=np.arange(float(len(frame))), zone=frame["u"].map({"a": "north"}).fillna("south"))
    return Panel.from_frame(frame, "u", "year", regions=regions)


ZONES = _panel(["a", "b", "c"], "zone")
LETTERS = _panel(["a", "b", "c"])


def test_an_empty_sample_takes_all() -> None:
    assert _sample().apply(ZONES) is ZONES
    assert _sample().apply(LETTERS) is LETTERS


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"drop_first": 1}, (2015, 2017)),
        ({"drop_last": 1}, (2012, 2015)),
        ({"drop_first": 1, "drop_last": 1}, (2015,)),
        ({"first": 2015, "drop_first": 1}, (2017,)),
        ({"periods": [2012, 2017], "drop_last": 1}, (2012,)),
    ],
)
def test_first_and_last_periods_of_any_panel_are_left_out(fields: dict[str, Any], kept: tuple[int, ...]) -> None:
    assert _sample(**fields).apply(LETTERS).periods == kept


def test_samples_of_quarters_are_named_by_quarters_and_years() -> None:
    frame = LETTERS.frame().reset_index()
    quarters = {2012: "Q4 2012", 2015: "Q1 2013", 2017: "Q1 2014"}
    panel = Panel.from_frame(frame.assign(year=frame["year"].map(quarters)), "u", "year")
    assert _sample(periods=["Q1 2014", "Q4 2012"]).apply(panel).periods == ("Q4 2012", "Q1 2014")
    assert _sample(first=2013).apply(panel).periods == ("Q1 2013", "Q1 2014")
    assert _sample(last=2013, drop_first=1).apply(panel).periods == ("Q1 2013",)
    waves = Panel.from_frame(frame.assign(year=frame["year"].map({2012: "b", 2015: "a", 2017: "c"})), "u", "year")
    assert _sample(periods=["a"]).apply(waves).periods == ("a",)
    for fields in ({"first": 2012}, {"drop_first": 1}):
        with pytest.raises(DataError, match=r"sample\..* need periods .* 'year' holds 'a', 'b', 'c', which are not"):
            _sample(**fields).apply(waves)


def test_periods_that_are_all_left_out_are_refused() -> None:
    with pytest.raises(DataError, match=r"drop_first=2 and sample\.drop_last=1 leave none of the 3 periods"):
        _sample(drop_first=2, drop_last=1).apply(LETTERS)


def test_units_periods_and_exclusions_are_combined() -> None:
    part = _sample(regions=["south"], units=["a", "b", "c"], without=["b"], periods=[2015]).apply(ZONES)
    assert (part.units, part.periods) == (("c",), (2015,))
    assert _sample(without=["b"]).apply(LETTERS).units == ("a", "c")
    assert _sample(units=["c", "a"]).apply(LETTERS).array(["x"])[:, 0].tolist() == [0, 1, 2, 6, 7, 8]
    assert _sample(periods=[2017, 2012]).apply(LETTERS).periods == (2012, 2017)


@pytest.mark.parametrize("regions", [[], ["south"]])
@pytest.mark.parametrize("key", ["units", "without"])
def test_an_unknown_unit_is_named(regions: list[str], key: str) -> None:
    with pytest.raises(
        DataError, match=rf"sample\.{key} names unknown units: Corkk\. Did you mean 'Cork'\? The panel has"
    ):
        _sample(regions=regions, **{key: ["Kerry", "Corkk"]}).apply(_panel(["Meath", "Cork", "Kerry"], "zone"))


def test_an_unknown_period_shows_those_there_are() -> None:
    with pytest.raises(DataError, match=r"sample\.periods: Unknown year: 2013\. The panel has 2012, 2015, 2017"):
        _sample(periods=[2012, 2013]).apply(LETTERS)


def test_regions_of_other_units_are_in_the_column_that_is_declared() -> None:
    panel = _panel(["a", "b", "c"], "zone")
    assert _sample(regions=["south"]).apply(panel).units == ("b", "c")
    # the rows of a sample keep the declaration
    assert _sample(regions=["north"]).apply(_sample(units=["a", "b"]).apply(panel)).units == ("a",)
    with pytest.raises(ConfigError, match=r"unknown region 'east'\. Regions: north, south\."):
        _sample(regions=["east"]).apply(panel)


def test_an_unknown_region_shows_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown region 'nort'\. Did you mean 'north'\? Regions: north, south"):
        _sample(regions=["nort"]).apply(ZONES)


def test_a_region_that_another_column_has_is_answered_with_the_line() -> None:
    line = r"Column 'area' of the data has 'south': write source\.regions=area beside it to take"
    frame = ZONES.frame().reset_index()
    for declared in ("", "zone"):
        columns = frame.assign(area="south", zone="inland").drop(columns=[] if declared else "zone")
        panel = Panel.from_frame(columns, "u", "year", regions=declared)
        with pytest.raises((ConfigError, DataError), match=line):
            _sample(regions=["south"]).apply(panel)


def test_an_empty_result_is_refused() -> None:
    with pytest.raises(DataError, match=r"No unit of the panel is left in the sample; loosen sample\.regions"):
        _sample(regions=["north"], units=["b"]).apply(ZONES)
    with pytest.raises(DataError, match="No unit of the panel is left"):
        _sample(without=["a", "b", "c"]).apply(LETTERS)


def test_a_bare_text_instead_of_a_list_is_one_name_or_refused_when_built() -> None:
    assert _sample(units="Beijing") == _sample(units=["Beijing"])
    with pytest.raises(ConfigError, match=r"sample\.units: .* write the list, \[Inner, Mongolia\]"):
        _sample(units="Inner Mongolia")
    with pytest.raises(ConfigError, match=r"sample\.periods"):
        _sample(periods="2012")


# queries, windows and outliers


FRAME = pd.DataFrame(
    {
        "unit": np.repeat(["a", "b", "c", "d"], 5),
        "time": list(range(2010, 2015)) * 4,
        "gdp": [1.0, 2, 3, 4, 5, 2, 4, 6, 8, 10, 3, 6, 9, 12, 15, 100, 8, 12, 16, 20],
        "per head": np.arange(20.0),
        "area": np.repeat(["north", "south"], 10),
    }
)


@pytest.fixture
def small() -> Panel:
    return Panel.from_frame(FRAME, unit="unit", time="time")


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("gdp > 9", {("b", 2014), ("c", 2013), ("c", 2014), *(("d", year) for year in (2010, 2012, 2013, 2014))}),
        ("area == 'north' and time >= 2013", {("a", 2013), ("a", 2014), ("b", 2013), ("b", 2014)}),
        ("unit in ['a', 'c'] and not time > 2010", {("a", 2010), ("c", 2010)}),
        ("`per head` / gdp > 2.4", {("c", 2010)} | {("b", 2010)}),
    ],
)
def test_a_query_keeps_the_rows_that_pandas_keeps(small: Panel, query: str, kept: set[tuple[str, int]]) -> None:
    found = Sample(query=query).apply(small)
    assert set(found.frame().index) == kept
    assert kept == set(FRAME.query(query).set_index(["unit", "time"]).index)


@pytest.mark.parametrize("query", ["__import__('os').system('true')", "gdp.mean() > 1", "gdp >", "", "@gdp > 1"])
def test_a_query_runs_no_program(query: str) -> None:
    with pytest.raises(ValueError, match="must be a condition on columns"):
        Sample(query=query)


def test_what_a_query_cannot_do_is_said(small: Panel) -> None:
    with pytest.raises(DataError, match=r"names gpd, which is no column\. Did you mean 'gdp'"):
        Sample(query="gpd > 1").apply(small)
    with pytest.raises(DataError, match="gives no yes or no"):
        Sample(query="gdp + 1").apply(small)
    with pytest.raises(DataError, match="cannot be evaluated"):
        Sample(query="area > 1").apply(small)
    with pytest.raises(DataError, match="no row of the panel is left"):
        Sample(query="gdp > 1e6").apply(small)


def test_a_bound_beyond_the_panel_is_refused(small: Panel) -> None:
    first, last = small.periods[0], small.periods[-1]
    for fields in ({"first": 3}, {"first": 2020}, {"last": 3}, {"last": 2020}):
        (name, value), *_ = fields.items()
        with pytest.raises(DataError, match=rf"^sample\.{name}={value}: .* lie in {first} to {last};") as caught:
            _sample(**fields).apply(small)
        assert caught.value.key == f"sample.{name}"


def test_a_window_of_years(small: Panel) -> None:
    assert Sample(first=2011, last=2013).apply(small).periods == (2011, 2012, 2013)


def _taken(panel: Panel, terms: Sequence[str], **fields: Any) -> Panel:
    return Selection(PanelDesign(gaps="keep"), panel, None, Sample(**fields)).take(terms)


def test_winsorising_is_statas_winsor2(small: Panel) -> None:
    # of 20 values, 10 % are 2: the percentile is the mean of the 2nd and 3rd; 5 % are one: of the 1st and 2nd
    treated = _taken(small, ["gdp"], winsorise=(0.10, 0.05)).array(["gdp"])[:, 0]
    ordered = np.sort(FRAME["gdp"])
    low, high = ordered[1:3].mean(), ordered[-2:].mean()
    np.testing.assert_array_equal(treated, FRAME["gdp"].clip(low, high))


def _winsor2(column: pd.Series[float], low: int, high: int) -> pd.Series[float]:
    """winsor2 VAR, cuts(low high), written out: percents as whole numbers, so that n p / 100 is exact."""
    ordered = sorted(column.dropna())
    ends = []
    for percent in (low, high):
        rank, rest = divmod(len(ordered) * percent, 100)
        ends.append((ordered[rank - 1] + ordered[rank]) / 2 if rest == 0 else ordered[rank])
    return column.clip(*ends)


@pytest.fixture(scope="module")
def gappy() -> pd.DataFrame:
    """100 units and 7 years: 700 rows, of which 7 % and 93 % are whole numbers of rows, not so as floats."""
    random = np.random.default_rng(8)
    frame = pd.DataFrame(itertools.product((f"u{i:03d}" for i in range(100)), range(2010, 2017)), columns=["u", "t"])
    frame = frame.assign(**{name: random.standard_t(3, len(frame)) for name in ("y", "x", "z")})
    frame["holes"] = frame["z"].where(random.random(len(frame)) > 0.4)
    return frame


def test_a_lag_is_that_of_the_winsorised_variable(gappy: pd.DataFrame) -> None:
    panel = Panel.from_frame(gappy, "u", "t")
    terms = ["y", "L.x", "D.x", "x^2", "x:z"]
    taken = _taken(panel, terms, winsorise=(0.07, 0.07)).frame()
    own = gappy.assign(**{name: _winsor2(gappy[name], 7, 93) for name in ("y", "x", "z")}).set_index(["u", "t"])
    own["L.x"] = own.groupby("u")["x"].shift()
    own = own.assign(**{"D.x": own["x"] - own["L.x"], "x^2": own["x"] ** 2, "x:z": own["x"] * own["z"]})
    pd.testing.assert_frame_equal(taken[terms], own.dropna(subset="L.x")[terms], check_names=False, rtol=1e-14)


def test_a_control_with_gaps_changes_no_other_variable(gappy: pd.DataFrame) -> None:
    panel = Panel.from_frame(gappy, "u", "t")
    one = _taken(panel, ["y", "x"], winsorise=(0.05, 0.05)).frame()
    other = _taken(panel, ["y", "x", "holes"], winsorise=(0.05, 0.05)).frame()
    assert len(other) < 0.7 * len(one)
    pd.testing.assert_frame_equal(other[["y", "x"]], one.loc[other.index, ["y", "x"]])
    np.testing.assert_array_equal(other["holes"], _winsor2(gappy["holes"], 5, 95).dropna().to_numpy())


def test_percentiles_are_those_of_the_sample(gappy: pd.DataFrame) -> None:
    """Rows that the sample lacks do not count; where a lag takes one, it is set to the same percentiles."""
    panel = Panel.from_frame(gappy, "u", "t")
    sample = Sample(first=2013, winsorise=(0.05, 0.05))
    taken = Selection(PanelDesign(), panel, sample.rows(panel), sample).take(["L.x", "x"]).frame()
    late = _winsor2(gappy.loc[gappy["t"] >= 2013, "x"], 5, 95)
    np.testing.assert_array_equal(taken["x"], late)
    lagged = gappy.groupby("u")["x"].shift()[late.index]
    np.testing.assert_array_equal(taken["L.x"], lagged.clip(late.min(), late.max()))


def test_trimming_leaves_rows_out(small: Panel) -> None:
    kept = _taken(small, ["gdp"], trim=(0.0, 0.05))
    assert set(small.frame().index) - set(kept.frame().index) == {("d", 2010)}
    untouched = _taken(small, ["gdp", "per head"], trim=(0.0, 0.05), outliers_of=["per head"])
    assert set(small.frame().index) - set(untouched.frame().index) == {("d", 2014)}


def test_a_trimmed_value_has_no_lag(small: Panel) -> None:
    kept = _taken(small, ["L.gdp"], trim=(0.0, 0.05)).frame()
    lagged = small.with_terms(["L.gdp"]).frame()
    assert set(lagged.index) - set(kept.index) == {("d", 2011)}


def test_outliers_are_treated_in_one_way_and_of_known_variables(small: Panel) -> None:
    with pytest.raises(ValueError, match="choose one of them"):
        Sample(trim=(0.01, 0.0), winsorise=(0.01, 0.0))
    with pytest.raises(ValueError, match="neither winsorise nor trim"):
        Sample(outliers_of=["gdp"])
    with pytest.raises(DataError, match=r"names L\.gdp, which the model does not use.* Its variables: gdp\."):
        _taken(small, ["L.gdp"], trim=(0.01, 0.0), outliers_of=["L.gdp"])
    with pytest.raises(ValueError, match=r"less than 0\.5"):
        Sample(winsorise=(0.5, 0.5))


@pytest.mark.parametrize("treatment", ["winsorise", "trim"])
def test_a_panel_in_python_has_the_outliers_of_a_run_treated(gappy: pd.DataFrame, treatment: str) -> None:
    panel = Panel.from_frame(gappy, "u", "t")
    sample = _sample(first=2013, **{treatment: [0.05, 0.1]})
    applied = sample.apply(panel)
    run = Selection(PanelDesign(gaps="keep"), panel, sample.rows(panel), sample).take(["y", "x", "x^2"])
    own = applied.complete(["y", "x"], gaps="keep").with_terms(["x^2"])
    assert (len(own.unit_codes) < len(applied.unit_codes)) == (treatment == "trim")
    pd.testing.assert_frame_equal(own.frame()[["y", "x", "x^2"]], run.frame()[["y", "x", "x^2"]])
    raw = Sample(first=2013).apply(panel).frame()
    assert not raw["x"].equals(applied.frame()["x"])


def test_only_named_variables_are_treated(small: Panel) -> None:
    every = Sample(winsorise=(0.2, 0.2)).apply(small).frame()
    some = Sample(winsorise=(0.2, 0.2), outliers_of=("gdp",)).apply(small).frame()
    pd.testing.assert_series_equal(some["gdp"], every["gdp"])
    pd.testing.assert_series_equal(some["per head"], small.frame()["per head"])
    with pytest.raises(DataError, match=r"outliers_of names gpd, which is no column .* Did you mean 'gdp'"):
        Sample(winsorise=(0.2, 0.2), outliers_of=("gpd",)).apply(small)


def test_a_sample_without_a_row_inside_names_its_field(small: Panel) -> None:
    with pytest.raises(DataError, match=r"^sample\.trim leaves no row"):
        _taken(small, ["gdp", "per head"], trim=(0.45, 0.45))


@pytest.mark.parametrize("query", ["", "  "])
def test_an_empty_query_names_null(query: str) -> None:
    with pytest.raises(ValueError, match="to keep all rows write null"):
        Sample(query=query)


@pytest.mark.parametrize(
    ("fields", "english", "chinese"),
    [
        ({"regions": ["east"]}, "Regions used: east.", "使用的地区：东部。"),
        ({"units": ["a", "b"]}, "Units used: a, b.", "使用的个体：a, b。"),
        ({"without": ["a"]}, "Units left out: a.", "剔除的个体：a。"),
        ({"periods": [2012, 2017]}, "Periods used: 2012, 2017.", "使用的时期：2012, 2017。"),
        ({"first": 2012}, "First period used: 2012.", "使用的首个时期：2012。"),
        ({"last": 2012}, "Last period used: 2012.", "使用的最后时期：2012。"),
        ({"drop_first": 1}, "Left out at the beginning: 1 period.", "剔除开头的1个时期。"),
        ({"drop_last": 2}, "Left out at the end: 2 periods.", "剔除末尾的2个时期。"),
        ({"query": " x > 3 "}, "Rows used: those with x > 3.", "使用的观测：满足x > 3。"),
    ],
)
def test_what_a_sample_leaves_out_is_a_note(fields: dict[str, Any], english: str, chinese: str) -> None:
    (found,) = _sample(**fields).notes
    assert str(found) == english
    assert [note.replace("、", ", ") for note in Labels("zh").notes([found])] == [chinese]


def test_treated_outliers_are_a_note_and_all_rows_are_none() -> None:
    assert tuple(map(str, _sample().notes)) == ()
    (note,) = _sample(winsorise=[0.01, 0.02], outliers_of=["x"]).notes
    assert str(note) == (
        "Outliers: of each variable, shares of 0.01 and 0.02 of the lower and upper tail are set to these percentiles "
        "of all rows of the sample that have it, before lags, powers and products are made. Variables: x."
    )
    assert Labels("zh").notes([note])[0].startswith("异常值：各变量下尾0.01和上尾0.02的取值缩尾至相应分位数；")
