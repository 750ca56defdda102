"""Pictures of estimates with their intervals: coefficients, effects, and effects by distance band."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import pandas as pd

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
    SERIES,
    NamedFrame,
    Words,
    draw_intervals,
    drawable,
    light_grid,
    new_figure,
    picture,
    series,
    with_minus,
)
from digicarbon.report.rows import interval_text
from digicarbon.result import EFFECTS, Constituent, Result, effect_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Results = Result | Sequence[Result] | Mapping[str, Result]
LINE = 0.24
"""Height of a line in inches."""
FEWEST_TIMES = 3
"""From so many moments of a variable on, its coefficients stand over an axis of time."""
MOST_TICKS = 25
"""More moments have ticks at round numbers."""
MOST_LINES = 150
"""More lines would be illegible on a page."""


@dataclass(frozen=True)
class _Line:
    """A position on the vertical axis: a run's estimate of a term, or the heading of a term."""

    y: float
    text: str
    term: str
    run: str | None


@picture
def plot_coefficients(results: Results, terms: Sequence[str] = (), **frame: Unpack[NamedFrame]) -> Figure:
    """Draw coefficients with their intervals, terms by runs.

    Parameters
    ----------
    results : Result, sequence of Result, or mapping of str to Result
        One or several models; a mapping names them.
    terms : sequence of str
        Which coefficients; by default the focal ones of all models, in their order.
    **frame
        ``title``, above the picture; ``simulated``, whether it says that the data are simulated; ``language``, ``en``
        or ``zh``; ``naming``, a mapping or function from terms to what they are called.

    Returns
    -------
    matplotlib.figure.Figure
        A line for each coefficient with its interval and, to the right, the numbers. Coefficients of one variable at
        several moments, e.g. its leads and lags, or of the dummies of a variable whose values are numbers, e.g. years
        since an event, stand beside each other over an axis of these numbers. Save it with ``savefig``.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, no model has such a term, or there are too many for a picture.
    """
    by_run = labelled(results)
    numbers = interval_numbers(by_run, "coefficient", terms)
    timed = times_of(by_run, list(dict.fromkeys(numbers.index.get_level_values("term"))))
    words = Words.of(frame)
    if timed is not None:
        return _by_time(numbers, by_run, timed, words)
    parts = [part for result in by_run.values() for part in result.focal_levels.items()]
    levels = {term: part.level for term, part in parts if part.number is not None}
    lines = _lines(numbers, lambda term: _of_level(words(term), levels.get(term, "")))
    figure = new_figure(6.8, 1.0 + LINE * (lines[-1].y + 1))
    axes = figure.subplots()
    _name_lines(axes, lines)
    _draw_lines(axes, lines, numbers, list(by_run))
    _write_numbers(axes, lines, numbers)
    axes.set_xlabel(f"{words.say('coefficient')}, {interval_words(by_run, words)}")
    return figure


@picture
def plot_effects(results: Results, terms: Sequence[str] = (), **frame: Unpack[NamedFrame]) -> Figure:
    """Draw effects, e.g. direct, indirect and total ones, with their intervals, side by side.

    Parameters
    ----------
    results, terms, **frame
        As in `plot_coefficients`.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, no model has effects of such a term, or there are too many for a picture.
    """
    by_run = labelled(results)
    effects = effect_names(by_run.values()) or EFFECTS
    parts = {quantity: interval_numbers(by_run, quantity, terms) for quantity in effects}
    words = Words.of(frame)
    lines = _lines(parts[effects[0]], words)
    figure = new_figure(2.3 * len(effects) + 1.7, 1.0 + LINE * (lines[-1].y + 1))
    panels: Sequence[Axes] = figure.subplots(1, len(effects), sharey=True, squeeze=False)[0]
    _name_lines(panels[0], lines)
    for axes, quantity in zip(panels, effects, strict=True):
        _draw_lines(axes, lines, parts[quantity], list(by_run))
        axes.set_title(words.say(quantity), loc="left")
    figure.supxlabel(interval_words(by_run, words), fontsize=9)
    return figure


@picture
def plot_bands(results: Mapping[float, Result], terms: Sequence[str] = (), **frame: Unpack[NamedFrame]) -> Figure:
    """Draw effects by the distance up to which regions are neighbours.

    Parameters
    ----------
    results : mapping of float to Result
        A spatial model for each threshold of the distance band, in kilometres.
    terms, **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        Effects side by side, e.g. direct, indirect and total ones; coefficients alone where no model has effects.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or no model has such a term.
    """
    by_run = {f"{band:g}": results[band] for band in sorted(results)}
    bands = sorted(results)
    quantities = effect_names(results.values()) or ("coefficient",)
    parts = {quantity: interval_numbers(by_run, quantity, terms) for quantity in quantities}
    words = Words.of(frame)
    figure = new_figure(2.9 * len(quantities) + 0.6, 3.2)
    all_terms = list(dict.fromkeys(parts[quantities[0]].index.get_level_values("term")))
    for axes, quantity in zip(figure.subplots(1, len(quantities), squeeze=False)[0], quantities, strict=True):
        _draw_bands(axes, bands, parts[quantity], all_terms, words, interval_words(by_run, words))
        axes.set_title(words.say(quantity), loc="left")
        axes.set_xlabel(words.say("distance band"))
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def times_of(results: Mapping[str, Result], terms: Sequence[str]) -> tuple[str, Mapping[str, float]] | None:
    """Return the variable whose moments or values terms are, and the place of each in time; None for other terms.

    A lag of one period is at 1, a lead at -1, the variable itself at 0; a dummy is at the number that it is of. There
    must be at least three terms, all of the same variable by the roles of the results.
    """
    made_of = {
        term: role.made_of
        for result in results.values()
        for term, role in zip(result.terms, result.roles, strict=False)
        if role.kind == "regressor"
    }
    factors = [made_of.get(term, ()) for term in terms]
    if len(terms) < FEWEST_TIMES or any(len(parts) != 1 or parts[0].power != 1 for parts in factors):
        return None
    parts = [parts[0] for parts in factors]
    times = [part.number if part.level else _moment_of(part) for part in parts]
    same = len({(part.variable, bool(part.level), part.operator if part.level else "") for part in parts}) == 1
    if not same or any(time is None for time in times) or len(set(times)) < len(terms):
        return None
    return parts[0].variable, {term: time for term, time in zip(terms, times, strict=True) if time is not None}


def _moment_of(part: Constituent) -> float | None:
    return {"": 0.0, "L": float(part.order), "F": -float(part.order)}.get(part.operator)


def _by_time(
    numbers: pd.DataFrame, by_run: Mapping[str, Result], timed: tuple[str, Mapping[str, float]], words: Words
) -> Figure:
    """Draw coefficients over time, runs beside each other."""
    variable, times = timed
    figure = new_figure(6.8, 3.6)
    axes = figure.subplots()
    at = sorted(times.values())
    nearest_two = min(b - a for a, b in pairwise(at))
    runs = [run for run in by_run if run in numbers.index.get_level_values("run")]
    axes.axhline(0, color="black", linewidth=0.8, zorder=0)
    if at[0] < 0 <= at[-1]:
        # before and after
        axes.axvline(-nearest_two / 2, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)), zorder=0)
    for position, run in enumerate(runs):
        rows = numbers[numbers.index.get_level_values("run") == run].droplevel("run")
        shift = 0.6 * nearest_two / len(runs) * (position - (len(runs) - 1) / 2)
        x = np.array([times[str(term)] for term in rows.index]) + shift
        order = np.argsort(x)
        colour, marker = series(position)
        draw_intervals(axes, x, rows, colour)
        label = drawable(run) or None
        line: dict[str, Any] = {"color": colour, "marker": marker, "markersize": 5, "linewidth": 0.6}
        axes.plot(x[order], rows["coef"].to_numpy()[order], label=label, **line)
    light_grid(axes, "y")
    if len(at) <= MOST_TICKS:
        axes.set_xticks(at, [with_minus(event_label(time, _with(times, time, numbers, by_run))) for time in at])
    shown = [part for result in by_run.values() for role in result.roles for part in role.made_of]
    by_level = any(part.variable == variable and part.level for part in shown)
    axes.set_xlabel(words(variable) if by_level else words.say("periods after", x=words(variable)))
    axes.set_ylabel(f"{words.say('coefficient')}, {interval_words(by_run, words)}")
    if len(runs) > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(runs), 4))
    return figure


def _with(times: Mapping[str, float], time: float, numbers: pd.DataFrame, by_run: Mapping[str, Result]) -> list[Result]:
    """Return the results that have a term of a time."""
    return [by_run[str(run)] for term, run in numbers.index if times[str(term)] == time]


def event_label(event: float, results: Iterable[Result]) -> str:
    """Return an event time in words: ``≤ -5`` where it holds all before it, ``(≤) -5`` if only in some that have it."""
    text = f"{event:g}"
    signs = [result.bins.get(int(event), "") for result in results]
    sign = next(filter(None, signs), "")
    if not sign:
        return text
    return f"{sign} {text}" if all(signs) else f"({sign}) {text}"


def interval_numbers(results: Mapping[str, Result], quantity: str, terms: Sequence[str] = ()) -> pd.DataFrame:
    """Return the numbers of a picture: index term and run, terms outermost; columns coef, se, p, low, high.

    The quantity is ``coefficient`` or the name of an effect; terms are by default the focal ones. Raises ConfigError if
    no result has such a term.
    """
    frames = {run: _of(result, quantity) for run, result in results.items()}
    known = list(dict.fromkeys(term for frame in frames.values() for term in frame.index))
    focal = dict.fromkeys(term for result in results.values() for term in result.focal)
    unknown = [term for term in terms if term not in known]
    if unknown:
        raise ConfigError(
            Note(
                "no_coefficient_of" if quantity == "coefficient" else "no_effect_of",
                term=unknown[0],
                hint=suggestion(unknown[0], known),
                known=cut(known, 20) or Note("nothing_there"),
            )
        )
    selection = list(terms) or [term for term in focal if term in known]
    columns = ["coef", "se", "p", "low", "high"]
    rows = [
        (term, run, *(frame[name].iloc[frame.index.get_loc(term)] for name in columns))
        for term in selection
        for run, frame in frames.items()
        if term in frame.index
    ]
    if not rows:
        raise ConfigError(Note("no_focal_coefficient" if quantity == "coefficient" else "no_focal_effect"))
    table = pd.DataFrame(rows, columns=["term", "run", *columns])
    return table.set_index(["term", "run"])


def _of(result: Result, quantity: str) -> pd.DataFrame:
    frame = result.estimates
    if quantity != "coefficient":
        effects = result.effects
        frame = effects[effects.index.get_level_values("effect") == quantity].droplevel("effect")
    # for a repeated term, the first
    return frame[~frame.index.duplicated()]


def labelled(results: Results) -> dict[str, Result]:
    """Return results by their names; those without one are numbered, a single one has an empty name."""
    if isinstance(results, Result):
        return {"": results}
    if isinstance(results, Mapping):
        return dict(results)
    return {f"({number})": result for number, result in enumerate(results, start=1)}


def _of_level(name: str, level: str) -> str:
    """Return what a term is called, with the minus of axes in its event time, which stands at the end."""
    return name.removesuffix(level) + with_minus(level) if level and name.endswith(level) else name


def _lines(numbers: pd.DataFrame, words: Callable[[str], str]) -> list[_Line]:
    """Return lines from top to bottom: runs below the heading of their term, or one line per term."""
    runs_of: dict[str, list[str]] = {}
    for term, run in numbers.index:
        runs_of.setdefault(term, []).append(run)
    runs = dict.fromkeys(numbers.index.get_level_values("run"))
    single = all(len(runs_of_term) == 1 for runs_of_term in runs_of.values())
    lines: list[_Line] = []
    y = 0.0
    for term, runs_of_term in runs_of.items():
        if single:
            text = f"{drawable(runs_of_term[0])}: {words(term)}" if len(runs) > 1 else words(term)
            lines.append(_Line(y, text, term, runs_of_term[0]))
            y += 1
            continue
        lines.append(_Line(y, words(term), term, None))
        for run in runs_of_term:
            y += 1
            lines.append(_Line(y, drawable(run), term, run))
        y += 1.4
    if len(lines) > MOST_LINES:
        raise ConfigError(Note("picture_too_long", lines=len(lines), most=MOST_LINES))
    return lines


def _draw_lines(axes: Axes, lines: Sequence[_Line], numbers: pd.DataFrame, runs: Sequence[str]) -> None:
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
    for line, row in _with_numbers(lines, numbers):
        several = 1 < len(runs) <= len(SERIES)
        colour, marker = series(runs.index(str(line.run))) if several else (BLUE, "o")
        draw_intervals(axes, np.array([line.y]), pd.DataFrame([row]), colour, level=True)
        axes.plot([row["coef"]], [line.y], linestyle="", marker=marker, markersize=5.5, color=colour, zorder=3)
    axes.set_ylim(lines[-1].y + 0.7, -0.7)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    light_grid(axes, "x")
    axes.locator_params(axis="x", nbins=5)


def _name_lines(axes: Axes, lines: Sequence[_Line]) -> None:
    for line, tick in zip(
        lines, axes.set_yticks([line.y for line in lines], [line.text for line in lines]), strict=True
    ):
        # not every font with Chinese letters has bold ones
        heading = line.run is None
        tick.label1.set(fontsize=9 if heading else 8, color="black" if heading else "#404040")


def _with_numbers(lines: Sequence[_Line], numbers: pd.DataFrame) -> Iterator[tuple[_Line, Mapping[str, float]]]:
    rows: Mapping[Any, Any] = numbers.to_dict("index")
    for line in lines:
        if (line.term, line.run) in rows:
            yield line, rows[line.term, line.run]


def _write_numbers(axes: Axes, lines: Sequence[_Line], numbers: pd.DataFrame) -> None:
    """Write estimate and interval to the right of the picture."""
    for line, row in _with_numbers(lines, numbers):
        text = with_minus(f"{row['coef']:.3f} {interval_text(row['low'], row['high'], 3)}".rstrip())
        axes.annotate(text, (1.02, line.y), xycoords=axes.get_yaxis_transform(), va="center_baseline", fontsize=8)


def interval_words(results: Mapping[str, Result], words: Words) -> str:
    """Return the words for what the intervals of results cover."""
    return words.levels(result.inference.level for result in results.values())


def _draw_bands(
    axes: Axes, bands: Sequence[float], numbers: pd.DataFrame, terms: Sequence[str], words: Words, interval: str
) -> None:
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    nearest_two = min((b - a for a, b in pairwise(bands)), default=1.0)
    for position, term in enumerate(terms):
        colour, marker = series(position)
        rows = numbers[numbers.index.get_level_values("term") == term].droplevel("term")
        rows = rows.reindex([f"{band:g}" for band in bands])
        shift = 0.15 * nearest_two * (position - (len(terms) - 1) / 2)
        x = np.array(bands) + shift
        axes.plot(
            x, rows["coef"], color=colour, marker=marker, markersize=5, linewidth=1, label=f"{words(term)}, {interval}"
        )
        draw_intervals(axes, x, rows, colour)
    light_grid(axes, "y")
    axes.set_xticks(bands, [f"{band:g}" for band in bands], rotation=45 if len(bands) > 6 else 0)
