"""`digicarbon data check`: the findings of the checks of a data folder or of a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from digicarbon.cli.command import terminal
from digicarbon.config.compose import Composer, loader
from digicarbon.config.files import ROOT
from digicarbon.errors import ConfigError
from digicarbon.note import Note
from digicarbon.note.language import said
from digicarbon.plan.runs import require
from digicarbon.source import Source, check_inputs
from digicarbon.source.validation import LEVELS, Finding, InvalidDataError, check_folder, count
from digicarbon.spec import build

_NUMBER = Note("head_number")
_LEVELS = {"error": Note("level_error"), "warning": Note("level_warning"), "note": Note("level_note")}


def check(folder: str, overrides: Sequence[str], every: bool) -> int:
    """Print the findings of the checks; return 1 if there is an error, else 0.

    ``folder``: a data folder; empty for a source. ``overrides``: of a source, e.g. ``source=china``. ``every``: show
    every finding, not one of each group. Raises ConfigError if both or neither are given, or the source is wrong;
    DataError if the folder or a file of the source cannot be read.
    """
    name, findings = _findings(folder, overrides)
    out = terminal()
    _show(findings, every, out)
    totals = {f"{level}s": count(findings, level) for level in LEVELS}
    out.print(said(Note("data_checked", name=name, **totals)), soft_wrap=True)
    if not every and len(findings) > len(_groups(findings)):
        out.print(said(Note("all_shows_findings")), style="dim", soft_wrap=True)
    return 1 if count(findings, "error") else 0


def source_of(overrides: Sequence[str]) -> tuple[str, Source]:
    """Return the option and the source that overrides such as ``source=china`` describe.

    Raises ConfigError if it is not a source, or a field is wrong or missing.
    """
    composer = Composer(loader(), ROOT, overrides)
    require([key for key in composer.missing() if key.startswith("source.")], composer.chosen, composer)
    return composer.chosen["source"], build(composer.node("source"), Source, "source")


def _findings(folder: str, overrides: Sequence[str]) -> tuple[str, list[Finding]]:
    if bool(folder) == bool(overrides):
        raise ConfigError(Note("check_takes"))
    if folder:
        return folder, check_folder(Path(folder))
    option, source = source_of(overrides)
    try:
        return f"source={option}", check_inputs(source.load())
    except InvalidDataError as error:
        return f"source={option}", list(error.findings)


def _groups(findings: Sequence[Finding]) -> dict[tuple[str, str, str], list[Finding]]:
    """Return findings by level, file and kind of check, in their order."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for item in findings:
        groups.setdefault((item.level, item.file, item.check), []).append(item)
    return groups


def _show(findings: Sequence[Finding], every: bool, out: Console) -> None:
    table = Table(box=None, pad_edge=False)
    last = Note("head_finding") if every else Note("head_first_finding")
    for head in ("", Note("head_check"), _NUMBER, Note("head_file"), last):
        table.add_column(said(head), justify="right" if head is _NUMBER else "left", overflow="fold")
    for (level, file, check_name), items in _groups(findings).items():
        shown = items if every else items[:1]
        for position, item in enumerate(shown):
            first = (said(_LEVELS[level]), check_name, str(len(items)), file) if position == 0 else ("", "", "", "")
            table.add_row(*first, said(item.said))
    if findings:
        # in a file or pipe, sentences are not wrapped at an arbitrary width
        (out if out.is_terminal else Console(width=400, markup=False, emoji=False, highlight=False)).print(table)
