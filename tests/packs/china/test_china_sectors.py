"""Sectors of the packaged tables."""

from __future__ import annotations

from digicarbon.measure.bea import SECTOR1, SECTOR2
from digicarbon.packs.china import facts


def test_default_spellings_cover_the_packaged_sectors() -> None:
    sectors = facts.sectors().set_index("digital")
    for kind, spellings in (("manufacturing", SECTOR1), ("services", SECTOR2)):
        assert {sectors.loc[kind, "sector"], sectors.loc[kind, "name_zh"]} <= set(spellings)
