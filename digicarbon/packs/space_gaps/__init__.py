"""Spatial panels with gaps, and weights that differ by period."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "model": {"UnbalancedSpatialPanel": "model.unbalanced_spatial"},
        "source": {"SimulatedUnbalanced": "source.unbalanced"},
        "weights": {
            "ByPeriodWeights": "weights.by_period",
            "WeightsByPeriod": "weights.by_period",
        },
    },
    former={"numeric.spatial.by_period": "numeric"},
)
