"""Commands that a page shows or that the product prints, as a reader would copy them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from blocks import blocks

VERBS = "fit|mcp|read|run|plan|check|lock|list|ui|rerun|compare|export|package|deliver|data|report|new|schema|COMMAND"
COMMAND = re.compile(rf"(?:[A-Z_]+=\S+ )?digicarbon (?:{VERBS}|-)")
_QUOTED = re.compile(r"`([^`]+)`")
_BARE = re.compile(rf"digicarbon (?:{VERBS})\b[^\n]*")
_MORE_THAN_IMPORTED = re.compile(r"digicarbon(?! import\b|\.)")


def of_page(page: Path) -> list[str]:
    """Commands in a page's blocks of commands, and in its running text between backticks."""
    shown = [line for block in blocks(page) if block.language in ("", "sh") for line in _lines(block.text)]
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    shown += [" ".join(code.split()).replace("\\|", "|") for code in _QUOTED.findall(text)]
    plain = [one.replace(".venv/bin/digicarbon", "digicarbon") for one in shown]
    return list(dict.fromkeys(one for one in plain if COMMAND.match(one)))


def _lines(text: str) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        yield from (part.partition(" #")[0].strip() for part in line.split(" && "))


def of_text(text: str) -> list[str]:
    """Commands in what is printed: between backticks, or bare from the name of the program to the end of the line.

    In a list of commands two blanks end a command and begin what it does.
    """
    quoted = [" ".join(code.split()) for code in _QUOTED.findall(text)]
    bare = [re.split(r" {2,}", found)[0] for found in _BARE.findall(_QUOTED.sub("", text))]
    return list(dict.fromkeys(one.strip() for one in (*quoted, *bare) if COMMAND.match(one)))


def of_code(file: Path) -> list[str]:
    """Commands in the texts of a module that are no docstrings; ``{…}`` stands for what is filled in."""
    source = file.read_text(encoding="utf-8")
    if not _MORE_THAN_IMPORTED.search(source):
        return []
    nodes = list(ast.walk(ast.parse(source)))
    filled = [node for node in nodes if isinstance(node, ast.JoinedStr)]
    silent = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    silent |= {id(part) for node in filled for part in ast.walk(node)}
    silent -= set(map(id, filled))
    texts = (_text(node) for node in nodes if id(node) not in silent)
    return list(dict.fromkeys(one for text in texts if "digicarbon" in text for one in of_text(text)))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.FormattedValue):
        return f"{{{ast.unparse(node.value)}}}"
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
