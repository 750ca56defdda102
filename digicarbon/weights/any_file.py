"""Weights from a file whose kind is seen from its suffix and its content."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field

from digicarbon.disk.text import TextFormat
from digicarbon.errors import WeightsError
from digicarbon.note import Note, columns_there
from digicarbon.panel import Panel
from digicarbon.source._read import SUFFIXES, check_present, read_table
from digicarbon.weights.base import TextFileWeights, Weights, WeightsSpec
from digicarbon.weights.contiguity import ContiguityWeights, read_polygons
from digicarbon.weights.distance import KNearestWeights
from digicarbon.weights.files import EdgeWeights, MatrixWeights
from digicarbon.weights.formats import GalWeights, GwtWeights, SpmatWeights, read_lines
from digicarbon.weights.nearby import K, place_columns
from digicarbon.weights.spelling import form

_POLYGONS = (".shp", ".geojson", ".json", ".gpkg")


class AnyFileWeights(TextFileWeights):
    """Weights from a file of any kind: a square table, pairs of neighbours, places, polygons, or a text format.

    A table whose first row and first column hold the same labels is square; one of two columns, or of two columns of
    labels and one of weights, has pairs; one with longitude and latitude has places, whose ``k`` nearest units weigh
    1. Polygons that share a border or corner are neighbours (queen). Write ``weights: {_target_: …}`` or another
    option where a file can be read in another way.

    Attributes
    ----------
    k : int or None
        The number of nearest units, for a file that has places; None: 5.
    """

    k: Annotated[int, Field(ge=1)] | None = None

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError if the file cannot be read; WeightsError if its kind cannot be seen, or as the weights of
        that kind.
        """
        return self.seen(panel).compute(panel)

    def compute_without(self, panel: Panel, absent: Collection[str]) -> Weights:
        """Return what `compute` does, without units in ``absent`` that the file leaves out."""
        return self.seen(panel).compute_without(panel, absent)

    def seen(self, panel: Panel) -> WeightsSpec:
        """Return the specification of the weights that the file holds.

        Raises DataError if the file cannot be read; WeightsError if its kind cannot be seen.
        """
        spec = self._kind(panel)
        if self.k is not None and not isinstance(spec, KNearestWeights):
            raise WeightsError(Note("weights_k_without_places", key="weights.k", file=Path(self.path).name, k=self.k))
        return spec

    def _kind(self, panel: Panel) -> WeightsSpec:
        name = self.path.lower()
        fields: dict[str, Any] = {"path": self.path, "normalise": self.normalise, "extra": self.extra}
        written: dict[str, Any] = {**fields, "islands": self.islands, "encoding": self.encoding}
        if name.endswith(_POLYGONS):
            return ContiguityWeights(**fields, islands=self.islands, unit=_labelled(self.path, panel))
        if name.endswith(".gal"):
            return GalWeights(**written)
        if name.endswith(".gwt"):
            return GwtWeights(**written)
        if not name.endswith(SUFFIXES) or (name.endswith(".txt") and _is_counted(self.path, self.encoding)):
            return _of_text(self.path, self.encoding, written)
        frame = read_table(self.path, "weights", lambda names: names[:2], written=TextFormat(self.encoding)).frame
        return self._of_table(frame, written)

    def _of_table(self, frame: pd.DataFrame, written: dict[str, Any]) -> WeightsSpec:
        names = [str(name) for name in frame.columns]
        first = [str(label).strip() for label in frame.iloc[:, 0]]
        if len(names) == len(first) + 1 and (len(names) > 4 or set(first) == {name.strip() for name in names[1:]}):
            return MatrixWeights(**written)
        places = place_columns(names, ("x", "y"))
        if places is not None and len(set(first)) == len(first):
            return KNearestWeights(
                k=self.k or K,
                coordinates=self.path,
                unit=names[0],
                longitude=places[0],
                latitude=places[1],
                normalise=self.normalise,
                encoding=self.encoding,
            )
        if len(names) == 2:
            return EdgeWeights(**written)
        # a text among the weights is refused with its row
        if len(names) == 3 and pd.to_numeric(frame[names[2]], errors="coerce").notna().any():
            pairs = zip(frame[names[0]].astype(str), frame[names[1]].astype(str), strict=True)
            # a file with both directions of a pair gives each its own weight
            once = len({tuple(sorted(pair)) for pair in pairs}) == len(frame)
            return EdgeWeights(**written, origin=names[0], destination=names[1], weight=names[2], symmetric=once)
        raise _unseen(self.path, names)


def _unseen(path: str, names: list[str]) -> WeightsError:
    return WeightsError(Note("weights_kind_unseen", key="weights", file=Path(path).name, columns=columns_there(names)))


def _labelled(path: str, panel: Panel) -> str:
    """Return the column of a file of polygons that has the labels of the panel's units."""
    check_present(Path(path), "weights.path")
    frame = read_polygons(Path(path))
    names = [str(name) for name in frame.columns if name != frame.geometry.name]
    columns = [name for name in names if set(panel.units) <= set(frame[name].astype(str).str.strip())]
    if not columns:
        known = {form(unit) for unit in panel.units}
        columns = sorted(names, key=lambda name: -len(known & {form(label) for label in frame[name].astype(str)}))
    if not columns:
        raise _unseen(path, names)
    return columns[0]


def _is_counted(path: str, encoding: str | None) -> bool:
    """Return whether a text begins with a line that is one whole number, as Stata's matrices do."""
    words = read_lines(path, encoding)[0][1]
    return len(words) == 1 and words[0].isdecimal()


def _of_text(path: str, encoding: str | None, written: dict[str, Any]) -> WeightsSpec:
    """Return weights in a text format of Stata, in which the first line is the number of units."""
    lines = [words for _, words in read_lines(path, encoding) if words]
    count = int(lines[0][0]) if len(lines[0]) == 1 and lines[0][0].isdecimal() else 0
    layout: Literal["matrix", "neighbours"]
    layout = "matrix" if all(len(words) == count + 1 for words in lines[1:]) else "neighbours"
    return SpmatWeights(**written, layout=layout)
