"""What measures and outcomes say of their columns in a codebook: all columns, and formulas that give the numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from cases import listed

from digicarbon.measure import BeaMeasure, ColumnMeasure, Measure
from digicarbon.note import note_of
from digicarbon.outcome import Intensity, Outcome, PerCapita, Total
from digicarbon.source import Inputs, SimulatedSource
from digicarbon.spec import Definition

MEASURES: tuple[Measure, ...] = (
    BeaMeasure(),
    BeaMeasure(coefficient="leontief", gap_years="interpolation"),
    BeaMeasure(scope="narrow"),
    ColumnMeasure(column="gdp", name="own", terms=("own",), money="100m_cny"),
    *listed("DEFINED_MEASURES"),
)
OUTCOMES: tuple[Outcome, ...] = (
    Intensity(),
    Intensity(account="apparent", base_year=2012),
    Intensity(account="fuels"),
    PerCapita(),
    Total(account="apparent"),
)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return SimulatedSource().load()


def checked(table: pd.DataFrame, definitions: Mapping[str, Definition], frame: pd.DataFrame) -> list[str]:
    """Return the columns whose formulas were computed; each column must have a definition with words."""
    assert set(definitions) == set(table.columns) - {"unit", "time"}
    known = {**frame, **table}
    computed = []
    for name, one in definitions.items():
        assert one.formula
        for words in one.words:
            texts = {note_of(words).text(language) for language in ("en", "zh")}
            assert len(texts) == 2
        formula = one.formula.replace("·", "*")
        if formula.isascii() and "[" not in formula and not formula.startswith("VA_"):
            np.testing.assert_allclose(pd.eval(formula, local_dict=known), table[name], rtol=1e-12)
            computed.append(name)
    return computed


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: type(one).__name__)
def test_every_column_of_a_measure_is_defined(measure: Measure, inputs: Inputs) -> None:
    computed = checked(measure.compute(inputs), measure.definitions(), inputs.frame)
    if isinstance(measure, BeaMeasure):
        assert {"ide", "e"} <= set(computed)
        assert {one.unit for one in measure.defined().values()} == {"10k CNY"}


@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda one: type(one).__name__)
def test_every_column_of_an_outcome_is_defined(outcome: Outcome, inputs: Inputs) -> None:
    fuels = outcome.definitions()[outcome.name].formula.endswith("natural_gas")
    assert (outcome.name in checked(outcome.compute(inputs), outcome.definitions(), inputs.frame)) is not fuels


def test_what_changes_a_measure_is_part_of_its_definition() -> None:
    plain, changed = BeaMeasure(), BeaMeasure(per="gdp", terms=("e",), standardise=True)
    before, after = plain.defined()["e"], changed.defined()["e"]
    assert (before.unit, after.unit) == ("10k CNY", "")
    said = " ".join(str(words) for words in after.words)
    assert "shares of GDP" in said
    assert "standardised" in said
    placebo = BeaMeasure(permute=3).defined()["e"]
    assert placebo.unit == "10k CNY"
    assert "PLACEBO" in str(placebo.words[-1])
