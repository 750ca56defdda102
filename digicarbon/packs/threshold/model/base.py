"""Panel threshold regression: slopes that differ by where a variable lies (Hansen 1999)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from digicarbon.errors import EstimationError
from digicarbon.model._absorption import Clusters, clusters_of_units
from digicarbon.model._latest import LATEST, columns_of
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._panel_covariance import OF_ERRORS
from digicarbon.model.base import COLUMN, Model, is_offered, require_panel, sentences, shown
from digicarbon.model.panel_regression import PanelRegression, regression_with
from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.model.tested import Clustered, Tested
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS, Covariance, Kernel, SmallSample
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.resampling.null_model import in_rows
from digicarbon.numeric.resampling.unit_wild import alpha_of, beyond_critical
from digicarbon.packs.threshold.model._regimes import Regimes, texts
from digicarbon.packs.threshold.numeric.estimator import (
    LeastSquares,
    Resampling,
    Sets,
    Thresholds,
    TooFewCandidatesError,
    critical_ratio,
    estimate,
    thresholds_of,
)
from digicarbon.packs.threshold.numeric.search import Ordered
from digicarbon.panel import Panel, canonical, numbered, parse, without_logarithms
from digicarbon.panel._terms import Atom, Factor
from digicarbon.result import MadeOf, Quantity, Result, roles_made_of
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model._panel_restrictions import Contrasts
    from digicarbon.model.restrictions import Redrawn, Restrictions
    from digicarbon.packs.threshold.numeric.space import SpatialLag

Space = Literal["none", "sar", "sdm"]
FEW_VALUES = 10
"""A threshold variable with so many values, or fewer, has a note that says so."""


class PanelThreshold(Clustered):
    """A panel regression whose slopes differ by regimes of a threshold variable, with thresholds estimated from it.

    Attributes
    ----------
    y, controls
        As in `Model`; controls have one coefficient in all regimes.
    x : tuple of str
        The focal terms: each has a coefficient in every regime.
    threshold : str
        The threshold variable: a column, or what `Panel.with_terms` reads, e.g. ``L.ln_pgdp``; it may be x itself.
    thresholds : {1, 2, 3}
        How many thresholds there are, one less than regimes.
    effects : {"none", "unit", "time", "two_way"}
        Fixed effects; ``none`` has a constant.
    trim : float
        Least share of the rows in a regime.
    grid : int or None
        How many quantiles of the threshold variable are candidates; None: each of its values.
    threshold_draws : int
        Bootstrap samples of the test of each threshold; 0 for no tests.
    resampling : {"signs", "units"}
        What a sample's errors are: each unit's own residuals, all of them with their sign or all with the other, which
        errors whose variance depends on the regressors need; or whole units' residuals drawn with replacement, Hansen's
        own, which unbalanced panels cannot take.
    sets : {"draws", "clustered", "likelihood", "robust"} or None
        What confidence sets of thresholds rest on: bootstrap samples that have the threshold at a value, as many as
        ``threshold_draws``; or a likelihood ratio for errors that are correlated within units, for independent ones
        with one variance, Hansen's own, or for independent ones with a variance that depends on the threshold variable.
        None: ``draws`` where these are enough for the level, else ``clustered``; in spatial models ``likelihood``.
    space : {"none", "sar", "sdm"}
        The spatial model in which slopes differ, see `SpatialPanel`: with the spatial lag of the outcome (sar), or of
        outcome, x and controls (sdm). The slope of a lag of x differs by the regime of the neighbour whose x it is.
        Panels are then balanced, ``sets`` are those of the ``likelihood`` and ``cov`` classic, robust or cluster, of
        units or of a column's groups of whole units.
    cov, cluster, bandwidth, kernel, small_sample, df
        As in `PanelRegression`. Standard errors are those of slopes and take thresholds as known.
    test, draws, weights, seed, intervals, level
        As in `digicarbon.model.tested.Tested`; of slopes. Wild draws are searched for thresholds again, see
        docs/threshold.md; those of spatial models take thresholds as known. The seed is that of ``threshold_draws``,
        too.

    Notes
    -----
    Slopes of a regime of fewer than five units, or with no more rows than slopes, have no standard errors, p values and
    intervals: their errors would rest on the residuals of as few units, which the slopes fit.

    Every candidate is searched (`digicarbon.packs.threshold.numeric`). Thresholds are added one by one; after each, the
    earlier ones are estimated again. Confidence sets hold all values whose likelihood ratio is up
    to a critical value: of bootstrap samples, or -2 ln(1 - √level). See docs/threshold.md.

    References
    ----------
    Hansen (1999), Journal of Econometrics 93, 345-368.
    """

    exact_paths: ClassVar[bool] = True
    takes_long: ClassVar[bool] = True
    decides_time: ClassVar[tuple[str, ...]] = ("space", "grid", "thresholds")
    lacks: ClassVar[Mapping[str, Note]] = {"observation_weights": Note("unweighted_threshold")}
    scripts: ClassVar[Mapping[str, str]] = {
        "extract": "digicarbon.packs.threshold.script.threshold:extract",
        "r": "digicarbon.packs.threshold.script.threshold:in_r",
        "stata": "digicarbon.packs.threshold.script.threshold:in_stata",
    }
    former: ClassVar[Mapping[str, str]] = {**Tested.former, "draws": "threshold_draws"}
    references: ClassVar[tuple[str, ...]] = ("bai1997", "hansen1999", "hansen2000")

    without: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("null", "batch"), "each outcome has thresholds of its own, and a coefficient for every regime"
    )

    threshold: str
    thresholds: Annotated[int, Field(ge=1, le=3)] = 1
    effects: EffectsKind = "two_way"
    trim: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    grid: Annotated[int, Field(ge=5)] | None = None
    threshold_draws: Annotated[int, Field(ge=0, le=100_000)] = 300
    resampling: Resampling = "signs"
    sets: Sets | None = None
    space: Space = "none"
    cov: Covariance = "cluster"
    cluster: Clusters = "unit"
    bandwidth: Annotated[int, Field(ge=0)] | None = None
    kernel: Kernel = "uniform"
    small_sample: SmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"

    @field_validator("threshold")
    @classmethod
    def _canonical_threshold(cls, term: str) -> str:
        return canonical(term)

    @model_validator(mode="after")
    def _threshold_explains(self) -> PanelThreshold:
        if self.threshold == self.y:
            raise ValueError(Note("threshold_is_y", key="threshold", y=self.y))
        if self._operators_on_y() - {"L"}:
            raise ValueError(Note("threshold_of_y", key="threshold", q=self.threshold, y=self.y))
        if self.trim * (self.thresholds + 1) >= 1:
            raise ValueError(Note("threshold_trim", key="trim", trim=self.trim, regimes=self.thresholds + 1))
        if self.sets == "draws" and not self._enough_draws:
            raise ValueError(
                Note("threshold_sets_draws", key="threshold_draws", draws=self.threshold_draws, level=self.level)
            )
        if self.space != "none" and self.sets not in (None, "likelihood"):
            raise ValueError(Note("threshold_space_sets", key="sets", sets=self.sets, space=self.space))
        whole = self.cov == "cluster" and is_offered(self.cluster, ("unit", COLUMN))
        if self.space != "none" and not (whole or self.cov in ("classic", "robust")):
            key = "cluster" if self.cov == "cluster" else "cov"
            raise ValueError(Note("threshold_space_errors", key=key, value=shown(getattr(self, key)), space=self.space))
        return self

    @property
    def _enough_draws(self) -> bool:
        """Whether the likelihood ratio of a value may be beyond its critical value."""
        return beyond_critical(self.threshold_draws, alpha_of(self.level)) > 0

    @property
    def kind_of_sets(self) -> Sets:
        """What confidence sets of thresholds rest on."""
        if self.sets is not None:
            return self.sets
        if self.space != "none":
            return "likelihood"
        return "draws" if self._enough_draws else "clustered"

    def _operators_on_y(self) -> set[str]:
        """Return the operators with which the threshold variable has the outcome; none where it is another one."""
        (of_y, *_), of_q = (parse(term) or (Factor(Atom(term)),) for term in (self.y, self.threshold))
        own = without_logarithms(of_y.atom.variable)
        return {factor.atom.operator for factor in of_q if without_logarithms(factor.atom.variable) == own}

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, the threshold variable and those of clusters among them."""
        return tuple(dict.fromkeys((*self._searched, *map(numbered, self.own_clusters))))

    @property
    def _searched(self) -> tuple[str, ...]:
        """The columns that decide the thresholds."""
        return tuple(dict.fromkeys((*super().terms, self.threshold)))

    @property
    def uses_weights(self) -> bool:
        """Whether the covariance needs spatial weights."""
        return self.cov == "conley" or self.space != "none"

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the estimates and the standard errors."""
        own = frozenset() if self.threshold_draws else frozenset({"resampling"})
        untested = self.untested - {"seed"} if self.threshold_draws else self.untested
        if self.space != "none":
            return untested | own | (OF_ERRORS - {"cov", *({"cluster"} if self.cov == "cluster" else ())})
        return untested | own | (self.regression(self.x, self.controls).ignored & OF_ERRORS)

    @property
    def split(self) -> tuple[str, ...]:
        """The terms that have a coefficient for each regime."""
        return self.x

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The coefficient of a regime, and in a spatial model its effects."""
        return ("coefficient",) if self.space == "none" else ("coefficient", "direct", "indirect", "total")

    @property
    def work(self) -> float:
        """How many times as long as usual a fit takes: wild draws are searched for thresholds at every candidate.

        Measured at 30 units and 6 periods, where a threshold that is hardly known gives draws from `STARTS` values.
        """
        if self.test != "wild":
            return 10 if self.threshold_draws else 3
        candidates = 162 if self.grid is None else min(self.grid, 162)
        once = 40 + candidates / 3 if self.space == "none" else 20 + 6.3 * candidates
        return once * 7.0 ** (self.thresholds - 1)

    @property
    def statistic(self) -> Literal["F", "LR"]:
        """What tests of thresholds are: F, or the likelihood ratio of spatial models."""
        return "F" if self.space == "none" else "LR"

    def regression(self, x: Sequence[str], controls: Sequence[str]) -> PanelRegression | SpatialPanel:
        """Return the regression of the outcome on columns, with the effects and standard errors of this model."""
        columns = {"x": tuple(x), "controls": tuple(controls)}
        if self.space == "none":
            return regression_with(**columns, **{name: getattr(self, name) for name in _OF_REGRESSION})
        return _spatial(**columns, kind=self.space, **{name: getattr(self, name) for name in _OF_SPATIAL})

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; search nothing."""
        require_panel(panel)
        made = panel.with_terms(self.terms)
        names = (made.expanded(terms, among=self.terms) for terms in (self.x, self.controls))
        self.regression(*names).check(made, weights)
        ordered = self._ordered(made)
        if (most := ordered.most(self.trim, self.grid)) < self.thresholds:
            raise self._too_few(most)
        self.check_test(panel, weights)

    @property
    def to_refit(self) -> PanelThreshold:
        """The model without tests of thresholds and without sets that are drawn."""
        return self.model_copy(update={"threshold_draws": 0, "sets": "likelihood"})

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Estimate the thresholds, then the slopes of regimes.

        Parameters
        ----------
        panel : Panel
            Balanced or not; balanced for spatial models.
        weights : Weights, optional
            For spatial models and Conley's covariance, and for the spatial dependence of the errors in the wild
            bootstrap.

        Returns
        -------
        Result
            Terms are ``x[1]``, ``x[2]``, … for the regimes of each term of x, the lowest values of the threshold
            variable first, then controls; in spatial models lags and parameters follow, and each regime has direct,
            indirect and total effects.
            ``tables`` has ``thresholds`` (estimate, lowest and highest value of the confidence set, number of its
            pieces), ``threshold_sets`` (the ends of each piece), ``threshold_tests`` (F or LR, p, critical values),
            ``regimes`` (rows and units) and ``lr`` (likelihood ratios, and critical values by draws); ``statistics``
            has the same numbers.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        require_panel(panel)
        made = panel.with_terms(self.terms)
        return self.tested(self.estimated(made, weights), made, weights)

    def estimated(self, panel: Panel, weights: Weights | None) -> Result:
        """Return the fit with p values from its standard errors."""
        regimes = self.regimes(panel, weights)
        fitted = regimes.without_tiny(regimes.regression.estimated(regimes.panel, weights))
        return replace(
            fitted,
            kind="threshold",
            focal=regimes.focal,
            statistics={**fitted.statistics, **regimes.statistics()},
            tables={**fitted.tables, **regimes.tables()},
            listings=(*fitted.listings, "threshold_sets"),
            roles=roles_made_of(fitted.terms, fitted.roles, regimes.made_of),
            notes=(*fitted.notes, *self._notes(regimes)),
        )

    def made_of(self, panel: Panel) -> Mapping[str, MadeOf]:
        """Return what each slope is made of: its term, and the regime that it is of."""
        return self.regimes(panel).made_of if self.space == "none" else super().made_of(panel)

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> Sequence[Restrictions | Redrawn]:
        """Return the slopes of regimes, whose draws are searched again, and in spatial models their effects."""
        from digicarbon.packs.threshold.model._searched import Searched

        return [Searched(self, weights, self.regimes(panel, weights), result, self.searching(panel, weights))]

    def searching(self, panel: Panel, weights: Weights | None) -> LeastSquares | SpatialLag:
        """Return what searches outcomes of a sample for thresholds."""
        made = panel.with_terms(self.terms)
        ordered, linear = self._ordered(made), self._linear(made)
        if isinstance(linear, SpatialPanel):
            return _spatial_lag(linear, made, weights, ordered)
        return LeastSquares(ordered, made.column(self.y), "likelihood")

    def _linear(self, panel: Panel) -> PanelRegression | SpatialPanel:
        """Return the model without thresholds."""
        return self.regression(*(panel.expanded(terms, among=self.terms) for terms in (self.x, self.controls)))

    def contrasts(self, panel: Panel, weights: Weights | None) -> Contrasts | None:
        """Return combinations of coefficients as restrictions; None for spatial models."""
        from digicarbon.model._panel_restrictions import Contrasts

        regimes = self.regimes(panel, weights)
        if isinstance(regimes.regression, SpatialPanel):
            return None
        return Contrasts(regimes.regression, regimes.panel, weights)

    def filters(self, panel: Panel, weights: Weights) -> bool:
        """Return whether the panel is balanced and these weights hold its units."""
        return self.regression(self.x, self.controls).filters(panel.with_terms(self.terms), weights)

    def regimes(self, panel: Panel, weights: Weights | None = None) -> Regimes:
        """Return the regression on regimes, whose thresholds models share that differ in nothing else.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        panel = panel.with_terms(self.terms)
        ordered = self._ordered(panel)
        linear = self._linear(panel)
        by = clusters_of_units(panel, self.own_clusters)
        levels = None if by is None else np.unique(by[1], return_inverse=True)[1]

        def search() -> Thresholds:
            resampling: Resampling = self.resampling if ordered.rows.balanced else "signs"
            numbers = (self.thresholds, self.trim, self.grid, self.threshold_draws, self.seed, resampling)
            try:
                if isinstance(linear, SpatialPanel):
                    return thresholds_of(_spatial_lag(linear, panel, weights, ordered), *numbers, levels)
                return estimate(ordered, panel.column(self.y), *numbers, self.kind_of_sets, levels)
            except TooFewCandidatesError as failed:
                raise self._too_few(failed.known) from None

        columns = columns_of(panel, self._searched)
        if columns is None or type(self) is not PanelThreshold:
            return Regimes(self, panel, search(), ordered)
        fields = (value for name, value in self.__dict__.items() if name not in _OF_ERRORS)
        operator = None if weights is None or self.space == "none" else weights.align(panel).operator
        found = LATEST.once((type(self), *fields, self.kind_of_sets, by, *columns, operator), search, _bytes)
        return Regimes(self, panel, found, ordered)

    def _ordered(self, panel: Panel) -> Ordered:
        names = panel.expanded(self.x, among=self.terms), panel.expanded(self.controls, among=self.terms)
        panel.require((self.y, *names[0], *names[1], self.threshold))
        x, controls = (panel.array(each) if each else np.empty((len(panel.unit_codes), 0)) for each in names)
        return Ordered(x, controls, panel.array((self.threshold,))[:, 0], rows_of(panel), self.effects)

    def _too_few(self, known: int) -> EstimationError:
        return EstimationError(
            Note("threshold_too_few", q=self.threshold, trim=self.trim, regimes=known + 2, key="model.trim")
        )

    def _notes(self, regimes: Regimes) -> tuple[Note, ...]:
        signs = self.resampling == "signs" or not regimes.panel.balanced
        values = cut(texts(regimes.values))
        notes = [Note("threshold_regimes", x=cut(regimes.x), q=self.threshold, values=values)]
        if self.effects in ("unit", "two_way") and self._operators_on_y():
            notes.append(Note("threshold_of_lagged_y", q=self.threshold))
        if regimes.tiny:
            notes.append(Note("threshold_tiny_regimes", numbers=cut(map(str, regimes.tiny)), fewest=FEWEST_CLUSTERS))
        if regimes.distinct <= FEW_VALUES:
            notes.append(Note("threshold_few_values", q=self.threshold, values=regimes.distinct))
        if self.space != "none":
            notes.append(Note("threshold_space", space=self.space.upper()))
        if self.space == "sdm":
            notes.append(Note("threshold_space_lags", x=cut(regimes.x)))
        if self.threshold_draws:
            fields = {"draws": self.threshold_draws, "statistic": self.statistic}
            notes.append(Note("threshold_signs", **fields) if signs else Note("threshold_units", **fields))
            if signs and (of := clusters_of_units(regimes.panel, self.own_clusters)):
                notes.append(Note("threshold_signs_by", by=of[0]))
            if signs and self.resampling == "units":
                notes.append(Note("threshold_unbalanced"))
        level, critical = self.level, critical_ratio(self.level)
        if self.kind_of_sets == "draws":
            notes.append(Note("threshold_set_drawn", level=level, draws=self.threshold_draws))
            tested = [len(curve.tested) for curve in regimes.found.curves if curve.tested is not None]
            if any(len(curve.candidates) > many for curve, many in zip(regimes.found.curves, tested, strict=True)):
                notes.append(Note("threshold_set_between", values=max(tested)))
        elif self.kind_of_sets == "likelihood":
            notes.append(Note("threshold_set", level=level, critical=critical))
        elif self.kind_of_sets == "robust":
            notes.append(Note("threshold_set_robust", level=level, critical=critical))
        else:
            notes.append(Note("threshold_set_clustered", level=level, critical=critical))
        below = [str(at) for at, curve in enumerate(regimes.found.curves, start=1) if curve.scale < 1]
        if below:
            notes.append(Note("threshold_scale_below", numbers=cut(below)))
        unscaled = [str(at) for at, curve in enumerate(regimes.found.curves, start=1) if curve.unscaled]
        if unscaled:
            notes.append(Note("threshold_unscaled", numbers=cut(unscaled)))
        for at, (_, _, pieces) in enumerate(regimes.sets, start=1):
            if len(pieces) > 1:
                parts = tuple(Note("set_piece", low=low, high=high) for low, high in pieces)
                notes.append(Note("threshold_set_pieces", number=at, pieces=parts))
        notes.append(Note("threshold_searched" if self.test == "wild" else "threshold_known"))
        return tuple(notes)


def _bytes(found: Thresholds) -> int:
    curves = sum(curve.candidates.nbytes + curve.ratio.nbytes for curve in found.curves)
    return curves + sum(test.draws.nbytes for test in found.tests)


_OF_ERRORS = OF_ERRORS | (frozenset({*Tested.model_fields} - {*Model.model_fields}) - {"seed"})
"""Fields that change nothing of the thresholds."""
_OF_REGRESSION = ("y", "effects", *sorted(OF_ERRORS), "level")
"""Fields that the regression has, too."""
_OF_SPATIAL = ("y", "effects", "cov", "cluster", "level")
"""Fields that a spatial model has, too."""


@lru_cache(maxsize=1024)
def _spatial(**fields: Any) -> SpatialPanel:
    return SpatialPanel(**fields, test="errors")


def _spatial_lag(linear: SpatialPanel, panel: Panel, weights: Weights | None, ordered: Ordered) -> SpatialLag:
    """Return what finds thresholds in a spatial model whose linear form is known."""
    from digicarbon.model._spatial_batch import solved, space_of
    from digicarbon.packs.threshold.numeric.space import SpatialLag

    design = linear.design(panel, weights)
    rows = in_rows(design.removed)
    lags = tuple(range(ordered.x.shape[1])) if linear.kind == "sdm" else ()
    space = space_of(solved(design.w), design.sample)
    return SpatialLag(ordered, rows[:, :-2], rows[:, -2], rows[:, -1], lags, space)
