"""Parts of a result that all spatial models have."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache

import numpy as np

from digicarbon.arrays import FloatArray, IntArray
from digicarbon.model._panel_goodness import criteria
from digicarbon.panel import constituents
from digicarbon.result import CONSTANT, Role

Names = tuple[str, ...]


@lru_cache(1024)
def roles_of(constant: bool, regressors: Names, lagged: Names, tail: tuple[Role, ...]) -> tuple[Role, ...]:
    """Return what the parameters are: a constant, regressors, spatial lags of some, and a tail of others."""
    return (
        *(CONSTANT,) * constant,
        *(Role(made_of=constituents(name)) for name in regressors),
        *(Role("lag_x", name) for name in lagged),
        *tail,
    )


@lru_cache(1024)
def _places(wanted: Sequence[Hashable], names: Sequence[Hashable]) -> IntArray:
    """Return the places of wanted names; one beyond the last for what is absent."""
    return np.array([names.index(name) if name in names else len(names) for name in wanted])


def picked(
    wanted: tuple[Hashable, ...], names: tuple[Hashable, ...], coef: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the wanted ones of the first parameters, which have names, and their covariance; zero for absent ones."""
    places, count = _places(wanted, names), len(names)
    padded, known = np.zeros((count + 1, count + 1)), np.zeros(count + 1)
    padded[:-1, :-1], known[:-1] = covariance[:count, :count], coef[:count]
    return known[places], padded.take(places, 0).take(places, 1)


def without_errors(covariance: FloatArray, places: Sequence[int]) -> FloatArray:
    """Return a covariance that is not-a-number at places of parameters at an end of their range.

    An interior maximum is what information matrices and moments speak of: there are no stars for a boundary.
    """
    out = covariance.copy() if places else covariance
    for place in places:
        out[place] = out[:, place] = np.nan
    return out


def ends_of(bounds: tuple[float, float]) -> dict[str, float]:
    """Return the ends of a range as fields of a note, rounded: runs whose ranges look equal have one note."""
    return {"low": round(bounds[0], 4), "high": round(bounds[1], 4)}


def sizes(units: int, periods: int, effective: int, loglik: float, parameters: int, size: int) -> dict[str, float]:
    """Return statistics of a likelihood of a balanced panel; criteria count ``size`` observations."""
    return {
        "nobs": float(units * periods),
        "nobs_effective": float(effective),
        "n_units": float(units),
        "n_periods": float(periods),
        **criteria(loglik, parameters, size),
    }
