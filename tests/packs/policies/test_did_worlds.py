"""Simulated policies: every estimator finds the truth where it should, and two-way effects miss it where they must."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import classic as dc
import numpy as np
import pytest
from policies import panel_of, world

SEEDS = 60
ROBUST = ("sun_abraham", "imputation", "callaway_santanna", "stacked")


def alike(first: np.ndarray, event: np.ndarray) -> np.ndarray:
    return np.ones(len(first))


def growing(first: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Effects that grow with time, and are larger the earlier a cohort starts."""
    return (event + 1.0) * (9 - first) / 3


def truth(effect: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    """The mean effect of treated rows."""
    frame = world(0, effect, noise=0.0)
    treated = frame["pilot"] > 0
    return float(effect(frame.loc[treated, "first"].to_numpy(), frame.loc[treated, "pilot_event"].to_numpy()).mean())


@cache
def panels(effect: Callable[[np.ndarray, np.ndarray], np.ndarray], drawn: bool) -> list[dc.Panel]:
    return [panel_of(world(seed, effect, drawn=drawn)) for seed in range(SEEDS)]


def estimates(effect: Callable[[np.ndarray, np.ndarray], np.ndarray], **fields: Any) -> np.ndarray:
    """Return estimates and standard errors of the overall effect, shape (seeds, 2)."""
    model = dc.DiD(y="y", policy="pilot", **fields)
    # those of Callaway and Sant'Anna are for cohorts whose sizes are drawn, too
    drawn = model.estimator == "callaway_santanna"
    results = [model.fit(panel) for panel in panels(effect, drawn)]
    return np.array([(result.coef[0], np.sqrt(result.covariance[0, 0])) for result in results])


def check(found: np.ndarray, value: float) -> None:
    """Assert no bias beyond what these seeds allow, standard errors of the right size, and fair coverage."""
    spread = found[:, 0].std(ddof=1)
    assert abs(found[:, 0].mean() - value) < 3.5 * spread / np.sqrt(SEEDS)
    assert 0.75 < found[:, 1].mean() / spread < 1.35
    assert (np.abs(found[:, 0] - value) < 1.96 * found[:, 1]).mean() > 0.85


@pytest.mark.parametrize("estimator", ["twfe", "event_study", *ROBUST])
def test_all_find_an_effect_that_is_alike(estimator: str) -> None:
    check(estimates(alike, estimator=estimator), 1.0)


@pytest.mark.parametrize("estimator", ["sun_abraham", "imputation", "callaway_santanna"])
@pytest.mark.parametrize("compare", ["never", "not_yet"])
def test_effects_that_differ_are_found(estimator: str, compare: str) -> None:
    check(estimates(growing, estimator=estimator, compare=compare), truth(growing))


def test_two_way_effects_are_biased_where_effects_grow() -> None:
    """They compare late cohorts with early ones, whose effects still grow (Goodman-Bacon 2021)."""
    found, value = estimates(growing), truth(growing)
    assert found[:, 0].mean() < 0.8 * value
    assert (np.abs(found[:, 0] - value) < 1.96 * found[:, 1]).mean() < 0.5


@pytest.mark.parametrize("estimator", ["sun_abraham", "imputation", "callaway_santanna"])
def test_without_noise_each_effect_is_exact(estimator: str) -> None:
    panel = panel_of(world(0, growing, noise=0.0))
    fields: dict[str, Any] = {"y": "y", "policy": "pilot", "estimator": estimator}
    found = dc.DiD(**fields, aggregate="cohort").fit(panel).estimates["coef"]
    for first in (3, 5, 7):
        own = growing(np.full(11 - first, first), np.arange(11 - first))
        assert found[f"pilot[{first}]"] == pytest.approx(own.mean(), abs=1e-9)
    by_event = dc.DiD(**fields, aggregate="event").fit(panel).estimates["coef"]
    assert by_event["pilot[7]"] == pytest.approx(16.0, abs=1e-9)
    assert by_event["pilot[-2]"] == pytest.approx(0.0, abs=1e-9)
    assert by_event["pilot[0]"] == pytest.approx((6 + 4 + 2) / 9, abs=1e-9)


def test_stacks_find_the_effect_of_a_window() -> None:
    """With one window for all cohorts each event time is a mean of cohorts by their size."""
    panel = panel_of(world(0, growing, noise=0.0))
    found = dc.DiD(y="y", policy="pilot", estimator="stacked", aggregate="event", leads=2, lags=3).fit(panel)
    for event in range(4):
        expected = (event + 1) * (6 + 4 + 2) / 9
        assert found.estimates.loc[f"pilot[{event}]", "coef"] == pytest.approx(expected, abs=1e-9)


def test_anticipation_is_taken_out() -> None:
    """Half of the effect a period early: without a word on it the effect is too small, with one it is right."""
    frame = world(0, alike, noise=0.0)
    frame = frame.assign(y=frame["y"] + 0.5 * (frame["pilot_event"] == -1))
    panel = panel_of(frame)
    for estimator in ("sun_abraham", "imputation", "callaway_santanna"):
        fields: dict[str, Any] = {"y": "y", "policy": "pilot", "estimator": estimator, "aggregate": "event"}
        found = dc.DiD(**fields, anticipation=1).fit(panel).estimates["coef"]
        assert found["pilot"] == pytest.approx(1.0, abs=1e-9)
        assert found["pilot[-1]"] == pytest.approx(0.5, abs=1e-9)
        assert dc.DiD(**fields).fit(panel).estimates.loc["pilot", "coef"] < 0.95


@pytest.mark.parametrize("estimator", ["twfe", "event_study", *ROBUST])
def test_estimates_do_not_depend_on_levels_and_order(estimator: str) -> None:
    """Unit and period effects are taken out, scale carries over, and names and order of units mean nothing."""
    frame = world(3, growing)
    fields: dict[str, Any] = {"policy": "pilot", "estimator": estimator, "y": "y"}
    expected = dc.DiD(**fields).fit(panel_of(frame))
    moved = frame.assign(y=3 * frame["y"] + frame["year"] ** 2 + frame["state"].map(lambda name: int(name[1:]) % 7))
    moved = moved.assign(state=moved["state"].map(lambda name: f"v{999 - int(name[1:])}")).sample(
        frac=1, random_state=1
    )
    found = dc.DiD(**fields).fit(panel_of(moved))
    assert found.coef == pytest.approx(3 * expected.coef, rel=1e-8)
    assert found.covariance == pytest.approx(9 * expected.covariance, rel=1e-8)
