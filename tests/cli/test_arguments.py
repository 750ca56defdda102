"""The words after run, plan and check: any order, blanks that cut an override apart, words and flags nothing knows."""

from __future__ import annotations

import shlex

import pytest
from cases import listed

from digicarbon.cli.arguments import read
from digicarbon.errors import ConfigError


@pytest.mark.parametrize(
    ("line", "experiment", "own", "rest"),
    [
        ("", "config", [], []),
        ("main", "main", [], []),
        ("./experiments/main.yaml --force a=1", "main", ["--force"], ["a=1"]),
        ("experiments\\\\main.yaml", "main", [], []),
        ("a=1 -m b=2 c=3", "config", [], ["a=1", "b=2", "c=3", "-m"]),
        ("a=1 --cfg job b=2", "config", [], ["a=1", "b=2", "--cfg", "job"]),
        ("--info model=twfe", "config", [], ["model=twfe", "--info"]),
        ("--info defaults ~model", "config", [], ["~model", "--info", "defaults"]),
        ("'title=\"a (b\"' c=[1,2]", "config", [], ['title="a (b"', "c=[1,2]"]),
        ("measure= model=twfe", "config", [], ["measure=", "model=twfe"]),
        ("main \"'model.x=[a]'\"", "main", [], ["model.x=[a]"]),
    ],
)
def test_words_are_put_in_order(line: str, experiment: str, own: list[str], rest: list[str]) -> None:
    assert read("run", shlex.split(line)) == (experiment, dict.fromkeys(own, ""), rest)


@pytest.mark.parametrize(
    ("line", "own", "rest"),
    [
        *listed("FLAGS"),
        ("main --all -m a=1,2", {"--all": ""}, ["a=1,2", "-m"]),
    ],
)
def test_flags_of_ours_take_the_next_word_or_what_follows_an_equals_sign(
    line: str, own: dict[str, str], rest: list[str]
) -> None:
    assert read("plan", shlex.split(line)) == ("main", own, rest)


def test_a_flag_of_another_verb_is_refused_with_its_verb() -> None:
    with pytest.raises(ConfigError, match="--tsa"):
        read("run", ["main", "--tsa", "http://a.b"])


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("main model.controls=[ln_income, ln_share]", "main 'model.controls=[ln_income,ln_share]'"),
        ("main model = twfe", "main model=twfe"),
        ("model = twfe", "model=twfe"),
        ("main model =twfe -m", "main model=twfe -m"),
        ("main model= twfe weights=w2", "main model=twfe weights=w2"),
        ("model.x=[ a b ,c ] model.y=d", "'model.x=[a,b,c]' model.y=d"),
        ("-m model=twfe, sdm weights=w2", "-m model=twfe,sdm weights=w2"),
        ("-m model=twfe ,sdm", "-m model=twfe,sdm"),
        ("+columns={A: {model: twfe}, B: {}}", "'+columns={A:{model:twfe},B:{}}'"),
        ('"\'model.x=[a," "b]\'"', "'model.x=[a,b]'"),
    ],
)
def test_a_blank_is_told_with_the_line_that_was_meant(line: str, right: str) -> None:
    with pytest.raises(ConfigError, match="a blank cuts") as caught:
        read("run", shlex.split(line))
    assert str(caught.value).endswith(f"in quotes: digicarbon run {right}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("main model twfe", "'model' is no override (group=option or group.field=value). Write model=twfe, without"),
        ("model.effects time", "Write model.effects=time, without blanks."),
        ("main modle", "'modle' is no override (group=option or group.field=value). Did you mean 'model'?"),
        ("main model.x=[a b", "'b' is no override"),
        (
            "main --forse",
            "`digicarbon run` has no flag --forse. Did you mean '--force'? Flags: --force, --notes, --json, --help, -m",
        ),
        ("main --all", "`digicarbon run` has no flag --all. It belongs to `digicarbon plan`."),
        ("main --multrun", "Did you mean '--multirun'?"),
        ("main --out folder", "`digicarbon run` has no flag --out."),
        ("main --cfg", "argument --cfg/-c: expected one argument; `digicarbon run --hydra-help` explains"),
        ("main --config", "ambiguous option: --config"),
    ],
)
def test_what_nothing_knows_is_a_sentence(line: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read("run", shlex.split(line))
    assert said in str(caught.value)
