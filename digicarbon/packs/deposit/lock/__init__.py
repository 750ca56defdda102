"""A plan that is locked before its outcome is read: what is locked, and what has changed since."""

from digicarbon.packs.deposit.lock.changes import Change, changes
from digicarbon.packs.deposit.lock.content import content
from digicarbon.packs.deposit.lock.file import Lock, LockError, digest, path_of
from digicarbon.packs.deposit.lock.state import ARTIFACT, TAG, State, note_of_today, note_recorded, state

__all__ = [
    "ARTIFACT",
    "TAG",
    "Change",
    "Lock",
    "LockError",
    "State",
    "changes",
    "content",
    "digest",
    "note_of_today",
    "note_recorded",
    "path_of",
    "state",
]
