"""Entries of a bibliography in BibTeX, and how they are listed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_ENTRY = re.compile(r"@(\w+)\s*\{\s*([^,\s]+)\s*,")
_FIELD = re.compile(r"(\w+)\s*=\s*")


@dataclass(frozen=True)
class Entry:
    """An entry of a bibliography: e.g. ``hansen1999`` and ``article``, and its fields as written in BibTeX."""

    key: str
    kind: str
    fields: Mapping[str, str]

    @property
    def bibtex(self) -> str:
        """The entry in BibTeX."""
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in self.fields.items())
        return f"@{self.kind}{{{self.key},\n{lines}}}\n"

    def __str__(self) -> str:
        """Return the entry as a line of Markdown."""
        own = {name: plain(value) for name, value in self.fields.items()}
        within = own.get("journal") or own.get("booktitle") or ""
        title = own.get("title", self.key)
        whole = self.kind in ("book", "phdthesis")
        if "author" not in own and "note" in own:
            # the citation of a source of data, as its authors wrote it
            return " ".join(filter(None, (own["note"], own.get("url", ""))))
        ended = title if title.endswith((".", "?", "!")) else f"{title}."
        parts = [_people(self.fields.get("author", "")), own.get("year", ""), f"*{title}*" if whole else f"“{ended}”"]
        number = f"({own['number']})" if "number" in own else ""
        journal = f"{'In ' * (self.kind == 'incollection')}*{within}*" if within else ""
        place = " ".join(filter(None, (journal, own.get("volume", "") + number)))
        place += f": {own['pages']}" if "pages" in own else ""
        edition = f"{own['edition']} edition" if "edition" in own else ""
        publisher = ": ".join(filter(None, (own.get("address", ""), own.get("publisher", ""))))
        note = [
            own.get("howpublished", ""),
            own.get("version", "") and f"Version {own['version']}",
            own.get("note", ""),
        ]
        url = f"https://doi.org/{own['doi']}" if "doi" in own else own.get("url", "")
        parts += [place, edition, publisher, *note, url]
        return " ".join(part if part.endswith((".", "”")) else f"{part}." for part in parts if part)


def plain(text: str) -> str:
    """Return the text of a field of BibTeX without its marks."""
    for mark, letter in (("---", "—"), ("--", "–"), (r"\&", "&"), ("$", "")):
        text = text.replace(mark, letter)
    return re.sub(r"[{}]", "", text)


def _people(authors: str) -> str:
    names = [plain(name).split(", ") for name in authors.split(" and ") if name]
    words = [name[0] if len(name) == 1 else f"{name[1]} {name[0]}" for name in names]
    if names:
        words[0] = ", ".join(names[0])
    if words and words[-1] == "others":
        return f"{', '.join(words[:-1])}, et al"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def entries(text: str) -> list[Entry]:
    """Return the entries of a text in BibTeX; what is between them is left out.

    Raises ValueError if an entry has no end, or a text has none; the argument is the key or the text's beginning.
    """
    found: list[Entry] = []
    place = 0
    while match := _ENTRY.search(text, place):
        body, place = _braced(text, match.end(), match[2])
        found.append(Entry(match[2], match[1].lower(), dict(_fields(body))))
    if not found and text:
        raise ValueError(" ".join(text.split())[:40])
    return found


def _braced(text: str, start: int, key: str) -> tuple[str, int]:
    """Return what stands before the brace that ends an entry, and the place after it."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[start:place], place + 1
    raise ValueError(key)


def _fields(body: str) -> Iterator[tuple[str, str]]:
    place = 0
    while match := _FIELD.search(body, place):
        start = match.end()
        opener = body[start : start + 1]
        if opener == "{":
            value, place = _braced(body, start + 1, match[1])
        elif opener == '"':
            place = body.find('"', start + 1) + 1 or len(body)
            value = body[start + 1 : place - 1]
        else:
            place = min(end for end in (body.find(",", start), len(body)) if end >= 0)
            value = body[start:place].strip()
        yield match[1].lower(), " ".join(value.split())
