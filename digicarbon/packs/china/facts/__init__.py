"""Facts on China: provinces, capitals, regions, adjacency, sectors, carriers and the statistics bureau's indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.data import read

TIBET = "Tibet"
"""The province that most studies leave out, as statistics of its energy and industries are missing."""


def _table(name: str) -> pd.DataFrame:
    return read(name, __name__)


def provinces(tibet: bool = False) -> pd.DataFrame:
    """Return the 30 provinces of mainland China that most studies have, or all 31 of them.

    Returns columns ``province``, ``adcode`` (GB/T 2260), ``name_zh``, ``short_zh``, ``capital_zh``, ``longitude`` and
    ``latitude`` of the capital (degrees), ``region`` (northeast, east, central, west), ``municipality`` (0 or 1).
    """
    table = _table("provinces")
    return table[tibet | (table["province"] != TIBET)].reset_index(drop=True)


def province(name: str) -> str | None:
    """Return the English name of a province given in English, in Chinese (full or short) or as adcode, else None."""
    return spellings().get(name.strip().casefold())


@cache
def spellings() -> Mapping[str, str]:
    """Return the English names of provinces by the casefolded spellings that `province` knows."""
    table = provinces(tibet=True)
    return {
        str(row[column]).casefold(): str(row["province"])
        for _, row in table.iterrows()
        for column in ("province", "adcode", "name_zh", "short_zh")
    }


def adjacency(tibet: bool = False) -> pd.DataFrame:
    """Return the pairs of neighbouring provinces (queen contiguity, Hainan joined to Guangdong), each once.

    They are the 65 pairs of the 30 provinces that most studies have, or the 69 pairs of all 31.
    """
    table = _table("adjacency")
    return table[tibet | (table != TIBET).all(axis=1)].reset_index(drop=True)


def links(names: Sequence[str]) -> FloatArray:
    """Return which of some provinces are neighbours, 1 or 0, shape (N, N)."""
    position = {name: index for index, name in enumerate(names)}
    out = np.zeros((len(position), len(position)))
    for start, end in adjacency(tibet=True)[["province", "neighbour"]].itertuples(index=False):
        if start in position and end in position:
            out[position[start], position[end]] = out[position[end], position[start]] = 1.0
    return out


def tiles() -> pd.DataFrame:
    """Return a grid as a simple map of China: a square for each of its 34 provinces and regions.

    Returns columns ``place`` (as in `provinces`, and four more), ``code`` (two letters, GB/T 2260), ``name_zh``
    (short), ``row`` (1 is north), ``column`` (1 is west). Neighbouring provinces are neighbours on the grid as far as
    possible.
    """
    return _table("tiles").copy()


def changes() -> pd.DataFrame:
    """Return provinces and prefectures that were renamed, merged or split since 1997, those that panels often have.

    Returns columns ``year`` (the first one with the new names and borders), ``kind`` (``renamed``, ``merged`` or
    ``split``), ``place`` and ``en`` (what was renamed, merged into others, or split from them), ``others`` and
    ``others_en`` (the new name, or the others, separated by ``|``), ``source``.
    """
    return _table("changes").copy()


def sectors() -> pd.DataFrame:
    """Return the 42 sectors of the Chinese input-output tables.

    Returns columns ``sector`` (English name), ``name_zh``, ``industry`` (primary, secondary, tertiary), ``digital``
    (``manufacturing``, ``services`` or empty).
    """
    return _table("sectors").copy()


def indicators() -> pd.DataFrame:
    """Return the plain names of the statistics bureau's indicators by province.

    Returns columns ``indicator`` (the bureau's name without its unit), ``series`` (the name that a panel uses),
    ``unit`` (that of the series, one of `units`).
    """
    return _table("indicators").copy()


def ceads_fuels() -> pd.DataFrame:
    """Return the 20 energy carriers of the CEADs inventories.

    Columns are ``fuel`` (tidy name), ``name`` (as published), ``name_zh``, ``more`` (further spellings, separated
    by ``|``), ``unit`` (of the energy inventory). The last three are no fuels: heat, electricity, other energy.
    """
    return _table("ceads_fuels").fillna("")


def ceads_sectors() -> pd.DataFrame:
    """Return the rows of the CEADs inventories in the order in which they are published.

    Columns are ``sectoral`` and ``energy`` (the row's name in the sectoral and in the energy inventory, empty if
    that has no such row; the 47 sectors are in both), ``more`` (further spellings, separated by ``|``).
    """
    return _table("ceads_sectors").fillna("")


def io_labels() -> pd.DataFrame:
    """Return what headings of input-output tables mean.

    Columns are ``part`` (``row`` below the sectors, ``column`` right of them, ``origin`` of the products of a row),
    ``role`` (tidy name), ``spellings`` (the bureaus' codes, Chinese and English, separated by ``|``).
    """
    return _table("io_labels").copy()
