"""Power of a plan before its outcome is seen: all runs fitted to outcomes that are exchanged between units."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from digicarbon import progress
from digicarbon.arrays import FloatArray, IntArray
from digicarbon.errors import ConfigError, DigicarbonError
from digicarbon.model.batch import Batch, Estimand, OneByOne, estimate_of
from digicarbon.note import Note, note_of
from digicarbon.numeric.linear.within import Rows
from digicarbon.numeric.resampling.unit_permutation import period_classes, permutations, within_classes
from digicarbon.panel import Panel, variables_of, without_logarithms
from digicarbon.plan.runs import Run
from digicarbon.report.claim import Claim
from digicarbon.report.kinds import Multiverse
from digicarbon.result import Inference, Result, RunEffect
from digicarbon.sweep.joint import AGREE, Specification, estimand_of, estimate_key, other_units_of

LEVEL = 0.05
"""The level of every test."""
POWER = 0.8
"""The power at which an effect counts as one that would be found."""
TRIES = 5
"""How many exchanged outcomes are tried until a model can be fitted to one."""
MOST_READY = 4
"""How many blocks of outcomes are kept as batches take them."""
COLUMNS = ("off", "sd", "se", "size", "smallest", "power")
"""Columns of the table: how far from zero the mean of the estimates without an effect is, in standard deviations and
without its sign, which would tell something of the real outcome; their standard deviation, the median standard error,
the share of draws in which a test at 5 % rejects, the smallest effect that is found with 80 % power, and the power for
an effect; the last two are not numbers where estimates do not spread around zero."""
OFF_CENTRE = 0.5
"""A mean of so many standard deviations is not zero: an exchange of units keeps what all units have in common."""


MOST_IN_PLACE = 0.2
"""The largest share of units that may keep their own outcome in an exchange: more would tell of the real one."""


@dataclass(frozen=True, eq=False)
class Numbers:
    """Estimate and standard error of a run for each draw, and how they are tested."""

    estimates: FloatArray
    errors: FloatArray
    inference: Inference

    def critical(self, level: float) -> float:
        """Return the critical value of |t|."""
        return Inference(self.inference.df, 1 - level).critical

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """The draws that have both numbers."""
        return np.isfinite(self.estimates) & np.isfinite(self.errors) & (self.errors > 0)

    @cached_property
    def spread(self) -> float:
        """The standard deviation of the estimates; NaN where there are fewer than two."""
        return float(self.estimates[self.known].std(ddof=1)) if self.known.sum() > 1 else float("nan")

    @property
    def off(self) -> float:
        """How far the mean of the estimates is from zero, in standard deviations; NaN where they do not spread."""
        return abs(float(self.estimates[self.known].mean())) / self.spread if self.spread > 0 else float("nan")

    @property
    def centred(self) -> bool:
        """Whether the estimates spread around zero."""
        return self.off <= OFF_CENTRE


@dataclass(frozen=True, eq=False)
class Counted:
    """What is said of specifications that are counted together."""

    name: str
    """The part of the multiverse; empty if there is one."""
    table: pd.DataFrame
    """Their rows of the table."""
    joint: Mapping[str, float]
    """Power of the statistics of the whole curve, by name; empty where there is no common curve."""
    no_joint: Note | None
    """Why there is none."""
    claim: tuple[float, float] | None = None
    """How often the claim holds without an effect, and with it; None if there is no claim, or nothing to judge it
    by."""
    judged: int = 0
    """Specifications by which the claim is judged."""


@dataclass(frozen=True, eq=False)
class Blind:
    """What exchanged outcomes say of a plan.

    ``table``: index: labels of runs; columns: `COLUMNS`. ``parts``: specifications that are counted together: all, or
    those of each main part. ``absent``: labels of runs that cannot be done, and why. ``single``: runs that were fitted
    one outcome after the other. ``unmoved``: the largest number of units that no exchange moves, since no other unit
    has their periods.
    """

    table: pd.DataFrame
    parts: tuple[Counted, ...]
    claim: Claim | None
    absent: Sequence[tuple[str, Note]]
    single: int
    unmoved: int
    draws: int
    seed: int
    effect: float


@dataclass
class _Draws:
    """What all runs share."""

    whole: IntArray
    position: Mapping[str, int]
    single: int = 0
    unmoved: int = 0
    ready: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)

    def prepared(self, batch: Batch, key: Hashable, outcomes: FloatArray) -> Any:
        """Return outcomes as a batch takes them, made once for specifications that take the same."""
        if key not in self.ready:
            self.ready[key] = batch.prepare(outcomes)
            if len(self.ready) > MOST_READY:
                self.ready.popitem(last=False)
        self.ready.move_to_end(key)
        return self.ready[key]


def blind(
    runs: Sequence[Run],
    run_effect: RunEffect,
    draws: int = 200,
    seed: int = 1,
    effect: float = 0.1,
    multiverse: Multiverse | None = None,
    claim: Claim | None = None,
) -> Blind:
    """Fit all runs to outcomes whose whole paths are exchanged between units; the real outcome is fitted by none.

    An exchange keeps the outcome's serial correlation and breaks its relation to all regressors. Estimates then spread
    around zero as they would without an effect.

    ``run_effect``: the number of each run whose power is wanted. ``effect``: the effect whose power is wanted.
    ``multiverse``: which runs are counted together; by default all. ``claim``: stated before; whether it would hold is
    counted. Raises ConfigError if there are too few draws, or no run can be done.

    With σ the standard deviation of a run's estimates over the draws, the smallest effect that a test at 5 % finds with
    80 % power is (z(0.975) + z(0.8)) σ (Bloom 1995, Evaluation Review 19), and the power for an effect e is
    Φ(|e|/σ - z(0.975)) + Φ(-|e|/σ - z(0.975)). The power of the whole curve is the share of draws whose statistic, with
    e added to each estimate, exceeds the 95th percentile of those without. The power of a claim is the share of draws
    in which it holds if |e| is added to each estimate in the direction of the claim.
    """
    if draws < 20:
        raise ConfigError(Note("blind_few_draws", draws=draws))
    if not (np.isfinite(effect) and effect):
        raise ConfigError(Note("blind_no_effect", effect=effect))
    units = sorted({unit for run in runs for unit in run.prepared.panel.units})
    shared = _Draws(permutations(len(units), draws, seed), {unit: place for place, unit in enumerate(units)})
    other = claim is not None and (claim.quantity, claim.term) != (run_effect.quantity, run_effect.term)
    with progress.phase(Note("phase_blind"), len(runs) * (2 if other else 1)) as advance:
        pairs, absent = _of_runs(runs, run_effect, shared, advance)
        if not pairs:
            raise ConfigError(Note("blind_no_run", label=absent[0][0], reason=absent[0][1]))
        # how many were fitted one by one is said of the number that the table has
        single = shared.single
        claimed = pairs
        if claim is not None and other:
            claimed, _ = _of_runs(runs, claim.run_effect, shared, lambda done: advance(len(runs) + done))
    table = pd.DataFrame(
        [_row(own, effect) for _, own in pairs], index=[one.run.label for one, _ in pairs], columns=list(COLUMNS)
    )
    parts = []
    for part in (None,) if multiverse is None else multiverse.main:
        rows = table if part is None else table[part.of(list(table.index))]
        labels = set(rows.index)
        joint, why = _joint([(one, own) for one, own in pairs if one.run.label in labels and own.centred], effect)
        judged = []
        if claim is not None:
            inside = ((one, own) for one, own in claimed if part is None or one.run.label in part.labels)
            judged = [(one, own) for one, own in inside if own.centred]
        power_of_claim = _claim(claim, judged, effect) if claim is not None and judged else None
        parts.append(Counted("" if part is None else part.name, rows, joint, why, power_of_claim, len(judged)))
    return Blind(table, tuple(parts), claim, absent, single, shared.unmoved, draws, seed, effect)


Pair = tuple[Specification, Numbers]


def _of_runs(
    runs: Sequence[Run], run_effect: RunEffect, shared: _Draws, advance: progress.Advance
) -> tuple[list[Pair], list[tuple[str, Note]]]:
    """Return the runs that can be done with their numbers, and why the others cannot."""
    from threadpoolctl import threadpool_limits

    absent: list[tuple[str, Note]] = []
    pairs: list[Pair] = []
    with threadpool_limits(1):
        for place, run in enumerate(runs):
            try:
                estimand, found = _of_run(run, run_effect, shared)
                pairs.append((Specification(place, run, estimand, np.nan, np.nan), found))
            except DigicarbonError as error:
                absent.append((run.label, note_of(error)))
            advance(place + 1)
    return pairs, absent


def _of_run(run: Run, run_effect: RunEffect, shared: _Draws) -> tuple[Estimand, Numbers]:
    """Return the estimand of a run, and its numbers. Raises DigicarbonError if the run cannot be done."""
    model = run.specs.model
    panel = run.prepared.panel.with_terms(model.terms)
    own = _of_outcome(panel, model.y)
    if mixed := [term for term in model.regressors if _mixed(term, model.y) or _derived(run, term)]:
        raise ConfigError(Note("blind_mixed", terms=mixed))
    exchange = _rows(panel, shared)
    # an exchange that leaves all units in their places is the real outcome
    moved = (exchange != np.arange(exchange.shape[1])).any(axis=1)
    estimand, found = _exchanges(run, run_effect, shared, panel, own, exchange[moved])
    every = np.full((2, len(exchange)), np.nan)
    every[:, moved] = found.estimates, found.errors
    return estimand, Numbers(every[0], every[1], found.inference)


def _exchanges(
    run: Run, run_effect: RunEffect, shared: _Draws, panel: Panel, own: Sequence[str], exchange: IntArray
) -> tuple[Estimand, Numbers]:
    """Return the numbers of a run for exchanged outcomes."""
    model = run.specs.model
    first, result = _first(run, panel, own, exchange)
    estimand, why = estimand_of(run, result, run_effect.quantity, run_effect.term)
    if estimand is None or estimate_of(result, estimand) is None:
        raise ConfigError(why or Note("blind_no_number", quantity=run_effect.quantity))
    past = any(name in own for name in panel.expanded(model.regressors, among=model.terms))
    batch = None if past else _batch(run, first, estimand)
    if batch is not None:
        outcomes = panel.column(model.y)[exchange].T
        key = (batch.key, panel.index.digest, panel.columns[model.y].digest)
        try:
            estimates, errors = batch.fit(shared.prepared(batch, key, outcomes))
        except DigicarbonError:
            batch = None
        else:
            # a batch that conditions on something of the outcome would not see the exchange: single fits decide
            if all(_agree(run, panel, own, exchange, place, estimand, (estimates, errors)) for place in (0, -1)):
                return estimand, Numbers(estimates, errors, result.inference)
    shared.single += 1
    both = np.full((2, len(exchange)), np.nan)
    for place, rows in enumerate(exchange):
        fitted = _fit(run, _exchanged(panel, own, rows))
        both[:, place] = (fitted and estimate_of(fitted, estimand)) or (np.nan, np.nan)
    return estimand, Numbers(both[0], both[1], result.inference)


def _batch(run: Run, panel: Panel, estimand: Estimand) -> Batch | None:
    """Return what fits many outcomes at once, made from an exchanged one; None where there is nothing faster."""
    try:
        batch = run.specs.model.batch(panel, run.prepared.weights, estimand)
    except DigicarbonError:
        return None
    return None if batch.key == OneByOne.key else batch


def _agree(
    run: Run,
    panel: Panel,
    own: Sequence[str],
    exchange: IntArray,
    place: int,
    estimand: Estimand,
    found: tuple[FloatArray, FloatArray],
) -> bool:
    """Return whether a batch gives what a single fit to the same outcome gives."""
    result = _fit(run, _exchanged(panel, own, exchange[place]))
    alone = None if result is None else estimate_of(result, estimand)
    both = np.array([found[0][place], found[1][place]])
    if alone is None:
        return not np.isfinite(both).all()
    return bool(np.isclose(both, alone, rtol=AGREE, atol=1e-10, equal_nan=True).all())


def _first(run: Run, panel: Panel, own: Sequence[str], exchange: IntArray) -> tuple[Panel, Result]:
    """Return the first exchanged panel to which the model can be fitted away from any boundary, and the result."""
    last: tuple[Panel, Result] | None = None
    for rows in exchange[:TRIES]:
        exchanged = _exchanged(panel, own, rows)
        result = _fit(run, exchanged)
        if result is not None:
            last = exchanged, result
            if not result.end:
                break
    if last is None:
        # the sentence of the model
        run.specs.model.fit(_exchanged(panel, own, exchange[0]), run.prepared.weights)
        raise ConfigError(Note("why_not_finite"))
    return last


def _fit(run: Run, panel: Panel) -> Result | None:
    try:
        return run.specs.model.described(run.specs.model.fit(panel, run.prepared.weights), panel)
    except DigicarbonError:
        return None


# ---- exchanged outcomes


def _of_outcome(panel: Panel, y: str) -> tuple[str, ...]:
    """Return the panel's columns that are the outcome at some moment, in some form."""
    own = _bare([y])
    return tuple(name for name in panel.names if name == y or (_bare([name]) and _bare([name]) <= own))


def _mixed(term: str, y: str) -> bool:
    """Return whether a term is made of the outcome and of something else."""
    own, of_term = _bare([y]), _bare([term])
    return bool(own & of_term) and not of_term <= own


def _derived(run: Run, term: str) -> bool:
    """Return whether the panel makes a term of the outcome, or of all series that it makes the outcome of."""
    columns, own, names = run.prepared.inputs.frame.columns, _bare([run.specs.model.y]), _bare([term])
    if names <= own:
        return False
    behind = run.specs.panel.columns_behind
    if own & set(behind(names, {*columns, *own})):
        return True
    # the outcome of a room of its own is made of no column of the data that is known here
    of_outcome = set(behind(own, columns))
    return bool(of_outcome) and of_outcome <= set(behind(names, columns))


def _bare(terms: Sequence[str]) -> set[str]:
    return set(map(without_logarithms, variables_of(terms)))


def _exchanged(panel: Panel, own: Sequence[str], rows: IntArray) -> Panel:
    return panel.with_columns({name: np.ascontiguousarray(panel.column(name)[rows]) for name in own})


def _rows(panel: Panel, shared: _Draws) -> IntArray:
    """Return the row whose outcome each row gets, shape (draws, rows): units exchange whole paths of equal periods."""
    n, t = panel.shape
    rows = Rows(panel.unit_codes, panel.period_codes, n, t)
    classes = period_classes(rows)
    sizes = np.bincount(classes)
    sizes = sizes[sizes > 0]
    # in a class of any size one unit keeps its own outcome on average
    if len(sizes) > MOST_IN_PLACE * n:
        raise ConfigError(Note("blind_in_place", units=n, share=len(sizes) / n))
    shared.unmoved = max(shared.unmoved, int((sizes == 1).sum()))
    members = np.array([shared.position[unit] for unit in panel.units])
    units = within_classes(shared.whole, members, classes)
    # rows are in the order of units, then periods
    starts = np.searchsorted(panel.unit_codes, np.arange(n))
    offsets = np.arange(len(panel.unit_codes)) - starts[panel.unit_codes]
    return np.asarray(starts[units[:, panel.unit_codes]] + offsets)


# ---- numbers


def _row(own: Numbers, effect: float) -> list[float]:
    if np.isnan(own.spread):
        return [np.nan] * len(COLUMNS)
    estimates, errors = own.estimates[own.known], own.errors[own.known]
    size = float((np.abs(estimates / errors) >= own.critical(LEVEL)).mean())
    of_effect = [smallest(own.spread), power(effect, own.spread)] if own.centred else [np.nan, np.nan]
    return [own.off, own.spread, float(np.median(errors)), size, *of_effect]


def smallest(spread: float) -> float:
    """Return the smallest effect that a test at 5 % finds with 80 % power, given the estimates' standard deviation."""
    return float((scipy.special.ndtri(1 - LEVEL / 2) + scipy.special.ndtri(POWER)) * spread)


def power(effect: float, spread: float) -> float:
    """Return the power of a test at 5 % for an effect, given the estimates' standard deviation."""
    if not spread > 0:
        return float("nan")
    z, size = scipy.special.ndtri(1 - LEVEL / 2), abs(effect) / spread
    return float(scipy.special.ndtr(size - z) + scipy.special.ndtr(-size - z))


def _joint(pairs: Sequence[Pair], effect: float) -> tuple[Mapping[str, float], Note | None]:
    """Return the power of the statistics of the whole curve, or why there is none."""
    curve = _curve(pairs)
    if isinstance(curve, Note):
        return {}, curve
    without, with_effect = (dict(_statistics(curve[0] + shift, *curve[1:])) for shift in (0.0, effect))
    return {
        name: float(np.nanmean(with_effect[name] > np.nanquantile(without[name], 1 - LEVEL, method="higher")))
        for name in without
    }, None


def _curve(pairs: Sequence[Pair]) -> tuple[FloatArray, FloatArray, FloatArray] | Note:
    """Return estimates, standard errors and critical values of the whole curve, or why there is none."""
    if len(pairs) < 2:
        return Note("blind_one_run")
    why = other_units_of([one for one, _ in pairs])
    if why is not None:
        return why
    # one specification for each estimate, whatever its standard errors
    first: dict[Hashable, Numbers] = {}
    for one, own in pairs:
        first.setdefault(estimate_key(one), own)
    estimates, errors = _stacked(first.values())
    with np.errstate(invalid="ignore"):
        limits = np.nanquantile(np.abs(estimates / errors), 1 - LEVEL, axis=1)
    return estimates, errors, limits


def _stacked(numbers: Iterable[Numbers]) -> tuple[FloatArray, FloatArray]:
    """Return estimates and standard errors, each of shape (specifications, draws)."""
    each = list(numbers)
    estimates, errors = np.stack([own.estimates for own in each]), np.stack([own.errors for own in each])
    estimates[~(errors > 0)] = np.nan
    # a draw of the real outcome has no number in any specification
    known = np.isfinite(estimates).any(axis=0)
    return estimates[:, known], errors[:, known]


def _claim(claim: Claim, pairs: Sequence[Pair], effect: float) -> tuple[float, float] | None:
    """Return the share of draws in which a claim holds, without an effect and with one in its direction."""
    up = 1.0 if claim.sign == "positive" else -1.0
    estimates, errors = _stacked(own for _, own in pairs)
    level = claim.significant
    critical = np.array([0.0 if level is None else own.critical(level) for _, own in pairs])[:, None]
    curve = _curve(pairs) if claim.joint is not None else None
    if isinstance(curve, Note):
        return None
    shares = []
    for shift in (0.0, up * abs(effect)):
        with np.errstate(invalid="ignore"):
            # what has no number in a draw does not have the sign
            agree = (up * (estimates + shift) > 0) & (np.abs((estimates + shift) / errors) >= critical)
        holds = agree.mean(axis=0) >= claim.share
        if curve is not None and claim.joint is not None:
            without, own = (dict(_statistics(curve[0] + one, *curve[1:]))["share_significant"] for one in (0.0, shift))
            exceeded = (without[None, :] >= own[:, None]).sum(axis=1)
            small = (1 + exceeded) / (1 + len(without)) <= claim.joint
            holds = holds & small & (_dominant(curve[0] + shift) == up)
        shares.append(float(holds.mean()))
    return shares[0], shares[1]


def _dominant(estimates: FloatArray) -> FloatArray:
    """Return the sign of most estimates of each draw, that of the median where there is no majority."""
    with np.errstate(invalid="ignore"):
        lead = np.sign(np.sign(np.nan_to_num(estimates)).sum(axis=0))
        median = np.nanmedian(estimates, axis=0)
        return np.where(lead != 0, lead, np.where(median < 0, -1.0, 1.0))


def _statistics(estimates: FloatArray, errors: FloatArray, limits: FloatArray) -> Iterator[tuple[str, FloatArray]]:
    """Yield the statistics of each draw's curve, measured in its own dominant sign, as a joint test has them."""
    with np.errstate(invalid="ignore"):
        z = estimates / errors
        median = np.nanmedian(estimates, axis=0)
        sign = _dominant(estimates)
        significant = (np.abs(z) >= limits[:, None]) & (z * sign > 0)
    yield "median", np.abs(median)
    yield "share_significant", significant.mean(axis=0)
    yield "mean_z", np.nanmean(z * sign, axis=0)
