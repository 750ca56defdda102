"""Models whose p values and intervals can come from the wild bootstrap of units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from digicarbon.model._absorption import clusters_of_units
from digicarbon.model.base import Level, Model
from digicarbon.model.batch import Estimand, estimate_of
from digicarbon.note import Note
from digicarbon.numeric.resampling.signs import SignWeights, enumerated, signs_of
from digicarbon.panel import Panel
from digicarbon.result import Resampled, Result
from digicarbon.spec import Seed
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.model.restrictions import Combinations, Redrawn, Restrictions
    from digicarbon.numeric.resampling.unit_wild import WildTest

Test = Literal["errors", "wild"]


class Tested(Model):
    """A model with a choice of where p values and intervals come from.

    Attributes
    ----------
    test : {"errors", "wild"}
        p values and intervals of focal terms and of their effects from the standard errors, or from a wild bootstrap of
        units that holds its size where units differ and errors are correlated over time and in space. Standard errors
        are those of ``cov`` in either case.
    draws : int
        Draws of the wild bootstrap. Where units are so few that there are no more vectors of signs, each is used once.
    weights : {"rademacher", "webb"}
        Signs of units: +1 or -1, or Webb's six points.
    seed : int
        Seed of the signs; a unit has the same signs in every model and sample of a seed.
    intervals : bool
        Whether intervals are found by inverting the test, which takes a few times as long; without them there are none.
    level : float
        Coverage of the intervals.

    Notes
    -----
    See docs/inference.md for the recipe, and for the size, power and coverage that were measured.
    """

    former: ClassVar[Mapping[str, str]] = {"replications": "draws"}
    share_of_p: ClassVar[float] = 0.3
    """Share of a fit with intervals that its p values take, about as `tests/benchmark/bench_fit.py` finds it."""

    test: Test = "wild"
    draws: Annotated[int, Field(ge=19, le=1_000_000)] = 999
    weights: SignWeights = "rademacher"
    seed: Seed = 1
    intervals: bool = True
    level: Level = 0.95

    @property
    def offers(self) -> Mapping[str, tuple[object, ...]]:
        """What this model takes of a request: no wild test where there is none, see `no_wild`."""
        return {} if self.no_wild is None else {"test": ("errors",)}

    @property
    def by_errors(self) -> Self:
        """The model with p values from its standard errors."""
        return self if self.test == "errors" else self.model_copy(update={"test": "errors"})

    @property
    def untested(self) -> frozenset[str]:
        """Fields that mean nothing without the wild bootstrap."""
        none = self.test == "errors" or self.no_wild is not None
        return frozenset({"draws", "weights", "seed", "intervals"}) if none else frozenset()

    @property
    def may_use_weights(self) -> bool:
        """Whether weights are used where there are some: the wild bootstrap filters errors by them."""
        return self.test == "wild" and not self.uses_weights

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
    ) -> Result:
        """Return what `tested` returns, with restrictions that are already known."""
        if not result.terms:
            return result
        cautions = self.cautions(result, panel, weights)
        if self.test == "errors":
            return replace(result, notes=(*result.notes, *cautions)) if cautions else result
        why = Note("wild_not_at_end", parameter=result.end) if result.end else self.no_wild
        if why is not None:
            return replace(result, notes=(*result.notes, why, *cautions))
        from digicarbon.model.wild import Draws, one_thread, wild_tests

        # lags may leave a unit without rows
        made = panel.with_terms((self.y, *self.regressors))
        levels = self.levels_of_signs(made)
        signs = signs_of(levels, self.draws, self.seed, self.weights)
        draws = Draws(signs, self.level, self.intervals)
        tests: list[tuple[Estimand, WildTest]] = []
        with one_thread():
            for of_term in restrictions():
                numbers = {estimand: estimate_of(result, estimand) for estimand in of_term.estimands}
                known = {estimand: both for estimand, both in numbers.items() if both is not None and both[1] > 0}
                tests += (wild_tests(of_term, known, draws) if known else {}).items()
        return replace(
            result,
            resampled=resampled_of(result, {estimand: (one.p, one.low, one.high) for estimand, one in tests}),
            notes=(
                *result.notes,
                *self._wild_notes(panel, weights, [one for _, one in tests], levels, levels is not made.units),
                *cautions,
            ),
        )

    @property
    def own_clusters(self) -> tuple[str, ...]:
        """The columns that clusters are read from; none for those of units and periods."""
        return ()

    def levels_of_signs(self, panel: Panel) -> tuple[str, ...]:
        """Return whose sign the errors of a unit have, shape (N,): its cluster's, or its own.

        Signs are those of clusters where errors are clustered by a column, and each unit is in one of its clusters.
        """
        return clusters_of_units(panel, self.own_clusters) or panel.units

    def null_note(self, panel: Panel, weights: Weights | None) -> Note:
        """Return how null models take spatial dependence into account, for a note."""
        if weights is not None and self.filters(panel, weights):
            return Note("wild_filtered", weights=weights.called)
        return Note("wild_unfiltered")

    def _wild_notes(
        self, panel: Panel, weights: Weights | None, tests: list[WildTest], levels: Sequence[str], clustered: bool
    ) -> tuple[Note, ...]:
        from digicarbon.model.cautions import few_units

        units = len(set(levels))
        every = enumerated(units, self.draws, self.weights)
        draws = 2**units if every else self.draws
        drawn = Note("wild_draws_webb", draws=draws) if self.weights == "webb" else Note("wild_draws", draws=draws)
        facts = {
            "draws": Note("wild_every_sign", draws=draws) if every else drawn,
            "filter": self.null_note(panel, weights),
        }
        notes = [Note("wild_p_by", by=self.own_clusters[0], **facts) if clustered else Note("wild_p", **facts)]
        if self.own_clusters and not clustered:
            by = self.own_clusters
            notes.append(
                Note("wild_by_units", by=by[0] if len(by) == 1 else Note("clusters_of_two", first=by[0], second=by[1]))
            )
        if not self.intervals:
            notes.append(Note("wild_without_intervals"))
        # opposite signs have the same |z|
        notes += few_units(units, 2 / draws if every else 1 / (1 + draws), clustered)
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


def asks_for_wild(model: object) -> bool:
    """Return whether a model's p values are asked for from the wild bootstrap."""
    return isinstance(model, Tested) and model.test == "wild"


def wild_draws(model: object) -> int:
    """Return the draws of the wild bootstrap that a model's p values come from; 0 where they come from errors."""
    return model.draws if isinstance(model, Tested) and model.test == "wild" and model.no_wild is None else 0
