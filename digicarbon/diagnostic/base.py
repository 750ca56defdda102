"""The kind of specification that examines a panel or a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Self

import pandas as pd
from pydantic import field_validator

from digicarbon.errors import ConfigError
from digicarbon.model.base import script_of
from digicarbon.note import Note
from digicarbon.panel import Panel
from digicarbon.result import Result
from digicarbon.spec import Names, Spec
from digicarbon.weights import Weights

if TYPE_CHECKING:
    from digicarbon.script import Extract, RPart, StataPart


class Diagnostic(Spec):
    """A specification of a table about the panel, run beside the model.

    Attributes
    ----------
    takes_weights : bool
        Class attribute: whether it needs spatial weights.
    table_names : tuple of str
        Class attribute: the tables that it makes, so that a report of a table can name the diagnostic to choose.
    listings : tuple of str
        Class attribute: those that are for reading alone, e.g. with a row for each observation. Numbers of the others
        are metrics of the run, by which runs are searched.
    of_data : bool
        Class attribute: whether its tables are made of the data alone. What a model notes on its estimates does not
        belong under them.
    """

    role: ClassVar[str] = "diagnostic"
    takes_weights: ClassVar[bool] = False
    table_names: ClassVar[tuple[str, ...]] = ()
    listings: ClassVar[tuple[str, ...]] = ()
    of_data: ClassVar[bool] = False
    scripts: ClassVar[Mapping[str, str]] = {}
    """Functions that say what it is in R and Stata, as `digicarbon.model.Model.scripts`."""

    @property
    def terms(self) -> tuple[str, ...]:
        """All columns that the diagnostic reads."""
        return ()

    @property
    def notes(self) -> tuple[Note, ...]:
        """Notes under a table of its numbers; your own diagnostic may return sentences."""
        return ()

    def completed(self, columns: Sequence[str]) -> Self:
        """Return the diagnostic with the fields filled in that depend on the data.

        Parameters
        ----------
        columns : sequence of str
            The columns of numbers that the data have.
        """
        return self

    def with_balance(self, balance: Callable[[], pd.DataFrame | None]) -> Self:
        """Return the diagnostic with the fields filled in that depend on how alike matched units are.

        Parameters
        ----------
        balance : callable
            Returns the balance of the run's sample, see `digicarbon.sample.Sample.balance`; None of no matched sample.
        """
        return self

    def remarks(self, tables: Mapping[str, pd.DataFrame]) -> tuple[Note, ...]:
        """Return `notes`, and further notes that depend on the numbers of ``tables``."""
        return self.notes

    @property
    def table_errors(self) -> Mapping[str, Note]:
        """Description of the standard errors of its tables, by table, where they are not the model's."""
        return {}

    def statistics(self, tables: Mapping[str, pd.DataFrame]) -> Mapping[str, float]:
        """Return the numbers of ``tables`` of which a run has one each: tables of runs show them by these names."""
        return {}

    def added(self, result: Result, panel: Panel, weights: Weights | None) -> Result:
        """Return the result of a model on a panel with the tables, statistics and notes of the diagnostic.

        Raises
        ------
        DataError, WeightsError
        ConfigError
            If ``listings`` names a table that the diagnostic does not make.
        """
        own = self.tables(panel, weights)
        known = dict.fromkeys([*own, *self.table_names])
        if unknown := [name for name in self.listings if name not in known]:
            cls = type(self).__name__
            raise ConfigError(Note("listings_unknown", key="diagnostic", cls=cls, names=unknown, tables=list(known)))
        tables = {**result.tables, **own}
        statistics, remarks, errors = self.statistics(tables), self.remarks(tables), self.table_errors
        if not (own or statistics or remarks) and errors == result.table_errors:
            return result
        return replace(
            result,
            tables=tables,
            listings=(*result.listings, *self.listings),
            statistics={**result.statistics, **statistics},
            notes=(*result.notes, *remarks),
            table_errors=errors,
            apart=dict.fromkeys(own, result.notes) if self.of_data and result.terms else {},
        )

    def check(self, panel: Panel, weights: Weights | None = None) -> None:
        """Raise an error if the diagnostic cannot be computed; compute nothing."""
        panel.require(self.terms)

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return tables of numbers by name; a cell or a row's label that is words of ours is a `Note`.

        Raises
        ------
        ConfigError, DataError, EstimationError, WeightsError
        """
        raise TypeError(f"{type(self).__name__} does not say what it computes; define `tables`.")

    def extract(self, panel: Panel, weights: Weights | None, own: Extract) -> Extract:
        """Return what scripts in R and Stata read: that of the model, ``own``, to which columns may be added.

        Parameters
        ----------
        panel : Panel
        weights : Weights or None
            In the order of the panel.
        own : Extract
            Of the model.
        """
        script = script_of(self, "extract")
        extract: Extract = own if script is None else script(self, panel, weights, own)
        return extract

    def r(self, part: RPart, panel: Panel) -> list[str]:
        """Return the lines of R that follow the model's and compute what was recorded in the tables of ``part.result``.

        The model has left ``fit``, and ``V`` where R has its covariance; else they are NULL.
        """
        return self._written("R", part, panel)

    def stata(self, part: StataPart, panel: Panel) -> list[str]:
        """Return the same for Stata, where the model's estimates are in memory."""
        return self._written("Stata", part, panel)

    def _written(self, tool: str, part: RPart | StataPart, panel: Panel) -> list[str]:
        if (script := script_of(self, tool.lower())) is None:
            return part.skip(f"the tables of the diagnostic {type(self).__name__}, which {tool} scripts do not have")
        lines: list[str] = script(part, self, panel)
        return lines


class OfVariables(Diagnostic):
    """A diagnostic of some variables.

    Attributes
    ----------
    variables : tuple of str
        Terms such as ``L.ln_e`` are allowed. Empty takes all columns of numbers that the data have; an empty name, as
        from ``outcome=none``, is ignored.
    """

    of_data: ClassVar[bool] = True

    variables: Names = ()

    @field_validator("variables")
    @classmethod
    def _without_empty(cls, variables: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in variables if name)

    @property
    def terms(self) -> tuple[str, ...]:
        """The variables."""
        return self.variables

    def completed(self, columns: Sequence[str]) -> Self:
        """Return the diagnostic; if it names no variables, with all columns."""
        return self if self.variables else self.model_copy(update={"variables": tuple(columns)})


class NoDiagnostic(Diagnostic):
    """No diagnostic."""

    def tables(self, panel: Panel, weights: Weights | None = None) -> Mapping[str, pd.DataFrame]:
        """Return no table."""
        return {}

    def r(self, part: RPart, panel: Panel) -> list[str]:
        """Return nothing."""
        return []

    def stata(self, part: StataPart, panel: Panel) -> list[str]:
        """Return nothing."""
        return []
