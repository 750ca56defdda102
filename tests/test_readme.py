"""What the README promises: its commands are those that .ci/run and the Makefile use, its files exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_ci_installs_and_tests_as_the_readme_does() -> None:
    test_command = next(line for line in README.splitlines() if line.startswith("python3") and "pytest" in line)
    ci = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
    for part in ("-c constraints.txt -e '.[dev]'", "-n auto"):
        assert part in test_command
        assert part in ci


@pytest.mark.parametrize(
    "page",
    [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))],
    ids=lambda page: page.relative_to(REPOSITORY).as_posix(),
)
def test_every_extra_that_a_page_names_exists(page: Path) -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"'(?:digicarbon|\.)\[([\w,]+)\]'", page.read_text(encoding="utf-8"))
    assert {extra for found in named for extra in found.split(",")} <= set(project["optional-dependencies"])


def test_every_link_points_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (REPOSITORY / target).exists(), target


def test_yaml_of_the_readme_is_valid_and_its_experiment_is_the_shipped_one() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    loaded = [yaml.safe_load(block) for block in blocks]
    assert len(loaded) >= 5
    name = re.search(r"# experiments/(\w+)\.yaml", blocks[0])
    assert name is not None
    shipped = yaml.safe_load((REPOSITORY / "experiments" / f"{name[1]}.yaml").read_text(encoding="utf-8"))
    assert loaded[0]["defaults"] == shipped["defaults"]
    assert loaded[0]["title"] == shipped["title"]
    assert loaded[0]["model"] == shipped["model"]
    assert loaded[0]["columns"].items() <= shipped["columns"].items()
