"""Size of the tests for the choice of a panel regression: share of draws in which a true null is rejected at 5 %.

Run from the repository: ``python tests/benchmark/size_of_panel_tests.py`` (a few minutes on one core); its table stands
in docs/model_choice.md.

30 units and 6 periods. Two regressors, each a unit part and a first-order autoregressive part (0.7), stay the same
over draws. The outcome is their sum plus errors of three kinds: independent and alike; independent with a standard
deviation of 0.5 to 1.5 by unit; first-order autoregressive with 0.5. Tests of effects have no effects under their null;
all others have unit effects of variance one that are independent of the regressors. The last column is the power of the
tests for dependence between units: the errors have a common factor of variance one with standard normal loadings.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from digicarbon.numeric.linear.within import without_effects
from digicarbon.numeric.tests import cross_section, hausman, serial_correlation
from digicarbon.numeric.tests.auxiliary_regression import regress
from digicarbon.numeric.tests.effects_f import effects_f
from digicarbon.numeric.tests.error_components_lm import error_components
from digicarbon.numeric.tests.heteroskedasticity import studentized_breusch_pagan

FloatArray = NDArray[np.float64]

N, T, DRAWS, SEED, LEVEL = 30, 6, 4000, 20240601, 0.05
UNIT = np.repeat(np.arange(N), T)
PERIOD = np.tile(np.arange(T), N)
KINDS = ("independent", "heteroskedastic", "autoregressive", "one factor (power)")
DEPENDENCE = ("CD", "LM of pairs", "scaled LM", "corrected scaled LM")
NOT_THE_NULL = {"autoregressive": ("Wooldridge", "Breusch-Godfrey", "Baltagi-Li"), "heteroskedastic": ("Koenker",)}


def autoregressive(slope: float, rng: np.random.Generator) -> FloatArray:
    """Return a stationary first-order autoregression of variance one in each unit, shape (N·T,)."""
    e = rng.standard_normal((N, T))
    for period in range(1, T):
        e[:, period] = slope * e[:, period - 1] + np.sqrt(1 - slope**2) * e[:, period]
    return e.ravel()


def errors(kind: str, rng: np.random.Generator) -> FloatArray:
    """Return errors, shape (N·T,)."""
    e = autoregressive(0.5 if kind == "autoregressive" else 0.0, rng)
    if kind.startswith("one factor"):
        return e + np.outer(rng.standard_normal(N), rng.standard_normal(T)).ravel()
    return e * np.repeat(np.linspace(0.5, 1.5, N), T) if kind == "heteroskedastic" else e


def p_values(x: FloatArray, e: FloatArray, mu: FloatArray, rng: np.random.Generator) -> Iterator[tuple[str, float]]:
    """Yield each test and its p value."""
    y = x.sum(axis=1) + e
    for larger, smaller in (("unit", "none"), ("time", "none"), ("two_way", "none"), ("two_way", "unit")):
        yield f"F {larger} against {smaller}", effects_f(y, x, UNIT, PERIOD, larger, smaller).p
    pooled = regress(y, np.column_stack([np.ones(len(y)), x])).residuals
    for name, found in vars(error_components(pooled, UNIT, PERIOD)).items():
        yield f"LM {name}", found.p
    yield "Koenker, pooled", studentized_breusch_pagan(pooled, x).p
    yield "Breusch-Godfrey, pooled", serial_correlation.breusch_godfrey(pooled, np.column_stack([np.ones(N * T), x])).p
    y = y + mu
    two = hausman.contrast(y, x, UNIT, PERIOD)
    for form in ("classic", "sigmamore", "sigmaless"):
        contrast = hausman.hausman_contrast(two, form)
        yield f"Hausman {form}", contrast.statistic.p
        if form == "classic":
            yield "Hausman classic: share not definite", 0.0 if not contrast.definite else 1.0
    for covariance in ("classic", "hc0", "sss", "stata"):
        yield f"Hausman auxiliary {covariance}", hausman.auxiliary(two, covariance).p
    yield "Wooldridge, xtserial", serial_correlation.wooldridge_stata(y, x, UNIT, PERIOD).p
    yield "Wooldridge, differences", serial_correlation.wooldridge_difference(y, x, UNIT).p
    yield "Baltagi-Li", serial_correlation.baltagi_li(y, x, N).p
    for effects in ("unit", "two_way"):
        within, _ = without_effects(np.column_stack([y, x]), UNIT, PERIOD, effects)
        fit = regress(within[:, 0], within[:, 1:])
        yield f"Wooldridge, within, {effects}", serial_correlation.wooldridge_within(fit.residuals, UNIT, T).p
        yield f"Breusch-Godfrey, {effects}", serial_correlation.breusch_godfrey(fit.residuals, fit.design).p
        yield f"Koenker, {effects}", studentized_breusch_pagan(fit.residuals, x).p
        cube = fit.residuals.reshape(N, T).T
        yield f"CD, {effects}", cross_section.pesaran_cd(cube).p
        yield f"CDw, {effects}", cross_section.weighted_cd(cube, rng).p
        yield f"LM of pairs, {effects}", cross_section.breusch_pagan_lm(cube).p
        yield f"scaled LM, {effects}", cross_section.scaled_lm(cube).p
        yield f"corrected scaled LM, {effects}", cross_section.scaled_lm(cube, corrected=True).p


def main(write: Callable[[str], object]) -> None:
    """Write the table."""
    rng = np.random.default_rng(SEED)
    x = np.column_stack([autoregressive(0.7, rng) + rng.standard_normal(N)[UNIT] for _ in range(2)])
    shares: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        for _ in range(DRAWS):
            for test, p in p_values(x, errors(kind, rng), rng.standard_normal(N)[UNIT], rng):
                row = shares.setdefault(test, dict.fromkeys(KINDS, 0.0))
                row[kind] += (p < LEVEL) / DRAWS
    write(f"{DRAWS} draws, simulation error about {np.sqrt(0.05 * 0.95 / DRAWS):.4f}\n\n")
    write("| test | " + " | ".join(KINDS) + " |\n|---|" + "---|" * len(KINDS) + "\n")
    for test, row in shares.items():
        shown = [kind for kind in KINDS[:3] if not test.startswith(NOT_THE_NULL.get(kind, ("-",)))]
        shown += KINDS[3:] if test.startswith(DEPENDENCE) else ()
        cells = [f"{row[kind]:.3f}" if kind in shown else "" for kind in KINDS]
        write(f"| {test} | " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main(sys.stdout.write)
