"""Responses of an outcome to a change of x by years and by neighbours: tables, and a picture with bands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from digicarbon.packs.dynamic_space.picture.impulse_responses import plot_impulse_responses
from digicarbon.report.diagnostics import DiagnosticTables

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class ImpulseResponseTables(DiagnosticTables):
    """The tables of ``diagnostic=impulse_responses``, below each other, with a picture of the responses."""

    shown: ClassVar[tuple[str, ...]] = ("impulse_responses", "cumulated_responses", "effects_by_order")
    options: ClassVar[tuple[str, ...]] = ("diagnostic=impulse_responses",)
    pictures_of: ClassVar[Mapping[str, tuple[str, Callable[..., Figure]]]] = {
        "impulse_responses": ("impulse_responses", plot_impulse_responses)
    }
