"""Spatial panels whose outcome depends on its own past and on its neighbours' past."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.model.dynamic_space.base import DynamicSpatialPanel as DynamicSpatialPanel

lazy(__name__)
