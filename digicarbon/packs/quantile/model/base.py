"""Panel quantile regression by moments (Machado & Santos Silva 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
import scipy
from pydantic import Field, model_validator

from digicarbon.arrays import BoolArray, FloatArray
from digicarbon.errors import EstimationError
from digicarbon.model._absorption import Clusters
from digicarbon.model._panel_columns import Columns, rows_of
from digicarbon.model._panel_covariance import REPAIRED, of_influence
from digicarbon.model.base import require_panel, sentences
from digicarbon.model.panel_regression import PanelRegression, regression_with
from digicarbon.model.tested import Clustered, Tested
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.covariance import nearest_semidefinite
from digicarbon.numeric.linear.least_squares import least_squares
from digicarbon.numeric.linear.within import EffectsKind, Rows, absorb, dependent, vanishing
from digicarbon.numeric.resampling.unit_wild import uniform_critical
from digicarbon.numeric.resampling.units import counts_of_units
from digicarbon.packs.quantile.numeric.moments import LocationScale, Samples, half_panels, location_scale, samples
from digicarbon.panel import Panel
from digicarbon.result import MadeOf, Result, Role, roles_made_of
from digicarbon.weights import Weights

Quantiles = Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(strict=False, min_length=1)]
"""Numbers between 0 and 1, at least one."""
FEWEST_PERIODS = 4
"""Each half of a panel needs two periods."""
FEW_PERIODS = 20
"""With fewer rows in a unit, a note says that scale and quantiles are biased by effects of units."""
MOST_UNITS = 2
"""So does it with more units than this for each row of a unit: intervals are then short beside the bias."""
FEW_BEYOND = 10
"""With fewer rows beyond a quantile, a note says so."""
CRITICAL = "uniform_critical"
"""Statistics of this name, a point and a focal term are critical values from samples of units."""
_OF_REGRESSION = ("y", "x", "controls", "effects", "cov", "cluster", "small_sample", "df", "level")


class PanelQuantile(Clustered):
    """Quantiles of the outcome given the regressors: location and scale are linear in them.

    Attributes
    ----------
    y, x, controls
        As in `Model`. All of them have a coefficient at every quantile.
    quantiles : tuple of float
        Between 0 and 1, increasing; at least one row must lie beyond each.
    effects : {"none", "unit", "time", "two_way"}
        Fixed effects, of the location and of the scale; ``none`` has a constant.
    bias : {"none", "half_panel"}
        Whether estimates are corrected for the bias that effects of units leave where periods are few: twice the
        estimate less the mean of those from the earlier and from the later half of the periods.
    errors : {"analytic", "bootstrap"}
        Standard errors from influence functions, or from samples of whole units.
    bootstrap_draws : int
        Samples of the bootstrap.
    cov : {"robust", "cluster"}
        Whether influence functions are added up by row or by cluster before they are squared.
    cluster, small_sample, df
        As in `PanelRegression`.
    test : {"errors", "wild", "randomisation"}
        Where p values and intervals come from. There is no wild bootstrap of quantiles: ``wild`` gives a note.
    draws, seed, strata
        As in `digicarbon.model.tested.Tested`, of arrangements; the seed is that of the bootstrap, too.
    weights, intervals
        As in `digicarbon.model.tested.Tested`, of no effect: there is no wild bootstrap.

    Notes
    -----
    With unit effects, coefficients and errors are for panels whose periods are many: see docs/quantile.md for how many.

    References
    ----------
    Machado & Santos Silva (2019), Journal of Econometrics 213, 145-173.
    """

    takes_long: ClassVar[bool] = True
    lacks: ClassVar[Mapping[str, Note]] = {"observation_weights": Note("unweighted_quantile")}
    scripts: ClassVar[Mapping[str, str]] = {
        "r": "digicarbon.packs.quantile.script.quantile:in_r",
        "stata": "digicarbon.packs.quantile.script.quantile:in_stata",
    }
    former: ClassVar[Mapping[str, str]] = {**Tested.former, "draws": "bootstrap_draws"}
    references: ClassVar[tuple[str, ...]] = ("machado2019",)

    without: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("null", "batch"), "each outcome has a scale and quantiles of its own, and a coefficient for every quantile"
    )

    quantiles: Quantiles = (0.1, 0.25, 0.5, 0.75, 0.9)
    effects: EffectsKind = "two_way"
    bias: Literal["none", "half_panel"] = "none"
    errors: Literal["analytic", "bootstrap"] = "analytic"
    bootstrap_draws: Annotated[int, Field(ge=20, le=100_000)] = 300
    cov: Literal["robust", "cluster"] = "cluster"
    cluster: Clusters = "unit"
    small_sample: Literal["stata", "none", "g", "full", "sss", "hc1"] = "stata"
    df: Literal["auto", "residual"] = "auto"

    @model_validator(mode="after")
    def _increasing(self) -> PanelQuantile:
        if any(low >= high for low, high in pairwise(self.quantiles)):
            raise ValueError(Note("quantiles_increase", key="quantiles", given=cut(map(str, self.quantiles))))
        return self

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, those of clusters among them."""
        return tuple(dict.fromkeys((*super().terms, *(self.regression.terms if self.own_clusters else ()))))

    @property
    def by_cluster(self) -> bool:
        """Whether errors have clusters: samples are of whole units."""
        return super().by_cluster and self.errors == "analytic"

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the standard errors."""
        never = self.untested
        if self.errors == "bootstrap":
            return never - {"seed"} | {"cov", "cluster", "small_sample"}
        return never | {"bootstrap_draws"} | (self.regression.ignored & {"cluster", "small_sample", "df"})

    @property
    def no_wild(self) -> Note:
        """Why there is no wild bootstrap."""
        return Note("wild_not_of_quantiles")

    @property
    def regression(self) -> PanelRegression:
        """The least-squares regression that the location is."""
        fields = {name: getattr(self, name) for name in _OF_REGRESSION}
        if self.errors == "bootstrap":
            fields |= {"cov": "cluster", "cluster": "unit"}
        return regression_with(**fields)

    @property
    def split(self) -> tuple[str, ...]:
        """The terms that have a coefficient for each quantile."""
        return self.x

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        require_panel(panel)
        self.regression.check(panel, weights)
        self._check_rows(panel.with_terms(self.terms))
        self.check_test(panel, weights)

    @property
    def to_refit(self) -> PanelQuantile:
        """The model with standard errors from influence functions, where others are samples."""
        return self.model_copy(update={"errors": "analytic"})

    def _check_rows(self, made: Panel) -> None:
        """Raise unless a row lies beyond each quantile, and halves identify the coefficients where they are used."""
        rows = self._rows(rows_of(made))
        beyond = self._beyond(rows, 1)
        if beyond:
            facts = {"rows": rows, "least": 1 / rows, "most": 1 - 1 / rows} | self._of_half
            raise EstimationError(Note("quantile_beyond_rows", key="model.quantiles", quantiles=cut(beyond), **facts))
        self._check_halves(made)

    def _rows(self, rows: Rows) -> int:
        """Return the number of rows that quantiles are taken of: with halves, that of the smaller one."""
        every = len(rows.unit_codes)
        if self.bias == "none":
            return every
        return min(int(keep.sum()) for keep in _halves(rows)) or every

    @property
    def _of_half(self) -> dict[str, Note]:
        """What a note on the number of rows says of halves."""
        return {} if self.bias == "none" else {"half": Note("quantile_rows_of_half")}

    def _beyond(self, rows: int, fewest: int) -> list[str]:
        """Return the quantiles beyond which fewer rows lie than that."""
        return [f"{tau:g}" for tau in self.quantiles if min(tau, 1 - tau) * rows < fewest * (1 - 1e-9)]

    def _check_halves(self, made: Panel) -> None:
        """Raise unless each half of the periods identifies the coefficients, where halves are used."""
        if self.bias == "none":
            return
        if len(made.periods) < FEWEST_PERIODS:
            raise EstimationError(
                Note("quantile_halves", key="model.bias", periods=len(made.periods), fewest=FEWEST_PERIODS)
            )
        rows = rows_of(made)
        names = made.expanded(self.regressors, among=self.terms)
        x = made.array(names)
        for keep in _halves(rows):
            inner = absorb(x[keep], rows.some(keep), self.effects if self.effects != "none" else "unit")
            lost = [names[place] for place in vanishing(inner, x[keep])] or [names[j] for j, _ in dependent(inner)]
            if lost:
                raise EstimationError(Note("quantile_half_unidentified", key="model.bias", terms=cut(lost)))

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Estimate location, scale and quantiles.

        Parameters
        ----------
        panel : Panel
            Balanced or not.
        weights : Weights, optional
            Not used.

        Returns
        -------
        Result
            Terms are ``x[0.1]``, ``x[0.25]``, … for each regressor and quantile. ``tables`` has ``location_scale`` (the
            coefficients of least squares and of the scale), ``quantiles`` (quantiles of the errors, whose mean absolute
            value is 1) and ``equality`` (whether coefficients are the same at all quantiles). With bootstrap samples
            ``statistics`` has the critical value of each focal term's uniform band: that of the largest |t| over
            quantiles, of samples around the estimates.

        Raises
        ------
        DataError, EstimationError
        """
        require_panel(panel)
        self._check_rows(panel.with_terms(self.terms))
        return self.tested(_Fitted.of(self, panel).result(), panel, None)

    def made_of(self, panel: Panel) -> Mapping[str, MadeOf]:
        """Return what each coefficient is made of: its term, and the quantile that it is of."""
        made = panel.with_terms(self.terms)
        return {
            at(name, tau): tuple(replace(part, level=part.level or f"{tau:g}") for part in parts)
            for name, parts in made.made_of(self.regressors, among=self.terms).items()
            for tau in self.quantiles
        }


def _halves(rows: Rows) -> tuple[BoolArray, BoolArray]:
    """Return which rows are of the earlier half of the periods, with the middle one, and which of the later half."""
    early = rows.period_codes < -(-rows.t // 2)
    return early, ~early


def _one(moments: LocationScale) -> Samples:
    """Return estimates as those of a single sample."""
    parts = (moments.location, moments.scale, moments.q, moments.coefficients.ravel())
    return Samples(*(values[None] for values in parts))


def _sound(moments: LocationScale) -> LocationScale:
    """Return estimates whose errors have a density at each quantile. Raises EstimationError."""
    if not (moments.density > 0).all():
        raise EstimationError(Note("quantile_without_density", quantiles=cut(map(str, moments.taus.tolist()))))
    return moments


def at(name: str, tau: float) -> str:
    """Return what the coefficient of a term at a quantile is called."""
    return f"{name}[{tau:g}]"


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A quantile regression with its covariances."""

    model: PanelQuantile
    panel: Panel
    """With every term."""
    columns: Columns
    """Of the location."""
    location: Result
    """Its regression."""
    moments: LocationScale

    @classmethod
    def of(cls, model: PanelQuantile, panel: Panel) -> _Fitted:
        regression = model.regression
        location, columns = regression.estimated(panel, None), regression.design(panel, None)
        fit, removed = columns.fit, columns.transform
        assert removed is not None
        y = columns.outcome
        if fit.ssr <= 1e-20 * float(y @ y):
            raise EstimationError(Note("quantile_without_errors", y=model.y))
        taus = np.array(model.quantiles)
        moments = location_scale(columns.values[:, :-1], fit.coef, fit.residuals, fit.root, removed, taus)
        return cls(model, panel.with_terms(model.terms), columns, location, _sound(moments))

    @cached_property
    def covariances(self) -> tuple[FloatArray, FloatArray, bool]:
        """The covariances of the coefficients and of location, scale and quantiles; whether these were repaired."""
        moments = self.moments
        if self.model.errors == "bootstrap":
            drawn = self._samples
            every = np.hstack([drawn.location, drawn.scale, drawn.q])
            return np.atleast_2d(np.cov(drawn.coefficients.T)), np.cov(every.T), False
        every = of_influence(self.columns, self.model.regression.rule, self._influence)
        both = self.model.cov == "cluster" and (self.model.cluster == "both" or len(self.model.own_clusters) > 1)
        # only a difference of covariances can be indefinite
        every, repaired = nearest_semidefinite(every) if both else (every, False)
        count = moments.coefficients.size
        return every[:count, :count], every[count:, count:], repaired

    @property
    def _influence(self) -> FloatArray:
        """What each row contributes to the coefficients, then to location, scale and quantiles."""

        def whole(moments: LocationScale) -> FloatArray:
            own = moments.influence
            return np.hstack([own @ moments.jacobian.T, own])

        influence = whole(self.moments)
        if self.model.bias == "half_panel":
            influence = 2 * influence
            for keep, share, half in self.halves:
                influence[keep] -= share * whole(half)
        return influence

    @cached_property
    def halves(self) -> list[tuple[BoolArray, float, LocationScale]]:
        """The rows of each half of the periods, its share of the periods, and its estimates."""
        rows = self.columns.rows
        earlier = -(-rows.t // 2) / rows.t
        return [
            (keep, share, self._half(keep)) for keep, share in zip(_halves(rows), (earlier, 1 - earlier), strict=True)
        ]

    def _half(self, keep: BoolArray) -> LocationScale:
        removed = partial(absorb, rows=self.columns.rows.some(keep), effects=self.model.effects)
        values = removed(self.columns.raw[keep])
        fit = least_squares(values)
        return _sound(location_scale(values[:, :-1], fit.coef, fit.residuals, fit.root, removed, self.moments.taus))

    @cached_property
    def _samples(self) -> Samples:
        model, rows = self.model, self.columns.rows
        counts = counts_of_units(rows.n, model.bootstrap_draws, np.random.default_rng(model.seed))
        whole = self._of_rows(np.ones(len(rows.unit_codes), dtype=bool), counts)
        return whole if model.bias == "none" else self._corrected(whole, counts)

    def _of_rows(self, keep: BoolArray, counts: FloatArray) -> Samples:
        """Return estimates in samples of units from some of the rows."""
        effects, rows, raw = self.model.effects, self.columns.rows, self.columns.raw[keep]
        dummies = None
        if effects in ("time", "two_way"):
            # dummies of units add up to the constant: one period is left out beside them
            present = np.unique(rows.period_codes[keep])[int(effects == "two_way") :]
            dummies = (rows.period_codes[keep][:, None] == present).astype(float)
        by_unit = effects in ("unit", "two_way")
        return samples(raw[:, :-1], raw[:, -1], rows.unit_codes[keep], counts, dummies, by_unit, self.moments.taus)

    def _corrected(self, whole: Samples, counts: FloatArray) -> Samples:
        shares = [share for _, share, _ in self.halves]
        return half_panels(whole, [self._of_rows(keep, counts) for keep, _, _ in self.halves], shares)

    @cached_property
    def estimates(self) -> Samples:
        """Location, scale, quantiles and coefficients, a single sample; corrected for bias where the model asks."""
        if self.model.bias == "none":
            return _one(self.moments)
        return half_panels(
            _one(self.moments), [_one(half) for _, _, half in self.halves], [share for _, share, _ in self.halves]
        )

    def result(self) -> Result:
        """Return coefficients of all quantiles with their tables."""
        model, moments, names = self.model, self.moments, self.columns.names
        covariance, _, repaired = self.covariances
        terms = tuple(at(name, tau) for name in names for tau in model.quantiles)
        roles = tuple(Role(role.kind) for role in self.columns.roles for _ in model.quantiles)
        errors = self.location.errors_note
        if model.errors == "bootstrap":
            errors = Note("quantile_bootstrap", draws=model.bootstrap_draws)
        statistics = {name: self.location.statistics[name] for name in ("nobs", "n_units", "n_periods")}
        equality = self._equality()
        together = dict(zip(equality.columns, equality.to_numpy()[-1].tolist(), strict=True))
        statistics |= {"equality_f": together["F"], "equality_p": together["p"], **self._band()}
        lost = float((moments.scales <= 0).mean())
        rows = model._rows(self.columns.rows)
        few = model._beyond(rows, FEW_BEYOND)
        counted = {"fewest": FEW_BEYOND, "rows": rows, **model._of_half}
        return Result(
            kind="quantile",
            y=model.y,
            focal=tuple(at(name, tau) for name in self.location.focal for tau in model.quantiles),
            terms=terms,
            coef=self.estimates.coefficients[0],
            covariance=covariance,
            inference=self.location.inference,
            statistics=statistics,
            tables={"location_scale": self._location_scale(), "quantiles": self._quantiles(), "equality": equality},
            absorbed=self.location.absorbed,
            notes=(
                *((errors,) if errors else ()),
                *((REPAIRED,) if repaired else ()),
                Note("quantile_moments"),
                *((Note("quantile_of_two_values", y=model.y),) if self._two_values else ()),
                *((Note("quantile_few_rows", quantiles=cut(few), **counted),) if few else ()),
                *((Note("quantile_half_panel"),) if model.bias != "none" else ()),
                *((Note("quantile_scale", share=lost),) if lost else ()),
                *((Note("quantile_unit_effects", periods=self._periods),) if self._few_periods else ()),
                *self.columns.notes,
            ),
            errors_note=errors,
            roles=roles_made_of(terms, roles, model.made_of(self.panel)),
        )

    @property
    def _two_values(self) -> bool:
        """Whether the outcome has no other values than two."""
        return len(np.unique(self.panel.column(self.model.y))) <= 2

    @property
    def _periods(self) -> float:
        """Rows of a unit, on average."""
        return len(self.columns.values) / self.columns.rows.n

    @property
    def _few_periods(self) -> bool:
        by_unit = self.model.effects in ("unit", "two_way")
        fewest = max(FEW_PERIODS, self.columns.rows.n / MOST_UNITS)
        return by_unit and self.model.bias == "none" and self._periods < fewest

    def _parts(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the standard errors of location, scale and quantiles."""
        k = len(self.columns.names)
        errors = np.sqrt(np.maximum(self.covariances[1].diagonal(), 0))
        return errors[:k], errors[k : 2 * k], errors[2 * k :]

    def _band(self) -> dict[str, float]:
        """Return the critical value of each focal term's uniform band, from samples of units where there are some."""
        if self.model.errors != "bootstrap":
            return {}
        drawn, centre = self._samples.coefficients, self.estimates.coefficients[0]
        errors = np.broadcast_to(np.sqrt(self.covariances[0].diagonal()), drawn.shape)
        count, found = len(self.model.quantiles), {}
        for name in self.location.focal:
            first = count * self.columns.names.index(name)
            fits = [(drawn[:, place], errors[:, place]) for place in range(first, first + count)]
            found[f"{CRITICAL}.{name}"] = uniform_critical(
                centre[first : first + count], fits, self.location.inference.level
            )
        return found

    def _location_scale(self) -> pd.DataFrame:
        inference, (location, scale, _) = self.location.inference, self._parts()
        parts = {
            name: inference.columns(coef, se)
            for name, coef, se in (
                ("in_location", self.estimates.location[0], location),
                ("in_scale", self.estimates.scale[0], scale),
            )
        }
        columns = {
            name if key == "coef" else f"{name}_{key}": values[key]
            for name, values in parts.items()
            for key in ("coef", "se", "p", "low", "high")
        }
        return pd.DataFrame(columns, pd.Index(self.columns.names, name="term"))

    def _quantiles(self) -> pd.DataFrame:
        moments, (_, _, errors) = self.moments, self._parts()
        index = pd.Index([f"{tau:g}" for tau in self.model.quantiles], name="quantile")
        return pd.DataFrame(
            {"error_quantile": self.estimates.q[0], "se": errors, "error_density": moments.density}, index
        )

    def _equality(self) -> pd.DataFrame:
        """Return whether focal coefficients are equal at all quantiles: whether they are zero in the scale."""
        names, k = self.columns.names, len(self.columns.names)
        focal = [names.index(name) for name in self.location.focal]
        groups = {names[place]: [place] for place in focal} | ({"all": focal} if len(focal) > 1 else {})
        df = self.location.inference.df
        assert df is not None
        rows = []
        for places in groups.values():
            own = self.covariances[1][np.ix_([k + place for place in places], [k + place for place in places])]
            scale = self.estimates.scale[0][places]
            statistic = float(scale @ np.linalg.pinv(own, hermitian=True) @ scale) / len(places)
            rows.append([statistic, float(len(places)), df, float(scipy.special.fdtrc(len(places), df, statistic))])
        return pd.DataFrame(rows, pd.Index(list(groups), name="term"), ["F", "df1", "df2", "p"])
