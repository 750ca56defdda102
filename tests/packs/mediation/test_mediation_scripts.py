"""Equations of a mediation in scripts: those of mediators beside that of the outcome."""

from __future__ import annotations

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.script import Names, RPart, StataPart
from digicarbon.script.words import Remarks


@pytest.mark.parametrize("equations", ["full", "first_step"])
def test_scripts_have_the_equations_that_are_fitted(equations: str) -> None:
    x, c, e, v = np.random.default_rng(4).normal(size=(4, 60))
    rows = pd.MultiIndex.from_product([[f"u{i}" for i in range(12)], range(5)], names=["unit", "year"])
    columns = {"x": x, "c": c, "m": 0.5 * x + e, "y": 0.3 * x + 0.4 * e + v}
    panel = dc.Panel.from_frame(pd.DataFrame(columns, index=rows).reset_index(), "unit", "year")
    model = dc.Mediation(y="y", x=("x",), controls=("c",), mediators=("m",), equations=equations, effects="unit")
    result, extract, names = model.fit(panel), model.extract(panel, None), Names()
    for column in extract.columns:
        names.give(column)
    path = dc.PanelRegression(y="m", x=("x",), controls=("c",), effects="unit").fit(panel).estimates["coef"]
    full = equations == "full"
    in_stata = model.stata(StataPart(extract, result, names, "set_1", "", Remarks("*")))
    assert "reghdfe m x c, absorb(unit_id) keepsingletons" in in_stata
    # errors of the system are not those of a single equation
    own = [line.split() for line in in_stata if line.startswith("recorded") and line.split()[-2] == "."]
    assert {name: float(coef) for _, _, name, coef, *_ in own} == pytest.approx({"x": path["x"]})
    assert ("scalar b_1 = _b[m]" in in_stata) == full
    assert ("display _b[x] * scalar(b_1)" in in_stata) == full
    in_r = "\n".join(model.r(RPart(extract, result, names, "set_1", "", Remarks("#"))))
    assert '  m ~ x + c, data = set_1,\n  index = c("unit_id", "time_id"), model = "within"' in in_r
    assert ("outcome <- coef(fit)" in in_r) == full
    assert ('outcome["m"]' in in_r) == full
