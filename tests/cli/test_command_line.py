"""The command line: what it prints, its exit status, and one sentence for whatever a new user gets wrong."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cases import listed
from mlflow import MlflowClient
from rich.cells import cell_len

import digicarbon
from digicarbon.__main__ import main
from digicarbon.cli import ui
from digicarbon.cli.application import completion_line
from digicarbon.cli.arguments import flags_of
from digicarbon.cli.command import terminal
from digicarbon.cli.usage import parser
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import GROUPS, find

Capture = pytest.CaptureFixture[str]


def complaint(capsys: Capture, *arguments: str, status: int = 2) -> str:
    """Run a command that must end in one sentence on stderr, and return it."""
    capsys.readouterr()
    assert main(arguments) == status
    shown = capsys.readouterr()
    lines = shown.err.strip().splitlines()
    assert len(lines) == 1, shown.err
    assert lines[0].startswith("digicarbon: ")
    assert "Traceback" not in shown.out + shown.err
    return lines[0]


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "digicarbon", *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", **environment},
        check=False,
    )


# ---- the fast path


def test_a_product_of_three_is_no_emoji(capsys: Capture) -> None:
    terminal().print("ln_e:b:ln_k")
    assert capsys.readouterr().out == "ln_e:b:ln_k\n"


def test_version_and_help(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"digicarbon {digicarbon.__version__}\n"
    for arguments in ([], ["--help"], ["-h"], ["help"]):
        assert main(arguments) == 0
        assert "digicarbon run [EXPERIMENT] [overrides]" in capsys.readouterr().out


def test_help_waits_for_nothing() -> None:
    heavy = {"pandas", "numpy", "scipy", "hydra", "omegaconf", "mlflow", "rich", "pydantic", "joblib"}
    assert loaded("main(['--help']); main(['--version'])", heavy) == "[]"


def verbs() -> list[str]:
    every = parser().verbs
    return [*(verb for verb in every if verb != "data"), *(f"data {verb}" for verb in every["data"].verbs)]


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_answers_help(verb: str, folder: Path, capsys: Capture) -> None:
    for words in ([*verb.split(), "--help"], [*verb.split(), "-h"], [*verb.split(), "main", "--help"]):
        assert main(words) == 0
        shown = capsys.readouterr()
        assert f"digicarbon {verb}" in shown.out
        assert shown.err == ""
        assert len(shown.out.splitlines()) <= 24
    if verb in flags_of():
        assert all(word in shown.out for word in ("--hydra-help", "--cfg job", *sum(flags_of()[verb], ())))
    # two examples at the end
    assert [line[: len(verb) + 13] for line in shown.out.splitlines()[-2:]] == [f"  digicarbon {verb}"] * 2
    assert list(folder.iterdir()) == []


def test_help_of_hydra(folder: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", "--hydra-help"])
    assert caught.value.code == 0
    assert "--config-dir" in capsys.readouterr().out


@pytest.mark.long
def test_a_check_waits_for_nothing_that_it_does_not_use(folder: Path) -> None:
    heavy = {"mlflow", "sqlalchemy", "joblib", "linearmodels", "spreg", "formulaic", "pandera", "matplotlib",
             "scipy.optimize", "scipy.spatial", "scipy.stats"}  # fmt: skip
    assert loaded("main(['check'])", heavy) == "[]"


@pytest.mark.long
def test_spatial_models_load_only_the_estimators_and_weights_that_they_use(folder: Path) -> None:
    others = {f"digicarbon.{name}" for name in ("model._spatial_batch", "numeric.spatial.error_batch",
              "numeric.spatial.random", "source._read", "weights.places")}  # fmt: skip
    assert loaded("main(['check', 'table7_spatial_w1'])", others) == "[]"
    words = "'inference=cluster', 'executor=sequential'"
    assert loaded(f"main(['run', 'table7_spatial_w1', {words}])", others) == "[]"
    random = "'model=sar', 'model.effects=random', 'inference=classic', 'executor=sequential'"
    used = loaded(f"main(['run', {random}])", others)
    assert used == "['digicarbon.numeric.spatial.random']"
    # draws are fitted in batches
    used = loaded("main(['run', 'model=sar', 'inference.draws=19', 'executor=sequential'])", others)
    assert "digicarbon.model._spatial_batch" in used
    assert not any(name in used for name in ("numeric.spatial.random", "source._read", "weights.places"))


@pytest.mark.long
def test_a_sweep_on_a_store_that_is_there_does_without_mlflow(project: Path) -> None:
    heavy = {"mlflow", "alembic", "sqlalchemy", "flask", "fastapi", "linearmodels", "spreg", "formulaic", "pandera"}
    run = "main(['run', 'executor=sequential', 'measure=ddl,bea', '-m'])"
    assert loaded(f"main(['plan']); {run}; {run}; main(['deliver'])", heavy) == "[]"
    uri = f"sqlite:///{(project / 'mlruns' / 'mlflow.db').as_posix()}"
    (parent,) = MlflowClient(uri).search_runs(["1"], "tags.`digicarbon.kind` = 'sweep'")
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {"runs.done": 2.0, "runs.failed": 0.0}


def loaded(calls: str, names: set[str]) -> str:
    """Which of some modules a process has loaded after some calls."""
    code = (
        "import sys; import digicarbon; from digicarbon.__main__ import main; "
        f"{calls}; print(sorted({names} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


# ---- the process


@pytest.mark.long
def test_exit_status_of_the_process(folder: Path) -> None:
    wrong = process("check", "wieghts=x")
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert wrong.stderr.startswith("digicarbon: command line: there is no key 'wieghts'. Did you mean 'weights'?")
    assert wrong.stderr.count("\n") == 1
    right = process("check", "table3_baseline")
    assert right.returncode == 0
    assert right.stdout == "table3_baseline: 7 runs are ready.\n"
    assert right.stderr == ""
    assert list(folder.iterdir()) == []


@pytest.mark.long
def test_traceback_on_demand(folder: Path) -> None:
    wrong = process("check", "model.x=3", DIGICARBON_TRACEBACK="1")
    assert wrong.returncode == 2
    assert "Traceback (most recent call last)" in wrong.stderr
    assert wrong.stderr.splitlines()[-1].startswith("digicarbon: command line: model.x must be a list")


@pytest.mark.long
def test_nothing_is_left_behind_but_the_store(project: Path) -> None:
    done = process("run", "-m", "executor=sequential", "measure=ddl,bea")
    assert done.returncode == 0, done.stderr
    assert "2 of 2 runs recorded in sqlite:///mlruns/mlflow.db, MLflow experiment digicarbon" in done.stdout
    assert "SIMULATED" in done.stdout
    assert "Warning" not in done.stderr
    assert [path.name for path in project.iterdir()] == ["mlruns"]
    assert {path.name for path in (project / "mlruns").iterdir()} == {"mlflow.db", "mlflow.db.lock", "artifacts"}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("digicarbon run -m weights=w", {"weights=w1_adjacency", "weights=w2_nested", "weights=w2_product"}),
        ("digicarbon run t", {"title=", "tracking=", "tracking."}),
    ],
)
def test_completion(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, line: str, offered: set[str]
) -> None:
    monkeypatch.setenv("COMP_LINE", line)
    assert main(["-sc", "query=bash"]) == 0
    assert set(capsys.readouterr().out.split()) == offered


def test_completion_of_a_process(folder: Path) -> None:
    done = process("-sc", "query=bash", COMP_LINE="digicarbon run table3_baseline model=tw")
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == {"model=twfe", "model=twfe_regions"}


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("digicarbon run table3_baseline model=t", "digicarbon model=t"),
        ("digicarbon run model=t", "digicarbon model=t"),
        ("digicarbon plan -m model=t", "digicarbon -m model=t"),
        ("digicarbon mod", "digicarbon mod"),
        ("digicarbon run", "digicarbon run"),
    ],
)
def test_completion_line(line: str, kept: str) -> None:
    assert completion_line(line, ("run", "plan")) == kept


# ---- verbs


def test_check_and_plan(folder: Path, capsys: Capture) -> None:
    assert main(["check", "table7_spatial_w1"]) == 0
    assert capsys.readouterr().out == "table7_spatial_w1: 5 runs are ready.\n"
    assert main(["plan", "table7_spatial_w1", "sample=full"]) == 0
    shown = capsys.readouterr().out
    for word in ("table7_spatial_w1: 5 runs", "SDM(1)", "SDM(5)", "sector1", "30 × 6", "hash"):
        assert word in shown
    assert list(folder.iterdir()) == []


def test_an_experiment_may_be_named_by_its_file(folder: Path, capsys: Capture) -> None:
    assert main(["check", "./experiments/table7_spatial_w1.yaml"]) == 0
    assert capsys.readouterr().out == "table7_spatial_w1: 5 runs are ready.\n"


def test_what_is_left_out_is_told(folder: Path, capsys: Capture) -> None:
    (folder / "experiments").mkdir()
    (folder / "experiments" / "mine.yaml").write_text(
        "defaults: [config, _self_]\ngrid: {model: [twfe, sdm], weights: 'glob(*)'}\n"
        "exclude: [{model: sdm, weights: w2_nested}]\n",
        encoding="utf-8",
    )
    for verb in ("plan", "check"):
        assert main([verb, "mine"]) == 0
        told = capsys.readouterr().err
        assert "1 combination is left out by exclude." in told
        assert (
            "skipped model=sdm, weights=matrix: experiments/mine.yaml, grid.weights: weights.path is required" in told
        )
        assert "model=twfe: one fit, also for weights=" in told


def test_a_long_plan_is_cut_unless_all_is_asked_for(folder: Path, capsys: Capture) -> None:
    words = ["plan", "model.level=range(0.50,0.7975,0.005)", "inference=classic,robust"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "config: 120 runs" in shown
    assert len(re.findall(r"(?m)^│ model.level=", shown)) == 20
    assert "The same in these runs: panel 30 × 6, state new." in shown
    every = f"digicarbon {shlex.join([*words, '--all'])}"
    assert f"… and 100 more; `{every}` shows every one." in shown
    assert "120 choices: 120 fits." in shown
    assert main([*words, "--all"]) == 0
    shown = capsys.readouterr().out
    assert len(re.findall(r"(?m)^│ model.level=", shown)) == 120
    assert "The same in all runs: panel 30 × 6, state new." in shown
    assert "more;" not in shown


@pytest.mark.parametrize("words", [["table3_baseline"], ["robustness", "draw.n=30"], ["table7_spatial_w1"]])
def test_a_plan_fits_eighty_columns(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["plan", *words]) == 0
    shown = capsys.readouterr().out
    table = [line for line in shown.splitlines() if line[:1] in "┏┃┡│└"]
    assert len(table) > 7
    assert max(map(cell_len, table)) <= 80
    assert "…" not in "".join(table)
    heads = {head.strip() for head in table[1].strip("┃").split("┃")}
    assert "panel" not in heads or words[0] == "robustness"


def test_a_plan_says_once_what_all_runs_share(folder: Path, capsys: Capture) -> None:
    assert main(["plan", "inference=classic,robust", "model.effects=two_way", "sample=full"]) == 0
    shown = capsys.readouterr().out
    assert "The same in all runs: panel 30 × 6, state new." in shown
    assert shown.count("inference=") == 2
    assert main(["plan", "table7_spatial_w1"]) == 0
    assert capsys.readouterr().out.count("30 × 6") == 1


def test_a_plan_sums_up_what_became_of_each_choice(folder: Path, capsys: Capture) -> None:
    (folder / "experiments").mkdir()
    (folder / "experiments" / "mine.yaml").write_text(
        "defaults: [config, _self_]\ngrid: {model: [twfe, sdm], weights: 'glob([w1_adjacency,w2_nested,matrix])', "
        "sample: [full, east]}\nexclude: [{model: sdm, sample: east}]\n",
        encoding="utf-8",
    )
    assert main(["plan", "mine"]) == 0
    shown = capsys.readouterr()
    assert "12 choices: 4 fits, 4 come to the same fit as another, 1 cannot run, 3 left out by exclude." in shown.out
    assert shown.err.count("skipped") == 1


def test_a_plan_of_a_draw_says_what_it_is_drawn_of(folder: Path, capsys: Capture) -> None:
    (folder / "experiments").mkdir()
    body = (
        "defaults: [config, _self_]\ngrid: {model: [twfe, sdm], weights: [w1_adjacency, w2_nested], "
        "sample: [full, east, west], inference: [classic, robust]}\nexclude: [{model: sdm, sample: east}]\n"
    )
    (folder / "experiments" / "mine.yaml").write_text(f"{body}draw: {{n: 12, seed: 1}}\n", encoding="utf-8")
    assert main(["plan", "mine"]) == 0
    last = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("12 choices"))
    fits, same = (int(word) for word in re.findall(r"(\d+) (?:fits|come)", last))
    assert last == (
        f"12 choices drawn of 20 combinations after exclude: {fits} fits, {same} come to the same fit as another."
    )
    assert fits + same == 12
    (folder / "experiments" / "mine.yaml").write_text(body.split("exclude")[0] + "draw: {n: 3}\n", encoding="utf-8")
    assert main(["plan", "mine"]) == 0
    assert "3 choices drawn of 24 combinations: " in capsys.readouterr().out
    # a draw of more than there are takes all
    (folder / "experiments" / "mine.yaml").write_text(f"{body}draw: {{n: 99}}\n", encoding="utf-8")
    assert main(["plan", "mine"]) == 0
    assert "24 choices: 14 fits, 6 come to the same fit as another, 4 left out by exclude." in capsys.readouterr().out


def test_inherited_columns_are_told_and_can_be_left_out(folder: Path, capsys: Capture) -> None:
    (folder / "experiments").mkdir()
    mine = folder / "experiments" / "mine.yaml"

    def told(columns: str) -> tuple[list[str], str]:
        mine.write_text(f"defaults: [table3_baseline, _self_]\ncolumns: {columns}\n", encoding="utf-8")
        assert main(["plan", "mine"]) == 0
        shown = capsys.readouterr()
        return re.findall(r"(?m)^│ (\S+) ", shown.out), shown.err

    names, said = told("{East: {sample: east}, FE(7): {sample: west}}")
    assert names == [*(f"FE({k})" for k in range(1, 8)), "East"]
    assert said == (
        "Columns FE(1), FE(2), FE(3), FE(4), FE(5), FE(6) are inherited from experiments/table3_baseline.yaml; "
        "columns FE(7), East are of experiments/mine.yaml. A column that is set to null is left out; "
        "`replace: columns` leaves out all that are inherited.\n"
        "Column FE(7) of experiments/mine.yaml keeps measure=bea of the column of the same name in "
        "experiments/table3_baseline.yaml.\n"
    )
    lost = ", ".join(f"FE({k}): null" for k in range(1, 7))
    assert told(f"{{{lost}, East: {{sample: east}}}}")[0] == ["FE(7)", "East"]
    assert told(f"{{{lost}, FE(7): null, East: {{sample: east}}}}") == (["East"], "")
    # one that nothing is inherited of has no choices of its own
    assert told(f"{{{lost}, FE(7): null, As it is: null}}")[1] == ""
    assert "mine: 1 run\n" in _planned("mine", capsys)


@pytest.mark.long
def test_a_column_of_any_name_is_taken_away_on_the_command_line(folder: Path, capsys: Capture) -> None:
    labels = ("East", "FE(1)", "双重 差分", "Callaway-Sant'Anna: all", "a, b")
    lines = "".join(f'  "{label}": {{source.seed: {k + 1}}}\n' for k, label in enumerate(labels))
    (folder / "experiments").mkdir()
    (folder / "experiments" / "mine.yaml").write_text(
        f"defaults: [config, _self_]\ncolumns:\n{lines}", encoding="utf-8"
    )

    def left(*words: str) -> list[str]:
        assert main(["plan", "mine", *words]) == 0
        shown = capsys.readouterr().out
        return [label for label in labels if f"│ {label} " in shown or f"│ {label}," in shown]

    assert left() == list(labels)
    for label in labels:
        assert left(f"~columns.{label}") == [one for one in labels if one != label]
    some = [f"~columns.{label}" for label in labels[:3]]
    assert left(*some) == list(labels[3:])
    # also where a field of a swept option takes a second attempt
    assert left(*some, "model=sdm,sdem", "model.durbin=x") == list(labels[3:])
    assert main(["run", "mine", "--cfg", "job", some[1]]) == 2
    assert "'~columns.FE(1)' cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["plan", "check", "run"])
def test_what_stays_of_an_inherited_column_of_the_same_name_is_said(folder: Path, capsys: Capture, verb: str) -> None:
    (folder / "experiments").mkdir()
    (folder / "experiments" / "base.yaml").write_text(
        "defaults: [config, _self_]\ncolumns:\n  A: {inference: driscoll_kraay, model.effects: unit}\n",
        encoding="utf-8",
    )
    mine = folder / "experiments" / "mine.yaml"
    mine.write_text("defaults: [base, _self_]\ncolumns:\n  A: {model: {effects: time}}\n", encoding="utf-8")
    assert main([verb, "mine"]) == 0
    sentence = (
        "Column A of experiments/mine.yaml keeps inference=driscoll_kraay of the column of the same name in "
        "experiments/base.yaml.\n"
    )
    assert sentence in capsys.readouterr().err
    mine.write_text(
        "defaults: [base, _self_]\ncolumns:\n  A: {inference: classic, model.effects: time}\n", encoding="utf-8"
    )
    assert main([verb, "mine"]) == 0
    assert "keeps" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words", "title"),
    [
        ("# East only\ndefaults: [table3_baseline, _self_]\n", (), "mine: East only"),
        ("defaults: [table3_baseline, _self_]\n", (), "mine"),
        ("# East\ndefaults: [table3_baseline, _self_]\ntitle: Own\n", (), "Own"),
        ("# East\ndefaults: [table3_baseline, _self_]\ntitle: ''\n", (), ""),
        ("# East\ndefaults: [table3_baseline, _self_]\n", ("title=Given",), "Given"),
        ("# East\ndefaults: [config, _self_]\n", (), ""),
    ],
)
def test_the_title_of_another_experiment_is_not_inherited(
    folder: Path, text: str, words: tuple[str, ...], title: str
) -> None:
    (folder / "experiments").mkdir()
    (folder / "experiments" / "mine.yaml").write_text(text, encoding="utf-8")
    assert (Composer(loader(), "mine", words).sweep_keys()["title"] or "") == title
    (folder / "experiments" / "child.yaml").write_text("# Child\ndefaults: [mine, _self_]\n", encoding="utf-8")
    child = Composer(loader(), "child", words).sweep_keys()["title"] or ""
    assert child == (words[0].removeprefix("title=") if words else "child: Child" if "config" not in text else "")


@pytest.mark.long
def test_what_is_inherited_is_replaced_in_one_word(folder: Path, capsys: Capture) -> None:
    (folder / "experiments").mkdir()

    def wrote(name: str, parent: str, body: str) -> None:
        text = f"defaults: [{parent}, _self_]\n{body}\n"
        (folder / "experiments" / f"{name}.yaml").write_text(text, encoding="utf-8")

    wrote(
        "first", "config", "columns: {A: {inference: driscoll_kraay}, B: {model.effects: unit}}\ngrid: {sample: [full]}"
    )
    wrote("second", "first", "replace: columns\ncolumns: {C: {}, A: {model.effects: time}}")
    wrote("mine", "second", "columns: {D: {inference: cluster}}")
    wrote("rid", "mine", "replace: [columns, grid]")

    names = re.findall(r"(?m)^│ (\S+) ", _planned("second", capsys))
    assert names == ["C", "A"]
    assert "driscoll_kraay" not in _planned("second", capsys)
    assert re.findall(r"(?m)^│ (\S+) ", _planned("mine", capsys)) == ["C", "A", "D"]
    assert "rid: 1 run\n" in _planned("rid", capsys)
    # the command line is the nearest of all
    assert main(["plan", "mine", "replace=columns", "+columns.E.sample=west"]) == 0
    assert re.findall(r"(?m)^│ (\S+) ", capsys.readouterr().out) == ["E,"]

    assert main(["list", "experiments", "mine"]) == 0
    told = capsys.readouterr().out
    assert "replaces the inherited columns (in experiments/second.yaml)\n" in told
    assert "column A: model.effects=time\n" in told
    assert "column B" not in told

    assert main(["run", "second"]) == 0
    sweep = re.findall(r"parent run (\w+)", capsys.readouterr().out)[0]
    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/mlruns/mlflow.db")
    recorded = client.download_artifacts(sweep, "experiment.yaml")
    text = Path(recorded).read_text(encoding="utf-8")
    assert "driscoll_kraay" not in text
    assert "columns:\n  C: {}\n  A:\n    model.effects: time\n" in text
    assert main(["report", "second", "--out", "page"]) == 0
    assert main(["export", "second", "--to", "referee"]) == 0
    exported = (folder / "referee" / "experiment.yaml").read_text(encoding="utf-8")
    assert exported == text
    assert main(["rerun", "A, sample=full"]) == 0
    assert "the same" in capsys.readouterr().out

    wrote("wrong", "first", "replace: title")
    assert complaint(capsys, "plan", "wrong") == (
        "digicarbon: experiments/wrong.yaml: replace: a title is not inherited; leave it out here, and write "
        "`title: …` for one of your own."
    )
    wrote("wrong", "first", "replace: column")
    assert complaint(capsys, "plan", "wrong") == (
        "digicarbon: experiments/wrong.yaml: replace: 'column' is not inherited as a whole. Did you mean 'columns'? It "
        "takes labels, columns, grid, zip, exclude, draw, kinds, claim, experiments, instead, e.g. `replace: columns`."
    )


@pytest.mark.long
def test_a_column_that_cannot_run_does_not_end_the_others(folder: Path, capsys: Capture) -> None:
    (folder / "experiments").mkdir()
    mine = folder / "experiments" / "mine.yaml"
    start = "defaults: [config, _self_]\n"
    mine.write_text(f"{start}columns:\n  A: {{}}\n  B: {{model.controls: [nothing]}}\n", encoding="utf-8")
    for verb in ("plan", "check", "run"):
        said = complaint(capsys, verb, "mine", status=1)
        assert said.startswith("digicarbon: Column B of experiments/mine.yaml cannot run: model.controls: ")
        assert "nothing" in said
        assert "exclude" not in said
    assert main(["run", "mine"]) == 1
    shown = capsys.readouterr()
    assert "1 of 1 runs recorded" in shown.out
    assert "1 column cannot run and is not shown: B." in shown.out
    # once, at the end
    assert shown.err.count("nothing") == 1
    assert "nothing" not in shown.out
    # the page knows it, in Chinese too
    assert main(["report", "mine", "--out", "page", "report.language=zh"]) == 0
    page = (folder / "page" / "index.html").read_text(encoding="utf-8")
    assert "experiments/mine.yaml的列B不能运行" in page
    assert "有1列无法运行，未列出：B。" in page

    # combinations within a column are left out by exclude, and nothing is fitted
    mine.write_text(
        f"{start}columns: {{A: {{}}, B: {{}}}}\ngrid: {{model.controls: [[], [nothing]]}}\n", encoding="utf-8"
    )
    said = complaint(capsys, "run", "mine")
    assert "2 of 4 choices have this problem" in said
    # a column of a grid none of whose combinations can run
    mine.write_text(
        f"{start}columns: {{A: {{}}, B: {{model.controls: [nothing]}}}}\ngrid: {{sample: [full, east]}}\n",
        encoding="utf-8",
    )
    said = complaint(capsys, "check", "mine", status=1)
    assert "Column B of experiments/mine.yaml can run in none of its 2 combinations; B, sample=full: " in said
    # where nothing is left the sentence is that of the first
    mine.write_text(f"{start}columns: {{B: {{model.controls: [nothing]}}}}\n", encoding="utf-8")
    assert complaint(capsys, "run", "mine").startswith("digicarbon: B: ")


def _planned(name: str, capsys: Capture) -> str:
    assert main(["plan", name]) == 0
    return re.sub(r" +\n", "\n", capsys.readouterr().out)


def test_a_folder_that_was_deleted_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for words in (["run", "table3_baseline"], ["list"], ["ui"], ["data", "status"]):
        assert main(words) == 2
        told = capsys.readouterr().err
        assert told.startswith("digicarbon: The folder that this command was started in is gone (No such file")
        assert "unexpected" not in told
    assert main(["--version"]) == 0


@pytest.mark.long
def test_a_plan_tells_what_is_recorded_and_makes_no_store(project: Path, capsys: Capture) -> None:
    words = ["executor=sequential", "inference=wild,robust"]
    assert main(["plan", *words]) == 0
    assert "2 runs to fit, about a second after start-up (a guess" in capsys.readouterr().out
    assert main(["run", "executor=sequential"]) == 0
    before = (project / "mlruns" / "mlflow.db").read_bytes()
    capsys.readouterr()
    assert main(["plan", *words]) == 0
    assert "1 run to fit, about a second after start-up (by the recorded" in capsys.readouterr().out
    assert main(["plan", "executor=sequential"]) == 0
    assert "Nothing is left to fit." in capsys.readouterr().out
    assert (project / "mlruns" / "mlflow.db").read_bytes() == before
    assert main(["plan", "tracking.uri=sqlite:///nowhere/mlflow.db"]) == 0
    assert "1 run to fit" in capsys.readouterr().out
    assert main(["plan", "tracking=server", "tracking.uri=http://127.0.0.1:9"]) == 0
    assert "What is recorded is not known: tracking.uri: the store http://127.0.0.1:9" in capsys.readouterr().out
    assert [path.name for path in project.iterdir()] == ["mlruns"]


@pytest.mark.long
def test_another_experiment_stands_in_for_a_source(folder: Path, capsys: Capture) -> None:
    Path("experiments").mkdir()
    body = "defaults: [config, _self_]\n"
    Path("experiments/there.yaml").write_text(f"# what there is\n{body}columns: {{A: {{}}}}\n", encoding="utf-8")
    instead = "instead: {simulated_fe: there, simulated_regions: nowhere}\n"
    Path("experiments/here.yaml").write_text(f"{body}{instead}columns: {{B: {{}}}}\n", encoding="utf-8")
    Path("experiments/heir.yaml").write_text("defaults: [here, _self_]\n", encoding="utf-8")
    Path("experiments/all.yaml").write_text(f"{body}experiments: [here]\n", encoding="utf-8")

    def planned(*words: str) -> tuple[str, str]:
        assert main(["plan", *words]) == 0
        said = capsys.readouterr()
        return said.out, said.err

    for name in ("here", "all"):
        out, err = planned(name, "source=simulated_fe")
        assert "there: 1 run" in out
        assert "here with source=simulated_fe is there: what there is" in err
    for words in (["here"], ["here", "source=simulated"], ["here", "source=simulated_fe", "measure=ide"]):
        assert "here: 1 run" in planned(*words)[0]
    assert "heir: 1 run" in planned("heir", "source=simulated_fe")[0]
    assert main(["plan", "here", "source=simulated_regions"]) == 2
    assert (
        "experiments/here.yaml, instead.simulated_regions: There is no experiment 'nowhere'." in capsys.readouterr().err
    )


def test_list(folder: Path, capsys: Capture) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    for group in (*GROUPS, "experiments"):
        assert any(line.startswith(group) for line in shown.splitlines())
    assert main(["list", "weights"]) == 0
    shown = capsys.readouterr().out
    assert "w1_adjacency" in shown
    assert "W1: 0-1 queen contiguity of provinces" in shown
    assert main(["list", "experiments"]) == 0
    shown = capsys.readouterr().out
    assert "table3_baseline" in shown
    assert "_dummy" not in shown
    assert " config " not in shown


def test_list_shows_the_user_s_options(folder: Path, capsys: Capture) -> None:
    path = folder / "conf" / "weights"
    path.mkdir(parents=True)
    (path / "w3.yaml").write_text("# my own weights\n_target_: mine.W3\n", encoding="utf-8")
    (path / "w4.yaml").write_text("_target_: mine.W4\n", encoding="utf-8")
    assert main(["list", "weights"]) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["w3"] == ["my", "own", "weights"]
    assert lines["w4"] == []


def test_list_shows_the_user_s_experiments_first(folder: Path, capsys: Capture) -> None:
    (folder / "experiments").mkdir()
    for name in ("second", "first"):
        (folder / "experiments" / f"{name}.yaml").write_text("defaults: [config, _self_]\n", encoding="utf-8")
    assert main(["list", "experiments"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    names = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert names[:2] == ["first", "second"]
    assert names[2:] == sorted(names[2:])


def test_cfg_prints_the_configuration(folder: Path, capsys: Capture) -> None:
    assert main(["run", "table3_baseline", "--cfg", "job", "model.level=0.9"]) == 0
    shown = capsys.readouterr().out
    assert "_target_: digicarbon.model.PanelRegression" in shown
    assert "level: 0.9" in shown
    assert list(folder.iterdir()) == []


def test_config_dir(folder: Path, capsys: Capture) -> None:
    other = folder / "elsewhere" / "sample"
    other.mkdir(parents=True)
    (other / "late.yaml").write_text(
        "# late\n_target_: digicarbon.sample.Sample\nperiods: [2015, 2016]\n", encoding="utf-8"
    )
    assert main(["plan", "--config-dir", "elsewhere", "sample=late"]) == 0
    assert "30 × 2" in capsys.readouterr().out


def test_what_comes_to_the_same_fit_is_told_in_few_lines_before_the_sum(folder: Path) -> None:
    measures = ["bea", "ddl", "ide", "sector1", "sector2", "bea_narrow"]
    with io.StringIO() as told, redirect_stdout(told), redirect_stderr(told):
        weights = "weights=w1_adjacency,w2_nested"
        assert main(["plan", "model=twfe", f"measure={','.join(measures)}", weights]) == 0
        lines = told.getvalue().splitlines()
    same = [line for line in lines if "one fit, also for" in line]
    assert len(same) == 5
    after = lines[lines.index(same[-1]) + 1 :]
    assert after[0] == "1 more fit stands for several choices."
    assert after[1] == "12 choices: 6 fits, 6 come to the same fit as another."


@pytest.mark.long
def test_commands_to_copy_are_quoted(project: Path, capsys: Capture) -> None:
    Path("experiments").mkdir()
    Path("experiments/表 一.yaml").write_text("defaults: [config, _self_]\n", encoding="utf-8")
    assert main(["run", "表 一", "executor=sequential", "tracking.experiment='a b'"]) == 0
    shown = capsys.readouterr().out
    words = shlex.split(shown.partition("Look at it with: ")[2].splitlines()[0])
    assert words == ["digicarbon", "ui", "表 一", "tracking.experiment='a b'"]


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "table3_baseline", "model.effects=unit,time"],
        ["other", "table3_baseline"],
    ],
)
def test_an_experiment_that_does_not_come_first(folder: Path, capsys: Capture, words: list[str]) -> None:
    said = complaint(capsys, "run", *words)
    assert "'table3_baseline' is no override" in said
    assert "An experiment comes first, before flags such as -m, and one at a time: digicarbon run table3_base" in said


def test_our_own_flags_may_come_before_the_experiment(folder: Path, capsys: Capture) -> None:
    assert main(["plan", "--all", "table3_baseline", "model.effects=unit"]) == 0
    assert "7 runs" in capsys.readouterr().out


def test_a_flag_s_own_word_is_no_experiment(folder: Path, capsys: Capture) -> None:
    assert main(["run", "--cfg", "job", "--package", "model"]) == 0
    assert "digicarbon.model.PanelRegression" in capsys.readouterr().out


@pytest.mark.long
def test_ui(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    called: list[list[str]] = []
    store = f"sqlite:///{project}/mlruns/mlflow.db"

    def fake(arguments: list[str], **variables: str) -> int:
        called.append(arguments)
        # the address may hold a password, and anybody can list the arguments of a process
        assert store in variables.values()
        assert not [word for word in arguments if store in word]
        return 3

    assert main(["run", "executor=sequential"]) == 0
    capsys.readouterr()
    # MLflow, loaded by another test, leaves settings that would count as the user's
    for name in [name for name in os.environ if name.startswith("MLFLOW_") and name not in ui.QUIET]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(ui, "_served", fake)
    assert main(["ui", "table3_baseline", "--port", "5001"]) == 3
    assert called == [ui.quick("127.0.0.1", "5001")]
    # nothing is recorded of this experiment
    assert capsys.readouterr().out == "Look at http://127.0.0.1:5001/\n"
    assert main(["ui", "--host=localhost"]) == 3
    shown = capsys.readouterr().out
    assert shown.startswith(
        "Look at http://localhost:5000/#/experiments/1/runs?workflowType=machine_learning&viewState"
    )
    assert main(["ui", "tracking=server", "tracking.uri=http://localhost:5000"]) == 0
    assert "open http://localhost:5000 in a browser" in capsys.readouterr().out
    assert called[1:] == [ui.quick("localhost", "5000")]
    # what only MLflow's own command knows is left to it
    assert main(["ui", "--port", "5001", "--workers", "2"]) == 3
    assert called[2] == [sys.executable, "-m", "mlflow", "ui", "--workers", "2", "--port", "5001"]
    monkeypatch.setenv("MLFLOW_STATIC_PREFIX", "/runs")
    assert main(["ui", "--host", "localhost"]) == 3
    assert called[3] == [sys.executable, "-m", "mlflow", "ui", "--host", "localhost"]
    monkeypatch.delenv("MLFLOW_STATIC_PREFIX")
    monkeypatch.setattr(ui, "KNOWN", "3.16.")
    assert main(["ui"]) == 3
    assert called[4:] == [[sys.executable, "-m", "mlflow", "ui"]]


def test_a_mapping_may_be_given_as_a_whole(project: Path, capsys: Capture) -> None:
    assert main(["run", "executor=sequential", 'report.labels={ln_e: "数字经济"}']) == 0
    assert "数字经济" in capsys.readouterr().out
    assert "lables" in complaint(capsys, "run", 'report.lables={ln_e: "数字经济"}')


def test_an_option_in_the_body_is_told_of_the_file_that_has_it(project: Path, capsys: Capture) -> None:
    (project / "experiments").mkdir(exist_ok=True)
    text = "defaults: [config, {override source: simulated_fe}, _self_]\nreport: curve\n"
    (project / "experiments" / "body.yaml").write_text(text, encoding="utf-8")
    said = complaint(capsys, "check", "body", "report=curve")
    assert "body.yaml: 'report: curve' does not choose an option" in said
    assert "command line: 'report" not in said


def test_ui_of_a_taken_port(project: Path, capsys: Capture) -> None:
    assert main(["run", "executor=sequential"]) == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = complaint(capsys, "ui", "--port", str(port))
    assert f"Port {port} of 127.0.0.1 is taken" in said
    assert f"digicarbon ui --port {port + 1}" in said


@pytest.mark.long
def test_a_folder_with_a_percent_sign_holds_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = tmp_path / "a%41b"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert main(["run", "executor=sequential", "source=simulated_fe"]) == 0
    assert main(["plan", "source=simulated_fe"]) == 0
    assert "Nothing is left to fit" in capsys.readouterr().out
    # the public client reads it, too
    monkeypatch.setattr("digicarbon.tracking._database.HEADS", frozenset())
    assert main(["plan", "source=simulated_fe"]) == 0
    assert "Nothing is left to fit" in capsys.readouterr().out
    assert main(["report", "--out", "page"]) == 0
    assert main(["data", "show", "config"]) == 0
    started: list[str] = []
    monkeypatch.setattr(ui, "_served", lambda command, **words: started.extend(words.values()) or 0)
    assert main(["ui", "--port", "0"]) == 0
    client = MlflowClient(tracking_uri=started[0])
    assert len(client.search_experiments()) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a%41b"]
    assert not [path for path in folder.iterdir() if path.name not in ("mlruns", "page")]


@pytest.mark.long
@pytest.mark.parametrize("flags", [["--cfg", "job"], ["--cfg", "all", "--resolve"], ["--info", "config"], ["--info"]])
def test_what_hydra_prints_has_no_secrets(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, flags: list[str]
) -> None:
    monkeypatch.setenv("DB_WORD", "pLaNtEd7")
    words = {"file": "pLaNtEd7", "environment": "${oc.env:DB_WORD}"}
    (project / "conf" / "tracking").mkdir(parents=True, exist_ok=True)
    for name, word in words.items():
        node = f"_target_: digicarbon.tracking.Tracking\nuri: postgresql+psycopg://me:{word}@host/db\n"
        (project / "conf" / "tracking" / f"{name}.yaml").write_text(node, encoding="utf-8")
        assert main(["run", *flags, f"tracking={name}"]) == 0
        shown = capsys.readouterr()
        assert "pLaNtEd7" not in shown.out + shown.err
        kept = "***" if name == "file" else word
        assert f"uri: postgresql+psycopg://me:{kept}@host/db" in shown.out
    assert main(["run", *flags, "tracking.uri=postgresql+psycopg://me:pLaNtEd7@host/db"]) == 0
    assert "pLaNtEd7" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("me:pLaNtEd7@host/db", "the store me:***@host/db"),
        ("postgresql+psycopg://me:pLaNtEd7@host:abc/db", "must have a number as the port"),
        ("postgresql+psycopg://me:pLaNtEd7/db", "must have a number as the port"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "report", "ui", *map(" ".join, listed("READERS")), "data show x"])
def test_a_mistyped_address_is_a_sentence_without_its_password(
    project: Path, capsys: Capture, verb: str, address: str, said: str
) -> None:
    shown = complaint(capsys, *verb.split(), f"tracking.uri={address}")
    assert said in shown
    assert "pLaNtEd7" not in shown


def test_an_option_whose_name_reads_as_a_number(project: Path, capsys: Capture) -> None:
    text = find("model/twfe").read_text(encoding="utf-8")
    (project / "conf" / "model").mkdir(parents=True, exist_ok=True)
    for name in ("nan", "2007", "1e3"):
        said = complaint(capsys, "plan", f"model={name}")
        assert f"model chooses an option by its name, e.g. model=…; got {name}." in said
        assert "quotation marks" not in said
        (project / "conf" / "model" / f"{name}.yaml").write_text(text, encoding="utf-8")
        assert complaint(capsys, "plan", f"model={name}").endswith(f"in quotation marks: \"model='{name}'\"")
        assert main(["plan", f"model='{name}'"]) == 0


def _unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as once:
        return int(once.getsockname()[1])


def test_deliver_to_a_server_that_does_not_answer(project: Path, capsys: Capture) -> None:
    assert main(["deliver", "tracking=server", f"tracking.uri=http://127.0.0.1:{_unused_port()}"]) == 1
    assert "no server answers there" in capsys.readouterr().err
    assert main(["deliver"]) == 0


@pytest.mark.outside
def test_deliver_to_a_database_that_does_not_answer(project: Path, capsys: Capture) -> None:
    address = f"postgresql+psycopg://me:word@127.0.0.1:{_unused_port()}/db"
    assert "no server answers there" in complaint(capsys, "deliver", f"tracking.uri={address}", status=1)


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="process groups are those of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_what_it_started(tmp_path: Path, number: signal.Signals) -> None:
    child = "import time; time.sleep(300)"
    server = (
        "import os, subprocess, sys, time, pathlib\n"
        f"inner = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "pathlib.Path('ids.part').write_text(f'{os.getpid()} {inner.pid}')\n"
        "os.rename('ids.part', 'ids')\n"
        "time.sleep(300)\n"
    )
    ours = f"import sys\nfrom digicarbon.cli.ui import _served\nsys.exit(_served([sys.executable, '-c', {server!r}]))"
    with subprocess.Popen([sys.executable, "-c", ours], cwd=tmp_path) as command_:
        while not (tmp_path / "ids").exists():
            assert command_.poll() is None
            time.sleep(0.05)
        command_.send_signal(number)
        assert command_.wait(timeout=60) == 128 + number
    group, inner = map(int, (tmp_path / "ids").read_text().split())
    for pid in (group, inner):
        assert not Path(f"/proc/{pid}").exists() or " Z " in Path(f"/proc/{pid}/stat").read_text()


def test_ui_without_a_store(folder: Path, capsys: Capture) -> None:
    assert "There is no store sqlite:///mlruns/mlflow.db yet; run an experiment" in complaint(capsys, "ui")
    assert list(folder.iterdir()) == []


# ---- mistakes on the command line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "--nonsense"], "`digicarbon check` has no flag --nonsense."),
        (["pln"], "There is no command 'pln'. Did you mean 'plan'?"),
        (
            ["frobnicate"],
            "Verbs: run, plan, check, fit, report, export, deliver, list, data, new, schema, ui",
        ),
        (["check", "table3_basline"], "There is no experiment 'table3_basline'. Did you mean 'table3_baseline'?"),
        (["check", "wieghts=w1_adjacency"], "there is no key 'wieghts'. Did you mean 'weights'?"),
        (["check", "weights=w1_adjacncy"], "there is no such option. Did you mean 'w1_adjacency'?"),
        (["check", "model.contrls=[]"], "there is no key 'model.contrls'. Did you mean 'model.controls'?"),
        (["check", "-m", "weights=w1_adjacency,w2_nestd"], "weights=w2_nestd: there is no such option. Did you mean"),
        (["check", "model.x=3"], "model.x must be a list, e.g. [3]; got 3."),
        (
            ["check", "model.effects=twoway"],
            "model.effects must be one of 'none', 'unit', 'time', 'two_way', 'random', 'random_time'",
        ),
        (["check", "model.x=[ln_ee]"], "Did you mean 'e'?"),
        (["check", "measure=a(b"], "in quotes"),
        (
            ["check", "hydra/sweeper=basic"],
            "command line, hydra/sweeper=basic: digicarbon expands and runs every sweep",
        ),
        (["check", "hydra.mode=RUN"], "would do nothing; leave it out"),
        (["check", "source=table"], "source.path is required by source=table"),
        (["check", "model=sdm", "weights=matrix"], "weights.path is required by weights=matrix"),
        (["check", "model._target_=os.system"], "model._target_: os.system is not a digicarbon Model"),
        (["check", "model._target_=nowhere.Model"], "the module 'nowhere' cannot be imported"),
        (
            ["check", "model._target_=digicarbon.model.SpatialPanl"],
            "has no class 'SpatialPanl'. Did you mean 'SpatialPanel'?",
        ),
        (["list", "weigths"], "There is no group 'weigths'. Did you mean 'weights'?"),
        (["check", "model.y.z=1"], "there is no key 'model.y.z'. Did you mean 'model.y'?"),
        (["check", "source.curves.e=[1.0]"], "is added with a plus sign, '+source.curves.e=…'"),
        (
            ["check", "-m", "measure=ddl,column", "measure.column=gdp"],
            "measure=ddl, measure.column=gdp: command line: measure.column is not a field of BeaMeasure.",
        ),
        (["check", "-m", "measure=column,digeco", "measure.colum=gdp"], "Did you mean 'column'?"),
        (["check", "-m", "measure=column,digeco", "wieghts=gdp"], "there is no key 'wieghts'. Did you mean 'weights'?"),
    ],
)
def test_a_mistake_is_a_sentence(folder: Path, capsys: Capture, arguments: list[str], said: str) -> None:
    assert said in complaint(capsys, *arguments)
    assert list(folder.iterdir()) == []


def test_a_field_of_swept_options_is_laid_over_them_like_a_grid(folder: Path, capsys: Capture) -> None:
    swept = ["-m", "measure=column,digeco", "measure.column=gdp", "measure.terms=[ln_gdp]", "outcome.controls=[]"]
    assert main(["plan", *swept]) == 0
    on_the_command_line = capsys.readouterr().out.partition("┏")[2]
    (folder / "experiments").mkdir()
    (folder / "experiments" / "same.yaml").write_text(
        "defaults: [config, _self_]\n"
        "grid: {measure: [column, digeco], measure.column: [gdp], measure.terms: [[ln_gdp]]}\n",
        encoding="utf-8",
    )
    assert main(["plan", "same", "outcome.controls=[]"]) == 0
    assert capsys.readouterr().out.partition("┏")[2] == on_the_command_line
    assert "2 choices: 1 fit" in on_the_command_line


# ---- the user's own module


def own_class(folder: Path, code: str) -> None:
    (folder / "mine.py").write_text(code, encoding="utf-8")
    (folder / "conf" / "model").mkdir(parents=True)
    (folder / "conf" / "model" / "mine.yaml").write_text(
        "# mine\n_target_: mine.Mine\ny: ${outcome.term}\nx: ${measure.terms}\ncontrols: []\n", encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class Mine(:\n", "conf/model/mine.yaml: model._target_: the module 'mine' cannot be imported (SyntaxError"),
        (
            "1 / 0\n\n\nclass Mine:\n    pass\n",
            "the module 'mine' cannot be imported (ZeroDivisionError: division by zero)",
        ),
        (
            "import nowhere\n\n\nclass Mine:\n    pass\n",
            "the module 'mine' cannot be imported (No module named 'nowhere')",
        ),
        ("class Mien:\n    pass\n", "'mine' has no class 'Mine'. Did you mean 'Mien'?"),
        ("class Mine:\n    pass\n", "mine.Mine is not a digicarbon Model"),
    ],
)
def test_a_broken_module_is_a_sentence(folder: Path, capsys: Capture, code: str, said: str) -> None:
    own_class(folder, code)
    assert said in complaint(capsys, "check", "model=mine")


def test_the_unforeseen_is_one_sentence(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    own_class(
        folder,
        "from digicarbon.model import Model\n\nclass Mine(Model):\n"
        "    def check(self, panel, weights=None):\n        raise RuntimeError('two\\nlines')\n",
    )
    said = complaint(capsys, "check", "model=mine", status=70)
    assert said == ("digicarbon: unexpected error RuntimeError: two lines; set DIGICARBON_TRACEBACK=1 and report it")
    monkeypatch.setenv("DIGICARBON_TRACEBACK", "1")
    assert main(["check", "model=mine"]) == 70
    shown = capsys.readouterr().err
    assert "Traceback (most recent call last)" in shown
    assert "mine.py" in shown


def test_interruption(folder: Path, capsys: Capture) -> None:
    own_class(
        folder,
        "from digicarbon.model import Model\n\nclass Mine(Model):\n"
        "    def check(self, panel, weights=None):\n        raise KeyboardInterrupt\n",
    )
    assert "Interrupted; the runs written so far are kept." in complaint(capsys, "check", "model=mine", status=130)


@pytest.mark.long
def test_a_field_that_only_the_class_has_is_set(folder: Path, capsys: Capture) -> None:
    (folder / "conf" / "model").mkdir(parents=True)
    (folder / "conf" / "model" / "mine.yaml").write_text(
        "# mine\n_target_: digicarbon.model.PanelRegression\ny: ln_ci\nx: [ln_e]\n", encoding="utf-8"
    )
    for words in (["model=mine", "model.level=0.9"], ["-m", "model=twfe,mine", "model.level=0.9"]):
        assert main(["check", *words]) == 0
    # a value that the class refuses shows that the field arrives
    assert "level" in complaint(capsys, "check", "model=mine", "model.level=9")
    assert main(["plan", "model=mine", "model.level=0.9,0.95", "report.language=en"]) == 0
    assert "model.level=0.95" in capsys.readouterr().out
    assert "Did you mean 'model.level'?" in complaint(capsys, "check", "model=mine", "model.levl=0.9")


def test_a_key_that_another_option_has_is_not_offered_again(folder: Path, capsys: Capture) -> None:
    said = complaint(capsys, "check", "-m", "model=twfe,none", "model.level=0.9")
    assert "there is no key 'model.level' in the file of the option of model that is chosen here" in said
    assert "Did you mean" not in said


def test_standard_errors_that_a_model_has_not_blame_the_choice_and_no_file(folder: Path, capsys: Capture) -> None:
    (folder / "experiments").mkdir()
    text = "defaults: [config, override model: sdm, _self_]\ncolumns: {A: {inference: conley}}\n"
    (folder / "experiments" / "mine.yaml").write_text(text, encoding="utf-8")
    for words, place in ((["model=sdm", "inference=conley"], "command line"), (["mine"], "experiments/mine.yaml")):
        said = complaint(capsys, "check", *words)
        assert place in said
        assert "inference=conley does not go with model=sdm: its inference.cov must be one of 'classic'" in said
        assert said.endswith("Choose another option of inference for this model, or another model.")


def test_an_sqlite_address_takes_no_password(folder: Path, capsys: Capture) -> None:
    for verb in ("run", "check", "plan"):
        said = complaint(capsys, verb, "tracking.uri='sqlite:///my.db?password=hunter22'")
        assert "tracking.uri: must end with the name of the file" in said
        assert "hunter22" not in said
    assert list(folder.iterdir()) == []


# ---- the user's own data


def own_data(folder: Path) -> pd.DataFrame:
    """Six regions over four years, and their weights, as a new user would bring them."""
    units = [f"region {letter}" for letter in "abcdef"]
    rng = np.random.default_rng(1)
    frame = pd.DataFrame([(unit, year) for unit in units for year in range(2001, 2005)], columns=["region", "year"])
    for name in ("ci", "de", "gdp"):
        frame[name] = rng.uniform(1, 2, len(frame))
    ring = np.roll(np.eye(6), 1, axis=1) + np.roll(np.eye(6), -1, axis=1)
    pd.DataFrame(ring, index=units, columns=units).to_csv(folder / "w.csv")
    return frame


OWN = (
    "source=table", "source.path=panel.csv", "source.unit=region", "source.time=year", "measure=none", "outcome=none",
    "model.y=ln_ci", "model.x=[ln_de]", "model.controls=[ln_gdp]", "weights=matrix", "weights.path=w.csv",
)  # fmt: skip


def test_own_data_run(project: Path, capsys: Capture) -> None:
    own_data(project).sample(frac=1, random_state=3).to_csv(project / "panel.csv", index=False)
    assert main(["run", *OWN, "executor=sequential", "model=twfe,sar", "model.effects=unit"]) == 0
    shown = capsys.readouterr().out
    assert "2 of 2 runs recorded" in shown
    assert "ln_de" in shown
    assert "SIMULATED" not in shown


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda frame: frame.iloc[[*range(24), 3]], ["region a", "2004"]),
        (lambda frame: frame.drop(index=5), ["region b", "2002"]),
        (lambda frame: frame.assign(de=frame["de"].astype(object).where(frame.index != 7, "n/a?")), ["n/a?", "de"]),
        (lambda frame: frame.assign(de=frame["de"].where(frame.index != 9, 0.0)), ["ln_de does not exist", "region c"]),
        (lambda frame: frame.assign(de=frame["de"].where(frame.index != 9)), ["de", "region c", "2002"]),
        (lambda frame: frame.rename(columns={"region": "regoin"}), ["regoin"]),
        (lambda frame: frame.rename(columns={"de": "dee"}), ["'de'", "Did you mean 'dee'?"]),
    ],
    ids=["duplicate row", "missing row", "text", "zero in a log", "missing value", "unit column", "term"],
)
def test_bad_data_is_a_sentence(folder: Path, capsys: Capture, spoil: object, said: list[str]) -> None:
    assert callable(spoil)
    spoil(own_data(folder)).to_csv(folder / "panel.csv", index=False)
    sentence = complaint(capsys, "check", *OWN)
    for word in said:
        assert word in sentence
    assert not (folder / "mlruns").exists()


def test_groups_that_the_data_lack_are_told_by_their_key(folder: Path, capsys: Capture) -> None:
    own_data(folder).rename(columns={"region": "unit"}).to_csv(folder / "panel.csv", index=False)
    words = [word for word in OWN if not word.startswith(("weights", "source.unit"))]
    said = complaint(capsys, "check", *words, "source.unit=unit", "model=twfe", "diagnostic=group_comparison")
    assert "diagnostic.by: panel.csv: C(region): The panel has no column 'region'." in said


def test_missing_files_are_sentences(folder: Path, capsys: Capture) -> None:
    assert "panel.csv" in complaint(capsys, "check", *OWN)
    own_data(folder).to_csv(folder / "panel.csv", index=False)
    (folder / "w.csv").unlink()
    assert "w.csv" in complaint(capsys, "check", *OWN, "model=sar")


def test_a_wrong_label_in_the_weights_is_a_sentence(folder: Path, capsys: Capture) -> None:
    own_data(folder).to_csv(folder / "panel.csv", index=False)
    weights = pd.read_csv(folder / "w.csv", index_col=0)
    weights.rename(index={"region c": "region x"}, columns={"region c": "region x"}).to_csv(folder / "w.csv")
    # a test may use it where the model does not
    for model in ("sar", "twfe"):
        sentence = complaint(capsys, "check", *OWN, f"model={model}")
        assert "region c" in sentence or "region x" in sentence
        assert "w.csv" in sentence or "weights" in sentence


@pytest.mark.long
def test_two_commands_may_start_in_one_empty_folder(project: Path) -> None:
    command = [sys.executable, "-m", "digicarbon", "run", "executor=sequential"]
    started = [
        subprocess.Popen(
            [*command, f"measure={name}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        )
        for name in ("ddl", "bea")
    ]
    for one in started:
        out, err = one.communicate(timeout=120)
        assert one.returncode == 0, err
        assert "1 of 1 runs recorded" in out


def test_no_workers_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "executor.n_jobs=0"]) == 2
    assert "executor.n_jobs: 0 workers can do nothing" in capsys.readouterr().err


@pytest.mark.parametrize("diagnostic", ["descriptive", "correlation"])
def test_own_data_are_described_without_a_name_of_a_column(folder: Path, capsys: Capture, diagnostic: str) -> None:
    frame = pd.DataFrame([(u, t, "word") for u in "abcd" for t in (2001, 2002, 2003)], columns=["city", "year", "kind"])
    frame["sales"] = np.arange(12.0) ** 2
    frame["staff"] = np.arange(12.0)[::-1]
    frame.to_csv(folder / "mine.csv", index=False)
    words = ["source=table", "source.path=mine.csv", "source.unit=city", "source.time=year", "measure=none"]
    words += ["outcome=none", "model=none", f"diagnostic={diagnostic}", f"report={diagnostic}"]
    assert main(["run", *words, "executor=sequential"]) == 0
    shown = capsys.readouterr().out
    assert "sales" in shown
    assert "staff" in shown
    assert "kind" not in shown


def test_all_subsets_of_a_list_are_an_axis(folder: Path, capsys: Capture) -> None:
    assert main(["plan", "outcome.controls={subsets: [ln_pgdp], always: [ln_ter_sec]}"]) == 2
    assert (
        "outcome.controls must be a list; all subsets of one are an axis: write outcome.controls: "
        "{'subsets': ['ln_pgdp'], 'always': ['ln_ter_sec']} under grid:." in capsys.readouterr().err
    )
    (folder / "experiments").mkdir()
    text = "defaults: [config, _self_]\ngrid: {outcome.controls: {subsets: [ln_pgdp], always: [ln_ter_sec]}}\n"
    (folder / "experiments" / "mine.yaml").write_text(text, encoding="utf-8")
    assert main(["plan", "mine"]) == 0
    assert "2 choices: 2 fits." in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["plan", "check", "run"])
def test_a_misspelt_effect_is_a_sentence_before_any_fit(
    verb: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, "report=signs", "report.quantity=totl"]) == 2
    said = capsys.readouterr().err
    assert "report.quantity: no model has a number 'totl'. Did you mean 'total'? There are: coefficient, " in said
    assert "ready" not in said
    assert not list(Path().glob("mlruns/**/results*"))


def test_a_label_that_is_almost_a_name_is_remarked(project: Path, capsys: Capture) -> None:
    words = "+report.labels={ln_pgpd: Income, model.efects: Effects, spelt otherwise: Other}"
    assert main(["plan", "table3_baseline", "model.effects=unit", words]) == 0
    shown = capsys.readouterr().err
    assert "report.labels: nothing in these runs is called 'ln_pgpd'. Did you mean 'ln_pgdp'?" in shown
    assert "otherwise" not in shown
