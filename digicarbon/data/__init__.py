"""Facts that never change: provinces, capitals, regions, adjacency, fuel factors, sectors and units of measurement."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from io import StringIO

import pandas as pd


@cache
def _table(name: str) -> pd.DataFrame:
    text = files("digicarbon.data").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return pd.read_csv(StringIO(text))


def provinces() -> pd.DataFrame:
    """Return the 30 provinces of mainland China without Tibet.

    Returns
    -------
    DataFrame
        Columns ``province``, ``adcode`` (GB/T 2260), ``name_zh``, ``short_zh``, ``capital_zh``, ``longitude`` and
        ``latitude`` of the capital (degrees), ``region`` (northeast, east, central, west), ``municipality`` (0 or 1).
    """
    return _table("provinces").copy()


def adjacency() -> pd.DataFrame:
    """Return the 65 pairs of neighbouring provinces (queen contiguity, Hainan joined to Guangdong), each once."""
    return _table("adjacency").copy()


def tiles() -> pd.DataFrame:
    """Return a grid that stands for a map of China: a square for each of its 34 provinces and regions.

    Returns
    -------
    DataFrame
        Columns ``place`` (as in `provinces`, and four more), ``code`` (two letters, GB/T 2260), ``name_zh`` (short),
        ``row`` (1 is north), ``column`` (1 is west). Neighbours on the ground are neighbours on the grid where a grid
        can have it so.
    """
    return _table("tiles").copy()


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


def sectors() -> pd.DataFrame:
    """Return the 42 sectors of the Chinese input-output tables.

    Returns
    -------
    DataFrame
        Columns ``sector`` (English name), ``name_zh``, ``industry`` (primary, secondary, tertiary), ``digital``
        (``manufacturing``, ``services`` or empty).
    """
    return _table("sectors").copy()


def indicators() -> pd.DataFrame:
    """Return the plain names of the statistics bureau's indicators by province.

    Returns
    -------
    DataFrame
        Columns ``indicator`` (the bureau's name without its unit), ``series`` (the name that a panel uses), ``unit``
        (that of the series, one of `units`).
    """
    return _table("indicators").copy()


def units() -> pd.DataFrame:
    """Return the units of measurement of Chinese statistics.

    Returns
    -------
    DataFrame
        Columns ``unit`` (as a table prints it, or as a panel names it), ``quantity`` (what it measures; units of one
        quantity convert into each other), ``size`` (in the smallest unit of the quantity).
    """
    return _table("units").copy()


def ceads_fuels() -> pd.DataFrame:
    """Return the 20 energy carriers of the CEADs inventories.

    Returns
    -------
    DataFrame
        Columns ``fuel`` (tidy name), ``name`` (as published), ``name_zh``, ``more`` (further spellings, parted by
        ``|``), ``unit`` (of the energy inventory). The last three are no fuels: heat, electricity, other energy.
    """
    return _table("ceads_fuels").fillna("")


def ceads_sectors() -> pd.DataFrame:
    """Return the rows of the CEADs inventories in the order in which they are published.

    Returns
    -------
    DataFrame
        Columns ``sectoral`` and ``energy`` (the row's name in the sectoral and in the energy inventory, empty where
        that has no such row; the 47 sectors are in both), ``more`` (further spellings, parted by ``|``).
    """
    return _table("ceads_sectors").fillna("")


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
def notes() -> Mapping[str, str]:
    """Return the sentences of notes under tables, and the phrases they are made of: English, then Chinese.

    `digicarbon.report.notes` says what ``{…}`` and ``[…|…]`` mean.
    """
    return {str(row.en): str(row.zh) for row in _table("notes").itertuples(index=False)}


@cache
def _words() -> tuple[Mapping[str, Mapping[str, str]], ...]:
    found: tuple[dict[str, Mapping[str, str]], ...] = ({}, {}, {})
    for row in _table("labels").itertuples(index=False):
        found[{"word": 1, "unit": 2}.get(str(row.kind), 0)][str(row.term)] = {"en": str(row.en), "zh": str(row.zh)}
    return found


@cache
def _spellings() -> Mapping[str, str]:
    table = _table("provinces")
    return {
        str(row[column]).casefold(): str(row["province"])
        for _, row in table.iterrows()
        for column in ("province", "adcode", "name_zh", "short_zh")
    }


def province(name: str) -> str | None:
    """Return the English name of a province given in English, in Chinese (full or short) or as adcode, else None."""
    return _spellings().get(name.strip().casefold())
