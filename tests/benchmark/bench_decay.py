"""Speed of spatial panels with an estimated decay: python tests/benchmark/bench_decay.py.

CPU time of one thread: of a fit with its intervals and standard errors, the best of five; and of a draw of a joint
test, for which null model, search at once and single fits are counted.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import digicarbon as dc
from digicarbon.model.batch import Estimand
from digicarbon.numeric.resampling.draws import Draws
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.unit_wild import draws_of
from digicarbon.source import SimulatedDecay

SIZES = ((30, 6), (30, 20), (285, 15))
DRAWS = 20


def of_draws(model: dc.DecayPanel, panel: dc.Panel) -> float:
    """Return the seconds that each draw of a joint test takes."""
    start = time.process_time()
    null = model.null(panel, None, [])
    if null is None:
        raise SystemExit(f"{model.kind} has no null model.")
    made, batch = null.fit(), model.batch(panel, None, Estimand("coefficient", "x"))
    outcomes = draws_of(made, Draws(signs_of(panel.units, DRAWS, 1, every=False)))
    coef, _ = batch.fit(batch.prepare(outcomes))
    if not np.isfinite(coef).any():
        raise SystemExit("No draw has a number.")
    return (time.process_time() - start) / DRAWS


def main() -> None:
    """Print a line for each size and kind."""
    for n, periods in SIZES:
        frame = SimulatedDecay(n=n, periods=periods).load().frame
        panel = dc.Panel.from_frame(frame, unit="unit", time="time")
        for kind in ("slx", "sar", "sem", "sdm", "sdem"):
            model = dc.DecayPanel(y="y", x=("x",), controls=("c",), kind=kind, durbin="x", test="errors")
            taken = []
            for _ in range(5):
                start = time.process_time()
                model.fit(panel)
                taken.append(time.process_time() - start)
            draw = of_draws(model, panel)
            sys.stdout.write(f"{kind} {n}x{periods}: fit {1000 * min(taken):.0f} ms, a draw {1000 * draw:.0f} ms\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
