"""Deals of paths: each path once, as alike between neighbours as the real ones, policies in connected sets."""

from __future__ import annotations

import numpy as np
import pytest
import scipy
from lattice import lattice

from digicarbon.errors import EstimationError
from digicarbon.numeric.resampling import arrangements
from digicarbon.numeric.resampling.arrangements import in_sets
from digicarbon.packs.placebo.numeric.deals import NEAR, in_patterns, moran, scattered

SIDE, PERIODS, DEALS = 6, 5, 60
LINKS = (lattice(SIDE, SIDE).dense() > 0).astype(float)
UNITS = len(LINKS)


def smooth(rng: np.random.Generator, rho: float) -> np.ndarray:
    """Return paths less their means that neighbours share by rho."""
    w = LINKS / LINKS.sum(axis=1, keepdims=True)
    paths = np.linalg.solve(np.eye(UNITS) - rho * w, rng.normal(size=(UNITS, PERIODS)).cumsum(axis=1))
    paths = paths - paths.mean(axis=0)
    return np.asarray(paths - paths.mean(axis=1, keepdims=True))


def test_moran_is_the_quotient_by_hand() -> None:
    paths = smooth(np.random.default_rng(1), 0.5)
    pairs = sum(LINKS[i, j] * paths[i] @ paths[j] for i in range(UNITS) for j in range(UNITS))
    assert moran(paths, LINKS) == pytest.approx(UNITS * pairs / LINKS.sum() / (paths**2).sum())


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_patterns_keep_morans_i_and_deal_each_path_once(rho: float) -> None:
    paths = smooth(np.random.default_rng(2), rho)
    real = moran(paths, LINKS)
    made = list(in_patterns(paths, LINKS, DEALS, np.random.default_rng(3)))
    assert len(made) == DEALS
    assert all(sorted(deal) == list(range(UNITS)) for deal in made)
    assert np.abs([moran(paths[deal], LINKS) - real for deal in made]).max() <= NEAR
    # most units have the path of another one, and deals differ
    assert np.mean([deal == np.arange(UNITS) for deal in made]) < 0.2
    assert len({tuple(deal) for deal in made}) == DEALS


def test_patterns_keep_the_power_at_large_scales_better_than_paths_at_random() -> None:
    paths = smooth(np.random.default_rng(4), 0.9)
    centred = np.eye(UNITS) - 1 / UNITS
    vectors = np.linalg.eigh(centred @ LINKS @ centred)[1][:, -6:]

    def power(deal: np.ndarray) -> float:
        return float(((vectors.T @ paths[deal]) ** 2).sum() / (paths**2).sum())

    real = power(np.arange(UNITS))
    alike = np.mean([power(deal) for deal in in_patterns(paths, LINKS, DEALS, np.random.default_rng(5))])
    random = np.mean([power(deal) for deal in scattered(UNITS, DEALS, np.random.default_rng(5))])
    assert abs(alike - real) < 0.3 * abs(random - real)


@pytest.mark.parametrize("sizes", [(7,), (4, 2), (1, 1, 1)])
def test_policies_reach_sets_of_as_many_units(sizes: tuple[int, ...]) -> None:
    columns = (0, 3, 5)
    treated = np.zeros(UNITS, dtype=bool)
    for column, size in zip(columns, sizes, strict=False):
        treated[[place * SIDE + column if len(sizes) > 1 else place for place in range(size)]] = True
    found = set()
    for deal in in_sets(treated, LINKS, DEALS, np.random.default_rng(6)):
        assert sorted(deal) == list(range(UNITS))
        reached = np.flatnonzero(treated[deal])
        found.add(tuple(reached))
        together = scipy.sparse.csgraph.connected_components(LINKS[np.ix_(reached, reached)] > 0)[1]
        # sets that touch by chance are one
        assert max(np.bincount(together)) >= max(sizes)
        assert len(set(together)) <= len(sizes)
    assert len(found) > DEALS / 2


def test_where_a_set_finds_no_room_the_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three units are neighbours of each other, fifty have none: a set of three has one place."""
    links = scipy.linalg.block_diag(np.ones((3, 3)) - np.eye(3), np.zeros((50, 50)))
    treated = np.arange(53) < 3
    for deal in in_sets(treated, links, 5, np.random.default_rng(1)):
        assert set(np.flatnonzero(treated[deal])) == {0, 1, 2}
    monkeypatch.setattr(arrangements, "MOST_TRIES", 1)
    with pytest.raises(EstimationError, match=r"no room in W for connected sets of 3 units.*places=scattered"):
        list(in_sets(treated, links, 5, np.random.default_rng(1)))
