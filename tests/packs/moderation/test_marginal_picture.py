"""Marginal effects: by hand, by differences of the fitted values, and what is drawn of them."""

from __future__ import annotations

from dataclasses import replace

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError, WeightsError
from digicarbon.report.picture import rendered


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    draw = np.random.default_rng(4)
    index = pd.MultiIndex.from_product([[f"u{i}" for i in range(20)], range(2000, 2008)], names=["unit", "year"])
    frame = pd.DataFrame({name: draw.normal(size=len(index)) for name in ("x", "z", "w")}, index=index)
    frame["few"] = draw.integers(0, 4, len(index)).astype(float)
    frame["y"] = 0.3 * frame["x"] - 0.2 * frame["x"] ** 2 + 0.4 * frame["x"] * frame["z"] + draw.normal(size=len(index))
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year")


def fitted(panel: dc.Panel, *terms: str) -> dc.Result:
    return dc.PanelRegression(y="y", x=terms).fit(panel)


def test_the_effect_along_a_moderator_is_the_coefficients_and_their_covariance(panel: dc.Panel) -> None:
    result = fitted(panel, "x", "x:z", "z")
    effects = dc.marginal_effects(result, panel, "x", at=[-1.0, 0.0, 2.0])
    assert effects.index.name == "z"
    b, v = dict(zip(result.terms, result.coef, strict=True)), result.covariance
    one, two = (result.terms.index(name) for name in ("x", "x:z"))
    for z, row in effects.iterrows():
        assert row["coef"] == pytest.approx(b["x"] + z * b["x:z"])
        assert row["se"] ** 2 == pytest.approx(v[one, one] + z**2 * v[two, two] + 2 * z * v[one, two])
    # where the moderator is zero it is the coefficient itself; the intervals are those of the errors
    own = replace(result, resampled=None).estimates.loc["x"]
    np.testing.assert_allclose(effects.loc[0.0, ["coef", "se", "low", "high"]], own[["coef", "se", "low", "high"]])
    other = dc.marginal_effects(result, panel, "z", "x", at=[1.0])
    assert other["coef"].iloc[0] == pytest.approx(b["z"] + b["x:z"])


def test_the_effect_along_powers_is_the_slope_of_the_curve(panel: dc.Panel) -> None:
    result = fitted(panel, "x", "x^2", "x^3")
    ends = dc.marginal_effects(result, panel, "x").iloc[[0, -1]]
    slopes = dc.turning_points(result, panel, "x")
    for name, (place, row) in zip(("smallest", "largest"), ends.iterrows(), strict=True):
        slope = slopes.loc[f"slope at the {name} value"]
        assert slope["at"] == pytest.approx(place)
        np.testing.assert_allclose(row[["coef", "se"]].to_numpy(float), slope[["coef", "se"]].to_numpy(float))


def test_other_variables_are_at_their_means(panel: dc.Panel) -> None:
    result = fitted(panel, "x", "x^2", "z", "w", "x:z", "x:w")
    b = dict(zip(result.terms, result.coef, strict=True))
    frame = panel.frame()
    row = dc.marginal_effects(result, panel, "x", "z", at=[0.5]).iloc[0]
    expected = b["x"] + 2 * b["x^2"] * frame["x"].mean() + b["x:z"] * 0.5 + b["x:w"] * frame["w"].mean()
    assert row["coef"] == pytest.approx(expected)
    figure = dc.plot_marginal(result, panel, "x", "z", naming={"w": "Wage"})
    assert figure.axes[0].get_title(loc="right") == "at their means: Wage, x"
    assert dc.marginal_effects(result, panel, "x").index.name == "x"


def test_the_picture_shows_where_the_effect_is_significant(panel: dc.Panel) -> None:
    result = fitted(panel, "x", "x:z", "z")
    figure = dc.plot_marginal(result, panel, "x", title="Effect", simulated=True, naming={"z": "Cities", "y": "Carbon"})
    upper, lower = figure.axes
    effects = dc.marginal_effects(result, panel, "x")
    significant = ((effects["low"] > 0) | (effects["high"] < 0)).to_numpy()
    thick = next(line for line in upper.lines if line.get_linewidth() == 3.0)
    np.testing.assert_array_equal(np.isfinite(np.asarray(thick.get_ydata(), dtype=float)), significant)
    assert 0 < significant.sum() < len(significant)
    assert upper.get_ylabel() == "Marginal effect of x on Carbon"
    assert lower.get_xlabel() == "Cities"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["95% band, pointwise", "95% band, uniform", "p > 0.05", "significant, p ≤ 0.05"]
    assert figure.get_suptitle() == "Effect (SIMULATED data)"
    assert rendered(figure, "svg") == rendered(figure, "svg")


def test_a_moderator_of_few_values_has_a_point_for_each(panel: dc.Panel) -> None:
    result = fitted(panel, "x", "x:few", "few")
    effects = dc.marginal_effects(result, panel, "x")
    assert list(effects.index) == [0.0, 1.0, 2.0, 3.0]
    bars = dc.plot_marginal(result, panel, "x").axes[0].collections[0].get_segments()
    np.testing.assert_allclose([bar[:, 1] for bar in bars], effects[["low", "high"]])


def test_what_has_no_marginal_effect_is_a_sentence(panel: dc.Panel, produc: dc.Panel, usaww: dc.Weights) -> None:
    cases: list[tuple[tuple[str, ...], tuple[str, ...], str]] = [
        (("x", "z"), ("x",), "The effect of x is its coefficient everywhere"),
        (("x", "x:z", "x:w"), ("x",), "the effect of x depends on z, w; name one of them"),
        (("x", "x:z"), ("x", "zz"), r"does not depend on 'zz'. Did you mean 'z'\? It depends on z"),
        (("x", "x:z"), ("xx",), "'xx' is not a variable of the model"),
        (("x", "C(few):x"), ("x",), "x has a coefficient for each value of a category"),
    ]
    for terms, asked, sentence in cases:
        with pytest.raises(ConfigError, match=sentence):
            dc.marginal_effects(fitted(panel, *terms), panel, *asked)
    spatial = dc.SpatialPanel(kind="sar", y="unemp", x=("log(emp)", "log(emp)^2")).fit(produc, usaww)
    with pytest.raises(WeightsError, match="A sar model needs spatial weights"):
        dc.marginal_effects(spatial, produc, "log(emp)")
