"""Parts of the files of a package: Markdown and JSON; and the tables of words that come with this room."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from digicarbon.note import Language


@cache
def shipped(name: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file of this room."""
    text = files(__package__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def as_json(content: object) -> bytes:
    """Return a JSON file."""
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value."""
    return {key: value for key, value in fields.items() if value is not None}


def cell(text: object) -> str:
    """Return a text that stays in one cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is: no emphasis, no code, and no tag of HTML."""
    return re.sub(r"[\\*`]|<(?=[A-Za-z/!?])", r"\\\g<0>", text)


def box(ticked: object) -> str:
    """Return a box of a list of tasks."""
    return "[x]" if ticked is True else "[ ]"


class Words:
    """Short words of the documents in a language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.own = {row["key"]: row[language] for row in shipped("words")}

    def __call__(self, which: str, /, **fields: object) -> str:
        """Return the words of a key, with fields filled in."""
        return self.own[which].format(**fields)

    def table(self, which: str, rows: Iterable[Sequence[object]]) -> str:
        """Return a table with its heads, without a line end after it."""
        heads = self.own[f"heads_of_{which}"].split("|")
        return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in (heads, ["---"] * len(heads), *rows))

    def count(self, number: int, noun: str) -> str:
        """Return a number with its noun."""
        if self.language == "zh":
            return f"{number:,}{self.own[noun]}"
        return f"{number:,} {noun}{'' if number == 1 else 's'}"
