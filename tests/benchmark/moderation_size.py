"""Coverage of the bands of an effect along a moderator, and how often a false region of significance is claimed.

Run from the repository: ``python tests/benchmark/moderation_size.py [--replications 2000] [--draws 399] [--jobs 2]
[--units 30 300] [--errors alike unequal]``. Units by 6 periods; the variable, the moderator and the error are AR(1)
with 0.5 within units; two-way effects, errors clustered by unit. Where units are unequal the standard deviation of a
unit's error is uniform between 0.3 and 2. The true effect is 0.3 + 0.2 z.

- band: share of samples in which the whole true line, over the range of z in the sample, is inside the band.
- false region: share of samples in which a region is claimed somewhere, of either sign, if there is no effect at all.
  Estimates less their true values do not depend on these, so that it is one less the coverage of the band: a region is
  the part of the band without zero. It is counted, not computed.
- wrong sign: share of samples in which a region of the wrong sign is claimed under the true line.
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
from numpy.typing import NDArray

import digicarbon as dc

PERIODS, SERIAL, BURN = 6, 0.5, 20
LINE = (0.3, 0.2)
KINDS = ("pointwise, errors", "uniform, errors", "pointwise, wild", "uniform, wild")


def autoregressive(rng: np.random.Generator, units: int) -> NDArray[np.float64]:
    """Return paths of units, shape (units, periods)."""
    shocks = rng.standard_normal((units, PERIODS + BURN))
    for period in range(1, PERIODS + BURN):
        shocks[:, period] += SERIAL * shocks[:, period - 1]
    return shocks[:, BURN:]


def drawn(units: int, unequal: bool, line: tuple[float, float], seed: int) -> dc.Panel:
    """Return a panel."""
    rng = np.random.default_rng(seed)
    x, z, error = (autoregressive(rng, units) for _ in range(3))
    error *= rng.uniform(0.3, 2, (units, 1)) if unequal else 1.0
    y = line[0] * x + line[1] * x * z + 0.5 * z + error + rng.standard_normal((units, 1))
    index = pd.MultiIndex.from_product([[f"u{i:03}" for i in range(units)], range(PERIODS)], names=["unit", "time"])
    columns = {"x": x, "z": z, "y": y}
    frame = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index)
    return dc.Panel.from_frame(frame.reset_index(), unit="unit", time="time")


def bands(panel: dc.Panel, draws: int, seed: int) -> list[tuple[pd.Series, pd.Series]]:
    """Return the ends of the four bands."""
    fields = {"y": "y", "x": ("x", "z", "x:z"), "cov": "cluster"}
    model = dc.PanelRegression(**fields, test="wild", draws=draws, seed=seed, intervals=False)
    result = model.by_errors.fit(panel)
    out = []
    for wild in (None, model):
        frame = dc.marginal_effects(result, panel, "x", "z", model=wild)
        out += [(frame["low"], frame["high"]), (frame["low_uniform"], frame["high_uniform"])]
    return out


def one(units: int, unequal: bool, draws: int, seed: int) -> NDArray[np.float64]:
    """Return whether the line is inside, a region is claimed without effect, and one of the wrong sign, by band."""
    out = np.zeros((3, len(KINDS)))
    panel = drawn(units, unequal, LINE, seed)
    for kind, (low, high) in enumerate(bands(panel, draws, seed)):
        true = LINE[0] + LINE[1] * low.index.to_numpy(dtype=float)
        out[0, kind] = bool(((low <= true) & (true <= high)).all())
        out[2, kind] = bool((((low > 0) & (true < 0)) | ((high < 0) & (true > 0))).any())
    for kind, (low, high) in enumerate(bands(drawn(units, unequal, (0.0, 0.0), seed), draws, seed)):
        out[1, kind] = bool(((low > 0) | (high < 0)).any())
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a table of rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--replications", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=399)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--units", type=int, nargs="*", default=[30, 300])
    parser.add_argument("--errors", choices=["alike", "unequal"], nargs="*", default=["alike", "unequal"])
    asked = parser.parse_args(arguments)
    start = time.perf_counter()
    sys.stdout.write(
        "| units | errors of units | band | line inside | false region | wrong sign |\n" + "|---" * 6 + "|\n"
    )
    for units in asked.units:
        for errors in asked.errors:
            found = Parallel(n_jobs=asked.jobs)(
                delayed(one)(units, errors == "unequal", asked.draws, seed) for seed in range(asked.replications)
            )
            for kind, rates in zip(KINDS, np.mean(found, axis=0).T, strict=True):
                numbers = " | ".join(f"{rate:.3f}" for rate in rates)
                sys.stdout.write(f"| {units} | {errors} | {kind} | {numbers} |\n")
                sys.stdout.flush()
    sys.stdout.write(
        f"\n{asked.replications} replications x {asked.draws} draws; {time.perf_counter() - start:.0f} s\n"
    )


if __name__ == "__main__":
    main()
