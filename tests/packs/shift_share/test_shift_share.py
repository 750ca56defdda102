"""Rotemberg weights and AKM errors of models: numbers by other means, what is refused, what is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import AkmErrors, RotembergWeights
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.packs.shift_share.numeric.akm import akm, residual_shocks
from digicarbon.script import Names, RPart
from digicarbon.script.words import Remarks
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
    assert summary["positive weights"] == pytest.approx(1 - negative, abs=1e-12)
    assert summary["share of the largest weights"] == pytest.approx(1)
    few = RotembergWeights(model=model, top=3, centred=centred).tables(PANEL)["rotemberg_summary"]["value"]
    sizes = np.sort(sectors["weight"].abs())
    assert few["share of the largest weights"] == pytest.approx(sizes[-3:].sum() / sizes.sum())
    single = [parts[PANEL.period_codes == t].T @ inner[PANEL.period_codes == t] / (whole @ inner) for t in range(5)]
    in_periods = sum(weights[weights < 0].sum() for weights in single)
    assert summary["negative weights of single periods"] == pytest.approx(in_periods, rel=1e-8)
    assert in_periods < negative
    periods = tables["rotemberg_periods"]
    assert (periods["weight"] * periods["coefficient"]).sum() == pytest.approx(summary["coefficient"], rel=1e-9)
    assert len(RotembergWeights(model=model, top=3).tables(PANEL)["rotemberg"]) == 3


@pytest.mark.parametrize("shocks", ["sector", "shock"])
@pytest.mark.parametrize(("model", "x"), [(IV, "x"), (OLS, "bartik")], ids=["iv", "regressor"])
def test_akm_errors_of_columns_without_effects(model: dc.PanelIV, x: str, shocks: str) -> None:
    table = AkmErrors(model=model, shocks=shocks).tables(PANEL)["akm"]
    own = model.fit(PANEL).estimates.iloc[0]
    numbers = table.drop(columns="kind").loc["model"].astype(float)
    np.testing.assert_allclose(numbers, own[["coef", "se", "p", "low", "high"]].astype(float))
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


def codes_of(diagnostic: RotembergWeights | AkmErrors, model: dc.PanelIV, panel: dc.Panel) -> list[str]:
    return [note.code for note in diagnostic.added(model.fit(panel), panel, None).notes]


@pytest.mark.parametrize(("effects", "centred"), [("two_way", True), ("time", True), ("unit", False)])
def test_a_note_on_centred_shocks_only_where_they_are(effects: str, centred: bool) -> None:
    model = IV.model_copy(update={"effects": effects})
    assert ("rotemberg_centred" in codes_of(RotembergWeights(model=model), model, PANEL)) == centred
    assert "rotemberg_centred" not in codes_of(RotembergWeights(model=model, centred=False), model, PANEL)
    tables = [RotembergWeights(model=model, centred=own).tables(PANEL)["rotemberg"] for own in (True, False)]
    assert tables[0].equals(tables[1]) != centred


def test_of_several_instruments_one_is_named() -> None:
    two = PANEL.with_shift_share("other", "share_s0*", "shock_s0*", complete="keep")
    model = IV.model_copy(update={"instruments": ("bartik", "other")})
    with pytest.raises(ConfigError, match="bartik, other"):
        RotembergWeights(model=model).tables(two)
    named = RotembergWeights(model=model, column="bartik")
    assert named.tables(two)["rotemberg"].equals(RotembergWeights(model=IV).tables(PANEL)["rotemberg"])
    # also where the other instrument is no shift-share column, so that none has to be named
    for instruments in (("bartik", "other"), ("bartik", "share_s01:shock_s01"), ("bartik",)):
        own = IV.model_copy(update={"instruments": instruments})
        for kind in (RotembergWeights, AkmErrors):
            codes = codes_of(kind(model=own, column="bartik" if "other" in instruments else None), own, two)
            assert ("shift_share_alone" in codes) == (len(instruments) > 1)
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


def noted(diagnostic: AkmErrors, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    return [str(note) for note in diagnostic.remarks(tables) if note.code == "akm_unbounded"]


def test_a_set_that_is_no_interval_is_said() -> None:
    x = np.random.default_rng(2).standard_normal(len(PANEL.index))
    kinds = {}
    for strength, level in ((0.0, 0.95), (0.05, 0.9999999)):
        weak = PANEL.with_columns({"x": x + strength * PANEL.column("bartik")})
        diagnostic = AkmErrors(model=IV, shocks="shock", level=level)
        tables = diagnostic.tables(weak)
        row = tables["akm"].loc["AKM0"]
        assert np.isinf([row["low"], row["high"]]).all()
        assert np.isnan(row["se"])
        kinds[row["kind"].code] = row["kind"]
        assert noted(diagnostic, tables) == [
            f"The set of AKM0 is no interval ({row['kind']}): the shocks tell too little of the coefficient."
        ]
    assert set(kinds) == {"set_everything", "significant_outside"}
    own = AkmErrors(model=IV)
    tables = own.tables(PANEL)
    assert {kind.code for kind in tables["akm"]["kind"]} == {"set_interval"}
    assert not noted(own, tables)


UNITS, REGIONS, PERIODS = 24, 6, 4


def of_single_sectors(sectors: int) -> dc.Panel:
    """Return a panel whose units have the share one in a single sector: a sector for each unit, or for some of them."""
    rng = np.random.default_rng(4)
    unit, time = np.repeat(np.arange(UNITS), PERIODS), np.tile(np.arange(PERIODS), UNITS)
    own = unit % sectors
    frame = pd.DataFrame({"unit": [f"u{i:02}" for i in unit], "time": time, "region": [f"r{k}" for k in own]})
    shocks = rng.standard_normal((PERIODS, sectors))
    for k in range(sectors):
        frame[f"share_{k}"], frame[f"shock_{k}"] = (own == k) * 1.0, shocks[time, k]
    errors = rng.standard_normal((PERIODS, sectors))[time, own] + rng.standard_normal(len(unit))
    frame["x"] = shocks[time, own] + errors + rng.standard_normal(len(unit))
    frame["y"] = 0.5 * frame["x"] + errors
    return dc.Panel.from_frame(frame, "unit", "time").with_shift_share("bartik", "share_*", "shock_*")


@pytest.mark.parametrize("effects", ["time", "two_way"])
@pytest.mark.parametrize("kind", ["iv", "regressor"])
def test_a_sector_for_each_unit_has_errors_of_rows_or_of_clusters(effects: str, kind: str) -> None:
    panel = of_single_sectors(UNITS)
    for shocks, cov in (("shock", "robust"), ("sector", "cluster")):
        fields = {"y": "y", "effects": effects, "cov": cov, "small_sample": "none"}
        model = (
            dc.PanelIV(x=("x",), instruments=("bartik",), **fields)
            if kind == "iv"
            else dc.PanelRegression(x=("bartik",), **fields)
        )
        table = AkmErrors(model=model, shocks=shocks).tables(panel)["akm"]
        assert table.loc["AKM", "se"] == pytest.approx(table.loc["model", "se"], rel=1e-9)


def test_units_of_one_sector_are_a_cluster() -> None:
    panel = of_single_sectors(REGIONS)
    model = dc.PanelRegression(
        y="y", x=("bartik",), effects="two_way", cov="cluster", cluster="region", small_sample="none"
    )
    table = AkmErrors(model=model).tables(panel)["akm"]
    assert table.loc["AKM", "se"] == pytest.approx(table.loc["model", "se"], rel=1e-9)
    by_unit = model.model_copy(update={"cluster": "unit"}).fit(panel).estimates.loc["bartik", "se"]
    assert abs(table.loc["AKM", "se"] / by_unit - 1) > 0.01


@pytest.mark.parametrize("model", [IV, OLS], ids=["iv", "regressor"])
def test_a_script_has_the_recorded_numbers(model: dc.PanelIV) -> None:
    """The set of AKM0 is compared by its middle: its ends have the same distance from there."""
    diagnostic = AkmErrors(model=model)
    result = replace(model.described(model.fit(PANEL), PANEL), tables=diagnostic.tables(PANEL))
    extract, names = diagnostic.extract(PANEL, None, model.extract(PANEL, None)), Names()
    for column in extract.columns:
        names.give(column)
    text = " ".join(diagnostic.r(RPart(extract, result, names, "set_1", "", Remarks("#")), PANEL))
    numbers = {name: float(value) for name, value in re.findall(r"`(\w+)` = ([^,)]+)", text)}
    own, null = (result.tables["akm"].loc[kind] for kind in ("AKM", "AKM0"))
    assert [numbers["coefficient"], numbers["se"]] == [own["coefficient"], own["se"]]
    assert [numbers["se_null"], numbers["p_null"]] == [null["se"], null["p"]]
    assert null["high"] - numbers["middle_null"] == pytest.approx(numbers["middle_null"] - null["low"])


def test_instruments_of_weighted_rows_are_refused() -> None:
    weighted = IV.model_copy(update={"observation_weights": "people"})
    panel = PANEL.with_columns({"people": np.arange(1.0, 1.0 + len(PANEL.index))})
    with pytest.raises(ConfigError, match="observation_weights"):
        RotembergWeights(model=weighted).check(panel)
