"""Fields that a specification has from its base classes, on its page of the Python interface."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe

SPEC = "digicarbon.spec.Spec"
_SECTION = re.compile(r"^Attributes\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r"^(\S[^\n]*?)( : [^\n]*)?\n((?:[ ]+[^\n]*\n|\n)*)", re.MULTILINE)
_REFERENCE = re.compile(r"\s*As in `[\w.]+`\.\s*")


class Fields(griffe.Extension):
    """Puts what docstrings of base classes say of fields into those of specifications, which do not repeat it."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        """Change the docstrings after the whole package has been read, each by what is written in the files."""
        texts = {one: one.docstring.value + "\n" for one in _classes(pkg) if one.docstring is not None}
        for one, text in texts.items():
            bases = [base for base in one.mro() if isinstance(base, griffe.Class)]
            if one.docstring is not None and SPEC in {base.path for base in bases}:
                fields: dict[str, str] = {}
                # as in the class, fields of bases come first; the nearest that says something is shown
                for base in (*reversed(bases), one):
                    for name, entry, refers in _entries(texts.get(base, "")):
                        if not refers or name not in fields:
                            fields[name] = entry
                one.docstring.value = _with(text, "".join(fields.values()))


def _classes(within: griffe.Module | griffe.Class) -> Iterator[griffe.Class]:
    for member in within.members.values():
        if isinstance(member, griffe.Class):
            yield member
        elif isinstance(member, griffe.Module):
            yield from _classes(member)


def _entries(text: str) -> Iterator[tuple[str, str, bool]]:
    """Yield the name of each attribute, what is said of it, and whether that is a reference to another class alone."""
    section = _SECTION.search(text)
    for entry in _ENTRY.finditer(section[1] if section else ""):
        for name in entry[1].split(","):
            text = f"{name.strip()}{entry[2] or ''}\n{entry[3].rstrip()}\n"
            yield name.strip(), text, _REFERENCE.fullmatch(entry[3]) is not None


def _with(text: str, attributes: str) -> str:
    """Return a docstring with other attributes."""
    section = _SECTION.search(text)
    if section is not None:
        return f"{text[: section.start(1)]}{attributes}\n{text[section.end(1) :]}"
    first = re.search(r"^\S[^\n]*\n-+\n", text, re.MULTILINE)
    at = len(text) if first is None else first.start()
    return f"{text[:at].rstrip()}\n\nAttributes\n----------\n{attributes}\n{text[at:]}" if attributes else text
