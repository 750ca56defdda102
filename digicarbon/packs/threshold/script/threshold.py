"""Threshold regressions in R and Stata: the search as a plain loop or as xthreg, and the slopes of regimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digicarbon.model._absorption import group_column, group_columns
from digicarbon.model.panel_regression import PanelRegression
from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.replication.part import panel_r, panel_stata
from digicarbon.script.extract import Extract, columns_of
from digicarbon.script.r import DUMMIES, RPart, within
from digicarbon.script.stata import StataPart
from digicarbon.script.words import number, wrapped

if TYPE_CHECKING:
    from digicarbon.packs.threshold.model.base import PanelThreshold
    from digicarbon.panel import Panel
    from digicarbon.weights import Weights

SEARCH = """# thresholds one by one, the earlier ones again given the others, by least squares on all candidates
threshold_search <- function(y, x, z, q, within, count, trim) {
  least <- ceiling(trim * length(q) - 1e-9)
  values <- sort(unique(q))
  left <- within(cbind(y))
  base <- within(cbind(x, z))
  ssr <- function(cuts) {
    below <- do.call(cbind, lapply(cuts, function(g) x * (q <= g)))
    sum(lm.fit(cbind(base, within(below)), left)$residuals^2)
  }
  allowed <- function(g, others) min(table(cut(q, c(-Inf, sort(c(others, g)), Inf)))) >= least
  best <- function(others) {
    candidates <- Filter(function(g) allowed(g, others), setdiff(values, others))
    candidates[which.min(sapply(candidates, function(g) ssr(c(others, g))))]
  }
  found <- c()
  for (m in seq_len(count)) {
    found <- c(found, best(found))
    for (cycle in 1:20) {
      before <- found
      for (j in seq_along(found)) if (m > 1) found[j] <- best(found[-j])
      if (all(before == found)) break
    }
  }
  sort(found)
}"""


def extract(model: PanelThreshold, panel: Panel, weights: Weights | None) -> Extract:
    """Return outcome, slopes of regimes and controls, and beside them x and the threshold variable as they are."""
    regimes = model.regimes(panel, weights)
    made = regimes.panel
    if isinstance(regimes.regression, SpatialPanel):
        return regimes.regression.extract(made, weights)
    controls = made.expanded(model.controls, among=model.terms)
    names = dict.fromkeys((model.y, *regimes.focal, *controls, *regimes.x, model.threshold))
    columns = columns_of(made, tuple(names)) | group_columns(made, (), None, model.own_clusters)
    return Extract(made.index, columns, (*regimes.focal, *controls), weights)


def in_r(part: RPart, model: PanelThreshold) -> list[str]:
    """Return the slopes of regimes, and the search for the thresholds as a loop in R."""
    regression = _regression(part, model)
    if isinstance(regression, SpatialPanel):
        return [*regression.r(part), *part.skip("thresholds in a spatial model, which no package searches")]
    lines = panel_r.script(part, regression)
    if model.grid is not None:
        return [*lines, *part.skip("thresholds among quantiles, whose candidates a loop in R does not have")]
    removed = within(model.effects, part.extract.balanced)
    if removed == DUMMIES:
        return [*lines, *part.skip("thresholds of an unbalanced panel with two-way effects, which a loop is slow for")]
    part.functions.append(SEARCH)
    x, controls, q = _columns(part, model)
    known = [part.result.statistics[f"threshold_{at}"] for at in range(1, model.thresholds + 1)]
    expected = ", ".join(f"threshold_{at} = {number(value)}" for at, value in enumerate(known, start=1))
    common = f"cbind({', '.join(controls)})" if controls else "NULL"
    return [
        *lines,
        f"found <- with({part.data}, threshold_search({part.names[model.y]}, cbind({', '.join(x)}),",
        f"  {common}, {q},",
        f"  function(m) apply(m, 2, function(v) {removed}), {model.thresholds}, {model.trim}))",
        "names(found) <- paste0('threshold_', seq_along(found))",
        f'check(paste(run, "(thresholds)"), found, c({expected}), what = "threshold")',
    ]


def in_stata(part: StataPart, model: PanelThreshold) -> list[str]:
    """Return the slopes of regimes, and what xthreg is told where it has the model."""
    regression = _regression(part, model)
    if isinstance(regression, SpatialPanel):
        why = "thresholds are not searched again: no package does so in a spatial model"
        return [*regression.stata(part), *wrapped("*", f"The {why}.")]
    lines = panel_stata.script(part, regression)
    if model.effects != "unit" or not part.extract.balanced:
        why = "thresholds are not searched again: xthreg takes balanced panels with unit effects"
        return [*lines, *wrapped("*", f"The {why}.")]
    x, controls, q = _columns(part, model)
    part.packages.append("xthreg (search xthreg)")
    each = " ".join
    options = [
        f"rx({each(x)})",
        f"qx({q})",
        f"thnum({model.thresholds})",
        f"trim({each([f'{model.trim:g}'] * model.thresholds)})",
        f"grid({model.grid or 400})",
        f"bs({each([str(model.threshold_draws)] * model.thresholds)})",
    ]
    known = [part.result.statistics[f"threshold_{at}"] for at in range(1, model.thresholds + 1)]
    values = ", ".join(number(value) for value in known)
    return [
        *lines,
        *wrapped("*", f"Thresholds: xthreg searches quantiles, so that it may stop near the recorded {values}."),
        f"xthreg {each([part.names[model.y], *controls])}, {each(options)}",
    ]


def _columns(part: RPart | StataPart, model: PanelThreshold) -> tuple[list[str], list[str], str]:
    """Return the names of x, of controls and of the threshold variable in the tool."""
    own = {*part.result.focal, *map(group_column, model.own_clusters)}
    controls = [name for name in part.extract.regressors if name not in own]
    outside = [name for name in part.extract.columns if name not in own and name not in controls]
    x = [name for name in outside if name not in (model.y, model.threshold) or name in model.x]
    return [part.names[name] for name in x], [part.names[name] for name in controls], part.names[model.threshold]


def _regression(part: RPart | StataPart, model: PanelThreshold) -> PanelRegression | SpatialPanel:
    """Return the regression on the columns of regimes."""
    own = set(part.result.focal)
    return model.regression(
        [name for name in part.extract.regressors if name in own],
        [name for name in part.extract.regressors if name not in own],
    )
