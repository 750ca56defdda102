"""The table that docs/tables.md shows is the one that its experiment prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import blocks, in_order
from conftest import REPOSITORY

from digicarbon.config.compose import Composer, loader
from digicarbon.plan.runs import plan
from digicarbon.sweep import sweep

pytestmark = pytest.mark.long


@pytest.mark.parametrize("page", ["tables.md", "zh/tables.md"])
def test_the_table_is_printed(page: str, project: Path) -> None:
    every = blocks(REPOSITORY / "docs" / page)
    place = next(number for number, one in enumerate(every) if one.text.startswith("# experiments/four.yaml"))
    file, ours = (one.text for one in every[place : place + 2])
    (project / "experiments").mkdir(exist_ok=True)
    (project / "experiments" / "four.yaml").write_text(file, encoding="utf-8")
    composer = Composer(loader(), "four", ["executor=sequential"])
    table = sweep.run(composer, plan(composer)).table
    assert table is not None
    printed = [line.rstrip() for line in table.to_text(100).splitlines()]
    assert in_order(ours.splitlines(), printed) == []
