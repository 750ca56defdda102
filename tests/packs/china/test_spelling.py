"""Which province a cell, a sheet or a file names."""

from __future__ import annotations

import pytest

from digicarbon.errors import DataError
from digicarbon.packs.china.facts import provinces
from digicarbon.packs.china.spelling import province, province_in, required_province


def test_every_spelling_of_every_province() -> None:
    for row in provinces().itertuples():
        spellings = [
            row.province, row.province.upper(), row.province.lower(), row.province.replace(" ", ""), row.name_zh,
            row.short_zh, row.adcode, str(row.adcode), float(row.adcode), row.adcode // 10000, f" {row.short_zh} ",
            f"{row.province} Province", f"{row.short_zh}省", f"{row.short_zh}　", " ".join(row.name_zh),
        ]  # fmt: skip
        for spelling in spellings:
            found = province(spelling)
            assert found is not None, spelling
            assert (found.name, found.code) == (row.province, row.adcode), spelling


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Inner-Mongolia", "Inner Mongolia"), ("Nei Mongol", "Inner Mongolia"), ("Neimenggu", "Inner Mongolia"),
        ("内蒙古自治区", "Inner Mongolia"), ("内蒙", "Inner Mongolia"),
        ("Inner Mongolia Autonomous Region", "Inner Mongolia"),
        ("Shaanxi", "Shaanxi"), ("Shanxi", "Shanxi"), ("陕西", "Shaanxi"), ("山西", "Shanxi"), ("SHAANXI", "Shaanxi"),
        ("Tibet", "Tibet"), ("西藏自治区", "Tibet"), ("Xizang", "Tibet"), (54, "Tibet"), ("540000", "Tibet"),
        ("Guangxi Zhuang Autonomous Region", "Guangxi"), ("Xinjiang Uygur Autonomous Region", "Xinjiang"),
        ("宁夏自治区", "Ningxia"), ("新疆维吾尔自治区", "Xinjiang"), ("Ningxia Hui", "Ningxia"),
        ("Beijing City", "Beijing"),
        ("Chongqing Municipality", "Chongqing"), ("ＢＥＩＪＩＮＧ", "Beijing"),
    ],
)  # fmt: skip
def test_spellings_in_use(spelling: object, name: str) -> None:
    found = province(spelling)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "value", ["Beijng", "China", "全国", "", None, "Shannxi", 12345, "1", True, 99, "新疆生产建设兵团", "省"]
)
def test_unknown_spellings_are_never_guessed(value: object) -> None:
    assert province(value) is None


def test_an_unknown_province_is_a_sentence() -> None:
    with pytest.raises(DataError, match=r"a\.csv, cell A3: 'Beijng' is no province.*Did you mean Beijing\?"):
        required_province("Beijng", "a.csv, cell A3")


def test_names_of_sheets() -> None:
    for name in ("Beijing2012", "2012Beijing", "Beijing 2012", "北京2012年", "Beijing_2012", "北京市"):
        found = province_in(name)
        assert found is not None, name
        assert found.name == "Beijing"
    assert province_in("NOTE") is None
    assert province_in("2012") is None
