"""A recorded run prepared again, of its composed configuration and of today's data and code, as a worker does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.plan.prepare import Preparation, Prepared, Specs, specify
from digicarbon.recorded._run import plain
from digicarbon.sweep.provenance import DATA_DIGEST, WEIGHTS_DIGEST

COLUMNS = tuple(f"tags.{tag}" for tag in (DATA_DIGEST, WEIGHTS_DIGEST))
"""Columns of a sweep's rows that say which data a run had."""


@dataclass(frozen=True, eq=False)
class Again:
    """The specifications and the data of a recorded run as they are today."""

    specs: Specs
    prepared: Prepared

    @classmethod
    def of(cls, preparation: Preparation, config: str, run_id: str, checked: bool = True) -> Again:
        """Prepare a run from its composed configuration, which is YAML.

        ``preparation``: it shares data among runs. ``checked``: whether its model and its diagnostic check their data.
        Raises DigicarbonError if the run cannot be prepared any more.
        """
        specs = preparation.completed(specify(plain(config, run_id), preparation.builder))
        prepared = preparation.prepare(specs)
        if checked:
            preparation.check(specs, prepared)
        return cls(specs, prepared)

    def same_data(self, tags: Mapping[str, object]) -> tuple[bool, bool]:
        """Return whether the panel's and the weights' numbers are those of a run, by its tags.

        A run that uses no weights has recorded none; then the weights are the same.
        """
        weights, before = self.prepared.weights, tags.get(WEIGHTS_DIGEST)
        # a row of a sweep has NaN where a run has no tag
        same_weights = weights is None or not isinstance(before, str) or weights.digest == before
        return self.prepared.panel.digest == tags.get(DATA_DIGEST), same_weights

    def refuse_other_data(self, row: Mapping[str, Any] | pd.Series[Any]) -> None:
        """Raise a `DataError` if the data are no longer those of a run, by its row in the sweep, with `COLUMNS`."""
        tags = {column.removeprefix("tags."): row.get(column) for column in COLUMNS}
        if not all(self.same_data(tags)):
            raise DataError(Note("export_data_changed"))
