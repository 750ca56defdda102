"""A result as text and back: everything but its residuals, every number to the last bit."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.note import Note
from digicarbon.note.recorded import read, read_all, read_cell, read_pair
from digicarbon.panel import constituents
from digicarbon.result import (
    CONSTANT,
    DUMMY,
    LAG_ERROR,
    LAG_Y,
    REGRESSOR,
    VARIANCE,
    Constituent,
    Effects,
    Inference,
    MadeOf,
    Result,
    Role,
    roles_made_of,
)

VERSION = 1
SPATIAL = ("rho", "lambda")
SPATIAL_KINDS = ("sar", "sem", "slx", "sdm", "sdem", "sac")
HEAD = f'{{"version": {VERSION},'
"""Beginning of every text that `decode` reads."""
OLD_CELLS = ("decision", "note", "null")
OLD_LABELS = "groups"
"""Columns, and the level of the index, in which earlier versions wrote the English words of notes."""


def encode(result: Result) -> str:
    """Return a result as JSON text.

    Arrays are base64 of little-endian doubles: quicker than decimals, and exact.

    Raises
    ------
    TypeError
        If a table holds something other than numbers, texts, notes, booleans and blanks.
    """
    effects = result.spatial_effects
    content = {
        "version": VERSION,
        "kind": result.kind,
        "y": result.y,
        "focal": result.focal,
        "terms": result.terms,
        "coef": _array(result.coef),
        "covariance": _array(result.covariance),
        "inference": [result.inference.df, result.inference.level],
        "statistics": {name: float(value) for name, value in result.statistics.items()},
        "effects": effects and [effects.terms, _array(effects.coef), _array(effects.se)],
        "tables": {name: _frame(table) for name, table in result.tables.items()},
        "absorbed": result.absorbed,
        "notes": [note.to_json() for note in result.notes],
        "boundary": result.boundary,
        "beyond": result.beyond,
        "errors_note": result.errors_note and result.errors_note.to_json(),
        "table_errors": {name: note.to_json() for name, note in result.table_errors.items()},
        "roles": [
            [position, role.kind, role.of] for position, role in enumerate(result.roles) if role.kind != "regressor"
        ],
        # a term that is a column and nothing else is left out
        "made_of": [
            [position, [[part.variable, part.operator, part.order, part.power, part.level] for part in role.made_of]]
            for position, (term, role) in enumerate(zip(result.terms, result.roles, strict=False))
            if role.kind == "regressor" and role.made_of != (Constituent(term),)
        ],
    }
    return json.dumps(content, ensure_ascii=False, default=_scalar)


def decode(text: str) -> Result:
    """Return the result of `encode`'s text.

    Raises
    ------
    ValueError
        If another version wrote it.
    """
    content = json.loads(text)
    if content.get("version") != VERSION:
        raise ValueError(f"a result of version {content.get('version')}")
    effects = content["effects"]
    terms, covariance = tuple(content["terms"]), _read_array(content["covariance"])
    at_end = content.get("boundary")
    if at_end is None:
        # earlier versions wrote a boundary only as a variance that is not a number
        at_end = [
            name for name in SPATIAL if name in terms and np.isnan(covariance[terms.index(name), terms.index(name)])
        ]
    df, level = content["inference"]
    return Result(
        kind=content["kind"],
        y=content["y"],
        focal=tuple(content["focal"]),
        terms=terms,
        coef=_read_array(content["coef"]),
        covariance=covariance,
        inference=Inference(df, level),
        statistics=content["statistics"],
        spatial_effects=effects and Effects(tuple(effects[0]), _read_array(effects[1]), _read_array(effects[2])),
        tables={name: _read_frame(table) for name, table in content["tables"].items()},
        absorbed=tuple(content["absorbed"]),
        notes=read_all(content["notes"]),
        boundary=tuple(at_end),
        beyond=bool(content.get("beyond", False)),
        # earlier versions did not write these
        errors_note=read(content["errors_note"]) if content.get("errors_note") else None,
        table_errors={name: read(note) for name, note in content.get("table_errors", {}).items()},
        roles=_with_made_of(
            terms,
            _roles(content["roles"], len(terms)) if "roles" in content else _roles_by_name(content["kind"], terms),
            content.get("made_of"),
        ),
    )


def _roles(node: Sequence[Sequence[Any]], count: int) -> tuple[Role, ...]:
    roles = [REGRESSOR] * count
    for position, kind, of in node:
        roles[position] = Role(kind, of)
    return tuple(roles) if node else ()


def _with_made_of(
    terms: Sequence[str], roles: tuple[Role, ...], node: Sequence[Sequence[Any]] | None
) -> tuple[Role, ...]:
    """Return roles with the constituents of regressors; if a version did not record them, they follow from names."""
    if node is None:
        return roles_made_of(terms, roles, {term: made_of_by_name(term) for term in terms})
    made_of = {term: (Constituent(term),) for term in terms}
    made_of |= {terms[position]: tuple(Constituent(*part) for part in parts) for position, parts in node}
    return roles_made_of(terms, roles, made_of)


def made_of_by_name(term: str) -> MadeOf:
    """Return the constituents of a term of an earlier version; groups and values are in brackets after a name."""
    parts_of_term = []
    # a value may hold a colon
    for part in re.findall(r"(?:\[[^\]]*\]|[^:\[])+", term):
        name, bracket, level = part.partition("[")
        parts_of_term += [replace(one, level=level.removesuffix("]")) if bracket else one for one in constituents(name)]
    return tuple(parts_of_term)


def _roles_by_name(kind: str, terms: Sequence[str]) -> tuple[Role, ...]:
    """Return the roles of terms of a version that recorded their names only."""
    known = {"const": CONSTANT}
    if kind in SPATIAL_KINDS:
        known |= {"rho": LAG_Y, "lambda": LAG_ERROR, "phi": VARIANCE, "sigma2": VARIANCE}
        known |= {f"W_{term}": Role("lag_x", term) for term in terms}
    if kind.startswith("lsdv"):
        known |= {term: DUMMY for term in terms if term.startswith(("unit[", "time["))}
    return tuple(known.get(term, CONSTANT if term.startswith("const[") else REGRESSOR) for term in terms)


def _array(array: FloatArray) -> list[Any]:
    numbers = np.ascontiguousarray(array, dtype="<f8")
    return [numbers.shape, base64.b64encode(numbers.tobytes()).decode("ascii")]


def _read_array(node: Sequence[Any]) -> FloatArray:
    shape, text = node
    # a copy, since the array of frombuffer is read-only
    return np.frombuffer(base64.b64decode(text), dtype="<f8").reshape(shape).astype(np.float64)


def _frame(table: pd.DataFrame) -> dict[str, Any]:
    columns = [table.iloc[:, position] for position in range(table.shape[1])]
    data = [[str(column.dtype), column.tolist()] for column in columns]
    index = _axis(table.index)
    return {
        # earlier versions read the words; the notes stand beside them
        "notes": [_taken_out(index["levels"]), _taken_out(data)],
        "index": index,
        "columns": _axis(table.columns),
        "data": data,
    }


def _taken_out(columns: Sequence[list[Any]]) -> list[list[Any]]:
    """Replace notes in columns by their English words, and return their places: column, row, note."""
    notes = []
    for position, (dtype, values) in enumerate(columns):
        for row, value in enumerate(values if dtype == "object" else ()):
            if isinstance(value, Note):
                notes.append([position, row, value.to_json()])
                values[row] = str(value)
    return notes


def _read_frame(node: Mapping[str, Any]) -> pd.DataFrame:
    node = _with_notes(node) if "notes" in node else _with_old_notes(node)
    index = _read_axis(node["index"])
    columns = {
        position: pd.Series(values, index=index, dtype=dtype) for position, (dtype, values) in enumerate(node["data"])
    }
    table = pd.DataFrame(columns, index=index)
    table.columns = _read_axis(node["columns"])
    return table


def _with_notes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a table's node with its notes in their places."""
    for columns, notes in zip((node["index"]["levels"], node["data"]), node["notes"], strict=True):
        for position, row, note in notes:
            columns[position][1][row] = Note.from_json(note)
    return node


def _with_old_notes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the node of an earlier version's table with notes in place of their words."""
    index, heads = node["index"], node["columns"]["levels"][0][1]
    chosen = [(column, read_cell) for head, column in zip(heads, node["data"], strict=True) if head in OLD_CELLS]
    chosen += [
        (level, read_pair) for name, level in zip(index["names"], index["levels"], strict=True) if name == OLD_LABELS
    ]
    for column, read_one in chosen:
        values = [read_one(value) if isinstance(value, str) else value for value in column[1]]
        if any(isinstance(value, Note) for value in values):
            column[:] = ["object", values]
    return node


def _axis(index: pd.Index[Any]) -> dict[str, Any]:
    levels = range(index.nlevels)
    values = [index.get_level_values(level) for level in levels]
    return {
        "names": list(index.names),
        "several": isinstance(index, pd.MultiIndex),
        "levels": [[str(level.dtype), level.tolist()] for level in values],
    }


def _read_axis(node: Mapping[str, Any]) -> pd.Index[Any]:
    levels: list[pd.Index[Any]] = [pd.Index(values, dtype=dtype) for dtype, values in node["levels"]]
    if node["several"]:
        return pd.MultiIndex.from_arrays(levels, names=node["names"])
    return levels[0].rename(node["names"][0])


def _scalar(value: object) -> object:
    """Return NumPy's scalars, which occur in columns of mixed types, as Python's."""
    if isinstance(value, np.generic) and isinstance(plain := value.item(), str | int | float | bool):
        return plain
    raise TypeError(f"{type(value).__name__} cannot be stored")
