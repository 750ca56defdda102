"""`digicarbon package`: what the folder holds, that it comes out the same, and that a changed number is named."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE

from digicarbon.__main__ import main
from digicarbon.packs.deposit.package import check
from digicarbon.packs.deposit.package.member import portable

pytestmark = pytest.mark.long

Capture = pytest.CaptureFixture[str]
MINE = '''"""A regression of one's own."""
import helper
from digicarbon.model import PanelRegression

class Mine(PanelRegression):
    """Nothing but another name."""
'''
MODEL = """# two-way effects, by a class of one's own
_target_: mine.Mine
x: [pcap]
y: gsp
controls: [pc]
effects: two_way
test: ${inference.test}
"""
EXPERIMENT = """# States: {title}
defaults:
  - config
  - override source: {source}
  - override measure: none
  - override outcome: none
  - override inference: cluster
  - override executor: sequential
  - override model: own
  - _self_
title: States
columns: {columns}
"""
SOURCE = """# 48 states, 1970-86
_target_: digicarbon.source.TableSource
path: {path}
unit: state
time: year
"""
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]|[. ]$')


def study(folder: Path) -> Path:
    """Make a study with a class of its own, data in its folder, and data in a folder with a blank in its name."""
    here = folder / "study"
    for name in ("experiments", "conf/model", "conf/source", "data", "mlruns"):
        (here / name).mkdir(parents=True)
    frame = pd.read_csv(REFERENCE / "produc.csv")
    logs = frame[["state", "year"]].assign(**{name: np.log(frame[name]) for name in ("gsp", "pcap", "pc")})
    logs.to_csv(here / "data/states.csv", index=False)
    (folder / "my own").mkdir()
    logs.iloc[::-1].to_csv(folder / "my own/secret.csv", index=False)
    (here / "mine.py").write_text(MINE)
    (here / "helper.py").write_text("SCALE = 2\n")
    (here / "unused.py").write_text("SCALE = 3\n")
    (here / "conf/model/own.yaml").write_text(MODEL)
    (here / "conf/source/states.yaml").write_text(SOURCE.format(path="data/states.csv"))
    (here / "conf/source/secret.yaml").write_text(SOURCE.format(path='"../my own/secret.csv"'))
    (here / "conf/source/unused.yaml").write_text(SOURCE.format(path="data/none.csv"))
    columns = "{One: {model.controls: []}, Two: {}}"
    kinds = "kinds: {column: equivalent}\n"
    (here / "experiments/open.yaml").write_text(
        EXPERIMENT.format(title="open", source="states", columns=columns) + kinds
    )
    (here / "experiments/closed.yaml").write_text(EXPERIMENT.format(title="closed", source="secret", columns="{A: {}}"))
    (here / "experiments/both.yaml").write_text("# all tables\ndefaults: [config]\nexperiments: [open, closed]\n")
    (here / "experiments/package.yaml").write_text(
        "data: \n  states:\n    files: [data/states.csv]\n    share: true\n  secret:\n    share: false\n"
    )
    return here


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The study and its package."""
    folder = tmp_path_factory.mktemp("packages")
    here = study(folder)
    before, path = Path.cwd(), list(sys.path)
    os.chdir(here)
    try:
        assert main(["run", "both"]) == 0
        assert main(["package", "both", "--to", str(folder / "package")]) == 0
    finally:
        os.chdir(before)
        # other tests have modules of these names
        sys.path[:] = path
        sys.modules.pop("mine", None)
        sys.modules.pop("helper", None)
    return here, folder / "package"


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def rebuild(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(folder / "run_all.py"), "--here", *flags]
    return subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)


def test_the_folder_holds_the_study_and_no_more(packaged: tuple[Path, Path]) -> None:
    own = names(packaged[1])
    assert {name for name in own if name.endswith(".py")} == {"run_all.py", "mine.py", "helper.py"}
    assert {name for name in own if name.startswith("conf/")} == {
        "conf/model/own.yaml",
        "conf/source/states.yaml",
        "conf/source/secret.yaml",
    }
    assert {name for name in own if name.startswith("experiments/")} == {
        *(f"experiments/{name}.yaml" for name in ("open", "closed", "both")),
        *(f"experiments/composed/{name}.yaml" for name in ("open", "closed")),
    }
    tables = ("numbers.csv", "table.csv", "table.docx", "table.md", "table.tex", "table.txt", "table.xlsx", "runs.csv")
    for name in ("open", "closed"):
        assert {f"expected/{name}/{file}" for file in tables} <= own
    readme = (packaged[1] / "README.md").read_text(encoding="utf-8")
    assert "@article{delgiudice2021," in (packaged[1] / "references.bib").read_text(encoding="utf-8")
    assert re.search(r"The largest process took [\d.]+ [MG]B of memory, measured during the recorded runs\.", readme)
    assert {"README.md", "Dockerfile", "data.json", "software/requirements.lock", "ro-crate-metadata.json"} <= own


def test_data_are_copied_only_where_the_author_says_so(packaged: tuple[Path, Path]) -> None:
    here, folder = packaged
    assert {name for name in names(folder) if name.startswith("data/")} == {"data/states.csv"}
    withheld = (here.parent / "my own/secret.csv").read_bytes()
    plan = json.loads((folder / "software/rebuild.json").read_text())
    wanted = {one["name"]: (one["place"], one["sha256"], one["shared"]) for one in plan["data"]}
    assert wanted["secret.csv"] == ("data/secret.csv", hashlib.sha256(withheld).hexdigest(), False)
    assert wanted["states.csv"][2]
    assert all(withheld not in path.read_bytes() for path in folder.rglob("*") if path.is_file())
    row = withheld.splitlines()[1]
    assert all(row not in path.read_bytes() for path in (folder / "expected").rglob("*.csv"))
    assert hashlib.sha256(withheld).hexdigest() in (folder / "README.md").read_text()


def test_manifest_lists_every_file_and_no_text_names_this_computer(packaged: tuple[Path, Path]) -> None:
    here, folder = packaged
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert set(files) == names(folder) - {"manifest.json"}
    for name, sha256 in files.items():
        content = (folder / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256
        assert str(here.parent).encode() not in content, name
        assert not [part for part in name.split("/") if FORBIDDEN.search(part)]


def test_a_rebuild_finds_the_same_numbers_and_names_those_that_were_changed(
    packaged: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = tmp_path / "elsewhere"
    shutil.copytree(packaged[1], folder)
    lacking = rebuild(folder)
    assert lacking.returncode == 2
    assert "Data are missing: secret.csv, of the source secret. Put it at data/secret.csv in this folder." in (
        lacking.stderr
    )
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong/secret.csv").write_text("state,year\n")
    wrong = rebuild(folder, "--data", str(tmp_path / "wrong"))
    assert wrong.returncode == 2
    assert "secret.csv is not the file that the numbers come from" in wrong.stderr
    done = rebuild(folder, "--data", str(packaged[0].parent / "my own"))
    assert done.returncode == 0, done.stderr
    expected = [row for one in ("open", "closed") for row in rows(folder / f"expected/{one}/numbers.csv")]
    cells = sum(len(row) for one in ("open", "closed") for row in cells_of(folder / f"expected/{one}/table.csv"))
    assert done.stdout.endswith(f"\n0 of {len(expected) + cells} numbers differ.\n")
    compared = rows(folder / "build/comparison.csv")
    assert len(compared) == len(expected) + cells
    assert {row["equal"] for row in compared} == {"yes"}
    assert (folder / "build/open/index.html").is_file()
    assert json.loads((folder / "build/measured.json").read_text())["peak_memory"] > 10**7

    file = folder / "expected/open/numbers.csv"
    value = next(row["value"] for row in expected if row["number"] == "estimate 1, pcap, coef" and row["run"] == "Two")
    file.write_text(file.read_text().replace(value, repr(float(value) * (1 + 1e-5))))
    table = folder / "expected/closed/table.csv"
    table.write_text(table.read_text(encoding="utf-8-sig").replace("(0.", "(1.", 1), encoding="utf-8")
    monkeypatch.chdir(folder / "build/.study")
    assert check.main([str(folder), str(folder / "build")]) == 1
    printed = capsys.readouterr().out
    assert f"DIFFERS open, Two, estimate 1, pcap, coef: expected {float(value) * (1 + 1e-5)!r}, rebuilt {value}" in (
        printed
    )
    assert re.search(r"DIFFERS closed, table\.csv, row \d+, column 2: expected \(1\.\d+\), rebuilt \(0\.\d+\)", printed)
    assert printed.endswith(f"\n2 of {len(expected) + cells} numbers differ.\n")
    changed = rebuild(folder, "--only", "nothing")
    assert changed.returncode == 2
    assert "There is no experiment nothing in this package. There are: open, closed." in changed.stderr


def rows(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines()))


def cells_of(file: Path) -> list[list[str]]:
    return list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))


def test_an_older_python_is_refused_before_anything_is_installed(packaged: tuple[Path, Path], tmp_path: Path) -> None:
    package = tmp_path / "package"
    shutil.copytree(packaged[1], package)
    path = package / "software/rebuild.json"
    plan = json.loads(path.read_text(encoding="utf-8"))
    assert plan["least_python"].split(".")[:2] == plan["python"].split(".")[:2]
    path.write_text(json.dumps({**plan, "least_python": "99.1.2"}), encoding="utf-8")
    words = [sys.executable, str(package / "run_all.py"), "--data", str(packaged[0].parent / "my own")]
    done = subprocess.run(words, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "the recorded packages need 99.1.2 or later" in done.stderr
    assert not (package / "build").exists()


def test_expected_numbers_are_those_of_the_regression(packaged: tuple[Path, Path]) -> None:
    frame = pd.read_csv(packaged[0] / "data/states.csv")
    within = frame[["gsp", "pcap", "pc"]]
    for group in ("state", "year"):
        means = frame.groupby(group)[["gsp", "pcap", "pc"]].transform("mean")
        within = within - means
    within = within + frame[["gsp", "pcap", "pc"]].mean()
    within = within - within.mean()
    coef, *_ = np.linalg.lstsq(within[["pcap", "pc"]].to_numpy(), within["gsp"].to_numpy(), rcond=None)
    numbers = {
        row["number"]: float(row["value"])
        for row in rows(packaged[1] / "expected/open/numbers.csv")
        if row["run"] == "Two"
    }
    assert [numbers["estimate 1, pcap, coef"], numbers["estimate 2, pc, coef"]] == pytest.approx(list(coef), rel=1e-9)


def complaint(capsys: Capture, *words: str) -> str:
    capsys.readouterr()
    assert main(["package", *words]) == 2
    return capsys.readouterr().err


def test_what_is_not_recorded_as_it_stands_is_refused_with_a_command(
    packaged: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    here = tmp_path / "study"
    shutil.copytree(packaged[0], here)
    shutil.copytree(packaged[0].parent / "my own", tmp_path / "my own")
    monkeypatch.chdir(here)
    to = ["--to", str(tmp_path / "package")]
    assert "named twice: by both and by open" in complaint(capsys, "both", "open", *to)
    assert "There is no experiment 'opn'. Did you mean 'open'?" in complaint(capsys, "opn", *to)
    (here / "experiments/new.yaml").write_text("defaults: [open, _self_]\ntitle: New\n")
    assert "run it first: `digicarbon run new`" in complaint(capsys, "new", *to)
    model = here / "conf/model/own.yaml"
    model.write_text(MODEL.replace("effects: two_way", "effects: unit"))
    said = complaint(capsys, "open", *to)
    assert "open: the experiment is no longer what was run; these keys differ: model." in said
    assert "digicarbon run open" in said
    model.write_text(MODEL)
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize("changed", ["command", "file"])
def test_a_table_that_the_file_does_not_make_is_refused(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, empty_store: Path
) -> None:
    (tmp_path / "mlruns").mkdir()
    shutil.copy(empty_store, tmp_path / "mlruns" / "mlflow.db")
    (tmp_path / "experiments").mkdir()
    file = tmp_path / "experiments" / "one.yaml"
    text = "defaults: [config, override model: fe, override executor: sequential]\ntitle: One\ncolumns: {A: {}}\n"
    file.write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main(["run", "one", *(["report.language=zh"] if changed == "command" else [])]) == 0
    if changed == "file":
        file.write_text(f"{text}report: {{decimals: 2}}\nlabels: {{digital: Digital}}\n")
    said = complaint(capsys, "one", "--to", "package")
    keys = {"command": "report.language", "file": "report.decimals, labels.digital"}[changed]
    assert f"one: its table was made with other values of {keys} than its file has" in said
    assert said.endswith("run it as it stands: digicarbon run one\n")
    assert main(["run", "one"]) == 0
    assert main(["package", "one", "--to", "package"]) == 0
    done = rebuild(tmp_path / "package")
    assert done.returncode == 0, done.stdout + done.stderr


def test_data_that_have_changed_since_the_runs_are_refused(
    packaged: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    here = packaged[0]
    monkeypatch.chdir(here)
    file = here / "data/states.csv"
    content = file.read_bytes()
    try:
        file.write_bytes(content.replace(b"ALABAMA,1970,", b"ALABAMA,1970,1", 1))
        assert "states.csv has changed since the runs. Run the experiment again: digicarbon run open" in complaint(
            capsys, "open", "--to", "package"
        )
        file.unlink()
        assert "states.csv, from which its numbers come, is no longer there" in complaint(
            capsys, "open", "--to", "package"
        )
    finally:
        file.write_bytes(content)
    assert not (here / "package").exists()


def test_own_code_that_has_changed_since_the_runs_is_refused(
    packaged: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    here, _ = packaged
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [str(here), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    helper, content = here / "helper.py", (here / "helper.py").read_bytes()

    def packages(to: str) -> str:
        for name in ("mine", "helper"):
            sys.modules.pop(name, None)
        main(["package", "open", "--to", str(tmp_path / to)])
        return capsys.readouterr().err

    try:
        helper.write_bytes(content + b"# why\n")
        assert packages("words") == ""
        helper.write_bytes(b"SCALE = 4\n")
        sentence = (
            "open: the code of mine.Mine has changed since its numbers were made (helper.py), and the package would "
            "hold the new one. Run the experiment again: digicarbon run open"
        )
        assert sentence in packages("changed")
        assert not (tmp_path / "changed").exists()
        (here / "mine.py").rename(here / "renamed.py")
        assert "open: the class mine.Mine, which makes its numbers, cannot be loaded: " in packages("gone")
    finally:
        helper.write_bytes(content)
        (here / "renamed.py").rename(here / "mine.py")
        for name in ("mine", "helper"):
            sys.modules.pop(name, None)
    assert (tmp_path / "words" / "run_all.py").is_file()


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("curve_N(1).png", "curve_N(1).png"), ("a:b?.svg", "a_b_.svg"), ("con.csv", "_con.csv"), ("end. ", "end")],
)
def test_names_of_files_are_those_that_windows_allows(name: str, allowed: str) -> None:
    assert portable(name) == allowed


def test_compare_reads_a_package(
    packaged: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    here, package = packaged
    monkeypatch.chdir(here)
    assert main(["compare", str(package), "open"]) == 0
    text = capsys.readouterr().out
    expected = (package / "expected" / "open" / "numbers.csv").read_text(encoding="utf-8")
    numbers = list(csv.DictReader(expected.splitlines()))
    runs = list(dict.fromkeys(row["run"] for row in numbers))
    assert f"{len(numbers):,} numbers of {len(runs)} run" in text
    assert "none differs by more than 1e-10" in text
    assert "1 experiment only in A: closed." in text
    # a changed number, and one that is gone
    other = tmp_path / "other"
    shutil.copytree(package, other)
    plan = json.loads((other / "software/rebuild.json").read_text(encoding="utf-8"))
    plan["experiments"] = [one for one in plan["experiments"] if one["name"] == "open"]
    (other / "software/rebuild.json").write_text(json.dumps(plan), encoding="utf-8")
    file = other / "expected" / "open" / "numbers.csv"
    lines = expected.splitlines()
    changed = {**numbers[0], "value": repr(float(numbers[0]["value"]) * (1 + 1e-8))}
    lines[1] = lines[1].replace(numbers[0]["value"], changed["value"])
    file.write_text("\n".join([*lines[:-1], ""]), encoding="utf-8")
    moved = tmp_path / "moved.csv"
    assert main(["compare", "open", str(other), "--to", str(moved)]) == 1
    text = capsys.readouterr().out
    assert "2 differ by more than 1e-10, 1 by more than 1e-06" in text
    rows = pd.read_csv(moved)
    assert len(rows) == len(numbers)
    differ = rows[rows["difference"] > 1e-10].set_index("number")
    assert set(differ.index) == {numbers[0]["number"], numbers[-1]["number"]}
    assert differ.loc[numbers[0]["number"], "value_b"] == float(changed["value"])
    assert np.isnan(differ.loc[numbers[-1]["number"], "value_b"])
    assert main(["compare", str(package), str(other), "report.language=zh"]) == 1
    text = capsys.readouterr().out
    assert "个数值：2个相差超过1e-10，1个相差超过1e-06。" in text.replace("\n", "")
    assert "不同的数值，差异最大的在前" in text
    # numbers of a run on one side only are no differences, and those of the whole sweep are of no run
    own = [row for row in expected.splitlines()[1:] if row.startswith(runs[0])]
    whole = ["all runs together,test,1.0"]
    file.write_text("\n".join(["run,number,value", *own, *whole, ""]), encoding="utf-8")
    shutil.copytree(package, tmp_path / "third")
    (tmp_path / "third/expected/open/numbers.csv").write_text(
        "\n".join([*expected.splitlines(), *whole, ""]), encoding="utf-8"
    )
    assert main(["compare", str(other), str(tmp_path / "third"), "--to", str(moved)]) == 0
    text = capsys.readouterr().out
    assert f"{len(own) + 1} numbers of 1 run: none differs" in text
    assert f"1 run only in B: {runs[1]}." in text
    rows = pd.read_csv(moved)
    alone = rows[rows["run"] == runs[1]]
    assert len(alone) == len(numbers) - len(own)
    assert alone["difference"].isna().all()
    assert alone["value_a"].isna().all()
    # no run in both
    file.write_text("\n".join(["run,number,value", f"Another,{own[0].partition(',')[2]}", ""]), encoding="utf-8")
    assert main(["compare", str(package), str(other)]) == 2
    assert "have no run in common" in capsys.readouterr().err
    (other / "software" / "rebuild.json").write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert main(["compare", str(package), str(other)]) == 2
    assert "The package cannot be read" in capsys.readouterr().err
