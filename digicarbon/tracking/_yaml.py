"""Configurations as YAML: a group's node is turned into text once, however many runs share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf

MOST_TEXTS = 20_000
_TEXTS: dict[tuple[str, str], str] = {}


def to_yaml(config: Mapping[str, Any] | str) -> str:
    """Return a configuration as YAML text, its groups in their order."""
    if isinstance(config, str):
        return config
    return "".join(_text(key, value) for key, value in config.items())


def _text(key: str, value: Any) -> str:
    # repr tells 1, 1.0, True and '1' apart, and costs a hundredth of YAML
    known = (key, repr(value))
    if known not in _TEXTS:
        if len(_TEXTS) >= MOST_TEXTS:
            _TEXTS.clear()
        _TEXTS[known] = OmegaConf.to_yaml(OmegaConf.create({key: value}))
    return _TEXTS[known]
