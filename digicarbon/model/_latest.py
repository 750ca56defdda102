"""What the latest models of a sweep were fitted to.

A plan checks each model, and its fit needs the same columns again; models that differ in the level of intervals or in
the rule of standard errors have them, too. Neighbours in a sweep are alike, so the latest few are enough; a small
sweep has room for all.
"""

from __future__ import annotations

from collections.abc import Hashable

from digicarbon.numeric.latest import Latest
from digicarbon.panel import Panel

LATEST = Latest()
"""Those of this process: of each column one would add up in a sweep over many samples."""


def columns_of(panel: Panel, terms: tuple[str, ...], beside: tuple[str, ...] = ()) -> tuple[Hashable, ...] | None:
    """Return what is the same where models read the same columns; None where the panel has yet to make some.

    Columns ``beside`` the terms are read where the panel has them.
    """
    columns = [panel.columns.get(name) for name in terms]
    return None if None in columns else (panel.index, *terms, *columns, *map(panel.columns.get, beside))
