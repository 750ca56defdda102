"""CO2 from the burning of fuels (Eq 9 of the study)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from digicarbon.arrays import FloatArray

CO2_PER_CARBON = 44 / 12
"""Mass of CO2 over mass of the carbon in it."""

TENS_OF_THOUSAND_TONNES_TO_MT = 0.01
HUNDRED_MILLION_M3_TO_MT = 0.1
"""100m m3 times kg CO2 per m3 is 1e8 kg, a tenth of a million tonnes."""


def emission_factors(calorific_value_kj: ArrayLike, carbon_content: ArrayLike, oxidation: ArrayLike) -> FloatArray:
    """Return the CO2 factor of each fuel (the product in Eq 9), kg CO2 per kg (gas: per m3), shape (k,).

    The low calorific value is in kJ per kg (gas: per m3), the carbon content in tonnes per TJ; ``oxidation`` is the
    share of the carbon that is oxidised.
    """
    # kJ times t C per TJ is 1e-9 TJ/kJ times 1e3 kg/t
    energy = np.asarray(calorific_value_kj, dtype=float) * 1e-6
    return np.asarray(energy * np.asarray(carbon_content) * np.asarray(oxidation) * CO2_PER_CARBON)


def fuel_co2_mt(consumption: ArrayLike, factors: ArrayLike, gaseous: ArrayLike) -> FloatArray:
    """Return CO2 from fuels in million tonnes, shape (rows,), Eq 9: the sum over fuels of consumption times factor.

    Consumption, shape (rows, k), is in 10k tonnes, or 100m m3 where a fuel is ``gaseous``; factors, shape (k,), in kg
    CO2 per kg (gas: per m3). The result is not a number where the value of a fuel is none.
    """
    return np.asarray(np.asarray(consumption, dtype=float) @ mt_per_unit(factors, gaseous))


def mt_per_unit(factors: ArrayLike, gaseous: ArrayLike) -> FloatArray:
    """Return million tonnes of CO2 per 10k tonnes of fuel (gas: per 100m m3); arguments as in `fuel_co2_mt`."""
    scale = np.where(np.asarray(gaseous, dtype=bool), HUNDRED_MILLION_M3_TO_MT, TENS_OF_THOUSAND_TONNES_TO_MT)
    return np.asarray(np.asarray(factors, dtype=float) * scale)


def usual_shares(co2: FloatArray, groups: NDArray[np.intp]) -> FloatArray:
    """Return each fuel's usual share of a unit's CO2, the median share over its rows with the fuel: (units, k).

    ``co2``, shape (rows, k), is not-a-number where a fuel has no value; a share is relative to the fuels that have a
    value in the row. For a unit that never has a fuel it is the median over the rows of all units, and 0 where no row
    has it.
    """
    total = np.nansum(co2, axis=1, keepdims=True)
    share = np.full(co2.shape, np.nan)
    np.divide(co2, total, out=share, where=total > 0)
    order = np.argsort(groups, kind="stable")
    ends = np.cumsum(np.bincount(groups))[:-1]
    everywhere = _medians(share, np.zeros(co2.shape[1]))
    return np.array([_medians(rows, everywhere) for rows in np.split(share[order], ends)])


def _medians(values: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Return the median of each column's values; without values, the column's number of ``otherwise``."""
    columns = (column[np.isfinite(column)] for column in values.T)
    return np.array(
        [np.median(finite) if len(finite) else other for finite, other in zip(columns, otherwise, strict=True)]
    )
