"""The layouts of China's statistics in a data folder."""

from __future__ import annotations

from collections.abc import Mapping
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
        Dataset(
            "io_flows",
            (*_PLACE, "from_sector", "to_sector"),
            _FLOW,
            "provincial tables: purchases, 10k CNY",
            filled=_FLOW,
            of_table=True,
        ),
        Dataset(
            "io_sectors",
            (*_PLACE, "sector"),
            _SECTOR,
            "provincial tables: sectors, 10k CNY",
            numbers=_FURTHER,
            amounts=("output",),
            filled=_SECTOR,
            of_table=True,
        ),
        Dataset(
            "mrio_flows",
            ("year", f"from_{UNIT}", "from_sector", f"to_{UNIT}", "to_sector"),
            _FLOW,
            "multi-regional table: purchases, 10k CNY",
            filled=_FLOW,
            of_table=True,
        ),
        Dataset(
            "mrio_sectors",
            (*_PLACE, "sector"),
            _SECTOR,
            "multi-regional table: sectors, 10k CNY",
            numbers=_FURTHER,
            amounts=("output",),
            filled=_SECTOR,
            of_table=True,
        ),
    )
}
"""By name."""
