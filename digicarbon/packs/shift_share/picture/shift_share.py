"""Picture of the sectors that a shift-share estimate rests on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
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
def plot_rotemberg(tables: Mapping[str, pd.DataFrame], **frame: Unpack[NamedFrame]) -> Figure:
    """Draw the estimates of the sectors of the largest Rotemberg weights, by weight.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``rotemberg`` and ``rotemberg_summary``, as from `digicarbon.diagnostic.RotembergWeights`; those of a
        recorded run are ``result.tables``.
    **frame
        As in `plot_coefficients`; ``naming`` says what sectors are called.

    Returns
    -------
    matplotlib.figure.Figure
        Weights to the right, the estimate with the sector's part of the instrument alone up; the estimate with the
        whole instrument as a dashed line. Negative weights are hollow.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or a table is missing.

    References
    ----------
    Goldsmith-Pinkham, Sorkin & Swift (2020), American Economic Review 110.
    """
    sectors, summary = (needed_table(tables, name, "rotemberg") for name in ("rotemberg", "rotemberg_summary"))
    estimate = float(summary["value"].iloc[0])
    figure, axes, words = one_panel(frame, 6.4, 4.2)
    line = words.say("shift-share estimate", x=f"{estimate:.3g}")
    axes.axhline(estimate, color=GREY, linewidth=1.0, linestyle=(0, (4, 2)), zorder=1, label=line)
    columns = (sectors["weight"].tolist(), sectors["coefficient"].tolist())
    for name, weight, coefficient in zip(sectors.index.astype(str), *columns, strict=True):
        face = BLUE if weight >= 0 else "white"
        axes.plot([weight], [coefficient], "o", color=BLUE, markerfacecolor=face, markersize=6.0, zorder=3)
        name_point(axes, (weight, coefficient), words(name))
    light_grid(axes, "y")
    axes.margins(x=0.12, y=0.12)
    axes.set_xlabel(words.say("rotemberg weight of a sector"))
    axes.set_ylabel(words.say("estimate of a sector"))
    figure.legend(loc="outside lower center")
    return figure
