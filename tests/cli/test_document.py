"""``--json``: one document on standard output, whatever happens, with the fields that the page names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY

from digicarbon.__main__ import main
from digicarbon.cli import command
from digicarbon.config.files import SWEEP_KEYS


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    """Return the document of a command, which writes nothing else there and ends with its status."""
    capsys.readouterr()
    status = main([*words, "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["verb"], document["status"]) == ("digicarbon/1", words[0], status)
    return document


def keys(node: Any) -> set[str]:
    """Return all names of fields below a node, without those that a user's files and options make."""
    if isinstance(node, list):
        return set().union(*map(keys, node))
    if not isinstance(node, dict):
        return set()
    free = ("choices", "chooses", "sets", "default", *SWEEP_KEYS)
    # `experiments` is both a field of an answer and a key of an experiment, which then has names and no records
    return set(node).union(*(keys(item) for name, item in node.items() if name not in free or name == "experiments"))


@pytest.mark.parametrize("page", ["docs/commands.md", "docs/zh/commands.md"])
def test_the_page_has_every_field(page: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    section = next(part for part in re.split(r"(?m)^## ", text) if "JSON" in part.partition("\n")[0])
    asked = [
        ("check", "table3_baseline"),
        ("check", "table3_baseline", "model=twfee"),
        ("plan", "table3_baseline"),
        ("run", "table3_baseline"),
        ("list",),
        ("list", "model"),
        ("list", "model", "-v"),
        ("list", "experiments", "table7_spatial_w1"),
    ]
    documents = [answered(capsys, *words) for words in asked]
    fields = set[str]().union(*map(keys, documents)) - set(SWEEP_KEYS) | {"experiments"}
    # words that the page writes as fields are written
    others = {"run", "check", "plan", "list", "new", "done", "columns", "grid"}
    assert set(re.findall(r"`([a-z]+)`", section)) - others == fields


def test_a_refusal_says_where(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answered(capsys, "check", "table3_baseline", "model=twfee")
    (error,) = document["errors"]
    assert document["status"] == 2
    assert (error["code"], error["file"], error["key"]) == ("no_such_option", "command line", "model")
    assert "Did you mean 'twfe'?" in error["text"]
    (folder / "experiments").mkdir()
    (folder / "experiments" / "one.yaml").write_text(
        "defaults: [config, _self_]\nmodel: {controls: [gpd]}\n", encoding="utf-8"
    )
    (error,) = answered(capsys, "plan", "one")["errors"]
    assert (error["code"], error["key"]) == ("unknown_term", "model.controls")
    assert error["file"] == "experiments/one.yaml"
    (error,) = answered(capsys, "list", "weights", "qeen")["errors"]
    assert error["key"] == "weights"


def test_each_experiment_has_its_notes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "experiments").mkdir()
    head = "defaults: [table3_baseline, _self_]\n"
    (project / "experiments" / "one.yaml").write_text(head, encoding="utf-8")
    (project / "experiments" / "two.yaml").write_text(f"{head}exclude: [{{measure: ddl}}]\n", encoding="utf-8")
    (project / "experiments" / "both.yaml").write_text(
        "defaults: [config, _self_]\nexperiments: [one, two]\n", encoding="utf-8"
    )
    one, two = answered(capsys, "check", "both")["experiments"]
    assert (one["name"], len(one["runs"]), [note["code"] for note in one["notes"]]) == ("one", 7, ["runs_ready"])
    assert (two["name"], len(two["runs"])) == ("two", 5)
    assert [note["code"] for note in two["notes"]] == ["left_out_by_exclude", "runs_ready"]
    assert one["runs"][0]["choices"] == {"measure": "sector1", "model.controls": []}
    (planned,) = answered(capsys, "plan", "one")["experiments"]
    assert {run["state"] for run in planned["runs"]} == {"new"}
    assert (planned["runs"][0]["units"], planned["runs"][0]["periods"]) == (30, 6)


def test_what_code_prints_is_elsewhere(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.py").write_text(
        "import digicarbon as dc\nprint('hello')\nclass Mine(dc.PanelRegression):\n    pass\n", encoding="utf-8"
    )
    words = ["check", "table3_baseline", "model._target_=mine.Mine", "--json"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["errors"] == []
    assert captured.err == "hello\n"


def test_an_unforeseen_error_is_a_document(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "options", lambda *_: 1 / 0)
    document = answered(capsys, "list")
    assert (document["status"], document["errors"][0]["code"]) == (70, "unforeseen")


def test_another_answer_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answered(capsys, "check", "--cfg", "job")
    assert (document["status"], document["errors"][0]["code"]) == (2, "json_alone")


def test_other_verbs_refuse_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "table3_baseline", "--json"]) == 2
    assert "--json" in capsys.readouterr().err
