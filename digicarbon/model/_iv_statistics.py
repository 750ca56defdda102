"""What instrumental-variable tests look like in a result: statistics, tables, sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from digicarbon.note import Note, cut, suggestion
from digicarbon.numeric.iv.anderson_rubin import AndersonRubin, Interval
from digicarbon.numeric.iv.reduced_form import ErrorStructure, FTest
from digicarbon.numeric.iv.weak_instruments import RULE_OF_THUMB, Strength, stock_yogo
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.panel._terms import LOG_PREFIX, Atom, Factor, constituents, parse
from digicarbon.result import Result

if TYPE_CHECKING:
    from digicarbon.model._iv_wild import WildAndersonRubin

Method = Literal["2sls", "liml"]
_WEAK: dict[Method, Note] = {"2sls": Note("bias_2sls"), "liml": Note("bias_liml")}


@dataclass(frozen=True, eq=False)
class FoundTests:
    """All tests of one fit."""

    strength: Strength
    overidentification: Statistic
    endogeneity: FTest
    anderson_rubin: AndersonRubin

    @property
    def single(self) -> bool:
        """Whether there is one endogenous regressor."""
        return len(self.strength.first_stages) == 1

    @property
    def weakest(self) -> float:
        """The F that says how strong instruments are: effective, or the smallest conditional one."""
        if self.single:
            return self.strength.effective_f
        return min(stage.conditional_f.value for stage in self.strength.first_stages)


@dataclass(frozen=True)
class Asked:
    """What was fitted, for sentences.

    ``made_of`` and ``exogenous_made_of`` hold instruments, and exogenous regressors, that contain an endogenous term,
    each with that term.
    """

    y: str
    endogenous: tuple[str, ...]
    instruments: tuple[str, ...]
    method: Method
    level: float
    unit_effects: bool
    periods: int
    made_of: Mapping[str, str]
    exogenous_made_of: Mapping[str, str]


def refuse_instruments(
    y: str, regressors: Sequence[str], endogenous: Sequence[str], instruments: Sequence[str]
) -> None:
    """Raise if an endogenous term is no regressor, a term is named twice, or an instrument is in the equation."""
    unknown = [term for term in endogenous if term not in regressors]
    if unknown:
        raise ValueError(
            Note(
                "endogenous_unknown",
                key="endogenous",
                unknown=cut(unknown),
                hint=suggestion(unknown[0], regressors),
                regressors=cut(regressors, 20),
            )
        )
    for name, terms in (("instruments", instruments), ("endogenous", endogenous)):
        twice = sorted({term for term in terms if terms.count(term) > 1})
        if twice:
            raise ValueError(Note("several_named_twice", key=name, terms=cut(twice)))
    both = [term for term in instruments if term in regressors]
    if both:
        raise ValueError(Note("regressor_and_instrument", terms=cut(both)))
    if y in instruments:
        raise ValueError(Note("outcome_as_instrument", y=y))


def made_of(terms: Iterable[str], endogenous: Iterable[str]) -> dict[str, str]:
    """Return the terms that are made of an endogenous term at the same moment, each with that term.

    Of an interaction all factors must be in the term: which of them makes it endogenous is not known.
    """
    sources = {term: {(variable, min(lags)) for variable, lags in _moments(term)} for term in endogenous}
    out = {}
    for name in terms:
        parts = {(variable, lag) for variable, lags in _moments(name) for lag in lags}
        within = [term for term, source in sources.items() if source <= parts]
        if within:
            out[name] = within[0]
    return out


def _moments(term: str) -> list[tuple[str, list[int]]]:
    """Return the variables of a term, logarithms as what they are taken of, and the lags at which they stand."""
    factors = parse(term) or (Factor(Atom(term)),)
    return [(factor.atom.variable.removeprefix(LOG_PREFIX), list(factor.atom.weights)) for factor in factors]


def statistics(found: FoundTests) -> dict[str, float]:
    """Return the tests as numbers by name; with several endogenous regressors, first-stage F are the smallest ones."""
    power, ar = found.strength, found.anderson_rubin
    weakest = min((stage.f for stage in power.first_stages), key=lambda f: f.value)
    out = {
        "first_stage_f": weakest.value,
        "first_stage_f_p": weakest.p,
        "cragg_donald_f": power.cragg_donald_f,
        "kleibergen_paap_f": power.kleibergen_paap_f,
        "kleibergen_paap_lm": power.kleibergen_paap_lm.value,
        "kleibergen_paap_lm_p": power.kleibergen_paap_lm.p,
        "endogeneity": found.endogeneity.value,
        "endogeneity_p": found.endogeneity.p,
        "anderson_rubin": ar.test.value,
        "anderson_rubin_p": ar.test.p,
    }
    if found.single:
        out |= {"effective_f": power.effective_f, "effective_f_critical": power.effective_critical}
        out |= {"partial_r2": power.first_stages[0].partial_r2}
    else:
        out |= {"conditional_f": found.weakest}
    if found.overidentification.df:
        over = found.overidentification
        out |= {"overid": over.value, "overid_df": over.df, "overid_p": over.p}
    if ar.intervals is not None and len(ar.intervals) == 1:
        low, high = ar.intervals[0]
        out |= {"anderson_rubin_low": low, "anderson_rubin_high": high}
    return out


def tables(found: FoundTests, endogenous: Sequence[str], y: str, level: float) -> dict[str, pd.DataFrame]:
    """Return the tables first_stage, tests and, with one endogenous regressor, anderson_rubin."""
    out = {"first_stage": first_stage(found, endogenous), "tests": _tests(found, endogenous, y)}
    intervals = found.anderson_rubin.intervals
    if intervals is not None:
        out["anderson_rubin"] = _set_table(intervals, endogenous[0], level)
    return out


def _set_table(intervals: Sequence[Interval], name: str, level: float) -> pd.DataFrame:
    index = pd.Index([f"{name} ({position})" for position in range(1, len(intervals) + 1)], name="interval")
    lows, highs = [low for low, _ in intervals], [high for _, high in intervals]
    return pd.DataFrame({"low": lows, "high": highs, "level": [level] * len(lows)}, index=index, dtype=float)


def with_wild(result: Result, found: WildAndersonRubin, name: str, level: float) -> Result:
    """Return a result with Anderson and Rubin's test by the wild bootstrap beside the one by the formula.

    ``name`` is the first endogenous regressor.
    """
    statistics, tables, notes = dict(result.statistics), dict(result.tables), list(result.notes)
    statistics["anderson_rubin_wild_p"] = found.p
    row = tables["tests"].loc[["Anderson-Rubin"]].rename(index={"Anderson-Rubin": "Anderson-Rubin, wild"})
    tables["tests"] = pd.concat([tables["tests"], row.assign(df2=math.nan, p=found.p)])
    if not math.isnan(found.p):
        notes.append(Note("wild_anderson_rubin_p", p=found.p))
    if found.intervals is not None:
        tables["anderson_rubin_wild"] = _set_table(found.intervals, name, level)
        if len(found.intervals) == 1:
            low, high = found.intervals[0]
            statistics |= {"anderson_rubin_wild_low": low, "anderson_rubin_wild_high": high}
        notes.append(Note("wild_anderson_rubin", set=_set(found.intervals, name, level)))
    return replace(result, statistics=statistics, tables=tables, notes=tuple(notes))


def first_stage(found: FoundTests, endogenous: Sequence[str]) -> pd.DataFrame:
    """Return the table of first stages, one row for each endogenous regressor."""
    rows = [
        {
            "f": stage.f.value,
            "df1": float(stage.f.df1),
            "df2": float(stage.f.df2),
            "p": stage.f.p,
            "partial_r2": stage.partial_r2,
            "shea_r2": stage.shea_r2,
            "conditional_f": stage.conditional_f.value,
            "conditional_p": stage.conditional_f.p,
        }
        for stage in found.strength.first_stages
    ]
    return pd.DataFrame(rows, index=pd.Index(list(endogenous), name="endogenous"))


def _tests(found: FoundTests, endogenous: Sequence[str], y: str) -> pd.DataFrame:
    power, lm = found.strength, found.strength.kleibergen_paap_lm
    over, wu, ar = found.overidentification, found.endogeneity, found.anderson_rubin.test
    nan = math.nan
    rows: list[tuple[str, Note, float, float, float, float]] = [
        ("Kleibergen-Paap LM", Note("not_identified"), lm.value, lm.df, nan, lm.p),
        ("Cragg-Donald F", Note("see_stock_yogo"), power.cragg_donald_f, nan, nan, nan),
        ("Kleibergen-Paap F", Note("models_covariance"), power.kleibergen_paap_f, nan, nan, nan),
    ]
    if found.single:
        critical = Note("weak_null", critical=power.effective_critical)
        rows.append(("Effective F", critical, power.effective_f, nan, nan, nan))
    if over.df:
        rows.append(("Overidentification", Note("exogenous_instruments"), over.value, over.df, nan, over.p))
    who = cut(endogenous)
    nulls = Note("exogenous_terms", terms=who), Note("no_effect", terms=who, y=y)
    for test, null, f in zip(("Endogeneity", "Anderson-Rubin"), nulls, (wu, ar), strict=True):
        rows.append((test, null, f.value, float(f.df1), float(f.df2), f.p))
    names, *columns = zip(*rows, strict=True)
    cells = dict(zip(("null", "statistic", "df", "df2", "p"), map(list, columns), strict=True))
    return pd.DataFrame(cells, index=pd.Index(list(names), name="test"))


def notes(found: FoundTests, asked: Asked, errors: ErrorStructure, rows: int) -> tuple[Note, ...]:
    """Return what belongs under a table of the fit."""
    who = {"endogenous": cut(asked.endogenous), "instruments": cut(asked.instruments), "y": asked.y}
    out = [Note("two_stage" if asked.method == "2sls" else "limited_information", **who)]
    for instrument, source in asked.made_of.items():
        out.append(Note("made_of_endogenous", instrument=instrument, endogenous=source))
    for regressor, source in asked.exogenous_made_of.items():
        out.append(Note("exogenous_made_of_endogenous", regressor=regressor, endogenous=source))
    if any(part.operator == "L" for term in asked.instruments for part in constituents(term)):
        beside = Note("lag_instrument_beside_effects", periods=asked.periods)
        out.append(beside if asked.unit_effects else Note("lag_instrument"))
    out.append(_strength(found, asked.method, errors, len(asked.instruments)))
    if errors.effective(rows) < rows:
        out.append(Note("chi2_observations", observations=errors.effective(rows), absorbed=errors.absorbed))
    if found.anderson_rubin.intervals is not None:
        out.append(_set(found.anderson_rubin.intervals, asked.endogenous[0], asked.level))
    if math.isnan(found.anderson_rubin.test.value):
        out.append(Note("few_clusters_for_instruments"))
    return tuple(out)


def _strength(found: FoundTests, method: Method, errors: ErrorStructure, instruments: int) -> Note:
    value, critical = found.weakest, found.strength.effective_critical
    if math.isnan(value):
        return Note("strength_unknown")
    said: dict[str, Any] = {
        "statistic": Note("effective_f") if found.single else Note("conditional_f"),
        "f": value,
        "rule": RULE_OF_THUMB,
    }
    bound = stock_yogo(len(found.strength.first_stages), instruments, method)
    if errors.kind == "classic" and not math.isnan(bound):
        f = found.strength.cragg_donald_f
        said["more"] = Note("cragg_donald", f=f, side=Note("below") if f < bound else Note("above"), critical=bound)
    if value < RULE_OF_THUMB:
        rely = Note("anderson_rubin_set") if found.single else Note("anderson_rubin_test")
        return Note("weak_instruments", bias=_WEAK[method], rely=rely, **said)
    if found.single and value < critical:
        return Note("fair_instruments", critical=critical, **said)
    return Note("strong_instruments", **said)


def _set(intervals: Sequence[Interval], name: str, level: float) -> Note:
    if not intervals:
        return Note("empty_set", level=level, term=name)
    return Note("confidence_set", level=level, term=name, intervals=intervals_of(intervals))


def intervals_of(intervals: Sequence[Interval]) -> list[Note]:
    """Return intervals in words."""
    return [_interval(*ends) for ends in intervals]


def _interval(low: float, high: float) -> Note:
    if math.isinf(low) and math.isinf(high):
        return Note("every_value")
    if math.isinf(low):
        return Note("below_value", high=high)
    return Note("above_value", low=low) if math.isinf(high) else Note("interval", low=low, high=high)
