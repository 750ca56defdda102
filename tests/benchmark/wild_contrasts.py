"""Size of wild tests of a U shape, of equal groups and of instrumented regressors, beside the usual p values.

Run from the repository: ``python tests/benchmark/wild_contrasts.py [--replications 1000] [--draws 199] [--jobs 2]
[--only NAME …]``. The panels are those of `wild_size.py`, 30 units by 6 periods.

- U shape: the slope is zero at the smallest value, the boundary of the null that there is no U. Turning point: how
  often the interval leaves out the true one, which lies within the sample.
- Equal groups: three groups of ten units with the same slope.
- Instruments: the measure moves with the error and has no effect; one instrument is strong, or weak.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
from joblib import Parallel, delayed
from wild_size import WORLDS, World, drawn, weights_of

import digicarbon as dc

Rates = dict[str, tuple[float, float]]
"""By quantity, whether the usual and the wild test reject."""


def shape(world: World, w: dc.Weights, draws: int, seed: int) -> Rates:
    """Return the Lind-Mehlum test at the boundary, and whether intervals leave out a turning point."""
    panel = drawn(world, w, seed)
    x, y = panel.column("x"), panel.column("y")
    out = {}
    for name, turn in (("Lind-Mehlum", float(x.min())), ("turning point left out", float(np.quantile(x, 0.4)))):
        made = panel.with_columns({"y": y + 0.3 * (x - turn) ** 2})
        model = dc.PanelRegression(
            **{"y": "y", "x": ("x", "x^2"), "controls": ("c",), "cov": "cluster", "test": "wild"},
            draws=draws,
            seed=seed,
            intervals=name != "Lind-Mehlum",
        )
        result = model.by_errors.fit(made)
        usual, wild = dc.turning_points(result, made), dc.turning_points(result, made, None, model, w)
        if name == "Lind-Mehlum":
            out[name] = tuple(float(frame.loc["Lind-Mehlum test", "p"] <= 0.05) for frame in (usual, wild))
        else:
            regions = usual.loc["turning point, Fieller"], wild.loc["turning point, wild"]
            out[name] = tuple(float(not row["low"] <= turn <= row["high"]) for row in regions)
    return out


def groups(world: World, w: dc.Weights, draws: int, seed: int) -> Rates:
    """Return the test of equal slopes in three groups."""
    panel = drawn(world, w, seed)
    by = {unit: "abc"[place % 3] for place, unit in enumerate(panel.units)}
    statistics = (
        dc.GroupedRegression(
            **{"y": "y", "x": ("x",), "controls": ("c",), "cov": "cluster", "by": by, "test": "wild"},
            draws=draws,
            seed=seed,
            intervals=False,
        )
        .fit(panel, w)
        .statistics
    )
    return {"equal slopes": (float(statistics["equal_p"] <= 0.05), float(statistics["equal_wild_p"] <= 0.05))}


def instruments(strength: float) -> Callable[[World, dc.Weights, int, int], Rates]:
    """Return what tests a regressor that moves with the error."""

    def tested(world: World, w: dc.Weights, draws: int, seed: int) -> Rates:
        panel, other = drawn(world, w, seed), drawn(world, w, seed + 1_000_000)
        z, own = panel.column("x"), other.column("x")
        made = panel.with_columns({"z": z, "x": strength * z + 0.5 * panel.column("y") + own})
        fields = {"y": "y", "x": ("x",), "controls": ("c",), "instruments": ("z",), "cov": "cluster"}
        usual = dc.PanelIV(**fields, test="errors").fit(made)
        wild = dc.PanelIV(**fields, test="wild", draws=draws, seed=seed, intervals=False).fit(made)
        return {
            "t": tuple(float(result.estimates.loc["x", "p"] <= 0.05) for result in (usual, wild)),
            "Anderson-Rubin": (
                float(usual.statistics["anderson_rubin_p"] <= 0.05),
                float(wild.statistics["anderson_rubin_wild_p"] <= 0.05),
            ),
        }

    return tested


CASES = {
    "U shape": shape,
    "equal groups": groups,
    "instrument, strong": instruments(1.0),
    "instrument, weak": instruments(0.25),
}


def rates(case: str, world: World, w: dc.Weights, draws: int, seed: int) -> Rates:
    """Return what a case rejects."""
    return CASES[case](world, w, draws, seed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=list(CASES))
    asked = parser.parse_args(arguments)
    start = time.perf_counter()
    sys.stdout.write("size at 5 %: usual, wild\n\n| world | case | quantity | usual | wild |\n" + "|---" * 5 + "|\n")
    for name in ("30 × 6", "30 × 6, unequal units, measure alike"):
        w = weights_of(WORLDS[name].n)
        for case in asked.only:
            results = Parallel(n_jobs=asked.jobs)(
                delayed(rates)(case, WORLDS[name], w, asked.draws, seed) for seed in range(asked.replications)
            )
            for quantity in results[0]:
                usual, wild = np.mean([result[quantity] for result in results], axis=0)
                sys.stdout.write(f"| {name} | {case} | {quantity} | {usual:.3f} | {wild:.3f} |\n")
                sys.stdout.flush()
    sys.stdout.write(
        f"\n{asked.replications} replications x {asked.draws} draws; {time.perf_counter() - start:.0f} s\n"
    )


if __name__ == "__main__":
    main()
