"""The table that docs/tables.md shows beside those of other programs is the one that its experiment prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from blocks import blocks, in_order
from conftest import REPOSITORY

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import plan
from digicarbon.sweep import sweep

pytestmark = pytest.mark.long

NUMBER = re.compile(r"-?\d+\.\d{3}\**")


@pytest.mark.parametrize("page", ["tables.md", "zh/tables.md"])
def test_the_table_beside_those_of_other_programs_is_printed(page: str, project: Path) -> None:
    every = blocks(REPOSITORY / "docs" / page)
    place = next(number for number, one in enumerate(every) if one.text.startswith("# experiments/four.yaml"))
    file, ours, esttab, modelsummary = (one.text for one in every[place : place + 4])
    (project / "experiments").mkdir(exist_ok=True)
    (project / "experiments" / "four.yaml").write_text(file, encoding="utf-8")
    composer = Composer(loader(), "four", ["executor=sequential"])
    table = sweep.run(composer, plan(composer)).table
    assert table is not None
    printed = [line.rstrip() for line in table.to_text(100).splitlines()]
    assert in_order(ours.splitlines(), printed) == []
    # the other layouts hold the same numbers
    numbers = NUMBER.findall(ours.partition("Outcome")[0])
    assert len(numbers) == 20
    for other in (esttab, modelsummary):
        assert NUMBER.findall(other.partition("ln_sector1")[2]) == numbers
