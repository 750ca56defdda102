"""The regression on stacks against pyfixest on a stacked table."""

from __future__ import annotations

import warnings
from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from policies import close, fit, pair, panel_of, states, world

from digicarbon.errors import ConfigError

FRAME = states()
PANEL = panel_of(FRAME)


def stacked_table(leads: int, lags: int, compare: str) -> pd.DataFrame:
    """Return the stacks by a loop over cohorts."""
    parts = []
    for cohort in (1975, 1978, 1982):
        window = FRAME["year"].between(cohort - leads, cohort + lags)
        end = min(cohort + lags, 1986)
        clean = (FRAME["first"] == 0) | ((FRAME["first"] > end) & (compare == "not_yet"))
        part = FRAME[window & ((FRAME["first"] == cohort) | clean)]
        own = part["first"] == cohort
        names = {"stack": cohort, "own": own.astype(float), "event": part["year"] - cohort}
        parts.append(part.assign(**names, dummy=(own & (part["year"] >= cohort)).astype(float)))
    table = pd.concat(parts, ignore_index=True)
    codes = {name: table["stack"].astype(str) + "_" + table[name].astype(str) for name in ("state", "year")}
    return table.assign(stacked_state=codes["state"], stacked_year=codes["year"])


def feols(formula: str, table: pd.DataFrame) -> Any:
    """Return the regression with clusters of states; its factor is G/(G - 1) alone."""
    import pyfixest

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        absorbed = f"{formula} | stacked_state + stacked_year"
        return pyfixest.feols(absorbed, table, vcov={"CRV1": "state"}, ssc=pyfixest.ssc(k_adj=False))


@pytest.mark.parametrize("compare", ["never", "not_yet"])
@pytest.mark.parametrize("controls", [(), ("log_emp",)])
def test_one_dummy_is_pyfixests(compare: str, controls: tuple[str, ...]) -> None:
    table = stacked_table(4, 2, compare)
    expected = feols(f"log_gsp ~ {' + '.join(['dummy', *controls])}", table)
    fields: dict[str, Any] = {"estimator": "stacked", "compare": compare, "leads": 4, "lags": 2, "controls": controls}
    fields |= {"stack_weights": "variance"}
    found = fit(PANEL, **fields, small_sample="g")
    close(found.coef.tolist(), expected.coef().to_list())
    close(found.estimates["se"].to_list(), expected.se().to_list())
    assert found.statistics["nobs"] == len(table)
    # effects of units in stacks lie within the clusters: those of periods are counted
    counted = len(controls) + 1 + table["stacked_year"].nunique()
    factor = (len(table) - 1) / (len(table) - counted)
    close(fit(PANEL, **fields).estimates["se"].to_list(), (expected.se() * np.sqrt(factor)).to_list())


def test_event_times_are_pyfixests() -> None:
    table = stacked_table(4, 2, "never")
    events = [event for event in range(-4, 3) if event != -1]
    dummies = {f"d{event + 10}": table["own"] * (table["event"] == event) for event in events}
    expected = feols(f"log_gsp ~ {' + '.join(dummies)}", table.assign(**dummies))
    fields: dict[str, Any] = {"estimator": "stacked", "aggregate": "event", "leads": 4, "lags": 2}
    found = fit(PANEL, **fields, stack_weights="variance", overall="levels")
    assert found.terms[1:] == tuple(f"pilot[{event}]" for event in events)
    close(found.coef[1:].tolist(), expected.coef().to_list())
    assert found.has_note("did_stacks")
    close(pair(found)[0], expected.coef().to_list()[-3:] @ np.full(3, 1 / 3))
    assert found.statistics["pretest_df"] == 3


@pytest.mark.parametrize("fields", [{"cov": "cluster"}, {"cov": "robust"}, {"cov": "classic"}, {"cluster": "time"}])
def test_one_stack_is_a_panel(fields: dict[str, Any]) -> None:
    """With a single cohort the regression is the two-way regression of its window."""
    frame = FRAME[FRAME["first"].isin([0, 1978])]
    found = fit(panel_of(frame), estimator="stacked", **fields)
    expected = fit(panel_of(frame), **fields)
    close([*pair(found)], [*pair(expected)])
    assert found.inference.df == expected.inference.df
    hc3 = fit(panel_of(frame), estimator="stacked", **fields, small_sample="hc3")
    close([*pair(hc3)], [*pair(fit(panel_of(frame), **fields, small_sample="hc3"))])


def test_two_clusterings_by_a_loop() -> None:
    table = stacked_table(4, 2, "not_yet")
    fields: dict[str, Any] = {"estimator": "stacked", "compare": "not_yet", "leads": 4, "lags": 2}
    fields |= {"stack_weights": "variance"}
    found = fit(PANEL, **fields, cluster="both", small_sample="none")
    dummies = np.column_stack([pd.get_dummies(table[name], dtype=float) for name in ("stacked_state", "stacked_year")])
    columns = table[["dummy", "log_gsp"]].to_numpy()
    x, y = (columns - dummies @ np.linalg.pinv(dummies) @ columns).T
    b = x @ y / (x @ x)
    scores = pd.Series(x * (y - x * b))
    cell = table["state"] + table["year"].astype(str)
    sums = [(scores.groupby(by).sum() ** 2).sum() for by in (table["state"], table["year"], cell)]
    close([*pair(found)], [b, np.sqrt(sums[0] + sums[1] - sums[2]) / (x @ x)], 1e-7)


def test_errors_of_panels_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"stacked does not have DiD\.cov=driscoll_kraay; it offers classic, robust, cluster\."
    ):
        dc.DiD(y="log_gsp", policy="pilot", estimator="stacked", cov="driscoll_kraay")


def unequal(noise: float = 1.0) -> pd.DataFrame:
    """Cohorts of unequal sizes, whose effects differ and grow; a control that moves with the policy."""
    frame = world(7, lambda first, event: (10 - first) * (1 + event / 2), units=50, starts=(3, 5, 5, 8, 0), noise=noise)
    return frame.assign(x=np.random.default_rng(3).standard_normal(len(frame)) + frame["pilot"])


def papers(frame: pd.DataFrame, before: int, after: int, compare: str) -> tuple[dict[int, float], pd.DataFrame]:
    """The weighted regression of Wing, Freedman & Hollingsworth (2024), eq. 6 and 7, on dense columns.

    An intercept, the treated group, event times, and their products; weights Q of units of comparison are the share of
    their stack in treated units over its share in units of comparison. Stacks without the whole window are left out.
    """
    parts = []
    for cohort in sorted(set(frame["first"]) - {0}):
        if cohort - before < frame["year"].min() or cohort + after > frame["year"].max():
            continue
        clean = (frame["first"] == 0) | ((frame["first"] > cohort + after) & (compare == "not_yet"))
        part = frame[frame["year"].between(cohort - before, cohort + after) & ((frame["first"] == cohort) | clean)]
        own = (part["first"] == cohort).astype(float)
        parts.append(part.assign(stack=cohort, own=own, since=part["year"] - cohort))
    table = pd.concat(parts, ignore_index=True)
    units = table.groupby(["stack", "own"])["state"].nunique().unstack()
    share = (units[1.0] / units[1.0].sum()) / (units[0.0] / units[0.0].sum())
    q = np.where(table["own"] == 1, 1.0, table["stack"].map(share))
    events = [event for event in range(-before, after + 1) if event != -1]
    times = np.column_stack([(table["since"] == event).astype(float) for event in events])
    own = table["own"].to_numpy()[:, None]
    x = np.column_stack([np.ones(len(table)), own, times, own * times])
    root = np.sqrt(q)
    b = np.linalg.lstsq(x * root[:, None], table["y"] * root, rcond=None)[0]
    return dict(zip(events, b[-len(events) :], strict=True)), table


@pytest.mark.parametrize("compare", ["never", "not_yet"])
def test_corrective_weights_are_the_papers(compare: str) -> None:
    frame = unequal()
    expected, table = papers(frame, 2, 3, compare)
    fields: dict[str, Any] = {"y": "y", "estimator": "stacked", "compare": compare, "leads": 2, "lags": 3}
    found = fit(panel_of(frame), **fields, aggregate="event")
    close(found.coef[1:].tolist(), [expected[event] for event in (-2, 0, 1, 2, 3)], 1e-9)
    # the trimmed effect, over event times or rows: the cohorts are the same at each
    close(pair(found)[0], np.mean([expected[event] for event in range(4)]), 1e-9)
    assert found.statistics["nobs"] == len(table)
    assert sorted(table["stack"].unique()) == [3, 5]
    assert "Cohorts without a stack, since the panel does not have their whole window: 8;" in " ".join(
        map(str, found.notes)
    )
    variance = fit(panel_of(frame), **fields, aggregate="event", stack_weights="variance")
    assert abs(variance.coef[1:] - found.coef[1:]).max() > 0.1
    assert not variance.has_note("did_incomplete_window")


@pytest.mark.parametrize("window", [(None, None), (2, 3), (None, 2), (2, None)])
def test_the_effect_of_stacks_is_the_mean_over_treated_rows(window: tuple[int | None, int | None]) -> None:
    """Without errors it is this mean to the last digit, whatever the windows are; by the variance it is another one."""
    frame = unequal(noise=0.0)
    leads, lags = window
    fields: dict[str, Any] = {"y": "y", "estimator": "stacked", "leads": leads, "lags": lags}
    event, first = frame["pilot_event"], frame["first"]
    under = (event >= 0) & (event <= (99 if lags is None else lags))
    whole = (lags is None) | (first + (lags or 0) <= 10)
    effects = ((10 - first) * (1 + event / 2))[under & whole]
    found = fit(panel_of(frame), **fields)
    close(pair(found)[0], float(effects.mean()), 1e-9)
    assert found.means == {"pilot": "treated_rows" if lags is None else "stack_rows"}
    variance = fit(panel_of(frame), **fields, stack_weights="variance")
    assert abs(pair(variance)[0] - effects.mean()) > 0.02
    assert variance.means == {"pilot": "stack_variance"}


def test_weights_of_rows_and_corrective_ones_are_multiplied() -> None:
    """Cohorts count by the weights of their rows under the policy; errors are those of weighted least squares."""
    frame = unequal()
    frame = frame.assign(size=1.0 + frame["state"].factorize()[0] % 4)
    _, table = papers(frame, 2, 3, "never")
    sums = table.groupby(["stack", "own"])["size"].sum().unstack()
    share = (sums[1.0] / sums[1.0].sum()) / (sums[0.0] / sums[0.0].sum())
    q = np.where(table["own"] == 1, 1.0, table["stack"].map(share)) * table["size"]
    codes = [table["stack"].astype(str) + "_" + table[name].astype(str) for name in ("state", "year")]
    dummies = np.column_stack([pd.get_dummies(code, dtype=float) for code in codes])
    columns = np.column_stack([table["own"] * (table["since"] >= 0), table["x"], table["y"]])
    root = np.sqrt(q.to_numpy())[:, None]
    columns = root * columns
    left = columns - root * dummies @ (np.linalg.pinv(root * dummies) @ columns)
    x, y = left[:, :2], left[:, 2]
    bread = np.linalg.inv(x.T @ x)
    b = bread @ x.T @ y
    scores = pd.DataFrame(x * (y - x @ b)[:, None]).groupby(table["state"]).sum().to_numpy()
    covariance = bread @ scores.T @ scores @ bread
    fields: dict[str, Any] = {"y": "y", "controls": ("x",), "leads": 2, "lags": 3, "observation_weights": "size"}
    found = fit(panel_of(frame), estimator="stacked", **fields, small_sample="none")
    close(found.coef.tolist(), b.tolist(), 1e-8)
    close(found.covariance.ravel().tolist(), covariance.ravel().tolist(), 1e-8)


def test_event_times_of_other_cohorts_are_refused() -> None:
    for given in ({}, {"lags": 2}, {"leads": 2}):
        with pytest.raises(ConfigError, match="is needed: effects by event time of estimator=stacked"):
            dc.DiD(y="y", policy="pilot", estimator="stacked", aggregate="event", **given)
