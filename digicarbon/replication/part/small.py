"""Small-sample factors of regressions with effects, counted from what was recorded."""

from __future__ import annotations

from digicarbon.model._absorption import TREND, group_column
from digicarbon.model.panel_iv import PanelIV
from digicarbon.model.panel_regression import PanelRegression
from digicarbon.numeric.linear.absorbed import Absorber, Groups
from digicarbon.numeric.linear.covariance import nested_effects
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.script.part import Part
from digicarbon.script.small import Small


def small_of_panel(part: Part, model: PanelRegression, by: str) -> Small:
    """Return what a panel regression's factor counts; clusters are by ``unit``, ``time``, ``both`` or ``none``."""
    removed = _removed(model)
    k = len(part.extract.regressors) + (removed == "none" or model.constant)
    if model.estimator == "lsdv":
        k = part.count("nobs") - part.count("df_resid")
    return counted(part, model.small_sample, by, removed, k)


def small_of_columns(part: Part, model: PanelRegression) -> tuple[Small, int]:
    """Return the same for a regression with further effects or clusters of columns, and the fewest clusters.

    What lies within clusters is read off the columns of groups in the extract.
    """
    index, columns = part.extract.index, part.extract.columns
    own = {"unit": Groups(index.unit_codes, part.extract.n), "time": Groups(index.period_codes, part.extract.t)}
    by = {"none": (), "both": ("unit", "time"), "two_way": ("unit", "time")}

    def read(effect: str) -> Groups:
        return Groups.of([columns[group_column(effect)].astype(int)])

    if model.own_clusters:
        clusters = [read(name) for name in model.own_clusters]
    else:
        clusters = [own[name] for name in by.get(str(model.cluster), (str(model.cluster),))]
    effects = [own[name] for name in by.get(model.fixed, (model.fixed,))] + [read(name) for name in model.absorb]
    if model.trends is not None:
        groups = read(model.trends)
        effects.append(Groups(groups.codes, groups.count, columns[TREND]))
    small = small_of_panel(part, model, "none")
    nested = Absorber(effects).nested(clusters) if effects and model.cov == "cluster" else 0
    # a constant beside effects is one of their parameters
    k = len(part.extract.regressors) + (model.constant or not effects)
    absorbed = part.count("nobs") - part.count("df_resid") - k
    fewest = min(one.count for one in clusters) if model.cov == "cluster" else part.count("nobs")
    return Small(small.rule, small.nobs, k, absorbed, nested), fewest


def small_of_iv(part: Part, model: PanelIV, by: str) -> Small:
    """Return what the factor of a regression with instruments counts; arguments as in `small_of_panel`."""
    k = len(part.extract.regressors) + (model.effects == "none")
    return counted(part, model.small_sample, by, model.effects, k)


def _removed(model: PanelRegression) -> EffectsKind:
    """Return the fixed effects that are removed before least squares."""
    if model.estimator in ("lsdv", "between"):
        return "none"
    if model.estimator == "first_difference":
        return "time" if model.effects == "two_way" else "none"
    return model.fixed


def counted(part: Part, rule: str, by: str, removed: EffectsKind, k: int) -> Small:
    """Return what a factor counts, from the rule, what a cluster is, the effects that are removed, and parameters."""
    nobs, df_resid, n, t = (part.count(name) for name in ("nobs", "df_resid", "n_units", "n_periods"))
    nested = 0
    if by in ("unit", "both"):
        nested += nested_effects("unit", removed, n, t)
    if by in ("time", "both"):
        nested += nested_effects("time", removed, n, t)
    return Small(rule, nobs, k, nobs - df_resid - k, nested)
