"""Responses of an outcome to a change of x by years and by neighbours: tables, and a picture with bands."""

from __future__ import annotations

from digicarbon.packs.dynamic_space.picture.impulse_responses import plot_impulse_responses
from digicarbon.report.diagnostics import DiagnosticTables


class ImpulseResponseTables(DiagnosticTables):
    """The tables of ``diagnostic=impulse_responses``, below each other, with a picture of the responses."""

    shown = ("impulse_responses", "cumulated_responses", "effects_by_order")
    options = ("diagnostic=impulse_responses",)
    pictures_of = (("impulse_responses", "impulse_responses", plot_impulse_responses),)
