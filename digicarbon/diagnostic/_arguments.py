"""What a caller in Python hands to a diagnostic, checked in sentences as a configuration is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

import numpy as np
from pydantic import Field

from digicarbon.errors import ConfigError, nearest
from digicarbon.model import Model, PanelRegression, SpatialPanel

Seed = Annotated[int, Field(ge=0)]


def real(value: object, key: str) -> float:
    """Return a number.

    Raises
    ------
    ConfigError
        If it is none, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ConfigError(f"{key} must be a finite number; got {value!r}.")
    if not math.isfinite(value):
        raise ConfigError(f"{key} must be a finite number; got {float(value)}.")
    return float(value)


def coverage(level: object) -> float:
    """Return the coverage of intervals.

    Raises
    ------
    ConfigError
        If it is not between 0 and 1.
    """
    found = real(level, "level")
    if not 0 < found < 1:
        hint = f" {found:g} per cent is level={found / 100:g}." if 1 < found < 100 else ""
        raise ConfigError(f"level must lie between 0 and 1, e.g. 0.95; got {found:g}.{hint}")
    return found


def whole(value: object, key: str, least: int | None = 0) -> int:
    """Return a whole number, e.g. a seed.

    Raises
    ------
    ConfigError
        If it is none, or below ``least``.
    """
    bound = "" if least is None else f" of at least {least}"
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or (least is not None and value < least):
        raise ConfigError(f"{key} must be a whole number{bound}; got {value!r}.")
    return int(value)


def names(given: object, key: str = "names") -> tuple[str, ...]:
    """Return names; a text is a single one.

    Raises
    ------
    ConfigError
        If there are none, or one is no text.
    """
    if isinstance(given, str):
        given = (given,)
    found = tuple(given) if isinstance(given, Iterable) else ()
    wrong = [name for name in found if not (isinstance(name, str) and name.strip())]
    if not found or wrong:
        got = f"{wrong[0]!r} among them" if wrong else repr(given)
        raise ConfigError(f"{key} must be one or more names of columns or terms, e.g. ['ln_e', 'ln_inf']; got {got}.")
    return tuple(str(name) for name in found)


def fitted_model(given: object, what: str) -> Model:
    """Return a model.

    Raises
    ------
    ConfigError
        If it is something else.
    """
    if not isinstance(given, Model):
        raise ConfigError(f"{what} is for a model, e.g. dc.PanelRegression(y='y', x=('x',)); got {_kind(given)}.")
    return given


def regression_of(given: object) -> PanelRegression | None:
    """Return the panel regression that a model says it is; None for others, and for what is no model."""
    return given.as_regression if isinstance(given, Model) else None


def spatial_of(given: object) -> SpatialPanel | None:
    """Return the spatial panel that a model says it is; None for others, and for what is no model."""
    return given.as_spatial if isinstance(given, Model) else None


def chosen(value: object, allowed: tuple[str, ...], key: str) -> None:
    """Raise a `ConfigError` unless a value is one of those allowed."""
    if value not in allowed:
        raise ConfigError(f"{key} must be one of {', '.join(allowed)}; got {value!r}.{nearest(str(value), allowed)}")


def _kind(given: object) -> str:
    return "nothing" if given is None else f"a {type(given).__name__}"
