"""Plans of the study's tables."""

from __future__ import annotations

from pathlib import Path

from planning import experiment, planned


def test_the_note_on_10k_cny_stands_where_a_power_of_such_a_measure_is(folder: Path) -> None:
    def noting(name: str, *overrides: str) -> list[bool]:
        runs = planned(name, *overrides).runs
        return [
            any(note.startswith("Measures enter in 10k CNY") for note in tuple(map(str, run.prepared.notes)))
            for run in runs
        ]

    assert set(noting("table5_nonlinear")) == {True}
    assert set(noting("table5_nonlinear", "measure.per=gdp")) == {False}
    assert set(noting("table5_nonlinear", "measure.per=capita")) == {False}
    mine = experiment("grid: {model.x: [[ln_e], [ln_e, ln_e^2], [ln_e, ln_pgdp^2]]}")
    assert noting(mine) == [False, True, False]
    # a column is in what its user says
    ready = ["measure=column", "measure.column=coal", "measure.terms=[ln_coal]", "model.x=[ln_coal,'ln_coal^2']"]
    assert noting("config", *ready) == [False]
    assert noting("config", *ready, "measure.money=10k_cny") == [True]
    assert noting("config", *ready, "measure.money=100m_cny") == [False]


def test_an_index_of_the_real_panel_is_not_in_10k_cny(folder: Path, data_folder: Path) -> None:
    notes = [note for run in planned("china_nonlinear").runs for note in tuple(map(str, run.prepared.notes))]
    assert notes
    assert not any("10k CNY before" in note for note in notes)
