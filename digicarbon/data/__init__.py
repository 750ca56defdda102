"""Facts that never change: fuel factors, units of measurement, ranges of series, and words in two languages."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from io import StringIO
from typing import TYPE_CHECKING

from digicarbon import pack
from digicarbon.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd


@cache
def read(name: str, package: str) -> pd.DataFrame:
    """Return a table of facts, a CSV file of a package; a caller that changes it must copy it first."""
    # words of messages are read without pandas, which is slow to import
    import pandas as pd

    return pd.read_csv(StringIO(_text(name, package)))


def _text(name: str, package: str) -> str:
    return files(package).joinpath(f"{name}.csv").read_text(encoding="utf-8")


def _table(name: str) -> pd.DataFrame:
    return read(name, __name__)


def series_ranges() -> pd.DataFrame:
    """Return the possible values of common regional series, for units from counties to states.

    Returns columns ``series``, ``unit``, ``least`` (smaller values are impossible; missing if all are possible),
    ``low`` and ``high`` (values outside are implausible).
    """
    return _table("series").copy()


def fuels() -> pd.DataFrame:
    """Return the factors of the seven fuels of the study's Table 4.

    Returns columns ``fuel``, ``unit`` (10kt, or 100m m3 for gas), ``calorific_value_kj`` (low, per kg or m3),
    ``carbon_content_t_per_tj``, ``oxidation``.
    """
    return _table("fuels").copy()


def units() -> pd.DataFrame:
    """Return the units of measurement of Chinese statistics.

    Returns columns ``unit`` (as printed in a table or named in a panel), ``quantity`` (what it measures; units of one
    quantity convert into each other), ``size`` (in the smallest unit of the quantity).
    """
    return _table("units").copy()


def terms() -> Mapping[str, Mapping[str, str]]:
    """Return the labels of variables and parameters in tables and figures: name, then ``en`` or ``zh``."""
    return _words()[0]


def words() -> Mapping[str, Mapping[str, str]]:
    """Return row headings and other fixed words of tables and figures: key, then ``en`` or ``zh``."""
    return _words()[1]


def unit_words() -> Mapping[str, Mapping[str, str]]:
    """Return the labels of units of measurement on maps: the unit as a report names it, then ``en`` or ``zh``."""
    return _words()[2]


def choice_words() -> Mapping[str, Mapping[str, str]]:
    """Return the labels of choices: a config group or a field, then ``en`` or ``zh``."""
    return _words()[3]


def option_words() -> Mapping[str, Mapping[str, str]]:
    """Return the labels of their values: ``group=option`` or ``field=value``, then ``en`` or ``zh``."""
    return _words()[4]


def column_words() -> Mapping[str, Mapping[str, str]]:
    """Return the labels of the shipped experiments' columns and titles: their text, then ``en`` or ``zh``."""
    return _words()[5]


@cache
def variables() -> frozenset[str]:
    """Return the names of the package's own columns, which have labels; those of rows mean the same in any data."""
    return frozenset(row["term"] for row in _rows("labels") if row["kind"] == "variable")


@cache
def note_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of notes and of phrases in notes: code, then ``en`` or ``zh``.

    `digicarbon.note` explains ``{…}`` and ``[…|…]``. `old_note_words` are included.
    """
    return {code: words for name in ("notes", "old_notes") for code, words in _by_code(name).items()}


@cache
def error_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of errors and of phrases that only errors use: code, then ``en`` or ``zh``."""
    return _by_code("errors")


@cache
def command_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of what commands print, their help among it: code, then ``en`` or ``zh``."""
    return _by_code("commands")


@cache
def page_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of a page around its tables: code, then ``en`` or ``zh``."""
    return _by_code("page")


@cache
def brief_words() -> Mapping[str, Mapping[str, str]]:
    """Return the short words of notes that stand under a table that shows only some: code, then ``en`` or ``zh``.

    ``+`` are the words of the note itself; ``=`` as well, of a caution, which has a line of its own.
    """
    return _by_code("brief")


@cache
def old_note_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of notes that earlier versions recorded and this version no longer writes."""
    return _by_code("old_notes")


def _by_code(name: str) -> dict[str, Mapping[str, str]]:
    return {row["code"]: {"en": row["en"], "zh": row["zh"]} for row in _rows(name)}


def _rows(name: str) -> Iterator[Mapping[str, str]]:
    """Yield the rows of a table of words, those of packs after those of the core."""
    for text in (_text(name, __name__), *pack.words(name)):
        # not with pandas, which takes a row such as "null" for a missing value
        yield from csv.DictReader(StringIO(text))


@cache
def _words() -> tuple[Mapping[str, Mapping[str, str]], ...]:
    words: tuple[dict[str, Mapping[str, str]], ...] = ({}, {}, {}, {}, {}, {})
    for row in _rows("labels"):
        kind = {"word": 1, "unit": 2, "choice": 3, "option": 4, "column": 5}.get(row["kind"], 0)
        words[kind][row["term"]] = {"en": row["en"], "zh": row["zh"]}
    return words


lazy(__name__)
