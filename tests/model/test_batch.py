"""Fits to many outcomes at once are the public fits, one by one."""

from __future__ import annotations

from itertools import product

import classic as dc
import numpy as np
import pandas as pd
import pytest
from lattice import lattice

from digicarbon.model import Model
from digicarbon.model._panel_batch import LinearFits, null_of
from digicarbon.model._spatial_batch import CombinedFits, ErrorFits, LagFits
from digicarbon.model.batch import Estimand, OneByOne, estimate_of, under_null
from digicarbon.numeric.linear.within import EffectsKind, demean
from digicarbon.numeric.spatial.combined import fit_combined
from digicarbon.numeric.spatial.combined_batch import CombinedBatch
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.robust import Score, unit_clustered

DRAWS = 4
W = lattice(6, 5)


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    rng = np.random.default_rng(8)
    n, t = W.n, 7
    index = pd.MultiIndex.from_product([W.labels, range(2011, 2011 + t)], names=["unit", "year"])
    frame = pd.DataFrame(rng.normal(size=(n * t, 4)), index=index, columns=["y", "a", "b", "c"])
    frame["a"] += 0.7 * frame["b"]
    frame["y"] += 0.4 * frame["a"] - 0.2 * frame["c"]
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year")


def outcomes(panel: dc.Panel) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(9)
    y = panel.column("y")[:, None] + rng.normal(size=(len(panel.index), DRAWS))
    # some dependence in space, of different strength
    cube = y.reshape(W.n, -1, DRAWS)
    for draw, rho in enumerate((0.0, 0.5, 0.8, -0.6)):
        cube[..., draw] = np.linalg.solve(np.eye(W.n) - rho * W.dense(), cube[..., draw])
    return y


def agree(
    model: Model, panel: dc.Panel, estimand: Estimand, kind: type, weights: dc.Weights | None = W, close: float = 1e-8
) -> None:
    batch = model.batch(panel, weights, estimand)
    assert type(batch) is kind
    every = outcomes(panel)
    estimate, se = batch.fit(batch.prepare(every))
    for place, y in enumerate(every.T):
        single = estimate_of(model.fit(panel.with_columns({"y": y.copy()}), weights), estimand)
        assert single is not None
        assert estimate[place] == pytest.approx(single[0], rel=close, abs=close / 1000)
        assert se[place] == pytest.approx(single[1], rel=10 * close)


COVARIANCES = [
    ("classic", "unit"), ("robust", "unit"), ("cluster", "unit"), ("cluster", "time"), ("cluster", "both"),
]  # fmt: skip


@pytest.mark.parametrize(("cov", "cluster"), COVARIANCES)
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
@pytest.mark.parametrize("rule", ["stata", "sss", "hc3"])
def test_linear(panel: dc.Panel, effects: str, cov: str, cluster: str, rule: str) -> None:
    fields = {"effects": effects, "cov": cov, "cluster": cluster, "small_sample": rule}
    model = dc.PanelRegression(y="y", x=("a",), controls=("b", "c"), **fields)
    agree(model, panel, Estimand("coefficient", "a"), LinearFits, None)


@pytest.mark.parametrize("cluster", [("zone", "mixed"), ("zone", "time"), ("unit", "mixed")])
@pytest.mark.parametrize("fields", [{}, {"effects": "none"}, {"small_sample": "sss"}, {"small_sample": "hc3"}])
def test_linear_with_clusters_of_two_columns(
    panel: dc.Panel, cluster: tuple[str, str], fields: dict[str, object]
) -> None:
    unit, period = panel.unit_codes, panel.period_codes
    made = panel.with_columns({"zone": (unit % 6).astype(float), "mixed": ((unit + period) % 8).astype(float)})
    model = dc.PanelRegression(y="y", x=("a",), controls=("b",), cov="cluster", cluster=cluster, **fields)
    agree(model, made, Estimand("coefficient", "a"), LinearFits, None)


def test_linear_of_an_unbalanced_panel_and_of_dummies(panel: dc.Panel) -> None:
    model = dc.PanelRegression(y="y", x=("a",), controls=("b",), cov="cluster", estimator="lsdv")
    agree(model, panel, Estimand("total", "a"), LinearFits, None)
    keep = np.ones(len(panel.index), dtype=bool)
    keep[[3, 4, 40, 91]] = False
    gaps = panel.rows(keep)
    model = dc.PanelRegression(y="y", x=("a",), controls=("b",), cov="cluster")
    batch = model.batch(gaps, None, Estimand("coefficient", "a"))
    estimate, se = batch.fit(batch.prepare(gaps.column("y")[:, None]))
    single = model.fit(gaps).estimates.loc["a"]
    np.testing.assert_allclose([estimate[0], se[0]], [single["coef"], single["se"]], rtol=1e-9)


SPATIAL = [
    (kind, effects, correction)
    for kind, effects, correction in product(
        ("slx", "sar", "sem", "sdm", "sdem"),
        ("none", "unit", "time", "two_way"),
        ("lee_yu", "none", "bias_corrected"),
    )
    if not (kind == "slx" and correction == "bias_corrected")
]


@pytest.mark.parametrize(("kind", "effects", "correction"), SPATIAL)
def test_spatial(panel: dc.Panel, kind: str, effects: str, correction: str) -> None:
    fields = {"effects": effects, "bias_correction": correction}
    model = dc.SpatialPanel(y="y", x=("a",), controls=("b",), kind=kind, **fields)
    found = LinearFits if kind == "slx" else ErrorFits if kind in ("sem", "sdem") else LagFits
    for quantity in ("coefficient", "direct", "total", *(() if kind == "sem" else ("indirect",))):
        agree(model, panel, Estimand(quantity, "a"), found)


@pytest.mark.parametrize("kind", ["slx", "sar", "sem", "sdm", "sdem"])
@pytest.mark.parametrize("effects", ["none", "time", "two_way"])
@pytest.mark.parametrize("cov", ["cluster", "observed"])
def test_spatial_errors(panel: dc.Panel, kind: str, effects: str, cov: str) -> None:
    model = dc.SpatialPanel(y="y", x=("a",), controls=("b",), kind=kind, effects=effects, cov=cov)
    found = LinearFits if kind == "slx" else ErrorFits if kind in ("sem", "sdem") else LagFits
    for quantity in ("coefficient", "direct", "total"):
        agree(model, panel, Estimand(quantity, "a"), found)


@pytest.mark.parametrize("kind", ["sar", "sdm", "sem", "sdem"])
@pytest.mark.parametrize("correction", ["none", "bias_corrected"])
def test_direct_estimates_clustered(panel: dc.Panel, kind: str, correction: str) -> None:
    fields = {"bias_correction": correction, "cov": "cluster"}
    model = dc.SpatialPanel(y="y", x=("a",), controls=("b",), kind=kind, **fields)
    agree(model, panel, Estimand("total", "a"), ErrorFits if kind in ("sem", "sdem") else LagFits)


def test_clustered_errors_of_an_outcome_in_any_unit(panel: dc.Panel) -> None:
    """Products of residuals, squared, are numbers that a short format may not hold."""
    model = dc.SpatialPanel(y="y", x=("a",), controls=("b",), kind="sdm", cov="cluster")
    batch, every = model.batch(panel, W, Estimand("total", "a")), outcomes(panel)
    once = np.array(batch.fit(batch.prepare(every)))
    for factor in (1e-14, 1e14):
        np.testing.assert_allclose(np.array(batch.fit(batch.prepare(factor * every))) / factor, once, rtol=1e-6)


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
@pytest.mark.parametrize("correction", ["lee_yu", "none"])
@pytest.mark.parametrize("cov", ["classic", "cluster", "observed"])
def test_combined(panel: dc.Panel, effects: str, correction: str, cov: str) -> None:
    fields = {"effects": effects, "bias_correction": correction, "cov": cov}
    model = dc.SpatialPanel(y="y", x=("a",), controls=("b",), kind="sac", **fields)
    for quantity in ("coefficient", "indirect"):
        agree(model, panel, Estimand(quantity, "a"), CombinedFits, close=1e-6)


def test_combined_with_two_matrices(panel: dc.Panel) -> None:
    ring = np.roll(np.eye(W.n), 1, axis=1) + np.roll(np.eye(W.n), -1, axis=1)
    order = np.random.default_rng(2).permutation(W.n)
    spaces = [
        LagSpace(dc.Weights.from_matrix(matrix, W.labels).operator, Sample(W.n, 7, "two_way", "lee_yu"))
        for matrix in (W.dense(), ring[order][:, order])
    ]
    z = panel.cube(("a", "b"))
    batch = CombinedBatch(z, *spaces)
    every = outcomes(panel)
    cubes = every.reshape(W.n, -1, DRAWS)
    for errors in ("classic", "cluster"):
        ((estimate, se),), rho, lam = batch.several(batch.outcomes(cubes), [(0, None, "coefficient")], errors)
        for draw in range(DRAWS):
            raw = np.concatenate([z, cubes[..., draw].T[..., None]], axis=2)
            raw = np.concatenate([raw, spaces[0].w.lag(raw[..., -1:])], axis=2)
            lagged = demean(spaces[1].w.lag(raw), "two_way")
            single = fit_combined(demean(raw, "two_way"), lagged, spaces[0].w, spaces[1].w, spaces[0].sample)
            score = Score.of(single.z, single.residuals, single.sigma2, single.terms, spaces[0].sample)
            covariance = single.covariance
            if errors == "cluster":
                covariance = unit_clustered(covariance, score, single.sigma2, spaces[0].sample)
            np.testing.assert_allclose([rho[draw], lam[draw]], [single.rho, single.lam], atol=1e-7)
            expected = single.beta[0], np.sqrt(covariance[0, 0])
            np.testing.assert_allclose([estimate[draw], se[draw]], expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["sar", "sdm", "sem", "sdem", "slx"])
def test_spatial_with_rows_of_different_sums(panel: dc.Panel, kind: str) -> None:
    raw = dc.Weights.from_matrix((W.dense() > 0).astype(float), W.labels, normalise="spectral")
    model = dc.SpatialPanel(y="y", x=("a",), controls=("b",), kind=kind, effects="unit")
    for quantity in ("direct", "total"):
        batch = model.batch(panel, raw, Estimand(quantity, "a"))
        y = panel.column("y")[:, None]
        single = estimate_of(model.fit(panel, raw), Estimand(quantity, "a"))
        np.testing.assert_allclose(np.array(batch.fit(batch.prepare(y)))[:, 0], single, rtol=1e-8)


def test_spatial_with_complex_eigenvalues(panel: dc.Panel) -> None:
    rng = np.random.default_rng(2)
    matrix = np.zeros((W.n, W.n))
    for unit in range(W.n):
        matrix[unit, rng.choice(np.delete(np.arange(W.n), unit), 4, replace=False)] = 1
    directed = dc.Weights.from_matrix(matrix, W.labels)
    assert np.iscomplexobj(directed.operator.eigenvalues)
    for kind in ("sdm", "sdem"):
        model = dc.SpatialPanel(y="y", x=("a",), controls=("b",), kind=kind)
        agree(model, panel, Estimand("total", "a"), LagFits if kind == "sdm" else ErrorFits, directed)


@pytest.mark.parametrize(
    "fields",
    [
        {"cov": "driscoll_kraay"},
        {"effects": "random"},
    ],
)
def test_other_linear_kinds_are_fitted_one_by_one(panel: dc.Panel, fields: dict[str, object]) -> None:
    agree(dc.PanelRegression(y="y", x=("a",), **fields), panel, Estimand("coefficient", "a"), OneByOne, None)


@pytest.mark.parametrize("cov", ["classic", "robust", "cluster"])
@pytest.mark.parametrize(
    "fields",
    [
        {"estimator": "between", "effects": "unit"},
        {"estimator": "between", "effects": "time"},
        {"estimator": "first_difference", "effects": "unit"},
        {"estimator": "first_difference", "effects": "two_way"},
    ],
)
def test_means_and_differences(panel: dc.Panel, fields: dict[str, object], cov: str) -> None:
    if fields["estimator"] == "between" and cov == "cluster":
        return
    model = dc.PanelRegression(y="y", x=("a",), controls=("b",), cov=cov, **fields)
    agree(model, panel, Estimand("coefficient", "a"), LinearFits, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "sac", "cov": "robust"},
        {"kind": "sdm", "cov": "robust"},
        {"kind": "sdm", "cov": "observed", "bias_correction": "bias_corrected"},
        {"kind": "sdm", "demeaning": "first", "bias_correction": "none"},
    ],
)
def test_other_spatial_kinds_are_fitted_one_by_one(panel: dc.Panel, fields: dict[str, object]) -> None:
    agree(dc.SpatialPanel(y="y", x=("a",), controls=("b",), **fields), panel, Estimand("total", "a"), OneByOne)


def test_focal_terms_go_with_all_that_is_made_of_them() -> None:
    terms = ("ln_e", "ln_e^2", "L.ln_e", "ln_e:b", "b", "C(region)", "ln_ee")
    assert under_null(("ln_e",), terms) == ("b", "C(region)", "ln_ee")
    assert under_null(("a:C(region)",), ("a:C(region)", "a", "C(region)")) == ("a", "C(region)")
    assert under_null(("a b",), ("a b", "a b^2", "c")) == ("c",)


def test_the_indirect_effect_of_a_model_without_spatial_terms_does_not_exist(panel: dc.Panel) -> None:
    found = dc.PanelRegression(y="y", x=("a",)).fit(panel)
    row = found.estimates.loc["a"]
    for quantity in ("coefficient", "direct", "total"):
        assert estimate_of(found, Estimand(quantity, "a")) == pytest.approx((row["coef"], row["se"]))
    assert estimate_of(found, Estimand("indirect", "a")) is None


@pytest.mark.parametrize("kind", ["sem", "sdem"])
def test_at_the_boundary_of_lambda_there_is_no_number_as_in_a_single_fit(panel: dc.Panel, kind: str) -> None:
    model = dc.SpatialPanel(y="y", x=("a",), controls=("b",), kind=kind, effects="time")
    values, vectors = np.linalg.eig(W.dense())
    wave = np.real(vectors[:, np.argsort(-np.real(values))[1]])
    rng = np.random.default_rng(3)
    years = len(panel.index) // W.n
    smooth = np.outer(wave, rng.normal(size=years)) + 0.0005 * rng.normal(size=(W.n, years))
    batch = model.batch(panel, W, Estimand("total", "a"))
    estimate, se = batch.fit(batch.prepare(np.column_stack([smooth.ravel(), panel.column("y")])))
    assert model.fit(panel.with_columns({"y": smooth.ravel()}), W).boundary == ("lambda",)
    assert np.isnan([estimate[0], se[0]]).all()
    assert np.isfinite([estimate[1], se[1]]).all()


@pytest.mark.parametrize("effects", ["time", "two_way"])
@pytest.mark.parametrize("names", [(), ("b",)])
def test_a_linear_null_model_takes_no_filter_from_weights_of_a_flat_likelihood(
    panel: dc.Panel, effects: EffectsKind, names: tuple[str, ...]
) -> None:
    # once time effects are gone, equal weights only divide each value by 1 - N, whatever rho is
    equal = dc.Weights.from_matrix(np.ones((W.n, W.n)) - np.eye(W.n), W.labels)
    alone, plain = (null_of(panel, "y", names, effects, candidates).fit() for candidates in ([equal], []))
    assert alone.filters == plain.filters == ()
    np.testing.assert_array_equal(alone.residuals, plain.residuals)
    both, other = (null_of(panel, "y", names, effects, candidates).fit() for candidates in ([equal, W], [W]))
    assert [rho for _, rho in both.filters] == [rho for _, rho in other.filters] != []
    np.testing.assert_array_equal(both.residuals, other.residuals)
