"""Multi-regional tables: the layout of CEADs, what may be odd about it, and what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pymrio
import pytest
from io_layout import Form, multi_regional, save, save_text, tables_of

from digicarbon.__main__ import main
from digicarbon.errors import DataError
from digicarbon.importer.base import Imported
from digicarbon.note.ending import Caught
from digicarbon.packs.china import facts
from digicarbon.packs.china.importer.io_mrio import IOMrioImporter
from digicarbon.source import datafolder

# sums of decimal figures that a workbook keeps as binary ones
RTOL = 1e-12

REGIONS = ["北京", "天津", "内蒙古", "西藏"]
ENGLISH = ["Beijing", "Tianjin", "Inner Mongolia", "Tibet"]
NAMES = ["农林牧渔产品和服务", "煤炭采选产品", "其他", "金融"]


def flows(seed: int, size: int = len(REGIONS) * len(NAMES)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.round(rng.gamma(1, 100, (size, size)), 3) * (rng.random((size, size)) > 0.3)


def read(*files: Path, **fields: object) -> Imported:
    return IOMrioImporter(**fields).read(files)


def matrix(found: Imported, year: int = 2012) -> np.ndarray:
    """The flows as an array, provinces and sectors in the order of the file."""
    rows = found.tables["mrio_flows"].query("year == @year")
    order = {key: i for i, key in enumerate((p, s) for p in ENGLISH for s in NAMES)}
    result = np.zeros((len(order), len(order)))
    sellers = [order[key] for key in zip(rows["from_province"], rows["from_sector"], strict=True)]
    buyers = [order[key] for key in zip(rows["to_province"], rows["to_sector"], strict=True)]
    result[sellers, buyers] = rows["flow"]
    return result


@pytest.mark.parametrize("imports", [True, False])
def test_a_table_comes_back(tmp_path: Path, imports: bool) -> None:
    known, later = flows(1), flows(2)
    forms = {"2012": multi_regional(known, REGIONS, NAMES, 1, imports), "2017": multi_regional(later, REGIONS, NAMES)}
    forms["2017"].put(0, 0, "区域间投入产出表（亿元）")
    found = read(save(tmp_path / "mrio.xlsx", forms))
    np.testing.assert_allclose(matrix(found), known, rtol=RTOL)
    np.testing.assert_allclose(matrix(found, 2017), later * 1e4, rtol=RTOL)
    assert (found.tables["mrio_flows"]["flow"] != 0).all()
    sectors = found.tables["mrio_sectors"].query("year == 2012")
    assert sectors["province"].tolist() == [name for name in ENGLISH for _ in NAMES]
    assert sectors["adcode"].drop_duplicates().tolist() == [110000, 120000, 150000, 540000]
    assert sectors["position"].tolist() == [1, 2, 3, 4] * 4
    output = np.array([line[-1] for line in forms["2012"].cells[4:20]])
    np.testing.assert_allclose(sectors["output"], output, rtol=RTOL)
    imported = sectors["imported_input"].to_numpy()
    np.testing.assert_allclose(known.sum(axis=0) + imported + sectors["value_added"], output, rtol=1e-9)
    assert (imported > 0).all() == imports
    # intermediate and final use are what there is of a product
    np.testing.assert_allclose(known.sum(axis=1) + sectors["final_use"], output, rtol=1e-9)
    assert any(note.startswith("2012: tables of 4 provinces; none of Hebei") for note in map(str, found.notes))


def test_the_coefficients_are_those_of_pymrio(tmp_path: Path) -> None:
    known = flows(3)
    form = multi_regional(known, REGIONS, NAMES)
    found = read(save(tmp_path / "mrio.xlsx", {"2012": form}))
    tables = tables_of(found.tables["mrio_flows"], found.tables["mrio_sectors"])
    output = np.array([line[-1] for line in form.cells[4:20]])
    whole = pymrio.calc_A(known, output)
    for r, name in enumerate(ENGLISH):
        own = slice(4 * r, 4 * r + 4)
        table = tables[name, 2012]
        collapsed = whole[:, own].reshape(4, 4, 4).sum(axis=0)
        np.testing.assert_allclose(table.flows / table.output, collapsed, rtol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_provinces_in_any_order_and_in_every_cell(tmp_path: Path, seed: int) -> None:
    known = flows(seed)
    form = multi_regional(known, REGIONS, NAMES)
    form.merged = []
    for c in range(16):
        form.cells[1][3 + c] = REGIONS[c // 4]
        form.cells[4 + c][0] = ["Beijing", "天津市", "Inner Mongolia", "540000"][c // 4]
    order = np.random.default_rng(seed).permutation(16)
    for line in form.cells[1:]:
        line[3:19] = [line[3 + c] for c in order]
    np.testing.assert_allclose(matrix(read(save(tmp_path / "a.xlsx", {"2012": form}))), known, rtol=RTOL)
    np.testing.assert_allclose(matrix(read(save_text(tmp_path / "a.csv", form, "gbk"))), known, rtol=RTOL)


def test_a_column_of_areas_is_not_that_of_provinces(tmp_path: Path) -> None:
    """One of two areas has the name of its only province."""
    known = flows(5)
    form = multi_regional(known, REGIONS, NAMES)
    form.merged = []
    for r, line in enumerate(form.cells):
        line.insert(0, {4: "北京", 8: "其他地区"}.get(r))
    np.testing.assert_allclose(matrix(read(save(tmp_path / "a.xlsx", {"2012": form}))), known, rtol=RTOL)


def test_full_width_digits_separators_and_dashes(tmp_path: Path) -> None:
    known = flows(4)
    known[0, :3] = [0, 0, 1234567.5]
    form = multi_regional(known, REGIONS, NAMES)
    form.put(4, 3, "-").put(4, 4, "…").put(4, 5, "１，２３４，５６７．５")
    found = read(save(tmp_path / "a.xlsx", {"2012": form}))
    np.testing.assert_allclose(matrix(found), known, rtol=RTOL)
    assert any("2 cells of flows without a figure" in note for note in map(str, found.notes))


def broken(name: str, change: Callable[[Form], object], sentence: str) -> object:
    return pytest.param(change, sentence, id=name)


BAD = [
    broken("unknown province", lambda f: f.put(8, 0, "天河"), r"cell A9: '天河' is no province"),
    broken("unknown province above", lambda f: f.put(1, 7, "天河"), r"cell H2: '天河' is no province"),
    broken("first province lacks", lambda f: f.put(4, 0, None), r"cell A5: the first sector has no province"),
    broken("province of rows lacks", lambda f: f.put(8, 0, None), r"B9: '\w+' is also the sector of row 5"),
    broken("province of columns lacks", lambda f: f.put(1, 7, None), "are both headed as the sector"),
    broken("a flow changed", lambda f: f.put(9, 5, 9e6), r"cell F22: total intermediate input of Beijing '其他' is"),
    broken("final use changed", lambda f: f.put(9, 22, 9e6), r"cell AQ10: total output of Tianjin '煤炭采选产品' is"),
    broken("text", lambda f: f.put(9, 5, "n.d."), r"cell F10 holds the text 'n\.d\.'"),
    broken("Excel error", lambda f: f.put(9, 5, "#N/A"), r"cell F10 holds the Excel error #N/A"),
    broken("merged heading", lambda f: f.put(2, 5, None).put(3, 5, None), r"cell F4: this column .* no heading"),
    broken("cut off", lambda f: f.cells.__delitem__(slice(12, None)), "below the sectors there are no rows"),
    broken("cut off at total", lambda f: f.cells.__delitem__(slice(22, None)), "no row of total value added"),
    broken("no provinces", lambda f: [line.__setitem__(0, None) for line in f.cells[4:]], "no column of provinces"),
    broken("no provinces above", lambda f: f.cells.__setitem__(1, [None]), "no row of provinces"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "sentence"), BAD)
def test_what_is_wrong_is_a_sentence_with_its_cell(
    tmp_path: Path, change: Callable[[Form], object], sentence: str
) -> None:
    form = multi_regional(flows(5), REGIONS, NAMES)
    form.merged = []
    change(form)
    with pytest.raises(DataError, match=sentence) as error:
        read(save(tmp_path / "io.xlsx", {"2012": form}))
    assert str(error.value).startswith("io.xlsx, sheet 2012")


def test_sheets_and_years(tmp_path: Path) -> None:
    form = multi_regional(flows(6), REGIONS, NAMES)
    path = save(tmp_path / "a.xlsx", {"x": form, "y": form})
    with pytest.raises(DataError, match=r"a\.xlsx, sheet y: there is a table of 2012 in a\.xlsx, sheet x already"):
        read(path)
    assert read(path, sheet="y", year=2015).tables["mrio_flows"]["year"].unique().tolist() == [2015]
    with pytest.raises(DataError, match=r"a\.xlsx has no sheet 'z'"):
        read(path, sheet="z")
    with pytest.raises(DataError, match="there is no input-output table in it"):
        read(save_text(tmp_path / "a.csv", Form([["a", "b"], [1, 2]])))


def test_a_failed_import_leaves_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    form = multi_regional(flows(7), REGIONS, NAMES)
    good = save(folder / "good.xlsx", {"2012": form})
    assert main(["data", "import", "io_mrio", "good.xlsx", "--to", "out"]) == 0
    table = tables_of(*(datafolder.read(folder / "out", f"mrio_{half}") for half in ("flows", "sectors")))
    assert len(table) == 4
    whole = good.read_bytes()
    capsys.readouterr()
    for content in (whole[: len(whole) // 2], whole[:-30], b"", form.cells[0][0].encode() + b"\xff\x81\xff"):
        (folder / "bad.xlsx").write_bytes(content)
        assert main(["data", "import", "io_mrio", "bad.xlsx", "--to", "other"]) == 2
        shown = capsys.readouterr().err
        assert shown.startswith("digicarbon: bad.xlsx")
        assert shown.count("\n") == 1
        assert not (folder / "other").exists()


@pytest.mark.parametrize("seed", range(25))
def test_random_cells_give_the_table_or_a_sentence(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    form = multi_regional(flows(8), REGIONS, NAMES)
    for _ in range(rng.randrange(1, 4)):
        line = rng.choice(form.cells)
        line[rng.randrange(len(line))] = rng.choice([None, "", "x", "#REF!", -1.0, 1e300, "01", "总产出", "北京", True])
    caught = Caught()
    with caught:
        read(save_text(tmp_path / "a.csv", form))
    assert not caught.sentence or caught.sentence.startswith("a.csv")


def test_forty_two_sectors_and_thirty_one_provinces_have_their_names(tmp_path: Path) -> None:
    names = list(facts.sectors()["name_zh"])
    known = flows(9, 2 * 42)
    found = read(save(tmp_path / "io.xlsx", {"2012": multi_regional(known, ["山西", "陕西"], names)}))
    tables = tables_of(found.tables["mrio_flows"], found.tables["mrio_sectors"])
    assert list(tables) == [("Shaanxi", 2012), ("Shanxi", 2012)]
    assert tables["Shanxi", 2012].sectors == tuple(names)
    np.testing.assert_allclose(tables["Shanxi", 2012].flows, known[:, :42].reshape(2, 42, 42).sum(axis=0), rtol=RTOL)
