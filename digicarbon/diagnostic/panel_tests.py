"""Tests of a panel regression: its effects, their kind, and whether its errors are alike and independent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.diagnostic._rows import Row, where_possible
from digicarbon.errors import EstimationError, counted
from digicarbon.model import PanelRegression
from digicarbon.note import Note
from digicarbon.numeric.linear.group_means import without_effects
from digicarbon.numeric.linear.random_effects import Method, RandomEffects
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.tests import cross_section, hausman, serial_correlation
from digicarbon.numeric.tests.auxiliary_regression import Regression, identified, regress
from digicarbon.numeric.tests.effects_f import effects_f
from digicarbon.numeric.tests.error_components_lm import error_components
from digicarbon.numeric.tests.heteroskedasticity import studentized_breusch_pagan
from digicarbon.numeric.tests.nested import Hausman
from digicarbon.panel import Panel

COUNTERPART: dict[str, EffectsKind] = {"random": "unit", "random_time": "time", "random_two_way": "two_way"}
"""The fixed effects beside which random ones are looked at."""

_EFFECTS: tuple[tuple[str, EffectsKind, EffectsKind, str], ...] = (
    ("F unit effects", "unit", "none", "All units have the same intercept."),
    ("F time effects", "time", "none", "All periods have the same intercept."),
    ("F two-way effects", "two_way", "none", "All units and all periods have the same intercept."),
    ("F time beside unit effects", "two_way", "unit", "Beside unit effects all periods have the same intercept."),
    ("F unit beside time effects", "two_way", "time", "Beside time effects all units have the same intercept."),
)
_SQUARED = "Two-sided: a negative deviation counts as much as a positive one."
_LM = (
    ("Breusch-Pagan unit", "breusch_pagan_unit", "no variance between units", _SQUARED),
    ("Breusch-Pagan unit, half p", "half_unit", "no variance between units", "As Stata's xttest0."),
    ("Honda unit", "honda_unit", "no variance between units", "One-sided; also King and Wu's."),
    ("Breusch-Pagan time", "breusch_pagan_time", "no variance between periods", _SQUARED),
    ("Breusch-Pagan time, half p", "half_time", "no variance between periods", "One-sided."),
    ("Honda time", "honda_time", "no variance between periods", "One-sided; also King and Wu's."),
    ("Breusch-Pagan two-way", "breusch_pagan_two_way", "no variance between units or periods", _SQUARED),
    ("Honda two-way", "honda_two_way", "no variance between units or periods", "One-sided."),
    ("King-Wu two-way", "king_wu_two_way", "no variance between units or periods", "One-sided."),
    (
        "Gourieroux-Holly-Monfort",
        "gourieroux_holly_monfort",
        "no variance between units or periods",
        "One-sided, a mixture of chi2 distributions.",
    ),
)
_LM_NEEDS = {
    "no variance between units": "it takes two units or more, one of them observed twice.",
    "no variance between periods": "it takes two periods or more, one of them with two units.",
    "no variance between units or periods": "it takes two units and two periods or more, with observations in common.",
}
_SERIAL = (
    "Wooldridge, within residuals",
    "Wooldridge, first differences",
    "Wooldridge, differenced errors",
    "Breusch-Godfrey",
    "Baltagi-Li",
)
HAUSMAN = "Random effects are uncorrelated with the regressors"


@dataclass(frozen=True, eq=False)
class PanelArrays:
    """What tests of a panel regression take.

    Attributes
    ----------
    y : ndarray, shape (rows,)
    x : ndarray, shape (rows, k)
        Without a constant.
    unit, period : ndarray of int, shape (rows,)
    balanced : bool
    calendar : ndarray of int, shape (T,), or None
        Where the periods stand on the calendar, None where that is not known.
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
        """Return dummies of all rows from a period on, for each period from ``first`` (0 is the panel's first)."""
        return (self.period[:, None] >= np.arange(first, self.shape[1])).astype(np.float64)

    def with_periods(self, first: int = 1) -> FloatArray:
        """Return x and dummies of periods; in differences each of them is the dummy of one period."""
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
    """Return the arrays of a model's terms.

    Raises
    ------
    DataError, EstimationError
        If they do not identify the model with its effects.
    """
    # covariance and estimator do not matter to the tests: no few clusters or missing weights stop them
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    type(model)(**fields | {"estimator": "within", "cov": "classic", "small_sample": "stata"}).check(panel)
    found = panel.with_terms(model.terms)
    x = found.array(found.expanded(model.regressors, among=model.terms))
    y = found.array([model.y])[:, 0]
    calendar = found.positions if found.ordered else None
    data = PanelArrays(y, x, found.unit_codes, found.period_codes, found.balanced, calendar)
    for effects in dict.fromkeys(("none", COUNTERPART.get(model.effects, model.fixed))):
        if data.within(effects).ssr <= 1e-20 * float(((y - y.mean()) ** 2).sum()):
            raise EstimationError(Note("explained_exactly", y=model.y))
    return data


def panel_rows(model: PanelRegression, panel: Panel, seed: int = 0) -> list[Row]:
    """Return the tests of a panel regression that need no spatial weights.

    Parameters
    ----------
    model : PanelRegression
        Its terms, effects and method of variance components.
    panel : Panel
        Balanced or not.
    seed : int
        Of the random weights of the CDw test.
    """
    data = arrays_of(model, panel)
    fixed = COUNTERPART.get(model.effects, model.fixed)
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


def _f_row(data: PanelArrays, name: str, larger: EffectsKind, smaller: EffectsKind, null: str) -> list[Row]:
    return [Row.of(name, null, effects_f(data.y, data.x, data.unit, data.period, larger, smaller))]


def lm_effects_rows(data: PanelArrays) -> list[Row]:
    """Return Lagrange multiplier tests of random effects after pooled least squares."""
    found = vars(error_components(data.within("none").residuals, data.unit, data.period))
    return [
        Row(name, f"Not tested: {_LM_NEEDS[null]}")
        if math.isnan(found[key].value)
        else Row.of(name, f"There is {null}. {how}", found[key])
        for name, key, null, how in _LM
    ]


def hausman_rows(data: PanelArrays, effects: str, method: Method = "swamy_arora") -> list[Row]:
    """Return the Hausman test in its forms.

    Parameters
    ----------
    data : PanelArrays
    effects : str
        The model's. Unit effects are compared for ``none``, ``unit`` and ``random``; with ``two_way`` unit effects too,
        with period dummies in both models; ``time``, ``random_time`` and ``random_two_way`` as they say.
    method : str
        Of the variance components.

    Raises
    ------
    EstimationError
        If the random effects model does not exist.
    """
    random: dict[str, RandomEffects] = {
        "time": "random_time",
        "random_time": "random_time",
        "random_two_way": "random_two_way",
    }
    compared = random.get(effects, "random")
    held = data.since(1) if effects == "two_way" else None
    found = hausman.contrast(data.y, data.x, data.unit, data.period, compared, method, held)
    words = {"random": "unit effects", "random_time": "time effects", "random_two_way": "unit and time effects"}
    what = words[compared] + (", period dummies in both models" if held is not None else "")
    null = f"{HAUSMAN} ({what}; {counted(len(found.compared), 'coefficient')} compared)."
    return [
        contrast_row("Hausman", null, hausman.hausman_contrast(found)),
        contrast_row(
            "Hausman, sigmamore",
            f"{null} Both covariances with the random effects' variance.",
            hausman.hausman_contrast(found, "sigmamore"),
        ),
        contrast_row(
            "Hausman, sigmaless",
            f"{null} Both covariances with the fixed effects' variance.",
            hausman.hausman_contrast(found, "sigmaless"),
        ),
        *auxiliary_rows(null, found),
    ]


def contrast_row(test: str, null: str, found: Hausman) -> Row:
    """Return the row of a Hausman statistic, with a word on what is wrong with it."""
    if found.statistic.value < 0:
        null += " The statistic is negative, so that it says nothing."
    elif not found.definite:
        null += " The difference of covariances is not positive definite, so that its p value is not reliable."
    return replace(Row.of(test, null, found.statistic), reliable=found.definite)


def auxiliary_rows(null: str, found: hausman.Contrast) -> list[Row]:
    """Return the regression form of the test, with classic and with clustered covariance."""

    def made() -> list[Row]:
        return [
            Row.of("Hausman, auxiliary", f"{null} Auxiliary regression.", hausman.auxiliary(found)),
            Row.of(
                "Hausman, robust",
                f"{null} Auxiliary regression, covariance clustered by unit.",
                hausman.auxiliary(found, "stata"),
            ),
        ]

    return where_possible("Hausman, auxiliary", made)


def serial_rows(data: PanelArrays, fixed: EffectsKind) -> list[Row]:
    """Return tests for serial correlation of the errors, time effects being in where the model has them."""
    if data.calendar is None:
        why = "Not tested: the order of the periods is not known; write them e.g. as 2010Q1 or 2010-03, or number them."
        return [Row(name, why) for name in _SERIAL]
    at = data.calendar[data.period]
    time = fixed in ("time", "two_way")
    first = data.with_periods() if time else data.x
    second = data.with_periods(2) if time else data.x

    def of(name: str, null: str, found: Callable[[], Statistic]) -> list[Row]:
        return where_possible(name, lambda: [Row.of(name, null, found())])

    rows = [within_serial_row(data, time)]
    rows += of(
        "Wooldridge, first differences",
        "Errors in levels are not serially correlated (Stata's xtserial).",
        lambda: serial_correlation.wooldridge_stata(data.y, first, data.unit, at),
    )
    rows += of(
        "Wooldridge, differenced errors",
        "Differences of errors are not serially correlated: errors in levels are a random walk.",
        lambda: serial_correlation.wooldridge_difference(data.y, second, data.unit, "differences"),
    )
    fit = data.within(fixed)
    short = " For long panels only: demeaning correlates residuals of few periods." if fixed != "none" else ""
    if data.shape[1] < 2:
        rows.append(Row("Breusch-Godfrey", "Not tested: serial correlation needs at least two periods."))
    else:
        rows += of(
            "Breusch-Godfrey",
            f"Errors are not serially correlated (one lag).{short}",
            lambda: serial_correlation.breusch_godfrey(fit.residuals, fit.design),
        )
    if not data.balanced:
        return [*rows, Row("Baltagi-Li", "Not tested: the test is for balanced panels.")]
    return rows + of(
        "Baltagi-Li",
        "Errors beside random unit effects are not serially correlated.",
        lambda: serial_correlation.baltagi_li(data.y, first, data.shape[0]),
    )


def within_serial_row(data: PanelArrays, time: bool) -> Row:
    """Return Wooldridge's test on within residuals."""
    name = "Wooldridge, within residuals"
    if not data.balanced:
        return Row(name, "Not tested: it is for balanced panels; see the test in first differences.")

    def made() -> list[Row]:
        residuals = data.within("two_way" if time else "unit").residuals
        found = serial_correlation.wooldridge_within(residuals, data.unit, data.shape[1])
        return [Row.of(name, "Errors are not serially correlated (fixed effects).", found)]

    return where_possible(name, made)[0]


def heteroskedasticity_row(data: PanelArrays, fixed: EffectsKind) -> Row:
    """Return Koenker's test on the model's residuals."""
    found = studentized_breusch_pagan(data.within(fixed).residuals, data.x)
    return Row.of("Koenker", "The variance of errors does not depend on the regressors (studentised).", found)


def cross_section_rows(data: PanelArrays, fixed: EffectsKind, seed: int = 0) -> list[Row]:
    """Return tests for dependence between units in the residuals of the fixed effects or pooled regression."""
    rows = [dependence_row(data, fixed, seed)]
    if min(data.shape) < 2:
        return rows
    residuals = data.matrix(data.within(fixed).residuals)
    null = "Residuals of no two units are correlated"
    few = "For far more periods than units."

    def made() -> list[Row]:
        found = [
            Row.of("LM of pairs", f"{null} (Breusch and Pagan). {few}", cross_section.breusch_pagan_lm(residuals)),
            Row.of("scaled LM", f"{null} (Pesaran). {few}", cross_section.scaled_lm(residuals)),
        ]
        if fixed not in ("unit", "two_way"):
            why = "Not tested: the correction is derived for regressions with fixed unit effects."
            return [*found, Row("corrected scaled LM", why)]
        corrected = cross_section.scaled_lm(residuals, corrected=True)
        return [*found, Row.of("corrected scaled LM", f"{null} (Baltagi, Feng and Kao).", corrected)]

    return rows + where_possible("LM of pairs", made)


def dependence_row(data: PanelArrays, fixed: EffectsKind, seed: int = 0) -> Row:
    """Return Pesaran's CD, or Juodis and Reese's CDw where time effects are in the model."""
    if min(data.shape) < 2:
        return Row("CD", "Not tested: correlations between units need two units and two periods.")
    residuals = data.matrix(data.within(fixed).residuals)
    null = "Residuals of different units are not correlated"
    if fixed not in ("time", "two_way"):
        return where_possible("CD", lambda: [Row.of("CD", f"{null} (Pesaran).", cross_section.pesaran_cd(residuals))])[
            0
        ]
    if not data.balanced:
        return Row("CDw", "Not tested: after time effects the test is for balanced panels.")
    words = f"{null} (Juodis & Reese, random weights of seed {seed}; Pesaran's CD says nothing after time effects)."
    return Row.of("CDw", words, cross_section.weighted_cd(residuals, np.random.default_rng(seed)))
