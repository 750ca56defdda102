"""The table of coefficients and turning points, and its pictures."""

from __future__ import annotations

import sys

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import TurningPoints
from digicarbon.errors import ConfigError, DataError
from digicarbon.report import Record, TurningPointTable
from digicarbon.report.picture import plot_curve, rendered

X = "log(emp)"


def record(produc: dc.Panel, label: str, degree: int, simulated: bool = False, bend: float | None = None) -> Record:
    names = tuple(X if k == 1 else f"{X}^{k}" for k in range(1, degree + 1))
    panel = produc.with_terms(names)
    if bend is not None:
        z = panel.array([X])[:, 0]
        noise = np.random.default_rng(1).standard_normal(len(z))
        panel = panel.with_columns({"log(gsp)": -((z - bend) ** 2) + 0.1 * noise})
    spec = dc.PanelRegression(y="log(gsp)", x=names, controls=("unemp",), cov="cluster")
    tables = TurningPoints(model=spec).tables(panel)
    fitted = spec.fit(panel)
    return Record(
        label, {"measure": "ddl"}, {}, dc.Result(**{**vars(fitted), "tables": tables}), lambda: panel, simulated
    )


def test_cells_are_those_of_the_turning_points(produc: dc.Panel) -> None:
    one, two = record(produc, "N(1)", 2, bend=7.0), record(produc, "N(2)", 3)
    table = TurningPointTable(decimals=3).table("Table 5", [one, two])
    assert list(table.cells.columns) == ["N(1)", "N(2)"]
    square, cube = (r.result.tables["turning_points"] for r in (one, two))
    cells = table.cells
    row = square.loc["turning point"]
    position = list(cells.index).index("turning point")
    assert cells.iloc[position].to_list() == [f"{row['coef']:.3f}", ""]
    assert cells.iloc[position + 1].to_list() == [f"({row['se']:.3f})", ""]
    assert cells.loc["turning point, delta interval", "N(1)"] == f"[{row['low']:.3f}, {row['high']:.3f}]"
    assert cells.loc["turning point is a", "N(1)"] == "maximum, inside the sample"
    region = square.loc["turning point, Fieller"]
    assert cells.loc["turning point, Fieller interval", "N(1)"] == f"[{region['low']:.3f}, {region['high']:.3f}]"
    assert cells.loc["Lind-Mehlum p"].to_list() == [f"{square.loc['Lind-Mehlum test', 'p']:.3f}", ""]
    assert cells.loc["Lind-Mehlum test of"].to_list() == ["inverse U shape", ""]
    for name in ("slope at the smallest value", "slope at the largest value"):
        position = list(cells.index).index(name)
        for column, found in (("N(1)", square), ("N(2)", cube)):
            slope = found.loc[name]
            stars = "*" * sum(slope["p"] < bound for bound in (0.1, 0.05, 0.01))
            assert cells[column].iloc[position] == f"{slope['coef']:.3f}{stars}"
            assert cells[column].iloc[position + 1] == f"({slope['se']:.3f})"
    counts = [square.loc[f"observations {side}", "coef"] for side in ("below", "above")]
    assert cells.loc["observations on each side", "N(1)"] == " | ".join(f"{count:.0f}" for count in counts)
    # coefficients first, curves between two rules, effects and fit last
    first, second = table.rules[0], table.rules[-1]
    assert list(cells.index).index(f"{X}^3") < first <= list(cells.index).index("turning point") < second
    assert cells.index[second] == "Unit effects"
    # what unit the measure has is the preparation's to say
    assert not any("10k CNY" in note for note in table.notes)
    assert any("one side" in note for note in table.notes)


def test_a_turning_point_outside_says_that_the_test_fails_trivially(produc: dc.Panel) -> None:
    cells = TurningPointTable().table("t", [record(produc, "N(1)", 2, bend=30.0)]).cells
    assert cells.loc["Lind-Mehlum test of", "N(1)"] == "extremum outside interval, trivial failure to reject"
    assert cells.loc["turning point is a", "N(1)"] == "maximum, outside the sample"


def test_runs_without_turning_points_are_refused(produc: dc.Panel) -> None:
    bare = dc.PanelRegression(y="log(gsp)", x=(X,)).fit(produc)
    with pytest.raises(ConfigError, match="N has no turning points; choose diagnostic=turning_points"):
        TurningPointTable().table("t", [Record("N", {}, {}, bare)])


def test_pictures_are_files_that_say_simulated(produc: dc.Panel) -> None:
    one = record(produc, "N(1) a/b", 2, simulated=True)
    files = TurningPointTable(pictures=("png", "svg", "pdf")).files("t", [one])
    assert list(files) == ["curve_N(1)_a_b.png", "curve_N(1)_a_b.svg", "curve_N(1)_a_b.pdf"]
    png, svg, pdf = files.values()
    assert png.startswith(b"\x89PNG")
    assert b"</svg>" in svg
    assert pdf.startswith(b"%PDF")
    assert TurningPointTable(pictures=("png", "svg", "pdf")).files("t", [one]) == files
    assert TurningPointTable(pictures=()).files("t", [one]) == {}
    assert one.panel is not None
    assert plot_curve(one.result, one.panel(), X, "N", simulated=True).get_suptitle() == "N (SIMULATED data)"


def test_the_curve_and_its_band_are_drawn_over_the_sample(produc: dc.Panel) -> None:
    one = record(produc, "N(1)", 2, bend=7.0)
    assert one.panel is not None
    figure = plot_curve(one.result, one.panel(), X)
    axes, strip = figure.axes
    x = one.panel().array([X])[:, 0]
    curve = next(line for line in axes.lines if line.get_label() == "fitted curve")
    at, value = (np.asarray(data, dtype=float) for data in curve.get_data())
    assert (at.min(), at.max()) == (x.min(), x.max())
    b = one.result.estimates["coef"]
    expected = b[X] * at + b[f"{X}^2"] * at**2 - (b[X] * x + b[f"{X}^2"] * x**2).mean()
    np.testing.assert_allclose(value, expected, atol=1e-10)
    diamond = next(line for line in axes.lines if line.get_marker() == "D")
    point = dc.turning_points(one.result, one.panel(), X).loc["turning point", "coef"]
    assert float(np.asarray(diamond.get_xdata())[0]) == pytest.approx(point)
    assert sum(patch.get_height() for patch in strip.patches) == len(x)
    assert (strip.get_xlabel(), "log(gsp)" in axes.get_ylabel()) == (X, True)
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words == ["fitted curve", "95% band, pointwise", "turning point, 95% interval (Fieller)"]


@pytest.mark.parametrize("degree", [3, 4])
def test_any_degree_is_drawn(produc: dc.Panel, degree: int) -> None:
    names = tuple(X if k == 1 else f"{X}^{k}" for k in range(1, degree + 1))
    panel = produc.with_terms(names)
    figure = plot_curve(dc.PanelRegression(y="log(gsp)", x=names).fit(panel), panel, X)
    assert rendered(figure, "png").startswith(b"\x89PNG")


def test_what_cannot_be_drawn_is_a_sentence(produc: dc.Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    one = record(produc, "N(1)", 2)
    assert one.panel is not None
    with pytest.raises(DataError, match="rests on 816 observations"):
        plot_curve(one.result, one.panel().select(periods=[1970, 1971]), X)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match="A picture needs matplotlib; install it: pip install matplotlib"):
        plot_curve(one.result, one.panel(), X)


def test_the_result_is_not_changed(produc: dc.Panel) -> None:
    one = record(produc, "N(1)", 2)
    before = one.result.estimates.copy()
    TurningPointTable().table("t", [one])
    pd.testing.assert_frame_equal(one.result.estimates, before)
