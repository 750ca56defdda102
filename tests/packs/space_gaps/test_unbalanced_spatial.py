"""Spatial panels whose units or weights differ between periods, and those of several weights."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, DigicarbonError, WeightsError
from digicarbon.model.batch import Estimand, OneByOne, estimate_of
from digicarbon.packs.space_gaps.model._period_nulls import lagged_basis
from digicarbon.packs.space_gaps.numeric.surface import Values
from digicarbon.weights import WeightsByPeriod

N, T = 24, 6
SPEC: dict[str, Any] = {"y": "y", "x": ["a"], "controls": ["b"]}
UNITS = [f"u{i:02d}" for i in range(N)]


def links(seed: int = 1) -> FloatArray:
    rng = np.random.default_rng(seed)
    raw = np.triu(rng.random((N, N)) < 0.2, 1) * 1.0
    raw = raw + raw.T
    ring = np.roll(np.eye(N), 1, axis=1)
    return np.maximum(raw, ring + ring.T)


def weights(seed: int = 1) -> dc.Weights:
    return dc.Weights.from_matrix(links(seed), UNITS)


def frame(seed: int = 1, rho: float = 0.4, by: list[FloatArray] | None = None) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b, e = rng.standard_normal((3, T, N))
    lead = a + 0.5 * b + rng.standard_normal(N) + rng.standard_normal(T)[:, None] + e
    every = [dc.Weights.from_matrix(one, UNITS).dense() for one in (by or [links()] * T)]
    y = np.stack([np.linalg.solve(np.eye(N) - rho * w, row) for w, row in zip(every, lead, strict=True)])
    index = pd.MultiIndex.from_product([range(2001, 2001 + T), UNITS], names=["year", "unit"])
    made = pd.DataFrame({"y": y.ravel(), "a": a.ravel(), "b": b.ravel()}, index=index).reset_index()
    zones = dict(zip(UNITS, np.arange(N) ** 2 % 11, strict=True))
    return made.assign(zone=made["unit"].map(zones).astype(str), same=made["unit"])


def panel_of(table: pd.DataFrame) -> dc.Panel:
    return dc.Panel.from_frame(table, unit="unit", time="year", gaps="keep")


def some(table: pd.DataFrame, share: float = 0.15, seed: int = 5) -> pd.DataFrame:
    return table[np.random.default_rng(seed).random(len(table)) >= share]


def model(kind: str = "sdm", **fields: Any) -> dc.UnbalancedSpatialPanel:
    return dc.UnbalancedSpatialPanel(**SPEC | {"kind": kind} | fields)


@pytest.mark.parametrize("kind", ["slx", "sar", "sem", "sdm", "sdem"])
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
@pytest.mark.parametrize(("ours", "theirs"), [("adjusted_score", "lee_yu"), ("none", "none")])
def test_a_balanced_panel_is_that_of_spatial_panel(kind: str, effects: str, ours: str, theirs: str) -> None:
    panel = panel_of(frame())
    found = model(kind, effects=effects, bias_correction=ours).fit(panel, weights())
    known = dc.SpatialPanel(**SPEC, kind=kind, effects=effects, bias_correction=theirs).fit(panel, weights())
    assert found.terms == known.terms
    np.testing.assert_allclose(found.coef, known.coef, rtol=1e-8)
    np.testing.assert_allclose(found.covariance, known.covariance, rtol=1e-7, atol=1e-12)
    assert found.spatial_effects is not None
    assert known.spatial_effects is not None
    np.testing.assert_allclose(found.spatial_effects.coef, known.spatial_effects.coef, rtol=1e-8)
    np.testing.assert_allclose(found.spatial_effects.se, known.spatial_effects.se, rtol=1e-7)
    assert found.statistics["nobs_effective"] == known.statistics["nobs_effective"]
    assert found.statistics["r2_within"] == pytest.approx(known.statistics["r2_within"])
    assert found.statistics["df_resid"] == known.statistics["df_resid"]
    if ours == "none":
        assert found.statistics["loglik"] == pytest.approx(known.statistics["loglik"], abs=1e-8)


@pytest.mark.parametrize("cov", ["classic", "cluster"])
@pytest.mark.parametrize(("kind", "spatial"), [("sar", "rho"), ("sdm", "rho"), ("sem", "lambda")])
@pytest.mark.parametrize(("ours", "theirs"), [("adjusted_score", "lee_yu"), ("none", "none")])
def test_the_end_of_a_range_is_that_of_spatial_panel(kind: str, spatial: str, cov: str, ours: str, theirs: str) -> None:
    """What is within a thousandth of the range from its end has no error, no stars and no effects."""
    panel, fields = panel_of(frame(rho=0.9993)), {"kind": kind, "effects": "unit", "cov": cov}
    fitted = model(**fields, bias_correction=ours)
    found = fitted.fit(panel, weights())
    known = dc.SpatialPanel(**SPEC, **fields, bias_correction=theirs).fit(panel, weights())
    assert 0.998 < known.estimates.loc[spatial, "coef"] < 0.99999
    for result in (found, known):
        assert result.boundary == (spatial,)
        assert result.spatial_effects is None
        assert np.isnan(result.estimates.loc[spatial, "se"])
        assert result.has_note("at_boundary")
    batch = fitted.batch(panel, weights(), Estimand("direct", "a"))
    assert np.isnan(batch.fit(batch.prepare(panel.array(("y",))))[0]).all()


@pytest.mark.parametrize("kind", ["slx", "sar", "sem", "sdm", "sdem"])
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
@pytest.mark.parametrize("cluster", ["unit", "zone"])
def test_clustered_errors_of_a_balanced_panel_are_those_of_spatial_panel(kind: str, effects: str, cluster: str) -> None:
    panel = panel_of(frame())
    for ours, theirs in (("adjusted_score", "lee_yu"), ("none", "none")):
        fields: dict[str, Any] = {"kind": kind, "effects": effects, "cov": "cluster", "cluster": cluster}
        found = model(**fields, bias_correction=ours).fit(panel, weights())
        known = dc.SpatialPanel(**SPEC, **fields, bias_correction=theirs).fit(panel, weights())
        np.testing.assert_allclose(found.covariance, known.covariance, rtol=1e-7, atol=1e-12)
        assert found.notes[0] == known.notes[0]


@pytest.mark.parametrize("kind", ["slx", "sdm", "sem"])
def test_clusters_of_a_column_with_gaps(kind: str) -> None:
    panel = panel_of(some(frame()))
    one, other = (model(kind, cov="cluster", cluster=cluster).fit(panel, weights()) for cluster in ("unit", "same"))
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-9, atol=1e-14)
    found = model(kind, cov="cluster", cluster="zone", test="wild", intervals=False).fit(panel, weights())
    note = next(note for note in found.notes if note.code == "wild_p_by")
    assert note["by"] == "zone"
    count = 2 ** len({value**2 % 11 for value in range(N)})
    p = found.estimates.loc["a", "p"]
    assert p * count == pytest.approx(round(p * count))


@pytest.mark.parametrize(("cluster", "words"), [("half", "2 clusters by half are too few"), ("moves", "cluster=moves")])
def test_clusters_that_cannot_be_are_refused_before_the_fit(cluster: str, words: str) -> None:
    table = frame()
    panel = panel_of(table.assign(half=table["unit"] < "u12", moves=table["year"].astype(str)))
    with pytest.raises(DigicarbonError, match=words):
        model(cov="cluster", cluster=cluster).check(panel, weights())
    with pytest.raises(DigicarbonError, match="offers unit, a column"):
        model(cov="cluster", cluster="time")


@pytest.mark.parametrize("kind", ["slx", "sar", "sdm", "sem", "sdem"])
@pytest.mark.parametrize(("cov", "cluster"), [("classic", "unit"), ("cluster", "unit"), ("cluster", "zone")])
def test_many_outcomes_are_fitted_as_single_ones(kind: str, cov: str, cluster: str) -> None:
    panel, fitted = panel_of(some(frame())), model(kind, cov=cov, cluster=cluster)
    result = fitted.fit(panel, weights())
    null = fitted.null(panel, weights(), [])
    assert null is not None
    made = null.fit()
    rng = np.random.default_rng(2)
    outcomes = made.y[:, None] + made.unfiltered(rng.standard_normal((len(made.y), 3)))
    for quantity in fitted.quantities:
        estimand = Estimand(quantity, "a")
        batch = fitted.batch(panel, weights(), estimand)
        coef, se = batch.fit(batch.prepare(np.column_stack([made.y, outcomes])))
        np.testing.assert_allclose((coef[0], se[0]), estimate_of(result, estimand), rtol=1e-8)
        for draw in range(3):
            own = fitted.fit(panel.with_columns({"y": np.ascontiguousarray(outcomes[:, draw])}), weights())
            np.testing.assert_allclose((coef[draw + 1], se[draw + 1]), estimate_of(own, estimand), rtol=1e-7)


def test_the_null_model_filters_by_period() -> None:
    """S times the outcome less its residuals is a combination of regressors and effects."""
    panel, fitted = panel_of(some(frame())), model("sem")
    null = fitted.null(panel, weights(), [])
    assert null is not None
    made = null.fit()
    assert made.spatial
    draws = made.unfiltered(np.eye(len(made.y)))
    # the inverse of I - λW of each period, of observed units only
    period = panel.period_codes
    assert not draws[np.not_equal.outer(period, period)].any()
    own = np.flatnonzero(period == 0)
    inverse = np.linalg.inv(draws[np.ix_(own, own)])
    w = weights().restrict([panel.units[code] for code in panel.unit_codes[own]], "keep").dense()
    off = np.eye(len(own)) - inverse
    lam = off[w > 0] / w[w > 0]
    np.testing.assert_allclose(lam, lam[0], rtol=1e-8)


@pytest.mark.parametrize("kind", ["sdm", "sem"])
def test_the_wild_bootstrap_has_p_values_of_coefficients_and_effects(kind: str) -> None:
    panel = panel_of(some(frame()))
    found = model(kind, test="wild", draws=99, intervals=kind == "sdm").fit(panel, weights())
    assert found.resampled is not None
    place = found.terms.index("a")
    assert 0 < found.resampled.estimates[0, place] <= 0.02
    assert found.resampled.effects[0, 0, 0] <= 0.02
    if kind == "sdm":
        low, high = found.resampled.estimates[1:, place]
        assert low < found.coef[place] < high
        assert found.estimates.loc["a", "low"] == low


def test_weights_are_standardised_again_or_once() -> None:
    table = some(frame())
    panel, w = panel_of(table), weights()
    again, once = (model("slx", restandardise=how).design(panel, w) for how in (True, False))
    sums = again.space.weights.blocks.sum(axis=3)
    assert np.isclose(sums, 1).sum() + (sums == 0).sum() == sums.size
    assert (once.space.weights.blocks.sum(axis=3) <= 1 + 1e-12).all()
    # the lag of a column is the mean over observed neighbours
    place = again.names.index("W_a")
    first = table[table["year"] == 2001].set_index("unit")["a"]
    unit = first.index[0]
    near = [other for other in first.index if links()[UNITS.index(unit), UNITS.index(other)]]
    assert again.level[0, UNITS.index(unit), place] == pytest.approx(first[near].mean())
    everyone = links()[UNITS.index(unit)].sum()
    assert once.level[0, UNITS.index(unit), place] == pytest.approx(first[near].sum() / everyone)


def test_units_without_observed_neighbours_and_units_seen_once_are_in_the_notes() -> None:
    table = frame()
    ring = np.roll(np.eye(N), 1, axis=1)
    w = dc.Weights.from_matrix(ring + ring.T, UNITS)
    gone = (table["year"] == 2002) & table["unit"].isin(["u04", "u06"])
    once = (table["unit"] == "u10") & (table["year"] != 2003)
    found = model("sar").fit(panel_of(table[~gone & ~once]), w)
    notes = {note.code: dict(note.fields) for note in found.notes}
    assert notes["islands_by_selection"]["observations"] == 1
    assert notes["islands_by_selection"]["periods"] == 1
    assert notes["units_seen_once"]["units"] == 1
    assert notes["selected_within_periods"]["rows"] == N * T - 2 - (T - 1)


def test_a_period_of_one_unit_and_parts_without_common_units_are_fitted() -> None:
    table = frame()
    single = panel_of(table[(table["year"] != 2004) | (table["unit"] == "u03")])
    found = model("sar", effects="unit").fit(single, weights())
    assert np.isfinite(found.covariance).all()
    early = table["unit"] < "u12"
    apart = panel_of(table[early == (table["year"] < 2004)])
    found = model("sar").fit(apart, weights())
    assert found.statistics["nobs_effective"] == N * T / 2 - (N + T - 2)
    assert np.isfinite(found.covariance).all()


def test_what_cannot_be_fitted_is_refused_with_its_reason() -> None:
    panel = panel_of(some(frame()))
    with pytest.raises(WeightsError, match="join no two units"):
        model("sar").fit(panel, dc.Weights.from_matrix(np.zeros((N, N)), UNITS, islands="keep"))
    with pytest.raises(WeightsError, match="belong to slx, sar and sdm"):
        model("sem").fit(panel, weights(), [weights(2)])
    with pytest.raises(DigicarbonError, match="belong to slx, sar and sdm"):
        dc.UnbalancedSpatialPanel(
            **SPEC, kind="sem", further_weights=[{"_target_": "digicarbon.weights.KNearestWeights", "k": 2}]
        )
    with pytest.raises(WeightsError, match="takes further weights from the model"):
        model("sar", test="wild").fit(panel, weights(), [weights(2)])
    with pytest.raises(DigicarbonError, match="weights"):
        model("sar").fit(panel)
    constant = panel.with_columns({"y": np.ones(len(panel.unit_codes))})
    with pytest.raises(DataError, match="y"):
        model("sar").fit(constant, weights())


def test_static_weights_by_period_are_static_weights() -> None:
    panel = panel_of(some(frame()))
    by = WeightsByPeriod.of(dict.fromkeys(range(2001, 2001 + T), weights()))
    one, other = (model().fit(panel, w) for w in (weights(), by))
    np.testing.assert_array_equal(one.coef, other.coef)
    np.testing.assert_array_equal(one.covariance, other.covariance)


def test_weights_that_vary_over_time_recover_the_truth() -> None:
    every = [links(seed) for seed in range(10, 10 + T)]
    by = WeightsByPeriod.of({2001 + t: dc.Weights.from_matrix(raw, UNITS) for t, raw in enumerate(every)})
    varying, fixed = [], []
    for seed in range(12):
        panel = panel_of(frame(seed, 0.5, every))
        varying.append(model("sar").fit(panel, by).statistics["rho"])
        fixed.append(model("sar").fit(panel, by.parts[0]).statistics["rho"])
    assert np.mean(varying) == pytest.approx(0.5, abs=3 * np.std(varying) / np.sqrt(12))
    assert np.mean(fixed) < 0.35


def test_effects_of_periods_average_to_those_of_all_observations() -> None:
    panel = panel_of(some(frame()))
    every = [links(seed) for seed in range(10, 10 + T)]
    by = WeightsByPeriod.of({2001 + t: dc.Weights.from_matrix(raw, UNITS) for t, raw in enumerate(every)})
    fitted = model("sdm")
    found, periods = fitted.fit(panel, by), fitted.period_effects(panel, by)
    assert found.spatial_effects is not None
    counts = np.bincount(panel.period_codes)
    for term, place in (("a", 0), ("b", 1)):
        own = periods.xs(term, level="term")[["direct", "indirect", "total"]].to_numpy()
        np.testing.assert_allclose(counts @ own / counts.sum(), found.spatial_effects.coef[:, place], rtol=1e-10)
    assert (periods["direct"].groupby("term").nunique() == T).all()
    assert (periods[["direct_se", "indirect_se", "total_se"]] > 0).all().all()


def test_several_weights_recover_the_truth() -> None:
    first, second = weights(1), weights(2)
    inverse = np.linalg.inv(np.eye(N) - 0.3 * first.dense() - 0.3 * second.dense())
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        a, b, e = rng.standard_normal((3, T, N))
        y = (a + 0.5 * b + 0.4 * a @ second.dense().T + rng.standard_normal(N) + e) @ inverse.T
        table = frame(seed).assign(y=y.ravel(), a=a.ravel(), b=b.ravel())
        result = model(durbin="x").fit(panel_of(some(table, 0.0)), first, [second])
        assert result.terms == ("a", "b", "W_a", "W2_a", "rho", "rho_2", "sigma2")
        found.append(result.coef)
    mean, error = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(20)
    np.testing.assert_allclose((mean - [1, 0.5, 0, 0.4, 0.3, 0.3, 1]) / error, 0, atol=4)
    # of one W and its copy nothing can be told apart
    with pytest.raises(DigicarbonError, match="W number 2 equals W number 1"):
        model("sdm").fit(panel_of(frame()), first, [first])
    mean = dc.Weights.from_matrix((first.dense() + second.dense()) / 2, first.labels, normalise="none")
    with pytest.raises(DigicarbonError, match="W number 3 is a combination of W numbers 1, 2"):
        model("sar").fit(panel_of(frame()), first, [second, mean])
    equal = dc.Weights.from_matrix(1 - np.eye(N), first.labels)
    other = dc.Weights.from_matrix(0.7 * (1 - np.eye(N)) + first.dense() * 0, first.labels, normalise="none")
    with pytest.raises(DigicarbonError, match="W number 2 equals W number 1, or is a multiple"):
        model("sar").fit(panel_of(frame()), equal, [other])


@pytest.mark.long
@pytest.mark.parametrize(("cov", "cluster"), [("classic", "unit"), ("cluster", "unit"), ("cluster", "zone")])
@pytest.mark.parametrize(
    ("kind", "effects", "correction", "by"),
    [("sdm", "two_way", "adjusted_score", "every"), ("sdm", "unit", "none", "first"), ("sar", "time", "none", "every")],
)
def test_outcomes_of_several_weights_at_once_equal_single_fits(
    kind: str, effects: str, correction: str, by: str, cov: str, cluster: str
) -> None:
    node = {"_target_": "digicarbon.weights.EconomicWeights", "economy": "size"}
    table = some(frame())
    panel = panel_of(table.assign(size=table["unit"].str[1:].astype(float) ** 2 + 1))
    errors = {"cov": cov, "cluster": cluster}
    fitted = model(kind, effects=effects, bias_correction=correction, durbin_by=by, further_weights=[node], **errors)
    first = weights()
    estimands = [Estimand("coefficient", "a"), *(Estimand(effect, "a") for effect in ("direct", "indirect", "total"))]
    batch = fitted.batch(panel, first, estimands[0])
    draws = np.random.default_rng(3).standard_normal((len(panel.index), 400))
    outcomes = panel.array(("y",)) + np.linspace(0.1, 1.5, 400) * draws
    prepared = batch.prepare(outcomes)
    before = batch.several(prepared, estimands)
    # a cell is made where outcomes have been asked for often
    batch.several(prepared, estimands)
    found = batch.several(prepared, estimands)
    np.testing.assert_allclose(found, before, rtol=1e-8)
    surface = fitted.design(panel, first).space.surface
    # most outcomes are read from polynomials, and some are computed at their own place
    assert surface._kept
    some_of_them = np.arange(0, 400, 10)
    single = OneByOne(fitted, panel, first, estimands[0]).several(outcomes[:, some_of_them], estimands)
    for both, expected in zip(found, single, strict=True):
        for at_once, one in zip(both, expected, strict=True):
            np.testing.assert_allclose(at_once[some_of_them], one, rtol=1e-8)


def test_rows_of_several_weights_name_their_own() -> None:
    result = model("sdm").fit(panel_of(frame()), weights(1), [weights(2)])
    words = {
        "en": ("W × b", "W₂ × b", "in order, W, W₂ are"),
        "zh": ("W × b", "W₂ × b", "W、W₂依次为"),
    }
    for language, expected in words.items():
        shown = str(dc.table([result], language=language))
        assert all(one in shown for one in expected), shown
    assert [role.by for role in result.roles if role.kind == "lag_x"] == [1, 1, 2, 2]


def test_nodes_of_further_weights_are_made_for_the_panel() -> None:
    node = {"_target_": "digicarbon.weights.EconomicWeights", "economy": "size"}
    table = frame()
    table = table.assign(size=table["unit"].str[1:].astype(float) ** 2 + 1)
    panel = panel_of(table)
    by_node = model("sar", further_weights=[node]).fit(panel, weights())
    made = dc.weights.EconomicWeights(economy="size").compute(panel)
    given = model("sar").fit(panel, weights(), [made])
    np.testing.assert_array_equal(by_node.coef, given.coef)
    assert model("sar", further_weights=[node]).optional_terms == ("size",)
    wild = model("sar", further_weights=[node], test="wild", draws=19, intervals=False, cov="cluster")
    found = wild.fit(panel, weights())
    assert found.resampled is not None
    assert 0 < found.resampled.estimates[0, found.terms.index("a")] <= 0.1
    assert "wild_p_space" in {note.code for note in found.notes}


def test_what_is_standardised_again_rests_on_the_rows_and_not_on_the_word_for_them() -> None:
    panel = panel_of(some(frame()))
    by_row = weights()
    same = dc.Weights.from_matrix(by_row.dense(), UNITS, normalise="none")
    again = model().fit(panel, by_row)
    np.testing.assert_array_equal(again.coef, model().fit(panel, same).coef)
    (note,) = [note for note in again.notes if note.code == "selected_within_periods"]
    assert "standardised again" in str(note)
    links_alone = dc.Weights.from_matrix(links(), UNITS, normalise="spectral")
    (note,) = [note for note in model().fit(panel, links_alone).notes if note.code == "selected_within_periods"]
    assert "counts as zero" in str(note)
    both = model("sar").fit(panel, links_alone, further_weights=[weights(2)])
    (note,) = [note for note in both.notes if note.code == "selected_within_periods"]
    assert "of other weights an absent neighbour counts as zero" in str(note)


@pytest.mark.parametrize("kind", ["sar", "sdm"])
def test_wild_intervals_of_a_balanced_panel_are_those_of_spatial_panel(kind: str) -> None:
    panel = panel_of(frame())
    given = SPEC | {"kind": kind, "cov": "cluster", "test": "wild", "draws": 199}
    ours = dc.UnbalancedSpatialPanel(**given).fit(panel, weights())
    theirs = dc.SpatialPanel(**given).fit(panel, weights())
    for one, other in ((ours.estimates, theirs.estimates), (ours.effects, theirs.effects)):
        ends = ["low", "high"]
        alike = one[ends].div(other["se"], axis=0), other[ends].div(other["se"], axis=0)
        # an end so far away is one of a value that hardly any draw reaches
        near, other_near = (ends.clip(-10, 10) for ends in alike)
        np.testing.assert_allclose(near, other_near, rtol=0, atol=0.05)


@pytest.mark.parametrize("kind", ["sar", "sdm"])
@pytest.mark.parametrize("several", [False, True])
def test_a_null_model_has_the_value_and_at_the_estimate_is_the_fit(kind: str, several: bool) -> None:
    panel, w = panel_of(some(frame())), weights()
    node = {"_target_": "digicarbon.weights.EconomicWeights", "economy": "size"}
    if several:
        panel = panel.with_columns({"size": np.exp(panel.column("b"))})
    spec = model(kind, further_weights=[node] if several else [], durbin="x")
    result, design = spec.estimated(panel, w), spec.design(panel.with_terms(spec.terms), w)
    (of_term,) = spec.restrictions(panel, w, result)
    place = of_term.estimands.index(Estimand("total", "a"))
    estimate = result.effects.loc[("total", "a"), "coef"]
    for value in (estimate, 0.5, 3.0):
        null = of_term.null_at(place, float(value))
        # I - Σ ρ W of the null model, and the b that its residuals leave
        filters = np.linalg.inv(null.inverse)
        links = np.stack([block[design.space.weights.which].ravel() for block in design.space.weights.blocks], axis=1)
        rho = np.linalg.lstsq(links, (np.eye(N) - filters).ravel(), rcond=None)[0]
        left = design.rows(design.space.effects.remove(filters @ design.level[..., -1:]))[:, 0] - null.residuals
        own = [place for place, name in enumerate(design.names) if name.endswith("a")]
        x = design.rows(design.columns[..., own])
        b = np.linalg.lstsq(np.concatenate([x, lagged_basis(design, of_term.nulls.stay)], axis=1), left, rcond=None)[0]
        level = Values.of(design.space.surface.numbers(rho[None]), len(rho)).levels[0, 2]
        assert level[: len(own)] @ b[: len(own)] == pytest.approx(value, rel=1e-6)
        if value == estimate and kind == "sar" and not several:
            np.testing.assert_allclose(rho, result.estimates.loc["rho", "coef"], rtol=0.2)


def test_a_cell_whose_corner_is_the_end_of_the_range_is_left_to_single_places() -> None:
    ring = np.zeros((N, N))
    for unit in range(N):
        ring[unit, [unit - 1, (unit + 1) % N]] = 0.5
    # the smallest root of an even ring is -1, where I - ρW is singular
    w = dc.Weights.from_matrix(ring, UNITS)
    design = model("sar").design(panel_of(frame()), w)
    left = design.space.weights.bounds[0]
    assert left == pytest.approx(-1.0)
    places = np.linspace(left + 1e-6, left + 0.2, 60)[:, None]
    numbers = design.space.surface.numbers(np.concatenate([places, places]))
    np.testing.assert_allclose(numbers[:60], numbers[60:], rtol=1e-7)
    assert np.isfinite(numbers).all()
