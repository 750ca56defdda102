"""Sectors of the packaged tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from io_2007 import tables_of_2007

from digicarbon.measure import BeaMeasure
from digicarbon.measure.bea import SECTOR1, SECTOR2
from digicarbon.packs.china import facts
from digicarbon.source import InputOutputTable, Inputs


def test_default_spellings_cover_the_packaged_sectors() -> None:
    sectors = facts.sectors().set_index("digital")
    for kind, spellings in (("manufacturing", SECTOR1), ("services", SECTOR2)):
        assert {sectors.loc[kind, "sector"], sectors.loc[kind, "name_zh"]} <= set(spellings)


@pytest.fixture(scope="module")
def tables_2007(data_folder: Path) -> dict[tuple[str, int], InputOutputTable]:
    return tables_of_2007(data_folder)


@pytest.mark.parametrize("coefficient", ["total_input", "intermediate_input", "leontief"])
def test_real_source_and_real_tables_make_one_share_of_gdp(
    tables_2007: dict[tuple[str, int], InputOutputTable],
    data_folder: Path,
    load_real: Callable[..., Inputs],
    coefficient: str,
) -> None:
    inputs_2007 = load_real("china_2007")
    found = BeaMeasure(coefficient=coefficient, per="gdp").transformed(inputs_2007).set_index("unit")["e"]
    frame = pd.DataFrame({"unit": [unit for unit, _ in tables_2007], "time": 2007})
    own = BeaMeasure(coefficient=coefficient).compute(Inputs(frame=frame, source="tables", tables=tables_2007))
    macro = pd.read_csv(data_folder / "china/nbs/wd_province_energy_macro_1985_2018.csv")
    gdp = macro[macro["year"] == 2007].set_index("province")["gdp_nominal_100m_cny"]
    # 10k CNY over 100m CNY
    expected = own.set_index("unit")["e"] / (gdp * 1e4)
    assert found.to_dict() == pytest.approx(expected.dropna().to_dict(), rel=1e-9)
    assert found.between(0.01, 0.2).all()
