"""Robustness to what is not observed in one report: Oster's bounds, robustness values and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from digicarbon.packs.sensitivity.picture.sensitivity import plot_contours
from digicarbon.report.diagnostics import DiagnosticTables

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Sensitivity(DiagnosticTables):
    """The tables of ``diagnostic=oster`` and ``diagnostic=omitted_variable``, below each other, with contour plots."""

    shown: ClassVar[tuple[str, ...]] = ("oster", "omitted_variable", "omitted_variable_benchmarks")
    options: ClassVar[tuple[str, ...]] = ("diagnostic=oster", "diagnostic=omitted_variable")
    pictures_of: ClassVar[Mapping[str, tuple[str, Callable[..., Figure]]]] = {
        "contours": ("omitted_variable", plot_contours)
    }
