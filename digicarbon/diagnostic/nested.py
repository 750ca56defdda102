"""Tests of simpler spatial models within the spatial Durbin model, of fixed effects, and of random effects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from digicarbon.diagnostic._rows import Row, aligned, contrast_row, followed, not_tested
from digicarbon.errors import EstimationError
from digicarbon.model import SpatialPanel
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.numeric.tests import nested as numeric
from digicarbon.numeric.tests.effects_test import Dependence, OneWay, effects_test
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.weights import Weights

RANDOM_KINDS = ("sar", "sdm", "sem", "sdem")
COMPARED = ("regressor", "lag_x")
SPATIAL = ("lag_y", "lag_error")


def changed(model: SpatialPanel, **fields: Any) -> SpatialPanel:
    """Return the model with some fields replaced, after the checks of a new model."""
    if "cov" in fields:
        fields = {"cluster": "unit"} | fields
    return type(model)(**{name: getattr(model, name) for name in type(model).model_fields} | fields)


def _at_boundary(row: Row) -> Row:
    return replace(row, null=followed(row.null, Note("durbin_at_boundary")), reliable=False)


def durbin_rows(model: SpatialPanel, panel: Panel, weights: Weights | None) -> list[Row]:
    """Return likelihood-ratio and Wald tests of the spatial lag and the spatial error model within the Durbin model.

    ``model``: A ``sdm`` with at least one lagged regressor. ``panel``, ``weights``: as `SpatialPanel.fit` takes them.
    Where only some regressors are lagged, the spatial error model is not nested and the rows say so.
    """
    # likelihoods and covariances are read, and no p value
    model = model.by_errors
    durbin = model.fit(panel, weights)
    rows = _durbin_rows(model, durbin, panel, weights)
    return [_at_boundary(row) for row in rows] if durbin.boundary else rows


def _durbin_rows(model: SpatialPanel, durbin: Result, panel: Panel, weights: Weights | None) -> list[Row]:
    lagged = model.lagged
    lag = changed(model, kind="sar").fit(panel, weights)
    null = Note("durbin_is_lag")
    rows = [
        Row.of("LR SDM to SAR", null, _ratio(durbin, lag, len(lagged))),
        Row.of("Wald SDM to SAR", null, wald_lag(durbin, lagged)),
    ]
    if set(lagged) != set(model.regressors):
        why = not_tested(Note("error_model_not_nested"))
        return [*rows, Row("LR SDM to SEM", why), Row("Wald SDM to SEM", why)]
    error = changed(model, kind="sem").fit(panel, weights)
    null = Note("durbin_is_error")
    return [
        *rows,
        Row.of("LR SDM to SEM", null, _ratio(durbin, error, len(lagged))),
        # at its boundary rho has no covariance
        Row("Wald SDM to SEM", null)
        if durbin.boundary
        else Row.of("Wald SDM to SEM", null, wald_common_factor(durbin, lagged)),
    ]


def wald_lag(durbin: Result, lagged: tuple[str, ...]) -> Statistic:
    """Return the Wald test in a spatial Durbin model that the spatial lags of ``lagged`` have zero coefficients."""
    index = [durbin.position("lag_x", name) for name in lagged]
    return numeric.wald(durbin.coef[index], durbin.covariance[np.ix_(index, index)])


def wald_common_factor(durbin: Result, lagged: tuple[str, ...]) -> Statistic:
    """Return the Wald test of the common factor; parameters as in `wald_lag`."""
    k = len(lagged)
    index = [durbin.terms.index(name) for name in lagged]
    index += [*(durbin.position("lag_x", name) for name in lagged), durbin.position("lag_y")]
    values = durbin.coef[index]
    return numeric.common_factor(values[:k], values[k:-1], float(values[-1]), durbin.covariance[np.ix_(index, index)])


def _ratio(full: Result, restricted: Result, df: int) -> Statistic:
    # both likelihoods are of one sample: the same effects and correction
    return numeric.likelihood_ratio(full.statistics["loglik"], restricted.statistics["loglik"], df)


def effects_rows(
    model: SpatialPanel, panel: Panel, weights: Weights | None, draws: int = 199, seed: int = 0
) -> list[Row]:
    """Return likelihood-ratio tests of both kinds of fixed effects against one of them, χ² and bootstrap.

    ``model``: its effects and correction do not matter: the likelihoods are uncorrected, with three different sets of
    effects. ``panel``, ``weights``: as `SpatialPanel.fit` takes them. ``draws``: bootstrap draws; 0 leaves the
    bootstrap out.
    """
    if model.kind not in ("sar", "sdm", "sem", "sdem") or model.error_weights is not None:
        return [Row("LR effects", not_tested(Note("effects_test_of_one_term")))]
    # the model's own checks: a regressor that is collinear with both kinds of effects prevents the test
    uncorrected = {"bias_correction": "none", "demeaning": "exact", "cov": "classic"}
    changed(model, effects="two_way", **uncorrected).check(panel, weights)
    operator = aligned(panel, weights, Note("a_test_of_effects")).operator
    cube = panel.cube((*model.regressors, model.y))
    positions = [model.regressors.index(name) for name in model.lagged]
    z = np.concatenate([cube[..., :-1], operator.lag(cube[..., positions])], axis=2)
    dependence: Dependence = "lag" if model.kind in ("sar", "sdm") else "error"
    rng = np.random.default_rng(seed)
    rows = []
    tests: tuple[tuple[OneWay, OneWay], ...] = (("unit", "time"), ("time", "unit"))
    for kind, other in tests:
        result = effects_test(z, cube[..., -1], operator, kind, dependence, rng, draws)
        null = Note("effects_zero", kind=kind, beside=other)
        name = f"LR {kind} effects"
        rows.append(Row.of(name, followed(null, Note("few_periods_chi2")), result.statistic))
        if draws:
            how = followed(null, Note("parametric_bootstrap", draws=draws))
            rows.append(Row(f"{name}, bootstrap", how, result.statistic.value, p=result.bootstrap))
    return rows


def hausman_row(fixed: Result, random: Result, spatial: bool = True) -> Row:
    """Return the Hausman test of random against fixed effects from two results of one kind.

    All common terms except the constant and the variances are compared: the coefficients of x and of its spatial lags,
    and rho or lambda, unless not ``spatial``, as splm's ``sphtest`` leaves them out. Raises EstimationError if the
    results have no term in common.
    """
    kinds = (*COMPARED, *SPATIAL) if spatial else COMPARED
    common = [term for term in fixed.terms_of(*kinds) if term in random.terms]
    if not common:
        raise EstimationError(Note("hausman_nothing_in_common"))
    one, two = ([result.terms.index(term) for term in common] for result in (fixed, random))
    test = numeric.hausman(
        fixed.coef[one] - random.coef[two], fixed.covariance[np.ix_(one, one)] - random.covariance[np.ix_(two, two)]
    )
    null = Note("uncorrelated_unit_effects", compared=cut(common))
    return contrast_row("Hausman", null, test, Note("negative_prefer_fixed"))


def hausman_rows(model: SpatialPanel, panel: Panel, weights: Weights | None) -> list[Row]:
    """Return the Hausman test of random against fixed unit effects for the model's kind.

    ``model``: its effects and correction do not matter: time effects are in neither of the two models, and the fixed
    effects model has Lee & Yu's transformation, without which its covariance is too small. ``panel``, ``weights``: as
    `SpatialPanel.fit` takes them.
    """
    if model.kind not in RANDOM_KINDS:
        return [Row("Hausman", not_tested(Note("no_random_form", kind=model.kind)))]
    plain = changed(model.by_errors, cov="classic", demeaning="exact", bias_correction="lee_yu", effects="unit")
    row = hausman_row(plain.fit(panel, weights), changed(plain, effects="random").fit(panel, weights))
    structure = Note("error_structure", structure=model.error_structure) if model.kind in ("sem", "sdem") else ""
    return [replace(row, null=followed(row.null, Note("unit_effects_only", structure=structure)))]
