"""The files of a page: the page itself, and those beside it."""

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
from digicarbon.page.section import MOST_PARTS, Section
from digicarbon.page.words import Words
from digicarbon.render import FORMATS
from digicarbon.render.html import STYLE

HERE = Path(__file__).parent
PAGE = "index.html"


def files(
    title: str, sections: Sequence[Section], words: Words, now: datetime | None = None
) -> tuple[dict[str, bytes], list[str]]:
    """Return the page and all files beside it, by name, and the reasons why formats cannot be written here.

    Parameters
    ----------
    title : str
    sections : sequence of Section
        If there are several, each has its own folder.
    words : Words
    now : datetime, optional
        The time of creation that the page states.
    """
    all_files: dict[str, bytes] = {}
    refusals: dict[str, None] = {}
    folders: list[tuple[Section, str, list[str]]] = []
    for one in sections:
        folder = f"{one.key}/" if len(sections) > 1 else ""
        own = {f"{folder}{name}": content for name, content in {**tables(one, refusals), **one.files}.items()}
        folders.append((one, folder, sorted(own)))
        all_files |= own
    page = _environment().get_template("page.html.j2")
    text = page.render(
        title=title,
        sections=folders,
        several=len(sections) > 1,
        most=MOST_PARTS,
        simulated=[one.simulated for one in sections],
        say=words,
        language={"en": "en", "zh": "zh-CN"}[words.language],
        version=digicarbon.__version__,
        made=(now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        table_style=Markup(STYLE),
        style=_markup_of("page.css"),
        script=_markup_of("explorer.js") + _markup_of("runs.js"),
    )
    return {PAGE: text.encode(), **all_files}, list(refusals)


def tables(one: Section, refusals: dict[str, None]) -> Mapping[str, bytes]:
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
            refusals[str(error)] = None
    contents["table.csv"] = plain_table(one.table.named).to_csv().encode("utf-8-sig")
    if one.table.below is not None:
        contents["table_below.csv"] = plain_table(one.table.below.named).to_csv().encode("utf-8-sig")
    return contents


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = _thousands
    return environment


def _thousands(number: Any) -> str:
    return f"{number:,}"


def _markup_of(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))
