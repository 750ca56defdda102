"""The simulated policy is drawn as it says: effects, dates, neighbours, and the known bias of two-way effects."""

from __future__ import annotations

import classic as dc
import numpy as np
import pytest

from digicarbon.errors import ConfigError
from digicarbon.panel import PanelDesign, policy_columns
from digicarbon.source import SimulatedPolicy, Source
from digicarbon.spec import build
from digicarbon.weights import DelaunayWeights

DESIGN = PanelDesign(policy={"pilot": "adopted"})


def panel(source: SimulatedPolicy) -> dc.Panel:
    inputs = source.load()
    return DESIGN.assemble(inputs.frame, inputs.unit_name, inputs.time_name)


def exact(**fields: object) -> SimulatedPolicy:
    """A source without errors: least squares on the true regressors returns the truth."""
    return SimulatedPolicy(sigma=0.0, n=60, **fields)


def estimate(one: dc.Panel, *x: str) -> dict[str, float]:
    fitted = dc.PanelRegression(y="y", x=list(x), effects="two_way", cov="classic").fit(one)
    return {str(term): float(value) for term, value in fitted.estimates["coef"].items()}


def test_dates_and_shares_are_those_asked_for() -> None:
    one = panel(SimulatedPolicy(n=100, never=0.4, cohorts=(2010, 2014)))
    cohort = one.column(policy_columns("pilot").cohort)[:: one.shape[1]]
    assert one.shape == (100, 15)
    assert (int(np.isnan(cohort).sum()), int((cohort == 2010).sum()), int((cohort == 2014).sum())) == (40, 30, 30)


def test_a_homogeneous_effect_is_found_without_errors() -> None:
    source = exact(effect=0.7)
    assert estimate(panel(source), "pilot")["pilot"] == pytest.approx(0.7)
    assert source.truth().overall == pytest.approx(0.7)
    assert all(effect == pytest.approx(0.7 if event >= 0 else 0.0) for event, effect in source.truth().by_event.items())


def test_a_growing_effect_is_what_the_page_says() -> None:
    truth = exact(world="heterogeneous", effect=2.0, growth=0.5, cohorts=(2010, 2012, 2018)).truth()
    # factors 1.5, 1 and 0.5; means of k over 11, 9 and 3 years
    assert truth.by_cohort == pytest.approx({2010: 3 + 0.5 * 5, 2012: 2 + 0.5 * 4, 2018: 1 + 0.5 * 1})
    assert truth.by_event[0] == pytest.approx(2.0)
    assert truth.by_event[10] == pytest.approx(3 + 0.5 * 10)
    assert all(effect == 0 for event, effect in truth.by_event.items() if event < 0)
    assert truth.by_period[2010] == pytest.approx(3.0)
    treated = truth.cells[truth.cells["event"] >= 0]
    assert truth.overall == pytest.approx(treated["direct"].mean())


def test_a_single_cohort_has_the_effect_itself() -> None:
    truth = exact(world="heterogeneous", effect=2.0, growth=0.5, cohorts=(2012,)).truth()
    assert truth.by_event[0] == 2.0
    assert truth.by_event[8] == 2.0 + 0.5 * 8


def test_two_way_effects_are_biased_where_effects_grow() -> None:
    source = exact(world="heterogeneous", never=0.0)
    assert abs(estimate(panel(source), "pilot")["pilot"] - source.truth().overall) > 0.3


def test_anticipation_is_in_the_years_before() -> None:
    truth = exact(world="anticipation", lead=2, anticipated=0.25, effect=4.0).truth()
    assert [truth.by_event[k] for k in (-3, -2, -1, 0, 1)] == [0, 1, 1, 4, 4]
    assert truth.overall == pytest.approx(4.0)


def test_spillovers_go_along_the_delaunay_neighbours() -> None:
    source = exact(world="spillovers", effect=1.5, spillover=0.8)
    one = panel(source)
    w = DelaunayWeights().compute(one).matrix
    under = one.column("pilot").reshape(one.shape)
    lag = np.asarray(w @ under).ravel()
    fitted = estimate(one.with_columns({"wd": lag}), "pilot", "wd")
    assert fitted == pytest.approx({"pilot": 1.5, "wd": 0.8})
    truth = source.truth()
    rest = (under.ravel() == 0) & (lag > 0)
    assert (truth.coefficient, truth.overall) == (0.8, pytest.approx(1.5))
    assert truth.spillover == pytest.approx(0.8 * lag[rest].mean())


def test_selection_and_trends_make_groups_differ() -> None:
    def gap(source: SimulatedPolicy) -> float:
        frame = source.load().frame
        treated = frame["adopted"].notna()
        return float(frame["income"][treated].mean() - frame["income"][~treated].mean())

    assert gap(SimulatedPolicy(selection=3.0)) > 0.6
    assert abs(gap(SimulatedPolicy())) < 0.3
    biased = estimate(panel(exact(selection=3.0, trend=0.1)), "pilot")["pilot"]
    assert biased > 1.05


def test_errors_have_the_memory_asked_for() -> None:
    frame = SimulatedPolicy(n=2000, memory=0.6, effect=0.0, sigma=1.0).load().frame
    y = frame["y"].to_numpy().reshape(2000, 15)
    error = y - y.mean(axis=0)
    # a unit's level has a variance of its own, so that differences are compared: 2 (1 - 0.6)
    assert np.diff(error, axis=1).var() == pytest.approx(0.8, rel=0.05)


def test_worlds_share_their_draws() -> None:
    plain, spill = (SimulatedPolicy(world=world).load().frame for world in ("homogeneous", "spillovers"))
    difference = spill["y"] - plain["y"]
    truth = SimulatedPolicy(world="spillovers").truth().cells
    np.testing.assert_allclose(difference, truth["spillover"], atol=1e-12)
    assert plain.drop(columns="y").equals(spill.drop(columns="y"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cohorts": [2006, 2010]}, "source.cohorts must be different years from 2007 to 2020"),
        ({"cohorts": [2010, 2010]}, "got 2010, 2010"),
        ({"never": 1.0}, "source.never leaves 0 units for 3 cohorts"),
        ({"world": "flat"}, "source.world must be one of"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        build({"_target_": "digicarbon.source.SimulatedPolicy", **fields}, Source, "source")
    assert words in str(raised.value)
