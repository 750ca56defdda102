"""The experiments that an experiment lists, and their stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT, UNNAMED, find
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.sweep import sweep
from digicarbon.tracking import Tracking


def members(name: str, overrides: Sequence[str], listed_by: tuple[str, ...] = ()) -> Iterator[tuple[str, Tracking]]:
    """Yield an experiment with its store, or each one that it lists; one without a file uses the default store.

    ``overrides``: of ``tracking``. ``listed_by``: the experiments that list it, the outermost first. Raises ConfigError
    if an experiment is wrong, or lists itself.
    """
    if name != ROOT and find(name) is None:
        yield name, sweep.settings(Composer(loader(), ROOT, overrides)).tracking
        return
    composer = Composer(loader(), name, overrides)
    listed = composer.sweep_keys()["experiments"] or ()
    place = f"{composer.where('experiments')}, experiments"
    if name in listed_by:
        raise ConfigError(Note("experiments_go_round", place=place, chain=" > ".join([*listed_by, name])))
    for other in listed:
        yield from members(str(other), overrides, (*listed_by, name))
    if not listed:
        yield UNNAMED if name == ROOT else name, sweep.settings(composer).tracking
