"""Weights that differ between periods: from a column, from a file of each period, and from one list of edges."""

from __future__ import annotations

from pathlib import Path

import classic as dc
import numpy as np
import pandas as pd
import pytest

from digicarbon.errors import DigicarbonError, WeightsError
from digicarbon.weights import (
    BlendWeights,
    ByPeriodWeights,
    EconomicWeights,
    EdgeWeights,
    KNearestWeights,
    MatrixWeights,
    WeightsByPeriod,
)

UNITS = ("a", "b", "c", "d")
YEARS = (2001, 2002, 2003)


@pytest.fixture
def panel() -> dc.Panel:
    rng = np.random.default_rng(1)
    index = pd.MultiIndex.from_product([UNITS, YEARS], names=["unit", "year"])
    return dc.Panel.from_frame(
        pd.DataFrame({"gdp": rng.uniform(1, 9, 12)}, index=index).reset_index(), unit="unit", time="year"
    )


def varying(weights: dc.Weights) -> WeightsByPeriod:
    assert isinstance(weights, WeightsByPeriod)
    return weights


def test_economic_weights_are_made_of_each_period(panel: dc.Panel) -> None:
    made = varying(ByPeriodWeights(base=EconomicWeights()).compute(panel))
    assert made.periods == ("2001", "2002", "2003")
    for year, part in zip(YEARS, made.parts, strict=True):
        own = EconomicWeights().compute(panel.select(periods=[year]))
        np.testing.assert_array_equal(part.dense(), own.dense())
    np.testing.assert_allclose(made.dense(), np.mean([part.dense() for part in made.parts], axis=0))


def test_weights_may_be_older_than_the_observations(panel: dc.Panel) -> None:
    now, before = (varying(ByPeriodWeights(base=EconomicWeights(), lag=lag).compute(panel)) for lag in (0, 1))
    assert before.periods == ("2002", "2003")
    np.testing.assert_array_equal(before.parts[0].dense(), now.parts[0].dense())
    with pytest.raises(WeightsError, match="no weights of"):
        dc.UnbalancedSpatialPanel(y="gdp", x=["z"], kind="sar").fit(
            panel.with_columns({"z": np.arange(12.0) ** 2}), before
        )


def test_a_unit_that_is_absent_in_a_period_has_no_neighbours_there(panel: dc.Panel) -> None:
    rows = ~((panel.unit_codes == 1) & (panel.period_codes == 2))
    made = varying(ByPeriodWeights(base=EconomicWeights()).compute(panel.rows(rows)))
    assert not made.parts[2].dense()[1].any()
    assert not made.parts[2].dense()[:, 1].any()
    assert made.parts[1].dense()[1].any()


def test_files_of_periods_have_the_period_in_their_names(panel: dc.Panel, tmp_path: Path) -> None:
    squares = {year: np.roll(np.eye(4), place + 1, axis=1) for place, year in enumerate(YEARS)}
    for year, square in squares.items():
        pd.DataFrame(square, index=UNITS, columns=UNITS).to_csv(tmp_path / f"w_{year}.csv", index_label="unit")
    spec = ByPeriodWeights(base=MatrixWeights(path=str(tmp_path / "w_{period}.csv")))
    made = varying(spec.compute(panel))
    for part, square in zip(made.parts, squares.values(), strict=True):
        np.testing.assert_array_equal(part.dense(), square)
    assert spec.files == tuple(str(tmp_path / f"w_{year}.csv") for year in YEARS)
    (tmp_path / "w_2002.csv").unlink()
    with pytest.raises(DigicarbonError, match="w_2002"):
        spec.compute(panel)


def test_a_list_of_edges_has_a_column_of_the_period(panel: dc.Panel, tmp_path: Path) -> None:
    edges = [("a", "b", 2001), ("c", "d", 2001), ("a", "c", 2002), ("b", "d", 2002), ("a", "d", 2003), ("b", "c", 2003)]
    path = tmp_path / "edges.csv"
    pd.DataFrame(edges, columns=["unit", "neighbour", "year"]).to_csv(path, index=False)
    base = EdgeWeights(path=str(path))
    made = varying(ByPeriodWeights(base=base, period="year").compute(panel))
    assert [part.matrix.nnz for part in made.parts] == [4, 4, 4]
    assert made.parts[1].dense()[0, 2] == 1
    with pytest.raises(WeightsError, match="has no column 'jahr'"):
        ByPeriodWeights(base=base, period="jahr").compute(panel)
    pd.DataFrame(edges[:4], columns=["unit", "neighbour", "year"]).to_csv(path, index=False)
    with pytest.raises(WeightsError, match="no row of"):
        ByPeriodWeights(base=base, period="year").compute(panel)


def test_what_makes_no_sense_is_refused(panel: dc.Panel) -> None:
    with pytest.raises(DigicarbonError, match="the same in every period"):
        ByPeriodWeights(base=KNearestWeights(k=2))
    with pytest.raises(DigicarbonError, match="list of edges"):
        ByPeriodWeights(base=EconomicWeights(), period="year")
    by = ByPeriodWeights(base=EconomicWeights())
    with pytest.raises(DigicarbonError, match="part of other weights"):
        BlendWeights(first=by, second=EconomicWeights())
    made = by.compute(panel)
    with pytest.raises(WeightsError, match="differ between periods"):
        dc.SpatialPanel(y="gdp", x=["z"], kind="sar").fit(panel.with_columns({"z": np.arange(12.0) ** 2}), made)
    with pytest.raises(WeightsError, match="differ between periods"):
        _ = made.operator
    with pytest.raises(WeightsError, match="no period"):
        WeightsByPeriod.of({})
    with pytest.raises(WeightsError, match="other units"):
        WeightsByPeriod.of({1: made.restrict(UNITS[:3], "keep"), 2: made})


def test_units_are_selected_in_each_period(panel: dc.Panel) -> None:
    made = varying(ByPeriodWeights(base=EconomicWeights()).compute(panel))
    some = varying(made.restrict(("c", "a", "b")))
    for part, whole in zip(some.parts, made.parts, strict=True):
        np.testing.assert_array_equal(part.dense(), whole.restrict(("c", "a", "b")).dense())
    assert made.digest != some.digest
    assert made.ready() is made
    assert made.noting(dc.weights.base.Note("weights_unit")).digest == made.digest


def test_weights_of_years_before_the_panel_are_read_where_there_are_any(panel: dc.Panel, tmp_path: Path) -> None:
    squares = {year: np.roll(np.eye(4), place + 1, axis=1) for place, year in enumerate((2000, *YEARS[:2]))}
    for year, square in squares.items():
        pd.DataFrame(square, index=UNITS, columns=UNITS).to_csv(tmp_path / f"w_{year}.csv", index_label="unit")
    spec = ByPeriodWeights(base=MatrixWeights(path=str(tmp_path / "w_{period}.csv")), lag=1)
    made = varying(spec.compute(panel))
    assert made.periods == ("2001", "2002", "2003")
    for part, square in zip(made.parts, squares.values(), strict=True):
        np.testing.assert_array_equal(part.dense(), square)
    assert [note.code for note in made.notes] == ["weights_older"]
    assert varying(spec.compute(panel.select(periods=[2002, 2003]))).periods == ("2002", "2003")
    (tmp_path / "w_2000.csv").unlink()
    assert varying(spec.compute(panel)).periods == ("2002", "2003")
    rows = [(one, other, year) for year in (2000, 2001, 2002) for one, other in (("a", "b"), ("c", "d"))]
    pd.DataFrame([*rows, ("b", "c", 2000)], columns=["unit", "neighbour", "year"]).to_csv(
        tmp_path / "edges.csv", index=False
    )
    base = EdgeWeights(path=str(tmp_path / "edges.csv"))
    of_edges = varying(ByPeriodWeights(base=base, period="year", lag=1).compute(panel))
    assert [part.matrix.nnz for part in of_edges.parts] == [6, 4, 4]


def test_a_file_of_a_period_may_leave_out_units_that_are_absent_then(panel: dc.Panel, tmp_path: Path) -> None:
    gone = (panel.unit_codes == 1) & (panel.period_codes == 2)
    gaps = panel.rows(~gone)
    rng = np.random.default_rng(5)
    for year in YEARS:
        own = [unit for unit in UNITS if (unit, year) != ("b", 2003)]
        square = rng.uniform(1, 2, (len(own), len(own))) * (1 - np.eye(len(own)))
        table = pd.DataFrame(square, index=own, columns=own)
        table.to_csv(tmp_path / f"w_{year}.csv", index_label="unit")
        table.reindex(index=UNITS, columns=UNITS, fill_value=0.0).to_csv(tmp_path / f"z_{year}.csv", index_label="unit")
    spec = ByPeriodWeights(base=MatrixWeights(path=str(tmp_path / "w_{period}.csv")))
    zeros = ByPeriodWeights(base=MatrixWeights(path=str(tmp_path / "z_{period}.csv"), islands="keep"))
    for part, padded in zip(varying(spec.compute(gaps)).parts, varying(zeros.compute(gaps)).parts, strict=True):
        assert part.labels == UNITS
        np.testing.assert_array_equal(part.dense(), padded.dense())
    with pytest.raises(WeightsError, match=r"w_2003\.csv lacks b, .* leave out units without an observation"):
        spec.compute(panel)
    edges = [("a", "b", 2001), ("c", "d", 2001), ("a", "b", 2002), ("c", "d", 2002), ("a", "c", 2003), ("a", "d", 2003)]
    pd.DataFrame(edges, columns=["unit", "neighbour", "year"]).to_csv(tmp_path / "edges.csv", index=False)
    listed = ByPeriodWeights(base=EdgeWeights(path=str(tmp_path / "edges.csv")), period="year")
    last = varying(listed.compute(gaps)).parts[2]
    assert last.labels == UNITS
    assert last.matrix.nnz == 4
    with pytest.raises(WeightsError, match="leave out units without an observation"):
        listed.compute(panel)
