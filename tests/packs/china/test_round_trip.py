"""Raw downloads of every layout, imported into one folder, loaded from there and put into a panel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import ceads_layout
import io_layout
import nbs_layout
import numpy as np
import pytest

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import plan
from digicarbon.source import Inputs

PROVINCES = {"Beijing": "北京市", "Inner Mongolia": "内蒙古自治区", "Shaanxi": "陕西省"}
YEARS = (2012, 2013)
INDICATORS = {
    "gdp": ("地区生产总值(亿元)", 1.0),
    "population": ("年末常住人口(万人)", 2.0),
    "secondary_va": ("第二产业增加值(亿元)", 0.4),
    "tertiary_va": ("第三产业增加值(亿元)", 0.5),
}
SECTORAL = {(name, year): ceads_layout.sectoral(100 * year + k) for year in YEARS for k, name in enumerate(PROVINCES)}
ENERGY = {(name, year): ceads_layout.energy(100 * year + k) for year in YEARS for k, name in enumerate(PROVINCES)}
TABLES = {name: io_layout.made(k) for k, name in enumerate(PROVINCES)}


def figure(scale: float, province: str, year: int) -> float:
    return round(scale * nbs_layout.figure(province, year), 2)


def ran(*words: str) -> None:
    assert main(["data", "import", *words]) == 0


@pytest.fixture
def imported(folder: Path) -> Path:
    raw = folder / "raw"
    raw.mkdir()
    for series, (indicator, scale) in INDICATORS.items():
        rows = nbs_layout.by_indicator(indicator, YEARS[::-1], figure=partial(figure, scale))
        nbs_layout.write_csv(raw / f"{series}.csv", rows, encoding="gbk")
    for year in YEARS:
        sheets = {
            f"{name.replace(' ', '')}{year}": partial(
                ceads_layout.write_sectoral, table=SECTORAL[name, year], edition=ceads_layout.EDITIONS["2017"]
            )
            for name in PROVINCES
        }
        ceads_layout.save(raw / f"Emission_Inventories_for_30_Provinces_{year}.xlsx", sheets)
        fuels = {name: partial(ceads_layout.write_energy, table=ENERGY[name, year]) for name in PROVINCES}
        ceads_layout.save(raw / f"Energy_Inventories_{year}.xlsx", fuels)
    forms = {name: io_layout.provincial(table, f"2012年{PROVINCES[name]}投入产出表") for name, table in TABLES.items()}
    io_layout.save(raw / "io_2012.xlsx", forms)
    ran("nbs", *(f"raw/{series}.csv" for series in INDICATORS), "--to", "data")
    ran("ceads_sectoral", "raw/Emission_*.xlsx", "--to", "data")
    ran("ceads_energy", "raw/Energy_*.xlsx", "--to", "data")
    ran("io_provincial", "raw/io_2012.xlsx", "--to", "data")
    return folder / "data"


@pytest.mark.long
def test_every_number_arrives(imported: Path, load_shipped: Callable[..., Inputs]) -> None:
    fields = {"folder": str(imported), "required": ["co2_sectoral", "gdp"]}
    made = load_shipped("folder", energy="final", io="provincial", **fields)
    frame = made.frame.set_index(["unit", "time"])
    assert sorted(frame.index) == sorted(SECTORAL)
    coal = ["Raw Coal", "Cleaned Coal", "Other Washed Coal", "Briquettes"]
    total = load_shipped("folder", energy="total", **fields).frame.set_index(["unit", "time"])
    for (name, year), row in frame.iterrows():
        for series, (_, scale) in INDICATORS.items():
            assert row[series] == figure(scale, name, year)
        assert row["co2_sectoral"] == pytest.approx(SECTORAL[name, year].loc["Total", "Scope 1 Total"], rel=1e-12)
        assert row["co2_process"] == pytest.approx(SECTORAL[name, year].loc["Total", "Process"], rel=1e-12)
        fuels = ENERGY[name, year]
        assert row["coal"] == pytest.approx(fuels.loc["Total Final Consumption", coal].sum(), rel=1e-12)
        assert row["diesel"] == pytest.approx(fuels.loc["Total Final Consumption", "Diesel Oil"], rel=1e-12)
        burnt = ["Total Final Consumption", "Thermal Power", "Heating Supply"]
        assert total.loc[(name, year), "diesel"] == pytest.approx(fuels.loc[burnt, "Diesel Oil"].sum(), rel=1e-12)
        gas = fuels.loc["Total Consumption", "Natural Gas"]
        assert total.loc[(name, year), "natural_gas"] == pytest.approx(gas, rel=1e-12)
    for name, table in TABLES.items():
        found = made.tables[name, 2012]
        assert list(found.sectors) == table.names
        np.testing.assert_allclose(found.flows, table.flows, rtol=1e-12)
        np.testing.assert_allclose(found.output, table.rows["total_input"], rtol=1e-12)
    assert made.units["gdp"] == "100m CNY"
    assert any("Shan et al." in note for note in tuple(map(str, made.notes)))
    assert any(
        note.startswith("Left out because of missing co2_sectoral: Anhui, Chongqing")
        for note in tuple(map(str, made.notes))
    )


@pytest.mark.long
def test_the_panel_of_a_run(imported: Path) -> None:
    words = ["source=folder", "source.folder=data", "source.required=[co2_sectoral,gdp]", "source.io=provincial"]
    words += ["measure=bea", "outcome=intensity", "model=pooled", "outcome.controls=[]"]
    # three provinces are too few for clusters
    words.append("inference=classic")
    (run,) = plan(Composer(loader(), "config", words)).runs
    panel = run.prepared.panel
    assert panel.shape == (3, 2)
    columns = {name: dict(zip(_keys(panel), panel.column(name), strict=True)) for name in ("ln_ci", "ln_e")}
    for name, table in TABLES.items():
        one, two = table.names.index("通信设备、计算机和其他电子设备"), len(table.names) - 1
        share = (table.flows[one] + table.flows[two]) / table.rows["total_input"]
        added = table.rows["value_added"]
        ddl = sum(share[j] * added[j] for j in range(len(added)) if j not in (one, two))
        assert columns["ln_e"][name, 2012] == pytest.approx(np.log(added[one] + added[two] + ddl), rel=1e-12)
        co2 = SECTORAL[name, 2013].loc["Total", "Scope 1 Total"]
        assert columns["ln_ci"][name, 2013] == pytest.approx(np.log(100 * co2 / figure(1.0, name, 2013)), rel=1e-12)


def _keys(panel: dc.Panel) -> list[tuple[str, int]]:
    pairs = zip(panel.unit_codes, panel.period_codes, strict=True)
    return [(panel.units[i], int(panel.periods[t])) for i, t in pairs]


@pytest.mark.long
def test_status_names_each_file(imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["data", "status", "data"]) == 0
    shown = capsys.readouterr().out
    for name in ("ceads_sectoral", "ceads_energy", "yearbook", "io_flows"):
        assert f"{name}.parquet" in shown
    assert "tertiary_va" in shown
