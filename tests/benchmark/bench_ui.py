"""How long `digicarbon ui` takes until its server answers: seconds by the clock, of the processor, and lines said.

Run from the repository: ``python tests/benchmark/bench_ui.py [PROGRAM ...] [--rounds 3]``. Each PROGRAM is the command
``digicarbon`` of another installation, e.g. ``old/.venv/bin/digicarbon`` of an earlier commit; they take turns, so that
what else the machine does slows all of them. Each has a folder with a store of its own, with the runs of
``table3_baseline``; modules are compiled before. A server answers when it has sent its page and an experiment.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from process_tree import machine

OURS = [sys.executable, "-m", "digicarbon"]
PATIENCE = 600


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    commands = {"this repository": OURS, **{str(one): [str(one.absolute())] for one in asked.programs}}
    say = sys.stdout.write
    with tempfile.TemporaryDirectory() as work:
        folders = {name: Path(work, str(number)) for number, name in enumerate(commands)}
        for name, command in commands.items():
            folders[name].mkdir()
            run = [*command, "run", "table3_baseline", "inference=cluster"]
            subprocess.run(run, cwd=folders[name], check=True, capture_output=True)
        found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in commands}
        for number in range(asked.rounds + 1):
            for name, command in commands.items():
                one = once(command, folders[name])
                if number > 0:
                    found[name].append(one)
    say(f"Machine: {machine()}. Medians of {asked.rounds}.\n\n| `digicarbon` of | wall s | CPU s | lines |\n")
    say("|---|---|---|---|\n")
    for name, costs in found.items():
        wall, cpu, lines = (statistics.median(column) for column in zip(*costs, strict=True))
        say(f"| {name} | {wall:.1f} | {cpu:.1f} | {lines:.0f} |\n")


def once(command: list[str], folder: Path) -> tuple[float, float, int]:
    """Start the interface; return the seconds until it answers, of the clock and the processor, and the lines said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before = _cpu()
    start = time.perf_counter()
    with (folder / "said.txt").open("w+", encoding="utf-8") as said:
        server = subprocess.Popen(
            [*command, "ui", "table3_baseline", "--port", str(port)], cwd=folder, stdout=said, stderr=subprocess.STDOUT
        )
        address = f"http://127.0.0.1:{port}"
        for page in ("/", "/api/2.0/mlflow/experiments/get?experiment_id=1"):
            while not _answers(address + page):
                if server.poll() is not None or time.perf_counter() - start > PATIENCE:
                    said.seek(0)
                    raise RuntimeError(said.read())
                time.sleep(0.05)
        wall = time.perf_counter() - start
        said.flush()
        lines = len((folder / "said.txt").read_text(encoding="utf-8").splitlines())
        server.send_signal(signal.SIGINT)
        server.wait(timeout=PATIENCE)
    return wall, _cpu() - before, lines


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE) as page:
            return bool(page.read())
    except OSError:
        return False


def _cpu() -> float:
    """Return the processor seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    # a shell that runs this in the background makes its children deaf to Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", None)
    main()
