"""The verb that delivers runs that wait on this disk for a store."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from digicarbon import tracking
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT
from digicarbon.errors import DigicarbonError, TrackingError
from digicarbon.note import Note, note_of
from digicarbon.note.language import said
from digicarbon.sweep import sweep


class UndeliveredError(DigicarbonError):
    """Nothing was delivered, since the store cannot be opened."""


def deliver(experiment: str, overrides: Sequence[str]) -> int:
    """Deliver runs that a store did not accept when they were fitted; return 0, or 1 if some still wait.

    ``experiment``: its store is used; empty for the default store. ``overrides``: e.g. ``tracking=server``. Raises
    ConfigError if an override is wrong; UndeliveredError if the store cannot be opened.
    """
    chosen = sweep.settings(Composer(loader(), experiment or ROOT, overrides)).tracking
    try:
        outcome = tracking.deliver(chosen)
    except TrackingError as error:
        raise UndeliveredError(note_of(error)) from error
    for notice in outcome.notices:
        sys.stderr.write(f"{said(notice)}\n")
    sys.stdout.write(f"{said(Note('runs_delivered', runs=outcome.runs, uri=outcome.uri))}\n")
    for uri, waiting in outcome.elsewhere.items():
        sys.stdout.write(f"{said(Note('runs_wait_here', runs=waiting, uri=uri))}\n")
    return 1 if outcome.waiting or outcome.damaged else 0
