"""`digicarbon export`: what the folder holds, that R finds the same numbers, and what is refused."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE, copied, lasting, skip
from mlflow import MlflowClient
from omegaconf import OmegaConf

from digicarbon.__main__ import main
from digicarbon.numeric.linear.covariance import small_sample_factor
from digicarbon.script.small import Small

pytestmark = pytest.mark.long

Capture = pytest.CaptureFixture[str]
STATES = {
    "y": "ln gsp",
    "x": ["ln pcap"],
    "controls": ["ln pc", "就业", "a name of more than thirty-two characters"],
}
WEIGHTS = {"path": str(REFERENCE / "usaww_edges.csv"), "origin": "state", "weight": "weight", "symmetric": False}


def experiment(
    name: str, weights: bool = False, unit: str = "state", path: str = "data.csv", **content: object
) -> None:
    """Write an experiment on a file of one's own."""
    chosen = {"measure": "none", "outcome": "none", "source": "table", "executor": "sequential"}
    chosen |= {"weights": "edges"} if weights else {}
    defaults = ["config", *({f"override {group}": option} for group, option in chosen.items()), "_self_"]
    own = {"source": {"path": path, "unit": unit, "time": "year"}, **({"weights": WEIGHTS} if weights else {})}
    Path("experiments").mkdir(exist_ok=True)
    text = OmegaConf.to_yaml(OmegaConf.create({"defaults": defaults, "title": "Own data", **own, **content}))
    Path(f"experiments/{name}.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def states(project: Path) -> Path:
    """A user's file on 48 states with names as people have them."""
    frame = pd.read_csv(REFERENCE / "produc.csv")
    logs = {"gsp": "ln gsp", "pcap": "ln pcap", "pc": "ln pc", "emp": "就业"}
    columns = {new: np.log(frame[old]) for old, new in logs.items()}
    columns["大小"] = frame["emp"]
    columns["a name of more than thirty-two characters"] = frame["unemp"]
    table = frame[["state", "year"]].assign(**columns)
    table.to_csv("data.csv", index=False)
    table.sample(frac=0.85, random_state=1).to_csv("holes.csv", index=False)
    return project


@pytest.fixture
def firms(project: Path) -> Path:
    shutil.copy(REFERENCE / "empluk.csv", "data.csv")
    return project


def exported(name: str, capsys: Capture) -> str:
    """Run an experiment, export it to ``out`` and return what was said."""
    # R checks what does not depend on draws
    few = ["inference.draws=99"] if name.endswith("_weights") else []
    assert main(["run", name, *few, "executor=sequential"]) == 0
    capsys.readouterr()
    assert main(["export", name, "--to", "out"]) == 0
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def table_3_once(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A project in which Table 3 was run and exported to ``out``, which tests copy."""
    with lasting(empty_store, tmp_path_factory.mktemp("table_3")) as place:
        assert main(["run", "table3_baseline", "executor=sequential"]) == 0
        assert main(["export", "table3_baseline", "--to", "out"]) == 0
    return place


@pytest.fixture
def table_3(folder: Path, table_3_once: Path) -> Path:
    copied(table_3_once, folder)
    return folder


@cache
def has_r() -> bool:
    if shutil.which("Rscript") is None:
        return False
    asked = "for (p in c('plm', 'lmtest', 'sandwich')) stopifnot(requireNamespace(p, quietly = TRUE))"
    return subprocess.run(["Rscript", "-e", asked], capture_output=True).returncode == 0


def r(script: Path, status: int = 0) -> str:
    """Run a script in its folder and return what it printed."""
    if not has_r():
        skip("R with plm is not here (Debian: apt-get install r-cran-plm r-cran-lmtest r-cran-sandwich)")
    done = subprocess.run(["Rscript", script.name], cwd=script.parent, capture_output=True, text=True)
    assert done.returncode == status, done.stdout[-3000:] + done.stderr
    return done.stdout


def compared(said: str) -> int:
    """How many numbers a script compared."""
    return sum(int(number) for number in re.findall(r"^(\d+) numbers compared, 0 differ", said, re.MULTILINE))


def test_the_folder_holds_what_the_readme_says(project: Path, capsys: Capture) -> None:
    said = exported("table3_baseline", capsys)
    assert "7 runs of table3_baseline exported to out: 1 data set" in said
    readme = Path("out/README.txt").read_text(encoding="utf-8")
    assert "SIMULATED" in readme
    assert "FE(7)" in readme
    # the filter of the wild bootstrap, which the scripts do not compute
    assert "p filtered by W_W1" in readme
    assert "wild bootstrap are in expected.csv" in " ".join(readme.split())
    found = {path.relative_to("out").as_posix() for path in Path("out").rglob("*") if path.is_file()}
    assert found == {
        *("README.txt", "check.R", "check.do", "expected.csv", "experiment.yaml", "data.json"),
        *("environment.txt", "manifest.json", "requirements.txt", "data/set_1.csv", "data/set_1.dta"),
        *(f"config/00{number}.yaml" for number in range(1, 8)),
        *("weights/W_W1.csv", "weights/W_W1_long.csv"),
    }
    assert re.search(r"^numpy==\d", Path("out/requirements.txt").read_text(), re.MULTILINE)


def test_expected_numbers_are_those_of_mlflow(table_3: Path) -> None:
    table = pd.read_csv("out/expected.csv")
    client = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    for row in table.to_dict("records"):
        recorded = client.get_run(row["run_id"]).data.metrics
        assert row["coef"] == recorded[f"coef.{row['term']}"]
        assert row["se"] == recorded[f"se.{row['term']}"]
    assert len(table) == 27


def test_csv_and_stata_file_hold_the_same_numbers(states: Path, capsys: Capture) -> None:
    experiment("own", model=STATES)
    exported("own", capsys)
    csv = pd.read_csv("out/data/set_1.csv")
    dta = pd.read_stata("out/data/set_1.dta")
    assert list(csv) == list(dta)
    assert (csv["unit"] == dta["unit"]).all()
    numbers = [name for name in csv if name != "unit"]
    assert np.array_equal(csv[numbers].to_numpy(), dta[numbers].to_numpy())
    original = pd.read_csv("data.csv").sort_values(["state", "year"])
    assert np.array_equal(csv["v1"], original["就业"])
    with pd.read_stata("out/data/set_1.dta", iterator=True) as reader:
        assert reader.variable_labels()["v1"] == "就业"


def test_bad_names_are_explained(states: Path, capsys: Capture) -> None:
    experiment("own", model=STATES)
    exported("own", capsys)
    readme = Path("out/README.txt").read_text(encoding="utf-8")
    assert re.search(r"^  v1 +就业$", readme, re.MULTILINE)
    assert re.search(
        r"^  a_name_of_more_than_thirty_t? +a name of more than thirty-two characters$", readme, re.MULTILINE
    )


def test_one_run_can_be_exported_alone(table_3: Path, capsys: Capture) -> None:
    assert main(["export", "FE(2)", "table3_baseline", "--to=alone"]) == 0
    assert "1 run of table3_baseline exported to alone" in capsys.readouterr().out
    assert set(pd.read_csv("alone/expected.csv")["label"]) == {"FE(2)"}


@pytest.mark.parametrize("shared", ["", "everybody"])
def test_an_experiment_is_found_in_its_own_store(shared: str, project: Path, capsys: Capture) -> None:
    Path("experiments").mkdir()
    for name, model in (("mine", "fe"), ("other", "pooled")):
        Path(f"experiments/{name}.yaml").write_text(
            f"# {name}\ndefaults: [config, override model: {model}, _self_]\n"
            "tracking:\n  uri: sqlite:///own/mlflow.db\n  artifacts: own/artifacts\n"
            f"  experiment: '{shared}'\ncolumns: {{A: {{}}, B: {{model.controls: []}}}}\n",
            encoding="utf-8",
        )
        assert main(["run", name, "executor=sequential"]) == 0
    capsys.readouterr()
    assert main(["export", "mine", "--to", "all"]) == 0
    assert f"2 runs of {shared or 'mine'} exported to all" in capsys.readouterr().out
    assert main(["export", "A", "mine", "--to", "one"]) == 0
    assert "1 run of" in capsys.readouterr().out
    assert main(["rerun", "B", "mine"]) == 0
    assert "Run " in capsys.readouterr().out
    assert main(["data", "show", "A", "mine"]) == 0
    assert ": A" in capsys.readouterr().out
    # a label longer than a file's name can be is looked for, too
    assert main(["rerun", "x" * 300, "tracking.uri=sqlite:///own/mlflow.db"]) == 2
    assert "Nothing that is recorded is called" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["table3_baseline"], "Name a run or an experiment, and the new folder after --to"),
        (["table3_baseline", "--to"], "Name a run or an experiment, and the new folder after --to"),
        (["--to", "out"], "Name a run or an experiment, and the new folder after --to"),
        (["nothing", "--to", "out"], "The store has no sweep there yet"),
        (["x", "--to", "full"], "--to full exists and is not empty; name a new folder"),
        (["x", "--to", "full/file"], "--to full/file is a file; name a new folder."),
    ],
)
def test_refusals(words: list[str], sentence: str, project: Path, capsys: Capture) -> None:
    Path("full").mkdir()
    Path("full/file").write_text("mine")
    assert main(["export", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said
    assert not Path("out").exists()
    assert Path("full/file").read_text() == "mine"


def test_changed_data_are_refused_and_nothing_is_written(states: Path, capsys: Capture) -> None:
    experiment("own", model=STATES)
    assert main(["run", "own"]) == 0
    table = pd.read_csv("data.csv")
    table.loc[3, "ln pc"] += 0.01
    table.to_csv("data.csv", index=False)
    capsys.readouterr()
    assert main(["export", "own", "--to", "out"]) == 2
    assert "no longer those that it was fitted to. Run the experiment again" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["data.csv", "experiments", "holes.csv", "mlruns"]


def test_an_empty_folder_is_filled(project: Path, capsys: Capture) -> None:
    Path("out").mkdir()
    exported("table3_baseline", capsys)
    assert Path("out/README.txt").is_file()


def test_a_model_of_ones_own_is_said_not_faked(states: Path, capsys: Capture) -> None:
    Path("mine.py").write_text(
        "from digicarbon.model import PanelRegression\n\n\nclass Mine(PanelRegression):\n    pass\n"
    )
    experiment("own", model={"_target_": "mine.Mine", **STATES})
    exported("own", capsys)
    assert "a model of the class Mine, which this tool does not have" in Path("out/check.R").read_text()
    assert "a model of the class Mine, which this tool does not have" in Path("out/check.do").read_text()
    assert 'recorded "`run\'"' not in Path("out/check.do").read_text()


HOOKS = {
    "r": "    def r(self, part):\n        raise KeyError('no such name')\n",
    "stata": "    def stata(self, part):\n        return 'reg y x'\n",
    "extract": "    def extract(self, panel, weights):\n        raise SystemExit(3)\n",
}


@pytest.mark.parametrize(
    ("hook", "cause"),
    [
        ("r", "KeyError: 'no such name'"),
        ("stata", "TypeError: it returned str, not a list of lines"),
        ("extract", "SystemExit: 3"),
    ],
)
def test_a_hook_that_fails_is_a_sentence(hook: str, cause: str, states: Path, capsys: Capture) -> None:
    Path("mine.py").write_text(
        f"from digicarbon.model import PanelRegression\n\n\nclass Mine(PanelRegression):\n{HOOKS[hook]}"
    )
    experiment("own", model={"_target_": "mine.Mine", **STATES})
    assert main(["run", "own"]) == 0
    capsys.readouterr()
    assert main(["export", "own", "--to", "out"]) == 2
    said = capsys.readouterr().err
    assert f"The class mine.Mine cannot be exported: its {hook}() failed for the run 'own': {cause}." in said
    assert "Traceback" not in said
    assert not Path("out").exists()


def test_a_part_names_further_packages_at_the_head(states: Path, capsys: Capture) -> None:
    Path("mine.py").write_text(
        "from digicarbon.model import PanelRegression\n\n\nclass Mine(PanelRegression):\n"
        "    def r(self, part):\n        part.packages.append('lfe')\n        return ['felm(y ~ x)']\n\n"
        "    def stata(self, part):\n        part.packages.append('mine (ssc install mine)')\n"
        "        return ['mine y x']\n"
    )
    experiment("own", model={"_target_": "mine.Mine", **STATES}, columns={"A": {}, "B": {"model.effects": "unit"}})
    exported("own", capsys)
    script = Path("out/check.R").read_text()
    assert "# It needs the packages plm, lmtest, sandwich and lfe, and uses fixest and splm" in script
    assert script.count("library(lfe)") == 1
    assert script.index("library(lfe)") < script.index("felm(")
    assert "* It needs mine (ssc install mine).\n" in Path("out/check.do").read_text()


def test_a_sweep_without_a_finished_run_is_passed_over(states: Path, capsys: Capture) -> None:
    own = "from digicarbon.model import PanelRegression\n\n\nclass Mine(PanelRegression):\n"
    Path("mine.py").write_text(f"{own}    pass\n")
    experiment("own", model={"_target_": "mine.Mine", **STATES})
    assert main(["run", "own"]) == 0
    failing = f"{own}    def fit(self, panel, weights=None):\n        raise ValueError('never')\n"
    Path("mine.py").write_text(failing)
    sys.modules.pop("mine")
    assert main(["run", "own"]) == 1
    Path("mine.py").write_text(f"{own}    pass\n")
    sys.modules.pop("mine")
    capsys.readouterr()
    assert main(["export", "own", "--to", "out"]) == 0
    assert capsys.readouterr().out.startswith("1 run of own exported to out")


def test_a_run_without_regression_has_nothing_to_export(project: Path, capsys: Capture) -> None:
    assert main(["run", "table2_descriptive", "executor=sequential"]) == 0
    capsys.readouterr()
    assert main(["export", "table2_descriptive", "--to", "out"]) == 2
    assert "has no run with estimates to export" in capsys.readouterr().err


def test_weights_stand_in_the_order_of_units(project: Path, capsys: Capture) -> None:
    exported("table7_spatial_w1", capsys)
    (matrix,) = (path for path in Path("out/weights").iterdir() if "long" not in path.name)
    square = pd.read_csv(matrix, index_col=0)
    data = pd.read_csv("out/data/set_1.csv")
    assert list(square.index) == list(square.columns) == list(data.drop_duplicates("unit_id")["unit"])
    pairs = pd.read_csv(matrix.with_name(f"{matrix.stem}_long.csv"))
    dense = np.zeros(square.shape)
    dense[pairs["unit_id"] - 1, pairs["neighbour_id"] - 1] = pairs["weight"]
    assert np.allclose(dense, square, rtol=0, atol=1e-16)
    assert np.allclose(square.sum(axis=1), 1)


@pytest.mark.parametrize("rule", ["stata", "none", "sss", "full", "g", "hc1", "hc3", "cr2", "cr3"])
def test_factors_in_scripts_are_those_of_the_covariance(rule: Any) -> None:
    small = Small(rule, nobs=180, k=6, absorbed=35, nested=29)
    wanted = small_sample_factor(rule, 30, 180, 6, 35, 29)
    assert eval(small.expression(30)) == pytest.approx(wanted, rel=1e-15)


# -- the do-file: Stata is not at hand, so its lines are read ---------------------------------------------------------


def commands(text: str) -> list[str]:
    """Lines that Stata executes."""
    return [line for line in text.splitlines() if line and not line.startswith("*")]


def assertions(text: str) -> dict[tuple[str, str], tuple[float, float]]:
    """Asserted coefficient and standard error by run and term."""
    found, run = {}, ""
    for line in text.splitlines():
        if match := re.fullmatch(r'local run "(.*)"', line):
            run = match[1]
        if match := re.fullmatch(r'recorded "`run\'" (\S+) (\S+) (\S+) (1e-\d)', line):
            found[run, match[1]] = float(match[2]), float(match[3]) if match[3] != "." else np.nan
    return found


def test_the_do_file_asserts_the_recorded_numbers(table_3: Path) -> None:
    text = Path("out/check.do").read_text(encoding="utf-8")
    found = assertions(text)
    table = pd.read_csv("out/expected.csv")
    assert len(found) == len(table)
    for row in table.to_dict("records"):
        assert found[f"{row['run']}: {row['label']}", row["name"]] == (row["coef"], row["se"])
    fits = [line for line in commands(text) if line.startswith("reghdfe")]
    assert len(fits) == 7
    assert fits[0] == "reghdfe ln_ci ln_sector1, absorb(unit_id time_id) keepsingletons vce(cluster unit_id)"
    assert text.count("{") == text.count("}")
    assert max(map(len, text.splitlines())) < 10_000
    assert "assert $differ == 0" in text


@pytest.mark.parametrize(
    ("model", "inference", "wanted", "errors"),
    [
        ("fe", "cluster", "xtreg {}, fe vce(cluster unit_id)", True),
        ("fe", "classic", "xtreg {}, fe", True),
        ("fe", "robust", "reghdfe {}, absorb(unit_id) keepsingletons vce(robust)", True),
        (
            "twfe",
            "cluster_both",
            "reghdfe {}, absorb(unit_id time_id) keepsingletons vce(cluster unit_id time_id)",
            True,
        ),
        ("pooled", "robust", "regress {}, vce(robust)", True),
        ("random", "classic", "xtreg {}, re", True),
        ("twfe", "driscoll_kraay", "xi: xtscc {} i.unit_id i.time_id, lag(2)", False),
        ("fe", "newey_west", "newey {} i.unit_id, lag(2) force", False),
        ("fe", "panel_corrected", "xtpcse {} i.unit_id", False),
        ("fe size", "cluster", "reghdfe {} [aweight=v2], absorb(unit_id) keepsingletons vce(cluster unit_id)", True),
        ("pooled size", "robust", "regress {} [aweight=v2], vce(robust)", True),
        ("lsdv size", "classic", "regress {} ibn.unit_id [aweight=v2], noconstant", True),
        ("fe size", "driscoll_kraay", "xi: xtscc {} i.unit_id [aweight=v2], lag(2)", False),
    ],
)
def test_commands_of_panel_regressions(
    model: str, inference: str, wanted: str, errors: bool, states: Path, capsys: Capture
) -> None:
    option, _, weights = model.partition(" ")
    weighted = {"model.observation_weights": "大小"} if weights else {}
    experiment("own", columns={"A": {"model": option, "inference": inference, **weighted}}, model=STATES)
    exported("own", capsys)
    text = Path("out/check.do").read_text(encoding="utf-8")
    assert wanted.format("ln_gsp ln_pcap ln_pc v1 a_name_of_more_than_thirty_t") in commands(text)
    found = assertions(text)
    assert len(found) >= 4
    assert all(np.isfinite(se) == errors for _, se in found.values())


def test_commands_of_spatial_panels(states: Path, capsys: Capture) -> None:
    choices = {
        "A": {"model": "sdm", "model.effects": "unit", "model.durbin": "x"},
        "B": {"model": "sem", "model.effects": "two_way"},
        "C": {"model": "sar", "model.effects": "two_way", "model.bias_correction": "none", "model.demeaning": "first"},
        "D": {"model": "slx", "model.effects": "unit"},
    }
    # commands and their numbers are of estimates: no draws of C, whose likelihood is fitted to them one by one
    experiment("own", columns=choices, model=STATES, weights=True, inference={"test": "errors"})
    exported("own", capsys)
    text = Path("out/check.do").read_text(encoding="utf-8")
    fits = [line for line in commands(text) if line.startswith(("xsmle", "reghdfe"))]
    assert [line.partition(", ")[2].replace("W_usaww_edges", "W") for line in fits] == [
        "wmat(W) model(sdm) durbin(ln_pcap) fe type(ind, leeyu) noeffects nolog",
        "emat(W) model(sem) fe type(both) noeffects nolog",
        "wmat(W) model(sar) fe type(both) noeffects nolog",
        "absorb(unit_id) keepsingletons",
    ]
    by_run = {run for run, _ in assertions(text)}
    # the likelihood of two-way effects with raw lags is not xsmle's
    assert by_run == {"1: A", "3: C", "4: D"}
    assert "Spatial:rho" in {term for run, term in assertions(text) if run == "1: A"}


def test_commands_of_gmm(firms: Path, capsys: Capture) -> None:
    experiment("own", unit="firm", **GMM)
    exported("own", capsys)
    fits = [line for line in commands(Path("out/check.do").read_text()) if line.startswith("xtabond2")]
    head = "xtabond2 ln_emp L.ln_emp L2.ln_emp ln_wage L.ln_wage ln_capital"
    assert fits[0] == (
        f"{head}, gmm(ln_emp, lag(2 .)) iv(ln_wage L.ln_wage ln_capital) noleveleq twostep robust nodiffsargan"
    )
    assert fits[1] == (
        f"{head} period_*, gmm(ln_emp, lag(2 .) collapse) gmm(ln_wage, lag(2 3) collapse) iv(ln_capital) iv(period_*) "
        "robust nodiffsargan"
    )


GMM: dict[str, object] = {
    "model": {"y": "ln_emp", "x": ["ln_wage", "L.ln_wage"], "controls": ["ln_capital"], "lags": 2},
    "panel": {"gaps": "keep"},
    "columns": {
        "Difference": {"model": "gmm_difference", "model.effects": "unit", "model.steps": 2, "model.collapse": False},
        "System": {
            "model": "gmm_system",
            "model.effects": "two_way",
            "model.steps": 1,
            "model.collapse": True,
            "model.endogenous": ["ln_wage"],
            "model.endogenous_lags": [2, 3],
            "model.exogenous_equation": "both",
        },
        "As pgmm": {
            "model": "gmm_system",
            "model.effects": "two_way",
            "model.steps": 2,
            "model.convention": "pgmm",
            "model.exogenous_equation": "both",
        },
    },
}


# -- R really runs ----------------------------------------------------------------------------------------------------


@pytest.mark.outside
def test_r_finds_the_numbers_of_table_3(table_3: Path) -> None:
    said = r(Path("out/check.R"))
    # 27 coefficients and as many standard errors, by plm alone
    assert compared(said) >= 54
    assert "DIFFERS" not in said


@pytest.mark.outside
@pytest.mark.parametrize("what", ["expected <- c(`ln_sector1` = -", "recorded_se <- c(`ln_sector1` = "])
def test_r_fails_when_a_number_is_changed(what: str, table_3: Path) -> None:
    script = Path("out/check.R")
    text = script.read_text(encoding="utf-8")
    assert what in text
    script.write_text(text.replace(what + "0.", what + "1.", 1), encoding="utf-8")
    assert "DIFFERS 1: FE(1)" in r(script, status=1)


@pytest.mark.outside
def test_r_fails_when_the_data_are_changed(table_3: Path) -> None:
    path = Path("out/data/set_1.csv")
    table = pd.read_csv(path)
    table.loc[5, "ln_ci"] += 0.001
    table.to_csv(path, index=False)
    assert r(Path("out/check.R"), status=1).count("DIFFERS") > 7


@pytest.mark.outside
@pytest.mark.parametrize("file", ["data.csv", "holes.csv"])
def test_r_finds_every_estimator_and_standard_error(file: str, states: Path, capsys: Capture) -> None:
    inferences = ["classic", "robust", "cluster", "cluster_time", "cluster_both", "driscoll_kraay", "newey_west"]
    grid = {
        "model": ["twfe", "fe", "fe_time", "pooled", "random", "lsdv", "first_difference", "between"],
        "inference": [*inferences, *(["panel_corrected"] if file == "data.csv" else [])],
        "inference.small_sample": ["stata", "sss", "hc3"],
    }
    no_means = [{"model": "between", "inference": name} for name in grid["inference"][2:]]
    experiment("own", grid=grid, exclude=no_means, model=STATES, path=file, panel={"gaps": "keep"})
    exported("own", capsys)
    said = "".join(map(r, sorted(Path("out").glob("check*.R"))))
    assert compared(said) > (1300 if file == "data.csv" else 900)


@pytest.mark.outside
@pytest.mark.parametrize("file", ["data.csv", "holes.csv"])
def test_r_finds_weighted_regressions(file: str, states: Path, capsys: Capture) -> None:
    grid = {
        "model": ["twfe", "fe", "fe_time", "pooled", "lsdv"],
        "inference": ["classic", "robust", "cluster", "cluster_time", "cluster_both", "driscoll_kraay"],
        "inference.small_sample": ["stata", "sss", "hc3"],
    }
    model = STATES | {"observation_weights": "大小"}
    experiment("own", grid=grid, model=model, path=file, panel={"gaps": "keep"})
    exported("own", capsys)
    scripts = sorted(Path("out").glob("check*.R"))
    assert all("weights = ~" in script.read_text(encoding="utf-8") for script in scripts)
    assert compared("".join(map(r, scripts))) > 400


@pytest.mark.outside
def test_r_finds_errors_corrected_by_cluster(states: Path, capsys: Capture) -> None:
    grid = {
        "model": ["twfe", "fe", "pooled"],
        "inference": ["cluster", "cluster_time"],
        "inference.small_sample": ["cr2", "cr3"],
    }
    experiment("own", grid=grid, model=STATES, path="data.csv", panel={"gaps": "keep"})
    exported("own", capsys)
    text = "".join(script.read_text(encoding="utf-8") for script in sorted(Path("out").glob("check*.R")))
    assert text.count("vcovJK(") == 6
    assert text.count('type = "HC2"') == 2
    said = "".join(map(r, sorted(Path("out").glob("check*.R"))))
    assert compared(said) > 40


@pytest.mark.outside
def test_r_finds_clusters_of_a_column_and_says_where_it_does_not(states: Path, capsys: Capture) -> None:
    frame = pd.read_csv("data.csv")
    frame.assign(area=frame["state"].str[0]).to_csv("areas.csv", index=False)
    inference = {"cov": "cluster", "cluster": "area", "test": "errors"}
    columns = {
        "two-way": {"model": "twfe"},
        "pooled": {"model": "pooled"},
        "SDM": {"model": "sdm"},
        "SLX": {"model": "slx"},
    }
    experiment("own", path="areas.csv", weights=True, columns=columns, model=STATES, inference=inference)
    exported("own", capsys)
    text = "".join(script.read_text(encoding="utf-8") for script in sorted(Path("out").glob("check*.R")))
    assert text.count("vcovCL(fit, cluster = ") == 2
    assert "cov=cluster has no witness in R" in text
    # four slopes, a constant without effects, their errors; coefficients and effects alone of the spatial model
    assert compared("".join(map(r, sorted(Path("out").glob("check*.R"))))) > 20
    stata = Path("out/check.do").read_text(encoding="utf-8")
    assert stata.count("vce(cluster group_area)") == 2
    assert " ".join(stata.replace("\n*", " ").split()).count("or clustered, those of the command") == 2
    assert "expected one" not in stata
    assert "maximum likelihood with" not in stata


@pytest.mark.outside
def test_r_finds_instrumented_regressions(states: Path, capsys: Capture) -> None:
    grid = {
        "model.effects": ["two_way", "unit", "none"],
        "inference": ["classic", "robust", "cluster", "cluster_both"],
    }
    model = STATES | {"controls": ["ln pc"], "instruments": ["L.ln pcap", "就业"]}
    experiment("own", columns={"IV": {"model": "iv"}}, grid=grid, model=model)
    exported("own", capsys)
    assert compared(r(Path("out/check.R"))) == 12 * 4 + 4 * 2


@pytest.mark.outside
def test_r_finds_instruments_in_space(states: Path, capsys: Capture) -> None:
    grid = {
        "model.effects": ["two_way", "unit", "time", "none"],
        "model.kind": ["sar", "sdm"],
        "inference": ["classic", "robust", "cluster", "cluster_both"],
    }
    inside = {"controls": ["ln pc"], "endogenous": ["ln pcap"], "instruments": ["L.ln pcap"]}
    columns = {"outside": {"model": "spatial_iv"}}
    experiment("own", columns=columns, grid=grid, model=STATES | inside, weights=True, inference={"test": "errors"})
    exported("own", capsys)
    # two coefficients and rho, the lags of two regressors, a constant without effects
    text = "".join(map(r, sorted(Path("out").glob("check*.R"))))
    assert compared(text) == 2 * 4 * (4 * (3 + 5) + 2)
    assert "effects, for which there is no R code of this model" in text


@pytest.mark.outside
def test_r_finds_moments_of_spatial_errors(states: Path, capsys: Capture) -> None:
    grid = {
        "model.effects": ["two_way", "unit", "time", "none"],
        "model.kind": ["sem", "sdem", "sarar", "gns"],
        "inference": ["classic", "robust"],
    }
    columns = {"moments": {"model": "spatial_iv"}}
    experiment("own", columns=columns, grid=grid, model=STATES, weights=True, inference={"test": "errors"})
    exported("own", capsys)
    assert compared("".join(map(r, sorted(Path("out").glob("check*.R"))))) > 300


@pytest.mark.outside
def test_r_finds_dynamic_panels(firms: Path, capsys: Capture) -> None:
    experiment("own", unit="firm", **GMM)
    exported("own", capsys)
    said = r(Path("out/check.R"))
    assert compared(said) == 2 * 5 * 2
    assert "not run  2: System: system GMM with xtabond2's instruments" in said


@pytest.mark.outside
def test_r_finds_dynamic_spatial_panels_and_their_effects(states: Path, capsys: Capture) -> None:
    choices = {
        "score": {"model": "dynamic_sdm", "model.effects": "unit"},
        "units": {"model": "dynamic_sar", "model.effects": "unit"},
        "time": {"model": "dynamic_sdm", "model.effects": "time", "model.time_lag": False},
        "one step": {"model": "dynamic_sdm", "model.bias_correction": "lee_yu", "model.effects": "unit"},
        "robust": {"model": "dynamic_sdm", "model.cov": "robust", "model.durbin": "x", "model.effects": "unit"},
        "none": {"model": "dynamic_sdm", "model.bias_correction": "none"},
    }
    # a lag has no name with a hyphen
    frame = pd.read_csv("data.csv").rename(columns={"a name of more than thirty-two characters": "失业"})
    frame.to_csv("data.csv", index=False)
    outcome = {"y": "失业", "x": ["ln pcap"], "controls": ["ln pc"]}
    errors = {"cov": "classic", "test": "errors"}
    experiment("own", columns=choices, model=outcome, weights=True, inference=errors)
    assert "6 runs" in exported("own", capsys)
    said = "".join(map(r, sorted(Path("out").glob("check*.R"))))
    assert compared(said) > 100
    assert "dlag(3)" in Path("out/check.do").read_text(encoding="utf-8")


@pytest.mark.outside
def test_r_finds_spatial_panels_and_their_effects(states: Path, capsys: Capture) -> None:
    grid = {
        "model": ["sdm", "sar", "sem", "sdem", "slx"],
        "model.effects": ["two_way", "unit", "time", "none"],
        "model.bias_correction": ["lee_yu", "none"],
        "model.demeaning": ["exact", "first"],
    }
    no_first = [{"model.demeaning": "first", "model.bias_correction": "lee_yu"}]
    # R has the errors of the information matrix
    errors = {"cov": "classic", "test": "errors"}
    experiment("own", grid=grid, exclude=no_first, model=STATES, weights=True, inference=errors)
    exported("own", capsys)
    said = "".join(map(r, sorted(Path("out").glob("check*.R"))))
    assert compared(said) > 1500


@pytest.mark.outside
def test_r_finds_spatial_panels_by_period(states: Path, capsys: Capture) -> None:
    grid = {
        "model.kind": ["sdm", "sem", "slx"],
        "inference.cov": ["classic", "cluster"],
    }
    # plain matrices of all rows
    pd.read_csv("holes.csv").query("year < 1974").to_csv("few.csv", index=False)
    given = {"grid": grid, "model": STATES, "weights": True, "inference": {"test": "errors"}, "panel": {"gaps": "keep"}}
    experiment("own", path="few.csv", **given, columns={"by period": {"model": "unbalanced_spatial"}})
    exported("own", capsys)
    text = "".join(map(r, sorted(Path("out").glob("check*.R"))))
    assert compared(text) > 80


@pytest.mark.outside
def test_r_finds_several_weights(states: Path, capsys: Capture) -> None:
    pd.read_csv("holes.csv").query("year < 1974").to_csv("few.csv", index=False)
    economic = {"_target_": "digicarbon.weights.EconomicWeights", "economy": "大小"}
    by_period = {"_target_": "digicarbon.weights.ByPeriodWeights", "base": economic}
    grid = {"model.kind": ["sdm", "sar", "slx"], "inference.cov": ["classic", "cluster"]}
    columns = {
        "second by period": {"model.further_weights": [by_period]},
        "first by the first": {"model.further_weights": [by_period], "model.durbin_by": "first"},
    }
    given = {"grid": grid, "model": STATES, "weights": True, "inference": {"test": "errors"}, "panel": {"gaps": "keep"}}
    experiment(
        "own", path="few.csv", **given, columns={k: {"model": "unbalanced_spatial"} | v for k, v in columns.items()}
    )
    exported("own", capsys)
    text = "".join(map(r, sorted(Path("out").glob("check*.R"))))
    assert "not run  " not in text
    assert compared(text) > 250


@pytest.mark.outside
@pytest.mark.parametrize(
    "name",
    ["table5_nonlinear", "table7_spatial_w1", "table9_10_regions", "robustness_gmm", "model_choice", "several_weights"],
)
def test_r_finds_the_numbers_of_shipped_experiments(name: str, project: Path, capsys: Capture) -> None:
    exported(name, capsys)
    assert compared(r(Path("out/check.R"))) >= 38


@pytest.mark.outside
@pytest.mark.parametrize(
    ("name", "numbers"),
    [("moderation_income", 82), ("sensitivity_controls", 99), ("shift_share_rotemberg", 32), ("which_weights", 414)],
)
def test_r_finds_the_numbers_of_diagnostics(name: str, numbers: int, project: Path, capsys: Capture) -> None:
    exported(name, capsys)
    assert compared(r(Path("out/check.R"))) == numbers


OMITTED = {"diagnostic": "omitted_variable", "diagnostic.q": 0.5}
DIAGNOSED = {
    "Oster": {
        "diagnostic": "oster",
        "diagnostic.selection": 0.7,
        "diagnostic.always": ["就业"],
        "diagnostic.draws": 99,
    },
    "Bounds": {"diagnostic": "oster", "diagnostic.r_max": 1.0, "diagnostic.beta": 0.1, "diagnostic.draws": 99},
    "Omitted": OMITTED,
    "Classic": OMITTED | {"inference": "classic"},
    "Weights": OMITTED | {"model.observation_weights": "大小"},
    "Along": {
        "diagnostic": "marginal_effects",
        "diagnostic.along": "就业",
        "model.x": ["ln pcap", "ln pcap:就业", "ln pcap:就业^2"],
    },
}


@pytest.mark.outside
@pytest.mark.parametrize("file", ["data.csv", "holes.csv"])
def test_r_finds_diagnostics_of_every_kind_of_effects(file: str, states: Path, capsys: Capture) -> None:
    grid = {"model": ["twfe", "fe", "pooled"]}
    model, panel = STATES | {"test": "errors"}, {"gaps": "keep"}
    experiment("own", columns=DIAGNOSED, grid=grid, model=model, path=file, panel=panel)
    exported("own", capsys)
    said = r(Path("out/check.R"))
    assert len(re.findall(r"^equal    .*\(oster\): 10 numbers", said, re.MULTILINE)) == 6
    assert len(re.findall(r"^equal    .*\(omitted variable\): 5 numbers", said, re.MULTILINE)) == 9
    assert len(re.findall(r"^equal    .*\(error of the effect of ln_pcap\): 6 numbers", said, re.MULTILINE)) == 3
    assert compared(said) > 300


def test_diagnostics_have_a_part_of_their_own(states: Path, capsys: Capture) -> None:
    columns = {name: DIAGNOSED[name] for name in ("Bounds", "Classic", "Along")} | {"Other": {"diagnostic": "vif"}}
    benchmarks = {"both inputs": ["ln pc", "就业"], "one": ["ln pc"]}
    columns["Grouped"] = OMITTED | {"diagnostic.benchmarks": benchmarks, "diagnostic.times": [0.02]}
    experiment("own", columns=columns, model=STATES | {"test": "errors"})
    exported("own", capsys)
    script, do = (" ".join(Path(f"out/check.{end}").read_text(encoding="utf-8").split()) for end in ("R", "do"))
    assert 'left <- after_effects(set_1, c("ln_pcap", "ln_pc",' in script
    assert 'robomit::o_delta(y = "ln_gsp", x = "ln_pcap"' in script
    assert 'sensemakr::sensemakr(fit, treatment = "ln_pcap", q = 0.5)' in script
    assert "the tables of the diagnostic Vif, which R scripts do not have" in script
    assert "(0.02 times both inputs)" in script
    assert "(0.02 times one)" in script
    assert "psacalc delta after_1, rmax(1.0) beta(0.1)" in do
    assert "treat(ln_pcap) q(0.5)" in do
    assert "benchmark(ln_pc) kd(0.02) * sensemakr takes one group of benchmarks at a time, by gbenchmark." in do
    assert "* group_1 is the benchmark both inputs: ln_pc, v1 together." in do
    assert "gbenchmark(ln_pc v1) gname(group_1) kd(0.02)" in do
    assert do.count("lincom 1.0*ln_pcap + ") == 6
    assert "psacalc (ssc install psacalc)" in do
    assert "* Not compared: the tables of the diagnostic Vif, which Stata scripts do not have." in do


def test_quantiles_say_what_is_not_compared(states: Path, capsys: Capture) -> None:
    columns = {"Units": {"model.effects": "unit"}, "Half": {"model.bias": "half_panel"}}
    model = {"y": "ln gsp", "x": ["ln pcap"], "controls": ["就业"], "quantiles": [0.25, 0.75]}
    experiment("own", columns={name: {"model": "quantile"} | fields for name, fields in columns.items()}, model=model)
    exported("own", capsys)
    script, do = (" ".join(Path(f"out/check.{end}").read_text(encoding="utf-8").split()) for end in ("R", "do"))
    assert script.count('skip(run, "standard errors of quantiles by moments, which this function in R does not') == 2
    assert "* Quantiles: xtqreg is to be read beside the recorded numbers. Nothing is compared." in do
    assert len(re.findall(r"\* (?:ln_pcap|v1) at 0\.[27]5 -?[\d.e-]+ [\d.e-]+", do)) == 4


def test_a_diagnostic_of_ones_own_writes_lines(states: Path, capsys: Capture) -> None:
    Path("mine.py").write_text(
        "from digicarbon.diagnostic import Diagnostic\n\n\nclass Mine(Diagnostic):\n"
        "    def tables(self, panel, weights=None):\n        return {}\n\n"
        "    def r(self, part, panel):\n        return [f'{len(panel.units)} -> states']\n\n"
        "    def stata(self, part, panel):\n        return None\n"
    )
    experiment("own", model=STATES, diagnostic={"_target_": "mine.Mine"})
    assert main(["run", "own"]) == 0
    capsys.readouterr()
    assert main(["export", "own", "--to", "out"]) == 2
    assert "The class mine.Mine cannot be exported: its stata() failed" in capsys.readouterr().err
    text = Path("mine.py").read_text().replace("return None", "return ['* mine']")
    Path("mine.py").write_text(text)
    sys.modules.pop("mine")
    assert main(["export", "own", "--to", "out"]) == 0
    assert "48 -> states" in Path("out/check.R").read_text()
