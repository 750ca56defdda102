"""Exploratory spatial statistics: Moran's I, Geary's c, Getis and Ord's G, and maps."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {
            "BivariateMoran": "diagnostic.moran",
            "Geary": "diagnostic.concentration",
            "GetisOrd": "diagnostic.concentration",
            "HotSpots": "diagnostic.concentration",
            "LocalMoran": "diagnostic.moran",
            "Moran": "diagnostic.moran",
            "Values": "diagnostic.values",
            "geary": "diagnostic.concentration",
            "getis_ord": "diagnostic.concentration",
            "local_getis_ord": "diagnostic.concentration",
            "local_moran": "diagnostic.moran",
            "moran": "diagnostic.moran",
            "moran_bivariate": "diagnostic.moran",
        },
        "report": {
            "HotSpotMap": "report.maps",
            "LisaMap": "report.maps",
            "MapTable": "report.maps",
            "MoranTable": "report.maps",
        },
        "report.picture": {
            "clusters_of": "picture.clusters",
            "plot_hot_spots": "picture.clusters",
            "plot_lisa": "picture.clusters",
            "plot_moran": "picture.moran",
            "plot_moran_scatter": "picture.moran",
            "spots_of": "picture.clusters",
        },
    },
    former={
        "numeric.tests.concentration": "numeric.concentration",
        "numeric.tests.local_moran": "numeric.local_moran",
        "numeric.tests.moran": "numeric.moran",
        "report.picture.moran": "picture.moran",
    },
)
