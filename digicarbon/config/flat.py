"""Short experiment files and short words, and what they are in full.

A file without ``defaults`` is an experiment: names at its top choose an option where they are a word, and set fields
where they are a mapping. The same words mean the same in a column, in a grid and on the command line. Hydra composes
what they are in full, and everything else knows only that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from digicarbon.errors import OTHER_NAMES, ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.note.about import GROUPS

DATA = "data"
"""The short word for one's own table of data, or for another source."""
FROM, EXTEND = "from", "extend"
"""The experiment that a short file starts from, and the inherited parts that it adds to."""
LIMITS = ("columns", "grid", "zip")
"""Parts that a short file replaces as a whole where it has one of them."""
ROOT = "config"
"""The default sentence, which every experiment inherits."""
ANSWERS = "package"
"""The file beside the experiments with what only the authors know, for `digicarbon package`; it is no experiment."""
FOLDER = "experiments"
"""The folder of a study's experiments."""
SWEEP_KEYS = (
    *("title", "labels", "columns", "grid", "zip", "exclude", "draw", "kinds", "claim"),
    *("experiments", "instead", "replace"),
)
FILES: Mapping[str, tuple[str, ...]] = {
    "source": (
        ".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".xlsx", ".xlsm", ".xls", ".dta", ".parquet", ".sav", ".zsav",
        ".por", ".sas7bdat", ".xpt",
    ),
    "weights": (
        *(".csv", ".csv.gz", ".tsv", ".xlsx", ".xls", ".dta", ".parquet", ".gal", ".gwt", ".txt", ".spmat", ".dat"),
        *(".shp", ".geojson", ".json", ".gpkg"),
    ),
}  # fmt: skip
"""Groups whose option may be a file of data, with the suffixes of such files."""
OF_FILES = {"source": "table", "weights": "file"}
"""The option that reads a file of data of any kind."""
OWN_DATA = {"measure": "none", "outcome": "none"}
"""What is chosen with one's own data, which have all variables, unless somebody chooses."""
_OF_INFERENCE = (
    *("cov", "cluster", "bandwidth", "kernel", "small_sample", "df", "level", "test", "draws", "signs", "seed"),
    *("intervals", "strata"),
)
WORDS: Mapping[str, str] = {
    **{name: f"source.{name}" for name in ("unit", "time", "sheet", "header", "skip", "missing", "wide", "encoding")},
    **{name: f"inference.{name}" for name in _OF_INFERENCE},
    **{name: f"panel.{name}" for name in ("derive", "gaps", "shift_share")},
    "where": "sample.query",
}
"""Short words that are fields of other groups than the model's."""
FIRST = (DATA, "y", "x", "controls", FROM, EXTEND)
"""The words that a newcomer needs first."""
LAUNCHERS: Mapping[str, str] = {
    "basic": "sequential", "joblib": "loky", "submitit_slurm": "slurm", "ray": "ray", "dask": "dask",
}  # fmt: skip
"""Hydra's launchers, and our executor of the same kind."""
LAUNCHER = "hydra/launcher"
_FIELD = re.compile(r"^([a-z]\w*)\s*:", re.MULTILINE)
_FIELDS: dict[tuple[Path, ...], frozenset[str]] = {}
_BARE = re.compile(r"""("[^"]*"|'[^']*')|[^\s,\[\]"']+""")
"""A text in quotes, or a name without them."""
_ALLOWS_NO_NAME = re.compile(r"[(){}=<>!&|$]")
"""Signs of a condition, a function or a mapping."""
_QUOTED_ALREADY = re.compile(r"""^['"]|[\[{(,]""")
_NO_LIST = re.compile(r"""^(?!\s*['"\[$]|(?:choice|range|interval|glob|shuffle|sort|tag)\().*\S""", re.DOTALL)
"""A condition as a person writes it: no text in quotes, list, reference, or function of Hydra's sweeps."""


def of_models() -> frozenset[str]:
    """Return the fields in the files of all models, each of which is a short word."""
    from digicarbon.config.files import folders

    places = tuple(folders())
    if places not in _FIELDS:
        files = [path for place in places for path in (place / "model").glob("*.yaml")]
        texts = (path.read_text(encoding="utf-8", errors="replace") for path in files)
        _FIELDS[places] = frozenset(name for text in texts for name in _FIELD.findall(text)) - {*GROUPS, "defaults"}
    return _FIELDS[places]


def words() -> list[str]:
    """Return all words that may stand at the top of a short file, besides those of the groups and the sweep."""
    return [DATA, FROM, EXTEND, *sorted({*WORDS, *of_models()})]


def is_file(group: str, name: object) -> bool:
    """Return whether an option is the name of a file of data, which need not exist."""
    return isinstance(name, str) and name.lower().endswith(FILES.get(group, ())) and not name.startswith("${")


def data_file(name: str) -> Path | None:
    """Return the file of data that an option names, e.g. of ``weights/neighbours.csv``; None where it names none."""
    group, _, file = name.partition("/")
    return Path(file) if is_file(group, file) else None


def option(name: str) -> dict[str, Any]:
    """Return what an option holds that is a file of data, e.g. ``source/panel.csv``."""
    from digicarbon.config.files import content_of

    group, _, file = name.partition("/")
    return {**content_of(group, OF_FILES[group]), "path": file}


def key_of(word: str, value: object = None) -> str:
    """Return the key that a short word stands for; a word that is none stays as it is."""
    head, dot, rest = word.partition(".")
    if head == DATA:
        return f"source{dot}{rest}"
    if head in GROUPS:
        return word
    if head == "policy" and isinstance(value, Mapping):
        # dates of policies, which the panel turns into columns; a model names one of them
        return f"panel.{word}"
    if head in WORDS:
        return f"{WORDS[head]}{dot}{rest}"
    return f"model.{word}" if head not in SWEEP_KEYS and head in of_models() else word


def override(word: str) -> tuple[str, ...]:
    """Return a word of the command line with its keys in full; one's own data bring the choices that go with them."""
    head, equals, value = word.partition("=")
    key = head.lstrip("+~")
    sign = head.removesuffix(key)
    if not equals or key.startswith("-") or not re.fullmatch(r"[\w.]+", key):
        return (word,)
    # a mapping of dates
    full = key_of(key, {} if value.lstrip().startswith("{") else None)
    if full in FILES and is_file(full, value) and not _QUOTED_ALREADY.search(value):
        from digicarbon.config.files import override as quoted

        word = sign + quoted(full, value)
        return (word, *(f"{group}={option}" for group, option in OWN_DATA.items())) if full == "source" else (word,)
    return (f"{sign}{full}={value}",) if full != key else (word,)


def source_field(word: str) -> str:
    """Return the field of one's own table that a word of the command line sets, e.g. of ``sheet=2``; else empty."""
    group, _, field = key_of(word.lstrip("+").partition("=")[0]).partition(".")
    return field if group == "source" and "=" in word and field.isidentifier() else ""


def _legible(word: str) -> str:
    """Return a word of the command line with quotes around names that Hydra reads in quotes alone, e.g. 碳强度."""
    key, equals, value = word.partition("=")
    if _is_condition(key.lstrip("+~")) and _NO_LIST.match(value) and not {"'", '"'} <= set(value):
        # a condition has signs that Hydra reads as its own, and names of regions in quotes of its own
        quote = "'" if '"' in value else '"'
        return f"{key}={quote}{value}{quote}"
    if value.lstrip().startswith("{"):
        return f"{key}={_in_braces(value)}"
    if value.isascii() or not equals or _ALLOWS_NO_NAME.search(value) or (" " in value.strip() and value[0] != "["):
        return word
    return f"{key}={_BARE.sub(lambda name: name[1] or _in_quotes(name[0]), value)}"


def _is_condition(word: str) -> bool:
    """Return whether a word is that of a condition on rows, here or in another program."""
    return "sample.query" in (key_of(word), *OTHER_NAMES.get(word, "").split())


def _in_braces(mapping: str) -> str:
    """Return a mapping of texts with these in quotes where one is not ASCII; another one, and its keys, as they are."""
    import json

    import yaml

    try:
        content = {} if mapping.isascii() else yaml.safe_load(mapping)
    except yaml.YAMLError:
        return mapping
    if not content or not all(isinstance(one, str) for pair in content.items() for one in pair):
        return mapping
    texts = (f"{key}: {json.dumps(text, ensure_ascii=False)}" for key, text in content.items())
    return f"{{{', '.join(texts)}}}"


def _in_quotes(name: str) -> str:
    return name if name.isascii() else f'"{name}"'


def overrides(given: list[str]) -> list[str]:
    """Return the words of a command line with their keys in full."""
    keys = {word.partition("=")[0].lstrip("+~") for word in given}
    given = [_legible(word) for word in given]
    return [part for word in given for part in override(word) if part in given or part.partition("=")[0] not in keys]


def in_full(content: object, path: Path) -> object:
    """Return what a file holds with all words in full; files that are no experiments stay as they are.

    ``content``: plain values.

    Raises ConfigError if a short file adds to inherited parts and starts from no other one.
    """
    if content is None and FOLDER in path.parts and not path.stem.startswith("_"):
        raise ConfigError(Note("experiment_empty", example="{data: panel.csv, y: ln_ci, x: ln_digital}"), _shown(path))
    if not isinstance(content, Mapping) or FOLDER not in path.parts or path.stem in (ROOT, ANSWERS):
        return content
    # names with _ are parts that others inherit
    short = "defaults" not in content and not path.stem.startswith("_")
    content = _with_executor(content, path)
    full = _opened(content, path) if short else dict(content)
    if isinstance(columns := full.get("columns"), Mapping):
        full["columns"] = {name: _choices(one) if isinstance(one, Mapping) else one for name, one in columns.items()}
    for key in ("grid", "zip"):
        if isinstance(full.get(key), Mapping):
            full[key] = _choices(full[key])
    if isinstance(full.get("kinds"), Mapping):
        full["kinds"] = {key if key == "column" else key_of(str(key)): value for key, value in full["kinds"].items()}
    if isinstance(full.get("exclude"), list):
        full["exclude"] = [_choices(rule) if isinstance(rule, Mapping) else rule for rule in full["exclude"]]
    return full


def executor_of(launcher: str, where: str, other: str) -> str:
    """Return our executor of a launcher's kind.

    ``where``: the place of the choice. ``other``: how an executor is chosen beside it, which must be empty. Raises
    ConfigError.
    """
    if launcher not in LAUNCHERS:
        hint = suggestion(launcher, LAUNCHERS)
        raise ConfigError(Note("hydra_no_launcher", hint=hint, launchers=cut(LAUNCHERS)), where)
    if other:
        raise ConfigError(Note("hydra_launcher_twice", other=other), where)
    return LAUNCHERS[launcher]


def _with_executor(content: Mapping[Any, Any], path: Path) -> Mapping[Any, Any]:
    """Return a file with our executor in the place of a launcher of Hydra's."""
    items = content.get("defaults")
    if not isinstance(items, list) or LAUNCHER not in str(items):
        return content
    chosen = {_group(item): place for place, item in enumerate(items)}
    if LAUNCHER not in chosen:
        return content
    (launcher,) = items[chosen[LAUNCHER]].values()
    other = "override executor" if "executor" in chosen else ""
    executor = executor_of(str(launcher), f"{_shown(path)}, defaults, {LAUNCHER}: {launcher}", other)
    changed = [*items]
    changed[chosen[LAUNCHER]] = {"override executor": executor}
    return {**content, "defaults": changed}


def _group(item: object) -> str:
    """Return the group of an item of ``defaults`` that chooses an option; empty if it does not."""
    if not isinstance(item, Mapping) or len(item) != 1:
        return ""
    return str(next(iter(item))).removeprefix("override ").strip().lstrip("/")


def _choices(choices: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key_of(key, value) if isinstance(key, str) else key: value for key, value in choices.items()}


def _opened(content: Mapping[Any, Any], path: Path) -> dict[Any, Any]:
    """Return a file without ``defaults`` as one that Hydra composes."""
    body: dict[Any, Any] = {}
    chosen: dict[str, str] = {}
    for word, value in content.items():
        if word in (FROM, EXTEND):
            continue
        key = key_of(str(word), value)
        group = key if key in GROUPS else ""
        if group and isinstance(value, str) and not value.startswith("${"):
            chosen[group] = value
            continue
        if group in FILES and isinstance(value, Mapping):
            _refuse_other_path(str(word), group, value, path)
        if group and isinstance(value, Mapping) and is_file(group, value.get("path")) and "_target_" not in value:
            chosen[group] = value["path"]
            value = {name: one for name, one in value.items() if name != "path"}
        _put(body, key.split(".") if key.partition(".")[0] in GROUPS else [word], value)
    heads = {str(word).partition(".")[0] for word in content}
    if "y" in heads and not heads & {"source", DATA, FROM}:
        raise ConfigError(Note("data_missing"), _shown(path))
    if is_file("source", chosen.get("source")):
        chosen = {**OWN_DATA, **chosen}
    # in a folder within the experiments, names without a slash are of files beside this one
    root = "" if path.parent.name == FOLDER else "/"
    parents = [parent.removesuffix(".yaml") for parent in _listed(content.get(FROM))] or [f"{root}{ROOT}"]
    choices = ({f"override {root}{key}": one} for key, one in chosen.items())
    return {"defaults": [*parents, *choices, "_self_"], **body, **_replacing(content, path)}


def _refuse_other_path(word: str, group: str, fields: Mapping[Any, Any], path: Path) -> None:
    """Raise a ConfigError if a file of data is named by another word than ``path``."""
    for name in ("file", "filename", "name", "data"):
        if "path" not in fields and is_file(group, fields.get(name)):
            raise ConfigError(Note("path_of_file", key=word, file=fields[name]), _shown(path))


def _replacing(content: Mapping[Any, Any], path: Path) -> dict[str, Any]:
    """Return which inherited parts a short file drops: those that it has parts of its own for."""
    place = f"{_shown(path)}, {EXTEND}"
    added = _listed(content.get(EXTEND))
    if unknown := [key for key in added if key not in LIMITS]:
        raise ConfigError(Note("extend_unknown", keys=cut(unknown), allowed=cut(LIMITS)), place)
    if FROM not in content:
        if added:
            raise ConfigError(Note("extend_without_from"), place)
        return {}
    own = [key for key in LIMITS if key in content and key not in added]
    dropped = own if added else LIMITS if own else ()
    replace = dict.fromkeys([*_listed(content.get("replace")), *dropped])
    return {"replace": list(replace)} if replace else {}


def _shown(path: Path) -> str:
    from digicarbon.config.files import shown

    return shown(path)


def _put(body: dict[Any, Any], names: list[str], value: Any) -> None:
    """Set a value at the end of a path of names; mappings are joined."""
    *outer, last = names
    for name in outer:
        inner = body.get(name)
        body[name] = dict(inner) if isinstance(inner, Mapping) else {}
        body = body[name]
    before = body.get(last)
    body[last] = {**before, **value} if isinstance(before, Mapping) and isinstance(value, Mapping) else value


def _listed(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [] if value is None else [str(value)]


def lines(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a short file, one for each word."""
    from digicarbon.config.describe import as_yaml

    for key, value in content.items():
        if key in LIMITS and isinstance(value, Mapping):
            yield f"{key}:"
            yield from (f"  {as_yaml(name)}: {as_yaml(one)}" for name, one in value.items())
        else:
            yield f"{key}: {as_yaml(value)}"
