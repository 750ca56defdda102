"""A picture of the posterior probabilities of spatial models and weights."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from digicarbon.report.picture._figure import BLUE, GREY, NamedFrame, Words, drawable, new_figure, picture
from digicarbon.report.pictured import chance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LEVEL = 8
"""Names of more columns are turned."""
MOST_NUMBERS = 400
"""In a larger panel numbers would overlap; the colour alone stays."""
DARK = 0.6
"""From this probability on, numbers are white."""


@picture
def plot_spatial_choice(squares: Sequence[pd.DataFrame], **frame: Unpack[NamedFrame]) -> Figure:
    """Draw a panel for each group of comparable runs: models down, W to the right, darker where more probable.

    Posterior probabilities are missing where a pair was not fitted; ``frame`` as in `plot_coefficients`.
    """
    from matplotlib.colors import LinearSegmentedColormap

    words = Words.of(frame)
    shades = LinearSegmentedColormap.from_list("probability", ["#ffffff", BLUE])
    rows, columns = (max(one.shape[axis] for one in squares) for axis in (0, 1))
    names = [[drawable(str(name)) for name in one.columns] for one in squares]
    steep = columns > MOST_LEVEL
    if not steep:
        names = [[textwrap.fill(name, 10 if words.language == "zh" else 18) for name in own] for own in names]
    lines = max(name.count("\n") + 1 for own in names for name in own)
    under = 0.1 * max(len(name) for own in names for name in own) if steep else 0.2 * lines
    width = max(4.5, min(16.0, 2.0 + columns * (0.6 if steep else 1.3)))
    figure = new_figure(width, 0.8 + (0.36 * rows + 0.2 + under) * len(squares))
    for place, square in enumerate(squares, start=1):
        axes = figure.add_subplot(len(squares), 1, place)
        values = square.to_numpy(dtype=float)
        picture = axes.imshow(values, cmap=shades, vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(square.shape[1]), names[place - 1])
        axes.tick_params(axis="x", rotation=90 if steep else 0)
        axes.tick_params(length=0)
        axes.set_yticks(range(square.shape[0]), [drawable(str(name)) for name in square.index])
        axes.spines[:].set_color(GREY)
        axes.spines[:].set_linewidth(0.5)
        if len(squares) > 1:
            axes.set_title(f"({place})", fontsize=9, loc="left")
        if square.size <= MOST_NUMBERS:
            for at, value in np.ndenumerate(values):
                if np.isfinite(value):
                    colour = "white" if value > DARK else "black"
                    axes.text(at[1], at[0], chance(value, 2), ha="center", va="center", fontsize=8, color=colour)
        figure.colorbar(picture, ax=axes, label=words.say("probability"), shrink=0.9)
    return figure
