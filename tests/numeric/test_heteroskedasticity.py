"""Koenker's test against R's lmtest and statsmodels."""

from __future__ import annotations

import pytest
import statsmodels.api as sm
from conftest import reference
from panel_arrays import produc, with_constant

from digicarbon.numeric.tests.auxiliary_regression import regress
from digicarbon.numeric.tests.heteroskedasticity import studentized_breusch_pagan

# closed forms on both sides
TOLERANCE = 1e-9


def test_equals_lmtest_and_statsmodels() -> None:
    arrays = produc()
    residuals = regress(arrays.y, with_constant(arrays.x)).residuals
    found = studentized_breusch_pagan(residuals, arrays.x)
    expected = reference("produc_panel_tests")["a.bptest.pooling"]
    assert found.value == pytest.approx(expected["statistic"], rel=TOLERANCE)
    assert (found.df, found.p) == (expected["df"], pytest.approx(expected["p"], rel=1e-6))
    statistic, p, _, _ = sm.stats.het_breuschpagan(residuals, with_constant(arrays.x))
    assert found.value == pytest.approx(statistic, rel=TOLERANCE)
    assert found.p == pytest.approx(p, rel=1e-6)
