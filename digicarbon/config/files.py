"""Configuration files on disk: where they are searched, what an experiment inherits, and which file sets a key."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf.errors import OmegaConfBaseException

from digicarbon import confined, pack
from digicarbon.config import flat
from digicarbon.config.flat import ANSWERS as ANSWERS
from digicarbon.config.flat import ROOT as ROOT
from digicarbon.config.flat import SWEEP_KEYS as SWEEP_KEYS
from digicarbon.config.settings import in_file
from digicarbon.config.yaml_text import (
    MOST_VALUES,
    fault,
    for_hydra,
    glued,
    half_letter,
    missing_blank,
    parsed,
    repeats_too_much,
)
from digicarbon.errors import COMMAND_LINE, ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.note.about import GROUPS as GROUPS
from digicarbon.note.about import at, under
from digicarbon.secret import masked

REPLACEABLE = ("labels", "columns", "grid", "zip", "exclude", "draw", "kinds", "claim", "experiments", "instead")
"""Keys whose inherited part `replace` drops."""
LABELS, TITLE = "labels", "title"
"""Words of an experiment, or of an option of any group, for what tables and pictures name; its title."""
SETTINGS = ("executor", "tracking", "report")
"""Groups that are the same for a whole sweep, and change no number of a run."""
_ENVIRONMENT = re.compile(r"\$\{oc\.env:[^}]*\}?")
UNNAMED = "digicarbon"
"""The name of a sweep without an experiment file in MLflow."""

_SHAPES: Mapping[str, tuple[type | tuple[type, ...], Note]] = {
    "title": ((str, int, float), Note("a_title")),
    "labels": (dict, Note("words_by_name", example="e: Digital economy")),
    "columns": (dict, Note("choices_by_label", example="(1): {model: fe}")),
    "grid": (dict, Note("lists_by_key")),
    "zip": (dict, Note("lists_of_equal_length")),
    "draw": (dict, Note("a_mapping", example="{n: 500, seed: 1}")),
    "exclude": (list, Note("list_of_mappings", example="[{model: sdm, sample: northeast}]")),
    "kinds": (dict, Note("kinds_by_choice", example="{weights: equivalent, sample: nonequivalent}")),
    "claim": (dict, Note("one_claim", example="{quantity: direct, sign: negative, share: 0.8}")),
    "experiments": (list, Note("list_of_experiments")),
    "instead": (dict, Note("experiments_by_source", example="{china: china_baseline}")),
    "replace": ((str, list), Note("keys_to_replace")),
}

_UNSAVED: list[Path] = []
_CONTENTS: dict[tuple[str, int, int], Mapping[str, Any]] = {}
"""Content of the files that were read without error, by path, time and size."""


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file.

    ``name``: as Hydra names it, e.g. ``table3_baseline`` or ``mine/a``. ``content``: plain values, interpolations
    unresolved.
    """

    name: str
    path: Path
    content: Mapping[Any, Any]

    @property
    def shown(self) -> str:
        """The path as messages show it."""
        return shown(self.path)

    @property
    def parents(self) -> list[str]:
        """Names of the experiments in the defaults list."""
        defaults = self.content.get("defaults") or []
        words = [item.split("@")[0].strip() for item in defaults if isinstance(item, str) and item != "_self_"]
        folder = self.name.rpartition("/")[0]
        absolute = [word.lstrip("/") if word.startswith("/") or not folder else f"{folder}/{word}" for word in words]
        return [name for name in absolute if name.split("/")[0] not in GROUPS]

    def chooses(self, group: str) -> bool:
        """Return whether the defaults list chooses an option of a group."""
        defaults = self.content.get("defaults") or []
        words = [str(word) for item in defaults if isinstance(item, Mapping) for word in item]
        return group in [_group(word) for word in words]

    def sets(self, key: str) -> bool:
        """Return whether the file holds a dotted key, spelled nested or flat."""
        return _sets(self.content, key)


def folders() -> list[Path]:
    """Return the folders that are searched: the user's, then those of packs from elsewhere, then the shipped ones."""
    package = Path(__file__).resolve().parents[1]
    shipped = package if (package / "conf").is_dir() else package.parent
    bases = [*_UNSAVED, Path.cwd(), *pack.places(), shipped]
    paths = [_real(base) / name for base in bases for name in ("experiments", "conf") if (base / name).is_dir()]
    # called for each file that is read; resolving a whole path takes ten times as long as checking its last part
    return list(dict.fromkeys(path.resolve() if path.is_symlink() else path for path in paths))


@contextmanager
def unsaved(folder: Path) -> Iterator[None]:
    """Search a folder of experiments first, whose files messages call the command line: nobody has written them."""
    _UNSAVED.append(folder.parent)
    try:
        yield
    finally:
        _UNSAVED.remove(folder.parent)


@cache
def _real(base: Path) -> Path:
    return base.resolve()


def find(name: str) -> Path | None:
    """Return the file that Hydra would read for a name such as ``weights/w1_adjacency``, or None.

    An option that is a file of data, such as ``weights/neighbours.csv``, has that file.
    """
    if name == ANSWERS:
        return None
    if (data := flat.data_file(name)) is not None:
        return data if data.is_file() else None
    paths = (folder / f"{name}.yaml" for folder in folders())
    return next((path for path in paths if path.is_file()), None)


def is_experiment(name: str) -> bool:
    """Return whether a file of a name among the experiments is one: names with ``_`` are parts that others inherit."""
    return name not in (ROOT, ANSWERS) and not name.startswith("_")


def is_plain(group: str, option: str) -> bool:
    """Return whether an option's file can set only its own group, because it has no package and no defaults."""
    if flat.is_file(group, option):
        return True
    path = find(f"{group}/{option}")
    text = "" if path is None else path.read_text(encoding="utf-8", errors="replace")
    return path is not None and not re.search(r"@package|^\s*['\"]?defaults['\"]?\s*:", text, re.MULTILINE)


def content_of(group: str, option: str) -> Mapping[str, Any]:
    """Return what the file of an option holds, interpolations unresolved.

    Raises ConfigError if there is no such file, or it is not readable as a mapping.
    """
    path = find(f"{group}/{option}")
    if path is None:
        raise ConfigError(Note("option_absent", key=group, option=option))
    if flat.is_file(group, option):
        return flat.option(f"{group}/{option}")
    return {str(key): value for key, value in read(path).items()}


def shown(path: Path) -> str:
    """Return a path relative to the working directory or to the package."""
    if any(path.is_relative_to(folder) for folder in _UNSAVED):
        return COMMAND_LINE
    base = next((folder.parent for folder in folders() if path.is_relative_to(folder.parent)), path.parent)
    return path.relative_to(base).as_posix()


def headline(path: Path) -> str:
    """Return the comment in the first line of a configuration file, or in the second below Hydra's ``# @package``."""
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n", 2)
    first = next((line for line in lines[:2] if not re.match(r"#\s*@package\b", line)), "")
    return first.lstrip("# ") if first.startswith("#") else ""


def lineage(name: str) -> list[ConfigFile]:
    """Return an experiment's file and all that it inherits, nearest first; empty if there is no such file.

    Raises ConfigError if a file is not readable as a mapping, inherits itself, does not inherit ``config`` once, has a
    sweep key of the wrong shape, sets what Hydra does not read here, or is in a sub-folder without ``# @package
    _global_``.
    """
    files = list(_inherited(name, ()))
    if files and ROOT not in [file.name for file in files]:
        last = files[-1]
        absent = [parent for parent in last.parents if find(parent) is None]
        if absent:
            hint = suggestion(absent[0], names())
            raise ConfigError(Note("starts_from_nothing", name=absent[0], hint=hint), last.shown)
        raise ConfigError(Note("inherits_no_root", root=ROOT, written=_root(last.name)), last.shown)
    if [file.name for file in files].count(ROOT) > 1:
        raise ConfigError(Note("inherits_root_twice", root=ROOT), files[0].shown)
    for file in files:
        _check_shapes(file)
        refuse_settings(file.path, file.content)
    return files


def refuse_settings(path: Path, content: Mapping[Any, Any]) -> None:
    """Raise a `ConfigError` if a file changes a setting of Hydra that has no effect here.

    ``content``: the content of the file.
    """
    shipped = folders()[-1] / f"{ROOT}.yaml"
    if path != shipped and ("hydra" in content or "hydra/" in str(content.get("defaults"))):
        for key, note in in_file(content, read(shipped)):
            raise ConfigError(note, f"{shown(path)}, {key}")


def _inherited(name: str, heirs: tuple[str, ...]) -> Iterator[ConfigFile]:
    path = find(name)
    if path is None:
        return
    if name in heirs:
        raise ConfigError(Note("inherits_itself", way=" > ".join([*heirs, name])), shown(path))
    file = ConfigFile(name, path, read(path))
    check_defaults(file.content, path)
    if "/" in name and not heirs:
        _check_package(file)
    yield file
    for parent in file.parents:
        yield from _inherited(parent, (*heirs, name))


def names() -> list[str]:
    """Return the names of all files that an experiment can be or inherit."""
    return [path.stem for folder in folders() for path in folder.glob("*.yaml") if path.stem != ANSWERS]


def read(path: Path) -> Mapping[Any, Any]:
    """Return a configuration file's plain values, interpolations unresolved; they must not be changed.

    Raises ConfigError if it is not readable as a mapping, or this command may not read it.
    """
    confined.refuse_file(path, folders)
    key = None
    with suppress(OSError):
        stat = path.stat()
        key = (str(path.resolve()), stat.st_mtime_ns, stat.st_size)
        if key in _CONTENTS:
            return _CONTENTS[key]
    check_content(path)
    try:
        # OmegaConf checks the interpolations
        for_hydra(path)
        content = parsed(path)
        content = {} if content is None else content
    except yaml.YAMLError as error:
        raise not_yaml(error, path) from error
    except OmegaConfBaseException as error:
        wrong = ConfigError(Note("not_interpolation", reason=str(error).splitlines()[0]))
        raise at(under(wrong, str(error.full_key or "")), shown(path)) from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(Note("file_no_yaml", file=shown(path), reason=" ".join(str(error).split()))) from error
    if not isinstance(content, dict):
        raise ConfigError(Note("file_of_list", file=shown(path)))
    if word := glued(content, frozenset((*GROUPS, *SWEEP_KEYS))):
        name, _, value = word.partition(":")
        raise ConfigError(missing_blank(name, value), shown(path))
    if key is not None:
        _CONTENTS[key] = content
    return content


def check_content(path: Path) -> None:
    """Raise a `ConfigError` for a file with half letters, or whose aliases expand to more than `MOST_VALUES` values."""
    if path.is_file() and repeats_too_much(path):
        raise ConfigError(Note("too_many_aliases", most=MOST_VALUES), shown(path))
    if path.is_file() and (text := half_letter(path)):
        raise ConfigError(Note("has_half_letter", text=text), shown(path))


def not_yaml(error: yaml.YAMLError, path: Path) -> ConfigError:
    """Return the error for a file that the YAML parser refuses."""
    return ConfigError(Note("file_no_yaml_where", file=shown(path), fault=fault(error, path)))


def in_order(content: Mapping[Any, Any], path: Path) -> bool:
    """Return whether a defaults list says when the file's own values apply, which must be last.

    Raises ConfigError if an item after ``_self_`` would overwrite the file's own values.
    """
    items = [item for item in content.get("defaults") or [] if not _only_chooses(item)]
    if "_self_" not in items:
        return not items
    later = [_named(item) for item in items[items.index("_self_") + 1 :]]
    # mappings are merged
    keys = [key for key, value in _fields(content) if key != "defaults" and not isinstance(value, Mapping)]
    if later and keys:
        raise ConfigError(Note("self_not_last", others=cut(later), keys=cut(keys)), f"{shown(path)}, defaults")
    return True


def _only_chooses(item: object) -> bool:
    """Return whether an item of a defaults list replaces the option of another item, whatever its position."""
    return isinstance(item, Mapping) and all(str(key).startswith("override ") for key in item)


def _named(item: object) -> str:
    return "/".join(map(str, next(iter(item.items())))) if isinstance(item, Mapping) and item else str(item)


def _fields(content: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Yield a file's own keys, those of groups dotted, with their values."""
    for key, value in content.items():
        if key in GROUPS and isinstance(value, Mapping):
            yield from ((f"{key}.{field}", inner) for field, inner in value.items())
        else:
            yield str(key), value


def _check_package(file: ConfigFile) -> None:
    lines = (line.strip() for line in file.path.read_text(encoding="utf-8").splitlines())
    # Hydra stops at the first line that is no header, even if it is a comment
    if not re.fullmatch(r"#\s*@package\s+_global_", next((line for line in lines if line), "")):
        raise ConfigError(Note("needs_package_line", written=_root(file.name)), file.shown)


def check_defaults(content: Mapping[Any, Any], path: Path) -> None:
    """Raise a `ConfigError` if a file's defaults are not a list, or if an item of it chooses nothing.

    ``content``: the content of the file.
    """
    defaults, place = content.get("defaults"), f"{shown(path)}, defaults"
    if defaults is None:
        return
    if not isinstance(defaults, list):
        raise ConfigError(Note("defaults_no_list", root=ROOT, given=repr(defaults)), place)
    for item in defaults:
        if isinstance(item, Mapping) and len(item) == 1:
            _check_choice(*next(iter(item.items())), place)
        elif not isinstance(item, str):
            raise ConfigError(Note("defaults_no_choice", root=ROOT, given=repr(item)), place)


def _check_choice(word: object, option: object, place: str) -> None:
    """Refuse an item of a defaults list that does not choose one option of its group."""
    group = _group(str(word))
    if group not in GROUPS or isinstance(option, str):
        return
    if isinstance(option, list):
        example = f"grid: {{{group}: [{', '.join(map(str, option))}]}}"
        raise ConfigError(Note("several_options", given=repr(option), example=example), f"{place}, {group}")
    raise ConfigError(Note("option_by_name", key=group, given=_shown_value(option)), f"{place}, {group}")


def _group(word: str) -> str:
    """Return the group that a key of a defaults list chooses in, e.g. of ``override /model``."""
    return word.removeprefix("override ").strip().lstrip("/").partition("@")[0]


def _check_shapes(file: ConfigFile) -> None:
    for key in _SHAPES:
        check_shape(key, file.content.get(key), file.shown)
    for item in file.content.get("defaults") or []:
        word = str(next(iter(item))) if isinstance(item, Mapping) else ""
        if file.name != ROOT and _group(word) in GROUPS and not word.startswith("override "):
            choice = f"{word}: {item[word]}"
            raise ConfigError(
                Note("second_option", choice=choice, key=_group(word), root=ROOT), f"{file.shown}, defaults"
            )
    for group in GROUPS:
        value = file.content.get(group, {})
        if not isinstance(value, Mapping) and not (isinstance(value, str) and value.startswith("${")):
            raise bare_name(group, value, file.shown)
    replaced(file.content.get("replace"), file.shown)


def check_shape(key: str, value: object, place: str) -> None:
    """Raise a `ConfigError` if the value of a sweep key has the wrong type."""
    kind, shape = _SHAPES[key]
    if value is not None and not isinstance(value, kind):
        raise ConfigError(Note("wrong_shape", key=key, wanted=shape, given=repr(value)), place)
    if key == LABELS:
        check_labels(value, key, place)
    elif key == TITLE:
        check_printed(str(value), key, place)


def check_printed(text: str, key: str, place: str) -> None:
    """Raise a `ConfigError` if a text that tables and pictures show has a variable of the environment."""
    variable = _ENVIRONMENT.search(text)
    if variable is not None:
        raise ConfigError(Note("environment_printed", key=key, variable=variable[0]), place)


def check_labels(value: object, key: str, place: str) -> dict[str, str]:
    """Return words by what they name.

    Raises ConfigError if the value is no mapping of names to texts, or a text has a variable of the environment.
    """
    if value is None:
        return {}
    shape = Note("words_by_name", example="e: Digital economy")
    if not isinstance(value, Mapping):
        raise ConfigError(Note("wrong_shape", key=key, wanted=shape, given=repr(value)), place)
    for name, words in value.items():
        if not isinstance(words, str) or not words.strip():
            raise ConfigError(
                Note("wrong_shape", key=f"{key}.{name}", wanted=Note("some_text"), given=repr(words)), place
            )
        check_printed(words, f"{key}.{name}", place)
    return {str(name): words for name, words in value.items()}


def bare_name(group: str, given: object, place: str) -> ConfigError:
    """Return the error for ``weights: w2_nested`` in a body, which would replace the option's fields with a text."""
    if not isinstance(given, str):
        return ConfigError(Note("group_holds_fields", key=group, given=_shown_value(given)), place)
    return ConfigError(Note("bare_option", key=group, option=given, root=ROOT), place)


def _shown_value(value: object) -> Note | str:
    return Note("nothing") if value is None else repr(value)


def replaced(value: object, place: str) -> list[str]:
    """Return the keys that a value of `replace` names.

    Raises ConfigError if one of them is not in `REPLACEABLE`.
    """
    names = [str(name) for name in (value if isinstance(value, list) else [value] if value else [])]
    for name in names:
        if name == "title":
            raise ConfigError(Note("title_not_inherited", key="replace"), place)
        if name not in REPLACEABLE:
            hint = suggestion(str(name), REPLACEABLE)
            raise ConfigError(
                Note("not_replaceable", key="replace", given=repr(name), hint=hint, keys=cut(REPLACEABLE, 10)), place
            )
    return names


def combined(files: Sequence[ConfigFile], key: str) -> Any:
    """Return the combined value of a key in files, nearest first: mappings are merged, other values replaced."""
    value: Any = None
    for file in reversed(files):
        if key in file.content:
            value = _merged(value, file.content[key])
    return value


def _merged(below: Any, above: Any) -> Any:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    return {**below, **{key: _merged(below.get(key), value) for key, value in above.items()}}


def _root(name: str) -> str:
    return f"/{ROOT}" if "/" in name else ROOT


def _sets(node: object, key: str) -> bool:
    if not isinstance(node, Mapping):
        return False
    if key in node:
        return True
    return any(key.startswith(f"{name}.") and _sets(value, key[len(str(name)) + 1 :]) for name, value in node.items())


def command_line(verb: str, name: str = ROOT, words: Sequence[str] = ()) -> str:
    """Return a command that can be copied into a shell.

    ``name``: the experiment. The name of a sweep without a file is omitted, because no experiment of that name can be
    run. ``words``: overrides and flags. Those that contain a secret are omitted.
    """
    words = [word for word in words if masked(word) == word]
    return shlex.join(["digicarbon", verb, *([] if name in (ROOT, UNNAMED) else [name]), *words])


def override(key: str, value: str) -> str:
    """Return a word of the command line that sets a key to a text; Hydra needs quotes around most signs."""
    if re.fullmatch(r"[\w./:@?+-]+", value, re.ASCII):
        return f"{key}={value}"
    escaped = value.replace('"', r"\"")
    return f'{key}="{escaped}"'
