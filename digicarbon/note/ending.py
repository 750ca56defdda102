"""Code of a user's own that ends the process instead of returning a result."""

from __future__ import annotations

from digicarbon.errors import ConfigError, legible, text_of
from digicarbon.note import Note


def ended(error: BaseException, whose: Note) -> ConfigError:
    """Return the error for what code raised to end the process.

    Parameters
    ----------
    error : BaseException
        E.g. `SystemExit`.
    whose : Note
        The beginning of the sentence, e.g. ``The code of mine.MySource``.
    """
    reason = legible(text_of(error))
    if isinstance(error, SystemExit):
        how = Note("asked_to_end", status=reason)
    elif reason:
        how = Note("raised_to_end", kind=type(error).__name__, reason=reason)
    else:
        how = Note("raised_without_reason", kind=type(error).__name__)
    return ConfigError(Note("code_ends_process", whose=whose, how=how))
