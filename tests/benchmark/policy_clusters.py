"""How often a policy of whole provinces that does nothing is significant, with clusters of cities and of provinces.

180 cities in 30 provinces, 8 years; 12 provinces come under the policy at two times. Shocks of provinces are
correlated over time (0.5) and have half the size of the cities' own. Prints the share of p ≤ 0.05 by the standard
errors and by the wild bootstrap, which the last two estimators do not have.

    python tests/benchmark/policy_clusters.py --samples 1000 --draws 199
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import pandas as pd

import digicarbon as dc

PROVINCES, CITIES, YEARS = 30, 6, 8
ESTIMATORS = ("twfe", "sun_abraham", "imputation", "callaway_santanna", "stacked", "synthetic_did")


def panel_of(seed: int) -> dc.Panel:
    """Return one sample."""
    rng = np.random.default_rng(seed)
    first = np.concatenate([np.repeat([2005, 2007], [6, 6]), np.zeros(PROVINCES - 12)])
    shocks = rng.normal(size=(PROVINCES, YEARS))
    for year in range(1, YEARS):
        shocks[:, year] += 0.5 * shocks[:, year - 1]
    own = rng.normal(size=(PROVINCES * CITIES, YEARS))
    province = np.repeat([f"P{place:02d}" for place in range(PROVINCES)], CITIES)
    frame = pd.DataFrame(
        {
            "city": np.repeat([f"c{place:03d}" for place in range(PROVINCES * CITIES)], YEARS),
            "year": np.tile(np.arange(2001, 2001 + YEARS), PROVINCES * CITIES),
            "y": (0.5 * np.repeat(shocks, CITIES, 0) + 0.5 * own).ravel(),
            "first": np.repeat(np.repeat(first, CITIES), YEARS),
            "province": np.repeat(province, YEARS),
        }
    )
    return dc.Panel.from_frame(frame, "city", "year").with_policy("policy", "first")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--estimators", nargs="+", choices=ESTIMATORS, default=ESTIMATORS)
    asked = parser.parse_args()
    rejected: dict[tuple[str, str], list[bool]] = {}
    for seed in range(asked.samples):
        panel = panel_of(seed)
        for estimator in asked.estimators:
            for cluster in ("unit", "province"):
                for test in ("errors",) if estimator in ESTIMATORS[-2:] else ("errors", "wild"):
                    model = dc.DiD(
                        y="y",
                        policy="policy",
                        estimator=estimator,
                        cluster=cluster,
                        test=test,
                        draws=asked.draws,
                        intervals=False,
                    )
                    p = float(model.fit(panel).estimates["p"].iloc[0])
                    rejected.setdefault((estimator, f"{cluster}, {test}"), []).append(p <= 0.05)
    table = pd.Series({key: np.mean(each) for key, each in rejected.items()}).unstack()
    sys.stdout.write(table.loc[list(asked.estimators)].round(3).to_string() + "\n")
    sys.stdout.write(
        f"{asked.samples} samples, {asked.draws} draws; standard error about {np.sqrt(0.0475 / asked.samples):.3f}\n"
    )


if __name__ == "__main__":
    main()
