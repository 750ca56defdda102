"""Pictures of spatial correlation: what is drawn are the statistics' own numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import digicarbon as dc
from digicarbon.errors import ConfigError
from digicarbon.report.picture import plot_moran, plot_moran_scatter, rendered

Y = "log(gsp)"


def test_lines_bands_and_hollow_points(produc: dc.Panel, usaww: dc.Weights) -> None:
    table = dc.moran(produc, usaww, Y)
    weak = table.assign(p=np.where(np.arange(len(table)) < 3, 0.2, 0.01))
    figure = plot_moran({"W": table, "V": weak})
    axes = figure.axes[0]
    solid = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "-" and len(line.get_xdata()) == 17]
    np.testing.assert_allclose(solid, [table["i"]] * 2)
    half = 1.959963984540054 * np.sqrt(table["variance"])
    bounds = [line.get_ydata() for line in axes.lines if line.get_linestyle() == "--" and len(line.get_xdata())]
    np.testing.assert_allclose(bounds, [table["expected"] - half, table["expected"] + half])
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white" and len(line.get_xdata())]
    assert [len(line.get_xdata()) for line in hollow] == [3]
    assert [text.get_text() for text in axes.get_xticklabels()] == [str(period) for period in produc.periods]
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == [
        "W",
        "V",
        "W: 95% range without spatial correlation",
        "V: 95% range without spatial correlation",
        "hollow: p > 0.05",
    ]


def test_the_slope_of_the_scatter_is_morans_i(produc: dc.Panel, usaww: dc.Weights) -> None:
    raw = dc.Weights.from_matrix(usaww.raw, usaww.labels, row_standardise=False)
    for weights in (usaww, raw):
        table = dc.moran(produc, weights, Y)
        figure = plot_moran_scatter(produc, weights, Y, periods=[1970, 1980, 1986])
        assert len(figure.axes) == 3
        for axes, period in zip(figure.axes, (1970, 1980, 1986), strict=True):
            points = next(line for line in axes.lines if line.get_marker() == "o")
            z, lag = (np.asarray(data, dtype=float) for data in points.get_data())
            assert len(z) == 48
            assert np.polyfit(z, lag, 1)[0] == pytest.approx(table.loc[period, "i"], abs=1e-12)
            line = next(line for line in axes.lines if line.get_linestyle() == "--")
            rise = np.diff(line.get_ydata())[0] / np.diff(line.get_xdata())[0]
            assert rise == pytest.approx(table.loc[period, "i"], abs=1e-12)
            assert axes.get_title(loc="left").startswith(f"{period}: I = {table.loc[period, 'i']:.3f}")


def test_names_of_far_units_overlap_neither_each_other_nor_points(produc: dc.Panel, usaww: dc.Weights) -> None:
    figure = plot_moran_scatter(produc, usaww, Y)
    figure.canvas.draw()
    for axes in figure.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert len(boxes) == 6
        assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[:i])
        points = next(line for line in axes.lines if line.get_marker() == "o")
        places = axes.transData.transform(np.column_stack(points.get_data()))
        assert not any(box.contains(*place) for box in boxes for place in places)


def test_bytes_and_sentences(produc: dc.Panel, usaww: dc.Weights) -> None:
    def draw() -> list[bytes]:
        figures: list[Any] = [
            plot_moran(dc.moran(produc, usaww, Y), simulated=True),
            plot_moran_scatter(produc, usaww, Y, simulated=True),
        ]
        assert [figure.get_suptitle() for figure in figures] == ["SIMULATED data"] * 2
        return [rendered(figure, "svg") for figure in figures]

    assert draw() == draw()
    with pytest.raises(ConfigError, match=r"periods: the panel has no 1900; it has 1970"):
        plot_moran_scatter(produc, usaww, Y, periods=[1900])
    with pytest.raises(ConfigError, match=r"The table W has no column variance; give one from digicarbon\.moran"):
        plot_moran({"W": dc.moran(produc, usaww, Y).drop(columns="variance")})
