"""What a page says of all results of a sweep, in one pass over its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digicarbon.report import Record
from digicarbon.result import RunEffect
from digicarbon.sweep.effects import Effects, Gathered


@dataclass(frozen=True, eq=False)
class Overview:
    """The effects of runs, their terms and their diagnostics.

    ``effects``: a fit that several columns show is there once. ``focal``: the first focal term of each run by label.
    ``diagnostics``: positions of records by the name of a diagnostic's table.
    """

    effects: Effects
    focal: Mapping[str, str]
    diagnostics: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, records: Sequence[Record], run_effect: RunEffect) -> Overview:
        """Read all records once."""
        gathered = Gathered(run_effect)
        focal: dict[str, str] = {}
        diagnostics: dict[str, list[int]] = {}
        for position, record in enumerate(records):
            if record.result.focal:
                focal[record.label] = record.result.focal[0]
            for name in record.result.tables:
                diagnostics.setdefault(name, []).append(position)
            if not record.again:
                gathered.take(record.label, record.result)
        return cls(gathered.effects, focal, diagnostics)
