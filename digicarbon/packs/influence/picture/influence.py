"""Picture of a coefficient without each of the clusters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
    ORANGE,
    NamedFrame,
    light_grid,
    name_point,
    needed_table,
    one_panel,
    picture,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@picture
def plot_influence(tables: Mapping[str, pd.DataFrame], **frame: Unpack[NamedFrame]) -> Figure:
    """Draw a coefficient without each of the clusters, from the lowest to the highest.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``influence`` and ``influence_summary``, as from `digicarbon.diagnostic.Influence`; those of a recorded run
        are ``result.tables``.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        A point for each cluster without which the coefficient can be estimated; its size is the cluster's partial
        leverage. The line is the coefficient of all, the dotted line zero. The ends are named.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or a table is missing.
    """
    each = needed_table(tables, "influence", "influence")
    row = needed_table(tables, "influence_summary", "influence").iloc[0]
    shown = each.dropna(subset="coef_without").sort_values("coef_without", kind="stable")
    places, values = np.arange(len(shown)), shown["coef_without"].to_numpy(dtype=np.float64)
    figure, axes, words = one_panel(frame, 6.4, 3.6)
    size = 12 + 160 * shown["partial_leverage"].to_numpy(dtype=np.float64)
    axes.scatter(places, values, s=size, color=BLUE, alpha=0.8, linewidths=0, label=words.say("without one"))
    axes.axhline(float(row["coef"]), color=ORANGE, linewidth=1.2, label=words.say("with all"))
    if (values.size and values.min() < 0 < values.max()) or float(row["coef"]) * values.sum() < 0:
        axes.axhline(0.0, color=GREY, linewidth=0.8, linestyle="dotted")
    for place in sorted({*places[:1].tolist(), *places[-1:].tolist()}):
        name_point(axes, (float(place), float(values[place])), words(str(shown.index[place])), GREY, 5)
    axes.set_xticks([])
    # room for the last name
    axes.set_xlim(-1, 1.15 * len(shown))
    axes.set_xlabel(words.say("left out, from the lowest to the highest"))
    axes.set_ylabel(words.say("coefficient of", x=words(str(row.name))))
    axes.legend(loc="best", fontsize=7, frameon=False)
    light_grid(axes, "y")
    return figure
