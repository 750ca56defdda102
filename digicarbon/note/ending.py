"""The error for a user's own code that ends the process instead of returning a result."""

from __future__ import annotations

from digicarbon.errors import ConfigError, legible, text_of
from digicarbon.note import Note


def ended(error: BaseException, whose: Note) -> ConfigError:
    """Return the error for an exception with which code tried to end the process.

    Parameters
    ----------
    error : BaseException
        E.g. `SystemExit`.
    whose : Note
        The beginning of the sentence, e.g. ``The code of mine.MySource``.
    """
    reason = legible(text_of(error))
    if isinstance(error, SystemExit):
        ending = Note("asked_to_end", status=reason)
    elif reason:
        ending = Note("raised_to_end", kind=type(error).__name__, reason=reason)
    else:
        ending = Note("raised_without_reason", kind=type(error).__name__)
    return ConfigError(Note("code_ends_process", whose=whose, how=ending))
