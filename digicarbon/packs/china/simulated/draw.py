"""The simulated study: positions and neighbours of its units, and random draws.

Positions are the same for every seed. Draws are functions from a generator and arrays to arrays.

Arrays have units first and years second, shape (N, T); input-output tables have shape (N, K, ...), K table years. The
process is documented in `digicarbon.source.SimulatedSource`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.numeric.accounts.bea import DigitalValueAdded, digital_value_added, nearest_table, scale_to_year
from digicarbon.numeric.spatial.geography import EARTH_RADIUS_KM, great_circle_km
from digicarbon.packs.china import facts
from digicarbon.source._drawn import neighbours, remembered

Size = Literal["provinces", "cities", "counties"]

COUNTS: dict[Size, int] = {"provinces": 30, "cities": 285, "counties": 2800}
SINGULAR: dict[Size, str] = {"provinces": "province", "cities": "city", "counties": "county"}

FARTHEST_KM = 300.0
"""The largest distance of a unit from its province's capital."""
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


@cache
def _table(size: Size) -> pd.DataFrame:
    provinces = facts.provinces()[["province", "region", "longitude", "latitude"]]
    if size == "provinces":
        return provinces.assign(unit=provinces["province"])
    each, rest = divmod(COUNTS[size], len(provinces))
    counts = np.full(len(provinces), each)
    counts[:rest] += 1
    distance = great_circle_km(provinces["longitude"], provinces["latitude"])
    np.fill_diagonal(distance, np.inf)
    radius = np.minimum(distance.min(axis=1) / 2, FARTHEST_KM)
    spirals = [_spiral(int(n), float(reach)) for n, reach in zip(counts, radius, strict=True)]
    table = provinces.loc[provinces.index.repeat(counts)].reset_index(drop=True)
    east, north = np.concatenate(spirals).T
    degree = np.pi / 180 * EARTH_RADIUS_KM
    longitude = table["longitude"] + east / (degree * np.cos(np.radians(table["latitude"])))
    word = SINGULAR[size].capitalize()
    digits = len(str(COUNTS[size]))
    # rounded to a decimetre, so that neighbours do not depend on the last bit of a cosine
    return table.assign(
        unit=[f"{word} {number:0{digits}d}" for number in range(1, len(table) + 1)],
        longitude=longitude.round(6),
        latitude=(table["latitude"] + north / degree).round(6),
    )


def places(size: Size) -> pd.DataFrame:
    """Return a row per unit, in the order of labels (provinces in the usual order).

    The cities or counties of a province are on a sunflower spiral of even density around its capital, the first one in
    the capital itself. None is farther away than half the distance to the next capital: provinces do not overlap.

    Returns columns ``unit``, ``province``, ``region``, ``longitude`` and ``latitude`` (degrees).
    """
    return _table(size).copy()


def adjacency() -> FloatArray:
    """Return W1 of the 30 provinces, row-standardised, shape (30, 30)."""
    return row_standardised(facts.links(facts.provinces()["province"].tolist()))


@cache
def delaunay(size: Size) -> FloatArray:
    """Return the row-standardised weights of units whose Thiessen polygons touch, shape (N, N), read-only."""
    w = neighbours(_table(size)[["longitude", "latitude"]].to_numpy(dtype=np.float64))
    w.flags.writeable = False
    return w


def row_standardised(w: FloatArray) -> FloatArray:
    """Return weights over their row sums."""
    return np.asarray(w / w.sum(axis=1, keepdims=True))


def _spiral(n: int, radius: float) -> FloatArray:
    """Return n points in a disc, kilometres east and north of its middle, shape (n, 2), after Vogel (1979)."""
    k = np.arange(n)
    reach, angle = radius * np.sqrt(k / n), k * GOLDEN_ANGLE
    return np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])


Series = Mapping[str, FloatArray]

FIRST = 2012
"""The year at which trends start."""
NOMINAL_TREND = 0.08
"""Mean growth of log GDP a year."""
TENS_OF_THOUSAND_PER_100M = 1e4
"""100m CNY in units of 10k CNY."""


def field_filter(w: FloatArray) -> FloatArray:
    """Return the filter of a `Field` over units with the row-standardised weights ``w``, shape (N, N)."""
    response = np.linalg.inv(np.eye(len(w)) - 0.4 * w)
    return np.asarray(response / np.linalg.norm(response, axis=1, keepdims=True))


MEMORY = 0.6
"""Of a persistent field, from one period to the next."""


@dataclass(frozen=True, eq=False)
class Field:
    """Draws of unit variance that are correlated between neighbours (a spatial autoregression of 0.4)."""

    rng: np.random.Generator
    filter: FloatArray

    def draw(self, *shape: int) -> FloatArray:
        """Return draws of shape (N, *shape)."""
        n = len(self.filter)
        white = self.rng.standard_normal((n, *shape))
        return (self.filter @ white.reshape(n, -1)).reshape(white.shape)

    def persistent(self, periods: int) -> FloatArray:
        """Return a stationary first-order autoregression of unit variance, shape (N, periods)."""
        return remembered(self.draw(periods), MEMORY)


@dataclass(frozen=True, eq=False)
class Tables:
    """Input-output tables of all units and table years, 10k CNY."""

    flows: FloatArray
    """Shape (N, K, n, n)."""
    value_added: FloatArray
    output: FloatArray
    """`value_added`, `output`: shape (N, K, n)."""


def yearbook(field: Field, years: IntArray, fraction: float = 1.0) -> dict[str, FloatArray]:
    """Return the yearbook series by name, each of shape (N, T); units of measurement as `SimulatedSource` says.

    ``fraction`` is a unit's population over that of a province, on average.
    """
    periods, s = len(years), years - FIRST

    def draw(level: float, spread: float, trend: float, wobble: float, trends: float = 0.0) -> FloatArray:
        start, slope = level + spread * field.draw(1), trend + trends * field.draw(1)
        return start + slope * s + wobble * field.persistent(periods)

    population = np.exp(draw(8.0 + np.log(fraction), 0.5, 0.005, 0.012, 0.005))
    gdp = population * np.exp(draw(1.4, 0.3, 0.075, 0.025, 0.012))
    urban = population / (1 + np.exp(-draw(0.2, 0.5, 0.05, 0.02)))
    industry = np.exp(np.stack([draw(-1.6, 0.5, -0.03, 0.03), draw(0.05, 0.2, -0.04, 0.06), np.zeros_like(gdp)]))
    _, secondary, tertiary = gdp * industry / industry.sum(axis=0)
    output = secondary * np.exp(draw(1.25, 0.15, 0.0, 0.03))
    return {
        "gdp": gdp,
        "secondary_va": secondary,
        "tertiary_va": tertiary,
        "population": population,
        "urban_population": urban,
        "built_up_area": urban * np.exp(draw(-0.4, 0.2, 0.02, 0.05)),
        "pollution_investment": output * np.exp(draw(-7.3, 0.5, -0.05, 0.25)),
        "industrial_output": output,
    }


def tables(
    field: Field,
    industry_va: FloatArray,
    industry: IntArray,
    parts: IntArray,
    digital: tuple[int, int],
    table_years: IntArray,
) -> Tables:
    """Return input-output tables whose value added sums to the industries' value added.

    ``industry_va``: of the primary, secondary and tertiary industry, 10k CNY, shape (N, K, 3). ``industry``: each
    sector's one (0, 1 or 2), shape (n,). ``parts``: how many of the 42 sectors each one represents, shape (n,).
    ``digital``: positions of the digital manufacturing and the digital services sector. ``table_years``: shape (K,).
    """
    rng, (units, k, _), n = field.rng, industry_va.shape, len(industry)
    manufacturing, services, digitalization = _digital_factors(field, table_years)
    weight = 0.5 * rng.standard_normal(n) + 0.4 * rng.standard_normal((units, 1, n))
    weight = weight + 0.08 * rng.standard_normal((units, k, n))
    weight[..., digital] = np.stack([manufacturing, services], axis=-1)
    weight = np.exp(weight + np.log(parts))
    belongs = np.eye(3)[industry]
    value_added = weight / (weight @ belongs)[..., industry] * industry_va[..., industry]

    odds = np.array([0.5, -1.1, 0.2])[industry] + 0.15 * rng.standard_normal((units, 1, n))
    rate = 1 / (1 + np.exp(-(odds + 0.05 * rng.standard_normal((units, k, n)))))
    output = value_added / rate

    recipe = rng.standard_normal((n, n)) + np.log(3.0) * np.eye(n)
    recipe[digital, :] = 0.4 * rng.standard_normal((2, n))
    recipe += np.log(parts)[:, None]
    bought = recipe + 0.3 * rng.standard_normal((units, k, n, n))
    bought[..., digital, :] += digitalization[..., None, None]
    bought = np.exp(bought)
    flows = bought * ((output - value_added) / bought.sum(axis=-2))[..., None, :]
    return Tables(flows, value_added, output)


def _digital_factors(field: Field, table_years: IntArray) -> FloatArray:
    """Return logs of digital manufacturing, services and digitalization relative to other sectors, shape (3, N, K)."""
    k, s = len(table_years), table_years - FIRST
    common = field.draw(k)
    spread = ((0.8, -0.2, 0.02), (0.4, 0.0, 0.05), (0.4, 0.3, 0.04))
    return np.stack(
        [
            level + wide * field.draw(1) + trend * s + 0.25 * (0.6 * common + 0.8 * field.draw(k))
            for wide, level, trend in spread
        ]
    )


def measured(drawn: Tables, digital: tuple[int, int], book: Series, years: IntArray, table_years: IntArray) -> Series:
    """Return the five measures as a reader of the tables computes them, gap years included, each of shape (N, T)."""
    at_tables = digital_value_added(drawn.flows, drawn.value_added, drawn.output, *digital)
    near = nearest_table(years, table_years)
    base = np.searchsorted(years, table_years)[near]
    at_table = DigitalValueAdded(at_tables.sector1[:, near], at_tables.sector2[:, near], at_tables.ddl[:, near])
    growth = [book[name] / book[name][:, base] for name in ("secondary_va", "tertiary_va", "gdp")]
    return scale_to_year(at_table, *growth).columns()


def log_controls(book: Series) -> FloatArray:
    """Return logs of the five controls of the study, shape (N, T, 5)."""
    return np.log(
        np.stack(
            [
                book["gdp"] / book["population"],
                book["population"],
                book["built_up_area"],
                book["tertiary_va"] / book["secondary_va"],
                book["pollution_investment"] / book["industrial_output"],
            ],
            axis=-1,
        )
    )


def disturbances(field: Field, size: FloatArray, years: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return unit effects (N, 1), time effects (1, T) and standard normal errors (N, T).

    The unit effects fall with the units' mean log measure ``size``, shape (N,), so that a model without them is
    biased. They are similar among neighbours, like intensity in the real provinces.
    """
    smooth = field.filter @ field.filter @ field.draw()
    unit = 0.3 * smooth - 0.2 * (size - size.mean()) / size.std()
    year = -0.03 * (years - FIRST) + 0.01 * field.rng.standard_normal(len(years))
    return unit[:, None], year[None, :], field.rng.standard_normal((len(size), len(years)))


def fuel_use(field: Field, co2: FloatArray, mt_per_unit: FloatArray) -> FloatArray:
    """Return the use of each fuel such that Eq 9's account is the sectoral one with noise, shape (N, T, k)."""
    n, periods = co2.shape
    mix = np.array([1.2, -0.7, -1.4, -2.8, -1.2, -2.6, -1.6])
    share = np.exp(mix + 0.4 * field.draw(1, len(mix)) + 0.06 * field.rng.standard_normal((n, periods, len(mix))))
    account = co2 * np.exp(0.1 * field.draw(1) + 0.03 * field.rng.standard_normal((n, periods)))
    return np.asarray(account[..., None] * share / share.sum(axis=-1, keepdims=True) / mt_per_unit)


def volume_index(field: Field, gdp: FloatArray) -> FloatArray:
    """Return the volume index of GDP, previous year = 100, shape (N, T): growth less that of prices, 2 % a year or so.

    The growth before the first year is the trend.
    """
    prices = 0.02 + 0.005 * field.draw(1) + 0.01 * field.persistent(gdp.shape[1])
    growth = np.diff(np.log(gdp), axis=1, prepend=np.log(gdp[:, :1]) - NOMINAL_TREND)
    return np.asarray(100 * np.exp(growth - prices))


def apparent(field: Field, co2: FloatArray) -> FloatArray:
    """Return the apparent account: the sectoral one with a level per unit and noise, shape (N, T)."""
    return co2 * np.exp(0.15 * field.draw(1) + 0.05 * field.rng.standard_normal(co2.shape))
