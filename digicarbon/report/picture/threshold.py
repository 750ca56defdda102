"""Pictures of thresholds: the likelihood ratio of each, and the line below which its confidence set lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.numeric.threshold.estimator import critical_ratio
from digicarbon.report.picture._figure import BLUE, GREY, ORANGE, Language, Naming, Words, drawing, head, new_figure
from digicarbon.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_threshold(
    result: Result,
    title: str = "",
    simulated: bool = False,
    language: Language = "en",
    naming: Naming = None,
) -> Figure:
    """Draw the likelihood ratio of each threshold over its candidates, with the critical value as a line.

    Parameters
    ----------
    result : Result
        Of `digicarbon.PanelThreshold`.
    title : str
        Above the picture; empty for none.
    simulated : bool
        Whether the data are simulated, which the picture then says.
    language : {"en", "zh"}
    naming : mapping, callable or None
        What the threshold variable is called.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each threshold. The confidence set is shaded: values whose ratio lies below the dashed line.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or the result has no thresholds.
    """
    points = result.tables.get("lr")
    if points is None:
        raise ConfigError(Note("no_thresholds"))
    found = result.tables["thresholds"]
    critical = critical_ratio(result.inference.level)
    called = next(part.variable for role in result.roles for part in role.made_of if part.level)
    with drawing():
        words = Words(language, naming)
        count = len(found)
        figure = new_figure(7.2, 1.0 + 2.3 * count)
        panels = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
        for at, axes in zip(found.index, panels, strict=True):
            own, row = points[points["threshold"] == at], found.loc[at]
            axes.plot(own["value"], own["ratio"], color=BLUE, linewidth=1.1)
            axes.axhline(critical, color=GREY, linewidth=0.9, linestyle=(0, (4, 2)))
            axes.axvline(row["estimate"], color=ORANGE, linewidth=0.9)
            inside = own["ratio"].to_numpy() <= critical
            axes.fill_between(
                own["value"],
                0,
                1,
                where=inside,
                transform=axes.get_xaxis_transform(),
                color=BLUE,
                alpha=0.15,
                linewidth=0,
            )
            axes.set_ylim(bottom=0)
            axes.annotate(
                f"{result.inference.level:.0%}: {critical:.2f}",
                (1.0, critical),
                xycoords=axes.get_yaxis_transform(),
                ha="right",
                va="bottom",
                fontsize=8,
                color=GREY,
            )
            axes.set_title(f"{words.say(f'threshold_{int(at)}')}: {row['estimate']:.4g}", fontsize=9, loc="left")
            axes.set_ylabel(words.say("likelihood ratio"))
        panels[-1].set_xlabel(words(called))
        head(figure, title, simulated, words.language)
    return figure
