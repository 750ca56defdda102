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
from digicarbon.packs.policies.numeric.synthetic import Cohort, SyntheticCohorts, synthetic
from digicarbon.script import Names, RPart, StataPart
from digicarbon.script.words import Remarks

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
    assert str(note["draws"]) == "all 2048 pairs of opposite vectors of signs"
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


def dealt(starts: dict[int, int]) -> dc.Panel:
    """Return the states with the first period of each group of four."""
    frame = frame_of()
    first = frame["group"].str[-2:].astype(int).map(starts).fillna(0).astype(int)
    return dc.Panel.from_frame(frame.assign(first=first), "state", "year").with_policy("pilot", "first")


FEW = dealt({0: 1978, 4: 1978, 8: 1978})
MIXED = dc.Panel.from_frame(
    frame_of().assign(first=lambda frame: frame["own"].factorize()[0] % 4).replace({"first": {1: 1975, 2: 1978, 3: 0}}),
    "state",
    "year",
).with_policy("pilot", "first")


def cohorts_of(panel: dc.Panel) -> tuple[np.ndarray, np.ndarray, SyntheticCohorts, np.ndarray]:
    """Return outcomes, first periods as places, the cohorts against the others, and clusters of four units."""
    y, first = panel.column("log_gsp").reshape(48, -1), panel.column("first").reshape(48, -1)[:, 0]
    cohorts = [
        Cohort(np.flatnonzero(first == one), np.arange(y.shape[1]), int(one) - 1970)
        for one in np.unique(first[first > 0])
    ]
    codes = np.arange(48) // 4
    return y, first, SyntheticCohorts(y, cohorts, np.flatnonzero(first == 0), codes), codes


def overall(effects: list[np.ndarray], sizes: list[int]) -> float:
    """Return the mean over rows under the policy."""
    total = sum(own.sum() * size for own, size in zip(effects, sizes, strict=True))
    return float(total / sum(len(own) * size for own, size in zip(effects, sizes, strict=True)))


@pytest.mark.parametrize("panel", [PANEL, MIXED], ids=["whole", "mixed"])
def test_jackknife_leaves_out_whole_clusters(panel: dc.Panel) -> None:
    """By a loop, with the same weights, of clusters that come under the policy as a whole, and of others."""
    found = fit(panel, estimator="synthetic_did", cluster="group", sdid_variance="jackknife")
    y, first, parts, codes = cohorts_of(panel)
    never, drawn = np.flatnonzero(first == 0), []
    for gone in range(12):
        effects, sizes = [], []
        for cohort, own in zip(np.unique(first[first > 0]), parts.found, strict=True):
            kept = np.where(codes[never] == gone, 0.0, own.units)
            units = np.flatnonzero((first == cohort) & (codes != gone))
            gap = y[units].mean(axis=0) - kept @ y[never] / kept.sum()
            before = len(own.times)
            effects.append(gap[before:] - own.times @ gap[:before])
            sizes.append(len(units))
        drawn.append(overall(effects, sizes))
    close(found.estimates["se"].iloc[0], np.sqrt(11 / 12 * ((drawn - np.mean(drawn)) ** 2).sum()), 1e-10)
    assert found.inference.df == 11
    errors = next(note for note in found.notes if note.code == "errors_are")
    assert str(errors["errors"]) == "from leaving out clusters of group one at a time, with the same weights"
    close(found.coef.tolist(), fit(panel, estimator="synthetic_did").coef.tolist())


@pytest.mark.parametrize(("kind", "panel"), [("bootstrap", PANEL), ("bootstrap", MIXED), ("placebo", FEW)])
def test_whole_clusters_are_drawn(kind: str, panel: dc.Panel) -> None:
    """By a loop with the same seed."""
    fields: dict[str, Any] = {"estimator": "synthetic_did", "cluster": "group", "sdid_variance": kind}
    found = fit(panel, **fields, sdid_draws=20)
    y, first, parts, codes = cohorts_of(panel)
    never, starts = np.flatnonzero(first == 0), np.unique(first[first > 0])
    rng, drawn = np.random.default_rng(1), []
    while len(drawn) < 20:
        if kind == "bootstrap":
            clusters = np.sort(rng.integers(12, size=12))
            every = np.concatenate([np.flatnonzero(codes == one) for one in clusters])
            own, others = [every[first[every] == start] for start in starts], every[first[every] == 0]
            if not all(map(len, own)) or len(others) < 2:
                continue
        else:
            order = np.unique(codes[never])[rng.permutation(9)]
            assert set(order[:3]).isdisjoint(order[3:])
            own, others = [np.flatnonzero(np.isin(codes, order[:3]))], np.flatnonzero(np.isin(codes, order[3:]))
            assert (first[own[0]] == 0).all()
        effects = [
            synthetic(y[others], y[units].mean(axis=0), int(start) - 1970, how, minimum=True).effects
            for start, units, how in zip(starts, own, parts._how, strict=True)
        ]
        drawn.append(overall(effects, list(map(len, own))))
    close(found.estimates["se"].iloc[0], float(np.std(drawn)), 1e-6)


@pytest.mark.parametrize("kind", ["jackknife", "bootstrap", "placebo"])
def test_units_that_are_their_own_clusters_have_the_synthetic_errors_of_units(kind: str) -> None:
    fields: dict[str, Any] = {"estimator": "synthetic_did", "sdid_variance": kind, "sdid_draws": 20}
    fields |= {"aggregate": "event", "controls": ("log_emp",)}
    by_unit, by_own, by_group = (fit(FEW, **fields, cluster=cluster) for cluster in ("unit", "own", "group"))
    close(by_own.estimates["se"].to_list(), by_unit.estimates["se"].to_list(), 1e-12)
    assert abs(by_group.estimates["se"] / by_unit.estimates["se"] - 1).min() > 1e-3


def test_errors_of_units_are_what_they_were() -> None:
    """Numbers of the version without clusters."""
    panel = panel_of(states())
    recorded = {"jackknife": 0.024886046314573494, "bootstrap": 0.026806522342032676}
    for kind, se in recorded.items():
        found = fit(panel, estimator="synthetic_did", sdid_variance=kind, sdid_draws=30)
        close(found.estimates["se"].iloc[0], se, 1e-12)


@pytest.mark.parametrize(
    ("panel", "fields", "words"),
    [
        (dealt({0: 1975, 1: 1978}), {}, "two clusters of group in every cohort of pilot.*allowed here: placebo"),
        (dealt({0: 1975, 1: 1978}), {"sdid_variance": "bootstrap"}, "bootstrap needs two clusters of group"),
        (dealt(dict.fromkeys(range(11), 1978)), {}, "two with units that never come under it; choose cluster=unit,"),
        (PANEL, {"sdid_variance": "placebo"}, r"\(3\) than clusters of group that do \(9\); allowed here: jackknife"),
        (MIXED, {"sdid_variance": "placebo"}, "gives pilot to whole clusters of group.*allowed here: jackknife, boot"),
        (PANEL, {"cluster": "moving"}, r"model\.cluster=moving must be one for all rows of a unit"),
        (PANEL, {"cluster": "halves"}, "2 clusters by halves are too few"),
    ],
)
def test_clusters_that_synthetic_did_cannot_leave_out_are_refused_in_check(
    panel: dc.Panel, fields: dict[str, Any], words: str
) -> None:
    fields = {"estimator": "synthetic_did", "cluster": "group", "sdid_variance": "jackknife"} | fields
    with pytest.raises(EstimationError, match=words):
        dc.DiD(y="log_gsp", policy="pilot", **fields).check(panel)


def test_automatic_errors_are_those_that_there_are() -> None:
    found = fit(dealt({0: 1975, 1: 1978}), estimator="synthetic_did", cluster="group", sdid_draws=20)
    errors = next(note for note in found.notes if note.code == "errors_are")
    assert errors["errors"].code == "did_placebo_errors"
    model = dc.DiD(y="log_gsp", policy="pilot", estimator="synthetic_did", cluster="group")
    with pytest.raises(
        EstimationError, match=r"more clusters of group .* \(1\) than .* \(11\); choose cluster=unit, the default"
    ):
        model.check(dealt(dict.fromkeys(range(11), 1978)))


@pytest.mark.parametrize("fields", [{}, {"compare": "not_yet", "leads": 4, "lags": 2, "controls": ("log_emp",)}])
def test_errors_of_stacks_by_a_column(fields: dict[str, Any]) -> None:
    """Scores of the regression with all dummies, summed by a loop; a unit of several stacks is in one cluster."""
    leads, lags = fields.get("leads", 99), fields.get("lags", 99)
    frame, parts = frame_of(), []
    for cohort in (1975, 1978, 1982):
        end = min(cohort + lags, 1986)
        clean = (frame["first"] == 0) | ((frame["first"] > end) & ("compare" in fields))
        part = frame[frame["year"].between(cohort - leads, end) & ((frame["first"] == cohort) | clean)]
        parts.append(part.assign(stack=cohort, dummy=((part["first"] == cohort) & (part["year"] >= cohort)) * 1.0))
    table = pd.concat(parts)
    codes = [table["stack"].astype(str) + "_" + table[name].astype(str) for name in ("state", "year")]
    dummies = np.column_stack([pd.get_dummies(code, dtype=float) for code in codes])
    columns = table[["dummy", *fields.get("controls", ()), "log_gsp"]].to_numpy()
    left = columns - dummies @ (np.linalg.pinv(dummies) @ columns)
    x, y = left[:, :-1], left[:, -1]
    bread = np.linalg.inv(x.T @ x)
    scores = pd.DataFrame(x * (y - x @ bread @ x.T @ y)[:, None]).groupby(table["group"].to_numpy()).sum().to_numpy()
    assert len(scores) == 12
    covariance = bread @ scores.T @ scores @ bread
    fields = {"estimator": "stacked", "stack_weights": "variance", **fields}
    found = fit(PANEL, **fields, cluster="group", small_sample="none")
    close(found.covariance, covariance, 1e-8)
    assert found.inference.df == 11
    # effects of units lie within the clusters, those of periods are counted
    counted = x.shape[1] + codes[1].nunique()
    factor = 12 / 11 * (len(x) - 1) / (len(x) - counted)
    close(fit(PANEL, **fields, cluster="group").covariance, factor * covariance, 1e-8)


def test_one_stack_has_the_errors_of_a_panel_by_a_column() -> None:
    for rule in ("stata", "hc3", "sss"):
        fields: dict[str, Any] = {"cluster": "group", "small_sample": rule}
        found, expected = fit(FEW, estimator="stacked", **fields), fit(FEW, **fields)
        close(found.estimates["se"].to_list(), expected.estimates["se"].to_list())
    by_own, by_unit = (fit(PANEL, estimator="stacked", cluster=cluster) for cluster in ("own", "unit"))
    close(by_own.estimates["se"].to_list(), by_unit.estimates["se"].to_list(), 1e-12)


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ("moving", r"model\.cluster=moving must be one for all rows of a unit"),
        ("halves", "2 clusters by halves are too few"),
        ("group", "4 clusters by group are too few"),
    ],
)
def test_clusters_that_stacks_cannot_have_are_refused_in_check(cluster: str, words: str) -> None:
    """Of twelve groups four are in the only stack."""
    panel = dealt({place: 1971 for place in range(8)} | {8: 1980, 9: 1980})
    fields: dict[str, Any] = {"estimator": "stacked", "cluster": cluster, "leads": 5, "lags": 2}
    with pytest.raises(EstimationError, match=words):
        dc.DiD(y="log_gsp", policy="pilot", **fields).check(panel)
    with pytest.raises(
        ConfigError, match=r"stacked does not have DiD\.cluster=\[group, own\]; it offers unit, time, both,"
    ):
        dc.DiD(y="log_gsp", policy="pilot", estimator="stacked", cluster=("group", "own"))


@pytest.mark.parametrize("estimator", ["imputation", "callaway_santanna", "sun_abraham", "synthetic_did"])
def test_scripts_have_the_clusters_or_say_that_there_are_none(estimator: str) -> None:
    fields: dict[str, Any] = {"cluster": "group", "aggregate": "event"} if estimator != "synthetic_did" else {}
    model = dc.DiD(y="log_gsp", policy="pilot", estimator=estimator, **{**fields, "cluster": "group"})
    extract, names = model.extract(PANEL, None), Names()
    for column in extract.columns:
        names.give(column)
    result = model.by_errors.fit(PANEL)
    stata = "\n".join(model.stata(StataPart(extract, result, names, "set_1", "", Remarks("*"))))
    said = {
        "sun_abraham": "vce(cluster group_group)",
        "synthetic_did": "* sdid has no clusters of a column: it shows no standard error.",
    }
    assert said.get(estimator, " cluster(group_group)") in stata
    assert ("vce(noinference)" in stata) == (estimator == "synthetic_did")
    r = "\n".join(model.r(RPart(extract, result, names, "set_1", "", Remarks("#"))))
    assert "check(" in r
    assert "standard error" not in r


def test_models_that_differ_in_their_clusters_share_nothing_wrong() -> None:
    """A fit after another one with other clusters has its own errors."""
    first = fit(PANEL, estimator="imputation", cluster="group").estimates["se"].iloc[0]
    fit(PANEL, estimator="imputation", cluster="own")
    assert fit(PANEL, estimator="imputation", cluster="group").estimates["se"].iloc[0] == first
    assert panel_of(states()).units == PANEL.units
