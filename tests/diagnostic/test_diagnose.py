"""The table of all tests, the decision path, and the specifications that run them."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import Diagnose, PanelChoice
from digicarbon.diagnostic._rows import in_english
from digicarbon.errors import ConfigError, WeightsError
from digicarbon.model import NoModel
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


@pytest.mark.parametrize("kind", [Diagnose, PanelChoice])
def test_a_model_that_has_no_such_tests_is_refused_before_anything_is_fitted(
    produc: dc.Panel, usaww: dc.Weights, kind: type[Diagnose | PanelChoice]
) -> None:
    with pytest.raises(ConfigError, match=r"no tests for|needs a"):
        kind(model=NoModel()).check(produc, usaww)


def test_specification_takes_a_configuration_node(produc: dc.Panel, usaww: dc.Weights) -> None:
    model = {"_target_": "digicarbon.model.SpatialPanel", "y": "log(gsp)", "x": list(X), "kind": "sar"}
    node = {
        "_target_": "digicarbon.diagnostic.Diagnose",
        "model": model | {"cov": "classic", "test": "errors"},
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


def test_logarithms_that_are_no_columns_are_tested(produc: dc.Panel, usaww: dc.Weights) -> None:
    levels = produc.with_columns({"gsp": np.exp(produc.column("log(gsp)")), "pcap": np.exp(produc.column("log(pcap)"))})
    logs = dc.PanelRegression(y="ln_gsp", x=("ln_pcap",), controls=("unemp",))
    columns = dc.PanelRegression(y="log(gsp)", x=("log(pcap)",), controls=("unemp",))
    expected = dc.diagnose(columns, produc, usaww, draws=0)
    result = dc.diagnose(logs, levels, usaww, draws=0)
    assert list(result["test"]) == list(expected["test"])
    assert result["statistic"].to_numpy() == pytest.approx(expected["statistic"].to_numpy(), rel=1e-6, nan_ok=True)
