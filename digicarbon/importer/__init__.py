"""How raw downloads become a data folder."""

from digicarbon.importer.base import Imported as Imported
from digicarbon.importer.base import Importer as Importer
from digicarbon.importer.long import LongImporter as LongImporter
from digicarbon.lazy import lazy

lazy(__name__)
