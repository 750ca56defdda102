"""Means of effects of cohorts in periods, and the influence of units on them."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.packs.policies.numeric.aggregation import NEVER, Aggregate, Cells, aggregation, binned
from digicarbon.packs.policies.numeric.group_time import GroupTimes, comparisons
from digicarbon.packs.policies.numeric.imputation import Imputation, Untreated
from digicarbon.packs.policies.numeric.stacks import stacks

EVERY: tuple[Aggregate, ...] = ("overall", "event", "cohort", "calendar")
CELLS = Cells(
    np.array([3, 3, 3, 3, 5, 5, 5, 5]),
    np.array([-2, -1, 0, 2, -2, -1, 0, 1]),
    np.array([10.0, 10, 9, 8, 4, 4, 4, 3]),
    np.array([10.0, 10, 10, 10, 4, 4, 4, 4]),
)


@pytest.mark.parametrize("by", EVERY)
def test_weights_are_means_of_treated_cells(by: Aggregate) -> None:
    chosen = aggregation(CELLS, by)
    np.testing.assert_allclose(chosen.parts.sum(axis=1), 1)
    assert chosen.overall.sum() == pytest.approx(1)
    assert not chosen.weights[0][CELLS.event < 0].any()
    assert len(chosen.weights) == 1 + len(chosen.levels)


def test_levels() -> None:
    assert aggregation(CELLS, "overall").levels == ()
    assert aggregation(CELLS, "event").levels == (-2, -1, 0, 1, 2)
    assert aggregation(CELLS, "event", leads=1, lags=1).levels == (-1, 0, 1)
    assert aggregation(CELLS, "cohort").levels == (3, 5)
    assert aggregation(CELLS, "calendar").levels == (3, 5, 6)
    assert binned(np.array([-9, 0, 9]), None, 2).tolist() == [-9, 0, 2]
    with pytest.raises(ValueError, match="treated"):
        aggregation(Cells(*(column[:2] for column in (CELLS.first, CELLS.event, CELLS.size, CELLS.units))), "event")


@pytest.mark.parametrize("by", EVERY)
def test_influence_is_what_a_unit_more_changes(by: Aggregate) -> None:
    """The mean over units that are counted a little more often moves by their influence."""
    rng = np.random.default_rng(1)
    units, periods = 60, 7
    first = np.array([3, 5, 6, NEVER])[rng.integers(4, size=units)]
    unit, at = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    y = rng.standard_normal(units * periods) + (at >= first[unit]) * first[unit] % 7
    none = np.empty((len(y), 0))

    def means(copies: np.ndarray) -> np.ndarray:
        who = np.repeat(np.arange(units), copies)
        rows = (who[:, None] * periods + np.arange(periods)).ravel()
        times = GroupTimes(none[rows], np.repeat(np.arange(len(who)), periods), comparisons(at[rows], first[who]))
        return np.asarray(aggregation(times.cells, by).weights @ times.fit(y[rows])[0])

    times = GroupTimes(none, unit, comparisons(at, first))
    chosen = aggregation(times.cells, by)
    effects, influence = times.means(chosen, y[:, None])
    np.testing.assert_allclose(effects[:, 0], means(np.ones(units, dtype=int)))
    many = np.full(units, 400)
    for one in (0, 7, 20):
        more = many.copy()
        more[one] += 1
        np.testing.assert_allclose(400 * (means(more) - means(many)), influence[one, :, 0], rtol=0.05, atol=2e-4)


def test_imputed_effects_are_weighted_sums_of_the_outcome() -> None:
    rng = np.random.default_rng(2)
    unit, period = np.repeat(np.arange(20), 6), np.tile(np.arange(6), 20)
    treated = (unit % 3 == 0) & (period >= 3 + unit % 2)
    x, y = rng.standard_normal((120, 2)), rng.standard_normal(120)
    untreated = Untreated(unit, period, treated)
    model = Imputation(x, untreated)
    assert (untreated.known == treated).all()
    of_rows = np.where(treated[:, None], rng.standard_normal((120, 3)), 0.0)
    weights = model.weights(of_rows)
    effects = model.fit(y[:, None])[0][:, 0]
    np.testing.assert_allclose(weights.T @ y, np.nansum(of_rows * effects[:, None], axis=0), rtol=1e-9)
    # what effects of units and periods and controls make is no effect
    made = np.column_stack([np.eye(20)[unit], np.eye(6)[period], x])
    np.testing.assert_allclose(weights.T @ made, 0, atol=1e-9)


def test_a_row_without_untreated_ones_is_not_imputed() -> None:
    unit, period = np.repeat(np.arange(4), 4), np.tile(np.arange(4), 4)
    treated = (period == 3) | (unit == 0)
    untreated = Untreated(unit, period, treated | ((unit == 1) & (period == 2)))
    assert np.flatnonzero(untreated.known).tolist() == [6]


def test_stacks_have_clean_units_only() -> None:
    unit, at = np.repeat(np.arange(4), 8), np.tile(np.arange(8), 4)
    first = np.array([2, 4, 7, NEVER])
    found = stacks(unit, at, first, "not_yet", 2, 1)
    assert [set(unit[found.row[found.stack == one]].tolist()) for one in range(3)] == [{0, 1, 2, 3}, {1, 2, 3}, {2, 3}]
    assert set(found.event.tolist()) == {-2, -1, 0, 1}
    never = stacks(unit, at, first, "never", None, None)
    assert [set(unit[never.row[never.stack == one]].tolist()) for one in range(3)] == [{0, 3}, {1, 3}, {2, 3}]
    # units that react before the window ends are no comparison
    early = stacks(unit, at, first, "not_yet", 2, 1, anticipation=1)
    assert set(unit[early.row[early.stack == 0]].tolist()) == {0, 2, 3}
    assert not len(stacks(unit[:8], at[:8], first[:1], "never", None, None).row)
