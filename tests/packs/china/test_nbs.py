"""Exports of the statistics bureau: every layout, every fault."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import nbs_layout as layout
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbs_layout import PROVINCES, by_indicator, by_province, by_year, figure, write_csv, write_xlsx

from digicarbon import data
from digicarbon.__main__ import main
from digicarbon.errors import DataError
from digicarbon.importer import Imported
from digicarbon.importer._cells import name_and_unit
from digicarbon.packs.china import facts
from digicarbon.packs.china.importer.nbs import NbsImporter
from digicarbon.source import datafolder

Rows = layout.Rows


def read(*files: Path, **options: object) -> Imported:
    return NbsImporter(**options).read(files)


def wide(imported: Imported, series: str) -> pd.DataFrame:
    table = imported.tables["yearbook"]
    return table[table["series"] == series].pivot(index="province", columns="year", values="value")


def expected(years: tuple[int, ...] = (2011, 2012), scale: float = 1.0) -> pd.DataFrame:
    frame = pd.DataFrame({year: {name: figure(name, year) / scale for name in PROVINCES} for year in years})
    return frame.sort_index().rename_axis(index="province", columns="year")


def refused(*files: Path, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read(*files, **options)
    return str(caught.value)


def outcome(file: Path) -> pd.DataFrame | str:
    """The table of a file, or the sentence that refuses it; any other error is raised."""
    try:
        return read(file).tables["yearbook"]
    except DataError as error:
        return str(error)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_one_indicator_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    found = read(write_csv(tmp_path / "gdp.csv", by_indicator(), encoding))
    pd.testing.assert_frame_equal(wide(found, "gdp"), expected())
    table = found.tables["yearbook"]
    assert set(table["vintage"]) == {"revised"}
    assert set(table["indicator"]) == {"地区生产总值(亿元)"}
    assert dict(found.units) == {"gdp": "100m CNY"}
    assert table.set_index("province").loc["Tibet", "adcode"].tolist() == [540000, 540000]
    codes = facts.provinces().set_index("province")["adcode"]
    without = table[table["province"] != "Tibet"]
    assert (without["adcode"].to_numpy() == codes[without["province"]].to_numpy()).all()


def test_tabs_trailing_commas_and_no_line_for_the_indicator(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "gdp.csv", by_indicator(None), tabs=True)
    assert "gdp.csv, cell A3: no line '指标：…'" in refused(file)
    pd.testing.assert_frame_equal(wide(read(file, indicator="地区生产总值（亿元）"), "gdp"), expected())
    pd.testing.assert_frame_equal(wide(read(file, indicator="地区生产总值", unit="亿元"), "gdp"), expected())


def test_indicators_of_one_province(tmp_path: Path) -> None:
    file = write_csv(
        tmp_path / "bj.csv", by_province({"地区生产总值(亿元)": figure, "邮政业务总量(亿元)": figure}), "gbk"
    )
    found = read(file).tables["yearbook"]
    assert set(found["series"]) == {"gdp", "邮政业务总量"}
    assert set(found["province"]) == {"Beijing"}
    assert found["value"].tolist() == [figure("Beijing", year) for year in (2012, 2011)] * 2


def test_indicators_of_one_year_in_the_units_of_a_panel(tmp_path: Path) -> None:
    rows = by_year({"工业污染治理完成投资(万元)": figure, "城镇人口比重(%)": figure, "建成区面积（平方公里）": figure})
    found = read(write_xlsx(tmp_path / "2012.xlsx", rows))
    pd.testing.assert_frame_equal(wide(found, "pollution_investment"), expected((2012,), 1e4))
    pd.testing.assert_frame_equal(wide(found, "urbanization"), expected((2012,), 100))
    pd.testing.assert_frame_equal(wide(found, "built_up_area"), expected((2012,)))
    units = {"pollution_investment": "100m CNY", "urbanization": "share", "built_up_area": "km2"}
    assert dict(found.units) == units
    assert any("pollution_investment" in note and "divided by 10000" in note for note in map(str, found.notes))
    assert not any("built_up_area" in note for note in map(str, found.notes))


def test_tables_below_each_other_and_on_further_sheets(tmp_path: Path) -> None:
    rows = by_indicator() + by_indicator("第二产业增加值(亿元)")
    more = {"人口": by_indicator("年末常住人口(万人)"), "说明": [["本表由国家统计局提供"]]}
    found = read(write_xlsx(tmp_path / "all.xlsx", rows, more=more))
    for series in ("gdp", "secondary_va", "population"):
        pd.testing.assert_frame_equal(wide(found, series), expected())
    assert any("sheet 说明" in note and "no table" in note for note in map(str, found.notes))


@pytest.mark.parametrize("merged", [(), ("A2:A3", "B2:C2", "D2:E2")])
def test_merged_header_of_indicators_over_years(tmp_path: Path, merged: tuple[str, ...]) -> None:
    body = [[zh, *(figure(name, year) for year in (2012, 2011)) , *(2 * figure(name, year) for year in (2012, 2011))]
            for name, zh in PROVINCES.items()]  # fmt: skip
    head: Rows = [
        ["数据库：分省年度数据"],
        ["地区", "地区生产总值(亿元)", None, "第二产业增加值(亿元)", None],
        [None, "2012年", "2011年", "2012年", "2011年"],
    ]
    found = read(write_xlsx(tmp_path / "m.xlsx", [*head, *body, ["数据来源：国家统计局"]], merged))
    pd.testing.assert_frame_equal(wide(found, "gdp"), expected())
    pd.testing.assert_frame_equal(wide(found, "secondary_va"), 2 * expected())


def test_province_and_year_on_rows(tmp_path: Path) -> None:
    rows: Rows = [["地区", "年份", "地区生产总值(亿元)"]]
    for name, zh in PROVINCES.items():
        # as in a sheet whose label is merged over the years
        rows += [[zh, 2011, figure(name, 2011)], [None, 2012, figure(name, 2012)]]
    found = read(write_csv(tmp_path / "tidy.csv", [*rows, ["数据来源：国家统计局"]]))
    pd.testing.assert_frame_equal(wide(found, "gdp"), expected())


def test_full_width_digits_thousands_and_dashes(tmp_path: Path) -> None:
    cells = {
        "Beijing": "１２，３４５．６",
        "Tianjin": "1,234,567.8",
        "Hebei": "…",
        "Shanxi": "-",
        "Liaoning": "—",
        "Jilin": "",
    }
    rows = by_indicator(figure=lambda name, year: cells.get(name, figure(name, year)))
    found = read(write_csv(tmp_path / "gdp.csv", rows))
    table = wide(found, "gdp")
    assert table.loc["Beijing"].tolist() == [12345.6, 12345.6]
    assert table.loc["Tianjin"].tolist() == [1234567.8, 1234567.8]
    assert set(PROVINCES) - set(table.index) == {"Hebei", "Shanxi", "Liaoning", "Jilin"}
    assert any("8 cells without a figure" in note for note in map(str, found.notes))
    assert any("no figures for Hebei, Shanxi, Liaoning, Jilin" in note for note in map(str, found.notes))


def test_a_year_that_is_not_out_yet_is_no_row(tmp_path: Path) -> None:
    rows = by_indicator(figure=lambda name, year: None if year == 2012 else figure(name, year))
    assert set(read(write_csv(tmp_path / "gdp.csv", rows)).tables["yearbook"]["year"]) == {2011}


def test_a_missing_province_is_said(tmp_path: Path) -> None:
    names = [name for name in PROVINCES if name != "Qinghai"]
    found = read(write_csv(tmp_path / "gdp.csv", by_indicator(provinces=names)))
    assert "gdp: no figures for Qinghai." in tuple(map(str, found.notes))


def test_the_nation_is_left_out_and_said(tmp_path: Path) -> None:
    rows = by_indicator()
    rows.insert(4, ["全国", 1, 2])
    found = read(write_csv(tmp_path / "gdp.csv", rows))
    pd.testing.assert_frame_equal(wide(found, "gdp"), expected())
    assert any("no provinces: 全国" in note for note in map(str, found.notes))


def test_names_of_your_own_and_their_units(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "p.csv", by_indicator("年末总人口(人)"))
    kept = read(file)
    assert dict(kept.units) == {"年末总人口": "人"}
    named = read(file, series={"年末总人口": "population"})
    pd.testing.assert_frame_equal(wide(named, "population"), expected(scale=1e4))
    mine = read(file, series={"年末总人口（人）": "heads"})
    pd.testing.assert_frame_equal(wide(mine, "heads"), expected())
    assert "Did you mean '年末总人口'?" in refused(file, series={"年末总人": "heads"})


def test_vintages_stand_side_by_side(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "gdp.csv", by_indicator())
    for vintage in ("revised", "original"):
        status = main(["data", "import", "nbs", str(file), "--to", str(tmp_path / "to"), "--add", f"vintage={vintage}"])
        assert status == 0
    found = datafolder.read(tmp_path / "to", "yearbook")
    assert found.groupby("vintage").size().to_dict() == {"original": 62, "revised": 62}
    assert any("speaks of a revision" in note for note in map(str, read(file, vintage="original").notes))


def test_a_figure_told_twice(tmp_path: Path) -> None:
    one, two = (write_csv(tmp_path / f"{name}.csv", by_indicator()) for name in "ab")
    found = read(one, two)
    assert len(found.tables["yearbook"]) == 62
    assert any("62 figures are in the files more than once" in note for note in map(str, found.notes))
    write_csv(two, by_indicator(figure=lambda name, year: figure(name, year) + (name == "Hebei")))
    said = refused(one, two)
    assert "b.csv, cell B7" in said
    assert "a.csv, cell B7" in said
    assert "Hebei 300000"[:5] in said


FAULTS = {
    "a spelling": (by_indicator, 5, 0, "天京市", "cell A6: '天京市' is no province"),
    "text": (by_indicator, 6, 1, "约100", "cell B7 holds the text '约100'"),
    "an Excel error": (by_indicator, 6, 1, "#REF!", "cell B7 holds the Excel error"),
    "a year": (by_indicator, 3, 2, "2O11年", "cell C4: '2O11年' is no year"),
    "a label": (by_indicator, 6, 0, None, "cell A7 is empty"),
    "a column's name": (by_indicator, 3, 2, None, "cell C5 has '1000.6', but its column has no name"),
    "a column's number": (by_indicator, 3, 2, "88", "cell C4: '88' is no year"),
    "an unknown unit": (by_indicator, 1, 0, "指标：地区生产总值(亿韩元)", "is in '亿韩元'"),
    "no unit": (by_indicator, 1, 0, "指标：地区生产总值", "has no unit"),
    "the row's end": (by_indicator, 10, 0, "注：", "there are figures below the end of the table"),
}


@pytest.mark.parametrize(("rows", "row", "column", "cell", "sentence"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_faults_are_told_with_their_place(
    tmp_path: Path, suffix: str, rows: object, row: int, column: int, cell: object, sentence: str
) -> None:
    assert callable(rows)
    table = rows()
    table[row] = [cell if place == column else value for place, value in enumerate(table[row])]
    write = write_csv if suffix == ".csv" else write_xlsx
    said = refused(write(tmp_path / f"gdp{suffix}", table))
    assert sentence in said
    assert said.startswith("gdp.csv" if suffix == ".csv" else "gdp.xlsx, sheet 分省年度数据")


def test_merged_figures_are_refused(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path / "m.xlsx", by_indicator(), ("B6:B7",))
    assert "m.xlsx, sheet 分省年度数据, cell B6 is merged with others" in refused(file)


def test_another_kind_of_sheet(tmp_path: Path) -> None:
    file = write_xlsx(tmp_path / "co2.xlsx", [["Emission_Inventory", "Raw coal"], ["Total", 1.0]])
    assert "co2.xlsx, sheet 分省年度数据: no table of the bureau's annual data" in refused(file)
    monthly: Rows = [["指标：地区生产总值(亿元)"], ["地区", "2012年1月"], ["北京市", 1], ["数据来源：国家统计局"]]
    said = refused(write_csv(tmp_path / "monthly.csv", monthly))
    assert "monthly.csv, cell B2: '2012年1月' is no year and no province" in said


def test_a_table_without_figures(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "gdp.csv", by_indicator(figure=lambda name, year: "…"))
    assert "gdp.csv: the table has no figures" in refused(file)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_every_cut_of_a_text_is_whole_or_refused(tmp_path: Path, encoding: str) -> None:
    whole = write_csv(tmp_path / "whole.csv", by_indicator(years=(2012,)), encoding)
    content, table = whole.read_bytes(), outcome(whole)
    kept = 0
    for length in range(len(content)):
        (tmp_path / "cut.csv").write_bytes(content[:length])
        found = outcome(tmp_path / "cut.csv")
        if isinstance(found, str):
            assert found.startswith("cut.csv")
        else:
            kept += 1
            pd.testing.assert_frame_equal(found, table)
    # what is cut within the notes is whole
    assert 0 < kept < 0.4 * len(content)


def test_a_cut_table_below_a_whole_one(tmp_path: Path) -> None:
    below = by_indicator("第二产业增加值(亿元)", provinces=("Beijing", "Tianjin"), notes=())
    file = write_csv(tmp_path / "two.csv", by_indicator() + below)
    assert "its last table has 2 provinces of 31" in outcome(file)


def test_partial_tables_on_request(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "two.csv", by_indicator(provinces=("Beijing", "Tianjin"), notes=()))
    assert "two.csv seems to be cut off: its last table has 2 provinces of 31" in refused(file)
    assert len(read(file, partial=True).tables["yearbook"]) == 4


def test_damaged_files_leave_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = write_xlsx(tmp_path / "gdp.xlsx", by_indicator()).read_bytes()
    (tmp_path / "cut.xlsx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "wrong.csv").write_bytes("数据库：分省年度数据\n".encode() + b"\xff\xfe\xff\xff" * 9)
    for name in ("cut.xlsx", "wrong.csv"):
        assert main(["data", "import", "nbs", str(tmp_path / name), "--to", str(tmp_path / "to")]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"digicarbon: {name}")
        assert said.count("\n") == 1
        assert not (tmp_path / "to").exists()


def test_flipped_bytes_are_sentences(tmp_path: Path) -> None:
    """A workbook with any byte changed reads as before or ends in a sentence."""
    whole = write_xlsx(tmp_path / "gdp.xlsx", by_indicator(years=(2012,))).read_bytes()
    assert zipfile.is_zipfile(io.BytesIO(whole))
    rng = np.random.default_rng(1)
    file = tmp_path / "flipped.xlsx"
    for place in rng.integers(0, len(whole), 40):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        found = outcome(file)
        assert "flipped.xlsx" in found if isinstance(found, str) else len(found) == 31


@settings(max_examples=60, deadline=None)
@given(row=st.integers(0, 36), column=st.integers(0, 2), cell=st.text(max_size=8) | st.none() | st.just("2012年"))
def test_any_cell_may_hold_anything(tmp_path_factory: pytest.TempPathFactory, row: int, column: int, cell: str) -> None:
    rows = by_indicator()
    line = [*rows[row], *[None] * 3][:3]
    line[column] = cell
    rows[row] = line
    file = tmp_path_factory.mktemp("any") / "gdp.csv"
    file.write_bytes(
        "\n".join(",".join("" if c is None else str(c) for c in r) for r in rows).encode("utf-8", "replace")
    )
    found = outcome(file)
    if not isinstance(found, str):
        assert found["value"].notna().all()


def test_real_figures_survive_the_round_trip(tmp_path: Path, data_folder: Path) -> None:
    """The bureau's tidy figures, written as it exports them, come back as pandas reads them."""
    real = pd.read_csv(data_folder / "china" / "nbs" / "nbs_province_2011_2022.csv").set_index(["province", "year"])
    exports = {
        "gdp_nominal_100m_cny": ("gdp", "地区生产总值(亿元)", 1.0),
        "gdp_index_prevyear100": ("gdp_index", "地区生产总值指数(上年=100)", 1.0),
        "population_10k": ("population", "年末常住人口(万人)", 1.0),
        "urban_population_10k": ("urban_population", "城镇人口(万人)", 1.0),
        "secondary_va_100m_cny": ("secondary_va", "第二产业增加值(亿元)", 1.0),
        "fiscal_expenditure_100m_cny": ("fiscal_expenditure", "地方一般公共预算支出(万元)", 1e4),
    }
    years = tuple(range(2022, 2010, -1))
    files = [
        write_csv(
            tmp_path / f"{series}.csv",
            by_indicator(indicator, years, figure=lambda n, y, c=column, f=factor: real.at[(n, y), c] * f),
            "gbk",
        )
        for column, (series, indicator, factor) in exports.items()
    ]
    found = read(*files).tables["yearbook"].set_index(["province", "year"])
    for column, (series, _, _) in exports.items():
        mine = found[found["series"] == series]["value"].reindex(real.index)
        np.testing.assert_allclose(mine, real[column], rtol=1e-14)
    assert len(found) == 6 * 31 * 12


def test_known_indicators_have_known_units() -> None:
    known, units = facts.indicators(), data.units()
    assert known["indicator"].is_unique
    assert units["unit"].is_unique
    assert set(known["unit"]) <= set(units["unit"])
    assert (known.groupby("series")["unit"].nunique() == 1).all()
    assert (units.groupby("quantity")["size"].min() > 0).all()


def test_name_and_unit_apart() -> None:
    assert name_and_unit("人均地区生产总值（元/人）") == ("人均地区生产总值", "元/人")
    assert name_and_unit("地区生产总值指数(1978年=100)(上年=100)") == ("地区生产总值指数(1978年=100)", "上年=100")
    assert name_and_unit("人口") == ("人口", "")


@pytest.mark.parametrize(
    "word", ["series={邮政业务总量: post}", "series={邮政业务总量:post}", "series={邮政业务总量：post}"]
)
def test_options_in_chinese_on_the_command_line(tmp_path: Path, word: str) -> None:
    file = write_csv(tmp_path / "bj.csv", by_province({"邮政业务总量(亿元)": figure}))
    assert main(["data", "import", "nbs", str(file), "--to", str(tmp_path / "to"), word]) == 0
    assert set(datafolder.read(tmp_path / "to", "yearbook")["series"]) == {"post"}


def test_an_unfinished_option_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_csv(tmp_path / "gdp.csv", by_indicator())
    assert main(["data", "import", "nbs", str(file), "--to", str(tmp_path / "to"), "series={邮政: [post}"]) == 2
    assert "is not of the form option=value" in capsys.readouterr().err


def test_an_unknown_indicator_without_a_unit_is_told_of(tmp_path: Path) -> None:
    found = read(write_csv(tmp_path / "x.csv", by_indicator("邮政业务总量")))
    assert "邮政业务总量 has no unit of measurement; name it by unit=…" in tuple(map(str, found.notes))
    assert dict(read(tmp_path / "x.csv", unit="亿元").units) == {"邮政业务总量": "亿元"}
