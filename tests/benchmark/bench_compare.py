"""Seconds of `digicarbon compare` on two sweeps of 10,000 runs, each command in a process of its own.

Run from the repository: ``python tests/benchmark/bench_compare.py [--runs 10000]``. The sweeps are recorded first, in a
folder of their own: A, B with another cell of the data, and C with other standard errors, too. The least of three
times; the store is warm.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", PYTHONUTF8="1")

import numpy as np
import pandas as pd

CONTROLS = [f"c{number}" for number in range(1, 12)]
SUBSETS = [list(some) for size in range(len(CONTROLS) + 1) for some in itertools.combinations(CONTROLS, size)]
ERRORS = ["classic", "robust", "cluster", "newey_west", "driscoll_kraay"]
COMMAND = [sys.executable, "-m", "digicarbon"]


def experiment(runs: int) -> str:
    """Return the experiment's file."""
    options = ("source: table", "measure: none", "outcome: none", "model: pooled", "report: signs")
    defaults = ", ".join(f"{{override {one}}}" for one in options)
    grid = json.dumps({"model.controls": SUBSETS, "inference": ERRORS})
    return (
        f"# Many controls\ndefaults: [config, {defaults}, _self_]\n"
        "source: {path: data.csv, unit: unit, time: year}\nmodel: {y: y, x: [x]}\n"
        f"grid: {grid}\ndraw: {{n: {runs}, seed: 1}}\n"
    )


def data() -> pd.DataFrame:
    """Return a drawn panel of 30 units and 8 years."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"unit": np.repeat([f"u{i}" for i in range(30)], 8), "year": np.tile(range(2000, 2008), 30)})
    for name in ("x", *CONTROLS):
        frame[name] = rng.normal(size=len(frame))
    return frame.assign(y=-0.3 * frame["x"] + rng.normal(size=len(frame)))


def said(folder: Path, *words: str, status: int = 0) -> str:
    """Return what a command prints."""
    done = subprocess.run([*COMMAND, *words], cwd=folder, capture_output=True, text=True, encoding="utf-8")
    if done.returncode != status:
        raise SystemExit(done.stderr)
    return done.stdout


def main() -> None:
    """Print a line for each pair of sweeps."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "experiments").mkdir()
        (folder / "experiments" / "many.yaml").write_text(experiment(runs), encoding="utf-8")
        frame = data()
        ids = []
        for number, words in enumerate(([], [], ["model.small_sample=none"])):
            frame.assign(x=frame["x"] + 0.1 * (frame.index == 3) * (number > 0)).to_csv(
                folder / "data.csv", index=False
            )
            ids.append(re.findall(r"parent run (\w{32})", said(folder, "run", "many", *words))[-1])
        for name, one, other, status in (
            ("a sweep and itself", 0, 0, 0),
            ("another cell of the data", 0, 1, 1),
            ("another cell and another choice", 0, 2, 1),
        ):
            times = []
            for _ in range(3):
                start = time.perf_counter()
                text = said(folder, "compare", ids[one], ids[other], "--to", "moved.csv", status=status)
                times.append(time.perf_counter() - start)
            line = next(line for line in text.splitlines() if " in both" in line)
            sys.stdout.write(f"{name:<34}{min(times):6.2f} s   {line}\n")


if __name__ == "__main__":
    main()
