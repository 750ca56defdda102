"""Speed of planning: what a run's configuration and specifications cost, beside Hydra and OmegaConf in the same call.

Run from an empty folder: ``python …/tests/benchmark/bench_plan.py``. CPU seconds; the peer composes each run in full,
as a sweep by Hydra's own sweepers does (these do it twice). Our first figure is without the compositions, one per
option, which stand in a line of their own. The grid is expanded with an exclusion; the draw is from a grid of
more than 10¹⁴ points. A lock is what `digicarbon lock` writes of the runs of `robustness`, after they are planned.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.types import RunMode
from omegaconf import OmegaConf

from digicarbon.config.compose import Composer, loader
from digicarbon.packs.deposit.lock import content
from digicarbon.packs.deposit.lock.data import Reader
from digicarbon.plan.expand import expand
from digicarbon.plan.prepare import specify
from digicarbon.plan.runs import plan
from digicarbon.spec import Builder
from digicarbon.sweep.sweep import settings_for

CONTROLS = ("ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec", "ln_regulation")
SETS = [list(chosen) for k in range(6) for chosen in itertools.combinations(CONTROLS, k)]
SMALL = {
    "measure": ["sector1", "sector2", "ddl", "ide", "bea"],
    "outcome": ["intensity", "intensity_apparent", "intensity_fuels"],
    "outcome.controls": SETS,
    "inference": ["classic", "robust", "cluster"],
}
LARGE = {
    **SMALL,
    "model": ["twfe", "fe", "fe_time", "pooled"],
    "sample": ["full", "east", "west", "trimmed", "winsorised", "without_municipalities"],
    "panel.first": [None, 2013],
    "model.level": [0.9, 0.95],
}
HUGE = {**SMALL, **{f"source.shock{k}": list(range(10)) for k in range(12)}}
PEER_RUNS = 20


def experiment(name: str, grid: dict[str, Any], **more: Any) -> Composer:
    """Write an experiment and return its composer."""
    Path("experiments").mkdir(exist_ok=True)
    body = OmegaConf.to_yaml(OmegaConf.create({"defaults": ["config", "_self_"], "grid": grid, **more}))
    Path(f"experiments/{name}.yaml").write_text(body, encoding="utf-8")
    return Composer(loader(), name)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return CPU seconds and what was returned."""
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def peer(name: str, values: dict[str, Any]) -> Any:
    """Return a run's configuration by Hydra and OmegaConf."""
    groups = [f"{key}={value}" for key, value in values.items() if "." not in key]
    config = loader().load_configuration(name, groups, run_mode=RunMode.RUN)
    OmegaConf.set_struct(config, False)
    for key, value in values.items():
        if "." in key:
            OmegaConf.update(config, key, value, merge=False)
    del config["hydra"]
    return OmegaConf.to_container(config, resolve=True)


def main() -> None:
    """Print the table."""
    say = sys.stdout.write
    composer = experiment("small", SMALL)
    once, (choices, *_) = timed(lambda: expand(composer, []))
    one_by_one = [choice.values for choice in choices]
    for values in one_by_one[::97]:
        composer.config(values)
    builder = Builder()
    ours, _ = timed(lambda: [specify(composer.config(values), builder) for values in one_by_one])
    theirs, _ = timed(lambda: [peer("small", values) for values in one_by_one[:PEER_RUNS]])
    per_run, per_peer = ours / len(choices), theirs / PEER_RUNS
    say(f"configuration and specifications, ms a run      {per_run * 1e3:10.3f}\n")
    say(f"Hydra's composition and OmegaConf, ms a run     {per_peer * 1e3:10.3f}\n")
    say(f"ratio                                           {per_peer / per_run:10.0f}\n")
    say(f"compositions for {len(choices)} runs, once, s            {once:10.2f}\n")
    rule = [{"model.effects": "unit", "sample": "east"}]
    large = experiment("large", LARGE, exclude=rule)
    expand(large, [])
    spent, (choices, left_out, _) = timed(lambda: expand(large, []))
    say(f"expansion to {len(choices)} choices, {left_out} excluded, s  {spent:8.2f}\n")
    huge = experiment("huge", HUGE, draw={"n": 1000, "seed": 1})
    expand(huge, [])
    say(f"1,000 drawn from a huge grid, s                 {timed(lambda: expand(huge, []))[0]:10.2f}\n")
    spent, planned = timed(lambda: plan(large))
    say(f"whole plan of {len(planned.runs)} runs, ms a run          {spent / len(planned.runs) * 1e3:10.3f}\n")
    robustness = Composer(loader(), "robustness", ["source=simulated"])
    planning, planned = timed(lambda: plan(robustness))
    report = settings_for(robustness, planned).report
    spent, locked = timed(lambda: content(robustness, planned, report, Reader()))
    say(f"lock of {locked['runs']['choices']} choices, s                       {spent:10.2f}\n")
    say(f"ratio to its plan                               {spent / planning:10.1f}\n")


if __name__ == "__main__":
    main()
