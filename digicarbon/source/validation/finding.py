"""The findings of checks of data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from digicarbon.errors import DataError
from digicarbon.note import Note

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = ("error", "warning", "note")
"""From errors, which stop a run, to notes, which are merely good to know."""


@dataclass(frozen=True)
class Finding:
    """One finding of a check; the data stay as they are.

    ``level``: an error stops loading, a warning is counted under every table, a note is shown when asked for.
    ``check``: the kind of check, e.g. ``"copied year"``. ``file``: the data set or file. ``said``: what is wrong,
    where, and what to do; `note` puts the file before it, unless it has a field ``file`` already. ``series``, ``unit``,
    ``sector``: what the finding is about; empty where it is about more than one.
    """

    level: Level
    check: str
    file: str
    said: Note
    series: str = ""
    unit: str = ""
    year: int | None = None
    sector: str = ""

    @property
    def note(self) -> Note:
        """What is wrong, where, and what to do, with the file."""
        return self.said if "file" in dict(self.said.fields) else Note("placed", where=self.file, said=self.said)

    @property
    def where(self) -> str:
        """Series, unit, year and sector in one text."""
        year = "" if self.year is None else str(self.year)
        return ", ".join(part for part in (self.series, self.unit, year, self.sector) if part)


class InvalidDataError(DataError):
    """Data with errors; `findings` holds all findings, warnings and notes included."""

    def __init__(self, said: object, findings: Sequence[Finding] = ()) -> None:
        super().__init__(said)
        self.findings = tuple(findings)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with errors first, otherwise in their order."""
    return sorted(findings, key=lambda item: LEVELS.index(item.level))


def count(findings: Iterable[Finding], level: Level) -> int:
    """Return how many findings are of a level."""
    return sum(item.level == level for item in findings)


def refuse(findings: Sequence[Finding], what: str, how: str) -> None:
    """Raise if there is an error among the findings.

    ``what``: what was checked, for the message: a folder, or an option such as ``source=china``. ``how``: the command
    that shows all findings. Raises InvalidDataError with the first errors.
    """
    errors = [item for item in findings if item.level == "error"]
    if errors:
        shown = tuple(item.note for item in errors[:3])
        more = Note("and_more_errors", errors=len(errors) - 3) if len(errors) > 3 else ""
        group, equals, option = what.partition("=")
        if equals:
            said = Note("option_unusable", group=group, option=option, errors=shown, more=more, command=how)
            raise InvalidDataError(said, findings)
        raise InvalidDataError(Note("data_unusable", what=what, errors=shown, more=more, command=how), findings)


def note(findings: Sequence[Finding], how: str) -> tuple[Note, ...]:
    """Return the note that belongs under tables made from data with warnings; none where there are no warnings."""
    warnings = count(findings, "warning")
    return (Note("data_warnings", warnings=warnings, command=how),) if warnings else ()
