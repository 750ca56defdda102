"""Value added and GDP that cannot be of one vintage."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from digicarbon.note import Note
from digicarbon.source.validation._words import cells
from digicarbon.source.validation.finding import Finding


def industries(frame: pd.DataFrame, file: str, unit: str, year: str) -> Iterator[Finding]:
    """Yield where value added by industry and GDP cannot be of one vintage.

    The frame has ``gdp``, ``secondary_va`` and ``tertiary_va``, maybe ``primary_va``, at current prices.
    """
    if not {"gdp", "secondary_va", "tertiary_va"} <= set(frame.columns):
        return
    whole = "primary_va" in frame.columns
    parts = ["secondary_va", "tertiary_va", *(["primary_va"] if whole else [])]
    rest = 1 - frame[parts].sum(axis=1, skipna=False) / frame["gdp"]
    wrong = rest.abs() > 0.01 if whole else rest < -0.001
    places = [(str(row[unit]), int(row[year])) for _, row in frame[wrong].iterrows()]
    if places:
        how = Note("differs_from_gdp") if whole else Note("exceeds_gdp")
        rows = {"rows": len(places), "every": int(rest.notna().sum())}
        said = Note("industries_against_gdp", parts=parts, how=how, **rows, places=cells(places))
        yield Finding("warning", "vintage", file, said, series="gdp")
