"""Speed of spatial models by instruments beside spreg: CPU milliseconds of one thread, the fastest of three.

    python tests/benchmark/bench_spatial_iv.py

A SAR without effects, which spreg has; ours with all tests of the instruments, effects and their errors, and the
estimator alone (``kernel``). Then what spreg lacks: two-way effects, and many outcomes at once.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from libpysal.weights import WSP
from spreg.error_sp_het import BaseGM_Combo_Het
from spreg.twosls_sp import BaseGM_Lag

sys.path.insert(0, str(Path(__file__).parents[1]))
from spatial_iv_world import world

from digicarbon import SpatialIV
from digicarbon.model.batch import Estimand
from digicarbon.packs.endogenous_space.model._estimates import by_instruments, by_moments

TERMS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("z",)}
OUTCOMES = 2000


def milliseconds(run: Callable[[], object]) -> float:
    """Return the CPU time of the fastest of three runs."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        run()
        taken.append(time.process_time() - start)
    return 1000 * min(taken)


def main() -> None:
    """Print a line for each task."""
    warnings.simplefilter("ignore")
    for n, t in ((30, 6), (285, 15)):
        panel, weights = world(n, t)
        cube = panel.cube(("y", "x", "z"))
        y, x = cube[..., :1].reshape(-1, 1), cube[..., 1:].reshape(-1, 2)
        x = np.hstack([np.ones_like(y), x])
        w = scipy.sparse.csr_matrix(scipy.sparse.kron(scipy.sparse.eye(t), weights.matrix))
        lag, combo = (
            SpatialIV(**TERMS, kind=kind, effects="none", cov="robust", test="errors") for kind in ("sar", "sarar")
        )
        design = lag.design(panel, weights)
        errors = lag.error_structure(design.columns, weights)
        lags = np.hstack([w @ x[:, 1:], w @ w @ x[:, 1:]])
        tasks: dict[str, Callable[[], object]] = {
            "SAR, spreg": lambda y=y, x=x, w=w: BaseGM_Lag(y, x, w=WSP(w), w_lags=2, robust="white").vm,
            "SAR": lambda m=lag, p=panel, s=weights: m.fit(p, s),
            "SAR, kernel": lambda d=design, e=errors: by_instruments(d.columns, e, "2sls"),
            "SARAR, spreg": lambda y=y, x=x, w=w, q=lags: BaseGM_Combo_Het(y, x, w @ y, q, w=w),
            "SARAR": lambda m=combo, p=panel, s=weights: m.fit(p, s),
            "SARAR, kernel": lambda m=combo, p=panel, s=weights: by_moments(m.design(p, s), "robust"),
            "SDM, two-way": lambda p=panel, s=weights: SpatialIV(**TERMS, kind="sdm", cov="cluster", test="errors").fit(
                p, s
            ),
        }
        sys.stdout.write(f"\n{n} x {t}\n")
        for name, run in tasks.items():
            run()
            sys.stdout.write(f"{name:16}{milliseconds(run):10.2f} ms\n")
        model = SpatialIV(**TERMS, kind="sdm", cov="cluster", test="errors")
        batch = model.batch(panel, weights, Estimand("total", "x"))
        outcomes = np.random.default_rng(1).normal(size=(n * t, OUTCOMES if n < 100 else OUTCOMES // 10))
        prepared = batch.prepare(outcomes)
        taken = milliseconds(lambda b=batch, p=prepared: b.fit(p))
        sys.stdout.write(f"{'batch, SDM':16}{1000 * outcomes.shape[1] / taken:10.0f} fits a second\n")


if __name__ == "__main__":
    main()
