"""Sweeps beside a plain Hydra application: CPU a run, start-up, memory; every run counted in MLflow afterwards.

Run from the repository: ``python tests/benchmark/bench_sweep.py [--slow] [--only NAME …] [--peer-runs 40]``. Each line
is a fresh process in a folder of its own with an empty store; CPU is that of all processes that the command starts.
``--slow`` adds 100,000 runs. The peer is `plain_hydra/app.py`; with hydra-joblib-launcher installed it takes that.
``--vs PATH`` measures another checkout beside this one instead, see `sweep_pairs`.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sweep_pairs
from process_tree import Cost, machine, measure

os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1", PYTHONUTF8="1")

STORE = "sqlite:///mlruns/mlflow.db"
CONTROLS = ("ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec", "ln_regulation")
MEASURES = {"sector1": "sector1", "sector2": "sector2", "ddl": "ddl", "ide": "ide", "bea": "e"}
"""Our option of each measure, and the peer's."""


def subsets(terms: Sequence[str]) -> list[list[str]]:
    """Return all subsets of terms."""
    return [list(some) for size in range(len(terms) + 1) for some in itertools.combinations(terms, size)]


FE = {
    "measure": list(MEASURES),
    "outcome": ["intensity", "intensity_apparent", "intensity_fuels"],
    "outcome.controls": subsets((*CONTROLS, "ln_pgdp^2")),
    "sample.first": [None, 2013],
    "sample": ["full", "without_municipalities"],
    "inference.small_sample": ["stata", "none", "g", "full"],
    "inference.df": ["auto", "residual"],
    "inference.level": [0.9, 0.95, 0.99, 0.999],
}
SDM = {
    "measure": list(MEASURES),
    "outcome": ["intensity", "intensity_apparent", "intensity_fuels"],
    "outcome.controls": subsets(CONTROLS),
    "sample.first": [None, 2013],
    "weights": ["w1_adjacency", "w2_nested"],
}
DEFAULTS = {
    "fe": ["config", {"override model": "twfe"}, {"override inference": "cluster_both"}, "_self_"],
    "sdm": ["config", {"override model": "sdm"}, "_self_"],
}
GRIDS = {"fe": FE, "sdm": SDM}


TABLE = """
from digicarbon.recorded import sweep
from digicarbon.report import RegressionTable
from digicarbon.tracking import Tracking
recorded = sweep(Tracking(), "{}")
RegressionTable().table(recorded.title, recorded.records)
"""
"""Makes an experiment's table of what is recorded, without its plan."""


@dataclass(frozen=True)
class Line:
    """A line of the table: a sweep of ``runs`` runs, and one of a single run that shows what starting costs."""

    name: str
    runs: int
    one: Cost
    all: Cost
    found: int

    @property
    def each(self) -> float:
        """CPU milliseconds a run after start-up."""
        return 1000 * (self.all.cpu - self.one.cpu) / (self.runs - 1)


def folder_with_store(place: Path, empty: Path) -> Path:
    """Return a new project folder with an empty store."""
    place.mkdir(parents=True)
    (place / "mlruns").mkdir()
    shutil.copy(empty, place / "mlruns" / "mlflow.db")
    return place


def ours(place: Path, empty: Path, name: str, runs: int, more: Sequence[str] = ()) -> Cost:
    """Sweep ``runs`` specifications of a grid."""
    folder = folder_with_store(place, empty)
    (folder / "experiments").mkdir()
    experiment = {"defaults": DEFAULTS[name], "grid": GRIDS[name], "draw": {"n": runs, "seed": 1}}
    (folder / "experiments" / f"{name}.yaml").write_text(json.dumps(experiment), encoding="utf-8")
    return measure([sys.executable, "-m", "digicarbon", "run", name, *more], folder)


def peer(place: Path, empty: Path, panel: Path, runs: int) -> Cost:
    """Sweep ``runs`` specifications with the plain application."""
    folder = folder_with_store(place, empty)
    shutil.copy(panel, folder / "panel.csv")
    application = Path(__file__).parent / "plain_hydra" / "app.py"
    controls = itertools.islice(subsets(CONTROLS), max(1, runs // len(MEASURES)))
    axes = [
        f"measure={','.join(list(MEASURES.values())[: max(1, min(runs, len(MEASURES)))])}",
        f"controls.terms={','.join('[' + ','.join(terms) + ']' for terms in controls)}",
    ]
    if importlib.util.find_spec("hydra_plugins") and importlib.util.find_spec("hydra_plugins.hydra_joblib_launcher"):
        axes.append("hydra/launcher=joblib")
    return measure([sys.executable, str(application), "-m", *axes], folder)


def count(folder: Path) -> int:
    """Return how many distinct finished fits the store holds, or -1 if one of them is there twice."""
    query = (
        "SELECT count(*), count(DISTINCT tags.value) FROM runs JOIN tags USING (run_uuid) "
        "WHERE tags.key = 'digicarbon.hash' AND runs.status = 'FINISHED' AND runs.lifecycle_stage = 'active'"
    )
    with closing(sqlite3.connect(folder / "mlruns" / "mlflow.db")) as connection:
        rows, distinct = connection.execute(query).fetchone()
    return int(rows) if rows == distinct else -1


def searched(folder: Path, where: str) -> tuple[int, Cost]:
    """Return how many runs MLflow's own search finds, in a process of its own, and what that costs."""
    code = (
        "from mlflow import MlflowClient\n"
        f"client = MlflowClient(tracking_uri='{STORE}')\n"
        "ids = [item.experiment_id for item in client.search_experiments()]\n"
        "found, token = 0, None\n"
        "while True:\n"
        f"    page = client.search_runs(ids, {where!r}, max_results=1000, page_token=token)\n"
        "    found, token = found + len(page), page.token\n"
        "    if not token:\n"
        "        break\n"
        "print('found', found)\n"
    )
    cost = measure([sys.executable, "-c", code], folder)
    return int(cost.output.split()[-1]), cost


def write_panel(path: Path) -> None:
    """Write the panel that our sweeps are fitted to, for the peer: it reads what we make from raw series."""
    import pandas as pd

    from digicarbon.config.compose import Composer, loader
    from digicarbon.plan.runs import plan

    terms = ",".join(f"ln_{name}" for name in MEASURES.values())
    composer = Composer(loader(), "config", [f"measure.terms=[{terms}]"])
    (run,) = plan(composer).runs
    panel = run.prepared.panel
    columns = ["ln_ci", *(f"ln_{name}" for name in MEASURES.values()), *CONTROLS]
    frame = pd.DataFrame(panel.array(columns), columns=columns)
    frame.insert(0, "province", [panel.units[code] for code in panel.unit_codes])
    frame.insert(1, "time", [panel.periods[code] for code in panel.period_codes])
    frame.rename(columns={"time": "year"}).to_csv(path, index=False)


def lines(names: Sequence[str], work: Path, empty: Path, panel: Path, peer_runs: int) -> Iterator[Line]:
    """Measure and yield each line that is asked for."""

    def pair(name: str, runs: int, sweep: Callable[[Path, int], Cost], where: str) -> Line:
        one = sweep(work / f"{name}_one", 1)
        every = sweep(work / name, runs)
        found, _ = searched(work / name, where)
        return Line(name, runs, one, every, found)

    child = "tags.`digicarbon.kind` = 'specification' and attributes.status = 'FINISHED'"
    if "peer" in names:
        yield pair(
            "peer", peer_runs, lambda place, runs: peer(place, empty, panel, runs), "attributes.status = 'FINISHED'"
        )
    for name, grid, runs in (
        ("fe1000", "fe", 1_000),
        ("sdm1000", "sdm", 1_000),
        ("fe10000", "fe", 10_000),
        ("fe100000", "fe", 100_000),
    ):
        if name in names:
            line = pair(name, runs, lambda place, runs, grid=grid: ours(place, empty, grid, runs), child)
            stored = count(work / name)
            if stored != runs or line.found != runs:
                sys.stderr.write(f"{name}: {stored} stored and {line.found} found of {runs} runs\n")
            yield line


def again(work: Path, name: str, experiment: str) -> Iterator[str]:
    """Yield lines on reading a finished sweep: its table, the command once more, and MLflow's search for its runs."""
    folder = work / name
    second = measure([sys.executable, "-m", "digicarbon", "run", experiment], folder)
    found, search = searched(folder, "tags.`digicarbon.kind` = 'specification'")
    what = {f"the table of {found:,} recorded runs": measure([sys.executable, "-c", TABLE.format(experiment)], folder)}
    what[f"the same command again, {found:,} runs: plans them, fits nothing, makes the table"] = second
    what[f"`search_runs` for the same {found:,} runs"] = search
    for words, cost in what.items():
        yield f"| {words} | {cost.cpu:.1f} | {cost.wall:.1f} | {cost.peak:,.0f} |"


TITLES = {
    "peer": "plain Hydra, linearmodels, MLflow fluent: two-way FE, two-way clustered",
    "fe1000": "digicarbon: two-way FE, two-way clustered",
    "sdm1000": "digicarbon: two-way SDM, Lee-Yu, effects, wild bootstrap (the default)",
    "fe10000": "digicarbon: two-way FE, two-way clustered",
    "fe100000": "digicarbon: two-way FE, two-way clustered",
}


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--slow", action="store_true", help="100,000 runs, too")
    parser.add_argument("--only", nargs="*", choices=list(TITLES), default=None)
    parser.add_argument("--peer-runs", type=int, default=40)
    parser.add_argument("--keep", type=Path, default=None, help="a folder for the stores; by default they are deleted")
    parser.add_argument("--vs", type=Path, default=None, help="another checkout, with an environment in .venv")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pairs", nargs="*", choices=list(sweep_pairs.pairs_of(FE, SDM)), default=None)
    given = parser.parse_args()
    if given.vs is not None:
        pairs(given.vs, given.rounds, given.pairs or list(sweep_pairs.pairs_of(FE, SDM)))
        return
    names = given.only or [name for name in TITLES if given.slow or name != "fe100000"]
    work = given.keep or Path(tempfile.mkdtemp())
    try:
        report(names, work, given.peer_runs)
    finally:
        if given.keep is None:
            shutil.rmtree(work)


def pairs(other: Path, rounds: int, names: Sequence[str]) -> None:
    """Print a table of another checkout and this one."""
    sys.stdout.write(f"Machine: {machine()}. {time.strftime('%Y-%m-%d')}\n\n")
    with tempfile.TemporaryDirectory() as work:
        for line in sweep_pairs.table(other, rounds, names, GRIDS, Path(work)):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


def report(names: Sequence[str], work: Path, peer_runs: int) -> None:
    """Measure in a working folder and print."""
    say = sys.stdout.write
    say(f"Machine: {machine()}. {time.strftime('%Y-%m-%d')}\n\n")
    work.mkdir(parents=True, exist_ok=True)
    empty, panel = work / "mlflow.db", work / "panel.csv"
    cold = measure(
        [sys.executable, "-c", f"import mlflow; mlflow.MlflowClient('sqlite:///{empty}').search_experiments()"], work
    )
    write_panel(panel)
    heads = ("what", "runs", "CPU ms a run after start-up", "CPU s of one run", "CPU s in all", "wall s in all")
    say(f"| {' | '.join((*heads, 'MB of the largest process', 'found by `search_runs`'))} |\n|{'---|' * 8}\n")
    found: dict[str, Line] = {}
    for line in lines(names, work, empty, panel, peer_runs):
        found[line.name] = line
        say(
            f"| {TITLES[line.name]} | {line.runs:,} | {line.each:.2f} | {line.one.cpu:.2f} | {line.all.cpu:.1f} "
            f"| {line.all.wall:.1f} | {line.all.peak:,.0f} | {line.found:,} |\n"
        )
        sys.stdout.flush()
    say(f"\nAn empty store costs MLflow {cold.cpu:.1f} s of CPU; it is there before each line.\n")
    if {"peer", "fe1000"} <= set(found):
        slow, quick = found["peer"], found["fe1000"]
        whole = slow.one.cpu + slow.each * 0.999
        say(
            f"A run: {slow.each / quick.each:,.0f} times as quick; the whole command of 1,000 runs: "
            f"{whole / quick.all.cpu:,.0f} times "
        )
        say(f"({whole:.0f} s of the peer, reckoned from {slow.runs} runs, against {quick.all.cpu:.1f} s).\n")
    for name in ("fe10000", "fe1000"):
        if name in found:
            say("\n| reading | CPU s | wall s | MB |\n|---|---|---|---|\n" + "\n".join(again(work, name, "fe")) + "\n")
            break


if __name__ == "__main__":
    main()
