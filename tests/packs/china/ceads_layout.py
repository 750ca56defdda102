"""Small workbooks in the layouts that CEADs publishes, made of random figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from digicarbon.packs.china import facts

FUELS = [
    "Raw Coal", "Cleaned Coal", "Other Washed Coal", "Briquettes", "Coke", "Coke Oven Gas", "Other Gas",
    "Other Coking Products", "Crude Oil", "Gasoline", "Kerosene", "Diesel Oil", "Fuel Oil", "LPG", "Refinery Gas",
    "Other Petroleum Products", "Natural Gas",
]  # fmt: skip
SCOPE_2 = ["Scope 2 Heat", "Scope 2 Electricity", "Other Energy"]
CARRIERS = [*FUELS, "Heat", "Electricity", "Other Energy"]
UNITS = dict(zip(facts.ceads_fuels()["name"], facts.ceads_fuels()["unit"], strict=True))

Edit = Callable[[Worksheet], None]


def column(header: str) -> str:
    """The tidy name of a published header, spelled out by a rule of its own."""
    return header.lower().replace(" ", "_")


@dataclass(frozen=True)
class Edition:
    """How an edition of the sectoral inventory spells its header and total row."""

    corner: str | None
    total_row: str
    spell: Callable[[str], str]
    scope_2: bool = True


EDITIONS = {
    "1997": Edition(None, "Total Consumption", lambda word: word, scope_2=False),
    "2016": Edition(None, "Total Consumption", lambda word: f"{word}  "),
    "2017": Edition("Emission_Inventory", "TotalEmissions", lambda word: word.replace(" ", "_")),
    "2018": Edition("Emission_Inventory", "Total Emissions", lambda word: word.replace(" ", "\n").lower()),
    "2019": Edition("Emission_Inventory", "Total", lambda word: word.upper().replace(" AND ", " & ")),
}


def sectoral(seed: int) -> pd.DataFrame:
    """Random emissions by sector (total first) and published header; totals are sums."""
    rows = facts.ceads_sectors()
    names = rows.loc[rows["sectoral"] != "", "sectoral"].tolist()
    chance = np.random.default_rng(seed)
    values = chance.gamma(0.4, 2.0, (47, 21)) * (chance.random((47, 21)) < 0.6)
    table = pd.DataFrame(values, index=names[1:], columns=[*FUELS, "Process", *SCOPE_2])
    table["Scope 1 Total"] = table[[*FUELS, "Process"]].sum(axis=1)
    return pd.concat([table.sum().to_frame("Total").T, table])


def energy(seed: int) -> pd.DataFrame:
    """Random energy use by row and carrier; final consumption is a sum."""
    rows = facts.ceads_sectors()
    names = rows.loc[rows["energy"] != "", "energy"].tolist()
    chance = np.random.default_rng(seed)
    values = chance.normal(10, 20, (63, 20)) * (chance.random((63, 20)) < 0.6)
    values[0] = values[1:48].sum(axis=0)
    return pd.DataFrame(values, index=names, columns=CARRIERS)


def write_sectoral(sheet: Worksheet, table: pd.DataFrame, edition: Edition, unit: str | None = "mt CO2") -> None:
    shown = [*FUELS, *(SCOPE_2 if edition.scope_2 else []), "Process", "Scope 1 Total"]
    heads = [edition.spell(word) for word in shown]
    if not edition.scope_2:
        heads[-1] = "Total"
    sheet.append([edition.corner, *heads])
    if unit:
        sheet.append([None, *[unit] * len(shown)])
    for name, row in table[shown].iterrows():
        sheet.append([edition.total_row if name == "Total" else edition.spell(f"{name}   "), *map(float, row)])


def write_energy(sheet: Worksheet, table: pd.DataFrame) -> None:
    sheet.append([None, *[word.replace(" ", "_") for word in CARRIERS]])
    sheet.append([None, *[UNITS[word] for word in CARRIERS]])
    for name, row in table.iterrows():
        sheet.append([name, *map(float, row)])


def write_apparent(sheet: Worksheet, table: pd.DataFrame) -> None:
    """Write a year: items in rows, provinces (the table's columns) beside each other."""
    sheet.append([None, "Items", *table.columns])
    heads = {"Raw coal total": "Fossil fuel", "Cement": "Process", "Total": "Total apparent CO2 emissions (mt)"}
    for item in ("Raw coal total", "Crude oil total", "Natural gas total", "Cement", "Total"):
        sheet.append([heads.get(item), None if item == "Total" else item, *map(float, table.loc[item])])
    for fuel in ("Raw coal", "Crude oil", "Natural gas"):
        for place, item in enumerate(BALANCE):
            sheet.append([None if place else fuel, item, *map(float, table.loc[f"{fuel} {item}"])])


BALANCE = [
    "Indigenous production", "Import", "Export", "Move in", "Move out", "Stock decrease", "Loss", "Non-energy use",
]  # fmt: skip


def apparent(seed: int, provinces: list[str]) -> pd.DataFrame:
    """Random apparent emissions, items by provinces; fuels are balances, the total is a sum."""
    chance = np.random.default_rng(seed)
    items = {"Cement": chance.gamma(2.0, 3.0, len(provinces))}
    for fuel in ("Raw coal", "Crude oil", "Natural gas"):
        for item in BALANCE:
            items[f"{fuel} {item}"] = chance.gamma(2.0, 3.0, len(provinces)) * (
                -1 if item in ("Export", "Move out") else 1
            )
        flows = sum(items[f"{fuel} {item}"] for item in BALANCE[:6])
        items[f"{fuel} total"] = flows - items[f"{fuel} Loss"] - items[f"{fuel} Non-energy use"]
    items["Total"] = sum(items[name] for name in ("Raw coal total", "Crude oil total", "Natural gas total", "Cement"))
    return pd.DataFrame(items, index=provinces).T


def save(path: Path, sheets: Mapping[str, Callable[[Worksheet], Any]], edits: Mapping[str, Edit] | None = None) -> Path:
    """Write a workbook of named sheets, changed by edits afterwards."""
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    for name, fill in sheets.items():
        sheet = book.create_sheet(name)
        fill(sheet)
        if edits and name in edits:
            edits[name](sheet)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path
