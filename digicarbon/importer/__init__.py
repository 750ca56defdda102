"""How raw downloads become a data folder."""

from digicarbon.importer.base import Imported as Imported
from digicarbon.importer.base import Importer as Importer
from digicarbon.importer.ceads_apparent import CeadsApparentImporter as CeadsApparentImporter
from digicarbon.importer.ceads_energy import CeadsEnergyImporter as CeadsEnergyImporter
from digicarbon.importer.ceads_sectoral import CeadsSectoralImporter as CeadsSectoralImporter
from digicarbon.importer.long import LongImporter as LongImporter
from digicarbon.importer.nbs import NbsImporter as NbsImporter
