"""A result's numbers under MLflow's names."""

from __future__ import annotations

import math
from functools import lru_cache
from numbers import Real

from digicarbon.result import Result

LONGEST_NAME = 250


def metrics(result: Result) -> dict[str, float]:
    """Return a result's numbers under MLflow names, finite ones only.

    ``coef.<term>``, ``se.<term>`` and ``p.<term>`` for every term; ``<effect>.<term>`` with ``.se`` and ``.p`` for
    effects of focal terms; statistics by their own name; ``<table>.<row>.<column>`` for further tables. ``focal.*``
    repeats the first focal term under a name that all runs share, so that runs with different measures can be compared.
    """
    out: dict[str, float] = {}
    if len(result.terms):
        estimates = result.estimates
        for column in ("coef", "se", "p"):
            out |= {f"{column}.{term}": float(value) for term, value in estimates[column].items()}
        if result.focal and result.focal[0] in estimates.index:
            out |= {f"focal.{column}": out[f"{column}.{result.focal[0]}"] for column in ("coef", "se", "p")}
    if result.spatial_effects is not None:
        shown = result.effects[["coef", "se", "p"]]
        for effect in ("direct", "indirect", "total"):
            for term, (coef, se, p) in zip(result.spatial_effects.terms, shown.loc[effect].to_numpy(), strict=True):
                if term in result.focal:
                    out |= {f"{effect}.{term}": coef, f"{effect}.{term}.se": se, f"{effect}.{term}.p": p}
                if result.focal[:1] == (term,):
                    out |= {f"focal.{effect}": coef, f"focal.{effect}.se": se, f"focal.{effect}.p": p}
    out |= {name: float(value) for name, value in result.statistics.items()}
    for name, table in result.tables.items():
        for key, row in table.iterrows():
            parts = key if isinstance(key, tuple) else (key,)
            cells = {column: value for column, value in row.items() if isinstance(value, Real)}
            out |= {".".join(map(str, (name, *parts, column))): float(value) for column, value in cells.items()}
    return {clean(name): value for name, value in out.items() if math.isfinite(value)}


@lru_cache(maxsize=100_000)
def clean(name: str) -> str:
    """Return a name as MLflow takes it on every system: letters, digits, and _ - . space."""
    # it allows : on some systems, and / makes folders
    return "".join(letter if letter.isalnum() or letter in "_-. " else "_" for letter in name)[:LONGEST_NAME]
