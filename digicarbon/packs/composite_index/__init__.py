"""Composite indices: entropy weights, TOPSIS and principal components."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "measure": {
            "CompositeIndex": "measure.composite",
            "EntropyIndex": "measure.entropy",
            "PcaIndex": "measure.pca",
            "TopsisIndex": "measure.topsis",
        },
    },
    former={"numeric.index": "numeric"},
)
