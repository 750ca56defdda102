"""Errors name what a user wrote and where: a word of a short file, a flag, a formula, an argument of Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.errors import OTHER_NAMES, DigicarbonError, closest
from digicarbon.note import suggestion

EXAMPLE = Path(__file__).parents[2] / "docs/example"
FILE = "data: panel.csv\ny: ln_ci\nx: ln_digital\nweights: neighbours.csv\n"
MINE = "experiments/mine.yaml"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for path in EXAMPLE.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "experiments").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (FILE.replace("panel", "nothing"), f"{MINE}: data: there is no file 'nothing.csv'"),
        (FILE.replace("panel.csv", "."), f"{MINE}: data: '.' is a folder. Name a file of data, e.g. neighbours.csv."),
        (FILE.replace("neighbours.csv", "."), f"{MINE}: weights: '.' is a folder."),
        (
            FILE.replace("panel.csv", "{path: panel.csv, unit: cty}"),
            f"{MINE}: data.unit: panel.csv has no column 'cty'",
        ),
        (FILE.replace("panel.csv", "{file: panel.csv}"), "`data: {path: panel.csv}`, or alone, `data: panel.csv`"),
        (FILE.replace("panel.csv", "{path: panel.csv, sheet: 2}"), f"{MINE}: data.sheet: panel.csv has no sheets"),
        (FILE.replace("panel.csv", "[panel.csv, b.csv]"), f"{MINE}: data is the name of one option, or of a file"),
        (FILE.replace("y: ln_ci\n", ""), f"{MINE}: y is missing or empty; write the outcome's column, e.g. y: ln_ci."),
        (FILE.replace("ln_ci", "ln_cx"), f"{MINE}: y: panel.csv: The term 'cx'"),
        (FILE.replace("ln_digital", "ln_digital + urban"), "write the list, [ln_digital, urban]"),
        (FILE + "controls: ln_ci\n", f"{MINE}: controls names ln_ci, as y does"),
        (FILE + "model: {name: sdm}\n", "The option is chosen by its name alone: `model: sdm`"),
        (FILE + "model: iv\n", "write `instruments: …` in the experiment"),
        (FILE + "report: {digits: 3}\n", "Did you mean 'decimals'?"),
        (FILE + "columns: {A: {control: []}}\n", f"{MINE}, columns.A: unknown key 'control'. Did you mean 'controls'?"),
        (
            FILE + "columns: {A: {}, B: {controls: [pgpd]}}\n",
            "Column B of experiments/mine.yaml cannot run: controls: ",
        ),
        (
            FILE + "model: sdm\n",
            "badpairs.csv: the cell in the row City 01 to City 02 and the column w is no number: 'near'",
        ),
    ],
)
def test_a_short_file(study: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str) -> None:
    if "badpairs" in expected:
        pairs = pd.read_csv("neighbours.csv").assign(w="1")
        pairs.loc[0, "w"] = "near"
        pairs.to_csv("badpairs.csv", index=False)
        text = text.replace("neighbours.csv", "badpairs.csv")
    Path(MINE).write_text(text, encoding="utf-8")
    assert main(["check", "mine"]) != 0
    assert expected in capsys.readouterr().err


def test_a_program_reads_the_key_in_full(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(MINE).write_text(FILE.replace("ln_ci", "ln_cx"), encoding="utf-8")
    assert main(["check", "mine", "--json"]) != 0
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["key"] == "model.y"
    assert f"{MINE}: y: " in error["text"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["nothing.csv", "ln_ci ~ urban"], "command line: FILE: there is no file 'nothing.csv'"),
        ([".", "ln_ci ~ urban"], "command line: FILE: '.' is a folder."),
        (["panel.csv", "ln_cx ~ urban"], "command line: 'ln_cx ~ urban': panel.csv: The term 'cx'"),
        (["panel.csv", "ln_ci ~ urban | cty + year"], "command line: 'ln_ci ~ urban | cty + year': panel.csv has no"),
        (
            ["panel.csv", "ln_ci ~ urban", "ln_ci ~ urbn"],
            "cannot run: 'ln_ci ~ urbn': panel.csv: The term",
        ),
        (["panel.csv", "ln_ci ~ urban", "--cluster", "cty"], "command line: --cluster: panel.csv: The panel has no"),
        (["panel.csv", "ln_ci ~ urban", "--weights", "w.csv", "--model", "sar"], "--weights: there is no file 'w.csv'"),
        (["panel.csv", "ln_ci ~ urban", "--robust"], "Did you mean 'cov=robust'?"),
        (["gbk.csv", "ln_ci ~ urban", "encoding=utf8"], "gbk.csv is not text in utf8. Set encoding to"),
    ],
)
def test_a_formula(study: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str) -> None:
    (study / "gbk.csv").write_bytes(Path("panel.csv").read_text().replace("City", "城市").encode("gbk"))
    assert main(["fit", *words, "test=errors"]) != 0
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("sample=东部", "sample=东部: there is no such option."),
        ("y=碳强度", "y: panel.csv: The term '碳强度'"),
        ("x=[数字经济, ln_pgdp]", "x: panel.csv: The term '数字经济'"),
        ("where=省份 == '北京'", "where names 省份, which is no column."),
        ("sample.query=年份>=2013", "sample.query names 年份, which is no column."),
    ],
)
def test_chinese_on_the_command_line(study: Path, capsys: pytest.CaptureFixture[str], word: str, expected: str) -> None:
    Path(MINE).write_text(FILE, encoding="utf-8")
    assert main(["check", "mine", word]) != 0
    assert expected in capsys.readouterr().err


def test_python_takes_data_and_formula_in_any_order(study: Path) -> None:
    frame: Any = pd.read_csv("panel.csv")
    formula: Any = "ln_ci ~ ln_digital | city + year"
    expected = dc.fit(frame, formula, test="errors").estimates
    calls: list[Callable[[], Any]] = [
        lambda: dc.fit(formula, frame, test="errors"),
        lambda: dc.fit(formula, data=frame, test="errors"),
        lambda: dc.fit(data=frame, formula=formula, test="errors"),
    ]
    for call in calls:
        pd.testing.assert_frame_equal(call().estimates, expected)
    choices = {"test": "errors"}
    table = dc.table(frame, formula, choices=choices).cells
    pd.testing.assert_frame_equal(dc.table([formula], data=frame, choices=choices).cells, table)
    pd.testing.assert_frame_equal(dc.table(data=frame, formulas=[formula], choices=choices).cells, table)


def test_python_answers_with_the_call_to_write(study: Path) -> None:
    frame: Any = pd.read_csv("panel.csv")
    regression: Any = dc.PanelRegression
    for wrong, expected in (
        (lambda: dc.fit(frame, y="ln_ci", x="ln_digital"), r'fit\(data, "ln_ci ~ ln_digital \| unit \+ time"\)'),
        (lambda: dc.fit(frame, "ln_cx ~ urban"), r"^'ln_cx ~ urban': data: The term 'cx'"),
        (lambda: regression("ln_ci ~ urban"), r"PanelRegression\(formula='ln_ci ~ urban'\)"),
    ):
        with pytest.raises(DigicarbonError, match=expected):
            wrong()


def test_names_of_a_users_data_have_no_other_names() -> None:
    assert closest("ols", ["pooled", "sar"], OTHER_NAMES) == "pooled"
    assert suggestion("ols", ["pooled", "sar"]) == ""
    assert suggestion("lag", ["sar", "lags"])["name"] == "lags"  # type: ignore[index]
