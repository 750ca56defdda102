"""`digicarbon read`: what it says of a file, and that the block that it writes reads the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from digicarbon.__main__ import main
from digicarbon.config.flat import FILES
from digicarbon.packs.reading.look import look
from digicarbon.source import TableSource
from digicarbon.source._read import SUFFIXES


def _text(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


WORLD_BANK = (
    '\ufeff"Data Source","World Development Indicators",\n\n"Last Updated Date","2024-06-28",\n\n'
    '"Country Name","Country Code","Indicator Name","Indicator Code","2011","2012",\n'
    '"Norway","NOR","GDP (current US$)","NY.GDP","1.5","",\n"Chad","TCD","GDP (current US$)","NY.GDP","2","3",\n'
)
CSMAR = (
    "Stkcd,Accper,A001,A002\n证券代码,会计期间,货币资金,应收\n没有单位,没有单位,元,元\n"
    "000001,2011,1.5,2\n000001,2012,1.7,-99\n000002,2011,3,4\n000002,2012,3,.\n"
)
EUROSTAT = "freq,geo\\TIME_PERIOD\t2011 \t2012 \nA,DE\t1.5 p\t: \nA,NO\t: c\t-2 bp\n"
LONG = "NO,year,co2,pm2010,pm2011\na,2010,1,2,3\na,2011,2,3,4\nb,2010,1,5,6\nb,2011,2,5,6\n"


@pytest.mark.parametrize(
    ("name", "text", "encoding", "block", "units"),
    [
        ("wb.csv", WORLD_BANK, "utf-8", {"header": 5, "unit": "Country Name", "time": "year", "wide": "value"}, 2),
        ("c.csv", CSMAR, "gbk", {"skip": [2, 3], "unit": "Stkcd", "time": "Accper", "missing": [".", -99]}, 2),
        ("eu.tsv", EUROSTAT, "utf-8", {"unit": "geo", "time": "year", "wide": "value"}, 2),
        ("long.csv", LONG, "utf-8", {"unit": "NO", "time": "year"}, 2),
    ],
)
def test_the_block_reads_the_file(
    tmp_path: Path, name: str, text: str, encoding: str, block: dict[str, Any], units: int
) -> None:
    seen = look(str(_text(tmp_path / name, text, encoding)))
    assert seen.block == {"path": str(tmp_path / name), **block}
    frame = TableSource(**yaml.safe_load(yaml.safe_dump(seen.block))).load().frame
    assert frame["unit"].nunique() == units
    assert len(frame) == 2 * units
    assert all(
        pd.api.types.is_numeric_dtype(frame[column]) for column in frame.columns[-2:] if column in ("value", "A002")
    )


def test_what_stands_out_is_named(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "code": [420600, 420600, 420100, 420100, 420200, 420200, *np.repeat(range(1, 9), 2)],
            "city": ["襄樊", "襄阳", "武汉", "武汉市", "黄石", "黄石", *(f"c{i}" for i in np.repeat(range(1, 9), 2))],
            "year": [2010, 2011] * 11,
            "x": [1.0, 9999, *range(20)],
        }
    )
    path = tmp_path / "a.xlsx"
    pd.concat([frame, frame.tail(1)]).to_excel(path, index=False)
    said = " ".join(note.text() for note in (look(str(path)).inputs.notes + look(str(path)).notes))
    for part in (
        "襄樊 is called 襄阳 from 2010 on (State Council, 26 November 2010)",
        "x (9999: 1). They count as numbers; if they do mean it, set data.missing=[9999].",
        "1 pair of unit and period has several rows: c8 2011.",
        "Units whose names differ in their ending may be one: 武汉 = 武汉市.",
    ):
        assert part in said
    frame.to_excel(path, index=False)
    said = " ".join(note.text() for note in look(str(path)).notes)
    assert "One value of code has several names of units: 420600: 襄樊, 襄阳; 420100: 武汉, 武汉市." in said


def test_commas_that_may_be_of_two_kinds_are_named(tmp_path: Path) -> None:
    path = _text(tmp_path / "a.csv", 'p,year,x\na,2001,"30,168"\na,2002,—\nb,2001,"2,222"\nb,2002,3\n')
    result = look(str(path))
    assert "thousands" not in result.block
    assert any(note.text().startswith("The commas of x may stand between thousands") for note in result.notes)


def test_the_block_is_saved_as_the_beginning_of_an_experiment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _text(tmp_path / "a.csv", LONG)
    assert main(["read", "a.csv", "--save", "experiments/a.yaml"]) == 0
    saved = tmp_path / "experiments" / "a.yaml"
    assert yaml.safe_load(saved.read_text(encoding="utf-8")) == {
        "data": {"path": "a.csv", "unit": "NO", "time": "year"}
    }
    with saved.open("a", encoding="utf-8") as file:
        file.write("y: co2\nx: [pm2010]\nmodel: pooled\ninference: classic\n")
    assert main(["check", "a"]) == 0
    before = saved.read_bytes()
    capsys.readouterr()
    for words, said in (
        (["a.csv", "--save", "experiments/a.yaml"], "experiments/a.yaml exists already"),
        (["a.csv", "--save", "a.txt"], "a.txt must end in .yaml"),
        (["a.csv", "a.csv", "--save", "b.yaml"], "--save takes the block of one file, not of 2"),
        (["b.csv"], "data.path: there is no file 'b.csv'"),
        (["a.pdf"], "'.pdf', which is not a known kind of table"),
        ([], "FILES"),
    ):
        assert main(["read", *words]) == 2
        assert said in capsys.readouterr().err
    assert saved.read_bytes() == before
    _text(tmp_path / "n.csv", "a,b\n1,2\n3,4\n")
    assert main(["read", "n.csv"]) == 2
    assert "data.unit" in capsys.readouterr().err


def test_a_short_file_may_name_every_kind_of_file() -> None:
    assert set(FILES["source"]) == set(SUFFIXES)
