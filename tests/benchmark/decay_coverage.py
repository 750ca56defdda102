"""Bias and coverage of spatial panels with an estimated decay, over seeds: python tests/benchmark/decay_coverage.py.

Prints for each kind and size: the mean estimate and the coverage of γ (by its standard error, and by the likelihood
ratio), of ρ or λ (likewise), and of the direct and indirect effect of x; how often γ is at an end of its range; and ρ
or λ where the true W is known.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

import digicarbon as dc
from digicarbon.source import SimulatedDecay

SIZES = ((30, 6), (30, 20), (285, 15))
GAMMA, BETA, THETA, SPATIAL = 2.0, 1.0, 0.5, 0.4


def one(kind: str, n: int, periods: int, seed: int, decay: str) -> dict[str, float]:
    """Return estimates less the truth, and whether intervals hold it."""
    lagged = kind in ("slx", "sdm", "sdem")
    lag, error = kind in ("sar", "sdm"), kind in ("sem", "sdem")
    gamma = GAMMA if decay == "power" else 0.004
    theta = THETA if lagged else 0.0
    source = SimulatedDecay(
        seed=seed, n=n, periods=periods, decay=decay, gamma=gamma, beta=BETA, theta=theta,
        rho=SPATIAL if lag else 0.0, lam=SPATIAL if error else 0.0, sigma=0.5,
    )  # fmt: skip
    frame = source.load().frame
    panel = dc.Panel.from_frame(frame, unit="unit", time="time")
    model = dc.DecayPanel(y="y", x=("x",), controls=("c",), kind=kind, durbin="x", decay=decay, test="errors")
    result = model.fit(panel)
    where = frame.groupby("unit", sort=False)[["longitude", "latitude"]].first().to_numpy()
    w = source.weights(where)
    effects = np.linalg.solve(np.eye(n) - (SPATIAL if lag else 0.0) * w, BETA * np.eye(n) + theta * w)
    direct, total = float(np.diag(effects).mean()), float(effects.sum() / n)
    out: dict[str, float] = {}

    def add(name: str, row: object, truth: float) -> None:
        out[name] = float(row["coef"]) - truth
        out[f"{name}_covers"] = float(row["low"] <= truth <= row["high"]) if np.isfinite(row["se"]) else np.nan

    add("gamma", result.estimates.loc["gamma"], gamma)
    low, high = result.statistics["gamma_low"], result.statistics["gamma_high"]
    out["gamma_lr_covers"] = float(low <= gamma <= high)
    out["gamma_end"] = float(result.has_note("decay_at_end"))
    out["spatial_end"] = float(bool(result.boundary))
    if lag or error:
        name = "rho" if lag else "lambda"
        add("spatial", result.estimates.loc[name], SPATIAL)
        low, high = result.statistics[f"{name}_low"], result.statistics[f"{name}_high"]
        out["spatial_lr_covers"] = float(low <= SPATIAL <= high)
        known = dc.SpatialPanel(y="y", x=("x",), controls=("c",), kind=kind, durbin="x", cov="observed", test="errors")
        fit = known.fit(panel, dc.Weights.from_matrix(w, panel.units, normalise="none"))
        add("known", fit.estimates.loc[name], SPATIAL)
    if result.spatial_effects is not None:
        add("direct", result.effects.loc[("direct", "x")], direct)
        if lag or lagged:
            add("indirect", result.effects.loc[("indirect", "x")], total - direct)
    return out


def main() -> None:
    """Print a line for each kind and size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", default=["slx", "sar", "sem", "sdm", "sdem"])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--decay", default="power")
    parser.add_argument("--sizes", nargs="+", type=int, default=[0, 1, 2])
    given = parser.parse_args()
    for size in given.sizes:
        n, periods = SIZES[size]
        for kind in given.kinds:
            rows = [one(kind, n, periods, seed, given.decay) for seed in range(1, given.seeds + 1)]
            names = dict.fromkeys(name for row in rows for name in row)
            means = {name: np.nanmean([row.get(name, np.nan) for row in rows]) for name in names}
            means["gamma_median"] = float(np.median([row["gamma"] for row in rows]))
            line = " ".join(f"{name} {mean:.3f}" for name, mean in means.items())
            sys.stdout.write(f"{kind} {n}x{periods} {line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
