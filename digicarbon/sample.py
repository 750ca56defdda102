"""Which units and periods of the panel a run uses."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from digicarbon import data
from digicarbon.errors import ConfigError, DataError, listing, nearest
from digicarbon.panel import Panel
from digicarbon.spec import Names, Spec


class Sample(Spec):
    """A subset of units and periods; an empty list takes all.

    Attributes
    ----------
    regions : tuple of str
        Of northeast, east, central, west: for Chinese provinces.
    units : tuple of str
        Units to keep.
    without : tuple of str
        Units to leave out.
    periods : tuple of int
        Periods to keep.
    """

    role: ClassVar[str] = "sample"

    regions: Names = ()
    units: Names = ()
    without: Names = ()
    periods: Annotated[tuple[int, ...], Field(strict=False)] = ()

    def apply(self, panel: Panel) -> Panel:
        """Return the rows of this sample.

        Raises
        ------
        DataError
            If a unit or period is unknown or nothing is left.
        ConfigError
            If a region is unknown.
        """
        for key, names in (("units", self.units), ("without", self.without)):
            unknown = [unit for unit in names if unit not in panel.units]
            if unknown:
                raise DataError(
                    f"sample.{key} names unknown units: {listing(unknown)}.{nearest(unknown[0], panel.units)} "
                    f"The panel has {listing(panel.units, 40)}."
                )
        members = self._in_regions(panel)
        keep = [unit for unit in self.units or panel.units if unit in members and unit not in self.without]
        if not keep:
            raise DataError(
                "No unit of the panel is left in the sample; loosen sample.regions, sample.units or sample.without."
            )
        return panel.select(keep, self.periods or None)

    def _in_regions(self, panel: Panel) -> set[str]:
        if not self.regions:
            return set(panel.units)
        provinces = _members(self.regions)
        strangers = [unit for unit in panel.units if data.province(unit) is None]
        if strangers:
            raise DataError(
                f"sample.regions needs Chinese provinces, but the panel has {listing(strangers)}. "
                "Name the units to keep in sample.units."
            )
        return {unit for unit in panel.units if data.province(unit) in provinces}


def _members(regions: tuple[str, ...]) -> set[str]:
    table = data.provinces()
    known = sorted(table["region"].unique())
    for region in regions:
        if region not in known:
            raise ConfigError(
                f"sample.regions: unknown region '{region}'.{nearest(region, known)} Regions: {listing(known)}."
            )
    return set(table.loc[table["region"].isin(regions), "province"])
