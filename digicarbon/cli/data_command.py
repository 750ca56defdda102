"""`digicarbon data import`: raw downloads become a data folder."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from digicarbon.config.compose import loader, options
from digicarbon.config.files import check_content, find, shown
from digicarbon.errors import ConfigError, DataError, first_line
from digicarbon.importer import Imported, Importer
from digicarbon.importer._sheets import SUFFIXES
from digicarbon.note import Note, cut, note_of, suggestion
from digicarbon.note.language import said
from digicarbon.source import datafolder
from digicarbon.source.validation import check_import
from digicarbon.spec import build


def import_(kind: str, files: Sequence[str], to: str, add: bool, overrides: Sequence[str]) -> int:
    """Read raw files and write them into a data folder, all or nothing; return 0.

    Raises ConfigError if the kind or one of its options is wrong; DataError if a file is missing, damaged or of another
    layout, or the folder cannot hold the rows.
    """
    if Path(to).is_file():
        raise ConfigError(Note("to_is_file", file=to))
    importer = _importer(kind, {key: value for word in overrides for key, value in _field(word).items()})
    paths = expand(files)
    imported = importer.read(paths)
    notes = (*imported.notes, *(item.note for item in check_import(imported.tables)))
    record = datafolder.Provenance(
        kind=kind,
        files=tuple(datafolder.raw_file(path) for path in paths),
        units=imported.units,
        citation=imported.citation,
        options=importer.model_dump(mode="json"),
        notes=tuple(map(str, notes)),
    )
    written = datafolder.write(Path(to), imported.tables, record, add)
    sys.stdout.writelines(f"{said(line)}\n" for line in _summary(kind, imported, notes, paths, written))
    return 0


def expand(names: Sequence[str]) -> list[Path]:
    """Return the files that names, folders and patterns mean, each once, in the given order.

    Raises DataError if a name matches no file, or two files have the same bytes.
    """
    files = list({path.resolve(): path for name in names for path in _files(name)}.values())
    first: dict[str, Path] = {}
    for path in files:
        digest = datafolder.file_hash(path)
        if digest in first:
            raise DataError(Note("download_twice", file=path, other=first[digest]))
        first[digest] = path
    return files


def _files(name: str) -> list[Path]:
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        files = sorted(item for item in path.iterdir() if item.is_file() and item.suffix.lower() in SUFFIXES)
        # Excel keeps a file ~$name beside an open workbook
        files = [item for item in files if not item.name.startswith((".", "~$"))]
        if not files:
            raise DataError(Note("download_folder_empty", folder=path, endings=cut(SUFFIXES)))
        return files
    if any(sign in name for sign in "*?["):
        base = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else name
        files = sorted(item for item in base.glob(pattern) if item.is_file() and not item.name.startswith((".", "~$")))
        if not files:
            raise DataError(Note("download_no_match", name=name, folder=Path.cwd()))
        return files
    folder = path.absolute().parent
    if not folder.is_dir():
        raise DataError(Note("download_no_folder", name=name, folder=folder))
    hint = suggestion(path.name, [item.name for item in folder.iterdir()])
    raise DataError(Note("download_no_file", name=path.name, folder=folder, hint=hint))


def _field(word: str) -> dict[str, Any]:
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException as error:
        if word.isascii():
            raise _malformed(word, error) from error
        return _field_in_any_script(word)
    if override.is_sweep_override():
        raise ConfigError(Note("line_several_values", word=word))
    return {str(override.key_or_group): override.value()}


def _field_in_any_script(word: str) -> dict[str, Any]:
    """Return an option whose value is not plain ASCII, which Hydra's grammar accepts in quotation marks only."""
    key, _, value = word.partition("=")
    if value.startswith("{"):
        # as in Hydra's grammar, and unlike YAML, no blank is needed after a colon
        value = re.sub(r"[:：]\s*", ": ", value)
    try:
        return {key: yaml.safe_load(value)}
    except yaml.YAMLError as error:
        raise _malformed(word, error) from error


def _malformed(word: str, error: Exception) -> ConfigError:
    return ConfigError(Note("line_not_option_value", word=word, reason=first_line(error)))


def _importer(kind: str, fields: Mapping[str, Any]) -> Importer:
    """Build the importer of ``conf/importer/<kind>.yaml`` with the fields that the command line sets."""
    path = find(f"importer/{kind}")
    if path is None:
        kinds = options(loader(), "importer")
        raise ConfigError(Note("download_no_kind", kind=kind, hint=suggestion(kind, kinds), kinds=cut(kinds, 20)))
    check_content(path)
    try:
        node = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (yaml.YAMLError, OmegaConfBaseException, OSError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(Note("option_file_unread", file=shown(path), reason=first_line(error))) from error
    if not isinstance(node, dict):
        raise ConfigError(Note("option_file_no_mapping", file=shown(path)))
    plain = {str(key): value for key, value in {**node, **fields}.items() if value != "???"}
    return build(plain, Importer, "importer")


def _summary(
    kind: str, imported: Imported, notes: Sequence[Note | str], files: Sequence[Path], written: Mapping[str, Path]
) -> list[Note]:
    lines = []
    for name, table in imported.tables.items():
        parts = [Note("counted_rows", rows=len(table))]
        noun = datafolder.datasets()[name].unit
        units = table[noun] if noun in table.columns else table[f"from_{noun}"]
        parts.append(Note("counted_values", number=units.nunique(), noun=noun))
        if "year" in table.columns and len(table):
            first, last = int(table["year"].min()), int(table["year"].max())
            parts.append(Note("span", low=first, high=last))
        lines.append(Note("data_imported", name=name, parts=parts, files=len(files), kind=kind))
    lines += [Note("import_note", said=note_of(note)) for note in notes]
    for name in imported.tables:
        if name not in written:
            lines.append(Note("no_new_rows", name=name))
    for name, path in written.items():
        lines.append(Note("files_written", file=path, other=path.with_name(name + datafolder.PROVENANCE).name))
    return lines
