"""Provincial input-output tables: the bureaus' layout, what may be odd about it, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from io_layout import Form, Made, made, provincial, save, save_text, tables_of

from digicarbon.__main__ import main
from digicarbon.errors import DataError
from digicarbon.importer.base import Imported
from digicarbon.note.ending import Caught
from digicarbon.packs.china.importer.io_provincial import IOProvincialImporter

# sums of decimal figures that a workbook keeps as binary ones
RTOL = 1e-12

TITLE = "2012年北京市投入产出表"


def read(*files: Path, **fields: object) -> Imported:
    return IOProvincialImporter(**fields).read(files)


def one(path: Path, form: Form, sheet: str = "Sheet1") -> Path:
    return save(path / "io.xlsx", {sheet: form})


def equal(
    found: Imported, table: Made, key: tuple[str, int] = ("Beijing", 2012), names: list[str] | None = None
) -> None:
    """All that is kept of a table is what was written."""
    item = tables_of(found.tables["io_flows"], found.tables["io_sectors"])[key]
    assert list(item.sectors) == (names or table.names)
    np.testing.assert_allclose(item.flows, table.flows, rtol=RTOL)
    sectors = found.tables["io_sectors"].query("province == @key[0] and year == @key[1]").sort_values("position")
    amounts = {**table.rows, **table.uses}
    for name in (
        "labour_compensation", "net_production_tax", "depreciation", "operating_surplus", "value_added",
        "intermediate_input", "final_use", "exports", "outflow", "imports", "inflow", "residual", "output",
    ):  # fmt: skip
        np.testing.assert_allclose(sectors[name], amounts[name], rtol=RTOL, atol=1e-9, err_msg=name)
    assert sectors["position"].tolist() == list(range(1, len(table.names) + 1))


@pytest.mark.parametrize("english", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_table_comes_back(tmp_path: Path, seed: int, english: bool) -> None:
    table = made(seed, n=5 + seed)
    title = "Input-output table of Beijing, 2012" if english else TITLE
    form = provincial(table, title, "Unit: 10,000 yuan" if english else "单位：万元", english)
    found = read(one(tmp_path, form))
    equal(found, table, names=table.english if english else None)
    assert found.tables["io_flows"]["adcode"].unique().tolist() == [110000]
    assert (found.tables["io_flows"]["flow"] != 0).all()
    assert len(found.tables["io_flows"]) == (table.flows != 0).sum()
    (note,) = map(str, found.notes)
    assert note.startswith("2012: tables of 1 province; none of Tianjin, Hebei")


def test_a_heading_that_is_merged_downwards_is_that_of_its_column(tmp_path: Path) -> None:
    table = made(3)
    form = provincial(table, TITLE)
    row, column = form.find("总产出")
    form.put(row + 1, column, None).merged.append((row, column, row + 1, column))
    equal(read(one(tmp_path, form)), table)


def test_a_column_without_figures_or_that_is_ignored_is_left_out(tmp_path: Path) -> None:
    table = made(4)
    form = provincial(table, TITLE)
    form.merged = []
    _, output = form.find("总产出")
    for line in form.cells:
        line.insert(output, None)
    form.put(3, output, "备注")
    equal(read(one(tmp_path, form)), table)
    for r in range(5, 5 + len(table.names)):
        form.put(r, output, 7.0)
    with pytest.raises(DataError, match="'备注' is not known in an input-output table"):
        read(one(tmp_path, form))
    equal(read(one(tmp_path, form), ignore=["备注"]), table)


def test_province_and_year_from_sheet_title_or_file(tmp_path: Path) -> None:
    tables = {name: made(i) for i, name in enumerate(("北京", "Nei Mongol", "陕西省", "西藏"))}
    forms = {name: provincial(table, "投入产出表") for name, table in tables.items()}
    found = read(save(tmp_path / "2012年各省.xlsx", forms))
    for (_, table), key in zip(tables.items(), ("Beijing", "Inner Mongolia", "Shaanxi", "Tibet"), strict=True):
        equal(found, table, (key, 2012))
    years = {"2012": provincial(tables["北京"], "山西"), "2017": provincial(tables["西藏"], "山西")}
    found = read(save(tmp_path / "any.xlsx", years))
    equal(found, tables["北京"], ("Shanxi", 2012))
    equal(found, tables["西藏"], ("Shanxi", 2017))
    found = read(save(tmp_path / "Hebei_2007.xlsx", {"Sheet1": provincial(tables["北京"], "IO")}))
    equal(found, tables["北京"], ("Hebei", 2007))
    equal(read(tmp_path / "Hebei_2007.xlsx", province="CHINA", year=1997), tables["北京"], ("China", 1997))


@pytest.mark.parametrize(
    ("unit", "scale"),
    [
        ("单位：亿元", 1e4), ("计量单位: 万元", 1), ("(千元)", 0.1), ("单位:百万元", 100), ("Unit: million yuan", 100),
        ("Unit: 100 million RMB", 1e4), ("Units: 10 000 yuan", 1), ("单位：元", 1e-4), ("单位：万元（人民币）", 1),
    ],
)  # fmt: skip
def test_units_are_converted(tmp_path: Path, unit: str, scale: float) -> None:
    table = made(1)
    found = read(one(tmp_path, provincial(table, TITLE, unit)))
    sectors = found.tables["io_sectors"]
    np.testing.assert_allclose(sectors["output"], table.uses["output"] * scale, rtol=RTOL)
    assert any("converted" in note for note in map(str, found.notes)) == (scale != 1)


def test_a_unit_that_is_not_said_is_told_and_may_be_given(tmp_path: Path) -> None:
    table = made(1)
    path = one(tmp_path, provincial(table, TITLE, None))
    assert any("no unit is named" in note for note in map(str, read(path).notes))
    np.testing.assert_allclose(
        read(path, unit="亿元").tables["io_sectors"]["output"], table.uses["output"] * 1e4, rtol=RTOL
    )
    with pytest.raises(DataError, match="unit: 'dollars' is not a unit of money"):
        read(path, unit="dollars")
    with pytest.raises(DataError, match=r"io\.xlsx, sheet Sheet1: '万美元' is not a unit"):
        read(one(tmp_path, provincial(table, TITLE, "单位：万美元")))


def test_text_cells_of_every_kind(tmp_path: Path) -> None:
    table = made(2)
    table.flows[0, :4] = [1234567.25, 0, 0, 0]
    table = made(2, flows=table.flows)
    form = provincial(table, TITLE)
    row, column = form.find("01")[0] + 1, 3
    for offset, shown in enumerate(("１，２３４，５６７．２５", "-", "…", "—")):
        form.put(row, column + offset, shown)
    found = read(one(tmp_path, form))
    equal(found, table)
    assert any("3 cells of flows without a figure taken as zero" in note for note in map(str, found.notes))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_text_files(tmp_path: Path, encoding: str) -> None:
    table = made(3)
    equal(read(save_text(tmp_path / "a.csv", provincial(table, TITLE), encoding)), table)


def test_columns_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    table = made(4)
    form = provincial(table, TITLE)
    form.merged = []
    n = len(table.names)
    for line in form.cells[3:]:
        line[3 : 3 + n] = line[3 : 3 + n][::-1]
    # the codes above the columns are now those of other sectors; names count
    form.cells[4][3 : 3 + n] = form.cells[4][3 : 3 + n][::-1]
    equal(read(one(tmp_path, form)), table)
    del form.cells[4]
    equal(read(one(tmp_path, form)), table)


def test_a_heading_spelled_otherwise_is_told_by_code(tmp_path: Path) -> None:
    table = made(5)
    form = provincial(table, TITLE)
    form.put(3, 3, "农林牧渔业")
    found = read(one(tmp_path, form))
    equal(found, table)
    assert any("'农林牧渔业' for '农林牧渔产品和服务'" in note for note in map(str, found.notes))
    form.put(4, 3, None)
    with pytest.raises(DataError, match=r"cell B6: the sector '农林牧渔产品和服务' has a row but no column"):
        read(one(tmp_path, form))
    form.put(4, 3, "01").put(3, 4, "煤矿").put(4, 4, None)
    with pytest.raises(DataError, match=r"cell E5: the heading '煤矿' is the name or code of no row"):
        read(one(tmp_path, form))


def test_no_totals_and_no_parts(tmp_path: Path) -> None:
    table = made(6)
    form = provincial(table, TITLE)
    form.merged = []
    for code in ("TIU", "THC", "TC", "GCF", "TFU", "GO"):
        column = form.find(code)[1]
        for line in form.cells:
            del line[column : column + 1]
    form.cells = [line for line in form.cells if not set(line) & {"TII", "TVA"}]
    equal(read(one(tmp_path, form)), table)


def test_rows_of_domestic_and_imported_products(tmp_path: Path) -> None:
    table = made(7)
    rng = np.random.default_rng(1)
    share = rng.uniform(0, 0.3, table.flows.shape)
    total = table.flows.sum(axis=0) + table.rows["value_added"]
    final = {"domestic": total - (table.flows * (1 - share)).sum(axis=1), "imported": rng.uniform(1, 2, len(total))}
    lines: list[list[object]] = [
        ["Code", "Description", "Origin", *[f"{i + 1:02d}" for i in range(6)], "TIU", "TC", "TFU", "GO"]
    ]
    for origin, part in (("Domestic", 1 - share), ("Imports", share)):
        flows, used = table.flows * part, final["domestic" if origin == "Domestic" else "imported"]
        for i, name in enumerate(table.english):
            whole = [flows[i].sum(), used[i], used[i], flows[i].sum() + used[i]]
            lines.append([f"{i + 1:02d}", name, origin, *flows[i], *whole])
    for code, values in (("TII", table.flows.sum(axis=0)), ("TVA", table.rows["value_added"]), ("TI", total)):
        lines.append([code, code, "TOT", *values])
    found = read(save_text(tmp_path / "china_2017_6.csv", Form(lines)))
    item = tables_of(found.tables["io_flows"], found.tables["io_sectors"])["China", 2017]
    np.testing.assert_allclose(item.flows, table.flows, rtol=RTOL)
    np.testing.assert_allclose(item.output, total, rtol=RTOL)
    imports = (table.flows * share).sum(axis=1) + final["imported"]
    np.testing.assert_allclose(found.tables["io_sectors"]["imports"], imports, rtol=RTOL)


def test_sheets_that_hold_no_table(tmp_path: Path) -> None:
    table = made(8)
    form = provincial(table, TITLE)
    book = {"说明": Form([["本表由统计局编制"]]), "北京": form, "直接消耗系数表": provincial(table, "北京直接消耗系数")}
    found = read(save(tmp_path / "a.xlsx", book))
    equal(found, table)
    assert "a.xlsx, sheet 说明: left out, it holds no input-output table." in tuple(map(str, found.notes))
    assert "a.xlsx: tables of coefficients left out: sheet 直接消耗系数表." in tuple(map(str, found.notes))
    equal(read(tmp_path / "a.xlsx", sheet="北京"), table)
    with pytest.raises(DataError, match=r"a\.xlsx has no sheet '北'.*Sheets: 说明, 北京, 直接消耗系数表"):
        read(tmp_path / "a.xlsx", sheet="北")
    with pytest.raises(DataError, match=r"a\.xlsx: there is no input-output table on its sheets \(说明\)"):
        read(tmp_path / "a.xlsx", sheet="说明")


def test_differences_within_the_tolerance_are_told(tmp_path: Path) -> None:
    table = made(9)
    form = provincial(table, TITLE)
    row, column = form.find("TVA")[0], 4
    form.put(row, column, table.rows["value_added"][1] * 1.0005)
    found = read(one(tmp_path, form))
    assert any("sheet Sheet1, cell E17: value added of" in note for note in map(str, found.notes))
    form.put(row, column, table.rows["value_added"][1] * 1.02)
    with pytest.raises(DataError, match=r"cell E17: value added of '\w+' is .*its four parts sum to.*tolerance=0\.02"):
        read(one(tmp_path, form))
    read(one(tmp_path, form), tolerance=0.03)


def broken(name: str, change: Callable[[Form], object], sentence: str) -> object:
    return pytest.param(change, sentence, id=name)


def without(form: Form, label: str) -> None:
    form.cells = [line for line in form.cells if label not in line]


def without_column(form: Form, label: str) -> None:
    column = form.find(label)[1]
    form.cells = [line[:column] + line[column + 1 :] for line in form.cells]
    form.merged = []


BAD = [
    broken("text in a cell", lambda f: f.put(6, 5, "abc"), r"sheet Sheet1, cell F7 holds the text 'abc'"),
    broken("Excel error", lambda f: f.put(6, 5, "#REF!"), r"cell F7 holds the Excel error #REF!"),
    broken("a flow changed", lambda f: f.put(6, 5, 9e6), r"cell F12: total intermediate input of '\w+' is"),
    broken("output changed", lambda f: f.put(6, 24, 9e6), r"cell Y7: total output of"),
    broken("use changed", lambda f: f.put(6, 10, 9e6), r"cell M7: total household consumption of"),
    broken("imports changed", lambda f: f.put(6, 21, 9e6), r"cell Y7: .*less imports and inflow plus the residual"),
    broken("row's name unknown", lambda f: f.put(6, 1, "煤碳").put(6, 2, None), r"E5: the heading '煤炭采选产品' is"),
    broken("unknown use", lambda f: f.put(3, 10, "农民消费").put(4, 10, None), r"K5: the column '\w+' is not known"),
    broken("unknown row", lambda f: f.put(12, 1, "工资").put(12, 2, "V1"), r"B13: the row '\w+' is not known"),
    broken("sector twice", lambda f: f.put(6, 1, f.cells[5][1]), r"B7: '\w+' is also the sector of row 6"),
    broken("merged heading", lambda f: f.put(3, 4, None).put(4, 4, None), r"E5: this column .* has no heading"),
    broken(
        "an empty lower part",
        lambda f: [line.__setitem__(slice(3, 9), [None] * 6) for line in f.cells[11:18]],
        "no row of total value added",
    ),
    broken("merged figures", lambda f: f.merged.append((6, 4, 6, 5)), r"E7 is merged with others"),
    broken("nameless row", lambda f: f.put(6, 1, None), r"B7: this row has no sector's name"),
    broken("code twice", lambda f: f.put(12, 1, "生产税净额").put(12, 2, "VA002"), r"is already in row 13"),
    broken("no value added", lambda f: (without(f, "VA001"), without(f, "TVA")), "no row of total value added"),
    broken("no output", lambda f: (without(f, "TI"), without_column(f, "GO")), "neither a column of total output"),
    broken("no headings", lambda f: f.cells.__delitem__(slice(0, 5)), "no row of headings"),
    broken("cut off below", lambda f: f.cells.__delitem__(slice(9, None)), r"below the sectors there are no rows"),
    broken("no figures", lambda f: [line.__setitem__(slice(3, 9), [None] * 6) for line in f.cells[5:11]], "empty form"),
    broken("no province", lambda f: f.put(0, 0, "2012年投入产出表"), "says one province; say province="),
    broken("no year", lambda f: f.put(0, 0, "北京投入产出表"), "says one year; say year="),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), BAD)
def test_what_is_wrong_is_a_sentence_with_its_cell(
    tmp_path: Path, change: Callable[[Form], object], sentence: str
) -> None:
    form = provincial(made(10), TITLE)
    change(form)
    with pytest.raises(DataError, match=sentence) as error:
        read(one(tmp_path, form))
    assert str(error.value).startswith("io.xlsx")


def test_a_province_and_year_once_only(tmp_path: Path) -> None:
    form = provincial(made(11), TITLE)
    path = save(tmp_path / "a.xlsx", {"1": form, "2": form})
    with pytest.raises(DataError, match=r"sheet 2: there is a table of Beijing 2012 in a\.xlsx, sheet 1 already"):
        read(path)
    with pytest.raises(DataError, match="the sheet is named Tianjin, but its title says Beijing"):
        read(save(tmp_path / "a.xlsx", {"天津": form}))
    with pytest.raises(DataError, match="the sheet is named 2017, but its title says 2012"):
        read(save(tmp_path / "a.xlsx", {"2017": form}))


def test_labels_to_ignore(tmp_path: Path) -> None:
    table = made(12)
    form = provincial(table, TITLE)
    form.put(13, 1, "其中：工资").put(13, 2, None)
    with pytest.raises(DataError, match=r'ignore=\["其中:工资"\]'):
        read(one(tmp_path, form))
    found = read(one(tmp_path, form), ignore=("其中：工资",))
    assert found.tables["io_sectors"]["net_production_tax"].isna().all()


def test_damaged_files_are_one_sentence_and_leave_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = provincial(made(13), TITLE)
    whole = save(folder / "io.xlsx", {"北京": form}).read_bytes()
    text = save_text(folder / "io.csv", form, "gbk").read_bytes()
    rng = random.Random(1)
    cases = {"io.xlsx": [whole[: len(whole) // 2], whole[:10]], "io.csv": [text[:900], text[:2500]]}
    cases["io.csv"].append(form.cells[0][0].encode("shift_jis", "replace") + b"\xff\xfe\xff")
    for _ in range(8):
        at = rng.randrange(len(whole))
        cases["io.xlsx"].append(whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :])
    for name, contents in cases.items():
        for content in contents:
            (folder / name).write_bytes(content)
            before = sorted(folder.iterdir())
            capsys.readouterr()
            status = main(["data", "import", "io_provincial", name, "--to", "out"])
            shown = capsys.readouterr()
            if status == 0:
                assert (folder / "out" / "io_flows.parquet").is_file()
                for path in sorted((folder / "out").iterdir()):
                    path.unlink()
                (folder / "out").rmdir()
            else:
                assert status == 2
                assert shown.err.startswith("digicarbon: ")
                assert shown.err.count("\n") == 1
                assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("seed", range(25))
def test_random_cells_give_the_table_or_a_sentence(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    form = provincial(made(14), TITLE)
    for _ in range(rng.randrange(1, 4)):
        line = rng.choice(form.cells)
        line[rng.randrange(len(line))] = rng.choice([None, "", "x", "#REF!", -1.0, 1e300, "01", "总产出", "2017", True])
    caught = Caught()
    path = save_text(tmp_path / "a.csv", form)
    with caught:
        read(path)
    assert ": " not in caught.sentence[:12] or caught.sentence.startswith(path.name)


def test_real_tables_of_30_provinces_come_back(data_folder: Path, tmp_path: Path) -> None:
    source = data_folder / "china" / "io2007"
    flows = pd.read_csv(source / "io2007_province_intermediate_42x42.csv.gz")
    sectors = pd.read_csv(source / "io2007_province_value_added_output_42s.csv.gz")
    names = list(pd.read_csv(source / "io2007_sector_names.csv")["name_zh"])
    matrices = {}
    forms = {}
    parts = ["labour_compensation", "net_production_tax", "depreciation", "operating_surplus"]
    # two provinces with negative value added and one whose sector 19 is zero
    for province in ("Gansu", "Xinjiang", "Qinghai"):
        matrix = np.zeros((42, 42))
        own = flows[flows["province"] == province]
        matrix[own["from_sector"] - 1, own["to_sector"] - 1] = own["flow_10k_cny"]
        added = sectors[sectors["province"] == province].sort_values("sector")[parts].to_numpy().T
        table = made(15, 42, matrix, added)
        table.names = names
        matrices[province] = (matrix, added.sum(axis=0))
        forms[province] = provincial(table, "2007年投入产出表")
    found = read(save(tmp_path / "io.xlsx", forms))
    tables = tables_of(found.tables["io_flows"], found.tables["io_sectors"])
    for province, (matrix, added) in matrices.items():
        np.testing.assert_allclose(tables[province, 2007].flows, matrix, rtol=1e-14)
        np.testing.assert_allclose(tables[province, 2007].value_added, added, rtol=1e-14)
        assert tables[province, 2007].sectors == tuple(names)


def test_national_tables(data_folder: Path) -> None:
    folder = data_folder / "china" / "io_national"
    found = read(*(folder / f"china_{year}_42.csv" for year in (2015, 2017, 2018, 2020)))
    tables = tables_of(found.tables["io_flows"], found.tables["io_sectors"])
    assert [year for _, year in tables] == [2015, 2017, 2018, 2020]
    # as printed in the files' own TVA and TIU cells
    raw = pd.read_csv(folder / "china_2017_42.csv", dtype={"Code": str}).set_index("Code")
    codes = [f"{i + 1:02d}" for i in range(42)]
    table = tables["China", 2017]
    np.testing.assert_allclose(table.value_added, raw.loc["TVA", codes].astype(float), rtol=1e-12)
    np.testing.assert_allclose(table.flows.sum(axis=0), raw.loc["TII", codes].astype(float), rtol=1e-9)
    assert abs(table.value_added.sum() / raw.loc["TVA", "TIU"] - 1) < 1e-9
    imports = found.tables["io_sectors"].query("year == 2017")["imports"].sum()
    assert abs(imports / raw.loc[codes].query("Origin == 'Imports'")["GO"].sum() - 1) < 1e-12
