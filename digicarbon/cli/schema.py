"""JSON Schema of options and experiments, so that an editor completes and checks their YAML.

Draft 7 of JSON Schema, which the editors' YAML language server reads. ``${…}`` and ``???`` are allowed in place of any
value.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from digicarbon import pack
from digicarbon.config import flat
from digicarbon.config.describe import Field, Option, described, experiments, find_option, options
from digicarbon.config.files import GROUPS, REPLACEABLE, ROOT, SETTINGS, SWEEP_KEYS
from digicarbon.config.settings import SCHEMAS
from digicarbon.disk.files import put
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note
from digicarbon.note.language import said
from digicarbon.report.claim import SIGNS
from digicarbon.report.kinds import KINDS
from digicarbon.spec import Spec

Schema = dict[str, Any]

FOLDER = SCHEMAS
"""Default folder of the schemas."""
REQUEST = "schema"
"""Packs offer the name of a file, its place, and a function that returns its schema."""
EXPERIMENT = "experiment"
_OURS = r"^digicarbon\.\w+\.\w+$"
"""Pattern of the paths of our classes; each is named by some option."""
_LAST: Schema = {"if": {"minItems": 2}, "then": {"items": [{"not": {"const": "_self_"}}]}}
"""Items after ``_self_`` would overwrite the file; draft 7 can express this for the first item only."""

_LATER: Schema = {"$ref": "#/definitions/later"}
_LABELS: Schema = {
    "anyOf": [{"type": ["object", "null"], "additionalProperties": {"type": "string", "minLength": 1}}, _LATER],
    "description": "Your words for variables, choices, their values and columns, e.g. {e: Digital economy, "
    "model.effects: Fixed effects, weights=mine: My weights}.",
}
_DEFINED_LATER: Schema = {
    "description": "An interpolation such as ${outcome.term}, or ??? for a value that must still be given.",
    "type": "string",
    "pattern": r"\$\{|^\?\?\?$",
}


def schema(to: str | None = None) -> int:
    """Write the schemas into a folder, by default `FOLDER`, and print how an editor uses them; return the exit status.

    Raises DataError if the folder cannot be written.
    """
    faults: list[Note] = []
    folder = Path(to or FOLDER)
    written = write(folder, faults.append)
    for fault in faults:
        sys.stderr.write(f"{said(Note('left_out', why=fault))}\n")
    place = folder.as_posix()
    sys.stdout.write(
        f"{said(Note('schemas_written', schemas=len(written), folder=place))}\n"
        f"{said(Note('schemas_vs_code'))}\n"
        f"{json.dumps(editor_settings(place), indent=2)}\n"
        f"{said(Note('schemas_any_editor'))}\n"
        f"{modeline(EXPERIMENT, place)}\n"
        f"{said(Note('schemas_again'))}\n"
    )
    return 0


def write(folder: Path, tell: Callable[[Note], object]) -> list[Path]:
    """Write a schema for each group, one for experiments, and those of the files of packs.

    ``folder``: created if it does not exist. ``tell``: called with a note for each option that is left out because its
    file or class is wrong. Raises DataError if the folder cannot be written.
    """
    contents = schemas(tell)
    try:
        for name, content in contents.items():
            put(folder / f"{name}.json", (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode())
    except OSError as error:
        raise DataError(Note("schema_not_written", folder=folder, reason=error.strerror)) from error
    return [folder / f"{name}.json" for name in contents]


def editor_settings(folder: str = FOLDER) -> dict[str, Any]:
    """Return VS Code's settings that apply the schemas to ``conf/`` and ``experiments/``."""
    base = folder if Path(folder).is_absolute() else f"./{folder}"
    mapped = {f"{base}/{group}.json": f"conf/{group}/*.yaml" for group in (*GROUPS, "importer")}
    of_packs = {name: place for name, (place, _) in _of_packs().items()}
    others = [f"!{place}" for place in of_packs.values()]
    return {
        "yaml.schemas": {
            f"{base}/{EXPERIMENT}.json": ["experiments/**/*.yaml", *others],
            **{f"{base}/{name}.json": place for name, place in of_packs.items()},
            **mapped,
        }
    }


def _of_packs() -> dict[str, tuple[str, Callable[[], Schema]]]:
    """Return the files that packs read beside experiments, by name: where each is, and what returns its schema."""
    return dict(pack.offered(REQUEST))


def modeline(name: str, folder: str = FOLDER) -> str:
    """Return the comment that applies a schema to a file; options are one folder deeper than experiments."""
    up = "" if Path(folder).is_absolute() else "../" if name == EXPERIMENT else "../../"
    return f"# yaml-language-server: $schema={up}{folder}/{name}.json"


def schemas(tell: Callable[[Note], object]) -> dict[str, Schema]:
    """Return the schemas of each group's options, of experiments, and of files that packs read beside them, by name.

    ``tell`` gets a note for each option that is left out.
    """
    book = _Book(tell)
    return {
        **{group: book.of_group(group) for group in book.options},
        EXPERIMENT: book.of_experiments(),
        **{name: schema() for name, (_, schema) in _of_packs().items()},
    }


def of_option(group: str, option: str) -> Schema:
    """Return the schema of the fields of an option; a ConfigError if there is no such option, or its file is wrong."""
    return _Book(lambda note: None).of_class(f"digicarbon: {group}={option}", find_option(group, option).spec)


class _Book:
    """All options and their classes.

    ``options``: by group; only options whose class can be imported.
    """

    def __init__(self, tell: Callable[[Note], object]) -> None:
        self.options = {group: [*_sound(group, tell)] for group in (*GROUPS, "importer")}
        every = [option.spec for group in self.options.values() for option in group]
        # the type of a field that holds another specification is its kind, e.g. Model
        self._roles = {
            base.__name__: base.role
            for cls in every
            for base in cls.__mro__
            if issubclass(base, Spec) and base is not Spec and base.role in self.options
        }
        self._definitions: dict[str, Schema] = {}

    def of_group(self, group: str) -> Schema:
        """Return the schema of an option's file."""
        return self._whole(f"digicarbon: an option of {group}", [self._node(group, nested=False)])

    def of_class(self, title: str, cls: type[Spec]) -> Schema:
        """Return the schema of the fields of a class."""
        return self._whole(title, [{"$ref": self._class(cls)}])

    def of_experiments(self) -> Schema:
        """Return the schema of an experiment's file."""
        names, lines = zip(*experiments(), strict=True) if experiments() else ((), ())
        keys: Schema = {
            "defaults": self._defaults(names, lines),
            "title": {"type": "string", "description": "What the table is called."},
            "labels": _LABELS,
            "columns": {
                "type": ["object", "null"],
                "description": "Named choices, one per table column, e.g. SDM(1): {measure: sector1}; null leaves out "
                "one that is inherited.",
                "additionalProperties": {"anyOf": [self._choice(), {"type": "null"}]},
            },
            "grid": self._axes("Full product: keys and lists of values, e.g. inference: [classic, cluster].", True),
            "zip": self._axes("Parallel lists of equal length.", False),
            "exclude": {
                "type": ["array", "null"],
                "description": "Combinations to leave out, e.g. [{model: sdm, sample: northeast}].",
                "items": self._exclusion(),
            },
            "draw": {
                "description": "A seeded random subset of the combinations, e.g. {n: 500, seed: 1}.",
                "type": ["object", "null"],
                "properties": {"n": {"type": "integer", "minimum": 1}, "seed": {"type": "integer"}},
                "required": ["n"],
                "additionalProperties": False,
            },
            "kinds": {
                "description": "What the values of a choice are to each other, e.g. {weights: equivalent, sample: "
                "nonequivalent, outcome: uncertain}.",
                "type": ["object", "null"],
                "additionalProperties": {
                    "anyOf": [
                        {"enum": list(KINDS)},
                        {
                            "type": "object",
                            "properties": {"kind": {"enum": list(KINDS)}, "main": {}},
                            "required": ["kind"],
                            "additionalProperties": False,
                        },
                    ]
                },
            },
            "claim": {
                "description": "What the runs should show, e.g. {quantity: direct, sign: negative, share: 0.8}.",
                "type": ["object", "null"],
                "properties": {
                    "quantity": {"type": "string"},
                    "sign": {"enum": list(SIGNS)},
                    "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                    "significant": {"type": ["number", "null"], "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                    "term": {"type": ["string", "null"]},
                    "joint": {"type": ["number", "null"], "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                },
                "additionalProperties": False,
            },
            "experiments": {
                "type": ["array", "null"],
                "description": "Other experiments to run instead of this one.",
                "items": _chosen(names, lines),
            },
            "instead": {
                "type": ["object", "null"],
                "description": "By source: the experiment that runs instead of this one with source=… alone.",
                "additionalProperties": _chosen(names, lines),
            },
            "replace": {
                "description": "Keys whose inherited part is dropped, e.g. columns, or [columns, grid].",
                "anyOf": [
                    {"enum": list(REPLACEABLE)},
                    {"type": "array", "items": {"enum": list(REPLACEABLE)}},
                    {"type": "null"},
                ],
            },
            "hydra": {"type": "object", "description": "Settings of Hydra itself."},
        }
        long = {**keys, **{group: self._body(group) for group in GROUPS}}
        short = {key: kind for key, kind in keys.items() if key not in ("defaults", "hydra")} | self._short(
            names, lines
        )
        dotted: Schema = {rf"^(?:{'|'.join(GROUPS)})\.": {}}
        whole = {
            "type": "object",
            "if": {"required": ["defaults"]},
            "then": {"properties": long, "additionalProperties": False},
            "else": {"properties": short, "patternProperties": dotted, "additionalProperties": False},
        }
        return self._whole("digicarbon: an experiment", [whole, *self._bodies()])

    def _short(self, names: Sequence[str], lines: Sequence[str]) -> Schema:
        """Return the keys of a file without defaults: options by name, fields as mappings, and short words."""
        experiment = _chosen([*names, ROOT], [*lines, "the default sentence"])
        parts = {"enum": list(flat.LIMITS)}
        return {
            **{group: {"anyOf": [self._named(group), self._body(group)]} for group in GROUPS},
            **self._words(),
            flat.DATA: {
                "description": "Your own table: a row per unit and period, e.g. panel.csv; or a source.",
                "anyOf": [self._named("source"), self._body("source")],
            },
            flat.FROM: {
                "description": "The experiment that this one starts from.",
                "anyOf": [experiment, {"type": "array", "items": experiment}],
            },
            flat.EXTEND: {
                "description": "Inherited parts that this file adds to, instead of replacing them.",
                "anyOf": [parts, {"type": "array", "items": parts}],
            },
        }

    def _named(self, group: str) -> Schema:
        """Return the schema of what chooses an option: its name, or a file of data where the group takes one."""
        option = self._option(group)
        if group not in flat.FILES:
            return option
        # draft 7 has no flag for either case
        endings = "|".join(re.escape(ending) for ending in flat.FILES[group])
        return {"anyOf": [option, {"type": "string", "pattern": f"({endings}|{endings.upper()})$"}]}

    def _words(self) -> Schema:
        """Return the fields that short words stand for."""
        fields = {group: self._fields(group) for group in GROUPS}
        models = {name: kind for name, kind in fields["model"].items() if name not in (*GROUPS, *SWEEP_KEYS)}
        keys = {word: key.split(".") for word, key in flat.WORDS.items()}
        # a field of a pack that is not here has no schema
        here = {word: fields[group][name] for word, (group, name) in keys.items() if name in fields[group]}
        words = {**models, **here}
        policy = [kinds["policy"] for kinds in (words, fields["panel"]) if "policy" in kinds]
        return {**words, **({"policy": _either(policy)} if policy else {})}

    def _whole(self, title: str, parts: list[Schema]) -> Schema:
        # only definitions that are referenced, directly or by other definitions
        needed: dict[str, Schema] = {}
        todo = [json.dumps(parts)]
        while todo:
            for name in re.findall(r'"#/definitions/([^"]+)"', todo.pop()):
                if name not in needed:
                    needed[name] = _DEFINED_LATER if name == "later" else self._definitions[name]
                    todo.append(json.dumps(needed[name]))
        return {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "title": title,
            "allOf": parts,
            "definitions": dict(sorted(needed.items())),
        }

    def _classes(self, group: str) -> dict[str, type[Spec]]:
        """Return the classes of a group by the paths that name them."""
        return {str(option.node["_target_"]): option.spec for option in self.options[group]}

    def _node(self, group: str, nested: bool) -> Schema:
        """Return the schema of the mapping of a specification."""
        classes = self._classes(group)
        target = self._target(group)
        rules: list[Schema] = []
        for path, cls in classes.items():
            required = [field.name for field in described(cls) if field.required]
            then: list[Schema] = [{"$ref": self._class(cls)}]
            if required:
                then.append({"anyOf": [{"required": ["defaults"]}, {"required": required}]})
            this = {"properties": {"_target_": {"const": path}}, "required": ["_target_"]}
            rules.append({"if": this, "then": {"allOf": then}})
        properties: Schema = {"_target_": target, "labels": _LABELS}
        if not nested:
            properties["defaults"] = {
                "type": "array",
                "description": f"Options of {group} that this one starts from, e.g. [{self._first(group)}, _self_].",
                **_LAST,
            }
            rules.append({"if": {"not": {"required": ["defaults"]}}, "then": {"required": ["_target_"]}})
            fields = {**properties, **self._fields(group)}
            known = {"properties": fields, "additionalProperties": False}
            rules.append({"if": {"not": {"required": ["_target_"]}}, "then": known})
        result: Schema = {"type": "object", "properties": properties, "allOf": rules}
        return {**result, "required": ["_target_"]} if nested else result

    def _target(self, group: str) -> Schema:
        return {
            "description": f"The class, as a dotted path; your own is e.g. mine.My{group.capitalize()}.",
            "anyOf": [{"enum": sorted(self._classes(group))}, {"type": "string", "not": {"pattern": _OURS}}],
        }

    def _first(self, group: str) -> str:
        return self.options[group][0].name if self.options[group] else "…"

    def _class(self, cls: type[Spec]) -> str:
        """Return the reference to a class's definition."""
        name = f"{cls.__module__}.{cls.__qualname__}"
        if name not in self._definitions:
            self._definitions[name] = {}  # a class may refer to its own kind
            fields = {field.name: self._field(field, cls) for field in described(cls)}
            general: Schema = {"_target_": {"type": "string"}, "defaults": {"type": "array"}, "labels": _LABELS}
            self._definitions[name] = {
                "description": (cls.__doc__ or "").strip().partition("\n")[0],
                "type": "object",
                "properties": {**general, **fields},
                "additionalProperties": False,
            }
        return f"#/definitions/{name}"

    def _field(self, field: Field, cls: type[Spec]) -> Schema:
        result: Schema = {**self._type(field.type, cls)}
        if field.meaning:
            result["description"] = field.meaning.replace("``", "`")
        if not field.required:
            result["default"] = json.loads(json.dumps(field.default, default=str))
        return result

    def _fields(self, group: str) -> Schema:
        """Return the fields of all classes of a group; a field of several classes accepts the values of any."""
        schemas_of: dict[str, list[Schema]] = {}
        for cls in dict.fromkeys(self._classes(group).values()):
            for field in described(cls):
                schemas_of.setdefault(field.name, []).append(self._field(field, cls))
        return {name: _either(kinds) for name, kinds in schemas_of.items()}

    def _type(self, node: Any, cls: type[Spec]) -> Schema:
        """Return a type of pydantic in draft 7, with ``${…}`` allowed in place of each value."""
        result = {key: value for key, value in node.items() if key not in ("title", "$ref")}
        if "$ref" in node:
            return {"anyOf": [{"$ref": self._reference(node["$ref"].rpartition("/")[2], cls)}, _LATER]}
        for key in ("items", "additionalProperties"):
            if isinstance(result.get(key), dict):
                result[key] = self._type(result[key], cls)
        if "prefixItems" in result:
            result["items"] = [self._type(item, cls) for item in result.pop("prefixItems")]
            result["additionalItems"] = False
        if "properties" in result:
            result["properties"] = {name: self._type(item, cls) for name, item in result["properties"].items()}
        if "anyOf" in result:
            kinds = [self._type(item, cls) for item in result["anyOf"]]
            flat = [part for kind in kinds for part in (kind["anyOf"] if set(kind) == {"anyOf"} else [kind])]
            result["anyOf"] = [*(part for part in flat if part != _LATER), _LATER]
            return result
        if result.get("type") == "string" and not {"enum", "maxLength", "pattern"} & set(result):
            return result
        annotations = {key: result.pop(key) for key in ("description", "default") if key in result}
        return {"anyOf": [result, _LATER], **annotations}

    def _reference(self, name: str, cls: type[Spec]) -> str:
        """Return the name of the definition to which a field refers: a kind of specification, or a record."""
        role = self._roles.get(name)
        own = f"{cls.__module__}.{cls.__qualname__}.{name}" if role is None else f"any {role}".replace(" ", "_")
        if own not in self._definitions:
            self._definitions[own] = {}
            if role is not None:
                self._definitions[own] = self._node(role, nested=True)
            else:
                record = next((known for known in _kinds_of(Spec) if known.__name__ == name), None)
                fields = {} if record is None else {field.name: self._field(field, cls) for field in described(record)}
                plain = self._type(cls.model_json_schema()["$defs"][name], cls)
                self._definitions[own] = {**plain, "properties": fields} if fields else plain
        return f"#/definitions/{own}"

    def _option(self, group: str) -> Schema:
        return _chosen([option.name for option in self.options[group]], [option.line for option in self.options[group]])

    def _body(self, group: str) -> Schema:
        """Return a reference to the fields of a group that an experiment may set: those of any of its classes."""
        name = f"some_{group}"
        if name not in self._definitions:
            self._definitions[name] = {
                "description": f"Fields of {group}; defaults choose its option: override {group}: {self._first(group)}",
                "type": "object",
                "properties": {"_target_": self._target(group), "labels": _LABELS, **self._fields(group)},
                "additionalProperties": False,
            }
        return {"$ref": f"#/definitions/{name}"}

    def _bodies(self) -> list[Schema]:
        """Return rules: if defaults choose an option, the body has the fields of its class."""
        rules = []
        for group in GROUPS:
            by_class: dict[type[Spec], list[str]] = {}
            for option in self.options[group]:
                by_class.setdefault(option.spec, []).append(option.name)
            for cls, names in by_class.items():
                key = f"override {group}"
                chosen = {"type": "object", "properties": {key: {"enum": names}}, "required": [key]}
                rules.append(
                    {
                        "if": {"properties": {"defaults": {"contains": chosen}}, "required": ["defaults"]},
                        "then": {"properties": {group: {"$ref": self._class(cls)}}},
                    }
                )
        return rules

    def _defaults(self, names: Sequence[str], lines: Sequence[str]) -> Schema:
        overrides = {
            f"{word}{group}": {**self._named(group), "description": f"The option of {group}."}
            for group in GROUPS
            for word in ("override ", "")
        }
        choices = _chosen([*names, ROOT, "_self_"], [*lines, "the default sentence", "this file"])
        return {
            "type": "array",
            "description": f"What the experiment starts from, [{ROOT}, override model: sdm, _self_].",
            "contains": {
                "anyOf": [
                    {"enum": [ROOT, *names]},
                    {"type": "string", "pattern": "/"},
                    # the default sentence itself
                    {"type": "object", "required": ["source"]},
                ]
            },
            **_LAST,
            "items": {
                "anyOf": [
                    choices,
                    {"type": "string", "pattern": "/"},
                    {
                        "type": "object",
                        "properties": overrides,
                        "patternProperties": {"hydra/": {}},
                        "additionalProperties": False,
                    },
                ]
            },
        }

    def _choice(self) -> Schema:
        if "choice" not in self._definitions:
            self._definitions["choice"] = self._keyed(lambda kind: kind)
        return {"$ref": "#/definitions/choice"}

    def _exclusion(self) -> Schema:
        """Return the schema of a choice in which a group may have a list of options."""
        result = self._keyed(lambda kind: kind)
        for group in GROUPS:
            if group in result["properties"]:
                several = {"type": "array", "items": self._named(group), "minItems": 1}
                result["properties"][group]["anyOf"].append(several)
        return result

    def _axes(self, text: str, grammar: bool) -> Schema:
        """Return a mapping of keys to lists; a grid also accepts Hydra's grammar, e.g. ``glob(*)``, and subsets."""
        items: Schema = {"type": "array", "minItems": 1}
        subsets: Schema = {
            "type": "object",
            "description": "Every subset of a list, each after what is always there.",
            "properties": {"subsets": items, "always": {"type": "array"}},
            "required": ["subsets"],
            "additionalProperties": False,
        }
        more: list[Schema] = [{"type": "string"}, subsets] if grammar else []
        mapping = self._keyed(lambda kind: {"anyOf": [{"type": "array", "items": kind, "minItems": 1}, *more]})
        return {**mapping, "type": ["object", "null"], "description": text}

    def _keyed(self, value: Callable[[Schema], Schema]) -> Schema:
        """Return the schema of a mapping with keys `group` and `group.field`; ``value`` transforms their schemas."""
        properties: Schema = {}
        deeper: Schema = {}
        for group in GROUPS:
            if group in SETTINGS:
                continue
            fields = self._fields(group)
            nested = {"type": "object", "properties": {name: value(kind) for name, kind in fields.items()}}
            properties[group] = {"anyOf": [value(self._named(group)), {**nested, "additionalProperties": False}]}
            for name, kind in fields.items():
                properties[f"{group}.{name}"] = value(kind)
                if any(word in json.dumps(kind) for word in ('"object"', '"array"', "/definitions/any_")):
                    deeper[rf"^{group}\.{name}\."] = value({})
        properties |= {word: value(kind) for word, kind in self._words().items()}
        properties[flat.DATA] = value(self._named("source"))
        return {"type": "object", "properties": properties, "patternProperties": deeper, "additionalProperties": False}


def _sound(group: str, tell: Callable[[Note], object]) -> Iterator[Option]:
    for option in options(group):
        try:
            _ = option.spec
        except ConfigError as error:
            tell(Note("under_key", key=f"{group}={option.name}", said=error))
        else:
            yield option


def _kinds_of(cls: type[Spec]) -> Iterator[type[Spec]]:
    for kind in cls.__subclasses__():
        yield kind
        yield from _kinds_of(kind)


def _chosen(names: Sequence[str], lines: Sequence[str]) -> Schema:
    return {"enum": list(names), "enumDescriptions": list(lines)} if names else {"type": "string"}


def _either(kinds: Sequence[Schema]) -> Schema:
    """Return a schema for any of several schemas, with the description and default of the first."""
    annotations = {key: value for key, value in kinds[0].items() if key in ("description", "default")}
    bare = [{key: value for key, value in kind.items() if key not in ("description", "default")} for kind in kinds]
    different = [kind for number, kind in enumerate(bare) if kind not in bare[:number]]
    return {**(different[0] if len(different) == 1 else {"anyOf": different}), **annotations}
