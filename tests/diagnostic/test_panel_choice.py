"""The decision path to a panel regression: it finds what was simulated, and says why."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import PanelChoice, choose_panel_model
from digicarbon.diagnostic._rows import in_english
from digicarbon.errors import ConfigError
from digicarbon.model import NoModel

PRODUC = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
STEPS = [
    "pooled or fixed",
    "pooled or random",
    "fixed or random",
    "time effects",
    "serial correlation",
    "dependence of units",
    "choice",
]


def simulated(
    seed: int, unit: float = 0.0, time: float = 0.0, tie: float = 0.0, rho: float = 0.0, common: float = 0.0
) -> dc.Panel:
    """A panel of 50 units and 8 periods with the parts that are asked for; ``tie`` joins x to the unit effects."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(size=(50, 1))
    x = rng.normal(size=(50, 8)) + tie * effects
    e = rng.normal(size=(50, 8))
    for t in range(1, 8):
        e[:, t] += rho * e[:, t - 1]
    loading = rng.choice([-1.0, 1.0], size=(50, 1))
    y = x + unit * effects + time * np.linspace(-1, 1, 8) + e + common * (1 + loading) * rng.normal(size=(1, 8))
    index = pd.MultiIndex.from_product([range(50), range(2000, 2008)], names=["u", "t"])
    frame = pd.DataFrame({"x": x.ravel(), "y": y.ravel()}, index=index).reset_index()
    return dc.Panel.from_frame(frame, unit="u", time="t")


def chosen(panel: dc.Panel, **fields: object) -> str:
    model = dc.PanelRegression(**{"y": "y", "x": ("x",), "effects": "unit", **fields})
    return str(choose_panel_model(model, panel, alpha=0.01).iloc[-1]["decision"])


@pytest.mark.parametrize(
    ("parts", "begins"),
    [
        ({}, "Pooled regression:"),
        ({"time": 2.0}, "Pooled regression with period dummies"),
        ({"unit": 1.5}, "Random unit effects:"),
        ({"unit": 1.5, "time": 2.0}, "Random unit effects and period dummies"),
        ({"unit": 1.5, "tie": 1.0}, "Fixed unit effects:"),
        ({"unit": 1.5, "tie": 1.0, "time": 2.0}, "Fixed unit and time effects:"),
    ],
)
def test_path_finds_the_simulated_model(parts: dict[str, float], begins: str) -> None:
    for cov in ("classic", "cluster"):
        # each of five tests is at one per cent: a wrong turn among five seeds happens
        words = [chosen(simulated(seed, **parts), cov=cov) for seed in range(5)]
        assert sum(text.startswith(begins) for text in words) >= 4


def test_path_says_what_standard_errors_need() -> None:
    quiet = chosen(simulated(1, unit=1.5))
    assert "no serial correlation is found" in quiet
    assert "no dependence between them" in quiet
    assert "standard errors clustered by unit (inference=cluster)" in chosen(simulated(1, unit=1.5, rho=0.8))
    dependent = chosen(simulated(1, unit=1.5, common=2.0))
    assert "Driscoll and Kraay's standard errors, which need many periods (here 8)" in dependent
    # serial correlation upsets the one test that finds such a factor
    model = dc.PanelRegression(y="y", x=("x",), effects="unit")
    path = choose_panel_model(model, simulated(2, unit=1.5, rho=0.8)).set_index("test")
    assert path.loc["corrected scaled LM", "decision"].startswith("no decision: ")
    assert "alone seldom finds a factor" in path.loc["model", "decision"]


def test_columns_steps_and_decisions(produc: dc.Panel) -> None:
    model = dc.PanelRegression(y="log(gsp)", x=PRODUC, effects="two_way")
    found = choose_panel_model(model, produc)
    assert list(found.columns) == ["step", "test", "statistic", "df", "df2", "p", "decision"]
    assert list(dict.fromkeys(found["step"])) == STEPS
    tests = found.set_index(["step", "test"])
    assert tests.loc[("pooled or fixed", "LSDV"), "decision"].count("30 of 48 units") == 1
    # the classic difference is indefinite on these data: sigmamore takes its place and the last row says so
    assert tests.loc[("fixed or random", "Hausman"), "decision"].startswith("no decision: ")
    assert tests.loc[("fixed or random", "Hausman, sigmamore"), "decision"].startswith("rejected at 0.05: ")
    assert "the sigmamore form" in found.iloc[-1]["decision"]
    assert "not definite" in found.iloc[-1]["decision"]
    robust = choose_panel_model(dc.PanelRegression(y="log(gsp)", x=PRODUC, cov="cluster"), produc)
    assert "Hausman, robust" in robust["test"].tolist()
    assert "the robust regression form" in robust.iloc[-1]["decision"]


def test_effects_of_the_model_do_not_matter(produc: dc.Panel) -> None:
    paths = [
        choose_panel_model(dc.PanelRegression(y="log(gsp)", x=PRODUC, effects=effects), produc)
        for effects in ("none", "unit", "random", "two_way")
    ]
    for path in paths[1:]:
        pd.testing.assert_frame_equal(path, paths[0])


def test_unbalanced_panel_has_a_path(produc: dc.Panel) -> None:
    gaps = produc.rows(np.random.default_rng(2).random(816) > 0.2)
    found = choose_panel_model(dc.PanelRegression(y="log(gsp)", x=PRODUC, effects="unit"), gaps)
    assert list(dict.fromkeys(found["step"])) == STEPS
    assert found.iloc[-1]["decision"].startswith("Fixed unit and time effects")


def test_without_a_random_effects_model_fixed_effects_are_kept(produc: dc.Panel) -> None:
    few = produc.select(units=produc.units[:5])
    found = choose_panel_model(dc.PanelRegression(y="log(gsp)", x=PRODUC, effects="unit"), few)
    hausman = found[found["step"] == "fixed or random"]
    assert hausman["decision"].str.startswith("Not tested: ").all()
    assert "there is no Hausman test here" in found.iloc[-1]["decision"]


def test_diagnostic_is_the_function(produc: dc.Panel) -> None:
    model = dc.PanelRegression(y="log(gsp)", x=PRODUC)
    spec = PanelChoice(model=model)
    spec.check(produc)
    table = spec.tables(produc)["panel_choice"]
    expected = choose_panel_model(model, produc)
    pd.testing.assert_frame_equal(in_english(table).reset_index(), expected, check_frame_type=False)
    assert spec.terms == model.terms
    with pytest.raises(ConfigError, match="needs a panel regression"):
        choose_panel_model(NoModel(), produc)
