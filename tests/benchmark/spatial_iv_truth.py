"""Bias and coverage of spatial models by instruments beside maximum likelihood, with equal and unequal variances.

    python tests/benchmark/spatial_iv_truth.py [SEEDS] [UNITS PERIODS]

Two-way effects, a SAR with rho 0.4 and coefficients of 1. ``larger in small groups`` has weights within groups of three
and of half of the units, and larger errors in the small ones: maximum likelihood takes variances as equal, and its rho
is then not consistent. ``none`` is the share of fits whose rho lies outside of its range and that have no effects.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from spatial_iv_world import groups, world

from digicarbon import SpatialIV, SpatialPanel
from digicarbon.model import Model

TERMS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("z",), "effects": "two_way"}
INSIDE: dict[str, Any] = {"endogenous": ("x",), "instruments": ("q",)}
RHO, BETA = 0.4, 1.0
WORLDS: dict[str, dict[str, float]] = {
    "equal variances": {},
    "unequal by unit": {"spread": 1.0},
    "larger in small groups": {},
    "x endogenous": {"endogenous": 0.8, "spread": 0.5},
    "x endogenous, lambda 0.4": {"endogenous": 0.8, "spread": 0.5, "lam": 0.4},
}


def models(inside: bool, error: bool) -> dict[str, Model]:
    """Return the estimators that are compared."""
    own = INSIDE if inside else {}
    out: dict[str, Model] = {
        "ML": SpatialPanel(**TERMS, kind="sar", cov="cluster"),
        "2SLS, robust": SpatialIV(**TERMS, **own, cov="robust"),
        "2SLS, cluster": SpatialIV(**TERMS, **own, cov="cluster"),
        "GMM, robust": SpatialIV(**TERMS, **own, cov="robust", estimator="gmm"),
    }
    if error:
        out["SARAR, robust"] = SpatialIV(**TERMS, **own, kind="sarar", cov="robust")
    return out


def main(seeds: int, sizes: Sequence[tuple[int, int]]) -> None:
    """Print mean errors of rho and beta, coverage of 95 % intervals, and the share of fits without effects."""
    heads = ("bias of rho", "cover rho", "bias of x", "cover x", "cover total", "none")
    for n, t in sizes:
        for name, fields in WORLDS.items():
            sys.stdout.write(f"\n{n} x {t}, {name}, {seeds} seeds\n")
            sys.stdout.write(f"{'':16}" + "".join(f"{head:>13}" for head in heads) + "\n")
            for called, model in models("endogenous" in fields, "lam" in fields).items():
                rows = []
                w, spread = groups(n) if name == "larger in small groups" else (None, None)
                for seed in range(seeds):
                    panel, weights = world(n, t, seed, rho=RHO, beta=BETA, w=w, sizes=spread, **fields)
                    result = model.fit(panel, weights)
                    found = result.estimates
                    inside = [
                        found.loc[term, "low"] <= truth <= found.loc[term, "high"]
                        for term, truth in (("rho", RHO), ("x", BETA))
                    ]
                    total = list(result.focal_numbers("total"))
                    # rows of W sum to one
                    low, high = (total[0][1][3], total[0][1][4]) if total else (np.nan, np.nan)
                    covered = low <= BETA / (1 - RHO) <= high if total else np.nan
                    rho, x = found.loc["rho", "coef"] - RHO, found.loc["x", "coef"] - BETA
                    rows.append((rho, inside[0], x, inside[1], covered, not total))
                means = np.nanmean(np.array(rows, dtype=float), axis=0)
                sys.stdout.write(f"{called:16}" + "".join(f"{value:13.3f}" for value in means) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(given[0] if given else 200, [(given[1], given[2])] if given[1:] else ((30, 6), (30, 20), (285, 15)))
