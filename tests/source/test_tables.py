"""Tidy input-output data become tables; a multi-regional table is collapsed over the units that sell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import DataError
from digicarbon.source._tables import io_tables
from digicarbon.source.validation import with_units

FLOWS = pd.DataFrame(
    {
        "unit": "Hebei",
        "adcode": 130000,
        "year": 2012,
        "from_sector": ["Coal", "Coal", "Steel"],
        "to_sector": ["Coal", "Steel", "Coal"],
        "flow": [1.0, 7.0, 2.0],
    }
)
SECTORS = pd.DataFrame(
    {
        "unit": "Hebei",
        "adcode": 130000,
        "year": 2012,
        "sector": ["Steel", "Coal"],
        "position": [2, 1],
        "value_added": [3.0, 6.0],
        "output": [10.0, 9.0],
    }
)


def test_sectors_stand_in_their_positions_and_what_is_not_there_is_zero() -> None:
    (key,) = tables = io_tables(FLOWS.sample(frac=1, random_state=1), SECTORS)
    assert key == ("Hebei", 2012)
    assert isinstance(key[1], int)
    assert tables[key].sectors == ("Coal", "Steel")
    np.testing.assert_array_equal(tables[key].flows, [[1, 7], [2, 0]])
    np.testing.assert_array_equal(tables[key].value_added, [6, 3])
    np.testing.assert_array_equal(tables[key].output, [9, 10])


def multi_regional(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Flows of two years, three provinces and four sectors, and the same as an array."""
    rng = np.random.default_rng(seed)
    provinces, names = ["Beijing", "Hebei", "Tianjin"], ["a", "b", "c", "d"]
    array = rng.gamma(2, 5, (2, 3, 4, 3, 4)) * (rng.random((2, 3, 4, 3, 4)) > 0.3)
    labels = [[2012, 2017], provinces, names, provinces, names]
    keys = ["year", "from_unit", "from_sector", "to_unit", "to_sector"]
    index = pd.MultiIndex.from_product(labels, names=keys)
    flows = pd.Series(array.ravel(), index=index, name="flow").reset_index()
    sectors = pd.MultiIndex.from_product(labels[:3], names=["year", "unit", "sector"]).to_frame(index=False)
    sectors = sectors.assign(position=sectors["sector"].map(dict(zip(names, range(4), strict=True))), value_added=1.0)
    return flows[flows["flow"] != 0], sectors.assign(output=array.sum(axis=(1, 2)).ravel() + 1), array


@pytest.mark.parametrize("seed", range(5))
def test_a_multi_regional_table_is_summed_over_sellers(seed: int) -> None:
    flows, sectors, array = multi_regional(seed)
    tables = io_tables(flows.sample(frac=1, random_state=seed), sectors.sample(frac=1, random_state=seed))
    assert list(tables) == [(name, year) for name in ("Beijing", "Hebei", "Tianjin") for year in (2012, 2017)]
    for t, year in enumerate((2012, 2017)):
        for r, name in enumerate(("Beijing", "Hebei", "Tianjin")):
            table = tables[name, year]
            np.testing.assert_allclose(table.flows, array[t, :, :, r].sum(axis=0), rtol=1e-14)
            np.testing.assert_allclose(table.flows.sum(axis=0) + 1, table.output, rtol=1e-14)


@pytest.mark.parametrize(
    ("flows", "sectors", "sentence"),
    [
        (FLOWS.assign(from_sector="Coel"), SECTORS, r"Hebei 2012 has flows of a sector 'Coel'.*mean 'Coal'"),
        (FLOWS.assign(flow=[1.0, np.nan, 2.0]), SECTORS, "no number for the flow from 'Coal' to 'Steel'"),
        (FLOWS, SECTORS.assign(sector="Coal"), "more than one sector called Coal"),
        (FLOWS, SECTORS.assign(output=[np.nan, 1.0]), "no output for 'Steel'"),
        (FLOWS, SECTORS.assign(value_added=[1.0, np.inf]), "no value added for 'Coal'"),
        (FLOWS, SECTORS.assign(year=2013), "no sectors for Hebei 2012, Hebei 2013"),
        (FLOWS, pd.concat([SECTORS, SECTORS.assign(unit="Anhui")]), "no flows for Anhui 2012"),
    ],
)
def test_what_does_not_fit_is_a_sentence(flows: pd.DataFrame, sectors: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        io_tables(flows, sectors)


def test_the_real_tables_of_2007(data_folder: Path) -> None:
    folder = data_folder / "china" / "io2007"
    names = pd.read_csv(folder / "io2007_sector_names.csv").set_index("sector")["name_zh"]
    raw = pd.read_csv(folder / "io2007_province_intermediate_42x42.csv.gz")
    ends = {end: raw[end].map(names) for end in ("from_sector", "to_sector")}
    flows = raw.rename(columns={"flow_10k_cny": "flow"}).assign(**ends)
    raw_sectors = pd.read_csv(folder / "io2007_province_value_added_output_42s.csv.gz")
    sectors = raw_sectors.assign(
        position=raw_sectors["sector"], sector=raw_sectors["sector"].map(names), output=raw_sectors["total_input"]
    )
    tables = io_tables(with_units(flows, "province"), with_units(sectors, "province"))
    assert len(tables) == 30
    for (province, _), table in tables.items():
        mine = raw_sectors[raw_sectors["province"] == province].sort_values("sector")
        # some bureaus round cells and sums to whole numbers
        np.testing.assert_allclose(table.flows.sum(axis=0), mine["intermediate_input"], rtol=1e-8, atol=2)
        np.testing.assert_allclose(table.flows.sum(axis=0) + table.value_added, table.output, rtol=1e-8, atol=2)
        assert table.sectors[18] == "通信设备、计算机及其它电子设备制造业"
