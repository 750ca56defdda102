"""The joint test of a specification curve: what is drawn, what is refitted, what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest
from joint_fits import experiment, fitted
from lattice import lattice
from mlflow import MlflowClient
from scipy.linalg import block_diag
from statsmodels.stats.multitest import multipletests

from digicarbon.config.compose import Composer, loader
from digicarbon.errors import ConfigError, EstimationError
from digicarbon.model import Model, PanelRegression
from digicarbon.model.in_space import patterns_among
from digicarbon.numeric.linear.within import Rows, demean
from digicarbon.numeric.resampling.curve_statistics import CurveStatistics, curve_statistics
from digicarbon.numeric.resampling.null_model import NullModel, combined_null, error_null, lag_null, linear_null
from digicarbon.numeric.resampling.patterns import Patterns, bands, rotations
from digicarbon.numeric.resampling.signs import signs_of
from digicarbon.numeric.resampling.step_down import adjusted
from digicarbon.numeric.resampling.unit_permutation import induced, period_classes, permutations, within_classes
from digicarbon.numeric.resampling.unit_wild import corrected
from digicarbon.numeric.spatial.likelihood import Sample
from digicarbon.panel import Panel
from digicarbon.plan.runs import Run, plan
from digicarbon.report.joint import Joint
from digicarbon.result import Result
from digicarbon.sweep.joint import joint_test
from digicarbon.sweep.sweep import run as sweep

W = lattice(6, 5)
CLASSIC_CHOICE = {"override inference": "classic"}


# ---- permutations


def test_a_part_of_the_units_has_the_permutation_of_all_wherever_it_can() -> None:
    whole = permutations(8, 2000, seed=3)
    members = np.array([0, 2, 3, 4, 5, 6, 7])
    part = induced(whole, members)
    assert (np.sort(part, axis=1) == np.arange(7)).all()
    image = whole[:, members]
    stays = image != 1
    assert (members[part][stays] == image[stays]).all()
    # where the value of the missing unit was due, that of the next along the cycle is given
    assert (members[part][~stays] == whole[:, 1][np.nonzero(~stays)[0]]).all()


def test_every_permutation_of_a_part_is_as_likely() -> None:
    part = induced(permutations(6, 24_000, seed=1), np.array([1, 3, 5]))
    _, counts = np.unique(part, axis=0, return_counts=True)
    assert len(counts) == 6
    # 4,000 each, standard deviation 58
    assert np.abs(counts - 4000).max() < 260


def test_units_of_other_periods_are_not_exchanged() -> None:
    rows = Rows(np.repeat(np.arange(4), [3, 2, 3, 2]), np.array([0, 1, 2, 0, 1, 0, 1, 2, 0, 1]), 4, 3)
    classes = period_classes(rows)
    assert classes[0] == classes[2] != classes[1] == classes[3]
    found = within_classes(permutations(4, 200, 2), np.arange(4), classes)
    assert {tuple(one) for one in found} == {(0, 1, 2, 3), (2, 1, 0, 3), (0, 3, 2, 1), (2, 3, 0, 1)}


# ---- null models


def nulls(effects: Any) -> dict[str, NullModel]:
    rng = np.random.default_rng(4)
    rows = Rows(np.repeat(np.arange(30), 6), np.tile(np.arange(6), 30), 30, 6)
    z = rng.normal(size=(180, 2))
    if effects == "none":
        z[:, 0] = 1
    y = (np.linalg.solve(np.eye(30) - 0.5 * W.dense(), rng.normal(size=(30, 6)))).ravel() + 0.3 * z[:, 1]
    operator, sample = W.operator, Sample(30, 6, effects, "lee_yu")
    return {
        "linear": linear_null(y, z, rows, effects),
        "lag": lag_null(y, z, rows, operator, sample),
        "error": error_null(y, z, rows, operator, sample),
        "combined": combined_null(y, z, rows, operator, operator, sample),
    }


@pytest.mark.parametrize("effects", ["none", "unit", "time", "two_way"])
def test_regenerated_outcomes_have_the_permuted_residuals(effects: Any) -> None:
    moved = permutations(30, 5, 9)
    for kind, null in nulls(effects).items():
        same = null.outcomes(np.arange(30)[None])
        np.testing.assert_allclose(same[:, 0], null.y, atol=1e-12)
        for draw, y in zip(moved, null.outcomes(moved).T, strict=True):
            # the filters, applied to what was added, give the exchange of whole units
            change = (y - null.y).reshape(30, 6)
            for operator, parameter in null.filters:
                change = change - parameter * operator.lag(change.T[..., None])[..., 0].T
            own = null.residuals.reshape(30, 6)
            np.testing.assert_allclose(change, own[draw] - own, atol=1e-10, err_msg=kind)


def test_the_filter_finds_the_spatial_dependence() -> None:
    found = nulls("two_way")
    assert found["linear"].filters == ()
    assert found["lag"].filters[0][1] == pytest.approx(0.5, abs=0.15)
    assert found["error"].filters[0][1] == pytest.approx(0.5, abs=0.15)
    assert len(found["combined"].filters) == 2
    # effects stay removed when whole units are exchanged
    own = found["lag"].residuals.reshape(30, 6)[permutations(30, 1, 1)[0]]
    np.testing.assert_allclose(demean(own.T, "two_way"), own.T, atol=1e-12)


# ---- statistics


def test_statistics_by_hand() -> None:
    nan = float("nan")
    estimate, se = np.array([0.5, -1.0, 0.1]), np.array([0.2, 0.5, 0.1])
    z = np.array([[2.5, -3.0, 1.0, 0.5], [-2.0, -1.0, 1.8, 0.4], [1.0, nan, 3.0, 0.6]], dtype=np.float32)
    found, curves = curve_statistics(estimate, se, z, 0.25)
    np.testing.assert_allclose(found.dominant, [1, -1, 1, 1])
    # of draws: z times the observed standard errors
    np.testing.assert_allclose(found.median, [0.1, -0.55, 0.3, 0.1], rtol=1e-6)
    # the largest |z| of each specification is significant; what is lost counts as the largest
    np.testing.assert_allclose(found.share_significant, [0, 1 / 2, 0, 0])
    np.testing.assert_allclose(found.mean_z, [0.5, 2, 5.8 / 3, 0.5], rtol=1e-6)
    expected = np.array([[-0.6, -0.55, -0.5], [0.2, 0.3, 0.9], [0.06, 0.1, 0.2]]).T
    np.testing.assert_allclose(curves, expected, rtol=1e-6)
    assert found.missing == pytest.approx(1 / 9)
    # of the draws with the same share only those with a larger mean z count
    assert found.p() == {"median": 1.0, "share_significant": 1.0, "mean_z": 1.0}
    mixed = CurveStatistics(np.ones(5), *np.array([[1.0, 2, 3, 0, nan], [0.5, 0.5, 0.5, 0, nan], [1, 2, 0, 3, nan]]), 0)
    assert mixed.p() == {"median": 4 / 5, "share_significant": 3 / 5, "mean_z": 4 / 5}


def test_half_of_the_estimates_are_significant_at_half() -> None:
    z = np.random.default_rng(1).normal(size=(3, 100)).astype(np.float32)
    estimate, one = z[:, 0].astype(np.float64), np.ones(3)
    found, _ = curve_statistics(estimate, one, z, 0.5)
    by_sign = curve_statistics(-estimate, one, -z, 0.5)[0]
    np.testing.assert_array_equal(found.share_significant, by_sign.share_significant)
    assert 0.2 < found.share_significant.mean() < 0.5
    assert (curve_statistics(estimate, one, z, 0.001)[0].share_significant == 0).all()
    every = curve_statistics(estimate, one, z, 1.0)[0]
    np.testing.assert_allclose(every.share_significant, np.maximum((z > 0).mean(axis=0), (z < 0).mean(axis=0)))


# ---- the whole test


GRID: dict[str, Sequence[Any]] = {
    "model": ["twfe", "sdm", "sar", "sdem"],
    "measure": ["sector1", "sector2"],
    "sample": ["full", "without_municipalities"],
}


def signed(null: NullModel, signs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the outcomes of draws of signs of a balanced panel, shape (M, rows), one after the other."""
    rows, out = null.rows, []
    kept, residuals = (part.reshape(rows.n, rows.t) for part in (corrected(null), null.residuals))
    for draw in signs:
        change = draw[:, None] * kept - residuals
        for operator, parameter in null.filters:
            dense = np.column_stack([operator.lag(unit[None, :, None])[0, :, 0] for unit in np.eye(rows.n)])
            change = np.linalg.solve(np.eye(rows.n) - parameter * dense, change)
        out.append(null.y + change.ravel())
    return np.array(out)


def turned(null: NullModel, own: Patterns, draws: int, seed: int) -> np.ndarray[Any, Any]:
    """Return the outcomes of draws of rotated patterns of a balanced panel, shape (M, rows), one after the other."""
    rows, out, v = null.rows, [], own.vectors
    kept, residuals = (part.reshape(rows.n, rows.t) for part in (corrected(null), null.residuals))
    scale = (kept**2).mean(axis=1)[:, None] ** 0.25
    for entries in rotations(v.shape[1], draws, seed):
        blocks = np.split(entries, np.cumsum([len(band) ** 2 for band in bands(v.shape[1])])[:-1])
        turn = block_diag(*(block.reshape(2 * [math.isqrt(block.size)]) for block in blocks))
        # a part of the units has less of each pattern
        change = scale * (v @ turn @ v.T @ (kept / scale)) * math.sqrt(v.shape[1] / len(v)) - residuals
        for operator, parameter in null.filters:
            dense = np.column_stack([operator.lag(unit[None, :, None])[0, :, 0] for unit in np.eye(rows.n)])
            change = np.linalg.solve(np.eye(rows.n) - parameter * dense, change)
        out.append(null.y + change.ravel())
    return np.array(out)


def by_hand(fits: Sequence[tuple[Run, Result]], draws: int, seed: int, method: str) -> np.ndarray[Any, Any]:
    """Return z of total effects of each draw by public fits alone, with W1 as the only candidate."""
    units = sorted({unit for run, _ in fits for unit in run.prepared.panel.units})
    whole = permutations(len(units), draws, seed)
    every_z = []
    candidates = list(
        {run.prepared.weights.digest: run.prepared.weights for run, _ in fits if run.prepared.weights}.values()
    )
    for run, result in fits:
        panel, model = run.prepared.panel, run.specs.model
        null = model.null(panel, run.prepared.weights, candidates)
        assert null is not None
        own = induced(whole, np.array([units.index(unit) for unit in panel.units]))
        term = result.focal[0]
        z = []
        if method == "permutation":
            outcomes = null.fit().outcomes(own).T
        elif method == "patterns":
            places = np.array([units.index(unit) for unit in panel.units])
            outcomes = turned(null.fit(), patterns_among(tuple(units), candidates).of(places), draws, seed)
        else:
            outcomes = signed(null.fit(), signs_of(panel.units, draws, seed))
        for y in outcomes:
            found = model.fit(panel.with_columns({model.y: y.copy()}), run.prepared.weights)
            own_row = run.prepared.weights is None
            row = found.estimates.loc[term] if own_row else found.effects.loc[("total", term)]
            z.append(row["coef"] / row["se"])
        every_z.append(z)
    return np.array(every_z)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["patterns", "units", "permutation"])
def test_it_is_what_single_public_fits_give(project: Path, kind: str) -> None:
    method: Any = "permutation" if kind == "permutation" else "wild"
    signs = {"inference": {"signs": kind}} if method == "wild" else {}
    fits = fitted("multi", experiment(GRID) | signs)
    found = joint_test(fits, "total", draws=19, seed=5, method=method)
    assert (found.specifications, found.draws, found.estimand, found.method) == (16, 19, "total", method)
    z = by_hand(fits, 19, 5, kind)
    rows = [
        result.estimates.loc[result.focal[0]]
        if run.prepared.weights is None
        else result.effects.loc[("total", result.focal[0])]
        for run, result in fits
    ]
    observed, errors = (np.array([row[name] for row in rows]) for name in ("coef", "se"))
    medians, ranks = np.median(z * errors[:, None], axis=0), np.sort(z * errors[:, None], axis=0)
    np.testing.assert_allclose(found.null_band["median"], np.median(ranks, axis=1), rtol=1e-6, atol=1e-8)
    row = found.statistics.loc["median"]
    assert row["observed"] == pytest.approx(np.median(observed))
    extreme = (np.abs(medians) >= abs(np.median(observed)) * (1 - 1e-6)).sum()
    assert row["p"] == pytest.approx((1 + extreme) / 20)
    # each specification alone, in the order of the experiment
    each = found.each
    assert each["specification"].tolist() == [run.label for run, _ in fits]
    np.testing.assert_allclose(each["estimate"], observed)
    size = each["z"].abs().to_numpy()
    np.testing.assert_allclose(each["p"], (1 + (np.abs(z) >= size[:, None]).sum(axis=1)) / 20)
    # the largest of all
    largest = (1 + (np.abs(z).max(axis=0) >= size.max()).sum()) / 20
    assert each["step_down"].min() == each["step_down"][size.argmax()] == pytest.approx(largest)
    assert any("4 specifications without spatial terms" in note for note in tuple(map(str, found.notes)))


@pytest.mark.parametrize("method", ["wild", "permutation"])
def test_the_same_seed_gives_the_same_and_blocks_change_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, method: Any
) -> None:
    fits = fitted("multi", experiment({**GRID, "model": ["twfe", "sdm"]}))
    one = joint_test(fits, "total", draws=30, seed=2, method=method)
    monkeypatch.setattr("digicarbon.sweep.joint.CELLS", 180 * 7)
    two = joint_test(iter(fits), "total", draws=30, seed=2, method=method)
    # of many units, outcomes are drawn without a column per unit
    monkeypatch.setattr("digicarbon.sweep.joint.MOST_BASIS", 0)
    three = joint_test(fits, "total", draws=30, seed=2, method=method)
    for again in (two, three):
        np.testing.assert_allclose(one.null_band, again.null_band, rtol=1e-8)
        np.testing.assert_allclose(one.statistics, again.statistics, rtol=1e-8)
        pd.testing.assert_frame_equal(one.each, again.each, rtol=1e-12)
    other = joint_test(fits, "total", draws=30, seed=3, method=method)
    assert not np.allclose(one.null_band, other.null_band)


@pytest.mark.parametrize("signs", ["patterns", "units"])
def test_the_p_of_a_specification_is_that_of_its_own_wild_test(project: Path, signs: str) -> None:
    spec = experiment({"model": ["sdm"], "sample": ["full", "without_municipalities"], "measure": ["sector1", "ddl"]})
    spec["defaults"] = ["config", {"override inference": "wild"}, "_self_"]
    spec["inference"] = {"draws": 99, "seed": 4, "intervals": False, "signs": signs}
    fits = fitted("wild", spec)
    found = joint_test(fits, "total", draws=99, seed=4)
    own = [result.effects.at[("total", result.focal[0]), "p"] for _, result in fits]
    # by patterns a part of the units has those of all, in its own test those of its own W
    whole = [signs == "units" or run.options["sample"] == "full" for run, _ in fits]
    assert len(own) == 4
    assert sum(whole) == (2 if signs == "patterns" else 4)
    np.testing.assert_allclose(found.each["p"][whole], np.array(own)[whole])


def test_p_values_of_signs_of_units_stand_beside_those_of_patterns(project: Path) -> None:
    def grid(**fields: Any) -> dict[str, Any]:
        spec = experiment({"model": ["twfe", "sdm"], "measure": ["sector1", "ddl"]})
        return spec | {"defaults": ["config", {"override inference": "cluster"}, "_self_"], "inference": fields}

    def said(joint: Joint) -> dict[str, dict[str, Any]]:
        return {note.code: dict(note.fields) for note in joint.notes}

    kept = joint_test(fitted("patterns", grid()), "direct", draws=99, seed=4, level=0.3)
    signs = joint_test(fitted("signs", grid(signs="units")), "direct", draws=99, seed=4, level=0.3)
    beside, each = said(kept)["joint_curve_by_units"], said(kept)["joint_each_by_units"]
    assert {name: beside[name] for name in signs.statistics.index} == signs.statistics["p"].to_dict()
    sides = [(one.statistics["p"] <= 0.3).to_numpy() for one in (kept, signs)]
    assert (beside["changed"], beside["tested"]) == ((sides[0] != sides[1]).sum(), 3)
    sides = [(one.each["step_down"] <= 0.3).to_numpy() for one in (kept, signs)]
    assert (each["changed"], each["tested"]) == ((sides[0] != sides[1]).sum(), 4)
    assert said(kept)["joint_patterns_reject"]["most"] == "8 %"
    assert not {"joint_patterns_reject", "joint_curve_by_units", "joint_each_by_units"} & set(said(signs))


def test_the_joint_test_says_where_patterns_reject_too_often_of_what_it_tests(project: Path) -> None:
    def most(quantity: Any, *models: str) -> str | None:
        spec = experiment({"model": list(models)}) | {"defaults": ["config", CLASSIC_CHOICE, "_self_"]}
        notes = {note.code: note for note in joint_test(fitted("most", spec), quantity, draws=19).notes}
        return dict(notes["joint_patterns_reject"].fields)["most"] if "joint_patterns_reject" in notes else None

    # errors of one variance are another case in lag models alone, and only for their direct effects
    assert [most("direct", "sdm"), most("direct", "sem"), most("total", "sdm")] == ["14 %", "8 %", None]
    assert most("total", "twfe", "sdm") == "8 %"


def of_cities(*models: Model, carriers: int = 45) -> list[tuple[Any, Result]]:
    """Return fits to 45 cities, three in each of 15 provinces and of 15 other regions; the first ones have an x."""
    rng = np.random.default_rng(3)
    city, year = np.repeat(np.arange(45), 5), np.tile(np.arange(2001, 2006), 45)
    columns = {
        "city": [f"c{place:02d}" for place in city],
        "year": year,
        "province": [f"P{place // 3:02d}" for place in city],
        "region": [f"R{place % 15:02d}" for place in city],
        "x": rng.normal(size=225) * (city < carriers),
        "y": rng.normal(size=225) + np.repeat(rng.normal(size=(15, 5)), 3, axis=0).ravel(),
    }
    panel = Panel.from_frame(pd.DataFrame(columns), "city", "year")
    measure = SimpleNamespace(standardise=False, terms=())
    return [
        (
            SimpleNamespace(
                label=f"column {place}",
                specs=SimpleNamespace(model=model, measure=measure),
                prepared=SimpleNamespace(
                    panel=panel.with_terms(model.terms), weights=None, simulated=False, digest=f"{place}"
                ),
            ),
            model.fit(panel),
        )
        for place, model in enumerate(models)
    ]


def test_declared_clusters_have_the_signs_of_the_joint_test() -> None:
    """As in the own test of a specification; one by unit shares the draws."""
    fields: dict[str, Any] = {"y": "y", "x": ("x",), "draws": 99, "seed": 4, "intervals": False}
    by_province, by_unit = PanelRegression(**fields, cluster="province"), PanelRegression(**fields)
    fits = of_cities(by_province, by_unit.model_copy(update={"effects": "unit"}))
    joint = joint_test(fits, draws=99, seed=4)
    assert joint.each["p"][0] == fits[0][1].estimates.at["x", "p"]
    assert "joint_by_clusters" in [note.code for note in joint.notes]
    plain = joint_test(of_cities(by_unit), draws=99, seed=4)
    assert plain.each["p"][0] == by_unit.fit(fits[0][0].prepared.panel).estimates.at["x", "p"] != joint.each["p"][0]
    assert "joint_by_units" in [note.code for note in plain.notes]
    with pytest.raises(ConfigError, match=r"report\.method: permutations exchange single units"):
        joint_test(fits, draws=99, method="permutation")
    with pytest.raises(ConfigError, match=r"inference\.cluster: column 1 declares other clusters"):
        joint_test(of_cities(by_province, PanelRegression(**fields, effects="unit", cluster="region")), draws=99)


def test_a_term_that_few_units_carry_is_named_below_the_joint_test() -> None:
    fields: dict[str, Any] = {"y": "y", "x": ("x",), "draws": 99, "intervals": False}
    unit, province = PanelRegression(**fields), PanelRegression(**fields, cluster="province", effects="unit")
    for carriers, few in ((45, 0), (9, 0), (5, 2)):
        joint = joint_test(of_cities(unit, province, carriers=carriers), draws=99)
        named = [dict(note.fields) for note in joint.notes if note.code == "joint_few_carry"]
        assert named == ([{"specifications": few, "every": 2}] if few else [])


def test_other_units_of_a_sample_share_the_signs_of_those_that_stay(project: Path) -> None:
    few = ["a", "b", "c"]
    assert (signs_of(few, 50, 1, every=False) == signs_of([*few, "d"], 50, 1, every=False)[:, :3]).all()
    # pairs of opposite vectors of three units would be four
    assert signs_of(few, 50, 1).shape == (3, 3)


def test_standard_errors_are_no_specifications_and_the_first_counts(project: Path) -> None:
    grid = {"inference": ["cluster", "robust"], "measure": ["sector1", "sector2"]}
    spec = experiment(grid) | {"defaults": ["config", {"override model": "twfe"}, "_self_"]}
    both = joint_test(fitted("both", spec), draws=40)
    spec["grid"] = {"inference": ["cluster"], "measure": ["sector1", "sector2"]}
    alone = joint_test(fitted("alone", spec), draws=40)
    assert both.specifications == 2
    assert str(both.notes[0]).startswith("2 runs of 4 differ from an earlier one in standard errors")
    np.testing.assert_allclose(both.statistics, alone.statistics)


def test_the_indirect_effect_leaves_out_models_without_one(project: Path) -> None:
    found = joint_test(fitted("indirect", experiment({"model": ["twfe", "sdm"]})), "indirect", draws=9)
    assert found.specifications == 1
    assert str(found.notes[0]).startswith("1 of 2 runs is not in the joint test, since each has no indirect effect")


@pytest.mark.long
def test_estimates_in_other_units_have_no_curve_but_step_down_p_values(project: Path) -> None:
    grid = {"measure.standardise": [False, True], "measure.terms": [["e"]]}
    spec = experiment(grid) | {
        "defaults": ["config", {"override measure": "bea"}, {"override model": "twfe"}, "_self_"]
    }
    found = joint_test(fitted("units", spec), draws=9)
    first = str(found.notes[0])
    assert first.startswith("No joint test: The estimates cannot be on one curve: ")
    assert " has levels of e in an equation of logarithms, " in first
    assert (len(found.statistics), len(found.null_band), found.dominant, found.metrics) == (0, 0, "", {})
    # a measure in other units is the same test
    assert found.each["z"].nunique() == 2 or found.each["z"].std() < 1e-9
    assert found.each["step_down"].nunique() == 1
    assert (found.each["step_down"] == found.each["p"]).all()
    spec["grid"] = {"measure.terms": [["e"], ["ln_e"]]}
    logs = joint_test(fitted("logs", spec), draws=9)
    assert "has logarithms in an equation of logarithms" in str(logs.notes[0])
    assert (logs.each["step_down"] >= logs.each["p"]).all()


def test_a_result_of_other_numbers_is_not_tested(project: Path) -> None:
    (run, result), (_, other) = fitted("two", experiment({"model": ["twfe"], "measure": ["sector1", "sector2"]}))
    del result
    renamed = Result(
        other.kind, other.y, ("ln_sector1",), ("ln_sector1", *other.terms[1:]), other.coef, other.covariance
    )
    with pytest.raises(EstimationError, match="fitted again for the joint test"):
        joint_test([(run, renamed)], draws=9)


@pytest.mark.long
def test_a_sweep_ends_with_it(project: Path) -> None:
    spec = experiment({"model": ["twfe", "sdm"], "measure": ["sector1", "sector2"]}) | {
        "defaults": ["config", {"override report": "curve"}, CLASSIC_CHOICE, "_self_"],
        "report": {"quantity": "total", "draws": 39, "seed": 7},
    }
    fits = fitted("ends", spec)
    composer = Composer(loader(), "ends", [])
    done = sweep(composer, plan(composer, []))
    expected = joint_test(fits, "total", 39, 7)
    text = next(Path("mlruns").rglob("joint.json")).read_text(encoding="utf-8")
    found = Joint.from_json(text)
    pd.testing.assert_frame_equal(found.each, expected.each)
    table = pd.read_csv(next(Path("mlruns").rglob("specifications.csv")))
    pd.testing.assert_frame_equal(table, expected.each)
    np.testing.assert_allclose(found.statistics, expected.statistics, rtol=1e-9)
    store = MlflowClient(tracking_uri=f"sqlite:///{Path('mlruns/mlflow.db').resolve().as_posix()}")
    metrics = store.get_run(done.parent_id).data.metrics
    assert {name: metrics[name] for name in expected.metrics} == pytest.approx(expected.metrics)
    assert json.loads(text)["draws"] == 39
    assert done.table is not None
    shown = done.table.cells.iloc[-7:-4, 0].tolist()
    assert shown == [f"{p:.3f}" for p in expected.statistics["p"]]


@pytest.mark.long
def test_a_curve_that_cannot_be_tested_is_shown_with_the_reason(project: Path) -> None:
    measure = {"override measure": "bea"}
    spec = experiment({"measure.standardise": [False, True], "measure.terms": [["e"]]}) | {
        "defaults": [
            "config",
            measure,
            {"override report": "curve"},
            {"override model": "twfe"},
            CLASSIC_CHOICE,
            "_self_",
        ],
        "report": {"draws": 9},
    }
    fitted("mixed", spec)
    composer = Composer(loader(), "mixed", [])
    done = sweep(composer, plan(composer, []))
    assert Joint.from_json(next(Path("mlruns").rglob("joint.json")).read_text(encoding="utf-8")).statistics.empty
    notes = "" if done.table is None else " ".join(tuple(map(str, done.table.notes)))
    assert "No joint test: The estimates cannot be on one curve" in notes
    assert "This joint test is not recorded" not in notes


def test_estimates_that_a_draw_lacks_are_told(project: Path) -> None:
    grid = {"measure": ["sector1", "ddl", "ide"], "outcome": ["intensity", "intensity_apparent", "intensity_fuels"]}
    every = fitted("ends", experiment({"model": ["sdm"], "weights": ["w2_nested"], **grid}))
    fits = [(run, result) for run, result in every if result.spatial_effects is not None][:1]
    ((run, result),) = fits
    found = joint_test(fits, "total", draws=99, method="permutation")
    null = run.specs.model.null(run.prepared.panel, run.prepared.weights, [])
    assert null is not None
    lost = 0
    for y in null.fit().outcomes(permutations(30, 99, 1)).T:
        again = run.specs.model.fit(run.prepared.panel.with_columns({result.y: y.copy()}), run.prepared.weights)
        lost += again.spatial_effects is None
    assert 0 < lost < 99
    assert any(
        note.startswith(f"{lost / 99:.1%} of the draws' estimates do not exist")
        for note in tuple(map(str, found.notes))
    )


def test_a_polynomial_is_not_on_the_curve(project: Path) -> None:
    fits = fitted(
        "powers", experiment({"model.x": [["ln_e"], ["ln_e", "ln_e^2"]], "model.controls": [[], ["ln_pgdp"]]})
    )
    found = joint_test(fits, draws=19)
    assert found.specifications == 2
    assert any("2 of 4 runs" in note and "powers of the focal term" in note for note in tuple(map(str, found.notes)))


def test_a_piece_of_an_effect_is_on_the_curve_only_where_it_is_named(project: Path) -> None:
    grid = {"model.x": [["ln_e"], ["ln_e", "ln_e:ln_pgdp"]], "model.controls": [["ln_population"], ["ln_pgdp"]]}
    fits = fitted("pieces", experiment(grid))
    found = joint_test(fits, draws=19)
    assert found.specifications == 2
    assert any(
        "2 of 4 runs" in note and "groups, interactions, quantiles, regimes" in note
        for note in tuple(map(str, found.notes))
    )
    assert joint_test(fits, draws=19, term="ln_e").specifications == 4


def test_a_specification_without_a_null_model_is_left_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fits = fitted("lost", experiment({"model": ["sdm", "twfe"], "weights": ["w1_adjacency"]}))

    def flat(*_: Any) -> NullModel:
        raise EstimationError("The spatial parameter is not identified.")

    monkeypatch.setattr("digicarbon.model._spatial_batch.fit_null", flat)
    found = joint_test(fits, draws=9)
    assert found.specifications == 1
    assert str(found.notes[0]).startswith(
        "1 of 2 runs is not in the joint test, since each has no null model: The spatial parameter is not identified: "
    )
    assert len(found.null_band) == 1
    with pytest.raises(ConfigError, match="No run can be in a joint test"):
        joint_test(fits[:1], draws=9)


@pytest.mark.long
@pytest.mark.parametrize(("how", "name"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_adjusted_p_values_are_those_of_statsmodels(how: Literal["holm", "bh"], name: str) -> None:
    rng = np.random.default_rng(3)
    for count in (1, 2, 17, 400):
        p = np.round(rng.uniform(0, 1, count) ** 3, 2 if count > 17 else 6)
        np.testing.assert_allclose(adjusted(p, how), multipletests(p, method=name)[1], rtol=1e-12, atol=1e-15)
    some = np.array([np.nan, 0.01, 0.04, np.nan, 0.03])
    known = np.isfinite(some)
    np.testing.assert_allclose(adjusted(some, how)[known], multipletests(some[known], method=name)[1], rtol=1e-12)
    assert np.isnan(adjusted(some, how)[~known]).all()
    assert np.isnan(adjusted(np.array([np.nan]), how)).all()
