"""Shapley shares against all orders, against a peer, and in time."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digicarbon.numeric.shape.influence import shares
from digicarbon.packs.one_answer.numeric import shapley as module
from digicarbon.packs.one_answer.numeric.shapley import shapley

REFERENCE = Path(__file__).parents[2] / "reference"


def r_squared(y: np.ndarray, columns: list[np.ndarray]) -> float:
    x = np.column_stack([np.ones(len(y)), *columns])
    left = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    return 1 - float(left @ left) / float(((y - y.mean()) ** 2).sum())


def by_orders(y: np.ndarray, choices: list[np.ndarray]) -> np.ndarray:
    """The mean gain of each choice over all orders."""
    orders = list(itertools.permutations(range(len(choices))))
    gains = np.zeros(len(choices))
    for order in orders:
        for place, choice in enumerate(order):
            before = [choices[other] for other in order[:place]]
            gains[choice] += r_squared(y, [*before, choices[choice]]) - r_squared(y, before)
    return gains / len(orders)


def multiverse(seed: int, rows: int, values: list[int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Estimates that hang together with choices that hang together: a draw from a grid, and one nested choice."""
    rng = np.random.default_rng(seed)
    codes = [rng.integers(0, many, rows) for many in values]
    codes[-1] = np.where(codes[0] == 0, 0, codes[-1])
    choices = [np.eye(many)[code] for many, code in zip(values, codes, strict=True)]
    y = sum(x @ rng.normal(size=x.shape[1]) for x in choices) + 0.3 * codes[0] * codes[1] + rng.normal(size=rows)
    return np.asarray(y), choices


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_shares_are_the_mean_gains_over_all_orders(seed: int, count: int) -> None:
    y, choices = multiverse(seed, 60, [2, 3, 4, 2, 3][:count])
    found = shapley(y, choices)
    np.testing.assert_allclose(found.shares, by_orders(y, choices), atol=1e-9)
    assert found.shares.sum() == pytest.approx(found.additive, abs=1e-12)
    assert found.additive == pytest.approx(r_squared(y, choices), abs=1e-9)


def test_shares_of_single_columns_are_those_of_dominance_analysis() -> None:
    data = pd.read_csv(REFERENCE / "attitude.csv")
    peer = json.loads((REFERENCE / "attitude.json").read_text())["dominance"]["total"]
    names = list(data.columns[1:])
    found = shapley(data["rating"].to_numpy(float), [data[[name]].to_numpy(float) for name in names])
    np.testing.assert_allclose(found.shares, [peer[name] for name in names], rtol=1e-9)


def test_on_a_full_grid_a_share_is_what_a_choice_explains_alone() -> None:
    rng = np.random.default_rng(3)
    grid = np.array(list(itertools.product(range(3), range(2), range(4))))
    choices = [np.eye(many)[grid[:, place]] for place, many in enumerate((3, 2, 4))]
    y = rng.normal(size=len(grid))
    np.testing.assert_allclose(shapley(y, choices).shares, shares(y, choices).alone, atol=1e-12)


def test_a_choice_that_always_goes_with_another_one_shares_its_part() -> None:
    y, choices = multiverse(4, 50, [3, 2])
    once, twice = shapley(y, choices), shapley(y, [*choices, choices[0]])
    assert twice.shares[0] == pytest.approx(twice.shares[2])
    assert twice.additive == pytest.approx(once.additive)
    constant = shapley(np.full(50, 0.1), choices)
    assert not constant.shares.any()
    assert constant.additive == 0


def test_drawn_orders_are_near_the_exact_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    y, choices = multiverse(5, 300, [2, 3, 4, 2, 3, 3])
    exact = shapley(y, choices)
    monkeypatch.setattr(module, "MOST_EXACT", 3)
    drawn = shapley(y, choices, seed=2)
    assert drawn.shares.sum() == pytest.approx(exact.additive)
    assert (drawn.errors > 0).any()
    assert (np.abs(drawn.shares - exact.shares) <= 5 * drawn.errors + 1e-12).all()


def test_shares_of_2_500_estimates_with_ten_choices_add_up() -> None:
    y, choices = multiverse(6, 2500, [2, 3, 4, 5, 6, 7, 8, 2, 3, 4])
    found = shapley(y, choices)
    assert found.shares.sum() == pytest.approx(found.additive)
