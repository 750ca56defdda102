"""Compressed files are looked at before they are unpacked: a small one can hold more than any memory."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

from digicarbon.errors import DataError
from digicarbon.note import Note

MOST = 1 << 30
"""Bytes that a file may have unpacked. A table of 1,302 sectors by 1,302, China's by province, has some 100 million."""


def check_zip(file: Path) -> None:
    """Refuse a workbook or another zip file that unpacks to too much; others are left to who reads them.

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
    """Return what a gzip file holds.

    Raises
    ------
    DataError
        If it is too much.
    """
    with gzip.open(file) as stream:
        content = stream.read(MOST + 1)
    if len(content) > MOST:
        raise DataError(_too_large(file))
    return content


def _too_large(file: Path) -> Note:
    return Note("file_unpacks_to_too_much", file=file.name, size=file.stat().st_size, most=MOST)
