"""Pictures of what an omitted variable does to a coefficient and to its t statistic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.packs.sensitivity.numeric.omitted import Estimate
from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
    ORANGE,
    NamedFrame,
    Words,
    name_point,
    needed_table,
    new_figure,
    picture,
    with_minus,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

SMALLEST = 0.4
"""Both axes end here, as in R's sensemakr, unless a benchmark is beyond."""
MOST = 0.95
POINTS = 121
LEVELS = 10
NEAR = 0.06
"""Share of the axes within which a label of a line is under a point."""
MOST_NAMES = 5
"""More controls are points without names."""


@picture
def plot_contours(tables: Mapping[str, pd.DataFrame], **frame: Unpack[NamedFrame]) -> Figure:
    """Draw what a coefficient and its t statistic would be with a confounder, by the confounder's partial R².

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``omitted_variable``, and ``omitted_variable_benchmarks`` if there are some, as from
        `digicarbon.diagnostic.OmittedVariable`; those of a recorded run are ``result.tables``.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        Partial R² with the regressor to the right, with the outcome up; the coefficient on the left, t on the right. A
        dashed line is where the coefficient is zero, and where t is critical. The triangle is the estimate. Points are
        confounders some times as strong as observed controls; those beyond 0.95 are left out. The strongest one of each
        of up to five controls is named.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or the table is missing.

    References
    ----------
    Cinelli & Hazlett (2020), Journal of the Royal Statistical Society B 82.
    """
    row = needed_table(tables, "omitted_variable", "omitted_variable").iloc[0]
    none = pd.DataFrame({"r2dz_x": [], "r2yz_dx": []}, dtype=np.float64)
    points = tables.get("omitted_variable_benchmarks", none)
    coef, se, scale = float(row["coef"]), float(row["se"]), float(row["scale"])
    estimate = Estimate(coef, se / scale, float(row["df"]), scale)
    shown = points[(points[["r2dz_x", "r2yz_dx"]] <= MOST).all(axis=1)]
    ends = [min(max(SMALLEST, 1.15 * shown[name].max() if len(shown) else 0.0), 1.0) for name in ("r2dz_x", "r2yz_dx")]
    of_x, of_y = np.meshgrid(*(np.linspace(0, min(end, 0.995), POINTS) for end in ends))
    named = _strongest(shown)
    critical = float(np.sign(coef) * row["critical"])
    words = Words.of(frame)
    figure = new_figure(8.4, 4.2)
    left, right = figure.subplots(1, 2, sharey=True)
    panels = (
        (left, estimate.adjusted(of_x, of_y), 0.0, coef, "contours of the coefficient"),
        (right, estimate.adjusted_t(of_x, of_y), critical, coef / se, "contours of t"),
    )
    for axes, values, special, now, key in panels:
        labels = _contours(axes, of_x, of_y, values, special, now)
        _clear(labels, shown[["r2dz_x", "r2yz_dx"]].to_numpy() / ends, ends)
        estimated = words.say("without a confounder")
        axes.plot(0, 0, "^", color="black", markersize=5, clip_on=False, zorder=4, label=estimated)
        axes.legend(loc="upper right", fontsize=6.5, frameon=True, framealpha=1.0, edgecolor="none")
        for name, *place in shown[["r2dz_x", "r2yz_dx"]].itertuples():
            axes.plot(*place, marker="D", color=BLUE, markersize=4, zorder=4)
            if name in named:
                term, times = name
                name_point(axes, (place[0], place[1]), f"{times} × {words(str(term))}", BLUE, 3)
        axes.set_xlim(0, ends[0])
        axes.set_ylim(0, ends[1])
        axes.set_title(words.say(key, x=words(str(row.name)), now=with_minus(f"{now:.3f}")))
        axes.set_xlabel(words.say("partial r2 with the regressor"))
    left.set_ylabel(words.say("partial r2 with the outcome"))
    return figure


def _strongest(points: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the strongest benchmark of each of the strongest controls, by the bias that it makes."""
    squared = points["r2dz_x"] / (1 - points["r2dz_x"]) * points["r2yz_dx"]
    first: dict[str, tuple[str, str]] = {}
    for term, times in squared.sort_values(ascending=False).index:
        first.setdefault(term, (term, times))
    return list(first.values())[:MOST_NAMES]


def _contours(
    axes: Axes, of_x: FloatArray, of_y: FloatArray, values: FloatArray, special: float, now: float
) -> list[Text]:
    """Draw lines of equal values, most of them in grey, and the one that matters; return their labels."""
    from matplotlib.ticker import MaxNLocator

    # t has no bounds where a confounder explains all of the outcome
    widest = 1.5 * abs(now)
    step = MaxNLocator(LEVELS).tick_values(max(values.min(), -widest), min(values.max(), widest))
    levels = [level for level in step if abs(level - special) > 0.15 * (step[1] - step[0])]
    lines = axes.contour(of_x, of_y, values, levels=levels, colors=GREY, linewidths=0.7, linestyles="solid")
    labels = list(axes.clabel(lines, fontsize=6.5, fmt=_short))
    if values.min() < special < values.max():
        line = axes.contour(of_x, of_y, values, levels=[special], colors=ORANGE, linewidths=1.6, linestyles="dashed")
        labels += axes.clabel(line, fontsize=7.5, fmt=_short)
    return labels


def _clear(labels: Sequence[Text], points: FloatArray, ends: Sequence[float]) -> None:
    """Take away labels of lines that lie under a point; points are in shares of the axes, shape (P, 2)."""
    for label in labels:
        place = np.array(label.get_position()) / ends
        if (np.abs(points - place) < NEAR).all(axis=1).any():
            label.remove()


def _short(value: float) -> str:
    return with_minus(f"{value:.3g}")
