"""Columns after the effects of a regression, in R and Stata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from digicarbon.diagnostic._focal import Focal
from digicarbon.model import PanelRegression
from digicarbon.model._absorption import TREND, group_column
from digicarbon.script.r import RPart, code, finite, vector
from digicarbon.script.stata import ABSORBED, StataPart
from digicarbon.script.words import chunks

UNITS = {"none": (), "unit": ("unit_id",), "time": ("time_id",), "two_way": ("unit_id", "time_id")}
"""Columns of the fixed effects."""


def dummies(part: RPart, regression: PanelRegression) -> str:
    """Return the right-hand side of all effects of a regression."""
    names = [*UNITS[regression.fixed], *(part.names[group_column(effect)] for effect in regression.absorb)]
    words = [f"factor({name})" for name in names]
    if regression.trends is not None:
        words.append(f"factor({part.names[group_column(regression.trends)]}):{part.names[TREND]}")
    return "~ " + (" + ".join(words) or "1")


def after(part: RPart, focal: Focal, columns: Sequence[str], always: Iterable[str] = ()) -> list[str]:
    """Return the columns and the outcome after effects, in this order, as ``left$X``."""
    part.functions += code(__package__, "after")
    regression = focal.regression
    words = [part.data, vector([part.names[name] for name in (*columns, regression.y)]), dummies(part, regression)]
    others = [part.names[name] for name in always]
    words += [f"always = {vector(others)}"] if others else []
    if regression.observation_weights is not None:
        words.append(f"weights = {part.data}${part.names[regression.observation_weights]}")
    return chunks(words, "left <- after_effects(", ", ", ")")


def absorbed(part: StataPart, focal: Focal, columns: Sequence[str]) -> list[str]:
    """Return columns and the outcome after effects as ``after_<name>``, names cut to 26 letters."""
    regression = focal.regression
    effects = [ABSORBED[regression.fixed]] if regression.fixed != "none" else []
    effects += [part.names[group_column(effect)] for effect in regression.absorb]
    if regression.trends is not None:
        effects.append(f"{part.names[group_column(regression.trends)]}#c.{part.names[TREND]}")
    lines = ["preserve"]
    how = f"absorb({' '.join(effects)}) keepsingletons" if effects else "noabsorb"
    for place, name in enumerate((*columns, regression.y), 1):
        lines += [
            f"quietly reghdfe {part.names[name]}, {how} residuals(after_{place})",
            f"* after_{place}: {part.names[name]} after effects",
        ]
    return lines


def compared(
    recorded: Mapping[str, float], found: str, what: str, scale: Mapping[str, float] | None = None
) -> list[str]:
    """Return the comparison of numbers that exist, relative to themselves or to a scale."""
    there = {name: value for name, value in recorded.items() if np.isfinite(value)}
    if not there:
        return []
    words = [f"`{name}` = {finite(value)}" for name, value in there.items()]
    size = "abs(expected)"
    lines = chunks(words, "expected <- c(", ", ", ")")
    if scale is not None:
        lines += chunks([finite(scale[name]) for name in there], "size <- c(", ", ", ")")
        size = "size"
    return [*lines, f'check(paste(run, "({what})"), {found}, expected, {size}, what = "number")']
