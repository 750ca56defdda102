"""Panel regressions against R (plm, fixest) on the Produc panel."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import reference

import digicarbon as dc
from digicarbon.errors import DataError, EstimationError

# R prints 17 digits; two QR decompositions of a 816 x 5 design with condition 1e5 agree to about 1e-12
TOLERANCE = 1e-10
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
EFFECTS = {"ind": "unit", "time": "time", "two": "two_way"}
R = reference("produc_regression")


def named(values: dict[str, float]) -> pd.Series:
    return pd.Series(values).rename({"(Intercept)": "const"})


def compare(record: str, result: dc.Result, se: str | None = None) -> None:
    values = R[record]
    if "coef" in values:
        expected = named(values["coef"])
        np.testing.assert_allclose(result.estimates.loc[expected.index, "coef"], expected, rtol=TOLERANCE)
    expected = named(values["se"] if se is None else values["se"][se])
    np.testing.assert_allclose(result.estimates.loc[expected.index, "se"], expected, rtol=TOLERANCE)
    for ours, theirs in (("r2_within", "r2_within"), ("r2", "r2"), ("loglik", "ll")):
        if theirs in values:
            assert result.statistics[ours] == pytest.approx(values[theirs], rel=TOLERANCE)


@pytest.mark.parametrize(
    ("record", "se", "fields"),
    [
        ("a.plm.pooling", "classic", {"effects": "none", "cov": "classic"}),
        ("a.plm.pooling", "arellano_group_HC0", {"effects": "none", "cov": "cluster", "small_sample": "none"}),
        *[(f"a.plm.fe_{r}", "classic", {"effects": e, "cov": "classic"}) for r, e in EFFECTS.items()],
        *[
            (
                f"a.plm.fe_{r}",
                f"arellano_{by}_HC0",
                {"effects": e, "cov": "cluster", "small_sample": "none", "cluster": c},
            )
            for r, e in EFFECTS.items()
            for by, c in (("group", "unit"), ("time", "time"))
        ],
        *[(f"a.feols.fe_{r}.iid", None, {"effects": e, "cov": "classic"}) for r, e in EFFECTS.items()],
        *[(f"a.feols.fe_{r}.hetero", None, {"effects": e, "cov": "robust"}) for r, e in EFFECTS.items()],
        *[(f"a.feols.fe_{r}.cl_id", None, {"effects": e, "cov": "cluster"}) for r, e in EFFECTS.items()],
        *[
            (f"a.feols.fe_{r}.cl_time", None, {"effects": e, "cov": "cluster", "cluster": "time"})
            for r, e in EFFECTS.items()
        ],
        *[
            (f"a.feols.fe_{r}.cl_id.ssc_Kfull_GTRUE", None, {"effects": e, "cov": "cluster", "small_sample": "full"})
            for r, e in EFFECTS.items()
        ],
        *[
            (f"a.feols.fe_{r}.cl_id.noK", None, {"effects": e, "cov": "cluster", "small_sample": "none"})
            for r, e in EFFECTS.items()
        ],
    ],
)
def test_equals_r(produc: dc.Panel, record: str, se: str | None, fields: dict[str, str]) -> None:
    compare(record, dc.PanelRegression(y="log(gsp)", x=X, **fields).fit(produc), se)


def test_rule_g_is_the_grouped_factor_alone(produc: dc.Panel) -> None:
    none, g = (
        dc.PanelRegression(y="log(gsp)", x=X, cov="cluster", small_sample=rule).fit(produc) for rule in ("none", "g")
    )
    np.testing.assert_allclose(g.vcov, none.vcov * 48 / 47, rtol=1e-14)


@pytest.mark.parametrize(
    ("fields", "df"),
    [
        ({"cov": "classic"}, 816 - 4 - 48 - 17 + 1),
        ({"cov": "cluster"}, 47),
        ({"cov": "cluster", "cluster": "time"}, 16),
        ({"cov": "cluster", "df": "residual"}, 816 - 4 - 48 - 17 + 1),
        ({"cov": "robust", "effects": "none"}, 816 - 5),
    ],
)
def test_p_values_come_from_t_with_the_stated_degrees(produc: dc.Panel, fields: dict[str, str], df: int) -> None:
    from scipy import stats

    found = dc.PanelRegression(y="log(gsp)", x=X, **fields).fit(produc).estimates
    np.testing.assert_allclose(found["p"], 2 * stats.t.sf(np.abs(found["stat"]), df), rtol=1e-9)
    half = stats.t.ppf(0.975, df) * found["se"]
    np.testing.assert_allclose(found["high"], found["coef"] + half, rtol=1e-9)
    np.testing.assert_allclose(found["low"], found["coef"] - half, rtol=1e-9)


def test_information_criteria_count_effects_and_not_sigma(produc: dc.Panel) -> None:
    s = dc.PanelRegression(y="log(gsp)", x=X, effects="two_way").fit(produc).statistics
    k = 4 + 48 + 17 - 1
    assert s["aic"] == pytest.approx(2 * k - 2 * s["loglik"])
    assert s["bic"] == pytest.approx(np.log(816) * k - 2 * s["loglik"])
    assert (s["nobs"], s["n_units"], s["n_periods"], s["df_resid"]) == (816, 48, 17, 816 - k)


def test_unbalanced_panel_equals_explicit_dummies(produc: dc.Panel) -> None:
    frame = produc.frame().reset_index().drop(index=[3, 50, 51, 400])
    panel = dc.Panel.from_frame(frame, "state", "year", gaps="keep")
    found = dc.PanelRegression(y="log(gsp)", x=X, effects="two_way").fit(panel)
    dummies = pd.get_dummies(frame[["state", "year"]].astype(str), drop_first=True, dtype=float)
    design = np.column_stack([frame[list(X)], np.ones(len(frame)), dummies])
    y = frame["log(gsp)"].to_numpy()
    beta = np.linalg.lstsq(design, y, rcond=None)[0]
    e = y - design @ beta
    variance = e @ e / (len(y) - design.shape[1]) * np.linalg.inv(design.T @ design)
    np.testing.assert_allclose(found.estimates["coef"], beta[:4], rtol=1e-7)
    np.testing.assert_allclose(found.estimates["se"], np.sqrt(np.diag(variance))[:4], rtol=1e-7)


def test_row_order_does_not_matter(produc: dc.Panel) -> None:
    shuffled = dc.Panel.from_frame(produc.frame().reset_index().sample(frac=1, random_state=1), "state", "year")
    model = dc.PanelRegression(y="log(gsp)", x=X)
    pd.testing.assert_frame_equal(model.fit(shuffled).estimates, model.fit(produc).estimates)


def test_focal_and_controls_are_fitted_together(produc: dc.Panel) -> None:
    split = dc.PanelRegression(y="log(gsp)", x=X[:1], controls=X[1:]).fit(produc)
    together = dc.PanelRegression(y="log(gsp)", x=X).fit(produc)
    assert split.focal == X[:1]
    pd.testing.assert_frame_equal(split.estimates, together.estimates)


def test_few_clusters_are_refused(produc: dc.Panel) -> None:
    three = produc.select(units=produc.units[:3])
    with pytest.raises(EstimationError, match=r"3 clusters by unit are too few .* inference=classic"):
        dc.PanelRegression(y="log(gsp)", x=X, cov="cluster").fit(three)
    assert dc.PanelRegression(y="log(gsp)", x=X, cov="classic").fit(three).statistics["df_resid"] == 51 - 4 - 19


def with_column(panel: dc.Panel, name: str, values: np.ndarray) -> dc.Panel:
    return panel.with_columns({name: values})


def test_absorbed_and_collinear_regressors_are_named(produc: dc.Panel) -> None:
    by_unit = with_column(produc, "area", produc.unit_codes.astype(float))
    with pytest.raises(
        EstimationError, match="area does not vary within units and periods, so two_way effects absorb it"
    ):
        dc.PanelRegression(y="log(gsp)", x=("area", "unemp")).fit(by_unit)
    twice = with_column(produc, "double", 2 * produc.array(["unemp"])[:, 0] + produc.period_codes)
    with pytest.raises(EstimationError, match="double is collinear with unemp after two_way effects"):
        dc.PanelRegression(y="log(gsp)", x=("unemp", "double")).fit(twice)


def test_one_period_with_unit_effects_is_refused(produc: dc.Panel) -> None:
    with pytest.raises(DataError, match="two_way effects need at least two periods; the panel has only 1970"):
        dc.PanelRegression(y="log(gsp)", x=X).fit(produc.select(periods=[1970]))


def test_constant_outcome_is_refused(produc: dc.Panel) -> None:
    with pytest.raises(DataError, match="same does not vary"):
        dc.PanelRegression(y="same", x=X).fit(with_column(produc, "same", np.ones(816)))


def test_unknown_column_suggests_the_nearest(produc: dc.Panel) -> None:
    with pytest.raises(DataError, match=r"no column 'unempl'. Did you mean 'unemp'\?"):
        dc.PanelRegression(y="log(gsp)", x=("unempl",)).fit(produc)
