"""Spatial panels by period as scripts have them: base R, and nothing in Stata."""

from __future__ import annotations

import numpy as np

from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.packs.space_gaps.model.unbalanced_spatial import UnbalancedSpatialPanel
from digicarbon.panel import Panel
from digicarbon.replication.part import spatial_r
from digicarbon.replication.part.spatial_r import called_in, effects_lines
from digicarbon.script.extract import Extract, columns_of
from digicarbon.script.r import RPart, code, vector
from digicarbon.script.stata import StataPart
from digicarbon.script.words import chunks
from digicarbon.weights import Weights

MOST_ROWS = 1000
"""Rows up to which R has all periods in one plain matrix."""


def extract(model: UnbalancedSpatialPanel, panel: Panel, weights: Weights | None) -> Extract:
    """Return the columns of the model with the spatial lags by the first W that are in it, and further weights."""
    if weights is None:
        raise WeightsError(Note("script_without_weights", kind=model.kind))
    design = model.design(panel, weights)
    made = panel.with_terms(model.terms)
    level = design.rows(design.level)
    lags = {f"W_{name}": np.ascontiguousarray(level[:, design.names.index(f"W_{name}")]) for name in model.lagged}
    further = tuple(one.for_panel(panel) for one in model.further_of(panel))
    columns = columns_of(made, model.terms) | lags
    return Extract(made.index, columns, model.regressors, weights, further, model.lagged)


def r(part: RPart, model: UnbalancedSpatialPanel) -> list[str]:
    """Return the model in base R."""
    every = [one for one in (part.extract.weights, *part.extract.further) if one is not None]
    if part.result.boundary:
        return part.skip("an estimate at the boundary of its range, where the score has no zero")
    if len(part.extract.index) > MOST_ROWS:
        return part.skip(f"more than {MOST_ROWS} rows, too many for plain matrices of all of them")
    if model.own_clusters:
        return part.skip("clusters of a column, which are not written here")
    part.functions += [*code(spatial_r.__package__, "spatial"), *code(__package__, "periods")]
    again = [model.restandardise and one.means for one in every]
    adjusted = model.bias_correction == "adjusted_score" and model.effects != "none"
    lines = chunks(
        [
            part.data,
            f'"{part.names[model.y]}"',
            vector([part.names[name] for name in part.extract.regressors]),
            vector([part.names[name] for name in part.extract.lagged]),
            f"list({', '.join([part.matrix, *part.further])})",
            str(model.durbin_by == "every").upper(),
            f'"{model.kind}"',
            f'"{model.effects}"',
            str(adjusted).upper(),
            f"c({', '.join(str(one).upper() for one in again)})",
            str(model.cov == "cluster").upper(),
        ],
        "fit <- period_ml(",
        ", ",
        ")",
    )
    errors = "setNames(sqrt(diag(fit$V)), names(fit$coefficients))"
    lines += part.compare("fit$coefficients", errors, called_in(part), "1e-5")
    return [*lines, *effects_lines(part, exact=True)]


def stata(part: StataPart, model: UnbalancedSpatialPanel) -> list[str]:
    """Return why Stata has no such model."""
    return part.skip(
        f"the model {model.kind} by period: spxtregress takes balanced panels and weights that do not vary, "
        "and has no adjusted score"
    )
