"""Linear panel regressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError, EstimationError
from digicarbon.inference import void
from digicarbon.model import _panel_columns as transformed
from digicarbon.model._absorption import (
    Absorb,
    Clusters,
    Trends,
    absorption,
    clusters_by,
    columns_of_effects,
    group_columns,
)
from digicarbon.model._formula import match, read
from digicarbon.model._latest import LATEST, columns_of
from digicarbon.model._observation_weights import (
    ObservationWeights,
    Weighting,
    positive_rows,
    refuse_weights,
    weighted_by,
)
from digicarbon.model._panel_batch import LinearFits, coefficient_of, linear_rule, null_of
from digicarbon.model._panel_columns import Columns, Estimator, of_rows
from digicarbon.model._panel_covariance import (
    REPAIRED,
    Rule,
    corrected_by,
    covariance_of,
    degrees_of_freedom,
    factor_of,
    kernel_of,
    refuse_few_groups,
)
from digicarbon.model._panel_goodness import goodness, joint_test
from digicarbon.model.base import (
    Model,
    after_absorption,
    refuse_single_period,
    refuse_too_many_groups,
    refuse_too_small,
    refuse_unidentified,
    require_panel,
    sentences,
)
from digicarbon.model.batch import Estimand, JointBatch, Null, OneByOne, columns_key, under_null
from digicarbon.model.tested import Clustered
from digicarbon.note import Note
from digicarbon.numeric.linear.covariance import AnySmallSample, Covariance, Kernel, nearest_semidefinite
from digicarbon.numeric.linear.least_squares import Fit
from digicarbon.numeric.linear.random_effects import FIXED, KINDS, Method
from digicarbon.numeric.linear.within import EFFECTS_OF, EffectsKind, dependent, fixed_among, vanishing
from digicarbon.panel import Panel, constituents, numbered, parse, variables_of
from digicarbon.result import CONSTANT, Inference, Result, Role, roles_made_of
from digicarbon.spec import Names
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model._panel_restrictions import Contrasts
    from digicarbon.model.restrictions import Restrictions
    from digicarbon.script import Extract

PanelEffects = Literal["none", "unit", "time", "two_way", "random", "random_time", "random_two_way"]

_RANDOM: Mapping[str, tuple[str, ...]] = {kind: by for kind, by in KINDS.items()}
_OF_ERRORS = frozenset({*Clustered.model_fields, "small_sample", "df", "bandwidth"} - {*Model.model_fields})
"""Fields that change nothing of what least squares is run on."""


@lru_cache(1024)
def _roles_of_columns(names: tuple[str, ...], constant: bool, regressors: tuple[str, ...]) -> tuple[Role, ...] | None:
    """Return the roles of regressors that are mere columns; None where one of them is more."""
    if any(parse(name) is not None for name in regressors):
        return None
    own = [Role(made_of=constituents(name)) for name in names[constant:]]
    return (*(CONSTANT,) * constant, *own)


class PanelRegression(Clustered):
    """A linear regression on a panel: pooled, with fixed or random effects, of means or of differences.

    Attributes
    ----------
    formula : str or None
        Instead of y, x and controls, e.g. ``"ln_ci ~ ln_e + ln_e^2 + lag(ln_pgdp) | unit + year"``, in the notation
        of `digicarbon.model._formula.read`. It goes before the other fields. Focal are the terms made of x where the
        formula has any, else those made of its first variable. Effects are those after ``|``; without it those of the
        field ``effects``, and none where that is not given.
    effects : {"none", "unit", "time", "two_way", "random", "random_time", "random_two_way"}
        Fixed effects, random ones (of units, of periods, of both), or ``none``: the pooled regression with a constant.
    absorb : tuple of str
        Further fixed effects beside ``effects``: columns of text or numbers, and ``a^b`` for an effect of each
        combination of two columns, e.g. ``industry^year``. They are removed exactly, with those of ``effects``, and
        counted by the rank of their dummies.
    trends : str or None
        ``unit``, or a column: a linear trend of each unit, or of each value of the column, beside an effect of each.
    collinear : {"refuse", "drop"}
        What to do with regressors that the effects absorb, or that depend on others: stop, or leave out the last ones
        and name them in a note, as Stata and fixest do.
    estimator : {"within", "lsdv", "between", "first_difference"}
        How effects are treated: demeaned; estimated as dummies (the same slopes, and a coefficient for each unit or
        period); only means over time (``effects: time``: over units) are used; only differences from the previous
        period are used, with a constant (``effects: unit``) or period effects (``effects: two_way``).
    constant : bool
        Whether fixed effects (within) report a constant beside them, as Stata's xtreg and reghdfe do: the mean of the
        effects.
    variance : {"swamy_arora", "wallace_hussain", "amemiya", "nerlove", "stata"}
        Variance components of random effects, see `digicarbon.numeric.linear.random_effects.components`.
    cov : {"classic", "robust", "cluster", "driscoll_kraay", "newey_west", "beck_katz", "conley"}
        Homoskedastic; heteroskedastic (White); clustered; Driscoll & Kraay's, for dependence between units and over
        time; for serial correlation within units; panel-corrected (``cluster: time`` for dependence between units);
        spatial (Conley), with a kernel made of the weights.
    cluster : str or tuple of two str
        What a cluster is: ``unit``, ``time``, ``both``, a column of text or numbers, or two columns (Cameron, Gelbach &
        Miller 2011), one of which may be ``unit`` or ``time``. Signs of the wild bootstrap are those of
        the clusters of one column where each unit is in one of them, else those of units.
    bandwidth : int or None
        Lags in ``driscoll_kraay`` (None: ⌊4 (T/100)^(2/9)⌋, as Stata's xtscc), ``newey_west`` (None: ⌊T^(1/4)⌋, as plm)
        and ``conley`` (None: no correlation over time).
    kernel : {"uniform", "weights"}
        In ``conley``: 1 where the weights join two units, or the weight itself as it was before normalisation, which
        should then fall from 1 to 0 with distance.
    small_sample : {"stata", "none", "g", "full", "sss", "hc1", "hc3", "cr2", "cr3"}
        See `digicarbon.numeric.linear.covariance.small_sample_factor`. With ``cov: robust``, ``stata`` and ``full`` are
        HC1 with effects counted, ``hc1`` without, ``none`` is HC0. ``cr2`` and ``cr3`` correct the residuals of each
        cluster for its leverage (Bell & McCaffrey 2002): CR2 is unbiased where errors are independent, CR3 is the
        jackknife of clusters. They are for ``cov: cluster`` with clusters of one kind; degrees of freedom are G - 1.
    df : {"auto", "residual"}
        Degrees of freedom of t: residual ones, but with clusters G - 1 (Stata; the smaller G of two) and with
        Driscoll & Kraay's T - 1, or always the residual ones (linearmodels). Random effects take the normal.
    observation_weights : str or None
        A column, or what `Panel.with_terms` makes of one, by which rows weigh in least squares, as Stata's analytic
        weights: of units' size, say. Errors are then taken to vary with one over the weight, and standard errors are
        those of ``classic``, ``robust``, ``cluster``, ``driscoll_kraay``. For ``within`` and ``lsdv`` without random
        effects. The null models of the wild bootstrap describe the data and are not weighted.
    engine : {"kernel", "linearmodels"}
        Our own least squares, or ``linearmodels.PanelOLS`` (within; classic, robust, clustered by unit or time): the
        same numbers, many times slower, to check us by.

    Notes
    -----
    What each choice equals in Stata and R stands in docs/panel.md.
    """

    scripts: ClassVar[Mapping[str, str]] = {
        "r": "digicarbon.replication.part.panel_r:script",
        "stata": "digicarbon.replication.part.panel_stata:script",
    }
    references: ClassVar[tuple[str, ...]] = ("baltagi2021",)

    y: str = ""
    x: Names = ()
    formula: str | None = None
    effects: PanelEffects = "two_way"
    absorb: Absorb = ()
    trends: Trends = None
    collinear: Literal["refuse", "drop"] = "refuse"
    estimator: Estimator = "within"
    constant: bool = False
    variance: Method = "swamy_arora"
    cov: Covariance = "cluster"
    cluster: Clusters = "unit"
    bandwidth: Annotated[int, Field(ge=0)] | None = None
    kernel: Kernel = "uniform"
    small_sample: AnySmallSample = "stata"
    df: Literal["auto", "residual"] = "auto"
    observation_weights: ObservationWeights = None
    engine: Literal["kernel", "linearmodels"] = "kernel"

    @model_validator(mode="before")
    @classmethod
    def _read_formula(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping) or not isinstance(fields.get("formula"), str):
            return fields
        text = fields["formula"]
        found = read(text)
        given = fields.get("x") or ()
        focal = set(variables_of(given if isinstance(given, list | tuple) else ()))
        if not any(focal & set(variables_of([term])) for term in found.terms):
            focal = set(variables_of(found.terms[:1]))
        x = tuple(term for term in found.terms if focal & set(variables_of([term])))
        effects = fields.get("effects", "none")
        further: dict[str, Any] = {}
        if found.absorbed is not None:
            effects, absorb = found.effects
            further = {"absorb": absorb, "trends": found.trends or fields.get("trends")}
        if not found.constant and effects not in ("unit", "time", "two_way") and not further.get("absorb"):
            raise ValueError(Note("formula_without_constant", key="formula", formula=text))
        controls = tuple(term for term in found.terms if term not in x)
        return {**fields, "y": found.y, "x": x, "controls": controls, "effects": effects, **further}

    @model_validator(mode="after")
    def _consistent(self) -> PanelRegression:
        if "const" in self.terms:
            raise ValueError(Note("constant_among_terms"))
        if self.estimator == "between" and self.effects not in ("unit", "time"):
            raise ValueError(Note("between_takes", key="estimator"))
        if self.estimator == "first_difference" and self.effects not in ("unit", "two_way"):
            raise ValueError(Note("first_difference_takes", key="estimator"))
        if self.estimator == "lsdv" and self.effects not in ("unit", "time", "two_way"):
            raise ValueError(Note("lsdv_takes", key="estimator"))
        if self.constant and (self.estimator != "within" or self.fixed == "none"):
            raise ValueError(Note("constant_belongs_to_fixed", key="constant"))
        # a mean is one observation of its unit or period: clustered by these is robust
        own_cluster = self.cov == "cluster" and self.cluster == ("time" if self.effects == "time" else "unit")
        if self.estimator == "between" and self.cov not in ("classic", "robust") and not own_cluster:
            raise ValueError(Note("cov_not_of_means", key="cov", cov=self.cov))
        if self.cov == "beck_katz" and self.cluster not in ("unit", "time"):
            raise ValueError(Note("beck_katz_takes", key="cov"))
        if self.engine == "linearmodels" and (
            self.estimator != "within"
            or self.fixed != self.effects
            or self.cov not in ("classic", "robust", "cluster")
            or self.cluster not in ("unit", "time")
            or self.absorbs
            or self.small_sample in ("hc1", "hc3")
            or self.constant
        ):
            raise ValueError(Note("linearmodels_takes", key="engine"))
        return self

    @model_validator(mode="after")
    def _can_absorb(self) -> PanelRegression:
        if self.absorbs and (self.estimator != "within" or self.effects in KINDS):
            raise ValueError(Note("absorbs_within", key="absorb" if self.absorb else "trends"))
        if self.trends == "unit" and self.effects not in ("unit", "two_way"):
            raise ValueError(Note("trends_take_unit_effects", key="trends"))
        if self.collinear == "drop" and self.estimator == "lsdv":
            raise ValueError(Note("lsdv_drops_nothing", key="collinear"))
        if self.own_clusters and self._of_other_rows:
            raise ValueError(Note("clusters_of_other_rows", key="cluster", estimator=self.estimator))
        return self

    @model_validator(mode="after")
    def _can_correct(self) -> PanelRegression:
        if self.small_sample not in ("cr2", "cr3"):
            return self
        one = self.cluster != "both" and isinstance(self.cluster, str)
        plain = self.estimator == "within" and self.effects not in KINDS and not self.constant
        if self.cov != "cluster" or not one or not plain or self.engine != "kernel":
            raise ValueError(Note("corrected_takes", key="small_sample", rule=self.small_sample))
        return self

    @model_validator(mode="after")
    def _can_be_weighted(self) -> PanelRegression:
        column = self.observation_weights
        if column is None:
            return self
        if self.estimator not in ("within", "lsdv") or self.effects in KINDS:
            raise ValueError(Note("weighted_takes", key="observation_weights"))
        refuse_weights(self, column, self.cov)
        return self

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, those of weights, further effects and clusters among them."""
        column, terms = self.observation_weights, super().terms
        if column is not None and column not in terms:
            terms = (*terms, column)
        groups = (*columns_of_effects(self.absorb, self.trends), *self.own_clusters)
        return (*terms, *dict.fromkeys(map(numbered, groups))) if groups else terms

    @property
    def absorbs(self) -> bool:
        """Whether there are fixed effects or trends beside the effects of units and periods."""
        return bool(self.absorb) or self.trends is not None

    @property
    def uses_weights(self) -> bool:
        """Whether the covariance needs spatial weights."""
        return self.cov == "conley"

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model takes of a request: tests of random effects take the normal distribution."""
        return {**super().offers, "df": ("auto",)} if self.effects in KINDS else super().offers

    @property
    def ignored(self) -> frozenset[str]:
        """Fields that mean nothing for the effects and the standard errors."""
        of_effects = {"df"} if self.effects in KINDS else {"variance"}
        return self.untested | void(self.cov) | of_effects

    @property
    def fixed(self) -> EffectsKind:
        """The fixed effects; none where effects are random."""
        return fixed_among(self.effects)

    @property
    def carried_after(self) -> EffectsKind:
        """The effects after which units carry x; further effects may take what periods share."""
        if self.absorbs:
            return "two_way" if self.fixed in ("unit", "two_way") else "time"
        return "none" if self.estimator == "between" else self.fixed

    @property
    def inverts_arrangements(self) -> bool:
        """Whether covariances of coefficients are quadratic forms of the outcome."""
        return self.effects not in KINDS and not self._can_be_indefinite

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise a sentence if the model cannot be fitted; fit nothing."""
        self._refuse_alone(self.design(panel, weights), panel)
        self.check_test(panel, weights)

    @sentences
    def fit(self, panel: Panel, weights: Weights | None = None) -> Result:
        """Fit the regression.

        Parameters
        ----------
        panel : Panel
            Balanced or not.
        weights : Weights, optional
            For Conley's covariance, and for the spatial dependence of the errors in the wild bootstrap.

        Returns
        -------
        Result
            Terms are the regressors, after ``const`` where the model has one, and with ``lsdv`` the dummies
            ``unit[…]`` and ``time[…]``.

        Raises
        ------
        DataError, WeightsError, EstimationError
        """
        if type(self) is PanelRegression and self.observation_weights is None:
            columns = self.design(panel, weights)
            result = self._estimated(columns, panel, weights)
            if self.test == "errors" and self._clearly_even(columns, result):
                return result
            return self.tested(result, panel, weights)
        if self.observation_weights is None:
            return self.tested(self.estimated(panel, weights), panel, weights)
        require_panel(panel)
        made = panel.with_terms(self.terms)
        panel, left_out = positive_rows(made, self.observation_weights)
        result = self.estimated(panel, weights)
        return self.tested(replace(result, notes=(*result.notes, *left_out)), panel, weights)

    def estimated(self, panel: Panel, weights: Weights | None) -> Result:
        """Return the fit with p values from its standard errors."""
        return self._estimated(self.design(panel, weights), panel, weights)

    def _estimated(self, columns: Columns, panel: Panel, weights: Weights | None) -> Result:
        nobs, k = columns.values.shape[0], columns.values.shape[1] - 1
        df_resid = nobs - k - columns.absorbed
        rule = self.rule
        self._refuse_alone(columns, panel)
        if self.engine == "linearmodels":
            fit, covariance = self._linearmodels(panel, columns)
        else:
            fit = columns.fit
            kernel = kernel_of(weights, self.kernel, panel) if self.uses_weights else None
            covariance = covariance_of(columns, df_resid, rule, kernel)
        covariance, repaired = nearest_semidefinite(covariance) if self._can_be_indefinite else (covariance, False)
        df = df_resid if self.df == "residual" else degrees_of_freedom(columns, df_resid, rule)
        random = self.effects in KINDS
        inference = Inference(None if random else float(df), self.level)
        errors_note = rule.note(columns.rows.t)
        residuals = fit.residuals if columns.weighting is None else fit.residuals / columns.weighting.root
        return Result(
            kind=self._kind,
            y=self.y,
            focal=tuple(name for name in panel.expanded(self.x, among=self.terms) if name in columns.names),
            terms=columns.names,
            coef=fit.coef.copy(),
            covariance=covariance,
            inference=inference,
            statistics={
                "nobs": float(nobs),
                "n_units": float(columns.rows.n),
                "n_periods": float(columns.rows.t),
                **goodness(columns, fit, df_resid, random),
                **joint_test(columns.roles, fit.coef, covariance, inference),
                **columns.statistics,
            },
            absorbed=self._absorbed,
            # a formula names the column of units
            trends=() if self.trends is None else ("unit" if self.trends == panel.unit_name else self.trends,),
            random=() if self._of_other_rows else _RANDOM.get(self.effects, ()),
            transformed=self._of_other_rows,
            notes=(
                errors_note,
                *((REPAIRED,) if repaired else ()),
                *((weighted_by(self.observation_weights),) if self.observation_weights is not None else ()),
                *columns.notes,
            ),
            residuals=residuals.reshape(columns.rows.n, -1).T.copy() if columns.rows.balanced else None,
            errors_note=errors_note,
            roles=self._roles(columns, panel),
        )

    def _refuse_alone(self, columns: Columns, panel: Panel) -> None:
        """Raise an `EstimationError` if residuals are corrected by cluster, and one has a regressor for itself."""
        corrected = corrected_by(columns, self.rule)
        if corrected is None or not corrected.alone:
            return
        cluster, lost = corrected.alone[0]
        # without the cluster these combinations of the regressors are zero
        sizes = np.abs(columns.fit.root @ lost).max(axis=1) * np.linalg.norm(columns.values[:, :-1], axis=0)
        terms = [name for name, size in zip(columns.names, sizes, strict=True) if size > 1e-6 * sizes.max()]
        made = panel.with_terms(self.terms)
        left = made if self.observation_weights is None else positive_rows(made, self.observation_weights)[0]
        called = left.levels(str(self.cluster))[0][cluster]
        rule = self.small_sample.upper()
        raise EstimationError(Note("corrected_alone", key="small_sample", rule=rule, cluster=str(called), terms=terms))

    def _roles(self, columns: Columns, panel: Panel) -> tuple[Role, ...]:
        # another class may say that its columns are made of something else
        if type(self) is PanelRegression and not columns.slopes:
            plain = _roles_of_columns(columns.names, columns.constant, self.regressors)
            if plain is not None:
                return plain
        return roles_made_of(columns.names, columns.roles, self.made_of(panel))

    def null(self, panel: Panel, weights: Weights | None, candidates: Sequence[Weights]) -> Null | None:
        """Return the regression without its focal terms, with the likeliest spatial lag of y among the candidates.

        Random effects are left in the errors, which units exchange as they are.
        """
        panel = panel.with_terms(self.terms)
        names = panel.expanded(under_null(self.x, self.regressors), among=self.terms)
        if self.absorbs:
            return self._absorbed_null(panel, names)
        # means over time have no unit effects: what differs between units is what they explain
        effects = "none" if self.estimator == "between" else self.fixed
        return null_of(panel, self.y, names, effects, candidates)

    def _absorbed_null(self, panel: Panel, names: tuple[str, ...]) -> Null:
        from digicarbon.model._panel_restrictions import absorbed_nulls

        further = absorption(panel, self.fixed, self.absorb, self.trends)
        assert further is not None
        key = ("absorbed", panel.columns[self.y].digest, columns_key(panel, names), further.key)
        nothing = np.empty((len(panel.index), 0))
        return Null(key, lambda: absorbed_nulls(self, panel, panel.array(names), nothing).shifted(np.empty(0)))

    def batch(self, panel: Panel, weights: Weights | None, estimand: Estimand) -> JointBatch:
        """Return what fits the regression to many outcomes at once, one by one where its kind has no faster way."""
        if self.effects not in KINDS:
            columns = self.design(panel, weights)
            rule, transform = linear_rule(columns, self.rule), columns.transform
            if rule is not None and transform is not None:
                return LinearFits(columns, transform, partial(coefficient_of, columns.names), estimand, rule)
        return OneByOne(self.by_errors, panel, weights, estimand)

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> list[Restrictions]:
        """Return the coefficient of each focal term as a restriction; other focal terms stay in its null model."""
        from digicarbon.model._panel_restrictions import restrictions_of

        made = panel.with_terms(self.terms)
        return [restrictions_of(self, made, term, weights) for term in result.focal]

    def contrasts(self, panel: Panel, weights: Weights | None) -> Contrasts:
        """Return combinations of coefficients as restrictions."""
        from digicarbon.model._panel_restrictions import Contrasts

        return Contrasts(self.by_errors, panel.with_terms(self.terms), weights)

    def filters(self, panel: Panel, weights: Weights) -> bool:
        """Return whether the panel is balanced and these weights hold its units; not with further absorbed effects."""
        if self.absorbs:
            return False
        from digicarbon.model._panel_batch import fitting_weights

        return bool(fitting_weights(panel.with_terms(self.terms), self.fixed, [weights]))

    def _needs_no_caution(self, result: Result, panel: Panel, weights: Weights | None) -> bool:
        """Return whether the design says already that no unit has much of the variation of a focal term."""
        own = type(self) is PanelRegression and self.observation_weights is None
        return own and self._clearly_even(self.design(panel, weights), result)

    def _clearly_even(self, columns: Columns, result: Result) -> bool:
        # with time effects alone there is another caution; the note is on regressors before any is left out
        return (
            self.fixed in ("unit", "two_way")
            and self.estimator == "within"
            and self.collinear == "refuse"
            and not self.absorbs
            and columns.clearly_even(result.focal)
        )

    def cautions(self, result: Result, panel: Panel, weights: Weights | None) -> list[Note]:
        """Return what a reader must know before the p values of the wild bootstrap."""
        return [] if self._needs_no_caution(result, panel, weights) else self.looked_for(result, panel)

    def looked_for(self, result: Result, panel: Panel) -> list[Note]:
        """Return the `cautions` of a result of this regression, or of a model that is this regression."""
        from digicarbon.model.cautions import leverage, unit_effects_left_out

        model, made = self.interacted(panel)
        by = model.observation_weights
        made = made.with_terms(model.terms)
        weighting = None if by is None else Weighting.of(made, by)
        further = absorption(made, model.fixed, model.absorb, model.trends, weighting)
        terms = made.expanded(model.regressors, among=model.terms)
        notes = leverage(made, result.focal, terms, model.fixed, by, further)
        if by is not None or further:
            # the F test is that of a regression without weights
            return [*notes]
        return [*notes, *unit_effects_left_out(made, self.y, terms, model.fixed, None)]

    @property
    def without_groups(self) -> PanelRegression:
        """The regression with one coefficient for all groups of units."""
        return self

    def interacted(self, panel: Panel) -> tuple[PanelRegression, Panel]:
        """Return the regression as it is fitted, on interactions if there are groups, and the panel with its terms."""
        return self, panel.with_terms(self.terms)

    def slopes(self, panel: Panel) -> Mapping[str, tuple[str, ...]]:
        """Return the coefficients of each focal term, of which there are several where groups have their own."""
        made = panel.with_terms(self.terms)
        return {name: (name,) for name in made.expanded(self.x, among=self.terms)}

    def extract(self, panel: Panel, weights: Weights | None) -> Extract:
        """Return outcome, regressors and weights, the column by which rows weigh, and those of groups and trends."""
        from digicarbon.script.extract import Extract

        made = panel.with_terms(self.terms)
        names = made.expanded(self.regressors, among=self.terms)
        if self.collinear == "drop":
            names = tuple(name for name in names if name in self.design(panel, weights).names)
        column = self.observation_weights
        left = made if column is None else positive_rows(made, column)[0]
        found = Extract.of(left, self.y, names, weights, column)
        groups = group_columns(left, self.absorb, self.trends, self.own_clusters)
        return replace(found, columns={**found.columns, **groups}) if groups else found

    @property
    def rule(self) -> Rule:
        """How the covariance is made."""
        return Rule(self.cov, self.cluster, self.bandwidth, self.kernel, self.small_sample)

    @property
    def _can_be_indefinite(self) -> bool:
        return self.cov == "conley" or (
            self.cov == "cluster" and (self.cluster == "both" or len(self.own_clusters) > 1)
        )

    @property
    def _absorbed(self) -> tuple[str, ...]:
        if self.estimator == "between":
            return ()
        return (*EFFECTS_OF[self.fixed], *self.absorb)

    @property
    def _of_other_rows(self) -> bool:
        """Whether its observations are means or differences of rows."""
        return self.estimator in ("between", "first_difference")

    @property
    def _kind(self) -> str:
        if self._of_other_rows:
            return self.estimator
        if self.effects in KINDS:
            return self.effects
        if self.effects == "none":
            return "fe_absorbed" if self.absorbs else "pooled"
        return f"{'lsdv' if self.estimator == 'lsdv' else 'fe'}_{self.effects}"

    def design(self, panel: Panel, weights: Weights | None = None) -> Columns:
        """Return what least squares is run on, after every check, also for diagnostics and for models built on it."""
        require_panel(panel)
        columns = columns_of(panel, self.terms)
        if columns is None or type(self) is not PanelRegression:
            # another class may read more
            return self._made(panel, weights)
        fields = (value for name, value in self.__dict__.items() if name not in _OF_ERRORS)
        key = (*fields, *columns, weights)
        return LATEST.once(key, lambda: self._made(panel, weights), lambda made: made.values.nbytes)

    def _made(self, panel: Panel, weights: Weights | None) -> Columns:
        if self.formula is not None:
            match(self.formula, self.effects, panel)
        if self.uses_weights:
            kernel_of(weights, self.kernel, panel)
        whole, panel = panel, panel.with_terms(self.terms)
        names = panel.expanded(self.regressors, among=self.terms)
        left = panel if self.observation_weights is None else positive_rows(panel, self.observation_weights)[0]
        refuse_single_period(left, self._effects_words, lagged=left.periods != whole.periods)
        columns = self._transformed(left, names)
        if self.collinear == "drop" and (gone := self._redundant(columns)):
            kept = tuple(name for name in names if name not in gone)
            if set(kept) & set(panel.expanded(self.x, among=self.terms)):
                columns = self._transformed(left, kept)
                dropped = Note("dropped_collinear", terms=gone, after=after_absorption(self.effects, self._further))
                columns = replace(columns, notes=(dropped, *columns.notes))
        if self.own_clusters:
            columns = replace(columns, clusters=clusters_by(left, self.cluster))
        if left is not panel:
            columns = of_rows(columns, panel, str(self.observation_weights))
        refuse_few_groups(columns, self.rule)
        if self.rule.counts_periods(columns.rows.t) and not panel.ordered:
            raise DataError(Note("cov_needs_calendar", cov=self.cov, why=panel.index.calendar.problem))
        values = columns.unscaled
        z = values[:, :-1]
        if self._further:
            refuse_too_many_groups(len(z), z.shape[1], columns.absorbed, self.effects, self._further)
        refuse_too_small(len(z), z.shape[1] + columns.absorbed, self.effects)
        further = self._further
        if self.constant:
            # what the effects absorb is seen without the grand means
            refuse_unidentified(
                columns.names[1:],
                z[:, 1:] - z[:, 1:].mean(axis=0),
                columns.raw[:, 1:-1],
                columns.removed,
                self._further,
            )
        elif not columns.clear:
            refuse_unidentified(columns.names, z, columns.raw[:, :-1], columns.removed, further)
        if not columns.varies:
            raise DataError(Note("nothing_to_explain", y=self.y, after=after_absorption(self.effects, self._further)))
        return columns

    @property
    def _further(self) -> tuple[str, ...]:
        """What further effects and trends are called in messages."""
        return (*self.absorb, *(() if self.trends is None else (f"{self.trends}[t]",)))

    def _redundant(self, columns: Columns) -> tuple[str, ...]:
        """Return the regressors that effects absorb, or that depend on those before them."""
        z, raw = columns.unscaled[:, :-1], columns.raw[:, :-1]
        if self.constant:
            z, raw = z[:, 1:] - z[:, 1:].mean(axis=0), raw[:, 1:]
        elif columns.clear:
            return ()
        names = columns.names[-z.shape[1] :]
        gone = vanishing(z, raw)
        rest = [place for place in range(len(names)) if place not in gone]
        gone += [rest[place] for place, _ in dependent(z[:, rest])]
        return tuple(names[place] for place in sorted(gone))

    def _transformed(self, panel: Panel, names: tuple[str, ...]) -> Columns:
        if self.estimator == "between":
            return transformed.between(panel, names, self.y, self.fixed)
        if self.estimator == "first_difference":
            return transformed.first_difference(panel, names, self.y, self.fixed)
        weighting = None if self.observation_weights is None else Weighting.of(panel, self.observation_weights)
        if self.estimator == "lsdv":
            plain = transformed.dummies(panel, names, self.y, self.fixed)
            return plain if weighting is None else transformed.scaled(plain, weighting)
        further = absorption(panel, self.fixed, self.absorb, self.trends, weighting)
        if weighting is not None:
            return transformed.weighted(panel, names, self.y, self.fixed, weighting, self.constant, further)
        if self.effects in KINDS:
            random = next(kind for kind in KINDS if kind == self.effects)
            return transformed.quasi_demeaned(panel, names, self.y, random, self.variance)
        return transformed.within(panel, names, self.y, self.fixed, self.constant, len(self.x), further)

    @property
    def _effects_words(self) -> str:
        """The fixed effects that need several units or periods as these random ones do."""
        return FIXED.get(self.effects, self.effects)

    def _linearmodels(self, panel: Panel, columns: Columns) -> tuple[Fit, FloatArray]:
        """Return the fit and its covariance from linearmodels, our small-sample factor applied."""
        from linearmodels.panel import PanelOLS

        rows, weighting = columns.rows, columns.weighting
        index = pd.MultiIndex.from_arrays([rows.unit_codes, rows.period_codes], names=["unit", "time"])
        model = PanelOLS(
            pd.Series(columns.raw[:, -1], index=index, name=self.y),
            pd.DataFrame(columns.raw[:, :-1], index=index, columns=list(columns.names)),
            entity_effects=self.fixed in ("unit", "two_way"),
            time_effects=self.fixed in ("time", "two_way"),
            singletons=True,
            weights=None if weighting is None else pd.Series(weighting.values, index=index, name="weights"),
        )
        if self.cov == "cluster":
            by = {"cluster_entity": self.cluster == "unit", "cluster_time": self.cluster == "time"}
            found = model.fit(
                cov_type="clustered", debiased=False, group_debias=False, auto_df=False, count_effects=False, **by
            )
            covariance = np.asarray(found.cov) * factor_of(columns, self.rule)
        elif self.cov == "robust":
            found = model.fit(cov_type="robust", debiased=False, auto_df=False, count_effects=False)
            covariance = np.asarray(found.cov) * factor_of(columns, self.rule)
        else:
            found = model.fit(cov_type="unadjusted", debiased=True)
            covariance = np.asarray(found.cov)
        residuals = np.asarray(found.resids) * (1 if weighting is None else weighting.root)
        return Fit(np.asarray(found.params), columns.fit.root, residuals, float(found.resid_ss)), covariance


@lru_cache(maxsize=1024)
def regression_with(**fields: Any) -> PanelRegression:
    """Return the regression with these fields, for models that are made of one; p values are those of its errors.

    A plan asks several times for the regression of a run, and checking its fields takes longer than many fits.
    """
    return PanelRegression(**{"test": "errors"} | fields)
