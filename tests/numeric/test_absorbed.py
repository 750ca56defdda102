"""Any number of absorbed effects against dense dummies."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.numeric.linear.absorbed import Absorber, Groups

ROWS = 240


def codes(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    unit, time = np.repeat(np.arange(30), 8), np.tile(np.arange(8), 30)
    region = np.arange(30)[unit] % 4
    return {"unit": unit, "time": time, "region": region, "industry": rng.integers(0, 11, ROWS)}


def dense(groups: Groups) -> np.ndarray:
    dummies = np.eye(groups.count)[groups.codes]
    return dummies if groups.slope is None else np.hstack([dummies, dummies * groups.slope[:, None]])


CASES = {
    "one": (["unit"],),
    "two": (["unit"], ["time"]),
    "spanned": (["unit"], ["time"], ["region"]),
    "interaction": (["unit"], ["time"], ["region", "time"]),
    "three": (["unit"], ["time"], ["industry"]),
    "four": (["unit"], ["region", "time"], ["industry"], ["industry", "region"]),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("trends", ["", "unit", "region"])
@pytest.mark.parametrize("case", CASES)
def test_projections_and_ranks_are_those_of_dense_dummies(case: str, trends: str, weighted: bool) -> None:
    rng = np.random.default_rng(5)
    keep = rng.uniform(size=ROWS) > 0.2
    known = {name: one[keep] for name, one in codes(1).items()}
    weights = rng.uniform(0.01, 5, keep.sum()) if weighted else None
    effects = [Groups.of([known[name] for name in names]) for names in CASES[case]]
    if trends:
        effects.append(Groups.of([known[trends]], known["time"] - 3.5))
    absorber = Absorber(effects, weights)
    columns = rng.normal(size=(int(keep.sum()), 3)) + 100
    root = np.ones(len(columns)) if weights is None else np.sqrt(weights)
    dummies = root[:, None] * np.hstack([dense(one) for one in effects])
    assert absorber.rank == np.linalg.matrix_rank(dummies, tol=1e-8)
    scaled = root[:, None] * columns
    expected = scaled - dummies @ np.linalg.lstsq(dummies, scaled, rcond=1e-10)[0]
    np.testing.assert_allclose(absorber(columns), expected / root[:, None], atol=1e-10)
    left = root[:, None] * absorber(columns)
    assert np.abs(dummies.T @ left).max() < 1e-10 * np.abs(scaled).max()


def test_parameters_within_clusters() -> None:
    known = codes(2)
    unit, time, region = (Groups.of([known[name]]) for name in ("unit", "time", "region"))
    cells = Groups.of([known["region"], known["time"]])
    absorber = Absorber([unit, time, cells])
    assert absorber.rank == 30 + 4 * 8 - 4
    assert absorber.nested([unit]) == 29
    assert absorber.nested([region]) == absorber.rank - 1
    assert absorber.nested([time]) == 31
    assert absorber.nested([Groups.of([known["industry"]])]) == 0
    assert Absorber([unit, time]).nested([unit, time]) == 29 + 7


def test_groups_with_one_row() -> None:
    groups = Groups.of([np.array([3, 3, 7, 9, 9])])
    assert groups.count == 3
    assert groups.singles.tolist() == [1]
