"""Units and periods are found where only one pair of columns can be meant."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from digicarbon.errors import DataError
from digicarbon.source import TableSource

ROWS = pd.DataFrame(
    {
        "region": ["east", "east", "west", "west"] * 2,
        "code": ["01", "01", "02", "02"] * 2,
        "省份": ["北京", "北京", "甘肃", "甘肃"] * 2,
        "year": [2012, 2013] * 2 + [2014, 2015] * 2,
        "ci": [1.5, 2.5, 3.5, 4.5, 1.0, 2.0, 3.0, 4.0],
    }
)


def _keys(frame: pd.DataFrame, tmp_path: Path, **fields: str) -> tuple[str, str]:
    path = tmp_path / "panel.csv"
    frame.to_csv(path, index=False)
    inputs = TableSource(path=str(path), **fields).load()
    return inputs.unit_name, inputs.time_name


def test_the_one_pair_is_taken(tmp_path: Path) -> None:
    assert _keys(ROWS.drop(columns=["region", "code"]), tmp_path) == ("省份", "year")
    # numbers that tell the same units apart as a text does are its codes
    assert _keys(ROWS.drop(columns="region").assign(code=[11, 11, 12, 12] * 2), tmp_path) == ("省份", "year")
    # the labels are those of the file
    inputs = TableSource(path=str(tmp_path / "panel.csv"), unit="code").load()
    assert inputs.time_name == "year"
    assert _keys(ROWS[["code", "year", "ci"]], tmp_path) == ("code", "year")
    assert list(TableSource(path=str(tmp_path / "panel.csv")).load().frame["unit"].unique()) == ["01", "02"]


def test_a_doubt_is_a_sentence(tmp_path: Path) -> None:
    two_names = ROWS.assign(province=ROWS["省份"].map({"北京": "Beijing", "甘肃": "Gansu"})).drop(columns="region")
    with pytest.raises(DataError, match=r"Several pairs .*省份 \+ year.*Write e\.g\. data\.unit="):
        _keys(two_names, tmp_path)
    assert _keys(two_names, tmp_path, unit="province") == ("province", "year")
    with pytest.raises(DataError, match="No column looks like periods"):
        _keys(ROWS.drop(columns="year"), tmp_path)
    with pytest.raises(DataError, match="together name each row once"):
        _keys(pd.concat([ROWS, ROWS]), tmp_path)


def test_units_and_periods_that_are_exchanged_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.unit=year and data\.time=省份.*Exchange the two"):
        _keys(ROWS, tmp_path, unit="year", time="省份")
    # labels with digits may be periods of any calendar
    quarters = ROWS.assign(quarter=[f"2012Q{1 + place % 4}" for place in range(8)], plant=2000 + ROWS["year"] % 2)
    assert _keys(quarters, tmp_path, unit="plant", time="quarter") == ("plant", "quarter")
