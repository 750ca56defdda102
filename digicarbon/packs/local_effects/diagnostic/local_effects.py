"""Effects of each unit in a spatial model: its own, what it receives and sends, and where a change in it is felt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._arguments import spatial_or, with_call
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model._spatial_result import picked
from digicarbon.model.base import needed
from digicarbon.note import Note, cut, suggestion
from digicarbon.packs.local_effects.numeric.local import by_unit, felt
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.spec import Names
from digicarbon.weights import Weights

LOCAL = ("own effect", "received", "sent")
MOST_SHOCKS = 60
"""Up to this many units a change in each of them is kept."""


@with_call
def local_effects(result: Result, panel: Panel, weights: Weights, terms: Sequence[str] = ()) -> pd.DataFrame:
    """Return the effects of each unit in a spatial model, with standard errors by the delta method.

    Parameters
    ----------
    result : Result
        Of a `SpatialPanel`.
    panel, weights
        Those of the fit.
    terms : sequence of str
        By default the focal ones.

    Returns
    -------
    DataFrame
        Index: term, effect, unit; columns coef, se, stat, p, low, high. Effects are ``own effect`` (of x in the unit on
        the unit), ``received`` (of x in all other units on it) and ``sent`` (of x in it on all other units).

    Raises
    ------
    ConfigError
        If a term is none of the model, or the model has several weights, weights that are estimated or differ between
        periods, or slopes by group.
    EstimationError
        If ρ or λ is at an end of its range.

    Notes
    -----
    Coefficients are the same in all units: effects differ between units through W alone. Means of own effects and of
    received ones are the direct and the indirect effect. LeSage & Pace (2009), sec. 2.7; Debarsy & Ertur (2010).
    """
    _refuse_other(result, panel)
    frames = {}
    for term in terms or result.focal:
        beta, theta, rho, covariance = _parameters(result, term)
        found = by_unit(beta, theta, rho, covariance, weights.align(panel).operator)
        columns = result.inference.columns(found.coef.ravel(), found.se.ravel())
        index = pd.MultiIndex.from_product([LOCAL, panel.units], names=["effect", panel.unit_name])
        frames[term] = pd.DataFrame(columns, index=index)
    return pd.concat(frames, names=["term"])


@with_call
def shock(result: Result, panel: Panel, weights: Weights, unit: str, terms: Sequence[str] = ()) -> pd.DataFrame:
    """Return what a change of x by one in a single unit does to the outcome of every unit.

    Parameters
    ----------
    result, panel, weights, terms
        As in `local_effects`.
    unit : str
        Where x changes.

    Returns
    -------
    DataFrame
        Index: term, unit; columns coef, se, stat, p, low, high.

    Raises
    ------
    ConfigError, EstimationError
        As in `local_effects`; also if the panel has no such unit.
    """
    _refuse_other(result, panel)
    refuse_unknown_unit(unit, panel.units, "unit")
    frames = {}
    for term in terms or result.focal:
        numbers = felt(*_parameters(result, term), weights.align(panel).operator, panel.units.index(unit))
        index = pd.Index(panel.units, name=panel.unit_name)
        frames[term] = pd.DataFrame(result.inference.columns(*numbers), index=index)
    return pd.concat(frames, names=["term"])


def refuse_unknown_unit(unit: str, units: Sequence[str], key: str) -> None:
    """Raise a ConfigError with a suggestion unless a unit is one of the panel."""
    if unit not in units:
        raise ConfigError(Note("shock_unknown_unit", key=key, unit=unit, hint=suggestion(unit, units)))


def _refuse_other(result: Result, panel: Panel) -> None:
    """Refuse a model in which one W and one slope do not say what each unit feels."""
    lags = [(role.kind, role.of) for role in result.roles if role.kind in ("lag_y", "lag_x")]
    estimated = any(role.kind == "decay" for role in result.roles)
    by_group = any(made.level for role in result.roles if role.kind == "regressor" for made in role.made_of)
    if estimated or by_group or len(set(lags)) < len(lags) or not panel.balanced:
        raise ConfigError(Note("local_of_other_model"))


def _parameters(result: Result, term: str) -> tuple[float, float, float, FloatArray]:
    """Return β, θ and ρ of a term with their covariance; what the model does not have is zero."""
    if term not in result.terms_of("regressor"):
        raise ConfigError(Note("local_unknown_term", term=term, terms=cut(result.terms_of("regressor"))))
    if result.end:
        raise EstimationError(Note("local_at_end", parameter=result.end))
    roles = zip(result.terms, result.roles, strict=True)
    parts = tuple((role.kind, name if role.kind == "regressor" else role.of) for name, role in roles)
    lag_y = next((part for part in parts if part[0] == "lag_y"), ("lag_y", ""))
    coef, covariance = picked((("regressor", term), ("lag_x", term), lag_y), parts, result.coef, result.covariance)
    return float(coef[0]), float(coef[1]), float(coef[2]), covariance


class LocalEffects(OfModel):
    """Each unit's own effect, what it receives and sends, and where a change in single units is felt.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the spatial model of the run.
    variables : tuple of str
        Terms; empty takes the focal ones.
    shocks : tuple of str
        Units in which x changes, for maps of where that is felt; empty takes every unit of a panel of up to 60 units,
        and none of a larger one.
    """

    references: ClassVar[tuple[str, ...]] = ("debarsy2010", "lesage2009")

    notes: ClassVar[tuple[Note, ...]] = (Note("local_effects"),)
    """Why effects differ between units."""
    table_names: ClassVar[tuple[str, ...]] = ("local_effects", "shocks")
    listings = table_names
    takes_weights: ClassVar[bool] = True

    variables: Names = ()
    shocks: Names = ()

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the run's model is not spatial, or a unit of ``shocks`` is none of the panel."""
        spatial = spatial_or(self.model, Note("local_of_other_model"))
        for name in self.variables:
            if name not in spatial.regressors:
                raise ConfigError(Note("local_unknown_term", term=name, terms=cut(spatial.regressors)))
        for unit in self.shocks:
            refuse_unknown_unit(unit, panel.units, "diagnostic.shocks")
        spatial.check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``local_effects``, and ``shocks``: index term, the unit where x changes, and that which feels it."""
        spatial = spatial_or(self.model, Note("local_of_other_model"))
        weights = needed(weights, spatial.kind)
        result = spatial.by_errors.fit(panel, weights)
        tables = {"local_effects": local_effects(result, panel, weights, self.variables)}
        units = self.shocks or (panel.units if len(panel.units) <= MOST_SHOCKS else ())
        if units:
            frames = {unit: shock(result, panel, weights, unit, self.variables) for unit in units}
            both = pd.concat(frames, names=["change in"]).swaplevel(0, 1)
            tables["shocks"] = both.sort_index(level=0, sort_remaining=False, kind="stable")
        return tables
