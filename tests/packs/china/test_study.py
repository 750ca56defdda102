"""Tables and figures of the study show what the article has in them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY

import digicarbon as dc
from digicarbon.config.compose import Composer, loader
from digicarbon.diagnostic import EmissionFactors
from digicarbon.errors import ConfigError
from digicarbon.outcome import Intensity
from digicarbon.plan.runs import plan
from digicarbon.sweep import sweep

pytestmark = pytest.mark.long


def test_figures_4_and_5_map_digitalization_and_digital_industrialization(project: Path) -> None:
    planned = plan(Composer(loader(), "figures_3_5_maps", ["executor=sequential"]))
    shown = {run.label: tuple(run.specs.diagnostic.terms) for run in planned.runs}
    assert shown == {"Figure 3": ("ci",), "Figure 4": ("ddl",), "Figure 5": ("ide",)}


def test_regions_have_total_e(project: Path) -> None:
    planned = plan(Composer(loader(), "table9_10_regions", ["executor=sequential"]))
    assert [run.label for run in planned.runs if run.options["measure"] == "bea"] == [
        "Northeast(4)",
        "East(4)",
        "Central(4)",
        "West(4)",
        "All(4)",
    ]


def test_table_4_is_printed(project: Path) -> None:
    composer = Composer(loader(), "robustness_emissions", ["executor=sequential"])
    found = sweep.run(composer, plan(composer))
    assert found.table is not None
    assert found.table.below is not None
    assert found.table.below.cells.loc["Coal", "CO₂ factor (kg/kg; gas: kg/m³)"] == "1.9003"
    assert list(found.table.below.cells.index)[-1] == "Natural gas"


def test_factors_are_the_product_of_their_parts() -> None:
    table = Intensity(account="fuels").emission_factors()
    product = table["calorific_value"] * 1e-6 * table["carbon_content"] * table["oxidation"] * 44 / 12
    np.testing.assert_allclose(table["emission_factor"], product, rtol=1e-12)


def test_an_account_without_fuels_has_no_factors(produc: dc.Panel) -> None:
    with pytest.raises(ConfigError, match="counts no fuels"):
        EmissionFactors(outcome=Intensity()).check(produc)


STUDY = (REPOSITORY / "docs" / "study.md").read_text(encoding="utf-8")
CHOICES = re.findall(r"^\| `digicarbon run (\w*choice[^`]*)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", STUDY, re.MULTILINE)


@pytest.mark.parametrize("row", CHOICES, ids=lambda row: row[0])
def test_the_article_s_tests_choose_what_the_page_says(
    row: tuple[str, ...], project: Path, request: pytest.FixtureRequest
) -> None:
    command, _, chosen, numbers = row
    if command.startswith("china"):
        request.getfixturevalue("data_folder")
    name, *words = command.split()
    composer = Composer(loader(), name, [*words, "executor=sequential"])
    table = sweep.run(composer, plan(composer)).table
    assert table is not None
    cells = (table.below or table).cells
    decision = " ".join(str(cells["Decision"].iloc[-1]).split())
    for part in chosen.strip().split("; "):
        assert part in decision
    assert decision.startswith(chosen.split("; ")[0].strip())
    p = {test.partition(", ")[2]: value for test, value in cells["p value"].items()}
    for number in numbers.strip().split("; "):
        test, _, value = number.rpartition(" ")
        assert p[test] == value


def test_both_pages_have_the_choices_of_six_commands() -> None:
    assert len(CHOICES) == 6
    chinese = (REPOSITORY / "docs" / "zh" / "study.md").read_text(encoding="utf-8")
    for command, *_, numbers in CHOICES:
        (row,) = [line for line in chinese.splitlines() if line.startswith(f"| `digicarbon run {command}` |")]
        assert re.findall(r"0\.\d{4}", row) == re.findall(r"0\.\d{4}", numbers)
