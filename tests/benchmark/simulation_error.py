"""How often another seed changes the stars of a table: shares of tables and of p values, and the time of a fit.

``python tests/benchmark/simulation_error.py [tables] [draws …]``; draws: numbers, or auto. Each table has five columns,
two-way fixed effects with five sets of controls, and the three effects of a spatial Durbin model.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lattice import lattice

import digicarbon as dc
from digicarbon.model.tested import STARS, stars_of

WEIGHTS, PERIODS, EFFECT = lattice(6, 5), 6, 0.2
CONTROLS: tuple[tuple[str, ...], ...] = ((), ("q",), ("r",), ("q", "r"), ("q", "r", "s"))


def panel(seed: int) -> dc.Panel:
    """Return a panel whose outcome has a small effect of x."""
    rng = np.random.default_rng(seed)
    index = pd.MultiIndex.from_product([WEIGHTS.labels, range(PERIODS)], names=["u", "t"])
    frame = index.to_frame(index=False)
    for name in ("x", "q", "r", "s"):
        frame[name] = rng.normal(size=len(frame))
    frame["y"] = EFFECT * frame["x"] + 0.3 * frame["q"] + rng.normal(size=len(frame))
    return dc.Panel.from_frame(frame, "u", "t")


def columns(own: dc.Panel, **fields: Any) -> list[dc.Result]:
    """Return the columns of a table."""
    linear = [dc.PanelRegression(y="y", x=("x",), controls=some, intervals=False, **fields) for some in CONTROLS]
    spatial = dc.SpatialPanel(y="y", x=("x",), controls=("q",), kind="sdm", intervals=False, **fields)
    return [model.fit(own, WEIGHTS) for model in (*linear, spatial)]


def stars(column: dc.Result) -> list[str]:
    """Return the stars of x, or of its three effects."""
    frame = column.estimates.loc[["x"]] if column.spatial_effects is None else column.effects.xs("x", level=1)
    return [stars_of(float(p), STARS) for p in frame["p"]]


def main() -> None:
    tables = int(sys.argv[1]) if sys.argv[1:] else 200
    for word in sys.argv[2:] or ("999", "auto"):
        draws: Any = word if word == "auto" else int(word)
        changed, silent, start = [], [], time.process_time()
        for seed in range(tables):
            own = panel(seed)
            pairs = list(zip(*(columns(own, draws=draws, seed=one) for one in (1, 2)), strict=True))
            changed.append([one != other for pair in pairs for one, other in zip(*map(stars, pair), strict=True)])
            unsaid = [all(note.code != "wild_undecided" for one in pair for note in one.notes) for pair in pairs]
            silent.append(
                any(quiet and stars(one) != stars(other) for quiet, (one, other) in zip(unsaid, pairs, strict=True))
            )
        spent = (time.process_time() - start) / (2 * tables)
        sys.stdout.write(
            f"draws={word}: another seed changes a star of {np.any(changed, axis=1).mean():.3f} of the tables, "
            f"{np.mean(changed):.4f} of the p values; without a note that says so {np.mean(silent):.3f} of the tables; "
            f"{spent:.2f} CPU s a table\n"
        )


if __name__ == "__main__":
    main()
