"""Checks of a policy in one report: their tables below each other, and a picture of those that have one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from digicarbon.note import Note, cut
from digicarbon.packs.policies.picture.policy import plot_bacon, plot_placebo
from digicarbon.report.diagnostics import DiagnosticTables

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class PolicyChecks(DiagnosticTables):
    """The tables of all diagnostics of a policy that the runs have, below each other, with pictures."""

    shown: ClassVar[tuple[str, ...]] = (
        *("balance", "leads", "bacon", "negative_weights"),
        *("placebo_time", "placebo_space", "honest_bounds"),
    )
    options: ClassVar[tuple[str, ...]] = tuple(
        f"diagnostic={name}"
        for name in ("balance", "leads", "bacon", "negative_weights", "placebo_time", "placebo_space", "honest")
    )
    pictures_of: ClassVar[Mapping[str, tuple[str, Callable[..., Figure]]]] = {
        "bacon": ("bacon_pairs", plot_bacon),
        "placebo_space": ("placebo_space_draws", plot_placebo),
    }

    @classmethod
    def none(cls) -> Note:
        """Return the note that no run has a check."""
        return Note("no_policy_checks", options=cut(cls.options, len(cls.options)))
