"""The sentence on what moves the results of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from digicarbon.page.moves import moves
from digicarbon.page.overview import Overview
from digicarbon.report import Labels, Record
from digicarbon.result import LAG_Y, REGRESSOR, Inference, Resampled, Result, RunEffect, together
from digicarbon.result import Effects as SpatialEffects
from digicarbon.sweep.answer import answer, brief
from digicarbon.sweep.effects import Effects


def sentence(coefs: Sequence[float], values: Sequence[dict[str, Any]]) -> str:
    """Return the last sentence of an answer, in the names of the specification."""
    names = [f"run {number}" for number in range(len(coefs))]
    effects = Effects(
        run_effect=RunEffect(),
        called=("total",),
        level=0.05,
        labels=names,
        columns=np.array([(coef, 0.5, 0.5, coef - 1, coef + 1) for coef in coefs]).T,
        terms=("e",),
        outcomes=("y",),
        logarithms=frozenset(),
        resampled=0,
        lacking={},
    )
    (note,) = moves(effects, dict(zip(names, values, strict=True)), Labels())
    return str(note)


def test_a_list_with_one_member_is_compared_with_the_runs_without_it() -> None:
    values = [{"model.controls": ["z"] if number % 2 else []} for number in range(24)]
    coefs = [1.0 if number % 2 else -1.0 if number else 1.0 for number in range(24)]
    assert sentence(coefs, values) == "What moves the sign most: model.controls (z: 100% are positive; ∅: 8%)."


def test_of_choices_that_go_together_the_one_with_a_part_of_its_own_is_named() -> None:
    """Time effects occur in some runs of the second model only: alone, they would have a part of its variance."""
    values = [
        {"effects": "time" if number > 18 else "both", "model": "a" if number < 13 else "b"} for number in range(24)
    ]
    coefs = [1.0 if number < 13 else -1.0 for number in range(24)]
    assert sentence(coefs, values) == "What moves the sign most: model (a: 100% are positive; b: 0%)."


def test_where_all_signs_are_equal_the_share_is_that_of_the_variance() -> None:
    values = [{"model": "a" if number < 12 else "b"} for number in range(24)]
    coefs = [1.0 if number < 12 else 3.0 for number in range(24)]
    assert sentence(coefs, values) == "What moves the estimate most: model (100.0% of the variance)."


def run(*names: str) -> Record:
    """Return a run with these effects of x; with none it has no spatial lag."""
    numbers = np.ones((len(names), 1))
    spatial = SpatialEffects(("x",), numbers, numbers, names) if names else None
    terms, roles = (("x", "rho"), (REGRESSOR, LAG_Y)) if "total" in names else (("x",), (REGRESSOR,))
    result = Result(
        kind="a",
        y="y",
        focal=("x",),
        terms=terms,
        coef=np.ones(len(terms)),
        covariance=np.eye(len(terms)),
        roles=roles,
        spatial_effects=spatial,
    )
    return Record("-".join(names), {}, {}, result)


SPATIAL, POLICY, PLAIN = run("direct", "indirect", "total"), run("spillover", "direct"), run()


@pytest.mark.parametrize(
    ("runs", "english", "chinese"),
    [
        ((PLAIN,), "The effect of x on y", "x对y的效应"),
        ((SPATIAL,), "The total effect of x on y", "x对y的总效应"),
        ((PLAIN, SPATIAL), "The total effect of x on y", "x对y的总效应"),
        ((POLICY, PLAIN), "The direct effect of x on y", "x对y的直接效应"),
        ((POLICY, SPATIAL), "The effect of x on y", "x对y的效应"),
    ],
)
def test_an_effect_is_total_only_where_models_tell_it_from_a_direct_one(
    runs: tuple[Record, ...], english: str, chinese: str
) -> None:
    note = answer(Overview.of(runs, RunEffect()).effects, None, Labels())
    assert note.text().startswith(f"{english} is ")
    assert note.text("zh").startswith(chinese)


def test_p_values_of_a_ratio_by_its_covariance_are_none_of_a_bootstrap() -> None:
    for wild, words in ((True, "wild bootstrap"), (False, "standard errors")):
        numbers = Resampled(np.full((3, 2), np.nan), np.full((3, 3, 1), 0.5), wild)
        record = replace(SPATIAL, result=replace(SPATIAL.result, resampled=numbers))
        note = answer(Overview.of([record], RunEffect()).effects, None, Labels())
        assert note.text().endswith(f", {words}).")


def test_a_coefficient_that_was_asked_for_is_called_so() -> None:
    assert Overview.of([PLAIN, SPATIAL], RunEffect("coefficient")).effects.quantity == "coefficient"
    assert together(["effect", "total", "effect"]) == ("total",)


def test_the_page_and_mlflow_count_the_same_effects() -> None:
    """Runs have levels of their own: both sentences count by one level, the one that they name."""
    runs = []
    for place in range(24):
        result = replace(
            PLAIN.result,
            coef=np.array([-1.0 if place < 6 else 1.0]),
            covariance=np.eye(1) * (0.25 if place % 2 else 0.36),
            inference=Inference(level=0.9 if place == 20 else 0.95),
        )
        runs.append(replace(PLAIN, label=str(place), result=result))
    found = Overview.of(runs, RunEffect()).effects
    long, short = answer(found, None, Labels()), brief(found, Labels())
    assert short is not None
    assert str(long).startswith(
        "75% of 24 estimates of the effect of x on y are positive, 38% significantly (p ≤ 0.05,"
    )
    assert str(short) == (
        "75% of 24 estimates of the effect of x are positive, and 38% positive and significant (p ≤ 0.05)."
    )
