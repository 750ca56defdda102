"""What testifies the time of a lock besides its file: a tag of Git, and a time stamp of an authority (RFC 3161)."""

from __future__ import annotations

import secrets
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from digicarbon.errors import DigicarbonError, first_line
from digicarbon.note import Note
from digicarbon.sweep.provenance import unused

SHA256 = bytes.fromhex("0609608648016503040201")
"""The object identifier of SHA-256 in DER."""
INTEGER, OCTETS, SEQUENCE, MOMENT, TRUE = 0x02, 0x04, 0x30, 0x18, bytes.fromhex("0101ff")
SECONDS = 20.0
"""How long an authority may take."""
LARGEST = 1 << 20
"""Bytes of an answer, at most."""
GRANTED = (0, 1)
"""States of an answer that has a stamp."""


class StampError(DigicarbonError):
    """There is no tag or no time stamp; the lock itself is written."""


@dataclass(frozen=True)
class Stamp:
    """An authority's answer, as ``openssl ts -verify`` reads it, and the time that it says."""

    answer: bytes
    time: str


def tagged(folder: Path, name: str, message: str) -> str:
    """Make an annotated tag of Git in a folder's repository, and return its name, with a number if it is taken.

    Raises StampError if the folder is in no repository, or Git makes no tag.
    """
    if _git(folder, "rev-parse", "--verify", "HEAD").returncode:
        raise StampError(Note("lock_no_git"))
    tag = unused(name, _git(folder, "tag", "--list", f"{name}*").stdout.split("\n"), "{}-{}")
    made = _git(folder, "tag", "-a", tag, "-m", message)
    if made.returncode:
        raise StampError(Note("lock_no_tag", reason=made.stderr.strip().partition("\n")[0]))
    return tag


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def stamped(digest: str, url: str) -> Stamp:
    """Ask a time stamping authority at an address to stamp a SHA-256, 64 hexadecimal digits.

    Raises StampError if the authority cannot be reached, refuses, or its answer is about something else.
    """
    nonce = secrets.randbits(63)
    try:
        # a word such as "tsa" is no address, and a file is no authority
        if not url.startswith(("http://", "https://")):
            raise StampError(Note("lock_no_stamp", reason=Note("lock_no_address", address=url)))
        asked = urllib.request.Request(
            url, data=query(bytes.fromhex(digest), nonce), headers={"Content-Type": "application/timestamp-query"}
        )
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            content = answer.read(LARGEST)
    except (OSError, ValueError, urllib.error.URLError) as error:
        raise StampError(Note("lock_no_stamp", reason=first_line(error))) from error
    return Stamp(content, read(content, bytes.fromhex(digest), nonce))


def query(digest: bytes, nonce: int) -> bytes:
    """Return a query for a time stamp in DER: version, SHA-256 of the content, nonce, and the wish for certificates."""
    imprint = _der(SEQUENCE, _der(SEQUENCE, SHA256 + bytes.fromhex("0500")) + _der(OCTETS, digest))
    return _der(SEQUENCE, _integer(1) + imprint + _integer(nonce) + TRUE)


def read(answer: bytes, digest: bytes, nonce: int) -> str:
    """Return the time in an authority's answer; its signature is checked by ``openssl ts -verify``.

    Raises StampError if the authority refuses, or its answer is about something else.
    """
    try:
        status = _parts(_parts(_parts(answer)[0][1])[0][1])[0][1]
    except (IndexError, ValueError) as error:
        raise StampError(Note("lock_no_stamp", reason=Note("lock_stamp_unreadable"))) from error
    if int.from_bytes(status, "big") not in GRANTED:
        raise StampError(Note("lock_no_stamp", reason=Note("lock_stamp_refused", status=int.from_bytes(status, "big"))))
    place = answer.find(_der(OCTETS, digest))
    if place < 0 or _integer(nonce) not in answer[place:]:
        raise StampError(Note("lock_no_stamp", reason=Note("lock_stamp_of_other")))
    # the serial number and the time follow the imprint
    after = answer[place + 2 + len(digest) :]
    begin = 2 + after[1]
    kind, length = after[begin], after[begin + 1]
    if kind != MOMENT:
        raise StampError(Note("lock_no_stamp", reason=Note("lock_stamp_unreadable")))
    time = after[begin + 2 : begin + 2 + length].decode("ascii", "replace")
    return f"{time[:4]}-{time[4:6]}-{time[6:8]}T{time[8:10]}:{time[10:12]}:{time[12:14]}Z"


def _der(kind: int, content: bytes) -> bytes:
    length = len(content)
    if length < 128:
        return bytes([kind, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([kind, 0x80 | size]) + length.to_bytes(size, "big") + content


def _integer(value: int) -> bytes:
    return _der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _parts(content: bytes) -> list[tuple[int, bytes]]:
    """Return kind and content of each element of DER."""
    out = []
    place = 0
    while place < len(content):
        kind, length = content[place], content[place + 1]
        place += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(content[place : place + size], "big")
            place += size
        if place + length > len(content):
            raise ValueError(length)
        out.append((kind, content[place : place + length]))
        place += length
    return out
