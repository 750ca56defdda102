"""The memory that a command has taken."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

PROCESSES = Path("/proc")


def peak_memory() -> int | None:
    """Return the most bytes that this process, or one that it started, has held; None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    own, ended = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    largest = max(own, ended) * (1 if sys.platform == "darwin" else 1024)
    # workers wait for further work: the system counts a child only after its end
    return max([largest, *_children("self", set())])


def _children(process: str, seen: set[str]) -> list[int]:
    """Return the most bytes of each running process that a process started; empty where the system does not tell."""
    out = []
    for file in PROCESSES.glob(f"{process}/task/*/children"):
        with suppress(OSError):
            for child in file.read_text().split():
                if child not in seen:
                    seen.add(child)
                    out += [*_high(child), *_children(child, seen)]
    return out


def _high(process: str) -> list[int]:
    with suppress(OSError, ValueError):
        lines = (PROCESSES / process / "status").read_text().splitlines()
        return [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")]
    return []
