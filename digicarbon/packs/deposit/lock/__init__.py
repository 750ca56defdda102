"""A plan that is locked before its outcome is read: what is locked, and what has changed since."""

from digicarbon.packs.deposit.lock.changes import Change as Change
from digicarbon.packs.deposit.lock.changes import changes as changes
from digicarbon.packs.deposit.lock.content import content as content
from digicarbon.packs.deposit.lock.file import Lock as Lock
from digicarbon.packs.deposit.lock.file import LockError as LockError
from digicarbon.packs.deposit.lock.file import digest as digest
from digicarbon.packs.deposit.lock.file import path_of as path_of
from digicarbon.packs.deposit.lock.state import ARTIFACT as ARTIFACT
from digicarbon.packs.deposit.lock.state import TAG as TAG
from digicarbon.packs.deposit.lock.state import State as State
from digicarbon.packs.deposit.lock.state import note_of_today as note_of_today
from digicarbon.packs.deposit.lock.state import note_recorded as note_recorded
from digicarbon.packs.deposit.lock.state import state as state
