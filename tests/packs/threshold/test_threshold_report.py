"""The report of thresholds: slopes, tests, sets and regimes, and the picture of likelihood ratios."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError
from digicarbon.packs.threshold.numeric.estimator import critical_ratio
from digicarbon.report import Labels, Record, Table, ThresholdReport
from digicarbon.report.labels import Language
from digicarbon.report.picture import plot_threshold
from digicarbon.result import Result
from digicarbon.source import SimulatedThreshold
from digicarbon.tracking._results import decode, encode
from digicarbon.weights import DelaunayWeights


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    source = SimulatedThreshold(n=50, thresholds=(-0.4, 0.5), slopes=(0.4, 1.0, 1.8))
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
    return {
        str(count): dc.PanelThreshold(
            effects="unit",
            y="y",
            x=("x",),
            controls=("c",),
            threshold="q",
            thresholds=count,
            threshold_draws=49,
            sets="clustered",
        ).fit(panel)
        for count in (1, 2)
    }


def records(results: dict[str, Result]) -> list[Record]:
    return [Record(label, {}, {}, result) for label, result in results.items()]


def tables(table: Table) -> list[pd.DataFrame]:
    return [table.cells, *(tables(table.below) if table.below is not None else [])]


def test_tables_stand_below_the_slopes(results: dict[str, Result]) -> None:
    found = tables(ThresholdReport(decimals=3).table("t", records(results)))
    assert len(found) == 4
    slopes, tests, sets, regimes = found
    assert slopes.shape[1] == 2
    assert list(tests.index) == ["1: 1", "2: 1", "2: 2"]
    assert list(tests.columns) == ["F", "p value", "Critical value, 10 %", "Critical value, 5 %", "Critical value, 1 %"]
    assert tests.loc["2: 2", "F"] == f"{results['2'].statistics['threshold_f_2']:.3f}"
    assert sets.loc["1: 1", "Estimate"] == f"{results['1'].statistics['threshold_1']:.3f}"
    assert [int(value) for value in regimes.loc[["1: 1", "1: 2"], "Rows"]] == list(
        results["1"].tables["regimes"]["rows"]
    )
    chinese = tables(ThresholdReport(language="zh").table("t", records(results)))
    assert chinese[2].columns[0] == "估计值"
    single = tables(ThresholdReport().table("t", records(results)[1:]))
    assert list(single[1].index) == ["1", "2"]
    assert "Scale" in single[2].columns


def test_the_scale_of_sets_is_shown_where_they_have_one() -> None:
    panel = dc.Panel.from_frame(SimulatedThreshold(n=30).load().frame, "unit", "time")
    model = dc.PanelThreshold(effects="unit", y="y", x=("x",), threshold="q", threshold_draws=0)
    fitted = {sets: model.model_copy(update={"sets": sets}).fit(panel) for sets in ("likelihood", "robust")}
    scale = fitted["robust"].tables["thresholds"].loc[1, "lr_scale"]
    both = tables(ThresholdReport(decimals=3).table("t", records(fitted)))[2]
    assert both["Scale"].tolist() == ["", f"{scale:.3f}"]
    one = fitted["robust"].tables["thresholds"].assign(lr_scale=1.0)
    fallback = replace(fitted["robust"], tables={**fitted["robust"].tables, "thresholds": one})
    assert tables(ThresholdReport().table("t", records({"a": fallback})))[2]["Scale"].tolist() == ["1"]
    assert "Scale" not in tables(ThresholdReport().table("t", records({"a": fitted["likelihood"]})))[2]
    axes = plot_threshold(fitted["likelihood"], "t").axes[0]
    assert axes.get_ylabel() == "Likelihood ratio"


def test_rows_are_those_of_a_variable_and_a_number_of_thresholds(results: dict[str, Result]) -> None:
    frame = SimulatedThreshold(n=50, thresholds=(-0.4, 0.5), slopes=(0.4, 1.0, 1.8)).load().frame
    panel = dc.Panel.from_frame(frame.assign(ln_pgdp=frame["q"] + 1, ln_e=frame["x"]), "unit", "time")
    model = dc.PanelThreshold(effects="unit", y="y", x=("x",), controls=("c",), threshold="q", threshold_draws=0)
    again = model.model_copy(update={"controls": (), "trim": 0.45}).fit(panel)
    assert again.statistics["threshold_1"] != results["1"].statistics["threshold_1"]
    other = model.model_copy(update={"threshold": "L.ln_pgdp"}).fit(panel)
    runs = records({**results, "again": again, "other": other})
    table = dc.report.RegressionTable(decimals=2).table("t", runs)
    low, high = "x, q ≤ γ₁", "x, q > γ₁"
    assert [name for name in table.cells.index if name.startswith("x")] == [
        *(low, high, "x, γ₁ < q ≤ γ₂", "x, q > γ₂"),
        *("x, ln(GDP per head) (lag 1) ≤ γ₁", "x, ln(GDP per head) (lag 1) > γ₁"),
    ]
    assert [bool(cell) for cell in table.cells.loc[high]] == [True, False, True, False]
    assert [bool(cell) for cell in table.cells.loc[low]] == [True, True, True, False]
    assert table.cells.loc["First threshold", "again"] == f"{again.statistics['threshold_1']:.2f}"
    named = dc.report.RegressionTable(language="en").table(
        "t", records({"a": model.model_copy(update={"x": ("ln_e",), "threshold": "L.ln_pgdp"}).fit(panel)})
    )
    assert named.cells.index[2] == "ln(Digital economy), ln(GDP per head) (lag 1) > γ₁"
    chinese = dc.report.IntervalPicture(language="zh", terms=("x[2]",), pictures=()).table("t", runs)
    assert list(chinese.cells.index) == [
        "x，q > γ₁, 1",
        "x，q > γ₁, again",
        "x，γ₁ < q ≤ γ₂, 2",
        "x，ln(人均地区生产总值)（滞后1期） > γ₁, other",
    ]


def test_regimes_of_spatial_lags_are_named_and_stored() -> None:
    source = SimulatedThreshold(n=12, periods=5, slopes=(0.5, 1.5), spillovers=(0.2, 0.8), rho=0.4)
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
    model = dc.PanelThreshold(
        effects="unit", y="y", x=("x",), threshold="q", threshold_draws=0, sets="likelihood", space="sdm", trim=0.1
    )
    result = model.fit(panel, DelaunayWeights().compute(panel))
    again = decode(encode(result))
    assert again.roles == result.roles
    table = dc.report.RegressionTable(language=None).table("t", records({"a": again})).cells
    lags = ["W × [x, q ≤ γ₁]", "W × [x, q > γ₁]"]
    assert [name for name in table.index if name.startswith("W ")] == lags
    assert list(table.index).count("x, q > γ₁") == 4


def test_a_curve_takes_the_regime_of_any_threshold(results: dict[str, Result]) -> None:
    frame = SimulatedThreshold(n=30).load().frame
    panel = dc.Panel.from_frame(frame.assign(z=frame["q"] ** 3), "unit", "time")
    runs = []
    for q, trim, controls in product(("q", "z", "L.q"), (0.1, 0.3), ((), ("c",))):
        varied = {"model.threshold": q, "model.trim": trim, "model.controls": controls}
        model = dc.PanelThreshold(
            effects="unit", y="y", x=("x",), threshold=q, trim=trim, controls=controls, threshold_draws=0
        )
        runs.append(Record(str(varied), {}, varied, model.fit(panel)))
    curve = dc.report.SpecificationCurve(term="x[1]", pictures=())
    notes = [note for part in curve.table("t", runs).grids for note in map(str, part.notes)]
    assert not [note for note in notes if "left out" in note]
    with pytest.raises(ConfigError, match=r"no run has the focal term 'x'.*x\[1\]"):
        dc.report.SpecificationCurve(term="x", pictures=()).table("t", runs)


@pytest.mark.parametrize(
    ("language", "low", "high"), [("en", "x, q ≤ γ₁", "x, q > γ₁"), ("zh", "x，q ≤ γ₁", "x，q > γ₁")]
)
def test_curves_and_counts_call_regimes_by_words(language: Language, low: str, high: str) -> None:
    panel = dc.Panel.from_frame(SimulatedThreshold(n=30).load().frame.assign(z=np.arange(300.0) % 17), "unit", "time")
    runs = []
    for trim, controls in product((0.1, 0.3), ((), ("c",))):
        varied = {"model.trim": trim, "model.controls": controls}
        model = dc.PanelThreshold(
            effects="unit", y="y", x=("x",), threshold="q", threshold_draws=0, trim=trim, controls=controls
        )
        runs.append(Record(str(varied), {}, varied, model.fit(panel)))
    curve = dc.report.SpecificationCurve(term="x[1]", pictures=(), language=language).table("t", runs)
    assert any(low in note for note in curve.notes)
    signs = dc.report.SignTable(language=language).table("t", runs)
    assert any(low in note and high in note for note in signs.notes)
    assert signs.below is not None
    assert {low, high} == set(signs.below.cells.iloc[:, 0])
    many = dc.report.RegressionTable(language=language, most_runs=2).table("t", runs).cells.index
    assert [name for name in (low, high) if any(row.endswith(name) for row in many)] == [low, high]
    own = dc.report.SignTable(language=language, labels={"x[1]": "low"}).table("t", runs)
    assert own.below is not None
    assert set(own.below.cells.iloc[:, 0]) == {"low", high}
    # two variables have no words in common
    other = dc.PanelThreshold(effects="unit", y="y", x=("x",), threshold="z", threshold_draws=0).fit(panel)
    both = dc.report.SignTable(language=language).table("t", [runs[0], replace(runs[1], result=other)])
    assert both.below is not None
    assert set(both.below.cells.iloc[:, 0]) == {"x[1]", "x[2]"}


def test_many_runs_have_no_tables_of_their_own(results: dict[str, Result]) -> None:
    report = ThresholdReport(most_runs=1)
    assert report.table("t", records(results)).below is None
    assert report.files("t", records(results)) == {}
    assert ThresholdReport(pictures=()).files("t", records(results)) == {}
    assert sorted(ThresholdReport(pictures=("svg",)).files("t", records(results))) == [
        "threshold_1.svg",
        "threshold_2.svg",
    ]


def test_the_picture_has_ratios_and_the_critical_line(results: dict[str, Result]) -> None:
    figure = plot_threshold(results["2"], "t", simulated=True)
    assert len(figure.axes) == 2
    points = results["2"].tables["lr"]
    for at, axes in enumerate(figure.axes, start=1):
        curve, other, line, estimate = axes.lines
        own = points[points["threshold"] == at]
        x, y = curve.get_xdata(), curve.get_ydata()
        np.testing.assert_array_equal(y[np.isfinite(y)], own["ratio"])
        # no line across values that the other threshold excludes
        (gap,) = np.flatnonzero(np.isnan(y))
        assert x[gap] == other.get_xdata()[0] == results["2"].statistics[f"threshold_{3 - at}"]
        assert x[gap - 1] < x[gap] < x[gap + 1]
        scaled = results["2"].tables["thresholds"].loc[at, "lr_scale"] != 1
        assert axes.get_ylabel() == ("Likelihood ratio, scaled" if scaled else "Likelihood ratio")
        assert line.get_ydata()[0] == critical_ratio(0.95)
        assert estimate.get_xdata()[0] == results["2"].statistics[f"threshold_{at}"]
    assert figure.axes[-1].get_xlabel() == "q"


def test_a_sweep_of_sets_names_the_runs_of_each_note() -> None:
    panel = dc.Panel.from_frame(SimulatedThreshold(n=30).load().frame, "unit", "time")
    found = []
    for effects, sets in product(("unit", "two_way"), ("likelihood", "robust")):
        fields = {"effects": effects, "sets": sets}
        result = dc.PanelThreshold(y="y", x=("x",), threshold="q", threshold_draws=0, **fields).fit(panel)
        varied = {f"model.{name}": value for name, value in fields.items()}
        label = ", ".join(f"{key}={value}" for key, value in varied.items())
        found.append(Record(label, {}, varied, result))
    for language, words in (("en", "likelihood ratio: Sets of thresholds of 95%"), ("zh", "似然比：门槛的95%置信集")):
        notes = [str(note) for note in ThresholdReport(language=language).table("t", found).notes]
        assert [note for note in notes if note.startswith(words)]


def test_results_without_thresholds_are_refused() -> None:
    plain = Result(kind="fe_unit", y="y")
    with pytest.raises(ConfigError, match="No run has thresholds"):
        plot_threshold(plain)
    with pytest.raises(ConfigError, match="No run has thresholds"):
        ThresholdReport().table("t", [Record("a", {}, {}, plain)])


def test_regimes_are_named_by_the_words_of_their_variable() -> None:
    words = Labels("en")
    assert words("ln_e[ln_pgdp<=1.203]") == "ln(Digital economy): ln(GDP per head) ≤ 1.203"
    assert words("ln_e[-1.2<ln_pgdp<=1e-05]") == "ln(Digital economy): -1.2 < ln(GDP per head) ≤ 1e-05"
    assert words("x[L.ln_pgdp>2]") == "x: ln(GDP per head) (lag 1) > 2"
    assert words("x[q>2]") == "x[q>2]"
    assert Labels("zh")("ln_e[ln_pgdp>2]") == "ln(数字经济): ln(人均地区生产总值) > 2"


def test_infinite_numbers_are_not_blank(results: dict[str, Result]) -> None:
    result = results["1"]
    sets = result.tables["thresholds"].assign(low=-np.inf, high=np.inf)
    unbounded = replace(result, tables={**result.tables, "thresholds": sets})
    own = tables(ThresholdReport().table("t", [Record("a", {}, {}, unbounded)]))[2]
    assert {"−∞", "∞"} <= set(own.iloc[0])


def test_sets_in_one_piece_have_no_count_of_pieces(results: dict[str, Result]) -> None:
    own = tables(ThresholdReport().table("t", records({"a": results["1"]})))[2]
    assert (results["1"].tables["thresholds"]["pieces"] == 1).all()
    assert list(own.columns) == ["Estimate", "from", "to", "Scale"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_set_of_several_pieces_is_their_union(language: Language) -> None:
    panel = dc.Panel.from_frame(SimulatedThreshold(n=30).load().frame, "unit", "time")
    result = dc.PanelThreshold(effects="unit", y="y", x=("x",), threshold="q", thresholds=3, threshold_draws=0).fit(
        panel
    )
    pieces = result.tables["threshold_sets"]
    assert pieces.index.get_level_values(0).duplicated().any()
    assert decode(encode(result)).tables["threshold_sets"].equals(pieces)
    sets = tables(ThresholdReport(decimals=3, language=language).table("t", records({"a": result})))[2]
    head = {"en": "Confidence set", "zh": "置信集"}[language]
    for at, cell in enumerate(sets[head], start=1):
        assert cell == " ∪ ".join(f"[{low:.3f}, {high:.3f}]" for low, high in pieces.loc[at].to_numpy())
    assert "∪" in "".join(sets[head])
