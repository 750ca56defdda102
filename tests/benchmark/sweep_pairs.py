"""Sweeps of two checkouts in pairs: the same experiments, one after the other, the least CPU of several rounds.

``python tests/benchmark/bench_sweep.py --vs PATH [--rounds 3] [--pairs NAME …]`` prints the table. PATH is another
checkout with an environment of its own in ``.venv``. Machines differ and have neighbours: ratios say most.
"""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from process_tree import measure

CONTROLS = ("ln_pgdp", "ln_population", "ln_built_up_area", "ln_ter_sec", "ln_regulation")
SQUARES = [term for name in CONTROLS for term in (name, f"{name}^2")]
LISTS = [list(some) for size in range(len(SQUARES) + 1) for some in itertools.combinations(SQUARES, size)]
SEQUENTIAL = {"override executor": "sequential"}
"""Workers of a crowded machine would count as work of the product."""
IMPORTS = "import pandas, hydra, pydantic, scipy.sparse"
MISSPELT = "ln_poplation"
REFUSED = """
import runpy
try:
    runpy.run_module("digicarbon", run_name="__main__")
except SystemExit as end:
    raise SystemExit(end.code != 2)
"""
"""Runs a command that has to be refused."""


@dataclass(frozen=True)
class Side:
    """A checkout, and what its commands have cost so far: the least seconds of CPU by what was done."""

    name: str
    python: str
    least: dict[str, float] = field(default_factory=dict)

    def take(self, what: str, seconds: float) -> None:
        """Keep a measurement if it is the least one."""
        self.least[what] = min(seconds, self.least.get(what, seconds))


@dataclass(frozen=True)
class Pair:
    """An experiment of so many runs, which is fitted and then started once more."""

    experiment: Mapping[str, Any]
    runs: int
    again: bool = False

    def cost(self, side: Side, folder: Path, name: str) -> None:
        """Measure the command in a new folder."""
        (folder / "experiments").mkdir()
        text = json.dumps(self.experiment)
        (folder / "experiments" / "sweep.yaml").write_text(text, encoding="utf-8")
        command = [side.python, "-m", "digicarbon", "run", "sweep"]
        side.take(name, measure(command, folder).cpu)
        if self.again:
            side.take(f"{name} again", measure(command, folder).cpu)
            side.take(f"{name} plan", measure([*command[:3], "plan", "sweep"], folder).cpu)


def experiment(grid: Mapping[str, Any], runs: int | None, *defaults: Any) -> dict[str, Any]:
    """Return an experiment of all points of a grid, or of so many."""
    drawn = {} if runs is None else {"draw": {"n": runs, "seed": 1}}
    return {"defaults": ["config", *defaults, SEQUENTIAL, "_self_"], "grid": dict(grid), **drawn}


def pairs_of(fe: Mapping[str, Any], sdm: Mapping[str, Any]) -> dict[str, list[tuple[str, Pair]]]:
    """Return what is run for each line, by its name."""
    twfe, errors = {"override model": "twfe"}, {"override inference": "cluster_both"}
    one = ("one", Pair(experiment(fe, 1, twfe, errors), 1))
    wild_one = ("wild one", Pair(experiment(fe, 1, twfe), 1))
    sdm_one = ("sdm one", Pair(experiment(sdm, 1, {"override model": "sdm"}), 1))
    lists = Pair(experiment({"outcome.controls": LISTS}, None, twfe, {"override inference": "cluster"}), 1024, True)
    return {
        "fe1000": [one, ("fe1000", Pair(experiment(fe, 1_000, twfe, errors), 1_000, True))],
        "fe10000": [one, ("fe10000", Pair(experiment(fe, 10_000, twfe, errors), 10_000, True))],
        "lists": [("lists", lists)],
        "wild": [wild_one, ("wild", Pair(experiment(fe, 1_000, twfe), 1_000))],
        "sdm": [sdm_one, ("sdm", Pair(experiment(sdm, 50, {"override model": "sdm"}), 50))],
        "refusal": [],
    }


def refused(side: Side, folder: Path) -> None:
    """Measure how long a misspelt column takes to be refused."""
    (folder / "experiments").mkdir()
    wrong = {"defaults": ["config", SEQUENTIAL, "_self_"], "outcome": {"controls": ["ln_pgdp", MISSPELT]}}
    (folder / "experiments" / "sweep.yaml").write_text(json.dumps(wrong), encoding="utf-8")
    for verb in ("check", "run"):
        side.take(f"refusal by {verb}", measure([side.python, "-c", REFUSED, verb, "sweep"], folder).cpu)


Row = tuple[str, Callable[[Mapping[str, float]], float]]


def _seconds(words: str, key: str) -> Row:
    return words, lambda least: least[key]


def _each(words: str, key: str, one: str, runs: int) -> Row:
    return words, lambda least: 1000 * (least[key] - least[one]) / (runs - 1)


def rows_of(name: str) -> list[Row]:
    """Return the rows of a line: words, and a number of the least seconds."""
    if name in ("fe1000", "fe10000"):
        runs = int(name.removeprefix("fe"))
        return [
            _each(f"FE, a logged run of {runs:,}, ms", name, "one", runs),
            _seconds(f"FE, {runs:,} in all, s", name),
            _seconds("FE, one run, s", "one"),
            _seconds(f"FE, the same command again, {runs:,} runs, s", f"{name} again"),
            _seconds(f"FE, plan of {runs:,} recorded runs, s", f"{name} plan"),
        ]
    if name == "lists":
        return [
            _seconds("1,024 lists, clustered errors, in all, s", "lists"),
            _seconds("1,024 lists again, s", "lists again"),
            (f"1,024 lists again, over `{IMPORTS}`", lambda least: least["lists again"] / least["imports"]),
            _seconds("plan of 1,024 recorded lists, s", "lists plan"),
        ]
    if name == "wild":
        return [_each("FE, default inference, a logged run, ms", "wild", "wild one", 1_000)]
    if name == "sdm":
        return [_each("two-way SDM with effects, default inference, a logged run, ms", "sdm", "sdm one", 50)]
    return [_seconds(f"a misspelt column, refused by `{verb}`, s", f"refusal by {verb}") for verb in ("check", "run")]


def table(
    other: Path, rounds: int, names: Sequence[str], grids: Mapping[str, Mapping[str, Any]], work: Path
) -> Iterator[str]:
    """Yield the lines of a Markdown table: the other checkout, this one, and the ratio of this one to the other."""
    sides = (Side("other", str(other.absolute() / ".venv" / "bin" / "python")), Side("this", sys.executable))
    work.mkdir(parents=True, exist_ok=True)
    empty = work / "mlflow.db"
    measure(
        [sys.executable, "-c", f"import mlflow; mlflow.MlflowClient('sqlite:///{empty}').search_experiments()"], work
    )
    wanted = pairs_of(grids["fe"], grids["sdm"])
    yield "| least CPU of several rounds | other | this | this / other |\n|---|---|---|---|"
    for name in names:
        for _, side in itertools.product(range(rounds), sides):
            for what, pair in wanted[name]:
                pair.cost(side, _folder(work, empty), what)
            if name == "lists":
                side.take("imports", measure([side.python, "-c", IMPORTS], work).cpu)
            if name == "refusal":
                refused(side, _folder(work, empty))
        for words, number in rows_of(name):
            before, now = (number(side.least) for side in sides)
            yield f"| {words} | {before:.2f} | {now:.2f} | {now / before:.2f} |"


def _folder(work: Path, empty: Path) -> Path:
    folder = work / "pair"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "mlruns").mkdir(parents=True)
    shutil.copy(empty, folder / "mlruns" / "mlflow.db")
    return folder
