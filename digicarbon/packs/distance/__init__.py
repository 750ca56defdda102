"""Distance: effects by bands of distance, and weights whose decay is estimated."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "model": {
            "DecayPanel": "model.base",
            "DistanceBands": "model.bands",
        },
        "report": {"DistanceDecayTables": "report.decay"},
        "report.picture": {
            "plot_decay": "picture.decay",
            "plot_distance_bands": "picture.decay",
        },
        "source": {"SimulatedDecay": "source.decays"},
    },
    former={
        "model.decay": "model",
        "numeric.spatial.decay": "numeric.decay",
        "report.picture.decay": "picture.decay",
    },
)
