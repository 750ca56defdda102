"""What the parts of a script share, whatever the tool."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from digicarbon.result import Result
from digicarbon.script.extract import Extract
from digicarbon.script.names import Names
from digicarbon.script.words import Remarks


@dataclass(eq=False)
class Part(ABC):
    """The part of one run in a script: what it is written of, and the words for it.

    Attributes
    ----------
    extract : Extract
        What the run was fitted to.
    result : Result
        What was recorded.
    names : Names
        What columns are called in the script.
    data : str
        What the data are called in the script.
    matrix : str
        What the weights are called in the script; empty where there are none.
    remarks : Remarks
        Sentences that stand once at the head of the script.
    further : tuple of str
        What further weights are called, of a model with several.
    """

    extract: Extract
    result: Result
    names: Names
    data: str
    matrix: str
    remarks: Remarks
    further: tuple[str, ...] = ()

    @property
    def expected(self) -> dict[str, tuple[float, float]]:
        """Coefficient and standard error by term; a standard error that does not exist is not a number."""
        estimates = self.result.estimate_columns
        return {
            term: (float(coef), float(se))
            for term, coef, se in zip(self.result.terms, estimates["coef"], estimates["se"], strict=True)
        }

    def count(self, statistic: str) -> int:
        """Return a statistic that is a whole number, e.g. ``nobs``."""
        return int(self.result.statistics[statistic])

    @abstractmethod
    def skip(self, why: str) -> list[str]:
        """Return the lines that say why a run is not compared."""
