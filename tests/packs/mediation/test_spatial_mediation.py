"""Effects through mediators in space: brute force, products without space, and a simulated world."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pytest
from classic import Mediation, SpatialPanel

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic import SpatialMediation
from digicarbon.errors import ConfigError, WeightsError
from digicarbon.note import Note
from digicarbon.packs.mediation.numeric.space import spatial_paths
from digicarbon.result import EFFECTS
from digicarbon.source import SimulatedMediation
from digicarbon.source._drawn import neighbours

N, M = 30, 2
ALL, BESIDE, SUM = Note("all_mediators"), Note("beside_mediators"), Note("all_paths")
FIELDS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ()}


def parameters() -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Coefficients of two mediators, and covariances of any kind."""
    rng = np.random.default_rng(5)

    def covariance(size: int) -> FloatArray:
        root = 0.1 * rng.standard_normal((size, size))
        return root @ root.T

    outcome = np.array([0.3, 0.4, -0.2, 0.1, 0.2, 0.05, 0.35])
    first = np.array([[0.5, 0.2, 0.3], [-0.6, 0.1, -0.2]])
    return outcome, covariance(7), first, np.stack([covariance(3), covariance(3)])


def weights() -> FloatArray:
    return neighbours(SimulatedMediation(n=N, seed=4).places)


def by_brute_force(w: FloatArray, outcome: FloatArray, first: FloatArray) -> FloatArray:
    """Move x of one unit after the other, solve the system of all equations, and look at outcomes."""
    n, m = len(w), len(first)
    eye = np.eye(n)
    # one system for mediators and outcome; the paths are told apart by which coefficients of the outcome are zero
    derivatives = []
    for keep in [*range(m), None]:
        left = np.zeros(((m + 1) * n,) * 2)
        right = np.zeros(((m + 1) * n, n))
        for j, (a, phi, rho) in enumerate(first):
            own = slice(j * n, (j + 1) * n)
            left[own, own], right[own] = eye - rho * w, a * eye + phi * w
            if j == keep:
                left[m * n :, own] = -(outcome[j + 1] * eye + outcome[m + 2 + j] * w)
        left[m * n :, m * n :] = eye - outcome[-1] * w
        if keep is None:
            right[m * n :] = outcome[0] * eye + outcome[m + 1] * w
        derivatives.append(np.linalg.solve(left, right)[m * n :])
    each, beside = derivatives[:m], derivatives[m]
    rows = [*each, sum(each), beside, sum(each) + beside]
    own = np.array([np.mean(np.diag(row)) for row in rows])
    every = np.array([row.sum(axis=1).mean() for row in rows])
    return np.stack([own, every - own, every], axis=1)


def test_effects_are_those_of_the_solved_system() -> None:
    outcome, of_outcome, first, of_first = parameters()
    coef, _ = spatial_paths(weights(), outcome, of_outcome, first, of_first)
    np.testing.assert_allclose(coef, by_brute_force(weights(), outcome, first), rtol=1e-10, atol=1e-12)


def test_errors_are_those_of_numerical_derivatives() -> None:
    outcome, of_outcome, first, of_first = parameters()
    _, se = spatial_paths(weights(), outcome, of_outcome, first, of_first)
    point = np.concatenate([outcome, first.ravel()])
    covariance = np.zeros((len(point),) * 2)
    covariance[:7, :7] = of_outcome
    covariance[7:10, 7:10], covariance[10:, 10:] = of_first
    step = 1e-6
    slopes = []
    for move in np.eye(len(point)) * step:
        ends = [by_brute_force(weights(), both[:7], both[7:].reshape(M, 3)) for both in (point + move, point - move)]
        slopes.append((ends[0] - ends[1]) / (2 * step))
    variance = np.einsum("ire,ij,jre->re", np.array(slopes), covariance, np.array(slopes))
    np.testing.assert_allclose(se, np.sqrt(variance), rtol=1e-6)


@pytest.fixture(scope="module")
def world() -> tuple[SimulatedMediation, dc.Panel, dc.Weights]:
    source = SimulatedMediation(n=150, periods=8, theta=0.3, rho=0.3, seed=2)
    inputs = source.load()
    panel = dc.Panel.from_frame(inputs.frame, unit=inputs.unit_name, time="time")
    return source, panel, dc.Weights.from_matrix(neighbours(source.places), panel.units)


def test_true_effects_are_within_the_intervals(world: tuple[SimulatedMediation, dc.Panel, dc.Weights]) -> None:
    source, panel, w = world
    model = SpatialPanel(kind="sdm", **FIELDS)
    table = SpatialMediation(model=model, mediators=("m1", "m2")).tables(panel, w)["spatial_mediation"]
    through = source.through_mediators()
    own, every = np.trace(through) / source.n, through.sum() / source.n
    for effect, true in (("direct", own), ("spillover effect", every - own), ("total", every)):
        row = table.loc[("x", ALL, effect)]
        assert abs(row["coef"] - true) < 3 * row["se"]
        assert row["se"] < true / 2


def test_paths_add_up_to_the_effects_of_the_outcome(world: tuple[SimulatedMediation, dc.Panel, dc.Weights]) -> None:
    _, panel, w = world
    model = SpatialPanel(kind="sdm", **FIELDS)
    table = SpatialMediation(model=model, mediators=("m1", "m2")).tables(panel, w)["spatial_mediation"]
    coef = {path: table.xs(path, level="through")["coef"].to_numpy() for path in ("m1", "m2", ALL, BESIDE, SUM)}
    np.testing.assert_allclose(coef["m1"] + coef["m2"], coef[ALL])
    np.testing.assert_allclose(coef[ALL] + coef[BESIDE], coef[SUM])
    outcome = SpatialPanel(kind="sdm", y="y", x=("x",), controls=("m1", "m2")).fit(panel, w)
    beside = table.xs(BESIDE, level="through")
    for name in ("coef", "se"):
        np.testing.assert_allclose(beside[name], [outcome.effects.loc[(e, "x"), name] for e in EFFECTS], rtol=1e-8)


def test_what_has_no_wild_bootstrap_is_said() -> None:
    for test, codes in (("errors", ["spatial_mediation"]), ("wild", ["spatial_mediation", "errors_through_mediators"])):
        model = SpatialPanel(kind="sdm", **FIELDS, test=test)
        assert [note.code for note in SpatialMediation(model=model, mediators=("m1",)).notes] == codes


def test_without_lags_it_is_the_mediation_without_space(world: tuple[SimulatedMediation, dc.Panel, dc.Weights]) -> None:
    _, panel, w = world
    model = SpatialPanel(kind="slx", durbin=(), **FIELDS)
    table = SpatialMediation(model=model, mediators=("m1", "m2")).tables(panel, w)["spatial_mediation"]
    plain = Mediation(mediators=("m1", "m2"), cov="classic", **FIELDS).fit(panel).effects["coef"]
    for effect, value in (("direct", 1.0), ("spillover effect", 0.0), ("total", 1.0)):
        assert table.loc[("x", ALL, effect), "coef"] == pytest.approx(value * plain["indirect", "x"], abs=1e-12)
        assert table.loc[("x", SUM, effect), "coef"] == pytest.approx(value * plain["total", "x"], abs=1e-12)


def test_what_cannot_be_done_is_said(world: tuple[SimulatedMediation, dc.Panel, dc.Weights]) -> None:
    _, panel, w = world
    model = SpatialPanel(kind="sar", **FIELDS)
    with pytest.raises(ConfigError, match="model=sdm"):
        SpatialMediation(model=dc.PanelRegression(**FIELDS), mediators=("m1",)).check(panel, w)
    with pytest.raises(ConfigError, match=r"diagnostic\.mediators names x"):
        SpatialMediation(model=model, mediators=("x",)).check(panel, w)
    with pytest.raises(ConfigError, match="more than once"):
        SpatialMediation(model=model, mediators=("m1", "m1")).check(panel, w)
    with pytest.raises(ConfigError, match=r"diagnostic\.mediators names m1\^2: a mediator must be a variable"):
        SpatialMediation(model=model, mediators=("m1", "m1^2")).check(panel, w)
    with pytest.raises(ConfigError, match="name at least one"):
        SpatialMediation(model=model, mediators=()).check(panel, w)
    with pytest.raises(WeightsError, match="weights"):
        SpatialMediation(model=model, mediators=("m1",)).tables(panel)
