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
from digicarbon.result import Result

TERMS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("z",), "effects": "two_way"}
INSIDE: dict[str, Any] = {"endogenous": ("x",), "instruments": ("q",)}
RHO, BETA, LAMBDA = 0.4, 1.0, 0.4
WORLDS: dict[str, dict[str, float]] = {
    "equal variances": {},
    "unequal by unit": {"spread": 1.0},
    "larger in small groups": {},
    "x endogenous": {"endogenous": 0.8, "spread": 0.5},
    "x endogenous, lambda 0.4": {"endogenous": 0.8, "spread": 0.5, "lam": LAMBDA},
}


def models(inside: bool, error: bool) -> dict[str, Model]:
    """Return the estimators that are compared."""
    own = INSIDE if inside else {}
    out: dict[str, Model] = {
        "ML": SpatialPanel(**TERMS, kind="sar", cov="classic", test="errors"),
        "2SLS, robust": SpatialIV(**TERMS, **own, cov="robust", test="errors"),
        "2SLS, cluster": SpatialIV(**TERMS, **own, cov="cluster", test="errors"),
        "GMM, robust": SpatialIV(**TERMS, **own, cov="robust", estimator="gmm", test="errors"),
    }
    if error:
        out["SARAR, robust"] = SpatialIV(**TERMS, **own, kind="sarar", cov="robust", test="errors")
    return out


Row = tuple[float, ...]


def row(result: Result) -> Row:
    """Return errors of rho, x and lambda, whether intervals hold them and the total effect, and if there is none."""
    numbers = {
        term: [column[place] for column in result.estimate_columns.values()] for place, term in enumerate(result.terms)
    }
    (rho, *_, rho_low, rho_high), (x, *_, x_low, x_high) = numbers["rho"], numbers["x"]
    total = list(result.focal_numbers("total"))
    # rows of W sum to one
    covered = total[0][1][3] <= BETA / (1 - RHO) <= total[0][1][4] if total else np.nan
    lam, *_, low, high = numbers.get("lambda", [np.nan] * 3)
    of_lam = low <= LAMBDA <= high if np.isfinite(low) else np.nan
    rest = covered, not total, lam - LAMBDA, of_lam
    return rho - RHO, rho_low <= RHO <= rho_high, x - BETA, x_low <= BETA <= x_high, *rest


def main(seeds: int, sizes: Sequence[tuple[int, int]]) -> None:
    """Print mean errors of rho and beta, coverage of 95 % intervals, and the share of fits without effects."""
    heads = ("bias of rho", "cover rho", "bias of x", "cover x", "cover total", "none", "bias of lam", "cover lam")
    for n, t in sizes:
        for name, fields in WORLDS.items():
            sys.stdout.write(f"\n{n} x {t}, {name}, {seeds} seeds\n")
            sys.stdout.write(f"{'':16}" + "".join(f"{head:>13}" for head in heads) + "\n")
            chosen = models("endogenous" in fields, "lam" in fields)
            rows: dict[str, list[Row]] = {called: [] for called in chosen}
            w, spread = groups(n) if name == "larger in small groups" else (None, None)
            for seed in range(seeds):
                panel, weights = world(n, t, seed, rho=RHO, beta=BETA, w=w, sizes=spread, **fields)
                for called, model in chosen.items():
                    rows[called].append(row(model.fit(panel, weights)))
            for called, found in rows.items():
                every = np.array(found, dtype=float)
                means = [column[np.isfinite(column)].mean() for column in every.T if np.isfinite(column).any()]
                sys.stdout.write(f"{called:16}" + "".join(f"{value:13.3f}" for value in means) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(given[0] if given else 200, [(given[1], given[2])] if given[1:] else ((30, 6), (30, 20), (285, 15)))
