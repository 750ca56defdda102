"""Fits of other packages beside ours."""

from __future__ import annotations

import warnings
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pyfixest
import pytest
import statsmodels.formula.api as statsmodels
from linearmodels import PanelOLS, RandomEffects
from linearmodels.iv import IV2SLS

from digicarbon.errors import ConfigError
from digicarbon.report import as_result


def frame() -> pd.DataFrame:
    """Thirty provinces in six years."""
    rng = np.random.default_rng(4)
    n, t = 30, 6
    data = pd.DataFrame(rng.normal(size=(n * t, 3)), columns=["ln_e", "ln_pgdp", "z"])
    data["ln_ci"] = 0.3 * data["ln_e"] + rng.normal(size=n * t)
    data["province"] = np.repeat([f"P{k:02d}" for k in range(n)], t)
    data["year"] = np.tile(np.arange(2012, 2012 + t), n)
    return data


DATA = frame()
INDEXED = DATA.set_index(["province", "year"])
OURS = dc.PanelRegression(
    y="ln_ci", x=("ln_e",), controls=("ln_pgdp",), effects="two_way", estimator="within", cov="cluster"
)


def fits() -> dict[str, Any]:
    effects = PanelOLS(INDEXED["ln_ci"], INDEXED[["ln_e", "ln_pgdp"]], entity_effects=True, time_effects=True)
    return {
        "linearmodels": effects.fit(cov_type="clustered", cluster_entity=True),
        "random": RandomEffects.from_formula("ln_ci ~ 1 + ln_e", INDEXED).fit(),
        "iv": IV2SLS.from_formula("ln_ci ~ 1 + [ln_e ~ z]", DATA).fit(),
        "pyfixest": pyfixest.feols("ln_ci ~ ln_e + ln_pgdp | province + year", DATA, vcov={"CRV1": "province"}),
        "statsmodels": statsmodels.ols("ln_ci ~ ln_e", DATA).fit(cov_type="HC1"),
    }


with warnings.catch_warnings():
    # pyfixest takes what pandas will take away
    warnings.simplefilter("ignore")
    FITS = fits()
    SEVERAL = pyfixest.feols("ln_ci ~ csw(ln_e, ln_pgdp)", DATA)


@pytest.mark.parametrize("name", FITS)
def test_numbers_are_the_package_s_own(name: str) -> None:
    fitted = FITS[name]
    found = as_result(fitted).estimates
    if name == "pyfixest":
        coef, se, p = fitted.coef(), fitted.se(), fitted.pvalue()
    else:
        coef, se, p = fitted.params, getattr(fitted, "std_errors", getattr(fitted, "bse", None)), fitted.pvalues
    names = ["const" if term == "Intercept" else term for term in coef.index]
    assert list(found.index) == names
    for column, theirs in (("coef", coef), ("se", se), ("p", p)):
        np.testing.assert_allclose(found[column], np.asarray(theirs, dtype=float), rtol=1e-8)


def test_all_stand_beside_ours() -> None:
    ours = OURS.fit(dc.Panel.from_frame(DATA, unit="province", time="year"))
    names = ["ours", *FITS]
    table = dc.table(
        [ours, *FITS.values()], labels=names, title="Six", unit="province", time="year", language=None, decimals=3
    )
    assert list(table.cells.columns) == names
    cells = table.cells
    # one model in three packages
    assert {cells.loc["ln_e", name].rstrip("*") for name in ("ours", "linearmodels", "pyfixest")} == {
        f"{ours.estimates.loc['ln_e', 'coef']:.3f}"
    }
    assert list(cells.loc["Unit effects"]) == ["yes", "yes", "random", "no", "yes", "no"]
    assert list(cells.loc["Time effects"]) == ["yes", "yes", "no", "no", "yes", "no"]
    assert list(cells.loc["Observations"]) == ["180"] * 6
    assert len({cells.loc["Within R²", name] for name in ("ours", "linearmodels", "pyfixest")}) == 1
    assert cells.loc["const", "statsmodels"] != ""
    assert "pyfixest: Fitted by pyfixest; standard errors: CRV1 by province." in table.notes
    assert "statsmodels: Fitted by statsmodels; standard errors: HC1." in table.notes


def test_effects_of_other_names_have_rows_of_their_own() -> None:
    table = dc.table([FITS["pyfixest"]], language="zh", words={"province": "省"})
    assert list(table.cells.columns) == ["(1)"]
    assert table.cells.loc["省固定效应", "(1)"] == "是"
    assert table.cells.loc["年份固定效应", "(1)"] == "是"
    assert table.cells.loc["个体固定效应", "(1)"] == "否"


def test_layout_is_that_of_the_report() -> None:
    table = dc.table([FITS["linearmodels"]], beneath="interval", statistics=("nobs",))
    low, high = FITS["linearmodels"].conf_int().loc["ln_e"]
    assert table.cells.iloc[1, 0] == f"[{low:.4f}, {high:.4f}]"
    with pytest.raises(ConfigError, match=r"decimal is not a field of RegressionTable.*Did you mean 'decimals'"):
        dc.table([FITS["linearmodels"]], decimal=3)


@pytest.mark.parametrize(
    ("results", "labels", "sentence"),
    [
        ([], [], "one result at least"),
        ([DATA], [], "pandas's DataFrame is none of them"),
        ([FITS["pyfixest"]], ["a", "b"], "labels has 2 labels for 1 result;"),
        ([SEVERAL], [], "FixestMulti is none of them. Of several models"),
    ],
)
def test_what_cannot_stand_there_is_a_sentence(results: list[Any], labels: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        dc.table(results, labels)
