"""Raw inputs from the files of a data folder."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

import pandas as pd
from pydantic import Field, model_validator

from digicarbon.country import country
from digicarbon.data import note_words
from digicarbon.errors import DataError
from digicarbon.note import Note, cut, note_of, suggestion
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
    """Series, input-output tables and polygons of a data folder, found through a catalogue.

    The catalogue names the file and the column of each series, so that files written by ``digicarbon data import``
    and users' own tidy files load alike. Series of a file that does not exist are absent, which is an error only if
    they are ``required``. Units of a known country are matched in all their spellings. There is a row for each
    chosen unit and year; values that no file has are missing, and the panel decides whether to refuse them. A unit is
    called as the known country calls its own, else as its column in the first file that is read.

    Attributes
    ----------
    name : str
        What messages call the source.
    folder : str
        A relative path starts at the working directory.
    files : mapping of str to FileEntry
        Names for files; a text instead of a mapping is the path.
    series : mapping of str to SeriesEntry
        By the name that measures, outcomes and models use.
    vintage : str
        The one of ``vintages`` to use; also selects the rows of files that have a column ``vintage``.
    vintage_fallback : bool
        Whether a series without any row of the vintage in such a file is taken, in all years, from another vintage; a
        note says so. Never applies to a ``required`` series.
    vintages : mapping of str to mapping of str to SeriesEntry
        Further series by vintage, e.g. GDP and population.
    energy : str or None
        The one of ``energies`` to use; None for none.
    energies : mapping of str to mapping of str to SeriesEntry
        Further series by account of energy use.
    further : tuple of str
        Names of ``files``, or paths (relative to the folder or to the working directory); all their series are added
        under their own names.
    io : str or None
        The one of ``tables`` to use; None for none.
    tables : mapping of str to TablesEntry
        Input-output tables.
    geometry : str or None
        A file of polygons, relative to the folder.
    required : tuple of str
        Series that must be there; they decide the units and, by default, the years.
    years : (int, int) or None
        First and last year; None: from the first to the last year in which every required series has a value for some
        unit (without required series: in which any series has one).
    units : tuple of str
        Units; empty: all with a value of every required series in these years.
    cite : tuple of str
        Sentences that belong under every table, e.g. what to cite; or the name of a shipped one, which has Chinese
        words, e.g. ``ceads_citation``.
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
                    Note(
                        "source_choice_unknown",
                        key=key,
                        chosen=chosen,
                        hint=suggestion(chosen, known),
                        allowed=cut(known) or Note("word_none"),
                    )
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
                    Note(
                        "source_file_not_listed",
                        key=key,
                        file=unknown[0],
                        hint=suggestion(unknown[0], self.files),
                        files=cut(self.files, 20),
                    )
                )
        return self

    @model_validator(mode="after")
    def _check_years(self) -> Self:
        if self.years is not None and self.years[0] > self.years[1]:
            raise ValueError(Note("years_run_back", key="years", first=self.years[0], last=self.years[1]))
        return self

    @property
    def catalogue(self) -> Mapping[str, SeriesEntry]:
        """The series of the chosen vintage and energy account, by name."""
        chosen = self.energies[self.energy] if self.energy is not None else {}
        return {**self.series, **self.vintages.get(self.vintage, {}), **chosen}

    def whole(self) -> Self:
        """Return the same source without limits: all series and tables that exist, in all years and units."""
        folder = Path(self.folder)
        complete = (
            name
            for name, entry in self.tables.items()
            if all((folder / self.files[file].path).is_file() for file in entry.files)
        )
        io = self.io if self.io is not None else next(complete, None)
        return self.model_copy(update={"required": (), "years": None, "units": (), "io": io})

    def load(self) -> Inputs:
        """Read the files: a row per chosen unit and year, ordered by unit, then year.

        Raises DataError if the folder, a required
        series, a column or the polygons are missing, no file exists, a cell is no number, a unit and year occurs twice,
        two files have a series of the same name, or units or years are not in the files; or if the checks of
        `digicarbon.source.validation` find an error.
        """
        shelf = self._shelf()
        series, absent = self._all_series(shelf)
        table = pd.DataFrame(series).rename_axis(KEYS)
        extent = extent_of(table, self.required, self.years, self.units, self.name)
        halves = self._halves(shelf)
        inputs = Inputs(
            table.reindex(extent.index).reset_index(),
            source=self.name,
            unit_name=_unit_name(shelf, extent.index),
            time_name="year",
            tables={} if halves is None else io_tables(*halves),
            notes=(
                *self._vintage_note(),
                *shelf.vintage_notes(),
                *shelf.notes,
                *extent.notes,
                *(Note.from_json({"code": text}) if text in note_words() else note_of(text) for text in self.cite),
                *map(note_of, shelf.citations()),
            ),
            files=(*shelf.records(), *self._polygons()),
            units=self._units_of_measurement(shelf, list(series)),
            absent=absent,
            geometry="" if self.geometry is None else str(Path(self.folder, self.geometry).absolute()),
        )
        return checked(
            inputs, shelf.datasets(), halves, self._tolerance(shelf), f"digicarbon data check {self._word()}"
        )

    def _shelf(self) -> Shelf:
        folder = Path(self.folder)
        if not folder.is_dir():
            raise DataError(Note("no_data_folder", key="source.folder", folder=folder.absolute()))
        others: dict[str, FileEntry] = {}
        for name in self.further:
            if name not in self.files:
                paths = [place for place in (folder / name, Path(name)) if place.is_file()]
                if not paths:
                    raise DataError(
                        Note(
                            "no_further_file",
                            key="source.further",
                            file=name,
                            files=cut(self.files, 20) or Note("word_none"),
                            folder=folder.absolute(),
                            here=Path.cwd(),
                            hint=suggestion(name, self.files),
                        )
                    )
                others[name] = FileEntry(path=str(paths[0].absolute()))
        return Shelf(folder, {**self.files, **others}, self.vintage, self.vintage_fallback, self.required)

    def _all_series(self, shelf: Shelf) -> tuple[dict[str, pd.Series[float]], dict[str, Note]]:
        """Return every series that exists, and how to get the others of the catalogue."""
        series: dict[str, pd.Series[float]] = {}
        absent = self._by_other_choices()
        for name, entry in self.catalogue.items():
            if shelf.has(entry.file):
                series[name] = shelf.series(name, entry)
            else:
                absent[name] = Note("in_absent_file", file=self.files[entry.file].path)
        for file in self.further:
            if shelf.has(file):
                more = shelf.every_series(file)
                self._refuse_same_name(file, series, more)
                series |= more
        absent |= shelf.other_vintages
        missing = [name for name in self.required if name not in series]
        if missing or not series:
            raise DataError(self._missing_note(missing, series, absent))
        return series, {name: remedy for name, remedy in absent.items() if name not in series}

    def _by_other_choices(self) -> dict[str, Note]:
        """Return the choice of vintage, energy account or tables that offers each series."""
        remedies: dict[str, Note] = {}
        for key, choices in (("vintage", self.vintages), ("energy", self.energies)):
            for name in dict.fromkeys(name for entries in choices.values() for name in entries):
                options = [option for option, entries in choices.items() if name in entries]
                remedies[name] = Note("set_source_choice", key=f"source.{key}", options=_either(options))
        if self.io is None and self.tables:
            remedies[TABLES] = Note("set_source_choice", key="source.io", options=_either(list(self.tables)))
        return remedies

    def _refuse_same_name(self, file: str, series: Mapping[str, object], more: Mapping[str, object]) -> None:
        both = [name for name in more if name in series]
        if both:
            raise DataError(
                Note(
                    "series_of_two_files",
                    key="source.further",
                    file=file,
                    series=cut(both),
                    source=self.name,
                    first=both[0],
                )
            )

    def _word(self) -> str:
        """Return the argument with which `digicarbon data check` checks this source."""
        return (
            shlex.quote(self.folder)
            if self.name == FolderSource.model_fields["name"].default
            else f"source={self.name}"
        )

    def _missing_note(self, missing: list[str], series: Mapping[str, object], absent: Mapping[str, Note]) -> Note:
        folder = Path(self.folder).absolute()
        if not series:
            files = cut((entry.path for entry in self.files.values()), 20) or Note("word_none")
            return Note("folder_without_files", group="source", source=self.name, folder=folder, files=files)
        name = missing[0]
        if name in absent:
            return Note(
                "required_not_in_folder", key="source.required", series=name, folder=folder, remedy=absent[name]
            )
        return Note(
            "required_unknown", key="source.required", series=name, hint=suggestion(name, series), known=cut(series, 40)
        )

    def _halves(self, shelf: Shelf) -> tuple[pd.DataFrame, pd.DataFrame] | None:
        """Return flows and sectors of the chosen input-output tables."""
        if self.io is None:
            return None
        entry = self.tables[self.io]
        missing = [shelf.files[file].path for file in entry.files if not shelf.has(file)]
        if missing:
            raise DataError(
                Note(
                    "folder_without_tables",
                    key="source.io",
                    value=self.io,
                    folder=Path(self.folder).absolute(),
                    files=cut(missing),
                )
            )
        return table_halves(shelf, entry)

    def _tolerance(self, shelf: Shelf) -> float:
        """Return by how much input-output tables may be out of balance, as their import allowed."""
        files = () if self.io is None else self.tables[self.io].files
        return max((shelf.tolerance(file) for file in files), default=BROKEN)

    def _polygons(self) -> tuple[InputFile, ...]:
        if self.geometry is None:
            return ()
        path = Path(self.folder, self.geometry)
        if not path.is_file():
            raise DataError(Note("no_geometry", key="source.geometry", file=path.absolute()))
        return (InputFile.of(path, ("geometry",)),)

    def _vintage_note(self) -> tuple[Note, ...]:
        names = self.vintages.get(self.vintage)
        vintage = VINTAGES.get(self.vintage, self.vintage)
        return (Note("of_vintage", vintage=vintage, series=cut(names, 12)),) if names else ()

    def _units_of_measurement(self, shelf: Shelf, names: Iterable[str]) -> dict[str, str]:
        own = {name: entry.unit for name, entry in self.catalogue.items()}
        imported = {name: unit for file in self.further for name, unit in shelf.units_of_measurement(file).items()}
        return {name: own.get(name) or imported.get(name, "") for name in names}


def _unit_name(shelf: Shelf, index: pd.MultiIndex) -> str:
    """Return what messages and tables call a unit of some units and years."""
    home = country()
    units = list(map(str, index.get_level_values("unit").unique()))
    return shelf.files[next(iter(shelf.taken))].unit if home.strangers(units) else home.noun


def _either(options: Sequence[str]) -> Note | str:
    """Return options joined by "or"."""
    first, *others = options
    return Note("one_or_other", first=first, others=_either(others)) if others else first
