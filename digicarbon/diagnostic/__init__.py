"""Diagnostics."""

from digicarbon.diagnostic.base import Diagnostic as Diagnostic
from digicarbon.diagnostic.base import NoDiagnostic as NoDiagnostic
from digicarbon.diagnostic.choice import Choice as Choice
from digicarbon.diagnostic.choice import choose as choose
from digicarbon.diagnostic.descriptive import Descriptive as Descriptive
from digicarbon.diagnostic.diagnose import Diagnose as Diagnose
from digicarbon.diagnostic.diagnose import diagnose as diagnose
from digicarbon.diagnostic.group_comparison import GroupComparison as GroupComparison
from digicarbon.diagnostic.group_comparison import compare_groups as compare_groups
from digicarbon.diagnostic.moran import BivariateMoran as BivariateMoran
from digicarbon.diagnostic.moran import LocalMoran as LocalMoran
from digicarbon.diagnostic.moran import Moran as Moran
from digicarbon.diagnostic.moran import local_moran as local_moran
from digicarbon.diagnostic.moran import moran as moran
from digicarbon.diagnostic.moran import moran_bivariate as moran_bivariate
from digicarbon.diagnostic.wild_bootstrap import WildClusterBootstrap as WildClusterBootstrap
from digicarbon.diagnostic.wild_bootstrap import wild_bootstrap as wild_bootstrap
