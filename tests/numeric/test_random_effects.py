"""Variance components and quasi-demeaning against plm, linearmodels and the exact expectation of quadratic forms."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import reference
from linearmodels.panel import RandomEffects as Peer
from numpy.typing import NDArray

import digicarbon as dc
from digicarbon.errors import EstimationError
from digicarbon.numeric.linear.random_effects import Components, Method, components, quasi_demean

# both sides are closed forms; least squares on logs costs about three digits
TOLERANCE = 1e-10
X = ("log(pcap)", "log(pc)", "log(emp)", "unemp")
METHODS: dict[str, Method] = {
    "swar": "swamy_arora",
    "walhus": "wallace_hussain",
    "amemiya": "amemiya",
    "nerlove": "nerlove",
}
EFFECTS = {"re_ind": "random", "re_time": "random_time", "re_two": "random_two_way"}
PLM = reference("produc_random_effects")

Arrays = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]


@pytest.fixture(scope="module")
def arrays(produc: dc.Panel) -> Arrays:
    return produc.array(["log(gsp)"])[:, 0], produc.array(X), produc.unit_codes, produc.period_codes


@pytest.fixture(scope="module")
def gaps(arrays: Arrays) -> Arrays:
    y, x, unit, time = arrays
    keep = np.random.default_rng(1).random(len(y)) > 0.25
    return y[keep], x[keep], unit[keep], time[keep]


def slopes(arrays: Arrays, found: Components) -> NDArray[np.float64]:
    y, x, unit, time = arrays
    z = quasi_demean(np.column_stack([y, np.ones(len(y)), x]), unit, time, found)
    return np.asarray(np.linalg.lstsq(z[:, 1:], z[:, 0], rcond=None)[0])


@pytest.mark.parametrize("record", PLM)
def test_equals_plm(arrays: Arrays, record: str) -> None:
    _, _, which, *method = record.split(".")
    found = components(*arrays, EFFECTS[which], METHODS[method[0] if method else "swar"])
    sigma2, theta = PLM[record]["sigma2"], PLM[record]["theta"]
    assert found.idiosyncratic == pytest.approx(sigma2["idios"], rel=TOLERANCE)
    assert found.unit == pytest.approx(sigma2.get("id", 0.0), rel=TOLERANCE)
    assert found.time == pytest.approx(sigma2.get("time", 0.0), rel=TOLERANCE)
    shares = {name.split(".")[0]: value for name, value in theta.items()}
    assert found.theta_unit == pytest.approx(shares.get("id", 0.0), rel=TOLERANCE)
    assert found.theta_time == pytest.approx(shares.get("time", 0.0), rel=TOLERANCE)
    assert found.theta_total == pytest.approx(shares.get("total", 0.0), rel=TOLERANCE)
    assert slopes(arrays, found) == pytest.approx(list(PLM[record]["coef"].values()), rel=TOLERANCE)


def test_negative_variance_is_zero_and_said(arrays: Arrays) -> None:
    found = components(*arrays, "random_time", "swamy_arora")
    assert (found.time, found.theta_time, found.negative) == (0.0, 0.0, ("time",))
    assert components(*arrays, "random", "swamy_arora").negative == ()


@pytest.mark.parametrize(("method", "small_sample"), [("swamy_arora", True), ("stata", False)])
def test_unbalanced_equals_linearmodels(gaps: Arrays, method: Method, small_sample: bool) -> None:
    """linearmodels has Baltagi & Chang's form (Stata's `sa`) as small_sample, Stata's default without it."""
    y, x, unit, time = gaps
    index = pd.MultiIndex.from_arrays([unit, time])
    design = pd.DataFrame(np.column_stack([np.ones(len(y)), x]), index)
    peer = Peer(pd.Series(y, index), design).fit(small_sample=small_sample)
    found = components(*gaps, "random", method)
    assert found.unit == pytest.approx(peer.variance_decomposition["Effects"], rel=TOLERANCE)
    assert found.idiosyncratic == pytest.approx(peer.variance_decomposition["Residual"], rel=TOLERANCE)
    assert slopes(gaps, found) == pytest.approx(peer.params.to_numpy(), rel=TOLERANCE)


def test_stata_and_swamy_arora_agree_on_balanced_panels_only(arrays: Arrays, gaps: Arrays) -> None:
    one, two = (components(*arrays, "random", method) for method in ("swamy_arora", "stata"))
    assert one.unit == pytest.approx(two.unit, rel=TOLERANCE)
    one, two = (components(*gaps, "random", method) for method in ("swamy_arora", "stata"))
    assert abs(one.unit / two.unit - 1) > 1e-5


def unequal_groups(rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Forty groups with two to six members."""
    sizes = rng.integers(2, 7, size=40)
    return np.repeat(np.arange(40), sizes), np.concatenate([np.arange(size) for size in sizes])


@pytest.mark.parametrize("method", ["swamy_arora", "wallace_hussain", "amemiya"])
def test_unbalanced_estimators_are_unbiased(method: Method) -> None:
    rng = np.random.default_rng(2)
    group, member = unequal_groups(rng)
    x = rng.normal(size=(len(group), 2)) + rng.normal(size=(40, 2))[group]
    draws = 600
    # an effect so large that no estimate is cut at zero
    errors = rng.normal(size=(draws, len(group))) + 2 * rng.normal(size=(draws, 40))[:, group]
    found = [components(x.sum(axis=1) + error, x, group, member, "random", method) for error in errors]
    for values, truth in (([one.idiosyncratic for one in found], 1.0), ([one.unit for one in found], 4.0)):
        assert abs(float(np.mean(values)) - truth) < 4 * float(np.std(values)) / draws**0.5
    # periods are units by another name
    for error, one in zip(errors[:3], found, strict=False):
        turned = components(x.sum(axis=1) + error, x, member, group, "random_time", method)
        assert turned.time == pytest.approx(one.unit, rel=TOLERANCE)
        assert turned.theta_time == pytest.approx(one.theta_unit, rel=TOLERANCE)


def test_least_squares_on_quasi_demeaned_columns_is_generalised_least_squares() -> None:
    rng = np.random.default_rng(3)
    group, member = unequal_groups(rng)
    x = rng.normal(size=(len(group), 2))
    y = x.sum(axis=1) + rng.normal(size=len(group)) + 2 * rng.normal(size=40)[group]
    found = components(y, x, group, member)
    dummies = np.eye(40)[group]
    omega = found.idiosyncratic * np.eye(len(y)) + found.unit * dummies @ dummies.T
    z = np.column_stack([np.ones(len(y)), x])
    weighted = np.linalg.solve(omega, z)
    expected = np.linalg.solve(weighted.T @ z, weighted.T @ y)
    assert slopes((y, x, group, member), found) == pytest.approx(expected, rel=1e-9)


def test_two_way_quasi_demeaning_is_generalised_least_squares(arrays: Arrays) -> None:
    y, x, unit, time = arrays
    found = components(*arrays, "random_two_way")
    units, times = np.eye(48)[unit], np.eye(17)[time]
    omega = found.idiosyncratic * np.eye(len(y)) + found.unit * units @ units.T + found.time * times @ times.T
    z = np.column_stack([np.ones(len(y)), x])
    weighted = np.linalg.solve(omega, z)
    assert slopes(arrays, found) == pytest.approx(np.linalg.solve(weighted.T @ z, weighted.T @ y), rel=1e-8)


def test_refusals(arrays: Arrays, gaps: Arrays) -> None:
    y, x, unit, time = arrays
    with pytest.raises(EstimationError, match="of units and of periods need a balanced panel"):
        components(*gaps, "random_two_way")
    with pytest.raises(EstimationError, match="Nerlove's variance components need a balanced panel"):
        components(*gaps, "random", "nerlove")
    one = unit == 0
    with pytest.raises(EstimationError, match="Random effects of units need at least two units"):
        components(y[one], x[one], unit[one], time[one], "random", "amemiya")
    few = time < 5
    with pytest.raises(EstimationError, match="5 periods cannot identify 5"):
        components(y[few], x[few], unit[few], time[few], "random_time")
    fixed = np.column_stack([x, unit % 3])
    with pytest.raises(EstimationError, match=r"1 regressor does not vary .* or leave it out\."):
        components(y, fixed, unit, time, "random", "amemiya")
    assert components(y, fixed, unit, time, "random", "swamy_arora").unit > 0
    with pytest.raises(EstimationError, match="estimated as zero"):
        components(x[:, 0] * 2, x, unit, time)
