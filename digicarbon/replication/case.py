"""A recorded run as other tools see it: its columns, its numbers, and the model that they have for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from digicarbon.diagnostic import Diagnostic
from digicarbon.errors import ConfigError, DigicarbonError, legible, text_of
from digicarbon.model import Model, says
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.plan.prepare import Prepared, Specs
from digicarbon.result import Result
from digicarbon.script import Extract, RPart, StataPart
from digicarbon.spec import Spec
from digicarbon.weights import Weights


@dataclass(frozen=True, eq=False)
class Case:
    """A run that is exported.

    ``number``: from 1, in the order of the scripts. ``extract``: what it was fitted to, and what the diagnostic reads
    beside it. ``result``: what was recorded. ``filtered``: weights that only the null models of the wild bootstrap use:
    scripts do not.
    """

    number: int
    run_id: str
    label: str
    model: Model
    diagnostic: Diagnostic
    panel: Panel
    extract: Extract
    result: Result
    filtered: Weights | None = None

    @property
    def title(self) -> str:
        """Number and label, in one line."""
        return f"{self.number}: {' '.join(self.label.split())}"

    @property
    def weights(self) -> tuple[Weights, ...]:
        """All weights that scripts take, the first one first."""
        first = self.extract.weights
        return self.extract.further if first is None else (first, *self.extract.further)

    def further(self, names: Mapping[str, str]) -> tuple[str, ...]:
        """Return what further weights are called in scripts, given names by digest."""
        return tuple(names[one.digest] for one in self.extract.further)

    def matrix(self, names: Mapping[str, str]) -> str:
        """Return what the weights are called in scripts, given names by digest; empty where there are none."""
        return "" if self.extract.weights is None else names[self.extract.weights.digest]


def case_of(number: int, run_id: str, label: str, specs: Specs, prepared: Prepared, result: Result) -> Case | None:
    """Return a run as other tools see it; None where nothing is regressed.

    Raises DigicarbonError if the columns of the model cannot be made; ConfigError if the model's own ``extract`` fails.
    """
    model, diagnostic, panel = specs.model, specs.diagnostic, prepared.panel
    if not model.terms:
        return None
    aligned = None if prepared.weights is None else prepared.weights.for_panel(panel)
    # scripts compute estimates and standard errors: weights that only the wild bootstrap takes are none of their data
    weights, filtered = (aligned, None) if model.uses_weights else (None, aligned)
    with _hook(model, "extract", label):
        extract = _an_extract(model.extract(panel, weights))
    with _hook(diagnostic, "extract", label):
        extract = _an_extract(diagnostic.extract(panel, aligned, extract))
    return Case(number, run_id, label, model, diagnostic, panel, extract, result, filtered)


def _an_extract(value: object) -> Extract:
    if not isinstance(value, Extract):
        raise TypeError(f"it returned {type(value).__name__}, not an Extract")
    return value


def written(case: Case, hook: Literal["r", "stata"], part: RPart | StataPart) -> list[str]:
    """Return the lines that the model of a run writes for a tool, then those of its diagnostic.

    A class that changes a model or a diagnostic of ours has none.

    Raises ConfigError if the hook of one of them fails, or returns something else.
    """
    return [*_written(case, case.model, Model, hook, part), *_written(case, case.diagnostic, Diagnostic, hook, part)]


def _written(
    case: Case, spec: Model | Diagnostic, base: type[Spec], hook: Literal["r", "stata"], part: RPart | StataPart
) -> list[str]:
    with _hook(spec, hook, case.label):
        write = getattr(type(spec) if says(spec, hook) else base, hook)
        lines: object = write(spec, part) if base is Model else write(spec, part, case.panel)
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise TypeError(f"it returned {type(lines).__name__}, not a list of lines")
        return lines


@contextmanager
def _hook(spec: Spec, hook: str, run: str) -> Iterator[None]:
    """Turn whatever a class's own code raises into a sentence with its name, the hook and the cause."""
    try:
        yield
    except (DigicarbonError, KeyboardInterrupt):
        raise
    except BaseException as error:
        cls = f"{type(spec).__module__}.{type(spec).__qualname__}"
        cause = legible(f"{type(error).__name__}: {text_of(error)}")
        raise ConfigError(Note("export_hook_failed", cls=cls, hook=hook, run=run, cause=cause)) from error
