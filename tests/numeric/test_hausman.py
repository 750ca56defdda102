"""Hausman tests against plm, Baltagi's example, an algebraic identity and statsmodels' clustered Wald tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from conftest import reference
from panel_arrays import Arrays, grunfeld, produc

from digicarbon.errors import EstimationError
from digicarbon.numeric.tests.hausman import auxiliary, contrast, hausman_contrast

# a difference of two nearly equal covariances costs digits
TOLERANCE = 1e-8
PLM = {name: values for name, values in reference("produc_panel_tests").items() if name.startswith("a.phtest")}


@pytest.mark.parametrize(("record", "effects"), [("ind", "random"), ("two", "random_two_way")])
def test_classic_equals_plm(record: str, effects: str) -> None:
    found = hausman_contrast(contrast(*produc(), effects))
    expected = PLM[f"a.phtest.{record}.chisq"]
    assert found.statistic.value == pytest.approx(expected["statistic"], rel=TOLERANCE)
    assert found.statistic.df == expected["df"]
    assert found.statistic.p == pytest.approx(expected["p"], rel=1e-6)
    # plm prints the first without a word: the difference of covariances is no covariance
    assert found.definite == (record == "two")


@pytest.mark.parametrize(("record", "covariance"), [("", "classic"), (".robust", "hc0"), (".robust_sss", "sss")])
def test_auxiliary_equals_plm(record: str, covariance: str) -> None:
    found = auxiliary(contrast(*produc()), covariance)
    expected = PLM[f"a.phtest.ind.aux{record}"]
    assert found.value == pytest.approx(expected["statistic"], rel=TOLERANCE)
    assert found.p == pytest.approx(expected["p"], rel=1e-6)


def test_grunfeld_equals_baltagi(data_folder: Path) -> None:
    """Baltagi (2013, p. 81): 2.33 and 2.131; p. 85 and EViews: 13.460; the robust form is printed by plm."""
    arrays = grunfeld(data_folder)
    one = contrast(*arrays)
    assert hausman_contrast(one).statistic.value == pytest.approx(2.3303669, rel=1e-7)
    assert auxiliary(one).value == pytest.approx(2.1313662, rel=1e-7)
    assert auxiliary(one, "hc0").value == pytest.approx(8.2998366, rel=1e-7)
    for effects, value in (("random_two_way", 13.460061), ("random_time", 0.32309434)):
        assert hausman_contrast(contrast(*arrays, effects)).statistic.value == pytest.approx(value, rel=1e-7)


def test_sigmaless_is_the_classic_auxiliary_regression() -> None:
    """With the fixed effects' variance the contrast is the regression form, whose error variance is that one."""
    found = contrast(*produc())
    assert auxiliary(found).value == pytest.approx(hausman_contrast(found, "sigmaless").statistic.value, rel=1e-8)
    ratio = hausman_contrast(found, "sigmamore").statistic.value / hausman_contrast(found, "sigmaless").statistic.value
    fixed, random = found.fixed.ssr / found.fixed_df, found.random.ssr / found.random_df
    assert ratio == pytest.approx(fixed / random, rel=1e-8)


def correlated(seed: int) -> Arrays:
    """A short panel with regressors that hardly vary within units and unit effects that depend on them."""
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(20), 4), np.tile(np.arange(4), 20)
    level = rng.normal(size=(20, 2))
    x = level[unit] + 0.3 * rng.normal(size=(80, 2))
    effect = 2 * level[:, 0] + 0.3 * rng.normal(size=20)
    return Arrays(x.sum(axis=1) + effect[unit] + 0.5 * rng.normal(size=80), x, unit, period)


def test_one_variance_makes_the_difference_a_covariance() -> None:
    negative = 0
    negative = 0
    for seed in range(200):
        found = contrast(*correlated(seed))
        classic = hausman_contrast(found)
        negative += classic.statistic.value < 0
        assert np.isnan(classic.statistic.p) == (classic.statistic.value < 0)
        if found.components.unit > 0:
            for form in ("sigmamore", "sigmaless"):
                one = hausman_contrast(found, form)
                assert one.definite
                assert one.statistic.value > 0
    assert negative > 0


def test_clustered_form_equals_statsmodels() -> None:
    arrays = produc().rows(np.random.default_rng(1).random(816) > 0.2)
    found = contrast(*arrays)
    response = found.random.residuals + found.random.design @ found.random.coef
    design = np.column_stack([found.random.design, found.fixed.design])
    peer = sm.OLS(response, design).fit(cov_type="cluster", cov_kwds={"groups": arrays.unit}, use_t=True)
    expected = peer.f_test(np.eye(9)[5:])
    ours = auxiliary(found, "stata")
    assert ours.value == pytest.approx(float(expected.fvalue), rel=TOLERANCE)
    assert (ours.df, ours.df2) == (4, 47)
    assert ours.p == pytest.approx(float(expected.pvalue), rel=1e-6)
    assert auxiliary(found, "sss").value == pytest.approx(4 * ours.value, rel=1e-10)


def test_period_dummies_are_held_and_not_compared() -> None:
    arrays = produc()
    held = np.eye(17)[arrays.period][:, 1:]
    found = contrast(*arrays, held=held)
    assert found.compared == (0, 1, 2, 3)
    assert hausman_contrast(found, "sigmamore").statistic.df == 4
    # another basis of the same dummies changes nothing
    other = contrast(*arrays, held=np.cumsum(held, axis=1))
    for form in ("classic", "sigmamore"):
        one, two = hausman_contrast(found, form).statistic, hausman_contrast(other, form).statistic
        assert one.value == pytest.approx(two.value, rel=1e-6)
    assert auxiliary(found, "stata").value == pytest.approx(auxiliary(other, "stata").value, rel=1e-6)


def test_units_of_measurement_change_nothing_and_absorbed_regressors_are_left_out() -> None:
    y, x, unit, period = produc()
    scaled = x * np.array([1e-4, 1.0, 1e5, 10.0])
    one = hausman_contrast(contrast(y, x, unit, period)).statistic.value
    assert hausman_contrast(contrast(y, scaled, unit, period)).statistic.value == pytest.approx(one, rel=1e-6)
    fixed = np.column_stack([unit % 3, x]).astype(float)
    assert contrast(y, fixed, unit, period).compared == (1, 2, 3, 4)
    with pytest.raises(EstimationError, match="nothing to compare"):
        contrast(y, fixed[:, :1], unit, period)
