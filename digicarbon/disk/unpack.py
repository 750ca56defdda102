"""Compressed files are checked before they are unpacked, because a small file can exceed any memory."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

from digicarbon.errors import DataError
from digicarbon.note import Note

MOST = 1 << 30
"""The most bytes of an unpacked file. A table of 1,302 by 1,302 sectors has about 100 million."""


def check_zip(file: Path) -> None:
    """Refuse a workbook or another zip file that is too large when unpacked; other files pass without a check.

    Raises
    ------
    DataError
    """
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > MOST:
            raise DataError(_too_large(file))


def gunzip(file: Path) -> bytes:
    """Return the content of a gzip file.

    Raises
    ------
    DataError
        If it is too large.
    """
    with gzip.open(file) as stream:
        content = stream.read(MOST + 1)
    if len(content) > MOST:
        raise DataError(_too_large(file))
    return content


def _too_large(file: Path) -> Note:
    return Note("file_unpacks_to_too_much", file=file.name, size=file.stat().st_size, most=MOST)
