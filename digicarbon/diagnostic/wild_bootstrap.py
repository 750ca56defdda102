"""Wild cluster bootstrap of a regression's coefficients, for few clusters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, get_args

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.diagnostic._arguments import Seed, coverage, real, refuse_unknown, regression_of, whole, with_call
from digicarbon.diagnostic._rows import Findings, followed, in_english
from digicarbon.diagnostic.group_comparison import Draws, refuse_few_draws
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, DataError, EstimationError
from digicarbon.model import Model, PanelRegression
from digicarbon.model._panel_columns import rows_of
from digicarbon.model.base import Level, shown
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.linear.covariance import FEWEST_CLUSTERS, small_sample_factor
from digicarbon.numeric.linear.within import absorb, absorbed_rank
from digicarbon.numeric.resampling.wild_bootstrap import Tails, WildBootstrap, WildWeights, wild_cluster_bootstrap
from digicarbon.panel import Panel
from digicarbon.weights import Weights

Terms = str | Annotated[tuple[str, ...], Field(strict=False)] | dict[str, float] | None
"""One coefficient; several, tested jointly; a linear combination, name -> factor; None: each focal coefficient."""

COLUMNS = ("coef", "se", "stat", "p", "low", "high", "clusters", "draws", "null")


@dataclass(frozen=True, eq=False)
class _Sample:
    """The regression as arrays: columns ``names``, shape (rows, k), before effects are removed, and clusters.

    ``original`` is as the caller specified it, ``model`` as it is fitted: with interactions where coefficients differ
    between groups.
    """

    original: PanelRegression
    model: PanelRegression
    panel: Panel
    names: tuple[str, ...]
    x: FloatArray
    clusters: IntArray


@dataclass(frozen=True, eq=False)
class _Test:
    """A null Rb = r, R of shape (q, k)."""

    name: str | Note
    null: Note
    restrictions: FloatArray
    value: float


@with_call
def wild_bootstrap(
    model: Model,
    panel: Panel,
    term: str | Sequence[str] | Mapping[str, float] | None = None,
    value: float = 0.0,
    weights: WildWeights = "rademacher",
    impose_null: bool = True,
    tails: Tails = "symmetric",
    cluster: str | None = None,
    draws: int = 9999,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Test coefficients of a panel regression with a wild cluster bootstrap.

    Parameters
    ----------
    model : PanelRegression or GroupedRegression
        Pooled or with fixed effects, which are removed; its ``cov`` does not matter.
    panel : Panel
    term : str, sequence or mapping, optional
        A coefficient; several coefficients, for a joint test; or a linear combination such as
        ``{"ln_e[east]": 1, "ln_e[west]": -1}``. By default each focal coefficient separately, and of a
        `GroupedRegression` also their equality in all groups.
    value : float
        Value of the coefficient or combination under the null.
    weights : {"rademacher", "webb"}
        ±1, all 2^G enumerated where that is at most ``draws``; or Webb's six points, for 5 to 11 clusters.
    impose_null : bool
        Whether residuals are those of the estimate under the null (WCR, restricted) or not (WCU).
    tails : {"symmetric", "equal"}
        Two-sided p of |t|, or twice that of the smaller tail.
    cluster : str or None
        ``unit``, ``time`` or a column whose values are the clusters; None: the clusters of the model, or units where
        its errors have none. Where each unit has one row, its clusters are
        single rows and the test is the wild bootstrap for heteroskedasticity, as the table then says.
    draws, seed : int
    level : float
        Coverage of the interval, which is found by inverting the test.

    Returns
    -------
    DataFrame
        Index term; columns coef, se (clustered, the model's small-sample rule), stat, p, low, high, clusters, draws and
        null (a sentence). An infinite bound means that the test rejects no value on that side. Of several restrictions
        stat is the Wald statistic, and there is no interval.

    Raises
    ------
    ConfigError
        If there is no such term, or another argument is wrong, or the model is not a panel regression.
    DataError
        If the cluster column is missing or empty somewhere, or has a different value in each row.
    EstimationError
        If there are fewer than 5 clusters, or the model cannot be fitted.

    Notes
    -----
    See `digicarbon.numeric.resampling.wild_bootstrap.wild_cluster_bootstrap`. Draws at least as large as the statistic
    count, so that p of an enumeration includes the sample itself and its mirror image; ``boottest`` and
    ``wildboottest`` count only larger ones, which gives a p that is smaller by up to 2/2^G and depends on rounding.
    """
    refuse_unknown(weights, get_args(WildWeights), "weights")
    refuse_unknown(tails, get_args(Tails), "tails")
    refuse_few_draws(draws)
    value, level, seed = real(value, "value"), coverage(level), whole(seed, "seed")
    _refuse_no_terms(term)
    # the checks above speak of arguments, not of fields
    asked = WildClusterBootstrap.model_construct(
        model=model,
        term=term
        if term is None or isinstance(term, str)
        else dict(term)
        if isinstance(term, Mapping)
        else tuple(term),
        value=value,
        weights=weights,
        impose_null=impose_null,
        tails=tails,
        cluster=cluster,
        draws=draws,
        seed=seed,
        level=level,
    )
    return Findings(in_english(asked.lines(panel)).set_index("term"))


def _sample(model: Model, panel: Panel, cluster: str) -> _Sample:
    """Return the regression as arrays, after its own checks."""
    regression = regression_of(model)
    if regression is None:
        raise ConfigError(Note("bootstrap_of_other_model", model=type(model).__name__))
    if regression.fixed != regression.effects or regression.estimator not in ("within", "lsdv"):
        raise ConfigError(Note("bootstrap_of_effects", effects=regression.effects, estimator=regression.estimator))
    if regression.small_sample in ("cr2", "cr3"):
        raise ConfigError(Note("bootstrap_of_corrected", rule=regression.small_sample.upper()))
    plain: PanelRegression = regression.model_copy(update={"cov": "classic"})
    plain.check(panel)
    plain, panel = plain.interacted(panel)
    labels, clusters = panel.levels(cluster)
    _refuse_clusters(len(labels), len(clusters), cluster)
    names = panel.expanded(plain.regressors, among=plain.terms)
    x = panel.array(names)
    if plain.fixed == "none":
        names, x = ("const", *names), np.column_stack([np.ones(len(x)), x])
    return _Sample(regression, plain, panel, names, x, clusters)


def _refuse_clusters(count: int, rows: int, cluster: str) -> None:
    """Refuse clusters that are too few, or a column that has none."""
    if count < FEWEST_CLUSTERS:
        # reversing all signs gives the same |t|: two of the 2^G vectors are as large as the sample
        smallest = 2.0 ** (1 - count)
        raise EstimationError(
            Note("bootstrap_few_clusters", clusters=count, by=cluster, fewest=FEWEST_CLUSTERS, smallest=smallest)
        )
    if count == rows and cluster not in ("unit", "time"):
        raise DataError(Note("cluster_of_each_row", column=cluster, rows=rows))


def _refuse_no_terms(term: object) -> None:
    """Refuse a term that is not a name, several names or a mapping of names to factors."""
    if term is None or isinstance(term, str):
        return
    parts = list(term) if isinstance(term, Sequence | Mapping) else [term]
    if not all(isinstance(part, str) for part in parts):
        raise ConfigError(Note("term_no_combination", example="{'ln_e[east]': 1, 'ln_e[west]': -1}", value=repr(term)))
    for name, factor in term.items() if isinstance(term, Mapping) else ():
        real(factor, f"term: the factor of {name}")


def _tests(
    panel: Panel, sample: _Sample, term: str | Sequence[str] | Mapping[str, float] | None, value: float
) -> list[_Test]:
    """Return the tests of ``term``."""
    if term is None:
        by_term = sample.original.slopes(panel)
        equal = [
            _Test(
                Note("all_equal", term=one),
                Note("groups_equal", terms=(one,)),
                np.concatenate([_row(sample, {names[0]: 1.0, name: -1.0}) for name in names[1:]]),
                0.0,
            )
            for one, names in by_term.items()
            if len(names) > 1
        ]
        every = [name for names in by_term.values() for name in names]
        return [
            *(_single_test(sample, name, {name: 1.0}, value) for name in every),
            *map(_restriction_check(sample), equal),
        ]
    if isinstance(term, str):
        return [_single_test(sample, term, {term: 1.0}, value)]
    if isinstance(term, Mapping):
        return [_single_test(sample, _combination(term), term, value)]
    if not term or len(set(term)) < len(term):
        raise ConfigError(Note("term_names_twice", terms=term))
    name = Note("several_terms", terms=term) if len(term) > 1 else term[0]
    rows = np.concatenate([_row(sample, {one: 1.0}) for one in term])
    null = Note("terms_are_jointly" if len(term) > 1 else "terms_are", terms=term, value=value)
    return [_restriction_check(sample)(_Test(name, null, rows, value))]


def _single_test(sample: _Sample, name: str | Note, factors: Mapping[str, float], value: float) -> _Test:
    return _Test(name, Note("terms_are", terms=(name,), value=value), _row(sample, factors), value)


def _restriction_check(sample: _Sample) -> Callable[[_Test], _Test]:
    """Return a function that refuses a joint test of more restrictions than the clusters allow."""
    clusters = int(sample.clusters.max()) + 1

    def checked(test: _Test) -> _Test:
        if len(test.restrictions) >= clusters:
            raise EstimationError(
                Note("restrictions_of_clusters", test=test.name, restrictions=len(test.restrictions), clusters=clusters)
            )
        return test

    return checked


def _combination(factors: Mapping[str, float]) -> str | Note:
    """Return the name of a linear combination, e.g. ``a - 2 b``."""
    if list(factors.values()) == [1, -1]:
        return Note("difference_of", **dict(zip(("first", "second"), factors, strict=True)))
    parts = [
        f"{'-' if factor < 0 else '+'} {'' if abs(factor) == 1 else f'{abs(factor):g} '}{name}"
        for name, factor in factors.items()
    ]
    return " ".join(parts).removeprefix("+ ")


def _row(sample: _Sample, factors: Mapping[str, float]) -> FloatArray:
    unknown = [name for name in factors if name not in sample.names]
    if unknown:
        raise ConfigError(
            Note(
                "no_such_coefficient",
                term=unknown[0],
                hint=suggestion(unknown[0], sample.names),
                coefficients=cut(sample.names, 40),
            )
        )
    row = np.zeros((1, len(sample.names)))
    for name, factor in factors.items():
        row[0, sample.names.index(name)] = factor
    if not row.any():
        raise ConfigError(Note("empty_combination"))
    return row


def _factor(sample: _Sample) -> float:
    """Return the small-sample factor of a clustered variance by the model's rule, for clusters of any kind."""
    panel, clusters, effects = sample.panel, sample.clusters, sample.model.fixed
    # effects of units or periods that are each within one cluster are nested, except their constant
    nested = sum(
        len(np.unique(codes)) - 1
        for kind, codes in (("unit", panel.unit_codes), ("time", panel.period_codes))
        if effects in (kind, "two_way")
        and len(np.unique(np.stack([codes, clusters]), axis=1).T) == len(np.unique(codes))
    )
    absorbed = absorbed_rank(rows_of(panel), effects)
    groups, rows = int(clusters.max()) + 1, len(clusters)
    return small_sample_factor(sample.model.small_sample, groups, rows, len(sample.names), absorbed, nested)


class WildClusterBootstrap(OfModel):
    """Wild cluster bootstrap of the model's coefficients, as a table.

    Attributes
    ----------
    term : str, list of str, mapping of str to float or None
        See `wild_bootstrap`; None takes each focal coefficient.
    value : float
    weights : {"rademacher", "webb"}
    impose_null : bool
    tails : {"symmetric", "equal"}
    cluster : str or None
        ``unit``, ``time`` or a column; None: the clusters of the model, or units where its errors have none.
    draws : int
        Number of bootstrap samples.
    seed : int
        Seed of the random draws.
    level : float
        Of the confidence intervals.
    """

    references: ClassVar[tuple[str, ...]] = ("cameron2008", "roodman2019")

    table_names: ClassVar[tuple[str, ...]] = ("wild_bootstrap",)

    term: Terms = None
    value: float = 0.0
    weights: WildWeights = "rademacher"
    impose_null: bool = True
    tails: Tails = "symmetric"
    cluster: str | None = None
    draws: Draws = 9999
    seed: Seed = 0
    level: Level = 0.95

    @property
    def by(self) -> str:
        """What has one sign; raises a ConfigError if the model's errors have clusters of two kinds."""
        regression = self.model.as_a(PanelRegression) if isinstance(self.model, Model) else None
        if self.cluster is not None or regression is None or regression.cov != "cluster":
            return self.cluster or "unit"
        if regression.cluster == "both" or isinstance(regression.cluster, tuple):
            raise ConfigError(Note("bootstrap_of_two", key="diagnostic.cluster", cluster=shown(regression.cluster)))
        return regression.cluster

    @property
    def terms(self) -> tuple[str, ...]:
        """The model's columns, and that of the clusters as dummies."""
        by = () if self.by in ("unit", "time") else (f"C({self.by})",)
        return tuple(dict.fromkeys([*self.model.terms, *by]))

    @property
    def table_errors(self) -> Mapping[str, Note]:
        """What the table's standard errors are: clustered, whatever the model's are."""
        regression = regression_of(self.model)
        rule = "" if regression is None else regression.small_sample
        return {"wild_bootstrap": Note("errors_wild_bootstrap", by=self.by, rule=rule)}

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the test cannot be made."""
        _tests(panel, _sample(self.model, panel, self.by), self.term, self.value)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the table ``wild_bootstrap``, indexed by term."""
        return {"wild_bootstrap": self.lines(panel).set_index("term")}

    def lines(self, panel: Panel) -> pd.DataFrame:
        """Return the table of `wild_bootstrap` with notes as nulls, and as terms where a row is of several."""
        sample = _sample(self.model, panel, self.by)
        rows, effects = rows_of(sample.panel), sample.model.fixed

        def remove(columns: FloatArray) -> FloatArray:
            return absorb(columns, rows, effects)

        lines, factor = [], _factor(sample)
        for test in _tests(panel, sample, self.term, self.value):
            result = wild_cluster_bootstrap(
                remove(sample.x),
                remove(sample.panel.array([sample.model.y]))[:, 0],
                remove,
                sample.clusters,
                test.restrictions,
                test.value,
                self.weights,
                self.impose_null,
                self.tails,
                self.draws,
                self.level,
                np.random.default_rng(self.seed),
            )
            # a Wald statistic is divided by the variance, t by its square root
            stat = result.statistic / (math.sqrt(factor) if len(test.restrictions) == 1 else factor)
            numbers = (result.estimate + test.value, result.se * math.sqrt(factor), stat, result.p)
            clusters = int(sample.clusters.max()) + 1
            ends = (result.low, result.high, clusters, result.draws)
            lines.append((test.name, *numbers, *ends, self._null_note(test, result, sample)))
        return pd.DataFrame(lines, columns=["term", *COLUMNS])

    def _null_note(self, test: _Test, result: WildBootstrap, sample: _Sample) -> Note:
        """Return the null and how it was tested."""
        clusters = int(sample.clusters.max()) + 1
        weights = {"rademacher": "Rademacher", "webb": "Webb"}[self.weights]
        null = Note(
            "restricted_bootstrap" if self.impose_null else "unrestricted_bootstrap",
            null=test.null,
            by=self.by,
            clusters=clusters,
            how=Note("all_vectors" if result.enumerated else "draws_of_weights", draws=result.draws, weights=weights),
        )
        if result.smallest_p > 1 - self.level:
            null = followed(null, Note("no_smaller_p", p=result.smallest_p))
        if clusters == len(sample.clusters):
            null = followed(null, Note("cluster_per_observation"))
        nonzero = (sample.x[:, test.restrictions.any(axis=0)] != 0).any(axis=1)
        few = len(np.unique(sample.clusters[nonzero]))
        return followed(null, Note("not_zero_in_few", clusters=few)) if few < FEWEST_CLUSTERS else null
