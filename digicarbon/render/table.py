"""A finished table of text cells, and its file formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from digicarbon.disk.whole import put
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut, suggestion
from digicarbon.render.grid import Grid, clean, spread


@dataclass(frozen=True, eq=False)
class Table:
    """A finished table: text cells, ready for any reader.

    Attributes
    ----------
    title : str
    cells : DataFrame
        Text; the index holds row labels, the columns column heads.
    rules : tuple of int
        Rows with a line above them.
    notes : tuple of str
    below : Table or None
        A second table that is shown below this one.
    spanners : tuple of (str, int)
        Words over columns, from the left, and how many columns each covers; empty words: no heading.
    blocks : tuple of int
        Rows that are the heading of the rows below them, e.g. ``Direct effect``.
    language : {"en", "zh"}
        Language of the notes.

    Notes
    -----
    Every format has each text in one line: line breaks become spaces, control characters are left out.
    """

    title: str
    cells: pd.DataFrame
    rules: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    below: Table | None = None
    spanners: tuple[tuple[str, int], ...] = ()
    blocks: tuple[int, ...] = ()
    language: str = "en"

    def __str__(self) -> str:
        """Return the table as plain text, so that ``print`` shows it."""
        return self.to_text()

    def to_markdown(self) -> str:
        """Return the table as Markdown, notes below, and the table below after them."""
        from digicarbon.render.markdown import markdown

        return markdown(self._grids)

    def to_text(self) -> str:
        """Return the table as plain text, numbers aligned at their points."""
        from digicarbon.render.text import text

        return text(self._grids)

    def to_html(self) -> str:
        """Return the table as a piece of HTML for any page, with its own style."""
        from digicarbon.render.html import html

        return html(self._grids)

    def to_html_piece(self, links: Mapping[str, str] | None = None) -> str:
        """Return the table as HTML for a page that already has the style of tables (`digicarbon.render.html.STYLE`).

        Parameters
        ----------
        links : mapping of str to str
            Addresses by the head of a column or the label of a row: heads, labels and the cells that belong to them
            link there.
        """
        from digicarbon.render.html import pieces

        return pieces(self._grids, links)

    def to_latex(self) -> str:
        r"""Return the table as LaTeX (booktabs), to be read by ``\input``.

        Its first lines say which packages it needs; one with Chinese characters needs ``xelatex`` and ``ctex``.
        """
        from digicarbon.render.latex import latex

        return latex(self._grids)

    def to_docx(self) -> bytes:
        """Return a Word document with the table as Word's own, in three lines.

        The head is repeated on each page, and a wide table is on a landscape page.

        Raises
        ------
        ConfigError
            If python-docx is not installed.
        """
        from digicarbon.render.word import word

        return word(self._grids)

    def to_xlsx(self) -> bytes:
        """Return an Excel workbook, a sheet per table.

        A cell that is one number is a number, with the printed digits; stars and parentheses are its number format.
        """
        from digicarbon.render.excel import excel

        return excel(self._grids)

    def save(self, path: str | Path) -> Path:
        """Write the table to a file, completely or not at all.

        Parameters
        ----------
        path : str or Path
            Its suffix chooses the format: ``.docx``, ``.xlsx``, ``.tex``, ``.html``, ``.md`` or ``.txt``.

        Returns
        -------
        Path

        Raises
        ------
        ConfigError
            If the suffix is no format of a table, or the file cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in FORMATS:
            formats, hint = cut(FORMATS, 9), suggestion(suffix, FORMATS)
            if not path.suffix:
                raise ConfigError(Note("table_without_suffix", file=path.name, formats=formats, hint=hint))
            raise ConfigError(
                Note("not_a_table_format", file=path.name, suffix=path.suffix, formats=formats, hint=hint)
            )
        content = FORMATS[suffix](self)
        try:
            put(path, content)
        except OSError as error:
            raise ConfigError(Note("table_not_written", file=path, reason=error.strerror or str(error))) from error
        return path

    def _repr_html_(self) -> str:
        return self.to_html()

    @property
    def _grids(self) -> tuple[Grid, ...]:
        """The table and those below it."""
        rows = tuple(
            (clean(label), tuple(map(clean, row)))
            for label, row in zip(self.cells.index, self.cells.to_numpy(), strict=True)
        )
        own = Grid(
            title=clean(self.title),
            heads=tuple(map(clean, self.cells.columns)),
            spanners=spread(self.spanners),
            rows=rows,
            rules=frozenset(self.rules),
            blocks=frozenset(self.blocks),
            notes=tuple(filter(None, map(clean, self.notes))),
            language=self.language,
        )
        return (own,) if self.below is None else (own, *self.below._grids)


def to_json(table: Table) -> dict[str, Any]:
    """Return a table as plain values, from which `from_json` makes an equal one."""
    return {
        "title": table.title,
        "heads": list(map(str, table.cells.columns)),
        "labels": list(map(str, table.cells.index)),
        "cells": [list(map(str, row)) for row in table.cells.to_numpy()],
        "rules": list(table.rules),
        "notes": list(map(str, table.notes)),
        "below": None if table.below is None else to_json(table.below),
        "spanners": [list(one) for one in table.spanners],
        "blocks": list(table.blocks),
        "language": table.language,
    }


def from_json(plain: Mapping[str, Any]) -> Table:
    """Return the table that `to_json` made plain.

    Raises
    ------
    LookupError, ValueError, TypeError
        If the values are no table's.
    """
    cells = pd.DataFrame(plain["cells"], index=plain["labels"], columns=plain["heads"])
    return Table(
        title=plain["title"],
        cells=cells,
        rules=tuple(plain["rules"]),
        notes=tuple(plain["notes"]),
        below=None if plain["below"] is None else from_json(plain["below"]),
        spanners=tuple((words, count) for words, count in plain["spanners"]),
        blocks=tuple(plain["blocks"]),
        language=plain["language"],
    )


def _page(table: Table) -> bytes:
    from digicarbon.render.html import page

    return page(table._grids).encode()


FORMATS: Mapping[str, Callable[[Table], bytes]] = {
    ".docx": Table.to_docx,
    ".xlsx": Table.to_xlsx,
    ".tex": lambda table: table.to_latex().encode(),
    ".html": _page,
    ".md": lambda table: table.to_markdown().encode(),
    ".txt": lambda table: table.to_text().encode(),
}
"""What writes a table, by the suffix of its file."""


def save_all(table: Table, folder: str | Path, stem: str, formats: Iterable[str]) -> dict[str, Path]:
    """Write a table in several formats.

    Parameters
    ----------
    table : Table
    folder : str or Path
        Created if it does not exist.
    stem : str
        The files' name without its suffix.
    formats : iterable of str
        With or without their dots, e.g. ``["docx", "xlsx"]``.

    Returns
    -------
    dict of str to Path
        The file of each format, with the formats of the call as keys.

    Raises
    ------
    ConfigError
        If a format is unknown (then no file is written), or a file cannot be written.
    """
    suffixes = {name: f".{name.lower().removeprefix('.')}" for name in formats}
    _refuse_unknown(list(suffixes), list(suffixes.values()))
    return {name: table.save(Path(folder) / f"{stem}{suffix}") for name, suffix in suffixes.items()}


def _refuse_unknown(names: Sequence[str], suffixes: Sequence[str]) -> None:
    for name, suffix in zip(names, suffixes, strict=True):
        if suffix not in FORMATS:
            allowed = [known.removeprefix(".") for known in FORMATS]
            raise ConfigError(
                Note("no_format_of_table", format=name, formats=cut(allowed, 9), hint=suggestion(name, allowed))
            )
