"""Synthetic difference-in-differences against synthdid, diff-diff, published numbers, and loops."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
import scipy
from conftest import REFERENCE, reference
from policies import close, fit, pair, panel_of, states, with_policy, world

from digicarbon.errors import EstimationError
from digicarbon.packs.policies.numeric.synthetic import Cohort, SyntheticCohorts, on_simplex, regularised, synthetic
from digicarbon.script import Names, StataPart
from digicarbon.script.words import Remarks

FRAME = states()
PANEL = panel_of(FRAME)
ONE = FRAME[FRAME["first"].isin([0, 1978])]
NUMBERS = reference("produc_policy_weights")


def cigarettes() -> pd.DataFrame:
    wide = pd.read_csv(REFERENCE / "prop99.csv", index_col=0)
    table = wide.rename_axis(index="state", columns="year").stack().rename("packs").reset_index()
    table["year"] = table["year"].astype(int)
    return with_policy(table.assign(first=np.where(table["state"] == "California", 1989, 0)), "year")


def test_california_is_the_published_number() -> None:
    """Arkhangelsky et al. (2021), table 1: -15.6; the code that goes with it prints -15.604."""
    found = dc.DiD(y="packs", policy="pilot", estimator="synthetic_did", sdid_draws=20).fit(panel_of(cigarettes()))
    record = NUMBERS["synthetic.prop99"]
    close(pair(found)[0], record["overall"], 1e-6)
    assert round(pair(found)[0], 3) == -15.604
    weights = found.tables["unit_weights"].set_index("unit")["weight"]
    others = sorted(set(cigarettes()["state"]) - {"California"})
    np.testing.assert_allclose(weights.reindex(others).fillna(0.0), record["unit_weights"], atol=1e-4)
    assert weights.sum() == pytest.approx(1.0)
    assert found.tables["time_weights"]["weight"].sum() == pytest.approx(1.0)
    assert found.has_note("did_placebo_errors") or found.errors_note is not None


def test_one_cohort_is_diff_diffs() -> None:
    found = fit(panel_of(ONE), estimator="synthetic_did", sdid_variance="jackknife")
    close([*pair(found)], NUMBERS["synthetic.one"]["overall"])


def test_cohorts_are_averaged_by_treated_rows() -> None:
    record = NUMBERS["synthetic.staggered"]
    found = fit(PANEL, estimator="synthetic_did")
    close(pair(found)[0], record["overall"], 1e-7)
    close(fit(PANEL, estimator="synthetic_did", aggregate="cohort").coef[0], found.coef[0])
    cohorts = fit(PANEL, estimator="synthetic_did", aggregate="cohort", overall="levels")
    close(cohorts.coef[1:].tolist(), record["cohorts"], 1e-7)
    close(cohorts.coef[0], np.mean(record["cohorts"]), 1e-7)
    assert found.statistics["n_cohorts"] == 3
    assert "pretest_p" not in found.statistics


def test_effects_by_event_time_are_differences_of_weighted_means() -> None:
    found = fit(panel_of(ONE), estimator="synthetic_did", aggregate="event")
    assert found.terms == ("pilot", *(f"pilot[{event}]" for event in range(9)))
    assert "reference_event" not in found.statistics
    wide = ONE.pivot(index="state", columns="year", values="log_gsp")
    units = found.tables["unit_weights"].set_index("unit")["weight"]
    times = found.tables["time_weights"].set_index("period")["weight"]
    own = wide.loc[sorted(ONE.loc[ONE["first"] == 1978, "state"].unique())].mean()
    gap = own - wide.loc[units.index].mul(units, axis=0).sum()
    before = sum(gap[int(period)] * weight for period, weight in times.items())
    close(found.coef[1:].tolist(), [gap[year] - before for year in range(1978, 1987)], 1e-9)
    close(pair(found)[0], found.coef[1:].mean())
    ends = fit(panel_of(ONE), estimator="synthetic_did", aggregate="event", lags=4)
    close(pair(ends, "pilot[4]")[0], found.coef[5:].mean())


def test_jackknife_by_a_loop() -> None:
    """Without one unit, with the same weights, the cohorts' sizes are those that are left."""
    found = fit(PANEL, estimator="synthetic_did", sdid_variance="jackknife")
    wide, first = FRAME.pivot(index="state", columns="year", values="log_gsp"), FRAME.groupby("state")["first"].first()
    drawn = []
    for gone in wide.index:
        total = rows = 0.0
        for cohort, table in found.tables["unit_weights"].groupby("cohort"):
            weights = table.set_index("unit")["weight"].drop(gone, errors="ignore")
            times = found.tables["time_weights"].query("cohort == @cohort").set_index("period")["weight"]
            own = [state for state in wide.index if first[state] == int(cohort) and state != gone]
            gap = wide.loc[own].mean() - wide.loc[weights.index].mul(weights / weights.sum(), axis=0).sum()
            effect = gap.loc[int(cohort) :].mean() - sum(gap[int(at)] * weight for at, weight in times.items())
            periods = 1987 - int(cohort)
            total, rows = total + effect * len(own) * periods, rows + len(own) * periods
        drawn.append(total / rows)
    close(pair(found)[1], np.sqrt(47 * np.var(drawn)), 1e-9)


@pytest.mark.parametrize("from_all", [False, True])
def test_the_minimum_is_that_of_a_solver(from_all: bool) -> None:
    rng = np.random.default_rng(1)
    for n, m in ((30, 12), (12, 30), (6, 5)):
        a, b = rng.standard_normal((n, m)).cumsum(axis=1), rng.standard_normal(n)
        gram, right = a.T @ a / n + 0.01 * np.eye(m), a.T @ b / n
        w = on_simplex(gram, right, from_all)
        assert w.min() >= 0
        assert w.sum() == pytest.approx(1.0)
        # KKT: the slope is the same where weights are positive, and larger elsewhere
        slope = gram @ w - right
        level = slope[w > 0].mean()
        np.testing.assert_allclose(slope[w > 0], level, atol=1e-9 * np.trace(gram))
        assert (slope >= level - 1e-8 * np.trace(gram)).all()
        heavy = 1e6
        system = np.vstack([np.linalg.cholesky(gram).T, heavy * np.ones(m)])
        other = scipy.optimize.nnls(system, np.append(np.linalg.solve(np.linalg.cholesky(gram), right), heavy))[0]
        np.testing.assert_allclose(w, other, atol=1e-5)


def by_steps(a: np.ndarray, b: np.ndarray, zeta: float, least: float) -> np.ndarray:
    """The weights of synthdid's steps, each written out with the whole objective."""
    a, b = a - a.mean(axis=0), b - b.mean()

    def value(w: np.ndarray) -> float:
        return float((a @ w - b) @ (a @ w - b)) / len(b) + zeta**2 * float(w @ w)

    def steps(w: np.ndarray, most: int) -> np.ndarray:
        before = np.inf
        for _ in range(most):
            slope = a.T @ (a @ w - b) / len(b) + zeta**2 * w
            way = np.eye(len(w))[slope.argmin()] - w
            if slope @ way >= 0:
                break
            curve = float((a @ way) @ (a @ way)) / len(b) + zeta**2 * float(way @ way)
            w = w + min(1.0, -float(slope @ way) / curve) * way
            if before - value(w) < least:
                break
            before = value(w)
        return w

    first = steps(np.full(a.shape[1], 1 / a.shape[1]), 100)
    sparse = np.where(first > first.max() / 4, first, 0.0)
    return steps(sparse / sparse.sum(), 10_000)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_weights_are_those_of_steps_that_are_written_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    others, own = rng.standard_normal((25, 14)).cumsum(axis=1), rng.standard_normal(14).cumsum()
    how = regularised(others[:, :9], 4, 5)
    # the second time they are known
    for _ in range(2):
        found = synthetic(others, own, 9, how)
        np.testing.assert_allclose(found.units, by_steps(others[:, :9].T, own[:9], how.units, how.least), atol=1e-11)
        late = others[:, 9:].mean(axis=1)
        np.testing.assert_allclose(found.times, by_steps(others[:, :9], late, how.times, how.least), atol=1e-11)
    # other steps for another outcome of the same size
    assert abs(synthetic(others, own[::-1], 9, how).units - found.units).max() > 1e-3


def test_steps_end_close_to_the_minimum() -> None:
    rng = np.random.default_rng(2)
    y = rng.standard_normal((20, 12)).cumsum(axis=1)
    cohorts = [Cohort(np.array([0, 1]), np.arange(12), 8)]
    found = SyntheticCohorts(y, cohorts, np.arange(2, 20))
    (effects,) = found.placebo(1, np.random.default_rng(0))
    assert effects.shape == (4,)
    again = found._again([cohorts[0].units], np.arange(2, 20))
    np.testing.assert_allclose(again, found.effects, atol=0.01)


@pytest.mark.parametrize("variance", ["placebo", "bootstrap", "jackknife"])
def test_errors_are_those_of_the_simulation(variance: str) -> None:
    """Units of independent errors: the standard deviation of estimates over samples is what errors say."""

    def nothing(first: np.ndarray, event: np.ndarray) -> np.ndarray:
        return np.zeros(len(first))

    fields: dict[str, Any] = {"y": "y", "policy": "pilot", "estimator": "synthetic_did", "sdid_draws": 40}
    model = dc.DiD(**fields, sdid_variance=variance)
    frames = [world(seed, nothing, units=30, periods=8, starts=(5, 0, 0, 0, 0)) for seed in range(25)]
    pairs = np.array([pair(model.fit(panel_of(frame))) for frame in frames])
    assert 0.7 < np.sqrt((pairs[:, 1] ** 2).mean()) / pairs[:, 0].std() < 1.5
    assert abs(pairs[:, 0].mean()) < 3 * pairs[:, 0].std() / 5


def test_draws_have_a_seed() -> None:
    frame = panel_of(ONE)
    fields: dict[str, Any] = {"estimator": "synthetic_did", "sdid_variance": "bootstrap", "sdid_draws": 20}
    one, same, other = (pair(fit(frame, **fields, seed=seed)) for seed in (1, 1, 2))
    assert one == same
    assert one[1] != other[1]
    model = dc.DiD(y="y", policy="pilot", **fields)
    assert not {"seed", "sdid_draws", "sdid_variance", "lags", "aggregate"} & model.ignored
    assert {"compare", "leads", "reference", "cov", "bandwidth"} <= model.ignored
    assert "cluster" not in model.ignored
    assert {"seed", "sdid_draws"} <= model.model_copy(update={"sdid_variance": "jackknife"}).ignored


def test_controls_are_taken_out_of_the_outcome() -> None:
    """Their coefficients are those of untreated rows, as sdid has them (projected)."""
    found = fit(PANEL, estimator="synthetic_did", controls=("log_emp",))
    slope = fit(PANEL, estimator="imputation", controls=("log_emp",)).estimates.loc["log_emp", "coef"]
    moved = panel_of(FRAME.assign(log_gsp=FRAME["log_gsp"] - slope * FRAME["log_emp"]))
    close([*pair(found)], [*pair(fit(moved, estimator="synthetic_did"))])
    assert found.has_note("did_regressed_out")
    assert found.terms == ("pilot",)


def test_anticipation_leaves_periods_out() -> None:
    found = fit(panel_of(ONE), estimator="synthetic_did", anticipation=2)
    expected = fit(panel_of(ONE[~ONE["year"].isin([1976, 1977])]), estimator="synthetic_did")
    close(pair(found)[0], pair(expected)[0])


def test_a_single_weight_cannot_be_left_out() -> None:
    """One unit moves with the cohort, though less, the others against it."""
    slope = {"c": 10.0, "d": 10.0, "a": 1.0, "b": -9.0, "e": -9.0}
    rows = [
        (unit, year, 1 + (year - 4) ** 2 * slope[unit] + 20 * year * slope[unit]) for unit in slope for year in range(9)
    ]
    frame = pd.DataFrame(rows, columns=["state", "year", "y"])
    frame = with_policy(frame.assign(first=np.where(frame["state"].isin(["c", "d"]), 7, 0)), "year")
    model = dc.DiD(y="y", policy="pilot", estimator="synthetic_did", sdid_variance="jackknife")
    with pytest.raises(EstimationError, match="all the weight"):
        model.fit(panel_of(frame))


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "sdid log_gsp unit_id time_id treated, vce(jackknife) reps(50) seed(3)"),
        ({"controls": ("log_emp",)}, "vce(jackknife) reps(50) seed(3) covariates(log_emp, projected)"),
        ({"anticipation": 1}, "sdid has no anticipation, and makes the overall effect only"),
        ({"aggregate": "event"}, "sdid has no anticipation, and makes the overall effect only"),
    ],
)
def test_stata_has_the_overall_effect_without_anticipation(fields: dict[str, Any], line: str) -> None:
    fields = {"estimator": "synthetic_did", "sdid_variance": "jackknife", "sdid_draws": 50, "seed": 3, **fields}
    model = dc.DiD(y="log_gsp", policy="pilot", **fields)
    panel = panel_of(ONE)
    extract, names = model.extract(panel, None), Names()
    for column in extract.columns:
        names.give(column)
    lines = model.stata(StataPart(extract, model.fit(panel), names, "set_1", "", Remarks("*")))
    assert line in "\n".join(lines)


def test_two_units_without_the_policy_are_enough() -> None:
    """Their weighted mean moves as the others do, so that the effect is found exactly; one has nothing to weigh."""
    rows = pd.MultiIndex.from_product([["a", "b", "c", "d"], range(6)], names=["state", "year"]).to_frame(index=False)
    common = rows["year"].map(dict(enumerate([0.0, 1.0, -1.0, 2.0, 0.5, 3.0])))
    frame = with_policy(rows.assign(first=rows["state"].map({"a": 4, "b": 4, "c": 0, "d": 0})), "year")
    frame["y"] = frame["state"].map({"a": 1.0, "b": 2.0, "c": 5.0, "d": -1.0}) + common + 0.7 * frame["pilot"]
    model = dc.DiD(y="y", policy="pilot", estimator="synthetic_did", sdid_variance="jackknife")
    assert pair(model.fit(panel_of(frame)))[0] == pytest.approx(0.7)
    with pytest.raises(EstimationError, match="at least two units that never come under pilot"):
        model.fit(panel_of(frame[frame["state"] != "d"]))
