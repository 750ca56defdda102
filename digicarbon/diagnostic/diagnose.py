"""All tests that apply to a model, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, get_args

import pandas as pd
from pydantic import Field

from digicarbon.diagnostic._arguments import Seed, refuse_unknown, regression_of, spatial_of, whole, with_call
from digicarbon.diagnostic._rows import Row, aligned, in_english, not_tested, table, where_possible
from digicarbon.diagnostic.cross_section import cross_section_row
from digicarbon.diagnostic.lm import lm_rows, residual_moran_row
from digicarbon.diagnostic.nested import changed, durbin_rows, effects_rows, hausman_rows
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.diagnostic.panel_tests import panel_rows
from digicarbon.errors import ConfigError
from digicarbon.model import Model, PanelRegression, SpatialPanel
from digicarbon.note import Note
from digicarbon.numeric.tests.spatial_lm import Form
from digicarbon.panel import Panel
from digicarbon.weights import Weights

BootstrapDraws = Annotated[int, Field(ge=0)]


@with_call
def diagnose(
    model: Model,
    panel: Panel,
    weights: Weights | None = None,
    form: Form = "corrected",
    draws: int = 199,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the tests that apply to a model.

    Parameters
    ----------
    model : SpatialPanel or PanelRegression
    panel : Panel
        Balanced for a `SpatialPanel`.
    weights : Weights, optional
        For exactly the panel's units, in any order; without them a `PanelRegression` has no spatial tests.
    form : {"corrected", "classic"}
        Of the Lagrange multiplier tests, see `digicarbon.numeric.tests.spatial_lm.lagrange_multipliers`.
    draws : int
        Bootstrap draws of the tests of fixed effects; 0 leaves the bootstrap out.
    seed : int
        Of the bootstrap and of the random weights of the CDw test.

    Returns
    -------
    DataFrame
        Columns test, null (a sentence), statistic, df, df2 (of F), p. With weights, Lagrange multiplier tests and
        Moran's I of residuals of the regression without spatial terms. For a `SpatialPanel`: for sar, sem and sdm LR
        and Wald tests of the simpler models within the Durbin model; Hausman; LR tests of the fixed effects; CD of
        the model's own residuals. For a `PanelRegression` those of docs/model_choice.md: F and Lagrange multiplier
        tests of effects, Hausman, serial correlation, heteroskedasticity, dependence between units.

    Raises
    ------
    ConfigError
        If there are no tests for this kind of model, or ``form``, ``draws`` or ``seed`` is wrong.
    DataError, WeightsError, EstimationError
        If the model cannot be fitted.
    """
    return in_english(table(_rows(model, panel, weights, form, draws, seed)))


def _rows(model: Model, panel: Panel, weights: Weights | None, form: Form, draws: int, seed: int) -> list[Row]:
    """Return the tests of `diagnose`."""
    regression, spatial = regression_of(model), spatial_of(model)
    subject = _tested(model)
    refuse_unknown(form, get_args(Form), "form")
    draws, seed = whole(draws, "draws"), whole(seed, "seed")
    panel = panel.with_terms(subject.terms)
    if weights is not None:
        aligned(panel, weights, Note("a_spatial_test"))
    rows: list[Row] = []
    if weights is not None:
        rows += where_possible("LM", lambda: dependence_rows(subject, panel, weights, form))
    if regression is not None:
        rows += panel_rows(regression, panel, seed)
    return [*rows, *(_spatial_rows(spatial, panel, weights, draws, seed) if spatial else ())]


def _tested(model: object) -> PanelRegression | SpatialPanel:
    """Return the panel regression or spatial panel that a model is; raises a `ConfigError` for others."""
    subject = regression_of(model) or spatial_of(model)
    if subject is None:
        what = Note("no_object") if model is None else Note("object_of_class", name=type(model).__name__)
        raise ConfigError(Note("no_tests_for", what=what))
    return subject


def _spatial_rows(model: SpatialPanel, panel: Panel, weights: Weights | None, draws: int, seed: int) -> list[Row]:
    """Return the tests of a spatial model: of simpler models, of random and fixed effects, of its residuals."""
    rows: list[Row] = []
    result = model.fit(panel, weights)
    if model.kind in ("sar", "sem", "sdm"):
        rows += where_possible("LR SDM", lambda: durbin_rows(as_durbin(model), panel, weights))
    rows += where_possible("Hausman", lambda: hausman_rows(model, panel, weights))
    rows += where_possible("LR of effects", lambda: effects_rows(model, panel, weights, draws, seed))
    if model.error_weights is not None:
        rows.append(Row("error_weights", Note("weights_of_the_lag")))
    return [*rows, cross_section_row(result, seed)]


def dependence_rows(
    model: PanelRegression | SpatialPanel, panel: Panel, weights: Weights | None, form: Form
) -> list[Row]:
    """Return the tests for spatial dependence of the regression without spatial terms, with the model's effects."""
    if model.effects != model.fixed:
        return [Row("LM", not_tested(Note("lm_of_fixed_effects")))]
    moran = residual_moran_row(panel, weights, model.y, model.regressors, model.fixed)
    return [*lm_rows(panel, weights, model.y, model.regressors, model.fixed, form), moran]


def as_durbin(model: SpatialPanel) -> SpatialPanel:
    """Return the spatial Durbin model that contains a model, with its Durbin set; if that is empty, all regressors."""
    durbin = changed(model, kind="sdm", error_weights=None)
    return durbin if durbin.lagged else changed(durbin, durbin="all")


class Diagnose(OfModel):
    """The tests that apply to a model, as a table.

    Attributes
    ----------
    form : {"corrected", "classic"}
    draws : int
        Bootstrap draws of the tests of fixed effects.
    seed : int
        See `diagnose`.
    """

    references: ClassVar[tuple[str, ...]] = ("anselin1996", "anselin2008", "debarsy2010")

    table_names: ClassVar[tuple[str, ...]] = ("tests",)
    takes_weights: ClassVar[bool] = True

    form: Form = "corrected"
    draws: BootstrapDraws = 199
    seed: Seed = 0

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if there are no tests for the model or it cannot be fitted."""
        _tested(self.model).check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``tests``, indexed by test."""
        rows = _rows(self.model, panel, weights, self.form, self.draws, self.seed)
        return {"tests": table(rows).set_index("test")}
