"""Two-way effects, event studies and Sun and Abraham's estimator against pyfixest, and their wild bootstrap."""

from __future__ import annotations

import warnings
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
import scipy
from policies import close, fit, pair, panel_of, states

from digicarbon.model.batch import Estimand, OneByOne, estimate_of
from digicarbon.result import RunEffect

FRAME = states()
PANEL = panel_of(FRAME)
CLUSTERED: dict[str, Any] = {"vcov": {"CRV1": "state"}}


def feols(formula: str, frame: pd.DataFrame, **how: Any) -> Any:
    import pyfixest

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pyfixest.feols(formula, frame, **(CLUSTERED | how))


def events(frame: pd.DataFrame, low: int, high: int) -> pd.DataFrame:
    """Return the dummies of event times but -1, ends binned."""
    event = frame["pilot_event"].clip(low, high)
    levels = [level for level in range(low, high + 1) if level != -1]
    return frame.assign(**{f"e{level + 100}": (event == level).astype(float) for level in levels})


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("controls", [(), ("log_emp", "unemp")])
def test_two_way_effects_are_pyfixests(controls: tuple[str, ...], gaps: bool) -> None:
    frame = FRAME.drop(FRAME.index[5::31]) if gaps else FRAME
    expected = feols(f"log_gsp ~ {' + '.join(['pilot', *controls])} | state + year", frame)
    found = fit(panel_of(frame), controls=controls).estimates
    close(found["coef"].to_dict(), expected.coef().to_dict())
    close(found["se"].to_dict(), expected.se().to_dict())


@pytest.mark.parametrize("controls", [(), ("log_emp",)])
def test_an_event_study_is_pyfixests(controls: tuple[str, ...]) -> None:
    frame = events(FRAME, -5, 4)
    names = [name for name in frame if name.startswith("e") and name[1:].isdigit()]
    expected = feols(f"log_gsp ~ {' + '.join([*names, *controls])} | state + year", frame)
    fields: dict[str, Any] = {"estimator": "event_study", "aggregate": "event", "leads": 5, "lags": 4}
    found = fit(PANEL, **fields, overall="levels", controls=controls)
    assert found.terms == ("pilot", *(f"pilot[{int(name[1:]) - 100}]" for name in names), *controls)
    close(found.estimates["coef"].to_list()[1:], expected.coef().to_list())
    close(found.estimates["se"].to_list()[1:], expected.se().to_list())
    # the overall effect is the mean of event times 0 to 4
    g = np.array([name in names and int(name[1:]) >= 100 for name in (*names, *controls)], dtype=float) / 5
    close(pair(found), (g @ expected.coef(), np.sqrt(g @ expected._vcov @ g)))
    # or by their treated rows, as without event times beside it
    rows = fit(PANEL, **fields, controls=controls)
    close(pair(rows), pair(fit(PANEL, **(fields | {"aggregate": "overall"}), controls=controls)))
    sizes = {name: float(frame[name].sum()) * (int(name[1:]) >= 100) for name in names}
    g = np.array([sizes.get(name, 0.0) for name in (*names, *controls)]) / sum(sizes.values())
    close(pair(rows), (g @ expected.coef(), np.sqrt(g @ expected._vcov @ g)))
    early, vcov = expected.coef().to_numpy()[:4], expected._vcov[:4, :4]
    close(found.statistics["pretest_p"], scipy.stats.f.sf(early @ np.linalg.solve(vcov, early) / 4, 4, 47))
    assert found.has_note("did_binned")


def test_sun_and_abraham_are_pyfixests() -> None:
    import pyfixest

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pyfixest.event_study(
            FRAME.assign(code=FRAME["state"].factorize()[0]),
            yname="log_gsp",
            idname="code",
            tname="year",
            gname="first",
            estimator="saturated",
            att=False,
        ).aggregate(weighting="shares")
    found = fit(PANEL, estimator="sun_abraham", aggregate="event").estimates.iloc[1:]
    assert [f"pilot[{int(event)}]" for event in expected.index] == list(found.index)
    close(found["coef"].to_list(), expected["Estimate"].astype(float).to_list())
    close(found["se"].to_list(), expected["Std. Error"].astype(float).to_list())


@pytest.mark.parametrize("controls", [(), ("log_emp",)])
def test_sun_and_abraham_are_means_of_a_saturated_regression(controls: tuple[str, ...]) -> None:
    """The dummies of cohorts by event times written by hand; each aggregation is a combination of them."""
    cells = FRAME.loc[(FRAME["first"] > 0) & (FRAME["pilot_event"] != -1), ["first", "pilot_event"]].drop_duplicates()
    own = {
        f"c{int(first)}_{int(event) + 100}": ((FRAME["first"] == first) & (FRAME["pilot_event"] == event)).astype(float)
        for first, event in cells.itertuples(index=False)
    }
    expected = feols(f"log_gsp ~ {' + '.join([*own, *controls])} | state + year", FRAME.assign(**own))
    coef, vcov = expected.coef(), expected._vcov
    weights: dict[str, dict[str, dict[str, float]]] = {"overall": {}, "cohort": {}, "calendar": {}}
    after = {name: column.sum() for name, column in own.items() if int(name[6:]) >= 100}
    weights["overall"]["pilot"] = {name: size / sum(after.values()) for name, size in after.items()}
    for name, size in after.items():
        first, event = int(name[1:5]), int(name[6:]) - 100
        weights["cohort"].setdefault(f"pilot[{first}]", {})[name] = size
        weights["calendar"].setdefault(f"pilot[{first + event}]", {})[name] = size
    for aggregate, of_terms in weights.items():
        found = fit(PANEL, estimator="sun_abraham", aggregate=aggregate, controls=controls)
        for term, sizes in of_terms.items():
            g = np.array([sizes.get(name, 0.0) for name in coef.index])
            g = g / g.sum()
            close(pair(found, term), (g @ coef, np.sqrt(g @ vcov @ g)))
        # whatever is reported beside it, the overall effect is the mean over treated rows
        close(pair(found), pair(fit(PANEL, estimator="sun_abraham", controls=controls)))
    # the mean of cohorts is by units: 12 each
    found = fit(PANEL, estimator="sun_abraham", aggregate="cohort", overall="levels", controls=controls)
    close(pair(found)[0], np.mean([pair(found, f"pilot[{first}]")[0] for first in (1975, 1978, 1982)]))


def test_without_never_treated_the_last_cohort_is_the_comparison() -> None:
    frame = FRAME[FRAME["first"] > 0]
    found = fit(panel_of(frame), estimator="sun_abraham", aggregate="event", compare="not_yet")
    cut = frame[frame["year"] < 1982].assign(first=lambda rows: rows["first"].where(rows["first"] < 1982, 0))
    cut = cut.assign(pilot_event=cut["pilot_event"].where(cut["first"] > 0))
    expected = fit(panel_of(cut), estimator="sun_abraham", aggregate="event")
    close(found.coef.tolist(), expected.coef.tolist())
    close(found.estimates["se"].to_list(), expected.estimates["se"].to_list())
    assert found.has_note("did_last_cohort")
    assert found.statistics["n_never"] == 0


def test_anticipation_moves_the_start() -> None:
    early = FRAME.assign(early=(FRAME["pilot_event"] >= -2).astype(float))
    expected = feols("log_gsp ~ early | state + year", early)
    close(pair(fit(PANEL, anticipation=2)), (expected.coef()["early"], expected.se()["early"]))
    found = fit(PANEL, estimator="event_study", aggregate="event", overall="levels", anticipation=2)
    assert "pilot[-3]" not in found.terms
    assert {"pilot[-2]", "pilot[-1]"} <= set(found.terms)
    # what comes before the first period is no part of the overall effect, and what may be anticipated not of the test
    later = [pair(found, term)[0] for term in found.terms[1:] if int(term[6:-1]) >= 0]
    close(pair(found)[0], np.mean(later))
    assert found.statistics["pretest_df"] == sum(int(term[6:-1]) < -3 for term in found.terms[1:])


def test_a_share_is_a_regressor() -> None:
    frame = FRAME.assign(dose=FRAME["pilot"] * (1 + FRAME["first"] % 3) / 4)
    expected = feols("log_gsp ~ dose + unemp | state + year", frame)
    found = fit(panel_of(frame), policy="dose", controls=("unemp",))
    close(found.estimates["se"].to_dict(), expected.se().to_dict())
    assert found.has_note("did_of_a_share")


def test_a_column_of_zeros_and_ones_is_a_policy() -> None:
    bare = panel_of(FRAME.drop(columns=["pilot_event", "pilot_cohort", "first"]))
    for fields in ({}, {"estimator": "sun_abraham", "aggregate": "cohort"}, {"estimator": "callaway_santanna"}):
        found, expected = fit(bare, **fields), fit(PANEL, **fields)
        assert found.terms == expected.terms
        close(found.coef.tolist(), expected.coef.tolist())


def test_a_sample_of_every_second_year_counts_in_years() -> None:
    found = fit(panel_of(FRAME[FRAME["year"] % 2 == 1]), estimator="event_study", aggregate="event", leads=7, lags=6)
    # the cohorts of 1978 and 1982 are seen at odd event times, that of 1975 at even ones from -4 on
    assert {int(term[6:-1]) for term in found.terms[1:]} == {*range(-7, 7)} - {-6, -1}


def test_numbers_are_described() -> None:
    found = fit(PANEL, estimator="event_study", aggregate="event", controls=("unemp",))
    assert (found.statistics["n_treated"], found.statistics["n_never"], found.statistics["n_cohorts"]) == (36, 12, 3)
    assert found.focal == ("pilot",)
    assert found.effect(RunEffect())[0] == "pilot"
    assert [part.level for part in found.role("pilot[-3]").made_of] == ["-3"]
    assert found.role("pilot").made_of[0].variable == "pilot"
    assert fit(PANEL).has_note("did_staggered")
    alone = FRAME[FRAME["first"].isin([0, 1978])]
    assert not fit(panel_of(alone)).has_note("did_staggered")


@pytest.mark.parametrize("estimator", ["twfe", "event_study", "sun_abraham", "imputation", "callaway_santanna"])
def test_many_outcomes_are_fitted_as_single_ones(estimator: str) -> None:
    by: dict[str, Any] = {} if estimator == "twfe" else {"aggregate": "event"}
    model = dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, controls=("log_emp",), **by)
    outcomes = np.random.default_rng(1).standard_normal((len(FRAME), 3)) + PANEL.array(["log_gsp"])
    terms = ("pilot",) if estimator == "twfe" else ("pilot", "pilot[2]")
    estimands = [Estimand("coefficient", term) for term in terms]
    if len(terms) > 1:
        estimands.append(Estimand.combination({"pilot[2]": 1.0, "pilot[3]": -1.0}))
    batch, single = model.batch(PANEL, None, estimands[0]), OneByOne(model, PANEL, None, estimands[0])
    assert not isinstance(batch, OneByOne)
    prepared = batch.prepare(outcomes)
    for one, other in zip(batch.several(prepared, estimands), single.several(outcomes, estimands), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8)
    np.testing.assert_allclose(batch.wald(prepared, estimands), single.wald(outcomes, estimands), rtol=1e-7)


def test_wild_p_of_an_event_time_is_that_of_its_own_dummy() -> None:
    """A combination of one dummy, and the same dummy as the focal term of a regression."""
    fields: dict[str, Any] = {"estimator": "event_study", "aggregate": "event", "leads": 3, "lags": 2}
    wild: dict[str, Any] = {"test": "wild", "draws": 199}
    found = fit(PANEL, **fields, **wild)
    frame = events(FRAME, -3, 2)
    names = [name for name in frame if name.startswith("e") and name[1:].isdigit()]
    columns = {"y": "log_gsp", "x": ("e101",), "controls": tuple(name for name in names if name != "e101")}
    expected = dc.PanelRegression(**columns, cov="cluster", **wild).fit(panel_of(frame))
    shown = ["coef", "se", "p", "low", "high"]
    close(found.estimates.loc["pilot[1]", shown].to_list(), expected.estimates.loc["e101", shown].to_list(), 1e-6)
    assert found.has_note("wild_p")


@pytest.mark.parametrize("aggregate", ["overall", "cohort"])
def test_wild_p_of_sun_and_abraham_has_the_null_in_its_interval(aggregate: str) -> None:
    fields: dict[str, Any] = {"estimator": "sun_abraham", "aggregate": aggregate, "test": "wild", "draws": 199}
    found = fit(PANEL, **fields)
    table = found.estimates
    assert (table["low"] < table["coef"]).all()
    assert (table["coef"] < table["high"]).all()
    inside = (table["low"] < 0) & (table["high"] > 0)
    assert (inside == (table["p"] > 0.05)).all()
    model = dc.DiD(y="log_gsp", policy="pilot", **fields)
    assert estimate_of(found, Estimand("coefficient", "pilot")) == pair(found)
    assert model.by_errors.fit(PANEL).estimates["se"].to_list() == table["se"].to_list()


@pytest.mark.parametrize("estimator", ["event_study", "sun_abraham", "imputation"])
@pytest.mark.parametrize("aggregate", ["overall", "event"])
def test_where_event_times_are_put_together_is_said_where_they_are_told_apart(estimator: str, aggregate: str) -> None:
    said = fit(PANEL, estimator=estimator, aggregate=aggregate, leads=2, lags=2).has_note("did_binned")
    assert said == (estimator == "event_study" or aggregate == "event")
