"""A run in the form in which it is written: a row that becomes MLflow's records, and tables of rows.

Names and values are checked by the rules of MLflow before anything is written: SQL would accept what its client
refuses. Tests compare the rules with its own validators, whose import would cost more than a sweep of hundreds of runs.
"""

from __future__ import annotations

import json
import math
import os
import posixpath
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache
from itertools import chain, count
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from digicarbon.arrays import FloatArray
from digicarbon.config.yaml_text import dumped
from digicarbon.disk.frames import Lists
from digicarbon.note import Note
from digicarbon.numeric.significance import stars_of
from digicarbon.result import Result, RunEffect
from digicarbon.tracking._code import provenance
from digicarbon.tracking._results import encode

if TYPE_CHECKING:
    import pandas as pd

LONGEST_NAME = 250
ESTIMATED = ("coef", "se", "p")
"""The columns of estimates and effects that become metrics."""


def metrics(
    result: Result, run_effect: RunEffect | None = None, lists: Mapping[str, Lists] | None = None
) -> dict[str, float]:
    """Return a result's numbers under MLflow names, finite ones only.

    ``coef.<term>``, ``se.<term>`` and ``p.<term>`` for every term; ``<effect>.<term>`` with ``.se`` and ``.p`` for
    effects of focal terms; statistics by their own name; ``<table>.<row>.<column>`` for further
    tables whose rows have names. ``focal.*``
    repeats the first focal term under a name that all runs share, so that runs with different measures can be compared;
    ``focal.effect`` is the requested number, by default the total effect, see `Result.effect`, with ``.se`` and
    ``.p``; it is absent if no single number is the effect.
    Terms are named as in `term_names`.
    """
    out: dict[str, float] = {}
    focal = result.focal[:1]
    named = term_names(result)
    # arrays, not tables: a DataFrame costs more time than the fit
    own = tuple(named[term] for term in result.terms)
    # of a term that stands twice, the last
    places = {term: place for place, term in enumerate(result.terms) if term in focal}
    for column in ESTIMATED if own else ():
        values = result.estimate_columns[column].tolist()
        out.update(zip(_of_column(column, own), values, strict=True))
        out.update((f"focal.{column}", values[place]) for place in places.values())
    for effect in result.effect_names:
        terms, columns = result.effects_of(effect)
        for term, coef, se, p in zip(terms, *(columns[column].tolist() for column in ESTIMATED), strict=True):
            if term in result.focal:
                name = f"{effect}.{named[term]}"
                out |= {name: coef, f"{name}.se": se, f"{name}.p": p}
            if focal == (term,):
                out |= {f"focal.{effect}": coef, f"focal.{effect}.se": se, f"focal.{effect}.p": p}
    effect_of_run = result.effect_numbers(run_effect or RunEffect())
    if effect_of_run is not None:
        _, out["focal.effect"], out["focal.effect.se"], out["focal.effect.p"], *_ = effect_of_run
    out |= {name: float(value) for name, value in result.statistics.items()}
    for name, table in result.tables.items():
        if name not in result.listings and not _only_numbered(table):
            out |= _cells(name, (lists or {}).get(name) or Lists.of(table))
    cleaned = distinct(tuple(out))
    return {cleaned[name]: value for name, value in out.items() if math.isfinite(value)}


@lru_cache(maxsize=1000)
def _of_column(column: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{column}.{name}" for name in names)


def _cells(name: str, table: Lists) -> dict[str, float]:
    """Return the numbers of a table by table, row and column."""
    rows = [".".join(map(str, (name, *key))) for key in zip(*(values for _, values in table.rows), strict=True)]
    heads = list(zip(*(values for _, values in table.heads), strict=True))
    columns = [str(head[0] if len(head) == 1 else head) for head in heads]
    cells = zip(*(values for _, values in table.columns), strict=True)
    return {
        f"{row}.{column}": float(value)
        for row, values in zip(rows, cells, strict=False)
        for column, value in zip(columns, values, strict=True)
        if isinstance(value, (float, Real))
    }


def _only_numbered(table: pd.DataFrame) -> bool:
    """Return whether rows have no names, e.g. hundreds of draws, which are in the table."""
    import pandas as pd

    return isinstance(table.index, pd.RangeIndex)


def term_names(result: Result) -> Mapping[str, str]:
    """Return the name of each term in MLflow: its own name with ``_`` for signs that MLflow refuses.

    Terms of one result that would share a name get different ones, see `distinct`.
    """
    effects = () if result.spatial_effects is None else result.spatial_effects.terms
    return distinct(tuple(dict.fromkeys((*result.terms, *effects))))


def renamed(result: Result) -> str:
    """Return a sentence on the terms whose names were changed to differ; empty if there are none."""
    names = [f"{term} is '{name}'" for term, name in term_names(result).items() if name != clean(term)]
    return f"Names of metrics: {', '.join(names)}, since another term has the shorter name." if names else ""


@lru_cache(maxsize=1000)
def distinct(names: tuple[str, ...]) -> Mapping[str, str]:
    """Return MLflow's name for each of some names, no two alike.

    Names keep their usual spelling (`clean`) unless several would share one. Then a name that MLflow accepts
    unchanged stays; of the others ``a:b`` becomes ``a by b`` and ``a^2`` ``a to 2``; names that are still equal get
    numbers.
    """
    usual = [clean(name) for name in names]
    if len(set(usual)) == len(usual):
        return dict(zip(names, usual, strict=True))
    result = {name: name for name, plain in zip(names, usual, strict=True) if name == plain}
    for name, plain in zip(names, usual, strict=True):
        if name in result:
            continue
        alone = usual.count(plain) == 1
        base = plain if alone else clean(name.replace(":", " by ").replace("^", " to "))
        number, candidate = 1, base
        while candidate in result.values():
            number += 1
            candidate = f"{base[: LONGEST_NAME - 5]} {number}"
        result[name] = candidate
    return {name: result[name] for name in names}


@lru_cache(maxsize=100_000)
def clean(name: str) -> str:
    """Return a name as MLflow accepts it on every system: letters, digits, and _ - . space."""
    # it allows : on some systems, and / makes folders
    return "".join(letter if letter.isalnum() or letter in "_-. " else "_" for letter in name)[:LONGEST_NAME]


@dataclass(frozen=True, eq=False)
class Entry:
    """The record of one run."""

    label: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    """``digicarbon.hash`` is the run's content hash, by which it is found again."""
    config: Mapping[str, Any] | str
    """The composed configuration, as plain values or as YAML text. A mapping is quick if runs share the nodes of its
    groups: each node is turned into YAML once."""
    result: Result | None
    """None for a failed run."""
    error: str
    """The sentence of a failed run, and its traceback."""
    start: int
    end: int
    """`start`, `end`: milliseconds since the epoch."""
    data: Data
    reused_from: str = ""
    """Id of the run in another sweep whose result was copied; empty for a run that was fitted now."""
    run_effect: RunEffect = field(default_factory=RunEffect)
    """Which number of the result is the run's effect."""
    why: Note | None = None
    """The sentence of a failed run as a note, without secrets."""


MOST_TEXTS = 20_000
_TEXTS: dict[tuple[str, str], str] = {}
_GROUPS: dict[tuple[str, int], tuple[Mapping[str, Any], str]] = {}
"""Texts of groups by the object itself, which is kept so that its id is not reused."""


def to_yaml(config: Mapping[str, Any] | str) -> str:
    """Return a configuration as YAML text, its groups in their order; a group must not be changed afterwards."""
    if isinstance(config, str):
        return config
    return "".join([_text(key, value) for key, value in config.items()])


def _text(key: str, value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return _once(f"top {key}", value, lambda: dumped({key: value}))
    known = _GROUPS.get((key, id(value)))
    if known is None:
        text = f"{key}:\n{''.join(_field(name, own) for name, own in value.items())}"
        if len(_GROUPS) >= MOST_TEXTS:
            _GROUPS.clear()
        known = _GROUPS[key, id(value)] = (value, text)
    return known[1]


def _field(name: str, value: Any) -> str:
    """Return a group's field, indented: runs differ in few of them, most often in a list of the same terms."""
    if type(value) is list and value and (head := _once(f"head of {name}", None, lambda: _head(name))):
        return f"{head}{''.join(map(_item, value))}"
    return _once(f"field {name}", value, lambda: dumped({"group": {name: value}}).partition("\n")[2])


def _head(name: str) -> str:
    """Return the line before the items of a list; empty where YAML has another form for a name, e.g. a long one."""
    text = dumped({"group": {name: [0]}}).partition("\n")[2]
    return text.removesuffix("  - 0\n") if text.count("\n") == 2 and text.endswith(":\n  - 0\n") else ""


def _item(value: Any) -> str:
    """Return an item of a list, indented."""
    return _once("item", value, lambda: dumped({"group": {"list": [value]}}).split("\n", 2)[2])


def _once(what: str, value: Any, make: Callable[[], str]) -> str:
    # repr distinguishes 1, 1.0, True and '1', and costs a hundredth of YAML
    known = (what, repr(value))
    if known not in _TEXTS:
        if len(_TEXTS) >= MOST_TEXTS:
            _TEXTS.clear()
        _TEXTS[known] = make()
    return _TEXTS[known]


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
"""Tag of a run: the spatial parameters for which it has no effect, at or beyond an end of their range, e.g. ``rho``."""
EXPERIMENT = "digicarbon.experiment"
"""Tag of a sweep with its experiment's name: several experiments can share one of MLflow's."""
PEAK_MEMORY = "digicarbon.peak_memory"
"""The tag of a sweep with the bytes of its largest process."""
OVERRIDES = "digicarbon.overrides"
"""Tag of a sweep with the overrides of the command line; a sweep without overrides lacks it."""
DESCRIPTION = "mlflow.note.content"
"""Tag of a run or an experiment with the Markdown that MLflow shows on its page."""
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


class Data(NamedTuple):
    """A data set of runs as MLflow lists it.

    ``digest``: fingerprint, 36 characters at most. ``profile``: its size as JSON.
    """

    name: str
    digest: str
    profile: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Row:
    """One run, with names and lengths that MLflow accepts."""

    run_id: str
    """Chosen here; a server chooses its own, and keeps this one in the tag ``digicarbon.delivery``."""
    hash: str
    label: str
    status: str
    error: str
    """Sentence and traceback."""
    start: int
    end: int
    """`start`, `end`: milliseconds since the epoch."""
    data_name: str
    data_digest: str
    data_profile: str
    config: str
    """The composed configuration as YAML."""
    result: str
    """The result as JSON; empty for a failed run."""
    replaces: str
    """Id of the run of the same hash in this sweep that this run replaces; empty if there is none."""
    description: str
    """Markdown for the run's page in MLflow. It is not kept with the results, which have all its numbers."""
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def name(self) -> str:
        """The run's name in MLflow."""
        return self.label[:LONGEST_NAME]

    @property
    def data(self) -> Data:
        """The run's data set."""
        return Data(self.data_name, self.data_digest, self.data_profile)

    @property
    def all_tags(self) -> dict[str, str]:
        """The run's tags and its configuration: a folder and a file for each run would cost more than the rest."""
        description = {DESCRIPTION: self.description} if self.description else {}
        return {**self.tags, **description, **({} if self._long else {CONFIG: self.config})}

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


def batch(
    entries: Sequence[Entry], parent_id: str, replaced: Mapping[str, str], named: Iterator[str] | None = None
) -> list[Row]:
    """Return entries as rows to write under a parent.

    ``replaced``: ids of runs of the sweep that are replaced, by hash. ``named``: ids of runs, see `ids`; by default
    those of a new batch.
    """
    # each step is taken for all runs before the next one, so that its code stays in the processor's cache
    lists = [{} if one.result is None else {k: Lists.of(v) for k, v in one.result.tables.items()} for one in entries]
    numbers = [
        {} if one.result is None else metrics(one.result, one.run_effect, own)
        for one, own in zip(entries, lists, strict=True)
    ]
    results = [_encoded(one, own) for one, own in zip(entries, lists, strict=True)]
    configs = [to_yaml(one.config) for one in entries]
    descriptions = [_description(one) for one in entries]
    tags = [_tags(one, parent_id) for one in entries]
    return [
        Row(
            run_id=run_id,
            hash=entry.tags.get(HASH, ""),
            label=entry.label,
            status="FAILED" if entry.error else "FINISHED",
            error=entry.error,
            start=entry.start,
            end=entry.end,
            data_name=entry.data.name,
            data_digest=entry.data.digest,
            data_profile=entry.data.profile,
            config=config,
            result=result,
            replaces=replaced.get(entry.tags[HASH], "") if HASH in entry.tags else "",
            description=description,
            params={clean(key): value[:LONGEST_PARAM] for key, value in entry.params.items()},
            tags=own,
            metrics=own_numbers,
        )
        for entry, run_id, config, result, description, own, own_numbers in zip(
            entries, named or ids(), configs, results, descriptions, tags, numbers, strict=False
        )
    ]


def ids() -> Iterator[str]:
    """Yield the ids of a batch, without end."""
    # a database keeps runs in the order of their ids: with neighbouring ids a batch costs the same in a large store as
    # in an empty one; all ids differ in their first ten letters
    prefix = uuid.uuid4().hex[:6]
    return (f"{prefix}{position:04x}{uuid.uuid4().hex[:22]}" for position in count())


def _tags(entry: Entry, parent_id: str) -> dict[str, str]:
    names = "" if entry.result is None else renamed(entry.result)
    tags = {
        PARENT: parent_id,
        "digicarbon.kind": "specification",
        **provenance(),
        **entry.tags,
        **({"digicarbon.metric_names": names} if names else {}),
        **({"digicarbon.reused_from": entry.reused_from} if entry.reused_from else {}),
        **sign(entry.result, entry.run_effect),
        **({"digicarbon.error": entry.error.split("\n")[0]} if entry.error else {}),
        **_why(entry),
    }
    tags.pop(DESCRIPTION, None)
    return {key: value[:LONGEST_TAG] for key, value in tags.items()}


MOST_LINES = 40
"""Largest number of terms in the table of a run's page."""


def _description(entry: Entry) -> str:
    """Return a run's estimates and effects as a Markdown table, and its notes below."""
    result, notes = entry.result, entry.tags.get(DESCRIPTION, "")
    if result is None or not result.terms:
        return notes
    lines = [f"| {result.y} | coef. | s.e. | p |", "|---|---:|---:|---:|"]
    lines += _lines(result.terms, result.estimate_columns)
    for effect in result.effect_names:
        lines += _lines(*result.effects_of(effect), f"{effect}: ")
    more = len(lines) - MOST_LINES - 2
    if more > 0:
        lines[MOST_LINES + 2 :] = [f"| … {more} more in the metrics | | | |"]
    return "\n".join(lines + (["", notes] if notes else []))[:LONGEST_TAG]


def _lines(terms: Sequence[str], columns: Mapping[str, FloatArray], before: str = "") -> list[str]:
    numbers = (columns[name].tolist() for name in ESTIMATED)
    # a bar would end the cell
    return [
        f"| {before}{term.replace('|', '/')} | {coef:.4g} | {se:.4g} | {p:.4f} |"
        for term, coef, se, p in zip(terms, *numbers, strict=True)
    ]


def sign(result: Result | None, run_effect: RunEffect) -> dict[str, str]:
    """Return the tags by which MLflow groups runs.

    They are the sign of the effect, starred if significant, its quantity and its term, and the spatial parameters
    at or beyond an end of their range.
    """
    if result is None:
        return {}
    at_end = {BOUNDARY: ", ".join(result.ends)} if result.ends else {}
    effect = result.effect(run_effect)
    if effect is None:
        return at_end
    term, coef, p = effect
    level = 1 - result.inference.level if run_effect.level is None else run_effect.level
    mark = "+" if coef > 0 else "-" if coef < 0 else "0"
    return {SIGN: f"{mark}{stars_of(p, [level])}", QUANTITY: result.quantity(run_effect), TERM: term, **at_end}


def _why(entry: Entry) -> dict[str, str]:
    """Return the tag of the error's note; a note that is too long for a tag leaves the sentence alone."""
    content = "" if entry.why is None else json.dumps(entry.why.to_json(), ensure_ascii=False)
    return {WHY: content} if 0 < len(content) <= LONGEST_TAG else {}


def _encoded(entry: Entry, lists: Mapping[str, Lists]) -> str:
    """Return the result as text; empty if it cannot be stored, so that the run is fitted again when needed."""
    try:
        return "" if entry.result is None else encode(entry.result, lists)
    except TypeError:
        return ""


def table(rows: Sequence[Row]) -> pa.Table:
    """Return rows as an Arrow table: a column per field, and one per param, tag and metric."""
    columns = {name: pa.array([getattr(one, name) for one in rows], TYPES.get(name, pa.string())) for name in PLAIN}
    for family in FAMILIES:
        kind = pa.float64() if family == "metrics" else pa.string()
        values = [getattr(one, family) for one in rows]
        for key in dict.fromkeys(chain.from_iterable(values)):
            columns[f"{family}.{key}"] = pa.array([own.get(key) for own in values], kind)
    return pa.table(columns)


def rows(content: pa.Table) -> list[Row]:
    """Return the rows of a table of `table`.

    Raises ValueError, KeyError if it is another table.
    """
    if "description" not in content.column_names:
        # an earlier version wrote none
        content = content.append_column("description", pa.array([""] * content.num_rows, pa.string()))
    for column in (content[name] for name in PLAIN):
        if column.null_count:
            raise ValueError("a field is empty")
    for entry in content.schema:
        number = pa.float64() if entry.name.startswith("metrics.") else pa.string()
        if entry.type != TYPES.get(entry.name, number):
            raise ValueError(f"{entry.name} is of another type")
    result = []
    for record in content.to_pylist():
        families: dict[str, Any] = {family: {} for family in FAMILIES}
        for column, value in record.items():
            family, _, key = column.partition(".")
            if family in families and value is not None:
                families[family][key] = value
        result.append(Row(**(families | {name: record[name] for name in PLAIN})))
    return result


NAME = re.compile(r"[/\w.\- ]+" if os.name == "nt" else r"[/\w.\- :]+")
LONGEST_DATA_NAME = 500
LONGEST_DIGEST = 36
LONGEST_PROFILE = 16_777_215
LONGEST_SHOWN = 80
MOST_NAMES = 100_000
KINDS = {"parameter": Note("store_parameter"), "tag": Note("store_tag"), "metric": Note("store_metric")}
_KNOWN: set[str] = set()


class RefusedError(ValueError):
    """A run holds a name or a value that MLflow does not accept."""


def validate(row: Row) -> None:
    """Check a run's names and lengths; a `RefusedError` says what MLflow would not accept."""
    for kind, names in (("parameter", row.params), ("tag", row.tags), ("metric", row.metrics)):
        # most names repeat from run to run, so each is checked once
        if not _KNOWN.issuperset(names):
            for name in names:
                check_name(kind, name)
            if len(_KNOWN) > MOST_NAMES:
                _KNOWN.clear()
            _KNOWN.update(names)
    for kind, texts, longest in (("parameter", row.params, LONGEST_PARAM), ("tag", row.tags, LONGEST_TAG)):
        for name, text in texts.items():
            # almost every text is short enough
            if len(text) > longest:
                check_value(kind, name, text, longest)
    check_data(row.data)


def check_name(kind: str, name: str) -> None:
    """Check the name of a parameter, tag or metric, which may become the path of a file; see `validate`."""
    if not NAME.fullmatch(name):
        raise RefusedError(Note("store_name_signs", kind=KINDS[kind], name=name[:LONGEST_SHOWN]))
    if posixpath.normpath(name) != name or name == "." or name.startswith(("..", "/")):
        raise RefusedError(Note("store_name_path", kind=KINDS[kind], name=name[:LONGEST_SHOWN]))
    if len(name) > LONGEST_NAME:
        raise _too_long(Note("store_name_of", kind=KINDS[kind], name=name[:LONGEST_SHOWN]), name, LONGEST_NAME)


def check_value(kind: str, name: str, text: str, longest: int) -> None:
    """Check the length of the value of a parameter or tag; see `validate`."""
    if len(text) > longest:
        raise _too_long(Note("store_value_of", kind=KINDS[kind], name=name), text, longest)


def _too_long(what: Note, value: str, longest: int) -> RefusedError:
    return RefusedError(Note("store_too_long", what=what, characters=len(value), most=longest))


def check_data(data: Data) -> None:
    """Check the description of a data set; see `validate`."""
    if len(data.name) > LONGEST_DATA_NAME:
        raise _too_long(Note("store_data_name"), data.name, LONGEST_DATA_NAME)
    if len(data.digest) > LONGEST_DIGEST:
        raise _too_long(Note("store_data_fingerprint"), data.digest, LONGEST_DIGEST)
    if len(data.profile) > LONGEST_PROFILE:
        raise _too_long(Note("store_data_profile"), data.profile, LONGEST_PROFILE)
