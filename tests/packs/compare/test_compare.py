"""`digicarbon compare`: which numbers moved between two sweeps, and by what."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from digicarbon.__main__ import main
from digicarbon.tracking import provenance

pytestmark = pytest.mark.long

Capture = pytest.CaptureFixture[str]
EXPERIMENT = """# Three models
defaults: [config, {override source: table}, {override measure: none}, {override outcome: none}, _self_]
source: {path: data.csv, unit: unit, time: year}
model: {y: y, x: [x], controls: []}
inference: {cov: robust}
executor: {backend: sequential}
grid:
  model: [pooled, fe]
  model.controls: [[], [z]]
"""
MINE = """
from digicarbon.model import PanelRegression

SHIFT = 0.0


class Shifted(PanelRegression):
    def fit(self, panel, weights=None):
        import dataclasses

        result = super().fit(panel, weights)
        return dataclasses.replace(result, coef=result.coef + SHIFT)
"""
ADDITION = "\n\nclass Later(PanelRegression):\n    pass\n"


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    rows = pd.DataFrame({"unit": np.repeat([f"u{i}" for i in range(8)], 6), "year": np.tile(range(2000, 2006), 8)})
    for name in ("x", "z"):
        rows[name] = rng.normal(size=48)
    return rows.assign(y=rows["x"] - 0.5 * rows["z"] + rng.normal(size=48))


def write(text: str = EXPERIMENT, name: str = "three") -> None:
    Path("experiments").mkdir(exist_ok=True)
    Path(f"experiments/{name}.yaml").write_text(text, encoding="utf-8")


def client() -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")


def sweep(capsys: Capture, *words: str, name: str = "three", status: int = 0) -> str:
    """Run the experiment and return the id of its sweep."""
    assert main(["run", name, *words]) == status
    return re.findall(r"[0-9a-f]{32}", capsys.readouterr().out)[-1]


def said(capsys: Capture, *words: str, status: int) -> str:
    assert main(["compare", *words]) == status
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return shown.out + shown.err


def runs(*words: str, status: int) -> pd.DataFrame:
    """Return what the CSV file says of each run."""
    assert main(["compare", *words, "--to", "moved.csv"]) == status
    return pd.read_csv("moved.csv", keep_default_na=False).set_index("run")


@pytest.fixture
def study(project: Path) -> Path:
    frame().to_csv("data.csv", index=False)
    write()
    return project


@pytest.fixture(scope="module")
def recorded_first(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> tuple[Path, str]:
    """A study with a sweep, which tests copy, and the sweep's id."""
    place = tmp_path_factory.mktemp("first")
    (place / "mlruns").mkdir()
    shutil.copy(empty_store, place / "mlruns" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
        patch.chdir(place)
        frame().to_csv("data.csv", index=False)
        write()
        assert main(["run", "three"]) == 0
    return place, re.findall(r"parent run (\w{32})", out.getvalue())[-1]


@pytest.fixture
def first(folder: Path, recorded_first: tuple[Path, str]) -> str:
    place, sweep_id = recorded_first
    shutil.copytree(place, folder, dirs_exist_ok=True)
    return sweep_id


def test_a_sweep_equals_itself(first: str, capsys: Capture) -> None:
    text = said(capsys, first, "three", status=0)
    assert "4 runs in both, none moved: all " in text
    numbers = sum(len(run.data.metrics) for run in client().search_runs(["1"], "tags.`digicarbon.kind` != 'sweep'"))
    assert f"all {numbers:,} numbers are equal to 1e-10." in text
    assert said(capsys, first[:6], first[:12], status=0).count("sweep " + first[:12]) == 2


def test_a_changed_cell_is_data_with_the_file(first: str, capsys: Capture) -> None:
    changed = frame()
    changed.loc[3, "z"] += 0.5
    changed.to_csv("data.csv", index=False)
    second = sweep(capsys)
    text = said(capsys, first, "three", status=1)
    # the other two do not read z: they are copied
    assert "4 runs in both, 2 moved: 2 by data (data.csv)." in text
    assert "The effect's sign changed in no run" in text
    every = runs(first, second, status=1)
    assert set(every.loc[every["state"] == "equal"].index) == {
        "model=pooled, model.controls=[]",
        "model=fe, model.controls=[]",
    }
    assert set(every["choice"]) == set(every["code"]) == set(every["packages"]) == {""}
    own = {run.data.tags["digicarbon.label"]: run.data.metrics for run in children(second)}
    before = {run.data.tags["digicarbon.label"]: run.data.metrics for run in children(first)}
    for label, row in every.iterrows():
        one, other = before[str(label)], own[str(label)]
        assert float(row["effect_a"]) == pytest.approx(one["focal.effect"], rel=1e-14)
        assert float(row["effect_b"]) == pytest.approx(other["focal.effect"], rel=1e-14)
        apart = {name: abs(one[name] - other[name]) / max(abs(one[name]), abs(other[name]), 1e-12) for name in one}
        assert int(row["differing"]) == sum(size > 1e-10 for size in apart.values())
        assert float(row["largest"]) == pytest.approx(max(size if size > 1e-10 else 0.0 for size in apart.values()))
        assert int(row["numbers"]) == len(one)


def children(parent: str) -> list[Run]:
    one = client().get_run(parent).info.experiment_id
    return list(client().search_runs([one], f"tags.`mlflow.parentRunId` = '{parent}'"))


def test_bytes_that_change_no_column_move_nothing_and_are_no_reason(first: str, capsys: Capture) -> None:
    record = client().download_artifacts(first, "data.json")
    before = Path(record).read_bytes()
    frame().iloc[::-1].assign(other=1.0).to_csv("data.csv", index=False)
    # nothing is fitted: the sweep of other bytes is another one, and the first keeps its record
    second = sweep(capsys)
    assert second != first
    assert Path(client().download_artifacts(first, "data.json")).read_bytes() == before
    assert "none moved" in said(capsys, first, second, status=0)
    write(EXPERIMENT.replace("cov: robust", "cov: classic"))
    third = sweep(capsys)
    for one in (first, second):
        every = runs(one, third, status=1)
        assert set(every["state"]) == {"moved"}
        assert set(every["choice"]) == {"inference.cov: robust → classic"}
        assert set(every["data"]) == {""}
    # the first bytes again: their sweep goes on
    frame().to_csv("data.csv", index=False)
    write()
    assert sweep(capsys) == first


def test_a_choice_that_the_data_no_longer_allow_fails(first: str, capsys: Capture) -> None:
    changed = frame()
    changed["z"] = changed["z"].abs()
    changed.to_csv("data.csv", index=False)
    columns = EXPERIMENT.partition("grid:")[0] + "columns: {A: {model.controls: []}, L: {model.controls: [ln_z]}}\n"
    write(columns)
    before = sweep(capsys)
    changed.loc[3, "z"] = -1.0
    changed.to_csv("data.csv", index=False)
    after = sweep(capsys, status=1)
    text = said(capsys, before, after, status=1)
    assert "2 runs in both, 1 moved: 1 by a failure in one of the two." in text
    assert "1 run fails in B only." in text
    every = runs(before, after, status=1)
    assert every["state"].to_dict() == {"A": "equal", "L": "fails in B"}
    assert "ln_z" in every.loc["L", "error_b"]
    assert "1 run fails in A only." in said(capsys, after, before, status=1)


def test_runs_that_fail_come_before_those_whose_numbers_moved(first: str, capsys: Capture) -> None:
    changed = frame()
    changed["z"] = changed["z"].abs()
    changed.to_csv("data.csv", index=False)
    write(EXPERIMENT.partition("grid:")[0] + "columns: {A: {model.controls: [z]}, L: {model.controls: [ln_z]}}\n")
    before = sweep(capsys)
    changed.loc[3, "z"] = -1.0
    changed.to_csv("data.csv", index=False)
    text = said(capsys, before, sweep(capsys, status=1), status=1)
    assert "2 runs in both, 2 moved" in text
    assert text.index("│ L │") < text.index("│ A │")


def test_a_short_id_is_said_to_be_short(first: str, capsys: Capture) -> None:
    text = said(capsys, first[:3], "three", "--experiment", "three", status=2)
    assert f"'{first[:3]}' is no label and too short for an id; write at least 4 characters" in text


CHOICES = {
    "inference.cov: robust → classic": "inference.cov: classic",
    "inference.small_sample: stata → none": "inference.small_sample: none",
    'model.x: ["x"] → ["z"]': "model.x: [z]",
    "sample.first: null → 2001": "sample.first: 2001",
    "sample.winsorise: [0.0, 0.0] → [0.1, 0.1]": "sample.winsorise: [0.1, 0.1]",
}
"""What is said of a choice, and the column that makes it."""


def test_a_changed_choice_is_named(study: Path, capsys: Capture) -> None:
    # a control of its own for each column: equal columns would be one fit
    more = {f"q{place}": np.random.default_rng(10 + place).normal(size=48) for place in range(len(CHOICES))}
    frame().assign(**more).to_csv("data.csv", index=False)
    head = EXPERIMENT.partition("grid:")[0] + "columns:\n"
    before = [f"  c{place}: {{model: pooled, model.controls: [q{place}]}}" for place in range(len(CHOICES))]
    write(head + "\n".join([*before, "  gone: {model: pooled}", ""]))
    first = sweep(capsys)
    after = [f"{line[:-1]}, {choice}}}" for line, choice in zip(before, CHOICES.values(), strict=True)]
    write(head + "\n".join([*after, ""]))
    every = runs(first, sweep(capsys), status=1)
    assert every["choice"].to_dict() == {**{f"c{place}": said for place, said in enumerate(CHOICES)}, "gone": ""}
    assert every["reason"].to_dict() == {**{f"c{place}": "choice" for place in range(len(CHOICES))}, "gone": ""}
    assert list(every.loc[every["state"] == "only in A"].index) == ["gone"]


def test_a_changed_seed_is_a_choice(project: Path, capsys: Capture) -> None:
    first = sweep(capsys, "source.seed=1", "inference=classic", name="table3_baseline")
    second = sweep(capsys, "source.seed=2", "inference=classic", name="table3_baseline")
    every = runs(first, second, status=1)
    assert set(every["state"]) == {"moved"}
    assert set(every["choice"]) == {"source.seed: 1 → 2"}
    assert set(every["data"]) == set(every["code"]) == {""}


def test_a_change_that_the_model_ignores_is_no_reason(first: str, capsys: Capture) -> None:
    # robust errors know no bandwidth
    write(EXPERIMENT.replace("cov: robust", "cov: robust, bandwidth: 2"))
    changed = frame()
    changed.loc[3, "x"] += 0.5
    changed.to_csv("data.csv", index=False)
    every = runs(first, sweep(capsys), status=1)
    assert set(every["reason"]) == {"data"}


@pytest.fixture
def mine(study: Path) -> Path:
    Path("mine.py").write_text(MINE, encoding="utf-8")
    Path("conf/model").mkdir(parents=True)
    option = "# my own\n_target_: mine.Shifted\ny: y\nx: [x]\ncontrols: []\ncov: ${inference.cov}\n"
    Path("conf/model/shifted.yaml").write_text(option, encoding="utf-8")
    write(EXPERIMENT.replace("[pooled, fe]", "[pooled, shifted]"))
    return Path("mine.py")


def changed_code(mine: Path, old: str, new: str) -> None:
    mine.write_text(MINE.replace(old, new), encoding="utf-8")
    forget("mine")


def forget(*modules: str) -> None:
    """Let modules be loaded as they are now, as another process would load them."""
    for name in modules:
        sys.modules.pop(name, None)
    # within one second a compiled file of a text of the same length counts as current
    shutil.rmtree("__pycache__", ignore_errors=True)


def git(*words: str) -> str:
    own = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *own, *words], check=True, capture_output=True, text=True).stdout.strip()


def test_changed_code_between_commits(mine: Path, capsys: Capture) -> None:
    Path(".gitignore").write_text("mlruns\n*.csv\n__pycache__\n", encoding="utf-8")
    git("init")
    git("add", ".")
    git("commit", "-m", "before")
    one = git("rev-parse", "HEAD")
    provenance.cache_clear()
    try:
        first = sweep(capsys)
        changed_code(mine, "SHIFT = 0.0", "SHIFT = 1e-6")
        git("commit", "-am", "after")
        provenance.cache_clear()
        sweep(capsys)
        two = git("rev-parse", "HEAD")
        text = said(capsys, "three@HEAD~1", f"three@{two[:8]}", status=1)
        assert f"4 runs in both, 2 moved: 2 by code (mine.py, commit {one[:10]} → {two[:10]})." in text
        assert f"sweep {first[:12]}" in text
        assert said(capsys, f"@{one[:5]}", "@HEAD", "--experiment", "three", status=1) == text
        assert said(capsys, first[:8], "three", "--experiment", "three", status=1) == text
        text = said(capsys, "three@0123456", "three", status=2)
        assert (
            f"No sweep of three is recorded at the Git commit 0123456. Its sweeps are recorded at: {two[:10]}" in text
        )
        # data as well: the command that separates them
        changed = frame()
        changed.loc[3, "x"] += 0.5
        changed.to_csv("data.csv", index=False)
        text = said(capsys, "three@HEAD~1", sweep(capsys), status=1)
        assert "2 by data (data.csv) and code (mine.py, commit" in text
        # the file of the code alone: the data stay those of today
        assert f"To separate data and code: `git checkout {one[:10]} -- mine.py`, then `digicarbon rerun " in text
    finally:
        provenance.cache_clear()


COLUMNS = """
import numpy as np
from digicarbon.measure import Measure
from digicarbon.weights import MatrixWeights

import steps


class Shifted(Measure):
    def compute(self, inputs):
        rows = inputs.series(["x"], "measure=shifted")
        return rows[["unit", "time"]].assign(s=rows["x"] + steps.STEP * rows["time"] % 3)


class Mine(MatrixWeights):
    def compute(self, panel):
        made = super().compute(panel)
        return made.from_matrix(made.raw.toarray() + MORE * (np.eye(8, k=5) + np.eye(8, k=-5)), made.labels)


MORE = 0
"""


def write_columns(more: int = 0, step: float = 0.0) -> None:
    """Write a measure and weights of one's own, which another process would load as they are now."""
    Path("columns.py").write_text(COLUMNS.replace("MORE = 0", f"MORE = {more}"), encoding="utf-8")
    Path("steps.py").write_text(f"STEP = {step}\n", encoding="utf-8")
    forget("columns", "steps")


@pytest.fixture
def columns(spatial: pd.DataFrame) -> None:
    write_columns()
    for name, text in (
        ("measure/shifted", "_target_: columns.Shifted\nterms: [s]\nper: none\nstandardise: false\n"),
        ("weights/mine", "_target_: columns.Mine\npath: w.csv\n"),
    ):
        Path(f"conf/{name}.yaml").parent.mkdir(parents=True)
        Path(f"conf/{name}.yaml").write_text(f"# my own\n{text}", encoding="utf-8")
    text = Path("experiments/three.yaml").read_text(encoding="utf-8")
    for before, after in (("measure: none", "measure: shifted"), ("weights: matrix", "weights: mine"), ("[x]", "[s]")):
        text = text.replace(before, after)
    write(text)


def test_own_code_of_columns_and_weights_is_told_from_data(columns: None, capsys: Capture) -> None:
    first = sweep(capsys)
    # another column of the same file explains nothing
    frame().assign(other=1.0).iloc[::-1].to_csv("data.csv", index=False)
    write_columns(step=1.0)
    second = sweep(capsys)
    every = runs(first, second, status=1)
    assert set(every["state"]) == {"moved"}
    assert set(every["code"]) == {"steps.py, not in a Git repository"}
    assert set(every["reason"]) == {"code"}
    # a cell that is read does
    changed = frame()
    changed.loc[3, "x"] += 0.5
    changed.to_csv("data.csv", index=False)
    write_columns(step=2.0)
    third = sweep(capsys)
    text = said(capsys, second, third, status=1)
    assert "2 moved: 2 by data (data.csv) and code (steps.py, not in a Git repository)." in text
    assert "To separate data and code: put the code of A back, then `digicarbon rerun " in text
    # the weights, and no column
    write_columns(step=2.0, more=1)
    every = runs(third, sweep(capsys), status=1)
    assert set(every["code"]) == {"columns.py, not in a Git repository"}
    assert set(every["reason"]) == {"code"}


def test_a_record_without_own_code_names_the_file(columns: None, capsys: Capture) -> None:
    first = sweep(capsys)
    frame().assign(other=1.0).to_csv("data.csv", index=False)
    write_columns(step=1.0)
    second = sweep(capsys)
    # as an earlier version wrote it
    file = Path(client().download_artifacts(first, "data.json"))
    record = json.loads(file.read_text(encoding="utf-8"))
    for entry in record["data"]:
        for part in (entry, *entry["weights"].values(), *entry["runs"].values()):
            assert part.pop("code", None) or part.pop("series", None)
            part.pop("series", None)
    file.write_text(json.dumps(record), encoding="utf-8")
    client().log_artifact(first, str(file))
    every = runs(first, second, status=1)
    assert set(every["data"]) == {"data.csv"}
    assert set(every["reason"]) == {"data"}


def test_a_choice_and_a_column_that_no_run_reads(first: str, capsys: Capture) -> None:
    write(EXPERIMENT.replace("model: {", "sample: {first: 2001}\nmodel: {"))
    frame().assign(other=1.0).to_csv("data.csv", index=False)
    every = runs(first, sweep(capsys), status=1)
    assert set(every["reason"]) == {"choice"}
    assert set(every["choice"]) == {"sample.first: null → 2001"}


def test_weights_of_a_column_that_changed_are_data(spatial: pd.DataFrame, capsys: Capture) -> None:
    sizes = np.repeat(np.arange(1.0, 9.0) ** 2, 6)
    frame().assign(size=sizes).to_csv("data.csv", index=False)
    text = Path("experiments/three.yaml").read_text(encoding="utf-8")
    write(
        text.replace("weights: matrix", "weights: economic").replace("{path: w.csv}", "{economy: size, window: null}")
    )
    first = sweep(capsys)
    sizes[:6] = 5.5
    frame().assign(size=sizes).to_csv("data.csv", index=False)
    every = runs(first, sweep(capsys), status=1)
    assert set(every["data"]) == {"data.csv"}
    assert set(every["reason"]) == {"data"}


def test_code_without_effect_moves_nothing(mine: Path, capsys: Capture) -> None:
    first = sweep(capsys)
    changed_code(mine, MINE, MINE + ADDITION)
    text = said(capsys, first, sweep(capsys), status=0)
    assert "none moved" in text
    assert "Equal numbers although data, a choice or code differ: 2 runs." in text


def test_a_run_that_fails_in_one(mine: Path, capsys: Capture) -> None:
    first = sweep(capsys)
    changed_code(mine, "result = super", "raise ValueError('not today')\n        result = super")
    second = sweep(capsys, status=1)
    text = said(capsys, first, second, status=1)
    assert "2 runs fail in B only." in text
    assert "fails in B: ValueError: not today" in text
    assert "2 runs fail in A only." in said(capsys, second, first, status=1)
    assert "4 runs in both, none moved" in said(capsys, second, second, status=0)
    assert "2 runs fail in both." in said(capsys, second, second, status=0)


def test_data_and_a_choice_together(study: Path, capsys: Capture) -> None:
    first = sweep(capsys)
    write(EXPERIMENT.replace("cov: robust", "cov: classic"))
    changed = frame()
    changed.loc[3, "x"] += 0.5
    changed.to_csv("data.csv", index=False)
    second = sweep(capsys)
    text = said(capsys, first, second, status=1)
    assert "4 by data (data.csv) and a choice (inference.cov: robust → classic)." in text
    ids = {run.data.tags["digicarbon.label"]: run.info.run_id for run in children(first)}
    run_id = ids["model=pooled, model.controls=[]"][:12]
    assert f"To separate data and a choice: `digicarbon rerun {run_id}`" in text
    # which it does: the choices of A on the data of B
    assert main(["rerun", run_id]) == 1
    assert "data      DIFFERENT: files or choices of the panel (changed: " in capsys.readouterr().out


def test_packages_and_what_is_not_recorded(mine: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    # a number that comes from outside of everything that is recorded
    changed_code(mine, "SHIFT = 0.0", "import os\n\nSHIFT = float(os.environ['SHIFT'])")
    monkeypatch.setenv("SHIFT", "0")
    first = sweep(capsys)
    monkeypatch.setenv("SHIFT", "1")
    sys.modules.pop("mine")
    second = sweep(capsys, "--force")
    text = said(capsys, first, second, status=1)
    assert "4 runs in both, 2 moved: 2 by nothing that is recorded." in text
    monkeypatch.setenv("SHIFT", "2")
    sys.modules.pop("mine")
    known = json.loads(provenance()["digicarbon.packages"])
    other = {**provenance(), "digicarbon.packages": json.dumps({**known, "numpy": "1.0"})}
    monkeypatch.setattr("digicarbon.tracking._rows.provenance", lambda: other)
    text = said(capsys, first, sweep(capsys, "--force"), status=1)
    assert f"2 moved: 2 by packages (numpy {known['numpy']} → 1.0)." in text
    assert "Largest change of an effect: " in text


@pytest.fixture
def spatial(project: Path) -> pd.DataFrame:
    places = [f"u{i}" for i in range(8)]
    matrix = pd.DataFrame(np.eye(8, k=1) + np.eye(8, k=-1), index=places, columns=places)
    frame().to_csv("data.csv", index=False)
    matrix.to_csv("w.csv")
    more = "source: table}, {override weights: matrix}, {override report: signs}"
    text = (
        EXPERIMENT.replace("[pooled, fe]", "[sar]")
        .replace("controls: []", "controls: [], effects: unit")
        .replace("source: table}", more)
    )
    write(text.replace("inference: {cov: robust}", "weights: {path: w.csv}"))
    return matrix


def test_weights_of_another_file(spatial: pd.DataFrame, capsys: Capture) -> None:
    first = sweep(capsys)
    spatial.iloc[0, 5] = spatial.iloc[5, 0] = 1.0
    spatial.to_csv("w.csv")
    every = runs(first, sweep(capsys), status=1)
    assert set(every["data"]) == {"weights w.csv"}
    assert set(every["reason"]) == {"data"}
    # another file that was chosen is a choice, and no file that changed
    spatial.iloc[1, 6] = spatial.iloc[6, 1] = 1.0
    spatial.to_csv("w2.csv")
    every = runs(first, sweep(capsys, "weights.path=w2.csv"), status=1)
    assert set(every["choice"]) == {"weights.path: w.csv → w2.csv"}
    assert set(every["reason"]) == {"choice"}


def test_another_quantity_is_not_compared(spatial: pd.DataFrame, capsys: Capture) -> None:
    first = sweep(capsys, "report.quantity=direct")
    second = sweep(capsys, "report.quantity=total", "--force")
    text = said(capsys, first, second, status=0)
    assert "none moved" in text
    said_so = "The effects of 2 runs are not compared, since they are different numbers: direct in A, total in B."
    assert said_so in text
    assert "Largest change" not in text


def test_a_number_of_one_side_only(spatial: pd.DataFrame, capsys: Capture) -> None:
    text = Path("experiments/three.yaml").read_text(encoding="utf-8")
    first = sweep(capsys)
    write(text.replace("[sar]", "[sdm]"))
    # one run each: they belong together whatever they are called
    ids = [children(one)[0].info.run_id for one in (first, sweep(capsys, "grid={model.controls:[[]]}"))]
    every = runs(*ids, status=1)
    assert len(every) == 1
    (row,) = every.to_dict("records")
    assert row["choice"].startswith("model: sar → sdm")
    assert int(row["differing"]) > 0


def test_experiments_of_different_names(first: str, capsys: Capture) -> None:
    write(EXPERIMENT.replace("[pooled, fe]", "[fe, between]"), "other")
    sweep(capsys, name="other")
    every = runs("three", "other", status=0)
    states = every["state"].value_counts().to_dict()
    assert states == {"equal": 2, "only in A": 2, "only in B": 2}
    write(EXPERIMENT.replace("time: year}", "time: year}\nlabels: {x: Growth}"), "third")
    sweep(capsys, name="third")
    assert "4 runs in both, none moved" in said(capsys, "third", "three", status=0)


def test_renamed_columns_are_found_by_their_choices(study: Path, capsys: Capture) -> None:
    columns = EXPERIMENT.partition("grid:")[0] + "columns: {A(1): {model: pooled}, A(2): {model: fe}}\n"
    write(columns)
    first = sweep(capsys)
    write(columns.replace("A(", "B("))
    changed = frame()
    changed.loc[3, "x"] += 0.5
    changed.to_csv("data.csv", index=False)
    every = runs(first, sweep(capsys), status=1)
    assert dict(every["label_in_b"]) == {"A(1)": "B(1)", "A(2)": "B(2)"}
    assert set(every["reason"]) == {"data"}


def test_single_runs(first: str, capsys: Capture) -> None:
    ids = [run.info.run_id for run in children(first)]
    assert "1 run in both, none moved" in said(capsys, ids[0], ids[0][:10], status=0)
    every = runs(ids[0], ids[1], status=1)
    assert len(every) == 1
    assert list(every["reason"]) == ["choice"]


def test_an_option_is_named_without_its_fields(spatial: pd.DataFrame, capsys: Capture) -> None:
    text = Path("experiments/three.yaml").read_text(encoding="utf-8")
    text = text.replace("report: signs}", "report: signs}, {override inference: classic}")
    write(text)
    sweep(capsys)
    Path("conf/weights").mkdir(parents=True)
    Path("conf/weights/near.yaml").write_text(
        "# near ones\n_target_: digicarbon.weights.MatrixWeights\npath: near.csv\n", encoding="utf-8"
    )
    spatial.iloc[0, 5] = spatial.iloc[5, 0] = 1.0
    spatial.to_csv("near.csv")
    write(text.replace("weights: matrix", "weights: near").replace("weights: {path: w.csv}", ""), "near")
    sweep(capsys, name="near")
    every = runs("three", "near", status=1)
    assert set(every["choice"]) == {"weights: matrix → near"}
    # a regression takes no weights, and what it controls for is the study's own choice
    write(text.replace("[sar]", "[fe]").replace("controls: [[], [z]]", "controls: [[z]]"), "plain")
    sweep(capsys, name="plain")
    ids = [run.info.run_id for run in (children_of("plain")[0], labelled("near", "model=sar, model.controls=[]"))]
    assert list(runs(*ids, status=1)["choice"]) == ['model: fe → sar; model.controls: ["z"] → []']


def children_of(name: str) -> list[Run]:
    one = client().get_experiment_by_name(name)
    assert one is not None
    return list(client().search_runs([one.experiment_id], "tags.`digicarbon.kind` != 'sweep'"))


def labelled(name: str, label: str) -> Run:
    return next(run for run in children_of(name) if run.data.tags["digicarbon.label"] == label)


def test_an_experiment_means_what_its_report_shows(first: str, capsys: Capture) -> None:
    second = sweep(capsys, "inference.cov=classic")
    assert f"A: three, sweep {first[:12]}, " in said(capsys, "three", first, status=0)
    assert f"B: three inference.cov=classic, sweep {second[:12]}, " in said(capsys, "three", second, status=1)


def test_signs_and_stars(study: Path, capsys: Capture) -> None:
    first = sweep(capsys)
    changed = frame()
    changed["x"] *= -1
    changed.to_csv("data.csv", index=False)
    text = said(capsys, first, sweep(capsys), status=1)
    stars = sum(run.data.tags["digicarbon.sign"].endswith("*") for run in children(first))
    assert stars == 4
    assert "The effect's sign changed in 4 runs, its significance in no run." in text


def test_files(first: str, capsys: Capture) -> None:
    changed = frame()
    changed.loc[3, "z"] += 0.5
    changed.to_csv("data.csv", index=False)
    second = sweep(capsys)
    for suffix in ("md", "html", "txt", "xlsx", "tex"):
        text = said(capsys, first, second, "--to", f"moved.{suffix}", status=1)
        assert f"moved.{suffix} has the result." in text
        content = Path(f"moved.{suffix}").read_bytes()
        assert len(content) > 300
        if suffix in ("md", "html", "txt"):
            assert "2 moved: 2 by data (data.csv)." in " ".join(content.decode().split())


def test_words_are_in_the_language_of_the_report(first: str, capsys: Capture) -> None:
    changed = frame()
    changed.loc[3, "z"] += 0.5
    changed.to_csv("data.csv", index=False)
    second = sweep(capsys, "report.language=zh", "--language", "en")
    # B's report decides, else A's; the command line before both
    text = said(capsys, first, second, "--to", "zh.csv", status=1)
    assert "双方共有4个运行，其中2个变动：2个因数据（data.csv）。" in text
    assert "变动的运行，变动最大的在前" in text
    assert "zh.csv包含每个运行。" in text
    assert "2 moved: 2 by data (data.csv)." in said(capsys, second, first, status=1)
    assert "双方共有4个运行，没有变动" in said(capsys, first, first, "report.language=zh", status=0)
    assert "2 moved: 2 by data" in said(capsys, first, second, "report.language=en", "--to", "en.csv", status=1)
    # files for programs are the same in every language
    assert Path("zh.csv").read_bytes() == Path("en.csv").read_bytes()
    assert "zh.md包含比较结果。" in said(capsys, first, second, "--to", "zh.md", status=1)
    written = Path("zh.md").read_text(encoding="utf-8")
    assert "A与B之间的变动" in written
    assert "数据：data.csv" in written


def test_a_failure_has_words_in_the_language(first: str, capsys: Capture) -> None:
    changed = frame()
    changed["z"] = changed["z"].abs()
    changed.to_csv("data.csv", index=False)
    write(EXPERIMENT.partition("grid:")[0] + "columns: {A: {model.controls: []}, L: {model.controls: [ln_z]}}\n")
    before = sweep(capsys)
    changed.loc[3, "z"] = -1.0
    changed.to_csv("data.csv", index=False)
    text = said(capsys, before, sweep(capsys, status=1), "report.language=zh", status=1)
    assert "1个运行只在B中失败。" in text
    assert "在B中失败：experiments/three.yaml的列L不能运行：data.csv：z" in text


WRONG: tuple[tuple[tuple[str, ...], str], ...] = (
    (("", "three"), "An empty word names no sweep. Name an experiment"),
    (("three", "nothing/"), "There is no folder nothing/. Name an experiment"),
    (("three", "experiments/"), "The folder experiments/ is no package: it has no software/rebuild.json. Name an"),
    (
        ("three", "ffff", "--experiment", "three"),
        "model=fe, model.controls=[]; model=",
    ),
    ((), "FIRST is missing"),
    (("three",), "SECOND is missing"),
    (("three", "nothing_like_it"), "Nothing that is recorded is called 'nothing_like_it'. sqlite:///"),
    (("three", "thre"), "called 'thre'. Did you mean 'three'? sqlite:///"),
    (("three", "nothing_like_it"), "labels of the latest sweep, that of other. Recorded are: other, three. Name an"),
    (("three", "thre@abcd"), "called 'thre'. Did you mean 'three'? sqlite:///"),
    (("three", "ffff"), "Nothing that is recorded is called 'ffff'"),
    (("three", "ffff", "--experiment", "three"), "the latest sweep of three (4 runs) has no run of this label"),
    (("three", "table3_baseline"), "; run it first: `digicarbon run table3_baseline`"),
    (("three", "experiments"), "The folder experiments is no package: it has no software/rebuild.json. Name an"),
    (("three", "three", "report.language=fr"), "report.language: fr is no language; choose en or zh"),
    (("three", "three", "report.decimals=3"), "'report.decimals=3' is one word too many"),
    (("three", "@abcd"), "@abcd names no sweep; write EXPERIMENT@COMMIT"),
    (("three", "three@"), "three@ names no sweep"),
    (("three", "three@abcd"), "Its sweeps were not recorded in a Git repository"),
    (("three", "three@no such"), "No sweep of three is recorded at the Git commit no such"),
    (("three", "three", "--to", "a.doc"), "--to a.doc: the suffix decides what is written; choose one of .csv"),
    (("three", "three", "--to", "data.csv/moved.csv"), "cannot be written"),
    (("three", "three", "four"), "four"),
    (("three", "other"), "three and other have no run in common"),
)
"""Words, and what is said of them."""


def test_what_cannot_be_compared(first: str, capsys: Capture) -> None:
    write(EXPERIMENT.replace("[pooled, fe]", "[between]"), "other")
    sweep(capsys, name="other")
    for words, sentence in WRONG:
        text = said(capsys, *words, status=2)
        assert sentence in text
        assert len(text.strip().splitlines()) == 1
