"""What a store that does not take runs says, and whether waiting may help."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from digicarbon.tracking._places import first_line

SAID: Mapping[str, str] = {
    "database or disk is full": "the disk is full",
    "No space left on device": "the disk is full",
    "readonly database": "it is read-only",
    "Read-only file system": "its folder is read-only",
    "database is locked": "another program has kept it locked for a minute",
}


def kinds() -> tuple[type[Exception], ...]:
    """Return what a store raises when it refuses: each layer has its own class for it."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return (MlflowException, SQLAlchemyError, OSError, sqlite3.Error, LookupError)


def passes(error: Exception) -> bool:
    """Return whether a failure may be over later: no answer, a restart, a lock, a full disk."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError

    if isinstance(error, MlflowException):
        status: int = error.get_http_status_code()
        return status >= 500 or status == 429
    return isinstance(error, OSError | OperationalError | InterfaceError | TimeoutError | sqlite3.OperationalError)


def reason(error: BaseException) -> str:
    """Return why a store refuses, in few words."""
    text = first_line(error)
    return next((said for known, said in SAID.items() if known in text), text)
