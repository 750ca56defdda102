"""A result's numbers under MLflow's names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from numbers import Real

from digicarbon.result import Asked, Result

LONGEST_NAME = 250
SHOWN = ("coef", "se", "p")
"""The columns of estimates and effects that become metrics."""


def metrics(result: Result, asked: Asked | None = None) -> dict[str, float]:
    """Return a result's numbers under MLflow names, finite ones only.

    ``coef.<term>``, ``se.<term>`` and ``p.<term>`` for every term; ``<effect>.<term>`` with ``.se`` and ``.p`` for
    effects of focal terms; statistics by their own name; ``<table>.<row>.<column>`` for further tables. ``focal.*``
    repeats the first focal term under a name that all runs share, so that runs with different measures can be compared;
    ``focal.effect`` is the requested number, by default the total effect, see `Result.effect`; it is absent if no
    single number is the effect.
    Terms are named as in `term_names`.
    """
    out: dict[str, float] = {}
    focal = result.focal[:1]
    named = term_names(result)
    # arrays, not tables: a DataFrame costs more time than the fit
    for column in SHOWN if len(result.terms) else ():
        values = dict(zip(result.terms, result.estimate_columns[column].tolist(), strict=True))
        out |= {f"{column}.{named[term]}": value for term, value in values.items()}
        out |= {f"focal.{column}": values[term] for term in focal if term in values}
    for effect in result.effect_names:
        terms, columns = result.effects_of(effect)
        for term, coef, se, p in zip(terms, *(columns[column].tolist() for column in SHOWN), strict=True):
            if term in result.focal:
                name = f"{effect}.{named[term]}"
                out |= {name: coef, f"{name}.se": se, f"{name}.p": p}
            if focal == (term,):
                out |= {f"focal.{effect}": coef, f"focal.{effect}.se": se, f"focal.{effect}.p": p}
    effect_of_run = result.effect(asked or Asked())
    if effect_of_run is not None:
        _, out["focal.effect"], out["focal.effect.p"] = effect_of_run
    out |= {name: float(value) for name, value in result.statistics.items()}
    for name, table in result.tables.items():
        for key, row in table.iterrows():
            parts = key if isinstance(key, tuple) else (key,)
            cells = {column: value for column, value in row.items() if isinstance(value, Real)}
            out |= {".".join(map(str, (name, *parts, column))): float(value) for column, value in cells.items()}
    cleaned = distinct(tuple(out))
    return {cleaned[name]: value for name, value in out.items() if math.isfinite(value)}


def term_names(result: Result) -> Mapping[str, str]:
    """Return the name of each term in MLflow: its own name with ``_`` for signs that MLflow refuses.

    Terms of one result that would share a name get different ones, see `distinct`.
    """
    effects = () if result.spatial_effects is None else result.spatial_effects.terms
    return distinct(tuple(dict.fromkeys((*result.terms, *effects))))


def renamed(result: Result) -> str:
    """Return a sentence on the terms whose names were changed to differ; empty if there are none."""
    names = [f"{term} is '{name}'" for term, name in term_names(result).items() if name != clean(term)]
    return f"Names of metrics: {', '.join(names)}, since another term has the shorter name." if names else ""


@lru_cache(maxsize=1000)
def distinct(names: tuple[str, ...]) -> Mapping[str, str]:
    """Return MLflow's name for each of some names, no two alike.

    Names keep their usual spelling (`clean`) unless several would share one. Then a name that MLflow accepts
    unchanged stays; of the others ``a:b`` becomes ``a by b`` and ``a^2`` ``a to 2``; names that are still equal get
    numbers.
    """
    usual = [clean(name) for name in names]
    if len(set(usual)) == len(usual):
        return dict(zip(names, usual, strict=True))
    result = {name: name for name, plain in zip(names, usual, strict=True) if name == plain}
    for name, plain in zip(names, usual, strict=True):
        if name in result:
            continue
        alone = usual.count(plain) == 1
        base = plain if alone else clean(name.replace(":", " by ").replace("^", " to "))
        number, candidate = 1, base
        while candidate in result.values():
            number += 1
            candidate = f"{base[: LONGEST_NAME - 5]} {number}"
        result[name] = candidate
    return {name: result[name] for name in names}


@lru_cache(maxsize=100_000)
def clean(name: str) -> str:
    """Return a name as MLflow accepts it on every system: letters, digits, and _ - . space."""
    # it allows : on some systems, and / makes folders
    return "".join(letter if letter.isalnum() or letter in "_-. " else "_" for letter in name)[:LONGEST_NAME]
