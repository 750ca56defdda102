"""Temporary folders of a sweep; the next sweep removes them if this one could not."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

PREFIX = "digicarbon-"
_LOCK = ".lock"


class Scratch:
    """A temporary folder, as a context manager that removes it.

    A command that is killed leaves its folder behind. The process that makes the folder holds a lock file beside it,
    which the system releases when the process ends for any reason. The next process that makes a folder removes those
    whose lock is free. A lock is more reliable than a process id, which another process or container may reuse.

    Attributes
    ----------
    path : Path
    """

    def __init__(self) -> None:
        from filelock import FileLock

        place = Path(tempfile.gettempdir())
        remove_abandoned(place)
        self.path = place / f"{PREFIX}{secrets.token_hex(8)}"
        self._lock = FileLock(_lock_file(self.path))
        # before the folder exists, so that no process sees it without a lock
        self._lock.acquire()
        self.path.mkdir(mode=0o700)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder."""
        # a joblib worker may outlive the sweep with a file still mapped, which Windows cannot delete
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        if not self.path.exists():
            _lock_file(self.path).unlink(missing_ok=True)


def remove_abandoned(place: Path) -> None:
    """Remove the folders of ended processes, except those of other users or that cannot be removed.

    Parameters
    ----------
    place : Path
        The system's folder of temporary files.
    """
    from filelock import FileLock

    for lock_file in place.glob(f"{PREFIX}*{_LOCK}"):
        # a held lock and a lock of another user both raise a subclass of OSError
        with suppress(OSError), FileLock(lock_file, timeout=0):
            folder = lock_file.with_suffix("")
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                lock_file.unlink(missing_ok=True)


def _lock_file(folder: Path) -> Path:
    return folder.with_suffix(_LOCK)
