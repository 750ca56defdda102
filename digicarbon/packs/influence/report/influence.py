"""The report of what single clusters weigh in a coefficient."""

from __future__ import annotations

from digicarbon.packs.influence.picture.influence import plot_influence
from digicarbon.report.diagnostics import DiagnosticTables


class InfluenceTables(DiagnosticTables):
    """The tables of ``diagnostic=influence`` below each other, with a picture of the coefficients without each one."""

    shown = ("influence_summary", "influence")
    options = ("diagnostic=influence",)
    pictures_of = (("influence", "influence", plot_influence),)
