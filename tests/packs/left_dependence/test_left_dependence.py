"""What residuals have left: size and power on small worlds, formulas, and what the notes say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy
from lattice import lattice

import digicarbon as dc
from digicarbon.diagnostic import LeftDependence
from digicarbon.errors import ConfigError, WeightsError
from digicarbon.numeric.linear.within import Rows, absorb
from digicarbon.packs.left_dependence.numeric.dependence import dependence_left

W = lattice(6, 5)
PERIODS = 8
REGION = np.repeat(np.arange(5), 6)


def world(seed: int, shocks: float = 0.0, rho: float = 0.0, unequal: bool = False) -> dc.Panel:
    """A panel of 30 units in five regions; errors with shocks of regions, spatial dependence, unequal variances."""
    rng = np.random.default_rng(seed)
    error = rng.normal(size=(PERIODS, W.n)) * (np.exp(rng.normal(size=W.n)) if unequal else 1.0)
    error += shocks * rng.normal(size=(PERIODS, 5))[:, REGION]
    error = np.linalg.solve(np.eye(W.n) - rho * W.dense(), error.T).T
    index = pd.MultiIndex.from_product([range(2001, 2001 + PERIODS), W.labels], names=["year", "unit"])
    frame = pd.DataFrame({"x": rng.normal(size=error.size)}, index=index)
    frame["y"] = 0.5 * frame["x"] + (error + rng.normal(size=W.n) + rng.normal(size=(PERIODS, 1))).ravel()
    frame["region"] = np.tile(np.array(list("abcde"))[REGION], PERIODS)
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year", gaps="keep")


MODEL = dc.PanelRegression(y="y", x=("x",))


def pairs_of(panel: dc.Panel, weights: dc.Weights | None = W, model: dc.Model = MODEL, **fields: Any) -> pd.DataFrame:
    return LeftDependence(model=model, **{"by": "region", "draws": 199, **fields}).tables(panel, weights)[
        "left_dependence"
    ]


@pytest.mark.long
@pytest.mark.parametrize("unequal", [False, True])
def test_independent_units_are_rarely_rejected(unequal: bool) -> None:
    p = np.array([pairs_of(world(seed, unequal=unequal))["p"] for seed in range(80)])
    # 80 samples: more than ten rejections have a probability of .003 where the level is .05
    assert ((p <= 0.05).sum(axis=0) <= 10).all()
    assert ((p <= 0.5).mean(axis=0) > 0.3).all()


def test_shocks_of_regions_are_found_and_spatial_errors_are_filtered() -> None:
    shocks = pairs_of(world(1, shocks=1.0, rho=0.4))
    assert shocks.loc["within regions", "p_holm"] <= 0.02
    assert list(shocks.index) == ["within regions", "second neighbours"]
    spatial = pairs_of(world(3, rho=0.7), weights=None)
    assert list(spatial.index) == ["within regions"]
    # units of a region lie side by side
    assert spatial.loc["within regions", "z"] > pairs_of(world(3, rho=0.7)).loc["within regions", "z"] + 1


def test_without_a_filter_neighbours_are_tested() -> None:
    panel = world(4, rho=0.7)
    gaps = panel.rows(np.arange(len(panel.unit_codes)) != 11)
    table = pairs_of(gaps)
    assert list(table.index) == ["within regions", "neighbours by W", "second neighbours"]
    assert table.loc["neighbours by W", "p_holm"] <= 0.05


def test_the_statistic_is_morans_i_of_the_residuals() -> None:
    rng = np.random.default_rng(2)
    rows = Rows(np.repeat(np.arange(W.n), 4), np.tile(np.arange(4), W.n), W.n, 4)
    e = absorb(rng.normal(size=(W.n * 4, 1)), rows, "two_way")[:, 0]
    a = scipy.sparse.csr_array(((W.dense() + W.dense().T) > 0).astype(float))
    signs = rng.choice([-1.0, 1.0], size=(19, W.n))
    [found] = dependence_left(e, rows, lambda columns: absorb(columns, rows, "two_way"), [a], signs)
    cube = e.reshape(W.n, 4)
    expected = W.n / a.sum() * np.vdot(cube, a @ cube) / (cube**2).sum()
    assert found.statistic == pytest.approx(expected)
    drawn = [absorb((e * sign[rows.unit_codes])[:, None], rows, "two_way").reshape(W.n, 4) for sign in signs]
    values = np.array([W.n / a.sum() * np.vdot(one, a @ one) / (one**2).sum() for one in drawn])
    assert found.expected == pytest.approx(values.mean())
    assert found.p == (1 + (np.abs(values - values.mean()) >= abs(expected - values.mean())).sum()) / 20


def test_pairs_between_regions_are_tested_without_period_effects() -> None:
    unit = MODEL.model_copy(update={"effects": "unit"})
    table = pairs_of(world(5), weights=None, model=unit)
    assert list(table.index) == ["within regions", "between regions"]
    # periods are shocks to all pairs
    assert table.loc["between regions", "p_holm"] <= 0.02


@pytest.mark.parametrize("kind", ["sar", "sem", "sdm", "slx"])
def test_spatial_models_have_their_own_residuals(kind: str) -> None:
    model = dc.SpatialPanel(y="y", x=("x",), kind=kind)
    found = pairs_of(world(6, shocks=1.0), model=model)
    assert found.loc["within regions", "p_holm"] <= 0.02
    assert pairs_of(world(8), model=model)["p_holm"].min() > 0.02


def test_notes_say_what_was_found_and_what_would_mend_it() -> None:
    by_region = MODEL.model_copy(update={"cov": "cluster", "cluster": "region"})
    one = LeftDependence(model=by_region, draws=199)
    assert one.regions == "region"
    quiet, loud = world(8), world(1, shocks=1.0)
    for language, words in (("en", "not found to move together at 0.05"),):
        assert words in str(one.remarks(one.tables(quiet, W))[0]), language
    notes = one.remarks(one.tables(loud, W))
    assert [note.code for note in notes][:2] == ["left_something", "left_by_regions"]
    assert "clusters of the column region" in str(notes[1])
    assert one.statistics(one.tables(loud, W))["dependence_left"] <= 0.05


def test_what_it_is_not_for_is_refused() -> None:
    with pytest.raises(ConfigError, match="and spatial models with fixed effects or none, and PanelIV"):
        pairs_of(world(1), model=dc.PanelIV(y="y", x=("x",), instruments=("z",)))
    with pytest.raises(ConfigError, match="fixed effects or none"):
        pairs_of(world(1), model=MODEL.model_copy(update={"effects": "random"}))
    with pytest.raises(WeightsError, match="neither regions nor weights"):
        LeftDependence(model=MODEL).check(world(1))
