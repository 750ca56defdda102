"""The verb that delivers what waits on this disk for a store."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from digicarbon import tracking
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT
from digicarbon.errors import ConfigError, counted
from digicarbon.sweep import sweep


def deliver(arguments: Sequence[str]) -> int:
    """Deliver runs that a store did not take when they were fitted; return 0, or 1 if some still wait.

    Parameters
    ----------
    arguments : sequence of str
        An experiment, whose store it is, and overrides such as ``tracking=server``.

    Raises
    ------
    ConfigError
        If the command line is wrong.
    TrackingError
        If the store cannot be opened.
    """
    words = list(arguments)
    name = words.pop(0) if words and "=" not in words[0] and not words[0].startswith("-") else ROOT
    if any("=" not in word or word.startswith("-") for word in words):
        raise ConfigError(
            "Name an experiment, if its store is not the usual one, and overrides, e.g. `digicarbon deliver "
            "tracking=server tracking.uri=http://localhost:5000`."
        )
    chosen = sweep.settings(Composer(loader(), name, words)).tracking
    found = tracking.deliver(chosen)
    for sentence in found.notices:
        sys.stderr.write(f"{sentence}\n")
    sys.stdout.write(f"{counted(found.runs, 'run')} delivered to {found.uri}.\n")
    for uri, waiting in found.elsewhere.items():
        sys.stdout.write(
            f"{counted(waiting, 'run')} wait here for {uri}; name it with tracking.uri=… to deliver them.\n"
        )
    return 1 if found.waiting or found.damaged else 0
