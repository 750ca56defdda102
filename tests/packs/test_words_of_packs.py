"""Words of the core and of all packs together."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from code_facts import sources
from conftest import REPOSITORY

sys.path.append(str(REPOSITORY / "tests" / "report"))

from test_words_of_choices import FIELDS, OPTIONS

import digicarbon
from digicarbon.config.files import GROUPS
from digicarbon.data import choice_words, command_words, error_words, note_words, old_note_words, option_words
from digicarbon.report.labels import BESIDE


def test_words_are_of_something_that_ships() -> None:
    """A word of a choice that was renamed would never be shown."""
    names = {name for _, name in FIELDS} | {f"{role}.{name}" for role, name in FIELDS}
    others = {*GROUPS, "importer", "column", "draw.n"}
    nested = {"folder", "files", "path", "unit", "time", "columns", "sheet", "encoding", "delimiter", "decimal"}
    nested |= {"thousands", "names", "value", "file", "column", "where", "factor", "then", "flows", "sectors", "flow"}
    nested |= {"value_added", "output", "name", "series", "values", "vintage"}
    assert set(choice_words()) <= names | others | nested
    options = {f"{group}={option}" for group, option in OPTIONS}
    values = {f"{name}={value}" for (_, name), found in FIELDS.items() for value in found}
    nested_values = {key for key in option_words() if key.partition("=")[0] in nested}
    beside = {key: key.split(BESIDE) for key in option_words() if BESIDE in key}
    assert all(option in options and field in names for option, field in beside.values())
    assert set(option_words()) - set(beside) <= options | values | nested_values


ROOT = Path(digicarbon.__file__).parent


CONFIGURED = sorted((ROOT.parent / "conf" / "source").glob("*.yaml"))


WORDS = {**note_words(), **error_words(), **command_words()}


def codes_of(node: ast.expr) -> list[str]:
    """Return the codes that an expression can be; none where it is neither a text nor one of two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*codes_of(node.body), *codes_of(node.orelse)]
    return []


def made() -> Iterator[tuple[str, list[str], set[str], bool]]:
    """Yield where a note is made, its codes, the fields that are named, and whether there are more."""
    for path, tree in sources(ROOT):
        # these turn what was recorded, and any code, into notes
        if path.parent.name == "note" and path.stem in ("__init__", "recorded"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Note":
                if isinstance(node.args[0], ast.Name) and node.args[0].id == "PLAIN":
                    # a sentence that is none of ours
                    continue
                given = {word.arg for word in node.keywords if word.arg}
                more = any(word.arg is None for word in node.keywords)
                yield f"{path}:{node.lineno}", codes_of(node.args[0]), given, more


def test_every_code_of_the_table_is_used_and_no_old_one_is() -> None:
    used = {code for _, codes, _, _ in made() for code in codes}
    # what the room of notes itself makes
    used |= {
        "and_more",
        "labels_and_more",
        "sentences",
        "cell",
        "placed",
        "place_of_key",
        "on_the_command_line",
        "did_you_mean",
        "columns_there",
        "text_column",
    }
    # named in configurations
    used |= {text for path in CONFIGURED for text in yaml.safe_load(path.read_text(encoding="utf-8")).get("cite", ())}
    assert used == set(WORDS) - set(old_note_words())
