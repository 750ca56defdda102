"""Spatial models by instruments and generalised moments."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.model.spatial_iv.base import SpatialIV as SpatialIV

lazy(__name__)
