"""Whether a plan is as it was locked: what runs, tables and pages say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from digicarbon.config.compose import Composer
from digicarbon.config.files import ROOT
from digicarbon.config.former import renamed
from digicarbon.note import Note, cut, note_of
from digicarbon.packs.deposit.lock.changes import Change, changes
from digicarbon.packs.deposit.lock.content import content, software
from digicarbon.packs.deposit.lock.data import Reader
from digicarbon.packs.deposit.lock.file import SHOWN, Lock, LockError, moment, now, path_of, read
from digicarbon.panel import LOG_PREFIX, variables_of
from digicarbon.plan.runs import Plan
from digicarbon.report import Report

ARTIFACT = "lock.json"
"""The file of a sweep that says what was locked, and what differs."""
TAG = "digicarbon.lock"
"""The tag of a sweep whose plan was locked: ``unchanged`` or ``changed``, with the time and hash of the lock."""
BY_OUTCOME = ("sample_by_outcome", "weights_by_outcome")
"""Keys of a locked data set with what reads the values of the outcome."""
MOST_CHANGES = 6
"""How many changes a note names."""


@dataclass(frozen=True)
class State:
    """A lock and the plan of today.

    ``lock``: None if the file cannot be read, which the note says. ``first``: when each change was noticed first.
    ``note``: what tables and pages say.
    """

    lock: Lock | None
    changes: Sequence[Change]
    first: Sequence[str]
    note: Note

    @property
    def tag(self) -> str:
        """The value of `TAG`."""
        if self.lock is None:
            return "unreadable"
        word = "changed" if self.changes or self.lock.broken else "unchanged"
        return f"{word} {self.lock.latest['time']} {self.lock.hash}"

    @property
    def artifact(self) -> str:
        """The content of `ARTIFACT`."""
        differing = [
            {
                "kind": one.kind,
                "key": one.key,
                "first_noticed": first,
                "words": str(one.note),
                "note": one.note.to_json(),
            }
            for one, first in zip(self.changes, self.first, strict=True)
        ]
        node = {
            "note": self.note.to_json(),
            "changes": differing,
            "lock": None if self.lock is None else self.lock.latest,
            "versions": [] if self.lock is None else [brief(version) for version in self.lock.versions],
            "broken": [] if self.lock is None else self.lock.broken,
        }
        return json.dumps(node, ensure_ascii=False, indent=1) + "\n"


def state(composer: Composer, planned: Plan, report: Report, remember: bool = True) -> State | None:
    """Compare a plan with its lock; None if it is not locked.

    ``remember``: whether the lock's file keeps when a change was noticed first.
    """
    if composer.name == ROOT:
        return None
    try:
        lock = read(path_of(composer.name))
    except LockError as error:
        return State(None, (), (), Note("lock_not_read", reason=note_of(error)))
    if lock is None:
        return None
    reader = Reader()
    today = content(composer, planned, report, reader)
    versions = str(lock.latest["software"]["digicarbon"]), str(software()["digicarbon"])
    differing = changes(renamed(lock.latest["content"]), today, reader.sets, versions, composer)
    moments = {one.identity: lock.noticed.get(one.identity, now()) for one in differing}
    if remember and not moments.keys() <= lock.noticed.keys():
        lock = replace(lock, noticed={**lock.noticed, **moments})
        # a folder that cannot be written is no reason to lose a run
        with suppress(LockError):
            lock.write()
    first = [moments[one.identity] for one in differing]
    return State(lock, differing, first, _note(lock, differing, first))


def note_of_today(experiment: str, last: int) -> Note | None:
    """Return what is to be said of an experiment's lock of today by a sweep that was recorded without one.

    The last run of the sweep ended at ``last``, in milliseconds since 1970. None if the experiment is not locked, or
    its lock cannot be read.
    """
    try:
        lock = read(path_of(experiment))
    except LockError:
        return None
    if lock is None:
        return None
    first = lock.versions[0]
    later = datetime.fromisoformat(str(first["time"])).timestamp() * 1000 >= last // 1000 * 1000
    facts = {"date": moment(str(first["time"])), "hash": str(first["hash"])[:SHOWN]}
    return Note("lock_later", **facts) if later else Note("lock_beside", **facts)


def brief(version: Mapping[str, Any]) -> dict[str, str]:
    """Return time, hash and reason of a version."""
    return {key: str(version[key]) for key in ("time", "hash", "why")}


def _note(lock: Lock, differing: Sequence[Change], first: Sequence[str]) -> Note:
    facts = {"date": lock.date, "hash": lock.hash[:SHOWN]}
    again = len(lock.versions) - 1
    if lock.broken:
        said = [Note("lock_edited", versions=lock.broken, **facts)]
    elif differing:
        named = cut([one.note for one in differing], MOST_CHANGES)
        said = [Note("lock_changed", since=moment(min(first)), changes=named, **facts)]
    else:
        said = [Note("lock_unchanged", **facts)]
    if again:
        said.append(Note("lock_again", times=again, why=str(lock.latest["why"])))
    data = lock.latest["content"]["data"].values()
    by_outcome = sorted({name for one in data for key in BY_OUTCOME for name in one.get(key, ())})
    if by_outcome:
        said.append(Note("lock_by_outcome", what=by_outcome))
    if lock.latest["fitted_before"]["runs"]:
        said.append(before(lock.latest))
    return said[0] if len(said) == 1 else Note("sentences", said=said)


def before(version: Mapping[str, Any]) -> Note:
    """Return how many runs of the experiment were fitted before a version was locked."""
    fitted = version["fitted_before"]
    return Note("lock_fitted_before", runs=fitted["runs"], date=moment(fitted["first"]))


def looks_at(outcomes: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a dependent variable is made of one of these, whatever its logarithms, powers and lags."""
    own = set(map(_variable, variables_of(outcomes)))
    return lambda y: not own.isdisjoint(map(_variable, variables_of([y])))


def _variable(name: str) -> str:
    return name.removeprefix(LOG_PREFIX)
