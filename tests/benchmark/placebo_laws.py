"""Placebo laws on the real panel: how often a law that does nothing is significant at 5 %, by where it is passed.

Run from the repository, with the real data in the folder that ``DIGICARBON_DATA`` names:
``python tests/benchmark/placebo_laws.py [--laws 25] [--draws 199] [--only SERIES …]``.

Each law is a column that turns from 0 to 1 in a third of 30 provinces: ``scattered``, provinces at random, each in a
year of its own; ``neighbours``, a province and those nearest to it by borders, within three years. The outcomes are
the logarithms of eleven series, in all years that every province has. No law does anything: a test at 5 % should
reject in 5 of 100. Errors are clustered by unit, effects two-way; ``usual`` is from these errors.
"""

from __future__ import annotations

import argparse
import os
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

import digicarbon as dc
from digicarbon.errors import DigicarbonError

Floats = NDArray[np.float64]
SERIES = (
    "co2_apparent_mt",
    "co2_sectoral_mt",
    "fiscal_expenditure_100m_cny",
    "gdp_rev_100m",
    "secondary_va_100m_cny",
    "urban_pop_10k",
    "digeco",
    "total_energy_tce",
    "patent_grants",
    "ter_share",
    "env_expenditure",
)
PLACES = ("scattered", "neighbours")


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--laws", type=int, default=25)
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--only", nargs="*", default=list(SERIES))
    asked = parser.parse_args()
    folder = Path(os.environ.get("DIGICARBON_DATA", ""), "china")
    if not (folder / "weights").is_dir():
        sys.exit("Set DIGICARBON_DATA to the folder that holds china/.")
    table = pd.read_csv(folder / "panel_30prov_2011_2022_merged.csv")
    edges = pd.read_csv(folder / "weights" / "W1_edges_65.csv")
    units = sorted({*edges["province_i"], *edges["province_j"]})
    weights = dc.Weights.from_edges(edges[["province_i", "province_j"]], labels=units)
    borders = weights.dense() > 0
    found: dict[tuple[str, str], list[tuple[str, float, float]]] = {}
    for name in asked.only:
        values = table.pivot(index="province", columns="year", values=name).dropna(axis=1)
        outcome = np.log(values.loc[units])
        for place in PLACES:
            for number in range(asked.laws):
                rng = np.random.default_rng([number, zlib.crc32(name.encode()), PLACES.index(place)])
                passed = law(place, rng, outcome.shape, borders)
                for column, usual, wild in fits(outcome, passed, weights, asked.draws):
                    found.setdefault((place, column), []).append((name, usual, wild))
    say = sys.stdout.write
    say("| laws | column | fits | usual | wild | error, between outcomes |\n|---|---|---|---|---|---|\n")
    for (place, column), rows in found.items():
        frame = pd.DataFrame(rows, columns=["name", "usual", "wild"]).set_index("name") <= 0.05
        each = frame["wild"].groupby(level=0).mean()
        error = f"{each.std() / len(each) ** 0.5:.3f}" if len(each) > 1 else "–"
        shares = f"{frame['usual'].mean():.3f} | **{frame['wild'].mean():.3f}**"
        say(f"| {place} | {column} | {len(frame)} | {shares} | {error} |\n")


def law(place: str, rng: np.random.Generator, shape: tuple[int, int], borders: NDArray[np.bool_]) -> Floats:
    """Return a column of zeros and ones, shape (units, periods)."""
    units, periods = shape
    if place == "scattered":
        chosen = rng.permutation(units)[: units // 3]
        start = rng.integers(2, periods - 1, size=units)
    else:
        steps = np.full(units, units)
        steps[rng.integers(units)] = 0
        for distance in range(units):
            reached = borders[steps == distance].any(axis=0) & (steps == units)
            steps[reached] = distance + 1
        chosen = np.argsort(steps + rng.random(units) / 2)[: units // 3]
        first = rng.integers(2, periods - 1)
        start = np.clip(first + rng.integers(-1, 2, size=units), 1, periods - 1)
    column = np.zeros(shape)
    for unit in chosen:
        column[unit, start[unit] :] = 1.0
    return column


def fits(outcome: pd.DataFrame, passed: Floats, weights: dc.Weights, draws: int) -> Iterator[tuple[str, float, float]]:
    """Yield each quantity with p by errors and p by the wild bootstrap; none where a model has no effects."""
    frame = outcome.stack().rename("y").to_frame()
    frame["x"] = passed.ravel()
    panel = dc.Panel.from_frame(frame.reset_index(), unit="province", time="year")
    given = {"y": "y", "x": ("x",), "cov": "cluster", "test": "wild", "replications": draws, "intervals": False}
    for name, known in (("FE", weights), ("FE, no W", None)):
        row = dc.PanelRegression.model_validate(given).fit(panel, known).estimates.loc["x"]
        yield name, 2 * stats.t.sf(abs(row["coef"] / row["se"]), len(outcome) - 1), row["p"]
    try:
        spatial = dc.SpatialPanel.model_validate({**given, "kind": "sdm"}).fit(panel, weights)
    except DigicarbonError:
        return
    if spatial.effects is None or any(note.code == "wild_not_at_end" for note in spatial.notes):
        return
    for quantity in ("direct", "indirect", "total"):
        row = spatial.effects.loc[(quantity, "x")]
        yield f"SDM, {quantity}", 2 * stats.norm.sf(abs(row["coef"] / row["se"])), row["p"]


if __name__ == "__main__":
    main()
