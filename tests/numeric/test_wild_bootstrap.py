"""Wild cluster bootstrap against wildboottest on the Produc panel and against refitting every bootstrap sample."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from conftest import reference
from numpy.typing import NDArray

import digicarbon as dc
from digicarbon.model._panel_columns import rows_of
from digicarbon.numeric.linear.within import absorb
from digicarbon.numeric.resampling.wild_bootstrap import WEBB, WildBootstrap, wild_cluster_bootstrap

# closed forms of the same numbers in another order of summation
TOLERANCE = 1e-9
REFERENCE = reference("produc_wild_bootstrap")
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
FloatArray = NDArray[np.float64]


def identity(columns: FloatArray) -> FloatArray:
    return columns


def produc_bootstrap(panel: dc.Panel, effects: str, by: str, **options: object) -> WildBootstrap:
    design = panel.array(X)
    if effects == "none":
        design = np.column_stack([design, np.ones(len(design))])
    restrictions = np.zeros((1, design.shape[1]))
    restrictions[0, 3] = 1.0
    rows = rows_of(panel)
    codes = panel.unit_codes % 10 if by == "region" else panel.period_codes
    return wild_cluster_bootstrap(
        absorb(design, rows, effects),
        absorb(panel.array(["log(gsp)"]), rows, effects)[:, 0],
        lambda columns: absorb(columns, rows, effects),
        codes,
        restrictions,
        level=None,
        **options,
    )


@pytest.mark.parametrize("record", [name for name in REFERENCE if name.endswith("region.restricted.rademacher")])
@pytest.mark.parametrize("null", ["restricted", "unrestricted"])
def test_enumeration_equals_wildboottest(produc: dc.Panel, record: str, null: str) -> None:
    """Clusters of states cut across time effects: multiplied residuals must be demeaned again."""
    effects = record.split(".")[0]
    values = REFERENCE[record.replace("restricted", null)]
    found = produc_bootstrap(produc, effects, "region", impose_null=null == "restricted")
    assert found.enumerated
    assert found.draws == values["draws"] == 1024
    assert found.se == pytest.approx(values["se_without_factor"], rel=TOLERANCE)
    assert found.p == values["p_with_ties"]
    equal = produc_bootstrap(produc, effects, "region", impose_null=null == "restricted", tails="equal")
    assert equal.p == values["p_equal_with_ties"]


@pytest.mark.parametrize("record", [name for name in REFERENCE if not name.endswith("region.restricted.rademacher")])
def test_draws_agree_with_wildboottest_within_their_error(produc: dc.Panel, record: str) -> None:
    effects, by, null, weights = record.split(".")
    values = REFERENCE[record]
    found = produc_bootstrap(produc, effects, by, impose_null=null == "restricted", weights=weights)
    # two independent estimates of one share from 9,999 draws each: four standard errors
    share = values["p_with_ties"]
    assert abs(found.p - share) < 4 * math.sqrt(2 * share * (1 - share) / 9999)


def sample(clusters: int, rng: np.random.Generator, k: int = 2) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    codes = np.repeat(np.arange(clusters), rng.integers(3, 7, clusters))
    x = np.column_stack([np.ones(len(codes)), rng.normal(size=(len(codes), k))])
    return x, x @ np.linspace(1, 0, k + 1) + rng.normal(size=clusters)[codes] + rng.normal(size=len(codes)), codes


def brute_force(
    x: FloatArray,
    y: FloatArray,
    codes: NDArray[np.int64],
    restrictions: FloatArray,
    value: float,
    impose_null: bool,
    multipliers: list[tuple[float, ...]],
) -> tuple[float, FloatArray]:
    """Return the Wald statistic and those of refitted bootstrap samples."""

    def wald(outcome: FloatArray, null: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        bread = np.linalg.inv(x.T @ x)
        beta = bread @ x.T @ outcome
        scores = np.stack([x[codes == g].T @ (outcome - x @ beta)[codes == g] for g in range(codes.max() + 1)])
        spread = restrictions @ bread @ scores.T @ scores @ bread @ restrictions.T
        gap = restrictions @ beta - null
        return float(gap @ np.linalg.solve(spread, gap)), beta, bread

    null = np.full(len(restrictions), value)
    observed, beta, bread = wald(y, null)
    if impose_null:
        inner = np.linalg.inv(restrictions @ bread @ restrictions.T)
        base = beta - bread @ restrictions.T @ inner @ (restrictions @ beta - null)
    else:
        base, null = beta, restrictions @ beta
    residual = y - x @ base
    return observed, np.array([wald(x @ base + residual * np.array(v)[codes], null)[0] for v in multipliers])


@pytest.mark.parametrize("impose_null", [True, False])
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("value", [0.0, 0.3])
def test_equals_refitting_every_sample(impose_null: bool, rows: int, value: float) -> None:
    x, y, codes = sample(7, np.random.default_rng(2))
    restrictions = np.eye(3)[1 : 1 + rows]
    observed, stars = brute_force(
        x, y, codes, restrictions, value, impose_null, list(itertools.product((1.0, -1.0), repeat=7))
    )
    found = wild_cluster_bootstrap(x, y, identity, codes, restrictions, value, impose_null=impose_null, level=None)
    assert found.draws == len(stars) == 128
    # t of one row, Wald's statistic of two
    assert abs(found.statistic) ** (3 - rows) == pytest.approx(observed, rel=TOLERANCE)
    assert found.p == np.mean(stars >= observed * (1 - TOLERANCE))


def test_webb_draws_are_its_six_points_and_equal_refitting() -> None:
    x, y, codes = sample(6, np.random.default_rng(3))
    rng = np.random.default_rng(11)
    signs = 1.0 - 2.0 * rng.integers(0, 2, (500, 6))
    multipliers = signs * WEBB[rng.integers(0, 3, (500, 6))]
    assert set(np.round(multipliers.ravel() ** 2, 12)) == {0.5, 1.0, 1.5}
    observed, stars = brute_force(x, y, codes, np.eye(3)[1:2], 0.0, True, [tuple(v) for v in multipliers])
    found = wild_cluster_bootstrap(
        x, y, identity, codes, np.eye(3)[1:2], weights="webb", draws=500, level=None, rng=np.random.default_rng(11)
    )
    assert not found.enumerated
    assert found.p == (np.sum(stars >= observed * (1 - TOLERANCE)) + 1) / 501


@pytest.mark.parametrize("tails", ["symmetric", "equal"])
@pytest.mark.parametrize("impose_null", [True, False])
def test_interval_is_where_the_test_turns(tails: str, impose_null: bool) -> None:
    x, y, codes = sample(9, np.random.default_rng(4))

    def test(value: float) -> WildBootstrap:
        return wild_cluster_bootstrap(
            x, y, identity, codes, np.eye(3)[1:2], value, tails=tails, impose_null=impose_null, level=0.9
        )

    found = test(0.0)
    # the interval does not depend on the null that is tested
    assert (test(0.7).low, test(0.7).high) == pytest.approx((found.low, found.high), rel=1e-7)
    step = 1e-6 * found.se
    assert test(found.low + step).p > 0.1 >= test(found.low - step).p
    assert test(found.high - step).p > 0.1 >= test(found.high + step).p


def test_unrestricted_interval_is_the_quantile_of_the_bootstrap_t() -> None:
    x, y, codes = sample(8, np.random.default_rng(5))
    found = wild_cluster_bootstrap(x, y, identity, codes, np.eye(3)[1:2], impose_null=False)
    _, stars = brute_force(x, y, codes, np.eye(3)[1:2], 0.0, False, list(itertools.product((1.0, -1.0), repeat=8)))
    # more than 5 % of 256 are 13: the 13th largest |t*|
    half = math.sqrt(np.sort(stars)[::-1][12]) * found.se
    assert (found.low, found.high) == pytest.approx((found.estimate - half, found.estimate + half), rel=1e-6)


def test_five_clusters_have_an_unbounded_interval() -> None:
    x, y, codes = sample(5, np.random.default_rng(6), k=1)
    found = wild_cluster_bootstrap(x, y, identity, codes, np.eye(2)[1:2])
    assert found.smallest_p == 2 / 32
    assert (found.low, found.high) == (-math.inf, math.inf)
    strong = wild_cluster_bootstrap(x, y + 1000 * x[:, 1], identity, codes, np.eye(2)[1:2])
    assert strong.p == strong.smallest_p


def test_three_clusters_have_no_p_below_a_quarter() -> None:
    x, y, codes = sample(3, np.random.default_rng(7), k=1)
    assert wild_cluster_bootstrap(x, y + 1000 * x[:, 1], identity, codes, np.eye(2)[1:2], level=None).p == 0.25


def test_blocks_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, codes = sample(12, np.random.default_rng(8))
    options = {"weights": "webb", "draws": 300}
    whole = wild_cluster_bootstrap(x, y, identity, codes, np.eye(3)[1:2], **options)
    enumerated = wild_cluster_bootstrap(x, y, identity, codes, np.eye(3)[1:2])
    monkeypatch.setattr("digicarbon.numeric.resampling.wild_bootstrap.CELLS", 12 * 10**4)
    assert wild_cluster_bootstrap(x, y, identity, codes, np.eye(3)[1:2], **options).p == whole.p
    monkeypatch.setattr("digicarbon.numeric.resampling.wild_bootstrap.CELLS", 50)
    assert wild_cluster_bootstrap(x, y, identity, codes, np.eye(3)[1:2]).p == enumerated.p
