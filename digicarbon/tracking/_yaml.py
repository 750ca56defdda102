"""Configurations as YAML: each group's node and each of its fields is turned into text once for all runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omegaconf import OmegaConf

MOST_TEXTS = 20_000
_TEXTS: dict[tuple[str, str], str] = {}
_GROUPS: dict[tuple[str, int], tuple[Mapping[str, Any], str]] = {}
"""Texts of groups by the object itself, which is kept so that its id is not reused."""


def to_yaml(config: Mapping[str, Any] | str) -> str:
    """Return a configuration as YAML text, its groups in their order; a group must not be changed afterwards."""
    if isinstance(config, str):
        return config
    return "".join([_text(key, value) for key, value in config.items()])


def _text(key: str, value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return _once(key, value, lambda: _dumped({key: value}))
    known = _GROUPS.get((key, id(value)))
    if known is None:
        text = _once(key, value, lambda: f"{key}:\n{''.join(_field(name, own) for name, own in value.items())}")
        if len(_GROUPS) >= MOST_TEXTS:
            _GROUPS.clear()
        known = _GROUPS[key, id(value)] = (value, text)
    return known[1]


def _field(name: str, value: Any) -> str:
    """Return a group's field, indented: runs differ in few of them."""
    return _once(f"  {name}", value, lambda: _dumped({"group": {name: value}}).partition("\n")[2])


def _once(key: str, value: Any, make: Callable[[], str]) -> str:
    # repr distinguishes 1, 1.0, True and '1', and costs a hundredth of YAML
    known = (key, repr(value))
    if known not in _TEXTS:
        if len(_TEXTS) >= MOST_TEXTS:
            _TEXTS.clear()
        _TEXTS[known] = make()
    return _TEXTS[known]


def _dumped(node: Mapping[str, Any]) -> str:
    return OmegaConf.to_yaml(OmegaConf.create(dict(node)))
