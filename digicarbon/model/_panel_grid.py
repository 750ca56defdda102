"""Columns of a panel over units and all periods of its calendar, and lags that lose no rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.panel._terms import Atom, parse
from digicarbon.result import MadeOf


def columns_read(term: str) -> list[str]:
    """Return what a term reads of a panel, lags and differences left to be taken: ``L.w`` reads ``w``."""
    factors = parse(term) or ()
    if not any(factor.atom.operator for factor in factors):
        return [term]
    return [f"C({factor.atom.variable})" if factor.dummies else factor.atom.variable for factor in factors]


def covers(name: str, term: str) -> bool:
    """Return whether a name means a regressor: the term itself, or a lag or difference of what is named."""
    factors = parse(term) or ()
    return name == term or (len(factors) == 1 and factors[0].power == 1 and factors[0].atom.variable == name)


def deepest_lag(term: str) -> int:
    """Return the longest lag in a term."""
    return max((max(factor.atom.weights) for factor in parse(term) or ()), default=0)


class PanelGrid:
    """Terms of a panel as arrays of units by periods, not-a-number where there is no row or no lag.

    `Panel.with_terms` leaves rows without a lag out; the outcome of such a row is still an instrument, so that a
    dynamic model must keep it. A `DataError` says that a column is missing, holds text, or lacks a value in a row.
    """

    def __init__(self, panel: Panel, terms: Iterable[str]) -> None:
        wanted = list(dict.fromkeys(terms))
        absent: dict[str, BoolArray] = {}
        for term in wanted:
            for factor in () if panel.has(term) else parse(term) or ():
                if factor.atom.operator and factor.atom.centred:
                    raise DataError(Note("centred_lag", term=term))
                if factor.atom.operator and not panel.has(factor.atom.name):
                    panel, absent[factor.atom.name] = _with_lag(panel, factor.atom)
        made = panel.with_terms(wanted)
        # a term alone may have a dummy more than beside the others
        every = made.expanded(wanted)
        self._names = {term: tuple(name for name in made.expanded([term]) if name in every) for term in wanted}
        made.require(every)
        nowhere = np.zeros(len(panel.unit_codes), dtype=bool)
        self._absent: dict[str, BoolArray] = {}
        for term in wanted:
            atoms = [factor.atom.name for factor in parse(term) or ()]
            missing = np.logical_or.reduce([absent.get(name, nowhere) for name in (term, *atoms)])
            for name in self._names[term]:
                self._absent[name] = missing
        self._panel = made
        self._years = years = panel.positions
        self.shape = (len(panel.units), int(years[-1]) + 1)

    def names(self, terms: Iterable[str]) -> tuple[str, ...]:
        """Return the columns of terms, dummies spelt out."""
        return tuple(name for term in terms for name in self._names[term])

    def made_of(self, terms: Iterable[str]) -> dict[str, MadeOf]:
        """Return what each column of terms is made of."""
        found: dict[str, MadeOf] = {}
        for term in terms:
            every = self._panel.made_of([term])
            found |= {name: every[name] for name in self._names[term]}
        return found

    def values(self, name: str) -> FloatArray:
        """Return a column, shape (N, T)."""
        out = np.full(self.shape, np.nan)
        at = (self._panel.unit_codes, self._years[self._panel.period_codes])
        out[at] = np.where(self._absent[name], np.nan, self._panel.column(name))
        return out

    def stack(self, names: Iterable[str]) -> FloatArray:
        """Return columns, shape (N, T, k)."""
        found = [self.values(name) for name in names]
        return np.stack(found, axis=-1) if found else np.empty((*self.shape, 0))

    def period_name(self, position: int) -> str:
        """Return the name of the period at a position of the calendar."""
        return str(self._panel.periods[int(np.flatnonzero(self._years == position)[0])])


def _with_lag(panel: Panel, atom: Atom) -> tuple[Panel, BoolArray]:
    """Return the panel with a lag or difference, zero where it does not exist, and where that is."""
    panel.require([atom.variable])
    values, total = panel.column(atom.variable), np.zeros(len(panel.unit_codes))
    absent = np.zeros(len(total), dtype=bool)
    for lag, factor in atom.weights.items():
        source = panel.rows_before(lag)
        absent |= source < 0
        total += factor * values[source]
    return panel.with_columns({atom.name: np.where(absent, 0.0, total)}), absent
