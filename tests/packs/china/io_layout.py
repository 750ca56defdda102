"""Small workbooks and text files in the layout of the bureaus' provincial tables and of the multi-regional tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openpyxl import Workbook

from digicarbon.packs.china import facts
from digicarbon.packs.china.datasets import UNIT
from digicarbon.source import InputOutputTable
from digicarbon.source._tables import io_tables
from digicarbon.source.validation import with_units

FloatArray = np.ndarray

ROW_LABELS = {
    "intermediate_input": ("中间投入合计", "TII", "Total intermediate input"),
    "labour_compensation": ("劳动者报酬", "VA001", "Compensation of employees"),
    "net_production_tax": ("生产税净额", "VA002", "Net taxes on production"),
    "depreciation": ("固定资产折旧", "VA003", "Depreciation of fixed assets"),
    "operating_surplus": ("营业盈余", "VA004", "Operating surplus"),
    "value_added": ("增加值合计", "TVA", "Total value-added"),
    "total_input": ("总投入", "TI", "Total inputs"),
}
USE_LABELS = {
    "intermediate_use": ("中间使用合计", "TIU", "Total intermediate use"),
    "rural_consumption": ("农村居民消费", "FU101", "Rural household consumption"),
    "urban_consumption": ("城镇居民消费", "FU102", "Urban household consumption"),
    "household_consumption": ("居民消费小计", "THC", "Total household consumption"),
    "government_consumption": ("政府消费", "FU103", "Government consumption"),
    "consumption": ("最终消费合计", "TC", "Total consumption"),
    "fixed_capital": ("固定资本形成总额", "FU201", "Gross fixed capital formation"),
    "inventories": ("存货增加", "FU202", "Changes in inventories"),
    "capital": ("资本形成总额", "GCF", "Gross capital formation"),
    "exports": ("出口", "EX", "Exports"),
    "outflow": ("国内省外流出", "OF", "Domestic outflow"),
    "final_use": ("最终使用合计", "TFU", "Total final uses"),
    "imports": ("进口", "IM", "Imports"),
    "inflow": ("国内省外流入", "IF", "Domestic inflow"),
    "residual": ("其他", "ERR", "Others"),
    "output": ("总产出", "GO", "Gross output"),
}


@dataclass
class Made:
    """A balanced table."""

    names: list[str]
    flows: FloatArray
    rows: dict[str, FloatArray]
    uses: dict[str, FloatArray]
    english: list[str] = field(default_factory=list)


def made(seed: int, n: int = 6, flows: FloatArray | None = None, value_added: FloatArray | None = None) -> Made:
    """Draw a table whose rows and columns balance; flows (n, n) and value added (4, n) may be given."""
    rng = np.random.default_rng(seed)
    sectors = facts.sectors()
    # the two digital sectors are the last ones of a small table
    chosen = [*range(n - 2), 19, 31] if n < 20 else list(range(n))
    if flows is None:
        flows = np.round(rng.gamma(1, 3000, (n, n)), 2) * (rng.random((n, n)) > 0.1)
    if value_added is None:
        value_added = np.round(rng.gamma(2, 4000, (4, n)), 2)
    rows = {"intermediate_input": flows.sum(axis=0)}
    parts = ("labour_compensation", "net_production_tax", "depreciation", "operating_surplus")
    rows |= dict(zip(parts, value_added, strict=True))
    rows["value_added"] = value_added.sum(axis=0)
    rows["total_input"] = rows["intermediate_input"] + rows["value_added"]
    uses = {"intermediate_use": flows.sum(axis=1)}
    for name in USE_LABELS:
        if name not in ("intermediate_use", "output"):
            uses[name] = np.round(rng.gamma(1, 2000, n), 2)
    uses["inventories"] = np.round(rng.normal(0, 500, n), 2)
    uses["residual"] = np.round(rng.normal(0, 50, n), 2)
    uses["household_consumption"] = uses["rural_consumption"] + uses["urban_consumption"]
    uses["consumption"] = uses["household_consumption"] + uses["government_consumption"]
    uses["capital"] = uses["fixed_capital"] + uses["inventories"]
    other = uses["consumption"] + uses["capital"] + uses["exports"]
    without = uses["intermediate_use"] + other - uses["imports"] - uses["inflow"] + uses["residual"]
    # trade with other provinces closes the balance
    uses["outflow"] = np.maximum(rows["total_input"] - without, 0)
    uses["inflow"] = uses["inflow"] + np.maximum(without - rows["total_input"], 0)
    uses["final_use"] = other + uses["outflow"]
    uses["output"] = rows["total_input"]
    labels = sectors.iloc[chosen] if len(sectors) >= n else sectors
    return Made(list(labels["name_zh"]), flows, rows, uses, list(labels["sector"]))


@dataclass
class Form:
    """Cells of a sheet and its merged blocks (first row, first column, last row, last column)."""

    cells: list[list[Any]]
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)

    def put(self, row: int, column: int, value: object) -> Form:
        """Change one cell."""
        self.cells[row][column] = value
        return self

    def find(self, value: object) -> tuple[int, int]:
        """Return the row and column of a cell."""
        return next((r, c) for r, line in enumerate(self.cells) for c, cell in enumerate(line) if cell == value)


def provincial(table: Made, title: str, unit: str | None = "单位：万元", english: bool = False) -> Form:
    """Lay out a provincial table: title, unit, headings of groups, names, codes; rows of group, name, code."""
    language, names = (2, table.english) if english else (0, table.names)
    width = 3 + len(names) + len(table.uses)
    codes = [f"{i + 1:02d}" for i in range(len(names))]
    blank = [None] * width
    groups = [None, None, "Output" if english else "产出", "Intermediate use" if english else "中间使用", *blank][
        :width
    ]
    first_final = 3 + len(names) + 1
    groups[first_final] = "Final use" if english else "最终使用"
    cells: list[list[Any]] = [
        [title, *blank[1:]],
        [*blank[:-1], unit],
        groups,
        [None, None, None, *names, *(USE_LABELS[name][language] for name in table.uses)],
        [None, None, None, *codes, *(USE_LABELS[name][1] for name in table.uses)],
    ]
    for i, name in enumerate(names):
        group = ("Intermediate input" if english else "中间投入") if i == 0 else None
        cells.append([group, name, codes[i], *map(float, table.flows[i]), *(float(x[i]) for x in table.uses.values())])
    for role, values in table.rows.items():
        group = ("Value added" if english else "增加值") if role == "labour_compensation" else None
        label = ROW_LABELS[role]
        cells.append([group, label[language], label[1], *map(float, values), *[None] * len(table.uses)])
    cells.append(["注：本表按当年生产者价格计算。", *blank[1:]])
    merged = [(0, 0, 0, width - 1), (2, 3, 2, first_final - 1), (2, first_final, 2, width - 5)]
    merged.append((5, 0, 5 + len(names), 0))
    return Form(cells, merged)


def multi_regional(
    flows: FloatArray, regions: Sequence[str], names: Sequence[str], seed: int = 1, imports: bool = True
) -> Form:
    """Lay out a multi-regional table that balances; flows have the shape (regions * sectors,) * 2."""
    rng = np.random.default_rng(seed)
    m, size = len(regions), len(regions) * len(names)
    sectors = [name for _ in regions for name in names]
    sparse = [regions[i // len(names)] if i % len(names) == 0 else None for i in range(size)]
    codes = [f"{i % len(names) + 1:02d}" for i in range(size)]
    finals = ["FU101", "FU102", "FU103", "FU201", "FU202"]
    final = np.round(rng.gamma(1, 200, (size, 5 * m)), 3)
    exports, imported = np.round(rng.gamma(1, 300, (2, size)), 3)
    imported = imported if imports else 0 * imported
    output = flows.sum(axis=1) + final.sum(axis=1) + exports
    added = output - flows.sum(axis=0) - imported
    shares = np.array([0.5, 0.1, 0.15, 0.25])[:, None] * added
    head = [None, None, None]
    cells: list[list[Any]] = [
        ["2012年中国31省区市区域间投入产出表（万元）"],
        [*head, *sparse, None, *(regions[i // 5] if i % 5 == 0 else None for i in range(5 * m)), None, None, None],
        [*head, *sectors, "中间使用合计", *finals * m, "出口", "误差", "总产出"],
        [*head, *codes, "TIU", *finals * m, "EX", "ERR", "GO"],
    ]
    for i in range(size):
        use = [*final[i].tolist(), float(exports[i]), 0.0, float(output[i])]
        cells.append([sparse[i], sectors[i], codes[i], *flows[i].tolist(), float(flows[i].sum()), *use])
    below = {"IM": imported, "TII": flows.sum(axis=0) + imported}
    below |= dict(zip(("VA001", "VA002", "VA003", "VA004"), shares, strict=True))
    below |= {"TVA": added, "TI": output}
    chinese = {"IM": "进口", **{label[1]: label[0] for label in ROW_LABELS.values()}}
    cells += [[None, chinese[code], code, *values.tolist()] for code, values in below.items()]
    n = len(names)
    merged = [(1, 3 + r * n, 1, 2 + (r + 1) * n) for r in range(m)] + [
        (4 + r * n, 0, 3 + (r + 1) * n, 0) for r in range(m)
    ]
    return Form(cells, merged)


def save(path: Path, sheets: Mapping[str, Form]) -> Path:
    """Write a workbook."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, form in sheets.items():
        sheet = book.create_sheet(name)
        for line in form.cells:
            sheet.append(line)
        for top, left, bottom, right in form.merged:
            sheet.merge_cells(start_row=top + 1, start_column=left + 1, end_row=bottom + 1, end_column=right + 1)
    book.save(path)
    return path


def save_text(path: Path, form: Form, encoding: str = "utf-8") -> Path:
    """Write a CSV file; merged blocks are lost."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows(form.cells)
    path.write_bytes(stream.getvalue().encode(encoding))
    return path


def tables_of(flows: pd.DataFrame, sectors: pd.DataFrame) -> dict[tuple[str, int], InputOutputTable]:
    """Return the tables of two imported data sets."""
    return io_tables(with_units(flows, UNIT), with_units(sectors, UNIT))
