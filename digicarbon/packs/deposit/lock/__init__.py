"""A plan that is locked before its outcome is read: what is locked, and what has changed since."""

from digicarbon.packs.deposit.lock.changes import changes as changes
from digicarbon.packs.deposit.lock.content import content as content
from digicarbon.packs.deposit.lock.file import digest as digest
from digicarbon.packs.deposit.lock.state import ARTIFACT as ARTIFACT
from digicarbon.packs.deposit.lock.state import state as state
