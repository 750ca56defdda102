"""What a command costs: CPU time of all processes that it starts, wall time and memory (Linux)."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """What a command cost.

    Attributes
    ----------
    cpu : float
        Seconds, of the command and of every process below it.
    wall : float
        Seconds.
    peak : float
        Memory of the largest process, in MB.
    output : str
    """

    cpu: float
    wall: float
    peak: float
    output: str


def measure(command: Sequence[str], folder: Path, environment: dict[str, str] | None = None) -> Cost:
    """Run a command in a folder and return its cost.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    # processes whose parent ends before them become ours, so that none escapes the account
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    log = folder / "output.txt"
    start = time.perf_counter()
    with log.open("w", encoding="utf-8") as sink:
        started = subprocess.Popen(
            list(command), cwd=folder, stdout=sink, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        )
    cpu, peak, status, wall = 0.0, 0.0, 0, 0.0
    while True:
        try:
            pid, code, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss / 1024)
        if pid == started.pid:
            status, wall = os.waitstatus_to_exitcode(code), time.perf_counter() - start
            started.returncode = status
    output = log.read_text(encoding="utf-8", errors="replace")
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {status}:\n{output[-2000:]}")
    return Cost(cpu, wall, peak, output)


def machine() -> str:
    """Return this machine and the versions that count."""
    from importlib.metadata import version

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    name = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{package} {version(package)}" for package in ("mlflow", "joblib", "linearmodels", "numpy"))
    python = ".".join(map(str, sys.version_info[:3]))
    return f"{os.cpu_count()} virtual cores of {name}, {memory:.0f} GB of memory, Python {python}, {packages}"
