"""Reasons why a store does not accept runs, and whether waiting may help.

MLflow is not loaded for that: if it raised the error, it is loaded.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from digicarbon.errors import TrackingError, first_line
from digicarbon.note import Note, note_of
from digicarbon.secret import hidden
from digicarbon.tracking._places import masked
from digicarbon.tracking._rows import RefusedError

URI = "tracking.uri"
NO_HOST = Note("store_no_host")
DISK_FULL = Note("store_disk_full")
TEXT_DAMAGED = Note("store_text_damaged")
SERVER: Mapping[str, Note] = {
    "Connection refused": Note("store_no_server"),
    "Failed to resolve": NO_HOST,
    "Name or service not known": NO_HOST,
    "timed out": Note("store_server_late"),
    "Max retries exceeded": Note("store_server_silent"),
}
"""Errors of servers that do not answer, and our notes on them."""
SAID: Mapping[str, Note] = {
    "database or disk is full": DISK_FULL,
    "No space left on device": DISK_FULL,
    "readonly database": Note("store_read_only"),
    "Read-only file system": Note("store_folder_read_only"),
    "unable to open database file": Note("store_file_not_opened"),
    "database is locked": Note("store_locked"),
    "file is not a database": Note("store_no_database"),
    "disk image is malformed": Note("store_damaged"),
    "Could not decode to UTF-8": TEXT_DAMAGED,
    **SERVER,
}
"""Errors of stores, and our notes on them."""
_COPY = Note("store_other_or_copy", key=URI)
ADVICE: Mapping[str, Note] = {
    "store_no_database": _COPY,
    "store_damaged": _COPY,
    "store_is_folder": Note("store_other_or_move", key=URI),
    "store_of_another_program": Note("store_other", key=URI),
    **dict.fromkeys((said.code for said in SERVER.values()), Note("store_start_server", key=URI)),
}
"""What to do about a store that cannot be opened, by the code of the note on it."""
OPENED, WRITTEN, READ = Note("store_not_opened"), Note("store_not_written"), Note("store_not_read")
"""Notes for a store that cannot be opened, written or read."""
REFUSES_RUNS = Note("store_refuses_runs")


def kinds() -> tuple[type[Exception], ...]:
    """Return the errors that a store can raise, of the libraries that are loaded; call it after an error."""
    loaded = [_loaded("mlflow.exceptions", "MlflowException"), _loaded("sqlalchemy.exc", "SQLAlchemyError")]
    # a text with damaged bytes is not UTF-8
    return (*filter(None, loaded), RefusedError, OSError, sqlite3.Error, LookupError, UnicodeDecodeError, ImportError)


def passes(error: Exception) -> bool:
    """Return whether a failure may be temporary: no answer, a restart, a lock, a full disk."""
    public = _loaded("mlflow.exceptions", "MlflowException")
    if public is not None and isinstance(error, public):
        status: int = error.get_http_status_code()
        return status >= 500 or status == 429
    names = ("OperationalError", "InterfaceError", "TimeoutError")
    database = tuple(filter(None, (_loaded("sqlalchemy.exc", name) for name in names)))
    return isinstance(error, (OSError, sqlite3.OperationalError, *database))


def reason(error: BaseException) -> Note:
    """Return why a store refuses, in few words."""
    if error.args and isinstance(error.args[0], Note):
        # raised by this package
        return error.args[0]
    if isinstance(error, UnicodeDecodeError):
        return TEXT_DAMAGED
    if isinstance(error, ImportError):
        return Note("store_no_driver", reason=first_line(error))
    text = first_line(error)
    return next((note for words, note in SAID.items() if words in text), note_of(hidden(text)))


def advice(error: BaseException) -> Note:
    """Return what to do about a store that cannot be opened."""
    return ADVICE.get(reason(error).code, Note("store_check_rights"))


def refusal(uri: str, what: Note, error: BaseException, advice: Note | None = None) -> TrackingError:
    """Return the error on a store that refuses something."""
    store, why = masked(uri), reason(error)
    if advice is None:
        return TrackingError(Note("store_refuses", key=URI, store=store, what=what, why=why))
    return TrackingError(Note("store_refuses_and", key=URI, store=store, what=what, why=why, more=advice))


@contextmanager
def refused(uri: str, what: Note, more: Note | None = None, advises: bool = False) -> Iterator[None]:
    """Turn an error of a store into a `TrackingError`.

    ``what``: what the store does not do. ``more``: a further note for the message. ``advises``: whether to add advice
    that fits the error. Raises TrackingError if the store raised an error.
    """
    try:
        yield
    except kinds() as error:
        raise refusal(uri, what, error, advice(error) if advises else more) from error


def _loaded(module: str, name: str) -> Any:
    return getattr(sys.modules.get(module), name, None)
