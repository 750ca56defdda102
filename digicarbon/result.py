"""Results: numbers with labels. They cannot print, log or plot; tables and MLflow read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import scipy

from digicarbon.arrays import FloatArray
from digicarbon.data import terms, words
from digicarbon.errors import EstimationError
from digicarbon.note import Note, cut, note_of, notes_of
from digicarbon.note.brief import lines

if TYPE_CHECKING:
    from digicarbon.note import Language
    from digicarbon.render import Table

Quantity = Literal["coefficient", "direct", "indirect", "total"] | str
"""The coefficient, or an effect as a model's ``quantities`` call it."""
EFFECTS = ("direct", "indirect", "total")
EFFECT = "effect"
"""What an effect is called in models without spatial lags, which tell no direct from a total one."""
RATIOS = ("long_direct", "long_indirect", "long_total")
"""Effects whose denominators may be near zero: their intervals tell more than their standard errors."""
AS_COEFFICIENT = ("direct", "total")
"""The effects that a coefficient is where nothing spills over."""
SHOWN = ("coef", "se", "p", "low", "high")
"""The columns of estimates and effects that reports and MLflow take."""


RoleKind = Literal[
    "regressor", "constant", "dummy", "lag_x", "lag_y", "lag_error", "past_y", "past_lag_y", "decay", "variance"
]


@dataclass(frozen=True, slots=True)
class Constituent:
    """A factor of a term: a variable at a moment and to a power, or the dummy of one of its values."""

    variable: str
    operator: str = ""
    """The variable itself, its lag ``L``, its lead ``F``, its difference ``D``."""
    order: int = 0
    """Of the operator."""
    power: int = 1
    level: str = ""
    """The value that the dummy is of, or the group that a coefficient is of; empty where the whole variable counts."""
    centred: bool = False
    """Whether it is the variable less its mean over the rows of the model."""
    regimes: int = 0
    """Into how many regimes thresholds part the variable; its level is then the number of one of them, the lowest
    first. 0 for no regimes."""

    @property
    def base(self) -> Constituent:
        """The variable at this moment, centred or not, whatever its power and its value."""
        return Constituent(self.variable, self.operator, self.order, centred=self.centred)

    @property
    def uncentred(self) -> Constituent:
        """The variable at this moment as it is, whatever its power, its value and its mean."""
        return Constituent(self.variable, self.operator, self.order)

    @property
    def number(self) -> float | None:
        """The value that the dummy is of as a number; None where it is none."""
        try:
            number = float(self.level)
        except ValueError:
            return None
        return number if np.isfinite(number) else None


MadeOf = tuple[Constituent, ...]
"""The factors of a term; none where nobody said what it is made of."""


@dataclass(frozen=True, slots=True)
class Role:
    """What a parameter is in its model: tables, tags and tests ask for it, and none of them reads a term's name.

    Attributes
    ----------
    kind : {"regressor", "constant", "dummy", "lag_x", "lag_y", "lag_error", "past_y", "past_lag_y", "decay",
            "variance"}
        The coefficient of a column of x, focal or not; the constant; a unit's or a period's intercept; the coefficient
        of a spatial lag of x; those of the spatial lags of the outcome (rho) and of the errors (lambda); those of the
        outcome's own past and of its neighbours' past in a dynamic spatial model; the rate at which weights fall with
        distance; a variance, or a ratio of variances.
    of : str
        The term whose spatial lag it is; empty for other kinds.
    made_of : tuple of Constituent
        Of a regressor: the factors of its column, as the model read them. The engine fills them in where a model of a
        user's own leaves them out, see `digicarbon.model.Model.made_of`.
    by : int
        Of a spatial lag of x in a model with several W: the number of its W, from one.
    """

    kind: RoleKind = "regressor"
    of: str = ""
    made_of: MadeOf = ()
    by: int = 1

    def of_past(self, y: str) -> bool:
        """Return whether it is the coefficient of the outcome at other moments, and of nothing else."""
        return bool(self.made_of) and all(part.variable == y for part in self.made_of)


def numbered(by: int) -> str:
    """Return what one of several W is called: ``W``, ``W₂``, ``W₃``, as its parameter is ``ρ``, ``ρ₂``, ``ρ₃``."""
    return "W" if by == 1 else "W" + "".join(chr(ord("₀") + int(digit)) for digit in str(by))


REGRESSOR, CONSTANT, DUMMY, VARIANCE = Role(), Role("constant"), Role("dummy"), Role("variance")
LAG_Y, LAG_ERROR, DECAY = Role("lag_y"), Role("lag_error"), Role("decay")


def roles_made_of(terms: Sequence[str], roles: Sequence[Role], made_of: Mapping[str, MadeOf]) -> tuple[Role, ...]:
    """Return the roles of terms with what regressors are made of.

    ``roles``: None where all terms are regressors. ``made_of``: by term; a regressor that is not there keeps what it
    says itself.
    """
    return tuple(
        Role("regressor", role.of, made_of[term]) if role.kind == "regressor" and term in made_of else role
        for term, role in zip(terms, roles or (REGRESSOR,) * len(terms), strict=True)
    )


Mean = Literal[
    "treated_rows",
    "estimated_rows",
    "stack_rows",
    "anticipating_rows",
    "event_times",
    "cohorts",
    "periods",
    "variance",
    "stack_variance",
]
"""Over what an effect is a mean: rows under a policy, all of them, those that have an estimate or those in a stack;
these and the ones before in which units react already; event times, cohorts or periods; rows as least squares weighs
them, by what is left of the regressor, in the panel or in stacks."""


@dataclass(frozen=True)
class RunEffect:
    """Which number of a run is its effect: what its tag, its metrics and its place on a curve speak of.

    ``quantity``: ``coefficient`` or an effect. For a model that has effects, but no total one, ``total`` is its last
    effect. The coefficient of a model without spatial lags of the outcome or of x is its direct and total effect.
    ``term``: the focal term; None takes the first of a run. ``level``: the largest p value that counts as significant;
    None takes that of the run's intervals.
    """

    quantity: Quantity = "total"
    term: str | None = None
    level: float | None = None


def together(called: Iterable[str]) -> tuple[str, ...]:
    """Return what several effects are called, see `Result.called`, each name once."""
    names = tuple(dict.fromkeys(called))
    # beside a total effect, that of a model without spatial lags is one, too
    return tuple(name for name in names if name != EFFECT) or names


@lru_cache(1000)
def _critical(df: float | None, level: float) -> float:
    # scipy.special, not scipy.stats: a frozen distribution costs a millisecond, a fit far less
    tail = 0.5 + level / 2
    return float(scipy.special.ndtri(tail) if df is None else scipy.special.stdtrit(df, tail))


@dataclass(frozen=True, eq=False)
class Inference:
    """How a statistic becomes a p value: Student's t with ``df`` degrees of freedom, or the normal if ``df`` is None.

    Attributes
    ----------
    df : float or None
        Degrees of freedom of the t distribution; None for the standard normal.
    level : float
        Coverage of the intervals, e.g. 0.95.
    """

    df: float | None = None
    level: float = 0.95

    @property
    def critical(self) -> float:
        """The value that statistics are compared with, two-sided."""
        return _critical(self.df, self.level)

    def columns(self, coef: FloatArray, se: FloatArray) -> dict[str, FloatArray]:
        """Return coef, se, stat, p, low and high for estimates and standard errors of equal shape."""
        with np.errstate(divide="ignore", invalid="ignore"):
            stat = coef / se
        tail = scipy.special.ndtr(-np.abs(stat)) if self.df is None else scipy.special.stdtr(self.df, -np.abs(stat))
        p, half = np.asarray(2 * tail), self.critical * se
        return {"coef": coef, "se": se, "stat": stat, "p": p, "low": coef - half, "high": coef + half}


@dataclass(frozen=True, eq=False)
class Resampled:
    """p values and intervals that do not rest on standard errors; not-a-number in p where those do.

    ``estimates``, shape (3, p): p, low and high of each parameter. ``effects``, shape (3, e, k): those of each effect.
    ``wild``: whether they are from the wild bootstrap; else from the covariance, e.g. by Fieller's method.
    ``arranged``: the parameters whose p values are from arrangements of x.
    """

    estimates: FloatArray
    effects: FloatArray
    wild: bool = True
    arranged: tuple[str, ...] = ()


def _with_resampled(columns: dict[str, FloatArray], resampled: FloatArray | None) -> dict[str, FloatArray]:
    """Return columns of estimates with the p values and intervals that were resampled."""
    if resampled is None:
        return columns
    known = ~np.isnan(resampled[0])
    return columns | {
        name: np.where(known, own, columns[name]) for name, own in zip(("p", "low", "high"), resampled, strict=True)
    }


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of each variable, e.g. the direct, indirect and total ones.

    Attributes
    ----------
    terms : tuple of str
        The k variables.
    coef, se : ndarray, shape (e, k)
        A row per effect: estimates and their standard errors.
    names : tuple of str
        What the e effects are called, as the model's ``quantities`` call them.
    in_space : bool
        Whether what is indirect goes through other units; else it goes through mediators.
    spilling : tuple of str
        Variables whose spatial lags are regressors like others, e.g. by band of distance, so that no role says that
        they have an indirect effect.
    """

    terms: tuple[str, ...]
    coef: FloatArray
    se: FloatArray
    names: tuple[str, ...] = EFFECTS
    in_space: bool = True
    spilling: tuple[str, ...] = ()


_OTHER_NAMES = {
    **dict.fromkeys(("params", "coefficients", "beta", "betas"), "estimates['coef']"),
    **dict.fromkeys(("bse", "std_errors", "std_err"), "estimates['se']"),
    **dict.fromkeys(("pvalues", "p_values"), "estimates['p']"),
    **dict.fromkeys(("tvalues", "tstats"), "estimates['stat']"),
    **dict.fromkeys(("conf_int", "confint"), "estimates[['low', 'high']]"),
    **dict.fromkeys(("cov", "cov_params"), "vcov"),
    **dict.fromkeys(("resid", "resids"), "residuals"),
    **dict.fromkeys(("nobs", "rsquared"), "statistics"),
}
"""What other packages call attributes of a fit, and where a `Result` has them."""
FEW_TERMS = 10
"""Number of terms that the `repr` of a result shows."""
LONGEST_LINE = 75
"""Largest number of letters of a line of it."""


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """What a model or a diagnostic found.

    Attributes
    ----------
    kind : str
        What was fitted, e.g. ``"sdm"``.
    y : str
        The outcome's name.
    focal : tuple of str
        The terms that reports speak of; the others are controls.
    terms : tuple of str
        Names of the p parameters, in the order of ``coef``.
    coef : ndarray, shape (p,)
    covariance : ndarray, shape (p, p)
    roles : tuple of Role
        What each parameter is; empty where all are coefficients of columns of x.
    inference : Inference
    statistics : mapping of str to float
        Numbers of the fit as a whole, e.g. ``nobs`` and ``loglik``.
    spatial_effects : Effects or None
    tables : mapping of str to DataFrame
        Further tables, e.g. descriptive statistics; a cell or a row's label may be a `Note`.
    listings : tuple of str
        Tables that are for reading alone: their numbers follow from others, and are no metrics to search runs by.
    absorbed : tuple of str
        The fixed effects in the model, e.g. ``("unit", "time")``.
    trends : tuple of str
        What has linear trends in the model, e.g. ``("unit",)``.
    random : tuple of str
        The random effects in the model, e.g. ``("unit",)``.
    transformed : bool
        Whether the observations are made of rows, e.g. means or differences: their number is then not that of rows.
    notes : tuple of Note
        What belongs under a table of this result; a sentence may be given and becomes a note that holds it.
    residuals : ndarray, shape (T, N), or None
        Residuals with fixed effects removed, of balanced panels.
    boundary : tuple of str
        Parameters that lie at an end of their range, e.g. ``("rho",)``.
    beyond : tuple of str
        Spatial parameters that lie inside the range of the estimate, but not well inside that of W itself, e.g.
        ``("lambda",)``: a model has no effects there.
    without_errors : tuple of str
        Terms that have no standard error, as a note says, though their estimates are numbers.
    errors_note : Note or None
        Which of the notes says what the standard errors of the estimates are; None where none does.
    table_errors : mapping of str to Note
        What the standard errors of a table are, by its name, where they are not those of the estimates.
    apart : mapping of str to tuple of Note
        Which of the notes are on the estimates alone, by the name of a table that is made of the data.
    resampled : Resampled or None
        p values and intervals that do not rest on the standard errors.
    means : mapping of str to str
        Over what an effect is a mean, of terms that are one, e.g. a policy: tables name it beside the term.
    """

    kind: str
    y: str
    focal: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    coef: FloatArray = field(default_factory=lambda: np.empty(0))
    covariance: FloatArray = field(default_factory=lambda: np.empty((0, 0)))
    inference: Inference = field(default_factory=Inference)
    statistics: Mapping[str, float] = field(default_factory=dict)
    spatial_effects: Effects | None = None
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    absorbed: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    residuals: FloatArray | None = None
    boundary: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    errors_note: Note | None = None
    table_errors: Mapping[str, Note] = field(default_factory=dict)
    apart: Mapping[str, tuple[Note, ...]] = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    resampled: Resampled | None = None
    random: tuple[str, ...] = ()
    transformed: bool = False
    listings: tuple[str, ...] = ()
    trends: tuple[str, ...] = ()
    means: Mapping[str, Mean] = field(default_factory=dict)
    without_errors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.roles and len(self.roles) != len(self.terms):
            raise TypeError(f"There are {len(self.roles)} roles for {len(self.terms)} terms; name one for each.")
        # a model of one's own may give sentences
        object.__setattr__(self, "notes", notes_of(self.notes))
        object.__setattr__(self, "errors_note", note_of(self.errors_note) if self.errors_note else None)
        errors = {name: note_of(said) for name, said in self.table_errors.items()}
        object.__setattr__(self, "table_errors", errors)

    def notes_under(self, table: str) -> tuple[Note, ...]:
        """Return the notes that belong under one of the tables, by its name: the one on its own standard errors first.

        Notes on the estimates do not belong under a table that is made of the data alone.
        """
        own = self.table_errors.get(table)
        others = (*self.apart.get(table, ()), *(() if own is None else (self.errors_note,)))
        return (*(() if own is None else (own,)), *(note for note in self.notes if note not in others))

    def has_note(self, code: str) -> bool:
        """Return whether a note of a code, e.g. ``covariance_repaired``, belongs under a table of this result."""
        return any(note.code == code for note in self.notes)

    def role(self, term: str) -> Role:
        """Return what a term is in the model; of a term that stands twice, the first."""
        return self.roles[self.terms.index(term)] if self.roles else REGRESSOR

    @property
    def focal_levels(self) -> Mapping[str, Constituent]:
        """The terms that are a focal variable at one of its values: a policy's effects by event time.

        Focal terms themselves are not among them.
        """
        own = [role.made_of[0] for role in map(self.role, self.focal) if len(role.made_of) == 1] if self.roles else []
        whole = {part for part in own if not part.level}
        return {
            term: role.made_of[0]
            for term, role in zip(self.terms, self.roles, strict=False)
            if len(role.made_of) == 1 and role.made_of[0].level and replace(role.made_of[0], level="") in whole
        }

    @property
    def bins(self) -> Mapping[int, str]:
        """Event times that hold all farther ones, too, and the sign that says so: ``≤`` or ``≥``."""
        table = self.tables.get("event_units")
        if table is None or "farther" not in table:
            # of an earlier version
            return {}
        return {int(event): "≤" if event < 0 else "≥" for event in table.index[table["farther"] > 0]}

    def terms_of(self, *kinds: RoleKind) -> tuple[str, ...]:
        """Return the terms whose roles are of some kinds, in their order."""
        roles = self.roles or (REGRESSOR,) * len(self.terms)
        return tuple(term for term, role in zip(self.terms, roles, strict=True) if role.kind in kinds)

    def position(self, kind: RoleKind, of: str = "") -> int:
        """Return where the parameter of a role stands.

        Raises
        ------
        ValueError
            If there is none.
        """
        return self.roles.index(Role(kind, of))

    @property
    def end(self) -> str:
        """The first of `ends`; empty where there is none."""
        return next(iter(self.ends), "")

    @property
    def ends(self) -> tuple[str, ...]:
        """The spatial parameters for which no focal number is an effect, e.g. ``("rho",)``.

        The errors of all coefficients rest on an interior maximum, whichever parameter is at its end. One beyond the
        range of W itself is at an end, too: spillovers, or shocks, would not die out there. A decay of weights at its
        end is not one: the other numbers take it as known.
        """
        decays = self.terms_of("decay")
        return tuple(dict.fromkeys(name for name in (*self.beyond, *self.boundary) if name not in decays))

    @property
    def end_beyond(self) -> bool:
        """Whether `end` lies beyond the range of W itself."""
        return self.end in self.beyond

    @property
    def without_spillovers(self) -> bool:
        """Whether a coefficient is the direct and total effect: neither outcome nor x is lagged in space."""
        return self.spatial_effects is None and not any(role.kind in ("lag_x", "lag_y") for role in self.roles)

    @property
    def without_indirect(self) -> frozenset[str]:
        """Terms whose indirect effect is 0 by construction: neither they nor the outcome are lagged in space."""
        effects = self.spatial_effects
        if effects is None or not effects.in_space or LAG_Y in self.roles or "indirect" not in effects.names:
            return frozenset()
        return frozenset(effects.terms) - {role.of for role in self.roles} - set(effects.spilling)

    def focal_numbers(self, quantity: Quantity) -> Iterator[tuple[str, list[float]]]:
        """Yield each focal term that has a quantity, with its coef, se, p, low and high; none at an `end`."""
        if self.end:
            return
        terms: Sequence[str]
        shown: list[FloatArray]
        if quantity == "coefficient" or (quantity in AS_COEFFICIENT and self.without_spillovers):
            terms, shown = self.terms, [self.estimate_columns[name] for name in SHOWN] if self.terms else []
        elif quantity not in self.effect_names:
            return
        else:
            terms, columns = self.effects_of(quantity)
            shown = [columns[name] for name in SHOWN]
        lacking = self.without_indirect if quantity == "indirect" else frozenset()
        for term in self.focal:
            if term in terms and term not in lacking:
                place = terms.index(term)
                yield term, [float(column[place]) for column in shown]

    def effect(self, asked: RunEffect) -> tuple[str, float, float] | None:
        """Return the term, the estimate and the p value of a run's effect, or None where no single number is one."""
        numbers = self.effect_numbers(asked)
        return None if numbers is None else (numbers[0], numbers[1], numbers[3])

    def effect_numbers(self, asked: RunEffect) -> tuple[str, float, float, float, float, float] | None:
        """Return term, coef, se, p, low and high of a run's effect, or None where no single number is one.

        There is none where the model has powers of the term, where its coefficients are pieces of an effect and none
        of them is named, and where rho or lambda lies at or beyond the end of its range.
        """
        if not self.focal or self.has_powers or (self.in_pieces and asked.term is None):
            return None
        for term, (coef, se, p, low, high) in self.focal_numbers(self.quantity(asked)):
            if asked.term in (None, term):
                # as on a curve: an estimate without a standard error has no place there
                return (term, coef, se, p, low, high) if all(map(math.isfinite, (coef, se, p))) else None
        return None

    def quantity(self, asked: RunEffect) -> str:
        """Return which number is the effect: the asked one, or the last effect of a model that has no total one."""
        names = self.effect_names
        return names[-1] if names and asked.quantity == "total" and "total" not in names else asked.quantity

    def called(self, asked: RunEffect) -> str:
        """Return what the effect is called: `quantity`, or ``effect`` if a coefficient is direct and total at once."""
        quantity = self.quantity(asked)
        return EFFECT if quantity in AS_COEFFICIENT and self.without_spillovers else quantity

    @property
    def has_powers(self) -> bool:
        """Whether a power of the first focal term is in the model: its coefficient is then no effect of 1 %."""
        first, others = self._focal_made_of
        if len(first) != 1 or first[0] != first[0].base:
            return False
        return any(part.base == first[0] and part.power > 1 for other in others for part in other)

    @property
    def in_pieces(self) -> bool:
        """Whether the first focal term is a piece of an effect: of a group, of an interaction, of a value of several.

        No coefficient is then the effect of its variable in the whole sample. Where focal terms are several variables,
        the first one's coefficient is its effect.
        """
        first, others = self._focal_made_of
        return any(_share_a_variable(first, other) for other in others)

    @cached_property
    def _focal_made_of(self) -> tuple[MadeOf, list[MadeOf]]:
        """What the first focal term is made of, and what each of the others is."""
        if len(self.focal) < 2 or not self.roles:
            return (), []
        known = dict(zip(reversed(self.terms), reversed(self.roles), strict=True))
        first, *others = (known.get(term, REGRESSOR).made_of for term in self.focal)
        return first, others

    @cached_property
    def estimate_columns(self) -> Mapping[str, FloatArray]:
        """The columns of `estimates`, each of shape (p,), for readers of thousands of results."""
        variance = self.covariance.diagonal()
        # not a number for a parameter at its boundary
        columns = self.inference.columns(self.coef, np.sqrt(np.where(variance >= 0, variance, np.nan)))
        return _with_resampled(columns, self.resampled.estimates if self.resampled else None)

    def require_numbers(self) -> None:
        """Raise a sentence if an estimate, or a standard error that is not said to be missing, is no finite number.

        Raises
        ------
        EstimationError
        """
        effects, variance = self.spatial_effects, self.covariance.diagonal()
        sound = effects is None or np.isfinite([effects.coef, effects.se]).all()
        if sound and np.isfinite(self.coef).all() and ((variance >= 0) & np.isfinite(variance)).all():
            return
        errors, missing = self.estimate_columns["se"], {*self.boundary, *self.without_errors}
        numbers = [
            (Note("number_estimate"), [(term, (value,)) for term, value in zip(self.terms, self.coef, strict=True)]),
            (
                Note("number_error"),
                [(term, (value,)) for term, value in zip(self.terms, errors, strict=True) if term not in missing],
            ),
        ]
        if effects is not None:
            numbers.append((Note("number_effect"), list(zip(effects.terms, effects.coef.T, strict=True))))
            own = zip(effects.terms, effects.se.T, strict=True)
            numbers.append(
                (Note("number_error_of_effect"), [(term, se) for term, se in own if term not in self.without_errors])
            )
        for what, every in numbers:
            lost = [term for term, values in every if not np.isfinite(values).all()]
            if lost:
                raise EstimationError(Note("not_finite", what=what, terms=cut(lost)))

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """Coefficients: index term; columns coef, se, stat, p, low, high."""
        return pd.DataFrame(self.estimate_columns, index=pd.Index(self.terms, name="term"))

    @cached_property
    def vcov(self) -> pd.DataFrame:
        """Covariance of the estimates, terms by terms."""
        index = pd.Index(self.terms, name="term")
        return pd.DataFrame(self.covariance, index=index, columns=index)

    @cached_property
    def effect_columns(self) -> Mapping[str, FloatArray]:
        """The columns of `effects`, each of shape (e, k), a row per effect; none without effects."""
        found = self.spatial_effects
        if found is None:
            return {}
        columns = self.inference.columns(found.coef, found.se)
        return _with_resampled(columns, self.resampled.effects if self.resampled else None)

    @property
    def effect_names(self) -> tuple[str, ...]:
        """What the effects are called; none without effects."""
        return () if self.spatial_effects is None else self.spatial_effects.names

    def effects_of(self, name: str) -> tuple[tuple[str, ...], Mapping[str, FloatArray]]:
        """Return the terms that have an effect, and its columns as in `estimate_columns`; none without the effect."""
        if self.spatial_effects is None or name not in self.spatial_effects.names:
            return (), {}
        row = self.spatial_effects.names.index(name)
        return self.spatial_effects.terms, {key: column[row] for key, column in self.effect_columns.items()}

    @cached_property
    def effects(self) -> pd.DataFrame:
        """The effects, e.g. direct, indirect and total: index (effect, term); columns as in `estimates`."""
        found = self.spatial_effects
        names, terms = (EFFECTS, ()) if found is None else (found.names, found.terms)
        index = pd.MultiIndex.from_product([names, terms], names=["effect", "term"])
        if found is None:
            return pd.DataFrame(columns=["coef", "se", "stat", "p", "low", "high"], index=index, dtype=float)
        return pd.DataFrame({name: column.ravel() for name, column in self.effect_columns.items()}, index=index)

    def tidy(self) -> pd.DataFrame:
        """Return coefficients and effects as one table with a row each, named as R's broom names them.

        Returns
        -------
        DataFrame
            Columns ``quantity`` (``coefficient``, or the effect: ``direct``, ``indirect``, ``total``), ``term``,
            ``estimate``, ``std_error``, ``statistic``, ``p_value``, ``conf_low`` and ``conf_high``; the last two are
            the ends of the interval of `inference.level`.
        """
        parts = [self.estimates.assign(quantity="coefficient"), *self._tidy_effects()]
        names = {"coef": "estimate", "se": "std_error", "stat": "statistic", "p": "p_value"}
        frame = pd.concat([part.reset_index() for part in parts], ignore_index=True)
        frame = frame.rename(columns={**names, "low": "conf_low", "high": "conf_high"})
        return frame[["quantity", "term", *names.values(), "conf_low", "conf_high"]]

    def _tidy_effects(self) -> list[pd.DataFrame]:
        return [self.effects.loc[name].assign(quantity=name) for name in self.effect_names]

    if not TYPE_CHECKING:  # else no name would be unknown to a type checker

        def __getattr__(self, name):
            other = _OTHER_NAMES.get(name)
            if other is None:
                raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
            raise AttributeError(Note("result_attribute", name=name, line=f"result.{other}").text())

    def __repr__(self) -> str:
        head = f"{self.kind} of {self.y}" if self.y else self.kind
        nobs = self.statistics.get("nobs", np.nan)
        lines = [f"{head}: {nobs:,.0f} observations" if np.isfinite(nobs) else head]
        if self.terms:
            lines += _shown(self.estimates)[["coef", "se", "p"]].head(FEW_TERMS).to_string().splitlines()
        more = [f"{len(self.terms) - FEW_TERMS} further terms"] if len(self.terms) > FEW_TERMS else []
        more += ["effects"] if self.effect_names else []
        more += [f"tables {', '.join(self.tables)}"] if self.tables else []
        lines = [line[:LONGEST_LINE] for line in lines]
        return "\n".join([*lines, f"and {'; '.join(more)[:LONGEST_LINE]}"] if more else lines)

    def summary(self, language: Language = "en") -> Table:
        """Return the fit as a table for a reader; ``print`` shows it.

        It has the estimates, the effects, the sample, the fixed effects, the statistics of the whole fit and the notes.
        Tables side by side and for papers are `digicarbon.table`'s.

        Parameters
        ----------
        language : {"en", "zh"}
            Of heads and notes; variables keep their names.

        Returns
        -------
        Table
            With ``to_latex``, ``to_markdown`` and other formats.
        """
        from digicarbon.render import Table

        def word(key: str) -> str:
            return words().get(key, {}).get(language, key)

        blocks: list[int] = []
        parts = [_shown(self.estimates)]
        for name in self.effect_names:
            blocks.append(sum(map(len, parts)))
            parts += [
                pd.DataFrame("", index=[word(name)], columns=parts[0].columns),
                _shown(self.effects.loc[[name]].droplevel(0)),
            ]
        heads = {"stat": "z" if self.inference.df is None else "t"}
        cells = pd.concat(parts)
        cells = cells.set_axis([heads.get(name, word(name)) for name in cells.columns], axis="columns")
        interval = word("level interval").format(level=f"{100 * self.inference.level:g}%")
        texts = self._sample_and_statistics(word, language)
        below = pd.DataFrame({word("value"): texts}, index=pd.Index(list(texts)), dtype=object)
        more = (Note("tables_of_result", tables=cut(list(self.tables), 20)),) if self.tables else ()
        notes = lines((*self.notes, *more), language)
        head = f"{self.kind}: {self.y}" if self.y else self.kind
        # what was fitted stands there even where there is no estimate
        last = Table("", below, notes=notes, language=language)
        if not len(cells):
            return Table(head, pd.DataFrame(), below=last if len(below) or notes else None, language=language)
        return Table(
            head,
            cells,
            rules=tuple(blocks),
            blocks=tuple(blocks),
            spanners=(("", 4), (interval, 2)),
            below=last if len(below) or notes else None,
            language=language,
        )

    def _sample_and_statistics(self, word: Callable[[str], str], language: Language) -> dict[str, str]:
        """Return rows on the effects in the model and its statistics; what is about one term has a dot in its name."""
        fixed = [(kind, "effects", "yes") for kind in self.absorbed if kind != "random"]
        random = [(kind, "effects", "random") for kind in self.random]
        texts = {}
        for kind, what, cell in (*fixed, *random, *((kind, "trends", "yes") for kind in self.trends)):
            own = f"{kind} {what}"
            texts[word(own) if own in words() else word(f"{what} of").format(kind=kind)] = word(cell)
        whole = {name: value for name, value in self.statistics.items() if "." not in name and np.isfinite(value)}

        def named(name: str) -> str:
            of, _, part = name.rpartition("_")
            if name in terms():
                return terms()[name][language]
            return f"{word(of)}, {word(part)}" if name not in words() and part in ("df", "p") else word(name)

        return texts | {named(name): _whole_or_short(value) for name, value in whole.items()}

    def _repr_html_(self) -> str:
        """Return the summary for a notebook."""
        return self.summary().to_html()


def effect_names(results: Iterable[Result]) -> tuple[str, ...]:
    """Return the names of the effects that any of several results has, each once."""
    return tuple(dict.fromkeys(name for result in results for name in result.effect_names))


def _share_a_variable(one: MadeOf, other: MadeOf) -> bool:
    """Return whether two terms are pieces of one variable: the same term in two groups, or an interaction of it."""
    if not one or not other:
        return False
    first, second = ([replace(part, level="") for part in parts] for parts in (one, other))
    if first == second:
        return True
    bases = {part.base for part in first}
    return len(first) + len(second) > 2 and any(part.base in bases for part in second)


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Return estimates as texts of four decimals, with more digits where a coefficient or its error would be 0."""
    labels = [", ".join(key) if isinstance(key, tuple) else key for key in frame.index]
    texts = {
        name: ["" if np.isnan(value) else _small(value, name) for value in column.tolist()]
        for name, column in frame.items()
    }
    return pd.DataFrame(texts, index=labels, dtype=object)


def _small(value: float, column: object) -> str:
    text = f"{value:.4f}"
    if value == 0 or float(text):
        return text
    return "< 0.0001" if column == "p" else f"{value:.3g}"


def _whole_or_short(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"
