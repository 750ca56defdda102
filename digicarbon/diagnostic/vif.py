"""Variance inflation factors of a model's regressors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._arguments import fitted_model, with_call
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model import Model
from digicarbon.model._panel_columns import rows_of
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.within import EffectsKind, absorb, dependent, vanishing
from digicarbon.numeric.tests.association import inflation_factors
from digicarbon.panel import Panel
from digicarbon.weights import Weights


class Vif(OfModel):
    """Variance inflation factors, Stata's estat vif and R's car::vif, before and after the model's effects."""

    table_names: ClassVar[tuple[str, ...]] = ("vif",)

    @property
    def terms(self) -> tuple[str, ...]:
        """The regressors."""
        return self.model.regressors

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the factors do not exist."""
        vif(self.model, panel)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``vif``, indexed by term, the mean in the last row."""
        return {"vif": vif(self.model, panel)}


@with_call
def vif(model: Model, panel: Panel) -> pd.DataFrame:
    """Return variance inflation factors of a model's regressors.

    Parameters
    ----------
    model : Model
        With a field ``effects``, or without effects; random effects count as none.
    panel : Panel
        Balanced or not.

    Returns
    -------
    DataFrame
        Index term, the mean last; columns ``raw`` (regressors and a constant), ``within`` (after the model's effects;
        equal to ``raw`` without effects) and ``within_r2``, the R² of a regressor on the others after the effects.

    Raises
    ------
    ConfigError
        If the model has no regressors, or is not a model.
    DataError
        If a column is missing.
    EstimationError
        If a regressor does not vary or depends exactly on others.
    """
    model = fitted_model(model, Note("the_inflation_factor"))
    if not model.regressors:
        raise ConfigError(Note("vif_without_regressors"))
    data = panel.with_terms(model.regressors)
    names = data.expanded(model.regressors)
    values = data.array(names)
    raw = _factors(names, values - values.mean(axis=0), values, "")
    effects = _effects(model)
    after = raw if effects == "none" else _factors(names, absorb(values, rows_of(data), effects), values, effects)
    # a factor is 1/(1 - R²)
    table = pd.DataFrame({"raw": raw, "within": after, "within_r2": 1 - 1 / after}, index=pd.Index(names, name="term"))
    table.loc["mean"] = [raw.mean(), after.mean(), np.nan]
    return table


def _effects(model: Model) -> EffectsKind:
    effects = getattr(model, "effects", "none")
    kinds: tuple[EffectsKind, ...] = ("unit", "time", "two_way")
    return next((kind for kind in kinds if kind == effects), "none")


def _factors(names: tuple[str, ...], centred: FloatArray, before: FloatArray, effects: str) -> FloatArray:
    after = Note("after_effects", effects=effects) if effects else ""
    constants = vanishing(centred, before)
    if constants:
        raise EstimationError(Note("vif_constant", terms=cut(names[j] for j in constants), after=after))
    for j, others in dependent(centred):
        raise EstimationError(Note("vif_infinite", term=names[j], others=cut(names[i] for i in others), after=after))
    return inflation_factors(centred)
