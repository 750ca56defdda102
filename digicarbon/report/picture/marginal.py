"""The marginal effect of a variable along itself or along a moderator: its numbers, and a picture of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic.turning_points import described, slopes_of
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.note import Note, cut, suggestion
from digicarbon.panel import Panel, canonical, spelt
from digicarbon.report.picture._figure import BLUE, GREY, Language, Naming, Words, drawing, head, new_figure
from digicarbon.result import Constituent, MadeOf, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLACES = 101
"""Places along the axis."""
FEW_VALUES = 12
"""A variable with at most so many values has a point for each instead of a curve."""


def marginal_effects(
    result: Result,
    panel: Panel,
    term: str,
    along: str | None = None,
    at: Sequence[float] = (),
) -> pd.DataFrame:
    """Return the marginal effect of a variable, by its own value or by that of a moderator.

    Parameters
    ----------
    result : Result
        Of a model with ``term`` and its powers or products with other variables, without spatial lags of them. Its
        roles say what terms are made of (`Role.made_of`).
    panel : Panel
        The panel that the model was fitted to.
    term : str
        The variable whose effect it is, e.g. ``"ln_e"``.
    along : str, optional
        The variable by whose value the effect is shown, e.g. ``"urban"`` where the model has ``ln_e:urban``; by default
        ``term`` itself if the model has a power of it, else its only moderator.
    at : sequence of float
        Values of it; by default from the smallest to the largest one observed.

    Returns
    -------
    DataFrame
        Index: values of ``along``. Columns coef, se, stat, p, low, high: the derivative of the outcome with respect to
        the variable, e.g. an elasticity if both are logarithms. Other variables in products with it are at their means.

    Raises
    ------
    ConfigError
        If the term is not in the model, has neither power nor product, or has spatial lags.
    DataError
        If the panel lacks a variable.
    EstimationError
        If a coefficient has no variance.

    Notes
    -----
    For terms :math:`b_j x^{p_j} m_j`, with :math:`m_j` the product of the other factors, the effect is
    :math:`g'b` with :math:`g_j = p_j x^{p_j - 1} m_j`, of variance :math:`g'Vg`; see Brambor, Clark and Golder (2006),
    Political Analysis 14. p and intervals are from the standard errors, also where those of the coefficients are from
    the wild bootstrap.
    """
    return _effects(described(result, panel), panel, canonical(term), along, at)[0]


def plot_marginal(
    result: Result,
    panel: Panel,
    term: str,
    along: str | None = None,
    title: str = "",
    simulated: bool = False,
    language: Language = "en",
    naming: Naming = None,
) -> Figure:
    """Draw the marginal effect of a variable, with its pointwise band and the observations below.

    Parameters
    ----------
    result, panel, term, along
        As in `marginal_effects`.
    title : str
        Above the picture; empty for none.
    simulated : bool
        Whether the picture says that the data are simulated.
    language : {"en", "zh"}
    naming : mapping or callable, optional
        What terms are called.

    Returns
    -------
    matplotlib.figure.Figure
        Where the band is on one side of zero the line is thick: there the effect is significant. Save it with
        ``savefig``.

    Raises
    ------
    ConfigError, DataError, EstimationError
        As in `marginal_effects`; or matplotlib is not installed.
    """
    result = described(result, panel)
    term = canonical(term)
    effects, axis, others = _effects(result, panel, term, along, ())
    x = panel.with_terms([axis]).array([axis])[:, 0]
    with drawing():
        words = Words(language, naming)
        figure = new_figure(6.4, 4.4)
        upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [5, 1]})
        _draw(upper, effects, words, result.inference.level)
        upper.set_ylabel(words.say("marginal effect", x=words(term), y=words(result.y)))
        lower.hist(x, bins=30, range=(float(x.min()), float(x.max())), color=GREY, alpha=0.6)
        lower.spines["left"].set_visible(False)
        lower.set_yticks([])
        count_words = words.say("number observed", number=len(x)).replace(" ", "\n")
        lower.set_ylabel(count_words, rotation=0, ha="right", va="center", fontsize=8)
        lower.set_xlabel(words(axis))
        if others:
            comma = "、" if words.language == "zh" else ", "
            note = words.say("others at means", others=comma.join(map(words, others)))
            upper.set_title(note, loc="right", fontsize=8)
        handles, labels = upper.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
        head(figure, title, simulated, words.language)
    return figure


def _draw(axes: Axes, effects: pd.DataFrame, words: Words, level: float) -> None:
    at = effects.index.to_numpy(dtype=np.float64)
    coef, low, high = (effects[name].to_numpy(dtype=np.float64) for name in ("coef", "low", "high"))
    significant = (low > 0) | (high < 0)
    axes.axhline(0, color="black", linewidth=0.8)
    kinds = ((~significant, "insignificant", "white", 1.0), (significant, "significant at", BLUE, 3.0))
    p = f"{1 - level:.2g}"
    if len(at) <= FEW_VALUES:
        axes.vlines(at, low, high, color=BLUE, linewidth=1.5, label=words.say("level interval", level=f"{level:.0%}"))
        for mask, key, face, _ in kinds:
            if mask.any():
                marks: dict[str, Any] = {
                    "marker": "o",
                    "markersize": 6,
                    "color": BLUE,
                    "markerfacecolor": face,
                    "linestyle": "",
                }
                axes.plot(at[mask], coef[mask], label=words.say(key, p=p, level=p), **marks)
        return
    axes.fill_between(
        at, low, high, color=BLUE, alpha=0.2, linewidth=0, label=words.say("band pointwise", level=f"{level:.0%}")
    )
    for mask, key, _, width in kinds:
        if mask.any():
            # the thin line goes on below the thick one, so that there is no gap between them
            shown = coef if key == "insignificant" else np.where(mask, coef, np.nan)
            axes.plot(at, shown, color=BLUE, linewidth=width, label=words.say(key, p=p, level=p))


def _effects(
    result: Result, panel: Panel, term: str, along: str | None, at: Sequence[float]
) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Return the effects, the variable of the axis, and the other variables, which are at their means."""
    slopes = slopes_of(result)
    base = _base(term, slopes)
    with_it = {name: parts for name, parts in slopes.items() if any(part.base == base for part in parts)}
    names = tuple(with_it)
    if any(role.kind == "lag_y" or role.of in with_it for role in result.roles):
        raise ConfigError(Note("curve_of_spatial_lag", kind=result.kind, term=term))
    groups = [name for name, parts in with_it.items() if any(part.level for part in parts)]
    if groups:
        raise ConfigError(Note("effect_by_group", term=term, terms=cut(groups)))
    powered = any(part.power > 1 for parts in with_it.values() for part in parts if part.base == base)
    others = list(dict.fromkeys(part.base for parts in with_it.values() for part in parts if part.base != base))
    moderators = {spelt(other): other for other in others} | ({spelt(base): base} if powered else {})
    axis = _axis(term, base, along, moderators, powered)
    values = {name: panel.with_terms([name]).array([name])[:, 0] for name in dict.fromkeys([*moderators, spelt(base)])}
    means = {moderators.get(name, base): float(column.mean()) for name, column in values.items()}
    x = values[spelt(axis)]
    distinct = np.unique(x)
    places = np.array(at, dtype=np.float64) if len(at) else distinct
    if not len(at) and len(distinct) > FEW_VALUES:
        places = np.linspace(x.min(), x.max(), PLACES)
    position = [result.terms.index(name) for name in names]
    b, covariance = result.coef[position], result.covariance[np.ix_(position, position)]
    if not (np.isfinite(b).all() and np.isfinite(covariance).all()):
        raise EstimationError(Note("curve_not_finite", terms=cut(names)))
    gradient = np.column_stack([_gradient(with_it[name], base, axis, places, means) for name in names])
    se = np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", gradient, covariance, gradient), 0.0))
    columns = result.inference.columns(gradient @ b, se)
    frame = pd.DataFrame(columns, index=pd.Index(places, name=spelt(axis)))
    fixed = tuple(name for name, part in moderators.items() if part != axis)
    return frame, spelt(axis), fixed


def _base(term: str, slopes: Mapping[str, MadeOf]) -> Constituent:
    bases = {spelt(part.base): part.base for parts in slopes.values() for part in parts}
    if term not in bases:
        raise ConfigError(
            Note("term_not_in_model", term=term, hint=suggestion(term, list(bases)), terms=cut(slopes, 20))
        )
    return bases[term]


def _axis(
    term: str, base: Constituent, along: str | None, moderators: Mapping[str, Constituent], powered: bool
) -> Constituent:
    if not moderators:
        raise ConfigError(Note("effect_is_constant", term=term))
    if along is not None:
        name = canonical(along)
        if name not in moderators:
            hint = suggestion(name, list(moderators))
            raise ConfigError(Note("no_such_moderator", term=term, along=name, hint=hint, known=cut(moderators)))
        return moderators[name]
    if powered:
        return base
    if len(moderators) > 1:
        raise ConfigError(Note("several_moderators", term=term, known=cut(moderators)))
    return next(iter(moderators.values()))


def _gradient(
    parts: MadeOf, base: Constituent, axis: Constituent, places: FloatArray, means: Mapping[Constituent, float]
) -> FloatArray:
    """Return the derivative of a term with respect to the variable at each place, other variables at their means."""
    powers: dict[Constituent, int] = {}
    for part in parts:
        powers[part.base] = powers.get(part.base, 0) + part.power
    powers[base] -= 1
    product: FloatArray = np.full(len(places), float(powers[base] + 1))
    for variable, power in powers.items():
        value = places if variable == axis else np.full(len(places), means[variable])
        product = product * value**power if power else product
    return product
