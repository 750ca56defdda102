"""Rows of a regression table that the user adds: cells of their own, or a fact of each run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, WithJsonSchema

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.report.base import Record
from digicarbon.report.focal import COLUMN
from digicarbon.report.heads import OUTCOME, option_of
from digicarbon.report.labels import Labels

CONTROLS = "controls"
EXACT = 1e15
"""From here on a float does not hold the last digits of a whole number."""
_CELL = {"type": ["string", "number", "boolean"]}


def _checked(value: Any) -> Any:
    """Return rows with tuples for lists, or refuse what is neither a fact's name nor a list of cells."""
    if not isinstance(value, Mapping):
        raise ValueError(Note("rows_no_mapping", given=repr(value)))
    for words, row in value.items():
        cells = [row] if isinstance(row, str) else row if isinstance(row, list | tuple) else [None]
        if not isinstance(words, str) or not all(isinstance(cell, str | bool | int | float) for cell in cells):
            raise ValueError(Note("row_no_cells", row=str(words), given=repr(row)))
    return {words: tuple(row) if isinstance(row, list) else row for words, row in value.items()}


Rows = Annotated[
    Mapping[str, str | tuple[str | bool | int | float, ...]],
    BeforeValidator(_checked),
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "array", "items": _CELL}]}}
    ),
]
"""Rows by their words: the name of a fact, or a cell for each column."""


def row_of(
    title: str, row: str | Sequence[str | bool | int | float], records: Sequence[Record], decimals: int, words: Labels
) -> list[str]:
    """Return the cells of a row: a fact of each run, statistics with some decimals, or a cell for each column as given.

    Raises ConfigError if the cells are not as many as the columns, or no run has such a fact.
    """
    key = "report.rows"
    if not isinstance(row, str):
        if len(row) != len(records):
            raise ConfigError(Note("row_of_cells", key=key, row=title, cells=len(row), columns=len(records)))
        return [_cell(cell, words) for cell in row]
    there = _facts(records)
    if row not in there:
        hint = suggestion(row, there)
        raise ConfigError(Note("no_fact", key=key, row=title, name=row, hint=hint, there=cut(there, 20)))
    if row == CONTROLS:
        controls = controls_of(records)
        return [words.word("no" if controls.isdisjoint(record.result.terms) else "yes") for record in records]
    return [_fact(row, record, decimals, words) for record in records]


def controls_of(records: Sequence[Record]) -> set[str]:
    """Return controls and their spatial lags: columns that are neither focal nor the outcome's own past.

    The values of a focal variable, e.g. a policy's event times, are no controls.
    """
    models = [record.result for record in records if record.result.focal]
    focal = {term for model in models for term in (*model.focal, *model.focal_levels)}
    return {
        term
        for model in models
        for term in model.terms_of("regressor", "lag_x")
        if (model.role(term).of or term) not in focal and not model.role(term).of_past(model.y)
    }


def number_text(value: float | None, decimals: int) -> str:
    """Return a statistic as tables show it; an empty text if there is none.

    Whole numbers have no decimals; those whose last digits a float does not hold are as ``1.2e150``.
    """
    if value is None or not np.isfinite(value):
        return ""
    if abs(value) >= EXACT:
        return f"{value:.1e}".replace("e+", "e")
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.{decimals}f}"


def interval_text(low: float, high: float, decimals: int) -> str:
    """Return an interval as tables show it: ``[−∞, 0.12]`` has no lower end; an empty text if there is none."""
    ends = [f"{end:z.{decimals}f}" if np.isfinite(end) else unbounded(end) for end in (low, high)]
    return "" if np.isnan([low, high]).any() else f"[{', '.join(ends)}]"


def unbounded(value: float) -> str:
    """Return what stands for a number that is not finite: an interval may have no end; nothing where there is none."""
    return "" if np.isnan(value) else "∞" if value > 0 else "−∞"


def _facts(records: Sequence[Record]) -> list[str]:
    """Return what a row may show of these runs."""
    columns = [COLUMN] if any(record.column is not None for record in records) else []
    names = [CONTROLS, OUTCOME, *columns]
    for record in records:
        names += [*record.varied, *record.options, *record.result.terms, *record.result.statistics]
    return list(dict.fromkeys(names))


def _cell(cell: str | bool | int | float, words: Labels) -> str:
    if isinstance(cell, bool):
        return words.word("yes" if cell else "no")
    # Hydra's command line reads yes and no as texts
    return words.word(cell) if cell in ("yes", "no") else str(cell)


def _fact(name: str, record: Record, decimals: int, words: Labels) -> str:
    """Return what a run is in some respect; an empty text if it has nothing of that name."""
    result = record.result
    if name in record.varied or name in record.options or name == COLUMN:
        return option_of(record, name, words)
    if name == OUTCOME:
        return words(result.y)
    if name in result.statistics:
        return number_text(result.statistics[name], decimals)
    return words.word("yes" if name in result.terms else "no") if result.terms else ""
