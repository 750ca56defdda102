"""Terms that are more than a column: powers, lags, differences, interactions and dummies, read as a formula."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from digicarbon.errors import DataError, listing, nearest

if TYPE_CHECKING:
    from digicarbon.panel.base import Panel

FloatArray = NDArray[np.float64]

HIGHEST_POWER = 9

_NAME = r"[^\W\d][\w .()]*?"
_OPERATED = re.compile(
    rf"(?:(?P<operator>[LFD])(?P<order>\d*)\.)?(?P<variable>{_NAME})(?:(?:\^|\*\*)(?P<power>\d+))?\Z"
)
_DUMMIES = re.compile(rf"C\((?P<variable>{_NAME})\)\Z")
_STARS = re.compile(r"\*\*(?=\d+(?::|\Z))")


@dataclass(frozen=True)
class Atom:
    """A variable at one or several moments.

    Attributes
    ----------
    variable : str
    operator : {"", "L", "F", "D"}
        The variable itself, its lag, its lead, its difference.
    order : int
    """

    variable: str
    operator: str = ""
    order: int = 0

    @property
    def name(self) -> str:
        """The name of its column, e.g. ``L2.ln_e``."""
        return f"{self.operator}{self.order if self.order > 1 else ''}{'.' if self.operator else ''}{self.variable}"

    @property
    def weights(self) -> dict[int, float]:
        """What the atom is a sum of: lag (negative for leads) -> factor; differences of order d are binomial."""
        if self.operator == "D":
            factors, factor = {}, 1.0
            for lag in range(self.order + 1):
                factors[lag] = factor
                factor *= -(self.order - lag) / (lag + 1)
            return factors
        return {{"": 0, "L": self.order, "F": -self.order}[self.operator]: 1.0}


@dataclass(frozen=True)
class Factor:
    """A power of an atom, or the dummies of a variable's values."""

    atom: Atom
    power: int = 1
    dummies: bool = False


def canonical(term: str) -> str:
    """Return a term with powers written ``x^2``; ``x**2`` is the spelling that a shell takes without quotes."""
    return _STARS.sub("^", term.strip())


def parse(term: str) -> tuple[Factor, ...] | None:
    """Return the factors of a term, or None if it is no more than a name or nothing that can be read.

    Parameters
    ----------
    term : str
        ``a^2`` (a power), ``L.a``, ``L2.a`` (a lag), ``F.a`` (a lead), ``D.a`` (a difference), all within units;
        ``C(a)`` (dummies of a's values); factors joined by ``:`` (an interaction).
    """
    parts = term.split(":")
    factors = [_factor(part.strip()) for part in parts]
    found = tuple(factor for factor in factors if factor is not None)
    if len(found) < len(parts) or (len(found) == 1 and found[0] == Factor(Atom(term))):
        return None
    return found


def _factor(text: str) -> Factor | None:
    if match := _DUMMIES.match(text):
        return Factor(Atom(match["variable"]), dummies=True)
    match = _OPERATED.match(text)
    if match is None:
        return None
    order, power = int(match["order"] or 1), int(match["power"] or 1)
    if order < 1 or not 1 <= power <= HIGHEST_POWER:
        return None
    operator = match["operator"] or ""
    return Factor(Atom(match["variable"], operator, order if operator else 0), power)


def evaluate(panel: Panel, terms: Sequence[str]) -> tuple[Panel, tuple[str, ...]]:
    """Return the panel with a column for each term, and the names of these columns, dummies spelt out.

    Parameters
    ----------
    panel : Panel
    terms : sequence of str
        Columns, or what `parse` reads.

    Returns
    -------
    panel : Panel
        Without the rows that have no lag, lead or difference.
    names : tuple of str
        One per column; ``C(region)`` gives ``region[east]`` and so on without the first value, ``a:C(region)`` gives
        ``a:region[east]`` and so on, without the first value if ``a`` is a term as well.

    Raises
    ------
    DataError
        If a variable is not a column, holds text outside of ``C()``, or no row has the lag.
    """
    parsed = {term: None if panel.has(term) else parse(term) for term in terms}
    wanted = [factor.atom for factors in parsed.values() for factor in factors or () if not factor.dummies]
    full = _with_atoms(panel, list(dict.fromkeys(wanted)))
    made: dict[str, FloatArray] = {}
    names: list[str] = []
    for term, factors in parsed.items():
        if factors is None:
            names.append(term)
            continue
        found = _columns(full, term, factors, terms)
        made |= found
        names += found
    return (full.with_columns(made) if made else full), tuple(names)


def _with_atoms(panel: Panel, atoms: Sequence[Atom]) -> Panel:
    """Return the panel with a column for each lag and difference, without the rows that have none."""
    new: dict[str, FloatArray] = {}
    alive = np.ones(len(panel.unit_codes), dtype=bool)
    for atom in atoms:
        if panel.has(atom.name):
            continue
        if not panel.has(atom.variable):
            raise DataError(
                f"The panel has no column '{atom.variable}'.{nearest(atom.variable, panel.names)} "
                f"Columns: {listing(panel.names, 40)}."
            )
        panel.refuse_text(atom.variable)
        values = panel.column(atom.variable)
        total = np.zeros(len(alive))
        for lag, factor in atom.weights.items():
            source = panel.rows_before(lag)
            alive &= source >= 0
            total += factor * values[source]
        new[atom.name] = total
        if not alive.any():
            raise DataError(
                f"No row of the panel has {atom.name}: it needs other periods of the same unit, and the panel has "
                f"{listing(panel.periods)}."
            )
    return panel.with_columns(new).rows(alive) if new else panel


def _columns(panel: Panel, term: str, factors: tuple[Factor, ...], terms: Sequence[str]) -> dict[str, FloatArray]:
    """Return the columns of one term by name."""
    numbers = [factor for factor in factors if not factor.dummies]
    value = np.ones(len(panel.unit_codes))
    for factor in numbers:
        panel.require([factor.atom.name])
        value = value * panel.column(factor.atom.name) ** factor.power
    groups = [factor.atom.variable for factor in factors if factor.dummies]
    if not groups:
        return {term: value}
    prefix = ":".join(part for part in term.split(":") if not _DUMMIES.match(part.strip()))
    found = {prefix: value}
    for group in groups:
        levels, codes = panel.levels(group)
        # a reference value is left out unless each value has a slope of its own
        first = 0 if prefix and prefix not in terms else 1
        found = {
            f"{name}{':' if name else ''}{group}[{level}]": column * (codes == code)
            for name, column in found.items()
            for code, level in list(enumerate(levels))[first:]
        }
    return found
