"""Tests by arrangements of x: plain loops to the last arrangement, what moves where, when they are taken."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from arrangements import UNITS, YEARS, assert_of_refits, assert_refused, law, laws, note, panel, ring

import digicarbon as dc
from digicarbon.errors import ConfigError
from digicarbon.numeric.resampling.arrangements import Arranging, connected_sets, number_of_orders, orders
from digicarbon.panel import Panel
from digicarbon.weights import Weights


def fe(**fields: Any) -> dc.PanelRegression:
    return dc.PanelRegression(**{"y": "y", "x": ("x",), "controls": ("c",)} | fields)


def demeaned(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()


def statistic(y: np.ndarray, x: np.ndarray, c: np.ndarray) -> float:
    """Return the estimate over its error of one variance, up to the factor that all samples share."""
    y, x, c = (demeaned(values) for values in (y, x, c))
    x = x - c * (x * c).sum() / (c * c).sum()
    y = y - c * (y * c).sum() / (c * c).sum()
    b = (x * y).sum() / (x * x).sum()
    return float(b * np.sqrt((x * x).sum() / ((y - b * x) ** 2).sum()))


def share(data: Panel, value: float = 0.0) -> float:
    """Return the share of arrangements of three treated units with a statistic as large, for an effect."""
    y, x, c = (data.column(name).reshape(data.shape) for name in ("y", "x", "c"))
    y = y - value * x
    own = abs(statistic(y, x, c))
    drawn = [abs(statistic(y, law(*three), c)) for three in combinations(range(UNITS), 3)]
    return float(np.mean([one >= own * (1 - 1e-9) for one in drawn]))


@pytest.mark.parametrize("effect", [0.0, 2.0])
def test_p_and_interval_are_those_of_plain_loops(effect: float) -> None:
    data = panel(law(0, 3, 7), effect)
    result = fe().fit(data)
    row = result.estimates.loc["x"]
    assert row["p"] == pytest.approx(share(data))
    said = note(result, "randomised_every")
    assert (said["number"], said["smallest"]) == (84, 1 / 84)
    assert said["errors"].code == "z_of_one_variance"
    assert note(result, "few_carry")["carriers"]["number"] == 3
    assert 0 < result.statistics["p_units.x"] <= 1
    assert result.estimates.loc["c", "p"] == fe(test="errors").fit(data).estimates.loc["c", "p"]
    step = 0.02 * row["se"]
    for end, out in ((row["low"], -step), (row["high"], step)):
        assert share(data, end - out) > 0.05
        assert share(data, end + out) <= 0.05


def test_effects_of_a_spatial_model_are_refitted_to_each_connected_set() -> None:
    """On a ring of nine there are nine sets of three neighbours."""
    data, weights = panel(law(4, 5, 6), 1.0), ring()
    model = dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind="sdm")
    result, plain = model.fit(data, weights), model.model_copy(update={"test": "errors", "cov": "classic"})
    drawn = [
        plain.fit(data.with_columns({"x": np.roll(law(4, 5, 6), by, axis=0).ravel()}), weights) for by in range(UNITS)
    ]
    for effect in ("direct", "indirect", "total"):
        sizes = [abs(one.effects.loc[(effect, "x"), "stat"]) for one in drawn]
        assert result.effects.loc[(effect, "x"), "p"] == pytest.approx(np.mean(sizes >= sizes[0] * (1 - 1e-9)))
    assert np.isnan(result.effects.xs("x", level="term")["low"]).all()
    assert note(result, "randomised_every")["over"].code == "over_sets"
    assert result.statistics["p_units.total.x"] > 0


def test_without_weights_or_neighbours_units_need_not_be_connected() -> None:
    weights = ring()
    assert note(fe().fit(panel(law(4, 5, 6))), "randomised_every")["number"] == 84
    assert note(fe().fit(panel(law(0, 3, 6)), weights), "randomised_every")["number"] == 84
    assert note(fe().fit(panel(law(4, 5, 6)), weights), "randomised_every")["number"] == 9
    # two of three are neighbours: sets are drawn
    assert note(fe(draws=99).fit(panel(law(0, 4, 5)), weights), "randomised_some")["number"] == 99


def test_paths_stay_in_their_strata() -> None:
    data = panel(law(0, 3, 4))
    result = fe(test="randomisation", strata="province").fit(data)
    y, c = (data.column(name).reshape(data.shape) for name in ("y", "c"))
    own = abs(statistic(y, law(0, 3, 4), c))
    drawn = [abs(statistic(y, law(one, *two), c)) for one in range(3) for two in combinations(range(3, 6), 2)]
    assert result.estimates.loc["x", "p"] == pytest.approx(np.mean(np.array(drawn) >= own * (1 - 1e-9)))
    assert not result.has_note("few_carry")


def test_whole_clusters_of_the_declared_level_move() -> None:
    provinces = [law(*range(first, first + 3), units=15) for first in (3, 0, 6, 9, 12)]
    data, model = panel(provinces[0]), fe(cluster="province")
    result = model.fit(data)
    said = note(result, "randomised_every")
    assert (said["number"], said["over"].code) == (5, "over_clusters")
    assert note(result, "few_carry")["carriers"].code == "carry_clusters"
    plain = fe(cov="classic", test="errors")
    drawn = [abs(plain.fit(data.with_columns({"x": x.ravel()})).estimates.loc["x", "stat"]) for x in provinces]
    assert result.estimates.loc["x", "p"] == pytest.approx(np.mean(drawn >= drawn[0] * (1 - 1e-9)))


def test_a_part_of_a_cluster_moves_to_a_part_of_one() -> None:
    """Three pairs of units in each of five clusters."""
    said = note(fe(cluster="province").fit(panel(law(3, 5, units=15))), "randomised_every")
    assert (said["number"], said["over"].code) == (15, "over_one_cluster")


def test_units_of_different_clusters_move_to_different_clusters() -> None:
    """One unit in each of two of five clusters of three: 90 of the 105 pairs of units."""
    data = panel(law(1, 3, units=15))
    result = fe(cluster="province").fit(data)
    said = note(result, "randomised_every")
    assert (said["number"], said["over"].code) == (90, "over_different_clusters")
    y, c = (data.column(name).reshape(data.shape) for name in ("y", "c"))
    pairs = [pair for pair in combinations(range(15), 2) if pair[0] // 3 != pair[1] // 3]
    own = abs(statistic(y, law(1, 3, units=15), c)) * (1 - 1e-9)
    wanted = np.mean([abs(statistic(y, law(*pair, units=15), c)) >= own for pair in pairs])
    assert result.estimates.loc["x", "p"] == pytest.approx(wanted)
    assert note(fe(cluster="province", draws=19).fit(data), "randomised_some")["number"] == 19


@pytest.mark.parametrize(("treated", "few"), [(5, True), (6, False), (24, False), (25, True)])
def test_signs_test_what_six_units_carry(treated: int, few: bool) -> None:
    """Of 30 with a law in all but five the other five carry the comparison."""
    result = fe(draws=19, intervals=False).fit(panel(law(*range(treated), units=30)))
    assert result.has_note("few_carry") is few
    assert any(note.code.startswith("wild_p") for note in result.notes) is not few


def test_what_effects_leave_decides_who_carries_x() -> None:
    """Levels of units, and a path that all share, are no movement under two-way effects; pooled they are."""
    x = law(0, 3, 7) + np.arange(UNITS)[:, None] + np.arange(YEARS)
    assert note(fe().fit(panel(x)), "few_carry")["carriers"]["number"] == 3
    assert not fe(effects="none", draws=19, intervals=False).fit(panel(x)).has_note("few_carry")
    assert not fe(effects="unit", draws=19, intervals=False).fit(panel(x)).has_note("few_carry")


def test_randomisation_is_offered_for_any_x() -> None:
    data = panel(np.random.default_rng(5).normal(size=(UNITS, YEARS)))
    one, again, other = (fe(test="randomisation", draws=99, seed=seed).fit(data) for seed in (1, 1, 2))
    p = [result.estimates.loc["x", "p"] for result in (one, again, other)]
    assert p[0] == p[1] != p[2]
    assert p[0] * 100 == pytest.approx(round(p[0] * 100))
    row = one.estimates.loc["x"]
    assert row["low"] < row["coef"] < row["high"]
    assert note(one, "randomised_some")["errors"].code == "z_of_table"
    assert one.statistics["p_simulation_error.x"] == pytest.approx(np.sqrt(p[0] * (1 - p[0]) / 100))


def test_what_is_made_of_x_moves_with_it() -> None:
    data = panel(law(0, 3, 7), 1.0)
    result = fe(x=("x", "x:c"), intervals=True).fit(data)
    plain = fe(x=("x", "x:c"), cov="classic", test="errors")
    drawn = [
        plain.fit(data.with_columns({"x": law(*three).ravel()})).estimates["stat"].abs()
        for three in combinations(range(UNITS), 3)
    ]
    for term in ("x", "x:c"):
        own = abs(plain.fit(data).estimates.loc[term, "stat"]) * (1 - 1e-9)
        assert result.estimates.loc[term, "p"] == pytest.approx(np.mean([one[term] >= own for one in drawn]))
        assert np.isnan(result.estimates.loc[term, "low"])


@pytest.mark.parametrize(
    ("fields", "x", "words"),
    [
        ({"x": ("x:c",)}, law(0, 3), "Name the variable itself"),
        ({"x": ("x", "L.y")}, law(0, 3), "made of the outcome"),
        ({"cluster": "province"}, np.random.default_rng(3).normal(size=(15, YEARS)), "cluster=unit"),
        ({"strata": "unit"}, law(0, 3), "no other arrangement over units of the same unit"),
        ({"strata": "year"}, law(0, 3), "constant in time"),
    ],
)
def test_check_refuses_what_cannot_move(fields: dict[str, Any], x: np.ndarray, words: str) -> None:
    data = panel(x)
    for run in (fe(test="randomisation", **fields).check, fe(test="randomisation", **fields).fit):
        with pytest.raises(ConfigError, match=words):
            run(data)


GROUPS = {name: "a" if place < 5 else "b" for place, name in enumerate(ring().labels)}


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        (dc.GroupedRegression(y="y", x=("x",), controls=("c",), by=GROUPS), None),
        (dc.GroupedSpatial(y="y", x=("x",), controls=("c",), by=GROUPS, kind="sdm"), ring()),
    ],
)
def test_paths_stay_in_the_groups_of_a_model(model: Any, weights: Weights | None) -> None:
    data = panel(law(0, 6), 1.0)
    others = [law(one, other) for one in range(5) for other in range(5, 9)]
    result = assert_of_refits(model, data, weights, others, "x[a]", "x[b]")
    assert note(result, "randomised_every")["number"] == 20
    assert note(result, "randomised_every")["over"]["strata"] == "group"


def test_a_group_in_which_few_carry_x_has_arrangements_and_others_have_signs() -> None:
    by = {f"u{place:02d}": "a" if place < 12 else "b" for place in range(30)}
    data = panel(law(0, *range(12, 20), units=30))
    result = dc.GroupedRegression(y="y", x=("x",), by=by, draws=19).fit(data)
    assert np.isnan(result.estimates.loc["x[a]", "low"])
    assert note(result, "few_carry")["term"] == "x[a]"
    assert note(result, "randomised_some")["term"] == ("x[a]",)
    assert "p_units.x[a]" in result.statistics
    assert "p_units.x[b]" not in result.statistics
    assert "p_simulation_error.x[b]" in result.statistics
    assert any(note.code.startswith("wild_p") for note in result.notes)


def test_paths_stay_among_units_with_the_same_periods() -> None:
    data = panel(law(0, 3), 1.0)
    gaps = data.rows((data.unit_codes < 6) | (data.period_codes > 0))
    result = assert_of_refits(fe(), gaps, None, laws(2, range(6)), "x")
    assert note(result, "randomised_every")["over"].code == "over_rows"
    one = data.rows(np.arange(len(data.index)) != 0)
    said = note(fe(controls=()).fit(one), "randomised_every")
    # the unit with a gap has no other of its kind: the other one moves alone
    assert said["number"] == 8
    alone = panel(law(0))
    alone = alone.rows(np.arange(len(alone.index)) != 0)
    with pytest.raises(ConfigError, match="no other arrangement over single units, with rows in the same periods"):
        fe(test="randomisation").check(alone)


def test_models_without_arrangements_say_why() -> None:
    data = panel(law(0, 3, 7)).with_columns({"z": np.random.default_rng(3).normal(size=UNITS * YEARS)})
    data = data.with_columns({"z": data.column("z") + data.column("x")})
    assert_refused(
        dc.PanelIV(y="y", x=("x",), instruments=("z",), draws=19), data, None, "on the instruments in its place"
    )
    with pytest.raises(ValueError, match="test=randomisation alone"):
        fe(strata="province")

    class Own(dc.PanelRegression):
        """A class that might read x in another way."""

    assert_refused(Own(y="y", x=("x",), draws=19, intervals=False), data, None, "in ways of its own")


def test_connected_sets_are_each_found_once() -> None:
    rng = np.random.default_rng(2)
    links = np.triu(rng.random((8, 8)) < 0.3, 1).astype(float)
    links += links.T

    def connected(members: tuple[int, ...]) -> bool:
        reached = {members[0]}
        for _ in members:
            reached |= {other for other in members if links[list(reached), other].any()}
        return len(reached) == len(members)

    for size in (1, 2, 3, 4):
        found = list(connected_sets(links, size))
        wanted = {frozenset(members) for members in combinations(range(8), size) if connected(members)}
        assert len(found) == len(set(found))
        assert set(found) == wanted


def test_orders_are_each_found_once() -> None:
    found = list(map(tuple, orders([2, 0, 0, 1, 2])))
    assert len(found) == len(set(found)) == number_of_orders([2, 0, 0, 1, 2]) == 30


def test_more_arrangements_than_all_that_are_taken_are_drawn() -> None:
    arranging = Arranging(np.array([1, 1, 0, 0, 0, 0]), np.zeros(6, dtype=np.int64))
    assert arranging.every(14) is None
    every = arranging.every(15)
    assert every is not None
    assert len({tuple(arranging.codes[deal]) for deal in every} | {tuple(arranging.codes)}) == 15 == 1 + len(every)
    some = arranging.some(50, (1,))
    assert (np.sort(some, axis=1) == np.arange(6)).all()
