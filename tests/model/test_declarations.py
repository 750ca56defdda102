"""Every model class declares what other rooms ask it for: roles, quantities, null model and batch, R and Stata."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
import yaml
from cases import merged
from classic import GroupedRegression, GroupedSpatial, PanelIV, PanelRegression, SpatialPanel
from conftest import REFERENCE, REPOSITORY
from fields import shipped

import digicarbon as dc
from digicarbon import model as room
from digicarbon.errors import DigicarbonError
from digicarbon.model import Model, NoModel
from digicarbon.model.batch import Estimand, estimate_of
from digicarbon.numeric.resampling.null_model import NullModel
from digicarbon.result import EFFECTS, RATIOS, Quantity, Result, RoleKind, RunEffect
from digicarbon.script import Extract, Names, Part, RPart, StataPart
from digicarbon.script.words import Remarks
from digicarbon.tracking._results import decode, encode

QUANTITIES: tuple[Quantity, ...] = ("coefficient", "spillover", *RATIOS, *EFFECTS)
TOOLS = ("r", "stata")
TERMS = {"y": "ln_gsp", "x": ("ln_pcap",), "controls": ("ln_pc", "unemp")}
EXAMPLES: dict[type[Model], list[Model]] = {
    NoModel: [NoModel()],
    PanelRegression: [
        PanelRegression(**TERMS, effects="two_way", cov="cluster"),
        PanelRegression(**TERMS, effects="none", cov="robust"),
        PanelRegression(**TERMS, effects="random"),
        PanelRegression(**TERMS, effects="unit", constant=True),
        PanelRegression(**TERMS, effects="unit", estimator="lsdv"),
        PanelRegression(**TERMS, effects="unit", estimator="between"),
        PanelRegression(**TERMS, effects="unit", estimator="first_difference"),
        PanelRegression(**TERMS, effects="two_way", cov="cluster", observation_weights="emp"),
        PanelRegression(**TERMS, effects="none", cov="robust", observation_weights="emp"),
        PanelRegression(**TERMS, effects="unit", estimator="lsdv", observation_weights="L.emp"),
        PanelRegression(**TERMS, absorb=["half^year", "half"], trends="unit", cov="cluster", cluster="year"),
        PanelRegression(**TERMS, absorb=["half^year"], cov="robust", observation_weights="emp", collinear="drop"),
        PanelRegression(**TERMS, effects="unit", cov="cluster", cluster=["state", "time"]),
        PanelRegression(**TERMS | {"x": ("ln_pcap", "ln_pcap^2"), "controls": ("L.ln_pc", "C(half):unemp")}),
    ],
    GroupedRegression: [
        GroupedRegression(**TERMS, by="half"),
        GroupedRegression(**TERMS, by="half", interact="all"),
        GroupedRegression(**TERMS, by="half", observation_weights="emp"),
        GroupedRegression(**TERMS, by="half", absorb=["half^year"]),
    ],
    GroupedSpatial: [
        GroupedSpatial(**TERMS, by="half", kind="sdm"),
        GroupedSpatial(**TERMS, by="half", kind="sdem", interact="regressors", durbin="x", effects="unit"),
        GroupedSpatial(**TERMS, by="half", kind="slx", effects="none"),
        GroupedSpatial(**TERMS, by="half", kind="sar", effects="random"),
    ],
    PanelIV: [PanelIV(**TERMS, instruments=("L.ln_pcap",)), PanelIV(**TERMS, instruments=("emp",), effects="none")],
    SpatialPanel: [
        *(SpatialPanel(**TERMS, kind=kind) for kind in ("slx", "sar", "sem", "sdm", "sdem", "sac")),
        SpatialPanel(**TERMS, kind="sar", effects="random"),
        SpatialPanel(**TERMS, kind="sdem", effects="none", durbin=("unemp",)),
    ],
    **merged("EXAMPLES"),
}
EVERY = [
    pytest.param(model, id=f"{cls.__name__}-{n}") for cls, found in EXAMPLES.items() for n, model in enumerate(found)
]
FITTED = [case for case in EVERY if not isinstance(case.values[0], NoModel)]


def classes() -> set[type[Model]]:
    """The classes of the package that are fitted, those that no option names among them."""
    return {cls for cls in shipped(Model, room) if cls.fit is not Model.fit}


@cache
def states() -> dc.Panel:
    frame = pd.read_csv(REFERENCE / "produc.csv")
    logs = {f"ln_{name}": np.log(frame[name]) for name in ("gsp", "pcap", "pc")}
    half = np.where(frame["state"] < "M", "south", "north")
    # a policy that never was, by the first letter of a state
    start = frame["state"].str[0].map({"A": 1974, "D": 1977, "G": 1980, "M": 1977, "S": 1980})
    pilot = (frame["year"] >= start).astype(float)
    policy = {"pilot": pilot, "pilot_event": frame["year"] - start, "pilot_cohort": start, "share": pilot / 2}
    # places that never were, a line from west to east
    places = {"longitude": -120.0 + frame["state"].factorize()[0], "latitude": 40.0}
    table = frame[["state", "year", "unemp", "emp"]].assign(half=half, **logs, **policy, **places)
    return dc.Panel.from_frame(table, unit="state", time="year", gaps="keep")


@cache
def neighbours() -> dc.Weights:
    edges = pd.read_csv(REFERENCE / "usaww_edges.csv")
    return dc.Weights.from_edges(edges, symmetric=False).align(states())


def weights_of(model: Model) -> dc.Weights | None:
    return neighbours() if model.uses_weights else None


FITS: dict[int, Result] = {}


def fitted(model: Model) -> Result:
    """The result of an example, which is fitted once."""
    if id(model) not in FITS:
        FITS[id(model)] = model.fit(states(), weights_of(model))
    return FITS[id(model)]


def test_every_class_and_every_option_has_an_example() -> None:
    """Whoever adds a class names a fit of it above, and with it all that follows is asked of it."""
    assert classes() == set(EXAMPLES)
    for option in sorted(Path(REPOSITORY, "conf/model").glob("*.yaml")):
        module, _, name = yaml.safe_load(option.read_text(encoding="utf-8"))["_target_"].rpartition(".")
        assert getattr(importlib.import_module(module), name) in EXAMPLES, option.name


@pytest.mark.parametrize("cls", EXAMPLES)
@pytest.mark.parametrize("name", ["null", "batch", *TOOLS])
def test_a_class_has_it_or_says_why_not(cls: type[Model], name: str) -> None:
    defined = name in cls.scripts or getattr(cls, name) is not getattr(Model, name)
    reason = cls.without.get(name, "")
    assert defined or reason, f"{cls.__name__} has no {name} and gives no reason in `without`"
    assert not reason.endswith(".")
    assert set(cls.without) <= {"null", "batch", *TOOLS}


@pytest.mark.parametrize("model", FITTED)
def test_every_term_has_its_role(model: Model) -> None:
    result = fitted(model)
    assert len(result.roles) == len(result.terms) > 0
    assert model.described(result, states()) is result, "fit leaves out what regressors are made of"
    variables = {*states().columns, "half"}
    for term, role in zip(result.terms, result.roles, strict=True):
        assert role.kind in get_args(RoleKind)
        assert (role.of in result.terms) == (role.kind == "lag_x"), term
        assert bool(role.made_of) == (role.kind == "regressor"), term
        assert {part.variable for part in role.made_of} <= variables, term
    assert result.focal
    assert {result.role(term).kind for term in result.focal} == {"regressor"}
    assert decode(encode(result)).roles == result.roles


@pytest.mark.parametrize("model", FITTED)
def test_a_result_has_the_quantities_that_its_model_declares(model: Model) -> None:
    result = fitted(model)
    effects = result.spatial_effects is not None
    found = [q for q in QUANTITIES if (effects or q == "coefficient") and list(result.focal_numbers(q))]
    assert tuple(found) == model.quantities
    # what a curve shows where a report asks for nothing is there as well
    assert list(result.focal_numbers(result.quantity(RunEffect())))
    assert model.quantities[-1] == (result.quantity(RunEffect()) if effects else "coefficient")


@pytest.mark.parametrize("model", FITTED)
def test_a_null_model_can_be_fitted_and_a_batch_is_the_fit(model: Model) -> None:
    panel, weights = states().with_terms(model.terms), weights_of(model)
    if "null" in model.without:
        assert model.null(panel, weights, []) is None
        return
    null = model.null(panel, weights, [])
    if merged("NO_NULL").get(type(model), lambda _: False)(model):
        assert null is None
        return
    assert null is not None
    hash(null.key)
    made = null.fit()
    assert isinstance(made, NullModel)
    assert made.residuals.shape == made.y.shape == (len(panel.unit_codes),)
    quantity = model.quantities[-1]
    estimand = Estimand(quantity, fitted(model).focal[0])
    batch = model.batch(panel, weights, estimand)
    hash(batch.key)
    coef, se = batch.fit(batch.prepare(made.y[:, None]))
    np.testing.assert_allclose((coef[0], se[0]), estimate_of(fitted(model), estimand), rtol=1e-5)


def part_of(model: Model, tool: str, extract: Extract) -> Part:
    names = Names()
    for column in extract.columns:
        names.give(column)
    kind = RPart if tool == "r" else StataPart
    matrix = "W" if extract.weights is not None else ""
    return kind(extract, fitted(model), names, "set_1", matrix, Remarks("#" if tool == "r" else "*"))


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("model", FITTED)
def test_scripts_name_each_number_or_say_why_not(model: Model, tool: str) -> None:
    extract = model.extract(states(), weights_of(model))
    assert {model.y, *extract.regressors} <= set(extract.columns) | set(extract.lag_terms)
    assert all(column.shape == (len(extract.index),) for column in extract.columns.values())
    lines = getattr(model, tool)(part_of(model, tool, extract))
    assert lines
    assert all(isinstance(line, str) for line in lines)
    text = "\n".join(lines)
    compared, skipped = ("check(", "skip(run") if tool == "r" else ("recorded ", "Not compared: ")
    assert compared in text or skipped in text or "Recorded, not compared" in text


def test_nothing_that_writes_reads_or_records_names_a_class() -> None:
    """Rooms above the models ask a model; what a model is in R and Stata is a file that the model itself names."""
    names = [cls.__name__ for cls in EXAMPLES]
    parts = Path(inspect.getfile(dc)).parent / "replication" / "part"
    for place in ("replication", "report", "sweep", "tracking", "page", "recorded", "plan"):
        for file in Path(inspect.getfile(dc)).parent.joinpath(place).rglob("*.py"):
            if file.parent == parts:
                continue
            text = file.read_text(encoding="utf-8")
            assert not [name for name in names if f"import {name}" in text or f", {name}" in text], file
    for file in Path(inspect.getfile(dc)).parent.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert not [name for name in names if f"isinstance(model, {name}" in text], file


@pytest.mark.parametrize("lost", [np.nan, np.inf])
@pytest.mark.parametrize("model", FITTED)
def test_a_cell_without_a_value_is_a_sentence_or_its_row_is_left_out(model: Model, lost: float) -> None:
    """Never a missing number, and never another one than that of the panel without the row."""
    rows = [5, 400]
    names = [name for name in dict.fromkeys((model.y, *model.terms)) if name in states().columns]
    assert model.y in names
    for name in names:
        values = states().column(name).copy()
        values[rows] = lost
        holed, weights = states().with_columns({name: values}), weights_of(model)
        refused = ""
        try:
            found = model.fit(holed, weights)
        except DigicarbonError as error:
            refused = str(error)
        if refused:
            assert re.search(rf"\b{re.escape(name)}\b", refused), (name, refused)
            continue
        kept = np.ones(len(values), dtype=bool)
        kept[rows] = False
        expected = model.fit(states().rows(kept), weights)
        np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-8, err_msg=name)
        np.testing.assert_allclose(found.covariance, expected.covariance, rtol=1e-8, err_msg=name)
