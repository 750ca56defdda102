"""Diagnostics."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.diagnostic.base import Diagnostic as Diagnostic
    from digicarbon.diagnostic.base import NoDiagnostic as NoDiagnostic
    from digicarbon.diagnostic.concentration import Geary as Geary
    from digicarbon.diagnostic.concentration import GetisOrd as GetisOrd
    from digicarbon.diagnostic.concentration import HotSpots as HotSpots
    from digicarbon.diagnostic.concentration import geary as geary
    from digicarbon.diagnostic.concentration import getis_ord as getis_ord
    from digicarbon.diagnostic.concentration import local_getis_ord as local_getis_ord
    from digicarbon.diagnostic.correlation import Correlation as Correlation
    from digicarbon.diagnostic.correlation import correlation as correlation
    from digicarbon.diagnostic.descriptive import Descriptive as Descriptive
    from digicarbon.diagnostic.descriptive import descriptive as descriptive
    from digicarbon.diagnostic.diagnose import Diagnose as Diagnose
    from digicarbon.diagnostic.diagnose import diagnose as diagnose
    from digicarbon.diagnostic.emission_factors import EmissionFactors as EmissionFactors
    from digicarbon.diagnostic.group_comparison import GroupComparison as GroupComparison
    from digicarbon.diagnostic.group_comparison import compare_groups as compare_groups
    from digicarbon.diagnostic.moran import BivariateMoran as BivariateMoran
    from digicarbon.diagnostic.moran import LocalMoran as LocalMoran
    from digicarbon.diagnostic.moran import Moran as Moran
    from digicarbon.diagnostic.moran import local_moran as local_moran
    from digicarbon.diagnostic.moran import moran as moran
    from digicarbon.diagnostic.moran import moran_bivariate as moran_bivariate
    from digicarbon.diagnostic.of_model import OfModel as OfModel
    from digicarbon.diagnostic.panel_choice import PanelChoice as PanelChoice
    from digicarbon.diagnostic.panel_choice import choose_panel_model as choose_panel_model
    from digicarbon.diagnostic.turning_points import TurningPoints as TurningPoints
    from digicarbon.diagnostic.turning_points import turning_points as turning_points
    from digicarbon.diagnostic.values import Values as Values
    from digicarbon.diagnostic.vif import Vif as Vif
    from digicarbon.diagnostic.vif import vif as vif
    from digicarbon.diagnostic.wild_bootstrap import WildClusterBootstrap as WildClusterBootstrap
    from digicarbon.diagnostic.wild_bootstrap import wild_bootstrap as wild_bootstrap

lazy(__name__)
