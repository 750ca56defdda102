"""Thresholds: slopes that differ by regimes of a variable."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "model": {"PanelThreshold": "model.base"},
        "report": {"ThresholdReport": "report.threshold"},
        "report.picture": {"plot_threshold": "picture.threshold"},
        "source": {"SimulatedThreshold": "source.thresholds"},
    },
    former={
        "model.threshold": "model",
        "numeric.threshold": "numeric",
        "report.picture.threshold": "picture.threshold",
    },
)
