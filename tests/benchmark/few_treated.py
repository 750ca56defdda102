"""Size and power where few units carry a policy: arrangements of its paths, and signs of units beside them.

Two-way effects, 8 years, errors independent with standard deviation 1 unless the name says otherwise; the policy starts
in the fifth year.

- three of 30: units at random, errors of units independent.
- three, AR 0.8: errors AR(1) with 0.8 and innovations of standard deviation 1, each unit starts in a year of its own.
- three neighbours: three of 30 units on a ring; errors (I - 0.5W)⁻¹ of independent ones, and the W is known.
- one province: one of 20 provinces of five cities, with shocks of provinces; ``cluster: province``.

Prints the share of p ≤ 0.05 without an effect and with one.

    python tests/benchmark/few_treated.py --samples 400 --effect 1.5 --draws 199
    python tests/benchmark/few_treated.py --samples 200 --draws 99 --estimators twfe imputation callaway_santanna
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

import digicarbon as dc

YEARS, START = 8, 4
WORLDS = ("three of 30", "three, AR 0.8", "three neighbours", "one province")


def sample(world: str, effect: float, seed: int) -> tuple[dc.Panel, dc.Weights | None]:
    """Return a panel, and its weights where they are known."""
    rng = np.random.default_rng(seed)
    weights = None
    cities = 5 if world == "one province" else 1
    n = 100 if world == "one province" else 30
    errors = rng.normal(size=(n, YEARS))
    units = [f"u{place:03d}" for place in range(n)]
    policy = np.zeros((n, YEARS))
    if world == "three of 30":
        policy[rng.choice(n, 3, replace=False), START:] = 1
    elif world == "three, AR 0.8":
        errors = rng.normal(size=(n, 40 + YEARS))
        for year in range(1, 40 + YEARS):
            errors[:, year] += 0.8 * errors[:, year - 1]
        errors = errors[:, 40:]
        for unit in rng.choice(n, 3, replace=False):
            policy[unit, rng.integers(2, YEARS - 1) :] = 1
    elif world == "three neighbours":
        ring = (np.roll(np.eye(n), 1, axis=1) + np.roll(np.eye(n), -1, axis=1)) / 2
        weights = dc.Weights.from_matrix(ring, units, name="ring")
        errors = np.linalg.solve(np.eye(n) - 0.5 * ring, errors)
        policy[(rng.integers(n) + np.arange(3)) % n, START:] = 1
    else:
        errors = (errors + np.repeat(rng.normal(size=(20, YEARS)), cities, axis=0)) / np.sqrt(2)
        policy[cities * rng.integers(20) + np.arange(cities), START:] = 1
    frame = pd.DataFrame(
        {
            "unit": np.repeat(units, YEARS),
            "year": np.tile(np.arange(2001, 2001 + YEARS), n),
            "y": (effect * policy + errors).ravel(),
            "x": policy.ravel(),
            "province": np.repeat([f"P{place // cities:02d}" for place in range(n)], YEARS),
        }
    )
    return dc.Panel.from_frame(frame, "unit", "year"), weights


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--effect", type=float, default=1.5)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--worlds", nargs="+", default=WORLDS)
    parser.add_argument("--estimators", nargs="+", default=["regression"], help="of dc.DiD, or the regression on x")
    asked = parser.parse_args()
    rows = {}
    for world in asked.worlds:
        cluster = "province" if world == "one province" else "unit"
        for estimator, effect in product(asked.estimators, (0.0, asked.effect)):
            fields = {"y": "y", "cluster": cluster, "draws": asked.draws, "intervals": False}
            if estimator == "regression":
                model: Any = dc.PanelRegression(x=("x",), **fields)
            else:
                model = dc.DiD(policy="x", estimator=estimator, **fields)
            rejected = []
            for seed in range(asked.samples):
                result = model.fit(*sample(world, effect, seed))
                plain = replace(result, resampled=None)
                arranged, errors = (one.estimates.loc["x", "p"] for one in (result, plain))
                p = arranged, result.statistics.get("p_units.x", np.nan), errors
                rejected.append(np.where(np.isnan(p), np.nan, np.array(p) <= 0.05))
            rows[world, estimator, effect] = np.mean(rejected, axis=0)
    table = pd.DataFrame(rows, index=["arrangements", "signs", "errors"]).T
    error = np.sqrt(0.05 * 0.95 / asked.samples)
    sys.stdout.write(table.round(3).to_string() + f"\n{asked.samples} samples, error of 0.05: {error:.3f}\n")


if __name__ == "__main__":
    main()
