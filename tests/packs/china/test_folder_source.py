"""A source put together from files: what is read, which rows come out, and the sentence for what is wrong."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digicarbon.__main__ import main
from digicarbon.errors import ConfigError, DataError
from digicarbon.measure import BeaMeasure, ColumnMeasure
from digicarbon.source import FolderSource, Inputs, Source, datafolder
from digicarbon.source.datafolder import Provenance, RawFile
from digicarbon.source.validation import InvalidDataError
from digicarbon.spec import build

GDP: dict[str, Any] = {"file": "yb", "column": "gdp", "unit": "100m CNY"}


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def fill(folder: Path) -> None:
    write(
        folder,
        "yb.csv",
        "province,year,gdp,pop\n北京,2012,10,2\n北京,2013,20,\n110000,2014,30,2\nTibet,2013,1,1\nHebei,2013,5,3\n",
    )
    write(
        folder,
        "co2.csv",
        "province,adcode,year,sector,coal,gas\n"
        "Beijing,110000,2012,Total,3,1\nBeijing,110000,2012,Power,2,0\nBeijing,110000,2013,Total,4,\n"
        "Beijing,110000,2013,Power,1,1\nHebei,130000,2013,Total,7,1\nHebei,130000,2013,Power,6,1\n",
    )


@pytest.fixture
def here(tmp_path: Path) -> Path:
    fill(tmp_path)
    return tmp_path


def source(folder: Path, **fields: Any) -> FolderSource:
    base: dict[str, Any] = {
        "folder": str(folder),
        "files": {"yb": "yb.csv", "co2": "co2.csv"},
        "series": {"gdp": GDP},
    }
    return FolderSource(**(base | fields))


def values(made: Inputs, name: str) -> dict[tuple[str, int], float]:
    column = made.frame.set_index(["unit", "time"])[name].dropna()
    return {(str(key[0]), int(key[1])): float(value) for key, value in column.items()}


def co2(**entry: Any) -> dict[str, Any]:
    return {"gdp": GDP, "co2": {"file": "co2", "column": "coal", "where": {"sector": "Total"}} | entry}


class TestRead:
    def test_rows_are_all_units_by_all_years_and_gaps_stay(self, here: Path) -> None:
        made = source(here).load()
        assert made.frame[["unit", "time"]].to_numpy().tolist() == [
            [unit, year] for unit in ("Beijing", "Hebei", "Tibet") for year in (2012, 2013, 2014)
        ]
        assert values(made, "gdp") == {
            ("Beijing", 2012): 10,
            ("Beijing", 2013): 20,
            ("Beijing", 2014): 30,
            ("Hebei", 2013): 5,
            ("Tibet", 2013): 1,
        }
        assert made.units == {"gdp": "100m CNY"}
        assert (made.source, made.unit_name, made.time_name) == ("folder", "province", "year")

    def test_units_of_no_known_country_have_the_name_of_their_column(self, here: Path) -> None:
        write(here, "own.csv", "nuts2,year,gdp\nDE11,2012,10\nDE12,2012,20\n")
        files = {"own": {"path": "own.csv", "unit": "nuts2"}}
        made = source(here, files=files, series={"gdp": {"file": "own", "column": "gdp"}}).load()
        assert (made.unit_name, made.time_name) == ("nuts2", "year")
        assert values(made, "gdp") == {("DE11", 2012): 10, ("DE12", 2012): 20}

    def test_tables_of_units_of_no_known_country(self, here: Path) -> None:
        write(here, "own.csv", "nuts2,year,gdp\nDE11,2012,10\nDE12,2012,20\n")
        # the last column is a unit of measurement
        sectors = "".join(f"{unit},2012,s,1,{value},10,EUR\n" for unit, value in (("DE11", 4), ("DE12", 7)))
        heading = "nuts2,year,sector,position,value_added,output,unit"
        write(here, "sectors.csv", f"{heading}\n{sectors}")
        flows = "2012,DE11,s,DE11,s,5\n2012,DE12,s,DE11,s,1\n2012,DE11,s,DE12,s,3\n"
        write(here, "flows.csv", f"year,from_nuts2,from_sector,to_nuts2,to_sector,flow\n{flows}")
        mine = source(
            here,
            files={name: {"path": f"{name}.csv", "unit": "nuts2"} for name in ("own", "flows", "sectors")},
            series={"gdp": {"file": "own", "column": "gdp"}},
            tables={"mine": {"flows": "flows", "sectors": "sectors"}},
            io="mine",
        )
        made = mine.load()
        assert {key: float(table.flows[0, 0]) for key, table in made.tables.items()} == {
            ("DE11", 2012): 6,
            ("DE12", 2012): 3,
        }
        write(here, "sectors.csv", f"{heading}\n{sectors}".replace(",4,", ",3e9,"))
        with pytest.raises(InvalidDataError, match=r"more than 2e\+09, which no nuts2 has"):
            mine.load()

    def test_a_filter_a_factor_and_a_sum_of_columns(self, here: Path) -> None:
        found = values(source(here, series=co2(column=["coal", "gas"], factor=10.0)).load(), "co2")
        # a sum that lacks a part is missing
        assert found == {("Beijing", 2012): 40, ("Hebei", 2013): 80}

    def test_rows_that_a_list_chooses_are_added_up(self, here: Path) -> None:
        found = values(source(here, series=co2(where={"sector": ["Total", "Power"]})).load(), "co2")
        assert found == {("Beijing", 2012): 5, ("Beijing", 2013): 5, ("Hebei", 2013): 13}

    def test_a_sum_of_rows_of_which_one_is_not_there_is_missing(self, here: Path) -> None:
        text = (here / "co2.csv").read_text(encoding="utf-8").replace("Hebei,130000,2013,Power,6,1\n", "")
        write(here, "co2.csv", text)
        found = values(source(here, series=co2(where={"sector": ["Total", "Power"]})).load(), "co2")
        assert found == {("Beijing", 2012): 5, ("Beijing", 2013): 5}

    def test_years_that_can_be_trusted_and_what_fills_the_others(self, here: Path) -> None:
        write(here, "late.csv", "province,year,gdp\nBeijing,2013,99\nBeijing,2015,50\n")
        entry = GDP | {"years": [2012, 2012], "then": {"file": "late", "column": "gdp", "factor": 2.0}}
        files = {"yb": "yb.csv", "late": "late.csv"}
        made = source(here, files=files, series={"gdp": entry}).load()
        assert values(made, "gdp") == {("Beijing", 2012): 10, ("Beijing", 2013): 198, ("Beijing", 2015): 100}
        assert {file.name: file.series for file in made.files} == {"yb.csv": ("gdp",), "late.csv": ("gdp",)}

    def test_files_carry_the_hash_of_their_bytes(self, here: Path) -> None:
        (record,) = source(here).load().files
        content = (here / "yb.csv").read_bytes()
        assert (record.sha256, record.size) == (hashlib.sha256(content).hexdigest(), len(content))
        assert record.path == str(here / "yb.csv")

    def test_a_compressed_file(self, here: Path) -> None:
        (here / "yb.csv.gz").write_bytes(gzip.compress((here / "yb.csv").read_bytes()))
        made = source(here, files={"yb": "yb.csv.gz"}).load()
        pd.testing.assert_frame_equal(made.frame, source(here).load().frame)

    def test_choices(self, here: Path) -> None:
        fields: dict[str, Any] = {
            "vintages": {"first": {"gdp": GDP}, "last": {"gdp": GDP | {"factor": 2.0}}},
            "energies": {"all": {"fuel": co2()["co2"]}},
            "series": {},
        }
        made = source(here, vintage="last", energy="all", **fields).load()
        assert values(made, "gdp")["Beijing", 2012] == 20
        assert values(made, "fuel")["Beijing", 2012] == 3
        without = source(here, vintage="first", **fields).load()
        with pytest.raises(DataError, match=r"fuel, which source=folder does not have\. Set source\.energy=all\."):
            without.series(["fuel"], "outcome")
        assert "first vintage: gdp" in str(source(here, vintage="first", **fields).load().notes[0])

    def test_all_series_of_a_further_file(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(here)
        write(here, "mine.csv", "province,adcode,year,index,remark\nBeijing,110000,2012,0.5,a\n")
        made = source(here, further=["mine.csv"]).load()
        assert values(made, "index") == {("Beijing", 2012): 0.5}
        assert not {"remark", "adcode"} & set(made.frame)
        assert ColumnMeasure(column="index", terms=("index",)).compute(made)["index"].notna().sum() == 1

    def test_geometry_is_named_and_hashed(self, here: Path) -> None:
        write(here, "map.geojson", "{}")
        made = source(here, geometry="map.geojson").load()
        assert made.geometry == str(here / "map.geojson")
        assert made.files[-1].series == ("geometry",)

    @pytest.mark.long
    @settings(max_examples=15, deadline=None)
    @given(st.permutations(range(6)), st.permutations(range(5)))
    def test_the_order_of_rows_changes_nothing(self, order: list[int], other: list[int]) -> None:
        with TemporaryDirectory() as name:
            folder = Path(name)
            fill(folder)
            fields: dict[str, Any] = {"series": co2(), "required": ["gdp"]}
            before = source(folder, **fields).load().frame
            for file, places in (("co2.csv", order), ("yb.csv", other)):
                head, *rows = (folder / file).read_text(encoding="utf-8").splitlines()
                write(folder, file, "\n".join([head, *(rows[k] for k in places)]) + "\n")
            pd.testing.assert_frame_equal(source(folder, **fields).load().frame, before)


class TestExtent:
    def test_required_series_decide_units_and_years(self, here: Path) -> None:
        made = source(here, series=co2(), required=["gdp", "co2"]).load()
        assert sorted(made.frame["unit"].unique()) == ["Beijing", "Hebei"]
        assert sorted(made.frame["time"].unique()) == [2012, 2013]
        assert str(made.notes[0]) == "Left out because of missing co2: Tibet."

    def test_years_and_units_by_hand(self, here: Path) -> None:
        made = source(here, years=[2013, 2013], units=["北京", "Tibet"]).load()
        assert made.frame.to_numpy().tolist() == [["Beijing", 2013, 20.0], ["Tibet", 2013, 1.0]]

    def test_whole_takes_the_limits_away(self, here: Path) -> None:
        limited = source(here, required=["gdp"], years=[2013, 2013], units=["Beijing"])
        assert len(limited.load().frame) == 1
        assert len(limited.whole().load().frame) == 9

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"years": [2020, 2021]}, r"source\.years asks for 2020 to 2021; the files span 2012 to 2014"),
            ({"units": ["Hubei"]}, r"source\.units: no file has Hubei\. Did you mean 'Hebei'\?"),
            ({"required": ["gdq"]}, r"source\.required: there is no series 'gdq'\. Did you mean 'gdp'\?"),
            ({"series": co2(years=[1990, 1991]), "required": ["gdp", "co2"]}, "gdp 2012 to 2014, co2 never"),
        ],
    )
    def test_what_is_not_there(self, here: Path, fields: dict[str, Any], sentence: str) -> None:
        with pytest.raises(DataError, match=sentence):
            source(here, **fields).load()


class TestRefused:
    @pytest.mark.parametrize(
        ("entry", "sentence"),
        [
            ({"column": "cool"}, r"source\.series\.co2: co2\.csv has no column 'cool'\. Did you mean 'coal'\?"),
            ({"where": {"sektor": "Total"}}, r"source\.series\.co2\.where: co2\.csv has no column 'sektor'"),
            ({"where": {"sector": "total"}}, r"'sector' of co2\.csv has no 'total'\. Did you mean 'Total'\?"),
            ({"where": {}}, r"co2\.csv has 2 rows for Beijing 2012 where there should be 1; .*where"),
            ({"column": "sector"}, r"holds 'Total' in column 'sector' for Beijing 2012; write a number"),
        ],
    )
    def test_a_wrong_entry(self, here: Path, entry: dict[str, Any], sentence: str) -> None:
        with pytest.raises(DataError, match=sentence):
            source(here, series=co2(**entry)).load()

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"vintage": "revized", "vintages": {"revised": {}}}, "Did you mean 'revised'.* Allowed: revised"),
            ({"energy": "final"}, "energy is 'final', which this source does not have. Allowed: none"),
            ({"io": "tables"}, "io is 'tables'"),
            (
                {"series": {"gdp": GDP | {"file": "yc"}}},
                r"series\.gdp is in a file 'yc' that files does not list\. Files: yb",
            ),
            ({"series": {"gdp": GDP | {"colum": "x"}}}, "colum is not a field of SeriesEntry.* Did you mean 'column'"),
            ({"series": {"gdp": {"column": "x"}}}, "file is required"),
            ({"files": {"yb": {"path": "yb.csv", "units": "x"}}}, "Did you mean 'unit'"),
            ({"years": [2013, 2012]}, "years runs from 2013 back to 2012"),
        ],
    )
    def test_a_wrong_field(self, here: Path, fields: dict[str, Any], sentence: str) -> None:
        base = {"_target_": "digicarbon.source.FolderSource", "folder": str(here), "files": {"yb": "yb.csv"}}
        with pytest.raises(ConfigError, match=sentence):
            build(base | fields, Source, "source")

    def test_a_file_that_is_not_there_gives_no_series(self, here: Path) -> None:
        (here / "co2.csv").unlink()
        made = source(here, series=co2()).load()
        assert list(made.frame) == ["unit", "time", "gdp"]
        with pytest.raises(DataError, match=r"co2.*It would be in the file co2\.csv, which is not there"):
            made.series(["co2"], "outcome")
        with pytest.raises(DataError, match=r"source\.required: co2 is not in .* be in the file co2\.csv"):
            source(here, series=co2(), required=["co2"]).load()
        (here / "yb.csv").unlink()
        with pytest.raises(DataError, match=r"has none of the files of source\.files: yb\.csv, co2\.csv"):
            source(here, series=co2()).load()

    def test_a_further_file_is_looked_for_in_the_folder_and_in_the_working_directory(
        self, here: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        other = tmp_path_factory.mktemp("other")
        monkeypatch.chdir(other)
        write(here, "mine.csv", "province,year,index\nBeijing,2012,1\n")
        assert values(source(here, further=["mine.csv"]).load(), "index") == {("Beijing", 2012): 1}
        write(other, "yours.csv", "province,year,other\nBeijing,2012,2\n")
        assert values(source(here, further=["yours.csv"]).load(), "other") == {("Beijing", 2012): 2}
        with pytest.raises(DataError, match="nor a file in ") as error:
            source(here, further=["none.csv"]).load()
        assert str(here) in str(error.value)
        assert str(other) in str(error.value)

    def test_folders_and_further_files_that_are_not_there(self, here: Path) -> None:
        with pytest.raises(DataError, match="there is no folder"):
            source(here / "no").load()
        with pytest.raises(DataError, match=r"source\.further: 'yd' is neither one of source\.files \(yb, co2\)"):
            source(here, further=["yd"]).load()
        with pytest.raises(DataError, match=r"source\.geometry: there is no file"):
            source(here, geometry="map.geojson").load()

    def test_a_series_of_two_files(self, here: Path) -> None:
        with pytest.raises(DataError, match=r"yb has the series gdp, which .* ~source\.series\.gdp"):
            source(here, further=["yb"]).load()

    def test_a_further_file_with_numbers_as_text(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(here)
        write(here, "mine.csv", 'province,year,index\nBeijing,2012,"1,234"\nBeijing,2013,5\n')
        with pytest.raises(DataError, match=r"holds '1,234' in column 'index' for Beijing 2012; write a number"):
            source(here, further=["mine.csv"]).load()

    def test_years_that_are_none(self, here: Path) -> None:
        write(here, "yb.csv", "province,year,gdp\nBeijing,2012,1\nBeijing,2013-14,1\n")
        with pytest.raises(DataError, match=r"yb\.csv: column 'year' holds '2013-14' in data row 2"):
            source(here).load()

    def test_a_file_cut_off(self, here: Path) -> None:
        content = gzip.compress((here / "yb.csv").read_bytes() * 50)
        (here / "yb.csv.gz").write_bytes(content[: len(content) // 2])
        with pytest.raises(DataError, match=r"yb\.csv\.gz cannot be read as '\.csv\.gz'"):
            source(here, files={"yb": "yb.csv.gz"}).load()


class TestImported:
    """What `digicarbon data import` writes, through ``source=folder``."""

    @pytest.fixture
    def imported(self, tmp_path: Path) -> Path:
        place = {"province": ["Beijing", "Beijing", "Hebei", "Hebei"], "adcode": [110000, 110000, 130000, 130000]}
        rows = pd.DataFrame(place | {"year": [2012, 2013, 2012, 2013]})
        sectors = [
            rows.assign(sector=name, scope_1_total=x, process=process)
            for name, x, process in (("Total", 9.0, 0.5), ("Coal", 4.0, 0.0), ("Cement", 5.0, 0.5))
        ]
        yearbook = [
            rows.assign(series=series, vintage=vintage, value=np.arange(4.0) + add, unit="", indicator="")
            for series, vintage, add in (("gdp", "revised", 10), ("gdp", "original", 20), ("population", "revised", 1))
        ]
        names = ("Other", "Communication equipment, computers and other electronic equipment")
        three = (*names, "Information transmission, software and information technology services")
        io_sectors = [
            rows.iloc[[0, 2]].assign(sector=name, position=k, value_added=5.0 + k, output=14.0 + k)
            for k, name in enumerate(three)
        ]
        io_flows = [
            rows.iloc[[0, 2]].assign(from_sector=one, to_sector=two, flow=3.0) for one in three for two in three
        ]
        for kind, table, units in (
            ("ceads_sectoral", sectors, {"scope_1_total": "Mt"}),
            ("yearbook", yearbook, {"gdp": "100m CNY", "population": "10k persons"}),
            ("io_sectors", io_sectors, {}),
            ("io_flows", io_flows, {}),
        ):
            record = Provenance(kind, (RawFile("a.xlsx", "0" * 64, 3),), units=units, citation=f"Cite {kind}.")
            datafolder.write(tmp_path / "data", {kind: pd.concat(table, ignore_index=True)}, record)
        return tmp_path / "data"

    def test_series_units_and_citations(self, imported: Path, load_shipped: Callable[..., Inputs]) -> None:
        made = load_shipped("folder", folder=str(imported))
        assert values(made, "gdp") == {
            ("Beijing", 2012): 10,
            ("Beijing", 2013): 11,
            ("Hebei", 2012): 12,
            ("Hebei", 2013): 13,
        }
        assert values(made, "co2_sectoral")["Hebei", 2013] == 9
        assert values(made, "population")["Beijing", 2013] == 2
        assert made.units["population"] == "10k persons"
        assert tuple(map(str, made.notes)) == ("Cite ceads_sectoral.", "Cite yearbook.")
        assert [file.name for file in made.files] == ["ceads_sectoral.parquet", "yearbook.parquet"]
        assert str(made.absent["coal"]) == "It would be in the file ceads_energy.parquet, which is not there."

    def test_the_vintage_chooses_rows(self, imported: Path, load_shipped: Callable[..., Inputs]) -> None:
        made = load_shipped("folder", folder=str(imported), vintage="original")
        assert values(made, "gdp")["Beijing", 2012] == 20
        # population is there in the revised vintage only
        assert values(made, "population")["Beijing", 2013] == 2
        assert str(made.notes[0]) == "Not there in the original vintage and taken from the revised one: population."
        with pytest.raises(DataError, match=r"yearbook\.parquet has no rows of the vintage 'latest'"):
            load_shipped("folder", folder=str(imported), vintage="latest")

    def test_without_the_fallback_or_if_required_a_series_of_another_vintage_is_absent(
        self, imported: Path, load_shipped: Callable[..., Inputs]
    ) -> None:
        made = load_shipped("folder", folder=str(imported), vintage="original", vintage_fallback=False)
        assert "population" not in made.frame
        sentence = (
            r"yearbook\.parquet has population only in the revised vintage; set source\.vintage=revised, or import"
        )
        with pytest.raises(DataError, match=sentence + r" it in .*, or set source\.vintage_fallback=true\."):
            made.series(["population"], "measure")
        with pytest.raises(DataError, match=r"source\.required: population is not in .*" + sentence):
            load_shipped("folder", folder=str(imported), vintage="original", required=["gdp", "population"])

    def test_a_model_that_needs_it_says_where_it_is(self, imported: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ["source=folder", f"source.folder={imported}", "source.vintage=original", "measure=none"]
        words += ["outcome=none", "model=pooled", "model.y=ln_gdp", "model.x=[ln_pgdp]", "model.controls=[]"]
        assert main(["check", *words, "source.vintage_fallback=false"]) != 0
        shown = capsys.readouterr()
        said = " ".join((shown.out + shown.err).split())
        assert "source=folder does not have 'population'. yearbook.parquet has population only in the revised" in said
        assert main(["check", *words, "model.x=[ln_nothing]"]) != 0
        shown = capsys.readouterr()
        said = " ".join((shown.out + shown.err).split())
        columns = said.split("Columns: ")[1].split(".")[0].split(", ")
        assert {"gdp", "population", "pgdp"} <= set(columns)
        # neither a column of the machinery nor definitions that lack an input
        assert not {"\0row", "row", "ter_sec"} & set(columns)

    def test_tables(self, imported: Path, load_shipped: Callable[..., Inputs]) -> None:
        made = load_shipped("folder", folder=str(imported), io="provincial")
        assert sorted(made.tables) == [("Beijing", 2012), ("Hebei", 2012)]
        found = BeaMeasure().compute(Inputs(made.frame[made.frame["time"] == 2012], "folder", tables=made.tables))
        # other inputs than digital ones do not count: 6 of 14 of the value added of 5
        assert found["e"].tolist() == pytest.approx([6 + 7 + 5 * 6 / 14] * 2)
        with pytest.raises(DataError, match=r"Set source\.io=provincial or multi_regional\."):
            BeaMeasure().compute(load_shipped("folder", folder=str(imported)))
        with pytest.raises(DataError, match=r"source\.io=multi_regional: .* has no file mrio_flows\.parquet"):
            load_shipped("folder", folder=str(imported), io="multi_regional")
