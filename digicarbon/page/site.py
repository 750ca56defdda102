"""Sections to files: the page, and what lies beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import digicarbon
from digicarbon.disk.cells import plain_table
from digicarbon.errors import ConfigError
from digicarbon.page.section import Section
from digicarbon.page.words import Words
from digicarbon.render import FORMATS
from digicarbon.render.html import STYLE

HERE = Path(__file__).parent
PAGE = "index.html"


def files(
    title: str, sections: Sequence[Section], words: Words, now: datetime | None = None
) -> tuple[dict[str, bytes], list[str]]:
    """Return the page and all files beside it, by name, and sentences on formats that cannot be written here.

    Parameters
    ----------
    title : str
    sections : sequence of Section
        Of a page of several, each has a folder of its own.
    words : Words
    now : datetime, optional
        What the page says it was made at.
    """
    found: dict[str, bytes] = {}
    lacking: dict[str, None] = {}
    folders: list[tuple[Section, str, list[str]]] = []
    for one in sections:
        folder = f"{one.key}/" if len(sections) > 1 else ""
        own = {f"{folder}{name}": content for name, content in {**_tables(one, lacking), **one.files}.items()}
        folders.append((one, folder, sorted(own)))
        found |= own
    page = _environment().get_template("page.html.j2")
    text = page.render(
        title=title,
        sections=folders,
        several=len(sections) > 1,
        simulated=[one.simulated for one in sections],
        say=words,
        language={"en": "en", "zh": "zh-CN"}[words.language],
        version=digicarbon.__version__,
        made=(now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        table_style=Markup(STYLE),
        style=_own("page.css"),
        script=_own("runs.js"),
    )
    return {PAGE: text.encode(), **found}, list(lacking)


def _tables(one: Section, lacking: dict[str, None]) -> Mapping[str, bytes]:
    """Return the table in each format that can be written here; a package that is missing costs its format only."""
    if one.table is None:
        return {}
    found = {}
    for suffix, write in FORMATS.items():
        # the page has it
        if suffix == ".html":
            continue
        try:
            found[f"table{suffix}"] = write(one.table)
        except ConfigError as error:
            lacking[str(error)] = None
    found["table.csv"] = plain_table(one.table.cells).to_csv().encode("utf-8-sig")
    if one.table.below is not None:
        found["table_below.csv"] = plain_table(one.table.below.cells).to_csv().encode("utf-8-sig")
    return found


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["thousands"] = _thousands
    return made


def _thousands(number: Any) -> str:
    return f"{number:,}"


def _own(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))
