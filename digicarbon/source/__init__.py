"""Where raw inputs come from."""

from digicarbon.source.base import InputOutputTable as InputOutputTable
from digicarbon.source.base import Inputs as Inputs
from digicarbon.source.base import Source as Source
