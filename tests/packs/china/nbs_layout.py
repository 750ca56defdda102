"""Exports of the statistics bureau's site, written from the published layout."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import openpyxl

from digicarbon.packs.china import facts

Figure = Callable[[str, int], object]

PROVINCES = {
    **dict(zip(facts.provinces()["province"], facts.provinces()["name_zh"], strict=True)),
    "Tibet": "西藏自治区",
}
"""Full Chinese names of the 31 provinces by English name, in the bureau's order of codes but for Tibet."""

NOTES = (
    ["注：1. 按照我国国民经济核算数据修订制度和国际通行做法，对历史数据进行了系统修订。"],
    ["2. 2011年, 2012年为年末数。"],
    ["数据来源：国家统计局"],
)

Rows = list[list[object]]


def figure(province: str, year: int) -> float:
    """Some number that differs between all provinces and years."""
    return round(1000.5 + 10 * list(PROVINCES).index(province) + (year - 2010) / 10, 2)


def by_indicator(
    indicator: str | None = "地区生产总值(亿元)",
    years: Sequence[int] = (2012, 2011),
    provinces: Sequence[str] = tuple(PROVINCES),
    figure: Figure = figure,
    notes: Sequence[Sequence[object]] = NOTES,
) -> Rows:
    """One indicator: provinces on rows, years on columns, the newest first."""
    above: Rows = [["数据库：分省年度数据"], *([[f"指标：{indicator}"]] if indicator else []), ["时间：最近10年"]]
    body = [[PROVINCES[name], *(figure(name, year) for year in years)] for name in provinces]
    return [*above, ["地区", *(f"{year}年" for year in years)], *body, *map(list, notes)]


def by_province(figures: Mapping[str, Figure], province: str = "Beijing", years: Sequence[int] = (2012, 2011)) -> Rows:
    """One province: indicators on rows, years on columns."""
    above: Rows = [["数据库：分省年度数据"], [f"地区：{PROVINCES[province]}"], ["时间：最近10年"]]
    body = [[name, *(made(province, year) for year in years)] for name, made in figures.items()]
    return [*above, ["指标", *(f"{year}年" for year in years)], *body, *map(list, NOTES)]


def by_year(figures: Mapping[str, Figure], year: int = 2012) -> Rows:
    """One year: provinces on rows, indicators on columns."""
    above: Rows = [["数据库：分省年度数据"], [f"时间：{year}年"]]
    body = [[zh, *(made(name, year) for made in figures.values())] for name, zh in PROVINCES.items()]
    return [*above, ["地区", *figures], *body, *map(list, NOTES)]


def write_csv(file: Path, rows: Rows, encoding: str = "utf-8", tabs: bool = False) -> Path:
    """Write text as the site does; with ``tabs`` it ends each cell by a tab and each row by a comma."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    for row in rows:
        cells = ["" if cell is None else str(cell) for cell in row]
        writer.writerow([*(f"{cell}\t" for cell in cells), ""] if tabs and len(cells) > 1 else cells)
    file.write_bytes(stream.getvalue().encode(encoding))
    return file


def write_xlsx(file: Path, rows: Rows, merged: Sequence[str] = (), more: Mapping[str, Rows] | None = None) -> Path:
    """Write a workbook; ``merged`` are ranges such as ``B4:C4``, ``more`` further sheets by name."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "分省年度数据"
    for row in rows:
        sheet.append(row)
    for block in merged:
        sheet.merge_cells(block)
    for name, content in (more or {}).items():
        another = book.create_sheet(name)
        for row in content:
            another.append(row)
    book.save(file)
    return file
