"""Every command that the product prints or that a page shows does what it says, word by word as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from blocks import blocks
from commands import of_code, of_page, of_text
from conftest import REPOSITORY

from digicarbon.__main__ import main
from digicarbon.cli import ui, usage

pytestmark = pytest.mark.long

DOCS = REPOSITORY / "docs"
TEMPLATES = [*(REPOSITORY / "digicarbon" / "template").rglob("*.md")]
FOLLOWED = [
    REPOSITORY / "README.md",
    *(DOCS / f"{page}.md" for page in ("tutorial", "new", "read", "inference_long", "gallery", "api")),
    *(DOCS / "how").glob("*.md"),
    *TEMPLATES,
]
"""Pages whose blocks of commands run in tests of their own, with all that they show."""
PAGES = [*sorted(REPOSITORY.glob("README*.md")), *sorted(DOCS.rglob("*.md")), *TEMPLATES]
MODULES = sorted((REPOSITORY / "digicarbon").rglob("*.py"))

FITTED = "fit panel.csv 'ln_ci ~ ln_digital | city + year' test=errors"
PLACEHOLDERS = {
    # what a page leaves to the reader
    "fit FILE 'y ~ x + z | unit + time'": FITTED,
    "fit FILE FORMULA… [flags] [overrides]": FITTED,
    'fit panel.csv "…" --save mine': FITTED,
    "RUN_OR_EXPERIMENT": "table3_baseline",
    "[EXPERIMENT or run id of a sweep]": "table3_baseline",
    "RUN [EXPERIMENT]": "'FE(1)' table3_baseline",
    "list experiments [EXPERIMENT]": "list experiments table3_baseline",
    "export table3_baseline [EXPERIMENT]": "export table3_baseline",
    "[EXPERIMENT]": "table3_baseline",
    "EXPERIMENT…": "table3_baseline",
    "EXPERIMENT": "table3_baseline",
    "LABEL": "'FE(1)'",
    "[GROUP [OPTION]]": "weights w1_adjacency",
    "[GROUP]": "weights",
    "<group>": "weights",
    "[overrides]": "",
    "[flags]": "",
    "[flags of `mlflow ui`]": "",
    "[tracking=…]": "",
    "[report=… tracking=…]": "report.decimals=3",
    "[report.language=… tracking=…]": "report.language=zh",
    "[-v]": "-v",
    "[--json]": "--json",
    "[--all]": "--all",
    "[--check]": "",
    "[--rebuild]": "",
    "[--add]": "",
    "[option=value …]": "",
    "compare A B": "compare table3_baseline table3_baseline",
    "compare main@abc1288 main": "compare table3_baseline table3_baseline",
    "table3_baseline@a1b2c3d": "table3_baseline",
    "[--experiment table3_baseline]": "--experiment table3_baseline",
    "[--to FILE]": "--to filled.csv",
    "--out page.html": "--out out/filled.html",
    "[--out FOLDER]": "--out out/filled",
    "[--one-file]": "--one-file",
    "[--notes]": "--notes",
    "[--to FOLDER]": "--to filled",
    "read FILE… [--save FILE]": "read panel.csv",
    "read FILE…": "read panel.csv",
    "read FILE": "read panel.csv",
    "yearbook.xlsx --save experiments/first.yaml": "yearbook.xlsx --save filled/first.yaml",
    "[--language zh]": "--language zh",
    "[--language en|zh]": "--language zh",
    "FOLDER | source=…": "data",
    "KIND FILES…": "nbs raw/nbs",
    "ceads_sectoral raw/*.xlsx": "ceads_sectoral raw/ceads/*.xlsx",
    "--to FOLDER": "--to filled",
    "--to DIR": "--to filled",
    "--out FOLDER": "--out out/filled",
    "new FOLDER": "new filled",
    "new MYSTUDY": "new filled",
    "RUN_ID": "RUN",
    # four provinces are too few for clusters
    "measure=…": "measure=none outcome=none model=pooled inference=classic model.y=ln_gdp "
    "'model.x=[ln_co2_sectoral]' source.energy=null",
    # what a text of the product fills in
    "{name}": "table3_baseline",
    "{target.stem}": "table3_baseline",
    "report ID": "report table3_baseline",
    "rerun ID": "rerun RUN",
    "report {run_id})": "report table3_baseline",
    "list {key}": "list weights",
    "plan -m …": "plan -m measure=bea,ddl",
    "data check {self._word()}": "data check data",
    "{group}": "weights",
    "{folder}": "filled",
    "DIGICARBON_DATA=文件夹 ": "",
    "DIGICARBON_DATA=folder ": "",
}
"""Words that stand for others, and what the test puts in their place."""
RUN_IDS = r"\b(?:3f9a2c81000b|3f2a9c|c0f4ed000185|RUN)\b"
"""Stand for the id of a run that is recorded."""
SEVERAL = {
    "digicarbon data import|status|check|show": [f"digicarbon data {verb} --help" for verb in ("import", "status")],
    "digicarbon run|check|plan|list … --json": [f"digicarbon {verb} --json" for verb in ("run", "check", "list")],
    "digicarbon data status|check|show": ["digicarbon data status data", "digicarbon data check data"],
    "digicarbon COMMAND --help": [f"digicarbon {verb} --help" for verb in usage.parser().verbs],
    "digicarbon COMMAND --language zh": [f"digicarbon {verb} --help --language zh" for verb in usage.parser().verbs],
}
"""One line that stands for several commands."""
NAMES = ("digicarbon data import", "digicarbon fit", "digicarbon new", "digicarbon package")
"""Verbs that a sentence speaks of, and that do nothing without more words: their help is asked for."""
PLANNED = {
    r"run robustness executor": (["draw.n=20"], "needs an extra or a cluster, which test_engine.py has"),
    r"run robustness( source=china)?$": (["draw.n=20"], "2,497 fits"),
    r"run robustness_china_\w+": (["draw.n=20"], "1,000 fits"),
    r"run placebo_measure": (["measure.permute=1,2"], "500 fits"),
    r"run placebo_weights": (["weights.seed=1,2"], "500 fits"),
    r"source\.seed=range\(1,201\)": (["source.seed=1,2"], "200 fits of 300 cities"),
    r"run (?!.*-m).*china": ([], "real data; test_every_experiment.py fits each of these experiments"),
    r"run (figures_3_5_maps|model_choice|spatial_choice|table9_10_regions|robustness_gmm|robustness_kinds)$|"
    r"run (which_weights|several_weights|unbalanced_spatial|spatial_regions|threshold_space|placebo_laws)$": (
        [], "test_every_experiment.py fits it",
    ),
}  # fmt: skip
"""Runs that are planned instead, with words that make them small, and why. A plan reads the data."""
ELSEWHERE = {
    r"run (paper|placebo|china_paper)$|run paper source=china|(report|package) (china_)?paper|package .*table7": (
        "all tables of the study; test_every_experiment.py plans and fits each, and makes the pages"
    ),
    r"^digicarbon lock .*--": "needs a plan that is locked, or another program; see tests/packs/deposit/test_lock.py",
    r"^digicarbon compare .*package/": "needs a package; tests/packs/deposit/test_package.py compares one",
    r"^digicarbon mcp": "waits for a client; tests/packs/assistant/test_server.py has one",
    r"tracking=server": "needs a server; tests/tracking/test_services.py has one",
}
"""Commands that do not run here, and why. Of those that fit, Hydra composes the configuration."""
STATUS = {r"^digicarbon data (check|show)": (0, 1), r"^digicarbon rerun 'FE\(1\)'": (0, 2)}
"""Commands whose documented status may be another than 0: data check has 1 where there is an error.

The latest sweep, whose labels ``rerun`` knows, is that of whichever test ran before.
"""


def _shown() -> dict[str, str]:
    """All commands with the first place that shows each."""
    tested = {
        " ".join(command.split())
        for page in FOLLOWED
        for block in blocks(page)
        if block.language == "sh"
        for command in block.text.replace("\\\n", " ").splitlines()
    }
    places: dict[str, str] = {}
    for files, collect in ((PAGES, of_page), (MODULES, of_code)):
        for file in files:
            for command in collect(file):
                places.setdefault(" ".join(command.split()), file.relative_to(REPOSITORY).as_posix())
    return {command: place for command, place in places.items() if command not in tested}


SHOWN = _shown()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Path]:
    """A folder, with a blank in its name, that has all files that the pages speak of, and a store."""
    here = tmp_path_factory.mktemp("a study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.setattr(sys, "path", list(sys.path))
        patch.setattr(ui, "_served", lambda command, **variables: 0)
        (here / "mlruns").mkdir()
        shutil.copy(empty_store, here / "mlruns" / "mlflow.db")
        _own_data(here)
        _raw_files(here / "raw")
        for words in (
            ["run"],
            ["run", "table3_baseline"],
            ["run", "table"],
            ["data", "import", "nbs", "raw/nbs", "--to", "data"],
            ["data", "import", "ceads_sectoral", "raw/ceads", "--to", "data"],
        ):
            assert main(words) == 0
        yield here
    for name, module in list(sys.modules.items()):
        # other tests have modules of these names
        if str(getattr(module, "__file__", None) or "").startswith(str(here)):
            del sys.modules[name]


FAILING = """\
import digicarbon as dc


class Failing(dc.PanelRegression):
    y: str = "ln_ci"
    x: tuple[str, ...] = ("ln_e",)

    def fit(self, panel, weights=None):
        raise ValueError("this model always fails")
"""


def _own_data(here: Path) -> None:
    # the tutorial's files come last: pages share names
    for page in (DOCS / "from_stata.md", DOCS / "tutorial.md", DOCS / "new.md", DOCS / "how" / "measure.md"):
        for block in blocks(page):
            if block.title.endswith((".py", ".yaml")):
                file = here / block.title
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(block.text, encoding="utf-8")
    (program,) = [block for block in blocks(DOCS / "read.md") if block.title == "make_yearbook.py"]
    for text in (program.text, Path("make_data.py").read_text(encoding="utf-8")):
        subprocess.run([sys.executable, "-c", text], check=True)
    import pandas as pd

    panel = pd.read_csv("panel.csv")
    panel.assign(gdp=panel["pgdp"] * 3).to_csv("panel.csv", index=False)
    pd.read_csv("neighbours.csv").rename(columns={"city": "unit"}).to_csv("neighbours.csv", index=False)
    shutil.copy("matrix.csv", "w.csv")
    # the experiment of a new study
    Path("experiments/main.yaml").write_text("defaults: [table3_baseline, _self_]\n", encoding="utf-8")
    # the file of one run that a page offers
    shutil.copy("experiments/main.yaml", "experiments/one.yaml")
    (executor,) = [block.text for block in blocks(DOCS / "executors.md") if block.text.startswith("# conf/executor/")]
    Path("conf/executor").mkdir()
    Path("conf/executor/cluster.yaml").write_text(executor.partition("\n")[2], encoding="utf-8")
    Path("failing.py").write_text(FAILING, encoding="utf-8")
    Path("conf/model").mkdir()
    Path("conf/model/failing.yaml").write_text("_target_: failing.Failing\n", encoding="utf-8")
    failing = "defaults: [config, override model: failing, override executor: sequential, _self_]\n"
    Path("experiments/failing.yaml").write_text(failing, encoding="utf-8")
    Path("experiments/表 一.yaml").write_text("defaults: [config, _self_]\n", encoding="utf-8")
    weights = Path("conf/weights/roads.yaml")
    weights.write_text(weights.read_text(encoding="utf-8").replace("origin: city", "origin: unit"), encoding="utf-8")


def _raw_files(raw: Path) -> None:
    sys.path += [str(REPOSITORY / "tests" / room) for room in ("packs/china", "importer")]
    import io_layout
    import nbs_layout
    import test_io_mrio
    import test_long
    from test_ceads_inventories import year_file

    for name in ("ceads", "nbs", "2017"):
        (raw / name).mkdir(parents=True)
    provinces = ["Beijing", "Jilin", "Hubei", "Gansu"]
    for year in (2011, 2012):
        year_file(raw / "ceads", year, provinces)
    year_file(raw, 2020, provinces).rename(raw / "update_2020.xlsx")
    rows = nbs_layout.by_indicator()
    nbs_layout.write_csv(raw / "nbs" / "gdp.csv", rows)
    nbs_layout.write_csv(raw / "gdp.csv", rows)
    nbs_layout.write_xlsx(raw / "population.xlsx", nbs_layout.by_indicator("年末常住人口(万人)"))
    test_long.write(raw.parent / "API_NY.GDP.MKTP.KD_DS2.csv", test_long.world_bank(test_long.GDP))
    for year, file in ((2012, raw / "2012年各省投入产出表.xlsx"), (2017, raw / "2017" / "北京.xlsx")):
        io_layout.save(file, {"Sheet1": io_layout.provincial(io_layout.made(year), f"{year}年北京市投入产出表")})
    for year in (2012, 2015, 2017):
        form = io_layout.multi_regional(test_io_mrio.flows(year), test_io_mrio.REGIONS, test_io_mrio.NAMES)
        form.cells[0][0] = f"{year}年中国31省区市区域间投入产出表（万元）"
        io_layout.save(raw / f"{year}.xlsx", {str(year): form})


def _filled(command: str) -> list[str]:
    """The commands that a line stands for, with words of this test in the place of its placeholders."""
    if command in NAMES:
        return [f"{command} --help"]
    for old, new in PLACEHOLDERS.items():
        command = command.replace(old, new)
    return [command]


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its status."""

    status: int
    out: str
    err: str


MADE = ("filled", "out", "package", "paper", "replication", "mystudy", "schemas")
"""Folders that commands make, which the next command does not find."""
_answers: dict[tuple[object, ...], Answer] = {}
"""By the state of the folder and the words: pages and answers show the same commands again and again."""


def execute(command: str, run_id: str, capture: pytest.CaptureFixture[str]) -> Answer:
    """Type a command into a shell, unless it was typed before and no file has changed since."""
    words = shlex.split(re.sub(RUN_IDS, run_id, command))
    assert words[0] == "digicarbon", command
    for name in MADE:
        shutil.rmtree(name, ignore_errors=True)
    key = (_files(), *words)
    if key not in _answers:
        capture.readouterr()
        status = _typed(words)
        said = capture.readouterr()
        _answers[key] = Answer(status, said.out, said.err)
    return _answers[key]


def _files() -> frozenset[tuple[str, int, int]]:
    """All files of the study as they stand: a store that was written to is another one."""
    found = [path for path in Path.cwd().rglob("*") if path.is_file() and path.suffix not in (".pyc", ".lock")]
    return frozenset((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found)


def _typed(words: list[str]) -> int:
    words = [one for word in words[1:] for one in (sorted(map(str, Path().glob(word))) if "*." in word else [word])]
    if words[:2] == ["data", "import"] and "data" in words[2:] and "--add" not in words:
        # each section of the page begins a folder
        with _away(Path("data")):
            return main(words)
    return main(words)


@contextmanager
def _away(folder: Path) -> Iterator[None]:
    kept = folder.rename(f"{folder}.kept")
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        kept.rename(folder)


def _writes(command: str) -> bool:
    """Whether a command adds to the store: those that do come last, so that all others find it in the same state."""
    return bool(re.match(r"digicarbon (run|rerun|deliver) (?!--help)|digicarbon run$", command))


@pytest.mark.parametrize("command", sorted(SHOWN, key=_writes))
def test_a_command_that_is_shown(
    command: str, study: Path, run_id: str, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    if "china" in command:
        request.getfixturevalue("data_folder")
    for one in SEVERAL.get(command) or _filled(command):
        answer = execute(_for_this_machine(one), run_id, capsys)
        allowed = next((numbers for pattern, numbers in STATUS.items() if re.search(pattern, one)), (0,))
        assert answer.status in allowed, f"{SHOWN[command]}: {command}\nas {one}\n{answer.err}\n{answer.out}"
        assert "Traceback" not in answer.err
    # a package of runs that are older than the lock asks for another run
    for lock in Path.cwd().rglob("*.lock.json"):
        lock.unlink()


def _for_this_machine(command: str) -> str:
    if any(re.search(pattern, command) for pattern in ELSEWHERE):
        verb, _, rest = command.removeprefix("digicarbon ").partition(" ")
        return f"digicarbon run {rest} --cfg job" if verb == "run" else f"digicarbon {verb} --help"
    if "--blind" in command and "--draws" not in command:
        # 200 draws only take longer, and so do those of many runs
        command += " +draw.n=6 --draws 20" if "plan sweep" in command else " --draws 20"
    for pattern, (words, _) in PLANNED.items():
        if re.search(pattern, command):
            return shlex.join([*shlex.split(command.replace("digicarbon run", "digicarbon plan")), *words])
    return command


@pytest.fixture(scope="module")
def run_id(study: Path) -> str:
    """The id of a run of table3_baseline."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=_store())
    where = client.get_experiment_by_name("table3_baseline")
    assert where is not None
    (run, *_) = client.search_runs([where.experiment_id], "tags.`digicarbon.label` = 'FE(1)'")
    return str(run.info.run_id)


TYPED = [
    "run",
    "run",
    "run 表\\ 一 executor=sequential",
    "run table3_baseline",
    "run table3_baseline inference=cluster",
    "run table3_baseline tracking.uri=sqlite:///other.db tracking.artifacts=other",
    "report 表\\ 二",
    "report table3_baseline tracking.uri=sqlite:///other.db --out out/other",
    "report main source=simulated",
    "plan 'model.level=range(0.30,0.895,0.01)' measure=ddl",
    "plan table3_baseline inference=cluster",
    "check table3_baseline",
    "new mystudy",
    "rerun SWEEP",
    "rerun RUN",
    "rerun",
    "export table3_baseline --to replication",
    "export",
    "data status data",
    "data status",
    "data check data",
    "data check",
    "data show 'FE(1)' table3_baseline",
    "data show",
    "data import nbs --to data",
    "list",
    "list weights",
    "list weights w1_adjacency more",
    "ui",
    "ui table3_baseline",
    "ui 表\\ 二 tracking.uri=sqlite:///none.db",
    "deliver",
    "deliver a b",
    "run missing",
    "run table3_baseline inference = cluster",
    "run -m table3_baseline inference=classic,cluster",
    "run failing",
    "typo",
]
"""What users type, mistakes too: all commands that the answers recommend must run."""


@pytest.mark.parametrize("typed", dict.fromkeys(TYPED))
def test_commands_that_are_printed(
    typed: str, study: Path, run_id: str, capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    said = execute(f"digicarbon {typed.replace('SWEEP', _parent(run_id))}", run_id, capfd)
    recommended = of_text(said.out + said.err)
    for command in recommended:
        if "china" in command:
            request.getfixturevalue("data_folder")
        for one in SEVERAL.get(command) or _filled(command):
            answer = execute(_for_this_machine(one), run_id, capfd)
            allowed = next((numbers for pattern, numbers in STATUS.items() if re.search(pattern, one)), (0,))
            told = f"after digicarbon {typed}: {command}\nas {one}\n{answer.err}\n{answer.out}"
            assert answer.status in allowed, told


def _store() -> str:
    # MLflow keeps the engine of a relative address, whatever the folder
    return f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}"


def _parent(run_id: str) -> str:
    from mlflow import MlflowClient

    return str(MlflowClient(tracking_uri=_store()).get_run(run_id).data.tags["mlflow.parentRunId"])


@pytest.mark.outside  # MLflow's server takes more than ten seconds of a processor to start
@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
@pytest.mark.parametrize("words", [[], ["table3_baseline", "--workers", "1"]])
def test_ui_serves_until_ctrl_c(words: list[str], study: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "digicarbon", "ui", *words, "--port", str(port)]
    # with all processes that MLflow may start, which have to end with it
    settings = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false" if words else "true"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=settings
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().removeprefix("Look at ").strip()
        assert address.startswith(f"http://127.0.0.1:{port}/#/experiments/")
        assert _answer(address, server) == 200
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) == 128 + signal.SIGINT


def _answer(address: str, server: subprocess.Popen[str]) -> int:
    """The status of a page, once its server answers."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=30) as page:
                return int(page.status)
        except OSError:
            time.sleep(0.2)
    return 0
