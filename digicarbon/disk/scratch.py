"""Temporary folders of a sweep, which the next one removes if this one could not."""

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
    """A temporary folder; a context that removes it.

    A command that is killed leaves its folder behind. The folder's maker holds a lock beside it that the system lets go
    of when the process ends, however it ends; whoever makes the next folder removes those whose lock nobody holds. A
    lock tells this more surely than a process id, which another process, or one in another container, may have.

    Attributes
    ----------
    path : Path
    """

    def __init__(self) -> None:
        from filelock import FileLock

        place = Path(tempfile.gettempdir())
        remove_abandoned(place)
        self.path = place / f"{PREFIX}{secrets.token_hex(8)}"
        self._lock = FileLock(_beside(self.path))
        # before there is a folder, so that nobody sees one without a lock
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
        # a worker of joblib may outlive the sweep with a file still mapped, which Windows does not let go
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        if not self.path.exists():
            _beside(self.path).unlink(missing_ok=True)


def remove_abandoned(place: Path) -> None:
    """Remove the folders whose makers are gone; what belongs to others, or cannot be removed, stays.

    Parameters
    ----------
    place : Path
        The system's folder of temporary files.
    """
    from filelock import FileLock

    for beside in place.glob(f"{PREFIX}*{_LOCK}"):
        # a lock that is held raises an error of this family, too, and so does one of another user
        with suppress(OSError), FileLock(beside, timeout=0):
            folder = beside.with_suffix("")
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                beside.unlink(missing_ok=True)


def _beside(folder: Path) -> Path:
    return folder.with_suffix(_LOCK)
