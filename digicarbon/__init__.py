"""Declarative experiments for applied spatial-panel econometrics: one YAML per table, every run logged."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# modules are found under the names that they had before they moved into packs
from digicarbon import pack as pack
from digicarbon.version import __version__ as __version__

if TYPE_CHECKING:
    from digicarbon.diagnostic.correlation import correlation as correlation
    from digicarbon.diagnostic.descriptive import descriptive as descriptive
    from digicarbon.diagnostic.diagnose import diagnose as diagnose
    from digicarbon.diagnostic.group_comparison import compare_groups as compare_groups
    from digicarbon.diagnostic.turning_points import turning_points as turning_points
    from digicarbon.diagnostic.vif import vif as vif
    from digicarbon.diagnostic.wild_bootstrap import wild_bootstrap as wild_bootstrap
    from digicarbon.model import GroupedRegression as GroupedRegression
    from digicarbon.model import GroupedSpatial as GroupedSpatial
    from digicarbon.model import Model as Model
    from digicarbon.model import PanelIV as PanelIV
    from digicarbon.model import PanelRegression as PanelRegression
    from digicarbon.model import SpatialPanel as SpatialPanel
    from digicarbon.packs.distance.model.bands import DistanceBands as DistanceBands
    from digicarbon.packs.distance.model.base import DecayPanel as DecayPanel
    from digicarbon.packs.distance.picture.decay import plot_decay as plot_decay
    from digicarbon.packs.distance.picture.decay import plot_distance_bands as plot_distance_bands
    from digicarbon.packs.dynamic_space.model.base import DynamicSpatialPanel as DynamicSpatialPanel
    from digicarbon.packs.dynamic_space.picture.impulse_responses import (
        plot_impulse_responses as plot_impulse_responses,
    )
    from digicarbon.packs.endogenous_space.model.base import SpatialIV as SpatialIV
    from digicarbon.packs.exploratory.diagnostic.concentration import geary as geary
    from digicarbon.packs.exploratory.diagnostic.concentration import getis_ord as getis_ord
    from digicarbon.packs.exploratory.diagnostic.concentration import local_getis_ord as local_getis_ord
    from digicarbon.packs.exploratory.diagnostic.moran import local_moran as local_moran
    from digicarbon.packs.exploratory.diagnostic.moran import moran as moran
    from digicarbon.packs.exploratory.picture.clusters import plot_hot_spots as plot_hot_spots
    from digicarbon.packs.exploratory.picture.clusters import plot_lisa as plot_lisa
    from digicarbon.packs.exploratory.picture.moran import plot_moran as plot_moran
    from digicarbon.packs.exploratory.picture.moran import plot_moran_scatter as plot_moran_scatter
    from digicarbon.packs.gmm.model.dynamic_panel import DynamicPanel as DynamicPanel
    from digicarbon.packs.influence.diagnostic.influence import influence as influence
    from digicarbon.packs.influence.picture.influence import plot_influence as plot_influence
    from digicarbon.packs.local_effects.diagnostic.local_effects import local_effects as local_effects
    from digicarbon.packs.local_effects.diagnostic.local_effects import shock as shock
    from digicarbon.packs.mediation.model.base import Mediation as Mediation
    from digicarbon.packs.moderation.diagnostic.marginal_effects import johnson_neyman as johnson_neyman
    from digicarbon.packs.moderation.diagnostic.marginal_effects import marginal_effects as marginal_effects
    from digicarbon.packs.moderation.picture.marginal import plot_marginal as plot_marginal
    from digicarbon.packs.policies.model.did import DiD as DiD
    from digicarbon.packs.policies.picture.event_study import plot_event_study as plot_event_study
    from digicarbon.packs.policies.picture.event_study import plot_rollout as plot_rollout
    from digicarbon.packs.policies.picture.policy import plot_bacon as plot_bacon
    from digicarbon.packs.policies.picture.policy import plot_placebo as plot_placebo
    from digicarbon.packs.quantile.model.base import PanelQuantile as PanelQuantile
    from digicarbon.packs.quantile.picture.quantile import plot_quantiles as plot_quantiles
    from digicarbon.packs.sensitivity.picture.sensitivity import plot_contours as plot_contours
    from digicarbon.packs.shift_share.picture.shift_share import plot_rotemberg as plot_rotemberg
    from digicarbon.packs.space_gaps.model.unbalanced_spatial import UnbalancedSpatialPanel as UnbalancedSpatialPanel
    from digicarbon.packs.threshold.model.base import PanelThreshold as PanelThreshold
    from digicarbon.packs.threshold.picture.threshold import plot_threshold as plot_threshold
    from digicarbon.packs.which_weights.model.spatial_filter import SpatialFilter as SpatialFilter
    from digicarbon.panel import Panel as Panel
    from digicarbon.report import Table as Table
    from digicarbon.report import as_result as as_result
    from digicarbon.report.picture import plot_bands as plot_bands
    from digicarbon.report.picture import plot_coefficients as plot_coefficients
    from digicarbon.report.picture import plot_curve as plot_curve
    from digicarbon.report.picture import plot_effects as plot_effects
    from digicarbon.report.picture import plot_map as plot_map
    from digicarbon.result import Result as Result
    from digicarbon.spec import Spec as Spec
    from digicarbon.sweep.front import fit as fit
    from digicarbon.sweep.front import table as table
    from digicarbon.weights import Weights as Weights

_NAMES = {
    "diagnostic": (
        "compare_groups correlation descriptive diagnose geary getis_ord influence johnson_neyman local_effects "
        "local_getis_ord local_moran marginal_effects moran shock turning_points vif wild_bootstrap"
    ),
    "model": (
        "DecayPanel DiD DistanceBands DynamicPanel DynamicSpatialPanel GroupedRegression GroupedSpatial "
        "Mediation Model PanelIV PanelQuantile PanelRegression PanelThreshold SpatialFilter SpatialIV "
        "SpatialPanel UnbalancedSpatialPanel"
    ),
    "panel": "Panel",
    "report": "Table as_result",
    "report.picture": (
        "plot_bacon plot_bands plot_coefficients plot_contours plot_curve plot_decay plot_distance_bands "
        "plot_effects plot_event_study plot_hot_spots plot_impulse_responses plot_influence plot_lisa plot_map "
        "plot_marginal plot_moran plot_moran_scatter plot_placebo plot_quantiles plot_rollout plot_rotemberg "
        "plot_threshold"
    ),
    "result": "Result",
    "spec": "Spec",
    "sweep.front": "fit table",
    "weights": "Weights",
}
"""Public names by their rooms, which also know those of packs."""

_HOME = {name: f"digicarbon.{room}" for room, names in _NAMES.items() for name in names.split()}

__all__ = sorted(["__version__", *_HOME])


def __getattr__(name: str) -> Any:
    # loaded on first use (PEP 562): `digicarbon --help` must not wait for pandas and scipy
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'digicarbon' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
