"""The table of all tests, the decision path, and the specifications that run them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.diagnostic import Choice, Diagnose, PanelChoice, choose
from digicarbon.diagnostic._rows import in_english
from digicarbon.errors import ConfigError, WeightsError
from digicarbon.model import DynamicPanel, NoModel
from digicarbon.note import Note
from digicarbon.spec import build

X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
LM = ["LM lag", "LM error", "robust LM lag", "robust LM error", "Moran's I of residuals"]
NESTED = ["LR SDM to SAR", "Wald SDM to SAR", "LR SDM to SEM", "Wald SDM to SEM"]
EFFECTS = ["LR unit effects", "LR unit effects, bootstrap", "LR time effects", "LR time effects, bootstrap"]


def spatial(**fields: object) -> dc.SpatialPanel:
    return dc.SpatialPanel(**{"y": "log(gsp)", "x": X, "kind": "sdm", **fields})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"kind": "sdm"}, [*LM, *NESTED, "Hausman", *EFFECTS, "CDw"]),
        ({"kind": "sem", "effects": "unit"}, [*LM, *NESTED, "Hausman", *EFFECTS, "CD"]),
        ({"kind": "sar", "effects": "random"}, ["LM", *NESTED, "Hausman", *EFFECTS, "CD"]),
        ({"kind": "sdem", "effects": "time"}, [*LM, "Hausman", *EFFECTS, "CDw"]),
        ({"kind": "slx", "effects": "none"}, [*LM, "Hausman", "LR effects", "CD"]),
        ({"kind": "sdm", "durbin": ()}, [*LM, *NESTED, "Hausman", *EFFECTS, "CDw"]),
        ({"kind": "sdm", "cov": "robust"}, [*LM, *NESTED, "Hausman", *EFFECTS, "CDw"]),
    ],
)
def test_tests_that_apply_to_a_spatial_model(
    produc: dc.Panel, usaww: dc.Weights, fields: dict[str, object], expected: list[str]
) -> None:
    found = dc.diagnose(spatial(**fields), produc, usaww, draws=1)
    assert list(found.columns) == ["test", "null", "statistic", "df", "df2", "p"]
    assert list(found["test"]) == expected
    assert list(found.index) == list(range(len(expected)))
    assert found["null"].str.endswith(".").all()
    tested = ~found["null"].str.startswith("Not tested")
    assert found.loc[tested, "statistic"].notna().all()
    assert found.loc[~tested, ["statistic", "p"]].isna().all(axis=None)
    assert found["p"].dropna().between(0, 1).all()


def test_tests_that_apply_to_a_regression(produc: dc.Panel, usaww: dc.Weights) -> None:
    regression = dc.PanelRegression(y="log(gsp)", x=X, effects="two_way")
    without = list(dc.diagnose(regression, produc)["test"])
    assert list(dc.diagnose(regression, produc, usaww)["test"]) == [*LM, *without]
    assert {"F unit effects", "Hausman, robust", "Koenker", "CDw"} <= set(without)


def test_unit_order_changes_nothing(produc: dc.Panel, usaww: dc.Weights) -> None:
    order = np.random.default_rng(1).permutation(48)
    shuffled_w = dc.Weights.from_matrix(usaww.dense()[np.ix_(order, order)], [usaww.labels[i] for i in order])
    shuffled = dc.Panel.from_frame(produc.frame().reset_index().sample(frac=1, random_state=1), "state", "year")
    one, two = (dc.diagnose(spatial(), panel, w, draws=9) for panel, w in ((produc, usaww), (shuffled, shuffled_w)))
    pd.testing.assert_frame_equal(one.drop(columns="null"), two.drop(columns="null"), rtol=1e-6)


def test_models_without_tests_and_missing_weights_are_refused(produc: dc.Panel, usaww: dc.Weights) -> None:
    with pytest.raises(ConfigError, match="no tests for a NoModel"):
        dc.diagnose(NoModel(), produc, usaww)
    with pytest.raises(WeightsError, match="needs spatial weights"):
        dc.diagnose(spatial(), produc)
    with pytest.raises(ConfigError, match="needs a spatial model"):
        choose(dc.PanelRegression(y="log(gsp)", x=X), produc, usaww)


@pytest.mark.parametrize("kind", [Diagnose, Choice, PanelChoice])
def test_a_model_that_has_no_such_tests_is_refused_before_anything_is_fitted(
    produc: dc.Panel, usaww: dc.Weights, kind: type[Diagnose | Choice | PanelChoice]
) -> None:
    with pytest.raises(ConfigError, match=r"no tests for|needs a"):
        kind(model=DynamicPanel(y="log(gsp)", x=X)).check(produc, usaww)


def test_specification_takes_a_configuration_node(produc: dc.Panel, usaww: dc.Weights) -> None:
    node = {
        "_target_": "digicarbon.diagnostic.Diagnose",
        "model": {"_target_": "digicarbon.model.SpatialPanel", "y": "log(gsp)", "x": list(X), "kind": "sar"},
        "draws": 3,
    }
    spec = build(node, Diagnose, "diagnostic")
    assert spec.model == spatial(kind="sar")
    # the content hash must see the model's own fields
    assert spec.model_dump(mode="json")["model"]["kind"] == "sar"
    assert spec.terms == ("log(gsp)", *X)
    found = spec.tables(produc, usaww)["tests"]
    expected = dc.diagnose(spatial(kind="sar"), produc, usaww, draws=3).set_index("test")
    assert all(isinstance(null, Note) for null in found["null"])
    pd.testing.assert_frame_equal(in_english(found), expected)
    with pytest.raises(ConfigError, match=r"diagnostic.model.kind must be one of"):
        build({**node, "model": {**node["model"], "kind": "sdn"}}, Diagnose, "diagnostic")


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


def test_logarithms_that_are_no_columns_are_tested(produc: dc.Panel, usaww: dc.Weights) -> None:
    levels = produc.with_columns({"gsp": np.exp(produc.column("log(gsp)")), "pcap": np.exp(produc.column("log(pcap)"))})
    logs = dc.PanelRegression(y="ln_gsp", x=("ln_pcap",), controls=("unemp",))
    columns = dc.PanelRegression(y="log(gsp)", x=("log(pcap)",), controls=("unemp",))
    expected = dc.diagnose(columns, produc, usaww, draws=0)
    result = dc.diagnose(logs, levels, usaww, draws=0)
    assert list(result["test"]) == list(expected["test"])
    assert result["statistic"].to_numpy() == pytest.approx(expected["statistic"].to_numpy(), rel=1e-6, nan_ok=True)
