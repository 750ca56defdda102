"""Hydra's own settings and flags: they work, or a sentence says what to write instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

from digicarbon.__main__ import main
from digicarbon.cli.habits import translated
from digicarbon.config.compose import Composer, loader
from digicarbon.config.flat import LAUNCHERS
from digicarbon.sweep.sweep import settings

Capture = pytest.CaptureFixture[str]
CONFIG = "defaults: [config, _self_]\n"
MINE, BASE = "experiments/mine.yaml", "experiments/base.yaml"


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            f"{CONFIG}hydra:\n  sweeper:\n    params:\n      model: twfe,fe\n      inference: classic,cluster\n",
            "hydra.sweeper.params: Hydra's own sweep is not read here. Write `grid: {model: [twfe, fe], inference: "
            "[classic, cluster]}` in its place.",
        ),
        (
            f"{CONFIG}hydra: {{sweeper: {{params: {{model.level: 'range(1,4)', model: [fe, twfe]}}}}}}\n",
            "Write `grid: {model.level: 'range(1,4)', model: [fe, twfe]}` in its place.",
        ),
        (f"{CONFIG}hydra: {{sweeper: {{n_trials: 3}}}}\n", "hydra.sweeper.n_trials: digicarbon expands and runs"),
        (f"{CONFIG}hydra: {{sweep: {{dir: out}}}}\n", "hydra.sweep.dir: digicarbon expands and runs every sweep"),
        (f"{CONFIG}hydra: {{run: {{dir: out}}}}\n", "tracking.uri sets where results go"),
        (f"{CONFIG}hydra: {{launcher: {{n_jobs: 2}}}}\n", "hydra.launcher.n_jobs: digicarbon expands"),
        (f"{CONFIG}hydra: {{job: {{chdir: true}}}}\n", "hydra.job.chdir: digicarbon expands"),
        (f"{CONFIG}hydra: {{callbacks: {{mine: {{_target_: x.Y}}}}}}\n", "hydra.callbacks.mine._target_: digicarbon"),
        (f"{CONFIG}hydra: {{mode: RUN}}\n", "hydra.mode: digicarbon expands"),
        (f"{CONFIG}hydra: null\n", "hydra: digicarbon expands"),
        (
            "defaults: [config, override hydra/launcher: submitit_local, _self_]\n",
            "defaults, hydra/launcher: submitit_local: There is no executor of this kind.",
        ),
        (
            "defaults: [config, override /hydra/sweeper: optuna, _self_]\n",
            "defaults, hydra/sweeper: optuna: digicarbon",
        ),
    ],
)
def test_a_setting_in_an_experiment(folder: Path, capsys: Capture, body: str, said: str) -> None:
    write(MINE, body)
    write("experiments/heir.yaml", "defaults: [mine, _self_]\n")
    for words in (["mine"], ["heir"], ["mine", "model=fe"], ["mine", "--cfg", "job"]):
        assert main(["plan", *words]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"digicarbon: {MINE}, ")
        assert said in told


def test_the_grid_that_is_offered_runs(folder: Path, capsys: Capture) -> None:
    write(MINE, f"{CONFIG}grid: {{model: [twfe, fe], inference: [classic, cluster]}}\n")
    assert main(["check", "mine"]) == 0
    assert "mine: 4 runs are ready." in capsys.readouterr().out


def test_an_option_that_writes_everywhere_may_not_set_hydra(folder: Path, capsys: Capture) -> None:
    write("conf/sample/mine.yaml", "# @package _global_\nhydra: {run: {dir: out}}\nsample: {first: 2013}\n")
    assert main(["check", "sample=mine"]) == 2
    assert "conf/sample/mine.yaml, hydra.run.dir: digicarbon expands" in capsys.readouterr().err


def test_what_the_default_sentence_sets_may_be_repeated(folder: Path) -> None:
    write(MINE, f"{CONFIG}hydra: {{mode: MULTIRUN, run: {{dir: .}}, output_subdir: null}}\n")
    assert main(["check", "mine"]) == 0


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "hydra.sweeper.params.model=twfe,fe",
            "Hydra's own sweep is not read here. Write 'model=twfe,fe' in its place.",
        ),
        ("+hydra.sweeper.params.model=twfe,fe", "Write 'model=twfe,fe' in its place."),
        ("hydra/launcher=submitit_local", "Launchers that have one: basic, joblib, submitit_slurm, ray, dask."),
        ("hydra.launcher.n_jobs=2", "executor=threading"),
        ("hydra.callbacks=null", "would do nothing; leave it out"),
        ("hydra.job.chdir=true", "would do nothing; leave it out"),
        ("hydra.output_subdir=x", "would do nothing; leave it out"),
        ("hydra=3", "would do nothing; leave it out"),
    ],
)
def test_a_setting_on_the_command_line(folder: Path, capsys: Capture, word: str, said: str) -> None:
    assert main(["check", word]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"digicarbon: command line, {word}: ")
    assert said in told


def test_a_launcher_is_an_executor(folder: Path, capsys: Capture) -> None:
    assert main(["check", "table3_baseline", "hydra/launcher=basic"]) == 0
    assert "hydra/launcher=basic: runs are fitted with our executor of this kind, executor=sequential." in (
        capsys.readouterr().err
    )
    assert main(["check", "hydra/launcher=joblib", "executor=dask"]) == 2
    assert "both choose where runs are fitted" in capsys.readouterr().err


@pytest.mark.parametrize(
    "body",
    [
        "defaults: [table3_baseline, override hydra/launcher: joblib, _self_]\n",
        "defaults: [table3_baseline, override /hydra/launcher: joblib, _self_]\n",
    ],
)
def test_a_launcher_in_a_file_is_an_executor(folder: Path, capsys: Capture, body: str) -> None:
    write(MINE, body)
    assert settings(Composer(loader(), "mine")).executor.backend == "loky"
    assert main(["check", "mine"]) == 0
    capsys.readouterr()
    write(MINE, body.replace(", _self_", ", override executor: dask, _self_"))
    assert main(["check", "mine"]) == 2
    assert "both choose where runs are fitted" in capsys.readouterr().err


def test_plan_and_check_say_that_they_write_no_configurations(folder: Path, capsys: Capture) -> None:
    for verb in ("plan", "check"):
        assert main([verb, "table3_baseline", "hydra.sweep.dir=out"]) == 0
        assert f"`digicarbon {verb}` writes nothing into out" in capsys.readouterr().err
        assert not Path("out").exists()


def test_the_executor_of_a_launcher_is_used(folder: Path) -> None:
    words, _ = translated(["model=fe", "+hydra/launcher=joblib"])
    assert settings(Composer(loader(), "table3_baseline", words)).executor.backend == "loky"
    shipped = {path.stem for path in (REPOSITORY / "conf" / "executor").glob("*.yaml")}
    assert set(LAUNCHERS.values()) <= shipped


def test_configurations_of_runs_as_hydra_writes_them(project: Path, capsys: Capture) -> None:
    write(MINE, f"{CONFIG}grid: {{model: [fe, twfe]}}\n")
    words = ["run", "mine", "model.controls=[ln_pgdp]", "executor=sequential", "hydra.sweep.dir=out/mine"]
    assert main(words) == 0
    assert "The configuration of each run is in out/mine." in capsys.readouterr().out
    places = [project / "out" / "mine" / str(number) / ".hydra" for number in (0, 1)]
    configs, overrides = (
        [yaml.safe_load((place / f"{name}.yaml").read_text(encoding="utf-8")) for place in places]
        for name in ("config", "overrides")
    )
    assert [one["model"]["effects"] for one in configs] == ["unit", "two_way"]
    assert configs[0]["model"]["controls"] == ["ln_pgdp"]
    assert overrides[1] == ["model.controls=[ln_pgdp]", "executor=sequential", "model=twfe"]
    # what is there is written anew, and files of others are kept
    assert main(words) == 0
    (project / "out" / "mine" / "notes.txt").write_text("mine\n", encoding="utf-8")
    assert main(words) == 2
    assert "hydra.sweep.dir" in capsys.readouterr().err
    assert main(["run", "mine", "hydra.sweep.dir=${now:%H}"]) == 2
    assert "write the name of a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-m model=twfe,fe --cfg job", "-m and --cfg go against each other"),
        ("--multirun --info all", "-m and --info go against each other"),
        ("--run -m model=fe,twfe", "--run and -m go against each other"),
        ("--cfg job --info all", "--cfg and --info go against each other"),
        ("model=twfe,fe --cfg job", "'model=twfe,fe' is a sweep, and --cfg and --info show one configuration"),
        ("model=glob(t*) -c job", "'model=glob(t*)' is a sweep"),
        ("--experimental-rerun x.pickle", "`digicarbon rerun RUN` fits a recorded run again"),
        ("--config-name mine", "write digicarbon plan mine"),
        ("--config-path x", "write --config-dir x"),
        ("--config-dir nowhere", "there is no folder nowhere"),
        ("--resolve", "--resolve belongs to --cfg; write digicarbon plan --cfg job --resolve"),
        ("--package model", "--package belongs to --cfg; write digicarbon plan --cfg job --package model"),
        ("--cfg job --package modell", "--package modell: the configuration has no such part, or it is empty. Did you"),
        ("--cfg job -p hydra.run", "--package hydra.run: the configuration has no such part"),
        ("--cfg jobs", "invalid choice: 'jobs'"),
        ("--cfg", "expected one argument"),
        ("--info nonsense", "invalid choice: 'nonsense'"),
        ("--shell-completion wrong", "takes install or uninstall with a shell, bash, fish or zsh"),
        ("-sc install=nushell", "takes install or uninstall with a shell"),
        ("-sc query=bash", "A shell asks with query itself"),
        ("-sc", "takes install or uninstall with a shell"),
        ("--nonsense", "has no flag --nonsense"),
    ],
)
def test_a_flag_that_cannot_be(folder: Path, capsys: Capture, words: str, said: str) -> None:
    assert main(["plan", *words.split(" ")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("digicarbon: command line")
    assert said in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--cfg job", "digicarbon.model.PanelRegression"),
        ("--cfg hydra", "hydra_plugins.digicarbon.DigicarbonSweeper"),
        ("--cfg all", "hydra:"),
        ("--cfg job --resolve --package model.y", "ln_ci"),
        ("--cfg hydra --package hydra.mode", "MULTIRUN"),
        ("--run", "config: 1 run"),
        ("-m model=fe,twfe", "config: 2 runs"),
        ("--shell-completion install=bash", "hydra_bash_completion"),
        ("-sc uninstall=zsh", "hydra_bash_completion"),
        ("~model.controls", "config: 1 run"),
    ],
)
def test_a_flag_that_works(folder: Path, capsys: Capture, words: str, said: str) -> None:
    assert main(["plan", *words.split(" ")]) == 0
    assert said in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--info defaults-tree", "hydra/sweeper: digicarbon"),
        ("--info defaults", "hydra/sweeper/digicarbon"),
        ("--info searchpath", "digicarbon://"),
        ("--info", "Installed Hydra Plugins"),
    ],
)
def test_information_on_hydra(folder: Path, words: str, said: str) -> None:
    # in a process of its own: Hydra leaves its log open at the lowest level
    line = [sys.executable, "-m", "digicarbon", "plan", *words.split(" ")]
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=True)
    assert said in done.stdout


def test_every_flag_of_hydra_is_tried() -> None:
    from hydra._internal.utils import get_args_parser

    marks = [mark for test in (test_a_flag_that_cannot_be, test_a_flag_that_works) for mark in test.pytestmark]
    words = {word for mark in marks for line, _ in mark.args[1] for word in line.split(" ")}
    elsewhere = {"--help", "--hydra-help", "--version"}  # they end the process, see test_command_line.py
    for action in get_args_parser()._actions:
        assert not action.option_strings or set(action.option_strings) & (words | elsewhere), action.option_strings
