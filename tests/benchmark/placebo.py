"""Placebo laws on the real panel: how often measures that were dealt to other provinces are significant at 5 %.

Run from the repository, with the real data in the folder that ``DIGICARBON_DATA`` names:
``python tests/benchmark/placebo.py [--deals 20] [--draws 199] [--jobs 2] [--only COLUMN …] [--fits FILE]``.

30 provinces, 2012 to 2017, four controls, neighbours as W. Each of 13 outcomes meets each of 8 measures; the paths of
the measure are dealt to the provinces at random, so that it has no effect, while outcomes, controls, measures and
their correlation over time, in space and between units are those of real data. p values by errors clustered by unit,
of the information matrix, and by the wild bootstrap of units.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

import digicarbon as dc
from digicarbon.packs.china import facts

YEARS = (2012, 2017)
OVER_GDP = {
    "co2_sectoral": "co2_sectoral_mt",
    "co2_apparent": "co2_apparent_mt",
    "coal": "coal_10kt",
    "gasoline": "gasoline_10kt",
    "diesel": "diesel_10kt",
    "fuel_oil": "fuel_oil_10kt",
    "gas": "natgas_100m_m3_probable",
    "so2": "so2_t",
    "wastewater": "wastewater_10kt",
    "capital": "gfcf_100m_cny",
    "employment": "employment_10k",
    "fiscal": "fiscal_expenditure_100m_cny",
}
"""Outcomes over GDP, in logarithms, and their columns; average wages are the thirteenth outcome."""
MEASURES = (
    "digeco",
    "digital_finance",
    "rd_intensity_yao",
    "market_index",
    "energy_structure",
    "env_reg_yao",
    "gov_yao",
    "patent_grants",
)
CONTROLS = ("ln_pgdp", "ln_population", "ln_urbanization", "ln_ter_sec")


def spatial(kind: str, **choices: object) -> dc.Model:
    """Return a spatial model whose p values rest on errors clustered by unit."""
    return dc.SpatialPanel.model_validate(
        {"y": "y", "x": ("x",), "controls": CONTROLS, "kind": kind, "cov": "cluster", "test": "errors"} | choices
    )


COLUMNS: dict[str, tuple[dc.Model, tuple[str, ...]]] = {
    "FE two-way": (
        dc.PanelRegression(y="y", x=("x",), controls=CONTROLS, cov="cluster", test="errors"),
        ("coefficient",),
    ),
    "SDM two-way, all lagged": (spatial("sdm"), ("direct", "total")),
    "SDM two-way, x lagged": (spatial("sdm", durbin="x"), ("indirect",)),
    "SDM time effects": (spatial("sdm", effects="time"), ("direct", "total")),
    "SAR two-way": (spatial("sar"), ("direct", "total")),
    "SEM two-way": (spatial("sem"), ("direct",)),
    "SDEM two-way": (spatial("sdem"), ("direct", "total")),
    "SLX two-way": (spatial("slx"), ("direct", "total")),
}
"""A model and its quantities; the error model has one effect."""


def table_of(folder: Path) -> pd.DataFrame:
    """Return unit, year, outcomes, measures and controls in logarithms."""
    raw = pd.read_csv(folder / "china" / "panel_30prov_2011_2022_merged.csv")
    raw = raw[raw["year"].between(*YEARS)]
    levels = {name: raw[column] / raw["gdp_rev_100m"] for name, column in OVER_GDP.items()}
    levels |= {"wage": raw["avg_wage_cny"]} | {name: raw[name] for name in MEASURES}
    levels |= {
        "ln_pgdp": raw["gdp_rev_100m"] / raw["pop_rev_10k"],
        "ln_population": raw["pop_rev_10k"],
        "ln_urbanization": raw["urbanization"],
        "ln_ter_sec": raw["tertiary_va_100m_derived"] / raw["secondary_va_100m_cny"],
    }
    logs = {name: np.log(values) for name, values in levels.items()}
    return pd.DataFrame({"unit": raw["province"], "year": raw["year"]} | logs).sort_values(["unit", "year"])


def deals(number: int) -> Iterator[tuple[str, str, int]]:
    """Yield outcome, measure and the number of the deal."""
    for outcome in (*OVER_GDP, "wage"):
        for measure in MEASURES:
            for deal in range(number):
                yield outcome, measure, deal


def dealt(table: pd.DataFrame, outcome: str, measure: str, deal: int) -> tuple[dc.Panel, int]:
    """Return a panel whose x is the measure with its paths dealt to other units, and a seed of its own."""
    place = [*OVER_GDP, "wage"].index(outcome), MEASURES.index(measure), deal
    rng = np.random.default_rng(place)
    paths = table[measure].to_numpy().reshape(table["unit"].nunique(), -1)
    x = paths[rng.permutation(len(paths))].ravel()
    frame = table[["unit", "year", *CONTROLS]].assign(y=table[outcome], x=x)
    return dc.Panel.from_frame(frame, unit="unit", time="year"), int(rng.integers(2**31))


def p_of(result: dc.Result, quantity: str) -> float:
    """Return the p value of a quantity of x; not-a-number where it has none."""
    if quantity == "coefficient":
        return float(result.estimates.loc["x", "p"])
    return float(result.effects.loc[(quantity, "x"), "p"]) if len(result.effects) else np.nan


def one(
    table: pd.DataFrame, w: dc.Weights, column: str, deal: tuple[str, str, int], draws: int, signs: str
) -> list[dict[str, object]]:
    """Return p values of each quantity: clustered, classic, wild."""
    model, quantities = COLUMNS[column]
    panel, seed = dealt(table, *deal)
    kinds = {
        "clustered": {},
        "classic": {"cov": "classic"},
        "wild": {"test": "wild", "draws": draws, "signs": signs, "seed": seed, "intervals": False},
    }
    given = model.model_dump(exclude={"formula", "untested"})
    results = {kind: type(model).model_validate(given | changes).fit(panel, w) for kind, changes in kinds.items()}
    named = dict(zip(("outcome", "measure", "deal"), deal, strict=True))
    rows = []
    for quantity in quantities:
        values = {kind: p_of(result, quantity) for kind, result in results.items()}
        if np.isfinite(list(values.values())).all():
            rows.append({"column": column, "quantity": quantity, **named, **values})
    return rows


def rates(fits: pd.DataFrame) -> list[str]:
    """Return a row of the table for each quantity of a column.

    The error of a share is that of independent deals; the other one takes the outcomes as a sample of outcomes.
    """
    rows = []
    for (column, quantity), part in fits.groupby(["column", "quantity"], sort=False):
        rejected = part[["clustered", "classic", "wild"]] <= 0.05
        shares, size = rejected.mean(), len(part)
        alone = np.sqrt(shares["wild"] * (1 - shares["wild"]) / size)
        by_outcome = rejected["wild"].groupby(part["outcome"]).mean()
        between = by_outcome.std(ddof=1) / np.sqrt(len(by_outcome))
        cells = [f"{shares[kind]:.3f}" for kind in ("classic", "clustered", "wild")]
        rows.append(f"| {column} | {quantity} | {size} | {' | '.join(cells)} | {alone:.3f} | {between:.3f} |")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a table of rejection rates."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--deals", type=int, default=20, help="of each pair of outcome and measure")
    parser.add_argument("--draws", type=int, default=199)
    parser.add_argument("--signs", choices=["patterns", "units"], default="patterns")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=list(COLUMNS), help="columns")
    parser.add_argument("--fits", type=Path, help="a CSV file for all p values")
    asked = parser.parse_args(arguments)
    folder = os.environ.get("DIGICARBON_DATA")
    if not folder or not (Path(folder) / "china").is_dir():
        sys.stderr.write("no placebo without the real data: DIGICARBON_DATA names no folder that contains china/\n")
        return 1
    table, w = table_of(Path(folder)), dc.Weights.from_edges(facts.adjacency())
    out = sys.stdout
    out.write("share significant at 5 %\n\n| column | quantity | fits | classic | clustered | wild |")
    out.write(" error | error, between outcomes |\n|---|---|---|---|---|---|---|---|\n")
    start = time.perf_counter()
    every = []
    for column in asked.only:
        found = Parallel(n_jobs=asked.jobs)(
            delayed(one)(table, w, column, deal, asked.draws, asked.signs) for deal in deals(asked.deals)
        )
        every += [row for rows in found for row in rows]
        fits = pd.DataFrame(every)
        out.write("\n".join(rates(fits[fits["column"] == column])) + "\n")
        out.flush()
        if asked.fits:
            fits.to_csv(asked.fits, index=False)
    out.write(
        f"\n13 outcomes x 8 measures x {asked.deals} deals, {asked.draws} draws; {time.perf_counter() - start:.0f} s\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
