"""Weights in the text formats of GeoDa, PySAL and Stata."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from digicarbon.disk.text import TextFormat, decoded
from digicarbon.errors import DataError, WeightsError
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.source._read import check_present
from digicarbon.weights.base import (
    UNIT,
    TextFileWeights,
    Weights,
    check_coverage,
    file_labels,
    refuse_extra,
    refuse_twice,
)
from digicarbon.weights.spelling import as_spelt

Line = tuple[int, list[str]]
"""A line's number in its file and its words."""


@dataclass(frozen=True)
class Links:
    """The content of a file of weights, with labels as written there.

    ``units``: each unit once, in the order of the file. ``edges``: unit, neighbour, weight; one direction each.
    """

    units: tuple[str, ...]
    edges: tuple[tuple[str, str, float], ...]


class TextWeights(TextFileWeights):
    """Weights in a text file whose words are separated by blanks.

    Labels contain no blank in these formats: ``Inner_Mongolia`` is the unit ``Inner Mongolia`` where the panel has no
    unit with the underscore.

    Fields are those of `digicarbon.weights.base.TextFileWeights`.
    """

    def links(self, lines: Sequence[Line], file: str) -> Links:
        """Return the links in the lines of the file; each format reads them in its own way.

        Raises WeightsError if a line is wrong; the message names file and line.
        """
        raise TypeError(f"{type(self).__name__} does not say how its file is read; define `links`.")

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units, labelled and ordered as the panel.

        Raises DataError if the file cannot be read; WeightsError if a line is wrong, the labels of file and panel
        differ, or a unit has no neighbour and ``islands`` is ``"refuse"``.
        """
        file = Path(self.path)
        links = self.links(read_lines(self.path, self.encoding), file.name)
        labels = file_labels(pd.Series(links.units, dtype=object), file.name)
        spelt, notes = as_spelt((_unit(name, panel.units) for name in labels), panel.units, file.name)
        units = [spelt[_unit(name, panel.units)] for name in labels]
        refuse_twice(units, file.name, UNIT)
        check_coverage(panel.units, units, file.name)
        refuse_extra(panel.units, units, file.name, self.extra)
        unit = dict(zip(links.units, units, strict=True))
        known = set(panel.units)
        edges = [(unit[a], unit[b], w) for a, b, w in links.edges if unit[a] in known and unit[b] in known and w != 0]
        made = Weights.from_edges(
            edges, panel.units, symmetric=False, islands=self.islands, name=file.stem, normalise=self.normalise
        )
        return made.noting(*notes)


class GalWeights(TextWeights):
    """Neighbours in a ``.gal`` file of GeoDa, PySAL or R's spdep; each weighs 1.

    The first line is ``n``, or ``0 n shapefile column``. Then two lines follow for each unit: its label and number of
    neighbours, and the labels of the neighbours (an empty line, or no line, if it has none).
    """

    def links(self, lines: Sequence[Line], file: str) -> Links:
        """Return the links in the lines of the file.

        Raises WeightsError if a count is wrong or a neighbour is no unit of the file.
        """
        n, body = _headed(lines, file)
        units: dict[str, None] = {}
        edges: list[tuple[str, str, float]] = []
        neighbours: list[tuple[int, str]] = []
        rest = iter(line for line in body if line[1])
        for number, words in rest:
            if len(words) != 2 or not words[1].isdecimal():
                raise WeightsError(Note("weights_line_label", file=file, line=number, text=" ".join(words)))
            label, count = words[0], int(words[1])
            _refuse_again(label, units, file, number)
            units[label] = None
            number, names = next(rest, (number, [])) if count else (number, [])
            if len(names) != count:
                raise WeightsError(
                    Note("weights_line_count", file=file, line=number, unit=label, count=count, found=len(names))
                )
            neighbours += [(number, name) for name in names]
            edges += [(label, name, 1.0) for name in names]
        _check_count(n, units, file)
        _check_known(neighbours, units, file)
        return Links(tuple(units), tuple(edges))


class GwtWeights(TextWeights):
    """Pairs in a ``.gwt`` file of GeoDa or PySAL.

    The first line is ``0 n shapefile column``. Each further line is a unit, its neighbour and a number. GeoDa writes
    the distance, both for nearest neighbours and for distance bands; PySAL writes the weight.

    Attributes
    ----------
    values : {"weight", "distance", "binary"}
        Whether the number is the weight, is a distance whose inverse is the weight, or is replaced by 1.
    """

    values: Literal["weight", "distance", "binary"] = "weight"

    def links(self, lines: Sequence[Line], file: str) -> Links:
        """Return the links in the lines of the file.

        Raises WeightsError if a line does not have three words, the last a number, or a distance is 0.
        """
        n, body = _headed(lines, file)
        units: dict[str, None] = {}
        edges: list[tuple[str, str, float]] = []
        for number, words in body:
            if not words:
                continue
            if len(words) != 3:
                raise WeightsError(Note("weights_line_pair", file=file, line=number, words=str(words)))
            start, end = words[:2]
            units.update({start: None, end: None})
            edges.append((start, end, self._weight(_number(words[2], file, number), start, end, file, number)))
        if len(units) > n:
            raise WeightsError(Note("weights_more_units", file=file, line=1, units=n, found=len(units)))
        return Links(tuple(units), tuple(item for item in edges if item[0] != item[1] or item[2] != 0))

    def _weight(self, value: float, start: str, end: str, file: str, line: int) -> float:
        if self.values == "distance" and start != end:
            if value == 0:
                raise WeightsError(Note("weights_distance_zero", file=file, line=line, start=start, end=end))
            return 1 / value
        return 1.0 if self.values == "binary" and start != end else value


class SpmatWeights(TextWeights):
    """A matrix that Stata's ``spmatrix export`` or Drukker et al.'s ``spmat export`` wrote.

    The first line is the number n of units. Each of the n lines below it holds a unit's identifier and the n weights of
    its row; columns are in the order of rows. With ``layout=neighbours`` (``spmat export, nlist``) each line holds
    the identifiers of a unit and of its neighbours, and each neighbour weighs 1. Banded matrices, with two further
    numbers in the first line, and files without identifiers (``noid``) are refused.

    Attributes
    ----------
    layout : {"matrix", "neighbours"}

    References
    ----------
    StataCorp, Spatial Autoregressive Models Reference Manual, [SP] spmatrix export; Drukker, Peng, Prucha & Raciborski
    (2013), Stata Journal 13, 242-286.
    """

    layout: Literal["matrix", "neighbours"] = "matrix"

    def links(self, lines: Sequence[Line], file: str) -> Links:
        """Return the links in the lines of the file.

        Raises WeightsError if the first line is not one number, or a line has a wrong number of words or a word that is
        no number.
        """
        number, header = lines[0]
        if len(header) != 1 or not header[0].isdecimal():
            raise WeightsError(Note("weights_line_head", file=file, line=number, text=" ".join(header)))
        body = [line for line in lines[1:] if line[1]]
        n = int(header[0])
        units: dict[str, None] = {}
        for number, words in body:
            if self.layout == "matrix" and len(words) != n + 1:
                raise WeightsError(
                    Note("weights_line_words", file=file, line=number, units=n, words=n + 1, found=len(words))
                )
            _refuse_again(words[0], units, file, number)
            units[words[0]] = None
        _check_count(n, units, file)
        if self.layout == "neighbours":
            _check_known([(number, name) for number, words in body for name in words[1:]], units, file)
            return Links(tuple(units), tuple((words[0], name, 1.0) for _, words in body for name in words[1:]))
        return Links(tuple(units), tuple(_rows(body, list(units), file)))


def read_lines(path: str, encoding: str | None = None) -> list[Line]:
    """Return the lines of a text file as words, starting with the first line that is not empty.

    Raises DataError if the file is missing, empty or not text of that encoding.
    """
    file = Path(path)
    check_present(file, "weights.path")
    text, _ = decoded(file, "weights", TextFormat(encoding))
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1)]
    while lines and not lines[0][1]:
        lines.pop(0)
    if not lines:
        raise DataError(Note("weights_file_empty", file=file.name))
    return lines


def _headed(lines: Sequence[Line], file: str) -> tuple[int, Sequence[Line]]:
    """Return the number of units in the first line of a GeoDa file, and the lines below it."""
    number, words = lines[0]
    count = words[0] if len(words) == 1 else words[1]
    if not count.isdecimal():
        raise WeightsError(Note("weights_line_geoda_head", file=file, line=number, text=" ".join(words)))
    return int(count), lines[1:]


def _rows(body: Sequence[Line], units: Sequence[str], file: str) -> Iterator[tuple[str, str, float]]:
    """Return the weights of a full matrix that are not zero."""
    for number, words in body:
        try:
            row = np.array(words[1:], dtype=np.float64)
        except ValueError:
            row = np.array([_number(word, file, number) for word in words[1:]])
        for place in np.flatnonzero(row).tolist():
            yield words[0], units[place], float(row[place])


def _number(word: str, file: str, line: int) -> float:
    try:
        return float(word)
    except ValueError as error:
        raise WeightsError(Note("weights_line_number", file=file, line=line, text=word)) from error


def _unit(name: str, units: Sequence[str]) -> str:
    """Return the panel's label for one in which blanks are written as underscores."""
    spaced = name.replace("_", " ")
    return spaced if name not in units and spaced in units else name


def _refuse_again(label: str, units: dict[str, None], file: str, line: int) -> None:
    if label in units:
        raise WeightsError(Note("weights_line_again", file=file, line=line, unit=label))


def _check_count(n: int, units: dict[str, None], file: str) -> None:
    if len(units) != n:
        raise WeightsError(Note("weights_fewer_units", file=file, line=1, units=n, found=len(units)))


def _check_known(neighbours: Sequence[tuple[int, str]], units: dict[str, None], file: str) -> None:
    for line, name in neighbours:
        if name not in units:
            raise WeightsError(Note("weights_line_unknown", file=file, line=line, unit=name))
