"""The layouts of China's statistics in a data folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from digicarbon.packs.china.accounts import APPARENT
from digicarbon.packs.china.facts import ceads_fuels
from digicarbon.source.datafolder import Dataset
from digicarbon.source.validation import COMPONENTS, OPTIONAL

UNIT = "province"
"""The column of the units in every data set."""
_PLACE = (UNIT, "adcode", "year")
_FLOW = ("flow",)
_SECTOR = ("position", "value_added", "output")
_FURTHER = (*COMPONENTS, *OPTIONAL)


def _table(kind: str, text: str, flow: tuple[str, ...]) -> Iterator[Dataset]:
    """Yield the flows, with these keys, and the sectors of a kind of input-output tables."""
    yield Dataset(f"{kind}_flows", flow, _FLOW, f"{text}: purchases, 10k CNY", filled=_FLOW, of_table=True)
    yield Dataset(
        f"{kind}_sectors",
        (*_PLACE, "sector"),
        _SECTOR,
        f"{text}: sectors, 10k CNY",
        numbers=_FURTHER,
        amounts=("output",),
        filled=_SECTOR,
        of_table=True,
    )


DATASETS: Mapping[str, Dataset] = {
    item.name: replace(item, unit=UNIT)
    for item in (
        Dataset(
            "ceads_sectoral",
            (*_PLACE, "sector"),
            ("scope_1_total",),
            "CEADs sectoral CO2, Mt, a row per sector",
            numbers=(*ceads_fuels()["fuel"], "process"),
            amounts=None,
        ),
        Dataset(
            "ceads_apparent",
            _PLACE,
            APPARENT,
            "CEADs apparent CO2, Mt",
            numbers=("total",),
            amounts=(*APPARENT, "total"),
        ),
        Dataset("ceads_energy", (*_PLACE, "sector"), ("raw_coal",), "CEADs energy inventory, physical units"),
        Dataset(
            "yearbook",
            (*_PLACE, "series", "vintage"),
            ("value", "indicator", "unit"),
            "annual series by province of the statistics bureau, vintage revised or original",
            words=("indicator", "unit"),
        ),
        *_table("io", "provincial tables", (*_PLACE, "from_sector", "to_sector")),
        *_table("mrio", "multi-regional table", ("year", f"from_{UNIT}", "from_sector", f"to_{UNIT}", "to_sector")),
    )
}
"""By name."""
