"""Packages rebuilt from nothing but Python: a new virtual environment, with packages of the registry."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from digicarbon.__main__ import main
from digicarbon.packs.deposit.package import software

pytestmark = pytest.mark.outside
BARE = ("HOME", "PATH", "SYSTEMROOT", "TEMP", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "SSL_CERT_FILE")
"""What the environment keeps: nothing of this study, and the way to the registry."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A folder with an empty store, in which one package after the other is made and rebuilt."""
    here = tmp_path_factory.mktemp("study")
    (here / "mlruns").mkdir()
    shutil.copy(empty_store, here / "mlruns" / "mlflow.db")
    return here


@pytest.fixture
def project(study: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(study)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return study


def rebuilt(folder: Path, *flags: str) -> str:
    kept = {name: os.environ[name] for name in BARE if name in os.environ}
    # of a hundred packages a rebuild uses a part: Python compiles what is used; pip reads a false value as the flag
    kept["PIP_NO_COMPILE"] = "no"
    python = getattr(sys, "_base_executable", sys.executable)
    words = [python, "-I", str(folder / "run_all.py"), *flags]
    done = subprocess.run(
        words, cwd=folder.parent, env=kept, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_paper_is_packaged_and_rebuilt_from_nothing_but_python(project: Path) -> None:
    assert main(["run", "paper"]) == 0
    assert main(["package", "paper", "--to", "package"]) == 0
    printed = rebuilt(project / "package")
    comparison = (project / "package/build/comparison.csv").read_text(encoding="utf-8")
    numbers = sum(1 for _ in csv.DictReader(comparison.splitlines()))
    assert numbers > 9_000
    assert printed.endswith(f"\n0 of {numbers} numbers differ.\n")
    assert "SIMULATED DATA" in printed
    # what is installed there makes the same wheel
    bin_folder = project / "package/build/venv" / ("Scripts" if sys.platform == "win32" else "bin")
    program = (
        "import hashlib\nfrom digicarbon.packs.deposit.package.software import wheel\n"
        "print(hashlib.sha256(wheel()[1]).hexdigest())"
    )
    done = subprocess.run(
        [bin_folder / "python", "-I", "-c", program], capture_output=True, text=True, check=True, cwd=project
    )
    assert done.stdout.strip() == hashlib.sha256(software.wheel()[1]).hexdigest()


def test_real_data_that_may_not_be_passed_on_are_asked_for_and_checked(project: Path, data_folder: Path) -> None:
    before = project / "package"
    if before.exists():
        before.rename(project / "before")
    assert main(["run", "china_baseline"]) == 0
    assert main(["package", "china_baseline", "--to", "package"]) == 0
    plan = json.loads((project / "package/software/rebuild.json").read_text(encoding="utf-8"))
    assert plan["environment"] == {"DIGICARBON_DATA": "data"}
    assert not any(one["shared"] for one in plan["data"])
    originals = {path.read_bytes() for path in (data_folder / "china").glob("*.csv")}
    assert not [path for path in (project / "package").rglob("*") if path.is_file() and path.read_bytes() in originals]
    # the environment of a package that was rebuilt at this place serves this one: the same packages, the same wheel
    made = (project / "before" / "build" / "venv" / "made.json").exists()
    if made:
        (project / "package" / "build").mkdir()
        (project / "before" / "build" / "venv").rename(project / "package" / "build" / "venv")
    printed = rebuilt(project / "package", "--data", str(data_folder / "china"))
    assert ("The environment in build/venv has these packages already." in printed) == made
    assert "\n0 of " in printed
