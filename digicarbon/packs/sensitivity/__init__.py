"""Sensitivity to variables that are left out."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {
            "OmittedVariable": "diagnostic.omitted_variable",
            "Oster": "diagnostic.oster",
        },
        "report": {"Sensitivity": "report.sensitivity"},
        "report.picture": {"plot_contours": "picture.sensitivity"},
    },
    former={
        "numeric.sensitivity": "numeric",
        "report.picture.sensitivity": "picture.sensitivity",
    },
)
