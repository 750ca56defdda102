"""Influence: what single units or clusters weigh in a coefficient."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {
            "Influence": "diagnostic.influence",
            "influence": "diagnostic.influence",
        },
        "report": {"InfluenceTables": "report.influence"},
        "report.picture": {"plot_influence": "picture.influence"},
    },
)
