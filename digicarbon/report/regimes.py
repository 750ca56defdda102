"""Terms by words that runs give them: slopes of regimes, what an effect is a mean of, event times that hold others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from digicarbon.note import Note
from digicarbon.panel import spelt
from digicarbon.report.base import Record
from digicarbon.report.labels import Labels
from digicarbon.report.picture import event_label
from digicarbon.result import MadeOf, Result

MEANS: Mapping[str, Note] = {
    "treated_rows": Note("mean_treated_rows"),
    "estimated_rows": Note("mean_estimated_rows"),
    "stack_rows": Note("mean_stack_rows"),
    "anticipating_rows": Note("mean_anticipating_rows"),
    "event_times": Note("mean_event_times"),
    "cohorts": Note("mean_cohorts"),
    "periods": Note("mean_periods"),
    "variance": Note("mean_variance"),
    "stack_variance": Note("mean_stack_variance"),
}
"""What effects are means of, see `digicarbon.result.Mean`."""
_DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class InWords:
    """Runs whose terms are called by words where equal names are different things.

    ``words``: with the words of these terms. ``names``: what terms are now called: one name has several words where
    runs have other variables or other numbers of thresholds, or other means.
    """

    records: list[Record]
    words: Labels
    names: Mapping[str, tuple[str, ...]]

    def of(self, terms: Iterable[str]) -> tuple[str, ...]:
        """Return what terms are now called."""
        return tuple(dict.fromkeys(name for term in terms for name in self.names.get(term, (term,))))


def terms_in_words(records: Sequence[Record], words: Labels) -> InWords:
    """Return runs with terms such as ``x, q ≤ γ₁`` and ``pilot, mean over treated rows``: equal words are one row."""
    given = list(records)
    own = [_words(record.result, words) for record in given]
    called = [name for one in own for name in one.values()]
    if not called:
        return InWords(given, words, {})
    names: dict[str, dict[str, None]] = {}
    for record, one in zip(given, own, strict=True):
        for term in record.result.terms:
            names.setdefault(term, {})[one.get(term, term)] = None
    return InWords(
        [replace(record, result=_renamed(record.result, one)) for record, one in zip(given, own, strict=True)],
        replace(words, extra={**words.extra, **{name: name for name in called}}),
        {term: tuple(new) for term, new in names.items()},
    )


def with_regimes(words: Labels, made_of: Mapping[str, Iterable[MadeOf]]) -> Labels:
    """Return words that have those of terms of regimes, for reports that read runs once.

    ``made_of`` says what each term is made of in any run. A term that runs would call by different words keeps its
    name.
    """
    called = {term: {_slope(parts, words) for parts in every} for term, every in made_of.items()}
    one = {term: name for term, names in called.items() if len(names) == 1 for name in names}
    return replace(words, extra={**one, **words.extra}) if one else words


def of_mean(name: str, mean: str, words: Labels) -> str:
    """Return a name with what its effect is a mean of, as `Result.means` calls it; as it is where that is empty."""
    between = "，" if words.language == "zh" else ", "
    return f"{name}{between}{words.cell(MEANS[mean])}" if mean else name


def _words(result: Result, words: Labels) -> dict[str, str]:
    """Return the words of terms of regimes and of their spatial lags, of means and of event times, by their names."""
    regressors = zip(result.terms, result.roles, strict=False)
    own = {term: _slope(role.made_of, words) for term, role in regressors if any(part.regimes for part in role.made_of)}
    own |= {term: of_mean(words(term), mean, words) for term, mean in result.means.items() if term in result.terms}
    bins = result.bins
    for term, part in result.focal_levels.items() if bins else ():
        if part.number is not None and part.number in bins:
            own[term] = words(f"{part.variable}[{event_label(part.number, [result])}]")
    lags = zip(result.terms, result.roles, strict=False)
    return own | {term: f"W × [{own[role.of]}]" for term, role in lags if role.of in own}


def _slope(made_of: MadeOf, words: Labels) -> str:
    x = ":".join(spelt(part) for part in made_of if not part.regimes)
    of_q = [part for part in made_of if part.regimes]
    q = words(":".join(spelt(replace(part, level="")) for part in of_q))
    low, high = int(of_q[0].level) - 1, int(of_q[0].level)
    below = f"γ{high}".translate(_DIGITS)
    above = f"γ{low}".translate(_DIGITS)
    between = "，" if words.language == "zh" else ", "
    if high == of_q[0].regimes:
        return f"{words(x)}{between}{q} > {above}"
    return f"{words(x)}{between}{f'{above} < ' if low else ''}{q} ≤ {below}"


def _renamed(result: Result, names: Mapping[str, str]) -> Result:
    if not names:
        return result

    def called(terms: Iterable[str]) -> tuple[str, ...]:
        return tuple(names.get(term, term) for term in terms)

    effects = result.spatial_effects
    if effects is not None:
        effects = replace(effects, terms=called(effects.terms), spilling=called(effects.spilling))
    return replace(
        result,
        terms=called(result.terms),
        focal=called(result.focal),
        roles=tuple(replace(role, of=names.get(role.of, role.of)) for role in result.roles),
        spatial_effects=effects,
    )
