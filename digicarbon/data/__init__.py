"""Facts that never change: fuel factors, units of measurement, what series can be, and words in two languages."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import StringIO
from typing import TYPE_CHECKING

from digicarbon.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd


@cache
def read(name: str, package: str) -> pd.DataFrame:
    """Return a table of facts that stands as a CSV file in a package; a caller who changes it takes a copy."""
    # an error is said without it
    import pandas as pd

    return pd.read_csv(StringIO(_text(name, package)))


def _text(name: str, package: str) -> str:
    return files(package).joinpath(f"{name}.csv").read_text(encoding="utf-8")


def _table(name: str) -> pd.DataFrame:
    return read(name, __name__)


def series_ranges() -> pd.DataFrame:
    """Return what values common series of regions can have, from counties to provinces.

    Returns
    -------
    DataFrame
        Columns ``series``, ``unit``, ``least`` (smaller is impossible; missing where nothing is), ``low`` and ``high``
        (outside is implausible).
    """
    return _table("series").copy()


def fuels() -> pd.DataFrame:
    """Return the factors of the seven fuels of the study's Table 4.

    Returns
    -------
    DataFrame
        Columns ``fuel``, ``unit`` (10kt, or 100m m3 for gas), ``calorific_value_kj`` (low, per kg or m3),
        ``carbon_content_t_per_tj``, ``oxidation``.
    """
    return _table("fuels").copy()


def units() -> pd.DataFrame:
    """Return the units of measurement of Chinese statistics.

    Returns
    -------
    DataFrame
        Columns ``unit`` (as a table prints it, or as a panel names it), ``quantity`` (what it measures; units of one
        quantity convert into each other), ``size`` (in the smallest unit of the quantity).
    """
    return _table("units").copy()


def terms() -> Mapping[str, Mapping[str, str]]:
    """Return what variables and parameters are called in tables and pictures: name, then ``en`` or ``zh``."""
    return _words()[0]


def words() -> Mapping[str, Mapping[str, str]]:
    """Return the heads of rows and other fixed words of tables and pictures: key, then ``en`` or ``zh``."""
    return _words()[1]


def unit_words() -> Mapping[str, Mapping[str, str]]:
    """Return what units of measurement are called on maps: the unit as a report names it, then ``en`` or ``zh``."""
    return _words()[2]


@cache
def note_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of notes and of the phrases that they are made of: code, then ``en`` or ``zh``.

    `digicarbon.note` says what ``{…}`` and ``[…|…]`` mean. `sentence_words` and `old_note_words` are among them.
    """
    return {code: words for name in ("notes", "sentences", "old_notes") for code, words in _by_code(name).items()}


@cache
def error_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of errors and of the phrases that they alone are made of: code, then ``en`` or ``zh``."""
    return _by_code("errors")


@cache
def sentence_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of notes that are made as English sentences and recognised when they are shown.

    These are regions in the table of turning points, and citations that stand in files.
    """
    return _by_code("sentences")


@cache
def old_note_words() -> Mapping[str, Mapping[str, str]]:
    """Return the words of notes that earlier versions recorded and that this one does not make."""
    return _by_code("old_notes")


def _by_code(name: str) -> dict[str, Mapping[str, str]]:
    rows = csv.DictReader(StringIO(_text(name, __name__)))
    return {row["code"]: {"en": row["en"], "zh": row["zh"]} for row in rows}


@cache
def _words() -> tuple[Mapping[str, Mapping[str, str]], ...]:
    found: tuple[dict[str, Mapping[str, str]], ...] = ({}, {}, {})
    for row in _table("labels").itertuples(index=False):
        found[{"word": 1, "unit": 2}.get(str(row.kind), 0)][str(row.term)] = {"en": str(row.en), "zh": str(row.zh)}
    return found


lazy(
    __name__,
    dict.fromkeys(
        ("adjacency", "ceads_fuels", "ceads_sectors", "indicators", "province", "provinces", "sectors", "tiles"),
        "digicarbon.china.facts",
    ),
)
