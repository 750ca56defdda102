"""Our rules for names and lengths are those of MLflow's validators."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from entries import ENTRY
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mlflow.entities import Dataset
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import (
    _validate_dataset,
    _validate_length_limit,
    _validate_metric_name,
    _validate_param,
    _validate_tag,
)

from digicarbon.tracking._rows import (
    LONGEST_PARAM,
    LONGEST_TAG,
    Data,
    RefusedError,
    Row,
    batch,
    check_data,
    check_name,
    check_value,
    validate,
)

# dots, slashes and blanks often: these are what the rules turn on
NAMES = st.text(st.sampled_from("ab./ -_:()碳é\n\t\\[]%") | st.characters(), max_size=12)
WORDS = (
    "model.x", "a/b", "a//b", "a/./b", "a/../b", "../a", "..", ".", "", "/", "/a", "a/", "a ", " ", "a:b", "a(1)",
    "碳强度", "a\n", "é", "²", "a\u200b", "x" * 250, "x" * 251, "..a", "a..", "-", "٣",
)  # fmt: skip


def ours(name: str) -> bool:
    try:
        check_name("metric", name)
    except RefusedError:
        return False
    return True


def theirs(name: str) -> bool:
    """Whether MLflow takes a name for a parameter, a tag and a metric: it has one rule for the three."""
    answers = set()
    for asked in (
        lambda: _validate_param(name, ""),
        lambda: _validate_tag(name, ""),
        lambda: (_validate_metric_name(name), _validate_length_limit("Metric name", 250, name)),
    ):
        try:
            asked()
            answers.add(True)
        except MlflowException:
            answers.add(False)
    (answer,) = answers
    return answer


@settings(max_examples=300, deadline=None)
@given(NAMES)
@example("a\n")
def test_names_that_we_take_mlflow_takes(name: str) -> None:
    if ours(name):
        assert theirs(name)


@settings(max_examples=300, deadline=None)
@given(NAMES)
def test_names_that_mlflow_takes_we_take(name: str) -> None:
    # its pattern lets a line end after the name, which no name of ours has
    if theirs(name) and not name.endswith("\n"):
        assert ours(name)


@pytest.mark.parametrize("name", WORDS)
def test_names_at_the_edge(name: str) -> None:
    assert ours(name) == (theirs(name) and not name.endswith("\n"))


@pytest.mark.parametrize(("length", "taken"), [(LONGEST_PARAM, True), (LONGEST_PARAM + 1, False)])
def test_lengths_of_parameters(length: int, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "v" * length
    ours = partial(check_value, "parameter", "x", text, LONGEST_PARAM)
    _agree(ours, lambda: _validate_param("k", text), taken, monkeypatch)


@pytest.mark.parametrize(("length", "taken"), [(LONGEST_TAG, True), (LONGEST_TAG + 1, False)])
def test_lengths_of_tags(length: int, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "v" * length
    ours = partial(check_value, "tag", "x", text, LONGEST_TAG)
    _agree(ours, lambda: _validate_tag("k", text), taken, monkeypatch)


@pytest.mark.parametrize("name", [500, 501])
@pytest.mark.parametrize("digest", [36, 37])
@pytest.mark.parametrize("profile", [16_777_215, 16_777_216])
def test_data(name: int, digest: int, profile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("n" * name, "d" * digest, "p" * profile)
    dataset = Dataset(words[0], words[1], "code", "{}", profile=words[2])
    taken = (name, digest, profile) == (500, 36, 16_777_215)
    _agree(lambda: check_data(Data(*words)), lambda: _validate_dataset(dataset), taken, monkeypatch)


def _agree(mine: object, mlflows: object, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    # without this MLflow cuts what is too long, as we do before
    monkeypatch.setenv("MLFLOW_TRUNCATE_LONG_VALUES", "false")
    for asked, refusal in ((mine, RefusedError), (mlflows, MlflowException)):
        assert callable(asked)
        if taken:
            asked()
        else:
            with pytest.raises(refusal):
                asked()


def row(**fields: object) -> Row:
    (made,) = batch([ENTRY], "parent", {})
    return replace(made, **fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"params": {"fine": "1", "a(b)": "1"}}, r"the parameter 'a\(b\)' may only have letters"),
        ({"params": {"fine": "v" * 6001}}, "the parameter 'fine' has 6001 characters; 6000 are allowed"),
        ({"tags": {"a/../b": "1"}}, "the tag 'a/../b' has a name that means another one"),
        ({"tags": {"fine": "v" * 8001}}, "the tag 'fine' has 8001 characters; 8000 are allowed"),
        ({"metrics": {"x" * 251: 1.0}}, "the name of the metric 'x+' has 251 characters; 250 are allowed"),
        ({"data_digest": "d" * 37}, "the fingerprint of the data has 37 characters; 36 are allowed"),
    ],
)
def test_a_run_that_mlflow_would_not_take_is_refused_in_words(fields: dict[str, object], said: str) -> None:
    validate(row())
    with pytest.raises(RefusedError, match=said):
        validate(row(**fields))
    # what was refused is not taken for known the next time
    with pytest.raises(RefusedError, match=said):
        validate(row(**fields))
