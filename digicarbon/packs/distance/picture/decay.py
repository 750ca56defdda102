"""Pictures of spillovers by distance: bands, and the likelihood over the rate of decay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

import numpy as np
import pandas as pd
import scipy

from digicarbon.packs.distance.numeric.decay import REACH
from digicarbon.report.picture._figure import BLUE, GREY, ORANGE, NamedFrame, Words, needed_table, new_figure, picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from digicarbon.arrays import FloatArray

DRAWN = 240
"""Places of a curve in a picture."""


@picture
def plot_distance_bands(tables: Mapping[str, pd.DataFrame], **frame: Unpack[NamedFrame]) -> Figure:
    """Draw the spillover of each band of distance with pointwise and uniform intervals.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``distance_bands``, as from `digicarbon.DistanceBands`; those of a run are ``result.tables``.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each term. Boxes are uniform intervals over the width of a band, lines in them pointwise ones; a
        dashed line stands where the spillover vanishes.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or the table is missing.
    """
    table = needed_table(tables, "distance_bands", "distance_bands")
    # tables of earlier versions are in kilometres
    km = "distance_unit" not in table.columns or bool((table["distance_unit"] == "km").all())
    terms = list(dict.fromkeys(table.index.get_level_values(0)))
    from matplotlib.patches import Rectangle

    words = Words.of(frame)
    figure = new_figure(6.4, 0.9 + 2.6 * len(terms))
    for axes, term in zip(figure.subplots(len(terms), 1, squeeze=False)[:, 0], terms, strict=True):
        rows = table.loc[term]
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
        for place, row in enumerate(rows.to_dict("records")):
            start, end = float(row["band_start"]), float(row["band_end"])
            low, high = float(row["uniform_low"]), float(row["uniform_high"])
            away = low > 0 or high < 0
            box = Rectangle((start, low), end - start, high - low, color=BLUE, alpha=0.28 if away else 0.1, lw=0)
            box.set_label(words.say("uniform interval") if place == 0 else None)
            axes.add_patch(box)
            axes.plot([start, end], [row["coef"]] * 2, color=BLUE, linewidth=1.6, zorder=3)
            middle = (start + end) / 2
            label = words.say("pointwise interval") if place == 0 else None
            axes.plot([middle] * 2, [row["low"], row["high"]], color=BLUE, linewidth=1.0, zorder=3, label=label)
        away = (rows["uniform_low"] > 0) | (rows["uniform_high"] < 0)
        if away.any() and not away.iloc[-1]:
            at = float(rows["band_end"].to_numpy()[np.flatnonzero(away)[-1]])
            label = words.say("spillover vanishes", at=words.say("kilometres", value=f"{at:g}") if km else f"{at:g}")
            axes.axvline(at, color=ORANGE, linewidth=1.0, linestyle=(0, (4, 2)), zorder=2, label=label)
        axes.set_xlim(0, float(rows["band_end"].iloc[-1]))
        axes.margins(y=0.1)
        axes.autoscale_view(scalex=False)
        axes.set_xticks([0.0, *rows["band_end"]])
        axes.set_title(words(str(term)), loc="left", fontsize=9)
        axes.set_ylabel(words.say("spillover of neighbours"))
        axes.legend(fontsize=7, frameon=False)
    figure.axes[-1].set_xlabel(words.say("distance, km" if km else "distance"))
    return figure


@picture
def plot_decay(tables: Mapping[str, pd.DataFrame], **frame: Unpack[NamedFrame]) -> Figure:
    """Draw the profile of the likelihood over the rate at which weights fall with distance.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        With ``decay`` and ``decay_profile``, as from `digicarbon.DecayPanel`; those of a run are ``result.tables``.
    **frame
        As in `plot_coefficients`.

    Returns
    -------
    matplotlib.figure.Figure
        The likelihood ratio against the estimate, a smooth curve through the values of the profile; the interval is
        shaded, its limit a dashed line.

    Raises
    ------
    ConfigError
        If matplotlib is not installed, or a table is missing.
    """
    rates, profile = (needed_table(tables, name, "decay") for name in ("decay", "decay_profile"))
    row = rates.iloc[0]
    low, high = float(row["low_ratio"]), float(row["high_ratio"])
    words = Words.of(frame)
    figure = new_figure(6.4, 3.2)
    axes = figure.subplots()
    gamma, ratio = profile.index.to_numpy(dtype=np.float64), profile["ratio"].to_numpy()
    critical, estimate = float(row["critical_ratio"]), float(row["coef"])
    # what is far above the limit says nothing more
    left, right = (estimate + REACH * (end - estimate) for end in (low, high))
    curve = _curve(gamma, ratio, max(left, gamma[0]), min(right, gamma[-1]))
    axes.axvspan(low, high, color=BLUE, alpha=0.12, linewidth=0, label=words.say("interval"))
    axes.plot(*curve, color=BLUE, linewidth=1.4, label=words.say("likelihood ratio"))
    label = words.say("limit of ratio", critical=f"{critical:.2f}")
    axes.axhline(critical, color=GREY, linewidth=0.9, linestyle=(0, (4, 2)), label=label)
    axes.axvline(estimate, color=ORANGE, linewidth=1.0, linestyle=(0, (1, 2)))
    axes.plot([estimate], [0.0], "o", color=ORANGE, markersize=5, clip_on=False, zorder=4, label=words.say("estimate"))
    axes.set_ylim(0, 1.05 * max(float(curve[1].max()), critical))
    axes.set_xlim(curve[0][0], curve[0][-1])
    axes.set_xlabel(words("gamma"))
    axes.set_ylabel(words.say("likelihood ratio"))
    axes.legend(fontsize=7, frameon=False, loc="upper center", ncols=4, bbox_to_anchor=(0.5, -0.2))
    text = words.say("decay in picture", gamma=f"{row['coef']:.3g}", low=f"{low:.3g}", high=f"{high:.3g}")
    axes.set_title(text, loc="left", fontsize=9)
    return figure


def _curve(gamma: FloatArray, ratio: FloatArray, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Return the profile at many places between those where it was computed, which are among them."""
    between = scipy.interpolate.PchipInterpolator(gamma, ratio)
    at = np.union1d(np.linspace(low, high, DRAWN), gamma[(gamma >= low) & (gamma <= high)])
    return at, np.maximum(between(at), 0.0)
