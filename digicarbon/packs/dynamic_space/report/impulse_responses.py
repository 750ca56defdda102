"""Responses of an outcome to a change of x by years and by neighbours: tables, and a picture with bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from digicarbon.note import Note
from digicarbon.packs.dynamic_space.picture.impulse_responses import plot_impulse_responses
from digicarbon.report.base import Record, Table
from digicarbon.report.diagnostics import DiagnosticTables
from digicarbon.report.pictured import Band, band_notes, ends


class ImpulseResponseTables(DiagnosticTables):
    """The tables of ``diagnostic=impulse_responses``, below each other, with a picture of the responses.

    Attributes
    ----------
    band : {"pointwise", "uniform"}
        Intervals in the tables: of each year or order of neighbours, or of all of them at once.
    """

    shown = ("impulse_responses", "cumulated_responses", "effects_by_order")
    options = ("diagnostic=impulse_responses",)
    pictures_of = (("impulse_responses", "impulse_responses", plot_impulse_responses),)

    band: Band = "pointwise"

    def columns(self, name: str) -> tuple[str, ...]:
        """Return the numbers of each response, with the intervals that are asked for."""
        return ("coef", "se", "stat", "p", *ends(self.band))

    def table(self, title: str, records: Sequence[Record]) -> Table:
        """Return the tables, with notes on the band."""
        whole = super().table(title, records)
        return replace(
            whole, notes=(*whole.notes, *self.words.notes(band_notes(self.band, Note("along_years"), drawn=False)))
        )
