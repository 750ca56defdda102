"""The verb that delivers what waits on this disk for a store."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from digicarbon import tracking
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT
from digicarbon.errors import DigicarbonError, TrackingError, counted
from digicarbon.note import note_of
from digicarbon.sweep import sweep


class UndeliveredError(DigicarbonError):
    """Nothing was delivered, since the store cannot be opened."""


def deliver(experiment: str, overrides: Sequence[str]) -> int:
    """Deliver runs that a store did not take when they were fitted; return 0, or 1 if some still wait.

    Parameters
    ----------
    experiment : str
        Whose store it is; empty for the usual one.
    overrides : sequence of str
        E.g. ``tracking=server``.

    Raises
    ------
    ConfigError
        If an override is wrong.
    UndeliveredError
        If the store cannot be opened.
    """
    chosen = sweep.settings(Composer(loader(), experiment or ROOT, overrides)).tracking
    try:
        found = tracking.deliver(chosen)
    except TrackingError as error:
        raise UndeliveredError(note_of(error)) from error
    for sentence in found.notices:
        sys.stderr.write(f"{sentence}\n")
    sys.stdout.write(f"{counted(found.runs, 'run')} delivered to {found.uri}.\n")
    for uri, waiting in found.elsewhere.items():
        sys.stdout.write(
            f"{counted(waiting, 'run')} wait here for {uri}; name it with tracking.uri=… to deliver them.\n"
        )
    return 1 if found.waiting or found.damaged else 0
