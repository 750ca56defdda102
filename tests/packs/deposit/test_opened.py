"""Files that the authors' own modules open by themselves: they are packaged as other data are."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import REFERENCE
from test_package import EXPERIMENT, MODEL, SOURCE

from digicarbon.__main__ import main
from digicarbon.errors import DataError
from digicarbon.packs.deposit.package.opened import named_in, opened_by

pytestmark = pytest.mark.long

Capture = pytest.CaptureFixture[str]
MODULE = """
import os, sqlite3
from pathlib import Path

def read(name):
    with open(name) as file:
        return file.read()

def write_and_read(name):
    Path(name).write_text("made")
    return Path(name).read_text()

def low(name):
    os.close(os.open(name, os.O_RDONLY))

def base(name):
    sqlite3.connect(name).close()
"""
MINE = '''"""A regression whose effects a table names."""
from pathlib import Path

import pandas as pd
from digicarbon.model import PanelRegression

FIRST = Path(__file__).with_name("first.txt").read_text()

class Mine(PanelRegression):
    """Fixed effects as a table says."""

    def fit(self, panel, weights=None):
        effects = pd.read_csv("tables/effects.csv")["effects"][0]
        return PanelRegression(**{**dict(self), "effects": effects}).fit(panel, weights)
'''


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], object]:
    """Calls a function of a module in the working directory, which has files beside it."""
    here = tmp_path / "study"
    (here / "results").mkdir(parents=True)
    monkeypatch.chdir(here)
    for name in ("a.csv", "b.csv", "c.db", "results/d.csv", "e.py", "../away.csv", "../.settings"):
        (here / name).write_text("")
    names: dict[str, Callable[[str], object]] = {}
    exec(compile(MODULE, str(here / "own.py"), "exec"), names)
    return lambda function, name: names[function](name)


def test_what_a_module_reads_is_noted_and_nothing_else(call: Callable[[str, str], object]) -> None:
    with opened_by(["own.py"], ["results"]) as data:
        call("read", "a.csv")
        call("base", "c.db")
        # made by itself, results, code, and what belongs to a computer
        call("write_and_read", "new.csv")
        call("read", "results/d.csv")
        call("read", "e.py")
        call("read", "../.settings")
        call("read", json.__file__)
        Path("b.csv").read_text()
    call("low", "b.csv")
    assert data == {str(Path(name).resolve()): "own.py" for name in ("a.csv", "c.db")}
    with opened_by(["own.py"], []) as again:
        call("low", "b.csv")
    assert list(again) == [str(Path("b.csv").resolve())]
    with opened_by([], []) as none:
        call("read", "a.csv")
    assert none == {}


def test_a_file_outside_of_the_folder_is_refused(call: Callable[[str, str], object]) -> None:
    with (
        pytest.raises(DataError, match=r"own.py reads .*away.csv, which is outside of this folder"),
        opened_by(["own.py"], []),
    ):
        call("read", "../away.csv")


def test_files_that_a_text_names_are_found(call: Callable[[str, str], object]) -> None:
    folder = Path("sub")
    folder.mkdir()
    Path("sub/near.csv").write_text("")
    text = f"'{'long ' * 200}'\nread('a.csv', 'near.csv', 'e.py', '../away.csv', 'none.csv', '', '.', 'a\\0b')\n"
    found = named_in(ast.parse(text), folder.resolve())
    assert sorted(found) == [str(Path(name).resolve()) for name in ("a.csv", "sub/near.csv")]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A study whose model reads a table that no source names, recorded."""
    here = tmp_path / "study"
    for name in ("experiments", "conf/model", "conf/source", "data", "tables", "mlruns"):
        (here / name).mkdir(parents=True)
    (here / "data/states.csv").write_bytes((REFERENCE / "produc.csv").read_bytes())
    (here / "mine.py").write_text(MINE)
    (here / "first.txt").write_text("a")
    (here / "tables/effects.csv").write_text("effects\ntwo_way\n")
    (here / "conf/model/own.yaml").write_text(MODEL)
    (here / "conf/source/states.yaml").write_text(SOURCE.format(path="data/states.csv"))
    columns = "{One: {model.controls: []}, Two: {}}"
    (here / "experiments/main.yaml").write_text(EXPERIMENT.format(title="main", source="states", columns=columns))
    monkeypatch.chdir(here)
    # one that another test has left would not be read again
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert main(["run", "main"]) == 0
    del sys.modules["mine"]
    yield here
    sys.modules.pop("mine", None)


def test_a_package_has_what_a_model_reads_and_refuses_it_when_it_has_changed(study: Path, capsys: Capture) -> None:
    data = (
        "data:\n  states:\n    files: [data/states.csv]\n    share: true\n"
        "  mine.py:\n    files: [first.txt, tables/effects.csv]\n    share: true\n"
    )
    (study / "experiments/package.yaml").write_text(data)
    capsys.readouterr()
    assert main(["package", "main", "--to", "../package"]) == 0
    said = capsys.readouterr().out
    assert "mine.py reads or names first.txt, tables/effects.csv, which no source names" in said
    assert "not copied" not in said
    package = study.parent / "package"
    plan = json.loads((package / "software/rebuild.json").read_text(encoding="utf-8"))
    wanted = {one["place"]: one["sha256"] for one in plan["data"]}
    for name in ("first.txt", "tables/effects.csv"):
        content = (study / name).read_bytes()
        assert (package / name).read_bytes() == content
        assert wanted[name] == hashlib.sha256(content).hexdigest()
    for name, words in (
        ("README.md", "Read or named by the authors' own module `mine.py`"),
        ("README.md", "(`mine.py`) open"),
    ):
        assert words in (package / name).read_text(encoding="utf-8")

    (study / "tables/effects.csv").write_text("effects\nunit\n")
    assert main(["package", "main", "--to", "../package"]) == 2
    assert "its numbers are not those that are recorded; the class, or a file that it reads, has changed" in (
        capsys.readouterr().err
    )
