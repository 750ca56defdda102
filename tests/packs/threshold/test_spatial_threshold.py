"""Thresholds within spatial models: against a loop of spatial panels, and what they refuse."""

from __future__ import annotations

import re

import classic as dc
import numpy as np
import pytest

from digicarbon.errors import ConfigError, DigicarbonError
from digicarbon.model._panel_columns import rows_of
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import lag_null
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.unit_wild import draws_of
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.script import Names, RPart, StataPart
from digicarbon.script.words import Remarks
from digicarbon.source import SimulatedThreshold
from digicarbon.weights import DelaunayWeights

TERMS = {"y": "y", "x": ("x",), "controls": ("c",), "threshold": "q", "sets": "likelihood", "space": "sdm"}


def drawn(**fields: object) -> tuple[dc.Panel, dc.Weights]:
    source = SimulatedThreshold(slopes=(0.5, 1.5), spillovers=(0.2, 0.8), rho=0.4, **fields)
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
    return panel, DelaunayWeights().compute(panel)


@pytest.fixture(scope="module")
def small() -> tuple[dc.Panel, dc.Weights]:
    return drawn(n=12, periods=5, seed=4)


@pytest.mark.parametrize("effects", ["unit", "two_way", "none"])
@pytest.mark.parametrize("space", ["sar", "sdm"])
def test_a_threshold_is_the_best_of_all_spatial_panels(
    small: tuple[dc.Panel, dc.Weights], space: str, effects: str
) -> None:
    panel, weights = small
    model = dc.PanelThreshold(**TERMS | {"space": space}, effects=effects, trim=0.1, threshold_draws=39, cov="robust")
    result = model.fit(panel, weights)
    linear = dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind=space, effects=effects, cov="robust")
    q, fits = panel.column("q"), {}
    for value in np.sort(q)[5 : len(q) - 6].tolist():
        own = {"low": panel.column("x") * (q <= value), "high": panel.column("x") * (q > value)}
        split = linear.model_copy(update={"x": ("low", "high")})
        fits[value] = split.fit(panel.with_columns(own), weights)
    heights = {value: fit.statistics["loglik"] for value, fit in fits.items()}
    best = max(heights, key=heights.__getitem__)
    assert result.statistics["threshold_1"] == best
    ratio = 2 * (heights[best] - linear.fit(panel, weights).statistics["loglik"])
    np.testing.assert_allclose(result.statistics["threshold_lr_1"], ratio, rtol=1e-7)
    np.testing.assert_allclose(result.tables["threshold_tests"].loc[1, "LR"], ratio, rtol=1e-7)
    points = result.tables["lr"]
    assert len(points) == len(heights)
    plain = [2 * (heights[best] - heights[value]) for value in points["value"]]
    np.testing.assert_allclose(points["ratio"], plain, atol=1e-6)
    np.testing.assert_allclose(result.coef, fits[best].coef)
    np.testing.assert_allclose(result.covariance, fits[best].covariance)
    assert result.spatial_effects is not None
    assert fits[best].spatial_effects is not None
    np.testing.assert_allclose(result.spatial_effects.coef, fits[best].spatial_effects.coef)
    assert result.spatial_effects.terms[:2] == result.focal
    assert [role.kind for role in result.roles[-2:]] == ["lag_y", "variance"]
    assert result.has_note("threshold_space_lags") == (space == "sdm")


def test_effects_of_regimes_are_those_of_the_data() -> None:
    panel, weights = drawn(n=80, periods=12, seed=3)
    result = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=39, cov="cluster").fit(panel, weights)
    assert abs(result.statistics["threshold_1"] - 0.3) < 0.05
    assert result.statistics["threshold_lr_1_p"] == 1 / 40
    true = [0.5, 1.5, 0.5, 0.2, 0.8, 0.0, 0.4, 1.0]
    errors = np.sqrt(np.diag(result.covariance))
    assert (np.abs(result.coef - true) < 3 * errors).all()
    assert (errors < 0.2).all()
    effects = result.spatial_effects
    assert effects is not None
    total = effects.coef[effects.names.index("total")]
    # rows of W sum to one
    assert (np.abs(total[:2] - [0.7 / 0.6, 2.3 / 0.6]) < 3 * effects.se[effects.names.index("total")][:2]).all()
    assert result.has_note("threshold_space")
    assert result.has_note("threshold_space_lags")
    assert result.has_note("threshold_signs")


def test_several_thresholds_of_quantiles(small: tuple[dc.Panel, dc.Weights]) -> None:
    result = dc.PanelThreshold(
        effects="unit", **TERMS, thresholds=2, grid=20, threshold_draws=19, resampling="units"
    ).fit(*small)
    assert len(result.focal) == 3
    assert list(result.tables["threshold_tests"].index) == [1, 2]
    assert result.has_note("threshold_units")


@pytest.mark.parametrize("space", ["sar", "sdm"])
def test_wild_draws_are_searched_again_and_the_largest_p_counts(space: str) -> None:
    """Each draw is fitted as a sample of its own, around the fit at each start."""
    panel, weights = drawn(n=16, periods=5, seed=4)
    fields = TERMS | {"space": space, "effects": "unit", "threshold_draws": 0, "cov": "cluster", "grid": 8}
    model = dc.PanelThreshold(**fields, test="wild", draws=19, signs="units", intervals=False)
    result, regimes = model.fit(panel, weights), model.regimes(panel, weights)
    (slopes,) = model.restrictions(panel, weights, result)
    ps = []
    for start in slopes.starts:
        at, _ = regimes.at(start)
        truth = numbers(regimes.regression.by_errors.fit(at, weights))[0]
        columns = at.array((*regimes.focal, "c"))
        null = lag_null(
            at.column("y"), columns, rows_of(at), weights.align(at).operator, Sample(16, 5, "unit", "lee_yu")
        )
        ts = []
        for y in draws_of(null, Draws(signs_of(panel.units, 19, model.seed))).T:
            estimates, errors = numbers(model.by_errors.fit(panel.with_columns({"y": y}), weights))
            ts.append((estimates - truth) / errors)
        estimates, errors = numbers(result)
        ps.append((1 + (np.abs(ts) >= np.abs(estimates / errors) * (1 - 1e-9)).sum(axis=0)) / 20)
    of_table = [result.effects.at[(effect, term), "p"] for effect in EFFECTS for term in regimes.focal]
    np.testing.assert_allclose(of_table, np.max(ps, axis=0))
    assert len(ps) > 1 or space == "sdm"
    assert result.has_note("threshold_searched")


EFFECTS = ("direct", "indirect", "total")


def numbers(result: dc.Result) -> np.ndarray:
    """Return effects of x in each regime and their standard errors, shape (2, 6)."""
    rows = result.effects.loc[[(effect, f"x[{regime}]") for effect in EFFECTS for regime in (1, 2)]]
    return rows[["coef", "se"]].to_numpy().T


@pytest.mark.parametrize("space", ["sar", "sdm"])
def test_errors_and_signs_are_those_of_the_clusters_of_a_column(space: str) -> None:
    panel, weights = drawn(n=24, periods=5, seed=4)
    zones = np.arange(24) ** 2 % 11
    panel = panel.with_columns({"zone": zones[panel.unit_codes] * 1.0, "same": panel.unit_codes + 100.0})
    fields = TERMS | {"space": space, "effects": "unit", "threshold_draws": 39, "cov": "cluster"}
    model = dc.PanelThreshold(**fields, cluster="zone", test="wild", intervals=False)
    result = model.fit(panel, weights)
    own = {
        f"r{at}": np.where(panel.column("q") <= result.statistics["threshold_1"], 1 - at, at) * panel.column("x")
        for at in (0, 1)
    }
    split = dc.SpatialPanel(y="y", x=tuple(own), controls=("c",), kind=space, effects="unit", cov="cluster")
    plain = split.model_copy(update={"cluster": "zone"}).fit(panel.with_columns(own), weights)
    np.testing.assert_allclose(result.covariance, plain.covariance, rtol=1e-8, atol=1e-14)
    assert {note["by"] for note in result.notes if note.code in ("errors_scores_by", "wild_p_by")} == {"zone"}
    assert next(note for note in result.notes if note.code == "threshold_signs_by")["by"] == "zone"
    p = result.estimates.loc["x[1]", "p"] * 2 ** len(set(zones))
    assert p == pytest.approx(round(p))
    by_unit, same = (dc.PanelThreshold(**fields, cluster=cluster).fit(panel, weights) for cluster in ("unit", "same"))
    np.testing.assert_allclose(by_unit.covariance, same.covariance, rtol=1e-9, atol=1e-14)
    tests = [one.tables["threshold_tests"].to_numpy(dtype=float) for one in (by_unit, same, result)]
    np.testing.assert_array_equal(tests[0], tests[1])
    assert (tests[0] != tests[2]).any()


def test_the_search_is_shared_by_models_of_the_same_weights(
    small: tuple[dc.Panel, dc.Weights], monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, weights = small
    first = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=19).fit(panel, weights)
    monkeypatch.setattr("digicarbon.packs.threshold.model.base.thresholds_of", None)
    second = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=19, cov="robust").fit(panel, weights)
    assert second.statistics["threshold_lr_1_p"] == first.statistics["threshold_lr_1_p"]
    other = dc.weights.KNearestWeights(k=3).compute(panel)
    with pytest.raises(TypeError):
        dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=19).fit(panel, other)


def test_scripts_fit_the_spatial_model_of_regimes(small: tuple[dc.Panel, dc.Weights]) -> None:
    model = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0)
    result, extract = model.fit(*small), model.extract(*small)
    assert extract.regressors == (*result.focal, "c")
    names = Names()
    for column in extract.columns:
        names.give(column)
    in_r = "\n".join(model.r(RPart(extract, result, names, "set_1", "W", Remarks("#"))))
    assert f'spatial_ml(set_1, "y", c("{names[result.focal[0]]}"' in in_r
    assert "thresholds in a spatial model, which no package searches" in in_r
    in_stata = "\n".join(model.stata(StataPart(extract, result, names, "set_1", "W", Remarks("*"))))
    assert "xsmle y" in in_stata
    assert "thresholds are not searched again" in " ".join(in_stata.replace("*", " ").split())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"sets": "clustered"}, "sets=clustered does not hold in spatial models (space=sdm); choose likelihood"),
        ({"cov": "conley"}, "cov=conley is not an error of spatial models (space=sdm)"),
        ({"cov": "cluster", "cluster": "time"}, "choose classic, robust, or cluster by unit or by a column"),
        ({"cov": "cluster", "cluster": ("zone", "unit")}, "PanelThreshold.cluster=[zone, unit] is not an error of"),
        ({"space": "sem"}, "space"),
    ],
)
def test_fields_that_spatial_models_lack_are_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        dc.PanelThreshold(effects="unit", **TERMS | fields)


def test_weights_and_balanced_panels_are_needed(small: tuple[dc.Panel, dc.Weights]) -> None:
    panel, weights = small
    model = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0)
    assert model.uses_weights
    for fit in (model.check, model.fit):
        with pytest.raises(DigicarbonError, match="needs spatial weights"):
            fit(panel, None)
    frame = SimulatedThreshold(n=12, periods=5, seed=2, rho=0.4).load().frame.drop(index=[3])
    gaps = dc.Panel.from_frame(frame, "unit", "time", gaps="keep")
    with pytest.raises(DigicarbonError):
        model.fit(gaps, weights)


def test_effects_of_tiny_regimes_have_no_errors() -> None:
    """In the panel of another seed fewer than five units are in the second regime."""
    panel, weights = drawn(n=12, periods=5, seed=2)
    result = dc.PanelThreshold(effects="unit", **TERMS, threshold_draws=0).fit(panel, weights)
    tiny = [at for at, units in enumerate(result.tables["regimes"]["units"]) if units < 5]
    assert tiny == [1]
    assert result.has_note("threshold_tiny_regimes")
    effects, se = result.spatial_effects, result.estimates["se"]
    assert effects is not None
    np.testing.assert_array_equal(np.isnan(effects.se).all(axis=0), [name == "x[2]" for name in effects.terms])
    lost = [name for name in result.terms if np.isnan(se[name])]
    assert lost == ["x[2]", *(t for t, role in zip(result.terms, result.roles, strict=True) if role.of == "x[2]")]
    assert np.isfinite(result.coef).all()
    assert set(result.without_errors) == set(lost)
    result.require_numbers()
