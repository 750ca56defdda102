"""How a data set is looked into."""

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
    """What is looked for in one data set.

    Attributes
    ----------
    unfit : callable
        What makes it unfit for use, quickly: sums that do not add up, codes of other units.
    copies : callable
        Units and years that are copies of others.
    series : callable
        What is odd in its series.
    own : callable
        Whatever else a data set has that others have not.
    on_import : callable
        What else is told of at once when it is imported.
    """

    unfit: Check = nothing
    copies: Check = nothing
    series: Check = nothing
    own: Check = nothing
    on_import: Check = nothing
