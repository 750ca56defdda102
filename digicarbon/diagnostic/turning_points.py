"""Turning points of a variable that enters a model with its powers, and the Lind–Mehlum test of a U shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._arguments import with_call
from digicarbon.diagnostic._rows import in_english
from digicarbon.diagnostic._wild_curve import wild_curve
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, DataError, EstimationError
from digicarbon.model import Model, PanelRegression, SpatialPanel
from digicarbon.model._observation_weights import positive_rows
from digicarbon.note import Note, cut, suggestion
from digicarbon.note.about import under
from digicarbon.numeric.shape.turning_points import (
    Cubic,
    Curve,
    Fieller,
    Point,
    Quadratic,
    Slope,
    cubic,
    lost_digits,
    quadratic,
)
from digicarbon.panel import Panel, canonical, spelt
from digicarbon.result import Constituent, MadeOf, Result, roles_made_of
from digicarbon.weights import Weights

WILD_REGIONS = {2: ("turning point, wild", "turning point, Fieller"), 3: ("inflection point, wild", "inflection point")}
"""Names of the regions by the wild bootstrap, and the rows that they follow, by the degree of the curve."""
COLUMNS = ("at", "coef", "se", "stat", "p", "low", "high", "note")
SMALLEST_BEND = 1e-9
"""A highest power that adds less than this share to the slope within the sample is zero to rounding."""
MOST_LOST_DIGITS = 12.0
"""Of the sixteen digits of a number; cubes of logarithms of money lose about six."""
_PATHS = {
    "up": Note("curve_up"),
    "down": Note("curve_down"),
    "up-down": Note("curve_up_down"),
    "down-up": Note("curve_down_up"),
    "up-down-up": Note("curve_up_down_up"),
    "down-up-down": Note("curve_down_up_down"),
}
"""Curves within the sample."""

Slopes = Mapping[str, MadeOf]
"""What each coefficient of a column of x is made of, by the name of its term."""


@dataclass(frozen=True)
class Row:
    """One line about a curve; a value that the line lacks is not-a-number.

    ``at``: place on the x axis of a slope. ``coef``, ``se``, ``stat``, ``p``, ``low``, ``high``: as in
    `Result.estimates`, but p of a slope and of the Lind–Mehlum test is one-sided.
    """

    quantity: str
    at: float = math.nan
    coef: float = math.nan
    se: float = math.nan
    stat: float = math.nan
    p: float = math.nan
    low: float = math.nan
    high: float = math.nan
    note: Note | str = ""

    @property
    def tested(self) -> bool:
        """Whether the line has a p value."""
        return not math.isnan(self.p)


@with_call
def turning_points(
    result: Result, panel: Panel, term: str | None = None, model: Model | None = None, weights: Weights | None = None
) -> pd.DataFrame:
    """Return where the curve of a variable turns, and how sure that is.

    Parameters
    ----------
    result : Result
        Of a model with ``term`` and its powers, e.g. ``ln_e``, ``ln_e^2``; without spatial lags of them. Its roles say
        which terms are powers (`Role.made_of`).
    panel : Panel
        The one that the model was fitted to.
    term : str, optional
        The variable, e.g. ``"ln_e"``; by default the only one that the model has with a power.
    model : Model, optional
        The one that was fitted. With ``test="wild"``, p values of slopes and of Lind & Mehlum's test, intervals of
        slopes and the row ``turning point, wild`` are from its wild bootstrap; else from the standard errors.
    weights : Weights, optional
        Those of the fit, for the null models of the wild bootstrap.

    Returns
    -------
    DataFrame
        Index quantity; columns at, coef, se, stat, p, low, high, note. With a square: the turning point with its
        delta-method interval, the Fieller interval, the slopes at the smallest and at the largest value with one-sided
        p, Lind & Mehlum's test (the larger p of the two), observations on each side, the curve within the sample in
        words. With a cube: both extrema or none, the inflection point, slopes there and at both ends, observations
        between the extrema; a cubic has no Lind–Mehlum test.

    Raises
    ------
    ConfigError
        If the term or a lower power is not in the model, it is part of an interaction or a spatial lag, each group has
        a separate coefficient, or its highest power is above three.
    DataError
        If the panel is not the one fitted, or the variable has too few distinct values.
    EstimationError
        If the highest power is zero to rounding, or the powers are too nearly collinear.

    Notes
    -----
    Lind & Mehlum (2010); Fieller (1954); see `digicarbon.numeric.shape.turning_points`. p keeps Lind & Mehlum's
    definition where the turning point is outside the sample (p is then above one half, and Stata's ``utest`` leaves it
    blank). Coefficients of lower powers depend on the unit of measurement where a logarithm is taken; turning points
    move with it as the logarithm does, and slopes and tests do not change.
    """
    return in_english(_curve_tables(result, panel, term, model, weights, banded=False)["turning_points"])


def _curve_tables(
    result: Result, panel: Panel, term: str | None, model: Model | None, weights: Weights | None, banded: bool
) -> dict[str, pd.DataFrame]:
    """Return the table of `turning_points` with notes in its column note, and ``curve_band`` by the wild bootstrap."""
    result = described(result, panel)
    term = named_term(term, slopes_of(result))
    curve = curve_of(result, term)
    regression = None if model is None else model.as_a(PanelRegression)
    if regression is not None and regression.observation_weights is not None:
        # rows that weigh nothing were left out
        panel = positive_rows(panel.with_terms(regression.terms), regression.observation_weights)[0]
    x = observed(result, panel, term)
    degree = len(curve.b)
    if degree > 3:
        raise ConfigError(Note("power_too_high", term=term, degree=degree))
    _refuse_straight(curve, x, term)
    wild = wild_curve(model, panel, weights, powers_in(term, slopes_of(result)), curve)
    if degree == 2:
        parabola = quadratic(curve, x)
        rows = _quadratic_rows(parabola if wild is None else wild.quadratic(parabola))
        region = None if wild is None else wild.region()
    else:
        cube = cubic(curve, x)
        rows = _cubic_rows(cube if wild is None else wild.cubic(cube))
        region = None if wild is None else wild.region(order=2)
    if wild is not None:
        rows = [replace(row, note=Note("by_wild_bootstrap", said=row.note)) if row.tested else row for row in rows]
    elif result.resampled is not None:
        # the coefficients' own p values beside them are from the wild bootstrap
        rows = [replace(row, note=Note("by_standard_errors", said=row.note)) if row.tested else row for row in rows]
    if region is not None:
        name, after = WILD_REGIONS[degree]
        rows.insert([row.quantity for row in rows].index(after) + 1, _region_row(name, region))
    frame = pd.DataFrame([vars(row) for row in rows]).set_index("quantity")
    band = wild.band(x) if wild is not None and banded else None
    return {"turning_points": frame[list(COLUMNS)]} | ({} if band is None else {"curve_band": band})


def curve_of(result: Result, term: str) -> Curve:
    """Return the polynomial of a variable that a model estimated.

    Raises ConfigError if the model has no such polynomial, or its effect is not the polynomial alone; EstimationError
    if a coefficient has no variance.
    """
    names = powers_in(term, slopes_of(result))
    if any(role.kind == "lag_y" or role.of in names for role in result.roles):
        raise ConfigError(Note("curve_of_spatial_lag", kind=result.kind, term=term))
    position = [result.terms.index(name) for name in names]
    b, covariance = result.coef[position], result.covariance[np.ix_(position, position)]
    if not (np.isfinite(b).all() and np.isfinite(covariance).all()):
        raise EstimationError(Note("curve_not_finite", terms=cut(names)))
    return Curve(b, covariance, result.inference.df, result.inference.level)


def described(result: Result, panel: Panel) -> Result:
    """Return a result whose roles say what regressors are made of; if none does, as the panel reads their terms."""
    if any(role.made_of for role in result.roles):
        return result
    made_of = panel.made_of(result.terms_of("regressor"))
    return replace(result, roles=roles_made_of(result.terms, result.roles, made_of))


def slopes_of(result: Result) -> Slopes:
    """Return what each coefficient of a column of x is made of, by the name of its term."""
    return {
        term: role.made_of for term, role in zip(result.terms, result.roles, strict=False) if role.kind == "regressor"
    }


def powers_in(term: str, slopes: Slopes) -> tuple[str, ...]:
    """Return the names of a variable and its powers among a model's terms, lowest first.

    Raises ConfigError if the variable, a power or a lower order is not there, or the variable is part of an
    interaction.
    """
    base = _base(term, slopes)
    if base is None:
        raise ConfigError(Note("term_not_in_model", term=term, hint=suggestion(term, slopes), terms=cut(slopes, 20)))
    _refuse_groups(slopes, base)
    powers = {part.power: name for name, part in reversed(_whole(slopes)) if part.base == base}
    if not powers:
        raise ConfigError(Note("term_not_in_model", term=term, hint=suggestion(term, slopes), terms=cut(slopes, 20)))
    degree = max(powers)
    if degree == 1:
        raise ConfigError(Note("term_without_power", term=term))
    gaps = [_power(term, order) for order in range(1, degree) if order not in powers]
    if gaps:
        raise ConfigError(Note("term_lacks_power", power=powers[degree], lacking=cut(gaps), terms=cut(slopes, 20)))
    products = [name for name, parts in slopes.items() if len(parts) > 1 and any(part.base == base for part in parts)]
    if products:
        others = dict.fromkeys(part for name in products for part in slopes[name] if part.base != base)
        raise ConfigError(_product_note(term, products, tuple(others)))
    return tuple(powers[order] for order in range(1, degree + 1))


def _base(term: str, slopes: Slopes) -> Constituent | None:
    """Return the variable that a name means: that of a term of this name, or one that terms are made of.

    The name of a power is a `ConfigError`.
    """
    own = slopes.get(term, ())
    if len(own) == 1 and not own[0].level:
        if own[0].power > 1:
            raise ConfigError(
                Note("term_is_power", term=term, base=_variable(own[0].base, slopes), terms=cut(slopes, 20))
            )
        return own[0].base
    parts = (part.base for every in slopes.values() for part in every)
    return next((base for base in parts if spelt(base) == term), None)


def _whole(slopes: Slopes) -> list[tuple[str, Constituent]]:
    """Return the terms that are a variable or a power of one, in the whole sample."""
    return [(name, parts[0]) for name, parts in slopes.items() if len(parts) == 1 and not parts[0].level]


def _variable(base: Constituent, slopes: Slopes) -> str:
    """Return what a model calls a variable."""
    return next((name for name, part in _whole(slopes) if part == base), spelt(base))


def _product_note(term: str, products: list[str], others: MadeOf) -> Note:
    """Return why a variable in interactions has no curve by itself."""
    if others and all(other.level for other in others):
        return Note("curve_of_each_group", term=term, joined=cut(products))
    if others:
        return Note("curve_in_product", term=term, joined=cut(products), others=cut(map(spelt, others)))
    return Note("curve_in_own_product", term=term, joined=cut(products))


def _refuse_groups(slopes: Slopes, base: Constituent | None = None) -> None:
    """Refuse coefficients by group, e.g. ``ln_e^2[east]``, of a variable or, without one, of any power."""
    whole = {part for _, part in _whole(slopes)}
    of_groups = (part for parts in slopes.values() if (part := _of_group(parts)) is not None and part not in whole)
    powers = [part for part in of_groups if (part.power > 1 if base is None else part.base == base)]
    if powers:
        raise ConfigError(Note("curve_of_groups", terms=cut(map(spelt, dict.fromkeys(powers)))))


def _of_group(parts: MadeOf) -> Constituent | None:
    """Return the variable or power whose coefficient in one group it is; None for anything else."""
    if len(parts) > 1:
        whole = [part for part in parts if not part.level]
        return whole[0] if len(whole) == 1 else None
    # a value of a variable that is no power is a dummy
    return replace(parts[0], level="") if parts and parts[0].level and parts[0].power > 1 else None


def named_term(term: str | None, slopes: Slopes) -> str:
    """Return the variable of the curve; without a name, the only one that has powers.

    Raises ConfigError if the name is not a text, or there is no name and not exactly one variable has powers.
    """
    if term is not None:
        if not isinstance(term, str) or not term.strip():
            raise ConfigError(Note("term_no_name", value=repr(term)))
        return canonical(term)
    _refuse_groups(slopes)
    bases = dict.fromkeys(part.base for _, part in _whole(slopes) if part.power > 1)
    names = [_variable(base, slopes) for base in bases]
    if not names:
        raise ConfigError(Note("no_variable_with_power", key="diagnostic.term"))
    if len(names) > 1:
        raise ConfigError(Note("several_variables_with_power", key="diagnostic.term", variables=cut(names)))
    return names[0]


def observed(result: Result, panel: Panel, term: str) -> FloatArray:
    """Return the variable's values in the observations that a model used, shape (rows,).

    Raises DataError if the panel lacks it or is not the one that the model was fitted to.
    """
    slopes = slopes_of(result)
    base = _base(term, slopes)
    column = term if base is None else spelt(base)
    # a lag in the model removes rows
    read = {spelt(part.base): None for parts in slopes.values() for part in parts if not part.level}
    data = panel.with_terms([result.y, *read, column])
    x = data.array([column])[:, 0]
    nobs = result.statistics.get("nobs", len(x))
    # means, differences and instruments of lags have fewer rows than the panel, but the panel's range counts
    fewer = result.transformed or any(role.of_past(result.y) for role in result.roles)
    if nobs != len(x) and not fewer:
        raise DataError(Note("panel_of_other_fit", fitted=nobs, observations=len(x)))
    return np.asarray(x, dtype=np.float64)


def refuse_few_values(x: FloatArray, term: str, degree: int) -> None:
    """Raise a `DataError` if a variable has too few distinct values for a polynomial of this degree."""
    distinct = len(np.unique(x))
    if distinct == 1:
        raise DataError(Note("curve_of_constant", term=term))
    if distinct <= degree:
        raise DataError(
            Note("few_distinct_values", term=term, distinct=distinct, power=_power(term, degree), needed=degree + 1)
        )


def _refuse_straight(curve: Curve, x: FloatArray, term: str) -> None:
    """Raise an error where the bend of a curve, or the variance of its slope, may be only rounding."""
    degree = len(curve.b)
    refuse_few_values(x, term, degree)
    places = (float(x.min()), float(x.min() + x.max()) / 2, float(x.max()))
    half_range = float(x.max() - x.min()) / 2
    # by so much the highest power changes the slope between the middle and an end of the sample
    bend = degree * abs(float(curve.b[-1])) * half_range ** (degree - 1)
    if bend <= SMALLEST_BEND * max(abs(curve.derivative(place)[0]) for place in places):
        raise EstimationError(Note("power_is_zero", power=_power(term, degree)))
    if max(lost_digits(curve, place) for place in places) > MOST_LOST_DIGITS:
        raise EstimationError(Note("powers_nearly_collinear", term=term))


def _power(term: str, order: int) -> str:
    return term if order == 1 else f"{term}^{order}"


def _quadratic_rows(result: Quadratic) -> list[Row]:
    shape = Note("u_shape" if result.lower.alternative == "less" else "inverse_u_shape")
    return [
        _point_row("turning point", result.turning),
        _region_row("turning point, Fieller", result.fieller),
        _slope_row("slope at the smallest value", result.lower),
        _slope_row("slope at the largest value", result.upper),
        Row(
            "Lind-Mehlum test",
            stat=result.statistic,
            p=result.p,
            note=Note("against_monotone" if result.turning.inside else "against_monotone_outside", shape=shape),
        ),
        Row("observations below", coef=result.below),
        Row("observations above", coef=result.above),
        Row("curve in the sample", note=_PATHS.get(result.path, result.path)),
    ]


def _cubic_rows(result: Cubic) -> list[Row]:
    if result.extrema:
        points = zip(("first extremum", "second extremum"), result.extrema, strict=True)
        first = [_point_row(name, point) for name, point in points]
        sides = ["below the first extremum", "between the extrema", "above the second extremum"]
    else:
        first = [Row("extrema", note=Note("no_extrema"))]
        sides = ["below the inflection point", "above the inflection point"]
    return [
        *first,
        _point_row("inflection point", result.inflection),
        _slope_row("slope at the smallest value", result.lower),
        _slope_row("slope at the inflection point", result.middle),
        _slope_row("slope at the largest value", result.upper),
        *(Row(f"observations {side}", coef=count) for side, count in zip(sides, result.counts, strict=True)),
        Row("curve in the sample", note=_PATHS.get(result.path, result.path)),
    ]


def _point_row(quantity: str, point: Point) -> Row:
    note = {
        True: Note("maximum_inside" if point.inside else "maximum_outside"),
        False: Note("minimum_inside" if point.inside else "minimum_outside"),
        None: Note("inside_sample" if point.inside else "outside_sample"),
    }[point.maximum]
    return Row(quantity, coef=point.x, se=point.se, low=point.low, high=point.high, note=note)


def _slope_row(quantity: str, slope: Slope) -> Row:
    sign = 1 if slope.alternative == "greater" else -1
    note = Note("one_sided_positive" if sign > 0 else "one_sided_negative")
    return Row(quantity, slope.at, slope.value, slope.se, sign * slope.statistic, slope.p, slope.low, slope.high, note)


def _region_row(name: str, fieller: Fieller) -> Row:
    """Return the row of the region; if it is not an interval, its ends are infinite and the note describes it."""
    if fieller.kind == "interval":
        return Row(name, low=fieller.low, high=fieller.high, note=Note("an_interval"))
    return Row(name, low=-math.inf, high=math.inf, note=_no_interval_note(fieller))


def _no_interval_note(fieller: Fieller) -> Note:
    """Return which values a region holds that is not an interval."""
    if fieller.kind == "line":
        return Note("whole_line")
    if math.isfinite(fieller.low) and math.isfinite(fieller.high):
        return Note("no_interval", low=fieller.low, high=fieller.high)
    if math.isfinite(fieller.low):
        return Note("no_interval_low", low=fieller.low)
    return Note("no_interval_high", high=fieller.high)


class TurningPoints(OfModel):
    """Turning points of a variable that enters the model with its powers, as a table.

    Attributes
    ----------
    term : str or None
        The variable; None takes the only one that has a power.
    """

    references: ClassVar[tuple[str, ...]] = ("fieller1954", "lind2010")

    table_names: ClassVar[tuple[str, ...]] = ("turning_points",)
    takes_weights: ClassVar[bool] = False

    term: str | None = None

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model has no curve or cannot be fitted."""
        slopes = self.model.made_of(panel)
        variable = named_term(self.term, slopes)
        try:
            names = powers_in(variable, slopes)
        except ConfigError as error:
            raise under(error, "diagnostic.term" if self.term else "") from error
        spatial = self.model.as_a(SpatialPanel)
        if spatial is not None and (spatial.has_lag or set(names) & set(spatial.lagged)):
            raise ConfigError(Note("curve_of_spatial_lag", kind=spatial.kind, term=variable))
        base = slopes[names[0]][0]
        data = panel.with_terms([*self.model.terms, spelt(base)])
        refuse_few_values(data.array([spelt(base)])[:, 0], variable, len(names))
        self.model.check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``turning_points``, indexed by quantity; by the wild bootstrap also ``curve_band``."""
        result = self.model.described(self.model.fit(panel, weights), panel)
        return _curve_tables(result, panel, self.term, self.model, weights, banded=True)
