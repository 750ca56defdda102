"""What the README promises: its links and its commands are those that exist (tests/docs follows it to the letter)."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY

from digicarbon.config.compose import Composer, loader
from digicarbon.config.flat import in_full
from digicarbon.plan.runs import plan

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def line(title: str, page: str = "README.md") -> str:
    """The line of the block of a page that has a title."""
    (found,) = re.findall(rf'^```sh title="{title}"\n(.*)\n```$', (REPOSITORY / page).read_text("utf-8"), re.MULTILINE)
    return str(found)


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_two_commands_on_the_first_screen_do_all_the_set_up(page: str) -> None:
    first, second = line("install", page), line("tests", page)
    assert first.endswith(" && .venv/bin/digicarbon run table3_baseline")
    assert second.endswith(" && .venv/bin/pytest -n auto")
    for command in (first, second):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
        assert page == "README.md" or command in README
    screen = "\n".join((REPOSITORY / page).read_text(encoding="utf-8").splitlines()[:30])
    assert first in screen
    assert second in screen


STUB = """#!/bin/sh
echo "$0 $*" >> "$LOG"
case "$0 $*" in
  *"python3 -m venv .venv")
    mkdir -p .venv/bin
    for name in pip python ruff mypy lint-imports mkdocs pytest; do cp "$0" .venv/bin/$name; done;;
esac
"""
"""Stands for a program: notes how it was called."""


@pytest.mark.skipif(os.name != "posix", reason="a script of bash")
def test_ci_runs_the_command_of_the_tests_to_the_letter(tmp_path: Path) -> None:
    project, programs, log = tmp_path / "project", tmp_path / "programs", tmp_path / "log"
    (project / ".ci").mkdir(parents=True)
    (project / "tests").mkdir()
    shutil.copy(REPOSITORY / "README.md", project)
    shutil.copy(REPOSITORY / ".ci" / "run", project / ".ci")
    programs.mkdir()
    for name in ("python3", "apt-get", "dpkg-query"):
        (programs / name).write_text(STUB, encoding="utf-8")
        (programs / name).chmod(0o755)
    (project / "tests" / "test_one.py").write_text("pytestmark = pytest.mark.outside\n", encoding="utf-8")
    settings = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LOG": str(log)}
    done = subprocess.run([project / ".ci" / "run"], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    called = [said.replace(f"{programs}/", "") for said in log.read_text(encoding="utf-8").splitlines()]
    called = [said for said in called if not said.startswith(("apt-get", "dpkg-query"))]
    parts = [shlex.join(shlex.split(part)).replace("'", "") for part in line("tests").split(" && ")]
    # the environment first, then the quick checks, then the whole line
    assert called[:2] == parts[:2]
    place = called.index(parts[2])
    assert called[place - 2 : place + 1] == parts
    assert {said.split()[0].rpartition("/")[2] for said in called[2 : place - 2]} == {
        *("ruff", "mypy", "lint-imports", "mkdocs"),
    }
    assert called[-1].endswith("tests/test_one.py")


@pytest.mark.parametrize(
    "page",
    [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))],
    ids=lambda page: page.relative_to(REPOSITORY).as_posix(),
)
def test_every_extra_that_a_page_names_exists(page: Path) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"'(?:digicarbon|\.)\[([\w,]+)\]'", page.read_text(encoding="utf-8"))
    assert {extra for found in named for extra in found.split(",")} <= set(project["optional-dependencies"])


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_every_link_points_to_a_file(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)", (REPOSITORY / page).read_text(encoding="utf-8")):
        assert (REPOSITORY / target).exists(), target


@pytest.mark.parametrize("page", ["docs/experiment.md", "docs/zh/experiment.md"])
def test_the_experiments_that_are_explained_can_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short, grid, long = re.findall(r"```yaml\n(.*?)```", (REPOSITORY / page).read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for file in (REPOSITORY / "docs/example").glob("*.csv"):
        shutil.copy(file, tmp_path)
    (tmp_path / "experiments").mkdir()
    for name, text in (("mine", short), ("other", f"from: mine\n{grid}")):
        (tmp_path / "experiments" / f"{name}.yaml").write_text(text, encoding="utf-8")
    assert [run.choice.column for run in plan(Composer(loader(), "mine")).runs] == ["(1)", "(2)", "(3)"]
    assert len(plan(Composer(loader(), "other")).runs) == 3 * 4
    name = re.search(r"# experiments/(\w+)\.yaml", long)
    assert name is not None
    file = REPOSITORY / "experiments" / f"{name[1]}.yaml"
    shipped: Any = in_full(yaml.safe_load(file.read_text(encoding="utf-8")), file)
    explained = yaml.safe_load(long)
    for key in ("defaults", "title", "model"):
        assert explained[key] == shipped[key]
    assert explained["columns"].items() <= shipped["columns"].items()
