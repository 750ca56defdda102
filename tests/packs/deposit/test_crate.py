"""The RO-Crate of packages by roc-validator, which needs an environment of its own: it takes an older rich."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import rocrate
import specimen
import yaml

from digicarbon.__main__ import main
from digicarbon.packs.deposit.package.answers import Answers
from digicarbon.packs.deposit.package.documents import documents
from digicarbon.packs.deposit.package.facts import Facts

pytestmark = pytest.mark.outside

PROFILES = ("ro-crate-1.1", "process-run-crate-0.5", "workflow-ro-crate-1.0", "workflow-run-crate-0.5")
KNOWN = {
    # nobody publishes a package before it is deposited, and an organisation's address is not asked for
    "ro-crate-1.1_22.3",
    "ro-crate-1.1_31.2",
    # the validator takes the name of a class for a program
    "process-run-crate-0.5_5.1",
}
"""Recommendations that no package follows."""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("validator")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "roc-validator"], check=True)
    context = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
    subprocess.run([python, Path(__file__).parent / "warm.py", context, folder / "cache"], check=True)
    return folder


def issues(environment: Path, package: Path, profile: str, severity: str) -> list[dict[str, Any]]:
    program = next(environment.glob("*/rocrate-validator*"))
    report = environment / "report.json"
    report.unlink(missing_ok=True)
    said = subprocess.run(
        [
            *(program, "-y", "validate", "--offline", "--skip-availability-check"),
            *("--cache-path", environment / "cache", "-p", profile, "-l", severity),
            *("--no-paging", "-f", "json", "-o", report, package),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.is_file(), said.stdout + said.stderr
    found: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["issues"]
    return found


def put(folder: Path, facts: Facts, answers: Answers) -> Path:
    for name, content in {**facts.files, **documents(facts, answers)}.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("shared", ["copied", "instructions", "open"])
def test_crates_of_all_kinds_of_data_are_valid(environment: Path, tmp_path: Path, profile: str, shared: str) -> None:
    answers = Answers() if shared == "open" else Answers(**specimen.whole())
    assert issues(environment, put(tmp_path / "package", specimen.facts(shared), answers), profile, "required") == []


def test_recommendations_are_followed(environment: Path, tmp_path: Path) -> None:
    whole = dict(specimen.whole())
    whole["authors"] = [{"name": "Li Hua", "orcid": "0000-0002-1825-0097", "affiliation": "Nankai University"}]
    package = put(tmp_path / "package", specimen.facts(), Answers(**whole))
    found = issues(environment, package, "workflow-run-crate-0.5", "recommended")
    assert {one["check"]["identifier"] for one in found} <= KNOWN, [one["message"] for one in found]


def test_the_validator_finds_what_is_missing(environment: Path, tmp_path: Path) -> None:
    package = put(tmp_path / "package", specimen.facts(), Answers())
    file = package / "ro-crate-metadata.json"
    crate = json.loads(file.read_text(encoding="utf-8"))
    for one in crate["@graph"]:
        if one["@type"] == "CreateAction":
            del one["instrument"]
    file.write_text(json.dumps(crate), encoding="utf-8")
    found = issues(environment, package, "workflow-run-crate-0.5", "required")
    assert any("instrument" in one["message"] for one in found)


def test_the_package_of_an_experiment_is_valid(environment: Path, project: Path) -> None:
    assert main(["run", "table6_moran"]) == 0
    Path("experiments").mkdir(exist_ok=True)
    answers = {key: value for key, value in specimen.whole().items() if key != "data"}
    answers["in_paper"] = {"table6_moran": "Table 6"}
    Path("experiments/package.yaml").write_text(yaml.safe_dump(answers, allow_unicode=True), encoding="utf-8")
    assert main(["package", "table6_moran", "--to", "package"]) == 0
    for profile in PROFILES:
        assert issues(environment, Path("package"), profile, "required") == []
    shutil.rmtree("package")
