"""Gaps, vintages and words of series of provinces."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sound_data import grid, growing, yearbook
from sound_series import YEARS

from digicarbon.packs.china import facts
from digicarbon.source.validation import Finding, check_datasets, check_series


def panel(**series: np.ndarray) -> pd.DataFrame:
    keys = grid()[["province", "year"]].rename(columns={"province": "unit", "year": "time"})
    return keys.assign(**series)


def only(frame: pd.DataFrame, check: str) -> list[Finding]:
    return [item for item in check_series(frame, "f") if item.check == check]


def test_a_data_set_of_provinces_should_have_all_thirty() -> None:
    names = facts.provinces()["province"].tolist()
    frame = pd.DataFrame([(name, year, 5.0 + k) for k, name in enumerate(names[:-1]) for year in YEARS])
    frame = frame.set_axis(["unit", "time", "x"], axis=1)
    (found,) = only(frame, "coverage")
    assert str(found.note) == f"f: x has no value for {names[-1]} in any year."


def test_two_vintages_of_a_yearbook() -> None:
    revised = yearbook()
    original = revised.assign(vintage="original")
    late = original["year"] >= 2014
    original.loc[late & original["province"].eq("Tianjin"), "value"] *= 1.49
    original.loc[late & original["province"].eq("Jilin"), "value"] *= 0.97
    found = [item for item in check_datasets({"yearbook": pd.concat([revised, original])}) if item.check == "vintage"]
    assert "gdp is equal in both vintages in 2010-2013" in str(found[0].note)
    assert [item.year for item in found[1:]] == [2014, 2015, 2016, 2017]
    assert "between 0.97 (Jilin) and 1.49 (Tianjin); 1 of 8 differ by over 5 %" in str(found[1].note)
    assert {item.level for item in found} == {"note"}


def test_a_finding_is_told_in_two_languages_with_its_file_once() -> None:
    (found,) = only(panel(x=growing(64)).assign(x=np.nan), "coverage")
    assert (str(found.note), found.note.text("zh")) == ("f: x has no value at all.", "f：x没有任何值。")
    (again,) = only(pd.concat([panel(x=growing(64)), panel(x=growing(64))[:1]]), "schema")
    assert again.note == again.said
    assert again.note.text("zh") == "f中北京 2010不止一行；请各保留一行。"
