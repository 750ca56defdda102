"""The decision path to a spatial model: dependence, nested models, random or fixed effects, which fixed effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import pandas as pd
from pydantic import Field

from digicarbon.diagnostic._arguments import spatial_or
from digicarbon.diagnostic._rows import aligned, in_english, where_possible
from digicarbon.diagnostic.diagnose import BootstrapDraws, as_durbin, dependence_rows
from digicarbon.diagnostic.nested import durbin_rows, effects_rows, hausman_rows
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.model import Model
from digicarbon.note import Note
from digicarbon.numeric.significance import is_significant
from digicarbon.numeric.tests.spatial_lm import Form
from digicarbon.panel import Panel
from digicarbon.weights import Weights

OF_SPATIAL_MODEL = Note("choice_needs_spatial_model")
COLUMNS = ("step", "test", "statistic", "p", "decision")


def choose(
    model: Model,
    panel: Panel,
    weights: Weights | None,
    form: Form = "corrected",
    draws: int = 199,
    seed: int = 0,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Walk the decision path from the regression without spatial terms to a spatial model.

    Parameters
    ----------
    model : SpatialPanel
        Its terms, Durbin set, effects and correction are used; its kind is not: the tests choose it.
    panel, weights
        As `SpatialPanel.fit` takes them.
    form, draws, seed
        As in `digicarbon.diagnose`.
    alpha : float
        The level of each test.

    Returns
    -------
    DataFrame
        Columns step, test, statistic, p, decision; the last row names the chosen model in words.

    Raises
    ------
    ConfigError
        If the model is not a spatial one.

    Notes
    -----
    The path of Elhorst (2014, sec. 2.8): the Durbin model remains unless its likelihood-ratio test accepts one simpler
    model and the robust Lagrange multiplier tests point to the same one. Each test is at level ``alpha`` and none is
    corrected for the others: the path is a description, not a proof.
    """
    return in_english(_path(model, panel, weights, form, draws, seed, alpha))


def _path(
    model: Model, panel: Panel, weights: Weights | None, form: Form, draws: int, seed: int, alpha: float
) -> pd.DataFrame:
    """Return the table of `choose` with notes as decisions."""
    spatial = spatial_or(model, OF_SPATIAL_MODEL)
    aligned(panel, weights, Note("a_spatial_model"))
    durbin = as_durbin(spatial)
    steps = {
        "dependence": dependence_rows(spatial, panel, weights, form),
        "nested": durbin_rows(durbin, panel, weights),
        "hausman": where_possible("Hausman", lambda: hausman_rows(durbin, panel, weights)),
        "effects": effects_rows(durbin, panel, weights, draws, seed),
    }
    lines = [
        (step, row.test, row.statistic, row.p, row.decision(alpha)) for step, rows in steps.items() for row in rows
    ]
    p = {row.test: row.p for rows in steps.values() for row in rows if row.reliable}
    lines.append(("choice", "model", float("nan"), float("nan"), _choice(p, alpha)))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _choice(p: Mapping[str, float], alpha: float) -> Note:
    """Return the kind of model and the effects that the tests support, with the reasons."""
    effects = _effects(p, alpha)
    # a test that was not made has no p value and rejects nothing
    rejects = {test: is_significant(value, alpha) for test, value in p.items()}
    if "LM lag" in p and not (rejects["LM lag"] or rejects["LM error"]):
        return Note("choose_ols", effects=effects)
    lag, error = rejects.get("robust LM lag", False), rejects.get("robust LM error", False)
    accepted = {name: not is_significant(p.get(f"LR SDM to {name}", 0.0), alpha) for name in ("SAR", "SEM")}
    if accepted["SAR"] and lag and not error:
        return Note("choose_sar", effects=effects)
    if accepted["SEM"] and error and not lag:
        return Note("choose_sem", effects=effects)
    if accepted["SAR"] or accepted["SEM"]:
        return Note("choose_sdm_both", effects=effects)
    return Note("choose_sdm", effects=effects)


def _effects(p: Mapping[str, float], alpha: float) -> Note:
    """Return the effects that the tests support, with the reason."""
    kinds = [
        name
        for name in ("unit", "time")
        if is_significant(p.get(f"LR {name} effects, bootstrap", p.get(f"LR {name} effects", 0.0)), alpha)
    ]
    random = "unit" in kinds and not is_significant(p.get("Hausman", 0.0), alpha)
    if not kinds:
        return Note("neither_effects")
    if len(kinds) == 2:
        return Note("each_effects", kinds=Note("random_unit_and_time" if random else "unit_and_time"))
    return Note("one_kind_effects", kinds=Note("random_unit") if random else kinds[0])


class Choice(OfModel):
    """The decision path to a spatial model, as a table.

    Attributes
    ----------
    form : {"corrected", "classic"}
    draws : int
        Bootstrap draws of the tests of fixed effects.
    seed : int
        Of the random draws.
    alpha : float
        The level of each test; see `choose`.
    """

    references: ClassVar[tuple[str, ...]] = ("anselin1996", "elhorst2014")

    table_names: ClassVar[tuple[str, ...]] = ("choice",)
    takes_weights: ClassVar[bool] = True

    form: Form = "corrected"
    draws: BootstrapDraws = 199
    seed: int = 0
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model is not spatial or cannot be fitted."""
        spatial_or(self.model, OF_SPATIAL_MODEL).check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``choice``, indexed by step and test."""
        frame = _path(self.model, panel, weights, self.form, self.draws, self.seed, self.alpha)
        return {"choice": frame.set_index(["step", "test"])}
