"""Sets of an endogenous regressor beside Wy that hold with weak instruments: by brute force, and what is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy
from classic import SpatialIV
from spatial_iv_world import ring, world

from digicarbon import Result
from digicarbon.numeric.iv.reduced_form import ReducedForm, reduced_form
from digicarbon.packs.endogenous_space.numeric.projection import projected_sets, statistic
from digicarbon.panel import Panel
from digicarbon.weights import Weights

MODEL = SpatialIV(y="y", x=("x",), controls=("z",), endogenous=("x",), instruments=("q",), cov="cluster")


def form_of(model: SpatialIV, panel: Panel, weights: Weights) -> ReducedForm:
    """Return the regressions of y, x and Wy on the instruments."""
    columns = model.design(panel, weights).columns
    y, x, z = columns.partialled()
    errors = model.error_structure(columns, weights)
    return reduced_form(np.column_stack([y, x]), z, errors, len(columns.exogenous))


def codes(result: Result) -> list[str]:
    """Return the codes of a result's notes on sets."""
    return [note.code for note in result.notes if note.code.startswith("weak_sets")]


def by_brute_force(panel: Panel, w: np.ndarray, grid: list[np.ndarray]) -> np.ndarray:
    """Return where the Wald F of all instruments in y - βx - ρWy is below its critical value, by dummies and loops."""
    n, t = panel.shape
    cube = {name: panel.column(name).reshape(n, t) for name in ("y", "x", "z", "q")}

    def within(values: np.ndarray) -> np.ndarray:
        return (values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()).ravel()

    z = [cube["q"]] + [power @ cube[name] for power in (w, w @ w) for name in ("z", "q")]
    right = np.column_stack([within(values) for values in (*z, cube["z"])])
    bread = np.linalg.inv(right.T @ right)
    q, rows, k = len(z), n * t, right.shape[1]
    # Stata's factor: effects of units lie within the clusters, those of periods count
    factor = n / (n - 1) * (rows - 1) / (rows - k - (n + t - 1) + (n - 1))
    critical = q * scipy.stats.f.ppf(0.95, q, n - 1)
    held = np.zeros([len(part) for part in grid], dtype=bool)
    for i, beta in enumerate(grid[0]):
        for j, rho in enumerate(grid[1]):
            left = within(cube["y"] - beta * cube["x"] - rho * w @ cube["y"])
            coef = bread @ right.T @ left
            scores = (right * (left - right @ coef)[:, None]).reshape(n, t, k).sum(axis=1)
            covariance = factor * bread @ scores.T @ scores @ bread
            held[i, j] = coef[:q] @ np.linalg.solve(covariance[:q, :q], coef[:q]) <= critical
    return held


def test_sets_are_those_of_brute_force() -> None:
    panel, weights = world(endogenous=0.8, seed=0)
    result = MODEL.fit(panel, weights)
    sets = result.tables["weak_sets"].xs(1, level="interval")
    assert codes(result) == ["weak_sets"]
    (low, high), (bottom, top) = (sets.loc[name, ["low", "high"]] for name in ("coefficient", "rho"))
    grid = [np.linspace(one - 0.1, two + 0.1, 61) for one, two in ((low, high), (bottom, top))]
    held = by_brute_force(panel, ring(30), grid)
    for axis, ends in ((0, (low, high)), (1, (bottom, top))):
        found = grid[axis][held.any(axis=1 - axis)]
        step = grid[axis][1] - grid[axis][0]
        assert ends == pytest.approx((found[0], found[-1]), abs=1.5 * step)
    # W has rows that sum to one: total effects are β / (1 - ρ)
    pairs = np.argwhere(held)
    totals = grid[0][pairs[:, 0]] / (1 - grid[1][pairs[:, 1]])
    assert sets.loc["total", ["low", "high"]].to_numpy() == pytest.approx([totals.min(), totals.max()], abs=0.05)


@pytest.mark.parametrize("strength", [0.0, 0.2, 1.0])
def test_the_pair_with_the_smallest_statistic_is_in_every_set_that_is_not_empty(strength: float) -> None:
    for seed in range(5):
        panel, weights = world(15, 5, seed, endogenous=0.8, strength=strength)
        form, w = form_of(MODEL, panel, weights), weights.operator
        ends = np.array(w.bounds)
        least = scipy.optimize.differential_evolution(
            lambda pair, form=form: statistic(form, pair), [(-30, 30), tuple(ends * 0.99)], seed=1
        )
        critical = len(form.coef) * scipy.stats.f.ppf(0.95, len(form.coef), form.df)
        found = projected_sets(form, 0.95, np.array([1.0, 0.3]), w)
        if least.fun > critical:
            assert found.rho == ()
            continue
        for value, intervals in zip(least.x, (found.coefficient, found.rho), strict=True):
            assert any(low <= value <= high for low, high in intervals)


def test_a_set_of_very_few_pairs_is_not_missed() -> None:
    """With as many instruments as endogenous columns the estimate is in every set; errors are made very small."""
    model = MODEL.model_copy(update={"lags": 1, "lag_instruments": False})
    panel, weights = world(endogenous=0.8, seed=1)
    form, start = form_of(model, panel, weights), model.fit(panel, weights).estimates.loc[["x", "rho"], "coef"]
    sets = projected_sets(
        replace(form, covariance=1e-8 * form.covariance), 0.95, np.array([0.0, 0.0]), weights.operator
    )
    for value, ((low, high),) in zip(start, (sets.coefficient, sets.rho), strict=True):
        assert low < value < high < low + 0.001


def test_sets_without_ends_and_empty_sets_are_said() -> None:
    panel, weights = world(endogenous=0.8, strength=0.0, control=0.0, seed=1)
    result = MODEL.fit(panel, weights)
    assert codes(result) == ["weak_sets_unbounded"]
    sets = result.tables["weak_sets"].xs(1, level="interval")
    assert np.isinf(sets.loc[["direct", "indirect", "total"], ["low", "high"]]).all(axis=None)
    assert np.isinf(sets.loc["coefficient", "low"]) or np.isinf(sets.loc["coefficient", "high"])
    assert "every value" in str(result.notes[-1])
    # an instrument that is in the errors, beside one that is not
    panel, weights = world(60, 20, endogenous=0.8)
    wrong = panel.with_columns({"v": panel.column("y") - panel.column("x") + panel.column("q")})
    result = MODEL.model_copy(update={"instruments": ("q", "v")}).fit(wrong, weights)
    assert codes(result) == ["weak_sets_empty"]
    assert len(result.tables["weak_sets"]) == 0
    assert "contradict each other" in str(result.notes[-1])


@pytest.mark.parametrize("kind", ["sdm", "sarar", "gns"])
def test_where_there_is_no_set_of_a_coefficient_the_table_says_so(kind: str) -> None:
    panel, weights = world(endogenous=0.8)
    result = MODEL.model_copy(update={"kind": kind}).fit(panel, weights)
    assert codes(result) == ["weak_sets_of_several"]
    assert "weak_sets" not in result.tables


def test_sdm_has_sets_where_x_is_not_lagged() -> None:
    panel, weights = world(endogenous=0.8)
    result = MODEL.model_copy(update={"kind": "sdm", "durbin": ("z",)}).fit(panel, weights)
    assert codes(result) == ["weak_sets"]


def test_no_word_of_sets_without_endogenous_regressors() -> None:
    panel, weights = world()
    result = SpatialIV(y="y", x=("x",), controls=("z",)).fit(panel, weights)
    assert codes(result) == []
    assert "weak_sets" not in result.tables


def test_names_of_units_change_no_set() -> None:
    panel, weights = world(endogenous=0.8, strength=0.3)
    first = MODEL.fit(panel, weights).tables["weak_sets"]
    rng = np.random.default_rng(1)
    order = rng.permutation(30)
    frame = pd.DataFrame({name: panel.column(name) for name in ("y", "x", "z", "q")})
    labels = list(panel.units)
    renamed = dict(zip(labels, [f"n{order[place]:02d}" for place in range(30)], strict=True))
    frame["unit"] = np.repeat([renamed[label] for label in labels], panel.shape[1])
    frame["year"] = np.tile(np.arange(2000, 2000 + panel.shape[1]), 30)
    again = Panel.from_frame(frame, unit="unit", time="year")
    moved = Weights.from_matrix(ring(30), [renamed[label] for label in labels])
    second = MODEL.fit(again, moved).tables["weak_sets"]
    pd.testing.assert_frame_equal(first, second, rtol=1e-3)
