"""Hydra's own settings: those without effect here are refused, and the error says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from digicarbon.note import Note

SCHEMAS = ".digicarbon/schema"
"""Folder of the schemas that an editor reads."""
READ = ("hydra.searchpath", "hydra.verbose", "hydra.job_logging", "hydra.hydra_logging")
"""Settings that the command line may set, as keys or as groups."""
_LIST = re.compile(r"\s*[^\W\d][\w.]*(?:\s*,\s*[^\W\d][\w.]*)+\s*")
_PARAMS = "hydra.sweeper.params"
_OTHERS: Mapping[str, Note] = {
    "hydra.launcher": Note("hydra_launcher"),
    "hydra.run": Note("hydra_folder"),
    "hydra.sweep": Note("hydra_folder"),
    "hydra.output_subdir": Note("hydra_output"),
    "hydra.job": Note("hydra_job"),
    "hydra.callbacks": Note("hydra_callbacks"),
}


def instead(key: str, value: Any, in_file: bool) -> Note:
    """Return the reason why a setting of Hydra is refused, and what to write instead.

    ``key``: dotted, e.g. ``hydra.sweeper.params``, whose value holds the swept keys. ``in_file``: whether a file, not
    the command line, sets it.
    """
    if key == _PARAMS and isinstance(value, Mapping) and value:
        items = list(_swept(value))
        grid = ", ".join(f"{name}: {_values(item)}" for name, item in items)
        words = " ".join(f"'{name}={_text(item)}'" for name, item in items)
        return Note("hydra_sweep", written=f"`grid: {{{grid}}}`" if in_file else words)
    other = next((note for name, note in _OTHERS.items() if key == name or key.startswith(f"{name}.")), None)
    return Note("hydra_setting", other="" if other is None else Note("further", said=other))


def in_file(content: Mapping[Any, Any], shipped: Mapping[Any, Any]) -> Iterator[tuple[str, Note]]:
    """Yield each Hydra setting of a file that differs from the shipped default sentence, with the note of `instead`.

    ``content``: the user's file. ``shipped``: the shipped ``config.yaml``.
    """
    for item in content.get("defaults") or []:
        if isinstance(item, Mapping) and item not in (shipped.get("defaults") or []):
            for word, option in item.items():
                group = str(word).removeprefix("override ").strip().lstrip("/").partition("@")[0]
                if group.partition("/")[0] == "hydra":
                    yield f"defaults, {group}: {option}", instead(group.replace("/", "."), option, True)
    hydra, default = content.get("hydra"), shipped.get("hydra")
    if "hydra" in content and not isinstance(hydra, Mapping):
        yield "hydra", instead("hydra", hydra, True)
    elif isinstance(hydra, Mapping):
        yield from _changed(hydra, default if isinstance(default, Mapping) else {}, "hydra")


def on_command_line(override: str) -> Note | None:
    """Return the note on an override of a Hydra setting without effect here; None for all other overrides.

    For example ``hydra.sweeper.params.model=twfe,fe`` or ``hydra/launcher=joblib``.
    """
    word, _, value = override.lstrip("+~").partition("=")
    key = word.partition("@")[0].replace("/", ".")
    if key.partition(".")[0] != "hydra" or any(key == name or key.startswith(f"{name}.") for name in READ):
        return None
    if key.startswith(f"{_PARAMS}."):
        return instead(_PARAMS, {key.removeprefix(f"{_PARAMS}."): value}, False)
    return instead(key, value, False)


def _changed(settings: Mapping[Any, Any], defaults: Mapping[Any, Any], prefix: str) -> Iterator[tuple[str, Note]]:
    for name, value in settings.items():
        key = f"{prefix}.{name}"
        if name in defaults and defaults[name] == value:
            continue
        if isinstance(value, Mapping) and value and key != _PARAMS:
            inner = defaults.get(name)
            yield from _changed(value, inner if isinstance(inner, Mapping) else {}, key)
        else:
            yield key, instead(key, value, True)


def _swept(values: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the swept keys dotted, whether they are written nested or flat."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _swept(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _values(value: Any) -> str:
    """Return the YAML for swept values: plain words with commas as a list, other Hydra grammar in quotes."""
    text = _text(value)
    if _LIST.fullmatch(text):
        return f"[{', '.join(word.strip() for word in text.split(','))}]"
    return "'" + text.replace("'", "''") + "'" if isinstance(value, str) else f"[{text}]"


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
