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
        keep = list(self.units or panel.units)
        if self.regions:
            members = _members(self.regions)
            strangers = [unit for unit in panel.units if data.province(unit) is None]
            if strangers:
                raise DataError(
                    f"sample.regions needs Chinese provinces; {listing(strangers)} is not one. Name units in sample.units."
                )
            keep = [unit for unit in keep if data.province(unit) in members]
        unknown = [unit for unit in self.without if unit not in panel.units]
        if unknown:
            raise DataError(
                f"sample.without names unknown units: {listing(unknown)}.{nearest(unknown[0], panel.units)}"
            )
        keep = [unit for unit in keep if unit not in self.without]
        return panel.select(keep, self.periods or None)


def _members(regions: tuple[str, ...]) -> set[str]:
    table = data.provinces()
    known = sorted(table["region"].unique())
    for region in regions:
        if region not in known:
            raise ConfigError(
                f"sample.regions: unknown region '{region}'.{nearest(region, known)} Regions: {listing(known)}."
            )
    return set(table.loc[table["region"].isin(regions), "province"])
