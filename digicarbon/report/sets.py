"""Confidence sets of several pieces as text."""

from __future__ import annotations

from digicarbon.report.rows import interval_text
from digicarbon.result import Result

PIECES = "threshold_sets"
"""The table of results that has the ends of each piece, by threshold and piece."""


def set_text(result: Result, statistic: str, decimals: int) -> str:
    """Return the union of the pieces of a threshold's set, by its statistic (``threshold_1``); empty without one."""
    table = result.tables.get(PIECES)
    if table is None:
        return ""
    own = table[[f"threshold_{at}" == statistic for at in table.index.get_level_values(0)]]
    return " ∪ ".join(interval_text(low, high, decimals) for low, high in own[["low", "high"]].to_numpy().tolist())
