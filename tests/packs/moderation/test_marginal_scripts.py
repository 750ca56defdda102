"""Effects along a moderator in scripts: the moderator is in the data, and the numbers are those of the tables."""

from __future__ import annotations

import re
from dataclasses import replace

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.diagnostic import MarginalEffects
from digicarbon.script import Names, RPart, StataPart
from digicarbon.script.words import Remarks


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    rng = np.random.default_rng(8)
    index = pd.MultiIndex.from_product([[f"u{i}" for i in range(12)], range(5)], names=["unit", "year"])
    frame = pd.DataFrame({name: rng.normal(1, 1, len(index)) for name in "xz"}, index=index)
    frame["n"] = np.where(np.arange(len(index)) % 5 == 2, 0.0, 1.0)
    frame["y"] = 1.5 * frame["x"] * frame["z"] + rng.normal(size=len(index))
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="year")


@pytest.mark.parametrize("weights", [None, "n"])
def test_the_moderator_is_in_the_data_of_the_rows_that_are_fitted(panel: dc.Panel, weights: str | None) -> None:
    # a product alone: no column of the regression is the moderator
    model = dc.PanelRegression(y="y", x=("x", "x:z"), observation_weights=weights)
    diagnostic = MarginalEffects(model=model, along="z")
    extract = diagnostic.extract(panel, None, model.extract(panel, None))
    fitted = panel.column("n") > 0 if weights else np.ones(len(panel.index), dtype=bool)
    np.testing.assert_array_equal(extract.columns["z"], panel.column("z")[fitted])
    np.testing.assert_allclose(extract.columns["x"] * extract.columns["z"], extract.columns["x:z"])


def test_numbers_of_scripts_are_those_of_the_region_and_of_combined_coefficients(panel: dc.Panel) -> None:
    model = dc.PanelRegression(y="y", x=("x", "z", "x:z"), cov="cluster")
    diagnostic = MarginalEffects(model=model, along="z")
    result = replace(model.described(model.fit(panel), panel), tables=diagnostic.tables(panel))
    extract = diagnostic.extract(panel, None, model.extract(panel, None))
    names = Names()
    for column in extract.columns:
        names.give(column)
    in_r = diagnostic.r(RPart(extract, result, names, "set_1", "", Remarks("#")), panel)
    region = result.tables["johnson_neyman"].loc["significant, pointwise"]
    assert f"  expected <- c(`low` = {float(region['low'])!r}, `high` = {float(region['high'])!r})" in in_r
    b = dict(zip(result.terms, result.coef, strict=True))
    in_stata = "\n".join(diagnostic.stata(StataPart(extract, result, names, "set_1", "", Remarks("*")), panel))
    effects = re.findall(r"lincom (\S+)\*x \+ (\S+)\*(\w+)\n.*? (mean|half)\" r\(estimate\) (\S+) ", in_stata)
    assert [place for *_, place, _ in effects] == ["mean", "half"]
    for (one, at, product, _, shown), value in zip(effects, (np.mean, np.median), strict=True):
        assert (float(one), product) == (1.0, names["x:z"])
        assert float(at) == pytest.approx(value(panel.column("z")))
        assert float(shown) == pytest.approx(b["x"] + float(at) * b["x:z"])
