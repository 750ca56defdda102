"""The embedded study: raw inputs drawn from a process whose coefficients are known."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import pydantic
from numpy.typing import NDArray

from digicarbon import data
from digicarbon.arrays import FloatArray
from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.accounts import fuels
from digicarbon.numeric.spatial import geography
from digicarbon.packs.china import facts
from digicarbon.packs.china.simulated import draw
from digicarbon.source.base import InputOutputTable, Inputs, Source

Five = Annotated[tuple[float, float, float, float, float], pydantic.Field(strict=False)]
"""Five numbers in YAML."""

Driver = Literal["e", "ide", "sector1", "sector2", "ddl"]
UpToThree = Annotated[tuple[float, ...], pydantic.Field(strict=False, min_length=1, max_length=3)]
"""Coefficients of a variable, its square and its cube in YAML."""

Neighbours = Literal["w1_adjacency", "w2_nested", "delaunay"]

TABLE_YEARS = (2012, 2015, 2017)
INDUSTRIES = ("primary", "secondary", "tertiary")
MEAN_LOG_INTENSITY = float(np.log(1.6))


class SimulatedSource(Source):
    r"""SIMULATED raw inputs of the whole study, with known coefficients.

    The 30 provinces, their neighbours and their capitals are real; every number is drawn. Cities and counties lie on
    spirals around the capitals (`digicarbon.packs.china.simulated.draw`), each a province's size divided by their
    number in it, and are neighbours where their Thiessen polygons touch; counties have tables of five sectors. With i
    a unit, t a year, s = t - 2012, z draws of unit variance that are correlated between neighbours (spatial
    autoregression of 0.4 on W1 or on the polygons), u the same with a memory of 0.6 between years, and n independent
    normal draws:

    **Yearbook.** Each of ln population, ln GDP per head, the logit of the urban share, the log ratios of primary and
    secondary to tertiary value added, ln industrial output over secondary value added, ln built-up area over urban
    population and ln pollution-control investment over industrial output is
    :math:`a + b z_i + (c + d z'_i) s + e u_{it}` (constants in ``draw.yearbook``).

    **Input-output tables** (2012, 2015, 2017; 42 sectors). Within each industry, value added is split in proportion to
    :math:`\exp(0.5 n_j + 0.4 n_{ij} + 0.08 n_{ijt})`, for the two digital sectors to :math:`\exp f_{kit}`; output is
    value added over a rate whose logit is :math:`r_j + 0.15 n_{ij} + 0.05 n_{ijt}`; the remaining inputs are bought in
    proportion to :math:`\exp(q_{hj} + 0.3 n_{hijt})`, times :math:`\exp f_{3it}` from the digital sectors. The digital
    factors are :math:`f_{kit} = l_k + w_k z_{ki} + g_k s + 0.25 (0.6 z_{0it} + 0.8 z_{kit})`. Columns add up: inputs
    and value added make output; value added makes that of each industry and GDP. Final use is the rest of each row.

    **Outcome.** With m the measure named ``driver``, as *measured* from these tables in all years (10k CNY), and c the
    logs of the five controls,

    .. math::
        \text{fe:}\quad  & \ln CI_t = \mu + \tau_t + f(\ln m_t) + c_t \gamma + \varepsilon_t \\
        \text{sdm:}\quad & \ln CI_t = (I - \rho W)^{-1}
            (\mu + \tau_t + f(\ln m_t) + \theta W \ln m_t + c_t \gamma + \varepsilon_t)

    where :math:`f(x) = \beta x`; for a driver with an entry in ``curves``,
    :math:`f(x) = \beta_1 x + \beta_2 x^2 + \beta_3 x^3`; for one with an entry in ``regions``,
    :math:`f_i(x) = \beta_{r(i)} (x - \bar x)` with r(i) the region of unit i and the mean over all observations (so
    that slopes do not drive the levels of regions apart). With ``moderation`` = m a product
    :math:`m (x - \bar x)(g - \bar g)` is added, g the log of GDP per head: the effect is
    :math:`\beta + m (g - \bar g)`; with ``triple`` = q it is :math:`\beta + (m + q (s - \bar s)) (g - \bar g)`, s the
    log of tertiary over secondary value added. Further :math:`\varepsilon_{it} \sim N(0, \sigma^2)`,
    :math:`\tau_t = -0.03 s + 0.01 n_t`, and :math:`\mu_i = \mu_0 + 0.3 z''_i - 0.2 x_i`, with :math:`z''` a z filtered
    twice more, x the standardised mean of ln E (so that a model without unit effects is biased) and the constant such
    that the mean of ln CI is ln 1.6.
    Sectoral CO2 is CI times GDP. Apparent CO2 is that times :math:`\exp(0.15 z_i + 0.05 n_{it})`; the seven fuels make
    an Eq 9 account of it times :math:`\exp(0.1 z_i + 0.03 n_{it})`, in shares that differ between provinces and years.
    Prices of GDP rise by :math:`0.02 + 0.005 z_i + 0.01 u_{it}` a year, which gives ``gdp_index``.

    One generator draws everything in one order: a seed gives the same yearbook, tables and errors under each process.

    Attributes
    ----------
    seed : int
        The seed of the generator.
    size : {"provinces", "cities", "counties"}
        The 30 provinces, or 285 cities or 2,800 counties in them.
    first_year : int
        The first year; at least one of 2012, 2015 and 2017, which have tables, must be among the years.
    last_year : int
        The last year.
    process : {"fe", "sdm"}
        Two-way fixed effects, or a spatial Durbin model with both effects.
    driver : {"e", "ide", "sector1", "sector2", "ddl"}
        The measure whose log carries the effect; its term, e.g. ``"ln_e"``, is also accepted, so that a
        configuration can say ``${measure.terms.0}`` and each column of a table has the truth of its own measure.
    beta : float
        Coefficient of the log measure.
    curves : mapping of str to 1 to 3 floats
        Drivers whose effect is a curve: coefficients of the log measure, its square and its cube, in place of beta.
    regions : mapping of str to mapping of str to float
        Drivers whose effect differs by region: a slope for each of northeast, east, central and west, in place of beta.
    moderation : float
        By how much the effect rises with the log of GDP per head.
    triple : float
        By how much this rises with the log of tertiary over secondary value added.
    theta : float
        Coefficient of the neighbours' log measure (sdm only).
    rho : float
        Coefficient of the neighbours' outcome (sdm only).
    gamma : tuple of 5 floats
        Coefficients of the logs of: GDP per head, population, built-up area, tertiary over secondary value added,
        pollution-control investment over industrial output.
    sigma : float
        Standard deviation of the error.
    neighbours : {"w1_adjacency", "w2_nested", "delaunay"}
        The W of the truth: adjacency of provinces; nested geographic-economic with each unit's mean GDP; or units whose
        Thiessen polygons touch (``weights=delaunay``).
    unit_effects : bool
        Whether provinces differ by :math:`\mu_i`; without it a model with time effects alone is true.
    """

    seed: int = pydantic.Field(default=1, ge=0)
    size: draw.Size = "provinces"
    first_year: int = 2012
    last_year: int = 2017
    process: Literal["fe", "sdm"] = "sdm"
    driver: Driver = "e"
    beta: float = -0.12
    curves: dict[Driver, UpToThree] = pydantic.Field(default_factory=dict)
    regions: dict[Driver, dict[str, float]] = pydantic.Field(default_factory=dict)
    moderation: float = 0.0
    triple: float = 0.0
    theta: float = 0.05
    rho: float = pydantic.Field(default=0.4, gt=-1, lt=1)
    gamma: Five = (-0.3, 0.2, 0.1, -0.15, -0.03)
    sigma: float = pydantic.Field(default=0.05, ge=0)
    neighbours: Neighbours = "w1_adjacency"
    unit_effects: bool = True

    @pydantic.field_validator("driver", mode="before")
    @classmethod
    def _driver_of_a_term(cls, driver: Any) -> Any:
        return driver.removeprefix("ln_") if isinstance(driver, str) else driver

    @pydantic.field_validator("regions")
    @classmethod
    def _every_region(cls, regions: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        known = sorted(facts.provinces()["region"].unique())
        for driver, slopes in regions.items():
            unknown = [region for region in slopes if region not in known]
            if unknown:
                hint = suggestion(unknown[0], known)
                raise ValueError(
                    Note("simulated_no_region", driver=driver, regions=cut(unknown), hint=hint, known=cut(known))
                )
            missing = [region for region in known if region not in slopes]
            if missing:
                raise ValueError(Note("simulated_no_slope", driver=driver, regions=cut(missing), known=cut(known)))
        return regions

    @pydantic.model_validator(mode="after")
    def _one_effect(self) -> SimulatedSource:
        both = [driver for driver in self.curves if driver in self.regions]
        if both:
            raise ValueError(Note("simulated_curve_and_regions", drivers=cut(both)))
        return self

    @pydantic.model_validator(mode="after")
    def _neighbours_of_this_size(self) -> SimulatedSource:
        if self.process == "sdm" and self.neighbours == "w1_adjacency" and self.size != "provinces":
            raise ValueError(Note("simulated_borders_of_provinces", key="neighbours", size=self.size))
        return self

    @pydantic.model_validator(mode="after")
    def _some_year_has_tables(self) -> SimulatedSource:
        if not any(self.first_year <= year <= self.last_year for year in TABLE_YEARS):
            raise ValueError(
                Note("simulated_no_table_year", key="first_year", first=self.first_year, last=self.last_year)
            )
        return self

    def load(self) -> Inputs:
        """Draw the inputs.

        The frame has unit, time; gdp, secondary_va, tertiary_va, pollution_investment, industrial_output (100m
        CNY); population, urban_population (10k persons); built_up_area (km2); coal, coke, gasoline, kerosene, diesel,
        fuel_oil (10k t), natural_gas (100m m3); co2_sectoral, co2_apparent (Mt); gdp_index (previous year = 100).
        Cities and counties also have province, region, longitude and latitude. Tables in 10k CNY.
        """
        years = np.arange(self.first_year, self.last_year + 1)
        table_years = years[np.isin(years, TABLE_YEARS)]
        places, sectors = draw.places(self.size), _sectors(coarse=self.size == "counties")
        field = draw.Field(np.random.default_rng(self.seed), _field_filter(self.size))

        book = draw.yearbook(field, years, draw.COUNTS["provinces"] / len(places))
        digital = _digital_positions(sectors)
        industry = sectors["industry"].map(INDUSTRIES.index).to_numpy()
        parts = sectors["parts"].to_numpy()
        tables = draw.tables(
            field, _industry_va(book, np.isin(years, table_years)), industry, parts, digital, table_years
        )
        measures = draw.measured(tables, digital, book, years, table_years)
        co2 = book["gdp"] / 100 * np.exp(self._log_intensity(field, measures, book, years))

        fuel_use = draw.fuel_use(field, co2, _mt_per_unit())
        series = {
            **book,
            **dict(zip(data.fuels()["fuel"], np.moveaxis(fuel_use, -1, 0), strict=True)),
            "co2_sectoral": co2,
            "co2_apparent": draw.apparent(field, co2),
            # drawn last, so that the other numbers of a seed do not change
            "gdp_index": draw.volume_index(field, book["gdp"]),
        }
        return Inputs(
            frame=_frame(places, self.size, years, series),
            source="simulated",
            unit_name=draw.SINGULAR[self.size],
            time_name="year",
            tables=_by_unit_and_year(tables, places["unit"].tolist(), table_years, tuple(sectors["sector"])),
            simulated=True,
            notes=(self._note(),),
            units={str(fuel): unit.replace("_", " ") for fuel, unit in data.fuels().set_index("fuel")["unit"].items()},
            # the regions of provinces are known by their names
            regions="" if self.size == "provinces" else "region",
        )

    def _log_intensity(
        self, field: draw.Field, measures: draw.Series, book: draw.Series, years: NDArray[np.int64]
    ) -> FloatArray:
        """Return ln CI, shape (N, T)."""
        m = np.log(measures[self.driver])
        # the unit effects follow total E for every driver: only the outcome equation changes with the truth
        unit, time, errors = draw.disturbances(field, np.log(measures["e"]).mean(axis=1), years)
        effects = unit * self.unit_effects + time
        controls = draw.log_controls(book)
        y = effects + self._effect(m) + controls @ np.array(self.gamma) + self.sigma * errors
        if self.moderation or self.triple:
            income, structure = controls[..., 0], controls[..., 3]
            slope = self.moderation + self.triple * (structure - structure.mean())
            y = y + slope * (m - m.mean()) * (income - income.mean())
        if self.process == "sdm":
            w = _weights(self.neighbours, self.size, book)
            y = np.linalg.solve(np.eye(len(w)) - self.rho * w, y + self.theta * (w @ m))
        return np.asarray(y - y.mean() + MEAN_LOG_INTENSITY)

    def _effect(self, m: FloatArray) -> FloatArray:
        """Return f(ln m), shape (N, T)."""
        if self.driver in self.curves:
            return sum((b * m**k for k, b in enumerate(self.curves[self.driver], start=1)), np.zeros_like(m))
        if self.driver in self.regions:
            slopes = draw.places(self.size)["region"].map(self.regions[self.driver]).to_numpy(dtype=np.float64)
            return np.asarray(slopes[:, None] * (m - m.mean()))
        return self.beta * m

    def _truth(self) -> Note:
        """Return the note on the true effect."""
        if self.driver in self.curves:
            powers = enumerate(self.curves[self.driver], start=1)
            return Note("true_coefficients", coefficients=[Note("of_power", coefficient=b, power=k) for k, b in powers])
        if self.driver in self.regions:
            regions = self.regions[self.driver].items()
            return Note("true_betas", betas=[Note("beta_of_region", beta=b, region=region) for region, b in regions])
        if self.triple:
            return Note("true_triple", beta=self.beta, moderation=self.moderation, triple=self.triple)
        if self.moderation:
            return Note("true_moderation", beta=self.beta, moderation=self.moderation)
        return Note("true_beta", beta=self.beta)

    def _note(self) -> Note:
        fields: dict[str, Any] = {
            "process": self.process,
            "driver": Note("logarithm", variable=self.driver),
            "truth": self._truth(),
            "gamma": self.gamma,
            "sigma": self.sigma,
            "effects": Note("unit_and_time") if self.unit_effects else "time",
            "seeds": Note("seed", seed=self.seed),
        }
        spatial = {"theta": self.theta, "rho": self.rho, "weights": self.neighbours}
        process = Note("process_sdm", **fields, **spatial) if self.process == "sdm" else Note("process", **fields)
        if self.size == "provinces":
            return Note("simulated", process=process)
        size = Note("cities") if self.size == "cities" else Note("counties")
        return Note("simulated_places", places=draw.COUNTS[self.size], size=size, process=process)


@cache
def _field_filter(size: draw.Size) -> FloatArray:
    result = draw.field_filter(draw.adjacency() if size == "provinces" else draw.delaunay(size))
    result.flags.writeable = False
    return result


def _weights(neighbours: Neighbours, size: draw.Size, book: draw.Series) -> FloatArray:
    """Return the W of the truth, row-standardised, shape (N, N)."""
    if neighbours == "w1_adjacency":
        return draw.adjacency()
    if neighbours == "delaunay":
        return draw.delaunay(size)
    places = draw.places(size)
    distance = geography.great_circle_km(places["longitude"], places["latitude"])
    return draw.row_standardised(geography.nested(distance, book["gdp"].mean(axis=1)))


def _sectors(coarse: bool) -> pd.DataFrame:
    """Return the sectors of the tables; if ``coarse``, the two digital ones and the rest summed by industry.

    Returns columns ``sector``, ``industry``, ``digital`` and ``parts``, how many of the 42 sectors each represents.
    """
    full = facts.sectors().assign(parts=1)
    if not coarse:
        return full
    name = full["sector"].where(full["digital"].notna(), "Other " + full["industry"] + " industry")
    return full.groupby(name, sort=False).agg({"industry": "first", "digital": "first", "parts": "sum"}).reset_index()


def _digital_positions(sectors: pd.DataFrame) -> tuple[int, int]:
    kinds = sectors["digital"].tolist()
    return kinds.index("manufacturing"), kinds.index("services")


def _industry_va(book: draw.Series, in_table_years: NDArray[np.bool_]) -> FloatArray:
    """Return the value added of the three industries in the table years, shape (N, K, 3), 10k CNY."""
    secondary, tertiary = book["secondary_va"], book["tertiary_va"]
    three = np.stack([book["gdp"] - secondary - tertiary, secondary, tertiary], axis=-1)
    return draw.TENS_OF_THOUSAND_PER_100M * three[:, in_table_years]


def _mt_per_unit() -> FloatArray:
    table = data.fuels()
    factors = fuels.emission_factors(table["calorific_value_kj"], table["carbon_content_t_per_tj"], table["oxidation"])
    return fuels.mt_per_unit(factors, table["unit"] == "100m_m3")


def _frame(places: pd.DataFrame, size: draw.Size, years: NDArray[np.int64], series: draw.Series) -> pd.DataFrame:
    # the name of a province identifies it
    columns = ["unit"] if size == "provinces" else ["unit", "province", "region", "longitude", "latitude"]
    frame = places.loc[places.index.repeat(len(years)), columns].reset_index(drop=True)
    frame.insert(1, "time", np.tile(years, len(places)))
    return frame.assign(**{name: values.ravel() for name, values in series.items()})


def _by_unit_and_year(
    tables: draw.Tables, units: list[str], years: NDArray[np.int64], sectors: tuple[str, ...]
) -> dict[tuple[str, int], InputOutputTable]:
    return {
        (unit, int(year)): InputOutputTable(sectors, tables.flows[i, k], tables.value_added[i, k], tables.output[i, k])
        for i, unit in enumerate(units)
        for k, year in enumerate(years)
    }
