"""`digicarbon data`: what it writes, what it prints, and one sentence for whatever is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from conftest import REPOSITORY
from omegaconf import OmegaConf

from digicarbon.__main__ import main
from digicarbon.importer import Importer
from digicarbon.source import datafolder
from digicarbon.spec import build

Capture = pytest.CaptureFixture[str]

MINE = """
from collections.abc import Sequence
from pathlib import Path
import pandas as pd
from digicarbon.importer import Imported, Importer

class Mine(Importer):
    scale: float = 1.0
    def read(self, files: Sequence[Path]) -> Imported:
        parts = [pd.read_csv(file, encoding="utf-8") for file in files]
        table = pd.concat(parts, ignore_index=True)
        table["value"] = table["value"] * self.scale
        return Imported({"long": table}, {"gdp": "100m CNY"}, "Me (2024)", ("Something is odd.",))
"""


@pytest.fixture
def mine(folder: Path) -> Path:
    (folder / "mine.py").write_text(MINE, encoding="utf-8")
    (folder / "conf" / "importer").mkdir(parents=True)
    yaml = "# my own layout\n_target_: mine.Mine\nscale: 1.0\n"
    (folder / "conf" / "importer" / "mine.yaml").write_text(yaml, encoding="utf-8")
    (folder / "raw").mkdir()
    for year in (2012, 2013):
        content = f"unit,year,series,value\nBeijing,{year},gdp,{year}\nTianjin,{year},gdp,7\n"
        (folder / "raw" / f"{year}.csv").write_text(content, encoding="utf-8")
    return folder


def said(capsys: Capture, *arguments: str) -> str:
    """Run an import that must end in one sentence on stderr and write nothing; return the sentence."""
    before = sorted(Path().rglob("*"))
    capsys.readouterr()
    assert main(["data", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("digicarbon: ")
    assert shown.err.count("\n") == 1, shown.err
    new = [path for path in Path().rglob("*") if path not in before and "__pycache__" not in path.parts]
    assert new == []
    return shown.err


def test_import_of_a_users_own_kind(mine: Path, capsys: Capture) -> None:
    assert main(["data", "import", "mine", "raw", "--to", "data", "scale=2.0"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.splitlines() == [
        "long: 4 rows, 2 units, 2012 to 2013, from 2 files of mine.",
        "Note: Something is odd.",
        f"Written: {Path('data', 'long.parquet')} and long.provenance.json",
    ]
    assert datafolder.read(mine / "data", "long")["value"].tolist() == [4024.0, 4026.0, 14.0, 14.0]
    (record,) = datafolder.provenance(mine / "data", "long")
    assert record.kind == "mine"
    assert record.options == {"scale": 2.0}
    assert record.units == {"gdp": "100m CNY"}
    assert record.citation == "Me (2024)"
    assert [file.name for file in record.files] == ["2012.csv", "2013.csv"]
    assert record.files[0].sha256 == datafolder.file_hash(mine / "raw" / "2012.csv")
    assert json.loads((mine / "data" / "long.provenance.json").read_text(encoding="utf-8"))["dataset"] == "long"


def test_files_folders_and_patterns_each_once(mine: Path, capsys: Capture) -> None:
    assert (
        main(["data", "import", "mine", "raw/2012.csv", "raw/*.csv", "raw", str(mine / "raw" / "2013.csv"), "--to=d"])
        == 0
    )
    assert "4 rows" in capsys.readouterr().out
    assert len(pd.read_parquet(mine / "d" / "long.parquet")) == 4


def test_add(mine: Path, capsys: Capture) -> None:
    assert main(["data", "import", "mine", "raw/2012.csv", "--to", "d"]) == 0
    assert "already; write --add" in said(capsys, "import", "mine", "raw/2013.csv", "--to", "d")
    assert main(["data", "import", "mine", "raw/2013.csv", "--to", "d", "--add"]) == 0
    assert len(datafolder.provenance(mine / "d", "long")) == 2
    assert len(datafolder.read(mine / "d", "long")) == 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("improt",), "There is no command 'improt'. Did you mean 'import'?"),
        (("import",), "Name the kind of download (`digicarbon list importer` shows them), its files"),
        (("import", "mien", "raw", "--to", "d"), "There is no kind of download 'mien'. Did you mean 'mine'?"),
        (("import", "mine", "--to", "d"), "FILES is missing. Name the kind of download"),
        (("import", "mine", "raw"), "--to is missing. Name the kind of download"),
        (("import", "mine", "raw", "--to"), "--to needs a value. Name the kind of download"),
        (("import", "mine", "raw", "--too", "d"), "`digicarbon data import` has no flag --too. Did you mean '--to'?"),
        (("import", "mine", "raw", "--to", "mine.py"), "is a file; name a folder"),
        (("import", "mine", "raw/2021.csv", "--to", "d"), "There is no file '2021.csv' in the folder"),
        (("import", "mine", "war/2012.csv", "--to", "d"), "there is no folder"),
        (("import", "mine", "raw/*.xlsx", "--to", "d"), "No file matches 'raw/*.xlsx'"),
        (("import", "mine", "conf", "--to", "d"), "has no file that ends in .xlsx"),
        (("import", "mine", "raw", "--to", "d", "scal=2.0"), "importer.scal is not a field of Mine. Did you mean 'sca"),
        (("import", "mine", "raw", "--to", "d", "scale=a"), "importer.scale: must be a"),
        (("import", "mine", "raw", "--to", "d", "scale=1,2"), "gives several values"),
    ],
)  # fmt: skip
def test_wrong_commands(mine: Path, capsys: Capture, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in said(capsys, *words)


def test_one_file_under_two_names(mine: Path, capsys: Capture) -> None:
    (mine / "raw" / "2014.csv").write_bytes((mine / "raw" / "2013.csv").read_bytes())
    assert "2014.csv is byte for byte the same as" in said(capsys, "import", "mine", "raw", "--to", "d")


def test_help_and_list(mine: Path, capsys: Capture) -> None:
    for words in (["data"], ["data", "--help"]):
        assert main(words) == 0
        assert "digicarbon data import KIND FILES… --to FOLDER" in capsys.readouterr().out
    assert main(["list", "importer"]) == 0
    assert "my own layout" in capsys.readouterr().out


@pytest.mark.parametrize("path", sorted((REPOSITORY / "conf" / "importer").glob("*.yaml")), ids=lambda path: path.stem)
def test_importer_builds_and_shows_every_field_of_its_class(path: Path) -> None:
    node = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    assert isinstance(node, dict)
    importer = build({str(key): value for key, value in node.items()}, Importer, "importer")
    assert set(node) - {"_target_"} == set(type(importer).model_fields)


def test_what_the_checks_find_at_once_is_a_note_of_the_import(mine: Path, capsys: Capture) -> None:
    rows = [f"u{k},{year},gdp,{k}.{1 if year < 2014 else 2}2345" for k in range(1, 8) for year in (2012, 2013, 2014)]
    (mine / "raw.csv").write_text("\n".join(["unit,year,series,value", *rows, "u9,2012,gdp,-5"]), encoding="utf-8")
    assert main(["data", "import", "mine", "raw.csv", "--to", "data"]) == 0
    shown = capsys.readouterr().out
    (record,) = datafolder.provenance(mine / "data", "long")
    assert len(record.notes) == 3
    for words in ("gdp cannot be below 0 100m CNY, but is for u9 2012", "gdp of 2013 is a copy of 2012 in all 7 units"):
        assert f"Note: long: {words}" in shown
        assert any(words in note for note in record.notes)


@pytest.mark.parametrize("columns", ["unit,year,series", "unit,year,series,value"])
def test_a_users_importer_that_delivers_something_else_is_one_sentence(
    mine: Path, capsys: Capture, columns: str
) -> None:
    (mine / "mine.py").write_text(MINE.replace('table["value"] * self.scale', '"x"'), encoding="utf-8")
    (mine / "raw.csv").write_text(f"{columns}\nA,2012.5,gdp{',1' if 'value' in columns else ''}\n", encoding="utf-8")
    main(["data", "import", "mine", "raw.csv", "--to", "data"])
    assert "Traceback" not in capsys.readouterr().err


def test_the_same_rows_again_are_no_new_rows(mine: Path, capsys: Capture) -> None:
    words = ["data", "import", "mine", "raw", "--to", "data", "--add"]
    assert main(words) == 0
    before = {path.name: path.read_bytes() for path in (mine / "data").iterdir()}
    capsys.readouterr()
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "long: 0 new rows; the folder has them all, and nothing was written or recorded." in shown
    assert "Written" not in shown
    assert {path.name: path.read_bytes() for path in (mine / "data").iterdir()} == before


def test_an_interrupted_import_says_that_nothing_was_written(mine: Path, capsys: Capture) -> None:
    (mine / "mine.py").write_text(MINE.replace("parts =", "raise KeyboardInterrupt\n        parts ="), encoding="utf-8")
    assert main(["data", "import", "mine", "raw", "--to", "data"]) == 130
    assert capsys.readouterr().err == "digicarbon: Interrupted; nothing was written.\n"
    assert not (mine / "data").exists()
