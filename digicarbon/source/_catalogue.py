"""The catalogue of a data folder: its files, and the file and column of each series."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, field_validator

from digicarbon.country import country
from digicarbon.spec import Pair, Spec

Value = str | int | float
_Values = Annotated[tuple[Value, ...], Field(strict=False)]


def _in_a_list(value: object) -> object:
    return (value,) if isinstance(value, str | int | float) else value


_ALSO_ALONE = BeforeValidator(_in_a_list, json_schema_input_type=Value | tuple[Value, ...])
OneOrMore = Annotated[
    tuple[str, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_in_a_list, json_schema_input_type=str | tuple[str, ...]),
]
"""A text in YAML, or a list of texts."""


def _built(value: Any, cls: type[Spec]) -> Any:
    return cls(**value) if isinstance(value, Mapping) else value


class FileEntry(Spec):
    """A file with a row per unit and year, or per unit, year and something else.

    Attributes
    ----------
    path : str
        Relative to the data folder.
    unit, time : str
        Columns of the unit's label and of the year. By default the unit's column is called as in the data sets of the
        known country.
    names : str or None
        The column that names the series, in a file with a row per unit, year and series; None: a column per series.
    value : str
        The column of the numbers, beside ``names``.
    """

    role: ClassVar[str] = "source"

    path: str
    unit: str = Field(default_factory=lambda: country().column)
    time: str = "year"
    names: str | None = None
    value: str = "value"


class SeriesEntry(Spec):
    """Where a series is.

    Attributes
    ----------
    file : str
        A name of ``source.files``.
    column : str or tuple of str
        The column; several are added up. In a file with a row per series: the name of the series in the file.
    where : mapping of str to value or list of values
        Which rows, by other columns; rows of one unit and year that a list chooses are added up.
    factor : float
        The numbers are multiplied by this to convert them to ``unit``.
    unit : str
        The unit of measurement after multiplication.
    years : (int, int) or None
        The years that can be trusted; other years of the file are left out.
    then : SeriesEntry or None
        Source of the unit-years that the file lacks.
    """

    role: ClassVar[str] = "source"

    file: str
    column: OneOrMore
    where: dict[str, Annotated[_Values, _ALSO_ALONE]] = Field(default_factory=dict)
    factor: float = 1.0
    unit: str = ""
    years: Pair | None = None
    then: SeriesEntry | None = None

    @field_validator("then", mode="before")
    @classmethod
    def _built_then(cls, value: Any) -> Any:
        return _built(value, cls)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that the series comes from."""
        return (self.file, *(self.then.files if self.then else ()))


class TablesEntry(Spec):
    """Where input-output tables are: two files in long form.

    Attributes
    ----------
    flows : str
        A name of ``source.files``: a row per purchase, with the columns from_sector and to_sector. Flows between units
        have the sellers and the buyers in the columns of the file's ``unit`` after ``from_`` and ``to_``.
    sectors : str
        A name of ``source.files``: a row per sector.
    flow, value_added, output : str
        Columns of the numbers, in 10k CNY.
    names : str or None
        A name of ``source.files`` (a file without units): the names of sectors, if the tables identify them by number.
    name : str
        The column of the name in that file; the number is in the column ``sector``.
    """

    role: ClassVar[str] = "source"

    flows: str
    sectors: str
    flow: str = "flow"
    value_added: str = "value_added"
    output: str = "output"
    names: str | None = None
    name: str = "name"

    @property
    def files(self) -> tuple[str, ...]:
        """The names of all files that the tables come from."""
        return (self.flows, self.sectors, *((self.names,) if self.names else ()))


def _file(value: Any) -> Any:
    return FileEntry(path=value) if isinstance(value, str) else _built(value, FileEntry)


FileNode = Annotated[FileEntry, BeforeValidator(_file, json_schema_input_type=str | FileEntry)]
"""A file in YAML: its path, or a mapping of the fields of `FileEntry`."""
SeriesNodes = dict[str, Annotated[SeriesEntry, BeforeValidator(partial(_built, cls=SeriesEntry))]]
"""Series in YAML, by name."""
TablesNode = Annotated[TablesEntry, BeforeValidator(partial(_built, cls=TablesEntry))]
"""Input-output tables in YAML."""
