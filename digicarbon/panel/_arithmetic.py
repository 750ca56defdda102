"""Arithmetic on columns: parsed as a formula, never run as Python."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from digicarbon.arrays import FloatArray
from digicarbon.note import Note

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_SIGN: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {ast.USub: np.negative, ast.UAdd: np.positive}


def columns_of(expression: str) -> tuple[str, ...]:
    """Return the columns that an expression names, each once, sorted.

    Raises
    ------
    ValueError
        If the expression is anything but + - * / ** and parentheses on columns and numbers.
    """
    nodes = list(ast.walk(_parsed(expression)))
    if not all(_allowed(node) for node in nodes):
        raise ValueError(Note("more_than_arithmetic", expression=expression))
    return tuple(sorted({node.id for node in nodes if isinstance(node, ast.Name)}))


def evaluate(expression: str, columns: Mapping[str, FloatArray]) -> FloatArray:
    """Return the value of an expression that `columns_of` accepts.

    Parameters
    ----------
    expression : str
    columns : mapping of str to ndarray, shape (rows,)
        At least every column that the expression names.

    Returns
    -------
    ndarray, shape (rows,) or () where no column is named
        Not finite where arithmetic gives no finite number, e.g. 1 / 0.
    """
    with np.errstate(all="ignore"):
        return np.asarray(_value(_parsed(expression), columns), dtype=np.float64)


def _parsed(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(Note("no_arithmetic", expression=expression)) from error


def _allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        # far below the largest float, which a long whole number could exceed
        number = node.value
        return isinstance(number, int | float) and not isinstance(number, bool) and abs(number) < 1e300
    return isinstance(node, ast.BinOp | ast.UnaryOp | ast.Name | ast.Load) or type(node) in {*_BINARY, *_SIGN}


def _value(node: ast.expr, columns: Mapping[str, FloatArray]) -> Any:
    match node:
        case ast.Name(id=name):
            return columns[name]
        case ast.BinOp(left=left, op=operator, right=right):
            return _BINARY[type(operator)](_value(left, columns), _value(right, columns))
        case ast.UnaryOp(op=sign, operand=operand):
            return _SIGN[type(sign)](_value(operand, columns))
        case ast.Constant(value=int() | float() as number):
            return np.float64(number)
        case _:
            raise TypeError(f"{ast.dump(node)} is no arithmetic.")
