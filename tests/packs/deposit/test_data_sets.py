"""Data of a package: data sets of one option stay apart, and rows, ranges and columns are those of their files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from digicarbon.__main__ import main
from digicarbon.errors import ConfigError
from digicarbon.packs.deposit.package.answers import Answers, DataAnswers
from digicarbon.packs.deposit.package.build import facts
from digicarbon.packs.deposit.package.facts import Facts, Source, Variable
from digicarbon.packs.deposit.package.member import members
from digicarbon.packs.deposit.package.project import Project

pytestmark = pytest.mark.long

EXPERIMENT = """# {name}
defaults:
  - config
  - override source: table
  - override measure: none
  - override outcome: none
  - override model: sar
  - override weights: edges
  - override executor: sequential
  - _self_
source: {{path: {file}, unit: city, time: year, columns: {{gdp: GDP-pc}}}}
weights: {{path: edges.csv}}
model: {{y: y, x: [x, ln_gdp], controls: []}}
panel: {{derive: {{gdp: total / people}}}}
"""
CITIES = ("兰州", "北京", "上海", "天津", "重庆", "成都")
YEARS = range(2001, 2006)


def frame(number: int) -> pd.DataFrame:
    draw = np.random.default_rng(number)
    rows = [(city, year) for city in CITIES for year in YEARS]
    columns = {name: draw.normal(10 * number, 1, len(rows)) for name in ("y", "x")}
    return pd.DataFrame(rows, columns=["city", "year"]).assign(**columns, **{"GDP-pc": draw.uniform(1, 2, len(rows))})


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """Facts of two experiments that choose the same option with files of their own."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "experiments").mkdir()
    (folder / "mlruns").mkdir()
    pd.DataFrame({"from": CITIES, "to": [*CITIES[1:], CITIES[0]]}).to_csv(folder / "edges.csv", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for number, name in enumerate(("first", "second"), start=1):
            frame(number).to_csv(f"{name}.csv", index=False)
            text = EXPERIMENT.format(name=name, file=f"{name}.csv")
            (folder / "experiments" / f"{name}.yaml").write_text(text, encoding="utf-8")
            assert main(["run", name]) == 0
        chosen = members(["first", "second"], [])
        answers = Answers(data={"table_first": {"share": True, "files": ["first.csv"]}})
        yield facts(Project(chosen), answers, "Both")


def by_option(known: Facts) -> Mapping[str, Source]:
    return {one.option: one for one in known.sources}


def variable(known: Facts, source: str, name: str) -> Variable:
    return next(one for one in known.variables if (one.source, one.name) == (source, name))


def test_data_sets_of_one_option_have_answers_of_their_own(known: Facts) -> None:
    sources = by_option(known)
    assert set(sources) == {"table_first", "table_second", "edges"}
    assert {sources[name].chosen for name in ("table_first", "table_second")} == {"table"}
    assert [one.place for one in sources["table_first"].files] == ["first.csv"]
    assert (sources["table_first"].experiments, sources["table_second"].experiments) == (("first",), ("second",))
    # an answer for one file passes on no other
    assert "first.csv" in known.files
    assert "second.csv" not in known.files


def test_rows_and_units_are_counted(known: Facts) -> None:
    sources = by_option(known)
    # Latin-1 reads a byte of 兰 as the end of a line
    assert [sources[name].files[0].rows for name in ("table_first", "edges")] == [len(CITIES) * len(YEARS), len(CITIES)]
    assert (sources["edges"].units, sources["edges"].unit) == (len(CITIES), "city")


def test_ranges_and_columns_are_those_of_the_file(known: Facts) -> None:
    for number, name in enumerate(("first", "second"), start=1):
        own = frame(number)
        for column, head in (("x", "x"), ("gdp", "GDP-pc")):
            one = variable(known, f"table_{name}", column)
            # a range is said of data alone that may be passed on
            known_range = (own[head].min(), own[head].max()) if name == "first" else (None, None)
            assert (one.least, one.greatest) == pytest.approx(known_range, abs=1e-12)
            assert one.file == f"{name}.csv"
            assert one.column == ("" if head == column else head)
        logged = variable(known, f"table_{name}", "ln_gdp")
        # a column of the data is not made, whatever a definition says
        assert logged.formula == "ln_gdp = log(gdp)"
        assert (logged.over, variable(known, f"table_{name}", "gdp").over) == ("models", "data")


def test_answers_about_what_is_not_there_are_refused(
    known: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from digicarbon.packs.deposit.cli.package_command import _refuse_unknown

    monkeypatch.chdir(tmp_path)
    _refuse_unknown(Answers(data={"edges": {}, "table_first": {}, "table_third": {}}, in_paper={"paper": "A"}), known)
    with pytest.raises(ConfigError, match=r"package\.data\.edgs: there is no source .* Did you mean 'edges'\?"):
        _refuse_unknown(Answers(data={"edgs": {}}), known)
    with pytest.raises(ConfigError, match=r"package\.in_paper\.papr: .* Did you mean 'paper'\?"):
        _refuse_unknown(Answers(in_paper={"papr": "Table 3"}), known)


def test_an_answer_holds_only_for_the_files_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    (tmp_path / "mlruns").mkdir()
    pd.DataFrame({"from": CITIES, "to": [*CITIES[1:], CITIES[0]]}).to_csv("edges.csv", index=False)
    for number, name in enumerate(("first", "second"), start=1):
        frame(number).to_csv(f"{name}.csv", index=False)
        text = EXPERIMENT.format(name=name, file=f"{name}.csv")
        Path(f"experiments/{name}.yaml").write_text(text, encoding="utf-8")
        assert main(["run", name]) == 0
    assert main(["package", "first", "--to", "one"]) == 0
    file = Path("experiments/package.yaml")
    asked = file.read_text(encoding="utf-8")
    assert yaml.safe_load(asked)["data"]["table"]["files"] == ["first.csv"]
    head, _, rest = asked.partition("  table:\n")
    file.write_text(head + "  table:\n" + rest.replace("share:\n", "share: true\n", 1), encoding="utf-8")
    assert main(["package", "first", "--to", "one"]) == 0
    assert Path("one/first.csv").is_file()
    # another file of the same option is asked about by itself, under a name of its own that stays
    for _ in range(2):
        assert main(["package", "second", "--to", "two"]) == 0
        assert not Path("two/second.csv").exists()
        data = yaml.safe_load(file.read_text(encoding="utf-8"))["data"]
        assert data["table_second"]["files"] == ["second.csv"]
        assert data["table_second"]["share"] is None
    assert (data["table"]["files"], data["table"]["share"]) == (["first.csv"], True)
    assert main(["package", "first", "--to", "one"]) == 0
    assert Path("one/first.csv").is_file()
    # a yes that names no file is none, and the sentence says what is lacking
    file.write_text("data:\n  table:\n    share: true\n", encoding="utf-8")
    capsys.readouterr()
    assert main(["package", "second", "--to", "two"]) == 0
    said = capsys.readouterr().out
    assert "data.table.share is true, but not for each of its files" in said
    assert "`files: [second.csv]`" in said
    assert "share" in said.partition("still open")[2]
    assert not Path("two/second.csv").exists()
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["data"]["table"] == {
        **dict.fromkeys(name for name in DataAnswers.model_fields),
        "share": True,
    }
