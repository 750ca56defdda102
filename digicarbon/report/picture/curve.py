"""A picture of a fitted polynomial: the curve, its confidence band, the observations and the turning points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic.turning_points import curve_of, described, named_term, observed, refuse_few_values, slopes_of
from digicarbon.numeric.shape.turning_points import Curve, Fieller, Point, contrast, cubic, quadratic
from digicarbon.panel import Panel
from digicarbon.report.picture._figure import (
    BLUE,
    GREY,
    ORANGE,
    NamedFrame,
    Words,
    draw_observations,
    new_figure,
    picture,
)
from digicarbon.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


POINTS = 241
"""Places at which the curve is drawn."""


@picture
def plot_curve(result: Result, panel: Panel, term: str | None = None, **frame: Unpack[NamedFrame]) -> Figure:
    """Draw the fitted curve of a variable whose powers are in the model.

    Parameters
    ----------
    result : Result
        Of a model with ``term`` and its powers, of any degree. If it has the tables of
        `digicarbon.diagnostic.TurningPoints` by the wild bootstrap, the band and the interval of the turning point of
        a square are theirs.
    panel : Panel
        The panel that the model was fitted to.
    term : str, optional
        The variable, e.g. ``"ln_e"``; by default the only one that the model has with a power.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        The curve over the observed range with its pointwise confidence band; how many observations there are along
        it; turning points within the range with their intervals (the wild bootstrap's or Fieller's for a square where
        it is an interval, else that of the delta method). Save it with ``savefig``.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or the model has no such curve.
    DataError
        If the panel is not the one fitted, or the variable has too few distinct values.
    EstimationError
        If a coefficient has no variance.

    Notes
    -----
    Fixed effects and controls leave the level of a curve open: its mean over the observations is subtracted, and the
    band is that of this difference, from the covariance of all powers, or by inversion of the wild test at each place.
    """
    result = described(result, panel)
    term = named_term(term, slopes_of(result))
    curve, x = curve_of(result, term), observed(result, panel, term)
    refuse_few_values(x, term, len(curve.b))
    words = Words.of(frame)
    figure = new_figure(6.4, 4.8)
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [5, 1]})
    _draw_curve(upper, curve, x, words, result.tables.get("curve_band"))
    _draw_turning_points(upper, curve, x, words, _wild_region(result))
    upper.set_ylabel(words.say("along curve", y=words(result.y)))
    upper.legend(loc="upper center", bbox_to_anchor=(0.5, -0.03), ncols=3)
    draw_observations(lower, x, words)
    lower.set_xlabel(words(term))
    return figure


def _draw_curve(axes: Axes, curve: Curve, x: FloatArray, words: Words, wild: pd.DataFrame | None) -> None:
    at = np.linspace(x.min(), x.max(), POINTS)
    value, se = contrast(curve, at, x)
    low, high, label = value - curve.quantile * se, value + curve.quantile * se, "band pointwise"
    if wild is not None:
        # errors change along the curve much more than the ends of intervals in errors
        known = wild.index.to_numpy(dtype=float)
        center, spread = contrast(curve, known, x)
        ends = ((wild[name].to_numpy(dtype=float) - center) / spread for name in ("low", "high"))
        low, high = (value + se * np.interp(at, known, end) for end in ends)
        label = "band pointwise wild"
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.plot(at, value, color=BLUE, linewidth=2, label=words.say("fitted curve"))
    band = words.say(label, level=f"{curve.level:.0%}")
    axes.fill_between(at, low, high, color=BLUE, alpha=0.2, linewidth=0, label=band)


def _draw_turning_points(
    axes: Axes, curve: Curve, x: FloatArray, words: Words, wild: tuple[float, float] | None
) -> None:
    bottom, top = axes.get_ylim()
    points = [one for one in _turning_points(curve, x, wild) if one[0].inside]
    for number, (point, low, high, kind) in enumerate(points):
        value = float(contrast(curve, np.array([point.x]), x)[0][0])
        # beside the curve, not on it: in print without colour the two could not be distinguished
        away = value + (1 if point.maximum else -1) * 0.07 * (top - bottom)
        ends = (max(low, float(x.min())), min(high, float(x.max())))
        label = words.say("turning point interval", level=f"{curve.level:.0%}", kind=kind)
        axes.plot((point.x, point.x), (value, away), color="black", linewidth=0.6, linestyle=":")
        axes.plot(ends, (away, away), color="black", linewidth=1.2, label=None if number else label)
        # a bar without a cap continues beyond the picture
        caps = [end for end, bound in zip(ends, (low, high), strict=True) if end == bound]
        axes.plot(caps, [away] * len(caps), linestyle="", marker="|", markersize=8, color="black")
        axes.plot([point.x], [value], linestyle="", marker="D", markersize=6, color=ORANGE, markeredgecolor="black")
        offset, side = (3, "bottom") if point.maximum else (-3, "top")
        axes.annotate(
            f"{point.x:.2f}", (point.x, away), (0, offset), textcoords="offset points", ha="center", va=side, fontsize=8
        )
    axes.margins(y=0.1)


def _wild_region(result: Result) -> tuple[float, float] | None:
    """Return the interval of a square's turning point by the wild bootstrap; None where there is none."""
    table = result.tables.get("turning_points")
    if table is None or "turning point, wild" not in table.index:
        return None
    low, high = table.loc["turning point, wild", ["low", "high"]].to_numpy(dtype=np.float64)
    return (float(low), float(high)) if np.isfinite([low, high]).all() else None


def _turning_points(
    curve: Curve, x: FloatArray, wild: tuple[float, float] | None
) -> list[tuple[Point, float, float, str]]:
    """Return each turning point with the interval to draw and its name; none for degrees above 3."""
    if curve.b[-1] == 0 or len(curve.b) > 3:
        return []
    if len(curve.b) == 3:
        return [(point, point.low, point.high, "delta") for point in cubic(curve, x).extrema]
    parabola = quadratic(curve, x)
    if wild is not None:
        return [(parabola.turning, *wild, "wild bootstrap")]
    region: Fieller = parabola.fieller
    if region.kind == "interval":
        return [(parabola.turning, region.low, region.high, "Fieller")]
    return [(parabola.turning, parabola.turning.low, parabola.turning.high, "delta; Fieller's is none")]
