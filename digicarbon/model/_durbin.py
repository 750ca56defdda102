"""Which regressors have a spatial lag, and what a model refuses of their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from digicarbon.note import Note, cut, suggestion


def _read(value: object) -> object:
    if isinstance(value, str) and value not in ("all", "x"):
        # a list of nothing is no example
        example = "ln_e" if value.lower() in ("", "none", "null") else value
        raise ValueError(Note("durbin_is_no_list", example=example, value=value))
    if value is None:
        raise ValueError(Note("durbin_is_no_list", example="ln_e", value="null"))
    return value


Durbin = Annotated[Literal["all", "x"] | Annotated[tuple[str, ...], Field(strict=False)], BeforeValidator(_read)]


def lagged_by(durbin: Durbin, x: tuple[str, ...], regressors: tuple[str, ...]) -> tuple[str, ...]:
    """Return the regressors whose spatial lags a model with lags of x has."""
    if durbin == "all":
        return regressors
    return x if durbin == "x" else tuple(durbin)


def refuse_unknown_lags(durbin: Durbin, regressors: Sequence[str]) -> None:
    """Raise if a list of lags names what is no regressor."""
    unknown = [name for name in durbin if name not in regressors] if isinstance(durbin, tuple) else []
    if unknown:
        hint = suggestion(unknown[0], regressors)
        raise ValueError(Note("durbin_unknown", key="durbin", unknown=cut(unknown), hint=hint))


def refuse_names(own: Iterable[str], terms: Iterable[str]) -> None:
    """Raise if a term is called as a parameter is: effects would take one for the other."""
    clash = sorted(set(own) & set(terms))
    if clash:
        raise ValueError(Note("name_of_parameter", terms=cut(clash)))
