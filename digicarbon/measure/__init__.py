"""Measures of the digital economy."""

from digicarbon.measure.base import Measure as Measure
from digicarbon.measure.base import NoMeasure as NoMeasure
from digicarbon.measure.bea import BeaMeasure as BeaMeasure
from digicarbon.measure.column import ColumnMeasure as ColumnMeasure
