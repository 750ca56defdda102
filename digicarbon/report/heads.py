"""The heads of a table's columns, in levels made from the experiment's grid and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.render.table import Line
from digicarbon.report.base import Owner, Record, heads
from digicarbon.report.focal import COLUMN, text_of
from digicarbon.report.labels import Labels

OUTCOME = "outcome"
_SHOWN_ELSEWHERE = (OUTCOME, "measure", "weights", "sample")
"""Choices that notes name or the rows show, also where they are the same in all columns."""


@dataclass(frozen=True)
class Heads:
    """The columns of a table, from the left, and what is over them.

    ``records``: in the order of the columns. ``lowest``: the head of each column: its label, an option, or (1), (2), …
    ``spanners``: lines of words over columns, from the top. ``corners``: the choice that each of these lines shows, and
    that of the lowest one. ``keys``: the choices that are heads. ``same``: choices that all columns have in common, in
    words. ``owners``: each column as notes name it.
    """

    records: list[Record]
    lowest: list[str]
    spanners: tuple[Line, ...]
    corners: tuple[str, ...]
    keys: frozenset[str]
    same: tuple[str, ...]
    owners: list[Owner]


def heads_of(records: Sequence[Record], wanted: Sequence[str] | None, words: Labels) -> Heads:
    """Return the columns in order, and what is over them.

    The wanted choices are the levels of the heads, from the top; ``column`` is the experiment's column. None: what
    varies within columns of the experiment, in the order of the grid, then the columns. Empty: labels only.

    Raises ConfigError if no run has one of the choices of ``wanted``.
    """
    known = dict.fromkeys((*_chosen(records), *(key for record in records for key in record.options)))
    for key in wanted or ():
        if key not in known:
            hint = suggestion(key, known)
            raise ConfigError(Note("no_head", key="report.heads", name=key, hint=hint, there=cut(known, 20)))
    keys = [key for key in (_of_grid(records) if wanted is None else wanted) if len(_values(records, key)) > 1]
    same = () if wanted == () else tuple(_same(records, words))
    # the record of a fit that another column has as well knows no more of its own column than its label
    if not keys or (wanted is None and (keys == [COLUMN] or any(record.again for record in records))):
        labels = _labels(records, words)
        outcomes = _outcomes(records, words)
        return Heads(list(records), labels, outcomes, (), frozenset(), same, [Owner.of(one.label) for one in records])
    places = {key: {value: place for place, value in enumerate(_values(records, key))} for key in keys}
    # columns keep their order, unless it is asked for
    sorted_by = [key for key in keys if wanted or key != COLUMN]
    columns = sorted(records, key=lambda one: [places[key][_text(one, key)] for key in sorted_by])
    texts = {key: _words(columns, key, words) for key in keys}
    # a single choice is a head itself; more are over numbers, by which notes name a column
    single = len(keys) == 1 and len(places[keys[0]]) == len(columns)
    over = [] if single else keys
    lowest = texts[keys[0]] if single else [f"({place})" for place in range(1, len(columns) + 1)]
    lines = [_line(columns, keys[: level + 1], texts[key]) for level, key in enumerate(over)]
    outcomes = () if OUTCOME in keys else _outcomes(columns, words)
    corners = [_corner(key, words) for key in over] + [words.word(OUTCOME)] * len(outcomes)
    return Heads(
        records=columns,
        lowest=lowest,
        spanners=(*lines, *outcomes),
        corners=(*corners, _corner(keys[0], words) if single else ""),
        keys=frozenset(keys),
        same=same,
        owners=[Owner(head, tuple((key, texts[key][place]) for key in keys)) for place, head in enumerate(lowest)],
    )


def option_of(record: Record, key: str, words: Labels) -> str:
    """Return the words for what a run has chosen; an empty text if it has no such choice."""
    if key == COLUMN:
        return words.column(record.column or "")
    value = record.varied.get(key, record.options.get(key))
    if value is None:
        return ""
    if isinstance(value, bool):
        return words.option(key, str(value).lower())
    if isinstance(value, list | tuple):
        return words.option(key, text_of(value)[1:-1]) if value else words.word("no")
    return words.option(key, text_of(value))


def _labels(records: Sequence[Record], words: Labels) -> list[str]:
    """Return what the runs are called, numbered where a run has no label."""
    return [name or f"({position})" for position, name in enumerate(heads(records, words), start=1)]


def _chosen(records: Sequence[Record]) -> list[str]:
    """Return the choices that differ between runs, in the order of the experiment, the column last."""
    columns = [COLUMN] if any(record.column is not None for record in records) else []
    return [*dict.fromkeys(key for record in records for key in record.varied), *columns]


def _of_grid(records: Sequence[Record]) -> list[str]:
    """Return the choices that vary within a column of the experiment, then the column itself."""
    by_column: dict[str | None, list[Record]] = {}
    for record in records:
        by_column.setdefault(record.column, []).append(record)
    return [
        key
        for key in _chosen(records)
        if key == COLUMN or any(len(_values(column, key)) > 1 for column in by_column.values())
    ]


def _text(record: Record, key: str) -> str:
    if key == COLUMN:
        return record.column or ""
    value = record.varied.get(key, record.options.get(key))
    return "" if value is None else text_of(value)


def _values(records: Sequence[Record], key: str) -> list[str]:
    """Return the values of a choice, each once."""
    return list(dict.fromkeys(_text(record, key) for record in records))


def _words(records: Sequence[Record], key: str, words: Labels) -> list[str]:
    """Return the words for each record's choice; for the outcome, its name if that tells them apart."""
    outcomes = {(_text(record, key), record.result.y) for record in records} if key == OUTCOME else set()
    if outcomes and len(outcomes) == len({text for text, _ in outcomes}) == len({y for _, y in outcomes}):
        return [words(y) for y in (record.result.y for record in records)]
    return [option_of(record, key, words) for record in records]


def _line(records: Sequence[Record], keys: Sequence[str], texts: Sequence[str]) -> Line:
    """Return words over columns that have equal choices, down to this level."""
    values = [tuple(_text(record, key) for key in keys) for record in records]
    runs = ([place for place, _ in same] for _, same in groupby(enumerate(values), key=lambda one: one[1]))
    return tuple((texts[places[0]], len(places)) for places in runs)


def _outcomes(records: Sequence[Record], words: Labels) -> tuple[Line, ...]:
    """Return the outcomes as a line over their columns, if they differ."""
    runs = [(y, len(list(same))) for y, same in groupby(record.result.y for record in records)]
    return (tuple((words(y), count) for y, count in runs),) if len(runs) > 1 else ()


def _corner(key: str, words: Labels) -> str:
    return "" if key == COLUMN else words.choice(key)


def _same(records: Sequence[Record], words: Labels) -> list[str]:
    """Return what a grid would vary but all columns have in common."""
    if len(records) < 2:
        return []
    keys = [
        key
        for key in _chosen(records)
        if key not in (COLUMN, *_SHOWN_ELSEWHERE)
        and all(key in record.varied for record in records)
        and len(_values(records, key)) == 1
    ]
    colon, stop = ("：", "。") if words.spoken == "zh" else (": ", ".")
    return [f"{words.choice(key)}{colon}{option_of(records[0], key, words)}{stop}" for key in keys]
