"""p values from arrangements of x over units, where few units carry it or a user asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from digicarbon.arrays import BoolArray, FloatArray, IntArray
from digicarbon.errors import ConfigError, DigicarbonError
from digicarbon.inference import LEAST
from digicarbon.model._absorption import clusters_of_units
from digicarbon.model._latest import LATEST
from digicarbon.model.batch import Estimand, Fits, estimate_of
from digicarbon.model.in_space import average_of
from digicarbon.note import Note
from digicarbon.numeric.linear.within import EFFECTS_OF, EffectsKind
from digicarbon.numeric.resampling.arrangements import Arranging
from digicarbon.numeric.resampling.unit_wild import Observed, WildTest, wild_tests
from digicarbon.numeric.significance import is_undecided
from digicarbon.panel import Panel, variables_of
from digicarbon.progress import counted
from digicarbon.result import Result
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.tested import Tested

FEWEST_UNITS, FEWEST_CLUSTERS = 6, 2
"""Units, and clusters of the declared level, that must carry x for signs to test it."""
BARE = Note("z_of_estimate")
"""Stands for no errors: where few units carry a term, and a model has no errors of one variance."""
_DIGITS = 9
"""To which paths are compared, as shares of the largest value."""
_AWAY = 4.0
"""Standard errors by which outcomes are moved whose fits say what those of all other values are."""


def by_unit(panel: Panel, values: FloatArray) -> FloatArray:
    """Return values of rows by unit and period, shape (N, T): not-a-number where a unit has no row."""
    out = np.full(panel.shape, np.nan)
    out[panel.unit_codes, panel.period_codes] = values
    return out


def paths_of(values: FloatArray, effects: EffectsKind) -> IntArray:
    """Return a number for the path of each unit, equal for paths that effects of units leave equal, shape (N,).

    ``values``: shape (N, m), not-a-number where there is none.
    """
    left = values - np.nanmean(values, axis=1, keepdims=True) if "unit" in EFFECTS_OF[effects] else values
    rounded = np.round(np.nan_to_num(left) / (np.nanmax(np.abs(values)) or 1.0), _DIGITS) + 0.0
    whole = np.hstack([rounded, np.isnan(values)])
    return np.asarray(np.unique(whole, axis=0, return_inverse=True)[1].ravel(), dtype=np.int64)


def carried(values: FloatArray, effects: EffectsKind) -> BoolArray:
    """Return the units whose path is not that of most, which effects take out, shape (N,).

    ``values``, shape (N, T): not-a-number where a unit has no row; units are then compared period by period. All units
    carry x where no two have the same path, and without effects of periods where that path changes over time.
    """
    if np.isnan(values).any():
        out = np.zeros(len(values), dtype=bool)
        for column in values.T:
            levels, counts = np.unique(column[~np.isnan(column)], return_counts=True)
            out |= ~np.isnan(column) & (column != levels[counts.argmax()])
        return out
    codes = paths_of(values, effects)
    usual = np.bincount(codes).argmax()
    like = codes == usual
    moves = np.ptp(values[like], axis=1).max() > 0
    if like.sum() < 2 or (moves and "time" not in EFFECTS_OF[effects]):
        return np.ones(len(values), dtype=bool)
    return np.asarray(~like)


@dataclass(frozen=True)
class Carriers:
    """How many carry a term: clusters where signs are those of clusters of ``by``, else units."""

    number: int
    by: str

    @property
    def note(self) -> Note:
        """How many carry the term, in words."""
        by = {"by": self.by} if self.by else {}
        return Note("carry_clusters" if by else "carry_units", number=self.number, **by)


def few_carriers(model: Tested, made: Panel, effects: EffectsKind, names: Iterable[str]) -> dict[str, Carriers]:
    """Return the columns that too few units, or clusters of the declared level, carry for a test by signs."""
    of = clusters_of_units(made, model.own_clusters)
    levels = np.array(of[1] if of else made.units)
    out = {}
    for name in names:
        who = carried(by_unit(made, made.column(name)), effects)
        clusters = len(set(levels[who]))
        if of and len(set(levels)) < len(who) and clusters < FEWEST_CLUSTERS:
            out[name] = Carriers(clusters, of[0])
        elif who.sum() < FEWEST_UNITS and not who.all():
            out[name] = Carriers(int(who.sum()), "")
    return out


@dataclass(frozen=True, eq=False)
class Arranged:
    """What moves over units with a focal term, and where it may go."""

    panel: Panel
    """With all terms of the model."""
    moving: tuple[str, ...]
    mixed: tuple[str, ...]
    """`moving`, `mixed`: columns that are made of the term's variables alone, and products of them with other ones."""
    alone: bool
    """Whether nothing else that the model reads moves with the term."""
    arranging: Arranging
    first: IntArray
    place: IntArray
    """Of what is exchanged, units or whole clusters: the first unit of each, and of which each unit is, shape (N,)."""
    over: Note
    """Over what paths move, in words."""

    def dealt(self, panel: Panel, deal: IntArray) -> Panel:
        """Return a panel in which each unit has another one's path."""
        given, cells = self.first[deal[self.place]], (panel.unit_codes, panel.period_codes)
        columns = {name: by_unit(panel, panel.column(name))[given][cells] for name in self.moving}
        kept = {name: column for name, column in panel.columns.items() if name not in self.mixed}
        return replace(panel, columns=kept).with_columns(columns)


def arranged(model: Tested, panel: Panel, weights: Weights | None, term: str) -> Arranged:
    """Return how the paths of a focal term move; raise ConfigError where they cannot.

    Variables of a product move where they are focal themselves. Paths stay among units with rows in the same periods,
    and in the strata and groups of the model. Whole clusters of the declared level move; where a cluster's units
    differ, paths that are not usual go to as many units of one cluster, and those of different clusters to different
    ones. Else, where paths may go to all units, those that are not usual and are neighbours move as connected sets.
    """
    facts = {"key": "test", "term": term}
    if model.no_arrangements is not None:
        raise ConfigError(model.no_arrangements)
    focal = set(variables_of([one for one in model.x if ":" not in one]))
    own, made = focal & set(variables_of([term])), panel.with_terms(model.terms)
    if not own or not own.isdisjoint(variables_of([model.y])):
        raise ConfigError(Note("randomised_product", **facts))
    own = model.moves_with(own)
    # columns by level, e.g. of bands or neighbours, are made again; what the model reads is as it is
    read_as_is = set(variables_of(model.terms))
    by_level = {name: name.partition("[")[0] for name in made.columns if "[" in name and name not in read_as_is}
    uses = {name: set(variables_of([by_level.get(name, name)])) for name in made.columns}
    moving = tuple(name for name, variables in uses.items() if variables <= own and name not in by_level)
    mixed = tuple(name for name, variables in uses.items() if variables & own and name not in moving)
    read = [name for name in made.expanded(model.regressors, among=model.terms) if uses[name] & own]
    alone, n = read == [term], len(made.units)
    base = [name for name in moving if name in own or name in made.expanded(model.x, among=model.terms)]
    paths = np.hstack([by_unit(made, made.column(name)) for name in base])
    codes = paths_of(paths, model.carried_after if alone and not model.exact_paths else "none")
    first = place = np.arange(n)
    strata, links, clusters = dict(model.own_strata(made)), None, None
    if model.strata is not None:
        parts = clusters_of_units(made, (model.strata,))
        if parts is None:
            raise ConfigError(Note("strata_vary", key="strata", strata=model.strata))
        strata[parts[0]] = parts[1]
    rows = np.isnan(by_unit(made, np.ones(len(made.index))))
    keys = [*strata.values(), map(bytes, rows)]
    apart = np.unique([repr(key) for key in zip(*keys, strict=True)], return_inverse=True)[1].ravel()
    free, names = made.balanced and not strata, ", ".join(strata)
    over = Note("over_strata", strata=names) if strata else Note("over_units")
    usual, by = np.bincount(codes).max() > 1, clusters_of_units(made, model.own_clusters) or ("", made.units)
    levels = np.unique(by[1], return_index=True, return_inverse=True)
    if len(levels[0]) < n:
        of_cluster = np.asarray(levels[2].ravel())
        if all((own_codes == own_codes[levels[1]][of_cluster]).all() for own_codes in (codes, apart)):
            first, place = np.asarray(levels[1]), of_cluster
            over = Note("over_both", by=by[0], strata=names) if strata else Note("over_clusters", by=by[0])
        elif usual and free:
            clusters, few = of_cluster, codes != np.bincount(codes).argmax()
            over = Note("over_one_cluster" if len(set(of_cluster[few])) == 1 else "over_different_clusters", by=by[0])
        else:
            raise ConfigError(Note("randomised_in_clusters", by=by[0], **facts))
    elif usual and free and weights is not None and set(made.units) <= set(weights.labels):
        average = average_of(made.units, [weights])
        few = codes != np.bincount(codes).argmax()
        if average[np.ix_(few, few)].any():
            links, over = average + average.T, Note("over_sets", weights=weights.called)
    if not made.balanced:
        over = Note("over_rows", over=over)
    arranging = Arranging(codes[first], apart[first], links, clusters)
    rest = arranging.every(1)
    if rest is not None:
        raise ConfigError(Note("randomised_nowhere", over=over, **facts))
    return Arranged(made, moving, mixed, alone, arranging, first, place, over)


@dataclass(frozen=True, eq=False)
class Randomised:
    """Tests of the quantities of a focal term by arrangements."""

    tests: Mapping[Estimand, WildTest]
    every: bool
    notes: tuple[Note, ...]


def randomised(
    model: Tested,
    moved: tuple[str, ...],
    names: Sequence[str],
    how: Arranged,
    result: Result,
    weights: Weights | None,
    errors_in_z: Note,
) -> Randomised:
    """Return tests of a focal term's coefficients, by name: refits to all arrangements of its paths, or some of them.

    p is the share of arrangements with |z| at least the sample's, its own among them (Fisher's randomisation test,
    studentised as in Wu & Ding 2021, Journal of the American Statistical Association 116). ``moved``: the term, or its
    parts by group. ``result``: of the model. ``errors_in_z``: which errors estimates are divided by, in words. A
    coefficient whose covariance is a quadratic form of the outcome has an interval of the values that the test does
    not reject. Raises EstimationError where connected
    sets find no room.
    """
    effects = [quantity for quantity in model.quantities if quantity != "coefficient"]
    asked = [Estimand(effect, name) for effect in effects for name in names if result.role(name).kind != "lag_x"]
    asked = [Estimand("coefficient", name) for name in names] + asked

    def numbers(of: Result, estimand: Estimand) -> tuple[float, float]:
        estimate, se = estimate_of(of, estimand) or (np.nan, np.nan)
        return estimate, se if errors_in_z != BARE else 1.0

    known = {one: both for one in asked if np.isfinite((both := numbers(result, one))[0]) and both[1] > 0}
    auto, refitted = model.draws == "auto", model.to_refit
    deals = how.arranging.every(model.refits if model.draws == "auto" else model.draws + 1)
    every, y = deals is not None, how.panel.column(model.y)

    def fits(deals: IntArray, outcome: FloatArray) -> Fits:
        panel = how.panel.with_columns({model.y: outcome})
        out = np.full((len(known), 2, len(deals)), np.nan)
        for place in counted(range(len(deals)), Note("arrangements_of", term=moved)):
            with suppress(DigicarbonError), LATEST.apart():
                own = refitted.estimated(how.dealt(panel, deals[place]), weights)
                out[:, :, place] = [numbers(own, estimand) for estimand in known]
        return [(both[0], both[1]) for both in out]

    deals = how.arranging.some(model.least_draws, (model.seed, 0)) if deals is None else deals
    zero = fits(deals, y)
    seen = [Observed(*known[one], own) for one, own in zip(known, zero, strict=True)]
    for block in range(1, model.refits // (LEAST + 1) if auto and not every else 1):
        if not any(is_undecided(one.p, len(one.all_drawn)) for one in seen):
            break
        further = fits(how.arranging.some(LEAST + 1, (model.seed, block)), y)
        seen = [replace(one, further=(*one.further, own)) for one, own in zip(seen, further, strict=True)]
    at = None
    alone = how.alone and list(known) == [Estimand("coefficient", moved[0])]
    if alone and model.inverts_arrangements and model.intervals:
        x, step = how.panel.column(moved[0]), _AWAY * seen[0].se
        less, more = (fits(deals, y - side * step * x)[0] for side in (-1.0, 1.0))
        estimates, errors = (np.stack([less[part], zero[0][part], more[part]]) for part in (0, 1))
        at = _at_values(estimates, errors**2, step)
    tests = dict(zip(known, wild_tests(seen, at, model.level), strict=True))
    number = 1 + len(deals) if every else max((test.draws for test in tests.values()), default=0)
    facts = {
        "errors": errors_in_z,
        "number": number,
        "over": how.over,
        "smallest": 1 / (number if every else number + 1),
    }
    intervals = Note("with_interval" if at else "without_interval")
    notes = [Note("randomised_every" if every else "randomised_some", term=moved, intervals=intervals, **facts)]
    undecided = 0 if every else sum(is_undecided(test.p, test.draws) for test in tests.values())
    lost = max((test.lost for test in tests.values()), default=0.0)
    notes += [Note("wild_undecided", undecided=undecided, tested=len(tests))] if undecided else []
    notes += [Note("randomised_lost", term=moved, share=lost)] if lost > 0 else []
    notes += [Note("wild_unbounded")] if any(np.isinf([one.low, one.high]).any() for one in tests.values()) else []
    return Randomised(tests, every, tuple(notes))


def _at_values(
    estimates: FloatArray, variances: FloatArray, step: float
) -> Callable[[Sequence[tuple[int, float]]], Fits]:
    """Return what fits the outcome less τx to each arrangement, from fits at -``step``, 0 and ``step``, (3, M).

    Estimates are linear in an outcome and variances quadratic. τ is added, as the estimate's distance from it counts.
    """

    def at(asked: Sequence[tuple[int, float]]) -> Fits:
        out = []
        for _, value in asked:
            u = value / step
            line = estimates[1] + u * (estimates[2] - estimates[0]) / 2
            bend = (variances[2] + variances[0]) / 2 - variances[1]
            square = variances[1] + u * (variances[2] - variances[0]) / 2 + u * u * bend
            out.append((line + value, np.sqrt(np.maximum(square, 0.0))))
        return out

    return at
