"""What is wrong with the syntax of a YAML file, with a cure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import yaml

from digicarbon.errors import legible
from digicarbon.note import Note

_KEY = r"[^\s:#'\"{}\[\],&*!|>%@`-][^:#'\"{}\[\],]*"
_NO_BLANK = re.compile(rf"\s*(?:- +)*(?P<key>{_KEY}):(?P<value>[^\s/:].*)")
_TWO_COLONS = re.compile(rf"\s*(?:- +)*{_KEY}:\s+[^'\"{{\[].*:(?:\s|$)")


MOST_VALUES = 100_000
"""Values that a file may have once what its aliases (``*name``) repeat is written out."""


def repeats_too_much(path: Path) -> bool:
    """Return whether aliases of a file stand for more than `MOST_VALUES` values, or for what they stand in.

    A file of ten lines can so name a thousand million. What the parser refuses is left to it.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if "&" not in text or "*" not in text:
        return False
    sizes: dict[str, int] = {}
    opened: list[tuple[str | None, int]] = [(None, 0)]
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                if any(event.anchor == anchor for anchor, _ in opened):
                    return True
                anchor, size = None, sizes.get(str(event.anchor), 0)
            elif isinstance(event, yaml.CollectionStartEvent):
                opened.append((event.anchor, 1))
                continue
            elif isinstance(event, yaml.CollectionEndEvent):
                anchor, size = opened.pop()
            elif isinstance(event, yaml.ScalarEvent):
                anchor, size = event.anchor, 1
            else:
                continue
            if anchor is not None:
                sizes[anchor] = size
            opened[-1] = opened[-1][0], opened[-1][1] + size
            if size > MOST_VALUES:
                return True
    except yaml.YAMLError:
        return False
    return opened[0][1] > MOST_VALUES


def half_letter(path: Path) -> str:
    """Return the first text of a file that no other file can hold, since it has half a letter."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    if "\\ud" not in text.lower():
        return ""
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.ScalarEvent) and legible(event.value) != event.value:
                return legible(event.value)
    return ""


def fault(error: yaml.YAMLError, path: Path) -> Note:
    """Return the line and what is wrong there, e.g. in line 3.

    Parameters
    ----------
    error : yaml.YAMLError
        What the parser raised.
    path : Path
        The file that it read.
    """
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    if problem is None or mark is None:
        return Note("yaml_reason", reason=" ".join(str(error).split()))
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    opened = getattr(error, "context_mark", None)
    begun = mark.line if opened is None else opened.line
    number, said = _at_line(problem, str(error.context or ""), mark.line, mark.column, begun, lines)
    return Note("yaml_line", line=number + 1, said=said)


def _at_line(problem: str, context: str, line: int, column: int, begun: int, lines: list[str]) -> tuple[int, Note]:
    """Return the line, counted from 0, and what is wrong there."""
    text = lines[line] if line < len(lines) else ""
    if found := re.match(r"found character '(.+)' that cannot start any token", problem):
        if found[1] == r"\t":
            return line, Note("yaml_tab")
        return line, Note("yaml_value_in_quotes", begins=found[1])
    if problem.startswith("could not find expected ':'") or "mapping values are not allowed" in problem:
        # the line before may lack the blank, and the parser falls over the next colon
        for number in dict.fromkeys((begun, line, max(line - 1, 0))):
            if blank := _without_blank(lines[number] if number < len(lines) else ""):
                return number, blank
    if problem.startswith("could not find expected ':'"):
        return begun, Note("yaml_no_colon")
    if "mapping values are not allowed" in problem:
        if _TWO_COLONS.match(text) and ":" in text[:column]:
            return line, Note("yaml_two_colons")
        return line, _indentation(line, lines)
    if problem.startswith("found unexpected end of stream") and "quoted" in context:
        return begun, Note("yaml_open_quote")
    if problem.startswith(("expected ',' or ']'", "expected ',' or '}'")):
        opener, closer = ("[", "]") if "']'" in problem else ("{", "}")
        if "but got ':'" in problem and line == begun:
            return line, Note("yaml_colon_in_brackets")
        return begun, Note("yaml_open_bracket", opener=opener, closer=closer)
    if found := re.match(r"found duplicate key (.*)", problem):
        return line, Note("yaml_key_twice", name=found[1])
    if problem.startswith("found undefined alias"):
        return line, Note("yaml_value_in_quotes", begins="*")
    if "'<block mapping start>'" in problem or "'<block sequence start>'" in problem:
        return line, _indentation(line, lines)
    if found := re.search(r"but found '([]}])'", problem):
        return line, Note("yaml_lone_bracket", bracket=found[1])
    if "but found '<scalar>'" in problem:
        return line, Note("yaml_goes_on")
    return line, Note("yaml_problem", reason=" ".join(f"{context} {problem}".split()))


def _indentation(line: int, lines: list[str]) -> Note:
    before = next((text for text in reversed(lines[:line]) if text.strip() and not text.strip().startswith("#")), "")
    blanks = [len(text) - len(text.lstrip(" ")) for text in (lines[line] if line < len(lines) else "", before)]
    return Note("yaml_indentation", here=_counted(blanks[0]), before=_counted(blanks[1]))


def _counted(blanks: int) -> Note:
    return Note("yaml_blanks", blanks=blanks) if blanks else Note("yaml_no_blanks")


def _without_blank(text: str) -> Note | None:
    """Return what is wrong with a line such as ``key:value``; None for others."""
    found = _NO_BLANK.match(text)
    return None if found is None else missing_blank(found["key"].strip(), found["value"])


def missing_blank(key: str, value: str) -> Note:
    """Return what is said of a colon without a blank behind it."""
    return Note("yaml_no_blank", name=key, value=value.split()[0])


def glued(content: object, known: frozenset[str]) -> str:
    """Return the first key of a file that is a key and its value, with no blank behind the colon; empty if none is.

    YAML reads ``Pooled:{model: pooled}`` as a key ``Pooled:{model`` and ``{model:sdm}`` as a key without a value.

    Parameters
    ----------
    content : object
        Plain values.
    known : frozenset of str
        What a key begins with where it has no value.
    """
    if isinstance(content, list):
        return next(filter(None, (glued(item, known) for item in content)), "")
    if not isinstance(content, Mapping):
        return ""
    for key, value in content.items():
        name, colon, rest = str(key).partition(":")
        if colon and (rest[:1] in ("{", "[") or (value is None and rest and name.split(".")[0] in known)):
            return str(key)
        if found := glued(value, known):
            return found
    return ""
