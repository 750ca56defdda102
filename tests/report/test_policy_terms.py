"""Effects by event time stand in the order of time, whatever the runs' own order and the terms' names."""

from __future__ import annotations

import numpy as np
import pytest

from digicarbon.report import Record, RegressionTable
from digicarbon.result import Constituent, Result, Role


def result(*levels: str, name: str = "e{}", controls: tuple[str, ...] = ()) -> Result:
    """Return a result whose terms are named by anything; what they are made of says their event times."""
    terms = ("pilot", *(name.format(place) for place in range(len(levels))), *controls)
    made_of = [Constituent("pilot"), *(Constituent("pilot", level=level) for level in levels)]
    made_of += [Constituent(control) for control in controls]
    roles = tuple(Role("regressor", made_of=(part,)) for part in made_of)
    many = len(terms)
    return Result("did", "y", ("pilot",), terms, np.arange(1.0, many + 1), np.eye(many), roles=roles)


def rows(records: list[Record], **fields: object) -> list[str]:
    table = RegressionTable(language=None, effects=False, statistics=(), tests=(), **fields).table("t", records)
    return [row for row in table.cells.index if row]


def named(label: str, found: Result) -> Record:
    return Record(label, {}, {}, found)


def test_levels_are_sorted_as_numbers_after_the_overall_effect() -> None:
    records = [named("A", result("2", "-10", "10", "-2", controls=("income",)))]
    assert rows(records)[:6] == ["pilot", "e1", "e3", "e0", "e2", "income"]


def test_a_level_that_only_a_later_run_has_stands_in_its_place() -> None:
    first = result("-2", "0", name="a{}", controls=("income",))
    second = result("-2", "-1", "0", name="b{}")
    assert rows([named("A", first), named("B", second)])[:7] == ["pilot", "a0", "b0", "b1", "a1", "b2", "income"]


def test_levels_that_are_no_numbers_keep_their_order_after_numbers() -> None:
    assert rows([named("A", result("2013Q2", "2011Q4", "3"))])[:4] == ["pilot", "e2", "e0", "e1"]


def test_effects_by_event_time_are_no_controls() -> None:
    shown = rows([named("A", result("-1", "0", controls=("income",)))], show_controls=False)
    assert shown[:3] == ["pilot", "e0", "e1"]
    assert "income" not in shown


def test_a_control_with_levels_is_no_part_of_the_policy() -> None:
    roles = tuple(
        Role("regressor", made_of=(part,))
        for part in (Constituent("pilot"), Constituent("region", level="2"), Constituent("region", level="1"))
    )
    found = Result("twfe", "y", ("pilot",), ("pilot", "r2", "r1"), np.ones(3), np.eye(3), roles=roles)
    assert not found.focal_levels
    assert rows([named("A", found)])[:3] == ["pilot", "r2", "r1"]


@pytest.mark.parametrize(("level", "number"), [("-3", -3.0), ("2011", 2011.0), ("", None), ("nan", None), ("Q1", None)])
def test_a_level_is_a_number_or_none(level: str, number: float | None) -> None:
    assert Constituent("pilot", level=level).number == number
