"""Intensity at constant prices: by hand, against the real panel's own deflated GDP, and what can be missing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import DataError
from digicarbon.outcome import Intensity
from digicarbon.source import Inputs

NAN = float("nan")


def inputs(**changes: list[object]) -> Inputs:
    columns: dict[str, object] = {
        "unit": ["A", "A", "A", "B", "B", "B"],
        "time": [2011, 2012, 2013, 2011, 2012, 2013],
        "gdp": [90.0, 100.0, 130.0, 40.0, 50.0, 60.0],
        "gdp_index": [NAN, 110.0, 120.0, NAN, 105.0, 100.0],
        "co2_sectoral": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    }
    return Inputs(frame=pd.DataFrame(columns | changes), source="mine")


def test_gdp_of_the_base_year_is_carried_by_the_index() -> None:
    found = Intensity(base_year=2012).compute(inputs())
    assert list(found.columns) == ["unit", "time", "ci", "real_gdp"]
    real = [100 / 1.1, 100.0, 120.0, 50 / 1.05, 50.0, 50.0]
    assert found["real_gdp"].tolist() == pytest.approx(real, rel=1e-14)
    assert found["ci"].tolist() == pytest.approx(100 * np.arange(1, 7) / real, rel=1e-14)
    _, note = tuple(map(str, Intensity(base_year=2012).notes(inputs())))
    assert note == "GDP is at prices of 2012: the GDP of that year, carried by 'gdp_index'."


def test_order_of_rows_does_not_matter() -> None:
    frame = inputs().frame.sample(frac=1, random_state=3)
    found = Intensity(base_year=2013).compute(Inputs(frame=frame, source="mine")).sort_index()
    pd.testing.assert_frame_equal(found, Intensity(base_year=2013).compute(inputs()))


def test_base_year_outside_the_panel_is_named() -> None:
    with pytest.raises(DataError, match=r"outcome\.base_year=2005: source=mine has the years 2011 to 2013"):
        Intensity(base_year=2005).compute(inputs())


def test_missing_index_years_are_named() -> None:
    gap = inputs(gdp_index=[NAN, 110.0, NAN, NAN, 105.0, 100.0])
    with pytest.raises(DataError, match=r"'gdp_index' of source=mine lacks A 2013, so that.*in 1 row that has GDP"):
        Intensity(base_year=2012).compute(gap)
    with pytest.raises(DataError, match=r"lacks A 2013, so that GDP at prices of 2013 does not exist in 2 rows"):
        Intensity(base_year=2013).compute(gap)
    # nothing is asked of years that have no CO2 anyway
    gap.frame.loc[2, "co2_sectoral"] = NAN
    assert Intensity(base_year=2012).compute(gap)["ci"].isna().tolist() == [False, False, True, False, False, False]


def test_a_year_without_a_row_is_a_gap_of_the_index() -> None:
    short = Inputs(frame=inputs().frame.drop(index=1), source="mine")
    with pytest.raises(DataError, match=r"lacks A 2012"):
        Intensity(base_year=2011).compute(short)
    with pytest.raises(
        DataError, match=r"base_year=2012: column 'gdp' of source=mine has no value in that year for A;"
    ):
        Intensity(base_year=2012).compute(short)


def test_other_faults_are_sentences() -> None:
    with pytest.raises(DataError, match=r"outcome\.base_year needs the series gdp_index, which source=mine"):
        Intensity(base_year=2012).compute(Inputs(frame=inputs().frame.drop(columns="gdp_index"), source="mine"))
    with pytest.raises(DataError, match=r"Column 'gdp_index' in source=mine is zero or negative for A 2012"):
        Intensity(base_year=2012).compute(inputs(gdp_index=[NAN, 0.0, 1.0, NAN, 1.0, 1.0]))
    quarters = inputs(time=["2011Q1", "2011Q2", "2011Q3"] * 2)
    with pytest.raises(DataError, match=r"base_year needs years as periods; source=mine has '2011Q1'"):
        Intensity(base_year=2012).compute(quarters)


def test_agrees_with_the_panels_own_series(load_real: Callable[..., Inputs]) -> None:
    real = load_real("china", years=None)
    found = Intensity(base_year=2011).compute(real)["real_gdp"]
    assert len(found) == 360
    # the file has eight digits
    np.testing.assert_allclose(found, real.frame["gdp_real"], rtol=1e-7)
