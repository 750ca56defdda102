"""Tests for dependence between units against plm, and pairwise correlations against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conftest import reference
from panel_arrays import produc

from digicarbon.errors import EstimationError
from digicarbon.numeric.linear.within import without_effects
from digicarbon.numeric.tests.auxiliary_regression import regress
from digicarbon.numeric.tests.cross_section import breusch_pagan_lm, pesaran_cd, scaled_lm

# R prints 17 digits; residuals of a design with condition 1e5
TOLERANCE = 1e-9
PLM = {name: values for name, values in reference("produc_panel_tests").items() if name.startswith("a.pcdtest")}
EFFECTS = {"pooling": "none", "fe_ind": "unit", "fe_two": "two_way"}
TESTS = {
    "cd": pesaran_cd,
    "lm": breusch_pagan_lm,
    "sclm": scaled_lm,
    "bcsclm": lambda residuals: scaled_lm(residuals, corrected=True),
}


@pytest.mark.parametrize("record", PLM)
def test_equals_plm(record: str) -> None:
    _, _, effects, test = record.split(".")
    y, x, unit, period = produc()
    within, _ = without_effects(np.column_stack([y, x]), unit, period, EFFECTS[effects])
    residuals = regress(within[:, 0], within[:, 1:]).residuals.reshape(48, 17).T
    found = TESTS[test](residuals)
    assert found.value == pytest.approx(PLM[record]["statistic"], rel=TOLERANCE)
    assert found.p == pytest.approx(PLM[record]["p"], rel=1e-6)
    if test == "lm":
        assert found.df == PLM[record]["df"]


def test_gaps_leave_common_periods() -> None:
    rng = np.random.default_rng(1)
    residuals = rng.normal(size=(9, 12)) + rng.normal(size=(9, 1))
    residuals[rng.random(residuals.shape) < 0.25] = np.nan
    frame = pd.DataFrame(residuals)
    r = frame.corr(min_periods=2).to_numpy()
    present = np.isfinite(residuals).astype(float)
    common = present.T @ present
    pairs = [(i, j) for i in range(12) for j in range(i) if common[i, j] > 1]
    r, t = np.array([r[pair] for pair in pairs]), np.array([common[pair] for pair in pairs])
    assert pesaran_cd(residuals).value == pytest.approx((np.sqrt(t) * r).sum() / len(r) ** 0.5, rel=1e-9)
    assert breusch_pagan_lm(residuals).value == pytest.approx((t * r**2).sum(), rel=1e-9)
    assert breusch_pagan_lm(residuals).df == len(r)
    scaled = ((t * r**2) - 1).sum() / (2 * len(r)) ** 0.5
    assert scaled_lm(residuals).value == pytest.approx(scaled, rel=1e-9)
    assert scaled_lm(residuals, corrected=True).value == pytest.approx(scaled - 12 / (2 * (t.max() - 1)), rel=1e-9)


def test_no_common_periods_are_refused() -> None:
    apart = np.full((4, 2), np.nan)
    apart[:2, 0], apart[2:, 1] = (0.5, -0.5), (1.0, -1.0)
    with pytest.raises(EstimationError, match="two periods in common"):
        pesaran_cd(apart)
