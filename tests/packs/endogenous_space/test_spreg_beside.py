"""Fits of spreg beside ours."""

from __future__ import annotations

import warnings
from typing import Any

import classic as dc
import numpy as np
import spreg
from libpysal.weights import full2W
from spatial_iv_world import ring, world

from digicarbon.report import as_result

PANEL, WEIGHTS = world(30, 1, endogenous=0.5)
COLUMNS = PANEL.cube(("y", "x", "z", "q"))[0]
Y, X = COLUMNS[:, [0]], COLUMNS[:, 1:3]
NAMES = {"name_y": "y", "name_x": ["x", "z"]}
INSIDE: dict[str, Any] = {"yend": COLUMNS[:, [1]], "q": COLUMNS[:, [3]], "name_yend": ["x"], "name_q": ["q"]}


def fit_of(name: str, *arguments: Any, **fields: Any) -> Any:
    """Return a fit of spreg, which uses what newer pandas and NumPy warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        w = full2W(ring(30))
        w.transform = "r"
        return getattr(spreg, name)(*arguments, w=w, **fields)


def test_rows_stand_beside_ours() -> None:
    model = {"y": "y", "x": ("x",), "controls": ("z",), "effects": "none", "small_sample": "none"}
    ours = dc.SpatialIV(**model, kind="sdm").fit(PANEL, WEIGHTS)
    theirs = fit_of("GM_Lag", Y, X, w_lags=2, slx_lags=1, **NAMES)
    result = as_result(theirs)
    assert result.terms == ours.terms
    assert result.roles[3].of == "x"
    np.testing.assert_allclose(result.coef, ours.coef, rtol=1e-7)
    table = dc.table([ours, theirs], ["ours", "spreg"], decimals=6, language="en")
    both = table.cells.loc[["ρ", "x", "Observations"]].iloc[:3]
    assert (both["ours"].str.rstrip("*") == both["spreg"].str.rstrip("*")).all()
    endogenous = fit_of("GM_Lag", Y, COLUMNS[:, [2]], name_y="y", name_x=["z"], **INSIDE)
    assert as_result(endogenous).terms == ("const", "z", "x", "rho")
