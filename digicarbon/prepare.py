"""From a run's configuration to checked specifications, its panel and its weights, shared work done once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digicarbon import data
from digicarbon.diagnostic import Diagnostic
from digicarbon.errors import DataError, listing
from digicarbon.inference import Inference
from digicarbon.measure import Measure
from digicarbon.model import Model
from digicarbon.outcome import Outcome
from digicarbon.panel import Panel, PanelDesign, UnknownColumnError, label
from digicarbon.sample import Sample
from digicarbon.source import Inputs, Source
from digicarbon.spec import Builder, Spec
from digicarbon.weights import Islands, Weights, WeightsSpec

T = TypeVar("T")

KINDS: Mapping[str, type[Spec]] = {
    "source": Source,
    "measure": Measure,
    "outcome": Outcome,
    "panel": PanelDesign,
    "sample": Sample,
    "weights": WeightsSpec,
    "inference": Inference,
    "model": Model,
    "diagnostic": Diagnostic,
}


@dataclass(frozen=True)
class Specs:
    """The checked specifications of one run."""

    source: Source
    measure: Measure
    outcome: Outcome
    panel: PanelDesign
    sample: Sample
    weights: WeightsSpec | None
    inference: Inference
    model: Model
    diagnostic: Diagnostic

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the run reads, each once."""
        return tuple(dict.fromkeys([*self.model.terms, *self.diagnostic.terms]))


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a run is fitted to.

    Attributes
    ----------
    panel : Panel
        The sample, with every term of the run complete.
    weights : Weights or None
        For the sample's units; None where nothing takes them.
    simulated : bool
    notes : tuple of str
    inputs : Inputs
        What the panel was made from.
    """

    panel: Panel
    weights: Weights | None
    simulated: bool
    notes: tuple[str, ...]
    inputs: Inputs


def specify(config: Mapping[str, Any], builder: Builder | None = None) -> Specs:
    """Build every specification of a run from plain values; equal ones of several runs are one object.

    Parameters
    ----------
    config : mapping
        As from `digicarbon.compose.Composer.config`.
    builder : Builder, optional
        Knows the specifications of earlier runs.

    Raises
    ------
    ConfigError
        If a class or field is wrong.
    """
    shared = builder or Builder()
    built: dict[str, Any] = {}
    for name, kind in KINDS.items():
        if name != "weights":
            built[name] = shared.build(config[name], kind, name)
    takes_weights = built["model"].uses_weights or built["diagnostic"].takes_weights
    # a run that takes no weights does not look at them: their file may be missing
    built["weights"] = shared.build(config["weights"], WeightsSpec, "weights") if takes_weights else None
    return Specs(**built)


@dataclass
class Workshop:
    """Prepares runs and keeps what several of them share.

    Attributes
    ----------
    builder : Builder
        The specifications of its runs, equal ones once.
    """

    builder: Builder = field(default_factory=Builder)
    _done: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def prepare(self, specs: Specs) -> Prepared:
        """Return the panel and weights of a run, after its model and diagnostic have checked them.

        Raises
        ------
        ConfigError, DataError, WeightsError, EstimationError
        """
        inputs = self._inputs(specs)
        keys = _keys(specs, "source", "measure", "outcome", "panel", "sample")
        panel = self._once(("sample", *keys, *specs.terms), lambda: self._taken(specs))
        weights = None if specs.weights is None else self._weights(specs, specs.weights, panel)
        said = self._once(
            ("notes", *_keys(specs, "source", "measure", "outcome")),
            lambda: (*specs.measure.notes(inputs), *specs.outcome.notes(inputs)),
        )
        notes = (*self._left_out(specs, panel), *said, *inputs.notes)
        prepared = Prepared(panel, weights, inputs.simulated, notes, inputs)
        specs.model.check(panel, weights)
        specs.diagnostic.check(panel, weights)
        return prepared

    def _once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        if key not in self._done:
            self._done[key] = make()
        found: T = self._done[key]
        return found

    def _inputs(self, specs: Specs) -> Inputs:
        return self._once(("inputs", *_keys(specs, "source")), specs.source.load)

    def _full(self, specs: Specs) -> Panel:
        """Return all units and periods of the study with raw series, measures and outcome."""

        def make() -> Panel:
            inputs = self._inputs(specs)
            frame = inputs.frame
            for made in (specs.measure.transformed(inputs), specs.outcome.compute(inputs)):
                frame = _joined(frame, made, inputs.source)
            with _naming(inputs):
                return _with_regions(specs.panel.assemble(frame, inputs.unit_name, inputs.time_name))

        return self._once(("panel", *_keys(specs, "source", "measure", "outcome", "panel")), make)

    def _chosen(self, specs: Specs) -> NDArray[np.bool_]:
        """Return which rows of the full panel are in the sample."""

        def rows() -> NDArray[np.bool_]:
            full, sample, design = self._full(specs), specs.sample, specs.panel
            # a query can name a variable that no model uses
            new = [name for name in sample.variables if design.can_make(full, name)]
            return sample.rows(design.variables(full, new))

        return self._once(("rows", *_keys(specs, "source", "measure", "outcome", "panel", "sample")), rows)

    def _taken(self, specs: Specs) -> Panel:
        """Return the sample with the run's terms made and complete."""
        with _naming(self._inputs(specs)):
            return specs.panel.take(self._full(specs), specs.terms, self._chosen(specs), specs.sample.adjust)

    def _left_out(self, specs: Specs, panel: Panel) -> tuple[str, ...]:
        """Return a sentence on what the rules for gaps took away."""
        full, chosen, rule = self._full(specs), self._chosen(specs), specs.panel
        if rule.gaps == "drop_units":
            every = {label(unit) for unit in self._inputs(specs).frame["unit"]}
            lost = sorted((every - set(full.units)) | (set(full.rows(chosen).units) - set(panel.units)))
            count = len(lost) + len(panel.units)
            words = f"{len(lost)} of {count} units lack a row or a value and are left out: {listing(lost)}."
            return (words,) if lost else ()
        rows = int(chosen.sum())
        if rows == len(panel.unit_codes) or (rule.gaps == "refuse" and rule.log != "drop"):
            return ()
        return (f"{rows - len(panel.unit_codes)} of {rows} rows lack a value, a logarithm or a lag and are left out.",)

    def _weights(self, specs: Specs, spec: WeightsSpec, panel: Panel) -> Weights:
        full = self._full(specs)
        keys = _keys(specs, "source", "measure", "outcome", "panel", "weights")
        weights = self._once(("weights", *keys), lambda: spec.compute(full))
        # a region can leave a province without neighbour: the specification's own rule holds for the subset, too
        islands: Islands = "keep" if getattr(spec, "islands", "refuse") == "keep" else "refuse"
        return weights.restrict(panel.units, islands)


def _with_regions(panel: Panel) -> Panel:
    """Return the panel with a column ``region`` where its units are provinces of China and it has none."""
    names = [data.province(unit) for unit in panel.units]
    if panel.has("region") or None in names:
        return panel
    regions = data.provinces().set_index("province")["region"].reindex(names).to_numpy(dtype=object)
    return panel.with_text({"region": regions[panel.unit_codes]})


@contextmanager
def _naming(inputs: Inputs) -> Iterator[None]:
    """Put the name of the user's file before what is wrong with its content."""
    try:
        yield
    except UnknownColumnError as error:
        remedy = inputs.absent.get(error.column, "")
        where = f"{inputs.file}: {error.place}" if inputs.file else error.place
        why = f"source={inputs.source} does not have '{error.column}'. {remedy}" if remedy else error.why
        raise DataError(where + why) from error
    except DataError as error:
        raise DataError(f"{inputs.file}: {error}" if inputs.file else str(error)) from error


def _joined(frame: pd.DataFrame, made: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the series with those that a measure or outcome made."""
    both = [name for name in made.columns if name in frame.columns and name not in ("unit", "time")]
    other = [name for name in both if not made[name].reset_index(drop=True).equals(frame[name].reset_index(drop=True))]
    if other:
        raise DataError(
            f"source={source} already has a column {listing(other)} of other values than the one computed here; rename "
            "it (source.columns), or use it as it is with measure=column or outcome=none."
        )
    new = made.drop(columns=both)
    if len(new.columns) == 2:
        return frame
    if new.duplicated(["unit", "time"]).any():
        # duplicates of the data are the panel's to report; a join would multiply them
        if frame.duplicated(["unit", "time"]).any():
            return frame
        raise DataError("A measure or outcome returned more than one row per unit and period.")
    return frame.merge(new, on=["unit", "time"], how="left", validate="many_to_one")


def _keys(specs: Specs, *names: str) -> tuple[str, ...]:
    found = [getattr(specs, name) for name in names]
    return tuple(f"{type(spec).__module__}.{type(spec).__qualname__}{spec.model_dump_json()}" for spec in found)
