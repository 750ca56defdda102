"""Outcomes: carbon intensity, CO2 per head and total CO2."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.outcome.account import CarbonOutcome as CarbonOutcome
    from digicarbon.outcome.account import Fuel as Fuel
    from digicarbon.outcome.base import NoOutcome as NoOutcome
    from digicarbon.outcome.base import Outcome as Outcome
    from digicarbon.outcome.emissions import PerCapita as PerCapita
    from digicarbon.outcome.emissions import Total as Total
    from digicarbon.outcome.intensity import Intensity as Intensity

lazy(__name__)
