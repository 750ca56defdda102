"""What instrumental-variable tests look like in a result: statistics, tables, sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from digicarbon.errors import listing
from digicarbon.numeric.iv.anderson_rubin import AndersonRubin, Interval
from digicarbon.numeric.iv.reduced_form import ErrorStructure, FTest
from digicarbon.numeric.iv.weak_instruments import RULE_OF_THUMB, Strength, stock_yogo
from digicarbon.numeric.linear.statistic import Statistic
from digicarbon.panel._terms import LOG_PREFIX, Atom, Factor, parse

Method = Literal["2sls", "liml"]
_LAG = re.compile(r"L\d*\.")
_WEAK_WORDS: dict[Method, str] = {"2sls": "2SLS leans towards least squares", "liml": "LIML is widely dispersed"}


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
    """What was fitted, for sentences; ``made_of`` holds instruments that contain an endogenous term, with the term."""

    y: str
    endogenous: tuple[str, ...]
    instruments: tuple[str, ...]
    method: Method
    level: float
    unit_effects: bool
    periods: int
    made_of: Mapping[str, str]


def made_of(instruments: Iterable[str], endogenous: Iterable[str]) -> dict[str, str]:
    """Return the instruments that are made of an endogenous term at the same moment, each with that term.

    Of an interaction all factors must be in the instrument: which of them makes it endogenous is not known.
    """
    sources = {term: {(name, min(lags)) for name, lags in _moments(term)} for term in endogenous}
    out = {}
    for instrument in instruments:
        parts = {(name, lag) for name, lags in _moments(instrument) for lag in lags}
        within = [term for term, source in sources.items() if source <= parts]
        if within:
            out[instrument] = within[0]
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
    out = {"first_stage": _first_stage(found, endogenous), "tests": _tests(found, endogenous, y)}
    intervals = found.anderson_rubin.intervals
    if intervals is not None:
        index = pd.Index(
            [f"{endogenous[0]} ({position})" for position in range(1, len(intervals) + 1)], name="interval"
        )
        out["anderson_rubin"] = pd.DataFrame(
            {"low": [low for low, _ in intervals], "high": [high for _, high in intervals]}, index=index, dtype=float
        ).assign(level=level)
    return out


def _first_stage(found: FoundTests, endogenous: Sequence[str]) -> pd.DataFrame:
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
    rows: list[tuple[str, str, float, float, float, float]] = [
        ("Kleibergen-Paap LM", "The instruments do not identify the endogenous terms.", lm.value, lm.df, nan, lm.p),
        ("Cragg-Donald F", "No p value; see Stock and Yogo (2005).", power.cragg_donald_f, nan, nan, nan),
        ("Kleibergen-Paap F", "No p value; the model's covariance.", power.kleibergen_paap_f, nan, nan, nan),
    ]
    if found.single:
        critical = f"Instruments are weak; rejected above {power.effective_critical:.2f} (10 % of the worst bias, 5 %)."
        rows.append(("Effective F", critical, power.effective_f, nan, nan, nan))
    if over.df:
        rows.append(("Overidentification", "All instruments are exogenous.", over.value, over.df, nan, over.p))
    who = listing(endogenous)
    nulls = (f"{who} can be treated as exogenous.", f"No effect of {who} on {y}, instruments being exogenous.")
    for test, null, f in zip(("Endogeneity", "Anderson-Rubin"), nulls, (wu, ar), strict=True):
        rows.append((test, null, f.value, float(f.df1), float(f.df2), f.p))
    frame = pd.DataFrame(rows, columns=["test", "null", "statistic", "df", "df2", "p"])
    return frame.set_index("test")


def notes(found: FoundTests, asked: Asked, errors: ErrorStructure, rows: int) -> tuple[str, ...]:
    """Return the sentences that belong under a table of the fit."""
    name = {"2sls": "Two-stage least squares", "liml": "Limited-information maximum likelihood"}[asked.method]
    alone = "it alone" if found.single else "them alone"
    out = [
        f"{name}: {listing(asked.endogenous)} instrumented by {listing(asked.instruments)}. That the instruments "
        f"affect {asked.y} through {alone} is a claim that the data cannot prove."
    ]
    for instrument, source in asked.made_of.items():
        out.append(
            f"{instrument} is made of the endogenous {source} of the same period; it is not exogenous where {source} "
            "is not, unless an argument of its own says so."
        )
    if any(_LAG.match(term) for term in asked.instruments):
        out.append(_lag_words(asked.unit_effects, asked.periods))
    out.append(_strength_words(found, asked.method, errors, len(asked.instruments)))
    if errors.effective(rows) < rows:
        out.append(
            f"χ² tests count {errors.effective(rows)} observations, {errors.absorbed} less for the absorbed effects "
            "(dofminus of Stata's ivreg2)."
        )
    if found.anderson_rubin.intervals is not None:
        out.append(_set_words(found.anderson_rubin.intervals, asked.endogenous[0], asked.level))
    if math.isnan(found.anderson_rubin.test.value):
        out.append("There are too few clusters for these instruments: joint tests of the instruments do not exist.")
    return tuple(out)


def _lag_words(unit_effects: bool, periods: int) -> str:
    words = "A lag is a valid instrument only if the error has no memory that reaches back to it"
    if not unit_effects:
        return f"{words}."
    return (
        f"{words}, and after unit effects not even then: demeaning brings the errors of all {periods} periods into "
        "each row, a bias of order 1/T that can be large in a short panel; model=gmm_difference avoids it."
    )


def _strength_words(found: FoundTests, method: Method, errors: ErrorStructure, instruments: int) -> str:
    value = found.weakest
    what = "the effective F" if found.single else "the smallest conditional F"
    if math.isnan(value):
        return "The strength of the instruments cannot be told: the covariance of the first stage is singular."
    if value < RULE_OF_THUMB:
        words = (
            f"Weak instruments: {what} of the first stage is {value:.2f}, below the rule of thumb of "
            f"{RULE_OF_THUMB:.0f} (Staiger and Stock 1997); {_WEAK_WORDS[method]} and its standard errors mislead"
        )
        words += "; rely on the Anderson-Rubin set" if found.single else "; rely on the Anderson-Rubin test"
    else:
        words = f"First stage: {what} is {value:.2f}, above the rule of thumb of {RULE_OF_THUMB:.0f}"
        critical = found.strength.effective_critical
        if found.single and value < critical:
            words += f", below the {critical:.2f} at which a bias of a tenth of the worst case is ruled out at 5 %"
    bound = stock_yogo(len(found.strength.first_stages), instruments, method)
    if errors.kind == "classic" and not math.isnan(bound):
        side = "below" if found.strength.cragg_donald_f < bound else "above"
        words += (
            f". The Cragg-Donald F of {found.strength.cragg_donald_f:.2f} is {side} Stock and Yogo's {bound:.2f} for a "
            "test size of at most 10 %"
        )
    return words + "."


def _set_words(intervals: Sequence[Interval], name: str, level: float) -> str:
    head = f"Anderson-Rubin {level:.0%} set of {name}, valid with weak instruments: "
    if not intervals:
        return f"{head}empty, so that the instruments contradict each other at every value."
    return head + " and ".join(_interval_words(low, high) for low, high in intervals) + "."


def _interval_words(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "every value (the instruments say nothing)"
    if math.isinf(low):
        return f"below {high:.4f}"
    return f"above {low:.4f}" if math.isinf(high) else f"{low:.4f} to {high:.4f}"
