"""The simulated country as it was drawn: what stands in place of the pack of a country in a copy without that pack."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "source": {"SimulatedSource": "study"},
        "weights": {"AdjacencyWeights": "study"},
    },
)
