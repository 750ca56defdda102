"""Roles of the terms of made results, which are named as spatial models name theirs."""

from __future__ import annotations

from collections.abc import Sequence

from digicarbon.result import CONSTANT, LAG_ERROR, LAG_Y, REGRESSOR, VARIANCE, Role

PARAMETERS = {"const": CONSTANT, "rho": LAG_Y, "lambda": LAG_ERROR, "phi": VARIANCE, "sigma2": VARIANCE}


def spatial_roles(terms: Sequence[str]) -> tuple[Role, ...]:
    lags = {f"W_{term}": Role("lag_x", term) for term in terms}
    return tuple((PARAMETERS | lags).get(term, REGRESSOR) for term in terms)
