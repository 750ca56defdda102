"""China: provinces, importers of its statistics, and a simulated country."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "data": {
            "adjacency": "facts",
            "ceads_fuels": "facts",
            "ceads_sectors": "facts",
            "indicators": "facts",
            "province": "facts",
            "provinces": "facts",
            "sectors": "facts",
            "spellings": "facts",
            "tiles": "facts",
        },
        "importer": {
            "CeadsApparentImporter": "importer.ceads_apparent",
            "CeadsEnergyImporter": "importer.ceads_energy",
            "CeadsSectoralImporter": "importer.ceads_sectoral",
            "IOMrioImporter": "importer.io_mrio",
            "IOProvincialImporter": "importer.io_provincial",
            "NbsImporter": "importer.nbs",
        },
        "source": {"SimulatedSource": "simulated.source"},
        "weights": {"AdjacencyWeights": "weights"},
    },
    former={
        "china": "",
    },
    offers={"country": "country:COUNTRY"},
)
