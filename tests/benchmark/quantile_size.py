"""Bias, coverage and size of quantile regressions by moments, on simulated units whose coefficients are known.

Run ``python tests/benchmark/quantile_size.py [replications]``.
"""

from __future__ import annotations

import sys
from itertools import product

import numpy as np

import digicarbon as dc
from digicarbon.source import SimulatedQuantiles

TAUS = (0.1, 0.5, 0.9)


def measure(n: int, periods: int, memory: float, bias: str, errors: str, replications: int) -> list[str]:
    """Return the bias, the ratio of mean error to spread, and the coverage at each quantile; the size of the test."""
    fields = {"n": n, "periods": periods, "memory": memory}
    model = dc.PanelQuantile(
        effects="unit",
        y="y",
        x=("x",),
        controls=("c",),
        quantiles=TAUS,
        bias=bias,
        errors=errors,
        bootstrap_draws=100,
        test="errors",
    )
    coef, se, held, rejected = [], [], [], []
    for seed in range(1, replications + 1):
        source = SimulatedQuantiles(seed=seed, **fields)
        result = model.fit(dc.Panel.from_frame(source.load().frame, "unit", "time"))
        columns = {name: values[:3] for name, values in result.estimate_columns.items()}
        truth = source.truth(np.array(TAUS))
        coef.append(columns["coef"] - truth)
        se.append(columns["se"])
        held.append((columns["low"] <= truth) & (truth <= columns["high"]))
        same = SimulatedQuantiles(seed=seed, scale=0.0, **fields)
        rejected.append(model.fit(dc.Panel.from_frame(same.load().frame, "unit", "time")).statistics["equality_p"])
    spread = np.std(coef, axis=0)
    return [
        *(f"{value:.3f}" for value in np.mean(coef, axis=0)),
        *(f"{value:.2f}" for value in np.mean(se, axis=0) / spread),
        *(f"{value:.3f}" for value in np.mean(held, axis=0)),
        f"{np.mean(np.array(rejected) <= 0.05):.3f}",
    ]


def show(cells: list[str]) -> None:
    """Write a row."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def main() -> None:
    """Print a row for each case."""
    replications = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    heads = [f"{what} {tau:g}" for what in ("bias", "se/sd", "coverage") for tau in TAUS]
    show(["N", "T", "memory", "bias", "errors", *heads, "size"])
    for n, periods, memory, bias in product((30, 100), (6, 20), (0.0, 0.5), ("none", "half_panel")):
        row = measure(n, periods, memory, bias, "analytic", replications)
        show([f"{n}", f"{periods}", f"{memory}", bias, "analytic", *row])
    for n, periods, bias in product((30, 100), (6, 20), ("none", "half_panel")):
        row = measure(n, periods, 0.0, bias, "bootstrap", replications)
        show([f"{n}", f"{periods}", "0.0", bias, "bootstrap", *row])


if __name__ == "__main__":
    main()
