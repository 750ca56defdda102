"""What the README promises: its links and its commands are those that exist (tests/docs follows it to the letter)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_ci_installs_and_tests_as_the_pages_say() -> None:
    contributing = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    test_command = next(line for line in contributing.splitlines() if line.startswith("python3") and "pytest" in line)
    ci = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    for part in ("-c constraints.txt -e '.[dev]'", "-n auto"):
        assert part in test_command
        assert part in ci
    install = README.partition('title="install"\n')[2].splitlines()
    run_command = next(line for line in contributing.splitlines() if line.endswith("digicarbon run table3_baseline"))
    assert run_command.startswith(" && ".join(install[:2]))


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


def test_the_experiment_that_is_explained_is_the_shipped_one() -> None:
    page = (REPOSITORY / "docs" / "experiment.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(shown) == 2
    loaded = [yaml.safe_load(block) for block in shown]
    name = re.search(r"# experiments/(\w+)\.yaml", shown[0])
    assert name is not None
    shipped = yaml.safe_load((REPOSITORY / "experiments" / f"{name[1]}.yaml").read_text(encoding="utf-8"))
    assert loaded[0]["defaults"] == shipped["defaults"]
    assert loaded[0]["title"] == shipped["title"]
    assert loaded[0]["model"] == shipped["model"]
    assert loaded[0]["columns"].items() <= shipped["columns"].items()
