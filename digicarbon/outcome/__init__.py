"""Outcomes: carbon intensity and its variants."""

from digicarbon.outcome.base import NoOutcome as NoOutcome
from digicarbon.outcome.base import Outcome as Outcome
from digicarbon.outcome.intensity import Intensity as Intensity
