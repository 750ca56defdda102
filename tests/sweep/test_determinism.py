"""Numbers depend on what is asked, never on who computes it, in which order or beside what.

Each kind of model and diagnostic that draws random numbers is fitted with two seeds on two measures. All of these runs
form one sweep, which is fitted in order, backwards, by threads and by worker processes; and single runs on their own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from fields import shipped

from digicarbon import diagnostic, model
from digicarbon.config.compose import Composer, loader
from digicarbon.diagnostic import Diagnostic
from digicarbon.executor import LocalExecutor
from digicarbon.model import Model
from digicarbon.plan.expand import read_overrides
from digicarbon.plan.runs import Run, plan
from digicarbon.result import Result
from digicarbon.spec import Spec
from digicarbon.sweep.engine import Work, fitted
from digicarbon.sweep.provenance import ledger
from digicarbon.sweep.shared import SharedPanels

pytestmark = pytest.mark.long

FEW = "diagnostic.draws=99"
POLICY = (
    "model=did",
    "++panel.policy={pilot: {dates: {Beijing: 2014, Tianjin: 2014, Hebei: 2015, Guangdong: 2015, Henan: 2015}}}",
    "model.controls=${measure.terms}",
)
CASES: Mapping[str, tuple[str, ...]] = {
    "simulated effects": ("model=sdm", "model.effects_se=simulation", "model.effects_draws=100", "model.seed=SEED"),
    "diagnose a panel regression": ("diagnostic=spatial_tests", FEW, "diagnostic.seed=SEED"),
    "diagnose a spatial model": (
        "model=sdm",
        "diagnostic=spatial_tests",
        "diagnostic.draws=9",
        "diagnostic.seed=SEED",
    ),
    "choice": ("source=simulated_w1", "model=sdm", "diagnostic=choice", "diagnostic.draws=19", "diagnostic.seed=SEED"),
    "models and weights": ("model=sar", "diagnostic=spatial_choice", FEW, "diagnostic.seed=SEED"),
    "panel choice": ("diagnostic=panel_choice", "diagnostic.seed=SEED"),
    "moran": ("diagnostic=moran", "diagnostic.moments=permutation", FEW, "diagnostic.seed=SEED"),
    "local moran": ("diagnostic=local_moran", "diagnostic.moments=permutation", FEW, "diagnostic.seed=SEED"),
    "bivariate moran": ("diagnostic=bivariate_moran", FEW, "diagnostic.seed=SEED"),
    "geary": ("diagnostic=geary", "diagnostic.moments=permutation", FEW, "diagnostic.seed=SEED"),
    "getis ord": ("diagnostic=getis_ord", "diagnostic.moments=permutation", FEW, "diagnostic.seed=SEED"),
    "hot spots": ("diagnostic=hot_spots", "diagnostic.permute=true", FEW, "diagnostic.seed=SEED"),
    "group comparison": ("diagnostic=group_comparison", FEW, "diagnostic.seed=SEED"),
    "wild bootstrap": ("diagnostic=wild_bootstrap", FEW, "diagnostic.seed=SEED"),
    "wild p of a regression": ("inference.draws=99", "model.seed=SEED"),
    "wild p of a spatial model": ("model=sdm", "inference.draws=99", "model.seed=SEED"),
    "wild p of a spatial model by period": (
        "model=unbalanced_spatial",
        "inference.draws=99",
        "inference.intervals=false",
        "model.seed=SEED",
    ),
    "wild p of a dynamic spatial model": (
        "model=dynamic_sdm",
        "model.effects=unit",
        "inference.draws=99",
        "inference.intervals=false",
        "model.seed=SEED",
    ),
    "bootstrap of a threshold": (
        "model=threshold",
        "model.threshold=ln_pgdp",
        "model.threshold_draws=99",
        "model.seed=SEED",
    ),
    "bootstrap of a threshold in space": (
        "model=threshold",
        "model.threshold=ln_pgdp",
        "model.space=sdm",
        "model.sets=likelihood",
        "model.threshold_draws=19",
        "model.seed=SEED",
    ),
    "wild p of mediation": (
        "model=mediation",
        "model.controls=[ln_pgdp]",
        "model.mediators=[ln_ter_sec]",
        "inference.draws=99",
        "model.seed=SEED",
    ),
    "bootstrap of quantiles": (
        "model=quantile",
        "model.errors=bootstrap",
        "model.bootstrap_draws=40",
        "model.seed=SEED",
    ),
    "wild p of regions": ("model=twfe_regions", "inference.draws=99", "model.seed=SEED"),
    "wild p of spatial panels by region": (
        "model=sdm_regions",
        "inference.draws=99",
        "inference.intervals=false",
        "model.seed=SEED",
    ),
    "wild p beside a spatial filter": ("model=filtered", "inference.draws=99", "model.seed=SEED"),
    "wild p of instruments": (
        "model=iv",
        "model.controls=[ln_pgdp]",
        "model.instruments=[ln_ter_sec,ln_population]",
        "inference.draws=99",
        "model.seed=SEED",
    ),
    "wild p of instruments in space": (
        "model=spatial_iv",
        "model.controls=[ln_pgdp]",
        "model.endogenous=[ln_pgdp]",
        "model.instruments=[ln_ter_sec,ln_population]",
        "inference.draws=99",
        "inference.intervals=false",
        "model.seed=SEED",
    ),
    "wild p of bands of distance": ("model=distance_bands", "inference.draws=99", "model.seed=SEED"),
    "wild p of a policy": (*POLICY, "inference.draws=99", "model.seed=SEED"),
    "placebo policies": (*POLICY, "diagnostic=placebo_space", FEW, "diagnostic.seed=SEED"),
    "dependence that is left": ("diagnostic=left_dependence", "diagnostic.draws=99", "diagnostic.seed=SEED"),
    "placebo laws": ("inference=cluster", "diagnostic=placebo_laws", "diagnostic.laws=99", "diagnostic.seed=SEED"),
    "samples of units": ("diagnostic=oster", FEW, "diagnostic.seed=SEED"),
    "wild bootstrap, webb": ("diagnostic=wild_bootstrap", FEW, "diagnostic.weights=webb", "diagnostic.seed=SEED"),
}
"""What draws; SEED stands for the seed."""
MEASURES = "measure=bea,ide"
SEEDS = (3, 4)
WORKERS: Mapping[str, LocalExecutor] = {
    "backwards": LocalExecutor(backend="sequential"),
    "threads": LocalExecutor(backend="threading", n_jobs=2, batch=1),
    "processes": LocalExecutor(backend="loky", n_jobs=2, batch=3),
}


def planned(words: Sequence[str]) -> list[Run]:
    config_loader = loader()
    plain, axes = read_overrides(words, config_loader)
    return plan(Composer(config_loader, "config", plain), axes).runs


def runs_of(case: str, seed: str, measures: str) -> list[Run]:
    return planned([*(word.replace("SEED", seed) for word in CASES[case]), measures])


def every_run() -> list[tuple[str, Run]]:
    return [(case, run) for case in CASES for run in runs_of(case, ",".join(map(str, SEEDS)), MEASURES)]


def results(runs: Sequence[Run], executor: LocalExecutor, order: Sequence[int]) -> dict[str, Result]:
    """Fit runs and return their results by content hash."""
    with SharedPanels() as stages:
        work = Work(lambda index: stages.task(index, runs[index]), order, ["any"] * len(runs), executor)
        found = [one for some in fitted(work) for one in some]
    assert [one.error for one in found if one.error] == []
    return {runs[one.index].key: one.result for one in found if one.result is not None}


@pytest.fixture(scope="module")
def unfitted() -> bytes:
    """All runs as they are planned: what is read from these bytes has nothing that a fit left in a panel or weights."""
    return cloudpickle.dumps(every_run())


@pytest.fixture(scope="module")
def sweep(unfitted: bytes) -> list[tuple[str, Run]]:
    planned_runs: list[tuple[str, Run]] = cloudpickle.loads(unfitted)
    return planned_runs


@pytest.fixture(scope="module")
def in_order(sweep: list[tuple[str, Run]]) -> dict[str, Result]:
    runs = [run for _, run in sweep]
    return results(runs, LocalExecutor(backend="sequential"), range(len(runs)))


@pytest.fixture(scope="module", params=list(WORKERS))
def otherwise(request: pytest.FixtureRequest, unfitted: bytes) -> dict[str, Result]:
    runs = [run for _, run in cloudpickle.loads(unfitted)]
    return results(runs, WORKERS[request.param], range(len(runs) - 1, -1, -1))


def numbers(result: Result) -> pd.Series:
    """All numbers of a result, by name."""
    return pd.Series(dict(_numbers(result)), dtype=np.float64)


def _numbers(result: Result) -> Iterator[tuple[str, float]]:
    frames = {"estimates": result.estimates, "effects": result.effects, "covariance": result.vcov, **result.tables}
    yield from result.statistics.items()
    for name, frame in frames.items():
        for column, values in frame.items():
            for place, value in enumerate(values):
                if isinstance(value, int | float | np.number):
                    yield f"{name} {column} {place}", float(value)


def same(one: Result, other: Result) -> None:
    pd.testing.assert_series_equal(numbers(one), numbers(other), rtol=1e-10, atol=1e-14)
    assert one.notes == other.notes
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name], rtol=1e-10, atol=1e-14)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_workers_and_order_do_not_matter(
    case: str, sweep: list[tuple[str, Run]], in_order: dict[str, Result], otherwise: dict[str, Result]
) -> None:
    keys = [run.key for own, run in sweep if own == case]
    assert len(keys) == 4
    for key in keys:
        same(otherwise[key], in_order[key])


@pytest.mark.parametrize("case", CASES)
def test_a_run_alone_is_what_it_is_in_a_sweep(case: str, in_order: dict[str, Result]) -> None:
    for seed in SEEDS:
        (alone,) = runs_of(case, str(seed), "measure=ide")
        (found,) = results([alone], LocalExecutor(n_jobs=1), [0]).values()
        same(found, in_order[alone.key])


@pytest.mark.parametrize("case", CASES)
def test_a_seed_is_what_is_drawn_from(case: str, sweep: list[tuple[str, Run]], in_order: dict[str, Result]) -> None:
    three, four = ([run for own, run in sweep if own == case and f"seed={seed}" in run.label] for seed in SEEDS)
    for one, other in zip(three, four, strict=True):
        first, second = numbers(in_order[one.key]), numbers(in_order[other.key])
        assert not first.equals(second)


def test_every_kind_that_draws_is_among_the_cases(sweep: list[tuple[str, Run]]) -> None:
    found = {type(spec) for _, run in sweep for spec in (run.specs.model, run.specs.diagnostic) if takes_seed(spec)}
    # a class that fits nothing is a base of others
    models = {kind for kind in shipped(Model, model) if kind.fit is not Model.fit}
    every = models | {*shipped(Diagnostic, diagnostic)}
    assert found == {kind for kind in every if takes_seed(kind)}


def takes_seed(kind: Spec | type[Spec]) -> bool:
    return "seed" in (kind if isinstance(kind, type) else type(kind)).model_fields


def test_runs_of_a_sweep_have_the_seed_that_is_set_for_all() -> None:
    runs = planned(["measure=bea,ide,ddl", "diagnostic=spatial_tests", "diagnostic.seed=7"])
    assert [run.specs.diagnostic.model_dump()["seed"] for run in runs] == [7, 7, 7]
    recorded = ledger(runs).tags
    assert {json.loads(tags["digicarbon.seeds"])["diagnostic.seed"] for tags in recorded.values()} == {7}
