"""Periods in any usual writing are the same calendar; what can be read in two ways or not at all has no lags."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from cases import listed
from hypothesis import given, settings
from hypothesis import strategies as st

from digicarbon.errors import DataError
from digicarbon.panel._index import calendar_of

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FULL = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
        "December")  # fmt: skip

Form = Callable[[int, int], Any]


def _end(year: int, quarter: int) -> date:
    return (pd.Timestamp(year, 3 * quarter, 1) + pd.offsets.MonthEnd()).date()


QUARTERS: dict[str, Form] = {
    "2010Q1": lambda y, q: f"{y}Q{q}",
    "2010q1": lambda y, q: f"{y}q{q}",
    "2010-Q1": lambda y, q: f"{y}-Q{q}",
    "2010 Q1": lambda y, q: f"{y} Q{q}",
    "Q1 2010": lambda y, q: f"Q{q} {y}",
    "Q1-2010": lambda y, q: f"Q{q}-{y}",
    "1Q2010": lambda y, q: f"{q}Q{y}",
    "T1 2010": lambda y, q: f"T{q} {y}",
    "2010年第一季度": lambda y, q: f"{y}年第{'一二三四'[q - 1]}季度",
    "3/2010": lambda y, q: f"{3 * q}/{y}",
    "03.2010": lambda y, q: f"{3 * q:02}.{y}",
    "2010-03": lambda y, q: f"{y}-{3 * q:02}",
    "2010M3": lambda y, q: f"{y}M{3 * q}",
    "201003": lambda y, q: 100 * y + 3 * q,
    "20100331": lambda y, q: int(f"{_end(y, q):%Y%m%d}"),
    "Mar 2010": lambda y, q: f"{MONTHS[3 * q - 1]} {y}",
    "March 2010": lambda y, q: f"{FULL[3 * q - 1]} {y}",
    "2010年3月": lambda y, q: f"{y}年{3 * q}月",
    "2010-03-31": lambda y, q: _end(y, q).isoformat(),
    "31/3/2010": lambda y, q: f"{_end(y, q).day}/{3 * q}/{y}",
    "3/31/2010": lambda y, q: f"{3 * q}/{_end(y, q).day}/{y}",
    "31.03.2010": lambda y, q: f"{_end(y, q):%d.%m.%Y}",
    "31mar2010": lambda y, q: f"{_end(y, q).day}{MONTHS[3 * q - 1].lower()}{y}",
    "end of the quarter": _end,
    "first day of it": lambda y, q: pd.Timestamp(y, 3 * q - 2, 1),
    "pandas' quarters": lambda y, q: pd.Period(year=y, quarter=q, freq="Q"),
}


def _frame(form: Form, kept: list[int], periods: list[tuple[int, int]], seed: int = 0) -> pd.DataFrame:
    """Return three units in some of the periods, rows shuffled."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((3, len(periods))).cumsum(axis=1)
    y = 0.5 * x + rng.standard_normal(x.shape)
    rows = [(f"u{i}", form(*periods[t]), x[i, t], y[i, t]) for i in range(3) for t in kept]
    return pd.DataFrame(rows, columns=["unit", "time", "x", "y"]).sample(frac=1, random_state=seed)


TWENTY = [(year, quarter) for year in range(2008, 2013) for quarter in range(1, 5)]


@pytest.mark.parametrize("name", QUARTERS)
@pytest.mark.parametrize("hole", [None, 7])
def test_every_writing_of_quarters_gives_the_estimates_of_whole_numbers(name: str, hole: int | None) -> None:
    kept = [t for t in range(20) if t != hole]
    numbers = dc.Panel.from_frame(_frame(lambda y, q: 4 * y + q, kept, TWENTY), "unit", "time")
    written = dc.Panel.from_frame(_frame(QUARTERS[name], kept, TWENTY), "unit", "time")
    assert written.positions.tolist() == numbers.positions.tolist() == kept
    for fields in (
        {"x": ["L.x"], "cov": "newey_west"},
        {"x": ["x", "L2.y"], "cov": "driscoll_kraay"},
        {"x": ["D.x", "F.x"]},
        {"x": ["x"], "estimator": "first_difference"},
    ):
        model = dc.PanelRegression(y="y", effects="unit", **fields)
        expected, found = model.fit(numbers), model.fit(written)
        assert found.statistics["nobs"] == expected.statistics["nobs"]
        np.testing.assert_array_equal(found.estimates.to_numpy(), expected.estimates.to_numpy())


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(QUARTERS)),
    kept=st.lists(st.integers(0, 19), min_size=8, max_size=20, unique=True).filter(
        lambda kept: np.gcd.reduce(np.diff(sorted(kept))) == 1 and np.ptp([TWENTY[t][1] for t in kept]) > 0
    ),
    seed=st.integers(0, 9),
)
def test_lags_are_those_of_the_calendar_whatever_periods_there_are(name: str, kept: list[int], seed: int) -> None:
    frame = _frame(QUARTERS[name], kept, TWENTY, seed)
    at = dict(zip([QUARTERS[name](*period) for period in TWENTY], range(20), strict=True))
    flat = frame.assign(time=frame["time"].map(at)).set_index(["unit", "time"])["x"]
    before = flat.rename(index=lambda t: t + 1, level="time").reindex(flat.index).dropna().sort_index()
    panel = dc.Panel.from_frame(frame, "unit", "time")
    if before.empty:
        with pytest.raises(DataError, match=r"No row of the panel has L\.x"):
            panel.with_terms(["L.x"])
    else:
        np.testing.assert_array_equal(panel.with_terms(["L.x"]).column("L.x"), before.to_numpy())


def test_periods_keep_their_writing_in_the_order_of_the_calendar() -> None:
    frame = _frame(QUARTERS["Mar 2010"], list(range(6)), TWENTY)
    panel = dc.Panel.from_frame(frame, "unit", "time")
    assert panel.periods == ("Mar 2008", "Jun 2008", "Sep 2008", "Dec 2008", "Mar 2009", "Jun 2009")
    assert panel.frame().index[1] == ("u0", "Jun 2008")
    fitted = dc.PanelRegression(y="y", x=["x"], effects="time", estimator="lsdv").fit(panel)
    assert fitted.terms[1:4] == ("time[Mar 2008]", "time[Jun 2008]", "time[Sep 2008]")


@pytest.mark.parametrize(
    ("labels", "positions"),
    [
        (["2012", "2010年", "2011年度"], [2, 0, 1]),
        (["2010H1", "H2 2010", "2011-S1", "2012年上半年"], [0, 1, 2, 4]),
        # a survey of every second year; dates are treated as numbers are
        ([2010, 2012, 2014], [0, 1, 2]),
        (["2010-06-01", "2012-06-01", "2014-06-01"], [0, 1, 2]),
        (["2010-06-01", "2012-06-01", "2015-06-01"], [0, 2, 5]),
        # month ends that are no last days, weeks, days
        (["2012-03-30", "2012-06-29", "2012-09-28"], [0, 1, 2]),
        (["2012-01-02", "2012-01-09", "2012-01-23"], [0, 1, 3]),
        (["2012-01-02/2012-01-08", "2012-01-09/2012-01-15", "2012-01-23/2012-01-29"], [0, 1, 3]),
        (["2012-01-31", "2012-02-01", "2012-02-03"], [0, 1, 3]),
        (["2012-01-31 00:00:00", "2012-02-01 00:00:00", "2012-02-03 00:00:00"], [0, 1, 3]),
        (["2 January 2012", "January 3, 2012", "2012年1月5日"], [0, 1, 3]),
        # one reading alone fits all of them
        (["1/2/2012", "13/2/2012", "14/2/2012"], [0, 12, 13]),
        (["2/1/2012", "2/13/2012", "2/14/2012"], [0, 12, 13]),
        (["1/2010", "10/2010", "1/2011"], [0, 3, 4]),
        (["01/2010", "02/2010", "01/2011"], [0, 1, 12]),
        (["1.2010", "10.2010", "1.2011"], [0, 3, 4]),
        # quarters and months of one year are as far apart
        (["2010-1", "2010-2", "2010-4"], [0, 1, 3]),
        # school years are thirteen months apart as months, which is one step
        (["2009/10", "2010/11", "2011/12"], [0, 1, 2]),
        ([201011, 201012, 201101], [0, 1, 2]),
        ([20101231, 20110101, 20110103], [0, 1, 3]),
        # no month: numbers as they are
        ([201012, 201013, 201101], [0, 1, 89]),
        (["２０１０Ｑ１", "2010Q2"], [0, 1]),
    ],
)
def test_forms_and_distances(labels: list[int | str], positions: list[int]) -> None:
    calendar = calendar_of(labels, "t")
    assert calendar.numbers is not None
    distance = calendar.numbers - calendar.numbers.min()
    assert (distance // np.gcd.reduce(distance)).tolist() == positions


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (["wave 1", "wave 2", "wave 3", "wave 4"], "'t' holds 'wave 1', 'wave 2', 'wave 3' and 1 more, which are not"),
        (["2010Q1", "2010Q2", "2010Q5"], "'2010Q5' cannot be read as a quarter, as the others can, e.g. '2010Q1'"),
        (["2010Q1", "2010M5"], "not understood as a calendar"),
        (["30 Feb 2010", "31 Feb 2010", "1 Mar 2010"], "not understood as a calendar"),
        (["Foo 2010", "Bar 2010"], "not understood as a calendar"),
        (
            ["1/4/2010", "1/7/2010", "1/10/2010", "1/1/2011"],
            "1/4/2010 may be a date with the day first or a date with the month first; .* like 2010-03-31",
        ),
        (["1/2010", "4/2010", "1/2011"], "1/2010 may be a month or a quarter; .* like 2010M3, 2010Q1"),
        (["2010-1", "2010-2", "2011-1"], "may be a month or a quarter; .* like 2010M3, 2010Q1, 2010H1"),
    ],
)
def test_what_is_not_understood_is_said(labels: list[str], sentence: str) -> None:
    calendar = calendar_of(labels, "t")
    assert calendar.numbers is None
    assert re.search(sentence, str(calendar.problem))


def test_one_period_in_two_writings_is_refused() -> None:
    with pytest.raises(DataError, match="Column 't': '2010Q1' and 'Q1 2010' are the same period"):
        calendar_of(["2010Q1", "Q2 2010", "Q1 2010"], "t")


def _waves() -> dc.Panel:
    frame = _frame(lambda y, q: f"wave {'abcdefghijklmnopqrst'[4 * (y - 2008) + q - 1]}", list(range(20)), TWENTY)
    return dc.Panel.from_frame(frame, "unit", "time")


@pytest.mark.parametrize(
    "model",
    [
        dc.PanelRegression(y="y", x=["L.x"], effects="unit"),
        dc.PanelRegression(y="y", x=["F.x"], effects="unit"),
        dc.PanelRegression(y="y", x=["D.x"], effects="unit"),
        dc.PanelRegression(y="y", x=["x"], effects="unit", estimator="first_difference"),
        dc.PanelRegression(y="y", x=["x"], effects="unit", cov="newey_west"),
        dc.PanelRegression(y="y", x=["x"], effects="unit", cov="driscoll_kraay"),
        *listed("ORDERED_MODELS"),
    ],
)
def test_labels_without_an_order_are_refused_where_it_matters(model: Any) -> None:
    with pytest.raises(DataError, match=r"'wave a', 'wave b', 'wave c' and 17 more, which are not .* Write per"):
        model.fit(_waves())


def test_labels_without_an_order_are_labels_elsewhere() -> None:
    panel, numbers = (
        _waves(),
        dc.Panel.from_frame(_frame(lambda y, q: 4 * y + q, list(range(20)), TWENTY), "unit", "time"),
    )
    for fields in ({"effects": "two_way"}, {"effects": "unit", "cov": "driscoll_kraay", "bandwidth": 0}):
        model = dc.PanelRegression(y="y", x=["x"], **fields)
        np.testing.assert_array_equal(model.fit(panel).estimates, model.fit(numbers).estimates)
    one = panel.select(periods=["wave c"])
    assert one.positions.tolist() == [0]


def test_a_sample_of_text_periods_keeps_what_the_whole_column_said() -> None:
    days = pd.Series(pd.date_range("2010-11-28", periods=40)).dt.strftime("%d/%m/%Y").tolist()
    frame = pd.DataFrame({"unit": ["a"] * 40, "time": days, "x": np.arange(40.0)})
    part = dc.Panel.from_frame(frame, "unit", "time").select(periods=["01/12/2010", "02/12/2010", "01/01/2011"])
    assert part.positions.tolist() == [0, 1, 31]
    alone = part.frame().reset_index()
    alone_panel = dc.Panel.from_frame(alone, "unit", "time")
    # these three could be months as well, and their hash says that something else is known of them
    with pytest.raises(DataError, match="with the day first or a date with the month first"):
        alone_panel.rows_before(1)
    assert part.digest != alone_panel.digest


def test_the_hash_of_a_panel_of_years_is_that_of_its_labels_alone() -> None:
    frame = pd.DataFrame({"unit": ["a", "a", "b", "b"], "time": [2012, 2013] * 2, "x": [1.0, 2.0, 3.0, 4.0]})
    # as it was before periods had a calendar
    assert dc.Panel.from_frame(frame, "unit", "time").digest == (
        "ac94afe3b766388a90f2791bf55a598ae6824761390fb2464389b156cc59350e"
    )
