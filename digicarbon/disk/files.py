"""Files that are written completely or not at all, checked before they are unpacked, and removed at the end."""

from __future__ import annotations

import gzip
import os
import secrets
import shutil
import tempfile
import uuid
import zipfile
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from digicarbon.errors import DataError
from digicarbon.note import Note


def put(path: Path, content: bytes | Path) -> None:
    """Write or copy a file completely or not at all, and make its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("wb") as file:
            if isinstance(content, Path):
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


MOST = 1 << 30
"""The most bytes of an unpacked file. A table of 1,302 by 1,302 sectors has about 100 million."""


def check_zip(file: Path) -> None:
    """Raise a `DataError` for a workbook or another zip file that is too large when unpacked; other files pass."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > MOST:
            raise DataError(_too_large(file))


def gunzip(file: Path) -> bytes:
    """Return the content of a gzip file.

    Raises DataError if it is too large.
    """
    with gzip.open(file) as stream:
        content = stream.read(MOST + 1)
    if len(content) > MOST:
        raise DataError(_too_large(file))
    return content


def _too_large(file: Path) -> Note:
    return Note("file_unpacks_to_too_much", file=file.name, size=file.stat().st_size, most=MOST)


PREFIX = "digicarbon-"
_LOCK = ".lock"


class Scratch(AbstractContextManager["Scratch"]):
    """A temporary folder, as a context manager that removes it.

    A command that is killed leaves its folder behind. The process that makes the folder holds a lock file beside it,
    which the system releases when the process ends for any reason. The next process that makes a folder removes those
    whose lock is free. A lock is more reliable than a process id, which another process or container may reuse.
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

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder."""
        # a joblib worker may outlive the sweep with a file still mapped, which Windows cannot delete
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.release()
        if not self.path.exists():
            _lock_file(self.path).unlink(missing_ok=True)


def remove_abandoned(place: Path) -> None:
    """Remove the folders of ended processes, except those of other users or that cannot be removed."""
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
