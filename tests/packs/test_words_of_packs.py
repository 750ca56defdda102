"""Words of the core and of all packs together."""

from __future__ import annotations

import sys

import yaml
from conftest import REPOSITORY

sys.path += [str(REPOSITORY / "tests" / room) for room in ("note", "report")]

from test_note import ROOT, WORDS, made
from test_words_of_choices import FIELDS, OPTIONS

from digicarbon.config.files import GROUPS
from digicarbon.data import choice_words, old_note_words, option_words
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


CONFIGURED = sorted((ROOT.parent / "conf" / "source").glob("*.yaml"))


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
