"""What a value of a field changes: the words of each field, a small panel, and the numbers of an answer."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any, Literal, TypeVar, get_args, get_origin

import numpy as np
import pandas as pd
from cases import of_packs

import digicarbon as dc
from digicarbon import pack
from digicarbon.arrays import FloatArray
from digicarbon.errors import DigicarbonError
from digicarbon.model import Model
from digicarbon.result import Result
from digicarbon.spec import Spec

S = TypeVar("S", bound=Spec)
UNITS, PERIODS = 24, 9
Numbers = Mapping[str, Mapping[str, float]]
"""Numbers by what they are, ``coef``, ``se``, ``p``, ``interval``, ``fit``, ``tables``, ``notes``, and by name."""
OPEN: Mapping[str, tuple[Any, ...]] = {"cluster": ("unit", "time", "both", "district"), "trends": (None, "unit")}
"""Fields that take other texts beside their own words."""
TOLERANCE = 1e-7
"""Numbers that are as near as this are the same: other sums, and searches that end elsewhere, are further apart."""


@dataclass(frozen=True)
class Does:
    """What the values of a field do.

    Attributes
    ----------
    changes : str
        One of the kinds of numbers that differ, as its docstring says.
    keeps : tuple of str
        The kinds that are the same whatever the value is.
    """

    changes: str
    keeps: tuple[str, ...] = field(default=())


TERMS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("q",)}
FAINT: dict[str, Any] = {"y": "y", "x": ("none",), "controls": ("q",)}
CONLEY: dict[str, Any] = {"cov": "conley"}
PLACES: dict[str, Any] = {"_target_": "digicarbon.weights.InverseDistanceWeights"}
ERRORS = ("classic", "robust", "cluster")
SMALL_SAMPLES = (("none", "stata", "full"), ("none", "g"))
ESTIMATE, ERROR = Does("coef"), Does("se", keeps=("coef",))
SAID = Does("notes", keeps=("coef", "se", "p", "interval"))
TESTED = ("test", "signs", "weights", "intervals")


@dataclass(frozen=True)
class Base:
    """A model from which one field is varied at a time.

    Attributes
    ----------
    model : Model
    only : tuple of str
        The fields that are varied; none for all but those of the wild bootstrap.
    gaps : bool
        Whether units lack some periods.
    """

    model: Model
    only: tuple[str, ...] = ()
    gaps: bool = False

    def varies(self, name: str) -> bool:
        return name in self.only if self.only else name not in TESTED


def wild(cls: type[Model], **fields: Any) -> Base:
    """Return a model of what has no effect, so that p is none of the smallest ones, with the wild bootstrap."""
    return Base(cls(**{**FAINT, "test": "wild", "draws": 99, "signs": "units", **fields}), TESTED)


@dataclass(frozen=True)
class Order:
    """Words of a field by a number, from the smallest to the largest.

    Attributes
    ----------
    model : Model
    name : str
        The field.
    words : tuple
    kind : {"coef", "se"}
    term : str
    least : float
        By what share the number grows at least from one word to the next.
    """

    model: Model
    name: str
    words: tuple[Any, ...]
    term: str = "x"
    kind: str = "se"
    least: float = 0.1


def shipped(base: type[S], room: ModuleType) -> set[type[S]]:
    """Return the classes of the package below one, those that no option names among them; its room is loaded first."""
    for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        importlib.import_module(module.name)
    for name in pack.names(room.__name__):
        getattr(room, name)

    def below(cls: type[S]) -> Iterator[type[S]]:
        for inner in cls.__subclasses__():
            yield inner
            yield from below(inner)

    own = {cls for cls in below(base) if cls.__module__.startswith("digicarbon.") and not inspect.isabstract(cls)}
    return {cls for cls in own if not cls.__name__.startswith("_")}


def worded(cls: type[Spec]) -> dict[str, tuple[Any, ...]]:
    """Return the fields of a class that take fixed words or are true or false, with all their values."""
    found = {name: words(one.annotation) for name, one in cls.model_fields.items()}
    own = {name: OPEN.get(name, values) for name, values in found.items()}
    return {name: values for name, values in own.items() if len(values) > 1}


def words(annotation: Any) -> tuple[Any, ...]:
    """Return the fixed values that an annotation names."""
    if annotation is bool:
        return True, False
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if get_origin(annotation) is tuple:
        # a choice of several words: all of them, and each one left out
        every = words(get_args(annotation)[0])
        return (every, *(tuple(one for one in every if one != word) for word in every)) if every else ()
    inner = getattr(annotation, "__value__", None)
    parts = (inner,) if inner is not None else get_args(annotation)
    return tuple(value for part in parts for value in words(part))


@cache
def panel(gaps: bool = False) -> dc.Panel:
    """Return units in places, with errors that depend on x, on their past and on neighbours, and staggered policies."""
    rng = np.random.default_rng(11)
    unit, period = (codes.ravel() for codes in np.indices((UNITS, PERIODS)))
    w = weights().matrix.toarray()
    draws = rng.normal(size=(7, PERIODS, UNITS))
    x = 0.6 * draws[0] + 0.6 * draws[1] + rng.normal(size=UNITS)
    z, q = draws[0] + 0.3 * rng.normal(size=(PERIODS, UNITS)), draws[2] + 0.4 * x
    v = draws[3] + 0.5 * rng.normal(size=UNITS)
    start = np.resize([4, 99, 99, 6, 99, 99, 7, 99], UNITS)
    after = np.arange(PERIODS)[:, None] - start
    level = rng.normal(size=UNITS) + rng.normal(size=(PERIODS, 1))
    m = 0.5 * x + draws[4] + level
    # with no effect on the outcome: one with an instrument, and one that neighbours share
    faint = np.random.default_rng(12).normal(size=(3, PERIODS, UNITS))
    none, smooth = faint[0] + 0.5 * faint[1], faint[2] @ np.linalg.inv(np.eye(UNITS) - 0.8 * w).T
    y, before = np.empty((PERIODS, UNITS)), 2 * rng.normal(size=UNITS)
    past, around = rng.normal(size=UNITS), np.linalg.inv(np.eye(UNITS) - 0.35 * w)
    for t in range(PERIODS):
        past = 0.4 * past + draws[5, t] * (0.4 + 0.5 * np.abs(x[t])) + 0.4 * draws[6, t, ::2].mean()
        effect = np.where(after[t] >= 0, 0.8 + 0.3 * after[t], 0.0)
        own = np.where(v[t] > 0.2, 1.1, 0.3) * x[t] - 0.4 * q[t] + 0.5 * m[t] + effect + level[t] + past
        y[t] = before = around @ (0.3 * before + 0.2 * w @ x[t] + own)
    cube = {"y": y, "x": x, "q": q, "z": z, "v": v, "m": m, "none": none, "of_none": faint[0], "smooth": smooth}
    frame = pd.DataFrame({name: values.T.ravel() for name, values in cube.items()})
    frame["area"], frame["year"] = [f"u{code:02}" for code in unit], 2001 + period
    frame["twice"] = 2 * frame["q"]
    frame["start"] = np.where(start < 99, 2001 + start, 0)[unit]
    frame["share"] = (frame["x"] - frame["x"].min()) / np.ptp(frame["x"])
    frame["size"] = np.exp(rng.normal(size=UNITS))[unit]
    frame["half"] = np.where(unit % 3 == 0, "north", "south")
    frame["district"] = [f"d{code % 8}" for code in unit]
    frame["longitude"], frame["latitude"] = places()[unit].T
    if gaps:
        frame = frame[np.random.default_rng(7).uniform(size=len(frame)) > 0.1]
    made = dc.Panel.from_frame(frame, unit="area", time="year", gaps="keep")
    for with_columns in of_packs("with_columns"):
        made = with_columns(made)
    return made


@cache
def places() -> FloatArray:
    """Return degrees east and north of the units."""
    return np.random.default_rng(5).uniform((96.0, 27.0), (104.0, 33.0), size=(UNITS, 2))


@cache
def weights() -> dc.Weights:
    """Return weights that fall with distance, of the four nearest, so that they are not symmetric."""
    apart = np.linalg.norm(places()[:, None] - places()[None], axis=2)
    near = apart.argsort(axis=1).argsort(axis=1)
    links = np.where((near > 0) & (near <= 4), np.exp(-apart), 0.0)
    return dc.Weights.from_matrix(links, [f"u{code:02}" for code in range(UNITS)], normalise="row")


def varied(base: Spec, name: str, value: Any) -> Spec | DigicarbonError:
    """Return a specification with another value of a field, or the sentence that refuses it."""
    try:
        return type(base)(**{**dict(base), name: value})
    except DigicarbonError as error:
        return error


def numbers_of(result: Result) -> Numbers:
    """Return all numbers of a result, by kind and name, and its notes."""
    frames = (result.estimates, result.effects)
    kinds = {"coef": ("coef",), "se": ("se",), "p": ("p",), "interval": ("low", "high")}
    own = {
        kind: {
            f"{column} {place}": float(value)
            for frame in frames
            for column in columns
            for place, value in zip(frame.index, frame[column], strict=True)
        }
        for kind, columns in kinds.items()
    }
    fit = {name: float(value) for name, value in result.statistics.items()}
    notes = {str(note): 1.0 for note in result.notes}
    return {**own, "fit": fit, "tables": dict(cells(result.tables)), "notes": notes}


def cells(tables: Mapping[str, pd.DataFrame]) -> Iterator[tuple[str, float]]:
    """Yield each number of some tables by its place."""
    for name, table in tables.items():
        for column in table.columns:
            for place, value in zip(table.index, table[column], strict=True):
                number = isinstance(value, int | float | np.number | np.bool_)
                # words have no size: whatever they say is told by their name
                yield f"{name} {column} {place}" + ("" if number else f" {value}"), float(value) if number else 1.0


def changed(one: Numbers, other: Numbers) -> set[str]:
    """Return the kinds of numbers that two answers do not share."""
    return {kind for kind in {*one, *other} if apart(one.get(kind, {}), other.get(kind, {}))}


def apart(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Return whether a number is in one answer alone, or differs."""
    if one.keys() != other.keys():
        return True
    left, right = (np.array([numbers[name] for name in one]) for numbers in (one, other))
    return not np.allclose(left, right, rtol=TOLERANCE, atol=1e-12, equal_nan=True)
