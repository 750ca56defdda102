"""Spatial panels against exact maximum likelihood, spreg and properties, on the Produc panel."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import reference

from digicarbon.errors import DataError, EstimationError, WeightsError
from digicarbon.result import RunEffect

# the references solve the same likelihood by another route (bounded search, explicit inverses): both reach 1e-12
TOLERANCE = 1e-9
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
EXACT = reference("produc_spatial")
FIRST = reference("produc_demean_first")


def ours(term: str) -> str:
    return f"W_{term[2:]}" if term.startswith("W*") else term


def renamed(values: dict[str, float]) -> pd.Series:
    return pd.Series({ours(term): value for term, value in values.items()})


@pytest.mark.parametrize("record", EXACT)
def test_equals_exact_likelihood(produc: dc.Panel, usaww: dc.Weights, record: str) -> None:
    kind, effects, correction = record.split(".")
    found = dc.SpatialPanel(y="log(gsp)", x=X, kind=kind, effects=effects, bias_correction=correction).fit(
        produc, usaww
    )
    values = EXACT[record]
    spatial = "lambda" if kind in ("sem", "sdem") else "rho"
    expected = renamed(values["coef"])
    np.testing.assert_allclose(found.estimates.loc[expected.index, "coef"], expected, rtol=TOLERANCE)
    assert found.estimates.at[spatial, "coef"] == pytest.approx(values[spatial], rel=TOLERANCE)
    for name in ("sigma2", "loglik", spatial):
        assert found.statistics[name] == pytest.approx(values[name], rel=TOLERANCE)
    assert found.statistics["nobs_effective"] == values["n_eff"]
    names = [ours(name) for name in values["vcov_names"]]
    np.testing.assert_allclose(found.vcov.loc[names, names], np.array(values["vcov_expected"]), rtol=1e-7, atol=1e-13)
    se = renamed(values["se_expected"])
    np.testing.assert_allclose(found.estimates.loc[se.index, "se"], se, rtol=TOLERANCE)
    for effect, by_term in values.get("effects", {}).items():
        terms = list(by_term)
        block = found.effects.loc[effect]
        np.testing.assert_allclose(block.loc[terms, "coef"], list(by_term.values()), rtol=TOLERANCE)
        ses = values["effects_se_delta_expected"][effect]
        np.testing.assert_allclose(block.loc[terms, "se"], [ses[term] for term in terms], rtol=TOLERANCE)


@pytest.mark.parametrize("record", FIRST)
def test_demeaning_first_equals_splm(produc: dc.Panel, usaww: dc.Weights, record: str) -> None:
    _, _, kind, effects, _ = record.split(".")
    found = dc.SpatialPanel(
        y="log(gsp)", x=X, kind=kind, bias_correction="none", demeaning="first",
        effects={"individual": "unit", "time": "time", "twoways": "two_way"}[effects],
    ).fit(produc, usaww)  # fmt: skip
    values = FIRST[record]
    expected = renamed(values["coef"])
    np.testing.assert_allclose(found.estimates.loc[expected.index, "coef"], expected, rtol=1e-6)
    spatial = "rho" if kind in ("sar", "sdm") else "lambda"
    theirs = next(name for name in ("rho", "lambda") if name in values)
    assert found.statistics[spatial] == pytest.approx(values[theirs], rel=1e-6)
    assert found.statistics["loglik"] == pytest.approx(values["logLik"], rel=TOLERANCE)
    se = renamed(values["se"]).rename({theirs: spatial})
    np.testing.assert_allclose(found.estimates.loc[se.index, "se"], se, rtol=1e-5)


@pytest.mark.filterwarnings("ignore")  # spreg's own warnings are not ours to mend
@pytest.mark.parametrize(("kind", "cls"), [("sar", "Panel_FE_Lag"), ("sem", "Panel_FE_Error")])
def test_unit_effects_equal_spreg(produc: dc.Panel, usaww: dc.Weights, kind: str, cls: str) -> None:
    import libpysal
    import spreg

    n, t = produc.shape
    aligned = usaww.align(produc)
    w = libpysal.weights.util.full2W(aligned.dense(), ids=list(range(n)))
    w.transform = "o"
    stacked = produc.cube(["log(gsp)", *X]).reshape(n * t, -1)
    theirs = getattr(spreg, cls)(stacked[:, :1], stacked[:, 1:], w)
    found = dc.SpatialPanel(y="log(gsp)", x=X, kind=kind, effects="unit", bias_correction="none").fit(produc, usaww)
    # spreg maximises by bounded search to about 1e-8
    np.testing.assert_allclose(found.coef[:5], theirs.betas.ravel(), rtol=1e-5)
    np.testing.assert_allclose(np.diag(found.covariance)[:5], np.diag(theirs.vm)[:5], rtol=1e-5)


def test_pooled_model_has_a_constant_and_equals_explicit_likelihood(produc: dc.Panel, usaww: dc.Weights) -> None:
    from scipy import optimize

    found = dc.SpatialPanel(y="log(gsp)", x=X, kind="sar", effects="none").fit(produc, usaww)
    w = usaww.align(produc).dense()
    cube = produc.cube(["log(gsp)", *X])
    y, x = cube[..., 0].ravel(), np.column_stack([np.ones(816), cube[..., 1:].reshape(816, 4)])
    wy = (cube[..., 0] @ w.T).ravel()

    def negative(rho: float) -> float:
        target = y - rho * wy
        e = target - x @ np.linalg.lstsq(x, target, rcond=None)[0]
        return 408 * (np.log(2 * np.pi * e @ e / 816) + 1) - 17 * np.linalg.slogdet(np.eye(48) - rho * w)[1]

    best = optimize.minimize_scalar(negative, bounds=(-0.9, 0.99), method="bounded", options={"xatol": 1e-12})
    assert found.terms[0] == "const"
    assert found.statistics["rho"] == pytest.approx(best.x, abs=1e-7)
    assert found.statistics["loglik"] == pytest.approx(-best.fun, rel=1e-12)


def test_numerical_hessian_agrees_with_the_information(produc: dc.Panel, usaww: dc.Weights) -> None:
    """Under the model's own estimates the expected and the observed information differ by sampling noise only."""
    found = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm", effects="two_way").fit(produc, usaww)
    again = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm", effects="two_way", bias_correction="none").fit(produc, usaww)
    assert found.statistics["rho"] != again.statistics["rho"]
    assert found.estimates.at["rho", "se"] == pytest.approx(again.estimates.at["rho", "se"], rel=0.1)


def test_unit_order_and_row_order_change_nothing(produc: dc.Panel, usaww: dc.Weights) -> None:
    rng = np.random.default_rng(1)
    order = rng.permutation(48)
    shuffled_w = dc.Weights.from_matrix(usaww.dense()[np.ix_(order, order)], [usaww.labels[i] for i in order])
    shuffled = dc.Panel.from_frame(produc.frame().reset_index().sample(frac=1, random_state=1), "state", "year")
    model = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm")
    one, two = model.fit(produc, usaww), model.fit(shuffled, shuffled_w)
    pd.testing.assert_frame_equal(one.estimates, two.estimates, rtol=1e-9)
    pd.testing.assert_frame_equal(one.effects, two.effects, rtol=1e-9)


def test_direct_and_indirect_add_up(produc: dc.Panel, usaww: dc.Weights) -> None:
    effects = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm").fit(produc, usaww).effects["coef"]
    np.testing.assert_allclose(effects["direct"] + effects["indirect"], effects["total"], rtol=1e-12)


@pytest.mark.parametrize("kind", ["sar", "sdm"])
def test_effects_are_mean_derivatives(produc: dc.Panel, usaww: dc.Weights, kind: str) -> None:
    found = dc.SpatialPanel(y="log(gsp)", x=X, kind=kind).fit(produc, usaww)
    w = usaww.align(produc).dense()
    inverse = np.linalg.inv(np.eye(48) - found.statistics["rho"] * w)
    for name in X:
        theta = found.estimates["coef"].get(f"W_{name}", 0.0)
        derivative = inverse @ (found.estimates.at[name, "coef"] * np.eye(48) + theta * w)
        assert found.effects.at[("direct", name), "coef"] == pytest.approx(np.trace(derivative) / 48, rel=1e-10)
        assert found.effects.at[("total", name), "coef"] == pytest.approx(derivative.sum() / 48, rel=1e-10)


def test_delta_errors_equal_numerical_gradients_without_row_standardisation(
    produc: dc.Panel, usaww: dc.Weights
) -> None:
    """The effects' standard errors against finite differences, with a W whose rows sum to different values."""
    raw = dc.Weights.from_matrix((usaww.dense() > 0).astype(float) / 8, usaww.labels, row_standardise=False)
    found = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm", effects="unit").fit(produc, raw)
    w = raw.align(produc).dense()
    names = ["unemp", "W_unemp", "rho"]

    def effects(parameters: np.ndarray) -> np.ndarray:
        beta, theta, rho = parameters
        derivative = np.linalg.inv(np.eye(48) - rho * w) @ (beta * np.eye(48) + theta * w)
        direct, total = np.trace(derivative) / 48, derivative.sum() / 48
        return np.array([direct, total - direct, total])

    at = found.estimates.loc[names, "coef"].to_numpy()
    step = 1e-6
    gradient = np.stack(
        [(effects(at + step * unit) - effects(at - step * unit)) / (2 * step) for unit in np.eye(3)], axis=1
    )
    variance = gradient @ found.vcov.loc[names, names].to_numpy() @ gradient.T
    ours_se = found.effects.xs("unemp", level="term")["se"]
    np.testing.assert_allclose(ours_se[["direct", "indirect", "total"]], np.sqrt(np.diag(variance)), rtol=1e-6)
    np.testing.assert_allclose(found.effects.xs("unemp", level="term")["coef"], effects(at), rtol=1e-10)


def test_rescaling_x_rescales_its_coefficient_only(produc: dc.Panel, usaww: dc.Weights) -> None:
    scaled = produc.with_columns({"unemp": 100 * produc.array(["unemp"])[:, 0]})
    model = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm")
    one, two = model.fit(produc, usaww), model.fit(scaled, usaww)
    factor = pd.Series(1.0, index=one.estimates.index)
    factor[["unemp", "W_unemp"]] = 0.01
    np.testing.assert_allclose(two.estimates["coef"], one.estimates["coef"] * factor, rtol=1e-7)


def test_sar_is_nested_in_sdm(produc: dc.Panel, usaww: dc.Weights) -> None:
    sar = dc.SpatialPanel(y="log(gsp)", x=X, kind="sar").fit(produc, usaww)
    none = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm", durbin=()).fit(produc, usaww)
    sdm = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm").fit(produc, usaww)
    pd.testing.assert_frame_equal(sar.estimates, none.estimates)
    assert sdm.statistics["loglik"] > sar.statistics["loglik"]


def test_durbin_subset_lags_only_what_it_names(produc: dc.Panel, usaww: dc.Weights) -> None:
    focal = dc.SpatialPanel(y="log(gsp)", x=X[:1], controls=X[1:], kind="sdm", durbin="x").fit(produc, usaww)
    named = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm", durbin=("log(pcap)",)).fit(produc, usaww)
    assert [term for term in focal.terms if term.startswith("W_")] == ["W_log(pcap)"]
    np.testing.assert_allclose(focal.coef, named.coef, rtol=1e-12)
    # a regressor without its own lag still spills over through y
    assert focal.effects.at[("indirect", "unemp"), "coef"] != 0


def test_effects_of_models_without_spatial_lag(produc: dc.Panel, usaww: dc.Weights) -> None:
    sem = dc.SpatialPanel(y="log(gsp)", x=X, kind="sem").fit(produc, usaww)
    np.testing.assert_allclose(sem.effects["coef"]["direct"], sem.estimates.loc[list(X), "coef"])
    assert (sem.effects["coef"]["indirect"] == 0).all()


def test_labels_in_w_must_be_the_panels(produc: dc.Panel, usaww: dc.Weights) -> None:
    model = dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm")
    wrong = dc.Weights.from_matrix(usaww.dense(), ["ALABAMMA", *usaww.labels[1:]])
    with pytest.raises(WeightsError, match=r"no row for ALABAMA. Did you mean 'ALABAMMA'\?"):
        model.fit(produc, wrong)
    with pytest.raises(WeightsError, match="needs spatial weights"):
        model.fit(produc)
    with pytest.raises(WeightsError, match="units that are not in the panel: WYOMING"):
        model.fit(produc.select(units=produc.units[:-1]), usaww)


def test_lee_yu_needs_constant_row_sums_with_time_effects(produc: dc.Panel, usaww: dc.Weights) -> None:
    raw = dc.Weights.from_matrix((usaww.dense() > 0).astype(float), usaww.labels, row_standardise=False)
    with pytest.raises(WeightsError, match="rows with different sums"):
        dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm").fit(produc, raw)
    assert dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm", effects="unit").fit(produc, raw).statistics["nobs"] == 816


def test_unbalanced_panel_is_refused(produc: dc.Panel, usaww: dc.Weights) -> None:
    short = dc.Panel.from_frame(produc.frame().reset_index().iloc[1:], "state", "year", gaps="keep")
    with pytest.raises(DataError, match="not balanced: ALABAMA 1970 missing"):
        dc.SpatialPanel(y="log(gsp)", x=X, kind="sar").fit(short, usaww)


def test_unidentified_models_are_refused(produc: dc.Panel, usaww: dc.Weights) -> None:
    constant = produc.with_columns({"area": produc.unit_codes.astype(float)})
    with pytest.raises(EstimationError, match="area does not vary"):
        dc.SpatialPanel(y="log(gsp)", x=("area", "unemp"), kind="sdm").fit(constant, usaww)
    small = produc.select(units=produc.units[:5], periods=[1970, 1971, 1972])
    w = dc.Weights.from_matrix(np.diag(np.ones(4), 1) + np.diag(np.ones(4), -1), small.units)
    with pytest.raises(
        EstimationError, match=r"8 \(effective\) observations cannot identify 9 parameters with two_way"
    ):
        dc.SpatialPanel(y="log(gsp)", x=X, kind="sdm").fit(small, w)


def test_collinear_spatial_lag_is_named(produc: dc.Panel, usaww: dc.Weights) -> None:
    equal = dc.Weights.from_matrix(np.ones((48, 48)) - np.eye(48), usaww.labels)
    with pytest.raises(EstimationError, match="W_unemp is collinear with unemp after two_way effects"):
        dc.SpatialPanel(y="log(gsp)", x=("unemp",), kind="sdm").fit(produc, equal)


def test_a_boundary_estimate_is_said_and_has_no_effects(produc: dc.Panel, usaww: dc.Weights) -> None:
    """An outcome that is almost its own spatial lag drives rho to 1."""
    w = usaww.align(produc).dense()
    wave = np.linalg.eig(w)
    mode = np.real(wave[1][:, np.argsort(-np.real(wave[0]))[1]])
    rng = np.random.default_rng(3)
    y = np.outer(mode, rng.normal(size=17)) + 0.002 * rng.normal(size=(48, 17))
    panel = produc.with_columns({"smooth": y.ravel()})
    found = dc.SpatialPanel(y="smooth", x=("unemp",), kind="sar", effects="time").fit(panel, usaww)
    assert "rho lies at the boundary" in str(found.notes[-1])
    assert found.boundary == ("rho",)
    assert found.effects.empty
    assert np.isnan(found.estimates.at["rho", "se"])
    assert np.isfinite(found.estimates.at["unemp", "se"])
    assert found.statistics["rho"] > 0.99
    for kind in ("sem", "sdem"):
        error = dc.SpatialPanel(y="smooth", x=("unemp",), kind=kind, effects="time").fit(panel, usaww)
        assert "lambda lies at the boundary" in str(error.notes[-1])
        assert str(error.notes[-1]).endswith("effects are not reported and standard errors are not reliable.")
        assert error.boundary == ("lambda",)
        assert error.effects.empty
        assert error.effect(RunEffect()) is None


def test_demeaning_first_has_no_lee_yu_with_time_effects() -> None:
    with pytest.raises(ValueError, match="demeaning=first has no Lee-Yu form"):
        dc.SpatialPanel(y="y", x=("a",), kind="sar", demeaning="first")
