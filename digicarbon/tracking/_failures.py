"""What a store that does not take runs says, and whether waiting may help.

MLflow is not loaded for that: what raises its errors has loaded it.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from digicarbon.errors import TrackingError, first_line
from digicarbon.secret import hidden
from digicarbon.tracking._places import masked
from digicarbon.tracking._valid import RefusedError

SERVER: Mapping[str, str] = {
    "Connection refused": "no server answers there",
    "Failed to resolve": "there is no such host",
    "Name or service not known": "there is no such host",
    "timed out": "the server does not answer in time",
    "Max retries exceeded": "the server does not answer",
}
"""What servers that do not answer say, and how it is told."""
SAID: Mapping[str, str] = {
    "database or disk is full": "the disk is full",
    "No space left on device": "the disk is full",
    "readonly database": "it is read-only",
    "Read-only file system": "its folder is read-only",
    "unable to open database file": "its file cannot be opened for writing, or its folder is read-only",
    "database is locked": "another program has kept it locked for a minute",
    "file is not a database": "the file is no database, or it is damaged",
    "disk image is malformed": "the file is damaged",
    "Could not decode to UTF-8": "the file is damaged: a text in it cannot be read",
    **SERVER,
}
OTHER_FILE = "Name another file, e.g. tracking.uri=sqlite:///mlruns/other.db"
ADVICE: Mapping[str, str] = {
    "not a database": f"{OTHER_FILE}, or put a copy of this one back.",
    "malformed": f"{OTHER_FILE}, or put a copy of this one back.",
    "it is a folder": f"{OTHER_FILE}, or move the folder away.",
    "another program's": f"{OTHER_FILE}.",
    **dict.fromkeys(SERVER, "Start the server, or check the address (tracking.uri)."),
}
"""What to do about a store that cannot be opened."""


def kinds() -> tuple[type[Exception], ...]:
    """Return what a store raises when it refuses, as far as its layers are loaded: ask when something was raised."""
    loaded = [_loaded("mlflow.exceptions", "MlflowException"), _loaded("sqlalchemy.exc", "SQLAlchemyError")]
    # a text whose bytes are damaged is no UTF-8
    return (*filter(None, loaded), RefusedError, OSError, sqlite3.Error, LookupError, UnicodeDecodeError, ImportError)


def passes(error: Exception) -> bool:
    """Return whether a failure may be over later: no answer, a restart, a lock, a full disk."""
    public = _loaded("mlflow.exceptions", "MlflowException")
    if public is not None and isinstance(error, public):
        status: int = error.get_http_status_code()
        return status >= 500 or status == 429
    names = ("OperationalError", "InterfaceError", "TimeoutError")
    database = tuple(filter(None, (_loaded("sqlalchemy.exc", name) for name in names)))
    return isinstance(error, (OSError, sqlite3.OperationalError, *database))


def reason(error: BaseException) -> str:
    """Return why a store refuses, in few words."""
    if isinstance(error, UnicodeDecodeError):
        return "the file is damaged: a text in it cannot be read"
    if isinstance(error, ImportError):
        return f"its driver is not installed: {first_line(error)}"
    text = first_line(error)
    return next((said for known, said in SAID.items() if known in text), hidden(text))


def advice(error: BaseException) -> str:
    """Return what to do about a store that cannot be opened."""
    text = first_line(error)
    known = (said for part, said in ADVICE.items() if part in text)
    return next(known, "Check the folder's rights and the address, or choose another.")


def refusal(uri: str, what: str, error: BaseException, advice: str = "") -> TrackingError:
    """Return the sentence on a store that refuses something."""
    return TrackingError(f"tracking.uri: the store {masked(uri)} {what} ({reason(error)}). {advice}".strip())


@contextmanager
def refused(uri: str, what: str, more: str | None = "") -> Iterator[None]:
    """Turn what a store raises into a sentence.

    Parameters
    ----------
    uri, what : str
    more : str or None
        What to do; None takes it from what was raised.

    Raises
    ------
    TrackingError
        If it raised something.
    """
    try:
        yield
    except kinds() as error:
        raise refusal(uri, what, error, advice(error) if more is None else more) from error


def _loaded(module: str, name: str) -> Any:
    return getattr(sys.modules.get(module), name, None)
