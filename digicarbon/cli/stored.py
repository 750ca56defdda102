"""The recorded run that a command names, and its store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from digicarbon import recorded
from digicarbon.cli.arguments import name_of
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT, UNNAMED, find
from digicarbon.recorded import Recorded
from digicarbon.sweep.sweep import settings
from digicarbon.tracking import Tracking


def stored(run: str, experiment: str, overrides: Sequence[str], finished: bool = False) -> tuple[Tracking, Recorded]:
    """Return a recorded run and its store: that of the named experiment, else the default one.

    ``run``: a run or an experiment. ``experiment``: experiment in which a run is searched; may be empty. ``overrides``:
    of ``tracking``. ``finished``: whether the sweep of an experiment must have a finished run, see
    `digicarbon.recorded.find`. Raises ConfigError if the experiment, or its tracking, is wrong; DataError if there is
    no such run; TrackingError if the store cannot be read.
    """
    tracking, (first, *others) = store_of([word for word in (run, experiment) if word], overrides)
    return tracking, recorded.find(tracking, first, "".join(others), finished)


def store_of(words: Sequence[str], overrides: Sequence[str]) -> tuple[Tracking, list[str]]:
    """Return the store of the experiment that the last word names, else the default one, and the words.

    ``words``: a run or an experiment, and maybe the experiment of the run; one that is a file's path becomes its name.
    ``overrides``: of ``tracking``. Raises ConfigError if the experiment, or its tracking, is wrong.
    """
    words = list(words)
    last = name_of(words[-1])
    name = ROOT
    # a label may be longer than a file name can be
    with suppress(OSError):
        name = ROOT if find(last) is None else last
    if name == last:
        words[-1] = UNNAMED if name == ROOT else name
    return settings(Composer(loader(), name, overrides)).tracking, words
