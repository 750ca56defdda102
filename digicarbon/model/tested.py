"""Models whose p values and intervals can come from the wild bootstrap of units."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, Self, get_args

import numpy as np
from pydantic import model_validator

from digicarbon.errors import ConfigError, EstimationError
from digicarbon.inference import LEAST, NumberOfDraws
from digicarbon.model._absorption import Clusters, clusters_of_units, columns_of_clusters
from digicarbon.model.base import COLUMN, Level, Model, is_offered, says
from digicarbon.model.batch import Estimand, estimate_of
from digicarbon.note import Note
from digicarbon.numeric.linear.within import EffectsKind
from digicarbon.numeric.resampling.signs import Signs, SignWeights, enumerated, signs_of
from digicarbon.numeric.significance import STARS, is_undecided, stars_of
from digicarbon.panel import Panel, numbered
from digicarbon.result import Resampled, Result
from digicarbon.spec import Seed
from digicarbon.weights import Weights
from digicarbon.weights.nearby import why_none

if TYPE_CHECKING:
    from digicarbon.model.arranged import Randomised
    from digicarbon.model.restrictions import Combinations, Redrawn, Restrictions
    from digicarbon.numeric.resampling.draws import Draws
    from digicarbon.numeric.resampling.unit_wild import WildTest

Test = Literal["errors", "wild", "randomisation"]
MOST, BLOCK = 9999, 1000
"""Draws that a p value near the level of a star may have, and that are added at once."""
MOST_REFITS, FEWER_REFITS = 10_000, 1_000
"""Arrangements up to which all are taken, of models that are quickly fitted, and of others."""


class Tested(Model):
    """A model with a choice of where p values and intervals come from.

    Attributes
    ----------
    test : {"errors", "wild", "randomisation"}
        p values and intervals of focal terms and of their effects from the standard errors, or from a wild bootstrap
        that holds its size where units differ and errors are correlated over time and in space, or from arrangements of
        x over units, which ``wild`` takes by itself where few units carry x (`digicarbon.model.arranged`). Standard
        errors are those of ``cov`` in any case.
    draws : int or "auto"
        Draws of the wild bootstrap; "auto": 999, and for a p value that others might put on the other side of a star's
        level more, up to 9,999. Of at most twelve units or clusters all vectors of signs are used, each once.
    signs : {"patterns", "units"}
        What gets random weights: patterns in space of the W that filters the errors, so that errors of a draw lie
        together as those of the sample do, and units where errors have no filter; or units in any case.
    weights : {"rademacher", "webb"}
        Signs of units: +1 or -1, or Webb's six points, which patterns do not have: with these units have the signs.
    seed : int
        Seed of the draws; a unit has the same signs in every model and sample of a seed.
    intervals : bool
        Whether intervals are found by inverting the test, which takes a few times as long; without them there are none.
    level : float
        Coverage of the intervals.
    strata : str or None
        With ``test="randomisation"`` paths of x move only among units of the same value of this column, which is
        constant in time.

    Notes
    -----
    See docs/inference_long.md for the recipe, and for the size, power and coverage that were measured.
    """

    former: ClassVar[Mapping[str, str]] = {"replications": "draws"}
    share_of_p: ClassVar[float] = 0.3
    """Share of a fit with intervals that its p values take, about as `tests/benchmark/bench_fit.py` finds it."""

    exact_paths: ClassVar[bool] = False
    """Whether levels of x say more to the model than what its effects leave of them."""

    takes_long: ClassVar[bool] = False
    """Whether a fit takes more than a few milliseconds, so that fewer arrangements are all taken."""

    test: Test = "wild"
    draws: NumberOfDraws = "auto"
    signs: Signs = "patterns"
    weights: SignWeights = "rademacher"
    seed: Seed = 1
    intervals: bool = True
    level: Level = 0.95

    strata: str | None = None

    @model_validator(mode="after")
    def _read_strata(self) -> Self:
        if self.strata is not None and self.test != "randomisation":
            raise ValueError(Note("strata_of_randomisation", key="strata", strata=self.strata))
        return self

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, that of strata among them."""
        terms, own = super().terms, () if self.strata is None else (numbered(self.strata),)
        return (*terms, *(name for name in own if name not in terms))

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model takes of a request: no wild test and no arrangements of x where there are none."""
        wild = () if self.no_wild is not None else ("wild",)
        if self.no_arrangements is not None:
            return {"test": ("errors", *wild), "strata": (None,)}
        return {} if wild else {"test": ("errors", "randomisation")}

    @property
    def no_arrangements(self) -> Note | None:
        """Why the model is not fitted to arrangements of x; a class from elsewhere may read x in other ways."""
        return None if says(self, "fit") else super().no_arrangements

    @property
    def to_refit(self) -> Self:
        """The model that is fitted to arrangements, without what its estimates do not need."""
        return self

    @property
    def refits(self) -> int:
        """Arrangements up to which all are taken, where no number of draws is asked for."""
        return FEWER_REFITS if self.takes_long else MOST_REFITS

    @property
    def inverts_arrangements(self) -> bool:
        """Whether covariances of coefficients are quadratic forms of the outcome."""
        return False

    def moves_with(self, variables: set[str]) -> set[str]:
        """Return the variables that move over units with some of x: these, and what is made of them."""
        return variables

    def own_strata(self, panel: Panel) -> Mapping[str, Sequence[object]]:
        """Return what paths of x stay in by the model itself, e.g. its groups: for each name a label of each unit."""
        return {}

    def by_slope(self, panel: Panel) -> Panel | None:
        """Return the panel with a column for each slope of x by groups of units; None where there are no groups."""
        return None

    def estimated(self, panel: Panel, weights: Weights | None) -> Result:
        """Return the fit with p values from its standard errors."""
        return self.by_errors.fit(panel, weights)

    def by_arrangements(
        self,
        result: Result,
        panel: Panel,
        weights: Weights | None,
        term: str,
        names: Sequence[str],
        few: bool,
    ) -> Randomised:
        """Return tests of coefficients of a focal term by arrangements; raise ConfigError where there are none.

        ``few``: whether few units carry the term. Errors by unit would then rest on these, and z on noise: it has
        errors of one variance, or is the estimate itself.
        """
        from digicarbon.model._panel_covariance import usual_errors
        from digicarbon.model.arranged import BARE, arranged, randomised

        how = arranged(self, panel, weights, term)
        direct = _slopes(term, result)[0]
        moved = (term,) if set(direct) <= set(names) else tuple(name for name in names if name in direct)
        if not few:
            return randomised(self, moved, names, how, result, weights, Note("z_of_table"))
        kinds = get_args(type(self).model_fields["cov"].annotation)
        if "classic" in kinds and is_offered("classic", self.offers.get("cov")):
            # what other errors take, e.g. clusters, classic ones refuse
            plain = self.model_copy(update=usual_errors(type(self)) | {"cov": "classic"})
            own = plain.estimated(how.panel, weights)
            return randomised(plain, moved, names, how, own, weights, Note("z_of_one_variance"))
        return randomised(self, moved, names, how, result, weights, BARE)

    def check_test(self, panel: Panel, weights: Weights | None) -> None:
        """Raise if no cluster has whole units to sign, or arrangements of x are asked for and there are none."""
        if self.own_clusters and (self.no_wild is None or self.test == "randomisation"):
            self.levels_of_signs(panel.with_terms(self.terms))
        if self.test == "randomisation":
            from digicarbon.model.arranged import arranged

            for term in panel.with_terms(self.terms).expanded(self.x, among=self.terms):
                arranged(self, panel, weights, term)

    @property
    def carried_after(self) -> EffectsKind:
        """The fixed effects after which a column is what the model sees of it, and units carry x or do not."""
        fixed: EffectsKind = getattr(self, "fixed", "two_way")
        return fixed

    @property
    def by_errors(self) -> Self:
        """The model with p values from its standard errors."""
        without = dict.fromkeys({"strata"} & self.model_fields_set)
        return self if self.test == "errors" else self.model_copy(update={"test": "errors", **without})

    @property
    def untested(self) -> frozenset[str]:
        """Fields that mean nothing without the wild bootstrap."""
        if self.test == "randomisation":
            return frozenset({"signs", "weights"})
        none = self.test == "errors" or self.no_wild is not None
        return frozenset({"draws", "signs", "weights", "seed", "intervals"}) if none else frozenset()

    @property
    def may_use_weights(self) -> bool:
        """Whether weights are used where there are some: for the filter of errors, and for sets of neighbours."""
        tested = self.no_wild is None or self.no_arrangements is None
        return tested and self.test != "errors" and not self.uses_weights

    @property
    def inverts(self) -> bool:
        """Whether a fit inverts the wild test for intervals."""
        return self.test == "wild" and self.intervals and self.no_wild is None

    @property
    def no_wild(self) -> Note | None:
        """Why this specification has no wild bootstrap, for a note; None if it has one."""
        return None

    def filters(self, panel: Panel, weights: Weights) -> bool:
        """Return whether null models take spatial dependence by these weights out of the errors."""
        return True

    def restrictions(self, panel: Panel, weights: Weights | None, result: Result) -> Sequence[Restrictions | Redrawn]:
        """Return the restrictions of each focal term of a result, see `digicarbon.model.restrictions`."""
        raise TypeError(f"{type(self).__name__} does not say what its restrictions are; define `restrictions`.")

    def contrasts(self, panel: Panel, weights: Weights | None) -> Combinations | None:
        """Return combinations of coefficients as restrictions; None where the model has them for single ones only."""
        return None

    def tested(self, result: Result, panel: Panel, weights: Weights | None) -> Result:
        """Return a result with p values and intervals from the wild bootstrap where the model asks for them."""
        return self.resampled(result, panel, weights, partial(self.restrictions, panel, weights, result))

    def resampled(
        self,
        result: Result,
        panel: Panel,
        weights: Weights | None,
        restrictions: Callable[[], Sequence[Restrictions | Redrawn]],
        movable: Panel | None = None,
    ) -> Result:
        """Return what `tested` returns, with restrictions that are already known.

        ``movable``: the panel that paths of x move in, where that is not the one of the regression.
        """
        if not result.terms:
            return result
        cautions = self.cautions(result, panel, weights)
        if self.test == "errors":
            return replace(result, notes=(*result.notes, *cautions)) if cautions else result
        why = Note("wild_not_at_end", parameter=result.end) if result.end else self.no_wild
        if result.end and why is not None:
            return replace(result, notes=(*result.notes, why, *cautions))
        from digicarbon.model.wild import one_thread, wild_tests

        # lags may leave a unit without rows
        made = panel.with_terms((self.y, *self.regressors))
        signs = self.test == "wild" and why is None
        levels = self.levels_of_signs(made) if signs or self.test == "randomisation" else made.units
        draws = self.draws_for(levels, weights)
        tests: dict[Estimand, WildTest] = {}
        by_unit: dict[Estimand, WildTest] = {}
        with one_thread():
            moved, moved_notes = self._randomised(result, panel if movable is None else movable, made, weights, signs)
            arranged = {estimand: test for one in moved for estimand, test in one.tests.items()}
            # an effect that is a combination of coefficients has their weights as well
            has_arranged = {(estimand.quantity, estimand.term) for estimand in arranged}
            for of_term in restrictions() if signs else ():
                numbers = {estimand: estimate_of(result, estimand) for estimand in of_term.estimands}
                known = {estimand: both for estimand, both in numbers.items() if both is not None and both[1] > 0}
                if not known:
                    continue
                others = {one: both for one, both in known.items() if (one.quantity, one.term) not in has_arranged}
                few = len(others) < len(known)
                if others:
                    further = self.further_draws(draws, levels, weights)
                    tests |= wild_tests(of_term, others, draws, self.level, self.intervals, further)
                if few or draws.patterns is not None:
                    further = self.further_draws(draws.by_unit, levels, weights)
                    by_unit |= wild_tests(of_term, known, draws.by_unit, self.level, False, further)
        if why is not None and not moved:
            return replace(result, notes=(*result.notes, why, *moved_notes, *cautions))
        every = tests | arranged
        drawn = {estimand: test for one in moved if not one.every for estimand, test in one.tests.items()}
        of_wild = self._wild_notes(panel, weights, list(tests.values()), levels, draws) if tests or not moved else ()
        if why is not None:
            by_errors = {Estimand("coefficient", name) for name in result.focal} - arranged.keys()
            of_wild = (why,) if by_errors else ()
        resampled = resampled_of(result, {estimand: (one.p, one.low, one.high) for estimand, one in every.items()})
        of_arranged = tuple(one.term for one in arranged if one.quantity == "coefficient")
        return replace(
            result,
            resampled=replace(resampled, arranged=of_arranged),
            statistics={**result.statistics, **_recorded((tests if draws.random else {}) | drawn, by_unit)},
            notes=(
                *result.notes,
                *of_wild,
                *_other_side(tests, by_unit),
                *moved_notes,
                *cautions,
            ),
        )

    def _randomised(
        self, result: Result, panel: Panel, made: Panel, weights: Weights | None, signs: bool
    ) -> tuple[list[Randomised], list[Note]]:
        """Return tests of focal terms by arrangements, and notes on them: of all, or of those that few units carry.

        ``made``: with the terms of the regression. ``signs``: whether there is a test by signs.
        """
        from digicarbon.model.arranged import few_carriers

        moved: list[Randomised] = []
        notes: list[Note] = []
        split = self.by_slope(made)
        for term in made.expanded(self.x, among=self.regressors):
            direct, lags = _slopes(term, result)
            parts = {term: direct} if split is None else {name: (name,) for name in direct}
            few = few_carriers(self, split or made, self.carried_after, parts) if direct else {}
            asked = [name for part in few for name in parts[part]] if self.test == "wild" else direct
            if not asked:
                continue
            names = (*asked, *(lag for lag in lags if result.role(lag).of in asked))
            beside = Note("signs_beside") if signs else ""
            carry = [Note("few_carry", term=part, carriers=own.note, signs=beside) for part, own in few.items()]
            try:
                test = self.by_arrangements(result, panel, weights, term, names, bool(few))
            except (ConfigError, EstimationError) as error:
                # what nobody asked for is left to signs where it cannot be
                if self.test == "randomisation":
                    raise
                why = error.args[0]
                notes += [Note("few_carry_signs", term=part, carriers=own.note, why=why) for part, own in few.items()]
            else:
                moved.append(test)
                notes += [*(carry if self.test == "wild" else ()), *test.notes]
        return moved, notes

    @property
    def own_clusters(self) -> tuple[str, ...]:
        """The columns that clusters are read from; none for those of units and periods."""
        return ()

    def levels_of_signs(self, panel: Panel) -> tuple[str, ...]:
        """Return whose sign the errors of a unit have, shape (N,): its cluster's, or its own.

        Signs are those of clusters where errors are clustered by a column, and of two columns those of the one with
        fewer clusters. An EstimationError says that a unit is in several clusters of each column.
        """
        found = clusters_of_units(panel, self.own_clusters)
        if found is None and self.own_clusters and self.test != "errors":
            raise EstimationError(Note("signs_of_no_cluster", cluster=self.own_clusters, key="model.cluster"))
        return found[1] if found else panel.units

    @property
    def least_draws(self) -> int:
        """How many draws each p value and interval has at least, where not all signs of few units are taken."""
        return LEAST if self.draws == "auto" else self.draws

    def draws_for(
        self, levels: Sequence[str], weights: Weights | None, name: str = "", every: bool = True, number: int = 0
    ) -> Draws:
        """Return the random weights of the wild bootstrap, the same whatever is tested.

        ``levels``: whose sign each unit has, as `levels_of_signs`. ``weights``: the W whose patterns have weights where
        units are not in clusters. ``name``: draws of another name are other ones. ``every``: whether all signs of few
        units are taken. ``number``: of draws, `least_draws` where it is zero.
        """
        from digicarbon.model.in_space import patterns_among
        from digicarbon.numeric.resampling.draws import Draws

        number = number or self.least_draws
        every = every and enumerated(len(set(levels)), number, self.weights)
        signs = signs_of([f"{name}{level}" for level in levels], number, self.seed, self.weights, every)
        by_sign = self.signs == "units" or self.weights == "webb" or len(set(levels)) < len(levels)
        patterns = None if by_sign or weights is None else patterns_among(levels, [weights])
        return Draws(signs, patterns, number, self.seed, name, every)

    def further_draws(self, draws: Draws, levels: Sequence[str], weights: Weights | None) -> Iterator[Draws]:
        """Yield the blocks that may be added to draws of `draws_for`: each has `BLOCK` other ones of the same kind."""
        if self.draws == "auto" and draws.random:
            for place in range(1, 1 + (MOST - LEAST) // BLOCK):
                block = self.draws_for(levels, weights, f"{place} further: ", every=False, number=BLOCK)
                yield block.by_unit if draws.patterns is None else block

    def null_note(self, panel: Panel, weights: Weights | None) -> Note:
        """Return how null models take spatial dependence into account, for a note."""
        if weights is not None and self.filters(panel, weights):
            return Note("wild_filtered", weights=weights.called)
        return Note("wild_unfiltered")

    def _wild_notes(
        self, panel: Panel, weights: Weights | None, tests: list[WildTest], levels: Sequence[str], draws: Draws
    ) -> tuple[Note, ...]:
        from digicarbon.model.cautions import few_units

        units = len(set(levels))
        clustered, in_space = units < len(levels), draws.patterns is not None
        every = not draws.random
        number = 2 ** (units - 1) if every else self.least_draws
        if in_space and weights is not None:
            how = Note("wild_draws_patterns", draws=number, weights=weights.called)
        elif every:
            how = Note("wild_every_sign", draws=number)
        else:
            how = Note("wild_draws_webb" if self.weights == "webb" else "wild_draws", draws=number)
        of_p = {"draws": how, "filter": self.null_note(panel, weights)}
        if clustered and (of := clusters_of_units(panel, self.own_clusters)):
            notes = [Note("wild_p_by", by=of[0], **of_p)]
        else:
            notes = [Note("wild_p_space" if in_space else "wild_p", **of_p)]
        if len(self.own_clusters) == 2:
            notes.append(Note("wild_of_one", columns=self.own_clusters))
        if weights is None and not clustered:
            notes.append(why_none(panel) or Note("wild_without_space"))
        if not self.intervals:
            notes.append(Note("wild_without_intervals"))
        smallest = 1 / number if every else 1 / (1 + number)
        notes += few_units(units, smallest, clustered)
        if every and smallest > STARS[1]:
            notes.append(Note("few_signs"))
        further = [test.draws for test in tests if test.draws > number]
        if further:
            intervals = Note("intervals_on_draws", draws=number) if self.intervals else ""
            facts = {"further": len(further), "tested": len(tests), "most": max(further), "intervals": intervals}
            notes.append(Note("wild_more_draws", **facts))
        if draws.random and smallest > STARS[0]:
            notes.append(Note("few_draws", draws=number, smallest=smallest))
        undecided = sum(is_undecided(test.p, test.draws) for test in tests) if draws.random else 0
        if undecided:
            notes.append(Note("wild_undecided", undecided=undecided, tested=len(tests)))
        lost = max((test.lost for test in tests), default=0.0)
        if lost > 0:
            notes.append(Note("wild_lost", share=lost))
        left_out = max((test.left_out for test in tests), default=0.0)
        if left_out > 0:
            notes.append(Note("wild_left_out", share=left_out))
        if any(np.isnan(test.p) for test in tests):
            notes.append(Note("wild_too_few_left"))
        if any(np.isinf([test.low, test.high]).any() for test in tests):
            notes.append(Note("wild_unbounded"))
        return tuple(notes)

    def cautions(self, result: Result, panel: Panel, weights: Weights | None) -> list[Note]:
        """Return what a reader must know before the p values of the wild bootstrap."""
        return []


class Clustered(Tested):
    """A tested model with ``cov`` and ``cluster`` of a panel regression, whose signs are those of its clusters."""

    @property
    def by_cluster(self) -> bool:
        """Whether errors have clusters."""
        return bool(vars(self)["cov"] == "cluster")

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model takes of a request: no clusters where its errors have none."""
        reads = self.by_cluster or vars(self)["cov"] == "beck_katz"
        return {**super().offers, **({} if reads else {"cluster": ("unit",)})}

    @property
    def own_clusters(self) -> tuple[str, ...]:
        """The columns that clusters are read from; none for those of units and periods."""
        return columns_of_clusters(vars(self)["cluster"]) if self.by_cluster else ()


class ClusteredUnits(Clustered):
    """A model with ``cov``, whose scores are those of units, or of groups of whole units that a column says."""

    cluster: Clusters = "unit"

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model takes of a request: units are clusters, or lie in them."""
        return {**super().offers, **({"cluster": ("unit", COLUMN)} if self.by_cluster else {})}

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the model reads, those of clusters among them."""
        own, terms = self.own_clusters, super().terms
        return (*terms, *map(numbered, own)) if own else terms

    def errors_note(self, spatial: bool) -> Note:
        """Return what clustered standard errors are; ``spatial``: whether there is a spatial parameter's score."""
        # without one, scores do not depend on each other
        if self.own_clusters:
            return Note("errors_scores_by" if spatial else "errors_scores_added_by", by=self.own_clusters[0])
        return Note("errors_scores" if spatial else "errors_scores_added")


def _slopes(term: str, result: Result) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the coefficients of a focal term, one for each group or level where it has several, and of its lags."""
    direct = tuple(name for name in result.terms if name == term or name.startswith(f"{term}["))
    return direct, tuple(
        name for name in result.terms if (role := result.role(name)).kind == "lag_x" and role.of in direct
    )


def resampled_of(result: Result, numbers: Mapping[Estimand, tuple[float, float, float]]) -> Resampled:
    """Return p, low and high of quantities where a result has them, not-a-number for others."""
    effects = result.spatial_effects
    estimates = np.full((3, len(result.terms)), np.nan)
    of_effects = np.full((3, *(effects.coef.shape if effects else (0, 0))), np.nan)
    for estimand, own in numbers.items():
        if estimand.quantity == "coefficient":
            estimates[:, result.terms.index(estimand.term)] = own
        elif effects is not None:
            of_effects[:, effects.names.index(estimand.quantity), effects.terms.index(estimand.term)] = own
    return Resampled(estimates, of_effects)


def _recorded(tests: Mapping[Estimand, WildTest], by_unit: Mapping[Estimand, WildTest]) -> dict[str, float]:
    """Return simulation errors of p values, and p values by signs of units, as statistics.

    They are named as the metrics of coefficients and effects are. The simulation error is the standard deviation of p
    over other draws, √(p(1 - p)/(1 + B)).
    """
    errors = {one: math.sqrt(test.p * (1 - test.p) / (1 + test.draws)) for one, test in tests.items()}
    units = {one: test.p for one, test in by_unit.items()}
    return {
        f"{name}.{one.term if one.quantity == 'coefficient' else f'{one.quantity}.{one.term}'}": number
        for name, numbers in (("p_simulation_error", errors), ("p_units", units))
        for one, number in numbers.items()
        if np.isfinite(number)
    }


def _other_side(tests: Mapping[Estimand, WildTest], by_unit: Mapping[Estimand, WildTest]) -> list[Note]:
    """Return how many quantities would have other stars by signs of units."""
    both = [(test.p, by_unit[one].p) for one, test in tests.items() if one in by_unit]
    changed = sum(stars_of(p, STARS) != stars_of(other, STARS) for p, other in both)
    return [Note("wild_units", changed=changed, tested=len(both))] if changed else []


def asks_for_wild(model: object) -> bool:
    """Return whether a model's p values are asked for from the wild bootstrap."""
    return isinstance(model, Tested) and model.test == "wild"


def wild_draws(model: object) -> int:
    """Return the draws, or random arrangements, that a model's p values come from; 0 where they come from errors."""
    if not isinstance(model, Tested) or model.test == "errors":
        return 0
    return model.least_draws if model.test == "randomisation" or model.no_wild is None else 0
