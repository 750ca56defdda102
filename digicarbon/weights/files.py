"""Weights from the user's own file: a square matrix or a list of edges."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon.disk.text import TextFormat
from digicarbon.errors import WeightsError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.panel import Panel
from digicarbon.source._read import read_table
from digicarbon.weights.base import (
    COLUMN,
    ROW,
    TextFileWeights,
    Weights,
    check_coverage,
    file_labels,
    refuse_extra,
    refuse_twice,
)
from digicarbon.weights.spelling import as_spelt

_ENDS = ("unit", "neighbour")
_ALONE = Note("weights_unit_alone")
_OF_PERIOD = Note("weights_unit_of_period")


class MatrixWeights(TextFileWeights):
    """A square table of weights: unit labels in the first column and in the first row.

    ``w[i, j]``, in the row of i and the column of j, is the weight of j in i's neighbourhood. Rows and columns are
    matched by label and may be in different orders. Labels are those of the panel.

    Attributes
    ----------
    path : str
        A CSV, TSV, Excel, Stata or Parquet file; a relative path starts at the working directory.
    """

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError if the file cannot be read; WeightsError if the labels of rows, columns and panel differ, or a
        cell is empty, text or not a valid weight.
        """
        return self._among(panel, None)

    def compute_without(self, panel: Panel, absent: Collection[str]) -> Weights:
        """Return what `compute` does, without the units in ``absent`` that the file leaves out."""
        return self._among(panel, absent)

    def _among(self, panel: Panel, absent: Collection[str] | None) -> Weights:
        file = Path(self.path)
        written = TextFormat(self.encoding)
        frame = read_table(self.path, "weights", lambda names: names[:1], written=written).frame
        rows = file_labels(frame.iloc[:, 0], file.name)
        columns = file_labels(pd.Series(list(frame.columns[1:]), dtype=object), file.name)
        unit, notes = as_spelt((*rows, *columns), panel.units, file.name)
        rows, columns = [unit[one] for one in rows], [unit[one] for one in columns]
        _check_square(rows, columns, file.name)
        units = _there(panel.units, rows, absent)
        check_coverage(units, rows, file.name, "" if absent is None else _OF_PERIOD)
        refuse_extra(panel.units, rows, file.name, self.extra)
        square = pd.DataFrame(frame.iloc[:, 1:].to_numpy(dtype=object), index=rows, columns=columns)
        values = _numbers(square.loc[units, units], file.name)
        made = Weights.from_matrix(values, units, islands=self.islands, name=file.stem, normalise=self.normalise)
        return made.noting(*notes)


class EdgeWeights(TextFileWeights):
    """A list of neighbours: a row per pair, with or without a weight.

    Attributes
    ----------
    path : str
        A CSV, TSV, Excel, Stata or Parquet file; a relative path starts at the working directory.
    origin : str
        The column of the unit. If neither column is set, a file of two columns is read in their order, whatever
        their names; only ``neighbour, …`` and ``…, unit`` are read the other way round.
    destination : str
        The column of its neighbour.
    weight : str or None
        The column of the weight; if None, each pair weighs 1.
    symmetric : bool
        Whether a row means both directions.
    islands : {"refuse", "keep"}
        What to do with a unit that has no neighbour; ``"keep"`` also allows units that no row names.
    """

    origin: str = _ENDS[0]
    destination: str = _ENDS[1]
    weight: str | None = None
    symmetric: bool = True

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError if the file cannot be read; WeightsError if a column is missing, the labels of file and panel
        differ, or a weight is missing, text or not valid.
        """
        return self.among(self.read(), panel, Path(self.path).stem)

    def compute_without(self, panel: Panel, absent: Collection[str]) -> Weights:
        """Return what `compute` does, without the units in ``absent`` that no row names."""
        return self.among(self.read(), panel, Path(self.path).stem, absent)

    def read(self) -> pd.DataFrame:
        """Return the file as a table.

        Raises DataError if the file cannot be read.
        """
        return read_table(self.path, "weights", self._ends, written=TextFormat(self.encoding)).frame

    def among(self, frame: pd.DataFrame, panel: Panel, name: str, absent: Collection[str] | None = None) -> Weights:
        """Return what `compute` does, of some rows of the file and with a name, without units in ``absent``."""
        file = Path(self.path)
        edges = self._edges(frame, file.name)
        unit, notes = as_spelt((*edges["origin"], *edges["destination"]), panel.units, file.name)
        edges = edges.assign(origin=edges["origin"].map(unit), destination=edges["destination"].map(unit))
        known = {*edges["origin"], *edges["destination"]}
        units = _there(panel.units, known, absent)
        if self.islands == "refuse":
            check_coverage(units, known, file.name, _ALONE if absent is None else _OF_PERIOD)
        refuse_extra(panel.units, known, file.name, self.extra)
        inside = edges["origin"].isin(panel.units) & edges["destination"].isin(panel.units)
        made = Weights.from_edges(
            edges[inside], units, self.symmetric, islands=self.islands, name=name, normalise=self.normalise
        )
        return made.noting(*notes)

    def _ends(self, names: Sequence[str]) -> tuple[str, str]:
        """Return the columns of the unit and of its neighbour in a file with columns of these names."""
        ends = (self.origin, self.destination)
        if ends != _ENDS or len(names) != 2 or self.weight is not None:
            return ends
        first, second = names
        return (second, first) if first == self.destination or second == self.origin else (first, second)

    def _edges(self, frame: pd.DataFrame, file: str) -> pd.DataFrame:
        """Return the columns origin, destination and weight."""
        names = [str(name) for name in frame.columns]
        ends = self._ends(names)
        for key, name in (("origin", ends[0]), ("destination", ends[1]), ("weight", self.weight)):
            if name is not None and name not in names:
                raise WeightsError(
                    Note(
                        "weights_edges_column",
                        key=f"weights.{key}",
                        file=file,
                        column=name,
                        hint=suggestion(name, names),
                        columns=columns_there(names),
                    )
                )
        origin, destination = file_labels(frame[ends[0]], file), file_labels(frame[ends[1]], file)
        edges = pd.DataFrame({"origin": origin, "destination": destination, "weight": 1.0})
        if self.weight is None:
            return edges
        pairs = [f"{start} to {end}" for start, end in zip(origin, destination, strict=True)]
        weights = frame[[self.weight]].set_axis(pairs, axis=0)
        return edges.assign(weight=_numbers(weights, file)[:, 0])


def _there(units: Sequence[str], known: Collection[str], absent: Collection[str] | None) -> list[str]:
    """Return the units that the labels of a file must have, and those that they have beside them."""
    return [unit for unit in units if unit in known or unit not in (absent or ())]


def _check_square(rows: list[str], columns: list[str], file: str) -> None:
    for labels, what in ((rows, ROW), (columns, COLUMN)):
        refuse_twice(labels, file, what)
    for these, those, what, other in ((rows, columns, ROW, COLUMN), (columns, rows, COLUMN, ROW)):
        alone = [item for item in these if item not in set(those)]
        if alone:
            raise WeightsError(
                Note(
                    "weights_row_without_column",
                    file=file,
                    what=what,
                    other=other,
                    labels=cut(alone),
                    hint=suggestion(alone[0], those),
                )
            )


def _numbers(cells: pd.DataFrame, file: str) -> NDArray[np.float64]:
    """Return the cells as numbers, shape of ``cells``."""
    values = np.asarray(cells.apply(pd.to_numeric, errors="coerce"), dtype=np.float64)
    bad = np.argwhere(np.isnan(values))
    if len(bad):
        i, j = bad[0]
        cell = cells.iloc[i, j]
        why = Note("weights_cell_empty") if pd.isna(cell) else Note("weights_cell_no_number", value=repr(cell))
        raise WeightsError(Note("weights_cell", file=file, row=cells.index[i], column=cells.columns[j], why=why))
    return values
