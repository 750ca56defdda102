"""Size and power of tests of a policy's effect: from the standard errors, with degrees of freedom of units, and wild.

Run from the repository: ``python tests/benchmark/did_size.py [--replications 1000] [--draws 199] [--jobs 2]
[--effect 0.5] [--only NAME …]``.

Units by 15 periods; two of five units come under the policy, in three cohorts from the 6th, 8th and 10th period on.
Errors are AR(1) with 0.6 within units, of variance one; of unequal units they are scaled by a lognormal factor (0.7).
The table has the share of panels in which p <= 0.05 with an effect of 0, and with that of ``--effect``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd
import scipy
from joblib import Parallel, delayed

import digicarbon as dc

PERIODS, STARTS, MEMORY, BURN = 15, (5, 7, 9), 0.6, 30
CASES = {
    "twfe": {"estimator": "twfe"},
    "sun_abraham": {"estimator": "sun_abraham"},
    "stacked": {"estimator": "stacked"},
    "imputation": {"estimator": "imputation"},
    "imputation, two controls": {"estimator": "imputation", "controls": ("c", "d")},
    "callaway_santanna": {"estimator": "callaway_santanna"},
    "callaway_santanna, not yet": {"estimator": "callaway_santanna", "compare": "not_yet"},
    "callaway_santanna, two controls": {"estimator": "callaway_santanna", "controls": ("c", "d")},
}


@dataclass(frozen=True)
class World:
    """How panels are drawn; ``effects`` of the three cohorts, whose mean over treated rows is zero, come on top."""

    units: int = 30
    unequal: bool = False
    effects: tuple[float, float, float] = (0.0, 0.0, 0.0)


WORLDS = {
    "30 × 15": World(),
    "60 × 15": World(60),
    "30 × 15, unequal units": World(unequal=True),
    "30 × 15, effects differ": World(effects=(0.6, 0.0, -1.0)),
}


def drawn(world: World, effect: float, seed: int) -> dc.Panel:
    """Return a panel with y, c, d and the policy ``pilot``."""
    rng, units = np.random.default_rng(seed), world.units
    e = rng.standard_normal((3, units, PERIODS + BURN)) * np.sqrt(1 - MEMORY**2)
    for period in range(1, PERIODS + BURN):
        e[..., period] += MEMORY * e[..., period - 1]
    y, c, d = e[..., BURN:]
    if world.unequal:
        y = y * rng.lognormal(0, 0.7, units)[:, None]
    first = np.full(units, PERIODS)
    treated = 2 * units // 5
    first[:treated] = np.array(STARTS)[np.arange(treated) % 3]
    event = np.arange(PERIODS) - first[:, None]
    own = effect + np.append(world.effects, 0.0)[np.where(first < PERIODS, np.arange(units) % 3, 3)]
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"u{unit:03d}" for unit in range(units)], PERIODS),
            "year": np.tile(2000 + np.arange(PERIODS), units),
            "y": (y + own[:, None] * (event >= 0)).ravel(),
            "c": c.ravel(),
            "d": d.ravel(),
            "pilot": (event >= 0).ravel().astype(float),
        }
    )
    return dc.Panel.from_frame(frame, unit="unit", time="year")


def p_values(case: str, world: str, effect: float, draws: int, seed: int) -> tuple[float, ...]:
    """Return p of the standard errors by a normal or t distribution, by t with units less one, and wild."""
    wild = {"test": "wild", "draws": draws, "intervals": False, "seed": seed}
    model = dc.DiD(y="y", policy="pilot", **CASES[case], **wild)
    result = model.fit(drawn(WORLDS[world], effect, seed))
    usual = replace(result, resampled=None).estimates.loc["pilot"]
    other = 2 * scipy.stats.t.sf(abs(usual["coef"] / usual["se"]), WORLDS[world].units - 1)
    resampled = np.nan if model.no_wild else result.estimates.loc["pilot", "p"]
    return float(usual["p"]), float(other), float(resampled)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--effect", type=float, default=0.5)
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS))
    parser.add_argument("--only", nargs="*", default=list(CASES))
    asked = parser.parse_args(arguments)
    start = time.perf_counter()
    names = "usual", "t(units - 1)", "wild"
    heads = [f"{name}, effect {effect:g}" for effect in (0.0, asked.effect) for name in names]
    sys.stdout.write(f"| world | estimator | {' | '.join(heads)} |\n" + "|---" * (2 + len(heads)) + "|\n")
    with Parallel(n_jobs=asked.jobs) as parallel:
        for world in asked.worlds:
            for case in asked.only:
                cells = []
                for effect in (0.0, asked.effect):
                    found = parallel(
                        delayed(p_values)(case, world, effect, asked.draws, seed) for seed in range(asked.replications)
                    )
                    p = np.array(found)
                    shares = np.where(np.isnan(p).any(axis=0), np.nan, (p <= 0.05).mean(axis=0))
                    cells += ["–" if np.isnan(share) else f"{share:.3f}" for share in shares]
                sys.stdout.write(f"| {world} | {case} | {' | '.join(cells)} |\n")
                sys.stdout.flush()
    sys.stdout.write(
        f"\n{asked.replications} replications × {asked.draws} draws; {time.perf_counter() - start:.0f} s\n"
    )


if __name__ == "__main__":
    main()
