"""The files of a page: the page itself, and those beside it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from digicarbon.disk.cells import plain_table
from digicarbon.disk.files import put
from digicarbon.errors import ConfigError
from digicarbon.note import Note, note_of
from digicarbon.page.section import MOST_PARTS, Section
from digicarbon.page.words import Words
from digicarbon.render import FORMATS
from digicarbon.render.html import STYLE
from digicarbon.version import __version__

HERE = Path(__file__).parent
PAGE = "index.html"


LARGEST = 5_000_000
"""A larger file is left out of a page that has its files within."""
TYPES = {
    ".csv": "text/csv",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".md": "text/markdown",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".tex": "text/x-tex",
    ".txt": "text/plain",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""What a browser is told of a file within a page, by its suffix."""


@dataclass(frozen=True)
class Download:
    """A file that a page leads to.

    ``name``: with its folder. ``address``: where it is, or the file itself as a data URI. ``saved_as``: what a browser
    calls it when it saves it; empty for a file beside the page.
    """

    name: str
    address: str
    saved_as: str = ""


OURS = b'<meta name="generator" content="digicarbon '
"""What every page has."""


def write_one(file: Path, content: bytes) -> None:
    """Write a page that is a single file, or replace one that was written earlier.

    Raises ConfigError if the file is something else, or cannot be written; it then remains unchanged.
    """
    try:
        if file.exists() and (file.is_dir() or OURS not in file.read_bytes()):
            raise ConfigError(Note("page_file_of_others", file=file))
        put(file, content)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(Note("folder_not_written", key="--out", folder=file, reason=reason)) from error


def files(
    title: str, sections: Sequence[Section], words: Words, whole: bool = False
) -> tuple[dict[str, bytes], list[Note]]:
    """Return the page and all files beside it, by name, and the reasons why formats cannot be written here.

    Several sections have a folder each. ``whole``: whether the page has its files within; then it is the only one.
    Files of more than `LARGEST` bytes, and pictures that the page shows anyway, are left out.
    """
    all_files: dict[str, bytes] = {}
    refusals: dict[Note, None] = {}
    folders: list[tuple[Section, str, list[Download], list[str]]] = []
    for one in sections:
        folder = f"{one.key}/" if len(sections) > 1 else ""
        own = {f"{folder}{name}": content for name, content in {**tables(one, refusals), **one.files}.items()}
        shown = {f"{folder}pictures/{picture.name}" for picture in one.pictures} if whole else set()
        left_out = [name for name, content in sorted(own.items()) if whole and len(content) > LARGEST]
        there = {name: content for name, content in sorted(own.items()) if name not in (*shown, *left_out)}
        links = [_within(name, there[name]) if whole else Download(name, quote(name)) for name in there]
        folders.append((one, folder, links, [name for name in left_out if name not in shown]))
        all_files |= {} if whole else own
    page = _environment().get_template("page.html.j2")
    text = page.render(
        title=title,
        sections=folders,
        several=len(sections) > 1,
        most=MOST_PARTS,
        whole=whole,
        simulated=[one.simulated for one in sections],
        say=words,
        language={"en": "en", "zh": "zh-CN"}[words.language],
        version=__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        table_style=Markup(STYLE),
        style=_markup_of("page.css"),
        script=_markup_of("explorer.js") + _markup_of("runs.js"),
    )
    return {PAGE: text.encode(), **all_files}, list(refusals)


def _within(name: str, content: bytes) -> Download:
    kind = TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
    # files of several experiments share their names
    return Download(name, f"data:{kind};base64,{base64.b64encode(content).decode()}", name.replace("/", "_"))


def tables(one: Section, refusals: dict[Note, None]) -> Mapping[str, bytes]:
    """Return the table in each format that can be written here; a missing package affects its format only."""
    if one.table is None:
        return {}
    contents = {}
    for suffix, write in FORMATS.items():
        # the page contains it
        if suffix == ".html":
            continue
        try:
            contents[f"table{suffix}"] = write(one.table)
        except ConfigError as error:
            refusals[note_of(error)] = None
    for name, part in one.table.by_file.items():
        contents[name] = plain_table(part.named).to_csv().encode("utf-8-sig")
    return contents


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["thousands"] = "{:,}".format
    return environment


def _markup_of(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))
