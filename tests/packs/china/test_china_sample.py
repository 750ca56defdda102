"""Samples of provinces, which are known by their names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import REPOSITORY

from digicarbon.errors import ConfigError, DataError
from digicarbon.packs.china.facts import provinces
from digicarbon.panel import Panel
from digicarbon.sample import Sample
from digicarbon.spec import build

PROVINCES = provinces()


def _sample(**fields: Any) -> Sample:
    return build({"_target_": "digicarbon.sample.Sample", **fields}, Sample, "sample")


def _panel(units: list[object], regions: str = "") -> Panel:
    frame = pd.DataFrame([(unit, year) for unit in units for year in (2012, 2015, 2017)], columns=["u", "year"])
    frame = frame.assign(x=np.arange(float(len(frame))), zone=frame["u"].map({"a": "north"}).fillna("south"))
    return Panel.from_frame(frame, "u", "year", regions=regions)


CHINA = _panel(PROVINCES["province"].tolist())


def test_the_regions_of_the_study_have_3_10_6_and_11_provinces() -> None:
    sizes = {
        region: len(_sample(regions=[region]).apply(CHINA).units) for region in ("northeast", "east", "central", "west")
    }
    assert sizes == {"northeast": 3, "east": 10, "central": 6, "west": 11}
    assert _sample(regions=["northeast"]).apply(CHINA).units == ("Heilongjiang", "Jilin", "Liaoning")
    assert len(_sample(regions=["east", "west"]).apply(CHINA).units) == 21


def test_a_column_of_the_users_own_regions_comes_before_those_of_the_country() -> None:
    frame = CHINA.frame().reset_index()
    coast = frame.assign(area=frame["u"].map({"Liaoning": "东部", "Beijing": "东部"}).fillna("西部"), region="east")
    own = Panel.from_frame(coast, "u", "year", regions="area")
    assert _sample(regions=["东部"]).apply(own).units == ("Beijing", "Liaoning")
    # a column with the country's own words is no other one
    assert _sample(regions=["northeast"]).apply(Panel.from_frame(coast, "u", "year", regions="region")).shape[0] == 3
    with pytest.raises(ConfigError, match=r"unknown region '东部'\. Column 'area' .* write source\.regions=area"):
        _sample(regions=["东部"]).apply(Panel.from_frame(coast, "u", "year", regions="region"))


@pytest.mark.parametrize("column", ["name_zh", "short_zh", "adcode"])
def test_regions_know_every_spelling_of_a_province(column: str) -> None:
    northeast = set(PROVINCES.loc[PROVINCES["region"] == "northeast", column].astype(str))
    assert set(_sample(regions=["northeast"]).apply(_panel(PROVINCES[column].tolist())).units) == northeast


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (
            "",
            r"needs Chinese provinces or a source that names its column of regions .*source\.regions.* a, b, c",
        ),
        ("area", r"needs Chinese provinces or a column 'area' of text, but the panel has a, b, c\. .*sample\.units"),
        ("x", r"needs Chinese provinces or a column 'x' of text, but the panel has a, b, c\."),
    ],
)
def test_regions_need_known_units_or_a_declared_column(declared: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        _sample(regions=["south"]).apply(_panel(["a", "b", "c"], declared))


def test_the_municipalities_of_the_shipped_sample_are_those_of_the_table() -> None:
    path = REPOSITORY / "conf" / "sample" / "without_municipalities.yaml"
    listed = PROVINCES.loc[PROVINCES["municipality"] == 1, "province"]
    text = path.read_text(encoding="utf-8")
    assert len(listed) == 4
    assert all(name in text for name in listed)


def test_provinces_are_named_in_any_spelling() -> None:
    chinese = _panel(["北京市", "河北省", "新疆维吾尔自治区"])
    assert _sample(without=["Beijing"]).apply(chinese).units == ("新疆维吾尔自治区", "河北省")
    assert set(_sample(units=["Hebei", "北京市"]).apply(chinese).units) == {"河北省", "北京市"}
    assert "北京" not in str(_sample(without=["北京"]).apply(CHINA).units)
    assert len(_sample(without=["北京"]).apply(CHINA).units) == len(CHINA.units) - 1
    with pytest.raises(DataError, match=r"sample.without names unknown units: Atlantis\."):
        _sample(without=["Atlantis"]).apply(chinese)
