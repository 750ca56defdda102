"""Speed of spatial panels with an estimated decay: python tests/benchmark/bench_decay.py.

CPU seconds of one thread for one fit with its interval and standard errors, the best of five.
"""

from __future__ import annotations

import sys
import time

import digicarbon as dc
from digicarbon.source import SimulatedDecay

SIZES = ((30, 6), (30, 20), (285, 15))


def main() -> None:
    """Print a line for each size and kind."""
    for n, periods in SIZES:
        frame = SimulatedDecay(n=n, periods=periods).load().frame
        panel = dc.Panel.from_frame(frame, unit="unit", time="time")
        for kind in ("slx", "sar", "sem", "sdm", "sdem"):
            model = dc.DecayPanel(y="y", x=("x",), controls=("c",), kind=kind, durbin="x")
            taken = []
            for _ in range(5):
                start = time.process_time()
                model.fit(panel)
                taken.append(time.process_time() - start)
            sys.stdout.write(f"{kind} {n}x{periods}: {1000 * min(taken):.0f} ms\n")


if __name__ == "__main__":
    main()
