"""Diagnostics."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.diagnostic.base import Diagnostic as Diagnostic
    from digicarbon.diagnostic.base import NoDiagnostic as NoDiagnostic
    from digicarbon.diagnostic.correlation import Correlation as Correlation
    from digicarbon.diagnostic.correlation import correlation as correlation
    from digicarbon.diagnostic.descriptive import Descriptive as Descriptive
    from digicarbon.diagnostic.descriptive import descriptive as descriptive
    from digicarbon.diagnostic.diagnose import Diagnose as Diagnose
    from digicarbon.diagnostic.diagnose import diagnose as diagnose
    from digicarbon.diagnostic.emission_factors import EmissionFactors as EmissionFactors
    from digicarbon.diagnostic.group_comparison import GroupComparison as GroupComparison
    from digicarbon.diagnostic.group_comparison import compare_groups as compare_groups
    from digicarbon.diagnostic.of_model import OfModel as OfModel
    from digicarbon.diagnostic.panel_choice import PanelChoice as PanelChoice
    from digicarbon.diagnostic.panel_choice import choose_panel_model as choose_panel_model
    from digicarbon.diagnostic.turning_points import TurningPoints as TurningPoints
    from digicarbon.diagnostic.turning_points import turning_points as turning_points
    from digicarbon.diagnostic.vif import Vif as Vif
    from digicarbon.diagnostic.vif import vif as vif
    from digicarbon.diagnostic.wild_bootstrap import WildClusterBootstrap as WildClusterBootstrap
    from digicarbon.diagnostic.wild_bootstrap import wild_bootstrap as wild_bootstrap

lazy(__name__)
