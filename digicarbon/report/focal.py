"""Focal numbers of runs in compact columns, read in one pass over any number of runs."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.panel import LOG_PREFIX, constituents
from digicarbon.plan.choice import said
from digicarbon.report.base import Record
from digicarbon.result import EFFECT, REGRESSOR, SHOWN, MadeOf, Result
from digicarbon.result import Quantity as Quantity

AS_CONFIGURED = "as configured"
"""The value of a key that a run does not change."""
COLUMN = "column"
"""The key for the experiment's columns, in addition to the keys of the configuration."""
MOST_LISTED = 12
"""Largest number of keys or values that an error lists."""
IN_PIECES = Note("several_pieces")
"""The note on runs whose focal terms are pieces of an effect."""


class _Words(NamedTuple):
    """What a quantity is called: before "effect", in a sentence, as its first word, in the plural, with an article."""

    before: Note
    effect: Note
    head: Note
    heads: Note
    article: Note


_WORDS = {
    "coefficient": _Words(Note("coefficient"), Note("coefficient"), Note("one_coefficient"),
                          Note("head_coefficients"), Note("a_coefficient")),
    "direct": _Words(Note("direct"), Note("direct_effect"), Note("one_direct_effect"),
                     Note("head_direct_effects"), Note("a_direct_effect")),
    "indirect": _Words(Note("indirect"), Note("indirect_effect"), Note("one_indirect_effect"),
                       Note("head_indirect_effects"), Note("an_indirect_effect")),
    "total": _Words(Note("total"), Note("total_effect"), Note("one_total_effect"),
                    Note("head_total_effects"), Note("a_total_effect")),
    "long_direct": _Words(Note("long_direct"), Note("long_direct_effect"), Note("one_long_direct_effect"),
                          Note("head_long_direct_effects"), Note("a_long_direct_effect")),
    "long_indirect": _Words(Note("long_indirect"), Note("long_indirect_effect"), Note("one_long_indirect_effect"),
                            Note("head_long_indirect_effects"), Note("a_long_indirect_effect")),
    "long_total": _Words(Note("long_total"), Note("long_total_effect"), Note("one_long_total_effect"),
                         Note("head_long_total_effects"), Note("a_long_total_effect")),
}  # fmt: skip


def before_effect(quantity: Quantity) -> Note:
    """Return a quantity before the word "effect"."""
    return _WORDS[quantity].before if quantity in _WORDS else Note("effect_name", name=quantity)


def effect_of(quantity: Quantity) -> Note:
    """Return what a quantity is called within a sentence."""
    if quantity == EFFECT:
        return Note("one_effect")
    return _WORDS[quantity].effect if quantity in _WORDS else Note("named_effect", name=quantity)


def head_of(quantity: Quantity) -> Note:
    """Return a quantity as the first word of a sentence."""
    return _WORDS[quantity].head if quantity in _WORDS else Note("named_effect", name=quantity)


def heads_of(quantity: Quantity) -> Note:
    """Return the same in the plural."""
    return _WORDS[quantity].heads if quantity in _WORDS else Note("named_effects", name=quantity)


def one_of(quantity: Quantity) -> Note:
    """Return a quantity with its article."""
    return _WORDS[quantity].article if quantity in _WORDS else Note("named_effect", name=quantity)


def refuse_other(key: str, choice: str, varied: Collection[str]) -> None:
    """Raise a `ConfigError` if runs do not differ in a choice that a report's field ``key`` names."""
    if choice not in varied:
        listed = cut(varied, MOST_LISTED) or Note("nothing_varied")
        raise ConfigError(Note("not_varied", key=key, choice=choice, hint=suggestion(choice, varied), varied=listed))


class Texts:
    """A column of texts as whole numbers, four bytes each."""

    def __init__(self) -> None:
        self._codes = array("i")
        self._known: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, text: str, times: int = 1) -> None:
        """Append a text several times."""
        code = self._known.setdefault(text, len(self._known))
        self._codes.extend([code] * times)

    def column(self) -> pd.Series[Any]:
        """Return the column; categories are in the order in which they were added."""
        values = pd.Categorical.from_codes(np.array(self._codes, dtype=np.int32), categories=pd.Index(self._known))
        return pd.Series(values)

    @property
    def values(self) -> list[str]:
        """The distinct texts."""
        return list(self._known)


@dataclass(eq=False)
class Focal:
    """The numbers of the focal terms of many runs."""

    runs: int = 0
    """How many fits there are, including those without a focal term."""
    again: int = 0
    """How many records show a fit that is already counted."""
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    """A row per run and focal term: record (its position), term, coef, se, p, low, high, and the value of each varied
    key."""
    varied: dict[str, dict[str, None]] = field(default_factory=dict)
    """The values of each key over all records."""
    notes: Counter[Note] = field(default_factory=Counter)
    """How many records have each note."""
    outcomes: dict[str, None] = field(default_factory=dict)
    """Each once, in the order of the records."""
    outcome_of: list[str] = field(default_factory=list)
    """The outcome of each record."""
    mean_of: list[str] = field(default_factory=list)
    """Of each record: over what its focal effect is a mean, see `Result.means`; empty where it does not say."""
    logarithms: set[str] = field(default_factory=set)
    """The terms and outcomes that are a logarithm at any one moment."""
    powers: set[int] = field(default_factory=set)
    pieces: set[int] = field(default_factory=set)
    """Positions of records with a power of the first focal term, and of those whose first focal term is a piece of an
    effect, see `Result`."""
    boundary: dict[int, str] = field(default_factory=dict)
    """Records without a row, because a spatial parameter is at the end of its range: parameter by position."""
    beyond: set[int] = field(default_factory=set)
    """Those of them whose estimate is an interior maximum, beyond the range of W itself."""
    absent: dict[str, str] = field(default_factory=dict)
    """By key, the value of records on which the key has no effect. A value that other records choose is left out."""
    regimes: dict[str, set[MadeOf]] = field(default_factory=dict)
    """What terms of regimes are made of; several where records have other variables or numbers of thresholds."""
    labels: list[str] = field(default_factory=list)
    """The labels of all records."""
    lacking: list[frozenset[str]] = field(default_factory=list)
    """The keys that have no effect on each record."""
    simulated: bool = False
    """Whether the data of any record are simulated."""
    coverage: dict[float, None] = field(default_factory=dict)
    """What the intervals of the records cover."""

    def boundary_notes(self) -> tuple[Note, ...]:
        """Return a note for each parameter at the end of its range, which excludes records."""
        ends = Counter((name, position in self.beyond) for position, name in self.boundary.items())
        return tuple(
            Note("runs_beyond" if beyond else "runs_at_boundary", runs=many, parameter=name)
            for (name, beyond), many in ends.items()
        )

    def whole(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the rows of effects, and those of pieces of effects, which are no effects of the whole sample."""
        apart = self.rows["record"].isin(self.pieces)
        return self.rows[~apart], self.rows[apart]

    def pieces_notes(self) -> tuple[Note, ...]:
        """Return the note on records whose coefficients are pieces of effects, if there are any."""
        return (Note("counted_in_pieces", runs=len(self.pieces), pieces=IN_PIECES),) if self.pieces else ()


@dataclass
class _Columns:
    records: array[int] = field(default_factory=lambda: array("i"))
    numbers: tuple[array[float], ...] = field(default_factory=lambda: tuple(array("d") for _ in SHOWN))
    terms: Texts = field(default_factory=Texts)
    choices: dict[str, Texts] = field(default_factory=dict)


def focal(records: Sequence[Record], quantity: Quantity = "coefficient", by_column: bool = False) -> Focal:
    """Return the focal numbers of records, each fit once; records are read once, in order.

    The quantity is as in `Result.focal_numbers`; by column: the experiment's column of a run is also a key, `COLUMN`.
    """
    focal_runs, columns = Focal(), _Columns()
    taken: set[tuple[str, str]] = set()
    # one object for all records that have it
    sets: dict[tuple[str, ...], frozenset[str]] = {}
    for position, record in enumerate(records):
        result = record.result
        focal_runs.labels.append(record.label)
        focal_runs.lacking.append(sets.setdefault(record.lacking, frozenset(record.lacking)))
        focal_runs.simulated |= record.simulated
        focal_runs.coverage[result.inference.level] = None
        focal_runs.outcome_of.append(result.y)
        means = result.means
        focal_runs.mean_of.append(next((means[term] for term in result.focal if term in means), ""))
        if record.again:
            focal_runs.again += 1
            continue
        focal_runs.notes.update(list(dict.fromkeys(result.notes)))
        focal_runs.outcomes[result.y] = None
        focal_runs.logarithms |= logarithms_of(result)
        focal_runs.powers |= {position} if result.has_powers else set()
        focal_runs.pieces |= {position} if result.in_pieces else set()
        focal_runs.boundary |= {position: result.end} if result.end else {}
        focal_runs.beyond |= {position} if result.end_beyond else set()
        for term, role in zip(result.terms, result.roles, strict=False):
            if any(part.regimes for part in role.made_of):
                focal_runs.regimes.setdefault(term, set()).add(role.made_of)
        of_column = {COLUMN: record.column} if by_column and record.column is not None else {}
        values = of_column | {key: text_of(value) for key, value in record.varied.items()}
        for key in values:
            # earlier runs have a new key as configured
            focal_runs.varied.setdefault(key, {AS_CONFIGURED: None} if focal_runs.runs else {})
        focal_runs.absent |= {key: values[key] for key in record.lacking}
        taken |= {item for item in values.items() if item[0] not in record.lacking}
        for key, options in focal_runs.varied.items():
            options[values.get(key, AS_CONFIGURED)] = None
        _add(columns, position, values, list(result.focal_numbers(quantity)))
        focal_runs.runs += 1
    focal_runs.absent = {key: value for key, value in focal_runs.absent.items() if (key, value) not in taken}
    choices = {key: texts.column() for key, texts in columns.choices.items()}
    numbers = dict(zip(SHOWN, (np.array(column) for column in columns.numbers), strict=True))
    names = {"record": np.array(columns.records, dtype=np.int32), "term": columns.terms.column()}
    focal_runs.rows = pd.DataFrame({**choices, **names, **numbers})
    return focal_runs


def logarithms_of(result: Result) -> set[str]:
    """Return the focal terms and the outcome of a result that are logarithms, or lags of them."""
    roles = dict(zip(result.terms, result.roles, strict=False))
    made_of = {term: roles.get(term, REGRESSOR).made_of or constituents(term) for term in result.focal}
    made_of[result.y] = constituents(result.y)
    return {term for term, parts in made_of.items() if _is_logarithm(parts)}


def in_levels(names: Iterable[str]) -> list[str]:
    """Return the outcomes that are neither logarithms nor lags or differences of them, each once."""
    made_of = {name: constituents(name) for name in names}
    return [name for name, parts in made_of.items() if not (parts and parts[0].variable.startswith(LOG_PREFIX))]


def _is_logarithm(parts: MadeOf) -> bool:
    # the difference of a logarithm is a rate of growth
    return bool(parts) and parts[0].operator in ("", "L") and parts[0].variable.startswith(LOG_PREFIX)


def text_of(value: Any) -> str:
    """Return a value as labels and tables show it."""
    return f"[{', '.join(map(said, value))}]" if isinstance(value, list | tuple) else said(value)


def members_of(text: str) -> list[str]:
    """Return the members of a list as `text_of` writes it, in an order that is equal for equal members."""
    return sorted(text.removeprefix("[").removesuffix("]").split(", "))


def _add(columns: _Columns, record: int, values: dict[str, str], focal_numbers: list[tuple[str, list[float]]]) -> None:
    earlier = len(columns.records)
    for term, numbers in focal_numbers:
        columns.records.append(record)
        columns.terms.add(term)
        for column, number in zip(columns.numbers, numbers, strict=True):
            column.append(number)
    for key in values:
        if key not in columns.choices:
            columns.choices[key] = Texts()
            columns.choices[key].add(AS_CONFIGURED, earlier)
    for key, texts in columns.choices.items():
        texts.add(values.get(key, AS_CONFIGURED), len(focal_numbers))
