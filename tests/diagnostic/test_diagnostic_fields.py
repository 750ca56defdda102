"""A field that changes nothing is a bug: each word of each diagnostic's fields has numbers of its own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from typing import Any

import classic as dc
import pandas as pd
import pytest
from cases import merged
from fields import Does, Numbers, changed, panel, shipped, varied, weights, worded

from digicarbon import diagnostic as room
from digicarbon.diagnostic import (
    Correlation,
    Descriptive,
    Diagnose,
    Diagnostic,
    GroupComparison,
    WildClusterBootstrap,
)
from digicarbon.errors import DigicarbonError

TERMS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("q",)}
SPATIAL = dc.SpatialPanel(**TERMS, kind="sdm")
LINEAR = dc.PanelRegression(**TERMS, cov="cluster")
FAINT = dc.PanelRegression(y="y", x=("none",), controls=("q",), cov="cluster")

BASES: dict[type[Diagnostic], list[Diagnostic]] = {
    Correlation: [Correlation(variables=("y", "x"))],
    Descriptive: [Descriptive(variables=("y",))],
    Diagnose: [Diagnose(model=SPATIAL, draws=19)],
    GroupComparison: [GroupComparison(model=LINEAR, by="half", draws=99)],
    # the kind of the run is compared in any case
    WildClusterBootstrap: [WildClusterBootstrap(model=FAINT, draws=999)],
    **merged("DIAGNOSTIC_BASES"),
}
DOES: dict[tuple[type[Diagnostic], str], Does] = {
    (Correlation, "kind"): Does("x"),
    (Descriptive, "ranges"): Does("min_between", keeps=("mean", "sd")),
    (Descriptive, "shape"): Does("skewness", keeps=("mean", "sd")),
    (Diagnose, "form"): Does("statistic"),
    (GroupComparison, "interact"): Does("estimate"),
    # of the permutation test
    (GroupComparison, "statistic"): Does("p", keeps=("se",)),
    (WildClusterBootstrap, "weights"): Does("p", keeps=("coef", "se", "stat")),
    (WildClusterBootstrap, "impose_null"): Does("p", keeps=("coef", "se", "stat")),
    (WildClusterBootstrap, "tails"): Does("p", keeps=("coef", "se", "stat")),
    (WildClusterBootstrap, "cluster"): Does("se", keeps=("coef",)),
    **merged("DIAGNOSTIC_DOES"),
}
"""The column of its tables that each field changes, as its docstring says, and those that it keeps."""
REFUSED: dict[tuple[type[Diagnostic], str], set[Any]] = {
    # a wild bootstrap has one level of clusters
    (WildClusterBootstrap, "cluster"): {"both"},
    **merged("DIAGNOSTIC_REFUSED"),
}


def classes() -> set[type[Diagnostic]]:
    """The diagnostics of the package that have a table and a choice of words."""
    return {cls for cls in shipped(Diagnostic, room) if worded(cls)}


def by_column(tables: Mapping[str, pd.DataFrame]) -> Numbers:
    """Return the cells of tables by the name of their column."""
    found: dict[str, dict[str, float]] = {}
    for name, table in tables.items():
        for column in table.columns:
            for place, value in zip(table.index, table[column], strict=True):
                number = isinstance(value, int | float)
                key = f"{name} {place}" + ("" if number else f" {value}")
                found.setdefault(str(column), {})[key] = float(value) if number else 1.0
    return found


@cache
def answer(cls: type[Diagnostic], base: int, name: str, value: Any) -> Numbers | DigicarbonError:
    """Return the numbers with one value of a field, or the sentence that refuses it."""
    diagnostic = varied(BASES[cls][base], name, value)
    if isinstance(diagnostic, DigicarbonError):
        return diagnostic
    assert isinstance(diagnostic, Diagnostic)
    try:
        own = merged("DIAGNOSTIC_PANELS").get(cls)
        return by_column(diagnostic.tables(panel(), weights()) if own is None else diagnostic.tables(own()))
    except DigicarbonError as error:
        return error


def test_every_diagnostic_with_words_is_here() -> None:
    assert set(BASES) == classes()
    assert {(cls, name) for cls in BASES for name in worded(cls)} == set(DOES)


@pytest.mark.parametrize(("cls", "name"), [pytest.param(*key, id=f"{key[0].__name__}-{key[1]}") for key in DOES])
def test_each_value_of_a_field_changes_what_its_docstring_names(cls: type[Diagnostic], name: str) -> None:
    does, values = DOES[cls, name], worded(cls)[name]
    found: dict[Any, dict[int, Numbers]] = {value: {} for value in values}
    for value, base in itertools.product(values, range(len(BASES[cls]))):
        numbers = answer(cls, base, name, value)
        if not isinstance(numbers, DigicarbonError):
            found[value][base] = numbers
    assert {value for value, numbers in found.items() if not numbers} == REFUSED.get((cls, name), set())
    for one, other in itertools.combinations([value for value in values if found[value]], 2):
        differ = [changed(found[one][base], found[other][base]) for base in found[one].keys() & found[other].keys()]
        assert any(does.changes in kinds for kinds in differ), (one, other, differ)
        for kinds in differ:
            assert not kinds.intersection(does.keeps), (one, other)
