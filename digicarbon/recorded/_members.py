"""The experiments that an experiment lists, their stores, and the reports that their sweeps were run with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import LABELS, ROOT, UNNAMED, find
from digicarbon.errors import ConfigError, DataError
from digicarbon.note import Note
from digicarbon.recorded._sweep import RecordedSweep
from digicarbon.report import Report
from digicarbon.spec import build
from digicarbon.sweep import sweep
from digicarbon.tracking import Tracking


def members(name: str, overrides: Sequence[str], listed_by: tuple[str, ...] = ()) -> Iterator[tuple[str, Tracking]]:
    """Yield an experiment with its store, or each one that it lists; one without a file uses the default store.

    Parameters
    ----------
    name : str
    overrides : sequence of str
        Of ``tracking``.
    listed_by : tuple of str
        The experiments that list it, the outermost first.

    Raises
    ------
    ConfigError
        If an experiment is wrong, or lists itself.
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


def report_of(one: RecordedSweep) -> Report:
    """Return the report that a sweep was run with, with the words that the experiment and its options had.

    Raises
    ------
    DataError
        If the sweep has not recorded it.
    """
    return build(recorded_report(one), Report, "report").with_labels(recorded_labels(one))


def recorded_labels(one: RecordedSweep) -> Mapping[str, str]:
    """Return the words that the experiment and its options had."""
    config: Any = OmegaConf.to_container(OmegaConf.create(one.config))
    return dict(config.get(LABELS) or {})


def recorded_report(one: RecordedSweep) -> dict[str, Any]:
    """Return the fields of the report that a sweep was run with.

    Raises
    ------
    DataError
        If the sweep has not recorded it.
    """
    config: Any = OmegaConf.create(one.config)
    if "report" not in config:
        raise DataError(Note("page_no_report", sweep=one.parent_id))
    node: Any = OmegaConf.to_container(config.report, resolve=True)
    return dict(node)
