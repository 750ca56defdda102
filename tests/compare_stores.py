"""Compare every number that two stores hold of the same runs: ``python tests/compare_stores.py old.db new.db``.

Stores are SQLite files of MLflow, e.g. ``mlruns/mlflow.db``, of the same experiments run by two versions of the code.
Runs are matched by the name of their experiment and their label. Times are left out. The status is 1 if a run or a
number is in one store only, or if a number differs by more than 1e-12 of its size.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

TOLERANCE = 1e-12
TIMES = ("seconds", "duration")
"""Metrics that a run's numbers do not decide."""
RUNS = """
SELECT runs.run_uuid, experiments.name, labels.value
FROM runs
JOIN experiments ON experiments.experiment_id = runs.experiment_id
JOIN tags AS labels ON labels.run_uuid = runs.run_uuid AND labels.key = 'digicarbon.label'
WHERE runs.lifecycle_stage = 'active' AND runs.status = 'FINISHED'
ORDER BY runs.start_time
"""

Key = tuple[str, str, str]


def numbers(store: Path) -> dict[Key, float]:
    """Return every metric by experiment, label and name; of runs recorded twice the later one."""
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        runs = {run: (experiment, label) for run, experiment, label in database.execute(RUNS)}
        metrics = database.execute("SELECT run_uuid, key, value, is_nan FROM latest_metrics").fetchall()
    by_run: dict[str, list[tuple[str, float]]] = {}
    for run, name, value, missing in metrics:
        if not name.endswith(TIMES):
            by_run.setdefault(run, []).append((name, math.nan if missing else float(value)))
    found: dict[Key, float] = {}
    for run, place in runs.items():
        found |= {(*place, name): value for name, value in by_run.get(run, [])}
    return found


def differences(one: dict[Key, float], other: dict[Key, float]) -> Iterator[str]:
    """Yield a line for each number that is in one store only or differs."""
    for key in sorted(one.keys() | other.keys()):
        place = " / ".join(key)
        if key not in one or key not in other:
            yield f"{place}: only in the {'second' if key not in one else 'first'} store"
            continue
        a, b = one[key], other[key]
        same = a == b or (math.isnan(a) and math.isnan(b)) or abs(a - b) <= TOLERANCE * max(abs(a), abs(b))
        if not same:
            yield f"{place}: {a!r} and {b!r}, relative difference {abs(a - b) / max(abs(a), abs(b)):.1e}"


def main(arguments: list[str]) -> int:
    """Compare two stores and print what differs."""
    one, other = (numbers(Path(name)) for name in arguments)
    lines = list(differences(one, other))
    runs = len({key[:2] for key in one})
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.write(f"{len(one)} numbers of {runs} runs compared, {len(lines)} differ.\n")
    return 1 if lines or not one else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
