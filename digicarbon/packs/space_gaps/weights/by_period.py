"""Weights that differ between periods."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar

import scipy
from pydantic import Field, model_validator

from digicarbon.errors import WeightsError
from digicarbon.note import Note, columns_there, cut, suggestion
from digicarbon.numeric.spatial.operator import SpatialOperator
from digicarbon.panel import Panel, label
from digicarbon.spec import under
from digicarbon.weights.base import Islands, Node, Weights, WeightsSpec
from digicarbon.weights.files import EdgeWeights

PERIOD = "{period}"
"""What stands for the period in the name of a file."""


@dataclass(frozen=True, eq=False, repr=False)
class WeightsByPeriod(Weights):
    """Spatial weights of each period; ``matrix`` is their mean, for maps and summaries.

    Build one with `of`. Only models that take weights by period can be fitted with them.
    """

    periods: tuple[str, ...] = ()
    """Labels of the periods."""
    parts: tuple[Weights, ...] = ()
    """The weights of each period, all of the same units in the same order."""

    @classmethod
    def of(cls, parts: Mapping[Any, Weights], name: str | Note = "W") -> WeightsByPeriod:
        """Build weights from those of each period.

        Parameters
        ----------
        parts : mapping of int or str to Weights
            By period, all of the same units.
        name : str or Note

        Raises
        ------
        WeightsError
            If there is no period, or two periods have other units.
        """
        if not parts:
            raise WeightsError(Note("weights_no_period", weights=name))
        first = next(iter(parts.values()))
        for period, part in parts.items():
            if set(part.labels) != set(first.labels):
                other = sorted(set(part.labels) ^ set(first.labels))
                raise WeightsError(Note("weights_period_units", weights=name, period=period, units=cut(other)))
        every = [part.restrict(first.labels, "keep") for part in parts.values()]
        matrix, raw = (
            scipy.sparse.csr_array(sum(getattr(part, which) for part in every) / len(every))
            for which in ("matrix", "raw")
        )
        words = name if isinstance(name, Note) else None
        notes = tuple(dict.fromkeys(note for part in every for note in part.notes))
        periods = tuple(label(period) for period in parts)
        how = first.normalisation
        return cls(first.labels, matrix, raw, how, str(name), notes, words, periods, tuple(every))

    def restrict(self, units: Sequence[str], islands: Islands = "refuse") -> Weights:
        """Return the weights among ``units`` in that order, those of each period normalised anew."""
        if tuple(units) == self.labels:
            return self
        # a unit may be without neighbour in some periods
        mean = Weights(self.labels, self.matrix, self.raw, self.normalisation, self.name, words=self.words)
        mean.restrict(units, islands)
        parts = {period: part.restrict(units, "keep") for period, part in zip(self.periods, self.parts, strict=True)}
        return WeightsByPeriod.of(parts, self.called).noting(*self.notes)

    def align(self, panel: Panel) -> Weights:
        """Refuse models that have one W for all periods."""
        raise WeightsError(Note("weights_vary", weights=self.called))

    def for_panel(self, panel: Panel) -> Weights:
        """Return the weights of the panel's periods, in the order of its units.

        A WeightsError says that the labels and the panel's units differ, or a period has no weights.
        """
        return WeightsByPeriod.of(dict(zip(panel.periods, parts_of(self, panel), strict=True)), self.called)

    @cached_property
    def means(self) -> bool:
        """Whether spatial lags are means of neighbours in every period."""
        return all(part.means for part in self.parts)

    @property
    def by_period(self) -> Mapping[str, Weights]:
        """The weights of each period by its label."""
        return dict(zip(self.periods, self.parts, strict=True))

    @property
    def operator(self) -> SpatialOperator:
        """Raise a WeightsError: each period has its own."""
        raise WeightsError(Note("weights_vary", weights=self.called))

    def ready(self) -> Weights:
        """Return these weights."""
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of periods, labels and values."""
        import hashlib

        sha = hashlib.sha256(repr(self.periods).encode())
        for part in self.parts:
            sha.update(part.digest.encode())
        return sha.hexdigest()


def parts_of(weights: Weights, panel: Panel) -> list[Weights]:
    """Return the weights of each of a panel's periods in the panel's order; the same ones where W does not vary.

    Raises WeightsError if labels and units differ, or a period has no weights.
    """
    if not weights.by_period:
        return [weights.align(panel)] * len(panel.periods)
    known = weights.by_period
    missing = [period for period in map(label, panel.periods) if period not in known]
    if missing:
        raise WeightsError(
            Note("weights_lack_period", weights=weights.called, periods=cut(missing), known=cut(weights.by_period))
        )
    return [known[label(period)].align(panel) for period in panel.periods]


class ByPeriodWeights(WeightsSpec):
    """Weights of each period, from a node that is computed once for each.

    Weights that are made of a column, e.g. economic ones, are made of the values of the period, or of an earlier one.
    A file has a name with ``{period}`` in it, or is one list of edges with a column of the period.

    Attributes
    ----------
    base : WeightsSpec
        A node with its own ``_target_`` and fields. The first of ``{period}`` in its file's name is the period.
    period : str or None
        The column of the period in the file of a list of edges; None where it has none.
    lag : int
        By how many periods the weights are older than the observations. The first periods then have those of periods
        before the panel, where there is a file, or a row of the list of edges, of these and periods are whole numbers;
        else they have none.
    """

    varies: ClassVar[bool] = True

    base: Node
    period: str | None = None
    lag: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _edges_have_the_period(self) -> ByPeriodWeights:
        if self.period is not None and not isinstance(self.base, EdgeWeights):
            raise ValueError(Note("weights_period_of_edges", key="period", column=self.period))
        varies = bool(self.base.made_of) or any(PERIOD in file for file in self.base.files)
        if self.period is None and not varies:
            raise ValueError(Note("weights_do_not_vary", key="base"))
        return self

    @property
    def islands(self) -> str:
        """What the node does with a unit without neighbour."""
        return str(getattr(self.base, "islands", "refuse"))

    @property
    def files(self) -> tuple[str, ...]:
        """The files of all periods."""
        own = self.base.files
        every = [_matching(file) if PERIOD in file else [file] for file in own]
        return tuple(dict.fromkeys(file for some in every for file in some))

    def compute(self, panel: Panel) -> Weights:
        """Return the weights among the panel's units in each period.

        Raises
        ------
        DataError, WeightsError
            As the node raises for a period, or if the file of edges lacks the column of the period.
        """
        with under("weights.base", WeightsSpec):
            parts = self._from_edges(panel) if self.period is not None else self._from_base(panel)
        name: str | Note = Path((*self.base.files, "W")[0]).stem.replace(PERIOD, "").strip("_- ")
        if self.base.made_of and parts:
            name = next(iter(parts.values())).called
        older = (Note("weights_older", lag=self.lag),) if self.lag else ()
        return WeightsByPeriod.of(parts, Note("weights_by_period", weights=name)).noting(*older)

    def _sources(self, panel: Panel, there: Callable[[int], bool]) -> dict[int | str, int | str]:
        """Return the period whose weights each period has; ``there`` says whether one before the panel has any."""
        sources = dict(zip(panel.periods[self.lag :], panel.periods, strict=False))
        numbers = [period for period in panel.periods if isinstance(period, int)]
        if not self.lag or len(numbers) < len(panel.periods):
            return sources
        step = min((after - before for before, after in pairwise(numbers)), default=1)
        earlier = {period: numbers[0] - (self.lag - place) * step for place, period in enumerate(numbers[: self.lag])}
        return {**{period: source for period, source in earlier.items() if there(source)}, **sources}

    def _from_base(self, panel: Panel) -> dict[int | str, Weights]:
        def there(period: int) -> bool:
            # what is made of a column has no values before the panel
            own = [file for file in self.base.files if PERIOD in file]
            return not self.base.made_of and all(Path(file.replace(PERIOD, str(period))).is_file() for file in own)

        sources = self._sources(panel, there)
        return {period: self._of(panel, source, _absent(panel, period)) for period, source in sources.items()}

    def _from_edges(self, panel: Panel) -> dict[int | str, Weights]:
        """Return the weights of each period from one list of edges, read once."""
        base, column = self.base, str(self.period)
        if not isinstance(base, EdgeWeights):
            raise TypeError("only a list of edges has a column of the period")
        file, frame = Path(base.path), base.read()
        names = [str(name) for name in frame.columns]
        if column not in names:
            raise WeightsError(
                Note(
                    "weights_edges_column",
                    key="weights.period",
                    file=file.name,
                    column=column,
                    hint=suggestion(column, names),
                    columns=columns_there(names),
                )
            )
        own, rest = frame[column].map(label), frame.drop(columns=column)
        known = set(own)
        sources = self._sources(panel, lambda period: label(period) in known)
        missing = [str(source) for source in sources.values() if label(source) not in known]
        if missing:
            raise WeightsError(
                Note("weights_edges_lack_period", key="weights.period", file=file.name, periods=cut(missing))
            )
        return {
            period: _whole(
                base.among(rest[own == label(source)], panel, f"{file.stem} {source}", _absent(panel, period)), panel
            )
            for period, source in sources.items()
        }

    def _of(self, panel: Panel, source: int | str, absent: Collection[str]) -> Weights:
        """Return the weights of all units made of one period's values or file; a unit without values has none."""
        named = {
            name: getattr(self.base, name).replace(PERIOD, str(source))
            for name in self.base.reads
            if isinstance(getattr(self.base, name), str)
        }
        base = self.base.model_copy(update=named)
        part = base.compute(panel.select(periods=[source])) if base.made_of else base.compute_without(panel, absent)
        return _whole(part, panel)


def _absent(panel: Panel, period: int | str) -> set[str]:
    """Return the units that the panel does not have in a period."""
    here = panel.period_codes == panel.periods.index(period)
    return set(panel.units) - {panel.units[code] for code in set(panel.unit_codes[here])}


def _whole(part: Weights, panel: Panel) -> Weights:
    """Return weights of some units as those of all, of which the others have none."""
    if part.labels == panel.units:
        return part
    place = [panel.units.index(unit) for unit in part.labels]
    cells = part.raw.tocoo()
    rows, columns = ([place[k] for k in side] for side in cells.coords)
    n = len(panel.units)
    raw = scipy.sparse.coo_array((cells.data, (rows, columns)), shape=(n, n))
    whole = Weights.from_matrix(raw, panel.units, islands="keep", name=part.called, normalise=part.normalisation)
    return whole.noting(*part.notes)


def _matching(pattern: str) -> list[str]:
    """Return the files of all periods."""
    path = Path(pattern)
    return sorted(str(file) for file in path.parent.glob(path.name.replace(PERIOD, "*")))
