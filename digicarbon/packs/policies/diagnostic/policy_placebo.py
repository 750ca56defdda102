"""Placebo policies: those of other units, and those of earlier periods."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
import scipy
from pydantic import Field, field_validator

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.diagnostic.group_comparison import Draws
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import DigicarbonError, EstimationError
from digicarbon.model._observation_weights import Weighting
from digicarbon.model._panel_columns import rows_of
from digicarbon.model.base import Level
from digicarbon.note import Note, note_of
from digicarbon.numeric.linear.covariance import small_sample_factor
from digicarbon.numeric.linear.within import absorbed_rank
from digicarbon.packs.policies.diagnostic._policy import did_of, paths
from digicarbon.packs.policies.model.did import DiD
from digicarbon.packs.policies.numeric.aggregation import NEVER
from digicarbon.packs.policies.numeric.placebo import assignments, every_other, number_of_assignments, placebo_effects
from digicarbon.panel import Panel
from digicarbon.spec import Seed
from digicarbon.weights import Weights

NUMBERS = ("coef", "se", "stat", "p", "low", "high")
TIES = 1 - 1e-9
"""How much smaller a placebo may be than the estimate and still be as large: sums in another order."""


class PlaceboInSpace(OfModel):
    """The policy's effect beside those of the same policies given to units at random.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run. Two-way coefficients (``estimator=twfe``) are computed
        together; other estimators are fitted once for each draw.
    draws : int
        Number of random assignments. Where no more different ones are possible, each of them is fitted once instead,
        and p is exact.
    seed : int
        Seed of the assignments.
    level : float
        Share of the placebos between the bounds that are shown.

    Notes
    -----
    Each unit gets the policy of one unit, so that cohorts keep their sizes. The p value counts the estimate itself as
    one of the draws, (1 + number of placebos at least as large) / (1 + draws), which holds its size in any sample if
    policies were given at random. Of all possible assignments the estimate is one, and the placebos are the others.
    """

    table_names: ClassVar[tuple[str, ...]] = ("placebo_space", "placebo_space_draws")

    draws: Draws = 500
    seed: Seed = 1
    level: Level = 0.95

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return how the placebos were chosen, and how their p value is counted."""
        model = did_of(self.model)
        possible: float | Note = tables["placebo_space"]["possible"].iloc[0]
        chosen = (
            Note("placebo_in_space_all", policy=model.policy, others=int(possible) - 1)
            if not isinstance(possible, Note) and possible <= self.draws
            else Note("placebo_in_space", policy=model.policy, draws=self.draws, seed=self.seed)
        )
        column = model.observation_weights
        return (chosen,) if column is None else (chosen, Note("placebo_weights_stay", column=column))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model cannot be fitted, or policies cannot be exchanged."""
        model = did_of(self.model)
        model.by_errors.check(panel, weights)
        paths(model, panel)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``placebo_space``, a row for the policy, and ``placebo_space_draws``, a row for each draw.

        ``possible`` is the number of different assignments, a power of ten in words where no float is as large.
        The draws' standard errors are those of the model, and their p rest on these.
        """
        model = did_of(self.model)
        together = model.estimator == "twfe" and model.spillovers == "none" and not model.absorbs
        estimate, placebos, possible = (_together if together else _one_by_one)(self, model, panel, weights)
        coef = placebos["coef"].to_numpy()
        known = coef[np.isfinite(coef)]
        if not len(known):
            raise EstimationError(Note("placebo_none", policy=model.policy))
        larger = int((np.abs(known) >= abs(estimate) * TIES).sum())
        low, high = np.quantile(known, [(1 - self.level) / 2, (1 + self.level) / 2])
        row = {
            "coef": estimate,
            "mean": known.mean(),
            "sd": known.std(ddof=1) if len(known) > 1 else math.nan,
            "low": low,
            "high": high,
            "as_large": larger / len(known),
            "p": (1 + larger) / (1 + len(known)),
            "draws": len(known),
            "possible": possible,
        }
        space = pd.DataFrame(row, index=pd.Index([model.policy], name="term"))
        return {"placebo_space": space, "placebo_space_draws": placebos}


def _given(own: PlaceboInSpace, kinds: IntArray) -> tuple[IntArray, float | Note]:
    """Return whose policy each unit gets in each placebo, shape (draws, N), and how many assignments are possible."""
    count = number_of_assignments(kinds)
    if count <= own.draws:
        return every_other(kinds), float(count)
    known = float(count) if count < sys.float_info.max else Note("power_of_ten", power=int(math.log10(count)))
    return assignments(len(kinds), own.draws, np.random.default_rng(own.seed)), known


def _together(
    own: PlaceboInSpace, model: DiD, panel: Panel, weights: Weights | None
) -> tuple[float, pd.DataFrame, float | Note]:
    """Return the two-way coefficient; numbers of all placebos; and how many assignments are possible."""
    made, policy = paths(model, panel)
    rows, n = rows_of(made), made.shape[0]
    names = made.expanded(model.controls, among=model.terms)
    given, count = _given(own, np.unique(policy, axis=0, return_inverse=True)[1].ravel())
    given = np.vstack([np.arange(n), given])
    column = model.observation_weights
    sizes = None if column is None else Weighting.of(made, column).values
    coef, se = placebo_effects(made.column(model.y), made.array(names), policy, given, rows, sizes)
    absorbed = absorbed_rank(rows, "two_way")
    factor = small_sample_factor(model.small_sample, n, len(rows.unit_codes), 1 + len(names), absorbed, n - 1)
    se = se * math.sqrt(factor)
    p = 2 * scipy.special.stdtr(n - 1, -np.abs(coef / se))
    if (model.cov, model.cluster, model.df) != ("cluster", "unit", "auto"):
        se, p = _by_fits(model, made, policy[given][:, rows.unit_codes, rows.period_codes], weights)
    return float(coef[0]), _frame(coef[1:], se[1:], p[1:]), count


def _by_fits(model: DiD, made: Panel, policies: FloatArray, weights: Weights | None) -> tuple[FloatArray, FloatArray]:
    """Return standard errors and p of the two-way coefficient of policies, shape (M, rows), by the model's errors."""
    regression, found = model.regression((model.policy,)), np.full((2, len(policies)), np.nan)
    for place, policy in enumerate(policies):
        # effects may leave nothing of a policy
        with suppress(DigicarbonError):
            fit = regression.fit(made.with_columns({model.policy: policy}), weights)
            found[:, place] = fit.estimates.loc[model.policy, ["se", "p"]].to_numpy(dtype=np.float64)
    return found[0], found[1]


def _one_by_one(
    own: PlaceboInSpace, model: DiD, panel: Panel, weights: Weights | None
) -> tuple[float, pd.DataFrame, float | Note]:
    """Return the same of an estimator that is fitted to each placebo by itself."""
    plain = model.by_errors
    timing = plain.timing(panel)
    whole = float(plain.fit(panel, weights).coef[0])
    given, count = _given(own, timing.first)
    placebos = np.full((3, len(given)), np.nan)
    for draw, first in enumerate(timing.first[given]):
        try:
            result = plain.fit(timing.given(first), weights)
        except DigicarbonError:
            # of gaps, e.g. a unit without rows before the policy that it is given
            continue
        placebos[:, draw] = result.estimates.iloc[0][["coef", "se", "p"]].to_numpy(dtype=np.float64)
    return whole, _frame(*placebos), count


def _frame(coef: FloatArray, se: FloatArray, p: FloatArray) -> pd.DataFrame:
    index = pd.RangeIndex(1, len(coef) + 1, name="draw")
    return pd.DataFrame({"coef": coef, "se": se, "p": p}, index=index)


class PlaceboInTime(OfModel):
    """Effects of the policy as if it had come some periods earlier, on the rows before it.

    Attributes
    ----------
    periods : tuple of int
        By how many periods the policy is moved, one row each.
    """

    table_names: ClassVar[tuple[str, ...]] = ("placebo_time",)

    periods: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False, min_length=1)] = (1, 2, 3)

    @field_validator("periods")
    @classmethod
    def _each_once(cls, periods: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(periods)))

    @property
    def notes(self) -> tuple[Note, ...]:
        """Which rows the placebos are fitted to."""
        return (Note("placebo_in_time", policy=did_of(self.model).policy),)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the policy has no first periods."""
        did_of(self.model).timing(panel)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``placebo_time``: a row for each number of periods, with the reason where there is no estimate."""
        model = did_of(self.model)
        lines = [_earlier(model, panel, weights, periods) for periods in self.periods]
        return {"placebo_time": pd.DataFrame(lines, index=pd.Index(self.periods, name="periods_earlier"))}


def _earlier(model: DiD, panel: Panel, weights: Weights | None, periods: int) -> dict[str, object]:
    """Return the effect of the policy some periods before it came, without rows under it."""
    timing = model.timing(panel)
    unit, treated = timing.panel.unit_codes, timing.first < NEVER
    # units that may react already are under the policy
    moved = np.where(treated, timing.first - model.anticipation - periods, NEVER)
    keep = timing.event < -model.anticipation
    begins = np.full(len(moved), NEVER, dtype=np.int64)
    np.minimum.at(begins, unit[keep], timing.at[keep])
    # of a unit that is treated in all rows that are left, nothing is before
    without = treated & (begins >= moved)
    keep &= ~without[unit]
    row: dict[str, object] = {**dict.fromkeys(NUMBERS, math.nan), "nobs": int(keep.sum())}
    row |= {"left_out": int(without.sum()), "note": ""}
    try:
        if not (treated & ~without).any():
            raise EstimationError(Note("placebo_nothing_before", policy=model.policy, periods=periods))
        there = np.bincount(unit[keep], minlength=len(moved)) > 0
        earlier = timing.rows(keep).given(moved[there])
        result = model.model_copy(update={"anticipation": 0}).fit(earlier, weights)
    except DigicarbonError as error:
        return row | {"note": note_of(error)}
    first = result.estimates.iloc[0]
    return row | {name: float(first[name]) for name in NUMBERS} | {"nobs": int(result.statistics["nobs"])}
