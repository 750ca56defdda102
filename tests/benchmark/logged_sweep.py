"""Sweeps that are run by the command line and logged: what a run of them costs."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from process_tree import Cost, measure


@contextlib.contextmanager
def emptied() -> Iterator[Path]:
    """Give a folder with an empty store, ``mlflow.db``, and remove it afterwards."""
    work = Path(tempfile.mkdtemp())
    try:
        url = f"sqlite:///{work / 'mlflow.db'}"
        measure([sys.executable, "-c", f"import mlflow; mlflow.MlflowClient({url!r}).search_experiments()"], work)
        yield work
    finally:
        shutil.rmtree(work)


def command(work: Path, experiment: Mapping[str, Any], data: pd.DataFrame) -> tuple[Cost, int]:
    """Run a logged sweep of a table in a folder of its own, and return its cost and the runs in its store."""
    folder = Path(tempfile.mkdtemp(dir=work))
    (folder / "mlruns").mkdir(parents=True)
    shutil.copy(work / "mlflow.db", folder / "mlruns")
    data.to_csv(folder / experiment["source"]["path"], index=False)
    (folder / "experiments").mkdir()
    (folder / "experiments" / "sweep.yaml").write_text(json.dumps(experiment), encoding="utf-8")
    cost = measure([sys.executable, "-m", "digicarbon", "run", "sweep"], folder)
    with contextlib.closing(sqlite3.connect(folder / "mlruns" / "mlflow.db")) as store:
        (count,) = store.execute("SELECT count(*) FROM tags WHERE key = 'mlflow.parentRunId'").fetchone()
    return cost, int(count)


def per_run(sweep: Callable[[int], tuple[Cost, int]], runs: int, times: int) -> tuple[float, int, float, float]:
    """Return milliseconds of CPU of a run, the runs, and seconds of a sweep of one run and of the whole one.

    The least of several times.
    """
    costs = [[sweep(many) for many in (1, runs)] for _ in range(times)]
    (one, _), (many, logged) = (min(cost, key=lambda pair: pair[0].cpu) for cost in zip(*costs, strict=True))
    return 1000 * (many.cpu - one.cpu) / (logged - 1), logged, one.cpu, many.cpu
