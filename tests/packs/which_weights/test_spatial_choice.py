"""Comparison of spatial models and W in one run: the rows, the criteria, what is refused."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from classic import SpatialPanel

from digicarbon.diagnostic import Diagnostic, SpatialChoice
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.weights import MatrixWeights

N, T = 20, 5
OWN = Note("weights_of_the_run")


def ring(reach: int) -> pd.DataFrame:
    """Neighbours on a ring, up to some steps away to the right and the left."""
    names = [f"u{i:02d}" for i in range(N)]
    steps = np.abs(np.arange(N)[:, None] - np.arange(N))
    near = np.minimum(steps, N - steps)
    w = ((near > 0) & (near <= reach)).astype(float)
    return pd.DataFrame(w / w.sum(axis=1, keepdims=True), names, names)


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    rng = np.random.default_rng(3)
    w = ring(1)
    x = rng.normal(size=(2, N, T))
    y = np.linalg.solve(np.eye(N) - 0.5 * w.to_numpy(), x[0] - 0.5 * x[1] + 0.5 * rng.normal(size=(N, T)))
    index = pd.MultiIndex.from_product([w.index, range(2001, 2001 + T)], names=["unit", "year"])
    frame = pd.DataFrame({"y": y.ravel(), "x": x[0].ravel(), "z": x[1].ravel()}, index)
    return dc.Panel.from_frame(frame.reset_index(), "unit", "year")


@pytest.fixture(scope="module")
def weights() -> dc.Weights:
    return dc.Weights.from_matrix(ring(1), list(ring(1).index), name="near")


def model(**fields: Any) -> SpatialPanel:
    return SpatialPanel(**{"y": "y", "x": ("x",), "controls": ("z",), "kind": "sar"} | fields)


def test_rows_of_a_run(panel: dc.Panel, weights: dc.Weights, tmp_path: Any) -> None:
    """The run is first, the true model has the highest probability, criteria are those of the fits."""
    for name, reach in (("near", 1), ("far", 4)):
        ring(reach).to_csv(tmp_path / f"{name}.csv")
    nodes = tuple(MatrixWeights(path=str(tmp_path / f"{name}.csv")) for name in ("near", "far"))
    diagnostic = SpatialChoice(model=model(bias_correction="none"), weights=nodes, draws=99)
    tables = diagnostic.tables(panel, weights)
    table = tables["spatial_choice"]
    # the W of the run is not compared with itself
    assert len(table) == 10
    assert table.index[0] == ("SAR", OWN)
    assert table["probability"].sum() == pytest.approx(1)
    assert table["probability"].to_numpy().argmax() == 0
    for kind in ("slx", "sar", "sdm", "sem", "sdem"):
        fit = model(kind=kind).fit(panel, weights)
        row = table.loc[(kind.upper(), OWN)]
        for name in ("loglik", "aic", "bic"):
            assert row[name] == pytest.approx(fit.statistics[name], abs=1e-6)
    assert np.isnan(table["gain_p"].iloc[0])
    far = table.loc[[place for place in table.index if place[1] != OWN]]
    assert (far["gain"] < 0).all()
    assert far["vuong"].notna().all()
    # the Durbin model contains the lag model: no test of equally wrong models
    assert np.isnan(table.loc[("SDM", OWN), "vuong"])
    run = tables["spatial_choice_run"].iloc[0]
    assert tables["spatial_choice_units"]["loglik"].sum() == pytest.approx(run["loglik"])
    assert diagnostic.statistics(tables) == {
        "log_marginal": run["log_marginal"],
        "probability": table["probability"].iloc[0],
        "probability_mild": table["probability_mild"].iloc[0],
        "design_effect": run["design_effect"],
    }
    size, k = run["observations"], run["parameters"]
    assert run["aicc"] == pytest.approx(run["aic"] + 2 * k * (k + 1) / (size - k - 1))
    # by hand: k of the Durbin model's slopes, and each log marginal likelihood with its maximum to the power 1/k
    errors = [
        model(kind="sdm", bias_correction="lee_yu", cov=cov).fit(panel, weights) for cov in ("cluster", "classic")
    ]
    places = [errors[0].terms.index(term) for term in ("x", "z", "W_x", "W_z")]
    wide, narrow = (one.covariance[np.ix_(places, places)] for one in errors)
    k = max(1.0, np.trace(wide @ np.linalg.inv(narrow)) / 4)
    assert k > 1.05
    assert run["design_effect"] == pytest.approx(k)
    log = table["log_marginal"] - (1 - 1 / k) * table["loglik"]
    np.testing.assert_allclose(table["probability"], np.exp(log - log.max()) / np.exp(log - log.max()).sum())
    assert table["probability_mild"].sum() == pytest.approx(1)
    # the milder prior takes less off for lags of x
    odds = [table[name].loc[("SDM", OWN)] / table[name].iloc[0] for name in ("probability", "probability_mild")]
    assert odds[0] < odds[1]


def test_a_single_candidate_has_no_probability(panel: dc.Panel, weights: dc.Weights) -> None:
    """What is compared with nothing has no probability, and none is recorded."""
    diagnostic = SpatialChoice(model=model(), kinds=(), draws=0)
    tables = diagnostic.tables(panel, weights)
    assert tables["spatial_choice"][["probability", "probability_mild"]].isna().all(axis=None)
    assert set(diagnostic.statistics(tables)) == {"log_marginal", "design_effect"}


def test_weights_that_are_made(panel: dc.Panel, weights: dc.Weights, tmp_path: Any) -> None:
    """Weights and their specification are the same rivals; both can be written down."""
    ring(4).to_csv(tmp_path / "far.csv")
    spec = MatrixWeights(path=str(tmp_path / "far.csv"))
    made = dc.Weights.from_matrix(ring(4), list(ring(4).index), name="far")
    tables = [
        SpatialChoice(model=model(), weights=(one,), draws=0).tables(panel, weights)["spatial_choice"]
        for one in (spec, made)
    ]
    assert np.array_equal(tables[0].to_numpy(), tables[1].to_numpy(), equal_nan=True)
    dumped = SpatialChoice(model=model(), weights=(made,)).model_dump()["weights"]
    assert dumped == ({"name": "far", "digest": made.digest},)


def test_data_are_recognised(panel: dc.Panel, weights: dc.Weights) -> None:
    """Runs of another kind or W have equal data, those of another outcome or sample not."""

    def data(one: SpatialPanel, of: dc.Panel = panel) -> float:
        return float(SpatialChoice(model=one, draws=0).tables(of, weights)["spatial_choice_run"]["data"].iloc[0])

    assert data(model()) == data(model(kind="sem", controls=()))
    assert data(model()) != data(model(y="z", controls=()))


def test_combined_model(panel: dc.Panel, weights: dc.Weights) -> None:
    """The combined model has a marginal likelihood and criteria, and no tests against rivals."""
    tables = SpatialChoice(model=model(kind="sac"), draws=99).tables(panel, weights)
    row = tables["spatial_choice"].iloc[0]
    fit = model(kind="sac").fit(panel, weights)
    assert row["loglik"] == pytest.approx(fit.statistics["loglik"])
    assert row["bic"] == pytest.approx(fit.statistics["bic"])
    assert tables["spatial_choice_units"]["loglik"].sum() == pytest.approx(row["loglik"])
    assert tables["spatial_choice"]["gain_p"].isna().all()


def test_some_lags(panel: dc.Panel, weights: dc.Weights) -> None:
    """The Durbin set of the run is that of all its rivals; the error model is then not inside the Durbin model."""
    diagnostic = SpatialChoice(model=model(kind="sdm", durbin="x"), draws=0)
    table = diagnostic.tables(panel, weights)["spatial_choice"]
    for kind in ("slx", "sdem"):
        fit = model(kind=kind, durbin="x").fit(panel, weights)
        assert table.loc[(kind.upper(), OWN), "loglik"] == pytest.approx(fit.statistics["loglik"], abs=1e-6)
    assert np.isfinite(table.loc[("SEM", OWN), "vuong"])
    assert np.isnan(table.loc[("SAR", OWN), "vuong"])


@pytest.mark.parametrize("effects", ["none", "unit", "time"])
def test_other_effects(panel: dc.Panel, weights: dc.Weights, effects: str) -> None:
    """Likelihoods are those of the models with these effects."""
    table = SpatialChoice(model=model(effects=effects), draws=0).tables(panel, weights)["spatial_choice"]
    for kind in ("slx", "sar", "sdm", "sem", "sdem"):
        fit = model(kind=kind, effects=effects).fit(panel, weights)
        assert table.loc[(kind.upper(), OWN), "loglik"] == pytest.approx(fit.statistics["loglik"], abs=1e-6)


def test_what_is_refused(panel: dc.Panel, weights: dc.Weights) -> None:
    """Other models, random effects, other W of the error, too few draws."""
    other = dc.PanelRegression(y="y", x=("x",), controls=())
    refused: list[tuple[Diagnostic, str]] = [
        (SpatialChoice(model=other), "compares spatial models"),
        (SpatialChoice(model=model(effects="random")), "fixed effects"),
        (SpatialChoice(model=model(), draws=50), "0 and from 99 on"),
        (SpatialChoice(model=model(), draws=1), "0 and from 99 on"),
    ]
    for diagnostic, words in refused:
        with pytest.raises(ConfigError, match=words):
            diagnostic.check(panel, weights)


def test_seed_and_draws_are_said() -> None:
    """Without draws no note on tests."""
    assert [note.code for note in SpatialChoice(model=model()).notes][-1] == "spatial_choice_tests"
    assert [note.code for note in SpatialChoice(model=model(), draws=0, prior="flat").notes] == [
        "spatial_choice_sample",
        "spatial_choice_equal",
        "spatial_choice_flat",
        "spatial_choice_mild",
    ]


def test_a_prior_is_recorded_with_what_it_gave(panel: dc.Panel, weights: dc.Weights) -> None:
    for prior in ("g", "flat"):
        found = SpatialChoice(model=model(), draws=99, prior=prior).tables(panel, weights)
        assert found["spatial_choice_run"]["flat"].tolist() == [float(prior == "flat")]
