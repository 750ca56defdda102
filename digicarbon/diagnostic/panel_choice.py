"""The decision path to a panel regression: pooled, fixed or random effects, time effects, standard errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated, ClassVar

import pandas as pd
from pydantic import Field

from digicarbon.diagnostic._arguments import regression_of
from digicarbon.diagnostic._rows import Row, followed, in_english, where_possible
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.diagnostic.panel_tests import (
    PanelArrays,
    arrays_of,
    cross_section_rows,
    f_rows,
    hausman_rows,
    lm_effects_rows,
    serial_rows,
)
from digicarbon.errors import ConfigError
from digicarbon.model import Model, PanelRegression
from digicarbon.note import Note
from digicarbon.numeric.linear.random_effects import Method
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.significance import is_significant
from digicarbon.numeric.tests.effects_f import unit_effects
from digicarbon.panel import Panel
from digicarbon.weights import Weights

COLUMNS = ("step", "test", "statistic", "df", "df2", "p", "decision")


def choose_panel_model(model: Model, panel: Panel, alpha: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Walk the decision path from pooled least squares to a panel regression with its standard errors.

    Parameters
    ----------
    model : PanelRegression
        Its terms, method of variance components and covariance are used: with a covariance other than the classic one
        the robust regression form of the Hausman test decides. Its effects are not used: the tests choose them.
    panel : Panel
        Balanced or not.
    alpha : float
        The level of each test.
    seed : int
        Of the random weights of the CDw test.

    Returns
    -------
    DataFrame
        Columns step, test, statistic, df, df2, p, decision; the last row names the chosen model and the reasons.

    Raises
    ------
    ConfigError
        If the model is not a panel regression.
    DataError, EstimationError
        If the model cannot be fitted.

    Notes
    -----
    Pooled against fixed effects by F and by the unit effects themselves, pooled against random effects by Breusch and
    Pagan, fixed against random by Hausman, then time effects, serial correlation and dependence between units. Each
    test is at level ``alpha`` and none is corrected for the others: the path is a description, not a proof. See
    docs/model_choice.md for how reliable each test is with few periods.
    """
    return in_english(_decisions(model, panel, alpha, seed))


def _decisions(model: Model, panel: Panel, alpha: float, seed: int) -> pd.DataFrame:
    """Return the table of `choose_panel_model` with notes as decisions."""
    regression = _regression(model)
    steps, choice = _path(arrays_of(regression, panel), regression.cov, alpha, regression.variance, seed)
    lines = [
        (step, row.test, row.statistic, row.df, row.df2, row.p, row.decision(alpha))
        for step, rows in steps.items()
        for row in rows
    ]
    nan = float("nan")
    lines.append(("choice", "model", nan, nan, nan, nan, choice))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _path(data: PanelArrays, cov: str, alpha: float, method: Method, seed: int) -> tuple[Mapping[str, list[Row]], Note]:
    """Return the rows of each step, and the decision of the last row."""
    tests = {row.test: row for row in f_rows(data)}
    components = where_possible("Breusch-Pagan unit", lambda: lm_effects_rows(data))
    pooled_or_fixed = [tests["F unit effects"], *where_possible("LSDV", lambda: [_dummies_row(data, alpha)])]
    pooled_or_random = [row for row in components if row.test.startswith("Breusch-Pagan unit")]
    units = _any_rejects([tests["F unit effects"], *pooled_or_random[-1:]], alpha)
    time_test = tests["F time beside unit effects" if units else "F time effects"]
    times = _any_rejects([time_test], alpha)
    contrast = _hausman(data, "unit", cov, method)
    with_dummies = _hausman(data, "two_way", cov, method) if units and times else []
    with_dummies = [replace(row, test=f"{row.test}, period dummies") for row in with_dummies]
    fixed: EffectsKind = "two_way" if units and times else "unit" if units else "time" if times else "none"
    serial = [row for row in serial_rows(data, fixed) if row.test.startswith("Wooldridge")][:2]
    serially_correlated = _any_rejects(serial[1:] or serial, alpha)
    dependence = _dependence_rows(data, fixed, serially_correlated, seed)
    steps = {
        "pooled or fixed": pooled_or_fixed,
        "pooled or random": pooled_or_random,
        "fixed or random": contrast,
        "time effects": [time_test, *with_dummies],
        "serial correlation": serial,
        "dependence of units": dependence,
    }
    errors = _errors_note(serially_correlated, data.shape[0], any(row.p == row.p for row in serial))
    dependence_note = _dependence_note(dependence, times, data.shape[1], alpha)
    if not units:
        pooled = Note("pooled_with_periods" if times else "pooled")
        return steps, Note("choose_pooled", model=pooled, errors=errors, units=dependence_note)
    last = (with_dummies or contrast)[-1]
    return steps, _choice(last, times, bool(with_dummies), alpha, errors, dependence_note)


def _dummies_row(data: PanelArrays, alpha: float) -> Row:
    """Return how many units differ from the average unit; F is their joint test."""
    effects = unit_effects(data.y, data.x, data.unit)
    different = int(is_significant(effects.p, alpha).sum())
    null = Note("units_differ", different=different, units=len(effects.p), level=alpha)
    return Row("LSDV", null, float(different))


def _hausman(data: PanelArrays, effects: EffectsKind, cov: str, method: Method) -> list[Row]:
    """Return the forms of the test that are shown; the last one decides.

    The robust form is for a covariance other than the classic one; sigmamore replaces a contrast that is not definite.
    """
    rows = where_possible("Hausman", lambda: hausman_rows(data, effects, method))
    by_test = {row.test: row for row in rows}
    if "Hausman, sigmamore" not in by_test:
        return rows
    result = [by_test["Hausman"]]
    if not by_test["Hausman"].reliable:
        result.append(by_test["Hausman, sigmamore"])
    if cov != "classic" and "Hausman, robust" in by_test:
        result.append(by_test["Hausman, robust"])
    return result


def _any_rejects(rows: Iterable[Row], alpha: float) -> bool:
    # a test that was not made has no p value and rejects nothing
    return any(row.reliable and is_significant(row.p, alpha) for row in rows)


def _choice(hausman: Row, times: bool, period_dummies: bool, alpha: float, errors: Note, units: Note) -> Note:
    """Return the model that is chosen where units differ, with the reason.

    ``hausman`` is the last of the forms of the test, with ``period_dummies`` or without; ``times`` says whether periods
    also differ; ``errors`` and ``units`` what serial correlation and dependence mean for standard errors.
    """
    also, fixed = Note("also_time" if times else "also_no_time"), Note("fixed_two_way" if times else "fixed_unit")
    if hausman.p != hausman.p or not hausman.reliable:
        return Note("choose_fixed_untested", model=fixed, also=also, errors=errors, units=units)
    how = _form_note(hausman, period_dummies)
    if is_significant(hausman.p, alpha):
        return Note("choose_fixed", model=fixed, how=how, also=also, errors=errors, units=units)
    random = Note("random_with_periods" if times else "random_unit_model")
    return Note("choose_random", model=random, how=how, also=also, errors=errors, units=units)


def _form_note(hausman: Row, period_dummies: bool) -> Note:
    """Return which form of Hausman's test decides, with the reason."""
    if hausman.form == "robust":
        return Note("hausman_robust_periods" if period_dummies else "hausman_robust")
    if hausman.form == "sigmamore":
        return Note("hausman_sigmamore_periods" if period_dummies else "hausman_sigmamore")
    return Note("hausman_periods" if period_dummies else "hausman")


def _errors_note(serial: bool, n: int, has_test: bool) -> Note:
    """Return what serial correlation means for standard errors."""
    if not has_test:
        return Note("serial_untested")
    if not serial:
        return Note("no_serial")
    return Note("serial_cluster", few=Note("few_clusters_alone", clusters=n) if n < 40 else "")


def _dependence_rows(data: PanelArrays, fixed: EffectsKind, serially_correlated: bool, seed: int) -> list[Row]:
    """Return CD or CDw and, with unit effects, corrected scaled LM, which serial correlation makes unreliable."""
    rows = {row.test: row for row in cross_section_rows(data, fixed, seed)}
    result = [row for name, row in rows.items() if name in ("CD", "CDw")]
    lm = rows.get("corrected scaled LM")
    if lm is None or lm.p != lm.p:
        return result
    if serially_correlated:
        lm = replace(lm, null=followed(lm.null, Note("serial_upsets")), reliable=False)
    return [*result, lm]


def _dependence_note(rows: list[Row], times: bool, t: int, alpha: float) -> Note:
    """Return what dependence between units means for standard errors."""
    if not _any_rejects(rows, alpha):
        usable = [row.test for row in rows if row.reliable and row.p == row.p]
        return Note("independent_alone", test=usable[0]) if usable in (["CD"], ["CDw"]) else Note("independent_units")
    return Note("correlated_units" if times else "correlated_units_time", periods=t)


def _regression(model: Model) -> PanelRegression:
    regression = regression_of(model)
    if regression is None:
        raise ConfigError(Note("choice_needs_panel_regression"))
    return regression


class PanelChoice(OfModel):
    """The decision path to a panel regression, as a table.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run: a `PanelRegression`.
    alpha : float
        The level of each test.
    seed : int
        Of the CDw test; see `choose_panel_model`.
    """

    references: ClassVar[tuple[str, ...]] = (
        "arellano1987",
        "drukker2003",
        "hausman1978",
        "honda1985",
        "wooldridge2010",
    )

    table_names: ClassVar[tuple[str, ...]] = ("panel_choice",)
    takes_weights: ClassVar[bool] = False

    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    seed: int = 0

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model is no panel regression or cannot be fitted."""
        _regression(self.model).check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``panel_choice``, indexed by step and test."""
        frame = _decisions(self.model, panel, self.alpha, self.seed)
        return {"panel_choice": frame.set_index(["step", "test"])}
