"""The marginal effect of a variable along a moderator: bands, and the regions of Johnson and Neyman."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from digicarbon.arrays import FloatArray
from digicarbon.diagnostic._arguments import refuse_unknown, with_call
from digicarbon.diagnostic._asked_effect import Asked, asked_of
from digicarbon.diagnostic._regions import region, region_within, share
from digicarbon.diagnostic._rows import in_english
from digicarbon.diagnostic._wild_effect import Drawn, wild_effect
from digicarbon.diagnostic.of_model import OfModel
from digicarbon.diagnostic.turning_points import described, observed, slopes_of
from digicarbon.errors import ConfigError, DataError, EstimationError
from digicarbon.model import Model, PanelRegression
from digicarbon.model._observation_weights import positive_rows
from digicarbon.model.base import needed
from digicarbon.model.tested import asks_for_wild
from digicarbon.note import Note, cut
from digicarbon.numeric.linear.absorbed import Groups
from digicarbon.numeric.shape.moderation import Effect, crossings, pointwise_critical, uniform_critical
from digicarbon.numeric.shape.moderation import cut as within
from digicarbon.numeric.spatial.effects import multipliers
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.numeric.tests.equality import wald_test
from digicarbon.panel import Panel, canonical, spelt
from digicarbon.result import Constituent, Inference, MadeOf, Result
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.script import Extract

PLACES = 101
"""Places along the axis."""
FEW_VALUES = 12
"""A variable with at most so many values has a point for each instead of a curve."""
QUARTERS = (0.25, 0.5, 0.75)
SUMMARY = (
    *("effect at mean - sd", "effect at the mean", "effect at mean + sd"),
    *(f"effect at quantile {q:.0%}" for q in QUARTERS),
)
"""Places at which an effect is told."""
COLUMNS = ("at", "coef", "se", "stat", "p", "significant", "low", "high", "share", "note")
SIGNS = {1: "positive", -1: "negative", 0: "not significant"}
BANDS = ("pointwise", "uniform")
SpatialKind = Literal["direct", "indirect", "total"]
SPATIAL: Mapping[SpatialKind, Note] = {
    "direct": Note("direct_effect"),
    "indirect": Note("indirect_effect"),
    "total": Note("total_effect"),
}
"""Effects in models with spatial lags, in the order of `digicarbon.numeric.spatial.effects.multipliers`."""

Given = Mapping[str, float | Sequence[float]]
"""Values of other variables in the effect, by name."""


@dataclass(frozen=True, eq=False)
class Moderation:
    """The effect of a variable as a polynomial of a moderator."""

    term: str
    axis: str
    """`term`, `axis`: the variable, and the moderator, as data call them."""
    names: tuple[str, ...]
    """The coefficients in it."""
    effect: Effect
    z: FloatArray
    """Values of the moderator in the observations of the model, shape (rows,)."""
    fixed: Mapping[str, float]
    """The other variables in it, and the values that they have."""
    beyond: tuple[str, ...]
    """Those of them whose value is outside of the values observed."""
    products: tuple[str, ...]
    """The coefficients that let the effect differ between observations."""
    inference: Inference
    missing: tuple[str, ...] = ()
    """What the products are made of that the model lacks, with neither a term nor fixed effects in its place."""
    kind: SpatialKind | Literal[""] = ""
    """Which effect it is in a model with spatial lags."""

    @property
    def continuous(self) -> bool:
        """Whether the moderator has more values than points would show."""
        return len(np.unique(self.z)) > FEW_VALUES

    @property
    def places(self) -> FloatArray:
        """Places from the smallest to the largest value observed, shape (m,)."""
        return np.linspace(self.z.min(), self.z.max(), PLACES) if self.continuous else np.unique(self.z)

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the range, and half of its length."""
        low, high = float(self.z.min()), float(self.z.max())
        return (low + high) / 2, (high - low) / 2 or 1.0


@with_call
def marginal_effects(
    result: Result,
    panel: Panel,
    term: str,
    along: str | None = None,
    at: Sequence[float] = (),
    given: Given | None = None,
    model: Model | None = None,
    weights: Weights | None = None,
    effect: SpatialKind = "total",
) -> pd.DataFrame:
    """Return the marginal effect of a variable, by its own value or by that of a moderator.

    Parameters
    ----------
    result : Result
        Of a model with ``term`` and its powers or products with other variables. Its roles say what terms are made of
        (`Role.made_of`).
    panel : Panel
        The panel that the model was fitted to.
    term : str
        The variable whose effect it is, e.g. ``"ln_e"``.
    along : str, optional
        The variable by whose value the effect is shown, e.g. ``"urban"`` where the model has ``ln_e:urban`` or
        ``center(ln_e):center(urban)``; by default ``term`` itself if the model has a power of it, else its only
        moderator.
    at : sequence of float
        Values of it, as the data have them; by default from the smallest to the largest one observed.
    given : mapping of str to float, optional
        Values of other variables in products with it; those that are not named are at their means.
    model : Model, optional
        The one that was fitted. With ``test="wild"``, p values and both bands of a regression are from its wild
        bootstrap; else, and in all models with spatial lags, from the standard errors.
    weights : Weights, optional
        Those of the fit, for spatial lags and for the wild bootstrap.
    effect : {"direct", "indirect", "total"}
        Which effect, in a model with a spatial lag of y or of the terms; others have one effect.

    Returns
    -------
    DataFrame
        Index: values of ``along``. Columns coef, se, stat, p, low, high: the derivative of the outcome with respect to
        the variable, e.g. an elasticity if both are logarithms; low_uniform and high_uniform: the band that holds the
        whole line, over the range observed, with the level of the intervals; inside: whether the value is within this
        range.

    Raises
    ------
    ConfigError
        If the term is not in the model, or has neither power nor product; if there is no such ``effect``.
    DataError
        If the panel lacks a variable.
    EstimationError
        If a coefficient has no variance, or rho is at an end of its range.
    WeightsError
        If a model with spatial lags has no ``weights``.

    Notes
    -----
    For terms :math:`b_j x^{p_j} m_j`, with :math:`m_j` the product of the other factors, the effect is
    :math:`g'b` with :math:`g_j = p_j x^{p_j - 1} m_j`, of variance :math:`g'Vg`; see Brambor, Clark and Golder (2006),
    Political Analysis 14. For the uniform band see `digicarbon.numeric.shape.moderation.uniform_critical`.
    """
    found, rows = moderation_of(result, panel, term, along, given, model, weights, effect)
    places = np.asarray(at, dtype=np.float64) if len(at) else found.places
    return effects_along(found, places, wild_of(found, rows, model, weights, places)).rename_axis(found.axis)


@with_call
def johnson_neyman(
    result: Result,
    panel: Panel,
    term: str,
    along: str | None = None,
    given: Given | None = None,
    model: Model | None = None,
    weights: Weights | None = None,
    effect: SpatialKind = "total",
) -> pd.DataFrame:
    """Return where along a moderator the effect of a variable is significant.

    Parameters
    ----------
    result, panel, term, along, given, model, weights, effect
        As in `marginal_effects`.

    Returns
    -------
    DataFrame
        Index quantity; columns at, coef, se, stat, p, significant, low, high, share, note. Effects at the mean of the
        moderator, one standard deviation below and above, and at its quartiles; the test that no product matters; the
        row ``main effects missing`` where the model lacks what a product is made of; for pointwise and uniform critical
        values (column stat) the region of significance over the whole line in words, where column significant says
        whether it is inside or outside of the ends low and high, or everywhere, nowhere or in parts; each part of it
        within the sample, from low to high, with the share of the observations in it.

    Raises
    ------
    ConfigError, DataError, EstimationError
        As in `marginal_effects`.

    Notes
    -----
    Johnson and Neyman (1936); Bauer and Curran (2005), Multivariate Behavioral Research 40. Ends are the exact roots of
    (g'b)² = c² g'Vg. A region by pointwise values is claimed by chance somewhere more often than at 5 % of the samples;
    one by uniform values is not.
    """
    found, rows = moderation_of(result, panel, term, along, given, model, weights, effect)
    wild = wild_of(found, rows, model, weights, found.places)
    return in_english(regions(found, result, wild, source_of(model, wild)))


def moderation_of(
    result: Result,
    panel: Panel,
    term: str,
    along: str | None,
    given: Given | None,
    model: Model | None = None,
    weights: Weights | None = None,
    kind: SpatialKind = "total",
) -> tuple[Moderation, Panel]:
    """Return the effect of a variable as a function of a moderator, and the panel's rows that weigh something.

    Raises ConfigError, DataError, EstimationError as in `marginal_effects`.
    """
    refuse_unknown(kind, tuple(SPATIAL), "effect")
    result = described(result, panel)
    slopes = slopes_of(result)
    asked = asked_of(slopes, canonical(term), along)
    panel = panel.with_terms([result.y, *result.terms_of("regressor")])
    means = _means(panel, asked.with_it.values())
    rows = weighing(model, panel)
    others = asked.others
    values = asked.given({name: float(np.asarray(value)) for name, value in (given or {}).items()})
    data = {name: observed(result, rows, name) for name in others}
    fixed = {name: float(values.get(name, own.mean())) for name, own in data.items()}
    beyond = tuple(name for name, own in data.items() if not own.min() <= fixed[name] <= own.max())
    at = {others[name]: value for name, value in fixed.items()}
    names = tuple(asked.with_it)
    columns = [_derivative(parts, asked.base, asked.axis, at, means) for parts in asked.with_it.values()]
    degree = max(map(len, columns))
    g = np.array([np.pad(column, (0, degree - len(column))) for column in columns]).T
    lags = _lags(result, names)
    read = [*names, *lags.values(), *result.terms_of("lag_y")]
    spatial = len(read) > len(names)
    position = [result.terms.index(name) for name in read]
    b, covariance = result.coef[position], result.covariance[np.ix_(position, position)]
    if not (np.isfinite(b).all() and np.isfinite(covariance).all()) or (spatial and result.end):
        raise EstimationError(Note("curve_not_finite", terms=cut(read)))
    products = tuple(name for name, parts in asked.with_it.items() if len(parts) > 1 or parts[0].power > 1)
    if spatial:
        of, w = [names.index(name) for name in lags], needed(weights, result.kind).align(panel).operator
        effect = _spread(g, of, b, covariance, w, list(SPATIAL).index(kind))
        products = (*products, *(lag for name, lag in lags.items() if name in products))
    else:
        effect = Effect(g, b, covariance)
    z = observed(result, rows, spelt(asked.axis))
    if len(np.unique(z)) == 1:
        raise DataError(Note("curve_of_constant", term=spelt(asked.axis)))
    own = kind if spatial else ""
    missing = _missing(slopes, asked.with_it, rows, result.absorbed)
    about = (asked.term, spelt(asked.axis), names, effect, z, fixed, beyond, products, result.inference)
    return Moderation(*about, missing, own), rows


def _missing(
    slopes: Mapping[str, MadeOf], with_it: Mapping[str, MadeOf], panel: Panel, absorbed: Sequence[str]
) -> tuple[str, ...]:
    """Return the lower-order parts of products that no term of the model is, and no fixed effect holds constant."""
    there = {frozenset(part.uncentred for part in parts) for parts in slopes.values()}
    lower = {
        frozenset(chosen): chosen
        for parts in with_it.values()
        if not any(part.level for part in parts)
        for size in range(1, len({part.uncentred for part in parts}))
        for chosen in combinations(dict.fromkeys(part.uncentred for part in parts), size)
    }
    lacking = [chosen for parts, chosen in lower.items() if parts not in there]
    return tuple(":".join(map(spelt, chosen)) for chosen in lacking if not _held(chosen, panel, absorbed))


def _held(parts: Iterable[Constituent], panel: Panel, absorbed: Sequence[str]) -> bool:
    """Return whether a product does not vary within units, or within periods, that have fixed effects."""
    names = [spelt(part) for part in parts]
    value = np.prod(panel.with_terms(names).array(names), axis=1, keepdims=True)
    codes = {"unit": panel.unit_codes, "time": panel.period_codes}
    groups = [Groups.of([codes[name]]) for name in absorbed if name in codes]
    return any(np.allclose(group.means(value), value, rtol=1e-9, atol=0) for group in groups)


def _lags(result: Result, names: Sequence[str]) -> dict[str, str]:
    """Return the coefficient of the spatial lag of each term that has one."""
    roles = zip(result.terms, result.roles, strict=False)
    return {role.of: term for term, role in roles if role.kind == "lag_x" and role.of in names}


def _spread(
    g: FloatArray, lagged: Sequence[int], b: FloatArray, covariance: FloatArray, w: SpatialOperator, kind: int
) -> Effect:
    """Return an effect in a model with spatial lags, as a polynomial of its own coefficients.

    ``g``: weights of the coefficients of terms, by power of the moderator, shape (d + 1, k). ``lagged``: the terms that
    have a spatial lag. ``b``, ``covariance``: of the coefficients of terms, of lags, and of rho where there is a lag of
    y. ``kind``: which effect.
    """
    k, last = g.shape[1], g.shape[1] + len(lagged)
    beta, theta = g @ b[:k], g[:, lagged] @ b[k:last]
    (of_beta, of_theta), slopes = multipliers(float(b[last]) if len(b) > last else 0.0, w)[kind]
    gradient = np.column_stack([of_beta * g, of_theta * g[:, lagged], slopes[0] * beta + slopes[1] * theta])
    gradient = gradient[:, : len(b)]
    return Effect(np.eye(len(g)), of_beta * beta + of_theta * theta, gradient @ covariance @ gradient.T)


def weighing(model: Model | None, panel: Panel) -> Panel:
    """Return the panel's rows that weigh something; others count in the mean of a centred variable alone."""
    regression = None if model is None else model.as_a(PanelRegression)
    if regression is None or regression.observation_weights is None:
        return panel
    return positive_rows(panel.with_terms(regression.terms), regression.observation_weights)[0]


def _means(panel: Panel, terms: Any) -> dict[Constituent, float]:
    """Return what was taken off each centred variable."""
    centred = {part.base for parts in terms for part in parts if part.centred}
    made = panel.with_terms([name for part in centred for name in (spelt(part), spelt(part.uncentred))])
    return {
        part.uncentred: float((made.column(spelt(part.uncentred)) - made.column(spelt(part))).mean())
        for part in centred
    }


Values = Mapping[Constituent, float]
"""Numbers by variable: values, or means that were taken off."""


def _derivative(parts: MadeOf, base: Constituent, axis: Constituent, fixed: Values, means: Values) -> FloatArray:
    """Return the derivative of a term with respect to the variable, as the coefficients of powers of the moderator."""
    own, along, factor = np.ones(1), np.ones(1), 1.0
    for part in parts:
        shift = means[part.uncentred] if part.centred else 0.0
        powers = reduce(np.convolve, [np.array([-shift, 1.0])] * part.power)
        if part.uncentred == base:
            own = np.convolve(own, powers)
        elif part.uncentred == axis:
            along = np.convolve(along, powers)
        else:
            factor *= float(np.polynomial.polynomial.polyval(fixed[part.uncentred], powers))
    slope = np.polynomial.polynomial.polyder(own)
    if base == axis:
        return np.asarray(factor * slope)
    # a variable that enters linearly has the same slope everywhere
    value = float(slope[0]) if len(slope) == 1 else float(np.polynomial.polynomial.polyval(fixed[base], slope))
    return np.asarray(factor * value * along)


@dataclass(frozen=True, eq=False)
class Wild:
    """Draws at places of a moderator."""

    drawn: Drawn
    places: FloatArray
    """The grid of the band, then others, shape (m,)."""
    grid: int
    """How many of them are the grid."""


def summary_places(found: Moderation) -> dict[str, float]:
    """Return the places of `SUMMARY` by quantity."""
    mean, spread = float(found.z.mean()), float(found.z.std(ddof=1))
    quarters = (float(np.quantile(found.z, q)) for q in QUARTERS)
    return dict(zip(SUMMARY, (mean - spread, mean, mean + spread, *quarters), strict=True))


def wild_of(
    found: Moderation, panel: Panel, model: Model | None, weights: Weights | None, places: FloatArray
) -> Wild | None:
    """Return the draws of an effect over its range, at places and at those of the summary; None without bootstrap."""
    if found.kind:
        return None
    every = np.concatenate([found.places, list(summary_places(found).values()), places])
    drawn = wild_effect(model, panel, weights, found.names, found.effect, every)
    return None if drawn is None else Wild(drawn, every, len(found.places))


def criticals(found: Moderation, wild: Wild | None) -> tuple[FloatArray | float, float]:
    """Return the critical values of the bands: at each of the wild places, or the same at all; and the uniform one."""
    level, df = found.inference.level, found.inference.df
    if wild is not None:
        return wild.drawn.critical(level), wild.drawn.uniform(wild.grid, level)
    return pointwise_critical(df, level), uniform_critical(found.effect, found.places, found.continuous, df, level)


def effects_along(found: Moderation, places: FloatArray, wild: Wild | None) -> pd.DataFrame:
    """Return the table of `marginal_effects`."""
    coef, se = found.effect.at(places)
    columns = found.inference.columns(coef, se)
    pointwise, uniform = criticals(found, wild)
    if wild is not None:
        at = [int(np.flatnonzero(wild.places == place)[0]) for place in places]
        half = np.asarray(pointwise)[at] * se
        ratios = _ratio(*found.effect.at(wild.places))
        p = np.where(np.isnan(ratios), np.nan, wild.drawn.p(ratios))[at]
        columns |= {"p": p, "low": coef - half, "high": coef + half}
    inside = (places >= found.z.min()) & (places <= found.z.max())
    more = {"low_uniform": coef - uniform * se, "high_uniform": coef + uniform * se, "inside": inside}
    return pd.DataFrame({**columns, **more}, index=pd.Index(places, name="at"))


def _ratio(coef: FloatArray, se: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(coef / se)


def source_of(model: Model | None, wild: Wild | None) -> Note:
    """Return what p values and bands rest on."""
    if wild is not None:
        return Note("by_wild")
    return Note("by_errors_not_wild" if asks_for_wild(model) else "by_errors")


def regions(found: Moderation, result: Result, wild: Wild | None, source: Note) -> pd.DataFrame:
    """Return the table of `johnson_neyman`, its notes as notes."""
    places = summary_places(found)
    effects = effects_along(found, np.array(list(places.values())), wild)
    rows: list[dict[str, Any]] = [
        {"quantity": name, "at": at, **row, "note": source if row["inside"] else Note("outside_data")}
        for (name, at), row in zip(places.items(), _records(effects), strict=True)
    ]
    rows.append({"quantity": "no product matters", **_same_everywhere(found, result)})
    if found.missing:
        products = cut(name for name in found.products if name in found.names)
        lacking = Note("main_effects_missing", along=found.axis, products=products, names=cut(found.missing))
        rows.append({"quantity": "main effects missing", "note": lacking})
    pointwise, uniform = criticals(found, wild)
    low, high = float(found.z.min()), float(found.z.max())
    middle, scale = found.middle
    for band, critical in zip(BANDS, (pointwise, uniform), strict=True):
        if isinstance(critical, float):
            whole = found.effect.pieces(critical, middle, scale)
            parts = within(whole, low, high)
            rows.append({"quantity": f"significant, {band}", "stat": critical, **region(whole, parts, low, high)})
        else:
            # critical values that differ by place are known within the sample alone
            grid = np.asarray(found.places)
            coef, se = found.effect.at(grid)
            parts = crossings(grid, np.abs(_ratio(coef, se)) - critical[: len(grid)], coef)
            rows.append({"quantity": f"significant, {band}", **region_within(parts)})
        for part in parts:
            of_sample = share(found.z, part, parts)
            name = f"{SIGNS[part.sign]} in the sample, {band}"
            rows.append({"quantity": name, "low": part.low, "high": part.high, "share": of_sample})
    frame = pd.DataFrame(rows).reindex(columns=["quantity", *COLUMNS]).set_index("quantity")
    where = [cell if isinstance(cell, str) else "" for cell in frame["significant"]]
    return _with(frame, significant=where, note=[note if isinstance(note, Note) else "" for note in frame["note"]])


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _with(frame: pd.DataFrame, **columns: Sequence[Any]) -> pd.DataFrame:
    """Return a table with columns of notes."""
    return frame.assign(**{name: pd.Series(cells, frame.index, dtype=object) for name, cells in columns.items()})


def _same_everywhere(found: Moderation, result: Result) -> dict[str, Any]:
    """Return the Wald test that the coefficients of all products and powers are zero."""
    place = [result.terms.index(name) for name in found.products]
    r = np.eye(len(result.terms))[place]
    test = wald_test(r, result.coef, result.covariance, found.inference.df)
    note = Note(
        "products_are_zero",
        term=found.term,
        along=found.axis,
        terms=cut(name for name in found.products if name in found.names),
    )
    return {"stat": test.statistic, "p": test.p, "note": note}


class MarginalEffects(OfModel):
    """The marginal effect of a variable along a moderator, with bands and Johnson-Neyman regions, as tables.

    Attributes
    ----------
    term : str or None
        The variable; None takes the first focal term.
    along : str or None
        The moderator; None takes the only one.
    given : mapping of str to sequence of float
        Values of a further variable in the effect, which has a line for each. Without them a variable in one product
        with both has its mean and one standard deviation below and above; other variables are at their means.
    """

    references: ClassVar[tuple[str, ...]] = ("bauer2005", "brambor2006", "johnson1936")

    table_names: ClassVar[tuple[str, ...]] = ("marginal_effects", "johnson_neyman")
    scripts: ClassVar[Mapping[str, str]] = {
        "r": "digicarbon.packs.moderation.script.marginal_effects:in_r",
        "stata": "digicarbon.packs.moderation.script.marginal_effects:in_stata",
    }
    takes_weights: ClassVar[bool] = False

    term: str | None = None
    along: str | None = None
    given: dict[str, Annotated[tuple[float, ...], Field(strict=False, min_length=1)]] = Field(default_factory=dict)

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the model has no such effect or cannot be fitted."""
        asked_of(self.model.made_of(panel), self._named, self.along).given(self.given)
        several = [name for name, values in self.given.items() if len(values) > 1]
        if len(several) > 1:
            raise ConfigError(Note("several_given", key="diagnostic.given", names=cut(several)))
        self.model.check(panel, weights)

    @property
    def _named(self) -> str:
        if self.term is not None:
            return canonical(self.term)
        return self.model.x[0] if self.model.x else ""

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return the tables ``marginal_effects`` and ``johnson_neyman``, both with the value of a further variable."""
        result = self.model.described(self.model.fit(panel, weights), panel)
        lines, below = [], []
        for found, rows, label in self.effects(result, panel, weights):
            wild = wild_of(found, rows, self.model, weights, found.places)
            along = effects_along(found, found.places, wild).drop(columns="inside")
            lines.append(_with(along.rename_axis(found.axis), given=[label] * len(along)))
            frame = regions(found, result, wild, source_of(self.model, wild))
            below.append(_with(frame, given=[label] * len(frame)))
        return {"marginal_effects": pd.concat(lines), "johnson_neyman": pd.concat(below)}

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return what the effects are, and whether they are from the wild bootstrap."""
        below = tables["johnson_neyman"]
        notes = [note for note in below["note"] if isinstance(note, Note)]
        tested = next(note for note in notes if note.code == "products_are_zero")
        about = [Note("marginal_effects", term=tested["term"], along=tested["along"], terms=tested["terms"])]
        if any(label in SPATIAL.values() or getattr(label, "code", "") == "effect_given" for label in below["given"]):
            about.append(Note("spatial_marginal_effects", along=tested["along"]))
        about += dict.fromkeys(note for note in notes if note.code == "main_effects_missing")
        sources = {note.code for note in notes}
        if "by_wild" in sources:
            about.append(Note("wild_marginal_effects"))
        elif "by_errors_not_wild" in sources:
            about.append(Note("errors_along_moderator"))
        return tuple(about)

    def effects(
        self, result: Result, panel: Panel, weights: Weights | None = None
    ) -> Iterator[tuple[Moderation, Panel, Note | str]]:
        """Yield each line, the panel's rows that weigh something, and which effect it is with what given."""
        asked = asked_of(slopes_of(result), self._named, self.along)
        for kind in SPATIAL:
            for values in self._lines(asked, result, panel):
                found, rows = moderation_of(result, panel, self._named, self.along, values, self.model, weights, kind)
                yield found, rows, _label(found)
            if not found.kind:
                break

    def extract(self, panel: Panel, weights: Weights | None, own: Extract) -> Extract:
        """Return what scripts read of a model, with the moderator."""
        axis = asked_of(self.model.made_of(panel), self._named, self.along).axis
        rows = weighing(self.model, panel)
        if len(rows.unit_codes) != len(own.index):
            return own
        name = spelt(axis)
        return replace(own, columns={**own.columns, name: rows.with_terms([name]).column(name)})

    def _lines(self, asked: Asked, result: Result, panel: Panel) -> list[dict[str, float]]:
        """Return the values of other variables for each line."""
        chosen = asked.given(self.given)
        single = {name: values[0] for name, values in chosen.items() if len(values) == 1}
        several = {name: values for name, values in chosen.items() if len(values) > 1}
        free = [name for name in asked.together if name not in chosen]
        if not several and free:
            w = observed(result, panel, free[0])
            mean, spread = float(w.mean()), float(w.std(ddof=1))
            several = {free[0]: (mean - spread, mean, mean + spread)}
        if not several:
            return [single]
        name, values = next(iter(several.items()))
        return [{**single, name: value} for value in values]


def _label(found: Moderation) -> Note | str:
    """Return what a line is: its effect in a model with spatial lags, and what it is given."""
    values = tuple(
        Note("given_value_outside" if name in found.beyond else "given_value", name=name, value=value)
        for name, value in found.fixed.items()
    )
    if not found.kind:
        return Note("given_values", said=values) if values else ""
    return Note("effect_given", effect=SPATIAL[found.kind], said=values) if values else SPATIAL[found.kind]
