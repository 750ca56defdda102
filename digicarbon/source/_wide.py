"""Tables whose columns are named by years, as rows of units and years."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from digicarbon.errors import DataError
from digicarbon.note import Note, columns_there, cut

_YEAR = r"(?:1[5-9]|20)\d\d"
# R puts an X before names that begin with a digit
_ALONE = re.compile(rf"(?:X|YR)?({_YEAR})(?:\s*年度?|\s*\[YR\1\])?")
_AFTER = re.compile(rf"(.*?[^\d\W]|.*?[)）%])[_ .\-]*({_YEAR})(?:年度?)?")
_BEFORE = re.compile(rf"({_YEAR})(?:\s*年度?)?[_ .\-]*([^\d\W].*)")


def named_year(name: str) -> tuple[str, int] | None:
    """Return what is before or after the year in a column's name, and the year; None if the name has no year.

    ``2012``, ``2012年`` and the World Bank's ``2012 [YR2012]`` are years alone; ``ci2012``, ``ci_2012`` and
    ``2012_ci`` are the ci of a year.
    """
    if match := _ALONE.fullmatch(name):
        return "", int(match[1])
    if match := _AFTER.fullmatch(name):
        return match[1].rstrip("_ .-"), int(match[2])
    if match := _BEFORE.fullmatch(name):
        return match[2].strip("_ .-"), int(match[1])
    return None


def year_columns(names: Iterable[str]) -> dict[str, dict[int, list[str]]]:
    """Return the columns of each variable by year; a variable of a name needs two years, so that co2_2030 is none."""
    result: dict[str, dict[int, list[str]]] = {}
    for name in names:
        if at := named_year(name):
            result.setdefault(at[0], {}).setdefault(at[1], []).append(name)
    return {stem: years for stem, years in result.items() if not stem or len(years) > 1}


def as_rows(
    frame: pd.DataFrame, unit: str | None, time: str, wide: str | bool, file: str, header: tuple[int, ...]
) -> pd.DataFrame:
    """Return a table with a row per unit and year, from one whose columns are named by years.

    ``wide``: the name of the variable whose columns are named by years alone, or true. ``time``: the name that the
    years get. ``header``: the rows of names, for messages. Columns without a year are repeated in each year.
    """
    names = [str(name) for name in frame.columns if name != unit]
    found = year_columns(names)
    key = "source.wide"
    if not found:
        raise DataError(
            Note(
                "wide_without_years", key=key, file=file, columns=columns_there(names), hint=_lower_head(frame, header)
            )
        )
    if wide is True and "" in found:
        raise DataError(Note("wide_of_no_name", key=key, file=file, columns=cut(columns_of(found[""]), 4)))
    if wide is not True and "" not in found:
        raise DataError(
            Note(
                "wide_names_nothing",
                key=key,
                file=file,
                name=str(wide),
                columns=cut(columns_of(next(iter(found.values()))), 4),
            )
        )
    series = {stem or str(wide): years for stem, years in found.items()}
    if len(series) < len(found):
        raise DataError(Note("wide_name_twice", key=key, file=file, name=str(wide)))
    twice = [columns for years in series.values() for columns in years.values() if len(columns) > 1]
    if twice:
        raise DataError(Note("wide_year_twice", key=key, file=file, columns=cut(map(repr, twice[0]))))
    moved = {column for years in series.values() for column in columns_of(years)}
    constant = [name for name in frame.columns if name not in moved]
    for name, setting in ((time, "source.time"), *((name, key) for name in series)):
        if name in constant:
            raise DataError(Note("wide_name_taken", key=setting, file=file, column=name))
    if time in series:
        raise DataError(Note("wide_name_taken", key="source.time", file=file, column=time))
    parts = []
    for year in sorted({year for years in series.values() for year in years}):
        values = {name: frame[years[year][0]] if year in years else float("nan") for name, years in series.items()}
        parts.append(frame[constant].assign(**{time: year}).assign(**values))
    return pd.concat(parts).sort_index(kind="stable").reset_index(drop=True)


def columns_of(years: dict[int, list[str]]) -> list[str]:
    """Return the columns of a variable, year by year."""
    return [name for columns in years.values() for name in columns]


def _lower_head(frame: pd.DataFrame, header: tuple[int, ...]) -> Note | str:
    """Return the setting of two header rows if the first row of data has years."""
    cells = [str(cell) for cell in frame.iloc[0].dropna()]
    if not header or sum(named_year(cell) is not None for cell in cells) < 2:
        return ""
    return Note("wide_lower_head", setting=f"data.header=[{','.join(map(str, (*header, header[-1] + 1)))}]")
