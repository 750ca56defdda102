"""A field that changes nothing is a bug: each word of each model's fields has numbers of its own, or a sentence."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from cases import listed, merged
from classic import GroupedRegression, GroupedSpatial, PanelIV, PanelRegression, SpatialPanel
from fields import (
    CONLEY,
    ERROR,
    ERRORS,
    ESTIMATE,
    PERIODS,
    SMALL_SAMPLES,
    TERMS,
    TESTED,
    UNITS,
    Base,
    Does,
    Numbers,
    Order,
    changed,
    numbers_of,
    panel,
    varied,
    weights,
    wild,
    worded,
)
from test_declarations import classes

from digicarbon.errors import DigicarbonError
from digicarbon.inference import Inference
from digicarbon.model import Model, NoModel, ignored_by
from digicarbon.panel import Panel
from digicarbon.result import Result

DOES: dict[str, Does] = {
    "test": Does("p", keeps=("coef", "se")),
    "signs": Does("p", keeps=("coef", "se")),
    "weights": Does("p", keeps=("coef", "se")),
    "intervals": Does("interval", keeps=("coef", "se", "p")),
    "df": Does("p", keeps=("coef", "se")),
    **dict.fromkeys(("cov", "cluster", "kernel", "small_sample", "effects_se"), ERROR),
    "collinear": ESTIMATE,
    **dict.fromkeys(("constant", "demeaning", "durbin", "effects", "error_structure", "estimator"), ESTIMATE),
    **dict.fromkeys(("interact", "kind", "method", "trends", "variance"), ESTIMATE),
    # the corrected variance of the errors is in all standard errors, and in some kinds rho changes, too
    "bias_correction": Does("se"),
    # the same numbers, to check us by
    "engine": Does("", keeps=("coef", "se", "p", "interval", "fit")),
    **merged("FIELD_DOES"),
}
"""What each field does in every class."""
OF_A_CLASS: dict[tuple[type[Model], str], Does] = merged("FIELD_DOES_OF")
"""What a field does in one class, where that differs."""
UNUSED = set(listed("FIELD_UNUSED"))
"""Fields of the wild bootstrap in a model that has none: a note says so for all of them."""
REFUSED: dict[tuple[type[Model], str], set[Any]] = {
    (GroupedRegression, "collinear"): {"drop"},
    (GroupedRegression, "estimator"): {"between", "first_difference"},
    # what tells groups apart does not vary within units
    (GroupedRegression, "variance"): {"amemiya", "nerlove"},
    (GroupedSpatial, "cluster"): {"time", "both"},
    (GroupedSpatial, "demeaning"): {"first"},
    (GroupedSpatial, "effects_se"): {"simulation"},
    (SpatialPanel, "cluster"): {"time", "both"},
    **merged("FIELD_REFUSED"),
}
"""Words that end in a sentence in every base of a class."""


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
        Base(GroupedSpatial(**TERMS, by="half", kind="sdm", cov="cluster"), ("cluster",)),
        wild(GroupedSpatial, by="half", kind="sar"),
    ],
    PanelIV: [
        Base(PanelIV(**TERMS, instruments=("z", "L.z"), cov="robust")),
        Base(PanelIV(**TERMS, instruments=("z",), cov="cluster")),
        wild(PanelIV, instruments=("of_none",), cov="cluster"),
    ],
    SpatialPanel: [
        Base(SpatialPanel(**TERMS, kind="sdm")),
        Base(SpatialPanel(**TERMS, kind="sdm", cov="cluster"), ("cluster",)),
        Base(SpatialPanel(**TERMS, kind="sdem", effects="random")),
        Base(SpatialPanel(**TERMS, kind="sdm", bias_correction="none")),
        wild(SpatialPanel, kind="sar"),
    ],
    **merged("FIELD_BASES"),
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
            # the two that most studies use at once
            marks = [] if cls in (PanelRegression, SpatialPanel) else [pytest.mark.long]
            yield pytest.param(cls, name, values, id=f"{cls.__name__}-{name}", marks=marks)


def test_every_class_is_here_and_every_field_says_what_it_does() -> None:
    assert set(BASES) | {NoModel} == classes()
    assert {name for cls in BASES for name in worded(cls)} == set(DOES)


def test_words_of_inference_are_those_of_models() -> None:
    for name, values in worded(Inference).items():
        of_models = {value for cls in BASES for value in worded(cls).get(name, ())}
        assert set(values) == of_models, name


@pytest.mark.parametrize(("cls", "name", "values"), list(fields()))
def test_each_value_of_a_field_changes_what_its_docstring_names(
    cls: type[Model], name: str, values: tuple[Any, ...]
) -> None:
    does = OF_A_CLASS.get((cls, name), DOES[name])
    if (cls, name) in UNUSED:
        assert all(name in ignored_by(base.model) for base in BASES[cls])
        return
    found = {value: dict(answers(cls, name, value)) for value in values}
    refused = REFUSED.get((cls, name), set())
    if name == "test":
        refused = set(values).difference(*(base.model.offers.get("test", values) for base in BASES[cls]))
    assert {value for value, numbers in found.items() if not numbers} == refused
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


# Which word is which: two words that are exchanged change as much as two that are not.

SLOPES = 1.5
"""Spread of the slopes of units, whose products with x are errors of one sign within a unit and larger where x is."""


@cache
def with_slopes() -> Panel:
    """Return a panel whose errors are correlated within units, and larger where x and the policy are."""
    whole = panel()
    own = SLOPES * np.random.default_rng(3).normal(size=UNITS)[whole.unit_codes]
    regressors = sum(whole.column(name) for name in ("x", "pilot") if name in whole.names)
    return whole.with_columns({"y": whole.column("y") + own * regressors, "m": whole.column("m") + own * regressors})


ORDERS = [
    # slopes that differ between units make errors that depend on x, and on each other within units
    Order(PanelRegression(**TERMS), "cov", ERRORS),
    Order(PanelRegression(**TERMS, observation_weights="size"), "cov", ERRORS),
    Order(GroupedRegression(**TERMS, by="half"), "cov", ERRORS, "x[north]"),
    Order(GroupedSpatial(**TERMS, by="half", kind="sar"), "cov", ("classic", "cluster"), "x[north]"),
    Order(GroupedSpatial(**TERMS, by="half", kind="sar"), "cov", ("classic", "robust"), "sigma2"),
    Order(PanelIV(**TERMS, instruments=("z",)), "cov", ERRORS, least=0.03),
    Order(SpatialPanel(**TERMS, kind="sdm"), "cov", ("classic", "cluster")),
    Order(SpatialPanel(**TERMS, kind="sdm"), "cov", ("classic", "robust"), "sigma2"),
    Order(SpatialPanel(**TERMS, kind="slx"), "cov", ("classic", "cluster")),
    # effects that are estimated take their part of the errors' variance, which each correction gives back
    Order(SpatialPanel(**TERMS, kind="sar"), "bias_correction", ("none", "lee_yu"), "sigma2", "coef"),
    Order(SpatialPanel(**TERMS, kind="sar"), "bias_correction", ("none", "bias_corrected"), "sigma2", "coef"),
    Order(GroupedSpatial(**TERMS, by="half", kind="sar"), "bias_correction", ("none", "lee_yu"), "sigma2", "coef"),
    # the outcome's own past is taken for the effect of its unit
    # a weight that is estimated has errors of its own
    *(
        Order(model, "small_sample", words, term, least=0.001)
        for words in SMALL_SAMPLES
        for model, term in (
            (PanelRegression(**TERMS, cov="cluster"), "x"),
            (PanelIV(**TERMS, instruments=("z",), cov="cluster"), "x"),
        )
    ),
    *listed("FIELD_ORDERS"),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda one: f"{type(one.model).__name__}-{one.name}-{one.term}")
def test_words_have_their_order(order: Order) -> None:
    numbers = []
    for word in order.words:
        model = varied(order.model, order.name, word)
        assert isinstance(model, Model)
        found = model.fit(with_slopes(), weights() if model.uses_weights else None).estimates
        assert order.term in found.index, list(found.index)
        numbers.append(float(found.loc[order.term, order.kind]))
    assert all(high > (1 + order.least) * low for low, high in itertools.pairwise(numbers)), numbers


OF_EFFECTS = [cls for cls in BASES if "effects" in cls.model_fields and cls not in listed("EFFECTS_STAY")]


@pytest.mark.parametrize(("cls", "effects"), [(cls, word) for cls in OF_EFFECTS for word in worded(cls)["effects"]])
def test_effects_take_out_what_they_are_of_and_nothing_else(cls: type[Model], effects: str) -> None:
    every = [varied(base.model, "effects", effects) for base in BASES[cls]]
    model = next(one for one in every if isinstance(one, Model))
    whole, rng = panel(), np.random.default_rng(8)
    w = weights() if model.uses_weights else None
    usual = model.fit(whole, w).estimates["coef"]
    slopes = [term for term in usual.index if term not in ("const", "sigma2")]
    for codes, takers in ((whole.unit_codes, ("unit", "two_way")), (whole.period_codes, ("time", "two_way"))):
        shifted = whole.with_columns({"y": whole.column("y") + rng.normal(size=1 + max(codes))[codes]})
        found = model.fit(shifted, w).estimates["coef"]
        apart = (found[slopes] - usual[slopes]).abs().max()
        assert (apart < 1e-5) == (effects in takers), apart


@pytest.mark.parametrize("cls", [cls for cls in BASES if "df" in cls.model_fields])
def test_degrees_of_freedom_are_those_of_clusters_or_of_rows(cls: type[Model]) -> None:
    base = next(one.model for one in BASES[cls] if one.varies("df") and "df" not in ignored_by(one.model))
    found = {}
    for word in ("auto", "residual"):
        model = varied(base.model_copy(update={"cov": "cluster", "cluster": "unit"}), "df", word)
        assert isinstance(model, Model)
        found[word] = model.fit(panel(), weights() if model.uses_weights else None).inference.df
    assert found["auto"] == UNITS - 1
    assert found["residual"] is not None
    assert found["residual"] > 2 * UNITS


@pytest.mark.parametrize(
    "cls", [cls for cls in BASES if "driscoll_kraay" in worded(cls).get("cov", ()) and "df" in cls.model_fields]
)
def test_degrees_of_freedom_are_those_of_periods_or_of_rows(cls: type[Model]) -> None:
    base = next(one.model for one in BASES[cls] if one.varies("df") and "df" not in ignored_by(one.model))
    found = {}
    for cov, word in itertools.product(("robust", "driscoll_kraay"), ("auto", "residual")):
        model = varied(base.model_copy(update={"cov": cov}), "df", word)
        assert isinstance(model, Model)
        found[cov, word] = model.fit(panel(), weights() if model.uses_weights else None).inference.df
    assert found["driscoll_kraay", "auto"] == PERIODS - 1
    rest = {found["robust", "auto"], found["robust", "residual"], found["driscoll_kraay", "residual"]}
    assert len(rest) == 1
    assert rest.pop() > 2 * UNITS


@pytest.mark.parametrize("model", [PanelRegression(**TERMS), *listed("FEWEST_CLUSTERS")])
def test_degrees_of_freedom_are_those_of_the_fewest_clusters(model: Model) -> None:
    for cluster, fewest in (("district", 8), (("district", "unit"), 8), (("unit", "time"), PERIODS), ("both", PERIODS)):
        own = varied(model.model_copy(update={"cov": "cluster"}), "cluster", cluster)
        assert isinstance(own, Model)
        assert own.fit(panel(), weights() if own.uses_weights else None).inference.df == fewest - 1


@pytest.mark.parametrize("cls", [GroupedRegression, GroupedSpatial])
def test_a_regression_by_groups_splits_what_it_says(cls: type[Model]) -> None:
    for interact, split in (("focal", ("x",)), ("regressors", ("x", "q"))):
        model = varied(BASES[cls][0].model, "interact", interact)
        assert isinstance(model, Model)
        assert model.split == split
        result = model.fit(panel(), weights() if model.uses_weights else None)
        of_groups = [role.made_of for role in result.roles if any(part.level for part in role.made_of)]
        assert {part.variable for made in of_groups for part in made if not part.level} == set(split)


WITH_WILD = [cls for cls in BASES if cls.model_fields.keys() >= {"intervals"} and cls not in listed("NO_WILD")]


@pytest.mark.parametrize("cls", WITH_WILD)
def test_wild_draws_and_intervals_are_there_if_they_are_asked_for(cls: type[Model]) -> None:
    [base] = [base.model for base in BASES[cls] if base.only == TESTED]

    def fitted(**fields: Any) -> Result:
        return base.model_copy(update=fields).fit(panel(), weights() if base.uses_weights else None)

    by_errors, drawn, short = fitted(test="errors"), fitted(), fitted(intervals=False)
    assert by_errors.resampled is None or not by_errors.resampled.wild
    for one in (drawn, short):
        assert one.resampled is not None
        assert one.resampled.wild
    tested = ~np.isnan(drawn.resampled.estimates[0])
    for rows, there in ((drawn.resampled.estimates, True), (short.resampled.estimates, False)):
        assert np.isfinite(rows[0, tested]).any()
        assert (~np.isnan(rows[1:, tested])).all() == there
