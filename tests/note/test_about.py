"""What an error is about is read from its note, and changed there."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from pydantic import field_validator, model_validator

from digicarbon.errors import ConfigError, DataError, DigicarbonError
from digicarbon.executor import LocalExecutor
from digicarbon.note import Note, note_of
from digicarbon.note.about import at, group_of, key_of, of_file, rebased, under, with_file, with_hint
from digicarbon.spec import Spec, SpecError, build

WRONG = Note("wrong_value", key="model.x.0", reason="must be a text", given="1")
OPTION = Note("executor_needs_package", group="executor", option="ray", package="ray", install="ray")


@pytest.mark.parametrize(
    ("said", "key", "group"),
    [
        (WRONG, "model.x.0", ""),
        (Note("with_hint", first=WRONG, hint=""), "model.x.0", ""),
        (Note("no_such_key", key="grid.model", hint="", keys=()), "", ""),
        (OPTION, "", "executor"),
        ("model.x must be a name.", "model.x", ""),
        ("source=mine has no table.", "", "source"),
        ("Said.", "", ""),
    ],
)
def test_key_and_group(said: object, key: str, group: str) -> None:
    error = DigicarbonError(said)
    assert (key_of(error), group_of(error)) == (key, group)


@pytest.mark.parametrize("said", [WRONG, str(WRONG)])
def test_an_error_is_told_at_a_place_and_of_another_key(said: object) -> None:
    error = ConfigError(said)
    found = at(error, "mine.yaml", "measure.terms.0")
    assert str(found) == "mine.yaml: measure.terms.0: must be a text; got 1."
    assert (type(found), found.where, found.key) == (ConfigError, "mine.yaml", "measure.terms.0")
    assert str(at(error, "mine.yaml")) == f"mine.yaml: {WRONG}"
    assert str(with_hint(found, Note("did_you_mean", name="e"))) == f"{found} Did you mean 'e'?"
    assert note_of(found).text("zh").startswith("mine.yaml：measure.terms.0")


def test_a_key_comes_before_what_tells_none() -> None:
    assert str(under(DataError("It is empty."), "model.x")) == "model.x: It is empty."
    assert str(under(DataError(WRONG), "diagnostic.by")) == str(WRONG)
    assert str(under(DataError("It is empty."), "")) == "It is empty."


def test_a_file_stands_behind_a_key() -> None:
    defined = Note("in_definition", key="panel.derive.a", expression="b + 1", said=Note("text", text="No b."))
    assert str(with_file(DataError(defined), "p.csv")) == "panel.derive.a = b + 1: p.csv: No b."
    assert str(with_file(DataError("No b."), "p.csv")) == "p.csv: No b."
    assert str(with_file(DataError("model.x=e: no e."), "p.csv")) == "model.x=e: p.csv: no e."
    assert str(with_file(DataError(WRONG), "")) == str(WRONG)


def test_weights_are_called_by_the_name_of_their_file() -> None:
    assert str(of_file(DataError("w: no neighbour."), "data/w.csv")) == "w.csv: no neighbour."
    assert str(of_file(DataError("data/w.csv is empty."), "data/w.csv")) == "data/w.csv is empty."
    named = Note("in_term", term="w", said="empty")
    assert str(of_file(DataError(named), "data/w.csv")) == "w.csv: empty"


def test_keys_of_a_node_within_a_node() -> None:
    both = Note("faults", first=WRONG, others=[WRONG.changed(key="model.y")])
    assert rebased(both, "model", "diagnostic.model").key == "diagnostic.model.x.0"
    assert "got 1. diagnostic.model.y: must" in str(rebased(both, "model", "diagnostic.model"))


class Mine(Spec):
    """A class whose validators raise notes and sentences."""

    first: int = 1
    last: int = 2

    @field_validator("first")
    @classmethod
    def _one(cls, first: int) -> int:
        if first == 0:
            raise ValueError(Note("workers_end"))
        return first

    @model_validator(mode="after")
    def _in_order(self) -> Mine:
        if self.last < 0:
            raise ValueError(Note("wrong_value", key="last", reason="must be above 0", given="-1"))
        if self.last < self.first:
            raise ValueError("first is above last.")
        return self


@pytest.mark.parametrize(
    ("fields", "key", "said"),
    [
        ({"first": 0}, "model.first", "model.first: Workers end"),
        ({"last": -1}, "model.last", "model.last: must be above 0; got -1."),
        ({"last": 0}, "model.first", "model.first is above last."),
        ({"first": "a", "last": "b"}, "model.first", "model.first: must be"),
    ],
)
def test_what_a_validator_raises_keeps_its_key(fields: dict[str, Any], key: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"_target_": f"{__name__}.Mine", **fields}, Mine, "model")
    assert key_of(caught.value) == key
    assert str(caught.value).startswith(said)


def test_an_error_travels_between_processes() -> None:
    with pytest.raises(SpecError) as caught:
        LocalExecutor(backend="threading", timeout=1)
    found = pickle.loads(pickle.dumps(caught.value))
    assert (type(found), found.said, found.to_correct) == (ConfigError, caught.value.said, True)
    placed = at(ConfigError(WRONG), "mine.yaml")
    assert str(pickle.loads(pickle.dumps(placed))) == str(placed)
