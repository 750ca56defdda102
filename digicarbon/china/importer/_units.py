"""The statistics bureau's indicators: plain names, one unit per series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from digicarbon import data
from digicarbon.china import facts
from digicarbon.errors import DataError, listing


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
    def conversion(self) -> str:
        """What is done to the numbers, in words; empty if nothing."""
        if self.multiplier != 1:
            return f"multiplied by {self.multiplier:.12g}"
        return f"divided by {self.divisor:.12g}" if self.divisor != 1 else ""


def indicator(name: str, unit: str, named: Mapping[str, str], place: str) -> Indicator:
    """Return the series that an indicator becomes, and how its numbers are converted.

    Parameters
    ----------
    name : str
        The bureau's name without its unit.
    unit : str
        The unit as the table prints it; empty if it does not.
    named : mapping of str to str
        Names that the user chose, by the bureau's name (with or without its unit).
    place : str
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
        raise DataError(
            f"{place}: '{name}' has no unit. It becomes the series {series} in {target}; say which unit the table is "
            "in, e.g. unit=亿元."
        )
    sizes = data.units().set_index("unit")
    quantity = sizes["quantity"].to_dict()
    # 10 000 tonnes stand as 万吨 and as 万 吨
    spelled = unit.replace(" ", "") if unit not in quantity else unit
    if quantity.get(spelled) != quantity[target]:
        same = sizes.index[sizes["quantity"] == quantity[target]]
        raise DataError(
            f"{place}: '{name}' is in '{unit}', which cannot become {target}, the unit of the series {series}. Known "
            f"units: {listing(same, 12)}. To keep it as it is, give it a name of its own: series={{'{name}': my_name}}."
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
