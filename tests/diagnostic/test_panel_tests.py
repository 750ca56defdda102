"""What `diagnose` says of a panel regression: which tests, on which rows, against plm where it has them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import reference

import digicarbon as dc
from digicarbon.diagnostic import choose_panel_model
from digicarbon.errors import EstimationError

# closed forms on both sides
TOLERANCE = 1e-8
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
PLM = reference("produc_panel_tests")
EFFECTS = [
    "F unit effects",
    "F time effects",
    "F two-way effects",
    "F time beside unit effects",
    "F unit beside time effects",
    "Breusch-Pagan unit",
    "Breusch-Pagan unit, half p",
    "Honda unit",
    "Breusch-Pagan time",
    "Breusch-Pagan time, half p",
    "Honda time",
    "Breusch-Pagan two-way",
    "Honda two-way",
    "King-Wu two-way",
    "Gourieroux-Holly-Monfort",
]
HAUSMAN = ["Hausman", "Hausman, sigmamore", "Hausman, sigmaless", "Hausman, auxiliary", "Hausman, robust"]
SERIAL = [
    "Wooldridge, within residuals",
    "Wooldridge, first differences",
    "Wooldridge, differenced errors",
    "Breusch-Godfrey",
    "Baltagi-Li",
]
PAIRS = ["LM of pairs", "scaled LM", "corrected scaled LM"]
COMMON = {
    "F unit effects": "a.pFtest.fe_ind",
    "F time effects": "a.pFtest.fe_time",
    "F two-way effects": "a.pFtest.fe_two",
    "F time beside unit effects": "a.pFtest.two_vs_ind",
    "Breusch-Pagan unit": "a.plmtest.individual.bp",
    "Honda time": "a.plmtest.time.honda",
    "King-Wu two-way": "a.plmtest.twoways.kw",
    "Gourieroux-Holly-Monfort": "a.plmtest.twoways.ghm",
    "Baltagi-Li": "a.pbltest",
}
OWN = {
    "none": {
        "Koenker": "a.bptest.pooling",
        "CD": "a.pcdtest.pooling.cd",
        "LM of pairs": "a.pcdtest.pooling.lm",
        "scaled LM": "a.pcdtest.pooling.sclm",
    },
    "unit": {
        "Hausman": "a.phtest.ind.chisq",
        "Hausman, auxiliary": "a.phtest.ind.aux",
        "Wooldridge, within residuals": "a.pwartest.fe_ind",
        "Wooldridge, differenced errors": "a.pwfdtest",
        "Breusch-Godfrey": "a.pbgtest.fe_ind",
        "CD": "a.pcdtest.fe_ind.cd",
        "corrected scaled LM": "a.pcdtest.fe_ind.bcsclm",
    },
    "random_two_way": {"Hausman": "a.phtest.two.chisq", "LM of pairs": "a.pcdtest.fe_two.lm"},
}


def diagnosed(panel: dc.Panel, effects: str, **fields: object) -> pd.DataFrame:
    model = dc.PanelRegression(**{"y": "log(gsp)", "x": X, "effects": effects, **fields})
    return dc.diagnose(model, panel).set_index("test")


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way", "random", "random_time", "random_two_way"])
def test_every_effects_has_all_tests(produc: dc.Panel, effects: str) -> None:
    found = diagnosed(produc, effects)
    time = effects in ("time", "two_way", "random_time", "random_two_way")
    assert list(found.index) == [*EFFECTS, *HAUSMAN, *SERIAL, "Koenker", "CDw" if time else "CD", *PAIRS]
    assert list(found.columns) == ["null", "statistic", "df", "df2", "p"]
    assert found["null"].str.endswith(".").all()
    untested = found.index[found["p"].isna()]
    pooled_pairs = {"corrected scaled LM"} if effects in ("none", "time", "random_time") else set()
    assert set(untested) == pooled_pairs
    assert found.loc[untested, "null"].str.startswith("Not tested").all()
    assert found["p"].dropna().between(0, 1).all()


@pytest.mark.parametrize("effects", OWN)
def test_statistics_equal_plm(produc: dc.Panel, effects: str) -> None:
    found = diagnosed(produc, effects)
    # with time effects among the regressors Baltagi and Li's test has period dummies, which plm's record has not
    common = {name: record for name, record in COMMON.items() if effects != "random_two_way" or name != "Baltagi-Li"}
    for name, record in {**common, **OWN[effects]}.items():
        assert found.loc[name, "statistic"] == pytest.approx(PLM[record]["statistic"], rel=TOLERANCE)
        assert found.loc[name, "p"] == pytest.approx(PLM[record]["p"], rel=1e-6)
        df = PLM[record]["df"]
        if isinstance(df, list) and len(df) == 2:
            assert found.loc[name, ["df", "df2"]].tolist() == df


def test_unbalanced_panels_have_every_test_that_exists_for_them(produc: dc.Panel) -> None:
    gaps = produc.rows(np.random.default_rng(2).random(816) > 0.2)
    for effects in ("none", "unit", "two_way", "random"):
        found = diagnosed(gaps, effects)
        missing = {"Wooldridge, within residuals", "Baltagi-Li"}
        missing |= {"CDw"} if effects == "two_way" else set()
        missing |= {"corrected scaled LM"} if effects == "none" else set()
        assert set(found.index[found["p"].isna()]) == missing
        assert found.loc[sorted(missing), "null"].str.startswith("Not tested: ").all()


def test_what_cannot_be_tested_is_a_row_and_not_an_error(produc: dc.Panel) -> None:
    short = produc.select(periods=[1970, 1971])
    found = diagnosed(short, "unit")
    for name in ("Wooldridge, within residuals", "Baltagi-Li", "Wooldridge, first differences"):
        assert found.loc[name, "null"].startswith("Not tested: ")
    assert np.isfinite(found.loc["F unit effects", "p"])
    few = produc.select(periods=[1970, 1971, 1972, 1973])
    hausman = diagnosed(few, "random_time", variance="nerlove").loc["Hausman", "statistic"]
    assert np.isfinite(hausman)
    # Swamy and Arora cannot estimate the variance of four periods with four regressors
    refused = diagnosed(few, "time")
    assert "identify 5" in refused.loc["Hausman", "null"]


def test_a_covariance_stops_no_test(produc: dc.Panel) -> None:
    plain = diagnosed(produc, "unit")
    for fields in ({"cov": "conley"}, {"cov": "cluster", "cluster": "time"}, {"estimator": "lsdv"}):
        pd.testing.assert_frame_equal(diagnosed(produc, "unit", **fields), plain)


def test_terms_may_be_expressions(produc: dc.Panel) -> None:
    model = dc.PanelRegression(y="log(gsp)", x=("unemp", "L.unemp", "unemp^2"), effects="two_way")
    expanded = produc.with_terms(model.terms)
    direct = dc.PanelRegression(y="log(gsp)", x=tuple(expanded.expanded(model.x)), effects="two_way")
    pd.testing.assert_frame_equal(dc.diagnose(model, produc), dc.diagnose(direct, expanded))


def test_flat_units_exact_fits_and_single_units_give_sentences(produc: dc.Panel) -> None:
    y = produc.array(["log(gsp)"])[:, 0].copy()
    x = produc.array(["unemp"])[:, 0].copy()
    first = produc.unit_codes == 0
    y[first], x[first] = 1.0, 2.0
    flat = produc.with_columns({"y": y, "x": x})
    found = dc.diagnose(dc.PanelRegression(y="y", x=("x",), effects="unit"), flat).set_index("test")
    # the classic contrast may be negative; every other test has its p value
    assert np.isfinite(found["p"].drop("Hausman")).all()
    exact = produc.with_columns({"y": 2 * x + 1, "x": x})
    with pytest.raises(EstimationError, match="explain y exactly"):
        dc.diagnose(dc.PanelRegression(y="y", x=("x",), effects="unit"), exact)
    one = produc.select(units=produc.units[:1])
    alone = dc.diagnose(dc.PanelRegression(y="log(gsp)", x=("unemp",), effects="none"), one).set_index("test")
    for name in ("Wooldridge, first differences", "CD", "F unit effects", "Hausman"):
        assert alone.loc[name, "null"].startswith("Not tested: ")
    path = choose_panel_model(dc.PanelRegression(y="log(gsp)", x=("unemp",), effects="none"), one)
    assert path.iloc[-1]["decision"].startswith("Pooled regression")
