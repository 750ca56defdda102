"""Specifications that are fitted to a panel; names of packs are looked up here, too."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.model.base import Model as Model
    from digicarbon.model.base import ignored_by as ignored_by
    from digicarbon.model.base import says as says
    from digicarbon.model.grouped_regression import GroupedRegression as GroupedRegression
    from digicarbon.model.grouped_spatial import GroupedSpatial as GroupedSpatial
    from digicarbon.model.none import NoModel as NoModel
    from digicarbon.model.panel_iv import PanelIV as PanelIV
    from digicarbon.model.panel_regression import PanelRegression as PanelRegression
    from digicarbon.model.spatial_panel import SpatialPanel as SpatialPanel

lazy(__name__)
