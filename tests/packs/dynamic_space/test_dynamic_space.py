"""Dynamic spatial panels: truth, fields, what is refused, null models and the wild bootstrap."""

from __future__ import annotations

from functools import cache
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError, DataError, EstimationError, WeightsError
from digicarbon.model.batch import Estimand, estimate_of
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.unit_wild import draws_of
from digicarbon.packs.dynamic_space.model._batch import DynamicFits, EachFit, batch_of
from digicarbon.packs.dynamic_space.numeric.effects import LONG, SHORT
from digicarbon.report import Record, RegressionTable
from digicarbon.result import Result
from digicarbon.source import SimulatedDynamicSpace
from digicarbon.weights import DelaunayWeights

TERMS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("c",)}


@cache
def frame(**fields: Any) -> pd.DataFrame:
    return SimulatedDynamicSpace(**fields).load().frame


def panel_of(**fields: Any) -> dc.Panel:
    return dc.Panel.from_frame(frame(**fields), "unit", "time")


def fitted(panel: dc.Panel, **fields: Any) -> Result:
    return dc.DynamicSpatialPanel(**TERMS, **fields).fit(panel, weights_of(panel))


def weights_of(panel: dc.Panel) -> dc.Weights:
    return DelaunayWeights().compute(panel)


def test_parameters_and_long_run_effects_are_found() -> None:
    panel = panel_of(n=150, periods=12, seed=3)
    result = fitted(panel)
    truth = {"x": 1.0, "W_x": 0.5, "c": 0.5, "W_c": 0.0, "rho": 0.3, "lag_y": 0.4, "W_lag_y": -0.1, "sigma2": 1.0}
    estimates = result.estimates
    for term, value in truth.items():
        assert abs(estimates.loc[term, "coef"] - value) < 3.5 * estimates.loc[term, "se"], term
    for name, value in {"total": 1.5 / 0.7, "long_total": 1.5 / 0.4}.items():
        row = result.effects.loc[(name, "x")]
        assert abs(row["coef"] - value) < 3.5 * row["se"]
        assert row["low"] < value < row["high"]
    assert result.statistics["persistence"] == pytest.approx(sum(result.coef[[4, 5, 6]]))
    assert 0.3 < result.statistics["stability"] < 0.7
    assert result.effect_names == (*SHORT, *LONG)


def test_a_correction_takes_most_of_the_bias_away() -> None:
    errors = {kind: [] for kind in ("score", "lee_yu", "none")}
    for seed in range(1, 21):
        panel = panel_of(seed=seed)
        for kind, found in errors.items():
            found.append(float(fitted(panel, bias_correction=kind).estimates.loc["lag_y", "coef"]) - 0.4)
    bias = {kind: abs(np.mean(found)) for kind, found in errors.items()}
    assert bias["none"] > 0.1
    assert bias["score"] < 0.04
    assert bias["lee_yu"] < 0.06


def test_the_lag_comes_from_before_a_cut_sample() -> None:
    """With the outcome of the year before in the data no year of the sample is lost."""
    panel = panel_of(periods=8)
    whole = fitted(panel)
    made = panel.with_terms(("L.y",)).select(periods=panel.periods[3:])
    cut = fitted(made)
    assert whole.statistics["n_periods"] == 7
    assert cut.statistics["n_periods"] == 5
    shorter = fitted(panel.select(periods=panel.periods[2:]))
    np.testing.assert_allclose(cut.coef, shorter.coef)


def test_periods_must_follow_each_other() -> None:
    panel = panel_of(periods=8)
    made = panel.with_terms(("L.y",))
    made = made.select(periods=[year for year in made.periods if year != 2015])
    with pytest.raises(DataError, match="leaves periods out"):
        fitted(made)


def test_lags_can_be_left_out_but_not_both() -> None:
    panel = panel_of()
    for own, other in ((True, False), (False, True)):
        result = fitted(panel, time_lag=own, space_time_lag=other)
        assert ("lag_y" in result.terms, "W_lag_y" in result.terms) == (own, other)
    with pytest.raises(ConfigError, match="SpatialPanel"):
        dc.DynamicSpatialPanel(**TERMS, time_lag=False, space_time_lag=False)
    with pytest.raises(ConfigError, match="lag_y"):
        dc.DynamicSpatialPanel(y="y", x=("x",), controls=("L.y",))
    with pytest.raises(ConfigError, match="names z"):
        dc.DynamicSpatialPanel(**TERMS, durbin=("z",))
    with pytest.raises(ConfigError, match="rho"):
        dc.DynamicSpatialPanel(y="y", x=("x",), controls=("rho",))


def test_effects_of_a_lag_model_and_effects_of_time_alone() -> None:
    panel = panel_of()
    sar = fitted(panel, kind="sar", durbin="x")
    assert "W_x" not in sar.terms
    assert sar.effects.loc[("indirect", "x"), "coef"] != 0
    assert dc.DynamicSpatialPanel(**TERMS, kind="sar").ignored >= {"durbin"}
    both = [fitted(panel, effects="time", bias_correction=kind).coef for kind in ("score", "lee_yu")]
    np.testing.assert_allclose(*both)
    assert fitted(panel, effects="time").has_note("dynamic_time_only")


def test_unequal_rows_are_refused_where_the_correction_needs_equal_ones() -> None:
    panel = panel_of()
    raw = weights_of(panel).matrix.toarray() * np.linspace(0.5, 1.0, 30)[:, None]
    uneven = dc.Weights.from_matrix(raw, labels=panel.units, normalise="none")
    model = dc.DynamicSpatialPanel(**TERMS)
    with pytest.raises(WeightsError, match="different sums"):
        model.fit(panel, uneven)
    assert np.isfinite(model.model_copy(update={"bias_correction": "none"}).fit(panel, uneven).coef).all()
    unit = model.model_copy(update={"effects": "unit"})
    result = unit.fit(panel, uneven)
    assert np.isfinite(result.effects["coef"]).all()
    # one by one where there is no faster way
    estimand = Estimand("long_total", "x")
    batch = unit.batch(panel, uneven, estimand)
    y = panel.with_terms(unit.terms).column("y")
    np.testing.assert_allclose(np.ravel(batch.fit(batch.prepare(y[:, None]))), estimate_of(result, estimand))
    wild = unit.model_copy(update={"test": "wild", "draws": 19, "intervals": False}).fit(panel, uneven)
    assert (wild.effects["p"] <= 1).all()


@pytest.mark.parametrize("effects", ["two_way", "unit", "time"])
@pytest.mark.parametrize("correction", ["score", "lee_yu", "none"])
@pytest.mark.parametrize("directed", [False, True])
def test_robust_errors_of_many_outcomes_are_those_of_single_fits(effects: str, correction: str, directed: bool) -> None:
    panel = panel_of()
    rng = np.random.default_rng(3)
    weights = weights_of(panel)
    if directed:
        # its eigenvalues are complex
        matrix = np.zeros((30, 30))
        for unit in range(30):
            matrix[unit, rng.choice(np.delete(np.arange(30), unit), 4, replace=False)] = 0.25
        weights = dc.Weights.from_matrix(matrix, panel.units)
    model = dc.DynamicSpatialPanel(**TERMS, effects=effects, bias_correction=correction, cov="robust")
    design = model.design(panel, weights)
    estimands = [Estimand(quantity, "x") for quantity in model.quantities]
    batch, each = batch_of(design, estimands[0]), EachFit(design, estimands[0])
    assert isinstance(batch, DynamicFits)
    # skewed errors with heavy tails
    columns = panel.with_terms(model.terms).column("y")[:, None] + 0.4 * rng.chisquare(2, (150, 6))
    weights_of_draws = rng.standard_normal((6, 4)) / 3
    for drawn, single in (
        (batch.prepare(columns), columns),
        (batch.combine(batch.prepare(columns), weights_of_draws), columns @ weights_of_draws),
    ):
        expected = each.several(single, estimands)
        np.testing.assert_allclose(batch.several(drawn, estimands), expected, rtol=1e-9, atol=1e-12)
    plain = batch_of(model.model_copy(update={"cov": "classic"}).design(panel, weights), estimands[0])
    total = [Estimand("total", "x")]
    classic, robust = (one.several(one.prepare(columns), total)[0][1] for one in (plain, batch))
    assert np.abs(robust / classic - 1).max() > 1e-5


@pytest.mark.parametrize("effects", ["unit", "two_way"])
def test_classic_errors_are_those_of_normal_errors_and_robust_ones_have_their_fourth_moment(effects: str) -> None:
    """By dense matrices and explicit dummies: the slope of the adjusted score, and the spread of squared errors."""
    panel = panel_of(n=24, periods=7, seed=5)
    result = {cov: fitted(panel, effects=effects, cov=cov) for cov in ("classic", "robust")}
    n, t = 24, 6
    w = weights_of(panel).align(panel).matrix.toarray()
    y, x, c = (panel.cube((name,))[..., 0] for name in ("y", "x", "c"))
    now, before = y[1:].ravel(), y[:-1].ravel()
    around = np.kron(np.eye(t), w)
    own = np.column_stack([x[1:].ravel(), c[1:].ravel()])
    columns = np.column_stack([own, around @ own])
    dummies = np.kron(np.ones((t, 1)), np.eye(n))
    if effects == "two_way":
        dummies = np.column_stack([dummies, np.kron(np.eye(t), np.ones((n, 1)))])
    within = np.eye(n * t) - dummies @ np.linalg.pinv(dummies)
    rank = round(np.trace(within))

    def score(point: np.ndarray) -> np.ndarray:
        beta, (tau, eta, rho), sigma2 = point[:4], point[4:7], point[7]
        errors = within @ (now - rho * around @ now - tau * before - eta * around @ before - columns @ beta)
        inverse = np.linalg.inv(np.eye(n) - rho * w)
        step = inverse @ (tau * np.eye(n) + eta * w)
        # what each period has of the errors of each earlier one
        made = np.zeros((n * t, n * t))
        for late in range(t):
            for early in range(late + 1):
                part = np.linalg.matrix_power(step, late - early) @ inverse
                made[late * n : late * n + n, early * n : early * n + n] = part
        past = np.vstack([np.zeros((n, n * t)), made[:-n]])
        lags = [(before, past), (around @ before, around @ past), (around @ now, around @ made)]
        slopes = [column @ errors / sigma2 - np.trace(within @ of) for column, of in lags]
        return np.array([*columns.T @ errors / sigma2, *slopes, errors @ errors / 2 / sigma2**2 - rank / 2 / sigma2])

    order = ["x", "c", "W_x", "W_c", "lag_y", "W_lag_y", "rho", "sigma2"]
    point = result["classic"].estimates.loc[order, "coef"].to_numpy(copy=True)
    assert np.abs(score(point)).max() < 1e-9
    step = 1e-6 * np.eye(8)
    slope = np.array([(score(point + one) - score(point - one)) / 2e-6 for one in step]).T
    expected = np.sqrt(np.linalg.inv(-slope).diagonal())
    classic, robust = (result[cov].estimates.loc[order, "se"].to_numpy() for cov in ("classic", "robust"))
    # degrees of freedom are less the seven slopes; the information is the expected one, the slope here the observed one
    np.testing.assert_allclose(classic, expected * np.sqrt(rank / (rank - 7)), rtol=0.02)
    residuals = np.asarray(result["classic"].residuals).ravel()
    squares = residuals**2
    spread = (robust / classic)[-1]
    assert abs(spread - 1) > 0.05
    assert spread == pytest.approx(np.sqrt((np.mean(squares**2) / np.mean(squares) ** 2 - 1) / 2), rel=0.1)


def test_wild_intervals_of_the_long_run_invert_the_test_of_a_ratio() -> None:
    panel = panel_of()
    model = dc.DynamicSpatialPanel(**TERMS)
    weights = weights_of(panel)
    result = model.fit(panel, weights)
    restrictions = model.restrictions(panel, weights, result)[0]
    y = panel.with_terms(model.terms).column("y")[:, None]
    for place, estimand in enumerate(restrictions.estimands):
        value_at = restrictions.value_at(place)
        assert (value_at is None) == (estimand.quantity not in LONG)
        if value_at is None:
            continue
        # at the ends of Fieller's interval the statistic has the critical size
        ends = result.effects.loc[(estimand.quantity, "x"), ["low", "high"]]
        for side, end in zip((-1, 1), ends, strict=True):
            size = side * result.inference.critical
            assert value_at(size) == pytest.approx(end, rel=1e-9)
            batch = restrictions.batch_at(place, end)
            estimate, se = batch.several(batch.prepare(y), [estimand])[0]
            assert (end - estimate[0]) / se[0] == pytest.approx(size, rel=1e-8)
        # beyond some size there is no value
        assert value_at(1e3) == np.inf
        assert value_at(-1e3) == -np.inf


def test_an_unstable_model_has_no_long_run() -> None:
    drawn = frame(n=60, periods=9).copy()
    rng = np.random.default_rng(0)
    x, unit = drawn["x"].to_numpy().reshape(60, 9), rng.standard_normal(60)
    y = np.zeros((60, 9))
    for year in range(1, 9):
        # the past grows
        y[:, year] = 1.3 * y[:, year - 1] + x[:, year] + unit + 0.3 * rng.standard_normal(60)
    drawn["y"] = y.ravel()
    panel = dc.Panel.from_frame(drawn, "unit", "time")
    result = fitted(panel)
    assert result.statistics["stability"] >= 1
    assert result.has_note("dynamic_unstable")
    assert result.effect_names == SHORT
    assert result.resampled is None


def test_the_null_model_s_draws_move_later_outcomes() -> None:
    panel = panel_of()
    model = dc.DynamicSpatialPanel(**TERMS)
    weights = weights_of(panel)
    null = model.null(panel, weights, [])
    assert null is not None
    made = null.fit()
    assert made.spatial
    change = np.zeros((30, 5))
    change[4, 1] = 1.0
    moved = made.unfiltered(change.reshape(-1, 1)).reshape(30, 5)
    assert (moved[:, 0] == 0).all()
    w = weights.align(panel).matrix.toarray()
    rho, tau, eta = made.theta
    inverse = np.linalg.inv(np.eye(30) - rho * w)
    step = inverse @ (tau * np.eye(30) + eta * w)
    for years in range(4):
        expected = np.linalg.matrix_power(step, years) @ inverse[:, 4]
        np.testing.assert_allclose(moved[:, 1 + years], expected, atol=1e-12)
    # an outcome of which nothing is changed is the outcome
    np.testing.assert_allclose(made.outcomes(np.arange(30)[None])[:, 0], made.y)


def test_restrictions_hold_in_their_null_models() -> None:
    panel = panel_of(periods=20)
    model = dc.DynamicSpatialPanel(**TERMS)
    weights = weights_of(panel)
    result = model.estimated(panel, weights)
    restrictions = model.restrictions(panel, weights, result)[0]
    for place, estimand in enumerate(restrictions.estimands):
        numbers = estimate_of(result, estimand)
        assert numbers is not None
        value = numbers[0] - 0.7 * numbers[1]
        null = restrictions.null_at(place, value)
        # almost without errors the outcome has the value
        without = null.y - null.unfiltered(null.residuals * (1 - 1e-4))
        found = restrictions.batch.several(restrictions.batch.prepare(without[:, None]), [estimand])[0][0][0]
        assert found == pytest.approx(value, rel=1e-3), estimand
    nothing = restrictions.null()
    assert nothing.residuals.std() > result.residuals.std()


def test_wild_p_values_stand_beside_their_intervals() -> None:
    panel = panel_of(seed=2)
    plain, wild = fitted(panel), fitted(panel, test="wild", draws=199)
    np.testing.assert_array_equal(plain.coef, wild.coef)
    effects = wild.effects
    for name in SHORT:
        low, high, p = effects.loc[(name, "x"), ["low", "high", "p"]]
        assert (p > 0.05) == (low <= 0 <= high)
    assert wild.has_note("wild_p_space")
    assert plain.has_note("long_run_ratio")
    assert not wild.has_note("long_run_ratio")


def test_a_joint_test_takes_long_run_effects() -> None:
    panel = panel_of(seed=4)
    weights = weights_of(panel)
    model = dc.DynamicSpatialPanel(**TERMS)
    estimands = [Estimand(name, "x") for name in (*SHORT, *LONG)]
    batch = model.batch(panel, weights, estimands[0])
    null = model.null(panel, weights, [])
    assert null is not None
    rng = np.random.default_rng(0)
    outcomes = null.fit().outcomes(np.array([rng.permutation(30) for _ in range(6)]))
    found = batch.several(batch.prepare(outcomes), estimands)
    y = panel.with_terms(model.terms)
    for draw in range(6):
        drawn = frame(seed=4).copy()
        values = drawn["y"].to_numpy().reshape(30, 6).copy()
        values[:, 1:] = outcomes[:, draw].reshape(30, 5)
        drawn["y"] = values.ravel()
        single = fitted(dc.Panel.from_frame(drawn, "unit", "time"))
        for (coef, se), estimand in zip(found, estimands, strict=True):
            if (numbers := estimate_of(single, estimand)) is not None:
                np.testing.assert_allclose((coef[draw], se[draw]), numbers, rtol=1e-5)
    assert y.shape == (30, 5)


@pytest.mark.parametrize("name", ["y-1", "1y", "co2-2.5"])
def test_outcomes_of_any_name_have_a_lag(name: str) -> None:
    panel = panel_of()
    renamed = dc.Panel.from_frame(frame().rename(columns={"y": name}), "unit", "time")
    weights = weights_of(panel)
    result = dc.DynamicSpatialPanel(**{**TERMS, "y": name}).fit(renamed, weights)
    np.testing.assert_array_equal(result.coef, fitted(panel).coef)


def test_a_table_has_intervals_below_long_run_effects_and_says_where_a_period_is_lost() -> None:
    panel = panel_of()
    weights = weights_of(panel)
    static = dc.SpatialPanel(**TERMS, kind="sdm")
    runs = [Record("dynamic", {}, {}, fitted(panel)), Record("static", {}, {}, static.fit(panel, weights))]
    table = RegressionTable(language="en", decimals=3).table("t", runs)
    words = list(table.cells.index)
    place = words.index("Total effect in the long run")
    low, high = runs[0].result.effects.loc[("long_total", "x"), ["low", "high"]]
    assert list(table.cells.iloc[place + 2]) == [f"[{low:.3f}, {high:.3f}]", ""]
    at_once = words.index("Total effect")
    assert table.cells.iloc[at_once + 2, 0] == f"({runs[0].result.effects.loc[('total', 'x'), 'se']:.3f})"
    notes = " ".join(table.notes)
    assert "below effects in the long run: 95% confidence intervals" in notes
    assert "dynamic: The first period is lost" in notes
    # without intervals there are standard errors
    quick = fitted(panel, test="wild", draws=99, intervals=False)
    alone = RegressionTable(language="en", decimals=3).table("t", [Record("dynamic", {}, {}, quick)])
    assert alone.cells.iloc[place + 2, 0] == f"({quick.effects.loc[('long_total', 'x'), 'se']:.3f})"
    assert "The first period is lost" not in " ".join(alone.notes)
    assert "in the long run: 95%" not in " ".join(alone.notes)
    # a sample whose lag is taken from the year before it loses nothing
    years = [2013, 2014, 2015, 2016, 2017]
    later = static.fit(panel.select(periods=years), weights)
    equal = RegressionTable(language="en").table("t", [runs[0], Record("static", {}, {}, later)])
    assert "The first period is lost" not in " ".join(equal.notes)


def test_where_no_correction_exists_the_note_says_that_there_is_none() -> None:
    n, periods = 24, 6
    draw = np.random.default_rng(1)
    ring = np.zeros((n, n))
    for unit in range(n):
        ring[unit, [unit - 1, (unit + 1) % n]] = 0.5
    y, rows = 3 * draw.normal(size=n), []
    for period in range(periods):
        x = draw.normal(size=n)
        y = np.linalg.solve(np.eye(n) - 0.3 * ring, 1.1 * y + x + draw.normal(size=n))
        rows += [(f"u{unit:02d}", period, y[unit], x[unit]) for unit in range(n)]
    panel = dc.Panel.from_frame(pd.DataFrame(rows, columns=["unit", "time", "y", "x"]), "unit", "time")
    weights = dc.Weights.from_matrix(ring, panel.units)
    score, one_step = (
        dc.DynamicSpatialPanel(y="y", x=("x",), kind="sar", bias_correction=correction, test="errors").fit(
            panel, weights
        )
        for correction in ("score", "lee_yu")
    )
    np.testing.assert_array_equal(score.coef, one_step.coef)
    assert score.has_note("dynamic_neither")
    assert not score.has_note("dynamic_no_maximum")
    assert one_step.has_note("dynamic_no_correction")


def test_draws_without_a_long_run_are_on_no_curve_and_a_note_names_the_null_model() -> None:
    # so persistent that the null model, and many of its draws, are not stable
    source = SimulatedDynamicSpace(seed=58, periods=7, beta=0.0, theta=0.0, rho=0.3, tau=0.55, eta=0.05)
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
    weights = weights_of(panel)
    model = next(
        one
        for one in (
            dc.DynamicSpatialPanel(y="y", x=("x",), controls=controls, kind=kind, draws=99, intervals=False)
            for kind in ("sar", "sdm")
            for controls in (("c",), ())
        )
        if one.fit(panel, weights).statistics["stability"] < 1
    )
    plain = model.fit(panel, weights)
    wild = model.model_copy(update={"test": "wild"}).fit(panel, weights)
    assert plain.statistics["stability"] < 1
    assert wild.has_note("long_run_null_unstable")
    restrictions = model.restrictions(panel, weights, plain)[0]
    null, total = restrictions.null(), Estimand("long_total", "x")
    assert null.root > 1
    signs = signs_of(panel.units, 99, 1)
    outcomes = draws_of(null, Draws(signs))
    batch = model.batch(panel, weights, total)
    drawn = batch.fit(batch.prepare(outcomes))
    raw = source.load().frame.sort_values(["unit", "time"])
    lost = 0
    for draw in range(12):
        values = raw["y"].to_numpy().reshape(30, 7).copy()
        values[:, 1:] = outcomes[:, draw].reshape(30, 6)
        single = model.fit(dc.Panel.from_frame(raw.assign(y=values.ravel()), "unit", "time"), weights)
        assert np.isnan(drawn[0][draw]) == (estimate_of(single, total) is None)
        lost += bool(np.isnan(drawn[0][draw]))
    assert 0 < lost < 12
    # the numerator's statistic is there in every draw
    tested = batch.several(batch.prepare(outcomes), [total])[0]
    assert np.isfinite(tested[0]).mean() > np.isfinite(drawn[0]).mean()


def everybody(n: int, t: int, seed: int) -> tuple[dc.Panel, dc.Weights]:
    """Return a panel of units that are all neighbours of each other, with equal weights."""
    rng = np.random.default_rng(seed)
    units = [f"u{unit}" for unit in range(n)]
    index = pd.MultiIndex.from_product([units, range(t + 1)], names=["unit", "time"])
    drawn = pd.DataFrame(rng.normal(size=(len(index), 3)), index=index, columns=["y", "x", "c"])
    panel = dc.Panel.from_frame(drawn.reset_index(), "unit", "time")
    return panel, dc.Weights.from_matrix(np.ones((n, n)) - np.eye(n), units)


@pytest.mark.parametrize("correction", ["score", "lee_yu", "none"])
@pytest.mark.parametrize(
    ("periods", "words"), [(3, "W_lag_y is collinear with x, c, W_x"), (4, "rho lies at an end of its range")]
)
def test_a_likelihood_without_a_highest_value_is_refused(periods: int, words: str, correction: Any) -> None:
    """With equal weights between all units (I - ρW)y is a mean of each period at ρ = 1 - N, explained by few terms."""
    for seed in range(4):
        model = dc.DynamicSpatialPanel(**TERMS, effects="unit", bias_correction=correction)
        with pytest.raises(EstimationError, match=words):
            model.fit(*everybody(8, periods, seed))


def test_lags_of_the_outcome_that_are_one_are_named() -> None:
    model = dc.DynamicSpatialPanel(**TERMS, kind="sar")
    with pytest.raises(EstimationError, match="W_lag_y is collinear with lag_y after two_way effects"):
        model.check(*everybody(8, 6, 0))


def test_observations_are_those_that_effects_leave() -> None:
    panel = panel_of(n=6, periods=3)
    for correction in ("score", "lee_yu", "none"):
        with pytest.raises(EstimationError, match=r"5 \(effective\) observations cannot identify 7 parameters"):
            fitted(panel.select(periods=panel.periods[:3]), bias_correction=correction)


def test_two_periods_show_no_third_moments() -> None:
    panel = panel_of(n=40, periods=3)
    with pytest.raises(EstimationError, match=r"model\.cov=robust needs third moments"):
        fitted(panel.select(periods=panel.periods[:3]), cov="robust")


def test_time_effects_alone_are_warned_of_where_errors_of_a_unit_are_alike() -> None:
    panel = panel_of(n=60, periods=8, seed=2)
    assert fitted(panel, effects="time").has_note("unit_effects_rejected")
    assert not fitted(panel).has_note("unit_effects_rejected")


def test_sigma2_without_a_correction_is_the_mean_square_of_the_residuals() -> None:
    """Neighbours in pairs: a panel for which neither correction exists, and Lee and Yu's would be far away."""
    found = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        units, t = [f"u{unit}" for unit in range(4)], 5
        index = pd.MultiIndex.from_product([units, range(t)], names=["unit", "time"])
        drawn = pd.DataFrame(rng.normal(size=(len(index), 3)).cumsum(axis=0), index=index, columns=["y", "x", "c"])
        panel = dc.Panel.from_frame(drawn.reset_index(), "unit", "time")
        weights = dc.Weights.from_matrix(np.kron(np.eye(2), 1 - np.eye(2)), units)
        try:
            result = dc.DynamicSpatialPanel(y="y", x=("x",), bias_correction="lee_yu").fit(panel, weights)
        except EstimationError:
            continue
        if result.has_note("dynamic_no_correction"):
            found += 1
            assert result.residuals is not None
            assert result.statistics["sigma2"] == pytest.approx((result.residuals**2).sum() / (3 * (t - 1)))
    assert found > 3
