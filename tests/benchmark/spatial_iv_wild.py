"""Size of tests of an endogenous x in a spatial lag model, by standard errors and by the wild bootstrap.

    python tests/benchmark/spatial_iv_wild.py [SEEDS [sar | sdm]]

Two-way effects, x without effect, rho 0.4, errors of unequal variances that are also in x; rejections at 5 % of the
coefficient and of the total effect, clustered by unit, 399 draws.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from spatial_iv_world import world

from digicarbon import SpatialIV

SIZES = ((15, 6), (30, 6))


def main(seeds: int, kind: str) -> None:
    """Print rejections."""
    model = SpatialIV(
        y="y",
        x=("x",),
        controls=("z",),
        kind=kind,
        endogenous=("x",),
        instruments=("q",),
        cov="cluster",
        test="wild",
        draws=399,
        intervals=False,
    )
    heads = ("x, t", "x, wild", "total, t", "total, wild")
    sys.stdout.write(f"{'':12}" + "".join(f"{head:>13}" for head in heads) + "\n")
    for n, t in SIZES:
        rows = []
        for seed in range(seeds):
            panel, weights = world(n, t, seed, beta=0.0, endogenous=0.8, spread=0.7)
            found = []
            for one in (model.by_errors, model):
                result = one.fit(panel, weights)
                total = list(result.focal_numbers("total"))
                p = result.estimate_columns["p"][0]
                found.append((p < 0.05, total[0][1][2] < 0.05 if total else np.nan))
            (by_t, total_t), (by_wild, total_wild) = found
            rows.append((by_t, by_wild, total_t, total_wild))
        shares = np.nanmean(np.array(rows, dtype=float), axis=0)
        sys.stdout.write(f"{f'{n} x {t}':12}" + "".join(f"{share:13.3f}" for share in shares) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, sys.argv[2] if len(sys.argv) > 2 else "sar")
