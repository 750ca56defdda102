"""Matching the labels of a panel with those of the places or files that weights are made from."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from digicarbon.data import province, provinces
from digicarbon.errors import WeightsError, listing, nearest


def as_provinces(units: Sequence[str], option: str) -> list[str]:
    """Return the English name of the province that each unit is.

    Parameters
    ----------
    units : sequence of str
        Provinces in English, in Chinese (full or short) or as adcode.
    option : str
        The option that asks, for messages, e.g. ``"w1_adjacency"``.

    Raises
    ------
    WeightsError
        If a unit is not one of the 30 provinces, or two units are the same one.
    """
    found = {unit: province(unit) for unit in units}
    strangers = [unit for unit, name in found.items() if name is None]
    if strangers:
        spellings = [*provinces()["province"], *provinces()["name_zh"]]
        raise WeightsError(
            f"weights={option} knows the 30 provinces of mainland China without Tibet; these units are none of them: "
            f"{listing(strangers)}.{nearest(strangers[0], spellings)} "
            "Correct the labels, or give your own weights with weights=matrix or weights=edges."
        )
    names = [name for name in found.values() if name is not None]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        alike = [unit for unit, name in found.items() if name == twice[0]]
        raise WeightsError(f"weights={option}: the units {listing(alike)} are all {twice[0]}; give each province once.")
    return names


def check_coverage(units: Sequence[str], known: Collection[str], file: str) -> None:
    """Raise unless ``known``, the labels of the file, has each of the panel's ``units``.

    Raises
    ------
    WeightsError
        If a unit is missing.
    """
    missing = [unit for unit in units if unit not in known]
    if missing:
        raise WeightsError(
            f"{file} lacks {listing(missing)}, which the panel has.{nearest(missing[0], known)} "
            f"Its labels are {listing(sorted(known), 40)}."
        )


def refuse_extra(units: Sequence[str], known: Collection[str], file: str) -> None:
    """Raise if ``known``, the labels of the file, has one that is not among the panel's ``units``.

    Raises
    ------
    WeightsError
        If there is such a label.
    """
    extra = sorted(set(known) - set(units))
    if extra:
        raise WeightsError(
            f"{file} has labels that are not units of the panel: {listing(extra)}.{nearest(extra[0], units)} "
            "Correct them, or set weights.extra=drop to leave them out."
        )
