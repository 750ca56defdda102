"""Models."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.model.base import Model as Model
    from digicarbon.model.base import ignored_by as ignored_by
    from digicarbon.model.base import says as says
    from digicarbon.model.decay.bands import DistanceBands as DistanceBands
    from digicarbon.model.decay.base import DecayPanel as DecayPanel
    from digicarbon.model.did.base import DiD as DiD
    from digicarbon.model.dynamic_panel import DynamicPanel as DynamicPanel
    from digicarbon.model.dynamic_space.base import DynamicSpatialPanel as DynamicSpatialPanel
    from digicarbon.model.grouped_regression import GroupedRegression as GroupedRegression
    from digicarbon.model.grouped_spatial import GroupedSpatial as GroupedSpatial
    from digicarbon.model.mediation.base import Mediation as Mediation
    from digicarbon.model.none import NoModel as NoModel
    from digicarbon.model.panel_iv import PanelIV as PanelIV
    from digicarbon.model.panel_regression import PanelRegression as PanelRegression
    from digicarbon.model.quantile.base import PanelQuantile as PanelQuantile
    from digicarbon.model.spatial_filter import SpatialFilter as SpatialFilter
    from digicarbon.model.spatial_iv.base import SpatialIV as SpatialIV
    from digicarbon.model.spatial_panel import SpatialPanel as SpatialPanel
    from digicarbon.model.threshold.base import PanelThreshold as PanelThreshold
    from digicarbon.model.unbalanced_spatial import UnbalancedSpatialPanel as UnbalancedSpatialPanel

lazy(__name__)
