"""A picture of a fitted polynomial: the curve, its confidence band, the observations and the turning points."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from digicarbon.diagnostic.turning_points import curve_of, named_term, observed, refuse_few_values
from digicarbon.errors import ConfigError
from digicarbon.numeric.turning_points import Curve, Fieller, Point, contrast, cubic, quadratic
from digicarbon.panel import Panel
from digicarbon.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = NDArray[np.float64]
Format = Literal["png", "svg", "pdf"]

POINTS = 241
"""Places at which the curve is drawn."""
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#595959"
"""Of Okabe & Ito's colours, told apart by the colour-blind; in print without colour they differ in lightness."""


def plot_curve(result: Result, panel: Panel, term: str | None = None, title: str = "") -> Figure:
    """Draw the fitted curve of a variable that stands in a model with its powers.

    Parameters
    ----------
    result : Result
        Of a model with ``term`` and its powers, of any degree.
    panel : Panel
        The one that the model was fitted to.
    term : str, optional
        The variable, e.g. ``"ln_e"``; by default the only one that the model has with a power.
    title : str
        Above the picture, e.g. where the data are simulated; empty for none.

    Returns
    -------
    matplotlib.figure.Figure
        The curve over the observed range with its pointwise confidence band; how many observations there are along
        it; turning points within the range with their intervals (Fieller's for a square where it is an interval, else
        that of the delta method). Save it with ``savefig``.

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
    Fixed effects and controls leave the level of a curve open: it is drawn less its mean over the observations, and the
    band is that of this difference, from the covariance of all powers.
    """
    term = named_term(term, result.terms)
    curve, x = curve_of(result, term), observed(result, panel, term)
    refuse_few_values(x, term, len(curve.b))
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("A picture needs matplotlib; install it: pip install matplotlib") from error
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [5, 1]})
    _draw_curve(upper, curve, x)
    _draw_turning_points(upper, curve, x)
    upper.set_ylabel(f"{result.y} along the curve, less its mean")
    upper.legend(loc="upper center", bbox_to_anchor=(0.5, -0.03), ncols=3, frameon=False, fontsize=8)
    _draw_observations(lower, x)
    lower.set_xlabel(term)
    if title:
        upper.set_title(title, loc="left", fontsize=10)
    return figure


def picture(figure: Figure, kind: Format) -> bytes:
    """Return a figure as the content of a file; the same figure gives the same bytes."""
    import matplotlib

    buffer = io.BytesIO()
    # without these, svg and pdf carry the time and random names
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": None}[kind]
    with matplotlib.rc_context({"svg.hashsalt": "digicarbon"}):
        figure.savefig(buffer, format=kind, dpi=200, metadata=undated)
    return buffer.getvalue()


def _draw_curve(axes: Axes, curve: Curve, x: FloatArray) -> None:
    at = np.linspace(x.min(), x.max(), POINTS)
    value, se = contrast(curve, at, x)
    half = curve.quantile * se
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.plot(at, value, color=BLUE, linewidth=2, label="fitted curve")
    words = f"{curve.level:.0%} band, pointwise"
    axes.fill_between(at, value - half, value + half, color=BLUE, alpha=0.2, linewidth=0, label=words)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_turning_points(axes: Axes, curve: Curve, x: FloatArray) -> None:
    bottom, top = axes.get_ylim()
    shown = [found for found in _turning_points(curve, x) if found[0].inside]
    for number, (point, low, high, kind) in enumerate(shown):
        value = float(contrast(curve, np.array([point.x]), x)[0][0])
        # beside the curve, not upon it: in print without colour the two would run together
        away = value + (1 if point.maximum else -1) * 0.07 * (top - bottom)
        ends = (max(low, float(x.min())), min(high, float(x.max())))
        words = f"turning point, {curve.level:.0%} interval ({kind})"
        axes.plot((point.x, point.x), (value, away), color="black", linewidth=0.6, linestyle=":")
        axes.plot(ends, (away, away), color="black", linewidth=1.2, label=None if number else words)
        # a bar without a cap goes on beyond the picture
        caps = [end for end, bound in zip(ends, (low, high), strict=True) if end == bound]
        axes.plot(caps, [away] * len(caps), linestyle="", marker="|", markersize=8, color="black")
        axes.plot([point.x], [value], linestyle="", marker="D", markersize=6, color=ORANGE, markeredgecolor="black")
        offset, side = (3, "bottom") if point.maximum else (-3, "top")
        axes.annotate(
            f"{point.x:.2f}", (point.x, away), (0, offset), textcoords="offset points", ha="center", va=side, fontsize=8
        )
    axes.margins(y=0.1)


def _turning_points(curve: Curve, x: FloatArray) -> list[tuple[Point, float, float, str]]:
    """Return each turning point with the interval that is drawn and its name; none beyond a cube."""
    if curve.b[-1] == 0 or len(curve.b) > 3:
        return []
    if len(curve.b) == 3:
        return [(point, point.low, point.high, "delta") for point in cubic(curve, x).extrema]
    found = quadratic(curve, x)
    region: Fieller = found.fieller
    if region.kind == "interval":
        return [(found.turning, region.low, region.high, "Fieller")]
    return [(found.turning, found.turning.low, found.turning.high, "delta; Fieller's is none")]


def _draw_observations(axes: Axes, x: FloatArray) -> None:
    axes.hist(x, bins=30, range=(float(x.min()), float(x.max())), color=GREY, alpha=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_yticks([])
    axes.set_ylabel(f"{len(x)}\nobservations", rotation=0, ha="right", va="center", fontsize=8)
