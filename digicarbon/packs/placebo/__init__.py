"""Placebo laws: how often a law that does nothing, and lies as the study's own does, would have had a star."""

from digicarbon.pack import Pack

PACK = Pack(names={"diagnostic": {"PlaceboLaws": "diagnostic.placebo_laws"}})
