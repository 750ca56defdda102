"""Spillovers and distance: bands, and weights whose decay is estimated."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.model.decay.bands import DistanceBands as DistanceBands
    from digicarbon.model.decay.base import DecayPanel as DecayPanel

lazy(__name__)
