"""Descriptive statistics, correlations and variance inflation factors against pandas, scipy and statsmodels."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from digicarbon.diagnostic import Correlation, Descriptive, Vif
from digicarbon.errors import ConfigError, DataError, EstimationError
from digicarbon.model import NoModel

# the same sums in another order
TOLERANCE = 1e-10
NAMES = ["log(gsp)", "log(pcap)", "unemp"]
CONTROLS = ("log(pc)", "log(emp)", "unemp")


@pytest.fixture(scope="module")
def gappy(produc: dc.Panel) -> dc.Panel:
    frame = produc.frame().reset_index().drop(index=[3, 50, 51, 400])
    return dc.Panel.from_frame(frame, "state", "year", gaps="keep")


def test_correlations_equal_scipy(gappy: dc.Panel) -> None:
    found = dc.correlation(gappy, NAMES)
    assert len(found) == 3
    frame = gappy.frame()
    for (first, second), row in found.iterrows():
        r, p = stats.pearsonr(frame[first], frame[second])
        assert row["r"] == pytest.approx(r, rel=TOLERANCE)
        assert row["p"] == pytest.approx(p, rel=1e-6, abs=1e-300)
        assert row["n"] == 812


def test_within_correlations_are_regressions_with_unit_effects(gappy: dc.Panel) -> None:
    found = dc.correlation(gappy, NAMES, kind="within")
    for (first, second), row in found.iterrows():
        # one regressor: the t of its coefficient is that of the correlation, with the same degrees of freedom
        fit = dc.PanelRegression(y=first, x=(second,), effects="unit").fit(gappy)
        assert row["p"] == pytest.approx(fit.estimates.loc[second, "p"], rel=1e-6)
        assert row["r"] ** 2 == pytest.approx(fit.statistics["r2_within"], rel=1e-8)
        assert np.sign(row["r"]) == np.sign(fit.estimates.loc[second, "coef"])


def test_between_correlations_are_those_of_unit_means(gappy: dc.Panel) -> None:
    means = gappy.frame().groupby(level=0)[NAMES].mean()
    found = dc.correlation(gappy, NAMES, kind="between")
    for (first, second), row in found.iterrows():
        r, p = stats.pearsonr(means[first], means[second])
        assert (row["r"], row["p"], row["n"]) == (pytest.approx(r), pytest.approx(p), 48)


def test_pooled_correlations_do_not_depend_on_units_of_measurement(produc: dc.Panel) -> None:
    scaled = produc.with_columns({"unemp": 100 - 3 * produc.array(["unemp"])[:, 0]})
    a, b = dc.correlation(produc, NAMES), dc.correlation(scaled, NAMES)
    signs = [1, -1, -1]
    np.testing.assert_allclose(b["r"], a["r"] * signs, rtol=1e-9)
    np.testing.assert_allclose(b["p"], a["p"], rtol=1e-6)


def test_the_table_has_stars_and_numbers_beside_it(produc: dc.Panel) -> None:
    tables = Correlation(variables=("log(gsp)", "unemp", "L.unemp"), decimals=2).tables(produc)
    cells = tables["correlation"]
    assert cells.loc["log(gsp)", "log(gsp)"] == "1.00"
    assert cells.loc["log(gsp)", "unemp"] == ""
    assert cells.loc["L.unemp", "unemp"].endswith("***")
    r = tables["correlation_r"]
    assert cells.loc["L.unemp", "unemp"] == f"{r.loc['L.unemp', 'unemp']:.2f}***"
    np.testing.assert_allclose(r, r.T)
    assert np.isnan(tables["correlation_p"].loc["unemp", "unemp"])


def test_exact_correlation_has_p_zero(produc: dc.Panel) -> None:
    doubled = produc.with_columns({"double": 2 * produc.array(["unemp"])[:, 0]})
    row = dc.correlation(doubled, ["unemp", "double"]).iloc[0]
    assert row["r"] == pytest.approx(1)
    assert row["p"] < 1e-300


def test_correlation_of_nothing_is_a_sentence(produc: dc.Panel) -> None:
    flat = produc.with_columns({"same": np.full(816, 0.1), "area": produc.unit_codes / 7.0})
    with pytest.raises(DataError, match="same does not vary, so that it has no correlation; leave it out"):
        dc.correlation(flat, ["unemp", "same"])
    with pytest.raises(DataError, match=r"area does not vary within units.*diagnostic\.kind=pooled"):
        dc.correlation(flat, ["unemp", "area"], kind="within")
    with pytest.raises(ConfigError, match="names must be two or more, each once"):
        dc.correlation(flat, ["unemp"])
    with pytest.raises(DataError, match="no column 'unempl'"):
        dc.correlation(flat, ["unempl", "unemp"])


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_inflation_factors_equal_statsmodels(gappy: dc.Panel, effects: str) -> None:
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    model = dc.PanelRegression(y="log(gsp)", x=("log(pcap)",), controls=CONTROLS, effects=effects)
    found = dc.vif(model, gappy)
    names = list(model.regressors)
    frame = gappy.frame()[names]
    plain = np.column_stack([np.ones(len(frame)), frame])
    np.testing.assert_allclose(
        found.loc[names, "raw"], [variance_inflation_factor(plain, j) for j in range(1, 5)], rtol=1e-8
    )
    index = frame.index.to_frame(index=False)
    columns = {"none": [], "unit": ["state"], "time": ["year"], "two_way": ["state", "year"]}[effects]
    explicit = plain
    if columns:
        dummies = pd.get_dummies(index[columns].astype(str), drop_first=True, dtype=float)
        explicit = np.column_stack([plain, dummies])
    after = pd.Series([_r2_given(explicit, j) for j in range(1, 5)], index=names)
    np.testing.assert_allclose(found.loc[names, "within_r2"], after, rtol=1e-6)
    np.testing.assert_allclose(found.loc[names, "within"], 1 / (1 - after), rtol=1e-6)
    assert found.loc["mean", "raw"] == pytest.approx(found.loc[names, "raw"].mean())


def _r2_given(design: np.ndarray, j: int) -> float:
    """R² of regressor j on the other three, constant and dummies partialled out by least squares."""
    base = np.delete(design, [1, 2, 3, 4], axis=1)
    left = design[:, 1:5] - base @ np.linalg.lstsq(base, design[:, 1:5], rcond=None)[0]
    others = np.delete(left, j - 1, axis=1)
    residual = left[:, j - 1] - others @ np.linalg.lstsq(others, left[:, j - 1], rcond=None)[0]
    return 1 - float(residual @ residual) / float(left[:, j - 1] @ left[:, j - 1])


def test_inflation_factors_are_the_variance_over_that_of_uncorrelated_regressors(produc: dc.Panel) -> None:
    model = dc.PanelRegression(y="log(gsp)", x=("log(pcap)",), controls=CONTROLS, effects="two_way")
    factor = dc.vif(model, produc).loc["unemp", "within"]
    fit = model.fit(produc)
    values = produc.array(["unemp"]).reshape(48, 17)
    left = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
    alone = fit.statistics["sigma2"] / float((left**2).sum())
    assert fit.estimates.loc["unemp", "se"] ** 2 / alone == pytest.approx(factor, rel=1e-8)


def test_inflation_factors_that_do_not_exist_are_sentences(produc: dc.Panel) -> None:
    twice = produc.with_columns({"double": 2 * produc.array(["unemp"])[:, 0] + 1})
    model = dc.PanelRegression(y="log(gsp)", x=("unemp", "double"))
    with pytest.raises(EstimationError, match="double is an exact linear combination of unemp, so that its variance"):
        dc.vif(model, twice)
    with pytest.raises(ConfigError, match="need a model with regressors"):
        Vif(model=NoModel()).check(produc)
    spatial = dc.SpatialPanel(y="log(gsp)", x=("unemp", "log(pc)"), kind="sar", effects="unit")
    assert list(Vif(model=spatial).tables(produc)["vif"].index) == ["unemp", "log(pc)", "mean"]


def test_descriptive_statistics_equal_pandas_and_scipy(gappy: dc.Panel) -> None:
    found = dc.descriptive(gappy, ["unemp", "L.unemp"], ranges=True, percentiles=(1, 25, 99), shape=True)
    made = gappy.with_terms(["L.unemp"]).frame()
    series = made["unemp"]
    row = found.loc["unemp"]
    means = series.groupby(level=0).mean()
    within = series - series.groupby(level=0).transform("mean") + series.mean()
    assert (row["n"], row["units"]) == (len(series), 48)
    assert row["t_bar"] == pytest.approx(len(series) / 48)
    assert row["sd_between"] == pytest.approx(means.std())
    assert row["sd_within"] == pytest.approx(within.std())
    for name, values in (("between", means), ("within", within)):
        assert row[f"min_{name}"] == pytest.approx(values.min())
        assert row[f"max_{name}"] == pytest.approx(values.max())
    assert row["skewness"] == pytest.approx(stats.skew(series))
    assert row["kurtosis"] == pytest.approx(stats.kurtosis(series, fisher=False))
    assert row["p25"] == np.percentile(series, 25, method="averaged_inverted_cdf")
    assert list(found.columns[-5:]) == ["p1", "p25", "p99", "skewness", "kurtosis"]


def test_percentiles_are_those_of_stata(produc: dc.Panel) -> None:
    # Stata: nq whole takes the mean of two values, else the next one
    frame = pd.DataFrame({"u": list("aabbcc"), "t": [1, 2] * 3, "v": [1.0, 2.0, 3.0, 4.0, 10.0, 20.0]})
    row = dc.descriptive(dc.Panel.from_frame(frame, "u", "t"), ["v"], percentiles=(25, 50, 90)).loc["v"]
    assert (row["p25"], row["p50"], row["p90"]) == (2.0, 3.5, 20.0)


def test_a_constant_has_no_shape_and_a_name_stands_once(produc: dc.Panel) -> None:
    flat = produc.with_columns({"same": np.ones(816)})
    row = dc.descriptive(flat, ["same"], shape=True).loc["same"]
    assert row["sd"] == 0
    assert np.isnan(row["skewness"])
    with pytest.raises(ValueError, match="variables names unemp more than once"):
        Descriptive(variables=("unemp", "unemp"))


@pytest.mark.parametrize("nothing", [None, [], (), 3, [None], ["unemp", 3], [""]])
def test_no_names_are_a_sentence(produc: dc.Panel, nothing: object) -> None:
    for function in (dc.descriptive, dc.correlation):
        with pytest.raises(ConfigError, match="names must be one or more names of columns or terms"):
            function(produc, nothing)


def test_a_text_is_a_single_name(produc: dc.Panel) -> None:
    pd.testing.assert_frame_equal(dc.descriptive(produc, "unemp"), dc.descriptive(produc, ["unemp"]))
    with pytest.raises(ConfigError, match=r"names must be two or more, each once; .* Got unemp\."):
        dc.correlation(produc, "unemp")
    with pytest.raises(ConfigError, match="names must be two or more"):
        dc.correlation(produc, ["unemp", "unemp"])
    with pytest.raises(ConfigError, match=r"kind must be one of pooled, within, between; got 'withn'.*'within'"):
        dc.correlation(produc, ["unemp", "log(pc)"], kind="withn")


def test_wrong_arguments_of_descriptive_statistics(produc: dc.Panel) -> None:
    for percentiles, sentence in (
        (50, r"percentiles must be a list of numbers from 0 to 100.*got 50"),
        ("50", "percentiles must be a list of numbers"),
        (["a"], "percentiles: each must be a finite number; got 'a'"),
        ([float("nan")], "percentiles: each must be a finite number; got nan"),
        ([50, 101], "percentiles must lie from 0 to 100; got 101"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            dc.descriptive(produc, ["unemp"], percentiles=percentiles)
    with pytest.raises(ConfigError, match="more than once"):
        dc.descriptive(produc, ["unemp", "unemp"])
    with pytest.raises(
        ConfigError, match=r"descriptive\.shape: must be a boolean; got 'yes'|descriptive\.shape.*got 'yes'"
    ):
        dc.descriptive(produc, ["unemp"], shape="yes")
    assert "p50" in dc.descriptive(produc, ["unemp"], percentiles=np.array([50]))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 / 3])
def test_a_constant_has_no_shape(produc: dc.Panel, value: float) -> None:
    flat = produc.with_columns({"flat": np.full(816, value)})
    found = dc.descriptive(flat, ["flat", "unemp"], shape=True)
    assert found.loc["flat", ["skewness", "kurtosis"]].isna().all()
    assert np.isfinite(found.loc["unemp", ["skewness", "kurtosis"]]).all()


def test_vif_of_no_model_is_a_sentence(produc: dc.Panel) -> None:
    for wrong, got in ((None, "nothing"), (["unemp"], "a list"), (produc, "a Panel")):
        with pytest.raises(ConfigError, match=rf"The variance inflation factor is for a model, .*; got {got}\."):
            dc.vif(wrong, produc)


def test_descriptive_statistics_equal_xtsum_by_hand() -> None:
    import pandas as pd

    frame = pd.DataFrame({"u": ["a", "a", "b", "b"], "t": [1, 2, 1, 2], "v": [1.0, 3.0, 5.0, 7.0]})
    row = Descriptive(variables=("v",)).tables(dc.Panel.from_frame(frame, "u", "t"))["descriptive"].loc["v"]
    assert row["n"] == 4
    assert row["mean"] == 4
    assert row["sd"] == pytest.approx(np.std([1, 3, 5, 7], ddof=1))
    assert row["sd_between"] == pytest.approx(np.std([2, 6], ddof=1))
    assert row["sd_within"] == pytest.approx(np.sqrt(4 / 3))
    assert (row["min"], row["median"], row["max"]) == (1, 4, 7)
