"""Assembled configurations equal those that Hydra composes and OmegaConf resolves, whatever a run chooses."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import REPOSITORY
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import CachingConfigRepository
from hydra._internal.defaults_list import create_defaults_list
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from test_every_config import REQUIRED

from digicarbon.config.assemble import ComplicatedError, interpolation
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import GROUPS, SWEEP_KEYS
from digicarbon.errors import ConfigError
from digicarbon.plan.expand import expand

MOST = 60
"""A composition takes 30 ms: of more runs than this, so many spread over all are compared."""
EXPERIMENTS = sorted(path.stem for path in (REPOSITORY / "experiments").glob("*.yaml"))


def composed(name: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    """A run's configuration by Hydra and OmegaConf alone."""
    return _resolved(deepcopy(_by_hydra(name, _groups(choices))), choices)


def composed_in_full(name: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    """The same by Hydra's only public way, half of which goes into Hydra's own settings."""
    config = loader().load_configuration(name, list(_groups(choices)), run_mode=RunMode.RUN)
    OmegaConf.set_struct(config, False)
    return _resolved(config, choices)


def _groups(choices: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{group}={option}" for group, option in choices.items() if group in GROUPS)


@cache
def _hydra() -> tuple[ConfigLoaderImpl, CachingConfigRepository]:
    hydra = loader()
    assert isinstance(hydra, ConfigLoaderImpl)
    return hydra, CachingConfigRepository(hydra.repository)


@cache
def _by_hydra(name: str, groups: tuple[str, ...]) -> DictConfig:
    return by_hydra(name, groups)


def by_hydra(name: str, groups: Sequence[str]) -> DictConfig:
    """What Hydra puts together of the files that it lists, but for those of its own settings."""
    hydra, files = _hydra()
    overrides = OverridesParser.create().parse_overrides(list(groups))
    listed = create_defaults_list(files, name, overrides, prepend_hydra=True, skip_missing=False).defaults
    ours = [file for file in listed if not str(file.config_path).startswith("hydra/")]
    # composing changes what the files hold: each is read anew
    return hydra._compose_config_from_defaults_list(ours, hydra.repository)


def _resolved(config: DictConfig, choices: Mapping[str, Any]) -> dict[str, Any]:
    for key in ("hydra", *SWEEP_KEYS):
        del config[key]
    for key, value in choices.items():
        if key not in GROUPS:
            OmegaConf.update(config, key, value, merge=False, force_add=True)
    plain: Any = OmegaConf.to_container(config, resolve=True)
    return dict(plain)


@pytest.mark.long
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_run_of_every_experiment(name: str) -> None:
    composer = Composer(loader(), name)
    choices, *_ = expand(composer, [])
    compared = choices[:: -(-len(choices) // MOST)]
    for choice in compared:
        assert composer.config(choice.values) == composed(name, choice.values), choice.label
    last = compared[-1].values
    assert composed(name, last) == composed_in_full(name, last)


@pytest.mark.long
def test_every_option_of_every_group() -> None:
    composer = Composer(loader(), "config")
    names = {group: composer.options(group) for group in GROUPS}
    # as a sweep does
    composer.compose_options(names)
    for row in range(max(map(len, names.values()))):
        options: dict[str, Any] = {group: found[row % len(found)] for group, found in names.items()}
        lacking = composer.missing(options)
        choices = {**options, **{key: REQUIRED[key] for key in lacking}}
        assert composer.missing(choices) == []
        try:
            config = composer.config(choices)
        except ConfigError:
            # some sources take a term of the measure, and not every measure has one
            with pytest.raises(OmegaConfBaseException):
                composed("config", choices)
            continue
        assert config == composed("config", choices), options


def test_options_composed_together_equal_those_composed_alone() -> None:
    wanted = {"model": ["sdm", "fe", "none"], "weights": ["w2_nested", "k_nearest"], "sample": ["east"], "outcome": []}
    together, alone = Composer(loader(), "config"), Composer(loader(), "config")
    together.compose_options(wanted)
    for group, names in wanted.items():
        for name in names:
            assert together.config({group: name}) == alone.config({group: name})


@pytest.fixture
def composer(folder: Path) -> Composer:
    Path("experiments").mkdir()
    Path("experiments/mine.yaml").write_text("defaults: [config, _self_]\n", encoding="utf-8")
    return Composer(loader(), "mine")


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    [
        "${outcome.term}",
        "${measure.terms}",
        "${measure.terms.0}",
        "${measure}",
        "a ${outcome.term} b ${outcome.term}",
        "n${source.seed}",
        "${source.seed}",
        "${inference.level}",
        "x${measure.terms}",
        "${ outcome.term }",
        "${.effects}",
        "${..outcome.term}",
        "${outcome.${.pointer}}",
        "${oc.select:source.controls,[]}",
        "${oc.select:source.nothing,[a, 1]}",
        "${oc.select:nowhere.x,7}",
        "${oc.select:weights.nothing,null}",
        "${oc.select:weights.nothing}",
        "${oc.select:weights.nothing,{a: 1}}",
        "${oc.env:A_WORD,b}/c",
        "${oc.env:NO_SUCH_WORD,b}/c",
        "${oc.env:NO_SUCH_WORD,7}",
        "${oc.env:NO_SUCH_WORD,null}",
        "${oc.decode:${oc.env:A_NUMBER}}",
        "\\${outcome.term}",
        "a\\b ${outcome.term}",
        "$outcome.term",
    ],
)
def test_interpolations_are_omegaconf_s(composer: Composer, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_WORD", "word")
    monkeypatch.setenv("A_NUMBER", "3")
    # a relative key names another place in a list
    values: list[Any] = [text] if "${." in text else [text, [text, "b"], {"a": {"b": [1, text]}}]
    for value in values:
        choices = {"model.other": value, "model.pointer": "term", "measure": "ddl"}
        assert composer.config(choices) == composer.resolve(composer.merged(choices))
        again = {**choices, "diagnostic.node": "${model}"}
        assert composer.config(again) == composer.resolve(composer.merged(again))


@pytest.mark.parametrize(
    "text",
    ["${measure.nothing}", "${nowhere.x}", "${weights.path}", "a ${weights.path}", "${model.other}", "${model}",
     "${measure.name.x}", "${oc.env:NO_SUCH_WORD}", "${oc.nothing:x}", "${oc.decode:${unclosed}}"],
)  # fmt: skip
def test_what_cannot_be_resolved_is_a_sentence(composer: Composer, text: str) -> None:
    choices = {"weights": "matrix", "model.other": text, "diagnostic.more": "${model.other}"}
    with pytest.raises((ConfigError, RecursionError)) as found:
        composer.config(choices)
    with pytest.raises((ConfigError, RecursionError)) as wanted:
        composer.resolve(composer.merged(choices))
    assert str(found.value) == str(wanted.value)


@pytest.mark.parametrize(
    "choices",
    [
        {"model.x": ["a", "b"], "model.x.1": "c"},
        {"model.x[0]": "c"},
        {"measure.indicators.one.two": 3},
        {"model.controls": ("a", "b")},
        {"model.effects.x": 1},
        {"source.years": {2012: "a", "2012": "b"}, "panel.first": None},
        {"sample": "east", "sample.first": 2013, "sample.last": "${sample.first}"},
    ],
)
def test_values_are_laid_over_as_by_omegaconf(composer: Composer, choices: dict[str, Any]) -> None:
    config = OmegaConf.create(dict(composer.merged({key: choices[key] for key in choices if key in GROUPS})))
    for key, value in choices.items():
        if key not in GROUPS:
            OmegaConf.update(config, key, value, merge=False, force_add=True)
    assert composer.merged(choices) == OmegaConf.to_container(config)
    assert composer.config(choices) == OmegaConf.to_container(config, resolve=True)


def test_runs_share_what_is_equal_and_change_nothing(composer: Composer) -> None:
    base = OmegaConf.to_container(composer.base)
    first = composer.config({"model.x": ["a"], "outcome": "intensity_fuels"})
    second = composer.config({"model.x": ["b"], "outcome": "intensity_fuels", "inference": "robust"})
    assert first["outcome"] is second["outcome"]
    assert first["source"] is second["source"]
    assert (first["model"]["x"], second["model"]["x"]) == (["a"], ["b"])
    assert (first["model"]["cov"], second["model"]["cov"]) == ("cluster", "robust")
    assert OmegaConf.to_container(composer.base) == base
    assert composer.config()["model"]["x"] == ["ln_e"]


def test_many_values_are_not_all_kept(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digicarbon.config.assemble.MOST_KEPT", 3)
    for seed, level in itertools.product(range(5), (0.9, 0.95)):
        config = composer.config({"source.seed": seed, "inference.level": level})
        assert (config["source"]["seed"], config["model"]["level"]) == (seed, level)


def test_interpolation_refuses_what_it_does_not_know() -> None:
    for text in ("${a.${b}}", "${.a}", "${oc.create:{a: 1}}", "${hydra:x}", "a\\${b}"):
        with pytest.raises(ComplicatedError):
            interpolation(text)
