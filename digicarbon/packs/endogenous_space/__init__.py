"""Spatial models by instruments and generalised moments."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "model": {"SpatialIV": "model.base"},
        "source": {"SimulatedEndogenous": "source.endogenous"},
    },
    former={
        "model.spatial_iv": "model",
        "numeric.spatial.moments": "numeric.moments",
    },
)
