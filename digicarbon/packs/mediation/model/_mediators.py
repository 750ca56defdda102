"""Which terms can be mediators, and at which values of other variables effects through them are taken."""

from __future__ import annotations

from collections.abc import Sequence

from digicarbon.note import Note, cut
from digicarbon.panel import parse, without_logarithms
from digicarbon.panel._terms import Atom, Factor


def fault(mediators: Sequence[str], y: str, x: Sequence[str], controls: Sequence[str], key: str) -> Note | None:
    """Return why terms of the field ``key`` cannot be mediators; None if they can.

    A mediator is a variable that x moves, as it is, lagged or logged: no power and no product, whose path would be one
    of several that change together, and nothing that is made of x, of another mediator in the same period, or of the
    outcome in the same or a later one.
    """
    if not mediators:
        return Note("mediation_without_mediators", key=key)
    by = {y: "y", **dict.fromkeys(x, "x"), **dict.fromkeys(controls, "controls")}
    of_x = {_variables(term)[0]: term for term in reversed(x) if len(_factors(term)) == 1}
    of_others: dict[tuple[str, int], str] = {}
    for place, term in enumerate(mediators):
        if term in mediators[:place]:
            return Note("named_twice_in_field", key=key, term=term)
        if term in by:
            return Note("named_in_two_fields", key=key, term=term, other=f"model.{by[term]}")
        factors = _factors(term)
        if len(factors) > 1 or factors[0].power > 1:
            return Note("mediator_is_product", key=key, term=term)
        (own,) = _variables(term)
        atom = factors[0].atom
        if _earlier(term, y) is False:
            return Note("mediator_of_outcome", key=key, term=term, y=y)
        same = [of_others.setdefault((own, lag), term) for lag in atom.weights]
        other = of_x.get(own) or next((one for one in same if one != term), None)
        if other is not None:
            return Note("mediator_is_made_of", key=key, term=term, other=other)
    names = {variable for term in mediators for variable in _variables(term)}
    for term in (*x, *controls):
        factors = _factors(term)
        if (len(factors) > 1 or factors[0].power > 1) and names & set(_variables(term)):
            inside = next(one for one in mediators if _variables(one)[0] in _variables(term))
            return Note("product_with_mediator", key=key, term=term, mediator=inside)
    return None


def _earlier(term: str, y: str) -> bool | None:
    """Return whether a term has the outcome of earlier periods only; None if it is another variable."""
    lags = [
        {lag for factor in _factors(one) if _variable(factor) == _variables(y)[0] for lag in factor.atom.weights}
        for one in (term, y)
    ]
    return min(lags[0]) > max(lags[1]) if lags[0] else None


def earlier_outcomes(mediators: Sequence[str], y: str) -> tuple[Note, ...]:
    """Return a note on mediators that are the outcome of earlier periods, if there are any."""
    found = [term for term in mediators if _earlier(term, y)]
    return (Note("mediators_of_lagged_y", mediators=cut(found)),) if found else ()


def at_zero(x: Sequence[str], controls: Sequence[str]) -> tuple[Note, ...]:
    """Return at which values effects are those of x: where a product or a power of it is in the model, else nothing.

    Where the product or power is in the model without x, its effects are those of the product.
    """
    alone = _alone(x, controls)
    found: dict[str, dict[str, None]] = {}
    products: dict[str, None] = {}
    for focal in x:
        (single, *more) = _factors(focal)
        if more or single.power > 1 or single.dummies:
            continue
        for term in (*x, *controls):
            factors = _factors(term)
            own = [factor for factor in factors if factor.atom.uncentred == single.atom.uncentred]
            others = [factor for factor in factors if factor not in own]
            if own and (others or own[0].power > 1):
                names = [_spelt(factor) for factor in others] or [own[0].atom.name]
                found.setdefault(focal, {}).update(dict.fromkeys(names))
                products[term] = None
    there = dict.fromkeys(name for own in found.values() for name in own)
    beside = (Note("mediation_at_zero", x=cut(found), names=cut(there), products=cut(products)),) if found else ()
    return (*beside, *alone)


def _alone(x: Sequence[str], controls: Sequence[str]) -> tuple[Note, ...]:
    """Return a note on focal products and powers of variables that have no term of their own."""
    every = [_factors(term) for term in (*x, *controls)]
    single = {own[0].atom.uncentred for own in every if len(own) == 1 and own[0].power == 1}
    found: dict[str, None] = {}
    missing: dict[str, None] = {}
    for term in x:
        factors = _factors(term)
        atoms = [factor.atom for factor in factors]
        lacking = [atom.name for atom in atoms if atom.uncentred not in single]
        # with dummies of all levels a slope of each level is no product beside a slope
        if (len(factors) > 1 or factors[0].power > 1) and lacking and not any(one.dummies for one in factors):
            found[term] = None
            missing |= dict.fromkeys(lacking)
    return (Note("mediation_product_alone", x=cut(found), names=cut(missing)),) if found else ()


def _factors(term: str) -> tuple[Factor, ...]:
    return parse(term) or (Factor(Atom(term)),)


def _variables(term: str) -> tuple[str, ...]:
    """Return the variables in a term, without logarithms."""
    return tuple(map(_variable, _factors(term)))


def _variable(factor: Factor) -> str:
    return without_logarithms(factor.atom.variable)


def _spelt(factor: Factor) -> str:
    return f"C({factor.atom.variable})" if factor.dummies else factor.atom.name
