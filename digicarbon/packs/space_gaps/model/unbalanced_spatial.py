"""Spatial panels that need not be balanced, whose weights may differ between periods, with one or several weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, EstimationError, WeightsError
from digicarbon.model._absorption import groups_of_units
from digicarbon.model._durbin import DURBIN_KINDS, WithLags, refuse_names
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._panel_goodness import criteria
from digicarbon.model._spatial_result import ends_of, picked, roles_of, without_errors
from digicarbon.model.base import (
    needed,
    refuse_constant,
    refuse_pole,
    refuse_single_period,
    refuse_too_small,
    refuse_unidentified,
    require_panel,
    sentences,
)
from digicarbon.model.batch import Batch, Estimand, Null, OneByOne, columns_key, under_null
from digicarbon.model.tested import ClusteredUnits
from digicarbon.note import Note
from digicarbon.numeric.latest import Latest
from digicarbon.numeric.linear.within import EFFECTS_OF
from digicarbon.packs.space_gaps.model._period_design import PeriodDesign, cube_of, lags_of, space_of
from digicarbon.packs.space_gaps.numeric.clustered import clustered
from digicarbon.packs.space_gaps.numeric.estimates import PeriodFit, fit_linear
from digicarbon.packs.space_gaps.numeric.lag import fit_lags
from digicarbon.packs.space_gaps.numeric.mean_effects import mean_effects, multipliers
from digicarbon.packs.space_gaps.weights.by_period import WeightsByPeriod, parts_of
from digicarbon.panel import Panel
from digicarbon.result import LAG_ERROR, LAG_Y, VARIANCE, Effects, Inference, Result, Role, numbered
from digicarbon.spec import identity, under
from digicarbon.weights import Weights, WeightsSpec
from digicarbon.weights.base import VaryingNode

if TYPE_CHECKING:
    from digicarbon.model.restrictions import Restrictions
    from digicarbon.numeric.resampling.null_model import NullModel

_FURTHER = Latest()
"""Further weights of the latest panels: a bootstrap asks for them thousands of times."""


class UnbalancedSpatialPanel(WithLags, ClusteredUnits):
    """A static spatial panel whose units, or weights, or both differ between periods, with one or several weights.

    In each period the units that are observed are neighbours of each other: W_t is their part of W. Absent units must
    be absent for reasons that have nothing to do with the errors, given the effects; a neighbour that is absent is
    missing in Wy. Weights by period, see `digicarbon.weights.ByPeriodWeights`, are taken as they are.

    Attributes
    ----------
    kind : {"slx", "sar", "sem", "sdm", "sdem"}
        As in `digicarbon.model.spatial_panel.SpatialPanel`.
    effects : {"none", "unit", "time", "two_way"}
        Fixed effects.
    bias_correction : {"adjusted_score", "none"}
        The adjusted score, whose estimate of the spatial parameter and of the variance is consistent whatever the
        number of periods, and in a balanced panel with one W that of Lee & Yu's transformation; or the likelihood of
        the model with dummies. Without fixed effects both are the same.
    restandardise : bool
        Whether weights whose rows sum to one are standardised again among the observed units of a period, so that a
        lag is the mean of the neighbours that are observed; else they stay, so that an absent neighbour counts as zero.
        Other weights are never changed.
    further_weights : list of mappings
        Nodes with a ``_target_``: further weights, each with its own spatial lag of y (sar, sdm) and of x (slx, sdm).
    durbin_by : {"every", "first"}
        Whether regressors are lagged by every W, or by the first only.
    cov : {"classic", "cluster"}
        Classic: of normal errors. Cluster: errors that are independent between units and of any variance and
        correlation within them (see `digicarbon.packs.space_gaps.numeric.clustered.clustered`).
    cluster : "unit" or the name of a column
        As in `digicarbon.model.spatial_panel.SpatialPanel`.

    References
    ----------
    Meng & Yang (2021), adjusted quasi score for unbalanced spatial panels; Lee & Yu (2010, 2012), Journal of
    Econometrics; Elhorst, Lacombe & Piras (2012), Regional Science and Urban Economics, for several weights.
    """

    scripts: ClassVar[Mapping[str, str]] = {
        "extract": "digicarbon.packs.space_gaps.script.periods:extract",
        "r": "digicarbon.packs.space_gaps.script.periods:r",
        "stata": "digicarbon.packs.space_gaps.script.periods:stata",
    }
    references: ClassVar[tuple[str, ...]] = ("elhorst2012", "lee2010panel", "lesage2009", "lin2010")

    takes_long: ClassVar[bool] = True

    kind: Literal["slx", "sar", "sem", "sdm", "sdem"]
    effects: Literal["none", "unit", "time", "two_way"] = "two_way"
    bias_correction: Literal["adjusted_score", "none"] = "adjusted_score"
    restandardise: bool = True
    further_weights: Annotated[tuple[VaryingNode, ...], Field(strict=False)] = ()
    durbin_by: Literal["every", "first"] = "every"
    cov: Literal["classic", "cluster"] = "cluster"

    @model_validator(mode="after")
    def _consistent(self) -> UnbalancedSpatialPanel:
        if self.further_weights and self.has_error:
            raise ValueError(Note("further_weights_not_of_kind", key="further_weights", kind=self.kind))
        own = ("const", *self._spatial(1 + len(self.further_weights)), "sigma2", *self._lags())
        refuse_names(own, self.regressors)
        return self

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the kind and its effects."""
        meaningless = {
            "durbin": self.kind not in DURBIN_KINDS,
            "durbin_by": self.kind not in DURBIN_KINDS or not self.further_weights,
            "bias_correction": self.effects == "none",
            "cluster": self.cov != "cluster",
        }
        return self.untested | {name for name, holds in meaningless.items() if holds}

    @property
    def optional_terms(self) -> tuple[str, ...]:
        """The columns that further weights are made of."""
        return tuple(dict.fromkeys(column for node in self.further_weights for column, _ in node.made_of))

    @sentences
    def fit(
        self, panel: Panel, weights: Weights | None = None, further_weights: Sequence[Weights] | None = None
    ) -> Result:
        """Fit the model.

        Parameters
        ----------
        panel : Panel
            It need not be balanced.
        weights : Weights
            For exactly the panel's units, in any order, of all periods or by period.
        further_weights : sequence of Weights, optional
            In place of those that the model's nodes make.

        Returns
        -------
        Result
            Terms are the regressors, ``W_<name>`` and, of further weights, ``W2_<name>`` … for their spatial lags,
            then ``rho``, ``rho_2`` … or ``lambda``, and ``sigma2``. Effects are means over observations.

        Raises
        ------
        DataError, WeightsError, EstimationError
        """
        if further_weights is not None and self.test == "wild":
            raise WeightsError(Note("wild_with_given_further_weights"))
        return self.tested(self.estimated(panel, weights, further_weights), panel, weights)

    def estimated(
        self, panel: Panel, weights: Weights | None, further_weights: Sequence[Weights] | None = None
    ) -> Result:
        """Return the fit with p values from its standard errors."""
        design = self.design(panel, weights, further_weights)
        found = self._estimate(design)
        tail = self._tail(design)
        spatial = range(len(design.names), len(design.names) + len(tail) - 1) if found.boundary else ()
        effects = design.space.effects
        return Result(
            kind=self.kind,
            y=self.y,
            focal=self.x,
            terms=(*design.names, *tail),
            coef=np.concatenate([found.beta, found.spatial, [found.sigma2]]),
            covariance=without_errors(found.covariance, spatial),
            inference=Inference(None, self.level),
            statistics=self._statistics(found, design),
            spatial_effects=None if found.boundary else self._effects(found, design),
            absorbed=EFFECTS_OF[self.effects],
            notes=self._notes(found, design, weights),
            residuals=found.residuals if effects.present.all() else None,
            boundary=tail[:-1] if found.boundary else (),
            roles=self._roles(design),
        )

    def _roles(self, design: PeriodDesign) -> tuple[Role, ...]:
        several = design.space.weights.several
        lagging = several if self.durbin_by == "every" else 1
        lags = (Role("lag_x", name, by=by) for by in range(1, 1 + lagging) for name in self.lagged)
        spatial = LAG_Y if self.has_lag else LAG_ERROR
        tail = (*lags, *(spatial,) * (len(self._tail(design)) - 1), VARIANCE)
        return roles_of(self.effects == "none", self.regressors, (), tail)

    def _spatial(self, several: int) -> tuple[str, ...]:
        """Return what the spatial parameters are called."""
        if self.kind == "slx":
            return ()
        if self.has_error:
            return ("lambda",)
        return ("rho", *(f"rho_{place}" for place in range(2, several + 1)))

    def _tail(self, design: PeriodDesign) -> tuple[str, ...]:
        return (*self._spatial(design.space.weights.several), "sigma2")

    def _lags(self, several: int | None = None) -> tuple[str, ...]:
        count = 1 + len(self.further_weights) if several is None else several
        by_name = [lags_of(name, count if self.durbin_by == "every" else 1) for name in self.lagged]
        return tuple(name for of_one in zip(*by_name, strict=True) for name in of_one)

    def _estimate(self, design: PeriodDesign) -> PeriodFit:
        """Return the estimates, with the covariance that ``cov`` names."""
        found = self._plain(design)
        if found.boundary:
            y = design.rows(design.columns[..., design.level.shape[2] - 1])
            refuse_pole(self._tail(design), float(np.vdot(found.residuals, found.residuals)), y)
        if self.cov == "classic":
            return found
        space = design.space
        return replace(
            found, covariance=clustered(found, space.weights, space.effects, self.has_error, design.clusters)
        )

    def _plain(self, design: PeriodDesign) -> PeriodFit:
        space = design.space
        if self.has_error:
            found = design.errors(design.level[..., :-1]).fit(design.level[..., -1])
            if found.boundary and space.weights.isometric:
                # two values with one likelihood meet at this end, where its slope is zero and so is the information
                raise EstimationError(Note("information_singular"))
            return found
        if self.kind == "slx":
            return fit_linear(design.columns[..., : design.level.shape[2]], space.effects, space.adjusted)
        return fit_lags(design.columns, space.weights, space.effects, space.adjusted, space.traces_of_one)

    def design(
        self, panel: Panel, weights: Weights | None, further_weights: Sequence[Weights] | None = None
    ) -> PeriodDesign:
        """Return checked arrays."""
        weights = needed(weights, self.kind)
        require_panel(panel)
        every = [weights, *(self.further_of(panel) if further_weights is None else further_weights)]
        if not all(isinstance(one, Weights) for one in every):
            raise WeightsError(Note("weights_of_other_class"))
        if len(every) > 1 and self.has_error:
            raise WeightsError(Note("further_weights_not_of_kind", key="further_weights", kind=self.kind))
        panel = panel.with_terms(self.terms)
        refuse_single_period(panel, self.effects)
        adjusted = self.bias_correction == "adjusted_score" and self.effects != "none"
        parts = [parts_of(one, panel) for one in every]
        space = space_of(parts, panel, self.effects, adjusted, self.restandardise)
        for one, block in zip(every, space.weights.blocks, strict=True):
            if not block.any():
                raise WeightsError(Note("weights_without_link_observed", weights=one.called))
        shape = space.effects.present.shape
        periods, units = panel.period_codes, panel.unit_codes
        raw = cube_of(panel.array((*self.regressors, self.y)), periods, units, shape)
        own = [self.regressors.index(name) for name in self.lagged]
        count = len(every) if self.durbin_by == "every" else 1
        lags = [space.weights.lag(raw[..., own], place) for place in range(count)]
        constant = ("const",) if self.effects == "none" else ()
        ones = space.effects.present[..., None].astype(np.float64)[..., : len(constant)]
        names = (*constant, *self.regressors, *self._lags(len(every)))
        level = np.concatenate([ones, raw[..., :-1], *lags, raw[..., -1:]], axis=2)
        refuse_too_small(space.effects.degrees, len(names) + 1, self.effects)
        clusters = groups_of_units(panel, self.own_clusters)
        design = PeriodDesign(level, names, tuple(one.called for one in every), space, periods, units, clusters)
        within = design.rows(design.columns[..., : level.shape[2]])
        refuse_unidentified(names, within[:, :-1], design.rows(level)[:, :-1], self.effects)
        refuse_constant(self.y, within[:, -1], raw[..., -1], self.effects, DataError)
        return design

    def further_of(self, panel: Panel) -> list[Weights]:
        """Return the weights that the model's own nodes make."""
        columns = tuple(column for name, column in panel.columns.items() if name != self.y)
        made = []
        for place, node in enumerate(self.further_weights):

            def compute(node: WeightsSpec = node, place: int = place) -> Weights:
                with under(f"model.further_weights.{place}", WeightsSpec):
                    return node.compute(panel)

            key = (identity(node), panel.index, *columns)
            made.append(_FURTHER.once(key, compute, lambda w: int(w.matrix.nnz) * 24))
        return made

    def _effects(self, found: PeriodFit, design: PeriodDesign) -> Effects:
        coefficients, covariance = self._multiplied(found, design)
        rho = found.spatial if self.has_lag else None
        counts = design.space.effects.present.sum(axis=1)
        of = multipliers(design.space.weights, rho)
        return Effects(self.regressors, *mean_effects(coefficients, covariance, of, counts))

    def _multiplied(self, found: PeriodFit, design: PeriodDesign) -> tuple[FloatArray, FloatArray]:
        """Return β and θ by variable, shape (k, R + 1), and the covariance of them all, then of each ρ."""
        several = design.space.weights.several
        k, rho = len(self.regressors), tuple(f"rho_{place}" for place in range(several))
        names = (*design.names, *(rho if self.has_lag else ()))
        wanted = (*(one for x in self.regressors for one in (x, *lags_of(x, several))), *rho)
        coef, covariance = picked(wanted, names, np.concatenate([found.beta, found.spatial]), found.covariance)
        return coef[: k * (several + 1)].reshape(k, several + 1), covariance

    def period_effects(self, panel: Panel, weights: Weights) -> pd.DataFrame:
        """Return the effects in each period, with standard errors by the delta method, by (period, term).

        Columns direct, indirect, total and direct_se, indirect_se, total_se. Raises as `fit` does, and an
        EstimationError if the estimate is at an end of its range, where there are no effects.
        """
        design = self.design(panel, weights)
        found = self._estimate(design)
        if found.boundary:
            raise EstimationError(Note("no_effects_at_end", parameter=self._tail(design)[0]))
        coefficients, covariance = self._multiplied(found, design)
        of = multipliers(design.space.weights, found.spatial if self.has_lag else None)
        counts = design.space.effects.present.sum(axis=1)
        rows = []
        for place in range(len(counts)):
            values, errors = mean_effects(coefficients, covariance, of.of_period(place), counts[[place]])
            rows.append(np.concatenate([values, errors]).T)
        periods = panel.with_terms(self.terms).periods
        index = pd.MultiIndex.from_product([periods, self.regressors], names=[panel.time_name, "term"])
        names = ("direct", "indirect", "total")
        return pd.DataFrame(np.concatenate(rows), index=index, columns=[*names, *(f"{name}_se" for name in names)])

    def _statistics(self, found: PeriodFit, design: PeriodDesign) -> dict[str, float]:
        space = design.space
        effects = space.effects
        k = len(design.names) + len(self._tail(design))
        y = design.rows(design.columns[..., len(design.names)])
        ssr = float(np.vdot(found.residuals, found.residuals))
        counts = effects.present.sum(axis=0)
        return {
            "nobs": float(effects.size),
            "nobs_effective": float(space.degrees),
            "n_units": float((counts > 0).sum()),
            "n_periods": float(len(effects.present)),
            # the adjusted score has no likelihood of its own
            **({} if space.adjusted else criteria(found.loglik, k, effects.size)),
            "r2_within": 1 - ssr / float(((y - y.mean()) ** 2).sum()),
            **dict(zip(self._tail(design), map(float, [*found.spatial, found.sigma2]), strict=True)),
            "df_resid": float(effects.degrees - len(design.names) - (self.kind != "slx")),
        }

    def _notes(self, found: PeriodFit, design: PeriodDesign, weights: Weights | None) -> tuple[Note, ...]:
        space = design.space
        present = space.effects.present
        if self.cov == "cluster":
            notes = [self.errors_note(self.kind != "slx")]
        else:
            notes = [Note("errors_adjusted") if space.adjusted else Note("errors_information")]
        if space.adjusted:
            notes.append(Note("adjusted_score", observations=space.degrees))
        if not present.all():
            again = Note("selected_again" if all(space.again) else "selected_once")
            if any(space.again) and not all(space.again):
                some = [name for name, anew in zip(design.called, space.again, strict=True) if anew]
                again = Note("selected_partly", weights=some)
            rows, cells = int(present.sum()), int(present.size)
            notes.append(Note("selected_within_periods", rows=rows, cells=cells, standardised=again))
        if space.alone:
            notes.append(Note("islands_by_selection", observations=space.alone, periods=space.alone_in))
        once = int((present.sum(axis=0) == 1).sum())
        if once and self.effects in ("unit", "two_way"):
            notes.append(Note("units_seen_once", units=once))
        if isinstance(weights, WeightsByPeriod):
            notes.append(Note("effects_over_periods"))
        if space.weights.several > 1:
            names = [numbered(place) for place in range(1, space.weights.several + 1)]
            notes.append(Note("several_weights", named=names, weights=design.called))
        if found.boundary and space.weights.several > 1:
            notes.append(Note("at_boundary_of_several"))
        elif found.boundary:
            notes.append(Note("at_boundary", parameter=self._tail(design)[0], **ends_of(space.weights.bounds)))
        return tuple(notes)

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the model without its focal terms and their spatial lags."""
        from digicarbon.packs.space_gaps.model._period_nulls import null_at

        design = self.design(panel, weights)
        panel = panel.with_terms(self.terms)
        stay = under_null(self.x, self.regressors)
        error = self.has_error
        own = [name for name in self.lagged if name in stay] if error else []
        names = [*stay, *(f"W_{name}" for name in own), "const"]
        keep = [place for place, name in enumerate(design.names) if name in names]
        shared = (columns_key(panel, stay), columns_key(panel, own), panel.columns[self.y].digest, design.space)

        def fit() -> NullModel:
            anew = self.design(panel, weights)
            return null_at(anew, keep, [], np.empty(0), rows_of(panel), error)

        return Null(("periods", error, *shared), fit)

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the model to many outcomes: at once, or one by one where one W has no eigenvectors."""
        from digicarbon.packs.space_gaps.model._period_batch import ErrorPeriodFits, LinearPeriodFits, PeriodFits

        design, by_unit = self.design(panel, weights), self.cov == "cluster"
        if self.has_error:
            return ErrorPeriodFits(design, estimand, by_unit)
        if self.kind == "slx":
            return LinearPeriodFits(design, estimand, by_unit)
        if design.space.weights.several > 1 or design.space.traces.smooth:
            return PeriodFits(design, estimand, by_unit)
        return OneByOne(self.by_errors, panel, weights, estimand)

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> list[Restrictions]:
        """Return the coefficients and the effects of each focal term as restrictions."""
        from digicarbon.packs.space_gaps.model._period_nulls import restrictions_of

        made = panel.with_terms(self.terms)
        return [restrictions_of(self, self.design(panel, weights), result, term, made, weights) for term in self.x]
