"""Dynamic panels by the generalised method of moments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from scipy import linalg

from digicarbon.errors import DataError, EstimationError, listing, nearest
from digicarbon.model.base import Level, Model
from digicarbon.numeric import gmm as numeric
from digicarbon.numeric import gmm_tests as tests
from digicarbon.numeric.gmm_equations import Equations, Kind, Transformation, equations, lagged
from digicarbon.numeric.gmm_instruments import InstrumentSet, lag_instruments, own_instruments
from digicarbon.numeric.nested import wald
from digicarbon.numeric.statistic import Statistic
from digicarbon.numeric.within import dependent, vanishing
from digicarbon.panel import Panel, canonical
from digicarbon.panel._terms import parse
from digicarbon.result import Inference, Result
from digicarbon.spec import Names
from digicarbon.weights import Weights

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
LagRange = Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)] | None], Field(strict=False)]
"""First and last lag; ``[2, null]`` takes all from the second."""

CONSTANT = "const"


class DynamicPanel(Model):
    """A panel regression on the outcome's own past, by difference or system GMM.

    y_it = Σ_s a_s y_i,t-s + x_it′b + unit effect + (period effect) + e_it. Errors are independent over time, and lags
    of what they are correlated with are instruments.

    Attributes
    ----------
    y, x, controls
        As in `Model`. Lags of regressors are terms, ``L.w``; all rows stay in the panel for the sake of lags.
    lags : int
        Lags of the outcome among the regressors; they are called ``L.y``, ``L2.y``.
    kind : {"difference", "system"}
        Arellano and Bond's estimator, or Blundell and Bond's with the equation in levels beside it.
    steps : {1, 2}
        One step, or two with the efficient weight.
    transformation : {"difference", "orthogonal_deviations"}
        What removes unit effects. Forward orthogonal deviations keep more rows where units have gaps.
    effects : {"unit", "two_way"}
        ``two_way`` adds a dummy for each period, which instruments itself.
    instrument_lags : [first, last]
        Lags of the outcome that instrument the transformed equation, ``null`` for all that there are.
    predetermined, endogenous : tuple of str
        Regressors that are correlated with past, or with present and past errors. A variable's name covers its lags
        among the regressors. All other regressors count as strictly exogenous and instrument themselves.
    predetermined_lags, endogenous_lags : [first, last]
        Their lags that instrument the transformed equation.
    lag_ranges : mapping of str to [first, last]
        Ranges of single ``predetermined`` or ``endogenous`` variables that differ from these.
    instruments : tuple of str
        Further terms that are no regressors and instrument as strictly exogenous ones do.
    collapse : bool
        One instrument per lag instead of one per lag and period.
    convention : {"xtabond2", "pgmm"}
        Where Stata's xtabond2 and R's plm differ, see Notes.
    cov : {"classic", "robust"}
        Covariance of one-step estimates: of independent errors with one variance, or clustered by unit.
    windmeijer : bool
        Whether the covariance of two-step estimates is corrected for the estimated weight.
    ar_orders : int
        Up to which order serial correlation of differenced errors is tested.
    level : float
        Coverage of the intervals.

    Notes
    -----
    Instruments of the equation in levels are the differences of a variable, one lag less than its first in the
    transformed equation (``pgmm``: always one lag). Strictly exogenous regressors and period dummies have one column
    through both equations and the constant is a regressor and instrument of levels; with ``pgmm`` they have a column in
    each equation, dummies and the constant instrument levels only, and without dummies there is no constant. ``pgmm``
    leaves rows out that come before the first instrument, inverts singular weights as R's MASS::ginv does, and counts
    the observations of both equations. Formulas, references and what peers do otherwise: docs/dynamic_panel.md.
    """

    takes_weights: ClassVar[bool] = False

    lags: Annotated[int, Field(ge=1)] = 1
    kind: Kind = "difference"
    steps: Literal[1, 2] = 1
    transformation: Transformation = "difference"
    effects: Literal["unit", "two_way"] = "two_way"
    instrument_lags: LagRange = (2, None)
    predetermined: Names = ()
    predetermined_lags: LagRange = (1, None)
    endogenous: Names = ()
    endogenous_lags: LagRange = (2, None)
    lag_ranges: dict[str, LagRange] = Field(default_factory=dict)
    instruments: Names = ()
    collapse: bool = False
    convention: Literal["xtabond2", "pgmm"] = "xtabond2"
    cov: Literal["classic", "robust"] = "robust"
    windmeijer: bool = True
    ar_orders: Annotated[int, Field(ge=1)] = 2
    level: Level = 0.95

    @field_validator("predetermined", "endogenous", "instruments")
    @classmethod
    def _canonical_names(cls, terms: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(canonical(term) for term in terms)

    @field_validator("instrument_lags", "predetermined_lags", "endogenous_lags")
    @classmethod
    def _range(cls, lags: tuple[int, int | None]) -> tuple[int, int | None]:
        return _not_empty(lags)

    @field_validator("lag_ranges")
    @classmethod
    def _ranges(cls, ranges: dict[str, tuple[int, int | None]]) -> dict[str, tuple[int, int | None]]:
        return {canonical(name): _not_empty(lags, f"of {name} ") for name, lags in ranges.items()}

    @model_validator(mode="after")
    def _roles(self) -> Self:
        named = [*self.predetermined, *self.endogenous]
        for field in ("predetermined", "endogenous"):
            for name in getattr(self, field):
                if name == self.y:
                    raise ValueError(f"{field} names the outcome {name}; its instruments are set by instrument_lags.")
                if not any(_covers(name, term) for term in self.regressors):
                    raise ValueError(
                        f"{field} names {name}, which is not among the regressors.{nearest(name, self.regressors)} "
                        f"Regressors: {listing(self.regressors, 20)}."
                    )
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"{listing(twice)} is named more than once among predetermined and endogenous.")
        for name in self.lag_ranges:
            if name not in named:
                raise ValueError(
                    f"lag_ranges names {name}, which is neither predetermined nor endogenous.{nearest(name, named)}"
                )
        own = [name for name in self.instruments if name in (self.y, *self.regressors)]
        if own:
            raise ValueError(
                f"instruments names {listing(own)}, which is in the regression already; name further columns only."
            )
        for term in (*self.regressors, *self.instruments):
            if self.y in _read(term):
                raise ValueError(
                    f"{term} is made of the outcome {self.y}; say how many of its lags are regressors by lags, and which "
                    "instrument by instrument_lags."
                )
        if self.convention == "pgmm" and self.transformation != "difference":
            raise ValueError("convention=pgmm knows differences only; choose convention=xtabond2 for other transforms.")
        if CONSTANT in self.regressors:
            raise ValueError("'const' is the constant that system GMM adds itself; leave it out of the terms.")
        return self

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads; it takes lags itself, so that no row is lost to them before."""
        read = [self.y]
        for term in (*self.regressors, *self.instruments):
            read += _read(term)
        return tuple(dict.fromkeys(read))

    @property
    def lagged_outcomes(self) -> tuple[str, ...]:
        """Names of the outcome's lags."""
        return tuple(f"L{'' if lag == 1 else lag}.{self.y}" for lag in range(1, self.lags + 1))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        self._design(panel)

    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the model.

        Parameters
        ----------
        panel : Panel
            Balanced or not, with gaps or not.
        weights : Weights, optional
            Ignored: the model takes none.

        Returns
        -------
        Result
            Terms are the outcome's lags, the regressors and, in system GMM, ``const``. Estimates are asymptotically
            normal in the number of units, hence z. Statistics: ``ar1``, ``ar1_p`` and so on; ``sargan`` (one step);
            ``hansen`` (two steps; not with classic covariance), each with ``_df`` and ``_p``; ``wald`` of the slopes;
            ``n_instruments`` (their rank), ``n_units``, ``nobs``. Tables: ``difference_in_hansen``, by set of
            instruments; ``time_effects``, coefficients of period dummies.

        Raises
        ------
        DataError, EstimationError
        """
        design = self._design(panel)
        moments = design.moments
        doubled = self.transformation == "difference"
        inverse: numeric.Inverse = "plm" if self.convention == "pgmm" else "scaled"
        try:
            found = numeric.gmm(moments, design.rows, doubled, inverse)
        except linalg.LinAlgError as error:
            raise EstimationError(_NOT_IDENTIFIED) from error
        classic = self.steps == 1 and self.cov == "classic"
        if self.steps == 2 and found.two is None:
            raise EstimationError(
                f"Two-step GMM cannot be fitted: the covariance of moments over {design.units} units has rank "
                f"{found.second.rank}, and there are {len(design.names)} parameters; choose steps=1, fewer regressors "
                "or effects=unit."
            )
        used, covariance = self._reported(found)
        ends = self._tests(design, found, used, covariance, inverse)
        slopes = np.array([name not in design.dummies for name in design.names])
        kept = tuple(name for name, slope in zip(design.names, slopes, strict=True) if slope)
        tables = {}
        if design.dummies:
            effects = pd.DataFrame(
                Inference(None, self.level).columns(used.coef[~slopes], np.sqrt(covariance.diagonal()[~slopes])),
                index=pd.Index(design.dummies, name=panel.time_name),
            )
            tables["time_effects"] = effects
        if not classic and found.two is not None:
            tables["difference_in_hansen"] = self._differences(design, found, inverse)
        return Result(
            kind=f"{self.kind}_gmm",
            y=self.y,
            focal=design.focal,
            terms=kept,
            coef=used.coef[slopes],
            covariance=covariance[np.ix_(slopes, slopes)],
            inference=Inference(None, self.level),
            statistics=ends,
            tables=tables,
            absorbed=("unit", "time") if self.effects == "two_way" else ("unit",),
            notes=self._notes(design, found, classic),
        )

    def _reported(self, found: numeric.GmmFit) -> tuple[numeric.Step, FloatArray]:
        if self.steps == 1:
            return found.one, found.covariance_one if self.cov == "robust" else found.sigma2 * found.one.bread
        if found.two is None or found.windmeijer is None:
            raise EstimationError(_NOT_IDENTIFIED)
        return found.two, found.windmeijer if self.windmeijer else found.two.bread

    def _tests(
        self,
        design: _Design,
        found: numeric.GmmFit,
        used: numeric.Step,
        covariance: FloatArray,
        inverse: numeric.Inverse,
    ) -> dict[str, float]:
        classic = self.steps == 1 and self.cov == "classic"
        k, rank = len(design.names), found.first.rank
        out: dict[str, float] = {
            "nobs": float(design.nobs(self.convention)),
            "n_units": float(design.units),
            "n_instruments": float(rank),
        }
        for order in range(1, self.ar_orders + 1):
            ar = tests.serial_correlation(
                order, found, used, design.moments, design.differences, design.dy, design.dX, covariance,
                found.sigma2 if classic else None, design.shape,
            )  # fmt: skip
            out |= {f"ar{order}": ar.value, f"ar{order}_p": ar.p}
        out |= _flat("sargan", tests.overidentification(found.one.criterion / found.sigma2, rank, k))
        if not classic and found.two is not None:
            out |= _flat("hansen", tests.overidentification(found.two.criterion, rank, k))
        out |= _flat("wald", _wald(design, used.coef, covariance, dummies=False))
        if design.dummies:
            out |= _flat("wald_time", _wald(design, used.coef, covariance, dummies=True))
        out["sigma2"] = found.sigma2
        return out

    def _differences(self, design: _Design, found: numeric.GmmFit, inverse: numeric.Inverse) -> pd.DataFrame:
        """Return the difference-in-Hansen test of each set of instruments."""
        k, rank = len(design.names), found.first.rank
        assert found.two is not None
        full = tests.overidentification(found.two.criterion, rank, k)
        rows = {}
        for name, tested in design.tested().items():
            rest = tests.without(~tested, design.moments, found, inverse)
            if rest is None:
                continue
            hansen, left = rest
            difference = tests.overidentification(full.value - hansen.value, rank, left)
            rows[name] = {
                "hansen_without": hansen.value,
                "hansen_without_df": hansen.df,
                "hansen_without_p": hansen.p,
                "difference": difference.value,
                "difference_df": difference.df,
                "difference_p": difference.p,
            }
        return pd.DataFrame.from_dict(rows, orient="index", columns=_DIFFERENCE_COLUMNS, dtype=float).rename_axis("set")

    def _notes(self, design: _Design, found: numeric.GmmFit, classic: bool) -> tuple[str, ...]:
        words = {
            (1, True): "classic, of one-step estimates",
            (1, False): "robust, clustered by unit, of one-step estimates",
            (2, True): "two-step",
            (2, False): "two-step with Windmeijer's correction",
        }[self.steps, classic if self.steps == 1 else not self.windmeijer]
        notes = [f"Standard errors: {words}; z statistics, since the estimates are normal in the number of units."]
        rank, columns = found.first.rank, design.moments.Z.shape[1]
        if rank > design.units:
            notes.append(
                f"{rank} instruments exceed {design.units} units: Hansen's test is weak then and tends to p values near "
                "1; collapse=true or shorter instrument lags use fewer."
            )
        if rank < columns:
            notes.append(f"{columns} instruments are linearly dependent; {rank} of them count.")
        if found.second.singular and not classic and found.second.rank < rank:
            notes.append(
                f"The covariance of moments has rank {found.second.rank} with {rank} instruments, so that a generalised "
                "inverse weights them and Hansen's test is not reliable."
            )
        if rank == len(design.names):
            notes.append("As many instruments as parameters: overidentifying restrictions cannot be tested.")
        if design.units < design.shape[0]:
            notes.append(
                f"{design.shape[0] - design.units} units without enough periods that follow each other are left out."
            )
        return tuple(notes)

    def _design(self, panel: Panel) -> _Design:
        """Return outcome, regressors and instruments as rows, after everything that can be wrong was looked for.

        Raises
        ------
        DataError, EstimationError
        """
        grid = _Grid(panel, (self.y, *self.regressors, *self.instruments, *self._gmm_styled()))
        panel.require([self.y])
        y = grid.values(self.y)
        regressors = grid.names(self.regressors)
        lags = [lagged(y, lag) for lag in range(1, self.lags + 1)]
        X = np.stack([*lags, *(grid.values(name) for name in regressors)], axis=-1)
        outside = grid.names(self.instruments)
        further = np.stack([grid.values(name) for name in outside] or [np.zeros_like(y)], axis=-1)
        complete = np.isfinite(np.concatenate([y[..., None], X, further], axis=-1)).all(axis=-1)
        ranges = {self.y: self.instrument_lags, **self._gmm_styled()}
        if self.convention == "pgmm":
            # plm starts with the first period that has an instrument
            complete[:, : max(min(first for first, _ in ranges.values()) - 1, 0)] = False
        rows = equations(complete, self.transformation, self.kind)
        names = [*self.lagged_outcomes, *regressors]
        self._refuse_too_short(panel, rows, grid.periods)
        XX = rows.rows(X)
        dummies, positions = self._dummies(panel, grid, complete, rows)
        time = rows.rows(np.broadcast_to(np.eye(y.shape[1])[:, positions], (*y.shape, len(positions))))
        constant = np.empty((len(rows.unit), 0))
        if self.kind == "system" and (self.convention == "xtabond2" or self.effects == "two_way"):
            constant = rows.level[:, None].astype(np.float64)
        self._refuse_unidentified(names, XX, rows.rows(np.abs(X)), np.concatenate([constant, time], axis=1))
        differences = rows if self.transformation == "difference" else equations(complete, "difference", "difference")
        if self.transformation == "difference" and self.kind == "system":
            differences = equations(complete, "difference", "difference")
        sets = self._instrument_sets(grid, rows, XX[:, self.lags :], regressors, outside, rows.rows(further), ranges)
        sets += self._effect_instruments(rows, time, constant)
        every = np.concatenate([XX, time, constant], axis=1)
        moments = numeric.Moments(rows.rows(y), every, np.concatenate([s.columns for s in sets], axis=1), rows.unit)
        dX = differences.rows(X)
        dtime = differences.rows(np.broadcast_to(np.eye(y.shape[1])[:, positions], (*y.shape, len(positions))))
        dX = np.concatenate([dX, dtime, np.zeros((len(dX), constant.shape[1]))], axis=1)
        design = _Design(
            names=(*names, *dummies, *((CONSTANT,) if constant.shape[1] else ())),
            dummies=tuple(dummies),
            focal=grid.names(self.x),
            moments=moments,
            rows=rows,
            sets=tuple(sets),
            differences=differences,
            dy=differences.rows(y),
            dX=dX,
            shape=(y.shape[0], y.shape[1]),
        )
        self._refuse_too_few_instruments(design)
        return design

    def _gmm_styled(self) -> dict[str, tuple[int, int | None]]:
        """Return the lag range of each predetermined and endogenous variable."""
        ranges = {name: self.predetermined_lags for name in self.predetermined}
        ranges |= {name: self.endogenous_lags for name in self.endogenous}
        return ranges | self.lag_ranges

    def _dummies(
        self, panel: Panel, grid: _Grid, complete: BoolArray, rows: Equations
    ) -> tuple[list[str], NDArray[np.int64]]:
        """Return names and positions of the period dummies that the rows can tell apart."""
        if self.effects == "unit":
            return [], np.empty(0, dtype=np.int64)
        if self.transformation == "difference" and self.kind == "difference":
            positions = np.unique(rows.period)
        else:
            positions = np.flatnonzero(complete.any(axis=0))[1:]
        taken = rows.rows(np.broadcast_to(np.eye(complete.shape[1])[:, positions], (*complete.shape, len(positions))))
        if self.kind == "system":
            taken = np.column_stack([rows.level.astype(np.float64), taken])
        sizes = np.linalg.norm(taken, axis=0)
        apart = np.flatnonzero(sizes > 0)
        gone = {int(apart[j]) for j, _ in dependent(taken[:, apart])} | set(np.flatnonzero(sizes == 0).tolist())
        shift = 1 if self.kind == "system" else 0
        positions = positions[[j for j in range(len(positions)) if j + shift not in gone]]
        return [grid.period_name(position) for position in positions.tolist()], positions

    def _instrument_sets(
        self,
        grid: _Grid,
        rows: Equations,
        X: FloatArray,
        regressors: tuple[str, ...],
        outside: tuple[str, ...],
        further: FloatArray,
        ranges: dict[str, tuple[int, int | None]],
    ) -> list[InstrumentSet]:
        apart = self.convention == "pgmm"
        sets = []
        for name, (first, last) in ranges.items():
            level_lag = 1 if apart else max(first - 1, 0)
            for column in grid.names([name]):
                found = lag_instruments(
                    f"lags of {column}", grid.values(column), rows, first, last, self.collapse, level_lag
                )
                if not found.columns[:, ~found.level].any():
                    raise EstimationError(
                        f"No row has {column} at lags {first} to {'the last' if last is None else last}, so that these "
                        "lags instrument nothing; choose nearer lags or a longer panel."
                    )
                sets.append(found)
        styled = self._gmm_styled()
        exogenous = [j for j, name in enumerate(regressors) if not any(_covers(other, name) for other in styled)]
        if exogenous:
            sets.append(own_instruments("exogenous regressors", X[:, exogenous], rows, apart))
        if outside:
            sets.append(own_instruments("instruments", further, rows, apart))
        return sets

    def _effect_instruments(self, rows: Equations, time: FloatArray, constant: FloatArray) -> list[InstrumentSet]:
        columns = np.concatenate([time, constant], axis=1)
        if not columns.shape[1]:
            return []
        if self.convention == "pgmm" and self.kind == "system":
            columns = np.where(rows.level[:, None], columns, 0.0)
        return [own_instruments("period dummies", columns, rows, tested=False)]

    def _refuse_too_short(self, panel: Panel, rows: Equations, periods: int) -> None:
        if not (~rows.level).any():
            needed = max([self.lags, *(_deepest(term) for term in self.regressors)]) + 2
            raise EstimationError(
                f"No unit has enough periods that follow each other: {needed} are needed for the lags of outcome and "
                f"regressors and one {self.transformation.replace('_', ' ').removesuffix('s')}, and the panel has "
                f"{periods} ({listing(panel.periods, 12)}); use fewer lags or a longer panel."
            )

    def _refuse_unidentified(self, names: list[str], X: FloatArray, before: FloatArray, effects: FloatArray) -> None:
        gone = [names[j] for j in vanishing(X, before)]
        if gone:
            raise EstimationError(
                f"{listing(gone)} does not vary over time within units, so that the {self.kind} estimator cannot tell "
                "its coefficient; leave it out or choose kind=system, which keeps levels."
            )
        chains = dependent(np.concatenate([effects, X], axis=1))
        base = effects.shape[1]
        if chains:
            j, others = chains[0]
            among = [names[i - base] for i in others if i >= base]
            words = [listing(among)] if among else []
            if any(i < base for i in others):
                words.append("the period dummies" if self.effects == "two_way" else "the constant")
            raise EstimationError(
                f"{names[j - base]} is collinear with {' and '.join(words)} in the rows that are left; leave it out."
            )

    def _refuse_too_few_instruments(self, design: _Design) -> None:
        moments = design.moments
        k, m = moments.X.shape[1], moments.Z.shape[1]
        if len(moments.y) <= k or design.transformed <= k - (CONSTANT in design.names):
            raise EstimationError(
                f"{len(moments.y)} rows cannot identify {k} parameters; use fewer regressors, effects=unit or a larger "
                "sample."
            )
        if m < k:
            raise EstimationError(
                f"{m} instruments cannot identify {k} parameters ({listing(design.names, 20)}); widen instrument_lags, "
                "name fewer endogenous regressors or give further instruments."
            )
        B = np.asarray(design.rows.operator.T @ moments.Z)
        if not tests.identified(moments.Z.T @ moments.X, B):
            raise EstimationError(_NOT_IDENTIFIED)


_NOT_IDENTIFIED = (
    "The instruments do not identify all coefficients: some of them are linearly dependent or say nothing of a "
    "regressor; widen instrument_lags, name fewer endogenous regressors or use fewer terms."
)
_DIFFERENCE_COLUMNS = [
    "hansen_without", "hansen_without_df", "hansen_without_p", "difference", "difference_df", "difference_p",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Design:
    """What GMM is fitted to, with the rows of the serial correlation tests."""

    names: tuple[str, ...]
    dummies: tuple[str, ...]
    focal: tuple[str, ...]
    moments: numeric.Moments
    rows: Equations
    sets: tuple[InstrumentSet, ...]
    differences: Equations
    dy: FloatArray
    dX: FloatArray
    shape: tuple[int, int]

    @property
    def units(self) -> int:
        return len(np.unique(self.rows.unit))

    @property
    def transformed(self) -> int:
        return int((~self.rows.level).sum())

    def nobs(self, convention: str) -> int:
        """Return the observations as xtabond2 counts them, those in levels for system GMM, or as plm does, all rows."""
        if convention == "pgmm":
            return len(self.rows.unit)
        return int(self.rows.level.sum()) or self.transformed

    def tested(self) -> dict[str, BoolArray]:
        """Return which columns each testable set has, the lagged differences of the equation in levels first."""
        level = np.concatenate([found.level for found in self.sets])
        out = {"lagged differences in levels": level} if level.any() else {}
        start = 0
        for found in self.sets:
            mask = np.zeros(len(level), dtype=bool)
            mask[start : start + found.columns.shape[1]] = True
            start += found.columns.shape[1]
            if found.tested:
                out[found.name] = mask
        return out


class _Grid:
    """Columns of a panel over units and all periods of its calendar, lags taken without losing rows."""

    def __init__(self, panel: Panel, terms: Iterable[str]) -> None:
        self._missing: dict[str, BoolArray] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        made = panel
        for term in dict.fromkeys(terms):
            made = self._with_lags(made, term)
        self._panel = made
        for term in dict.fromkeys(terms):
            absent = self._absent(made, term)
            made_here = made.with_terms([term])
            self._names[term] = made.expanded([term])
            made = made_here
            made.require(self._names[term])
            self._missing |= dict.fromkeys(self._names[term], absent)
        self._panel = made
        years = np.arange(len(panel.periods))
        if isinstance(panel.periods[0], int):
            distance = np.array(panel.periods) - panel.periods[0]
            years = distance // max(int(np.gcd.reduce(distance)), 1)
        self._position = years
        self.periods = len(panel.periods)
        self._at = (panel.unit_codes, years[panel.period_codes])

    def _with_lags(self, panel: Panel, term: str) -> Panel:
        factors = None if panel.has(term) else parse(term)
        for atom in (factor.atom for factor in factors or () if factor.atom.operator):
            if panel.has(atom.name):
                continue
            panel.require([atom.variable])
            values, total = panel.column(atom.variable), np.zeros(len(panel.unit_codes))
            absent = np.zeros(len(total), dtype=bool)
            for lag, factor in atom.weights.items():
                source = panel.rows_before(lag)
                absent |= source < 0
                total += factor * values[source]
            self._missing[atom.name] = absent
            panel = panel.with_columns({atom.name: np.where(absent, 0.0, total)})
        return panel

    def _absent(self, panel: Panel, term: str) -> BoolArray:
        atoms = [factor.atom.name for factor in parse(term) or ()]
        nothing = np.zeros(len(panel.unit_codes), dtype=bool)
        return np.logical_or.reduce([self._missing.get(name, nothing) for name in (term, *atoms)])

    def names(self, terms: Iterable[str]) -> tuple[str, ...]:
        """Return the columns of terms, dummies spelt out."""
        return tuple(name for term in terms for name in self._names[term])

    def values(self, name: str) -> FloatArray:
        """Return a column, shape (N, T), not-a-number where it is missing."""
        out = np.full((len(self._panel.units), int(self._position[-1]) + 1), np.nan)
        column = self._panel.column(name)
        out[self._at] = np.where(self._missing[name], np.nan, column) if name in self._missing else column
        return out

    def period_name(self, position: int) -> str:
        """Return the name of the period at a position of the calendar."""
        return str(self._panel.periods[int(np.flatnonzero(self._position == position)[0])])


def _not_empty(lags: tuple[int, int | None], whose: str = "") -> tuple[int, int | None]:
    first, last = lags
    if last is not None and last < first:
        raise ValueError(f"the lag range {whose}from {first} to {last} is empty; write [first, last], e.g. [2, 4].")
    return lags


def _covers(name: str, term: str) -> bool:
    """Return whether a name in a list of roles means a regressor: itself, or a lag of it."""
    if name == term:
        return True
    factors = parse(term) or ()
    return len(factors) == 1 and factors[0].power == 1 and factors[0].atom.variable == name


def _read(term: str) -> list[str]:
    """Return the columns that a term reads, lags left for the model to take."""
    factors = parse(term) or ()
    if not any(factor.atom.operator for factor in factors):
        return [term]
    return [f"C({factor.atom.variable})" if factor.dummies else factor.atom.variable for factor in factors]


def _deepest(term: str) -> int:
    return max((max(factor.atom.weights) for factor in parse(term) or ()), default=0)


def _flat(name: str, found: Statistic) -> dict[str, float]:
    return {name: found.value, f"{name}_df": found.df, f"{name}_p": found.p}


def _wald(design: _Design, coef: FloatArray, covariance: FloatArray, dummies: bool) -> Statistic:
    """Return the Wald test that all slopes, or all period effects, are zero."""
    index = [
        j for j, name in enumerate(design.names) if name != CONSTANT and (name in design.dummies) == dummies
    ]
    return wald(coef[index], covariance[np.ix_(index, index)])
