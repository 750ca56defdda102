"""p values and intervals of a mediation by the wild bootstrap of units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model.batch import Estimand
from digicarbon.model.tested import resampled_of
from digicarbon.model.wild import one_thread
from digicarbon.note import Note
from digicarbon.packs.mediation.model.base import on, through
from digicarbon.packs.mediation.numeric.wild import confidence, interval
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.packs.mediation.model.base import Mediation, _Fitted

Numbers = tuple[float, float, float]
_OF_OUTCOME = "outcome of a mediation: "
"""The name of the draws of the outcome's equation, which are others than those of the mediators."""


def resampled(model: Mediation, result: Result, fitted: _Fitted, panel: Panel, weights: Weights | None) -> Result:
    """Return a result with the wild bootstrap's p values and intervals.

    Coefficients and total effects have those of a panel regression; indirect effects those of `confidence`.
    """

    def fit(y: str, x: Sequence[str]) -> Result:
        return model.regression(y, x, model.controls, wild=True).fit(panel, weights)

    firsts = [fit(mediator, model.x) for mediator in fitted.mediators]
    numbers = {
        Estimand("coefficient", on(mediator, x)): _numbers(first, x)
        for mediator, first in zip(fitted.mediators, firsts, strict=True)
        for x in fitted.focal
    }
    if model.equations == "first_step":
        return replace(result, resampled=resampled_of(result, numbers), notes=_together(result, firsts[0]))
    outcome, total = fit(model.y, (*model.x, *model.mediators)), fit(model.y, model.x)
    numbers |= {Estimand("coefficient", name): _numbers(outcome, name) for name in (*fitted.focal, *fitted.mediators)}
    for x in fitted.focal:
        numbers |= {Estimand("direct", x): _numbers(outcome, x), Estimand("total", x): _numbers(total, x)}
    units = model.levels_of_signs(fitted.panel)
    own, other = model.draws_for(units, weights, every=False), model.draws_for(units, weights, _OF_OUTCOME, every=False)
    with one_thread():
        drawn = confidence(fitted.paths, fitted.columns.rows, model.effects, own, other, fitted.clusters)
    via, statistics, level = drawn.via, dict(result.statistics), model.level
    mediation = result.tables["mediation"].copy()
    for place, x in enumerate(fitted.focal):
        indirect = via[:, place].sum(axis=1)
        numbers[Estimand("indirect", x)] = _interval(indirect, model.intervals, level)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = via[:, place] / (indirect + drawn.direct[:, place])[:, None]
        for j, mediator in enumerate(fitted.mediators):
            own_path = _interval(via[:, place, j], model.intervals, level)
            numbers[Estimand("coefficient", through(x, mediator))] = own_path
            mediation.loc[(x, mediator), ["p", "low", "high"]] = own_path
            ends = _interval(shares[:, j], model.intervals, level)[1:]
            mediation.loc[(x, mediator), ["share_low", "share_high"]] = ends
        if place == 0 and "mediated_share" in statistics:
            _, low, high = _interval(shares.sum(axis=1), model.intervals, level)
            statistics |= {"mediated_share_low": low, "mediated_share_high": high}
            del statistics["mediated_share_se"]
    how = Note("mediation_wild", draws=model.least_draws)
    if model.own_clusters:
        how = Note("mediation_wild_by", by=model.own_clusters[0], draws=model.least_draws)
    return replace(
        result,
        statistics={name: value for name, value in statistics.items() if np.isfinite(value)},
        tables={**result.tables, "mediation": mediation},
        resampled=resampled_of(result, numbers),
        notes=(*_together(result, outcome), how),
    )


def _interval(draws: FloatArray, intervals: bool, level: float) -> Numbers:
    p, low, high = interval(draws, level)
    return (p, low, high) if intervals else (p, np.nan, np.nan)


def _numbers(result: Result, term: str) -> Numbers:
    """Return p, low and high of a term."""
    columns: Mapping[str, FloatArray] = result.estimate_columns
    place = result.terms.index(term)
    return float(columns["p"][place]), float(columns["low"][place]), float(columns["high"][place])


def _together(result: Result, wild: Result) -> tuple[Note, ...]:
    """Return the notes of both, each once, without the one on intervals that the wild bootstrap replaces."""
    own = (note for note in result.notes if note.code != "mediation_delta")
    return tuple(dict.fromkeys((*own, *wild.notes)))
