"""Fits of spreg in a table beside ours."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import spreg
from libpysal.weights import full2W
from spatial_iv_world import ring, world

import digicarbon as dc
from digicarbon.errors import ConfigError
from digicarbon.report import as_result

PANEL, WEIGHTS = world(30, 1, endogenous=0.5)
COLUMNS = PANEL.cube(("y", "x", "z", "q"))[0]
Y, X = COLUMNS[:, [0]], COLUMNS[:, 1:3]
NAMES = {"name_y": "y", "name_x": ["x", "z"]}


def fit_of(name: str, *arguments: Any, **fields: Any) -> Any:
    """Return a fit of spreg, which uses what newer pandas and NumPy warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        w = full2W(ring(30))
        w.transform = "r"
        return getattr(spreg, name)(*arguments, w=w, **fields)


CASES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "OLS": ({}, ("const", "x", "z")),
    "GM_Lag": ({"w_lags": 2}, ("const", "x", "z", "rho")),
    "ML_Lag": ({}, ("const", "x", "z", "rho")),
    "ML_Error": ({}, ("const", "x", "z", "lambda")),
    "GM_Error": ({}, ("const", "x", "z", "lambda")),
    "GM_Error_Het": ({}, ("const", "x", "z", "lambda")),
    "GM_Combo": ({}, ("const", "x", "z", "rho", "lambda")),
    "GM_Combo_Hom": ({}, ("const", "x", "z", "rho", "lambda")),
    "GM_Combo_Het": ({}, ("const", "x", "z", "rho", "lambda")),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fit_is_a_result(name: str) -> None:
    fields, terms = CASES[name]
    fitted = fit_of(name, Y, X, **NAMES, **fields)
    result = as_result(fitted)
    assert result.terms == terms
    np.testing.assert_array_equal(result.coef, fitted.betas.ravel())
    tests = getattr(fitted, "z_stat", None) or fitted.t_stat
    p = [pair[1] for pair in tests]
    np.testing.assert_allclose(result.estimate_columns["p"][: len(p)], p, rtol=1e-6, atol=1e-9)
    kinds = dict(zip(result.terms, (role.kind for role in result.roles), strict=True))
    assert kinds.get("rho", "lag_y") == "lag_y"
    assert kinds.get("lambda", "lag_error") == "lag_error"
    assert result.statistics["nobs"] == 30


def test_panels() -> None:
    panel, _ = world(30, 4)
    cube = panel.cube(("y", "x", "z"))
    wide = {"name_y": [f"y{t}" for t in range(4)], "name_x": [f"{name}{t}" for name in "xz" for t in range(4)]}
    y, x = cube[..., 0].T, np.hstack([cube[..., 1].T, cube[..., 2].T])
    fixed = as_result(fit_of("Panel_FE_Lag", y, x, **wide))
    assert (fixed.terms, fixed.absorbed) == (("x", "z", "rho"), ("unit",))
    # its constant is not ours: it would stand beside ours in a table
    assert "loglik" not in fixed.statistics
    varied = as_result(fit_of("Panel_RE_Lag", y, x, **wide))
    assert (varied.terms, varied.random) == (("const", "x", "z", "rho"), ("unit",))
    moments = as_result(fit_of("GM_KKP", y, x, **wide))
    assert moments.terms == ("const", "x", "z", "lambda")
    assert np.isnan(moments.covariance[-1, -1])


def test_one_lag_of_several_regimes_is_rho() -> None:
    fitted = fit_of("ML_Lag_Regimes", Y, X, ["a", "b"] * 15, regime_lag_sep=False, **NAMES)
    result = dc.as_result(fitted)
    assert result.terms[-1] == "rho"
    assert result.roles[-1].kind == "lag_y"


def test_regimes_are_refused() -> None:
    regimes = ["a", "b"] * 15
    fitted = fit_of("OLS_Regimes", Y, X, regimes, regime_err_sep=False, **NAMES)
    fitted.name_x = ["x"]
    with pytest.raises(ConfigError, match="OLS_Regimes"):
        as_result(fitted)
