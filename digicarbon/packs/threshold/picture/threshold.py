"""Pictures of thresholds: the likelihood ratio of each, and the line below which its confidence set lies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.packs.threshold.numeric.estimator import critical_ratio
from digicarbon.panel import spelt
from digicarbon.report.picture._figure import BLUE, GREY, ORANGE, NamedFrame, Words, new_figure, picture
from digicarbon.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@picture
def plot_threshold(result: Result, **frame: Unpack[NamedFrame]) -> Figure:
    """Draw the likelihood ratio of each threshold over its candidates, with the critical value as a line.

    Parameters
    ----------
    result : Result
        Of `digicarbon.PanelThreshold`.
    **frame
        As in `plot_coefficients`; ``naming`` says what the threshold variable is called.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each threshold, with the others as thin lines. The confidence set is shaded: values whose ratio lies
        below the dashed line.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or the result has no thresholds.
    """
    points = result.tables.get("lr")
    if points is None:
        raise ConfigError(Note("no_thresholds"))
    found = result.tables["thresholds"]
    by_draws = "critical" in points
    if not by_draws:
        points = points.assign(critical=critical_ratio(result.inference.level))
    called = _variable(result)
    words = Words.of(frame)
    count = len(found)
    figure = new_figure(7.2, 1.0 + 2.3 * count)
    panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    for at, axes in zip(found.index, panels, strict=True):
        row, others = found.loc[at], found["estimate"].drop(index=at).tolist()
        # near another threshold there are no candidates, and no line
        gaps = pd.DataFrame({"value": others, "ratio": np.nan}, dtype=float)
        of_values = ["value", "ratio", "critical"]
        own = pd.concat([points.loc[points["threshold"] == at, of_values], gaps]).sort_values("value")
        axes.plot(own["value"], own["ratio"], color=BLUE, linewidth=1.1)
        for other in others:
            axes.axvline(other, color=GREY, linewidth=0.5)
        dashed: dict[str, Any] = {"color": GREY, "linewidth": 0.9, "linestyle": (0, (4, 2))}
        critical = float(own["critical"].dropna().iloc[-1])
        if by_draws:
            axes.plot(own["value"], own["critical"], **dashed)
        else:
            axes.axhline(critical, **dashed)
        axes.axvline(row["estimate"], color=ORANGE, linewidth=0.9)
        inside = (own["ratio"] <= own["critical"]).to_numpy()
        look: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "color": BLUE, "alpha": 0.15, "linewidth": 0}
        axes.fill_between(own["value"], 0, 1, where=inside, **look)
        axes.set_ylim(bottom=0)
        where: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
        level = f"{result.inference.level:.0%}"
        text = level if by_draws else f"{level}: {critical:.2f}"
        axes.annotate(text, (1.0, critical), fontsize=8, color=GREY, **where)
        axes.set_title(f"{words.say(f'threshold_{int(at)}')}: {row['estimate']:.4g}", fontsize=9, loc="left")
        axes.set_ylabel(words.say("likelihood ratio" if row.get("lr_scale", 1) == 1 else "likelihood ratio scaled"))
    panels[-1].set_xlabel(words(called))
    return figure


def _variable(result: Result) -> str:
    """Return the threshold variable; results of earlier versions have the ends of regimes as its levels."""
    parts = [part for role in result.roles for part in role.made_of]
    own = next((part for part in parts if part.regimes), None) or next(part for part in parts if part.level)
    return spelt(replace(own, level=""))
