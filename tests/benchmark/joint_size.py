"""Size and power of the joint test on panels with serial and spatial correlation, beside permutations of units.

Run from the repository: ``python tests/benchmark/joint_size.py [--replications 500] [--draws 199] [--only NAME …]``.

Measure, control and error are AR(1) with 0.7 within units and (I - 0.6 W)⁻¹ across them, W the provinces' neighbours,
two-way effects removed by the model. Under the null the measure has no effect; for power it has one of 0.4. A case
without a method in its name draws as the joint test does by default, patterns of W in space; others draw signs of units
or exchange units. "Law": the measures are noisy ones of a law in ten provinces, scattered or together.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from digicarbon.model import Model, PanelRegression, SpatialPanel
from digicarbon.model._panel_columns import rows_of
from digicarbon.model.batch import Estimand
from digicarbon.model.in_space import patterns_among
from digicarbon.numeric.resampling.curve_statistics import curve_statistics
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.null_model import NullModel, linear_null
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.step_down import step_down
from digicarbon.numeric.resampling.unit_permutation import permutations
from digicarbon.numeric.resampling.unit_wild import draws_of
from digicarbon.packs.china import facts
from digicarbon.panel import Panel
from digicarbon.report.joint import STATISTICS
from digicarbon.weights import Weights

FloatArray = NDArray[np.float64]
W = Weights.from_edges(facts.adjacency())
N = W.n
SERIAL, SPATIAL, BURN = 0.7, 0.6, 30
INVERSE = np.linalg.inv(np.eye(N) - SPATIAL * W.dense())
MEASURES = ("x1", "x2", "x3")
CONTROLS: tuple[tuple[str, ...], ...] = ((), ("c",))


@dataclass(frozen=True)
class Design:
    """How panels are drawn: periods, the effect of the measure, and how unequal units are."""

    t: int = 6
    effect: float = 0.0
    unequal: bool = False
    related: bool = False
    law: str = ""


def law_of(rng: np.random.Generator, t: int, together: bool) -> FloatArray:
    """Return a law of ten provinces that begins in each in a period of its own, shape (N, T)."""
    joined = W.dense() > 0
    order = rng.permutation(N)
    if together:
        near = np.zeros(N, dtype=bool)
        near[order[0]] = True
        steps = np.full(N, N)
        for step in range(N):
            steps[near & (steps == N)] = step
            near |= joined[near].any(axis=0)
        order = order[np.argsort(steps[order], kind="stable")]
    out = np.zeros((N, t))
    for unit in order[:10]:
        out[unit, rng.integers(1, t) :] = 1
    return out


def correlated(rng: np.random.Generator, t: int, scale: FloatArray | float = 1.0) -> FloatArray:
    """Return a variable, shape (N, T)."""
    e = np.empty((t + BURN, N))
    e[0] = rng.normal(size=N)
    for period in range(1, t + BURN):
        e[period] = SERIAL * e[period - 1] + rng.normal(size=N)
    return np.asarray(INVERSE @ (e[BURN:] * scale).T)


def drawn(design: Design, seed: int) -> Panel:
    """Return a panel: three noisy measures of one thing, a control and the outcome."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(scale=0.7, size=N)) if design.unequal else np.ones(N)
    true, c = correlated(rng, design.t, scale if design.related else 1.0), correlated(rng, design.t)
    noise = 0.5
    if design.law:
        true, noise = law_of(rng, design.t, design.law == "together"), 0.1
    y = design.effect * true + 0.5 * c + correlated(rng, design.t, scale)
    columns = {"y": y, "c": c} | {name: true + noise * correlated(rng, design.t) for name in MEASURES}
    index = pd.MultiIndex.from_product([W.labels, range(2001, 2001 + design.t)], names=["unit", "year"])
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index)
    return Panel.from_frame(frame.reset_index(), unit="unit", time="year")


def fe(x: str, controls: tuple[str, ...]) -> Model:
    """Return a two-way fixed-effects regression, clustered by unit."""
    return PanelRegression(y="y", x=(x,), controls=controls, cov="cluster", test="errors")


def spatial(kind: str, cov: str = "cluster") -> Callable[[str, tuple[str, ...]], Model]:
    """Return what makes a spatial specification."""
    return lambda x, controls: SpatialPanel(y="y", x=(x,), controls=controls, kind=kind, cov=cov, test="errors")


Outcomes = Callable[[Panel, Model, int, int], FloatArray]


def fitted_null(panel: Panel, model: Model) -> NullModel:
    """Return the null model that `digicarbon.sweep.joint` fits."""
    null = model.null(panel, W if model.takes_weights else None, [W])
    assert null is not None
    return null.fit()


def turned(panel: Panel, model: Model, draws: int, seed: int) -> FloatArray:
    """Return outcomes as `digicarbon.sweep.joint` draws them, the observed one first."""
    weights = Draws(signs_of(panel.units, draws, seed, every=False), patterns_among(panel.units, [W]), draws, seed)
    null = weights.of(fitted_null(panel, model))
    return np.column_stack([null.y, draws_of(null, weights)])


def signed(panel: Panel, model: Model, draws: int, seed: int) -> FloatArray:
    """Return outcomes as `digicarbon.sweep.joint` draws them with signs of units."""
    found = fitted_null(panel, model)
    return np.column_stack([found.y, draws_of(found, Draws(signs_of(panel.units, draws, seed, every=False)))])


def permuted(panel: Panel, model: Model, draws: int, seed: int) -> FloatArray:
    """Return outcomes as `digicarbon.sweep.joint` draws them with ``method="permutation"``."""
    found = fitted_null(panel, model)
    return np.column_stack([found.y, found.outcomes(permutations(N, draws, seed))])


def plain(panel: Panel, model: Model, draws: int, seed: int) -> FloatArray:
    """Return outcomes of whole units exchanged without a spatial filter."""
    found = linear_null(panel.column("y"), panel.array(model.controls), rows_of(panel), "two_way")
    return np.column_stack([found.y, found.outcomes(permutations(N, draws, seed))])


def rowwise(panel: Panel, model: Model, draws: int, seed: int) -> FloatArray:
    """Return outcomes whose residuals are exchanged row by row."""
    found = linear_null(panel.column("y"), panel.array(model.controls), rows_of(panel), "two_way")
    moved = found.residuals[permutations(len(found.y), draws, seed).T]
    return np.column_stack([found.y, found.y[:, None] - found.residuals[:, None] + moved])


def one(
    panel: Panel,
    make: Callable[[str, tuple[str, ...]], Model],
    quantity: str,
    how: Outcomes,
    at: tuple[int, int],
) -> tuple[list[float], float]:
    """Return the p values of the joint test of six specifications with the smallest step-down p, and the usual p value.

    The usual one is that of the first specification.
    """
    draws, seed = at
    numbers, every_z, usual = [], [], float("nan")
    for controls in CONTROLS:
        outcomes: FloatArray | None = None
        for x in MEASURES:
            model = make(x, controls)
            weights = W if model.takes_weights else None
            outcomes = how(panel, model, draws, seed) if outcomes is None else outcomes
            batch = model.batch(panel, weights, Estimand(quantity, x))
            estimate, se = batch.fit(batch.prepare(outcomes))
            if not numbers:
                df = N - 1 if weights is None else 1e9
                usual = float(2 * special.stdtr(df, -abs(estimate[0] / se[0])))
            numbers.append((estimate[0], se[0]))
            every_z.append(estimate / se)
    z = np.array(every_z, dtype=np.float32)
    p = curve_statistics(*np.array(numbers).T, z, 0.05)[0].p()
    return [*(p[name] for name in STATISTICS), float(step_down(z[:, 0], z[:, 1:]).adjusted.min())], usual


Case = tuple[Design, Callable[[str, tuple[str, ...]], Model], str]
ALIKE = Design(unequal=True, related=True)
BOTH: dict[str, Case] = {
    "FE": (Design(), fe, "coefficient"),
    "FE, 15 periods": (Design(t=15), fe, "coefficient"),
    "SDM, total": (Design(), spatial("sdm"), "total"),
    "SDM, direct": (Design(), spatial("sdm"), "direct"),
    "SAR, total": (Design(), spatial("sar"), "total"),
    "SLX, total": (Design(), spatial("slx"), "total"),
    "SDEM, total": (Design(), spatial("sdem"), "total"),
    "FE, unequal units": (Design(unequal=True), fe, "coefficient"),
    "FE, unequal units, measure alike": (ALIKE, fe, "coefficient"),
    "SDM, direct, unequal units, measure alike": (ALIKE, spatial("sdm"), "direct"),
    "SDM, direct, unequal units, measure alike, errors of one variance": (
        ALIKE,
        spatial("sdm", "classic"),
        "direct",
    ),
    "SDM, total, unequal units": (Design(unequal=True), spatial("sdm"), "total"),
    "law, scattered: FE": (Design(law="scattered"), fe, "coefficient"),
    "law, together: FE": (Design(law="together"), fe, "coefficient"),
    "law, scattered: SDM, total": (Design(law="scattered"), spatial("sdm"), "total"),
    "law, together: SDM, direct": (Design(law="together"), spatial("sdm"), "direct"),
    "law, together: SDM, total": (Design(law="together"), spatial("sdm"), "total"),
    "power: FE": (Design(effect=0.4), fe, "coefficient"),
    "power: SDM, direct": (Design(effect=0.4), spatial("sdm"), "direct"),
    "power: SDM, total": (Design(effect=0.4), spatial("sdm"), "total"),
    "power: SDM, total, effect of 1": (Design(effect=1.0), spatial("sdm"), "total"),
}
"""Cases of all ways to draw."""
CASES: dict[str, tuple[Design, Callable[[str, tuple[str, ...]], Model], str, Outcomes]] = {
    "FE, rows exchanged": (Design(), fe, "coefficient", rowwise),
    "FE, units exchanged, no filter": (Design(), fe, "coefficient", plain),
    "SDM, units exchanged, no filter": (Design(), spatial("sdm"), "total", plain),
    **{
        f"{name}{method}": (*case, how)
        for name, case in BOTH.items()
        for method, how in (("", turned), (", signs of units", signed), (", permutation", permuted))
    },
}


def rates(name: str, replications: int, draws: int) -> tuple[FloatArray, float]:
    """Return how often each statistic and any step-down p rejects at 5 %, and how often the usual test does."""
    design, make, quantity, how = CASES[name]
    found = [one(drawn(design, seed), make, quantity, how, (draws, seed)) for seed in range(replications)]
    rejected = np.array([[value <= 0.05 for value in (*values, usual)] for values, usual in found])
    return rejected[:, :-1].mean(axis=0), float(rejected[:, -1].mean())


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of rejection rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--only", nargs="*", default=list(CASES))
    asked = parser.parse_args(arguments)
    out = sys.stdout
    out.write("| case | median | share significant | mean z | any step-down p | usual test of one |\n")
    out.write("|---|---|---|---|---|---|\n")
    start = time.process_time()
    for name in asked.only:
        joint, usual = rates(name, asked.replications, asked.draws)
        out.write(f"| {name} | {' | '.join(f'{rate:.3f}' for rate in joint)} | {usual:.3f} |\n")
        out.flush()
    out.write(f"\n{asked.replications} replications x {asked.draws} draws; {time.process_time() - start:.0f} s CPU.\n")


if __name__ == "__main__":
    main()
