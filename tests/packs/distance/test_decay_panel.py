"""Spatial panels with an estimated decay: what they read, effects and their errors, and what is refused."""

from __future__ import annotations

from pathlib import Path

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError, WeightsError
from digicarbon.model import Model
from digicarbon.model.batch import Estimand, OneByOne
from digicarbon.source import SimulatedDecay
from digicarbon.spec import build
from digicarbon.weights import InverseDistanceWeights, KNearestWeights, MatrixWeights

MODEL = {"y": "y", "x": ("x",), "controls": ("c",), "durbin": "x"}


def panel_of(**fields: object) -> dc.Panel:
    frame = SimulatedDecay(**{"n": 25, "periods": 6, **fields}).load().frame
    return dc.Panel.from_frame(frame, unit="unit", time="time")


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    return panel_of()


@pytest.mark.parametrize("kind", ["slx", "sar", "sem", "sdm", "sdem"])
def test_given_the_estimated_weights_the_static_model_has_the_same_estimates(panel: dc.Panel, kind: str) -> None:
    model = dc.DecayPanel(**MODEL, kind=kind)
    result = model.fit(panel)
    weights = model.estimated_weights(result, panel)
    static = dc.SpatialPanel(**MODEL, kind=kind, cov="observed").fit(panel, weights)
    assert result.statistics["loglik"] == pytest.approx(static.statistics["loglik"], abs=1e-8)
    assert result.statistics["aic"] == pytest.approx(static.statistics["aic"] + 2)
    for term, row in static.estimates.iterrows():
        assert result.estimates.loc[term, "coef"] == pytest.approx(row["coef"], rel=1e-6)
        # the rate is not known: no standard error is smaller
        assert result.estimates.loc[term, "se"] > row["se"] * (1 - 1e-6)
    np.testing.assert_allclose(result.effects["coef"], static.effects["coef"], rtol=1e-6)
    pd.testing.assert_frame_equal(
        model.unit_effects(result, panel), dc.SpatialPanel(**MODEL, kind=kind).unit_effects(static, panel, weights)
    )


def test_errors_of_effects_are_the_delta_method_in_all_parameters(panel: dc.Panel) -> None:
    model = dc.DecayPanel(**MODEL, kind="sdm")
    result = model.fit(panel)
    distances = InverseDistanceWeights().places(panel).distances()
    np.fill_diagonal(distances, np.inf)

    def effects(values: np.ndarray) -> np.ndarray:
        at = dict(zip(result.terms, values, strict=True))
        raw = distances ** -at["gamma"]
        w = raw / raw.sum(axis=1, keepdims=True)
        matrix = np.linalg.solve(np.eye(len(w)) - at["rho"] * w, at["x"] * np.eye(len(w)) + at["W_x"] * w)
        direct, total = np.diag(matrix).mean(), matrix.sum() / len(w)
        return np.array([direct, total - direct, total])

    step = 1e-5
    moves = step * np.eye(len(result.coef))
    slope = np.array([(effects(result.coef + m) - effects(result.coef - m)) / (2 * step) for m in moves])
    errors = np.sqrt(np.diag(slope.T @ result.covariance @ slope))
    own = result.effects.xs("x", level="term")
    np.testing.assert_allclose(own["coef"], effects(result.coef), rtol=1e-9)
    np.testing.assert_allclose(own["se"], errors, rtol=1e-5)


def test_a_matrix_of_distances_is_read_as_places_are(panel: dc.Panel, tmp_path: Path) -> None:
    distances = InverseDistanceWeights().places(panel).distances()
    file = tmp_path / "km.csv"
    pd.DataFrame(distances, index=panel.units, columns=panel.units).to_csv(file)
    by_places = dc.DecayPanel(**MODEL).fit(panel)
    by_matrix = dc.DecayPanel(**MODEL, distances=MatrixWeights(path=str(file), normalise="none")).fit(panel)
    np.testing.assert_allclose(by_matrix.coef, by_places.coef, rtol=1e-8)
    with pytest.raises(WeightsError, match="normalise: none"):
        dc.DecayPanel(**MODEL, distances=MatrixWeights(path=str(file))).fit(panel)
    distances[0, 1] *= 2
    pd.DataFrame(distances, index=panel.units, columns=panel.units).to_csv(file)
    with pytest.raises(WeightsError, match="symmetric"):
        dc.DecayPanel(**MODEL, distances=MatrixWeights(path=str(file), normalise="none")).fit(panel)


def test_the_unit_of_distance_is_that_of_exponential_decay(panel: dc.Panel) -> None:
    frame = panel.frame().reset_index()
    result = dc.DecayPanel(**MODEL, decay="exponential").fit(panel)
    assert 0.0005 < result.statistics["gamma"] < 0.05
    # whose weights are does not matter, only the places
    other = dc.DecayPanel(**MODEL, decay="exponential", distances=KNearestWeights(k=2)).fit(panel)
    np.testing.assert_array_equal(other.coef, result.coef)
    assert len(frame) == 150


def test_a_cutoff_leaves_far_pairs_out(panel: dc.Panel) -> None:
    model = dc.DecayPanel(**MODEL, kind="sar", cutoff=900.0, range=(0.0, 8.0))
    result = model.fit(panel)
    w = model.estimated_weights(result, panel).matrix.toarray()
    distances = InverseDistanceWeights().places(panel).distances()
    assert ((w > 0) == ((distances > 0) & (distances <= 900))).all()
    with pytest.raises(WeightsError, match="has no other unit within 10"):
        dc.DecayPanel(**MODEL, cutoff=10.0).check(panel)


def test_without_spillovers_a_note_says_that_the_rate_means_nothing() -> None:
    quiet = panel_of(rho=0.0, theta=0.0, seed=4)
    result = dc.DecayPanel(**MODEL, kind="slx").fit(quiet)
    assert result.has_note("decay_not_identified")
    profile = result.tables["decay_profile"]
    assert profile["inside"].all()
    assert profile["ratio"].max() < 3.85
    assert result.listings == ("decay", "decay_profile")
    found = dc.DecayPanel(**MODEL, kind="sdm").fit(panel_of(n=60))
    assert not found.has_note("decay_not_identified")
    assert found.statistics["gamma_low"] < 2.0 < found.statistics["gamma_high"]


@pytest.mark.parametrize("kind", ["slx", "sar", "sdem"])
def test_the_picture_of_the_profile_is_its_likelihood(panel: dc.Panel, kind: str) -> None:
    model = dc.DecayPanel(**MODEL, kind=kind)
    result = model.fit(panel)
    axes = dc.plot_decay(result.tables).axes[0]
    lines = {str(line.get_label()): line for line in axes.get_lines()}
    at, ratio = (np.asarray(values, dtype=float) for values in lines["Likelihood ratio"].get_data())
    assert len(at) >= 60
    data = model.data(panel)[0]
    own = np.array([2 * (result.statistics["loglik"] - data.at(gamma).loglik) for gamma in at.tolist()])
    # no difference that one could see
    assert np.abs(ratio - own).max() < 0.02 * own.max()
    assert lines["Limit of the interval, 3.84"].get_ydata()[0] == pytest.approx(3.841459)
    assert lines["Estimate"].get_xdata()[0] == result.statistics["gamma"]
    assert at[0] < result.statistics["gamma_low"] < result.statistics["gamma_high"] < at[-1]


def test_at_an_end_of_its_range_the_rate_counts_as_known() -> None:
    result = dc.DecayPanel(**MODEL, kind="sdm", range=(0.2, 0.8)).fit(panel_of(n=60))
    assert result.has_note("decay_at_end")
    assert result.statistics["gamma"] == 0.8
    assert np.isnan(result.estimates.loc["gamma", "se"])
    assert np.isfinite(result.effects["se"]).all()


def test_the_spatial_parameter_has_an_interval_for_every_rate_and_a_note_where_it_is_at_an_end() -> None:
    inner = dc.DecayPanel(**MODEL, kind="sdm").fit(panel_of(n=60, periods=10))
    assert inner.has_note("decay_interval_spatial")
    assert not inner.has_note("decay_interval_at_end")
    row = inner.tables["decay"].loc["rho"]
    assert row["low_ratio"] == inner.statistics["rho_low"] < row["coef"] < inner.statistics["rho_high"]
    # many units: both intervals are alike
    np.testing.assert_allclose(row[["low_ratio", "high_ratio"]], row[["low", "high"]], atol=0.5 * row["se"])
    outer = dc.DecayPanel(**MODEL, kind="sdem").fit(panel_of(n=30, periods=6, seed=2))
    assert outer.boundary == ("lambda",)
    assert outer.has_note("decay_interval_at_end")
    assert outer.statistics["lambda_high"] == pytest.approx(1.0)
    assert "rho_low" not in dc.DecayPanel(**MODEL, kind="slx").fit(panel_of()).statistics


def test_what_cannot_be_estimated_is_refused(panel: dc.Panel) -> None:
    with pytest.raises(ConfigError, match="from a smaller to a larger"):
        dc.DecayPanel(**MODEL, range=(2.0, 1.0))
    with pytest.raises(ConfigError, match="without a spatial lag"):
        dc.DecayPanel(**MODEL | {"durbin": []}, kind="slx")
    with pytest.raises(ConfigError, match="all weights are equal"):
        dc.DecayPanel(**MODEL, kind="sdm", range=(0.0, 2.0)).check(panel)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["slx", "sar", "sem", "sdm", "sdem"])
def test_many_outcomes_have_the_numbers_of_single_fits(kind: str) -> None:
    """A search at once for all draws changes no estimate, and the null model is one without x."""
    panel = panel_of(n=20)
    model = dc.DecayPanel(**MODEL, kind=kind)
    null = model.null(panel, None, [])
    other = dc.DecayPanel(**MODEL, kind=kind, decay="exponential").null(panel, None, [])
    assert null is not None
    assert other is not None
    assert null.key != other.key
    made, rng = null.fit(), np.random.default_rng(2)
    outcomes = made.outcomes(np.stack([rng.permutation(20) for _ in range(3)]))
    estimands = [Estimand(quantity, "x") for quantity in model.quantities]
    batch, single = model.batch(panel, None, estimands[0]), OneByOne(model, panel, None, estimands[0])
    ours = batch.several(batch.prepare(outcomes), estimands)
    theirs = single.several(outcomes, estimands)
    np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=1e-5)
    assert np.isfinite(np.array(ours)).any()


def test_the_wild_bootstrap_is_refused_in_a_note(panel: dc.Panel) -> None:
    fields = {name: value for name, value in MODEL.items() if name != "test"}
    default = build(
        {"_target_": "digicarbon.model.DecayPanel", **fields, "kind": "slx", "test": "wild"}, Model, "model"
    )
    assert default.fit(panel).has_note("wild_not_of_decay")
    assert not dc.DecayPanel(**fields, kind="slx", test="errors").fit(panel).has_note("wild_not_of_decay")
    with pytest.raises(ConfigError, match="slx does not have test=wild; it offers errors"):
        dc.DecayPanel(**fields, kind="slx", test="wild").fit(panel)
