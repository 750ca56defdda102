"""Regions of significance and uniform critical values: against points, simulation and the textbook's formula."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from digicarbon.numeric.shape.moderation import (
    Effect,
    Piece,
    crossings,
    cut,
    kind_of,
    pointwise_critical,
    uniform_critical,
)


def effect(seed: int, degree: int = 1, k: int = 2) -> Effect:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(k, k))
    weights = np.eye(2) if (degree, k) == (1, 2) else rng.normal(size=(degree + 1, k))
    return Effect(weights, rng.normal(size=k), 0.15 * root @ root.T)


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_pieces_hold_the_points_at_which_a_test_rejects(seed: int, degree: int) -> None:
    found = effect(seed, degree, k=degree + 2 if degree > 1 else 2)
    z = np.linspace(-8, 8, 3001)
    coef, se = found.at(z)
    for middle, scale in ((0.0, 1.0), (3.0, 2.0)):
        pieces = found.pieces(2.1, middle, scale)
        assert pieces[0].low == -math.inf
        assert pieces[-1].high == math.inf
        assert all(one.high == two.low and one.sign != two.sign for one, two in pairwise(pieces))
        at = np.searchsorted([piece.high for piece in pieces], z)
        signs = np.array([piece.sign for piece in pieces])[at]
        np.testing.assert_array_equal(signs, np.where(np.abs(coef) > 2.1 * se, np.sign(coef), 0))


def test_the_ends_are_those_of_the_textbook() -> None:
    """Bauer and Curran (2005, eq. 13); `interactions::johnson_neyman` has the same a, b and c."""
    kinds = set()
    for seed in range(40):
        found, t = effect(seed), 2.05
        (b1, b3), v = found.b, found.covariance
        a, b, c = t**2 * v[1, 1] - b3**2, 2 * (t**2 * v[0, 1] - b1 * b3), t**2 * v[0, 0] - b1**2
        pieces = found.pieces(t)
        kinds.add(kind_of(pieces))
        ends = sorted(piece.high for piece in pieces[:-1])
        if b**2 - 4 * a * c <= 0:
            assert ends == []
        else:
            np.testing.assert_allclose(ends, sorted(np.roots([a, b, c])), rtol=1e-8)
    assert kinds >= {"interval", "outside", "none"}


def test_kinds_of_regions() -> None:
    assert kind_of((Piece(-math.inf, math.inf, 1),)) == "everywhere"
    assert kind_of(Effect(np.eye(2), np.ones(2), np.eye(2)).pieces(math.inf)) == "none"
    assert kind_of((Piece(-math.inf, 0, 1), Piece(0, math.inf, 0))) == "pieces"
    assert cut((Piece(-math.inf, 0, 1), Piece(0, math.inf, 0)), 1, 2) == (Piece(1, 2, 0),)


@pytest.mark.long
@pytest.mark.parametrize("df", [None, 29.0, 4.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_uniform_value_is_that_of_a_simulation(df: float | None, seed: int) -> None:
    found, z = effect(seed), np.linspace(-1.0, 2.0, 201)
    exact = uniform_critical(found, z, True, df, 0.95)
    rng = np.random.default_rng(seed)
    draws = np.linalg.cholesky(found.covariance) @ rng.standard_normal((2, 100_000))
    scale = 1.0 if df is None else np.sqrt(rng.chisquare(df, 100_000) / df)
    largest = np.abs((found.gradient(z) @ draws) / found.at(z)[1][:, None]).max(axis=0) / scale
    # the share beyond it, whose standard error is 0.0007
    assert (largest > exact).mean() == pytest.approx(0.05, abs=0.003)
    assert exact > pointwise_critical(df, 0.95)
    assert uniform_critical(found, z, False, df, 0.95) == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("df", [None, 29.0])
@pytest.mark.parametrize("places", [[-0.5], [0.0, 1.0], [0.0, 1.0, 2.0, 3.0], [-4.0, 0.0, 7.0]])
def test_the_uniform_value_of_places_alone_is_that_of_a_simulation(df: float | None, places: list[float]) -> None:
    found, z = effect(3), np.array(places)
    exact = uniform_critical(found, z, False, df, 0.95)
    rng = np.random.default_rng(1)
    draws = np.linalg.cholesky(found.covariance) @ rng.standard_normal((2, 1_000_000))
    scale = 1.0 if df is None else np.sqrt(rng.chisquare(df, 1_000_000) / df)
    largest = np.abs((found.gradient(z) @ draws) / found.at(z)[1][:, None]).max(axis=0) / scale
    # the share beyond it, whose standard error is 0.0002
    assert (largest > exact).mean() == pytest.approx(0.05, abs=0.0009)
    if len(places) == 1:
        assert exact == pytest.approx(pointwise_critical(df, 0.95), rel=1e-9)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("whole", [True, False])
def test_the_uniform_value_does_not_depend_on_the_zero_of_the_moderator(degree: int, whole: bool) -> None:
    rng = np.random.default_rng(6)
    root = rng.normal(size=(degree + 1, degree + 1))
    plain = Effect(np.eye(degree + 1), rng.normal(size=degree + 1), root @ root.T)
    # coefficients of powers of z - 5 instead
    moved = plain.moved(5.0, 1.0)
    centred = Effect(np.linalg.inv(moved), moved @ plain.b, moved @ plain.covariance @ moved.T)
    z = np.array([0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(centred.at(z), plain.at(z), rtol=1e-9)
    values = [uniform_critical(one, z, whole, 29.0, 0.95) for one in (plain, centred)]
    assert values[0] == pytest.approx(values[1], rel=1e-8)


def test_the_uniform_value_of_one_place_is_the_pointwise_one() -> None:
    found = effect(1)
    narrow = uniform_critical(found, np.array([1.0, 1.0 + 1e-9]), True, 20.0, 0.95)
    assert narrow == pytest.approx(pointwise_critical(20.0, 0.95), rel=1e-6)
    # the whole line: R itself, the root of F's quantile
    whole = uniform_critical(found, np.array([-1e8, 1e8]), True, None, 0.95)
    assert whole == pytest.approx(math.sqrt(-2 * math.log(0.05)), rel=1e-6)


def test_crossings_of_a_grid_are_interpolated() -> None:
    places = np.array([0.0, 1.0, 2.0, 3.0])
    pieces = crossings(places, np.array([-1.0, 1.0, 3.0, -1.0]), np.array([1.0, 1.0, 1.0, 1.0]))
    assert pieces == (Piece(0.0, 0.5, 0), Piece(0.5, 2.75, 1), Piece(2.75, 3.0, 0))


@pytest.mark.parametrize(("middle", "scale"), [(0.0, 1.0), (3.0, 2.0), (-0.3, 7.0)])
@pytest.mark.parametrize(("b", "sign"), [(0.8, 1), (-0.8, -1)])
def test_a_product_without_its_main_effect_changes_its_sign(b: float, sign: int, middle: float, scale: float) -> None:
    """b·z of standard error se·|z|: |t| is the same at each z but zero, on both sides of which signs differ."""
    alone = Effect(np.array([[0.0], [1.0]]), np.array([b]), np.array([[0.01]]))
    assert alone.pieces(2.0, middle, scale) == (
        Piece(-math.inf, 0.0, -sign),
        Piece(0.0, 0.0, 0),
        Piece(0.0, math.inf, sign),
    )
    assert alone.pieces(9.0, middle, scale) == (Piece(-math.inf, math.inf, 0),)
    places = np.linspace(-2.0, 5.0, 101)
    assert uniform_critical(alone, places, True, 29, 0.95) == pytest.approx(pointwise_critical(29, 0.95))
    assert uniform_critical(alone, np.array([0.0, 1.0]), False, 29, 0.95) == pointwise_critical(29, 0.95)


@pytest.mark.parametrize("shift", [0.0, 1.7])
def test_a_zero_by_construction_stands_beside_other_ends(shift: float) -> None:
    """(z - shift)(b1 + b2 (z - shift)): signs are those of tests at points, with the zero where the design has it."""
    rng = np.random.default_rng(3)
    weights = np.array([[-shift, shift**2], [1.0, -2 * shift], [0.0, 1.0]])
    for _ in range(20):
        root = rng.normal(size=(2, 2))
        found = Effect(weights, rng.normal(size=2), 0.1 * root @ root.T)
        pieces = found.pieces(2.0, 0.5, 3.0)
        z = np.linspace(-6, 6, 1201)
        z = z[np.abs(z - shift) > 1e-6]
        coef, se = found.at(z)
        at = np.searchsorted([piece.high for piece in pieces], z)
        np.testing.assert_array_equal(
            np.array([piece.sign for piece in pieces])[at], np.where(np.abs(coef) > 2 * se, np.sign(coef), 0)
        )
        places = [piece.low for piece in pieces if piece.low == piece.high]
        np.testing.assert_allclose(places, [shift] * len(places), atol=1e-9)
    even = Effect(np.array([[0.0], [0.0], [1.0]]), np.array([1.0]), np.array([[0.01]]))
    assert [piece.sign for piece in even.pieces(2.0, 0.4, 3.0)] == [1, 0, 1]


def test_a_covariance_without_a_rank_has_the_same_zero() -> None:
    """Models with spatial lags hand on the effect as a polynomial of its own: its covariance has the zero."""
    value = np.array([-0.7, 1.0])
    found = Effect(np.eye(2), 0.5 * value, 0.01 * np.outer(value, value))
    assert [(piece.low, piece.sign) for piece in found.pieces(2.0)][1:] == [
        (pytest.approx(0.7), 0),
        (pytest.approx(0.7), 1),
    ]
