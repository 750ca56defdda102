"""Raw inputs put together from the files of a data folder."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Self

import pandas as pd
from pydantic import Field, model_validator

from digicarbon.errors import DataError, listing, nearest
from digicarbon.note import Note, cut
from digicarbon.note.recorded import recognised
from digicarbon.source._catalogue import FileEntry, FileNode, SeriesEntry, SeriesNodes, TablesNode
from digicarbon.source._checks import checked
from digicarbon.source._extent import extent_of
from digicarbon.source._shelf import KEYS, VINTAGES, Shelf
from digicarbon.source._table_files import table_halves
from digicarbon.source._tables import io_tables
from digicarbon.source.base import TABLES, InputFile, Inputs, Source
from digicarbon.source.validation import BROKEN
from digicarbon.spec import Names, Pair


class FolderSource(Source):
    """Series, input-output tables and polygons of a data folder, named by a catalogue.

    The catalogue says which column of which file each series is, so that files written by ``digicarbon data import``
    and anybody's own tidy files load alike. A file that is not there gives no series, unless one of them is
    ``required``. Provinces are matched by their English or Chinese name or adcode. Rows are all chosen units by all
    chosen years; what a file does not have is missing, and the panel's to refuse.

    Attributes
    ----------
    name : str
        What messages call the source.
    folder : str
        A relative path starts at the working directory.
    files : mapping of str to FileEntry
        Names for files; a mere text is the path.
    series : mapping of str to SeriesEntry
        By the name that measures, outcomes and models use.
    vintage : str
        Which of ``vintages``; also which rows of files that have a column ``vintage``.
    vintage_fallback : bool
        Whether a series of which such a file has no row of the vintage is taken from the vintage that it has, all its
        years, and a note says so; never a ``required`` one.
    vintages : mapping of str to mapping of str to SeriesEntry
        Further series by vintage, e.g. GDP and population.
    energy : str or None
        Which of ``energies``; None for none.
    energies : mapping of str to mapping of str to SeriesEntry
        Further series by account of energy use.
    further : tuple of str
        Names of ``files``, or paths (relative to the folder or to the working directory), all series of which come in
        as they are.
    io : str or None
        Which of ``tables``; None for none.
    tables : mapping of str to TablesEntry
        Input-output tables.
    geometry : str or None
        A file of polygons, relative to the folder.
    required : tuple of str
        Series that must be there; they decide the units and, by default, the years.
    years : (int, int) or None
        First and last year; None: all years in which every required series has a value somewhere (without required
        series: in which any series has).
    units : tuple of str
        Units; empty: all that have a value of every required series in these years.
    cite : tuple of str
        Sentences that belong under every table, e.g. what to cite.
    controls
        As in `Source`.
    """

    no_numbers: ClassVar[tuple[str, ...]] = (*Source.no_numbers, "folder", "name", "cite", "geometry")

    name: str = "folder"
    folder: str
    files: dict[str, FileNode] = Field(default_factory=dict)
    series: SeriesNodes = Field(default_factory=dict)
    vintage: str = "revised"
    vintage_fallback: bool = True
    vintages: dict[str, SeriesNodes] = Field(default_factory=dict)
    energy: str | None = None
    energies: dict[str, SeriesNodes] = Field(default_factory=dict)
    further: Names = ()
    io: str | None = None
    tables: dict[str, TablesNode] = Field(default_factory=dict)
    geometry: str | None = None
    required: Names = ()
    years: Pair | None = None
    units: Names = ()
    cite: Names = ()

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        choices = (
            ("vintage", self.vintage if self.vintages else None, self.vintages),
            ("energy", self.energy, self.energies),
            ("io", self.io, self.tables),
        )
        for key, chosen, known in choices:
            if chosen is not None and chosen not in known:
                raise ValueError(
                    f"{key} is '{chosen}', which this source does not have.{nearest(chosen, known)} "
                    f"Allowed: {listing(known) or 'none'}."
                )
        return self

    @model_validator(mode="after")
    def _check_files(self) -> Self:
        named = {f"series.{name}": entry.files for name, entry in self.catalogue.items()}
        named |= {f"tables.{name}": entry.files for name, entry in self.tables.items()}
        for key, files in named.items():
            unknown = [file for file in files if file not in self.files]
            if unknown:
                raise ValueError(
                    f"{key} is in a file '{unknown[0]}' that files does not list.{nearest(unknown[0], self.files)} "
                    f"Files: {listing(self.files, 20)}."
                )
        return self

    @model_validator(mode="after")
    def _check_years(self) -> Self:
        if self.years is not None and self.years[0] > self.years[1]:
            raise ValueError(f"years runs from {self.years[0]} back to {self.years[1]}; write the first year first.")
        return self

    @property
    def catalogue(self) -> Mapping[str, SeriesEntry]:
        """The series of the chosen vintage and energy account, by name."""
        chosen = self.energies[self.energy] if self.energy is not None else {}
        return {**self.series, **self.vintages.get(self.vintage, {}), **chosen}

    def whole(self) -> Self:
        """Return the same source without limits: all series and tables that there are, in all years and units."""
        folder = Path(self.folder)
        there = (
            name
            for name, entry in self.tables.items()
            if all((folder / self.files[file].path).is_file() for file in entry.files)
        )
        io = self.io if self.io is not None else next(there, None)
        return self.model_copy(update={"required": (), "years": None, "units": (), "io": io})

    def load(self) -> Inputs:
        """Read the files.

        Returns
        -------
        Inputs
            A row per chosen unit and year, ordered by unit, then year.

        Raises
        ------
        DataError
            If the folder, a required series, a column or the polygons are missing, no file is there, a cell is no
            number, a unit and year stands twice, two files have a series of the same name, or units or years are not
            in the files; or if the checks of `digicarbon.source.validation` find an error.
        """
        shelf = self._shelf()
        found, absent = self._found(shelf)
        table = pd.DataFrame(found).rename_axis(KEYS)
        extent = extent_of(table, self.required, self.years, self.units, f"source={self.name}")
        halves = self._halves(shelf)
        inputs = Inputs(
            table.reindex(extent.index).reset_index(),
            source=self.name,
            unit_name="province",
            time_name="year",
            tables={} if halves is None else io_tables(*halves),
            notes=(
                *self._vintage_note(),
                *shelf.vintage_notes(),
                *shelf.notes,
                *extent.notes,
                # a citation that is known has Chinese words
                *map(recognised, (*self.cite, *shelf.citations())),
            ),
            files=(*shelf.records(), *self._polygons()),
            units=self._units_of_measurement(shelf, list(found)),
            absent=absent,
            geometry="" if self.geometry is None else str(Path(self.folder, self.geometry).absolute()),
        )
        return checked(
            inputs, shelf.datasets(), halves, self._tolerance(shelf), f"digicarbon data check {self._word()}"
        )

    def _shelf(self) -> Shelf:
        folder = Path(self.folder)
        if not folder.is_dir():
            raise DataError(
                f"source.folder: there is no folder {folder.absolute()}. Name the one that holds the data; the shipped "
                "sources of real data look into the folder that the environment variable DIGICARBON_DATA names, which "
                "holds china/; source=simulated works without files."
            )
        others: dict[str, FileEntry] = {}
        for name in self.further:
            if name not in self.files:
                there = [place for place in (folder / name, Path(name)) if place.is_file()]
                if not there:
                    raise DataError(
                        f"source.further: '{name}' is neither one of source.files "
                        f"({listing(self.files, 20) or 'none'}) nor a file in {folder.absolute()} or in the working "
                        f"directory {Path.cwd()}.{nearest(name, self.files)}"
                    )
                others[name] = FileEntry(path=str(there[0].absolute()))
        return Shelf(folder, {**self.files, **others}, self.vintage, self.vintage_fallback, self.required)

    def _found(self, shelf: Shelf) -> tuple[dict[str, pd.Series[float]], dict[str, str]]:
        """Return every series that there is, and how to come by the others that the catalogue knows."""
        found: dict[str, pd.Series[float]] = {}
        absent = self._by_other_choices()
        for name, entry in self.catalogue.items():
            if shelf.has(entry.file):
                found[name] = shelf.series(name, entry)
            else:
                absent[name] = f"It would be in the file {self.files[entry.file].path}, which is not there."
        for file in self.further:
            if shelf.has(file):
                more = shelf.every_series(file)
                self._refuse_both(file, found, more)
                found |= more
        absent |= shelf.other_vintages
        lacking = [name for name in self.required if name not in found]
        if lacking or not found:
            raise DataError(self._lacking(lacking, found, absent))
        return found, {name: remedy for name, remedy in absent.items() if name not in found}

    def _by_other_choices(self) -> dict[str, str]:
        """Return by which choice of vintage, energy account or tables more could be had, as sentences."""
        remedies: dict[str, str] = {}
        for key, choices in (("vintage", self.vintages), ("energy", self.energies)):
            for name in dict.fromkeys(name for entries in choices.values() for name in entries):
                having = " or ".join(option for option, entries in choices.items() if name in entries)
                remedies[name] = f"Set source.{key}={having}."
        if self.io is None and self.tables:
            remedies[TABLES] = f"Set source.io={' or '.join(self.tables)}."
        return remedies

    def _refuse_both(self, file: str, found: Mapping[str, object], more: Mapping[str, object]) -> None:
        both = [name for name in more if name in found]
        if both:
            raise DataError(
                f"source.further: {file} has the series {listing(both)}, which source={self.name} has from another "
                f"file; take that out with ~source.series.{both[0]}, or give {file} as one of source.files and each of "
                "its series a name in source.series."
            )

    def _word(self) -> str:
        """Return what `digicarbon data check` takes for this source."""
        return (
            shlex.quote(self.folder)
            if self.name == FolderSource.model_fields["name"].default
            else f"source={self.name}"
        )

    def _lacking(self, lacking: list[str], found: Mapping[str, object], absent: Mapping[str, str]) -> str:
        folder = Path(self.folder).absolute()
        if not found:
            paths = listing((entry.path for entry in self.files.values()), 20) or "none"
            return (
                f"source={self.name}: the folder {folder} has none of the files of source.files: {paths}. Import raw "
                "files with `digicarbon data import`, or name your own in source.files."
            )
        name = lacking[0]
        if name in absent:
            return (
                f"source.required: {name} is not in the folder {folder}. {absent[name]} Add what is missing, or "
                "require other series."
            )
        return f"source.required: there is no series '{name}'.{nearest(name, found)} Series: {listing(found, 40)}."

    def _halves(self, shelf: Shelf) -> tuple[pd.DataFrame, pd.DataFrame] | None:
        """Return flows and sectors of the chosen input-output tables."""
        if self.io is None:
            return None
        entry = self.tables[self.io]
        lacking = [shelf.files[file].path for file in entry.files if not shelf.has(file)]
        if lacking:
            raise DataError(
                f"source.io={self.io}: the folder {Path(self.folder).absolute()} has no file {listing(lacking)}. "
                "Import the tables with `digicarbon data import`, or set source.io=null."
            )
        return table_halves(shelf, entry)

    def _tolerance(self, shelf: Shelf) -> float:
        """Return how far input-output tables may be off: what their import has allowed."""
        files = () if self.io is None else self.tables[self.io].files
        return max((shelf.tolerance(file) for file in files), default=BROKEN)

    def _polygons(self) -> tuple[InputFile, ...]:
        if self.geometry is None:
            return ()
        path = Path(self.folder, self.geometry)
        if not path.is_file():
            raise DataError(
                f"source.geometry: there is no file {path.absolute()}; set source.geometry=null without one."
            )
        return (InputFile.of(path, ("geometry",)),)

    def _vintage_note(self) -> tuple[Note, ...]:
        names = self.vintages.get(self.vintage)
        vintage = VINTAGES.get(self.vintage, self.vintage)
        return (Note("of_vintage", vintage=vintage, series=cut(names, 12)),) if names else ()

    def _units_of_measurement(self, shelf: Shelf, found: Iterable[str]) -> dict[str, str]:
        own = {name: entry.unit for name, entry in self.catalogue.items()}
        imported = {name: unit for file in self.further for name, unit in shelf.units_of_measurement(file).items()}
        return {name: own.get(name) or imported.get(name, "") for name in found}
