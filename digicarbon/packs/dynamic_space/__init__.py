"""Dynamic spatial panels: space with the past of the outcome."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {"ImpulseResponses": "diagnostic.impulse_responses"},
        "model": {"DynamicSpatialPanel": "model.base"},
        "report": {"ImpulseResponseTables": "report.impulse_responses"},
        "report.picture": {"plot_impulse_responses": "picture.impulse_responses"},
        "source": {"SimulatedDynamicSpace": "source.dynamic_space"},
    },
    former={
        "model.dynamic_space": "model",
        "numeric.dynamic_space": "numeric",
        "report.picture.impulse_responses": "picture.impulse_responses",
    },
)
