"""Coverage of sets of an endogenous x in a spatial lag model, by how strong the instruments of x and of Wy are.

    python tests/benchmark/spatial_iv_weak.py [SEEDS [N T]]

Two-way effects, coefficients of 1 and rho 0.4, errors of equal or unequal variances that are also in x, clustered by
unit. ``t`` is the interval of two-stage least squares, ``set`` what is projected from the joint Anderson-Rubin test;
``F of x`` the median first-stage F of x, ``without end`` the share of sets of the coefficient of x with an infinite
end, ``effects any`` that of panels whose set reaches an end of the range of rho.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
from spatial_iv_world import world

from digicarbon import SpatialIV
from digicarbon.numeric.spatial.effects import multipliers

RHO = 0.4
WORLDS: dict[str, dict[str, float]] = {
    "strong": {},
    "x weak": {"strength": 0.15},
    "x and Wy weak": {"strength": 0.15, "control": 0.1},
    "x and Wy weak, unequal": {"strength": 0.15, "control": 0.1, "spread": 0.7},
    "q does nothing": {"strength": 0.0},
}
MODEL = SpatialIV(y="y", x=("x",), controls=("z",), endogenous=("x",), instruments=("q",), cov="cluster")


def inside(sets: pd.DataFrame, quantity: str, truth: float) -> bool:
    """Return whether a set has the truth."""
    if quantity not in sets.index.get_level_values(0):
        return False
    rows = sets.loc[[quantity]]
    return bool(((rows["low"] <= truth) & (truth <= rows["high"])).any())


def main(seeds: int, n: int, t: int) -> None:
    """Print a Markdown table."""
    heads = ("instruments", "F of x", "x, t", "x, set", "rho, t", "rho, set", "total, t", "total, set")
    sys.stdout.write(f"| {' | '.join((*heads, 'without end', 'effects any'))} |\n|{'---|' * 10}\n")
    for name, changes in WORLDS.items():
        rows = []
        for seed in range(seeds):
            panel, weights = world(n, t, seed, rho=RHO, endogenous=0.8, **changes)
            result = MODEL.fit(panel, weights)
            sets, numbers = result.tables["weak_sets"], result.estimates
            total = float(multipliers(RHO, weights.operator)[2, 0, 0])
            held = numbers["low"].le([1.0, 1.0, RHO]) & numbers["high"].ge([1.0, 1.0, RHO])
            # a fit whose rho lies outside of its range has no effects, and no interval that could cover
            of_total = [row for _, row in result.focal_numbers("total")]
            of_x = sets.loc[["coefficient"]] if len(sets) else sets
            rows.append(
                (
                    float(result.tables["first_stage"]["f"].iloc[0]),
                    held["x"],
                    inside(sets, "coefficient", 1.0),
                    held["rho"],
                    inside(sets, "rho", RHO),
                    bool(of_total) and of_total[0][3] <= total <= of_total[0][4],
                    inside(sets, "total", total),
                    bool(np.isinf(of_x[["low", "high"]]).any(axis=None)),
                    any(note.code == "weak_sets_unbounded" for note in result.notes),
                )
            )
        found = np.array(rows, dtype=float)
        shares = " | ".join(f"{share:.3f}" for share in found[:, 1:].mean(axis=0))
        sys.stdout.write(f"| {name} | {np.median(found[:, 0]):.1f} | {shares} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(given[0] if given else 200, *(given[1:] or (30, 6)))
