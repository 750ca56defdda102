"""Specifications: frozen, checked records that a YAML node becomes.

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
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

import pydantic
from pydantic import ConfigDict, Field

from digicarbon.errors import ConfigError, DigicarbonError, Interrupt, told_apart
from digicarbon.loaded import remember
from digicarbon.note import Note, cut, note_of, suggestion
from digicarbon.note.about import note_of_said, rebased, with_key

Names = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of names in YAML; a bare text is refused."""

SomeNames = Annotated[tuple[str, ...], Field(strict=False, json_schema_extra={"minItems": 1})]
"""`Names` that a file does not leave empty, as an editor says; a class that stands alone may."""

Pair = Annotated[tuple[int, int], Field(strict=False)]
"""Two whole numbers in YAML, e.g. ``[2012, 2017]``."""


class Spec(pydantic.BaseModel):
    """Base of everything that a configuration file can name.

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
        # a command uses a dozen of some hundred specifications, and a check is slow to make
        defer_build=True,
    )

    role: ClassVar[str] = "specification"
    """The config group that takes this kind of specification."""
    no_numbers: ClassVar[tuple[str, ...]] = ()
    """Fields that decide no number of a panel: where files are, names, citations, terms that models take by default."""

    def __init__(self, **fields: Any) -> None:
        """Check the fields.

        Raises
        ------
        SpecError
            If a field is unknown, missing, of the wrong type, or at odds with another; it tells every fault.
        """
        try:
            super().__init__(**{name: _builtin(value) for name, value in fields.items()})
        except pydantic.ValidationError as error:
            raise SpecError(type(self), error) from None

    @property
    def left_to_models(self) -> frozenset[str]:
        """Fields that change nothing of what the specification computes, so that runs that differ in them share it."""
        return frozenset()


_PLAIN = frozenset({str, int, float, bool})


def _builtin(value: Any) -> Any:
    """Return a value with containers of other kinds as dictionaries and lists: Hydra hands over those of OmegaConf."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {key: _builtin(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | tuple | range):
        return [_builtin(item) for item in value]
    return value


class SpecError(ConfigError, ValueError):
    """Fields of a specification are wrong.

    A validator may raise a `ValueError` of a `Note`. Where the note has a field ``key``, that is the name of a field of
    the class; else what it says comes behind the key of the field that is validated.

    Parameters
    ----------
    cls : type
        The specification's class.
    error : pydantic.ValidationError
    """

    def __init__(self, cls: type[Spec], error: pydantic.ValidationError) -> None:
        self.cls, self.error = cls, error
        super().__init__(self.note(cls.__name__))

    def __reduce__(self) -> tuple[Any, ...]:
        # pydantic's own cannot travel to another process
        return ConfigError, (self.said,), {"where": self.where, "to_correct": self.to_correct}

    def note(self, where: str) -> Note:
        """Return all faults, with ``where`` before the fields' names."""
        first, *others = (_fault(self.cls, item, where) for item in self.error.errors())
        return Note("faults", first=first, others=others) if others else first


S = TypeVar("S", bound=Spec)

MOST_NODES = 1024
"""Nodes whose specification is found without a look at their content."""


def build(node: Mapping[str, Any], kind: type[S], where: str) -> S:
    """Turn a plain mapping with a ``_target_`` into a checked specification.

    Parameters
    ----------
    node : mapping
        Plain Python values, as read from YAML and resolved.
    kind : type
        The subclass of `Spec` that this place takes.
    where : str
        The configuration key, for messages, e.g. ``"model"``.

    Returns
    -------
    Spec
        An instance of ``kind``.

    Raises
    ------
    ConfigError
        If the class does not exist or is not a ``kind``, or if a field is unknown, missing or of the wrong type.
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
    fields = {str(key): value for key, value in node.items() if key != "_target_"}
    try:
        return cls(**fields)
    except SpecError as error:
        refused = ConfigError(error.note(where))
        # fields that are at odds with each other may come from different choices
        refused.to_correct = any(item["loc"] for item in error.error.errors())
        raise refused from error


def identity(spec: Spec, without: frozenset[str] = frozenset()) -> str:
    """Return a text that is equal for specifications of equal class and equal fields, those of ``without`` aside."""
    fields = spec.model_dump_json(exclude=set(without)) if without else spec.model_dump_json()
    return f"{type(spec).__module__}.{type(spec).__qualname__}{fields}"


def as_default(spec: S, names: frozenset[str]) -> S:
    """Return a specification with some fields at their defaults; itself if they are."""
    fields = type(spec).model_fields
    defaults = {name: fields[name].get_default(call_default_factory=True) for name in names}
    other = {name: value for name, value in defaults.items() if getattr(spec, name) != value}
    return spec.model_copy(update=other) if other else spec


def sharing(spec: Spec, *verbs: str) -> frozenset[str]:
    """Return the fields that verbs of a specification do not read: its ``no_numbers``.

    There are none where a class from elsewhere defines a verb anew: it may read whatever it likes, until it has
    ``no_numbers`` of its own.
    """
    for cls in type(spec).__mro__:
        if "no_numbers" in vars(cls):
            return frozenset(vars(cls)["no_numbers"])
        if cls.__module__.partition(".")[0] != __package__ and any(verb in vars(cls) for verb in verbs):
            break
    return frozenset()


class NodeError(ValueError):
    """A node within a node is wrong; the specification that holds it says so under its own key.

    Parameters
    ----------
    said : Note
        What is wrong; its keys begin with the role of the kind.
    kind : type
        As for `build`.
    """

    def __init__(self, said: Note, kind: type[Spec]) -> None:
        super().__init__(said)
        self.said, self.kind = said, kind


def nested(value: Any, kind: type[Spec]) -> Any:
    """Return the specification that a node within a node names; anything else is left to pydantic's own check.

    Raises
    ------
    NodeError
        If the node is wrong.
    """
    if not isinstance(value, Mapping):
        return value
    try:
        return build(value, kind, kind.role)
    except ConfigError as error:
        raise NodeError(note_of_said(error.said), kind) from error


@contextmanager
def under(key: str, kind: type[Spec]) -> Iterator[None]:
    """Have errors of a node within a node tell its own key.

    Parameters
    ----------
    key : str
        E.g. ``"model.error_weights"``.
    kind : type
        Of the node, with whose role keys begin otherwise.
    """
    try:
        yield
    except DigicarbonError as error:
        note = note_of_said(error.said)
        if not note.key.startswith(f"{kind.role}."):
            raise
        raise error.anew(rebased(note, kind.role, key), error.where) from error


class Builder:
    """Builds specifications, equal nodes once: runs that share a source share one object.

    A node may be changed by nobody after it was handed over.
    """

    def __init__(self) -> None:
        self._by_node: dict[tuple[str, int], tuple[Mapping[str, Any], Spec]] = {}
        self._by_content: WeakValueDictionary[bytes, Spec] = WeakValueDictionary()

    def build(self, node: Mapping[str, Any], kind: type[S], where: str) -> S:
        """Return `build` of a node, or what it returned for an equal one.

        Raises
        ------
        ConfigError
            As `build` does.
        """
        kept = self._by_node.get((where, id(node)))
        if kept is not None and kept[0] is node and isinstance(kept[1], kind) and _is_current(kept[1], node):
            return kept[1]
        # a text of Python's own tells 1 from true and 1.0, and a number from a text, also as a key
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
    """Return whether a node still names a specification's class: a notebook may load ``mine.py`` anew."""
    target = str(node.get("_target_"))
    if target.startswith(f"{__package__}."):
        return True
    module, _, name = target.rpartition(".")
    return getattr(sys.modules.get(module), name, None) is type(spec)


def refuse_unknown(node: Mapping[str, Any], where: str) -> None:
    """Raise a `ConfigError` if a node has a key that its class has not; what is missing may then be misspelled.

    Parameters
    ----------
    node : mapping
        With a ``_target_``.
    where : str
    """
    cls = locate(str(node.get("_target_")), where)
    if isinstance(cls, type) and issubclass(cls, Spec):
        for name in node:
            if name not in cls.model_fields and name != "_target_":
                raise ConfigError(_no_field(cls, f"{where}.{name}", str(name)))


def _no_field(cls: type[Spec], key: str, name: str) -> Note:
    fields = cls.model_fields
    return Note("no_field", key=key, cls=cls.__name__, hint=suggestion(name, fields), fields=cut(fields, 20))


def own_classes(config: Mapping[str, Any]) -> list[str]:
    """Return the classes that a run's configuration names and that are not of this package."""
    named = (str(node["_target_"]) for node in config.values() if isinstance(node, Mapping) and "_target_" in node)
    return [name for name in named if not name.startswith(f"{__package__}.")]


def locate(target: str, where: str) -> object:
    """Return what a dotted path names; its module is imported, also one of the working directory.

    Raises
    ------
    ConfigError
        If there is no such module, or nothing of that name in it; ``where`` is the key for messages.
    """
    module_name, _, name = target.rpartition(".")
    key = f"{where}._target_"
    if not module_name:
        raise ConfigError(Note("no_dotted_path", key=key, target=target))
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
        # the user's own module may raise anything, and may end the process
        said = ": ".join(filter(None, (type(error).__name__, str(error))))
        raise ConfigError(Note("module_fails", key=key, module=module_name, reason=said)) from error
    if not module_name.startswith(f"{__package__}."):
        remember(module_name)
    if not hasattr(module, name):
        raise ConfigError(Note("no_class", key=key, module=module_name, name=name, hint=_classes(name, module)))
    return getattr(module, name)


def _classes(name: str, module: ModuleType) -> Note | str:
    """Return what a module has in place of a class that it has not."""
    classes = {word: item for word in dir(module) if isinstance(item := getattr(module, word), type)}
    specs = [word for word, item in classes.items() if issubclass(item, Spec)]
    hint = suggestion(name, classes)
    return Note("classes_there", hint=hint, classes=cut(specs, 30)) if specs else hint


class _NoClassError(ImportError):
    """A module's source says that it cannot have a class, so that nothing of it need be run.

    Parameters
    ----------
    classes : list of str
        Those that it has.
    """

    def __init__(self, classes: list[str]) -> None:
        self.classes = classes


def _imported(module_name: str, name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:
        # appended, never prepended: a file in the working directory must not shadow an installed module
        sys.path.append(here)
    if module_name.partition(".")[0] != __package__ and (classes := _others(module_name, name)) is not None:
        raise _NoClassError(classes)
    with told_apart():
        return importlib.import_module(module_name)


def _others(module_name: str, name: str) -> list[str] | None:
    """Return the classes of a module whose source cannot make one of a name; None where it may."""
    parent = module_name.rpartition(".")[0]
    if parent and parent not in sys.modules:
        # to find a module of a package is to run the package
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
            case ast.ClassDef(name=found):
                classes.append(found)
            case ast.alias(name=found, asname=other):
                if (other or found) in (name, "*"):
                    return None
            case ast.Name(id=found, ctx=ast.Store()):
                if found == name:
                    return None
            case ast.FunctionDef(name="__getattr__"):
                return None
    return None if name in classes else classes


def _fault(cls: type[Spec], item: Any, where: str) -> Note:
    """Return one validation failure."""
    location = [part for part in item["loc"] if not str(part).startswith("function-")]
    key = ".".join([where, *(str(part) for part in location)])
    given = item.get("input")
    match item["type"]:
        case "extra_forbidden":
            return _no_field(cls, key, str(location[-1]))
        case "missing" if isinstance(location[-1], int):
            return Note("too_few_items", key=key.rpartition(".")[0], given=repr(given))
        case "missing":
            return Note("field_required", key=key)
        case "tuple_type" if isinstance(given, list):
            return Note("tuple_takes_no_list", key=key, cls=cls.__name__)
        case "tuple_type" if isinstance(given, Mapping) and "subsets" in given:
            return Note("subsets_outside_grid", key=key, given=repr(given))
        case "tuple_type":
            return Note("needs_list", key=key, example=str(given), given=repr(given))
        case "literal_error":
            allowed = str(item["ctx"]["expected"])
            return Note("not_one_of", key=key, allowed=allowed, given=repr(given), hint=_literal_hint(allowed, given))
        case "value_error":
            return _refused(cls, item["ctx"]["error"], key, whole=not location)
        case _ if given is None:
            return Note("nothing_given", key=key, reason=_wanted(item))
        case _:
            return Note("wrong_value", key=key, reason=_wanted(item), given=repr(given))


def _refused(cls: type[Spec], error: ValueError, key: str, whole: bool) -> Note:
    """Return what a validator has raised: of a node, a note, or a user's own sentence."""
    said = error.args[0] if error.args and not isinstance(error, DigicarbonError) else ""
    if isinstance(error, NodeError):
        return rebased(error.said, error.kind.role, key)
    if isinstance(said, Note):
        own = said.key.partition(".")[0] in cls.model_fields
        return with_key(said, f"{key}.{said.key}") if own else Note("under_key", key=key, said=said)
    text = str(error)
    first = re.match(r"\w+", text)
    # a sentence on the whole begins with the field that is to be changed
    if whole and first and first[0] in cls.model_fields:
        return Note("of_key", key=f"{key}.{first[0]}", text=text[first.end() :])
    return Note("under_key", key=key, said=note_of(error) if isinstance(error, DigicarbonError) else note_of(text))


def _wanted(item: Any) -> str:
    text = str(item["msg"]).replace("Input should be a valid", "must be a").replace("Input should be", "must be")
    return text.replace("a integer", "an integer")


def _literal_hint(expected: str, given: object) -> Note | str:
    allowed = [word.strip(" '") for word in expected.replace(" or ", ",").split(",")]
    return suggestion(given, allowed) if isinstance(given, str) else ""
