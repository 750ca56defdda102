"""The YAML of configuration files: parsed once per process, with the fast parser if it agrees with OmegaConf's.

OmegaConf makes an object of every value and parses in pure Python: reading an experiment with a grid of 1,024 lists
took a second, and was done three times.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import AnyNode, DictConfig, OmegaConf
from omegaconf._utils import get_omega_conf_dumper, get_yaml_loader

SEALED = 100
"""Lists of a grid with more values than this pass through Hydra as one object."""
_RARE = re.compile(r"""[^\n -~\u3000-\u9fff\uff00-\uffef]|[&*!?%@`|>\\]|^(?:---|\.\.\.)|:[,\]}"']""", re.MULTILINE)
"""Characters that the two parsers read differently, or might."""
_PARSED: dict[tuple[str, int, int], Any] = {}


class Sealed:
    """A long list that OmegaConf passes on without reading its items.

    Attributes
    ----------
    values : list
    """

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __deepcopy__(self, memo: object) -> Sealed:
        return self


def parsed(path: Path) -> Any:
    """Return the content of a file as plain values, which must not be changed; a changed file is read again.

    Raises
    ------
    yaml.YAMLError
        If it is no YAML, or has a key twice.
    OSError, UnicodeDecodeError
        If it cannot be read.
    """
    stat = path.stat()
    key = (str(path.resolve()), stat.st_mtime_ns, stat.st_size)
    if key not in _PARSED:
        _PARSED[key] = _values(path)
    return _PARSED[key]


def for_hydra(path: Path) -> Any:
    """Return the content of a file as Hydra composes it, with long lists of its grid sealed.

    Raises
    ------
    yaml.YAMLError, OmegaConfBaseException, OSError, UnicodeDecodeError
        If it is not readable.
    """
    content = parsed(path)
    grid = content.get("grid") if isinstance(content, Mapping) else None
    if isinstance(grid, Mapping):
        content = {**content, "grid": {key: _sealed(values) for key, values in grid.items()}}
    return OmegaConf.create({} if content is None else content)


def plain(config: DictConfig, resolve: bool = False) -> dict[Any, Any]:
    """Return a configuration's plain values, with the long lists of its grid unsealed."""
    values = cast("dict[Any, Any]", OmegaConf.to_container(config, resolve=resolve))
    grid = values.get("grid")
    if isinstance(grid, dict):
        values["grid"] = {key: one.values if isinstance(one, Sealed) else one for key, one in grid.items()}
    return values


def dumped(content: Mapping[str, Any]) -> str:
    """Return plain values as YAML, as OmegaConf would write them."""
    text: str = yaml.dump(content, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=False)
    return text


def _values(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    if not _RARE.search(text):
        # our error messages explain those of OmegaConf's parser, so a wrong file is parsed again below
        with suppress(yaml.YAMLError):
            return yaml.load(text, _Quick)
    try:
        # errors from a file object include its name
        with path.open(encoding="utf-8") as file:
            return yaml.load(file, _Slow)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # e.g. a tag !!int on a text, or brackets nested too deeply
        raise yaml.YAMLError(f"it holds what cannot be read ({error})") from error


def _sealed(values: Any) -> Any:
    long = isinstance(values, list) and len(values) > SEALED
    return AnyNode(Sealed(values), flags={"allow_objects": True}) if long else values


def _mapping(loader: Any, node: Any, deep: bool = False) -> Any:
    """Return a mapping whose keys all differ, as OmegaConf demands."""
    names = [key.value for key, _ in node.value if key.tag == yaml.resolver.BaseResolver.DEFAULT_SCALAR_TAG]
    if len(set(names)) < len(names):
        raise yaml.constructor.ConstructorError(problem="a key is repeated", problem_mark=node.start_mark)
    return yaml.CSafeLoader.construct_mapping(loader, node, deep)


_Slow: Any = get_yaml_loader()
"""OmegaConf's parser, with its rules for numbers, dates and texts."""
_RULES = {"yaml_implicit_resolvers": _Slow.yaml_implicit_resolvers, "yaml_constructors": _Slow.yaml_constructors}
_Quick: Any = (
    type("_Quick", (yaml.CSafeLoader,), {**_RULES, "construct_mapping": _mapping}) if yaml.__with_libyaml__ else _Slow
)

_SlowDumper: Any = get_omega_conf_dumper()
_Dumper: Any = (
    type("_Dumper", (yaml.CSafeDumper,), {"yaml_representers": _SlowDumper.yaml_representers})
    if yaml.__with_libyaml__
    else _SlowDumper
)
