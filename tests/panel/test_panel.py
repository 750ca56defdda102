"""The panel owns the order: any order of rows gives the same panel; what is wrong is a sentence."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digicarbon.errors import DataError
from digicarbon.panel import Panel, label
from digicarbon.panel._index import Column, all_finite

TIDY = pd.DataFrame(
    {
        "省份": ["北京", "北京", "Inner Mongolia", "Inner Mongolia", "ＧＤＰ省", "ＧＤＰ省"],
        "year": [2012, 2013] * 3,
        "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "z": [10, 20, 30, 40, 50, 60],
        "region": list("eewwcc"),
    }
)


def _panel(**columns: Any) -> Panel:
    return Panel.from_frame(TIDY.assign(**columns), "省份", "year")


def test_rows_are_sorted_by_unit_and_period() -> None:
    panel = Panel.from_frame(TIDY.iloc[[3, 0, 5, 1, 4, 2]], "省份", "year")
    assert panel.units == ("Inner Mongolia", "北京", "ＧＤＰ省")
    assert panel.periods == (2012, 2013)
    assert panel.names == ("x", "z")
    assert panel.array(["z", "x"]).tolist() == [[30, 3], [40, 4], [10, 1], [20, 2], [50, 5], [60, 6]]
    assert panel.unit_codes.tolist() == [0, 0, 1, 1, 2, 2]
    assert panel.period_codes.tolist() == [0, 1] * 3
    assert panel.text["region"].tolist() == list("wweecc")
    assert (panel.unit_name, panel.time_name, panel.shape, panel.balanced) == ("省份", "year", (3, 2), True)


@given(order=st.permutations(range(6)), data=st.data())
def test_shuffling_rows_changes_nothing(order: list[int], data: st.DataObject) -> None:
    values = data.draw(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=6, max_size=6))
    frame = TIDY.assign(x=values)
    first = Panel.from_frame(frame, "省份", "year")
    second = Panel.from_frame(frame.iloc[order], "省份", "year")
    assert (first.units, first.periods, first.names) == (second.units, second.periods, second.names)
    np.testing.assert_array_equal(first.values, second.values)
    assert first.text["region"].tolist() == second.text["region"].tolist()
    assert first.digest == second.digest


@given(order=st.permutations(range(6)), dropped=st.integers(0, 5), gaps=st.sampled_from(["drop_units", "keep"]))
def test_shuffling_rows_with_a_gap_changes_nothing(order: list[int], dropped: int, gaps: Any) -> None:
    kept = [row for row in order if row != dropped]
    first = Panel.from_frame(TIDY.drop(index=dropped), "省份", "year", gaps)
    second = Panel.from_frame(TIDY.iloc[kept], "省份", "year", gaps)
    assert first.units == second.units
    assert first.digest == second.digest
    assert first.balanced is (gaps == "drop_units")


def test_the_cube_is_periods_by_units_by_columns() -> None:
    cube = _panel().cube(["x", "z"])
    assert cube.shape == (2, 3, 2)
    assert cube.flags.c_contiguous
    assert cube[1, :, 0].tolist() == [4, 2, 6]
    assert cube[0, :, 1].tolist() == [30, 10, 50]


def test_a_panel_is_frozen_and_apart_from_its_frame() -> None:
    frame = TIDY.copy()
    panel = Panel.from_frame(frame, "省份", "year")
    with pytest.raises(ValueError, match="read-only"):
        panel.values[0, 0] = 9
    with pytest.raises(ValueError, match="read-only"):
        panel.unit_codes[0] = 2
    with pytest.raises(ValueError, match="read-only"):
        panel.period_codes[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        panel.text["region"][0] = "q"
    for derived in (
        panel.select(units=["北京"]),
        panel.with_columns({"n": np.zeros(6)}),
        panel.complete(["x"], "keep"),
    ):
        assert not derived.values.flags.writeable
    frame["x"] = 0.0
    assert panel.array(["x"]).sum() == 21


def test_the_frame_goes_there_and_back() -> None:
    panel = _panel()
    frame = panel.frame()
    assert frame.index.names == ["省份", "year"]
    assert list(frame.columns) == ["x", "z", "region"]
    assert Panel.from_frame(frame, "省份", "year").digest == panel.digest
    assert Panel.from_frame(frame.reset_index(), "省份", "year").digest == panel.digest
    assert Panel.from_frame(frame.reset_index().set_index("省份", drop=False), "省份", "year").digest == panel.digest


@pytest.mark.parametrize(
    "codes", [[11, 11, 2, 2], [11.0, 11.0, 2.0, 2.0], ["11", "11", " 2", "2 "], ["11", 11.0, 2, "2"]]
)
def test_11_and_its_spellings_are_one_unit(codes: list[object]) -> None:
    frame = pd.DataFrame({"id": pd.Series(codes, dtype=object), "t": [1, 2, 1, 2], "x": [1.0, 2, 3, 4]})
    panel = Panel.from_frame(frame, "id", "t")
    assert panel.units == ("2", "11")
    assert panel.array(["x"])[:, 0].tolist() == [3, 4, 1, 2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (11, "11"),
        (np.int64(11), "11"),
        (11.0, "11"),
        (np.float32(11), "11"),
        (" 内 蒙\u3000", "内 蒙"),
        (1.5, "1.5"),
        ("01", "01"),
    ],
)
def test_a_label_is_text(value: object, text: str) -> None:
    assert label(value) == text


@pytest.mark.parametrize(
    ("times", "periods"),
    [
        (["2012", "2013"], (2012, 2013)),
        ([2012.0, 2013.0], (2012, 2013)),
        (pd.Categorical(["2012", "2013"]), (2012, 2013)),
        (pd.PeriodIndex(["2012", "2013"], freq="Y"), (2012, 2013)),
        (pd.PeriodIndex(["2012Q1", "2012Q2"], freq="Q"), ("2012Q1", "2012Q2")),
        (pd.to_datetime(["2012-03-01", "2012-04-01"]), ("2012-03-01", "2012-04-01")),
        (["第1年", "第2年"], ("第1年", "第2年")),
    ],
)
def test_periods_are_whole_numbers_or_text(times: Any, periods: tuple[object, ...]) -> None:
    panel = Panel.from_frame(pd.DataFrame({"u": ["a", "a"], "t": times, "x": [1, 2]}), "u", "t")
    assert panel.periods == periods
    assert panel.array(["x"])[:, 0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        (TIDY.rename(columns={"year": "years"}), "no column 'year'. Did you mean 'years'"),
        (TIDY.head(0), "has no rows"),
        (pd.concat([TIDY, TIDY[["x"]]], axis=1), "more than one column called x; rename"),
        (TIDY.assign(省份=["北京", None, *TIDY["省份"][2:]]), "empty in data row 2"),
        (TIDY.assign(省份=["北京", "北京", " ", "\u3000", "a", "a"]), "empty in data row 3, 4"),
        (TIDY.assign(year=[2012, np.nan, 2012, 2013, 2012, 2013]), "empty in data row 2"),
        (
            TIDY.assign(year=["2012", "2013", "2012", "2013", "2012", "12月"]),
            "mixes whole numbers with other values: 12月",
        ),
        (TIDY.assign(year=[2012, 2013.5] * 3), "mixes whole numbers with other values: 2013.5"),
        (TIDY.iloc[[0, 1, 2, 3, 4, 5, 1]], r"More than one row for 北京 2013 \(data rows 2, 7\); keep one"),
        (TIDY.assign(省份=["11", "11", "11 ", 11.0, "a", "a"]), r"11 2012 \(data rows 1, 3\), 11 2013 \(data rows 2"),
        (TIDY.drop(index=2), "gaps: Inner Mongolia 2012 has no row.*gaps=drop_units.*gaps=keep .*unbalanced_spatial"),
    ],
)
def test_what_is_wrong_is_a_sentence(frame: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Panel.from_frame(frame, "省份", "year")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda f: f.assign(t=f["t"].mask((f["u"] == "r07") & (f["t"] == 2015), 2051)),
            r"gaps: only r07 has a row for 2051 \(of 20 units\); r07 2015 has no row\. Correct or add",
        ),
        (
            lambda f: pd.concat([f, pd.DataFrame({"u": ["Totale"], "t": [2012], "x": [1.0]})]),
            r"gaps: only 2012 has a row for Totale \(of 10 periods\)\. Correct",
        ),
        (
            lambda f: pd.concat([f, pd.DataFrame({"u": ["Totale", "r01"], "t": [2051, 2051], "x": [1.0, 2.0]})]),
            r"gaps: only Totale, r01 have rows for 2051 \(of 21 units\)\. Correct",
        ),
        (lambda f: f.drop(index=[3, 40]), r"gaps: r00 2013, r04 2010 have no row\."),
        (
            lambda f: f[(f["u"] < "r03") | (f["t"] > 2011)],
            r"only r00, r01, r02 have rows for 2010 \(of 20 units\); only",
        ),
    ],
)
def test_gaps_say_what_is_odd_and_not_all_that_is_missing(change: Any, sentence: str) -> None:
    frame = pd.DataFrame([(f"r{i:02}", t, 1.0) for i in range(20) for t in range(2010, 2020)], columns=["u", "t", "x"])
    with pytest.raises(DataError, match=sentence):
        Panel.from_frame(change(frame), "u", "t")


def test_a_missing_row_drops_its_unit_or_is_kept() -> None:
    short = TIDY.drop(index=2)
    dropped = Panel.from_frame(short, "省份", "year", gaps="drop_units")
    assert dropped.units == ("北京", "ＧＤＰ省")
    assert dropped.array(["x"])[:, 0].tolist() == [1, 2, 5, 6]
    assert dropped.text["region"].tolist() == list("eecc")
    kept = Panel.from_frame(short, "省份", "year", gaps="keep")
    assert not kept.balanced
    assert kept.array(["x"])[:, 0].tolist() == [4, 1, 2, 5, 6]
    with pytest.raises(DataError, match="not balanced: Inner Mongolia 2012 missing"):
        kept.cube(["x"])
    with pytest.raises(DataError, match="No unit is complete"):
        Panel.from_frame(TIDY.iloc[[0, 3, 4]], "省份", "year", gaps="drop_units")


def test_text_where_numbers_are_needed_names_the_cells() -> None:
    panel = _panel(gdp=["1,234", "2", None, "4", "n/a", "6"])
    assert panel.names == ("x", "z")
    with pytest.raises(DataError, match=r"'gdp' holds text .*北京 2012: '1,234', ＧＤＰ省 2012: 'n/a'"):
        panel.array(["gdp"])
    assert panel.array(["x"]).shape == (6, 1)


def test_numbers_in_text_and_labelled_columns_are_numbers() -> None:
    panel = _panel(a=["1", " 2", "3.5", "4", "5", "6"], b=pd.Categorical(list("123456")), c=pd.array([1] * 6, "Int64"))
    assert panel.array(["a", "b", "c"])[3].tolist() == [2, 2, 1]


def test_missing_values_are_refused_when_used() -> None:
    panel = _panel(x=[1, np.nan, 3, np.inf, 5, 6])
    said = r"'x' has no finite value for Inner Mongolia 2013, 北京 2013. Add gaps=keep .* gaps=drop_units .*complete"
    with pytest.raises(DataError, match=said):
        panel.array(["z", "x"])
    with pytest.raises(DataError, match=r"no column 'zz'\. Did you mean 'z'"):
        panel.array(["zz"])
    assert panel.array(["z"]).sum() == 210


@pytest.mark.parametrize("rows", [12, 20_000])
@pytest.mark.parametrize(
    ("odd", "finite"), [(1.0, True), (1e200, True), (np.nan, False), (np.inf, False), (-np.inf, False)]
)
def test_columns_are_finite_together_as_each_is(rows: int, odd: float, finite: bool) -> None:
    values = np.ones((rows, 3))
    values[5, 1] = odd
    columns = [Column(column) for column in values.T]
    assert all_finite(columns) is finite
    assert [column.finite for column in columns] == [True, finite, True]
    np.testing.assert_allclose([column.square for column in columns[::2]], rows)


def test_a_part_of_a_column_does_not_hold_the_whole() -> None:
    whole = Column(np.arange(6.0))
    gone, part = weakref.ref(whole), whole.cut(np.arange(6) < 2)
    assert part.values.tolist() == [0.0, 1.0]
    del whole
    assert gone() is None
    assert part.values.tolist() == [0.0, 1.0]


def test_complete_treats_values_as_rows() -> None:
    panel = _panel(x=[1, np.nan, 3, np.inf, 5, 6])
    assert panel.complete(["z"]) is panel
    with pytest.raises(DataError, match="'x' has no finite value"):
        panel.complete(["x"])
    assert panel.complete(["x"], "drop_units").units == ("ＧＤＰ省",)
    kept = panel.complete(["x", "z"], "keep")
    assert kept.array(["x"])[:, 0].tolist() == [3, 1, 5, 6]
    for gaps in ("refuse", "drop_units", "keep"):
        with pytest.raises(DataError, match="'region' holds text"):
            panel.complete(["region"], gaps)
        with pytest.raises(DataError, match="no column 'q'"):
            panel.complete(["q"], gaps)


def test_select_takes_units_and_periods_by_label() -> None:
    panel = _panel()
    part = panel.select(units=["ＧＤＰ省", " 北京"], periods=[2013])
    assert (part.units, part.periods) == (("北京", "ＧＤＰ省"), (2013,))
    assert part.array(["x"])[:, 0].tolist() == [2, 6]
    assert part.text["region"].tolist() == ["e", "c"]
    assert panel.select() is panel
    with pytest.raises(DataError, match="Unknown 省份: 京"):
        panel.select(units=["京"])
    with pytest.raises(DataError, match=r"Unknown year: 2011\. .*The panel has 2012, 2013"):
        panel.select(periods=[2011])
    with pytest.raises(DataError, match="No rows are left"):
        panel.select(units=[])


def test_rows_keep_the_units_and_periods_that_remain() -> None:
    panel = _panel()
    part = panel.rows(panel.array(["x"])[:, 0] < 3)
    assert (part.units, part.periods, part.shape) == (("北京",), (2012, 2013), (1, 2))
    assert panel.rows(np.ones(6, dtype=bool)) is panel
    with pytest.raises(DataError, match="No rows are left"):
        panel.rows(np.zeros(6, dtype=bool))


def test_the_panel_shows_its_size() -> None:
    assert repr(_panel()) == "Panel of 3 units × 2 periods (2012 to 2013): x, z"
    assert "<td>6</td>" in _panel()._repr_html_()
    short = Panel.from_frame(TIDY.drop(index=2), "省份", "year", gaps="keep")
    assert "not balanced" in repr(short)


def test_new_columns_replace_old_ones_of_any_kind() -> None:
    panel = _panel()
    new = panel.with_columns({"x": np.arange(6.0), "region": np.ones(6), "n": np.zeros(6)})
    assert new.names == ("z", "x", "region", "n")
    assert new.array(["x", "region"]).sum() == 21
    assert new.text == {}
    assert panel.array(["x"])[0, 0] == 3


def test_the_digest_tells_values_labels_and_names_apart() -> None:
    panel = _panel()
    digests = {
        panel.digest,
        _panel(x=TIDY["x"] + 1e-12).digest,
        _panel(year=TIDY["year"] + 1).digest,
        Panel.from_frame(TIDY.rename(columns={"x": "y"}), "省份", "year").digest,
        Panel.from_frame(TIDY.replace("北京", "北京市"), "省份", "year").digest,
    }
    assert len(digests) == 5
    assert _panel().digest == panel.digest
