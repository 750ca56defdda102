"""What starting a command costs, apart from its runs: processor seconds of whole commands, the least of several.

Run from the repository: ``python tests/benchmark/bench_start.py [--rounds 5]``. Each command is a fresh process in a
folder with an empty MLflow store and one experiment, a two-way FE model on simulated data. Modules are compiled before.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from process_tree import Cost, machine, measure

EXPERIMENT = "defaults: [config, override inference: cluster_both, _self_]\n"
OURS = [sys.executable, "-m", "digicarbon"]
COMMANDS = {
    "digicarbon --help": [*OURS, "--help"],
    "digicarbon check": [*OURS, "check", "one"],
    "digicarbon plan": [*OURS, "plan", "one"],
    "digicarbon run, one FE run": [*OURS, "run", "one"],
    "import pandas, hydra, pydantic, scipy.sparse": [
        sys.executable, "-c", "import pandas, hydra, pydantic, scipy.sparse",
    ],
    "import mlflow": [sys.executable, "-c", "import mlflow"],
}  # fmt: skip


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    say = sys.stdout.write
    say(f"Machine: {machine()}.\n\n| command | CPU s | wall s |\n|---|---|---|\n")
    with tempfile.TemporaryDirectory() as work:
        empty = Path(work, "mlflow.db")
        make = f"import mlflow; mlflow.MlflowClient('sqlite:///{empty.as_posix()}').search_experiments()"
        measure([sys.executable, "-c", make], Path(work))
        for name, command in COMMANDS.items():
            costs = [once(Path(work, "project"), empty, command) for _ in range(rounds + 1)][1:]
            say(f"| {name} | {min(cost.cpu for cost in costs):.2f} | {min(cost.wall for cost in costs):.2f} |\n")
            sys.stdout.flush()


def once(folder: Path, empty: Path, command: list[str]) -> Cost:
    """Measure a command in a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "experiments").mkdir(parents=True)
    (folder / "mlruns").mkdir()
    shutil.copy(empty, folder / "mlruns" / "mlflow.db")
    (folder / "experiments" / "one.yaml").write_text(EXPERIMENT, encoding="utf-8")
    return measure(command, folder)


if __name__ == "__main__":
    main()
