"""A table of Stata's ``xtreg y x i.year, fe vce(cluster province_id)``, cell by cell."""

from __future__ import annotations

import json
from pathlib import Path

import classic as dc
import numpy as np
import pandas as pd
import pytest

CONTROLS = (
    *("factor_1", "factor_2", "factor_3", "ln_gdp", "sec_pctg", "coal_share_pctg", "population"),
    *("urbanization_rate", "env_exp_share", "green_finance_pilot", "market_index"),
)
EVENTS = {"did_pre2": 2019, "did_post0": 2021, "did_post1": 2022}
"""Year of the event dummies of the two treated provinces."""


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    return data_folder / "stata_xtreg"


@pytest.fixture(scope="module")
def panel(folder: Path) -> dc.Panel:
    frame = pd.read_csv(folder / "data.csv")
    frame = frame[frame["year"] >= 2007].dropna(subset=["coal_share_pctg", "gtfp_level"])
    treated = frame["province"].isin(["Shanxi", "Neimenggu"])
    events = {name: (treated & (frame["year"] == year)).astype(float) for name, year in EVENTS.items()}
    frame = frame.assign(ln_so2=np.log(frame["industrial_so2"] + 1), **events).drop(columns="province")
    # Stata stored single precision; the file prints it in eight digits, which is not enough for one of the 452 numbers
    single = frame.select_dtypes("float64").astype(np.float32).astype(np.float64)
    frame[single.columns] = single
    return dc.Panel.from_frame(frame, unit="province_id", time="year")


def _printed_like(value: float, printed: str) -> str:
    """Return a value with the digits that outreg2 printed."""
    mantissa = printed.split("e")[0]
    digits = len(mantissa.split(".")[1]) if "." in mantissa else 0
    return f"{value:.{digits}e}" if "e" in printed else f"{value:.{digits}f}"


def test_all_226_coefficients_and_standard_errors(folder: Path, panel: dc.Panel) -> None:
    table = json.loads((folder / "stata_cells.json").read_text(encoding="utf-8"))
    assert len(table["cells"]) == 226
    wrong = []
    for column in table["columns"]:
        y = column[1 : column.index(")")]
        x = (*(EVENTS if column.endswith("DID") else ()), *(name for name in CONTROLS if name != y), "C(year)")
        model = dc.PanelRegression(y=y, x=x, effects="unit", constant=True, cov="cluster")
        found = model.fit(panel).estimates
        for key, (coef, se, _) in table["cells"].items():
            of, name = key.split("|")
            if of != column:
                continue
            term = "const" if name == "Constant" else name
            term = f"year[{name[:4]}]" if name.endswith(".year") else term
            ours = found.loc[term]
            for value, printed in ((ours["coef"], coef), (ours["se"], se)):
                if _printed_like(value, printed) not in (printed, f"-{printed}" if float(printed) == 0 else printed):
                    wrong.append((key, value, printed))
    assert not wrong
