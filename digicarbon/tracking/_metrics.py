"""A result's numbers under MLflow's names."""

from __future__ import annotations

import math
from functools import lru_cache
from numbers import Real

from digicarbon.result import Result

LONGEST_NAME = 250
SHOWN = ("coef", "se", "p")
"""The columns of estimates and effects that become metrics."""


def metrics(result: Result) -> dict[str, float]:
    """Return a result's numbers under MLflow names, finite ones only.

    ``coef.<term>``, ``se.<term>`` and ``p.<term>`` for every term; ``<effect>.<term>`` with ``.se`` and ``.p`` for
    effects of focal terms; statistics by their own name; ``<table>.<row>.<column>`` for further tables. ``focal.*``
    repeats the first focal term under a name that all runs share, so that runs with different measures can be compared;
    ``focal.effect`` is its total effect where there are spatial effects, else its coefficient.
    """
    out: dict[str, float] = {}
    focal = result.focal[:1]
    # arrays, not tables: a DataFrame costs more than the fit that it shows
    for column in SHOWN if len(result.terms) else ():
        values = dict(zip(result.terms, result.estimate_columns[column].tolist(), strict=True))
        out |= {f"{column}.{term}": value for term, value in values.items()}
        out |= {f"focal.{column}": values[term] for term in focal if term in values}
    if result.spatial_effects is not None:
        shown = [result.effect_columns[column].tolist() for column in SHOWN]
        for place, effect in enumerate(("direct", "indirect", "total")):
            for position, term in enumerate(result.spatial_effects.terms):
                coef, se, p = (column[place][position] for column in shown)
                if term in result.focal:
                    out |= {f"{effect}.{term}": coef, f"{effect}.{term}.se": se, f"{effect}.{term}.p": p}
                if focal == (term,):
                    out |= {f"focal.{effect}": coef, f"focal.{effect}.se": se, f"focal.{effect}.p": p}
    if focal:
        sources = ("focal.total", "focal.total.p") if "focal.total" in out else ("focal.coef", "focal.p")
        names = zip(("focal.effect", "focal.effect.p"), sources, strict=True)
        out |= {name: out[source] for name, source in names if source in out}
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
