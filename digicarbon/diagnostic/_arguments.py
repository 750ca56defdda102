"""Checks of arguments that Python callers pass to a diagnostic, with messages like those for a configuration."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Annotated, ParamSpec, TypeVar

import numpy as np
from pydantic import AfterValidator, Field

from digicarbon.errors import ConfigError
from digicarbon.model import Model, PanelRegression, SpatialPanel
from digicarbon.note import Note, suggestion
from digicarbon.panel import Panel
from digicarbon.spec import Names
from digicarbon.weights import Weights

P = ParamSpec("P")
T = TypeVar("T")
_WRITTEN = {
    "panel": 'dc.Panel.from_frame(df, unit="city", time="year")',
    "weights": "dc.Weights.from_edges(pairs)",
    "variable": '"ln_ci"',
    "names": '["ci", "pgdp"]',
    "term": '"ln_digital"',
    "unit": '"City 01"',
}
"""How an argument of a name is written in a call."""
_KINDS = {"panel": Panel, "weights": Weights, "variable": str}

Seed = Annotated[int, Field(ge=0)]


def _named(variables: tuple[str, ...]) -> tuple[str, ...]:
    # without an outcome the default of an option is an empty name
    if not all(variables):
        raise ValueError(Note("variables_unnamed", key="variables"))
    return variables


Variables = Annotated[Names, AfterValidator(_named)]


def with_call(function: Callable[P, T]) -> Callable[P, T]:
    """Return a public function that answers a call without its panel, weights or variable with the call to write."""
    signature = inspect.signature(function)
    needed = [name for name, one in signature.parameters.items() if one.default is one.empty]

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:
            given = {}
        if not given or any(not isinstance(given[name], _KINDS[name]) for name in needed if name in _KINDS):
            call = f"dc.{function.__name__}({', '.join(_WRITTEN.get(name, name) for name in needed)})"
            raise ConfigError(Note("call_to_write", of=function.__name__, arguments=needed, call=call))
        return function(*args, **kwargs)

    return checked


def real(value: object, key: str) -> float:
    """Return a finite number; a `ConfigError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ConfigError(Note("not_finite_number", argument=key, value=repr(value)))
    if not math.isfinite(value):
        raise ConfigError(Note("not_finite_number", argument=key, value=float(value)))
    return float(value)


def coverage(level: object) -> float:
    """Return the coverage of intervals; a `ConfigError` if it is not between 0 and 1."""
    result = real(level, "level")
    if not 0 < result < 1:
        hint = Note("coverage_in_per_cent", level=result, share=result / 100) if 1 < result < 100 else ""
        raise ConfigError(Note("coverage_outside", level=result, hint=hint))
    return result


def whole(value: object, key: str, least: int | None = 0) -> int:
    """Return a whole number, e.g. a seed; a `ConfigError` for anything else, or if it is below ``least``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or (least is not None and value < least):
        if least is None:
            raise ConfigError(Note("whole_number", argument=key, value=repr(value)))
        raise ConfigError(Note("whole_number_of_at_least", argument=key, least=least, value=repr(value)))
    return int(value)


def names(value: object) -> tuple[str, ...]:
    """Return names; a text is a single name. No names, or one that is no text, are a `ConfigError`."""
    if isinstance(value, str):
        value = (value,)
    result = tuple(value) if isinstance(value, Iterable) else ()
    wrong = [name for name in result if not (isinstance(name, str) and name.strip())]
    if not result or wrong:
        description = Note("among_them", value=repr(wrong[0])) if wrong else repr(value)
        raise ConfigError(Note("not_names", argument="names", got=description))
    return tuple(str(name) for name in result)


def fitted_model(value: object, what: Note) -> Model:
    """Return a model; a `ConfigError` for anything else."""
    if not isinstance(value, Model):
        raise ConfigError(Note("for_a_model", what=what, got=_kind(value)))
    return value


def regression_of(value: object) -> PanelRegression | None:
    """Return a model's panel regression; None for another kind of model or another object.

    Weighted observations and further absorbed effects, which the tests of panel regressions do not know, are a
    `ConfigError`.
    """
    regression = value.as_a(PanelRegression) if isinstance(value, Model) else None
    if regression is not None and regression.observation_weights is not None:
        raise ConfigError(Note("test_of_weighted", column=regression.observation_weights))
    if regression is not None and regression.absorbs:
        raise ConfigError(Note("test_of_absorbing"))
    return regression


def spatial_of(value: object) -> SpatialPanel | None:
    """Return a model's spatial panel; None for another kind of model or another object."""
    return value.as_a(SpatialPanel) if isinstance(value, Model) else None


def spatial_or(value: object, refusal: Note) -> SpatialPanel:
    """Return `spatial_of` a model; raise a `ConfigError` that says the refusal where there is none."""
    spatial = spatial_of(value)
    if spatial is None:
        raise ConfigError(refusal)
    return spatial


def refuse_unknown(value: object, allowed: tuple[str, ...], key: str) -> None:
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


def _kind(value: object) -> Note:
    return Note("no_object") if value is None else Note("object_of_class", name=type(value).__name__)
