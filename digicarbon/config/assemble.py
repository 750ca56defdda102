"""A run's configuration from plain nodes: values laid over them, what is missing, interpolations.

OmegaConf needs milliseconds a run for what is here a few look-ups in dictionaries. The usual interpolations are read
here (``${a.b.c}``, alone or within a text, ``${oc.select:a.b,default}``, ``${oc.env:NAME,default}``), with OmegaConf's
results; whatever else there is raises `ComplicatedError`, and OmegaConf does the whole run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from digicarbon.secret import mapped, masked

Path = tuple[Any, ...]
"""Keys of mappings and indices of lists, from the outside in."""

MISSING = "???"
MOST_KEPT = 4096
"""A node's variants and resolved forms that are kept; a sweep over 100,000 seeds must not keep them all."""

_PATH = r"[A-Za-z_]\w*(?:\.\w+)*"
_SIMPLE = re.compile(
    rf"\$\{{(?:(?P<key>{_PATH})|oc\.select:(?P<select>{_PATH}),(?P<default>[^${{}}]*)|(?P<env>oc\.env:[^${{}}]*))\}}"
)
_NOTHING = object()


class ComplicatedError(Exception):
    """Only OmegaConf can tell what this comes to, be it a value or an error."""


@dataclass(frozen=True)
class Reference:
    """A key that an interpolation names.

    Attributes
    ----------
    key : str
    default : object
        Taken where there is no such key; ``oc.select`` has one.
    """

    key: str
    default: Any = _NOTHING


@dataclass(frozen=True)
class Interpolation:
    """A text of a configuration file that holds ``${…}``, cut into texts and references."""

    parts: tuple[str | Reference, ...]

    @property
    def references(self) -> Iterator[Reference]:
        """The keys that it names."""
        return (part for part in self.parts if isinstance(part, Reference))


@dataclass(eq=False)
class Node:
    """A config group's node as plain values, interpolations unresolved; its content is shared and never changed.

    Attributes
    ----------
    group : str
    content : object
        A mapping for every node that a specification is built from.
    missing : tuple of str
        Dotted keys that still need a value.
    interpolations : mapping
        By their path below the group; None if one is beyond `Interpolation`.
    sealed : bool
        Whether words of the environment stay interpolations, and addresses are without secrets; see `Node.seal`.
    """

    group: str
    content: Any
    missing: tuple[str, ...] = ()
    interpolations: Mapping[Path, Interpolation] | None = None
    sealed: bool = False
    _variants: dict[str, Node] = field(default_factory=dict)
    _resolved: dict[str, Any] = field(default_factory=dict)
    _constants: dict[str, Any] = field(default_factory=dict)
    _seal: Node | None = None

    def __post_init__(self) -> None:
        leaves = list(_leaves(self.content, ()))
        self.missing = tuple(".".join([self.group, *map(str, path)]) for path, text in leaves if text == MISSING)
        try:
            self.interpolations = {path: interpolation(text, self.sealed) for path, text in leaves if "${" in text}
        except ComplicatedError:
            self.interpolations = None

    def seal(self) -> Node:
        """Return the node as it may be recorded: no word of the environment and no secret of an address is in it."""
        if self._seal is None:
            self._seal = Node(self.group, mapped(self.content), sealed=True)
        return self._seal

    def with_values(self, values: Sequence[tuple[str, Any]]) -> Node:
        """Return the node with values laid over it, by dotted keys that begin with the group.

        Raises
        ------
        ComplicatedError
            If a key leads through anything but mappings.
        """
        name = repr(values)
        if name not in self._variants:
            content = self.content
            for key, value in values:
                content = _laid_over(content, key.split(".")[1:], value)
            _make_room(self._variants)
            self._variants[name] = Node(self.group, content)
        return self._variants[name]

    def constant(self, key: str) -> Any:
        """Return what a dotted key below the group comes to if that is the same in every run, else `_NOTHING`."""
        if key not in self._constants:
            found = _NOTHING
            with suppress(ComplicatedError):
                path, value = _located(self, key)
                if path is None or not any(place[: len(path)] == path for place in self.interpolations or ()):
                    found = value
            self._constants[key] = found
        return self._constants[key]

    def filled(self, values: Sequence[Any]) -> Any:
        """Return the content with its interpolations replaced by values; equal ones come to the same object."""
        name = repr(values)
        if name not in self._resolved:
            _make_room(self._resolved)
            # an address may be whole only when its parts are put together
            shown = [mapped(value) for value in values] if self.sealed else values
            self._resolved[name] = _replaced(self.content, zip(self.interpolations or (), shown, strict=True))
        return self._resolved[name]


def resolved(nodes: Mapping[str, Node]) -> dict[str, Any]:
    """Return every node's content with interpolations resolved, as OmegaConf would.

    Equal nodes of different runs come to the same objects as long as they are kept, and lists are shared between
    nodes: they are for reading only.

    Raises
    ------
    ComplicatedError
        If OmegaConf has to do it, also where it would refuse to.
    """
    looked_up: dict[str, Any] = {}
    return {group: _content(node, nodes, looked_up) for group, node in nodes.items()}


def resolved_group(group: str, nodes: Mapping[str, Node]) -> Any:
    """Return one node's content with interpolations resolved; see `resolved`.

    Raises
    ------
    ComplicatedError
        As `resolved` does, for this node and what it refers to.
    """
    return _content(nodes[group], nodes, {})


def interpolation(text: str, keep_environment: bool = False) -> Interpolation:
    """Cut a text with ``${…}`` into its parts.

    Parameters
    ----------
    text : str
    keep_environment : bool
        Leave words of the environment as they are written, instead of their values.

    Raises
    ------
    ComplicatedError
        If it holds more than the usual interpolations.
    """
    # the environment may change; all other texts are cut once, however many nodes hold them
    return _cut(text, keep_environment) if "oc.env" in text else _cut_once(text)


def _cut(text: str, keep_environment: bool = False) -> Interpolation:
    parts: list[str | Reference] = []
    end = 0
    for found in _SIMPLE.finditer(text):
        kept = keep_environment and bool(found["env"])
        parts += [text[end : found.start()], masked(found[0]) if kept else _part(found)]
        end = found.end()
    parts.append(text[end:])
    between = [masked(found[0]) for found in _SIMPLE.finditer(text) if keep_environment and found["env"]]
    if any(isinstance(part, str) and part not in between and ("${" in part or "\\" in part) for part in parts):
        raise ComplicatedError(text)
    return Interpolation(tuple(part for part in parts if part != ""))


_cut_once = lru_cache(1024)(_cut)


def references(value: object) -> list[str]:
    """Return the dotted keys that interpolations in a plain value name.

    Raises
    ------
    ComplicatedError
        If that cannot be told.
    """
    texts = [text for _, text in _leaves(value, ()) if "${" in text]
    return [reference.key for text in texts for reference in interpolation(text).references]


def at(value: Any, path: Sequence[str]) -> Any:
    """Return what stands at a path in nested mappings, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _part(found: re.Match[str]) -> str | Reference:
    if found["key"]:
        return Reference(found["key"])
    if found["select"]:
        return Reference(found["select"], _constant(f"${{oc.select:no_key_of_this_name,{found['default']}}}"))
    value = _constant(found[0])
    if not isinstance(value, str) or value in ("", MISSING):
        raise ComplicatedError(found[0])
    return value


def _constant(text: str) -> Any:
    try:
        plain: Any = OmegaConf.to_container(OmegaConf.create({"value": text}), resolve=True)
    except OmegaConfBaseException as error:
        raise ComplicatedError(text) from error
    return plain["value"]


def _content(node: Node, nodes: Mapping[str, Node], looked_up: dict[str, Any]) -> Any:
    if node.interpolations is None:
        raise ComplicatedError(node.group)
    if not node.interpolations:
        return node.content
    return node.filled([_value(item, nodes, looked_up) for item in node.interpolations.values()])


def _value(item: Interpolation, nodes: Mapping[str, Node], looked_up: dict[str, Any]) -> Any:
    if len(item.parts) == 1 and isinstance(item.parts[0], Reference):
        return _referred(item.parts[0], nodes, looked_up)
    texts = [part if isinstance(part, str) else _referred(part, nodes, looked_up) for part in item.parts]
    if not all(isinstance(text, str) for text in texts):
        # how OmegaConf writes a number or a list into a text is its own affair
        raise ComplicatedError(str(texts))
    return "".join(texts)


def _referred(reference: Reference, nodes: Mapping[str, Node], looked_up: dict[str, Any]) -> Any:
    found = looked_up.get(reference.key, _NOTHING)
    if found is _NOTHING:
        # a reference that leads back to itself is found in this state again
        looked_up[reference.key] = ComplicatedError
        found = looked_up[reference.key] = _at_key(reference.key, nodes, looked_up)
    if found is ComplicatedError:
        raise ComplicatedError(reference.key)
    if found is MISSING or found == MISSING:
        if reference.default is _NOTHING:
            raise ComplicatedError(reference.key)
        return reference.default
    return found


def _at_key(key: str, nodes: Mapping[str, Node], looked_up: dict[str, Any]) -> Any:
    """Return what a dotted key comes to; `MISSING` where there is nothing."""
    node = nodes.get(key.partition(".")[0])
    if node is None:
        return MISSING
    found = node.constant(key)
    if found is not _NOTHING:
        return found
    path, value = _located(node, key)
    return _inside(value, path, node, nodes, looked_up) if path else _content(node, nodes, looked_up)


def _located(node: Node, key: str) -> tuple[Path | None, Any]:
    """Return where in a node a dotted key leads, and what stands there; None and `MISSING` where there is nothing."""
    if node.interpolations is None:
        raise ComplicatedError(key)
    value = node.content
    path: list[Any] = []
    for name in key.split(".")[1:]:
        if isinstance(value, str) and "${" in value:
            raise ComplicatedError(key)
        step: Any = int(name) if isinstance(value, list) and name.isdigit() else name
        if (isinstance(value, dict) and step in value) or (isinstance(value, list) and step in range(len(value))):
            value = value[step]
        else:
            return None, MISSING
        path.append(step)
    return tuple(path), value


def _inside(value: Any, path: Path, node: Node, nodes: Mapping[str, Node], looked_up: dict[str, Any]) -> Any:
    """Return a part of a node with the interpolations in it resolved."""
    found = node.interpolations or {}
    if path in found:
        return _value(found[path], nodes, looked_up)
    inner = {place[len(path) :]: item for place, item in found.items() if place[: len(path)] == path}
    return _replaced(value, ((place, _value(item, nodes, looked_up)) for place, item in inner.items()))


def _leaves(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield every text in a plain value with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))


def _replaced(content: Any, values: Iterable[tuple[Path, Any]]) -> Any:
    """Return plain values with others at some paths; what is not on the way there is shared."""
    copied: Any = content.copy() if isinstance(content, dict | list) else content
    fresh: set[Path] = set()
    for path, value in values:
        here: Any = copied
        for depth, name in enumerate(path[:-1], start=1):
            if path[:depth] not in fresh:
                fresh.add(path[:depth])
                here[name] = here[name].copy()
            here = here[name]
        here[path[-1]] = value
    return copied


def _laid_over(content: Any, names: Sequence[str], value: Any) -> Any:
    if not names or not isinstance(content, dict) or not all(name.isidentifier() for name in names):
        raise ComplicatedError(".".join(names))
    if len(names) == 1:
        return {**content, names[0]: list(value) if isinstance(value, tuple) else value}
    return {**content, names[0]: _laid_over(content.get(names[0]), names[1:], value)}


def _make_room(kept: dict[str, Any]) -> None:
    if len(kept) >= MOST_KEPT:
        kept.clear()
