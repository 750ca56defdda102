"""Columns, keys and impossible values: pandera's findings as sentences."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sound_data import io_tables, sectoral, yearbook

from digicarbon.source.datafolder import datasets
from digicarbon.source.validation import Finding, check_datasets


def errors(name: str, frame: pd.DataFrame) -> list[str]:
    return [str(item.note) for item in check_datasets({name: frame}) if item.level == "error"]


def test_sound_data_have_no_findings() -> None:
    sectors, flows = io_tables()
    tables = {"ceads_sectoral": sectoral(), "yearbook": yearbook(), "io_sectors": sectors, "io_flows": flows}
    found = [item for item in check_datasets(tables) if item.check not in ("coverage", "vintage", "unit")]
    assert found == []


def test_a_missing_column_and_text_for_numbers() -> None:
    frame = sectoral()
    assert errors("ceads_sectoral", frame.drop(columns="scope_1_total")) == [
        "ceads_sectoral lacks the column scope_1_total; import it again."
    ]
    bad = yearbook().astype({"value": object})
    bad.loc[3, "value"] = "1,234"
    assert errors("yearbook", bad) == [
        "yearbook: value must be a number, but is text in Beijing 2013 gdp revised (1,234); import it again."
    ]


def test_keys_are_complete_and_single() -> None:
    frame = yearbook()
    twice = pd.concat([frame, frame.iloc[[0, 9]]], ignore_index=True)
    assert errors("yearbook", twice)[0].startswith(
        "yearbook has more than one row for Beijing 2010 gdp revised, Tianjin 2011 gdp"
    )
    empty = frame.assign(province=frame["province"].where(frame["year"] != 2011))
    assert "yearbook: province is empty in 8 rows: 2011 gdp revised" in errors("yearbook", empty)[0]
    blank = frame.assign(series=frame["series"].where(frame["year"] != 2011, ""))
    assert any("series must not be an empty text; 8 cells" in text for text in errors("yearbook", blank))


def test_impossible_values_are_errors_that_name_the_cells() -> None:
    frame = sectoral()
    place = frame.index[(frame["province"] == "Hebei") & (frame["year"] == 2012) & (frame["sector"] == "Others")][0]
    frame.loc[place, "diesel_oil"] = -4.5
    assert any(
        text
        == "ceads_sectoral: diesel_oil must not be negative; 1 cell: Hebei 2012 Others (-4.5). Correct the raw file."
        for text in errors("ceads_sectoral", frame)
    )
    frame.loc[place, "diesel_oil"] = np.inf
    assert any(
        "diesel_oil must be a finite number; 1 cell: Hebei 2012 Others (inf)" in text
        for text in errors("ceads_sectoral", frame)
    )
    late = yearbook().assign(year=yearbook()["year"] + 2000)
    assert "year must be a year from 1949 to 2100" in errors("yearbook", late)[0]
    halves = yearbook().assign(year=yearbook()["year"] + 0.5)
    assert errors("yearbook", halves)[0] == (
        "yearbook: the column year must hold whole numbers, but is of type float64."
    )


def test_a_code_beside_the_wrong_province() -> None:
    frame = yearbook()
    frame.loc[frame["province"] == "Shanxi", "adcode"] = 610000
    assert errors("yearbook", frame) == [
        "yearbook: Shanxi is listed with the code 610000, but its code is 140000; import it again."
    ]


@pytest.mark.parametrize("name", list(datasets()))
def test_every_data_set_has_a_schema(name: str) -> None:
    kind = datasets()[name]
    cells = {"year": 2012, "adcode": 110000} | dict.fromkeys(("province", "from_province", "to_province"), "Beijing")
    columns = dict.fromkeys((*kind.keys, *kind.values), "x") | dict.fromkeys(kind.values, 1.0) | cells
    text = {"series": "gdp", "unit": "x", "indicator": "GDP", "vintage": "revised"}
    row = {name: text.get(name, value) for name, value in columns.items() if name in (*kind.keys, *kind.values)}
    assert not [item for item in check_datasets({name: pd.DataFrame([row])}) if item.check in ("schema", "columns")]
    broken = check_datasets({name: pd.DataFrame([row, row])})
    assert any("more than one row" in str(item.note) for item in broken)


def test_pandera_is_loaded_only_when_something_is_checked() -> None:
    words = "import sys, digicarbon.source.validation, digicarbon.source; sys.exit('pandera' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words]).returncode == 0


def test_a_finding_says_where_it_is() -> None:
    assert Finding("note", "x", "f", "s", "gdp", "Hebei", 2012, "Farming").where == "gdp, Hebei, 2012, Farming"
    assert Finding("note", "x", "f", "s").where == ""


def test_numbers_that_a_file_keeps_as_objects_are_numbers() -> None:
    sectors, flows = io_tables()
    objects = {"io_sectors": sectors.astype({"final_use": object, "output": object}), "io_flows": flows.astype(object)}
    assert [item.level for item in check_datasets(objects)] == ["error"] * 2
    whole = {"io_sectors": objects["io_sectors"], "io_flows": flows.astype({"flow": object})}
    assert [item for item in check_datasets(whole) if item.level == "error"] == []
    sectors = sectors.astype({"imports": object})
    sectors.loc[2, "imports"] = "—"
    (found,) = [item for item in check_datasets({"io_sectors": sectors, "io_flows": flows}) if item.level == "error"]
    assert str(found.note).startswith("io_sectors: imports must be a number, but is text in Beijing 2012 信息传输")


@pytest.mark.long
def test_nothing_breaks_the_checks_themselves() -> None:
    rng = np.random.default_rng(3)
    sectors, flows = io_tables()
    tables = {"ceads_sectoral": sectoral(), "yearbook": yearbook(), "io_sectors": sectors, "io_flows": flows}
    for _ in range(25):
        name = str(rng.choice(list(tables)))
        table = tables[name].astype(object) if rng.random() < 0.3 else tables[name].copy()
        column = rng.choice(table.columns)
        row = table.index[rng.integers(len(table))]
        table[column] = table[column].astype(object)
        table.loc[row, column] = rng.choice(np.array([np.nan, "x", -1e9, np.inf, ""], dtype=object))
        if rng.random() < 0.3:
            table = table.drop(columns=rng.choice(table.columns)).iloc[: rng.integers(0, 20)]
        assert all(isinstance(item, Finding) for item in check_datasets({**tables, name: table}))
