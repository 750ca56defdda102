"""Direct, spillover and total effects of x through mediators, in a spatial model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._arguments import spatial_or
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError
from digicarbon.model.base import Terms, needed
from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.model.tested import asks_for_wild
from digicarbon.note import Note, cut
from digicarbon.packs.mediation.model._mediators import at_zero, earlier_outcomes, fault
from digicarbon.packs.mediation.numeric.space import spatial_paths
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.weights import Weights

EFFECTS = ("direct", "spillover effect", "total")


class SpatialMediation(OfModel):
    """What a change of x does through mediators to the outcome of the same unit and of others.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the spatial model of the run, without mediators.
    mediators : tuple of str
        Variables through which x may have its effect, side by side: none of them explains another. No powers, no
        products, and nothing that is made of x or of another mediator.

    Notes
    -----
    Each mediator is fitted by the run's model on x and the controls, the outcome on x, the controls and all mediators.
    With ``durbin: all`` mediators have spatial lags, too. Estimates of different equations are taken as uncorrelated,
    as maximum likelihood has them if the errors of the equations are independent, without which a product of
    coefficients is no effect either.
    """

    references: ClassVar[tuple[str, ...]] = ("baron1986", "lesage2009")

    table_names: ClassVar[tuple[str, ...]] = ("spatial_mediation",)
    takes_weights: ClassVar[bool] = True

    mediators: Terms

    @property
    def terms(self) -> tuple[str, ...]:
        """The model's columns and the mediators."""
        return (*self.model.terms, *(term for term in self.mediators if term not in self.model.terms))

    @property
    def notes(self) -> tuple[Note, ...]:
        """What is assumed, and that there is no wild bootstrap where one is asked for."""
        about = (
            Note("spatial_mediation", mediators=cut(self.mediators)),
            *at_zero(self.model.x, self.model.controls),
            *earlier_outcomes(self.mediators, self.model.y),
        )
        return (*about, Note("errors_through_mediators")) if asks_for_wild(self.model) else about

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the run's model is not spatial or an equation cannot be fitted; fit nothing."""
        for equation in self._equations():
            equation.check(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``spatial_mediation``: a row for each focal term, path and effect.

        Columns are coef, se, stat, p, low and high. Paths are each mediator, all mediators, the path beside them, and
        all together; the last one is the total effect that the equations imply, not the one of a model without
        mediators. Numbers are missing where a spatial parameter lies at the end of its range.
        """
        last, *first = self._equations()
        weights = needed(weights, last.kind)
        outcome = last.fit(panel, weights)
        fits = [equation.fit(panel, weights) for equation in first]
        w = weights.align(panel).matrix.toarray()
        paths = (*self.mediators, Note("all_mediators"), Note("beside_mediators"), Note("all_paths"))
        frames = []
        for x in outcome.focal:
            numbers = np.full((2, len(paths), len(EFFECTS)), np.nan)
            if not any(fit.beyond or fit.boundary for fit in (outcome, *fits)):
                own, of_own = _parameters(outcome, (x, *self.mediators))
                parts = [_parameters(fit, (x,)) for fit in fits]
                first_and_spread = (np.array(part) for part in zip(*parts, strict=True))
                numbers = np.stack(spatial_paths(w, own, of_own, *first_and_spread))
            rows: list[tuple[Any, ...]] = [(x, path, effect) for path in paths for effect in EFFECTS]
            index = pd.MultiIndex.from_tuples(rows, names=["x", "through", "effect"])
            columns = outcome.inference.columns(numbers[0].ravel(), numbers[1].ravel())
            frames.append(pd.DataFrame(columns, index=index))
        return {"spatial_mediation": pd.concat(frames)}

    def _equations(self) -> list[SpatialPanel]:
        """Return the outcome's equation, and those of the mediators."""
        spatial = spatial_or(self.model, Note("mediation_of_other_model"))
        problem = fault(self.mediators, spatial.y, spatial.x, spatial.controls, "diagnostic.mediators")
        if problem is not None:
            raise ConfigError(problem)
        plain = spatial.by_errors
        last = plain.model_copy(update={"controls": (*self.mediators, *plain.controls)})
        return [last, *(plain.model_copy(update={"y": mediator}) for mediator in self.mediators)]


def _parameters(result: Result, names: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    """Return coefficients of regressors, their lags and that of the outcome, zero where absent, and covariance."""
    places = [
        *(result.terms.index(name) for name in names),
        *(_place(result, "lag_x", name) for name in names),
        _place(result, "lag_y", ""),
    ]
    there = [place for place, at in enumerate(places) if at >= 0]
    known = [places[place] for place in there]
    coef, covariance = np.zeros(len(places)), np.zeros((len(places),) * 2)
    coef[there] = result.coef[known]
    covariance[np.ix_(there, there)] = result.covariance[np.ix_(known, known)]
    return coef, covariance


def _place(result: Result, kind: Any, of: str) -> int:
    """Return where a parameter stands; -1 if there is none."""
    return next((at for at, role in enumerate(result.roles) if role.kind == kind and (not of or role.of == of)), -1)
