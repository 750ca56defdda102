"""The decision path from tests to a spatial model."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest
from classic import DynamicPanel

from digicarbon.diagnostic import Choice, choose
from digicarbon.diagnostic._rows import in_english
from digicarbon.errors import ConfigError

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")


def spatial(**fields: object) -> dc.SpatialPanel:
    return dc.SpatialPanel(**{"y": "log(gsp)", "x": X, "kind": "sdm", **fields})


def test_a_path_needs_a_spatial_model(produc: dc.Panel, usaww: dc.Weights) -> None:
    regression = dc.PanelRegression(y="log(gsp)", x=X)
    with pytest.raises(ConfigError, match="needs a spatial model"):
        choose(regression, produc, usaww)
    for model in (regression, DynamicPanel(y="log(gsp)", x=X)):
        with pytest.raises(ConfigError, match=r"no tests for|needs a"):
            Choice(model=model).check(produc, usaww)


def drawn_panel(usaww: dc.Weights, theta: float, rho: float, lam: float, periods: int = 12) -> dc.Panel:
    """A panel of a known model with unit and time effects."""
    rng = np.random.default_rng(11)
    n, w = usaww.n, usaww.dense()
    x = rng.normal(size=(periods, n))
    errors = rng.normal(size=(periods, n)) @ np.linalg.inv(np.eye(n) - lam * w).T
    mean = x + theta * x @ w.T + 2 * rng.normal(size=(1, n)) + 2 * rng.normal(size=(periods, 1)) + errors
    y = mean @ np.linalg.inv(np.eye(n) - rho * w).T
    time, unit = np.divmod(np.arange(periods * n), n)
    labels = np.array(usaww.labels)[unit]
    return dc.Panel.from_frame(pd.DataFrame({"u": labels, "t": time, "y": y.ravel(), "x": x.ravel()}), "u", "t")


@pytest.mark.parametrize(
    ("truth", "kind"),
    [
        ({"theta": 1.0, "rho": 0.5, "lam": 0.0}, "spatial Durbin model (SDM)"),
        ({"theta": 0.0, "rho": 0.5, "lam": 0.0}, "spatial lag model (SAR)"),
        ({"theta": 0.0, "rho": 0.0, "lam": 0.6}, "spatial error model (SEM)"),
        ({"theta": 0.0, "rho": 0.0, "lam": 0.0}, "regression without spatial terms"),
    ],
)
def test_path_finds_the_model_that_made_the_data(usaww: dc.Weights, truth: dict[str, float], kind: str) -> None:
    panel = drawn_panel(usaww, **truth)
    found = choose(dc.SpatialPanel(y="y", x=("x",), kind="sdm"), panel, usaww, draws=19, alpha=0.05)
    assert list(found.columns) == ["step", "test", "statistic", "p", "decision"]
    last = found.iloc[-1]
    assert (last["step"], last["test"]) == ("choice", "model")
    assert last["decision"].startswith(kind)
    assert "time effects, since each is needed beside the other" in last["decision"]
    assert set(found["step"]) == {"dependence", "nested", "hausman", "effects", "choice"}
    rejected = found["p"] <= 0.05
    assert found.loc[rejected, "decision"].str.startswith(("rejected at 0.05", "no decision: Random")).all()


def test_choice_is_a_table_by_step_and_test(produc: dc.Panel, usaww: dc.Weights) -> None:
    found = Choice(model=spatial(), draws=9).tables(produc, usaww)["choice"]
    assert found.index.names == ["step", "test"]
    assert found.index.is_unique
    expected = choose(spatial(), produc, usaww, draws=9)
    pd.testing.assert_frame_equal(in_english(found).reset_index(), expected, check_frame_type=False)


def test_subset_of_lags_is_walked_without_the_error_model(produc: dc.Panel, usaww: dc.Weights) -> None:
    found = choose(spatial(x=X[:1], controls=X[1:], durbin="x"), produc, usaww, draws=0)
    row = found.set_index("test").loc["LR SDM to SEM"]
    assert np.isnan(row["p"])
    assert row["decision"].startswith("Not tested")
    assert found.iloc[-1]["decision"].startswith("spatial Durbin model (SDM), since")
