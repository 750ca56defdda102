"""Fenced code blocks of a page, and what happens to a reader who follows them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from digicarbon.__main__ import main

FENCE = re.compile(r'^```(\w*)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)

MACHINE = ("install", "tests")
"""Titles of blocks that set up a machine: `.ci/run` runs them."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its title (the file that it is saved as) and its text."""

    language: str
    title: str
    text: str


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page in their order."""
    return [Block(*found) for found in FENCE.findall(page.read_text(encoding="utf-8"))]


def in_order(lines: list[str], there: list[str]) -> list[str]:
    """The lines that are not there, or not in this order."""
    place = iter(there)
    return [line for line in lines if line not in place]


def follow(page: Path, folder: Path, capture: pytest.CaptureFixture[str]) -> int:
    """Save each block with a title in the folder, run each block of commands there, compare what is shown.

    A text block without a title holds lines that the last command has printed, in their order; one whose file is there
    already holds lines of that file.

    Returns
    -------
    int
        How many commands have run.
    """
    printed: list[str] = []
    ran = 0
    for block in blocks(page):
        file = folder / block.title
        if block.title in MACHINE:
            continue
        if block.language == "sh":
            for command in block.text.replace("\\\n", " ").splitlines():
                if command.startswith("cd "):
                    folder = folder / command.removeprefix("cd ")
                    os.chdir(folder)
                    continue
                printed = _run(command, capture)
                ran += 1
        elif block.language == "text" and (not block.title or file.is_file()):
            there = file.read_text(encoding="utf-8").splitlines() if block.title else printed
            assert block.text.strip(), "an empty block: tests/docs/refresh.py fills it"
            missing = in_order(block.text.splitlines(), there)
            assert not missing, "\n".join(["there is no such line, or not in this order:", missing[0], "", *there])
        else:
            assert block.title, f"a block of {block.language} that is saved nowhere:\n{block.text}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
    return ran


def _run(command: str, capture: pytest.CaptureFixture[str]) -> list[str]:
    words = shlex.split(command)
    capture.readouterr()
    if words[0] == "python":
        subprocess.run([sys.executable, *words[1:]], check=True)
    else:
        assert words[0] == "digicarbon", command
        assert main(words[1:]) == 0, command + capture.readouterr().err
    return [line.rstrip() for line in capture.readouterr().out.splitlines()]
