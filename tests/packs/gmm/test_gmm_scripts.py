"""Dynamic panels as xtabond2 has them."""

from __future__ import annotations

from typing import Any

import classic as dc
import pytest

from digicarbon.script import Names, StataPart
from digicarbon.script.words import Remarks


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        ({"steps": 1, "cov": "classic"}, "gmm(n, lag(2 .)) iv(w) noleveleq nodiffsargan"),
        ({"steps": 1, "cov": "robust"}, "gmm(n, lag(2 .)) iv(w) noleveleq robust nodiffsargan"),
        # after two steps robust is Windmeijer's correction (Roodman 2009, Stata Journal 9)
        ({"steps": 2}, "gmm(n, lag(2 .)) iv(w) noleveleq twostep robust nodiffsargan"),
        ({"steps": 2, "windmeijer": False}, "gmm(n, lag(2 .)) iv(w) noleveleq twostep nodiffsargan"),
        (
            {"steps": 1, "cov": "classic", "kind": "system", "exogenous_equation": "transformed", "collapse": True},
            "gmm(n, lag(2 .) collapse) iv(w, equation(diff)) nodiffsargan",
        ),
        (
            {"steps": 1, "cov": "classic", "transformation": "orthogonal_deviations", "instrument_lags": (2, 3)},
            "gmm(n, lag(2 3)) iv(w) noleveleq orthogonal nodiffsargan",
        ),
    ],
)
def test_options_are_those_of_the_fields(empluk: dc.Panel, fields: dict[str, Any], options: str) -> None:
    model = dc.DynamicPanel(**{"y": "n", "x": ("w",), "effects": "unit", **fields})
    extract, result = model.extract(empluk, None), model.fit(empluk)
    names = Names()
    for column in extract.columns:
        names.give(column)
    lines = model.stata(StataPart(extract, result, names, "set_1", "", Remarks("*")))
    assert f"xtabond2 n L.n w, {options}" in lines
