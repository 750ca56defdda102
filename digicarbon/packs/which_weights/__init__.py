"""Which weights: probabilities of W and of spatial models, rivals, and a filter that needs neither."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {
            "Choice": "diagnostic.choice",
            "SpatialChoice": "diagnostic.spatial_choice",
            "choose": "diagnostic.choice",
        },
        "model": {"SpatialFilter": "model.spatial_filter"},
        "report": {"SpatialChoiceTable": "report.spatial_choice"},
        "report.picture": {"plot_spatial_choice": "picture.spatial_choice"},
    },
    former={
        "numeric.spatial.filtering": "numeric.filtering",
        "numeric.spatial_choice": "numeric",
        "report.picture.spatial_choice": "picture.spatial_choice",
    },
    offers={"log_marginal": "diagnostic.spatial_choice:log_marginal"},
)
