"""The regression on stacks against pyfixest on a stacked table."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from policies import close, fit, pair, panel_of, states

import digicarbon as dc
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
    found = fit(PANEL, estimator="stacked", aggregate="event", leads=4, lags=2)
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
    with pytest.raises(ConfigError, match="classic, robust or cluster"):
        dc.DiD(y="log_gsp", policy="pilot", estimator="stacked", cov="driscoll_kraay")
