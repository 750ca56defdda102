"""What is said of options: classes, fields, defaults, limits and meanings."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from digicarbon.config.describe import as_yaml, described, find_option, options, words
from digicarbon.config.files import GROUPS
from digicarbon.errors import ConfigError
from digicarbon.spec import Spec


class Base(Spec):
    """A base.

    Attributes
    ----------
    kept : str
        What the base says.
    told : int
        Not this.
    """

    kept: str
    told: int = Field(default=2, ge=1)


class Heir(Base):
    """An heir.

    Attributes
    ----------
    told, also : int
        What the heir says,
        over two lines.

    Notes
    -----
    silent : no attribute
    """

    also: int = 3
    silent: bool = False


def test_meanings_come_of_the_nearest_docstring_and_comments_fill_gaps() -> None:
    found = {field.name: field for field in described(Heir, {"silent": "of the YAML", "told": "never"})}
    assert list(found) == ["kept", "told", "also", "silent"]
    assert found["kept"].meaning == "What the base says."
    assert found["told"].meaning == found["also"].meaning == "What the heir says, over two lines."
    assert found["silent"].meaning == "of the YAML"
    assert (found["kept"].required, found["told"].required) == (True, False)
    assert (found["told"].default, found["told"].allowed) == (2, "whole number ≥ 1")


@pytest.mark.parametrize("group", [*GROUPS, "importer"])
def test_every_field_of_every_shipped_option_is_explained(group: str) -> None:
    silent = [
        f"{option.name}.{field.name}" for option in options(group) for field in option.fields if not field.meaning
    ]
    assert silent == []


@pytest.mark.parametrize("group", [*GROUPS, "importer"])
def test_no_two_fields_of_an_option_are_explained_by_the_same_sentence(group: str) -> None:
    for option in options(group):
        meanings = [field.meaning for field in option.fields]
        assert sorted({*meanings}) == sorted(meanings), option.name


def test_a_reference_to_another_class_is_followed() -> None:
    fields = {field.name: field for field in find_option("inference", "cluster").fields}
    assert not any(field.meaning.startswith("As in") for field in fields.values())
    assert fields["cov"].meaning.endswith("A spatial model takes classic, observed, robust and cluster.")


def test_an_option_that_inherits_has_the_values_of_both(folder: Path) -> None:
    (folder / "conf" / "weights").mkdir(parents=True)
    text = "# three neighbours\ndefaults: [k_nearest, _self_]\nk: 3  # not five\n"
    (folder / "conf" / "weights" / "three.yaml").write_text(text, encoding="utf-8")
    option = find_option("weights", "three")
    assert option.headline == "three neighbours"
    assert option.spec.__name__ == "KNearestWeights"
    shown = {field.name: option.default(field) for field in option.fields}
    assert (shown["k"], shown["normalise"]) == (3, "row")


def test_a_wrong_class_and_a_wrong_name_are_sentences(folder: Path) -> None:
    (folder / "conf" / "weights").mkdir(parents=True)
    (folder / "conf" / "weights" / "odd.yaml").write_text("_target_: nowhere.Class\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"conf/weights/odd.yaml\._target_: the module 'nowhere' cannot be imported"):
        _ = find_option("weights", "odd").spec
    with pytest.raises(ConfigError, match=r"weights has no option 'k_nearst'\. Did you mean 'k_nearest'\?"):
        find_option("weights", "k_nearst")


@pytest.mark.parametrize(
    ("node", "said"),
    [
        ({"enum": ["row", None, 2]}, "row | null | 2"),
        (
            {"anyOf": [{"type": "number", "exclusiveMinimum": 0, "maximum": 1}, {"type": "null"}]},
            "number > 0 and ≤ 1 | null",
        ),
        ({"type": "array", "items": {"type": "string"}}, "list of (text)"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "mapping of names to (true | false)"),
        (
            {"prefixItems": [{"type": "integer"}, {"type": "string", "maxLength": 1}], "type": "array"},
            "[whole number, one character]",
        ),
        ({"$ref": "#/$defs/Model"}, "a mapping: Model"),
    ],
)
def test_types_in_words(node: dict[str, object], said: str) -> None:
    assert words(node) == said


def test_values_in_one_line() -> None:
    assert [as_yaml(value) for value in ("${a.b}", ["碳", 1.5], {}, None, "yes")] == [
        "${a.b}",
        "[碳, 1.5]",
        "{}",
        "null",
        "'yes'",
    ]
