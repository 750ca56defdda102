"""Measures of the digital economy."""

from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    from digicarbon.measure.base import Measure as Measure
    from digicarbon.measure.base import NoMeasure as NoMeasure
    from digicarbon.measure.bea import BeaMeasure as BeaMeasure
    from digicarbon.measure.column import ColumnMeasure as ColumnMeasure

lazy(__name__)
