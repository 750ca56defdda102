"""The report that a sweep was run with, and its words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from digicarbon.config.files import LABELS
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.report import Report
from digicarbon.spec import build

if TYPE_CHECKING:
    # it reads its own report
    from digicarbon.recorded._sweep import RecordedSweep


def report_of(one: RecordedSweep) -> Report:
    """Return the report of a sweep with the words of its experiment and options; a `DataError` if none is recorded."""
    return build(recorded_report(one), Report, "report").with_labels(recorded_labels(one))


def recorded_labels(one: RecordedSweep) -> Mapping[str, str]:
    """Return the words that the experiment and its options had."""
    config: Any = OmegaConf.to_container(OmegaConf.create(one.config))
    return dict(config.get(LABELS) or {})


def recorded_report(one: RecordedSweep) -> dict[str, Any]:
    """Return the fields of the report that a sweep was run with; a `DataError` if it has recorded none."""
    config: Any = OmegaConf.create(one.config)
    if "report" not in config:
        raise DataError(Note("page_no_report", sweep=one.parent_id))
    node: Any = OmegaConf.to_container(config.report, resolve=True)
    return dict(node)
