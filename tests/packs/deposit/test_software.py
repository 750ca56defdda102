"""The software of a package: a closed list of versions, and a wheel of what is installed."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import platform
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import digicarbon
from digicarbon.packs.deposit.package import software

pytestmark = pytest.mark.long


def pins() -> dict[str, Requirement]:
    lines = software.lock_file().decode().splitlines()
    pinned = [Requirement(line) for line in lines if not line.startswith("#")]
    return {canonicalize_name(one.name): one for one in pinned}


def test_the_lock_file_has_the_installed_version_of_all_that_its_packages_need() -> None:
    known = pins()
    for name in ("digicarbon", *known):
        installed = distribution(name)
        if name != "digicarbon":
            assert str(known[name].specifier) == f"=={installed.version}"
        for text in installed.requires or ():
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                assert canonicalize_name(need.name) in known, f"{name} needs {need.name}"
    assert {"numpy", "mlflow", "hydra-core"} <= set(known)
    assert "digicarbon" not in known
    assert not {"pytest", "mkdocs-material"} & set(known)


def test_packages_of_modules_of_the_authors_are_locked_too() -> None:
    module = b"import os\nimport numpy as np\nfrom pytest import mark\nfrom . import helper\nimport digicarbon.model\n"
    assert software.imported([module]) == ("numpy", "pytest")
    assert "pytest==" in software.lock_file(("pytest",)).decode()
    known = {one.name: one.direct for one in software.packages(("pytest",))}
    assert known["pytest"]
    assert known["numpy"]
    assert not known["pluggy"]
    rows = list(csv.DictReader(io.StringIO(software.licences(software.packages()).decode())))
    assert rows[0]["package"] == "digicarbon"
    assert {canonicalize_name(row["package"]) for row in rows} - {"digicarbon"} == set(pins())
    assert {row["required_itself"] for row in rows} == {"yes", "no"}


@pytest.mark.parametrize(("version", "tag"), [("3.11.7", "3.11.7"), ("3.12.3+", "3.12.3")])
def test_the_container_has_the_same_python(version: str, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "python_version", lambda: version)
    assert software.python() == tag
    assert f"FROM python:{tag}-slim\n" in software.docker_file("x.whl").decode()


def test_conditions_hold_on_this_computer() -> None:
    conditional = [one for one in pins().values() if one.marker is not None]
    assert conditional
    assert all(one.marker is not None and one.marker.evaluate() for one in conditional)


def test_the_wheel_is_whole() -> None:
    name, content = software.wheel()
    assert name == f"digicarbon-{digicarbon.__version__}-py3-none-any.whl"
    archive = zipfile.ZipFile(io.BytesIO(content))
    files = archive.namelist()
    assert len(set(files)) == len(files)
    needed = {
        "digicarbon/__main__.py",
        "digicarbon/conf/config.yaml",
        "digicarbon/experiments/paper.yaml",
        "digicarbon/packs/deposit/package/run_all.py",
        "hydra_plugins/digicarbon/__init__.py",
    }
    assert needed <= set(files)
    assert not [file for file in files if file.endswith(".pyc") or "digicarbon/plugins" in file]
    about = f"digicarbon-{digicarbon.__version__}.dist-info"
    assert f"\nVersion: {digicarbon.__version__}\n" in archive.read(f"{about}/METADATA").decode()
    record = {row[0]: row[1:] for row in csv.reader(io.StringIO(archive.read(f"{about}/RECORD").decode()))}
    assert set(record) == set(files)
    for file, (sha256, size) in record.items():
        if file != f"{about}/RECORD":
            digest = base64.urlsafe_b64encode(hashlib.sha256(archive.read(file)).digest()).rstrip(b"=").decode()
            assert (sha256, size) == (f"sha256={digest}", str(len(archive.read(file))))
    assert software.wheel()[1] == content


def test_a_wheel_of_an_installed_wheel_is_the_same_wheel(tmp_path: Path) -> None:
    content = software.wheel()[1]
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    program = (
        "import hashlib, digicarbon\nfrom digicarbon.packs.deposit.package.software import wheel\n"
        "print(digicarbon.__file__, hashlib.sha256(wheel()[1]).hexdigest())"
    )
    settings = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path, env=settings
    )
    where, sha256 = done.stdout.split()
    assert Path(where) == tmp_path / "digicarbon/__init__.py"
    assert sha256 == hashlib.sha256(content).hexdigest()
