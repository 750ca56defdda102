"""Parts of the files of a package: Markdown and JSON; and the tables of words that come with this room."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files


@cache
def shipped(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file of this room."""
    text = files(__package__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def as_json(content: object) -> bytes:
    """Return a JSON file."""
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def cell(text: object) -> str:
    """Return a text that stays in one cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is: no emphasis, no code, and no tag of HTML."""
    return re.sub(r"[\\*`]|<(?=[A-Za-z/!?])", r"\\\g<0>", text)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table without a line end after it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def box(ticked: object) -> str:
    """Return a box of a list of tasks."""
    return "[x]" if ticked is True else "[ ]"
