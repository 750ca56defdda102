"""Panel threshold regression: slopes that differ by where a variable lies (Hansen 1999)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._latest import LATEST, columns_of
from digicarbon.model._panel_columns import rows_of
from digicarbon.model.base import Model, require_panel
from digicarbon.model.panel_regression import PanelRegression
from digicarbon.model.spatial_panel import SpatialPanel
from digicarbon.model.tested import Tested
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.covariance import ClusterBy, Covariance, Kernel, SmallSample
from digicarbon.numeric.linear.within import EffectsKind, demean
from digicarbon.numeric.resampling.null_model import in_rows
from digicarbon.numeric.threshold.estimator import (
    Resampling,
    Sets,
    Thresholds,
    TooFewCandidatesError,
    critical_ratio,
    estimate,
    thresholds_of,
)
from digicarbon.numeric.threshold.search import Ordered
from digicarbon.panel import Panel, canonical
from digicarbon.result import MadeOf, Quantity, Result, roles_made_of
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model._panel_restrictions import Contrasts
    from digicarbon.model.restrictions import Restrictions
    from digicarbon.numeric.threshold.space import SpatialLag
    from digicarbon.script import Extract, RPart, StataPart

MOST_POINTS = 500
"""Points of a likelihood ratio that a result keeps, about."""
CRITICAL = ("critical_10", "critical_5", "critical_1")
Space = Literal["none", "sar", "sdm"]


class Regimes:
    """The regression on interactions with regimes that a threshold model is.

    Parameters
    ----------
    model : PanelThreshold
    panel : Panel
        With every term.
    found : Thresholds
    ordered : Ordered
        The rows that the thresholds are places of.
    """

    def __init__(self, model: PanelThreshold, panel: Panel, found: Thresholds, ordered: Ordered) -> None:
        self.found = found
        self.values = tuple(ordered.value(place) for place in found.places)
        self.regime = np.searchsorted(self.values, ordered.q, side="left")
        """Each row's regime: a value equal to a threshold is below it."""
        self._ordered, self._model = ordered, model
        self.x = panel.expanded(model.x, among=model.terms)
        parts = panel.made_of(model.regressors, among=model.terms)
        own = panel.made_of((model.threshold,), among=(model.threshold,))[model.threshold]
        levels = list(zip(self._words(""), self._words(model.threshold), strict=True))
        columns: dict[str, FloatArray] = {}
        made_of: dict[str, MadeOf] = {}
        for name, column in zip(self.x, panel.array(self.x).T, strict=True):
            for place, (level, words) in enumerate(levels):
                term = f"{name}[{words}]"
                columns[term] = column * (self.regime == place)
                made_of[term] = (*parts[name], *(replace(part, level=level) for part in own))
        controls = panel.expanded(model.controls, among=model.terms)
        self.focal = tuple(columns)
        self.made_of = made_of | {name: parts[name] for name in controls}
        self.panel = panel.with_columns(columns)
        self.regression = model.regression(self.focal, controls)

    def _words(self, q: str) -> list[str]:
        """Return which values of the threshold variable each regime has."""
        ends = texts(self.values)
        inner = [f"{low}<{q}<={high}" if q else f"({low}, {high}]" for low, high in pairwise(ends)]
        return [f"{q}<={ends[0]}", *inner, f"{q}>{ends[-1]}"]

    @cached_property
    def sets(self) -> list[tuple[FloatArray, FloatArray, list[tuple[float, float]]]]:
        """Values, likelihood ratio and the pieces of the confidence set of each threshold, its lower and upper ends."""
        most = critical_ratio(self._model.level)
        out = []
        for curve in self.found.curves:
            at = self._ordered.q[self._ordered.order[curve.candidates]]
            inside = np.flatnonzero(curve.ratio <= most)
            pieces = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)
            out.append((at, curve.ratio, [(float(at[piece[0]]), float(at[piece[-1]])) for piece in pieces]))
        return out

    def tables(self, panel: Panel) -> dict[str, pd.DataFrame]:
        """Return thresholds with their sets, the tests of their number, the regimes, and likelihood ratios."""
        estimates = [
            [value, pieces[0][0], pieces[-1][1], float(len(pieces)), curve.scale]
            for value, curve, (_, _, pieces) in zip(self.values, self.found.curves, self.sets, strict=True)
        ]
        numbers = pd.RangeIndex(1, len(self.values) + 1)
        tests = [[test.statistic, test.p, *(test.critical or (np.nan,) * 3)] for test in self.found.tests]
        ends = [float(self._ordered.q.min()), *self.values, float(self._ordered.q.max())]
        counts = np.bincount(self.regime, minlength=len(numbers) + 1)
        units = [len(np.unique(panel.unit_codes[self.regime == place])) for place in range(len(counts))]
        regimes = {"low": ends[:-1], "high": ends[1:], "rows": counts.tolist(), "units": units}
        return {
            "thresholds": pd.DataFrame(
                estimates, pd.Index(numbers, name="threshold"), ["estimate", "low", "high", "pieces", "lr_scale"]
            ),
            "threshold_tests": pd.DataFrame(
                tests, pd.Index(numbers, name="thresholds"), [self._model.statistic, "p", *CRITICAL]
            ),
            "regimes": pd.DataFrame(regimes, pd.RangeIndex(1, len(counts) + 1, name="regime")),
            "lr": pd.concat(map(self._points, range(len(numbers))), ignore_index=True).rename_axis("point"),
        }

    def _points(self, at: int) -> pd.DataFrame:
        """Return a likelihood ratio: all points near its minimum and where it is critical, of the others some."""
        values, ratio, _ = self.sets[at]
        keep = np.zeros(len(values), dtype=bool)
        keep[:: -(-len(values) // MOST_POINTS)] = True
        inside = ratio <= critical_ratio(self._model.level)
        keep[np.flatnonzero(inside[1:] != inside[:-1])] = keep[np.flatnonzero(inside[1:] != inside[:-1]) + 1] = True
        keep[int(np.argmin(ratio))] = True
        return pd.DataFrame({"threshold": float(at + 1), "value": values[keep], "ratio": ratio[keep]})

    def statistics(self) -> dict[str, float]:
        """Return thresholds, the ends of their sets, and the tests of their number, by names of one number each."""
        out: dict[str, float] = {}
        for at, (value, (_, _, pieces)) in enumerate(zip(self.values, self.sets, strict=True), start=1):
            out |= {
                f"threshold_{at}": value,
                f"threshold_{at}_low": pieces[0][0],
                f"threshold_{at}_high": pieces[-1][1],
            }
        for at, test in enumerate(self.found.tests, start=1):
            out[f"threshold_{self._model.statistic.lower()}_{at}"] = test.statistic
            if len(test.draws):
                out[f"threshold_p_{at}"] = test.p
        return out


def texts(values: Sequence[float]) -> list[str]:
    """Return numbers with as many digits as tell them apart, four at least."""
    for digits in range(4, 17):
        written = [f"{value:.{digits}g}" for value in values]
        if len(set(written)) == len(written):
            return written
    return [repr(value) for value in values]


class PanelThreshold(Tested):
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
    draws : int
        Bootstrap samples of the test of each threshold; 0 for no tests.
    resampling : {"signs", "units"}
        What a sample's errors are: each unit's own residuals, all of them with their sign or all with the other, which
        errors whose variance depends on the regressors need; or whole units' residuals drawn with replacement, Hansen's
        own, which unbalanced panels cannot take.
    sets : {"clustered", "likelihood", "robust"}
        What errors the confidence sets of thresholds allow for: correlated within units; independent with one variance,
        Hansen's own; or independent with a variance that depends on the threshold variable.
    space : {"none", "sar", "sdm"}
        The spatial model in which slopes differ, see `SpatialPanel`: with the spatial lag of the outcome (sar), or of
        outcome, x and controls (sdm). The slope of a lag of x differs by the regime of the neighbour whose x it is.
        Panels are then balanced, ``sets`` is ``likelihood`` and ``cov`` classic, robust or cluster.
    cov, cluster, bandwidth, kernel, small_sample, df
        As in `PanelRegression`. Standard errors are those of slopes and take thresholds as known.
    test, replications, weights, seed, intervals, level
        As in `digicarbon.model.tested.Tested`; of slopes, with thresholds as known. The seed is that of ``draws``, too.

    Notes
    -----
    Every candidate is searched (`digicarbon.numeric.threshold`). Thresholds are added one by one; after each, the
    earlier ones are estimated again. Confidence sets hold all values whose likelihood ratio stays below
    -2 ln(1 - √level). See docs/threshold.md.

    References
    ----------
    Hansen (1999), Journal of Econometrics 93, 345-368.
    """

    without: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("null", "batch"), "each outcome has thresholds of its own, and a coefficient for every regime"
    )

    threshold: str
    thresholds: Annotated[int, Field(ge=1, le=3)] = 1
    effects: EffectsKind = "unit"
    trim: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    grid: Annotated[int, Field(ge=5)] | None = None
    draws: Annotated[int, Field(ge=0, le=100_000)] = 300
    resampling: Resampling = "signs"
    sets: Sets = "clustered"
    space: Space = "none"
    cov: Covariance = "classic"
    cluster: ClusterBy = "unit"
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
        if self.trim * (self.thresholds + 1) >= 1:
            raise ValueError(Note("threshold_trim", key="trim", trim=self.trim, regimes=self.thresholds + 1))
        if self.space != "none" and self.sets != "likelihood":
            raise ValueError(Note("threshold_space_sets", key="sets", sets=self.sets, space=self.space))
        by_unit = self.cov == "cluster" and self.cluster == "unit"
        if self.space != "none" and not (by_unit or self.cov in ("classic", "robust")):
            raise ValueError(Note("threshold_space_errors", key="cov", cov=self.cov, space=self.space))
        return self

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, the threshold variable among them."""
        terms = super().terms
        return terms if self.threshold in terms else (*terms, self.threshold)

    @property
    def uses_weights(self) -> bool:
        """Whether the covariance needs spatial weights."""
        return self.cov == "conley" or self.space != "none"

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the estimates and the standard errors."""
        own = frozenset() if self.draws else frozenset({"resampling"})
        untested = self.untested - {"seed"} if self.draws else self.untested
        if self.space != "none":
            return untested | own | (_ERRORS - {"cov"})
        return untested | own | (self.regression(self.x, self.controls).ignored & _ERRORS)

    @property
    def split(self) -> tuple[str, ...]:
        """The terms that have a coefficient for each regime."""
        return self.x

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """The coefficient of a regime, and in a spatial model its effects."""
        return ("coefficient",) if self.space == "none" else ("coefficient", "direct", "indirect", "total")

    @property
    def statistic(self) -> Literal["F", "LR"]:
        """What tests of thresholds are: F, or the likelihood ratio of spatial models."""
        return "F" if self.space == "none" else "LR"

    def regression(self, x: Sequence[str], controls: Sequence[str]) -> PanelRegression | SpatialPanel:
        """Return the regression of the outcome on columns, with the effects and standard errors of this model."""
        fields = _OF_REGRESSION if self.space == "none" else _OF_SPATIAL
        return _regression(tuple(x), tuple(controls), self.space, tuple(getattr(self, name) for name in fields))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; search nothing.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        require_panel(panel)
        made = panel.with_terms(self.terms)
        names = (made.expanded(terms, among=self.terms) for terms in (self.x, self.controls))
        self.regression(*names).check(made, weights)
        ordered = self._ordered(made)
        if not len(ordered.candidates(self.trim, self.grid)):
            raise self._too_few(0)

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
            Terms are ``x[q<=g]``, ``x[q>g]`` with the values of thresholds, for each term of x, then controls; in
            spatial models lags and parameters follow, and each regime has direct, indirect and total effects.
            ``tables`` has ``thresholds`` (estimate, confidence set), ``threshold_tests`` (F or LR, p, critical values),
            ``regimes`` (rows and units) and ``lr`` (likelihood ratios); ``statistics`` has the same numbers.

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
        fitted = regimes.regression.estimated(regimes.panel, weights)
        return replace(
            fitted,
            kind="threshold",
            focal=regimes.focal,
            statistics={**fitted.statistics, **regimes.statistics()},
            tables={**fitted.tables, **regimes.tables(regimes.panel)},
            roles=roles_made_of(fitted.terms, fitted.roles, regimes.made_of),
            notes=(*fitted.notes, *self._notes(regimes)),
        )

    def made_of(self, panel: Panel) -> Mapping[str, MadeOf]:
        """Return what each slope is made of: its term, and the regime that it is of."""
        return self.regimes(panel).made_of if self.space == "none" else super().made_of(panel)

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> list[Restrictions]:
        """Return the coefficient of each term and regime as a restriction, with thresholds as known."""
        from digicarbon.model._panel_restrictions import restrictions_of

        regimes = self.regimes(panel, weights)
        if isinstance(regimes.regression, SpatialPanel):
            return regimes.regression.restrictions(regimes.panel, weights, result)
        return [restrictions_of(regimes.regression, regimes.panel, term, weights) for term in regimes.focal]

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

    def extract(self, panel: Panel, weights: Weights | None) -> Extract:
        """Return the columns of the regression on regimes, and what a search for thresholds reads."""
        from digicarbon.model.scripts.threshold import extract

        return extract(self, panel, weights)

    def r(self, part: RPart) -> list[str]:
        """Return the model in R, see `digicarbon.model.scripts`."""
        from digicarbon.model.scripts.threshold import in_r

        return in_r(part, self)

    def stata(self, part: StataPart) -> list[str]:
        """Return the model in Stata, see `digicarbon.model.scripts`."""
        from digicarbon.model.scripts.threshold import in_stata

        return in_stata(part, self)

    def regimes(self, panel: Panel, weights: Weights | None = None) -> Regimes:
        """Return the regression on regimes, whose thresholds models share that differ in nothing else.

        Raises
        ------
        DataError, EstimationError, WeightsError
        """
        panel = panel.with_terms(self.terms)
        ordered = self._ordered(panel)
        linear = self.regression(*(panel.expanded(terms, among=self.terms) for terms in (self.x, self.controls)))

        def search() -> Thresholds:
            resampling: Resampling = self.resampling if ordered.rows.balanced else "signs"
            numbers = (self.thresholds, self.trim, self.grid, self.draws, self.seed, resampling)
            try:
                if isinstance(linear, SpatialPanel):
                    return thresholds_of(_spatial_lag(linear, panel, weights, ordered), *numbers)
                return estimate(ordered, panel.column(self.y), *numbers, self.sets)
            except TooFewCandidatesError as failed:
                raise self._too_few(failed.known) from None

        columns = columns_of(panel, self.terms)
        if columns is None or type(self) is not PanelThreshold:
            return Regimes(self, panel, search(), ordered)
        fields = (value for name, value in self.__dict__.items() if name not in _OF_ERRORS)
        operator = None if weights is None or self.space == "none" else weights.align(panel).operator
        found = LATEST.once((type(self), *fields, *columns, operator), search, _bytes)
        return Regimes(self, panel, found, ordered)

    def _ordered(self, panel: Panel) -> Ordered:
        names = panel.expanded(self.x, among=self.terms), panel.expanded(self.controls, among=self.terms)
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
        if self.space != "none":
            notes.append(Note("threshold_space", space=self.space.upper()))
        if self.space == "sdm":
            notes.append(Note("threshold_space_lags", x=cut(regimes.x)))
        if self.draws:
            fields = {"draws": self.draws, "statistic": self.statistic}
            notes.append(Note("threshold_signs", **fields) if signs else Note("threshold_units", **fields))
            if signs and self.resampling == "units":
                notes.append(Note("threshold_unbalanced"))
        level, critical = self.level, critical_ratio(self.level)
        if self.sets == "likelihood":
            notes.append(Note("threshold_set", level=level, critical=critical))
        elif self.sets == "robust":
            notes.append(Note("threshold_set_robust", level=level, critical=critical))
        else:
            notes.append(Note("threshold_set_clustered", level=level, critical=critical))
        broken = [str(at) for at, (_, _, pieces) in enumerate(regimes.sets, start=1) if len(pieces) > 1]
        if broken:
            notes.append(Note("threshold_pieces", numbers=cut(broken)))
        notes.append(Note("threshold_known"))
        return tuple(notes)


def _bytes(found: Thresholds) -> int:
    curves = sum(curve.candidates.nbytes + curve.ratio.nbytes for curve in found.curves)
    return curves + sum(test.draws.nbytes for test in found.tests)


_ERRORS = frozenset({"cov", "cluster", "bandwidth", "kernel", "small_sample", "df"})
"""Fields that say how standard errors are made."""
_OF_ERRORS = _ERRORS | (frozenset({*Tested.model_fields} - {*Model.model_fields}) - {"seed"})
"""Fields that change nothing of the thresholds."""
_OF_REGRESSION = ("y", "effects", *sorted(_ERRORS), "level")
"""Fields that the regression has, too."""
_OF_SPATIAL = ("y", "effects", "cov", "level")
"""Fields that a spatial model has, too."""


@lru_cache(maxsize=1024)
def _regression(
    x: tuple[str, ...], controls: tuple[str, ...], space: Space, fields: tuple[Any, ...]
) -> PanelRegression | SpatialPanel:
    if space == "none":
        return PanelRegression(**dict(zip(_OF_REGRESSION, fields, strict=True)), x=x, controls=controls)
    return SpatialPanel(**dict(zip(_OF_SPATIAL, fields, strict=True)), kind=space, x=x, controls=controls)


def _spatial_lag(linear: SpatialPanel, panel: Panel, weights: Weights | None, ordered: Ordered) -> SpatialLag:
    """Return what finds thresholds in a spatial model whose linear form is known."""
    from digicarbon.model._spatial_batch import solved, space_of
    from digicarbon.numeric.threshold.space import SpatialLag

    design = linear.design(panel, weights)
    lagged = demean(design.lagged_y, design.sample.effects)
    rows = in_rows(np.concatenate([design.within, lagged], axis=2))
    lags = tuple(range(ordered.x.shape[1])) if linear.kind == "sdm" else ()
    space = space_of(solved(design.w), design.sample)
    return SpatialLag(ordered, rows[:, :-2], rows[:, -2], rows[:, -1], lags, space)
