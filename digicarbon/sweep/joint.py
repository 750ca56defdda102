"""The joint test of a multiverse: whether its whole specification curve exceeds what chance would give."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon import progress
from digicarbon.arrays import IntArray
from digicarbon.errors import ConfigError, DigicarbonError, EstimationError
from digicarbon.model import Model
from digicarbon.model.arranged import few_carriers
from digicarbon.model.batch import Batch, Estimand, Null, estimate_of
from digicarbon.model.in_space import patterns_among
from digicarbon.model.tested import Tested
from digicarbon.model.wild import MOST_BASIS
from digicarbon.note import Note, cut
from digicarbon.numeric.resampling.curve_statistics import CurveStatistics, curve_statistics
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.step_down import adjusted, step_down
from digicarbon.numeric.resampling.unit_permutation import period_classes, permutations, within_classes
from digicarbon.numeric.resampling.unit_wild import basis_of, draws_of
from digicarbon.numeric.significance import is_significant
from digicarbon.numeric.slices import slices
from digicarbon.panel import Panel, parse, variables_of
from digicarbon.plan.runs import Run
from digicarbon.report.focal import IN_PIECES, before_effect
from digicarbon.report.joint import COLUMNS, EACH, FACETS, STATISTICS, Joint, JointMethod
from digicarbon.result import AS_COEFFICIENT, RATIOS, Quantity, Result, RunEffect
from digicarbon.spec import identity
from digicarbon.weights import Weights

_Absent = tuple[str, Note]
"""The label of a run that is not in the test, and why."""
CELLS = 1 << 22
"""Numbers that the outcomes of one block of draws may hold; a block takes a few times as much."""
MOST_ESTIMATES = 1 << 26
"""z of all draws at most, and the estimates that are made of them (four and eight bytes each, 0.8 gigabytes)."""
QUANTILES = (0.025, 0.5, 0.975)
"""Low end, middle and high end under the null."""
AGREE = np.array([1e-6, 2e-3])
"""How far estimate and z of a batched fit of the observed outcome may be from the recorded ones, in shares of them.

The information matrix of nearly dependent lags (all lags of ten units) gives three digits of z."""


@dataclass(frozen=True, eq=False)
class Specification:
    """One estimate of the curve.

    ``place`` is its position in the experiment, ``z`` the observed one.
    """

    place: int
    run: Run
    estimand: Estimand
    estimate: float
    se: float

    @property
    def z(self) -> float:
        """The estimate divided by its standard error; not-a-number without one."""
        return self.estimate / self.se if self.se > 0 else float("nan")

    @property
    def model(self) -> Model:
        """The model of the run."""
        return self.run.specs.model

    @property
    def weights(self) -> Weights | None:
        """The weights of the run."""
        return self.run.prepared.weights

    @property
    def panel(self) -> Panel:
        """The panel of the run with every term of its model."""
        return self.run.prepared.panel.with_terms(self.model.terms)


@dataclass(eq=False)
class _Test:
    """The specifications on the curve, and how many of them have no spatial lag under the null or are fitted singly.

    ``unmoved`` is the largest number of units that no draw moves; ``endless`` the number of those whose long run is
    tested while their null model is not stable, ``largest_root`` the largest one of these models. ``weighted`` says
    what draws give random weights to, ``patterned`` whether these are patterns in space.
    """

    members: list[Specification] = field(default_factory=list)
    unfiltered: int = 0
    single_fits: int = 0
    unmoved: int = 0
    endless: int = 0
    largest_root: float = 0.0
    weighted: Note | None = None
    patterned: bool = False


def joint_test(
    fits: Iterable[tuple[Run, Result]],
    quantity: Quantity = "coefficient",
    draws: int = 999,
    seed: int = 1,
    level: float = 0.05,
    term: str | None = None,
    method: JointMethod = "wild",
) -> Joint:
    """Test whether the estimates of all specifications, taken together, are compatible with no effect at all.

    The same draws give the p value of each specification, and step-down p values that hold for all of them together.

    Parameters
    ----------
    fits : iterable of (Run, Result)
        Runs of a plan with their results, read once; only the estimate of a result is kept.
    quantity : {"coefficient", "direct", "indirect", "total"}
        The estimand. The coefficient of a model without spatial effects counts as its direct and its total effect.
    draws : int
        Data sets without an effect, shared by all specifications.
    seed : int
    level : float
        The largest p value that counts as significant.
    term : str, optional
        The focal term; by default the first of each run.
    method : {"wild", "permutation"}
        How a data set is drawn: residuals get random weights, or they are exchanged between units, which supposes that
        units have equal variances.

    Returns
    -------
    Joint
        Where estimates have different units there is no common curve: the result has the p values of each specification
        alone, since z has no unit.

    Raises
    ------
    ConfigError
        If no run can be tested, there would be too many estimates, specifications declare different clusters, or units
        of declared clusters would be exchanged one by one.

    Notes
    -----
    For each specification a null model is fitted: all focal terms, terms computed from them and their spatial lags are
    left out. Its structural residuals, corrected for leverage by unit, get random weights, the same in all
    specifications: those of the patterns of the average of their W in space, which keep how far errors lie together, or
    one sign for each whole unit where none has a W that holds all units (`digicarbon.numeric.resampling.draws`), or for
    each whole cluster where a specification declares a column of clusters.
    Outcomes are regenerated through the inverse of the spatial filter, and the specification is fitted to them
    (`digicarbon.numeric.resampling.unit_wild`). Permutations exchange the residuals of whole units instead. The curve
    of a draw has its z times the observed standard errors. p is (1 + the number of draws as extreme) / (1 + draws),
    two-sided: each curve is measured in its own dominant sign, the median by its absolute value.

    References
    ----------
    Simonsohn, Simmons & Nelson (2020), Nature Human Behaviour 4; Cameron, Gelbach & Miller (2008), Review of Economics
    and Statistics 90; Romano & Wolf (2005), Econometrica 73; Phipson & Smyth (2010), Statistical Applications in
    Genetics and Molecular Biology 9. Permutations: Freedman & Lane (1983), Journal of Business & Economic Statistics 1.
    """
    if draws < 1:
        raise ConfigError(Note("joint_without_draws", draws=draws))
    specifications, absent, runs = _specifications(fits, quantity, term)
    other_units = other_units_of(specifications)
    chosen, facets = _without_facets(specifications)
    groups, more_absent = _grouped(chosen)
    absent += more_absent
    chosen = [specification for _, members in groups for specification in members]
    if not chosen:
        raise _no_run(absent, runs)
    if len(chosen) * draws > MOST_ESTIMATES:
        raise ConfigError(
            Note(
                "joint_too_large",
                specifications=len(chosen),
                draws=draws,
                most=MOST_ESTIMATES,
                fewer=MOST_ESTIMATES // len(chosen),
            )
        )
    from threadpoolctl import threadpool_limits

    # the matrices are small: threads would mostly wait for each other
    def under_the_null(by_units: bool = False) -> tuple[NDArray[np.float32], _Test, list[_Absent]]:
        with threadpool_limits(1), progress.phase(Note("phase_joint_test"), len(chosen) * draws) as advance:
            return _under_the_null(groups, method, draws, seed, advance, by_units)

    drawn, test, more_absent = under_the_null()
    chosen, absent = test.members, absent + more_absent
    if not chosen:
        raise _no_run(absent, runs)
    notes = [*_left_out(absent, runs), *facets, *_about(test, quantity)]
    if not is_significant(smallest := 1 / (1 + draws), level):
        notes.append(Note("joint_few_draws", draws=draws, smallest=smallest, level=level))
    each = _each(chosen, drawn[:, 1:])
    lost = 1 - np.isfinite(drawn[:, 1:]).mean(axis=1)
    estimate, se = np.array([(one.estimate, one.se) for one in chosen]).T
    statistics, curves = curve_statistics(estimate, se, drawn, level)
    if statistics.missing:
        most = int(lost.argmax())
        notes.append(Note("missing_draws", share=statistics.missing))
        if len(chosen) > 1:
            notes.append(Note("missing_draws_most", label=chosen[most].run.label, share=float(lost[most])))
    if other_units is None:
        dominant: Literal["+", "-", ""] = "+" if statistics.dominant[0] > 0 else "-"
        summary, band = _summary(statistics), np.array([np.nanquantile(rank, QUANTILES) for rank in curves])
    else:
        dominant, summary, band = "", pd.DataFrame(columns=list(COLUMNS)), np.empty((0, 3))
        notes.insert(0, Note("no_joint_test", reason=other_units))
    if test.patterned and not test.single_fits:
        del drawn, curves
        drawn = under_the_null(by_units=True)[0]
        if other_units is None:
            p = curve_statistics(estimate, se, drawn, level)[0].p()
            sides = _other_sides(summary["p"], list(p.values()), level)
            notes.append(Note("joint_curve_by_units", **p, **sides, level=level))
        sides = _other_sides(each["step_down"], _each(chosen, drawn[:, 1:])["step_down"], level)
        notes.append(Note("joint_each_by_units", **sides, level=level))
    ranks = np.arange(1, len(band) + 1)
    return Joint(
        estimand=quantity,
        draws=draws,
        seed=seed,
        specifications=len(chosen),
        dominant=dominant,
        statistics=summary,
        null_band=pd.DataFrame({"rank": ranks, "low": band[:, 0], "median": band[:, 1], "high": band[:, 2]}),
        notes=tuple(notes),
        method=method,
        each=each,
    )


def _no_run(absent: Sequence[_Absent], runs: int) -> ConfigError:
    reasons = _left_out(absent, runs)
    return ConfigError(Note("no_run_in_joint", reasons=Note("all_reasons", reasons=reasons) if reasons else ""))


def _specifications(
    fits: Iterable[tuple[Run, Result]], quantity: Quantity, term: str | None
) -> tuple[list[Specification], list[_Absent], int]:
    """Return the estimates of the curve, labels and reasons of the runs that have none, and the number of runs."""
    specifications, absent, runs = [], [], 0
    for run, result in fits:
        runs += 1
        estimand, why = estimand_of(run, result, quantity, term)
        numbers = None if estimand is None else estimate_of(result, estimand)
        if estimand is None or numbers is None or not np.isfinite(numbers[0]):
            absent.append((run.label, why or _no_number(quantity, run)))
            continue
        specifications.append(Specification(runs, run, estimand, *numbers))
    return specifications, absent, runs


def estimand_of(run: Run, result: Result, quantity: Quantity, term: str | None) -> tuple[Estimand | None, Note | None]:
    """Return the estimand of a run that is on the curve, or why none is."""
    focal = [name for name in result.focal if name in result.terms]
    if not focal:
        return None, Note("why_no_coefficient")
    if result.end:
        return None, Note("why_beyond" if result.end_beyond else "why_at_boundary", parameter=result.end)
    if result.has_powers:
        return None, Note("why_powers")
    # as on the curve: a model that has effects but no total one shows the last of them
    shown = result.quantity(RunEffect(quantity))
    if term is not None:
        return (Estimand(shown, term), None) if term in focal else (None, Note("why_no_term", term=term))
    if result.in_pieces:
        return None, Note("why_pieces", pieces=IN_PIECES)
    return Estimand(shown, focal[0]), None


def _no_number(quantity: Quantity, run: Run) -> Note:
    if quantity == "coefficient":
        return Note("why_not_finite")
    if quantity in RATIOS:
        dynamic = quantity in run.specs.model.quantities
        return Note("why_no_long_run" if dynamic else "why_no_past", estimand=before_effect(quantity))
    return Note("why_no_effect", estimand=before_effect(quantity))


def other_units_of(specifications: Sequence[Specification]) -> Note | None:
    """Return which estimates have different units; None if all have the same."""
    scales: dict[tuple[Note, Note], str] = {}
    for one in specifications:
        scales.setdefault((_scale(one.estimand.term, one), _scale(one.model.y, one)), one.run.label)
    if len(scales) > 1:
        (first, label), (second, other) = list(scales.items())[:2]
        return Note(
            "joint_of_other_units",
            label=label,
            term=first[0],
            y=first[1],
            other=other,
            other_term=second[0],
            other_y=second[1],
        )
    return None


def _scale(term: str, one: Specification) -> Note:
    """Return the unit of measurement of a term: equal notes for commensurable terms."""
    factors = parse(term)
    if factors is None or len(factors) > 1 or factors[0].power > 1 or factors[0].dummies:
        if factors and (len(factors) > 1 or factors[0].power > 1):
            return Note("scale_of_term", term=term)
        name, differences = term, False
    else:
        atom = factors[0].atom
        name, differences = atom.variable, atom.operator == "D"
    if name.startswith("ln_"):
        scale = Note("scale_logarithms")
    elif one.run.specs.measure.standardise and any(
        name in variables_of([column]) for column in one.run.specs.measure.terms
    ):
        scale = Note("scale_standardised")
    else:
        scale = Note("scale_levels", variable=name)
    return Note("scale_differences", of=scale) if differences else scale


def _without_facets(specifications: Sequence[Specification]) -> tuple[list[Specification], tuple[Note, ...]]:
    """Return each specification once, whatever its standard errors, and a note on the number of the others."""
    first: dict[Hashable, Specification] = {}
    for one in specifications:
        first.setdefault(estimate_key(one), one)
    more = len(specifications) - len(first)
    if not more:
        return list(first.values()), ()
    return list(first.values()), (Note("other_errors", runs=more, every=len(specifications)),)


def estimate_key(one: Specification) -> Hashable:
    """Return a key that is equal for runs that must have the same estimate."""
    model, panel = one.model, one.panel
    # weights that only the covariance uses do not change the estimate
    weights = one.weights.digest if one.weights is not None and model.takes_weights else None
    return identity(model, FACETS), one.estimand, panel.digest_of(panel.expanded(model.terms)), weights


def _grouped(chosen: Sequence[Specification]) -> tuple[list[tuple[Null, list[Specification]]], list[_Absent]]:
    """Return specifications by their null model, and labels and reasons of those that have none."""
    candidates = list({one.weights.digest: one.weights for one in chosen if one.weights is not None}.values())
    groups: dict[Hashable, tuple[Null, list[Specification]]] = {}
    absent = []
    for one in chosen:
        if variables_of([one.model.y])[0] in variables_of(one.model.regressors):
            absent.append((one.run.label, Note("why_own_past")))
            continue
        null = one.model.null(one.panel, one.weights, candidates)
        if null is None:
            absent.append((one.run.label, Note("why_no_null_fit", model=type(one.model).__name__)))
            continue
        groups.setdefault(null.key, (null, []))[1].append(one)
    # specifications of the same W follow each other, to share what is computed from it
    return sorted(groups.values(), key=lambda group: _weights_digest(group[1][0])), absent


def _weights_digest(one: Specification) -> str:
    return "" if one.weights is None else one.weights.digest


class _Permuted:
    """Residuals exchanged between units."""

    def __init__(self, null: NullModel, units: IntArray) -> None:
        self._null, self._units = null, units

    def prepared(self, batch: Batch, block: slice) -> Any:
        """Return the observed outcome and those of a block of draws as a batch takes them."""
        return batch.prepare(np.column_stack([self._null.y, self._null.outcomes(self._units[block])]))


class _Weighted:
    """Random weights of the residuals of units, or of patterns in space."""

    def __init__(self, null: NullModel, draws: Draws) -> None:
        self._null, self._draws = draws.of(null), draws
        # few units: a batch takes effects out of a column per weight instead of one per draw
        small = len(null.y) * (draws.weights.shape[1] + 2) <= MOST_BASIS
        self._basis = np.column_stack([null.y, basis_of(self._null)]) if small else None
        self._bases: dict[Hashable, Any] = {}

    def prepared(self, batch: Batch, block: slice) -> Any:
        """Return the observed outcome and those of a block of draws as a batch takes them."""
        if self._basis is None:
            return batch.prepare(np.column_stack([self._null.y, draws_of(self._null, self._draws, block)]))
        if batch.key not in self._bases:
            self._bases[batch.key] = batch.prepare(self._basis)
        drawn = self._draws.combining[:, block]
        weights = np.zeros((1 + len(drawn), 1 + drawn.shape[1]))
        weights[0, 0] = 1
        weights[1:, 1:] = drawn
        return batch.combine(self._bases[batch.key], weights)


def _under_the_null(
    groups: Sequence[tuple[Null, list[Specification]]],
    method: JointMethod,
    draws: int,
    seed: int,
    advance: progress.Advance,
    by_units: bool,
) -> tuple[NDArray[np.float32], _Test, list[_Absent]]:
    """Return z, shape (S, 1 + draws), the S specifications, and runs without a null.

    The observed outcome is the first column. ``by_units``: whether draws are signs of units whatever models say.
    """
    units = sorted({unit for _, members in groups for unit in members[0].panel.units})
    whole = permutations(len(units), draws, seed) if method == "permutation" else None
    clusters = _clusters([one for _, members in groups for one in members], method)
    # one basis for all specifications: draws of two that have other patterns would not belong together
    used = {one.weights.digest: one.weights for _, members in groups for one in members if one.weights is not None}
    by_units |= all(isinstance(one.model, Tested) and one.model.signs == "units" for _, own in groups for one in own)
    patterns = None if by_units or clusters else patterns_among(units, list(used.values()))
    position = {unit: place for place, unit in enumerate(units)}
    every = sum(len(members) for _, members in groups)
    z = np.empty((every, 1 + draws), dtype=np.float32)
    test, absent = _Test(), []
    if whole is None and patterns is not None:
        test.weighted, test.patterned = Note("joint_by_patterns"), True
    elif whole is None:
        test.weighted = Note("joint_by_clusters") if clusters else Note("joint_by_units")
    for null, members in groups:
        try:
            fitted = null.fit()
        except DigicarbonError as error:
            why = Note("why_no_null", reason=error)
            absent += [(one.run.label, why) for one in members]
            continue
        place, labels = len(test.members), members[0].panel.units
        if whole is None:
            # signs belong to labels, so that samples of other units share the draws
            own = None if patterns is None else patterns.of(np.array([position[unit] for unit in labels]))
            signs = signs_of([clusters.get(label, label) for label in labels], draws, seed, every=False)
            outcomes: _Weighted | _Permuted = _Weighted(fitted, Draws(signs, own, draws, seed))
        else:
            classes = period_classes(fitted.rows)
            test.unmoved = max(test.unmoved, int((np.bincount(classes)[classes] == 1).sum()))
            outcomes = _Permuted(fitted, within_classes(whole, np.array([position[unit] for unit in labels]), classes))
        for block in slices(draws, CELLS // len(fitted.y)):
            test.single_fits += _block(outcomes, members, z, (place, block))
            advance(place * draws + block.stop * len(members))
        test.members += members
        test.unfiltered += 0 if fitted.spatial else len(members)
        if not fitted.root < 1:
            test.endless += sum(one.estimand.quantity in RATIOS for one in members)
            test.largest_root = max(test.largest_root, fitted.root)
    tested = len(test.members)
    return z[:tested], test, absent


def _clusters(specifications: Sequence[Specification], method: JointMethod) -> dict[str, str]:
    """Return the cluster of each unit for which a specification declares one: all share its sign.

    Draws are the same for all specifications, so that a level that one declares holds for those by unit, too.
    """
    out: dict[str, str] = {}
    for one in specifications:
        if not isinstance(one.model, Tested) or not one.model.own_clusters:
            continue
        of = one.model.levels_of_signs(one.panel)
        if len(set(of)) == len(of):
            continue
        if method == "permutation":
            raise ConfigError(Note("joint_permuted_clusters", label=one.run.label, key="report.method"))
        for unit, cluster in zip(one.panel.units, of, strict=True):
            if out.setdefault(unit, cluster) != cluster:
                raise ConfigError(Note("joint_of_other_clusters", label=one.run.label, key="inference.cluster"))
    return out


def _block(
    outcomes: _Weighted | _Permuted,
    members: Sequence[Specification],
    drawn: NDArray[np.float32],
    at: tuple[int, slice],
) -> int:
    """Fit the specifications of one null model to a block of draws; return how many were fitted one by one.

    The observed outcome is fitted too, to check that the batched fit equals the recorded one.
    """
    ready: dict[Hashable, Any] = {}
    first, block = at
    columns = np.r_[0, np.arange(block.start, block.stop) + 1]
    alone = 0
    for place, one in enumerate(members, first):
        try:
            batch = one.model.batch(one.panel, one.weights, one.estimand)
            if batch.key not in ready:
                ready[batch.key] = outcomes.prepared(batch, block)
            estimate, se = batch.fit(ready[batch.key])
        except DigicarbonError as error:
            raise EstimationError(Note("joint_draw_not_fitted", label=one.run.label, why=error)) from error
        with np.errstate(divide="ignore", invalid="ignore"):
            z = estimate / se
        _refuse_another_fit(one, float(estimate[0]), float(z[0]))
        drawn[place, columns] = z
        alone += batch.key == "one by one" and block.start == 0
    return alone


def _each(chosen: Sequence[Specification], drawn: NDArray[np.float32]) -> pd.DataFrame:
    """Return the p values of each specification, alone and together."""
    z = np.array([one.z for one in chosen])
    stepped = step_down(z, drawn)
    columns = [
        [one.run.label for one in chosen],
        [one.estimand.quantity for one in chosen],
        [one.estimand.term for one in chosen],
        np.array([one.estimate for one in chosen]),
        z,
        stepped.p,
        stepped.adjusted,
        adjusted(stepped.p, "holm"),
        adjusted(stepped.p, "bh"),
    ]
    # as in the experiment: specifications of one null model were fitted together
    order = np.argsort([one.place for one in chosen])
    return pd.DataFrame(dict(zip(EACH, columns, strict=True))).iloc[order].reset_index(drop=True)


def _refuse_another_fit(one: Specification, estimate: float, z: float) -> None:
    same = np.isclose([estimate, z], [one.estimate, one.z], rtol=AGREE, atol=1e-10, equal_nan=True)
    if not same.all():
        raise EstimationError(
            Note(
                "joint_other_fit", label=one.run.label, estimate=estimate, z=z, recorded=one.estimate, recorded_z=one.z
            )
        )


def _other_sides(p: Any, by_units: Any, level: float) -> dict[str, int]:
    """Return how many of some p values signs of units put on the other side of a level, and of how many."""
    return {"changed": int((is_significant(p, level) != is_significant(by_units, level)).sum()), "tested": len(p)}


def _summary(curve: CurveStatistics) -> pd.DataFrame:
    """Return the statistics of a curve, observed and under the null, and their p values."""
    rows, p = {}, curve.p()
    for name in STATISTICS:
        values = getattr(curve, name)
        low, middle, high = np.nanquantile(values[1:], QUANTILES)
        rows[name] = (float(values[0]), float(middle), float(low), float(high), p[name])
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))


def _left_out(absent: Sequence[_Absent], runs: int) -> list[Note]:
    """Return a note for each reason why runs are not in the test."""
    labels: dict[Note, list[str]] = {}
    for label, why in absent:
        labels.setdefault(why, []).append(label)
    return [
        Note("not_in_joint", runs=len(names), every=runs, why=why, labels=cut(names)) for why, names in labels.items()
    ]


def _carried_by_few(members: Sequence[Specification]) -> int:
    """Return the number of specifications whose focal term too few units, or clusters, carry for draws of residuals."""
    known: dict[Hashable, bool] = {}
    few = 0
    for one in members:
        model, term = one.model, one.estimand.term
        if not isinstance(model, Tested):
            continue
        key = (one.run.prepared.digest, term, model.x, model.carried_after, model.own_clusters)
        if key not in known:
            panel = one.panel
            terms = panel.expanded(model.x, among=model.terms)
            names = [term] if term in terms else terms
            known[key] = bool(few_carriers(model, panel, model.carried_after, names))
        few += known[key]
    return few


def _about(test: _Test, quantity: Quantity) -> list[Note]:
    """Return notes on the null hypothesis."""
    members = test.members
    notes = [] if test.weighted is None else [test.weighted]
    without_effects = [one for one in members if quantity not in one.model.quantities]
    plain = len(without_effects)
    # measured for coefficients and direct effects, docs/joint.md; total effects have no such sizes there
    loose = members if quantity in ("coefficient", "direct") else without_effects
    if test.patterned and loose:
        classic = any(one.model.lag_of_one_variance for one in loose)
        notes.append(Note("joint_patterns_reject", most="14 %" if classic else "8 %"))
    if quantity in AS_COEFFICIENT and plain:
        notes.append(Note("coefficient_as_effect", specifications=plain, estimand=before_effect(quantity)))
    if test.unfiltered:
        notes.append(Note("null_without_lag", specifications=test.unfiltered, every=len(members)))
    if test.endless:
        root = round(test.largest_root, 4)
        notes.append(Note("joint_null_unstable", specifications=test.endless, every=len(members), largest=root))
    few = _carried_by_few(members)
    if few:
        notes.append(Note("joint_few_carry", specifications=few, every=len(members)))
    if test.unmoved:
        notes.append(Note("units_in_place", units=test.unmoved))
    if test.single_fits:
        notes.append(Note("one_by_one", specifications=test.single_fits))
    if any(one.run.prepared.simulated for one in members):
        notes.append(Note("joint_simulated"))
    return notes
