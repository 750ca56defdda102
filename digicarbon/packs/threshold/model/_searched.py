"""Slopes of regimes in wild draws in which thresholds are searched for again."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from digicarbon.arrays import FloatArray
from digicarbon.model._panel_restrictions import joint_null
from digicarbon.model._spatial_restrictions import free_null
from digicarbon.model.batch import Batch, Estimand, estimate_of
from digicarbon.model.restrictions import Redrawn
from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.model.wild import FEWEST
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.unit_wild import CELLS, TIES, draws_of
from digicarbon.numeric.slices import slices
from digicarbon.packs.threshold.model._regimes import Regimes
from digicarbon.packs.threshold.numeric.estimator import KEPT, Again, Fits, groups_of
from digicarbon.result import Result
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.packs.threshold.model.base import PanelThreshold

STARTS = 5
"""Values of a confidence set that draws have as their threshold, from its lower to its upper end."""


class Searched(Redrawn):
    """The slopes of all regimes, whose draws do not know the thresholds.

    What a sample says of a slope depends on where its threshold was found. A weak one is found at many places: an
    estimate is then of a mixture of regimes, and the search prefers values with slopes that differ most. So each draw
    is searched as the sample was. Its outcome has thresholds that the sample does not reject: the estimates, and in the
    place of each `STARTS` values of its confidence set, with the slopes and residuals of the regression at them. The
    statistic is the distance of a draw's slope from that of its outcome over its standard error, and the largest p of
    these counts. Where the set is short they hardly differ.

    ``regimes``: of the sample. ``result``: its fit, for the size of statistics.
    ``searching``: what searches outcomes of the sample for thresholds.
    """

    def __init__(
        self, model: PanelThreshold, weights: Weights | None, regimes: Regimes, result: Result, searching: Fits[Any]
    ) -> None:
        regression = regimes.regression
        names = [[name for name in (term, f"W_{term}") if name in result.terms] for term in regimes.focal]
        own = [Estimand.of_term(each[0], each, regression.quantities) for each in names]
        self.estimands = tuple(estimand for each in own for estimand in each)
        self._weights, self._regimes = weights, regimes
        self._again = Again(searching, model.thresholds, model.trim, model.grid)
        self._observed = [estimate_of(result, estimand) for estimand in self.estimands]
        self._batches: dict[tuple[int, ...], tuple[Batch, NDArray[np.bool_]]] = {}
        self._known: tuple[Draws, list[list[tuple[FloatArray, FloatArray]]]] | None = None

    def fits(self, place: int, value: float, draws: Draws) -> tuple[FloatArray, FloatArray]:
        """Return a slope and its standard error for every draw that has one, from the thresholds with the largest p."""
        estimate, se = self._observed[place] or (np.nan, np.nan)
        size = abs(estimate - value) / se * (1 - TIES)
        drawn = [of_start[place] for of_start in self._drawn(draws)]
        # a regime that most draws from some start leave tiny is hardly the sample's
        drawn = [one for one in drawn if len(one[0]) >= min(FEWEST, len(draws.weights))] or drawn[:1]
        reached = [(1 + np.count_nonzero(np.abs(far) >= size * errors)) / (1 + len(far)) for far, errors in drawn]
        far, errors = drawn[int(np.argmax(reached))]
        return value + far, errors

    @cached_property
    def starts(self) -> list[tuple[int, ...]]:
        """The thresholds of draws, the estimates first."""
        estimates = self._regimes.found.places
        out = [estimates]
        for at, inside in enumerate(self._regimes.places_of_sets):
            some = inside[np.round(np.linspace(0, len(inside) - 1, STARTS)).astype(int)]
            out += [tuple(sorted((*estimates[:at], int(one), *estimates[at + 1 :]))) for one in some]
        return list(dict.fromkeys(out))

    def _drawn(self, draws: Draws) -> list[list[tuple[FloatArray, FloatArray]]]:
        """Return for each start and slope the distances of draws from it and their errors, of draws that have both."""
        if self._known is None or self._known[0] is not draws:
            self._known = draws, [self._from(start, draws) for start in self.starts]
        return self._known[1]

    def _from(self, start: tuple[int, ...], draws: Draws) -> list[tuple[FloatArray, FloatArray]]:
        regression = self._regimes.regression
        panel = self._regimes.at(start)[0]
        if isinstance(regression, SpatialPanel):
            null = draws.of(free_null(regression, panel, self._weights))
            # without its residuals an outcome has no likelihood
            truth = self._slopes(start, null.y[:, None])[0][0]
        else:
            null = draws.of(joint_null(regression, panel, np.empty((0, 0)), (), self._weights))
            truth = self._slopes(start, null.y[:, None] - null.unfiltered(null.residuals[:, None]))[0][0]
        found = np.full((2, len(self.estimands), len(draws.weights)), np.nan)
        for some in slices(len(draws.weights), CELLS // len(null.y)):
            outcomes = draws_of(null, draws, some)
            for places, own in groups_of(self._again.places(np.ascontiguousarray(outcomes.T))):
                if places[0] >= 0:
                    slopes, tiny = self._slopes(places, outcomes[:, own])
                    slopes[:, tiny] = np.nan
                    found[:, :, some.start + own] = slopes
        far, errors = found[0] - truth, found[1]
        there = np.isfinite(far) & (errors > 0)
        return [(far[at, own], errors[at, own]) for at, own in enumerate(there)]

    def _slopes(self, places: tuple[int, ...], outcomes: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Return slopes and their errors at thresholds, shape (2, slopes, M), and which are of tiny regimes."""
        if places not in self._batches:
            if len(self._batches) * len(outcomes) > KEPT:
                self._batches.clear()
            panel, tiny = self._regimes.at(places)
            batch = self._regimes.regression.batch(panel, self._weights, self.estimands[0])
            self._batches[places] = batch, np.array([estimand.term in tiny for estimand in self.estimands])
        batch, own = self._batches[places]
        return np.array(batch.several(batch.prepare(outcomes), self.estimands)).swapaxes(0, 1), own
