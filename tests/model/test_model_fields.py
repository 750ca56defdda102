"""A field that changes nothing is a bug: each word of each model's fields has numbers of its own, or a sentence."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from fields import Does, Numbers, changed, numbers_of, panel, varied, weights, worded
from test_declarations import classes

from digicarbon.errors import DigicarbonError
from digicarbon.model import (
    DecayPanel,
    DiD,
    DistanceBands,
    DynamicPanel,
    DynamicSpatialPanel,
    GroupedRegression,
    GroupedSpatial,
    Mediation,
    Model,
    NoModel,
    PanelIV,
    PanelQuantile,
    PanelRegression,
    PanelThreshold,
    SpatialFilter,
    SpatialIV,
    SpatialPanel,
    UnbalancedSpatialPanel,
    ignored_by,
)

TERMS: dict[str, Any] = {"y": "y", "x": ("x",), "controls": ("q",)}
POLICY: dict[str, Any] = {"y": "y", "policy": "pilot", "controls": ("q",)}
FAINT: dict[str, Any] = {"y": "y", "x": ("none",), "controls": ("q",)}
CONLEY: dict[str, Any] = {"cov": "conley"}
PLACES: dict[str, Any] = {"_target_": "digicarbon.weights.InverseDistanceWeights"}
LINE: dict[str, Any] = {"_target_": "digicarbon.weights.KNearestWeights", "k": 2}

ESTIMATE, ERROR = Does("coef"), Does("se", keeps=("coef",))
DOES: dict[str, Does] = {
    "test": Does("p", keeps=("coef", "se")),
    "weights": Does("p", keeps=("coef", "se")),
    "intervals": Does("interval", keeps=("coef", "se", "p")),
    "df": Does("p", keeps=("coef", "se")),
    **dict.fromkeys(
        ("cov", "cluster", "kernel", "small_sample", "windmeijer", "sdid_variance", "errors", "effects_se"), ERROR
    ),
    "collinear": ESTIMATE,
    **dict.fromkeys(
        ("aggregate", "base_period", "collapse", "compare", "constant", "convention", "decay", "demeaning", "durbin",
         "durbin_by", "effects", "equations", "error_structure", "estimator", "exogenous_equation", "interact", "kind",
         "lag_instruments", "method", "restandardise", "space", "space_time_lag", "spillovers", "spillovers_on",
         "steps", "time_lag", "transformation", "trends", "variance", "bias"),
        ESTIMATE,
    ),
    # the corrected variance of the errors is in all standard errors, and in some kinds rho changes, too
    "bias_correction": Does("se"),
    "resampling": Does("tables", keeps=("coef", "se")),
    "sets": Does("tables", keeps=("coef", "se")),
    # the same numbers, to check us by
    "engine": Does("", keeps=("coef", "se", "p", "interval", "fit")),
}  # fmt: skip
"""What each field does in every class."""
SAID = Does("notes", keeps=("coef", "se", "p", "interval"))
OF_A_CLASS: dict[tuple[type[Model], str], Does] = {
    # there is no wild bootstrap, as a note says
    **{(cls, "test"): SAID for cls in (DecayPanel, DynamicPanel, PanelQuantile)},
}
UNUSED = {(PanelQuantile, "weights"), (PanelQuantile, "intervals")}
"""Fields of which the docstring says that they change nothing."""
"""What a field does in one class, where that differs."""
REFUSED: dict[tuple[type[Model], str], set[Any]] = {
    (GroupedRegression, "collinear"): {"drop"},
    (GroupedRegression, "estimator"): {"between", "first_difference"},
    # what tells groups apart does not vary within units
    (GroupedRegression, "variance"): {"amemiya", "nerlove"},
    (GroupedSpatial, "demeaning"): {"first"},
    (GroupedSpatial, "effects_se"): {"simulation"},
}
"""Words that end in a sentence in every base of a class."""


@dataclass(frozen=True)
class Base:
    """A model from which one field is varied at a time.

    Attributes
    ----------
    model : Model
    only : tuple of str
        The fields that are varied; none for all but those of the wild bootstrap.
    gaps : bool
        Whether units lack some periods.
    """

    model: Model
    only: tuple[str, ...] = ()
    gaps: bool = False

    def varies(self, name: str) -> bool:
        return name in self.only if self.only else name not in TESTED


TESTED = ("test", "weights", "intervals")


def wild(cls: type[Model], **fields: Any) -> Base:
    """Return a model of what has no effect, so that p is none of the smallest ones, with the wild bootstrap."""
    return Base(cls(**{**FAINT, "test": "wild", "replications": 99, **fields}), TESTED)


QUARTILES: dict[str, Any] = {"quantiles": (0.25, 0.75)}
BANDS: dict[str, Any] = {"cutoffs": (100.0, 250.0), "distances": PLACES}
BASES: dict[type[Model], list[Base]] = {
    PanelRegression: [
        Base(PanelRegression(**TERMS, effects="unit", cov="robust", small_sample="none")),
        Base(PanelRegression(**TERMS, effects="unit", cov="cluster")),
        Base(PanelRegression(**TERMS, **CONLEY)),
        Base(PanelRegression(**TERMS, effects="random")),
        Base(PanelRegression(**TERMS, effects="random"), ("variance",), gaps=True),
        Base(PanelRegression(y="y", x=("x",), controls=("q", "twice"), collinear="drop"), ("collinear",)),
        wild(PanelRegression),
    ],
    GroupedRegression: [
        Base(GroupedRegression(**TERMS, by="half", effects="unit", cov="robust", small_sample="none")),
        Base(GroupedRegression(**TERMS, by="half", effects="unit", cov="cluster")),
        Base(GroupedRegression(**TERMS, by="half", **CONLEY)),
        Base(GroupedRegression(**TERMS, by="half", effects="random")),
        Base(GroupedRegression(**TERMS, by="half", effects="random"), ("variance",), gaps=True),
        wild(GroupedRegression, by="half"),
    ],
    GroupedSpatial: [
        Base(GroupedSpatial(**TERMS, by="half", kind="sdm", effects="unit")),
        Base(GroupedSpatial(**TERMS, by="half", kind="sdem", effects="random")),
        Base(GroupedSpatial(**TERMS, by="half", kind="sdm"), ("demeaning",)),
        wild(GroupedSpatial, by="half", kind="sar"),
    ],
    PanelIV: [
        Base(PanelIV(**TERMS, instruments=("z", "L.z"), cov="robust")),
        Base(PanelIV(**TERMS, instruments=("z",), cov="cluster")),
        wild(PanelIV, instruments=("of_none",), cov="cluster"),
    ],
    DiD: [
        Base(DiD(**POLICY)),
        Base(DiD(**POLICY, cov="robust", small_sample="none")),
        Base(DiD(**POLICY, **CONLEY)),
        Base(DiD(**POLICY, spillovers="rings", rings=(0.0, 100.0), spillovers_on="all")),
        Base(DiD(**POLICY, estimator="callaway_santanna", aggregate="event")),
        Base(DiD(**POLICY, estimator="stacked")),
        Base(DiD(**POLICY, estimator="synthetic_did", sdid_draws=20), ("sdid_variance",)),
        # a cohort of one unit
        Base(DiD(y="y", policy="sham", estimator="synthetic_did", sdid_draws=20), ("sdid_variance",)),
        wild(DiD, policy="sham", x=(), replications=499),
    ],
    PanelQuantile: [
        Base(PanelQuantile(**TERMS, **QUARTILES)),
        Base(PanelQuantile(**TERMS, **QUARTILES, cov="robust")),
        wild(PanelQuantile, **QUARTILES),
    ],
    PanelThreshold: [
        Base(PanelThreshold(**TERMS, threshold="v", draws=19, cov="cluster")),
        Base(PanelThreshold(**TERMS, threshold="v", draws=0, **CONLEY)),
        Base(PanelThreshold(**TERMS, threshold="v", draws=19, space="sar", sets="likelihood"), ("space", "cov")),
        wild(PanelThreshold, threshold="v", draws=0),
    ],
    Mediation: [
        Base(Mediation(**TERMS, mediators=("m",))),
        Base(Mediation(**TERMS, mediators=("m",), cov="robust", small_sample="none")),
        wild(Mediation, mediators=("m",)),
    ],
    DecayPanel: [
        Base(DecayPanel(**TERMS, kind="sdm", distances=PLACES)),
        Base(DecayPanel(**TERMS, kind="slx", distances=PLACES), ("test",)),
    ],
    DistanceBands: [
        Base(DistanceBands(**TERMS, **BANDS)),
        Base(DistanceBands(**TERMS, **BANDS, cov="robust", small_sample="none")),
        Base(DistanceBands(**TERMS, **BANDS, **CONLEY), ("cov", "kernel")),
        wild(DistanceBands, **BANDS),
    ],
    DynamicPanel: [
        Base(DynamicPanel(**TERMS, kind="system", collapse=True)),
        Base(DynamicPanel(**TERMS, steps=2, collapse=True)),
        Base(DynamicPanel(**TERMS, collapse=True), ("test",)),
    ],
    SpatialIV: [
        Base(SpatialIV(**TERMS, kind="sdm", cov="cluster", effects="unit")),
        Base(SpatialIV(**TERMS, cov="robust", small_sample="none")),
        Base(SpatialIV(**TERMS, cov="conley")),
        Base(SpatialIV(**TERMS, kind="sdem", effects="unit"), ("kind", "effects", "durbin")),
        Base(SpatialIV(**TERMS, endogenous=("x",), instruments=("z",), cov="robust")),
        wild(SpatialIV),
    ],
    SpatialFilter: [
        Base(SpatialFilter(**TERMS, stop=0.4, cov="cluster")),
        Base(SpatialFilter(**TERMS, stop=0.4, cov="robust", small_sample="none")),
        Base(SpatialFilter(**TERMS, stop=0.4, **CONLEY)),
        Base(SpatialFilter(**TERMS, effects="time", share=0.1), ("method",)),
        wild(SpatialFilter),
    ],
    DynamicSpatialPanel: [
        Base(DynamicSpatialPanel(**TERMS)),
        wild(DynamicSpatialPanel, kind="sar"),
    ],
    SpatialPanel: [
        Base(SpatialPanel(**TERMS, kind="sdm")),
        Base(SpatialPanel(**TERMS, kind="sdem", effects="random")),
        Base(SpatialPanel(**TERMS, kind="sdm", bias_correction="none")),
        wild(SpatialPanel, kind="sar"),
    ],
    UnbalancedSpatialPanel: [
        Base(UnbalancedSpatialPanel(**TERMS, kind="sdm")),
        Base(UnbalancedSpatialPanel(**TERMS, kind="sdm", further_weights=(LINE,)), ("durbin_by", "kind")),
        Base(UnbalancedSpatialPanel(**TERMS, kind="sar"), ("restandardise", "cov"), gaps=True),
        wild(UnbalancedSpatialPanel, kind="sar"),
    ],
}


@cache
def answer(cls: type[Model], base: int, name: str, value: Any) -> Numbers | DigicarbonError | None:
    """Return the numbers with one value of a field, the sentence that refuses it, or None where it is ignored."""
    start = BASES[cls][base]
    model = varied(start.model, name, value)
    if isinstance(model, DigicarbonError):
        return model
    assert isinstance(model, Model)
    if name in ignored_by(model):
        return None
    try:
        return numbers_of(
            model.fit(panel(start.gaps), weights() if model.uses_weights or model.may_use_weights else None)
        )
    except DigicarbonError as error:
        return error


def answers(cls: type[Model], name: str, value: Any) -> Iterator[tuple[int, Numbers]]:
    """Yield the bases in which a value has numbers."""
    for base in [place for place, one in enumerate(BASES[cls]) if one.varies(name)]:
        found = answer(cls, base, name, value)
        if found is not None and not isinstance(found, DigicarbonError):
            yield base, found


def fields() -> Iterator[Any]:
    for cls in sorted(BASES, key=lambda one: one.__name__):
        for name, values in worded(cls).items():
            yield pytest.param(cls, name, values, id=f"{cls.__name__}-{name}")


def test_every_class_is_here_and_every_field_says_what_it_does() -> None:
    assert set(BASES) | {NoModel} == classes()
    assert {name for cls in BASES for name in worded(cls)} == set(DOES)


@pytest.mark.parametrize(("cls", "name", "values"), list(fields()))
def test_each_value_of_a_field_changes_what_its_docstring_names(
    cls: type[Model], name: str, values: tuple[Any, ...]
) -> None:
    does = OF_A_CLASS.get((cls, name), DOES[name])
    if (cls, name) in UNUSED:
        assert all(name in ignored_by(base.model) for base in BASES[cls])
        return
    found = {value: dict(answers(cls, name, value)) for value in values}
    assert {value for value, numbers in found.items() if not numbers} == REFUSED.get((cls, name), set())
    same = []
    for one, other in itertools.combinations([value for value in values if found[value]], 2):
        both, either = found[one].keys() & found[other].keys(), found[one].keys() | found[other].keys()
        differ = [changed(found[one][base], found[other][base]) for base in both]
        # a sentence instead of numbers
        ends = [
            isinstance(answer(cls, base, name, value), DigicarbonError) for base in either for value in (one, other)
        ]
        if does.changes and not any(ends) and not any(does.changes in kinds for kinds in differ):
            same.append((one, other, differ))
        for kinds in differ:
            assert not kinds.intersection(does.keeps), (one, other)
    assert same == []
