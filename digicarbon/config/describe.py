"""The description of an option: its class, and the type, allowed values, default and meaning of each field.

Nothing is written twice: types and limits from the class, the meaning from the ``Attributes`` section of
its docstring (or, without one, from the comment in the option's YAML), and defaults from the YAML.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml

from digicarbon import pack
from digicarbon.config import flat
from digicarbon.config.files import find, folders, headline, is_experiment, read, shown
from digicarbon.errors import ConfigError
from digicarbon.note import Note, suggestion
from digicarbon.spec import Spec, locate

_SECTION = re.compile(r"^Attributes\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(\S[^\n]*?)(?: : [^\n]*)?\n((?:[ ]+[^\n]*\n|\n)*)", re.MULTILINE)
_REFERENCE = re.compile(r"As in `([\w.]+)`[.;,] ?(.*)")
_COMMENT = re.compile(r"^(\w+):(?:[^#\n\"']|\"[^\"\n]*\"|'[^'\n]*')*?\s#\s*(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Field:
    """A field of a specification.

    ``type``: as JSON Schema, from pydantic. ``meaning``: one paragraph, with units; empty if undocumented.
    ``required``: whether the class has no default. ``default``: the default of the class, as plain values; None if
    there is none.
    """

    name: str
    type: Mapping[str, Any]
    meaning: str
    required: bool
    default: Any

    @property
    def allowed(self) -> str:
        """The type and its limits in words, e.g. ``whole number ≥ 1``."""
        return words(self.type)


@dataclass(frozen=True)
class Option:
    """An option of a config group, from its file and the files that it inherits.

    ``path``: its file. ``node``: plain values, interpolations unresolved. ``comments``: the comment after each field in
    the YAML. ``fault``: the reason why one of its files cannot be read.
    """

    group: str
    name: str
    path: Path
    node: Mapping[str, Any]
    comments: Mapping[str, str]
    fault: ConfigError | None = None

    @property
    def headline(self) -> str:
        """The comment in the first line."""
        return headline(self.path)

    @property
    def pack(self) -> str:
        """The pack that its class comes from; empty for the core and for classes of the user's own."""
        return pack.of(str(self.node.get("_target_")))

    @property
    def line(self) -> str:
        """The comment in the first line, and the pack."""
        return " ".join(filter(None, (self.headline, f"({self.pack})" if self.pack else "")))

    @cached_property
    def spec(self) -> type[Spec]:
        """The class.

        Raises ConfigError if the file cannot be read, or names no class that can be imported.
        """
        if self.fault:
            raise self.fault
        target = self.node.get("_target_")
        if not isinstance(target, str):
            raise ConfigError(Note("option_without_target"), shown(self.path))
        cls = locate(target, shown(self.path))
        if not (isinstance(cls, type) and issubclass(cls, Spec)):
            raise ConfigError(Note("no_specification", target=target), shown(self.path))
        return cls

    @cached_property
    def fields(self) -> list[Field]:
        """The fields in the order of the file, followed by those that it omits."""
        by_name = {field.name: field for field in described(self.spec, self.comments)}
        order = [name for name in self.node if name in by_name]
        return [by_name[name] for name in dict.fromkeys([*order, *by_name])]

    def default(self, field: Field) -> Any:
        """Return the default value of a field: the file's value, or else the class's default."""
        return self.node.get(field.name, "???" if field.required else field.default)


def options(group: str) -> list[Option]:
    """Return the options of a group by name, the user's before the shipped ones."""
    paths: dict[str, Path] = {}
    for folder in folders():
        for path in sorted((folder / group).glob("*.yaml")):
            paths.setdefault(path.stem, path)
    return [_option(group, name, paths, ()) for name in sorted(paths)]


_TARGET = re.compile(r"^_target_:\s*['\"]?([\w.]+)", re.MULTILINE)
_PARENT = re.compile(r"^defaults:\s*\[\s*([\w-]+)", re.MULTILINE)


def line_of(path: Path) -> str:
    """Return the comment in an option's first line, and its pack; reading the file as YAML would take long."""
    seen: set[Path] = set()
    file: Path | None = path
    target = None
    while target is None and file is not None and file not in seen:
        seen.add(file)
        text = file.read_text(encoding="utf-8", errors="replace")
        target, parent = _TARGET.search(text), _PARENT.search(text)
        file = None if parent is None else find(f"{path.parent.name}/{parent[1]}")
    name = "" if target is None else pack.of(target[1])
    return " ".join(filter(None, (headline(path), f"({name})" if name else "")))


def experiments() -> list[tuple[str, str]]:
    """Return names and first lines of the experiments."""
    headlines: dict[str, str] = {}
    for folder in folders():
        if folder.name == "experiments":
            for path in sorted(folder.glob("*.yaml")):
                headlines.setdefault(path.stem, headline(path))
    return sorted((name, text) for name, text in headlines.items() if is_experiment(name))


def _option(group: str, name: str, paths: Mapping[str, Path], heirs: tuple[str, ...]) -> Option:
    try:
        content = read(paths[name])
    except ConfigError as error:
        return Option(group, name, paths[name], {}, {}, error)
    node: dict[str, Any] = {}
    comments: dict[str, str] = {}
    fault = None
    for parent in content.get("defaults") or ():
        if isinstance(parent, str) and parent in paths and parent not in (*heirs, name):
            inherited = _option(group, parent, paths, (*heirs, name))
            node |= inherited.node
            comments |= inherited.comments
            fault = fault or inherited.fault
    node |= {str(key): value for key, value in content.items() if key != "defaults"}
    comments |= dict(_COMMENT.findall(paths[name].read_text(encoding="utf-8")))
    return Option(group, name, paths[name], node, comments, fault)


def find_option(group: str, name: str) -> Option:
    """Return one option of a group.

    Raises ConfigError if there is no option of that name.
    """
    if flat.is_file(group, name):
        reader = find_option(group, flat.OF_FILES[group])
        return replace(reader, name=name, node={**reader.node, "path": name})
    by_name = {option.name: option for option in options(group)}
    if name not in by_name:
        raise ConfigError(
            Note("group_has_no_option", key=group, option=name, hint=suggestion(name, by_name, ours=True))
        )
    return by_name[name]


def described(cls: type[Spec], comments: Mapping[str, str] | None = None) -> list[Field]:
    """Return the fields of a class.

    ``comments``: meanings of fields that the docstring does not describe.
    """
    schema = _json_schema(cls)
    # a class that refers to itself is in its own definitions
    types = schema.get("properties") or schema.get("$defs", {}).get(cls.__name__, {}).get("properties", {})
    meanings = {**(comments or {}), **meanings_of(cls)}
    return [
        Field(
            name,
            {key: value for key, value in types[name].items() if key not in ("title", "default", "description")},
            meanings.get(name, ""),
            info.is_required(),
            types[name].get("default", _factory_default(info)),
        )
        for name, info in cls.model_fields.items()
    ]


@cache
def _json_schema(cls: type[Spec]) -> Mapping[str, Any]:
    # a schema of all options needs it many times
    return cls.model_json_schema()


def _factory_default(info: Any) -> Any:
    """Return the default that a factory makes, which JSON Schema leaves out."""
    return info.get_default(call_default_factory=True) if info.default_factory is not None else None


def meanings_of(cls: type) -> dict[str, str]:
    """Return the meaning of each attribute from the docstrings of a class and its bases; the nearest class wins."""
    meanings: dict[str, str] = {}
    for base in cls.__mro__:
        for name, text in _attributes(base):
            reference = _REFERENCE.match(text)
            if reference:
                other = _named(reference[1], base)
                meaning = "" if other in (None, base) else meanings_of(other).get(name, "")
                text = (
                    " ".join(filter(None, (meaning, reference[2][:1].upper() + reference[2][1:]))) if meaning else text
                )
            if text:
                meanings.setdefault(name, text)
    return meanings


def _named(name: str, cls: type) -> type | None:
    """Return the class of a name: a dotted path, a base of a class, or a class in its module."""
    bases = {base.__name__: base for base in cls.__mro__}
    result = locate(name, name) if "." in name else bases.get(name) or getattr(inspect.getmodule(cls), name, None)
    return result if isinstance(result, type) else None


@cache
def _attributes(cls: type) -> list[tuple[str, str]]:
    section = _SECTION.search(inspect.cleandoc(vars(cls).get("__doc__") or "") + "\n")
    entries = _ENTRY.finditer(section[1] if section else "")
    return [(name.strip(), " ".join(entry[2].split())) for entry in entries for name in entry[1].split(",")]


def words(node: Mapping[str, Any]) -> str:
    """Return a type in words, e.g. ``row | spectral | none`` or ``list of texts``."""
    if "enum" in node:
        return " | ".join(map(_as_json, node["enum"]))
    if "const" in node:
        return _as_json(node["const"])
    if "anyOf" in node:
        return " | ".join(dict.fromkeys(words(item) for item in node["anyOf"]))
    if "$ref" in node:
        return f"a mapping: {node['$ref'].rpartition('/')[2]}"
    match node.get("type"):
        case "integer" | "number" as kind:
            return ("whole number" if kind == "integer" else "number") + _limits(node)
        case "boolean":
            return "true | false"
        case "string":
            return "one character" if node.get("maxLength") == 1 else "text"
        case "null":
            return "null"
        case "array" if "prefixItems" in node:
            return f"[{', '.join(words(item) for item in node['prefixItems'])}]"
        case "array":
            return f"list of ({words(node.get('items', {}))})"
        case "object":
            inner = node.get("additionalProperties")
            return f"mapping of names to ({words(inner)})" if isinstance(inner, dict) else "mapping"
    return "anything"


_SIGNS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def _limits(node: Mapping[str, Any]) -> str:
    limits = [f"{sign} {node[key]:g}" for key, sign in _SIGNS.items() if key in node]
    return f" {' and '.join(limits)}" if limits else ""


def _as_json(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_yaml(value: Any) -> str:
    """Return a value as one line of YAML."""
    if isinstance(value, str) and (value.startswith("${") or value == "???"):
        return value
    return str(yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6)).partition("\n")[0]
