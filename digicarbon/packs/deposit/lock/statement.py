"""What runs, tables, pages and exports say of the lock of a plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from digicarbon.config.compose import Composer
from digicarbon.note import Note
from digicarbon.packs.deposit.lock.state import ARTIFACT, TAG, note_of_today, state
from digicarbon.plan.runs import Plan
from digicarbon.report import Report
from digicarbon.sweep.statement import Statement


class _Locked:
    head = "lock"
    nothing = Note("lock_none")

    def before(self, composer: Composer, planned: Plan, report: Report) -> Statement:
        """Return whether a plan is as it was locked."""
        known = state(composer, planned, report)
        if known is None:
            return Statement()
        return Statement((known.note,), {TAG: known.tag}, {ARTIFACT: known.artifact})

    def recorded(
        self, files: Sequence[str], read: Callable[[str], bytes], experiment: str, last: int | None
    ) -> Note | None:
        """Return what a sweep says of the lock of its plan, which may have been made later."""
        if ARTIFACT in files:
            return Note.from_json(json.loads(read(ARTIFACT))["note"])
        return None if last is None else note_of_today(experiment, last)


STATES = _Locked()
