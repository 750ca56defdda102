"""A result survives the way through text to the last bit, whatever table a diagnostic makes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from roles import made_roles

from digicarbon.note import Note
from digicarbon.result import LAG_Y, REGRESSOR, Effects, Inference, Resampled, Result, Role
from digicarbon.tracking._results import decode, encode

RNG = np.random.default_rng(3)
TABLES = {
    "labels": pd.DataFrame({"i": [0.1, np.nan], "verdict": ["yes", None]}, index=pd.Index([2012, 2013], name="time")),
    "several": pd.DataFrame(
        RNG.normal(size=(2, 2)),
        index=pd.MultiIndex.from_tuples([("北京", 1), ("天津", 2)], names=["unit", None]),
        columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")]),
    ),
    "mixed": pd.DataFrame({"x": [1, "two", 3.5, True, np.float64(0.1)]}, dtype=object),
    "whole numbers": pd.DataFrame({"n": [1, 2], "same": [True, False]}),
    "twice": pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]),
    "empty": pd.DataFrame({"a": pd.Series([], dtype=float)}),
    "notes": pd.DataFrame(
        {"null": [Note("groups_equal", terms=("x",)), "Mine."], "p": [0.1, 0.2]},
        index=pd.MultiIndex.from_tuples(
            [
                ("equality", Note("groups", groups=2)),
                ("difference", Note("difference_of", first="east", second="west")),
            ],
            names=["test", "groups"],
        ),
    ),
}
RESULT = Result(
    kind="sdm",
    y="ln_ci",
    focal=("ln_e",),
    terms=("ln_e", "碳", "rho"),
    coef=np.array([1 / 3, -np.inf, 5e-324]),
    covariance=RNG.normal(size=(3, 3)),
    inference=Inference(df=None, level=0.9),
    statistics={"nobs": np.float64(180), "r2": np.nan, "loglik": -1 / 3},
    spatial_effects=Effects(("ln_e",), RNG.normal(size=(3, 1)), np.full((3, 1), np.nan)),
    tables=TABLES,
    absorbed=("unit", "time"),
    notes=("A note, with “marks”.",),
    residuals=np.zeros((2, 2)),
)


def test_every_part_comes_back_but_residuals() -> None:
    found = decode(encode(RESULT))
    for name in ("kind", "y", "focal", "terms", "inference.df", "inference.level", "absorbed", "notes"):
        one, other = RESULT, found
        for part in name.split("."):
            one, other = getattr(one, part), getattr(other, part)
        assert one == other, name
    assert found.coef.tobytes() == RESULT.coef.tobytes()
    assert found.covariance.tobytes() == RESULT.covariance.tobytes()
    np.testing.assert_array_equal(list(found.statistics.values()), list(RESULT.statistics.values()))
    assert list(found.statistics) == list(RESULT.statistics)
    assert found.spatial_effects is not None
    assert RESULT.spatial_effects is not None
    assert found.spatial_effects.terms == ("ln_e",)
    assert found.spatial_effects.coef.tobytes() == RESULT.spatial_effects.coef.tobytes()
    assert np.isnan(found.spatial_effects.se).all()
    assert found.residuals is None


@pytest.mark.parametrize("name", TABLES)
def test_tables_come_back_with_their_kinds(name: str) -> None:
    found = decode(encode(RESULT)).tables[name]
    pd.testing.assert_frame_equal(found, TABLES[name], check_exact=True)


def test_a_version_without_notes_in_tables_reads_their_english_words() -> None:
    node = json.loads(encode(RESULT))["tables"]["notes"]
    assert node["data"][0] == ["object", ["The coefficients of x are equal in all groups.", "Mine."]]
    assert node["index"]["levels"][1][1] == ["2 groups", "east - west"]


def test_words_of_an_earlier_version_become_notes_and_those_of_this_one_do_not() -> None:
    content = json.loads(encode(RESULT))
    del content["tables"]["notes"]["notes"]
    old = decode(json.dumps(content)).tables["notes"]
    pd.testing.assert_frame_equal(old, TABLES["notes"], check_exact=True)
    said = "There is no variance between units."
    table = pd.DataFrame({"null": [said]}, index=pd.Index(["east - west"], name="groups"))
    again = decode(encode(Result("mine", "y", tables={"t": table}))).tables["t"]
    pd.testing.assert_frame_equal(again, table)


def test_what_is_resampled_which_w_a_lag_has_and_what_spills_over_come_back() -> None:
    effects = Effects(("ln_e",), np.ones((3, 1)), np.ones((3, 1)), spilling=("ln_e",))
    roles = (REGRESSOR, Role("lag_x", "ln_e", by=2), LAG_Y)
    for wild, arranged in ((True, ("ln_e",)), (False, ())):
        numbers = Resampled(np.full((3, 3), 0.5), np.full((3, 3, 1), 0.25), wild, arranged)
        found = decode(encode(replace(RESULT, roles=roles, spatial_effects=effects, resampled=numbers)))
        assert found.resampled is not None
        assert (found.resampled.wild, found.resampled.arranged) == (wild, arranged)
        np.testing.assert_array_equal(found.resampled.effects, numbers.effects)
        assert [(role.kind, role.of, role.by) for role in found.roles] == [(r.kind, r.of, r.by) for r in roles]
        assert found.spatial_effects is not None
        assert found.spatial_effects.spilling == ("ln_e",)


def test_an_empty_result_comes_back() -> None:
    found = decode(encode(Result("none", "")))
    assert found.terms == ()
    assert found.covariance.shape == (0, 0)
    assert found.spatial_effects is None


def test_what_cannot_be_kept_is_refused_and_not_bent() -> None:
    with pytest.raises(TypeError, match="Timestamp"):
        encode(Result("x", "y", tables={"t": pd.DataFrame({"when": [pd.Timestamp("2012-01-01")]})}))


def test_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 7"):
        decode(encode(RESULT).replace('"version": 1', '"version": 7'))


@pytest.mark.parametrize(
    ("focal", "powers", "pieces"),
    [
        (("ln_e", "ln_e^2"), True, False),
        (("ln_e", "L.ln_e"), False, False),
        (("ln_e", "ln_e:z"), False, True),
        (("ln_e[a: b]", "ln_e[c]"), False, True),
        (("ln_e:region[east]", "ln_e:region[west]"), False, True),
        (("ln_e", "z"), False, False),
    ],
)
def test_what_terms_are_made_of_comes_back_and_is_read_by_names_where_it_was_not_recorded(
    focal: tuple[str, ...], powers: bool, pieces: bool
) -> None:
    roles = made_roles(focal)
    numbers: dict[str, Any] = {"coef": np.ones(2), "covariance": np.eye(2)}
    content = json.loads(encode(Result("fe", "y", focal=focal, terms=focal, roles=roles, **numbers)))
    assert decode(json.dumps(content)).roles == roles
    del content["made_of"]
    for found in (decode(json.dumps(content)), decode(json.dumps(content | {"roles": []}))):
        assert (found.has_powers, found.in_pieces) == (powers, pieces)
    # a column may be called as a power is
    content["made_of"] = []
    named = decode(json.dumps(content))
    assert (named.has_powers, named.in_pieces) == (False, False)
