"""What `diagnose` says of a panel regression: which tests, on which rows, against plm where it has them."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import reference

from digicarbon.diagnostic import choose_panel_model
from digicarbon.diagnostic._rows import Row, where_possible
from digicarbon.errors import DigicarbonError, EstimationError
from digicarbon.note import Note

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


def test_periods_without_an_order_stop_the_tests_for_serial_correlation_alone(produc: dc.Panel) -> None:
    frame = produc.frame().reset_index()
    labels = {year: f"wave {chr(ord('a') + (5 * year) % 17)}" for year in produc.periods}
    waves = dc.Panel.from_frame(frame.replace({produc.time_name: labels}), produc.unit_name, produc.time_name)
    found, expected = diagnosed(waves, "two_way"), diagnosed(produc, "two_way")
    assert found.loc[SERIAL, "null"].str.startswith("Not tested: the order of the periods is not known").all()
    others = [test for test in expected.index if test not in (*SERIAL, "CDw")]
    np.testing.assert_allclose(found.loc[others, "statistic"], expected.loc[others, "statistic"], rtol=1e-9)
    path = choose_panel_model(dc.PanelRegression(y="log(gsp)", x=X, effects="unit"), waves)
    assert "serial correlation could not be tested" in path.iloc[-1]["decision"]


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


def small(units: int, periods: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    unit, period = (codes.ravel() for codes in np.indices((units, periods)))
    data = pd.DataFrame({"unit": unit, "year": 2000 + period})
    return data.assign(**{name: rng.normal(size=len(unit)) for name in ("y", "x", "z")})


def diagnosed_small(data: pd.DataFrame, **fields: str) -> pd.DataFrame:
    whole = dc.Panel.from_frame(data, "unit", "year", gaps="keep")
    return dc.diagnose(dc.PanelRegression(y="y", x=("x",), **fields), whole).set_index("test")


def test_units_with_one_row_leave_the_other_tests_standing() -> None:
    """Sums of period dummies by unit are collinear where all other units are complete."""
    data = small(12, 7)
    found = diagnosed_small(data[(data["unit"] >= 2) | (data["year"] == 2000)], effects="two_way")
    words = found.loc["Hausman", "null"]
    assert words.startswith("Not tested: The regressors' means of units are collinear in this unbalanced panel")
    assert np.isnan(found.loc["Hausman", "p"])
    assert np.isfinite(found.loc[["F unit effects", "Breusch-Pagan unit"], "p"]).all()


def test_one_unit_has_no_test_of_units() -> None:
    found = diagnosed_small(small(1, 9), effects="none")
    assert found.loc["Baltagi-Li", "null"].startswith("Not tested: A test for serial correlation with clusters by unit")
    lm = found.loc[EFFECTS[5:]]
    assert lm["null"].str.startswith("Not tested: it takes").all()
    assert lm[["statistic", "p"]].isna().all(axis=None)
    assert np.isfinite(found.loc["Koenker", "p"])


def test_one_period_has_no_test_of_effects() -> None:
    found = diagnosed_small(small(30, 1), effects="none")
    tested = found[~found["null"].str.startswith("Not tested: ")]
    assert set(tested.index) == {"Koenker"}
    assert set(EFFECTS) <= set(found.index)


@pytest.mark.long
def test_small_panels_never_end_in_an_error_of_linear_algebra() -> None:
    """Every form and size: a table, or a sentence; and a row without p says why."""
    rng = np.random.default_rng(1)
    tables = 0
    for seed in range(150):
        n, t = int(rng.integers(1, 8)), int(rng.integers(1, 6))
        data = small(n, t, seed).assign(
            c=lambda table: table["unit"] ** 2.0, d=lambda table: (table["year"] % 7.0) ** 3
        )
        data = data[rng.uniform(size=len(data)) < rng.choice([1, 0.7])]
        x = ("x", *rng.choice(["z", "c", "d"], size=int(rng.integers(0, 2)), replace=False).tolist())
        effects = ("none", "unit", "time", "two_way", "random", "random_time", "random_two_way")
        variance = str(rng.choice(["swamy_arora", "wallace_hussain", "amemiya"]))
        try:
            model = dc.PanelRegression(y="y", x=x, effects=str(rng.choice(effects)), variance=variance)
            found = dc.diagnose(model, dc.Panel.from_frame(data, "unit", "year", gaps="keep"))
        except DigicarbonError:
            continue
        tables += 1
        silent = found[found["p"].isna() & ~found["null"].str.contains("Not tested: |not informative")]
        assert silent.empty, silent.to_string()
    assert tables > 60


def test_a_matrix_without_inverse_is_a_row() -> None:
    def made() -> list[Row]:
        return [Row("a", Note("equal_units"), float(np.linalg.inv(np.zeros((2, 2)))[0, 0]))]

    (row,) = where_possible("a", made)
    assert str(row.null).startswith("Not tested: a matrix of this test has no inverse in this panel")
    assert np.isnan(row.p)
