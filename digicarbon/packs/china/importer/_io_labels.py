"""What the headings of input-output tables mean, in the codes, Chinese and English that statistical bureaus use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from digicarbon.importer._cells import text

ROWS: Mapping[str, tuple[str, ...]] = {
    "intermediate_input": (
        "TII", "中间投入合计", "中间投入小计", "中间投入总计", "Total intermediate input", "Total intermediate inputs",
    ),
    "imported_input": ("IM", "进口", "Import", "Imports", "Imported inputs"),
    "labour_compensation": (
        "VA001", "劳动者报酬", "从业人员报酬", "Compensation of employees", "Labour compensation", "Labor compensation",
        "Compensation of labour", "Compensation of labor",
    ),
    "net_production_tax": (
        "VA002", "生产税净额", "Net taxes on production", "Net tax on production", "Net production tax",
        "Net production taxes",
    ),
    "depreciation": (
        "VA003", "固定资产折旧", "Depreciation of fixed assets", "Depreciation of fixed capital", "Depreciation",
        "Fixed assets depreciation", "Consumption of fixed capital",
    ),
    "operating_surplus": ("VA004", "营业盈余", "Operating surplus", "Net operating surplus"),
    "value_added": (
        "TVA", "增加值合计", "增加值小计", "增加值总计", "Total value added", "Gross value added", "Value added total",
    ),
    "total_input": ("TI", "总投入", "总投入合计", "Total input", "Total inputs"),
}  # fmt: skip
"""Labels of the rows below the sectors, by role."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "intermediate_use": (
        "TIU", "中间使用合计", "中间使用小计", "中间使用总计", "Total intermediate use", "Total intermediate uses",
    ),
    "rural_consumption": (
        "FU101", "农村居民消费", "农村居民消费支出", "农村居民", "Rural household consumption",
        "Rural household consumption expenditure", "Rural households", "Rural consumption",
    ),
    "urban_consumption": (
        "FU102", "城镇居民消费", "城镇居民消费支出", "城镇居民", "Urban household consumption",
        "Urban household consumption expenditure", "Urban households", "Urban consumption",
    ),
    "household_consumption": (
        "THC", "居民消费", "居民消费支出", "居民消费小计", "居民消费合计", "居民消费支出小计", "居民消费支出合计",
        "Household consumption", "Total household consumption", "Household consumption expenditure",
    ),
    "government_consumption": (
        "FU103", "政府消费", "政府消费支出", "Government consumption", "Government consumption expenditure",
    ),
    "consumption": (
        "TC", "消费小计", "消费合计", "最终消费合计", "最终消费支出合计", "最终消费支出", "最终消费支出小计",
        "Total consumption", "Final consumption", "Total final consumption", "Final consumption expenditure",
    ),
    "fixed_capital": (
        "FU201", "固定资本形成总额", "固定资本形成", "Gross fixed capital formation", "Fixed capital formation",
    ),
    "inventories": (
        "FU202", "存货增加", "存货变动", "Changes in inventories", "Change in inventories", "Inventory changes",
        "Inventory increase", "Increase in inventories",
    ),
    "capital": (
        "GCF", "资本形成总额", "资本形成总额合计", "资本形成总额小计", "资本形成合计", "资本形成小计",
        "Gross capital formation", "Total capital formation",
    ),
    "exports": ("EX", "FU301", "出口", "Export", "Exports"),
    "outflow": (
        "OF", "FU302", "国内省外流出", "省外流出", "流出", "国内省外调出", "调出", "Outflow", "Outflows",
        "Domestic outflow", "Domestic outflows",
    ),
    "net_outflow": ("NOF", "净流出", "国内省外净流出", "净调出", "Net outflow", "Net domestic outflow"),
    "final_use": (
        "TFU", "最终使用合计", "最终使用小计", "最终使用总计", "Total final use", "Total final uses",
        "Total final demand",
    ),
    "imports": ("IM", "FU303", "进口", "Import", "Imports"),
    "inflow": (
        "IF", "FU304", "国内省外流入", "省外流入", "流入", "国内省外调入", "调入", "Inflow", "Inflows",
        "Domestic inflow", "Domestic inflows",
    ),
    "residual": (
        "ERR", "其他", "其它", "误差", "误差项", "Other", "Others", "Error", "Errors", "Residual", "Balance error",
        "Statistical discrepancy",
    ),
    "output": ("GO", "TO", "总产出", "总产出合计", "Total output", "Gross output", "Total outputs"),
}  # fmt: skip
"""Labels of the columns right of the sectors, by role."""

ORIGINS: Mapping[str, tuple[str, ...]] = {
    "domestic": ("Domestic", "国内", "国产", "国内产品"),
    "imported": ("Imports", "Import", "Imported", "进口", "进口产品"),
}
"""The origin of the products of a row, in tables with a row for each origin."""

COEFFICIENTS = re.compile(r"系数|逆矩阵|列昂惕夫|里昂惕夫|coefficient|leontief|inverse", re.IGNORECASE)
"""Titles of tables that are derived from input-output tables."""


def key(label: str) -> str:
    """Return a label without case, blanks and punctuation, and without brackets at its end."""
    narrow = re.sub(r"\([^()]*\)$", "", text(label))
    return re.sub(r"[\W_]", "", narrow).casefold()


def sector_key(label: str) -> str:
    """Return a sector's name or code for comparisons within one table; 01 and 1 are the same code."""
    plain = re.sub(r"[\W_]", "", text(label)).casefold()
    return plain.lstrip("0") if plain.isdigit() else plain


def _by_key(roles: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {key(label): role for role, labels in roles.items() for label in labels}


_ROW, _COLUMN, _ORIGIN = _by_key(ROWS), _by_key(COLUMNS), _by_key(ORIGINS)


def row_role(label: str) -> str | None:
    """Return the role of a row with this label, None if it has none."""
    return _ROW.get(key(label))


def column_role(label: str) -> str | None:
    """Return the role of a column with this heading, None if it has none."""
    return _COLUMN.get(key(label))


def origin(label: str) -> str | None:
    """Return ``domestic`` or ``imported``, None for any other label."""
    return _ORIGIN.get(key(label))
