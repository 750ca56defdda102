"""English words in a Chinese text."""

from __future__ import annotations

import re

from english import english

from digicarbon.cli.usage import parser
from digicarbon.config.files import GROUPS, SWEEP_KEYS

NAMES = ["digicarbon", "Hydra", "MLflow", "Code", "Word", "Excel", "LaTeX", "Schema", "Ctrl", "Git", "Stata"]


TYPED = frozenset(
    [*GROUPS, *SWEEP_KEYS, *parser().verbs, *NAMES, "seed", "cd", "en", "sha", "openssl", "bib", "python"]
)
"""Names of groups, keys, verbs and programs."""


AS_TYPED = re.compile(
    r"`[^`]*`"
    r"|(?<=：)digicarbon .*"  # a line of usage
    r"|--?[a-z][\w-]*|\b[A-Z]{2,}\b|\{[^}]*\}"  # flags, names in capitals, values
    r"|\w+(?:, \w+)+"  # a list of names
    r"|(?:sqlite:/)?[./]*\w+/[\w./-]*|\./\w+"  # paths
    r"|（(?:no viable|No module)[^（）]*）",  # the reason in words of Python or Hydra
    re.ASCII,
)


def prose_of(text: str) -> list[str]:
    """Return the English words of a text that are not words as they are typed."""
    return [word for word in english(AS_TYPED.sub(" ", text)) if word not in TYPED]
