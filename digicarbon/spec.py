"""Specifications: frozen, checked records that are built from YAML nodes.

A YAML node names its class by dotted path (``_target_``). Constructing the class checks every field and does no
input or output; verbs such as ``load``, ``compute`` and ``fit`` do the work.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, Union, get_args, get_origin
from weakref import WeakValueDictionary

import pydantic
from pydantic import BeforeValidator, ConfigDict, Field

from digicarbon import confined
from digicarbon.errors import ConfigError, DigicarbonError, Interrupt, told_apart
from digicarbon.loaded import remember
from digicarbon.note import Note, cut, note_of, suggestion
from digicarbon.note.about import note_of_said, rebased, with_key
from digicarbon.note.ending import broken_pack
from digicarbon.pack import BrokenPackError


def one_name(value: object) -> object:
    """Return a list of the one name that a text is; refuse a text that may be several names."""
    if not isinstance(value, str) or not value:
        return value
    if _SEPARATOR.search(value):
        several = ", ".join(_JOINED.split(value.strip()))
        raise ValueError(Note("one_name_or_several", given=repr(value), several=several))
    return (value,)


_SEPARATOR = re.compile(r"\s*[,;，、；\s]\s*")
_JOINED = re.compile(r"\s*[,;，、；+]\s*|\s+")
"""What stands between names, or within one."""
_ALSO_ALONE = BeforeValidator(one_name, json_schema_input_type=str | tuple[str, ...])

Names = Annotated[tuple[str, ...], Field(strict=False), _ALSO_ALONE]
"""A list of names in YAML, or one name."""

SomeNames = Annotated[tuple[str, ...], Field(strict=False, json_schema_extra={"minItems": 1}), _ALSO_ALONE]
"""`Names` that an editor reports if a file leaves them empty; Python code may leave them empty."""

Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""A seed of random numbers, of at most 63 bits, which every generator takes."""

Pair = Annotated[tuple[int, int], Field(strict=False)]
"""Two whole numbers in YAML, e.g. ``[2012, 2017]``."""


LONGEST_REPR = 200
"""Largest number of letters that a field takes in the `repr` of a specification."""


class _Short:
    """Shows a value in at most `LONGEST_REPR` letters."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __repr__(self) -> str:
        text = repr(self._value)
        return text if len(text) <= LONGEST_REPR else f"{text[:LONGEST_REPR]}…"


class Spec(pydantic.BaseModel):
    """Base class of everything that a configuration file can name.

    Fields are keyword-only, typed strictly and frozen; an unknown field is refused. Subclass it (or a kind such as
    ``Model`` or ``Source``) in any importable module, also in ``mine.py`` of the working directory, and name the
    class in a YAML file: nothing else has to be edited.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        validate_default=True,
        # a command uses a dozen of about a hundred specifications, and building a validator is slow
        defer_build=True,
    )

    role: ClassVar[str] = "specification"
    """The config group that takes this kind of specification."""
    no_numbers: ClassVar[tuple[str, ...]] = ()
    """Fields that affect no number of a panel: paths of files, names, citations, default terms of models."""
    reaches: ClassVar[tuple[str, ...]] = ()
    """Fields with addresses of other machines, or with commands for them."""
    former: ClassVar[Mapping[str, str]] = {}
    """Names of fields in earlier versions, and their names of today; read where any of them is no field any more."""
    references: ClassVar[tuple[str, ...]] = ()
    """Keys of the works that a paper cites for this class, in the bibliography of packages."""
    references_by: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {}
    """Further keys by a field and its value, e.g. ``{"cov": {"conley": ("conley1999",)}}``."""

    lacks: ClassVar[Mapping[str, Note]] = {}
    """Why the class has no field that others of its kind have, by name: half a sentence; see `why_lacking`."""

    def __new__(cls, *values: Any, **fields: Any) -> Self:
        """Refuse fields without their names."""
        if values:
            is_formula = "formula" in cls.model_fields and isinstance(values[0], str)
            first = f"formula={values[0]!r}" if is_formula else f"{next(iter(cls.model_fields), 'name')}=…"
            raise ConfigError(Note("fields_by_name", cls=cls.__name__, example=f"{cls.__name__}({first})"))
        return super().__new__(cls)

    def __init__(self, **fields: Any) -> None:
        """Check the fields.

        Raises
        ------
        SpecError
            If a field is unknown, missing, of the wrong type, or contradicts another; it lists every fault.
        """
        try:
            super().__init__(**_builtin(current(type(self), fields)))
        except pydantic.ValidationError as error:
            raise SpecError(type(self), error) from None

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """Yield the fields that are not at their defaults, which is what a reader looks for."""
        for name, value in super().__repr_args__():
            field = type(self).model_fields.get(str(name))
            if field is None or field.is_required() or value != field.get_default(call_default_factory=True):
                yield name, _Short(value)

    @classmethod
    def why_lacking(cls, name: str) -> Note | None:
        """Return why the class has no field, as it or a class above it says in ``lacks``; None if none does."""
        return next((one.lacks[name] for one in cls.__mro__ if issubclass(one, Spec) and name in one.lacks), None)

    @property
    def cited(self) -> tuple[str, ...]:
        """Keys of the works to cite for this specification: those of its class, its values and its nested ones."""
        keys = [*self.references]
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Spec):
                keys += value.cited
            elif isinstance(value, str):
                keys += self.references_by.get(name, {}).get(value, ())
        return tuple(dict.fromkeys(keys))

    @property
    def left_to_models(self) -> frozenset[str]:
        """Fields that do not affect what the specification computes; runs that differ only in them share the result."""
        return frozenset()


@dataclass(frozen=True)
class Definition:
    """How a column is made, for the codebook of a package.

    Attributes
    ----------
    formula : str
        In the names of series, e.g. ``gdp / population``; empty if the words say all.
    words : tuple of Note or str
        What it is; a sentence is shown in every language as it is.
    unit : str
        E.g. ``10k CNY``; empty if it has none.
    source : str
        The work and the equation, e.g. ``Shannon 1948``; empty if there is none.
    """

    formula: str = ""
    words: tuple[Note | str, ...] = ()
    unit: str = ""
    source: str = ""


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _builtin(value: Any) -> Any:
    """Return a value with dictionaries and lists for other containers, e.g. those of OmegaConf, which Hydra passes."""
    if type(value) in _PLAIN:
        return value
    # most values are plain, which is asked here once more to spare calls
    if type(value) is dict or isinstance(value, Mapping):
        return {key: item if type(item) in _PLAIN else _builtin(item) for key, item in value.items()}
    if type(value) is list or (isinstance(value, Sequence) and not isinstance(value, str | bytes | tuple | range)):
        return [item if type(item) in _PLAIN else _builtin(item) for item in value]
    return value


class SpecError(ConfigError, ValueError):
    """Fields of a specification are wrong.

    A validator may raise a `ValueError` with a `Note`. If the note has a field ``key``, it is the name of a field of
    the class; otherwise the error puts the key of the validated field before the note.

    ``cls``: the specification's class.
    """

    def __init__(self, cls: type[Spec], error: pydantic.ValidationError) -> None:
        self.cls, self.error = cls, error
        super().__init__(self.note(cls.__name__))

    def __reduce__(self) -> tuple[Any, ...]:
        # pydantic's own error cannot be pickled for another process
        return ConfigError, (self.said,), {"where": self.where, "to_correct": self.to_correct}

    def note(self, where: str) -> Note:
        """Return all faults, with ``where`` before the fields' names."""
        first, *others = (_fault(self.cls, item, where) for item in _faults(self.cls, self.error))
        return Note("faults", first=first, others=others) if others else first


S = TypeVar("S", bound=Spec)

_OURS = f"{__package__}."
"""The beginning of the names of this package's own classes."""
MOST_NODES = 1024
"""The largest number of nodes whose specification is cached by identity, without comparing their content."""


def build(node: Mapping[str, Any], kind: type[S], where: str) -> S:
    """Turn a plain mapping with a ``_target_`` into a checked specification.

    ``node``: plain Python values, as read from YAML and resolved. ``kind``: the subclass of `Spec` that this place
    takes. ``where``: the configuration key, for messages, e.g. ``"model"``. Returns an instance of ``kind``. Raises
    ConfigError if the class does not exist or is not a ``kind``, or if a field is unknown, missing or of the wrong
    type.
    """
    target = node.get("_target_")
    key = f"{where}._target_"
    if target is None:
        raise ConfigError(Note("target_missing", key=key, role=kind.role))
    if not isinstance(target, str):
        raise ConfigError(Note("target_no_text", key=key, role=kind.role, given=repr(target)))
    cls = locate(target, where)
    if not (isinstance(cls, type) and issubclass(cls, kind)):
        raise ConfigError(Note("target_of_other_kind", key=key, target=target, kind=kind.__name__, role=kind.role))
    confined.refuse_places(node, where)
    for name in filter(node.get, cls.reaches):
        confined.refuse_reach(f"{where}.{name}")
    fields = {str(key): value for key, value in node.items() if key != "_target_" and not _names(cls, str(key))}
    try:
        spec = cls(**fields)
    except SpecError as error:
        wrong = ConfigError(error.note(where))
        # fields that contradict each other may come from different choices
        wrong.to_correct = any(item["loc"] for item in error.error.errors())
        raise wrong from error
    # files name every field: that one is there does not say that somebody asked for its value
    spec.model_fields_set.clear()
    return spec


def current(cls: type[Spec], fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return fields by their names of today; as they are if none has a former name, or one would be there twice."""
    if not cls.former or cls.former.keys().isdisjoint(fields.keys() - cls.__pydantic_fields__.keys()):
        return fields
    out = {cls.former.get(name, name): value for name, value in fields.items()}
    return out if len(out) == len(fields) else fields


def _names(cls: type[Spec], key: str) -> bool:
    """Return whether a key of a node is no field: ``labels`` has words for reports and changes no number."""
    return key == "labels" and key not in cls.model_fields


def own_field(node: Mapping[str, Any], name: str, where: str) -> bool:
    """Return whether the class of a node has a field of its own with a name."""
    cls = locate(str(node.get("_target_")), where)
    return isinstance(cls, type) and issubclass(cls, Spec) and name in cls.model_fields


def identity(spec: Spec, without: frozenset[str] = frozenset()) -> str:
    """Return a text that is equal for specifications with the same class and fields, except fields in ``without``."""
    fields = spec.model_dump_json(exclude=set(without)) if without else spec.model_dump_json()
    return f"{type(spec).__module__}.{type(spec).__qualname__}{fields}"


def as_default(spec: S, names: frozenset[str]) -> S:
    """Return a specification with some fields at their defaults; the same object if they already are."""
    fields = type(spec).model_fields
    defaults = {name: fields[name].get_default(call_default_factory=True) for name in names}
    changes = {name: value for name, value in defaults.items() if getattr(spec, name) != value}
    return spec.model_copy(update=changes) if changes else spec


def sharing(spec: Spec, *verbs: str) -> frozenset[str]:
    """Return the fields that verbs of a specification do not read: its ``no_numbers``.

    There are none if a class of another package overrides a verb without defining ``no_numbers``: it may read any
    field.
    """
    for cls in type(spec).__mro__:
        if "no_numbers" in vars(cls):
            return frozenset(vars(cls)["no_numbers"])
        if cls.__module__.partition(".")[0] != __package__ and any(verb in vars(cls) for verb in verbs):
            break
    return frozenset()


class NodeError(ValueError):
    """A nested node is wrong; the outer specification reports it under its own key.

    ``said``: what is wrong; its keys begin with the role of the kind. ``kind``: as for `build`.
    """

    def __init__(self, said: Note, kind: type[Spec]) -> None:
        super().__init__(said)
        self.said, self.kind = said, kind


def nested(value: Any, kind: type[Spec]) -> Any:
    """Return the specification that a nested node names; other values are left to pydantic's check.

    Raises NodeError if the node is wrong.
    """
    if not isinstance(value, Mapping):
        return value
    try:
        return build(value, kind, kind.role)
    except ConfigError as error:
        raise NodeError(note_of_said(error.said), kind) from error


def fields_of(value: object, kind: type[Spec]) -> object:
    """Return the specification whose fields a mapping has; other values are left to pydantic's check.

    Raises NodeError if a field is wrong.
    """
    if not isinstance(value, Mapping):
        return value
    try:
        return kind(**value)
    except SpecError as error:
        raise NodeError(error.note(kind.role), kind) from error


@contextmanager
def under(key: str, kind: type[Spec]) -> Iterator[None]:
    """Let errors about a nested node name the key of that node.

    ``key``: e.g. ``"model.error_weights"``. ``kind``: the kind of the node; without this, keys begin with its role.
    """
    try:
        yield
    except DigicarbonError as error:
        note = note_of_said(error.said)
        if not note.key.startswith(f"{kind.role}."):
            raise
        raise error.anew(rebased(note, kind.role, key), error.where) from error


class Builder:
    """Builds specifications, one object for equal nodes: runs with the same source share one object.

    A node must not be changed after it was passed to `build`.
    """

    def __init__(self) -> None:
        self._by_node: dict[tuple[str, int], tuple[Mapping[str, Any], Spec]] = {}
        self._by_content: WeakValueDictionary[bytes, Spec] = WeakValueDictionary()

    def build(self, node: Mapping[str, Any], kind: type[S], where: str) -> S:
        """Return the result of `digicarbon.spec.build` for a node, cached for equal nodes.

        Raises ConfigError as `digicarbon.spec.build` does.
        """
        entry = self._by_node.get((where, id(node)))
        if entry is not None and entry[0] is node and isinstance(entry[1], kind) and _is_current(entry[1], node):
            return entry[1]
        # repr() distinguishes 1, true, 1.0 and '1', also in keys
        content = hashlib.blake2b(repr((where, node)).encode(), digest_size=16).digest()
        spec = self._by_content.get(content)
        if not isinstance(spec, kind) or not _is_current(spec, node):
            spec = build(node, kind, where)
            self._by_content[content] = spec
        if len(self._by_node) >= MOST_NODES:
            self._by_node.clear()
        self._by_node[where, id(node)] = node, spec
        return spec


def _is_current(spec: Spec, node: Mapping[str, Any]) -> bool:
    """Return whether a node still names a specification's class: a notebook may reload ``mine.py``."""
    target = str(node.get("_target_"))
    if target.startswith(_OURS):
        return True
    module, _, name = target.rpartition(".")
    return getattr(sys.modules.get(module), name, None) is type(spec)


def refuse_unknown(node: Mapping[str, Any], where: str) -> None:
    """Raise a `ConfigError` if its class lacks a key of a node; a missing key may be misspelled.

    ``node``: with a ``_target_``.
    """
    cls = locate(str(node.get("_target_")), where)
    if isinstance(cls, type) and issubclass(cls, Spec):
        for name in current(cls, node):
            if name not in cls.model_fields and name != "_target_" and not _names(cls, name):
                raise ConfigError(_no_field(cls, f"{where}.{name}", str(name)))


def _no_field(cls: type[Spec], key: str, name: str) -> Note:
    fields = cls.model_fields
    if (why := cls.why_lacking(name)) is not None:
        return Note("field_lacking", key=key, cls=cls.__name__, why=why)
    return Note(
        "no_field", key=key, cls=cls.__name__, hint=suggestion(name, fields, ours=True), fields=cut(fields, 40) or "–"
    )


def own_classes(config: Mapping[str, Any]) -> list[str]:
    """Return the classes in a run's configuration that are not from this package."""
    nodes = [node for node in config.values() if type(node) is dict or isinstance(node, Mapping)]
    targets = [str(node["_target_"]) for node in nodes if "_target_" in node]
    return [name for name in targets if not name.startswith(_OURS)]


def locate(target: str, where: str) -> object:
    """Import the module of a dotted path, also from the working directory, and return the object of that name.

    Raises ConfigError if there is no such module or no such name in it; ``where`` is the key for messages.
    """
    module_name, _, name = target.rpartition(".")
    key = f"{where}._target_"
    if not module_name:
        raise ConfigError(Note("no_dotted_path", key=key, target=target))
    confined.refuse_code(target, key)
    try:
        module = sys.modules.get(module_name) or _imported(module_name, name)
    except _NoClassError as error:
        hint = suggestion(name, error.classes)
        raise ConfigError(Note("no_class", key=key, module=module_name, name=name, hint=hint)) from error
    except ImportError as error:
        raise ConfigError(Note("module_absent", key=key, module=module_name, reason=str(error))) from error
    except Interrupt:
        raise
    except BaseException as error:
        # the user's own module may raise any error, even one that ends the process
        reason = ": ".join(filter(None, (type(error).__name__, str(error))))
        raise ConfigError(Note("module_fails", key=key, module=module_name, reason=reason)) from error
    if not module_name.startswith(f"{__package__}."):
        remember(module_name)
    try:
        return getattr(module, name)
    except AttributeError:
        hint = _classes(name, module)
        raise ConfigError(Note("no_class", key=key, module=module_name, name=name, hint=hint)) from None
    except BrokenPackError as error:
        raise ConfigError(broken_pack(error)) from error


def _classes(name: str, module: ModuleType) -> Note | str:
    """Return a note on the classes of a module that lacks a class."""
    classes = {word: item for word in dir(module) if isinstance(item := _attribute(module, word), type)}
    specs = [word for word, item in classes.items() if issubclass(item, Spec)]
    hint = suggestion(name, classes)
    return Note("classes_there", hint=hint, classes=cut(specs, 30)) if specs else hint


def _attribute(module: ModuleType, name: str) -> object:
    """Return what a module has under a name; None if its pack cannot load it, of which another error tells."""
    try:
        return getattr(module, name)
    except BrokenPackError:
        return None


class _NoClassError(ImportError):
    """The source of a module shows that it lacks a class, so that the module need not be executed.

    ``classes``: the classes that it has.
    """

    def __init__(self, classes: list[str]) -> None:
        self.classes = classes


def _imported(module_name: str, name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        # appended, never prepended: a file in the working directory must not shadow an installed module
        sys.path.append(here)
    if module_name.partition(".")[0] != __package__ and (classes := _classes_without(module_name, name)) is not None:
        raise _NoClassError(classes)
    with told_apart():
        return importlib.import_module(module_name)


def _classes_without(module_name: str, name: str) -> list[str] | None:
    """Return the classes of a module if its source cannot define one of a name; None if it may."""
    parent = module_name.rpartition(".")[0]
    if parent and parent not in sys.modules:
        # finding a module in a package would execute the package
        return None
    spec = importlib.util.find_spec(module_name)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return None
    try:
        tree = ast.parse(Path(spec.origin).read_bytes())
    except (SyntaxError, ValueError, OSError, RecursionError):
        return None
    classes = []
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=item):
                classes.append(item)
            case ast.alias(name=item, asname=alias):
                if (alias or item) in (name, "*"):
                    return None
            case ast.Name(id=item, ctx=ast.Store()):
                if item == name:
                    return None
            case ast.FunctionDef(name="__getattr__"):
                return None
    return None if name in classes else classes


def _faults(cls: type[Spec], error: pydantic.ValidationError) -> list[Any]:
    """Return validation errors with the places that a user knows, without those that only follow from others."""
    items: list[Any] = [{**item, "loc": _place(cls, item["loc"])} for item in error.errors()]
    every = [(item, item["loc"]) for item in items]

    def follows(item: Any) -> bool:
        place = item["loc"]
        # a list with a wrong item counts as one without it
        if item["type"] == "too_short" and len(item["input"]) >= item["ctx"]["min_length"]:
            return any(other[: len(place)] == place and other != place for _, other in every)
        # the last of the items that a list lacks says how many it needs
        if item["type"] == "missing" and isinstance(place[-1], int):
            lacking = [other for one, other in every if one["type"] == "missing" and other[:-1] == place[:-1]]
            return any(isinstance(other[-1], int) and other[-1] > place[-1] for other in lacking)
        # of the types that a field takes, the value may be of one
        return (item["type"].endswith("_type") or item["type"] == "literal_error") and any(
            other[: len(place)] == place
            and (other != place or not (one["type"].endswith("_type") or one["type"] == "literal_error"))
            for one, other in every
        )

    kept = [item for item in items if not follows(item)]
    out: list[Any] = []
    for item in kept:
        before = next((one for one in out if one["loc"] == item["loc"] and one["type"] in _OF_ONE_VALUE), None)
        if before is None or item["type"] != "literal_error":
            out.append(item)
        else:
            # of a number or words the value is neither: one sentence says what it may be
            before["words"] = [repr(one) for one in _literals(cls, item["loc"])]
    return out


_OF_ONE_VALUE = ("int_type", "float_type", "string_type", "int_from_float")


def _place(cls: type[Spec], location: Sequence[Any]) -> list[Any]:
    """Return where an error is without pydantic's names of validators and of the types that a field takes."""
    first, *rest = [part for part in location if not str(part).startswith("function-")] or [None]
    if first is None:
        return []
    field = cls.model_fields.get(first)
    return [first, *(rest if field is None else _without_types(field.annotation, rest))]


def _without_types(annotation: Any, location: list[Any]) -> list[Any]:
    """Return the rest of a place, of which pydantic's name of a type among several is no part."""
    if not location:
        return []
    origin, args = get_origin(annotation), [one for one in get_args(annotation) if one is not type(None)]
    if origin is Annotated:
        return _without_types(args[0], location)
    if origin in (Union, UnionType):
        return _without_types(args[0], location) if len(args) == 1 else location[1:]
    if origin in (tuple, list, dict) and args:
        return [location[0], *_without_types(args[-1 if origin is dict else 0], location[1:])]
    return location


def _fault(cls: type[Spec], item: Any, where: str) -> Note:
    """Return the note on one validation error."""
    location = item["loc"]
    key = ".".join([where, *(str(part) for part in location)])
    given = item.get("input")
    match item["type"]:
        case "extra_forbidden":
            return _no_field(cls, key, str(location[-1]))
        case "missing" if isinstance(location[-1], int):
            needed = location[-1] + 1
            return Note("too_few_items", key=key.rpartition(".")[0], needed=needed, given=repr(given))
        case "missing":
            return Note("field_required", key=key)
        case "tuple_type" if isinstance(given, list):
            return Note("tuple_takes_no_list", key=key, cls=cls.__name__)
        case "tuple_type" if isinstance(given, Mapping) and "subsets" in given:
            return Note("subsets_outside_grid", key=key, given=repr(given))
        case "tuple_type":
            return Note("needs_list", key=key, example=str(given), given=repr(given))
        case "literal_error":
            allowed = _literals(cls, location)
            hint = suggestion(given, map(str, allowed), ours=True) if isinstance(given, str) else ""
            return Note("not_one_of", key=key, allowed=[repr(one) for one in allowed], given=repr(given), hint=hint)
        case "value_error" | "assertion_error":
            return _validator_note(cls, item["ctx"]["error"], where, key, whole=not location)
        case _ if given is None:
            return Note("nothing_given", key=key, reason=_requirement(item))
        case _:
            reason = _requirement(item)
            if "words" in item:
                reason = Note("takes_or", reason=reason, words=item["words"])
            return Note("wrong_value", key=key, reason=reason, given=repr(given))


def _validator_note(cls: type[Spec], error: Exception, where: str, key: str, whole: bool) -> Note:
    """Return the note on an error of a validator: about a node, with a note, or with a user's own sentence."""
    argument = error.args[0] if error.args and not isinstance(error, DigicarbonError) else ""
    if isinstance(error, NodeError):
        return rebased(error.said, error.kind.role, key)
    if isinstance(argument, Note):
        has_key = argument.key.partition(".")[0] in cls.model_fields
        return with_key(argument, f"{where}.{argument.key}") if has_key else Note("under_key", key=key, said=argument)
    text = str(error)
    first = re.match(r"\w+", text)
    # a sentence about the whole class begins with the field to change
    if whole and first and first[0] in cls.model_fields:
        return Note("of_key", key=f"{key}.{first[0]}", text=text[first.end() :])
    return Note("under_key", key=key, said=note_of(error) if isinstance(error, DigicarbonError) else note_of(text))


def _requirement(item: Any) -> Note:
    """Return what a field takes, from the type of pydantic's error and its facts; its sentence is English."""
    kind, facts = item["type"], item.get("ctx", {})
    match kind:
        case "bool_type" | "bool_parsing":
            return Note("takes_bool")
        case "int_type" | "int_parsing" | "int_from_float":
            return Note("takes_int")
        case "float_type" | "float_parsing":
            return Note("takes_float")
        case "finite_number":
            return Note("takes_finite")
        case "string_type" if isinstance(item.get("input"), bool):
            return Note("takes_text_in_quotes")
        case "string_type":
            return Note("takes_text")
        case "dict_type" | "mapping_type":
            return Note("takes_mapping")
        case "list_type" | "set_type" | "frozen_set_type":
            return Note("takes_list")
        case "model_type" | "is_instance_of":
            return Note("takes_node", cls=facts.get("class_name") or facts["class"])
        case "greater_than":
            return Note("takes_above", limit=facts["gt"])
        case "greater_than_equal":
            return Note("takes_at_least", limit=facts["ge"])
        case "less_than":
            return Note("takes_below", limit=facts["lt"])
        case "less_than_equal":
            return Note("takes_at_most", limit=facts["le"])
        case "string_too_short":
            return Note("takes_longer_text", least=facts["min_length"])
        case "string_too_long":
            return Note("takes_shorter_text", most=facts["max_length"])
        case "string_pattern_mismatch":
            return Note("takes_pattern", pattern=facts["pattern"])
        case "too_short":
            return Note("takes_more_items", least=facts["min_length"])
        case "too_long":
            return Note("takes_fewer_items", most=facts["max_length"])
        case _:
            # of a type that no shipped class has
            return Note("takes_other_type", facts=[kind, *(f"{name} {value}" for name, value in facts.items())])


def _literals(annotation: Any, location: Sequence[Any]) -> list[Any]:
    """Return the values that a `Literal` at a location allows, e.g. at ``("items", 0)`` of a class."""
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        at = next((place for place, part in enumerate(location) if part in annotation.model_fields), None)
        return [] if at is None else _literals(annotation.model_fields[location[at]].annotation, location[at + 1 :])
    found = (value for one in get_args(annotation) for value in _literals(one, location))
    return list(dict.fromkeys(found))
