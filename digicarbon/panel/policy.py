"""The columns of a policy: who is treated when, periods since the first one, and the first period itself."""

from __future__ import annotations

from typing import NamedTuple


class PolicyColumns(NamedTuple):
    """Names of a policy's columns.

    Attributes
    ----------
    treated : str
        1 from the unit's first period under the policy on, else 0.
    event : str
        Periods since the first one; not-a-number for units that are never treated.
    cohort : str
        The first period; not-a-number for units that are never treated.
    """

    treated: str
    event: str
    cohort: str


def policy_columns(name: str) -> PolicyColumns:
    """Return the names of the columns of a policy."""
    return PolicyColumns(name, f"{name}_event", f"{name}_cohort")
