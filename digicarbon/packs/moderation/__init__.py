"""Moderation: effects along a moderator."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {
            "MarginalEffects": "diagnostic.marginal_effects",
            "johnson_neyman": "diagnostic.marginal_effects",
            "marginal_effects": "diagnostic.marginal_effects",
        },
        "report": {"MarginalEffectTable": "report.marginal_effects"},
        "report.picture": {
            "marginal_effects": "diagnostic.marginal_effects",
            "plot_marginal": "picture.marginal",
        },
    },
    former={"report.picture.marginal": "picture.marginal"},
)
