"""The input-output tables of provinces of 2007, from the data folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from digicarbon.source import InputOutputTable


def tables_of_2007(data_folder: Path) -> dict[tuple[str, int], InputOutputTable]:
    folder = data_folder / "china/io2007"
    names = tuple(pd.read_csv(folder / "io2007_sector_names.csv", encoding="utf-8")["name_zh"])
    flows = pd.read_csv(folder / "io2007_province_intermediate_42x42.csv.gz")
    totals = pd.read_csv(folder / "io2007_province_value_added_output_42s.csv.gz")
    found = {}
    for unit, rows in totals.sort_values("sector").groupby("province"):
        square = flows[flows["province"] == unit].pivot_table(
            index="from_sector", columns="to_sector", values="flow_10k_cny"
        )
        # the file leaves out cells that are zero
        square = square.reindex(index=range(1, 43), columns=range(1, 43)).fillna(0.0)
        found[unit, 2007] = InputOutputTable(
            names, square.to_numpy(), rows["value_added"].to_numpy(), rows["total_input"].to_numpy()
        )
    return found
