"""The wild restricted efficient bootstrap of an instrumental-variable regression, and of Anderson and Rubin's test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.model.batch import Estimand
from digicarbon.model.restrictions import Redrawn
from digicarbon.numeric.iv.anderson_rubin import Interval
from digicarbon.numeric.iv.many import Equations
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.linear.least_squares import solve
from digicarbon.numeric.linear.linear_batch import LinearBatch, LinearRule
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.inversion import arcs
from digicarbon.numeric.resampling.unit_wild import CELLS, critical, p_value
from digicarbon.numeric.slices import slices


class Instrumented(Redrawn):
    """Focal coefficients of an equation with exogenous regressors, then endogenous ones, by name."""

    def __init__(self, equations: Equations, names: tuple[str, ...], focal: tuple[str, ...]) -> None:
        self._equations, self._names = equations, names
        self.estimands = tuple(Estimand("coefficient", term) for term in focal)

    def fits(self, place: int, value: float, draws: Draws) -> tuple[FloatArray, FloatArray]:
        """Return a coefficient and its standard error for every draw in which it has a value."""
        at = self._names.index(self.estimands[place].term)
        null, contrast = self._equations.null(at, value), np.zeros(len(self._names))
        contrast[at] = 1.0
        cells = len(self._equations.y) * (1 + self._equations.x.shape[1])
        parts = [
            self._equations.fits(*self._equations.drawn(null, draws, some), contrast)
            for some in slices(len(draws.weights), CELLS // cells)
        ]
        estimates, errors = zip(*parts, strict=True)
        return np.concatenate(estimates), np.concatenate(errors)


@dataclass(frozen=True, eq=False)
class WildAndersonRubin:
    """Anderson and Rubin's test by the wild bootstrap; p is not-a-number where the statistic does not exist.

    ``intervals`` is the set of a single endogenous regressor's coefficient; None with several, or where it was not
    asked for.
    """

    p: float
    intervals: tuple[Interval, ...] | None


def wild_anderson_rubin(
    equations: Equations, draws: Draws, estimate: tuple[float, float], level: float, inverted: bool
) -> WildAndersonRubin:
    """Return the p value that all endogenous regressors have no effect, and the set of values that are not rejected.

    ``estimate`` is of the first endogenous regressor, with its standard error: about these the set is looked for, if
    ``inverted``. The statistic is the Wald statistic of the instruments in y - xb with the model's covariance; its null
    model there has the exogenous regressors alone. Critical values are those at each b. The set is looked for at
    `digicarbon.numeric.resampling.inversion.PLACES` places, equal steps of the angle of (y, x), and its ends by secant
    steps.
    """
    test = _Test(equations, draws)
    observed, drawn = test.statistics(equations.y)
    p = p_value(observed, drawn) if np.isfinite(observed) else math.nan
    if not inverted or equations.x.shape[1] > 1 or math.isnan(p):
        return WildAndersonRubin(p, None)
    middle, scale = estimate
    x = equations.x[:, 0]
    centre = equations.y - middle * x

    def excess(angle: float) -> float:
        statistic, among = test.statistics(math.cos(angle) * centre - math.sin(angle) * scale * x)
        return math.sqrt(statistic) - math.sqrt(critical(among, 1 - level))

    def value(angle: float) -> float:
        if abs(angle) == math.pi / 2:
            return math.copysign(math.inf, angle)
        return middle + scale * math.tan(angle)

    return WildAndersonRubin(p, tuple((value(low), value(high)) for low, high in arcs(excess)))


class _Test:
    """The Wald statistic of instruments in an outcome, and its draws under the null that they have no effect."""

    def __init__(self, equations: Equations, draws: Draws) -> None:
        self._equations, self._draws = equations, draws
        columns, errors = np.column_stack([equations.w, equations.z]), equations.errors
        factor = errors.factor(columns.shape[1])
        if errors.kind == "classic":
            rule = LinearRule("classic", (factor / len(columns),))
        elif len(errors.clusters) == 2:
            rule = LinearRule("both", (factor,) * 3)
        else:
            rule = LinearRule("groups" if errors.clusters else "robust", (factor,))
        groups = (Groups.coded(errors.clusters[0]),) if len(errors.clusters) == 1 else ()
        self._batch = LinearBatch(columns, equations.rows, rule, groups)
        self._instruments = np.eye(columns.shape[1])[equations.w.shape[1] :]
        self._basis = equations.basis(equations.w)

    def statistics(self, outcome: FloatArray) -> tuple[float, FloatArray]:
        """Return the statistic of an outcome, and those of the draws, shape (M,)."""
        own = self._equations
        residuals = outcome - own.w @ solve(own.w, outcome) if own.w.shape[1] else outcome
        safe = own.corrected(residuals, self._basis)
        observed = float(self._batch.wald(outcome[:, None], self._instruments)[0])
        parts = []
        for some in slices(len(self._draws.weights), CELLS // len(outcome)):
            errors = own.without_effects(self._draws.errors(safe, own.rows, some))
            parts.append(self._batch.wald(errors, self._instruments))
        return observed, np.concatenate(parts)
