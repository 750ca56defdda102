"""Small data sets that are right, for tests that break one thing in them."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from conftest import REPOSITORY

sys.path.append(str(REPOSITORY / "tests" / "source" / "validation"))

import sound_series
from sound_series import UNITS, growing

from digicarbon.packs.china import facts

CODES = facts.provinces().set_index("province")["adcode"]
SECTORS = ("Farming", "Coal Mining and Dressing", "Others")


def grid(*more: tuple[str, ...]) -> pd.DataFrame:
    """Every province and year (and member of further lists), with the province's code."""
    frame = sound_series.grid(*more).rename(columns={"unit": "province"})
    return frame.assign(adcode=frame["province"].map(CODES))


def sectoral() -> pd.DataFrame:
    """Three sectors and the total; fuels, two of which are burnt, process emissions and scope 1."""
    rows = grid(SECTORS).rename(columns={2: "sector"})
    rng = np.random.default_rng(1)
    smooth = grid().assign(level=growing(len(grid())))[["province", "year", "level"]]
    rows = rows.merge(smooth, on=["province", "year"])
    shares = dict(zip(SECTORS, (0.2, 0.5, 0.3), strict=True))
    for column, part in (("raw_coal", 0.6), ("diesel_oil", 0.3), ("process", 0.1)):
        noise = 1 + 0.005 * rng.standard_normal(len(rows))
        rows[column] = part * rows["level"] * rows["sector"].map(shares) * noise
    # the other fuels are not burnt here
    rows = rows.assign(**{fuel: 0.0 for fuel in facts.ceads_fuels()["fuel"][:17] if fuel not in rows})
    rows["scope_1_total"] = rows[["raw_coal", "diesel_oil", "process"]].sum(axis=1)
    rows["scope_2_electricity"] = 0.1 * rows["level"]
    rows = rows.drop(columns="level")
    total = rows.drop(columns="sector").groupby(["province", "year", "adcode"], as_index=False).sum()
    return pd.concat([total.assign(sector="Total"), rows], ignore_index=True)


def yearbook(series: str = "gdp", vintage: str = "revised", factor: float = 100.0) -> pd.DataFrame:
    """One series."""
    rows = grid()
    return rows.assign(
        series=series, vintage=vintage, value=factor * growing(len(rows)), indicator=series, unit="100m CNY"
    )


def io_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Balanced tables of three sectors: sectors and flows."""
    names = ("Farming", "通信设备、计算机和其他电子设备", "信息传输、软件和信息技术服务")
    rng = np.random.default_rng(2)
    sectors, flows = [], []
    for province in UNITS:
        z = rng.uniform(1e4, 5e4, (3, 3))
        parts = rng.uniform(1e4, 3e4, (4, 3))
        added = parts.sum(axis=0)
        output = z.sum(axis=0) + added
        imports = rng.uniform(0, 1e4, 3)
        for j, sector in enumerate(names):
            components = dict(
                zip(
                    ("labour_compensation", "net_production_tax", "depreciation", "operating_surplus"),
                    parts[:, j],
                    strict=True,
                )
            )
            place = {"province": province, "adcode": int(CODES[province]), "year": 2012}
            sectors.append(
                {
                    **place,
                    "sector": sector,
                    "position": j + 1,
                    **components,
                    "value_added": added[j],
                    "intermediate_input": z[:, j].sum(),
                    "final_use": output[j] - z[j].sum() + imports[j] - 7.0,
                    "imports": imports[j],
                    "residual": 7.0,
                    "output": output[j],
                }
            )
            flows += [
                {**place, "from_sector": names[i], "to_sector": sector, "flow": z[i, j]} for i in range(len(names))
            ]
    return pd.DataFrame(sectors), pd.DataFrame(flows)
