"""Spatial panels by period as scripts have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digicarbon.errors import WeightsError
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.script.extract import Extract, columns_of
from digicarbon.script.r import RPart
from digicarbon.script.stata import StataPart
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.unbalanced_spatial import UnbalancedSpatialPanel


def extract(model: UnbalancedSpatialPanel, panel: Panel, weights: Weights | None) -> Extract:
    """Return the columns of the model with the spatial lags by the first W that are in it."""
    if weights is None:
        raise WeightsError(Note("script_without_weights", kind=model.kind))
    design = model.design(panel, weights)
    made = panel.with_terms(model.terms)
    level = design.rows(design.level)
    lags = {f"W_{name}": level[:, design.names.index(f"W_{name}")] for name in model.lagged}
    columns = columns_of(made, (model.y, *model.regressors)) | lags
    return Extract(made.index, columns, model.regressors, weights, lagged=model.lagged)


def r(part: RPart, model: UnbalancedSpatialPanel) -> list[str]:
    """Return the model in base R."""
    return part.skip("a spatial panel by period")


def stata(part: StataPart, model: UnbalancedSpatialPanel) -> list[str]:
    """Return why Stata has no such model."""
    return part.skip(
        "spxtregress takes balanced panels and one set of weights of all periods, and has no adjusted score"
    )
