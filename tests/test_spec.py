"""Specifications that many runs share are one object, and never one of other content."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from digicarbon.errors import ConfigError
from digicarbon.outcome import NoOutcome, Outcome
from digicarbon.sample import Sample
from digicarbon.spec import Builder, build


def node(**fields: Any) -> dict[str, Any]:
    return {"_target_": "digicarbon.sample.Sample", **fields}


def test_equal_nodes_come_to_one_object() -> None:
    builder = Builder()
    one = node(first=2013)
    first = builder.build(one, Sample, "sample")
    assert builder.build(one, Sample, "sample") is first
    assert builder.build(node(first=2013), Sample, "sample") is first
    assert builder.build(node(first=2014), Sample, "sample") is not first
    assert first == build(one, Sample, "sample")


def test_another_content_at_the_same_place_in_memory_is_another_object() -> None:
    builder = Builder()
    found = [builder.build(node(first=year), Sample, "sample").first for year in range(5000)]
    assert found == list(range(5000))


def test_what_only_looks_equal_is_told_apart() -> None:
    builder = Builder()
    assert builder.build(node(first=1), Sample, "sample").first == 1
    for value in (True, 1.0, "1"):
        with pytest.raises(ConfigError, match=r"sample\.first"):
            builder.build(node(first=value), Sample, "sample")


def test_a_kind_is_checked_on_every_call() -> None:
    builder = Builder()
    none = {"_target_": "digicarbon.outcome.NoOutcome"}
    assert isinstance(builder.build(none, Outcome, "outcome"), NoOutcome)
    with pytest.raises(ConfigError, match="is not a digicarbon Sample"):
        builder.build(none, Sample, "outcome")


def test_a_module_that_was_loaded_anew_gives_its_new_class(folder: Path) -> None:
    builder = Builder()
    mine = {"_target_": "mine.Mine"}
    for number in (1, 2):
        sys.modules.pop("mine", None)
        code = f"from digicarbon.sample import Sample\n\nclass Mine(Sample):\n    extra: int = {number}\n"
        Path("mine.py").write_text(code + "#" * number, encoding="utf-8")
        assert builder.build(mine, Sample, "sample").model_dump()["extra"] == number
        assert builder.build(dict(mine), Sample, "sample") is builder.build(mine, Sample, "sample")


def test_a_users_tuple_that_takes_no_list_says_how_to_declare_it(folder: Path) -> None:
    sys.modules.pop("mine", None)
    code = "from digicarbon.sample import Sample\n\nclass Mine(Sample):\n    names: tuple[str, ...] = ()\n"
    Path("mine.py").write_text(code, encoding="utf-8")
    with pytest.raises(
        ConfigError, match=r"sample\.names: the class Mine declares a tuple .* `digicarbon\.spec\.Names`"
    ):
        build({"_target_": "mine.Mine", "names": ["a", "b"]}, Sample, "sample")
