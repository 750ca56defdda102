"""The regression table, the table itself, and how it is shown."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from roles import spatial_roles

from digicarbon.cli.command import show
from digicarbon.errors import ConfigError
from digicarbon.report import IntervalPicture, Record, RegressionTable, SignTable, SpecificationCurve, Table
from digicarbon.result import Effects, Inference, Result, RunEffect
from digicarbon.spec import build
from digicarbon.tracking import decode, metrics
from digicarbon.tracking._results import encode
from digicarbon.tracking._rows import sign


def result(terms: dict[str, tuple[float, float]], **fields: Any) -> Result:
    """A result from coefficients and standard errors by term."""
    coef = np.array([value[0] for value in terms.values()])
    se = np.array([value[1] for value in terms.values()])
    fields = {"y": "ln_ci", "roles": spatial_roles(tuple(terms)), **fields}
    return Result("any", terms=tuple(terms), coef=coef, covariance=np.diag(se**2), **fields)


def record(label: str, found: Result) -> Record:
    return Record(label, {}, {}, found)


PANEL = result(
    {"ln_x": (-0.3, 0.1), "ln_pgdp": (0.2, 0.12), "const": (1.0, 9.0)},
    focal=("ln_x",),
    absorbed=("unit", "time"),
    statistics={"nobs": 180.0, "n_units": 30.0, "r2_within": 0.25},
    notes=("Clustered.", "Both say so."),
)
SPATIAL = result(
    {"ln_z": (0.5, 0.1), "ln_pgdp": (0.1, 0.1), "W_ln_z": (0.2, 0.1), "W_ln_pgdp": (0.0, 1.0), "rho": (0.4, 0.1),
     "sigma2": (0.02, np.nan)},
    focal=("ln_z",),
    absorbed=("time",),
    statistics={"nobs": 180.0, "n_units": 30.0, "loglik": 12.3456, "r2_within": np.nan},
    spatial_effects=Effects(("ln_z", "ln_pgdp"), np.array([[1.0, 2], [3, 4], [5, 6]]), np.full((3, 2), 2.0)),
    notes=("Both say so.", "rho is high."),
)  # fmt: skip


def test_stars_parentheses_and_blanks() -> None:
    cells = RegressionTable(language=None, decimals=3).table("t", [record("A", PANEL), record("B", SPATIAL)]).cells
    assert list(cells.columns) == ["A", "B"]
    rows = list(cells.itertuples(index=True, name=None))
    assert rows[0] == ("ln_x", "-0.300***", "")
    assert rows[1] == ("", "(0.100)", "")
    assert rows[2] == ("ln_z", "", "0.500***")
    assert rows[4] == ("ln_pgdp", "0.200*", "0.100")
    assert rows[5] == ("", "(0.120)", "(0.100)")
    assert cells.loc["sigma2", "B"] == "0.020"
    # a parameter without a standard error has no empty row beneath it
    assert cells.index[list(cells.index).index("sigma2") + 1] == "Direct effect"


@pytest.mark.parametrize(("stat", "stars"), [(1.6, ""), (1.65, "*"), (1.97, "**"), (2.58, "***")])
def test_stars_stand_for_p_values(stat: float, stars: str) -> None:
    cells = RegressionTable(language=None, decimals=2).table("t", [record("A", result({"x": (stat, 1.0)}))]).cells
    assert cells.loc["x", "A"] == f"{stat:.2f}{stars}"


def test_own_bounds_and_t_distribution() -> None:
    found = result({"x": (2.0, 1.0)}, inference=Inference(df=3))
    assert RegressionTable(language=None).table("t", [record("A", found)]).cells.loc["x", "A"] == "2.0000"
    strict = RegressionTable(language=None, stars=(0.2, 0.1, 0.05)).table("t", [record("A", found)])
    assert strict.cells.loc["x", "A"] == "2.0000*"
    assert "* p ≤ 0.2, ** p ≤ 0.1, *** p ≤ 0.05" in strict.notes[0]


def test_order_of_terms_is_focal_controls_lags_parameters() -> None:
    cells = RegressionTable(language=None, effects=False).table("t", [record("A", PANEL), record("B", SPATIAL)]).cells
    terms = [label for label in cells.index if label]
    assert terms[:9] == ["ln_x", "ln_z", "ln_pgdp", "W_ln_z", "W_ln_pgdp", "const", "rho", "sigma2", "Unit effects"]


def test_effects_of_focal_terms_only() -> None:
    table = RegressionTable(language=None, decimals=1).table("t", [record("A", PANEL), record("B", SPATIAL)])
    labels = list(table.cells.index)
    for word, value in (("Direct", "1.0"), ("Indirect", "3.0"), ("Total", "5.0**")):
        position = labels.index(f"{word} effect")
        assert position in table.rules
        assert labels[position + 1] == "ln_z"
        assert list(table.cells.iloc[position + 1]) == ["", value]
        assert list(table.cells.iloc[position + 2]) == ["", "(2.0)"]
    without = RegressionTable(language=None, effects=False).table("t", [record("B", SPATIAL)])
    assert "Direct effect" not in list(without.cells.index)
    assert "Direct effect" not in list(RegressionTable(language=None).table("t", [record("A", PANEL)]).cells.index)


@pytest.mark.parametrize(
    ("language", "rows"),
    [("en", ["Unit trends", "zz trends"]), ("zh", ["个体线性趋势", "zz线性趋势"])],
)
def test_linear_trends_have_rows_as_effects_have(language: Any, rows: list[str]) -> None:
    found = [replace(PANEL, trends=trends) for trends in ((), ("unit",), ("zz",))]
    # through the store, too
    records = [record(label, decode(encode(one))) for label, one in zip("ABC", found, strict=True)]
    cells = RegressionTable(language=language).table("t", records).cells
    yes, no = ("yes", "no") if language == "en" else ("是", "否")
    assert cells.loc[rows].to_numpy().tolist() == [[no, yes, no], [no, no, yes]]
    plain = RegressionTable(language=language).table("t", [record("A", PANEL)]).cells
    assert not set(rows) & set(plain.index)


def test_statistics_and_absorbed_effects() -> None:
    cells = RegressionTable(language=None, decimals=2).table("t", [record("A", PANEL), record("B", SPATIAL)]).cells
    assert list(cells.loc["Unit effects"]) == ["yes", "no"]
    assert list(cells.loc["Time effects"]) == ["yes", "yes"]
    assert list(cells.loc["Observations"]) == ["180", "180"]
    assert list(cells.loc["Within R²"]) == ["0.25", ""]
    assert list(cells.loc["Log-likelihood"]) == ["", "12.35"]
    only = RegressionTable(language=None, statistics=("nobs", "aic")).table("t", [record("A", PANEL)]).cells
    assert list(only.index[-2:]) == ["Time effects", "Observations"]


def test_notes_name_their_runs() -> None:
    records = [record("A", PANEL), record("B", SPATIAL)]
    notes = RegressionTable(language=None).table("t", records).notes
    assert notes[1].startswith("Within R²: share explained")
    left = "B: Its model has effects of periods, where the first column has effects of units, periods."
    assert notes[2:] == (left, "A: Clustered.", "Both say so.", "B: rho is high.")
    assert notes[0].startswith("Outcome: ln_ci. Standard errors in parentheses;")
    mixed = RegressionTable(language=None).table("t", [records[0], record("C", result({"x": (1.0, 1.0)}, y="ln_co2"))])
    assert mixed.notes[0].startswith("Outcome: ln_ci, ln_co2.")


def test_a_run_without_label_is_numbered_and_one_without_terms_is_blank() -> None:
    cells = RegressionTable(language=None).table("t", [record("", PANEL), record("N", Result("none", ""))]).cells
    assert list(cells.columns) == ["(1)", "N"]
    assert cells.loc["ln_x", "N"] == ""


TABLE = Table(
    "A *title* | with pipe",
    pd.DataFrame([["0.1***", "a|b"], ["(0.2)", ""]], index=["ln_x", ""], columns=["SDM(1) | W", "x*y"]),
    rules=(1,),
    notes=("* p ≤ 0.1, ** p ≤ 0.05", "two\nlines"),
)


def test_markdown() -> None:
    assert TABLE.to_markdown() == (
        "**A \\*title\\* \\| with pipe**\n"
        "\n"
        "|  | SDM(1) \\| W | x\\*y |\n"
        "|---|---|---|\n"
        "| ln_x | 0.1\\*\\*\\* | a\\|b |\n"
        "|  | (0.2) |  |\n"
        "\n"
        "\\* p ≤ 0.1, \\*\\* p ≤ 0.05\n"
        "\n"
        "two lines\n"
    )


def shown(table: Table, width: int) -> str:
    stream = io.StringIO()
    show(table, Console(file=stream, width=width, force_terminal=True, color_system=None, markup=False))
    return stream.getvalue()


def wide(columns: int, label: str = "数字经济 SDM") -> Table:
    heads = [f"{label}({k})" for k in range(columns)]
    cells = [[f"{k}.{row}234***" for k in range(columns)] for row in range(3)]
    return Table(
        "Title", pd.DataFrame(cells, index=["ln_sector1", "", "[controls]"], columns=heads), notes=("A note.",)
    )


@pytest.mark.parametrize("width", [60, 40, 20])
def test_no_cell_is_cut_in_a_narrow_terminal(width: int) -> None:
    table = wide(9)
    text = shown(table, width)
    assert "…" not in text
    for head in table.cells.columns:
        assert text.count(head) == 1
    for cell in table.cells.to_numpy().ravel():
        assert text.count(cell) == 1
    assert text.count("ln_sector1") == text.count("┏") > 1
    assert text.count("[controls]") == text.count("┏")
    assert text.count("Title") == 1
    assert text.rstrip().endswith("A note.")


def test_blocks_fit_the_terminal() -> None:
    from rich.cells import cell_len

    lines = shown(wide(9), 60).splitlines()
    assert max(map(cell_len, lines)) <= 60


def test_a_file_gets_one_block() -> None:
    stream = io.StringIO()
    show(wide(30), Console(file=stream, width=60))
    assert stream.getvalue().count("┏") == 1
    assert "…" not in stream.getvalue()


def test_tests_of_a_fit_show_value_and_p() -> None:
    tested = result(
        {"L.y": (0.5, 0.1)},
        statistics={"n_instruments": 14.0, "ar1": -2.5, "ar1_p": 0.0124, "hansen": 0.0, "hansen_p": np.nan},
    )
    table = RegressionTable(language=None, decimals=2).table("t", [record("FE", PANEL), record("GMM", tested)])
    assert list(table.cells.loc["AR(1)"]) == ["", "-2.50 [0.01]"]
    assert list(table.cells.loc["Instruments"]) == ["", "14"]
    # no p, no test; no test at all, no row
    assert "Hansen" not in table.cells.index
    assert "p values of tests in brackets." in table.notes[0]
    assert "brackets" not in RegressionTable(language=None).table("t", [record("FE", PANEL)]).notes[0]
    own = RegressionTable(language=None, tests=("mine",)).table(
        "t", [record("A", result({}, statistics={"mine": 1, "mine_p": 0.5}))]
    )
    assert own.cells.loc["mine", "A"] == "1.0000 [0.5000]"


@pytest.mark.parametrize(
    ("beneath", "cell", "words"),
    [
        ("se", "(0.100)", "Standard errors in parentheses;"),
        ("t", "(-3.000)", "t statistics (z without degrees of freedom) in parentheses;"),
        ("p", "(0.003)", "p values in parentheses;"),
        ("interval", "[-0.496, -0.104]", "95% confidence intervals in brackets;"),
    ],
)
def test_what_stands_beneath(beneath: Any, cell: str, words: str) -> None:
    table = RegressionTable(language=None, decimals=3, beneath=beneath).table(
        "t", [record("A", PANEL), record("B", SPATIAL)]
    )
    assert table.cells.iloc[1, 0] == cell
    assert words in table.notes[0]
    assert RegressionTable(beneath=[beneath]) == RegressionTable(beneath=beneath)


def test_several_numbers_beneath_stand_on_lines_of_their_own() -> None:
    records = [record("A", PANEL)]
    table = RegressionTable(decimals=3, beneath=["se", "t", "p", "ci"]).table("t", records)
    assert list(table.cells["A"][:5]) == ["-0.300***", "(0.100)", "t = -3.000", "p = 0.003", "[-0.496, -0.104]"]
    assert (
        "Below each coefficient: standard error in parentheses, t statistic (z without degrees of freedom), p value, "
        "95% confidence interval in brackets; * p ≤ 0.1"
    ) in table.notes[0]
    chinese = RegressionTable(beneath=["p", "se"], language="zh").table("t", records)
    assert "系数下方依次为p值、标准误（圆括号）；* p" in chinese.notes[0]
    tiny = RegressionTable(language=None, decimals=2, beneath=["se", "p"]).table(
        "t", [record("A", result({"x": (9.0, 1.0)}))]
    )
    assert tiny.cells.iloc[2, 0] == "p < 0.01"
    bare = RegressionTable(language=None, beneath=[]).table("t", records)
    assert list(bare.cells.index[:3]) == ["ln_x", "ln_pgdp", "const"]
    assert bare.notes[0].startswith("Outcome: ln_ci. * p ≤ 0.1")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"beneath": ["se", "sd"]}, "report.beneath.1 must be one of 'se', 't', 'p', 'ci'; got 'sd'."),
        ({"beneath": ["se", "se"]}, "report.beneath names se more than once."),
        ({"heads": ["weights", "weights"]}, "report.heads names weights more than once."),
        ({"label": "Tabelle 1"}, "report.label: 'Tabelle 1' is no label for LaTeX;"),
        ({"rows": ["Trends"]}, "report.rows: give each row its words and cells"),
        ({"rows": {"Trends": [["a"]]}}, "report.rows: give the row 'Trends' a list with a cell per column"),
        ({"effects_of": "none"}, "report.effects_of must be one of 'focal', 'all'; got 'none'."),
    ],
)
def test_wrong_settings_are_sentences(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"_target_": "digicarbon.report.RegressionTable", **fields}, RegressionTable, "report")
    assert str(caught.value).startswith(said)
    assert caught.value.said.text("zh") != str(caught.value)


def test_hidden_controls_have_one_row_and_a_note() -> None:
    bare = result({"ln_x": (1.0, 1.0), "L.ln_ci": (0.5, 0.1)}, focal=("ln_x",))
    table = RegressionTable(language=None, show_controls=False, effects=False).table(
        "t", [record("A", PANEL), record("B", SPATIAL), record("C", bare)]
    )
    terms = [label for label in table.cells.index if label]
    assert terms[:8] == ["ln_x", "ln_z", "L.ln_ci", "W_ln_z", "const", "rho", "sigma2", "Controls"]
    assert list(table.cells.loc["Controls"]) == ["yes", "yes", "no"]
    assert table.notes[1] == "Controls: ln_pgdp, W_ln_pgdp."
    shown = RegressionTable(language=None, effects=False).table("t", [record("A", PANEL)])
    assert "Controls" not in shown.cells.index


def test_different_outcomes_stand_over_their_columns() -> None:
    other = result({"x": (1.0, 1.0)}, y="ln_co2")
    table = RegressionTable(language="en").table("t", [record("A", PANEL), record("B", PANEL), record("C", other)])
    assert table.levels == ((("ln(Carbon intensity)", 2), ("ln(CO₂ emissions)", 1)),)
    assert RegressionTable(language=None).table("t", [record("A", PANEL)]).spanners == ()


def test_words_of_both_languages_and_own_ones() -> None:
    chinese = RegressionTable(language="zh", labels={"ln_x": "核心变量"}, show_controls=False)
    table = chinese.table("表", [record("A", PANEL), record("B", SPATIAL)])
    assert table.cells.index[0] == "核心变量"
    for label in ("W × ln_z", "个体固定效应", "观测值", "直接效应", "控制变量"):
        assert label in table.cells.index
    assert list(table.cells.loc["个体固定效应"]) == ["是", "否"]
    assert table.notes[0] == "被解释变量：ln(碳排放强度)。括号内为标准误；* p ≤ 0.1, ** p ≤ 0.05, *** p ≤ 0.01。"
    assert table.notes[1] == "控制变量：ln(人均地区生产总值)、W × ln(人均地区生产总值)。"
    english = RegressionTable(language="en").table("t", [record("B", SPATIAL)])
    assert "W × ln(GDP per head)" in english.cells.index
    assert "ρ" in english.cells.index


def test_headings_of_effects_are_blocks() -> None:
    table = RegressionTable(language=None).table("t", [record("B", SPATIAL)])
    assert [table.cells.index[row] for row in table.blocks] == ["Direct effect", "Indirect effect", "Total effect"]


def test_weights_and_sample_are_said_where_they_matter() -> None:
    east = Record("B", {"weights": "w2_nested", "sample": "east"}, {}, SPATIAL)
    full = Record("A", {"weights": "w1_adjacency", "sample": "full"}, {}, PANEL)
    table = RegressionTable(language=None).table("t", [full, east])
    assert list(table.cells.loc["sample"]) == ["full", "east"]
    assert table.notes[-1] == "B: Spatial weights: w2_nested."
    alone = RegressionTable(language=None).table("t", [east]).notes
    assert alone[-2:] == ("Spatial weights: w2_nested.", "Sample: east.")
    assert not any("weights" in note for note in RegressionTable(language=None).table("t", [full]).notes)


def test_every_number_is_the_result_s() -> None:
    table = RegressionTable(language=None, decimals=6, stars=(0.1, 0.05, 0.01)).table("t", [record("A", PANEL)])
    for term, row in PANEL.estimates.iterrows():
        position = list(table.cells.index).index(str(term))
        assert float(table.cells.iloc[position, 0].rstrip("*")) == round(float(row["coef"]), 6)
        assert float(table.cells.iloc[position + 1, 0].strip("()")) == round(float(row["se"]), 6)


@pytest.mark.parametrize("stars", [(0.01, 0.05, 0.1), (0.1, 0.1, 0.05), (1.5, 0.05, 0.01), (0.1, 0.05, 0.0)])
def test_stars_fall_from_one_to_three(stars: tuple[float, float, float]) -> None:
    with pytest.raises(ConfigError, match=r"must fall from one star to three"):
        build({"_target_": "digicarbon.report.RegressionTable", "stars": list(stars)}, RegressionTable, "report")


def test_an_indirect_effect_that_is_none_by_construction_is_no_number(produc: dc.Panel, usaww: dc.Weights) -> None:
    def fitted(kind: str, **fields: Any) -> Result:
        model = dc.SpatialPanel(y="ln_gsp", x=("ln_pcap",), controls=("ln_emp",), kind=kind, effects="unit", **fields)
        return model.fit(produc, usaww)

    sem, slx = fitted("sem"), fitted("slx", durbin=["ln_emp"])
    alone = RegressionTable(language=None).table("t", [record("SEM", sem)])
    assert "Indirect effect" not in list(alone.cells.index)
    said = "No indirect effect, by construction: neither the outcome nor the focal term is lagged in space."
    assert said in alone.notes
    assert said not in RegressionTable(language=None, effects=False).table("t", [record("SEM", sem)]).notes
    table = RegressionTable(language=None).table(
        "t", [record("SEM", sem), record("SLX", slx), record("SDEM", fitted("sdem"))]
    )
    position = list(table.cells.index).index("Indirect effect")
    assert [bool(cell) for cell in table.cells.iloc[position + 1]] == [False, False, True]
    assert f"SEM, SLX: {said}" in table.notes
    assert sem.effect(RunEffect("indirect")) is None
    assert list(sem.focal_numbers("indirect")) == []
    assert sem.effect(RunEffect("total")) == sem.effect(RunEffect("coefficient"))


def test_random_spatial_effects_have_no_within_r2(produc: dc.Panel, usaww: dc.Weights) -> None:
    model = dc.SpatialPanel(y="ln_gsp", x=("ln_pcap",), kind="sar", effects="random")
    table = RegressionTable(language=None).table("t", [record("RE", model.fit(produc, usaww))])
    assert "Within R²" not in list(table.cells.index)
    assert not any(note.startswith("Within R²") for note in table.notes)


@pytest.mark.parametrize(("key", "name", "meant"), [("statistics", "nosb", "nobs"), ("tests", "hansn", "hansen")])
def test_a_misspelt_statistic_is_a_sentence(key: str, name: str, meant: str) -> None:
    report = RegressionTable(language=None, **{key: (name,)})
    with pytest.raises(ConfigError) as caught:
        report.table("t", [record("A", PANEL)])
    said = str(caught.value)
    assert said.startswith(
        f"report.{key}: there is no statistic '{name}'. Did you mean '{meant}'? These runs have nobs"
    )
    assert f"没有统计量'{name}'。您是否想写'{meant}'？" in caught.value.said.text("zh")


def test_statistics_of_which_no_run_has_one_are_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"report\.statistics: there is no statistic 'rv'.* These runs have nobs"):
        RegressionTable(statistics=("rv",)).table("t", [record("A", PANEL)])
    assert "rv" not in RegressionTable(statistics=("nobs", "rv")).table("t", [record("A", PANEL)]).cells.index


def test_effects_are_called_what_the_result_calls_them() -> None:
    names = ("short_run", "long_run")
    effects = Effects(("ln_x",), np.array([[0.5], [0.8]]), np.array([[0.1], [0.2]]), names)
    own = replace(PANEL, spatial_effects=effects, focal=("ln_x",))
    shown = RegressionTable(language=None).table("t", [record("A", own)]).cells
    rows = [label for label in shown.index if label in (*names, "Direct effect")]
    assert rows == list(names)
    assert shown.iloc[list(shown.index).index("long_run") + 1, 0].startswith("0.8000")
    assert decode(encode(own)).effect_names == names
    assert {name: metrics(own)[f"{name}.ln_x"] for name in names} == {"short_run": 0.5, "long_run": 0.8}
    assert dict(own.focal_numbers("long_run"))["ln_x"][:2] == [0.8, 0.2]
    assert not dict(own.focal_numbers("total"))
    # the last one is the effect of a run, as its model's ``quantities`` say
    assert own.effect(RunEffect()) == ("ln_x", 0.8, own.effects.loc[("long_run", "ln_x"), "p"])
    assert sign(own, RunEffect())["digicarbon.quantity"] == "long_run"
    assert sign(own, RunEffect("short_run"))["digicarbon.sign"] == "+*"
    counted = SignTable(language=None, quantity="short_run").table("t", [record("A", own)])
    assert counted.notes[0] == "Significant: p ≤ 0.05. Effects 'short_run' of ln_x."
    curve = SpecificationCurve(language=None, quantity="long_run", pictures=()).table(
        "t", [record("A", own), record("B", own)]
    )
    assert curve.cells.loc["median", "all"] == "0.8000"
    pictured = IntervalPicture(language=None, quantity="effects", pictures=()).table("t", [record("A", own)]).cells
    assert list(pictured.index) == ["short_run, ln_x, A", "long_run, ln_x, A"]


def test_random_effects_are_what_the_result_says() -> None:
    own = replace(PANEL, kind="mine", absorbed=(), random=("time",))
    shown = RegressionTable(language=None).table("t", [record("A", own)]).cells["A"]
    assert (shown["Unit effects"], shown["Time effects"]) == ("no", "random")
    assert decode(encode(own)).random == ("time",)
    # an earlier version recorded the kind only
    text = encode(replace(own, kind="random_two_way")).replace(', "random": ["time"]', "")
    assert '"random"' not in text
    assert decode(text).random == ("unit", "time")


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "C: Its model has effects of periods, where the first column has effects of units, periods."),
        ("zh", "C：其模型为时期的效应，而第一列为个体、时期的效应。"),
    ],
)
def test_a_column_whose_model_has_other_effects_says_so(language: Any, said: str) -> None:
    both, one = PANEL, replace(PANEL, absorbed=("time",))
    shown = RegressionTable(language=language).table("t", [record(name, both) for name in "AB"] + [record("C", one)])
    assert said in shown.notes
    none = replace(PANEL, absorbed=())
    found = RegressionTable().table("t", [record("A", both), record("B", both), record("C", none)]).notes
    assert any(note.startswith("C: Its model has no effects, where") for note in found)


def test_a_column_that_chose_its_effects_or_shares_them_has_no_such_note() -> None:
    one = replace(PANEL, absorbed=("time",))
    chosen = Record("C", {}, {"model.effects": "time"}, one)
    for last in (chosen, record("C", PANEL)):
        notes = RegressionTable().table("t", [record("A", PANEL), record("B", PANEL), last]).notes
        assert not any("first column" in note for note in notes)
    random = replace(PANEL, absorbed=("random",), random=("unit", "time"))
    notes = RegressionTable().table("t", [record("A", PANEL), record("B", random)]).notes
    assert not any("first column" in note for note in notes)
