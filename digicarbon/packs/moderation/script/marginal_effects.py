"""Effects along a moderator: the delta method and Johnson and Neyman's ends in plain R, lincom in Stata."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from digicarbon.model import PanelIV, PanelRegression
from digicarbon.note import Note
from digicarbon.numeric.shape.moderation import pointwise_critical
from digicarbon.packs.moderation.diagnostic.marginal_effects import MarginalEffects, Moderation
from digicarbon.panel import Panel
from digicarbon.replication.part.after import compared
from digicarbon.script.part import Part
from digicarbon.script.r import RPart, code, finite, vector
from digicarbon.script.stata import StataPart
from digicarbon.script.words import number, wrapped

PLACES = ("mean less sd", "mean", "mean plus sd", "quarter", "half", "three quarters")
"""The first rows of the table of regions."""
OTHER = "the effect along a moderator, of a model that is no regression of these columns"


def _effects(part: Part, diagnostic: MarginalEffects, panel: Panel) -> Iterator[tuple[Moderation, pd.DataFrame]]:
    """Yield each effect with its rows of the recorded table, if it is of columns that the script has."""
    model = diagnostic.model
    if model.as_a(PanelRegression) is None and model.as_a(PanelIV) is None:
        return
    below = part.result.tables["johnson_neyman"]
    starts = [*np.flatnonzero(below.index == "effect at mean - sd"), len(below)]
    effects = diagnostic.effects(model.described(part.result, panel), panel)
    for (found, *_), start, end in zip(effects, starts[:-1], starts[1:], strict=True):
        if set(found.names) <= set(part.extract.regressors) and found.axis in part.extract.columns:
            yield found, below.iloc[start:end]


def in_r(part: RPart, diagnostic: MarginalEffects, panel: Panel) -> list[str]:
    """Return effects at the mean and quartiles of the moderator, and the ends of the pointwise region."""
    part.functions += code(__package__, "marginal_effects")
    body: list[str] = []
    for found, below in _effects(part, diagnostic, panel):
        effects = below.iloc[: len(PLACES)]
        coef, se = (dict(zip(PLACES, effects[name].astype(float), strict=True)) for name in ("coef", "se"))
        rows = [f"c({', '.join(map(finite, row))})" for row in found.effect.weights]
        names = vector([part.names[name] for name in found.names])
        what = f"effect of {part.names.get(found.term, found.term)}"
        body += [
            f"z <- {part.data}${part.names[found.axis]}",
            "at <- c(mean(z) + c(-1, 0, 1) * sd(z), quantile(z, c(0.25, 0.5, 0.75), names = FALSE))",
            f"places <- {vector(PLACES)}",
            "# a row for each power of z, a column for each coefficient",
            f"G <- rbind({', '.join(rows)})",
            f"b <- coef(fit)[{names}]",
            *compared(coef, "setNames(effects_along(at, G, b)$coef, places)", what, se),
        ]
        if part.result.has_note("covariance_repaired"):
            continue
        row = below.loc[["significant, pointwise"], ["low", "high"]].to_numpy(dtype=float)
        ends = dict(zip(("low", "high"), row[0].tolist(), strict=True))
        wild = any(isinstance(note, Note) and note.code == "by_wild" for note in effects["note"])
        middle, scale = (number(value) for value in found.middle)
        critical = number(pointwise_critical(found.inference.df, found.inference.level))
        tail = f"(G, b, V[{names}, {names}], {critical}, {middle}, {scale})"
        body += [
            "if (!is.null(V)) {",
            f"  own <- effects_along(at, G, b, V[{names}, {names}])",
            *(f"  {line}" for line in compared(se, "setNames(own$se, places)", f"error of the {what}", se)),
        ]
        # one place at which the effect is zero by construction is a double root, of half the digits
        if not wild and np.isfinite(list(ends.values())).all() and ends["low"] < ends["high"]:
            check = compared(ends, 'setNames(range(ends), c("low", "high"))', "Johnson and Neyman")
            body += [f"  ends <- ends_along{tail}", *(f"  {line}" for line in check)]
        body.append("}")
    return body or part.skip(OTHER)


def in_stata(part: StataPart, diagnostic: MarginalEffects, panel: Panel) -> list[str]:
    """Return effects at the mean and quartiles of the moderator by lincom; standard errors are shown."""
    body: list[str] = []
    for found, below in _effects(part, diagnostic, panel):
        effects = below.iloc[: len(PLACES)]
        at, coef, se = (effects[name].to_numpy(dtype=float) for name in ("at", "coef", "se"))
        z = part.names[found.axis]
        body += wrapped(
            "*",
            f"The effect of {part.names.get(found.term, found.term)} at values of {z}; "
            f"margins, dydx() at({z} = (...)) has the same after a regression on factor variables.",
        )
        for place, g, b, error in zip(PLACES, found.effect.gradient(at), coef, se, strict=True):
            sum_of = " + ".join(f"{number(w)}*{part.names[n]}" for w, n in zip(g, found.names, strict=True))
            body += [
                f"  lincom {sum_of.replace('+ -', '- ')}",
                f'  recorded_number "`run\'" "effect, {place}" r(estimate) {number(b)} {number(error)} 1e-6',
                f"* recorded standard error: {number(error)}",
            ]
    return ['if "`e(cmd)\'" != "" {', *body, "}"] if body else part.skip(OTHER)
