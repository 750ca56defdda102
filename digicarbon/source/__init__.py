"""Where raw inputs come from."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.source._checks import check_inputs as check_inputs
    from digicarbon.source.base import TABLES as TABLES
    from digicarbon.source.base import InputFile as InputFile
    from digicarbon.source.base import InputOutputTable as InputOutputTable
    from digicarbon.source.base import Inputs as Inputs
    from digicarbon.source.base import Source as Source
    from digicarbon.source.base import WatchedInputs as WatchedInputs
    from digicarbon.source.decays import SimulatedDecay as SimulatedDecay
    from digicarbon.source.dynamic_space import SimulatedDynamicSpace as SimulatedDynamicSpace
    from digicarbon.source.endogenous import SimulatedEndogenous as SimulatedEndogenous
    from digicarbon.source.folder import FolderSource as FolderSource
    from digicarbon.source.mediation import SimulatedMediation as SimulatedMediation
    from digicarbon.source.policies import PolicyTruth as PolicyTruth
    from digicarbon.source.policies import SimulatedPolicy as SimulatedPolicy
    from digicarbon.source.quantiles import SimulatedQuantiles as SimulatedQuantiles
    from digicarbon.source.shift_shares import SimulatedShiftShare as SimulatedShiftShare
    from digicarbon.source.table import TableSource as TableSource
    from digicarbon.source.thresholds import SimulatedThreshold as SimulatedThreshold
    from digicarbon.source.unbalanced import SimulatedUnbalanced as SimulatedUnbalanced

lazy(__name__, {"SimulatedSource": "digicarbon.china.simulated.source"})
