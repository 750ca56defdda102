"""One answer of many runs: averages, what moves the number, and fits without each unit."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "report": {
            "Evidence": "report.evidence",
            "EvidenceRequest": "report.evidence",
            "OneAnswer": "report.one_answer",
        },
        "report.picture": {
            "plot_averages": "picture.one_answer",
            "plot_left_out": "picture.one_answer",
            "plot_paths": "picture.one_answer",
        },
    },
    former={
        "numeric.multiverse": "numeric",
        "report.picture.one_answer": "picture.one_answer",
    },
)
