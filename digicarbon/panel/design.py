"""How raw series become the columns of a panel: derived variables, logarithms, span and gaps."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from digicarbon.errors import ConfigError, DataError, listing, nearest
from digicarbon.panel.base import Gaps, Panel
from digicarbon.spec import Spec

LogRule = Literal["strict", "log1p", "drop"]
LOG_PREFIX = "ln_"

_ARITHMETIC = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.Name, ast.Load, ast.Constant,
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.USub, ast.UAdd,
)  # fmt: skip


class PanelDesign(Spec):
    """How the panel is put together.

    A term ``ln_name`` of a model is the natural logarithm of the column ``name``, unless a column ``ln_name`` exists.

    Attributes
    ----------
    first, last : int or None
        First and last period; None takes all.
    derive : mapping of str to str
        New columns as arithmetic on columns, e.g. ``pgdp: gdp / population``. Only those that a model needs are made.
    log : {"strict", "log1p", "drop"}
        What a logarithm does with a value of zero or below: refuse it; take ln(1 + value), for every value of that
        column; or leave the observation out (the panel is then not balanced).
    gaps : {"refuse", "drop_units", "keep"}
        What to do with a unit that lacks a period or a needed value.
    """

    role: ClassVar[str] = "panel"

    first: int | None = None
    last: int | None = None
    derive: dict[str, str] = Field(default_factory=dict)
    log: LogRule = "strict"
    gaps: Gaps = "refuse"

    def assemble(self, frame: pd.DataFrame, unit_name: str, time_name: str) -> Panel:
        """Return the panel of all series, before terms are taken.

        Parameters
        ----------
        frame : DataFrame
            Columns ``unit``, ``time`` and the series.
        unit_name, time_name : str
            What messages and tables call a unit and a period.

        Raises
        ------
        DataError
            If rows are missing, stand twice or none is left in the span.
        """
        chosen = frame
        if self.first is not None or self.last is not None:
            time = pd.to_numeric(frame["time"], errors="coerce")
            low = -np.inf if self.first is None else self.first
            high = np.inf if self.last is None else self.last
            chosen = frame[(time >= low) & (time <= high)]
            if chosen.empty:
                raise DataError(
                    f"No rows between panel.first={self.first} and panel.last={self.last}; the data span "
                    f"{frame['time'].min()} to {frame['time'].max()}."
                )
        clash = {unit_name, time_name} & {str(name) for name in frame.columns} - {"unit", "time"}
        if clash:
            raise DataError(
                f"The column {listing(clash)} is the name of a unit or a period and of a series; rename it."
            )
        renamed = chosen.rename(columns={"unit": unit_name, "time": time_name})
        return Panel.from_frame(renamed, unit_name, time_name, self.gaps)

    def take(self, panel: Panel, terms: Sequence[str]) -> Panel:
        """Return the panel with the columns for ``terms`` made and complete.

        Raises
        ------
        DataError
            If a term cannot be made, or a logarithm meets a value of zero or below.
        ConfigError
            If an expression in ``derive`` is not arithmetic on columns.
        """
        with_terms = panel
        for term in dict.fromkeys(terms):
            with_terms = self._make(with_terms, term)
        return with_terms.complete(terms, "keep" if self.log == "drop" else self.gaps)

    def _make(self, panel: Panel, term: str) -> Panel:
        if term in panel.names or term in panel.text:
            return panel
        if term in self.derive:
            return self._derived(panel, term)
        base = term.removeprefix(LOG_PREFIX)
        if base == term:
            known = [*panel.names, *self.derive]
            raise DataError(
                f"The term '{term}' is neither a column of the data nor defined in panel.derive."
                f"{nearest(term, known)} Columns: {listing(known, 40)}."
            )
        made = self._make(panel, base)
        return made.with_columns({term: self._logarithm(made, base)})

    def _logarithm(self, panel: Panel, name: str) -> NDArray[np.float64]:
        if name in panel.text:
            panel.require([name])
        values = panel.values[:, panel.names.index(name)]
        if self.log == "log1p":
            if (values <= -1).any():
                raise DataError(f"ln(1 + {name}) does not exist where {name} is -1 or below; correct these values.")
            return np.log1p(values)
        low = np.flatnonzero(values <= 0)
        if len(low) and self.log == "strict":
            cells = listing([f"{panel.row_name(row)}: {values[row]:g}" for row in low], 4)
            raise DataError(
                f"ln_{name} does not exist where {name} is zero or negative ({cells}). Correct the values, or choose "
                "panel.log=drop (leave these observations out) or panel.log=log1p (take ln(1 + value))."
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(values > 0, np.log(values), np.nan)

    def _derived(self, panel: Panel, name: str) -> Panel:
        expression = self.derive[name]
        where = f"panel.derive.{name}"
        try:
            tree = ast.parse(expression, mode="eval")
        except SyntaxError as error:
            raise ConfigError(
                f"{where}: '{expression}' is not arithmetic on columns, e.g. gdp / population."
            ) from error
        for node in ast.walk(tree):
            if not isinstance(node, _ARITHMETIC):
                raise ConfigError(
                    f"{where}: '{expression}' may use columns, numbers and + - * / ** ( ) only, e.g. gdp / population."
                )
        made = panel
        for needed in sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - {name}):
            try:
                made = self._make(made, needed)
            except DataError as error:
                raise DataError(f"{where} = {expression}: {error}") from error
        numbers = pd.DataFrame(made.values, columns=list(made.names))
        with np.errstate(divide="ignore", invalid="ignore"):
            values = numbers.eval(expression, engine="python")
        column = np.broadcast_to(np.asarray(values, dtype=np.float64), (len(numbers),)).copy()
        return made.with_columns({name: column})
