"""Bars for work that takes long, on a terminal; everywhere else nothing is shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import parent_process
from typing import TYPE_CHECKING

from digicarbon.note import Note
from digicarbon.note.language import said

if TYPE_CHECKING:
    from rich.progress import Progress

Advance = Callable[[int], None]

_shown: list[Progress] = []

LONG = 2.0
"""Seconds from which a finished piece of work leaves a line with its duration."""


def visible() -> bool:
    """Return whether bars are shown: on a terminal, and not by workers, which share that of their command."""
    return sys.stderr is not None and sys.stderr.isatty() and parent_process() is None


@contextmanager
def phase(name: Note | str, total: int | None = None) -> Iterator[Advance]:
    """Show a bar with elapsed and remaining time during a piece of work, on a terminal only.

    ``name``: shown in the language of the command. ``total``: number of its parts; None where that is not known, which
    gives a moving bar and the elapsed time. Yields what is called with the number of parts that are done.
    """
    if not visible():
        yield _nothing
        return
    begun, words = time.monotonic(), said(name)
    with _bars() as bars:
        task = bars.add_task(words, total=total)
        try:
            yield lambda done: bars.update(task, completed=done)
        finally:
            bars.remove_task(task)
        seconds = time.monotonic() - begun
        if seconds >= LONG:
            line = Note("phase_took", name=words, time=_duration(seconds))
            bars.console.print(said(line), style="dim", soft_wrap=True)


@contextmanager
def _bars() -> Iterator[Progress]:
    """Return the bars on the screen: work within other work adds its bar to those that are there."""
    if _shown:
        yield _shown[0]
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Counts(ProgressColumn):
        """How much is done, and how long the rest takes."""

        def render(self, task: Task) -> Text:
            """Return the words of a piece of work; none where its size is not known."""
            if task.total is None:
                return Text("")
            left = "" if task.time_remaining is None else Note("time_left", time=_duration(task.time_remaining))
            return Text(said(Note("parts_done", done=task.completed, every=task.total, left=left)))

    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    name = TextColumn("{task.description}", markup=False)
    with Progress(name, BarColumn(), Counts(), TimeElapsedColumn(), console=console, transient=True) as bars:
        _shown.append(bars)
        try:
            yield bars
        finally:
            _shown.remove(bars)


def counted(items: range, name: Note | str) -> Iterator[int]:
    """Yield numbers, with a bar that counts them."""
    with phase(name, len(items)) as advance:
        for done, item in enumerate(items):
            advance(done)
            yield item


def _nothing(done: int) -> None:
    pass


def _duration(seconds: float) -> Note:
    if seconds < 100:
        return Note("in_seconds", seconds=seconds)
    return Note("in_minutes", minutes=seconds / 60) if seconds < 6000 else Note("in_hours", hours=seconds / 3600)
