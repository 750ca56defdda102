"""The statistics bureau's indicators: plain names, one unit per series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from digicarbon import data
from digicarbon.china import facts
from digicarbon.errors import DataError
from digicarbon.note import Note, cut


@dataclass(frozen=True)
class Indicator:
    """An indicator as a panel takes it.

    Attributes
    ----------
    series : str
        Its name in a panel.
    unit : str
        The unit after conversion.
    multiplier, divisor : float
        Which of them is not one turns the table's unit into ``unit``; a division by ten thousand is exact where a
        product with 0.0001 is not.
    """

    series: str
    unit: str
    multiplier: float = 1.0
    divisor: float = 1.0

    @property
    def conversion(self) -> Note | None:
        """What is done to the numbers; None if nothing."""
        if self.multiplier != 1:
            return Note("nbs_multiplied", by=self.multiplier)
        return Note("nbs_divided", by=self.divisor) if self.divisor != 1 else None


def indicator(name: str, unit: str, named: Mapping[str, str], place: Note) -> Indicator:
    """Return the series that an indicator becomes, and how its numbers are converted.

    Parameters
    ----------
    name : str
        The bureau's name without its unit.
    unit : str
        The unit as the table prints it; empty if it does not.
    named : mapping of str to str
        Names that the user chose, by the bureau's name (with or without its unit).
    place : Note
        Where the indicator stands, for messages.

    Returns
    -------
    Indicator
        A known series in its own unit; any other indicator under the bureau's name in the table's unit.

    Raises
    ------
    DataError
        If the unit of a known series is missing, unknown or measures something else.
    """
    chosen = named.get(name) or named.get(f"{name}({unit})")
    series = chosen or _known().get(name, name)
    target = _targets().get(series)
    if target is None:
        return Indicator(series, unit)
    if not unit:
        raise DataError(Note("nbs_no_unit", where=place, indicator=name, series=series, unit=target))
    sizes = data.units().set_index("unit")
    quantity = sizes["quantity"].to_dict()
    # 10 000 tonnes stand as 万吨 and as 万 吨
    spelled = unit.replace(" ", "") if unit not in quantity else unit
    if quantity.get(spelled) != quantity[target]:
        same = sizes.index[sizes["quantity"] == quantity[target]]
        raise DataError(
            Note(
                "nbs_other_unit",
                where=place,
                indicator=name,
                stated=unit,
                unit=target,
                series=series,
                known=cut(same, 12),
                example=f"series={{'{name}': my_name}}",
            )
        )
    given, wanted = float(sizes["size"][spelled]), float(sizes["size"][target])
    if given >= wanted:
        return Indicator(series, target, multiplier=given / wanted)
    return Indicator(series, target, divisor=wanted / given)


@cache
def _known() -> Mapping[str, str]:
    table = facts.indicators()
    return dict(zip(table["indicator"], table["series"], strict=True))


@cache
def _targets() -> Mapping[str, str]:
    table = facts.indicators()
    return dict(zip(table["series"], table["unit"], strict=True))
