"""Spatial filters against explicit projections, least squares with dummies, and R."""

from __future__ import annotations

import json
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from conftest import REFERENCE
from scipy import stats

from digicarbon.errors import DataError, WeightsError
from digicarbon.packs.which_weights.numeric.filtering import chosen, eigenvectors

ROWS, COLUMNS, PERIODS = 4, 5, 5
UNITS = ROWS * COLUMNS


def lattice() -> dc.Weights:
    labels = np.array([[f"u{row}{column}" for column in range(COLUMNS)] for row in range(ROWS)])
    pairs = [(labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])]
    return dc.Weights.from_edges([edge for a, b in pairs for edge in zip(a.ravel(), b.ravel(), strict=True)])


W = lattice()


def panel(seed: int = 1, spatial: float = 0.8) -> dc.Panel:
    rng = np.random.default_rng(seed)
    inverse = np.linalg.inv(np.eye(UNITS) - spatial * W.dense())
    x, z, e = (inverse @ rng.normal(size=(UNITS, PERIODS)) for _ in range(3))
    y = x - 0.5 * z + e + rng.normal(size=(UNITS, 1)) + rng.normal(size=PERIODS)
    index = pd.MultiIndex.from_product([W.labels, range(2001, 2001 + PERIODS)], names=["unit", "year"])
    frame = index.to_frame(index=False).assign(y=y.ravel(), x=x.ravel(), z=z.ravel())
    return dc.Panel.from_frame(frame, "unit", "year")


def model(**fields: Any) -> dc.SpatialFilter:
    return dc.SpatialFilter(**{"y": "y", "x": ("x",), "controls": ("z",), **fields})


def test_eigenvectors_are_uncorrelated_patterns_in_the_order_of_their_dependence() -> None:
    found = eigenvectors(W.align(panel()).operator, 0.25, 50)
    v, w = found.vectors, W.align(panel()).dense()
    np.testing.assert_allclose(v.T @ v, np.eye(v.shape[1]), atol=1e-10)
    np.testing.assert_allclose(v.sum(axis=0), 0, atol=1e-10)
    own = np.array([column @ w @ column for column in v.T])
    np.testing.assert_allclose(found.shares, own / own[0])
    assert (np.diff(own) < 1e-12).all()
    assert (found.shares >= 0.25).all()
    assert v.shape[1] < UNITS / 2


def dummies(effects: str) -> np.ndarray:
    """Explicit dummies, rows sorted by unit."""
    unit, period = np.kron(np.eye(UNITS), np.ones((PERIODS, 1))), np.kron(np.ones((UNITS, 1)), np.eye(PERIODS))
    constant = np.ones((UNITS * PERIODS, 1))
    parts = {"none": [constant], "unit": [unit], "time": [period], "two_way": [unit, period[:, 1:]]}
    return np.column_stack(parts[effects])


def residual_maker(columns: np.ndarray) -> np.ndarray:
    return np.eye(len(columns)) - columns @ np.linalg.pinv(columns)


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_steps_are_those_of_a_loop_with_explicit_projections(effects: str) -> None:
    data = panel()
    spec = model(effects=effects, method="forward")
    found = spec.filtered(data, W)
    vectors = found.candidates.vectors
    columns = [dummies(effects), data.array(["x", "z"])]
    weights = np.kron((W.align(data).dense() + W.align(data).dense().T) / 2, np.eye(PERIODS))
    y, left, expected = data.column("y"), list(range(vectors.shape[1])), []

    def moran(every: list[np.ndarray]) -> tuple[float, float, float]:
        maker = residual_maker(np.column_stack(every))
        e, m, b = maker @ y, round(np.trace(maker)), maker @ weights @ maker
        mean = np.trace(b) / m
        variance = 2 * (m * np.trace(b @ b) - np.trace(b) ** 2) / (m**2 * (m + 2))
        value = e @ weights @ e / (e @ e)
        return value, (value - mean) / np.sqrt(variance), mean

    value, z, mean = moran(columns)
    expected.append((-1, value, z))
    means = [mean]
    while left and stats.norm.sf(z) <= spec.stop:
        blocks = {place: np.kron(vectors[:, [place]], np.eye(PERIODS)) for place in left}
        gaps = {place: abs(moran([*columns, block])[0] - mean) for place, block in blocks.items()}
        best = min(gaps, key=lambda place: gaps[place])
        columns.append(blocks[best])
        left.remove(best)
        value, z, mean = moran(columns)
        expected.append((best, value, z))
        means.append(mean)
    assert len(expected) > 1
    assert [step.places for step in found.steps] == [(place,) if place >= 0 else () for place, _, _ in expected]
    np.testing.assert_allclose([step.statistic for step in found.steps], [one for _, one, _ in expected], atol=1e-9)
    np.testing.assert_allclose([step.expected for step in found.steps], means, atol=1e-9)
    np.testing.assert_allclose([step.z for step in found.steps], [z for _, _, z in expected], rtol=1e-6, atol=1e-8)
    # the regression is least squares on all of these columns
    coef = np.linalg.lstsq(np.column_stack(columns), y, rcond=None)[0]
    place = columns[0].shape[1]
    result = spec.fit(data, W)
    np.testing.assert_allclose(result.estimates.loc[["x", "z"], "coef"], coef[place : place + 2], rtol=1e-8)


def test_it_is_the_panel_regression_on_its_columns_with_every_error() -> None:
    data = panel()
    found = model(cov="cluster", test="wild", draws=99, intervals=False).fit(data, W)
    made = model().filtered(data, W)
    plain = dc.PanelRegression(
        y="y", x=("x",), controls=("z", *made.columns), cov="cluster", test="wild", draws=99, intervals=False
    ).fit(made.panel)
    pd.testing.assert_frame_equal(found.estimates.loc[["x", "z"]], plain.estimates.loc[["x", "z"]])
    assert {role.kind for term, role in zip(found.terms, found.roles, strict=True) if term in made.columns} == {"dummy"}
    assert found.statistics["moran_before_p"] < 0.01
    assert found.statistics["eigenvectors"] == len(found.tables["filter"]) - 1


def test_without_dependence_nothing_is_added_as_often_as_the_test_says() -> None:
    added = [model(method="forward").fit(panel(seed, 0.0), W).statistics["eigenvectors"] > 0 for seed in range(100)]
    assert 0.03 <= np.mean(added) <= 0.2


def test_double_takes_what_outcome_and_focal_term_need() -> None:
    differ = 0
    for seed in range(4):
        data = panel(seed, 0.4)
        needed = [
            {step.places for step in dc.SpatialFilter(y=y, x=("z",), method="forward").filtered(data, W).steps[1:]}
            for y in ("y", "x")
        ]
        found = model().filtered(data, W)
        assert {step.places for step in found.steps[1:]} == set.union(*needed)
        differ += needed[0] != needed[1]
        # the residuals are those of the regression on x, too
        every = model(method="all").filtered(data, W).steps
        assert found.steps[0].statistic == pytest.approx(every[0].statistic)
    assert differ


def test_dependence_that_all_candidates_leave_is_said() -> None:
    seen = set()
    for seed in range(8):
        result = model(method="all", candidates=1).fit(panel(seed, 0.0 if seed % 2 else 0.8), W)
        left = result.statistics["moran_after_p"] <= 0.1
        assert result.has_note("filter_all_rest") == left
        seen.add(left)
    assert seen == {True, False}


@pytest.mark.long
def test_dependence_that_is_left_has_its_reason() -> None:
    codes = {}
    for seed in range(60):
        result = model().fit(panel(seed), W)
        filtered = model().filtered(panel(seed), W)
        unused = len(filtered.candidates.shares) - len(filtered.places)
        assert result.statistics["eigenvectors"] == len(filtered.places)
        left = result.statistics["moran_after_p"] <= 0.1
        assert result.has_note("filter_double_rest") == (left and unused > 0)
        assert result.has_note("filter_not_enough") == (left and unused == 0)
        codes[left, unused > 0] = result
    words = " ".join(map(str, codes[True, True].notes))
    assert "one-sided against positive dependence" in words
    assert "though candidates are left" in words
    last = codes[True, True].tables["filter"].iloc[-1]
    assert f"(expected {last['expected']:.3f}; p = {last['p']:.3f})" in words


def test_all_candidates_and_fewer() -> None:
    data = panel()
    every = model(method="all", candidates=3).fit(data, W)
    assert every.statistics["eigenvectors"] == 3
    assert list(every.tables["filter"]["eigenvector"]) == [0, 1, 2, 3]
    notes = " ".join(map(str, model(method="forward", stop=0.99).fit(data, W).notes))
    assert "method=double does not" in notes


def test_a_joint_test_takes_the_chosen_columns_as_known() -> None:
    data, spec = panel(), model(cov="cluster")
    null = spec.null(data, W, [])
    assert null is not None
    assert null.fit().residuals.shape == (UNITS * PERIODS,)


def grid_of(labels: np.ndarray) -> dc.Weights:
    pairs = [(labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])]
    return dc.Weights.from_edges([edge for a, b in pairs for edge in zip(a.ravel(), b.ravel(), strict=True)])


@pytest.mark.parametrize("method", ["double", "forward", "all"])
@pytest.mark.parametrize("candidates", [1, 4, 50])
def test_names_of_units_do_not_matter_where_eigenvalues_are_tied(method: str, candidates: int) -> None:
    rng = np.random.default_rng(5)
    side, periods = 5, 6
    plain = np.array([[f"u{row}{column}" for column in range(side)] for row in range(side)])
    weights = grid_of(plain)
    assert list(weights.labels) == plain.ravel().tolist()
    inverse = np.linalg.inv(np.eye(side**2) - 0.8 * weights.dense())
    x, z, e = (inverse @ rng.normal(size=(side**2, periods)) for _ in range(3))
    found = []
    for order in (np.arange(side**2), rng.permutation(side**2), rng.permutation(side**2)):
        # another name is another place in the panel
        names = np.array([f"n{place:02d}" for place in order])
        index = pd.MultiIndex.from_product([names, range(periods)], names=["unit", "year"])
        columns = {"y": (x - z + e).ravel(), "x": x.ravel(), "z": z.ravel()}
        data = dc.Panel.from_frame(index.to_frame(index=False).assign(**columns), "unit", "year")
        fields = {"method": method, "candidates": candidates, "cov": "cluster"}
        found.append(model(**fields).fit(data, grid_of(names.reshape(side, side))))
    first, *others = found
    assert first.statistics["eigenvectors"] > 0
    assert (first.tables["filter"]["vectors"] > 1).any()
    for other in others:
        pd.testing.assert_frame_equal(first.estimates.loc[["x", "z"]], other.estimates.loc[["x", "z"]], rtol=1e-7)
        pd.testing.assert_frame_equal(first.tables["filter"], other.tables["filter"], rtol=1e-6, atol=1e-8)


def test_tied_vectors_are_whole_spaces() -> None:
    weights = grid_of(np.array([[f"u{row}{column}" for column in range(5)] for row in range(5)]))
    operator = weights.operator
    for most in (1, 2, 3, 6):
        found = eigenvectors(operator, 0.1, most)
        more = eigenvectors(operator, 0.1, 24)
        assert [len(block) for block in found.blocks] == [len(block) for block in more.blocks][: len(found.blocks)]
        assert most <= found.vectors.shape[1] <= most + 1


def test_what_cannot_be_is_a_sentence() -> None:
    with pytest.raises(WeightsError, match="weights"):
        model().check(panel())
    data = panel()
    keep = np.ones(UNITS * PERIODS, dtype=bool)
    keep[3] = False
    with pytest.raises(DataError, match="needs a balanced panel"):
        model().check(data.rows(keep), W)


def test_it_is_what_base_r_finds() -> None:
    """Eigenvalues of MWM and a regression on an eigenvector by period, see the call in the file."""
    reference = json.loads((REFERENCE / "spatial_filter.json").read_text(encoding="utf-8"))
    frame = pd.DataFrame(reference["data"])
    data = dc.Panel.from_frame(frame, "unit", "year")
    found = dc.SpatialFilter(y="y", x=("x",), method="all", candidates=1).fit(data, W)
    operator = W.align(data).operator
    every = eigenvectors(operator, 1e-9, 4)
    np.testing.assert_allclose(every.shares, np.array(reference["values"][:4]) / reference["values"][0], rtol=1e-9)
    assert found.estimates.at["x", "coef"] == pytest.approx(reference["coef"], rel=1e-9)
    assert len(chosen(data.cube(("x", "y")), operator, "two_way", every, "all", 0.1)) == 5


def test_without_need_of_a_filter_it_is_the_plain_regression() -> None:
    data = panel(spatial=0.0)
    found = model(test="errors").fit(data, W)
    plain = dc.PanelRegression(y="y", x=("x",), controls=("z",), effects="two_way", test="errors").fit(data)
    assert found.statistics["eigenvectors"] == 0
    np.testing.assert_allclose(found.coef, plain.coef)


def test_clusters_of_a_column_have_the_signs_of_draws() -> None:
    data = panel()
    made = data.with_text({"zone": np.array([f"z{unit % 8}" for unit in data.unit_codes])})
    found = model(cov="cluster", cluster="zone", test="wild", draws=99, intervals=False).fit(made, W)
    assert next(note for note in found.notes if note.code == "wild_p_by")["by"] == "zone"
    # all vectors of eight signs
    assert (round(found.estimates.loc["x", "p"] * 256, 9) % 2) == 0
