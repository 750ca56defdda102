"""The decision path to a spatial model: dependence, nested models, random or fixed effects, which fixed effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import pandas as pd
from pydantic import Field

from digicarbon.diagnostic._arguments import spatial_of
from digicarbon.diagnostic._rows import Row, aligned, where_possible
from digicarbon.diagnostic.base import Diagnostic
from digicarbon.diagnostic.diagnose import BootstrapDraws, ModelNode, as_durbin, dependence_rows
from digicarbon.diagnostic.nested import durbin_rows, effects_rows, hausman_rows
from digicarbon.errors import ConfigError
from digicarbon.model import Model
from digicarbon.numeric.tests.spatial_lm import Form
from digicarbon.panel import Panel
from digicarbon.weights import Weights

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
        Its terms, durbin set, effects and correction are taken; its kind is what is asked.
    panel, weights
        As `SpatialPanel.fit` takes them.
    form, draws, seed
        As in `digicarbon.diagnose`.
    alpha : float
        The level of each test.

    Returns
    -------
    DataFrame
        Columns step, test, statistic, p, decision; the last row says the chosen model in words.

    Raises
    ------
    ConfigError
        If the model is not a spatial one.

    Notes
    -----
    The path of Elhorst (2014, sec. 2.8): the Durbin model is kept unless its likelihood-ratio test holds one simpler
    model and the robust Lagrange multiplier tests point to the same one. Each test is at level ``alpha`` and none is
    corrected for the others: the path describes, it is no proof.
    """
    spatial = spatial_of(model)
    if spatial is None:
        raise ConfigError("The decision path needs a spatial model; choose e.g. model=sdm.")
    aligned(panel, weights, "a spatial model")
    durbin = as_durbin(spatial)
    steps = {
        "dependence": dependence_rows(spatial, panel, weights, form),
        "nested": durbin_rows(durbin, panel, weights),
        "hausman": where_possible("Hausman", lambda: hausman_rows(durbin, panel, weights)),
        "effects": effects_rows(durbin, panel, weights, draws, seed),
    }
    lines = [
        (step, row.test, row.statistic, row.p, _decision(row, alpha)) for step, rows in steps.items() for row in rows
    ]
    p = {row.test: row.p for rows in steps.values() for row in rows if row.reliable}
    kind, effects = _kind(p, alpha), _effects(p, alpha)
    lines.append(("choice", "model", float("nan"), float("nan"), f"{kind}; {effects}"))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _decision(row: Row, alpha: float) -> str:
    """Return whether a null is rejected, with the null."""
    if row.p != row.p:
        return row.null
    if not row.reliable:
        return f"no decision: {row.null}"
    return f"{'rejected' if row.p <= alpha else 'not rejected'} at {alpha:g}: {row.null}"


def _kind(p: Mapping[str, float], alpha: float) -> str:
    """Return the kind of model that the tests leave, with the reason."""
    # a test that was not made has no p value and rejects nothing
    rejects = {test: value <= alpha for test, value in p.items()}
    if "LM lag" in p and not (rejects["LM lag"] or rejects["LM error"]):
        return "regression without spatial terms, since neither a spatial lag nor a spatial error is found"
    lag, error = rejects.get("robust LM lag", False), rejects.get("robust LM error", False)
    holds = {name: p.get(f"LR SDM to {name}", 0.0) > alpha for name in ("SAR", "SEM")}
    if holds["SAR"] and lag and not error:
        return "spatial lag model (SAR), since the Durbin model reduces to it and the robust test points to the lag"
    if holds["SEM"] and error and not lag:
        return "spatial error model (SEM), since the Durbin model reduces to it and the robust test points to the error"
    if holds["SAR"] or holds["SEM"]:
        return "spatial Durbin model (SDM), since the tests disagree on a simpler one and it holds both"
    return "spatial Durbin model (SDM), since it does not reduce to a simpler one that was tested"


def _effects(p: Mapping[str, float], alpha: float) -> str:
    """Return the effects that the tests leave, with the reason."""
    needed = [
        name
        for name in ("unit", "time")
        if p.get(f"LR {name} effects, bootstrap", p.get(f"LR {name} effects", 0.0)) <= alpha
    ]
    if "unit" in needed and p.get("Hausman", 0.0) > alpha:
        needed[0] = "random unit"
    if not needed:
        return "no fixed effects, since neither kind is needed beside the other"
    both = " and ".join(needed)
    reason = "each is needed beside the other" if len(needed) == 2 else "the other kind is not needed beside it"
    return f"{both} effects, since {reason}"


class Choice(Diagnostic):
    """The decision path to a spatial model, as a table.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run.
    form : {"corrected", "classic"}
    draws : int
        Bootstrap draws of the tests of fixed effects.
    seed : int
        Of the random draws.
    alpha : float
        The level of each test; see `choose`.
    """

    table_names: ClassVar[tuple[str, ...]] = ("choice",)
    takes_weights: ClassVar[bool] = True

    model: ModelNode
    form: Form = "corrected"
    draws: BootstrapDraws = 199
    seed: int = 0
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05

    @property
    def terms(self) -> tuple[str, ...]:
        """The model's columns."""
        return self.model.terms

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted."""
        self.model.check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``choice``, indexed by step and test."""
        found = choose(self.model, panel, weights, self.form, self.draws, self.seed, self.alpha)
        return {"choice": found.set_index(["step", "test"])}
