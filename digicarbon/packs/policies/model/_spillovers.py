"""Columns of a panel that say how much the policies of other units reach a row."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.country import country
from digicarbon.errors import DataError, EstimationError, WeightsError
from digicarbon.model.base import with_links
from digicarbon.note import Note, cut
from digicarbon.numeric.spatial.proximity import pairs_within
from digicarbon.packs.policies.model._fields import Exposure, _PolicyModel
from digicarbon.packs.policies.model._timing import timing_of
from digicarbon.packs.policies.numeric.spillovers import in_rings, nearest_treated
from digicarbon.panel import Panel
from digicarbon.result import Constituent, MadeOf
from digicarbon.weights import Weights
from digicarbon.weights.places import PlacedWeights

NOTHING = Exposure({}, {}, {}, ())


def exposure(model: _PolicyModel, panel: Panel, weights: Weights | None) -> Exposure:
    """Return how the policies of others reach the rows of a panel; nothing where the model has no spillovers.

    ``panel``: with every term of the model and with all units: those that an estimator leaves out are neighbours, too.
    Raises DataError, EstimationError, WeightsError if places or weights are missing, nobody is exposed, in a ring or at
    all, or everybody is.
    """
    if model.spillovers == "none":
        return NOTHING
    paths = policy_paths(model, panel)
    cells = panel.unit_codes, panel.period_codes
    own = paths[cells]
    reached = _share(model, panel, paths, weights) if model.spillovers == "neighbours" else _rings(model, panel, paths)
    by_level = {level: values[cells] for level, values in reached.items()}
    if model.how.marks_exposed:
        # the mean of rows without the policy that others reach
        by_level = {level: np.where((own == 0) & (values > 0), 1.0, 0.0) for level, values in by_level.items()}
    elif model.receivers == "untreated":
        by_level = {level: values * (own == 0) for level, values in by_level.items()}
    _refuse_no_contrast(model, by_level, own, panel)
    columns: dict[str, FloatArray] = {}
    made_of: dict[str, MadeOf] = {}
    mean: dict[str, float] = {}
    total = np.sum(list(by_level.values()), axis=0)
    by = np.ones(len(own)) if model.observation_weights is None else panel.column(model.observation_weights)
    # weights decide how large a share is, zero means nobody
    exposed = (own == 0) & (total > 0) & (by > 0)
    if not exposed.any():
        raise EstimationError(Note("did_nobody_exposed", key="spillovers", policy=model.policy))
    for level, values in by_level.items():
        part = Constituent(model.policy, level=level)
        term = f"{model.policy}[{level}]"
        columns[term], made_of[term] = values, (part,)
        mean[term] = float(np.average(values[exposed], weights=by[exposed]))
        if model.receivers == "interacted" and not model.how.marks_exposed:
            both = f"{model.policy}:{term}"
            columns[both], made_of[both] = own * values, (Constituent(model.policy), part)
    return Exposure(columns, made_of, mean, _notes(model, weights, exposed, panel))


def policy_paths(model: _PolicyModel, panel: Panel) -> FloatArray:
    """Return each unit's policy in each period of the panel, shape (N, T), also where the unit has no row.

    Raises DataError if the policy is a share and the panel has gaps: the path of a unit is then not known.
    """
    if model.is_share(panel):
        if not panel.balanced:
            raise DataError(Note("did_spillovers_of_share", policy=model.policy))
        return panel.column(model.policy).reshape(panel.shape)
    return timing_of(panel, model.policy).paths(model.anticipation)


def _share(model: _PolicyModel, panel: Panel, paths: FloatArray, weights: Weights | None) -> dict[str, FloatArray]:
    """Return the share of neighbours under the policy."""
    if weights is None:
        raise WeightsError(Note("did_spillovers_need_weights", key="weights"))
    aligned = with_links(weights, panel)
    # of a regression it is the coefficient of the share, of imputation the mean of rows with such neighbours
    level = "neighbours" if model.how.marks_exposed else "share of neighbours"
    return {level: np.asarray(aligned.matrix @ paths)}


def _rings(model: _PolicyModel, panel: Panel, paths: FloatArray) -> dict[str, FloatArray]:
    """Return whether the nearest other unit under the policy is in each ring."""
    named = {model.longitude, model.latitude}
    strangers = country().strangers(panel.units)
    if strangers and not named <= set(panel.names):
        raise DataError(
            Note("did_without_places", longitude=model.longitude, latitude=model.latitude, units=cut(sorted(strangers)))
        )
    places = PlacedWeights(longitude=model.longitude, latitude=model.latitude).places(panel)
    pairs = pairs_within(places.coordinates, places.metric, model.rings[-1])
    rings = in_rings(nearest_treated(pairs, paths != 0), model.rings)
    levels = [f"{inner:g}-{outer:g} km" for inner, outer in pairwise(model.rings)]
    return {level: ring.astype(np.float64) for level, ring in zip(levels, rings, strict=True)}


def _refuse_no_contrast(model: _PolicyModel, by_level: Mapping[str, FloatArray], own: FloatArray, panel: Panel) -> None:
    """Refuse spillovers on nobody, in a ring or at all, and on everybody."""
    empty = [level for level, values in by_level.items() if not values.any()]
    if empty and model.spillovers == "rings":
        raise EstimationError(Note("did_ring_empty", key="rings", policy=model.policy, rings=cut(empty)))
    without: NDArray[np.bool_] = own == 0
    exposed = np.any([values != 0 for values in by_level.values()], axis=0)
    began = np.zeros(panel.shape[1], dtype=bool)
    began[panel.period_codes[~without]] = True
    after = began[panel.period_codes]
    # a share differs between units that are all exposed
    marks = model.spillovers == "rings" or model.how.marks_exposed
    if marks and not (without & ~exposed & after).any():
        raise EstimationError(Note("did_everybody_exposed", key="spillovers", policy=model.policy))


def _notes(model: _PolicyModel, weights: Weights | None, exposed: NDArray[np.bool_], panel: Panel) -> tuple[Note, ...]:
    policy = model.policy
    units = len(np.unique(panel.unit_codes[exposed]))
    counts = {"policy": policy, "rows": int(exposed.sum()), "units": units}
    name = "" if weights is None else weights.called
    if model.spillovers == "rings":
        reach = Note("did_rings", last=f"{model.rings[-1]:g}", **counts)
    elif model.how.marks_exposed:
        reach = Note("did_neighbours", weights=name, **counts)
    else:
        reach = Note("did_share_of_neighbours", weights=name, **counts)
    if model.how.marks_exposed or model.receivers == "untreated":
        return reach, Note("did_with_spillovers", policy=policy)
    if model.receivers == "all":
        return reach, Note("did_net_of_spillovers", policy=policy)
    return reach, Note("did_spillovers_interacted", policy=policy)
