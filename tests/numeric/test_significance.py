"""A p value is significant at its level: one function decides, and no other code compares p with a level."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digicarbon
from digicarbon.numeric.significance import is_significant, stars_of

ROOT = Path(digicarbon.__file__).parent
COLUMNS = {"p", "left_p", "p_value", "step_down", "holm", "bh"}
"""What p values are called."""


@pytest.mark.parametrize("draws", [19, 99, 199, 999, 9999])
@pytest.mark.parametrize("level", [0.1, 0.05, 0.01])
def test_a_p_value_of_draws_is_significant_at_its_level(draws: int, level: float) -> None:
    most = math.floor(level * (draws + 1) + 1e-9)
    p = np.arange(1, draws + 2) / (draws + 1)
    assert is_significant(p, level).sum() == most
    # the level of an interval leaves a little less than 0.1 to p
    assert is_significant(p, 1 - (1 - level)).sum() == most


def test_what_is_no_number_is_not_significant() -> None:
    assert is_significant(math.nan, 0.05) is False
    assert is_significant(pd.Series([0.05, math.nan, 0.06]), 0.05).tolist() == [True, False, False]
    assert stars_of(math.nan, (0.1, 0.05, 0.01)) == ""


@pytest.mark.parametrize(("p", "stars"), [(0.11, ""), (0.1, "*"), (0.05, "**"), (0.01, "***"), (0.0, "***")])
def test_a_star_is_reached_at_its_level(p: float, stars: str) -> None:
    assert stars_of(p, (0.1, 0.05, 0.01)) == stars


def _is_p(node: ast.expr) -> bool:
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in COLUMNS
        case ast.Subscript(value=value, slice=ast.Constant(value=str() as name)):
            return name in COLUMNS
        case ast.Subscript(value=value):
            return _is_p(value)
    return False


def _compared(text: str) -> list[str]:
    """Return where p is compared with something that is neither a number nor another p."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Lt | ast.LtE | ast.Gt | ast.GtE):
            sides = [node.left, *node.comparators]
            others = [side for side in sides if not _is_p(side)]
            if len(others) < len(sides) and not all(isinstance(side, ast.Constant) for side in others):
                found.append(ast.unparse(node))
    return found


def test_no_other_code_compares_p_with_a_level() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {one}"
        for path in ROOT.rglob("*.py")
        if path.name != "significance.py"
        for one in _compared(path.read_text(encoding="utf-8"))
    }
    # whether an interval holds zero is decided by the same level with its rounding
    assert found == {"numeric/resampling/unit_wild.py: p > alpha_of(level)"}


@pytest.mark.parametrize("text", ["p < level", "row['p'] <= self.stop", "test.p > alpha", "each['p'].to_numpy() < x"])
def test_such_a_comparison_is_found(text: str) -> None:
    assert _compared(text) == [text]
