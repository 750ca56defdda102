"""Lagrange multiplier tests of random effects against plm, EViews and Baltagi's tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import reference
from numpy.typing import NDArray
from panel_arrays import Arrays, grunfeld, produc, with_constant

from digicarbon.numeric.tests.auxiliary_regression import regress
from digicarbon.numeric.tests.error_components_lm import ErrorComponents, error_components

# closed forms on both sides; a statistic is a sum of squares of residuals that cancel
TOLERANCE = 1e-9
PLM = {name: values for name, values in reference("produc_panel_tests").items() if name.startswith("a.plmtest")}
NAMES = {
    "individual.bp": "breusch_pagan_unit",
    "individual.honda": "honda_unit",
    "individual.kw": "honda_unit",
    "time.bp": "breusch_pagan_time",
    "time.honda": "honda_time",
    "time.kw": "honda_time",
    "twoways.bp": "breusch_pagan_two_way",
    "twoways.honda": "honda_two_way",
    "twoways.kw": "king_wu_two_way",
    "twoways.ghm": "gourieroux_holly_monfort",
}
# plm's own test of plmtest, where EViews 9 and Baltagi (2013, tables 4.1 and 4.2) are named as agreeing
GRUNFELD = {
    "balanced": {
        "honda_unit": 28.251753, "breusch_pagan_unit": 798.16155, "honda_time": -2.5404491,
        "breusch_pagan_time": 6.4538816, "honda_two_way": 18.180637, "breusch_pagan_two_way": 804.61543,
        "king_wu_two_way": 21.832209, "gourieroux_holly_monfort": 798.16155,
    },
    "last row left out": {
        "honda_unit": 28.225193, "breusch_pagan_unit": 796.66152, "honda_time": -2.5405861,
        "breusch_pagan_time": 6.4545778, "honda_two_way": 18.16176, "breusch_pagan_two_way": 803.1161,
        "king_wu_two_way": 21.810252, "gourieroux_holly_monfort": 796.66152,
    },
}  # fmt: skip


def lm_of(arrays: Arrays) -> ErrorComponents:
    residuals = regress(arrays.y, with_constant(arrays.x)).residuals
    return error_components(residuals, arrays.unit, arrays.period)


@pytest.mark.parametrize("record", PLM)
def test_equals_plm(record: str) -> None:
    found = getattr(lm_of(produc()), NAMES[record.removeprefix("a.plmtest.")])
    assert found.value == pytest.approx(PLM[record]["statistic"], rel=TOLERANCE)
    assert found.p == pytest.approx(PLM[record]["p"], rel=1e-6)


@pytest.mark.parametrize("which", GRUNFELD)
def test_equals_eviews_also_unbalanced(data_folder: Path, which: str) -> None:
    arrays = grunfeld(data_folder)
    if which != "balanced":
        arrays = arrays.rows(np.arange(200) < 199)
    found = lm_of(arrays)
    for name, value in GRUNFELD[which].items():
        assert getattr(found, name).value == pytest.approx(value, rel=1e-7)


def test_half_p_values_are_those_of_a_variance(data_folder: Path) -> None:
    found = lm_of(produc())
    assert found.half_time.p == pytest.approx(found.breusch_pagan_time.p / 2, rel=1e-12)
    assert found.half_time.p == pytest.approx(found.honda_time.p, rel=1e-12)
    # a negative score: Breusch and Pagan reject, a variance does not
    negative = lm_of(grunfeld(data_folder))
    assert negative.breusch_pagan_time.p < 0.05
    assert (negative.half_time.value, negative.half_time.p) == (0.0, 1.0)


def draw(rng: np.random.Generator) -> NDArray[np.float64]:
    e = rng.normal(size=400)
    return e - e.mean()


def test_mixture_is_the_distribution_of_two_cut_normals() -> None:
    rng = np.random.default_rng(1)
    cut = np.maximum(rng.normal(size=(200_000, 2)), 0)
    unit, period = np.repeat(np.arange(40), 10), np.tile(np.arange(10), 40)
    for seed in range(40):
        found = error_components(draw(np.random.default_rng(seed)), unit, period).gourieroux_holly_monfort
        expected = float(((cut**2).sum(axis=1) >= found.value).mean())
        assert found.p == pytest.approx(expected, abs=0.005)


def test_one_row_per_unit_has_no_test_of_units() -> None:
    found = error_components(draw(np.random.default_rng(0)), np.arange(400), np.repeat(np.arange(4), 100))
    unit_or_both = [name for name in vars(found) if "time" not in name]
    assert all(np.isnan([vars(found)[name].value, vars(found)[name].p]).all() for name in unit_or_both)
    assert 0 < found.breusch_pagan_time.p < 1
