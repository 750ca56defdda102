"""Spillovers by bands of distance: lags of x by band side by side in one regression, with uniform intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.errors import WeightsError
from digicarbon.model._absorption import Clusters
from digicarbon.model._panel_covariance import OF_ERRORS
from digicarbon.model.base import Model, require_panel, sentences
from digicarbon.model.batch import Batch, Estimand, Null, estimate_of
from digicarbon.model.panel_regression import PanelRegression, regression_with
from digicarbon.model.tested import Clustered, Tested
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.covariance import Covariance, Kernel, SmallSample
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.shape.uniform import joint_critical, uniform_ends
from digicarbon.packs.distance.model._distances import columns_of_places, distances_of, dropped, length, unit_of
from digicarbon.panel import Panel, constituents
from digicarbon.result import EFFECTS, Effects, MadeOf, Quantity, Result, roles_made_of
from digicarbon.weights import InverseDistanceWeights, Weights
from digicarbon.weights.base import Node

if TYPE_CHECKING:
    from digicarbon.model._panel_restrictions import Contrasts
    from digicarbon.model.restrictions import Restrictions
    from digicarbon.script import Extract, RPart, StataPart


class DistanceBands(Clustered):
    """A panel regression on x and on the means of other units' x by bands of distance, with uniform intervals.

    Attributes
    ----------
    y, controls
        As in `Model`; controls have no spatial lags.
    x : tuple of str
        The focal terms: each has a coefficient of its own, and one for each band.
    cutoffs : tuple of float
        Where bands end, increasing, in kilometres, or in the unit of the coordinates or of a matrix of distances; the
        first band begins at 0 and has units at the same place.
    distances : WeightsSpec
        As in `DecayPanel`.
    effects : {"none", "unit", "time", "two_way"}
    cov, cluster, bandwidth, kernel, small_sample, df
        As in `PanelRegression`.
    test, draws, weights, seed, intervals, level
        As in `digicarbon.model.tested.Tested`. Uniform intervals come from the same draws: from the largest |t| over
        the bands of a term; with ``test: errors`` from its normal (or t) distribution, given the joint covariance.

    Notes
    -----
    A band's lag is the mean of x over the units in it; 0 where a unit has none. The indirect effect is the sum of the
    lags' coefficients, each times the share of units that have others in the band; the total one adds that of x. All
    bands are in one regression: what near units do is then not counted again in farther bands, which it is in a sweep
    over rising cut-offs, and one fit has the joint covariance. The spillover vanishes at the first band from which on
    every uniform interval holds zero.
    """

    lacks: ClassVar[Mapping[str, Note]] = {"observation_weights": Note("unweighted_bands")}
    without: ClassVar[Mapping[str, str]] = {}

    cutoffs: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(strict=False, min_length=1)]
    distances: Node = InverseDistanceWeights()
    effects: EffectsKind = "two_way"
    cov: Covariance = "cluster"
    cluster: Clusters = "unit"
    bandwidth: Annotated[int, Field(ge=0)] | None = None
    kernel: Kernel = "uniform"
    small_sample: SmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"

    @model_validator(mode="after")
    def _increasing(self) -> DistanceBands:
        if any(low >= high for low, high in pairwise(self.cutoffs)):
            raise ValueError(Note("cutoffs_order", key="cutoffs", given=cut(f"{value:g}" for value in self.cutoffs)))
        return self

    @property
    def bands(self) -> tuple[tuple[float, float], ...]:
        """Where each band begins and ends."""
        return tuple(pairwise((0.0, *self.cutoffs)))

    @property
    def band_names(self) -> tuple[str, ...]:
        """Where each band begins and ends, with the unit of the distances where it is known."""
        unit = unit_of(self.distances)
        return tuple(f"{low:g}-{high:g} {unit}".rstrip() for low, high in self.bands)

    def lags_of(self, term: str) -> tuple[str, ...]:
        """Return the terms of a focal term's lags."""
        return tuple(f"{term}[{name}]" for name in self.band_names)

    @property
    def lags(self) -> tuple[str, ...]:
        """The terms of all lags."""
        return tuple(lag for term in self.x for lag in self.lags_of(term))

    @property
    def regression(self) -> PanelRegression:
        """The regression on x, its lags by band, and the controls."""
        return self._on((*self.x, *self.lags))

    def _on(self, x: tuple[str, ...]) -> PanelRegression:
        """Return the regression on focal terms and the controls."""
        fields = {name: getattr(self, name) for name in _OF_REGRESSION}
        return regression_with(x=x, **fields)

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the standard errors and the test."""
        return self.untested | (self._on(self.x).ignored & OF_ERRORS)

    @property
    def uses_weights(self) -> bool:
        """Whether the covariance needs spatial weights."""
        return self.cov == "conley"

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, those of clusters among them."""
        return tuple(dict.fromkeys((*super().terms, *self._on(self.x).terms)))

    @property
    def optional_terms(self) -> tuple[str, ...]:
        """The places of units where the panel has them."""
        return columns_of_places(self.distances)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        self.regression.by_errors.check(self.with_lags(panel), weights)
        self.check_test(panel, weights)

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the regression to a balanced panel; weights are for Conley's covariance and the wild bootstrap.

        Returns
        -------
        Result
            Terms are x, ``x[0-300 km]`` and so on for its lags (``x[0-3]`` of a matrix of distances), and controls;
            effects are means over units. ``tables`` has ``distance_bands``: the lags with pointwise and uniform
            intervals; ``statistics`` has ``vanishes_<term>``, the distance from which on every uniform interval holds
            zero, where there is one.
        """
        made = self.with_lags(panel)
        fitted = self.estimated(made, weights)
        result = self.resampled(fitted, made, weights, lambda: self._restrictions(made, weights))
        frame = self._table(result, made, weights)
        # from which band on no uniform interval is without zero
        ends = {term: _vanishes(frame.loc[[term]]) for term in self.x}
        known = {f"vanishes_{term}": end for term, end in ends.items() if np.isfinite(end)}
        return replace(
            result,
            tables={**result.tables, "distance_bands": frame},
            listings=(*result.listings, "distance_bands"),
            statistics={**result.statistics, **known},
            notes=(*result.notes, *self._notes(ends, frame), *dropped(self.distances, made)),
        )

    def estimated(self, panel: Panel, weights: Weights | None) -> Result:
        """Return the fit with p values from its standard errors, without uniform intervals."""
        made = self.with_lags(panel)
        fitted = self.regression.by_errors.fit(made, weights)
        return replace(
            fitted,
            kind="distance_bands",
            focal=self.x,
            spatial_effects=self._effects(fitted, made),
            roles=roles_made_of(fitted.terms, fitted.roles, self.made_of(made)),
        )

    def made_of(self, panel: Panel) -> Mapping[str, MadeOf]:
        """Return what each coefficient is of: a lag of its term, in a band."""
        own = dict(super().made_of(panel))
        for term in self.x:
            first, *others = constituents(term)
            for lag, name in zip(self.lags_of(term), self.band_names, strict=True):
                own[lag] = (replace(first, level=name), *others)
        return own

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the regression without x and its lags."""
        made = self.with_lags(panel)
        return self.regression.null(made, weights, candidates)

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the regression to many outcomes at once."""
        made = self.with_lags(panel)
        if estimand.quantity in EFFECTS and not estimand.weights:
            estimand = self._estimand(estimand.quantity, estimand.term, made)
        return self.regression.by_errors.batch(made, weights, estimand)

    def contrasts(self, panel: Panel, weights: Weights | None) -> Contrasts:
        """Return combinations of coefficients as restrictions; null models have no lags beside those of bands."""
        from digicarbon.model._panel_restrictions import Contrasts

        return Contrasts(self.regression.by_errors, self.with_lags(panel), weights, lags=False)

    def extract(self, panel: Panel, weights: Weights | None) -> Extract:
        """Return outcome, x, its lags by band and controls."""
        return self.regression.extract(self.with_lags(panel), weights)

    def r(self, part: RPart) -> list[str]:
        """Return the regression in R, with lags as columns."""
        return self.regression.r(part)

    def stata(self, part: StataPart) -> list[str]:
        """Return the regression in Stata, with lags as columns."""
        return self.regression.stata(part)

    def with_lags(self, panel: Panel) -> Panel:
        """Return the panel with the lags of x as columns."""
        require_panel(panel)
        panel = panel.with_terms(self.terms)
        if all(panel.has(lag) for lag in self.lags):
            return panel
        n, t = panel.shape
        distance = self._distances(panel)
        cube = panel.cube(self.x)
        new: dict[str, FloatArray] = {}
        for place, (low, high) in enumerate(self.bands):
            w = self._within(distance, low, high)
            if not w.any():
                raise WeightsError(Note("band_is_empty", key="model.cutoffs", low=low, high=high))
            lagged = w @ cube
            for column, term in enumerate(self.x):
                new[self.lags_of(term)[place]] = np.ascontiguousarray(lagged[..., column].T).reshape(n * t)
        return panel.with_columns(new)

    def _distances(self, panel: Panel) -> FloatArray:
        # units at the same place are in the first band
        return distances_of(self.distances, panel, same_place=True)

    def _within(self, distance: FloatArray, low: float, high: float) -> FloatArray:
        """Return row-standardised weights of the pairs in a band; a row without one is zero."""
        inside = _inside(distance, low, high).astype(np.float64)
        return np.asarray(inside / np.maximum(inside.sum(axis=1, keepdims=True), 1.0))

    def _restrictions(self, made: Panel, weights: Weights | None) -> list[Restrictions]:
        from digicarbon.model._panel_restrictions import restricted

        regression = self.regression.by_errors
        estimands = [Estimand("coefficient", term) for term in (*self.x, *self.lags)]
        estimands += [self._estimand(effect, term, made) for term in self.x for effect in EFFECTS]
        # null models with spatial lags of x would have what a band's lag leaves out
        return [
            restricted(regression, made, estimand, dict(estimand.weights) or {estimand.term: 1.0}, weights, None, False)
            for estimand in estimands
        ]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The coefficient, and the effects of which those of bands are parts."""
        return ("coefficient", *EFFECTS)

    def _estimand(self, effect: Quantity, term: str, made: Panel) -> Estimand:
        """Return an effect as a combination of the coefficients of x and of its lags."""
        distance = self._distances(made)
        shares = [_inside(distance, low, high).any(axis=1).mean() for low, high in self.bands]
        own = {} if effect == "indirect" else {term: 1.0}
        lags = {} if effect == "direct" else dict(zip(self.lags_of(term), map(float, shares), strict=True))
        return Estimand(effect, term, tuple((own | lags).items()))

    def _effects(self, fitted: Result, made: Panel) -> Effects | None:
        """Return direct, indirect and total effects; None where a lag has no coefficient."""
        pairs = [[estimate_of(fitted, self._estimand(effect, term, made)) for term in self.x] for effect in EFFECTS]
        if any(pair is None for row in pairs for pair in row):
            return None
        both = np.array(pairs, dtype=np.float64)
        return Effects(self.x, both[..., 0], both[..., 1], spilling=self.x)

    def _table(self, result: Result, made: Panel, weights: Weights | None) -> pd.DataFrame:
        """Return the lags with pointwise and uniform intervals, index term and band."""
        from digicarbon.model.arranged import few_carriers

        distance = self._distances(made)
        sizes = [_inside(distance, low, high).sum(axis=1) for low, high in self.bands]
        estimates = result.estimates
        frames = {}
        for term in self.x:
            lags = self.lags_of(term)
            own = estimates.loc[list(lags), ["coef", "se", "p", "low", "high"]]
            # arrangements give no intervals
            few = self.test == "wild" and few_carriers(self, made, self.carried_after, [term])
            arranged = self.test == "randomisation" or few
            critical = float("nan") if arranged else self._critical(result, lags, made, weights)
            frame = own.set_axis(list(self.band_names), axis=0)
            frame.insert(0, "band_start", [low for low, _ in self.bands])
            frame.insert(1, "band_end", [high for _, high in self.bands])
            frame.insert(2, "distance_unit", unit_of(self.distances))
            frame.insert(3, "neighbours", [float(size.mean()) for size in sizes])
            frame.insert(4, "alone", [float((size == 0).sum()) for size in sizes])
            coef, se, low, high = own[["coef", "se", "low", "high"]].to_numpy().T
            frame["uniform_low"], frame["uniform_high"] = uniform_ends(coef, se, low, high, critical)
            frames[term] = frame
        return pd.concat(frames, names=["term", "band"])

    def _critical(self, result: Result, lags: tuple[str, ...], made: Panel, weights: Weights | None) -> float:
        """Return the value that the largest |t| over the bands of a term stays below with the level's probability."""
        if self.test == "wild" and result.resampled is not None:
            from digicarbon.model.wild import one_thread
            from digicarbon.numeric.resampling.unit_wild import uniform_critical

            contrasts = self.contrasts(made, weights)
            draws = self.draws_for(contrasts.units, weights)
            with one_thread():
                drawn = contrasts.drawn([Estimand("coefficient", lag) for lag in lags], draws)
            return uniform_critical(*drawn, self.level)
        places = [result.terms.index(lag) for lag in lags]
        return joint_critical(result.covariance[np.ix_(places, places)], result.inference.df, self.level)

    def _notes(self, ends: Mapping[str, float], frame: pd.DataFrame) -> tuple[Note, ...]:
        unit = unit_of(self.distances)
        notes = [] if all(map(np.isnan, ends.values())) else [Note("bands_uniform", level=self.level)]
        for term, end in ends.items():
            if np.isnan(end):
                continue
            if end == 0:
                notes.append(Note("bands_nowhere", term=term))
            elif np.isfinite(end):
                notes.append(Note("bands_vanish", term=term, end=length(end, unit)))
            else:
                notes.append(Note("bands_reach_on", term=term, end=length(self.cutoffs[-1], unit)))
        rows = frame.loc[self.x[0]]
        lacking = [
            Note("band_with_alone", band=str(band), units=int(count)) for band, count in rows["alone"].items() if count
        ]
        if lacking:
            notes.append(Note("bands_without", bands=cut(lacking, 20)))
        return tuple(notes)


_OF_REGRESSION = ("y", "controls", "effects", *sorted(OF_ERRORS | ({*Tested.model_fields} - {*Model.model_fields})))
"""Fields that the regression has, too."""


def _inside(distance: FloatArray, low: float, high: float) -> BoolArray:
    """Return which pairs are in a band; a distance of 0 is in the first one."""
    return np.asarray(((distance > low) | (low == 0)) & (distance <= high))


def _vanishes(rows: pd.DataFrame) -> float:
    """Return where the first band begins from which on every uniform interval holds zero; infinite if none does.

    It is not-a-number where there are no intervals.
    """
    if rows[["uniform_low", "uniform_high"]].isna().any(axis=None):
        return float("nan")
    away = np.flatnonzero((rows["uniform_low"] > 0) | (rows["uniform_high"] < 0))
    if not len(away):
        return 0.0
    return float(rows["band_end"].iloc[away[-1]]) if away[-1] < len(rows) - 1 else np.inf
