"""Dynamic panels by generalised moments."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "model": {
            "DynamicPanel": "model.dynamic_panel",
        },
    },
    former={
        "model.scripts.gmm": "script.gmm",
        "model.scripts.gmm_r": "script.gmm_r",
        "model.scripts.gmm_stata": "script.gmm_stata",
        "numeric.gmm": "numeric",
    },
)
