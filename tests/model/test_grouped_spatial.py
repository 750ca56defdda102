"""Spatial panels by group against explicit matrices, dummies and numerical derivatives."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError, WeightsError
from digicarbon.model._spatial_restrictions import Single
from digicarbon.model.batch import Estimand, OneByOne, estimate_of
from digicarbon.model.grouped_spatial import quantities_of
from digicarbon.numeric.spatial.group_effects import GroupCurve, group_weights
from digicarbon.numeric.spatial.lag_space import LagSpace
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.numeric.spatial.operator import DenseOperator
from digicarbon.result import EFFECTS

UNITS, PERIODS = 16, 6
ZONES = ("middle", "north", "south")
ZONE = np.array(["north", "south", "south", "middle"])[np.arange(UNITS) % 4]
BETA, THETA, RHO = {"north": 1.0, "south": 0.3, "middle": -0.5}, {"north": 0.6, "south": 0.0, "middle": 0.2}, 0.3


def weights() -> dc.Weights:
    rng = np.random.default_rng(3)
    links = rng.uniform(size=(UNITS, UNITS)) * (rng.uniform(size=(UNITS, UNITS)) < 0.3)
    np.fill_diagonal(links, 0.0)
    links[np.arange(UNITS), np.arange(UNITS) - 1] += 0.2
    return dc.Weights.from_matrix(links, [f"u{unit:02d}" for unit in range(UNITS)])


W = weights()


def panel(seed: int = 1, periods: int = PERIODS) -> dc.Panel:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, UNITS, periods)) + rng.normal(size=(UNITS, 1))
    beta, theta = (np.array([by[zone] for zone in ZONE])[:, None] for by in (BETA, THETA))
    signal = beta * x + theta * (W.dense() @ x) - 0.5 * z + rng.normal(size=(UNITS, 1)) + rng.normal(size=periods)
    y = np.linalg.solve(np.eye(UNITS) - RHO * W.dense(), signal + 0.3 * rng.normal(size=(UNITS, periods)))
    index = pd.MultiIndex.from_product([W.labels, range(2001, 2001 + periods)], names=["unit", "year"])
    frame = index.to_frame(index=False).assign(zone=np.repeat(ZONE, periods), x=x.ravel(), z=z.ravel(), y=y.ravel())
    return dc.Panel.from_frame(frame, "unit", "year")


def model(**fields: Any) -> dc.GroupedSpatial:
    return dc.GroupedSpatial(**{"y": "y", "x": ("x",), "controls": ("z",), "kind": "sdm", "by": "zone", **fields})


def loglik(parameters: np.ndarray, data: dc.Panel) -> float:
    """The likelihood of Lee & Yu's sample with an explicit S and slopes of each unit."""
    n, t = UNITS, PERIODS
    y, x, z = (data.column(name).reshape(n, t) for name in ("y", "x", "z"))
    place = np.array([ZONES.index(zone) for zone in ZONE])
    w = W.dense()
    beta, gamma, theta, delta, (rho, sigma2) = np.split(parameters, [3, 4, 7, 8])
    e = (np.eye(n) - rho * w) @ y - beta[place][:, None] * x - gamma * z
    e = e - theta[place][:, None] * (w @ x) - delta * (w @ z)
    e = e - e.mean(axis=0) - e.mean(axis=1, keepdims=True) + e.mean()
    roots = np.linalg.slogdet(np.eye(n) - rho * w)[1] - np.log(1 - rho)
    size = (n - 1) * (t - 1)
    return float((t - 1) * roots - size / 2 * np.log(2 * np.pi * sigma2) - (e**2).sum() / (2 * sigma2))


def test_it_is_the_maximum_of_the_explicit_likelihood_with_its_errors() -> None:
    data = panel()
    found = model(cov="observed").fit(data, W)
    order = [*(f"x[{zone}]" for zone in ZONES), "z", *(f"W_x[{zone}]" for zone in ZONES), "W_z", "rho", "sigma2"]
    assert found.terms == tuple(order)
    at = found.estimates.loc[order, "coef"].to_numpy()
    assert found.statistics["loglik"] == pytest.approx(loglik(at, data), rel=1e-10)
    steps = 1e-4 * np.eye(len(at))
    slope = [(loglik(at + step, data) - loglik(at - step, data)) / 2e-4 for step in steps]
    assert np.abs(slope).max() < 2e-3
    hessian = [
        [
            (loglik(at + a + b, data) - loglik(at + a - b, data) - loglik(at - a + b, data) + loglik(at - a - b, data))
            / 4e-8
            for a in steps
        ]
        for b in steps
    ]
    expected = np.sqrt(np.diag(np.linalg.inv(-np.array(hessian))))
    np.testing.assert_allclose(found.estimates.loc[order, "se"], expected, rtol=1e-3)


def derivatives(beta: np.ndarray, theta: np.ndarray, rho: float) -> np.ndarray:
    """The matrix of derivatives of all units' outcomes in all units' x."""
    w, place = W.dense(), np.array([ZONES.index(zone) for zone in ZONE])
    return np.linalg.solve(np.eye(UNITS) - rho * w, np.diag(beta[place]) + theta[place][:, None] * w)


def explicit(beta: np.ndarray, theta: np.ndarray, rho: float) -> np.ndarray:
    """Direct, indirect and total effects by the zone that changes."""
    matrix = derivatives(beta, theta, rho)
    own, sums = np.diag(matrix), matrix.sum(axis=0)
    direct, total = (np.array([each[zone == ZONE].mean() for zone in ZONES]) for each in (own, sums))
    return np.stack([direct, total - direct, total])


@pytest.mark.parametrize("kind", ["sdm", "sar", "sdem", "sem", "slx", "sac"])
@pytest.mark.parametrize("cov", ["classic", "cluster"])
def test_effects_are_means_of_an_explicit_matrix_and_its_numerical_derivatives(kind: str, cov: str) -> None:
    found = model(kind=kind, cov=cov).fit(panel(), W)
    names = [f"{prefix}x[{zone}]" for prefix in ("", "W_") for zone in ZONES]
    held = [name for name in (*names, "rho") if name in found.terms]
    at = found.estimates["coef"].reindex([*names, "rho"]).fillna(0.0)

    def effects(point: pd.Series) -> np.ndarray:
        values = point.to_numpy()
        return explicit(values[:3], values[3:6], float(values[6]))

    index = [found.terms.index(name) for name in held]
    covariance = found.covariance[np.ix_(index, index)]
    steps = [1e-6 * (at.index == name) for name in held]
    gradient = np.stack([(effects(at + step) - effects(at - step)) / 2e-6 for step in steps], axis=-1)
    errors = np.sqrt(np.einsum("ekp,pq,ekq->ek", gradient, covariance, gradient))
    for row, name in enumerate(("direct", "indirect", "total")):
        rows = found.effects.loc[name]
        if kind == "sem" and name == "indirect":
            assert "equal_indirect_p" not in found.statistics
            continue
        mine = rows.loc[[f"x[{zone}]" for zone in ZONES]]
        np.testing.assert_allclose(mine["coef"], effects(at)[row], rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(mine["se"], errors[row], rtol=1e-5, atol=1e-8)
        assert 0 <= found.statistics[f"equal_{name}_p"] <= 1


def test_equal_slopes_of_groups_have_the_usual_effects() -> None:
    operator = DenseOperator(W.dense(), 1.0)
    place = np.array([ZONES.index(zone) for zone in ZONE])
    shares = np.bincount(place) / UNITS
    inverse = np.linalg.inv(np.eye(UNITS) - 0.4 * W.dense())
    values = np.einsum("erpg,r->ep", group_weights(0.4, operator, place, 3).values, shares)
    usual = [np.trace(inverse) / UNITS, np.trace(inverse @ W.dense()) / UNITS]
    np.testing.assert_allclose(values[0], usual)
    np.testing.assert_allclose(values[2], [inverse.sum() / UNITS, (inverse @ W.dense()).sum() / UNITS])
    step = 1e-6
    near = [group_weights(0.4 + way * step, operator, place, 3).values for way in (1, -1)]
    slopes = group_weights(0.4, operator, place, 3).slopes
    np.testing.assert_allclose(slopes, (near[0] - near[1]) / (2 * step), atol=1e-7)


@pytest.mark.parametrize(("effects", "correction"), [("two_way", "lee_yu"), ("unit", "none")])
@pytest.mark.parametrize("rho", [[-0.9, 0.2, 0.97], [0.3], [0.1, 0.9995]])
def test_weights_at_many_places_are_those_at_each(effects: Any, correction: Any, rho: list[float]) -> None:
    operator = DenseOperator(W.dense(), 1.0)
    place = np.array([ZONES.index(zone) for zone in ZONE])
    curve = GroupCurve(LagSpace(operator, Sample(UNITS, PERIODS, effects, correction)), place, 3)
    values, slopes = curve.at(np.array(rho))
    for column, value in enumerate(rho):
        exact = group_weights(value, operator, place, 3)
        np.testing.assert_allclose(values[..., column], exact.values, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(slopes[..., column], exact.slopes, rtol=1e-8, atol=1e-9 * slopes.max())


def test_effects_of_units_are_those_of_the_explicit_matrix() -> None:
    data = panel()
    spec = model()
    found = spec.fit(data, W)
    coef = found.estimates["coef"]
    beta, theta = (coef[[f"{prefix}x[{zone}]" for zone in ZONES]].to_numpy() for prefix in ("", "W_"))
    matrix = derivatives(beta, theta, coef["rho"])
    mine = spec.unit_effects(found, data, W).xs("x", level="term")
    own = np.diag(matrix)
    expected = np.column_stack([own, matrix.sum(axis=1) - own, matrix.sum(axis=0) - own])
    np.testing.assert_allclose(mine.to_numpy(), expected, atol=1e-10)


def test_the_truth_is_within_reach_and_equality_is_refused() -> None:
    estimates = np.array([model().fit(panel(seed, 12), W).estimates["coef"] for seed in range(30)])
    terms = model().fit(panel(), W).terms
    means = dict(zip(terms, estimates.mean(axis=0), strict=True))
    for zone in ZONES:
        assert means[f"x[{zone}]"] == pytest.approx(BETA[zone], abs=0.03)
        assert means[f"W_x[{zone}]"] == pytest.approx(THETA[zone], abs=0.06)
    assert means["rho"] == pytest.approx(RHO, abs=0.03)
    found = model().fit(panel(), W)
    assert found.statistics["equal_p"] < 0.001
    assert found.statistics["equal_df"] == 2
    assert found.statistics["equal_total_p"] < 0.001


@pytest.mark.parametrize("kind", ["sdm", "sdem", "slx", "sac"])
def test_wild_p_of_slopes_is_that_of_the_model_with_explicit_columns(kind: str) -> None:
    data = panel()
    spec = model(kind=kind, test="wild", draws=99, cov="cluster", intervals=False)
    found = spec.fit(data, W)
    made = spec.expanded(data, W)
    fields = made.model.model_dump() | {"test": "wild", "x": made.focal}
    alone = dc.SpatialPanel(**fields).fit(made.panel, W)
    names = list(made.focal)
    # that of a group of few units comes from arrangements where it is a column; its p by signs is beside it
    few = {note["term"] for note in alone.notes if note.code == "few_carry"}
    assert few < set(names)
    for name in names:
        if name not in few:
            assert found.estimates.loc[name, "p"] == pytest.approx(alone.estimates.loc[name, "p"])
        recorded = [result.statistics[f"p_units.{name}"] for result in (found, alone)]
        assert recorded[0] == pytest.approx(recorded[1])
    assert "equality_by_errors" in [note.code for note in found.notes]
    assert "effects_by_errors" not in [note.code for note in found.notes]


@pytest.mark.parametrize("kind", ["sdm", "sar", "slx", "sdem", "sem", "sac"])
@pytest.mark.parametrize("cov", ["classic", "cluster"])
def test_many_fits_of_effects_by_group_are_single_fits(kind: str, cov: str) -> None:
    data = panel()
    spec = model(kind=kind, cov=cov, test="wild")
    made = spec.expanded(data, W)
    design = made.model.design(made.panel, W)
    names = [name for name in EFFECTS if kind != "sem" or name != "indirect"]
    estimands = [Estimand(name, term) for name in names for term in made.focal]
    y = data.column("y")
    outcomes = np.column_stack([y, 0.5 * y + np.random.default_rng(1).normal(size=len(y))])
    batch = made.model.fits(made.panel, W, estimands[0], quantities_of(made, design))
    assert batch is not None
    many = batch.several(batch.prepare(outcomes), estimands)
    single = OneByOne(spec.by_errors, data, W, estimands[0]).several(outcomes, estimands)
    np.testing.assert_allclose(np.array(many), np.array(single), rtol=1e-9, atol=1e-12)


def within(cube: np.ndarray) -> np.ndarray:
    """Columns of shape (N, T, k) less means of units and periods."""
    out = cube - cube.mean(axis=0) - cube.mean(axis=1, keepdims=True) + cube.mean(axis=(0, 1))
    return np.asarray(out.reshape(-1, cube.shape[2]))


@pytest.mark.parametrize("shift", [-1.0, 0.5])
def test_null_models_of_an_effect_are_restricted_at_the_estimate_of_rho(shift: float) -> None:
    data = panel()
    spec = model(test="wild")
    result = spec.by_errors.fit(data, W)
    rho = float(result.coef[result.terms.index("rho")])
    w, size = W.dense(), (UNITS - 1) * (PERIODS - 1)
    x, z, y = (data.column(name).reshape(UNITS, PERIODS, 1) for name in ("x", "z", "y"))
    of_zone = [x * (zone == ZONE)[:, None, None] for zone in ZONES]
    lags = [np.einsum("ij,jtk->itk", w, x) * (zone == ZONE)[:, None, None] for zone in ZONES]
    wz = np.einsum("ij,jtk->itk", w, z)
    singles = [one for one in spec.restrictions(data, W, result) if isinstance(one, Single)]
    for zone, one in enumerate(singles):
        others = np.concatenate([*(of_zone[place] for place in range(3) if place != zone), z, wz], axis=2)
        free = within(np.concatenate([others, np.einsum("ij,jtk->itk", w, others)], axis=2))
        own = within(np.concatenate([of_zone[zone], *lags], axis=2))
        # the control's lag is among the regressors and among the lags
        kept = np.linalg.svd(free, full_matrices=False)
        both = np.column_stack([kept[0][:, kept[1] > 1e-9 * kept[1][0]], own])
        outcome, lagged = within(y)[:, 0], within(np.einsum("ij,jtk->itk", w, y))[:, 0]

        def negative(
            rho: float, effect: int, value: float, zone: int = zone, z: tuple[np.ndarray, ...] = (both, outcome, lagged)
        ) -> float:
            columns, level, lag = z
            weights = group_weights(rho, DenseOperator(w, 1.0), np.array([ZONES.index(name) for name in ZONE]), 3)
            own = weights.values[effect, zone]
            g = np.concatenate([np.zeros(columns.shape[1] - 4), [own[0, zone]], own[1]])
            # least squares with a Lagrange multiplier
            normal = np.block([[columns.T @ columns, g[:, None]], [g[None], np.zeros((1, 1))]])
            coef = np.linalg.solve(normal, [*(columns.T @ (level - rho * lag)), value])[:-1]
            ssr = ((level - rho * lag - columns @ coef) ** 2).sum()
            roots = np.linalg.slogdet(np.eye(UNITS) - rho * w)[1] - np.log(1 - rho)
            return float(size / 2 * (np.log(2 * np.pi * ssr / size) + 1) - (PERIODS - 1) * roots)

        for place, estimand in enumerate(one.estimands):
            effect = EFFECTS.index(estimand.quantity)
            coef, se = estimate_of(result, estimand) or (np.nan, np.nan)
            asked = effect, coef + shift * se
            null = one.restrictions.null_at(place, asked[1])
            assert null.loglik == pytest.approx(-negative(rho, *asked), abs=1e-8)


@pytest.mark.long
def test_wild_p_of_effects_has_its_size_and_sees_an_effect() -> None:
    def p(seed: int, beta: float) -> np.ndarray:
        rng = np.random.default_rng(seed)
        n, t = 24, 5
        ring = (np.roll(np.eye(n), 1, axis=0) + np.roll(np.eye(n), -1, axis=0)) / 2
        units = [f"u{unit:02d}" for unit in range(n)]
        x, e = rng.normal(size=(2, n, t)) * np.exp(0.6 * rng.normal(size=n))[:, None]
        y = np.linalg.solve(np.eye(n) - RHO * ring, beta * (x - ring @ x) + e)
        index = pd.MultiIndex.from_product([units, range(t)], names=["unit", "year"])
        zones = np.repeat(np.array(["east", "west"])[np.arange(n) // 12], t)
        frame = index.to_frame(index=False).assign(zone=zones, x=x.ravel(), y=y.ravel())
        fields = {"controls": (), "test": "wild", "draws": 99, "cov": "cluster", "intervals": False}
        found = model(**fields).fit(dc.Panel.from_frame(frame, "unit", "year"), dc.Weights.from_matrix(ring, units))
        return found.effects["p"].to_numpy()

    # total effects are zero: slopes of x and of its lag cancel
    shares = np.mean([p(seed, 1.0) <= 0.05 for seed in range(60)], axis=0)
    assert (shares[-2:] <= 0.12).all()
    assert (shares[:2] > 0.7).all()
    assert (shares[2:4] > 0.5).all()


def test_groups_that_are_islands_have_wild_p_of_effects() -> None:
    links = np.kron(np.eye(2), np.ones((8, 8)) - np.eye(8))
    weights = dc.Weights.from_matrix(links / 7 * np.linspace(0.8, 1, 16)[:, None], W.labels)
    half = {unit: "first" if place < 8 else "second" for place, unit in enumerate(W.labels)}
    fields = {"by": half, "effects": "unit", "test": "wild", "draws": 99, "intervals": False}
    found = model(**fields).fit(panel(), weights)
    assert "effects_by_errors" not in [note.code for note in found.notes]
    plain = model(by=half, effects="unit").fit(panel(), weights)
    focal = [term in found.focal for _, term in found.effects.index]
    assert (found.effects["p"] != plain.effects["p"])[focal].all()


@pytest.mark.parametrize("kind", ["sdm", "slx", "sdem"])
def test_wild_p_of_lags_by_group_see_a_lag_that_is_there(kind: str) -> None:
    n, t, rng = 36, 8, np.random.default_rng(5)
    ring = (np.roll(np.eye(n), 1, axis=0) + np.roll(np.eye(n), -1, axis=0)) / 2
    x, e = rng.normal(size=(2, n, t))
    units = [f"u{unit:02d}" for unit in range(n)]
    index = pd.MultiIndex.from_product([units, range(t)], names=["unit", "year"])
    zones = np.repeat(np.array(ZONES)[np.arange(n) // 12], t)
    y = np.linalg.solve(np.eye(n) - RHO * ring, x + 0.8 * ring @ x + 0.5 * e)
    frame = index.to_frame(index=False).assign(zone=zones, x=x.ravel(), y=y.ravel())
    spec = model(kind=kind, controls=(), test="wild", draws=199, cov="cluster", intervals=False)
    found = spec.fit(dc.Panel.from_frame(frame, "unit", "year"), dc.Weights.from_matrix(ring, units))
    assert (found.estimates.loc[[f"W_x[{zone}]" for zone in ZONES], "p"] < 0.05).all()


@pytest.mark.parametrize("effects", ["none", "time", "unit", "two_way", "random"])
def test_groups_have_intercepts_where_no_effects_take_them(effects: str) -> None:
    found = model(effects=effects, interact="regressors").fit(panel(), W)
    dummies = [term for term, role in zip(found.terms, found.roles, strict=True) if role.kind == "dummy"]
    assert len(dummies) == (0 if effects in ("unit", "two_way") else 2)
    assert {"z[north]", "W_z[south]"} <= set(found.terms)
    assert found.focal == tuple(f"x[{zone}]" for zone in ZONES)
    assert {part.level for part in found.role("z[north]").made_of} == {"", "north"}


def test_what_cannot_be_is_a_sentence() -> None:
    with pytest.raises(WeightsError, match="weights"):
        model().check(panel())
    with pytest.raises(ValueError, match="choose effects_se=delta"):
        model(effects_se="simulation")


def test_groups_are_compared_in_the_spatial_panel() -> None:
    data = panel()
    plain = dc.SpatialPanel(y="y", x=("x",), controls=("z",), kind="sdm")
    frame = dc.compare_groups(plain, data, by="zone", weights=W)
    found = model().fit(data, W)
    own = frame[frame["test"] == "coefficient"].set_index("groups")
    for zone in ZONES:
        assert own.at[zone, "estimate"] == found.estimates.at[f"x[{zone}]", "coef"]
    assert frame.loc[frame["test"] == "equality", "p"].item() == found.statistics["equal_p"]
    assert set(frame["test"]) == {"coefficient", "equality", "difference"}
    again = dc.compare_groups(model(), data, by="zone", weights=W)
    pd.testing.assert_frame_equal(frame, again)
    with pytest.raises(ConfigError, match="interact=focal or interact=regressors"):
        dc.compare_groups(plain, data, by="zone", interact="all", weights=W)
