"""A shift-share estimate in one report: the sectors that it rests on, and standard errors of shared shocks."""

from __future__ import annotations

from digicarbon.packs.shift_share.picture.shift_share import plot_rotemberg
from digicarbon.report.diagnostics import DiagnosticTables


class ShiftShareTables(DiagnosticTables):
    """The tables of ``diagnostic=rotemberg`` and ``diagnostic=akm``, one below the other, with a picture of weights."""

    shown = ("rotemberg", "rotemberg_periods", "rotemberg_summary", "akm")
    options = ("diagnostic=rotemberg", "diagnostic=akm")
    pictures_of = (("rotemberg", "rotemberg", plot_rotemberg),)
