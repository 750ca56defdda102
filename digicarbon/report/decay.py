"""How far spillovers reach, in one report: bands of distance, and the estimated decay of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from digicarbon.report.diagnostics import DiagnosticTables
from digicarbon.report.picture import plot_decay, plot_distance_bands

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DistanceDecayTables(DiagnosticTables):
    """The tables of ``model=distance_bands`` and ``model=decay``, below each other, with their pictures.

    Attributes
    ----------
    decimals, pictures, most_runs
        As in `digicarbon.report.diagnostics.DiagnosticTables`.
    """

    shown: ClassVar[tuple[str, ...]] = ("distance_bands", "decay")
    options: ClassVar[tuple[str, ...]] = ("model=distance_bands", "model=decay")
    pictures_of: ClassVar[Mapping[str, tuple[str, Callable[..., Figure]]]] = {
        "distance_bands": ("distance_bands", plot_distance_bands),
        "decay": ("decay_profile", plot_decay),
    }
