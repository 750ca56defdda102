"""Spatial weights: a labelled, checked, read-only matrix, and the base of specifications that build one."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

import numpy as np
import pandas as pd
import scipy
from numpy.typing import ArrayLike
from pydantic import BeforeValidator, InstanceOf, PlainSerializer

from digicarbon.arrays import FloatArray
from digicarbon.country import country
from digicarbon.errors import WeightsError
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.spatial.operator import (
    DenseOperator,
    Normalise,
    SpatialOperator,
    find_balance,
    row_standardised,
    scale,
)
from digicarbon.numeric.spatial.sparse import SparseOperator
from digicarbon.panel import Panel, label
from digicarbon.spec import Pair, Spec, nested

if TYPE_CHECKING:
    from digicarbon.weights.summary import WeightsSummary


Islands = Literal["refuse", "keep"]

DENSE_UNITS = 400
"""Up to this number of units one dense eigendecomposition is fastest.

CPU ms of a first and of a further fit of 15 periods, dense against sparse, one BLAS thread of an AMD EPYC at 2.6 GHz.
Queen lattice: 300 units 6.5 and 1.1 against 8.6 and 1.4; 400 units 13 and 2.6 against 12 and 1.9; 1,000 units 152 and
33 against 27 and 4. Random links, 6 a unit: 600 units 42 and 9 against 35 and 6; 3,000 units 4,900 against 1,200.
"""

SPARSE_DENSITY = 0.05
"""Largest share of non-zero weights that counts as sparse: beyond it the factors fill up."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Spatial weights between labelled units; ``matrix[i, j]`` is the weight of j in i's neighbourhood.

    Build one with `from_matrix` or `from_edges`.

    Attributes
    ----------
    labels : tuple of str
        The N unit labels, in the order of rows and columns.
    matrix : csr_array, shape (N, N)
        Non-negative weights with a zero diagonal, scaled as ``normalisation`` says.
    raw : csr_array, shape (N, N)
        The weights before normalisation; a subset of units is normalised anew from these.
    normalisation : {"row", "spectral", "minmax", "none"}
    name : str
    notes : tuple of Note
        Sentences that belong under every table of a model with these weights.
    words : Note or None
        The name in each language; None if it is the same in all.
    """

    labels: tuple[str, ...]
    matrix: scipy.sparse.csr_array
    raw: scipy.sparse.csr_array
    normalisation: Normalise
    name: str = "W"
    notes: tuple[Note, ...] = ()
    words: Note | None = None

    def __repr__(self) -> str:
        kind = {"row": "row-standardised", "none": "raw"}.get(self.normalisation, f"{self.normalisation}-normalised")
        return f"Weights {self.name}: {self.n} units, {self.matrix.nnz} neighbour pairs, {kind}"

    def _repr_html_(self) -> str:
        """Return the matrix in numbers for a notebook."""
        numbers = asdict(self.summary()) | {"islands": len(self.summary().islands)}
        column = pd.Series({name.replace("_", " "): value for name, value in numbers.items()}, dtype=object)
        shown = column.drop(["name", "n", "normalisation"]).to_frame()
        table: str = shown.to_html(header=False, float_format="{:.4g}".format)
        return f"<p>{html.escape(repr(self))}</p>{table}"

    @classmethod
    def from_matrix(
        cls,
        matrix: ArrayLike | scipy.sparse.sparray | pd.DataFrame,
        labels: Sequence[object] | None = None,
        row_standardise: bool = True,
        islands: Islands = "refuse",
        name: str | Note = "W",
        normalise: Normalise | None = None,
    ) -> Weights:
        """Build weights from a square matrix.

        Parameters
        ----------
        matrix : array, sparse array or DataFrame, shape (N, N)
            A frame has labels of its own in its index and columns; one that numbers both from 0 has none.
        labels : sequence, length N, optional
            The units of rows and columns, in the order in which these stand in the matrix. `Panel.units` has the order
            of the panel: by size where labels are whole numbers, as text otherwise, and not that of a file. Rows and
            columns of a frame are put in this order by their own labels; None takes its index.
        row_standardise : bool
            Divide each row by its sum.
        islands : {"refuse", "keep"}
            What to do with a unit that has no neighbour.
        name : str or Note
            The name of this matrix in tables; a note has it in each language.
        normalise : {"row", "spectral", "minmax", "none"}, optional
            Used instead of ``row_standardise``. Row: each row divided by its sum; spectral: all weights divided by the
            largest absolute eigenvalue; minmax: by the smaller of the largest row sum and the largest column sum
            (Kelejian & Prucha 2010, Journal of Econometrics 157); none: unchanged.

        Raises
        ------
        WeightsError
            If the matrix is not square, has a wrong number of labels, other labels than its frame, a label twice, a
            negative or non-finite weight, a weight of a unit on itself, or a unit without neighbour, or cannot be
            normalised in this way.
        """
        _refuse_file("from_matrix", matrix)
        how: Normalise = normalise or ("row" if row_standardise else "none")
        _check_choices(how, islands, name)
        if isinstance(matrix, pd.DataFrame):
            matrix, labels = _of_frame(matrix, labels, name)
        if labels is None:
            raise WeightsError(Note("weights_no_labels", weights=name))
        dense_or_sparse: Any = matrix if scipy.sparse.issparse(matrix) else _dense(matrix, name)
        if dense_or_sparse.ndim != 2 or dense_or_sparse.shape[0] != dense_or_sparse.shape[1]:
            raise WeightsError(Note("weights_not_square", weights=name, shape=str(dense_or_sparse.shape)))
        # a copy: the caller's own matrix must not be sorted or shared
        cells: Any = scipy.sparse.coo_array(dense_or_sparse)
        values = np.asarray(cells.data, dtype=np.float64)
        raw = scipy.sparse.csr_array((values, (cells.coords[0], cells.coords[1])), shape=cells.shape)
        if raw.shape[0] == 0:
            raise WeightsError(Note("weights_no_units", weights=name))
        raw.eliminate_zeros()
        raw.sort_indices()
        units = tuple(label(item) for item in labels)
        if len(units) != raw.shape[0]:
            raise WeightsError(Note("weights_other_labels", weights=name, rows=raw.shape[0], labels=len(units)))
        twice = sorted({unit for unit in units if units.count(unit) > 1}) if len(set(units)) < len(units) else []
        if twice:
            raise WeightsError(Note("weights_same_label", weights=name, labels=cut(twice)))
        _check_values(raw, units, name)
        empty = [units[i] for i in np.flatnonzero(raw.sum(axis=1) == 0)]
        if empty and islands == "refuse":
            raise WeightsError(Note("weights_islands", weights=name, units=cut(empty)))
        words = name if isinstance(name, Note) else None
        return cls(units, _normalised(raw, how, name), raw, how, str(name), words=words)

    @classmethod
    def from_edges(
        cls,
        edges: pd.DataFrame | Iterable[tuple[object, ...]],
        labels: Sequence[object] | None = None,
        symmetric: bool = True,
        row_standardise: bool = True,
        islands: Islands = "refuse",
        name: str | Note = "W",
        normalise: Normalise | None = None,
    ) -> Weights:
        """Build weights from a list of neighbours.

        Parameters
        ----------
        edges : DataFrame or iterable of tuples
            Rows of (unit, neighbour) or (unit, neighbour, weight).
        labels : sequence, optional
            All units; by default those that the edges name.
        symmetric : bool
            Whether each edge means both directions.
        row_standardise, islands, name, normalise
            As in `from_matrix`.

        Raises
        ------
        WeightsError
            If an edge names an unknown unit or occurs twice with different weights, or as in `from_matrix`.
        """
        _refuse_file("from_edges", edges)
        rows = list(edges.itertuples(index=False)) if hasattr(edges, "itertuples") else list(edges)
        pairs = [_edge(row, name) for row in rows]
        named = sorted({unit for pair in pairs for unit in pair[:2]})
        units = tuple(label(item) for item in labels) if labels is not None else tuple(named)
        unknown = sorted(set(named) - set(units))
        if unknown:
            raise WeightsError(
                Note("weights_edges_unknown", weights=name, units=cut(unknown), hint=suggestion(unknown[0], units))
            )
        position = {unit: index for index, unit in enumerate(units)}
        ends = np.array([[position[start], position[end]] for start, end, _ in pairs], dtype=np.int64).reshape(-1, 2)
        values = np.array([weight for _, _, weight in pairs])
        if symmetric:
            ends, values = np.stack([ends, ends[:, ::-1]], axis=1).reshape(-1, 2), np.repeat(values, 2)
        cell = ends @ np.array([max(len(units), 1), 1])
        _, first, which = np.unique(cell, return_index=True, return_inverse=True)
        differs = np.flatnonzero((values != values[first[which]]) & (first[which] != np.arange(len(values))))
        if len(differs):
            start, end = (units[index] for index in ends[differs[0]])
            raise WeightsError(Note("weights_edge_differs", weights=name, start=start, end=end))
        shape = (len(units), len(units))
        matrix = scipy.sparse.coo_array((values[first], (ends[first, 0], ends[first, 1])), shape=shape)
        return cls.from_matrix(matrix, units, row_standardise, islands, name, normalise)

    @property
    def called(self) -> str | Note:
        """The name, in the words of each language if it has any: for notes and errors."""
        return self.words or self.name

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.labels)

    @cached_property
    def row_sums(self) -> FloatArray:
        """Row sums of ``matrix``, shape (N,)."""
        return np.asarray(self.matrix.sum(axis=1))

    @cached_property
    def constant_row_sum(self) -> float | None:
        """The common row sum, or None if rows differ."""
        # Lee & Yu's transformation takes W1 = c1: beyond rounding of a division rows must not differ
        first = float(self.row_sums[0])
        return first if np.allclose(self.row_sums, first, rtol=1e-10, atol=0) else None

    @cached_property
    def means(self) -> bool:
        """Whether spatial lags are means of neighbours: rows sum to one, but for those of islands."""
        some = self.row_sums[self.row_sums != 0]
        return bool(len(some) and np.allclose(some, 1, rtol=1e-9, atol=0))

    def restrict(self, units: Sequence[str], islands: Islands = "refuse") -> Weights:
        """Return the weights among ``units`` in that order, normalised anew.

        Raises
        ------
        WeightsError
            If a unit is unknown, or has no neighbour among ``units`` and ``islands`` is ``"refuse"``.
        """
        if tuple(units) == self.labels:
            return self
        position = {unit: index for index, unit in enumerate(self.labels)}
        missing = [unit for unit in units if unit not in position]
        if missing:
            raise WeightsError(
                Note(
                    "weights_without_row",
                    weights=self.called,
                    units=cut(missing),
                    hint=suggestion(missing[0], [one for one in self.labels if one not in set(units)]),
                    labels=cut(self.labels, 40),
                )
            )
        index = [position[unit] for unit in units]
        part = self.raw[index][:, index]
        result = Weights.from_matrix(part, units, islands=islands, name=self.called, normalise=self.normalisation)
        return result.noting(*self.notes)

    def noting(self, *notes: Note) -> Weights:
        """Return these weights with further notes, each once; a computed spectrum is not kept."""
        return replace(self, notes=tuple(dict.fromkeys([*self.notes, *notes]))) if notes else self

    def align(self, panel: Panel) -> Weights:
        """Return these weights in the panel's order.

        Raises
        ------
        WeightsError
            If the labels and the panel's units differ.
        """
        if self.labels == panel.units:
            return self
        if panel.units in self._aligned:
            return self._aligned[panel.units]
        extra = sorted(set(self.labels) - set(panel.units))
        if extra and not set(panel.units) - set(self.labels):
            raise WeightsError(Note("weights_beyond_panel", weights=self.called, units=cut(extra)))
        aligned = self.restrict(panel.units, islands="keep")
        # only the last one is kept: a study fits many models to one panel
        self._aligned.clear()
        self._aligned[panel.units] = aligned
        return aligned

    def for_panel(self, panel: Panel) -> Weights:
        """Return these weights in the panel's order; those by period for the panel's periods.

        Raises
        ------
        WeightsError
            If the labels and the panel's units differ, or a period has no weights.
        """
        return self.align(panel)

    @property
    def by_period(self) -> Mapping[str, Weights]:
        """The weights of each period by its label, where they differ; empty for one W of all periods."""
        return {}

    @cached_property
    def _aligned(self) -> dict[tuple[str, ...], Weights]:
        return {}

    @cached_property
    def operator(self) -> SpatialOperator:
        """The spectrum or factors of the matrix that fits need, computed once and shared by all of them."""
        balance = find_balance(self.matrix)
        if self.n > DENSE_UNITS and self.matrix.nnz <= SPARSE_DENSITY * self.n**2:
            return SparseOperator(self.matrix, self.constant_row_sum, balance)
        return DenseOperator(self.dense(), self.constant_row_sum, balance)

    def ready(self) -> Weights:
        """Return these weights with the spectrum or factors computed, if a fit has used `operator` already.

        Other processes to which the weights are sent need not compute them again.
        """
        if "operator" in vars(self):
            # computing these also computes all that is slow
            _ = self.operator.coarse
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of labels and values."""
        import hashlib

        sha = hashlib.sha256(repr(self.labels).encode())
        # the integer type of scipy's indices depends on how a matrix was built
        for array in (self.matrix.indptr.astype(np.int64), self.matrix.indices.astype(np.int64), self.matrix.data):
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()

    def dense(self) -> FloatArray:
        """Return the matrix as a dense array, shape (N, N)."""
        return np.asarray(self.matrix.toarray())

    def summary(self) -> WeightsSummary:
        """Return what to check before a model is fitted: links, islands, components and the range of ρ."""
        from digicarbon.weights.summary import summarise

        return summarise(self)


class WeightsSpec(Spec):
    """A specification of spatial weights; `compute` builds them for the units of a panel."""

    role: ClassVar[str] = "weights"
    varies: ClassVar[bool] = False
    """Whether weights of this kind differ between periods."""

    @property
    def made_of(self) -> tuple[tuple[str, Pair | None], ...]:
        """The columns of the panel that the weights are made of, with the first and last period read; None: all."""
        inner = (getattr(self, name) for name in type(self).__pydantic_fields__)
        return tuple(part for node in inner if isinstance(node, WeightsSpec) for part in node.made_of)

    reads: ClassVar[tuple[str, ...]] = ()
    """Fields that name files."""

    @property
    def files(self) -> tuple[str, ...]:
        """The files that the weights come from, including those of nested weights."""
        own = [str(getattr(self, name)) for name in self.reads if getattr(self, name) is not None]
        within = [file for _, value in self if isinstance(value, WeightsSpec) for file in value.files]
        return tuple(dict.fromkeys([*own, *within]))

    def compute(self, panel: Panel) -> Weights:
        """Return weights among all units of ``panel``, which covers the full sample.

        Parameters
        ----------
        panel : Panel
            All units and periods of the study, before any sample is taken.
        """
        raise TypeError(f"{type(self).__name__} does not say how its weights are computed; define `compute`.")

    def compute_without(self, panel: Panel, absent: Collection[str]) -> Weights:
        """Return what `compute` does; a file may leave out units in ``absent``, and the weights then have none of them.

        Parameters
        ----------
        panel : Panel
        absent : collection of str
            Units without an observation in the period of the weights.
        """
        return self.compute(panel)


def _built(value: object) -> object:
    """Return the specification that a mapping describes; a specification is returned unchanged."""
    if isinstance(value, WeightsSpec):
        return value
    if not isinstance(value, Mapping):
        example = "{_target_: digicarbon.weights.AdjacencyWeights}"
        raise ValueError(Note("weights_no_node", example=example, given=repr(value)))
    return nested(value, WeightsSpec)


def _node(spec: WeightsSpec) -> dict[str, Any]:
    kind = type(spec)
    return {"_target_": f"{kind.__module__}.{kind.__qualname__}", **spec.model_dump()}


def _constant(value: object) -> object:
    made = _built(value)
    if isinstance(made, WeightsSpec) and made.varies:
        raise ValueError(Note("weights_vary_within"))
    return made


VaryingNode = Annotated[WeightsSpec, BeforeValidator(_built), PlainSerializer(_node)]
"""As `Node`, and the weights may differ between periods."""
Node = Annotated[WeightsSpec, BeforeValidator(_constant), PlainSerializer(_node)]
"""Weights within weights: a mapping with a ``_target_``, built and checked with the specification that holds it."""


def _given(value: object) -> object:
    return value if isinstance(value, Weights) else _constant(value)


def _node_or_digest(value: WeightsSpec | Weights) -> dict[str, Any]:
    return {"name": value.name, "digest": value.digest} if isinstance(value, Weights) else _node(value)


GivenNode = Annotated[WeightsSpec | InstanceOf[Weights], BeforeValidator(_given), PlainSerializer(_node_or_digest)]
"""As `Node`, or weights that are made already, which Python alone has."""


def _of_frame(
    frame: pd.DataFrame, labels: Sequence[object] | None, name: str | Note
) -> tuple[pd.DataFrame, Sequence[object]]:
    """Return a frame in the order of labels, and these; as it is where it numbers its rows and columns from 0."""
    rows, columns = ([label(item) for item in axis] for axis in (frame.index, frame.columns))
    if len(rows) != len(columns):
        raise WeightsError(Note("weights_not_square", weights=name, shape=str(frame.shape)))
    wanted = rows if labels is None else [label(item) for item in labels]
    for known in (rows, columns, wanted):
        twice = sorted({unit for unit in known if known.count(unit) > 1}) if len(set(known)) < len(known) else []
        if twice:
            raise WeightsError(Note("weights_same_label", weights=name, labels=cut(twice)))
    numbered = all(list(axis) == list(range(len(rows))) for axis in (frame.index, frame.columns))
    if numbered and set(wanted) != set(rows):
        return frame, wanted
    if set(rows) != set(columns):
        others = sorted(set(rows) ^ set(columns))
        raise WeightsError(Note("weights_frame_sides", weights=name, labels=cut(others)))
    others = sorted(set(rows) ^ set(wanted))
    if others:
        raise WeightsError(Note("weights_frame_labels", weights=name, labels=cut(others)))
    return frame.set_axis(rows, axis=0).set_axis(columns, axis=1).loc[wanted, wanted], wanted


def _dense(matrix: Any, name: str | Note) -> FloatArray:
    try:
        return np.asarray(matrix, dtype=np.float64)
    except ValueError as error:
        raise WeightsError(Note("weights_no_numbers", weights=name, reason=str(error))) from error


def _edge(row: Sequence[Any], name: str | Note) -> tuple[str, str, float]:
    if len(row) not in (2, 3):
        raise WeightsError(Note("weights_no_edge", weights=name, edge=str(tuple(row))))
    start, end = label(row[0]), label(row[1])
    try:
        return start, end, float(row[2]) if len(row) == 3 else 1.0
    except (TypeError, ValueError) as error:
        raise WeightsError(
            Note("weights_edge_no_number", weights=name, start=start, end=end, value=repr(row[2]))
        ) from error


def _check_values(raw: Any, units: Sequence[str], name: str | Note) -> None:
    values = raw.tocoo()
    for bad, what in (
        (~np.isfinite(values.data), Note("weights_not_finite")),
        (values.data < 0, Note("weights_negative")),
        (values.coords[0] == values.coords[1], Note("weights_on_itself")),
    ):
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            start, end = units[values.coords[0][k]], units[values.coords[1][k]]
            raise WeightsError(
                Note("weights_bad_weight", weights=name, start=start, end=end, value=values.data[k], why=what)
            )


def _refuse_file(maker: str, given: object) -> None:
    """Raise a WeightsError if a call has the name of a file in the place of its content."""
    if isinstance(given, str | Path):
        raise WeightsError(Note("weights_of_a_file", maker=maker, file=str(given)))


def _check_choices(normalise: str, islands: str, name: str | Note) -> None:
    for key, value, allowed in (("normalise", normalise, get_args(Normalise)), ("islands", islands, get_args(Islands))):
        if value not in allowed:
            raise WeightsError(
                Note("weights_choice", weights=name, argument=key, allowed=cut(map(repr, allowed)), given=repr(value))
            )


def _normalised(raw: scipy.sparse.csr_array, how: Normalise, name: str | Note) -> scipy.sparse.csr_array:
    if how == "row":
        return row_standardised(raw)
    size = scale(raw, how)
    if size == 0 and raw.nnz:
        raise WeightsError(Note("weights_no_cycle", weights=name))
    return raw if size in (0, 1) else scipy.sparse.csr_array(raw / size)


Extra = Literal["refuse", "drop"]
"""What to do with labels of the file that are not units of the panel."""


def _without_places(value: object) -> object:
    if value == "nearest":
        raise ValueError(Note("weights_without_places"))
    return value


IslandsUnplaced = Annotated[Literal["refuse", "keep"], BeforeValidator(_without_places)]
"""What to do with a unit without neighbour where it is unknown which unit is nearest."""

IslandsPlaced = Literal["refuse", "keep", "nearest"]
"""What to do with a unit without neighbour where places are known: stop, leave it so, or join it to the nearest."""


class FileWeights(WeightsSpec):
    """Weights from the user's own file.

    Attributes
    ----------
    path : str
        A relative path starts at the working directory.
    normalise : {"row", "spectral", "minmax", "none"}
        How weights are scaled, see `Weights.from_matrix`.
    extra : {"refuse", "drop"}
        What to do with labels that are not units of the panel; ``"drop"`` leaves them out, then normalises.
    """

    reads: ClassVar[tuple[str, ...]] = ("path",)

    path: str
    normalise: Normalise = "row"
    extra: Extra = "refuse"


class TextFileWeights(FileWeights):
    """Weights from a file that may be a text.

    Attributes
    ----------
    islands : {"refuse", "keep"}
        What to do with a unit that has no neighbour.
    encoding : str or None
        The encoding of a text file; UTF-8 if None, or else GB18030 or cp1252.
    """

    islands: IslandsUnplaced = "refuse"
    encoding: str | None = None


ROW, COLUMN = Note("weights_row"), Note("weights_column")
UNIT, POLYGON = Note("weights_unit"), Note("weights_polygon")
"""The parts of a file that have labels, for messages."""


def rest(islands: IslandsPlaced) -> Islands:
    """Return what to do with units still without neighbour after `joined`, where there should be none."""
    return "refuse" if islands == "nearest" else islands


def as_known(units: Sequence[str], asking: Note, remedy: Note | str = "") -> list[str]:
    """Return the English name of the country's unit that each unit is.

    ``units``: units of the country, in any of their spellings. ``asking``: the option or the field that needs these
    units, for messages. ``remedy``: what a user can do besides correcting the labels or giving weights in a file; may
    be empty. Raises WeightsError if no country is known, a unit is not one of the country's, or two units are the same
    one.
    """
    home = country()
    matches = {unit: home.find(unit) for unit in units}
    strangers = home.strangers(units)
    if strangers:
        if not home.names:
            raise WeightsError(Note("weights_no_country", first=asking, remedy=remedy))
        spellings = [*home.places.index, *home.places["name_zh"]]
        raise WeightsError(
            Note(
                "weights_strangers",
                first=asking,
                known=home.about,
                units=cut(strangers),
                hint=suggestion(strangers[0], spellings),
                remedy=remedy,
            )
        )
    names = [name for name in matches.values() if name is not None]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        alike = [unit for unit, name in matches.items() if name == twice[0]]
        raise WeightsError(Note("weights_same_unit", first=asking, units=cut(alike), unit=twice[0], noun=home.noun))
    return names


def check_coverage(units: Sequence[str], known: Collection[str], file: str, remedy: Note | str = "") -> None:
    """Raise unless ``known``, the labels of the file, has each of the panel's ``units``.

    ``remedy``: what a user may set if a unit is missing and no label resembles it: a sentence after a blank. Raises
    WeightsError if a unit is missing.
    """
    missing = [unit for unit in units if unit not in known]
    if missing:
        hint = suggestion(missing[0], set(known) - set(units)) or remedy
        labels = cut(sorted(known), 40)
        raise WeightsError(Note("weights_units_missing", file=file, units=cut(missing), hint=hint, labels=labels))


def refuse_extra(units: Sequence[str], known: Collection[str], file: str, rule: Extra) -> None:
    """Raise WeightsError if ``known``, the labels of the file, has one beyond ``units`` and the rule refuses it."""
    extra = sorted(set(known) - set(units))
    if extra and rule == "refuse":
        raise WeightsError(Note("weights_units_extra", file=file, labels=cut(extra), hint=suggestion(extra[0], units)))


def file_labels(column: pd.Series[Any], file: str) -> list[str]:
    """Return the labels in a file as the panel writes them; a `WeightsError` if one is empty."""
    from digicarbon.source._read import numbers_or_text

    labels = [label(item) for item in numbers_or_text(column)]
    empty = [str(row) for row, item in enumerate(column, start=1) if pd.isna(item) or labels[row - 1] == ""]
    if empty:
        raise WeightsError(Note("weights_label_empty", file=file, places=cut(empty)))
    return labels


def refuse_twice(labels: Sequence[str], file: str, what: Note = ROW) -> None:
    """Raise a `WeightsError` if a label occurs more than once."""
    twice = sorted({item for item in labels if labels.count(item) > 1}) if len(set(labels)) < len(labels) else []
    if twice:
        raise WeightsError(Note("weights_label_twice", file=file, what=what, labels=cut(twice)))
