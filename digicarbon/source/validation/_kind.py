"""Which checks a data set goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from digicarbon.source.validation.finding import Finding

Check = Callable[[pd.DataFrame, str], Iterator[Finding]]
"""Takes a data set and its name."""


def nothing(table: pd.DataFrame, name: str) -> Iterator[Finding]:
    """Yield nothing."""
    yield from ()


@dataclass(frozen=True)
class Checks:
    """The checks of one data set.

    ``unfit`` are quick ones of what makes it unfit for use: sums that do not add up, codes of other units; ``copies``
    of units and years that are copies of others; ``series`` of odd values; ``own`` those that only this data set needs;
    ``on_import`` further ones that are reported as soon as it is imported.
    """

    unfit: Check = nothing
    copies: Check = nothing
    series: Check = nothing
    own: Check = nothing
    on_import: Check = nothing
