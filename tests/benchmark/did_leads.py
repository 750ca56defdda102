"""Size of the joint test that nothing happened before a policy.

Run from the repository: ``python tests/benchmark/did_leads.py [--replications 500] [--draws 199] [--jobs 2]
[--only NAME …]``.

Units and years are drawn without an effect; errors are an AR(1) of variance 1 within units. The columns are the share
of panels with p of 0.05 or less: of the standard errors, and of the wild bootstrap.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import digicarbon as dc

ESTIMATORS = ("event_study", "sun_abraham", "imputation", "callaway_santanna")
WORLDS = {
    "60 × 12": ({6: 12, 9: 12, 12: 6, 0: 30}, 12),
    "30 × 15": ({6: 4, 8: 4, 11: 4, 0: 18}, 15),
    "285 × 15": ({6: 57, 8: 57, 11: 57, 0: 114}, 15),
}
"""Units by first year under the policy, 0 for never, and years."""
MEMORY, BURN = 0.4, 20


def drawn(world: str, seed: int) -> dc.Panel:
    """Return a panel without an effect."""
    sizes, periods = WORLDS[world]
    first = np.repeat(list(sizes), list(sizes.values()))
    rng, n = np.random.default_rng(seed), len(first)
    errors = rng.standard_normal((n, periods + BURN))
    for t in range(1, errors.shape[1]):
        errors[:, t] = MEMORY * errors[:, t - 1] + np.sqrt(1 - MEMORY**2) * errors[:, t]
    rows = pd.DataFrame({"unit": np.repeat(np.arange(n), periods), "year": np.tile(np.arange(1, periods + 1), n)})
    rows["y"] = errors[:, BURN:].ravel()
    panel = dc.Panel.from_frame(rows.assign(unit=rows["unit"].map("u{:03d}".format)), "unit", "year")
    return panel.with_policy("pilot", dict(zip(panel.units, first.tolist(), strict=True)))


def rejections(world: str, draws: int, seed: int) -> list[tuple[float, float]]:
    """Return for each estimator whether the test of the errors and the wild one reject."""
    panel, out = drawn(world, seed), []
    for estimator in ESTIMATORS:
        fields = {"y": "y", "policy": "pilot", "estimator": estimator, "aggregate": "event"}
        pair = [
            dc.DiD(**fields, **more).fit(panel).statistics.get("pretest_p", np.nan)
            for more in ({"test": "errors"}, {"test": "wild", "draws": draws, "seed": seed, "intervals": False})
        ]
        out.append((float(pair[0] <= 0.05), float(pair[1] <= 0.05)))
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=500)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*")
    asked = parser.parse_args(arguments)
    sys.stdout.write("| world | estimator | errors | wild |\n|---|---|---|---|\n")
    start = time.perf_counter()
    for world in asked.only or WORLDS:
        one = delayed(rejections)
        found = np.array(Parallel(n_jobs=asked.jobs)(one(world, asked.draws, k) for k in range(asked.replications)))
        for estimator, (errors, wild) in zip(ESTIMATORS, found.mean(axis=0).tolist(), strict=True):
            sys.stdout.write(f"| {world} | `{estimator}` | {errors:.3f} | {wild:.3f} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{asked.replications} replications; {time.perf_counter() - start:.0f} s\n")


if __name__ == "__main__":
    main()
