"""Pictures of checks of a policy: what the two-way coefficient compares, and the policy given to other units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
    ORANGE,
    SERIES,
    NamedFrame,
    Words,
    light_grid,
    name_point,
    needed_table,
    new_figure,
    one_panel,
    picture,
    with_minus,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PAIRS = 12
"""More pairs of cohorts are points without names."""
KINDS = {"never": SERIES[0], "not_yet": SERIES[2], "already": SERIES[1], "always": SERIES[3]}
"""Colour and marker of each kind of comparison, see `digicarbon.packs.policies.numeric.goodman_bacon.Comparison`."""
BINS = 30


@picture
def plot_bacon(tables: Mapping[str, pd.DataFrame], **frame: Unpack[NamedFrame]) -> Figure:
    """Draw what the two-way coefficient of a policy is a mean of: a point for each comparison of two cohorts.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``bacon`` and ``bacon_pairs``, as from `digicarbon.diagnostic.GoodmanBacon`; those of a recorded run are
        ``result.tables``.
    **frame
        As in `plot_coefficients`; ``naming`` says what periods are called.

    Returns
    -------
    matplotlib.figure.Figure
        Weights to the right, estimates up, the two-way coefficient as a dashed line. The legend has the sum of the
        weights of each kind. Up to 12 pairs are named: first period of the cohort that changes, then of the other.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or a table is missing.

    References
    ----------
    Goodman-Bacon (2021), Journal of Econometrics 225.
    """
    whole, pairs = (needed_table(tables, name, "bacon") for name in ("bacon", "bacon_pairs"))
    coefficient = float(whole["estimate"].iloc[-1])
    figure, axes, words = one_panel(frame, 6.4, 4.2)
    axes.axhline(0, color="black", linewidth=0.6, zorder=0)
    line = words.say("two-way estimate", x=_number(coefficient))
    axes.axhline(coefficient, color=GREY, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1, label=line)
    for kind, (colour, marker) in KINDS.items():
        own = pairs[pairs["kind"] == kind]
        if len(own):
            label = words.say(f"compared with {kind}", weight=f"{own['weight'].sum():.2f}")
            # what misleads is hollow: in print without colour it is told apart, too
            face = "white" if kind in ("already", "always") else colour
            how: dict[str, Any] = {"color": colour, "markerfacecolor": face, "markersize": 6.0}
            axes.plot(own["weight"], own["estimate"], linestyle="", marker=marker, label=label, zorder=3, **how)
    if len(pairs) <= MOST_PAIRS:
        _name_pairs(axes, pairs, words)
    light_grid(axes, "y")
    axes.margins(x=0.12, y=0.12)
    axes.set_xlim(left=0)
    axes.set_xlabel(words.say("weight of a comparison"))
    axes.set_ylabel(words.say("estimate of a comparison"))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend([*handles[1:], handles[0]], [*labels[1:], labels[0]], loc="outside lower center", ncols=2)
    return figure


def _name_pairs(axes: Axes, pairs: pd.DataFrame, words: Words) -> None:
    never, always = words.say("never"), words.say("always treated")
    columns = [pairs[name].tolist() for name in ("treated", "comparison", "kind", "weight", "estimate")]
    for treated, comparison, kind, weight, estimate in zip(*columns, strict=True):
        other = {"never": never, "always": always}.get(kind, words(str(comparison)))
        name_point(axes, (weight, estimate), f"{words(str(treated))} / {other}")


@picture
def plot_placebo(tables: Mapping[str, pd.DataFrame], level: float = 0.1, **frame: Unpack[NamedFrame]) -> Figure:
    """Draw the estimates of placebo policies beside that of the policy, and their p values below.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``placebo_space`` and ``placebo_space_draws``, as from `digicarbon.diagnostic.PlaceboInSpace`; those of a
        recorded run are ``result.tables``.
    level : float
        Where the line of p values is drawn.
    **frame
        As in `plot_coefficients`; ``naming`` says what the policy is called.

    Returns
    -------
    matplotlib.figure.Figure
        Above a histogram and a density of the placebos, below their p values over the same axis; a line through both is
        the estimate.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or a table is missing.
    """
    whole, draws = (needed_table(tables, name, "placebo_space") for name in ("placebo_space", "placebo_space_draws"))
    row, draws = whole.iloc[0], draws[np.isfinite(draws["coef"])]
    coef = draws["coef"].to_numpy(dtype=float)
    words = Words.of(frame)
    figure = new_figure(6.4, 4.8)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    above.hist(coef, bins=BINS, density=True, color="#D0D0D0", edgecolor="white", linewidth=0.3)
    if coef.std() > 0:
        grid = np.linspace(coef.min() - coef.std(), coef.max() + coef.std(), 400)
        above.plot(grid, density(coef, grid), color=BLUE, linewidth=1.3)
    below.plot(
        *(coef, draws["p"]), linestyle="", marker="o", markersize=2.6, color=BLUE, markerfacecolor="none", alpha=0.7
    )
    below.axhline(level, color=GREY, linewidth=0.8, linestyle=(0, (1, 1.5)))
    below.annotate(f"p = {level:g}", (1.005, level), xycoords=below.get_yaxis_transform(), va="center", fontsize=8)
    estimate = float(row["coef"])
    for axes in (above, below):
        axes.axvline(0, color="black", linewidth=0.6, zorder=0)
        axes.axvline(estimate, color=ORANGE, linewidth=1.4, linestyle=(0, (5, 2)))
    to_the_left = estimate > (coef.min() + coef.max()) / 2
    text = words.say("estimate of the policy", x=words(str(row.name)), estimate=_number(estimate), p=f"{row['p']:.3f}")
    offset, side = (-4, "right") if to_the_left else (4, "left")
    at: dict[str, Any] = {"xycoords": above.get_xaxis_transform(), "textcoords": "offset points"}
    above.annotate(text, (estimate, 1.0), xytext=(offset, -1), ha=side, va="top", fontsize=8, **at)
    above.set_ylabel(words.say("density of placebos", draws=len(coef)))
    below.set_ylabel(words.say("p of placebos"))
    below.set_ylim(-0.03, 1.03)
    below.set_xlabel(words.say("estimate of placebos"))
    return figure


def density(values: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the density of values, not all equal, at points of a grid: a normal kernel with Silverman's width."""
    low, high = np.quantile(values, [0.25, 0.75])
    spread = values.std(ddof=1)
    width = 0.9 * min(spread, (high - low) / 1.34 or spread) * len(values) ** -0.2
    z = (grid[:, None] - values) / width
    return np.asarray(np.exp(-(z**2) / 2).mean(axis=1) / (width * np.sqrt(2 * np.pi)))


def _number(value: float) -> str:
    return with_minus(f"{value:.3f}")
