"""Clusters of units in the errors and in the signs of estimators whose standard errors are those of influences."""

from __future__ import annotations

from typing import Any

import classic as dc
import numpy as np
import pandas as pd
import pytest
from policies import close, fit, panel_of, states

from digicarbon.errors import ConfigError, EstimationError
from digicarbon.packs.policies.model._by_unit import ByUnit

ESTIMATORS = ("imputation", "callaway_santanna")


def frame_of(seed: int = 0) -> pd.DataFrame:
    """Return the states with groups of four; a whole group comes under the policy at once."""
    frame = states().drop(columns=["pilot", "pilot_event", "pilot_cohort"])
    place = frame["state"].map({state: at for at, state in enumerate(sorted(frame["state"].unique()))})
    rng = np.random.default_rng(seed)
    return frame.assign(
        group=(place // 4).map(lambda group: f"group {group:02d}"),
        own=frame["state"],
        moving=np.where(frame["year"] < 1975, "early", frame["state"]),
        halves=np.where(place < 24, "a", "b"),
        first=(place // 4).map(lambda group: {0: 1975, 1: 1978, 2: 1982}.get(group % 4, 0)),
        noise=rng.normal(size=len(frame)),
    )


PANEL = dc.Panel.from_frame(frame_of(), "state", "year").with_policy("pilot", "first")


def design_of(**fields: Any) -> ByUnit:
    design = dc.DiD(y="log_gsp", policy="pilot", **fields).design(PANEL)
    assert isinstance(design, ByUnit)
    return design


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("aggregate", ["overall", "event", "cohort"])
def test_errors_are_sums_of_influences_by_cluster(estimator: str, aggregate: str) -> None:
    """Sums by a loop; of imputation with the means of cells that make the clusters' squares least."""
    fields: dict[str, Any] = {"estimator": estimator, "aggregate": aggregate}
    by_unit, by_group = (fit(PANEL, **fields, cluster=cluster) for cluster in ("unit", "group"))
    close(by_group.coef.tolist(), by_unit.coef.tolist())
    groups = 12
    assert by_group.inference.df == groups - 1
    assert by_unit.inference.df is None
    y = PANEL.column("log_gsp")[:, None]
    codes = np.arange(48) // 4
    if estimator == "callaway_santanna":
        influence = design_of(**fields).fits(y)[1][..., 0]
    else:
        influence = _imputed(design_of(**fields, cluster="group"))
    sums = np.array([influence[codes == group].sum(axis=0) for group in range(groups)])
    expected = np.sqrt(groups / (groups - 1) * (sums**2).sum(axis=0))
    shown = len(by_group.terms) if estimator == "callaway_santanna" else 1
    close(by_group.estimates["se"].to_list()[:shown], expected.tolist()[:shown])


def _imputed(design: Any) -> np.ndarray:
    """Return the influence of units on the overall effect: each cell's mean minimises the squares of clusters' sums."""
    untreated, weights = design._untreated, design._weights[:, :1]
    residuals = untreated.fit(design.y[:, None])[1]
    left = residuals[:, 0].copy()
    group = design.cluster[PANEL.unit_codes]
    for cell in np.unique(design._cell[design._cell >= 0]):
        rows = np.flatnonzero(design._cell == cell)
        members = [rows[group[rows] == one] for one in np.unique(group[rows])]
        total = np.array([weights[own, 0].sum() for own in members])
        effect = np.array([weights[own, 0] @ residuals[own, 0] for own in members])
        # least squares of the clusters' sums on their sums of weights
        left[rows] -= (total @ effect) / (total @ total)
    own = weights[:, 0] * left
    return np.array([[own[PANEL.unit_codes == unit].sum()] for unit in range(48)])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_units_that_are_their_own_clusters_have_the_errors_of_units(estimator: str) -> None:
    """But for the factor of clusters, which those of units do not have."""
    by_unit, by_own = (
        fit(PANEL, estimator=estimator, aggregate="event", controls=("log_emp",), cluster=cluster)
        for cluster in ("unit", "own")
    )
    factor = np.ones(len(by_unit.terms)) * np.sqrt(48 / 47)
    if estimator == "imputation":
        # coefficients of a regression have Stata's factor in either case
        places = [at for at, term in enumerate(by_unit.terms) if term == "log_emp" or "[-" in term]
        factor[places] = 1.0
    close(by_own.estimates["se"].to_list(), (by_unit.estimates["se"] * factor).to_list())


@pytest.mark.parametrize("estimator", [*ESTIMATORS, "twfe", "sun_abraham"])
def test_signs_are_those_of_clusters(estimator: str) -> None:
    """All vectors of signs of twelve clusters; renaming units changes nothing, since no sign is that of a unit."""
    fields: dict[str, Any] = {"estimator": estimator, "cluster": "group", "test": "wild", "draws": 4095}
    model = dc.DiD(y="log_gsp", policy="pilot", intervals=False, **fields)
    found = model.fit(PANEL)
    note = next(note for note in found.notes if note.code == "wild_p_by")
    assert note["by"] == "group"
    assert str(note["draws"]) == "all 4096 vectors of signs"
    names = {state: f"unit {state}" for state in PANEL.units}
    renamed = frame_of().assign(state=lambda frame: frame["state"].map(names))
    again = model.fit(dc.Panel.from_frame(renamed, "state", "year").with_policy("pilot", "first"))
    close(again.estimates["p"].to_list(), found.estimates["p"].to_list())
    by_unit = model.model_copy(update={"cluster": "unit", "draws": 199}).fit(PANEL)
    assert not by_unit.has_note("wild_p_by")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_clusters_that_do_not_hold_units_are_refused(estimator: str) -> None:
    with pytest.raises(EstimationError, match=r"model\.cluster=moving must be one for all rows of a unit"):
        fit(PANEL, estimator=estimator, cluster="moving")
    with pytest.raises(EstimationError, match="2 clusters by halves are too few"):
        fit(PANEL, estimator=estimator, cluster="halves")


@pytest.mark.parametrize("estimator", [*ESTIMATORS, "synthetic_did"])
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cov": "robust"}, "cov=robust; it offers cluster"),
        ({"cov": "driscoll_kraay"}, "cov=driscoll_kraay; it offers cluster"),
        ({"cluster": "time"}, "cluster=time; it offers unit"),
        ({"cluster": ("group", "year")}, r"cluster=\[group, year\]; it offers unit"),
        ({"small_sample": "none"}, "small_sample=none; it offers stata"),
        ({"df": "residual"}, "df=residual; it offers auto"),
        ({"bandwidth": 2}, "bandwidth=2; it offers null"),
    ],
)
def test_what_an_estimator_does_not_have_is_refused(estimator: str, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=f"{estimator} does not have DiD.{words}"):
        dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, **fields)


def test_synthetic_did_has_no_clusters_of_a_column() -> None:
    with pytest.raises(ConfigError, match=r"synthetic_did does not have DiD\.cluster=group; it offers unit\."):
        dc.DiD(y="log_gsp", policy="pilot", estimator="synthetic_did", cluster="group")


def test_models_that_differ_in_their_clusters_share_nothing_wrong() -> None:
    """A fit after another one with other clusters has its own errors."""
    first = fit(PANEL, estimator="imputation", cluster="group").estimates["se"].iloc[0]
    fit(PANEL, estimator="imputation", cluster="own")
    assert fit(PANEL, estimator="imputation", cluster="group").estimates["se"].iloc[0] == first
    assert panel_of(states()).units == PANEL.units
