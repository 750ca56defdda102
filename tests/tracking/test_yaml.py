"""Configurations as YAML: put together from parts, equal to OmegaConf's own text."""

from __future__ import annotations

from typing import Any

import pytest
from omegaconf import OmegaConf

from digicarbon.config.compose import Composer, loader
from digicarbon.tracking._rows import to_yaml


@pytest.mark.parametrize(
    "config",
    [
        {"model": {"x": ["ln_e"], "level": 0.95, "seed": None, "on": True, "controls": [], "tiny": 1e-05}},
        {"model": {"level": 1}, "other": {"level": 1.0}},
        {"model": {"level": True}, "other": {"level": "1"}},
        {"empty": {}, "list": [1, "a"], "title": "", "text": "a: b # c", "中": {"省": ["北京", "a b"]}},
        {"deep": {"a": {"b": {"c": [1, {"d": None}]}}, "yes": "yes", "date": "2012-01-01", "long": "x " * 200}},
        {"model": {"lines": "one\ntwo\n", "quoted": "'\"", "number": "012"}},
        {
            "model": {
                "x": ["a", "yes", 1, 1.0, True, None, "1", "two\nlines", "x " * 80, [1, []], {"a": {"b": 1}}, "😀"]
            }
        },
        {"model": {"n" * 200: ["a"], "yes": ["b"], "a: b": ["c"], "item": [], "head of x": [0]}},
    ],
)
def test_text_is_omegaconfs(config: dict[str, Any]) -> None:
    assert to_yaml(config) == OmegaConf.to_yaml(OmegaConf.create(config))
    # from the parts that are known by now
    assert to_yaml(config) == OmegaConf.to_yaml(OmegaConf.create(config))


def test_a_shipped_configuration() -> None:
    composer = Composer(loader(), "table7_spatial_w1")
    config = composer.resolve(composer.merged())
    assert to_yaml(config) == OmegaConf.to_yaml(OmegaConf.create(config))
