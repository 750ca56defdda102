"""Speed of two-way fixed effects with clustered standard errors, beside linearmodels (and pyfixest, if installed).

Run from the repository: ``python tests/benchmark/bench_panel.py``. Six regressors, drawn; one BLAS thread; CPU seconds.
``kernel`` starts from demeaned columns, as the runs of a sweep share them; ``fit`` is the public method.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.numeric.linear.covariance import clustered, small_sample_factor
from digicarbon.numeric.linear.least_squares import least_squares
from digicarbon.numeric.linear.within import Rows, absorb

X = tuple("abcdef")
SIZES = ((30, 6, 20_000, 3_000, 60), (2_800, 20, 500, 200, 10))
"""Units, periods, and how often kernel, fit and peers are repeated."""


def per_second(call: Callable[[], object], times: int) -> float:
    """Return calls per CPU second."""
    call()
    start = time.process_time()
    for _ in range(times):
        call()
    return times / (time.process_time() - start)


def kernel(frame: pd.DataFrame, n: int, t: int) -> Callable[[], object]:
    """Return a fit of the arrays."""
    rows = Rows(np.repeat(np.arange(n), t), np.tile(np.arange(t), n), n, t)
    columns = absorb(frame[[*X, "y"]].to_numpy(), rows, "two_way")
    z, k, absorbed = columns[:, :-1], len(X), n + t - 1

    def fit() -> object:
        found = least_squares(columns)
        middle = clustered(z, found.residuals, rows, "unit")
        factor = small_sample_factor("stata", n, n * t, k, absorbed, n - 1)
        return found.coef, factor * (found.inverse @ middle @ found.inverse)

    return fit


def public(frame: pd.DataFrame) -> Callable[[], object]:
    """Return a fit of the public class."""
    panel = dc.Panel.from_frame(frame, unit="unit", time="time")
    model = dc.PanelRegression(y="y", x=X, effects="two_way", cov="cluster", test="errors")
    return lambda: model.fit(panel)


def linearmodels(frame: pd.DataFrame) -> Callable[[], object]:
    """Return the same fit by linearmodels."""
    from linearmodels.panel import PanelOLS

    indexed = frame.set_index(["unit", "time"])

    def fit() -> object:
        model = PanelOLS(indexed["y"], indexed[list(X)], entity_effects=True, time_effects=True)
        return model.fit(cov_type="clustered", cluster_entity=True)

    return fit


def pyfixest(frame: pd.DataFrame) -> Callable[[], object]:
    """Return the same fit by pyfixest."""
    feols: Any = importlib.import_module("pyfixest").feols
    formula = f"y ~ {' + '.join(X)} | unit + time"
    return lambda: feols(formula, data=frame, vcov={"CRV1": "unit"})


def main() -> None:
    """Print fits per CPU second and the ratio to linearmodels."""
    rng = np.random.default_rng(1)
    for n, t, often, sometimes, seldom in SIZES:
        frame = pd.DataFrame(rng.standard_normal((n * t, len(X) + 1)), columns=["y", *X])
        frame = frame.assign(unit=np.repeat(np.arange(n), t), time=np.tile(np.arange(t), n))
        found = {
            "kernel": per_second(kernel(frame, n, t), often),
            "fit": per_second(public(frame), sometimes),
            "linearmodels": per_second(linearmodels(frame), seldom),
        }
        if importlib.util.find_spec("pyfixest"):
            found["pyfixest"] = per_second(pyfixest(frame), seldom)
        for name, speed in found.items():
            sys.stdout.write(
                f"{n} x {t}  {name:<13}{speed:>10,.0f} fits/s  {speed / found['linearmodels']:>8,.1f} x linearmodels\n"
            )


if __name__ == "__main__":
    main()
