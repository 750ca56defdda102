"""Specifications that many runs share are one object, and never one of other content."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.outcome import NoOutcome, Outcome
from digicarbon.sample import Sample
from digicarbon.spec import Builder, Names, Spec, SpecError, build


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


class Fields(Spec):
    """One field of each kind."""

    flag: bool = True
    whole: int = 1
    share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    above: Annotated[float, Field(gt=0, le=2)] = 1.0
    text: Annotated[str, Field(min_length=2, max_length=3, pattern="^a")] = "ab"
    names: Annotated[Names, Field(min_length=1, max_length=2)] = ("a",)
    table: dict[str, int] | None = None
    kinds: tuple[Literal["one", "two"], ...] | None = None
    year: Literal[1, 2] = 1
    inner: Spec | None = None
    day: date | None = None


@pytest.mark.parametrize(
    ("field", "value", "reason", "chinese"),
    [
        ("flag", "yes", "must be true or false", "必须是true或false"),
        ("whole", 0.5, "must be a whole number", "必须是整数"),
        ("share", "x", "must be a number", "必须是数"),
        ("share", float("inf"), "must be a finite number", "必须是有限的数"),
        ("share", -1, "must be at least 0", "不得小于0"),
        ("share", 1, "must be less than 1", "必须小于1"),
        ("above", 0, "must be greater than 0", "必须大于0"),
        ("above", 3, "must be at most 2", "不得大于2"),
        ("text", 1, "must be a text", "必须是文本"),
        ("text", "a", "must have at least 2 characters", "至少须有2个字符"),
        ("text", "abcd", "must have at most 3 characters", "最多只能有3个字符"),
        ("text", "bc", "must match the pattern ^a", "必须符合模式^a"),
        ("names", [], "must have at least 1 item", "至少须有1项"),
        ("names", ["a", "b", "c"], "must have at most 2 items", "最多只能有2项"),
        ("table", 1, "must be a mapping", "必须是映射"),
        ("inner", 1, "must be a mapping with the fields of Spec", "必须是含有Spec各字段的映射"),
        ("day", "x", "does not fit the type of the field (date_type)", "不符合字段的类型（date_type）"),
    ],
)
def test_what_a_field_takes_is_said_in_both_languages(field: str, value: object, reason: str, chinese: str) -> None:
    with pytest.raises(SpecError) as caught:
        Fields(**{field: value})
    assert str(caught.value) == f"Fields.{field}: {reason}; got {value!r}."
    assert caught.value.said.text("zh") == f"Fields.{field}：{chinese}；得到{value!r}。"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("kinds", ("onne",), "Fields.kinds.0 must be one of 'one', 'two'; got 'onne'. Did you mean 'one'?"),
        ("year", 3, "Fields.year must be one of 1, 2; got 3."),
        ("whole", None, "Fields.whole must be given (must be a whole number); got nothing."),
    ],
)
def test_allowed_values_are_those_of_the_field(field: str, value: object, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        Fields(**{field: value})
    assert str(caught.value) == words


class Several(Spec):
    """Fields of several types, and of a list of limited numbers."""

    cluster: str | Annotated[tuple[str, str], Field(strict=False)] = "unit"
    levels: Annotated[tuple[Annotated[float, Field(lt=1)], ...], Field(strict=False, min_length=1)] = (0.5,)
    ways: Literal["auto"] | int = "auto"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        # neither pydantic's names of types nor a fault of a type that the value is not of
        ({"cluster": ["a", "b", "c"]}, "m.cluster: must have at most 2 items; got ['a', 'b', 'c']."),
        ({"cluster": ["a"]}, "m.cluster has too few items: it needs 2; got ['a']."),
        ({"cluster": []}, "m.cluster has too few items: it needs 2; got []."),
        ({"cluster": [1, "a"]}, "m.cluster.0: must be a text; got 1."),
        ({"cluster": 3}, "m.cluster: must be a text; got 3. m.cluster must be a list, e.g. [3]; got 3."),
        # a list of one wrong item is not empty
        ({"levels": [1.5]}, "m.levels.0: must be less than 1; got 1.5."),
        ({"levels": []}, "m.levels: must have at least 1 item; got []."),
        ({"ways": "x"}, "m.ways must be one of 'auto'; got 'x'. m.ways: must be a whole number; got 'x'."),
    ],
)
def test_each_fault_is_named_once_and_by_its_key(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as error:
        Several(**fields)
    assert error.value.note("m").text("en") == said
