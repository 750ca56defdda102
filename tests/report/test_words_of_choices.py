"""Every choice that ships, and every value of it, has words in both languages."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import REPOSITORY

import digicarbon.diagnostic
import digicarbon.executor
import digicarbon.importer
import digicarbon.measure
import digicarbon.model
import digicarbon.outcome
import digicarbon.panel
import digicarbon.source
import digicarbon.weights
from digicarbon import inference, sample
from digicarbon.config.files import GROUPS
from digicarbon.data import choice_words, option_words
from digicarbon.plan.prepare import KINDS
from digicarbon.report import Labels
from digicarbon.report.base import Record, heads
from digicarbon.result import Result
from digicarbon.spec import Spec

ROOMS = (digicarbon.model, digicarbon.measure, digicarbon.outcome, digicarbon.source, digicarbon.weights)
ROOMS = (*ROOMS, digicarbon.panel, digicarbon.diagnostic, inference, sample)
CONF = REPOSITORY / "conf"
OPTIONS = [(path.parent.name, path.stem) for group in (*GROUPS, "importer") for path in (CONF / group).glob("*.yaml")]


def shipped_classes() -> Iterator[type[Spec]]:
    """Yield each specification of a room that a grid can vary."""
    for room in ROOMS:
        for name in dir(room):
            thing = getattr(room, name)
            if isinstance(thing, type) and issubclass(thing, Spec) and thing.role in KINDS:
                yield thing


def literals(annotation: Any) -> Iterator[str]:
    """Yield the values of all literals within a type."""
    if typing.get_origin(annotation) is typing.Literal:
        yield from map(str, typing.get_args(annotation))
    for inner in typing.get_args(annotation):
        yield from literals(inner)


FIELDS: dict[tuple[str, str], dict[str, None]] = {}
"""The values of each field of a kind of specification, as far as they are listed."""
for shipped in shipped_classes():
    for field, info in shipped.model_fields.items():
        FIELDS.setdefault((shipped.role, field), {}).update(dict.fromkeys(literals(info.annotation)))


def test_the_classes_of_all_rooms_are_seen() -> None:
    assert {role for role, _ in FIELDS} == set(KINDS)
    assert ("model", "effects") in FIELDS
    assert "two_way" in FIELDS["model", "effects"]


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_has_words(group: str, option: str) -> None:
    assert set(choice_words()[group]) == {"en", "zh"}
    assert set(option_words()[f"{group}={option}"]) == {"en", "zh"}
    for language in ("en", "zh"):
        words = Labels(language)
        assert words.choice(group) not in ("", group)
        assert words.option(group, option)


@pytest.mark.parametrize(("role", "name"), FIELDS)
def test_every_field_and_its_values_have_words(role: str, name: str) -> None:
    key = f"{role}.{name}"
    for words in (Labels("en"), Labels("zh")):
        assert words.choice(key) != key
        for value in FIELDS[role, name]:
            shipped = f"{key}={value}" in option_words() or f"{name}={value}" in option_words()
            # some values are variables, which have words of their own
            assert shipped or words.option(key, value) == words(value) != value
            assert "_" not in words.option(key, value)


def test_no_word_is_empty_and_no_chinese_word_is_in_english() -> None:
    for table in (choice_words(), option_words()):
        for key, words in table.items():
            assert words["en"].strip() == words["en"] != "", key
            assert words["zh"].strip() == words["zh"] != "", key
            assert not re.search("[\u4e00-\u9fff]", words["en"]), key


ENGLISH = {
    "W1 digeco, model.effects=two_way": "W1 digeco, Fixed effects: unit and time",
    "model=sdm, weights=w1_adjacency": "spatial Durbin (SDM), W1 (shared borders)",
    "outcome.controls=[ln_pgdp,ln_e]": "Controls: ln(GDP per head), ln(Digital economy)",
    "outcome.controls=[]": "Controls: none",
    "model.lags=2, source.unit_effects=True": "Lags: 2, Unit effects: yes",
    "weights.threshold=600.0": "Distance band (km): 600.0",
    "mine, model.own_field=3": "mine, model.own_field=3",
    "": "",
}
CHINESE = {
    "W1 digeco, model.effects=two_way": "W1，数字经济指数，固定效应：个体和时间",
    "model=sdm, weights=w1_adjacency": "空间杜宾模型（SDM），W1（邻接）",
    "outcome.controls=[ln_pgdp,ln_e]": "控制变量：ln(人均地区生产总值)、ln(数字经济)",
    "outcome.controls=[]": "控制变量：无",
    "model.lags=2, source.unit_effects=True": "滞后期：2，个体固定效应：是",
    "mine, model.own_field=3": "mine，model.own_field=3",
}


def test_a_run_is_called_by_its_choices() -> None:
    assert {label: Labels("en").head(label) for label in ENGLISH} == ENGLISH
    assert {label: Labels("zh").head(label) for label in CHINESE} == CHINESE
    assert {label: Labels().head(label) for label in ENGLISH} == {label: label for label in ENGLISH}


def test_own_words_of_choices_values_and_columns_go_first() -> None:
    own = {"model.effects": "Effects", "weights=mine": "My weights", "effects=time": "years", "A": "First"}
    for language in (None, "en", "zh"):
        words = Labels(language, own)
        assert words.choice("model.effects") == "Effects"
        assert words.option("weights", "mine") == words.head("weights=mine") == "My weights"
        assert words.option("model.effects", "time") == "years"
        assert words.head("A, weights=mine").startswith("First")
    assert Labels(None, own).head("A, model.cov=robust") == "First, model.cov=robust"
    assert Labels(None, own).run("A, model.effects=time") == "First, Effects = years"


def test_runs_of_equal_words_keep_their_labels() -> None:
    runs = [Record(label, {}, {}, Result("none", "y")) for label in ("weights=a", "weights=b", "weights=w2_nested")]
    words = Labels("en", {"weights=a": "W", "weights=b": "W"})
    assert heads(runs, words) == ["weights=a", "weights=b", "W2 (distance and economy, nested)"]
