"""Mediation: how much of an effect goes through other variables."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {"SpatialMediation": "diagnostic.spatial_mediation"},
        "model": {"Mediation": "model.base"},
        "report": {"PathTables": "report.mediation"},
        "source": {"SimulatedMediation": "source.mediation"},
    },
    former={
        "model.mediation": "model",
        "numeric.mediation": "numeric",
    },
)
