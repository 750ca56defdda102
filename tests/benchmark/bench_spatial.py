"""Speed and memory of two-way spatial Durbin models with Lee and Yu's correction, beside spreg.

Run from the repository: ``python tests/benchmark/bench_spatial.py`` (about a minute; ``--slow`` adds spreg at
2,800 × 20, which takes 20 s and 7 GB). Every line is measured in a fresh process with one BLAS thread; times are CPU
seconds.

Data are simulated: a queen lattice, row-standardised (US counties with their islands too, where the folder of real data
is at hand: ``DIGICARBON_DATA``, or ``../shared/data``), six regressors and their spatial lags.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.linalg import splu

K, FURTHER = 6, 3
REPOSITORY = Path(__file__).resolve().parent.parent.parent
COUNTIES = Path(os.environ.get("DIGICARBON_DATA", REPOSITORY.parent / "shared" / "data")) / "panels"


@dataclass(frozen=True)
class Size:
    """A lattice of rows by columns, observed in periods; counties where rows is 0."""

    rows: int
    columns: int
    periods: int


SIZES = {
    "30 × 6": Size(5, 6, 6),
    "285 × 15": Size(15, 19, 15),
    "2,800 × 20": Size(50, 56, 20),
    "3,085 counties × 20": Size(0, 0, 20),
    "100,000 × 10": Size(250, 400, 10),
}


def neighbours(size: Size) -> sparse.csr_array:
    """Return queen contiguity, 0 and 1."""
    if not size.rows:
        edges = pd.read_csv(COUNTIES / "spsur_NCOVR_queen_edges.csv.gz").to_numpy()
        n = int(edges.max()) + 1
        one_way = sparse.csr_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
        return sparse.csr_array(((one_way + one_way.T) > 0).astype(float))

    def path(m: int) -> Any:
        return sparse.diags_array([np.ones(m - 1), np.ones(m), np.ones(m - 1)], offsets=[-1, 0, 1])

    out = sparse.csr_array(
        sparse.kron(path(size.rows), path(size.columns)) - sparse.eye_array(size.rows * size.columns)
    )
    out.eliminate_zeros()
    return out


def study(size: Size) -> tuple[Any, Any]:
    """Return weights and a panel whose outcomes y0, y1, … have rho 0.4."""
    import digicarbon as dc

    matrix, t = neighbours(size), size.periods
    n = matrix.shape[0]
    units = [f"u{i:06d}" for i in range(n)]
    weights = dc.Weights.from_matrix(matrix, units, islands="keep")
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, t, K))
    factors = splu(sparse.csc_array(sparse.eye_array(n) - 0.4 * weights.matrix), permc_spec="MMD_AT_PLUS_A")
    signal = 0.5 * x.sum(axis=2) + 0.3 * (weights.matrix @ x[..., 0])
    columns = {f"x{j}": x[..., j].ravel() for j in range(K)}
    for j in range(FURTHER + 1):
        errors = rng.normal(size=(n, t)) + rng.normal(size=(n, 1)) + rng.normal(size=t)
        columns[f"y{j}"] = factors.solve(np.asfortranarray(signal + errors)).ravel()
    frame = pd.DataFrame(columns)
    frame["unit"], frame["year"] = np.repeat(np.array(units, dtype=object), t), np.tile(np.arange(t), n)
    return weights, dc.Panel.from_frame(frame, "unit", "year")


def model(outcome: int, weights: Any) -> Any:
    import digicarbon as dc

    # Lee and Yu's correction with time effects needs equal row sums, which islands break
    correction = "none" if weights.constant_row_sum is None else "lee_yu"
    names = tuple(f"x{j}" for j in range(K))
    return dc.SpatialPanel(
        y=f"y{outcome}", x=names, kind="sdm", bias_correction=correction, cov="classic", test="errors"
    )


def seconds(work: Callable[[], object], least: float = 0.0) -> float:
    """Return CPU seconds of one call, the best of three rounds of at least ``least`` seconds."""
    best = np.inf
    for _ in range(3 if least else 1):
        calls, start = 0, time.process_time()
        while calls == 0 or time.process_time() - start < least:
            work()
            calls += 1
        best = min(best, (time.process_time() - start) / calls)
    return float(best)


def resident() -> float:
    """Return MB in memory now, as far as the system says."""
    file = Path("/proc/self/statm")
    return int(file.read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if file.exists() else 0


def peak() -> float:
    """Return the most MB that this process ever held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def kernel(name: str) -> dict[str, float]:
    """Time the numeric functions alone: arrays ready, effects with delta errors, no Result."""
    from digicarbon.numeric.linear.within import demean
    from digicarbon.numeric.spatial.effects import lag_effects
    from digicarbon.numeric.spatial.likelihood import Sample, fit_lag

    weights, panel = study(SIZES[name])
    w = weights.operator
    regressors = [f"x{j}" for j in range(K)]
    designs = []
    for j in range(FURTHER + 1):
        raw = panel.cube((*regressors, f"y{j}"))
        lagged = w.lag(raw)
        level = np.concatenate([raw[..., :-1], lagged[..., :-1], raw[..., -1:], lagged[..., -1:]], axis=2)
        designs.append(demean(level, "two_way"))
    sample = Sample(panel.shape[0], panel.shape[1], "two_way", "lee_yu")

    def fit(columns: Any) -> None:
        found = fit_lag(columns, w, sample)
        lag_effects(found.beta[:K], found.beta[K:], found.spatial, found.covariance[:-1, :-1], w)

    first = seconds(lambda: fit(designs[0]))
    turns = itertools.cycle(designs[1:])
    return {"first": first, "further": seconds(lambda: fit(next(turns)), 0.5)}


def public(name: str) -> dict[str, float]:
    """Time ``SpatialPanel.fit`` with the operator of W, and fits of other outcomes with the same W."""
    weights, panel = study(SIZES[name])
    models = [model(j, weights) for j in range(FURTHER + 1)]
    before = resident()
    first = seconds(lambda: models[0].fit(panel, weights))
    extra = peak() - before
    if panel.shape[0] < 1000:
        # in turn, since what is kept of the last rho would make the same fit cheaper
        turns = itertools.cycle(models[1:])
        further = seconds(lambda: next(turns).fit(panel, weights), 0.5)
    else:
        further = float(np.mean([seconds(lambda each=each: each.fit(panel, weights)) for each in models[1:]]))
    return {"first": first, "further": further, "extra": extra, "peak": peak()}


def peer(name: str) -> dict[str, float]:
    """Time spreg's lag model with unit effects and the same regressors, their spatial lags among them."""
    import libpysal
    import spreg

    weights, panel = study(SIZES[name])
    cube = panel.cube((*(f"x{j}" for j in range(K)), "y0"))
    lagged = np.stack([weights.matrix @ period for period in cube[..., :-1]])
    x = np.concatenate([cube[..., :-1], lagged], axis=2).reshape(-1, 2 * K)
    y = cube[..., -1].reshape(-1, 1)
    before = resident()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        w = libpysal.weights.WSP(sparse.csr_matrix(weights.matrix)).to_W()
        first = seconds(lambda: spreg.Panel_FE_Lag(y, x, w))
        further = seconds(lambda: spreg.Panel_FE_Lag(y, x, w), 0.3) if panel.shape[0] < 1000 else first
    return {"first": first, "further": further, "extra": peak() - before, "peak": peak()}


MEASURES = {"kernel": kernel, "SpatialPanel.fit": public, "spreg Panel_FE_Lag": peer}


def measured(what: str, name: str) -> dict[str, float]:
    """Return what a fresh process with one BLAS thread finds."""
    threads = {key: "1" for key in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")}
    command = [sys.executable, str(Path(__file__).resolve()), "--one", what, name]
    done = subprocess.run(command, env=os.environ | threads, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"{what} at {name} failed.")
    return {key: float(value) for key, value in json.loads(done.stdout.splitlines()[-1]).items()}


def shown(value: float) -> str:
    """Return seconds as milliseconds below one second."""
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"


def main() -> None:
    """Print the table, or the numbers of one line as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", action="store_true", help="spreg at 2,800 × 20 too")
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "SIZE"), help="one line, in this process")
    given = parser.parse_args()
    if given.one:
        sys.stdout.write(json.dumps(MEASURES[given.one[0]](given.one[1])) + "\n")
        return
    lines = [("kernel", "30 × 6"), ("kernel", "285 × 15")]
    lines += [("SpatialPanel.fit", name) for name in SIZES if SIZES[name].rows or COUNTIES.is_dir()]
    lines += [("spreg Panel_FE_Lag", name) for name in ("30 × 6", "285 × 15")]
    lines += [("spreg Panel_FE_Lag", "2,800 × 20")] if given.slow else []
    sys.stdout.write("| what | units × periods | first fit, W's operator included | further fit | fits per CPU second ")
    sys.stdout.write("| extra peak memory | peak of the process |\n|---|---|---|---|---|---|---|\n")
    for what, name in lines:
        found = measured(what, name)
        memory = [f"{found[key]:,.0f} MB" if key in found else "" for key in ("extra", "peak")]
        cells = [what, name, shown(found["first"]), shown(found["further"]), f"{1 / found['further']:,.3g}", *memory]
        sys.stdout.write("| " + " | ".join(cells) + " |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
