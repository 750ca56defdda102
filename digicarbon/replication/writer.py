"""What the writers for R and Stata share: which model has which part of a script."""

from __future__ import annotations

from abc import ABC, abstractmethod

from digicarbon.model import DynamicPanel, PanelIV, PanelRegression, SpatialPanel
from digicarbon.replication.case import Case
from digicarbon.replication.names import Names
from digicarbon.replication.words import OWN_MODEL, Remarks


class Writer(ABC):
    """Writes the part of one run.

    Attributes
    ----------
    unmade : str
        Why a dynamic panel is left out whose terms the tool does not make of columns.
    """

    unmade: str

    def __init__(self, case: Case, names: Names, matrix: str, remarks: Remarks) -> None:
        self.case, self.names, self.matrix, self.remarks = case, names, matrix, remarks

    def lines(self) -> list[str]:
        """Return the part of the script, or why there is none."""
        model = self.case.model
        if isinstance(model, DynamicPanel) and not self.case.known:
            return self.skip(self.unmade)
        if self.case.known:
            if isinstance(model, SpatialPanel):
                return self.spatial(model)
            if isinstance(model, DynamicPanel):
                return self.dynamic(model)
            if isinstance(model, PanelIV):
                return self.instruments(model)
            if isinstance(model, PanelRegression):
                return self.panel(model)
        return self.skip(OWN_MODEL.format(name=type(model).__name__))

    @abstractmethod
    def skip(self, why: str) -> list[str]:
        """Return the lines that say why a run is not compared."""

    @abstractmethod
    def spatial(self, model: SpatialPanel) -> list[str]:
        """Return the part of a spatial panel."""

    @abstractmethod
    def dynamic(self, model: DynamicPanel) -> list[str]:
        """Return the part of a dynamic panel."""

    @abstractmethod
    def instruments(self, model: PanelIV) -> list[str]:
        """Return the part of a regression with instruments."""

    @abstractmethod
    def panel(self, model: PanelRegression) -> list[str]:
        """Return the part of a panel regression."""
