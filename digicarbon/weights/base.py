"""Spatial weights: a labelled, checked, frozen matrix, and the kind of specification that makes one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from digicarbon.errors import WeightsError, listing, nearest
from digicarbon.panel import Panel, label
from digicarbon.spec import Spec

if TYPE_CHECKING:
    import pandas as pd

FloatArray = NDArray[np.float64]
Islands = Literal["refuse", "keep"]


@dataclass(frozen=True, eq=False)
class Weights:
    """Spatial weights between labelled units; ``matrix[i, j]`` is the weight of j in i's neighbourhood.

    Build one with `from_matrix` or `from_edges`.

    Attributes
    ----------
    labels : tuple of str
        The N unit labels, in the order of rows and columns.
    matrix : csr_array, shape (N, N)
        Non-negative weights with a zero diagonal, row-standardised if ``row_standardised``.
    raw : csr_array, shape (N, N)
        The weights before row-standardisation; a subset of units is standardised anew from these.
    row_standardised : bool
    name : str
    """

    labels: tuple[str, ...]
    matrix: sparse.csr_array
    raw: sparse.csr_array
    row_standardised: bool
    name: str = "W"

    def __repr__(self) -> str:
        kind = "row-standardised" if self.row_standardised else "raw"
        return f"Weights {self.name}: {self.n} units, {self.matrix.nnz} neighbour pairs, {kind}"

    @classmethod
    def from_matrix(
        cls,
        matrix: ArrayLike | sparse.sparray,
        labels: Sequence[object],
        row_standardise: bool = True,
        islands: Islands = "refuse",
        name: str = "W",
    ) -> Weights:
        """Build weights from a square matrix.

        Parameters
        ----------
        matrix : array or sparse array, shape (N, N)
        labels : sequence, length N
            The units of rows and columns.
        row_standardise : bool
            Divide each row by its sum.
        islands : {"refuse", "keep"}
            What to do with a unit that has no neighbour.
        name : str
            What tables call this matrix.

        Raises
        ------
        WeightsError
            If the matrix is not square, has a wrong number of labels, a label twice, a negative or non-finite weight,
            a weight of a unit on itself, or a unit without neighbour.
        """
        dense_or_sparse: Any = matrix if sparse.issparse(matrix) else _dense(matrix, name)
        if dense_or_sparse.ndim != 2 or dense_or_sparse.shape[0] != dense_or_sparse.shape[1]:
            raise WeightsError(f"{name}: the weight matrix must be square; its shape is {dense_or_sparse.shape}.")
        # built from its cells: the caller's own matrix must not be sorted or shared
        cells: Any = sparse.coo_array(dense_or_sparse)
        values = np.asarray(cells.data, dtype=np.float64)
        raw = sparse.csr_array((values, (cells.coords[0], cells.coords[1])), shape=cells.shape)
        if raw.shape[0] == 0:
            raise WeightsError(f"{name}: the weight matrix is empty; give at least two units.")
        raw.eliminate_zeros()
        raw.sort_indices()
        units = tuple(label(item) for item in labels)
        if len(units) != raw.shape[0]:
            raise WeightsError(f"{name}: {raw.shape[0]} rows but {len(units)} labels.")
        twice = sorted({unit for unit in units if units.count(unit) > 1}) if len(set(units)) < len(units) else []
        if twice:
            raise WeightsError(f"{name}: the label {listing(twice)} stands more than once.")
        _check_values(raw, units, name)
        empty = [units[i] for i in np.flatnonzero(raw.sum(axis=1) == 0)]
        if empty and islands == "refuse":
            raise WeightsError(
                f"{name}: no neighbour for {listing(empty)}. Give each at least one neighbour, leave these units out "
                'of the panel, or pass islands="keep" (their spatial lag is then 0).'
            )
        return cls(units, _row_standardised(raw) if row_standardise else raw, raw, row_standardise, name)

    @classmethod
    def from_edges(
        cls,
        edges: pd.DataFrame | Iterable[tuple[object, ...]],
        labels: Sequence[object] | None = None,
        symmetric: bool = True,
        row_standardise: bool = True,
        islands: Islands = "refuse",
        name: str = "W",
    ) -> Weights:
        """Build weights from a list of neighbours.

        Parameters
        ----------
        edges : DataFrame or iterable of tuples
            Rows of (unit, neighbour) or (unit, neighbour, weight).
        labels : sequence, optional
            All units; by default those that the edges name.
        symmetric : bool
            Whether each edge stands for both directions.
        row_standardise, islands, name
            As in `from_matrix`.

        Raises
        ------
        WeightsError
            If an edge names an unknown unit, stands twice with different weights, or as in `from_matrix`.
        """
        rows = list(edges.itertuples(index=False)) if hasattr(edges, "itertuples") else list(edges)
        pairs = [_edge(row, name) for row in rows]
        named = sorted({unit for pair in pairs for unit in pair[:2]})
        units = tuple(label(item) for item in labels) if labels is not None else tuple(named)
        unknown = sorted(set(named) - set(units))
        if unknown:
            raise WeightsError(f"{name}: the edges name unknown units: {listing(unknown)}.{nearest(unknown[0], units)}")
        cells: dict[tuple[str, str], float] = {}
        for start, end, weight in pairs:
            for cell in ((start, end), (end, start)) if symmetric else ((start, end),):
                if cell in cells and cells[cell] != weight:
                    raise WeightsError(
                        f"{name}: the edge {cell[0]} to {cell[1]} stands twice with different weights. "
                        "Keep one, or set symmetric to false if each row is one direction only."
                    )
                cells[cell] = weight
        position = {unit: index for index, unit in enumerate(units)}
        matrix = sparse.coo_array(
            (list(cells.values()), ([position[a] for a, _ in cells], [position[b] for _, b in cells])),
            shape=(len(units), len(units)),
        )
        return cls.from_matrix(matrix, units, row_standardise, islands, name)

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
        first = float(self.row_sums[0])
        return first if np.allclose(self.row_sums, first, rtol=1e-10, atol=0) else None

    def restrict(self, units: Sequence[str], islands: Islands = "refuse") -> Weights:
        """Return the weights among ``units`` in that order, standardised anew.

        Raises
        ------
        WeightsError
            If a unit is unknown or is left without neighbour.
        """
        if tuple(units) == self.labels:
            return self
        position = {unit: index for index, unit in enumerate(self.labels)}
        missing = [unit for unit in units if unit not in position]
        if missing:
            raise WeightsError(
                f"{self.name} has no row for {listing(missing)}.{nearest(missing[0], self.labels)} "
                f"Its labels are {listing(self.labels, 40)}."
            )
        index = [position[unit] for unit in units]
        return Weights.from_matrix(self.raw[index][:, index], units, self.row_standardised, islands, self.name)

    def align(self, panel: Panel) -> Weights:
        """Return these weights in the panel's order.

        Raises
        ------
        WeightsError
            If the labels and the panel's units differ.
        """
        extra = sorted(set(self.labels) - set(panel.units))
        if extra and not set(panel.units) - set(self.labels):
            raise WeightsError(
                f"{self.name} has units that are not in the panel: {listing(extra)}. "
                "Take weights.restrict(panel.units) to leave them out and standardise anew."
            )
        return self.restrict(panel.units, islands="keep")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of labels and values."""
        import hashlib

        sha = hashlib.sha256(repr(self.labels).encode())
        # scipy chooses the width of its indices by the way a matrix is made
        for array in (self.matrix.indptr.astype(np.int64), self.matrix.indices.astype(np.int64), self.matrix.data):
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()

    def dense(self) -> FloatArray:
        """Return the matrix as a dense array, shape (N, N)."""
        return np.asarray(self.matrix.toarray())


class WeightsSpec(Spec):
    """A specification of spatial weights; `compute` builds them for the units of a panel."""

    role: ClassVar[str] = "weights"

    def compute(self, panel: Panel) -> Weights:
        """Return weights among all units of ``panel``, which covers the full sample.

        Parameters
        ----------
        panel : Panel
            All units and periods of the study, before any sample is taken.
        """
        raise TypeError(f"{type(self).__name__} does not say how its weights are computed; define `compute`.")


def _dense(matrix: Any, name: str) -> FloatArray:
    try:
        return np.asarray(matrix, dtype=np.float64)
    except ValueError as error:
        raise WeightsError(
            f"{name}: the weight matrix must hold a number for each pair of units, in rows of equal length ({error})."
        ) from error


def _edge(row: Sequence[Any], name: str) -> tuple[str, str, float]:
    if len(row) not in (2, 3):
        raise WeightsError(f"{name}: the edge {tuple(row)} must be (unit, neighbour) or (unit, neighbour, weight).")
    start, end = label(row[0]), label(row[1])
    try:
        return start, end, float(row[2]) if len(row) == 3 else 1.0
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{name}: the weight of the edge {start} to {end} is not a number: {row[2]!r}.") from error


def _check_values(raw: Any, units: Sequence[str], name: str) -> None:
    values = raw.tocoo()
    for bad, what in (
        (~np.isfinite(values.data), "is not a finite number"),
        (values.data < 0, "is negative"),
        (values.coords[0] == values.coords[1], "is a weight of a unit on itself; the diagonal must be 0"),
    ):
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            start, end = units[values.coords[0][k]], units[values.coords[1][k]]
            raise WeightsError(f"{name}: the weight {start} to {end} ({values.data[k]:g}) {what}.")


def _row_standardised(raw: sparse.csr_array) -> sparse.csr_array:
    sums = np.asarray(raw.sum(axis=1))
    with np.errstate(divide="ignore"):
        inverse = np.where(sums > 0, 1 / sums, 0.0)
    matrix = sparse.csr_array(sparse.diags_array(inverse) @ raw)
    # a product leaves the cells of a row in any order, and the digest reads them in theirs
    matrix.sort_indices()
    return matrix
