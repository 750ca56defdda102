"""Bias of dynamic spatial panels and coverage of their intervals, by simulation with known truth.

    python tests/benchmark/dynamic_space_truth.py [SEEDS]

Two-way effects, rho = 0.3, own past 0.4, neighbours' past -0.1, x 1 and neighbours' x 0.5, on maps of 30 units and 6 or
20 years, and of 285 units and 15 years; the first year is where the past begins. A line for each bias correction: mean
error and coverage of intervals of 95 %. Intervals of long-run effects are Fieller's; the mean error of these, whose
estimates have no mean, is that of the median. "no maximum" counts samples without an exact correction, "no long run"
those whose estimates are not stable and have no long-run effects.
"""

from __future__ import annotations

import sys

import numpy as np

import digicarbon as dc
from digicarbon.source import SimulatedDynamicSpace
from digicarbon.weights import DelaunayWeights

SIZES = ((30, 6), (30, 20), (285, 15))
CORRECTIONS = ("score", "lee_yu", "none")
PARAMETERS = {"rho": 0.3, "lag_y": 0.4, "W_lag_y": -0.1}
LONG = ("long_direct", "long_indirect", "long_total")


def truth(weights: dc.Weights) -> list[float]:
    """The long-run effects, by inversion."""
    w = weights.matrix.toarray()
    n = len(w)
    rho, tau, eta = PARAMETERS.values()
    effects = np.linalg.solve((1 - tau) * np.eye(n) - (rho + eta) * w, np.eye(n) + 0.5 * w)
    total, direct = effects.sum() / n, np.trace(effects) / n
    return [direct, total - direct, total]


def one(seed: int, n: int, periods: int) -> dict[str, tuple[np.ndarray, np.ndarray, bool]]:
    """Errors, whether intervals cover, and whether there was no maximum, by correction."""
    source = SimulatedDynamicSpace(seed=seed, n=n, periods=periods)
    panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
    weights = DelaunayWeights().compute(panel)
    true = np.array([*PARAMETERS.values(), *truth(weights)])
    out = {}
    for correction in CORRECTIONS:
        model = dc.DynamicSpatialPanel(y="y", x=("x",), controls=("c",), bias_correction=correction, test="errors")
        result = model.fit(panel, weights)
        rows = [result.estimates.loc[name] for name in PARAMETERS]
        stable = "long_total" in result.effect_names
        rows += [result.effects.loc[(name, "x")] for name in LONG] if stable else []
        found = np.full((3, 6), np.nan)
        found[:, : len(rows)] = np.array([[row["coef"], row["low"], row["high"]] for row in rows]).T
        covers = np.where(np.isnan(found[1]), np.nan, (found[1] <= true) & (true <= found[2]))
        out[correction] = found[0] - true, covers, any(map(result.has_note, ("dynamic_no_maximum", "dynamic_neither")))
    return out


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(seeds: int) -> None:
    """Print the table."""
    names = (*PARAMETERS, *LONG)
    say(f"{seeds} seeds; standard error of a coverage of 0.95: {np.sqrt(0.95 * 0.05 / seeds):.3f}")
    say(f"{'':24}" + "".join(f"{name:>22}" for name in names) + f"{'no maximum':>12}{'no long run':>13}")
    for n, periods in SIZES:
        found = [one(seed, n, periods) for seed in range(1, seeds + 1)]
        for correction in CORRECTIONS:
            errors, covers, lost = (np.array(part) for part in zip(*(each[correction] for each in found), strict=True))
            middle = np.concatenate([errors[:, :3].mean(axis=0), np.nanmedian(errors[:, 3:], axis=0)])
            cells = "".join(
                f"{bias:+13.3f} {share:8.3f}" for bias, share in zip(middle, np.nanmean(covers, axis=0), strict=True)
            )
            say(f"{f'{n} × {periods} {correction}':24}{cells}{lost.sum():12d}{np.isnan(errors[:, 3]).sum():13d}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
