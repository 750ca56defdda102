"""Coefficients if what is not observed is selected like what is (Oster 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._focal import MOST_DUMMIES, Focal, focal_of
from digicarbon.diagnostic.group_comparison import Draws
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model.base import Level
from digicarbon.note import Note, cut
from digicarbon.packs.sensitivity.numeric.oster import Regressions, adjusted, approximate, delta, regressions
from digicarbon.packs.sensitivity.numeric.products import by_unit, remaining, resampled
from digicarbon.panel import Panel
from digicarbon.spec import Names, Seed
from digicarbon.weights import Weights

MULTIPLE = 1.3
"""Of the R² with controls: what Oster takes as the largest R², from randomised studies."""


NAMES = {
    "short": "coefficient without controls",
    "r2_short": "R² without controls",
    "long": "coefficient with controls",
    "r2_long": "R² with controls",
    "r_max": "largest R²",
    "delta": "delta",
    "adjusted": "bias-adjusted coefficient",
    "approximate": "bias-adjusted coefficient, approximation",
    "bound_low": "lower bound",
    "bound_high": "upper bound",
}
"""Rows of the table."""


class Oster(OfModel):
    """How strong selection on what is not observed must be to explain a coefficient, and the coefficient without it.

    Attributes
    ----------
    model : Model
        In a configuration ``${model}``, the model of the run: a regression with fixed effects, or with none.
    term : str or None
        The focal coefficient; None takes the only one. Others count as controls.
    always : tuple of str
        Controls of both regressions, which say nothing on what is not observed (``psacalc``'s mcontrol).
    r_max : float or None
        R², after effects, if all that matters were observed; None: 1.3 times that with controls, at most 1.
    selection : float
        Oster's delta with which the coefficient is adjusted.
    beta : float
        The true coefficient for which delta is computed.
    draws : int
        Samples of whole units for the intervals.
    seed : int
        Seed of the samples.
    level : float
        Coverage of the intervals, which are percentiles.

    Notes
    -----
    All regressions are after the model's effects, as ``psacalc`` after ``xtreg, fe``; standard errors do not matter.
    Effects and ``r_max`` are computed anew in each sample; there are no intervals where more than 200 further effects
    go across units.
    """

    references: ClassVar[tuple[str, ...]] = ("oster2019",)

    table_names: ClassVar[tuple[str, ...]] = ("oster",)
    scripts: ClassVar[Mapping[str, str]] = {
        "extract": "digicarbon.packs.sensitivity.script.sensitivity_r:extract",
        "r": "digicarbon.packs.sensitivity.script.sensitivity_r:oster",
        "stata": "digicarbon.packs.sensitivity.script.sensitivity_stata:oster",
    }

    term: str | None = None
    always: Names = ()
    r_max: Annotated[float, Field(gt=0, le=1)] | None = None
    selection: Annotated[float, Field(gt=0)] = 1.0
    beta: float = 0.0
    draws: Draws = 499
    seed: Seed = 0
    level: Level = 0.95

    @property
    def notes(self) -> tuple[Note, ...]:
        """What delta and the bounds are, and how the intervals were made."""
        chosen = Note("oster_r_max_default", multiple=MULTIPLE) if self.r_max is None else Note("oster_r_max_given")
        return (
            Note("oster", beta=self.beta, selection=self.selection),
            chosen,
            Note("oster_bootstrap", level=self.level, draws=self.draws, seed=self.seed),
        )

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return `notes`; where there are too many effects for samples, one that says so instead of that on samples."""
        if not tables["oster"]["low"].isna().all():
            return self.notes
        kept = (note for note in self.notes if note.code != "oster_bootstrap")
        return (*kept, Note("oster_without_samples", most=MOST_DUMMIES))

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if there are no controls to compare with, or their R² is above the largest one."""
        self._estimated(panel, weights)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return ``oster``, indexed by quantity: value, and the interval by samples of units."""
        focal, found = self._estimated(panel, weights)
        values = self._numbers(found)
        samples = self._drawn(focal)
        drawn = {} if samples is None else self._numbers(samples)
        edges = [(1 - self.level) / 2, (1 + self.level) / 2]
        rows = []
        for name, value in values.items():
            known = drawn[name][np.isfinite(drawn[name])] if drawn else np.empty(0)
            low, high = np.quantile(known, edges) if len(known) and name != "r_max" else (np.nan, np.nan)
            rows.append((float(value[0]), float(low), float(high)))
        index = pd.Index([NAMES[name] for name in values], name="quantity")
        return {"oster": pd.DataFrame(rows, columns=["value", "low", "high"], index=index)}

    def statistics(self, tables: Mapping[str, pd.DataFrame]) -> Mapping[str, float]:
        """Return ``delta`` and the bias-adjusted coefficient."""
        values = tables["oster"]["value"]
        return {"delta": float(values[NAMES["delta"]]), "bias_adjusted": float(values[NAMES["adjusted"]])}

    def controls(self, focal: Focal) -> tuple[list[str], tuple[str, ...]]:
        """Return the columns of controls that the regressions differ in, and those that are always there."""
        always = focal.of(self.always, "diagnostic.always")
        return [name for name in focal.controls if name not in always], always

    def _estimated(self, panel: Panel, weights: Weights | None) -> tuple[Focal, Regressions]:
        focal = focal_of(self.model, panel, self.term, weights)
        compared, always = self.controls(focal)
        if not compared and always:
            raise ConfigError(Note("oster_always_all", key="diagnostic.always", term=focal.term, controls=cut(always)))
        if not compared:
            raise ConfigError(Note("oster_without_controls", term=focal.term))
        inner = focal.inner([focal.term, *compared], always)
        found = regressions((inner.T @ inner)[None])
        if self.r_max is not None and self.r_max < found.r2_long[0]:
            raise EstimationError(
                Note("oster_r_max_below", key="diagnostic.r_max", given=self.r_max, r2=float(found.r2_long[0]))
            )
        return focal, found

    def _drawn(self, focal: Focal) -> Regressions | None:
        """Return both regressions in samples of units; None where there are too many effects."""
        compared, always = self.controls(focal)
        made = focal.with_dummies([focal.term, *compared], always)
        if made is None:
            return None
        columns, own = made
        products = by_unit(columns, focal.columns.rows)
        whole = products.sum(axis=0)
        # a column that hardly varies in a sample, as a rare policy, has no coefficient there
        least = 1e-9 * whole[0, 0]
        samples = resampled(products, self.draws, np.random.default_rng(self.seed))
        left = remaining(samples, range(own), range(own, columns.shape[1]))
        return regressions(left[left[:, 0, 0] > least])

    def _numbers(self, found: Regressions) -> dict[str, FloatArray]:
        """Return all numbers of regressions by name, each of shape (B,)."""
        r_max = (
            np.minimum(MULTIPLE * found.r2_long, 1.0) if self.r_max is None else np.full(len(found.long), self.r_max)
        )
        without_bias = adjusted(found, r_max, self.selection)
        return {
            "short": found.short,
            "r2_short": found.r2_short,
            "long": found.long,
            "r2_long": found.r2_long,
            "r_max": r_max,
            "delta": delta(found, r_max, self.beta),
            "adjusted": without_bias,
            "approximate": approximate(found, r_max, self.selection),
            "bound_low": np.minimum(found.long, without_bias),
            "bound_high": np.maximum(found.long, without_bias),
        }
