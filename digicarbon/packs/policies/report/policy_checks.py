"""Checks of a policy in one report: their tables below each other, and a picture of those that have one."""

from __future__ import annotations

from digicarbon.note import Note, cut
from digicarbon.packs.policies.picture.policy import plot_bacon, plot_placebo
from digicarbon.report.diagnostics import DiagnosticTables


class PolicyChecks(DiagnosticTables):
    """The tables of all diagnostics of a policy that the runs have, below each other, with pictures."""

    shown = (*("balance", "leads", "bacon", "negative_weights"), *("placebo_time", "placebo_space", "honest_bounds"))
    options = tuple(
        f"diagnostic={name}"
        for name in ("balance", "leads", "bacon", "negative_weights", "placebo_time", "placebo_space", "honest")
    )
    pictures_of = (("bacon_pairs", "bacon", plot_bacon), ("placebo_space_draws", "placebo_space", plot_placebo))

    @classmethod
    def none(cls) -> Note:
        """Return the note that no run has a check."""
        return Note("no_policy_checks", options=cut(cls.options, len(cls.options)))
