"""Placebo laws on real panels: how often a law that does nothing is significant at 5 %, by where it is passed.

Run from the repository, with the real data in the folder that ``DIGICARBON_DATA`` names:
``python tests/benchmark/placebo_laws.py [--panel china] [--laws 25] [--draws 199] [--kinds clustered]
[--models FE SDM] [--only SERIES …] [--fits FILE]``.

Each law is a column that turns from 0 to 1 in a third of the units: ``scattered``, units at random, each in a period of
its own; ``clustered``, a unit and those nearest to it by borders, within three periods. No law does anything: a test at
5 % should reject in 5 of 100. Errors are clustered by unit, effects two-way, W the borders; ``usual`` is from these
errors, ``units`` from signs of units, ``wild`` from the default draws.

Panels: ``china``, the logarithms of eleven series of 30 provinces in all years that every province has; ``insurance``,
the insured share of adults in 43 American states that border on another, 2008 to 2019; ``homicides``, seven series of
48 states in 1960, 1970, 1980 and 1990, made of counties. States border where counties do.
"""

from __future__ import annotations

import argparse
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
KINDS = ("scattered", "clustered")
EFFECTS = ("direct", "indirect", "total")
MODELS: dict[str, tuple[str, ...]] = {
    "FE": ("coefficient",),
    "FE-no-W": ("coefficient",),
    "SDM": EFFECTS,
    "SAR": EFFECTS,
    "SEM": ("direct",),
    "SDEM": EFFECTS,
    "SLX": EFFECTS,
}
"""The quantities of each model; an error model has one effect."""


def china(folder: Path) -> tuple[dict[str, pd.DataFrame], dc.Weights]:
    """Return each series, units × periods, and the borders."""
    table = pd.read_csv(folder / "china" / "panel_30prov_2011_2022_merged.csv")
    edges = pd.read_csv(folder / "china" / "weights" / "W1_edges_65.csv")
    units = sorted({*edges["province_i"], *edges["province_j"]})
    weights = dc.Weights.from_edges(edges[["province_i", "province_j"]], labels=units)
    wide = {name: table.pivot(index="province", columns="year", values=name).dropna(axis=1) for name in SERIES}
    return {name: values.loc[units].apply(np.log) for name, values in wide.items()}, weights


def counties(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return American counties, and the pairs of states that border, by their codes."""
    table = pd.read_csv(folder / "panels" / "spsur_NCOVR.csv.gz")
    edges = pd.read_csv(folder / "panels" / "spsur_NCOVR_queen_edges.csv.gz")
    state = table["FIPS"].to_numpy() // 1000
    pairs = pd.DataFrame({"i": state[edges["i"]], "j": state[edges["j"]]})
    return table.assign(state=state), pairs[pairs["i"] != pairs["j"]].drop_duplicates()


def of_states(wide: dict[str, pd.DataFrame], pairs: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], dc.Weights]:
    """Return series with states' codes as text, and the borders of their states."""
    (units,) = {tuple(values.index) for values in wide.values()}
    inside = pairs[pairs["i"].isin(units) & pairs["j"].isin(units)].map(lambda code: f"s{code:02d}")
    series = {name: values.rename(index=lambda code: f"s{code:02d}") for name, values in wide.items()}
    return series, dc.Weights.from_edges(inside, labels=[f"s{code:02d}" for code in units])


def insurance(folder: Path) -> tuple[dict[str, pd.DataFrame], dc.Weights]:
    """Return the insured share, units × periods, and the borders of states that have some."""
    table = pd.read_csv(folder / "policies" / "ehec.csv")
    _, pairs = counties(folder)
    wide = table.pivot(index="stfips", columns="year", values="dins").dropna(axis=1)
    inside = pairs[pairs["i"].isin(wide.index) & pairs["j"].isin(wide.index)]
    return of_states({"insured": wide[wide.index.isin(inside["i"])]}, inside)


def homicides(folder: Path) -> tuple[dict[str, pd.DataFrame], dc.Weights]:
    """Return series of states made of counties, weighted by population, and the borders."""
    table, pairs = counties(folder)
    table = table[table["state"].isin(pairs["i"])]
    years = {60: 1960, 70: 1970, 80: 1980, 90: 1990}
    people = {short: table[f"PO{short}"] for short in years}
    wide = {"ln_people": {year: np.log(people[short].groupby(table["state"]).sum()) for short, year in years.items()}}
    for name in ("HR", "UE", "DV", "MA", "RD", "PS"):
        means = {}
        for short, year in years.items():
            sums = (table[f"{name}{short}"] * people[short]).groupby(table["state"]).sum()
            means[year] = sums / people[short].groupby(table["state"]).sum()
        wide[name] = means
    return of_states({name: pd.DataFrame(columns) for name, columns in wide.items()}, pairs)


PANELS = {"china": china, "insurance": insurance, "homicides": homicides}


def main(words: Sequence[str] | None = None) -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--panel", choices=list(PANELS), default="china")
    parser.add_argument("--laws", type=int, default=25, help="of each kind for each series")
    parser.add_argument("--first", type=int, default=0, help="number of the first law")
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    parser.add_argument("--models", nargs="*", choices=list(MODELS), default=["FE", "FE-no-W", "SDM"])
    parser.add_argument("--only", nargs="*", help="series")
    parser.add_argument("--fits", type=Path, help="a CSV file for all p values")
    asked = parser.parse_args(words)
    folder = Path(os.environ.get("DIGICARBON_DATA", ""))
    if not (folder / "china" / "weights").is_dir():
        sys.exit("Set DIGICARBON_DATA to the folder that holds china/.")
    series, weights = PANELS[asked.panel](folder)
    unknown = {*(asked.only or ())} - {*series}
    if unknown:
        sys.exit(f"{', '.join(sorted(unknown))}: no series of {asked.panel}, which has {', '.join(series)}.")
    borders = weights.dense() > 0
    rows = []
    for name in asked.only or series:
        outcome = series[name].loc[list(weights.labels)]
        for kind in asked.kinds:
            for number in range(asked.first, asked.first + asked.laws):
                rng = np.random.default_rng([number, zlib.crc32(name.encode()), KINDS.index(kind)])
                passed = law(kind, rng, outcome.shape, borders)
                for model, quantity, usual, units, wild in fits(outcome, passed, weights, asked.models, asked.draws):
                    rows.append((kind, model, quantity, name, number, usual, units, wild))
    found = pd.DataFrame(rows, columns=["laws", "model", "quantity", "series", "law", "usual", "units", "wild"])
    if asked.fits:
        found.to_csv(asked.fits, index=False)
    say = sys.stdout.write
    say("| laws | column | fits | usual | units | wild | error, between outcomes |\n|---|---|---|---|---|---|---|\n")
    for kind in asked.kinds:
        for model in asked.models:
            for quantity in MODELS[model]:
                part = found[(found["laws"] == kind) & (found["model"] == model) & (found["quantity"] == quantity)]
                each = (part["wild"] <= 0.05).groupby(part["series"]).mean()
                error = f"{each.std() / len(each) ** 0.5:.3f}" if len(each) > 1 else "–"
                usual, units, wild = ((part[name] <= 0.05).mean() for name in ("usual", "units", "wild"))
                shares = f"{usual:.3f} | {units:.3f} | **{wild:.3f}**"
                column = model.replace("-no-", ", no ") if quantity == "coefficient" else f"{model}, {quantity}"
                say(f"| {kind} | {column} | {len(part)} | {shares} | {error} |\n")


def law(kind: str, rng: np.random.Generator, shape: tuple[int, int], borders: NDArray[np.bool_]) -> Floats:
    """Return a column of zeros and ones, shape (units, periods)."""
    units, periods = shape
    if kind == "scattered":
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


def fits(
    outcome: pd.DataFrame, passed: Floats, weights: dc.Weights, models: Sequence[str], draws: int
) -> Iterator[tuple[str, str, float, float, float]]:
    """Yield model, quantity, p by errors, by signs of units and by the default draws; none without effects."""
    frame = pd.DataFrame(
        {
            "unit": np.repeat(outcome.index, outcome.shape[1]),
            "year": np.tile(outcome.columns, len(outcome)),
            "y": outcome.to_numpy().ravel(),
            "x": passed.ravel(),
        }
    )
    panel = dc.Panel.from_frame(frame, unit="unit", time="year")
    given = {"y": "y", "x": ("x",), "cov": "cluster", "test": "wild", "draws": draws, "intervals": False}
    for name in models:
        linear = name.startswith("FE")
        known = None if name == "FE-no-W" else weights
        model = (dc.PanelRegression if linear else dc.SpatialPanel).model_validate(
            given if linear else {**given, "kind": name.lower()}
        )
        try:
            wild, usual = model.fit(panel, known), model.by_errors.fit(panel, known)
        except DigicarbonError:
            continue
        if wild.resampled is None:
            continue
        for quantity in MODELS[name]:
            tables = [one.estimates if quantity == "coefficient" else one.effects for one in (usual, wild)]
            at = "x" if quantity == "coefficient" else (quantity, "x")
            if all(at in table.index for table in tables):
                by_errors, by_draws = (float(table["p"][at]) for table in tables)
                key = f"p_units.{at}" if quantity == "coefficient" else f"p_units.{quantity}.x"
                yield name, quantity, by_errors, wild.statistics.get(key, by_draws), by_draws


if __name__ == "__main__":
    main()
