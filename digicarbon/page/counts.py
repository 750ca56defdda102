"""What became of each planned run: one count that every part of a page agrees with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from digicarbon.page.words import Words
from digicarbon.recorded import RecordedSweep
from digicarbon.tracking import Planned

State = Literal["fitted", "copied", "same", "failed", "left", "unread", "cannot"]
STATES: tuple[State, ...] = ("fitted", "copied", "same", "failed", "left", "unread", "cannot")
"""Fitted in this sweep, copied from another one, the fit of another column, failed, not fitted yet, without a readable
result, and what cannot run."""
BAD = ("failed", "left", "unread", "cannot")
"""States without a result."""
REUSED = "tags.digicarbon.reused_from"


@dataclass(frozen=True, eq=False)
class Listed:
    """A planned run in one of `STATES`; None for what cannot run."""

    label: str
    run: Planned | None
    state: State

    @property
    def values(self) -> Mapping[str, Any]:
        """The varied choices."""
        return {} if self.run is None else self.run.values


def listed(sweep: RecordedSweep) -> list[Listed]:
    """Return all planned runs in the order of the experiment, then what cannot run."""
    rows = sweep.rows
    status = rows["status"].to_dict()
    copied = set(rows.index[rows[REUSED].notna()]) if REUSED in rows else set()
    readable = {run.hash for run, _ in sweep.fitted}
    every = []
    for run in sweep.roster.runs:
        state: State
        if run.hash not in status:
            state = "left"
        elif status[run.hash] != "FINISHED":
            state = "failed"
        elif run.hash not in readable:
            state = "unread"
        else:
            state = "copied" if run.hash in copied else "fitted"
        every.append(Listed(run.label, run, state))
        every += [Listed(label, run, state if state in BAD else "same") for label in run.twins]
    return [*every, *(Listed(label, None, "cannot") for label, _ in (*sweep.roster.skipped, *sweep.roster.failed))]


def sentence(runs: Sequence[Listed], words: Words) -> str:
    """Return how many runs were planned, and the parts that they are the sum of."""
    counts = Counter(run.state for run in runs)
    parts = [words(f"count_{state}", n=f"{counts[state]:,}") for state in STATES if counts[state]]
    many = f"{len(runs):,}"
    return f"{words('planned_one' if len(runs) == 1 else 'planned', n=many)} = {' + '.join(parts)}"
