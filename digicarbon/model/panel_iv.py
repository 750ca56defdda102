"""Instrumental variables on a panel, on linearmodels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import EstimationError
from digicarbon.inference import void
from digicarbon.model._absorption import group_columns
from digicarbon.model._instrumented import ByInstruments
from digicarbon.model._iv_statistics import FoundTests, notes, refuse_instruments, statistics, tables, with_wild
from digicarbon.model._observation_weights import (
    ObservationWeights,
    Weighting,
    positive_rows,
    refuse_weights,
    weighted_by,
)
from digicarbon.model._panel_columns import rows_of
from digicarbon.model._panel_covariance import REPAIRED, Rule
from digicarbon.model.base import (
    refuse_constant,
    refuse_single_period,
    refuse_too_small,
    refuse_unidentified,
    sentences,
)
from digicarbon.note import Note, cut
from digicarbon.numeric.iv.anderson_rubin import anderson_rubin
from digicarbon.numeric.iv.instrument_tests import endogeneity, overidentification
from digicarbon.numeric.iv.reduced_form import ErrorStructure, partial_out, reduced_form
from digicarbon.numeric.iv.weak_instruments import strength
from digicarbon.numeric.linear.covariance import nearest_semidefinite
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.within import (
    EFFECTS_OF,
    EffectsKind,
    absorb,
    absorb_weighted,
    absorbed_rank,
    dependent,
    vanishing,
)
from digicarbon.panel import Panel
from digicarbon.result import CONSTANT, REGRESSOR, Inference, Result, roles_made_of
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.restrictions import Redrawn
    from digicarbon.numeric.iv.many import Equations
    from digicarbon.script import Extract

_EXACT = 1e-9
"""Norm, relative to its own, below which what is left of a column is rounding."""


class PanelIV(ByInstruments):
    """A linear regression on a panel whose endogenous regressors have instruments.

    Attributes
    ----------
    endogenous : tuple of str
        Which of ``x`` and ``controls`` are endogenous; empty takes ``x``. The other regressors are exogenous and need
        not be listed as instruments.
    effects : {"none", "unit", "time", "two_way"}
        Fixed effects, removed from every column; ``none`` has a constant.
    method : {"2sls", "liml"}
        Two-stage least squares, or limited-information maximum likelihood, which is less biased by weak instruments.
    cov : {"classic", "robust", "cluster"}
        Homoskedastic; heteroskedastic (White); clustered. Tests use the same.
    observation_weights : str or None
        A column by which rows weigh, as in `PanelRegression`: effects are removed by weighted least squares, and all
        columns are multiplied by the roots of the weights (Stata's ``aweight``).
    test, draws, weights, seed, intervals
        As in `digicarbon.model.tested.Tested`; with two-stage least squares. The draws are those of Davidson &
        MacKinnon's restricted efficient bootstrap, without a spatial filter; Anderson and Rubin's test and set are
        found from the same signs, too.
    level : float
        Coverage of the intervals and of Anderson and Rubin's set.

    Notes
    -----
    Coefficients and covariances are those of ``linearmodels.IV2SLS`` and ``IVLIML`` on columns from which effects were
    removed, with factors and statistics as Stata's ivreg2 with ``small`` and ``dofminus``; see
    docs/instruments.md.
    """

    scripts: ClassVar[Mapping[str, str]] = {
        "r": "digicarbon.replication.part.iv_r:script",
        "stata": "digicarbon.replication.part.iv_stata:script",
    }
    references: ClassVar[tuple[str, ...]] = (
        "anderson1949",
        "kleibergen2006",
        "montielolea2013",
        "stock2005",
        "wooldridge2010",
    )

    takes_weights: ClassVar[bool] = False
    without: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("null", "batch"),
        "endogenous regressors move with the errors, and a draw under the null would move the errors alone",
    )

    effects: EffectsKind = "two_way"
    method: Literal["2sls", "liml"] = "2sls"
    cov: Literal["classic", "robust", "cluster"] = "cluster"
    observation_weights: ObservationWeights = None

    @model_validator(mode="after")
    def _instrumented(self) -> PanelIV:
        if "const" in self.terms:
            raise ValueError(Note("constant_among_terms"))
        if not self.instruments:
            raise ValueError(Note("no_instruments", key="instruments"))
        refuse_instruments(self.y, self.regressors, self.endogenous, self.instruments)
        if not any("C(" in term for term in (*self.instruments, *self.instrumented)):
            shortage = _shortage(self.instrumented, self.instruments)
            if shortage:
                raise ValueError(shortage)
        if self.observation_weights is not None:
            refuse_weights(self, self.observation_weights, self.cov)
        return self

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, that of weights among them."""
        own = () if self.observation_weights is None else (self.observation_weights,)
        return tuple(dict.fromkeys((*super().terms, *own)))

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the standard errors."""
        return self.untested | (void(self.cov) & {"cluster", "df", "small_sample"})

    @property
    def no_wild(self) -> Note | None:
        """Why there is no wild bootstrap of LIML."""
        return Note("wild_not_of_liml") if self.method == "liml" else None

    @property
    def instrumented(self) -> tuple[str, ...]:
        """The endogenous regressors."""
        return self.endogenous or self.x

    @property
    def rule(self) -> Rule:
        """How the covariance is made."""
        return Rule(self.cov, self.cluster, None, "uniform", self.small_sample)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing.

        A DataError says that a column is missing or holds a value that is not finite, or no row has a lag; an
        EstimationError that there are too few instruments, rows or clusters, effects absorb a column, columns are
        collinear, or instruments do not move the endogenous regressors.
        """
        self._columns(panel)

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the regression.

        Parameters
        ----------
        panel : Panel
            Balanced or not.
        weights : Weights, optional
            Ignored: the model takes none.

        Returns
        -------
        Result
            Terms are the regressors, after ``const`` where there are no effects. Tables: ``first_stage`` (strength of
            the instruments by endogenous regressor), ``first_stage_coefficients``, ``tests`` and ``anderson_rubin``;
            with ``test="wild"`` also ``anderson_rubin_wild``.

        Raises
        ------
        DataError, EstimationError
        """
        columns = self._columns(panel)
        return self._wild(self.tested(self._estimated(panel, columns), columns.panel, weights), columns, weights)

    def partialled(self, panel: Panel) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return outcome, endogenous regressors and instruments, effects and exogenous regressors partialled out."""
        return self._columns(panel).partialled()

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> Sequence[Redrawn]:
        """Return the coefficient of each focal term with draws of all equations."""
        from digicarbon.model._iv_wild import Instrumented

        columns = self._columns(panel)
        names = (*columns.exogenous, *columns.endogenous)
        return [Instrumented(self._equations(columns), names, result.focal)]

    def filters(self, panel: Panel, weights: Weights) -> bool:
        """Return False: the equations have no spatial filter."""
        return False

    def _equations(self, columns: Columns) -> Equations:
        from digicarbon.numeric.iv.many import Equations

        c, errors = columns, self.error_structure(columns, None)
        weighting = None if c.weighting is None else c.weighting.values
        return Equations(c.y, c.w, c.x, c.z, rows_of(c.panel), self.effects, errors, weighting)

    def _wild(self, result: Result, columns: Columns, weights: Weights | None) -> Result:
        """Return a result with Anderson and Rubin's test by the wild bootstrap where the model asks for it."""
        if self.test == "errors" or self.no_wild is not None:
            return result
        from digicarbon.model._iv_wild import wild_anderson_rubin
        from digicarbon.model.wild import one_thread

        place = result.terms.index(columns.endogenous[0])
        about = float(result.coef[place]), float(np.sqrt(result.covariance[place, place]))
        draws = self.draws_for(self.levels_of_signs(columns.panel), weights)
        with one_thread():
            found = wild_anderson_rubin(self._equations(columns), draws, about, self.level, self.intervals)
        return with_wild(result, found, columns.endogenous[0], self.level)

    def _estimated(self, panel: Panel, columns: Columns) -> Result:
        """Return the fit with p values from its standard errors."""
        errors = self.error_structure(columns, None)
        fitted = self._linearmodels(columns, errors)
        k = len(columns.names)
        order = [list(fitted.params.index).index(name) for name in columns.names]
        coef = np.asarray(fitted.params)[order]
        covariance, repaired = np.asarray(fitted.cov)[np.ix_(order, order)] * errors.factor(k), False
        residuals = columns.y - columns.regressors @ coef
        coef, covariance = columns.with_means(self.y, columns.names, coef, covariance)
        if errors.indefinite:
            covariance, repaired = nearest_semidefinite(covariance)
        found = columns.tests(errors, residuals, self.level)
        stages, stages_repaired = columns.first_stages(errors, self.level)
        ssr, rows = float(residuals @ residuals), len(columns.y)
        df_resid = rows - k - errors.absorbed
        n, t = columns.panel.shape
        raw = columns.panel.array([self.y])[:, 0]
        weighting = columns.weighting
        variation = float(((raw - raw.mean()) ** 2).sum()) if weighting is None else weighting.variation(raw)
        asked = self.asked(columns, columns.endogenous, self.method)
        return Result(
            kind=f"iv_{self.effects}" if self.effects != "none" else "iv",
            y=self.y,
            focal=columns.panel.expanded(self.x, among=self.terms),
            terms=columns.names,
            coef=coef,
            covariance=covariance,
            inference=Inference(float(errors.df(k)), self.level),
            statistics={
                "nobs": float(rows),
                "n_units": float(n),
                "n_periods": float(t),
                "r2": 1 - ssr / variation,
                "r2_within": 1 - ssr / float(columns.y @ columns.y),
                "sigma2": ssr / df_resid,
                "df_resid": float(df_resid),
                **statistics(found),
            },
            tables={**tables(found, columns.endogenous, self.y, self.level), "first_stage_coefficients": stages},
            absorbed=EFFECTS_OF[self.effects],
            notes=(
                self.rule.note(1),
                *((REPAIRED,) if repaired or stages_repaired else ()),
                *(() if self.observation_weights is None else (weighted_by(self.observation_weights),)),
                *columns.left_out,
                *notes(found, asked, errors, rows),
            ),
            residuals=columns.unscaled(residuals).reshape(n, t).T if columns.panel.balanced else None,
            roles=roles_made_of(
                columns.names,
                [CONSTANT if name == "const" else REGRESSOR for name in columns.names],
                self.made_of(panel),
            ),
        )

    def extract(self, panel: Panel, weights: Weights | None) -> Extract:
        """Return outcome, regressors and instruments."""
        from digicarbon.script.extract import Extract, columns_of

        made = panel.with_terms(self.terms)
        names, inside, outside = (
            made.expanded(chosen, among=self.terms) for chosen in (self.regressors, self.instrumented, self.instruments)
        )
        own: tuple[str, ...] = ()
        if self.observation_weights is not None:
            made, own = positive_rows(made, self.observation_weights)[0], (self.observation_weights,)
        columns = columns_of(made, tuple(dict.fromkeys((self.y, *names, *outside, *own))))
        columns |= group_columns(made, (), None, self.own_clusters)
        return Extract(made.index, columns, names, instruments=outside, endogenous=inside)

    def _columns(self, panel: Panel) -> Columns:
        """Return the checked columns with effects removed."""
        made = panel.with_terms(self.terms)
        regressors, endogenous, instruments = (
            made.expanded(chosen, among=self.terms) for chosen in (self.regressors, self.instrumented, self.instruments)
        )
        made.require((self.y, *regressors, *instruments))
        weighting, left_out = None, tuple[Note, ...]()
        if self.observation_weights is not None:
            made, left_out = positive_rows(made, self.observation_weights)
            weighting = Weighting.of(made, self.observation_weights)
        shortage = _shortage(endogenous, instruments)
        if shortage:
            raise EstimationError(shortage)
        refuse_single_period(made, self.effects)
        self.refuse_few_clusters(made)
        constant = self.effects == "none"
        names = ("const", *regressors) if constant else regressors
        exogenous = tuple(name for name in names if name not in endogenous)
        raw = made.array((self.y, *regressors, *instruments))
        every = (self.y, *regressors, *instruments)
        if constant:
            raw, every = np.column_stack([raw, np.ones(len(raw))]), (*every, "const")
        fewest = self._fewest(len(exogenous), len(endogenous), len(instruments))
        refuse_too_small(len(raw), fewest + absorbed_rank(rows_of(made), self.effects), self.effects)
        if weighting is None:
            without = absorb(raw, rows_of(made), self.effects)
        else:
            without = absorb_weighted(raw, rows_of(made), self.effects, weighting.values)
        position = {name: index for index, name in enumerate(every)}

        def of(array: FloatArray, chosen: tuple[str, ...]) -> FloatArray:
            return array[:, [position[name] for name in chosen]]

        for chosen in (names, (*exogenous, *instruments)):
            refuse_unidentified(chosen, of(without, chosen), of(raw, chosen), self.effects)
        refuse_constant(self.y, without[:, 0], raw[:, 0], self.effects, EstimationError)
        means = np.zeros(len(every))
        if constant:
            means = without.mean(axis=0) if weighting is None else weighting.means(without)
        if constant:
            # projections square the condition of columns with large means; the constant takes the means back
            means[-1] = 0.0
            without = without - means
        if weighting is not None:
            without = weighting.root[:, None] * without
        found = Columns(
            panel=made,
            names=names,
            exogenous=exogenous,
            endogenous=endogenous,
            instruments=instruments,
            y=without[:, 0],
            regressors=of(without, names),
            w=of(without, exogenous),
            x=of(without, endogenous),
            z=of(without, instruments),
            means=dict(zip(every, means, strict=True)),
            weighting=weighting,
            left_out=left_out,
        )
        found.refuse_useless()
        return found

    def _fewest(self, exogenous: int, endogenous: int, instruments: int) -> int:
        """Return the parameters of the largest regression of a fit."""
        # kappa of LIML inverts what instruments leave of outcome and endogenous regressors
        first = exogenous + instruments + (endogenous if self.method == "liml" else 0)
        # the test of exogeneity has residuals of the first stages beside the regressors
        return max(first, exogenous + 2 * endogenous)

    def _linearmodels(self, columns: Columns, errors: ErrorStructure) -> Any:
        from linearmodels.iv import IV2SLS, IVLIML

        frame = pd.DataFrame(columns.regressors, columns=list(columns.names))
        model = (IV2SLS if self.method == "2sls" else IVLIML)(
            pd.Series(columns.y, name=self.y),
            frame[list(columns.exogenous)] if columns.exogenous else None,
            frame[list(columns.endogenous)],
            pd.DataFrame(columns.z, columns=list(columns.instruments)),
        )
        if self.cov == "cluster":
            codes = np.column_stack(errors.clusters)
            return model.fit(cov_type="clustered", debiased=False, clusters=codes)
        return model.fit(cov_type="unadjusted" if self.cov == "classic" else "robust", debiased=False)


@dataclass(frozen=True, eq=False)
class Columns:
    """What the model is fitted to: columns of a panel with effects removed, of shape (rows,) or (rows, names).

    Beside a constant they are less their ``means``, by name. Rows that weigh are multiplied by the roots of their
    weights; ``left_out`` says which rows have none.
    """

    panel: Panel
    names: tuple[str, ...]
    exogenous: tuple[str, ...]
    endogenous: tuple[str, ...]
    instruments: tuple[str, ...]
    y: FloatArray
    regressors: FloatArray
    w: FloatArray
    x: FloatArray
    z: FloatArray
    means: Mapping[str, float]
    weighting: Weighting | None = None
    left_out: tuple[Note, ...] = ()

    def unscaled(self, residuals: FloatArray) -> FloatArray:
        """Return residuals of rows that were multiplied by the roots of their weights."""
        return residuals if self.weighting is None else residuals / self.weighting.root

    def with_means(
        self, y: str, terms: tuple[str, ...], coef: FloatArray, covariance: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return coefficients of y on terms, and their covariance, as of columns whose means were not taken off.

        Parameters after those of the terms stay as they are.
        """
        if "const" not in terms:
            return coef, covariance
        at = terms.index("const")
        back = np.eye(len(coef))
        back[at, : len(terms)] -= [self.means[name] for name in terms]
        moved = back @ coef
        moved[at] += self.means[y]
        return moved, back @ covariance @ back.T

    def tests(self, errors: ErrorStructure, residuals: FloatArray, level: float) -> FoundTests:
        """Return the tests of the instruments, given the residuals of the fit."""
        y, x, z = self.partialled()
        count = len(self.exogenous)
        return FoundTests(
            strength=strength(x, z, errors, count),
            overidentification=overidentification(y, x, z, residuals, errors),
            endogeneity=endogeneity(y, x, z, errors, count),
            anderson_rubin=anderson_rubin(y, x, z, errors, count, level),
        )

    def first_stages(self, errors: ErrorStructure, level: float) -> tuple[pd.DataFrame, bool]:
        """Return coefficients of each first stage, and whether a covariance was repaired.

        The index is (endogenous, term), the columns are as in `Result.estimates`.
        """
        terms = (*self.instruments, *self.exogenous)
        form = reduced_form(self.x, np.column_stack([self.z, self.w]), errors, 0)
        inference = Inference(float(form.df), level)
        frames, repaired = {}, False
        for j, name in enumerate(self.endogenous):
            coef, covariance = self.with_means(name, terms, form.coef[:, j], form.covariance[j, :, j, :])
            if errors.indefinite:
                covariance, lacking = nearest_semidefinite(covariance)
                repaired |= lacking
            numbers = inference.columns(coef, np.sqrt(covariance.diagonal()))
            frames[name] = pd.DataFrame(numbers, index=pd.Index(terms, name="term"))
        return pd.concat(frames, names=["endogenous"]), repaired

    def partialled(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return y, x and z with the exogenous regressors partialled out."""
        out = partial_out(np.column_stack([self.y, self.x, self.z]), self.w)
        m = self.x.shape[1]
        return out[:, 0], out[:, 1 : 1 + m], out[:, 1 + m :]

    def refuse_useless(self) -> None:
        """Raise if instruments explain an endogenous regressor exactly, or not at all."""
        _, x, z = self.partialled()
        fitted = z @ solve(z, x)
        for j in vanishing(x - fitted, x, _EXACT):
            raise EstimationError(
                Note(
                    "instrumented_exactly",
                    term=self.endogenous[j],
                    instruments=cut((*self.instruments, *self.exogenous)),
                )
            )
        idle = vanishing(fitted, x, _EXACT)
        if idle:
            raise EstimationError(
                Note("instruments_uncorrelated", instruments=cut(self.instruments), term=self.endogenous[idle[0]])
            )
        for j, others in dependent(fitted, _EXACT):
            raise EstimationError(
                Note(
                    "instruments_tell_not_apart",
                    instruments=cut(self.instruments),
                    term=self.endogenous[j],
                    others=cut(self.endogenous[i] for i in others),
                )
            )


def _shortage(endogenous: tuple[str, ...], instruments: tuple[str, ...]) -> Note | None:
    """Return a sentence if there are fewer instruments than endogenous regressors, an empty text otherwise."""
    if len(instruments) >= len(endogenous):
        return None
    return Note(
        "iv_few_instruments",
        given=len(instruments),
        instruments=cut(instruments),
        needed=len(endogenous),
        endogenous=cut(endogenous),
    )
