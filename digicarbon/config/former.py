"""Names that keys had in earlier versions: files, commands and records that have them are read.

`digicarbon.spec.Spec.former` has those of fields, for Python and for what stores hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from digicarbon.note import Note

GROUPS = ("inference", "model")
FIELD, NOW = "replications", "draws"
"""How many draws the wild bootstrap makes."""
_KEY = re.compile(rf"\b({'|'.join(GROUPS)})\.{FIELD}\b")
_GROUP = re.compile(rf"^(?:{'|'.join(GROUPS)}):\n(?: .*\n?)+", re.MULTILINE)
_FIELD = re.compile(r"^  (\w+)(?=:)", re.MULTILINE)


def current(text: str) -> str:
    """Return a dotted key, an override or a reference with the names of today."""
    return _KEY.sub(rf"\1.{NOW}", text)


def remarks(keys: Iterable[str], place: str) -> Iterator[Note]:
    """Yield a note on each key that has another name today."""
    for key in keys:
        if current(key) != key:
            yield Note("former_name", key=key, now=current(key), place=place)


def renamed(value: Any, group: str = "") -> Any:
    """Return plain values with the names of today; ``group``: whose fields a mapping has.

    Where a mapping has the name of today, too, it keeps both, so that the former one is refused as any unknown name is.
    """
    if isinstance(value, str):
        return current(value)
    if isinstance(value, list):
        return [renamed(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    out = {}
    for key, item in value.items():
        name = key
        if isinstance(key, str):
            name = NOW if group in GROUPS and key == FIELD else current(key)
        out[key if name in value else name] = renamed(item, str(key))
    return out


def composed(text: str) -> str:
    """Return the composed configuration of a record, as YAML, with the names of today."""
    return _GROUP.sub(_composed, text) if f"\n  {FIELD}:" in text else text


def _composed(group: re.Match[str]) -> str:
    from digicarbon.spec import Spec, current, locate

    text, target = group[0], re.search(r"^  _target_: (digicarbon\..+)$", group[0], re.MULTILINE)
    cls = None if target is None else locate(target[1], GROUPS[1])
    if not (isinstance(cls, type) and issubclass(cls, Spec)):
        return text
    names = _FIELD.findall(text)
    now = dict(zip(names, current(cls, dict.fromkeys(names)), strict=True))
    return _FIELD.sub(lambda field: f"  {now[field[1]]}", text)
