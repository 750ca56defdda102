"""Rotemberg weights and AKM errors of models: numbers by other means, what is refused, what is said."""

from __future__ import annotations

import numpy as np
import pytest

import digicarbon as dc
from digicarbon.diagnostic import AkmErrors, RotembergWeights
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.numeric.shift_share.akm import akm, residual_shocks
from digicarbon.source import SimulatedShiftShare

SOURCE = SimulatedShiftShare(n=60, periods=5, sectors=12)
PANEL = dc.Panel.from_frame(SOURCE.load().frame, "unit", "time").with_shift_share("bartik", "share_*", "shock_*")
IV = dc.PanelIV(y="y", x=("x",), instruments=("bartik",), cov="cluster")
OLS = dc.PanelRegression(y="y", x=("bartik",), effects="two_way", cov="cluster")
DUMMIES = np.column_stack([np.eye(60)[PANEL.unit_codes], np.eye(5)[PANEL.period_codes]])


def without_effects(values: np.ndarray) -> np.ndarray:
    return values - DUMMIES @ np.linalg.lstsq(DUMMIES, values, rcond=None)[0]


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(("model", "x"), [(IV, "x"), (OLS, "bartik")], ids=["iv", "regressor"])
def test_weights_of_sectors_by_instruments_of_one_sector(model: dc.PanelIV, x: str, centred: bool) -> None:
    tables = RotembergWeights(model=model, top=12, centred=centred).tables(PANEL)
    sectors, summary = tables["rotemberg"], tables["rotemberg_summary"]["value"]
    assert summary["coefficient"] == pytest.approx(model.fit(PANEL).coef[0], rel=1e-10)
    y, inner = without_effects(PANEL.array(["y", x])).T
    shock = PANEL.array([f"shock_{name}" for name in sectors.index])
    shock = shock - shock.mean(axis=1, keepdims=True) if centred else shock
    parts = PANEL.array([f"share_{name}" for name in sectors.index]) * shock
    whole = parts.sum(axis=1)
    np.testing.assert_allclose(sectors["weight"], parts.T @ inner / (whole @ inner), rtol=1e-8)
    np.testing.assert_allclose(sectors["coefficient"], (parts.T @ y) / (parts.T @ inner), rtol=1e-8)
    negative = sectors["weight"][sectors["weight"] < 0].sum()
    assert summary["negative weights"] == pytest.approx(negative, abs=1e-12)
    assert summary["share of negative weights"] == pytest.approx(-negative / sectors["weight"].abs().sum(), abs=1e-12)
    periods = tables["rotemberg_periods"]
    assert (periods["weight"] * periods["coefficient"]).sum() == pytest.approx(summary["coefficient"], rel=1e-9)
    assert len(RotembergWeights(model=model, top=3).tables(PANEL)["rotemberg"]) == 3


@pytest.mark.parametrize("shocks", ["sector", "shock"])
@pytest.mark.parametrize(("model", "x"), [(IV, "x"), (OLS, "bartik")], ids=["iv", "regressor"])
def test_akm_errors_of_columns_without_effects(model: dc.PanelIV, x: str, shocks: str) -> None:
    table = AkmErrors(model=model, shocks=shocks).tables(PANEL)["akm"]
    own = model.fit(PANEL).estimates.iloc[0]
    np.testing.assert_allclose(table.loc["model"], own[["coef", "se", "p", "low", "high"]].astype(float))
    columns = without_effects(PANEL.array(["y", x, "bartik"]))
    shares = PANEL.array([name for name in PANEL.names if name.startswith("share_")])
    residual = residual_shocks(shares, PANEL.period_codes, 5, columns[:, 2])
    assert residual is not None
    found = akm(columns, shares, PANEL.period_codes, residual, by="sector" if shocks == "sector" else "shock")
    assert table.loc["AKM", "se"] == pytest.approx(found.se, rel=1e-8)
    assert table.loc["AKM0", "low"] == pytest.approx(found.low_null, rel=1e-8)
    assert table.loc["AKM0", "p"] == pytest.approx(found.p_null, rel=1e-8)


def test_samples_and_controls_reach_the_weights() -> None:
    some = PANEL.select(units=PANEL.units[:40], periods=PANEL.periods[1:])
    model = IV.model_copy(update={"controls": ("share_s03",), "effects": "time"})
    for one in (PANEL, some):
        estimate = RotembergWeights(model=model).tables(one)["rotemberg_summary"]["value"]["coefficient"]
        assert estimate == pytest.approx(model.fit(one).estimates.loc["x", "coef"], rel=1e-9)


def test_of_several_instruments_one_is_named() -> None:
    two = PANEL.with_shift_share("other", "share_s0*", "shock_s0*", complete="keep")
    model = IV.model_copy(update={"instruments": ("bartik", "other")})
    with pytest.raises(ConfigError, match="bartik, other"):
        RotembergWeights(model=model).tables(two)
    named = RotembergWeights(model=model, column="bartik")
    assert named.tables(two)["rotemberg"].equals(RotembergWeights(model=IV).tables(PANEL)["rotemberg"])
    assert "shift_share_alone" in [note.code for note in named.notes]
    assert "shift_share_alone" not in [note.code for note in RotembergWeights(model=IV).notes]
    assert model.fit(two).statistics["overid_df"] == 1


def test_what_has_no_answer_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"panel\.shift_share"):
        RotembergWeights(model=IV.model_copy(update={"instruments": ("shock_s01:share_s01",)})).check(PANEL)
    with pytest.raises(ConfigError, match="several endogenous"):
        AkmErrors(model=dc.PanelIV(y="y", x=("x", "share_s01"), instruments=("bartik", "share_s02"))).check(PANEL)
    changed = PANEL.with_columns({"bartik": np.clip(PANEL.column("bartik"), -0.5, 0.5)})
    with pytest.raises(EstimationError, match="no longer"):
        RotembergWeights(model=IV).check(changed)
    few = PANEL.select(units=PANEL.units[:10])
    with pytest.raises(EstimationError, match="12 sectors and 10 units"):
        AkmErrors(model=IV).check(few)
    weighted = OLS.model_copy(update={"observation_weights": "share_s01"})
    with pytest.raises(ConfigError, match="observation_weights"):
        RotembergWeights(model=weighted).check(PANEL)


def test_a_set_that_is_no_interval_is_said() -> None:
    rng = np.random.default_rng(2)
    weak = PANEL.with_columns({"x": rng.standard_normal(len(PANEL.index))})
    diagnostic = AkmErrors(model=IV, shocks="shock")
    tables = diagnostic.tables(weak)
    assert np.isinf(tables["akm"].loc["AKM0", ["low", "high"]]).all()
    assert "akm_unbounded" in [note.code for note in diagnostic.remarks(tables)]
    assert "akm_unbounded" not in [note.code for note in diagnostic.remarks(diagnostic.tables(PANEL))]
