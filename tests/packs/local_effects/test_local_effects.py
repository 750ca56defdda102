"""Effects of each unit against explicit inverses, derivatives by differences, and what the model itself has."""

from __future__ import annotations

import classic as dc
import numpy as np
import pytest

from digicarbon.diagnostic import LocalEffects
from digicarbon.errors import ConfigError
from digicarbon.report import LocalEffectTable
from digicarbon.report.base import Record

MODEL = {"y": "log(gsp)", "x": ("log(pcap)",), "controls": ("log(pc)", "unemp")}
KINDS = ("sar", "sdm", "slx", "sdem", "sem", "sac")


def matrix(result: dc.Result, w: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the derivatives of every unit's outcome in every unit's x."""
    at = dict(zip(result.terms, values, strict=True))
    inner = at["log(pcap)"] * np.eye(len(w)) + at.get("W_log(pcap)", 0.0) * w
    return np.linalg.solve(np.eye(len(w)) - at.get("rho", 0.0) * w, inner)


@pytest.mark.parametrize("kind", KINDS)
def test_effects_and_errors_are_those_of_the_matrix_of_derivatives(
    produc: dc.Panel, usaww: dc.Weights, kind: str
) -> None:
    model = dc.SpatialPanel(**MODEL, kind=kind)
    result = model.fit(produc, usaww)
    w = usaww.align(produc).dense()

    def numbers(values: np.ndarray) -> np.ndarray:
        e = matrix(result, w, values)
        own = np.diag(e)
        return np.stack([own, e.sum(axis=1) - own, e.sum(axis=0) - own, e[:, 5]])

    step = 1e-6
    moves = step * np.eye(len(result.coef))
    slopes = np.array([(numbers(result.coef + m) - numbers(result.coef - m)) / (2 * step) for m in moves])
    errors = np.sqrt(np.einsum("aku,ab,bku->ku", slopes, result.covariance, slopes))
    found = dc.local_effects(result, produc, usaww).loc["log(pcap)"]
    felt = dc.shock(result, produc, usaww, produc.units[5]).loc["log(pcap)"]
    expected = numbers(result.coef)
    for place, effect in enumerate(("own effect", "received", "sent")):
        np.testing.assert_allclose(found.loc[effect, "coef"], expected[place], atol=1e-10)
        np.testing.assert_allclose(found.loc[effect, "se"], errors[place], rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(felt["coef"], expected[3], atol=1e-10)
    np.testing.assert_allclose(felt["se"], errors[3], rtol=1e-5, atol=1e-9)
    by_unit = model.unit_effects(result, produc, usaww).xs("log(pcap)", level="term")
    np.testing.assert_allclose(by_unit["own"], expected[0], atol=1e-10)
    # their means are the effects of the model
    effects = result.effects.xs("log(pcap)", level="term")["coef"]
    assert found.loc["own effect", "coef"].mean() == pytest.approx(effects["direct"])
    assert found.loc["received", "coef"].mean() == pytest.approx(effects["indirect"], abs=1e-10)
    assert found.loc["sent", "coef"].mean() == pytest.approx(effects["indirect"], abs=1e-10)


def test_models_of_more_than_one_w_or_slope_are_refused(produc: dc.Panel, usaww: dc.Weights) -> None:
    gaps = dc.Panel.from_frame(produc.frame().reset_index().iloc[1:], produc.unit_name, produc.time_name, gaps="keep")
    unbalanced = dc.UnbalancedSpatialPanel(**MODEL, kind="sdm").fit(gaps, usaww)
    other = dc.Weights.from_matrix(usaww.align(produc).dense()[::-1, ::-1], produc.units)
    several = dc.UnbalancedSpatialPanel(**MODEL, kind="sdm").fit(produc, usaww, [other])
    panel = produc.with_columns({"half": produc.unit_codes % 2})
    grouped = dc.GroupedSpatial(**MODEL, kind="sdm", by="half").fit(panel, usaww)
    for result, data in ((unbalanced, gaps), (several, produc), (grouped, panel)):
        for call in (dc.local_effects, lambda *given: dc.shock(*given, produc.units[0])):
            with pytest.raises(ConfigError, match="one known W and one slope"):
                call(result, data, usaww)


def test_what_has_no_local_effects_is_refused(produc: dc.Panel, usaww: dc.Weights) -> None:
    model = dc.SpatialPanel(**MODEL, kind="sdm")
    result = model.fit(produc, usaww)
    with pytest.raises(ConfigError, match=r"no unit ALABAM.*ALABAMA"):
        dc.shock(result, produc, usaww, "ALABAM")
    with pytest.raises(ConfigError, match="no regressor emp"):
        dc.local_effects(result, produc, usaww, ["emp"])
    with pytest.raises(ConfigError, match="no unit nowhere"):
        LocalEffects(model=model, shocks=("nowhere",)).check(produc, usaww)
    with pytest.raises(ConfigError, match=r"choose e\.g\. model=sdm"):
        LocalEffects(model=dc.PanelRegression(**MODEL)).check(produc, usaww)


@pytest.mark.usefixtures("chinese_font")
def test_report_shows_units_and_where_a_change_is_felt(produc: dc.Panel, usaww: dc.Weights) -> None:
    model = dc.SpatialPanel(**MODEL, kind="sdm")
    spec = LocalEffects(model=model, shocks=("OHIO",))
    spec.check(produc, usaww)
    result = spec.added(model.fit(produc, usaww), produc, usaww)
    assert {"local_effects", "shocks"} <= set(result.listings)
    record = Record("sdm", {}, {}, result)
    table = LocalEffectTable(shock="OHIO", language="en").table("t", [record])
    assert list(table.cells.columns) == ["own effect", "received", "sent", "felt from OHIO"]
    assert table.cells.loc["OHIO", "own effect"] == table.cells.loc["OHIO", "felt from OHIO"]
    assert any("through the weights alone" in note for note in table.notes)
    plain = LocalEffectTable(language="en", errors=False).table("t", [record])
    assert float(plain.cells.loc["OHIO", "own effect"]) == pytest.approx(
        result.tables["local_effects"].loc[("log(pcap)", "own effect", "OHIO"), "coef"], abs=1e-4
    )
    with pytest.raises(ConfigError, match=r"Add the unit to diagnostic\.shocks"):
        LocalEffectTable(shock="TEXAS", language="en").table("t", [record])
    with pytest.raises(ConfigError, match=r"no unit OHIOS\. Did you mean 'OHIO'"):
        LocalEffectTable(shock="OHIOS", language="en").table("t", [record])
    nowhere = LocalEffectTable(shapes="nofile.geojson", language="en").table("t", [record])
    assert not any("nofile" in note for note in nowhere.notes)
    with pytest.raises(ConfigError, match="add diagnostic=local_effects"):
        LocalEffectTable(language="en").table("t", [Record("sdm", {}, {}, model.fit(produc, usaww))])
    files = LocalEffectTable(shock="OHIO", pictures=("svg",), language="en").files("t", [record])
    assert sorted(files) == ["local_effects_log(pcap)_sdm.svg", "shock_OHIO_log(pcap)_sdm.svg"]
    chinese = LocalEffectTable(shock="OHIO", pictures=("svg",), language="zh")
    table = chinese.table("t", [record])
    assert list(table.cells.columns)[-1] == "来自OHIO"
    assert any("影响所及：OHIO的x" in note for note in table.notes)
    assert b"OHIO\xe5\x8f\x98\xe5\x8c\x96" in chinese.files("t", [record])["shock_OHIO_log(pcap)_sdm.svg"]


def test_of_very_many_units_there_are_quantiles(
    produc: dc.Panel, usaww: dc.Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digicarbon.packs.local_effects.report.local.MOST_REGIONS", 47)
    model = dc.SpatialPanel(**MODEL, kind="sdm")
    result = LocalEffects(model=model).added(model.fit(produc, usaww), produc, usaww)
    records = [Record(label, {}, {}, result) for label in ("a", "b")]
    alone, both = (LocalEffectTable(language="en").table("t", some).cells for some in (records[:1], records))
    assert list(alone.index) == ["0%", "25%", "50%", "75%", "100%"]
    effects = ["own effect", "received", "sent"]
    assert [str(column).rpartition(", ")[2] for column in alone] == effects
    assert [str(column).count(", ") for column in alone] == [1, 1, 1]
    assert [str(column) for column in both] == [f"{label}, {column}" for label in "ab" for column in alone]
    own = result.tables["local_effects"].loc[("log(pcap)", "own effect"), "coef"]
    shown = alone.iloc[:, 0].astype(float)
    assert shown.tolist() == pytest.approx([own.quantile(share) for share in (0, 0.25, 0.5, 0.75, 1)], abs=1e-4)


def test_a_map_of_one_run_has_the_title_and_those_of_several_their_runs(produc: dc.Panel, usaww: dc.Weights) -> None:
    model = dc.SpatialPanel(**MODEL, kind="sdm")
    result = LocalEffects(model=model).added(model.fit(produc, usaww), produc, usaww)
    records = [Record(label, {}, {}, result) for label in ("first run", "second run")]
    for some, titles in ((records[:1], ["A title"]), (records, ["first run", "second run"])):
        drawn = dict(LocalEffectTable(language="en").drawn("A title", some))
        assert [figure.get_suptitle() for figure in drawn.values()] == titles


def test_changes_in_several_units_stand_below_each_other_by_term(produc: dc.Panel, usaww: dc.Weights) -> None:
    spec = LocalEffects(
        model=dc.SpatialPanel(**MODEL, kind="sdm"), shocks=("OHIO", "ALABAMA"), variables=("unemp", "log(pcap)")
    )
    table = spec.tables(produc, usaww)["shocks"]
    units = len(produc.units)
    assert list(table.index.get_level_values(0)) == ["log(pcap)"] * 2 * units + ["unemp"] * 2 * units
    assert list(table.index.get_level_values(1)[: 2 * units]) == ["OHIO"] * units + ["ALABAMA"] * units
