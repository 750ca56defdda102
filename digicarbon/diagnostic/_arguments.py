"""What a caller in Python hands to a diagnostic, checked in sentences as a configuration is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

import numpy as np
from pydantic import Field

from digicarbon.errors import ConfigError
from digicarbon.model import Model, PanelRegression, SpatialPanel
from digicarbon.note import Note, suggestion

Seed = Annotated[int, Field(ge=0)]


def real(value: object, key: str) -> float:
    """Return a number.

    Raises
    ------
    ConfigError
        If it is none, or not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ConfigError(Note("not_finite_number", argument=key, value=repr(value)))
    if not math.isfinite(value):
        raise ConfigError(Note("not_finite_number", argument=key, value=float(value)))
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
        hint = Note("coverage_in_per_cent", level=found, share=found / 100) if 1 < found < 100 else ""
        raise ConfigError(Note("coverage_outside", level=found, hint=hint))
    return found


def whole(value: object, key: str, least: int | None = 0) -> int:
    """Return a whole number, e.g. a seed.

    Raises
    ------
    ConfigError
        If it is none, or below ``least``.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or (least is not None and value < least):
        if least is None:
            raise ConfigError(Note("whole_number", argument=key, value=repr(value)))
        raise ConfigError(Note("whole_number_of_at_least", argument=key, least=least, value=repr(value)))
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
        got = Note("among_them", value=repr(wrong[0])) if wrong else repr(given)
        raise ConfigError(Note("not_names", argument=key, got=got))
    return tuple(str(name) for name in found)


def fitted_model(given: object, what: Note) -> Model:
    """Return a model.

    Raises
    ------
    ConfigError
        If it is something else.
    """
    if not isinstance(given, Model):
        raise ConfigError(Note("for_a_model", what=what, got=_kind(given)))
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
        raise ConfigError(
            Note(
                "argument_not_one_of",
                argument=key,
                allowed=allowed,
                value=repr(value),
                hint=suggestion(str(value), allowed),
            )
        )


def _kind(given: object) -> Note:
    return Note("no_object") if given is None else Note("object_of_class", name=type(given).__name__)
