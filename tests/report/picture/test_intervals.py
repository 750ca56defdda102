"""Pictures of estimates with their intervals: what is drawn are the results' own numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import classic as dc
import numpy as np
import pytest

from digicarbon.errors import ConfigError
from digicarbon.report.picture import interval_numbers, plot_bands, plot_coefficients, plot_effects, rendered
from digicarbon.result import Constituent, Resampled, Role

X = ("log(emp)", "log(pc)")


@pytest.fixture(scope="module")
def results(produc: dc.Panel, usaww: dc.Weights) -> dict[str, dc.Result]:
    names = {"SAR": "sar", "SDM": "sdm"}
    return {
        label: dc.SpatialPanel(kind=kind, y="log(gsp)", x=X, controls=("unemp",)).fit(produc, usaww)
        for label, kind in names.items()
    }


def drawn(axes: Any) -> list[tuple[float, float, float]]:
    """Estimate and ends of the interval of each line of a picture, from top to bottom."""
    points = {
        float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 1
    }
    spans = {
        float(path[0][1]): (float(path[0][0]), float(path[1][0]))
        for lines in axes.collections
        for path in lines.get_segments()
    }
    return [(points[y], *spans[y]) for y in sorted(points)]


def test_coefficients_are_those_of_the_results(results: dict[str, dc.Result]) -> None:
    figure = plot_coefficients(results)
    expected = [
        tuple(results[run].estimates.loc[term, ["coef", "low", "high"]]) for term in X for run in ("SAR", "SDM")
    ]
    np.testing.assert_allclose(drawn(figure.axes[0]), expected, rtol=1e-12)
    labels = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert labels == [X[0], "SAR", "SDM", X[1], "SAR", "SDM"]
    written = [text.get_text() for text in figure.axes[0].texts]
    first = results["SAR"].estimates.loc[X[0]]
    assert written[0] == f"{first['coef']:.3f} [{first['low']:.3f}, {first['high']:.3f}]".replace("-", "\N{MINUS SIGN}")
    assert len(written) == 4


def test_an_interval_without_an_end_goes_to_the_edge_with_an_arrow(results: dict[str, dc.Result]) -> None:
    result = results["SAR"]
    estimates = np.full((3, len(result.terms)), np.nan)
    first, second = (result.terms.index(term) for term in X)
    estimates[:, first], estimates[:, second] = (0.04, -np.inf, np.inf), (0.01, 0.2, np.inf)
    unbounded = replace(result, resampled=Resampled(estimates, np.full((3, 3, 3), np.nan)))
    axes = plot_coefficients(unbounded).axes[0]
    arrows = [text for text in axes.texts if text.arrow_patch is not None]
    assert [(arrow.xy[0], arrow.xyann[0]) for arrow in arrows] == [
        (0.0, result.coef[first]),
        (1.0, result.coef[first]),
        (1.0, result.coef[second]),
    ]
    assert [text.get_text()[-7:] for text in axes.texts if text.arrow_patch is None] == ["[−∞, ∞]", "200, ∞]"]


def test_effects_stand_side_by_side(results: dict[str, dc.Result]) -> None:
    figure = plot_effects(results, terms=[X[1]], naming={X[1]: "capital"})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Direct effect", "Indirect effect", "Total effect"]
    for axes, effect in zip(figure.axes, ("direct", "indirect", "total"), strict=True):
        expected = [tuple(results[run].effects.loc[(effect, X[1]), ["coef", "low", "high"]]) for run in results]
        np.testing.assert_allclose(drawn(axes), expected, rtol=1e-12)
    assert figure.axes[0].get_yticklabels()[0].get_text() == "capital"


def test_bands_are_drawn_in_order_of_distance(results: dict[str, dc.Result]) -> None:
    figure = plot_bands({900.0: results["SDM"], 600.0: results["SAR"]}, terms=[X[0]])
    for axes, effect in zip(figure.axes, ("direct", "indirect", "total"), strict=True):
        line = next(line for line in axes.lines if line.get_marker() == "o")
        expected = [results[run].effects.loc[(effect, X[0]), "coef"] for run in ("SAR", "SDM")]
        assert list(line.get_xdata()) == [600.0, 900.0]
        np.testing.assert_allclose(line.get_ydata(), expected)
        bars = np.array([segment[:, 1] for segment in axes.collections[0].get_segments()])
        bounds = [results[run].effects.loc[(effect, X[0]), ["low", "high"]] for run in ("SAR", "SDM")]
        np.testing.assert_allclose(bars, np.array(bounds, dtype=float))
        assert axes.get_xlabel() == "Distance band (km)"


def test_models_without_effects_show_the_coefficient_by_band(produc: dc.Panel) -> None:
    one = dc.PanelRegression(y="log(gsp)", x=X).fit(produc)
    figure = plot_bands({1.0: one, 2.0: one})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Coefficient"]


def test_labels_do_not_overlap(results: dict[str, dc.Result]) -> None:
    figure = plot_coefficients({f"run {number}": results["SDM"] for number in range(12)})
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].get_yticklabels()]
    assert len(boxes) == 26
    assert all(above.y0 >= below.y1 - 1 for above, below in pairwise(boxes))


def test_one_result_needs_no_name_and_a_term_without_interval_is_a_point(results: dict[str, dc.Result]) -> None:
    one = results["SAR"]
    blank = dc.Result(**{**vars_of(one), "covariance": np.full_like(one.covariance, np.nan)})
    axes = plot_coefficients(blank).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == list(X)
    assert sum(len(line.get_xdata()) == 1 for line in axes.lines) == 2
    assert [text.get_text() for text in axes.texts] == [f"{one.estimates.loc[term, 'coef']:.3f}" for term in X]


def vars_of(result: dc.Result) -> dict[str, Any]:
    return {name: getattr(result, name) for name in result.__dataclass_fields__}


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_the_same_input_gives_the_same_bytes_and_says_simulated(results: dict[str, dc.Result], kind: Any) -> None:
    once, again = (rendered(plot_coefficients(results, simulated=True), kind) for _ in range(2))
    assert once == again
    assert plot_coefficients(results, simulated=True).get_suptitle() == "SIMULATED data"
    assert plot_effects(results, title="Effects", simulated=True).get_suptitle() == "Effects (SIMULATED data)"
    assert plot_effects(results, title="Effects").get_suptitle() == "Effects"


def test_what_cannot_be_drawn_is_a_sentence(results: dict[str, dc.Result], produc: dc.Panel) -> None:
    with pytest.raises(ConfigError, match=r"no run has a coefficient of 'log\(em\)'. Did you mean 'log\(emp\)'\?"):
        plot_coefficients(results, ["log(em)"])
    with pytest.raises(ConfigError, match="No run has an effect of a focal term; choose a model such as sdm"):
        plot_effects(dc.PanelRegression(y="log(gsp)", x=X).fit(produc))
    with pytest.raises(ConfigError, match="A picture of 182 coefficients cannot be read"):
        plot_coefficients({f"run {number}": results["SDM"] for number in range(90)})
    with pytest.raises(ConfigError, match="no run has an effect of 'rho'"):
        interval_numbers(results, "direct", ["rho"])


def made_of(terms: dict[str, Constituent]) -> dc.Result:
    """A result with a coefficient of 0, 1, 2, … for each term, made of one factor each."""
    coef = np.arange(float(len(terms)))
    roles = tuple(Role("regressor", "", (part,)) for part in terms.values())
    names = tuple(terms)
    return dc.Result("ols", "y", focal=names, terms=names, coef=coef, covariance=np.eye(len(terms)), roles=roles)


def test_leads_and_lags_stand_over_an_axis_of_time() -> None:
    # roles decide: the names say nothing
    moments = {
        "b": Constituent("x", "L", 1),
        "a": Constituent("x", "F", 2),
        "c": Constituent("x"),
        "d": Constituent("x", "L", 3),
    }
    result = made_of(moments)
    figure = plot_coefficients({"one": result, "two": result}, language="en", naming={"x": "Policy"})
    (axes,) = figure.axes
    lines = [line for line in axes.lines if line.get_marker() in ("o", "s")]
    assert [line.get_label() for line in lines] == ["one", "two"]
    centre = (np.asarray(lines[0].get_xdata()) + np.asarray(lines[1].get_xdata())) / 2
    np.testing.assert_allclose(centre, [-2, 0, 1, 3])
    np.testing.assert_allclose(lines[0].get_ydata(), [1, 2, 0, 3])
    assert [text.get_text() for text in axes.get_xticklabels()] == ["\N{MINUS SIGN}2", "0", "1", "3"]
    assert axes.get_xlabel() == "Periods after a change of Policy (before: negative)"
    ends = np.array([segment[:, 1] for segment in axes.collections[0].get_segments()])
    np.testing.assert_allclose(ends, result.estimates[["low", "high"]])


def test_dummies_of_years_since_an_event_stand_over_these() -> None:
    years = {f"term {year}": Constituent("since", level=str(year)) for year in (-3, -2, 0, 1)}
    axes = plot_coefficients(made_of(years)).axes[0]
    assert axes.get_xlabel() == "since"
    assert [text.get_text() for text in axes.get_xticklabels()] == ["\N{MINUS SIGN}3", "\N{MINUS SIGN}2", "0", "1"]


@pytest.mark.parametrize(
    "parts",
    [
        [Constituent("x"), Constituent("x", "L", 1)],
        [Constituent("x"), Constituent("x", "L", 1), Constituent("z", "L", 2)],
        [Constituent("x"), Constituent("x", "L", 1), Constituent("x", "D", 1)],
        [Constituent("x"), Constituent("x", "L", 1), Constituent("x", power=2)],
        [Constituent("x", level=name) for name in ("east", "west", "3")],
        [Constituent("x", level="1"), Constituent("x"), Constituent("x", "L", 1)],
    ],
)
def test_other_terms_stand_below_each_other(parts: list[Constituent]) -> None:
    axes = plot_coefficients(made_of({f"t{place}": part for place, part in enumerate(parts)})).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == [f"t{place}" for place in range(len(parts))]
