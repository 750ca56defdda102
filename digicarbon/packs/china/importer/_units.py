"""The statistics bureau's indicators: plain names, one unit per series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from digicarbon import data
from digicarbon.errors import DataError
from digicarbon.note import Note, cut
from digicarbon.packs.china import facts


@dataclass(frozen=True)
class Indicator:
    """An indicator as a series of a panel."""

    series: str
    """Its name in a panel."""
    unit: str
    """The unit after conversion."""
    multiplier: float = 1.0
    divisor: float = 1.0
    """`multiplier`, `divisor`: they turn the table's unit into ``unit``; one of them is 1, because a division by ten
    thousand is exact and a product with 0.0001 is not."""

    @property
    def conversion(self) -> Note | None:
        """The note on the conversion of the numbers; None if there is none."""
        if self.multiplier != 1:
            return Note("nbs_multiplied", by=self.multiplier)
        return Note("nbs_divided", by=self.divisor) if self.divisor != 1 else None


def indicator(name: str, unit: str, user_names: Mapping[str, str], where: Note) -> Indicator:
    """Return a known series in its own unit, any other indicator under the bureau's name in the table's unit.

    ``name``: the bureau's, without its unit. ``unit``: as the table prints it; empty if there is none. ``user_names``:
    names that the user chose, by the bureau's name (with or without its unit). ``where``: the cell of a figure, for
    messages. Raises DataError if the unit of a known series is missing, unknown or measures something else.
    """
    user_name = user_names.get(name) or user_names.get(f"{name}({unit})")
    series = user_name or _known().get(name, name)
    target = _targets().get(series)
    if target is None:
        return Indicator(series, unit)
    if not unit:
        raise DataError(Note("nbs_no_unit", where=where, indicator=name, series=series, unit=target))
    sizes = data.units().set_index("unit")
    quantity = sizes["quantity"].to_dict()
    # 10 000 tonnes are written 万吨 or 万 吨
    spelled = unit.replace(" ", "") if unit not in quantity else unit
    if quantity.get(spelled) != quantity[target]:
        same = sizes.index[sizes["quantity"] == quantity[target]]
        raise DataError(
            Note(
                "nbs_other_unit",
                where=where,
                indicator=name,
                stated=unit,
                unit=target,
                series=series,
                known=cut(same, 12),
                example=f"series={{'{name}': my_name}}",
            )
        )
    size, target_size = float(sizes["size"][spelled]), float(sizes["size"][target])
    if size >= target_size:
        return Indicator(series, target, multiplier=size / target_size)
    return Indicator(series, target, divisor=target_size / size)


@cache
def _known() -> Mapping[str, str]:
    table = facts.indicators()
    return dict(zip(table["indicator"], table["series"], strict=True))


@cache
def _targets() -> Mapping[str, str]:
    table = facts.indicators()
    return dict(zip(table["series"], table["unit"], strict=True))
