"""Shift-share designs: shares of sectors times shocks to sectors."""

from digicarbon.pack import Pack

PACK = Pack(
    names={
        "diagnostic": {
            "AkmErrors": "diagnostic.shift_share",
            "RotembergWeights": "diagnostic.shift_share",
        },
        "panel": {
            "ShiftShare": "panel.shift_share",
            "ShiftShares": "panel.shift_share",
        },
        "report": {"ShiftShareTables": "report.shift_share"},
        "report.picture": {"plot_rotemberg": "picture.shift_share"},
        "source": {"SimulatedShiftShare": "source.shift_shares"},
    },
    former={
        "numeric.shift_share": "numeric",
        "report.picture.shift_share": "picture.shift_share",
    },
    offers={"panel_columns": "panel.shift_share:MAKER"},
)
