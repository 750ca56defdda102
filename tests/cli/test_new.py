"""`digicarbon new`: a study that runs at once, made whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import REPOSITORY

from digicarbon.__main__ import main
from digicarbon.cli import new
from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import plan

Capture = pytest.CaptureFixture[str]


@pytest.fixture(params=["en", "zh"])
def study(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new study, which is the working directory."""
    assert main(["new", "my study", "--language", request.param]) == 0
    monkeypatch.chdir(folder / "my study")
    return folder / "my study"


def test_it_is_an_example_of_no_country(study: Path) -> None:
    planned = plan(Composer(loader(), "main", ["executor=sequential"]))
    assert [run.options["model"] for run in planned.runs] == ["pooled", "fe", "twfe", "sdm"]
    for run in planned.runs:
        assert run.prepared.panel.shape == (36, 8)
        assert all(unit.startswith("City ") for unit in run.prepared.panel.units)
        assert (run.options["source"], run.options["weights"]) == ("panel.csv", "neighbours.csv")
    # one study, which the README and the tutorial have, too
    for name in ("panel.csv", "neighbours.csv"):
        assert (study / name).read_text("utf-8") == (REPOSITORY / "docs/example" / name).read_text("utf-8")
    assert re.search("EXAMPLE DATA|示例数据", planned.title)
    neighbours = pd.read_csv(study / "neighbours.csv")
    assert set(neighbours.to_numpy().ravel()) == set(planned.runs[0].prepared.panel.units)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "FOLDER is missing. new takes the name of the folder to make, e.g. `digicarbon new my"),
        (["a", "b"], "new takes the name of the folder to make"),
        (["a", "--language", "de"], "--language must be one of en, zh; got 'de'. new takes"),
        (["a", "--language"], "--language needs a value. new takes"),
        (["a", "--language="], "--language needs a value. new takes"),
        (["a:b"], "'a:b' is no name for a study"),
        ([".hidden"], "'.hidden' is no name for a study"),
        (["taken"], "There is a file or folder taken already; nothing is changed."),
        (["nowhere/study"], "There is no folder nowhere to make study in"),
        (["file/study"], "There is no folder file to make study in"),
        (["."], "'.' is no name for a study"),
        (["a" * 300], "cannot be written"),
    ],
)
def test_what_cannot_be_made_is_a_sentence(words: list[str], said: str, folder: Path, capsys: Capture) -> None:
    (folder / "taken").mkdir()
    (folder / "file").write_text("", encoding="utf-8")
    assert main(["new", *words]) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["file", "taken"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_left_of_a_study_that_was_not_finished(
    error: BaseException, folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(new, "write", fails)
    assert main(["new", "study"]) in (2, 130)
    assert list(folder.iterdir()) == []
    assert Path.cwd() == folder


def test_a_study_can_be_made_elsewhere(folder: Path) -> None:
    (folder / "work").mkdir()
    assert main(["new", "work/碳排放"]) == 0
    assert (folder / "work" / "碳排放" / "experiments" / "main.yaml").is_file()
    assert sorted(path.name for path in folder.rglob(".*") if path.parent.name == "work") == []
