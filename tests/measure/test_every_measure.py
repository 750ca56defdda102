"""Per capita, per GDP and standardised: what every measure can do, also a user's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError, DataError
from digicarbon.measure import BeaMeasure, ColumnMeasure, Measure, NoMeasure
from digicarbon.source import Inputs, SimulatedSource
from digicarbon.spec import Names

FRAME = pd.DataFrame(
    {
        "unit": ["A", "A", "B"],
        "time": [2012, 2013, 2012],
        "sales": [30.0, 40.0, np.nan],  # 100m CNY
        "patents": [10, 20, 60],
        "population": [5.0, 5.0, 20.0],  # 10k persons
        "gdp": [100.0, 200.0, 300.0],  # 100m CNY
    }
)
INPUTS = Inputs(frame=FRAME, source="mine")


class Own(Measure):
    """Two columns of a user's own, rows in an order of their own."""

    terms: Names = ("double", "triple")

    def compute(self, inputs: Inputs) -> pd.DataFrame:
        table = inputs.series(["patents"], "mine").iloc[::-1]
        return table[["unit", "time"]].assign(double=2 * table["patents"], triple=3 * table["patents"])


@pytest.fixture(scope="module")
def simulated() -> Inputs:
    return SimulatedSource().load()


def test_nothing_asked_nothing_changed(simulated: Inputs) -> None:
    pd.testing.assert_frame_equal(BeaMeasure().transformed(simulated), BeaMeasure().compute(simulated))
    assert NoMeasure().transformed(INPUTS).columns.tolist() == ["unit", "time"]


def test_users_own_measure_has_them_for_free() -> None:
    found = Own(per="capita").transformed(INPUTS)
    assert found["time"].tolist() == [2012, 2013, 2012]
    assert found["double"].tolist() == [6.0, 8.0, 4.0]
    assert found["triple"].tolist() == [9.0, 12.0, 6.0]
    assert Own(per="gdp").transformed(INPUTS)["double"].tolist() == pytest.approx([120 / 300, 40 / 200, 20 / 100])
    assert "per 10k persons" in str(Own(per="capita").notes(INPUTS)[0])
    assert "per 100m CNY of GDP" in str(Own(per="gdp").notes(INPUTS)[0])


def test_a_share_of_gdp_is_a_share(simulated: Inputs) -> None:
    plain = BeaMeasure().compute(simulated)
    shares = BeaMeasure(per="gdp").transformed(simulated)
    # 10k CNY over 100m CNY
    np.testing.assert_allclose(shares["e"], plain["e"] / (simulated.frame["gdp"] * 1e4), rtol=1e-14)
    assert shares["e"].between(0, 1).all()
    assert list(shares.columns) == list(plain.columns)
    assert "shares of GDP" in str(BeaMeasure(per="gdp").notes(INPUTS)[0])


def test_money_per_head_is_in_10k_cny_per_person_as_gdp_per_head_is(simulated: Inputs) -> None:
    found = BeaMeasure(per="capita").transformed(simulated)
    share = BeaMeasure(per="gdp").transformed(simulated)
    # the panel's own GDP per head: 100m CNY over 10k persons
    per_head = simulated.frame["gdp"] / simulated.frame["population"]
    np.testing.assert_allclose(found["e"], share["e"] * per_head, rtol=1e-13)


@pytest.mark.parametrize(("money", "factor"), [("none", 1.0), ("100m_cny", 1.0), ("10k_cny", 1e-4)])
def test_columns_of_money(money: str, factor: float) -> None:
    found = ColumnMeasure(column="sales", name="m", money=money, per="gdp", terms=("m",)).transformed(INPUTS)
    np.testing.assert_allclose(found["m"], factor * FRAME["sales"] / FRAME["gdp"], rtol=1e-14)
    assert found["m"].isna().tolist() == [False, False, True]


def test_standardised_over_all_rows_gaps_left_out(simulated: Inputs) -> None:
    found = BeaMeasure(standardise=True, terms=("e",)).transformed(simulated)
    raw = BeaMeasure().compute(simulated)
    for name in ("sector1", "sector2", "ddl", "ide", "e"):
        np.testing.assert_allclose(found[name], (raw[name] - raw[name].mean()) / raw[name].std(), atol=1e-13)
    sales = ColumnMeasure(column="sales", name="m", standardise=True, terms=("m",)).transformed(INPUTS)["m"]
    assert sales.tolist()[:2] == pytest.approx([-np.sqrt(0.5), np.sqrt(0.5)])
    assert np.isnan(sales[2])


def test_per_capita_comes_before_standardising() -> None:
    found = Own(per="capita", standardise=True).transformed(INPUTS)["double"]
    assert found.tolist() == pytest.approx([0.0, 1.0, -1.0])
    assert len(tuple(map(str, Own(per="capita", standardise=True).notes(INPUTS)))) == 2


@pytest.mark.parametrize("term", ["ln_double", "L.ln_double", "ln_double^2", "patents:ln_double"])
def test_logarithm_of_a_standardised_column_is_refused(term: str) -> None:
    with pytest.raises(ConfigError, match=r"standardised column has negative values.*measure\.terms=\[double\]"):
        Own(standardise=True, terms=(term,)).transformed(INPUTS)
    # a column whose own name begins so is no logarithm to be taken
    named = ColumnMeasure(column="patents", name="ln_patents", standardise=True, terms=("ln_patents",))
    assert named.transformed(INPUTS)["ln_patents"].mean() == pytest.approx(0.0, abs=1e-15)


def test_changed_column_needs_a_name_of_its_own() -> None:
    for name in ("", "sales"):
        with pytest.raises(ConfigError, match=r"change the column 'sales'.*e.g. name=sales_measure"):
            ColumnMeasure(column="sales", name=name, per="capita", terms=("sales",))


def test_faults_are_named() -> None:
    with pytest.raises(DataError, match=r"measure\.per=capita needs the series population"):
        Own(per="capita").transformed(replace(INPUTS, frame=FRAME.drop(columns="population")))
    with pytest.raises(DataError, match="divides by 'gdp', which is zero or negative in source=mine for A 2013"):
        Own(per="gdp").transformed(replace(INPUTS, frame=FRAME.assign(gdp=[1.0, 0.0, 1.0])))
    with pytest.raises(DataError, match=r"'gdp' of source=mine holds text .*A 2013: 'n/a'"):
        Own(per="gdp").transformed(replace(INPUTS, frame=FRAME.assign(gdp=["1", "n/a", 3.0])))
    with pytest.raises(DataError, match="column 'double' does not vary"):
        Own(standardise=True).transformed(replace(INPUTS, frame=FRAME.assign(patents=7)))
    with pytest.raises(ConfigError, match="this one has none"):
        NoMeasure(per="capita").transformed(INPUTS)
    missing = Own(per="gdp").transformed(replace(INPUTS, frame=FRAME.assign(gdp=[np.nan, 1.0, 1.0])))
    assert missing["double"].isna().tolist() == [False, False, True]


def test_a_row_that_stands_twice_is_left_to_the_panel() -> None:
    twice = replace(INPUTS, frame=pd.concat([FRAME, FRAME.iloc[:1]]))
    assert len(Own(per="capita").transformed(twice)) == 4


def test_raw_column_is_an_artifact() -> None:
    kept = ColumnMeasure(column="patents", name="m", per="capita", terms=("m",)).artifacts(INPUTS)
    assert kept == {"indicators.csv": "unit,time,patents\nA,2012,10\nA,2013,20\nB,2012,60\n"}
    assert Own().artifacts(INPUTS) == {}


def test_permuted_by_whole_units(simulated: Inputs) -> None:
    plain = BeaMeasure().compute(simulated).pivot(index="unit", columns="time", values="e")
    found = BeaMeasure(permute=3).transformed(simulated).pivot(index="unit", columns="time", values="e")
    givers = [int(np.flatnonzero((plain == path).all(axis=1))[0]) for _, path in found.iterrows()]
    assert sorted(givers) == list(range(30))
    assert givers != list(range(30))
    again = BeaMeasure(permute=3).transformed(simulated).pivot(index="unit", columns="time", values="e")
    pd.testing.assert_frame_equal(found, again)
    other = BeaMeasure(permute=4).transformed(simulated).pivot(index="unit", columns="time", values="e")
    assert not found.equals(other)


def test_a_unit_hands_on_what_it_has_per_head(simulated: Inputs) -> None:
    plain = BeaMeasure(per="capita").transformed(simulated)["e"]
    found = BeaMeasure(per="capita", permute=1).transformed(simulated)["e"]
    assert sorted(found) == sorted(plain)
    assert found.tolist() != plain.tolist()
    (note, placebo) = tuple(map(str, BeaMeasure(per="capita", permute=1).notes(simulated)))[-2:]
    assert "per person" in note
    assert placebo.startswith("PLACEBO")


def test_a_permuted_unit_lacks_the_periods_that_its_giver_lacks() -> None:
    found = [Own(permute=seed).transformed(INPUTS).set_index(["unit", "time"])["double"] for seed in range(20)]
    swapped = next(values for values in found if values.loc["A", 2012] != 20.0)
    assert swapped.loc["A", 2012] == 120.0
    assert np.isnan(swapped.loc["A", 2013])
    assert swapped.loc["B", 2012] == 20.0


def test_a_row_that_stands_twice_cannot_be_permuted() -> None:
    twice = replace(INPUTS, frame=pd.concat([FRAME, FRAME.iloc[[1]]]))
    with pytest.raises(DataError, match=r"measure.permute=1: A has two rows for 2013"):
        Own(permute=1).transformed(twice)


def test_a_permuted_column_needs_a_name_of_its_own() -> None:
    with pytest.raises(ConfigError, match="permute=1 change the column 'patents'"):
        ColumnMeasure(column="patents", terms=("ln_patents",), permute=1)
