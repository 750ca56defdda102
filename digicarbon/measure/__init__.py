"""Measures of the digital economy."""

from digicarbon.measure.base import Measure as Measure
from digicarbon.measure.base import NoMeasure as NoMeasure
