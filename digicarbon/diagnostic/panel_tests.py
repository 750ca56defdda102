"""Tests of a panel regression: its effects, their kind, and whether errors have equal variances and are independent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.diagnostic._rows import Row, contrast_row, followed, not_tested, where_possible
from digicarbon.diagnostic.cross_section import cd_row
from digicarbon.errors import EstimationError
from digicarbon.model import PanelRegression
from digicarbon.note import Note
from digicarbon.numeric.linear.random_effects import FIXED, Method, RandomEffects
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.numeric.linear.within import EffectsKind, without_effects
from digicarbon.numeric.tests import cross_section, hausman, serial_correlation
from digicarbon.numeric.tests.auxiliary_regression import Regression, identified, regress
from digicarbon.numeric.tests.effects_f import effects_f
from digicarbon.numeric.tests.error_components_lm import error_components
from digicarbon.numeric.tests.heteroskedasticity import studentized_breusch_pagan
from digicarbon.panel import Panel

_EFFECTS: tuple[tuple[str, EffectsKind, EffectsKind, Note], ...] = (
    ("F unit effects", "unit", "none", Note("equal_units")),
    ("F time effects", "time", "none", Note("equal_periods")),
    ("F two-way effects", "two_way", "none", Note("equal_units_and_periods")),
    ("F time beside unit effects", "two_way", "unit", Note("equal_periods_beside_units")),
    ("F unit beside time effects", "two_way", "time", Note("equal_units_beside_periods")),
)
_SQUARED = Note("squared_deviation")
_UNITS, _PERIODS, _BOTH = Note("no_variance_units"), Note("no_variance_periods"), Note("no_variance_both")
_LM = (
    ("Breusch-Pagan unit", "breusch_pagan_unit", _UNITS, _SQUARED),
    ("Breusch-Pagan unit, half p", "half_unit", _UNITS, Note("as_xttest0")),
    ("Honda unit", "honda_unit", _UNITS, Note("one_sided_king_wu")),
    ("Breusch-Pagan time", "breusch_pagan_time", _PERIODS, _SQUARED),
    ("Breusch-Pagan time, half p", "half_time", _PERIODS, Note("one_sided_test")),
    ("Honda time", "honda_time", _PERIODS, Note("one_sided_king_wu")),
    ("Breusch-Pagan two-way", "breusch_pagan_two_way", _BOTH, _SQUARED),
    ("Honda two-way", "honda_two_way", _BOTH, Note("one_sided_test")),
    ("King-Wu two-way", "king_wu_two_way", _BOTH, Note("one_sided_test")),
    ("Gourieroux-Holly-Monfort", "gourieroux_holly_monfort", _BOTH, Note("one_sided_mixture")),
)
_LM_NEEDS = {_UNITS: Note("takes_two_units"), _PERIODS: Note("takes_two_periods"), _BOTH: Note("takes_two_of_both")}
_SERIAL = (
    "Wooldridge, within residuals",
    "Wooldridge, first differences",
    "Wooldridge, differenced errors",
    "Breusch-Godfrey",
    "Baltagi-Li",
)


@dataclass(frozen=True, eq=False)
class PanelArrays:
    """The data that tests of a panel regression use.

    ``y``: shape (rows,). ``x``, shape (rows, k): without a constant. ``unit``, ``period``: shape (rows,). ``calendar``,
    shape (T,): positions of the periods on the calendar; None if they are not known.
    """

    y: FloatArray
    x: FloatArray
    unit: IntArray
    period: IntArray
    balanced: bool
    calendar: IntArray | None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of units and of periods."""
        return int(self.unit.max()) + 1, int(self.period.max()) + 1

    def since(self, first: int) -> FloatArray:
        """Return, for each period from ``first`` on (0 is the panel's first), a dummy of all rows since that period."""
        return (self.period[:, None] >= np.arange(first, self.shape[1])).astype(np.float64)

    def with_periods(self, first: int = 1) -> FloatArray:
        """Return x and the dummies of `since`; in differences each of them is the dummy of one period."""
        return np.column_stack([self.x, self.since(first)])

    def within(self, effects: EffectsKind) -> Regression:
        """Return the regression with fixed effects, or with a constant where there are none."""
        columns = np.column_stack([self.y, self.x])
        within, _ = without_effects(columns, self.unit, self.period, effects)
        return regress(within[:, 0], within[:, 1:][:, identified(within[:, 1:], self.x)])

    def matrix(self, residuals: FloatArray) -> FloatArray:
        """Return residuals as periods by units, not-a-number in gaps."""
        n, t = self.shape
        out = np.full((t, n), np.nan)
        out[self.period, self.unit] = residuals
        return out


def arrays_of(model: PanelRegression, panel: Panel) -> PanelArrays:
    """Return the arrays of a model's terms; DataError, EstimationError if they do not identify it with its effects."""
    # the tests use neither covariance nor estimator: few clusters or missing weights must not stop them
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    plain = {"estimator": "within", "cov": "classic", "cluster": "unit", "small_sample": "stata"}
    type(model)(**fields | plain).check(panel)
    full = panel.with_terms(model.terms)
    x = full.array(full.expanded(model.regressors, among=model.terms))
    y = full.array([model.y])[:, 0]
    calendar = full.positions if full.ordered else None
    data = PanelArrays(y, x, full.unit_codes, full.period_codes, full.balanced, calendar)
    for effects in dict.fromkeys(("none", FIXED.get(model.effects, model.fixed))):
        if data.within(effects).ssr <= 1e-20 * float(((y - y.mean()) ** 2).sum()):
            raise EstimationError(Note("explained_exactly", y=model.y))
    return data


def panel_rows(model: PanelRegression, panel: Panel, seed: int = 0) -> list[Row]:
    """Return the tests of a panel regression that need no spatial weights.

    ``model``: its terms, effects and method of variance components. ``panel``: balanced or not. ``seed``: of the random
    weights of the CDw test.
    """
    data = arrays_of(model, panel)
    fixed = FIXED.get(model.effects, model.fixed)
    return [
        *f_rows(data),
        *where_possible("Breusch-Pagan", lambda: lm_effects_rows(data)),
        *where_possible("Hausman", lambda: hausman_rows(data, model.effects, model.variance)),
        *serial_rows(data, fixed),
        *where_possible("Koenker", lambda: [heteroskedasticity_row(data, fixed)]),
        *cross_section_rows(data, fixed, seed),
    ]


def f_rows(data: PanelArrays) -> list[Row]:
    """Return F tests of unit effects, time effects, both, and one beside the other."""
    return [
        row
        for name, larger, smaller, null in _EFFECTS
        for row in where_possible(name, partial(_f_row, data, name, larger, smaller, null))
    ]


def _f_row(data: PanelArrays, name: str, larger: EffectsKind, smaller: EffectsKind, null: Note) -> list[Row]:
    return [Row.of(name, null, effects_f(data.y, data.x, data.unit, data.period, larger, smaller))]


def lm_effects_rows(data: PanelArrays) -> list[Row]:
    """Return Lagrange multiplier tests of random effects after pooled least squares."""
    statistics = vars(error_components(data.within("none").residuals, data.unit, data.period))
    return [
        Row(name, not_tested(_LM_NEEDS[null]))
        if math.isnan(statistics[key].value)
        else Row.of(name, followed(null, how), statistics[key])
        for name, key, null, how in _LM
    ]


def hausman_rows(data: PanelArrays, effects: str, method: Method = "swamy_arora") -> list[Row]:
    """Return the Hausman test in its forms.

    ``effects``: the model's. ``none``, ``unit`` and ``random`` compare unit effects; ``two_way`` also compares unit
    effects, with period dummies in both models; ``time``, ``random_time`` and ``random_two_way`` compare what they
    name. ``method``: of the variance components. Raises EstimationError if the random effects model does not exist.
    """
    random: dict[str, RandomEffects] = {
        "time": "random_time",
        "random_time": "random_time",
        "random_two_way": "random_two_way",
    }
    kind = random.get(effects, "random")
    period_dummies = data.since(1) if effects == "two_way" else None
    contrast = hausman.contrast(data.y, data.x, data.unit, data.period, kind, method, period_dummies)
    words = {
        "random": Note("unit_effects"),
        "random_time": Note("time_effects"),
        "random_two_way": Note("two_way_effects"),
    }
    what = words[kind] if period_dummies is None else Note("unit_effects_and_dummies")
    null = Note("uncorrelated_effects", what=what, coefficients=len(contrast.compared))
    more, less = followed(null, Note("both_random_variance")), followed(null, Note("both_fixed_variance"))
    return [
        contrast_row("Hausman", null, hausman.hausman_contrast(contrast)),
        replace(
            contrast_row("Hausman, sigmamore", more, hausman.hausman_contrast(contrast, "sigmamore")), form="sigmamore"
        ),
        contrast_row("Hausman, sigmaless", less, hausman.hausman_contrast(contrast, "sigmaless")),
        *auxiliary_rows(null, contrast),
    ]


def auxiliary_rows(null: Note, contrast: hausman.Contrast) -> list[Row]:
    """Return the regression form of the test, with classic and with clustered covariance."""

    def rows() -> list[Row]:
        plain, clustered = followed(null, Note("auxiliary_regression")), followed(null, Note("auxiliary_clustered"))
        return [
            Row.of("Hausman, auxiliary", plain, hausman.auxiliary(contrast)),
            replace(Row.of("Hausman, robust", clustered, hausman.auxiliary(contrast, "stata")), form="robust"),
        ]

    return where_possible("Hausman, auxiliary", rows)


def serial_rows(data: PanelArrays, fixed: EffectsKind) -> list[Row]:
    """Return tests for serial correlation of the errors, with time effects where the model has them."""
    if data.calendar is None:
        return [Row(name, not_tested(Note("periods_without_order"))) for name in _SERIAL]
    at = data.calendar[data.period]
    time = fixed in ("time", "two_way")
    first = data.with_periods() if time else data.x
    second = data.with_periods(2) if time else data.x

    def of(name: str, null: Note, statistic: Callable[[], Statistic]) -> list[Row]:
        return where_possible(name, lambda: [Row.of(name, null, statistic())])

    rows = [within_serial_row(data, time)]
    rows += of(
        "Wooldridge, first differences",
        Note("serial_levels"),
        lambda: serial_correlation.wooldridge_stata(data.y, first, data.unit, at),
    )
    rows += of(
        "Wooldridge, differenced errors",
        Note("serial_differences"),
        lambda: serial_correlation.wooldridge_difference(data.y, second, data.unit, "differences"),
    )
    fit = data.within(fixed)
    one_lag = Note("serial_one_lag")
    if data.shape[1] < 2:
        rows.append(Row("Breusch-Godfrey", not_tested(Note("serial_needs_two_periods"))))
    else:
        rows += of(
            "Breusch-Godfrey",
            one_lag if fixed == "none" else followed(one_lag, Note("long_panels_only")),
            lambda: serial_correlation.breusch_godfrey(fit.residuals, fit.design),
        )
    if not data.balanced:
        return [*rows, Row("Baltagi-Li", not_tested(Note("test_of_balanced")))]
    return rows + of(
        "Baltagi-Li", Note("serial_beside_random"), lambda: serial_correlation.baltagi_li(data.y, first, data.shape[0])
    )


def within_serial_row(data: PanelArrays, time: bool) -> Row:
    """Return Wooldridge's test on within residuals."""
    name = "Wooldridge, within residuals"
    if not data.balanced:
        return Row(name, not_tested(Note("within_test_of_balanced")))

    def rows() -> list[Row]:
        residuals = data.within("two_way" if time else "unit").residuals
        statistic = serial_correlation.wooldridge_within(residuals, data.unit, data.shape[1])
        return [Row.of(name, Note("serial_fixed"), statistic)]

    return where_possible(name, rows)[0]


def heteroskedasticity_row(data: PanelArrays, fixed: EffectsKind) -> Row:
    """Return Koenker's test on the model's residuals."""
    statistic = studentized_breusch_pagan(data.within(fixed).residuals, data.x)
    return Row.of("Koenker", Note("equal_variances"), statistic)


def cross_section_rows(data: PanelArrays, fixed: EffectsKind, seed: int = 0) -> list[Row]:
    """Return tests for dependence between units in the residuals of the fixed effects or pooled regression."""
    rows = [dependence_row(data, fixed, seed)]
    if min(data.shape) < 2:
        return rows
    residuals = data.matrix(data.within(fixed).residuals)
    few = Note("long_panels_of_few")
    first, second = followed(Note("pairs_breusch_pagan"), few), followed(Note("pairs_pesaran"), few)

    def pair_rows() -> list[Row]:
        result = [
            Row.of("LM of pairs", first, cross_section.breusch_pagan_lm(residuals)),
            Row.of("scaled LM", second, cross_section.scaled_lm(residuals)),
        ]
        if fixed not in ("unit", "two_way"):
            return [*result, Row("corrected scaled LM", not_tested(Note("correction_of_unit_effects")))]
        corrected = cross_section.scaled_lm(residuals, corrected=True)
        return [*result, Row.of("corrected scaled LM", Note("pairs_baltagi"), corrected)]

    return rows + where_possible("LM of pairs", pair_rows)


def dependence_row(data: PanelArrays, fixed: EffectsKind, seed: int = 0) -> Row:
    """Return `cd_row` of the residuals of a regression with fixed effects; with those of time it needs all periods."""
    time = fixed in ("time", "two_way")
    if time and not data.balanced and min(data.shape) > 1:
        return Row("CDw", not_tested(Note("time_test_of_balanced")))
    return cd_row(data.matrix(data.within(fixed).residuals), time, seed)
