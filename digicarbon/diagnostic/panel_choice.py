"""The decision path to a panel regression: pooled, fixed or random effects, time effects, standard errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import pandas as pd
from pydantic import Field

from digicarbon.diagnostic._arguments import regression_of
from digicarbon.diagnostic._rows import Row, where_possible
from digicarbon.diagnostic.base import Diagnostic
from digicarbon.diagnostic.diagnose import ModelNode
from digicarbon.diagnostic.panel_tests import (
    PanelArrays,
    arrays_of,
    cross_section_rows,
    f_rows,
    hausman_rows,
    lm_effects_rows,
    serial_rows,
)
from digicarbon.errors import ConfigError, counted
from digicarbon.model import Model
from digicarbon.numeric.linear.random_effects import Method
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.tests.effects_f import unit_effects
from digicarbon.panel import Panel
from digicarbon.weights import Weights

COLUMNS = ("step", "test", "statistic", "df", "df2", "p", "decision")


@dataclass(frozen=True)
class Path:
    """The rows of each step, and the words of the last row.

    Attributes
    ----------
    steps : mapping of str to list of Row
    choice : str
    """

    steps: Mapping[str, list[Row]]
    choice: str


def choose_panel_model(model: Model, panel: Panel, alpha: float = 0.05, seed: int = 0) -> pd.DataFrame:
    """Walk the decision path from pooled least squares to a panel regression with its standard errors.

    Parameters
    ----------
    model : PanelRegression
        Its terms and its method of variance components are taken, and its covariance: with any but the classic one the
        robust regression form of the Hausman test decides. Its effects are what is asked.
    panel : Panel
        Balanced or not.
    alpha : float
        The level of each test.
    seed : int
        Of the random weights of the CDw test.

    Returns
    -------
    DataFrame
        Columns step, test, statistic, df, df2, p, decision; the last row says the chosen model and why.

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
    test is at level ``alpha`` and none is corrected for the others: the path describes, it is no proof. See
    docs/model_choice.md for what each test is worth at few periods.
    """
    regression = regression_of(model)
    if regression is None:
        raise ConfigError("This decision path needs a panel regression; choose e.g. model=twfe.")
    path = _path(arrays_of(regression, panel), regression.cov, alpha, regression.variance, seed)
    lines = [
        (step, row.test, row.statistic, row.df, row.df2, row.p, _decision(row, alpha))
        for step, rows in path.steps.items()
        for row in rows
    ]
    nothing = float("nan")
    lines.append(("choice", "model", nothing, nothing, nothing, nothing, path.choice))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _path(data: PanelArrays, cov: str, alpha: float, method: Method, seed: int) -> Path:
    tests = {row.test: row for row in f_rows(data)}
    components = where_possible("Breusch-Pagan unit", lambda: lm_effects_rows(data))
    pooled_or_fixed = [tests["F unit effects"], *where_possible("LSDV", lambda: [_dummies_row(data, alpha)])]
    pooled_or_random = [row for row in components if row.test.startswith("Breusch-Pagan unit")]
    units = _any_rejects([tests["F unit effects"], *pooled_or_random[-1:]], alpha)
    time_test = tests["F time beside unit effects" if units else "F time effects"]
    times = _any_rejects([time_test], alpha)
    contrast = _hausman(data, "unit", cov, method)
    again = _hausman(data, "two_way", cov, method) if units and times else []
    again = [replace(row, test=f"{row.test}, period dummies") for row in again]
    fixed: EffectsKind = "two_way" if units and times else "unit" if units else "time" if times else "none"
    serial = [row for row in serial_rows(data, fixed) if row.test.startswith("Wooldridge")][:2]
    correlated = _any_rejects(serial[1:] or serial, alpha)
    dependence = _dependence_rows(data, fixed, correlated, seed)
    steps = {
        "pooled or fixed": pooled_or_fixed,
        "pooled or random": pooled_or_random,
        "fixed or random": contrast,
        "time effects": [time_test, *again],
        "serial correlation": serial,
        "dependence of units": dependence,
    }
    words = [
        _model_words(units, times, again or contrast, alpha),
        _errors_words(correlated, data.shape[0], any(row.p == row.p for row in serial)),
        _dependence_words(dependence, times, data.shape[1], alpha),
    ]
    return Path(steps, " ".join(words))


def _dummies_row(data: PanelArrays, alpha: float) -> Row:
    """Return how many units differ from the average unit; F decides whether they do together."""
    found = unit_effects(data.y, data.x, data.unit)
    different = int((found.p <= alpha).sum())
    null = (
        f"Unit effects of the dummy-variable regression: {different} of {len(found.p)} units "
        f"{'differs' if different == 1 else 'differ'} from the average unit at {alpha:g} (classic standard "
        "errors); F decides on all of them together."
    )
    return Row("LSDV", null, float(different))


def _hausman(data: PanelArrays, effects: EffectsKind, cov: str, method: Method) -> list[Row]:
    """Return the forms of the test that are shown, the deciding one last.

    The robust form goes with any but the classic covariance; sigmamore replaces a contrast that is not definite.
    """
    rows = where_possible("Hausman", lambda: hausman_rows(data, effects, method))
    found = {row.test: row for row in rows}
    if "Hausman, sigmamore" not in found:
        return rows
    shown = [found["Hausman"]]
    if not found["Hausman"].reliable:
        shown.append(found["Hausman, sigmamore"])
    if cov != "classic" and "Hausman, robust" in found:
        shown.append(found["Hausman, robust"])
    return shown


def _any_rejects(rows: Iterable[Row], alpha: float) -> bool:
    # a test that was not made has no p value and rejects nothing
    return any(row.reliable and row.p <= alpha for row in rows)


def _decision(row: Row, alpha: float) -> str:
    """Return whether a null is rejected, with the null."""
    if row.p != row.p:
        return row.null
    if not row.reliable:
        return f"no decision: {row.null}"
    return f"{'rejected' if row.p <= alpha else 'not rejected'} at {alpha:g}: {row.null}"


def _model_words(units: bool, times: bool, contrast: list[Row], alpha: float) -> str:
    """Return the chosen effects, with the reason; the last of the forms of Hausman's test decides."""
    if not units:
        period = " with period dummies, since periods differ" if times else ""
        return f"Pooled regression{period}: neither the F test nor Breusch and Pagan's finds unit effects."
    also = ", and the F test finds time effects beside them" if times else ", and no time effects are found beside them"
    fixed = f"Fixed unit{' and time effects' if times else ' effects'}: units differ"
    deciding = contrast[-1]
    if deciding.p != deciding.p or not deciding.reliable:
        return f"{fixed}{also}; there is no Hausman test here, and fixed effects suppose less than random ones."
    how = _form_words(contrast)
    if deciding.p <= alpha:
        return f"{fixed}, {how} rejects random effects{also}."
    random = f"Random unit effects{' and period dummies' if times else ''}"
    return f"{random}: units differ, {how} does not reject random effects{also}."


def _form_words(contrast: list[Row]) -> str:
    """Return which form of Hausman's test decides, with the reason."""
    held = " with period dummies" if "period dummies" in contrast[-1].test else ""
    if "robust" in contrast[-1].test:
        return f"the robust regression form of Hausman's test{held} (standard errors are not the classic ones)"
    if "sigmamore" in contrast[-1].test:
        return f"the sigmamore form of Hausman's test{held} (the classic difference of covariances is not definite)"
    return f"Hausman's test{held}"


def _errors_words(serial: bool, n: int, tested: bool) -> str:
    """Return what serial correlation means for standard errors."""
    if not tested:
        return "Errors: serial correlation could not be tested; clusters by unit (inference=cluster) allow for it."
    if not serial:
        return "Errors: no serial correlation is found; clusters by unit would still allow for unequal variances."
    few = (
        f" ({counted(n, 'cluster')} {'is' if n == 1 else 'are'} few: read p values near the level with care)"
        if n < 40
        else ""
    )
    return f"Errors: serially correlated, so standard errors clustered by unit (inference=cluster){few}."


def _dependence_rows(data: PanelArrays, fixed: EffectsKind, correlated: bool, seed: int) -> list[Row]:
    """Return CD or CDw, and with fixed unit effects the corrected scaled LM test, which serial correlation upsets."""
    rows = {row.test: row for row in cross_section_rows(data, fixed, seed)}
    shown = [row for name, row in rows.items() if name in ("CD", "CDw")]
    lm = rows.get("corrected scaled LM")
    if lm is None or lm.p != lm.p:
        return shown
    if correlated:
        null = f"{lm.null} Errors are serially correlated, which makes this test reject."
        lm = replace(lm, null=null, reliable=False)
    return [*shown, lm]


def _dependence_words(rows: list[Row], times: bool, t: int, alpha: float) -> str:
    """Return what dependence between units means for standard errors."""
    if not _any_rejects(rows, alpha):
        usable = [row.test for row in rows if row.reliable and row.p == row.p]
        alone = usable[0] if usable in (["CD"], ["CDw"]) else ""
        word = f", but {alone} alone seldom finds a factor that units load on differently" if alone else ""
        return f"Units: no dependence between them is found{word}."
    first = "" if times else "time effects, which take up what is common to all, then "
    return (
        f"Units: their residuals are correlated, which clusters by unit do not allow for: {first}a spatial model "
        f"(experiment spatial_choice), or Driscoll and Kraay's standard errors, which need many periods (here {t})."
    )


class PanelChoice(Diagnostic):
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

    table_names: ClassVar[tuple[str, ...]] = ("panel_choice",)
    takes_weights: ClassVar[bool] = False

    model: ModelNode
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05
    seed: int = 0

    @property
    def terms(self) -> tuple[str, ...]:
        """The model's columns."""
        return self.model.terms

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted."""
        self.model.check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``panel_choice``, indexed by step and test."""
        found = choose_panel_model(self.model, panel, self.alpha, self.seed)
        return {"panel_choice": found.set_index(["step", "test"])}
