"""Size of tests in panels of regions: of effects by group, and where regions share shocks.

    python tests/benchmark/spatial_regions_wild.py [PANELS]
    python tests/benchmark/spatial_regions_wild.py --shocks REGIONS CITIES [PANELS [MODEL ...]]
    python tests/benchmark/spatial_regions_wild.py --few REGIONS CITIES [PANELS]

30 units on a ring in three groups of ten neighbours, 6 periods, two-way effects, rho 0.4; x, control and errors AR(1)
with 0.6, in the last two worlds with variances that differ between units, those of x alike. ``none``: x has no effect.
``cancels``: slopes of x are 0.5 and those of its lag -0.5 in all groups, so that total effects are zero. Rejections at
5 % of the total effect of x in each group, clustered by unit, 199 draws.

``--shocks``: cities on a ring, CITIES neighbours in each region, 8 periods; x and errors are each the sum of
(I - 0.5W)⁻¹ times an AR(1) with 0.6 of the city and 1.5 times one of the region, independent of each other. Rejections
at 5 % with clusters of cities and of regions, of a regression with two-way effects and of the effects in a spatial
Durbin panel, or in the models that are named. ``IV``: x is the sum of such a variable, its instrument, and of halves
of x and the errors. ``SAR by IV``: the control moves an outcome that has a spatial lag, 0.4. ``gaps``: a spatial Durbin
panel, of which a tenth of the rows is missing. ``threshold``: slopes of such a panel where another such variable is
below zero; above it x has a slope of one. Its threshold is searched among 100 quantiles. ``mediation``: by
the sum of that variable and x, which moves nothing.
``--few``: of the regression alone, in the same world, by all vectors of signs of few regions and by Webb's weights.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

import digicarbon as dc
from digicarbon.arrays import FloatArray

UNITS, PERIODS, RHO = 30, 6, 0.4
GROUPS = np.repeat(["a", "b", "c"], UNITS // 3)
RING = (np.roll(np.eye(UNITS), 1, axis=0) + np.roll(np.eye(UNITS), -1, axis=0)) / 2
NAMES = [f"u{unit:02d}" for unit in range(UNITS)]


def world(seed: int, beta: float, theta: float, spread: float) -> dc.Panel:
    """Return a panel."""
    rng = np.random.default_rng(seed)
    draws = rng.normal(size=(3, UNITS, PERIODS + 20))
    for period in range(1, PERIODS + 20):
        draws[..., period] += 0.6 * draws[..., period - 1]
    x, z, e = draws[..., 20:] * np.exp(spread * rng.normal(size=UNITS))[:, None] ** [[[1]], [[0]], [[1]]]
    y = np.linalg.solve(np.eye(UNITS) - RHO * RING, beta * x + theta * RING @ x + 0.5 * z + e)
    index = pd.MultiIndex.from_product([NAMES, range(PERIODS)], names=["unit", "year"])
    columns = {"zone": np.repeat(GROUPS, PERIODS), "x": x.ravel(), "z": z.ravel(), "y": y.ravel()}
    return dc.Panel.from_frame(index.to_frame(index=False).assign(**columns), "unit", "year")


def shocked(seed: int, regions: int, cities: int, gaps: bool = False) -> tuple[dc.Panel, dc.Weights]:
    """Return a panel whose regions share shocks, without a tenth of its rows where there are gaps, and the ring."""
    rng, units, periods = np.random.default_rng(seed), regions * cities, 8
    ring = (np.roll(np.eye(units), 1, axis=0) + np.roll(np.eye(units), -1, axis=0)) / 2
    names = [f"c{unit:03d}" for unit in range(units)]

    def series(count: int) -> FloatArray:
        draws = rng.normal(size=(count, periods + 20))
        for period in range(1, periods + 20):
            draws[:, period] += 0.6 * draws[:, period - 1]
        return draws[:, 20:] * 0.8

    spread = np.linalg.inv(np.eye(units) - 0.5 * ring)

    def both() -> FloatArray:
        return spread @ series(units) + 1.5 * np.repeat(series(regions), cities, 0)

    x, y, z, q = both(), both(), series(units), both()
    lagged = y + np.linalg.solve(np.eye(units) - 0.4 * ring, z)
    index = pd.MultiIndex.from_product([names, range(periods)], names=["unit", "year"])
    columns = {"x": x, "y": y, "z": z, "q": q, "inside": q + 0.5 * x + 0.5 * y, "lagged": lagged}
    columns |= {"above": y + x * (q > 0), "moved": x + q}
    region = np.repeat([f"r{place:02d}" for place in range(regions)], cities * periods)
    frame = index.to_frame(index=False).assign(**{name: one.ravel() for name, one in columns.items()}, region=region)
    if gaps:
        frame = frame[rng.uniform(size=len(frame)) > 0.1]
    return dc.Panel.from_frame(frame, "unit", "year", gaps="keep"), dc.Weights.from_matrix(ring, names, name="ring")


def model_of(name: str, cluster: str) -> Any:
    """Return a model of a world of shocks."""
    fields: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("z",), "cov": "cluster", "cluster": cluster}
    fields |= {"test": "wild", "draws": 199, "intervals": False}
    if name == "IV":
        return dc.PanelIV(**fields | {"x": ("inside",)}, instruments=("q",))
    if name == "SAR by IV":
        return dc.SpatialIV(**fields | {"y": "lagged"}, kind="sar")
    if name == "threshold":
        fields |= {"y": "above", "threshold": "q", "grid": 100, "trim": 0.2, "threshold_draws": 0}
        return dc.PanelThreshold(**fields, space="sdm")
    if name == "mediation":
        return dc.Mediation(**fields, mediators=("moved",))
    if name == "gaps":
        return dc.UnbalancedSpatialPanel(**fields, kind="sdm")
    return dc.PanelRegression(**fields) if name == "FE" else dc.SpatialPanel(**fields, kind="sdm")


def shocks(regions: int, cities: int, panels: int, names: Sequence[str]) -> None:
    """Print rejections where regions share shocks."""
    found: dict[tuple[str, str], list[bool]] = {}
    for seed in range(panels):
        for name in names or ("FE", "SDM"):
            panel, weights = shocked(seed, regions, cities, name == "gaps")
            for cluster in ("unit", "region"):
                model = model_of(name, cluster)
                for test, one in (("errors", model.by_errors), ("wild", model)):
                    result = one.fit(panel, weights)
                    x = result.focal[0]
                    p = {"": result.estimates.loc[x, "p"]}
                    if len(model.quantities) > 1:
                        spatial = result.spatial_effects is not None
                        p = result.effects.xs(x, level="term")["p"].to_dict() if spatial else {}
                    for effect, value in p.items():
                        found.setdefault((f"{name} {effect}", f"{cluster}, {test}"), []).append(value <= 0.05)
    table = pd.Series({key: np.mean(each) for key, each in found.items()}).unstack()
    sys.stdout.write(f"{regions} regions of {cities}, {panels} panels\n{table.round(3).to_string()}\n")


def few(regions: int, cities: int, panels: int) -> None:
    """Print rejections of a regression by signs of few regions and by Webb's weights, 399 draws."""
    found: dict[str, list[float]] = {}
    for seed in range(panels):
        panel, weights = shocked(seed, regions, cities)
        for draws in ("rademacher", "webb"):
            model = dc.PanelRegression(
                y="y", x=("x",), controls=("z",), cov="cluster", cluster="region", draws=399, weights=draws,
                intervals=False,
            )  # fmt: skip
            found.setdefault(draws, []).append(float(model.fit(panel, weights).estimates.loc["x", "p"]))
    rows = {name: f"{np.mean(np.array(p) <= 0.05):.3f}, smallest p {min(p):.4f}" for name, p in found.items()}
    sys.stdout.write(f"{regions} regions of {cities}, {panels} panels: {rows}\n")


def main(panels: int) -> None:
    """Print rejections."""
    weights = dc.Weights.from_matrix(RING, NAMES)
    model = dc.GroupedSpatial(
        y="y", x=("x",), controls=("z",), kind="sdm", by="zone", cov="cluster", test="wild", draws=199,
        intervals=False,
    )  # fmt: skip
    sys.stdout.write(f"{'':28}{'errors':>10}{'wild':>10}\n")
    for spread in (0.0, 0.7):
        for called, slopes in {"none": (0.0, 0.0), "cancels": (0.5, -0.5)}.items():
            rows = []
            for seed in range(panels):
                panel = world(seed, *slopes, spread)
                found = [one.fit(panel, weights).effects.loc["total", "p"] for one in (model.by_errors, model)]
                rows.append([(p.loc[[f"x[{g}]" for g in "abc"]] < 0.05).mean() for p in found])
            shares = np.mean(rows, axis=0)
            name = f"{called}, variances {'differ' if spread else 'equal'}"
            sys.stdout.write(f"{name:28}" + "".join(f"{share:10.3f}" for share in shares) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] in (["--shocks"], ["--few"]):
        count = int(sys.argv[4]) if len(sys.argv) > 4 else 300
        given = int(sys.argv[2]), int(sys.argv[3]), count
        few(*given) if sys.argv[1] == "--few" else shocks(*given, sys.argv[5:])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
