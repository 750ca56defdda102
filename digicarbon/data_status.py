"""`digicarbon data status`: what each series of a data folder or of a source covers."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from digicarbon.command import show
from digicarbon.data_check import source_of
from digicarbon.errors import ConfigError, counted, listing
from digicarbon.report import Table
from digicarbon.source import Inputs
from digicarbon.source.status import series_status

USAGE = """\
  digicarbon data status [FOLDER] [source=… overrides]
      per series: first and last year, units, unit-years without a value, unit of measurement, file and its hash
"""


def status(arguments: Sequence[str]) -> int:
    """Print a row per series with all years and units that there are; return 0.

    Parameters
    ----------
    arguments : sequence of str
        A folder of imported data, or overrides such as ``source=china_folder source.vintage=original``; none: the
        source of the default configuration.

    Raises
    ------
    ConfigError
        If the command line or the source is wrong.
    DataError
        If a file is missing or its content is wrong.
    """
    flags = [word for word in arguments if word.startswith("-")]
    if flags:
        raise ConfigError(f"There is no flag {flags[0]} here; name a folder, or a source such as source=china_folder.")
    folders = [word for word in arguments if "=" not in word]
    overrides = [word for word in arguments if "=" in word]
    if len(folders) > 1:
        raise ConfigError(f"Name one data folder; got {listing(folders)}.")
    if folders:
        overrides = ["source=folder", f"source.folder='{_quoted(folders[0])}'", *overrides]
    option, source = source_of(overrides)
    inputs = source.whole().load()
    show(_table(folders[0] if folders else f"source={option}", inputs), Console(markup=False, highlight=False))
    return 0


def _quoted(folder: str) -> str:
    return folder.replace("\\", "\\\\").replace("'", "\\'")


def _table(name: str, inputs: Inputs) -> Table:
    cells = series_status(inputs)
    numbers = {name: cells[name].map("{:.0f}".format, na_action="ignore") for name in ("units", "missing")}
    cells = cells.assign(**numbers).astype(object).fillna("")
    lost: dict[str, list[str]] = {}
    for series, remedy in inputs.absent.items():
        lost.setdefault(remedy, []).append(series)
    absent = [f"Not there: {listing(names, 10)}. {remedy}" for remedy, names in lost.items()]
    title = f"{name}: {counted(len(cells), 'series', 'series')}{' (SIMULATED)' if inputs.simulated else ''}"
    return Table(title, cells, notes=(*inputs.notes, *absent))
