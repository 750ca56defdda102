"""What the headings of input-output tables mean, in the codes, Chinese and English that statistical bureaus use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from digicarbon.importer._cells import text
from digicarbon.packs.china import facts


def _spellings(part: str) -> Mapping[str, tuple[str, ...]]:
    table = facts.io_labels()
    own = table[table["part"] == part]
    return {str(role): tuple(labels.split("|")) for role, labels in zip(own["role"], own["spellings"], strict=True)}


ROWS, COLUMNS = _spellings("row"), _spellings("column")
"""Labels of the rows below the sectors and of the columns right of them, by role."""

COEFFICIENTS = re.compile(r"系数|逆矩阵|列昂惕夫|里昂惕夫|coefficient|leontief|inverse", re.IGNORECASE)
"""Titles of tables that are derived from input-output tables."""


def key(label: str) -> str:
    """Return a label without case, blanks and punctuation, and without brackets at its end."""
    narrow = re.sub(r"\([^()]*\)$", "", text(label))
    return re.sub(r"[\W_]", "", narrow).casefold()


def sector_key(label: str) -> str:
    """Return a sector's name or code for comparisons within one table; 01 and 1 are the same code."""
    plain = re.sub(r"[\W_]", "", text(label)).casefold()
    return plain.lstrip("0") if plain.isdigit() else plain


def _by_key(roles: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {key(label): role for role, labels in roles.items() for label in labels}


_ROW, _COLUMN, _ORIGIN = _by_key(ROWS), _by_key(COLUMNS), _by_key(_spellings("origin"))


def row_role(label: str) -> str | None:
    """Return the role of a row with this label, None if it has none."""
    return _ROW.get(key(label))


def column_role(label: str) -> str | None:
    """Return the role of a column with this heading, None if it has none."""
    return _COLUMN.get(key(label))


def origin(label: str) -> str | None:
    """Return ``domestic`` or ``imported``, None for any other label."""
    return _ORIGIN.get(key(label))
