"""Spatial models by instruments against spreg, against linearmodels with explicit dummies, and against derivatives."""

from __future__ import annotations

from typing import Any

import fields
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from classic import PanelIV, SpatialIV, SpatialPanel
from libpysal.weights import WSP
from linearmodels.iv import IV2SLS, IVGMM
from spatial_iv_world import ring, world
from spreg.error_sp_het import BaseGM_Combo_Het, BaseGM_Endog_Error_Het
from spreg.sp_panels import BaseGM_KKP
from spreg.twosls_sp import BaseGM_Lag

from digicarbon import Panel, Weights
from digicarbon import SpatialIV as DefaultSpatialIV
from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError, EstimationError, WeightsError
from digicarbon.model.batch import Estimand, estimate_of
from digicarbon.note import Note
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.packs.endogenous_space.model import _many
from digicarbon.report.base import Record
from digicarbon.report.diagnostic import DiagnosticTable
from digicarbon.report.labels import Labels
from digicarbon.source import SimulatedEndogenous
from digicarbon.weights import DelaunayWeights

TERMS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("z",)}
INSIDE: dict[str, Any] = {"endogenous": ("x",), "instruments": ("q",)}
ZONES = np.random.default_rng(4).permutation(np.arange(30) % 11).astype(float)


def stacked(panel: Panel, weights: Weights) -> tuple[dict[str, FloatArray], scipy.sparse.csr_matrix]:
    """Return columns of shape (rows, 1), periods first, and the block-diagonal W."""
    cube = panel.cube(("y", "x", "z", "q"))
    columns = {name: cube[..., [place]].reshape(-1, 1) for place, name in enumerate(("y", "x", "z", "q"))}
    w = scipy.sparse.kron(scipy.sparse.eye(panel.shape[1]), weights.align(panel).dense())
    return columns, scipy.sparse.csr_matrix(w)


@pytest.mark.parametrize("cov", ["classic", "robust"])
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("periods", [1, 4])
def test_lag_of_spreg(cov: str, inside: bool, periods: int) -> None:
    panel, weights = world(40, periods, endogenous=0.8)
    own = INSIDE if inside else {}
    result = SpatialIV(**TERMS, **own, effects="none", cov=cov, small_sample="none").fit(panel, weights)
    c, w = stacked(panel, weights)
    const = np.ones_like(c["y"])
    exogenous = np.hstack([const, c["z"]] if inside else [const, c["x"], c["z"]])
    further = {"yend": c["x"], "q": c["q"]} if inside else {}
    robust = "white" if cov == "robust" else None
    witness = BaseGM_Lag(c["y"], exogenous, **further, w=WSP(w), w_lags=2, robust=robust)
    order = [0, 2, 1, 3] if inside else [0, 1, 2, 3]
    np.testing.assert_allclose(result.coef, witness.betas.ravel()[order], rtol=1e-9)
    np.testing.assert_allclose(result.covariance, witness.vm[np.ix_(order, order)], rtol=1e-8)
    assert result.terms == ("const", "x", "z", "rho")


def test_durbin_of_spreg() -> None:
    panel, weights = world(40, 3, theta=0.5)
    result = SpatialIV(**TERMS, kind="sdm", effects="none", small_sample="none").fit(panel, weights)
    c, w = stacked(panel, weights)
    exogenous = np.hstack([np.ones_like(c["y"]), c["x"], c["z"]])
    witness = BaseGM_Lag(c["y"], exogenous, w=WSP(w), w_lags=2, slx_lags=1, slx_vars="all")
    np.testing.assert_allclose(result.coef, witness.betas.ravel(), rtol=1e-8)
    np.testing.assert_allclose(result.covariance, witness.vm, rtol=1e-7)


@pytest.mark.long
def test_hac_of_spreg() -> None:
    panel, weights = world(40, 1)
    result = SpatialIV(**TERMS, effects="none", cov="conley", kernel="weights", small_sample="none").fit(panel, weights)
    c, w = stacked(panel, weights)
    near = weights.align(panel).raw.toarray()
    links = np.maximum(near, near.T) + np.eye(40)
    gwk = WSP(scipy.sparse.csr_matrix(links))
    exogenous = np.hstack([np.ones_like(c["y"]), c["x"], c["z"]])
    witness = BaseGM_Lag(c["y"], exogenous, w=WSP(w), w_lags=2, robust="hac", gwk=gwk)
    np.testing.assert_allclose(result.covariance, witness.vm, rtol=1e-8)


@pytest.mark.parametrize("periods", [1, 4])
@pytest.mark.parametrize("kind", ["sarar", "gns", "sem"])
def test_spatial_errors_of_spreg(kind: str, periods: int) -> None:
    # spreg cuts the last coefficient to 0.9 whatever it belongs to, so that it must be a smaller one
    panel, weights = world(
        60, periods, seed=2, rho=0.3, lam=0.4, beta=1.0 if kind == "gns" else 0.5, endogenous=0.8, spread=0.5
    )
    result = SpatialIV(**TERMS, **INSIDE, kind=kind, effects="none", cov="robust").fit(panel, weights)
    c, w = stacked(panel, weights)
    lag = {name: (w @ column, w @ w @ column, w @ w @ w @ column) for name, column in c.items()}
    const = np.ones_like(c["y"])
    instruments = [c["q"], lag["q"][0], lag["q"][1], lag["z"][0], lag["z"][1]]
    exogenous, inside, terms = [const, c["z"]], [c["x"]], ["const", "z", "x"]
    if kind == "gns":
        exogenous, inside, terms = [*exogenous, lag["z"][0]], [*inside, lag["x"][0]], ["const", "z", "W_z", "x", "W_x"]
        instruments = [c["q"], lag["q"][0], lag["q"][1], lag["z"][1], lag["z"][2]]
    estimator = BaseGM_Endog_Error_Het
    if kind != "sem":
        inside, terms, estimator = [*inside, lag["y"][0]], [*terms, "rho"], BaseGM_Combo_Het
    witness = estimator(c["y"], np.hstack(exogenous), np.hstack(inside), np.hstack(instruments), w=w)
    order = [[*terms, "lambda"].index(term) for term in result.terms]
    # spreg looks for lambda by numerical derivatives, here it is a root of a polynomial
    np.testing.assert_allclose(result.coef, witness.betas.ravel()[order], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.sqrt(result.covariance.diagonal()), np.sqrt(witness.vm.diagonal())[order], rtol=1e-4)


def test_random_effects_are_those_of_spreg() -> None:
    panel, weights = world(30, 6, rho=0.0, lam=0.4)
    result = SpatialIV(**TERMS, kind="sem", effects="random").fit(panel, weights)
    c, _ = stacked(panel, weights)
    exogenous = np.hstack([np.ones_like(c["y"]), c["x"], c["z"]])
    own = scipy.sparse.csr_matrix(weights.align(panel).dense())
    witness = BaseGM_KKP(c["y"], exogenous, WSP(own))
    np.testing.assert_allclose(result.coef, witness.betas.ravel()[:3], rtol=1e-4)
    assert result.statistics["lambda"] == pytest.approx(float(witness.betas[3, 0]), rel=1e-3)
    assert result.random == ("unit",)


@pytest.mark.parametrize("effects", ["unit", "time", "two_way"])
@pytest.mark.parametrize("row_sums", ["equal", "unequal"])
def test_effects_are_dummies(effects: str, row_sums: str) -> None:
    w = ring(20)
    if row_sums == "unequal":
        w = w * np.linspace(0.5, 1.0, 20)[:, None]
    panel, _ = world(20, 5, endogenous=0.8, w=w)
    weights = Weights.from_matrix(w, panel.units, normalise="none")
    result = SpatialIV(**TERMS, **INSIDE, kind="sdm", effects=effects, cov="robust", small_sample="none").fit(
        panel, weights
    )
    c, big = stacked(panel, weights)
    dummies = []
    if effects in ("unit", "two_way"):
        dummies.append(np.tile(np.eye(20), (5, 1)))
    if effects in ("time", "two_way"):
        dummies.append(np.repeat(np.eye(5), 20, axis=0)[:, (effects == "two_way") :])
    lag = {name: (big @ column, big @ big @ column, big @ big @ big @ column) for name, column in c.items()}
    exogenous = np.hstack([c["z"], lag["z"][0], *dummies])
    inside = np.hstack([c["x"], lag["x"][0], lag["y"][0]])
    instruments = np.hstack([c["q"], lag["q"][0], lag["q"][1], lag["z"][1], lag["z"][2]])
    witness = IV2SLS(c["y"], exogenous, inside, instruments).fit(cov_type="robust")
    columns = list(witness.params.index)
    k = exogenous.shape[1]
    place = [k, 0, k + 1, 1, k + 2]
    assert result.terms == ("x", "z", "W_x", "W_z", "rho")
    np.testing.assert_allclose(result.coef, np.asarray(witness.params)[place], rtol=1e-7)
    assert len(columns) == k + 3
    np.testing.assert_allclose(result.covariance, np.asarray(witness.cov)[np.ix_(place, place)], rtol=1e-6)


@pytest.mark.parametrize(("cov", "cluster"), [("robust", "unit"), ("cluster", "unit"), ("cluster", "zone")])
def test_two_step_weights_are_those_of_linearmodels(cov: str, cluster: str) -> None:
    panel, weights = world(30, 5, spread=0.6)
    panel = panel.with_columns({"zone": ZONES[panel.unit_codes]})
    fields = {"effects": "unit", "cov": cov, "small_sample": "none", "cluster": cluster}
    result = SpatialIV(**TERMS, estimator="gmm", **fields).fit(panel, weights)
    columns = SpatialIV(**TERMS, effects="unit").design(panel, weights).columns
    codes = panel.unit_codes if cluster == "unit" else ZONES[panel.unit_codes]
    clusters = {"clusters": codes} if cov == "cluster" else {}
    kind = {"robust": "robust", "cluster": "clustered"}[cov]
    fitted = IVGMM(columns.y, columns.w, columns.x, columns.z, weight_type=kind, **clusters).fit(
        iter_limit=2, cov_type=kind, debiased=False, **clusters
    )
    np.testing.assert_allclose(result.coef, fitted.params, rtol=1e-7)
    np.testing.assert_allclose(result.covariance, fitted.cov, rtol=1e-5, atol=1e-9)
    # weights of the test, too, come from the residuals of the first step; absorbed effects are no observations here
    share = {"robust": 1 - 30 / 150, "cluster": 1.0}[cov]
    assert result.statistics["overid"] == pytest.approx(share * fitted.j_stat.stat, rel=1e-6)


@pytest.mark.parametrize("kind", ["sar", "sdm"])
def test_errors_and_signs_are_those_of_the_clusters_of_a_column(kind: str) -> None:
    """Errors are those of linearmodels, factor written out: units lie in zones, periods are counted."""
    panel, weights = world(30, 5, endogenous=0.8)
    panel = panel.with_columns({"zone": ZONES[panel.unit_codes], "same": panel.unit_codes.astype(float)})
    model = SpatialIV(**TERMS, **INSIDE, kind=kind, cluster="zone", cov="cluster", test="wild", intervals=False)
    found, columns = model.fit(panel, weights), model.design(panel, weights).columns
    fitted = IV2SLS(columns.y, columns.w, columns.x, columns.z).fit(
        cov_type="clustered", clusters=ZONES[panel.unit_codes], debiased=False
    )
    k = len(columns.names)
    factor = 11 / 10 * 149 / (150 - k - 4 - 1)
    order = [(*columns.exogenous, *columns.endogenous).index(name) for name in columns.names]
    expected = np.asarray(fitted.cov)[np.ix_(order, order)] * factor
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-7, atol=1e-12)
    note = next(note for note in found.notes if note.code == "wild_p_by")
    assert note["by"] == "zone"
    p = found.estimates.loc["x", "p"]
    assert p * 2048 == pytest.approx(round(p * 2048))
    one, other = (model.by_errors.model_copy(update={"cluster": by}) for by in ("unit", "same"))
    np.testing.assert_allclose(one.fit(panel, weights).covariance, other.fit(panel, weights).covariance, rtol=1e-9)


def test_moments_have_no_clusters_of_a_column() -> None:
    with pytest.raises(ConfigError, match="cluster=zone; it offers unit, time, both"):
        SpatialIV(**TERMS, kind="sarar", cov="cluster", cluster="zone")
    with pytest.raises(ConfigError, match="Clusters are those of cov=cluster"):
        SpatialIV(**TERMS, kind="sarar", cov="classic", cluster="zone")


def test_first_stages_are_those_of_linearmodels() -> None:
    panel, weights = world(30, 5, endogenous=0.8)
    model = SpatialIV(**TERMS, **INSIDE, effects="none", cov="robust")
    result = model.fit(panel, weights)
    columns = model.design(panel, weights).columns
    frame = pd.DataFrame(columns.regressors, columns=list(columns.names))
    fitted = IV2SLS(
        pd.Series(columns.y, name="y"),
        frame[list(columns.exogenous)],
        frame[list(columns.endogenous)],
        pd.DataFrame(columns.z, columns=list(columns.instruments)),
    ).fit()
    table = result.tables["first_stage"]
    assert list(table.index) == ["x", "W_y"]
    np.testing.assert_allclose(table["partial_r2"], fitted.first_stage.diagnostics["partial.rsquared"], rtol=1e-8)
    np.testing.assert_allclose(table["shea_r2"], fitted.first_stage.diagnostics["shea.rsquared"], rtol=1e-8)
    assert {"first_stage_f", "cragg_donald_f", "kleibergen_paap_f", "conditional_f", "overid_p"} <= set(
        result.statistics
    )


def test_errors_of_effects_are_numerical_derivatives() -> None:
    panel, weights = world(30, 6, endogenous=0.8, theta=0.3)
    model = SpatialIV(**TERMS, **INSIDE, kind="sdm", cov="robust")
    result = model.fit(panel, weights)
    w = weights.align(panel).dense()

    def effects(coef: FloatArray) -> FloatArray:
        beta, theta, rho = coef[0], coef[2], coef[4]
        matrix = np.linalg.solve(np.eye(30) - rho * w, beta * np.eye(30) + theta * w)
        return np.array([np.trace(matrix) / 30, matrix.sum() / 30])

    slopes = np.stack(
        [(effects(result.coef + step) - effects(result.coef - step)) / 2e-6 for step in 1e-6 * np.eye(5)], axis=1
    )
    found = result.spatial_effects
    assert found is not None
    np.testing.assert_allclose(found.coef[[0, 2], 0], effects(result.coef), rtol=1e-9)
    errors = np.sqrt((slopes @ result.covariance @ slopes.T).diagonal())
    np.testing.assert_allclose(found.se[[0, 2], 0], errors, rtol=1e-6)


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
@pytest.mark.parametrize("cov", ["classic", "robust", "cluster", "zone"])
@pytest.mark.parametrize("kind", ["sar", "sdm"])
def test_batch_equals_single_fits(effects: str, cov: str, kind: str) -> None:
    panel, weights = world(12, 4)
    panel = panel.with_columns({"zone": ZONES[panel.unit_codes]})
    clusters = {"cov": "cluster", "cluster": "zone"} if cov == "zone" else {"cov": cov}
    model = SpatialIV(**TERMS, kind=kind, effects=effects, **clusters)
    outcomes = np.column_stack([world(12, 4, seed=seed)[0].column("y") for seed in range(3)])
    for quantity in model.quantities:
        estimand = Estimand(quantity, "x")
        batch = model.batch(panel, weights, estimand)
        estimates, errors = batch.fit(batch.prepare(outcomes))
        for draw, outcome in enumerate(outcomes.T):
            fitted = model.fit(panel.with_columns({"y": np.ascontiguousarray(outcome)}), weights)
            single = estimate_of(fitted, estimand)
            if single is None:
                assert np.isnan(estimates[draw])
            else:
                np.testing.assert_allclose((estimates[draw], errors[draw]), single, rtol=1e-6)


@pytest.mark.parametrize("kind", ["sar", "sdm"])
@pytest.mark.parametrize("effects", ["none", "unit", "two_way"])
def test_draws_of_equal_signs_are_the_sample(kind: str, effects: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all signs +1, and residuals not corrected for leverage, a draw under the estimate is the sample itself."""
    panel, weights = world(30, 6, endogenous=0.8)
    model = SpatialIV(**TERMS, **INSIDE, kind=kind, effects=effects, cov="cluster")
    result = model.fit(panel, weights)
    monkeypatch.setattr(_many, "corrected", lambda null: null.residuals)
    design = model.design(panel, weights)
    draws = _many.SpatialDraws(model, design, model.error_structure(design.columns, weights), "x")
    for place, estimand in enumerate(draws.estimands):
        known = estimate_of(result, estimand)
        assert known is not None
        estimate, error = draws.fits(place, known[0], Draws(np.ones((1, 30))))
        np.testing.assert_allclose((estimate[0], error[0]), known, rtol=1e-6)


def test_wild_p_values() -> None:
    panel, weights = world(20, 6, endogenous=0.8)
    model = SpatialIV(**TERMS, **INSIDE, cov="cluster", test="wild", draws=199)
    result = model.fit(panel, weights)
    assert result.resampled is not None
    assert result.estimates.loc["x", "p"] == pytest.approx(1 / 200)
    low, high = result.estimates.loc["x", ["low", "high"]]
    assert low < 1.0 < high
    plain = model.by_errors.fit(panel, weights)
    np.testing.assert_array_equal(plain.coef, result.coef)


def test_wild_p_values_where_the_null_has_no_stable_lag() -> None:
    """Without a strong x the equation asks for a rho at which there is no y: its rho is then the unrestricted one."""
    frame = SimulatedEndogenous().load().frame
    panel = Panel.from_frame(frame, unit="unit", time="time")
    weights = DelaunayWeights().compute(panel)
    model = SpatialIV(**TERMS, **INSIDE, kind="sdm", cov="cluster", test="wild", draws=199)
    design = model.design(panel, weights)
    draws = _many.SpatialDraws(model, design, model.error_structure(design.columns, weights), "x")
    estimate, error = draws.fits(0, 0.0, Draws(np.ones((3, panel.shape[0]))))
    assert estimate.shape == error.shape == (3,)
    result = model.fit(panel, weights)
    assert result.resampled is not None
    assert result.estimates.loc["x", "p"] == pytest.approx(1 / 200)
    assert result.effects.loc[("total", "x"), "p"] < 0.05
    low, high = result.effects.loc[("total", "x"), ["low", "high"]]
    assert 0 < low < result.effects.loc[("total", "x"), "coef"] < high < np.inf
    shares = [note["share"] for note in result.notes if note.code == "wild_left_out"]
    assert all(0 < share < 1 for share in shares)
    assert not any(note.code == "wild_lost" for note in result.notes)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "sarar"},
        {"estimator": "gmm", "cov": "robust"},
        {"cov": "conley"},
        {"cov": "driscoll_kraay"},
    ],
)
def test_no_wild_bootstrap_is_a_note(fields: dict[str, Any]) -> None:
    panel, weights = world(20, 6)
    result = DefaultSpatialIV(**TERMS, **fields).fit(panel, weights)
    assert result.resampled is None
    assert any(note.code.startswith("wild_not_of") for note in result.notes)


def test_filter_of_errors_keeps_spatial_lag_apart() -> None:
    panel, weights = world(120, 6, seed=4, rho=0.4, lam=0.5)
    result = SpatialIV(**TERMS, kind="sarar", effects="two_way", cov="robust").fit(panel, weights)
    found = dict(zip(result.terms, result.coef, strict=True))
    assert found["rho"] == pytest.approx(0.4, abs=0.1)
    assert found["lambda"] == pytest.approx(0.5, abs=0.15)
    assert [role.kind for role in result.roles] == ["regressor", "regressor", "lag_y", "lag_error"]


def test_lags_that_say_nothing_are_dropped() -> None:
    panel, weights = world(20, 6)
    # the same in all units: its spatial lags are the column itself
    column = np.repeat(np.random.default_rng(1).normal(size=(1, 6)), 20, axis=0).ravel()
    panel = panel.with_columns({"common": column})
    model = SpatialIV(y="y", x=("x",), controls=("z", "common"), effects="unit")
    result = model.fit(panel, weights)
    assert result.has_note("spatial_lags_dropped")
    assert "W_common" not in model.design(panel, weights).columns.instruments


def test_the_note_says_which_lags_are_instruments() -> None:
    panel, weights = world(60, 6, endogenous=0.8)
    terms = {"y": "y", "x": ("x",), "controls": ("z",), "endogenous": ("x",), "instruments": ("q",)}
    result = SpatialIV(**terms, kind="sdm").fit(panel, weights)
    words = " ".join(map(str, result.notes))
    assert ": q, and spatial lags of z (order 2, 3); q (order 1, 2)." in words
    w, columns = weights.align(panel).operator, {}
    for name in ("z", "q"):
        lagged = panel.cube((name,))
        for order in (1, 2, 3):
            lagged = w.lag(lagged)
            columns[f"{name}{order}"] = lagged[..., 0].T.ravel()
    y = w.lag(panel.cube(("y", "x")))
    wider = panel.with_columns({**columns, "wy": y[..., 0].T.ravel(), "wx": y[..., 1].T.ravel()})
    plain = PanelIV(
        y="y",
        x=("x",),
        controls=("z", "z1", "wx", "wy"),
        endogenous=("x", "wx", "wy"),
        instruments=("q", "z2", "z3", "q1", "q2"),
        effects="two_way",
    ).fit(wider)
    own = dict(zip(result.terms, result.coef, strict=True))
    same = {"x": "x", "z": "z", "W_x": "wx", "W_z": "z1", "rho": "wy"}
    theirs = dict(zip(plain.terms, plain.coef, strict=True))
    for name, column in same.items():
        assert own[name] == pytest.approx(theirs[column], rel=1e-8)


def test_a_function_of_an_endogenous_regressor_is_said() -> None:
    panel, weights = world(40, 6, endogenous=0.8)
    terms = {"y": "y", "controls": ("z",), "endogenous": ("x",), "instruments": ("q",)}
    wrong = SpatialIV(**terms, x=("x", "x**2", "x:z"), kind="sar").fit(panel, weights)
    made = [note for note in wrong.notes if note.code == "exogenous_made_of_endogenous"]
    assert [str(note).split(" ")[0] for note in made] == ["x^2", "x:z"]
    assert not SpatialIV(**terms, x=("x",)).fit(panel, weights).has_note("exogenous_made_of_endogenous")
    assert PanelIV(**terms, x=("x", "x**2")).fit(panel).has_note("exogenous_made_of_endogenous")


def test_without_spatial_lags_own_instruments_identify_what_they_can() -> None:
    panel, weights = world(40, 6, endogenous=0.8)
    lag = weights.align(panel).operator.lag(panel.cube(("q",)))[..., 0].T.ravel()
    wider = panel.with_columns({"neighbours": lag})
    terms = {"y": "y", "x": ("x",), "endogenous": ("x",)}
    own = SpatialIV(**terms, instruments=("q", "neighbours"), lags=0).fit(wider, weights)
    usual = SpatialIV(**terms, instruments=("q",), lags=1).fit(panel, weights)
    np.testing.assert_allclose(own.coef, usual.coef, rtol=1e-9)
    np.testing.assert_allclose(own.covariance, usual.covariance, rtol=1e-8)
    assert own.has_note("own_instruments_of_all")
    with pytest.raises(
        EstimationError, match=r"lags=0 .* 1 in model.instruments cannot identify 2 .*x, W_y.*at least 2"
    ):
        SpatialIV(**terms, instruments=("q",), lags=0).fit(panel, weights)
    with pytest.raises(EstimationError, match=r"and 0 in .* cannot identify 1 endogenous column "):
        SpatialIV(**TERMS, lags=0).fit(panel, weights)
    # a spatial error needs no instrument
    assert SpatialIV(**TERMS, kind="sem", lags=0).fit(panel, weights).focal == ("x",)


def test_the_first_stage_of_the_main_table_has_an_owner() -> None:
    panel, weights = world(40, 6, endogenous=0.8)
    labels = {"y": "Emissions", "x": "Digital"}
    several = SpatialIV(**TERMS, **INSIDE, kind="sdm").fit(panel, weights)
    first = several.tables["first_stage"]["f"]
    assert several.statistics["first_stage_f"] == first.min()
    shown = {"W_y": "W × Emissions", "W_x": "W × Digital", "x": "Digital"}
    (note,) = [note for note in several.notes if note.code.startswith("first_stage_smallest")]
    text = Labels("en", labels).notes([note])[0]
    assert text.startswith(
        f"The first-stage F is that of {shown[first.idxmin()]}, the smallest of 3 endogenous columns"
    )
    (alone,) = [note for note in SpatialIV(**TERMS).fit(panel, weights).notes if note.code == "first_stage_of_lag"]
    assert Labels("zh", labels).notes([alone])[0] == "第一阶段F值属于W × Emissions。"
    for language, head in (("en", "First-stage F"), ("zh", "第一阶段F值")):
        report = DiagnosticTable(name="first_stage", language=language, labels=labels)
        table = report.table("", [Record("", {}, {}, several)])
        assert list(table.cells.index) == list(map(shown.get, first.index))
        assert table.cells.columns[0] == head


def test_refusals() -> None:
    panel, weights = world(20, 6)
    with pytest.raises(WeightsError, match="weights"):
        SpatialIV(**TERMS).fit(panel)
    with pytest.raises(EstimationError, match="cannot identify"):
        SpatialIV(y="y", x=("x",), endogenous=("x",), instruments=("q",), lag_instruments=False).fit(panel, weights)
    w = ring(20) * np.linspace(0.5, 1.0, 20)[:, None]
    uneven = Weights.from_matrix(w, panel.units, normalise="none")
    with pytest.raises(WeightsError, match="different sums"):
        SpatialIV(**TERMS, kind="sarar").fit(panel, uneven)
    SpatialIV(**TERMS, kind="sarar", effects="unit").fit(panel, uneven)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"endogenous": ("x",)}, r"model\.endogenous=\[\]"),
        ({"instruments": ("q",)}, "no regressor is endogenous"),
        ({"endogenous": ("w",), "instruments": ("q",)}, "endogenous"),
        ({"kind": "sdm", "durbin": ("w",)}, "durbin"),
        ({"effects": "random"}, "random"),
        ({"kind": "sarar", "estimator": "gmm"}, "gmm"),
    ],
)
def test_fields_that_do_not_fit(fields: dict[str, Any], words: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=words):
        SpatialIV(**TERMS, **fields)


@pytest.mark.parametrize(
    ("fields", "instead", "code"),
    [
        ({"kind": "sarar"}, "robust", "moments_cov"),
        ({"kind": "sem", "effects": "random"}, "classic", "random_moments_classic"),
    ],
)
def test_moments_without_clusters_say_so(fields: dict[str, Any], instead: str, code: str) -> None:
    panel, weights = world(30, 4)
    asked = SpatialIV(**TERMS, **fields, cov="cluster").fit(panel, weights)
    other = SpatialIV(**TERMS, **fields, cov=instead).fit(panel, weights)
    np.testing.assert_array_equal(asked.covariance, other.covariance)
    assert asked.has_note(code)
    assert not other.has_note(code)


def test_too_many_units_for_dense_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    panel, weights = world(20, 4)
    monkeypatch.setattr("digicarbon.packs.endogenous_space.model._design.MOST_DENSE_UNITS", 10)
    with pytest.raises(EstimationError, match="20"):
        SpatialIV(**TERMS, kind="sarar").fit(panel, weights)
    SpatialIV(**TERMS, kind="sarar", effects="unit").fit(panel, weights)


def test_rho_outside_has_no_effects() -> None:
    panel, weights = world(15, 3, seed=1, beta=0.0)
    found = [SpatialIV(**TERMS, kind="sdm").fit(world(15, 3, seed=seed, beta=0.0)[0], weights) for seed in range(30)]
    outside = [result for result in found if result.beyond]
    assert outside
    assert all(result.spatial_effects is None and result.has_note("rho_outside") for result in outside)
    assert panel.shape == (15, 3)


@pytest.mark.parametrize(("scale", "code"), [(1.0, "at_boundary"), (2.0, "lambda_outside")])
def test_lambda_of_random_effects_at_or_beyond_its_end_has_no_effects(scale: float, code: str) -> None:
    """spreg ends its search at 0.99; rows that sum to 2 end the range of lambda at 1/2, of which it does not know."""
    panel = world(20, 8, rho=0.0, lam=0.999, w=ring(20))[0]
    weights = Weights.from_matrix(scale * ring(20), panel.units, normalise="none")
    found = SpatialIV(**TERMS, kind="sem", effects="random").fit(panel, weights)
    assert found.ends == ("lambda",)
    assert found.spatial_effects is None
    assert found.has_note(code)
    inside = SpatialIV(**TERMS, kind="sem", effects="random").fit(*world(20, 8, rho=0.0, lam=0.6))
    assert inside.ends == ()
    assert inside.spatial_effects is not None


def test_a_first_stage_with_an_indefinite_covariance_is_repaired_as_a_note_says() -> None:
    model = SpatialIV(y="y", x=("x",), controls=("q",), effects="unit", cov="cluster", cluster="both")
    result = model.fit(fields.panel(), fields.weights())
    assert result.tables["first_stage_coefficients"].notna().all(axis=None)
    assert result.has_note("covariance_repaired")


def groups_of(count: int, size: int) -> FloatArray:
    """Return equal weights within groups of equal size."""
    return np.kron(np.eye(count), (np.ones((size, size)) - np.eye(size)) / (size - 1))


def renamed(panel: Panel, w: FloatArray, seed: int) -> tuple[Panel, Weights]:
    """Return the same study under other names of its units, which put them into another order."""
    places = np.random.default_rng(seed).permutation(len(panel.units))
    names = {unit: f"v{place:03d}" for unit, place in zip(panel.units, places, strict=True)}
    frame = panel.frame().rename(index=names, level=0).reset_index()
    made = Panel.from_frame(frame, panel.unit_name, panel.time_name)
    return made, Weights.from_matrix(w, [names[one] for one in panel.units])


@pytest.mark.long
@pytest.mark.parametrize("cov", ["classic", "robust"])
@pytest.mark.parametrize("kind", ["sem", "sarar"])
@pytest.mark.parametrize(
    ("count", "size", "effects"), [(6, 5, "two_way"), (3, 10, "two_way"), (15, 2, "two_way"), (1, 8, "unit")]
)
def test_the_order_of_units_does_not_matter(count: int, size: int, effects: str, kind: str, cov: str) -> None:
    w = groups_of(count, size)
    panel, weights = world(count * size, 6, seed=3, rho=0.3, lam=0.4, w=w)
    # lags of order two say nothing beside those of order one
    model = SpatialIV(**TERMS, kind=kind, effects=effects, cov=cov)
    first = model.fit(panel, weights)
    assert Note("moments_one") in first.notes
    for seed in range(6):
        again = model.fit(*renamed(panel, w, seed))
        np.testing.assert_allclose(again.coef, first.coef, rtol=1e-7)
        np.testing.assert_allclose(again.estimates["se"], first.estimates["se"], rtol=1e-6)


def test_in_equal_groups_lambda_is_near_that_of_maximum_likelihood() -> None:
    """Both ask that errors vary as much between groups as within; regressors are filtered once, or until they agree."""
    for count, size in ((6, 5), (10, 3), (15, 2)):
        panel, weights = world(count * size, 6, seed=3, rho=0.0, lam=0.4, w=groups_of(count, size))
        found = SpatialIV(**TERMS, kind="sem").fit(panel, weights).estimates.loc["lambda"]
        highest = SpatialPanel(**TERMS, kind="sem").fit(panel, weights).estimates.loc["lambda"]
        assert found["coef"] == pytest.approx(highest["coef"], abs=0.1 * highest["se"])
        assert found["se"] == pytest.approx(highest["se"], rel=0.05)


def test_without_a_moment_of_lambda_nothing_is_fitted() -> None:
    panel, weights = world(8, 5, w=groups_of(1, 8))
    model = SpatialIV(**TERMS, kind="sem")
    with pytest.raises(EstimationError, match="do not identify λ"):
        model.check(panel, weights)


def test_without_errors_there_is_no_lambda() -> None:
    panel, weights = world(12, 4)
    x, z = panel.cube(("x", "z")).transpose(2, 1, 0)
    exact = panel.with_columns({"y": (2 * x - z).ravel()})
    with pytest.raises(EstimationError, match="no errors are left"):
        SpatialIV(**TERMS, kind="sem").fit(exact, weights)
