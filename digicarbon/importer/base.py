"""The result of an importer, and the kind of specification that reads raw downloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pandas as pd

from digicarbon.note import Note
from digicarbon.spec import Spec


@dataclass(frozen=True, eq=False)
class Imported:
    """The content of raw files as tidy tables, before anything is written.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        By name of `digicarbon.source.datafolder.datasets`, each with that data set's keys and values.
    units : mapping of str to str
        Unit of measurement by column (or by series in a long data set).
    citation : str
        What to cite.
    notes : tuple of Note
        Oddities of the files that were kept; a user's importer may give sentences.
    """

    tables: Mapping[str, pd.DataFrame]
    units: Mapping[str, str] = field(default_factory=dict)
    citation: str = ""
    notes: tuple[Note | str, ...] = ()


class Importer(Spec):
    """A specification of how raw downloads of one layout are read; `read` reads them and writes nothing."""

    role: ClassVar[str] = "importer"

    def read(self, files: Sequence[Path]) -> Imported:
        """Return the tidy content of raw files.

        Parameters
        ----------
        files : sequence of Path
            Each once.

        Raises
        ------
        DataError
            If a file is damaged or not of this layout; the message names file, sheet and cell.
        """
        raise TypeError(f"{type(self).__name__} does not say how it is read; define `read`.")
