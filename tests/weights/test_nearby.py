"""Neighbours that a panel shows, for tests of models that were given no W."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import digicarbon as dc
from digicarbon.model.base import weights_decided
from digicarbon.weights.distance import KNearestWeights
from digicarbon.weights.nearby import nearby

RNG = np.random.default_rng(5)
PLACES = RNG.uniform(0, 5, size=(20, 2)).repeat(5, axis=0)
FRAME = pd.DataFrame(
    {
        "place": np.repeat([f"u{i:02}" for i in range(20)], 5),
        "year": np.tile(range(2010, 2015), 20),
        "longitude": PLACES[:, 0],
        "latitude": PLACES[:, 1],
        "y": RNG.normal(size=100),
        "x": RNG.normal(size=100),
    }
)
MODEL = dc.PanelRegression(y="y", x=("x",), draws=99, intervals=False)


def panel(frame: pd.DataFrame = FRAME) -> dc.Panel:
    return dc.Panel.from_frame(frame, unit="place", time="year")


def test_a_fit_without_weights_is_one_with_the_five_nearest_units() -> None:
    own, given = MODEL.fit(panel()), MODEL.fit(panel(), dc.weights.KNearestWeights(k=5).compute(panel()))
    pd.testing.assert_frame_equal(own.estimates, given.estimates)
    assert own.has_note("nearby_places")
    assert not given.has_note("nearby_places")
    # where nothing is drawn nothing is taken
    assert not MODEL.by_errors.fit(panel()).has_note("nearby_places")


@pytest.mark.parametrize("names", [("lon", "lat"), ("Lng", "Lat"), ("经度", "纬度")])
def test_columns_of_places_may_have_their_other_usual_names(names: tuple[str, str], tmp_path: Path) -> None:
    frame = FRAME.rename(columns=dict(zip(("longitude", "latitude"), names, strict=True)))
    weights = nearby(panel(frame))
    usual = nearby(panel())
    assert weights is not None
    assert usual is not None
    assert (weights.matrix != usual.matrix).nnz == 0
    assert weights.notes == usual.notes
    # weights that were chosen read the same columns, of the panel and of a file
    file = tmp_path / "places.csv"
    frame.drop_duplicates("place").to_csv(file, index=False)
    for spec in (KNearestWeights(k=5), KNearestWeights(k=5, coordinates=str(file), unit="place")):
        assert (spec.compute(panel(frame)).matrix != usual.matrix).nnz == 0


def test_models_that_are_fitted_where_weights_are_decided_take_none() -> None:
    with weights_decided():
        assert MODEL.fit(panel()).has_note("wild_without_chosen")
    assert MODEL.fit(panel()).has_note("nearby_places")


def test_places_that_cannot_be_used_leave_the_test_without_a_w() -> None:
    moving = panel(FRAME.assign(longitude=FRAME["longitude"] + FRAME["year"] % 2))
    for data, code in ((panel(FRAME.drop(columns="latitude")), "wild_without_space"), (moving, "wild_without_places")):
        assert nearby(data) is None
        assert MODEL.fit(data).has_note(code)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"longitude": FRAME["longitude"].where(FRAME["place"] != "u03")}, "the longitude of u03 is missing"),
        ({"longitude": FRAME["longitude"] + FRAME["year"] % 2}, "'longitude' changes within u00"),
        ({"latitude": FRAME["latitude"] + 500}, "the latitude of u00 is 50"),
        ({"latitude": "north"}, "holds text"),
    ],
)
def test_a_note_says_why_places_cannot_be_used(change: dict[str, object], why: str) -> None:
    said = [str(note) for note in MODEL.fit(panel(FRAME.assign(**change))).notes if note.code == "wild_without_places"]
    assert len(said) == 1
    assert why in said[0]
    assert "Add columns longitude" not in said[0]


def test_a_model_that_needs_a_w_is_given_none() -> None:
    with pytest.raises(dc.errors.WeightsError):
        dc.SpatialPanel(y="y", x=("x",), kind="sar").fit(panel())
