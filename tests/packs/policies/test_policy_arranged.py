"""Policies of few units by arrangements of their dates: plain loops over all of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.errors import ConfigError
from digicarbon.panel import Panel
from digicarbon.result import Result

UNITS, YEARS = 8, 6
NEVER = 99
Estimate = Callable[[np.ndarray, np.ndarray], float]


def panel(first: dict[int, int], seed: int = 1, dated: bool = True, effect: float = 1.0, units: int = UNITS) -> Panel:
    """Return a panel whose units, two in each province, come under the policy in some years, counted from 0."""
    rng = np.random.default_rng(seed)
    begin = np.array([first.get(unit, NEVER) for unit in range(units)])
    treated = np.arange(YEARS) >= begin[:, None]
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"u{unit}" for unit in range(units)], YEARS),
            "year": np.tile(2001 + np.arange(YEARS), units),
            "y": (effect * treated + rng.normal(size=treated.shape)).ravel(),
            "zone": np.repeat(["a", "b"], units * YEARS // 2),
            "province": np.repeat([f"P{unit // 2}" for unit in range(units)], YEARS),
        }
    )
    if not dated:
        return Panel.from_frame(frame.assign(pilot=treated.ravel().astype(float)), "unit", "year")
    return Panel.from_frame(frame, "unit", "year").with_policy(
        "pilot", {f"u{unit}": 2001 + year for unit, year in first.items()}
    )


def elsewhere(data: Panel) -> list[Panel]:
    """Return the panels with a policy of two units from the fourth year on, in each pair of units."""
    pairs = combinations(range(UNITS), 2)
    return [panel(dict.fromkeys(pair, 3)).with_columns({"y": data.column("y")}) for pair in pairs]


def did(**fields: Any) -> dc.DiD:
    return dc.DiD(**{"y": "y", "policy": "pilot"} | fields)


def note(result: Result, code: str) -> Any:
    (found,) = [note for note in result.notes if note.code == code]
    return found


def share(y: np.ndarray, first: dict[int, int], statistic: Estimate) -> float:
    """Return the share of all dealings of the years to units with a statistic as large as the sample's."""

    def size(units: tuple[int, ...]) -> float:
        begin = np.full(UNITS, NEVER)
        begin[list(units)] = list(first.values())
        return abs(statistic(y, begin))

    own = size(tuple(first)) * (1 - 1e-9)
    return float(np.mean([size(units) >= own for units in permutations(range(UNITS), len(first))]))


def imputed(y: np.ndarray, begin: np.ndarray, event: int | None = None) -> float:
    """Return the mean of what treated rows have beyond unit and year effects of untreated ones."""
    treated = np.arange(YEARS) >= begin[:, None]
    unit, year = (codes.ravel() for codes in np.indices(y.shape))
    dummies = np.hstack([np.eye(UNITS)[unit], np.eye(YEARS)[year]])
    keep = ~treated.ravel()
    beta = np.linalg.lstsq(dummies[keep], y.ravel()[keep], rcond=None)[0]
    gap = (y.ravel() - dummies @ beta).reshape(y.shape)
    rows = treated if event is None else np.arange(YEARS) == begin[:, None] + event
    return float(gap[rows].mean())


def group_time(y: np.ndarray, begin: np.ndarray) -> float:
    """Return the mean over treated rows of changes since the last year before, beyond those of never treated units."""
    cells = [
        (y[unit, year] - y[unit, start - 1]) - (y[begin == NEVER, year] - y[begin == NEVER, start - 1]).mean()
        for unit, start in enumerate(begin)
        if start != NEVER
        for year in range(start, YEARS)
    ]
    return float(np.mean(cells))


def two_way(y: np.ndarray, begin: np.ndarray) -> float:
    """Return the coefficient of the dummy over its error of one variance, up to a factor that all samples share."""
    x = (np.arange(YEARS) >= begin[:, None]).astype(float)
    x, y = (one - one.mean(axis=1, keepdims=True) - one.mean(axis=0) + one.mean() for one in (x, y))
    b = (x * y).sum() / (x * x).sum()
    return float(b * np.sqrt((x * x).sum() / ((y - b * x) ** 2).sum()))


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("first", [{2: 3, 5: 3}, {2: 2, 5: 4}])
@pytest.mark.parametrize(
    ("estimator", "statistic"), [("twfe", two_way), ("imputation", imputed), ("callaway_santanna", group_time)]
)
def test_p_of_two_of_eight_is_that_of_plain_loops(
    estimator: str, statistic: Estimate, first: dict[int, int], dated: bool
) -> None:
    data = panel(first, dated=dated)
    result = did(estimator=estimator).fit(data)
    y = data.column("y").reshape(data.shape)
    assert result.estimates.loc["pilot", "p"] == pytest.approx(share(y, first, statistic))
    said = note(result, "randomised_every")
    assert said["number"] == (28 if len(set(first.values())) == 1 else 56)
    assert said["errors"].code == ("z_of_one_variance" if estimator == "twfe" else "z_of_estimate")
    assert note(result, "few_carry")["carriers"]["number"] == 2
    assert result.statistics["p_units.pilot"] > 0
    # errors of few units are too small, and p does not rest on them
    assert result.resampled is not None
    assert result.resampled.arranged == ("pilot",)
    assert result.has_note("did_small_arranged")
    assert not result.has_note("did_small_cohorts")
    assert did(estimator=estimator, test="errors").fit(data).has_note("did_small_cohorts")


def test_event_times_are_dealt_with_the_policy() -> None:
    first = {2: 2, 5: 4}
    data = panel(first)
    result = did(estimator="imputation", aggregate="event").fit(data)
    y = data.column("y").reshape(data.shape)
    for event in (0, 1, 2):
        wanted = share(y, first, lambda y, begin, event=event: imputed(y, begin, event))  # type: ignore[misc]
        assert result.estimates.loc[f"pilot[{event}]", "p"] == pytest.approx(wanted)


def test_the_interval_of_one_dummy_holds_what_the_same_test_does_not_reject() -> None:
    first = {2: 3, 5: 3}
    data = panel(first)
    x = data.column("pilot")
    row = did(level=0.9).fit(data).estimates.loc["pilot"]

    def p(value: float) -> float:
        return share((data.column("y") - value * x).reshape(data.shape), first, two_way)

    step = 0.02 * row["se"]
    for end, out in ((row["low"], -step), (row["high"], step)):
        assert p(end - out) > 0.1
        assert p(end + out) <= 0.1


def test_a_single_unit_has_p_where_it_has_no_error() -> None:
    data = panel({4: 3})
    result = did(estimator="callaway_santanna").fit(data)
    wanted = share(data.column("y").reshape(data.shape), {4: 3}, group_time)
    assert result.estimates.loc["pilot", "p"] == pytest.approx(wanted)
    assert wanted >= 1 / UNITS
    # clusters of periods hold nothing of the effects of one cohort
    fields = {"estimator": "event_study", "aggregate": "event", "cluster": "time"}
    result = did(**fields).fit(data)
    assert "pilot[0]" in result.without_errors
    assert np.isfinite(result.estimates.loc["pilot[0]", "p"])
    assert result.has_note("did_errors_arranged")
    assert not result.has_note("did_zero_errors")
    assert did(**fields, test="errors").fit(data).has_note("did_zero_errors")


@pytest.mark.parametrize(
    "fields",
    [
        {"estimator": "event_study", "aggregate": "event"},
        {"estimator": "sun_abraham", "aggregate": "event"},
        {"estimator": "stacked", "leads": 2, "lags": 2},
    ],
)
def test_regressions_on_dummies_are_fitted_again_to_each(fields: dict[str, Any]) -> None:
    first = {2: 3, 5: 3}
    data = panel(first)
    result = did(**fields).fit(data)
    plain = did(**fields, cov="classic", test="errors")
    drawn = [plain.fit(other).estimates["stat"].abs() for other in elsewhere(data)]
    own = plain.fit(data).estimates["stat"].abs()
    for term in own.index:
        wanted = np.mean([one[term] >= own[term] * (1 - 1e-9) for one in drawn])
        assert result.estimates.loc[term, "p"] == pytest.approx(wanted)
    assert not result.has_note("did_without_wild")
    assert result.has_note("few_carry")


@pytest.mark.parametrize("test", ["wild", "randomisation"])
@pytest.mark.parametrize(
    "fields",
    [
        {"estimator": "twfe"},
        {"estimator": "event_study", "aggregate": "event"},
        {"estimator": "sun_abraham", "aggregate": "event"},
    ],
)
def test_clusters_say_where_dates_go_and_errors_of_one_variance_have_none(fields: dict[str, Any], test: str) -> None:
    whole = [panel({unit: 3, unit + 1: 3}, units=10) for unit in (2, 0, 4, 6, 8)]
    model = did(**fields, cluster="province", test=test)
    model.check(whole[0])
    result = model.fit(whole[0])
    said = note(result, "randomised_every")
    assert (said["number"], said["over"].code) == (5, "over_clusters")
    plain = did(estimator=fields["estimator"], aggregate=model.aggregate, cov="classic", test="errors")
    y = whole[0].column("y")
    drawn = [plain.fit(data.with_columns({"y": y})).estimates["stat"].abs() for data in whole]
    for term in drawn[0].index:
        wanted = np.mean([one[term] >= drawn[0][term] * (1 - 1e-9) for one in drawn])
        assert result.estimates.loc[term, "p"] == pytest.approx(wanted)


def test_synthetic_did_deals_the_policy_to_others() -> None:
    data = panel({2: 3, 5: 3})
    model = did(estimator="synthetic_did")
    result = model.fit(data)
    drawn = [abs(model.by_errors.fit(other).coef[0]) for other in elsewhere(data)]
    wanted = np.mean(np.array(drawn) >= abs(result.coef[0]) * (1 - 1e-9))
    assert result.estimates.loc["pilot", "p"] == pytest.approx(wanted)


def test_randomisation_is_offered_for_many_treated_units_and_strata_hold() -> None:
    first = {0: 3, 1: 3, 2: 3, 5: 3}
    data = panel(first)
    result = did(estimator="imputation", test="randomisation", strata="zone").fit(data)
    said = note(result, "randomised_every")
    assert (said["number"], said["over"]["strata"]) == (16, "zone")
    # a test of single effects by arrangements; joint ones have the errors
    events = did(estimator="imputation", aggregate="event", test="randomisation", draws=19).fit(data)
    assert events.has_note("did_leads_not_arranged")
    assert not events.has_note("did_leads_by_errors")
    assert np.isnan(events.statistics["uniform_critical"])


def test_gaps_leave_paths_among_units_with_the_same_rows() -> None:
    first = {2: 3, 5: 3}
    data = panel(first)
    gaps = data.rows(~((data.unit_codes >= 5) & (data.period_codes == 0)))
    result = did(estimator="imputation").fit(gaps)
    said = note(result, "randomised_every")
    assert (said["number"], said["over"].code) == (15, "over_rows")
    alone = data.rows(np.arange(len(data.index)) != 2 * YEARS)
    only = alone.rows(~((alone.unit_codes == 5) & (alone.period_codes < 2)))
    with pytest.raises(ConfigError, match="no other arrangement over single units, with rows in the same periods"):
        did(estimator="imputation", test="randomisation").check(only)


def test_weights_of_a_matched_sample_are_not_those_of_another_arrangement() -> None:
    data = panel({2: 3, 5: 3})
    weighted = data.with_columns({"pilot_weight": np.ones(len(data.index))})
    model = did(estimator="imputation", observation_weights="pilot_weight")
    assert note(model.fit(weighted), "few_carry_signs")["why"].code == "randomised_matched"
    with pytest.raises(ConfigError, match="matched sample"):
        model.model_copy(update={"test": "randomisation"}).check(weighted)


def test_others_that_the_policy_reaches_are_found_again() -> None:
    data = panel({2: 3, 3: 3})
    ring = (np.roll(np.eye(UNITS), 1, axis=1) + np.roll(np.eye(UNITS), -1, axis=1)) / 2
    weights = dc.Weights.from_matrix(ring, data.units, name="ring")
    model = did(spillovers="neighbours")
    result, plain = model.fit(data, weights), model.model_copy(update={"test": "errors", "cov": "classic"})
    drawn = []
    for shift in range(UNITS):
        moved = {name: data.column(name).reshape(data.shape) for name in ("pilot", "pilot_event", "pilot_cohort")}
        columns = {name: np.roll(values, shift, axis=0).ravel() for name, values in moved.items()}
        drawn.append(plain.fit(data.with_columns(columns), weights))
    for effect in ("direct", "spillover"):
        sizes = np.array([abs(one.effects.loc[(effect, "pilot"), "stat"]) for one in drawn])
        assert result.effects.loc[(effect, "pilot"), "p"] == pytest.approx(np.mean(sizes >= sizes[0] * (1 - 1e-9)))
