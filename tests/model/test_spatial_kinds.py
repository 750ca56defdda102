"""SAC, random effects, SLX, robust covariances, bias correction and simulated effects."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import reference

from digicarbon.errors import WeightsError
from digicarbon.numeric.spatial.batch import LagBatch
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.weights import AdjacencyWeights

# splm maximises numerically to about 1e-7 in the parameters
TOLERANCE = 2e-5
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
R = reference("produc_sarar_random")
RENAMED = {"(Intercept)": "const"}


def model(kind: str, **fields: object) -> dc.SpatialPanel:
    return dc.SpatialPanel(y="log(gsp)", x=X, kind=kind, **fields)


@pytest.mark.parametrize(("record", "effects"), [("individual", "unit"), ("twoways", "two_way")])
def test_sac_equals_splm(produc: dc.Panel, usaww: dc.Weights, record: str, effects: str) -> None:
    found = model("sac", effects=effects, bias_correction="none", demeaning="first").fit(produc, usaww)
    values = R[f"c.splm.sarar.{record}"]
    # splm calls the lag's parameter lambda and the error's rho
    names = {"lambda": "rho", "rho": "lambda"}
    coef = pd.Series(values["coef"]).rename(names)
    np.testing.assert_allclose(found.estimates.loc[coef.index, "coef"], coef, rtol=TOLERANCE)
    assert found.statistics["sigma2"] == pytest.approx(values["sigma2"], rel=TOLERANCE)
    if effects == "unit":
        se = pd.Series(values["se"]).rename(names)
        np.testing.assert_allclose(found.estimates.loc[se.index, "se"], se, rtol=1e-4)


def test_sac_nests_sar_and_sem(produc: dc.Panel, usaww: dc.Weights) -> None:
    sac = model("sac").fit(produc, usaww).statistics["loglik"]
    assert sac > model("sar").fit(produc, usaww).statistics["loglik"]
    assert sac > model("sem").fit(produc, usaww).statistics["loglik"]


def test_sac_with_another_matrix_for_the_error(produc: dc.Panel, usaww: dc.Weights) -> None:
    ring = dc.Weights.from_edges(
        [(a, b) for a, b in zip(usaww.labels, (*usaww.labels[1:], usaww.labels[0]), strict=True)]
    )
    same = model("sac", effects="unit").fit(produc, usaww, usaww)
    other = model("sac", effects="unit").fit(produc, usaww, ring)
    np.testing.assert_allclose(same.coef, model("sac", effects="unit").fit(produc, usaww).coef)
    assert abs(other.statistics["lambda"] - same.statistics["lambda"]) > 0.05


def test_sac_score_is_zero_at_the_estimate(produc: dc.Panel, usaww: dc.Weights) -> None:
    """The likelihood written out with dense matrices is stationary in both spatial parameters."""
    found = model("sac", effects="unit").fit(produc, usaww)
    w = usaww.align(produc).dense()
    cube = produc.cube([*X, "log(gsp)"])
    within = cube - cube.mean(axis=0)

    def loglik(rho: float, lam: float) -> float:
        root = np.eye(48) - lam * w
        z = (root @ within[..., :-1]).reshape(-1, 4)
        y = (root @ (np.eye(48) - rho * w) @ within[..., -1:]).ravel()
        e = y - z @ np.linalg.lstsq(z, y, rcond=None)[0]
        size = 48 * 16
        jacobian = np.linalg.slogdet(root)[1] + np.linalg.slogdet(np.eye(48) - rho * w)[1]
        return -size / 2 * (np.log(2 * np.pi * e @ e / size) + 1) + 16 * jacobian

    rho, lam = found.statistics["rho"], found.statistics["lambda"]
    assert loglik(rho, lam) == pytest.approx(found.statistics["loglik"], rel=1e-12)
    for step in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)):
        assert loglik(rho + step[0], lam + step[1]) < found.statistics["loglik"]


@pytest.mark.parametrize(
    ("record", "kind", "structure"),
    [
        ("c.splm.re.lagTRUE.err_none", "sar", "baltagi"),
        ("c.splm.re.lagFALSE.err_b", "sem", "baltagi"),
        ("c.splm.re.lagFALSE.err_kkp", "sem", "kkp"),
    ],
)
def test_random_effects_equal_splm(produc: dc.Panel, usaww: dc.Weights, record: str, kind: str, structure: str) -> None:
    found = model(kind, effects="random", error_structure=structure).fit(produc, usaww)
    values = R[record]
    coef = pd.Series(values["coef"]).rename(RENAMED)
    np.testing.assert_allclose(found.estimates.loc[coef.index, "coef"], coef, rtol=TOLERANCE)
    assert found.statistics["phi"] == pytest.approx(values["errcomp"]["phi"], rel=1e-3)
    assert found.statistics["loglik"] == pytest.approx(values["logLik"], abs=1e-6)
    if kind == "sem":
        assert found.statistics["lambda"] == pytest.approx(values["errcomp"]["rho"], rel=TOLERANCE)
        se = pd.Series(values["se"]).rename(RENAMED)
        np.testing.assert_allclose(found.estimates.loc[se.index, "se"], se, rtol=1e-4)
    else:
        assert found.statistics["rho"] == pytest.approx(values["arcoef"]["lambda"], rel=TOLERANCE)


def test_random_effects_standard_errors_hold_in_repeated_samples(usaww: dc.Weights) -> None:
    """Mean standard errors against the spread of 150 estimates of a SAR with random effects."""
    rng = np.random.default_rng(7)
    n, t = 48, 6
    w = usaww.dense()
    inverse = np.linalg.inv(np.eye(n) - 0.4 * w)
    x = rng.normal(size=(t, n))
    rows = []
    index = pd.MultiIndex.from_product([usaww.labels, range(t)], names=["unit", "time"]).to_frame(index=False)
    for _ in range(150):
        y = (1 + x + rng.normal(size=n) + rng.normal(size=(t, n))) @ inverse.T
        panel = dc.Panel.from_frame(index.assign(x=x.T.ravel(), y=y.T.ravel()), "unit", "time")
        found = dc.SpatialPanel(y="y", x=("x",), kind="sar", effects="random").fit(panel, usaww).estimates
        rows.append(pd.concat([found["coef"], found["se"]], keys=["coef", "se"]))
    table = pd.DataFrame(rows)
    ratio = table["se"].mean() / table["coef"].std()
    np.testing.assert_allclose(ratio[["x", "rho", "phi", "sigma2"]], 1, atol=0.2)
    np.testing.assert_allclose(table["coef"].mean()[["x", "rho"]], [1, 0.4], atol=0.05)


@pytest.mark.parametrize(("kind", "structure"), [("sem", "baltagi"), ("sem", "kkp"), ("sar", "baltagi")])
def test_a_variance_of_unit_effects_that_ends_at_zero_is_said(usaww: dc.Weights, kind: str, structure: str) -> None:
    rng = np.random.default_rng(1)
    n, t = 48, 6
    index = pd.MultiIndex.from_product([usaww.labels, range(t)], names=["unit", "time"]).to_frame(index=False)
    x, e = rng.normal(size=(2, n, t))
    for share, said in ((0.9, True), (-2.0, False)):
        # of the units' mean errors
        y = 1 + x + e - share * e.mean(axis=1, keepdims=True)
        panel = dc.Panel.from_frame(index.assign(x=x.ravel(), y=y.ravel()), "unit", "time")
        chosen = dc.SpatialPanel(y="y", x=("x",), kind=kind, effects="random", error_structure=structure)
        found = chosen.fit(panel, usaww)
        assert (found.statistics["phi"] < 1e-5) is said
        assert any(note.code == "phi_at_zero" for note in found.notes) is said


def test_slx_is_least_squares_on_lagged_regressors(produc: dc.Panel, usaww: dc.Weights) -> None:
    found = model("slx").fit(produc, usaww)
    lags = usaww.align(produc).operator.lag(produc.cube(X))
    wide = produc.with_columns({f"W_{name}": lags[..., i].T.ravel() for i, name in enumerate(X)})
    ols = dc.PanelRegression(y="log(gsp)", x=(*X, *(f"W_{name}" for name in X))).fit(wide)
    np.testing.assert_allclose(found.estimates.loc[list(ols.terms), "coef"], ols.coef, rtol=1e-8)
    # maximum likelihood divides by (N-1)(T-1), least squares also by the number of regressors less
    ratio = np.sqrt(ols.statistics["df_resid"] / (47 * 16))
    np.testing.assert_allclose(found.estimates.loc[list(ols.terms), "se"], ols.estimates["se"] * ratio, rtol=1e-8)
    effects = found.effects["coef"]
    np.testing.assert_allclose(effects["direct"], found.estimates.loc[list(X), "coef"])
    np.testing.assert_allclose(effects["indirect"], found.estimates.loc[[f"W_{name}" for name in X], "coef"])
    assert "rho" not in found.terms


def test_sdm_without_spatial_dependence_is_slx(usaww: dc.Weights) -> None:
    """With a matrix of no links to reach, ρ has nothing to explain: estimates at ρ = 0 are least squares."""
    from digicarbon.numeric.spatial.likelihood import fit_linear

    rng = np.random.default_rng(2)
    level = rng.normal(size=(5, 48, 3))
    level = level - level.mean(axis=0)
    found = fit_linear(level, Sample(48, 5, "unit", "lee_yu"))
    flat = level.reshape(-1, 3)
    np.testing.assert_allclose(found.beta, np.linalg.lstsq(flat[:, :2], flat[:, 2], rcond=None)[0], rtol=1e-10)


@pytest.mark.parametrize("kind", ["sar", "sdm", "sem"])
@pytest.mark.parametrize("effects", ["unit", "time", "two_way"])
def test_simulated_effects_agree_with_the_delta_method(
    produc: dc.Panel, usaww: dc.Weights, kind: str, effects: str
) -> None:
    delta = model(kind, effects=effects).fit(produc, usaww).effects
    simulated = model(kind, effects=effects, effects_se="simulation", effects_draws=8000).fit(produc, usaww).effects
    pd.testing.assert_series_equal(delta["coef"], simulated["coef"])
    moving = delta["se"] > 0
    np.testing.assert_allclose(simulated["se"][moving], delta["se"][moving], rtol=0.06)
    again = model(kind, effects=effects, effects_se="simulation", effects_draws=8000).fit(produc, usaww).effects
    pd.testing.assert_frame_equal(simulated, again)


def test_unit_effects_average_to_the_effects(produc: dc.Panel, usaww: dc.Weights) -> None:
    spec = model("sdm")
    found = spec.fit(produc, usaww)
    by_unit = spec.unit_effects(found, produc, usaww)
    means = by_unit.groupby("term").mean()
    effects = found.effects["coef"]
    np.testing.assert_allclose(means.loc[list(X), "own"], effects["direct"], rtol=1e-9)
    np.testing.assert_allclose(means.loc[list(X), "received"], effects["indirect"], rtol=1e-9)
    np.testing.assert_allclose(means.loc[list(X), "sent"], effects["indirect"], rtol=1e-9)


def spread(usaww: dc.Weights, draw: object, cov: str, effects: str = "two_way") -> tuple[pd.Series, pd.Series]:
    """Mean standard errors and standard deviations of estimates over 200 samples with given errors."""
    rng = np.random.default_rng(11)
    n, t = 48, 6
    w = usaww.dense()
    inverse = np.linalg.inv(np.eye(n) - 0.4 * w)
    x = rng.normal(size=(t, n))
    index = pd.MultiIndex.from_product([usaww.labels, range(t)], names=["unit", "time"]).to_frame(index=False)
    rows = []
    for _ in range(200):
        y = (x + draw(rng, (t, n))) @ inverse.T
        panel = dc.Panel.from_frame(index.assign(x=x.T.ravel(), y=y.T.ravel()), "unit", "time")
        spec = dc.SpatialPanel(y="y", x=("x",), kind="sar", effects=effects, cov=cov)
        found = spec.fit(panel, usaww).estimates
        rows.append(pd.concat([found["coef"], found["se"]], keys=["coef", "se"]))
    table = pd.DataFrame(rows)
    return table["se"].mean(), table["coef"].std()


@pytest.mark.long
def test_robust_errors_hold_where_errors_are_skewed_and_heavy_tailed(usaww: dc.Weights) -> None:
    def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        return rng.exponential(size=shape) ** 1.5 - 1.33

    robust, sd = spread(usaww, skewed, "robust")
    classic, _ = spread(usaww, skewed, "classic")
    # the variance of σ² is where the fourth moment shows
    assert robust["sigma2"] / sd["sigma2"] > 1.6 * classic["sigma2"] / sd["sigma2"]
    np.testing.assert_allclose(robust[["x", "rho"]] / sd[["x", "rho"]], 1, atol=0.15)


@pytest.mark.long
def test_robust_errors_equal_classic_ones_for_normal_errors(usaww: dc.Weights) -> None:
    def normal(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        return rng.normal(size=shape)

    robust, _ = spread(usaww, normal, "robust")
    classic, sd = spread(usaww, normal, "classic")
    np.testing.assert_allclose(robust / classic, 1, atol=0.05)
    np.testing.assert_allclose(classic / sd, 1, atol=0.15)


def test_clustered_errors_see_serial_correlation_and_warn(usaww: dc.Weights, produc: dc.Panel) -> None:
    found = model("sdm", cov="cluster").fit(produc, usaww)
    classic = model("sdm").fit(produc, usaww)
    assert any("of any kind within a unit" in note for note in tuple(map(str, found.notes)))
    assert found.estimates.at["log(pc)", "se"] > 1.5 * classic.estimates.at["log(pc)", "se"]
    np.testing.assert_allclose(found.coef, classic.coef)


def test_bias_correction_undoes_most_of_the_bias_of_direct_estimates(usaww: dc.Weights) -> None:
    """Two-way effects, N = 48, T = 6, ρ = 0.4: mean of 200 estimates."""
    rng = np.random.default_rng(5)
    n, t = 48, 6
    w = usaww.dense()
    inverse = np.linalg.inv(np.eye(n) - 0.4 * w)
    x = rng.normal(size=(t, n))
    index = pd.MultiIndex.from_product([usaww.labels, range(t)], names=["unit", "time"]).to_frame(index=False)
    rho: dict[str, list[float]] = {"none": [], "bias_corrected": [], "lee_yu": []}
    sigma2: dict[str, list[float]] = {"none": [], "bias_corrected": [], "lee_yu": []}
    for _ in range(200):
        y = (x + rng.normal(size=(t, n))) @ inverse.T
        panel = dc.Panel.from_frame(index.assign(x=x.T.ravel(), y=y.T.ravel()), "unit", "time")
        for correction in rho:
            spec = dc.SpatialPanel(y="y", x=("x",), kind="sar", bias_correction=correction)
            found = spec.fit(panel, usaww).statistics
            rho[correction].append(found["rho"])
            sigma2[correction].append(found["sigma2"])
    bias = {name: np.mean(values) - 0.4 for name, values in rho.items()}
    assert bias["none"] < -0.03
    assert abs(bias["bias_corrected"]) < 0.015
    assert abs(bias["lee_yu"]) < 0.015
    assert np.mean(sigma2["bias_corrected"]) == pytest.approx(1, abs=0.03)
    assert np.mean(sigma2["none"]) < 0.85


def test_bias_corrected_unit_effects_change_sigma2_only(produc: dc.Panel, usaww: dc.Weights) -> None:
    none, corrected = (
        model("sar", effects="unit", bias_correction=name).fit(produc, usaww) for name in ("none", "bias_corrected")
    )
    np.testing.assert_allclose(corrected.coef[:-1], none.coef[:-1])
    assert corrected.statistics["sigma2"] == pytest.approx(none.statistics["sigma2"] * 17 / 16)


@pytest.mark.parametrize(("effects", "correction"), [("two_way", "lee_yu"), ("time", "lee_yu"), ("unit", "none")])
@pytest.mark.parametrize("effect", ["direct", "indirect", "total"])
def test_batched_fits_equal_single_ones(
    produc: dc.Panel, usaww: dc.Weights, effects: str, correction: str, effect: str
) -> None:
    rng = np.random.default_rng(3)
    operator = usaww.align(produc).operator
    x = produc.cube(X)
    z = np.concatenate([x, operator.lag(x)], axis=2)
    outcomes = produc.cube(["log(gsp)"])[..., 0] + 0.02 * rng.normal(size=(6, 17, 48))
    batch = LagBatch(z, operator, Sample(48, 17, effects, correction))
    [many] = batch.parameters(batch.space.outcomes(outcomes.transpose(2, 1, 0)))
    [(coef, se)] = batch.effects(many, [(1, 5, effect)])
    beta = np.array([one for one, _ in batch.effects(many, [(column, None, "coefficient") for column in range(8)])])
    for j, y in enumerate(outcomes):
        single = dc.SpatialPanel(y="y", x=X, kind="sdm", effects=effects, bias_correction=correction).fit(
            produc.with_columns({"y": y.T.ravel()}), usaww
        )
        np.testing.assert_allclose(beta[:, j], single.coef[:8], rtol=1e-8)
        assert many.rho[j] == pytest.approx(single.statistics["rho"], abs=1e-10)
        assert np.sqrt(many.rho_variance[j]) == pytest.approx(single.estimates.at["rho", "se"], rel=1e-7)
        assert coef[j] == pytest.approx(single.effects.at[(effect, "log(pc)"), "coef"], rel=1e-8)
        assert se[j] == pytest.approx(single.effects.at[(effect, "log(pc)"), "se"], rel=1e-6)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "sac", "effects": "random"}, "random effects exist for sar, sdm, sem and sdem"),
        ({"kind": "sar", "effects": "random", "cov": "robust"}, "cov=robust is not available"),
        ({"kind": "sar", "error_weights": AdjacencyWeights()}, "sar has no spatial error"),
    ],
)
def test_impossible_combinations_are_sentences(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        dc.SpatialPanel(y="y", x=("a",), **fields)


def test_bias_correction_needs_constant_row_sums_with_time_effects(produc: dc.Panel, usaww: dc.Weights) -> None:
    raw = dc.Weights.from_matrix((usaww.dense() > 0).astype(float), usaww.labels, row_standardise=False)
    with pytest.raises(WeightsError, match="rows with different sums"):
        model("sar", bias_correction="bias_corrected").fit(produc, raw)


@pytest.mark.parametrize("kind", ["slx", "sar", "sem", "sdm", "sdem", "sac"])
def test_weights_without_links_are_refused(produc: dc.Panel, kind: str) -> None:
    nothing = dc.Weights.from_matrix(np.zeros((48, 48)), produc.units, islands="keep")
    with pytest.raises(WeightsError, match="has no link at all"):
        model(kind).fit(produc, nothing)


def test_lag_model_with_rho_zero_is_least_squares(produc: dc.Panel, usaww: dc.Weights) -> None:
    """An outcome made without spatial dependence gives a small rho and the coefficients of least squares."""
    rng = np.random.default_rng(4)
    x = produc.array(list(X))
    made = produc.with_columns({"made": x @ np.array([1.0, -1.0, 0.5, 0.1]) + rng.normal(size=len(x))})
    sar = dc.SpatialPanel(y="made", x=X, kind="sar").fit(made, usaww)
    ols = dc.PanelRegression(y="made", x=X).fit(made)
    assert abs(sar.statistics["rho"]) < 2.5 * sar.estimates.at["rho", "se"]
    gap = sar.estimates.loc[list(X), "coef"] - ols.estimates["coef"]
    assert (gap.abs() < 0.5 * ols.estimates["se"]).all()


@pytest.mark.parametrize("cov", ["classic", "robust", "cluster"])
@pytest.mark.parametrize("kind", ["sem", "sdem"])
def test_error_weights_alone_decide_an_error_model(produc: dc.Panel, usaww: dc.Weights, kind: str, cov: str) -> None:
    ring = dc.Weights.from_edges(list(zip(usaww.labels, (*usaww.labels[1:], usaww.labels[0]), strict=True)))
    if kind == "sdem":
        # WX is still taken from the first matrix, so only the covariance of the spatial parameter is compared
        other = model(kind, cov=cov).fit(produc, usaww, ring)
        assert other.statistics["lambda"] != model(kind, cov=cov).fit(produc, usaww).statistics["lambda"]
        return
    one, two = model(kind, cov=cov).fit(produc, usaww, ring), model(kind, cov=cov).fit(produc, ring)
    np.testing.assert_allclose(one.covariance, two.covariance, rtol=1e-9)


@pytest.mark.parametrize("name", ["rho", "lambda", "sigma2", "phi", "W_unemp"])
def test_regressors_called_as_parameters_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is the name of a parameter"):
        dc.SpatialPanel(y="y", x=("unemp", name), kind="sdm")


def test_error_models_with_time_effects_need_constant_row_sums(produc: dc.Panel, usaww: dc.Weights) -> None:
    raw = dc.Weights.from_matrix((usaww.dense() > 0).astype(float) / 8, usaww.labels, row_standardise=False)
    for kind in ("sem", "sdem", "sac"):
        with pytest.raises(WeightsError, match="rows with different sums"):
            model(kind, effects="time", bias_correction="none").fit(produc, raw)
    assert np.isfinite(model("sar", effects="time", bias_correction="none").fit(produc, raw).statistics["rho"])


def test_misplaced_arguments_are_sentences(produc: dc.Panel, usaww: dc.Weights) -> None:
    with pytest.raises(WeightsError, match="sar has no spatial error"):
        model("sar").fit(produc, usaww, usaww)
    with pytest.raises(WeightsError, match=r"make them with Weights\.from_matrix"):
        model("sar").fit(produc, usaww.dense())
    with pytest.raises(ValueError, match="bias_corrected exists for sar, sem, sdm and sdem"):
        model("sac", bias_correction="bias_corrected")


@pytest.mark.parametrize("cov", ["robust", "cluster"])
def test_sandwich_of_sac_agrees_with_the_information_for_normal_errors(usaww: dc.Weights, cov: str) -> None:
    """One long panel with independent normal errors: the three covariances estimate the same."""
    rng = np.random.default_rng(9)
    n, t = 48, 150
    w = usaww.dense()
    x = rng.normal(size=(t, n))
    u = np.linalg.solve(np.eye(n) - 0.3 * w, rng.normal(size=(n, t))).T
    y = np.linalg.solve(np.eye(n) - 0.4 * w, (x + u).T).T
    index = pd.MultiIndex.from_product([usaww.labels, range(t)], names=["unit", "time"]).to_frame(index=False)
    panel = dc.Panel.from_frame(index.assign(x=x.T.ravel(), y=y.T.ravel()), "unit", "time")
    classic, other = (
        dc.SpatialPanel(y="y", x=("x",), kind="sac", cov=name).fit(panel, usaww) for name in ("classic", cov)
    )
    np.testing.assert_allclose(other.coef, classic.coef)
    width = 0.06 if cov == "robust" else 0.35
    np.testing.assert_allclose(other.estimates["se"] / classic.estimates["se"], 1, atol=width)
    if cov == "robust":
        gap = other.covariance - classic.covariance
        assert np.abs(gap).max() > 0
