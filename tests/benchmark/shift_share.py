"""Coverage of intervals with a shift-share instrument: errors clustered by unit, AKM and AKM0.

``python tests/benchmark/shift_share.py 200`` prints, for each simulated world, the share of 95% intervals that have the
true effect, with its standard error in the last column.
"""

from __future__ import annotations

import sys

import numpy as np

import digicarbon as dc
from digicarbon.diagnostic import AkmErrors
from digicarbon.source import SimulatedShiftShare


def covered(world: str, sectors: int, draws: int) -> dict[str, float]:
    """Return the coverage of each kind of interval."""
    model = dc.PanelIV(y="y", x=("x",), instruments=("bartik",), cov="cluster", test="errors")
    hits = []
    for seed in range(1, draws + 1):
        source = SimulatedShiftShare(world=world, sectors=sectors, seed=seed)
        panel = dc.Panel.from_frame(source.load().frame, "unit", "time")
        made = panel.with_shift_share("bartik", "share_*", "shock_*")
        table = AkmErrors(model=model).tables(made)["akm"]
        gaps = [dict(kind.fields) for kind in table["kind"]]
        in_gap = np.array(["low" in gap and gap["low"] < source.effect < gap["high"] for gap in gaps])
        hits.append(((table["low"] <= source.effect) & (source.effect <= table["high"]) & ~in_gap).to_numpy())
    return dict(zip(table.index, np.mean(hits, axis=0).tolist(), strict=True))


def main(draws: int) -> None:
    """Print a row for each world and number of sectors."""
    for world in ("shocks", "shares"):
        for sectors in (15, 60):
            shares = covered(world, sectors, draws)
            cells = "  ".join(f"{name} {share:.3f}" for name, share in shares.items())
            sys.stdout.write(f"{world:8}{sectors:4} sectors  {cells}  ± {np.sqrt(0.05 * 0.95 / draws):.3f}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
