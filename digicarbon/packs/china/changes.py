"""Provinces and prefectures that were renamed, merged or split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from digicarbon.note import Note
from digicarbon.packs.china import facts

_ENDS = ("市", "省", " city", " province", " municipality")


def changes(labels: Sequence[str], first: int, last: int) -> list[Note]:
    """Return notes on the units of a table that were renamed, merged or split within its years.

    ``labels``: names of units, in Chinese or English, with or without 市 or ``City``. ``first``, ``last``: years. A new
    name matters only beside the old one; a merger and a split matter to each unit that takes part.
    """
    known = {_bare(label): label for label in labels}
    notes = []
    for row in facts.changes().to_dict("records"):
        place, others = _present(known, row)
        both = row["kind"] == "renamed" and place and others
        torn = row["kind"] != "renamed" and (place or others) and first < row["year"] <= last
        if not both and not torn:
            continue
        chinese = any(not label.isascii() for label in (*place, *others))
        names = row["place"] if chinese else row["en"], (row["others"] if chinese else row["others_en"]).split("|")
        said = {"place": next(iter(place), names[0]), "others": others or names[1]}
        said |= {"year": int(row["year"]), "source": row["source"]}
        if row["kind"] == "renamed":
            notes.append(Note("place_renamed", **said))
        elif row["kind"] == "merged":
            notes.append(Note("place_merged", **said))
        else:
            notes.append(Note("place_split", **said))
    return notes


def _present(known: Mapping[str, str], row: Mapping[Any, Any]) -> tuple[list[str], list[str]]:
    """Return the labels of the place that changed, and of the others that take part."""
    place = [known[_bare(name)] for name in (row["place"], row["en"]) if _bare(name) in known]
    names = f"{row['others']}|{row['others_en']}".split("|")
    return place, [known[_bare(name)] for name in names if _bare(name) in known]


def _bare(label: str) -> str:
    name = label.strip().casefold()
    for end in _ENDS:
        name = name.removesuffix(end)
    return name.replace("'", "").replace("’", "")
