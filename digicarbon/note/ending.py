"""Errors of any code as notes: those that a block raises, and those with which a user's code ends the process."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType

from digicarbon import pack
from digicarbon.errors import ConfigError, DigicarbonError, Interrupt, legible, text_of
from digicarbon.note import Note, note_of


class Caught(AbstractContextManager["Caught"]):
    """Catches any error of its block, expected or not.

    ``whose``: the owner of the code in the block, e.g. ``The code of mine.MyModel``. Exceptions that end the process,
    e.g. `SystemExit`, are then caught, too, but never an `Interrupt`. Nothing for the package's own code. ``note``: the
    error; None without an error. Its texts can be written as UTF-8, as can the traceback.
    """

    note: Note | None = None
    traceback: str = ""

    def __init__(self, whose: Note | None = None) -> None:
        self._whose = whose

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, DigicarbonError):
            note = note_of(error)
        elif isinstance(error, Exception):
            note = Note("unexpected_error", kind=type(error).__name__, text=text_of(error))
        elif error is not None and self._whose is not None and not isinstance(error, Interrupt):
            note = note_of(ended(error, self._whose))
        else:
            return False
        self.note = note.with_texts(legible)
        self.traceback = legible("".join(traceback.format_exception(kind, error, trace)))
        return True

    @property
    def sentence(self) -> str:
        """The error in English; empty without an error."""
        return "" if self.note is None else str(self.note)


@contextmanager
def own_code(cls: type) -> Iterator[None]:
    """Turn an unexpected error of a class that did not come with digicarbon into a sentence that names the class.

    Raises ConfigError.
    """
    try:
        yield
    except DigicarbonError:
        raise
    # code of others may raise anything; our own errors of that kind are faults and stay as they are
    except Exception as error:
        if cls.__module__.partition(".")[0] == __package__.partition(".")[0]:
            raise
        name = f"{cls.__module__}.{cls.__qualname__}"
        what = Note("unexpected_error", kind=type(error).__name__, text=legible(text_of(error)))
        raise ConfigError(Note("own_code_fails", name=name, of=pack_with(name), error=what)) from error


def pack_with(target: str) -> Note | str:
    """Return which pack of another distribution has a class or a module; empty if none has."""
    package = pack.from_elsewhere(target)
    return Note("of_pack", pack=package, distribution=pack.distribution(package)) if package else ""


def broken_pack(error: pack.BrokenPackError) -> Note:
    """Return the note on a pack of another distribution that cannot be loaded."""
    return Note(
        "pack_fails", pack=error.package, distribution=pack.distribution(error.package), reason=legible(error.reason)
    )


def ended(error: BaseException, whose: Note) -> ConfigError:
    """Return the error for an exception with which code tried to end the process.

    ``error``: e.g. `SystemExit`. ``whose``: the beginning of the sentence, e.g. ``The code of mine.MySource``.
    """
    reason = legible(text_of(error))
    if isinstance(error, SystemExit):
        ending = Note("asked_to_end", status=reason)
    elif reason:
        ending = Note("raised_to_end", kind=type(error).__name__, reason=reason)
    else:
        ending = Note("raised_without_reason", kind=type(error).__name__)
    return ConfigError(Note("code_ends_process", whose=whose, how=ending))
