"""`digicarbon data status`: the years and units that each series of a data folder or of a source covers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from digicarbon.cli.command import show, terminal
from digicarbon.cli.data_check import source_of
from digicarbon.errors import ConfigError
from digicarbon.note import Note, cut
from digicarbon.note.language import said
from digicarbon.report import Table
from digicarbon.source import Inputs, Source, datafolder
from digicarbon.source.status import series_status

_SIMULATED = Note("simulated_in_parentheses")
_HEADS = {
    "first": Note("head_first"),
    "last": Note("head_last"),
    "units": Note("head_units"),
    "missing": Note("head_missing"),
    "gaps": Note("head_gaps"),
    "vintages": Note("head_vintages"),
    "unit": Note("head_unit"),
    "file": Note("head_file"),
}


def status(folder: str, overrides: Sequence[str]) -> int:
    """Print a row per series, for all available years and units; return 0.

    ``folder``: of imported data; empty for a source. ``overrides``: such as ``source=china_folder
    source.vintage=original``. Raises ConfigError if neither is given, or the source is wrong; DataError if a file is
    missing or its content is wrong.
    """
    if not folder and not overrides:
        raise ConfigError(Note("status_takes"))
    if folder:
        quoted = folder.replace("\\", "\\\\").replace("'", "\\'")
        overrides = ["source=folder", f"source.folder='{quoted}'", *overrides]
    option, source = source_of(overrides)
    inputs = source.whole().load()
    name = folder or f"source={option}"
    show(_table(name, inputs, _vintages(source, inputs)), terminal())
    return 0


def _vintages(source: Source, inputs: Inputs) -> dict[str, str]:
    """Return the vintages of each series that has vintages."""
    options: dict[str, list[str]] = {}
    for option, entries in getattr(source, "vintages", {}).items():
        for series in entries:
            options.setdefault(series, []).append(option)
    for file in inputs.files:
        kind = datafolder.datasets().get(Path(file.path).stem)
        if kind is not None and "vintage" in kind.keys and file.path.endswith(datafolder.SUFFIX):
            table = datafolder.read(Path(file.path).parent, kind.name)[["series", "vintage"]].drop_duplicates()
            for series, vintage in table.sort_values("vintage").itertuples(index=False):
                options.setdefault(str(series), []).append(str(vintage))
    return {series: _names(names) for series, names in options.items()}


def _files(inputs: Inputs) -> Table | None:
    """Return a row per imported file that was read: its importer, its raw files, and whether it changed."""
    rows: dict[str, dict[str, str]] = {}
    for file in inputs.files:
        path = Path(file.path)
        if not file.path.endswith(datafolder.SUFFIX):
            continue
        imports = datafolder.provenance(path.parent, path.stem)
        raw = [item.name for record in imports for item in record.files]
        changed = bool(imports) and imports[-1].sha256 not in ("", file.sha256)
        rows[path.name] = {
            said(Note("head_importer")): _names(record.kind for record in imports) or said(Note("no_record")),
            said(Note("head_raw_files")): said(Note("names_of", names=cut(raw, 4))),
            said(Note("head_last_import")): imports[-1].imported[:16].replace("T", " ") if imports else "",
            said(Note("head_state")): said(Note("import_changed" if changed else "as_imported")) if imports else "",
        }
    return Table(said(Note("imported_files")), pd.DataFrame.from_dict(rows, orient="index")) if rows else None


def _names(names: Iterable[str]) -> str:
    return said(Note("names_of", names=cut(dict.fromkeys(names))))


def _table(name: str, inputs: Inputs, vintages: Mapping[str, str]) -> Table:
    cells = series_status(inputs)
    if vintages:
        cells.insert(list(cells.columns).index("unit"), "vintages", [vintages.get(str(key), "") for key in cells.index])
    numbers = {name: cells[name].map("{:.0f}".format, na_action="ignore") for name in ("units", "missing")}
    cells = cells.assign(**numbers).astype(object).fillna("")
    cells = cells.rename(columns={name: said(head) for name, head in _HEADS.items()})
    remedies: dict[Note, list[str]] = {}
    for series, remedy in inputs.absent.items():
        remedies.setdefault(remedy, []).append(series)
    absent = [Note("series_absent", names=cut(names, 10), remedy=remedy) for remedy, names in remedies.items()]
    title = Note("series_counted", name=name, series=len(cells), simulated=_SIMULATED if inputs.simulated else "")
    return Table(said(title), cells, notes=tuple(map(said, (*inputs.notes, *absent))), below=_files(inputs))
