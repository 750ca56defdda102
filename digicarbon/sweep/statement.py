"""What packs say of a plan as a whole: before its first fit, and of a recorded sweep; e.g. that it was locked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from digicarbon import pack
from digicarbon.note import Note

if TYPE_CHECKING:
    from digicarbon.config.compose import Composer
    from digicarbon.plan.runs import Plan
    from digicarbon.report import Report

REQUEST = "plan_statement"
"""Packs offer `States` to this request."""


@dataclass(frozen=True)
class Statement:
    """What is said of a plan.

    ``notes``: for tables and pages. ``tags``, ``files``: of the sweep's parent run.
    """

    notes: tuple[Note, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


class States(Protocol):
    """Says something of plans."""

    @property
    def head(self) -> str:
        """The key of the word at the head of the statement's row on a page."""

    @property
    def nothing(self) -> Note:
        """What an export says where there is no statement."""

    def before(self, composer: Composer, planned: Plan, report: Report) -> Statement:
        """Return what is said of a plan before it is fitted; an empty statement if nothing is."""

    def recorded(
        self, files: Sequence[str], read: Callable[[str], bytes], experiment: str, last: int | None
    ) -> Note | None:
        """Return what is said of a recorded sweep; None if nothing is.

        ``files``: the names of the sweep's files. ``read``: returns the content of one. ``last``: when its last run
        ended, in milliseconds since 1970; None if it has no runs.
        """


def stating() -> list[States]:
    """Return those that say something of plans."""
    return pack.offered(REQUEST)


def before(composer: Composer, planned: Plan, report: Report) -> Statement:
    """Return all that is said of a plan before it is fitted."""
    each = [one.before(composer, planned, report) for one in stating()]
    return Statement(
        tuple(note for one in each for note in one.notes),
        {name: value for one in each for name, value in one.tags.items()},
        {name: content for one in each for name, content in one.files.items()},
    )
