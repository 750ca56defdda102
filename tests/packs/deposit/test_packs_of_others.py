"""A package of a study that uses a pack of somebody else: its code goes along, or a sentence says why not."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from conftest import REPOSITORY

from digicarbon import pack
from digicarbon.errors import DataError
from digicarbon.packs.deposit.package import software
from digicarbon.packs.deposit.package.data import refuse_restricted

sys.path.append(str(REPOSITORY / "tests" / "docs"))
sys.path.append(str(Path(__file__).parent))

from blocks import blocks
from specimen import PANEL, facts

pytestmark = pytest.mark.long

PAGE = REPOSITORY / "docs" / "how" / "pack.md"
EXPERIMENT = """# means beside the regressors
defaults: [config, override model: mundlak, override report: means, override executor: sequential]
title: Means
columns: {One: {}, Two: {model.controls: []}}
"""
OTHER = '"""Not used."""\n\nfrom digicarbon.pack import Pack\n\nPACK = Pack()\n'


def about(folder: Path, name: str, package: str) -> None:
    """Leave what an installation leaves beside the code."""
    place = folder / f"{name.replace('-', '_')}-0.1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    (place / "entry_points.txt").write_text(f"[digicarbon.packs]\n{package} = {package}\n")


def digicarbon(here: Path, path: Path, *words: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(path), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "digicarbon", *words],
        cwd=here,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """The package of a study with the pack of the page, beside a pack that it does not use."""
    folder = tmp_path_factory.mktemp("packs")
    path, here = folder / "installed", folder / "study"
    for block in blocks(PAGE):
        if block.title.startswith("mundlak/"):
            file = path / block.title
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
    model = path / "mundlak" / "model.py"
    model.write_text(f"import mundlak_scale\n{model.read_text(encoding='utf-8')}", encoding="utf-8")
    (path / "mundlak_scale.py").write_text("SCALE = 1\n")
    (path / "mundlak_other.py").write_text("SCALE = 2\n")
    (path / "other").mkdir()
    (path / "other" / "__init__.py").write_text(OTHER)
    about(path, "digicarbon-mundlak", "mundlak")
    about(path, "digicarbon-other", "other")
    for name in ("mlruns", "experiments"):
        (here / name).mkdir(parents=True)
    shutil.copy(empty_store, here / "mlruns" / "mlflow.db")
    (here / "experiments" / "t.yaml").write_text(EXPERIMENT)
    digicarbon(here, path, "run", "t")
    printed = digicarbon(here, path, "package", "t", "--to", str(folder / "package"))
    assert "The package holds the code of packs that did not come with digicarbon: digicarbon-mundlak." in printed
    return folder / "package"


@pytest.mark.long
def test_a_pack_that_a_study_uses_is_in_its_package(packaged: Path) -> None:
    plan = json.loads((packaged / "software" / "rebuild.json").read_text(encoding="utf-8"))
    wheel = "software/digicarbon_mundlak-0.1.0-py3-none-any.whl"
    assert plan["packs"] == [wheel]
    inside = zipfile.ZipFile(packaged / wheel)
    names = set(inside.namelist())
    code = ("__init__.py", "model.py", "report.py", "words/labels.csv", "conf/model/mundlak.yaml")
    assert {f"mundlak/{name}" for name in code} | {"mundlak_scale.py"} <= names
    assert "mundlak_other.py" not in names
    assert not [name for name in names if name.endswith(".pyc")]
    assert b"mundlak = mundlak" in inside.read("digicarbon_mundlak-0.1.0.dist-info/entry_points.txt")
    assert wheel in (packaged / "Dockerfile").read_text()
    assert "mundlak" not in (packaged / "software" / "requirements.lock").read_text()
    assert "digicarbon-mundlak,0.1.0" in (packaged / "software" / "licences.csv").read_text(encoding="utf-8")
    readme = (packaged / "README.md").read_text(encoding="utf-8")
    assert f"The pack digicarbon-mundlak is installed from `{wheel}`." in readme
    assert f"| `{wheel}` | pack |" in readme
    assert not [file for file in packaged.rglob("*") if file.is_file() and b"digicarbon-other" in file.read_bytes()]


@pytest.mark.long
def test_a_rebuild_needs_no_installed_pack(packaged: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [sys.executable, str(packaged / "run_all.py"), "--here"]
    done = subprocess.run(
        words, cwd=packaged.parent, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 of " in done.stdout


@pytest.mark.parametrize("origin", ["index", "folder", "nothing"])
def test_a_compiled_pack_comes_from_an_index_or_is_refused(
    origin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "fast"
    place.mkdir()
    (place / "__init__.py").write_text(OTHER)
    (place / "kernel.so").write_bytes(b"\x7fELF")
    about(tmp_path, "fast-pack", "fast")
    beside = tmp_path / "fast_pack-0.1.0.dist-info"
    (beside / "INSTALLER").write_text("pip\n")
    if origin == "folder":
        (beside / "direct_url.json").write_text("{}")
    installed = None if origin == "nothing" else Distribution.at(beside)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(pack, "distributions", lambda: {"fast": installed})
    folder = pack.folder
    monkeypatch.setattr(pack, "folder", lambda package: place if package == "fast" else folder(package))
    if origin == "index":
        known, files = software.today([], ["fast"])
        assert "fast-pack==0.1.0\n" in files[software.LOCK_FILE].decode()
        assert not known.pack_wheels
        return
    sentence = "compiled for this computer" if origin == "folder" else "an entry point without a distribution"
    with pytest.raises(DataError, match=sentence):
        software.today([], ["fast"])


def test_data_that_may_not_be_passed_on_are_not_in_the_code_of_a_pack() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("gravity/panel.csv", PANEL)
    sources = facts("withheld").sources
    with pytest.raises(DataError, match=r"software/a\.whl/gravity/panel\.csv would have the bytes of panel\.csv"):
        refuse_restricted(sources, {"software/a.whl": target.getvalue()})
