"""Labels in a file of weights that are units of the panel in another spelling."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from digicarbon.country import country
from digicarbon.errors import WeightsError
from digicarbon.note import Note, cut

_PEOPLES = "维吾尔|哈萨克|柯尔克孜|蒙古|朝鲜|土家|布依|哈尼|景颇|傈僳|藏|羌|彝|苗|侗|壮|傣|白|回|瑶|黎|满"
_END = re.compile(rf"(?<=..)(?:(?:(?:{_PEOPLES})族?)*自治[区州县]|特别行政区|[省市盟州]|地区)$")
"""What an official name of a Chinese region has after two letters or more that also stand alone: 杭州 stays whole."""


def form(label: str) -> str:
    """Return a label without what spellings of one name differ in.

    These are case, blanks, signs, accents, letters of full width, and 省, 市, 自治区, 地区, 盟 or 州 at the end.
    """
    plain = "".join(one for one in unicodedata.normalize("NFKD", label) if not unicodedata.combining(one))
    return _END.sub("", re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", plain)).casefold())


def _place(label: str) -> str:
    """Return the English name of the country's unit that a label names, in any spelling; else its form."""
    home = country()
    read = home.read(label)
    place = home.find(label) or (read.name if read else "")
    return f"{home.name}: {place}" if place else form(label)


def as_spelt(labels: Iterable[str], units: Sequence[str], file: str) -> tuple[dict[str, str], tuple[Note, ...]]:
    """Return each label of a file with the unit of the panel that it names, itself where it names none, and notes.

    Labels that are units stay as they are; the others are matched with the units that no label is.

    Raises WeightsError if two labels may name the same unit, or a label two units.
    """
    every = list(dict.fromkeys(labels))
    known = set(units)
    others = [label for label in every if label not in known]
    absent = known.difference(every)
    if not others or not absent:
        return {label: label for label in every}, ()
    named: dict[str, list[str]] = {}
    for unit in units:
        if unit in absent:
            named.setdefault(_place(unit), []).append(unit)
    found: dict[str, list[str]] = {}
    for label in others:
        if (place := _place(label)) in named:
            found.setdefault(place, []).append(label)
    for place, alike in found.items():
        if len(alike) > 1 or len(named[place]) > 1:
            raise WeightsError(Note("weights_names_alike", file=file, labels=cut(alike), units=cut(named[place])))
    pairs = {alike[0]: named[place][0] for place, alike in found.items()}
    notes: tuple[Note, ...] = ()
    if pairs:
        shown = cut((f"{label} → {unit}" for label, unit in pairs.items()), 3)
        notes = (Note("weights_names_matched", file=file, count=len(pairs), pairs=shown),)
    return {label: pairs.get(label, label) for label in every}, notes
