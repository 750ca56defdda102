"""A run in the form in which it is written: a row that becomes MLflow's records, and tables of rows."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa

from digicarbon.result import Asked, Result
from digicarbon.tracking._code import provenance
from digicarbon.tracking._codec import encode
from digicarbon.tracking._entry import Entry
from digicarbon.tracking._metrics import LONGEST_NAME, clean, metrics, renamed
from digicarbon.tracking._yaml import to_yaml

LONGEST_PARAM = 6000
LONGEST_TAG = 8000
HASH = "digicarbon.hash"
PARENT = "mlflow.parentRunId"
CONFIG = "digicarbon.config"
"""Tag of a run with its composed configuration as YAML. One that is too long for a tag is the file `CONFIG_FILE`."""
CONFIG_FILE = "config.yaml"
SIGN = "digicarbon.sign"
"""Tag of a run: ``+``, ``-``, ``+*`` or ``-*``, the sign of its focal effect with a star if it is significant."""
QUANTITY = "digicarbon.quantity"
"""Tag of a run: the kind of number of ``focal.effect`` and the sign: coefficient, direct, indirect or total."""
TERM = "digicarbon.term"
"""Tag of a run: the term of ``focal.effect`` and the sign."""
BOUNDARY = "digicarbon.boundary"
"""Tag of a run: parameters at an end of their range, e.g. ``rho``."""
EXPERIMENT = "digicarbon.experiment"
"""Tag of a sweep with its experiment's name: several experiments can share one of MLflow's."""
OVERRIDES = "digicarbon.overrides"
"""Tag of a sweep with the overrides of the command line; a sweep without overrides lacks it."""
WHY = "digicarbon.error_note"
"""Tag of a run that failed: the code and fields of its error as JSON, by which a report says it in any language."""
ERROR = "error.txt"
"""The file of a run that failed: sentence and traceback."""
KIND, SWEEP = "digicarbon.kind", "sweep"
"""Tag that distinguishes sweeps from their runs, and its value."""
SWEEP_KEY = "digicarbon.sweep_key"
"""Tag of a sweep: equal for sweeps of the same runs under the same name."""
OPENED = "digicarbon.opened"
"""Tag of a sweep: when a command last began or continued it, in milliseconds since the epoch."""
FAMILIES = ("params", "tags", "metrics")
"""Fields that become a column per key, e.g. ``metrics.nobs``."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Row:
    """One run, with names and lengths that MLflow accepts.

    Attributes
    ----------
    run_id : str
        Chosen here; a server chooses its own, and keeps this one in the tag ``digicarbon.delivery``.
    hash, label, status, error : str
        ``error`` holds sentence and traceback.
    start, end : int
        Milliseconds since the epoch.
    data_name, data_digest, data_profile : str
    config : str
        The composed configuration as YAML.
    result : str
        The result as JSON; empty for a failed run.
    replaces : str
        Id of the run of the same hash in this sweep that this run replaces; empty if there is none.
    params, tags : mapping of str to str
    metrics : mapping of str to float
    """

    run_id: str
    hash: str
    label: str
    status: str
    error: str
    start: int
    end: int
    data_name: str
    data_digest: str
    data_profile: str
    config: str
    result: str
    replaces: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def name(self) -> str:
        """The run's name in MLflow."""
        return self.label[:LONGEST_NAME]

    @property
    def all_tags(self) -> dict[str, str]:
        """The run's tags and its configuration: a folder and a file for each run would cost more than the rest."""
        return {**self.tags, **({} if self._long else {CONFIG: self.config})}

    @property
    def files(self) -> dict[str, bytes]:
        """The run's own files by name; most runs have none."""
        error = {ERROR: self.error.encode()} if self.error else {}
        return {**({CONFIG_FILE: self.config.encode()} if self._long else {}), **error}

    @property
    def _long(self) -> bool:
        return len(self.config) > LONGEST_TAG


PLAIN = tuple(field.name for field in fields(Row) if field.name not in FAMILIES)
TYPES: Mapping[str, Any] = {"start": pa.int64(), "end": pa.int64()}


def batch(entries: Sequence[Entry], parent_id: str, replaced: Mapping[str, str]) -> list[Row]:
    """Return entries as rows to write under a parent.

    Parameters
    ----------
    entries : sequence of Entry
    parent_id : str
    replaced : mapping of str to str
        Ids of runs of the sweep that are replaced, by hash.
    """
    # a database keeps runs in the order of their ids: with neighbouring ids a batch costs the same in a large store as
    # in an empty one; all ids differ in their first ten letters
    prefix = uuid.uuid4().hex[:6]
    return [
        _row(entry, f"{prefix}{position:04x}{uuid.uuid4().hex[:22]}", parent_id, replaced)
        for position, entry in enumerate(entries)
    ]


def _row(entry: Entry, run_id: str, parent_id: str, replaced: Mapping[str, str]) -> Row:
    key = entry.tags.get(HASH, "")
    names = "" if entry.result is None else renamed(entry.result)
    numbers = {} if entry.result is None else metrics(entry.result, entry.asked)
    tags = {
        PARENT: parent_id,
        "digicarbon.kind": "specification",
        **provenance(),
        **entry.tags,
        **({"digicarbon.metric_names": names} if names else {}),
        **({"digicarbon.reused_from": entry.reused_from} if entry.reused_from else {}),
        **sign(entry.result, entry.asked),
        **({"digicarbon.error": entry.error.split("\n")[0]} if entry.error else {}),
        **_why(entry),
    }
    return Row(
        run_id=run_id,
        hash=key,
        label=entry.label,
        status="FAILED" if entry.error else "FINISHED",
        error=entry.error,
        start=entry.start,
        end=entry.end,
        data_name=entry.data_name,
        data_digest=entry.data_digest,
        data_profile=entry.data_profile,
        config=to_yaml(entry.config),
        result=_text(entry),
        replaces=replaced.get(key, "") if key else "",
        params={clean(key): value[:LONGEST_PARAM] for key, value in entry.params.items()},
        tags={key: value[:LONGEST_TAG] for key, value in tags.items()},
        metrics=numbers,
    )


def sign(result: Result | None, asked: Asked) -> dict[str, str]:
    """Return the tags by which MLflow groups runs.

    They are the sign of the effect, starred if significant, its quantity and its term, and the parameters at an end of
    their range.

    Parameters
    ----------
    result : Result or None
    asked : Asked
        Which number is the effect, and what is significant.
    """
    if result is None:
        return {}
    at_end = {BOUNDARY: ", ".join(result.boundary)} if result.boundary else {}
    effect = result.effect(asked)
    if effect is None:
        return at_end
    term, coef, p = effect
    significant = p < (1 - result.inference.level if asked.level is None else asked.level)
    mark = "+" if coef > 0 else "-" if coef < 0 else "0"
    return {SIGN: f"{mark}{'*' if significant else ''}", QUANTITY: asked.quantity, TERM: term, **at_end}


def _why(entry: Entry) -> dict[str, str]:
    """Return the tag of the error's note; a note that is too long for a tag leaves the sentence alone."""
    content = "" if entry.why is None else json.dumps(entry.why.to_json(), ensure_ascii=False)
    return {WHY: content} if 0 < len(content) <= LONGEST_TAG else {}


def _text(entry: Entry) -> str:
    """Return the result as text; empty if it cannot be stored, so that the run is fitted again when needed."""
    try:
        return "" if entry.result is None else encode(entry.result)
    except TypeError:
        return ""


def table(rows: Sequence[Row]) -> pa.Table:
    """Return rows as an Arrow table: a column per field, and one per param, tag and metric."""
    columns = {name: pa.array([getattr(one, name) for one in rows], TYPES.get(name, pa.string())) for name in PLAIN}
    for family in FAMILIES:
        kind = pa.float64() if family == "metrics" else pa.string()
        cells: dict[str, list[Any]] = {}
        for position, one in enumerate(rows):
            for key, value in getattr(one, family).items():
                cell = cells.get(key)
                if cell is None:
                    cell = cells[key] = [None] * len(rows)
                cell[position] = value
        columns |= {f"{family}.{key}": pa.array(cell, kind) for key, cell in cells.items()}
    return pa.table(columns)


def rows(content: pa.Table) -> list[Row]:
    """Return the rows of a table of `table`.

    Raises
    ------
    ValueError, KeyError
        If it is another table.
    """
    for column in (content[name] for name in PLAIN):
        if column.null_count:
            raise ValueError("a field is empty")
    for field in content.schema:
        number = pa.float64() if field.name.startswith("metrics.") else pa.string()
        if field.type != TYPES.get(field.name, number):
            raise ValueError(f"{field.name} is of another type")
    result = []
    for record in content.to_pylist():
        families: dict[str, Any] = {family: {} for family in FAMILIES}
        for column, value in record.items():
            family, _, key = column.partition(".")
            if family in families and value is not None:
                families[family][key] = value
        result.append(Row(**(families | {name: record[name] for name in PLAIN})))
    return result
