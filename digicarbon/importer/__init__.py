"""How raw downloads become a data folder."""

from digicarbon.importer.base import Imported as Imported
from digicarbon.importer.base import Importer as Importer
