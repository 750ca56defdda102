"""Clusters of units in the errors and in the signs of spatial panels: loops over pairs, single fits, sentences."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import ConfigError, DigicarbonError, EstimationError
from digicarbon.model.batch import Estimand, estimate_of

UNITS, PERIODS = 28, 4
NAMES = [f"u{unit:02d}" for unit in range(UNITS)]
# of seven, five and two units, in no order
PLACES = np.array([0, 1, 2, 3, 4, 5, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 4, 5, 5, 4, 3, 2, 2, 3, 4, 5])
RING = (np.roll(np.eye(UNITS), 1, 0) + np.roll(np.eye(UNITS), -1, 0)) / 2
W = dc.Weights.from_matrix(RING, NAMES, name="ring")
KINDS = ["slx", "sar", "sdm", "sem", "sdem", "sac"]


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    shocks, own = rng.normal(size=(2, 6, PERIODS)), rng.normal(size=(3, UNITS, PERIODS))
    x, e, c = own[0] + shocks[0][PLACES], own[1] + shocks[1][PLACES], own[2]
    y = np.linalg.solve(np.eye(UNITS) - 0.4 * RING, 0.3 * x + 0.5 * c + e)
    index = pd.MultiIndex.from_product([NAMES, range(PERIODS)], names=["unit", "year"])
    columns = {"x": x, "c": c, "y": y, "code": np.repeat(PLACES[:, None], PERIODS, 1)}
    flat = {name: values.ravel() for name, values in columns.items()}
    return index.to_frame(index=False).assign(
        **flat,
        zone=[f"zone {place}" for place in flat["code"]],
        same=np.repeat(NAMES, PERIODS),
        half=np.where(flat["code"] < 3, "a", "b"),
        moves=[f"m{place % 7}" for place in range(UNITS * PERIODS)],
    )


PANEL = dc.Panel.from_frame(frame(), "unit", "year")


def model(kind: str, **fields: Any) -> dc.SpatialPanel:
    given = {"y": "y", "x": ("x",), "controls": ("c",), "kind": kind, "cov": "cluster", "seed": 1, **fields}
    return dc.SpatialPanel(**given)


def by_loops(information: np.ndarray, found: dc.Result, kind: str, effects: str) -> np.ndarray:
    """Return the sandwich of scores of SAR and SDM added up over clusters, unit by unit and pair by pair."""
    names = ["x", "c", *(["W_x", "W_c"] if kind == "sdm" else [])]
    coef = dict(zip(found.terms, found.coef, strict=True))
    data = {name: PANEL.column(name).reshape(UNITS, PERIODS) for name in ("x", "c", "y")}
    data |= {f"W_{name}": RING @ data[name] for name in ("x", "c", "y")}
    centre = np.eye(UNITS) - (1 / UNITS if effects == "two_way" else 0.0)

    def within(values: np.ndarray) -> np.ndarray:
        return centre @ (values - values.mean(axis=1, keepdims=True))

    rho, sigma2 = coef["rho"], coef["sigma2"]
    z = np.stack([within(data[name]) for name in names], axis=2)
    beta = np.array([coef[name] for name in names])
    e = within(data["y"]) - rho * within(data["W_y"]) - z @ beta
    g = centre @ RING @ np.linalg.inv(np.eye(UNITS) - rho * RING) @ centre
    q = within(
        RING @ np.linalg.inv(np.eye(UNITS) - rho * RING) @ sum(b * data[n] for b, n in zip(beta, names, strict=True))
    )
    k, groups = len(names), PLACES.max() + 1
    sums, between = np.zeros((groups, k + 2)), np.zeros((groups, groups))
    for i in range(UNITS):
        own = PLACES[i]
        sums[own, :k] += e[i] @ z[i] / sigma2
        sums[own, k] += (e[i] @ q[i] + g[i, i] * (e[i] @ e[i])) / sigma2 - (PERIODS - 1) * g[i, i]
        sums[own, k + 1] += e[i] @ e[i] / (2 * sigma2**2)
        for j in range(UNITS):
            if j != i and PLACES[j] == own:
                sums[own, k] += g[i, j] * (e[i] @ e[j]) / sigma2
            elif j != i:
                between[own, PLACES[j]] += g[i, j] * (e[i] @ e[j]) / sigma2
        # the variance of an error is that of all units; clusters differ in how many they have
        share = (PERIODS - 1) * (1 - 1 / UNITS if effects == "two_way" else 1.0)
        sums[own, k + 1] -= share / (2 * sigma2)
    sums -= sums.mean(axis=0)
    middle = sums.T @ sums
    for one in range(groups):
        for other in range(one + 1, groups):
            middle[k, k] += (between[one, other] + between[other, one]) ** 2
    return information @ middle @ information * groups / (groups - 1)


@pytest.mark.parametrize("effects", ["unit", "two_way"])
@pytest.mark.parametrize("kind", ["sar", "sdm"])
def test_errors_are_those_of_loops_over_pairs_of_clusters(kind: str, effects: str) -> None:
    information = model(kind, effects=effects, cov="classic").fit(PANEL, W).covariance
    found = model(kind, effects=effects, cluster="zone").fit(PANEL, W)
    np.testing.assert_allclose(found.covariance, by_loops(information, found, kind, effects), rtol=1e-8)
    assert next(note for note in found.notes if note.code == "errors_scores_by")["by"] == "zone"


@pytest.mark.parametrize("kind", KINDS)
def test_units_that_are_their_own_clusters_have_the_errors_of_units(kind: str) -> None:
    one, other = (model(kind, cluster=cluster).fit(PANEL, W) for cluster in ("unit", "same"))
    np.testing.assert_allclose(one.covariance, other.covariance, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("effects", ["time", "two_way"])
@pytest.mark.parametrize("kind", KINDS)
def test_draws_have_the_errors_of_single_fits(kind: str, effects: str) -> None:
    own = model(kind, cluster="zone", effects=effects)
    outcomes = PANEL.column("y")[:, None] + np.random.default_rng(5).normal(size=(UNITS * PERIODS, 3))
    for quantity in ("coefficient", "total"):
        estimand = Estimand(quantity, "x")
        batch = own.batch(PANEL, W, estimand)
        coef, se = batch.fit(batch.prepare(outcomes))
        for draw in range(3):
            single = own.fit(PANEL.with_columns({"y": outcomes[:, draw]}), W)
            np.testing.assert_allclose((coef[draw], se[draw]), estimate_of(single, estimand), rtol=1e-6)


@pytest.mark.parametrize("kind", ["slx", "sdm", "sem"])
def test_signs_are_those_of_clusters(kind: str) -> None:
    """All vectors of signs of six clusters; renaming units changes nothing, since no sign is that of a unit."""
    own = model(kind, cluster="zone", test="wild", intervals=False)
    found = own.fit(PANEL, W)
    note = next(note for note in found.notes if note.code == "wild_p_by")
    assert note["by"] == "zone"
    assert str(note["draws"]) == "all 32 pairs of opposite vectors of signs"
    assert next(note for note in found.notes if note.code == "few_clusters_wild")["smallest"] == 1 / 32
    p = found.effects.loc["total", "p"]["x"]
    assert p * 32 == pytest.approx(round(p * 32))
    names = {name: f"other {name}" for name in NAMES}
    renamed = dc.Panel.from_frame(frame().assign(unit=lambda made: made["unit"].map(names)), "unit", "year")
    again = own.fit(renamed, dc.Weights.from_matrix(RING, list(names.values()), name="ring"))
    assert again.effects.loc["total", "p"]["x"] == pytest.approx(p)


def test_groups_have_them_too() -> None:
    own = dc.GroupedSpatial(y="y", x=("x",), kind="sdm", by="half", cov="cluster", cluster="zone")
    found, by_unit = own.fit(PANEL, W), own.model_copy(update={"cluster": "unit"}).fit(PANEL, W)
    assert found.coef == pytest.approx(by_unit.coef)
    assert found.estimates.loc["x[a]", "se"] != pytest.approx(by_unit.estimates.loc["x[a]", "se"])
    wild = own.model_copy(update={"test": "wild", "intervals": False}).fit(PANEL, W)
    assert wild.has_note("wild_p_by")
    p = wild.estimates.loc["x[a]", "p"]
    assert p * 32 == pytest.approx(round(p * 32))


def test_a_large_w_has_them_outcome_by_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    own = model("sdm", cluster="zone")
    expected = own.fit(PANEL, W).covariance
    for name in ("model._spatial_estimates.MOST_UNITS", "model.spatial_panel.MOST_UNITS"):
        monkeypatch.setattr(f"digicarbon.{name}", 10)
    anew = own.model_copy(update={"controls": ("c",)})
    np.testing.assert_allclose(anew.fit(PANEL, W).covariance, expected, rtol=1e-9)
    assert anew.fits(PANEL, W, Estimand("total", "x")) is None


@pytest.mark.parametrize("cluster", ["time", "both", ("zone", "half")])
def test_other_clusters_are_refused_by_name(cluster: Any) -> None:
    with pytest.raises(ConfigError, match=r"cluster=.* offers unit, a column"):
        model("sdm", cluster=cluster)


@pytest.mark.parametrize(("cluster", "words"), [("half", "2 clusters by half are too few"), ("moves", "cluster=moves")])
def test_few_clusters_and_units_that_move_are_refused_before_the_fit(cluster: str, words: str) -> None:
    with pytest.raises(EstimationError, match=words):
        model("sdm", cluster=cluster).check(PANEL, W)


def test_clusters_without_clustered_errors_are_refused() -> None:
    with pytest.raises(DigicarbonError, match="Clusters are those of cov=cluster"):
        model("sdm", cov="classic", cluster="absent")
    with pytest.raises(DigicarbonError, match="absent"):
        model("sdm", cluster="absent").check(PANEL, W)


@pytest.mark.parametrize(
    ("kind", "cov", "test", "said"),
    [
        ("sdm", "classic", "wild", True),
        ("sar", "observed", "wild", True),
        ("sdm", "cluster", "wild", False),
        ("sem", "classic", "wild", False),
        ("sdm", "classic", "errors", False),
    ],
)
def test_errors_of_one_variance_say_where_draws_reject_too_often(kind: str, cov: str, test: str, said: bool) -> None:
    fields = {"cov": cov, "test": test, "draws": 19, "intervals": False}
    assert model(kind, **fields).fit(PANEL, W).has_note("wild_of_one_variance") == said
