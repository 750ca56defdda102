"""A shift-share estimate in one report: the sectors that it rests on, and standard errors of shared shocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from digicarbon.packs.shift_share.picture.shift_share import plot_rotemberg
from digicarbon.report.diagnostics import DiagnosticTables

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ShiftShareTables(DiagnosticTables):
    """The tables of ``diagnostic=rotemberg`` and ``diagnostic=akm``, one below the other, with a picture of weights."""

    shown: ClassVar[tuple[str, ...]] = ("rotemberg", "rotemberg_periods", "rotemberg_summary", "akm")
    options: ClassVar[tuple[str, ...]] = ("diagnostic=rotemberg", "diagnostic=akm")
    pictures_of: ClassVar[Mapping[str, tuple[str, Callable[..., Figure]]]] = {
        "rotemberg": ("rotemberg", plot_rotemberg)
    }
