"""Roles of the terms of made results, which are named as models name theirs."""

from __future__ import annotations

from collections.abc import Sequence

from digicarbon.result import CONSTANT, LAG_ERROR, LAG_Y, REGRESSOR, VARIANCE, Role, roles_made_of
from digicarbon.tracking._results import made_of_by_name

PARAMETERS = {"const": CONSTANT, "rho": LAG_Y, "lambda": LAG_ERROR, "phi": VARIANCE, "sigma2": VARIANCE}


def spatial_roles(terms: Sequence[str]) -> tuple[Role, ...]:
    lags = {f"W_{term}": Role("lag_x", term) for term in terms}
    roles = [(PARAMETERS | lags).get(term, REGRESSOR) for term in terms]
    return roles_made_of(terms, roles, {term: made_of_by_name(term) for term in terms})


def made_roles(terms: Sequence[str]) -> tuple[Role, ...]:
    """Roles of regressors that say what they are made of: powers, lags, products, groups in brackets."""
    return roles_made_of(terms, (), {term: made_of_by_name(term) for term in terms})
