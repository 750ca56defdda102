"""A picture of the marginal effect of a variable along itself or along a moderator."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic.turning_points import described, observed
from digicarbon.model import Model
from digicarbon.note import Note
from digicarbon.packs.moderation.diagnostic.marginal_effects import (
    FEW_VALUES,
    SPATIAL,
    Given,
    SpatialKind,
    effects_along,
    moderation_of,
    wild_of,
)
from digicarbon.panel import Panel
from digicarbon.report.picture._figure import BLUE, NamedFrame, Words, draw_observations, new_figure, picture
from digicarbon.result import Result
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 36
"""Letters in a line beside the vertical axis."""


@picture
def plot_marginal(
    result: Result,
    panel: Panel,
    term: str,
    along: str | None = None,
    *,
    given: Given | None = None,
    model: Model | None = None,
    weights: Weights | None = None,
    effect: SpatialKind = "total",
    **frame: Unpack[NamedFrame],
) -> Figure:
    """Draw the marginal effect of a variable, with its pointwise and its uniform band and the observations below.

    Parameters
    ----------
    result, panel, term, along
        As in `marginal_effects`.
    **frame
        As in `plot_coefficients`.
    given, model, weights, effect
        As in `marginal_effects`.

    Returns
    -------
    matplotlib.figure.Figure
        Where the band is on one side of zero the line is thick: there the effect is significant. Save it with
        ``savefig``.

    Raises
    ------
    ConfigError, DataError, EstimationError
        As in `marginal_effects`; or matplotlib is not installed.
    """
    found, rows = moderation_of(result, panel, term, along, given, model, weights, effect)
    effects = effects_along(found, found.places, wild_of(found, rows, model, weights, found.places))
    others = tuple(name for name in found.fixed if name not in (given or {}))
    words, names = Words.of(frame), (found.term, found.axis, result.y)
    return _figure({words.say(found.kind): effects}, names, found.z, result.inference.level, words, others)


@picture
def plot_effects_along(table: pd.DataFrame, result: Result, panel: Panel | None, **frame: Unpack[NamedFrame]) -> Figure:
    """Draw the tables of `digicarbon.diagnostic.MarginalEffects`, a line for each value of a further variable.

    Parameters
    ----------
    table : DataFrame
        The table ``marginal_effects``.
    result : Result
        With the table ``johnson_neyman``.
    panel : Panel or None
        The panel of the fit, for the observations below the lines.
    **frame
        As in `plot_coefficients`.
    """
    tested = next(note for note in result.tables["johnson_neyman"]["note"] if _is_test(note))
    axis = str(table.index.name)
    x = None if panel is None else observed(described(result, panel), panel, axis)
    words = Words.of(frame)
    labels = [_label(note, words) if isinstance(note, Note) else "" for note in table["given"]]
    lines = {label: table[np.array([one == label for one in labels])] for label in dict.fromkeys(labels)}
    return _figure(lines, (str(tested["term"]), axis, result.y), x, result.inference.level, words)


def _label(given: Note, words: Words) -> str:
    """Return which effect it is in a model with spatial lags, and the values of further variables."""
    parts: dict[str, Any] = dict(given.fields)
    effect = parts.get("effect", given)
    kinds = [words.say(kind) for kind, note in SPATIAL.items() if note == effect]
    fixed = parts.get("given", parts.get("said", ()))
    values = [f"{words(str(one['name']))} = {float(one['value']):.4g}" for one in fixed]
    return ", ".join([*kinds, *values])


def _is_test(note: object) -> bool:
    return isinstance(note, Note) and note.code == "products_are_zero"


def _figure(
    lines: Mapping[str, pd.DataFrame],
    names: tuple[str, str, str],
    x: FloatArray | None,
    level: float,
    words: Words,
    others: tuple[str, ...] = (),
) -> Figure:
    """Return a picture with one place for each line; ``names`` are the variable, the moderator and the outcome."""
    figure = new_figure(6.4 if len(lines) == 1 else 3.6 * len(lines), 4.4)
    grid = figure.subplots(
        2, len(lines), sharex=True, sharey="row", squeeze=False, gridspec_kw={"height_ratios": [5, 1]}
    )
    for column, (label, effects) in enumerate(lines.items()):
        upper, lower = grid[:, column]
        _draw(upper, effects, words, level)
        if x is not None:
            draw_observations(lower, x, words, named=column == 0)
        lower.set_xlabel(words(names[1]))
        upper.set_title(label, fontsize=9)
    upper = grid[0, 0]
    upper.set_ylabel(fill(words.say("marginal effect", x=words(names[0]), y=words(names[2])), WIDTH))
    if others:
        comma = "、" if words.language == "zh" else ", "
        note = words.say("others at means", others=comma.join(map(words, others)))
        upper.set_title(note, loc="right", fontsize=8)
    shown: dict[str, Any] = {}
    for axes in grid[0]:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=2)
    return figure


def _draw(axes: Axes, effects: pd.DataFrame, words: Words, level: float) -> None:
    at = effects.index.to_numpy(dtype=np.float64)
    coef, low, high, *uniform = (
        effects[name].to_numpy(dtype=np.float64) for name in ("coef", "low", "high", "low_uniform", "high_uniform")
    )
    significant = (low > 0) | (high < 0)
    axes.axhline(0, color="black", linewidth=0.8)
    kinds = ((~significant, "insignificant", "white", 1.0), (significant, "significant at", BLUE, 3.0))
    few, p, percent = len(at) <= FEW_VALUES, f"{1 - level:.2g}", f"{level:.0%}"
    if few:
        axes.vlines(at, low, high, color=BLUE, linewidth=1.5, label=words.say("level interval", level=percent))
    else:
        label = words.say("band pointwise", level=percent)
        axes.fill_between(at, low, high, color=BLUE, alpha=0.2, linewidth=0, label=label)
    flat: dict[str, Any] = {"marker": "_", "markersize": 8, "linestyle": ""}
    for end, name in zip(uniform, (words.say("band uniform", level=percent), None), strict=True):
        axes.plot(at, end, color=BLUE, label=name, **(flat if few else {"linewidth": 0.8, "linestyle": "--"}))
    for mask, key, face, width in kinds:
        if not mask.any():
            continue
        label = words.say(key, p=p, level=p)
        if few:
            marks: dict[str, Any] = {"marker": "o", "markersize": 6, "color": BLUE, "markerfacecolor": face}
            axes.plot(at[mask], coef[mask], linestyle="", label=label, **marks)
        else:
            # the thin line goes on below the thick one, so that there is no gap between them
            shown = coef if key == "insignificant" else np.where(mask, coef, np.nan)
            axes.plot(at, shown, color=BLUE, linewidth=width, label=label)
