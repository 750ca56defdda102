"""An experiment that does not exist: the sentence leads to the one that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from digicarbon.__main__ import main

Capture = pytest.CaptureFixture[str]


def said(capsys: Capture, name: str = "main") -> str:
    assert main(["check", name]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "china_" not in line
    return line


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("defaults: [config, _self_]\n", encoding="utf-8")


def test_a_folder_without_experiments(folder: Path, capsys: Capture) -> None:
    here = f"There is no experiment 'main'. This folder, {folder}, has no experiments/."
    assert f"{here} Go to the folder of your study, or make one (`digicarbon new mystudy`)." in said(capsys)
    put(folder / "another" / "experiments" / "other.yaml")
    assert f"{here} {folder / 'another'} has one; go there first (cd another)." in said(capsys)
    put(folder / "my study" / "experiments" / "main.yaml")
    assert f'{here} {folder / "my study"} has one; go there first (cd "my study").' in said(capsys)


@pytest.mark.parametrize("inner", ["experiments", "data"])
def test_a_folder_within_a_study(inner: str, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    put(folder / "experiments" / "main.yaml")
    (folder / inner).mkdir(exist_ok=True)
    monkeypatch.chdir(folder / inner)
    sentence = said(capsys)
    assert f"{folder} has one; go there first (cd {folder})." in sentence
    assert "There is a file" not in sentence


@pytest.mark.parametrize("name", ["experiments/main.yml", "experiments/main.yaml.txt", "main.yaml", "Main.YML"])
def test_a_file_that_is_almost_it(name: str, folder: Path, capsys: Capture) -> None:
    put(folder / "experiments" / "other.yaml")
    put(folder / name)
    assert f"There is a file {name}; an experiment is experiments/main.yaml: rename or move it." in said(capsys)


def test_the_user_s_own_experiments_are_named(folder: Path, capsys: Capture) -> None:
    (folder / "experiments").mkdir()
    assert f"There is no .yaml file in {folder / 'experiments'}." in said(capsys)
    for name in ("second", "first", "_piece"):
        put(folder / "experiments" / f"{name}.yaml")
    sentence = said(capsys, "frist")
    assert f"There is no experiment 'frist'. Did you mean 'first'? Those of {folder / 'experiments'}: fi" in sentence
    assert "first, second. `digicarbon list experiments` shows all" in sentence
    put(folder / "experiments" / "heir.yaml")
    (folder / "experiments" / "heir.yaml").write_text("defaults: [fist, _self_]\n", encoding="utf-8")
    assert "it starts from 'fist' and there is no such experiment. Did you mean 'first'?" in said(capsys, "heir")
