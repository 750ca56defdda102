"""The data of a plan without its outcome: which series runs read, what reads them, weights and files."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digicarbon.errors import DigicarbonError
from digicarbon.packs.deposit.lock.grid import LENGTH, Grid
from digicarbon.panel import Panel, variables_of, without_logarithms
from digicarbon.plan.prepare import Specs
from digicarbon.plan.runs import Run
from digicarbon.source import TABLES, InputFile, Inputs, WatchedInputs
from digicarbon.source.base import InputOutputTable
from digicarbon.sweep.provenance import Once, unused
from digicarbon.weights import Weights, WeightsSpec

GIVEN = "given"
"""The grid that says in which cells a series has a value, but not which one."""


@dataclass(eq=False)
class DataSet:
    """What runs read of one source.

    ``grids``: the source's series, its input-output tables, and columns that the panel makes from files of its own.
    ``read``: the grid of each series that something other than the outcome reads. ``of_outcome``: series that the
    outcome is made of. ``chooses``: variables of the outcome by whose values a sample chooses rows. ``weighs``: weights
    of the user's own classes that change with the values of the outcome.
    """

    grids: dict[str, Grid]
    files: dict[str, InputFile]
    read: dict[str, str] = field(default_factory=dict)
    of_outcome: set[str] = field(default_factory=set)
    chooses: set[str] = field(default_factory=set)
    weighs: set[str] = field(default_factory=set)

    @property
    def shared(self) -> list[str]:
        """Series that both the outcome and something else read."""
        return sorted(self.of_outcome & self.read.keys())

    @property
    def hidden(self) -> list[str]:
        """Series that only the outcome reads."""
        return sorted(self.of_outcome - self.read.keys())

    def print(self) -> dict[str, Any]:
        """Return hashes of all that is read for something other than the outcome."""
        by_grid: dict[str, list[str]] = {}
        for name, grid in sorted(self.read.items()):
            by_grid.setdefault(grid, []).append(name)
        out: dict[str, Any] = {"only_outcome": self.hidden, "outcome_and_others": self.shared, "grids": {}}
        if self.chooses:
            out["sample_by_outcome"] = sorted(self.chooses)
        if self.weighs:
            out["weights_by_outcome"] = sorted(self.weighs)
        # a cell of the outcome that is emptied takes its row out of the sample
        if here := [name for name in self.hidden if name in self.grids[GIVEN].series]:
            by_grid[GIVEN] = here
        for grid, names in sorted(by_grid.items()):
            part = self.grids[grid].whole
            series = {name: part.print(name) for name in names}
            out["grids"][grid] = {"units": list(part.units), "periods": list(part.periods), "series": series}
        # the hash of a file that holds the outcome would be a hash of the outcome
        out["files"] = {
            place_of(path): {"holds_outcome": True} if {*file.series} & {*self.hidden} else {"sha256": file.sha256}
            for path, file in sorted(self.files.items())
        }
        return out


@dataclass
class Reader:
    """Finds what the runs of a plan read, by the name of the source; what they share is found once."""

    sets: dict[str, DataSet] = field(default_factory=dict)
    _once: Once = field(default_factory=Once)

    def read(self, runs: Iterable[Run]) -> None:
        """Take in what runs read."""
        seen: dict[Hashable, object] = {}
        for run in runs:
            specs, shared = run.specs, run.prepared.shared
            key = (id(shared), id(specs.weights), specs.terms, specs.model.y, specs.model.optional_terms)
            if key not in seen:
                # kept, so that no other object takes the id
                seen[key] = (shared, specs.weights)
                self._take(run)

    def _take(self, run: Run) -> None:
        specs, inputs = run.specs, run.prepared.inputs
        own = self._set(run, inputs)
        for file in inputs.files:
            own.files.setdefault(file.path, file)
        outcome = {without_logarithms(name) for name in variables_of([specs.model.y])}
        regions = [inputs.regions] if specs.sample.regions and inputs.regions else []
        terms = [*specs.terms, *specs.model.optional_terms, *regions]
        of_terms = [name for name in variables_of(terms) if without_logarithms(name) not in outcome]
        of_sample = variables_of(specs.sample.variables)
        names = [*of_terms, *(name for name in of_sample if without_logarithms(name) not in outcome)]
        if specs.weights is not None:
            names += [column for column, _ in specs.weights.made_of]
        of_outcome, _ = self._behind(specs, inputs, outcome)
        behind, made = self._behind(specs, inputs, names)
        _, taken, whole = self._computed("measure", specs, inputs)
        # of code that reads all series at once nobody knows which ones it needs
        behind |= taken - of_outcome if whole else taken
        own.of_outcome |= of_outcome
        # rows that are chosen by the outcome are no plan that is independent of it
        trimmed = (specs.sample.outliers_of or (specs.model.y,)) if any(specs.sample.trim) else ()
        choosing = (*of_sample, *variables_of(trimmed))
        elsewhere = self._behind(specs, inputs, of_terms)[0]
        own.chooses |= {
            name
            for name in choosing
            if without_logarithms(name) in outcome or self._behind(specs, inputs, [name])[0] & (of_outcome - elsewhere)
        }
        panel = run.prepared.shared.selection.panel
        if self._by_outcome(specs.weights, panel, outcome | own.of_outcome - own.read.keys() - behind):
            own.weighs.add(_called(run, "weights"))
        for name in sorted(behind):
            own.read.setdefault(name, "tables" if name == TABLES else "series")
        for name in sorted(made):
            if panel.has(name):
                self._made(own, name, panel)

    def _behind(self, specs: Specs, inputs: Inputs, names: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the source's series behind variables, and the columns that the panel makes of other files."""
        made = {group: self._computed(group, specs, inputs)[0] for group in ("measure", "outcome")}
        known = [*map(str, inputs.frame.columns), *made["measure"], *made["outcome"]]
        columns = set(specs.panel.columns_behind(names, known))
        out = columns & set(map(str, inputs.frame.columns))
        for group, own in made.items():
            if columns & own - out:
                out |= self._computed(group, specs, inputs)[1]
        return out, columns - set(known)

    def _computed(self, group: str, specs: Specs, inputs: Inputs) -> tuple[frozenset[str], frozenset[str], bool]:
        """Return what a measure or an outcome makes, the series that it reads, and whether it reads all at once."""
        spec = getattr(specs, group)
        compute = specs.measure.transformed if group == "measure" else specs.outcome.compute

        def make() -> tuple[frozenset[str], frozenset[str], bool]:
            watched = WatchedInputs.of(inputs)
            columns = frozenset(map(str, compute(watched).columns)) - {"unit", "time"}
            taken = frozenset(watched.taken) - {"unit", "time"}
            every = frozenset(map(str, inputs.frame.columns)) - {"unit", "time"}
            return columns, taken, len(every) > 1 and every <= taken

        return self._once(group, (inputs, spec), make)

    def _by_outcome(self, spec: WeightsSpec | None, panel: Panel, outcome: Collection[str]) -> bool:
        """Return whether weights of a user's own class are others where the values of the outcome are exchanged.

        Shipped classes name the columns that they are made of.
        """
        if spec is None or type(spec).__module__.partition(".")[0] == __package__.partition(".")[0]:
            return False
        names = tuple(name for name in panel.names if without_logarithms(name) in outcome)

        def make() -> bool:
            order = np.random.default_rng(1).permutation(len(panel.index))
            exchanged = panel.with_columns({name: panel.column(name)[order] for name in names})
            try:
                return spec.compute(exchanged).digest != spec.compute(panel).digest
            except DigicarbonError:
                return True

        return self._once(("by outcome", names), (spec, panel), make)

    def _set(self, run: Run, inputs: Inputs) -> DataSet:
        def make() -> DataSet:
            name = unused(_called(run, "source"), self.sets)
            grids = {"series": Grid.of_frame(inputs.frame), GIVEN: Grid.of_frame(_given(inputs.frame))}
            if inputs.tables:
                grids["tables"] = _tables(inputs.tables)
            self.sets[name] = DataSet(grids, {})
            return self.sets[name]

        return self._once("set", (inputs.frame,), make)

    def _made(self, own: DataSet, name: str, panel: Panel) -> None:
        """Take in a column that the panel makes from a file of its own, e.g. the dates of a policy."""
        if name in own.read:
            return
        frame = panel.frame()[[name]].reset_index().set_axis(["unit", "time", name], axis=1)
        own.grids[f"panel {name}"] = Grid.of_frame(frame)
        own.read[name] = f"panel {name}"


def weights_of(runs: Iterable[Run]) -> dict[str, Mapping[str, Any]]:
    """Return hashes of all spatial weights of a plan: of each matrix, and of each of its rows.

    By name: the option, the choices of its fields, and the number of units where samples differ.
    """
    every: dict[str, tuple[str, Weights]] = {}
    for run in runs:
        if run.prepared.weights is not None:
            every.setdefault(run.prepared.weights.digest, (_called(run, "weights"), run.prepared.weights))
    out: dict[str, Mapping[str, Any]] = {}
    for called, weights in every.values():
        units = hashlib.sha256("\x1f".join(weights.labels).encode()).hexdigest()[:LENGTH]
        name = unused(f"{called}, {weights.n} units ({units[:6]})", out)
        rows = " ".join(_row_hashes(weights))
        out[name] = {"called": called, "digest": weights.digest, "units": list(weights.labels), "rows": rows}
    return out


def _given(frame: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in frame.columns if name not in ("unit", "time")]
    return frame[["unit", "time"]].join(frame[names].notna().astype(float))


def _row_hashes(weights: Weights) -> Iterator[str]:
    parts = tuple(weights.by_period.values()) or (weights,)
    labels = np.array([unit.encode() for unit in weights.labels], dtype=object)
    for row in range(weights.n):
        sha = hashlib.sha256()
        for part in parts:
            begin, end = part.matrix.indptr[row], part.matrix.indptr[row + 1]
            order = np.argsort(part.matrix.indices[begin:end], kind="stable")
            sha.update(b"\x1f".join(labels[part.matrix.indices[begin:end][order]]) + b"\x1e")
            sha.update(np.asarray(part.matrix.data[begin:end][order], dtype=np.float64).tobytes())
        yield sha.hexdigest()[:LENGTH]


def place_of(path: str) -> str:
    """Return a path as a lock has it, which is published: from the working directory, or with its folder's name."""
    whole = Path(path).resolve()
    here = Path.cwd().resolve()
    return (whole.relative_to(here) if whole.is_relative_to(here) else Path(whole.parent.name, whole.name)).as_posix()


def _called(run: Run, group: str) -> str:
    """Return the option of a group with the fields of it that the run chooses."""
    fields = [f"{key}={value}" for key, value in run.choice.values.items() if key.startswith(f"{group}.")]
    return ", ".join([run.options.get(group, group), *fields])


def _tables(tables: Mapping[tuple[str, int], InputOutputTable]) -> Grid:
    """Return input-output tables as one series of texts: a hash of each table."""
    rows = [(unit, time, _table(table)) for (unit, time), table in tables.items()]
    return Grid.of_frame(pd.DataFrame(rows, columns=["unit", "time", TABLES]))


def _table(table: InputOutputTable) -> str:
    sha = hashlib.sha256("\x1f".join(table.sectors).encode())
    for part in (table.flows, table.value_added, table.output):
        sha.update(np.ascontiguousarray(part, dtype=np.float64).tobytes())
    return f"sha {sha.hexdigest()}"
