"""What the main multiverse costs, first and again with nothing changed, in pairs with another installation.

Run from the repository: ``python tests/benchmark/bench_again.py [EXPERIMENT] [--rounds 3] [--other PYTHON]``.
``PYTHON`` is the interpreter of an environment with another version. In each round one version after the other runs the
experiment in a folder of its own, and runs it again; processor seconds of all processes are compared within rounds, so
that a machine that is busy with something else slows both.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from process_tree import Cost, machine, measure


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("experiment", nargs="?", default="robustness")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--other", default="")
    asked = parser.parse_args()
    say = sys.stdout.write
    versions = {"this": sys.executable, **({"other": asked.other} if asked.other else {})}
    costs: dict[tuple[str, str], list[Cost]] = {}
    with tempfile.TemporaryDirectory() as work:
        for number in range(asked.rounds):
            for name in list(versions)[:: 1 if number % 2 else -1]:
                folder = Path(work, name)
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                for time in ("first", "again"):
                    command = [versions[name], "-m", "digicarbon", "run", asked.experiment, "executor=sequential"]
                    costs.setdefault((time, name), []).append(measure(command, folder))
    say(f"Machine: {machine()}.\n\n| {asked.experiment} | version | CPU s | wall s | CPU over the other |\n")
    say("|---|---|---|---|---|\n")
    for (time, name), own in costs.items():
        others = costs.get((time, "other"), own)
        ratio = median(one.cpu / other.cpu for one, other in zip(own, others, strict=True))
        least = f"{min(one.cpu for one in own):.1f} | {min(one.wall for one in own):.1f}"
        say(f"| {time} | {name} | {least} | {ratio:.2f} |\n")


if __name__ == "__main__":
    main()
