"""F tests of effects and unit effects against plm and regressions with explicit dummies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from conftest import reference
from panel_arrays import grunfeld, produc

from digicarbon.errors import EstimationError
from digicarbon.numeric.linear.within import without_effects
from digicarbon.numeric.tests.effects_f import effects_f, unit_effects

# closed forms on both sides
TOLERANCE = 1e-9
PLM = {name: values for name, values in reference("produc_panel_tests").items() if name.startswith("a.pFtest")}
COMPARED = {
    "fe_ind": ("unit", "none"),
    "fe_time": ("time", "none"),
    "fe_two": ("two_way", "none"),
    "two_vs_ind": ("two_way", "unit"),
}


@pytest.mark.parametrize("record", PLM)
def test_equals_plm(record: str) -> None:
    found = effects_f(*produc(), *COMPARED[record.rpartition(".")[2]])
    assert found.value == pytest.approx(PLM[record]["statistic"], rel=TOLERANCE)
    assert [found.df, found.df2] == PLM[record]["df"]
    assert found.p == pytest.approx(PLM[record]["p"], rel=1e-6)


def test_equals_sas_and_plm_on_grunfeld(data_folder: Path) -> None:
    """Printed by plm's own test of pFtest, the first also by SAS 9.4."""
    arrays = grunfeld(data_folder)
    for larger, value, df, df2 in (("unit", 49.177, 9, 188), ("time", 0.23451, 19, 178), ("two_way", 17.403, 28, 169)):
        found = effects_f(*arrays, larger)
        assert found.value == pytest.approx(value, rel=3e-5)
        assert (found.df, found.df2) == (df, df2)


def test_unbalanced_equals_explicit_dummies() -> None:
    arrays = produc()
    arrays = arrays.rows(np.random.default_rng(4).random(len(arrays.y)) > 0.3)
    dummies = {"unit": np.eye(48)[arrays.unit], "time": np.eye(17)[arrays.period]}
    dummies["two_way"] = np.column_stack([dummies["unit"], dummies["time"]])
    dummies["none"] = np.ones((len(arrays.y), 1))
    squares, rank = {}, {}
    for effects, columns in dummies.items():
        design = np.column_stack([columns, arrays.x])
        fit = np.linalg.lstsq(design, arrays.y, rcond=None)
        rank[effects], squares[effects] = fit[2], float(((arrays.y - design @ fit[0]) ** 2).sum())
        within, absorbed = without_effects(arrays.x, arrays.unit, arrays.period, effects)
        assert absorbed == rank[effects] - 4
        assert np.abs(columns.T @ within).max() < 1e-8
    for larger, smaller in (("unit", "none"), ("two_way", "none"), ("two_way", "time")):
        found = effects_f(*arrays, larger, smaller)
        assert (found.df, found.df2) == (rank[larger] - rank[smaller], len(arrays.y) - rank[larger])
        gain = (squares[smaller] - squares[larger]) / found.df
        assert found.value == pytest.approx(gain / (squares[larger] / found.df2), rel=TOLERANCE)


def test_a_regressor_that_effects_absorb_counts_once() -> None:
    y, x, unit, period = produc()
    with_fixed = np.column_stack([x, np.asarray(unit % 3, dtype=float)])
    one, two = effects_f(y, x, unit, period, "unit"), effects_f(y, with_fixed, unit, period, "unit")
    assert two.df == one.df - 1
    assert two.df2 == one.df2


def test_nothing_left_is_refused() -> None:
    y, x, unit, period = produc()
    first = period == 0
    with pytest.raises(EstimationError, match="No degrees of freedom"):
        effects_f(y[first], x[first], unit[first], period[first], "unit")
    with pytest.raises(EstimationError, match="add nothing"):
        effects_f(y[first], x[first], unit[first], period[first], "time")


def test_unit_effects_equal_dummies_less_their_mean() -> None:
    arrays = produc()
    arrays = arrays.rows(np.random.default_rng(4).random(len(arrays.y)) > 0.3)
    peer = sm.OLS(arrays.y, np.column_stack([np.eye(48)[arrays.unit], arrays.x])).fit()
    contrasts = np.column_stack([np.eye(48) - 1 / 48, np.zeros((48, 4))])
    expected = peer.t_test(contrasts)
    found = unit_effects(arrays.y, arrays.x, arrays.unit)
    assert found.values == pytest.approx(expected.effect, rel=1e-7)
    assert found.se == pytest.approx(expected.sd, rel=1e-7)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)
