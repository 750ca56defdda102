"""How a panel is built: its span, columns by arithmetic and by packs, logarithms, gaps, and the terms of models."""

from __future__ import annotations

import ast
import inspect
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_datetime64_any_dtype
from pydantic import Field, SerializerFunctionWrapHandler, create_model, model_serializer, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.note.about import under
from digicarbon.panel._index import Column, in_order, label, periods_of
from digicarbon.panel._terms import LOG_PREFIX, Atom, parse
from digicarbon.panel.base import ColumnError, Gaps, Panel
from digicarbon.panel.making import Maker, Making, files_of, makers, refuse_name
from digicarbon.source.base import InputFile
from digicarbon.spec import Spec

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_SIGN: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: np.negative, ast.UAdd: np.positive}


def columns_of(expression: str) -> tuple[str, ...]:
    """Return the columns that an expression names, each once, sorted.

    Raises ValueError if the expression is anything but + - * / ** and parentheses on columns and numbers.
    """
    nodes = list(ast.walk(_parsed(expression)))
    if not all(_allowed(node) for node in nodes):
        raise ValueError(Note("more_than_arithmetic", expression=expression))
    return tuple(sorted({node.id for node in nodes if isinstance(node, ast.Name)}))


def evaluate(expression: str, columns: Mapping[str, FloatArray]) -> FloatArray:
    """Return the value of an expression that `columns_of` accepts.

    ``columns``, shape (rows,): at least every column that the expression names. The result has shape (rows,), or ()
    where no column is named; it is not finite where arithmetic gives no finite number, e.g. 1 / 0.
    """
    with np.errstate(all="ignore"):
        return np.asarray(_value(_parsed(expression), columns), dtype=np.float64)


def _parsed(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(Note("no_arithmetic", expression=expression)) from error


def _allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        # far below the largest float, which a long whole number could exceed
        number = node.value
        return isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < 1e300
    return isinstance(node, ast.BinOp | ast.UnaryOp | ast.Name | ast.Load) or type(node) in {*_BINARY, *_SIGN}


def _value(node: ast.expr, columns: Mapping[str, FloatArray]) -> Any:
    match node:
        case ast.Name(id=name):
            return columns[name]
        case ast.BinOp(left=left, op=operator, right=right):
            return _BINARY[type(operator)](_value(left, columns), _value(right, columns))
        case ast.UnaryOp(op=sign, operand=operand):
            return _SIGN[type(sign)](_value(operand, columns))
        case ast.Constant(value=int() | float() as number):
            return np.float64(number)
        case _:
            raise TypeError(f"{ast.dump(node)} is no arithmetic.")


class Outliers(Protocol):
    """How a sample treats outliers; `digicarbon.sample.Sample` is one."""

    def refuse_others(self, names: Sequence[str]) -> None:
        """Raise a `DataError` if a variable is to be treated that is none of a model's ``names``."""

    def treated(self, name: str, values: FloatArray, sample: NDArray[np.bool_]) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return a variable treated on all rows, and which rows stay, both of shape (rows,).

        ``values``, shape (rows,): not-a-number where the variable does not exist. ``sample``, shape (rows,): the rows
        whose percentiles are taken.
        """

    def refuse_nothing_left(self) -> None:
        """Raise a `DataError` if rows are left out as outliers; called where no row is left."""


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

    ``panel``: all units and periods, so that the first period of a sample has its lag. ``keep``, shape (rows,): the
    rows of the sample; None keeps all. ``outliers``: treats variables before lags, powers and interactions are made of
    them.
    """

    def __init__(
        self, design: PanelDesign, panel: Panel, keep: NDArray[np.bool_] | None = None, outliers: Outliers | None = None
    ) -> None:
        self.design, self.panel, self.outliers = design, panel, outliers
        self.keep = np.ones(len(panel.index), dtype=bool) if keep is None else keep
        least, most = PANELS
        self._most = min(max(least, CELLS // max(self.keep.size * len(panel.columns), 1)), most)
        self._needs: dict[str, tuple[dict[str, Atom], tuple[str, ...], bool]] = {}
        self._atoms: dict[str, tuple[Column, NDArray[np.bool_] | None]] = {}
        self._parts: OrderedDict[bytes, _Part] = OrderedDict()
        self._panels: OrderedDict[tuple[str, ...], Panel] = OrderedDict()

    def __reduce__(self) -> tuple[Any, ...]:
        return Selection, (self.design, self.panel, self.keep, self.outliers)

    def take(self, terms: Sequence[str]) -> Panel:
        """Return the panel with the columns for ``terms``, without gaps.

        Raises DataError if a term cannot be made, a logarithm meets a value of zero or below, or a value is missing.
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
        if self.outliers is not None:
            variables = [atom.variable for atom in atoms.values() if self._has_outliers(atom.variable)]
            self.outliers.refuse_others(list(dict.fromkeys(variables)))
        columns = {name: self._column(name, atom) for name, atom in atoms.items() if name not in self.panel.text}
        complete = self.keep
        for _, exists in columns.values():
            complete = complete if exists is None else complete & exists
        if self.outliers is not None and not complete.any():
            self.outliers.refuse_nothing_left()
        part = self._part(complete)
        known = [*atoms, *(name for name in groups if name in self.panel.columns)]
        known = [name for name in known if not self.design.may_be_empty(name)]
        panel = part.with_atoms(columns)
        without_gaps = panel.complete_rows(known, self.design.gaps)
        if without_gaps is not None and not without_gaps.all():
            part = self._part(part.among(without_gaps))
            panel = part.with_atoms(columns)
        return panel.with_columns({term: part.product(term, panel) for term in products}).with_terms(terms)

    def _has_outliers(self, variable: str) -> bool:
        """Return whether outliers of a variable may be treated; columns that packs make have none."""
        return variable not in self.design.without_outliers and variable not in self.panel.text

    def _need(self, term: str) -> tuple[dict[str, Atom], tuple[str, ...], bool]:
        """Return a term's atoms, the variables of its dummies, and whether it is a product of atoms alone."""
        if term not in self._needs:
            factors = None if self.design.is_plain(self.panel, term) else parse(term)
            if factors is None:
                self._needs[term] = {term: Atom(term)}, (), False
            else:
                atoms = [factor.atom for factor in factors if not factor.dummies]
                # means are those of the rows that are left, so that centred columns are made after the cut
                own = {atom.uncentred.name: atom.uncentred for atom in atoms}
                dummies = tuple(factor.atom.variable for factor in factors if factor.dummies)
                self._needs[term] = own, dummies, not dummies and term not in own
        return self._needs[term]

    def _column(self, name: str, atom: Atom) -> tuple[Column, NDArray[np.bool_] | None]:
        """Return an atom on all rows, and which rows have it (None: every row of the sample)."""
        if name not in self._atoms:
            outliers = self.outliers if self._has_outliers(atom.variable) else None
            value, exists = self.design.atom(self.panel, name, atom, self.keep, outliers)
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


class Assembled(NamedTuple):
    """A panel of all series.

    ``notes``: what a reader has to know of the columns that packs made. ``left_out``: the units that packs left out,
    e.g. those without a period before a policy.
    """

    panel: Panel
    notes: tuple[Note, ...] = ()
    left_out: frozenset[str] = frozenset()


LogRule = Literal["strict", "log1p", "drop"]
_ROW = "\0row"
"""A column with the number of each row, kept through steps that drop rows; no file has a column of this name."""


class UnknownColumnError(ColumnError):
    """A term needs a column that is neither in the data nor defined."""


class _Design(Spec):
    """How the panel is built.

    A term ``ln_name`` of a model is the natural logarithm of the column ``name``, unless a column ``ln_name`` exists.

    Attributes
    ----------
    first : int or None
        First period, or the year of it where periods are quarters, months or dates; None starts with the first one.
    last : int or None
        Last period, or the year of it; None ends with the last one.
    derive : mapping of str to str
        New columns as arithmetic on columns, e.g. ``pgdp: gdp / population``. Only those that a model needs are
        computed, and a column of the data is used instead of a definition of the same name.
    log : {"strict", "log1p", "drop"}
        What a logarithm does with a value of zero or below: refuse it; use ln(1 + value) for every value of that
        column; or leave the observation out (the panel is then not balanced, unless ``gaps`` is ``"drop_units"``).
    gaps : {"refuse", "drop_units", "keep"}
        What to do with a unit that lacks a period or a needed value.
    """

    role: ClassVar[str] = "panel"

    first: int | None = None
    last: int | None = None
    derive: dict[str, str] = Field(default_factory=dict)
    log: LogRule = "strict"
    gaps: Gaps = "refuse"

    @model_serializer(mode="wrap")
    def _without_empty(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave fields of packs out where they are empty, so that a further pack changes no fingerprint."""
        fields: dict[str, Any] = plain(self)
        empty = {maker.field for maker in makers() if not getattr(self, maker.field)}
        return {name: value for name, value in fields.items() if name not in empty}

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        for maker, name, _ in self.made_columns:
            try:
                refuse_name(name)
            except ValueError as error:
                raise ValueError(Note("under_key", key=f"{maker.field}.{name}", said=error.args[0])) from error
        return self

    @model_validator(mode="after")
    def _check_derive(self) -> Self:
        needed: dict[str, list[str]] = {}
        for name, expression in self.derive.items():
            try:
                needed[name] = [self._defined(column) for column in columns_of(expression)]
            except ValueError as error:
                raise ValueError(Note("under_key", key=f"derive.{name}", said=error.args[0])) from error
        try:
            TopologicalSorter(needed).prepare()
        except CycleError as error:
            circle = [str(name) for name in error.args[1]][::-1]
            raise ValueError(Note("defined_by_itself", key=f"derive.{circle[0]}", needs=_needs(circle))) from error
        return self

    def assemble(self, frame: pd.DataFrame, unit_name: str, time_name: str, regions: str = "") -> Panel:
        """Return the panel of all series, before terms are taken.

        ``frame``: columns ``unit``, ``time`` and the series. ``unit_name``, ``time_name``: what messages and tables
        call a unit and a period. ``regions``: the column of the regions that a sample names; empty if there is none.
        Raises DataError if rows are missing or occur twice, no row is left in the span, or what columns are made of is
        wrong.
        """
        return self.assembled(frame, unit_name, time_name, regions).panel

    def assembled(self, frame: pd.DataFrame, unit_name: str, time_name: str, regions: str = "") -> Assembled:
        """Return the panel of `assemble`, and what a reader has to know of its columns; the same arguments.

        Raises DataError as `assemble` does.
        """
        clash = {unit_name, time_name} & {str(name) for name in frame.columns} - {"unit", "time"}
        if clash:
            raise DataError(Note("column_of_two_meanings", columns=cut(clash)))
        renamed = self._in_span(frame, time_name).rename(columns={"unit": unit_name, "time": time_name})
        dates = {spec.dated or "" for _, _, spec in self.made_columns} & set(renamed.columns)
        # otherwise the panel would count the nanoseconds of a date
        written = {name: periods_of(renamed[name], name) for name in dates if is_datetime64_any_dtype(renamed[name])}
        panel = Panel.from_frame(renamed.assign(**written), unit_name, time_name, self.gaps, regions)
        notes: list[Note] = []
        complete = set(panel.units)
        for maker, name, spec in self.made_columns:
            try:
                panel, remarks = spec.made(panel, name, map(label, frame["unit"].unique()))
            except DataError as error:
                raise under(error, f"panel.{maker.field}.{name}") from error
            notes += remarks
        return Assembled(panel, tuple(notes), frozenset(complete - set(panel.units)))

    @property
    def files(self) -> tuple[InputFile, ...]:
        """The files that columns are made of, as they are now."""
        return tuple(file for maker in makers() for file in files_of(maker, getattr(self, maker.field)))

    @cached_property
    def made_columns(self) -> tuple[tuple[Maker, str, Making], ...]:
        """What packs make of choices: the kind, the name, and the specification of each."""
        return tuple((maker, name, spec) for maker in makers() for name, spec in getattr(self, maker.field).items())

    @cached_property
    def without_outliers(self) -> frozenset[str]:
        """The columns that a sample's treatment of outliers leaves as they are."""
        return frozenset(column for maker, name, _ in self.made_columns for column in maker.as_they_are(name))

    @cached_property
    def _with_gaps(self) -> frozenset[str]:
        return frozenset(column for maker, name, _ in self.made_columns for column in maker.with_gaps(name))

    def may_be_empty(self, column: str) -> bool:
        """Return whether a value that is not a number is no gap in a column, e.g. where a unit never has a policy."""
        return column in self._with_gaps

    def take(
        self,
        panel: Panel,
        terms: Sequence[str],
        keep: NDArray[np.bool_] | None = None,
        outliers: Outliers | None = None,
    ) -> Panel:
        """Return the panel with the columns for ``terms``, without gaps.

        ``panel``: all units and periods, so that the first period of a sample has its lag. ``terms``: columns, ``ln_``
        of columns, and what `Panel.with_terms` reads. ``keep``, shape (rows,): the rows of the sample; None keeps all.
        Values of other rows are used only as lags. ``outliers``: treats variables, e.g. winsorises them, before lags,
        powers and interactions are made of them. Raises DataError if a term cannot be made, a logarithm meets a value
        of zero or below, or a value is missing.
        """
        return Selection(self, panel, keep, outliers).take(terms)

    def variables(self, panel: Panel, names: Sequence[str]) -> Panel:
        """Return the panel with further variables, not-a-number where they cannot be computed."""
        lenient = self.model_copy(update={"log": "drop"})
        everywhere = np.ones(len(panel.unit_codes), dtype=bool)
        return panel.with_columns({name: lenient._values(panel, name, everywhere)[0] for name in names})

    def can_make(self, panel: Panel, name: str) -> bool:
        """Return whether a variable is no column yet but is defined, or the logarithm of something that is known."""
        return not panel.has(name) and self.is_plain(panel, name)

    def columns_behind(self, names: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
        """Return the known columns that variables are computed from, through logarithms and definitions.

        ``names``: variables, e.g. ``ln_pgdp``. ``known``: columns of the data.
        """
        columns: dict[str, None] = {}
        rest = list(names)
        while rest:
            name = rest.pop()
            if name in known:
                columns[name] = None
            elif made := [(own, spec) for maker, own, spec in self.made_columns if name in maker.columns(own)]:
                columns |= dict.fromkeys(column for own, spec in made for column in spec.behind(own, name, known))
            elif name in self.derive:
                rest += columns_of(self.derive[name])
            elif name.startswith(LOG_PREFIX):
                rest.append(name.removeprefix(LOG_PREFIX))
        return tuple(columns)

    def is_plain(self, panel: Panel, term: str) -> bool:
        """Return whether a term is a column, a definition, or a logarithm of one."""
        return panel.has(self._defined(term)) or panel.has(term) or self._defined(term) in self.derive

    def atom(
        self, panel: Panel, name: str, atom: Atom, keep: NDArray[np.bool_], outliers: Outliers | None = None
    ) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return a variable, its lag, lead or difference on all rows, and which rows have it, both of shape (rows,).

        ``name``: of the atom, for messages. ``keep``, shape (rows,): the rows of the sample; other rows are used only
        where a lag needs them. ``outliers``: treats the variable by its percentiles in the sample, also where a lag
        takes another row. Raises DataError if the variable cannot be made, or no row of the sample has the lag.
        """
        total, complete = np.zeros(len(keep)), keep.copy()
        for lag, factor in atom.weights.items():
            source = panel.rows_before(lag)
            known = keep & (source >= 0)
            if not known.any():
                raise DataError(Note("no_row_of_sample", term=name, periods=cut(panel.periods)))
            # lagged rows get the same treatment as the sample, so that ln refuses a zero there, too
            rows = np.isin(np.arange(len(keep)), source[known])
            value, exists = self._values(panel, atom.variable, rows if outliers is None else rows | keep)
            if outliers is not None:
                value, inside = outliers.treated(atom.variable, value, keep)
                exists = exists & inside
            complete &= known & exists[source]
            total += factor * value[source]
        return total, complete

    def _values(self, panel: Panel, name: str, rows: NDArray[np.bool_]) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return a variable computed on some rows of a panel, and which rows have it, both of shape (rows,)."""
        count = len(panel.unit_codes)
        extended = self._make(panel.with_columns({_ROW: np.arange(float(count))}).rows(rows), name)
        position = extended.column(_ROW).astype(np.int64)
        value, exists = np.full(count, np.nan), np.zeros(count, dtype=bool)
        value[position], exists[position] = _numbers(extended, name), True
        return value, exists

    def _in_span(self, frame: pd.DataFrame, time_name: str) -> pd.DataFrame:
        if self.first is None and self.last is None:
            return frame
        present = frame["time"].notna().to_numpy()
        if not present.any():
            return frame
        times = periods_of(frame["time"][present], time_name)
        periods, calendar = in_order(times, time_name)
        inside = calendar.within(self.first, self.last, "panel.first", "panel.last")
        # an empty period stays in, for the panel to report
        keep = ~present
        keep[present] = times.isin([period for period, one in zip(periods, inside, strict=True) if one])
        chosen = frame[keep]
        if chosen.empty:
            span = Note("span", low=periods[0], high=periods[-1])
            if self.first is None or self.last is None:
                key, year = ("panel.last", self.last) if self.first is None else ("panel.first", self.first)
                raise DataError(Note("no_row_at_bound", key=key, year=year, data=span))
            raise DataError(Note("no_row_in_span", key="panel.first", first=self.first, last=self.last, data=span))
        return chosen

    def _defined(self, name: str) -> str:
        """Return the definition behind ``name`` where that is a logarithm of one, else ``name``."""
        while name not in self.derive and name.startswith(LOG_PREFIX):
            name = name.removeprefix(LOG_PREFIX)
        return name

    def _make(self, panel: Panel, term: str) -> Panel:
        if term in panel.names or term in panel.text:
            return panel
        if term in self.derive:
            return self._derived(panel, term)
        base = term.removeprefix(LOG_PREFIX)
        if base == term:
            known = [name for name in panel.names if name != _ROW]
            known += [name for name in self.derive if name not in known and self._can_derive(panel, name)]
            raise UnknownColumnError(
                Note(
                    "unknown_term",
                    term=term,
                    about=panel.hint(term),
                    hint=suggestion(term, (*known, *panel.text)),
                    columns=columns_there(known, panel.text),
                ),
                term,
            )
        return self._logged(self._make(panel, base), base)

    def _logged(self, panel: Panel, name: str) -> Panel:
        values = _numbers(panel, name)
        if self.log == "log1p":
            low = np.flatnonzero(values <= -1)
            if len(low):
                raise DataError(Note("no_logarithm_of_one_more", column=name, cells=panel.cells(low, values)))
            return panel.with_columns({LOG_PREFIX + name: np.log1p(values)})
        low = np.flatnonzero(values <= 0)
        if len(low) and self.log == "strict":
            raise DataError(Note("no_logarithm_strict", column=name, cells=panel.cells(low, values)))
        # missing values are not dropped here: ``gaps`` decides on them
        positive = panel.rows(~(values <= 0))
        return positive.with_columns({LOG_PREFIX + name: np.log(_numbers(positive, name))})

    def _can_derive(self, panel: Panel, name: str) -> bool:
        """Return whether all columns that a definition needs exist or can be computed."""
        needed = map(self._defined, columns_of(self.derive[name]))
        return all(panel.has(one) or (one in self.derive and self._can_derive(panel, one)) for one in needed)

    def _derived(self, panel: Panel, name: str) -> Panel:
        expression = self.derive[name]
        names = columns_of(expression)
        extended = panel
        try:
            for needed in names:
                extended = self._make(extended, needed)
            values = evaluate(expression, {needed: _numbers(extended, needed) for needed in names})
        except DataError as error:
            key = f"panel.derive.{name}"
            raise error.anew(Note("in_definition", key=key, expression=expression, said=error)) from error
        return extended.with_columns({name: np.broadcast_to(values, extended.unit_codes.shape)})


if TYPE_CHECKING:
    PanelDesign = _Design
else:
    # the fields of packs come after those of the core, in the class and in its docstring
    PanelDesign = create_model(
        "PanelDesign",
        __base__=_Design,
        __module__=__name__,
        __doc__="\n".join(map(inspect.cleandoc, (_Design.__doc__, *(one.about for one in makers())))),
        **{one.field: (dict[str, one.kind], Field(default_factory=dict)) for one in makers()},
    )


def _needs(circle: Sequence[str]) -> Note | str:
    """Return the message that each of some columns needs the next one."""
    first, *others = circle
    return Note("one_needs_other", first=first, others=_needs(others)) if others else first


def _numbers(panel: Panel, name: str) -> NDArray[np.float64]:
    """Return a column with its gaps, shape (rows,); text is refused."""
    if name in panel.text:
        panel.require([name])
    return panel.column(name)
