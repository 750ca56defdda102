"""Robustness to what is not observed in one report: Oster's bounds, robustness values and benchmarks."""

from __future__ import annotations

from digicarbon.packs.sensitivity.picture.sensitivity import plot_contours
from digicarbon.report.diagnostics import DiagnosticTables


class Sensitivity(DiagnosticTables):
    """The tables of ``diagnostic=oster`` and ``diagnostic=omitted_variable``, below each other, with contour plots."""

    shown = ("oster", "omitted_variable", "omitted_variable_benchmarks")
    options = ("diagnostic=oster", "diagnostic=omitted_variable")
    pictures_of = (("omitted_variable", "contours", plot_contours),)
