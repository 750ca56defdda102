"""Files with a row per unit, period and series, as Eurostat and the World Bank hand them out."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pandas as pd
import pytest

from digicarbon.__main__ import main
from digicarbon.errors import DataError
from digicarbon.packs.reading.look import look
from digicarbon.source import TableSource

PLACES, YEARS = ("DE", "FR", "NO", "IT", "SE", "PL"), range(2011, 2015)
CELLS = {
    (place, year, series): 1.5 + at**1.3
    for at, (series, place, year) in enumerate(product(("GIC", "FC"), PLACES, YEARS))
}
WIDE = pd.Series(CELLS).unstack()[["GIC", "FC"]].reset_index(names=["unit", "time"])


def sdmx(folder: Path, **more: object) -> Path:
    rows = [
        {
            "flow": "NRG",
            "unit": "KTOE",
            "nrg_bal": series,
            "geo": place,
            "TIME_PERIOD": year,
            "OBS_VALUE": cell,
            "FLAG": "",
        }
        for (place, year, series), cell in CELLS.items()
    ]
    path = folder / "sdmx.csv"
    pd.DataFrame(rows).assign(**more).to_csv(path, index=False)
    return path


def tsv(folder: Path) -> Path:
    lines = ["freq,unit,nrg_bal,geo\\TIME_PERIOD\t" + "\t".join(f"{year} " for year in YEARS)]
    for series, place in product(("GIC", "FC"), PLACES):
        lines.append(f"A,KTOE,{series},{place}\t" + "\t".join(f"{CELLS[place, year, series]!r} p" for year in YEARS))
    path = folder / "eurostat.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def world_bank(folder: Path) -> Path:
    rows = [
        {"Country Name": f"{place}land", "Country Code": place, "Series Name": series, "Series Code": f"{series}.X"}
        | {f"{year} [YR{year}]": CELLS[place, year, series] for year in YEARS}
        for series, place in product(("GIC", "FC"), PLACES)
    ]
    path = folder / "wb.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("make", [sdmx, tsv, world_bank])
def test_the_look_makes_a_column_of_each_series(tmp_path: Path, make: object) -> None:
    assert callable(make)
    seen = look(str(make(tmp_path)))
    assert seen.block["series"] == (["Series Name"] if make is world_bank else ["nrg_bal"])
    frame = TableSource(**seen.block).load().frame
    frame["unit"] = frame["unit"].str.removesuffix("land")
    own = frame.sort_values(["unit", "time"]).reset_index(drop=True)[["unit", "time", "GIC", "FC"]]
    pd.testing.assert_frame_equal(own, WIDE, check_dtype=False, check_names=False)
    (note,) = (note for note in seen.inputs.notes if note.code == "series_read")
    assert ("Series Code" if make is world_bank else "unit") in str(note)


def test_what_the_answer_says_to_write_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sdmx(tmp_path)
    for formula in ("GIC ~ FC | geo + TIME_PERIOD", "GIC ~ FC"):
        assert main(["fit", "sdmx.csv", formula]) == 2
        said = capsys.readouterr().err
        assert "Write data.unit=geo data.time=TIME_PERIOD 'data.series=[nrg_bal]'" in said
    words = ["data.unit=geo", "data.time=TIME_PERIOD", "data.series=[nrg_bal]", "test=errors"]
    assert main(["fit", "sdmx.csv", "GIC ~ FC", *words]) == 0


def test_columns_that_cannot_be_told_are_named(tmp_path: Path) -> None:
    path = str(sdmx(tmp_path))
    keys = {"path": path, "unit": "geo", "time": "TIME_PERIOD"}
    two = str(sdmx(tmp_path, second=range(len(CELLS))))
    with pytest.raises(DataError, match="Columns of numbers: OBS_VALUE, second"):
        TableSource(**keys | {"path": two}, series=("nrg_bal",)).load()
    assert len(TableSource(**keys | {"path": two}, series=("nrg_bal",), value="OBS_VALUE").load().frame) == len(WIDE)
    with pytest.raises(DataError, match="has no column 'nrg'"):
        TableSource(**keys, series=("nrg",)).load()
    with pytest.raises(
        DataError, match=r"several rows of the series KTOE for DE 2011\. Write data.series=\[unit, nrg_bal\]"
    ):
        TableSource(**keys | {"path": str(sdmx(tmp_path))}, series=("unit",)).load()
    both = TableSource(**keys | {"path": str(sdmx(tmp_path))}, series=("unit", "nrg_bal")).load()
    assert list(both.frame.columns) == ["unit", "time", "KTOE_GIC", "KTOE_FC"]
    with pytest.raises(ValueError, match="names the column of the figures of several series"):
        TableSource(**keys, value="OBS_VALUE")
