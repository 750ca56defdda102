"""Fields that name columns of groups or weights: an unknown name is a sentence, in every model, from Python."""

from __future__ import annotations

import importlib
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import REPOSITORY

from digicarbon.errors import DigicarbonError
from digicarbon.model import Model

FIELDS = ("absorb", "trends", "cluster", "observation_weights", "by", "policy", "threshold")
"""Fields of models that name columns beside terms."""
NAMES = (
    "nope",
    "zone#year",
    "zone#nope",
    "zone##year",
    "zone^nope",
    "zone^2",
    "2zone",
    "L.zone",
    "a b c",
    "",
    " ",
    "é#",
)
REQUIRED: dict[str, Any] = {
    "y": "y",
    "x": ("x",),
    "mediators": ("m",),
    "threshold": "q",
    "policy": "law",
    "by": "zone",
    "instruments": ("z",),
    "endogenous": ("x",),
}


def every_model() -> list[type[Model]]:
    """All models that ship: those of options."""
    names = {
        yaml.safe_load(path.read_text(encoding="utf-8")).get("_target_", "")
        for path in sorted((REPOSITORY / "conf" / "model").glob("*.yaml"))
    }
    modules = (name.rpartition(".") for name in names if name)
    return sorted({getattr(importlib.import_module(module), cls) for module, _, cls in modules}, key=str)


def cases() -> list[Any]:
    found = []
    for model in every_model():
        needed = {name: REQUIRED[name] for name, field in model.model_fields.items() if name in REQUIRED}
        for field in FIELDS:
            if field in model.model_fields:
                found.append(pytest.param(model, field, needed, id=f"{model.__name__}-{field}"))
    return found


@pytest.fixture(scope="module")
def panel() -> dc.Panel:
    rng = np.random.default_rng(3)
    unit, year = np.repeat(np.arange(24), 6), np.tile(np.arange(2010, 2016), 24)
    frame = pd.DataFrame({"unit": [f"u{i:02d}" for i in unit], "year": year})
    for name in ("y", "x", "m", "q", "z"):
        frame[name] = rng.normal(size=len(frame))
    frame["zone"] = np.where(unit < 12, "north", "south")
    frame["law"] = np.where((unit % 2 == 0) & (year >= 2013), 1.0, 0.0)
    return dc.Panel.from_frame(frame, "unit", "year")


@pytest.fixture(scope="module")
def weights(panel: dc.Panel) -> dc.Weights:
    n = len(panel.units)
    matrix = np.roll(np.eye(n), 1, 0) + np.roll(np.eye(n), -1, 0)
    return dc.Weights.from_matrix(matrix / 2, panel.units)


@pytest.mark.parametrize(("model", "field", "needed"), cases())
def test_an_unknown_name_is_a_sentence(
    model: type[Model], field: str, needed: dict[str, Any], panel: dc.Panel, weights: dc.Weights
) -> None:
    accepted = []
    for name in NAMES:
        for given in (name, (name,), (name, "zone"), ("zone", name)):
            more = {"cov": "cluster"} if field == "cluster" and "cov" in model.model_fields else {}
            try:
                made = model(**{**needed, **more, field: given})
            except DigicarbonError:
                continue
            for fitted in (made.check, made.fit):
                try:
                    fitted(panel, weights)
                except DigicarbonError:
                    continue
                accepted.append((given, fitted.__name__))
    assert accepted == []


def test_a_combination_as_stata_writes_it_is_answered_with_ours(panel: dc.Panel) -> None:
    with pytest.raises(DigicarbonError, match=r"zone#year is Stata's spelling of combined effects; write zone\^year\."):
        dc.PanelRegression(y="y", x=("x",), absorb=("zone#year",))
    dc.PanelRegression(y="y", x=("x",), absorb=("zone^year",)).check(panel)
    with pytest.raises(DigicarbonError, match=r"'zone\^year' is no column\. For combinations make a column"):
        dc.PanelRegression(y="y", x=("x",), cov="cluster", cluster="zone^year")
    with pytest.raises(DigicarbonError, match="'zone#year' is no column whose groups could have trends"):
        dc.PanelRegression(y="y", x=("x",), trends="zone#year")
