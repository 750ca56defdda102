"""The workflow that rebuilds a package on GitHub: its shape, and its shell steps as they stand."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from digicarbon.recorded.numbers import COMPARISON

TEXT = files("digicarbon.packs.deposit.package").joinpath("rerun.yml").read_text(encoding="utf-8")
WORKFLOW: Any = yaml.safe_load(TEXT)
STEPS: Any = WORKFLOW["jobs"]["rebuild"]["steps"]
RUN_ALL = """
import pathlib, shutil, sys
print("Rebuilding")
{more}
pathlib.Path("build").mkdir(exist_ok=True)
shutil.copyfile("made.csv", "build/comparison.csv")
sys.exit({status})
"""


def test_the_shape_of_the_workflow() -> None:
    # YAML reads `on` as true
    assert set(WORKFLOW[True]) == {"push", "pull_request", "workflow_dispatch"}
    assert WORKFLOW["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert set(WORKFLOW) - {True} <= {"name", "permissions", "concurrency", "defaults", "jobs"}
    assert all(("uses" in step) != ("run" in step) and step["name"] for step in STEPS)
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in STEPS if "uses" in step)
    # the token that every run has, and no secret
    assert "secrets." not in TEXT
    assert {name for step in STEPS for name in step.get("env", {})} == {"GH_TOKEN", "GH_REPO", "NUMBER"}
    # values of GitHub are never pasted into a shell
    assert not [step["name"] for step in STEPS if "${{" in step.get("run", "")]
    last = [step for step in STEPS if "cancelled" in str(step.get("if"))]
    assert [step["name"] for step in last] == [step["name"] for step in STEPS[-3:]]


def step(folder: Path, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a shell step as GitHub does."""
    (own,) = [one["run"] for one in STEPS if one["name"] == name]
    settings = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", **variables}
    settings |= {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    settings |= {"GITHUB_SHA": "0123456789abcdef"}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", own]
    return subprocess.run(shell, cwd=folder, env=settings, capture_output=True, text=True, check=False)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    if shutil.which("bash") is None:
        pytest.fail("The steps need bash.")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    gh = tmp_path / "bin" / "gh"
    gh.write_text('#!/bin/sh\necho "$@" >> gh.log\ncase "$*" in *--edit-last*) exit 1;; esac\n', encoding="utf-8")
    gh.chmod(0o755)
    (tmp_path / "software").mkdir()
    (tmp_path / "software" / "rebuild.json").write_text(json.dumps({"python": "3.12.4"}, indent=1), encoding="utf-8")
    return tmp_path


def made(package: Path, rows: list[tuple[str, ...]], status: int, more: str = "") -> None:
    with (package / "made.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COMPARISON, *rows])
    (package / "run_all.py").write_text(RUN_ALL.format(status=status, more=more), encoding="utf-8")


@pytest.mark.outside
def test_the_steps_say_which_numbers_differ(package: Path) -> None:
    equal = [("main", "FE(1)", f"estimate {k}", "1.0", "1.0", "0", "yes") for k in range(3)]
    differ = [("main", "FE|2", f"estimate {k}", "1.0", "1.5", "0.333", "no") for k in range(60)]
    made(package, [*differ, *equal], 1)
    assert step(package, "Read which Python computed the numbers").returncode == 0
    assert (package / "output").read_text(encoding="utf-8") == "python=3.12\n"
    # the job fails, and its summary is written all the same
    assert step(package, "Rebuild every table and compare every number").returncode == 1
    assert (package / "rebuild.log").read_text(encoding="utf-8") == "Rebuilding\n"
    assert step(package, "Write the summary").returncode == 0
    summary = (package / "summary.md").read_text(encoding="utf-8")
    assert "60 of 63 numbers differ. Experiments: main." in summary
    assert summary.count("| main | FE\\|2 | estimate") == 50
    assert "10 more are in comparison.csv" in summary
    assert "Commit 0123456789\n" in summary
    # no comment yet: a new one
    assert step(package, "Comment on the pull request", NUMBER="7").returncode == 0
    calls = (package / "gh.log").read_text(encoding="utf-8").splitlines()
    assert calls == [
        "pr comment 7 --edit-last --body-file comparison.md",
        "pr comment 7 --body-file comparison.md",
    ]


@pytest.mark.outside
def test_the_steps_of_a_rebuild_that_agrees_or_cannot_begin(package: Path) -> None:
    made(package, [("main", "FE(1)", "estimate 1", "1.0", "1.0", "0", "yes")], 0)
    assert step(package, "Rebuild every table and compare every number").returncode == 0
    assert step(package, "Write the summary").returncode == 0
    assert "0 of 1 numbers differ" in (package / "summary.md").read_text(encoding="utf-8")
    shutil.rmtree(package / "build")
    made(package, [], 2, more="sys.exit('Data are missing: a.csv')")
    assert step(package, "Rebuild every table and compare every number").returncode == 1
    (package / "summary.md").unlink()
    assert step(package, "Write the summary").returncode == 0
    summary = (package / "summary.md").read_text(encoding="utf-8")
    assert "The rebuild ended before numbers were compared. Its last lines:" in summary
    assert "    Data are missing: a.csv" in summary
