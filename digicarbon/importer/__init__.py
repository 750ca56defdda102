"""How raw downloads become a data folder."""

from digicarbon.importer.base import Imported as Imported
from digicarbon.importer.base import Importer as Importer
from digicarbon.importer.long import LongImporter as LongImporter
from digicarbon.lazy import lazy

lazy(
    __name__,
    {
        "CeadsApparentImporter": "digicarbon.china.importer.ceads_apparent",
        "CeadsEnergyImporter": "digicarbon.china.importer.ceads_energy",
        "CeadsSectoralImporter": "digicarbon.china.importer.ceads_sectoral",
        "NbsImporter": "digicarbon.china.importer.nbs",
    },
)
