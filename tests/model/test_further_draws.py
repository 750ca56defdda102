"""Draws are added while other ones might change the star of a p value."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from lattice import lattice
from scipy.stats import binomtest

import digicarbon as dc
from digicarbon.model import Model
from digicarbon.numeric.significance import CHANCE, STARS, is_undecided, stars_of

W = lattice(6, 5)


def panel(seed: int, effect: float, weights: dc.Weights = W) -> dc.Panel:
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([weights.labels, range(6)], names=["u", "t"])
    frame = index.to_frame(index=False).assign(x=rng.normal(size=len(index)))
    return dc.Panel.from_frame(frame.assign(y=effect * frame["x"] + rng.normal(size=len(index))), "u", "t")


def linear(**fields: object) -> Model:
    return dc.PanelRegression(y="y", x=("x",), effects="two_way", **fields)


@pytest.mark.parametrize("draws", [99, 999, 9999])
@pytest.mark.parametrize("extreme", [0, 1, 4, 9, 30, 49, 99])
def test_the_interval_is_the_exact_one_of_a_share(extreme: int, draws: int) -> None:
    p = (1 + extreme) / (1 + draws)
    exact = binomtest(extreme, draws).proportion_ci(1 - CHANCE, method="exact")
    for level in (0.001, *STARS, 0.5, 1.0):
        assert is_undecided(p, draws, [level]) == (exact.low < level < exact.high)
    assert not is_undecided(float("nan"), draws)


def test_a_p_near_a_star_has_more_draws_and_others_have_not() -> None:
    near = far = 0
    for seed in range(12):
        own = panel(seed, 0.16)
        few, auto = linear(draws=999).fit(own, W), linear().fit(own, W)
        codes = [note.code for note in auto.notes]
        p = few.estimates.at["x", "p"]
        if is_undecided(p, 999):
            near += 1
            assert "wild_more_draws" in codes
            assert "wild_more_draws" not in [note.code for note in few.notes]
            number = dict(next(note for note in auto.notes if note.code == "wild_more_draws").fields)["most"]
            # more draws of the same null model: p is where fewer have put it, up to the error of these
            assert abs(auto.estimates.at["x", "p"] - p) < 4 * math.sqrt(p * (1 - p) / 1000)
            decided = not is_undecided(auto.estimates.at["x", "p"], number)
            assert number == 9999 or decided
            assert ("wild_undecided" in codes) == (not decided)
        else:
            far += 1
            assert "wild_more_draws" not in codes
            assert auto.estimates.at["x", "p"] == p
        low, high = auto.estimates.loc["x", ["low", "high"]]
        assert (low <= 0 <= high) == (auto.estimates.at["x", "p"] > 0.05)
    assert near >= 3
    assert far >= 3


def test_the_error_of_each_p_is_recorded() -> None:
    own = panel(1, 0.1)
    result = dc.SpatialPanel(y="y", x=("x",), kind="sdm", draws=499, intervals=False).fit(own, W)
    for quantity in ("direct", "indirect", "total"):
        p = result.effects.at[(quantity, "x"), "p"]
        recorded = result.statistics[f"p_simulation_error.{quantity}.x"]
        assert recorded == pytest.approx(math.sqrt(p * (1 - p) / 500))
    few = lattice(4, 2)
    every = linear(signs="units").fit(panel(2, 0.2, few))
    # all vectors of signs have no error
    assert not [name for name in every.statistics if name.startswith("p_simulation_error")]


@pytest.mark.long
def test_another_seed_changes_fewer_stars() -> None:
    def star(own: dc.Panel, **fields: object) -> str:
        return stars_of(float(linear(intervals=False, **fields).fit(own, W).estimates.at["x", "p"]), STARS)

    panels = [panel(seed, 0.16) for seed in range(100)]
    changed = {
        draws: sum(star(own, draws=draws, seed=1) != star(own, draws=draws, seed=2) for own in panels)
        for draws in (999, "auto")
    }
    assert changed["auto"] < changed[999]


@pytest.mark.parametrize(("draws", "smallest"), [(19, "0.05"), (49, "0.02"), (99, None)])
def test_a_note_says_which_stars_few_draws_cannot_give(draws: int, smallest: str | None) -> None:
    said = [str(note) for note in linear(draws=draws).fit(panel(1, 0.5), W).notes if note.code == "few_draws"]
    assert [f"With {draws} draws no p is below {smallest}, " in one for one in said] == [True] * (smallest is not None)


def test_where_p_has_more_draws_the_note_says_what_intervals_rest_on() -> None:
    for intervals in (True, False):
        fits = (linear(intervals=intervals).fit(panel(seed, 0.16), W) for seed in range(12))
        note = next(note for fit in fits for note in fit.notes if note.code == "wild_more_draws")
        assert ("; intervals rest on 999." in str(note)) == intervals
