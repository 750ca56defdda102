"""Pictures of policies: effects by event time, and who comes under a policy when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.numeric.shape.uniform import joint_critical, uniform_ends
from digicarbon.packs.policies.panel.policy import policy_columns
from digicarbon.panel import Panel
from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
    SERIES,
    NamedFrame,
    Words,
    draw_intervals,
    drawable,
    light_grid,
    one_panel,
    picture,
    series,
    with_minus,
)
from digicarbon.report.picture._places import short_names
from digicarbon.report.picture.intervals import MOST_TICKS, Results, event_label, interval_words, labelled
from digicarbon.result import SHOWN, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NAMES = 60
"""More units of a roll-out are counted, not named."""
LIGHT = "#E3E3E3"
"""Of periods without the policy."""
SPREAD = 0.68
"""Part of the distance between event times that runs stand in."""


def event_critical(result: Result) -> float:
    """Return the critical value of the band that holds all effects by event time with the result's level.

    It is from the wild draws of the run where there are some (`uniform_critical` of its statistics), else of normal or
    t variables with the joint covariance of the effects (`joint_critical`); not-a-number without effects.
    """
    if "first_event" not in result.statistics:
        return float("nan")
    known = result.statistics.get("uniform_critical")
    places = [result.terms.index(term) for term, part in result.focal_levels.items() if part.number is not None]
    of_effects = result.covariance[np.ix_(places, places)]
    return joint_critical(of_effects, result.inference.df, result.inference.level) if known is None else known


def event_numbers(result: Result) -> pd.DataFrame:
    """Return the effects of a policy by event time: index event; columns below.

    They are coef, se, p, low, high, reference, of_leads, low_uniform and high_uniform: the band that holds the effects
    of all event times, se times `event_critical` around the estimate, and nowhere narrower than the interval of one.

    The period that others are compared with is a row of its own, with an effect of 0 and no standard error:
    ``reference`` where it is that of all event times, ``of_leads`` where it is that of those before the policy alone.
    There is no row where the result has no effects by event time.

    Parameters
    ----------
    result : Result
        Its roles say which terms are the policy at an event time, its statistics which event time is the reference.
    """
    rows: dict[int, list[float]] = {}
    if "first_event" in result.statistics:
        columns = [result.estimate_columns[name] for name in SHOWN]
        for term, part in result.focal_levels.items():
            if part.number is not None:
                place = result.terms.index(term)
                rows[int(part.number)] = [*(float(column[place]) for column in columns), 0.0, 0.0]
    for name, kind in (("reference_event", [1.0, 0.0]), ("reference_of_leads", [0.0, 1.0])):
        if (reference := result.statistics.get(name)) is not None:
            rows[int(reference)] = [0.0, *[np.nan] * (len(SHOWN) - 1), *kind]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[*SHOWN, "reference", "of_leads"], dtype=float)
    coef, se, low, high = table[["coef", "se", "low", "high"]].to_numpy().T
    table["low_uniform"], table["high_uniform"] = uniform_ends(coef, se, low, high, event_critical(result))
    return table.astype({"reference": bool, "of_leads": bool}).rename_axis("event").sort_index()


@picture
def plot_event_study(results: Results, **frame: Unpack[NamedFrame]) -> Figure:
    """Draw the effects of a policy by event time with their intervals, estimators side by side.

    Parameters
    ----------
    results : Result, sequence of Result, or mapping of str to Result
        Fits of `digicarbon.DiD` with ``aggregate="event"``; a mapping names them. At most 8 that have such effects.
    **frame
        As in `plot_coefficients`; ``naming`` says what the policy is called.

    Returns
    -------
    matplotlib.figure.Figure
        Thin lines are intervals of one event time, wide light ones the band of all (`event_numbers`). The period that
        all others are compared with is hollow, at zero; one that only periods before the policy are compared with is a
        cross. A dashed line stands before the first period under the policy. Event times that hold all farther ones are
        marked ≤ and ≥.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, no result has effects by event time, or there are too many.
    """
    by_run = labelled(results)
    tables = {run: table for run, result in by_run.items() if len(table := event_numbers(result))}
    if not tables:
        raise ConfigError(Note("no_event_times"))
    if len(tables) > len(SERIES):
        raise ConfigError(Note("too_many_event_studies", runs=len(tables), most=len(SERIES)))
    policies = list(dict.fromkeys(by_run[run].focal[0] for run in tables))
    figure, axes, words = one_panel(frame, 7.2, 4.0)
    events = sorted({int(event) for table in tables.values() for event in table.index})
    axes.axhline(0, color="black", linewidth=0.8, zorder=0)
    axes.axvline(-0.5, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
    for position, (run, table) in enumerate(tables.items()):
        shift = SPREAD / len(tables) * (position - (len(tables) - 1) / 2)
        _draw_events(axes, table, shift, position, drawable(run) or None, len(tables) == 1)
    light_grid(axes, "y")
    axes.margins(x=0.02)
    if len(events) <= MOST_TICKS:
        there = {event: [by_run[run] for run, table in tables.items() if event in table.index] for event in events}
        axes.set_xticks(events, [with_minus(event_label(event, there[event])) for event in events])
    comma = "、" if words.language == "zh" else ", "
    axes.set_xlabel(words.say("event time of", x=comma.join(map(words, policies))))
    axes.set_ylabel(f"{words.say('effect')}, {interval_words({run: by_run[run] for run in tables}, words)}")
    _add_legend(figure, axes, tables, words)
    return figure


def _draw_events(axes: Axes, table: pd.DataFrame, shift: float, position: int, label: str | None, joined: bool) -> None:
    colour, marker = series(position)
    x = table.index.to_numpy(dtype=float) + shift
    reference, of_leads = table["reference"].to_numpy(), table["of_leads"].to_numpy()
    estimated = ~reference & ~of_leads
    outer = table[["coef", "low_uniform", "high_uniform"]].set_axis(["coef", "low", "high"], axis=1)
    draw_intervals(axes, x[estimated], outer[estimated], f"{colour}66", 3.0)
    draw_intervals(axes, x[estimated], table[estimated], colour, 1.3)
    if joined:
        axes.plot(x, table["coef"], color=colour, linewidth=0.6)
    points: dict[str, Any] = {"linestyle": "", "marker": marker, "markersize": 5.0, "color": colour, "zorder": 3.0}
    axes.plot(x[estimated], table["coef"][estimated], label=label, **points)
    axes.plot(x[reference], table["coef"][reference], **{**points, "markerfacecolor": "white", "zorder": 4.0})
    axes.plot(x[of_leads], table["coef"][of_leads], **{**points, "marker": "x", "zorder": 4.0})


def _add_legend(figure: Figure, axes: Axes, tables: Mapping[str, pd.DataFrame], words: Words) -> None:
    """Name the runs, if there are several, and what is hollow or a cross."""
    from matplotlib.lines import Line2D

    handles, labels = axes.get_legend_handles_labels() if len(tables) > 1 else ([], [])
    handles, labels = [*handles, Line2D([], [], color=f"{GREY}66", linewidth=3.0)], [*labels, words.say("event band")]
    if any(table["reference"].any() for table in tables.values()):
        hollow = Line2D([], [], linestyle="", marker="o", markersize=5, color=GREY, markerfacecolor="white")
        handles, labels = [*handles, hollow], [*labels, words.say("reference period")]
    if any(table["of_leads"].any() for table in tables.values()):
        cross = Line2D([], [], linestyle="", marker="x", markersize=5, color=GREY)
        handles, labels = [*handles, cross], [*labels, words.say("reference of leads")]
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=min(len(handles), 4))


@picture
def plot_rollout(panel: Panel, policy: str, **frame: Unpack[NamedFrame]) -> Figure:
    """Draw who comes under a policy when: a line per unit, sorted by the first period.

    Parameters
    ----------
    panel : Panel
        With the columns of the policy.
    policy : str
        Its name; a share is drawn dark from the first period on in which it is above 0.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        Light before the policy, dark from its first period on, empty where there is no observation. Cohorts are named
        at the right with their units.
    DataError
        If the panel has no such column.
    """
    first, grid = rollout(panel, policy)
    never = len(panel.periods)
    order = np.lexsort((np.arange(len(first)), first))
    from matplotlib.colors import ListedColormap

    many = len(first)
    figure, axes, words = one_panel(frame, 7.2, min(max(2.4, 0.16 * many + 1.0), 7.0) if many <= MOST_NAMES else 4.6)
    shown = np.ma.masked_invalid(grid[order])
    look: dict[str, Any] = {"cmap": ListedColormap([LIGHT, BLUE]), "vmin": 0, "vmax": 1, "edgecolors": "white"}
    look |= {"linewidth": 0.4 if many <= MOST_NAMES else 0.0, "rasterized": many > MOST_NAMES}
    axes.pcolormesh(np.arange(never + 1) - 0.5, np.arange(many + 1), shown, **look)
    axes.set_ylim(many, 0)
    step = -(-never // MOST_TICKS)
    ticks = list(range(0, never, step))
    rotated = max(len(str(panel.periods[place])) for place in ticks) * len(ticks) > 70
    axes.set_xticks(ticks, [str(panel.periods[place]) for place in ticks], rotation=45 if rotated else 0)
    if many <= MOST_NAMES:
        names = short_names([panel.units[place] for place in order], words.language)
        axes.set_yticks(np.arange(many) + 0.5, names, fontsize=6)
    else:
        axes.set_ylabel(words.say("units, sorted"))
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    _name_cohorts(axes, first[order], panel, words)
    axes.set_xlabel(words.say("under the policy", x=words(policy)))
    return figure


def rollout(panel: Panel, policy: str) -> tuple[FloatArray, FloatArray]:
    """Return each unit's first period under a policy, and whether it is under it in each period.

    Returns
    -------
    first : ndarray, shape (N,)
        The place among the panel's periods; T for units that are never under it.
    grid : ndarray, shape (N, T)
        1 under the policy, 0 before, not a number without an observation.

    Raises
    ------
    DataError
        If the panel has no such column.
    """
    column = policy_columns(policy).treated
    panel.require((column,))
    treated = (panel.column(column) > 0).astype(np.float64)
    grid = np.full((len(panel.units), len(panel.periods)), np.nan)
    grid[panel.unit_codes, panel.period_codes] = treated
    under = np.nan_to_num(grid) > 0
    return np.where(under.any(axis=1), under.argmax(axis=1), len(panel.periods)).astype(np.float64), grid


def _name_cohorts(axes: Axes, first: FloatArray, panel: Panel, words: Words) -> None:
    """Write each cohort and its number of units to the right of its lines; ``first`` is sorted."""
    starts = np.flatnonzero(np.diff(first, prepend=-1.0))
    ends: Sequence[int] = [*starts[1:].tolist(), len(first)]
    for start, end in zip(starts.tolist(), ends, strict=True):
        place = int(first[start])
        when = str(panel.periods[place]) if place < len(panel.periods) else words.say("never")
        text = words.say("cohort of units", when=when, units=end - start)
        axes.annotate(text, (1.01, (start + end) / 2), xycoords=axes.get_yaxis_transform(), va="center", fontsize=8)
        if start:
            axes.axhline(start, color="white", linewidth=1.5)
