"""What a source delivers, and the kind of specification that loads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd

from digicarbon.arrays import FloatArray
from digicarbon.errors import DataError
from digicarbon.note import Note, cut, suggestion
from digicarbon.source.datafolder import file_hash
from digicarbon.source.validation import Finding
from digicarbon.spec import Names, Spec

TABLES = "input-output tables"
"""The name under which input-output tables are recorded among the series of a file."""


@dataclass(frozen=True, eq=False)
class InputOutputTable:
    """A unit's input-output table in producers' prices."""

    sectors: tuple[str, ...]
    """Names of the n sectors."""
    flows: FloatArray
    """Intermediate use, shape (n, n); ``flows[i, j]`` is what sector j buys from sector i, 10k CNY."""
    value_added: FloatArray
    output: FloatArray
    """`value_added`, `output`: value added and total output (= total input), 10k CNY, shape (n,)."""


@dataclass(frozen=True)
class InputFile:
    """A file that a source has read.

    Attributes
    ----------
    path : str
        The absolute path from which it was read.
    sha256 : str
        Of the exact bytes.
    size : int
        Bytes.
    series : tuple of str
        What was taken from it: names of series, `TABLES` or ``geometry``.
    """

    path: str
    sha256: str
    size: int
    series: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return Path(self.path).name

    @classmethod
    def of(cls, path: Path, series: Iterable[str] = ()) -> InputFile:
        """Return the record of a file as it is now."""
        return cls(str(path.absolute()), file_hash(path), path.stat().st_size, tuple(series))


@dataclass(frozen=True, eq=False)
class Inputs:
    """The raw inputs of a study.

    Attributes
    ----------
    frame : DataFrame
        One row per unit and year with the columns ``unit``, ``time`` and the series; money in 100m CNY, population in
        10k persons, CO2 in million tonnes, unless the source says otherwise.
    source : str
        The source's name, for messages.
    file : str
        The user's file, for messages; empty where there is none.
    unit_name, time_name : str
        What the user calls a unit and a period, e.g. ``"county"`` and ``"year"``.
    tables : mapping of (str, int) to InputOutputTable
        Input-output tables by unit and year; empty where a source has none.
    simulated : bool
        Whether the numbers are drawn at random; every result from them says so.
    notes : tuple of Note
        Sentences that belong under every table made from these inputs.
    files : tuple of InputFile
        Every file that was read, in the order of reading; empty where numbers are drawn.
    units : mapping of str to str
        The unit of measurement by series, where it is known.
    absent : mapping of str to Note
        How to get series (and `TABLES`) that the source knows of but does not have.
    geometry : str
        A file of the units' polygons; empty where there is none.
    regions : str
        The column of text whose values ``sample.regions`` names; empty where the source declares none.
    findings : tuple of Finding or None
        The findings of the checks on loading; None where nothing was checked.
    labels : mapping of str to str
        What the user's file itself calls its columns, e.g. the variable labels of Stata.
    """

    frame: pd.DataFrame
    source: str
    file: str = ""
    unit_name: str = "unit"
    time_name: str = "time"
    tables: Mapping[tuple[str, int], InputOutputTable] = field(default_factory=dict)
    simulated: bool = False
    notes: tuple[Note, ...] = ()
    files: tuple[InputFile, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, Note] = field(default_factory=dict)
    geometry: str = ""
    regions: str = ""
    findings: tuple[Finding, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def series(self, names: Iterable[str], wanted_by: str) -> pd.DataFrame:
        """Return the key columns and ``names``.

        Parameters
        ----------
        names : iterable of str
        wanted_by : str
            For messages: a dotted key, ``key=value`` or ``group=option``, e.g. ``"measure=column"``.

        Raises
        ------
        DataError
            If a series is missing; the message names what needs it and the series that exist.
        """
        columns = list(names)
        known = [str(name) for name in self.frame.columns if name not in ("unit", "time")]
        missing = [name for name in columns if name not in known]
        if missing:
            remedy = self.absent.get(missing[0])
            hint = Note("after_blank", said=remedy) if remedy else suggestion(missing[0], known)
            facts = {"series": cut(missing), "source": self.source, "hint": hint, "known": cut(known, 40)}
            name, equals, value = wanted_by.partition("=")
            if "." in name:
                raise DataError(Note("series_missing", key=name, value=equals + value, **facts))
            raise DataError(Note("series_missing_of_option", group=name, option=equals + value, **facts))
        return self.frame[["unit", "time", *columns]]


@dataclass(frozen=True, eq=False)
class WatchedInputs(Inputs):
    """Inputs that record what is read from them: names of series, and `TABLES`.

    Reading the frame itself counts as reading every series.
    """

    taken: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, inputs: Inputs) -> WatchedInputs:
        """Return the same inputs, with nothing recorded yet."""
        return cls(**{item.name: getattr(inputs, item.name) for item in fields(Inputs)})

    def __getattribute__(self, name: str) -> Any:
        """Return an attribute, and record what it holds."""
        value = super().__getattribute__(name)
        if name == "frame":
            self.taken.update(map(str, value.columns))
        elif name == "tables":
            self.taken.add(TABLES)
        return value

    def series(self, names: Iterable[str], wanted_by: str) -> pd.DataFrame:
        """Return the key columns and ``names``, as `Inputs.series` does."""
        columns, before = list(names), set(self.taken)
        frame = super().series(columns, wanted_by)
        # the call above reads the whole frame but returns only these columns
        self.taken.intersection_update(before)
        self.taken.update(columns)
        return frame


class Source(Spec):
    """A specification of where the raw inputs come from; `load` reads or draws them.

    Attributes
    ----------
    controls : tuple of str
        Terms that outcomes hold constant by default, e.g. ``ln_pgdp``: those of the study that these data have.
    """

    role: ClassVar[str] = "source"
    own: ClassVar[bool] = False
    """Whether the data are a table of the user's own, whose units need not be those of the known country."""
    no_numbers: ClassVar[tuple[str, ...]] = ("controls",)

    controls: Names = ()

    def whole(self) -> Self:
        """Return the same source without its limits on units, years and series."""
        return self

    def load(self) -> Inputs:
        """Return the raw inputs.

        Raises
        ------
        DataError
            If a file is missing or its content is wrong.
        """
        raise TypeError(f"{type(self).__name__} does not say how it is loaded; define `load`.")
