"""Each request of each model has another result, or is refused by name with what there is in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pytest
import yaml
from conftest import REPOSITORY

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import DigicarbonError
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.prepare import Preparation, fitted
from digicarbon.plan.runs import plan
from digicarbon.result import Result

POLICY = [
    *["source=simulated_policy", "source.n=24", "source.periods=8", "source.cohorts=[2009,2011]", "weights=k_nearest"],
    *["measure=none", "outcome=none", "model.y=y", "model.controls=[]"],
    "++panel.policy.pilot=adopted",
]
"""Of estimators of a policy."""
PATHS = [
    "source=simulated_decay",
    "weights=k_nearest",
    "measure=none",
    "outcome=none",
    "model.y=y",
    "model.x=[x]",
    "model.controls=[c]",
]
PLACEBO = ["measure.permute=1"]
"""A measure without effect: p values of strong ones are the smallest that draws can have, whatever the draws."""
OF: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(
        ["did", "event_study", "sun_abraham", "imputation", "stacked", "callaway_santanna", "synthetic_did"], POLICY
    ),
    **dict.fromkeys(("decay", "distance_bands"), PATHS),
    "stacked": [*POLICY, "model.leads=2", "model.lags=2"],
    "iv": [*PLACEBO, "model.instruments=[L.${measure.terms.0}]"],
    "mediation": [*PLACEBO, "model.mediators=[ln_ter_sec]", "model.controls=[ln_pgdp]"],
    "threshold": [*PLACEBO, "model.threshold_draws=0"],
    "synthetic_did": [*POLICY, "source.never=0.6", "model.sdid_draws=20", "model.sdid_variance=placebo"],
}
"""What a model needs beside its option."""
QUICK = {"twfe", "dynamic_sdm", "mediation"}
"""One of each way to honour or to refuse; all others are walked in the long stage."""
MODELS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.long)
    for name in sorted({path.stem for path in (REPOSITORY / "conf" / "model").glob("*.yaml")} - {"none"})
]
ERRORS = [
    "classic",
    "robust",
    "cluster",
    "cluster_time",
    "cluster_both",
    "driscoll_kraay",
    "newey_west",
    "panel_corrected",
    "conley",
    "observed",
]
OF_CLUSTERS = ("inference.cluster=year", "inference.small_sample=none", "inference.df=residual")
OF_DRAWS = ("inference.seed=2", "inference.draws=99", "inference.weights=webb")
SAME = {
    # robust errors of GMM are those of units; a mean over time is one row of its unit; SLX has no spatial parameter
    "gmm_difference": [("cluster", "robust")],
    "gmm_system": [("cluster", "robust")],
    "between": [("cluster", "robust")],
    "slx": [("classic", "observed")],
}
"""Requests that are one and the same for a model."""
FEW = "inference.draws=199"
NO_INTERVALS = "inference.intervals=false"
Numbers = dict[str, np.ndarray]
PREPARATION = Preparation()


@cache
def answer(model: str, *words: str) -> Numbers | DigicarbonError:
    """Return the numbers of a run, or why it is refused."""
    plain, axes = read_overrides(["executor=sequential", f"model={model}", *OF.get(model, PLACEBO), *words], loader())
    try:
        (run,) = plan(Composer(loader(), "config", plain), axes, PREPARATION).runs
    except DigicarbonError as error:
        return error
    return numbers_of(fitted(run.specs, run.prepared))


def numbers_of(result: Result) -> Numbers:
    """Return what a table has of a result, by column."""
    frames = [result.estimates, *([] if result.spatial_effects is None else [result.effects])]
    columns = ("coef", "se", "p", "low", "high")
    return {name: np.concatenate([frame[name].to_numpy(dtype=float) for frame in frames]) for name in columns}


def differ(one: Numbers, other: Numbers, *columns: str) -> bool:
    return any(not np.allclose(one[name], other[name], rtol=1e-9, atol=0, equal_nan=True) for name in columns)


OFFERED = ("it offers", "reads", "Choose", "choose", "must be", "allowed", "takes", "is for", "Keys: ", "leave")
"""What sentences have before what there is in place of a request."""


def assert_refused(error: DigicarbonError, key: str) -> None:
    """The sentence names the key, and what there is in its place."""
    said = str(error)
    assert key in said, said
    assert any(words in said for words in OFFERED), said


@pytest.mark.parametrize("model", MODELS)
def test_kinds_of_errors_differ_or_are_refused(model: str) -> None:
    found: dict[str, Numbers] = {}
    for errors in ERRORS:
        one = answer(model, f"inference={errors}", "inference.test=errors")
        if isinstance(one, DigicarbonError):
            assert_refused(one, "inference.c")
        elif np.isfinite(one["se"]).any():
            # a table says of errors that nothing identifies that there are none
            found[errors] = one
    same = [
        (one, other) for one in found for other in found if one < other and not differ(found[one], found[other], "se")
    ]
    assert same == SAME.get(model, [])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("word", OF_CLUSTERS)
def test_what_clusters_are_differs_or_is_refused(model: str, word: str) -> None:
    before, found = answer(model, "inference=cluster"), answer(model, "inference=cluster", word)
    if isinstance(found, DigicarbonError):
        assert_refused(found, "inference.")
    else:
        assert not isinstance(before, DigicarbonError)
        assert differ(before, found, "se", "p")


@pytest.mark.parametrize("model", MODELS)
def test_the_wild_bootstrap_differs_or_is_refused(model: str) -> None:
    usual = answer(model)
    assert not isinstance(usual, DigicarbonError), "the default sentence is asked for by nobody"
    wild = answer(model, "inference.test=wild", FEW, NO_INTERVALS)
    if isinstance(wild, DigicarbonError):
        assert_refused(wild, "inference.test=wild")
        for word in (*OF_DRAWS, NO_INTERVALS):
            found = answer(model, word)
            if isinstance(found, DigicarbonError):
                assert_refused(found, word.partition("=")[0])
            else:
                assert differ(usual, found, "se", "p", "low"), word
        return
    errors = answer(model, "inference.test=errors")
    assert not isinstance(errors, DigicarbonError)
    assert differ(errors, wild, "p")
    assert np.isnan(wild["low"]).any()
    for word in OF_DRAWS:
        words = ["inference.test=wild", *([] if "draws" in word else [FEW])]
        found = answer(model, *words, NO_INTERVALS, word)
        assert not isinstance(found, DigicarbonError)
        if not differ(wild, found, "p"):
            # as many draws may be as far out; then the ends of intervals differ
            wide, found = answer(model, "inference.test=wild", FEW), answer(model, *words, word)
            assert not isinstance(wide, DigicarbonError)
            assert not isinstance(found, DigicarbonError)
            assert differ(wide, found, "low", "high"), word


WITHOUT_ARRANGEMENTS = {"decay", "gmm_difference", "gmm_system", "iv", "mediation"}


@pytest.mark.parametrize("model", MODELS)
def test_arrangements_differ_or_are_refused(model: str) -> None:
    words = ("inference.test=randomisation", "inference.draws=99", NO_INTERVALS)
    found = answer(model, *words)
    assert isinstance(found, DigicarbonError) is (model in WITHOUT_ARRANGEMENTS), str(found)
    if isinstance(found, DigicarbonError):
        assert_refused(found, "test=randomisation; ")
        return
    errors, other = answer(model, "inference.test=errors"), answer(model, *words, "inference.seed=2")
    assert not isinstance(errors, DigicarbonError)
    assert not isinstance(other, DigicarbonError)
    assert differ(errors, found, "p")
    # no p is below that of the real arrangement alone
    assert differ(found, other, "p") or np.nanmin(found["p"]) == 1 / 100
    # the source has no column of strata
    strata = answer(model, *words, "inference.strata=nowhere")
    assert isinstance(strata, DigicarbonError)
    assert "nowhere" in str(strata)


@pytest.mark.parametrize("model", MODELS)
def test_the_level_of_intervals_is_that_of_the_request(model: str) -> None:
    usual, found = (answer(model, "inference.test=errors", *words) for words in ([], ["inference.level=0.8"]))
    assert not isinstance(usual, DigicarbonError)
    assert not isinstance(found, DigicarbonError)
    assert differ(usual, found, "low", "high")
    assert not differ(usual, found, "coef", "se")


ELSEWHERE = {name for name, words in OF.items() if words[: len(PATHS)] == PATHS or words[: len(POLICY)] == POLICY}
"""Models of units that no known country has."""


def of_data(model: str) -> dict[str, list[str]]:
    """Return requests of data and effects, by the key that a refusal names, with columns that the model's data have."""
    unit, weight, group, year = (
        ("unit", "longitude", "industry", "2012") if model in ELSEWHERE else ("province", "gdp", "region", "2014")
    )
    middle = "110" if model in ELSEWHERE else "20000"
    return {
        "model.observation_weights": [f"model.observation_weights={weight}"],
        "model.absorb": [f"model.absorb=[{group}**year]"],
        "model.trends": ["model.trends=unit"],
        "inference.c": ["inference=cluster", f"inference.cluster=[{unit},year]"],
        "sample.query": [f"sample.query='year != {year} or {weight} > {middle}'"],
    }


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_effects_differ_or_are_refused(model: str, effects: str) -> None:
    """Where the numbers are those of the model's own effects, these are the effects that its option has."""
    before, found = (answer(model, "inference.test=errors", *words) for words in ([], [f"model.effects={effects}"]))
    assert not isinstance(before, DigicarbonError)
    if isinstance(found, DigicarbonError):
        assert_refused(found, "effects" if "effects" in str(found) else "inference.cov")
        return
    own = yaml.safe_load((REPOSITORY / "conf" / "model" / f"{model}.yaml").read_text(encoding="utf-8"))["effects"]
    same = len(found["coef"]) == len(before["coef"]) and not differ(before, found, "coef", "se")
    assert same == (own == effects)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("key", of_data("twfe"))
def test_requests_of_data_differ_or_are_refused(model: str, key: str) -> None:
    """Weights of rows, further effects, trends, clusters of two columns, and rows that are missing."""
    before, found = (answer(model, "inference.test=errors", *words) for words in ([], of_data(model)[key]))
    assert not isinstance(before, DigicarbonError)
    if not isinstance(found, DigicarbonError):
        assert len(found["coef"]) != len(before["coef"]) or differ(before, found, "coef", "se")
    elif key == "sample.query":
        assert any(words in str(found) for words in UNBALANCED), str(found)
    elif "collinear" not in str(found):
        # an event study has too few rows for a trend of each unit, and says which columns are lost
        assert_refused(found, key)


UNBALANCED = ("balanced", "gaps", "every period", "each period")


WITHOUT_W = {"decay", "gmm_difference", "gmm_system", "quantile", "stacked", "synthetic_did"}
"""Models without draws that have no W: one from a rate, instruments of the own past, quantiles, and two of policies."""


@pytest.mark.parametrize(("test", "idle"), [("errors", True), ("wild", False)])
def test_a_w_that_no_run_takes_is_named(test: str, idle: bool) -> None:
    words = ["model=twfe", "weights=k_nearest", f"inference.test={test}"]
    remarks = plan(Composer(loader(), "config", words)).remarks
    assert [remark.code for remark in remarks] == (["weights_idle"] if idle else [])
    assert not idle or str(remarks[0]).startswith("weights=k_nearest: no model")


@pytest.mark.parametrize("word", ["inference.kernel=weights", "inference.bandwidth=3"])
@pytest.mark.parametrize("model", ["sdm", "twfe"])
def test_a_field_that_no_errors_read_is_named(model: str, word: str) -> None:
    remarks = plan(Composer(loader(), "config", [f"model={model}", word])).remarks
    assert [remark.code for remark in remarks] == ["fields_idle"]


@pytest.mark.parametrize("model", MODELS)
def test_another_w_has_other_numbers_where_a_model_has_one_or_draws_by_it(model: str) -> None:
    def with_weights(*words: str) -> list[Numbers | DigicarbonError]:
        return [answer(model, *words, f"weights={name}") for name in ("k_nearest", "distance_band")]

    one, other = with_weights("inference.test=wild", FEW, NO_INTERVALS)
    if isinstance(one, DigicarbonError):
        assert_refused(one, "inference.test=wild")
        one, other = with_weights("inference.test=errors")
        assert not isinstance(one, DigicarbonError)
        assert not isinstance(other, DigicarbonError)
        assert differ(one, other, "coef", "se") == (model not in WITHOUT_W)
        return
    assert not isinstance(other, DigicarbonError)
    if len(one["coef"]) == len(other["coef"]) and not differ(one, other, "coef", "se", "p"):
        # as many draws may be as far out; then the ends of intervals differ
        one, other = with_weights("inference.test=wild", FEW)
        assert not isinstance(one, DigicarbonError)
        assert not isinstance(other, DigicarbonError)
        assert differ(one, other, "low", "high")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["model=sdm", "inference.cov=conley"],
            "model=sdm does not have inference.cov=conley; it offers classic, observed, robust, cluster.",
        ),
        (
            ["model=twfe", "inference.cov=robust", "inference.cluster=province"],
            "model=twfe does not have inference.cluster=province; it offers unit. Clusters are those of cov=cluster",
        ),
        (
            ["model=sdm", "inference.cluster=[province,year]"],
            "model=sdm does not have inference.cluster=[province, year]; it offers unit, a column.",
        ),
        (
            ["model=first_difference", "inference.cluster=province"],
            "inference.cluster as a column is not for estimator=first_difference; choose unit, time or both.",
        ),
        (["model=twfe", "inference.draws=5"], "inference.draws: must be at least 19; got 5."),
        (["model=twfe", "inference.draws=many"], "inference.draws: must be a whole number or 'auto'; got 'many'."),
        *(
            (
                ["model=twfe", f"inference.level={level}"],
                f"inference.level is the coverage of intervals, from 0.5 to below 1; got {level}. Write {meant}.",
            )
            for level, meant in [("0.05", "0.95"), ("95", "0.95"), ("5", "0.95"), ("90", "0.9"), ("0.1", "0.9")]
        ),
        (
            ["model=iv", "model.instruments=[L.${measure.terms.0}]", "inference.cluster=region"],
            "4 clusters by region are too few for clustered standard errors (at least 5) and for a wild bootstrap, "
            "whose smallest p would be 0.125. Choose cluster=unit, the default, or a column of more clusters; with "
            "model=twfe, absorb=[region**time] (in a file absorb: [region^time]) takes out what the units of one "
            "region have in common in a period.",
        ),
        *(
            (
                [f"model={model}", word],
                f"model.{word[6:].partition('=')[0]} is not a field of {cls}: it takes no fixed effects or trends "
                "beside those of units and periods. Choose a model that has it, e.g. model=twfe, or leave it out.",
            )
            for model, cls in [("sdm", "SpatialPanel"), ("iv", "PanelIV")]
            for word in ("model.absorb=[region]", "model.trends=unit")
        ),
        (
            ["model=sdm", "model.small_sample=cr2"],
            "model.small_sample is not a field of SpatialPanel: its standard errors leave this no choice. "
            "Choose a model that has it, e.g. model=twfe, or leave it out.",
        ),
        (
            ["model=twfe", "inference.cluster=[province,province]"],
            "inference.cluster names province twice; name two different columns, or one.",
        ),
    ],
)
def test_a_refusal_is_one_sentence_that_names_key_and_option_as_they_are_written(words: list[str], said: str) -> None:
    plain, axes = read_overrides(["executor=sequential", *PLACEBO, *words], loader())
    with pytest.raises(DigicarbonError) as caught:
        plan(Composer(loader(), "config", plain), axes, PREPARATION)
    sentence = str(caught.value)
    assert sentence.startswith(f"command line: {said}")
    assert sentence == sentence.strip()
    if said.endswith("."):
        assert sentence == f"command line: {said}"


@pytest.mark.parametrize(("written", "read"), [("null", "unit"), ("[year]", "year")])
def test_no_cluster_is_the_unit_and_a_list_of_one_is_its_column(written: str, read: str) -> None:
    plain, axes = read_overrides(["model=twfe", "inference.test=errors", f"inference.cluster={written}"], loader())
    (run,) = plan(Composer(loader(), "config", plain), axes, PREPARATION).runs
    assert run.specs.model.model_dump()["cluster"] == run.specs.inference.cluster == read


@pytest.mark.parametrize("model", MODELS)
def test_clusters_that_vary_within_units_are_refused_before_the_fit(model: str) -> None:
    one = answer(model, "inference=wild", "inference.cluster=year", FEW, NO_INTERVALS)
    if isinstance(one, DigicarbonError):
        assert_refused(one, "inference.")
