"""The verbs of `digicarbon data`: raw downloads become a data folder, and what it holds is shown."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from digicarbon.cli.data_check import USAGE as CHECK_USAGE
from digicarbon.cli.data_check import check
from digicarbon.cli.data_show import USAGE as SHOW_USAGE
from digicarbon.cli.data_show import show
from digicarbon.cli.data_status import USAGE as STATUS_USAGE
from digicarbon.cli.data_status import status
from digicarbon.config.compose import first_line, loader, options
from digicarbon.config.files import check_content, find, shown
from digicarbon.errors import ConfigError, DataError, counted, listing, nearest
from digicarbon.importer import Imported, Importer
from digicarbon.importer._sheets import SUFFIXES
from digicarbon.source import datafolder
from digicarbon.source.validation import check_import
from digicarbon.spec import build

USAGE = """\
  digicarbon data import KIND FILES… --to FOLDER [--add] [option=value …]
      read raw downloads (files, folders or patterns such as 'raw/*.xlsx') into tidy files with their provenance;
      --add puts rows beside those that the folder has; `digicarbon list importer` shows the kinds
"""


def data(arguments: Sequence[str]) -> int:
    """Answer one of the verbs in `VERBS`; return the exit status.

    Raises
    ------
    DigicarbonError
        Of the verb, or if there is no such verb.
    """
    if not arguments or arguments[0] == "help" or {"-h", "--help"} & set(arguments):
        sys.stdout.write(USAGE + STATUS_USAGE + CHECK_USAGE + SHOW_USAGE)
        return 0
    verb, rest = arguments[0], arguments[1:]
    if verb not in VERBS:
        raise ConfigError(f"There is no `digicarbon data {verb}`.{nearest(verb, VERBS)} Verbs: {listing(VERBS)}.")
    try:
        return VERBS[verb](rest)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt(str(stop) or "nothing was written.") from stop


# ---- import


@dataclass
class _Order:
    """What the command line of an import asks for."""

    kind: str = ""
    names: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    add: bool = False


def import_(arguments: Sequence[str]) -> int:
    """Read raw files and write them into a data folder, all or nothing; return 0.

    Raises
    ------
    ConfigError
        If the command line is wrong.
    DataError
        If a file is missing, damaged or of another layout, or the folder cannot take the rows.
    """
    order = _order(arguments)
    importer = _importer(order.kind, order.fields)
    files = expand(order.names)
    imported = importer.read(files)
    notes = (*imported.notes, *(item.sentence for item in check_import(imported.tables)))
    record = datafolder.Provenance(
        kind=order.kind,
        files=tuple(datafolder.raw_file(file) for file in files),
        units=imported.units,
        citation=imported.citation,
        options=importer.model_dump(mode="json"),
        notes=notes,
    )
    assert order.folder is not None
    written = datafolder.write(order.folder, imported.tables, record, order.add)
    sys.stdout.write("\n".join(_summary(order.kind, imported, notes, files, written)) + "\n")
    return 0


def expand(names: Sequence[str]) -> list[Path]:
    """Return the files that names, folders and patterns stand for, each once, in the order given.

    Raises
    ------
    DataError
        If a name stands for no file, or two files have the same bytes.
    """
    files = list({path.resolve(): path for name in names for path in _files(name)}.values())
    seen: dict[str, Path] = {}
    for path in files:
        digest = datafolder.file_hash(path)
        if digest in seen:
            raise DataError(
                f"{path} is byte for byte the same as {seen[digest]}; one of the two is not what its name says. Leave "
                "one of them out."
            )
        seen[digest] = path
    return files


def _files(name: str) -> list[Path]:
    path = Path(name)
    if path.is_file():
        return [path]
    if path.is_dir():
        found = sorted(item for item in path.iterdir() if item.is_file() and item.suffix.lower() in SUFFIXES)
        # Excel keeps a file ~$name beside an open workbook
        found = [item for item in found if not item.name.startswith((".", "~$"))]
        if not found:
            raise DataError(f"The folder {path} has no file that ends in {listing(SUFFIXES)}.")
        return found
    if any(sign in name for sign in "*?["):
        base = Path(path.anchor) if path.is_absolute() else Path()
        pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else name
        found = sorted(item for item in base.glob(pattern) if item.is_file() and not item.name.startswith((".", "~$")))
        if not found:
            raise DataError(f"No file matches '{name}' (the working directory is {Path.cwd()}).")
        return found
    folder = path.absolute().parent
    if not folder.is_dir():
        raise DataError(f"'{name}' does not exist: there is no folder {folder}.")
    raise DataError(
        f"There is no file '{path.name}' in the folder {folder}."
        f"{nearest(path.name, [item.name for item in folder.iterdir()])}"
    )


def _order(arguments: Sequence[str]) -> _Order:
    order = _Order()
    words = iter(arguments)
    for word in words:
        if word == "--to" or word.startswith("--to="):
            target = word.removeprefix("--to=") if "=" in word else next(words, "")
            if not target or target.startswith("--"):
                raise ConfigError("--to names the data folder to write to, e.g. --to data.")
            order.folder = Path(target)
        elif word == "--add":
            order.add = True
        elif word.startswith("--"):
            raise ConfigError(f"There is no flag {word} here.{nearest(word, ['--to', '--add'])} Flags: --to, --add.")
        elif not order.kind:
            order.kind = word
        elif "=" in word and not Path(word).exists():
            order.fields.update(_field(word))
        else:
            order.names.append(word)
    if not order.kind:
        raise ConfigError(f"Name the kind of download first; kinds: {listing(_kinds(), 20)}.")
    if not order.names:
        raise ConfigError(f"Name the files of {order.kind}, e.g. `digicarbon data import {order.kind} raw --to data`.")
    if order.folder is None:
        raise ConfigError("Say where to write with --to FOLDER, e.g. --to data.")
    if order.folder.exists() and not order.folder.is_dir():
        raise ConfigError(f"--to {order.folder} is a file; name a folder.")
    return order


def _field(word: str) -> dict[str, Any]:
    try:
        override = OverridesParser.create().parse_override(word)
    except HydraException as error:
        if word.isascii():
            raise ConfigError(
                f"command line: '{word}' is not of the form option=value ({first_line(error)})."
            ) from error
        return _field_in_any_script(word)
    if override.is_sweep_override():
        raise ConfigError(f"command line: '{word}' gives several values; an import takes one, or a list in [ ].")
    return {str(override.key_or_group): override.value()}


def _field_in_any_script(word: str) -> dict[str, Any]:
    """Return an option whose value is not plain ASCII, which Hydra's grammar takes in quotation marks only."""
    key, _, value = word.partition("=")
    if value.startswith("{"):
        # as in Hydra's grammar, and unlike YAML, no blank is needed after a colon
        value = re.sub(r"[:：]\s*", ": ", value)
    try:
        return {key: yaml.safe_load(value)}
    except yaml.YAMLError as error:
        raise ConfigError(f"command line: '{word}' is not of the form option=value ({first_line(error)}).") from error


def _kinds() -> list[str]:
    return options(loader(), "importer")


def _importer(kind: str, fields: Mapping[str, Any]) -> Importer:
    """Build the importer of ``conf/importer/<kind>.yaml`` with the fields that the command line sets."""
    path = find(f"importer/{kind}")
    if path is None:
        kinds = _kinds()
        raise ConfigError(
            f"There is no kind of download '{kind}'.{nearest(kind, kinds)} Kinds: {listing(kinds, 20)}; "
            "`digicarbon list importer` says what each is."
        )
    check_content(path)
    try:
        node = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (yaml.YAMLError, OmegaConfBaseException, OSError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{shown(path)} cannot be read ({first_line(error)}).") from error
    if not isinstance(node, dict):
        raise ConfigError(f"{shown(path)} must hold keys and values, e.g. `_target_: mine.MyImporter`.")
    plain = {str(key): value for key, value in {**node, **fields}.items() if value != "???"}
    return build(plain, Importer, "importer")


def _summary(
    kind: str, imported: Imported, notes: Sequence[str], files: Sequence[Path], written: Mapping[str, Path]
) -> list[str]:
    lines = []
    for name, table in imported.tables.items():
        parts = [counted(len(table), "row")]
        places = next((column for column in ("province", "unit", "from_province") if column in table.columns), None)
        if places:
            noun = "unit" if places == "unit" else "province"
            parts.append(counted(table[places].nunique(), noun))
        if "year" in table.columns and len(table):
            first, last = int(table["year"].min()), int(table["year"].max())
            parts.append(str(first) if first == last else f"{first} to {last}")
        lines.append(f"{name}: {', '.join(parts)}, from {counted(len(files), 'file')} of {kind}.")
    lines += [f"Note: {note}" for note in notes]
    for name in imported.tables:
        if name not in written:
            lines.append(f"{name}: 0 new rows; the folder has them all, and nothing was written or recorded.")
    for name, path in written.items():
        lines.append(f"Written: {path} and {path.with_name(name + datafolder.PROVENANCE).name}")
    return lines


VERBS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "import": import_,
    "status": status,
    "check": check,
    "show": show,
}
"""The verbs after `digicarbon data`, each a function of the remaining words that returns the exit status."""
