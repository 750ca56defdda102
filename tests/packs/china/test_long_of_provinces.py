"""Tables of provinces, imported in one row per observation."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from digicarbon.errors import DataError
from digicarbon.importer import Imported, LongImporter


def write(file: Path, rows: list[list[object]], encoding: str = "utf-8-sig") -> Path:
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    file.write_bytes(stream.getvalue().encode(encoding))
    return file


def read(*files: Path, **options: object) -> Imported:
    return LongImporter(**options).read(files)


def test_the_real_wide_file_equals_pandas(tmp_path: Path, data_folder: Path) -> None:
    file = data_folder / "china" / "nbs" / "nbs_province_2011_2022.csv"
    real = pd.read_csv(file)
    names = [name for name in real if name not in ("province", "adcode", "year")]
    found = read(file, unit="province", time="year", values=names).tables["long"]
    mine = found.pivot(index=["unit", "year"], columns="series", values="value")[names]
    pd.testing.assert_frame_equal(
        mine,
        real.set_index(["province", "year"])[names].sort_index().astype(float),
        check_names=False,
        check_index_type=False,
        rtol=1e-15,
    )
    codes = found.drop_duplicates("unit").set_index("unit")["adcode"]
    assert codes.to_dict() == real.drop_duplicates("province").set_index("province")["adcode"].to_dict()


def test_a_near_miss_of_a_province_is_asked_about(tmp_path: Path) -> None:
    rows: list[list[object]] = [["unit", "year", "gdp"], ["Beijing", 2012, 1], ["Shannxi", 2012, 2], ["World", 2012, 3]]
    found = read(write(tmp_path / "a.csv", rows), unit="unit", time="year", values=["gdp"])
    near = [note for note in map(str, found.notes) if "by this spelling" in note]
    assert near == [
        "'Shannxi' is no province by this spelling and is kept as another unit. Did you mean Shanxi (山西) or Shaanxi "
        "(陕西)? If so, correct the raw file."
    ]


def refused(*files: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read(*files, **options)
    return str(caught.value)


def test_provinces_by_code(tmp_path: Path) -> None:
    file = write(tmp_path / "w.csv", [["adcode", "2011年", "2012"], ["110000", 1, 2], ["540000", 3, ""]])
    assert "no column names the series" in refused(file, unit="adcode")
    table = read(file, unit="adcode", name="gdp").tables["long"]
    assert table[["unit", "year", "series", "value"]].to_numpy().tolist() == [
        ["Beijing", 2011, "gdp", 1.0],
        ["Beijing", 2012, "gdp", 2.0],
        ["Tibet", 2011, "gdp", 3.0],
    ]


def test_provinces_in_one_row_per_observation(tmp_path: Path) -> None:
    rows: list[list[object]] = [["省份", "年份", "指标", "数值"]]
    rows += [["北京市", "2012年", "x", "１，２３４．５"], ["全国", "2012年", "x", "7"], ["陕西", 2013, "y", "-"]]
    rows += [["Shaanxi", 2014, "y", "3"]]
    found = read(write(tmp_path / "l.csv", rows, "gbk"), unit="省份", time="年份", indicator="指标", values=["数值"])
    table = found.tables["long"]
    assert table[["unit", "year", "series", "value"]].to_numpy().tolist() == [
        ["Beijing", 2012, "x", 1234.5],
        ["全国", 2012, "x", 7.0],
        ["Shaanxi", 2014, "y", 3.0],
    ]
    assert table["adcode"].astype(object).where(table["adcode"].notna(), None).tolist() == [110000, None, 610000]
    assert "2 units of 3 are provinces; not: 全国." in tuple(map(str, found.notes))
    assert found.citation == ""
