"""A run's configuration from plain nodes: overriding values, missing values and interpolations.

OmegaConf needs milliseconds per run; here a few dictionary look-ups are enough. This module resolves the usual
interpolations (``${a.b.c}``, alone or within a text, ``${oc.select:a.b,default}``, ``${oc.env:NAME,default}``) with the
same results as OmegaConf. All others raise `ComplicatedError`, and OmegaConf resolves the whole run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from digicarbon.secret import mapped, masked

Path = tuple[Any, ...]
"""Keys of mappings and indices of lists, from the outside in."""

MISSING = "???"
MOST_KEPT = 4096
"""The largest number of variants and resolved forms cached per node: a sweep over 100,000 seeds must not keep all."""

_PATH = r"[A-Za-z_]\w*(?:\.\w+)*"
_SIMPLE = re.compile(
    rf"\$\{{(?:(?P<key>{_PATH})|oc\.select:(?P<select>{_PATH}),(?P<default>[^${{}}]*)|(?P<env>oc\.env:[^${{}}]*))\}}"
)
_NOTHING = object()


class ComplicatedError(Exception):
    """Only OmegaConf can resolve this, to a value or an error."""


@dataclass(frozen=True)
class Reference:
    """A key to which an interpolation refers.

    ``default``: the value where there is no such key; only ``oc.select`` has one.
    """

    key: str
    default: Any = _NOTHING

    @cached_property
    def group(self) -> str:
        """The config group of the key."""
        return self.key.partition(".")[0]


@dataclass(frozen=True)
class Interpolation:
    """A text of a configuration file that holds ``${…}``, cut into texts and references."""

    parts: tuple[str | Reference, ...]

    @cached_property
    def whole(self) -> Reference | None:
        """The reference that is the whole text; None if there is more."""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], Reference) else None

    @property
    def references(self) -> Iterator[Reference]:
        """The keys to which it refers."""
        return (part for part in self.parts if isinstance(part, Reference))


@dataclass(eq=False)
class Node:
    """A config group's node as plain values, interpolations unresolved; its content is shared and never changed.

    ``content``: a mapping for every node that a specification is built from. ``missing``: dotted keys that still need a
    value. ``interpolations``: by their path below the group; None if `Interpolation` cannot express one. ``sealed``:
    whether environment variables stay interpolations and addresses have no secrets; see `Node.seal`.
    """

    group: str
    content: Any
    missing: tuple[str, ...] = ()
    interpolations: Mapping[Path, Interpolation] | None = None
    sealed: bool = False
    _variants: dict[str, Node] = field(default_factory=dict)
    _resolved: dict[str, Any] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    _seal: Node | None = None

    def __post_init__(self) -> None:
        leaves = _leaves(self.content)
        self.missing = tuple(".".join([self.group, *map(str, path)]) for path, text in leaves if text == MISSING)
        try:
            self.interpolations = {path: interpolation(text, self.sealed) for path, text in leaves if "${" in text}
        except ComplicatedError:
            self.interpolations = None

    def seal(self) -> Node:
        """Return the node as it may be recorded: without environment variables and without secrets in addresses."""
        if self._seal is None:
            content = mapped(self.content)
            # a node of plain values without secrets is its own seal
            sealed = content is self.content and self.interpolations == {}
            self._seal = self if sealed else Node(self.group, content, sealed=True)
        return self._seal

    def with_values(self, values: Sequence[tuple[str, Any]]) -> Node:
        """Return the node with some values replaced, by dotted keys that begin with the group.

        Raises ComplicatedError if a key leads through anything but mappings.
        """
        name = repr(values)
        if name not in self._variants:
            content = self.content
            for key, value in values:
                content = _with_value(content, key.split(".")[1:], value)
            _make_room(self._variants)
            self._variants[name] = Node(self.group, content)
        return self._variants[name]

    def constant(self, key: str) -> Any:
        """Return the value of a dotted key below the group if it is the same in every run, else `_NOTHING`."""
        if key not in self.constants:
            result = _NOTHING
            with suppress(ComplicatedError):
                path, value = _located(self, key)
                if path is None or not any(place[: len(path)] == path for place in self.interpolations or ()):
                    result = value
            self.constants[key] = result
        return self.constants[key]

    def filled(self, values: Sequence[Any]) -> Any:
        """Return the content with its interpolations replaced by values; equal values give the same object."""
        name = repr(values)
        if name not in self._resolved:
            _make_room(self._resolved)
            # an address may be complete only after its parts are joined
            fillings = [mapped(value) for value in values] if self.sealed else values
            self._resolved[name] = _replaced(self.content, zip(self.interpolations or (), fillings, strict=True))
        return self._resolved[name]


def resolved(nodes: Mapping[str, Node]) -> dict[str, Any]:
    """Return every node's content with interpolations resolved, as OmegaConf would.

    Equal nodes of different runs give the same object while it is cached, and nodes share lists. The result is for
    reading only.

    Raises ComplicatedError if only OmegaConf can resolve it, or refuse it.
    """
    looked_up: dict[str, Any] = {}
    return {group: _content(node, nodes, looked_up) for group, node in nodes.items()}


def resolved_group(group: str, nodes: Mapping[str, Node]) -> Any:
    """Return one node's content with interpolations resolved; see `resolved`.

    Raises ComplicatedError as for `resolved`, for this node and its references.
    """
    return _content(nodes[group], nodes, {})


def interpolation(text: str, keep_environment: bool = False) -> Interpolation:
    """Cut a text with ``${…}`` into its parts.

    ``keep_environment``: keep environment variables as interpolations instead of inserting their values. Raises
    ComplicatedError if it holds more than the usual interpolations.
    """
    # the environment may change; every other text is split once, however many nodes contain it
    return _cut(text, keep_environment) if "oc.env" in text else _cut_once(text)


def _cut(text: str, keep_environment: bool = False) -> Interpolation:
    parts: list[str | Reference] = []
    end = 0
    for match in _SIMPLE.finditer(text):
        is_hidden = keep_environment and bool(match["env"])
        parts += [text[end : match.start()], masked(match[0]) if is_hidden else _part(match)]
        end = match.end()
    parts.append(text[end:])
    hidden = [masked(match[0]) for match in _SIMPLE.finditer(text) if keep_environment and match["env"]]
    if any(isinstance(part, str) and part not in hidden and ("${" in part or "\\" in part) for part in parts):
        raise ComplicatedError(text)
    return Interpolation(tuple(part for part in parts if part != ""))


_cut_once = lru_cache(1024)(_cut)


def references(value: object) -> list[str]:
    """Return the dotted keys to which interpolations in a plain value refer.

    Raises ComplicatedError if that cannot be determined.
    """
    texts = [text for _, text in _leaves(value) if "${" in text]
    return [reference.key for text in texts for reference in interpolation(text).references]


def at(value: Any, path: Sequence[str]) -> Any:
    """Return the value at a path in nested mappings, or None."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def dotted(node: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings by dotted key; a list and an empty mapping are values."""
    for name, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from dotted(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _part(match: re.Match[str]) -> str | Reference:
    if match["key"]:
        return Reference(match["key"])
    if match["select"]:
        return Reference(match["select"], _constant(f"${{oc.select:no_key_of_this_name,{match['default']}}}"))
    value = _constant(match[0])
    if not isinstance(value, str) or value in ("", MISSING):
        raise ComplicatedError(match[0])
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
    values = []
    for item in node.interpolations.values():
        # nearly all are a value that was looked up before, and a sweep has a million
        owner = None if item.whole is None else nodes.get(item.whole.group)
        value = _NOTHING if owner is None or item.whole is None else owner.constants.get(item.whole.key, _NOTHING)
        values.append(_value(item, nodes, looked_up) if value is _NOTHING or value == MISSING else value)
    return node.filled(values)


def _value(item: Interpolation, nodes: Mapping[str, Node], looked_up: dict[str, Any]) -> Any:
    if item.whole is not None:
        return _referred(item.whole, nodes, looked_up)
    texts = [part if isinstance(part, str) else _referred(part, nodes, looked_up) for part in item.parts]
    if not all(isinstance(text, str) for text in texts):
        # only OmegaConf knows how it writes a number or a list into a text
        raise ComplicatedError(str(texts))
    return "".join(texts)


def _referred(reference: Reference, nodes: Mapping[str, Node], looked_up: dict[str, Any]) -> Any:
    value = looked_up.get(reference.key, _NOTHING)
    if value is _NOTHING:
        # a circular reference meets this mark again
        looked_up[reference.key] = ComplicatedError
        value = looked_up[reference.key] = _at_key(reference.key, nodes, looked_up)
    if value is ComplicatedError:
        raise ComplicatedError(reference.key)
    if value is MISSING or value == MISSING:
        if reference.default is _NOTHING:
            raise ComplicatedError(reference.key)
        return reference.default
    return value


def _at_key(key: str, nodes: Mapping[str, Node], looked_up: dict[str, Any]) -> Any:
    """Return the resolved value of a dotted key, or `MISSING`."""
    node = nodes.get(key.partition(".")[0])
    if node is None:
        return MISSING
    constant = node.constant(key)
    if constant is not _NOTHING:
        return constant
    path, value = _located(node, key)
    return _inside(value, path, node, nodes, looked_up) if path else _content(node, nodes, looked_up)


def _located(node: Node, key: str) -> tuple[Path | None, Any]:
    """Return the path of a dotted key in a node and the value there; None and `MISSING` if there is no such key."""
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
    interpolations = node.interpolations or {}
    if path in interpolations:
        return _value(interpolations[path], nodes, looked_up)
    inner = {place[len(path) :]: item for place, item in interpolations.items() if place[: len(path)] == path}
    return _replaced(value, ((place, _value(item, nodes, looked_up)) for place, item in inner.items()))


def _leaves(content: object) -> list[tuple[Path, str]]:
    """Return every text in a plain value with its path, in their order."""
    leaves: list[tuple[Path, str]] = []
    pending: list[tuple[Path, object]] = [((), content)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str):
            leaves.append((path, value))
        elif isinstance(value, dict | list):
            items = value.items() if isinstance(value, dict) else enumerate(value)
            pending += reversed([((*path, name), item) for name, item in items])
    return leaves


def _replaced(content: Any, values: Iterable[tuple[Path, Any]]) -> Any:
    """Return plain values with new ones at some paths; all parts outside these paths are shared, not copied."""
    result: Any = content.copy() if isinstance(content, dict | list) else content
    copies: set[Path] = set()
    for path, value in values:
        parent: Any = result
        for depth, name in enumerate(path[:-1], start=1):
            if path[:depth] not in copies:
                copies.add(path[:depth])
                parent[name] = parent[name].copy()
            parent = parent[name]
        parent[path[-1]] = value
    return result


def _with_value(content: Any, names: Sequence[str], value: Any) -> Any:
    if not names or not isinstance(content, dict) or not all(name.isidentifier() for name in names):
        raise ComplicatedError(".".join(names))
    if len(names) == 1:
        return {**content, names[0]: list(value) if isinstance(value, tuple) else value}
    return {**content, names[0]: _with_value(content.get(names[0]), names[1:], value)}


def _make_room(cache: dict[str, Any]) -> None:
    if len(cache) >= MOST_KEPT:
        cache.clear()
