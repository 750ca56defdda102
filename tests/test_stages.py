"""The tests are parted into stages, of which README's command is the first: each test is in exactly one."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression
from conftest import COLLECTED, REPOSITORY

SCRIPT = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8")
SETTINGS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
MARKS = [line.partition(":")[0] for line in SETTINGS["markers"]]


def expressions() -> list[str]:
    """Return the expression of each stage: that of the settings, which README's command has, and the script's."""
    (first,) = re.findall(r"-m '([^']*)'", SETTINGS["addopts"])
    return [first, *(quoted or word for quoted, word in re.findall(r"pytest\" -m (?:'([^']*)'|(\w+))", SCRIPT))]


def stages_of(marks: set[str]) -> list[str]:
    """Return the expressions that take a test with some marks."""
    return [one for one in expressions() if Expression.compile(one).evaluate(lambda name, **_: name in marks)]


def test_whatever_marks_a_test_has_it_is_in_one_stage() -> None:
    assert len(expressions()) == 2
    for count in range(len(MARKS) + 1):
        for marks in itertools.combinations(MARKS, count):
            assert len(stages_of(set(marks))) == 1, marks


def test_each_test_that_was_read_is_in_exactly_one_stage(request: pytest.FixtureRequest) -> None:
    items = request.config.stash[COLLECTED]
    assert request.node.nodeid in {item.nodeid for item in items}
    found = {item.nodeid: stages_of({mark.name for mark in item.iter_markers()}) for item in items}
    assert {name: stages for name, stages in found.items() if len(stages) != 1} == {}
    # the script reads only files in which it finds the mark
    for mark in ("long", "outside"):
        files = {item.path for item in items if item.get_closest_marker(mark)}
        assert [file for file in files if f"mark.{mark}" not in file.read_text(encoding="utf-8")] == []
    assert sum(Counter(stages[0] for stages in found.values()).values()) == len(items)


def test_pages_say_how_the_other_stages_are_run() -> None:
    for name in ("README.md", "README.zh.md", "CONTRIBUTING.md"):
        text = Path(REPOSITORY, name).read_text(encoding="utf-8")
        assert "pytest -m long" in text, name
        assert "pytest -m outside" in text, name
