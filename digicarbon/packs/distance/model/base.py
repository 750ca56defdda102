"""Spatial panels whose weights fall with distance at a rate that is estimated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError, WeightsError
from digicarbon.inference import SPATIAL_REFERENCES
from digicarbon.model._durbin import Durbin, refuse_names
from digicarbon.model._spatial_estimates import ROLES
from digicarbon.model._spatial_result import ends_of, picked, roles_of, sizes, without_errors
from digicarbon.model.base import Level, Model, require_panel, sentences
from digicarbon.model.batch import Batch, Estimand, Null, columns_key, under_null
from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.model.tested import Test
from digicarbon.note import Note
from digicarbon.numeric.linear.within import EFFECTS_OF, EffectsKind
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.numeric.spatial.effects import decay_effects, local_effects
from digicarbon.packs.distance.model._distances import columns_of_places, distances_of, dropped
from digicarbon.packs.distance.numeric.decay import DecayCovariance as Covariance
from digicarbon.packs.distance.numeric.decay import DecayData, DecayFit, DecayKind, Distances, fit_decay
from digicarbon.panel import Panel
from digicarbon.result import DECAY, Effects, Inference, Quantity, Result
from digicarbon.weights import InverseDistanceWeights, Weights
from digicarbon.weights.base import Node

if TYPE_CHECKING:
    from digicarbon.script import Extract

RANGES: Mapping[str, tuple[float, float]] = {"power": (0.05, 10.0), "exponential": (0.05, 20.0)}
"""Where γ is sought; of exponential decay in units of one over the median distance."""

_OF_STATIC = ("y", "x", "controls", "kind", "durbin", "effects", "bias_correction", "level")
"""Fields that a model with known weights has, too."""


class DecayPanel(Model):
    """A spatial panel whose weights fall with distance at a rate γ that is estimated with the other parameters.

    Attributes
    ----------
    kind : {"slx", "sar", "sem", "sdm", "sdem"}
    durbin, effects
        As in `SpatialPanel`, without random effects.
    bias_correction : {"lee_yu", "none"}
        Lee & Yu's transformation likelihood, or direct maximum likelihood.
    decay : {"power", "exponential"}
        Weights are d^-γ or exp(-γ d), rows then sum to one.
    distances : WeightsSpec
        A mapping with a ``_target_``: weights of places, of which places and metric are read, or a matrix of distances
        with ``normalise: none``.
    cutoff : float or None
        Pairs farther apart weigh 0.
    range : (float, float) or None
        Where γ is sought. None: 0.05 to 10 for powers; 0.05 to 20, over the median distance, for exponential decay.
    cov : {"observed", "robust", "cluster"}
        Inverse of minus the Hessian of the log-likelihood in all parameters, γ among them; sandwich with third and
        fourth moments of the errors; sandwich with scores added up by unit.
    level : float
        Coverage of intervals.
    test : {"errors", "wild"}
        Where p values and intervals come from. There is no wild bootstrap: a note says so.

    Notes
    -----
    The likelihood is profiled over γ (the pack's kernel ``decay``). ρ or λ is sought between -1 and 1. γ has an
    interval by the likelihood ratio beside the one by its standard error: where nothing spills over γ means nothing,
    and the former then covers the whole range. So have ρ and λ, over every γ of its interval. See
    docs/distance_decay.md.

    References
    ----------
    Halleck Vega & Elhorst (2015), Journal of Regional Science 55, 339-363.
    """

    lacks: ClassVar[Mapping[str, Note]] = {"observation_weights": Note("unweighted_in_space")}
    scripts: ClassVar[Mapping[str, str]] = {"r": "digicarbon.packs.distance.script.decay:in_r"}
    references: ClassVar[tuple[str, ...]] = ("halleckvega2015",)
    references_by: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = SPATIAL_REFERENCES

    without: ClassVar[Mapping[str, str]] = {
        "stata": "weights whose decay is estimated, while Stata's commands take weights as known"
    }

    kind: DecayKind = "sdm"
    durbin: Durbin = "all"
    effects: EffectsKind = "two_way"
    bias_correction: Literal["lee_yu", "none"] = "lee_yu"
    decay: Literal["power", "exponential"] = "power"
    distances: Node = InverseDistanceWeights()
    cutoff: Annotated[float, Field(gt=0)] | None = None
    range: Annotated[tuple[Annotated[float, Field(ge=0)], float], Field(strict=False)] | None = None
    cov: Covariance = "observed"
    level: Level = 0.95
    test: Test = "wild"

    @model_validator(mode="after")
    def _consistent(self) -> DecayPanel:
        # what a spatial panel refuses of these fields
        static = self.static
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(Note("decay_range", key="range", low=self.range[0], high=self.range[1]))
        if self.kind == "slx" and not static.lagged:
            raise ValueError(Note("decay_without_lag", key="durbin"))
        refuse_names(("gamma",), self.regressors)
        return self

    @property
    def static(self) -> SpatialPanel:
        """The same model with weights that are known."""
        return SpatialPanel(**{name: getattr(self, name) for name in _OF_STATIC}, cov="classic", test="errors")

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model takes of a request: p values from its standard errors alone."""
        return {"test": ("errors",)}

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the kind and its effects."""
        return self.static.ignored & {"durbin", "bias_correction"}

    @property
    def optional_terms(self) -> tuple[str, ...]:
        """The places of units where the panel has them."""
        return columns_of_places(self.distances)

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The coefficient and the effects."""
        return self.static.quantities

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        self.data(panel)

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the model to a balanced panel; weights are not used, but estimated.

        Returns
        -------
        Result
            Terms are the regressors, ``W_<name>`` for their spatial lags, ``rho`` or ``lambda`` where the kind has one,
            ``gamma`` and ``sigma2``. ``tables`` has ``decay_profile``: γ, the log-likelihood and its distance from the
            top.
        """
        data, names, limits = self.data(panel)
        found = fit_decay(data, *limits, self.level, self.cov)
        result = self.result_of(found, names, data, limits)
        result = replace(result, notes=(*result.notes, *dropped(self.distances, panel)))
        if self.test == "errors":
            return result
        return replace(result, notes=(*result.notes, Note("wild_not_of_decay")))

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the model without its focal terms and their spatial lags, given its own estimate of γ."""
        panel = panel.with_terms(self.terms)
        stay = under_null(self.x, self.regressors)
        error = self.kind in ("sem", "sdem")
        own = [name for name in self.static.lagged if name in stay] if error else list(stay)
        low, high, distances = self._space(panel)
        shared = (columns_key(panel, stay), columns_key(panel, own), panel.columns[self.y].digest)
        space = (distances.a.tobytes(), low, high, self.effects, self.bias_correction)

        def fit() -> NullModel:
            from digicarbon.model._panel_columns import rows_of
            from digicarbon.model._spatial_batch import fit_null

            data, limits = self.data(panel)[0], (low, high)
            constant = ("const",) if self.effects == "none" else ()
            places = [place for place, name in enumerate((*constant, *self.regressors)) if name in (*constant, *stay)]
            # y alone says little of γ: without regressors that stay it is that of the model
            if places:
                kind: DecayKind = ("sdem" if own else "sem") if error else "sdm" if own else "sar"
                lagged = tuple(len(constant) + stay.index(name) for name in own)
                data = replace(data, kind=kind, x=data.x[..., places], lagged=lagged)
            gamma = fit_decay(data, *limits).gamma
            design = self.static.design(panel, self._weights_at(panel, gamma))
            names = (*stay, *(f"W_{name}" for name in own if error), *constant)
            keep = [place for place, name in enumerate(design.names) if name in names]
            return fit_null(self.kind, design, keep, rows_of(panel))

        return Null(("decay", error, *shared, *space), fit)

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the model to many outcomes; weights are not used."""
        from digicarbon.packs.distance.model._batch import DecayFits

        return DecayFits(self, panel.with_terms(self.terms), estimand)

    def data(self, panel: Panel) -> tuple[DecayData, tuple[str, ...], tuple[float, float]]:
        """Return what is fitted, the names of the columns of Z, and the range of γ; raise if there is no fit."""
        require_panel(panel)
        low, high, distances = self._space(panel)
        made = panel.with_terms(self.terms)
        static = self.static
        # weights in the middle of the range: what is refused there is refused everywhere
        weights = Weights.from_matrix(distances.operator((low + high) / 2).w, panel.units, normalise="none")
        design = static.design(panel, weights)
        constant = ("const",) if self.effects == "none" else ()
        cube = made.cube((*self.regressors, self.y))
        t, n, _ = cube.shape
        x = np.concatenate([np.ones((t, n, len(constant))), cube[..., :-1]], axis=2)
        lagged = tuple(len(constant) + self.regressors.index(name) for name in static.lagged)
        data = DecayData(self.kind, x, cube[..., -1:], lagged, distances, design.sample)
        return data, design.names, (low, high)

    def unit_effects(self, result: Result, panel: Panel, weights: Weights | None = None) -> pd.DataFrame:
        """Return the effects of each unit at the estimated decay, see `SpatialPanel.unit_effects`."""
        return self.static.unit_effects(result, panel, self.estimated_weights(result, panel))

    def estimated_weights(self, result: Result, panel: Panel) -> Weights:
        """Return the weights at the estimated decay of a fit."""
        gamma = float(result.coef[result.terms.index("gamma")])
        return self._weights_at(panel, gamma)

    def extract(self, panel: Panel, weights: Weights | None) -> Extract:
        """Return outcome and regressors, and distances in place of weights."""
        from digicarbon.script.extract import Extract, columns_of

        made = panel.with_terms(self.terms)
        names = made.expanded(self.regressors, among=self.terms)
        distance = self._distances(panel)
        given = Weights.from_matrix(np.where(np.isfinite(distance), distance, 0.0), panel.units, normalise="none")
        return Extract(made.index, columns_of(made, (self.y, *names)), names, given)

    def _weights_at(self, panel: Panel, gamma: float) -> Weights:
        w = self._space(panel)[2].operator(gamma).w
        return Weights.from_matrix(w, panel.units, name=Note("decay_weights"), normalise="none")

    def _distances(self, panel: Panel) -> FloatArray:
        distance = distances_of(self.distances, panel)
        if self.cutoff is not None:
            distance = np.where(distance <= self.cutoff * (1 + 1e-9), distance, np.inf)
        alone = np.flatnonzero(~np.isfinite(distance).any(axis=1))
        if len(alone):
            raise WeightsError(
                Note("decay_cutoff_island", key="model.cutoff", unit=panel.units[alone[0]], cutoff=self.cutoff or 0.0)
            )
        return distance

    def _space(self, panel: Panel) -> tuple[float, float, Distances]:
        """Return the range of γ, and distances as weights take them."""
        distance = self._distances(panel)
        low, high = RANGES[self.decay] if self.range is None else self.range
        n = len(distance)
        if low == 0 and np.isfinite(distance).sum() == n * (n - 1):
            raise ConfigError(Note("decay_from_zero", key="model.range"))
        if self.decay == "power":
            return low, high, Distances(np.log(distance))
        if self.range is None:
            middle = float(np.median(distance[np.isfinite(distance)]))
            low, high = low / middle, high / middle
        return low, high, Distances(distance)

    def result_of(
        self, found: DecayFit, names: tuple[str, ...], data: DecayData, limits: tuple[float, float]
    ) -> Result:
        """Return the result of a fit; arguments as from `data`."""
        spatial = {"slx": (), "sar": ("rho",), "sdm": ("rho",)}.get(self.kind, ("lambda",))
        tail = (*spatial, "gamma", "sigma2")
        terms = (*names, *tail)
        coef = np.array([*found.beta, *([found.spatial] if spatial else []), found.gamma, found.sigma2])
        boundary = spatial if found.spatial_at_end else ()
        covariance = without_errors(found.covariance, [terms.index(name) for name in boundary])
        k, sample, static = len(coef), data.sample, self.static
        y = data.within(data.y)
        profile = pd.DataFrame(
            {"loglik": found.profile[:, 1], "ratio": 2 * (found.loglik - found.profile[:, 1])},
            index=pd.Index(found.profile[:, 0], name="gamma"),
        )
        if spatial:
            profile[spatial[0]] = found.profile[:, 2]
        half = Inference(None, self.level).critical
        ratio = {
            "gamma": (found.low, found.high),
            **{name: (found.spatial_low, found.spatial_high) for name in spatial},
        }
        rows = {}
        for name, (low, high) in ratio.items():
            place = terms.index(name)
            value, variance = float(coef[place]), float(covariance[place, place])
            # at the edge of its range a likelihood may bend upwards
            se = variance**0.5 if variance > 0 else np.nan
            wald = {"coef": value, "se": se, "low": value - half * se, "high": value + half * se}
            rows[name] = wald | {"low_ratio": low, "high_ratio": high, "critical_ratio": half**2}
        profile["inside"] = (profile.index >= found.low) & (profile.index <= found.high)
        return Result(
            kind=f"{self.kind}_decay",
            y=self.y,
            focal=self.x,
            terms=terms,
            coef=coef,
            covariance=covariance,
            inference=Inference(None, self.level),
            statistics={
                **sizes(sample.n, sample.t, sample.size, found.loglik, k, sample.size),
                "r2_within": 1 - found.ssr / float(((y - y.mean()) ** 2).sum()),
                **{name: float(coef[terms.index(name)]) for name in tail},
                **{f"{name}_low": low for name, (low, _) in ratio.items()},
                **{f"{name}_high": high for name, (_, high) in ratio.items()},
            },
            spatial_effects=None if boundary else self._effects(found, terms),
            tables={"decay": pd.DataFrame(rows).T.rename_axis("parameter"), "decay_profile": profile},
            listings=("decay", "decay_profile"),
            absorbed=EFFECTS_OF[self.effects],
            notes=self._notes(found, sample.size if sample.transformed else 0, spatial, boundary, limits),
            residuals=found.residuals,
            boundary=(*boundary, *(("gamma",) if found.at_end else ())),
            roles=roles_of(
                self.effects == "none", self.regressors, static.lagged, tuple(ROLES.get(name, DECAY) for name in tail)
            ),
        )

    def _effects(self, found: DecayFit, terms: tuple[str, ...]) -> Effects:
        names = self.regressors
        k = len(names)
        wanted = (*names, *(f"W_{name}" for name in names), "rho", "gamma")
        coef = np.array([*found.beta, *([] if self.kind == "slx" else [found.spatial]), found.gamma, found.sigma2])
        covariance = np.where(np.isnan(found.covariance), 0.0, found.covariance) if found.at_end else found.covariance
        point, spread = picked(wanted, terms, coef, covariance)
        beta, theta = point[:k], point[k : 2 * k]
        if self.kind in ("sar", "sdm"):
            values = decay_effects(beta, theta, float(point[2 * k]), spread, found.w, found.slope)
        else:
            values = local_effects(beta, theta, spread[: 2 * k, : 2 * k], found.w)
        return Effects(names, values.coef, values.se)

    def _notes(
        self,
        found: DecayFit,
        transformed: int,
        spatial: tuple[str, ...],
        boundary: tuple[str, ...],
        limits: tuple[float, float],
    ) -> tuple[Note, ...]:
        errors = {"observed": Note("errors_observed"), "robust": Note("errors_quasi"), "cluster": Note("errors_scores")}
        decay = Note("decay_power") if self.decay == "power" else Note("decay_exponential")
        notes = [errors[self.cov], Note("decay_estimated", decay=decay)]
        if transformed:
            notes.append(Note("lee_yu_likelihood", observations=transformed))
        low, high = limits
        if found.at_end:
            notes.append(Note("decay_at_end", gamma=found.gamma, low=low, high=high, key="model.range"))
        if all(found.open):
            notes.append(Note("decay_not_identified", level=self.level, low=low, high=high))
        else:
            notes.append(Note("decay_interval", level=self.level, low=found.low, high=found.high))
            if any(found.open):
                notes.append(Note("decay_interval_open", end=limits[found.open.index(True)]))
        for name in spatial:
            own = {"low": found.spatial_low, "high": found.spatial_high}
            notes.append(Note("decay_interval_spatial", parameter=name, level=self.level, **own))
            if found.where_at_end is not None:
                first, last = found.where_at_end
                notes.append(Note("decay_interval_at_end", parameter=name, low=first, high=last))
        for name in boundary:
            notes.append(Note("at_boundary", parameter=name, **ends_of(found.w.bounds)))
        return tuple(notes)
