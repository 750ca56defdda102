"""The columns of terms, computed once for all runs that share a panel and a sample."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from digicarbon.panel._columns import Column
from digicarbon.panel._terms import Atom, parse
from digicarbon.panel.base import Panel

if TYPE_CHECKING:
    from digicarbon.panel.design import PanelDesign

Adjust = Callable[[Panel, Sequence[str]], Panel]
"""Takes the sample and the names of its variables, e.g. winsorises them."""

PANELS = 64, 1024
"""The least and the largest number of cached panels: a sweep uses all its sets of terms several times."""
CELLS = 4_000_000
"""Largest number of values in the cached panels if no two share a column; the least number of panels may exceed it."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Selection:
    """Takes terms from a panel, as `PanelDesign.take` says, and caches what the next run needs again.

    Each variable is computed once and cut once per set of rows; the resulting panels share these columns and what fits
    compute from them. The cache is bounded: it holds the last panels and the last sets of rows.

    Parameters
    ----------
    design : PanelDesign
    panel : Panel
        All units and periods, so that the first period of a sample has its lag.
    keep : ndarray of bool, shape (rows,), optional
        The rows of the sample; None keeps all.
    adjust : callable, optional
        Takes the sample and the names of its variables, before powers and interactions are computed.
    """

    def __init__(
        self, design: PanelDesign, panel: Panel, keep: NDArray[np.bool_] | None = None, adjust: Adjust | None = None
    ) -> None:
        self.design, self.panel, self.adjust = design, panel, adjust
        self.keep = np.ones(len(panel.index), dtype=bool) if keep is None else keep
        least, most = PANELS
        self._most = min(max(least, CELLS // max(self.keep.size * len(panel.columns), 1)), most)
        self._needs: dict[str, tuple[dict[str, Atom], tuple[str, ...], bool]] = {}
        self._atoms: dict[str, tuple[Column, NDArray[np.bool_] | None]] = {}
        self._parts: OrderedDict[bytes, _Part] = OrderedDict()
        self._panels: OrderedDict[tuple[str, ...], Panel] = OrderedDict()

    def __reduce__(self) -> tuple[Any, ...]:
        return Selection, (self.design, self.panel, self.keep, self.adjust)

    def take(self, terms: Sequence[str]) -> Panel:
        """Return the panel with the columns for ``terms``, without gaps.

        Raises
        ------
        DataError
            If a term cannot be computed, a logarithm meets a value of zero or below, or a value is missing.
        """
        names = tuple(dict.fromkeys(terms))
        return _cached(self._panels, names, lambda: self._take(names), self._most)

    def _take(self, terms: tuple[str, ...]) -> Panel:
        atoms: dict[str, Atom] = {}
        groups: list[str] = []
        products: list[str] = []
        for term in terms:
            own, dummies, product = self._need(term)
            atoms |= own
            groups += dummies
            products += [term] if product else []
        columns = {name: self._column(name, atom) for name, atom in atoms.items() if name not in self.panel.text}
        complete = self.keep
        for _, exists in columns.values():
            complete = complete if exists is None else complete & exists
        part = self._part(complete)
        known = [*atoms, *(name for name in groups if name in self.panel.columns)]
        without_gaps = part.with_atoms(columns).complete_rows(known, self.design.gaps)
        if without_gaps is not None and not without_gaps.all():
            part = self._part(part.among(without_gaps))
        panel = part.with_atoms(columns)
        if self.adjust is None:
            return panel.with_columns({term: part.product(term, panel) for term in products}).with_terms(terms)
        adjusted = self.adjust(panel, list(atoms)).complete(known, self.design.gaps)
        if adjusted is panel:
            adjusted = panel.with_columns({term: part.product(term, panel) for term in products})
        return adjusted.with_terms(terms)

    def _need(self, term: str) -> tuple[dict[str, Atom], tuple[str, ...], bool]:
        """Return a term's atoms, the variables of its dummies, and whether it is a product of atoms alone."""
        if term not in self._needs:
            factors = None if self.design.is_plain(self.panel, term) else parse(term)
            if factors is None:
                self._needs[term] = {term: Atom(term)}, (), False
            else:
                own = {factor.atom.name: factor.atom for factor in factors if not factor.dummies}
                dummies = tuple(factor.atom.variable for factor in factors if factor.dummies)
                self._needs[term] = own, dummies, not dummies and term not in own
        return self._needs[term]

    def _column(self, name: str, atom: Atom) -> tuple[Column, NDArray[np.bool_] | None]:
        """Return an atom on all rows, and which rows have it (None: every row of the sample)."""
        if name not in self._atoms:
            value, exists = self.design.atom(self.panel, name, atom, self.keep)
            self._atoms[name] = Column(value), None if exists[self.keep].all() else exists
        return self._atoms[name]

    def _part(self, rows: NDArray[np.bool_]) -> _Part:
        return _cached(self._parts, rows.tobytes(), lambda: _Part(self.panel, rows), 32)


class _Part:
    """Some rows of a panel, with the columns that were computed for them."""

    def __init__(self, panel: Panel, rows: NDArray[np.bool_]) -> None:
        self.rows, self.whole = rows, bool(rows.all())
        self.panel = panel.rows(rows)
        self.columns: dict[str, Column] = {}

    def with_atoms(self, atoms: dict[str, tuple[Column, NDArray[np.bool_] | None]]) -> Panel:
        """Return these rows with a column for each atom."""
        for name, (column, _) in atoms.items():
            if name not in self.columns:
                self.columns[name] = column if self.whole else column.cut(self.rows)
        return self.panel.with_columns({name: self.columns[name] for name in atoms})

    def product(self, term: str, panel: Panel) -> Column:
        """Return the column of a power or a product, whose atoms ``panel`` has."""
        if term not in self.columns:
            self.columns[term] = panel.with_terms([term]).columns[term]
        return self.columns[term]

    def among(self, part: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return some of these rows as rows of the whole panel."""
        rows = np.zeros(len(self.rows), dtype=bool)
        rows[np.flatnonzero(self.rows)[part]] = True
        return rows


def _cached(store: OrderedDict[K, T], key: K, make: Callable[[], T], most: int) -> T:
    """Return the value under a key, made if it is missing; beyond ``most``, the one used longest ago is dropped."""
    if key not in store:
        store[key] = make()
        if len(store) > most:
            store.popitem(last=False)
    else:
        store.move_to_end(key)
    return store[key]
