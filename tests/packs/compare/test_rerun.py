"""`digicarbon rerun`: equal numbers, and what is said when data, code, packages or settings are no longer the same."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from digicarbon.__main__ import main
from digicarbon.recorded.differences import differences
from digicarbon.tracking import provenance

pytestmark = pytest.mark.long

Capture = pytest.CaptureFixture[str]
MINE = """
from digicarbon.model import PanelRegression

SHIFT = 0.0


class Shifted(PanelRegression):
    def fit(self, panel, weights=None):
        import dataclasses

        result = super().fit(panel, weights)
        return dataclasses.replace(result, coef=result.coef + SHIFT)
"""
TABLE = ("source=table", "source.path=data.csv", "source.unit=unit", "source.time=year", "measure=none", "outcome=none")
MODEL = ("model.y=y", "model.x=[x]", "model.controls=[]")


def client() -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")


def children(experiment: str = "digicarbon") -> dict[str, str]:
    """Run ids by label."""
    found = client().get_experiment_by_name(experiment)
    assert found is not None
    runs = client().search_runs([found.experiment_id], "tags.`digicarbon.kind` = 'specification'")
    return {run.data.tags["digicarbon.label"]: run.info.run_id for run in runs}


@pytest.fixture
def table(project: Path) -> Path:
    rows = [(f"u{i}", 2000 + t, 0.5 * i * t + t**2 + (i * t) % 3, i * t + 1.0) for i in range(5) for t in range(6)]
    pd.DataFrame(rows, columns=["unit", "year", "y", "x"]).to_csv("data.csv", index=False)
    return project / "data.csv"


@pytest.fixture
def recorded(table: Path, capsys: Capture) -> Path:
    assert main(["run", "-m", "executor=sequential", *TABLE, *MODEL, "model=pooled", "inference=classic,robust"]) == 0
    capsys.readouterr()
    return table


def said(capsys: Capture, *words: str, status: int = 0) -> str:
    assert main(["rerun", *words]) == status
    shown = capsys.readouterr()
    return shown.out + shown.err


def test_the_same_run_has_the_same_numbers(recorded: Path, capsys: Capture) -> None:
    run_id = children()["inference=robust"]
    text = said(capsys, run_id)
    assert f"Run {run_id}: inference=robust, experiment digicarbon" in text
    assert "data      the same files, choices and numbers" in text
    assert "code      the same (commit none)\n" in text
    assert "packages  the same versions" in text
    assert "hash      the same" in text
    numbers = len(client().get_run(run_id).data.metrics)
    assert numbers > 10
    assert f"{numbers} numbers compared; all are equal to 1e-10." in text
    assert "DIFFERENT" not in text
    assert said(capsys, run_id[:12]) == text
    assert said(capsys, "inference=robust") == text
    assert said(capsys, "inference=robust", "digicarbon") == text


def test_nothing_is_written(recorded: Path, capsys: Capture) -> None:
    before = children()
    said(capsys, "inference=robust")
    assert children() == before


def test_a_changed_file_is_told_with_the_numbers_that_it_changed(recorded: Path, capsys: Capture) -> None:
    frame = pd.read_csv(recorded)
    frame.loc[3, "y"] += 0.5
    frame.to_csv(recorded, index=False)
    run_id = children()["inference=classic"]
    text = said(capsys, run_id, status=1)
    assert f"data      DIFFERENT: files or choices of the panel (changed: {recorded})" in text
    assert "code      the same" in text
    assert "hash      different" in text
    assert "Largest differences, relative" in text
    assert "coef.x" in text
    assert "numbers differ by more than 1e-10." in text


def test_a_file_that_changed_without_changing_a_number(recorded: Path, capsys: Capture) -> None:
    recorded.write_bytes(recorded.read_bytes() + b"\n")
    text = said(capsys, "inference=classic")
    assert f"data      DIFFERENT fingerprint (changed: {recorded}), yet the panel's numbers are the same" in text
    assert "hash      the same" in text


def test_a_file_that_is_gone_is_a_sentence(recorded: Path, capsys: Capture) -> None:
    recorded.unlink()
    text = said(capsys, "inference=classic", status=2)
    assert text.startswith("digicarbon: The run ")
    assert f"cannot be fitted today. Its data are no longer there: {recorded}." in text
    assert text.count("\n") == 1


@pytest.fixture
def mine(table: Path) -> Path:
    Path("mine.py").write_text(MINE, encoding="utf-8")
    Path("conf/model").mkdir(parents=True)
    option = "# my own\n_target_: mine.Shifted\ny: y\nx: [x]\ncontrols: []\n"
    Path("conf/model/shifted.yaml").write_text(option, encoding="utf-8")
    return Path("mine.py")


def test_changed_code_is_told(mine: Path, capsys: Capture) -> None:
    assert main(["run", "executor=sequential", *TABLE, "model=shifted"]) == 0
    (run_id,) = children().values()
    assert "code      the same" in said(capsys, run_id)
    mine.write_text(MINE.replace("SHIFT = 0.0", "SHIFT = 1e-6"), encoding="utf-8")
    # another process would load the file as it is now
    del sys.modules["mine"]
    text = said(capsys, run_id, status=1)
    assert "code      DIFFERENT" in text
    assert "data      the same files, choices and numbers" in text
    assert "coef.x" in text


def test_other_package_versions_are_named(recorded: Path, capsys: Capture) -> None:
    run_id = children()["inference=classic"]
    packages = {**json.loads(provenance()["digicarbon.packages"]), "numpy": "1.0"}
    client().set_tag(run_id, "digicarbon.packages", json.dumps(packages))
    assert "packages  DIFFERENT: numpy 1.0 then, " in said(capsys, run_id)


def test_another_commit_is_named_though_the_code_is_the_same(recorded: Path, capsys: Capture) -> None:
    run_id = children()["inference=classic"]
    client().set_tag(run_id, "mlflow.source.git.commit", "12ab" * 10)
    assert "code      the same (commit 12ab12ab12 then, none now)\n" in said(capsys, run_id)


def test_what_cannot_be_fitted_again(recorded: Path, capsys: Capture) -> None:
    for words, sentence in (
        ((), "Name one run by its id"),
        (("a", "b", "c"), "Name one run by its id"),
        (("nothing_like_it",), "Nothing that is recorded is called 'nothing_like_it'. sqlite"),
        (("digicarbon",), "Name one of its runs by its label, `digicarbon rerun LABEL digicarbon` (`digicarbon plan`"),
    ):
        text = said(capsys, *words, status=2)
        assert sentence in text
        assert "Traceback" not in text


def test_a_failed_run_has_no_numbers(mine: Path, capsys: Capture) -> None:
    broken = MINE.replace("result = super", "raise ValueError('not today')\n        result = super")
    mine.write_text(broken, encoding="utf-8")
    assert main(["run", "executor=sequential", *TABLE, "model=shifted"]) == 1
    capsys.readouterr()
    (run_id,) = children().values()
    text = said(capsys, run_id, status=2)
    assert "is recorded as FAILED, so that it has no numbers to compare. ValueError: not today" in text


def test_a_model_that_breaks_today_is_a_sentence(mine: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["run", "executor=sequential", *TABLE, "model=shifted"]) == 0
    capsys.readouterr()
    import mine as module

    monkeypatch.setattr(module, "SHIFT", "no number")
    text = said(capsys, *children().values(), status=2)
    assert "cannot be fitted today. " in text
    assert "Traceback" not in text


def test_spatial_effects_and_tests_are_compared(project: Path, capsys: Capture) -> None:
    assert main(["run", "executor=sequential", "model=sdm", "diagnostic=spatial_tests"]) == 0
    (run_id,) = children().values()
    capsys.readouterr()
    text = said(capsys, run_id)
    assert "weights   the same" in text
    names = set(client().get_run(run_id).data.metrics)
    assert {"direct.ln_e.se", "indirect.ln_e", "coef.rho", "loglik"} <= names
    assert f"{len(names)} numbers compared; all are equal" in text


def test_differences_are_relative_and_a_lost_number_is_one() -> None:
    found = differences({"a": 2.0, "b": 1e-300, "gone": 1.0, "tiny": 1e-6}, {"a": 2.0, "b": 2e-300, "tiny": 1.1e-6})
    assert list(found.index) == ["gone", "tiny", "b", "a"]
    assert found.loc["gone", "difference"] == 1.0
    assert found.loc["tiny", "difference"] == pytest.approx(0.1 / 1.1)
    assert found.loc["b", "difference"] < 1e-200
    assert found.loc["a", "difference"] == 0.0
