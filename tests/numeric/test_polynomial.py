"""Turning points of polynomials: against Stata's utest, least squares in other parametrisations, and draws."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from conftest import REFERENCE
from numpy.typing import NDArray
from scipy import optimize, stats

from digicarbon.numeric.shape.turning_points import Curve, contrast, cubic, fieller, lost_digits, quadratic

FloatArray = NDArray[np.float64]

# closed forms against closed forms
TOLERANCE = 1e-9
# scipy's least squares takes derivatives numerically
FITTED = 1e-5
# Stata prints seven digits
PRINTED = 2e-6

RECORDS = {record["id"]: record for record in json.loads((REFERENCE / "utest.json").read_text(encoding="utf-8"))}
FORMULAS = [name for name in RECORDS if name.startswith("formula.")]


def least_squares(x: FloatArray, y: FloatArray, degree: int, level: float = 0.95) -> tuple[Curve, FloatArray]:
    """The curve of a regression with a constant, and its residuals."""
    design = x[:, None] ** np.arange(degree + 1)
    inverse = np.linalg.inv(design.T @ design)
    b = inverse @ design.T @ y
    residuals = y - design @ b
    df = len(x) - degree - 1
    covariance = inverse * (residuals @ residuals) / df
    return Curve(b[1:], covariance[1:, 1:], float(df), level), residuals


def sample(truth: tuple[float, ...], seed: int, n: int = 120, noise: float = 0.5) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2.0, 3.0, n)
    return x, sum(b * x**k for k, b in enumerate(truth, start=1)) + noise * rng.standard_normal(n)


@pytest.mark.parametrize("name", FORMULAS)
def test_equals_the_formulas_of_utest(name: str) -> None:
    record = RECORDS[name]
    data, values = record["data"], record["values"]
    v = np.array([[data["s11"], data["s12"]], [data["s12"], data["s22"]]])
    assert np.linalg.eigvalsh(v).min() > 0
    curve = Curve(np.array([data["b1"], data["b2"]]), v, data["df"], data.get("level", 95) / 100)
    found = quadratic(curve, np.linspace(data["x_min"], data["x_max"], 7))
    assert found.turning.x == pytest.approx(values["extr"], rel=TOLERANCE)
    for slope, end in ((found.lower, "l"), (found.upper, "u")):
        sign = 1 if slope.alternative == "greater" else -1
        assert slope.value == pytest.approx(values[f"s_{end}"], rel=TOLERANCE)
        assert sign * slope.statistic == pytest.approx(values[f"t_{end}"], rel=TOLERANCE)
    if values["p"] is None:
        # utest leaves p blank; the larger of both one-sided p is beyond one half
        assert not found.turning.inside
        assert found.p > 0.5
    else:
        assert found.turning.inside
        assert (found.statistic, found.p) == pytest.approx((values["t"], values["p"]), rel=TOLERANCE)
        assert (found.lower.alternative == "greater") == (values["shape"] == "Inverse U shape")
    assert found.fieller.kind == values["fieller"]
    if values["fieller"] != "line":
        # where the region is the complement of an interval, utest names its ends in the wrong order
        assert [found.fieller.low, found.fieller.high] == pytest.approx(
            sorted([values["low"], values["high"]]), rel=TOLERANCE
        )


def from_print(record: dict[str, Any], s22: float) -> Curve:
    """The coefficients and a covariance that printed slopes and t values come from; s22 is not printed."""
    low, high = record["data"]["x_min"], record["data"]["x_max"]
    values = record["values"]
    b2 = (values["s_u"] - values["s_l"]) / (2 * (high - low))
    variances = [(values[f"s_{end}"] / values[f"t_{end}"]) ** 2 for end in ("l", "u")]
    left = [variance - 4 * x**2 * s22 for variance, x in zip(variances, (low, high), strict=True)]
    s11, s12 = np.linalg.solve([[1, 4 * low], [1, 4 * high]], left)
    return Curve(np.array([values["s_l"] - 2 * b2 * low, b2]), np.array([[s11, s12], [s12, s22]]))


def test_equals_printed_output_of_stata() -> None:
    record = RECORDS["printed.u"]
    values, data = record["values"], record["data"]
    found = quadratic(from_print(record, 4e-4), np.array([data["x_min"], data["x_max"]]))
    # the turning point is a difference of two numbers of seven digits near 157
    assert found.turning.x == pytest.approx(values["extr"], abs=5e-5)
    assert not found.turning.maximum
    # Stata's t has some thousand degrees of freedom, which are not printed
    for slope, end in ((found.lower, "l"), (found.upper, "u")):
        assert slope.p == pytest.approx(values[f"p_{end}"], rel=1e-4)
    assert round(found.statistic, 2) == values["t"]
    assert round(found.p, 2) == values["p"]

    record = RECORDS["printed.inverse_u"]
    values, data = record["values"], record["data"]
    # what is not printed is chosen such that one end of the Fieller interval holds: the other is the test
    s22 = optimize.brentq(lambda s: fieller(from_print(record, s)).low - values["low"], 1e-9, 1e-4, xtol=1e-16)
    found = quadratic(from_print(record, s22), np.array([data["x_min"], data["x_max"]]))
    assert found.turning.maximum
    assert found.turning.x == pytest.approx(values["extr"], abs=PRINTED)
    assert found.fieller.high == pytest.approx(values["high"], abs=PRINTED)


def test_delta_interval_of_a_square_is_that_of_least_squares_in_the_turning_point() -> None:
    x, y = sample((1.0, -0.6), 1)
    found = quadratic(least_squares(x, y, 2)[0], x)
    at, covariance = optimize.curve_fit(lambda x, a, c, turn: a + c * (x - turn) ** 2, x, y, p0=(0, -0.5, 1))
    assert found.turning.x == pytest.approx(at[2], rel=FITTED)
    assert found.turning.se == pytest.approx(math.sqrt(covariance[2, 2]), rel=FITTED)
    half = stats.t.ppf(0.975, len(x) - 3) * found.turning.se
    assert (found.turning.low, found.turning.high) == pytest.approx((found.turning.x - half, found.turning.x + half))


def test_extrema_and_inflection_of_a_cube_are_those_of_least_squares_in_them() -> None:
    x, y = sample((-1.0, -0.5, 0.4), 2)
    found = cubic(least_squares(x, y, 3)[0], x)

    def by_extrema(x: FloatArray, a: float, k: float, one: float, two: float) -> FloatArray:
        return a + k * (x**3 / 3 - (one + two) * x**2 / 2 + one * two * x)

    def by_inflection(x: FloatArray, a: float, k: float, slope: float, middle: float) -> FloatArray:
        return a + slope * (x - middle) + k * (x - middle) ** 3

    at, covariance = optimize.curve_fit(by_extrema, x, y, p0=(0, 1, -0.6, 1.4))
    for point, k in zip(found.extrema, (2, 3), strict=True):
        assert point.x == pytest.approx(at[k], rel=FITTED)
        assert point.se == pytest.approx(math.sqrt(covariance[k, k]), rel=FITTED)
    assert [point.maximum for point in found.extrema] == [True, False]
    at, covariance = optimize.curve_fit(by_inflection, x, y, p0=(0, 0.4, -1, 0.4))
    assert found.inflection.x == pytest.approx(at[3], rel=FITTED)
    assert found.inflection.se == pytest.approx(math.sqrt(covariance[3, 3]), rel=FITTED)
    assert found.inflection.maximum is None
    # the slope at the inflection point is a slope at a given place: that the place is estimated does not matter in
    # first order, since the second derivative is zero there
    assert (found.middle.value, found.middle.se) == pytest.approx((at[2], math.sqrt(covariance[2, 2])), rel=FITTED)


def test_slopes_and_fieller_ends_are_coefficients_of_the_regression_centred_there() -> None:
    for truth in ((1.0, -0.6), (0.5, 0.2), (-1.0, -0.5, 0.4)):
        x, y = sample(truth, 3)
        curve, _ = least_squares(x, y, len(truth))
        found = quadratic(curve, x) if len(truth) == 2 else cubic(curve, x)
        for slope in (found.lower, found.upper):
            centred, _ = least_squares(x - slope.at, y, len(truth))
            se = math.sqrt(centred.covariance[0, 0])
            assert (slope.value, slope.se) == pytest.approx((centred.b[0], se), rel=1e-7)
            tail = stats.t.sf if slope.alternative == "greater" else stats.t.cdf
            assert slope.p == pytest.approx(tail(centred.b[0] / se, curve.df), rel=1e-6)
        assert (found.lower.at, found.upper.at) == (x.min(), x.max())
        if len(truth) == 2:
            region = fieller(curve)
            for end in (region.low, region.high):
                centred, _ = least_squares(x - end, y, 2)
                t = centred.b[0] / math.sqrt(centred.covariance[0, 0])
                assert 2 * stats.t.sf(abs(t), curve.df) == pytest.approx(0.05, rel=1e-6)


def test_fieller_region_holds_the_places_whose_slope_is_not_significant() -> None:
    rng = np.random.default_rng(4)
    kinds = set()
    for _ in range(300):
        root = rng.normal(size=(2, 2))
        curve = Curve(rng.normal(size=2) * rng.choice([0.5, 2.0, 6.0]), root @ root.T, 20.0)
        region = fieller(curve)
        kinds.add(region.kind)
        for x in rng.normal(scale=3, size=20):
            value, se = curve.derivative(x)
            inside = {
                "line": True,
                "interval": region.low <= x <= region.high,
                "complement": x <= region.low or x >= region.high,
            }[region.kind]
            assert inside == (abs(value) <= curve.quantile * se)
    assert kinds == {"line", "interval", "complement"}


def test_fieller_without_variance_of_the_square_or_at_its_edge() -> None:
    exact = fieller(Curve(np.array([2.0, -1.0]), np.zeros((2, 2))))
    assert (exact.kind, exact.low, exact.high) == ("interval", 1.0, 1.0)
    # b2 at its critical value: one end lies at infinity, or as far away as rounding leaves it
    q = stats.norm.ppf(0.975)
    for b1 in (3.0, -3.0):
        edge = fieller(Curve(np.array([b1, q]), np.array([[0.0, 0.0], [0.0, 1.0]])))
        near, far = sorted((edge.low, edge.high), key=abs)
        assert near == pytest.approx(-b1 / (4 * q), rel=1e-9)
        assert abs(far) > 1e12


def test_a_change_of_unit_of_a_logarithm_moves_the_turning_point_and_nothing_else() -> None:
    x, y = sample((1.0, -0.6), 5)
    (curve, _), (moved, _) = least_squares(x, y, 2), least_squares(x + math.log(1e4), y, 2)
    one, two = quadratic(curve, x), quadratic(moved, x + math.log(1e4))
    assert moved.b[0] != pytest.approx(curve.b[0], rel=0.1)
    assert two.turning.x - one.turning.x == pytest.approx(math.log(1e4), rel=1e-9)
    assert two.turning.se == pytest.approx(one.turning.se, rel=1e-7)
    for a, b in ((one.lower, two.lower), (one.upper, two.upper)):
        assert (b.value, b.se, b.p) == pytest.approx((a.value, a.se, a.p), rel=1e-7)
    assert (two.p, two.below, two.above, two.path) == (pytest.approx(one.p, rel=1e-7), one.below, one.above, one.path)


def test_counts_shapes_and_ranges() -> None:
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    v = 0.01 * np.eye(3)
    hump = quadratic(Curve(np.array([2.0, -1.0]), v[:2, :2]), x)
    assert (hump.turning.x, hump.turning.maximum, hump.turning.inside) == (1.0, True, True)
    assert (hump.below, hump.above, hump.path) == (1, 3, "up-down")
    late = quadratic(Curve(np.array([-10.0, 1.0]), v[:2, :2]), x)
    assert (late.turning.x, late.turning.maximum, late.turning.inside, late.path) == (5.0, False, False, "down")
    assert (late.below, late.above) == (5, 0)
    # 3(x - 0.5)(x - 2.5)
    wave = cubic(Curve(np.array([3.75, -4.5, 1.0]), v), x)
    assert [point.x for point in wave.extrema] == pytest.approx([0.5, 2.5])
    assert (wave.inflection.x, wave.counts, wave.path) == (1.5, (1, 2, 2), "up-down-up")
    assert [s.alternative for s in (wave.lower, wave.middle, wave.upper)] == ["greater", "less", "greater"]
    assert wave.middle.value == pytest.approx(-3.0)
    mirrored = cubic(Curve(np.array([-3.75, 4.5, -1.0]), v), x)
    assert [s.alternative for s in (mirrored.lower, mirrored.middle, mirrored.upper)] == ["less", "greater", "less"]
    assert (mirrored.path, [point.maximum for point in mirrored.extrema]) == ("down-up-down", [False, True])
    steady = cubic(Curve(np.array([12.0, -4.5, 1.0]), v), x)
    assert (steady.extrema, steady.counts, steady.path) == ((), (2, 3), "up")
    half_seen = cubic(Curve(np.array([3.75, -4.5, 1.0]), v), x[:3])
    assert ([point.inside for point in half_seen.extrema], half_seen.path) == ([True, False], "up-down")


def test_contrast_is_the_curve_less_its_mean_for_any_degree() -> None:
    for degree in (2, 3, 4):
        x, y = sample((0.5, -0.4, 0.2, -0.1)[:degree], 6)
        curve, residuals = least_squares(x, y, degree)
        value, se = contrast(curve, x, x)
        np.testing.assert_allclose(value, y - residuals - y.mean(), atol=1e-10)
        # the covariance of fitted values less their mean, from the hat matrix
        design = x[:, None] ** np.arange(degree + 1)
        hat = design @ np.linalg.pinv(design)
        centre = np.eye(len(x)) - 1 / len(x)
        s2 = residuals @ residuals / (len(x) - degree - 1)
        np.testing.assert_allclose(se, np.sqrt(s2 * np.diag(centre @ hat @ centre)), rtol=1e-7)


def test_lost_digits_grow_with_distance_from_zero() -> None:
    x, y = sample((1.0, -0.6), 7)
    lost = [lost_digits(least_squares(x + far, y, 2)[0], float(x.mean()) + far) for far in (0.0, 10.0, 100.0)]
    assert lost[0] < 1 < lost[1] < lost[2] < 7
    assert lost_digits(Curve(np.zeros(2), np.zeros((2, 2))), 1.0) == math.inf


def test_coverage_of_fieller_and_delta_over_draws() -> None:
    """Parametric bootstrap: Fieller's region is exact with normal errors, whatever its kind; delta is not."""
    draws = 2000
    rng = np.random.default_rng(8)
    x = rng.uniform(-2, 3, 60)
    truth, design = 1.0 / 1.2, x[:, None] ** np.arange(3)
    inverse = np.linalg.inv(design.T @ design)
    held = {"fieller": 0, "delta": 0}
    kinds = set()
    for _ in range(draws):
        y = design @ np.array([0, 0.2, -0.12]) + rng.standard_normal(len(x))
        b = inverse @ design.T @ y
        s2 = ((y - design @ b) ** 2).sum() / (len(x) - 3)
        found = quadratic(Curve(b[1:], s2 * inverse[1:, 1:], len(x) - 3.0), x)
        region = found.fieller
        kinds.add(region.kind)
        held["fieller"] += {
            "line": True,
            "interval": region.low <= truth <= region.high,
            "complement": truth <= region.low or truth >= region.high,
        }[region.kind]
        held["delta"] += found.turning.low <= truth <= found.turning.high
    assert kinds == {"line", "interval", "complement"}
    # three simulation errors of 0.005
    assert abs(held["fieller"] / draws - 0.95) < 0.015
    assert abs(held["delta"] / draws - 0.95) > 0.015


def test_size_of_the_test_where_the_curve_is_flat_at_one_end() -> None:
    """The hardest null: the slope is zero at the largest x and surely positive at the smallest."""
    draws, rejected = 2000, 0
    rng = np.random.default_rng(9)
    x = np.linspace(0, 2, 60)
    design = x[:, None] ** np.arange(3)
    inverse = np.linalg.inv(design.T @ design)
    for _ in range(draws):
        y = design @ np.array([0, 8.0, -2.0]) + rng.standard_normal(len(x))
        b = inverse @ design.T @ y
        s2 = ((y - design @ b) ** 2).sum() / (len(x) - 3)
        rejected += quadratic(Curve(b[1:], s2 * inverse[1:, 1:], len(x) - 3.0), x).p <= 0.05
    assert rejected / draws == pytest.approx(0.05, abs=0.015)
