"""Dynamic panels by generalised moments."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "model": {"DynamicPanel": "model.dynamic_panel"},
    },
    former={"numeric.gmm": "numeric"},
)
