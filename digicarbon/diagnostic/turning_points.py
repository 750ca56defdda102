"""Turning points of a variable that enters a model with its powers, and the Lind–Mehlum test of a U shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._rows import in_english
from digicarbon.diagnostic.base import Diagnostic
from digicarbon.diagnostic.diagnose import ModelNode
from digicarbon.errors import ConfigError, DataError, EstimationError
from digicarbon.model.grouped_regression import grouped
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
from digicarbon.panel import Panel, canonical
from digicarbon.result import Result
from digicarbon.weights import Weights

COLUMNS = ("at", "coef", "se", "stat", "p", "low", "high", "note")
SMALLEST_BEND = 1e-9
"""A highest power that adds less than this share to the slope within the sample is zero to rounding."""
MOST_LOST_DIGITS = 12.0
"""Of the sixteen digits of a number; cubes of logarithms of money lose about six."""
LAG_KINDS = ("sar", "sdm", "sac")
FEWER_ROWS = ("between", "first_difference")
_PATHS = {
    "up": Note("curve_up"),
    "down": Note("curve_down"),
    "up-down": Note("curve_up_down"),
    "down-up": Note("curve_down_up"),
    "up-down-up": Note("curve_up_down_up"),
    "down-up-down": Note("curve_down_up_down"),
}
"""Curves within the sample."""


@dataclass(frozen=True)
class Row:
    """One line about a curve; a value that the line lacks is not-a-number.

    Attributes
    ----------
    quantity : str
    at : float
        Place on the x axis of a slope.
    coef, se, stat, p, low, high : float
        As in `Result.estimates`, but p of a slope and of the Lind–Mehlum test is one-sided.
    note : Note or ""
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


def turning_points(result: Result, panel: Panel, term: str | None = None) -> pd.DataFrame:
    """Return where the curve of a variable turns, and how sure that is.

    Parameters
    ----------
    result : Result
        Of a model with ``term`` and its powers, e.g. ``ln_e``, ``ln_e^2``; without spatial lags of them.
    panel : Panel
        The one that the model was fitted to.
    term : str, optional
        The variable, e.g. ``"ln_e"``; by default the only one that the model has with a power.

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
    return in_english(_curve_table(result, panel, term))


def _curve_table(result: Result, panel: Panel, term: str | None) -> pd.DataFrame:
    """Return the table of `turning_points` with notes in its column note."""
    term = named_term(term, result.terms)
    curve = curve_of(result, term)
    x = observed(result, panel, term)
    degree = len(curve.b)
    if degree > 3:
        raise ConfigError(Note("power_too_high", term=term, degree=degree))
    _refuse_straight(curve, x, term)
    rows = _quadratic_rows(quadratic(curve, x)) if degree == 2 else _cubic_rows(cubic(curve, x))
    frame = pd.DataFrame([vars(row) for row in rows]).set_index("quantity")
    return frame[list(COLUMNS)]


def curve_of(result: Result, term: str) -> Curve:
    """Return the polynomial of a variable that a model estimated.

    Raises
    ------
    ConfigError
        If the model has no such polynomial, or its effect is not the polynomial alone.
    EstimationError
        If a coefficient has no variance.
    """
    names = powers_in(term, result.terms)
    if any(role.kind == "lag_y" or role.of in names for role in result.roles):
        raise ConfigError(Note("curve_of_spatial_lag", kind=result.kind, term=term))
    position = [result.terms.index(name) for name in names]
    b, covariance = result.coef[position], result.covariance[np.ix_(position, position)]
    if not (np.isfinite(b).all() and np.isfinite(covariance).all()):
        raise EstimationError(Note("curve_not_finite", terms=cut(names)))
    return Curve(b, covariance, result.inference.df, result.inference.level)


def powers_in(term: str, terms: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a variable and its powers among a model's terms, lowest first.

    Raises
    ------
    ConfigError
        If the variable, a power or a lower order is not there, or the variable is part of an interaction.
    """
    _refuse_groups(terms, term)
    powers = {_order(term, name): name for name in terms if _order(term, name)}
    base, _, order = term.rpartition("^")
    if base and order.isdigit():
        raise ConfigError(Note("term_is_power", term=term, base=base, terms=cut(terms, 20)))
    if not powers:
        raise ConfigError(Note("term_not_in_model", term=term, hint=suggestion(term, terms), terms=cut(terms, 20)))
    degree = max(powers)
    if degree == 1:
        raise ConfigError(Note("term_without_power", term=term))
    gaps = [_power(term, order) for order in range(1, degree) if order not in powers]
    if gaps:
        raise ConfigError(Note("term_lacks_power", power=powers[degree], lacking=cut(gaps), terms=cut(terms, 20)))
    products = [name for name in terms if ":" in name and any(part in powers.values() for part in name.split(":"))]
    if products:
        raise ConfigError(_product_note(term, products, tuple(powers.values())))
    return tuple(powers[order] for order in range(1, degree + 1))


def _product_note(term: str, products: list[str], powers: tuple[str, ...]) -> Note:
    """Return why a variable in interactions has no curve by itself."""
    others = list(dict.fromkeys(part for name in products for part in name.split(":") if part not in powers))
    if others and all(other.startswith("C(") or other.endswith("]") for other in others):
        return Note("curve_of_each_group", term=term, joined=cut(products))
    if others:
        return Note("curve_in_product", term=term, joined=cut(products), others=cut(others))
    return Note("curve_in_own_product", term=term, joined=cut(products))


def _refuse_groups(terms: tuple[str, ...], term: str = "") -> None:
    """Refuse coefficients by group, e.g. ``ln_e^2[east]``, of a term or of any power."""
    bases = dict.fromkeys(name.partition("[")[0] for name in terms if name.endswith("]"))
    powers = [
        base
        for base in bases
        if base not in terms and (_order(term, base) if term else base.rpartition("^")[2].isdigit())
    ]
    if powers:
        raise ConfigError(Note("curve_of_groups", terms=cut(powers)))


def named_term(term: str | None, terms: tuple[str, ...]) -> str:
    """Return the variable of the curve; without a name, the only one that has powers.

    Raises
    ------
    ConfigError
        If the name is not a text, or there is no name and not exactly one variable has powers.
    """
    if term is None:
        return variable_with_powers(terms)
    if not isinstance(term, str) or not term.strip():
        raise ConfigError(Note("term_no_name", value=repr(term)))
    return canonical(term)


def variable_with_powers(terms: tuple[str, ...]) -> str:
    """Return the only variable of a model that has a power.

    Raises
    ------
    ConfigError
        If there is none or more than one.
    """
    _refuse_groups(terms)
    bases = list(dict.fromkeys(base for base, mark, order in (t.rpartition("^") for t in terms) if order.isdigit()))
    bases = [base for base in bases if ":" not in base]
    if len(bases) != 1:
        if not bases:
            raise ConfigError(Note("no_variable_with_power", key="diagnostic.term"))
        raise ConfigError(Note("several_variables_with_power", key="diagnostic.term", variables=cut(bases)))
    return bases[0]


def observed(result: Result, panel: Panel, term: str) -> FloatArray:
    """Return the variable's values in the observations that a model used, shape (rows,).

    Raises
    ------
    DataError
        If the panel lacks it or is not the one that the model was fitted to.
    """
    # a lag in the model removes rows
    data = panel.with_terms([result.y, *result.terms, term])
    x = data.array([term])[:, 0]
    nobs = result.statistics.get("nobs", len(x))
    # means, differences and instruments of lags have fewer rows than the panel, but the panel's range counts
    fewer = result.kind in FEWER_ROWS or any(role.of_past(result.y) for role in result.roles)
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
    bend = degree * abs(float(curve.b[-1])) * half_range ** (degree - 1)
    if bend <= SMALLEST_BEND * max(abs(curve.derivative(place)[0]) for place in places):
        raise EstimationError(Note("power_is_zero", power=_power(term, degree)))
    if max(lost_digits(curve, place) for place in places) > MOST_LOST_DIGITS:
        raise EstimationError(Note("powers_nearly_collinear", term=term))


def _order(term: str, name: str) -> int:
    """Return which power of a variable a name is; 0 if it is none."""
    if name == term:
        return 1
    base, mark, order = name.rpartition("^")
    return int(order) if mark and base == term and order.isdigit() else 0


def _power(term: str, order: int) -> str:
    return term if order == 1 else f"{term}^{order}"


def _quadratic_rows(result: Quadratic) -> list[Row]:
    shape = Note("u_shape" if result.lower.alternative == "less" else "inverse_u_shape")
    return [
        _point_row("turning point", result.turning),
        _fieller_row(result.fieller),
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


def _fieller_row(region: Fieller) -> Row:
    """Return the row of the region; if it is not an interval, its ends are infinite and the note describes it."""
    name = "turning point, Fieller"
    if region.kind == "interval":
        return Row(name, low=region.low, high=region.high, note=Note("an_interval"))
    return Row(name, low=-math.inf, high=math.inf, note=_no_interval_note(region))


def _no_interval_note(region: Fieller) -> Note:
    """Return which values a region holds that is not an interval."""
    if region.kind == "line":
        return Note("whole_line")
    if math.isfinite(region.low) and math.isfinite(region.high):
        return Note("no_interval", low=region.low, high=region.high)
    if math.isfinite(region.low):
        return Note("no_interval_low", low=region.low)
    return Note("no_interval_high", high=region.high)


class TurningPoints(Diagnostic):
    """Turning points of a variable that enters the model with its powers, as a table.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run.
    term : str or None
        The variable; None takes the only one that has a power.
    """

    table_names: ClassVar[tuple[str, ...]] = ("turning_points",)
    takes_weights: ClassVar[bool] = False

    model: ModelNode
    term: str | None = None

    @property
    def terms(self) -> tuple[str, ...]:
        """The model's columns."""
        return self.model.terms

    @property
    def variable(self) -> str:
        """The variable of the turning points."""
        return named_term(self.term, self.model.regressors)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model has no curve or cannot be fitted."""
        variable = self.variable
        _refuse_groups(tuple(grouped(name, "group") for name in self.model.split), variable)
        try:
            names = powers_in(variable, self.model.regressors)
        except ConfigError as error:
            raise under(error, "diagnostic.term" if self.term else "") from error
        spatial = self.model.as_spatial
        if spatial is not None and (spatial.kind in LAG_KINDS or set(names) & set(spatial.lagged)):
            raise ConfigError(Note("curve_of_spatial_lag", kind=spatial.kind, term=variable))
        data = panel.with_terms(self.model.terms)
        refuse_few_values(data.array([variable])[:, 0], variable, len(names))
        self.model.check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``turning_points``, indexed by quantity."""
        return {"turning_points": _curve_table(self.model.fit(panel, weights), panel, self.variable)}
