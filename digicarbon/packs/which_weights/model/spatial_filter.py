"""A panel regression beside Moran eigenvectors that take spatial dependence out of its residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, EstimationError
from digicarbon.model._absorption import Clusters
from digicarbon.model._latest import LATEST, columns_of
from digicarbon.model._panel_covariance import OF_ERRORS
from digicarbon.model.base import Model, needed, require_panel, sentences
from digicarbon.model.batch import Batch, Estimand, Null
from digicarbon.model.grouped_regression import grouped
from digicarbon.model.panel_regression import PanelRegression, regression_with
from digicarbon.model.tested import Clustered, Tested
from digicarbon.note import Note
from digicarbon.numeric.linear.covariance import Covariance, Kernel, SmallSample
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.significance import is_significant
from digicarbon.packs.which_weights.numeric.filtering import (
    Eigenvectors,
    Method,
    Step,
    chosen,
    doubly_chosen,
    eigenvectors,
)
from digicarbon.panel import Panel, numbered
from digicarbon.result import DUMMY, Result
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.restrictions import Restrictions
    from digicarbon.script import Extract, RPart, StataPart

MOST_UNITS = 4000
"""Largest number of units whose weights are decomposed."""


@dataclass(frozen=True, eq=False)
class Filtered:
    """The panel regression that a filtered one is.

    ``regression``: with the columns of the filter among its controls. ``panel``: with these columns.
    """

    regression: PanelRegression
    panel: Panel
    columns: tuple[str, ...]
    candidates: Eigenvectors
    steps: list[Step]

    @property
    def places(self) -> list[int]:
        """Places of all chosen eigenvectors, in their order."""
        return [place for step in self.steps for place in step.places]


class SpatialFilter(Clustered):
    """A panel regression beside Moran eigenvectors, chosen until its residuals have no positive spatial dependence.

    Attributes
    ----------
    effects : {"none", "unit", "time", "two_way"}
        Fixed effects.
    method : {"double", "forward", "all"}
        Forward: the eigenvector that leaves Moran's I of the residuals nearest to its expectation is added, until I is
        no longer significant. Double: this is done for the outcome and for each focal term, given the controls, and
        what any of them needs is taken. Or all candidates.
    stop : float
        A choice ends once the p value of I, against positive dependence, exceeds this.
    share : float
        Candidates have an eigenvalue of at least this share of the largest one.
    candidates : int
        Most candidates, beside those of the last one's eigenvalue. Eigenvectors of one eigenvalue, as regular grids
        have them, are chosen together: each alone would depend on the order of the units.
    cov, cluster, bandwidth, kernel, small_sample, df
        As in `PanelRegression`.
    test, draws, weights, seed, intervals, level
        As in `digicarbon.model.tested.Tested`; with the chosen eigenvectors as known.

    Notes
    -----
    Eigenvectors are those of M(W + W′)M/2, M the centring matrix: patterns on the map that are not correlated, from the
    strongest positive spatial dependence on. Each chosen one has a coefficient for each period, since unit effects
    would absorb a constant one: T - 1 coefficients beside unit effects, T without. The panel must be balanced. Standard
    errors and the wild bootstrap take the choice as known (docs/spatial_filter.md says what that costs).
    ``tables["filter"]`` has the steps.

    References
    ----------
    Griffith (2003), Spatial Autocorrelation and Spatial Filtering; Tiefelsdorf & Griffith (2007), Environment and
    Planning A 39, 1193-1221.
    """

    takes_long: ClassVar[bool] = True
    lacks: ClassVar[Mapping[str, Note]] = {"observation_weights": Note("unweighted_filter")}
    references: ClassVar[tuple[str, ...]] = ("griffith2003", "tiefelsdorf2007")

    takes_weights: ClassVar[bool] = True

    effects: EffectsKind = "two_way"
    method: Method = "double"
    stop: Annotated[float, Field(gt=0, lt=1)] = 0.1
    share: Annotated[float, Field(gt=0, le=1)] = 0.25
    candidates: Annotated[int, Field(ge=1, le=500)] = 50
    cov: Covariance = "cluster"
    cluster: Clusters = "unit"
    bandwidth: Annotated[int, Field(ge=0)] | None = None
    kernel: Kernel = "uniform"
    small_sample: SmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, those of clusters among them."""
        return tuple(dict.fromkeys((*super().terms, *map(numbered, self.own_clusters))))

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing beside the others."""
        own = frozenset({"stop"}) if self.method == "all" else frozenset()
        return self.untested | own | (self._regression(self.controls).ignored & OF_ERRORS)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; choose nothing."""
        made = self._made(panel, weights)
        self._regression(made.expanded(self.controls, among=self.terms)).check(made, weights)
        self.check_test(panel, weights)

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Choose eigenvectors of weights for exactly the units of a balanced panel, and fit the regression beside them.

        Returns
        -------
        Result
            Coefficients of the eigenvectors, ``filter1[2013]`` etc., have the role of dummies. ``statistics`` has
            ``eigenvectors``, their number, and ``moran_before``, ``moran_before_p``, ``moran_after`` and
            ``moran_after_p`` of the residuals.
        """
        made = self._made(panel, weights)
        return self.tested(self.estimated(made, weights), made, weights)

    def estimated(self, panel: Panel, weights: Weights | None) -> Result:
        """Return the fit with p values from its standard errors."""
        found = self.filtered(panel, weights)
        fitted = found.regression.estimated(found.panel, weights)
        first, last = found.steps[0], found.steps[-1]
        statistics = {
            "eigenvectors": float(len(found.places)),
            "moran_before": first.statistic,
            "moran_before_p": first.p,
            "moran_after": last.statistic,
            "moran_after_p": last.p,
        }
        roles = [
            DUMMY if term in found.columns else role for term, role in zip(fitted.terms, fitted.roles, strict=True)
        ]
        return replace(
            fitted,
            kind="filter",
            roles=tuple(roles),
            statistics={**fitted.statistics, **statistics},
            tables={**fitted.tables, "filter": _table(found)},
            notes=(*fitted.notes, *self._filter_notes(found, weights)),
        )

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the regression without its focal terms, the chosen eigenvectors beside it."""
        found = self.filtered(panel, weights)
        return found.regression.null(found.panel, weights, candidates)

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> Batch:
        """Return what fits the regression to many outcomes, with the eigenvectors that were chosen for this one."""
        found = self.filtered(panel, weights)
        return found.regression.batch(found.panel, weights, estimand)

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> list[Restrictions]:
        """Return the coefficient of each focal term as a restriction, with eigenvectors as known.

        Null models have no spatial error: eigenvectors are there for that, and with both the test rejects more often
        where units differ (docs/spatial_filter.md).
        """
        from digicarbon.model._panel_restrictions import restrictions_of

        found = self.filtered(panel, weights)
        return [restrictions_of(found.regression, found.panel, term, None) for term in found.regression.x]

    def filters(self, panel: Panel, weights: Weights) -> bool:
        """Return False: eigenvectors take spatial dependence out of the errors."""
        return False

    def extract(self, panel: Panel, weights: Weights | None) -> Extract:
        """Return the columns of the regression beside the chosen eigenvectors."""
        found = self.filtered(panel, weights)
        return found.regression.extract(found.panel, weights)

    def r(self, part: RPart) -> list[str]:
        """Return the regression on the chosen columns in R."""
        return self._again(part.extract).r(part)

    def stata(self, part: StataPart) -> list[str]:
        """Return the regression on the chosen columns in Stata."""
        return self._again(part.extract).stata(part)

    def filtered(self, panel: Panel, weights: Weights | None) -> Filtered:
        """Return the regression beside the chosen eigenvectors, which models share that differ in errors only."""
        made = self._made(panel, weights)
        x, controls = (made.expanded(names, among=self.terms) for names in (self.x, self.controls))
        operator = needed(weights, "filtered").align(made).operator

        def search() -> tuple[Eigenvectors, list[Step]]:
            every = eigenvectors(operator, self.share, min(self.candidates, operator.n - 1))
            raw = made.cube((*x, *controls, self.y))
            if self.method == "double":
                return every, doubly_chosen(raw, len(x), operator, self.effects, every, self.stop)
            return every, chosen(raw, operator, self.effects, every, self.method, self.stop)

        columns = columns_of(made, (self.y, *self.regressors))
        if columns is None:
            every, steps = search()
        else:
            fields = (value for name, value in self.__dict__.items() if name not in _OF_ERRORS)
            every, steps = LATEST.once((type(self), *fields, *columns, operator), search, _bytes)
        added = _columns(made, every, steps, self.effects)
        return Filtered(self._regression((*controls, *added), x), made.with_columns(added), tuple(added), every, steps)

    def _made(self, panel: Panel, weights: Weights | None) -> Panel:
        require_panel(panel)
        made = panel.with_terms(self.terms)
        needed(weights, "filtered")
        if not made.balanced:
            raise DataError(Note("filter_of_gaps"))
        if len(made.units) > MOST_UNITS:
            raise EstimationError(Note("filter_too_large", units=len(made.units), most=MOST_UNITS))
        return made

    def _regression(self, controls: Sequence[str], x: Sequence[str] | None = None) -> PanelRegression:
        fields = {name: getattr(self, name) for name in _OF_REGRESSION}
        return regression_with(x=tuple(x or self.x), controls=tuple(controls), **fields)

    def _again(self, extract: Extract) -> PanelRegression:
        """Return the regression on the columns of a script."""
        return self._regression(tuple(name for name in extract.regressors if name not in self.x))

    def _filter_notes(self, found: Filtered, weights: Weights | None) -> tuple[Note, ...]:
        first, last = found.steps[0], found.steps[-1]
        notes = [
            Note(
                "filter_steps",
                vectors=len(found.places),
                candidates=len(found.candidates.shares),
                weights="" if weights is None else weights.called,
                before=first.statistic,
                before_e=first.expected,
                before_p=first.p,
                after=last.statistic,
                after_e=last.expected,
                after_p=last.p,
            ),
            Note("filter_known"),
        ]
        if self.method == "forward":
            notes.append(Note("filter_forward"))
        # where all candidates are taken, no p value stops anything
        usual: float = type(self).model_fields["stop"].default
        if self.method == "all" and is_significant(last.p, usual):
            notes.append(Note("filter_all_rest", stop=usual))
        elif self.method != "all" and is_significant(last.p, self.stop):
            unused = len(found.candidates.shares) > len(found.places)
            rest = self.method == "double" and unused
            notes.append(
                Note("filter_double_rest", stop=self.stop) if rest else Note("filter_not_enough", stop=self.stop)
            )
        return tuple(notes)


def _columns(panel: Panel, every: Eigenvectors, steps: Sequence[Step], effects: EffectsKind) -> dict[str, FloatArray]:
    """Return the chosen eigenvectors by period; beside unit effects the first period is left out."""
    first = 1 if effects in ("unit", "two_way") else 0
    out = {}
    for place in (place for step in steps for place in step.places):
        vector = every.vectors[panel.unit_codes, place]
        for code, period in list(enumerate(panel.periods))[first:]:
            out[grouped(f"filter{place + 1}", str(period))] = vector * (panel.period_codes == code)
    return out


def _table(found: Filtered) -> pd.DataFrame:
    """Return the steps: the first eigenvector, how many enter with it, its share, I, its expectation, deviate and p."""
    steps = found.steps
    shares = [np.nan, *(found.candidates.shares[step.places[0]] for step in steps[1:])]
    return pd.DataFrame(
        {
            "eigenvector": [float(step.places[0] + 1) if step.places else 0.0 for step in steps],
            "vectors": [float(len(step.places)) for step in steps],
            "share": shares,
            "moran": [step.statistic for step in steps],
            "expected": [step.expected for step in steps],
            "z": [step.z for step in steps],
            "p": [step.p for step in steps],
        },
        index=pd.Index(range(len(steps)), name="step"),
    )


def _bytes(found: tuple[Eigenvectors, list[Step]]) -> int:
    return int(found[0].vectors.nbytes)


_OF_ERRORS = OF_ERRORS | frozenset({*Tested.model_fields} - {*Model.model_fields})
"""Fields that change nothing of the choice."""
_OF_REGRESSION = ("y", "effects", *sorted(OF_ERRORS), "level")
"""Fields that the regression has, too."""
