"""Which effect of a variable is asked for: along what, and of which terms of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from digicarbon.diagnostic.turning_points import Slopes
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.panel import canonical, spelt
from digicarbon.result import Constituent, MadeOf

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Asked:
    """What an effect is of, and along what: a variable and a moderator as they are, not centred.

    ``with_it`` are the terms that have the variable, and what they are made of; ``moderators`` what the effect depends
    on, by name.
    """

    base: Constituent
    axis: Constituent
    with_it: Mapping[str, MadeOf]
    moderators: Mapping[str, Constituent]

    @property
    def term(self) -> str:
        """The name of the variable."""
        return spelt(self.base)

    @property
    def others(self) -> dict[str, Constituent]:
        """What the effect depends on beside the moderator."""
        return {name: part for name, part in self.moderators.items() if part != self.axis}

    def given(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return values of other variables by their names in the effect; a `ConfigError` for one it lacks."""
        others = self.others
        names = {name: _plain(canonical(name), others) for name in values}
        unknown = [name for name, plain in names.items() if plain not in others]
        if unknown:
            hint, known = suggestion(unknown[0], list(others)), cut(others or [Note("nothing")])
            raise ConfigError(Note("no_such_given", term=self.term, given=unknown[0], hint=hint, known=known))
        return {names[name]: value for name, value in values.items()}

    @property
    def together(self) -> tuple[str, ...]:
        """Variables that are in one product with the variable and the moderator: the line differs by their values."""
        products = [[part.uncentred for part in parts] for parts in self.with_it.values()]
        both = [set(parts) - {self.base, self.axis} for parts in products if self.axis in parts]
        return tuple(name for name, part in self.moderators.items() if any(part in others for others in both))


def asked_of(slopes: Slopes, term: str, along: str | None) -> Asked:
    """Return the variable, the moderator and their terms among the coefficients of a model.

    A `ConfigError` says that the term is not in the model, its effect is constant or differs by group, or the moderator
    is not clear.
    """
    bases = {
        name: part.uncentred
        for parts in slopes.values()
        for part in parts
        for name in (spelt(part.base), spelt(part.uncentred))
    }
    if term not in bases and term in slopes:
        variables = cut(dict.fromkeys(spelt(part.base) for part in slopes[term]))
        raise ConfigError(Note("term_is_product", term=term, key="diagnostic.term", variables=variables))
    if term not in bases:
        hint = suggestion(term, list(bases))
        raise ConfigError(Note("term_not_in_model", term=term, hint=hint, terms=cut(slopes, 20)))
    base, term = bases[term], spelt(bases[term])
    with_it = {name: parts for name, parts in slopes.items() if any(part.uncentred == base for part in parts)}
    groups = [name for name, parts in with_it.items() if any(part.level for part in parts)]
    if groups:
        raise ConfigError(Note("effect_by_group", term=term, terms=cut(groups)))
    powered = any(sum(part.power for part in parts if part.uncentred == base) > 1 for parts in with_it.values())
    others = dict.fromkeys(part.uncentred for parts in with_it.values() for part in parts if part.uncentred != base)
    moderators = {spelt(other): other for other in others} | ({term: base} if powered else {})
    return Asked(base, _axis(term, base, along, moderators, powered), with_it, moderators)


def _axis(
    term: str, base: Constituent, along: str | None, moderators: Mapping[str, Constituent], powered: bool
) -> Constituent:
    if not moderators:
        raise ConfigError(Note("effect_is_constant", term=term))
    if along is not None:
        name = _plain(canonical(along), moderators)
        if name not in moderators:
            hint = suggestion(name, list(moderators))
            raise ConfigError(Note("no_such_moderator", term=term, along=name, hint=hint, known=cut(moderators)))
        return moderators[name]
    if powered:
        return base
    if len(moderators) > 1:
        raise ConfigError(Note("several_moderators", term=term, known=cut(moderators)))
    return next(iter(moderators.values()))


def _plain(name: str, moderators: Mapping[str, Constituent]) -> str:
    """Return the name of a moderator, which may be given as it is centred."""
    centred = {spelt(replace(part, centred=True)): plain for plain, part in moderators.items()}
    return centred.get(name, name)
