"""Variance components of random unit and time effects, and quasi-demeaning for generalised least squares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import EstimationError
from digicarbon.note import Note
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.tests.auxiliary_regression import identified

RandomEffects = Literal["random", "random_time", "random_two_way"]
Method = Literal["swamy_arora", "wallace_hussain", "amemiya", "nerlove", "stata"]
Kind = Literal["unit", "time"]

KINDS: dict[RandomEffects, tuple[Kind, ...]] = {
    "random": ("unit",),
    "random_time": ("time",),
    "random_two_way": ("unit", "time"),
}
"""Which effects are random."""
FIXED: dict[str, EffectsKind] = {"random": "unit", "random_time": "time", "random_two_way": "two_way"}
"""The fixed effects that random ones are compared with, and that need as many units or periods."""


@dataclass(frozen=True, eq=False)
class Components:
    """Variances of the parts of the error, and the shares of means that quasi-demeaning subtracts.

    Variances are σ²_ν, σ²_μ and σ²_λ, 0 for an effect that is not in the model; θ are weights of the unit mean, the
    period mean and the grand mean, an array where groups differ in size. ``negative`` are effects whose variance was
    estimated below zero and set to zero.
    """

    effects: RandomEffects
    idiosyncratic: float
    unit: float
    time: float
    theta_unit: float | FloatArray
    theta_time: float | FloatArray
    theta_total: float | FloatArray
    negative: tuple[str, ...] = ()


def components(
    y: FloatArray,
    x: FloatArray,
    unit_codes: IntArray,
    period_codes: IntArray,
    effects: RandomEffects = "random",
    method: Method = "swamy_arora",
) -> Components:
    """Estimate the variance components of a random effects model.

    ``x``, shape (rows, k), has no constant; codes, shape (rows,), are positions of each row's unit and period, from 0
    without gaps. An EstimationError says that there are too few groups or observations, a method needs a balanced
    panel, or a regressor that a method needs to vary within groups does not.

    Methods: residuals of the within and the between regression (Swamy & Arora 1972); of pooled least squares (Wallace &
    Hussain 1969); of the within regression (Amemiya 1971); the variance of the fixed effects (Nerlove 1971); ``stata``
    is Swamy & Arora with the harmonic mean of the group sizes, as in ``xtreg, re``.

    Balanced panels: Baltagi (2021, sec. 2.3 and 3.3), divisors as in plm. Unbalanced panels with one kind of effects:
    the unbiased quadratic forms of Baltagi & Chang (1994, Journal of Econometrics 62), as in plm and in Stata's
    ``xtreg, re sa``; ``stata`` is the default of ``xtreg, re`` there and equals ``swamy_arora`` where the panel is
    balanced. Two kinds of effects in an unbalanced panel are refused: subtracting shares of means is not generalised
    least squares there. A negative variance is set to zero.
    """
    # every regression here has a constant or removes means, but with large means the moments would lose digits
    y, x = y - y.mean(), x - x.mean(axis=0)
    groups = {kind: Groups.coded(unit_codes if kind == "unit" else period_codes) for kind in KINDS[effects]}
    balanced = len(y) == (int(unit_codes.max()) + 1) * (int(period_codes.max()) + 1)
    if not balanced and len(groups) == 2:
        raise EstimationError(Note("two_random_effects_unbalanced"))
    if not balanced and method == "nerlove":
        raise EstimationError(Note("nerlove_unbalanced"))
    for kind, group in groups.items():
        if group.count < 2:
            raise EstimationError(Note("one_random_unit" if kind == "unit" else "one_random_period"))
    _refuse_constant(x, groups, method)
    moments = _balanced if balanced else _UNBALANCED.get(method, _harmonic)
    sigma2, estimates = moments(y, x, groups, method)
    if not sigma2 > 1e-14 * float(y @ y) / len(y):
        raise EstimationError(Note("no_idiosyncratic_variance"))
    variances = {kind: max(0.0, value) for kind, value in estimates.items()}
    return _with_thetas(
        effects, sigma2, variances, groups, tuple(kind for kind, value in estimates.items() if value < 0)
    )


def quasi_demean(
    columns: FloatArray, unit_codes: IntArray, period_codes: IntArray, components: Components
) -> FloatArray:
    """Return columns less shares of their means: least squares on them is generalised least squares, shape (rows, k).

    ``columns``, shape (rows, k): the constant is one of the regressors' columns and must be transformed with them.
    ``unit_codes``, ``period_codes``: shape (rows,). ``components``: of the same rows.

    z - θ_μ z̄_i. - θ_λ z̄_.t + θ z̄ (Fuller & Battese 1974; Baltagi 2021, eq. 2.20 and 3.21).
    """
    out = columns
    for kind, codes, theta in (
        ("unit", unit_codes, components.theta_unit),
        ("time", period_codes, components.theta_time),
    ):
        if kind in KINDS[components.effects]:
            out = out - np.reshape(theta, (-1, 1)) * Groups.coded(codes).means(columns)
    if components.effects == "random_two_way":
        out = out + np.reshape(components.theta_total, (-1, 1)) * columns.mean(axis=0)
    return out


AllGroups = Mapping[Kind, Groups]
Moments = tuple[float, dict[Kind, float]]


def _within(columns: FloatArray, groups: AllGroups) -> FloatArray:
    """Return columns less group means; of both kinds only where the panel is balanced."""
    out = columns
    for group in groups.values():
        out = out - group.means(out)
    return out


def _residuals(y: FloatArray, x: FloatArray, positions: list[int] | None = None) -> FloatArray:
    columns = x if positions is None else x[:, positions]
    return np.asarray(y - columns @ solve(columns, y))


def _varying(x: FloatArray, groups: AllGroups) -> list[int]:
    return identified(_within(x, groups), x)


def _refuse_constant(x: FloatArray, groups: AllGroups, method: Method) -> None:
    constant = x.shape[1] - len(_varying(x, groups))
    if constant and method in ("amemiya", "nerlove"):
        raise EstimationError(Note("components_of_constant", fixed=constant, method=method))


def _within_part(y: FloatArray, x: FloatArray, groups: AllGroups) -> tuple[float, int]:
    """Return the sum of squares of the within regression and its degrees of freedom."""
    varying = _varying(x, groups)
    residuals = _residuals(_within(y[:, None], groups)[:, 0], _within(x, groups), varying)
    absorbed = sum(group.count for group in groups.values()) - len(groups) + 1
    df = len(y) - absorbed - len(varying)
    if df <= 0:
        raise EstimationError(Note("few_for_components", observations=len(y), groups=absorbed, regressors=len(varying)))
    return float(residuals @ residuals), df


def _between_df(kind: Kind, group: Groups, k: int) -> int:
    df = group.count - k - 1
    if df <= 0:
        raise EstimationError(
            Note(
                "few_units_for_swamy_arora" if kind == "unit" else "few_periods_for_swamy_arora",
                groups=group.count,
                coefficients=k + 1,
            )
        )
    return df


def _refuse_collinear(moments: FloatArray, what: Note) -> None:
    """Refuse a moment matrix of regressors that has no inverse."""
    scale = np.sqrt(moments.diagonal())
    if not (scale > 0).all() or np.linalg.eigvalsh(moments / np.outer(scale, scale))[0] <= 1e-13:
        raise EstimationError(Note("components_collinear", what=what))


def _between_residuals(y: FloatArray, x: FloatArray, group: Groups, weights: FloatArray) -> FloatArray:
    """Return residuals of the regression of group means, rows weighted by √weights; shape (groups,)."""
    means = group.averages(np.column_stack([y, np.ones(len(y)), x])) * np.sqrt(weights)[:, None]
    return _residuals(means[:, 0], means[:, 1:])


def _within_prediction(y: FloatArray, x: FloatArray, groups: AllGroups) -> FloatArray:
    """Return y less the within regression's prediction, centred: effects and errors together, shape (rows,)."""
    slopes = solve(_within(x, groups), _within(y[:, None], groups)[:, 0])
    errors = y - x @ slopes
    return np.asarray(errors - errors.mean())


def _balanced(y: FloatArray, x: FloatArray, groups: AllGroups, method: Method) -> Moments:
    """Return variances from quadratic forms that need no correction in a balanced panel."""
    rows, k = x.shape
    within_sum, df = _within_part(y, x, groups)
    if method == "nerlove":
        errors = _within_prediction(y, x, groups)[:, None]
        effects = {kind: group.averages(errors)[:, 0] for kind, group in groups.items()}
        return within_sum / rows, {kind: float(e @ e) / (len(e) - 1) for kind, e in effects.items()}
    if method in ("swamy_arora", "stata"):
        sigma2 = within_sum / df
        squares = {}
        for kind, group in groups.items():
            residuals = _between_residuals(y, x, group, group.sizes)
            squares[kind] = float(residuals @ residuals) / _between_df(kind, group, k)
    else:
        pooled = _residuals(y, np.column_stack([np.ones(rows), x]))
        errors = (pooled if method == "wallace_hussain" else _within_prediction(y, x, groups))[:, None]
        absorbed = sum(group.count for group in groups.values()) - len(groups) + 1
        sigma2 = float((_within(errors, groups) ** 2).sum()) / (rows - absorbed)
        squares = {kind: float((group.means(errors) ** 2).sum()) / group.count for kind, group in groups.items()}
    return sigma2, {kind: (squares[kind] - sigma2) / float(group.sizes[0]) for kind, group in groups.items()}


def _swamy_arora(y: FloatArray, x: FloatArray, groups: AllGroups, method: Method) -> Moments:
    [(kind, group)] = groups.items()
    within_sum, df = _within_part(y, x, groups)
    sigma2 = within_sum / df
    residuals = _between_residuals(y, x, group, group.sizes)
    between_df = _between_df(kind, group, x.shape[1])
    totals = group.sums(np.column_stack([np.ones(len(y)), x]))
    weighted = totals / np.sqrt(group.sizes)[:, None]
    _refuse_collinear(weighted.T @ weighted, Note("means_of_units" if kind == "unit" else "means_of_periods"))
    expected = len(y) - float(np.trace(np.linalg.solve(weighted.T @ weighted, totals.T @ totals)))
    return sigma2, {kind: (float(residuals @ residuals) - between_df * sigma2) / expected}


def _harmonic(y: FloatArray, x: FloatArray, groups: AllGroups, method: Method) -> Moments:
    [(kind, group)] = groups.items()
    within_sum, df = _within_part(y, x, groups)
    sigma2 = within_sum / df
    residuals = _between_residuals(y, x, group, np.ones(group.count))
    between = float(residuals @ residuals) / _between_df(kind, group, x.shape[1])
    return sigma2, {kind: between - sigma2 * float((1 / group.sizes).mean())}


def _wallace_hussain(y: FloatArray, x: FloatArray, groups: AllGroups, method: Method) -> Moments:
    [(kind, group)] = groups.items()
    z = np.column_stack([np.ones(len(y)), x])
    errors = _residuals(y, z)[:, None]
    squares = [float((_within(errors, groups) ** 2).sum()), float((group.means(errors) ** 2).sum())]
    totals, demeaned = group.sums(z), _within(z, groups)
    weighted = totals / np.sqrt(group.sizes)[:, None]
    try:
        inverse = np.linalg.inv(z.T @ z)
        within, between, sums = (inverse @ (m.T @ m) for m in (demeaned, weighted, totals))
        moments = [
            [len(y) - group.count - np.trace(within), np.trace(within @ sums)],
            [group.count - np.trace(between), len(y) - 2 * np.trace(sums) + np.trace(between @ sums)],
        ]
        sigma2, variance = np.linalg.solve(np.array(moments), squares)
    except np.linalg.LinAlgError as error:
        raise EstimationError(Note("components_singular")) from error
    return float(sigma2), {kind: float(variance)}


def _amemiya(y: FloatArray, x: FloatArray, groups: AllGroups, method: Method) -> Moments:
    [(kind, group)] = groups.items()
    within_sum, df = _within_part(y, x, groups)
    sigma2 = within_sum / df
    demeaned = _within(x, groups)
    of = Note("deviations_of_units" if kind == "unit" else "deviations_of_periods")
    _refuse_collinear(demeaned.T @ demeaned, of)
    means = group.means(np.column_stack([_within_prediction(y, x, groups), x]))
    means = means - means.mean(axis=0)
    products = means[:, 1:].T @ means[:, 1:]
    slope_part = float(np.trace(np.linalg.solve(demeaned.T @ demeaned, products)))
    expected = len(y) - float((group.sizes**2).sum()) / len(y)
    between = float(means[:, 0] @ means[:, 0])
    return sigma2, {kind: (between - (group.count - 1 + slope_part) * sigma2) / expected}


_UNBALANCED = {"swamy_arora": _swamy_arora, "wallace_hussain": _wallace_hussain, "amemiya": _amemiya}


def _with_thetas(
    effects: RandomEffects, sigma2: float, variances: dict[Kind, float], groups: AllGroups, negative: tuple[str, ...]
) -> Components:
    """Return the components with θ = 1 - √(σ²_ν / (σ²_ν + size · σ²_effect)) of each kind."""
    # Fuller & Battese (1974)
    ratios = {kind: _sizes(group) * variances[kind] / sigma2 for kind, group in groups.items()}
    thetas = {kind: 1 - (1 + ratio) ** -0.5 for kind, ratio in ratios.items()}
    total: float | FloatArray = 0.0
    if len(ratios) == 2:
        total = thetas["unit"] + thetas["time"] - 1 + (1 + ratios["unit"] + ratios["time"]) ** -0.5
    return Components(
        effects,
        sigma2,
        variances.get("unit", 0.0),
        variances.get("time", 0.0),
        thetas.get("unit", 0.0),
        thetas.get("time", 0.0),
        total,
        negative,
    )


def _sizes(group: Groups) -> float | FloatArray:
    """Return the size of the groups, or of each row's group where they differ."""
    first = float(group.sizes[0])
    return first if (group.sizes == first).all() else group.sizes[group.codes]
