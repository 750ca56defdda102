"""Formulas in the notation of R and fixest, parsed by formulaic and translated into the terms of a panel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut

if TYPE_CHECKING:
    from digicarbon.panel import Panel

TIME_WORDS = ("time", "year", "period", "quarter", "month", "date", "t", "年份", "年", "时间", "季度", "月份")

_VARIABLE = r"[^\W\d][\w .]*?"
_WRAPPED_OR_POWER = re.compile(
    r"I\((?:[^()]|\([^()]*\))*\)|\{[^}]*\}|(?P<base>[^\W\d][\w.]*(?:\([^()]*\))?)\s*(?:\^|\*\*)\s*(?P<power>\d+)(?![\w.])"
)
_RAISED = re.compile(r"(?P<base>.*?)\s*(?:\^|\*\*)\s*(?P<power>\d+)\s*\Z")
_CALL = re.compile(r"(?P<name>[A-Za-z]+)\(\s*(?P<inside>.*?)\s*(?:,\s*(?:k\s*=\s*)?(?P<order>\d+))?\s*\)\Z")
_STATA = re.compile(r"(?P<prefix>[ic])\.(?P<variable>[^\W\d]\w*)\Z")
_OF_STATA = re.compile(r"[^\W\d][\w.]*(?:#{1,2}[^\W\d][\w.]*)+")
"""An interaction in Stata's notation."""
_NAMED = r"(?:`[^`]+`|[^\W\d]\w*)"
_INTERACTION = re.compile(rf"{_NAMED}(?:\s*\^\s*{_NAMED})+\Z")
_SLOPE = re.compile(rf"(?P<base>{_NAMED})\s*\[\s*(?P<slope>{_NAMED})\s*\]\Z")
_SHIFTS = {"lag": "L", "L": "L", "l": "L", "lead": "F", "F": "F", "f": "F", "diff": "D", "D": "D", "d": "D"}
_DUMMIES = re.compile(
    rf"(?P<name>C|i|factor)\(\s*(?P<variable>{_VARIABLE})\s*(?:,(?!\s*ref\s*=)\s*(?P<slope>.+?)\s*)?"
    r"(?:,\s*ref\s*=\s*(?P<quote>['\"]?)(?P<reference>[^'\"(),:]+)(?P=quote)\s*)?\)\Z"
)
_SIMPLE = re.compile(r"[^\W\d][\w.]*(?:\^\d+)?|(?:log|ln)\([^\W\d]\w*\)")
"""A term that needs no parser."""
_WORDS = "names, log(x), lag(x, 1), lead(x), diff(x), x^2 or I(x**2), a:b, a*b, center(x), C(g), i(g, x), i(g, ref=a)"


@dataclass(frozen=True)
class Formula:
    """What a formula says: the outcome, the terms of the right-hand side in their order, and what stands after ``|``.

    ``absorbed`` are the names there, None without ``|``; ``interactions`` effects ``a^b``; ``trends`` the name before
    the bracket in ``a[year]``, which is one of ``absorbed``, too, and ``slope`` that in it; ``text`` the formula
    itself.
    """

    y: str
    terms: tuple[str, ...]
    absorbed: tuple[str, ...] | None
    constant: bool
    interactions: tuple[str, ...] = ()
    trends: str | None = None
    slope: str | None = None
    text: str = ""

    @property
    def own(self) -> tuple[str, ...]:
        """The names after ``|`` that stand for the effects of units and periods."""
        return self._apart[0]

    @property
    def effects(self) -> tuple[str, tuple[str, ...]]:
        """The fixed effects that the names after ``|`` stand for, and those beside them.

        Of three names or more the first one that is used for a period stands for periods, and the first other one for
        units. Of fewer names all stand for these.
        """
        own, further = self._apart
        if not own:
            return "none", further
        return ("two_way" if len(own) == 2 else "time" if is_time(own[0]) else "unit"), further

    @property
    def _apart(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        names = self.absorbed or ()
        if len(names) < 3:
            return names, self.interactions
        times, others = [name for name in names if is_time(name)], [name for name in names if not is_time(name)]
        if not times or not others:
            raise ValueError(
                Note("formula_absorbs_many", key="formula", formula=self.text, absorbed=cut(names), words=TIME_WORDS)
            )
        own = (others[0], times[0])
        return own, (*(name for name in names if name not in own), *self.interactions)


def is_time(name: str) -> bool:
    return name.casefold() in TIME_WORDS


def read(text: str) -> Formula:
    """Return what a formula says, e.g. ``"ln_ci ~ ln_e + ln_pgdp | city + year"``.

    Parameters
    ----------
    text : str
        ``outcome ~ terms`` or ``outcome ~ terms | effects``, effects being names, ``a^b`` (of each combination) and
        ``a[year]`` (an effect and a linear trend of each value of a). Terms are names, ``log(x)`` (the term ``ln_x``),
        ``lag(x, 2)``, ``lead(x)``, ``diff(x)``, ``x^2``, ``x**2`` or ``I(x^2)``, ``a:b``, ``a*b``, ``center(x)``,
        ``C(g)``, fixest's ``i(g)``, ``i(g, x)`` (a slope of x for each value of g) and ``i(g, x, ref=a)`` (for all but
        a), those of `Panel.with_terms`, and Stata's ``i.x``, ``c.x``, ``c.x#c.z`` (a:b), ``c.x##c.z`` (a*b) and
        ``c.x#c.x`` (x^2). A name that holds blanks or parentheses stands between backticks.

    Raises
    ------
    ValueError
        If it is not a formula, or has a function that is not in the list.
    """
    if (simple := _plain(text)) is not None:
        return simple
    # formulaic is slow to import, and most formulas are sums of names
    from formulaic import Formula as Parsed
    from formulaic.errors import FormulaicError

    whole = text
    text = _OF_STATA.sub(lambda match: _products(match[0], whole), text)
    text, interactions, slopes = _without_fixest(text)
    # R and formulaic drop the power of a bare x^2; nobody who writes it means that
    guarded = _WRAPPED_OR_POWER.sub(
        lambda found: f"I({found['base']}**{found['power']})" if found["base"] else found[0], text
    )
    if re.search(r"\^|\*\*", _WRAPPED_OR_POWER.sub("", guarded)):
        raise ValueError(Note("formula_power", key="formula", formula=whole))
    try:
        parsed = Parsed(guarded, _ordering="none")
    except (FormulaicError, SyntaxError, KeyError, TypeError, ValueError) as error:
        plain = re.sub(r"\s+", " ", re.sub(r"\x1b\[[\d;]*m|[⧛⧚]", "", str(error))).strip(" .")
        unclear = "__" in plain or isinstance(error, SyntaxError)
        why = Note("formula_may_use", words=_WORDS) if unclear else plain
        instruments = Note("formula_instruments") if guarded.count("~") > 1 else ""
        # a name such as share(%) is taken for a call
        backticks = Note("formula_backticks") if re.search(r"[\w)]\s+[\w(]|[（）]|\w\(\W", text) else ""
        facts = {"why": why, "instruments": instruments, "backticks": backticks}
        raise ValueError(Note("formula_unreadable", key="formula", formula=whole, **facts)) from error
    if not hasattr(parsed, "rhs") or len(parsed.lhs) != 1:
        raise ValueError(Note("formula_without_outcome", key="formula", formula=whole))
    parts = parsed.rhs if isinstance(parsed.rhs, tuple) else (parsed.rhs,)
    if len(parts) > 2:
        raise ValueError(Note("formula_with_bars", key="formula", formula=whole))
    terms = tuple(_term(term.factors, text) for term in parts[0] if str(term) != "1")
    if not terms:
        raise ValueError(Note("formula_without_term", key="formula", formula=whole))
    absorbed = tuple(_term(term.factors, text) for term in parts[1] if str(term) != "1") if len(parts) == 2 else None
    if len(slopes) > 1:
        raise ValueError(Note("formula_slopes", key="formula", formula=whole))
    if absorbed is not None:
        absorbed = tuple(dict.fromkeys([*absorbed, *(base for base, _ in slopes)]))
    if absorbed == () and not interactions:
        raise ValueError(Note("formula_without_effects", key="formula", formula=whole))
    constant = any(str(term) == "1" for term in parts[0])
    trends, slope = slopes[0] if slopes else (None, None)
    y = _term(next(iter(parsed.lhs)).factors, text)
    return Formula(y, terms, absorbed, constant, interactions, trends, slope, whole)


def _plain(text: str) -> Formula | None:
    """Return a formula that is a sum of names, powers and logarithms, with names after the bar; None for others."""
    y, tilde, right = text.partition("~")
    terms, bar, after = right.partition("|")
    sides = [[part.strip() for part in side.split("+")] for side in (terms, after)]
    names = [y.strip(), *sides[0], *(sides[1] if bar else [])]
    if not tilde or not all(map(_SIMPLE.fullmatch, names)):
        return None
    terms_, absorbed = (tuple(dict.fromkeys(_factor(name, text) for name in side if name)) for side in sides)
    return Formula(_factor(y.strip(), text), terms_, absorbed if bar else None, constant=True, text=text)


def match(text: str, effects: str, panel: Panel) -> None:
    """Check that the names after ``|`` that stand for units and periods are those of a panel; else a `ConfigError`."""
    formula, unit, time = read(text), panel.unit_name, panel.time_name
    if formula.slope not in (None, time, "time"):
        raise ConfigError(Note("formula_slope", formula=text, column=formula.slope, time=time))
    for name in formula.own:
        kind = {unit: "unit", "unit": "unit", time: "time", "time": "time"}.get(name)
        if kind is None or effects not in (kind, "two_way"):
            raise ConfigError(Note("formula_absorbs_other", formula=text, column=name, unit=unit, time=time))


def _without_fixest(text: str) -> tuple[str, tuple[str, ...], list[tuple[str, str]]]:
    """Return a formula without the effects that only fixest writes: ``a^b``, and ``a[t]`` as a and t."""
    before, bar, after = text.rpartition("|")
    if not bar:
        return text, (), []
    interactions: list[str] = []
    slopes: list[tuple[str, str]] = []
    left: list[str] = []
    for part in map(str.strip, after.split("+")):
        if _INTERACTION.match(part):
            interactions.append("^".join(_bare(name) for name in part.split("^")))
        elif found := _SLOPE.match(part):
            slopes.append((_bare(found["base"]), _bare(found["slope"])))
        else:
            left.append(part)
    if not interactions and not slopes:
        return text, (), []
    return f"{before}| {' + '.join(left) or '1'}", tuple(interactions), slopes


def _products(interaction: str, formula: str) -> str:
    """Return Stata's interaction of numbers, e.g. ``c.x##c.z``, as R writes it.

    Raises ValueError for an interaction of categories, or one that has both signs.
    """
    parts = interaction.replace("##", "#").split("#")
    names = [part.removeprefix("c.") for part in parts]
    full = "##" in interaction
    if not all(part.startswith("c.") for part in parts) or (full and interaction.count("#") != 2 * (len(parts) - 1)):
        raise ValueError(Note("formula_of_stata", key="formula", formula=formula, part=interaction))
    if len(set(names)) > 1:
        return ("*" if full else ":").join(names)
    powers = [f"I({names[0]}**{power})" for power in range(2, len(names) + 1)]
    return " + ".join([names[0], *powers]) if full else powers[-1]


def _bare(name: str) -> str:
    return name.strip().strip("`")


def _term(factors: tuple[object, ...], text: str) -> str:
    return ":".join(_factor(str(getattr(factor, "expr", factor)).strip(), text) for factor in factors)


def _factor(code: str, text: str) -> str:
    """Return a factor in the panel's own notation; a name between backticks is a column as it is."""
    if f"`{code}`" in text:
        return code
    inside = code[2:-1].strip() if code.startswith("I(") and code.endswith(")") else code
    if raised := _RAISED.match(inside):
        return f"{_factor(raised['base'], text)}^{raised['power']}"
    if stata := _STATA.match(inside):
        return f"C({stata['variable']})" if stata["prefix"] == "i" else stata["variable"]
    if (dummies := _DUMMIES.match(inside)) and (dummies["slope"] is None or dummies["name"] == "i"):
        reference = "" if dummies["reference"] is None else f", ref={dummies['reference'].strip()}"
        slope = "" if dummies["slope"] is None else f"{_factor(dummies['slope'], text)}:"
        return f"{slope}C({dummies['variable']}{reference})"
    if call := _CALL.match(inside):
        name, variable, order = call["name"], call["inside"], call["order"] or ""
        if name in ("log", "ln") and not order and re.fullmatch(_VARIABLE, variable):
            return f"ln_{variable}"
        if name in ("diff", "d") and order not in ("", "1"):
            raise ValueError(
                Note("formula_diff", key="formula", formula=text, code=code, order=order, variable=variable)
            )
        if name in _SHIFTS and order != "0":
            return f"{_SHIFTS[name]}{'' if order in ('', '1') else order}.{_factor(variable, text)}"
        if name == "center" and not order:
            return f"center({_factor(variable, text)})"
    elif re.fullmatch(_VARIABLE, inside):
        return inside
    raise ValueError(Note("formula_not_known", key="formula", formula=text, code=code, words=_WORDS))
