"""The runs of a sweep in the order of its experiment, as a file that is stored before the first fit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from digicarbon.note import Note, note_of
from digicarbon.note.recorded import read_all

ROSTER = "runs.parquet"
"""The roster's name among the files of a sweep."""
_MORE = b"digicarbon"
"""Key of the file's metadata for facts that belong to no single run."""


@dataclass(frozen=True, eq=False)
class Planned:
    """A run as it was planned: what reports need and results do not hold.

    Attributes
    ----------
    hash, label : str
    options : mapping of str to str
        The option of each config group.
    values : mapping of str to object
        The choices in which this run differs from others.
    twins : tuple of str
        Further columns with the same fit.
    simulated : bool
    notes : tuple of Note
        Notes on the preparation of its data.
    column : str or None
        The experiment's column that it belongs to.
    """

    hash: str
    label: str
    options: Mapping[str, str]
    values: Mapping[str, Any]
    twins: tuple[str, ...] = ()
    simulated: bool = False
    notes: tuple[Note, ...] = ()
    column: str | None = None


@dataclass(frozen=True, eq=False)
class Roster:
    """All runs of a sweep.

    Attributes
    ----------
    runs : sequence of Planned
    skipped : sequence of (str, Note)
        Choices that cannot run, with the reason.
    excluded : int
        Combinations that the experiment leaves out.
    failed : sequence of (str, Note)
        Columns that cannot run, with the reason.
    """

    runs: Sequence[Planned]
    skipped: Sequence[tuple[str, Note]] = ()
    excluded: int = 0
    failed: Sequence[tuple[str, Note]] = ()

    def to_bytes(self) -> bytes:
        """Return it as the content of a Parquet file: equal texts are kept once."""
        texts = _Texts()
        columns: dict[str, Any] = {
            "hash": [run.hash for run in self.runs],
            "label": [run.label for run in self.runs],
            "options": [texts.of(run.options) for run in self.runs],
            "values": [_text(run.values) for run in self.runs],
            "twins": [_text(run.twins) if run.twins else "[]" for run in self.runs],
            "simulated": pa.array([run.simulated for run in self.runs], pa.bool_()),
            "notes": [texts.of(run.notes) for run in self.runs],
            "column": [run.column for run in self.runs],
        }
        arrays = {name: x if name == "simulated" else pa.array(x, pa.string()) for name, x in columns.items()}
        more = _text({"skipped": list(self.skipped), "excluded": self.excluded, "failed": list(self.failed)})
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table(arrays).replace_schema_metadata({_MORE: more.encode()}), sink, compression="zstd")
        content: bytes = sink.getvalue().to_pybytes()
        return content

    @classmethod
    def read(cls, path: Path) -> Roster:
        """Return what `to_bytes` wrote.

        Raises
        ------
        OSError, ValueError, KeyError
            If the file is damaged.
        """
        table = pq.read_table(path)
        more = json.loads((table.schema.metadata or {})[_MORE])
        known: dict[str, Any] = {}
        notes_of: dict[str, tuple[Note, ...]] = {}

        def once(text: str) -> Any:
            if text not in known:
                known[text] = json.loads(text)
            return known[text]

        def notes_from(text: str) -> tuple[Note, ...]:
            if text not in notes_of:
                notes_of[text] = read_all(json.loads(text))
            return notes_of[text]

        names = ("hash", "label", "options", "values", "twins", "simulated", "notes")
        # an earlier version did not keep the columns
        columns = table["column"].to_pylist() if "column" in table.column_names else [None] * table.num_rows
        runs = [
            Planned(key, label, once(options), once(values), tuple(once(twins)), simulated, notes_from(notes), column)
            for key, label, options, values, twins, simulated, notes, column in zip(
                *(table[name].to_pylist() for name in names), columns, strict=True
            )
        ]
        # an earlier version kept sentences, and no columns that cannot run
        skipped, failed = ([(label, _why(why)) for label, why in more.get(key, ())] for key in ("skipped", "failed"))
        return cls(runs, skipped, more["excluded"], failed)


def _why(node: Any) -> Note:
    return Note.from_json(node) if isinstance(node, Mapping) else note_of(str(node))


class _Texts:
    """Computes the text of each object once: thousands of runs share their options."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[object, str]] = {}

    def of(self, content: object) -> str:
        if id(content) not in self._known:
            # the object is kept too, since the id of a deleted object can be reused
            self._known[id(content)] = (content, _text(content))
        return self._known[id(content)][1]


def _text(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    return value.to_json() if isinstance(value, Note) else str(value)
