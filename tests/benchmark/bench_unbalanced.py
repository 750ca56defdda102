"""CPU milliseconds of a fit of spatial panels by period, with effects and standard errors, and of many outcomes.

    python tests/benchmark/bench_unbalanced.py [UNITS PERIODS ...]

A Durbin model with two-way effects and 15 % absent cells; the first fit has the spectra to compute, further ones have
another outcome. Then fits of 999 outcomes at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.arrays import FloatArray
from digicarbon.model.batch import Batch, Estimand

FITS = 5


def milliseconds(call: Callable[[], object]) -> float:
    """Return the CPU time of a call."""
    start = time.process_time()
    call()
    return 1000 * (time.process_time() - start)


def main(n: int, t: int) -> None:
    """Print a line for each model."""
    rng = np.random.default_rng(1)
    index = pd.MultiIndex.from_product([range(t), [f"u{i:04d}" for i in range(n)]], names=["time", "unit"])
    table = pd.DataFrame(rng.standard_normal((n * t, 3)), columns=["y", "x", "c"], index=index).reset_index()
    panel = dc.Panel.from_frame(table[rng.random(len(table)) > 0.15], unit="unit", time="time", gaps="keep")
    links = [
        dc.Weights.from_matrix(sum(np.roll(np.eye(n), k, axis=1) for k in steps), panel.units)
        for steps in ((-2, -1, 1, 2), (-7, -5, 5, 7))
    ]
    others = [panel.with_columns({"y": rng.standard_normal(len(panel.index))}) for _ in range(FITS)]
    for name, kind, further in (("sdm", "sdm", None), ("sem", "sem", None), ("sdm, two W", "sdm", links[1:])):
        model = dc.UnbalancedSpatialPanel(y="y", x=["x"], controls=["c"], kind=kind, cov="classic", test="errors")
        first = milliseconds(partial(model.fit, panel, links[0], further))
        each = [milliseconds(partial(model.fit, other, links[0], further)) for other in others]
        line = f"{n} x {t}  {name:11} first {first:8.1f} ms  further {np.mean(each):8.2f} ms"
        if further is None:
            batch = model.batch(panel, links[0], Estimand("total", "x"))
            outcomes = rng.standard_normal((len(panel.index), 999))
            batch.fit(batch.prepare(outcomes))
            many = milliseconds(partial(_prepared_and_fitted, batch, outcomes))
            line += f"  999 outcomes {many:8.1f} ms, {999 / many * 1000:,.0f} a second"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _prepared_and_fitted(batch: Batch, outcomes: FloatArray) -> None:
    batch.fit(batch.prepare(outcomes))


if __name__ == "__main__":
    sizes = [int(one) for one in sys.argv[1:]] or [30, 6, 285, 15]
    for units, periods in zip(sizes[::2], sizes[1::2], strict=True):
        main(units, periods)
