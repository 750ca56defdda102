"""Packs are found by their declarations; a pack of somebody else is announced by an entry point."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

import digicarbon
from digicarbon import pack
from digicarbon.__main__ import main
from digicarbon.report.picture import chinese
from digicarbon.spec import locate

sys.path.append(str(REPOSITORY / "tests" / "docs"))

from blocks import MACHINE, blocks

PAGES = [REPOSITORY / "docs" / "how" / "pack.md", REPOSITORY / "docs" / "zh" / "how" / "pack.md"]
ROOT = Path(digicarbon.__file__).parent
OWN = sorted(file.parent.name for file in (ROOT / "packs").glob("*/__init__.py"))


@pytest.fixture(params=PAGES, ids=["en", "zh"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str], list[str]]:
    """A folder with the pack of the page, and what an installation leaves there; its commands; what they print."""
    commands: list[str] = []
    printed: list[str] = []
    for block in blocks(request.param):
        if block.title in MACHINE:
            continue
        if block.language == "sh":
            commands += block.text.splitlines()
        elif block.language == "text":
            printed += block.text.splitlines()
        else:
            file = tmp_path / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
    about = tmp_path / "digicarbon_mundlak-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: digicarbon-mundlak\nVersion: 0.1.0\n")
    (about / "entry_points.txt").write_text("[digicarbon.packs]\nmundlak = mundlak\n")
    return tmp_path, commands, printed


def run(folder: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONUTF8": "1", "COLUMNS": "120"}
    command = [sys.executable, "-m", "digicarbon", *words]
    done = subprocess.run(command, capture_output=True, cwd=folder, env=environment, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    # matplotlib names each letter that no font has
    assert "Glyph" not in done.stderr
    return done.stdout


@pytest.mark.long
def test_a_pack_of_somebody_else_is_part_of_everything(installed: tuple[Path, list[str], list[str]]) -> None:
    folder, commands, printed = installed
    shown = [run(folder, *command.split()[1:]) for command in commands]
    assert printed
    assert set(printed) <= set(shown[0].splitlines())
    assert "Unit means are beside ln(Digital economy)" in shown[1]
    assert "mean_of_ln_e" in shown[1]
    page = (folder / "out" / "index.html").read_text(encoding="utf-8")
    assert "Unit means are beside ln(Digital economy)" in page
    assert (folder / "out" / "pictures" / "means.svg").is_file()
    assert "Mundlak回归" in run(folder, "run", "-m", "model=mundlak,fe", "report.language=zh", "executor=sequential")
    chosen = ("model=mundlak", "report=means", "report.language=zh", "report.pictures=[png,svg]")
    run(folder, "run", *chosen, "executor=sequential")
    drawn = max(folder.rglob("mlruns/**/means.svg"), key=lambda file: file.stat().st_mtime_ns).read_text("utf-8")
    shown = "个体均值的系数" if chinese() else "Coefficient of the unit mean"
    assert f"<!-- {shown} -->" in drawn
    assert "SIMULATED" in drawn


@pytest.mark.long
def test_the_tests_of_the_page_pass(installed: tuple[Path, list[str], list[str]]) -> None:
    folder, _, _ = installed
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_every_pack_has_its_own_folder_of_tests_and_a_declaration() -> None:
    assert [name.rpartition(".")[2] for name in pack.packs() if name.startswith("digicarbon.packs.")] == OWN
    assert sorted(path.name for path in Path(__file__).parent.iterdir() if any(path.glob("test_*.py"))) == OWN


@pytest.mark.parametrize("name", OWN)
def test_what_a_pack_declares_is_there_and_is_its_own(name: str) -> None:
    package = f"digicarbon.packs.{name}"
    one = pack.packs()[package]
    for room, names in one.names.items():
        for item in names:
            assert locate(f"digicarbon.{room}.{item}", "test") is not None
            assert pack.of(f"digicarbon.{room}.{item}") == name
    for request in one.offers:
        assert pack.offered(request)


@pytest.mark.parametrize(
    ("former", "now"),
    [
        ("digicarbon.model.did.base.DiD", "digicarbon.packs.policies.model.did.DiD"),
        ("digicarbon.model.did.DiD", "digicarbon.packs.policies.model.did.DiD"),
        ("digicarbon.diagnostic.honest.HonestBounds", "digicarbon.packs.policies.diagnostic.honest.HonestBounds"),
        (
            "digicarbon.weights.by_period.ByPeriodWeights",
            "digicarbon.packs.space_gaps.weights.by_period.ByPeriodWeights",
        ),
        ("digicarbon.china.weights.AdjacencyWeights", "digicarbon.packs.china.weights.AdjacencyWeights"),
        ("digicarbon.importer.io_mrio.IOMrioImporter", "digicarbon.packs.china.importer.io_mrio.IOMrioImporter"),
        ("digicarbon.sweep.lock.state.State", "digicarbon.packs.deposit.lock.state.State"),
        (
            "digicarbon.numeric.spatial.by_period.weights.PeriodWeights",
            "digicarbon.packs.space_gaps.numeric.weights.PeriodWeights",
        ),
        ("digicarbon.compare.comparison.Side", "digicarbon.packs.compare.comparison.Side"),
        ("digicarbon.diagnostic.moran.Moran", "digicarbon.packs.exploratory.diagnostic.moran.Moran"),
        ("digicarbon.report.maps.LisaMap", "digicarbon.packs.exploratory.report.maps.LisaMap"),
        ("digicarbon.report.picture.moran.plot_moran", "digicarbon.packs.exploratory.picture.moran.plot_moran"),
        ("digicarbon.numeric.tests.moran.moran", "digicarbon.packs.exploratory.numeric.moran.moran"),
        ("digicarbon.measure.entropy.EntropyIndex", "digicarbon.packs.composite_index.measure.entropy.EntropyIndex"),
        ("digicarbon.package.answers.Author", "digicarbon.packs.deposit.package.answers.Author"),
        (
            "digicarbon.numeric.index.topsis.closeness",
            "digicarbon.packs.composite_index.numeric.topsis.closeness",
        ),
    ],
)
def test_classes_are_found_where_they_were(former: str, now: str) -> None:
    assert locate(former, "test") is locate(now, "test")
    assert pack.of(former) == pack.of(now) != ""


@pytest.mark.parametrize("former", ["digicarbon.china.facts", "digicarbon.package", "digicarbon.sweep.lock"])
def test_modules_are_found_where_they_were_before_anything_is_loaded(former: str) -> None:
    assert subprocess.run([sys.executable, "-c", f"import {former}"], check=False).returncode == 0


def test_the_core_names_no_pack() -> None:
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in ROOT.rglob("*.py")
        if not path.is_relative_to(ROOT / "packs")
    }
    # the package's own file names what is public
    naming = [
        path for path, text in texts.items() if "digicarbon.packs." in text and path not in ("__init__.py", "pack.py")
    ]
    assert naming == []


WITHOUT = """
import importlib, os, pathlib, sys, traceback

def stands(status):
    import digicarbon
    root = pathlib.Path(digicarbon.__file__).parent
    assert root.is_relative_to(pathlib.Path.cwd())
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root.parent).with_suffix("").parts
        if not {"plugins", "template", "run_all"} & set(parts):
            importlib.import_module(".".join(parts).removesuffix(".__init__"))
    from digicarbon.__main__ import main
    assert main(["list", "model"]) == 0
    assert main(["check", "config"]) == status

# what is not ours takes most of the time to import: once, before the process is forked
for name in ("geopandas", "libpysal", "linearmodels", "matplotlib.pyplot", "mlflow", "spreg", "statsmodels.api"):
    importlib.import_module(name)
assert "digicarbon" not in sys.modules
for word in sys.argv[1:]:
    name, status = word.split("=")
    pack = pathlib.Path("digicarbon", "packs", name)
    pack.rename("deleted")
    child = os.fork()
    if child == 0:
        said = os.open(name, os.O_WRONLY | os.O_CREAT)
        os.dup2(said, 1)
        os.dup2(said, 2)
        failed = 1
        try:
            stands(int(status))
            failed = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(failed)
    print(name, os.waitpid(child, 0)[1], flush=True)
    pathlib.Path("deleted").rename(pack)
"""


@pytest.fixture(scope="module")
def deleted_in_turn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a copy of the package prints where it does not stand without a pack, by the pack; each is deleted alone."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("digicarbon", "conf", "experiments"):
        shutil.copytree(REPOSITORY / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    # the default sentence draws the data of the simulated country, and has the fields of columns that two packs make
    statuses = {name: 2 if name in ("china", "policies", "shift_share") else 0 for name in OWN}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *(f"{name}={status}" for name, status in statuses.items())],
        capture_output=True,
        cwd=copy,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(copy), str(copy / "digicarbon" / "plugins")]),
            "PYTHONUTF8": "1",
        },
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ended = dict(line.split() for line in done.stdout.splitlines())
    return {
        name: "" if ended[name] == "0" else f"{ended[name]}\n{(copy / name).read_text(encoding='utf-8')[-2000:]}"
        for name in OWN
    }


@pytest.mark.outside
@pytest.mark.parametrize("name", OWN)
def test_the_core_stands_without_a_pack(name: str, deleted_in_turn: dict[str, str]) -> None:
    assert deleted_in_turn[name] == ""


def test_verbs_of_packs_follow_those_of_the_core(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["frobnicate"]) == 2
    core, packs = (
        "plan, check, fit, report, export, deliver, list, data, new, schema, ui",
        "mcp, rerun, compare, lock, package, read",
    )
    assert f"Verbs: run, {core}, {packs}." in capsys.readouterr().err


@pytest.mark.long
def test_a_copy_without_a_pack_has_nothing_of_it(tmp_path: Path) -> None:
    sys.path.append(str(REPOSITORY / "tests" / "without"))
    from run import copy_without

    copy_without(["policies", "gmm"], tmp_path)
    gone = {"policies", "gmm"}
    assert {file.parent.name for file in (tmp_path / "digicarbon" / "packs").glob("*/__init__.py")} == {*OWN} - gone
    options = {path.relative_to(tmp_path / "conf"): path for path in (tmp_path / "conf").rglob("*.yaml")}
    classes = [re.search(r"(?m)^_target_: (\S+)", path.read_text("utf-8")) for path in options.values()]
    assert gone.isdisjoint({pack.of(found[1]) for found in classes if found})
    assert {Path("model/quantile.yaml"), Path("model/twfe.yaml")} <= set(options)
    assert "policy:" not in options[Path("panel/study.yaml")].read_text("utf-8")
    experiments = {path.stem for path in (tmp_path / "experiments").glob("*.yaml")}
    # an experiment that lists others goes with one of them
    assert {"policy_did", "robustness_gmm", "paper"}.isdisjoint(experiments)
    assert {"table3_baseline", "quantile_effects"} <= experiments
