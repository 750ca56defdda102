"""Effects of each unit on each other unit."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {
            "LocalEffects": "diagnostic.local_effects",
            "local_effects": "diagnostic.local_effects",
            "shock": "diagnostic.local_effects",
        },
        "report": {"LocalEffectTable": "report.local"},
    },
    former={"numeric.spatial.local": "numeric.local"},
)
