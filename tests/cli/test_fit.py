"""``digicarbon fit`` and ``dc.fit``: the same parser, numbers and notes as an experiment file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from prose import prose_of

import digicarbon as dc
from digicarbon.__main__ import main
from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError, DigicarbonError
from digicarbon.plan.prepare import fitted
from digicarbon.plan.runs import plan
from digicarbon.sweep.front import composed, experiment

EXAMPLE = Path(__file__).parents[2] / "docs/example"
FORMULA = "ln_ci ~ ln_digital + ln_pgdp + urban | city + year"


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for path in EXAMPLE.glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_what_is_saved_is_the_same_experiment(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns = ["--columns", "fe; sdm, weights=neighbours.csv, durbin=x; controls=[urban], cluster=time"]
    assert main(["fit", "panel.csv", FORMULA, *columns, "--save", "mine", "test=errors"]) == 0
    shown = capsys.readouterr().out
    assert "-0.2365***" in shown
    assert "-0.1624***" in shown
    assert "digicarbon run mine" in shown
    assert main(["run", "mine"]) == 0
    assert "3 runs fitted in another sweep of this store" in capsys.readouterr().out
    with pytest.raises(ConfigError, match=r"unknown|no option|[Tt]here is no"):
        Composer(loader(), "digicarbon").sweep_keys()


@pytest.mark.parametrize(
    ("words", "system"), [(["--language", "zh"], ""), ([], "zh_CN.UTF-8"), (["report.language=zh"], "")]
)
def test_all_that_a_chinese_command_prints_is_chinese(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], system: str
) -> None:
    monkeypatch.setenv("LC_ALL", system)
    columns = "pooled; sdm, weights=neighbours.csv"
    command = ["fit", "panel.csv", FORMULA, "--columns", columns, "test=errors", "--notes"]
    assert main([*command, *words, "--save", "mine"]) == 0
    shown = capsys.readouterr().out
    assert "观测值" in shown
    assert "Observations" not in shown
    for line in shown.splitlines():
        # what is typed, and names of this folder
        rest = re.sub(r"(digicarbon|MLflow).*|ln_\w+|urban|panel|neighbours|Lee-Yu|Lin和Lee|stata", "", line)
        assert prose_of(rest) == [], line
    assert "language: zh" in Path("experiments/mine.yaml").read_text(encoding="utf-8")
    # a table of `run` has the language of its experiment, unless the flag asks for another
    assert main(["run", "mine", "--language", "en"]) == 0
    assert not re.search("[\u4e00-\u9fff]", capsys.readouterr().out)


def test_a_column_of_the_user_keeps_its_name_in_any_language(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.read_csv("panel.csv").assign(ln_ci=lambda data: np.log(data["ci"])).drop(columns="ci")
    frame.to_csv("logs.csv", index=False)
    for language, said in (("en", "Outcome: ln_ci."), ("zh", "被解释变量：ln_ci。")):
        assert main(["fit", "logs.csv", FORMULA, "test=errors", "--language", language]) == 0
        assert said in capsys.readouterr().out


def test_likelihoods_of_other_samples_are_not_shown_side_by_side_without_a_word(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = "twfe; sdm, weights=neighbours.csv; sdm, weights=neighbours.csv, bias_correction=none"
    assert main(["fit", "panel.csv", FORMULA, "--columns", columns, "test=errors"]) == 0
    shown = capsys.readouterr().out
    # 36 cities in 8 years
    assert "(2): " in shown
    assert "The log-likelihood is that of 245 effective observations (Lee-Yu): compare it only with others" in shown
    cells = next(line for line in shown.splitlines() if "Log-likelihood" in line).split("│")[2:5]
    panel, lee_yu, direct = (float(cell) for cell in cells)
    # the model with dummies has the regression within it, in the same sample
    assert lee_yu < panel < direct


def test_python_and_yaml_have_the_same_numbers_and_notes(study: Path) -> None:
    frame, pairs = pd.read_csv("panel.csv"), pd.read_csv("neighbours.csv")
    Path("experiments").mkdir()
    Path("experiments/mine.yaml").write_text(
        "data: panel.csv\ny: ln_ci\nx: [ln_digital]\ncontrols: [ln_pgdp, urban]\nmodel: sdm\nweights: neighbours.csv\n"
    )
    (run,) = plan(Composer(loader(), "mine")).runs
    expected = fitted(run.specs, run.prepared)
    for weights in (pairs, "neighbours.csv", dc.Weights.from_edges(pairs)):
        result = dc.fit(frame, FORMULA, model="sdm", weights=weights)
        pd.testing.assert_frame_equal(result.estimates, expected.estimates)
        pd.testing.assert_frame_equal(result.effects, expected.effects)
        assert [note.code for note in result.notes] == [note.code for note in expected.notes]


def test_each_formula_is_a_column(study: Path) -> None:
    frame = pd.read_csv("panel.csv")
    formulas = ["ln_ci ~ ln_digital | city + year", "ln_ci ~ ln_digital + ln_pgdp | city", "ln_ci ~ ln_digital"]
    text = str(dc.table(frame, formulas, "Three"))
    results = [dc.fit(frame, formula) for formula in formulas]
    panel = dc.Panel.from_frame(frame, unit="city", time="year")
    effects = ("two_way", "unit", "none")
    for formula, result, one in zip(formulas, results, effects, strict=True):
        controls = ("ln_pgdp",) if "pgdp" in formula else ()
        model = dc.PanelRegression(y="ln_ci", x=("ln_digital",), controls=controls, effects=one)
        np.testing.assert_array_equal(result.estimates["coef"], model.fit(panel).estimates["coef"])
        assert f"{result.estimates['coef']['ln_digital']:.4f}" in text


def test_a_third_part_has_instruments(study: Path) -> None:
    content = experiment("panel.csv", ["ln_ci ~ urban | city + year | ln_digital ~ L.ln_digital"], {})
    assert (content["model"], content["x"], content["instruments"]) == ("iv", ["ln_digital"], ["L.ln_digital"])
    assert (content["controls"], content["effects"]) == (["urban"], "two_way")
    with composed(content) as name:
        (run,) = plan(Composer(loader(), name)).runs
    assert type(run.specs.model).__name__ == "PanelIV"


def test_effects_that_are_no_units_and_periods_are_absorbed(study: Path) -> None:
    frame = pd.read_csv("panel.csv")
    frame["province"] = "p" + frame["city"].str[-1]
    frame.to_csv("panel.csv", index=False)
    content = experiment("panel.csv", ["ln_ci ~ urban + urban^2 | city + year + province^year"], {})
    assert (content["model"], content["absorb"], content["x"]) == ("twfe", ["province^year"], ["urban", "urban^2"])
    content = experiment("panel.csv", ["ln_ci ~ urban + ln_pgdp | province + year"], {"unit": "city", "time": "year"})
    assert (content["model"], content["absorb"]) == ("fe_time", ["province"])
    content = experiment("panel.csv", ["ln_ci ~ urban + ln_pgdp | city"], {}, ["pgdp"])
    assert (content["x"], content["controls"]) == (["ln_pgdp"], ["urban"])


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["panel.csv", "ln_ci ln_digital"], "cannot be read|one outcome"),
        (["panl.csv", FORMULA], "Did you mean 'panel.csv'?"),
        (["panel.csv"], "FORMULAS is missing"),
        (["panel.csv", FORMULA, "--model", "sdm"], "model=sdm needs weights, and nobody has chosen any"),
        (["panel.csv", FORMULA, "--model", "sdn"], "Did you mean 'sdm'?"),
        (["panel.csv", FORMULA, "--focal", "ubran"], "focal: ubran is in no term"),
        (
            ["panel.csv", "ln_ci ~ ln_digital | city + year | ln_digital ~ urban"],
            "stands in the first and in the third",
        ),
        (["panel.csv", FORMULA, "--save", "a b"], "cannot be the name of an experiment"),
        (["panel.csv", FORMULA, "--weights", "neigh.csv", "--model", "sdm"], "Did you mean 'neighbours.csv'?"),
        (["panel.csv", FORMULA, FORMULA, "--columns", "fe"], "2 formulas have a column each already"),
        (["panel.csv", "ln_ci ~ ln_digitl | city + year"], "Did you mean 'digital'?"),
        ([".", FORMULA], "'.' is a folder. Name a file of data, e.g. neighbours.csv"),
        (["panel.csv", FORMULA, "model=ols"], "Did you mean 'pooled'?"),
        (["panel.csv", FORMULA, "digits=3"], "Did you mean 'report.decimals'?"),
        (["panel.csv", FORMULA, "--vce", "robust"], "Did you mean '--cluster'?"),
        (["panel.csv", FORMULA, "gap=allow"], "Did you mean 'gaps'?"),
        (["panel.csv", FORMULA, "sample=2013-2019"], "write sample.first=2013 sample.last=2019"),
    ],
)
def test_a_mistake_is_a_sentence_and_writes_nothing(
    study: Path, capsys: pytest.CaptureFixture[str], words: list[str], refusal: str
) -> None:
    before = sorted(path.name for path in study.iterdir())
    assert main(["fit", *words]) == 2
    told = capsys.readouterr().err
    assert any(part in told for part in refusal.split("|"))
    assert "Traceback" not in told
    assert sorted(path.name for path in study.iterdir()) == before


def test_the_table_is_written_to_a_file(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "panel.csv", FORMULA, "test=errors", "--to", "paper/table.md"]) == 0
    assert "Table: paper/table.md" in capsys.readouterr().out
    assert "-0.1409" in Path("paper/table.md").read_text(encoding="utf-8")
    assert main(["fit", "panel.csv", FORMULA, "--to", "other/table.pdf"]) == 2
    assert "choose one of .docx" in capsys.readouterr().err
    assert not Path("other").exists()


@pytest.mark.parametrize(
    "condition", ["year>2012", "year > 2012", '"year > 2012"', "'year > 2012'", "[year > 2012][0]"]
)
def test_a_condition_needs_no_quotes(study: Path, capsys: pytest.CaptureFixture[str], condition: str) -> None:
    if condition.startswith("["):
        assert main(["fit", "panel.csv", FORMULA, f"where={condition}", "test=errors"]) == 2
        assert "where" in capsys.readouterr().err
        return
    expected = dc.fit(pd.read_csv("panel.csv").query("year > 2012"), FORMULA, test="errors")
    assert main(["fit", "panel.csv", FORMULA, f"where={condition}", "test=errors"]) == 0
    assert f"{expected.estimates.loc['ln_digital', 'coef']:.4f}" in capsys.readouterr().out


def test_a_condition_is_a_word_of_columns_and_grids(study: Path) -> None:
    Path("experiments").mkdir()
    file = "data: panel.csv\ny: ln_ci\nx: ln_digital\ntest: errors\n{}\n"
    for name, part in (("one", "columns: {a: {where: year > 2012}}"), ("two", "grid: {where: [year > 2012]}")):
        Path(f"experiments/{name}.yaml").write_text(file.format(part), encoding="utf-8")
    (one,), (two,) = (plan(Composer(loader(), name)).runs for name in ("one", "two"))
    assert one.specs.sample.query == "year > 2012"
    assert one.key == two.key


@pytest.mark.parametrize(
    "labels", ["{ln_digital: 数字经济}", '{ln_digital: "数字经济", urban: U}', "{ln_digital: 数字 经济, 城市: c}"]
)
def test_labels_in_chinese_need_no_quotes(study: Path, capsys: pytest.CaptureFixture[str], labels: str) -> None:
    assert main(["fit", "panel.csv", FORMULA, f"labels={labels}", "test=errors", "--save", "mine"]) == 0
    first = "数字 经济" if "城市" in labels else "数字经济"
    assert f"│ {first} " in capsys.readouterr().out
    assert main(["run", "mine"]) == 0
    assert f"│ {first} " in capsys.readouterr().out
    if "城市" not in labels:
        assert main(["run", "mine", f"labels={labels.replace('数', '奇')}"]) == 0
        assert "│ 奇字经济 " in capsys.readouterr().out


def test_a_missing_cell_is_answered_with_lines_that_work(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.read_csv("panel.csv")
    frame.loc[5, "urban"] = np.nan
    frame.to_csv("gap.csv", index=False)
    assert main(["fit", "gap.csv", FORMULA, "test=errors"]) == 2
    answer = capsys.readouterr().err
    Path("experiments").mkdir()
    for word, rows in (("keep", len(frame) - 1), ("drop_units", len(frame) - frame["year"].nunique())):
        assert f"gaps={word}" in answer
        assert main(["fit", "gap.csv", FORMULA, "test=errors", f"gaps={word}"]) == 0
        assert re.search(rf"Observations +│ +{rows} ", capsys.readouterr().out)
        file = f"data: gap.csv\ny: ln_ci\nx: ln_digital\ncontrols: [urban]\ntest: errors\ngaps: {word}\n"
        Path(f"experiments/{word}.yaml").write_text(file, encoding="utf-8")
        assert main(["run", word]) == 0
        assert re.search(rf"Observations +│ +{rows} ", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("stata", "here"),
    [
        ("c.ln_digital##c.urban", "ln_digital*urban"),
        ("ln_digital + c.urban#c.ln_digital", "ln_digital + urban:ln_digital"),
        ("ln_digital + c.urban#c.urban", "ln_digital + urban^2"),
        ("c.ln_digital##c.ln_digital##c.ln_digital", "ln_digital + ln_digital^2 + ln_digital^3"),
        ("i.year + ln_digital", "C(year) + ln_digital"),
    ],
)
def test_products_as_stata_writes_them(study: Path, stata: str, here: str) -> None:
    ours, theirs = (dc.fit("panel.csv", f"ln_ci ~ {one} | city", test="errors").estimates for one in (here, stata))
    pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize("part", ["i.year#c.urban", "year#urban", "c.urban##c.pgdp#c.digital"])
def test_products_of_stata_with_several_readings_are_refused(study: Path, part: str) -> None:
    with pytest.raises(ConfigError, match="an interaction in Stata's notation"):
        dc.fit("panel.csv", f"ln_ci ~ {part} | city")


def test_rows_that_are_no_names_and_no_data_have_advice_that_works(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names, *rows = Path("panel.csv").read_text(encoding="utf-8").splitlines()
    Path("units.csv").write_text("\n".join([names, ",,t,,,%,,", *rows]), encoding="utf-8")
    assert main(["fit", "units.csv", FORMULA, "test=errors"]) == 2
    assert "left out by its number in the file, e.g. skip: 2." in capsys.readouterr().err
    assert main(["fit", "units.csv", FORMULA, "test=errors", "skip=2"]) == 0
    Path("square.csv").write_text("0,1,0\n1,0,1\n0,1,0\n", encoding="utf-8")
    assert main(["fit", "panel.csv", FORMULA, "--model", "sar", "--weights", "square.csv"]) == 2
    assert "Its first row holds numbers only." in capsys.readouterr().err


def test_python_refuses_what_the_command_refuses(study: Path) -> None:
    with pytest.raises(DigicarbonError, match="needs weights, and nobody has chosen any"):
        dc.fit("panel.csv", FORMULA, model="sdm")
    with pytest.raises(DigicarbonError, match="There is no formula"):
        dc.table("panel.csv", [])
    # arguments of kinds that the signatures do not have
    frame: Any = pd.read_csv("panel.csv")
    result: Any = dc.fit("panel.csv", FORMULA, test="errors")
    with pytest.raises(DigicarbonError, match="The data and a formula are needed"):
        dc.fit(frame)
    with pytest.raises(DigicarbonError, match="the data come first"):
        dc.fit(frame, frame)
    with pytest.raises(DigicarbonError, match="Several results are one list"):
        dc.table(result, result)


def test_a_mapping_of_formulas_names_the_columns(study: Path) -> None:
    one = dc.table("panel.csv", FORMULA, choices={"test": "errors"})
    named = dc.table("panel.csv", {"Base": FORMULA}, choices={"test": "errors"})
    assert list(named.cells.columns) == ["Base"]
    assert named.cells.to_numpy().tolist() == one.cells.to_numpy().tolist()


def test_how_the_file_is_read_counts_before_it_is_read(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pd.ExcelWriter("book.xlsx") as book:
        pd.DataFrame({"notes": ["none"]}).to_excel(book, sheet_name="说明", index=False)
        pd.read_csv("panel.csv").to_excel(book, sheet_name="数据", index=False)
    assert main(["fit", "book.xlsx", FORMULA, "sheet=数据", "test=errors", "--save", "mine"]) == 0
    assert "-0.1409***" in capsys.readouterr().out
    assert "sheet: 数据" in Path("experiments/mine.yaml").read_text(encoding="utf-8")
    assert main(["plan", "mine"]) == 0
    assert "done in another sweep" in capsys.readouterr().out
    assert dc.fit("book.xlsx", FORMULA, sheet="数据", test="errors").estimates["coef"]["ln_digital"] < 0


def test_texts_among_numbers_of_a_frame_are_refused_as_in_a_file(study: Path) -> None:
    frame = pd.read_csv("panel.csv").astype({"ci": object})
    frame.loc[3, "ci"] = "-"
    with pytest.raises(DigicarbonError, match="missing"):
        dc.fit(frame, FORMULA)


def test_two_lines_stand_under_a_table_and_all_notes_if_asked_for(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "panel.csv", FORMULA]) == 0
    short = capsys.readouterr().out
    below = short.partition("└")[2].splitlines()[1:]
    assert below[2] == "3 more notes: --notes"
    assert main(["fit", "panel.csv", FORMULA, "--notes", "--save", "mine"]) == 0
    shown = capsys.readouterr().out
    assert main(["run", "mine", "--notes"]) == 0
    for text in (shown, capsys.readouterr().out):
        assert "--notes" not in text
        assert text.count("Within R²: share explained") == 1
    assert main(["report", "--out", "short"]) == 0
    assert main(["report", "--notes", "--out", "long"]) == 0
    pages, texts = ([Path(out, name).read_text() for out in ("short", "long")] for name in ("index.html", "table.txt"))
    assert ["Within R²: share explained" in one for one in (*pages, *texts)] == [True, True, False, True]
