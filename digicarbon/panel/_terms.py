"""Terms that are more than a column: powers, lags, differences, interactions and dummies, read as a formula."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.result import Constituent, MadeOf

if TYPE_CHECKING:
    from digicarbon.panel.base import Panel


HIGHEST_POWER = 9
LOG_PREFIX = "ln_"

SPELLING = Note("spelling_of_terms")
"""The forms that a term may have, for messages to users who know another program's spelling."""

_NAME = r"[^\W\d][\w .()]*?"
_OPERATED = re.compile(
    rf"(?:(?P<operator>[LFD])(?P<order>\d*)\.)?(?P<variable>{_NAME})(?:(?:\^|\*\*)(?P<power>\d+))?\Z"
)
_CENTRED = re.compile(
    rf"center\(\s*(?:(?P<operator>[LFD])(?P<order>\d*)\.)?(?P<variable>{_NAME})\s*\)(?:(?:\^|\*\*)(?P<power>\d+))?\Z"
)
_DUMMIES = re.compile(rf"C\((?P<variable>{_NAME})(?:\s*,\s*ref\s*=\s*(?P<reference>[^(),:]+?))?\s*\)\Z")
_CODES = re.compile(rf"code\((?P<variable>{_NAME})\)\Z")
_LAGGED = re.compile(r"(?P<operator>[LFD])(?P<order>\d*)\.(?P<variable>[\w][\w .-]*)\Z")
"""A lag, a lead or a difference of a column with a hyphen or a digit in front, which other terms cannot name."""
_STARS = re.compile(r"\*\*(?=\d+(?::|\Z))")


@dataclass(frozen=True)
class Atom:
    """A variable, its lag (L), lead (F) or difference (D) of an order; ``centred`` without its mean."""

    variable: str
    operator: str = ""
    order: int = 0
    centred: bool = False

    @property
    def name(self) -> str:
        """The name of its column, e.g. ``L2.ln_e`` or ``center(ln_e)``."""
        plain = f"{self.operator}{self.order if self.order > 1 else ''}{'.' if self.operator else ''}{self.variable}"
        return f"center({plain})" if self.centred else plain

    @property
    def uncentred(self) -> Atom:
        """The atom with its mean."""
        return replace(self, centred=False)

    @property
    def weights(self) -> dict[int, float]:
        """The atom as a weighted sum: lag (negative for leads) to factor; factors of a difference are binomial."""
        if self.operator == "D":
            factors, factor = {}, 1.0
            for lag in range(self.order + 1):
                factors[lag] = factor
                factor *= -(self.order - lag) / (lag + 1)
            return factors
        return {{"": 0, "L": self.order, "F": -self.order}[self.operator]: 1.0}


@dataclass(frozen=True)
class Factor:
    """A power of an atom, the dummies of a variable's values less a reference, or these values numbered."""

    atom: Atom
    power: int = 1
    dummies: bool = False
    numbered: bool = False
    reference: str | None = None


def numbered(variable: str) -> str:
    """Return the term of a variable's values as numbers, by which models read groups of rows from text, too."""
    return f"code({variable})"


@lru_cache(4096)
def canonical(term: str) -> str:
    """Return a term with powers written ``x^2``; ``x**2`` is also allowed, since a shell needs no quotes for it."""
    return _STARS.sub("^", term.strip())


def without_logarithms(variable: str) -> str:
    """Return the variable that a logarithm is of, or the variable itself."""
    while variable.startswith(LOG_PREFIX):
        variable = variable.removeprefix(LOG_PREFIX)
    return variable


@lru_cache(4096)
def parse(term: str) -> tuple[Factor, ...] | None:
    """Return the factors of a term, or None if it is a mere name or cannot be read.

    ``term``: ``a^2`` (a power), ``L.a``, ``L2.a`` (a lag), ``F.a`` (a lead), ``D.a`` (a difference), all within units;
    ``C(a)`` (dummies of a's values), ``C(a, ref=b)`` (of all values but b); ``code(a)`` (a's values numbered, as models
    read groups); ``center(a)`` (less its mean over the rows of the panel that are left once all lags are made), also
    ``center(a)^2`` and ``center(L.a)``; factors joined by ``:`` (an interaction).
    """
    parts = term.split(":")
    factors = [_factor(part.strip()) for part in parts]
    readable = tuple(factor for factor in factors if factor is not None)
    if len(readable) < len(parts) or (len(readable) == 1 and readable[0] == Factor(Atom(term))):
        return None
    return readable


def _factor(text: str) -> Factor | None:
    if match := _DUMMIES.match(text):
        return Factor(Atom(match["variable"]), dummies=True, reference=match["reference"])
    if match := _CODES.match(text):
        return Factor(Atom(match["variable"]), dummies=True, numbered=True)
    centred = _CENTRED.match(text)
    match = centred or _OPERATED.match(text)
    lagged = None if match is not None and match["operator"] else _LAGGED.match(text)
    if centred is None and lagged is not None and int(lagged["order"] or 1) > 0:
        return Factor(Atom(lagged["variable"], lagged["operator"], int(lagged["order"] or 1)))
    if match is None:
        return None
    order, power = int(match["order"] or 1), int(match["power"] or 1)
    if order < 1 or not 1 <= power <= HIGHEST_POWER:
        return None
    operator = match["operator"] or ""
    return Factor(Atom(match["variable"], operator, order if operator else 0, centred is not None), power)


@lru_cache(4096)
def constituents(term: str) -> MadeOf:
    """Return the constituents of a term without dummies, as results record them."""
    factors = parse(term) or (Factor(Atom(term)),)
    return tuple(_constituent(factor) for factor in factors)


def _constituent(factor: Factor, level: str = "") -> Constituent:
    atom = factor.atom
    return Constituent(atom.variable, atom.operator, atom.order, factor.power, level, atom.centred)


def spelt(part: Constituent) -> str:
    """Return a constituent as a term is written, e.g. ``L.ln_e^2``; a dummy as its column is called."""
    power = f"^{part.power}" if part.power > 1 else ""
    level = f"[{part.level}]" if part.level else ""
    return f"{Atom(part.variable, part.operator, part.order, part.centred).name}{power}{level}"


def made_of(panel: Panel, terms: Sequence[str], among: Sequence[str]) -> dict[str, MadeOf]:
    """Return the constituents of the columns of terms, by the names that `evaluate` gives them."""
    constituents_of: dict[str, MadeOf] = {}
    for term in terms:
        factors = parse(term) or ()
        if not any(factor.dummies for factor in factors):
            mere = _is_mere_column(panel, term, factors)
            constituents_of[term] = (Constituent(term),) if mere else constituents(term)
            continue
        cells: dict[str, MadeOf] = {
            _prefix(term): tuple(_constituent(factor) for factor in factors if not factor.dummies)
        }
        for factor in factors:
            if factor.dummies:
                group = factor.atom.variable
                cells = {
                    _cell(name, group, level): (*parts, _constituent(factor, str(level)))
                    for name, parts in cells.items()
                    for level in panel.levels(group)[0]
                }
        names = evaluate(panel, tuple(dict.fromkeys([*among, term])))[1][term]
        constituents_of |= {name: cells[name] for name in names if name in cells}
    return constituents_of


def _is_mere_column(panel: Panel, term: str, factors: tuple[Factor, ...]) -> bool:
    """Return whether data have a column that is called like a power or product, but holds something else."""
    names = [factor.atom.name for factor in factors]
    # a single lag is its own column: nothing to compare it with
    if names in ([], [term]) or not all(map(panel.has, (term, *names))):
        return False
    memory = panel.columns[term].memory if term in panel.columns else {}
    key = ("product of", *((panel.columns.get(factor.atom.name), factor.power) for factor in factors))
    if key not in memory:
        value = np.prod([panel.column(factor.atom.name) ** factor.power for factor in factors], axis=0)
        memory[key] = bool(np.allclose(panel.column(term), value, rtol=1e-6, atol=0, equal_nan=True))
    return not memory[key]


def variables_of(terms: Sequence[str]) -> tuple[str, ...]:
    """Return the variables in terms, each once, e.g. ``ln_e`` for ``L.ln_e^2``."""
    names: list[str] = []
    for term in terms:
        factors = parse(term)
        names += [term] if factors is None else [factor.atom.variable for factor in factors]
    return tuple(dict.fromkeys(names))


def evaluate(panel: Panel, terms: Sequence[str]) -> tuple[Panel, dict[str, tuple[str, ...]]]:
    """Return the panel with a column for each term, and the names of each term's columns, dummies spelt out.

    Terms are columns, ``ln_`` of columns, or what `parse` reads. Rows that have no lag, lead or difference are left
    out. ``C(zone)`` gives ``zone[east]`` and so on without the first value, ``a:C(zone)`` gives ``a:zone[east]`` and so
    on, without the first value if ``a`` is a term as well; ``C(zone, ref=west)`` leaves out west in both.

    A `DataError` says that a variable is not a column, holds text outside of ``C()``, lacks the reference, or no row
    has the lag.
    """
    if panel.columns.keys() >= set(terms) or all(map(panel.has, terms)):
        # the usual case in a sweep, whose panels have the columns of their terms already
        return panel, {term: (term,) for term in terms}
    parsed = {term: None if panel.has(term) else parse(term) or _logarithm(panel, term) for term in terms}
    atoms = [factor.atom for factors in parsed.values() for factor in factors or () if not factor.dummies]
    extended = _with_atoms(panel, list(dict.fromkeys(atoms)))
    columns: dict[str, FloatArray] = {}
    names: dict[str, tuple[str, ...]] = {}
    for term, factors in parsed.items():
        own = {} if factors is None else _columns(extended, term, factors, terms)
        columns |= own
        names[term] = tuple(own) or (term,)
    return (extended.with_columns(columns) if columns else extended), names


def _logarithm(panel: Panel, term: str) -> tuple[Factor, ...] | None:
    """Return the factors of a term ``ln_x`` if the panel has x, else None."""
    return (Factor(Atom(term)),) if panel.has(term.removeprefix(LOG_PREFIX)) else None


def _values(panel: Panel, name: str) -> FloatArray:
    """Return a column, or the logarithm of one where ``name`` is ``ln_`` and a column; gaps included."""
    base = name.removeprefix(LOG_PREFIX)
    if panel.has(name) or not panel.has(base):
        panel.require_column(name)
        return panel.column(name)
    panel.require_column(base)
    values = panel.column(base)
    low = np.flatnonzero(values <= 0)
    if len(low):
        raise DataError(Note("no_logarithm", term=name, column=base, cells=panel.cells(low, values)))
    return np.log(values)


def _with_atoms(panel: Panel, atoms: Sequence[Atom]) -> Panel:
    """Return the panel with a column for each atom, without the rows that lack a lag; centred ones come last."""
    new: dict[str, FloatArray] = {}
    complete = np.ones(len(panel.unit_codes), dtype=bool)
    centred = [atom for atom in atoms if atom.centred and not panel.has(atom.name)]
    # a mean is that of the rows that are left
    for atom in dict.fromkeys([*(one for one in atoms if not one.centred), *(one.uncentred for one in centred)]):
        if panel.has(atom.name):
            continue
        values = _values(panel, atom.variable)
        total = np.zeros(len(complete))
        for lag, factor in atom.weights.items():
            source = panel.rows_before(lag)
            complete &= source >= 0
            total += factor * values[source]
        new[atom.name] = total
        if not complete.any():
            raise DataError(Note("no_row_with_lag", term=atom.name, periods=cut(panel.periods)))
    made = panel.with_columns(new).rows(complete) if new else panel
    if not centred:
        return made
    made.require([atom.uncentred.name for atom in centred])
    return made.with_columns({atom.name: _less_mean(made.column(atom.uncentred.name)) for atom in centred})


def _less_mean(values: FloatArray) -> FloatArray:
    return np.asarray(values - values.mean())


def _columns(panel: Panel, term: str, factors: tuple[Factor, ...], terms: Sequence[str]) -> dict[str, FloatArray]:
    """Return the columns of one term by name."""
    if factors[0].numbered:
        return {term: panel.levels(factors[0].atom.variable)[1].astype(np.float64)}
    numbers = [factor for factor in factors if not factor.dummies]
    value = np.ones(len(panel.unit_codes))
    for factor in numbers:
        panel.require([factor.atom.name])
        value = value * panel.column(factor.atom.name) ** factor.power
    groups = [factor for factor in factors if factor.dummies]
    if not groups:
        return {term: value}
    prefix = _prefix(term)
    parts, others = _parts(term), {_parts(other) for other in terms} | {frozenset[str]()}
    columns = {prefix: value}
    every_cell = True
    for factor in groups:
        group = factor.atom.variable
        try:
            levels, codes = panel.levels(group)
        except DataError as error:
            raise error.anew(Note("in_term", term=term, said=error)) from error
        if len(levels) == 1:
            raise DataError(Note("one_value_only", term=term, column=group, value=levels[0]))
        # R's rule: a factor loses its first value if the term without it is in the model (the constant always is)
        left_out = levels[0] if frozenset(part for part in parts if _factor(part) != factor) in others else None
        if factor.reference is not None:
            left_out = factor.reference
            if left_out not in levels:
                raise DataError(Note("no_reference", term=term, column=group, value=left_out, levels=cut(levels)))
        every_cell &= left_out is None
        columns = {
            _cell(name, group, level): column * (codes == code)
            for name, column in columns.items()
            for code, level in enumerate(levels)
            if level != left_out
        }
    if every_cell and _parts(prefix) in others:
        # all cells add up to a term that the model has already
        columns.pop(next(iter(columns)))
    return {name: column for name, column in columns.items() if column.any()}


def _prefix(term: str) -> str:
    """Return a term without its dummies."""
    return ":".join(part for part in term.split(":") if not _DUMMIES.match(part.strip()))


def _cell(prefix: str, group: str, level: object) -> str:
    """Return the name of the column for one value of a variable, after the factors before its dummies."""
    return f"{prefix}{':' if prefix else ''}{group}[{level}]"


def _parts(term: str) -> frozenset[str]:
    """Return the factors of a term, without order; the empty set for an empty term."""
    return frozenset(part.strip() for part in term.split(":") if part)
